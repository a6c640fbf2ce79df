//! Stage 6 of the loop: how the arms compare within cohorts, whatever the base rate did meanwhile.
//!
//! When the base rate drifts for all arms alike (weekdays, a sale, a season) while the policy moves the shares, the
//! pooled rates compare the hours in which the arms were shown and not the arms (Simpson's paradox). Within an hour
//! the comparison is fair. The model: in stratum t arm k converts with log-odds c_t + δ_k, each c_t free and each δ_k
//! normal with standard deviation 1 around 0.
//!
//! 1. Consecutive cohorts are joined to strata: one is complete as soon as it has `period` exposures, whatever the
//!    epochs in it, and what remains at the end joins the last. Shorter strata follow faster drift; under about a
//!    hundred exposures the profiled intercepts would exaggerate differences (Neyman and Scott 1948).
//! 2. The δ_k with the highest posterior, each c_t at its best for them, by Newton's method. Strata without
//!    conversions, or where all converted, say nothing. For low rates this is the multinomial likelihood of Lindon
//!    and Malek (2022, *Anytime-Valid Inference for Multinomial Count Data*): the arm of a conversion is k with
//!    probability in proportion to n_k e^δ_k, whatever the base rate.
//! 3. Laplace's approximation, the c_t marginalised: the precision of δ is Σ_t (diag(w_t) - w_t w_t' / W_t) plus the
//!    prior's, with w_tk = n_tk q_tk (1 - q_tk) and W_t their sum, as in stratified logistic regression (Cochran
//!    1954; Mantel and Haenszel 1959 for two arms).
//! 4. Today's base rate c is that of the newest strata with 20 conversions together. The log-odds are c + δ_k, where
//!    the uncertainty of c and how it hangs on δ are part of the covariance.
//!
//! Out of scope: what a policy makes of it (`policy`).

use crate::math::{exp, ln, ln_logistic, root};
use crate::policy::Contrast;
use crate::{Period, Tally};

/// Precision of the prior of each arm's log-odds relative to their mean.
const PRIOR_PRECISION: f64 = 1.0;

/// Conversions from which today's base rate is taken, where there are so many.
const BASE_CONVERSIONS: f64 = 20.0;

/// Most steps of Newton's method. It needs about five.
const STEPS: u32 = 60;

/// The arms' log-odds of conversion today, from comparisons within strata of at least `period` exposures.
///
/// Nothing where no arm was ever shown. An arm that was not shown has the mean of the others, with a standard deviation
/// of about 1. The periods are in the order of time and of one experiment, as in a [`History`](crate::History). The
/// effort grows with the number of strata and the square of the number of arms.
///
/// ```
/// use haggle::{Cohort, Period, Tally, contrast};
/// let tally = |exposures, conversions| Tally { exposures, conversions, ..Tally::default() };
/// let period = |hour, first, second| Period {
///     cohort: Cohort { epoch: 1, hour },
///     shares: vec![],
///     arms: vec![first, second],
///     holdout: Tally::default(),
/// };
/// // In each hour the second arm converts better; pooled it is the worse one, 55 of 1100 beside 100 of 1100.
/// let busy = period(1, tally(1000, 98), tally(100, 13));
/// let quiet = period(2, tally(100, 2), tally(1000, 42));
/// let contrast = contrast::fit(&[busy, quiet], 500.0).ok_or("nothing was shown")?;
/// assert!(contrast.mean[1] > contrast.mean[0]);
/// # Ok::<(), &str>(())
/// ```
pub fn fit(periods: &[Period], period: f64) -> Option<Contrast> {
    let strata = strata(periods, period);
    let mut newest = strata.last()?.clone();
    for stratum in strata.iter().rev().skip(1) {
        if newest.conversions() >= BASE_CONVERSIONS {
            break;
        }
        newest.add(stratum.arms.iter().copied());
    }
    let (mut relative, covariance) = mode(&strata, newest.arms.len());

    // Half a conversion and half a miss of an average arm, so that there always is a base rate.
    newest.arms.push((1.0, 0.5));
    relative.push(0.0);
    let base = newest.intercept(&relative);
    relative.pop();
    // The base rate answers to a change of δ by -u'δ, so the log-odds of arm k change by δ_k - u'δ.
    let weights: Vec<f64> = newest.weights(base, relative.iter().chain([&0.0])).collect();
    let total = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let answer: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    let shifts: Vec<f64> = covariance.iter().map(|row| dot(row, &answer)).collect();
    let common = dot(&shifts, &answer) + 1.0 / total;
    let of_today: Vec<Vec<f64>> = covariance
        .iter()
        .zip(&shifts)
        .map(|(row, own)| {
            row.iter().zip(&shifts).map(|(entry, other)| entry - own - other + common).collect()
        })
        .collect();
    let contrast = Contrast {
        mean: relative.iter().map(|relative| base + relative).collect(),
        factor: cholesky(&of_today).into_iter().flatten().collect(),
    };
    contrast.check(relative.len()).is_ok().then_some(contrast)
}

