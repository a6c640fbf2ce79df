//! Times the core natively: `cargo bench --bench native`, or all of it beside the rest with `make bench`.
//!
//! One line of JSON for each measure: nanoseconds for one operation, the median of the rounds with the least and the
//! most. The Worker's build, optimised for size, is timed in wasm.

// The one place beside the Worker where a clock is read: it times the core from outside.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use haggle::groups::Member;
use haggle::simulate::{Environment, checkpoints, run};
use haggle::{
    Entry, Experiment, Groups, Key, Posterior, Quotary, Quote, Snapshot, Tally, Terms, UnitKey, decide,
    evidence, p_best,
};
use serde_json::{Value, json};

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(60);
const NOW_MS: u64 = 1_800_000_000_000;

/// Prints the time of one call of `work`, which gets the number of the call.
fn measure(name: &str, work: impl FnMut(u64)) {
    measure_of(name, 1, work);
}

/// As [`measure`], where a call does `operations`.
fn measure_of(name: &str, operations: u64, mut work: impl FnMut(u64)) {
    let mut calls = 1;
    while time(calls, &mut work) < ROUND / 4 {
        calls *= 2;
    }
    let per_round = calls as f64 * ROUND.as_secs_f64() / time(calls, &mut work).as_secs_f64();
    let calls = (per_round as u64).max(1);
    let mut ns: Vec<f64> = (0..ROUNDS)
        .map(|_| time(calls, &mut work).as_secs_f64() * 1e9 / (calls * operations) as f64)
        .collect();
    ns.sort_by(f64::total_cmp);
    println!("{}", json!({ "name": name, "ns": ns[ROUNDS / 2], "least": ns[0], "most": ns[ROUNDS - 1] }));
}

fn time(calls: u64, work: &mut impl FnMut(u64)) -> Duration {
    let start = Instant::now();
    (0..calls).for_each(work);
    start.elapsed()
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/allocations.json")).unwrap()
}

fn snapshot(golden: &Value) -> Snapshot {
    let hex = golden["snapshots"][0]["bytes"].as_str().unwrap();
    let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
    Snapshot::decode(bytes.collect()).unwrap()
}

/// Each item at a price of its own, on an arm that everybody sees.
fn ten_thousand_items() -> Vec<u8> {
    let arms = [("list", 1.0), ("low", 0.9), ("high", 1.1), ("higher", 1.2)];
    let arms = arms.map(|(name, times)| json!({ "name": name, "multiplier": times }));
    let definition = json!({
        "name": "bench", "hypothesis": "h", "document": "https://wiki.example/bench", "author": "bench",
        "objective": "revenue", "currency": "EUR", "salt": "bench", "control": "list", "unit": "item",
        "policy": { "name": "fixed" }, "scope": { "items": "all" }, "arms": arms,
    });
    let member = |i: i64| Member {
        sku: format!("SKU-{i:05}"),
        is_negative: false,
        family: String::new(),
        price_minor: 1000 + i,
        cost_minor: None,
        floor_minor: 1,
        ceiling_minor: 100_000,
        prices: [100, 90, 110, 120].map(|percent| (1000 + i) * percent / 100).to_vec(),
        past: None,
    };
    let groups = Groups::new((0..10_000).map(member).collect());
    let experiment = groups.priced(&Experiment::from_json(&definition.to_string()).unwrap());
    let input = evidence::pooled(&experiment, &[Tally::default(); 4]).unwrap();
    let arms_of: Vec<u8> = (0..10_000u32).map(|i| (i % 4) as u8).collect();
    let entry = Entry { groups: Some(&groups), arms_of: &arms_of, ..Entry::new(&experiment, 1, input) };
    Snapshot::encode(1, 1, &[entry]).unwrap()
}

fn posteriors(golden: &Value, case: &str) -> Vec<Posterior> {
    let cases = golden["cases"].as_array().unwrap();
    let case = cases.iter().find(|one| one["name"] == case).unwrap();
    let rows: Vec<(f64, f64, i64)> = serde_json::from_value(case["posteriors"].clone()).unwrap();
    rows.into_iter().map(|(alpha, beta, value)| Posterior::new(alpha, beta, value).unwrap()).collect()
}

fn main() {
    let golden = golden();
    let snapshot = snapshot(&golden);
    let unit = |n: u64| UnitKey::from_bytes(u128::from(n).to_le_bytes());
    for (name, sku) in [("decide, 4 arms", "four-few"), ("decide, 10 arms", "ten-prices-floor")] {
        measure(name, |n| {
            black_box(
                decide(&snapshot, sku, &unit(n), NOW_MS)
                    .zip(snapshot.item(sku))
                    .map(|(decision, item)| item.price(&decision)),
            );
        });
    }
    let key = Key::new(&[7; 32]);
    measure("unit of a visitor", |n| {
        black_box(UnitKey::of_visitor(&key, &format!("{n:032x}")));
    });
    for (name, case) in
        [("p_best, 4 arms", "four-few"), ("p_best, 10 arms", "ten-prices"), ("p_best, 32 arms", "32-few")]
    {
        let posteriors = posteriors(&golden, case);
        measure(name, |_| {
            black_box(p_best(black_box(&posteriors)));
        });
    }
    // Ten arms, a publication after every 1000 units, through assignment, tallies, ledger, evidence and snapshots.
    let world = Environment::from_toml(include_str!("environments/cl10.toml")).unwrap();
    let world = world.with_feedback_every(1000).unwrap();
    let (policy, at) = ("thompson".parse().unwrap(), checkpoints(world.horizon, 1).unwrap());
    measure_of("simulated Thompson decision, 10 arms", world.horizon, |n| {
        black_box(run(&world, &policy, 1, n, &at).unwrap());
    });
    let bytes = ten_thousand_items();
    measure("snapshot of 10 000 items on 4 arms decoded", |_| {
        black_box(Snapshot::decode(black_box(bytes.clone())).unwrap());
    });
    let quotary = Quotary::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let quote = |n: u64| {
        let decision = decide(&snapshot, "four-few", &unit(n), NOW_MS).unwrap();
        let terms = Terms {
            merchant: "almazara",
            version: 1,
            now_s: 0,
            cart_hold_s: 0,
            pin_hold_s: 172_800,
            shards: 4,
        };
        Quote::new(&snapshot.item("four-few").unwrap(), &decision, &unit(n), terms)
    };
    let one = quote(1);
    measure("quote signed", |_| {
        black_box(quotary.sign(black_box(&one)));
    });
    let token = quotary.sign(&one);
    measure("quote opened", |_| {
        black_box(quotary.open(black_box(&token)).is_ok());
    });
}
