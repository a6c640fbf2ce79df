//! Draws from the normal, the gamma and the beta distribution.
//!
//! In scope: samplers whose bits are the same on every target, for a simulated shop and for Monte Carlo. Out of scope:
//! the request path, which never draws (see [`decide`](crate::decide)), and where the random numbers come from: the
//! generator is an argument.
//!
//! They reject some of what they draw, so that the number of random numbers used depends on what is drawn.

use rand::{Rng, RngExt};

use crate::math::{exp, ln, ln_1p};

/// A number in `(0, 1]`: its logarithm is finite.
fn uniform(random: &mut impl Rng) -> f64 {
    1.0 - random.random::<f64>()
}

/// A draw from the normal distribution with mean 0 and standard deviation 1.
///
/// Range: about -9 to 9. Source: Marsaglia and Bray (1964), *A convenient method for generating normal variables*,
/// doi:10.1137/1006063 (the polar method; the second number of each pair is not used).
pub fn normal(random: &mut impl Rng) -> f64 {
    loop {
        let (x, y) = (2.0 * random.random::<f64>() - 1.0, 2.0 * random.random::<f64>() - 1.0);
        let square = x * x + y * y;
        if square < 1.0 && square > 0.0 {
            return x * (-2.0 * ln(square) / square).sqrt();
        }
    }
}

/// A draw from the gamma distribution with this shape and a scale of 1.
///
/// Range of `shape`: more than 0, and at most 1e15. Below a shape of about 0.01 many draws are too small for an `f64`
/// and are 0; [`beta`] does not lose them. Source: Marsaglia and Tsang (2000), *A simple method for generating gamma
/// variables*, doi:10.1145/358407.358414.
pub fn gamma(random: &mut impl Rng, shape: f64) -> f64 {
    if shape < 1.0 { exp(ln_gamma(random, shape)) } else { gamma_from_one(random, shape) }
}

/// A draw from the beta distribution Beta(`a`, `b`).
///
/// Range of `a` and `b`: more than 0, and at most 1e15. Range: `[0, 1]`, where an end stands for what is too near to
/// it for an `f64`. Two gamma draws X and Y give X / (X + Y).
///
/// ```
/// use rand::SeedableRng;
/// let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
/// let draws = (0..1000).map(|_| haggle::sample::beta(&mut random, 31.0, 71.0));
/// let mean = draws.sum::<f64>() / 1000.0;
/// assert!((mean - 31.0 / 102.0).abs() < 0.01);
/// ```
pub fn beta(random: &mut impl Rng, a: f64, b: f64) -> f64 {
    if a < 1.0 || b < 1.0 {
        let (x, y) = (ln_gamma(random, a), ln_gamma(random, b));
        return 1.0 / (1.0 + exp(y - x));
    }
    let (x, y) = (gamma_from_one(random, a), gamma_from_one(random, b));
    x / (x + y)
}

/// Logarithm of a gamma draw: Gamma(a) is Gamma(a + 1) times a uniform number to the power 1/a.
fn ln_gamma(random: &mut impl Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        ln(gamma_from_one(random, shape + 1.0)) + ln(uniform(random)) / shape
    } else {
        ln(gamma_from_one(random, shape))
    }
}

/// A gamma draw for a shape of at least 1, with the names of Marsaglia and Tsang.
fn gamma_from_one(random: &mut impl Rng, shape: f64) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(random);
        let root = c * x;
        if root <= -1.0 {
            continue;
        }
        let v = (1.0 + root) * (1.0 + root) * (1.0 + root);
        let u = uniform(random);
        let square = x * x;
        if u < 1.0 - 0.0331 * square * square {
            return d * v;
        }
        // Their d (1 - v + ln v), with the digits that 1 - v loses for a large shape.
        let bound = 0.5 * square + d * (3.0 * (ln_1p(root) - root) - root * root * (3.0 + root));
        if ln(u) < bound {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{beta_cdf, lgamma};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const DRAWS: usize = 20_000;

    /// Fails where the greatest distance between the distribution function and the draws', times √n, is above 2.47:
    /// for a right sampler with probability 2 exp(-2 · 2.47²) = 1e-5 (Kolmogorov and Smirnov), for each case.
    fn assert_follows(case: &str, draw: impl Fn(&mut ChaCha8Rng) -> f64, below: impl Fn(f64) -> f64) {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut draws: Vec<f64> = (0..DRAWS).map(|_| below(draw(&mut random))).collect();
        draws.sort_by(f64::total_cmp);
        let n = DRAWS as f64;
        let distance = draws.iter().enumerate().fold(0.0_f64, |most, (i, below)| {
            most.max((below - i as f64 / n).abs()).max((below - (i + 1) as f64 / n).abs())
        });
        assert!(distance * n.sqrt() < 2.47, "{case}: distance {}", distance * n.sqrt());
    }

    /// Regularised incomplete gamma function, by its series: all terms positive.
    fn gamma_cdf(x: f64, shape: f64) -> f64 {
        let (mut term, mut sum, mut n) = (1.0 / shape, 0.0, shape);
        while term > sum * 1e-16 {
            sum += term;
            n += 1.0;
            term *= x / n;
        }
        (ln(sum) + shape * ln(x) - x - lgamma(shape)).min(0.0)
    }

    #[test]
    fn normal_draws_follow_the_normal_distribution() {
        let below = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
        assert_follows("normal", normal, below);
    }

    #[test]
    fn gamma_draws_follow_the_gamma_distribution() {
        for shape in [0.05, 0.5, 1.0, 1.5, 4.0, 30.0, 400.0] {
            let case = format!("Gamma({shape})");
            assert_follows(&case, |random| gamma(random, shape), |x| exp(gamma_cdf(x, shape)));
        }
    }

    #[test]
    fn beta_draws_follow_the_beta_distribution() {
        for (a, b) in [
            (1.0, 1.0),
            (0.5, 0.5),
            (0.1, 3.0),
            (2.0, 0.3),
            (0.05, 2.0),
            (1.0, 30.0),
            (31.0, 71.0),
            (3.0, 20_000.0),
            (1e6, 9e6),
        ] {
            assert_follows(&format!("Beta({a}, {b})"), |random| beta(random, a, b), |x| beta_cdf(x, a, b));
        }
    }

    #[test]
    fn draws_from_the_corners_of_the_parameters_are_in_range() {
        let mut random = ChaCha8Rng::seed_from_u64(9);
        for a in [1e-3, 0.01, 1.0, 1e8, 1e15] {
            for b in [1e-3, 0.01, 1.0, 1e8, 1e15] {
                for _ in 0..200 {
                    let draw = beta(&mut random, a, b);
                    assert!((0.0..=1.0).contains(&draw), "Beta({a}, {b}): {draw}");
                }
            }
            let draw = gamma(&mut random, a);
            assert!(draw.is_finite() && draw >= 0.0, "Gamma({a}): {draw}");
        }
        // The standard deviation of Beta(1e15, 1e15) is 1.1e-8.
        assert!((beta(&mut random, 1e15, 1e15) - 0.5).abs() < 1e-7);
    }
}
