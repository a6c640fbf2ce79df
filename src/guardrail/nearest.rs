//! The allowed price that is nearest to a price times a number.

use super::Bounds;
use crate::money::millionths;

impl Bounds {
    /// The allowed price nearest to `price_minor` times so many millionths; of two that are as near, the higher.
    ///
    /// Reckoned exactly, in integers. Nothing where no price between floor and ceiling lies on the grid with an allowed
    /// ending, or where the product itself, rounded to a whole minor unit, is beyond floor or ceiling: guardrails
    /// refuse such a price, they do not move it.
    pub(crate) fn nearest(&self, price_minor: i64, times_millionths: i64) -> Option<i64> {
        let one = i128::from(millionths(1.0));
        let exact = i128::from(price_minor) * i128::from(times_millionths);
        let plain = plain(price_minor, times_millionths);
        if plain < self.floor.minor || plain > self.ceiling.minor {
            return None;
        }
        // The endings of multiples of the grid come round after at most as many steps as there are endings.
        let steps = if self.endings.is_empty() { 1 } else { self.modulus };
        let below = plain.div_euclid(self.grid_minor) * self.grid_minor;
        let on_grid = |step: i64| below.checked_add(step.checked_mul(self.grid_minor)?);
        let fits =
            |price: &i64| (self.floor.minor..=self.ceiling.minor).contains(price) && self.ends_well(*price);
        let down =
            (0..=steps).map_while(|step| on_grid(-step)).take_while(|price| *price >= self.floor.minor);
        let up = (1..=steps).map_while(on_grid).take_while(|price| *price <= self.ceiling.minor);
        let (down, up) = (down.into_iter().find(fits), up.into_iter().find(fits));
        let away = |price: i64| (i128::from(price) * one - exact).abs();
        match (down, up) {
            (Some(down), Some(up)) if away(up) <= away(down) => Some(up),
            (Some(down), _) => Some(down),
            (None, up) => up,
        }
    }
}

/// The price times so many millionths, to the nearest minor unit; halves away from zero.
pub(crate) fn plain(price_minor: i64, times_millionths: i64) -> i64 {
    let one = i128::from(millionths(1.0));
    let exact = i128::from(price_minor) * i128::from(times_millionths);
    let rounded = (exact.abs() * 2 + one) / (one * 2);
    i64::try_from(if exact < 0 { -rounded } else { rounded }).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guardrail::{Basis, Guardrails};
    use crate::money::{PRICE_MINOR_MAX, Tax};
    use proptest::prelude::*;

    fn bounds(guardrails: &Guardrails, price_minor: i64) -> Bounds {
        let currency = "EUR".parse().unwrap();
        let basis = Basis {
            currency,
            price_minor,
            cost_minor: None,
            tax: Tax::default(),
            compare_at_minor: None,
            map_minor: None,
        };
        guardrails.bounds(&basis).unwrap()
    }

    #[test]
    fn a_price_goes_to_the_nearest_that_is_allowed() {
        let with = |grid: Option<i64>, endings: &[u16], max_step: Option<f64>| Guardrails {
            grid_minor: grid,
            endings: endings.to_vec(),
            max_step,
            ..Guardrails::default()
        };
        for (guardrails, price, times, nearest) in [
            (with(None, &[], None), 1905, 900_000, Some(1715)), // 1714.5: a half goes up
            (with(None, &[], None), 1905, 899_999, Some(1714)),
            (with(Some(5), &[], None), 1904, 900_000, Some(1715)), // 1713.6
            (with(Some(10), &[], None), 1950, 900_000, Some(1760)), // 1755: the higher of two as near
            (with(None, &[99, 49], None), 1900, 900_000, Some(1699)), // 1710: 1699 is nearer than 1749
            (with(None, &[99], None), 1900, 1_100_000, Some(2099)),
            (with(Some(5), &[95], None), 1900, 900_000, Some(1695)),
            (with(Some(2), &[99], None), 1900, 900_000, None), // no even price ends in 99
            (with(None, &[99], Some(0.1)), 1900, 900_000, Some(1799)), // 1699 is below the floor of 1710
            (with(None, &[], Some(0.1)), 1900, 890_000, None), // 1691 itself is below the floor
            (with(None, &[], Some(0.1)), 1905, 900_000, Some(1715)), // 1714.5 rounds to the floor itself
            (with(None, &[0], Some(0.001)), 1950, 1_000_500, None), // nothing ends in 00 so near
        ] {
            assert_eq!(
                bounds(&guardrails, price).nearest(price, times),
                nearest,
                "{price} x {times} {guardrails:?}"
            );
        }
    }

    proptest! {
        /// What is found is allowed, and nothing that is allowed is nearer.
        #[test]
        fn nothing_allowed_is_nearer(
            price in 1..5_000_i64, times in 100_000..3_000_000_i64, grid in 1..30_i64,
            endings in proptest::collection::vec(0..100_u16, 0..3), step in proptest::option::of(0.01..3.0)
        ) {
            let guardrails = Guardrails { grid_minor: Some(grid), endings, max_step: step, ..Guardrails::default() };
            let bounds = bounds(&guardrails, price);
            let found = bounds.nearest(price, times);
            let allowed = |at: i64| bounds.check(&String::new, at).is_ok();
            let away = |at: i64| (i128::from(at) * 1_000_000 - i128::from(price) * i128::from(times)).abs();
            if let Some(found) = found {
                prop_assert!(allowed(found));
                prop_assert!((1..20_000).filter(|&at| allowed(at)).all(|at| away(at) >= away(found)));
            } else {
                let plain = plain(price, times);
                let is_within = bounds.check_amount(&String::new, plain).is_ok();
                prop_assert!(!is_within || !(1..20_000).any(allowed));
            }
        }

        #[test]
        fn any_price_is_answered(price in 1..=PRICE_MINOR_MAX, times in 1..10_000_001_i64, grid in 1..=PRICE_MINOR_MAX) {
            let guardrails = Guardrails { grid_minor: Some(grid), ..Guardrails::default() };
            let found = bounds(&guardrails, price).nearest(price, times);
            prop_assert!(found.is_none_or(|found| found % grid == 0 && (1..=PRICE_MINOR_MAX).contains(&found)));
        }
    }
}
