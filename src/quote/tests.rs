//! Quotes and tokens: what is signed opens, and everything else is refused with its reason.

use super::*;
use crate::base64url::encode;
use crate::decision::tests::snapshot;
use crate::experiment::Unit;
use crate::snapshot::tests::many::snapshot as many;
use crate::{Entry, Experiment, Exposure, Key, Pinned, Pins, Shop, Snapshot, Tally, decide, evidence};
use proptest::prelude::*;

const NOW_MS: u64 = 1_700_000_000_000;

pub(crate) fn quotary() -> Quotary {
    Quotary::parse(&format!("k2:{},k1:{}", "22".repeat(32), "11".repeat(32))).unwrap()
}

fn quote() -> Quote {
    let (snapshot, unit) = (snapshot([10, 20, 5]), UnitKey::from_bytes([3; 16]));
    let decision = decide(&snapshot, "OLIVE-500", &unit, NOW_MS).unwrap();
    Quote::new(&snapshot.item("OLIVE-500").unwrap(), &decision, &unit, terms())
}

fn terms() -> Terms<'static> {
    Terms { merchant: "m", version: 5, now_s: 0, pin_hold_s: 3600, cart_hold_s: 0, shards: 4 }
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

/// A token of the test's own, with any header and any claims, signed by the key k2.
fn token(header: &str, claims: &str) -> String {
    let input = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    let signature = Key::from_hex(&"22".repeat(32)).unwrap().sign(&[input.as_bytes()]);
    signed_token(input, &signature)
}

const HS256: &str = r#"{"alg":"HS256","typ":"JWT","kid":"k2"}"#;

#[test]
fn a_key_of_one_algorithm_never_checks_a_token_of_another() {
    let claims = serde_json::to_string(&quote()).unwrap();
    assert!(quotary().open(&token(HS256, &claims)).is_ok());
    for (alg, code) in [
        ("ES256", "wrong-algorithm"),
        ("none", "wrong-algorithm"),
        ("NONE", "wrong-algorithm"),
        ("hs256", "wrong-algorithm"),
        ("HS384", "wrong-algorithm"),
        ("RS256", "wrong-algorithm"),
        ("", "wrong-algorithm"),
    ] {
        // Rightly signed by the shared key in each case: the header alone must not let it in.
        let refusal = quotary().open(&token(&HS256.replace("HS256", alg), &claims)).unwrap_err();
        assert_eq!(refusal.code(), code, "{alg}");
    }
    let es256 = token(&HS256.replace("HS256", "ES256"), &claims);
    let parsed = Token::parse(&es256).unwrap();
    assert_eq!((parsed.alg, parsed.kid.as_str()), (Algorithm::Es256, "k2"));
    assert_eq!(quotary().check(&parsed).unwrap_err().code(), "wrong-algorithm");
}

#[test]
fn a_token_of_es256_is_read_in_parts_and_put_together_again() {
    let input = signing_input(Algorithm::Es256, "e1", &quote());
    let text = signed_token(input.clone(), &[7; 64]);
    let token = Token::parse(&text).unwrap();
    assert_eq!((token.alg, token.kid.as_str(), token.signed), (Algorithm::Es256, "e1", input.as_str()));
    assert_eq!((token.signature.as_slice(), token.quote().unwrap()), ([7; 64].as_slice(), quote()));
}

#[test]
fn a_preview_is_never_a_quote() {
    let claims = serde_json::to_string(&quote()).unwrap();
    let marked = |mark: &str| token(HS256, &claims.replacen('{', &format!("{{\"preview\":{mark},"), 1));
    assert_eq!(quotary().open(&marked("true")).unwrap_err().code(), "preview");
    assert_eq!(quotary().open(&marked("1")).unwrap_err().code(), "malformed");
    assert_eq!(quotary().open(&marked("false")).unwrap(), quote());
}

