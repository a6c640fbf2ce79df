//! Stage 6 of the loop: how long after its exposure a conversion comes.
//!
//! An exposure of an hour ago that has not converted may still do so; counted as a failure it makes the arm that
//! gained traffic of late look worse than it is. [`Delays`] counts conversions by their delay, pooled over arms;
//! [`DelayDistribution`] says which part of all conversions has come by a given age.
//!
//! Time is in ticks: hours in production, a number of units in the simulator. Out of scope: what an arm's exposures
//! count for with it (`evidence`).

use crate::{DelayCorrection, Error};

/// Least number of conversions from which a step of the distribution is estimated.
const AT_RISK_MIN: i128 = 30;

/// Conversions by the tick of their exposure and their delay in whole ticks: sums, so they merge by addition.
///
/// ```
/// use haggle::delay::Delays;
/// let mut delays = Delays::default();
/// delays.add(480_000, 0, 60)?; // exposed in hour 480 000, sold within the hour
/// delays.add(480_000, 2, 40)?; // sold in the third hour
/// let known_by = delays.distribution(480_100.0, 168);
/// assert!((known_by.share_by(1.0) - 0.6).abs() < 1e-12);
/// assert_eq!(known_by.share_by(168.0), 1.0);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delays {
    /// `(exposed at, delay, conversions)`, sorted.
    cells: Vec<(u32, u32, i64)>,
}

impl Delays {
    /// Adds conversions of exposures of the tick `exposed_at` that came `delay` whole ticks later.
    ///
    /// # Errors
    /// A sum beyond ±[`SUM_MAX`](crate::tally::SUM_MAX).
    pub fn add(&mut self, exposed_at: u32, delay: u32, conversions: i64) -> Result<(), Error> {
        match self.cells.binary_search_by_key(&(exposed_at, delay), |&(at, delay, _)| (at, delay)) {
            Err(place) => self.cells.insert(place, (exposed_at, delay, conversions)),
            Ok(place) => {
                if let Some((_, _, sum)) = self.cells.get_mut(place) {
                    let next = sum.checked_add(conversions).filter(|n| n.abs() <= crate::tally::SUM_MAX);
                    let given = format!("{sum} + {conversions}");
                    let allowed = format!("within ±{}", crate::tally::SUM_MAX);
                    *sum = next.ok_or_else(|| Error::value("sum of conversions by delay", given, allowed))?;
                }
            }
        }
        Ok(())
    }

    /// What was added up: tick of the exposures, whole ticks of delay and conversions, in this order.
    pub fn cells(&self) -> impl Iterator<Item = (u32, u32, i64)> + '_ {
        self.cells.iter().copied()
    }

    /// The distribution of the delay among conversions that come within `window` ticks, as it is known at `now`.
    ///
    /// A young cohort shows its fast conversions only. So the estimate goes from long delays to short ones, and asks
    /// at each step which part of the conversions with at most this delay has exactly this delay, among the cohorts
    /// old enough to tell: the product-limit estimate for data truncated on the right (Lagakos, Barraj and De Gruttola
    /// 1988, Biometrika 75, doi:10.1093/biomet/75.3.515). Cohorts older than the window enter every step. Steps
    /// with fewer than 30 conversions to judge from are left out, so that before there are data all counts in full.
    /// The effort is that of reading the counts once.
    pub fn distribution(&self, now: f64, window: u32) -> DelayDistribution {
        let longest = self.cells.iter().map(|&(_, delay, _)| delay).filter(|&delay| delay < window).max();
        let steps = longest.map_or(0, |longest| longest as usize + 1);
        // By delay: conversions with exactly it; and by how much the number with at most it grows, later that number.
        let mut counts = vec![(0_i128, 0_i128); steps];
        for &(exposed_at, delay, conversions) in &self.cells {
            let (delay, conversions) = (delay as usize, i128::from(conversions.max(0)));
            // The longest delay that the whole cohort has had time for.
            let longest = now - f64::from(exposed_at) - 2.0;
            if delay as f64 > longest {
                continue;
            }
            if let Some((exactly, growth)) = counts.get_mut(delay) {
                (*exactly, *growth) = (*exactly + conversions, *growth + conversions);
                if let Some((_, growth)) = counts.get_mut((longest as usize).saturating_add(1)) {
                    *growth -= conversions;
                }
            }
        }
        let mut at_most = 0;
        for (_, growth) in &mut counts {
            at_most += *growth;
            *growth = at_most;
        }
        let mut share = 1.0;
        let mut before: Vec<f64> = Vec::with_capacity(steps);
        for &(exactly, at_most) in counts.iter().rev() {
            if at_most >= AT_RISK_MIN {
                share *= (at_most - exactly) as f64 / at_most as f64;
            }
            before.push(share);
        }
        before.reverse();
        DelayDistribution { before, window: f64::from(window) }
    }
}

/// Which part of the conversions within the window has come by a given age of the exposure.
#[derive(Debug, Clone, PartialEq)]
pub struct DelayDistribution {
    /// Share of conversions that come before each whole tick, from tick 0; after the last: all.
    before: Vec<f64>,
    window: f64,
}

