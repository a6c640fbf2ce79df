//! Stage 6 of the loop: what is believed about each arm, and how probably each arm is the best.
//!
//! In scope: the prior, the posterior (prior plus sums) under three reward models, its distribution of the value of an
//! exposure, and comparisons between arms. Out of scope: counting (`tally`), turning probabilities into shares
//! (`policy`, `allocation`), random variates (`sample`).
//!
//! | model | an exposure is worth | belief |
//! |---|---|---|
//! | conversion | the rate times a fixed value (price, margin or 1) | rate: beta |
//! | zero-inflated | the rate times the mean value of an order | rate: beta; 1 / mean order: gamma |
//! | normal | revenue or profit, of unknown mean and variance | mean and variance: normal-inverse-gamma |

mod compare;
pub use compare::{expected_loss, p_beats, value_remaining};

mod distribution;

mod order_value;
pub use order_value::OrderValue;

mod p_best;
pub use p_best::p_best;

mod update;

use crate::Error;
use crate::error::decimal;
use crate::json::Value;
use serde::Serialize;
use std::ops::RangeInclusive;

/// Largest parameter of a posterior: up to here every count is a whole number in an `f64`.
const PARAMETER_MAX: f64 = 1e15;
/// Smallest parameter of a prior, and so of a posterior: tallies only add to it.
const PARAMETER_MIN: f64 = 0.01;
/// Largest parameter of a prior, and what is allowed in words.
const PRIOR_MAX: f64 = 1e6;
/// Range of a prior's parameters.
#[cfg(feature = "toml")]
pub(crate) const PRIOR: RangeInclusive<f64> = PARAMETER_MIN..=PRIOR_MAX;
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
    /// [`Error::value`] where a parameter is not a number from 0.01 to 1 000 000.
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

/// What an exposure is taken to be worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RewardModel {
    /// A conversion rate times the arm's fixed value (price, margin or 1).
    Conversion,
    /// A conversion rate times the mean value of an order, both unknown.
    ZeroInflated,
    /// Revenue or profit per exposure, with unknown mean and variance.
    Normal,
}

impl RewardModel {
    /// All models.
    pub const ALL: [Self; 3] = [Self::Conversion, Self::ZeroInflated, Self::Normal];

    /// The name in files and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conversion => "conversion",
            Self::ZeroInflated => "zero_inflated",
            Self::Normal => "normal",
        }
    }

    /// The model's number in a snapshot. It never changes.
    pub(crate) fn code(self) -> u8 {
        Self::ALL.iter().position(|&model| model == self).map_or(0, |place| place as u8 + 1)
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

/// What is believed about the value of an exposure of one arm.
///
/// Under the model `conversion` that is a beta distribution of the conversion rate, and the value of one conversion.
/// The beta distribution is conjugate to conversions: prior Beta(a, b) with `s` conversions among `n` exposures
/// becomes Beta(a + s, b + n - s). Source: Gelman et al. (2013), *Bayesian Data Analysis*, section 2.4; for the other
/// models see their constructors.
///
/// ```
/// use haggle::{Posterior, Prior};
/// let posterior = Posterior::update(Prior::default(), 100, 20, 1900)?;
/// assert_eq!((posterior.alpha(), posterior.beta()), (21.0, 81.0));
/// // 95 % of the belief about the value of an exposure, in minor units:
/// let (low, high) = (posterior.quantile(0.025), posterior.quantile(0.975));
/// assert!(low < posterior.value_mean_minor() && posterior.value_mean_minor() < high);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    model: RewardModel,
    /// Conversion: alpha, beta, 0, 0. Zero-inflated: alpha, beta, order shape, order rate. Normal: mean, kappa, shape,
    /// rate.
    parameters: [f64; 4],
    value_minor: i64,
}

impl Posterior {
    /// The posterior Beta(`alpha`, `beta`) with conversions worth `value_minor`.
    ///
    /// # Errors
    /// [`Error::value`] where `alpha` or `beta` is not a number from 0.01 (the least of a prior) to 1e15, or
    /// `value_minor` is not from 1 to 1 000 000 000 000.
    pub fn new(alpha: f64, beta: f64, value_minor: i64) -> Result<Self, Error> {
        check("posterior alpha", alpha, PARAMETER_MIN..=PARAMETER_MAX)?;
        check("posterior beta", beta, PARAMETER_MIN..=PARAMETER_MAX)?;
        check_value(value_minor)?;
        Ok(Self { model: RewardModel::Conversion, parameters: [alpha, beta, 0.0, 0.0], value_minor })
    }

