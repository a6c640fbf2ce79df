//! The beta distribution: density, distribution function and quantiles, exact for millions of visitors.
//!
//! The textbook form of a beta density subtracts numbers of the size of `a`, and loses all digits for large
//! parameters. Here the density is written relative to its mean, as in Loader (2000), *Fast and accurate
//! computation of binomial probabilities*: what is left to subtract is of the size of the answer.

use super::{LN_SQRT_2PI, exp, ln, ln_1p, ln_logistic, stirling_error};

/// A beta distribution, prepared so that its density is cheap and keeps its digits.
///
/// With mean `p = a / (a + b)`, `q = 1 - p`, the density of the log-odds is `x^a (1-x)^b / B(a, b)`. It has its
/// maximum where `x = p`; the value there, and the fall from there, are computed apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BetaKernel {
    pub a: f64,
    pub b: f64,
    /// Mean, and one minus the mean with all its digits.
    pub p: f64,
    pub q: f64,
    ln_p: f64,
    ln_q: f64,
    /// Logarithm of the density of the log-odds at its maximum.
    pub ln_max: f64,
}

impl BetaKernel {
    pub(crate) fn new(a: f64, b: f64) -> Self {
        let n = a + b;
        let (p, q) = (a / n, b / n);
        let stirling = stirling_error(n) - stirling_error(a) - stirling_error(b);
        let ln_max = 0.5 * (ln(a) + ln(q)) - LN_SQRT_2PI + stirling;
        Self { a, b, p, q, ln_p: ln(p), ln_q: ln(q), ln_max }
    }

    /// How far the log-density of the log-odds lies below its maximum, at the rate `x = 1 - y`.
    ///
    /// Range: `(-∞, 0]` but for rounding. Both `x` and `y` are given, since either may be too small to be read
    /// off the other; their logarithms are asked for only far from the mean, and may be those of numbers that
    /// underflow.
    pub(crate) fn fall(&self, x: f64, y: f64, ln_x: impl Fn() -> f64, ln_y: impl Fn() -> f64) -> f64 {
        // The same e in both terms: its two first-order parts then cancel as they do on paper.
        let e = if self.p <= 0.5 { x - self.p } else { self.q - y };
        let up = if e.abs() <= 0.5 * self.p { ln_1p(e / self.p) } else { ln_x() - self.ln_p };
        let down = if e.abs() <= 0.5 * self.q { ln_1p(-e / self.q) } else { ln_y() - self.ln_q };
        self.a * up + self.b * down
    }

    /// The same from the logarithms of the rate and of one minus the rate alone.
    ///
    /// Cheaper, and good to 1e-15 times `a + b`: not for posteriors of more than 1e9 exposures.
    pub(crate) fn fall_of_logs(&self, ln_x: f64, ln_y: f64) -> f64 {
        self.a * (ln_x - self.ln_p) + self.b * (ln_y - self.ln_q)
    }
}

/// Logarithm of the beta function, `ln B(a, b)`.
///
/// Range of `a` and `b`: 0.01 to 1e15. Relative error about 1e-15 where the result is not near 0; the density
/// does not use it, since for large parameters even a correctly rounded value has too few digits after the point.
///
/// ```
/// let ln_b = haggle::math::ln_beta(2.0, 3.0); // B(2, 3) = 1/12
/// assert!((ln_b + haggle::math::ln(12.0)).abs() < 1e-14);
/// ```
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let kernel = BetaKernel::new(a, b);
    a * kernel.ln_p + b * kernel.ln_q - kernel.ln_max
}

/// Logarithm of the density of Beta(a, b) at `x`.
///
/// Range of `x`: `(0, 1)`; outside it the density is taken as 0 and the result is -∞. Absolute error (which is
/// the relative error of the density) about 1e-14 for parameters up to 1e4 and below 1e-10 for 1e8, within ten
/// standard deviations of the mean.
///
/// ```
/// let density = haggle::math::exp(haggle::math::beta_ln_pdf(0.5, 2.0, 2.0));
/// assert!((density - 1.5).abs() < 1e-14);
/// ```
pub fn beta_ln_pdf(x: f64, a: f64, b: f64) -> f64 {
    if !(x > 0.0 && x < 1.0) {
        return f64::NEG_INFINITY;
    }
    let kernel = BetaKernel::new(a, b);
    let (ln_x, ln_y) = (ln(x), ln_1p(-x));
    kernel.ln_max + kernel.fall(x, 1.0 - x, || ln_x, || ln_y) - ln_x - ln_y
}

