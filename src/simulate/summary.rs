//! What many runs of one policy amount to.

use serde::{Serialize, Serializer};

use super::environment::Environment;
use super::record::{Choice, LEVELS, Run};
use crate::Objective;
use crate::error::decimal;

/// What many runs of one policy amount to. Regret is expected value lost against the clairvoyant, in the objective's
/// unit: major currency units for money, else conversions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The policy, as it was asked for.
    pub policy: String,
    /// Number of runs.
    pub runs: usize,
    /// Mean of the regret at the horizon.
    pub regret_mean: f64,
    /// Its standard error, sd/√runs.
    pub regret_se: f64,
    /// Standard deviation over the runs.
    pub regret_sd: f64,
    /// Quantile of the regret over the runs: 5 % are better. Between two runs it is interpolated.
    pub regret_q05: f64,
    /// Median.
    pub regret_q50: f64,
    /// 95 % are better.
    pub regret_q95: f64,
    /// Earned value divided by the clairvoyant's, both summed over the runs. At most 1, but for luck with the stock.
    pub share_of_optimum: f64,
    /// Share of units that were shown the arm which was the best at their time.
    pub best_arm_share: f64,
    /// How regret grew, at evenly spaced numbers of units.
    pub checkpoints: Vec<CheckpointSummary>,
    /// Median over the runs of the number of units after which some arm was first the best with a posterior
    /// probability of 0.95 and of 0.99; nothing where fewer than half of the runs came to that.
    #[serde(serialize_with = "by_level")]
    pub units_to_p_best: [Option<f64>; LEVELS.len()],
    /// What was earned on average, in the objective's unit: the expected value of every unit at the arm that it was shown.
    pub earned_mean: f64,
    /// When the runs were decided; nothing where the environment has no stopping rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Decisions>,
}

/// By the stopping rules of the environment, how many runs were decided, when and how well.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decisions {
    /// The runs that were decided before the horizon.
    pub decided: When,
    /// Those of them that were decided for the arm which was the best at that time.
    pub right: When,
    /// Runs whose most probably best arm at the last publication really was the best.
    pub best_at_last: usize,
}

/// How many runs came to something, and after how many units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct When {
    /// How many.
    pub runs: usize,
    /// Quantile over these runs of the number of units: a tenth of them was there sooner. Nothing without runs.
    pub units_q10: Option<f64>,
    /// Median.
    pub units_q50: Option<f64>,
    /// Nine tenths were there sooner.
    pub units_q90: Option<f64>,
}

impl When {
    fn of<'a>(choices: impl Iterator<Item = &'a Choice>) -> Self {
        let units: Vec<f64> = choices.map(|choice| choice.units as f64).collect();
        let spread = Some(Spread::of(units)).filter(|spread| !spread.sorted.is_empty());
        let quantile = |part| spread.as_ref().map(|spread| spread.quantile(part));
        Self {
            runs: spread.as_ref().map_or(0, |spread| spread.sorted.len()),
            units_q10: quantile(0.1),
            units_q50: quantile(0.5),
            units_q90: quantile(0.9),
        }
    }
}

impl Decisions {
    fn of(runs: &[Run]) -> Self {
        let decided = || runs.iter().filter_map(|run| run.decided.as_ref());
        Self {
            decided: When::of(decided()),
            right: When::of(decided().filter(|choice| choice.is_best)),
            best_at_last: runs.iter().filter_map(|run| run.last).filter(|last| last.is_best).count(),
        }
    }
}

/// The state of many runs after some units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckpointSummary {
    /// Units so far.
    pub at: u64,
    /// Mean of the regret so far.
    pub regret_mean: f64,
    /// Its standard error.
    pub regret_se: f64,
    /// Quantile over the runs.
    pub regret_q05: f64,
    /// Quantile over the runs.
    pub regret_q95: f64,
    /// Share of the units since the checkpoint before that were shown each arm, in the order of the environment's.
    pub shares: Vec<f64>,
}

