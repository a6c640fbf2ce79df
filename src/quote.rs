//! Stage 3, exposure: the decision as a signed quote, and the pins that keep a price once it was shown.
//!
//! A quote is a standard JSON Web Token (RFC 7519; HS256, RFC 7518 section 3.2), so that a shop can verify it with
//! any stock library; claims follow Google's Automated Discounts token (`m o c p pp exp`) in minor units.
//!
//! Out of scope: other algorithms, and the cookie or form that carries the text.

use serde::Serialize;

use crate::base64url::{decode, encode};
use crate::decision::Decision;
use crate::json::{self, Value};
use crate::{Error, Key, UnitKey};

/// Longest text that is looked at as a quote, in bytes.
pub const QUOTE_BYTES_MAX: usize = 1024;

/// Most ledger shards, and the bound of the shard count in a quote.
pub const SHARDS_MAX: u32 = 1024;

/// The price that a unit is held to, and everything needed to count what comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// The shop.
    #[serde(rename = "m")]
    pub merchant: String,
    /// The item.
    #[serde(rename = "o")]
    pub sku: String,
    /// ISO 4217 code.
    #[serde(rename = "c")]
    pub currency: String,
    /// The quoted price of one unit.
    #[serde(rename = "p")]
    pub price_minor: i64,
    /// The catalogue price of one unit.
    #[serde(rename = "pp")]
    pub catalogue_minor: i64,
    /// The experiment.
    #[serde(rename = "x")]
    pub experiment: String,
    /// The arm, or `holdout`.
    #[serde(rename = "a")]
    pub arm: String,
    /// Probability of the choice, out of 65536.
    #[serde(rename = "w")]
    pub propensity: u32,
    /// Allocation under which it was decided.
    #[serde(rename = "e")]
    pub epoch: u32,
    /// When it was decided, in seconds since 1970-01-01 UTC.
    #[serde(rename = "iat")]
    pub issued_at_s: u64,
    /// Until when the price is held.
    #[serde(rename = "exp")]
    pub expires_at_s: u64,
    /// Seconds after `iat` in which a reward counts.
    #[serde(rename = "rw")]
    pub reward_window_s: u32,
    /// Ledger shards at the time of signing: a retry after re-sharding must reach the same shard.
    #[serde(rename = "s")]
    pub shards: u32,
    /// The exposure: the same for one unit, experiment, item and decision.
    #[serde(rename = "jti")]
    pub exposure_id: String,
}

/// What the shell adds to a decision to make a quote of it.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The shop.
    pub merchant: &'a str,
    /// The item.
    pub sku: &'a str,
    /// Its catalogue price.
    pub catalogue_minor: i64,
    /// Seconds for which the price is held.
    pub hold_s: u64,
    /// Number of ledger shards, 1 to 1024.
    pub shards: u32,
}

impl Quote {
    /// The quote of a decision for a unit.
    pub fn new(decision: &Decision<'_>, unit: &UnitKey, terms: Terms<'_>) -> Self {
        let issued_at_s = u64::from(decision.decided_at_min) * 60;
        let name = decision.experiment.name();
        let id = crate::mac::digest16(&[
            "haggle exposure",
            &unit.to_string(),
            name,
            terms.sku,
            &issued_at_s.to_string(),
        ]);
        Self {
            merchant: terms.merchant.into(),
            sku: terms.sku.into(),
            currency: decision.experiment.currency().to_string(),
            price_minor: decision.price_minor(),
            catalogue_minor: terms.catalogue_minor,
            experiment: name.into(),
            arm: decision.arm_name().into(),
            propensity: decision.propensity,
            epoch: decision.epoch,
            issued_at_s,
            expires_at_s: issued_at_s.saturating_add(terms.hold_s),
            reward_window_s: decision.experiment.reward_window_s(),
            shards: terms.shards.clamp(1, SHARDS_MAX),
            exposure_id: encode(&id),
        }
    }

