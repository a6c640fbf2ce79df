//! A simulated shop under batched Thompson sampling, and what is said of many runs of it.

use std::collections::BTreeMap;

use haggle::math::{exp, ln};
use haggle::{Allocation, Cohort, Period, TOTAL, Tally};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub const RUNS: u64 = 2000;
pub const ARMS: usize = 3;
/// A simulated experiment of three arms.
pub struct Shop {
    pub epochs: u32,
    pub batch: u32,
    /// Least share of an arm, out of 65536.
    pub floor: u32,
    /// Share of the units in the holdout, which buy as those of the first arm do, out of 65536.
    pub holdout: u32,
    /// Conversion rate of each arm in an epoch.
    pub rates: fn(u32) -> [f64; ARMS],
    /// Part of the first arm's exposures that is never counted.
    pub lost: f64,
}

pub const EQUAL: Shop =
    Shop { epochs: 100, batch: 100, floor: TOTAL / 100, holdout: 0, rates: |_| [0.1; ARMS], lost: 0.0 };

pub const UNEQUAL: Shop = Shop { rates: |_| [0.10, 0.08, 0.05], ..EQUAL };

impl Shop {
    /// What is counted in one run, epoch by epoch.
    pub fn run(&self, seed: u64) -> Vec<Period> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut totals = [(0_i64, 0_i64); ARMS];
        let mut periods = Vec::new();
        for epoch in 0..self.epochs {
            let allocation = Allocation::quantise(&thompson(totals), &[true; ARMS], self.floor);
            let shares = allocation.shares().to_vec();
            let held = binomial(&mut rng, self.batch, f64::from(self.holdout) / f64::from(TOTAL));
            let held_sold = binomial(&mut rng, held, (self.rates)(epoch)[0]);
            let (mut left, mut share_left) = (self.batch - held, TOTAL);
            let mut arms = Vec::new();
            for (arm, &share) in shares.iter().enumerate() {
                let sent = binomial(&mut rng, left, f64::from(share) / f64::from(share_left.max(1)));
                (left, share_left) = (left - sent, share_left - share);
                let lost = if arm == 0 { binomial(&mut rng, sent, self.lost) } else { 0 };
                let exposures = sent - lost;
                let conversions = i64::from(binomial(&mut rng, exposures, (self.rates)(epoch)[arm]));
                let exposures = i64::from(exposures);
                totals[arm] = (totals[arm].0 + exposures, totals[arm].1 + conversions);
                arms.push(Tally { exposures, conversions, ..Tally::default() });
            }
            let cohort = Cohort { epoch: epoch + 1, hour: epoch };
            let holdout = Tally { exposures: held.into(), conversions: held_sold.into(), ..Tally::default() };
            periods.push(Period { cohort, shares, arms, holdout });
        }
        periods
    }
}

/// Number of successes in `n` trials, by inversion.
pub fn binomial(rng: &mut ChaCha8Rng, n: u32, p: f64) -> u32 {
    if p > 0.5 {
        return n - binomial(rng, n, 1.0 - p);
    }
    if n == 0 || p <= 0.0 {
        return 0;
    }
    let mut probability = exp(f64::from(n) * ln(1.0 - p));
    let (mut draw, mut successes) = (rng.random::<f64>(), 0);
    while draw > probability && successes < n {
        draw -= probability;
        successes += 1;
        probability *= f64::from(n + 1 - successes) / f64::from(successes) * p / (1.0 - p);
    }
    successes
}

/// P(best) of arms with uniform priors, to about a hundredth: the integral on 64 points.
///
/// The core's own is exact to 1e-8 and takes a hundred times as long, unoptimised. What is inferred depends on the
/// shares that were served, not on how they were come by.
pub fn thompson(totals: [(i64, i64); ARMS]) -> [f64; ARMS] {
    const POINTS: usize = 64;
    let parameters = totals.map(|(n, s)| (s as f64, (n - s) as f64));
    let ends = parameters.map(|(s, f)| {
        let (n, mean) = (s + f + 3.0, (s + 1.0) / (s + f + 2.0));
        let reach = 5.0 * (mean * (1.0 - mean) / n).sqrt();
        (mean - reach, mean + reach)
    });
    let low = ends.iter().fold(1.0, |low: f64, end| low.min(end.0)).max(0.0);
    let high = ends.iter().fold(0.0, |high: f64, end| high.max(end.1)).min(1.0);
    let step = (high - low) / POINTS as f64;
    let (mut ln_x, mut ln_y) = ([0.0; POINTS], [0.0; POINTS]);
    for point in 0..POINTS {
        let x = low + (point as f64 + 0.5) * step;
        (ln_x[point], ln_y[point]) = (ln(x), ln(1.0 - x));
    }
    let mut density = [[0.0; POINTS]; ARMS];
    let mut below = [[0.0; POINTS]; ARMS];
    for (arm, (s, f)) in parameters.into_iter().enumerate() {
        let mode = if s + f > 0.0 { s / (s + f) } else { 0.5 };
        let top = s * ln(mode.max(1e-300)) + f * ln((1.0 - mode).max(1e-300));
        let mut sum = 0.0;
        for point in 0..POINTS {
            let fall = s * ln_x[point] + f * ln_y[point] - top;
            let mass = if fall > -30.0 { exp(fall) } else { 0.0 };
            density[arm][point] = mass;
            below[arm][point] = sum + 0.5 * mass;
            sum += mass;
        }
        for point in 0..POINTS {
            density[arm][point] /= sum;
            below[arm][point] /= sum;
        }
    }
    let best = |arm: usize| {
        let (one, other) = ((arm + 1) % ARMS, (arm + 2) % ARMS);
        (0..POINTS).map(|point| density[arm][point] * below[one][point] * below[other][point]).sum()
    };
    [best(0), best(1), best(2)]
}

/// Part of the runs in which each of the named things is true, on all cores.
pub fn rates_of(
    first_seed: u64,
    run: impl Fn(u64) -> Vec<(&'static str, bool)> + Sync,
) -> BTreeMap<&'static str, f64> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let of_thread = |thread: u64| {
        let mut counts = BTreeMap::<&'static str, f64>::new();
        for seed in (first_seed..first_seed + RUNS).filter(|seed| seed % threads == thread) {
            for (name, is_true) in run(seed) {
                *counts.entry(name).or_default() += f64::from(u8::from(is_true));
            }
        }
        counts
    };
    let mut sums = BTreeMap::<&'static str, f64>::new();
    std::thread::scope(|scope| {
        let spawned: Vec<_> = (0..threads).map(|thread| scope.spawn(move || of_thread(thread))).collect();
        for counts in spawned.into_iter().map(|thread| thread.join().unwrap()) {
            for (name, count) in counts {
                *sums.entry(name).or_default() += count / RUNS as f64;
            }
        }
    });
    sums
}

pub fn assert_within(rates: &BTreeMap<&str, f64>, name: &str, least: f64, most: f64) {
    let rate = rates[name];
    assert!((least..=most).contains(&rate), "{name}: {rate}, not in [{least}, {most}]");
}

pub fn print(title: &str, rates: &BTreeMap<&str, f64>) {
    println!("{title}");
    rates.iter().for_each(|(name, rate)| println!("  {rate:.4}  {name}"));
}
