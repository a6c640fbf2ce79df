//! Simulated shoppers: policies in a world whose answers are known, to see what each would have earned.
//!
//! In scope: the worlds ([`Environment`]), one run of one policy ([`run`]), and what many runs amount to
//! ([`summarise`]). Everything is decided by seeds: the same arguments give the same numbers on every machine. Out of
//! scope: running many at once and drawing them, which the command line and the dashboard do (`haggle simulate`,
//! docs/simulator.md).
//!
//! | file | what |
//! |---|---|
//! | `environment` | arms with hidden rates, delays, changes, replacements, stock, locations; read from TOML and JSON |
//! | `truth` | who would buy, and regret against the best plan |
//! | `wait` | how late conversions come |
//! | `shop` | feedback in batches: hash assignment, tallies, ledger, history, snapshots, as the edge runs them |
//! | `immediate` | feedback after every unit: running sums, one draw per unit |
//! | `record`, `summary` | what is kept of a run, and of many |
//! | `scenario` | a shop in the words of who runs it, days and a guessed demand, as an environment |

mod environment;
mod immediate;
mod record;
mod scenario;
mod shop;
mod summary;
mod truth;
mod wait;

pub use environment::{Change, Delay, Edges, Environment, HORIZON_MAX, LIST_MAX, Replacement, TrueArm};
pub use record::{Choice, LEVELS, Run};
pub use scenario::{CurvePoint, Demand, Scenario};
pub use summary::{CheckpointSummary, Decisions, Summary, When, summarise};
pub use wait::Wait;

use self::record::Record;
use self::shop::Shop;
use self::truth::{Truth, stream};
use crate::{Error, Policy, PolicyChoice};

/// Most checkpoints of a run.
pub const CHECKPOINTS_MAX: u64 = 1000;

/// Numbers of units, evenly spaced up to the horizon, after which a run is looked at: `count` of them, or one for
/// each unit where the horizon is shorter.
///
/// # Errors
/// A count that is not from 1 to 1000.
pub fn checkpoints(horizon: u64, count: u64) -> Result<Vec<u64>, Error> {
    if !(1..=CHECKPOINTS_MAX).contains(&count) {
        return Err(Error::value("number of checkpoints", count, format!("1 to {CHECKPOINTS_MAX}")));
    }
    let count = count.min(horizon);
    Ok((1..=count).map(|i| (horizon * i).div_ceil(count)).collect())
}

/// Runs a policy once in a world. `checkpoints` are numbers of units, ascending, at which regret is noted.
///
/// The order of the arms, their replacements and the units depend on `seed` and `run`; the first two are the same for
/// all policies, so that these can be compared run by run.
///
/// ```
/// use haggle::simulate::{Environment, checkpoints, run, summarise};
/// let environment = Environment::from_json(r#"{"objective": "conversion", "horizon": 2000, "feedback_every": 100,
///     "arms": [{"name": "a", "price_minor": 1, "rate": 0.5}, {"name": "b", "price_minor": 1, "rate": 0.1}]}"#)?;
/// let at = checkpoints(environment.horizon, 2)?;
/// let choice = "thompson".parse()?;
/// let runs = (0..3).map(|number| run(&environment, &choice, 1, number, &at)).collect::<Result<Vec<_>, _>>()?;
/// let summary = summarise("thompson", &environment, &at, &runs);
/// assert!(summary.regret_mean < 100.0, "a tenth of what playing b throughout would lose: {}", summary.regret_mean);
/// # Ok::<(), haggle::Error>(())
/// ```
///
/// # Errors
/// A policy that cannot run in this world.
pub fn run(
    environment: &Environment,
    choice: &PolicyChoice,
    seed: u64,
    run: u64,
    checkpoints: &[u64],
) -> Result<Run, Error> {
    let at_once = environment.feedback_every == 1
        && environment.delay.is_none()
        && environment.edges.stale_units == 0
        && choice.name != Policy::ContrastThompson;
    if !at_once {
        return run_in_batches(environment, choice, seed, run, checkpoints);
    }
    environment.check_policy(choice)?;
    let truth = Truth::new(environment, seed, run);
    let random = stream(seed, run, u64::from(choice.name.code()));
    let experiment = environment.experiment(choice, truth.order());
    immediate::run(environment, experiment, truth, random, Record::new(checkpoints, environment))
}

/// The same as [`run`] by the functions of the edge alone, which is slow where feedback comes after every unit: half the
/// size in wasm, where nothing else is asked for.
///
/// # Errors
/// A policy that cannot run in this world.
pub fn run_in_batches(
    environment: &Environment,
    choice: &PolicyChoice,
    seed: u64,
    run: u64,
    checkpoints: &[u64],
) -> Result<Run, Error> {
    environment.check_policy(choice)?;
    let mut truth = Truth::new(environment, seed, run);
    let mut random = stream(seed, run, u64::from(choice.name.code()));
    let mut record = Record::new(checkpoints, environment);
    let mut shop = Shop::new(environment, environment.experiment(choice, truth.order()))?;
    for unit in 0..environment.horizon {
        let place = shop.visit(unit, &mut truth, &mut random)?;
        record.show(place);
        record.count(unit + 1, &truth);
        if (unit + 1) % environment.feedback_every == 0 {
            shop.publish(unit + 1, &truth, &mut record)?;
        }
    }
    Ok(record.finish(&truth))
}
