//! The final answer: what an experiment found, against the hypothesis as it was written before the first price moved.
//!
//! In scope: the sums of everything that was counted, exactly; what may be concluded from them, by the rules of
//! `inference`; whether that confirms the hypothesis; and all of it as one JSON value, which the Worker serves, keeps
//! when the experiment is archived, and which command line and dashboard draw. So nobody computes it a second time.
//!
//! | file | what |
//! |---|---|
//! | `conclusion` | confirmed, rejected or open, by which rule, in plain words |
//! | `write` | the JSON |
//!
//! Out of scope: where the sums come from (`central` in the Worker), and when an experiment is decided (`stopping`).

mod conclusion;
pub use conclusion::{Conclusion, Verdict};

mod write;
pub use write::Record;

use crate::inference::{self, Estimate, Plan, Question, Report, Rules};
use crate::math::normal_cdf;
use crate::{Choice, Error, Experiment, History, Period, PolicyInput, TOTAL, Tally};

/// What was counted in an experiment.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// Every period, none left out and none summed with another of other shares.
    pub history: &'a History,
    /// What was counted of the negative group, where one decision is made for many items; else nothing.
    pub negative: Tally,
    /// The hour that it is, since 1970-01-01 UTC.
    pub now_hour: u32,
}

/// The exposures that values, differences and rates are computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basis {
    /// Only those are in whose reward window is over. Where less than half of all are that old, all are in, and orders
    /// are still under way: values and rates are low by them, differences are too small but of the right sign.
    pub is_matured: bool,
    /// Exposures of the arms and the holdout that are in.
    pub exposures: i64,
    /// Exposures whose reward window is not over, in or not.
    pub young: i64,
}

/// What an experiment found.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Everything that was counted of each arm, in the order of the experiment, young exposures too.
    pub arms: Vec<Tally>,
    /// Everything that was counted of the holdout.
    pub holdout: Tally,
    /// Everything that was counted of the negative group.
    pub negative: Tally,
    /// The sum of all of them.
    pub total: Tally,
    /// What rates and estimates are computed from.
    pub basis: Basis,
    /// What may be concluded of each arm.
    pub report: Report,
    /// Value of an exposure of the holdout; `None` where too little is known.
    pub holdout_value: Option<Estimate>,
    /// Value of an exposure of all arms together, as they were served, less that of the holdout.
    pub all_to_holdout: Option<Estimate>,
    /// What became of the hypothesis.
    pub conclusion: Conclusion,
}

impl Answer {
    /// The answer to an experiment, from what was counted and what is believed of it (`input`).
    ///
    /// ```
    /// use haggle::answer::{Answer, Counted, Verdict};
    /// use haggle::{Cohort, Experiment, History, Period, Tally, evidence};
    /// # let experiment = Experiment::from_json(include_str!("../tests/golden/sevilla.json"))?;
    /// let sold = |exposures: i64, conversions: i64, profit: i64| Tally {
    ///     exposures,
    ///     conversions,
    ///     revenue_minor: conversions * (profit + 800),
    ///     cost_minor: conversions * 800,
    ///     revenue_sq: i128::from(conversions * (profit + 800) * (profit + 800)),
    ///     profit_sq: i128::from(conversions * profit * profit),
    ///     ..Tally::default()
    /// };
    /// let periods = (1..=30).map(|epoch| Period {
    ///     cohort: Cohort { epoch, hour: 480_000 + epoch },
    ///     shares: vec![21_846, 21_845, 21_845],
    ///     arms: vec![sold(300, 30, 1100), sold(300, 60, 950), sold(300, 10, 1300)],
    ///     holdout: sold(100, 10, 1100),
    /// });
    /// let history = History::new(periods.collect())?;
    /// let input = evidence::pooled(&experiment, &history.arm_totals()?)?;
    /// let counted = Counted { history: &history, negative: Tally::default(), now_hour: 490_000 };
    /// let answer = Answer::new(&experiment, &counted, &input)?;
    /// assert_eq!(answer.conclusion.verdict, Verdict::Confirmed);
    /// assert!(answer.conclusion.text.starts_with("Confirmed: arm low earns 0.8"), "{}", answer.conclusion.text);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Sums beyond the exact range, another number of arms in the history than in the experiment, counts that no
    /// exposures can have.
    pub fn new(experiment: &Experiment, counted: &Counted<'_>, input: &PolicyInput) -> Result<Self, Error> {
        let history = counted.history;
        let mut arms = history.arm_totals()?;
        arms.resize(experiment.arms.len(), Tally::default());
        let holdout = sum(history.periods().iter().map(|period| &period.holdout))?;
        let total = sum(arms.iter().chain([&holdout, &counted.negative]))?;

        let matured = inference::matured(history, experiment.reward_window_hours, counted.now_hour);
        let (old, all) = (exposures(matured), exposures(history.periods()));
        let is_matured = old >= all - old;
        let periods = if is_matured { matured } else { history.periods() };
        let basis = Basis {
            is_matured,
            exposures: if is_matured { old } else { all },
            young: all.saturating_sub(old),
        };

        let mut plan = Plan::of(experiment);
        plan.rules =
            Rules { loss_minor: experiment.stop.expected_loss_minor.unwrap_or(0.0), ..Rules::default() };
        let report = Report::new(periods, input, &plan)?;
        let holdout_value = inference::value(periods, &plan.question, Choice::Holdout)?;
        let all_to_holdout = all_to_holdout(periods, &plan.question)?;
        let conclusion = Conclusion::of(experiment, periods, &report, all_to_holdout.as_ref())?;
        Ok(Self {
            arms,
            holdout,
            negative: counted.negative,
            total,
            basis,
            report,
            holdout_value,
            all_to_holdout,
            conclusion,
        })
    }
}

fn sum<'a>(mut tallies: impl Iterator<Item = &'a Tally>) -> Result<Tally, Error> {
    tallies.try_fold(Tally::default(), |sum, tally| sum.plus(tally))
}

/// Exposures of all arms and of the holdout.
fn exposures(periods: &[Period]) -> i64 {
    let tallies = periods.iter().flat_map(|period| period.arms.iter().chain([&period.holdout]));
    tallies.map(|tally| tally.exposures).fold(0, i64::saturating_add)
}

/// All arms as one: what a unit that was not in the holdout was worth, less one that was. The chance to be in the
/// holdout never adapts, so neither does this comparison.
fn all_to_holdout(periods: &[Period], question: &Question) -> Result<Option<Estimate>, Error> {
    let mut joined = Vec::with_capacity(periods.len());
    for period in periods {
        let shares = if period.shares.is_empty() { Vec::new() } else { vec![TOTAL] };
        let arms = vec![sum(period.arms.iter())?];
        joined.push(Period { cohort: period.cohort, shares, arms, holdout: period.holdout });
    }
    inference::difference(&joined, question, Choice::Arm(0), Choice::Holdout)
}

/// Probability that a difference is above 0, from its estimate and no other knowledge: a belief, not an error rate.
fn p_above_0(estimate: &Estimate) -> f64 {
    normal_cdf(estimate.value / estimate.se)
}

#[cfg(test)]
mod tests;
