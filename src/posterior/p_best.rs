//! P(best): how probably each arm has the highest value.
//!
//! In scope: one number per arm, by quadrature, always the same for the same posteriors. Out of scope: floors and
//! rounding to shares (`allocation`).
//!
//! Let `F_k` be the distribution function of arm k's value `v = value_minor * rate`. Then
//! `P(best = k) = ∫ Π_{j≠k} F_j(v) dF_k(v)` (Scott 2010, *A modern Bayesian look at the multi-armed bandit*,
//! section 3, doi:10.1002/asmb.874). How the integral is taken:
//!
//! 1. The axis of values is split at the largest possible value of each arm (its `top`, where the rate is 1).
//!    Within such a segment the variable is `s = ln((v - from) / (to - v))`, which sends both ends to infinity:
//!    what a density does at an end of its range, it does slowly in `s`.
//! 2. Every arm contributes cuts where its own log-density has fallen by the amounts in `FALLS`. The union of
//!    all cuts makes the cells, so a narrow arm beside one a thousand times wider is seen as sharply as alone.
//! 3. In a cell all densities are known at the Gauss-Legendre nodes; the same values, integrated from the left
//!    edge to each node, continue the `F_j`. No incomplete beta function is needed.

mod axis;
mod quadrature;

use self::axis::{END, END_CUTS, FALLS, FALLS_WEAK, Node, Place, Segment, distances, is_before};
use self::quadrature::{NODES, Rule, dot};
use super::Posterior;
use crate::math::{BetaKernel, exp, ln, ln_logistic};
use std::cmp::Ordering;

/// Probability that each arm has the highest value, in the order of `arms`.
///
/// Range: `[0, 1]`; they sum to 1. The absolute error is below 1e-8, and below 1e-6 in the far corners of what
/// a posterior may be (a value of 1 beside one of 1e12). Arms with the same posterior get exactly the same, and
/// the order of the arms does not matter. One arm gets 1; no arms give nothing. The effort grows with the square
/// of the number of arms.
///
/// ```
/// use haggle::{Posterior, p_best};
/// // 20 and 30 conversions among 100 exposures each, from the prior Beta(1, 1).
/// let arms = [Posterior::new(21.0, 81.0, 1)?, Posterior::new(31.0, 71.0, 1)?];
/// let best = p_best(&arms);
/// assert!((best[1] - 0.947_603_103_352).abs() < 1e-6);
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn p_best(arms: &[Posterior]) -> Vec<f64> {
    let mut sorted: Vec<Posterior> = Vec::with_capacity(arms.len());
    for arm in arms {
        sorted.insert(sorted.partition_point(|other| compare(other, arm).is_le()), *arm);
    }
    let mut kinds: Vec<Kind> = Vec::new();
    for posterior in sorted {
        match kinds.last_mut() {
            Some(kind) if compare(&kind.posterior, &posterior).is_eq() => kind.copies += 1,
            _ => kinds.push(Kind::new(posterior)),
        }
    }
    if let [only] = kinds.as_mut_slice() {
        only.best = 1.0;
    } else {
        integrate(&mut kinds);
    }
    let total: f64 = kinds.iter().map(|kind| kind.best * f64::from(kind.copies)).sum();
    let share_of = |arm: &Posterior| {
        let kind = kinds.iter().find(|kind| compare(&kind.posterior, arm).is_eq());
        kind.map_or(0.0, |kind| (kind.best / total).max(0.0))
    };
    arms.iter().map(share_of).collect()
}

fn compare(one: &Posterior, other: &Posterior) -> Ordering {
    let by_value = one.value_minor.cmp(&other.value_minor);
    by_value.then(one.alpha.total_cmp(&other.alpha)).then(one.beta.total_cmp(&other.beta))
}

