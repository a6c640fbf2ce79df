//! Simulated shoppers: policies in a world whose answers are known, to see what each would have earned.
//!
//! In scope: the worlds ([`Environment`]), one run of one policy ([`run`]), what many runs amount to ([`summarise`]),
//! and the loop of one experiment for the preview ([`simulate`]). Everything is decided by seeds: the same arguments
//! give the same numbers on every machine. Out of scope: running many at once and drawing them, which the command
//! line does (`haggle simulate`, docs/simulator.md).
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

use serde::Serialize;

use self::record::Record;
use self::shop::Shop;
use self::truth::{Truth, stream};
use crate::error::decimal;
use crate::json::{Fields, Value};
use crate::{Error, Experiment, Policy, PolicyChoice};

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

/// What is simulated of one experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// True conversion rate of each arm, in the order of the arms: `[0, 1]`, hidden from the policy.
    pub rates: Vec<f64>,
    /// Units (visitors) in all: 1 to 10 000 000.
    pub horizon: u64,
    /// Units between two publications: 1 to the horizon.
    pub publish_every: u64,
    /// Mean of the exponential delay of a reward, in units; 0 for none.
    pub delay_mean: f64,
    /// Seed of the shoppers; the same seed gives the same numbers on every machine.
    pub seed: u64,
}

/// The state after one publication.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checkpoint {
    /// Units so far.
    pub units: u64,
    /// Version that is published now.
    pub version: u64,
    /// Share of each arm, out of 65536.
    pub shares: Vec<u32>,
    /// Exposures of each arm that the posterior knows.
    pub exposures: Vec<i64>,
    /// Conversions of each arm that the posterior knows.
    pub conversions: Vec<i64>,
    /// Expected value lost so far against always playing the best arm, in minor units of the objective.
    pub regret_minor: f64,
}

/// Runs the loop of an experiment, floor and holdout included, and returns the state after every publication.
///
/// ```
/// # let experiment = haggle::Experiment::from_json(include_str!("../tests/golden/sevilla.json"))?;
/// use haggle::simulate::{Simulation, simulate};
/// let shoppers =
///     Simulation { rates: vec![0.1, 0.3, 0.05], horizon: 5_000, publish_every: 500, delay_mean: 50.0, seed: 1 };
/// let last = simulate(&experiment, &shoppers)?.pop().ok_or("no publication")?;
/// assert!(last.shares[1] > 60_000, "the best arm has nearly all units: {:?}", last.shares);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Rates, horizon or batch out of bounds.
pub fn simulate(experiment: &Experiment, simulation: &Simulation) -> Result<Vec<Checkpoint>, Error> {
    simulation.check(experiment)?;
    let environment = simulation.environment(experiment);
    let mut truth = Truth::unshuffled(&environment, simulation.seed);
    let mut random = stream(simulation.seed, 0, u64::from(experiment.policy.name.code()));
    let mut record = Record::new(&[], &environment);
    let window = environment.experiment(&experiment.policy, truth.order()).reward_window_hours;
    let simulated =
        Experiment { horizon: Some(simulation.horizon), reward_window_hours: window, ..experiment.clone() };
    let mut shop = Shop::new(&environment, simulated)?;
    let mut checkpoints = Vec::new();
    for unit in 0..simulation.horizon {
        shop.visit(unit, &mut truth, &mut random)?;
        if (unit + 1) % simulation.publish_every == 0 || unit + 1 == simulation.horizon {
            shop.publish(unit + 1, &truth, &mut record)?;
            let known = || shop.totals().iter().take(experiment.arms.len());
            checkpoints.push(Checkpoint {
                units: unit + 1,
                version: shop.version(),
                shares: shop.shares().to_vec(),
                exposures: known().map(|total| total.exposures).collect(),
                conversions: known().map(|total| total.conversions).collect(),
                regret_minor: truth.regret,
            });
        }
    }
    Ok(checkpoints)
}

