//! P(best): how probably each arm has the highest value.
//!
//! In scope: one number per arm, by quadrature, always the same for the same posteriors. Out of scope: floors and
//! rounding to shares (`allocation`), and what is made of the same quadrature beyond P(best) (`compare`).
//!
//! Let `F_k` be the distribution function of arm k's value `v`. Then `P(best = k) = ∫ Π_{j≠k} F_j(v) dF_k(v)`
//! (Scott 2010, *A modern Bayesian look at the multi-armed bandit*, section 3, doi:10.1002/asmb.874). How the
//! integral is taken:
//!
//! 1. The axis of values is split at 0 and at the largest possible value of each arm that has one (its `top`, where
//!    the rate is 1). Within such a segment the variable is `s = ln((v - from) / (to - v))`, which sends both ends to
//!    infinity: what a density does at an end of its range, it does slowly in `s`. Of an infinite segment `s` is the
//!    logarithm of the distance from its end.
//! 2. Every arm contributes cuts where its own log-density has fallen by the amounts in `FALLS`. The union of
//!    all cuts makes the cells, so a narrow arm beside one a thousand times wider is seen as sharply as alone.
//! 3. In a cell all densities are known at the Gauss-Legendre nodes; the same values, integrated from the right
//!    edge to each node, continue the `F_j`. No incomplete beta function is needed.
//! 4. The walk goes from the highest values down and ends where the probability that all values are lower, which is
//!    `Π F_j`, no longer matters. Arms that lie below that place cost next to nothing.

mod axis;
mod law;
mod quadrature;

pub(crate) use self::law::Mixture;

use self::axis::{Node, Place, Segment, is_before};
use self::law::Law;
pub(super) use self::quadrature::dot;
use self::quadrature::{NODES, Rule};
use super::Posterior;
use std::cmp::Ordering;

/// Where the walk ends: P(best) of all arms together below that place.
const REST: f64 = 1e-7;

/// Probability that each arm has the highest value, in the order of `arms`.
///
/// Range: `[0, 1]`; they sum to 1. The absolute error is below 1e-6, for any mix of reward models and for widths that
/// differ a millionfold (2e-6 beside a zero-inflated arm; 1e-2 where such an arm's rate has a prior far below 1).
/// Arms with the same posterior get exactly the same, and the order of the arms does not matter. One arm gets 1; no
/// arms give nothing. The effort grows with the square of the number of arms.
///
/// ```
/// use haggle::{Posterior, p_best};
/// // 20 and 30 conversions among 100 exposures each, from the prior Beta(1, 1).
/// let arms = [Posterior::new(21.0, 81.0, 1)?, Posterior::new(31.0, 71.0, 1)?];
/// let best = p_best(&arms);
/// assert!((best[1] - 0.947_603_103_352).abs() < 1e-5);
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn p_best(arms: &[Posterior]) -> Vec<f64> {
    let mut kinds = kinds(arms);
    if let [only] = kinds.as_mut_slice() {
        only.best = 1.0;
    } else {
        walk(&mut kinds, REST, |kinds, rule, half, _| share(kinds, rule, half));
    }
    let total: f64 = kinds.iter().map(|kind| kind.best * f64::from(kind.copies)).sum();
    arms.iter().map(|arm| kind_of(&kinds, arm).map_or(0.0, |kind| (kind.best / total).max(0.0))).collect()
}

/// P(best) of the kind at this position, where the kinds may be any.
pub(super) fn best_of(kinds: &mut [Kind], position: usize) -> f64 {
    walk(kinds, REST, |kinds, rule, half, _| share(kinds, rule, half));
    let total: f64 = kinds.iter().map(|kind| kind.best).sum();
    kinds.get(position).map_or(0.0, |kind| kind.best / total)
}

/// The arms, those with the same posterior together, in an order that does not depend on theirs.
pub(super) fn kinds(arms: &[Posterior]) -> Vec<Kind> {
    let mut sorted: Vec<Posterior> = Vec::with_capacity(arms.len());
    for arm in arms {
        sorted.insert(sorted.partition_point(|other| compare(other, arm).is_le()), *arm);
    }
    let mut kinds: Vec<Kind> = Vec::new();
    for posterior in sorted {
        match kinds.last_mut() {
            Some(kind) if compare(&kind.posterior, &posterior).is_eq() => kind.copies += 1,
            _ => kinds.push(Kind::new(posterior, 1.0)),
        }
    }
    kinds
}

