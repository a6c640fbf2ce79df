//! How long the experiment would take, as far as it can be reckoned from what was given.

use std::collections::BTreeMap;

use haggle::experiment::{Item, Unit};
use haggle::groups::Moments;
use haggle::power::{Aim, Clusters, Split, Visitors, design_effect, whole_weeks};
use haggle::{Experiment, Groups, Objective, time};
use serde_json::{Map, Value, json};

use super::Options;

/// Items and families whose past is known.
struct Known {
    items: Moments,
    clusters: Moments,
}

/// A plan in words and in numbers.
#[derive(Default)]
pub struct Plan {
    /// A sentence each.
    pub lines: Vec<String>,
    /// The numbers by their names.
    pub numbers: Map<String, Value>,
}

impl Plan {
    /// The plan of an experiment, with its groups where they were drawn.
    pub fn new(options: &Options, experiment: &Experiment, groups: Option<&Groups>) -> Self {
        let mut plan = Self::default();
        let planned = experiment.start_ms.zip(experiment.end_ms);
        let days = planned.map(|(start, end)| (end - start) as f64 / time::DAY_MS as f64);
        plan.number("effect", options.effect);
        if let Some(days) = days {
            plan.number("planned_days", days);
        }
        if experiment.unit.is_of_items() {
            if let Some(groups) = groups {
                plan.of_items(options, experiment, groups, days);
            }
        } else {
            plan.of_visitors(options, experiment, groups, days);
        }
        plan
    }

    fn number(&mut self, name: &str, value: f64) {
        // Six digits tell more than a plan knows.
        let places = haggle::math::pow(
            10.0,
            5.0 - (haggle::math::ln(value.abs().max(1e-9)) / std::f64::consts::LN_10).floor(),
        );
        let rounded = if value.is_finite() { (value * places).round() / places } else { value };
        self.numbers.insert(name.into(), json!(rounded));
    }

    fn of_visitors(
        &mut self,
        options: &Options,
        experiment: &Experiment,
        groups: Option<&Groups>,
        days: Option<f64>,
    ) {
        let Some(rate) = options.rate else {
            self.lines.push("say --rate and --visitors-per-day for the duration".into());
            return;
        };
        let order_cv = order_cv(experiment, groups);
        let (visitors, split) =
            (Visitors { rate, order_cv }, Split::equal(experiment.arms.len(), experiment.holdout));
        let (aim, effect) = (Aim::default(), options.effect);
        let needed = visitors.needed(aim, split, effect).ceil();
        self.number("order_cv", order_cv);
        self.number("visitors_needed", needed);
        self.lines.push(format!(
            "a difference of {} between the control and one arm takes {needed:.0} visitors in all ({})",
            share(effect),
            about(aim)
        ));
        let Some(per_day) = options.visitors_per_day else {
            self.lines.push("say --visitors-per-day for the duration".into());
            return;
        };
        self.duration(needed / per_day, days);
        if let Some(days) = days {
            let found = visitors.effect(aim, split, per_day * days);
            self.found(found, days);
        }
    }

    fn of_items(&mut self, options: &Options, experiment: &Experiment, groups: &Groups, days: Option<f64>) {
        let Some(known) = known(groups) else {
            self.lines.push(
                "the catalogue's column past is needed for the duration: what each item brought before"
                    .into(),
            );
            return;
        };
        let Some(past_days) = options.past_days.or(days) else {
            self.lines.push("say --past-days, or start and end in the file, for the duration".into());
            return;
        };
        let cv = |moments: Moments| moments.variance.sqrt() / moments.mean;
        let count = groups.balance().positive.families as f64;
        let is_redrawn = experiment.unit == Unit::ItemPeriod;
        let clusters =
            Clusters { count, cv: cv(known.clusters), correlation: options.correlation, is_redrawn };
        let (aim, split) = (Aim::default(), Split::equal(experiment.arms.len(), 0.0));
        // Of a period only the hours after the washout are looked at.
        let used = experiment
            .period_hours
            .map_or(1.0, |hours| 1.0 - f64::from(experiment.washout_hours) / f64::from(hours));
        self.number("clusters", count);
        self.number("cluster_cv", clusters.cv);
        if known.items.items != known.clusters.items {
            let effect = design_effect(
                known.items.items as f64,
                cv(known.items),
                known.clusters.items as f64,
                clusters.cv,
            );
            self.number("design_effect", effect);
            self.lines.push(format!(
                "items of a family share an arm: {effect:.2} times the items are needed that single ones would take"
            ));
        }
        match clusters.times(aim, split, options.effect) {
            Some(times) => self.duration(times * past_days / used, days),
            None => {
                let times = days.map_or(1.0, |days| days * used / past_days);
                let needed = clusters.needed(aim, split, options.effect, times).ceil();
                self.number("clusters_needed", needed);
                self.lines.push(format!(
                    "a difference of {} is never found with {count:.0} that keep their arm: it takes {needed:.0}, or the unit \
                     item-period ({})",
                    share(options.effect),
                    about(aim)
                ));
            }
        }
        if let Some(days) = days {
            self.found(clusters.effect(aim, split, days * used / past_days), days);
        }
    }

    fn duration(&mut self, expected: f64, planned: Option<f64>) {
        self.number("expected_days", expected);
        let weeks = whole_weeks(expected);
        let aim = about(Aim::default());
        let what = format!("expected duration: {expected:.1} days, so {weeks:.0} whole weeks ({aim})");
        self.lines.push(match planned {
            Some(days) if expected > days => {
                format!("{what}; the {days:.0} days that are planned are too few")
            }
            Some(days) => format!("{what}; {days:.0} days are planned"),
            None => what,
        });
    }

    fn found(&mut self, effect: f64, days: f64) {
        self.number("detectable_effect", effect);
        self.lines.push(format!("{days:.0} days find a difference of {} or more", share(effect)));
    }
}

fn about(aim: Aim) -> String {
    format!("power {}, two-sided level {}, at one look", share(aim.power), share(aim.alpha))
}

/// A share in per cent with no more digits than it needs.
pub fn share(share: f64) -> String {
    let text = format!("{:.1}", 100.0 * share);
    format!("{} %", text.trim_end_matches(".0"))
}

/// Variation of what an order is worth, from the items that it may be of: their prices or margins, net of tax.
fn order_cv(experiment: &Experiment, groups: Option<&Groups>) -> f64 {
    let (Some(groups), true) = (groups, experiment.objective != Objective::Conversion) else { return 0.0 };
    let value = |member: &haggle::groups::Member| match experiment.objective {
        Objective::Profit => member.cost_minor.map_or(member.price_minor, |cost| member.price_minor - cost),
        _ => member.price_minor,
    };
    let moments = Moments::of(groups.positive().map(value));
    moments.filter(|moments| moments.mean > 0.0).map_or(0.0, |moments| moments.variance.sqrt() / moments.mean)
}

/// What the positive items brought before, alone and by family; none where fewer than two clusters are known, or where
/// they brought nothing.
fn known(groups: &Groups) -> Option<Known> {
    let mut families: BTreeMap<&str, i64> = BTreeMap::new();
    for member in groups.positive() {
        if let Some(past) = member.past {
            let sum = families.entry(&member.family).or_default();
            *sum = sum.saturating_add(past);
        }
    }
    let items = Moments::of(groups.positive().filter_map(|member| member.past))?;
    let clusters = Moments::of(families.into_values())?;
    (clusters.items > 1 && clusters.mean > 0.0 && clusters.variance > 0.0)
        .then_some(Known { items, clusters })
}

/// What is known of the single item.
pub fn single(item: &Item) -> String {
    format!("item {}", item.sku)
}
