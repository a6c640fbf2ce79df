//! What the quadrature asks of a reward model: where its density has to be looked at, and the density there.

use super::axis::{FALLS, FALLS_WEAK, Node, Place, Segment, distances};
use crate::math::{BetaKernel, exp, expm1, gamma_ln_max, ln, ln_1p, ln_logistic, student_ln_max};
use crate::posterior::{Posterior, RewardModel};

/// Most exposures whose density may be computed from logarithms alone.
const PLAIN_MAX: f64 = 1e9;
/// Most parts of a mixture.
const PARTS_MAX: f64 = 400.0;

/// The distribution of an arm's value, prepared for the quadrature.
pub(super) enum Law {
    /// A beta rate times a fixed value, `top`.
    Conversion { kernel: BetaKernel, top: f64, ln_top: f64 },
    /// A beta rate times an inverse gamma order value.
    ZeroInflated(Mixture),
    /// Student's t with 2 `shape` degrees of freedom.
    Normal { location: f64, scale: f64, shape: f64, ln_max: f64 },
}

impl Law {
    /// The law of `factor` times the value.
    pub fn new(posterior: &Posterior, factor: f64) -> Self {
        let [a, b, shape, rate] = posterior.parameters;
        match posterior.model {
            RewardModel::Conversion => {
                let top = posterior.value_minor as f64 * factor;
                Self::Conversion { kernel: BetaKernel::new(a, b), top, ln_top: ln(top) }
            }
            RewardModel::ZeroInflated => Self::ZeroInflated(Mixture::new([a, b, shape, rate * factor])),
            RewardModel::Normal => {
                let (location, scale, shape) = posterior.student();
                let (location, scale) = (location * factor, scale * factor);
                Self::Normal { location, scale, shape, ln_max: student_ln_max(shape) }
            }
        }
    }

    /// The largest value that the arm can have, where there is one.
    pub fn top(&self) -> Option<f64> {
        if let Self::Conversion { top, .. } = self { Some(*top) } else { None }
    }

    /// How far around this value the density can be smooth: to the next end of its range.
    pub fn smooth_around(&self, value: f64) -> f64 {
        match self {
            Self::Conversion { top, .. } => value.min(top - value),
            Self::ZeroInflated(_) => value,
            Self::Normal { .. } => f64::INFINITY,
        }
    }

    /// Whether the value may be negative.
    pub fn is_signed(&self) -> bool {
        matches!(self, Self::Normal { .. })
    }

    /// Where cells have to end for this arm, from left to right: values and their places.
    pub fn cuts(&self, segments: &[Segment]) -> Vec<(f64, Place)> {
        let at = |value: f64| {
            let segment = segments.iter().find(|segment| value <= segment.to)?;
            Some((value, segment.place(value - segment.from, segment.to - value)))
        };
        match self {
            Self::Conversion { kernel, top, .. } => {
                let middle = ln(kernel.a / kernel.b);
                let place = |log_odds: f64| {
                    let (ln_rate, ln_rest) = (ln_logistic(log_odds), ln_logistic(-log_odds));
                    let (value, rest) = (top * exp(ln_rate), top * exp(ln_rest));
                    let segment = segments.iter().find(|segment| value <= segment.to)?;
                    let (is_first, is_own) = (segment.from == 0.0, segment.to == *top);
                    let up = if is_first { ln(*top) + ln_rate } else { ln(value - segment.from) };
                    let down =
                        if is_own { ln(*top) + ln_rest } else { ln((segment.to - top + rest).max(0.0)) };
                    Some((value, segment.bounded((up - down).clamp(f64::MIN, f64::MAX), is_first, is_own)))
                };
                around(falls_of(kernel.a, kernel.b), kernel.a, kernel.b)
                    .into_iter()
                    .filter_map(|d| place(middle + d))
                    .collect()
            }
            Self::ZeroInflated(mixture) => {
                mixture.cuts().into_iter().filter_map(|ln_value| at(exp(ln_value))).collect()
            }
            Self::Normal { location, scale, shape, .. } => {
                let falls: &[f64] = if *shape < 10.0 { &FALLS_WEAK } else { &FALLS };
                let squares = falls.iter().map(|fall| 2.0 * shape * expm1(fall / (shape + 0.5)));
                let distances: Vec<f64> = squares.map(|square| scale * square.sqrt()).collect();
                let all = on_both_sides(distances.clone(), distances);
                all.into_iter().filter_map(|distance| at(location + distance)).collect()
            }
        }
    }

    /// Density of the value's place `s` in its segment. Range: `[0, ∞)`.
    pub fn density(&self, segment: &Segment, node: &Node) -> f64 {
        match self {
            Self::Conversion { kernel, top, ln_top } => {
                let rest_at_to = top - segment.to;
                let rest = rest_at_to + node.below_to;
                let (is_first, is_own) = (segment.from == 0.0, rest_at_to == 0.0);
                // At an end of the arm's own range the logarithm is known where the number itself underflows.
                let ln_x = node.ln_value - ln_top;
                let ln_y = || if is_own { segment.ln_length - ln_top + node.ln_down } else { ln(rest / top) };
                let fall = if kernel.a + kernel.b < PLAIN_MAX {
                    kernel.fall_of_logs(ln_x, ln_y())
                } else {
                    kernel.fall(node.value / top, rest / top, || ln_x, ln_y)
                };
                // From the density of the log-odds to that of s: dx/ds over x (1 - x).
                let up = if is_first { 1.0 } else { node.above_from / node.value };
                let down = if is_own { 1.0 } else { node.below_to / rest };
                exp(kernel.ln_max + fall) * up * down * (top / (segment.to - segment.from))
            }
            Self::ZeroInflated(mixture) => {
                if node.value <= 0.0 {
                    return 0.0;
                }
                mixture.density_of_ln(node.value, node.ln_value) * (node.slope / node.value)
            }
            Self::Normal { location, scale, shape, ln_max } => {
                let t = (node.value - location) / scale;
                exp(ln_max - (shape + 0.5) * ln_1p(t * t / (2.0 * shape))) / scale * node.slope
            }
        }
    }
}