    /// The posterior of a rate Beta(`alpha`, `beta`) times a mean order value, the two independent.
    ///
    /// Orders are taken as exponentially distributed with rate λ ~ Gamma(`order_shape`, `order_rate`), and the mean
    /// order is 1 / λ in minor units; see [`OrderValue`]. Source: Gelman et al. (2013), section 2.6.
    ///
    /// # Errors
    /// [`Error::value`] where `alpha` or `beta` is not from 0.01 to 1e15, `order_shape` not from 1.01 (below it there
    /// is no mean) to 1e15, or `order_rate` not from 0.001 to 1e18.
    pub fn zero_inflated(alpha: f64, beta: f64, order_shape: f64, order_rate: f64) -> Result<Self, Error> {
        check("posterior alpha", alpha, PARAMETER_MIN..=PARAMETER_MAX)?;
        check("posterior beta", beta, PARAMETER_MIN..=PARAMETER_MAX)?;
        OrderValue::new(order_shape, order_rate)?;
        let parameters = [alpha, beta, order_shape, order_rate];
        Ok(Self { model: RewardModel::ZeroInflated, parameters, value_minor: 1 })
    }

    /// The posterior of a mean value per exposure where an exposure's value is normal with unknown mean and variance:
    /// the variance is `rate` over a Gamma(`shape`, 1) variate, the mean is normal around `mean` with that variance
    /// over `kappa`.
    ///
    /// The mean value is then Student's t with 2 `shape` degrees of freedom around `mean`, with the square of the
    /// scale `rate / (shape kappa)`. Values of exposures need not be normal: with hundreds of exposures their mean
    /// nearly is. Source: Gelman et al. (2013), section 3.3.
    ///
    /// # Errors
    /// [`Error::value`] where `mean` is not within ±1e12 minor units, `kappa` not from 0.01 to 1e15, `shape` not from
    /// 0.51 (at ½ there is no mean) to 1e15, or `rate` not from 1e-12 to 1e40.
    pub fn normal(mean: f64, kappa: f64, shape: f64, rate: f64) -> Result<Self, Error> {
        let most = VALUE_MINOR_MAX as f64;
        check("posterior mean", mean, -most..=most)?;
        check("posterior kappa", kappa, PARAMETER_MIN..=PARAMETER_MAX)?;
        check("posterior shape", shape, 0.51..=PARAMETER_MAX)?;
        check("posterior rate", rate, 1e-12..=1e40)?;
        Ok(Self { model: RewardModel::Normal, parameters: [mean, kappa, shape, rate], value_minor: 1 })
    }

    /// The posterior with the given [`parameters`](Self::parameters); `value_minor` is for the model `conversion` only.
    ///
    /// # Errors
    /// As of the model's own constructor.
    pub fn from_parameters(
        model: RewardModel,
        parameters: [f64; 4],
        value_minor: i64,
    ) -> Result<Self, Error> {
        let [a, b, c, d] = parameters;
        match model {
            RewardModel::Conversion => Self::new(a, b, value_minor),
            RewardModel::ZeroInflated => Self::zero_inflated(a, b, c, d),
            RewardModel::Normal => Self::normal(a, b, c, d),
        }
    }

    /// What an exposure is taken to be worth.
    pub fn model(&self) -> RewardModel {
        self.model
    }

    /// The numbers of the model, in the order of its constructor; 0 where it has fewer than four.
    pub fn parameters(&self) -> [f64; 4] {
        self.parameters
    }

    /// Alpha and beta of the conversion rate; nothing where the model has no rate.
    fn rate(&self) -> Option<(f64, f64)> {
        let [alpha, beta, ..] = self.parameters;
        (self.model != RewardModel::Normal).then_some((alpha, beta))
    }

    /// First parameter of the conversion rate: prior plus conversions. Range: 0.01 to 1e15; 0 where the model
    /// has no rate.
    pub fn alpha(&self) -> f64 {
        self.rate().map_or(0.0, |rate| rate.0)
    }

    /// Second parameter of the conversion rate: prior plus exposures without conversion. Range: 0.01 to 1e15; 0
    /// where the model has no rate.
    pub fn beta(&self) -> f64 {
        self.rate().map_or(0.0, |rate| rate.1)
    }

    /// Value of one conversion. Unit: minor currency units. Range: 1 to 1e12; 1 where the model has no fixed value.
    pub fn value_minor(&self) -> i64 {
        self.value_minor
    }

    /// Expected conversion rate, α / (α + β). Range: `(0, 1)`, but for rounding; 0 where the model has no rate.
    pub fn rate_mean(&self) -> f64 {
        self.rate().map_or(0.0, |(alpha, beta)| alpha / (alpha + beta))
    }

