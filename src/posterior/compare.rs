//! Comparisons between arms beyond P(best): what a choice may cost, and how much there is left to gain.

use super::Posterior;
use super::p_best::{Kind, best_of, dot, kind_of, kinds, multiply, p_best, walk};

/// Probability that the value of `one` is higher than that of `other`. Error as of [`p_best`]; equal posteriors
/// give ½.
///
/// ```
/// let (a, b) = (haggle::Posterior::new(21.0, 81.0, 1)?, haggle::Posterior::new(31.0, 71.0, 1)?);
/// assert!((haggle::p_beats(&b, &a) - 0.947_603_103_352).abs() < 1e-5);
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn p_beats(one: &Posterior, other: &Posterior) -> f64 {
    p_best(&[*one, *other]).first().copied().unwrap_or(0.5)
}

/// What the choice of each arm is expected to cost: `E[max_j v_j - v_k]`, in the order of `arms`.
///
/// Unit: minor units per exposure. Range: 0 or more. With `F_j` the distribution functions this is
/// `∫ F_k (1 - Π_{j≠k} F_j) dv`, by the quadrature of [`p_best`]. The error is below 2e-6 of the largest value that
/// matters; where an order shape is below 3 or a normal shape below 1.5, heavy tails beyond the quadrature add to it.
/// Source: Stucchio (2015), *Bayesian A/B testing at VWO*, which stops an experiment where the least of these falls
/// below a threshold in currency.
///
/// ```
/// let (a, b) = (haggle::Posterior::new(21.0, 81.0, 1900)?, haggle::Posterior::new(31.0, 71.0, 1900)?);
/// let loss = haggle::expected_loss(&[a, b]);
/// assert!((loss[1] - 1900.0 * 0.001_345_597_2).abs() < 1e-3); // minor units per visitor, if b is chosen
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn expected_loss(arms: &[Posterior]) -> Vec<f64> {
    let mut kinds = kinds(arms);
    walk(&mut kinds, 0.0, |kinds, rule, half, nodes| {
        let slope = nodes.each_ref().map(|node| node.slope);
        let mut before = nodes.each_ref().map(|_| 1.0);
        for kind in kinds.iter_mut() {
            kind.others = before;
            (0..kind.copies).for_each(|_| multiply(&mut before, &kind.below_nodes));
        }
        let mut after = nodes.each_ref().map(|_| 1.0);
        for kind in kinds.iter_mut().rev() {
            let mut others = kind.others;
            multiply(&mut others, &after);
            (1..kind.copies).for_each(|_| multiply(&mut others, &kind.below_nodes));
            let mut integrand = others.map(|others| 1.0 - others);
            multiply(&mut integrand, &kind.below_nodes);
            multiply(&mut integrand, &slope);
            kind.best += half * dot(&rule.weights, &integrand);
            (0..kind.copies).for_each(|_| multiply(&mut after, &kind.below_nodes));
        }
    });
    arms.iter().map(|arm| kind_of(&kinds, arm).map_or(0.0, |kind| kind.best.max(0.0))).collect()
}

/// How much better than the most probably best arm some arm may still be: the 95 % quantile of
/// `(v_max - v_k) / v_k`, where k is the arm with the highest P(best).
///
/// Unit: share of that arm's value; 0.01 says that at most 1 % is left to gain, with 95 % of the belief. Infinite where
/// that arm's value may be 0 or less with more than 5 %. Found by bisection to 1e-6 of `1 +` the result.
/// Source: Scott (2015), *Multi-armed bandit experiments in the online service economy*, section 4.2,
/// doi:10.1002/asmb.2104.
///
/// ```
/// let arms = [haggle::Posterior::new(21.0, 81.0, 1)?, haggle::Posterior::new(31.0, 71.0, 1)?];
/// let left = haggle::value_remaining(&arms);
/// assert!(0.0 < left && left < 0.02);
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn value_remaining(arms: &[Posterior]) -> f64 {
    const BELIEF: f64 = 0.95;
    let best = p_best(arms);
    let Some((leader, _)) = best.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1)) else {
        return 0.0;
    };
    // P(v_max <= (1 + w) v_k) is P(best) of arm k with its value taken 1 + w times.
    let reached = |left: f64| {
        let mut kinds: Vec<Kind> = arms
            .iter()
            .enumerate()
            .map(|(arm, posterior)| Kind::new(*posterior, if arm == leader { 1.0 + left } else { 1.0 }))
            .collect();
        best_of(&mut kinds, leader) >= BELIEF
    };
    if reached(0.0) {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while !reached(high) {
        (low, high) = (high, 4.0 * high);
        if high > 1e9 {
            return f64::INFINITY;
        }
    }
    while high - low > 1e-6 * (1.0 + low) {
        let middle = 0.5 * (low + high);
        if reached(middle) { high = middle } else { low = middle }
    }
    high
}
