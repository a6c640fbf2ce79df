//! Thompson sampling: the share of an arm is the probability that it is the best.
//!
//! In scope: Thompson sampling and top-two Thompson sampling, from the posteriors alone and so for any reward model.
//! Out of scope: the probability itself (`posterior`), and evidence that fades or is windowed (`evidence`).

use super::{Policy, PolicyInput, spread};
use crate::{Posterior, p_best};

/// P(best) among the live arms. Dead arms get 0.
pub(super) fn weights(input: &PolicyInput) -> Vec<f64> {
    spread(input, best_of_live(input))
}

/// The shares of top-two Thompson sampling, from P(best) alone. Dead arms get 0.
pub(super) fn top_two(input: &PolicyInput) -> Vec<f64> {
    spread(input, challenge(&best_of_live(input), Policy::TopTwoThompson.parameter(input, 0)))
}

fn best_of_live(input: &PolicyInput) -> Vec<f64> {
    let live: Vec<Posterior> = input.live().map(|arm| arm.posterior).collect();
    p_best(&live)
}

/// The closed form of top-two sampling, with α the probabilities of being best: `α_k β` for the leader, and for the
/// challenger, which is drawn until it is another arm, `(1 - β) Σ_{j≠k} α_j α_k / (1 - α_j)`.
///
/// `1 - α_j` is summed up from the others, so that it has its digits where a leader is all but certain; where nothing is
/// left of them, they share equally.
fn challenge(best: &[f64], beta: f64) -> Vec<f64> {
    if best.len() < 2 {
        return best.to_vec();
    }
    let mut weights: Vec<f64> = best.iter().map(|alpha| beta * alpha).collect();
    for (leader, alpha) in best.iter().enumerate() {
        let others = || best.iter().enumerate().filter(move |(arm, _)| *arm != leader);
        let rest: f64 = others().map(|(_, other)| other).sum();
        let equal = 1.0 / (best.len() - 1) as f64;
        for (arm, other) in others() {
            let part = if rest > 0.0 { other / rest } else { equal };
            if let Some(weight) = weights.get_mut(arm) {
                *weight += (1.0 - beta) * alpha * part;
            }
        }
    }
    weights
}
