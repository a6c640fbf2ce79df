//! The allowed price that is nearest to a price times a number.

use super::Bounds;
use crate::money::millionths;

impl Bounds {
    /// The allowed price nearest to `price_minor` times so many millionths; of two that are as near, the higher.
    ///
    /// Reckoned exactly, in integers. A product that lies a whole minor unit or more beyond floor or ceiling is refused,
    /// not moved; so is one for which no price between them lies on the grid with an allowed ending.
    ///
    /// # Errors
    /// What the price would have to be.
    pub(crate) fn nearest(&self, price_minor: i64, times_millionths: i64) -> Result<i64, String> {
        let one = i128::from(millionths(1.0));
        let exact = i128::from(price_minor) * i128::from(times_millionths);
        let whole = |product: i128| i64::try_from(product).unwrap_or(i64::MAX);
        let (down, up) = (whole(exact.div_euclid(one)), whole((exact + one - 1).div_euclid(one)));
        let beyond = if up < self.floor.minor { up } else { down };
        if let Some(allowed) =
            self.broken_by_amount(beyond).filter(|_| up < self.floor.minor || down > self.ceiling.minor)
        {
            return Err(allowed);
        }
        // The endings of multiples of the grid come round after at most as many steps as there are endings.
        let steps = if self.endings.is_empty() { 1 } else { self.modulus };
        let below = down.div_euclid(self.grid_minor) * self.grid_minor;
        let on_grid = |step: i64| below.checked_add(step.checked_mul(self.grid_minor)?);
        let fits =
            |price: &i64| (self.floor.minor..=self.ceiling.minor).contains(price) && self.ends_well(*price);
        let lower =
            (0..=steps).map_while(|step| on_grid(-step)).take_while(|price| *price >= self.floor.minor);
        let higher = (1..=steps).map_while(on_grid).take_while(|price| *price <= self.ceiling.minor);
        let away = |price: i64| (i128::from(price) * one - exact).abs();
        match (lower.into_iter().find(fits), higher.into_iter().find(fits)) {
            (Some(lower), Some(higher)) if away(higher) <= away(lower) => Ok(higher),
            (Some(price), _) | (None, Some(price)) => Ok(price),
            (None, None) => {
                let digits = [down, up].into_iter().find_map(|price| self.broken_by_digits(price));
                let (floor, ceiling) = (self.floor.minor, self.ceiling.minor);
                Err(format!(
                    "{}, and none is from {floor} to {ceiling}",
                    digits.unwrap_or_else(|| "another".into())
                ))
            }
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
            (with(None, &[], Some(0.1)), 1904, 900_000, Some(1714)), // 1713.6: the floor itself
            (with(None, &[], Some(0.1)), 1901, 900_000, Some(1711)), // 1710.9
            (with(None, &[], Some(0.1)), 3919, 900_000, Some(3528)), // 3527.1: a step of 0.1 allows 3528 and up
            (with(None, &[], Some(0.1)), 3919, 1_100_000, Some(4310)), // 4310.9: and 4310 and down
            (with(None, &[0], Some(0.001)), 1950, 1_000_500, None),  // nothing ends in 00 so near
        ] {
            assert_eq!(
                bounds(&guardrails, price).nearest(price, times).ok(),
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
            if let Ok(found) = found {
                prop_assert!(allowed(found));
                prop_assert!((1..20_000).filter(|&at| allowed(at)).all(|at| away(at) >= away(found)));
            } else {
                let (floor, ceiling) = (bounds.floor_minor(), bounds.ceiling_minor());
                let exact = price * times;
                let is_within = exact > (floor - 1) * 1_000_000 && exact < (ceiling + 1) * 1_000_000;
                prop_assert!(!is_within || !(1..20_000).any(allowed));
            }
        }

        #[test]
        fn any_price_is_answered(price in 1..=PRICE_MINOR_MAX, times in 1..10_000_001_i64, grid in 1..=PRICE_MINOR_MAX) {
            let guardrails = Guardrails { grid_minor: Some(grid), ..Guardrails::default() };
            let found = bounds(&guardrails, price).nearest(price, times);
            prop_assert!(found.ok().is_none_or(|found| found % grid == 0 && (1..=PRICE_MINOR_MAX).contains(&found)));
        }
    }
}
