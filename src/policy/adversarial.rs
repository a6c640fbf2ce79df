//! Policies for rewards that may change at will: shares from importance-weighted losses.
//!
//! In scope: shares from `ArmInput::loss`, the sum over an arm's exposures of `(1 - x) / (p + γ)` with `x` the reward
//! scaled to `[0, 1]` and `p` the arm's share when the exposure was decided. Out of scope: making that sum (`evidence`).

use super::{PolicyInput, spread};
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
    spread(input, input.live().map(|arm| exp(-eta * (arm.loss - least))))
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
    spread(input, input.live().map(|arm| root_of_share(arm.loss) * root_of_share(arm.loss)))
}

fn least_loss(input: &PolicyInput) -> f64 {
    input.live().map(|arm| arm.loss).fold(f64::INFINITY, f64::min)
}
