//! How long orders take, and what the correction for it does to each arm.

use super::Evidence;
use crate::evidence::age;

/// An arm with and without the correction.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrected {
    /// Exposures as counted.
    pub exposures: f64,
    /// What they count for: an exposure whose orders may still come counts for the part of them that would be known by
    /// now.
    pub effective: f64,
    /// Orders as counted.
    pub orders: f64,
    /// Those of them that count: all but the young exposures' where these are left out.
    pub orders_effective: f64,
}

impl Corrected {
    /// Orders over exposures; NaN without.
    pub fn rate(&self) -> f64 {
        self.orders / self.exposures
    }

    /// Orders that count over what the exposures count for, at most 1; NaN where they count for nothing.
    pub fn rate_corrected(&self) -> f64 {
        if self.effective > 0.0 { (self.orders_effective / self.effective).min(1.0) } else { f64::NAN }
    }

    /// Orders that are still expected: of the exposures that do not count yet, less those which have come already.
    fn pending(&self) -> f64 {
        let come = self.orders - self.orders_effective;
        (self.rate_corrected() * (self.exposures - self.effective) - come).max(0.0)
    }
}

/// How long orders take.
#[derive(Debug, Clone, PartialEq)]
pub struct DelayReport {
    /// Whole hours since the exposure, from 0 to the reward window.
    pub hours: Vec<f64>,
    /// Part of the orders that have come by then, of those within the window. From 0 to 1, never falling.
    pub share_by: Vec<f64>,
    /// Orders that came in the hour from then on, as counted: the young exposures' slow ones are not among them.
    pub counts: Vec<f64>,
    /// Mean delay in hours: the area above the distribution.
    pub mean_h: f64,
    /// Length of the reward window in hours.
    pub window_h: f64,
    /// Orders that are still expected of the exposures so far: each arm's corrected rate times the exposures that do not
    /// count yet, less the orders of theirs that have come.
    pub pending: f64,
    /// The arms, in the order of the experiment.
    pub arms: Vec<Corrected>,
}

impl Evidence {
    /// How long orders take: [`DelayDistribution`](crate::delay::DelayDistribution), and what exposures count for with it
    /// (Vernade, Cappé and Perchet 2017, arXiv:1706.09186, section 3; see [`evidence`](crate::evidence)).
    ///
    /// The correction is the one that the experiment asks for: none under `naive`, and under `matured` neither exposures
    /// within the window count nor their orders.
    pub fn delays(&self) -> DelayReport {
        let window = self.experiment.reward_window_hours;
        let known_by = self.delays.distribution(self.now_hours(), window);
        let hours: Vec<f64> = (0..=window).map(f64::from).collect();
        let share_by: Vec<f64> = hours.iter().map(|&hour| known_by.share_by(hour)).collect();
        let mut counts = vec![0.0; hours.len()];
        for (_, delay, conversions) in self.delays.cells() {
            counts.iter_mut().skip(delay as usize).take(1).for_each(|count| *count += conversions as f64);
        }
        // Trapezoids, as the distribution is a line between two hours.
        let missing =
            share_by.iter().zip(share_by.iter().skip(1)).map(|(one, next)| 1.0 - 0.5 * (one + next));
        let none = Corrected { exposures: 0.0, effective: 0.0, orders: 0.0, orders_effective: 0.0 };
        let mut arms = vec![none; self.experiment.arms.len()];
        for period in self.history.periods() {
            let weight = known_by.weight(self.experiment.delay, age(period, self.now_hours()));
            for (arm, tally) in arms.iter_mut().zip(&period.arms) {
                let (shown, orders) = (tally.exposures as f64, tally.conversions as f64);
                arm.exposures += shown;
                arm.orders += orders;
                if let Some(weight) = weight {
                    arm.effective += shown * weight;
                    arm.orders_effective += orders;
                }
            }
        }
        let tried = arms.iter().filter(|arm| arm.effective > 0.0);
        let pending = tried.map(Corrected::pending).sum();
        DelayReport {
            mean_h: missing.sum(),
            hours,
            share_by,
            counts,
            window_h: f64::from(window),
            pending,
            arms,
        }
    }
}
