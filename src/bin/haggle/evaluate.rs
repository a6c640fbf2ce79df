//! `haggle evaluate`: what another policy would have earned, from a log.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use haggle::evaluate::{self, Decided, Estimate, Evaluation, Format, Log, Target};
use haggle::{Currency, Error, Prior};
use serde_json::{Map, json};

use crate::table::{Table, Unit, percent};
use crate::{Answer, Failure, allocate, files, say};

/// Estimates what another policy would have earned, from a log of decisions with their propensities.
///
/// Ends with exit code 1 where the estimates should not be believed, and says why.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle evaluate log.jsonl --policy thompson
  haggle evaluate log.jsonl --policy arm:low --json | jq .estimates.dr
  haggle evaluate vw.dsjson --policy softmax:temperature=0.2 --batch 500
  haggle evaluate bts.csv --policy uniform

The target is logged, uniform, arm:NAME, or a policy of `haggle policies`, which then learns from the log: its shares
for each batch of rows come from the rows before it. docs/cli.md has the formats of logs.")]
pub struct Options {
    /// File with the log; - is standard input.
    log: PathBuf,
    /// Whose value is asked for: logged, uniform, arm:NAME, or a policy with its parameters.
    #[arg(long)]
    policy: String,
    /// How the log is written; seen in its first line where left out.
    #[arg(long)]
    format: Option<Written>,
    /// Rows between two allocations of a policy that learns.
    #[arg(long, default_value_t = evaluate::Options::default().batch)]
    batch: usize,
    /// Least share of an arm for a policy that learns.
    #[arg(long, default_value_t = 0.0)]
    floor: f64,
    /// Belief about each arm's conversion rate before the first row: the two parameters of a beta distribution.
    #[arg(long, default_value = "1,1", value_name = "ALPHA,BETA")]
    prior: String,
    /// Weights above this count as this in the clipped estimate.
    #[arg(long, default_value_t = evaluate::Options::default().clip)]
    clip: f64,
    /// Parts of the log for the doubly robust estimate.
    #[arg(long, default_value_t = evaluate::Options::default().folds)]
    folds: u32,
    /// Number of rows at which the confidence sequence is narrowest; choose it before looking.
    #[arg(long, default_value_t = evaluate::Options::default().planned_rows)]
    planned_rows: f64,
    /// Currency of the log's rewards, for the table.
    #[arg(long)]
    currency: Option<Currency>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// How a log is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Written {
    /// haggle's own, JSON lines.
    Haggle,
    /// Vowpal Wabbit's, JSON lines.
    Dsjson,
    /// A table as of the Open Bandit Pipeline.
    Csv,
}

impl From<Written> for Format {
    fn from(written: Written) -> Self {
        match written {
            Written::Haggle => Self::Haggle,
            Written::Dsjson => Self::Dsjson,
            Written::Csv => Self::Csv,
        }
    }
}

/// Prints the estimates.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let target = target(options)?;
    let log = read(&options.log, options.format.map(Format::from)).map_err(files::named(&options.log))?;
    let how = evaluate::Options {
        clip: options.clip,
        folds: options.folds,
        batch: options.batch,
        planned_rows: options.planned_rows,
    };
    let found = evaluate::evaluate(&log, &target, &how).map_err(files::named(&options.log))?;
    if options.json {
        print_json(options, &log, &found)?
    } else {
        print_table(options, &log, &found)?
    }
    Ok(if found.refusals.is_empty() { Answer::Yes } else { Answer::No })
}

fn target(options: &Options) -> Result<Target, Failure> {
    let prior = || {
        let numbers = options.prior.split_once(',').map(|(a, b)| (a.trim().parse(), b.trim().parse()));
        let Some((Ok(alpha), Ok(beta))) = numbers else {
            return Err(Error::value("--prior", format!("{:?}", options.prior), "two numbers such as 1,1"));
        };
        Prior::new(alpha, beta)
    };
    match options.policy.as_str() {
        "logged" => Ok(Target::Logged),
        "uniform" => Ok(Target::Uniform),
        given => match given.strip_prefix("arm:") {
            Some(arm) => Ok(Target::Arm(arm.into())),
            None => {
                let choice = allocate::choice(given)
                    .map_err(|why| format!("{why}; or the target logged, uniform or arm:NAME"))?;
                Ok(Target::Policy { choice, floor: options.floor, prior: prior()? })
            }
        },
    }
}

