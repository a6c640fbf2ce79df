//! Feedback in batches: the eight stages in memory, in the order in which the edge runs them.
//!
//! It decides, counts, merges and publishes with the very functions of the Worker: units are hashed into the
//! allocation of a snapshot that was encoded and decoded, every location reports running totals to a ledger, and
//! the policy's input is made from the history of cohorts. Only signing, HTTP and storage are left out.

use std::collections::BTreeMap;
use std::rc::Rc;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::environment::Environment;
use super::record::Record;
use super::truth::Truth;
use crate::experiment::HOLDOUT;
use crate::ledger::Credit;
use crate::{
    Account, Choice, Cohort, Delays, Entry, Error, Experiment, History, Ledger, Period, Policy, PolicyInput,
    Snapshot, TOTAL, Tally, TallyKey, UnitKey, decide_in, evidence,
};

const HOUR_MS: u64 = 3_600_000;

/// What a location counted in one cohort: exposures and conversions per place, and of the holdout at last.
struct Block {
    edge: usize,
    cohort: Cohort,
    counts: Vec<(i64, i64)>,
    /// Counted since the last report.
    changed: bool,
}

/// A location.
struct Edge {
    name: String,
    /// How long after a publication the location has the snapshot, in units.
    stale_units: u64,
    snapshot: Rc<Snapshot>,
    /// The block that it counts in.
    block: usize,
    /// The first unit that must look whether snapshot and hour are still the same.
    until: u64,
}

/// A conversion under way.
struct Parcel {
    block: usize,
    place: usize,
    generation: u32,
    exposed_at: u64,
    due: u64,
}

/// What is known centrally of one cohort.
struct Merged {
    ledger: Ledger,
    period: Period,
    changed: bool,
}

/// The whole loop around one experiment.
pub(super) struct Shop<'a> {
    environment: &'a Environment,
    experiment: Experiment,
    /// Units of a tick, which is an hour to the core.
    tick: u64,
    edges: Vec<Edge>,
    /// Publications that some location does not have yet, with the units at which they were made.
    snapshots: Vec<(u64, Rc<Snapshot>)>,
    blocks: Vec<Block>,
    /// By the publication that will know of them.
    pending: BTreeMap<u64, Vec<Parcel>>,
    cohorts: BTreeMap<(u32, u32), Merged>,
    /// Shares of every epoch, from epoch 1.
    shares: Vec<Vec<u32>>,
    delays: Delays,
    generations: Vec<u32>,
    /// Whether the policy's input needs cohorts apart; else one period of all totals will do.
    needs_cohorts: bool,
    totals: Vec<Tally>,
    next_publication: u64,
}

impl<'a> Shop<'a> {
    /// A shop before its first unit, with the first snapshot published.
    pub(super) fn new(environment: &'a Environment, experiment: Experiment) -> Result<Self, Error> {
        let arms = experiment.arms.len();
        let policy = experiment.policy.name;
        let needs_cohorts = environment.delay.is_some()
            || policy.fades()
            || policy.learns_from_losses()
            || policy == Policy::ContrastThompson;
        let mut shop = Self {
            environment,
            experiment,
            tick: environment.tick(),
            edges: Vec::new(),
            snapshots: Vec::new(),
            blocks: Vec::new(),
            pending: BTreeMap::new(),
            cohorts: BTreeMap::new(),
            shares: Vec::new(),
            delays: Delays::default(),
            generations: vec![0; arms],
            needs_cohorts,
            totals: vec![Tally::default(); arms + 1],
            next_publication: environment.feedback_every,
        };
        let input = shop.input(0)?;
        let first = shop.encode(input, 0)?;
        let (count, slowest) = (environment.edges.count, environment.edges.stale_units);
        let late = |edge: u64| slowest * edge / (count as u64 - 1).max(1);
        shop.edges = (0..count)
            .map(|edge| Edge {
                name: format!("edge-{edge}"),
                stale_units: late(edge as u64),
                snapshot: Rc::clone(&first),
                block: 0,
                until: 0,
            })
            .collect();
        Ok(shop)
    }

    /// Shares of the newest publication.
    pub(super) fn shares(&self) -> &[u32] {
        self.shares.last().map_or(&[], Vec::as_slice)
    }

    /// Number of the newest publication.
    pub(super) fn version(&self) -> u64 {
        self.shares.len() as u64
    }

