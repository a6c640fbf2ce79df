//! Stage 6 of the loop: what is believed about each arm, and how probably each arm is the best.
//!
//! In scope: the prior, the posterior (prior plus tally) and P(best). Out of scope: counting (`tally`), turning
//! probabilities into shares (`policy`, `allocation`), drawing from a posterior (the simulator).
//!
//! The model is the conversion of an exposure at a fixed value: every exposure of an arm converts with the same
//! unknown rate, and a conversion is worth the arm's price, margin, or 1, whichever the objective says.

mod p_best;
pub use p_best::p_best;

use crate::Error;
use crate::error::decimal;
use crate::json::Value;
use serde::Serialize;

/// Largest parameter of a posterior: up to here every count is a whole number in an `f64`.
const PARAMETER_MAX: f64 = 1e15;
/// Smallest parameter of a prior, and so of a posterior: tallies only add to it.
const PARAMETER_MIN: f64 = 0.01;
/// Largest parameter of a prior, and what is allowed in words.
const PRIOR_MAX: f64 = 1e6;
const PRIOR_ALLOWED: &str = "a number from 0.01 to 1000000";
/// Largest value of a conversion in minor units.
const VALUE_MINOR_MAX: i64 = 1_000_000_000_000;

/// Belief about one arm's conversion rate before any tally: a beta distribution.
///
/// Unit: exposures that converted (`alpha`) and that did not (`beta`), as if already seen. Range of each: 0.01 to
/// 1 000 000. The default, `alpha = beta = 1`, holds all rates for equally likely.
///
/// ```
/// let prior = haggle::Prior::new(2.0, 48.0)?; // "about 4 %, as sure as after 50 exposures"
/// assert_eq!(prior.alpha(), 2.0);
/// assert!(haggle::Prior::new(0.0, 1.0).is_err());
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prior {
    alpha: f64,
    beta: f64,
}

impl Default for Prior {
    fn default() -> Self {
        Self { alpha: 1.0, beta: 1.0 }
    }
}

impl Prior {
    /// The prior Beta(`alpha`, `beta`).
    ///
    /// # Errors
    /// [`Error::Value`] where a parameter is not a number from 0.01 to 1 000 000.
    pub fn new(alpha: f64, beta: f64) -> Result<Self, Error> {
        for (what, given) in [("prior alpha", alpha), ("prior beta", beta)] {
            if !(PARAMETER_MIN..=PRIOR_MAX).contains(&given) {
                return Err(Error::value(what, decimal(given), PRIOR_ALLOWED));
            }
        }
        Ok(Self { alpha, beta })
    }

    /// A prior as it is written in an experiment file.
    pub(crate) fn read(value: Value) -> Result<Self, Error> {
        let mut fields = value.fields(&["alpha", "beta"])?;
        let mut parameter = |name| fields.take(name).fraction_in(PARAMETER_MIN..=PRIOR_MAX, PRIOR_ALLOWED);
        Ok(Self { alpha: parameter("alpha")?, beta: parameter("beta")? })
    }

    /// Conversions as if already seen. Range: 0.01 to 1 000 000.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Exposures without conversion as if already seen. Range: 0.01 to 1 000 000.
    pub fn beta(&self) -> f64 {
        self.beta
    }
}

/// Beta posterior of an arm's conversion rate, and the value of one conversion.
///
/// The beta distribution is conjugate to conversions: prior Beta(a, b) with `s` conversions among `n` exposures
/// becomes Beta(a + s, b + n - s). Source: Gelman et al. (2013), *Bayesian Data Analysis*, section 2.4.
///
/// ```
/// use haggle::{Posterior, Prior};
/// let posterior = Posterior::update(Prior::default(), 100, 20, 1900)?;
/// assert_eq!((posterior.alpha(), posterior.beta()), (21.0, 81.0));
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    alpha: f64,
    beta: f64,
    value_minor: i64,
}

impl Posterior {
    /// The posterior Beta(`alpha`, `beta`) with conversions worth `value_minor`.
    ///
    /// # Errors
    /// [`Error::Value`] where `alpha` or `beta` is not a number from 0.01 (the least of a prior) to 1e15, or
    /// `value_minor` is not from 1 to 1 000 000 000 000.
    pub fn new(alpha: f64, beta: f64, value_minor: i64) -> Result<Self, Error> {
        for (what, given) in [("posterior alpha", alpha), ("posterior beta", beta)] {
            if !(PARAMETER_MIN..=PARAMETER_MAX).contains(&given) {
                return Err(Error::value(what, decimal(given), "a number from 0.01 to 1000000000000000"));
            }
        }
        if !(1..=VALUE_MINOR_MAX).contains(&value_minor) {
            let allowed = "from 1 to 1000000000000 minor units";
            return Err(Error::value("value of a conversion", value_minor, allowed));
        }
        Ok(Self { alpha, beta, value_minor })
    }

