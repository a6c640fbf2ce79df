//! Do the exposures fall on the arms as they were served?
//!
//! A sample-ratio mismatch means that exposures of one arm are lost or counted twice (a blocked beacon, a slow page, a
//! redirect), and then nothing else in the experiment can be believed. It is the first number to look at.

use super::{check_holdout, served};
use crate::math::{exp, ln, ln_1p, stirling_error};
use crate::{Error, Period, TOTAL};

/// Error rate at which a report takes a sample ratio for wrong. Not the 5 % of other questions: an alarm says to believe
/// nothing else, and who looks at twenty experiments would be told so by chance too often.
pub const ALARM_AT: f64 = 0.01;

/// Units' worth of trust in the served shares: how strongly the alternative is held to them at first.
const TRUST: f64 = 1000.0;

/// Evidence that exposures do not fall on the arms as they were served, at every look at once.
///
/// The e-value multiplies over the periods, in the order of time. In a period with the served shares ρ, it is the
/// likelihood of the counts n under a Dirichlet mixture of shares over that under ρ:
/// `Γ(C) / Γ(C + n) · Π Γ(C q_k + n_k) / Γ(C q_k) / ρ_k^{n_k}`, where the mixture stands around
/// `q_k ∝ ρ_k (c ρ_k + N_k) / (c ρ_k + E_k)`: the served shares, tilted by how many exposures N_k were counted and
/// E_k expected before, with C = c + ΣN and c = 1000. Whatever the policy made of the past, the mean of every factor
/// is 1 if units fall as served; so the product ever passes 1/α with probability at most α (Ville 1939). With shares
/// that never change it is, exactly and however the units are cut into periods, the Bayes factor of Lindon and Malek
/// (2022), *Anytime-valid inference for multinomial count data*, NeurIPS 35.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRatio {
    /// Natural logarithm of the highest e-value so far. Range: `[0, ∞)`; ∞ where an arm without share was shown.
    pub ln_e_value: f64,
    /// Counted exposures over expected ones, per arm and last the holdout; 1 where none were expected.
    pub ratios: Vec<f64>,
    /// Exposures that were looked at.
    pub units: i64,
    /// Exposures in periods whose shares are unknown.
    pub left_out: i64,
}

impl SampleRatio {
    /// The test over `periods` in the order of time; `holdout_share`, out of 65536, is 0 where there is no holdout.
    ///
    /// ```
    /// use haggle::inference::SampleRatio;
    /// use haggle::{Cohort, History, Period, Tally};
    /// let shown = |exposures| Tally { exposures, ..Tally::default() };
    /// let period = |arms: [i64; 2]| Period {
    ///     cohort: Cohort { epoch: 1, hour: 480_000 },
    ///     shares: vec![32_768, 32_768],
    ///     arms: arms.map(shown).to_vec(),
    ///     holdout: Tally::default(),
    /// };
    /// let fair = History::new(vec![period([5_000, 5_040])])?;
    /// assert!(!SampleRatio::of(fair.periods(), 0)?.alarm(0.05));
    /// let lossy = History::new(vec![period([5_000, 4_500])])?;
    /// assert!(SampleRatio::of(lossy.periods(), 0)?.alarm(0.05));
    /// # Ok::<(), haggle::Error>(())
    /// ```
    ///
    /// # Errors
    /// Shares that do not sum to 65536, a holdout of 65536 or more, negative counts.
    pub fn of(periods: &[Period], holdout_share: u32) -> Result<Self, Error> {
        Self::with_trust(periods, holdout_share, TRUST)
    }

