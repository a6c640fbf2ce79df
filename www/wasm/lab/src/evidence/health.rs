//! What tells whether to believe the rest, as the objects that `www/lab.js` describes.

use crate::value::{column, count, list, maybe, name, number, object, text};
use haggle::diagnosis::{
    Calibration, Coverage, DelayReport, Evidence, Prediction, Propensities, Regret, SAMPLE_MIN, Stability,
};
use haggle::inference::ALARM_AT;
use wasm_bindgen::JsValue;

pub fn delays(evidence: &Evidence, delays: &DelayReport) -> JsValue {
    let arms = delays.arms.iter().enumerate().map(|(place, arm)| {
        object(&[
            ("name", name(evidence, place)),
            ("exposures", number(arm.exposures)),
            ("effective", number(arm.effective)),
            ("orders", number(arm.orders)),
            ("rate", number(arm.rate())),
            ("rate_corrected", number(arm.rate_corrected())),
        ])
    });
    object(&[
        ("hours", column(&delays.hours)),
        ("share_by", column(&delays.share_by)),
        ("counts", column(&delays.counts)),
        ("mean_h", number(delays.mean_h)),
        ("window_h", number(delays.window_h)),
        ("pending", number(delays.pending)),
        ("method", text(evidence.experiment.delay.name())),
        ("correction", list(arms)),
    ])
}

pub fn stability(evidence: &Evidence, stability: &Stability) -> JsValue {
    let arms = stability.arms.iter().enumerate().map(|(place, arm)| {
        object(&[
            ("name", name(evidence, place)),
            ("rate", column(&arm.rate)),
            ("low", column(&arm.low)),
            ("high", column(&arm.high)),
            ("drift", object(&[("p_value", maybe(arm.p_value)), ("alarm", arm.alarm.into())])),
        ])
    });
    object(&[("at_ms", column(&stability.at_ms)), ("arms", list(arms))])
}

pub fn propensities(evidence: &Evidence, propensities: &Propensities) -> JsValue {
    let ratios = propensities.ratio.ratios.iter();
    let arms = propensities.cells.iter().zip(ratios).enumerate().map(|(place, (cell, &ratio))| {
        let is_arm = place < evidence.experiment.arms.len();
        object(&[
            ("name", if is_arm { name(evidence, place) } else { text("holdout") }),
            ("served", number(cell.served)),
            ("planned", number(cell.planned)),
            ("exposures", count(cell.exposures)),
            ("ratio", number(ratio)),
        ])
    });
    let ratio = &propensities.ratio;
    object(&[
        ("arms", list(arms)),
        ("e_value", number(ratio.e_value())),
        ("p_value", number(ratio.p_value())),
        ("alarm", ratio.alarm(ALARM_AT).into()),
        ("left_out", count(ratio.left_out)),
    ])
}

pub fn off_policy(coverage: &[Coverage]) -> JsValue {
    list(coverage.iter().map(|of| {
        object(&[
            (if of.is_arm { "arm" } else { "policy" }, text(&of.name)),
            ("ess", number(of.size)),
            ("exposures", number(of.exposures)),
            ("enough", (of.size >= SAMPLE_MIN).into()),
            ("least", number(SAMPLE_MIN)),
            ("share_of_exposures", number(if of.exposures > 0.0 { of.size / of.exposures } else { 0.0 })),
        ])
    }))
}

pub fn regret(evidence: &Evidence, regret: &Regret) -> JsValue {
    object(&[
        ("at_ms", column(&regret.at_ms)),
        ("value", column(&regret.value)),
        ("low", column(&regret.low)),
        ("high", column(&regret.high)),
        ("per_unit", number(regret.per_unit)),
        ("best", name(evidence, regret.best)),
    ])
}

pub fn calibration(evidence: &Evidence, calibration: &Calibration) -> JsValue {
    let prediction = |of: &Prediction| {
        object(&[
            ("name", name(evidence, of.arm)),
            ("at_ms", number(of.at_ms)),
            ("predicted", number(of.predicted)),
            ("low", number(of.low)),
            ("high", number(of.high)),
            ("observed", number(of.observed)),
            ("exposures", number(of.exposures)),
        ])
    };
    object(&[
        ("predictions", list(calibration.predictions.iter().map(prediction))),
        ("held", number(calibration.held as f64)),
        ("p_value", maybe(calibration.p_value)),
        ("alarm", calibration.alarm.into()),
    ])
}