fn print_json(options: &Options, log: &Log, found: &Evaluation) -> Result<(), Failure> {
    let estimates = found.estimates.iter().map(|one| Ok((one.name.to_owned(), serde_json::to_value(one)?)));
    let arms = log.arms().iter().zip(log.exposures()).enumerate().map(|(place, (arm, exposures))| {
        json!({ "name": arm.name, "exposures": exposures, "share": found.shares.get(place) })
    });
    say(json!({
        "policy": options.policy, "rows": found.rows, "skipped": found.skipped, "unit": log.unit().name(),
        "effective_sample_size": found.effective_sample_size, "mean_weight": found.mean_weight,
        "mean_weight_se": found.mean_weight_se, "logged": found.logged,
        "estimates": estimates.collect::<Result<Map<_, _>, serde_json::Error>>()?,
        "arms": arms.collect::<Vec<_>>(),
        "verdict": if found.refusals.is_empty() { "ok" } else { "refused" }, "reasons": found.refusals,
    }))
}

fn print_table(options: &Options, log: &Log, found: &Evaluation) -> Result<(), Failure> {
    let unit = match log.unit() {
        evaluate::Unit::Minor => Unit::Money(options.currency),
        evaluate::Unit::Conversions => Unit::Rate,
        evaluate::Unit::Reward => Unit::Plain,
    };
    let mut table = Table::new(&["estimate", unit.name(), "se", "95 % low", "high", "any look low", "high"]);
    let line = |one: &Estimate| {
        let values = [one.value, one.se, one.low, one.high, one.sequence_low, one.sequence_high];
        [one.name.to_owned()].into_iter().chain(values.map(|value| unit.value(value))).collect()
    };
    table.line(line(&found.logged));
    found.estimates.iter().for_each(|one| table.line(line(one)));
    say(table)?;
    say(format!(
        "\n{} rows, {} left out; effective sample size {:.0}; mean weight {:.4} ± {:.4}",
        found.rows, found.skipped, found.effective_sample_size, found.mean_weight, found.mean_weight_se
    ))?;
    if !found.shares.is_empty() {
        let mut arms = Table::new(&["arm", "exposures", "share of the target"]);
        for ((arm, exposures), share) in log.arms().iter().zip(log.exposures()).zip(&found.shares) {
            arms.line(vec![arm.name.clone(), exposures.to_string(), percent(*share)]);
        }
        say(format!("\n{arms}"))?;
    }
    for reason in &found.refusals {
        say(format!("refused: {reason}"))?;
    }
    Ok(())
}

fn read(path: &Path, format: Option<Format>) -> Result<Log, Failure> {
    let mut file = files::open(path)?;
    let start = files::first_line(file.as_mut())?;
    let detected = Format::detect(&String::from_utf8_lossy(&start));
    let mut file = Cursor::new(start).chain(file);
    let mut log = Log::default();
    match format.unwrap_or(detected) {
        Format::Haggle => files::lines(&mut file, |number, text| Ok(log.read_haggle(number, text)?))?,
        Format::Dsjson => files::lines(&mut file, |number, text| Ok(log.read_dsjson(number, text)?))?,
        Format::Csv => read_csv(file, &mut log)?,
    }
    Ok(log)
}

/// Names under which a column may stand in a table's head, those of the Open Bandit Pipeline first.
const ARM: [&str; 3] = ["item_id", "action", "arm"];
const REWARD: [&str; 3] = ["click", "conversion", "reward"];
const PROPENSITY: [&str; 3] = ["propensity_score", "pscore", "propensity"];

/// Reads a table with a head; columns of other names are left alone.
fn read_csv(file: impl std::io::Read, log: &mut Log) -> Result<(), Failure> {
    let mut table = csv::Reader::from_reader(file);
    let heads = table.headers()?.clone();
    let column = |names: &[&str]| {
        let place = names.iter().find_map(|name| heads.iter().position(|head| head.trim() == *name));
        let given = || format!("missing among {:?}", heads.iter().take(20).collect::<Vec<_>>().join(","));
        place.ok_or_else(|| Error::value("line 1: column", given(), format!("one of {}", names.join(", "))))
    };
    let (arm, earned, propensity) = (column(&ARM)?, column(&REWARD)?, column(&PROPENSITY)?);
    let is_reward = heads.get(earned).is_some_and(|head| head.trim() == "reward");
    for record in table.records() {
        let record = record?;
        let line = record.position().map_or(0, |position| position.line() as usize);
        let cell = |place: usize| record.get(place).unwrap_or_default().trim();
        let refusal = |place: usize, allowed: &str| {
            let head = heads.get(place).unwrap_or_default();
            Error::value(format!("line {line}: {head}"), format!("{:?}", cell(place)), allowed)
        };
        let number = |place: usize| cell(place).parse::<f64>().map_err(|_| refusal(place, "a number"));
        let reward = number(earned)?;
        if !is_reward && reward != 0.0 && reward != 1.0 {
            return Err(refusal(earned, "0 or 1; a column named reward may have any number").into());
        }
        let decided = Decided {
            arm: cell(arm),
            price_minor: None,
            value_minor: None,
            propensity: number(propensity)?,
            reward,
            converted: reward > 0.0,
            unit: if is_reward { evaluate::Unit::Reward } else { evaluate::Unit::Conversions },
        };
        log.push(line, &decided)?;
    }
    Ok(())
}