/// Exposures and conversions of each arm while the base rate is taken to stay the same.
#[derive(Debug, Clone, PartialEq)]
struct Stratum {
    arms: Vec<(f64, f64)>,
}

/// Consecutive periods joined until each stratum has `period` exposures. None of them is empty.
fn strata(periods: &[Period], period: f64) -> Vec<Stratum> {
    let arms = periods.iter().map(|period| period.arms.len()).max().unwrap_or(0);
    let empty = Stratum { arms: vec![(0.0, 0.0); arms] };
    let (mut strata, mut open) = (Vec::new(), empty.clone());
    for counted in periods {
        let counts = |tally: &Tally| (tally.exposures.max(0) as f64, tally.conversions.max(0) as f64);
        open.add(
            counted
                .arms
                .iter()
                .map(counts)
                .map(|(exposures, conversions)| (exposures, conversions.min(exposures))),
        );
        if open.exposures() > 0.0 && open.exposures() >= period {
            strata.push(std::mem::replace(&mut open, empty.clone()));
        }
    }
    match strata.last_mut() {
        Some(last) => last.add(open.arms.into_iter()),
        None if open.exposures() > 0.0 => strata.push(open),
        None => {}
    }
    strata
}

impl Stratum {
    fn add(&mut self, counts: impl Iterator<Item = (f64, f64)>) {
        for (sum, more) in self.arms.iter_mut().zip(counts) {
            *sum = (sum.0 + more.0, sum.1 + more.1);
        }
    }

    fn exposures(&self) -> f64 {
        self.arms.iter().map(|arm| arm.0).sum()
    }

    fn conversions(&self) -> f64 {
        self.arms.iter().map(|arm| arm.1).sum()
    }

    /// The log-odds at which as many conversions are expected as there were: more than none and less than all.
    fn intercept(&self, relative: &[f64]) -> f64 {
        let (exposures, conversions) = (self.exposures(), self.conversions());
        root(ln(conversions / (exposures - conversions)), &|base| {
            let expected =
                self.arms.iter().zip(relative).map(|(arm, relative)| arm.0 * rate(base + relative));
            (conversions - expected.sum::<f64>(), self.weights(base, relative.iter()).sum())
        })
    }

    /// Variance of each arm's conversions: n q (1 - q).
    fn weights<'a>(
        &'a self,
        base: f64,
        relative: impl Iterator<Item = &'a f64> + 'a,
    ) -> impl Iterator<Item = f64> + 'a {
        let arms = self.arms.iter().zip(relative);
        arms.map(move |(arm, relative)| arm.0 * rate(base + relative) * rate(-base - relative))
    }
}

fn rate(log_odds: f64) -> f64 {
    1.0 / (1.0 + exp(-log_odds))
}

/// Logarithm of the posterior density of δ, its gradient, and its curvature (negated).
struct Pass {
    value: f64,
    gradient: Vec<f64>,
    precision: Vec<Vec<f64>>,
}