    /// Standard deviation of the conversion rate, √(αβ / (α + β + 1)) / (α + β). Range: `(0, ½)`; 0 where the model
    /// has no rate.
    pub fn rate_sd(&self) -> f64 {
        self.rate().map_or(0.0, |(alpha, beta)| {
            let n = alpha + beta;
            ((alpha / n) * (beta / n) / (n + 1.0)).sqrt()
        })
    }

    /// Expected value of one exposure. Unit: minor currency units, with a fraction. Range: above 0, or any under the
    /// model `normal`.
    pub fn value_mean_minor(&self) -> f64 {
        let [mean, _, shape, rate] = self.parameters;
        match self.model {
            RewardModel::Conversion => self.rate_mean() * self.value_minor as f64,
            RewardModel::ZeroInflated => self.rate_mean() * rate / (shape - 1.0),
            RewardModel::Normal => mean,
        }
    }

    /// Standard deviation of what is believed about the value of one exposure. Unit: minor currency units. Range:
    /// above 0; infinite where an order shape is 2 or less, or a normal shape 1 or less.
    pub fn value_sd_minor(&self) -> f64 {
        let [_, kappa, shape, rate] = self.parameters;
        match self.model {
            RewardModel::Conversion => self.rate_sd() * self.value_minor as f64,
            RewardModel::ZeroInflated if shape <= 2.0 => f64::INFINITY,
            RewardModel::ZeroInflated => {
                // The variance of a product of two independent factors, relative to the square of its mean.
                let of_rate = self.rate_sd() / self.rate_mean();
                let of_rate = of_rate * of_rate;
                let of_order = 1.0 / (shape - 2.0);
                self.value_mean_minor() * (of_rate + of_order + of_rate * of_order).sqrt()
            }
            RewardModel::Normal if shape <= 1.0 => f64::INFINITY,
            RewardModel::Normal => (rate / ((shape - 1.0) * kappa)).sqrt(),
        }
    }
}

fn check(what: &str, given: f64, range: RangeInclusive<f64>) -> Result<(), Error> {
    if range.contains(&given) {
        return Ok(());
    }
    let allowed = format!("a number from {} to {}", decimal(*range.start()), decimal(*range.end()));
    Err(Error::value(what, decimal(given), allowed))
}

fn check_value(value_minor: i64) -> Result<(), Error> {
    if (1..=VALUE_MINOR_MAX).contains(&value_minor) {
        return Ok(());
    }
    Err(Error::value("value of a conversion", value_minor, "from 1 to 1000000000000 minor units"))
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

    #[test]
    fn parameters_of_every_model_have_bounds() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e300] {
            for place in 0..4 {
                let with = |mut good: [f64; 4]| {
                    good[place] = bad;
                    good
                };
                let zero_inflated = with([2.0, 50.0, 3.0, 3800.0]);
                let of = Posterior::from_parameters;
                assert!(of(RewardModel::ZeroInflated, zero_inflated, 1).is_err(), "{zero_inflated:?}");
                let normal = with([76.0, 2.0, 1.5, 1e6]);
                let allowed = place == 0 && bad.abs() <= 1.0;
                assert_eq!(of(RewardModel::Normal, normal, 1).is_ok(), allowed, "{normal:?}");
            }
        }
        let error = Posterior::zero_inflated(2.0, 50.0, 1.0, 3800.0).unwrap_err().to_string();
        assert_eq!(error, "order shape is 1; it must be a number from 1.01 to 1000000000000000");
    }

    #[test]
    fn moments_of_the_other_models_are_those_of_their_distributions() {
        let arm = Posterior::zero_inflated(20.0, 60.0, 42.0, 82_000.0).unwrap();
        assert_eq!((arm.rate_mean(), arm.value_mean_minor(), arm.value_minor()), (0.25, 500.0, 1));
        // E[q²] E[m²] - (E[q] E[m])², with E[q²] = α (α + 1) / (n (n + 1)) and E[m²] = h² / ((g - 1) (g - 2)).
        let squares = 20.0 * 21.0 / (80.0 * 81.0) * (82_000.0 * 82_000.0 / (41.0 * 40.0));
        assert!((arm.value_sd_minor() - (squares - 250_000.0_f64).sqrt()).abs() < 1e-9);
        let arm = Posterior::normal(-4.0, 9.0, 3.0, 72.0).unwrap();
        assert_eq!((arm.value_mean_minor(), arm.value_sd_minor(), arm.rate_mean()), (-4.0, 2.0, 0.0));
        assert_eq!((arm.alpha(), arm.beta(), arm.rate_quantile(0.5)), (0.0, 0.0, None));
    }
}
