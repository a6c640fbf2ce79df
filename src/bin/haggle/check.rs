//! `haggle check`: whether an experiment could start with this catalogue, and what would happen.
//!
//! Nothing is sent and nothing is decided by the time of day: the same files give the same answer.

mod plan;
mod show;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use haggle::experiment::{Goods, Item};
use haggle::groups::{Draw, items_of};
use haggle::{CatalogueItem, Currency, Experiment, Groups, time};

use crate::{Answer, Failure, catalogue_file, files, say};

/// Checks an experiment file, and shows what would happen: items per group, prices, balance, duration, conflicts.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle check experiments/sevilla.toml
  haggle check experiments/sevilla.toml --catalogue items.csv --rate 0.03 --visitors-per-day 20000
  haggle check experiments/sevilla.toml --catalogue items.csv --live g-malaga.tsv --write-groups drawn/
  haggle check experiments/sevilla.toml --catalogue items.csv --groups g-sevilla.tsv

Exit code 1 where it could not start, 2 where a file cannot be read. docs/catalogue.md has the columns of items.csv.")]
pub struct Options {
    /// The experiment, in TOML or JSON.
    file: PathBuf,
    /// The catalogue, in CSV or TSV; - is standard input.
    #[arg(long, value_name = "ITEMS")]
    catalogue: Option<PathBuf>,
    /// Currency of prices in the catalogue that stand without one; that of the experiment where left out.
    #[arg(long)]
    currency: Option<Currency>,
    /// Groups of another experiment, whose items stay out; repeated for several.
    #[arg(long, value_name = "GROUPS")]
    live: Vec<PathBuf>,
    /// Groups that were saved: they are reproduced instead of drawn.
    #[arg(long, value_name = "GROUPS")]
    groups: Option<PathBuf>,
    /// Visitors a day who see an item of the experiment.
    #[arg(long, value_name = "N")]
    visitors_per_day: Option<f64>,
    /// Part of these visitors that buys one: 0.03 is three in a hundred.
    #[arg(long)]
    rate: Option<f64>,
    /// The relative difference that is to be found: 0.05 is five per cent.
    #[arg(long, default_value_t = 0.05)]
    effect: f64,
    /// With item units: days that the column past covers; those of the experiment where left out.
    #[arg(long, value_name = "DAYS")]
    past_days: Option<f64>,
    /// With item units: correlation of what an item brings in two equally long times.
    #[arg(long, default_value_t = 0.7)]
    correlation: f64,
    /// Writes g-NAME.tsv and p-NAME.tsv into this directory.
    #[arg(long, value_name = "DIR")]
    write_groups: Option<PathBuf>,
    /// Date of the draw in g-NAME.tsv; the experiment's start where left out.
    #[arg(long, requires = "write_groups")]
    date: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What was found out.
struct Findings {
    experiment: Experiment,
    /// Items in the catalogue, in scope, and left out because another experiment has them; none without a catalogue.
    counts: Option<[usize; 3]>,
    /// None where it cannot start, has one item, or was checked without a catalogue.
    groups: Option<Groups>,
    plan: plan::Plan,
    /// Why it cannot start; empty where it can.
    faults: Vec<String>,
    /// What is worth knowing before it starts.
    notes: Vec<String>,
}

/// Prints the findings.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    check_numbers(options)?;
    let experiment = read(&options.file)?;
    let taken = taken(options, &experiment)?;
    let mut findings = Findings {
        experiment,
        counts: None,
        groups: None,
        plan: plan::Plan::default(),
        faults: Vec::new(),
        notes: Vec::new(),
    };
    match findings.experiment.goods.clone() {
        Goods::Item(item) => check_item(options, &mut findings, &item, &taken)?,
        Goods::Scope(scope) => {
            draw(options, &mut findings, &taken)?;
            note_excluded(options, &mut findings, &scope.exclude);
        }
    }
    findings.plan = plan::Plan::new(options, &findings.experiment, findings.groups.as_ref());
    show::notes(&mut findings);
    if let (Some(directory), Some(groups)) = (&options.write_groups, &findings.groups) {
        write(directory, options.date.as_deref(), &findings.experiment, groups)?;
    }
    if options.json {
        say(show::json(&findings))?
    } else {
        say(show::text(&findings))?
    }
    Ok(if findings.faults.is_empty() { Answer::Yes } else { Answer::No })
}

fn check_numbers(options: &Options) -> Result<(), Failure> {
    let within = |name: &str, value: Option<f64>, from: f64, to: f64, allowed: &str| match value {
        Some(value) if !(value > from && value < to) => {
            Err(format!("--{name} is {value}; it must be {allowed}"))
        }
        _ => Ok(()),
    };
    within("visitors-per-day", options.visitors_per_day, 0.0, 1e12, "above 0")?;
    within("rate", options.rate, 0.0, 1.0, "above 0 and below 1")?;
    within("effect", Some(options.effect), 0.0, 10.0, "above 0 and below 10")?;
    within("past-days", options.past_days, 0.0, 1e4, "above 0 and below 10000")?;
    within("correlation", Some(options.correlation), -1e-9, 1.0, "from 0 to below 1")?;
    Ok(())
}

