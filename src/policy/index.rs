//! Index policies: the arm with the highest upper confidence bound gets everything; arms that tie share equally.
//!
//! In scope: the bounds, from exposures and conversions without the prior. Out of scope: fading and windowing of the
//! evidence (`evidence`), and the floor (`allocation`), without which an index policy that hears nothing between two
//! publications sends every unit to one arm.
//!
//! A bound is made for rewards between 0 and 1. There are two ways to bring values there, with `v` the value of a
//! conversion and `q̂` the observed rate:
//!
//! - the classical policies divide all values by the largest, and the bound is one of `v / v_max · q̂`;
//! - the `price_` policies bound the rate, and multiply the bound by the arm's own `v`: `v (q̂ + width)`. The reward of a
//!   low price cannot be above that price, so the low price needs less trying (Misra, Schwartz and Abernethy 2019,
//!   doi:10.1287/mksc.2018.1129).
//!
//! `t` is the number of exposures of all live arms, `n` that of the arm; both may be fractions.

use super::{ArmInput, Policy, PolicyInput, spread_by};
use crate::math::{beta_quantile, expm1, ln, ln_1p, pow};

/// 1 for each live arm whose index is the highest, 0 for the others.
pub(super) fn weights(policy: Policy, input: &PolicyInput) -> Vec<f64> {
    let known = Known::new(policy, input);
    let mut indices = spread_by(input, &|arm| known.index(arm));
    let best = indices.iter().copied().fold(0.0, f64::max);
    for (index, arm) in indices.iter_mut().zip(input.arms()) {
        *index = f64::from(u8::from(arm.live && *index == best));
    }
    indices
}

/// What all arms of an input have in common.
struct Known {
    policy: Policy,
    /// First parameter of the policy.
    parameter: f64,
    /// Exposures of all live arms, at least 1, and their logarithm.
    t: f64,
    ln_t: f64,
    /// Units in all, where known, or else `t`.
    horizon: f64,
    live: f64,
    /// Largest value of a conversion among the live arms.
    value_max: f64,
}

impl Known {
    fn new(policy: Policy, input: &PolicyInput) -> Self {
        let t = input.exposures().max(1.0);
        let value_max = input.live().map(|arm| arm.posterior.value_minor()).max().unwrap_or(1) as f64;
        Self {
            policy,
            parameter: policy.parameter(input, 0),
            t,
            ln_t: ln(t),
            horizon: input.horizon.map_or(t, |units| units.max(1) as f64),
            live: input.live().count() as f64,
            value_max,
        }
    }

    /// The arm's upper bound, not negative. Infinite where the arm was never tried.
    fn index(&self, arm: &ArmInput) -> f64 {
        let (n, value) = (arm.exposures, arm.posterior.value_minor() as f64);
        if n <= 0.0 {
            return f64::INFINITY;
        }
        let rate = (arm.conversions / n).min(1.0);
        let scale = value / self.value_max;
        // Mean and variance of a reward between 0 and 1.
        let (mean, variance) = (scale * rate, scale * scale * rate * (1.0 - rate));
        match self.policy {
            Policy::UcbTuned => mean + self.tuned_width(variance, n),
            Policy::KlUcb => kl_upper(mean, self.kl_room(self.t) / n),
            Policy::KlUcbPlus => kl_upper(mean, self.kl_room(self.t / n) / n),
            Policy::Moss => mean + (ln(self.horizon / (self.live * n)).max(0.0) / n).sqrt(),
            Policy::BayesUcb => value * self.upper_quantile(arm),
            Policy::DiscountedUcb => mean + 2.0 * (0.5 * self.ln_t / n).sqrt(),
            Policy::SlidingUcb => mean + (0.5 * self.ln_t / n).sqrt(),
            Policy::PriceUcb1 => value * (rate + self.width(n)),
            Policy::PriceUcbTuned => value * (rate + self.tuned_width(rate * (1.0 - rate), n)),
            Policy::PriceKlUcb => value * kl_upper(rate, self.kl_room(self.t) / n),
            _ => mean + self.width(n),
        }
    }

    /// UCB1: √(exploration · ln t / n).
    fn width(&self, n: f64) -> f64 {
        (self.parameter * self.ln_t / n).sqrt()
    }

    /// UCB-tuned: √(ln t / n · min(¼, V)) with V the observed variance plus √(2 ln t / n).
    fn tuned_width(&self, variance: f64, n: f64) -> f64 {
        let share = self.ln_t / n;
        (share * (variance + (2.0 * share).sqrt()).min(0.25)).sqrt()
    }

    /// KL-UCB: ln x + c ln ln x, not below 0.
    fn kl_room(&self, x: f64) -> f64 {
        // Only an overflow of x is beyond 1000.
        let room = ln(x).clamp(0.0, 1000.0);
        room + self.parameter * ln(room.max(1.0))
    }

