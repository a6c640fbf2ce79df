//! `haggle simulate`: what policies would earn in a world whose answers are known.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use haggle::simulate::{Environment, Summary, checkpoints, run as run_once, summarise};
use haggle::{Error, Objective, PolicyChoice};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;
use serde_json::json;

use crate::{Answer, Failure, allocate, files, plot, say};

/// Most runs of one policy.
const RUNS_MAX: u64 = 100_000;
/// Most threads: more than any machine has cores, and few enough to fit into its memory.
const THREADS_MAX: usize = 1024;

const EXAMPLES: &str = "\
Examples:
  haggle simulate tests/bench/environments/cl10.toml --policy thompson --policy ucb1 --runs 400 --seed 1
  haggle simulate shop.toml --policy reward --policy convergence --plot regret.svg
  haggle simulate shop.toml --policy ucb1:exploration=0.5 --policy fixed:shares=0.5/0.5 --feedback-every 1000 --json

The same seed gives the same numbers on any machine and with any number of threads. What stands in ENV.toml, how
regret is counted and what each column means: docs/simulator.md. The policies: haggle policies.";

/// Simulates policies in an environment and compares what they lose against the best choice.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The environment: a file in TOML, or in JSON if its name ends so; - is standard input, in TOML.
    environment: PathBuf,
    /// A policy, as name or name:parameter=number; may be given many times.
    #[arg(long = "policy", value_name = "POLICY", default_value = "thompson")]
    policies: Vec<String>,
    /// Runs of each policy, 1 to 100000.
    #[arg(long, default_value_t = 400)]
    runs: u64,
    /// Seed of all random numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Units between two publications, instead of what the environment says; 1: feedback after every unit.
    #[arg(long, value_name = "UNITS")]
    feedback_every: Option<u64>,
    /// How many evenly spaced moments to report regret and allocation at, 1 to 1000.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    checkpoints: u64,
    /// Threads to run on, 0 to 1024; 0: as many as there are cores. They change nothing but the time.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Draws regret over time with its bands, and the allocation over time, into this file (SVG).
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// No progress bar.
    #[arg(long, short)]
    quiet: bool,
}

/// Simulates, prints the answer and draws it where asked.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let mut environment = read(&options.environment)?;
    if let Some(units) = options.feedback_every {
        environment = environment.with_feedback_every(units)?;
    }
    if !(1..=RUNS_MAX).contains(&options.runs) {
        return Err(Error::value("--runs", options.runs, format!("1 to {RUNS_MAX}")).into());
    }
    if options.threads > THREADS_MAX {
        return Err(Error::value("--threads", options.threads, format!("0 to {THREADS_MAX}")).into());
    }
    let at = checkpoints(environment.horizon, options.checkpoints)?;
    let choices = options.policies.iter().map(|text| Ok((text.as_str(), allocate::choice(text)?)));
    let choices = choices.collect::<Result<Vec<(&str, PolicyChoice)>, Failure>>()?;
    choices.iter().try_for_each(|(_, choice)| environment.check_policy(choice))?;

    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    let progress = progress(options, choices.len() as u64);
    let mut summaries = Vec::with_capacity(choices.len());
    for (name, choice) in &choices {
        progress.set_message((*name).to_owned());
        let one = |number| {
            let run = run_once(&environment, choice, options.seed, number, &at);
            progress.inc(1);
            run
        };
        // Collected in the order of the runs, whichever thread made them.
        let runs: Result<Vec<_>, Error> =
            pool.install(|| (0..options.runs).into_par_iter().map(one).collect());
        summaries.push(summarise(name, &environment, &at, &runs?));
    }
    progress.finish_and_clear();

    if options.json {
        say(as_json(options, &environment, &summaries))?;
    } else {
        say(table(options, &environment, &summaries))?;
    }
    if let Some(path) = &options.plot {
        plot::simulation(path, &environment, &summaries)?;
    }
    Ok(Answer::Yes)
}

fn read(path: &Path) -> Result<Environment, Failure> {
    let text = files::text(path)?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let read = if is_json { Environment::from_json(&text) } else { Environment::from_toml(&text) };
    read.map_err(files::named(path))
}

/// A bar on standard error, where somebody is looking.
fn progress(options: &Options, policies: u64) -> ProgressBar {
    if options.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(policies * options.runs), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:24} {wide_bar} {pos}/{len} runs, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What regret is measured in.
pub fn unit(environment: &Environment) -> String {
    match environment.objective {
        Objective::Conversion => "conversions".into(),
        objective => format!("{} of {}", environment.currency, objective.name()),
    }
}

fn as_json(options: &Options, environment: &Environment, summaries: &[Summary]) -> serde_json::Value {
    let arms: Vec<&str> = environment.arms.iter().map(|arm| arm.name.as_str()).collect();
    json!({
        "objective": environment.objective.name(), "unit": unit(environment), "horizon": environment.horizon,
        "feedback_every": environment.feedback_every, "seed": options.seed, "arms": arms, "policies": summaries,
    })
}

fn table(options: &Options, environment: &Environment, summaries: &[Summary]) -> String {
    let width = summaries.iter().map(|summary| summary.policy.len()).max().unwrap_or(0).max(6);
    let Environment { horizon, feedback_every, .. } = environment;
    let unit = unit(environment);
    let head = format!(
        "Regret in {unit} after {horizon} units, feedback every {feedback_every}; {} runs, seed {}.\n\
         {:width$}  {:>10} {:>8} {:>10} {:>10} {:>10}  {:>8} {:>8}  {:>9} {:>9}",
        options.runs,
        options.seed,
        "policy",
        "regret",
        "± se",
        "5 %",
        "median",
        "95 %",
        "of best",
        "best arm",
        "P≥.95 at",
        "P≥.99 at"
    );
    let line = |summary: &Summary| {
        let at = |level: usize| {
            let units = summary.units_to_p_best.get(level).copied().flatten();
            units.map_or_else(|| "never".into(), |units| format!("{units:.0}"))
        };
        format!(
            "\n{:width$}  {:>10.2} {:>8.2} {:>10.2} {:>10.2} {:>10.2}  {:>7.2}% {:>7.2}%  {:>9} {:>9}",
            summary.policy,
            summary.regret_mean,
            summary.regret_se,
            summary.regret_q05,
            summary.regret_q50,
            summary.regret_q95,
            100.0 * summary.share_of_optimum,
            100.0 * summary.best_arm_share,
            at(0),
            at(1)
        )
    };
    head + &summaries.iter().map(line).collect::<String>()
}
