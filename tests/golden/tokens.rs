//! Tokens of quotes, and cookies of pins.

use haggle::{Choice, Key, Pins, Quotary, Quote, UnitKey};
use serde::{Deserialize, Serialize};

use super::files::{check, read};
use super::{Decisions, inputs, snapshot_of};

/// Quotes as tokens, tokens that are opened or refused, and pins. The tokens were made by another program.
#[derive(Serialize, Deserialize)]
struct Tokens {
    keys: String,
    signed: Vec<Signed>,
    opened: Vec<Opened>,
    refused: Vec<RefusedToken>,
    timed: Vec<Timed>,
    pins: Vec<Pinned>,
}

#[derive(Serialize, Deserialize)]
struct Signed {
    #[serde(deserialize_with = "inputs::quote")]
    claims: Quote,
    token: String,
    /// The ledger shard that counts it.
    #[serde(default)]
    shard: u32,
}

#[derive(Serialize, Deserialize)]
struct Opened {
    name: String,
    token: String,
}

#[derive(Serialize, Deserialize)]
struct RefusedToken {
    name: String,
    token: String,
    #[serde(default)]
    error: String,
}

/// A genuine token at a time: why an exposure and why a reward is refused then; empty where it counts.
#[derive(Serialize, Deserialize)]
struct Timed {
    name: String,
    token: String,
    now_s: u64,
    #[serde(default)]
    exposure_error: String,
    #[serde(default)]
    reward_error: String,
}

/// What the cookie holds after a first view of a visitor of `decisions.json`.
#[derive(Serialize, Deserialize)]
struct Pinned {
    visitor: usize,
    now_ms: u64,
    hold_s: u64,
    /// Items whose catalogue price it saw before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    catalogue: Vec<String>,
    #[serde(default)]
    cookie: String,
}

#[test]
fn tokens_and_pins_are_the_golden_ones() {
    let text = |result: Result<(), haggle::Refusal>| {
        result.map_or_else(|error| error.to_string(), |()| String::new())
    };
    check("tokens.json", 2, |mut file: Tokens| {
        let quotary = Quotary::parse(&file.keys).unwrap();
        for signed in &mut file.signed {
            signed.token = quotary.sign(&signed.claims);
            signed.shard = signed.claims.shard();
            assert_eq!(quotary.open(&signed.token).unwrap(), signed.claims);
        }
        for opened in &file.opened {
            quotary.open(&opened.token).unwrap_or_else(|error| panic!("{}: {error}", opened.name));
        }
        for refused in &mut file.refused {
            let error = quotary.open(&refused.token).expect_err(&refused.name).to_string();
            // What the JSON reader adds is its own, and may change with it.
            refused.error = error.split_inclusive("claims:").next().unwrap().to_owned();
        }
        for timed in &mut file.timed {
            let quote = quotary.open(&timed.token).unwrap();
            timed.exposure_error = text(quote.check_held(timed.now_s));
            timed.reward_error = text(quote.check_window(timed.now_s));
        }
        let decided: Decisions = read("decisions.json");
        let (snapshot, key) = (snapshot_of(&decided.snapshot), Key::from_hex(&decided.unit_key).unwrap());
        for pinned in &mut file.pins {
            let unit = UnitKey::of_visitor(&key, &decided.visitors[pinned.visitor].visitor);
            let mut seen = Pins::default();
            for sku in &pinned.catalogue {
                seen.keep_catalogue(snapshot.item(sku).unwrap().experiment(), pinned.now_ms);
            }
            let (first, pins) = seen.settle(&snapshot, &unit, pinned.hold_s, pinned.now_ms);
            assert_eq!(first.len() + pinned.catalogue.len(), snapshot.experiments().len());
            pinned.cookie = pins.seal(&quotary, &unit);
            let held = Pins::open(&quotary, &unit, &pinned.cookie).settle(
                &snapshot,
                &unit,
                pinned.hold_s,
                pinned.now_ms,
            );
            let choices = |decisions: &[haggle::Decision<'_>]| -> Vec<(Choice, u32)> {
                decisions.iter().map(|decision| (decision.choice, decision.propensity)).collect()
            };
            assert_eq!((choices(&held.0), &held.1), (choices(&first), &pins));
        }
        file
    });
}
