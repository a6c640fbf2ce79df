//! What the policy does not know: who would buy at which price, and what the best choice would have earned.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::environment::Environment;
use crate::{math, sample};

/// Streams of one run's random numbers: the world is the same for every policy, the units are each policy's own.
const WORLD: u64 = 0;

/// The random numbers of a run. Policies are told apart by their number, which is never 0.
pub(super) fn stream(seed: u64, run: u64, policy: u64) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    let words = [seed, run, policy].into_iter().flat_map(u64::to_le_bytes);
    bytes.iter_mut().zip(words).for_each(|(to, from)| *to = from);
    ChaCha8Rng::from_seed(bytes)
}

/// The world in one run. Arms are known by their place, which is shuffled.
pub(super) struct Truth<'a> {
    environment: &'a Environment,
    random: ChaCha8Rng,
    /// Which arm of the environment stands in each place.
    order: Vec<usize>,
    rates: Vec<f64>,
    values: Vec<f64>,
    /// Expected value lost with a unit in each place against the best plan, in minor units.
    losses: Vec<f64>,
    least_loss: f64,
    /// What the best plan earns with a unit.
    best: f64,
    changes: usize,
    next_replacement: u64,
    next_event: u64,
    /// Pieces left, where they are limited.
    pub stock: Option<i64>,
    /// Expected value lost so far, in minor units.
    pub regret: f64,
    /// What the best plan would have earned so far, in minor units.
    pub optimum: f64,
    /// Units that were shown the best arm.
    pub best_shown: u64,
}

/// The new arm in a place where one was taken away.
pub(super) struct Replaced(pub usize);

impl<'a> Truth<'a> {
    /// The world of a run: the order of the arms and their replacements depend on seed and run only.
    pub(super) fn new(environment: &'a Environment, seed: u64, run: u64) -> Self {
        let mut random = stream(seed, run, WORLD);
        let mut order: Vec<usize> = (0..environment.arms.len()).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, random.random_range(0..=last));
        }
        Self::in_order(environment, order, random)
    }

    /// The world with the arms as they stand in the file.
    pub(super) fn unshuffled(environment: &'a Environment, seed: u64) -> Self {
        Self::in_order(environment, (0..environment.arms.len()).collect(), stream(seed, 0, WORLD))
    }

    fn in_order(environment: &'a Environment, order: Vec<usize>, random: ChaCha8Rng) -> Self {
        let arms = || order.iter().filter_map(|&place| environment.arms.get(place));
        let mut truth = Self {
            rates: arms().map(|arm| arm.rate).collect(),
            values: arms().map(|arm| environment.value_minor(arm) as f64).collect(),
            losses: Vec::new(),
            least_loss: 0.0,
            best: 0.0,
            changes: 0,
            next_replacement: u64::MAX,
            next_event: 0,
            stock: environment.inventory,
            regret: 0.0,
            optimum: 0.0,
            best_shown: 0,
            order,
            random,
            environment,
        };
        truth.next_replacement = truth.wait_for_replacement(0);
        truth.measure();
        truth
    }

    /// Which arm of the environment stands in each place.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Place of the first arm of the file.
    pub(super) fn control(&self) -> usize {
        self.order.iter().position(|&arm| arm == 0).unwrap_or(0)
    }

    /// Lets happen what is due before this unit comes, and says which arm was replaced.
    pub(super) fn advance(&mut self, unit: u64) -> Option<Replaced> {
        if unit < self.next_event {
            return None;
        }
        while let Some(change) = self.environment.changes.get(self.changes).filter(|change| change.at <= unit)
        {
            if let Some(place) = self.order.iter().position(|&arm| arm == change.arm)
                && let Some(rate) = self.rates.get_mut(place)
            {
                *rate = change.rate;
            }
            self.changes += 1;
        }
        let replaced = (unit >= self.next_replacement).then(|| self.replace(unit));
        let next_change = self.environment.changes.get(self.changes).map_or(u64::MAX, |change| change.at);
        self.next_event = next_change.min(self.next_replacement);
        self.measure();
        replaced
    }

    fn replace(&mut self, unit: u64) -> Replaced {
        let place = self.random.random_range(0..self.rates.len());
        if let (Some(by), Some(rate)) = (self.environment.replacement, self.rates.get_mut(place)) {
            *rate = sample::beta(&mut self.random, by.alpha, by.beta);
        }
        self.next_replacement = self.wait_for_replacement(unit + 1);
        Replaced(place)
    }

    /// The next unit, this one or later, before which an arm is replaced: a geometric wait.
    fn wait_for_replacement(&mut self, from: u64) -> u64 {
        let probability = self.environment.replacement.map_or(0.0, |by| by.probability);
        if probability <= 0.0 {
            return u64::MAX;
        }
        let wait = math::ln_1p(-self.random.random::<f64>()) / math::ln_1p(-probability);
        from.saturating_add(if probability < 1.0 { wait as u64 } else { 0 })
    }

    /// What each arm loses from now on.
    fn measure(&mut self) {
        let worth: Vec<f64> = self.rates.iter().zip(&self.values).map(|(rate, value)| rate * value).collect();
        let per_unit = |stock: i64| stock as f64 / self.environment.horizon as f64;
        self.best = match self.environment.inventory {
            None => worth.iter().copied().fold(0.0, f64::max),
            Some(stock) => fluid_optimum(&self.rates, &self.values, per_unit(stock)),
        };
        self.losses = worth.iter().map(|worth| self.best - worth).collect();
        self.least_loss = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
    }

    /// A unit in a place: whether it buys. The regret of a place is counted whatever the unit does.
    pub(super) fn serve(&mut self, place: usize, random: &mut impl Rng) -> bool {
        let (Some(&rate), Some(&loss)) = (self.rates.get(place), self.losses.get(place)) else {
            return false;
        };
        self.optimum += self.best;
        self.best_shown += u64::from(loss <= self.least_loss);
        let buys = random.random::<f64>() < rate;
        match &mut self.stock {
            Some(0) => {
                self.regret += self.best;
                return false;
            }
            Some(pieces) => *pieces -= i64::from(buys),
            None => {}
        }
        self.regret += loss;
        buys
    }
}

