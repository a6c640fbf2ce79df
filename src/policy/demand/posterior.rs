//! Posterior of the demand curve's two parameters, on a grid that adapts to it.
//!
//! Parameters here are the level, the log-odds at the mean price, and the slope b: the log-odds at price p are
//! level - b z with z = p/p̄ - 1. The logarithm of the posterior density is concave in both.
//!
//! The slope runs over [`SLOPES`] equal steps from where the profile has fallen by [`FALL`] to where it has again, or
//! from 0. At each slope the level runs over [`LEVELS`] steps likewise. The density is taken to be linear in between.
//! Shares come out within 0.2 %.

use super::ArmInput;
use crate::math::{exp, expm1, gamma_p, ln, ln_1p, root};

const SLOPES: u32 = 64;
const LEVELS: u32 = 48;

/// Slopes at which it is asked which arm is the best.
const STRATA: u32 = 2048;

/// How far the density has fallen where the grid ends, as a logarithm.
const FALL: f64 = 16.0;

/// Of both normal priors: 1 / 5².
const PRIOR_PRECISION: f64 = 0.04;

/// What is believed about the curve.
pub(super) struct Belief {
    points: Vec<Point>,
    /// Level and slope at the highest density.
    pub mode: (f64, f64),
    /// Standard deviation of the slope, by the curvature there.
    slope_sd: f64,
    pub price_mean: f64,
}

/// What was counted at one price, and the rate there at the mode.
struct Point {
    z: f64,
    exposures: f64,
    conversions: f64,
    rate: f64,
}

/// The levels at one slope.
pub(super) struct Slice {
    pub slope: f64,
    /// The level with the highest density.
    top: f64,
    /// Distance between levels.
    step: f64,
    /// Integral of the density over the level.
    mass: f64,
    /// What a node's density is to be multiplied with in an integral over both, of any scale.
    pub weight: f64,
    pub nodes: Vec<Node>,
}

/// One level of the grid, with the density there relative to the mode's, and its integral up to there.
pub(super) struct Node {
    pub level: f64,
    pub density: f64,
    below: f64,
}

fn rate(log_odds: f64) -> f64 {
    // Below 1, so that what is left of it has a logarithm.
    (1.0 / (1.0 + exp(-log_odds))).min(1.0 - f64::EPSILON)
}

impl Belief {
    pub(super) fn new(arms: &[ArmInput]) -> Self {
        let prices = arms.iter().map(|arm| arm.price_minor as f64);
        let mean = prices.sum::<f64>() / arms.len() as f64;
        let price_mean = if mean > 0.0 { mean } else { 1.0 };
        let tried = arms.iter().filter(|arm| arm.exposures > 0.0);
        let points = tried.map(|arm| Point {
            z: arm.price_minor as f64 / price_mean - 1.0,
            exposures: arm.exposures,
            conversions: arm.conversions.clamp(0.0, arm.exposures),
            rate: 0.5,
        });
        let mut belief = Self { points: points.collect(), mode: (0.0, 0.0), slope_sd: 1.0, price_mean };
        belief.climb();
        belief
    }

    /// Newton's method to the mode, with the slope not below 0.
    fn climb(&mut self) {
        for _ in 0..100 {
            let (level, slope) = self.mode;
            let mut gradient = [-PRIOR_PRECISION * level, -PRIOR_PRECISION * slope];
            let mut curvature = [PRIOR_PRECISION, 0.0, PRIOR_PRECISION];
            for point in &mut self.points {
                point.rate = rate(level - slope * point.z);
                let more = point.conversions - point.exposures * point.rate;
                let weight = point.exposures * point.rate * (1.0 - point.rate);
                gradient = [gradient[0] + more, gradient[1] - more * point.z];
                let [of_level, between, of_slope] = curvature;
                curvature =
                    [of_level + weight, between - weight * point.z, of_slope + weight * point.z * point.z];
            }
            let [of_level, between, of_slope] = curvature;
            let left = (of_slope - between * (between / of_level)).max(PRIOR_PRECISION);
            self.slope_sd = 1.0 / left.sqrt();
            let held = slope <= 0.0 && gradient[1] <= 0.0;
            let up = (gradient[1] - between * (gradient[0] / of_level)) / left;
            let up = if held { 0.0 } else { up.max(-slope) };
            let side = (gradient[0] - between * up) / of_level;
            let better =
                (0..40).scan(1.0, |part, _| Some(std::mem::replace(part, *part * 0.5))).find_map(|part| {
                    let there = (level + part * side, slope + part * up);
                    (self.rise(there.0, there.1) > 0.0).then_some(there)
                });
            let Some(there) = better else { return };
            self.mode = there;
            if side.abs() * of_level.sqrt() + up.abs() / self.slope_sd < 1e-7 {
                break;
            }
        }
        let (level, slope) = self.mode;
        self.points.iter_mut().for_each(|point| point.rate = rate(level - slope * point.z));
    }