    /// Stages 1 to 4: request, decision, exposure, reward. Returns the place that the unit was shown.
    pub(super) fn visit(
        &mut self,
        unit: u64,
        truth: &mut Truth,
        random: &mut ChaCha8Rng,
    ) -> Result<usize, Error> {
        if let Some(replaced) = truth.advance(unit) {
            self.replace(replaced.0);
        }
        let number = (unit % self.edges.len().max(1) as u64) as usize;
        if self.edges.get(number).is_some_and(|edge| unit >= edge.until) {
            self.refresh(number, unit);
        }
        let mut key = [0; 16];
        random.fill_bytes(&mut key);
        let edge = self.edges.get(number);
        let live = edge.and_then(|edge| edge.snapshot.experiments().first().map(|live| (edge.block, live)));
        let Some((block, live)) = live else { return Ok(0) };
        let decision = decide_in(live, &UnitKey::from_bytes(key), unit / self.tick * HOUR_MS);
        let Some(decision) = decision else { return Ok(0) };
        let (place, shown) = match decision.choice {
            Choice::Arm(place) => (place, place),
            Choice::Holdout | Choice::Negative => (self.generations.len(), live.control()),
        };
        let buys = truth.serve(shown, random);
        let wait = match &self.environment.delay {
            Some(delay) if buys => Some(delay.wait.draw(random)).filter(|&wait| wait < delay.window),
            _ => buys.then_some(0),
        };
        let Some(cell) = self.blocks.get_mut(block) else { return Ok(shown) };
        cell.changed = true;
        if let Some((exposures, conversions)) = cell.counts.get_mut(place) {
            *exposures += 1;
            if wait == Some(0) && self.environment.delay.is_none() {
                *conversions += 1;
                return Ok(shown);
            }
        }
        if let Some(wait) = wait {
            let generation = self.generations.get(place).copied().unwrap_or(0);
            let due = unit.saturating_add(wait);
            let known_at = due / self.environment.feedback_every;
            let parcel = Parcel { block, place, generation, exposed_at: unit, due };
            self.pending.entry(known_at).or_default().push(parcel);
        }
        Ok(shown)
    }

    /// Takes the newest snapshot that has come to a location, and opens the block for its cohort.
    fn refresh(&mut self, number: usize, unit: u64) {
        let Some(edge) = self.edges.get_mut(number) else { return };
        let here = |&&(at, _): &&(u64, Rc<Snapshot>)| at + edge.stale_units <= unit;
        if let Some((_, snapshot)) = self.snapshots.iter().rev().find(here) {
            edge.snapshot = Rc::clone(snapshot);
        }
        let under_way = self.snapshots.iter().map(|(at, _)| at + edge.stale_units).filter(|&at| at > unit);
        let hour = unit / self.tick;
        edge.until = under_way.fold((hour + 1) * self.tick, u64::min).min(self.next_publication);
        let epoch = edge.snapshot.experiments().first().map_or(1, |live| live.epoch());
        let cohort = Cohort { epoch, hour: u32::try_from(hour).unwrap_or(u32::MAX) };
        let is_open = self.blocks.get(edge.block).is_some_and(|b| b.edge == number && b.cohort == cohort);
        if !is_open {
            edge.block = self.blocks.len();
            let counts = vec![(0, 0); self.generations.len() + 1];
            self.blocks.push(Block { edge: number, cohort, counts, changed: false });
        }
    }

    /// Another arm stands in this place, under another name: nothing of the old one counts any more.
    fn replace(&mut self, place: usize) {
        if let (Some(generation), Some(arm)) =
            (self.generations.get_mut(place), self.experiment.arms.get_mut(place))
        {
            *generation += 1;
            let name = arm.name.split('.').next().unwrap_or_default();
            let renamed = format!("{name}.{generation}");
            if self.experiment.control == arm.name {
                self.experiment.control.clone_from(&renamed);
            }
            arm.name = renamed;
        }
        for counts in self.blocks.iter_mut().filter_map(|block| block.counts.get_mut(place)) {
            *counts = (0, 0);
        }
        self.cohorts.values_mut().for_each(|merged| merged.changed = true);
    }

    /// Stages 5 to 8: merge, posterior, publish. The next unit decides with the new allocation, where it has come.
    pub(super) fn publish(&mut self, units: u64, truth: &Truth, record: &mut Record) -> Result<(), Error> {
        self.deliver(units)?;
        self.report();
        self.merge()?;
        self.next_publication = units + self.environment.feedback_every;
        let input = self.input(units)?;
        // Thompson's shares without a floor are P(best), so that it need not be computed again.
        let shares_tell = self.experiment.policy.name == Policy::Thompson && input.floor() == 0;
        if record.looks(units) && !shares_tell {
            record.look(units, &input);
        }
        if record.judges(units, self.environment) {
            record.judge(units, &input, self.experiment.policy.name, truth)?;
        }
        let newest = self.encode(input, units)?;
        if record.looks(units) && shares_tell {
            let most = self.shares().iter().copied().max().unwrap_or(0);
            record.note(units, f64::from(most) / f64::from(TOTAL));
        }
        self.snapshots.push((units, newest));
        let slowest = self.edges.iter().map(|edge| edge.stale_units).max().unwrap_or(0);
        // One that all locations have is needed no more once a newer one has come to all.
        let settled = self.snapshots.iter().filter(|(at, _)| at + slowest <= units).count();
        self.snapshots.drain(..settled.saturating_sub(1));
        Ok(())
    }

