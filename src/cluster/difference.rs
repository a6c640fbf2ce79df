//! The difference between two arms: scores of every epoch, summed for each cluster.

use super::baseline::{Baseline, Others, Outcome};
use super::{CLUSTERS_LEAST, Epoch, Estimate, Panel, Question, Seen, freedom};
use crate::{Error, TOTAL};

/// What a cluster's scores and their weights add up to, and on which of the two sides it was seen.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    score: f64,
    weight: f64,
    sides: [bool; 2],
}

pub(super) fn difference(
    panel: &Panel,
    of: usize,
    base: usize,
    question: &Question,
) -> Result<Option<Estimate>, Error> {
    let arms = panel.epochs.first().map_or(0, |epoch| epoch.shares.len());
    let mut baseline = Baseline::new(panel, arms);
    let mut sums = vec![Sums::default(); panel.clusters()];
    let (mut observations, mut left_out) = (0, 0);
    let mut period = panel.epochs.first().map_or(0, |epoch| epoch.period);
    for epoch in &panel.epochs {
        if std::mem::replace(&mut period, epoch.period) != epoch.period {
            baseline.next_period();
        }
        let share = |arm: usize| f64::from(epoch.shares.get(arm).copied().unwrap_or(0)) / f64::from(TOTAL);
        let sides = [(of, share(of)), (base, share(base))];
        if sides.iter().all(|side| side.1 > 0.0) {
            observations += epoch.observations.len();
            score(epoch, sides, question, &mut baseline, Some(&mut sums));
        } else {
            left_out += epoch.observations.len();
            score(epoch, sides, question, &mut baseline, None);
        }
    }
    let settled = |side: usize| {
        let seen = sums.iter().filter(|sums| sums.sides.get(side).copied().unwrap_or(false));
        seen.count() >= CLUSTERS_LEAST
    };
    if !(settled(0) && settled(1)) {
        return Ok(None);
    }
    let seen: Vec<Sums> = sums.into_iter().filter(|sums| sums.weight > 0.0).collect();
    let weight: f64 = seen.iter().map(|sums| sums.weight).sum();
    let value = seen.iter().map(|sums| sums.score).sum::<f64>() / weight;
    let residuals: Vec<f64> = seen.iter().map(|sums| sums.score - value * sums.weight).collect();
    let clusters = residuals.len();
    let n = clusters as f64;
    let squares: f64 = residuals.iter().map(|u| u * u).sum();
    let se = (squares * n / (n - 1.0)).sqrt() / weight;
    let seen = Seen { clusters, observations, left_out };
    Estimate::new(value, se, freedom(&residuals), seen, question)
}

/// Adds the scores of an epoch to the sums of its clusters, where there are sums, and learns from it.
fn score(
    epoch: &Epoch,
    [(of, e_of), (base, e_base)]: [(usize, f64); 2],
    question: &Question,
    baseline: &mut Baseline,
    mut sums: Option<&mut [Sums]>,
) {
    let per = question.per_hours / epoch.hours;
    let all: Vec<(f64, f64)> = epoch
        .observations
        .iter()
        .map(|one| (one.value_minor as f64 * per, baseline.level(one.cluster)))
        .collect();
    let others = Others::new(&all);
    let (factor_of, factor_base) = (baseline.factor(of), baseline.factor(base));
    let weight = (e_of * e_base / (e_of + e_base)).sqrt() * epoch.hours;
    for (one, &(value, level)) in epoch.observations.iter().zip(&all) {
        let expected = others.expected(value, level);
        if let Some(sums) = sums.as_deref_mut().and_then(|sums| sums.get_mut(one.cluster)) {
            let (m_of, m_base) = (expected * factor_of, expected * factor_base);
            let mut gamma = m_of - m_base;
            if one.arm == of {
                gamma += (value - m_of) / e_of;
                sums.sides[0] = true;
            } else if one.arm == base {
                gamma -= (value - m_base) / e_base;
                sums.sides[1] = true;
            }
            sums.score += weight * gamma;
            sums.weight += weight;
        }
        baseline.see(Outcome { cluster: one.cluster, arm: one.arm, value, expected });
    }
}
