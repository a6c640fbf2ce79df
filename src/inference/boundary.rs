//! How wide an interval must be so that it holds at one look, or at all looks together.

use super::check_alpha;
use crate::Error;
use crate::error::decimal;
use crate::math::{exp, ln};

/// What the sum of a martingale with variance `v` stays below in size at all times, with probability 1 - `alpha`.
///
/// The two-sided normal mixture boundary `√((v + ρ) ln((v + ρ) / (ρ α²)))`; ρ makes it narrowest near the variance
/// `v_opt`. Unit: that of the sum; `v` and `v_opt` have its square. Source: Howard, Ramdas, McAuliffe and Sekhon
/// (2021), *Time-uniform, nonparametric, nonasymptotic confidence sequences*, equation (14), doi:10.1214/20-AOS1991.
///
/// # Errors
/// `alpha` outside of 1e-12 to 0.5, a variance that is negative or not finite, `v_opt` that is not above 0.
///
/// ```
/// let bound = haggle::inference::normal_mixture(100.0, 0.05, 100.0)?;
/// assert!((bound - 30.352_089_903_762_53).abs() < 1e-12);
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn normal_mixture(v: f64, alpha: f64, v_opt: f64) -> Result<f64, Error> {
    check_alpha(alpha)?;
    at_least_zero("variance", v)?;
    above_zero("variance to be narrowest at", v_opt)?;
    let evidence = 2.0 * ln(1.0 / alpha);
    let rho = v_opt / (evidence + ln(1.0 + evidence));
    Ok(((v + rho) * ln((v + rho) / (rho * alpha * alpha))).sqrt())
}

/// Half-width of the asymptotic confidence sequence for the mean of `t` observations with standard deviation 1.
///
/// `√(2 (tρ² + 1) / (t² ρ²) · ln(√(tρ² + 1) / α))` with ρ such that it is narrowest near `t_opt`. It holds at all
/// times together as a central limit theorem does at one: from the time on at which a mean is nearly normal. Source:
/// Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), *Time-uniform central limit theory and asymptotic
/// confidence sequences*, theorem 2.2, doi:10.1214/24-AOS2408.
///
/// # Errors
/// `alpha` outside of 1e-12 to 0.5, `t` or `t_opt` that is not above 0 or not finite.
///
/// ```
/// let half = haggle::inference::sequence_width(1000.0, 0.05, 1000.0)?;
/// assert!((half - 0.095_981_735_842_090_47).abs() < 1e-15);
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn sequence_width(t: f64, alpha: f64, t_opt: f64) -> Result<f64, Error> {
    check_alpha(alpha)?;
    above_zero("number of observations", t)?;
    above_zero("number of observations to be narrowest at", t_opt)?;
    let evidence = -2.0 * ln(alpha);
    let rho_sq = (evidence + ln(evidence + 1.0)) / t_opt;
    let grown = t * rho_sq + 1.0;
    Ok((2.0 * grown / (t * rho_sq) * (0.5 * ln(grown) - ln(alpha)) / t).sqrt())
}

/// Likelihood ratio of the mixture sequential probability ratio test for two rates, after `n` units in each of two
/// arms whose shares are equal and *fixed*.
///
/// `x` and `y` are the two observed rates, `tau_sq` the variance of the differences that are expected. The test says
/// "different" when the ratio passes 1/α at any look; its p-value is the least 1/ratio so far. It does not hold under
/// a policy that adapts: there use [`differences`](super::differences). Source: Johari, Koomen, Pekelis and Walsh
/// (2022), *Always valid inference*, section 5, doi:10.1287/opre.2021.2135.
///
/// # Errors
/// `n` or `tau_sq` that is not above 0 or not finite; a rate outside of `[0, 1]`.
///
/// ```
/// let ratio = haggle::inference::msprt(5000.0, 0.10, 0.12, 1e-4)?;
/// assert!(ratio > 20.0, "the rates differ at α = 0.05: {ratio}");
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn msprt(n: f64, x: f64, y: f64, tau_sq: f64) -> Result<f64, Error> {
    above_zero("number of units", n)?;
    above_zero("variance of the differences", tau_sq)?;
    for rate in [x, y] {
        if !(0.0..=1.0).contains(&rate) {
            return Err(Error::value("rate", decimal(rate), "0 to 1"));
        }
    }
    let v = x * (1.0 - x) + y * (1.0 - y);
    if v == 0.0 {
        // Both arms without or with nothing but conversions: their variance is unknown.
        return Ok(1.0);
    }
    let spread = v + n * tau_sq;
    let exponent = n * n * tau_sq * (x - y) * (x - y) / (2.0 * v * spread);
    Ok((v / spread).sqrt() * exp(exponent.min(700.0)))
}