    /// Logarithm of the density relative to the one at `mode`, which the rates of the points belong to.
    fn rise(&self, level: f64, slope: f64) -> f64 {
        let (up, steeper) = (level - self.mode.0, slope - self.mode.1);
        let prior = up * (level + self.mode.0) + steeper * (slope + self.mode.1);
        self.points.iter().fold(-0.5 * PRIOR_PRECISION * prior, |sum, point| {
            let more = up - steeper * point.z;
            // ln((1 - q) / (1 - q')) of the rates before and after, without loss of digits for a small step.
            let misses = ln_1p(point.rate * expm1(more.min(690.0)));
            sum + point.conversions * more - point.exposures * misses
        })
    }

    /// The level of the highest density at this slope, and the standard deviation of the level there.
    fn ridge(&self, slope: f64, start: f64) -> (f64, f64) {
        let at = |level: f64| {
            let start = (-PRIOR_PRECISION * level, PRIOR_PRECISION);
            self.points.iter().fold(start, |(value, fall), point| {
                let rate = rate(level - slope * point.z);
                let expected = point.exposures * rate;
                (value + point.conversions - expected, fall + expected * (1.0 - rate))
            })
        };
        let level = root(start, &at);
        (level, 1.0 / at(level).1.sqrt())
    }

    /// How far from the mode the profile of the slope has fallen by `FALL` going to this side, or the way down to 0.
    fn reach(&self, side: f64) -> f64 {
        let most = if side < 0.0 { self.mode.1 } else { f64::INFINITY };
        let rise = |distance: f64| {
            let slope = self.mode.1 + side * distance;
            self.rise(self.ridge(slope, self.mode.0).0, slope)
        };
        let (mut near, mut far) = (0.0, (4.0 * self.slope_sd).min(most));
        while rise(far) > -FALL && far < most {
            (near, far) = (far, (2.0 * far).min(most));
        }
        for _ in 0..60 {
            // Near enough to the fall, or an end at slope 0.
            if rise(far) > -1.25 * FALL {
                break;
            }
            let between = 0.5 * (near + far);
            if rise(between) > -FALL {
                near = between;
            } else {
                far = between;
            }
        }
        far
    }

    /// The grid, the least slope first.
    pub(super) fn slices(&self) -> Vec<Slice> {
        let (down, up) = (self.reach(-1.0), self.reach(1.0));
        let mut start = self.mode.0;
        let slices = (0..=SLOPES).map(|place| {
            let slope = self.mode.1 - down + (down + up) * f64::from(place) / f64::from(SLOPES);
            let (top, sd) = self.ridge(slope, start);
            start = top;
            let highest = self.rise(top, slope);
            let reach = |side: f64| {
                let mut far = 4.0 * sd;
                while self.rise(top + side * far, slope) - highest > -FALL && far < 1e3 {
                    far *= 1.3;
                }
                far
            };
            let (left, right) = (reach(-1.0), reach(1.0));
            let step = (left + right) / f64::from(LEVELS);
            let (mut below, mut previous) = (0.0, 0.0);
            let nodes = (0..=LEVELS).map(|place| {
                let level = top - left + step * f64::from(place);
                let density = exp(self.rise(level, slope));
                below += if place > 0 { 0.5 * step * (previous + density) } else { 0.0 };
                previous = density;
                Node { level, density, below }
            });
            let nodes = nodes.collect();
            let simpson = match place {
                0 | SLOPES => 1.0,
                _ if place % 2 == 1 => 4.0,
                _ => 2.0,
            };
            Slice { slope, top, step, mass: below, weight: simpson * step, nodes }
        });
        slices.collect()
    }