    /// Bayes-UCB: the quantile of the rate at 1 - 1 / (t (ln T)^c), not below the median.
    fn upper_quantile(&self, arm: &ArmInput) -> f64 {
        let tail = 1.0 / (self.t * pow(ln(self.horizon).max(1.0), self.parameter));
        // Seen from above, where a small tail keeps its digits.
        1.0 - beta_quantile(tail.min(0.5), arm.posterior.beta(), arm.posterior.alpha())
    }
}

/// The largest q with d(p, q) of at most `room`, where d is the Kullback-Leibler divergence of two Bernoulli
/// distributions: `d(p, q) = p ln(p / q) + (1 - p) ln((1 - p) / (1 - q))`.
///
/// `p` in `[0, 1]`, `room` of 0 or more; the result is in `[p, 1]`. Source of its use as an index: Garivier and Cappé
/// (2011), *The KL-UCB algorithm for bounded stochastic bandits and beyond*, arXiv:1102.2490.
///
/// Solved for `y = ln((1 - p) / (1 - q))`, in which d is convex, by Halley's method; the error is below 1e-12.
fn kl_upper(p: f64, room: f64) -> f64 {
    const STEPS: u32 = 60;
    if p < 1e-300 {
        return -expm1(-room);
    }
    // Beyond 40, 1 - q is less than an f64 can show.
    if p >= 1.0 || room > 40.0 {
        return 1.0;
    }
    if room <= 0.0 {
        return p;
    }
    let odds = p / (1.0 - p);
    let mut y = (room - p * ln(p)) / (1.0 - p);
    y = y.min((2.0 * room * odds).sqrt() + room / (1.0 - p));
    for _ in 0..STEPS {
        let moved = -expm1(-y);
        let q = p + (1.0 - p) * moved;
        let above = (1.0 - p) * y - p * ln_1p(moved / odds) - room;
        // Slope of d over y, and half of the slope's own slope over it.
        let slope = (1.0 - p) * moved / q;
        let bend = 0.5 * p * (1.0 - moved) / (q * moved);
        let step = above / slope;
        let next = (y - step / (1.0 - step * bend).max(0.5)).max(0.25 * y);
        // The error falls with its third power.
        let near = (next - y).abs() <= 1e-4 * y;
        y = next;
        if near {
            break;
        }
    }
    p - (1.0 - p) * expm1(-y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Posterior;

    /// 100, 50 and 10 exposures, from the prior Beta(1, 1).
    fn arms() -> [ArmInput; 3] {
        [(100.0, 20.0, 1900), (50.0, 12.0, 2500), (10.0, 3.0, 1000)].map(|(n, s, value_minor)| {
            let posterior = Posterior::new(1.0 + s, 1.0 + n - s, value_minor).unwrap();
            ArmInput::new(posterior, value_minor).counted(n, s)
        })
    }

    fn input(arms: &[ArmInput]) -> PolicyInput {
        PolicyInput::new(arms.to_vec(), 0).unwrap()
    }

    fn assert_indices(policy: Policy, input: &PolicyInput, expected: [f64; 3]) {
        let known = Known::new(policy, input);
        for (arm, expected) in input.arms().iter().zip(expected) {
            let index = known.index(arm);
            assert!((index / expected - 1.0).abs() < 1e-11, "{policy:?}: {index} instead of {expected}");
        }
    }

    #[test]
    fn indices_equal_the_golden_values() {
        use Policy::*;
        // mpmath, 30 digits, from the formulas of SCIENCE.md 1.2 and 1.3 by bisection.
        for (policy, expected) in [
            (Ucb1, [0.470_596_102_149_22, 0.690_562_928_578_632, 1.127_489_336_443_2]),
            (UcbTuned, [0.264_640_732_144_658, 0.399_298_051_074_61, 0.476_201_270_886_062]),
            (KlUcb, [0.287_485_426_180_006, 0.457_634_069_289_661, 0.603_386_912_129_822]),
            (KlUcbPlus, [0.188_934_804_085_699, 0.339_182_309_213_221, 0.466_344_485_633_116]),
            (Moss, [0.152, 0.275_927_293_562_853, 0.529_142_570_942_168]),
            (BayesUcb, [597.632_618_696_844, 1_031.740_149_889_53, 683.149_999_465_745]),
            (DiscountedUcb, [0.470_596_102_149_22, 0.690_562_928_578_632, 1.127_489_336_443_2]),
            (SlidingUcb, [0.311_298_051_074_61, 0.465_281_464_289_316, 0.623_744_668_221_601]),
            (PriceUcb1, [985.332_594_083_519, 1_726.407_321_446_58, 1_307.489_336_443_2]),
            (PriceUcbTuned, [594.017_391_074_85, 998.245_127_686_526, 656.201_270_886_062]),
            (PriceKlUcb, [654.954_599_599_897, 1_144.085_173_224_15, 774.174_278_302_115]),
        ] {
            assert_indices(policy, &input(&arms()), expected);
        }
        let mut input = input(&arms());
        input.horizon = Some(10_000);
        assert_indices(Moss, &input, [0.339_258_054_494_86, 0.529_817_358_965_26, 0.882_177_340_932_806]);
        input.parameters = vec![5.0];
        assert_indices(BayesUcb, &input, [856.397_516_356_896, 1_510.096_298_514_43, 928.329_852_247_489]);
        input.parameters = vec![3.0];
        assert_indices(KlUcb, &input, [0.350_881_372_727_91, 0.549_759_038_427_898, 0.779_870_697_704_664]);
        input.parameters = vec![0.5];
        // √(½ ln t / n)
        assert_indices(Ucb1, &input, [0.311_298_051_074_61, 0.465_281_464_289_316, 0.623_744_668_221_601]);
    }

    /// A hundred times the counts, where the observed variance decides the width (but not that of the last price_ index).
    #[test]
    fn tuned_indices_look_at_the_variance() {
        let arms = arms().map(|arm| arm.counted(100.0 * arm.exposures, 100.0 * arm.conversions));
        let expected = [0.163_491_568_106_657, 0.261_762_668_471_549, 0.160_892_647_954_184];
        assert_indices(Policy::UcbTuned, &input(&arms), expected);
        let expected = [406.700_224_451_426, 654.406_671_178_874, 349.194_369_599_635];
        assert_indices(Policy::PriceUcbTuned, &input(&arms), expected);
    }

    #[test]
    fn the_highest_index_has_everything_and_arms_that_tie_share() {
        let [one, two, three] = arms();
        assert_eq!(weights(Policy::Ucb1, &input(&[one, two, three])), [0.0, 0.0, 1.0]);
        assert_eq!(weights(Policy::PriceUcb1, &input(&[one, two, three])), [0.0, 1.0, 0.0]);
        assert_eq!(weights(Policy::KlUcb, &input(&[three, one, three])), [1.0, 0.0, 1.0]);
        let dead = ArmInput { live: false, ..three };
        assert_eq!(weights(Policy::Ucb1, &input(&[one, dead, two])), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn untried_arms_share_what_there_is() {
        let [one, two, three] = arms();
        let untried = |arm: ArmInput| arm.counted(0.0, 0.0);
        let dead = ArmInput { live: false, ..untried(three) };
        let input = input(&[one, untried(two), dead, untried(three)]);
        for policy in Policy::ALL.into_iter().filter(|policy| policy.name().contains("ucb")) {
            assert_eq!(weights(policy, &input), [0.0, 1.0, 0.0, 1.0], "{policy:?}");
        }
    }

    #[test]
    fn kl_bounds_equal_the_golden_values() {
        for (p, room, expected) in [
            (0.1, 0.01, 0.147_675_539_298),
            (0.5, 0.02, 0.599_008_283_552),
            (0.01, 0.005, 0.023_417_041_962),
            (0.0, 0.05, 0.048_770_575_499),
        ] {
            assert!((kl_upper(p, room) - expected).abs() < 1e-12, "{p}, {room}: {}", kl_upper(p, room));
        }
        assert_eq!((kl_upper(1.0, 0.1), kl_upper(0.3, 0.0), kl_upper(0.3, 1e9)), (1.0, 0.3, 1.0));
        assert_eq!((kl_upper(0.0, 0.0), kl_upper(0.0, f64::INFINITY)), (0.0, 1.0));
    }

    /// The divergence at the bound is the room, at any size of both.
    #[test]
    fn kl_bounds_solve_their_equation() {
        for p in [1e-299, 1e-30, 1e-9, 1e-4, 0.03, 0.5, 0.9, 1.0 - 1e-6, 1.0 - 1e-15] {
            let mut previous = p;
            for room in [1e-12, 1e-9, 1e-6, 1e-3, 0.01, 0.1, 0.5, 1.0, 3.0, 10.0, 30.0] {
                let q = kl_upper(p, room);
                assert!((previous..=1.0).contains(&q), "{p}, {room}: {q} after {previous}");
                previous = q;
                let divergence = |q: f64| p * ln(p / q) + (1.0 - p) * (ln_1p(-p) - ln_1p(-q));
                // Within 1e-12 on either side of the root, where q is not within rounding of an end.
                let off = 1e-12;
                if q - off > p && q + off < 1.0 && room > 1e-9 {
                    let within = divergence(q - off) <= room && room <= divergence(q + off);
                    assert!(within, "{p}, {room}: {q}");
                }
            }
        }
    }
}
