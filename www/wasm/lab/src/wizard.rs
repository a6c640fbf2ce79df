//! A new experiment while it is being written: what is wrong with it, which prices to try, how long it takes, its file.

use haggle::experiment::ladder;
use haggle::power::{ArmsPlan, Plan};
use haggle::{Error, Experiment};
use wasm_bindgen::prelude::*;

use crate::value::{column, list, object, text};

/// What is wrong, in the core's words, and the path of the field where it is a matter of one.
pub fn refusal(error: &Error) -> JsValue {
    object(&[("field", text(error.field().unwrap_or_default())), ("error", text(&error.to_string()))])
}

/// A number, or null where there is none.
pub fn number(value: Option<f64>) -> JsValue {
    value.map_or(JsValue::NULL, JsValue::from_f64)
}

/// What is wrong with a definition in JSON; null where it can run.
#[wasm_bindgen]
pub fn check(definition: &str) -> JsValue {
    Experiment::from_json(definition).err().map_or(JsValue::NULL, |error| refusal(&error))
}

/// A definition in JSON that can run, as the file that people keep.
#[wasm_bindgen(js_name = toToml)]
pub fn to_toml(definition: &str) -> Result<String, JsError> {
    Ok(Experiment::from_json(definition)?.to_toml())
}

/// Prices to try beside the control, inside the guardrails; or what is wrong.
#[wasm_bindgen(js_name = suggestPrices)]
pub fn suggest_prices(definition: &str, count: usize) -> JsValue {
    match ladder(definition, count) {
        Ok(prices) => column(&prices.into_iter().map(|price| price as f64).collect::<Vec<_>>()),
        Err(error) => refusal(&error),
    }
}

/// How long it takes to find a difference, and which one the planned days find; or what is wrong.
#[wasm_bindgen]
pub fn plan(planned: &str) -> JsValue {
    let plan = match Plan::from_json(planned) {
        Ok(plan) => plan,
        Err(error) => return refusal(&error),
    };
    let row = |row: &ArmsPlan| {
        let fields =
            [("arms", row.arms as f64), ("found", row.found)].map(|(name, it)| (name, number(Some(it))));
        let [arms, found] = fields;
        object(&[arms, found, ("days", number(row.days))])
    };
    object(&[
        ("needed", number(Some(plan.needed))),
        ("days", number(plan.days)),
        ("weeks", number(plan.weeks)),
        ("found", number(Some(plan.found))),
        ("by_arms", list(plan.by_arms.iter().map(row))),
    ])
}
