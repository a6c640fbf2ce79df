//! How often the intervals of `haggle::cluster` cover the truth where items are randomised, beside an interval that
//! counts visits.
//!
//! A shop of items that differ: visits by a lognormal factor (σ = 1), prices, demand curves, good and bad days of each,
//! weekdays for all. Thompson sampling on the normal reward model re-draws the items' arms each period; for two hours
//! after that, shoppers still buy as if the price before stood (carry-over). 1000 runs; the seeds were fixed before
//! looking. A coverage measured in 1000 runs has a standard error of 0.007 near 0.95. The table of docs/item-units.md:
//! `cargo test --test calibration_switchback -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use haggle::cluster::{
    Epoch, Estimate, Observation, Panel, Question, Total, between_groups, period_seed, unit_of,
};
use haggle::inference::Interval;
use haggle::math::{exp, ln, pow};
use haggle::sample::normal;
use haggle::{Cohort, Delays, Experiment, History, Period, TOTAL, Tally, UnitKey, evidence};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 20_261_123;
const RUNS: u64 = 1000;
const TIMES: [f64; 3] = [1.0, 0.8, 1.2];
const CONTROL: usize = 0;
/// The arm that earns most, at the demand curves below.
const BEST: usize = 1;
const DAY_HOURS: f64 = 24.0;

/// An item's visits on an ordinary day, its price, the share of visits that buy at that price, and how steeply it falls
/// with the price: each with what items differ by. A piece costs half of the catalogue price.
const VISITS: f64 = 150.0;
const VISITS_SIGMA: f64 = 1.0;
const PRICE_MINOR: f64 = 2000.0;
const PRICE_SIGMA: f64 = 0.3;
const RATE: f64 = 0.06;
const RATE_SIGMA: f64 = 0.3;
const ELASTICITY: f64 = 2.6;
const ELASTICITY_SD: f64 = 0.5;
const COST: f64 = 0.5;

/// An item, or a family of them.
struct Item {
    visits: f64,
    price_minor: f64,
    rate: f64,
    elasticity: f64,
    unit: UnitKey,
}

impl Item {
    fn new(unit: usize, random: &mut ChaCha8Rng) -> Self {
        Self {
            visits: VISITS * exp(VISITS_SIGMA * normal(random)),
            price_minor: (PRICE_MINOR * exp(PRICE_SIGMA * normal(random))).round(),
            rate: RATE * exp(RATE_SIGMA * normal(random)),
            elasticity: ELASTICITY + ELASTICITY_SD * normal(random),
            unit: unit_of(&format!("S-{unit}")),
        }
    }

    fn rate(&self, arm: usize) -> f64 {
        (self.rate * pow(TIMES[arm], -self.elasticity)).min(0.9)
    }

    /// Profit of a piece: it costs half of its catalogue price.
    fn margin_minor(&self, arm: usize) -> f64 {
        (self.price_minor * TIMES[arm]).round() - (COST * self.price_minor).round()
    }

    /// Profit expected of an ordinary day.
    fn profit(&self, arm: usize) -> f64 {
        self.visits * self.rate(arm) * self.margin_minor(arm)
    }
}

/// What a run is made of.
#[derive(Clone, Copy)]
struct World {
    items: usize,
    periods: u32,
    period_hours: u32,
    washout_hours: u32,
    /// Hours in which shoppers still buy as at the price before.
    carried_hours: u32,
    has_past: bool,
    /// Items of a family, which share an arm and their luck.
    family: usize,
}

const SWITCHBACK: World = World {
    items: 80,
    periods: 14,
    period_hours: 24,
    washout_hours: 2,
    carried_hours: 2,
    has_past: true,
    family: 1,
};

/// Each item stays on the arm that it was drawn to, for four weeks.
const ITEMS: World =
    World { items: 240, periods: 1, period_hours: 672, washout_hours: 0, carried_hours: 0, ..SWITCHBACK };

