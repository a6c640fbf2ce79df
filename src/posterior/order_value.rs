//! What is believed about the value of an order.

use super::{PARAMETER_MAX, check};
use crate::math::{exp, gamma_ln_max, gamma_p, ln};
use crate::{Error, sample};

/// Belief about the mean value of an order, in minor units: an inverse gamma distribution.
///
/// Orders are taken as exponentially distributed with rate λ; the prior λ ~ Gamma(g, h) with `c` orders that sum up to
/// `x` becomes Gamma(g + c, h + x), and the mean order is 1 / λ. Source: Gelman et al. (2013), *Bayesian Data
/// Analysis*, section 2.6.
///
/// ```
/// // Prior: as if two orders of 19.00 had been seen; then 40 orders for 1000.00 in all.
/// let orders = haggle::OrderValue::new(3.0 + 40.0, 2.0 * 1900.0 + 100_000.0)?;
/// assert!((orders.mean_minor() - 2471.4).abs() < 0.1);
/// assert!(orders.quantile(0.05) < 2471.4 && 2471.4 < orders.quantile(0.95));
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderValue {
    shape: f64,
    rate: f64,
}

impl OrderValue {
    /// The belief λ ~ Gamma(`shape`, `rate`), where 1 / λ is the mean order in minor units.
    ///
    /// # Errors
    /// [`Error::value`] where `shape` is not from 1.01 (below it there is no mean) to 1e15, or `rate` not from 0.001
    /// to 1e18.
    pub fn new(shape: f64, rate: f64) -> Result<Self, Error> {
        check("order shape", shape, 1.01..=PARAMETER_MAX)?;
        check("order rate", rate, 0.001..=1e18)?;
        Ok(Self { shape, rate })
    }

    /// Expected mean order, rate / (shape - 1). Unit: minor currency units.
    pub fn mean_minor(&self) -> f64 {
        self.rate / (self.shape - 1.0)
    }

    /// Standard deviation of the mean order. Unit: minor currency units; infinite where the shape is 2 or less.
    pub fn sd_minor(&self) -> f64 {
        if self.shape <= 2.0 { f64::INFINITY } else { self.mean_minor() / (self.shape - 2.0).sqrt() }
    }

    /// Probability that the mean order is at most `value` minor units. Absolute error as of [`gamma_p`].
    pub fn cdf(&self, value: f64) -> f64 {
        if value > 0.0 { 1.0 - gamma_p(self.shape, self.rate / value) } else { 0.0 }
    }

    /// Density of the mean order at `value`. Unit: 1 over minor currency units.
    pub fn density(&self, value: f64) -> f64 {
        if !(value > 0.0 && value.is_finite()) {
            return 0.0;
        }
        let relative = self.rate / value / self.shape;
        exp(gamma_ln_max(self.shape) + self.shape * (ln(relative) - (relative - 1.0))) / value
    }

    /// The mean order below which the belief is `p`. Unit: minor currency units. `p` at or below 0 gives 0, at or
    /// above 1 infinity.
    pub fn quantile(&self, p: f64) -> f64 {
        super::distribution::positive_quantile(p, |value| self.cdf(value))
    }

    /// A mean order drawn from the belief. Unit: minor currency units.
    pub fn draw(&self, random: &mut impl rand::Rng) -> f64 {
        self.rate / sample::gamma(random, self.shape)
    }
}
