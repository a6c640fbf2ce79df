//! The keys that are haggle's alone: they sign and open quotes by HS256, and seal pins.

use super::{Algorithm, Quote, Refusal, Token, signed_token, signing_input};
use crate::base64url::{decode, encode};
use crate::{Error, Key};

/// The id before the colon, and the key after it.
pub(super) fn with_id<'a>(what: &str, part: &'a str, key: &str) -> Result<(String, &'a str), Error> {
    let (kid, secret) = part
        .trim()
        .split_once(':')
        .ok_or_else(|| Error::value(what, "without a colon", format!("an id, a colon and {key}")))?;
    let plain = (1..=16).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_alphanumeric());
    if !plain {
        // Never the text itself: with id and key in the wrong order it is the key.
        let given = format!("{} characters long", kid.chars().count());
        return Err(Error::value(format!("id of {what}"), given, "1 to 16 letters and digits"));
    }
    Ok((kid.to_owned(), secret))
}

/// Signs and opens quotes and pins: the keys by id, the first of which signs.
#[derive(Debug, Clone)]
pub struct Quotary {
    keys: Vec<(String, Key)>,
}

impl Quotary {
    /// Reads `kid:hex64,kid:hex64`; the first key signs, all verify, so that keys can be rotated with overlap.
    ///
    /// # Errors
    /// Says what is wrong without showing a key.
    pub fn parse(keys: &str) -> Result<Self, Error> {
        let read = |(place, part): (usize, &str)| {
            let (kid, hex) = with_id(&format!("quote key {}", place + 1), part, "64 hexadecimal digits")?;
            Ok::<_, Error>((kid, Key::from_hex(hex)?))
        };
        let keys = keys.split(',').enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { keys })
    }

    /// The quote as a signed token, about 450 bytes.
    pub fn sign(&self, quote: &Quote) -> String {
        let Some((kid, key)) = self.keys.first() else { return String::new() };
        let input = signing_input(Algorithm::Hs256, kid, quote);
        let signature = key.sign(&[input.as_bytes()]);
        signed_token(input, &signature)
    }

    /// Opens a token of HS256: any text gives a genuine quote or the reason why it is none. Time is checked apart, by
    /// [`Quote::verify`], [`Quote::check_held`] and [`Quote::check_window`].
    ///
    /// # Errors
    /// Those of [`Token::parse`], [`Quotary::check`] and [`Token::quote`].
    pub fn open(&self, token: &str) -> Result<Quote, Refusal> {
        let token = Token::parse(token)?;
        self.check(&token)?;
        token.quote()
    }

    /// Whether one of these keys signed a token.
    ///
    /// # Errors
    /// `wrong-algorithm` for a token of ES256, whatever its key; `unknown-key`, `wrong-signature`.
    pub fn check(&self, token: &Token<'_>) -> Result<(), Refusal> {
        if token.alg != Algorithm::Hs256 {
            let why = format!("signed by {:?}; only \"HS256\" is accepted", token.alg.name());
            return Err(Refusal::new("wrong-algorithm", why));
        }
        let key = self.keys.iter().find(|(id, _)| *id == token.kid);
        let (_, key) = key.ok_or_else(|| Refusal::unknown_key(&token.kid))?;
        if token.signature.len() == 32 && key.verifies(&[token.signed.as_bytes()], &token.signature) {
            Ok(())
        } else {
            Err(Refusal::wrong_signature())
        }
    }

    /// Signs bytes for one unit (pins) or one place (preview links): base64url of the bytes and the first 16 bytes of their MAC.
    pub(crate) fn seal(&self, purpose: &[u8], whose: &[u8; 16], payload: &[u8]) -> String {
        let Some((_, key)) = self.keys.first() else { return String::new() };
        let tag = key.sign(&[purpose, whose, payload]);
        let mut bytes = payload.to_vec();
        bytes.extend(tag.iter().take(16));
        encode(&bytes)
    }

    /// Opens what [`Quotary::seal`] made for this unit or place with any known key.
    pub(crate) fn unseal(&self, purpose: &[u8], whose: &[u8; 16], text: &str) -> Option<Vec<u8>> {
        let mut payload = decode(text)?;
        let tag = payload.split_off(payload.len().checked_sub(16)?);
        let genuine = self.keys.iter().any(|(_, key)| key.verifies(&[purpose, whose, &payload], &tag));
        genuine.then_some(payload)
    }
}