    /// Counts the conversions that have come.
    fn deliver(&mut self, units: u64) -> Result<(), Error> {
        while let Some(entry) = self.pending.first_entry()
            && *entry.key() < units.div_ceil(self.environment.feedback_every)
        {
            let (key, parcels) = entry.remove_entry();
            let (known, later) = parcels.into_iter().partition::<Vec<_>, _>(|parcel| parcel.due < units);
            for parcel in known {
                let ticks = |unit: u64| u32::try_from(unit / self.tick).unwrap_or(u32::MAX);
                let exposed_at = ticks(parcel.exposed_at);
                if self.generations.get(parcel.place).is_some_and(|&now| now != parcel.generation) {
                    continue;
                }
                if let Some(block) = self.blocks.get_mut(parcel.block) {
                    block.changed = true;
                    if let Some((_, conversions)) = block.counts.get_mut(parcel.place) {
                        *conversions += 1;
                    }
                }
                self.delays.add(exposed_at, ticks(parcel.due - parcel.exposed_at), 1)?;
            }
            if !later.is_empty() {
                self.pending.insert(key, later);
                break;
            }
        }
        Ok(())
    }

    /// Every location reports the running totals of what has changed.
    fn report(&mut self) {
        let (sequence, arms) = (self.version() + 1, self.generations.len());
        for block in self.blocks.iter_mut().filter(|block| block.changed) {
            block.changed = false;
            let Some(edge) = self.edges.get(block.edge) else { continue };
            let cohort = block.cohort;
            let shares = self.shares.get(cohort.epoch as usize - 1).cloned().unwrap_or_default();
            let merged = self.cohorts.entry((cohort.hour, cohort.epoch)).or_insert_with(|| Merged {
                ledger: Ledger::default(),
                period: Period {
                    cohort,
                    shares,
                    arms: vec![Tally::default(); arms],
                    holdout: Tally::default(),
                },
                changed: true,
            });
            merged.changed = true;
            for (place, &(exposures, conversions)) in block.counts.iter().enumerate() {
                if exposures > 0 {
                    let arm = self.experiment.arms.get(place).map_or(HOLDOUT, |arm| arm.name.as_str());
                    let key = TallyKey { experiment: self.experiment.name.clone(), arm: arm.into(), cohort };
                    let total = tally(exposures, conversions, &sale(&self.experiment, place));
                    merged.ledger.observe(&edge.name, &key, sequence, total);
                }
            }
        }
    }

    /// Sums the locations up, cohort by cohort, and brings the totals up by what has changed.
    fn merge(&mut self) -> Result<(), Error> {
        for merged in self.cohorts.values_mut().filter(|merged| merged.changed) {
            merged.changed = false;
            let arms = merged.ledger.arm_totals(&self.experiment)?;
            let holdout = merged.ledger.arm_total(&self.experiment.name, HOLDOUT)?;
            let before = std::mem::replace(&mut merged.period.arms, arms);
            let held_before = std::mem::replace(&mut merged.period.holdout, holdout);
            let before = before.iter().chain([&held_before]);
            let now = merged.period.arms.iter().chain([&merged.period.holdout]);
            for ((total, before), now) in self.totals.iter_mut().zip(before).zip(now) {
                *total = total.plus(now)?.plus(&negative(before))?;
            }
        }
        Ok(())
    }

    /// What the policy may look at after so many units.
    fn input(&self, units: u64) -> Result<PolicyInput, Error> {
        let now = units as f64 / self.tick as f64;
        let periods = if self.needs_cohorts {
            self.cohorts.values().map(|merged| merged.period.clone()).collect()
        } else {
            let (arms, holdout) = self.totals.split_at(self.generations.len());
            let holdout = holdout.first().copied().unwrap_or_default();
            let cohort = Cohort { epoch: 1, hour: 0 };
            vec![Period { cohort, shares: Vec::new(), arms: arms.to_vec(), holdout }]
        };
        evidence::policy_input(&self.experiment, &History::new(periods)?, &self.delays, now)
    }

