//! `haggle compare`: which arm is better, how surely, and what it would cost to be wrong.

use std::path::PathBuf;

use clap::Args;
use haggle::evaluate::{Offer, Tallies};
use haggle::inference::{ALARM_AT, ArmReport, Estimate, Plan, Question, Report, Rules, Stage};
use serde_json::{Value, json};

use crate::table::{Table, Unit, percent};
use crate::{Answer, Failure, allocate, files, say};

/// Error rate of the intervals, and of the alarm of the sample ratio.
const ALPHA: f64 = 0.05;
/// Where the confidence sequences are narrowest if the file has no horizon.
const UNITS: f64 = 10_000.0;

/// Compares the arms: intervals that hold at every look, P(best), and the loss expected of each.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle compare tallies.json
  haggle compare tallies.json --json | jq '.arms[] | {name, p_best}'
  haggle compare tallies.json --decided --threshold 2.5 && echo 'stop the experiment'")]
pub struct Options {
    /// File with the tallies; - is standard input.
    tallies: PathBuf,
    /// Expected loss, in minor units per exposure, that one does not care for: below it the comparison is decided.
    #[arg(long, default_value_t = 0.0)]
    threshold: f64,
    /// The policy that makes the next shares, by which the orders that are missing are counted.
    #[arg(long, default_value = "thompson")]
    policy: String,
    /// Ends with exit code 1 while the comparison is not decided, or the exposures do not fall as served.
    #[arg(long)]
    decided: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the comparison.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    if !(0.0..=1e12).contains(&options.threshold) {
        let given = options.threshold;
        return Err(haggle::Error::value("--threshold", given, "a number from 0 to 1000000000000").into());
    }
    let choice = allocate::choice(&options.policy)?;
    let tallies = files::tallies(&options.tallies)?;
    let policy = choice.name;
    let input = tallies.sketch(choice, 0.0).input(&tallies.history);
    let input = input.map_err(files::named(&options.tallies))?;
    let question = Question {
        objective: tallies.objective,
        holdout_share: tallies.holdout_share,
        alpha: ALPHA,
        narrowest_at: tallies.horizon.map_or(UNITS, |units| units as f64),
    };
    let rules = Rules { loss_minor: options.threshold, ..Rules::default() };
    let plan = Plan { question, control: tallies.control, rules, policy };
    let report = Report::new(tallies.history.periods(), &input, &plan);
    let report = report.map_err(files::named(&options.tallies))?;
    let found = Found { tallies: &tallies, report };
    if options.json {
        found.print_json()?
    } else {
        found.print_table()?
    }
    Ok(if options.decided && !found.is_decided() { Answer::No } else { Answer::Yes })
}

/// What was found out.
struct Found<'a> {
    tallies: &'a Tallies,
    report: Report,
}

impl Found<'_> {
    fn arms(&self) -> impl Iterator<Item = (&Offer, &ArmReport)> {
        self.tallies.offers.iter().zip(&self.report.arms)
    }

    fn is_decided(&self) -> bool {
        matches!(self.report.state.stage, Stage::Decided(_)) && !self.report.sample_ratio.alarm(ALARM_AT)
    }

    fn print_json(&self) -> Result<(), Failure> {
        let Self { tallies, report } = self;
        let arms = self.arms().map(|(offer, arm)| {
            json!({ "name": offer.name, "price_minor": offer.price_minor, "exposures": arm.rate.exposures,
                    "conversions": arm.rate.conversions, "rate": arm.rate.rate,
                    "rate_low": arm.rate.at_any_look.low, "rate_high": arm.rate.at_any_look.high,
                    "p_best": arm.belief.map(|belief| belief.p_best),
                    "p_beats_control": arm.belief.and_then(|belief| belief.p_beats_control),
                    "expected_loss": arm.belief.map(|belief| belief.loss_minor),
                    "value": estimate(arm.value), "to_control": estimate(arm.difference.to_control),
                    "to_holdout": estimate(arm.difference.to_holdout) })
        });
        let stage = match report.state.stage {
            Stage::Learning => "learning",
            Stage::Exploring => "exploring",
            Stage::Exploiting => "exploiting",
            Stage::Decided(_) => "decided",
        };
        let name = |place: usize| tallies.offers.get(place).map(|offer| offer.name.as_str());
        let ratio = &report.sample_ratio;
        say(json!({
            "objective": tallies.objective.name(), "unit": Unit::of(tallies).name(), "control": name(tallies.control),
            "state": stage, "says": report.state.to_string(), "decided": self.is_decided(),
            "leader": name(report.leader), "orders_left": report.state.orders_left,
            "value_remaining": report.value_remaining,
            "sample_ratio": { "alarm": ratio.alarm(ALARM_AT), "p_value": ratio.p_value(), "ratios": ratio.ratios,
                              "exposures": ratio.units, "exposures_left_out": ratio.left_out },
            "arms": arms.collect::<Vec<_>>(),
        }))
    }

    fn print_table(&self) -> Result<(), Failure> {
        let Self { tallies, report } = self;
        let unit = Unit::of(tallies);
        let mut table = Table::new(&[
            "arm",
            "price",
            "exposures",
            "rate",
            "at least",
            "at most",
            "P(best)",
            "P(beats control)",
            "expected loss",
        ]);
        for (offer, arm) in self.arms() {
            let Some(belief) = arm.belief else { continue };
            table.line(vec![
                offer.name.clone(),
                Unit::price(tallies.currency, offer.price_minor),
                arm.rate.exposures.to_string(),
                arm.rate.rate.map_or("none".into(), percent),
                percent(arm.rate.at_any_look.low),
                percent(arm.rate.at_any_look.high),
                percent(belief.p_best),
                belief.p_beats_control.map_or("control".into(), percent),
                unit.value(belief.loss_minor),
            ]);
        }
        say(table)?;
        let mut differences = Table::new(&["more than the control", "estimate", "at least", "at most"]);
        let mut any = false;
        for (offer, arm) in self.arms() {
            if let Some(found) = arm.difference.to_control {
                any = true;
                let Estimate { value, at_any_look, .. } = found;
                let values = [value, at_any_look.low, at_any_look.high].map(|value| unit.value(value));
                differences.line([offer.name.clone()].into_iter().chain(values).collect());
            }
        }
        if any {
            say(format!("\n{differences}"))?;
        }
        if report.sample_ratio.alarm(ALARM_AT) {
            say(
                "\nThe exposures do not fall on the arms as served: believe nothing until that is explained.",
            )?;
        }
        say(format!("\n{}.", report.state))?;
        say(format!("Another price may be worth up to {} more (95 %).", percent(report.value_remaining)))
    }
}

/// An estimate with its intervals; null where too little is known.
fn estimate(of: Option<Estimate>) -> Value {
    let Some(Estimate { value, se, at_one_look, at_any_look, .. }) = of else { return Value::Null };
    json!({ "value": value, "se": se, "low": at_one_look.low, "high": at_one_look.high,
            "sequence_low": at_any_look.low, "sequence_high": at_any_look.high })
}
