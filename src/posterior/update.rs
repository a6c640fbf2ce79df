//! From sums to posteriors.
//!
//! The priors of the models beyond conversions follow from the arm's value and the prior of its rate, so that an
//! experiment file has the same fields under every model:
//!
//! - an order's value: Gamma(3, 2 × value), as if two orders of just the arm's value had been seen. It is the weakest of
//!   its kind whose standard deviation (also the arm's value) exists;
//! - the value of an exposure: mean value × rate, with the rate's prior mean, kappa 1 (one exposure), shape 3/2, and the
//!   scale for which the expected variance is that of a conversion at the fixed value, value² × rate × (1 - rate).

use super::{Posterior, Prior, check_value};
use crate::Error;
use crate::error::decimal;

/// Shape of the prior of an order's value: two orders more than the least with a mean.
const ORDER_SHAPE: f64 = 3.0;
/// Shape of the prior of a variance: the middle between the least where the variance of the mean exists, 1, and 2.
const VARIANCE_SHAPE: f64 = 1.5;
/// Largest number of exposures that sums of squares are taken of.
const EXPOSURES_MAX: f64 = 1e15;

impl Posterior {
    /// The posterior after `conversions` among `exposures`, each conversion worth `value_minor` minor units.
    ///
    /// # Errors
    /// [`Error::value`] where there are more conversions than exposures, more than about 1e15 of either, or
    /// `value_minor` is out of range.
    pub fn update(prior: Prior, exposures: u64, conversions: u64, value_minor: i64) -> Result<Self, Error> {
        let Some(without) = exposures.checked_sub(conversions) else {
            let allowed = format!("at most the number of exposures, {exposures}");
            return Err(Error::value("number of conversions", conversions, allowed));
        };
        Self::new(prior.alpha + conversions as f64, prior.beta + without as f64, value_minor)
    }

    /// The zero-inflated posterior after `conversions` among `exposures`, the orders summing up to
    /// `order_sum_minor`; `value_minor` is the arm's own value of a conversion, where the prior of an order's value
    /// stands (as if two such orders had been seen).
    ///
    /// Exposures may be fractions where they are weighted by the delay of their conversions, and then fewer than the
    /// conversions: the posterior has no exposure without conversion in that case.
    ///
    /// ```
    /// use haggle::{Posterior, Prior};
    /// let arm = Posterior::update_orders(Prior::default(), 1900, 1000.0, 40.0, 100_000)?;
    /// assert_eq!(arm.parameters(), [41.0, 961.0, 43.0, 103_800.0]);
    /// # Ok::<(), haggle::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::value`] where a number is negative or not finite, more than about 1e15, or `value_minor` is out of
    /// range.
    pub fn update_orders(
        prior: Prior,
        value_minor: i64,
        exposures: f64,
        conversions: f64,
        order_sum_minor: i64,
    ) -> Result<Self, Error> {
        check_value(value_minor)?;
        check_exposures(exposures)?;
        if conversions.is_nan() || conversions < 0.0 {
            return Err(Error::value("number of conversions", decimal(conversions), "0 or more"));
        }
        if order_sum_minor < 0 {
            return Err(Error::value("sum of order values", order_sum_minor, "0 or more minor units"));
        }
        Self::zero_inflated(
            prior.alpha + conversions,
            prior.beta + (exposures - conversions).max(0.0),
            ORDER_SHAPE + conversions,
            (ORDER_SHAPE - 1.0) * value_minor as f64 + order_sum_minor as f64,
        )
    }

