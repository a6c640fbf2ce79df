//! `haggle compare`: which arm is better, how surely, and what it would cost to be wrong.

use std::path::PathBuf;

use clap::Args;
use haggle::{Posterior, p_best};
use serde_json::json;

use crate::interim::{expected_loss, is_decided, p_beats, rate_sequence, value_remaining};
use crate::table::{Table, Unit, percent};
use crate::{Answer, Failure, files, posterior, say};

/// Compares the arms: intervals that hold at every look, P(best), and the loss expected of each.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle compare tallies.json
  haggle compare tallies.json --json | jq .value_remaining
  haggle compare tallies.json --decided && echo 'stop the experiment'")]
pub struct Options {
    /// File with the tallies; - is standard input.
    tallies: PathBuf,
    /// Ends with exit code 1 while the comparison is not decided.
    #[arg(long)]
    decided: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What is known of one arm.
struct Line {
    rate: (f64, f64),
    p_best: f64,
    p_beats_control: Option<f64>,
    expected_loss: f64,
}

/// Prints the comparison.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let tallies = files::tallies(&options.tallies)?;
    let input = posterior::input(&tallies, &options.tallies)?;
    let posteriors: Vec<Posterior> = input.arms().iter().map(|arm| arm.posterior).collect();
    let (best, losses, remaining) =
        (p_best(&posteriors), expected_loss(&posteriors), value_remaining(&posteriors));
    let control = posteriors.get(tallies.control);
    let arms = posteriors.iter().zip(&tallies.totals).zip(best.iter().zip(&losses)).enumerate();
    let lines: Vec<Line> = arms
        .map(|(place, ((posterior, tally), (&p_best, &expected_loss)))| {
            let interval = rate_sequence(tally.exposures, tally.conversions, 0.05);
            let other = control.filter(|_| place != tallies.control);
            Line {
                rate: (interval.low, interval.high),
                p_best,
                p_beats_control: other.map(|control| p_beats(posterior, control)),
                expected_loss,
            }
        })
        .collect();
    let decided = is_decided(&tallies, &best, remaining);
    let state = if decided { "decided" } else { "learning" };
    let (unit, arms) = (Unit::of(&tallies), || tallies.offers.iter().zip(&tallies.totals).zip(&lines));
    if options.json {
        let arms = arms().map(|((offer, tally), line)| {
            json!({ "name": offer.name, "price_minor": offer.price_minor, "exposures": tally.exposures,
                    "conversions": tally.conversions, "rate_low": line.rate.0, "rate_high": line.rate.1,
                    "p_best": line.p_best, "p_beats_control": line.p_beats_control,
                    "expected_loss": line.expected_loss })
        });
        let control = tallies.offers.get(tallies.control).map(|offer| &offer.name);
        say(json!({ "objective": tallies.objective.name(), "unit": unit.name(), "control": control,
                    "state": state, "decided": decided, "value_remaining": remaining,
                    "arms": arms.collect::<Vec<_>>() }))?;
    } else {
        let heads =
            ["arm", "price", "exposures", "rate", "at least", "at most", "P(best)", "P(beats control)"];
        let mut table = Table::new(&[heads.as_slice(), &["expected loss"]].concat());
        for ((offer, tally), line) in arms() {
            let rate = tally.conversions as f64 / (tally.exposures as f64).max(1.0);
            table.line(vec![
                offer.name.clone(),
                Unit::price(tallies.currency, offer.price_minor),
                tally.exposures.to_string(),
                percent(rate),
                percent(line.rate.0),
                percent(line.rate.1),
                percent(line.p_best),
                line.p_beats_control.map_or("control".into(), percent),
                unit.value(line.expected_loss),
            ]);
        }
        say(table)?;
        say(format!("\n{state}; the best arm may still be beaten by {} (95 %)", percent(remaining)))?;
    }
    Ok(if options.decided && !decided { Answer::No } else { Answer::Yes })
}