/// The kind that an arm belongs to.
pub(super) fn kind_of<'a>(kinds: &'a [Kind], arm: &Posterior) -> Option<&'a Kind> {
    kinds.iter().find(|kind| compare(&kind.posterior, arm).is_eq())
}

fn compare(one: &Posterior, other: &Posterior) -> Ordering {
    let by_value = one.value_minor.cmp(&other.value_minor);
    let pairs = one.parameters.iter().zip(&other.parameters);
    pairs.fold(one.model.cmp(&other.model).then(by_value), |order, (a, b)| order.then(a.total_cmp(b)))
}

/// Goes over the axis of values from the right to the left, cell by cell, and calls `each` in every one with all
/// densities and distribution functions at the nodes; half the length of the cell and the nodes are given too.
///
/// Ends early where the probability that all values are lower is below `rest`.
pub(super) fn walk(
    kinds: &mut [Kind],
    rest: f64,
    mut each: impl FnMut(&mut [Kind], &Rule, f64, &[Node; NODES]),
) {
    let rule = Rule::new();
    let mut segments = segments(kinds);
    for kind in kinds.iter_mut() {
        kind.cuts = kind.law.cuts(&segments);
        if let (Some(first), Some(last)) = (kind.cuts.first(), kind.cuts.last()) {
            (kind.first, kind.last) = (first.1, last.1);
        }
    }
    // Below the greatest of the first cuts one arm's F is 0, and whoever lies there altogether is never the best.
    let lowest = |a: Place, kind: &Kind| if is_before(a, kind.first) { kind.first } else { a };
    let lowest = if rest > 0.0 { kinds.iter().fold((0, f64::MIN), lowest) } else { (0, f64::MIN) };
    for kind in kinds.iter_mut().filter(|kind| !is_before(kind.last, lowest)) {
        kind.cut(&mut segments);
    }
    for segment in segments.iter().rev() {
        for (left, right) in segment.cells().into_iter().rev() {
            let (middle, half) = (0.5 * (left + right), 0.5 * (right - left));
            let nodes = rule.nodes.map(|x| Node::new(segment, middle + half * x));
            let mut below = 1.0;
            for kind in kinds.iter_mut() {
                kind.step(&rule, segment, &nodes, (left, right));
                below *= kind.below;
            }
            each(kinds, &rule, half, &nodes);
            if below < rest {
                return;
            }
        }
    }
}

/// The axis of values: from 0 to the first top, between the tops, and where an arm needs them the infinite ends.
fn segments(kinds: &[Kind]) -> Vec<Segment> {
    let signed = kinds.iter().any(|kind| kind.law.is_signed());
    let endless = kinds.iter().any(|kind| kind.law.top().is_none());
    let tops = kinds.iter().filter_map(|kind| kind.law.top());
    let mut ends: Vec<f64> = Vec::with_capacity(kinds.len() + 2);
    for end in tops.chain(signed.then_some(0.0)).chain(endless.then_some(f64::INFINITY)) {
        let place = ends.partition_point(|other| *other < end);
        if ends.get(place) != Some(&end) {
            ends.insert(place, end);
        }
    }
    let mut from = if ends.first() == Some(&0.0) { f64::NEG_INFINITY } else { 0.0 };
    let mut segments = Vec::with_capacity(ends.len());
    for to in ends {
        segments.push(Segment::new(segments.len(), from, to));
        from = to;
    }
    segments
}

/// Adds one cell to P(best) of every kind: at each node, its density times every other arm's F.
fn share(kinds: &mut [Kind], rule: &Rule, half: f64) {
    let mut product = [1.0; NODES];
    for kind in kinds.iter_mut().filter(|kind| kind.begun) {
        kind.others = product;
        for _ in 0..kind.copies {
            multiply(&mut product, &kind.below_nodes);
        }
    }
    let mut product = [1.0; NODES];
    for kind in kinds.iter_mut().rev().filter(|kind| kind.begun) {
        let mut integrand = kind.density;
        multiply(&mut integrand, &kind.others);
        multiply(&mut integrand, &product);
        for _ in 1..kind.copies {
            multiply(&mut integrand, &kind.below_nodes);
        }
        kind.best += half * dot(&rule.weights, &integrand);
        for _ in 0..kind.copies {
            multiply(&mut product, &kind.below_nodes);
        }
    }
}