/// Fills in `best` of each kind, up to a common factor next to 1.
fn integrate(kinds: &mut [Kind]) {
    let rule = Rule::new();
    let mut segments: Vec<Segment> = Vec::new();
    for kind in kinds.iter() {
        let from = segments.last().map_or(0.0, |segment| segment.to);
        if kind.top > from {
            segments.push(Segment::new(segments.len(), from, kind.top));
        }
    }
    for kind in kinds.iter_mut() {
        kind.cut(&mut segments);
    }
    for segment in &mut segments {
        for (left, right) in segment.cells() {
            let (middle, half) = (0.5 * (left + right), 0.5 * (right - left));
            let nodes = rule.nodes.map(|x| Node::new(segment, middle + half * x));
            for kind in kinds.iter_mut() {
                kind.step(&rule, segment, &nodes, (left, right));
            }
            share(kinds, &rule, half);
        }
    }
}

/// Adds one cell to P(best) of every kind: at each node, its density times every other arm's F.
fn share(kinds: &mut [Kind], rule: &Rule, half: f64) {
    let mut product = [1.0; NODES];
    for kind in kinds.iter_mut() {
        kind.others = product;
        for _ in 0..kind.copies {
            multiply(&mut product, &kind.below_nodes);
        }
    }
    let mut product = [1.0; NODES];
    for kind in kinds.iter_mut().rev() {
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

fn multiply(into: &mut [f64; NODES], factors: &[f64; NODES]) {
    for (one, factor) in into.iter_mut().zip(factors) {
        *one *= factor;
    }
}

/// All arms with one and the same posterior.
struct Kind {
    posterior: Posterior,
    copies: u32,
    kernel: BetaKernel,
    /// The largest value that the arm can have: the rate is 1.
    top: f64,
    /// First and last cut. Outside, the density is taken as 0.
    first: Place,
    last: Place,
    /// F at the left edge of the present cell, and at its nodes.
    below: f64,
    below_nodes: [f64; NODES],
    /// Density in s at the nodes.
    density: [f64; NODES],
    /// Product of F over the kinds before this one, at the nodes.
    others: [f64; NODES],
    /// P(best) of one of the arms.
    best: f64,
}

impl Kind {
    fn new(posterior: Posterior) -> Self {
        Self {
            posterior,
            copies: 1,
            kernel: BetaKernel::new(posterior.alpha, posterior.beta),
            top: posterior.value_minor as f64,
            first: (0, 0.0),
            last: (0, 0.0),
            below: 0.0,
            below_nodes: [0.0; NODES],
            density: [0.0; NODES],
            others: [0.0; NODES],
            best: 0.0,
        }
    }

    /// Adds this arm's cuts to the segments.
    fn cut(&mut self, segments: &mut [Segment]) {
        let (a, b) = (self.kernel.a, self.kernel.b);
        let middle = ln(a / b);
        let falls: &[f64] = if a.min(b) < 1.0 { &FALLS_WEAK } else { &FALLS };
        let lower = distances(a, b, falls).into_iter().rev().map(|distance| middle - distance);
        let upper = distances(b, a, falls).into_iter().map(|distance| middle + distance);
        let log_odds = lower.chain([middle]).chain(upper);
        let places: Vec<Place> = log_odds.filter_map(|log_odds| self.place(segments, log_odds)).collect();
        self.first = places.first().copied().unwrap_or(self.first);
        self.last = places.last().copied().unwrap_or(self.last);
        for segment in segments {
            let own = places.iter().filter(|place| place.0 == segment.index).map(|place| place.1);
            segment.add(own.collect());
            if self.first.0 < segment.index && segment.index <= self.last.0 {
                segment.add(END_CUTS.map(|s| -s).to_vec());
            }
            if self.first.0 <= segment.index && segment.index < self.last.0 {
                segment.add(END_CUTS.to_vec());
            }
        }
    }

    /// Where on the axis of values the arm's rate has these log-odds.
    fn place(&self, segments: &[Segment], log_odds: f64) -> Option<Place> {
        let (ln_rate, ln_rest) = (ln_logistic(log_odds), ln_logistic(-log_odds));
        let (value, rest) = (self.top * exp(ln_rate), self.top * exp(ln_rest));
        let segment = segments.iter().find(|segment| value <= segment.to)?;
        let (is_first, is_own) = (segment.index == 0, segment.to == self.top);
        let up = if is_first { ln(self.top) + ln_rate } else { ln(value - segment.from) };
        let down = if is_own { ln(self.top) + ln_rest } else { ln((segment.to - self.top + rest).max(0.0)) };
        let least = if is_first { f64::MIN } else { -END };
        let most = if is_own { f64::MAX } else { END };
        Some((segment.index, (up - down).max(least).min(most)))
    }

    /// Density of the arm in `s`. Range: `[0, ∞)`.
    fn density_at(&self, segment: &Segment, node: &Node) -> f64 {
        let rest_at_to = self.top - segment.to;
        let rest = rest_at_to + node.below_to;
        let (is_first, is_own) = (segment.index == 0, rest_at_to == 0.0);
        let scale = (segment.to - segment.from) / self.top;
        // At an end of the arm's own range the logarithm is known where the number itself underflows.
        let (x, y) = (node.value / self.top, rest / self.top);
        let ln_x = || if is_first { ln(scale) + node.ln_up } else { ln(x) };
        let ln_y = || if is_own { ln(scale) + node.ln_down } else { ln(y) };
        let fall = self.kernel.fall(x, y, ln_x, ln_y);
        // From the density of the log-odds to that of s: dx/ds over x (1 - x).
        let up = if is_first { 1.0 } else { node.above_from / node.value };
        let down = if is_own { 1.0 } else { node.below_to / rest };
        exp(self.kernel.ln_max + fall) * up * down / scale
    }

    /// Takes the step over one cell: the densities at its nodes, and F there and at its right edge.
    fn step(&mut self, rule: &Rule, segment: &Segment, nodes: &[Node; NODES], (left, right): (f64, f64)) {
        let begun = is_before(self.first, (segment.index, right));
        let over = !is_before((segment.index, left), self.last);
        if over || !begun {
            self.density = [0.0; NODES];
            self.below_nodes = [self.below; NODES];
            return;
        }
        let half = 0.5 * (right - left);
        self.density = nodes.each_ref().map(|node| self.density_at(segment, node));
        self.below_nodes = rule.partial.each_ref().map(|row| self.below + half * dot(row, &self.density));
        self.below += half * dot(&rule.weights, &self.density);
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

    /// The largest error in these cases is 1.3e-10: what lies beyond the last cuts of the arms.
    #[test]
    fn p_best_equals_the_golden_values() {
        let text = include_str!("../../tests/golden/p_best.json");
        let golden: Golden = serde_json::from_str(text).unwrap();
        assert!(golden.cases.len() >= 12);
        for case in golden.cases {
            assert_near(&case.name, &best_of(&case.arms), &case.p_best, 1e-8);
        }
    }

    #[test]
    fn two_arms_agree_with_the_closed_form() {
        // P(B > A) is a finite sum of beta functions where B's alpha is whole; here .9476031033523692.
        let best = best_of(&[(21.0, 81.0, 1900), (31.0, 71.0, 1900)]);
        assert_near("A/B", &best, &[0.052_396_896_647_630_8, 0.947_603_103_352_369_2], 1e-8);
    }

    #[test]
    fn uniform_rates_of_different_worth_agree_with_the_closed_form() {
        // v1 uniform on [0, 1], v2 on [0, 3]: the first is best with probability 1/6.
        let best = best_of(&[(1.0, 1.0, 1000), (1.0, 1.0, 3000)]);
        assert_near("uniform", &best, &[1.0 / 6.0, 5.0 / 6.0], 1e-8);
    }

    #[test]
    fn two_equal_arms_beside_a_third_agree_with_the_closed_form() {
        // v1 and v2 uniform on [0, 1], v3 on [0, 2]: the third wins with 1/2 + 1/2 ∫ v² dv = 2/3.
        let best = best_of(&[(1.0, 1.0, 1000), (1.0, 1.0, 2000), (1.0, 1.0, 1000)]);
        assert_near("two and one", &best, &[1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0], 1e-8);
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
            assert_near("scaled", &best_of(&scaled), &best_of(&arms), 1e-8);
        }

        #[test]
        fn an_arm_that_converts_more_is_not_less_probably_best(
            arms in prop::collection::vec((1.0..1e3_f64, 1.0..1e4_f64, 1000..5000_i64), 2..=6),
        ) {
            let before = best_of(&arms);
            let mut more = arms.clone();
            more[0].0 += 1.0;
            prop_assert!(best_of(&more)[0] >= before[0] - 1e-8);
        }
    }
}
