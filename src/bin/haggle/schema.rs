//! `haggle schema`: the JSON Schema of experiment files, for editors.

use clap::Args;
use haggle::Experiment;

use crate::{Answer, Failure};

/// Prints the JSON Schema of experiment files, for editors and other programs.
///
/// It says what the shape of a file must be; `haggle check` says the rest.
#[derive(Args)]
#[command(after_help = "Example:
  haggle schema > experiments/experiment.schema.json

An editor that knows TOML finds it by a file's first line:
  #:schema ./experiment.schema.json")]
pub struct Options {}

/// Prints the schema.
pub fn run(_: &Options) -> Result<Answer, Failure> {
    crate::say(Experiment::json_schema().trim_end())?;
    Ok(Answer::Yes)
}
