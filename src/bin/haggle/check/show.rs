//! The findings as people read them, and as JSON.

use haggle::experiment::{Arm, ArmPrice};
use haggle::groups::{Balance, Side};
use haggle::{Experiment, time};
use serde_json::{Value, json};

use super::Findings;
use super::plan::{share, single};
use crate::new::HYPOTHESIS;
use crate::table::{Table, Unit};

/// Adds what the groups and the plan make worth knowing.
pub fn notes(findings: &mut Findings) {
    if findings.experiment.hypothesis == HYPOTHESIS {
        findings.notes.push(
            "the hypothesis is still the one that `haggle new` proposes; after the start it never changes"
                .into(),
        );
    }
    let Some(groups) = &findings.groups else { return };
    for range in groups.ranges(&findings.experiment) {
        if range.crossed > 0 {
            findings.notes.push(format!(
                "arm {}: the grid or endings move {} prices onto the catalogue price or to its other side",
                range.arm, range.crossed
            ));
        }
    }
    let balance = groups.balance();
    if balance.negative.items == 0 {
        findings
            .notes
            .push("there is no negative group: nothing is compared with items at the catalogue price".into());
    }
    for (what, difference) in [("prices", balance.price_difference()), ("past", balance.past_difference())] {
        if let Some(difference) = difference.filter(|difference| difference.abs() > Balance::NOTABLE) {
            findings.notes.push(format!(
                "the groups differ in {what} by {difference:.2} standard deviations; more items, sample.strata or another \
                 salt would make them more alike"
            ));
        }
    }
    for (side, group) in [("positive", balance.positive), ("negative", balance.negative)] {
        let known = group.past.map_or(0, |moments| moments.items);
        if known > 0 && known < group.items {
            findings.notes.push(format!("past is not known of {} {side} items", group.items - known));
        }
    }
}

/// The findings as text.
pub fn text(findings: &Findings) -> String {
    let experiment = &findings.experiment;
    let mut blocks = vec![head(experiment)];
    if let Some([all, in_scope, excluded]) = findings.counts {
        let mut table = Table::new(&["items", ""]);
        let mut line = |what: &str, count: u64| table.line(vec![what.into(), count.to_string()]);
        line("in the catalogue", all as u64);
        line("in scope", in_scope as u64);
        line("of these in other experiments", excluded as u64);
        if let Some(groups) = &findings.groups {
            let balance = groups.balance();
            line("positive: the experiment's prices", balance.positive.items);
            line("negative: the catalogue price", balance.negative.items);
        }
        blocks.push(table.to_string());
    }
    blocks.push(arms(findings));
    if let Some(groups) = &findings.groups {
        blocks.push(balance(experiment, &groups.balance()));
    }
    let listed = |head: &str, lines: &[String]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
        format!("{head}\n{}", lines.join("\n"))
    };
    for (head, lines) in [("duration", &findings.plan.lines), ("note", &findings.notes)] {
        if !lines.is_empty() {
            blocks.push(listed(head, lines));
        }
    }
    blocks.push(match findings.faults.as_slice() {
        [] => "it could start".into(),
        faults => listed("it could not start", faults),
    });
    blocks.join("\n\n")
}

fn head(experiment: &Experiment) -> String {
    let day = |at_ms: Option<u64>, open: &str| at_ms.map_or(open.to_owned(), time::format_time);
    let (start, end) = (day(experiment.start_ms, "any time"), day(experiment.end_ms, "open"));
    let what = experiment.item().map_or("items of the catalogue".into(), single);
    format!(
        "{}: {} by {} on {what}, in {}\n{}\nstart {start}, end {end}, not decided before {} weeks, holdout {}",
        experiment.name,
        experiment.objective.name(),
        experiment.unit.name(),
        experiment.currency,
        experiment.hypothesis,
        experiment.stop.min_weeks,
        share(experiment.holdout)
    )
}

