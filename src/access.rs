//! Who an administrator is, by the token that Cloudflare Access has put on the request.
//!
//! In scope: a JSON Web Token (RFC 7519) of RS256 and the public keys that open it (RFC 7517), both read without trust.
//! The claims are judged last, once the signature was found genuine ([`AccessToken::name`]).
//! Out of scope: the signature itself, which the shell verifies by the runtime's WebCrypto; fetching the keys; a clock.
//!
//! Only RS256 is read, because that is what Access signs with: a token that says `none`, or HS256 so that a public key
//! would serve as its secret, is not understood at all (RFC 8725, sections 2.1 and 3.1).
//!
//! Source: the manual's "Validate JWTs" and "Application token" of Cloudflare Access.

use crate::Error;
use crate::base64url::decode;
use crate::json::{self, Fields, Value};

/// Longest text that is looked at as a token, in bytes. Those of Access have one to two thousand.
pub const TOKEN_BYTES_MAX: usize = 8192;

/// Longest list of keys that is read, in bytes.
pub const KEYS_BYTES_MAX: usize = 65_536;

/// Most keys of a list; Access has two, while one follows the other.
pub const KEYS_MAX: usize = 16;

/// Seconds by which the clocks of Access and of the edge may differ.
pub const SKEW_S: u64 = 60;

/// Longest id of a key, and longest name of an administrator, in bytes.
const ID_BYTES_MAX: usize = 256;

/// Least bytes of an RSA modulus: 2048 bits (RFC 7518, section 3.3).
const MODULUS_BYTES_MIN: usize = 256;

/// A token of the right shape, whose signature was not looked at yet.
///
/// ```
/// use haggle::access::AccessToken;
/// // {"alg":"none","kid":"a"} and {"aud":"x"}, without a signature.
/// assert!(AccessToken::parse("eyJhbGciOiJub25lIiwia2lkIjoiYSJ9.eyJhdWQiOiJ4In0.").is_none());
/// ```
#[derive(Debug, Clone)]
pub struct AccessToken<'a> {
    /// Which key it says to be signed by.
    pub kid: String,
    /// The bytes that are signed.
    pub signed: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
    claims: &'a str,
}

/// Why a genuine token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// It has expired, is not valid yet, or cannot be read: another one may do.
    Unproven,
    /// It is good, but for another application, of another team, or of nobody who has a name.
    Forbidden,
}

impl<'a> AccessToken<'a> {
    /// Reads the header of any text; `None` for what is no token of RS256 with the id of its key.
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let mut header = object(header)?;
        let (alg, kid) = (header.take("alg").text().ok()?, header.take("kid").text().ok()?);
        // What a header calls critical must be understood (RFC 7515, section 4.1.11), and nothing is known here.
        let is_plain = header.take("crit").if_given().is_none();
        let is_ours = alg == "RS256" && is_plain && kid.len() <= ID_BYTES_MAX;
        is_ours.then_some(Self { kid, signed, signature: decode(signature)?, claims })
    }

    /// The name of whom the token was made for: the e-mail address of a person, else the common name of a service
    /// token, else the subject. To be asked only once the signature was found genuine.
    ///
    /// `team` is the issuer (`https://TEAM.cloudflareaccess.com`), `audience` the tag of the application, `now_s` in
    /// seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// [`Denied::Unproven`] comes before [`Denied::Forbidden`].
    pub fn name(&self, team: &str, audience: &str, now_s: u64) -> Result<String, Denied> {
        let mut claims = object(self.claims).ok_or(Denied::Unproven)?;
        let mut time =
            |name: &str| claims.take(name).if_given().map(|claim| claim.count::<u64>()).transpose();
        let unreadable = |_: Error| Denied::Unproven;
        let (expires_s, from_s) = (time("exp").map_err(unreadable)?, time("nbf").map_err(unreadable)?);
        let issued_s = time("iat").map_err(unreadable)?;
        let is_over = expires_s.is_none_or(|end_s| end_s.saturating_add(SKEW_S) <= now_s);
        let is_early = [from_s, issued_s].into_iter().flatten().any(|start_s| start_s > now_s + SKEW_S);
        if is_over || is_early {
            return Err(Denied::Unproven);
        }
        let is_of_team = claims.take("iss").text().is_ok_and(|issuer| issuer == team);
        if !is_of_team || !texts(claims.take("aud")).iter().any(|one| one == audience) {
            return Err(Denied::Forbidden);
        }
        let mut names = ["email", "common_name", "sub"].into_iter().map(|claim| claims.take(claim).text());
        names.find_map(|name| name.ok().filter(|name| is_name(name))).ok_or(Denied::Forbidden)
    }
}

/// A key that opens tokens: RSA of 2048 bits or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Id of the key in a token's header.
    pub kid: String,
    modulus: String,
    exponent: String,
}