/// Distribution function of Beta(a, b) at `x`: the regularised incomplete beta function `I_x(a, b)`.
///
/// Range: `[0, 1]`; `x` at or below 0 gives 0, at or above 1 gives 1. Range of `a` and `b`: 0.01 to 1e8. Error
/// relative to the result below 1e-12 for parameters up to 1e5 and below 1e-9 up to 1e8, or absolute below 1e-15;
/// never an underflow to NaN. The effort grows with the square root of the larger parameter.
/// Source: Didonato and Morris (1992), *Significant digit computation of the incomplete beta function ratios*,
/// doi:10.1145/131766.131776, the continued fraction BFRAC, evaluated by the method of Lentz as modified by Thompson
/// and Barnett (1986).
///
/// ```
/// assert!((haggle::math::beta_cdf(0.3, 2.0, 5.0) - 0.579_825).abs() < 1e-13);
/// ```
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let y = 1.0 - x;
    let kernel = BetaKernel::new(a, b);
    let factor = exp(kernel.ln_max + kernel.fall(x, y, || ln(x), || ln_1p(-x)));
    // The fraction converges fast on the near side of the mean only; the other side is its mirror image.
    let result = if x < kernel.p {
        factor / beta_fraction(x, y, a, b)
    } else {
        1.0 - factor / beta_fraction(y, x, b, a)
    };
    result.clamp(0.0, 1.0)
}

/// Quantile of Beta(a, b): the `x` below which the probability is `p`.
///
/// Range of `p`: `(0, 1)`; at or below 0 (and for NaN) the result is 0, at or above 1 it is 1. Range of `a` and `b`:
/// 0.01 to 1e15. The error relative to `x`, and to `1 - x` where that is not lost in the rounding of `x`, is below
/// 1e-11 for parameters up to 1e5 and below 1e-9 up to 1e8. Beyond 1e8 for both, the distance from the mean is that
/// of the parameters scaled down to 1e8, in proportion to the standard deviation, and right to 1e-3 of it.
///
/// Halley's method on the logarithm of the distribution function over the log-odds, which is increasing and concave,
/// so that a step from anywhere leads towards the root; mostly two or three evaluations of the distribution function.
/// It begins at the approximation of Carter (1947), in Abramowitz and Stegun (1964), 26.5.22.
///
/// ```
/// assert!((haggle::math::beta_quantile(0.95, 2.0, 5.0) - 0.581_803_409_252_026).abs() < 1e-13);
/// ```
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    if p <= 0.0 || p.is_nan() {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    // The smaller tail has all its digits; the other one is its mirror image.
    let log_odds =
        if p <= 0.5 { beta_quantile_log_odds(p, a, b) } else { -beta_quantile_log_odds(1.0 - p, b, a) };
    1.0 / (1.0 + exp(-log_odds))
}