/// An experiment file: JSON where its name ends so, else TOML.
fn read(path: &Path) -> Result<Experiment, Failure> {
    let text = files::text(path)?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let read = if is_json { Experiment::from_json(&text) } else { Experiment::from_toml(&text) };
    read.map_err(files::named(path))
}

/// The items of other experiments, from their files of groups.
fn taken(options: &Options, experiment: &Experiment) -> Result<BTreeSet<String>, Failure> {
    let mut taken = BTreeSet::new();
    for path in &options.live {
        taken.extend(items_of(experiment.currency, &files::text(path)?).map_err(files::named(path))?);
    }
    Ok(taken)
}

fn items(options: &Options, path: &Path, experiment: &Experiment) -> Result<catalogue_file::Items, Failure> {
    let items = catalogue_file::read(path, options.currency.or(Some(experiment.currency)), None)?;
    Ok(items)
}

/// The groups of an experiment on many items.
fn draw(options: &Options, findings: &mut Findings, taken: &BTreeSet<String>) -> Result<(), Failure> {
    let Some(path) = &options.catalogue else {
        findings
            .faults
            .push("the catalogue is not known: say --catalogue items.csv to draw the groups".into());
        return Ok(());
    };
    let experiment = &findings.experiment;
    let mut draw = match &options.groups {
        Some(file) => Draw::saved(experiment, &files::text(file)?).map_err(files::named(file))?,
        None => Draw::new(experiment),
    };
    for item in items(options, path, experiment)? {
        draw.offer(item?);
    }
    findings.counts = Some([draw.offered(), draw.in_scope(), draw.excluded(taken)]);
    match draw.finish(taken) {
        Ok(groups) => findings.groups = Some(groups),
        Err(error) => findings.faults.push(error.to_string()),
    }
    Ok(())
}

/// Experiments that are left out by name can be left out here only where their groups are given.
fn note_excluded(options: &Options, findings: &mut Findings, names: &[String]) {
    let has_file = |name: &String| {
        let file = format!("g-{name}.tsv");
        options.live.iter().any(|path| path.file_name().is_some_and(|known| known.to_string_lossy() == file))
    };
    let missing: Vec<&str> = names.iter().filter(|name| !has_file(name)).map(String::as_str).collect();
    if !missing.is_empty() {
        let names = missing.join(", ");
        findings.notes.push(format!(
            "scope.exclude leaves out {names}, whose items are not known here: say --live g-NAME.tsv for each"
        ));
    }
}

/// A single item stands in its file; the catalogue, where it is given, has to agree.
fn check_item(
    options: &Options,
    findings: &mut Findings,
    item: &Item,
    taken: &BTreeSet<String>,
) -> Result<(), Failure> {
    if taken.contains(&item.sku) {
        findings
            .faults
            .push(format!("item {} is in another experiment; it must be in one at a time", item.sku));
    }
    let Some(path) = &options.catalogue else { return Ok(()) };
    let (mut offered, mut found) = (0, None::<CatalogueItem>);
    for known in items(options, path, &findings.experiment)? {
        let known = known?;
        offered += 1;
        found = found.or(Some(known).filter(|known| known.sku == item.sku));
    }
    findings.counts = Some([offered, usize::from(found.is_some()), usize::from(taken.contains(&item.sku))]);
    let Some(known) = found else {
        findings.faults.push(format!("item.sku is {:?}; it must be an item of the catalogue", item.sku));
        return Ok(());
    };
    if known.price_minor != item.price_minor {
        let fault = format!(
            "item.price_minor is {}; it must be that of the catalogue, {}",
            item.price_minor, known.price_minor
        );
        findings.faults.push(fault);
    }
    let minor = |amount: Option<i64>| amount.map_or("missing".into(), |amount| amount.to_string());
    for (field, here, there) in [
        ("cost_minor", item.cost_minor, known.cost_minor),
        ("compare_at_minor", item.compare_at_minor, known.compare_at_minor),
    ] {
        if here != there && there.is_some() {
            findings.notes.push(format!(
                "item.{field} is {}; the catalogue has {}",
                minor(here),
                minor(there)
            ));
        }
    }
    if item.tax != known.tax {
        findings.notes.push(format!(
            "item.tax_rate is {}; the catalogue has {}",
            item.tax.rate(),
            known.tax.rate()
        ));
    }
    Ok(())
}

/// Writes the groups and the prices beside each other.
fn write(
    directory: &Path,
    date: Option<&str>,
    experiment: &Experiment,
    groups: &Groups,
) -> Result<(), Failure> {
    let date_ms = match date {
        Some(date) => time::parse_date(date)
            .ok_or_else(|| format!("--date is {date:?}; it must be a date such as 2026-12-01"))?,
        None => experiment
            .start_ms
            .ok_or("--date is missing; it must be given where the experiment has no start")?,
    };
    std::fs::create_dir_all(directory).map_err(files::named(directory))?;
    for (name, text) in [
        (
            format!("g-{}.tsv", experiment.name),
            groups.to_tsv(experiment.currency, date_ms, experiment.end_ms),
        ),
        (format!("p-{}.tsv", experiment.name), groups.prices_tsv(experiment)),
    ] {
        let path = directory.join(name);
        std::fs::write(&path, text).map_err(files::named(&path))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}