    /// How probably each of the arms has the highest value times rate, of any scale. Of arms which always tie, one
    /// gets all.
    ///
    /// The slope is taken at the middles of [`STRATA`] equally probable strata: at low rates it alone tells which arm
    /// is the best, so that the shares jump along it.
    pub(super) fn best(&self, arms: &[&ArmInput]) -> Vec<f64> {
        let (slices, mut shares) = (self.slices(), vec![0.0; arms.len()]);
        let cells = || slices.iter().zip(slices.iter().skip(1));
        let total: f64 = cells().map(|(left, right)| left.mass + right.mass).sum();
        let mut all = cells();
        let (mut cell, mut before) = (all.next(), 0.0);
        let mut lines: Vec<(f64, f64)> = Vec::with_capacity(arms.len());
        for stratum in 0..STRATA {
            let target = total * (f64::from(stratum) + 0.5) / f64::from(STRATA);
            while let Some((left, right)) = cell
                && before + left.mass + right.mass < target
            {
                before += left.mass + right.mass;
                cell = all.next();
            }
            let Some((left, right)) = cell else { break };
            // Where the mass below is `inside`, with a mass that is linear in between.
            let inside = target - before;
            let root = (left.mass * left.mass + inside * (right.mass - left.mass)).max(0.0).sqrt();
            let part = (inside / (left.mass + root)).clamp(0.0, 1.0);
            let slope = left.slope + part * (right.slope - left.slope);
            let top = left.top + part * (right.top - left.top);
            lines.clear();
            lines.extend(arms.iter().map(|arm| {
                let z = arm.price_minor as f64 / self.price_mean - 1.0;
                let steepness = 1.0 / arm.posterior.value_minor() as f64;
                (steepness * exp((slope * z).min(650.0)), steepness)
            }));
            envelope(&lines, &mut shares, &|level| {
                (1.0 - part) * left.below(level - top) + part * right.below(level - top)
            });
        }
        shares
    }

    /// How probably a true curve would fit as badly as the mode or worse, by the deviance.
    pub(super) fn fit(&self) -> f64 {
        let first = self.points.first().map_or(0.0, |point| point.z);
        let fitted = if self.points.iter().any(|point| point.z != first) { 2 } else { 1 };
        let Some(freedom) = self.points.len().checked_sub(fitted).filter(|&freedom| freedom > 0) else {
            return 1.0;
        };
        let part = |count: f64, expected: f64| if count > 0.0 { count * ln(count / expected) } else { 0.0 };
        let deviance: f64 = self
            .points
            .iter()
            .map(|point| {
                let misses = point.exposures - point.conversions;
                part(point.conversions, point.exposures * point.rate)
                    + part(misses, point.exposures * (1.0 - point.rate))
            })
            .sum();
        // Twice the sum is χ² distributed; its tail takes half of that.
        1.0 - gamma_p(0.5 * freedom as f64, deviance)
    }
}

impl Slice {
    /// How probably the level is below one so far above the ridge, at this slope.
    fn below(&self, above_top: f64) -> f64 {
        let least = self.nodes.first().map_or(0.0, |node| node.level - self.top);
        let place = ((above_top - least) / self.step).max(0.0);
        let cell = place.floor();
        match (self.nodes.get(cell as usize), self.nodes.get(cell as usize + 1)) {
            (Some(left), Some(right)) => {
                let part = place - cell;
                let inside = part * (left.density + 0.5 * part * (right.density - left.density));
                (left.below + self.step * inside) / self.mass
            }
            _ => 1.0,
        }
    }
}

/// Deals one share to the arms by which of them is the best at which level, where `below` is how probably the level is
/// below another.
///
/// At a given slope, with A the odds at the mean price and E_k = e^(-b z_k), arm k is worth v_k A E_k / (1 + A E_k). That
/// is highest where 1/(v_k E_k) + A/v_k is lowest: the arms are straight lines in A, given by intercept and steepness,
/// and the best ones their lower envelope, from the line with the least intercept over ever less steep ones.
fn envelope(lines: &[(f64, f64)], shares: &mut [f64], below: &dyn Fn(f64) -> f64) {
    let (mut best, mut line) = (0, (f64::INFINITY, f64::INFINITY));
    for (arm, &other) in lines.iter().enumerate() {
        if other.0 < line.0 || (other.0 == line.0 && other.1 < line.1) {
            (best, line) = (arm, other);
        }
    }
    let mut from = 0.0;
    loop {
        let (mut next, mut crossing) = (None, f64::INFINITY);
        for (arm, &other) in lines.iter().enumerate().filter(|(_, other)| other.1 < line.1) {
            let at = (other.0 - line.0) / (line.1 - other.1);
            if at < crossing {
                (next, crossing) = (Some((arm, other)), at);
            }
        }
        let to = if next.is_some() { below(ln(crossing)) } else { 1.0 };
        if let Some(share) = shares.get_mut(best) {
            *share += (to - from).max(0.0);
        }
        let Some((arm, other)) = next else { break };
        (best, line, from) = (arm, other, to);
    }
}