    /// The claims of a token; those that are not known are left alone (RFC 7519, section 4).
    fn read(claims: &str) -> Result<Self, Error> {
        let mut fields = object(claims)?.any_fields()?;
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
            issued_at_s: fields.take("iat").count()?,
            expires_at_s: fields.take("exp").count()?,
            reward_window_s: fields.take("rw").count()?,
            shards: fields.take("s").count()?,
            exposure_id: fields.take("jti").text()?,
        })
    }

    /// The ledger shard that counts this quote's exposure and rewards: `0..shards`.
    pub fn shard(&self) -> u32 {
        let id = crate::mac::digest16(&["haggle shard", &self.exposure_id]);
        let hash = id.iter().take(4).fold(0u64, |hash, &byte| hash << 8 | u64::from(byte));
        // The upper bits of a 32-bit hash times the count: below the count, and exact.
        ((hash * u64::from(self.shards.max(1))) >> 32) as u32
    }

    /// Whether this shop issued it: shops may share a key, and none may count another's sales.
    ///
    /// # Errors
    /// Says which shop issued it.
    pub fn check_merchant(&self, merchant: &str) -> Result<(), Error> {
        if self.merchant == merchant {
            Ok(())
        } else {
            Err(Error::quote(format!("issued by {:?}; it must be {merchant:?}", self.merchant)))
        }
    }

    /// Whether the price is still held.
    ///
    /// # Errors
    /// Says since when it is not.
    pub fn check_held(&self, now_s: u64) -> Result<(), Error> {
        self.check_not_early(now_s)?;
        if now_s < self.expires_at_s {
            Ok(())
        } else {
            Err(Error::quote(format!(
                "expired {} s ago, at {}",
                now_s - self.expires_at_s,
                self.expires_at_s
            )))
        }
    }

    /// Whether a reward for it still counts.
    ///
    /// # Errors
    /// Says since when it does not.
    pub fn check_window(&self, now_s: u64) -> Result<(), Error> {
        self.check_window_of("reward", u64::from(self.reward_window_s), now_s)
    }

    /// Whether a refund of it still counts: as long as a reward, and `refund_window_s` more.
    ///
    /// # Errors
    /// Says since when it does not.
    pub fn check_refund_window(&self, refund_window_s: u64, now_s: u64) -> Result<(), Error> {
        let window = u64::from(self.reward_window_s).saturating_add(refund_window_s);
        self.check_window_of("refund", window, now_s)
    }

    fn check_window_of(&self, what: &str, window: u64, now_s: u64) -> Result<(), Error> {
        self.check_not_early(now_s)?;
        let end = self.issued_at_s.saturating_add(window);
        if now_s <= end {
            Ok(())
        } else {
            let ago = now_s - end;
            Err(Error::quote(format!("its {what} window of {window} s ended {ago} s ago, at {end}")))
        }
    }

    /// Clocks of edge locations may differ by a little, not by more than five minutes.
    fn check_not_early(&self, now_s: u64) -> Result<(), Error> {
        if self.issued_at_s <= now_s.saturating_add(300) {
            Ok(())
        } else {
            Err(Error::quote(format!(
                "issued at {}, which is {} s ahead",
                self.issued_at_s,
                self.issued_at_s - now_s
            )))
        }
    }
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