    fn with_trust(periods: &[Period], holdout_share: u32, trust: f64) -> Result<Self, Error> {
        let holdout = check_holdout(holdout_share)?;
        let cells = periods.first().map_or(0, |period| period.arms.len() + 1);
        let mut counts = vec![Count::default(); cells];
        let (mut ln_e, mut highest, mut units, mut left_out) = (0.0, 0.0_f64, 0_i64, 0_i64);
        for period in periods {
            let served = served(period, holdout)?;
            let holdout = served.map_or(holdout, |served| served.1);
            let in_holdout = if holdout > 0.0 { period.holdout.exposures } else { 0 };
            for tally in &period.arms {
                tally.check()?;
            }
            period.holdout.check()?;
            let exposures = || period.arms.iter().map(|tally| tally.exposures).chain([in_holdout]);
            let total = exposures().fold(0, i64::saturating_add);
            let Some((shares, _)) = served else {
                left_out = left_out.saturating_add(total);
                continue;
            };
            let among_arms = (1.0 - holdout) / f64::from(TOTAL);
            let shares = shares.iter().map(|&share| f64::from(share) * among_arms).chain([holdout]);
            for ((count, share), n) in counts.iter_mut().zip(shares).zip(exposures()) {
                (count.share, count.now) = (share, n as f64);
            }
            ln_e += ln_factor(&counts, trust);
            highest = highest.max(ln_e);
            units = units.saturating_add(total);
            for count in &mut counts {
                count.seen += count.now;
                count.expected += count.share * total as f64;
            }
        }
        let ratio = |count: &Count| if count.expected > 0.0 { count.seen / count.expected } else { 1.0 };
        Ok(Self { ln_e_value: highest, ratios: counts.iter().map(ratio).collect(), units, left_out })
    }

    /// The highest e-value so far: how many times better the counts suit another split. Range: `[1, 1e304]`, capped.
    pub fn e_value(&self) -> f64 {
        exp(self.ln_e_value.min(700.0))
    }

    /// Probability at most with which a right split would ever look this bad. Range: `[0, 1]`.
    pub fn p_value(&self) -> f64 {
        exp(-self.ln_e_value)
    }

    /// Whether the e-value has passed 1/α: something is wrong with the counting, at error rate α.
    pub fn alarm(&self, alpha: f64) -> bool {
        self.p_value() <= alpha
    }
}

/// One arm (or the holdout) in the present period, and what was counted of it before.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    share: f64,
    now: f64,
    seen: f64,
    expected: f64,
}

/// Logarithm of the factor of one period.
fn ln_factor(counts: &[Count], trust: f64) -> f64 {
    if counts.iter().any(|count| count.share == 0.0 && count.now > 0.0) {
        return f64::INFINITY;
    }
    let live = || counts.iter().filter(|count| count.share > 0.0);
    let tilted = |count: &Count| {
        let trust = trust * count.share;
        count.share * (trust + count.seen) / (trust + count.expected)
    };
    let scale: f64 = live().map(tilted).sum();
    let strength = trust + counts.iter().map(|count| count.seen).sum::<f64>();
    let now: f64 = counts.iter().map(|count| count.now).sum();
    let cell = |count: &Count| {
        let a = strength * tilted(count) / scale;
        let posterior_share = (a + count.now) / (strength + now);
        gamma_rise(a, count.now) + count.now * ln(posterior_share / count.share)
    };
    live().map(cell).sum::<f64>() - gamma_rise(strength, now)
}

