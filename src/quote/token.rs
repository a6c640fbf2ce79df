//! A quote as a JSON Web Token: header, claims and signature, and in which order they are read.
//!
//! The algorithm in the header only chooses among the keys of that algorithm: a key of HS256 never checks a token that
//! says ES256, nor the other way round, and `none` is refused (RFC 8725, sections 2.1 and 3.1). Claims are read last, by
//! [`Token::quote`], once the signature was found genuine.

use serde::Serialize;

use super::{OF_ITEM, Quote, Refusal, SHARDS_MAX};
use crate::Error;
use crate::base64url::{decode, encode};
use crate::json::{self, Value};

/// Longest text that is looked at as a quote, in bytes.
pub const QUOTE_BYTES_MAX: usize = 1024;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 7518, section 3.2): who can verify can also sign. By [`Quotary`](super::Quotary).
    Hs256,
    /// ECDSA on P-256 with SHA-256 (RFC 7518, section 3.4): the public key verifies. By the shell, through WebCrypto.
    Es256,
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Hs256, Self::Es256];

    /// The name in the token's header.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Es256 => "ES256",
        }
    }
}

/// A token of the right shape, whose signature was not looked at yet.
#[derive(Debug, Clone)]
pub struct Token<'a> {
    /// How it says to be signed: the only keys that may check it are those of this algorithm.
    pub alg: Algorithm,
    /// Which key it says to be signed by.
    pub kid: String,
    /// The bytes that are signed.
    pub signed: &'a str,
    /// The signature: of ES256 the 64 bytes r and s, as WebCrypto has them.
    pub signature: Vec<u8>,
    claims: &'a str,
}

impl<'a> Token<'a> {
    /// Reads the header of any text.
    ///
    /// # Errors
    /// `too-long`, `malformed`, `wrong-algorithm`.
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > QUOTE_BYTES_MAX {
            return Err(Refusal::too_long(text.len()));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or_else(|| Refusal::malformed("no dot"))?;
        let (header, claims) =
            signed.split_once('.').ok_or_else(|| Refusal::malformed("one dot where a token has two"))?;
        let [name, _, kid] = read_header(&decoded(header)?).map_err(|_| Refusal::malformed("no header"))?;
        let Some(alg) = Algorithm::ALL.into_iter().find(|alg| alg.name() == name) else {
            let allowed = "only \"HS256\" and \"ES256\" are accepted";
            return Err(Refusal::new("wrong-algorithm", format!("signed by {name:?}; {allowed}")));
        };
        let signature = decode(signature).ok_or_else(|| Refusal::malformed("not base64url"))?;
        Ok(Self { alg, kid, signed, signature, claims })
    }

    /// The claims, to be read only once the signature was found genuine. Time is checked apart, by
    /// [`Quote::verify`], [`Quote::check_held`] and [`Quote::check_window`].
    ///
    /// # Errors
    /// `malformed`, or `preview`: what a preview link shows is never charged nor counted.
    pub fn quote(&self) -> Result<Quote, Refusal> {
        let malformed = |why: Error| Refusal::malformed(&format!("claims: {why}"));
        let quote = Quote::read(&decoded(self.claims)?).map_err(malformed)?;
        if quote.is_preview {
            return Err(Refusal::new("preview", "made for a preview; it is never charged nor counted"));
        }
        if !(1..=SHARDS_MAX).contains(&quote.shards) {
            return Err(Refusal::malformed("shard count"));
        }
        Ok(quote)
    }
}

impl Quote {
    /// The claims of a token. Those that are not known are left alone (RFC 7519,
    /// section 4); the version, which quotes of older releases do not have, is 0 where it is missing.
    fn read(claims: &str) -> Result<Self, Error> {
        let mut fields = object(claims)?.any_fields()?;
        let is_preview = fields.take("preview").if_any().map_or(Ok(false), |claim| claim.truth())?;
        let is_shared = match fields.take("u").if_given() {
            None => false,
            Some(unit) => match unit.clone().text()?.as_str() {
                OF_ITEM => true,
                _ => return Err(unit.refusal(format!("{OF_ITEM:?}"))),
            },
        };
        Ok(Self {
            merchant: fields.take("m").text()?,
            sku: fields.take("o").text()?,
            currency: fields.take("c").text()?,
            price_minor: fields.take("p").integer()?,
            catalogue_minor: fields.take("pp").integer()?,
            experiment: fields.take("x").text()?,
            arm: fields.take("a").text()?,
            propensity: fields.take("w").count()?,
            epoch: fields.take("e").count()?,
            version: fields.take("v").if_given().map_or(Ok(0), |version| version.count())?,
            issued_at_s: fields.take("iat").count()?,
            expires_at_s: fields.take("exp").count()?,
            reward_window_s: fields.take("rw").count()?,
            shards: fields.take("s").count()?,
            exposure_id: fields.take("jti").text()?,
            is_shared,
            is_preview,
        })
    }
}

/// What is to be signed of a quote: header and claims. The signature makes it a token, by [`signed_token`].
pub fn signing_input(alg: Algorithm, kid: &str, quote: &Quote) -> String {
    // A struct of numbers and strings always has a JSON text.
    let write = |text: Result<String, serde_json::Error>| encode(text.unwrap_or_default().as_bytes());
    let header = write(serde_json::to_string(&Header { alg: alg.name(), typ: "JWT", kid }));
    format!("{header}.{}", write(serde_json::to_string(quote)))
}

/// The token of what was signed and its signature.
pub fn signed_token(signing_input: String, signature: &[u8]) -> String {
    let mut token = signing_input;
    token.push('.');
    token.push_str(&encode(signature));
    token
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

fn read_header(header: &str) -> Result<[String; 3], Error> {
    let mut fields = object(header)?.any_fields()?;
    Ok([fields.take("alg").text()?, fields.take("typ").text()?, fields.take("kid").text()?])
}

fn decoded(part: &str) -> Result<String, Refusal> {
    let bytes = decode(part).ok_or_else(|| Refusal::malformed("not base64url"))?;
    String::from_utf8(bytes).map_err(|_| Refusal::malformed("not UTF-8"))
}

fn object(text: &str) -> Result<Value, Error> {
    Ok(Value::new("", json::parse(text).map_err(|why| Error::syntax("JSON", why))?))
}
