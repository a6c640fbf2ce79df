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
    /// What the best plan holds a piece of the stock to be worth, in minor units; 0 where it is not limited.
    shadow_price: f64,
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
        let arms = || order.iter().filter_map(|&place| environment.arms.get(place));
        let mut truth = Self {
            rates: arms().map(|arm| arm.rate).collect(),
            values: arms().map(|arm| environment.value_minor(arm) as f64).collect(),
            losses: Vec::new(),
            least_loss: 0.0,
            best: 0.0,
            shadow_price: 0.0,
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
        truth.shadow_price = truth.foreseen();
        truth.next_replacement = truth.wait_for_replacement(0);
        truth.measure();
        truth
    }

    /// The shadow price of the stock over all that will happen in this run, which the clairvoyant knows.
    fn foreseen(&self) -> f64 {
        let (Some(stock), horizon) = (self.environment.inventory, self.environment.horizon) else {
            return 0.0;
        };
        let mut ahead = Self {
            order: self.order.clone(),
            rates: self.rates.clone(),
            values: self.values.clone(),
            losses: Vec::new(),
            random: self.random.clone(),
            ..*self
        };
        ahead.next_replacement = ahead.wait_for_replacement(0);
        let mut spans = Vec::new();
        let mut unit = 0;
        while unit < horizon {
            ahead.advance(unit);
            let until = ahead.next_event.min(horizon);
            spans.push(((until - unit) as f64, ahead.rates.clone()));
            unit = until;
        }
        shadow_price(&spans, &self.values, stock as f64)
    }

    /// Which arm of the environment stands in each place.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Whether the arm in a place is the best one now.
    pub(super) fn is_best(&self, place: usize) -> bool {
        self.losses.get(place).is_some_and(|&loss| loss <= self.least_loss)
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
        let stock_per_unit =
            self.environment.inventory.map_or(0.0, |stock| stock as f64 / self.environment.horizon as f64);
        let (_, above) = best_above(&self.rates, &self.values, self.shadow_price);
        self.best = above + self.shadow_price * stock_per_unit;
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

/// The arm that earns most of a unit above the price of the piece it may sell, `max_k q_k (v_k - λ)` and not below 0:
/// its rate, and how much that is.
fn best_above(rates: &[f64], values: &[f64], shadow_price: f64) -> (f64, f64) {
    let arms = rates.iter().zip(values).map(|(&rate, value)| (rate, rate * (value - shadow_price)));
    arms.fold((0.0, 0.0), |best, arm| if arm.1 > best.1 { arm } else { best })
}

/// The price λ of a piece at which the best plan sells just the stock, over spans of units with constant rates.
///
/// The plan is that of the linear programme max Σ x_tk q_tk v_k where Σ x_tk q_tk ≤ stock, Σ_k x_tk ≤ 1, x ≥ 0, whose value
/// is the least over λ of `Σ_t max_k q_tk (v_k - λ)⁺ + λ stock`. It bounds what a policy can earn from above. Found by
/// bisection: the dearer a piece, the fewer are sold. Source: Ferreira, Simchi-Levi and Wang (2018),
/// doi:10.1287/opre.2018.1755, section 2; its dual, with rates that change.
fn shadow_price(spans: &[(f64, Vec<f64>)], values: &[f64], stock: f64) -> f64 {
    let sold = |price: f64| -> f64 {
        spans.iter().map(|(units, rates)| units * best_above(rates, values, price).0).sum()
    };
    if sold(0.0) <= stock {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, values.iter().copied().fold(0.0, f64::max));
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if sold(middle) > stock { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden: Ferreira, Simchi-Levi and Wang's example, where the optimum mixes the two dearest prices 3 to 1.
    #[test]
    fn the_best_plan_for_a_limited_stock_mixes_two_prices() {
        let (rates, prices) = (vec![0.8, 0.6, 0.3, 0.1], [29.9, 34.9, 39.9, 44.9]);
        let optimum = |stock: f64| {
            let price = shadow_price(&[(1.0, rates.clone())], &prices, stock);
            best_above(&rates, &prices, price).1 + price * stock
        };
        let expected = 0.75 * 0.3 * 39.9 + 0.25 * 0.1 * 44.9;
        assert!((optimum(0.25) - expected).abs() < 1e-12);
        assert!((expected - 10.10).abs() < 0.005);
        // With plenty the best price alone, with next to nothing the dearest.
        assert!((optimum(1.0) - 0.8 * 29.9).abs() < 1e-12);
        assert!((optimum(0.001) - 0.001 * 44.9).abs() < 1e-12);
    }

    /// One piece for each two units; the first half of them pays 10 with certainty, the second half 30: wait for them.
    #[test]
    fn the_best_plan_keeps_the_stock_for_those_who_pay_more() {
        let spans = [(50.0, vec![1.0, 0.0]), (50.0, vec![0.0, 1.0])];
        let price = shadow_price(&spans, &[10.0, 30.0], 50.0);
        let optimum: f64 =
            spans.iter().map(|(units, rates)| units * best_above(rates, &[10.0, 30.0], price).1).sum();
        assert!((optimum + price * 50.0 - 1500.0).abs() < 1e-9, "{price}");
    }
}
