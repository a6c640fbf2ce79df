//! Thompson sampling: the share of an arm is the probability that it is the best.
//!
//! In scope: Thompson sampling and top-two Thompson sampling, from the posteriors alone and so for any reward model.
//! Out of scope: the probability itself (`posterior`), and evidence that fades or is windowed (`evidence`).

use super::{Policy, PolicyInput, spread};
use crate::{Posterior, p_best};

/// P(best) among the live arms. Dead arms get 0.
pub(super) fn weights(input: &PolicyInput) -> Vec<f64> {
    spread(input, &best_of_live(input))
}

/// The shares of top-two Thompson sampling, from P(best) alone. Dead arms get 0.
pub(super) fn top_two(input: &PolicyInput) -> Vec<f64> {
    spread(input, &challenge(&best_of_live(input), Policy::TopTwoThompson.parameter(input, 0)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArmInput;

    fn assert_near(given: &[f64], expected: &[f64]) {
        for (given, expected) in given.iter().zip(expected) {
            assert!((given - expected).abs() < 1e-12, "{given} instead of {expected}");
        }
    }

    #[test]
    fn the_closed_form_equals_the_golden_values() {
        let best = [0.031_281_859_393_947_2, 0.762_460_286_328_356, 0.206_257_854_277_697];
        // mpmath, from Russo's formula
        let expected = [0.069_909_909_270_677_6, 0.492_605_385_710_169, 0.437_484_705_019_154];
        assert_near(&challenge(&best, 0.5), &expected);
        assert_near(&challenge(&best, 1.0), &best);
    }

    #[test]
    fn a_certain_leader_keeps_its_part_and_leaves_the_rest() {
        assert_near(&challenge(&[1.0, 0.0, 0.0], 0.5), &[0.5, 0.25, 0.25]);
        // 1 - α would be 0 here; what is left is known all the same.
        assert_near(&challenge(&[1.0, 3e-30, 1e-30], 0.6), &[0.6, 0.3, 0.1]);
        assert_eq!(challenge(&[1.0], 0.5), [1.0]);
        assert_near(&challenge(&[0.5, 0.5], 0.3), &[0.5, 0.5]);
    }

    #[test]
    fn a_beta_of_one_is_thompson_sampling_and_dead_arms_have_nothing() {
        let arm = |alpha, beta| ArmInput::new(Posterior::new(alpha, beta, 1900).unwrap(), 1900);
        let dead = ArmInput { live: false, ..arm(99.0, 1.0) };
        let input = PolicyInput::new(vec![arm(21.0, 81.0), dead, arm(31.0, 71.0)], 0).unwrap();
        let alone = input.clone().with_parameters(Policy::TopTwoThompson, vec![1.0]).unwrap();
        assert_near(&top_two(&alone), &weights(&input));
        // Of two live arms the one that does not lead is the challenger.
        assert_near(&top_two(&input), &[0.5, 0.0, 0.5]);
    }
}