    /// The normal posterior after exposures whose values sum up to `sum_minor` and their squares to `sum_sq`;
    /// `value_minor` is the arm's own value of a conversion, from which the prior follows (as if one exposure had
    /// been seen, worth what the prior of the rate says).
    ///
    /// The sums are exact; they are centred before they become floating-point numbers, so that no digit is lost to
    /// cancellation. Exposures may be fractions where they are weighted by the delay of their rewards: the missing
    /// ones count as values of 0 not yet seen.
    ///
    /// Source: Gelman et al. (2013), *Bayesian Data Analysis*, section 3.3, in its notation: κ, μ, ν = 2 `shape`.
    ///
    /// ```
    /// use haggle::{Posterior, Prior};
    /// // 1000 exposures, of which 40 were worth 1900 minor units.
    /// let arm = Posterior::update_normal(Prior::default(), 1900, 1000.0, 76_000, 144_400_000)?;
    /// assert!((arm.value_mean_minor() - 76.9).abs() < 0.1 && (arm.value_sd_minor() - 12.0).abs() < 0.2);
    /// # Ok::<(), haggle::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::value`] where `exposures` is not from 0 to 1e15, `value_minor` is out of range, or the sums cannot be
    /// those of so many exposures.
    pub fn update_normal(
        prior: Prior,
        value_minor: i64,
        exposures: f64,
        sum_minor: i64,
        sum_sq: i128,
    ) -> Result<Self, Error> {
        check_value(value_minor)?;
        check_exposures(exposures)?;
        let value = value_minor as f64;
        let rate = prior.alpha / (prior.alpha + prior.beta);
        let (mean, variance) = (value * rate, value * value * rate * (1.0 - rate));
        let (kappa, shape) = (1.0, VARIANCE_SHAPE);
        let scale = (shape - 1.0) * variance;
        if exposures == 0.0 && sum_minor == 0 && sum_sq == 0 {
            return Self::normal(mean, kappa, shape, scale);
        }
        let squares = centred(exposures, sum_minor, sum_sq)?;
        let kappa_n = kappa + exposures;
        let seen = sum_minor as f64 / exposures;
        let apart = (seen - mean) * (seen - mean) * kappa * exposures / (2.0 * kappa_n);
        Self::normal(
            (kappa * mean + sum_minor as f64) / kappa_n,
            kappa_n,
            shape + exposures / 2.0,
            scale + squares / 2.0 + apart,
        )
    }
}

fn check_exposures(exposures: f64) -> Result<(), Error> {
    if (0.0..=EXPOSURES_MAX).contains(&exposures) {
        return Ok(());
    }
    Err(Error::value("number of exposures", decimal(exposures), "a number from 0 to 1000000000000000"))
}