/// The most that any plan can expect of a unit, with `stock` pieces for each: the linear programme
/// max Σ x_k q_k v_k where Σ x_k q_k ≤ stock, Σ x_k ≤ 1, x ≥ 0.
///
/// With two constraints an optimum uses at most two arms, so all pairs are tried. It bounds what a policy can earn
/// from above. Source: Ferreira, Simchi-Levi and Wang (2018), doi:10.1287/opre.2018.1755, section 2.
fn fluid_optimum(rates: &[f64], values: &[f64], stock: f64) -> f64 {
    let arms = || rates.iter().copied().zip(values.iter().copied());
    let alone = |(rate, value): (f64, f64)| value * rate.min(stock);
    let mut best = arms().map(alone).fold(0.0, f64::max);
    for (fast, dear) in arms().flat_map(|one| arms().map(move |other| (one, other))) {
        if fast.0 > stock && dear.0 < stock {
            let part = (stock - dear.0) / (fast.0 - dear.0);
            best = best.max(part * fast.0 * fast.1 + (1.0 - part) * dear.0 * dear.1);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden: Ferreira, Simchi-Levi and Wang's example, where the optimum mixes the two dearest prices 3 to 1.
    #[test]
    fn the_best_plan_for_a_limited_stock_mixes_two_prices() {
        let (rates, prices) = ([0.8, 0.6, 0.3, 0.1], [29.9, 34.9, 39.9, 44.9]);
        let expected = 0.75 * 0.3 * 39.9 + 0.25 * 0.1 * 44.9;
        assert!((fluid_optimum(&rates, &prices, 0.25) - expected).abs() < 1e-12);
        assert!((expected - 10.10).abs() < 0.005);
        // With plenty the best price alone, with next to nothing the dearest.
        assert!((fluid_optimum(&rates, &prices, 1.0) - 0.8 * 29.9).abs() < 1e-12);
        assert!((fluid_optimum(&rates, &prices, 0.001) - 0.001 * 44.9).abs() < 1e-12);
    }
}