pub(super) fn multiply(into: &mut [f64; NODES], factors: &[f64; NODES]) {
    for (one, factor) in into.iter_mut().zip(factors) {
        *one *= factor;
    }
}

/// All arms with one and the same posterior.
pub(super) struct Kind {
    pub posterior: Posterior,
    pub copies: u32,
    law: Law,
    cuts: Vec<(f64, Place)>,
    /// First and last cut. Outside, the density is taken as 0.
    first: Place,
    last: Place,
    /// Whether the walk has come to the last cut; before, F is 1.
    pub begun: bool,
    /// F at the left edge of the present cell, and at its nodes.
    below: f64,
    pub below_nodes: [f64; NODES],
    /// Density in s at the nodes.
    pub density: [f64; NODES],
    /// Product of F over the kinds before this one, at the nodes.
    pub others: [f64; NODES],
    /// P(best) of one of the arms; what else is summed up over the cells.
    pub best: f64,
}

impl Kind {
    /// The arm with its value taken `factor` times.
    pub fn new(posterior: Posterior, factor: f64) -> Self {
        Self {
            posterior,
            copies: 1,
            law: Law::new(&posterior, factor),
            cuts: Vec::new(),
            first: (0, 0.0),
            last: (0, 0.0),
            begun: false,
            below: 1.0,
            below_nodes: [1.0; NODES],
            density: [0.0; NODES],
            others: [1.0; NODES],
            best: 0.0,
        }
    }

    /// Adds this arm's cuts to the segments.
    fn cut(&self, segments: &mut [Segment]) {
        for segment in segments.iter_mut() {
            let own = self.cuts.iter().filter(|(_, place)| place.0 == segment.index);
            segment.add(own.map(|(_, place)| place.1).collect());
        }
        for pair in self.cuts.windows(2) {
            let [(value, (from, _)), (next, (to, _))] = pair else { continue };
            let width = next - value;
            for segment in segments.iter_mut().filter(|segment| (*from..=*to).contains(&segment.index)) {
                if segment.index < *to {
                    segment.bend(width.min(self.law.smooth_around(segment.to)), true);
                }
                if segment.index > *from {
                    segment.bend(width.min(self.law.smooth_around(segment.from)), false);
                }
            }
        }
    }

    /// Takes the step over one cell: the densities at its nodes, and F there and at its left edge.
    fn step(&mut self, rule: &Rule, segment: &Segment, nodes: &[Node; NODES], (left, right): (f64, f64)) {
        self.begun = self.begun || is_before((segment.index, left), self.last);
        if !self.begun {
            return;
        }
        if !is_before(self.first, (segment.index, right)) {
            (self.density, self.below_nodes, self.below) = ([0.0; NODES], [0.0; NODES], 0.0);
            return;
        }
        let half = 0.5 * (right - left);
        self.density = nodes.each_ref().map(|node| self.law.density(segment, node));
        self.below = (self.below - half * dot(&rule.weights, &self.density)).max(0.0);
        self.below_nodes = rule.partial.each_ref().map(|row| self.below + half * dot(row, &self.density));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        arms: Vec<(f64, f64, i64)>,
        p_best: Vec<f64>,
    }

    fn best_of(arms: &[(f64, f64, i64)]) -> Vec<f64> {
        let posterior = |arm: &(f64, f64, i64)| Posterior::new(arm.0, arm.1, arm.2).unwrap();
        p_best(&arms.iter().map(posterior).collect::<Vec<_>>())
    }

    fn assert_near(name: &str, given: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(given.len(), expected.len(), "{name}");
        for (index, (given, expected)) in given.iter().zip(expected).enumerate() {
            let error = (given - expected).abs();
            assert!(error <= tolerance, "{name}, arm {index}: {given} instead of {expected}");
        }
    }

    /// The largest error in these cases is below 3e-7: what lies beyond the last cuts of the arms.
    #[test]
    fn p_best_equals_the_golden_values() {
        let text = include_str!("../../tests/golden/p_best.json");
        let golden: Golden = serde_json::from_str(text).unwrap();
        assert!(golden.cases.len() >= 12);
        for case in golden.cases {
            assert_near(&case.name, &best_of(&case.arms), &case.p_best, 1e-6);
        }
    }

    #[test]
    fn two_arms_agree_with_the_closed_form() {
        // P(B > A) is a finite sum of beta functions where B's alpha is whole; here .9476031033523692.
        let best = best_of(&[(21.0, 81.0, 1900), (31.0, 71.0, 1900)]);
        assert_near("A/B", &best, &[0.052_396_896_647_630_8, 0.947_603_103_352_369_2], 1e-6);
    }