impl DelayDistribution {
    /// Share of conversions that have come by an age in ticks, F(age). Range: `[0, 1]`; 1 from the window on.
    pub fn share_by(&self, age: f64) -> f64 {
        if age >= self.window {
            return 1.0;
        }
        let age = age.max(0.0);
        let at = |tick: usize| self.before.get(tick).copied().unwrap_or(1.0);
        let (tick, rest) = (age.floor(), age - age.floor());
        let (low, high) = (at(tick as usize), at(tick as usize + 1));
        low + rest * (high - low)
    }

    /// What the exposures of a cohort count for, that are `age` ticks old on average: the share of their conversions
    /// that would be known by now, or nothing at all for a cohort that is left out.
    pub(crate) fn weight(&self, correction: DelayCorrection, age: f64) -> Option<f64> {
        match correction {
            DelayCorrection::Naive => Some(1.0),
            DelayCorrection::Weighted => Some(self.share_by(age)),
            // The youngest exposure of a cohort is half a tick younger than the mean.
            DelayCorrection::Matured => (age - 0.5 >= self.window).then_some(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Conversions of `per_tick` in every tick from 0, halving with every tick of delay, as they are known at `now`.
    fn halving(per_tick: i64, now: u32) -> Delays {
        let mut delays = Delays::default();
        for exposed_at in 0..now {
            let mut left = per_tick;
            for delay in 0..now - exposed_at {
                let conversions = (left + 1) / 2;
                delays.add(exposed_at, delay, conversions).unwrap();
                left -= conversions;
            }
        }
        delays
    }

    #[test]
    fn young_cohorts_do_not_bend_the_distribution() {
        // Half of all conversions come in each tick of what is left: F(j) = 1 - 2^-j.
        for now in [6, 12, 40] {
            let known = halving(1 << 20, now).distribution(f64::from(now), 100);
            for age in 1..5_i32 {
                let expected = 1.0 - crate::math::pow(0.5, f64::from(age));
                // What comes after the oldest cohort's age is not known: at 6 ticks a part of 2^-4 or so.
                let tolerance = crate::math::pow(0.5, f64::from(now) - 2.0) + 1e-6;
                let share = known.share_by(f64::from(age));
                assert!((share - expected).abs() < tolerance, "F({age}) = {share} at {now}, not {expected}");
            }
        }
    }

    #[test]
    fn without_data_every_exposure_counts_in_full() {
        let nothing = Delays::default().distribution(5.0, 10);
        assert!([0.0, 0.5, 3.0, 99.0].iter().all(|&age| nothing.share_by(age) == 1.0));
        let mut few = Delays::default();
        few.add(0, 3, 29).unwrap();
        assert_eq!(few.distribution(50.0, 10).share_by(0.5), 1.0);
    }

    #[test]
    fn a_delay_beyond_the_window_is_no_part_of_it() {
        let mut delays = Delays::default();
        delays.add(0, 1, 50).unwrap();
        delays.add(0, 30, 50).unwrap();
        let known = delays.distribution(100.0, 10);
        assert_eq!((known.share_by(1.0), known.share_by(2.0), known.share_by(10.0)), (0.0, 1.0, 1.0));
    }

    #[test]
    fn each_correction_weighs_its_own_way() {
        let known = halving(1 << 20, 40).distribution(40.0, 20);
        let weight = |correction, age| known.weight(correction, age);
        assert_eq!(weight(DelayCorrection::Naive, 0.0), Some(1.0));
        assert!((weight(DelayCorrection::Weighted, 1.0).unwrap() - 0.5).abs() < 1e-3);
        assert_eq!(weight(DelayCorrection::Matured, 20.4), None);
        assert_eq!(weight(DelayCorrection::Matured, 20.5), Some(1.0));
    }

    proptest! {
        #[test]
        fn any_counts_give_a_distribution_function(
            cells in prop::collection::vec((0u32..50, 0u32..50, -5i64..1000), 0..60), now in 0u32..60, window in 1u32..60,
        ) {
            let mut delays = Delays::default();
            cells.iter().for_each(|&(at, delay, n)| delays.add(at, delay, n).unwrap());
            let known = delays.distribution(f64::from(now), window);
            let known_cells = &delays.cells;
            // The estimate by its definition: at each step from the longest delay to the shortest all counts anew.
            let steps = cells.iter().map(|cell| cell.1).filter(|&delay| delay < window).max().map_or(0, |delay| delay + 1);
            let mut expected = 1.0;
            for step in (0..steps).rev() {
                let old_enough = |cell: &&(u32, u32, i64)| cell.0 + step + 2 <= now && cell.1 <= step;
                let count = |delay: Option<u32>| -> i64 {
                    let cells = known_cells.iter().filter(old_enough);
                    cells.filter(|cell| delay.is_none_or(|delay| delay == cell.1)).map(|cell| cell.2.max(0)).sum()
                };
                if count(None) >= 30 {
                    expected *= (count(None) - count(Some(step))) as f64 / count(None) as f64;
                }
                prop_assert_eq!(known.share_by(f64::from(step)), expected);
            }
            let mut last = 0.0;
            for half in 0..2 * window + 2 {
                let share = known.share_by(f64::from(half) / 2.0);
                prop_assert!((last..=1.0).contains(&share), "{share} after {last}");
                last = share;
            }
            prop_assert_eq!(last, 1.0);
        }
    }
}
