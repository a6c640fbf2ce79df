//! Policies that look at the mean value of each arm only: epsilon-greedy and softmax.
//!
//! In scope: shares from the means of the posteriors, whatever the reward model. Out of scope: how sure the means are;
//! where that should count, Thompson sampling is the better policy.

use super::{ArmInput, Policy, PolicyInput, spread};
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
    spread(input, input.live().map(|arm| epsilon / live + if is_best(arm) { winner } else { 0.0 }))
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
    spread(input, input.live().map(weight))
}

fn highest_mean(input: &PolicyInput) -> f64 {
    input.live().map(|arm| arm.posterior.value_mean_minor()).fold(f64::NEG_INFINITY, f64::max)
}
