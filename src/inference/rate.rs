//! The conversion rate of an arm, at every look at once.

use super::{Interval, check_alpha};
use crate::math::{BetaKernel, exp, ln, ln_beta, ln_logistic};
use crate::{Error, Tally};

/// Parameters of the mixing Beta distribution: Jeffreys' a = b = ½.
const MIX: f64 = 0.5;

/// Range in which an arm's conversion rate lies at all looks together, with probability 1 - `alpha`.
///
/// All `p` with `B(½ + s, ½ + f) / (B(½, ½) p^s (1-p)^f) < 1/α`, with `s` conversions and `f` exposures without.
/// The ratio is a martingale at the true rate, whatever the rule by which exposures go to the arm and whenever one
/// looks, since given the past each exposure converts with that rate; so it ever passes 1/α with probability at most
/// α (Ville 1939). It needs a rate that stays the same, and exposures whose reward window is over. Source: Robbins
/// (1970), *Statistical methods related to the law of the iterated logarithm*, doi:10.1214/aoms/1177696786; Howard et
/// al. (2021), doi:10.1214/20-AOS1991.
///
/// Range of the result: `[0, 1]`, with the observed rate within. Range of the counts: 0 to 2^53. For several arms at
/// once see [`simultaneous`]; for the value of an exposure take the interval [`times`](Interval::times) the price.
///
/// # Errors
/// Negative counts, more conversions than exposures, `alpha` outside of 1e-12 to 0.5.
///
/// ```
/// let rate = haggle::inference::rate_sequence(100, 17, 0.05)?;
/// assert!((rate.low - 0.070_750_402_6).abs() < 1e-9 && (rate.high - 0.316_134_861_7).abs() < 1e-9);
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn rate_sequence(exposures: i64, conversions: i64, alpha: f64) -> Result<Interval, Error> {
    Tally { exposures, conversions, ..Tally::default() }.check()?;
    check_alpha(alpha)?;
    Ok(mixture(exposures as f64, conversions as f64, MIX, MIX, alpha))
}

/// The error rate for each of `count` intervals so that all of them hold together at error rate `alpha` (Bonferroni).
pub fn simultaneous(alpha: f64, count: usize) -> f64 {
    alpha / count.max(1) as f64
}

fn mixture(n: f64, s: f64, a: f64, b: f64, alpha: f64) -> Interval {
    let f = n - s;
    let (high, _) = upper((s, f), (a, b), alpha);
    let (_, low) = upper((f, s), (b, a), alpha);
    let rate = if n > 0.0 { s / n } else { 0.5 };
    Interval { low: low.min(rate), high: high.max(rate) }
}

