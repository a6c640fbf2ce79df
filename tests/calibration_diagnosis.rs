//! How often what `haggle::diagnosis` says of regret and of its own beliefs is wrong, in simulated experiments under batched
//! Thompson sampling.
//!
//! 2000 runs each; the seeds were fixed before looking. A rate measured in 2000 runs has a standard error of at most
//! 0.0112, of 0.0049 near 0.05 and of 0.0022 near 0.01. `cargo test --test calibration_diagnosis -- --nocapture` prints the
//! numbers of docs/statistics.md.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "inference/shop.rs"]
mod shop;

use std::collections::BTreeMap;

use haggle::diagnosis::Evidence;
use haggle::time::HOUR_MS;
use haggle::{Delays, Experiment, History, Period};
use serde_json::{Value, json};
use shop::{ARMS, EQUAL, Shop, UNEQUAL, assert_within, print, rates_of};

/// Epochs of 100 after which regret is looked at for the first time.
const EARLY: usize = 20;

/// The evidence of an experiment that counts orders, long after the last of them.
fn evidence() -> Evidence {
    let mut evidence = Evidence::read(include_str!("golden/evidence.json")).unwrap();
    let mut value: Value = serde_json::from_str(&evidence.definition.to_json()).unwrap();
    value["objective"] = json!("conversion");
    value["holdout"] = json!(0);
    evidence.definition = Experiment::from_json(&value.to_string()).unwrap();
    evidence.experiment = evidence.definition.clone();
    assert_eq!(evidence.experiment.arms.len(), ARMS);
    evidence.delays = Delays::default();
    evidence.now_ms = 10_000 * HOUR_MS;
    evidence
}

fn seen(evidence: &Evidence, periods: Vec<Period>) -> Evidence {
    Evidence { history: History::new(periods).unwrap(), ..evidence.clone() }
}

/// What the first so many periods cost against an arm, in orders.
fn lost(periods: &[Period], rates: [f64; ARMS], to: usize) -> f64 {
    let of = |period: &Period| -> f64 {
        period.arms.iter().zip(rates).map(|(arm, rate)| arm.exposures as f64 * (rates[to] - rate)).sum()
    };
    periods.iter().map(of).sum()
}

/// What becomes of regret and of predictions; of the predictions of a run one after the other is looked at from run to run.
fn found(title: &str, shop: &'static Shop, first_seed: u64) -> BTreeMap<&'static str, f64> {
    let (evidence, truth) = (evidence(), (shop.rates)(0));
    let rates = rates_of(first_seed, |seed| {
        let periods = shop.run(seed);
        let early = seen(&evidence, periods[..EARLY].to_vec()).regret().unwrap().unwrap();
        let at_last = seen(&evidence, periods.clone());
        let late = at_last.regret().unwrap().unwrap();
        let lost = [(&early, EARLY), (&late, periods.len())].map(|(regret, part)| {
            (regret.low[part - 1], lost(&periods[..part], truth, regret.best), regret.high[part - 1])
        });
        let calibration = at_last.calibration().unwrap();
        let one = &calibration.predictions[seed as usize % calibration.predictions.len()];
        let p_value = calibration.p_value.unwrap();
        vec![
            ("regret covered, a fifth of the way", lost[0].0 <= lost[0].1 && lost[0].1 <= lost[0].2),
            ("regret covered, at the end", lost[1].0 <= lost[1].1 && lost[1].1 <= lost[1].2),
            ("regret too high, at the end", late.value[periods.len() - 1] > lost[1].1),
            ("prediction covered", one.low <= one.observed && one.observed <= one.high),
            ("prediction too high", one.predicted > one.observed),
            ("p-value below 0.05", p_value < 0.05),
            ("p-value below 0.5", p_value < 0.5),
            ("alarm", calibration.alarm),
        ]
    });
    print(title, &rates);
    rates
}

/// False alarms and coverage of predictions, however the policy served the arms.
fn beliefs_hold(rates: &BTreeMap<&str, f64>) {
    assert_within(rates, "prediction covered", 0.93, 0.97);
    assert_within(rates, "prediction too high", 0.45, 0.6);
    assert_within(rates, "p-value below 0.05", 0.035, 0.07);
    assert_within(rates, "p-value below 0.5", 0.45, 0.55);
    assert_within(rates, "alarm", 0.003, 0.025);
}

/// Whatever leads of equal arms leads by chance: all of its lead is winner's curse, and the interval pays for it.
#[test]
fn equal_arms() {
    let rates = found("equal arms", &EQUAL, 11_000_000);
    beliefs_hold(&rates);
    assert_within(&rates, "regret covered, a fifth of the way", 0.88, 0.97);
    assert_within(&rates, "regret covered, at the end", 0.88, 0.97);
}

#[test]
fn unequal_arms() {
    let rates = found("unequal arms", &UNEQUAL, 12_000_000);
    beliefs_hold(&rates);
    assert_within(&rates, "regret covered, a fifth of the way", 0.93, 0.98);
    assert_within(&rates, "regret covered, at the end", 0.93, 0.98);
    assert_within(&rates, "regret too high, at the end", 0.45, 0.65);
}

/// What the world left behind raises an alarm.
#[test]
fn demand_that_rises_by_three_tenths() {
    const MOVED: Shop = Shop { rates: |epoch| if epoch < 50 { [0.10; ARMS] } else { [0.13; ARMS] }, ..EQUAL };
    assert_within(&found("demand rises by three tenths", &MOVED, 13_000_000), "alarm", 0.5, 1.0);
}
