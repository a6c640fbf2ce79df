//! The final answer: what an experiment found, against the hypothesis as it was written before the first price moved.
//!
//! In scope: the sums of everything that was counted, exactly; what may be concluded from them, by the rules of
//! `inference` where visitors are randomised and of `cluster` where items are; whether that confirms the hypothesis; and
//! all of it as one JSON value, which the Worker serves, keeps when the experiment is archived, and which command line
//! and dashboard draw. So nobody computes it a second time.
//!
//! | file | what |
//! |---|---|
//! | `comparison` | estimates with their intervals, whatever was randomised |
//! | `conclusion` | confirmed, rejected or open, by which rule, in plain words |
//! | `write` | the JSON |
//!
//! Out of scope: where the sums come from (`central` in the Worker), and when an experiment is decided (`stopping`).

mod comparison;
pub use comparison::Comparison;

mod conclusion;
pub use conclusion::{Conclusion, Verdict};

mod write;
pub use write::Record;

use crate::cluster::{self, Panel, Total};
use crate::inference::{self, Plan, Question, Report, Rules};
use crate::{Error, Experiment, History, Period, PolicyInput, Tally};

use comparison::Compared;

/// What was counted in an experiment.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// Every period, none left out and none summed with another of other shares.
    pub history: &'a History,
    /// What was counted of the negative group, where one decision is made for many items; else nothing.
    pub negative: Tally,
    /// Where items are randomised, what each brought in each epoch.
    pub panel: Option<&'a Panel>,
    /// What the items (or families) of the positive and of the negative group brought since the start.
    pub groups: Option<[&'a [Total]; 2]>,
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

/// What was found of an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Value of an exposure; `None` where too little is known, and where items are randomised (see `mean`).
    pub value: Option<Comparison>,
    /// Where items are randomised, what an item brought on average: arms were on other items and at other times, so it
    /// says little about their difference.
    pub mean: Option<f64>,
    /// The same less that of the control; `None` for the control itself.
    pub to_control: Option<Comparison>,
    /// Value of an exposure less that of one in the holdout.
    pub to_holdout: Option<Comparison>,
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
    /// What was found of each arm.
    pub found: Vec<Found>,
    /// Value of an exposure of the holdout.
    pub holdout_value: Option<Comparison>,
    /// Value of an exposure of all arms together, as they were served, less that of the holdout.
    pub all_to_holdout: Option<Comparison>,
    /// What an item (or family) of the positive group brought more than one of the negative group, per day.
    pub positive_to_negative: Option<Comparison>,
    /// Beliefs, conversion rates, the sample ratio and where the experiment stands.
    pub report: Report,
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
    /// let negative = Tally::default();
    /// let counted = Counted { history: &history, negative, panel: None, groups: None, now_hour: 490_000 };
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

        let (basis, periods) = basis(experiment, counted);
        let mut plan = Plan::of(experiment);
        plan.rules =
            Rules { loss_minor: experiment.stop.expected_loss_minor.unwrap_or(0.0), ..Rules::default() };
        let report = Report::new(periods, input, &plan)?;
        let compared = Compared { experiment, periods, panel: counted.panel };
        let alpha = plan.question.alpha;
        let holdout_value = compared.holdout_value(alpha)?;
        let all_to_holdout = compared.all_to_holdout(alpha)?;
        let conclusion = Conclusion::of(&compared, &report, all_to_holdout.as_ref())?;
        let positive_to_negative = match counted.groups {
            Some([positive, negative]) => {
                cluster::between_groups(positive, negative, &cluster::Question::per(24.0))?
            }
            None => None,
        };
        Ok(Self {
            arms,
            holdout,
            negative: counted.negative,
            total,
            basis,
            found: compared.arms(alpha)?,
            holdout_value,
            all_to_holdout,
            positive_to_negative: positive_to_negative.map(Comparison::from),
            report,
            conclusion,
        })
    }
}

/// The periods that estimates are made from.
pub(crate) fn basis<'a>(experiment: &Experiment, counted: &Counted<'a>) -> (Basis, &'a [Period]) {
    let all = counted.history.periods();
    let matured = inference::matured(counted.history, experiment.reward_window_hours, counted.now_hour);
    // The matured periods are the first ones.
    let (old, young) = (exposures(matured), exposures(all.get(matured.len()..).unwrap_or_default()));
    let is_matured = old >= young;
    let (periods, exposures) = if is_matured { (matured, old) } else { (all, old.saturating_add(young)) };
    (Basis { is_matured, exposures, young }, periods)
}

fn sum<'a>(mut tallies: impl Iterator<Item = &'a Tally>) -> Result<Tally, Error> {
    tallies.try_fold(Tally::default(), |sum, tally| sum.plus(tally))
}

/// Exposures of all arms and of the holdout.
fn exposures(periods: &[Period]) -> i64 {
    let tallies = periods.iter().flat_map(|period| period.arms.iter().chain([&period.holdout]));
    tallies.map(|tally| tally.exposures).fold(0, i64::saturating_add)
}

/// The experiment's own question with another error rate.
fn question(experiment: &Experiment, alpha: f64) -> Question {
    Question { alpha, ..Question::of(experiment) }
}

#[cfg(test)]
mod tests;
