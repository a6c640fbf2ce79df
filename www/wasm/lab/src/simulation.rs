//! What would happen: a scenario, run by run, so that whoever asks can show how far it is and stop.

use std::str::FromStr;

use haggle::simulate::{Run, Scenario, Summary, run, summarise};
use haggle::{Error, Policy, PolicyChoice};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::{to_js, wizard::Refusal};

/// Most runs of one policy.
const RUNS_MAX: u32 = 1000;

/// Policies in a scenario, compared side by side. One call of [`step`](Self::step) is one run of one policy; they take
/// turns, so that all of them can be shown from the first moment. An equal split is always among them, at last where it
/// was not asked for.
#[wasm_bindgen]
pub struct Comparison {
    scenario: Scenario,
    checkpoints: Vec<u64>,
    policies: Vec<(String, PolicyChoice, Vec<Run>)>,
    shown: usize,
    seed: u64,
    runs: u32,
}

#[derive(Serialize)]
struct Outlook<'a> {
    arms: Vec<haggle::simulate::CurvePoint>,
    curve: Vec<haggle::simulate::CurvePoint>,
    best: usize,
    visitors: u64,
    environment: &'a str,
}

#[derive(Serialize)]
struct Found {
    days: Vec<f64>,
    policies: Vec<OfPolicy>,
}

#[derive(Serialize)]
struct OfPolicy {
    summary: Summary,
    /// Earned less what an equal split earns, in the objective's unit.
    to_equal: f64,
    days_decided: Vec<Option<f64>>,
    days_right: Option<f64>,
}

/// The prices of a scenario with their rates and values, and the guessed demand; or what is wrong, with its field.
#[wasm_bindgen]
pub fn outlook(scenario: &str) -> Result<JsValue, JsError> {
    let scenario = match Scenario::from_json(scenario) {
        Ok(scenario) => scenario,
        Err(error) => return to_js(&Refusal::of(&error)),
    };
    to_js(&Outlook {
        arms: scenario.points(),
        curve: scenario.curve(),
        best: scenario.best_arm(),
        visitors: scenario.environment().horizon,
        environment: scenario.environment_json(),
    })
}

/// Why these policies cannot run in a scenario, one text or nothing for each.
#[wasm_bindgen(js_name = checkPolicies)]
pub fn check_policies(scenario: &str, policies: Vec<String>) -> Result<JsValue, JsError> {
    let scenario = Scenario::from_json(scenario)?;
    let why = |text: &String| {
        let choice = PolicyChoice::from_str(text);
        choice.and_then(|choice| scenario.environment().check_policy(&choice)).err().map(|error| error.to_string())
    };
    to_js(&policies.iter().map(why).collect::<Vec<_>>())
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
        let shown = policies.len();
        let mut all = policies;
        if !all.iter().any(|name| name == "fixed") {
            all.push("fixed".into());
        }
        let mut chosen = Vec::with_capacity(all.len());
        for name in all {
            let choice = PolicyChoice::from_str(&name)?;
            scenario.environment().check_policy(&choice)?;
            chosen.push((name, choice, Vec::new()));
        }
        let checkpoints = scenario.checkpoints()?;
        Ok(Self { scenario, checkpoints, policies: chosen, shown, seed: seed.into(), runs })
    }

    /// Runs in all, and those that are done.
    pub fn progress(&self) -> Vec<u32> {
        let done = self.policies.iter().map(|(_, _, runs)| runs.len() as u32).sum();
        vec![done, self.policies.len() as u32 * self.runs]
    }

    /// Makes the next run; false once all are done.
    pub fn step(&mut self) -> Result<bool, JsError> {
        let next = self.policies.iter_mut().min_by_key(|(_, _, runs)| runs.len());
        let Some((_, choice, runs)) = next.filter(|(_, _, runs)| runs.len() < self.runs as usize) else {
            return Ok(false);
        };
        let number = runs.len() as u64;
        runs.push(run(self.scenario.environment(), choice, self.seed, number, &self.checkpoints)?);
        Ok(true)
    }

    /// What the runs amount to that are done.
    pub fn result(&self) -> Result<JsValue, JsError> {
        let environment = self.scenario.environment();
        let summaries = self.policies.iter().filter(|(_, _, runs)| !runs.is_empty());
        let summaries: Vec<Summary> =
            summaries.map(|(name, _, runs)| summarise(name, environment, &self.checkpoints, runs)).collect();
        let equal = summaries.iter().find(|summary| summary.policy == "fixed").map_or(f64::NAN, |it| it.earned_mean);
        let days = |units: Option<f64>| units.map(|units| self.scenario.days_of(units));
        let of_policy = |summary: Summary| {
            let decisions = summary.decisions.as_ref();
            let decided = decisions.map(|all| [all.decided.units_q10, all.decided.units_q50, all.decided.units_q90]);
            OfPolicy {
                to_equal: summary.earned_mean - equal,
                days_decided: decided.into_iter().flatten().map(days).collect(),
                days_right: days(decisions.and_then(|all| all.right.units_q50)),
                summary,
            }
        };
        to_js(&Found {
            days: self.checkpoints.iter().map(|&units| self.scenario.days_of(units as f64)).collect(),
            policies: summaries.into_iter().take(self.shown).map(of_policy).collect(),
        })
    }
}