/// The log-odds of a beta variate around `ln(a / b)` at which its log-density has fallen far enough, ascending.
fn around(falls: &[f64], a: f64, b: f64) -> Vec<f64> {
    on_both_sides(distances(a, b, falls), distances(b, a, falls))
}

/// Distances below and above a middle, as one ascending list with the middle at 0.
fn on_both_sides(below: Vec<f64>, above: Vec<f64>) -> Vec<f64> {
    let mut all: Vec<f64> = Vec::with_capacity(below.len() + above.len() + 1);
    for distance in below.into_iter().rev() {
        all.push(-distance);
    }
    all.push(0.0);
    all.extend_from_slice(&above);
    all
}

/// More of them where a parameter below 1 makes a log-density that is far from a parabola.
fn falls_of(a: f64, b: f64) -> &'static [f64] {
    if a.min(b) < 1.0 { &FALLS_WEAK } else { &FALLS }
}

/// A rate times an order value, as a mixture over rates: given the rate q, the value is q times an inverse gamma
/// variate.
///
/// The rates stand at equal steps of their log-odds, where the sum converges faster than any power of the step (the
/// trapezoidal rule on an analytic function). Where a parameter of the rate is far below 1, or the order value is known
/// more than twenty times as sharply as the rate, the steps are wider than they should be, and what is computed is good
/// to about 1e-2 only. Posteriors of one and the same conversions are far from both.
pub(crate) struct Mixture {
    pub shape: f64,
    ln_max: f64,
    /// Where the log-density of ln(value) has fallen far enough, ascending.
    cuts: Vec<f64>,
    parts: Vec<Part>,
}

struct Part {
    weight: f64,
    /// Order rate times q.
    scale: f64,
    /// Logarithm of the scale over the shape.
    ln_mode: f64,
}

impl Mixture {
    pub fn new([a, b, shape, rate]: [f64; 4]) -> Self {
        let falls = falls_of(a, b);
        let (middle, distances) = (ln(a / b), around(falls, a, b));
        let (first, last) = (distances.first().copied(), distances.last().copied());
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        // A step as wide as 0.7 standard deviations of the product of the two densities, and never above 1.
        let step = (0.7 / (1.0 / (1.0 / a + 1.0 / b) + shape).sqrt()).min(1.0);
        let count = ((last - first) / step).ceil().clamp(8.0, PARTS_MAX);
        let step = (last - first) / count;
        let kernel = BetaKernel::new(a, b);
        let mut parts: Vec<Part> = (0..=count as u32)
            .map(|place| {
                let log_odds = middle + first + step * f64::from(place);
                let (ln_q, ln_rest) = (ln_logistic(log_odds), ln_logistic(-log_odds));
                let weight = exp(kernel.fall(exp(ln_q), exp(ln_rest), || ln_q, || ln_rest));
                Part { weight, scale: rate * exp(ln_q), ln_mode: ln(rate) + ln_q - ln(shape) }
            })
            .collect();
        let total: f64 = parts.iter().map(|part| part.weight).sum();
        parts.iter_mut().for_each(|part| part.weight /= total);

        // The distances of a sum of independent parts add like standard deviations. Those of the logarithm of a gamma
        // variate are those of a beta variate with a huge second parameter, and an order value is one over it.
        let of_order = around(falls, shape, 1e6 * shape).into_iter().rev().map(|distance| -distance);
        let ln_q = |distance: f64| ln_logistic(middle + distance);
        let center = ln_q(0.0) + ln(rate / shape);
        let both = |(of_rate, of_order): (&f64, f64)| {
            let of_rate = ln_q(*of_rate) - ln_q(0.0);
            center + of_order.signum() * (of_rate * of_rate + of_order * of_order).sqrt()
        };
        let cuts = distances.iter().zip(of_order).map(both).collect();
        Self { shape, ln_max: gamma_ln_max(shape), cuts, parts }
    }

    fn cuts(&self) -> Vec<f64> {
        self.cuts.clone()
    }

    /// Order rate times q, and weight, of each part: given q the value is that over a gamma variate of the shape.
    pub fn scales(&self) -> impl Iterator<Item = (f64, f64)> {
        self.parts.iter().map(|part| (part.scale, part.weight))
    }

    /// Density of the logarithm of the value.
    pub fn density_of_ln(&self, value: f64, ln_value: f64) -> f64 {
        let part = |part: &Part| {
            let beyond = part.scale / value - self.shape;
            part.weight * exp(self.shape * (part.ln_mode - ln_value) - beyond)
        };
        exp(self.ln_max) * self.parts.iter().map(part).sum::<f64>()
    }
}
