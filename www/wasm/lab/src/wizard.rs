//! A new experiment while it is being written: what is wrong with it, which prices to try, how long it takes, its file.

use haggle::experiment::ladder;
use haggle::power::Plan;
use haggle::{Error, Experiment};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::to_js;

/// What is wrong, in the core's words, and the path of the field where it is a matter of one.
#[derive(Serialize)]
pub struct Refusal {
    field: Option<String>,
    error: String,
}

impl Refusal {
    /// The refusal that an error is.
    pub fn of(error: &Error) -> Self {
        Self { field: error.field().map(str::to_owned), error: error.to_string() }
    }
}

/// What is wrong with a definition in JSON; nothing where it can run.
#[wasm_bindgen]
pub fn check(definition: &str) -> Result<JsValue, JsError> {
    to_js(&Experiment::from_json(definition).err().map(|error| Refusal::of(&error)))
}

/// A definition in JSON that can run, as the file that people keep.
#[wasm_bindgen(js_name = toToml)]
pub fn to_toml(definition: &str) -> Result<String, JsError> {
    Ok(Experiment::from_json(definition)?.to_toml())
}

/// Prices to try beside the control, inside the guardrails; or what is wrong.
#[wasm_bindgen(js_name = suggestPrices)]
pub fn suggest_prices(definition: &str, count: usize) -> Result<JsValue, JsError> {
    match ladder(definition, count) {
        Ok(prices) => to_js(&prices),
        Err(error) => to_js(&Refusal::of(&error)),
    }
}

/// How long it takes to find a difference, and which one the planned days find; or what is wrong.
#[wasm_bindgen]
pub fn plan(planned: &str) -> Result<JsValue, JsError> {
    match Plan::from_json(planned) {
        Ok(plan) => to_js(&plan),
        Err(error) => to_js(&Refusal::of(&error)),
    }
}
