//! The whole JSON of an invented experiment: four weeks, four prices of which one came later, a negative group.
//!
//! `HAGGLE_BLESS=1 cargo test --lib answer` writes it anew. Command line, dashboard and archived reports read this shape:
//! a field that is missing or has another meaning breaks them.

use super::*;
use crate::TOTAL;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/report.json");
const START_MS: u64 = 1_796_083_200_000;
const DAY_MS: u64 = 86_400_000;

const OLIVE: &str = r#"{
    "name": "sevilla", "hypothesis": "At 17.50 enough more visitors buy the half litre to earn more than at 19.00.",
    "document": "https://wiki.example/pricing/sevilla", "author": "Maria Ruiz", "objective": "profit", "currency": "EUR",
    "salt": "sevilla-2026", "control": "list", "policy": {"name": "thompson"}, "holdout": 0.1, "floor": 0.02,
    "reward_window_hours": 72, "stop": {"expected_loss_minor": 0.5, "min_weeks": 2},
    "item": {"sku": "OLIVE-500", "price_minor": 1900, "cost_minor": 800},
    "arms": [{"name": "list", "price_minor": 1900}, {"name": "low", "price_minor": 1750}, {"name": "high", "price_minor": 2100},
             {"name": "middle", "price_minor": 1850, "added": true}]
}"#;

/// Orders of a number of visitors, by a small generator of numbers.
fn orders(visitors: i64, rate: f64, state: &mut u64) -> i64 {
    let mut next = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) as f64 / (1_u64 << 31) as f64
    };
    (0..visitors).filter(|_| next() < rate).count() as i64
}

/// Shares of the arms on a day: they go over to the low price, and the middle one comes on the eighth day.
fn shares(day: u32) -> [u32; 4] {
    let low = (20_000 + 1_400 * day).min(50_000);
    let middle = if day < 7 { 0 } else { 4_000 };
    let high = TOTAL.saturating_sub(low + middle) / 3;
    [TOTAL - low - middle - high, low, high, middle]
}

fn periods() -> Vec<Period> {
    let first_hour = (START_MS / 3_600_000) as u32;
    let mut state = 7;
    let of_day = |day: u32| {
        let visitors = 900 + 40 * i64::from(day % 7);
        let shares = shares(day);
        let arms = shares.iter().zip([(1900, 0.100), (1750, 0.138), (2100, 0.071), (1850, 0.103)]);
        let mut tally = |visitors: i64, (price, rate): (i64, f64)| {
            sold_of(visitors, orders(visitors, rate, &mut state), price)
        };
        let arms = arms.map(|(&share, demand)| tally(visitors * i64::from(share) / i64::from(TOTAL), demand));
        let arms = arms.collect();
        let cohort = Cohort { epoch: 1 + day, hour: first_hour + 24 * day + 23 };
        Period { cohort, shares: shares.to_vec(), arms, holdout: tally(visitors / 9, (1900, 0.100)) }
    };
    (0..28).map(of_day).collect()
}

fn sold_of(exposures: i64, conversions: i64, price: i64) -> Tally {
    Tally { exposures, ..sold(exposures, conversions, price) }
}

fn written() -> String {
    let experiment = Experiment::from_json(OLIVE).unwrap();
    let history = History::new(periods()).unwrap();
    let input = evidence::pooled(&experiment, &history.arm_totals().unwrap()).unwrap();
    let group = |more: i64| -> Vec<Total> {
        let item = |n: i64| Total {
            value_minor: 28 * (900 + n * n + more + n * 37 % 60),
            hours: 672.0,
            past: Some(900 + n * n),
        };
        (0..40).map(item).collect()
    };
    let (positive, negative) = (group(55), group(0));
    let counted = Counted {
        history: &history,
        negative: sold_of(26_000, 2_100, 1450),
        panel: None,
        groups: Some([&positive, &negative]),
        now_hour: ((START_MS + 32 * DAY_MS) / 3_600_000) as u32,
    };
    let answer = Answer::new(&experiment, &counted, &input).unwrap();
    let day = |day: u32| START_MS + u64::from(day) * DAY_MS;
    let allocations: Vec<String> = (0..28).map(|at| format!("[{},{:?}]", day(at), shares(at))).collect();
    let intervention = |at: u32, who: &str, action: &str, reason: &str, change: &str| {
        format!(
            "{{\"at_ms\":{},\"who\":\"{who}\",\"action\":\"{action}\",\"reason\":\"{reason}\",{change}}}",
            day(at)
        )
    };
    let interventions = [
        intervention(
            0,
            "maria@shop.example",
            "start",
            "as agreed on Monday",
            r#""before":{"state":"draft"},"after":{"state":"running"}"#,
        ),
        intervention(
            7,
            "jan@shop.example",
            "add-arm",
            "18.50 was asked for by sales",
            r#""before":{"arms":["list","low","high"]},"after":{"arms":["list","low","high","middle"]}"#,
        ),
        intervention(
            28,
            "haggle",
            "decide",
            "the loss expected of arm low is small enough",
            r#""before":{"state":"running"},"after":{"state":"decided"}"#,
        ),
    ];
    let (allocations, interventions) =
        (format!("[{}]", allocations.join(",")), format!("[{}]", interventions.join(",")));
    answer.to_json(
        &experiment,
        &Record {
            original: &experiment,
            original_json: OLIVE,
            definition_json: OLIVE,
            state: "archived",
            is_stopped: false,
            now_ms: day(32),
            started_at_ms: START_MS,
            decided_at_ms: Some(day(28)),
            archived_at_ms: Some(day(32)),
            version: 4_711,
            decision_json: Some(r#"{"arm":"low","rule":"expected loss"}"#),
            groups_json: Some(r#"{"positive":40,"negative":40,"strata":4,"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}"#),
            interventions_json: &interventions,
            allocations_json: &allocations,
            mismatches_json: r#"[{"sku":"OLIVE-500","surface":"json-ld","count":3}]"#,
            ledger_json: r#"{"stored":4012,"matched":4001,"unmatched":11,"exposures":52000,"sources":4,"oldest_report_at_ms":1798848000000}"#,
        },
    )
}

#[test]
fn the_whole_json_is_the_golden_one() {
    let now: Value = serde_json::from_str(&written()).unwrap();
    if std::env::var_os("HAGGLE_BLESS").is_some() {
        std::fs::write(GOLDEN, serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
    }
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(GOLDEN).unwrap()).unwrap();
    for (name, value) in golden.as_object().unwrap() {
        assert_eq!(&now[name], value, "{name}");
    }
    assert_eq!(now, golden);
}
