//! Stand-ins for what `haggle::posterior` and `haggle::inference` are to have.

use haggle::evaluate::Tallies;
use haggle::math::{beta_cdf, beta_ln_pdf, exp, ln, ln_beta};
use haggle::{Posterior, p_best};

pub struct Interval {
    pub low: f64,
    pub high: f64,
}

fn bisect(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

pub fn rate_quantile(posterior: &Posterior, p: f64) -> f64 {
    bisect(0.0, 1.0, |rate| beta_cdf(rate, posterior.alpha(), posterior.beta()) < p)
}

pub fn quantile(posterior: &Posterior, p: f64) -> f64 {
    rate_quantile(posterior, p) * posterior.value_minor() as f64
}

pub fn value_sd_minor(posterior: &Posterior) -> f64 {
    posterior.rate_sd() * posterior.value_minor() as f64
}

fn cdf(posterior: &Posterior, value: f64) -> f64 {
    beta_cdf((value / posterior.value_minor() as f64).clamp(0.0, 1.0), posterior.alpha(), posterior.beta())
}

pub fn density(posterior: &Posterior, value: f64) -> f64 {
    let worth = posterior.value_minor() as f64;
    exp(beta_ln_pdf(value / worth, posterior.alpha(), posterior.beta())) / worth
}

pub fn p_beats(one: &Posterior, other: &Posterior) -> f64 {
    p_best(&[*one, *other]).first().copied().unwrap_or(0.0)
}

const CELLS: usize = 2000;

/// ∫ (1 - Π F of the others) F of the arm.
pub fn expected_loss(arms: &[Posterior]) -> Vec<f64> {
    let low = arms.iter().map(|arm| quantile(arm, 1e-9)).fold(f64::INFINITY, f64::min);
    let high = arms.iter().map(|arm| quantile(arm, 1.0 - 1e-9)).fold(0.0, f64::max);
    let step = (high - low) / CELLS as f64;
    let mut losses = vec![0.0; arms.len()];
    for cell in 0..CELLS {
        let below: Vec<f64> = arms.iter().map(|arm| cdf(arm, low + step * (cell as f64 + 0.5))).collect();
        for (place, (loss, own)) in losses.iter_mut().zip(&below).enumerate() {
            let others: f64 = below
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != place)
                .map(|(_, below)| below)
                .product();
            *loss += step * (1.0 - others) * own;
        }
    }
    losses
}

pub fn value_remaining(arms: &[Posterior]) -> f64 {
    let best = p_best(arms);
    let place =
        best.iter().enumerate().fold((0, -1.0), |top, (k, &p)| if p > top.1 { (k, p) } else { top }).0;
    let Some(leader) = arms.get(place) else { return 0.0 };
    let nodes: Vec<f64> = (0..400).map(|node| quantile(leader, (f64::from(node) + 0.5) / 400.0)).collect();
    let beyond = |gain: f64| {
        let of_node = |value: &f64| {
            let others = arms.iter().enumerate().filter(|(other, _)| *other != place);
            1.0 - others.map(|(_, arm)| cdf(arm, value * (1.0 + gain))).product::<f64>()
        };
        nodes.iter().map(of_node).sum::<f64>() / nodes.len() as f64
    };
    if beyond(0.0) <= 0.05 { 0.0 } else { bisect(0.0, 100.0, |gain| beyond(gain) > 0.05) }
}

/// Beta-mixture confidence sequence of a rate, a = b = 1/2.
pub fn rate_sequence(exposures: i64, conversions: i64, alpha: f64) -> Interval {
    let (s, f) = (conversions as f64, (exposures - conversions) as f64);
    let ln_m = |p: f64| {
        let up = if s > 0.0 { s * ln(p) } else { 0.0 };
        let down = if f > 0.0 { f * ln(1.0 - p) } else { 0.0 };
        ln_beta(0.5 + s, 0.5 + f) - ln_beta(0.5, 0.5) - up - down
    };
    let mean = if exposures > 0 { s / (s + f) } else { 0.5 };
    let out = |p: f64| ln_m(p) >= -ln(alpha);
    Interval {
        low: if s > 0.0 { bisect(0.0, mean, out) } else { 0.0 },
        high: if f > 0.0 { bisect(mean, 1.0, |p| !out(p)) } else { 1.0 },
    }
}

/// Whether the answer is in.
pub fn is_decided(tallies: &Tallies, best: &[f64], remaining: f64) -> bool {
    tallies.totals.iter().all(|tally| tally.exposures > 0)
        && (remaining < 0.01 || best.iter().any(|&p| p > 0.99))
}