/// Sum of the squares of the distances from the mean, `Σx² - (Σx)² / n`, never below 0.
///
/// The squares are first taken around a whole number next to the mean, in integers; what is left to subtract is then
/// small.
fn centred(n: f64, sum: i64, sum_sq: i128) -> Result<f64, Error> {
    let refused = || {
        let given = format!("{sum_sq} with a sum of {sum} over {} exposures", decimal(n));
        Error::value("sum of squares", given, "that of so many exposures with that sum")
    };
    let centre = (sum as f64 / n).round();
    if !(-1e18..=1e18).contains(&centre) || sum_sq < 0 {
        return Err(refused());
    }
    let whole = n.floor();
    let (c, count) = (centre as i128, whole as i128);
    let around = c.checked_mul(c).and_then(|square| square.checked_mul(count));
    let twice = c.checked_mul(2).and_then(|c| c.checked_mul(i128::from(sum)));
    let around = around.zip(twice).and_then(|(around, twice)| sum_sq.checked_sub(twice)?.checked_add(around));
    // Integers up to here: Σ(x - c)² over the whole exposures. The fraction of one more counts as a value of 0.
    let around = around.ok_or_else(refused)? as f64 + (n - whole) * centre * centre;
    let offset = (i128::from(sum) - c * count) as f64 - (n - whole) * centre;
    let squares = around - offset * offset / n;
    // Fewer weighted exposures than conversions may leave less than nothing; whole exposures may not.
    if n == whole && squares < -1e-9 * sum_sq as f64 { Err(refused()) } else { Ok(squares.max(0.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal_of(values: &[i64]) -> Posterior {
        let squares = values.iter().map(|&x| i128::from(x) * i128::from(x)).sum();
        Posterior::update_normal(Prior::default(), 1900, values.len() as f64, values.iter().sum(), squares)
            .unwrap()
    }

    #[test]
    fn without_exposures_there_is_the_prior() {
        let prior = Prior::new(2.0, 48.0).unwrap();
        let orders = Posterior::update_orders(prior, 1900, 0.0, 0.0, 0).unwrap();
        assert_eq!(orders.parameters(), [2.0, 48.0, 3.0, 3800.0]);
        let normal = Posterior::update_normal(prior, 1900, 0.0, 0, 0).unwrap();
        assert_eq!((orders.value_mean_minor(), normal.value_mean_minor()), (76.0, 76.0));
        // The standard deviation of one conversion at the fixed value.
        assert!((normal.value_sd_minor() - 1900.0 * (0.04_f64 * 0.96).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn the_normal_update_is_that_of_the_textbook() {
        // μ0 = 950, κ0 = 1, a0 = 1.5, b0 = 451250; x = 0, 0, 1900, 2100.
        let [mean, kappa, shape, rate] = normal_of(&[0, 0, 1900, 2100]).parameters();
        assert_eq!((mean, kappa, shape), (990.0, 5.0, 3.5));
        let squares = 2.0 * 1000.0 * 1000.0 + 900.0 * 900.0 + 1100.0 * 1100.0;
        assert!((rate - (451_250.0 + squares / 2.0 + 50.0 * 50.0 * 4.0 / 10.0)).abs() < 1e-6);
    }

    #[test]
    fn a_large_mean_costs_no_digits() {
        let far = |offset: i64| {
            let values: Vec<i64> = (0..1000).map(|n| offset + n % 10).collect();
            let squares = values.iter().map(|&x| i128::from(x) * i128::from(x)).sum();
            centred(1000.0, values.iter().sum(), squares).unwrap()
        };
        // The plain formula in floating point gives 1968 times 1000 here instead of 8250.
        assert_eq!((far(0), far(1_000_000_000), far(-1_000_000_000)), (8250.0, 8250.0, 8250.0));
    }

    #[test]
    fn a_fraction_of_an_exposure_counts_as_a_fraction_of_a_zero() {
        let squares = |n| centred(n, 4000, 8_020_000).unwrap();
        assert!((squares(4.0) - 4_020_000.0).abs() < 1e-6);
        assert!((squares(4.5) - (8_020_000.0 - 16_000_000.0 / 4.5)).abs() < 1e-6);
    }

    #[test]
    fn what_cannot_have_been_counted_is_refused() {
        let prior = Prior::default();
        let orders = |n, s, sum| Posterior::update_orders(prior, 1900, n, s, sum);
        for (n, s, sum) in [
            (f64::NAN, 0.0, 0),
            (-1.0, 0.0, 0),
            (10.0, f64::NAN, 0),
            (10.0, -1.0, 0),
            (9.0, 1.0, -5),
            (1e16, 0.0, 0),
        ] {
            assert!(orders(n, s, sum).is_err(), "{n} {s} {sum}");
        }
        assert!(orders(0.5, 1.0, 1900).is_ok(), "fewer weighted exposures than conversions");
        let normal = |n, sum, squares| Posterior::update_normal(prior, 1900, n, sum, squares);
        for (n, sum, squares) in [
            (f64::NAN, 0, 0),
            (-1.0, 0, 0),
            (0.0, 5, 25),
            (0.0, 0, 1),
            (2.0, 100, 10),
            (2.0, 0, -1),
            (1.0, i64::MAX, i128::MAX),
        ] {
            assert!(normal(n, sum, squares).is_err(), "{n} {sum} {squares}");
        }
        assert!(Posterior::update_normal(prior, 0, 1.0, 0, 0).is_err());
        let error = orders(-1.0, 0.0, 0).unwrap_err().to_string();
        assert_eq!(error, "number of exposures is -1; it must be a number from 0 to 1000000000000000");
    }

    proptest! {
        #[test]
        fn any_numbers_give_a_posterior_or_an_error(
            n: f64, s: f64, sum: i64, squares: i128, value: i64, whole in 0..100_u32,
        ) {
            let prior = Prior::default();
            for n in [n, f64::from(whole)] {
                for value in [value, 1900] {
                    let _ = Posterior::update_orders(prior, value, n, s, sum);
                    let _ = Posterior::update_normal(prior, value, n, sum, squares);
                }
            }
        }

        #[test]
        fn the_order_of_exposures_does_not_matter(mut values in prop::collection::vec(-5000..5000_i64, 1..50)) {
            let given = normal_of(&values);
            values.sort_unstable();
            prop_assert_eq!(given, normal_of(&values));
        }
    }
}
