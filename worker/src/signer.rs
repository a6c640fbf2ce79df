//! Signs and opens quotes: HS256 in the core, ES256 by the runtime's own WebCrypto.
//!
//! `QUOTE_ALG` says which of the two signs; both are opened as long as their keys are there, so that a deployment can
//! change over while quotes of before are out. Pins stay with the keys of `QUOTE_KEYS` in either case.

use std::cell::RefCell;
use std::rc::Rc;

use haggle::quote::{Algorithm, Refusal, SigningKey, Token, signed_token, signing_input};
use haggle::{Quotary, Quote};
use js_sys::futures::JsFuture;
use js_sys::{Array, JSON, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CryptoKey, SubtleCrypto};

/// Who signs quotes, and with what they are opened.
pub struct Signer {
    signs: Algorithm,
    quotary: Quotary,
    pairs: Vec<SigningKey>,
}

/// A key pair as WebCrypto holds it.
struct Pair {
    kid: String,
    private: CryptoKey,
    public: CryptoKey,
}

type Pairs = Result<Rc<Vec<Pair>>, String>;

thread_local! {
    /// Of this isolate, once they were tried.
    static PAIRS: RefCell<Option<Pairs>> = const { RefCell::new(None) };
}

impl Signer {
    /// Of settings that were read; `pairs` may be empty where HS256 signs.
    pub fn new(signs: Algorithm, quotary: Quotary, pairs: Vec<SigningKey>) -> Self {
        Self { signs, quotary, pairs }
    }

    /// Whether every key can be used: each pair of ES256 must sign, and verify what it signed. Asked once per isolate.
    ///
    /// # Errors
    /// Names the key, and shows nothing of it.
    pub async fn ready(&self) -> Result<(), String> {
        if self.pairs.is_empty() { Ok(()) } else { self.pairs().await.map(drop) }
    }

    /// The quote as a signed token.
    ///
    /// # Errors
    /// [`Signer::ready`] says so.
    pub async fn sign(&self, quote: &Quote) -> Result<String, String> {
        if self.signs == Algorithm::Hs256 {
            return Ok(self.quotary.sign(quote));
        }
        let pairs = self.pairs().await?;
        let pair = pairs.first().ok_or("secret QUOTE_SIGNING_KEYS is missing")?;
        let input = signing_input(Algorithm::Es256, &pair.kid, quote);
        let signature = signature(&pair.private, &input).await.map_err(|_| unusable(&pair.kid))?;
        Ok(signed_token(input, &signature))
    }

    /// Opens a token of either algorithm.
    ///
    /// # Errors
    /// Says why it is no genuine quote.
    pub async fn open(&self, token: &str) -> Result<Quote, Refusal> {
        let token = Token::parse(token)?;
        if token.alg == Algorithm::Hs256 || self.pairs.is_empty() {
            self.quotary.check(&token)?;
            return token.quote();
        }
        // Keys that cannot be used verify nothing; health says which.
        let pairs = self.pairs().await.unwrap_or_default();
        let known = pairs.iter().find(|pair| pair.kid == token.kid);
        let pair = known.ok_or_else(|| Refusal::unknown_key(&token.kid))?;
        let is_genuine = match ecdsa("hash", "SHA-256") {
            Ok(ecdsa) => verifies(&ecdsa, &pair.public, token.signed, &token.signature).await,
            Err(error) => Err(error),
        };
        if is_genuine == Ok(true) { token.quote() } else { Err(Refusal::wrong_signature()) }
    }

    /// The public keys of ES256 as a JSON Web Key Set; none where it is not in use.
    pub fn public_keys(&self) -> Option<String> {
        let keys: Vec<String> = self.pairs.iter().map(SigningKey::public_jwk).collect();
        (!keys.is_empty()).then(|| format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
    }

    async fn pairs(&self) -> Pairs {
        if let Some(known) = PAIRS.with_borrow(Clone::clone) {
            return known;
        }
        let mut pairs = Vec::with_capacity(self.pairs.len());
        let mut tried = Ok(());
        for key in &self.pairs {
            match import(key).await {
                Ok(pair) => pairs.push(pair),
                Err(_) => tried = tried.and_then(|()| Err(unusable(key.kid()))),
            }
        }
        let pairs = tried.map(|()| Rc::new(pairs));
        PAIRS.set(Some(pairs.clone()));
        pairs
    }
}

fn unusable(kid: &str) -> String {
    format!("secret QUOTE_SIGNING_KEYS: key {kid} does not sign; its parts must be one pair on P-256")
}

fn subtle() -> Result<SubtleCrypto, JsValue> {
    let crypto = Reflect::get(&js_sys::global(), &"crypto".into())?;
    Ok(Reflect::get(&crypto, &"subtle".into())?.unchecked_into())
}

/// `{ name: "ECDSA", hash: "SHA-256" }` and the like, as WebCrypto wants to have it.
pub fn algorithm(name: &str, field: &str, value: &str) -> Result<Object, JsValue> {
    let algorithm = Object::new();
    Reflect::set(&algorithm, &"name".into(), &name.into())?;
    Reflect::set(&algorithm, &field.into(), &value.into())?;
    Ok(algorithm)
}

fn ecdsa(field: &str, value: &str) -> Result<Object, JsValue> {
    algorithm("ECDSA", field, value)
}

/// A key that WebCrypto is to use in one way.
///
/// # Errors
/// It is no such key.
pub async fn imported(jwk: &str, algorithm: &Object, usage: &str) -> Result<CryptoKey, JsValue> {
    let (jwk, usages) = (JSON::parse(jwk)?.unchecked_into(), Array::of1(&usage.into()));
    let imported = subtle()?.import_key_with_object("jwk", &jwk, algorithm, false, &usages)?;
    Ok(JsFuture::from(imported).await?.unchecked_into())
}

async fn import(key: &SigningKey) -> Result<Pair, JsValue> {
    let curve = ecdsa("namedCurve", "P-256")?;
    let private = imported(&key.private_jwk(), &curve, "sign").await?;
    let public = imported(&key.public_jwk(), &curve, "verify").await?;
    let signature = signature(&private, key.kid()).await?;
    if verifies(&ecdsa("hash", "SHA-256")?, &public, key.kid(), &signature).await? {
        Ok(Pair { kid: key.kid().into(), private, public })
    } else {
        Err(JsValue::NULL)
    }
}

async fn signature(key: &CryptoKey, text: &str) -> Result<Vec<u8>, JsValue> {
    let bytes = Uint8Array::from(text.as_bytes());
    let signed = subtle()?.sign_with_object_and_js_u8_array(&ecdsa("hash", "SHA-256")?, key, &bytes)?;
    Ok(Uint8Array::new(&JsFuture::from(signed).await?).to_vec())
}

/// Whether the signature of a text is by the other half of a key.
///
/// # Errors
/// The key is not for this algorithm.
pub async fn verifies(
    algorithm: &Object,
    key: &CryptoKey,
    text: &str,
    signature: &[u8],
) -> Result<bool, JsValue> {
    let (signature, bytes) = (Uint8Array::from(signature), Uint8Array::from(text.as_bytes()));
    let verified =
        subtle()?.verify_with_object_and_js_u8_array_and_js_u8_array(algorithm, key, &signature, &bytes)?;
    Ok(JsFuture::from(verified).await?.is_truthy())
}
