//! The gamma distribution, and the scale of Student's.

use super::{LN_SQRT_2PI, exp, lgamma, ln, ln_1p, stirling_error};

/// From this shape on, the distribution function comes from its expansion around the normal law.
const LARGE: f64 = 1e5;

/// Distribution function of a gamma variate of shape `a` and rate 1 at `x`: the regularised lower incomplete gamma
/// function `P(a, x)`.
///
/// Range: `[0, 1]`; `x` at or below 0 gives 0. Range of `a`: 0.01 to 1e15. Absolute error below 1e-12 for `a` up to
/// 1e5, below 1e-8 above.
/// Source: Abramowitz and Stegun (1964), 6.5.29 (the series) and 6.5.31 (the continued fraction, evaluated by the
/// method of Lentz as modified by Thompson and Barnett 1986); above 1e5 Temme (1979), *The asymptotic expansion of the
/// incomplete gamma functions*, doi:10.1137/0510071, its first two terms.
///
/// ```
/// assert!((haggle::math::gamma_p(2.0, 3.0) - 0.800_851_726_528_544_2).abs() < 1e-14); // 1 - 4 exp(-3)
/// ```
pub fn gamma_p(a: f64, x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return 0.0;
    }
    if x == f64::INFINITY {
        return 1.0;
    }
    let relative = (x - a) / a;
    if a > LARGE {
        return gamma_p_large(a, relative);
    }
    // x^a exp(-x) / Γ(a)
    let ln_factor =
        if a < 1.0 { a * ln(x) - x - lgamma(a) } else { gamma_ln_max(a) + a * (ln(x / a) - relative) };
    let factor = exp(ln_factor);
    let below = if x < a + 1.0 { factor * series(a, x) } else { 1.0 - factor / fraction(a, x) };
    below.clamp(0.0, 1.0)
}

/// The sum of `x^n / (a (a + 1) … (a + n))`.
fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
    while term > 1e-17 * sum {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    sum
}

/// What `x^a exp(-x) / Γ(a)` is to be divided by to give `Q(a, x)`; for `x` above `a`.
fn fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut middle = x + 1.0 - a;
    let mut value = away_from_zero(middle);
    let (mut c, mut d) = (value, 0.0);
    for step in 1..100_000 {
        let n = f64::from(step);
        let numerator = n * (a - n);
        middle += 2.0;
        d = 1.0 / away_from_zero(middle + numerator * d);
        c = away_from_zero(middle + numerator / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// `P(a, a (1 + relative))` for large `a`; η as in Temme's paper, ½ η² = relative - ln(1 + relative).
fn gamma_p_large(a: f64, relative: f64) -> f64 {
    let half_square = if relative.abs() < 1e-3 {
        let r = relative;
        r * r * (0.5 - r * (1.0 / 3.0 - r * (0.25 - r * 0.2)))
    } else {
        relative - ln_1p(relative)
    };
    let eta = (2.0 * half_square).sqrt() * relative.signum();
    // 1 / relative - 1 / η, whose two parts cancel near 0.
    let skew =
        if relative.abs() < 1e-3 { -1.0 / 3.0 + relative * (1.0 / 12.0) } else { 1.0 / relative - 1.0 / eta };
    let normal = 0.5 * libm::erfc(-eta * (0.5 * a).sqrt());
    (normal - exp(-a * half_square - LN_SQRT_2PI) / a.sqrt() * skew).clamp(0.0, 1.0)
}

/// Logarithm of the density of the logarithm of a gamma variate of shape `a`, at its maximum:
/// `a ln a - a - lnΓ(a)`.
pub(crate) fn gamma_ln_max(a: f64) -> f64 {
    0.5 * ln(a) - LN_SQRT_2PI - stirling_error(a)
}

/// Logarithm of the density of Student's t at 0, with 2 `shape` degrees of freedom and scale 1.
pub(crate) fn student_ln_max(shape: f64) -> f64 {
    shape * ln_1p(0.5 / shape) - 0.5 - LN_SQRT_2PI + stirling_error(shape + 0.5) - stirling_error(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_shapes_agree_with_the_finite_sum() {
        // P(a, x) = 1 - exp(-x) (1 + x + … + x^(a-1) / (a-1)!)
        for a in 1..40_u32 {
            for x in [0.1, 1.0, 7.0, 20.0, 39.5, 80.0] {
                let terms = (1..a).scan(1.0, |term, n| {
                    *term *= x / f64::from(n);
                    Some(*term)
                });
                let expected = 1.0 - exp(-x) * (1.0 + terms.sum::<f64>());
                let error = (gamma_p(f64::from(a), x) - expected).abs();
                assert!(error < 1e-13, "P({a}, {x}): off by {error:e}");
            }
        }
    }

    #[test]
    fn both_methods_meet() {
        for deviations in [-5.0, -1.0, -0.01, 0.0, 0.02, 1.5, 4.0] {
            let relative = deviations / LARGE.sqrt();
            let error = (gamma_p(LARGE, LARGE * (1.0 + relative)) - gamma_p_large(LARGE, relative)).abs();
            assert!(error < 1e-8, "{deviations}: off by {error:e}");
        }
    }

    #[test]
    fn nothing_and_everything_lie_below_the_ends() {
        assert_eq!((gamma_p(2.0, 0.0), gamma_p(2.0, -1.0), gamma_p(2.0, f64::NAN)), (0.0, 0.0, 0.0));
        assert_eq!((gamma_p(0.01, f64::INFINITY), gamma_p(1e15, 2e15), gamma_p(1e15, 5e14)), (1.0, 1.0, 0.0));
    }

    #[test]
    fn students_density_at_its_middle_is_known_for_one_two_and_many_degrees_of_freedom() {
        let given = [0.5, 1.0, 1e15].map(|shape| exp(student_ln_max(shape)));
        let expected = [1.0 / std::f64::consts::PI, 0.125_f64.sqrt(), exp(-LN_SQRT_2PI)];
        for (given, expected) in given.iter().zip(expected) {
            assert!((given - expected).abs() < 1e-14, "{given} {expected}");
        }
    }
}
