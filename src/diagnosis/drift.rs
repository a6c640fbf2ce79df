//! Does an arm's conversion rate move unlike those of the others?
//!
//! That all arms convert better on Saturdays is no alarm: shares are compared within windows of time. An alarm is an arm
//! whose odds relative to the others' change from window to window, since then the arm that is best now need not be so
//! next week, and policies that fade what is old have their case.

use super::Evidence;
use crate::Period;
use crate::math::{beta_quantile, exp, gamma_p, ln, root};

/// Windows of time.
const WINDOWS: usize = 8;
/// Fewest orders, and exposures without, of an arm that is tested.
const EVENTS_LEAST: f64 = 20.0;
/// Steps to the fitted rates. Each is exact for the windows or for the arms; together they need about ten.
const STEPS: usize = 50;

/// The rate of one arm from window to window.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmDrift {
    /// Part of the window's exposures that converted; NaN without exposures.
    pub rate: Vec<f64>,
    /// 95 % of the belief about the rate of this window alone lie above this,
    pub low: Vec<f64>,
    /// and below this.
    pub high: Vec<f64>,
    /// Probability of rates at least this uneven, relative to the others', did none drift. `None` where there is too little
    /// to tell.
    pub p_value: Option<f64>,
    /// The p-value is below 0.05 over the number of arms that were tested.
    pub alarm: bool,
}

/// The rates of all arms from window to window.
#[derive(Debug, Clone, PartialEq)]
pub struct Stability {
    /// When each window ended, in milliseconds since 1970-01-01 UTC.
    pub at_ms: Vec<f64>,
    /// The arms, in the order of the experiment.
    pub arms: Vec<ArmDrift>,
}

impl Evidence {
    /// The rates of all arms in up to eight windows with about as many exposures each, and whether one drifts.
    ///
    /// The intervals are Jeffreys', for one window and one look: quantiles of Beta(s + ½, n - s + ½) (Brown, Cai and
    /// DasGupta 2001, doi:10.1214/ss/1009213286).
    ///
    /// The test: were there no drift, arm k would convert in window t with log-odds `c_t + δ_k`, each window's c_t and each
    /// arm's δ_k free. These are fitted. Then `X² = Σ_t (O_t - E_t)² / V_t`, with O the arm's orders, E what is
    /// expected of it and `V = n q (1 - q) (1 - w / W)`, w being the arm's own part of the window's variance W; less the
    /// square of the sum of the differences over the sum of the variances, since the arm's total is fitted. It is about χ² distributed
    /// with one degree of freedom less than windows: the test of Breslow and Day (1980), *Statistical methods in cancer
    /// research*, volume I, section 4.4, with the correction of Tarone (1985), doi:10.1093/biomet/72.1.91, here for more
    /// than two arms. Some arm's alarm is false in at most about 5 % of experiments, at one look; a look a day finds
    /// more.
    pub fn stability(&self) -> Stability {
        let basis = self.basis();
        let count = self.experiment.arms.len();
        let (windows, ends) = windows(basis, count);
        let times = self.ends();
        let is_testable = self.is_of_visitors();
        let tests = if is_testable { tests(&windows, count) } else { vec![None; count] };
        let tested = tests.iter().flatten().count() as f64;
        let arms = tests.into_iter().enumerate().map(|(place, p_value)| {
            let counts = || windows.iter().filter_map(|window| window.get(place)).copied();
            let quantile = |p: f64, (n, s): (f64, f64)| {
                if n > 0.0 && is_testable { beta_quantile(p, s + 0.5, n - s + 0.5) } else { f64::NAN }
            };
            ArmDrift {
                rate: counts().map(|(n, s)| s / n).collect(),
                low: counts().map(|window| quantile(0.025, window)).collect(),
                high: counts().map(|window| quantile(0.975, window)).collect(),
                p_value,
                alarm: p_value.is_some_and(|p_value| p_value < 0.05 / tested),
            }
        });
        let at_ms = ends.iter().filter_map(|&end| times.get(end).copied()).collect();
        Stability { arms: arms.collect(), at_ms }
    }
}

/// Exposures and orders of one arm in one window.
type Counts = (f64, f64);

