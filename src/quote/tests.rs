//! Quotes and tokens: what is signed opens, and everything else is refused with its reason.

use super::*;
use crate::base64url::encode;
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
    let terms = Terms {
        merchant: "m",
        sku: "OLIVE-500",
        catalogue_minor: 1900,
        version: 5,
        now_s: 0,
        pin_hold_s: 3600,
        cart_hold_s: 0,
        shards: 4,
    };
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
        (none, "only \"HS256\" and \"ES256\""),
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
    assert!(quote.check_held(quote.issued_at_s + 3600).unwrap_err().to_string().contains("expired 0 s ago"));
    let window = u64::from(quote.reward_window_s);
    assert!(quote.check_window(quote.issued_at_s + window).is_ok());
    assert!(quote.check_refund_window(50, quote.issued_at_s + window + 50).is_ok());
    let late = quote.check_refund_window(50, quote.issued_at_s + window + 51).unwrap_err().to_string();
    assert!(late.contains(&format!("refund window of {} s ended 1 s ago", window + 50)), "{late}");
    assert!(
        quote.check_window(quote.issued_at_s + window + 1).unwrap_err().to_string().contains("ended 1 s ago")
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