/// What a run has shown.
struct Run {
    past: Vec<Option<i64>>,
    epochs: Vec<Epoch>,
    /// Visits, profit and squares of a visit's profit on each arm.
    visits: [(f64, f64, f64); 3],
    /// Profit expected of an item's ordinary day on each arm, mean of this run's items; and their visits of such a day.
    profits: [f64; 3],
    ordinary_visits: f64,
    /// Shares of the last period.
    shares: Vec<u32>,
}

fn poisson(random: &mut ChaCha8Rng, mean: f64) -> f64 {
    if mean > 40.0 {
        return (mean + mean.sqrt() * normal(random)).round().max(0.0);
    }
    let (mut count, mut left, least) = (0.0, random.random::<f64>(), exp(-mean));
    while left > least {
        left *= random.random::<f64>();
        count += 1.0;
    }
    count
}

fn experiment() -> Experiment {
    let text = r#"{"name": "sevilla", "hypothesis": "h", "document": "https://wiki.example/sevilla", "objective": "profit",
        "currency": "EUR", "salt": "s", "control": "list", "floor": 0.1, "policy": {"name": "thompson"},
        "reward_model": "normal", "delay": "naive", "item": {"sku": "A", "price_minor": 2000, "cost_minor": 1000},
        "arms": [{"name": "list", "price_minor": 2000}, {"name": "low", "price_minor": 1600},
                 {"name": "high", "price_minor": 2400}]}"#;
    Experiment::from_json(text).unwrap()
}

impl Run {
    fn panel(&self) -> Panel {
        Panel::new(TIMES.len(), self.past.clone(), self.epochs.clone()).unwrap()
    }
}

impl World {
    fn run(&self, experiment: &Experiment, seed: u64) -> Run {
        let mut random = ChaCha8Rng::seed_from_u64(SEED + seed);
        let items: Vec<Item> =
            (0..self.items).map(|number| Item::new(number / self.family, &mut random)).collect();
        let mut past = Vec::new();
        for item in &items {
            let luck = exp(0.2 * normal(&mut random));
            let sold = poisson(&mut random, 28.0 * item.visits * item.rate * luck);
            past.push(self.has_past.then_some((sold * item.margin_minor(CONTROL)) as i64));
        }
        let (mut epochs, mut history) = (Vec::new(), Vec::new());
        let mut visits = [(0.0, 0.0, 0.0); 3];
        let mut before = vec![CONTROL; self.items];
        for period in 0..self.periods {
            let known = History::new(history.clone()).unwrap();
            let hour = period * self.period_hours;
            let input =
                evidence::policy_input(experiment, &known, &Delays::default(), f64::from(hour)).unwrap();
            let allocation = experiment.policy.name.allocate(&input);
            let draws = period_seed(&format!("run {seed}"), u64::from(period));
            let day = self.day(period, &mut random);
            let mut tallies = vec![Tally::default(); TIMES.len()];
            let mut observations = Vec::with_capacity(self.items);
            let mut luck = 1.0;
            for (cluster, item) in items.iter().enumerate() {
                let arm = allocation.draw(&draws, &item.unit);
                if cluster % self.family == 0 {
                    // Of a day, or of four weeks.
                    luck = exp(0.3 * normal(&mut random) - 0.045);
                }
                let (looked, bought) = self.sales(item, arm, before[cluster], day * luck, &mut random);
                let margin = item.margin_minor(arm);
                let value_minor = (bought * margin) as i64;
                let of_arm = &mut visits[arm];
                *of_arm =
                    (of_arm.0 + looked, of_arm.1 + bought * margin, of_arm.2 + bought * margin * margin);
                let (value, sold) = (i128::from(value_minor), i64::from(bought > 0.0));
                let one = Tally {
                    exposures: 1,
                    conversions: sold,
                    rewards: sold,
                    units: bought as i64,
                    revenue_minor: value_minor,
                    cost_minor: 0,
                    revenue_sq: value * value,
                    profit_sq: value * value,
                };
                tallies[arm] = tallies[arm].plus(&one).unwrap();
                observations.push(Observation { cluster, arm, value_minor });
                before[cluster] = arm;
            }
            let shares = allocation.shares().to_vec();
            let cohort = Cohort { epoch: period + 1, hour };
            history.push(Period { cohort, shares: shares.clone(), arms: tallies, holdout: Tally::default() });
            let hours = f64::from(self.period_hours - self.washout_hours);
            epochs.push(Epoch { period: period.into(), shares, hours, observations });
        }
        let mean = |of: &dyn Fn(&Item) -> f64| items.iter().map(of).sum::<f64>() / items.len() as f64;
        Run {
            shares: epochs.last().unwrap().shares.clone(),
            past,
            epochs,
            visits,
            profits: [0, 1, 2].map(|arm| mean(&|item| item.profit(arm))),
            ordinary_visits: mean(&|item| item.visits),
        }
    }

