//! `haggle groups` and `haggle prices`: which items an experiment is about, and what each costs.

use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Server;
use super::change::path_of;
use crate::{Answer, Failure, files, say};

/// Saves the groups and the prices of an experiment: g-NAME.tsv and p-NAME.tsv.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle groups sevilla
  haggle groups sevilla --out experiments/
  haggle start sevilla-2 --groups experiments/g-sevilla.tsv --reason 'the same groups again'

g-NAME.tsv has the columns Id, Date, EndDate, Control, Price; p-NAME.tsv has Id and a column for each arm.")]
pub struct GroupsOptions {
    /// Name of the experiment.
    name: String,
    /// Folder for the two files.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    server: Server,
}

/// Prints the prices of an experiment: for the shop's own system, or for a merchant centre.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle prices sevilla --format merchant > prices.tsv
  haggle prices sevilla --format tsv --out p-sevilla.tsv
  haggle prices sevilla --format json | jq .")]
pub struct PricesOptions {
    /// Name of the experiment.
    name: String,
    /// merchant: a supplemental feed of Google Merchant Center, of what everybody sees now; tsv: Id and a column for
    /// each arm; json: the same for programs.
    #[arg(long, value_enum, default_value_t = Format::Tsv)]
    format: Format,
    /// File to write; standard output where left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

/// How prices are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A supplemental feed of Google Merchant Center.
    Merchant,
    /// Tab-separated values.
    Tsv,
    /// JSON.
    Json,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Tsv => "tsv",
            Self::Json => "json",
        }
    }
}

/// Path of an experiment's prices.
fn prices_of(name: &str, format: Format) -> String {
    format!("{}/prices?format={}", path_of(name), format.name())
}

/// Saves the two files.
pub fn groups(options: &GroupsOptions) -> Result<Answer, Failure> {
    let (client, name) = (options.server.client()?, &options.name);
    let groups = client.get(&format!("{}/groups", path_of(name)))?.body;
    let prices = client.get(&prices_of(name, Format::Tsv))?.body;
    std::fs::create_dir_all(&options.out).map_err(files::named(&options.out))?;
    // A name that was asked for and found is one of the API's: it has no part that leads out of the folder.
    for (kind, bytes) in [("g", groups), ("p", prices)] {
        let file = options.out.join(format!("{kind}-{name}.tsv"));
        std::fs::write(&file, &bytes).map_err(files::named(&file))?;
        let items = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        say(format!("{}: {} items", file.display(), items.saturating_sub(1)))?;
    }
    Ok(Answer::Yes)
}

/// Prints the prices, or writes them to a file.
pub fn prices(options: &PricesOptions) -> Result<Answer, Failure> {
    let mut prices = options.server.client()?.open(&prices_of(&options.name, options.format))?;
    let written = match &options.out {
        Some(file) => {
            let mut out = File::create(file).map_err(files::named(file))?;
            std::io::copy(&mut prices, &mut out)
        }
        None => std::io::copy(&mut prices, &mut std::io::stdout()),
    };
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Answer::Yes),
    }
}
