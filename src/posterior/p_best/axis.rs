//! The axis of values: its segments, the cells in them, and the nodes in those.

use crate::math::{exp, expm1, ln_1p, ln_logistic};

/// Where an arm's cuts are: how far the logarithm of its density lies below its maximum.
///
/// A normal density would be cut at 0, ±1.3, ±2.4, ±3.6, … ±6.5 standard deviations; 1e-10 of it is left out.
pub(super) const FALLS: [f64; 6] = [0.8, 3.0, 6.5, 11.0, 16.0, 21.0];
/// The same for an arm with a parameter below 1, whose log-density is far from a parabola.
pub(super) const FALLS_WEAK: [f64; 12] = [0.01, 0.1, 0.6, 2.2, 4.5, 7.0, 9.5, 12.0, 15.0, 18.0, 21.0, 25.0];

/// Cuts of a segment in `s` where some arm goes on into the next segment, in the order towards that end.
///
/// There every density falls like exp(-|s|), from a bend at 0 whose shape needs cuts on its other side too.
pub(super) const END_CUTS: [f64; 19] = [
    -16.0, -11.0, -7.0, -4.0, -2.0, 0.0, 2.0, 4.5, 7.5, 11.0, 15.0, 19.0, 23.0, 27.0, 31.0, 36.0, 42.0, 49.0,
    END,
];
/// Beyond this `|s|` an end of a segment that is not the end of an arm has no mass that matters.
pub(super) const END: f64 = 57.0;

/// A part of the axis of values between two neighbouring tops. `from` is 0 in the first.
pub(super) struct Segment {
    pub index: usize,
    pub from: f64,
    pub to: f64,
    cuts: Vec<Cut>,
}

/// A place where a cell may end; a segment has them from left to right.
struct Cut {
    s: f64,
    /// A cell over this cut may be as long as this, in `s`: the distance to the next cut of the same arm.
    reach: f64,
}

impl Segment {
    pub fn new(index: usize, from: f64, to: f64) -> Self {
        Self { index, from, to, cuts: Vec::new() }
    }

    /// Adds cuts that belong together.
    pub fn add(&mut self, cuts: Vec<f64>) {
        let after = cuts.iter().skip(1).copied().chain([f64::INFINITY]);
        let before = [f64::INFINITY].into_iter().chain(cuts.iter().copied());
        let gaps = after.zip(before).zip(&cuts).map(|((after, before), s)| {
            let reach = (after - s).abs().min((before - s).abs());
            Cut { s: *s, reach }
        });
        for cut in gaps {
            let place = self.cuts.partition_point(|other| other.s.total_cmp(&cut.s).is_le());
            self.cuts.insert(place, cut);
        }
    }

    /// The cells of a segment, from left to right.
    ///
    /// A cut is left out where the cell that this makes is no longer than what the cut stands for: arms that look
    /// alike share their cells.
    pub fn cells(&self) -> Vec<(f64, f64)> {
        let mut cells = Vec::new();
        let Some(first) = self.cuts.first() else { return cells };
        let (mut left, mut length_max) = (first.s, f64::INFINITY);
        for pair in self.cuts.windows(2) {
            let [cut, next] = pair else { continue };
            length_max = length_max.min(cut.reach);
            if next.s - left > length_max && cut.s > left {
                cells.push((left, cut.s));
                (left, length_max) = (cut.s, f64::INFINITY);
            }
        }
        cells.extend(self.cuts.last().map(|last| (left, last.s)));
        cells
    }
}

/// A node of the quadrature: a value, and what all arms need to know about it.
pub(super) struct Node {
    /// v, v - from, and to - v, each with all its digits.
    pub value: f64,
    pub above_from: f64,
    pub below_to: f64,
    /// Logarithms of (v - from) / (to - from) and (to - v) / (to - from), also where those underflow.
    pub ln_up: f64,
    pub ln_down: f64,
}

impl Node {
    pub fn new(segment: &Segment, s: f64) -> Self {
        let (ln_up, ln_down) = (ln_logistic(s), ln_logistic(-s));
        let length = segment.to - segment.from;
        let (above_from, below_to) = (length * exp(ln_up), length * exp(ln_down));
        let value = if s < 0.0 { segment.from + above_from } else { segment.to - below_to };
        Self { value, above_from, below_to, ln_up, ln_down }
    }
}

/// A place on the axis of values: the index of a segment, and s. Places are in the order of their values.
pub(super) type Place = (usize, f64);

/// Whether one place lies before the other.
pub(super) fn is_before(one: Place, other: Place) -> bool {
    one.0 < other.0 || (one.0 == other.0 && one.1 < other.1)
}

/// How far below the middle, in log-odds, the log-density of Beta(a, b) has fallen by each of `falls`.
///
/// Cuts need not be exact: a few steps of Newton's method do. The log-density is concave, so that all steps but
/// the first approach from the far side.
pub(super) fn distances(a: f64, b: f64, falls: &[f64]) -> Vec<f64> {
    let n = a + b;
    let (p, q) = (a / n, b / n);
    let mut u = 0.1 / (n * p * q).sqrt();
    let mut distance = |target: &f64| {
        for _ in 0..12 {
            // Two forms of one formula, each where it keeps its digits.
            let fall = if q * exp(u) < 1.0 {
                n * ln_1p(q * expm1(u)) - b * u
            } else {
                n * ln_1p(p * expm1(-u)) + a * u
            };
            let slope = -a * q * expm1(-u) / (q + p * exp(-u));
            let step = (fall - target) / slope;
            u -= step;
            if step.abs() < 1e-3 * u {
                break;
            }
        }
        u
    };
    falls.iter().map(&mut distance).collect()
}