/// `ln(x / (1 - x))` of the quantile `x` of Beta(a, b), for `p` of at most ½.
fn beta_quantile_log_odds(p: f64, a: f64, b: f64) -> f64 {
    const LARGE: f64 = 1e8;
    const STEPS: u32 = 200;
    let middle = ln(a / b);
    let scale = a.min(b) / LARGE;
    if scale > 1.0 {
        // The continued fraction would need millions of steps for what the normal distribution says as well.
        return middle + (beta_quantile_log_odds(p, a / scale, b / scale) - middle) / scale.sqrt();
    }
    let kernel = BetaKernel::new(a, b);
    let ln_p = ln(p);
    let mut s = if a.min(b) < 1.0 {
        // Where only the lower end of the density counts. The root is not below.
        (ln_p + ln(a) + a * kernel.ln_p + b * kernel.ln_q - kernel.ln_max) / a
    } else {
        middle - 2.0 * carter(ln_p, a, b)
    };
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for _ in 0..STEPS {
        let (x, y) = (1.0 / (1.0 + exp(-s)), 1.0 / (1.0 + exp(s)));
        let ln_density = kernel.ln_max + kernel.fall(x, y, || ln_logistic(s), || ln_logistic(-s));
        // How far ln I is above ln p, and the slope of ln I over s: the density over I.
        let (above, slope) = if s < middle {
            let slope = beta_fraction(x, y, a, b);
            (ln_density - ln(slope) - ln_p, slope)
        } else {
            let density = exp(ln_density);
            let below = 1.0 - density / beta_fraction(y, x, b, a);
            (ln(below) - ln_p, density / below)
        };
        if above > 0.0 {
            high = s;
        } else {
            low = s;
        }
        let step = above / slope;
        let bend = (a * y - b * x) - slope;
        let mut next = s - step / (1.0 - 0.5 * step * bend).max(0.5);
        if !(low <= next && next <= high) {
            next = if low.is_finite() && high.is_finite() { 0.5 * (low + high) } else { s - step };
        }
        // The error falls with its third power: from 1e-4 to the size of the rounding.
        if above.abs() < 1e-4 || next == s {
            return next;
        }
        s = next;
    }
    s
}

/// Half of how far the quantile's log-odds are below `ln(a / b)`, about, for `a` and `b` of at least 1.
fn carter(ln_p: f64, a: f64, b: f64) -> f64 {
    // The upper normal quantile: Abramowitz and Stegun, 26.2.23, right to 4.5e-4.
    let t = (-2.0 * ln_p).sqrt();
    let z = t
        - (2.515_517 + t * (0.802_853 + t * 0.010_328))
            / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    let (of_a, of_b) = (1.0 / (2.0 * a - 1.0), 1.0 / (2.0 * b - 1.0));
    let (lambda, h) = ((z * z - 3.0) / 6.0, 2.0 / (of_a + of_b));
    z * (h + lambda).sqrt() / h - (of_b - of_a) * (lambda + 5.0 / 6.0 - 2.0 / (3.0 * h))
}

