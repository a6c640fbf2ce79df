//! The one place that calls the mathematical library: logarithms, gamma and beta functions.
//!
//! In scope: elementary functions whose bits are the same on every target, the beta, gamma and normal distributions
//! in forms that stay exact for millions of visitors, and the root of a falling function. Out of scope: beliefs about
//! arms (`posterior`) and sampling (`sample`).
//!
//! Everything goes through the `libm` crate, because std's functions differ between native and wasm in some
//! inputs. The square root, the absolute value and the rounding functions of `f64` are exact everywhere and are
//! used directly.

mod beta;

pub(crate) use beta::BetaKernel;
pub use beta::{beta_cdf, beta_ln_pdf, beta_quantile, ln_beta};

mod gamma;

pub use gamma::gamma_p;
pub(crate) use gamma::{gamma_ln_max, student_ln_max};

mod normal;
pub use normal::{normal_cdf, normal_quantile};

/// ln √(2π).
const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_8;

/// Natural logarithm of `x`.
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// e to the power `x`.
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// ln(1 + x), exact for small `x`.
pub fn ln_1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// e to the power `x`, minus 1, exact for small `x`.
pub fn expm1(x: f64) -> f64 {
    libm::expm1(x)
}

/// `x` to the power `y`.
pub fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// Logarithm of the absolute value of the gamma function.
pub fn lgamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// Complementary error function, 2/√π ∫ from `x` to infinity of e^(-t²) dt.
///
/// Range: `[0, 2]`. No loss of digits in the upper tail.
pub fn erfc(x: f64) -> f64 {
    libm::erfc(x)
}

/// Logarithm of the logistic function, `ln(1 / (1 + exp(-s)))`.
///
/// Range: `(-∞, 0]`. No overflow, and no loss of digits, for any finite `s`.
pub fn ln_logistic(s: f64) -> f64 {
    if s < 0.0 { s - ln_1p(exp(s)) } else { -ln_1p(exp(-s)) }
}

/// Where a falling function crosses 0: Newton's method from `start`, halving where it leaves what is known to hold the
/// root. `at` gives the function's value and how steeply it falls (its derivative, negated), both finite.
///
/// Steps longer than 4 are cut, so the root should be a few units away: log-odds, for which this is made.
pub(crate) fn root(start: f64, at: &dyn Fn(f64) -> (f64, f64)) -> f64 {
    let (mut x, mut low, mut high) = (start, f64::NEG_INFINITY, f64::INFINITY);
    for _ in 0..200 {
        let (value, fall) = at(x);
        if value > 0.0 {
            low = x;
        } else {
            high = x;
        }
        let step = if fall > 0.0 { value / fall } else { value.signum() * 4.0 };
        let mut next = x + step.clamp(-4.0, 4.0);
        if !(next > low && next < high) {
            next = if high - low < f64::INFINITY { 0.5 * (low + high) } else { x };
        }
        if (next - x).abs() <= 1e-14 * (1.0 + x.abs()) {
            return next;
        }
        x = next;
    }
    x
}

/// What Stirling's formula misses: `lnΓ(x) - ((x - ½) ln x - x + ln √(2π))`, for `x > 0`.
///
/// Absolute error below 1e-14 for `x` of 0.01 or more. Source: Abramowitz and Stegun (1964), 6.1.41.
pub(crate) fn stirling_error(x: f64) -> f64 {
    if x < 10.0 {
        return lgamma(x) - ((x - 0.5) * ln(x) - x + LN_SQRT_2PI);
    }
    let y = 1.0 / (x * x);
    let tail = 1.0 / 1680.0 - y * (1.0 / 1188.0 - y * (691.0 / 360_360.0));
    (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * tail))) / x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_of_the_stirling_error_meet() {
        let below = lgamma(10.0) - (9.5 * ln(10.0) - 10.0 + LN_SQRT_2PI);
        assert!((stirling_error(10.0) - below).abs() < 5e-15);
    }

    #[test]
    fn a_root_is_found_from_either_side_and_where_the_function_is_flat() {
        for start in [-30.0, 0.0, 30.0] {
            let of_logistic = root(start, &|x| {
                let q = 1.0 / (1.0 + exp(-x));
                (0.2 - q, q * (1.0 - q))
            });
            assert!((of_logistic - ln(0.25)).abs() < 1e-12, "{of_logistic} from {start}");
        }
    }
}