fn pass(strata: &[Stratum], relative: &[f64]) -> Pass {
    let mut gradient: Vec<f64> = relative.iter().map(|relative| -PRIOR_PRECISION * relative).collect();
    let mut precision = vec![vec![0.0; relative.len()]; relative.len()];
    precision
        .iter_mut()
        .enumerate()
        .filter_map(|(arm, row)| row.get_mut(arm))
        .for_each(|own| *own = PRIOR_PRECISION);
    let mut value = 0.5 * dot(relative, &gradient);
    for stratum in strata {
        let conversions = stratum.conversions();
        if !(conversions > 0.0 && conversions < stratum.exposures()) {
            continue;
        }
        let base = stratum.intercept(relative);
        let weights: Vec<f64> = stratum.weights(base, relative.iter()).collect();
        let total = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        for ((arm, relative), gradient) in stratum.arms.iter().zip(relative).zip(&mut gradient) {
            let log_odds = base + relative;
            value += arm.1 * ln_logistic(log_odds) + (arm.0 - arm.1) * ln_logistic(-log_odds);
            *gradient += arm.1 - arm.0 * rate(log_odds);
        }
        for (arm, (row, weight)) in precision.iter_mut().zip(&weights).enumerate() {
            for (other, (entry, its)) in row.iter_mut().zip(&weights).enumerate() {
                *entry += if arm == other { weight * (1.0 - its / total) } else { -weight * its / total };
            }
        }
    }
    Pass { value, gradient, precision }
}

