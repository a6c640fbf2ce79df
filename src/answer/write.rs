//! The answer as JSON: in full as the report, and in short as where an experiment stands. What both say, they say in the
//! same fields.
//!
//! Written by hand: what stands in the central store as JSON goes in as it is, and numbers are made of integers, since
//! serde's way of writing a double would bring its tables into the Worker.

use super::comparison::Compared;
use super::{Answer, Comparison};
use crate::experiment::{Arm, ArmPrice, Unit};
use crate::inference::{ALARM_AT, Interval, RateReport};
use crate::{Experiment, Tally};

/// What the central store keeps of an experiment, beside what was counted. Texts named `_json` are JSON already.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The experiment as it was started.
    pub original: &'a Experiment,
    /// The same as it was written.
    pub original_json: &'a str,
    /// The experiment as it is now.
    pub definition_json: &'a str,
    /// Where it is in its life.
    pub state: &'a str,
    /// Its prices are stopped.
    pub is_stopped: bool,
    /// Times, in milliseconds since 1970-01-01 UTC: when this is written, and when the experiment was started, decided
    /// and archived.
    pub now_ms: u64,
    /// See `now_ms`.
    pub started_at_ms: u64,
    /// See `now_ms`.
    pub decided_at_ms: Option<u64>,
    /// See `now_ms`.
    pub archived_at_ms: Option<u64>,
    /// Version of the newest snapshot.
    pub version: u64,
    /// What was decided, if it was.
    pub decision_json: Option<&'a str>,
    /// Sizes of its groups and the digest of the file of groups, if it is about many items.
    pub groups_json: Option<&'a str>,
    /// The audit record: a list.
    pub interventions_json: &'a str,
    /// Published allocations, a few hundred at most: a list.
    pub allocations_json: &'a str,
    /// Published prices that were not what they should have been: a list.
    pub mismatches_json: &'a str,
    /// Reward lines of the whole shop, and how many of them have found their exposure.
    pub ledger_json: &'a str,
}

impl Answer {
    /// The answer with the record as one JSON object; docs/report.md says what each field means.
    pub fn to_json(&self, experiment: &Experiment, record: &Record<'_>) -> String {
        let original = record.original;
        let json = |text: Option<&str>| text.map_or_else(null, str::to_owned);
        let mut fields = vec![
            ("name", text(&original.name)),
            ("hypothesis", text(&original.hypothesis)),
            ("document", text(&original.document)),
            ("author", text(&original.author)),
            ("conclusion", self.conclusion_json(experiment)),
            ("state", text(record.state)),
            ("stopped", record.is_stopped.to_string()),
            ("decision", json(record.decision_json)),
            ("dates", dates(experiment, record)),
            ("objective", text(experiment.objective.name())),
            ("currency", text(&experiment.currency.to_string())),
            ("unit", text(experiment.unit.name())),
            ("per", text(&Compared { experiment, periods: &[], panel: None }.per())),
            ("policy", text(experiment.policy.name.name())),
            ("floor", number(experiment.floor)),
            ("holdout_share", number(experiment.holdout)),
            ("reward_window_hours", experiment.reward_window_hours.to_string()),
            ("control", text(&experiment.control)),
            ("groups", json(record.groups_json)),
        ];
        fields.extend(self.found_json(experiment, &[]));
        fields.extend([
            ("standing", text(&self.report.state.to_string())),
            ("value_remaining", number(self.report.value_remaining)),
            ("sample_ratio", self.sample_ratio_json(experiment)),
            ("mismatches", record.mismatches_json.to_owned()),
            ("ledger", record.ledger_json.to_owned()),
            ("interventions", record.interventions_json.to_owned()),
            ("allocations", record.allocations_json.to_owned()),
            ("version", record.version.to_string()),
            ("original", record.original_json.to_owned()),
            ("definition", record.definition_json.to_owned()),
        ]);
        object(&fields)
    }