/// What `x^a y^b / B(a, b)` is to be divided by to give `I_x(a, b)`, with `y = 1 - x`.
///
/// A continued fraction with the partial numerators α_m and the partial denominators β_m of the paper. `y` is
/// given besides `x` so that `a y - b x` keeps its digits near the mean.
fn beta_fraction(x: f64, y: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const STEPS: u32 = 1_000_000;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let offset = a * y - b * x + 1.0;
    let mut value = away_from_zero(a * offset / (a + 1.0));
    let (mut c, mut d) = (value, 0.0);
    for step in 1..STEPS {
        let m = f64::from(step);
        let middle = a + 2.0 * m - 1.0;
        let numerator = (a + m - 1.0) * (a + b + m - 1.0) * m * (b - m) * x * x / (middle * middle);
        let denominator =
            m + m * (b - m) * x / middle + (a + m) * (offset + m * (1.0 + y)) / (a + 2.0 * m + 1.0);
        d = 1.0 / away_from_zero(denominator + numerator * d);
        c = away_from_zero(denominator + numerator / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative difference, and absolute where the expected value is below 1e-3.
    fn assert_near(given: f64, expected: f64, tolerance: f64) {
        let error = (given - expected).abs() / expected.abs().max(1e-3);
        assert!(error <= tolerance, "{given} instead of {expected}: off by {error:e}");
    }

    #[test]
    fn the_distribution_function_equals_the_golden_values() {
        // mpmath, 30 digits.
        for (x, a, b, expected) in [
            (0.3, 2.0, 5.0, 0.579_825),
            (0.3, 31.0, 71.0, 0.476_911_558_657_235_4),
            (0.01, 0.5, 0.5, 0.063_768_560_858_519_87),
            (0.1, 1001.0, 9001.0, 0.492_908_656_292_193_7),
            (3e-4, 3.0, 20_000.0, 0.938_084_724_694_854_3),
            (0.3, 0.01, 0.01, 0.495_823_613_602_382_03),
            (0.2, 5.0, 7.0, 0.050_409_574_400_000_01),
            (0.31, 300.0, 700.0, 0.756_418_682_731_543_6),
        ] {
            assert_near(beta_cdf(x, a, b), expected, 1e-12);
        }
    }

    #[test]
    fn the_distribution_function_keeps_its_digits_for_large_parameters() {
        // mpmath, 30 digits: the density of the log-odds integrated over panels of one standard deviation.
        for (x, a, b, expected) in [
            (0.100_3, 10_000.5, 90_000.0, 0.623_245_612_266_192_8),
            (0.100_1, 1_000_001.0, 9_000_001.0, 0.853_879_551_195_480_5),
            (0.500_1, 10_000_000.0, 10_000_000.0, 0.814_453_314_640_657_8),
            (0.499_97, 100_000_000.0, 100_000_000.0, 0.198_071_954_658_898_4),
            (1.02e-06, 100.0, 100_000_000.0, 0.591_722_562_252_201_7),
            (0.299_9, 30_000_000.0, 70_000_000.0, 0.014_544_127_545_537_06),
        ] {
            assert_near(beta_cdf(x, a, b), expected, 1e-10);
        }
    }

    #[test]
    fn the_density_keeps_its_digits_for_large_parameters() {
        // mpmath, 40 digits: a-1 times ln x, plus b-1 times ln(1-x), minus ln B(a, b).
        for (x, a, b, expected) in [
            (0.100_3, 10_000.5, 90_000.0, 5.990_424_148_687_612),
            (0.100_1, 1_000_001.0, 9_000_001.0, 7.788_855_524_749_527),
            (0.500_1, 10_000_000.0, 10_000_000.0, 7.779_830_082_614_493_5),
            (0.499_97, 100_000_000.0, 100_000_000.0, 8.971_122_611_314_04),
            (1e-05, 0.01, 100_000_000.0, -993.022_466_893_615_2),
        ] {
            let error = (beta_ln_pdf(x, a, b) - expected).abs();
            assert!(error < 1e-10, "Beta({a}, {b}) at {x}: off by {error:e}");
        }
    }

    #[test]
    fn the_beta_function_equals_factorials() {
        // B(a, b) = (a-1)! (b-1)! / (a+b-1)!
        assert_near(ln_beta(1.0, 1.0), 0.0, 1e-12);
        assert_near(ln_beta(5.0, 7.0), -ln(2310.0), 1e-14);
        assert_near(ln_beta(12.0, 1.0), -ln(12.0), 1e-14);
        // B(½, ½) = π
        assert_near(ln_beta(0.5, 0.5), ln(std::f64::consts::PI), 1e-14);
    }

    #[test]
    fn the_distribution_function_is_a_distribution_function() {
        for a in [0.01, 0.5, 1.0, 3.0, 200.0, 1e5, 1e8] {
            for b in [0.01, 0.5, 1.0, 3.0, 200.0, 1e5, 1e8] {
                let mut previous = 0.0;
                for step in 0..=40 {
                    let x = f64::from(step) / 40.0;
                    let below = beta_cdf(x, a, b);
                    assert!((previous - 1e-10..=1.0).contains(&below), "I_{x}({a}, {b}) = {below}");
                    assert!((below + beta_cdf(1.0 - x, b, a) - 1.0).abs() < 1e-9, "I_{x}({a}, {b})");
                    previous = below;
                }
                assert_eq!((beta_cdf(0.0, a, b), beta_cdf(1.0, a, b)), (0.0, 1.0));
            }
        }
    }

    #[test]
    fn the_density_is_nothing_outside_of_its_range() {
        for x in [-1.0, 0.0, 1.0, 2.0, f64::NAN] {
            assert_eq!(beta_ln_pdf(x, 2.0, 3.0), f64::NEG_INFINITY);
        }
    }

    #[test]
    fn quantiles_equal_the_golden_values() {
        // mpmath, 40 digits: roots of the incomplete beta function, or of the integrated density for large parameters.
        for (p, a, b, expected) in [
            (0.95, 2.0, 5.0, 0.581_803_409_252_025_8),
            (0.1, 0.5, 0.5, 0.024_471_741_852_423_217),
            (0.975, 31.0, 71.0, 0.396_147_128_647_689),
            (0.025, 1001.0, 9001.0, 0.094_275_113_073_192_8),
            (0.99, 3.0, 20_000.0, 4.201_880_292_868_458e-4),
            (0.5, 1.0, 1.0, 0.5),
            (0.999, 1.5, 300.25, 0.026_702_366_769_317_903),
            (1e-15, 2.0, 3.0, 1.290_994_459_846_917e-8),
            (1e-15, 40.0, 60.5, 0.097_430_995_325_810_81),
            (1e-12, 0.5, 30.0, 2.639_900_631_099_521e-26),
            (0.3, 0.01, 5.0, 6.462_784_897_212_945e-54),
            (0.001, 0.01, 0.02, 3.936_806_611_944_016_5e-283),
            (0.9999, 101.0, 9901.0, 0.014_239_600_442_288_055),
            (1e-9, 10_000.5, 90_000.0, 0.094_407_802_539_841_18),
            (0.25, 1e6, 9e6, 0.099_935_997_756_301_49),
            (0.975, 1e8, 1e8, 0.500_069_295_190_971_4),
            (1e-6, 100.0, 1e8, 5.943_627_361_380_254e-7),
            (0.9, 3e7, 7e7, 0.300_058_728_926_899_3),
        ] {
            let error = (beta_quantile(p, a, b) / expected - 1.0).abs();
            assert!(error < 1e-11, "Beta({a}, {b}) at {p}: off by {error:e}");
        }
    }

    #[test]
    fn the_distribution_function_takes_quantiles_back_to_their_probability() {
        for a in [0.01, 0.3, 1.0, 2.5, 40.0, 1e4, 1e8] {
            for b in [0.01, 0.3, 1.0, 2.5, 40.0, 1e4, 1e8] {
                let mut previous = 0.0;
                for p in [1e-15, 1e-9, 0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999, 1.0 - 1e-9, 1.0 - 1e-15] {
                    let x = beta_quantile(p, a, b);
                    assert!((previous..=1.0).contains(&x), "Beta({a}, {b}) at {p}: {x} after {previous}");
                    previous = x;
                    // Where the rounding of x does not hide the answer.
                    if x > 1e-300 && x < 0.9 {
                        let error = (beta_cdf(x, a, b) - p).abs() / p.min(1.0 - p);
                        assert!(error < 2e-8, "Beta({a}, {b}) at {p}: off by {error:e}");
                    }
                }
            }
        }
    }

    #[test]
    fn quantiles_of_more_than_can_be_counted_are_near_the_mean() {
        for (a, b) in [(1e15, 1e15), (3e12, 7e12), (1.1e8, 1e15), (1e8, 1e8 + 1.0)] {
            let (mean, n): (f64, f64) = (a / (a + b), a + b);
            let sd = (mean * (b / n) / n).sqrt();
            for (p, normal) in [(0.025, -1.959_964), (0.5, 0.0), (0.99, 2.326_348)] {
                let away = (beta_quantile(p, a, b) - mean) / sd;
                assert!((away - normal).abs() < 1e-3, "Beta({a}, {b}) at {p}: {away} standard deviations");
            }
        }
        // The median of Beta(3, b) for a large b is that of Gamma(3), over b. (mpmath)
        assert_near(beta_quantile(0.5, 3.0, 1e15) * 1e15, 2.674_060_313_754_559, 1e-9);
    }

    #[test]
    fn quantiles_of_no_probability_are_the_ends() {
        for p in [0.0, -1.0, f64::NEG_INFINITY, f64::NAN] {
            assert_eq!(beta_quantile(p, 2.0, 3.0), 0.0);
        }
        for p in [1.0, 2.0, f64::INFINITY] {
            assert_eq!(beta_quantile(p, 2.0, 3.0), 1.0);
        }
    }
}
