//! Whatever comes from outside is used or refused; nothing panics.

use haggle::event::{parse_cart, parse_exposures, parse_rewards};
use haggle::{
    Currency, Entry, Experiment, Exposure, Key, LiveExperiment, Pinned, Pins, Quote, Snapshot, TOTAL, Terms,
    decide,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{HOLD_S, NOW_MS, SECRET, base64url, cases, holds, input, quotary, unit};

fn golden_case(name: &str) -> Value {
    let file: Value = serde_json::from_str(include_str!("../golden/snapshots.json")).unwrap();
    let cases = ["cases", "many"].map(|list| file[list].as_array().unwrap().clone()).concat();
    cases.into_iter().find(|case| case["name"] == name).unwrap()
}

/// The bytes of a golden snapshot.
fn golden_snapshot(name: &str) -> Vec<u8> {
    let case = golden_case(name);
    let hex = case["bytes"].as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Whatever decodes must decide, and be counted.
fn every_decision_holds(snapshot: &Snapshot, n: u64) -> Result<(), TestCaseError> {
    let unit = unit(n);
    let (decisions, pins) = Pins::default().settle(snapshot, &unit, HOLD_S, NOW_MS);
    let opened = Pins::open(&quotary(), &unit, &pins.seal(&quotary(), &unit));
    prop_assert_eq!(opened, pins);
    prop_assert!(decisions.iter().all(|d| d.experiment.is_of_visitors() && !d.experiment.is_stopped()));
    for (sku, item) in snapshot.items() {
        let terms = Terms { merchant: "m", version: 1, now_s: 0, cart_hold_s: 0, pin_hold_s: 60, shards: 4 };
        let live = item.experiment();
        let decided = decide(snapshot, sku, &unit, NOW_MS);
        prop_assert_eq!(item.shared().is_some(), decided.is_some() && !live.is_of_visitors());
        prop_assert!(decided.is_none() || !live.is_stopped() && !live.is_paused());
        let Some(decision) = decided else { continue };
        holds(&item, &decision)?;
        let quote = match item.shared() {
            Some(shared) => {
                let quote = Quote::shared(&item, terms).unwrap();
                prop_assert_eq!(
                    (quote.price_minor, quote.propensity),
                    (shared.price_minor, shared.propensity)
                );
                quote
            }
            None => Quote::new(&item, &decision, &unit, terms),
        };
        prop_assert!(quote.shard() < 4);
        let token = quotary().sign(&quote);
        if token.len() <= haggle::quote::QUOTE_BYTES_MAX {
            prop_assert_eq!(quotary().open(&token).unwrap(), quote);
        }
    }
    Ok(())
}

/// Up to eight bytes changed, or some cut off or put on.
#[derive(Debug, Clone)]
struct Damage {
    changes: Vec<(prop::sample::Index, u8)>,
    cut: usize,
    more: Vec<u8>,
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let changes = prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..8);
    let cut = prop_oneof![8 => Just(0usize), 1 => 0usize..200];
    let more = prop_oneof![8 => Just(vec![]), 1 => prop::collection::vec(any::<u8>(), 0..100)];
    (changes, cut, more).prop_map(|(changes, cut, more)| Damage { changes, cut, more })
}

impl Damage {
    /// The first `spared` bytes stay.
    fn applied(&self, whole: &[u8], spared: usize) -> Vec<u8> {
        let mut bytes = whole[..whole.len().saturating_sub(self.cut)].to_vec();
        bytes.extend(&self.more);
        for (place, byte) in &self.changes {
            if let Some(damaged) = bytes.get_mut(spared..).filter(|rest| !rest.is_empty()) {
                let at = place.index(damaged.len());
                damaged[at] = *byte;
            }
        }
        bytes
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn any_bytes_are_a_snapshot_that_decides_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300), n: u64) {
        if let Ok(snapshot) = Snapshot::decode(bytes) {
            every_decision_holds(&snapshot, n)?;
        }
    }

    /// With the checksum made right again, so that every field is reached.
    #[test]
    fn a_damaged_snapshot_decides_or_is_refused(which in 0usize..5, damage in any_damage(), n: u64) {
        let mut bytes = damage.applied(&golden_snapshot(["later", "four", "guarded", "both", "items"][which]), 12);
        if let Some(body) = bytes.get(12..) {
            let checksum = Sha256::digest(body);
            bytes[8..12].copy_from_slice(&checksum[..4]);
        }
        if let Ok(snapshot) = Snapshot::decode(bytes) {
            every_decision_holds(&snapshot, n)?;
        }
    }

    #[test]
    fn a_snapshot_with_another_byte_is_refused(place: prop::sample::Index, change in 1u8..) {
        let mut bytes = golden_snapshot("four");
        let at = place.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(Snapshot::decode(bytes).is_err());
    }

    #[test]
    fn any_text_is_no_quote(text in ".{0,400}", parts in prop::collection::vec("[A-Za-z0-9_-]{0,60}", 0..5)) {
        prop_assert!(quotary().open(&text).is_err());
        prop_assert!(quotary().open(&parts.join(".")).is_err());
    }

    /// Any claims under a genuine signature: nothing that follows may fail on a number.
    #[test]
    fn any_signed_claims_are_a_quote_that_counts_or_an_error(
        (iat, exp, now) in any::<(u64, u64, u64)>(), (w, e, rw, s) in any::<(u32, u32, u32, u32)>(), p: i64, text in ".{0,40}", damage in any_damage(),
    ) {
        let claims = json!({
            "m": text, "o": text, "c": "EUR", "p": p, "pp": p, "x": text, "a": text, "w": w, "e": e,
            "iat": iat, "exp": exp, "rw": rw, "s": s % 1200, "jti": text,
        });
        let damaged = damage.applied(claims.to_string().as_bytes(), 0);
        for claims in [claims.to_string().into_bytes(), damaged] {
            let signed = format!("{}.{}", base64url(br#"{"alg":"HS256","typ":"JWT","kid":"k1"}"#), base64url(&claims));
            let tag = Key::from_hex(SECRET).unwrap().sign(&[signed.as_bytes()]);
            if let Ok(quote) = quotary().open(&format!("{signed}.{}", base64url(&tag))) {
                prop_assert!(quote.shard() < quote.shards);
                prop_assert_eq!(quote.check_held(now).is_ok(), quote.issued_at_s <= now.saturating_add(300) && now < quote.expires_at_s);
                let _ = quote.check_window(now);
                prop_assert!(Exposure::from(&quote).forget_at_s >= quote.expires_at_s);
                prop_assert!(quotary().open(&quotary().sign(&quote)).is_ok());
            }
        }
    }

    #[test]
    fn a_quote_with_another_character_is_refused(place: prop::sample::Index, change in "[A-Za-z0-9_.=-]") {
        let snapshot = Snapshot::decode(golden_snapshot("later")).unwrap();
        let decision = decide(&snapshot, "OLIVE-500", &unit(1), NOW_MS).unwrap();
        let terms = Terms { merchant: "m", version: 1, now_s: 0, cart_hold_s: 0, pin_hold_s: 60, shards: 4 };
        let token = quotary().sign(&Quote::new(&snapshot.item("OLIVE-500").unwrap(), &decision, &unit(1), terms));
        let at = place.index(token.len());
        prop_assume!(token[at..=at] != change);
        let changed = [&token[..at], &change, &token[at + 1..]].concat();
        prop_assert!(quotary().open(&changed).is_err());
    }

    /// Pins with any content under a genuine MAC: they hold a decision of the snapshot, or none.
    #[test]
    fn any_sealed_pins_are_decisions_or_none(payload in prop::collection::vec(any::<u8>(), 0..800), n: u64, tag: bool) {
        let snapshot = Snapshot::decode(golden_snapshot("four")).unwrap();
        let mut payload = payload;
        if let (true, Some(first)) = (tag, payload.get_mut(..3)) {
            first.copy_from_slice(&snapshot.experiments()[0].tag().to_le_bytes()[..3]);
        }
        let mac = Key::from_hex(SECRET).unwrap().sign(&[b"haggle pins 1\0", unit(n).bytes(), &payload]);
        let cookie = base64url(&[&payload[..], &mac[..16]].concat());
        let (decisions, pins) = Pins::open(&quotary(), &unit(n), &cookie).settle(&snapshot, &unit(n), HOLD_S, NOW_MS);
        let catalogue = |live: &&LiveExperiment| matches!(pins.find(live, HOLD_S, NOW_MS), Some(Pinned::Catalogue));
        let kept = snapshot.experiments().iter().filter(catalogue).count();
        prop_assert_eq!(decisions.len() + kept, snapshot.experiments().len());
        prop_assert!(decisions.iter().all(|d| (1..=TOTAL).contains(&d.propensity)));
        prop_assert!(pins.seal(&quotary(), &unit(n)).len() <= 982);
    }

    #[test]
    fn any_text_is_no_pins(text in ".{0,300}", base64 in "[A-Za-z0-9_-]{0,300}") {
        prop_assert_eq!(Pins::open(&quotary(), &unit(1), &text), Pins::default());
        prop_assert_eq!(Pins::open(&quotary(), &unit(1), &base64), Pins::default());
    }

    /// What parses can run.
    #[test]
    fn a_damaged_experiment_can_be_published_or_is_refused(damage in any_damage(), text in ".{0,200}") {
        let guarded = golden_case("guarded")["experiments"][0]["definition"].to_string();
        let damaged = [include_bytes!("../golden/sevilla.json").as_slice(), guarded.as_bytes()];
        let damaged = damaged.map(|whole| String::from_utf8_lossy(&damage.applied(whole, 0)).into_owned());
        for text in [&damaged[0], &damaged[1], &text] {
            let _ = Experiment::from_toml(text);
            if let Ok(experiment) = Experiment::from_json(text) {
                let entry = Entry::new(&experiment, 1, input(&experiment, &[]));
                every_decision_holds(&Snapshot::decode(Snapshot::encode(1, 1, &[entry]).unwrap()).unwrap(), 1)?;
            }
        }
    }

    #[test]
    fn any_body_and_any_page_text_is_read_or_refused(text in ".{0,300}", damage in any_damage(), price in 1i64..1_000_000_000) {
        let order = br#"{"order_id":"o","lines":[{"line_id":"1","quote":"q","units":1,"revenue_minor":1,"cost_minor":0}]}"#;
        for body in [text.as_ref(), String::from_utf8_lossy(&damage.applied(order, 0)).as_ref()] {
            let _ = parse_exposures(body);
            let _ = parse_cart(body);
            let _ = parse_rewards(body);
            for currency in ["EUR", "JPY", "KWD"] {
                let _ = haggle::reprice(body, price, price + 1, currency.parse::<Currency>().unwrap());
            }
        }
    }
}
