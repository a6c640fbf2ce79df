//! The axis of values: its segments, the cells in them, and the nodes in those.

use crate::math::{exp, expm1, ln, ln_1p};

/// Where an arm's cuts are: how far the logarithm of its density lies below its maximum.
///
/// A normal density would be cut at 0, ±1.8, ±3.6 and ±5.4 standard deviations; 7e-8 of it is left out.
pub(super) const FALLS: [f64; 3] = [1.6, 6.4, 14.5];
/// The same for an arm with a parameter below 1, whose log-density is far from a parabola.
pub(super) const FALLS_WEAK: [f64; 9] = [0.1, 0.6, 2.2, 4.5, 7.0, 9.5, 12.0, 15.0, 18.0];

/// Cuts towards the end of a segment where some arm goes on into the next: there its density falls like exp(-|s|), from
/// a bend whose place is the first of them.
const BEND_CUTS: [f64; 6] = [0.0, 2.0, 4.5, 7.5, 11.0, 16.0];
/// Beyond this `|s|` an end of a segment that is not the end of an arm has no mass that matters.
const END: f64 = 57.0;

/// A part of the axis of values between two neighbouring tops, or beyond the last or below 0 without an end.
pub(in crate::posterior) struct Segment {
    pub index: usize,
    pub from: f64,
    pub to: f64,
    /// Logarithm of `to - from`; 0 where that is infinite.
    pub ln_length: f64,
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
        let length = to - from;
        let ln_length = if length.is_finite() { ln(length) } else { 0.0 };
        Self { index, from, to, ln_length, cuts: Vec::new() }
    }

    /// The place of the value that lies `up` above the start and `down` below the end of the segment.
    ///
    /// `s = ln(up / down)`; where one of them is infinite it counts as 1.
    pub fn place(&self, up: f64, down: f64) -> Place {
        let s = if self.from.is_infinite() {
            -ln(down)
        } else if self.to.is_infinite() {
            ln(up)
        } else {
            ln(up) - ln(down)
        };
        self.bounded(s.clamp(f64::MIN, f64::MAX), false, false)
    }

    /// A place, kept from the ends of the segment where those are not the arm's own.
    pub fn bounded(&self, s: f64, own_from: bool, own_to: bool) -> Place {
        let least = if own_from || self.from.is_infinite() { f64::MIN } else { -END };
        let most = if own_to || self.to.is_infinite() { f64::MAX } else { END };
        // Without an end on one side, s is a logarithm of the value itself and has no such bounds.
        let free = self.from.is_infinite() || self.to.is_infinite();
        (self.index, if free { s } else { s.max(least).min(most) })
    }

    /// Adds the cuts of an arm whose density is smooth over lengths of `width` and goes on beyond the upper
    /// end of the segment, or beyond the lower one.
    pub fn bend(&mut self, width: f64, upper: bool) {
        let (near, far) = (width, self.to - self.from - width);
        // At most the middle.
        let (_, s) = if far <= near && far.is_finite() {
            (0, 0.0)
        } else if upper {
            self.place(far, near)
        } else {
            self.place(near, far)
        };
        let cuts = BEND_CUTS.map(|distance| if upper { s + distance } else { s - distance });
        let mut cuts = cuts.to_vec();
        if !upper {
            cuts.reverse();
        }
        self.add(cuts);
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
pub(in crate::posterior) struct Node {
    /// v, v - from, and to - v, each with all its digits; infinite where the segment is.
    pub value: f64,
    pub above_from: f64,
    pub below_to: f64,
    /// dv / ds.
    pub slope: f64,
    /// Logarithm of v, also where v underflows; only for positive values.
    pub ln_value: f64,
    /// Logarithm of (to - v) / (to - from), also where that underflows.
    pub ln_down: f64,
}

impl Node {
    pub fn new(segment: &Segment, s: f64) -> Self {
        let fall = exp(-s.abs());
        if segment.from.is_infinite() || segment.to.is_infinite() {
            let distance = if segment.to.is_infinite() { exp(s) } else { exp(-s) };
            let (value, above_from, below_to) = if segment.to.is_infinite() {
                (segment.from + distance, distance, f64::INFINITY)
            } else {
                (segment.to - distance, f64::INFINITY, distance)
            };
            let ln_value = if segment.from == 0.0 { s } else { ln(value.abs()) };
            return Self { value, above_from, below_to, slope: distance, ln_value, ln_down: 0.0 };
        }
        // The share of the segment on the far side of the value, and its logarithm.
        let length = segment.to - segment.from;
        let (more, ln_more) = (length / (1.0 + fall), -ln_1p(fall));
        let (less, ln_less) = (more * fall, ln_more - s.abs());
        let below = s < 0.0;
        let (above_from, below_to) = if below { (less, more) } else { (more, less) };
        let (ln_up, ln_down) = if below { (ln_less, ln_more) } else { (ln_more, ln_less) };
        let value = if below { segment.from + above_from } else { segment.to - below_to };
        let ln_value = if segment.from == 0.0 { segment.ln_length + ln_up } else { ln(value) };
        Self { value, above_from, below_to, slope: less / (1.0 + fall), ln_value, ln_down }
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
    let sd = 1.0 / (n * p * q).sqrt();
    let mut least = 0.0;
    let mut distance = |target: &f64| {
        let mut u = (sd * (2.0 * target).sqrt()).max(least);
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
            if step.abs() < 0.05 * u {
                break;
            }
        }
        least = u;
        u
    };
    falls.iter().map(&mut distance).collect()
}