    #[test]
    fn uniform_rates_of_different_worth_agree_with_the_closed_form() {
        // v1 uniform on [0, 1], v2 on [0, 3]: the first is best with probability 1/6.
        let best = best_of(&[(1.0, 1.0, 1000), (1.0, 1.0, 3000)]);
        assert_near("uniform", &best, &[1.0 / 6.0, 5.0 / 6.0], 1e-6);
    }

    #[test]
    fn two_equal_arms_beside_a_third_agree_with_the_closed_form() {
        // v1 and v2 uniform on [0, 1], v3 on [0, 2]: the third wins with 1/2 + 1/2 ∫ v² dv = 2/3.
        let best = best_of(&[(1.0, 1.0, 1000), (1.0, 1.0, 2000), (1.0, 1.0, 1000)]);
        assert_near("two and one", &best, &[1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0], 1e-6);
    }

    #[test]
    fn an_arm_that_lies_a_standard_deviation_higher_wins_as_the_normal_law_says() {
        // Both nearly normal with the same deviation σ, the means √2 σ apart: Φ(1). Skewness adds about 1e-7.
        let (n, p) = (1e14_f64, 0.25);
        let shift = (2.0 * n * p * (1.0 - p)).sqrt();
        let best = best_of(&[(n * p + shift, n * (1.0 - p) - shift, 1900), (n * p, n * (1.0 - p), 1900)]);
        assert_near("normal", &best, &[0.841_344_746, 0.158_655_254], 1e-6);
    }

    #[test]
    fn no_arm_one_arm_and_equal_arms() {
        assert_eq!(best_of(&[]), Vec::<f64>::new());
        assert_eq!(best_of(&[(0.01, 1e15, 1)]), [1.0]);
        assert_eq!(best_of(&[(3.0, 9.0, 1900); 4]), [0.25; 4]);
        let best = best_of(&[(3.0, 9.0, 1900), (4.0, 9.0, 1900), (3.0, 9.0, 1900), (3.0, 9.0, 1900)]);
        assert_eq!((best[0], best[0]), (best[2], best[3]));
        assert!(best[1] > best[0]);
    }

    /// Posteriors from the weakest prior to the largest that can be.
    fn wild_arm() -> impl Strategy<Value = (f64, f64, i64)> {
        let parameter = || (-2.0..15.0_f64).prop_map(|x| crate::math::pow(10.0, x).clamp(0.01, 1e15));
        let value =
            prop_oneof![1..10_i64, 1000..1010_i64, 1..1_000_000_i64, 999_999_999_990..=1_000_000_000_000_i64];
        (parameter(), parameter(), value)
    }

    proptest! {
        #[test]
        fn any_posteriors_give_probabilities_that_sum_to_one(
            arms in prop::collection::vec(wild_arm(), 1..=32),
        ) {
            let best = best_of(&arms);
            prop_assert!(best.iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", best);
            prop_assert!((best.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }

        #[test]
        fn the_order_of_the_arms_does_not_matter(
            arms in prop::collection::vec(wild_arm(), 2..=8),
            turn in 1..8_usize,
        ) {
            let mut turned = arms.clone();
            turned.rotate_left(turn % arms.len());
            let mut best = best_of(&arms);
            best.rotate_left(turn % arms.len());
            prop_assert_eq!(best, best_of(&turned));
        }

        #[test]
        fn the_currency_unit_does_not_matter(
            arms in prop::collection::vec((0.5..1e4_f64, 0.5..1e6_f64, 1..100_000_i64), 2..=8),
            factor in 2..1000_i64,
        ) {
            let scaled: Vec<_> = arms.iter().map(|arm| (arm.0, arm.1, arm.2 * factor)).collect();
            assert_near("scaled", &best_of(&scaled), &best_of(&arms), 1e-6);
        }

        #[test]
        fn an_arm_that_converts_more_is_not_less_probably_best(
            arms in prop::collection::vec((1.0..1e3_f64, 1.0..1e4_f64, 1000..5000_i64), 2..=6),
        ) {
            let before = best_of(&arms);
            let mut more = arms.clone();
            more[0].0 += 1.0;
            prop_assert!(best_of(&more)[0] >= before[0] - 1e-6);
        }
    }
}