/// The most probable δ and their covariance.
fn mode(strata: &[Stratum], arms: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut relative = vec![0.0; arms];
    let mut here = pass(strata, &relative);
    let mut covariance = inverse(&here.precision);
    for _ in 0..STEPS {
        let step: Vec<f64> = covariance.iter().map(|row| dot(row, &here.gradient)).collect();
        let toward = |part: f64| relative.iter().zip(&step).map(|(from, step)| from + part * step).collect();
        // What is left to gain is half of this. Once rounding could hide it, the step is good but cannot be checked.
        if dot(&step, &here.gradient) < 1e-10 + 1e-12 * here.value.abs() {
            relative = toward(1.0);
            break;
        }
        let longest = step.iter().fold(0.0_f64, |most, step| most.max(step.abs()));
        let mut part = (2.0 / longest).min(1.0);
        let better = (0..40).find_map(|_| {
            let there: Vec<f64> = toward(part);
            let pass = pass(strata, &there);
            part *= 0.5;
            (pass.value > here.value).then_some((there, pass))
        });
        let Some((there, pass)) = better else { break };
        (relative, here) = (there, pass);
        covariance = inverse(&here.precision);
    }
    (relative, covariance)
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// The lower triangle L with L L' the matrix, row by row. Pivots are kept positive where rounding would not.
fn cholesky(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
    for (place, row) in matrix.iter().enumerate() {
        let mut own: Vec<f64> = Vec::with_capacity(place + 1);
        for (entry, above) in row.iter().zip(&factor) {
            own.push((entry - dot(&own, above)) / above.last().copied().unwrap_or(1.0));
        }
        let square = row.get(place).copied().unwrap_or(1.0);
        own.push((square - dot(&own, &own)).max(1e-14 * square).sqrt());
        factor.push(own);
    }
    factor
}

/// Inverse of a positive definite matrix.
fn inverse(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let factor = cholesky(matrix);
    let column = |place: usize| {
        factor.iter().enumerate().fold(Vec::with_capacity(factor.len()), |mut solved: Vec<f64>, (at, row)| {
            let unit = if at == place { 1.0 } else { 0.0 };
            solved.push((unit - dot(row, &solved)) / row.last().copied().unwrap_or(1.0));
            solved
        })
    };
    let columns: Vec<Vec<f64>> = (0..factor.len()).map(column).collect();
    columns.iter().map(|one| columns.iter().map(|other| dot(one, other)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{ArmInput, Policy, PolicyInput};
    use crate::{Cohort, Posterior};
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn periods(counts: &[Vec<(i64, i64)>]) -> Vec<Period> {
        let tally =
            |&(exposures, conversions): &(i64, i64)| Tally { exposures, conversions, ..Tally::default() };
        let counts = counts.iter().enumerate();
        counts
            .map(|(hour, arms)| Period {
                cohort: Cohort { epoch: 1, hour: hour as u32 },
                shares: vec![],
                arms: arms.iter().map(tally).collect(),
                holdout: Tally::default(),
            })
            .collect()
    }

    fn covariance(contrast: &Contrast) -> Vec<f64> {
        let mut entries = contrast.factor.iter().copied();
        let rows: Vec<Vec<f64>> =
            (1..=contrast.mean.len()).map(|length| entries.by_ref().take(length).collect()).collect();
        rows.iter()
            .enumerate()
            .flat_map(|(place, row)| rows[..=place].iter().map(|above| dot(row, above)))
            .collect()
    }

    fn assert_near(given: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(given.len(), expected.len());
        for (one, other) in given.iter().zip(expected) {
            assert!((one - other).abs() <= tolerance, "{given:?} instead of {expected:?}");
        }
    }

    #[test]
    fn mean_and_covariance_equal_those_of_the_joint_fit() {
        // scipy: all intercepts and contrasts maximised together (BFGS), the whole Hessian inverted, and how the base
        // rate answers to the contrasts by finite differences.
        let two = fit(&periods(&[vec![(1000, 98), (100, 13)], vec![(100, 2), (1000, 42)]]), 500.0).unwrap();
        assert_near(&two.mean, &[-3.520_037_51, -3.137_399_45], 1e-6);
        assert_near(&covariance(&two), &[0.088_184_15, 0.018_865_77, 0.023_748_26], 1e-6);
        let three = fit(
            &periods(&[
                vec![(500, 10), (300, 9), (200, 5)],
                vec![(400, 24), (300, 20), (300, 25)],
                vec![(200, 0), (300, 0), (500, 0)],
                vec![(100, 9), (300, 33), (600, 70)],
            ]),
            500.0,
        );
        let three = three.unwrap();
        assert_near(&three.mean, &[-2.316_943_82, -2.104_088_01, -2.011_312_98], 1e-6);
        let expected = [0.040_107_85, 0.009_900_50, 0.023_430_34, 0.006_131_12, 0.003_794_61, 0.013_432_56];
        assert_near(&covariance(&three), &expected, 1e-6);
    }

    #[test]
    fn an_arm_that_was_never_shown_is_as_uncertain_as_the_prior() {
        // scipy, as above. The last two strata together have 11 conversions, fewer than a base rate is taken from.
        let unseen =
            fit(&periods(&[vec![(500, 3), (300, 2), (0, 0)], vec![(400, 4), (300, 2), (0, 0)]]), 500.0);
        let unseen = unseen.unwrap();
        assert_near(&unseen.mean, &[-4.808_349_30, -4.953_206_01, -4.880_777_66], 1e-6);
        let expected = [0.131_807_81, 0.011_233_70, 0.219_751_51, 0.071_193_14, 0.115_164_99, 1.592_851_45];
        assert_near(&covariance(&unseen), &expected, 1e-6);
    }

    #[test]
    fn without_conversions_nothing_is_told_apart() {
        let none = fit(&periods(&[vec![(500, 0), (300, 0), (10, 0)]]), 500.0).unwrap();
        assert_near(&none.mean, &[-7.390_798_52; 3], 1e-6);
        assert_eq!(fit(&periods(&vec![vec![(0, 0); 3]; 4]), 500.0), None);
        assert_eq!(fit(&[], 500.0), None);
    }

    #[test]
    fn cohorts_are_joined_until_they_have_a_period_and_the_rest_joins_the_last() {
        let counts = [200, 250, 50, 700, 10, 20].map(|exposures| vec![(exposures, 1), (0, 0)]);
        let exposures = |period: f64| {
            strata(&periods(&counts), period).iter().map(Stratum::exposures).collect::<Vec<_>>()
        };
        assert_eq!(exposures(500.0), [500.0, 730.0]);
        assert_eq!(exposures(2000.0), [1230.0]);
        assert_eq!(exposures(1.0), [200.0, 250.0, 50.0, 700.0, 10.0, 20.0]);
    }

    /// The base rate of both arms goes from 2 % to 10 % while the shares go from the first arm to the second, which is
    /// worse by an odds ratio of 0.8. Pooled, the second arm has most of its exposures where all is well.
    #[test]
    fn a_base_rate_that_drifts_misleads_the_pooled_comparison_only() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let counts: Vec<Vec<(i64, i64)>> = (0..40)
            .map(|hour| {
                let along = f64::from(hour) / 39.0;
                let odds = |rate: f64| rate / (1.0 - rate);
                let base = odds(0.02) * exp(along * ln(odds(0.10) / odds(0.02)));
                let share = 0.1 + 0.8 * along;
                [(1.0 - share, base), (share, 0.8 * base)]
                    .map(|(share, odds)| {
                        let exposures = (2000.0 * share) as i64;
                        let sold = (0..exposures).filter(|_| rng.random::<f64>() < odds / (1.0 + odds));
                        (exposures, sold.count() as i64)
                    })
                    .to_vec()
            })
            .collect();
        let arms = [0, 1].map(|arm| {
            let (n, s) = counts.iter().fold((0, 0), |sum, hour| (sum.0 + hour[arm].0, sum.1 + hour[arm].1));
            let posterior = Posterior::new(1.0 + s as f64, 1.0 + (n - s) as f64, 1900).unwrap();
            ArmInput::new(posterior, 1900).counted(n as f64, s as f64)
        });
        let mut input = PolicyInput::new(arms.to_vec(), 0).unwrap();
        input.contrast = fit(&periods(&counts), 500.0);
        let share = |policy: Policy| {
            let weights = policy.weights(&input);
            weights[0] / (weights[0] + weights[1])
        };
        // Expected: 80 000 exposures tell the log-odds of the arms apart to within 0.035, and ln 0.8 is 6 of these, so
        // that a seed fails with probability of about 1e-4.
        assert!(share(Policy::Thompson) < 0.01, "pooled {}", share(Policy::Thompson));
        assert!(share(Policy::ContrastThompson) > 0.99, "within cohorts {}", share(Policy::ContrastThompson));
    }

    #[test]
    fn thousands_of_strata_with_many_arms_are_fitted() {
        let counts: Vec<Vec<(i64, i64)>> = (0..2000)
            .map(|hour| (0..32).map(|arm| (40, i64::from((hour * 7 + arm * 3) % 5 == 0))).collect())
            .collect();
        let contrast = fit(&periods(&counts), 500.0).unwrap();
        assert!(contrast.mean.iter().all(|mean| (-8.0..0.0).contains(mean)), "{:?}", contrast.mean);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_counts_give_a_sound_contrast(
            counts in prop::collection::vec(
                prop::collection::vec((prop_oneof![0..20_i64, 0..1_000_000_000_i64], 0.0..=1.0_f64), 4), 0..12),
            period in prop_oneof![2.0..1e9_f64, Just(f64::NAN), Just(0.0)],
        ) {
            let counts: Vec<Vec<(i64, i64)>> = counts
                .iter()
                .map(|arms| arms.iter().map(|&(n, part)| (n, (n as f64 * part) as i64)).collect())
                .collect();
            let shown = counts.iter().flatten().any(|arm| arm.0 > 0);
            let contrast = fit(&periods(&counts), period);
            prop_assert_eq!(contrast.is_some(), shown);
            if let Some(contrast) = contrast {
                prop_assert_eq!(contrast.check(4), Ok(()));
                prop_assert!(covariance(&contrast).iter().all(|entry| entry.abs() < 1e4));
            }
        }

        #[test]
        fn the_order_of_the_arms_does_not_matter(
            counts in prop::collection::vec(prop::collection::vec((0..5000_i64, 0.0..=1.0_f64), 3), 1..9),
        ) {
            let counted = |order: [usize; 3]| -> Vec<Vec<(i64, i64)>> {
                let arms = |arms: &Vec<(i64, f64)>| order.map(|arm| (arms[arm].0, (arms[arm].0 as f64 * arms[arm].1) as i64));
                counts.iter().map(|period| arms(period).to_vec()).collect()
            };
            let fitted = [[0, 1, 2], [2, 0, 1]].map(|order| fit(&periods(&counted(order)), 500.0));
            if let [Some(one), Some(other)] = fitted {
                for (arm, place) in [(0, 1), (1, 2), (2, 0)] {
                    prop_assert!((one.mean[arm] - other.mean[place]).abs() < 1e-5);
                }
            }
        }
    }
}