fn arms(findings: &Findings) -> String {
    let experiment = &findings.experiment;
    let price = |minor: i64| Unit::price(Some(experiment.currency), minor);
    let Some(groups) = &findings.groups else {
        let mut table = Table::new(&["arm", "price"]);
        experiment.arms.iter().for_each(|arm| table.line(vec![arm.name.clone(), written(experiment, arm)]));
        return table.to_string();
    };
    let priced = groups.priced(experiment);
    let mut table =
        Table::new(&["arm", "price", "least", "mean", "largest", "moved by grid", "as catalogue"]);
    for ((arm, range), mean) in experiment.arms.iter().zip(groups.ranges(experiment)).zip(&priced.arms) {
        table.line(vec![
            arm.name.clone(),
            written(experiment, arm),
            price(range.least_minor),
            price(mean.price_minor),
            price(range.most_minor),
            range.moved.to_string(),
            range.unchanged.to_string(),
        ]);
    }
    table.to_string()
}

/// How an arm's price is written in the file.
fn written(experiment: &Experiment, arm: &Arm) -> String {
    match &arm.price {
        ArmPrice::Minor(minor) => Unit::price(Some(experiment.currency), *minor),
        ArmPrice::Times(times) => format!("x {times}"),
        ArmPrice::Column(column) => format!("column {column}"),
    }
}

fn balance(experiment: &Experiment, balance: &Balance) -> String {
    let mut table = Table::new(&["group", "items", "families", "mean price", "mean past"]);
    let digits = f64::from(10_u32.pow(experiment.currency.minor_digits()));
    for (name, side) in [("positive", balance.positive), ("negative", balance.negative)] {
        let mean = |mean: Option<f64>| mean.map_or("none".into(), |mean| format!("{mean:.2}"));
        table.line(vec![
            name.into(),
            side.items.to_string(),
            side.families.to_string(),
            mean(side.price.map(|moments| moments.mean / digits)),
            mean(side.past.map(|moments| moments.mean)),
        ]);
    }
    let difference = |value: Option<f64>| value.map_or("none".into(), |value| format!("{value:+.3}"));
    table.line(vec![
        "difference in standard deviations".into(),
        String::new(),
        String::new(),
        difference(balance.price_difference()),
        difference(balance.past_difference()),
    ]);
    table.to_string()
}

/// The findings as one JSON value.
pub fn json(findings: &Findings) -> Value {
    let experiment = &findings.experiment;
    let mut answer = json!({
        "name": experiment.name,
        "can_start": findings.faults.is_empty(),
        "faults": findings.faults,
        "notes": findings.notes,
        "unit": experiment.unit.name(),
        "start": experiment.start_ms.map(time::format_time),
        "end": experiment.end_ms.map(time::format_time),
        "plan": findings.plan.numbers,
    });
    let Some(fields) = answer.as_object_mut() else { return answer };
    if let Some([all, in_scope, excluded]) = findings.counts {
        fields
            .insert("items".into(), json!({ "catalogue": all, "in_scope": in_scope, "excluded": excluded }));
    }
    let Some(groups) = &findings.groups else { return answer };
    let priced = groups.priced(experiment);
    let arms = groups.ranges(experiment).into_iter().zip(&priced.arms).map(|(range, mean)| {
        json!({ "name": range.arm, "least_minor": range.least_minor, "mean_minor": mean.price_minor,
                "largest_minor": range.most_minor, "moved": range.moved, "crossed": range.crossed,
                "unchanged": range.unchanged })
    });
    fields.insert("arms".into(), arms.collect());
    let balance = groups.balance();
    let side = |side: Side| {
        json!({ "items": side.items, "families": side.families,
                "mean_price_minor": side.price.map(|moments| moments.mean), "mean_past": side.past.map(|moments| moments.mean) })
    };
    let groups = json!({
        "positive": side(balance.positive), "negative": side(balance.negative),
        "price_difference": balance.price_difference(), "past_difference": balance.past_difference(),
    });
    fields.insert("groups".into(), groups);
    answer
}
