//! `haggle new`: a commented experiment file, from flags and, at a terminal, from answers.

mod answers;
mod template;

pub use answers::HYPOTHESIS;

use std::fs::OpenOptions;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use haggle::Experiment;
use haggle::experiment::SCHEMA_FILE;

use crate::{Answer, Failure, files, say};

/// Writes the file of a new experiment, with a comment on every field.
///
/// At a terminal it asks for what is not given. It writes no file over another, and none that cannot be read.
#[derive(Args)]
#[command(group = ArgGroup::new("goods").args(["sku", "items", "conditions"]), after_help = "Examples:
  haggle new sevilla
  haggle new sevilla --sku OLIVE-500 --price 19.00 --cost 8.00 --arm low=17.50 --arm high=21.00
  haggle new merida --where brand=Fabrikam --where price_minor=500..5000 --positive 400 --negative 400 --arm low=x0.9
  haggle new toledo --items all --unit item-period --period-hours 24 --arm test=column:test_price")]
pub struct Options {
    /// Name of the experiment: memorable, in small letters, digits and hyphens.
    pub name: String,
    /// Folder to write to.
    #[arg(long, default_value = "experiments")]
    dir: PathBuf,
    /// What you expect, and why.
    #[arg(long, value_name = "TEXT")]
    pub hypothesis: Option<String>,
    /// Address of the document that gives the reasons.
    #[arg(long, value_name = "ADDRESS")]
    pub document: Option<String>,
    /// Who wrote the hypothesis.
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// What is maximised: profit, revenue or conversion.
    #[arg(long)]
    pub objective: Option<String>,
    /// Currency of every amount, such as EUR.
    #[arg(long)]
    pub currency: Option<String>,
    /// What is randomised: visitor, item, family or item-period.
    #[arg(long)]
    pub unit: Option<String>,
    /// Hours of a period, with the unit item-period.
    #[arg(long, value_name = "HOURS")]
    pub period_hours: Option<u32>,
    /// The one item that is priced.
    #[arg(long, requires = "price")]
    pub sku: Option<String>,
    /// Its catalogue price in major units, such as 19.00.
    #[arg(long, value_name = "AMOUNT", requires = "sku")]
    pub price: Option<String>,
    /// Its net cost in major units.
    #[arg(long, value_name = "AMOUNT", requires = "sku")]
    pub cost: Option<String>,
    /// The items that are priced: all, or their keys with commas between.
    #[arg(long, value_name = "SKUS")]
    pub items: Option<String>,
    /// The items that are priced: brand=Fabrikam, or price_minor=500..5000; repeated, all of them must hold.
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    pub conditions: Vec<String>,
    /// Items that get the experiment's prices; all where left out.
    #[arg(long, value_name = "ITEMS", conflicts_with = "sku")]
    pub positive: Option<u32>,
    /// Items that keep the catalogue price, to compare with.
    #[arg(long, value_name = "ITEMS", conflicts_with = "sku")]
    pub negative: Option<u32>,
    /// An arm beside the control: low=17.50, low=x0.9 (times the catalogue price) or test=column:test_price.
    #[arg(long = "arm", value_name = "NAME=PRICE")]
    pub arms: Vec<String>,
    /// How the posterior becomes shares; haggle policies lists them.
    #[arg(long, default_value = "thompson")]
    pub policy: String,
    /// Not decided before so many whole weeks.
    #[arg(long, default_value_t = 2)]
    pub weeks: u32,
}

/// Writes the file, and beside it the schema that editors check it by.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let path = options.dir.join(format!("{}.toml", options.name));
    let draft = if std::io::stdin().is_terminal() {
        answers::ask(options, &mut std::io::stdin().lock(), &mut std::io::stderr())?
    } else {
        answers::take(options)?
    };
    let text = template::experiment(&draft)?.to_toml();
    std::fs::create_dir_all(&options.dir).map_err(files::named(&options.dir))?;
    if !write_new(&path, &text)? {
        return Err(format!("{} is there already; it must be another name", path.display()).into());
    }
    let schema = options.dir.join(SCHEMA_FILE);
    if write_new(&schema, &Experiment::json_schema())? {
        say(format!("wrote {}, which editors check experiment files by", schema.display()))?;
    }
    say(format!("wrote {}; next: haggle check {0}", path.display()))?;
    Ok(Answer::Yes)
}

/// Writes a file where there is none; otherwise it stays as it is, and the answer is no.
fn write_new(path: &Path, text: &str) -> Result<bool, Failure> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true).map_err(files::named(path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(files::named(path)(error)),
    }
}