/// The windows, and the position of the last period of each.
fn windows(periods: &[Period], arms: usize) -> (Vec<Vec<Counts>>, Vec<usize>) {
    let shown = |period: &Period| period.arms.iter().map(|tally| tally.exposures as f64).sum::<f64>();
    let all: f64 = periods.iter().map(shown).sum();
    let (mut windows, mut ends) = (Vec::new(), Vec::new());
    let (mut open, mut seen) = (vec![(0.0, 0.0); arms], 0.0);
    for (at, period) in periods.iter().enumerate() {
        for (sum, tally) in open.iter_mut().zip(&period.arms) {
            *sum = (sum.0 + tally.exposures as f64, sum.1 + tally.conversions as f64);
        }
        seen += shown(period);
        if seen > 0.0 && seen * WINDOWS as f64 >= all * (windows.len() + 1) as f64 * (1.0 - 1e-12) {
            windows.push(std::mem::replace(&mut open, vec![(0.0, 0.0); arms]));
            ends.push(at);
        }
    }
    (windows, ends)
}

fn rate(log_odds: f64) -> f64 {
    1.0 / (1.0 + exp(-log_odds))
}

/// The p-value of each arm.
fn tests(windows: &[Vec<Counts>], count: usize) -> Vec<Option<f64>> {
    let of_arm = |place: usize| {
        let counts = windows.iter().filter_map(move |window| window.get(place));
        counts.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    };
    let is_tested = |place: usize| {
        let (n, s) = of_arm(place);
        s >= EVENTS_LEAST && n - s >= EVENTS_LEAST
    };
    let tested: Vec<usize> = (0..count).filter(|&place| is_tested(place)).collect();
    if tested.len() < 2 {
        return vec![None; count];
    }
    // Only windows with and without orders say something.
    let cells = |window: &Vec<Counts>| -> Vec<Counts> {
        tested.iter().filter_map(|&place| window.get(place)).copied().collect()
    };
    let mut table: Vec<Vec<Counts>> = windows.iter().map(cells).collect();
    table.retain(|window| {
        let (n, s) = window.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        s > 0.0 && s < n
    });
    let (of_windows, of_arms) = fit(&table, tested.len());
    let mut found = vec![None; count];
    for (position, (&place, arm)) in tested.iter().zip(&of_arms).enumerate() {
        let (mut sum, mut squares, mut variance, mut used) = (0.0, 0.0, 0.0, 0);
        for (window, base) in table.iter().zip(&of_windows) {
            let weight = |(cell, arm): (&Counts, &f64)| cell.0 * rate(base + arm) * rate(-base - arm);
            let all: f64 = window.iter().zip(&of_arms).map(weight).sum();
            let Some(cell) = window.get(position) else { continue };
            let own = weight((cell, arm));
            let v = own * (1.0 - own / all);
            if v > 1e-9 {
                let more = cell.1 - cell.0 * rate(base + arm);
                (sum, squares, variance, used) =
                    (sum + more, squares + more * more / v, variance + v, used + 1);
            }
        }
        if used >= 2 {
            let x = (squares - sum * sum / variance).max(0.0);
            let p_value = 1.0 - gamma_p(0.5 * f64::from(used - 1), 0.5 * x);
            found.iter_mut().skip(place).take(1).for_each(|found| *found = Some(p_value));
        }
    }
    found
}

/// The log-odds of the windows and of the arms at which each window and each arm has as many orders as were counted, by
/// turns.
fn fit(table: &[Vec<Counts>], arms: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut of_windows, mut of_arms) = (vec![0.0; table.len()], vec![0.0; arms]);
    for (base, window) in of_windows.iter_mut().zip(table) {
        let (n, s) = window.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        *base = ln(s / (n - s));
    }
    for _ in 0..STEPS {
        let mut moved = 0.0_f64;
        for (position, arm) in of_arms.iter_mut().enumerate() {
            let cells = || table.iter().filter_map(|window| window.get(position)).zip(&of_windows);
            let next = root(*arm, &|log_odds| excess(cells(), log_odds));
            moved = moved.max((next - *arm).abs());
            *arm = next;
        }
        for (base, window) in of_windows.iter_mut().zip(table) {
            *base = root(*base, &|log_odds| excess(window.iter().zip(&of_arms), log_odds));
        }
        if moved < 1e-10 {
            break;
        }
    }
    (of_windows, of_arms)
}

/// Orders beyond what is expected of these cells at these log-odds more, and how steeply that falls.
fn excess<'a>(cells: impl Iterator<Item = (&'a Counts, &'a f64)>, log_odds: f64) -> (f64, f64) {
    cells.fold((0.0, 0.0), |(more, fall), (&(n, s), other)| {
        let q = rate(log_odds + other);
        (more + s - n * q, fall + n * q * (1.0 - q))
    })
}