impl Simulation {
    /// Reads what is simulated from a JSON object with these fields; `delay_mean` may be left out. Whether it suits
    /// an experiment, [`simulate`] says.
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let known = ["rates", "horizon", "publish_every", "delay_mean", "seed"];
        let mut fields = Fields::parse("a simulation in JSON", text, &known)?;
        let rates = fields.take("rates").list()?;
        Ok(Self {
            rates: rates.iter().map(Value::fraction).collect::<Result<_, _>>()?,
            horizon: fields.take("horizon").count()?,
            publish_every: fields.take("publish_every").count()?,
            delay_mean: fields.take("delay_mean").if_given().map_or(Ok(0.0), |mean| mean.fraction())?,
            seed: fields.take("seed").count()?,
        })
    }

    /// The world of these shoppers: three locations, which have every snapshot at once.
    fn environment(&self, experiment: &Experiment) -> Environment {
        let arms = experiment.arms.iter().zip(&self.rates).map(|(arm, &rate)| TrueArm {
            name: arm.name.clone(),
            price_minor: arm.price_minor,
            cost_minor: arm.cost_minor.or_else(|| experiment.item()?.cost_minor),
            rate,
        });
        let wait = Wait::Exponential { mean: self.delay_mean };
        let delay = Delay { wait, window: self.horizon, correction: experiment.delay };
        Environment {
            objective: experiment.objective,
            currency: experiment.currency,
            horizon: self.horizon,
            feedback_every: self.publish_every,
            floor: experiment.floor,
            holdout: experiment.holdout,
            prior: experiment.prior,
            arms: arms.collect(),
            delay: (self.delay_mean > 0.0).then_some(delay),
            changes: Vec::new(),
            replacement: None,
            inventory: experiment.stock,
            edges: Edges { count: 3, stale_units: 0 },
            stop: None,
        }
    }

    fn check(&self, experiment: &Experiment) -> Result<(), Error> {
        if self.rates.len() != experiment.arms.len() {
            let allowed = format!("one for each of the {} arms", experiment.arms.len());
            return Err(Error::value("number of rates", self.rates.len(), allowed));
        }
        if let Some(rate) = self.rates.iter().find(|rate| !(0.0..=1.0).contains(*rate)) {
            return Err(Error::value("rate", decimal(*rate), "0 to 1"));
        }
        if !(1..=HORIZON_MAX).contains(&self.horizon) {
            return Err(Error::value("horizon", self.horizon, format!("1 to {HORIZON_MAX} units")));
        }
        if !(1..=self.horizon).contains(&self.publish_every) {
            let allowed = format!("1 to the horizon of {}", self.horizon);
            return Err(Error::value("publish_every", self.publish_every, allowed));
        }
        if !(0.0..=1e9).contains(&self.delay_mean) {
            return Err(Error::value("delay_mean", decimal(self.delay_mean), "0 to 1e9 units"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::{SEVILLA, sevilla};

    fn shoppers(seed: u64, delay_mean: f64) -> Simulation {
        Simulation { rates: vec![0.10, 0.16, 0.05], horizon: 20_000, publish_every: 1000, delay_mean, seed }
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_does_not() {
        let run = |seed| simulate(&sevilla(), &shoppers(seed, 100.0)).unwrap();
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    /// Over 20 seeds: the best arm of margin x rate (low: 950 x 0.16 against 1100 x 0.10) ends above 90 %.
    #[test]
    fn thompson_finds_the_best_arm_also_when_rewards_are_late() {
        for seed in 0..20 {
            let last = simulate(&sevilla(), &shoppers(seed, 300.0)).unwrap().pop().unwrap();
            assert!(last.shares[1] > 58_982, "seed {seed}: {:?}", last.shares);
        }
    }

    #[test]
    fn a_fixed_split_stays_and_loses_more() {
        let fixed = SEVILLA.replace(r#"{"name": "thompson"}"#, r#"{"name": "fixed"}"#);
        let fixed = simulate(&Experiment::from_json(&fixed).unwrap(), &shoppers(1, 0.0)).unwrap();
        assert!(fixed.iter().all(|checkpoint| checkpoint.shares == fixed[0].shares));
        let thompson = simulate(&sevilla(), &shoppers(1, 0.0)).unwrap();
        assert!(thompson.last().unwrap().regret_minor < fixed.last().unwrap().regret_minor / 2.0);
    }

    /// Every unit outside of the holdout is one exposure: nothing is lost between the sources and the posterior.
    #[test]
    fn the_ledger_counts_every_unit_once() {
        let simulation = shoppers(3, 0.0);
        let mut shop_total = 0;
        let mut experiment = sevilla();
        for holdout in [0.0, 0.25] {
            experiment.holdout = holdout;
            let last = simulate(&experiment, &simulation).unwrap().pop().unwrap();
            let exposures: i64 = last.exposures.iter().sum();
            shop_total += exposures;
            // Binomial(20 000, 0.25): outside of +- 250 (four standard deviations) with probability 5e-5.
            let expected = (20_000.0 * (1.0 - holdout)) as i64;
            assert!((exposures - expected).abs() <= if holdout == 0.0 { 0 } else { 250 }, "{exposures}");
        }
        assert!(shop_total < 40_000);
    }

    #[test]
    fn a_simulation_reads_from_json() {
        let text = r#"{"rates": [0.10, 0.16, 0.05], "horizon": 20000, "publish_every": 1000, "seed": 7}"#;
        assert_eq!(Simulation::from_json(text).unwrap(), shoppers(7, 0.0));
        let late = text.replace("\"seed\"", "\"delay_mean\": 2.5, \"seed\"");
        assert_eq!(Simulation::from_json(&late).unwrap(), shoppers(7, 2.5));
        for (from, to, why) in [
            ("0.16", "null", "rates[1] is null; it must be a number"),
            ("20000", "-1", "horizon is -1; it must be an integer that is not negative"),
            ("seed", "sead", "field sead is not known; it must be one of rates, horizon"),
        ] {
            let error = Simulation::from_json(&text.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_simulated_is_refused() {
        let good = shoppers(1, 0.0);
        for (bad, why) in [
            (Simulation { rates: vec![0.1], ..good.clone() }, "3 arms"),
            (Simulation { rates: vec![0.1, 1.5, 0.1], ..good.clone() }, "1.5"),
            (Simulation { rates: vec![0.1, f64::NAN, 0.1], ..good.clone() }, "NaN"),
            (Simulation { horizon: 0, ..good.clone() }, "1 to 10000000"),
            (Simulation { publish_every: 0, ..good.clone() }, "horizon of 20000"),
            (Simulation { delay_mean: -1.0, ..good }, "-1"),
        ] {
            let error = simulate(&sevilla(), &bad).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
