//! `haggle arm`: the arms of an experiment that runs. `haggle change`: its limits.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use haggle::{Currency, Error};
use serde_json::{Value, json};

use super::change::Change;
use crate::{Answer, Failure, amount, files};

/// Adds an arm to an experiment that runs, or pauses, retires or revives one.
#[derive(Args)]
pub struct ArmOptions {
    #[command(subcommand)]
    command: ArmCommand,
}

#[derive(Subcommand)]
enum ArmCommand {
    Add(AddOptions),
    Pause(PauseOptions),
    Retire(RetireOptions),
    Revive(ReviveOptions),
}

/// Adds an arm. It gets the floor, and no more until something is known of it.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle arm add sevilla lower --price 16.50 --reason 'competitors went down'
  haggle arm add winter tenth --multiplier 0.9 --reason 'a wider grid'
  haggle arm add winter list-2 --column price_2027 --reason 'the new price list'")]
struct AddOptions {
    #[command(flatten)]
    change: Change,
    /// Name of the new arm.
    arm: String,
    #[command(flatten)]
    price: PriceOptions,
}

/// What an arm asks for.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct PriceOptions {
    /// Price in major units, such as 17.50, where the experiment is about one item.
    #[arg(long, value_name = "AMOUNT")]
    price: Option<String>,
    /// Factor on the catalogue price of each item.
    #[arg(long, value_name = "FACTOR")]
    multiplier: Option<f64>,
    /// Column of the catalogue that holds the prices.
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
}

/// Pauses an arm: nobody new gets it; who has its price keeps it until the quote ends.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle arm pause sevilla high --reason 'complaints; we look into it'")]
struct PauseOptions {
    #[command(flatten)]
    which: Which,
}

/// Retires an arm for good, as far as anybody can tell: `haggle arm revive` brings it back.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle arm retire sevilla gift --reason 'sold out'")]
struct RetireOptions {
    #[command(flatten)]
    which: Which,
}

/// Brings back an arm that was paused or retired.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle arm revive sevilla high --reason 'the complaints were about shipping'")]
struct ReviveOptions {
    #[command(flatten)]
    which: Which,
}

#[derive(Args)]
struct Which {
    #[command(flatten)]
    change: Change,
    /// Name of the arm.
    arm: String,
}

impl Which {
    fn act(&self, action: &str) -> Result<Answer, Failure> {
        self.change.act(action, json!({ "arm": self.arm }))
    }
}

impl ArmOptions {
    /// Does what was asked.
    pub fn run(&self) -> Result<Answer, Failure> {
        match &self.command {
            ArmCommand::Add(options) => {
                options.change.act_on("add-arm", |view| Ok(json!({ "arm": options.arm(view)? })))
            }
            ArmCommand::Pause(options) => options.which.act("pause-arm"),
            ArmCommand::Retire(options) => options.which.act("retire-arm"),
            ArmCommand::Revive(options) => options.which.act("revive-arm"),
        }
    }
}

impl AddOptions {
    /// The arm as the API takes it; an amount is in the currency of the experiment.
    fn arm(&self, view: &Value) -> Result<Value, Failure> {
        let name = &self.arm;
        Ok(match &self.price {
            PriceOptions { price: Some(text), .. } => {
                let code = view.pointer("/definition/currency").and_then(Value::as_str).unwrap_or_default();
                let currency: Currency = code.parse().map_err(|error: Error| error.to_string())?;
                let minor = amount::price_minor(text, currency).map_err(|why| format!("--price {why}"))?;
                json!({ "name": name, "price_minor": minor })
            }
            PriceOptions { multiplier: Some(factor), .. } => json!({ "name": name, "multiplier": factor }),
            PriceOptions { column, .. } => json!({ "name": name, "column": column }),
        })
    }
}

/// Changes the limits of an experiment that runs: floor, end, holdout or guardrails.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle change sevilla --floor 0.05 --reason 'faster learning'
  haggle change sevilla --end 2027-01-15 --reason 'the holidays are not typical'
  haggle change sevilla --holdout 0.2 --reason 'a surer comparison'
  haggle change sevilla --guardrails limits.toml --reason 'the supplier raised MAP'")]
pub struct ChangeOptions {
    #[command(flatten)]
    change: Change,
    #[command(flatten)]
    what: What,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Least share of each live arm, such as 0.02.
    #[arg(long, value_name = "SHARE")]
    floor: Option<f64>,
    /// Date, or date and time with offset, at which the experiment is decided at the latest; or none.
    #[arg(long, value_name = "DATE")]
    end: Option<String>,
    /// Share of units that keep the control's price: more than now, at most 0.5.
    #[arg(long, value_name = "SHARE")]
    holdout: Option<f64>,
    /// File with the guardrails, in TOML or JSON (*.json), as the table `guardrails` of an experiment file.
    #[arg(long, value_name = "FILE")]
    guardrails: Option<PathBuf>,
}

impl ChangeOptions {
    /// Does what was asked.
    pub fn run(&self) -> Result<Answer, Failure> {
        let (action, fields) = match &self.what {
            What { floor: Some(floor), .. } => ("set-floor", json!({ "floor": floor })),
            What { end: Some(end), .. } => ("set-end", json!({ "end": end_of(end)? })),
            What { holdout: Some(holdout), .. } => ("extend-holdout", json!({ "holdout": holdout })),
            What { guardrails: Some(file), .. } => {
                ("set-guardrails", json!({ "guardrails": guardrails(file)? }))
            }
            _ => return Err("nothing to change is given".into()),
        };
        self.change.act(action, fields)
    }
}

/// An end as the API takes it.
fn end_of(text: &str) -> Result<Value, Failure> {
    if text == "none" {
        return Ok(Value::Null);
    }
    let wrong =
        || format!("--end {text}: it must be such as 2026-12-29 or 2026-12-29T18:00:00+01:00, or none");
    let end_ms = haggle::time::parse(text).ok_or_else(wrong)?;
    Ok(haggle::time::format_time(end_ms).into())
}

/// The guardrails of a file, which may be an experiment file.
fn guardrails(file: &Path) -> Result<Value, Failure> {
    let text = files::text(file)?;
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    let value: Value = if is_json {
        serde_json::from_str(&text).map_err(files::named(file))?
    } else {
        toml::from_str(&text).map_err(files::named(file))?
    };
    Ok(value.get("guardrails").cloned().unwrap_or(value))
}
