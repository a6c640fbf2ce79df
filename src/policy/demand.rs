//! Thompson sampling on a logistic demand curve.
//!
//! The model has two parameters for any number of prices: an arm of price p converts with the rate q(p) = σ(a - b p/p̄),
//! where σ is the logistic function, p̄ the mean price of all arms, and b > 0. What one arm shows is evidence about all
//! the others, also what a dead arm has shown.
//!
//! The prior is weakly informative: the log-odds at the mean price are normal around 0 with standard deviation 5, and
//! b is half of such a normal. (At low rates b is the price elasticity at p̄; meta-analyses find about 2.6 on average,
//! Bijmolt, van Heerde and Pieters 2005, doi:10.1509/jmkr.42.2.141.62296.) It takes the place of the arms' own priors.
//!
//! Where the curve does not fit, its deviance tells: it is about χ² distributed with as many degrees of freedom as
//! there are tried arms beyond two, and beyond the 1 - `lack_of_fit` quantile the policy is plain Thompson sampling.
//! Nothing can be tested with two arms. (McCullagh and Nelder 1989, *Generalized Linear Models*, section 4.4; for
//! logistic Thompson sampling, Chapelle and Li 2011.) With very few conversions per arm the χ² is rough.

mod posterior;

use self::posterior::Belief;
use super::{ArmInput, Policy, PolicyInput, spread_by, thompson};
use crate::math::exp;

/// Probability that each arm is the best on the demand curve. Dead arms get 0.
pub(super) fn weights(input: &PolicyInput) -> Vec<f64> {
    let belief = Belief::new(input.arms());
    if belief.fit() < Policy::DemandThompson.parameter(input, 0) {
        return thompson::weights(input);
    }
    let live: Vec<&ArmInput> = input.live().collect();
    let best = belief.best(&live);
    // Arms of one price and value are one line of the envelope, which counts for the first of them.
    let alike = |arm: &ArmInput| {
        let same = |other: &&&ArmInput| {
            (other.price_minor, other.posterior.value_minor())
                == (arm.price_minor, arm.posterior.value_minor())
        };
        let shares = live.iter().zip(&best).filter(|(other, _)| same(other));
        let (sum, count) = shares.fold((0.0, 0.0), |(sum, count), (_, share)| (sum + share, count + 1.0));
        sum / count
    };
    spread_by(input, &alike)
}

/// A logistic demand curve fitted to what the arms have shown: q(p) = σ(a - b p/p̄).
///
/// ```
/// use haggle::policy::{ArmInput, DemandCurve};
/// let arm = |price_minor, conversions| -> Result<ArmInput, haggle::Error> {
///     let posterior = haggle::Posterior::new(1.0, 1.0, price_minor)?;
///     Ok(ArmInput::new(posterior, price_minor).counted(1000.0, conversions))
/// };
/// let curve = DemandCurve::fit(&[arm(1900, 120.0)?, arm(2900, 80.0)?, arm(3900, 50.0)?]);
/// let (low, high) = curve.interval_at(2400, 1.96);
/// assert!(low < curve.rate_at(2400) && curve.rate_at(2400) < high);
/// assert!((curve.rate_at(2400) - 0.099).abs() < 0.005 && curve.fit > 0.5);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DemandCurve {
    /// Posterior mean of a: the log-odds at price 0.
    pub a: f64,
    /// Posterior mean of b: by how much the log-odds fall per mean price. More than 0.
    pub b: f64,
    /// Posterior variances of a and b, and between them their covariance.
    pub covariance: [f64; 3],
    /// Mean price of the arms, p̄. Unit: minor currency units.
    pub price_mean_minor: f64,
    /// How probably a true curve would fit as badly as this one or worse. Range: `[0, 1]`; 1 with up to two tried arms.
    pub fit: f64,
}

impl DemandCurve {
    /// The posterior's moments from what live and dead arms have shown.
    pub fn fit(arms: &[ArmInput]) -> Self {
        let belief = Belief::new(arms);
        let (mut total, mut first, mut second) = (0.0, [0.0; 2], [0.0; 3]);
        let (a_mode, b_mode) = (belief.mode.0 + belief.mode.1, belief.mode.1);
        for slice in belief.slices() {
            for node in &slice.nodes {
                // Relative to the mode, so that the squares keep their digits.
                let (a, b) = (node.level + slice.slope - a_mode, slice.slope - b_mode);
                let weight = slice.weight * node.density;
                total += weight;
                first = [first[0] + weight * a, first[1] + weight * b];
                second = [second[0] + weight * a * a, second[1] + weight * a * b, second[2] + weight * b * b];
            }
        }
        let [a, b] = first.map(|sum| sum / total);
        let [aa, ab, bb] = second.map(|sum| sum / total);
        Self {
            a: a_mode + a,
            b: b_mode + b,
            covariance: [(aa - a * a).max(0.0), ab - a * b, (bb - b * b).max(0.0)],
            price_mean_minor: belief.price_mean,
            fit: belief.fit(),
        }
    }

    /// Conversion rate at this price, with a and b at their means. Range: `(0, 1)`, but for rounding.
    pub fn rate_at(&self, price_minor: i64) -> f64 {
        self.interval_at(price_minor, 0.0).0
    }