    /// How good a period is for all items alike: weekdays, and chance.
    fn day(&self, period: u32, random: &mut ChaCha8Rng) -> f64 {
        if self.period_hours > 24 {
            return 1.0;
        }
        let weekday = [0.85, 0.9, 0.9, 1.0, 1.1, 1.25, 1.0][period as usize % 7];
        weekday * exp(0.1 * normal(random) - 0.005)
    }

    /// Visits and pieces sold of an item in the hours of a period that count; `luck` is that of the day and its own.
    fn sales(
        &self,
        item: &Item,
        arm: usize,
        before: usize,
        luck: f64,
        random: &mut ChaCha8Rng,
    ) -> (f64, f64) {
        let visits = |hours: u32| item.visits * luck * f64::from(hours) / DAY_HOURS;
        let carried = self.carried_hours.saturating_sub(self.washout_hours);
        let rest = self.period_hours - self.washout_hours - carried;
        let (mut looked, mut bought) = (0.0, 0.0);
        for (hours, rate) in [(carried, item.rate(before)), (rest, item.rate(arm))] {
            let sold = poisson(random, visits(hours) * rate);
            bought += sold;
            looked += sold + poisson(random, visits(hours) * (1.0 - rate));
        }
        (looked, bought)
    }
}

/// The interval of the textbooks, which takes every visit for an observation of its own: profit of a visit, an arm
/// less another.
fn of_visits(run: &Run, of: usize, base: usize) -> Interval {
    let mean = |arm: usize| {
        let (n, sum, squares) = run.visits[arm];
        let mean = sum / n;
        (mean, (squares / n - mean * mean) / n)
    };
    let (of, base) = (mean(of), mean(base));
    let half = 1.959_964 * (of.1 + base.1).sqrt();
    Interval { low: of.0 - base.0 - half, high: of.0 - base.0 + half }
}