    fn encode(&mut self, input: PolicyInput, units: u64) -> Result<Rc<Snapshot>, Error> {
        let epoch = self.shares.len() as u32 + 1;
        let entry = Entry::new(&self.experiment, epoch, input);
        let now_ms = units / self.tick * HOUR_MS;
        let snapshot = Snapshot::decode_siteless(Snapshot::encode(u64::from(epoch), now_ms, &[entry])?)?;
        let live = snapshot.experiments().first();
        self.shares.push(live.map_or_else(Vec::new, |live| live.allocation().shares().to_vec()));
        Ok(Rc::new(snapshot))
    }
}

/// What a conversion in this place brings; the holdout buys at the control's price.
fn sale(experiment: &Experiment, place: usize) -> Credit {
    let arm = experiment.arms.get(place).or(experiment.arms.get(experiment.control_index()));
    let cost = arm.and_then(|arm| arm.cost_minor).or_else(|| experiment.item()?.cost_minor);
    Credit { units: 1, revenue_minor: arm.map_or(0, |arm| arm.price_minor), cost_minor: cost.unwrap_or(0) }
}

/// What takes a tally out of a sum again.
fn negative(tally: &Tally) -> Tally {
    Tally {
        exposures: -tally.exposures,
        conversions: -tally.conversions,
        rewards: -tally.rewards,
        units: -tally.units,
        revenue_minor: -tally.revenue_minor,
        cost_minor: -tally.cost_minor,
        revenue_sq: -tally.revenue_sq,
        profit_sq: -tally.profit_sq,
    }
}

/// The tally of so many exposures of which so many converted, each with the same sale: as if each had an account.
fn tally(exposures: i64, conversions: i64, sale: &Credit) -> Tally {
    let mut account = Account::default();
    let (shown, sold) = (account.expose(), account.credit(sale));
    Tally {
        exposures: shown.exposures * exposures,
        conversions: sold.conversions * conversions,
        rewards: sold.rewards * conversions,
        units: sold.units * conversions,
        revenue_minor: sold.revenue_minor * conversions,
        cost_minor: sold.cost_minor * conversions,
        revenue_sq: sold.revenue_sq * i128::from(conversions),
        profit_sq: sold.profit_sq * i128::from(conversions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_of_many_is_that_of_their_accounts() {
        let sale = Credit { units: 1, revenue_minor: 1900, cost_minor: 800 };
        let mut sum = Tally::default();
        for converts in [true, false, true, false, false] {
            let mut account = Account::default();
            sum = sum.plus(&account.expose()).unwrap();
            if converts {
                sum = sum.plus(&account.credit(&sale)).unwrap();
            }
        }
        assert_eq!(tally(5, 2, &sale), sum);
        assert_eq!(sum.plus(&negative(&sum)).unwrap(), Tally::default());
    }

    /// With constant traffic over T units and delays of mean μ the naive rate is too small by 1 - (μ/T)(1 - e^(-T/μ)): the
    /// integral of the delays' distribution over the ages. Binomial of 20 000: four standard errors, 6e-5 by chance each.
    /// And every unit is counted once.
    #[test]
    fn a_naive_rate_is_too_small_by_what_the_theory_says() {
        let horizon = 20_000_u64;
        for (horizons, expected) in [(1.0, 0.3679), (2.0, 0.5677), (5.0, 0.8013), (10.0, 0.9), (30.0, 0.9667)]
        {
            let mean = horizon as f64 / horizons;
            let environment = Environment::from_json(&format!(
                r#"{{"objective": "conversion", "horizon": {horizon}, "feedback_every": {horizon},
                "arms": [{{"name": "a", "price_minor": 1, "rate": 1}}, {{"name": "b", "price_minor": 2, "rate": 1}}],
                "delay": {{"distribution": "exponential", "mean": {mean}, "window": {horizon}, "correction": "naive"}}}}"#
            ))
            .unwrap();
            let mut truth = Truth::new(&environment, 3, 0);
            let (mut random, mut record) =
                (super::super::truth::stream(3, 0, 0), Record::new(&[], &environment));
            let experiment = environment.experiment(&"fixed".parse().unwrap(), truth.order());
            let mut shop = Shop::new(&environment, experiment).unwrap();
            for unit in 0..horizon {
                shop.visit(unit, &mut truth, &mut random).unwrap();
            }
            shop.publish(horizon, &truth, &mut record).unwrap();
            let sum = |count: fn(&Tally) -> i64| shop.totals.iter().map(count).sum::<i64>();
            assert_eq!(sum(|total| total.exposures), horizon as i64);
            let bias = sum(|total| total.conversions) as f64 / horizon as f64;
            let se = (expected * (1.0 - expected) / horizon as f64).sqrt();
            assert!((bias - expected).abs() < 4.0 * se, "T/μ = {horizons}: {bias}");
        }
    }
}