fn object(text: &str) -> Result<Value, Error> {
    Ok(Value::new("", json::parse(text).map_err(|why| Error::syntax("JSON", why))?))
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
            let what = || format!("quote key {}", place + 1);
            let (kid, hex) = part.trim().split_once(':').ok_or_else(|| {
                Error::value(what(), "without a colon", "an id, a colon and 64 hexadecimal digits")
            })?;
            let plain = (1..=16).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_alphanumeric());
            if !plain {
                // Never the text itself: with id and key in the wrong order it is the key.
                let given = format!("{} characters long", kid.chars().count());
                return Err(Error::value(format!("id of {}", what()), given, "1 to 16 letters and digits"));
            }
            Ok((kid.to_owned(), Key::from_hex(hex)?))
        };
        let keys = keys.split(',').enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { keys })
    }

    /// The quote as a signed token, about 450 bytes.
    pub fn sign(&self, quote: &Quote) -> String {
        let Some((kid, key)) = self.keys.first() else { return String::new() };
        // A struct of numbers and strings always has a JSON text.
        let write = |text: Result<String, serde_json::Error>| encode(text.unwrap_or_default().as_bytes());
        let header = write(serde_json::to_string(&Header { alg: "HS256", typ: "JWT", kid }));
        let mut token = format!("{header}.{}", write(serde_json::to_string(quote)));
        let tag = encode(&key.sign(&[token.as_bytes()]));
        token.push('.');
        token.push_str(&tag);
        token
    }

    /// Opens a token: any text gives a genuine quote or the reason why it is none. Time is checked apart, by
    /// [`Quote::check_held`] and [`Quote::check_window`].
    ///
    /// # Errors
    /// Says whether the text is too long, malformed, of an unknown key or wrongly signed.
    pub fn open(&self, token: &str) -> Result<Quote, Error> {
        if token.len() > QUOTE_BYTES_MAX {
            let given = format!("{} bytes long", token.len());
            return Err(Error::quote(format!("{given}; it must be at most {QUOTE_BYTES_MAX}")));
        }
        let malformed = |why: &str| Error::quote(format!("malformed: {why}"));
        let (signed, tag) = token.rsplit_once('.').ok_or_else(|| malformed("no dot"))?;
        let (header, claims) =
            signed.split_once('.').ok_or_else(|| malformed("one dot where a token has two"))?;
        let decode = |part: &str| decode(part).ok_or_else(|| malformed("not base64url"));
        let text = |part: &str| String::from_utf8(decode(part)?).map_err(|_| malformed("not UTF-8"));

        let header = text(header)?;
        let [alg, _, kid] = read_header(&header).map_err(|_| malformed("no header"))?;
        if alg != "HS256" {
            return Err(Error::quote(format!("signed by {alg:?}; only \"HS256\" is accepted")));
        }
        let key = self.keys.iter().find(|(id, _)| *id == kid);
        let (_, key) = key.ok_or_else(|| Error::quote(format!("unknown key id {kid:?}")))?;
        let tag = decode(tag)?;
        if tag.len() != 32 || !key.verifies(&[signed.as_bytes()], &tag) {
            return Err(Error::quote("the signature is wrong"));
        }
        let quote = Quote::read(&text(claims)?).map_err(|why| malformed(&format!("claims: {why}")))?;
        if (1..=SHARDS_MAX).contains(&quote.shards) { Ok(quote) } else { Err(malformed("shard count")) }
    }

    /// Signs bytes for one unit (pins): base64url of the bytes and the first 16 bytes of their MAC.
    pub(crate) fn seal(&self, purpose: &[u8], unit: &UnitKey, payload: &[u8]) -> String {
        let Some((_, key)) = self.keys.first() else { return String::new() };
        let tag = key.sign(&[purpose, unit.bytes(), payload]);
        let mut bytes = payload.to_vec();
        bytes.extend(tag.iter().take(16));
        encode(&bytes)
    }

    /// Opens what [`Quotary::seal`] made for this unit with any known key.
    pub(crate) fn unseal(&self, purpose: &[u8], unit: &UnitKey, text: &str) -> Option<Vec<u8>> {
        let mut payload = decode(text)?;
        let tag = payload.split_off(payload.len().checked_sub(16)?);
        let genuine = self.keys.iter().any(|(_, key)| key.verifies(&[purpose, unit.bytes(), &payload], &tag));
        genuine.then_some(payload)
    }
}

#[cfg(test)]
#[allow(clippy::string_slice)]
pub(crate) mod tests {
    use super::*;
    use crate::decide;
    use crate::decision::tests::snapshot;
    use proptest::prelude::*;

    const NOW_MS: u64 = 1_700_000_000_000;

    pub(crate) fn quotary() -> Quotary {
        Quotary::parse(&format!("k2:{},k1:{}", "22".repeat(32), "11".repeat(32))).unwrap()
    }

    fn quote() -> Quote {
        let (snapshot, unit) = (snapshot([10, 20, 5]), UnitKey::from_bytes([3; 16]));
        let decision = decide(&snapshot, "OLIVE-500", &unit, NOW_MS).unwrap();
        let terms = Terms { merchant: "m", sku: "OLIVE-500", catalogue_minor: 1900, hold_s: 3600, shards: 4 };
        Quote::new(&decision, &unit, terms)
    }