    /// Conversion rates so many standard deviations of the log-odds below and above [`rate_at`](Self::rate_at): about
    /// 95 % of the posterior lies within 1.96.
    pub fn interval_at(&self, price_minor: i64, deviations: f64) -> (f64, f64) {
        let x = price_minor as f64 / self.price_mean_minor;
        let [aa, ab, bb] = self.covariance;
        let half = deviations * (aa - 2.0 * x * ab + x * x * bb).max(0.0).sqrt();
        let rate = |log_odds: f64| 1.0 / (1.0 + exp(-log_odds));
        let middle = self.a - self.b * x;
        (rate(middle - half), rate(middle + half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests_of_draws::{arm, assert_near, shares, shares_of};

    const LADDER: [i64; 5] = [1900, 2900, 3900, 4900, 5900];

    fn counted(counts: &[(i64, f64, f64)]) -> Vec<ArmInput> {
        let arms = counts.iter();
        arms.map(|&(price, n, s)| arm(1.0 + s, 1.0 + n - s, price, price).counted(n, s)).collect()
    }

    fn ladder() -> Vec<ArmInput> {
        let counts = [(400.0, 60.0), (300.0, 35.0), (200.0, 18.0), (500.0, 28.0), (100.0, 5.0)];
        counted(&LADDER.iter().zip(counts).map(|(&price, (n, s))| (price, n, s)).collect::<Vec<_>>())
    }

    #[test]
    fn shares_equal_those_of_a_fine_grid() {
        // numpy: sums over a grid of 3001 by 3001 parameters within nine standard deviations, prior included.
        let near =
            |arms, expected: &[f64]| assert_near(&shares(Policy::DemandThompson, arms), expected, 0.002);
        near(ladder(), &[0.016_43, 0.569_87, 0.332_72, 0.063_82, 0.017_16]);
        let prices = [19, 39, 59, 79, 99, 159, 199, 249, 299, 399];
        let sold = [29.0, 26.0, 23.0, 23.0, 20.0, 17.0, 15.0, 14.0, 11.0, 9.0];
        let expected = [0.0, 0.0, 0.0, 0.0, 0.0, 0.000_36, 0.049_81, 0.305_13, 0.440_30, 0.204_40];
        near(counted(&prices.iter().zip(sold).map(|(&p, s)| (p, 80.0, s)).collect::<Vec<_>>()), &expected);
        // Nothing seen: the prior. Nothing sold at one price. Demand that seems to rise: b at its bound.
        near(
            counted(&[(1000, 0.0, 0.0), (1500, 0.0, 0.0), (2000, 0.0, 0.0)]),
            &[0.400_11, 0.152_40, 0.447_49],
        );
        near(
            counted(&[(1000, 1e3, 0.0), (1500, 0.0, 0.0), (2000, 0.0, 0.0)]),
            &[0.716_26, 0.077_52, 0.206_22],
        );
        let rising = counted(&[(1000, 200.0, 10.0), (1500, 200.0, 14.0), (2000, 200.0, 20.0)]);
        near(rising, &[0.000_43, 0.007_44, 0.992_13]);
    }

    #[test]
    fn a_dead_arm_is_evidence_and_gets_nothing_and_values_may_differ_from_prices() {
        let mut arms = ladder();
        for arm in &mut arms {
            let (alpha, beta) = (arm.posterior.alpha(), arm.posterior.beta());
            arm.posterior = crate::Posterior::new(alpha, beta, arm.price_minor - 1000).unwrap();
        }
        arms[2].live = false;
        // numpy, as above.
        assert_near(&shares(Policy::DemandThompson, arms), &[0.0, 0.244_05, 0.0, 0.683_81, 0.072_14], 0.002);
    }

    #[test]
    fn the_curve_has_the_moments_of_a_fine_grid() {
        let curve = DemandCurve::fit(&ladder());
        // numpy, as above; the deviance 0.44574 with 3 degrees of freedom by scipy.
        assert_near(&[curve.a, curve.b], &[-1.067_007, 1.341_468], 2e-4);
        assert_near(&curve.covariance, &[0.055_280, 0.058_790, 0.072_740], 1e-4);
        assert!((curve.fit - 0.930_641).abs() < 1e-5, "{}", curve.fit);
        assert_eq!(curve.price_mean_minor, 3900.0);
        assert!((curve.rate_at(3900) - 0.082_5).abs() < 0.000_1, "{}", curve.rate_at(3900));
    }

    #[test]
    fn demand_that_is_no_curve_falls_back_to_what_each_arm_shows() {
        // The best arm is in a hole of the curve: 10 %, 2 %, 9 %.
        let arms = counted(&[(1000, 2e3, 200.0), (1500, 2e3, 40.0), (2000, 2e3, 180.0)]);
        assert!(DemandCurve::fit(&arms).fit < 1e-6);
        let mut input = PolicyInput::new(arms, 0).unwrap();
        let plain = shares_of(Policy::Thompson, &input);
        assert_eq!(shares_of(Policy::DemandThompson, &input), plain);
        // At a level of 0 no lack of fit is too much.
        input.parameters = vec![0.0];
        assert_ne!(shares_of(Policy::DemandThompson, &input), plain);
    }

    #[test]
    fn two_arms_cannot_be_tested() {
        assert_eq!(DemandCurve::fit(&counted(&[(1000, 2e3, 20.0), (1500, 2e3, 400.0)])).fit, 1.0);
        assert_eq!(DemandCurve::fit(&counted(&[(1000, 5.0, 2.0)])).fit, 1.0);
    }

    #[test]
    fn arms_of_one_price_share_alike_by_value() {
        let counts = [(1000, 300.0, 40.0), (1500, 300.0, 20.0), (1500, 300.0, 30.0)];
        let given = shares(Policy::DemandThompson, counted(&counts));
        assert_eq!(given[1], given[2]);
        // A higher value at the same price is always worth more.
        let mut arms = counted(&counts);
        arms[1].posterior = crate::Posterior::new(1.0, 1.0, 1501).unwrap();
        assert_eq!(shares(Policy::DemandThompson, arms)[2], 0.0);
    }
}
