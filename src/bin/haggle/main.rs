//! The native command line: the core over files, for analysts and for CI.
//!
//! One file per subcommand. Exit codes: 0 ok, 1 the answer is no, 2 bad input. With `--json` the answer is one JSON
//! value on standard output; everything else (progress, warnings, errors) goes to standard error.

mod plot;
mod policies;
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a subcommand answers.
enum Answer {
    /// What was asked for.
    Yes,
}

/// Why there is no answer: the message names the file or the option, what was given and what is allowed.
type Failure = Box<dyn std::error::Error>;

/// Bandit pricing: simulate policies, allocate shares, compare arms, evaluate logs.
#[derive(Parser)]
#[command(version, about, propagate_version = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Policies(policies::Options),
    Simulate(simulate::Options),
}

fn main() -> ExitCode {
    let answer = match Line::parse().command {
        Command::Policies(options) => policies::run(&options),
        Command::Simulate(options) => simulate::run(&options),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("haggle: {failure}");
            ExitCode::from(2)
        }
    }
}
