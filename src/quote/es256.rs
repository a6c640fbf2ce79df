//! The keys of ES256 (RFC 7518, section 3.4; RFC 7517): read and told apart here; the shell signs with them.
//!
//! Out of scope: arithmetic on the curve. Whether a private key belongs to its public one shows when it signs.

use super::quotary::with_id;
use crate::Error;
use crate::base64url::decode;
use crate::json::{self, Value};

/// A key pair on the curve P-256 with its id. Its `Debug` form shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    kid: String,
    x: String,
    y: String,
    secret: String,
}

impl SigningKey {
    /// Reads `kid:JWK[,kid:JWK]`, each JWK as base64url of its JSON; the first key signs, all verify.
    ///
    /// ```
    /// use haggle::quote::SigningKey;
    /// // {"kty":"EC","crv":"P-256","x":"…","y":"…","d":"…"}
    /// let error = SigningKey::parse_all("e1:e30").unwrap_err();
    /// assert_eq!(error.to_string(), "signing key 1 is without kty; it must be an EC key on P-256 as a JSON Web Key");
    /// ```
    ///
    /// # Errors
    /// Says what is wrong without showing a key.
    pub fn parse_all(keys: &str) -> Result<Vec<Self>, Error> {
        let keys = keys.split(',').enumerate();
        keys.map(|(place, part)| Self::parse(&format!("signing key {}", place + 1), part)).collect()
    }

    fn parse(what: &str, part: &str) -> Result<Self, Error> {
        let (kid, jwk) = with_id(what, part, "base64url of a JSON Web Key")?;
        let refused = |given: &str| Error::value(what, given, "an EC key on P-256 as a JSON Web Key");
        let text = decode(jwk).and_then(|bytes| String::from_utf8(bytes).ok());
        let json =
            text.and_then(|text| json::parse(&text).ok()).ok_or_else(|| refused("not base64url of JSON"))?;
        let mut fields = Value::new("", json).any_fields().map_err(|_| refused("no object"))?;
        let mut field =
            |name: &str| fields.take(name).text().map_err(|_| refused(&format!("without {name}")));
        if field("kty")? != "EC" || field("crv")? != "P-256" {
            return Err(refused("of another type or curve"));
        }
        let [x, y, secret] = [field("x")?, field("y")?, field("d")?];
        for (name, number) in [("x", &x), ("y", &y), ("d", &secret)] {
            if decode(number).is_none_or(|bytes| bytes.len() != 32) {
                return Err(refused(&format!("with {name} that is not 32 bytes as base64url")));
            }
        }
        Ok(Self { kid, x, y, secret })
    }

    /// Id of the key in a token's header.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half as a JSON Web Key, for whoever verifies.
    pub fn public_jwk(&self) -> String {
        let Self { kid, x, y, .. } = self;
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","kid":"{kid}","alg":"ES256","use":"sig"}}"#)
    }

    /// The whole pair as a JSON Web Key, for the signer alone.
    pub fn private_jwk(&self) -> String {
        let Self { x, y, secret, .. } = self;
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","d":"{secret}"}}"#)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests {
    use super::*;
    use crate::base64url::encode;
    use proptest::prelude::*;

    /// RFC 7515, appendix A.3.1.
    const JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

    fn key(change: (&str, &str)) -> String {
        format!("e1:{}", encode(JWK.replace(change.0, change.1).as_bytes()))
    }

    #[test]
    fn a_pair_is_read_and_only_its_public_half_is_published() {
        let (first, second) = (key(("", "")), key(("", "")).replacen("e1", "e0", 1));
        let keys = SigningKey::parse_all(&format!("{first}, {second}")).unwrap();
        assert_eq!(keys.iter().map(SigningKey::kid).collect::<Vec<_>>(), ["e1", "e0"]);
        let public = keys[0].public_jwk();
        assert!(public.contains("\"x\":\"f83OJ3D2x") && public.contains("\"kid\":\"e1\""), "{public}");
        assert!(!public.contains("jpsQ") && !public.contains("\"d\""), "{public}");
        assert!(json::parse(&public).is_ok() && json::parse(&keys[0].private_jwk()).is_ok());
        assert!(keys[0].private_jwk().contains("\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\""));
        assert_eq!(format!("{:?}", keys[0]), "SigningKey(e1)");
    }

    #[test]
    fn a_broken_key_is_refused_by_its_place_and_never_shown() {
        for (keys, why) in [
            (String::new(), "signing key 1 is without a colon"),
            (format!("{},x", key(("", ""))), "signing key 2 is without a colon"),
            (key(("", "")).replace("e1:", "e-1:"), "id of signing key 1 is 3 characters long"),
            ("e1:jpsQ.".into(), "signing key 1 is not base64url of JSON"),
            (format!("e1:{}", encode(b"[]")), "signing key 1 is no object"),
            (key(("\"EC\"", "\"RSA\"")), "of another type or curve"),
            (key(("P-256", "P-384")), "of another type or curve"),
            (key(("\"d\"", "\"e\"")), "without d"),
            (key(("jpsQ", "")), "with d that is not 32 bytes"),
            (key(("f83O", "f83O_")), "with x that is not 32 bytes"),
        ] {
            let error = SigningKey::parse_all(&keys).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("jpsQ"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_showing_it(text in ".{0,80}", json in ".{0,80}") {
            for text in [text, format!("k:{}", encode(json.as_bytes()))] {
                prop_assert!(SigningKey::parse_all(&text).is_err());
            }
        }
    }
}
