//! The core in the browser: what an experiment has learned, what its policy would do next, and what would happen to
//! another one. A mirror, not a brain: every number is computed by the crate `haggle`.
//!
//! | file | what JavaScript gets |
//! |---|---|
//! | `evidence` | `Lab`: what was counted of one experiment, and what is made of it |
//! | `value` | objects and columns of numbers |
//!
//! Shapes are described in `www/lab.js`. Out of scope: fetching the evidence, which is the page's business, and drawing.

mod evidence;

mod value;

mod published;

use haggle::Experiment;
use haggle::simulate::{Simulation, simulate};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// Runs the whole loop in memory and returns the state after every publication.
///
/// `experiment` is the JSON text of an experiment, `simulation` that of an object with `rates`, `horizon`,
/// `publish_every`, `delay_mean` and `seed`, see `haggle::simulate`.
#[wasm_bindgen(js_name = simulate)]
pub fn run_simulation(experiment: &str, simulation: &str) -> Result<JsValue, JsError> {
    to_js(&simulate(&Experiment::from_json(experiment)?, &Simulation::from_json(simulation)?)?)
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsError> {
    serde_wasm_bindgen::to_value(value).map_err(|error| JsError::new(&error.to_string()))
}
