//! The core's answers as the objects that `www/lab.js` describes.

use crate::value::{column, count, list, object, text};
use haggle::diagnosis::{
    ArmSeries, Band, Coverage, DelayReport, Demand, Densities, Evidence, Next, Prediction, Propensities,
    Regret, Series, Share, Stability, Why,
};
use wasm_bindgen::JsValue;

fn number(value: f64) -> JsValue {
    JsValue::from_f64(value)
}

fn maybe(value: Option<f64>) -> JsValue {
    value.map_or(JsValue::NULL, number)
}

/// Name of the arm at this place.
fn name(evidence: &Evidence, place: usize) -> JsValue {
    evidence.experiment.arms.get(place).map_or(JsValue::NULL, |arm| text(&arm.name))
}

fn band(band: &Band) -> [(&'static str, JsValue); 3] {
    [("value", column(&band.value)), ("low", column(&band.low)), ("high", column(&band.high))]
}

fn line(line: &ArmSeries, more: &[(&str, JsValue)]) -> JsValue {
    let mut fields = more.to_vec();
    fields.extend(band(&line.value));
    fields.extend([("exposures", column(&line.exposures)), ("orders", column(&line.orders))]);
    object(&fields)
}

pub fn series(evidence: &Evidence, series: &Series) -> JsValue {
    let arms = series
        .arms
        .iter()
        .enumerate()
        .map(|(place, arm)| line(arm, &[("name", name(evidence, place)), ("share", column(&arm.share))]));
    object(&[
        ("at_ms", column(&series.at_ms)),
        ("arms", list(arms)),
        ("holdout", line(&series.holdout, &[])),
        ("gain_to_holdout", object(&band(&series.gain_to_holdout))),
        ("gain_to_equal", object(&band(&series.gain_to_equal))),
    ])
}

pub fn demand(demand: &Demand) -> JsValue {
    let points = demand.points.iter().map(|point| {
        object(&[
            ("name", text(&point.name)),
            ("price_minor", count(point.price_minor)),
            ("rate", number(point.rate)),
            ("low", number(point.at_any_look.low)),
            ("high", number(point.at_any_look.high)),
            ("exposures", count(point.exposures)),
        ])
    });
    let curve = demand.curve.as_ref().map_or(JsValue::NULL, |curve| {
        object(&[
            ("price_minor", column(&curve.price_minor)),
            ("rate", column(&curve.rate)),
            ("low", column(&curve.low)),
            ("high", column(&curve.high)),
            ("fit", number(curve.fit)),
        ])
    });
    object(&[("points", list(points)), ("curve", curve)])
}

pub fn densities(evidence: &Evidence, densities: &Densities) -> JsValue {
    let arms = densities.arms.iter().enumerate().map(|(place, arm)| {
        object(&[
            ("name", name(evidence, place)),
            ("density", column(&arm.density)),
            ("mean", number(arm.mean)),
            ("low", number(arm.low)),
            ("high", number(arm.high)),
            ("p_best", maybe(arm.p_best)),
        ])
    });
    object(&[
        ("x", column(&densities.x)),
        ("prior", column(&densities.prior_density)),
        ("prior_alpha", number(densities.prior.alpha())),
        ("prior_beta", number(densities.prior.beta())),
        ("arms", list(arms)),
    ])
}

pub fn why(evidence: &Evidence, why: &Why) -> JsValue {
    let states = evidence.experiment.arms.iter().map(|arm| arm.state.name());
    let arms = why.arms.iter().zip(states).enumerate().map(|(place, (arm, state))| {
        object(&[
            ("name", name(evidence, place)),
            ("p_best", number(arm.p_best)),
            ("asked", number(arm.asked)),
            ("floor", number(if state == "live" { why.floor } else { 0.0 })),
            ("share", number(arm.share)),
            ("is_at_floor", arm.is_at_floor.into()),
            ("is_entering", arm.is_entering.into()),
            ("state", text(state)),
        ])
    });
    let day = &why.one_more_day;
    let shares = day.shares.iter().enumerate();
    let share =
        |(place, &share): (usize, &f64)| object(&[("name", name(evidence, place)), ("share", number(share))]);
    object(&[
        ("policy", text(evidence.experiment.policy.name.name())),
        ("floor", number(why.floor)),
        ("holdout", number(evidence.experiment.holdout)),
        ("leader", name(evidence, why.leader)),
        ("arms", list(arms)),
        (
            "one_more_day",
            object(&[
                ("exposures", number(day.exposures)),
                ("orders", number(day.orders)),
                ("p_best_leader", number(day.p_best_leader)),
                ("shares", list(shares.map(share))),
            ]),
        ),
    ])
}

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
        ("alarm", ratio.alarm(0.05).into()),
        ("left_out", count(ratio.left_out)),
    ])
}

pub fn off_policy(coverage: &[Coverage]) -> JsValue {
    list(coverage.iter().map(|of| {
        object(&[
            (if of.is_arm { "arm" } else { "policy" }, text(&of.name)),
            ("ess", number(of.size)),
            ("exposures", number(of.exposures)),
            ("share_of_exposures", number(if of.exposures > 0.0 { of.size / of.exposures } else { 0.0 })),
        ])
    }))
}

pub fn regret(evidence: &Evidence, regret: &Regret) -> JsValue {
    object(&[
        ("at_ms", column(&regret.at_ms)),
        ("value", column(&regret.value)),
        ("per_unit", number(regret.per_unit)),
        ("best", name(evidence, regret.best)),
    ])
}

pub fn calibration(evidence: &Evidence, predictions: &[Prediction]) -> JsValue {
    list(predictions.iter().map(|of| {
        object(&[
            ("name", name(evidence, of.arm)),
            ("at_ms", number(of.at_ms)),
            ("predicted", number(of.predicted)),
            ("low", number(of.low)),
            ("high", number(of.high)),
            ("observed", number(of.observed)),
            ("exposures", number(of.exposures)),
        ])
    }))
}

pub fn next(next: &Next) -> JsValue {
    let share = |share: &Share| {
        object(&[
            ("name", text(&share.name)),
            ("price_minor", count(share.price_minor)),
            ("state", text(share.state.name())),
            ("share", number(share.share)),
        ])
    };
    object(&[
        ("allowed", next.refusal.is_none().into()),
        ("why", next.refusal.as_deref().map_or(JsValue::NULL, text)),
        ("before", list(next.before.iter().map(share))),
        ("after", list(next.after.iter().map(share))),
        ("visitors_per_day", number(next.units_per_day)),
    ])
}
