//! What would happen: a scenario, run by run, so that whoever asks can show how far it is and stop.

use std::str::FromStr;

use haggle::simulate::{
    CheckpointSummary, CurvePoint, Run, Scenario, Summary, When, run_in_batches, summarise,
};
use haggle::{Error, Policy, PolicyChoice};
use wasm_bindgen::prelude::*;

use crate::value::{column, list, object, text};
use crate::wizard::{number, refusal};

/// Most runs of one policy.
const RUNS_MAX: u32 = 1000;

/// Policies in a scenario, compared side by side. One call of [`step`](Self::step) is one run of one policy; they take
/// turns, so that all of them can be shown from the first moment. An equal split is always among them, at last where it
/// was not asked for.
#[wasm_bindgen]
pub struct Comparison {
    scenario: Scenario,
    checkpoints: Vec<u64>,
    policies: Vec<Compared>,
    shown: usize,
    seed: u64,
    runs: usize,
}

struct Compared {
    name: String,
    choice: PolicyChoice,
    runs: Vec<Run>,
}

/// The prices of a scenario with their rates and values, and the guessed demand; or what is wrong, with its field.
#[wasm_bindgen]
pub fn outlook(scenario: &str) -> JsValue {
    let scenario = match Scenario::from_json(scenario) {
        Ok(scenario) => scenario,
        Err(error) => return refusal(&error),
    };
    object(&[
        ("arms", points(&scenario.points())),
        ("curve", points(&scenario.curve())),
        ("best", JsValue::from_f64(scenario.best_arm() as f64)),
        ("visitors", JsValue::from_f64(scenario.environment().horizon as f64)),
        ("environment", text(&scenario.environment_json())),
    ])
}

fn points(points: &[CurvePoint]) -> JsValue {
    let of = |what: fn(&CurvePoint) -> f64| column(&points.iter().map(what).collect::<Vec<_>>());
    object(&[
        ("price_minor", of(|point| point.price_minor as f64)),
        ("rate", of(|point| point.rate)),
        ("value", of(|point| point.value)),
    ])
}

/// The names of all policies.
#[wasm_bindgen(js_name = policyNames)]
pub fn policy_names() -> Vec<String> {
    Policy::ALL.iter().map(|policy| policy.name().into()).collect()
}

#[wasm_bindgen]
impl Comparison {
    /// A scenario in JSON, policies as on the command line, and how many runs of each.
    #[wasm_bindgen(constructor)]
    pub fn new(scenario: &str, policies: Vec<String>, seed: u32, runs: u32) -> Result<Comparison, JsError> {
        let scenario = Scenario::from_json(scenario)?;
        if !(1..=RUNS_MAX).contains(&runs) {
            return Err(Error::value("runs", runs, format!("1 to {RUNS_MAX}")).into());
        }
        let (shown, mut all) = (policies.len(), policies);
        if !all.iter().any(|name| name == "fixed") {
            all.push("fixed".into());
        }
        let mut chosen = Vec::with_capacity(all.len());
        for name in all {
            let choice = PolicyChoice::from_str(&name)?;
            chosen.push(Compared { name, choice, runs: Vec::new() });
        }
        let checkpoints = scenario.checkpoints()?;
        Ok(Self { scenario, checkpoints, policies: chosen, shown, seed: seed.into(), runs: runs as usize })
    }

    /// Runs that are done, and in all.
    pub fn progress(&self) -> Vec<u32> {
        let done: usize = self.policies.iter().map(|policy| policy.runs.len()).sum();
        vec![done as u32, (self.policies.len() * self.runs) as u32]
    }

    /// Makes the next run; false once all are done.
    pub fn step(&mut self) -> Result<bool, JsError> {
        let next = self.policies.iter_mut().min_by_key(|policy| policy.runs.len());
        let Some(next) = next.filter(|policy| policy.runs.len() < self.runs) else { return Ok(false) };
        let (world, number) = (self.scenario.environment(), next.runs.len() as u64);
        next.runs.push(run_in_batches(world, &next.choice, self.seed, number, &self.checkpoints)?);
        Ok(true)
    }

    /// What the runs amount to that are done.
    pub fn result(&self) -> JsValue {
        let world = self.scenario.environment();
        let done = self.policies.iter().filter(|policy| !policy.runs.is_empty());
        let summaries: Vec<Summary> =
            done.map(|policy| summarise(&policy.name, world, &self.checkpoints, &policy.runs)).collect();
        let equal = summaries.iter().find(|summary| summary.policy == "fixed");
        let equal = equal.map_or(f64::NAN, |summary| summary.earned_mean);
        let days: Vec<f64> =
            self.checkpoints.iter().map(|&units| self.scenario.days_of(units as f64)).collect();
        let shown = summaries.iter().take(self.shown).map(|summary| self.of_policy(summary, equal));
        object(&[("days", column(&days)), ("policies", list(shown))])
    }

    fn of_policy(&self, summary: &Summary, equal: f64) -> JsValue {
        let series = |of: &dyn Fn(&CheckpointSummary) -> f64| {
            column(&summary.checkpoints.iter().map(of).collect::<Vec<_>>())
        };
        let share = |arm: usize| series(&|at| at.shares.get(arm).copied().unwrap_or(f64::NAN));
        let regret = object(&[
            ("mean", series(&|at| at.regret_mean)),
            ("low", series(&|at| at.regret_q05)),
            ("high", series(&|at| at.regret_q95)),
        ]);
        let decisions = summary.decisions.as_ref();
        let when = |when: Option<&When>| {
            let days = |units: Option<f64>| number(units.map(|units| self.scenario.days_of(units)));
            object(&[
                ("runs", number(when.map(|when| when.runs as f64))),
                ("low", days(when.and_then(|when| when.units_q10))),
                ("days", days(when.and_then(|when| when.units_q50))),
                ("high", days(when.and_then(|when| when.units_q90))),
            ])
        };
        object(&[
            ("policy", text(&summary.policy)),
            ("runs", number(Some(summary.runs as f64))),
            ("shares", list((0..self.scenario.environment().arms.len()).map(share))),
            ("regret", regret),
            ("lost", number(Some(summary.regret_mean))),
            ("earned", number(Some(summary.earned_mean))),
            ("to_equal", number(Some(summary.earned_mean - equal))),
            ("best_arm_share", number(Some(summary.best_arm_share))),
            ("decided", when(decisions.map(|all| &all.decided))),
            ("right", when(decisions.map(|all| &all.right))),
            ("best_at_last", number(decisions.map(|all| all.best_at_last as f64))),
        ])
    }
}
