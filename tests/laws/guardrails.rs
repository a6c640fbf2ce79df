//! No price leaves the core outside of its guardrails, whatever way it goes: decided, pinned, quoted or verified. The one
//! exception is the catalogue price, which the shop charges anyway.

use haggle::quote::Expected;
use haggle::{Entry, Experiment, Key, Pinned, Pins, Quote, Shop, Snapshot, Terms, decide};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{HOLD_S, NOW_MS, SECRET, base64url, cases, input, quotary, unit};

const NOW_S: u64 = NOW_MS / 1000;

/// Guardrails as a team might write them; some contradict each other, or the catalogue price.
fn any_guardrails() -> impl Strategy<Value = Value> {
    let amount = || prop::option::of(1i64..4000);
    let margin = prop::option::of(0u32..200);
    let step = prop::option::of(1u32..150);
    let grid = prop::option::of(prop::sample::select(vec![1i64, 5, 10, 50, 100]));
    let endings = prop::option::of(prop::sample::subsequence(vec![0u16, 49, 50, 90, 95, 99], 1..=6));
    (amount(), amount(), amount(), margin, step, grid, endings).prop_map(
        |(least, most, map, margin, step, grid, endings)| {
            let mut table = Map::new();
            let mut put = |name: &str, value: Option<Value>| {
                value.map(|value| table.insert(name.into(), value));
            };
            put("min_price_minor", least.map(|price| json!(price / 3 + 1)));
            put("max_price_minor", most.map(|price| json!(price * 2)));
            put("map_minor", map.map(|price| json!(price / 3 + 1)));
            put("min_margin", margin.map(|percent| json!(f64::from(percent) / 100.0)));
            put("max_step", step.map(|percent| json!(f64::from(percent) / 100.0)));
            put("grid_minor", grid.map(|grid| json!(grid)));
            put("endings", endings.map(|endings| json!(endings)));
            Value::Object(table)
        },
    )
}

#[derive(Debug, Clone)]
struct Case {
    guardrails: Value,
    catalogue_minor: i64,
    cost_minor: i64,
    tax_percent: u32,
    prices: Vec<i64>,
}

fn any_case() -> impl Strategy<Value = Case> {
    let prices = prop::collection::btree_set(1i64..4000, 1..8);
    (any_guardrails(), 100i64..4000, 0i64..2000, 0u32..26, prices, any::<bool>()).prop_map(
        |(guardrails, catalogue_minor, cost_minor, tax_percent, prices, round)| {
            // Rounded, so that grids and endings let some of them pass.
            let prices = prices.into_iter().map(|price| if round { price / 50 * 50 + 50 } else { price });
            let mut prices: Vec<i64> = prices.filter(|&price| price != catalogue_minor).collect();
            prices.dedup();
            Case { guardrails, catalogue_minor, cost_minor, tax_percent, prices }
        },
    )
}

impl Case {
    fn definition(&self, prices: &[i64]) -> Value {
        let arms = prices
            .iter()
            .enumerate()
            .map(|(i, price)| json!({ "name": format!("a{i}"), "price_minor": price }));
        let control = json!({ "name": "list", "price_minor": self.catalogue_minor });
        json!({
            "name": "law", "hypothesis": "h", "document": "https://wiki.example/law", "objective": "revenue",
            "currency": "EUR", "salt": "law", "control": "list", "guardrails": self.guardrails,
            "item": {
                "sku": "ITEM", "price_minor": self.catalogue_minor, "cost_minor": self.cost_minor,
                "price_includes_tax": true, "tax_rate": f64::from(self.tax_percent) / 100.0,
            },
            "arms": std::iter::once(control).chain(arms).collect::<Vec<_>>(), "policy": { "name": "thompson" },
        })
    }