    /// Where the experiment stands, as one JSON object: what an overview of many shows of each; docs/report.md says what
    /// each field means. `shares` are those that are published, out of 65536 and in the order of the arms; an arm beyond
    /// them has none.
    ///
    /// The exposures of an arm, and all that is said of it, are those of `counted`; the leading arm, the stage and the
    /// orders that are missing are what the policy's input says now.
    pub fn standing_json(&self, experiment: &Experiment, shares: &[u32], at_ms: u64) -> String {
        let state = &self.report.state;
        let leader = experiment.arms.get(self.report.leader);
        let mut fields = vec![
            ("at_ms", at_ms.to_string()),
            ("text", text(&state.to_string())),
            ("stage", text(state.stage.name())),
            ("leader", leader.map_or_else(null, |arm| text(&arm.name))),
            ("p_best", number(state.p_best)),
            ("orders_left", state.orders_left.map_or_else(null, number)),
            ("value_remaining", number(self.report.value_remaining)),
            ("per", text(&Compared { experiment, periods: &[], panel: None }.per())),
            ("matured", self.basis.is_matured.to_string()),
        ];
        let shares: Vec<u32> =
            (0..experiment.arms.len()).map(|place| shares.get(place).copied().unwrap_or(0)).collect();
        fields.extend(self.found_json(experiment, &shares));
        fields.push(("sample_ratio", self.sample_ratio_json(experiment)));
        object(&fields)
    }

    /// What was counted and found; an arm's share where there are any.
    fn found_json(&self, experiment: &Experiment, shares: &[u32]) -> [(&'static str, String); 7] {
        let arm = |place| self.arm_json(experiment, place, shares.get(place).copied());
        let basis = object(&[
            ("matured", self.basis.is_matured.to_string()),
            ("exposures", self.basis.exposures.to_string()),
            ("young", self.basis.young.to_string()),
        ]);
        [
            ("arms", list((0..experiment.arms.len()).map(arm))),
            ("holdout", self.holdout_json()),
            ("negative", tally(&self.negative)),
            ("total", tally(&self.total)),
            ("all_to_holdout", estimate(self.all_to_holdout.as_ref())),
            ("positive_to_negative", estimate(self.positive_to_negative.as_ref())),
            ("basis", basis),
        ]
    }

    /// Null where items are randomised: their assignment is the count.
    fn sample_ratio_json(&self, experiment: &Experiment) -> String {
        let ratio = &self.report.sample_ratio;
        if experiment.unit != Unit::Visitor {
            return null();
        }
        object(&[
            ("alarm", ratio.alarm(ALARM_AT).to_string()),
            ("p_value", number(ratio.p_value())),
            ("ratios", list(ratio.ratios.iter().map(|&ratio| number(ratio)))),
            ("exposures", ratio.units.to_string()),
            ("left_out", ratio.left_out.to_string()),
        ])
    }

    fn conclusion_json(&self, experiment: &Experiment) -> String {
        let conclusion = &self.conclusion;
        let arm = conclusion.arm.and_then(|place| experiment.arms.get(place));
        object(&[
            ("verdict", text(conclusion.verdict.name())),
            ("text", text(&conclusion.text)),
            ("rule", text(&conclusion.rule)),
            ("arm", arm.map_or_else(null, |arm| text(&arm.name))),
            ("difference", estimate(conclusion.difference.as_ref())),
        ])
    }

    fn holdout_json(&self) -> String {
        let mut fields = sums(&self.holdout).to_vec();
        fields
            .extend([("rate", rate(&self.report.holdout)), ("value", estimate(self.holdout_value.as_ref()))]);
        object(&fields)
    }

    fn arm_json(&self, experiment: &Experiment, place: usize, share: Option<u32>) -> String {
        let (Some(arm), Some(counted), Some(report), Some(found)) = (
            experiment.arms.get(place),
            self.arms.get(place),
            self.report.arms.get(place),
            self.found.get(place),
        ) else {
            return null();
        };
        let belief = |of: Option<f64>| of.map_or_else(null, number);
        let mut fields = vec![
            ("name", text(&arm.name)),
            ("price", price(arm)),
            ("price_minor", arm.price_minor.to_string()),
            ("state", text(arm.state.name())),
            ("added", arm.is_added.to_string()),
        ];
        fields.extend(share.map(|share| ("share", share.to_string())));
        fields.extend(sums(counted));
        fields.extend([
            ("rate", if experiment.unit == Unit::Visitor { rate(&report.rate) } else { null() }),
            ("value", estimate(found.value.as_ref())),
            ("mean", belief(found.mean)),
            ("to_control", estimate(found.to_control.as_ref())),
            ("to_holdout", estimate(found.to_holdout.as_ref())),
            ("p_best", belief(report.belief.map(|belief| belief.p_best))),
            ("p_beats_control", belief(report.belief.and_then(|belief| belief.p_beats_control))),
            ("expected_loss_minor", belief(report.belief.map(|belief| belief.loss_minor))),
        ]);
        object(&fields)
    }
}

fn dates(experiment: &Experiment, record: &Record<'_>) -> String {
    let time = |at_ms: Option<u64>| at_ms.map_or_else(null, |at_ms| at_ms.to_string());
    object(&[
        ("written_at_ms", record.now_ms.to_string()),
        ("started_at_ms", record.started_at_ms.to_string()),
        ("decided_at_ms", time(record.decided_at_ms)),
        ("archived_at_ms", time(record.archived_at_ms)),
        ("end_ms", time(experiment.end_ms)),
    ])
}

/// How the arm prices, as the experiment file says it.
fn price(arm: &Arm) -> String {
    match &arm.price {
        ArmPrice::Minor(price_minor) => object(&[("price_minor", price_minor.to_string())]),
        ArmPrice::Times(factor) => object(&[("multiplier", number(*factor))]),
        ArmPrice::Column(column) => object(&[("column", text(column))]),
    }
}

/// What was counted, in the words of the report: orders are exposures that converted, pieces what they bought.
fn sums(counted: &Tally) -> [(&'static str, String); 7] {
    [
        ("exposures", counted.exposures.to_string()),
        ("orders", counted.conversions.to_string()),
        ("reward_lines", counted.rewards.to_string()),
        ("pieces", counted.units.to_string()),
        ("revenue_minor", counted.revenue_minor.to_string()),
        ("cost_minor", counted.cost_minor.to_string()),
        ("profit_minor", counted.profit_minor().to_string()),
    ]
}

fn tally(counted: &Tally) -> String {
    object(&sums(counted))
}

fn rate(report: &RateReport) -> String {
    object(&[
        ("value", report.rate.map_or_else(null, number)),
        ("at_any_look", interval(&report.at_any_look)),
        ("exposures", report.exposures.to_string()),
        ("orders", report.conversions.to_string()),
    ])
}

fn estimate(of: Option<&Comparison>) -> String {
    of.map_or_else(null, |of| {
        object(&[
            ("value", number(of.value)),
            ("se", number(of.se)),
            ("at_one_look", interval(&of.at_one_look)),
            ("at_any_look", interval(&of.at_any_look)),
            ("p_above_0", number(of.p_above_0)),
            ("exposures", of.exposures.to_string()),
            ("clusters", of.clusters.map_or_else(null, |clusters| clusters.to_string())),
            ("left_out", of.left_out.to_string()),
        ])
    })
}

fn interval(interval: &Interval) -> String {
    list([number(interval.low), number(interval.high)].into_iter())
}

fn null() -> String {
    "null".into()
}

fn text(of: &str) -> String {
    serde_json::to_string(of).unwrap_or_else(|_| null())
}

/// A number with up to nine decimals, four where it is large; null where it is none that JSON has.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size.is_nan() || size >= 1e18 {
        return null();
    }
    let (scale, places) = if size < 1e6 { (1_000_000_000, 9) } else { (10_000, 4) };
    let part = ((size - size.trunc()) * scale as f64).round() as u64;
    let (whole, part) = (size as u64 + part / scale, part % scale);
    let sign = if value < 0.0 && (whole, part) != (0, 0) { "-" } else { "" };
    let digits = format!("{sign}{whole}.{part:0places$}");
    digits.trim_end_matches('0').trim_end_matches('.').into()
}

