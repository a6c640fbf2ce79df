//! The eight stages in memory: the whole loop with simulated shoppers, in the order in which the edge runs it.
//!
//! It decides, counts, merges and publishes with the very functions of the Worker; only signing, HTTP and storage are
//! left out. Shoppers buy with a hidden probability per arm, rewards come late, and several edge locations report
//! through their own ledger sources.
//!
//! Out of scope: demand that changes, inventory, and comparisons over many runs.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::error::decimal;
use crate::json::{Fields, Value};
use crate::ledger::Credit;
use crate::{
    Account, Entry, Error, Experiment, Ledger, Snapshot, Tally, TallyKey, UnitKey, decide, evidence,
};

/// Most units of one simulation.
pub const HORIZON_MAX: u64 = 10_000_000;

/// What is simulated.
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

/// Runs the loop and returns the state after every publication.
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
    let mut shop = Shop::new(experiment, simulation)?;
    let mut checkpoints = Vec::new();
    for unit in 0..simulation.horizon {
        shop.visit(unit)?;
        if (unit + 1) % simulation.publish_every == 0 || unit + 1 == simulation.horizon {
            checkpoints.push(shop.publish(unit + 1)?);
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

/// Edge locations: each reports its own running totals.
const SOURCES: [&str; 3] = ["edge-0", "edge-1", "edge-2"];

/// Virtual time: one unit a second, so that cohorts of an hour have 3600 units.
const UNIT_MS: u64 = 1000;

/// A reward under way.
struct Parcel {
    /// The unit at which it arrives.
    due: u64,
    source: usize,
    key: TallyKey,
    account: Account,
    credit: Credit,
}

impl Ord for Parcel {
    /// The one that is due first is the greatest, and on top of the heap.
    fn cmp(&self, other: &Self) -> Ordering {
        other.due.cmp(&self.due)
    }
}

impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Parcel {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Parcel {}

struct Shop<'a> {
    experiment: &'a Experiment,
    simulation: &'a Simulation,
    random: ChaCha8Rng,
    snapshot: Snapshot,
    epoch: u32,
    pending: BinaryHeap<Parcel>,
    /// What each source has counted, the newest keys last.
    counted: [Vec<(TallyKey, Tally)>; SOURCES.len()],
    ledger: Ledger,
    regret_minor: f64,
}

impl<'a> Shop<'a> {
    fn new(experiment: &'a Experiment, simulation: &'a Simulation) -> Result<Self, Error> {
        let ledger = Ledger::default();
        let snapshot = publish(experiment, &ledger, 1, 0)?;
        let random = ChaCha8Rng::seed_from_u64(simulation.seed);
        let (pending, counted) = (BinaryHeap::new(), Default::default());
        Ok(Self {
            experiment,
            simulation,
            random,
            snapshot,
            epoch: 1,
            pending,
            counted,
            ledger,
            regret_minor: 0.0,
        })
    }

    /// Stages 1 to 4: request, decision, exposure, reward.
    fn visit(&mut self, number: u64) -> Result<(), Error> {
        let mut key = [0; 16];
        self.random.fill_bytes(&mut key);
        let unit = UnitKey::from_bytes(key);
        let Some(decision) = decide(&self.snapshot, &self.experiment.item.sku, &unit, number * UNIT_MS)
        else {
            return Ok(());
        };
        let price_minor = decision.price_minor();
        let key = TallyKey {
            experiment: self.experiment.name.clone(),
            arm: decision.arm_name().into(),
            cohort: decision.cohort(),
        };
        let arm = self.experiment.arms.iter().position(|arm| arm.price_minor == price_minor).unwrap_or(0);
        let source = number as usize % SOURCES.len();
        let mut account = Account::default();
        self.count(source, &key, &account.expose())?;

        let value = |arm: usize| {
            let rate = self.simulation.rates.get(arm).copied().unwrap_or(0.0);
            self.experiment.arms.get(arm).map_or(0.0, |arm| rate * self.experiment.value_minor(arm) as f64)
        };
        let best = (0..self.experiment.arms.len()).map(value).fold(0.0, f64::max);
        self.regret_minor += best - value(arm);
        let rate = self.simulation.rates.get(arm).copied().unwrap_or(0.0);
        if self.random.random::<f64>() < rate {
            let wait = -crate::math::ln(1.0 - self.random.random::<f64>()) * self.simulation.delay_mean;
            let credit = Credit {
                units: 1,
                revenue_minor: price_minor,
                cost_minor: self.experiment.item.cost_minor.unwrap_or(0),
            };
            let due = number.saturating_add(wait as u64);
            self.pending.push(Parcel { due, source, key, account, credit });
        }
        while self.pending.peek().is_some_and(|parcel| parcel.due <= number) {
            let Some(mut parcel) = self.pending.pop() else { break };
            let change = parcel.account.credit(&parcel.credit);
            self.count(parcel.source, &parcel.key, &change)?;
        }
        Ok(())
    }

    fn count(&mut self, source: usize, key: &TallyKey, change: &Tally) -> Result<(), Error> {
        if let Some(counted) = self.counted.get_mut(source) {
            // Most are of a cohort of late, so the search begins at the end.
            match counted.iter_mut().rev().find(|(known, _)| known == key) {
                Some((_, total)) => *total = total.plus(change)?,
                None => counted.push((key.clone(), *change)),
            }
        }
        Ok(())
    }

    /// Stages 5 to 8: merge, posterior, publish; the next unit decides with the new allocation.
    fn publish(&mut self, units: u64) -> Result<Checkpoint, Error> {
        let version = self.snapshot.version() + 1;
        for (source, counted) in SOURCES.iter().zip(&self.counted) {
            counted.iter().for_each(|(key, total)| self.ledger.observe(source, key, version, *total));
        }
        self.epoch += 1;
        self.snapshot = publish(self.experiment, &self.ledger, self.epoch, units * UNIT_MS)?;
        let totals = self
            .experiment
            .arms
            .iter()
            .map(|arm| self.ledger.arm_total(&self.experiment.name, &arm.name))
            .collect::<Result<Vec<_>, _>>()?;
        let live = self.snapshot.experiments().first();
        Ok(Checkpoint {
            units,
            version,
            shares: live.map_or_else(Vec::new, |live| live.allocation().shares().to_vec()),
            exposures: totals.iter().map(|total| total.exposures).collect(),
            conversions: totals.iter().map(|total| total.conversions).collect(),
            regret_minor: self.regret_minor,
        })
    }
}

fn publish(experiment: &Experiment, ledger: &Ledger, epoch: u32, now_ms: u64) -> Result<Snapshot, Error> {
    let input = evidence::pooled(experiment, &ledger.arm_totals(experiment)?)?;
    let entry = Entry { experiment, epoch, input };
    Snapshot::decode(Snapshot::encode(u64::from(epoch), now_ms, &[entry])?)
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
