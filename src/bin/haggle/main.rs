//! The native command line: the core over files, for analysts and for CI.
//!
//! One file per subcommand. Exit codes: 0 ok, 1 the answer is no, 2 bad input. With `--json` the answer is one JSON
//! value on standard output; everything else (progress, warnings, errors) goes to standard error.

mod allocate;
mod amount;
mod audit;
mod catalogue_file;
mod check;
mod compare;
mod evaluate;
mod files;
mod new;
mod page;
mod plot;
mod policies;
mod posterior;
mod presets;
mod remote;
mod schema;
mod simulate;
mod table;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// What a subcommand answers.
enum Answer {
    /// What was asked for.
    Yes,
    /// What was asked for is not so: scripts see it in the exit code.
    No,
}

/// Why there is no answer: the message names the file or the option, what was given and what is allowed.
type Failure = Box<dyn std::error::Error>;

/// Bandit pricing: experiments on a shop's prices, and the core over files.
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
    Check(check::Options),
    Allocate(allocate::Options),
    Posterior(posterior::Options),
    Compare(compare::Options),
    Evaluate(evaluate::Options),
    New(new::Options),
    Page(page::Options),
    Policies(policies::Options),
    Presets(presets::Options),
    Schema(schema::Options),
    Site(presets::SiteOptions),
    Simulate(simulate::Options),
    Audit(audit::Options),
    #[command(flatten)]
    Remote(remote::Command),
}

/// The commands as they stand in the help. What is named nowhere stands under the last heading.
const HEADINGS: [(&str, &[&str]); 5] = [
    ("Write and check an experiment", &["new", "schema", "check", "put", "delete"]),
    ("Run it", &["list", "start", "arm", "change", "pause", "resume", "stop", "decide", "archive"]),
    ("See what came of it", &["report", "history", "audit", "groups", "prices", "export"]),
    ("The shop", &["catalogue", "sales", "snapshots", "rollback", "page", "site", "presets"]),
    ("Analysis of files", &[]),
];

/// The command line with its commands under headings: clap itself knows one heading for all of them.
fn line() -> clap::Command {
    let mut line = Line::command();
    line.build();
    let commands: Vec<(String, String)> = line
        .get_subcommands()
        .map(|command| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let first = about.split(['.', ':', ';']).next().unwrap_or_default();
            (command.get_name().to_owned(), first.to_owned())
        })
        .collect();
    let width = commands.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let is_under = |heading: &[&str], name: &str| match heading {
        [] => !HEADINGS.iter().any(|(_, names)| names.contains(&name)),
        names => names.contains(&name),
    };
    let mut text = String::from("{about}\n\n{usage-heading} {usage}\n");
    for (heading, names) in HEADINGS {
        let mut under: Vec<_> = commands.iter().filter(|(name, _)| is_under(names, name)).collect();
        under.sort_by_key(|(name, _)| names.iter().position(|known| known == name));
        if !under.is_empty() {
            text.push_str(&format!("\n{heading}:\n"));
        }
        under.iter().for_each(|(name, about)| text.push_str(&format!("  {name:width$}  {about}\n")));
    }
    text.push_str("\nOptions:\n{options}");
    Line::command().help_template(text)
}

fn main() -> ExitCode {
    let line = Line::from_arg_matches(&line().get_matches()).unwrap_or_else(|error| error.exit());
    let answer = match line.command {
        Command::Check(options) => check::run(&options),
        Command::Allocate(options) => allocate::run(&options),
        Command::Posterior(options) => posterior::run(&options),
        Command::Compare(options) => compare::run(&options),
        Command::Evaluate(options) => evaluate::run(&options),
        Command::New(options) => new::run(&options),
        Command::Page(options) => page::run(&options),
        Command::Policies(options) => policies::run(&options),
        Command::Presets(options) => presets::run(&options),
        Command::Schema(options) => schema::run(&options),
        Command::Site(options) => presets::check(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Audit(options) => audit::run(&options),
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

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_stands_once_in_the_help() {
        let mut line = super::line();
        let help = line.render_help().to_string();
        line.build();
        for command in line.get_subcommands() {
            let begin = format!("  {} ", command.get_name());
            assert_eq!(help.lines().filter(|line| line.starts_with(&begin)).count(), 1, "{begin} in {help}");
        }
    }
}
