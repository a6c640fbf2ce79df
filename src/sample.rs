//! TEMPORARY: stands in for the samplers that are written elsewhere.

use crate::math::{exp, ln};
use rand::{Rng, RngExt};

/// A standard normal variate (polar method).
pub fn normal(random: &mut impl Rng) -> f64 {
    loop {
        let (u, v) = (2.0 * random.random::<f64>() - 1.0, 2.0 * random.random::<f64>() - 1.0);
        let s = u * u + v * v;
        if s > 0.0 && s < 1.0 {
            return u * (-2.0 * ln(s) / s).sqrt();
        }
    }
}

/// A gamma variate of this shape and rate 1 (Marsaglia and Tsang 2000).
pub fn gamma(random: &mut impl Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        return gamma(random, shape + 1.0) * exp(ln(1.0 - random.random::<f64>()) / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(random);
        let v = 1.0 + c * x;
        let v = v * v * v;
        if v > 0.0 && ln(1.0 - random.random::<f64>()) < 0.5 * x * x + d * (1.0 - v + ln(v)) {
            return d * v;
        }
    }
}

/// A beta variate.
pub fn beta(random: &mut impl Rng, a: f64, b: f64) -> f64 {
    let (x, y) = (gamma(random, a), gamma(random, b));
    x / (x + y)
}
