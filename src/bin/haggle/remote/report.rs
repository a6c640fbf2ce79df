//! `haggle report`: what an experiment found, as a table, as a page to print and to keep, or as JSON.

pub mod answer;
mod html;
mod plots;

use std::path::PathBuf;

use clap::Args;
use haggle::time::format_date;

use super::Server;
use super::change::path_of;
use crate::table::Table;
use crate::{Answer as Done, Failure, files, say};

use answer::{Answer, Estimate, moment, percent, probability, thousands};

/// Shows what an experiment found: the final answer to its hypothesis, so far or for good.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle report sevilla
  haggle report sevilla --html report.html
  haggle report sevilla --json > sevilla.json
  haggle report --from sevilla.json --html report.html

Intervals hold with 95 %, at every look and whatever the policy did. docs/report.md says what each number means.")]
pub struct Options {
    /// Name of the experiment.
    #[arg(required_unless_present = "from")]
    name: Option<String>,
    /// A report that was saved with --json, instead of the administration's.
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    from: Option<PathBuf>,
    /// Writes a page with plots, which needs nothing beside it.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Prints the report, or writes it.
pub fn run(options: &Options) -> Result<Done, Failure> {
    let text = match (&options.from, &options.name) {
        (Some(file), _) => files::text(file)?,
        (None, name) => {
            let path = path_of(name.as_deref().unwrap_or_default());
            String::from_utf8(options.server.client()?.get(&format!("{path}/report"))?.body)?
        }
    };
    let read = serde_json::from_str(&text);
    let answer: Answer = read.map_err(|why| format!("not a report that this release can read: {why}"))?;
    if let Some(file) = &options.html {
        std::fs::write(file, html::page(&answer)?).map_err(files::named(file))?;
        eprintln!("{}: written", file.display());
    }
    if options.json {
        say(text.trim_end())?;
    } else if options.html.is_none() {
        print(&answer)?;
    }
    Ok(Done::Yes)
}

fn print(answer: &Answer) -> Result<(), Failure> {
    let Answer { name, conclusion, hypothesis, author, dates, .. } = answer;
    let state = if answer.stopped { "stopped" } else { &answer.state };
    let by = if author.is_empty() { String::new() } else { format!(", by {author}") };
    let shown = if answer.unit == "visitor" { "visitors" } else { "observations" };
    let exposures = count(answer.priced().exposures);
    let decided = answer.decided().map(|decided| format!(", {decided}")).unwrap_or_default();
    say(format!(
        "{name}: {state}{decided}; {} {}, {exposures} {shown}",
        answer.days(),
        if answer.days() == 1 { "day" } else { "days" }
    ))?;
    say(format!("Hypothesis{by}: {hypothesis}\n({})", answer.document))?;
    let end = dates.archived_at_ms.map(|at_ms| format!(", archived {}", format_date(at_ms)));
    say(format!("Started {}{}", format_date(dates.started_at_ms), end.unwrap_or_default()))?;
    say(format!("\n{}\nRule: {}.\n", conclusion.text, conclusion.rule))?;
    for warning in answer.warnings() {
        say(format!("! {warning}"))?;
    }
    say(arms(answer))?;
    say(format!("\n{}", differences(answer)))?;
    if let Some(ratio) = &answer.sample_ratio {
        let word = if ratio.alarm { "ALARM" } else { "as served" };
        say(format!("\nSample ratio: {word} (p = {:.3})", ratio.p_value))?;
    }
    say("")?;
    for one in &answer.interventions {
        let at = moment(one.at_ms);
        say(format!("{at}  {} by {}: {}", one.action, one.who, one.reason))?;
    }
    Ok(())
}

fn arms(answer: &Answer) -> Table {
    let value = format!("{} per {}", answer.objective, answer.per);
    let [revenue, profit] = ["revenue", "profit"].map(|what| format!("{what}, {}", answer.currency));
    let heads =
        ["arm", "price", "state", "exposures", "orders", "rate", &revenue, &profit, &value, "P(best)"];
    let mut table = Table::new(&heads);
    for arm in &answer.arms {
        let sums = &arm.side.sums;
        table.line(vec![
            arm.name.clone(),
            answer.price(arm),
            arm.state.clone(),
            count(sums.exposures),
            count(sums.orders),
            arm.side.rate.as_ref().and_then(|rate| rate.value).map_or_else(dash, percent),
            answer.amount(sums.revenue_minor),
            answer.amount(sums.profit_minor),
            arm.side.value.map(|of| of.value).or(arm.mean).map_or_else(dash, |value| answer.value(value)),
            arm.p_best.map_or_else(dash, probability),
        ]);
    }
    for (name, sums, value) in [
        ("holdout", &answer.holdout.sums, answer.holdout.value),
        ("all", &answer.priced(), None),
        ("negative", &answer.negative, None),
    ] {
        if sums.exposures == 0 {
            continue;
        }
        let mut line =
            vec![name.into(), String::new(), String::new(), count(sums.exposures), count(sums.orders)];
        line.extend([
            percent(sums.orders as f64 / sums.exposures as f64),
            answer.amount(sums.revenue_minor),
            answer.amount(sums.profit_minor),
            value.map_or_else(String::new, |of| answer.value(of.value)),
            String::new(),
        ]);
        table.line(line);
    }
    table
}

/// Every comparison with its name, in the order of the report.
fn compared(answer: &Answer) -> Vec<(String, Option<Estimate>)> {
    let others = answer.arms.iter().filter(|arm| arm.name != answer.control);
    let to_control = |arm: &answer::Arm| (format!("{} − {}", arm.name, answer.control), arm.to_control);
    let mut all: Vec<_> = others.map(to_control).collect();
    if answer.holdout.sums.exposures > 0 {
        all.push(("all arms − holdout".into(), answer.all_to_holdout));
    }
    all
}

fn differences(answer: &Answer) -> Table {
    let head = format!("{} per {}", answer.objective, answer.per);
    let mut table = Table::new(&[&head, "difference", "95 %, at any look", "95 %, at one look", "P(> 0)"]);
    let mut lines = compared(answer);
    if answer.groups.as_ref().is_some_and(|groups| groups.negative > 0) {
        lines.push((
            format!("positive − negative, per {} and day", answer.cluster()),
            answer.positive_to_negative,
        ));
    }
    for (name, of) in lines {
        table.line(match of {
            Some(of) => vec![
                name,
                answer.difference(of.value),
                answer.range(of.at_any_look),
                answer.range(of.at_one_look),
                probability(of.p_above_0),
            ],
            None => vec![name, "too little is known".into()],
        });
    }
    table
}

fn count(number: i64) -> String {
    thousands(number.unsigned_abs())
}

fn dash() -> String {
    "–".into()
}