#[test]
fn a_quote_of_a_release_without_versions_still_opens() {
    let claims = serde_json::to_string(&quote()).unwrap();
    let opened = quotary().open(&token(HS256, &claims.replace("\"v\":5,", ""))).unwrap();
    assert_eq!(opened, Quote { version: 0, ..quote() });
}

#[test]
fn a_quote_is_held_its_full_time_from_now_and_never_shorter_than_its_pin() {
    let (snapshot, unit) = (snapshot([10, 20, 5]), UnitKey::from_bytes([3; 16]));
    let decision = decide(&snapshot, "OLIVE-500", &unit, NOW_MS).unwrap();
    let decided_at_s = u64::from(decision.decided_at_min) * 60;
    let expires = |now_s, pin_hold_s| {
        let terms = Terms { now_s, pin_hold_s, cart_hold_s: 174_600, ..terms() };
        Quote::new(&snapshot.item("OLIVE-500").unwrap(), &decision, &unit, terms).expires_at_s
    };
    assert_eq!(expires(decided_at_s, 172_800), decided_at_s + 174_600);
    assert_eq!(expires(decided_at_s + 172_799, 172_800), decided_at_s + 172_799 + 174_600);
    assert_eq!(expires(decided_at_s, 604_800), decided_at_s + 604_800);
}

#[test]
fn a_renewed_quote_is_the_same_exposure() {
    let (snapshot, unit) = (snapshot([10, 20, 5]), UnitKey::from_bytes([3; 16]));
    let (decisions, pins) = Pins::default().settle(&snapshot, &unit, 3600, NOW_MS);
    let item = snapshot.item("OLIVE-500").unwrap();
    let first = Quote::new(&item, &decisions[0], &unit, terms());
    let Some(Pinned::Decision(again)) = pins.find(&snapshot.experiments()[0], 3600, NOW_MS + 60_000) else {
        panic!("pinned")
    };
    let renewed =
        Quote::new(&item, &again, &unit, Terms { version: 9, now_s: NOW_MS / 1000 + 60, ..terms() });
    assert_eq!((&renewed.exposure_id, renewed.shard()), (&first.exposure_id, first.shard()));
    let (one, other) = (Exposure::from(&first), Exposure::from(&renewed));
    assert_eq!((one.id, one.key), (other.id, other.key));
}

/// What checkout expects, with the quote's own currency.
fn expected() -> Expected<'static> {
    Expected { merchant: "m", sku: "OLIVE-500", currency: Some("EUR"), now_s: NOW_MS / 1000 }
}

#[test]
fn checkout_is_told_the_price_or_why_not() {
    let (snapshot, now_s) = (snapshot([10, 20, 5]), NOW_MS / 1000);
    let good = Quote { price_minor: 1750, arm: "low".into(), ..quote() };
    assert_eq!(good.verify(&expected(), Some(&snapshot)), Ok(1750));
    assert_eq!(good.verify(&expected(), None), Ok(1750));
    assert_eq!(good.verify(&Expected { currency: None, ..expected() }, None), Ok(1750));
    let priced = |price_minor| Quote { price_minor, ..good.clone() };
    for (quote, expected, code) in [
        (good.clone(), Expected { merchant: "n", ..expected() }, "another-merchant"),
        (good.clone(), Expected { sku: "OLIVE-750", ..expected() }, "another-item"),
        (good.clone(), Expected { currency: Some("USD"), ..expected() }, "another-currency"),
        (good.clone(), Expected { now_s: now_s - 400, ..expected() }, "not-yet-valid"),
        (good.clone(), Expected { now_s: good.expires_at_s, ..expected() }, "expired"),
        (priced(0), expected(), "outside-guardrails"),
        (priced(-1750), expected(), "outside-guardrails"),
        (priced(i64::MAX), expected(), "outside-guardrails"),
    ] {
        for snapshot in [None, Some(&snapshot)] {
            let refusal = quote.verify(&expected, snapshot).unwrap_err();
            assert_eq!(refusal.code(), code, "{refusal}");
            assert!(Refusal::CODES.contains(&code) && refusal.to_string().starts_with("quote refused: "));
        }
    }
}

