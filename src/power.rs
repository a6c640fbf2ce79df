//! How long an experiment has to run: what difference it can find, and when it would find a given one.
//!
//! In scope: comparing one arm with the control at a fixed split, by a two-sided test of level α at one look, as a plan
//! made before the first price moves. A policy moves shares to better arms, so that the arm that matters is compared
//! sooner and the others later; and intervals that hold at any look are wider than those of a planned one, by about a
//! half. So a plan is a guide, not a promise. Differences are relative: 0.05 is five per cent of what the control brings.
//!
//! | unit | what varies by chance | what is told |
//! |---|---|---|
//! | visitor | who buys, and for how much ([`Visitors`]) | visitors in all |
//! | item, family, item-period | which items are on which arm ([`Clusters`]) | time, as a multiple of that before |
//!
//! Out of scope: analysing what came of it (`inference`).

mod plan;
pub use plan::{ArmsPlan, Plan, whole_weeks};

use crate::math::normal_quantile;

/// How surely a difference is to be found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aim {
    /// Chance of a difference being found where there is none: above 0, at most 0.5.
    pub alpha: f64,
    /// Chance of a difference being found that is there: 0.5 to below 1.
    pub power: f64,
}

impl Default for Aim {
    fn default() -> Self {
        Self { alpha: 0.05, power: 0.8 }
    }
}

impl Aim {
    /// The square of how many standard errors a difference must be from 0: `(z_{1-α/2} + z_{power})²`.
    fn distance(self) -> f64 {
        let z = normal_quantile(1.0 - self.alpha / 2.0) + normal_quantile(self.power);
        z * z
    }
}

/// Shares of all units that see the control and the arm that is compared with it; each above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// That of the control.
    pub control: f64,
    /// That of the arm.
    pub arm: f64,
}

impl Split {
    /// Equal shares of so many arms, of what the holdout leaves; the holdout sees the control, but is not counted as such.
    pub fn equal(arms: usize, holdout: f64) -> Self {
        let share = (1.0 - holdout) / arms.max(1) as f64;
        Self { control: share, arm: share }
    }
}

/// Visitors who buy or do not.
///
/// ```
/// use haggle::power::{Aim, Split, Visitors};
/// // Three in a hundred buy; five per cent more of them is to be found between two arms.
/// let visitors = Visitors { rate: 0.03, order_cv: 0.0 };
/// let split = Split::equal(2, 0.0);
/// let needed = visitors.needed(Aim::default(), split, 0.05);
/// assert_eq!(needed.ceil(), 415_871.0);
/// assert!((visitors.effect(Aim::default(), split, needed) - 0.05).abs() < 1e-9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Visitors {
    /// Part of the visitors that buys under the control: above 0, below 1.
    pub rate: f64,
    /// Standard deviation of an order's value over its mean: 0 where conversions are counted, or all orders are worth the
    /// same.
    pub order_cv: f64,
}

impl Visitors {
    /// Visitors in all, over all arms and the holdout, until a relative difference `effect` of the value per visitor is
    /// found with the power that is aimed at.
    ///
    /// `n = (z_{1-α/2} + z_{power})² (σ₁²/s₁ + σ₀²/s₀) / δ²`, where `s` are the shares and `δ` is the difference. A visitor's value
    /// has mean `pm` and variance `p(1 + c²)m² - p²m²`, with rate `p`, mean order value `m` and its variation `c`.
    /// Source: Chow, Shao, Wang and Lokhnygina (2018), Sample size calculations in clinical research, 3rd edition, sections 3.2.1
    /// (means) and 4.2.1 (proportions, for `c = 0`).
    pub fn needed(&self, aim: Aim, split: Split, effect: f64) -> f64 {
        let (control, arm) = (self.variance(self.rate), self.variance(self.rate * (1.0 + effect)));
        let difference = self.rate * effect;
        aim.distance() * (control / split.control + arm / split.arm) / (difference * difference)
    }

    /// The least relative difference that so many visitors find with the power that is aimed at.
    ///
    /// 10 where it would be that or more.
    pub fn effect(&self, aim: Aim, split: Split, visitors: f64) -> f64 {
        // What is needed falls as the difference grows; sixty halvings leave less than a double can tell.
        let (mut low, mut high) = (0.0, 10.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.needed(aim, split, middle) > visitors { low = middle } else { high = middle }
        }
        high
    }

