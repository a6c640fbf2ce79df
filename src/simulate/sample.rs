//! Seeded draws of the normal, gamma and beta distributions.

use rand::{Rng, RngExt};

use crate::math;

/// A standard normal draw. Source: Marsaglia and Bray (1964), the polar method, doi:10.1137/1006063.
pub(super) fn normal(random: &mut impl Rng) -> f64 {
    loop {
        let (x, y) = (2.0 * random.random::<f64>() - 1.0, 2.0 * random.random::<f64>() - 1.0);
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * math::ln(square) / square).sqrt();
        }
    }
}

/// Logarithm of a gamma draw with scale 1. Source: Marsaglia and Tsang (2000), doi:10.1145/358407.358414.
fn ln_gamma(random: &mut impl Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        // X(a) = X(a + 1) U^(1/a), as a sum of logarithms: it may be too small for an f64.
        let uniform = math::ln_1p(-random.random::<f64>());
        return ln_gamma(random, shape + 1.0) + uniform / shape;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(random);
        let root = 1.0 + c * x;
        if root > 0.0 {
            let v = root * root * root;
            let uniform = 1.0 - random.random::<f64>();
            if math::ln(uniform) < 0.5 * x * x + d * (1.0 - v + math::ln(v)) {
                return math::ln(d * v);
            }
        }
    }
}

/// A draw of Beta(`a`, `b`), both more than 0.
pub(super) fn beta(random: &mut impl Rng, a: f64, b: f64) -> f64 {
    let (x, y) = (ln_gamma(random, a), ln_gamma(random, b));
    1.0 / (1.0 + math::exp(y - x))
}