/// Sums up runs of one policy, in their order; there must be at least one for the numbers to mean anything.
pub fn summarise(policy: &str, environment: &Environment, checkpoints: &[u64], runs: &[Run]) -> Summary {
    let unit = unit_of(environment);
    let at = |place: usize| {
        let regret = runs.iter().filter_map(|run| run.regret_minor.get(place).map(|minor| minor / unit));
        Spread::of(regret.collect())
    };
    let of_checkpoint = |(place, &units): (usize, &u64)| {
        let spread = at(place);
        CheckpointSummary {
            at: units,
            regret_mean: spread.mean,
            regret_se: spread.se(),
            regret_q05: spread.quantile(0.05),
            regret_q95: spread.quantile(0.95),
            shares: shares(environment, place, runs),
        }
    };
    let last = at(checkpoints.len().saturating_sub(1));
    let count = runs.len().max(1) as f64;
    let optimum = runs.iter().map(|run| run.optimum_minor).sum::<f64>() / unit / count;
    let best: u64 = runs.iter().map(|run| run.best_shown).sum();
    Summary {
        policy: policy.into(),
        runs: runs.len(),
        regret_mean: last.mean,
        regret_se: last.se(),
        regret_sd: last.sd,
        regret_q05: last.quantile(0.05),
        regret_q50: last.quantile(0.5),
        regret_q95: last.quantile(0.95),
        // Nothing can be earned where nobody ever buys.
        share_of_optimum: if optimum > 0.0 { 1.0 - last.mean / optimum } else { 1.0 },
        best_arm_share: best as f64 / (count * environment.horizon as f64),
        checkpoints: checkpoints.iter().enumerate().map(of_checkpoint).collect(),
        units_to_p_best: std::array::from_fn(|level| reached(runs, level)),
        earned_mean: optimum - last.mean,
        decisions: environment.stop.map(|_| Decisions::of(runs)),
    }
}

/// A number for each level, under the level's name.
fn by_level<S: Serializer>(units: &[Option<f64>; LEVELS.len()], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(LEVELS.iter().map(|level| decimal(*level)).zip(units))
}

/// Minor units of one unit of the objective.
fn unit_of(environment: &Environment) -> f64 {
    match environment.objective {
        Objective::Conversion => 1.0,
        _ => f64::from(10_u32.pow(environment.currency.minor_digits())),
    }
}

fn shares(environment: &Environment, place: usize, runs: &[Run]) -> Vec<f64> {
    let mut sums = vec![0.0; environment.arms.len()];
    for shown in runs.iter().filter_map(|run| run.shown.get(place)) {
        sums.iter_mut().zip(shown).for_each(|(sum, &shown)| *sum += f64::from(shown));
    }
    let total: f64 = sums.iter().sum();
    sums.iter().map(|sum| sum / total.max(1.0)).collect()
}

/// The median of the units to a level, where a run that never came to it counts as later than any.
fn reached(runs: &[Run], level: usize) -> Option<f64> {
    let units = runs.iter().map(|run| run.reached.get(level).copied().flatten());
    let units = units.map(|units| units.map_or(f64::INFINITY, |units| units as f64)).collect();
    Some(Spread::of(units).quantile(0.5)).filter(|median| median.is_finite())
}

/// Numbers in ascending order, with their mean and standard deviation.
struct Spread {
    sorted: Vec<f64>,
    mean: f64,
    sd: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        Self { sd: (squares / (count - 1.0).max(1.0)).sqrt(), mean, sorted: values }
    }

    fn se(&self) -> f64 {
        self.sd / (self.sorted.len().max(1) as f64).sqrt()
    }

    /// Linear between the order statistics (Hyndman and Fan 1996, type 7).
    fn quantile(&self, part: f64) -> f64 {
        let place = part * (self.sorted.len().max(1) - 1) as f64;
        let (low, rest) = (place.floor() as usize, place - place.floor());
        let at = |i: usize| self.sorted.get(i).copied().unwrap_or(0.0);
        if rest > 0.0 { at(low) + rest * (at(low + 1) - at(low)) } else { at(low) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_mean_standard_error_and_interpolated_quantiles() {
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!(
            (spread.mean, spread.quantile(0.5), spread.quantile(0.0), spread.quantile(1.0)),
            (2.5, 2.5, 1.0, 4.0)
        );
        assert!((spread.se() - (5.0_f64 / 3.0).sqrt() / 2.0).abs() < 1e-15);
        assert_eq!(Spread::of(vec![7.0]).quantile(0.95), 7.0);
        assert_eq!(Spread::of(vec![1.0, f64::INFINITY]).quantile(0.5), f64::INFINITY);
    }
}
