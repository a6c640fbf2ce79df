//! The core's answers as the objects that `www/lab.js` describes.

use crate::value::{column, count, list, maybe, name, number, object, text};
use haggle::diagnosis::{ArmSeries, Demand, Densities, Evidence, Next, Series, Share, Why};
use haggle::inference::Course;
use wasm_bindgen::JsValue;

fn band(band: &Course) -> [(&'static str, JsValue); 3] {
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
        ("leader", name(evidence, densities.leader)),
        ("sure", densities.is_sure.into()),
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