impl PublicKey {
    /// Reads a JSON Web Key Set; keys of another type or use, or too short, are left out.
    ///
    /// # Errors
    /// It is no such set, or one of more than [`KEYS_MAX`] keys or [`KEYS_BYTES_MAX`] bytes.
    ///
    /// ```
    /// use haggle::access::PublicKey;
    /// let keys = PublicKey::parse_all(r#"{"keys": [{"kty": "EC", "kid": "a"}]}"#)?;
    /// assert!(keys.is_empty());
    /// # Ok::<(), haggle::Error>(())
    /// ```
    pub fn parse_all(set: &str) -> Result<Vec<Self>, Error> {
        if set.len() > KEYS_BYTES_MAX {
            let allowed = format!("at most {KEYS_BYTES_MAX} bytes long");
            return Err(Error::value("the set of keys", format!("{} bytes long", set.len()), allowed));
        }
        let json = json::parse(set).map_err(|why| Error::syntax("a JSON Web Key Set", why))?;
        let keys = Value::new("", json).any_fields()?.take("keys").list()?;
        if keys.len() > KEYS_MAX {
            return Err(Error::value("keys", keys.len(), format!("at most {KEYS_MAX}")));
        }
        Ok(keys.into_iter().filter_map(Self::parse).collect())
    }

    fn parse(key: Value) -> Option<Self> {
        let mut fields = key.any_fields().ok()?;
        let mut text = |name: &str| fields.take(name).text().ok();
        let (kty, kid, modulus, exponent) = (text("kty")?, text("kid")?, text("n")?, text("e")?);
        let is_as = |given: Option<String>, wanted: &str| given.is_none_or(|given| given == wanted);
        let is_for_this = is_as(text("alg"), "RS256") && is_as(text("use"), "sig");
        let is_long = decode(&modulus).is_some_and(|bytes| bytes.len() >= MODULUS_BYTES_MIN);
        let is_ours = kty == "RSA"
            && is_for_this
            && is_long
            && decode(&exponent).is_some()
            && kid.len() <= ID_BYTES_MAX;
        is_ours.then_some(Self { kid, modulus, exponent })
    }

    /// The key as a JSON Web Key, as WebCrypto takes it in.
    pub fn jwk(&self) -> String {
        let Self { modulus, exponent, .. } = self;
        format!(r#"{{"kty":"RSA","alg":"RS256","n":"{modulus}","e":"{exponent}"}}"#)
    }
}

/// Of a claim that is a text or a list of texts (`aud`): the texts.
fn texts(claim: Value) -> Vec<String> {
    match claim.clone().text() {
        Ok(text) => vec![text],
        Err(_) => claim.list().into_iter().flatten().filter_map(|one| one.text().ok()).collect(),
    }
}

/// Whether it may go into a header and a record: visible ASCII, and not what stands for the bearer.
fn is_name(name: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic())
        && name != "bearer"
}