    /// Variance of a visitor's value in units of the squared mean order value, at this rate.
    fn variance(&self, rate: f64) -> f64 {
        let rate = rate.min(1.0);
        rate * (1.0 + self.order_cv * self.order_cv) - rate * rate
    }
}

/// Items, or families of items, which everybody sees on the same arm at a time.
///
/// What they brought in a time before the experiment says how different they are. Let `cv` be the standard deviation of
/// that over its mean, and `r` its correlation with what they bring in an equally long time after. Then `r cv²` is of the items
/// and `(1 - r) cv²` is of the time, which gets less the longer the experiment runs: `(1 - r) cv² / T` after `T` times as
/// long. Where an item stays on its arm, what it brought before takes away all but `1 - r` of what is its own; where it is
/// drawn anew in each period, it is compared with itself and nothing of that is left:
///
/// `variance of an item's mean = cv² (1 - r) (1/T + r)` on one arm, `cv² (1 - r) / T` with periods.
///
/// The first is the variance of a mean given its covariate (Deng, Xu, Kohavi and Walker 2013, Improving the sensitivity of online
/// controlled experiments by utilizing pre-experiment data, section 3, DOI 10.1145/2433396.2433413); the second that of a cluster
/// cross-over (Rietbergen and Moerbeek 2011, The design of cluster randomized crossover trials, Journal of Educational and
/// Behavioral Statistics 36, DOI 10.3102/1076998610379136).
///
/// ```
/// use haggle::power::{Aim, Clusters, Split};
/// let items = Clusters { count: 2000.0, cv: 1.5, correlation: 0.9, is_redrawn: true };
/// let split = Split::equal(2, 0.0);
/// let times = items.times(Aim::default(), split, 0.05).ok_or("never")?;
/// assert!((times - 1.4128).abs() < 1e-4); // half as long again as what is known of the time before
/// assert!((items.effect(Aim::default(), split, times) - 0.05).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clusters {
    /// How many there are in the positive group. More than 0.
    pub count: f64,
    /// Standard deviation of what they brought before, over its mean. More than 0.
    pub cv: f64,
    /// Correlation of what they bring in two equally long times: 0 to below 1.
    pub correlation: f64,
    /// They are drawn anew in each period.
    pub is_redrawn: bool,
}

impl Clusters {
    /// The least relative difference found after so many times as long as what is known of the time before.
    pub fn effect(&self, aim: Aim, split: Split, times: f64) -> f64 {
        let variance = self.spread(split) * (1.0 / times + self.stays()) / self.count;
        (aim.distance() * variance).sqrt()
    }

    /// How many times as long as what is known of the time before it takes to find a relative difference; none where so
    /// few items never find it.
    pub fn times(&self, aim: Aim, split: Split, effect: f64) -> Option<f64> {
        let allowed = effect * effect * self.count / aim.distance() / self.spread(split);
        (allowed > self.stays()).then(|| 1.0 / (allowed - self.stays()))
    }

    /// How many items or families find a relative difference in so many times as long.
    pub fn needed(&self, aim: Aim, split: Split, effect: f64, times: f64) -> f64 {
        aim.distance() * self.spread(split) * (1.0 / times + self.stays()) / (effect * effect)
    }

    /// Variance that time takes away, of a difference between two arms with one item in all.
    fn spread(&self, split: Split) -> f64 {
        self.cv * self.cv * (1.0 - self.correlation) * (1.0 / split.control + 1.0 / split.arm)
    }

    /// What of it stays however long it runs.
    fn stays(&self) -> f64 {
        if self.is_redrawn { 0.0 } else { self.correlation }
    }
}

/// How many times the items are needed because those of a family share an arm: the variance of a mean over families over
/// that of a mean over as many items that were independent. 1 where families are no more alike than other items.
///
/// `cv` are the standard deviations over their means of what items and families brought before. Source: Kish (1965), Survey
/// sampling, section 5.4, for clusters of unequal size by their sums.
pub fn design_effect(items: f64, item_cv: f64, families: f64, family_cv: f64) -> f64 {
    (family_cv * family_cv / families) / (item_cv * item_cv / items)
}

#[cfg(test)]
mod tests;