/// The end of the interval above the observed rate, and one minus it.
///
/// In `x`, the log-odds of p, the logarithm of the ratio is convex with the derivative `n p - s`, so Newton's method
/// meets the root from outside.
fn upper((s, f): (f64, f64), (a, b): (f64, f64), alpha: f64) -> (f64, f64) {
    if f == 0.0 {
        return (1.0, 0.0);
    }
    let n = s + f;
    let kernel = BetaKernel::new(a + s, b + f);
    let known = -kernel.ln_max - ln_beta(a, b) + ln(alpha);
    let excess = |x: f64| {
        let (ln_p, ln_q) = (ln_logistic(x), ln_logistic(-x));
        known - kernel.fall(exp(ln_p), exp(ln_q), || ln_p, || ln_q) + a * ln_p + b * ln_q
    };
    // Somewhere above the observed rate; the first step then lands outside of the root.
    let middle = ln((s + 0.5) / (f + 0.5));
    let mut x = middle + 3.0 / (n * (s + 0.5) / (n + 1.0) * (f + 0.5) / (n + 1.0)).sqrt();
    for _ in 0..200 {
        let step = excess(x) / (n * exp(ln_logistic(x)) - s);
        if !step.is_finite() {
            break;
        }
        x -= step.max(-4.0);
        if step.abs() <= 1e-15 * x.abs().max(1.0) {
            break;
        }
    }
    (exp(ln_logistic(x)), exp(ln_logistic(-x)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_sequence_equals_the_golden_values() {
        // mpmath, 40 digits; within 1e-9 of an independent computation by bisection in doubles.
        for (s, n, mix, low, high) in [
            (0.0, 100.0, 0.5, 0.0, 0.057_028_597_638_771_86),
            (5.0, 100.0, 0.5, 0.007_149_478_932_596_926, 0.155_794_443_540_606_3),
            (17.0, 100.0, 0.5, 0.070_750_402_570_579_4, 0.316_134_861_667_097_6),
            (170.0, 1_000.0, 0.5, 0.129_615_152_891_253_74, 0.216_233_378_863_819_9),
            (1_700.0, 10_000.0, 0.5, 0.155_486_307_375_221_32, 0.185_202_084_697_045_44),
            (17.0, 100.0, 1.0, 0.071_853_989_884_034_55, 0.313_685_874_436_612_9),
            (170.0, 1_000.0, 1.0, 0.130_080_790_940_474_27, 0.215_623_403_458_707_96),
        ] {
            let given = mixture(n, s, mix, mix, 0.05);
            assert!((given.low - low).abs() < 1e-13, "{s} of {n}: {given:?}");
            assert!((given.high - high).abs() < 1e-13, "{s} of {n}: {given:?}");
            let mirrored = mixture(n, n - s, mix, mix, 0.05);
            assert!((mirrored.low + given.high - 1.0).abs() < 1e-15, "{mirrored:?}");
        }
    }

    #[test]
    fn the_sequence_keeps_its_digits_for_huge_counts() {
        // mpmath, 60 digits: roots of the ratio.
        for (s, n, low, high) in [
            (0, 1_000_000_000_000, 0.0, 1.738_360_777_429_199_5e-11),
            (1, 1_000_000_000_000, 1.410_473_978_764_288e-20, 2.112_732_204_110_88e-11),
            (170_000_000_000, 1_000_000_000_000, 0.169_997_807_326_250_26, 0.170_002_192_688_742_33),
            (1_000_000_000_000, 1_000_000_000_000, 0.999_999_999_982_616_4, 1.0),
            (3, 1_000_000_000, 1.191_765_212_224_891_3e-11, 2.266_337_135_610_248_7e-8),
            (500_000, 1_000_000, 0.497_749_535_986_337_76, 0.502_250_464_013_662_2),
        ] {
            let given = rate_sequence(n, s, 0.05).unwrap();
            let near = |x: f64, y: f64| x == y || (x / y - 1.0).abs() < 1e-11;
            assert!(near(given.low, low) && near(given.high, high), "{s} of {n}: {given:?}");
        }
    }

    #[test]
    fn nothing_seen_says_nothing() {
        assert_eq!(rate_sequence(0, 0, 0.05).unwrap(), Interval { low: 0.0, high: 1.0 });
    }

    #[test]
    fn impossible_counts_are_refused() {
        let error = rate_sequence(3, 4, 0.05).unwrap_err().to_string();
        assert_eq!(error, "number of conversions is 4; it must be at most the number of exposures, 3");
        assert!(rate_sequence(-3, -4, 0.05).is_err());
        assert!(rate_sequence(3, 2, f64::NAN).is_err());
    }

    proptest! {
        #[test]
        fn any_counts_give_an_interval_around_the_observed_rate(
            n in prop_oneof![0..50_i64, 0..1_000_000_i64, 0..=(1_i64 << 53)],
            part in prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0_f64, 0.0..1e-9_f64],
            alpha in prop_oneof![Just(0.05), 1e-12..0.5_f64],
        ) {
            let s = ((n as f64 * part) as i64).min(n);
            let given = rate_sequence(n, s, alpha).unwrap();
            prop_assert!(0.0 <= given.low && given.low < given.high && given.high <= 1.0, "{:?}", given);
            prop_assert!(n == 0 || given.contains(s as f64 / n as f64), "{:?}", given);
            // The ends are where the ratio is 1/α: the interval for a smaller error rate is wider.
            let wider = rate_sequence(n, s, alpha / 2.0).map_or(given, |wider| wider);
            prop_assert!(wider.low <= given.low && given.high <= wider.high);
        }
    }
}
