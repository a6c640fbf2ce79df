//! The native command line: the core over files, for analysts and for CI.
//!
//! One file per subcommand. Exit codes: 0 ok, 1 the answer is no, 2 bad input. With `--json` the answer is one JSON
//! value on standard output; everything else (progress, warnings, errors) goes to standard error.

mod allocate;
mod compare;
mod evaluate;
mod files;
mod page;
mod plot;
mod policies;
mod posterior;
mod presets;
mod remote;
mod simulate;
mod table;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a subcommand answers.
enum Answer {
    /// What was asked for.
    Yes,
    /// What was asked for is not so: scripts see it in the exit code.
    No,
}

/// Why there is no answer: the message names the file or the option, what was given and what is allowed.
type Failure = Box<dyn std::error::Error>;

/// Bandit pricing: simulate policies, allocate shares, compare arms, evaluate logs, try pages.
///
/// Exit codes: 0 ok, 1 the answer is no, 2 bad input.
#[derive(Parser)]
#[command(version, about, propagate_version = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Allocate(allocate::Options),
    Posterior(posterior::Options),
    Compare(compare::Options),
    Evaluate(evaluate::Options),
    Page(page::Options),
    Policies(policies::Options),
    Presets(presets::Options),
    Site(presets::SiteOptions),
    Simulate(simulate::Options),
    #[command(flatten)]
    Remote(remote::Command),
}

fn main() -> ExitCode {
    let answer = match Line::parse().command {
        Command::Allocate(options) => allocate::run(&options),
        Command::Posterior(options) => posterior::run(&options),
        Command::Compare(options) => compare::run(&options),
        Command::Evaluate(options) => evaluate::run(&options),
        Command::Page(options) => page::run(&options),
        Command::Policies(options) => policies::run(&options),
        Command::Presets(options) => presets::run(&options),
        Command::Site(options) => presets::check(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Remote(command) => command.run(),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("haggle: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Prints a line or a table. A reader that has gone away (`haggle … | head`) has seen what it wanted.
fn say(text: impl std::fmt::Display) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}").into())
        }
        _ => Ok(()),
    }
}