/// `ln(Γ(a + n) / Γ(a)) - n ln(a + n) + n`, which stays small where its parts are huge.
fn gamma_rise(a: f64, n: f64) -> f64 {
    (a - 0.5) * ln_1p(n / a) + stirling_error(a + n) - stirling_error(a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cohort, History, Tally};
    use proptest::prelude::*;

    fn period(shares: &[u32], exposures: &[i64], holdout: i64) -> Period {
        let shown = |exposures| Tally { exposures, ..Tally::default() };
        Period {
            cohort: Cohort { epoch: 1, hour: 1 },
            shares: shares.to_vec(),
            arms: exposures.iter().map(|&n| shown(n)).collect(),
            holdout: shown(holdout),
        }
    }

    #[test]
    fn a_fixed_split_equals_the_golden_values() {
        // ssrm-test 0.1.5, prior strength 10 000; each e-value and the p-value, which is of the highest so far.
        let increments = [[10, 20], [12, 18], [30, 31], [100, 140], [200, 290]];
        let golden = [
            (1.003_493_802_632_550_2, 0.996_518_361_525_119),
            (1.009_781_270_293_453, 0.990_313_476_213_902_8),
            (1.008_298_920_504_501_7, 0.990_313_476_213_902_8),
            (1.149_208_111_830_515_5, 0.870_165_411_217_819_6),
            (2.598_667_674_721_663_7, 0.384_812_575_200_523_6),
        ];
        let half = [TOTAL / 2; 2];
        let periods: Vec<Period> = increments.iter().map(|n| period(&half, n, 0)).collect();
        let mut highest = 1.0_f64;
        for (upto, (bayes_factor, _)) in golden.iter().enumerate() {
            let test = SampleRatio::with_trust(&periods[..=upto], 0, 10_000.0).unwrap();
            highest = highest.max(*bayes_factor);
            assert!((test.e_value() / highest - 1.0).abs() < 1e-10, "{upto}: {}", test.e_value());
            assert!((test.p_value() * highest - 1.0).abs() < 1e-10);
        }
    }

    #[test]
    fn how_a_fixed_split_is_cut_into_periods_does_not_matter() {
        let shares = [40_000, 25_000, 536];
        let cut = [period(&shares, &[300, 200, 7], 40), period(&shares, &[700, 350, 2], 61)];
        let whole = [period(&shares, &[1000, 550, 9], 101)];
        let ln_e = |periods: &[Period]| {
            let counts = SampleRatio::of(periods, 6554).unwrap();
            (counts.ln_e_value, counts.ratios)
        };
        let (cut, whole) = (ln_e(&cut), ln_e(&whole));
        assert!((cut.0 - whole.0).abs() < 1e-9, "{cut:?} {whole:?}");
        assert!(whole.0 > 0.1);
    }

    #[test]
    fn an_arm_without_share_that_was_shown_is_an_alarm_for_certain() {
        let test = SampleRatio::of(&[period(&[TOTAL, 0], &[100, 1], 0)], 0).unwrap();
        assert!(test.alarm(1e-12));
        assert_eq!((test.p_value(), test.e_value().is_finite()), (0.0, true));
    }

    #[test]
    fn the_holdout_is_looked_at_where_its_share_is_given() {
        let periods = [period(&[TOTAL / 2; 2], &[4500, 4500], 500)];
        assert!(SampleRatio::of(&periods, TOTAL / 10).unwrap().alarm(0.001));
        let without = SampleRatio::of(&periods, 0).unwrap();
        assert_eq!((without.alarm(0.5), without.units), (false, 9000));
    }

    #[test]
    fn unknown_shares_are_left_out_and_wrong_ones_refused() {
        let unknown = period(&[], &[10, 20], 5);
        let test = SampleRatio::of(&[unknown], 100).unwrap();
        assert_eq!((test.units, test.left_out, test.p_value()), (0, 35, 1.0));
        let error = SampleRatio::of(&[period(&[1, 2], &[1, 1], 0)], 0).unwrap_err().to_string();
        assert_eq!(error, "sum of the shares of a period is 3; it must be 65536");
        assert!(SampleRatio::of(&[], TOTAL).is_err());
        assert_eq!(SampleRatio::of(&[], 0).unwrap().p_value(), 1.0);
    }

    proptest! {
        #[test]
        fn any_history_gives_a_p_value(
            given in prop::collection::vec((0..=TOTAL, prop::array::uniform3(0..=(1_i64 << 52))), 0..6),
            holdout in 0..TOTAL,
        ) {
            let of = |&(first, [a, b, held]): &(u32, [i64; 3])| period(&[first, TOTAL - first], &[a, b], held);
            let history = History::new(given.iter().map(of).collect()).unwrap();
            let test = SampleRatio::of(history.periods(), holdout).unwrap();
            prop_assert!((0.0..=1.0).contains(&test.p_value()) && test.e_value() >= 1.0, "{:?}", test);
            prop_assert!(test.ratios.iter().all(|ratio| ratio.is_finite()));
        }
    }
}
