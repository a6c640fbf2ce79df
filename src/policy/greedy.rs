//! Policies that look at the mean value of each arm only: epsilon-greedy and softmax.
//!
//! In scope: shares from the means of the posteriors, whatever the reward model. Out of scope: how sure the means are;
//! where that should count, Thompson sampling is the better policy.

use super::{ArmInput, Policy, PolicyInput, spread_by};
use crate::math::exp;

/// Epsilon-greedy: 1 - ε for the arms with the highest mean, ε for all live arms.
pub(super) fn epsilon_weights(input: &PolicyInput) -> Vec<f64> {
    let policy = Policy::EpsilonGreedy;
    let (constant, decay) = (policy.parameter(input, 0), policy.parameter(input, 1));
    let live = input.live().count() as f64;
    let epsilon = if decay > 0.0 { (decay * live / input.exposures().max(1.0)).min(1.0) } else { constant };
    let best = highest_mean(input);
    let is_best = |arm: &ArmInput| arm.posterior.value_mean_minor() == best;
    let winner = (1.0 - epsilon) / input.live().filter(|arm| is_best(arm)).count() as f64;
    spread_by(input, &|arm| epsilon / live + if is_best(arm) { winner } else { 0.0 })
}

/// Softmax: shares in proportion to e to the mean value over a temperature.
pub(super) fn softmax_weights(input: &PolicyInput) -> Vec<f64> {
    let temperature = Policy::Softmax.parameter(input, 0);
    let best = highest_mean(input);
    let largest = input.live().map(|arm| arm.posterior.value_mean_minor().abs()).fold(0.0, f64::max);
    // All means may be 0.
    let scale = largest.max(f64::MIN_POSITIVE);
    // The exponent is 0 for the best arm and negative for the others: nothing overflows.
    let weight = |arm: &ArmInput| exp((arm.posterior.value_mean_minor() - best) / scale / temperature);
    spread_by(input, &weight)
}

fn highest_mean(input: &PolicyInput) -> f64 {
    input.live().map(|arm| arm.posterior.value_mean_minor()).fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Posterior;

    fn arm(alpha: f64, beta: f64) -> ArmInput {
        ArmInput::new(Posterior::new(alpha, beta, 1900).unwrap(), 1900)
            .counted(alpha + beta - 2.0, alpha - 1.0)
    }

    fn input(arms: &[ArmInput], policy: Policy, parameters: &[f64]) -> PolicyInput {
        PolicyInput::new(arms.to_vec(), 0).unwrap().with_parameters(policy, parameters.to_vec()).unwrap()
    }

    #[test]
    fn epsilon_greedy_gives_the_best_mean_all_but_epsilon() {
        let arms =
            [arm(21.0, 81.0), arm(31.0, 71.0), ArmInput { live: false, ..arm(99.0, 1.0) }, arm(31.0, 71.0)];
        let weights = |parameters: &[f64]| epsilon_weights(&input(&arms, Policy::EpsilonGreedy, parameters));
        // Two arms tie for the 0.7, and three are live.
        let expected = [0.1, 0.1 + 0.35, 0.0, 0.1 + 0.35];
        for (weight, expected) in weights(&[0.3]).iter().zip(expected) {
            assert!((weight - expected).abs() < 1e-15, "{weight} instead of {expected}");
        }
        assert_eq!(weights(&[0.0]), [0.0, 0.5, 0.0, 0.5]);
        let uniform = weights(&[1.0]);
        assert!(uniform[0] > 0.0 && uniform[0] == uniform[1] && uniform[1] == uniform[3]);
    }

    /// 5 K / t with K = 2 and t = 200, and 1 while t is small.
    #[test]
    fn epsilon_decays_with_the_exposures() {
        let weights = |arms: [ArmInput; 2]| {
            let given = epsilon_weights(&input(&arms, Policy::EpsilonGreedy, &[0.7, 5.0]));
            (given[0], given[1])
        };
        let (worse, better) = weights([arm(21.0, 81.0), arm(31.0, 71.0)]);
        assert!((worse - 0.025).abs() < 1e-15 && (better - 0.975).abs() < 1e-15, "{worse} {better}");
        assert_eq!(weights([arm(1.0, 2.0), arm(1.0, 1.0)]), (0.5, 0.5));
    }

    #[test]
    fn softmax_equals_the_golden_values() {
        let arms = [arm(21.0, 81.0), arm(31.0, 71.0), arm(26.0, 76.0)];
        let weights = softmax_weights(&input(&arms, Policy::Softmax, &[]));
        let sum: f64 = weights.iter().sum();
        // exp of 10 times 21/31, 1 and 26/31, over their sum (mpmath)
        for (weight, expected) in weights.iter().zip([0.032_060_299_934_921_7, 0.807_081_741_865_303]) {
            assert!((weight / sum - expected).abs() < 1e-14, "{weights:?}");
        }
    }

    #[test]
    fn softmax_with_any_temperature_neither_overflows_nor_ends() {
        let arms = [arm(1.0, 1e12), arm(1e12, 1.0), arm(31.0, 71.0)];
        let cold = softmax_weights(&input(&arms, Policy::Softmax, &[0.001]));
        assert!(cold[0] < 1e-300 && cold[1] == 1.0 && cold[2] < 1e-300, "{cold:?}");
        let hot = softmax_weights(&input(&arms, Policy::Softmax, &[1000.0]));
        assert!(hot.iter().all(|weight| (0.999..=1.0).contains(weight)), "{hot:?}");
    }
}