/// What each run gives, on all cores, in the order of the runs.
fn all_runs<T: Send>(world: World, runs: u64, look: impl Fn(&Run) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let (look, experiment) = (&look, &experiment());
    std::thread::scope(|scope| {
        let part = |thread: u64| {
            scope.spawn(move || {
                let (from, to) = (thread * runs / threads, (thread + 1) * runs / threads);
                (from..to).map(|seed| look(&world.run(experiment, seed))).collect::<Vec<T>>()
            })
        };
        let parts: Vec<_> = (0..threads).map(part).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}

/// Profit that an item is expected to make on an ordinary day, on each arm: products of lognormal factors, where a power
/// of the price's factor with a normal exponent is one, too.
fn expected_profits() -> [f64; 3] {
    let lognormal = |middle: f64, sigma: f64| middle * exp(0.5 * sigma * sigma);
    let price = lognormal(PRICE_MINOR, PRICE_SIGMA);
    let buyers = lognormal(VISITS, VISITS_SIGMA) * lognormal(RATE, RATE_SIGMA);
    TIMES.map(|times| {
        let demand = lognormal(pow(times, -ELASTICITY), ELASTICITY_SD * ln(times));
        buyers * demand * price * (times - COST)
    })
}

/// What one run says of the best arm less the control.
struct Seen {
    error: f64,
    width: f64,
    covers: bool,
    covers_of_run: bool,
    covers_at_any_look: bool,
    leader_covers: bool,
    of_visits_covers: bool,
    has_learned: bool,
}

fn moments(of: impl Iterator<Item = f64>) -> (f64, f64) {
    let all: Vec<f64> = of.collect();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    (mean, (all.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt())
}

fn share(of: impl Iterator<Item = bool>) -> f64 {
    let (mut yes, mut all) = (0.0, 0.0);
    of.for_each(|one| (yes, all) = (yes + f64::from(u8::from(one)), all + 1.0));
    yes / all
}

/// A run's panel with families as the clusters, in place of their items.
fn of_families(run: &Run, family: usize) -> Panel {
    let past = run.past.chunks(family).map(|items| items.iter().copied().sum()).collect();
    let epochs = run.epochs.iter().map(|epoch| {
        let of_family = |(cluster, items): (usize, &[Observation])| {
            assert!(items.iter().all(|item| item.arm == items[0].arm), "a family shares an arm");
            let value_minor = items.iter().map(|item| item.value_minor).sum();
            Observation { cluster, arm: items[0].arm, value_minor }
        };
        let observations = epoch.observations.chunks(family).enumerate().map(of_family).collect();
        Epoch { observations, ..epoch.clone() }
    });
    Panel::new(TIMES.len(), past, epochs.collect()).unwrap()
}

const DAILY: fn() -> Question = || Question::per(DAY_HOURS);

#[test]
fn intervals_of_a_switchback_cover_the_truth_and_those_of_visits_do_not() {
    let expected = expected_profits();
    let truth = expected[BEST] - expected[CONTROL];
    let found = all_runs(SWITCHBACK, RUNS, |run| {
        let to_control = |arm| run.panel().difference(arm, CONTROL, &DAILY()).unwrap().unwrap();
        let leader = if run.shares[BEST] > run.shares[2] { BEST } else { 2 };
        let of_run = |arm: usize| run.profits[arm] - run.profits[CONTROL];
        let best = to_control(BEST);
        Seen {
            error: best.value - of_run(BEST),
            width: best.at_one_look.width(),
            covers: best.at_one_look.contains(truth),
            covers_of_run: best.at_one_look.contains(of_run(BEST)),
            covers_at_any_look: best.at_any_look.contains(truth),
            leader_covers: to_control(leader).at_one_look.contains(expected[leader] - expected[CONTROL]),
            of_visits_covers: of_visits(run, BEST, CONTROL).times(run.ordinary_visits).contains(of_run(BEST)),
            has_learned: run.shares[BEST] > TOTAL / 2,
        }
    });
    let part = |of: fn(&Seen) -> bool| share(found.iter().map(of));
    let covered = part(|run| run.covers);
    println!(
        "item-period, 80 items, 14 days, {RUNS} runs; best arm less control, worth {truth:.0} a day and item"
    );
    println!("  clusters, one look      {:.1} %", 100.0 * covered);
    println!("  of the run's own items  {:.1} %", 100.0 * part(|run| run.covers_of_run));
    println!("  clusters, any look      {:.1} %", 100.0 * part(|run| run.covers_at_any_look));
    println!("  leader of the run       {:.1} %", 100.0 * part(|run| run.leader_covers));
    println!("  visits                  {:.1} %", 100.0 * part(|run| run.of_visits_covers));
    println!("  best arm leads in       {:.1} %", 100.0 * part(|run| run.has_learned));
    assert!(covered >= 0.93, "{covered}");
    assert!(part(|run| run.covers_of_run) >= 0.93 && part(|run| run.leader_covers) >= 0.93);
    assert!(part(|run| run.covers_at_any_look) >= part(|run| run.covers));
    assert!(part(|run| run.of_visits_covers) < 0.80, "{}", part(|run| run.of_visits_covers));
    assert!(part(|run| run.has_learned) > 0.5, "the policy adapts to what sold");
    let (mean, sd) = moments(found.iter().map(|run| run.error));
    assert!(mean.abs() < 4.0 * sd / (RUNS as f64).sqrt(), "bias of {mean} with {sd} in a run");
    assert!(found.iter().all(|run| run.width > 0.0));
}

#[test]
fn items_that_stay_on_an_arm_are_one_observation_each_and_their_past_makes_intervals_narrower() {
    let expected = expected_profits();
    let truth = expected[BEST] - expected[CONTROL];
    let runs = 400;
    let found = all_runs(ITEMS, runs, |run| {
        let estimate = run.panel().difference(BEST, CONTROL, &DAILY()).unwrap().unwrap();
        let group = |arm: usize, has_past: bool| -> Vec<Total> {
            let epoch = &run.epochs[0];
            let on_arm = epoch.observations.iter().filter(|one| one.arm == arm);
            let total = |one: &Observation| Total {
                value_minor: one.value_minor,
                hours: epoch.hours,
                past: run.past[one.cluster].filter(|_| has_past),
            };
            on_arm.map(total).collect()
        };
        let groups = |has_past| {
            let (positive, negative) = (group(BEST, has_past), group(CONTROL, has_past));
            between_groups(&positive, &negative, &DAILY()).unwrap().unwrap()
        };
        (estimate, groups(true), groups(false))
    });
    let covers = |of: fn(&(Estimate, Estimate, Estimate)) -> &Estimate| {
        share(found.iter().map(|run| of(run).at_one_look.contains(truth)))
    };
    let width = |of: fn(&(Estimate, Estimate, Estimate)) -> &Estimate| {
        found.iter().map(|run| of(run).at_one_look.width()).sum::<f64>() / runs as f64
    };
    println!("item, 240 items, 28 days, {runs} runs: covered, mean width");
    for (what, of) in [
        ("arms", (|run| &run.0) as fn(&(Estimate, Estimate, Estimate)) -> &Estimate),
        ("groups with the past", |run| &run.1),
        ("groups without", |run| &run.2),
    ] {
        println!("  {what:<24} {:.1} % {:.0}", 100.0 * covers(of), width(of));
        // 0.93 less two standard errors of a share in 400 runs.
        assert!(covers(of) >= 0.905, "{what}: {}", covers(of));
    }
    assert!(width(|run| &run.1) < 0.8 * width(|run| &run.2), "what the past explains is left out");
}

#[test]
fn families_are_one_cluster_and_their_items_are_not_several() {
    let world = World { items: 240, family: 6, ..SWITCHBACK };
    let expected = expected_profits();
    let truth = 6.0 * (expected[BEST] - expected[CONTROL]);
    let runs = 100;
    let found = all_runs(world, runs, |run| {
        let of_families =
            of_families(run, world.family).difference(BEST, CONTROL, &DAILY()).unwrap().unwrap();
        let of_items = run.panel().difference(BEST, CONTROL, &DAILY()).unwrap().unwrap();
        (of_families, 6.0 * of_items.se)
    });
    let covered = share(found.iter().map(|(estimate, _)| estimate.at_one_look.contains(truth)));
    let ratio = found.iter().map(|(estimate, of_items)| estimate.se / of_items).sum::<f64>() / runs as f64;
    println!("item-period, 40 families of 6 items, {runs} runs: {:.1} %", 100.0 * covered);
    println!("  standard error of families over that of their items as if alone: {ratio:.2}");
    assert!(found.iter().all(|(estimate, _)| estimate.clusters == 40));
    // 0.93 less two and a half standard errors of a share in 100 runs.
    assert!(covered >= 0.87, "{covered}");
    assert!(ratio > 1.1, "items that share an arm and their luck vary together: {ratio}");
}

#[test]
fn what_is_carried_over_from_the_period_before_is_left_out_by_the_washout_and_else_stays() {
    let runs = 60;
    let error = |washout_hours| {
        let world = World { carried_hours: 6, washout_hours, ..SWITCHBACK };
        let errors = all_runs(world, runs, |run| {
            let found = run.panel().difference(BEST, CONTROL, &DAILY()).unwrap().unwrap();
            found.value - (run.profits[BEST] - run.profits[CONTROL])
        });
        let (mean, sd) = moments(errors.into_iter());
        mean / (sd / (runs as f64).sqrt())
    };
    let (with, without) = (error(6), error(0));
    println!(
        "carried over for 6 hours: {with:.1} standard errors off with the washout, {without:.1} without"
    );
    assert!(with.abs() < 4.0 && without.abs() > 5.0, "{with} {without}");
}
