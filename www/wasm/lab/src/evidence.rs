//! What was counted of one experiment, and what is made of it.
//!
//! Numbers that stand for each period or place of a grid are columns; all else is in small objects. What there is not
//! is null, as the core's `None`.

mod health;

mod shape;

use haggle::Prior;
use haggle::diagnosis::Evidence;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

/// The evidence of one experiment.
#[wasm_bindgen]
pub struct Lab {
    evidence: Evidence,
}

/// Another prior, where both of its parameters are given.
fn prior(alpha: Option<f64>, beta: Option<f64>) -> Result<Option<Prior>, JsError> {
    Ok(match (alpha, beta) {
        (Some(alpha), Some(beta)) => Some(Prior::new(alpha, beta)?),
        _ => None,
    })
}

#[wasm_bindgen]
impl Lab {
    /// From the bytes of the API's answer.
    #[wasm_bindgen(constructor)]
    pub fn new(evidence: &Uint8Array) -> Result<Lab, JsError> {
        // As bytes they are copied at once; of a text wasm-bindgen would copy megabytes letter by letter.
        let text = String::from_utf8(evidence.to_vec())?;
        Ok(Self { evidence: Evidence::read(&text)? })
    }

    /// Shares, values and gains over time.
    pub fn series(&self) -> Result<JsValue, JsError> {
        Ok(shape::series(&self.evidence, &self.evidence.series()?))
    }

    /// Observed and fitted demand.
    pub fn demand(&self) -> Result<JsValue, JsError> {
        Ok(shape::demand(&self.evidence.demand()?))
    }

    /// Beliefs, with the experiment's prior or another one.
    pub fn densities(&self, alpha: Option<f64>, beta: Option<f64>) -> Result<JsValue, JsError> {
        let densities = self.evidence.densities(prior(alpha, beta)?)?;
        Ok(densities.map_or(JsValue::NULL, |of| shape::densities(&self.evidence, &of)))
    }

    /// Why the allocation is what it is.
    pub fn why(&self, alpha: Option<f64>, beta: Option<f64>) -> Result<JsValue, JsError> {
        let why = self.evidence.why(prior(alpha, beta)?)?;
        Ok(why.map_or(JsValue::NULL, |of| shape::why(&self.evidence, &of)))
    }

    /// How long orders take, and the correction for it.
    pub fn delays(&self) -> JsValue {
        health::delays(&self.evidence, &self.evidence.delays())
    }

    /// Rates from window to window.
    pub fn stability(&self) -> JsValue {
        health::stability(&self.evidence, &self.evidence.stability())
    }

    /// Served against planned shares.
    pub fn propensities(&self) -> Result<JsValue, JsError> {
        let propensities = self.evidence.propensities()?;
        Ok(propensities.map_or(JsValue::NULL, |of| health::propensities(&self.evidence, &of)))
    }

    /// For how many units other targets could be judged.
    pub fn off_policy(&self) -> Result<JsValue, JsError> {
        Ok(health::off_policy(&self.evidence.off_policy()?))
    }

    /// What was lost so far.
    pub fn regret(&self) -> Result<JsValue, JsError> {
        let regret = self.evidence.regret()?;
        Ok(regret.map_or(JsValue::NULL, |of| health::regret(&self.evidence, &of)))
    }

    /// Beliefs of earlier against what came after.
    pub fn calibration(&self) -> Result<JsValue, JsError> {
        Ok(health::calibration(&self.evidence, &self.evidence.calibration()?))
    }

    /// The allocation before and after an action of the API.
    pub fn next(&self, action: &str, body: &str) -> Result<JsValue, JsError> {
        Ok(shape::next(&self.evidence.next(action, body)?))
    }
}