    #[test]
    fn a_signed_quote_opens_with_the_same_claims() {
        let token = quotary().sign(&quote());
        assert_eq!(quotary().open(&token).unwrap(), quote());
        assert!(token.len() <= QUOTE_BYTES_MAX / 2, "{} bytes", token.len());
    }

    #[test]
    fn a_key_that_no_longer_signs_still_verifies_until_it_is_removed() {
        let old = Quotary::parse(&format!("k1:{}", "11".repeat(32))).unwrap();
        assert!(quotary().open(&old.sign(&quote())).is_ok());
        let error = old.open(&quotary().sign(&quote())).unwrap_err().to_string();
        assert!(error.contains("unknown key id \"k2\""), "{error}");
    }

    #[test]
    fn each_refusal_says_why() {
        let token = quotary().sign(&quote());
        let forged = Quotary::parse(&format!("k2:{}", "33".repeat(32))).unwrap().sign(&quote());
        let none = format!("{}.e30.", encode(br#"{"alg":"none","typ":"JWT","kid":"k2"}"#));
        for (token, why) in [
            (String::new(), "no dot"),
            ("a.b".into(), "one dot"),
            (token.replace('.', ".é"), "base64url"),
            (token[..token.len() - 1].into(), "base64url"),
            ("x".repeat(1025), "1025 bytes long; it must be at most 1024"),
            (forged, "signature is wrong"),
            (none, "only \"HS256\""),
        ] {
            let error = quotary().open(&token).unwrap_err().to_string();
            assert!(error.contains(why), "{token}: {error}");
        }
    }

    #[test]
    fn a_quote_is_held_and_a_reward_counts_in_its_time_only() {
        let quote = quote();
        assert!(quote.check_held(quote.issued_at_s).is_ok());
        assert!(quote.check_held(quote.issued_at_s + 3599).is_ok());
        assert!(
            quote.check_held(quote.issued_at_s + 3600).unwrap_err().to_string().contains("expired 0 s ago")
        );
        let window = u64::from(quote.reward_window_s);
        assert!(quote.check_window(quote.issued_at_s + window).is_ok());
        assert!(quote.check_refund_window(50, quote.issued_at_s + window + 50).is_ok());
        let late = quote.check_refund_window(50, quote.issued_at_s + window + 51).unwrap_err().to_string();
        assert!(late.contains(&format!("refund window of {} s ended 1 s ago", window + 50)), "{late}");
        assert!(
            quote
                .check_window(quote.issued_at_s + window + 1)
                .unwrap_err()
                .to_string()
                .contains("ended 1 s ago")
        );
        assert!(quote.check_held(quote.issued_at_s - 301).unwrap_err().to_string().contains("301 s ahead"));
    }

    #[test]
    fn a_quote_of_another_shop_is_refused() {
        assert!(quote().check_merchant("m").is_ok());
        let error = quote().check_merchant("n").unwrap_err().to_string();
        assert!(error.contains("issued by \"m\"; it must be \"n\""), "{error}");
    }

    #[test]
    fn bad_keys_are_refused_and_not_shown() {
        let short = format!("k1:{}", "a7".repeat(31));
        let swapped = format!("{}:k1", "a7".repeat(32));
        for (keys, why) in [
            ("", "without a colon"),
            (short.as_str(), "62 characters"),
            ("k 1:00", "3 characters"),
            (":", "0 characters"),
            (swapped.as_str(), "64 characters"),
        ] {
            let error = Quotary::parse(keys).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("a7a7"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_genuine_quote_or_refused(text in ".{0,200}") {
            prop_assert!(quotary().open(&text).is_err());
        }

        #[test]
        fn a_token_with_any_character_changed_is_refused(place in 0usize..400, to in "[A-Za-z0-9_.-]") {
            let token = quotary().sign(&quote());
            prop_assume!(place < token.len() && token[place..=place] != to);
            let changed = format!("{}{to}{}", &token[..place], &token[place + 1..]);
            prop_assert!(quotary().open(&changed).is_err());
        }

        #[test]
        fn every_exposure_has_a_shard_below_the_count(shards in 1u32..=1024, id in "[a-z]{1,22}") {
            let quote = Quote { shards, exposure_id: id, ..quote() };
            prop_assert!(quote.shard() < shards);
        }
    }
}
