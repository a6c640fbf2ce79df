//! Policies for rewards that may change at will: shares from importance-weighted losses.
//!
//! In scope: shares from `ArmInput::loss`, the sum over an arm's exposures of `(1 - x) / (p + γ)` with `x` the reward
//! scaled to `[0, 1]` and `p` the arm's share when the exposure was decided. Out of scope: making that sum (`evidence`).

use super::{PolicyInput, spread_by};
use crate::math::{exp, ln};

/// The γ of EXP3-IX, which is added to the share that a loss is divided by: half of the learning rate
/// `η = √(2 ln K / (K T))` for `arms` = K and `horizon` = T units.
///
/// Source: Neu (2015), *Explore no more: improved high-probability regret bounds for non-stochastic bandits*,
/// arXiv:1506.03271, theorem 1 with `η = 2 γ`.
pub(crate) fn exp3_ix_gamma(arms: usize, horizon: f64) -> f64 {
    let arms = arms.max(1) as f64;
    0.5 * (2.0 * ln(arms) / (arms * horizon.max(1.0))).sqrt()
}

/// EXP3-IX: shares in proportion to `exp(-η L̂)`.
pub(super) fn exp3_ix_weights(input: &PolicyInput) -> Vec<f64> {
    let horizon = input.horizon.map_or(input.exposures(), |units| units as f64);
    let eta = 2.0 * exp3_ix_gamma(input.arms().len(), horizon);
    let least = least_loss(input);
    spread_by(input, &|arm| exp(-eta * (arm.loss - least)))
}

/// Tsallis-INF with the power ½: shares `4 / (η_t (L̂ - x))²` with `η_t = 2 / √t`, and x such that they sum to 1.
pub(super) fn tsallis_inf_weights(input: &PolicyInput) -> Vec<f64> {
    const STEPS: u32 = 100;
    // The unit that is to come is number t.
    let eta = 2.0 / (input.exposures() + 1.0).sqrt();
    let least = least_loss(input);
    // With z = η_t (least loss - x) the sum of the shares is convex and falls from at least 1 at z = 2, so that
    // Newton's method goes up to the root without passing it.
    let mut z = 2.0;
    for _ in 0..STEPS {
        let (mut sum, mut slope) = (0.0, 0.0);
        for arm in input.live() {
            let distance = eta * (arm.loss - least) + z;
            sum += 4.0 / (distance * distance);
            slope += 8.0 / (distance * distance * distance);
        }
        let step = (sum - 1.0) / slope;
        z += step;
        if step <= 1e-14 * z {
            break;
        }
    }
    let root_of_share = |loss: f64| 2.0 / (eta * (loss - least) + z);
    spread_by(input, &|arm| root_of_share(arm.loss) * root_of_share(arm.loss))
}

fn least_loss(input: &PolicyInput) -> f64 {
    input.live().map(|arm| arm.loss).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ArmInput, Posterior};

    fn input(losses: [f64; 3], exposures: f64, horizon: u64) -> PolicyInput {
        let arm = ArmInput::new(Posterior::new(1.0, 1.0, 1900).unwrap(), 1900).counted(exposures / 3.0, 0.0);
        let arms = losses.map(|loss| ArmInput { loss, ..arm }).to_vec();
        let mut input = PolicyInput::new(arms, 0).unwrap();
        input.horizon = Some(horizon);
        input
    }

    fn assert_shares(weights: &[f64], expected: [f64; 3]) {
        let sum: f64 = weights.iter().sum();
        for (weight, expected) in weights.iter().zip(expected) {
            assert!((weight / sum - expected).abs() < 1e-12, "{weights:?} instead of {expected:?}");
        }
    }

    #[test]
    fn exp3_ix_equals_the_golden_values() {
        // mpmath: K = 3, T = 1000
        let expected = [0.577_227_034_579_741, 0.335_954_200_178_074, 0.086_818_765_242_185];
        assert_shares(&exp3_ix_weights(&input([30.0, 50.0, 100.0], 600.0, 1000)), expected);
        assert!((exp3_ix_gamma(3, 1000.0) - 0.013_531_520_539_516_3).abs() < 1e-15);
        assert_eq!(exp3_ix_gamma(1, 1000.0), 0.0);
    }

    #[test]
    fn tsallis_inf_equals_the_golden_values_and_sums_to_one() {
        // mpmath: the 18th unit is to come
        let expected = [0.574_656_721_051_718, 0.311_905_177_156_815, 0.113_438_101_791_467];
        let weights = tsallis_inf_weights(&input([3.0, 5.0, 10.0], 17.0, 1000));
        assert_shares(&weights, expected);
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{weights:?}");
    }

    #[test]
    fn losses_alike_give_shares_alike_and_huge_ones_none() {
        for weights in [exp3_ix_weights, tsallis_inf_weights] {
            assert_shares(&weights(&input([0.0; 3], 0.0, 1)), [1.0 / 3.0; 3]);
            assert_shares(&weights(&input([7e16; 3], 1e15, u64::MAX)), [1.0 / 3.0; 3]);
            assert_shares(&weights(&input([0.0, 1e17, 1e17], 10.0, 100)), [1.0, 0.0, 0.0]);
        }
    }
}