fn object(part: &str) -> Option<Fields> {
    let text = String::from_utf8(decode(part)?).ok()?;
    Value::new("", json::parse(&text).ok()?).any_fields().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base64url::encode;
    use proptest::prelude::*;

    const TEAM: &str = "https://oil.cloudflareaccess.com";
    const NOW_S: u64 = 1_800_000_000;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()), encode(b"signature"))
    }

    fn name_of(claims: &str) -> Result<String, Denied> {
        let text = token(r#"{"alg":"RS256","kid":"a"}"#, claims);
        AccessToken::parse(&text).unwrap().name(TEAM, "tag", NOW_S)
    }

    fn claims(changes: &str) -> String {
        format!(
            r#"{{"iss":"{TEAM}","aud":["other","tag"],"exp":1800000100,"email":"ana@oil.example"{changes}}}"#
        )
    }

    #[test]
    fn only_a_token_of_rs256_that_names_its_key_is_read() {
        let text = token(r#"{"alg":"RS256","kid":"a","typ":"JWT"}"#, "{}");
        let token_of_a = AccessToken::parse(&text).unwrap();
        assert_eq!(
            (token_of_a.kid.as_str(), token_of_a.signature.as_slice()),
            ("a", b"signature".as_slice())
        );
        assert!(text.starts_with(token_of_a.signed) && token_of_a.signed.ends_with(token_of_a.claims));
        for header in [
            r#"{"alg":"none","kid":"a"}"#,
            r#"{"alg":"HS256","kid":"a"}"#,
            r#"{"alg":"rs256","kid":"a"}"#,
            r#"{"alg":["RS256"],"kid":"a"}"#,
            r#"{"alg":"RS256","alg":"RS256","kid":"a"}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"RS256","kid":7}"#,
            r#"{"alg":"RS256","kid":"a","crit":["b64"]}"#,
            r#"["RS256","a"]"#,
            "RS256",
        ] {
            assert!(AccessToken::parse(&token(header, "{}")).is_none(), "{header}");
        }
        let long = token(r#"{"alg":"RS256","kid":"a"}"#, &" ".repeat(TOKEN_BYTES_MAX));
        assert!(AccessToken::parse(&long).is_none());
    }

    #[test]
    fn a_good_token_has_the_name_of_a_person_or_of_a_service() {
        assert_eq!(name_of(&claims("")).unwrap(), "ana@oil.example");
        let service = claims("")
            .replace(r#""email":"ana@oil.example""#, r#""email":"","common_name":"ci.access","sub":"""#);
        assert_eq!(name_of(&service).unwrap(), "ci.access");
        assert_eq!(
            name_of(&claims("").replace(r#"["other","tag"]"#, r#""tag""#)).unwrap(),
            "ana@oil.example"
        );
        assert!(
            name_of(&claims(r#","nbf":1800000060,"iat":1800000060"#)).is_ok(),
            "clocks may differ by a minute"
        );
        assert!(
            name_of(&claims("").replace("1800000100", "1799999941")).is_ok(),
            "clocks may differ by a minute"
        );
    }

    #[test]
    fn what_is_not_of_now_is_unproven_and_what_is_for_others_forbidden() {
        for unproven in [
            claims("").replace("1800000100", "1799999940"),
            claims("").replace("1800000100", "0"),
            claims("").replace("1800000100", "-1"),
            claims("").replace("1800000100", "1800000100.5"),
            claims("").replace("1800000100", r#""1800000100""#),
            claims("").replace(r#""exp":1800000100,"#, ""),
            claims(r#","nbf":1800000061"#),
            claims(r#","iat":1800000061"#),
            claims(r#","nbf":"never""#),
            "[]".into(),
            "{".into(),
        ] {
            assert_eq!(name_of(&unproven), Err(Denied::Unproven), "{unproven}");
        }
        for forbidden in [
            claims("").replace("oil.cloud", "soil.cloud"),
            claims("").replace(r#"["other","tag"]"#, r#"["other","tagged"]"#),
            claims("").replace(r#"["other","tag"]"#, "[]"),
            claims("").replace(r#"["other","tag"]"#, r#"{"tag":"tag"}"#),
            claims("").replace("ana@oil.example", ""),
            claims("").replace("ana@oil.example", "ana\\r\\nx-more: 1"),
            claims("").replace("ana@oil.example", "bearer"),
        ] {
            assert_eq!(name_of(&forbidden), Err(Denied::Forbidden), "{forbidden}");
        }
    }

    #[test]
    fn keys_of_another_kind_or_too_short_are_left_out() {
        let modulus = encode(&[0xc5; MODULUS_BYTES_MIN]);
        let key = |change: &str| format!(r#"{{"kty":"RSA","e":"AQAB","n":"{modulus}"{change}}}"#);
        let good = key(r#","kid":"a","alg":"RS256","use":"sig","x5c":["no"]"#);
        let set = [
            good,
            key(r#","kid":"b","alg":"RS512""#),
            key(r#","kid":"c","use":"enc""#),
            key("").replace("RSA", "EC"),
            key(r#","kid":"d""#).replace(&modulus, &encode(&[0xc5; MODULUS_BYTES_MIN - 1])),
            key(r#","kid":"e""#).replace("AQAB", "A+A="),
            key(""),
            "7".into(),
        ];
        let keys =
            PublicKey::parse_all(&format!(r#"{{"keys":[{}],"public_certs":[]}}"#, set.join(","))).unwrap();
        assert_eq!(keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(keys[0].jwk(), format!(r#"{{"kty":"RSA","alg":"RS256","n":"{modulus}","e":"AQAB"}}"#));
        let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; KEYS_MAX + 1].join(","));
        for bad in ["", "[]", "{}", r#"{"keys":{}}"#, &many, &" ".repeat(KEYS_BYTES_MAX + 1)] {
            assert!(PublicKey::parse_all(bad).is_err(), "{bad:.40}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_token_or_none(text in "\\PC{0,80}", header in "\\PC{0,40}", claims in "\\PC{0,40}") {
            for text in [text, token(&header, &claims), token(r#"{"alg":"RS256","kid":"a"}"#, &claims)] {
                if let Some(token) = AccessToken::parse(&text) {
                    prop_assert!(token.name(TEAM, "tag", NOW_S).is_err());
                }
            }
        }

        #[test]
        fn any_text_is_a_set_of_keys_or_an_error(text in "\\PC{0,200}") {
            prop_assert!(PublicKey::parse_all(&text).is_err());
        }

        /// The window is exactly that of the claims, a minute wider on both sides.
        #[test]
        fn a_token_is_good_within_its_time(start in 0u64..400, length in 0u64..400, now in 0u64..1000) {
            let (start_s, end_s) = (NOW_S + start, NOW_S + start + length);
            let claims = claims("").replace("1800000100", &end_s.to_string()).replace("{", &format!(r#"{{"nbf":{start_s},"#));
            let text = token(r#"{"alg":"RS256","kid":"a"}"#, &claims);
            let name = AccessToken::parse(&text).unwrap().name(TEAM, "tag", NOW_S + now);
            prop_assert_eq!(name.is_ok(), start <= now + SKEW_S && now < start + length + SKEW_S);
        }
    }
}
