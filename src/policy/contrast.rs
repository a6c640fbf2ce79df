//! Thompson sampling on comparisons within cohorts.
//!
//! Out of scope: making the comparisons from what was counted, see [`contrast`](crate::contrast).

use super::lattice::{POINTS, award, by_point, draw, normal_table};
use super::{Contrast, PolicyInput, spread, thompson};
use crate::Error;
use crate::error::decimal;
use crate::math::exp;

impl Contrast {
    /// Whether this can be the belief about so many arms.
    ///
    /// # Errors
    /// [`Error::value`] where there is not one mean for each of the `arms`, not one entry of the factor for each pair
    /// of them, or where a number is not finite.
    pub fn check(&self, arms: usize) -> Result<(), Error> {
        for (what, given, allowed) in [
            ("number of means of a contrast", self.mean.len(), arms),
            ("number of entries of a contrast's factor", self.factor.len(), arms * (arms + 1) / 2),
        ] {
            if given != allowed {
                return Err(Error::value(what, given, format!("{allowed} for {arms} arms")));
            }
        }
        for (what, numbers) in
            [("mean of a contrast", &self.mean), ("entry of a contrast's factor", &self.factor)]
        {
            if let Some(bad) = numbers.iter().find(|number| !number.is_finite()) {
                return Err(Error::value(what, decimal(*bad), "a finite number"));
            }
        }
        Ok(())
    }
}

/// Probability that each arm has the highest value times rate, where the rates' log-odds are jointly normal. Dead
/// arms get 0.
///
/// Plain Thompson sampling where there is no contrast, or none that fits the arms.
pub(super) fn weights(input: &PolicyInput) -> Vec<f64> {
    let Some(contrast) =
        input.contrast.as_ref().filter(|contrast| contrast.check(input.arms().len()).is_ok())
    else {
        return thompson::weights(input);
    };
    let mut entries = contrast.factor.iter().copied();
    let rows = (1..=input.arms().len()).map(|entry_count| entries.by_ref().take(entry_count).collect());
    let arms = input.arms().iter().zip(&contrast.mean).zip(rows).filter(|((arm, _), _)| arm.live);
    let arms: Vec<(f64, f64, Vec<f64>)> =
        arms.map(|((arm, &mean), row)| (arm.posterior.value_minor() as f64, mean, row)).collect();
    let table = normal_table();
    let dimensions: Vec<Vec<f64>> = (0..input.arms().len()).map(|place| by_point(place, &table)).collect();
    let (mut normals, mut values, mut shares) = (Vec::new(), Vec::new(), vec![0.0; arms.len()]);
    for point in 0..POINTS {
        draw(point, &dimensions, &mut normals);
        values.clear();
        values.extend(arms.iter().map(|(value, mean, row)| {
            let log_odds = row.iter().zip(&normals).fold(*mean, |sum, (entry, normal)| sum + entry * normal);
            value / (1.0 + exp(-log_odds))
        }));
        award(values.iter().copied(), &mut shares);
    }
    spread(input, &shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;
    use crate::policy::tests_of_draws::{arm, assert_near, shares_of};

    fn contrast(mean: &[f64], factor: &[f64]) -> Contrast {
        Contrast { mean: mean.to_vec(), factor: factor.to_vec() }
    }

    fn given(prices: &[i64], contrast: Contrast) -> Vec<f64> {
        let arms = prices.iter().map(|&price| arm(1.0, 1.0, price, price)).collect();
        let mut input = PolicyInput::new(arms, 0).unwrap();
        input.contrast = Some(contrast);
        shares_of(Policy::ContrastThompson, &input)
    }

    #[test]
    fn shares_equal_those_of_independent_draws() {
        // One arm beside one: P = Φ(0.3 / √(0.2² + 0.4²)) = Φ(0.670820) = 0.748832 (mpmath).
        let two = given(&[1900, 1900], contrast(&[-3.0, -3.3], &[0.2, 0.0, 0.4]));
        assert_near(&two, &[0.748_83, 0.251_17], 0.002);
        // numpy, 4 million draws (standard error up to 0.00025) through the Cholesky factor of the covariance
        // 0.040108 0.0099005 0.0061311; 0.0234303 0.0037946; 0.0134326.
        let factor = [0.200_269_43, 0.049_435_94, 0.144_864_63, 0.030_614_32, 0.015_746_98, 0.110_669_25];
        let three = given(&[1900, 1800, 1700], contrast(&[-2.316_944, -2.104_088, -2.011_313], &factor));
        assert_near(&three, &[0.112_86, 0.385_73, 0.501_41], 0.004);
    }

    #[test]
    fn dead_arms_are_left_out() {
        let factor = [0.2, 0.0, 0.4, 0.0, 0.1, 0.3];
        let mut input = PolicyInput::new(vec![arm(1.0, 1.0, 1900, 1900); 3], 0).unwrap();
        input.contrast = Some(contrast(&[-3.0, -1.0, -3.3], &factor));
        let mut arms = input.arms.clone();
        arms[1].live = false;
        let all = shares_of(Policy::ContrastThompson, &input);
        input.arms = arms;
        // The third arm's standard deviation is √(0.1² + 0.3²): Φ(0.3 / √(0.2² + 0.1)) = Φ(0.801784) = 0.788660.
        let live = shares_of(Policy::ContrastThompson, &input);
        assert!(all[1] > 0.99, "{all:?}");
        assert_near(&live, &[0.788_66, 0.0, 0.211_34], 0.003);
    }

    #[test]
    fn a_contrast_that_does_not_fit_is_told_apart_with_bounds_and_not_used() {
        let text = |contrast: Contrast| contrast.check(2).unwrap_err().to_string();
        let fits = contrast(&[0.0, 1.0], &[1.0, 0.0, 1.0]);
        assert_eq!(fits.check(2), Ok(()));
        assert_eq!(
            text(contrast(&[0.0], &[1.0])),
            "number of means of a contrast is 1; it must be 2 for 2 arms"
        );
        let expected = "number of entries of a contrast's factor is 1; it must be 3 for 2 arms";
        assert_eq!(text(contrast(&[0.0, 1.0], &[1.0])), expected);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(text(contrast(&[0.0, bad], &[1.0, 0.0, 1.0])).contains("it must be a finite number"));
            assert!(text(contrast(&[0.0, 1.0], &[1.0, bad, 1.0])).contains("entry of a contrast's factor"));
        }
        let plain = given(&[1900, 1900], contrast(&[f64::NAN; 2], &[0.0; 3]));
        assert_eq!(plain, [0.5, 0.5]);
        assert!(given(&[1900, 1900], fits)[1] > 0.6);
    }
}
