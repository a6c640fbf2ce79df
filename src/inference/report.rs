//! All that may be concluded from one experiment, in one place.

use super::{Difference, Estimate, Interval, Question, Rules, SampleRatio, Standing, State};
use super::{differences, rate_sequence, state, value};
use crate::{Choice, Error, Experiment, History, Policy, PolicyInput, TOTAL, Tally};

/// What is asked of a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// What an exposure is worth, the holdout, the error rate.
    pub question: Question,
    /// Position of the control among the arms.
    pub control: usize,
    /// When the experiment is decided.
    pub rules: Rules,
    /// What makes the next shares.
    pub policy: Policy,
}

impl Plan {
    /// The experiment's own objective, control and policy, at 95 % and by the default rules.
    pub fn of(experiment: &Experiment) -> Self {
        Self {
            question: Question::of(experiment),
            control: experiment.control_index(),
            rules: Rules::default(),
            policy: experiment.policy.name,
        }
    }
}

/// What the posteriors of the live arms say about which is the best.
#[derive(Debug, Clone, PartialEq)]
pub struct Belief {
    /// P(best) of each live arm.
    pub p_best: Vec<f64>,
    /// What the choice of each live arm is expected to cost, in minor units per exposure.
    pub loss_minor: Vec<f64>,
    /// What may still be won, at 95 %, as a part of the leading arm's value.
    pub value_remaining: f64,
}

/// A conversion rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateReport {
    /// Units that were shown the price.
    pub exposures: i64,
    /// Of these, units that bought.
    pub conversions: i64,
    /// The observed rate; `None` without exposures.
    pub rate: Option<f64>,
    /// Where the true rate lies, at all looks together.
    pub at_any_look: Interval,
}

impl RateReport {
    fn of(tally: &Tally, alpha: f64) -> Result<Self, Error> {
        let (exposures, conversions) = (tally.exposures, tally.conversions);
        let rate = (exposures > 0).then(|| conversions as f64 / exposures as f64);
        Ok(Self { exposures, conversions, rate, at_any_look: rate_sequence(exposures, conversions, alpha)? })
    }
}

/// One arm in a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmReport {
    /// Its conversion rate.
    pub rate: RateReport,
    /// Value of an exposure; `None` where too little is known.
    pub value: Option<Estimate>,
    /// The same less that of the control and of the holdout.
    pub difference: Difference,
}

/// All that may be concluded from one experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The arms, in the order of the experiment.
    pub arms: Vec<ArmReport>,
    /// Conversion rate of the holdout.
    pub holdout: RateReport,
    /// Whether the exposures fell on the arms as served; with an alarm, believe nothing else.
    pub sample_ratio: SampleRatio,
    /// Where the experiment stands.
    pub state: State,
    /// Position, among all arms, of the leading one.
    pub leader: usize,
}

impl Report {
    /// The report on what was counted (`history`) and what is believed of it (`input` and `belief`).
    ///
    /// ```
    /// use haggle::inference::{Belief, Plan, Report};
    /// use haggle::{Cohort, Experiment, History, Period, Posterior, Tally, evidence, p_best};
    /// # let experiment = Experiment::from_json(include_str!("../../tests/golden/sevilla.json"))?;
    /// let sold = |exposures, conversions, price: i64, profit: i64| Tally {
    ///     exposures,
    ///     conversions,
    ///     revenue_minor: conversions * price,
    ///     cost_minor: conversions * (price - profit),
    ///     revenue_sq: i128::from(conversions * price * price),
    ///     profit_sq: i128::from(conversions * profit * profit),
    ///     ..Tally::default()
    /// };
    /// let periods = (1..=30).map(|epoch| Period {
    ///     cohort: Cohort { epoch, hour: 480_000 + epoch },
    ///     shares: vec![21_846, 21_845, 21_845],
    ///     arms: vec![sold(30, 3, 1900, 1100), sold(30, 6, 1750, 950), sold(30, 1, 2100, 1300)],
    ///     holdout: sold(10, 1, 1900, 1100),
    /// });
    /// let history = History::new(periods.collect())?;
    /// let input = evidence::pooled(&experiment, &history.arm_totals()?)?;
    /// let posteriors: Vec<Posterior> = input.live().map(|arm| arm.posterior).collect();
    /// let belief = Belief { p_best: p_best(&posteriors), loss_minor: vec![80.0, 0.1, 140.0], value_remaining: 0.02 };
    ///
    /// let report = Report::new(&history, &input, &belief, &Plan::of(&experiment))?;
    /// assert_eq!(report.leader, 1);
    /// assert!(!report.sample_ratio.alarm(0.05));
    /// assert!(report.state.to_string().starts_with("Decided"), "{}", report.state);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Another number of arms in the history, the input or the belief, counts that no exposures can have, parameters
    /// out of their range.
    pub fn new(history: &History, input: &PolicyInput, belief: &Belief, plan: &Plan) -> Result<Self, Error> {
        let (question, periods) = (&plan.question, history.periods());
        let count = input.arms().len();
        let totals = if periods.is_empty() { vec![Tally::default(); count] } else { history.arm_totals()? };
        expect("number of arms of the history", totals.len(), count)?;
        let mut found = differences(periods, question, plan.control)?;
        found.resize(count, Difference { to_control: None, to_holdout: None });
        let mut arms = Vec::with_capacity(count);
        for (place, (total, difference)) in totals.iter().zip(found).enumerate() {
            let rate = RateReport::of(total, question.alpha)?;
            let value = value(periods, question, Choice::Arm(place))?;
            arms.push(ArmReport { rate, value, difference });
        }
        let holdout = periods.iter().try_fold(Tally::default(), |sum, period| sum.plus(&period.holdout))?;
        let standings = standings(input, belief, plan)?;
        let state = state(&standings, belief.value_remaining, &plan.rules)?;
        let live = input.arms().iter().enumerate().filter(|(_, arm)| arm.live);
        Ok(Self {
            arms,
            holdout: RateReport::of(&holdout, question.alpha)?,
            sample_ratio: SampleRatio::of(periods, question.holdout_share)?,
            state,
            leader: live.map(|(place, _)| place).nth(state.leader).unwrap_or(0),
        })
    }
}

/// The live arms, with the share that the policy gives each now.
fn standings(input: &PolicyInput, belief: &Belief, plan: &Plan) -> Result<Vec<Standing>, Error> {
    let live = input.live().count();
    expect("number of P(best)", belief.p_best.len(), live)?;
    expect("number of expected losses", belief.loss_minor.len(), live)?;
    let allocation = plan.policy.allocate(input);
    let arms = input.arms().iter().zip(allocation.shares()).filter(|(arm, _)| arm.live);
    let believed = belief.p_best.iter().zip(&belief.loss_minor);
    let standing = arms.zip(believed).map(|((arm, &share), (&p_best, &loss_minor))| Standing {
        mean_minor: arm.posterior.value_mean_minor(),
        sd_minor: arm.posterior.rate_sd() * arm.posterior.value_minor() as f64,
        exposures: arm.exposures,
        conversions: arm.conversions,
        share: f64::from(share) / f64::from(TOTAL),
        p_best,
        loss_minor,
    });
    Ok(standing.collect())
}

fn expect(what: &str, given: usize, arms: usize) -> Result<(), Error> {
    if given == arms {
        return Ok(());
    }
    Err(Error::value(what, given, format!("one for each of the {arms} arms")))
}