    /// Written a second time, in plain words, with the fractions of the file in whole percent.
    fn allows(&self, price: i64) -> bool {
        let number = |name: &str| self.guardrails.get(name).and_then(Value::as_i64);
        let percent = |name: &str| {
            self.guardrails.get(name).and_then(Value::as_f64).map(|part| (part * 100.0).round() as i64)
        };
        let (catalogue, cost, tax) = (self.catalogue_minor, self.cost_minor, i64::from(self.tax_percent));
        number("min_price_minor").is_none_or(|least| price >= least)
            && number("max_price_minor").is_none_or(|most| price <= most)
            && number("map_minor").is_none_or(|least| price >= least)
            && number("grid_minor").is_none_or(|grid| price % grid == 0)
            && percent("min_margin").is_none_or(|m| price * 10_000 >= cost * (100 + m) * (100 + tax))
            && percent("max_step").is_none_or(|step| (price - catalogue).abs() * 100 <= catalogue * step)
            && self
                .guardrails
                .get("endings")
                .and_then(Value::as_array)
                .is_none_or(|endings| endings.iter().any(|ending| ending.as_i64() == Some(price % 100)))
    }

    /// Of the prices those that can be read.
    fn snapshot(&self, shop: &Shop<'_>) -> Option<Snapshot> {
        let prices: Vec<i64> = self.prices.iter().copied().filter(|&price| self.allows(price)).collect();
        let experiment = Experiment::from_json(&self.definition(&prices).to_string()).ok()?;
        let entry = Entry::new(&experiment, 1, input(&experiment, &[]));
        Some(Snapshot::decode(Snapshot::encode_shop(1, 1, &[entry], shop).unwrap()).unwrap())
    }
}

proptest! {
    #![proptest_config(cases(256))]

    /// An experiment is read if and only if all its arms but the control keep the guardrails.
    #[test]
    fn an_arm_outside_of_its_guardrails_is_not_read(case in any_case()) {
        prop_assume!(!case.prices.is_empty());
        let read = Experiment::from_json(&case.definition(&case.prices).to_string());
        let allowed = case.prices.iter().all(|&price| case.allows(price));
        prop_assert_eq!(read.is_ok(), allowed, "{:?}", read.err());
    }

    #[test]
    fn no_price_leaves_the_core_outside_of_its_guardrails(
        case in any_case(), n: u64, payload in prop::collection::vec(any::<u8>(), 0..60), claimed in -10i64..5000,
        (stopped, expires) in any::<(bool, bool)>(),
    ) {
        let Some(snapshot) = case.snapshot(&Shop { is_stopped: stopped, ..Shop::default() }) else { return Ok(()) };
        let passes = |price: i64| price == case.catalogue_minor || case.allows(price);
        let (unit, live) = (unit(n), &snapshot.experiments()[0]);
        let mut decisions: Vec<_> = decide(&snapshot, "ITEM", &unit, NOW_MS).into_iter().collect();

        // Pins of any content under a genuine MAC.
        let mut payload = payload;
        if let Some(first) = payload.get_mut(..3) {
            first.copy_from_slice(&live.tag().to_le_bytes()[..3]);
        }
        let mac = Key::from_hex(SECRET).unwrap().sign(&[b"haggle pins 1\0", unit.bytes(), &payload]);
        let pins = Pins::open(&quotary(), &unit, &base64url(&[&payload[..], &mac[..16]].concat()));
        if let Some(Pinned::Decision(decision)) = pins.find(live, u64::MAX, NOW_MS) {
            decisions.push(decision);
        }
        decisions.extend(pins.settle(&snapshot, &unit, HOLD_S, NOW_MS).0);
        prop_assert!(!stopped || decisions.is_empty());

        let terms = Terms {
            merchant: "m", version: 1, now_s: NOW_S,
            pin_hold_s: HOLD_S, cart_hold_s: 60, shards: 4,
        };
        let order = Expected { merchant: "m", sku: "ITEM", currency: Some("EUR"), now_s: NOW_S };
        for decision in decisions {
            let item = snapshot.item("ITEM").unwrap();
            prop_assert!(passes(item.price(&decision)));
            let quote = Quote::new(&item, &decision, &unit, terms);
            prop_assert!(passes(quote.price_minor));
            // A genuine quote of any price, as if the guardrails had been others when it was signed.
            for price_minor in [quote.price_minor, claimed] {
                let claim = Quote { price_minor, issued_at_s: NOW_S, expires_at_s: NOW_S + u64::from(expires), ..quote.clone() };
                let opened = quotary().open(&quotary().sign(&claim)).unwrap();
                let verified = opened.verify(&order, Some(&snapshot));
                prop_assert_eq!(verified.is_ok(), expires && passes(price_minor), "{:?}", verified);
                prop_assert!(verified.is_err() || verified == Ok(price_minor));
            }
        }
    }
}