/// Sevilla with guardrails, the kill switch or another name.
fn today(guardrails: &str, name: &str, shop: Shop<'_>) -> Snapshot {
    let text = crate::experiment::tests::SEVILLA
        .replace("\"sevilla\"", &format!("{name:?}"))
        .replace("1750", "1800")
        .replace("\"item\":", &format!("\"guardrails\": {guardrails}, \"item\":"));
    let experiment = Experiment::from_json(&text).unwrap();
    let input = evidence::pooled(&experiment, &[Tally::default(); 3]).unwrap();
    let entry = Entry::new(&experiment, 2, input);
    Snapshot::decode(Snapshot::encode_shop(6, 1, &[entry], &shop).unwrap()).unwrap()
}

#[test]
fn a_quote_outside_of_what_is_allowed_today_is_refused() {
    let verify = |price_minor, snapshot: &Snapshot| {
        Quote { price_minor, ..quote() }.verify(&expected(), Some(snapshot)).map_err(|why| why.code())
    };
    let same = today(r#"{"map_minor": 1800, "endings": [0, 50]}"#, "sevilla", Shop::default());
    assert_eq!(verify(1750, &same), Err("outside-guardrails"));
    assert_eq!(verify(1850, &same), Ok(1850));
    assert_eq!(verify(1849, &same), Err("outside-guardrails"), "one that the experiment cannot have quoted");
    // A promise from before keeps floor and ceiling of what runs now, not its looks.
    let other = today(r#"{"map_minor": 1800, "endings": [0, 50]}"#, "next", Shop::default());
    assert_eq!((verify(1849, &other), verify(1750, &other)), (Ok(1849), Err("outside-guardrails")));
    let high = today(r#"{"max_price_minor": 2100, "min_price_minor": 1800}"#, "sevilla", Shop::default());
    assert_eq!((verify(1900, &high), verify(2101, &high)), (Ok(1900), Err("outside-guardrails")));
}

#[test]
fn a_stopped_shop_honours_what_is_not_above_the_catalogue_price() {
    for shop in [
        Shop { is_stopped: true, ..Shop::default() },
        Shop { stopped: &["sevilla".to_owned()], ..Shop::default() },
    ] {
        let snapshot = today("{}", "sevilla", shop);
        let verify = |price_minor| {
            Quote { price_minor, ..quote() }.verify(&expected(), Some(&snapshot)).map_err(|why| why.code())
        };
        assert_eq!([verify(1750), verify(1900), verify(1901)], [Ok(1750), Ok(1900), Err("stopped")]);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_genuine_quote_or_refused(text in ".{0,200}") {
        prop_assert!(quotary().open(&text).is_err());
    }

    #[test]
    fn a_token_with_any_character_changed_is_refused(place in 0usize..600, to in "[A-Za-z0-9_.-]") {
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

#[test]
fn of_many_items_a_visitor_has_one_exposure_and_one_for_those_at_the_catalogue_price() {
    let (snapshot, unit) = (many(Unit::Visitor, |_| {}), UnitKey::from_bytes([3; 16]));
    let decision = crate::decide_in(&snapshot.experiments()[0], &unit, NOW_MS).unwrap();
    let quote = |sku| Quote::new(&snapshot.item(sku).unwrap(), &decision, &unit, terms());
    let (first, second, negative) = (quote("S-0000"), quote("S-0001"), quote("S-0003"));
    assert_eq!((&first.arm, first.propensity), (&second.arm, second.propensity));
    assert_eq!(first.exposure_id, second.exposure_id);
    assert_eq!((negative.arm.as_str(), negative.propensity), ("negative", crate::TOTAL));
    assert_eq!((negative.price_minor, negative.catalogue_minor), (1030, 1030));
    assert_ne!(negative.exposure_id, first.exposure_id);
    assert_eq!(quote("S-0007").exposure_id, negative.exposure_id);
    assert_eq!(second.catalogue_minor, 1010);
    assert_eq!(second.price_minor, snapshot.item("S-0001").unwrap().price(&decision));
    assert_ne!(Exposure::from(&negative).key, Exposure::from(&first).key);
}

#[test]
fn the_quote_of_an_item_is_the_same_for_everybody_for_an_hour_and_reads_back() {
    let snapshot = many(Unit::ItemPeriod, |_| {});
    let item = snapshot.item("S-0001").unwrap();
    let at = |now_s| Quote::shared(&item, Terms { now_s, cart_hold_s: 7200, ..terms() }).unwrap();
    let quote = at(1_700_000_000);
    assert_eq!((quote.arm.as_str(), quote.price_minor, quote.is_shared), ("low", 909, true));
    assert_eq!((quote.issued_at_s, quote.expires_at_s), (1_699_999_980, 1_700_002_800 + 7200));
    assert_eq!((at(1_700_002_800), at(1_700_002_801) == quote), (quote.clone(), false));
    let token = quotary().sign(&quote);
    assert_eq!(quotary().open(&token).unwrap(), quote);
    assert!(claims(&token).contains(r#","u":"item"}"#), "{}", claims(&token));
    assert!(!claims(&quotary().sign(&self::quote())).contains("\"u\""));
    assert!(Quote::shared(&snapshot.item("S-0003").unwrap(), terms()).is_none(), "negative");
    assert!(quote.check_window(quote.expires_at_s + u64::from(quote.reward_window_s)).is_ok());
    assert!(quote.check_window(quote.expires_at_s + u64::from(quote.reward_window_s) + 1).is_err());
}

fn claims(token: &str) -> String {
    let claims = token.split('.').nth(1).unwrap();
    String::from_utf8(crate::base64url::decode(claims).unwrap()).unwrap()
}

/// The low arm's 9.09, the high arm's 11.22 and the catalogue prices 10.10 and 10.20, in the period and after it.
#[test]
fn a_price_that_everybody_saw_is_honoured_after_its_period_where_it_is_not_dearer_than_today() {
    let now = many(Unit::ItemPeriod, |_| {});
    let of = |sku: &str| {
        Quote::shared(&now.item(sku).unwrap(), Terms { cart_hold_s: 7200, now_s: NOW_MS / 1000, ..terms() })
            .unwrap()
    };
    let (low, high) = (of("S-0001"), of("S-0002"));
    let verify = |quote: &Quote, snapshot: &Snapshot| {
        let order = Expected { sku: &quote.sku, ..expected() };
        quote.verify(&order, Some(snapshot)).map_err(|why| why.code())
    };
    assert_eq!((verify(&low, &now), verify(&high, &now)), (Ok(909), Ok(1122)));
    // Everything is on the control.
    let later = many(Unit::ItemPeriod, |entry| (entry.epoch, entry.arms_of) = (5, &[0; 8]));
    assert_eq!((verify(&low, &later), verify(&high, &later)), (Ok(909), Err("period-over")));
    let low_again = Quote { price_minor: 1000, ..low.clone() };
    assert_eq!(verify(&low_again, &later), Ok(1000), "below the catalogue price");
    // Everything is on the high arm but what is negative.
    let dearer =
        many(Unit::ItemPeriod, |entry| (entry.epoch, entry.arms_of) = (5, &[2, 2, 2, 0, 2, 2, 2, 0]));
    assert_eq!(verify(&high, &dearer), Ok(1122));
    let paused = many(Unit::ItemPeriod, |entry| entry.is_paused = true);
    assert_eq!((verify(&low, &paused), verify(&high, &paused)), (Ok(909), Ok(1122)));
    let stopped = now.republished(9, 9, &crate::Stops { all: true, experiments: &[] }).unwrap();
    let stopped = Snapshot::decode(stopped).unwrap();
    assert_eq!((verify(&low, &stopped), verify(&high, &stopped)), (Ok(909), Err("stopped")));
    let outside = Quote { price_minor: 499, ..low };
    assert_eq!(verify(&outside, &now), Err("outside-guardrails"), "the floor of this item is 5.05");
}
