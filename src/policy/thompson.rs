//! Thompson sampling: the share of an arm is the probability that it is the best.

use super::{PolicyInput, spread};
use crate::{Posterior, p_best};

/// P(best) among the live arms. Dead arms get 0.
pub(super) fn weights(input: &PolicyInput) -> Vec<f64> {
    let live: Vec<Posterior> = input.live().map(|arm| arm.posterior).collect();
    spread(input, p_best(&live))
}