fn above_zero(what: &str, given: f64) -> Result<(), Error> {
    if given > 0.0 && given.is_finite() {
        return Ok(());
    }
    Err(Error::value(what, decimal(given), "a finite number above 0"))
}

fn at_least_zero(what: &str, given: f64) -> Result<(), Error> {
    if given >= 0.0 && given.is_finite() {
        return Ok(());
    }
    Err(Error::value(what, decimal(given), "a finite number, 0 or more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(given: f64, expected: f64) {
        assert!((given / expected - 1.0).abs() < 1e-12, "{given} instead of {expected}");
    }

    #[test]
    fn the_normal_mixture_equals_the_golden_values() {
        // confseq 0.0.11, α = 0.05, v_opt = 100.
        for (v, expected) in [
            (10.0, 12.190_753_146_341_5),
            (100.0, 30.352_089_903_762_53),
            (1_000.0, 102.512_286_831_663_86),
            (10_000.0, 356.164_104_091_889_95),
        ] {
            assert_near(normal_mixture(v, 0.05, 100.0).unwrap(), expected);
        }
    }

    #[test]
    fn the_asymptotic_sequence_equals_the_golden_values() {
        // confseq 0.0.11, σ = 1, α = 0.05, t* = 1000.
        for (t, expected) in [
            (100.0, 0.385_505_463_353_031_1),
            (1_000.0, 0.095_981_735_842_090_47),
            (10_000.0, 0.032_417_231_454_054_375),
        ] {
            assert_near(sequence_width(t, 0.05, 1000.0).unwrap(), expected);
        }
    }

    #[test]
    fn the_sequential_probability_ratio_equals_the_golden_values() {
        assert_near(msprt(1000.0, 0.10, 0.12, 1e-4).unwrap(), 1.149_626_590_024_413);
        assert_near(msprt(5000.0, 0.10, 0.12, 1e-4).unwrap(), 20.916_014_395_978_955);
        assert_eq!(msprt(50.0, 0.0, 0.0, 1e-4).unwrap(), 1.0);
    }

    #[test]
    fn absurd_arguments_are_refused_with_what_is_allowed() {
        let error = normal_mixture(1.0, 0.7, 1.0).unwrap_err().to_string();
        assert_eq!(error, "error rate alpha is 0.7; it must be from 0.000000000001 to 0.5");
        for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            assert!(normal_mixture(1.0, 0.05, bad).is_err());
            assert!(bad == 0.0 || normal_mixture(bad, 0.05, 1.0).is_err());
            assert!(sequence_width(bad, 0.05, 1.0).is_err());
            assert!(sequence_width(1.0, 0.05, bad).is_err());
            assert!(msprt(bad, 0.1, 0.1, 1.0).is_err());
            assert!(msprt(1.0, 0.1, 0.1, bad).is_err());
        }
        for bad in [f64::NAN, -0.1, 1.1] {
            assert!(msprt(1.0, bad, 0.1, 1.0).is_err());
            assert!(normal_mixture(1.0, bad, 1.0).is_err());
        }
    }
}
