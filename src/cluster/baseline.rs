//! What was to be expected of a cluster in an epoch, from what was known before and from how the others did.
//!
//! Nothing here looks at the outcome or the arm of the cluster itself in that epoch: the randomisation stays what it
//! was, however wrong the expectation may be. The better it is, the narrower the intervals. What a cluster brought
//! earlier in the *same* period does not count as before: it was on the same draw.

use super::Panel;

/// The clusters' own history up to an epoch.
pub(super) struct Baseline {
    /// What is known of each from before the experiment, 0 or more: its past, or a typical one where there is none.
    past: Vec<f64>,
    /// Sum and number of each one's earlier values.
    earlier: Vec<(f64, f64)>,
    /// Sums over all earlier observations: of the values, and of the pasts of their clusters.
    values: f64,
    pasts: f64,
    /// For each arm the sums of values and of what was expected, over its earlier observations.
    arms: Vec<(f64, f64)>,
    /// Sum of what was expected, and the number of periods.
    expected: (f64, f64),
    /// What was seen in the period that goes on, which is not over and therefore not known before.
    open: Vec<Outcome>,
}

/// What a cluster brought, and what was expected of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub cluster: usize,
    pub arm: usize,
    pub value: f64,
    pub expected: f64,
}

impl Baseline {
    pub fn new(panel: &Panel, arms: usize) -> Self {
        let known: Vec<f64> = panel.past.iter().flatten().map(|&past| past.max(0) as f64).collect();
        let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        // Nobody's past is known, or nobody sold anything: all are taken for alike.
        let typical = if mean > 0.0 { mean } else { 1.0 };
        let past = |past: &Option<i64>| match past {
            Some(past) if mean > 0.0 => (*past).max(0) as f64,
            _ => typical,
        };
        Self {
            past: panel.past.iter().map(past).collect(),
            earlier: vec![(0.0, 0.0); panel.past.len()],
            values: 0.0,
            pasts: 0.0,
            arms: vec![(0.0, 0.0); arms],
            expected: (0.0, 0.0),
            open: Vec::new(),
        }
    }

    fn past_of(&self, cluster: usize) -> f64 {
        self.past.get(cluster).copied().unwrap_or_default()
    }

    /// The mean of a cluster's earlier values, its past counting as one of them. 0 or more, of any scale.
    pub fn level(&self, cluster: usize) -> f64 {
        let scale = if self.values > 0.0 && self.pasts > 0.0 { self.values / self.pasts } else { 1.0 };
        let (sum, count) = self.earlier.get(cluster).copied().unwrap_or_default();
        ((self.past_of(cluster) * scale + sum) / (1.0 + count)).max(0.0)
    }

    /// How much better an arm did before than was expected of its clusters: 1 at first, within 0 to 10, and held back
    /// as if one period of all clusters had done as expected.
    pub fn factor(&self, arm: usize) -> f64 {
        let (values, expected) = self.arms.get(arm).copied().unwrap_or_default();
        let held_back = self.expected.0 / self.expected.1.max(1.0);
        let factor = (values + held_back) / (expected + held_back);
        if factor.is_finite() { factor.clamp(0.0, 10.0) } else { 1.0 }
    }

    /// Keeps what was seen until its period is over.
    pub fn see(&mut self, outcome: Outcome) {
        self.open.push(outcome);
    }

    /// Goes on to the next period: what was seen up to here is known from now on.
    pub fn next_period(&mut self) {
        for Outcome { cluster, arm, value, expected } in std::mem::take(&mut self.open) {
            if let Some(earlier) = self.earlier.get_mut(cluster) {
                *earlier = (earlier.0 + value, earlier.1 + 1.0);
            }
            if let Some(arm) = self.arms.get_mut(arm) {
                *arm = (arm.0 + value, arm.1 + expected);
            }
            self.values += value;
            self.pasts += self.past_of(cluster);
            self.expected.0 += expected;
        }
        self.expected.1 += 1.0;
    }
}

/// Sums over the clusters of one epoch, each of which is left out where it is asked about itself.
pub(super) struct Others {
    values: f64,
    levels: f64,
    count: f64,
}

impl Others {
    /// Of the values and levels of all.
    pub fn new(all: &[(f64, f64)]) -> Self {
        Self {
            values: all.iter().map(|one| one.0).sum(),
            levels: all.iter().map(|one| one.1).sum(),
            count: all.len() as f64,
        }
    }

    /// What is expected of a cluster of this level (and this value, which is taken out): its level times what the others
    /// brought for theirs; their mean where they have no level.
    pub fn expected(&self, value: f64, level: f64) -> f64 {
        let (values, levels, count) = (self.values - value, self.levels - level, self.count - 1.0);
        // What rounding leaves of a sum that is all its own is no level.
        if levels > 1e-9 * self.levels && levels > 0.0 {
            level * (values / levels)
        } else if count > 0.0 {
            values / count
        } else {
            0.0
        }
    }
}