    /// The posterior after `conversions` among `exposures`, each conversion worth `value_minor` minor units.
    ///
    /// # Errors
    /// [`Error::Value`] where there are more conversions than exposures, more than about 1e15 of either, or
    /// `value_minor` is out of range.
    pub fn update(prior: Prior, exposures: u64, conversions: u64, value_minor: i64) -> Result<Self, Error> {
        let Some(without) = exposures.checked_sub(conversions) else {
            let allowed = format!("at most the number of exposures, {exposures}");
            return Err(Error::value("number of conversions", conversions, allowed));
        };
        Self::new(prior.alpha + conversions as f64, prior.beta + without as f64, value_minor)
    }

    /// First parameter: prior plus conversions. Range: 0.01 to 1e15.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Second parameter: prior plus exposures without conversion. Range: 0.01 to 1e15.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// Value of one conversion. Unit: minor currency units. Range: 1 to 1e12.
    pub fn value_minor(&self) -> i64 {
        self.value_minor
    }

    /// Expected conversion rate, α / (α + β). Range: `(0, 1)`, but for rounding.
    pub fn rate_mean(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    /// Standard deviation of the conversion rate, √(αβ / (α + β + 1)) / (α + β). Range: `(0, ½)`.
    pub fn rate_sd(&self) -> f64 {
        let n = self.alpha + self.beta;
        ((self.alpha / n) * (self.beta / n) / (n + 1.0)).sqrt()
    }

    /// Expected value of one exposure. Unit: minor currency units, with a fraction. Range: `(0, value_minor]`.
    pub fn value_mean_minor(&self) -> f64 {
        self.rate_mean() * self.value_minor as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_adds_the_tally_to_the_prior() {
        let prior = Prior::new(2.5, 7.0).unwrap();
        let posterior = Posterior::update(prior, 1000, 30, 1900).unwrap();
        assert_eq!((posterior.alpha(), posterior.beta(), posterior.value_minor()), (32.5, 977.0, 1900));
    }

    #[test]
    fn more_conversions_than_exposures_are_refused_with_both_numbers() {
        let error = Posterior::update(Prior::default(), 3, 4, 1900).unwrap_err().to_string();
        assert_eq!(error, "number of conversions is 4; it must be at most the number of exposures, 3");
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0, 0.009, 1.1e15] {
            assert!(Prior::new(bad, 1.0).is_err(), "{bad}");
            assert!(Prior::new(1.0, bad).is_err(), "{bad}");
            assert!(Posterior::new(bad, 1.0, 1).is_err(), "{bad}");
            assert!(Posterior::new(1.0, bad, 1).is_err(), "{bad}");
        }
        assert!(Prior::new(1.0, 1.1e6).is_err());
        for bad in [0, -1, i64::MIN, VALUE_MINOR_MAX + 1] {
            assert!(Posterior::new(1.0, 1.0, bad).is_err(), "{bad}");
        }
        assert!(Posterior::update(Prior::default(), u64::MAX, 5, 1).is_err());
    }

    #[test]
    fn a_prior_is_checked_when_it_is_read() {
        let read = |text: &str| Prior::read(Value::new("prior", crate::json::parse(text).unwrap()));
        assert_eq!(read(r#"{"alpha":2,"beta":0.5}"#).unwrap(), Prior::new(2.0, 0.5).unwrap());
        let error = read(r#"{"alpha":0,"beta":1}"#).unwrap_err().to_string();
        assert!(error.contains("prior.alpha is 0; it must be a number from 0.01 to 1000000"), "{error}");
        assert!(read(r#"{"alpha":1,"beta":1,"gamma":1}"#).is_err());
        assert!(read(r#"{"alpha":1}"#).is_err());
    }

    #[test]
    fn moments_are_those_of_the_beta_distribution() {
        let posterior = Posterior::new(2.0, 6.0, 1000).unwrap();
        assert_eq!(posterior.rate_mean(), 0.25);
        assert_eq!(posterior.value_mean_minor(), 250.0);
        assert!((posterior.rate_sd() - (12.0_f64 / (64.0 * 9.0)).sqrt()).abs() < 1e-16);
    }
}