/// An object of values that are JSON already.
fn object(fields: &[(&str, String)]) -> String {
    let mut json = String::from("{");
    for (place, (name, value)) in fields.iter().enumerate() {
        for part in [if place > 0 { ",\"" } else { "\"" }, name, "\":", value] {
            json.push_str(part);
        }
    }
    json.push('}');
    json
}

fn list(values: impl Iterator<Item = String>) -> String {
    let mut json = String::from("[");
    for (place, value) in values.enumerate() {
        json.push_str(if place > 0 { "," } else { "" });
        json.push_str(&value);
    }
    json.push(']');
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_short_and_never_what_json_does_not_know() {
        for (value, json) in [
            (0.0, "0"),
            (-0.0, "0"),
            (-1e-12, "0"),
            (0.1, "0.1"),
            (-12.5, "-12.5"),
            (0.999_999_999_9, "1"),
            (1_234_567.891_23, "1234567.8912"),
            (1e17, "100000000000000000"),
            (1e18, "null"),
            (f64::NAN, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            assert_eq!(number(value), json);
        }
    }

    proptest! {
        #[test]
        fn a_number_comes_back_within_a_billionth(value in prop_oneof![-10.0..10.0_f64, -1e6..1e6_f64]) {
            let read: f64 = serde_json::from_str(&number(value)).unwrap();
            prop_assert!((read - value).abs() <= 0.51e-9 + 1e-15 * value.abs(), "{} {}", value, read);
        }
    }
}
