//! All that may be concluded from one experiment, in one place.

use super::{Difference, Estimate, Interval, Question, Rules, SampleRatio, Standing, State};
use super::{differences, rate_sequence, state, value};
use crate::{ArmInput, Choice, Error, Experiment, Period, Policy, PolicyInput, Posterior, TOTAL, Tally};
use crate::{expected_loss, p_beats, p_best, value_remaining};

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

/// What the posteriors say about one live arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmBelief {
    /// Probability of being the best arm.
    pub p_best: f64,
    /// What its choice is expected to cost, in minor units per exposure.
    pub loss_minor: f64,
    /// Probability of being better than the control; `None` for the control itself, and where it is not live.
    pub p_beats_control: Option<f64>,
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
    /// What is believed of it; `None` where it is not live.
    pub belief: Option<ArmBelief>,
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
    /// What may still be won, at 95 %, as a part of the leading arm's value.
    pub value_remaining: f64,
}

impl Report {
    /// The report on what was counted (`periods`, in the order of time) and what is believed of it (`input`).
    ///
    /// Effects and rates are low by the orders that are still under way; see [`matured`](super::matured).
    ///
    /// ```
    /// use haggle::inference::{Plan, Report};
    /// use haggle::{Cohort, Experiment, History, Period, Tally, evidence};
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
    /// let report = Report::new(history.periods(), &input, &Plan::of(&experiment))?;
    /// assert_eq!(report.leader, 1);
    /// assert!(!report.sample_ratio.alarm(0.05));
    /// assert!(report.state.to_string().starts_with("Ready to decide"), "{}", report.state);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Another number of arms in the periods than in the input, counts that no exposures can have, parameters out of
    /// their range.
    pub fn new(periods: &[Period], input: &PolicyInput, plan: &Plan) -> Result<Self, Error> {
        let question = &plan.question;
        let beliefs = Beliefs::new(input, plan);
        let (state, leader) = beliefs.state(input, &plan.rules)?;
        let mut totals = vec![Tally::default(); input.arms().len()];
        let mut holdout = Tally::default();
        for period in periods {
            if period.arms.len() != totals.len() {
                let allowed = format!("one for each of the {} arms", totals.len());
                return Err(Error::value("number of arms of a period", period.arms.len(), allowed));
            }
            for (total, tally) in totals.iter_mut().zip(&period.arms) {
                *total = total.plus(tally)?;
            }
            holdout = holdout.plus(&period.holdout)?;
        }
        let mut found = differences(periods, question, plan.control)?;
        found.resize(totals.len(), Difference { to_control: None, to_holdout: None });
        let mut arms = Vec::with_capacity(totals.len());
        for (place, ((total, difference), belief)) in totals.iter().zip(found).zip(beliefs.arms).enumerate() {
            let rate = RateReport::of(total, question.alpha)?;
            let value = value(periods, question, Choice::Arm(place))?;
            arms.push(ArmReport { rate, value, difference, belief });
        }
        Ok(Self {
            arms,
            holdout: RateReport::of(&holdout, question.alpha)?,
            sample_ratio: SampleRatio::of(periods, question.holdout_share)?,
            state,
            leader,
            value_remaining: beliefs.value_remaining,
        })
    }
}

/// Where an experiment stands by what is believed of its arms, and the position of the leading one among all of them.
pub(crate) fn stands(input: &PolicyInput, policy: Policy, rules: &Rules) -> Result<(State, usize), Error> {
    let posteriors: Vec<Posterior> = input.live().map(|arm| arm.posterior).collect();
    let standings = standings(input, policy, &posteriors);
    let beliefs = Beliefs { arms: Vec::new(), standings, value_remaining: value_remaining(&posteriors) };
    beliefs.state(input, rules)
}

/// What the posteriors say.
struct Beliefs {
    /// Of all arms; `None` for the dead.
    arms: Vec<Option<ArmBelief>>,
    /// Of the live arms.
    standings: Vec<Standing>,
    value_remaining: f64,
}

impl Beliefs {
    fn new(input: &PolicyInput, plan: &Plan) -> Self {
        let posteriors: Vec<Posterior> = input.live().map(|arm| arm.posterior).collect();
        let standings = standings(input, plan.policy, &posteriors);
        let control = input.arms().get(plan.control).filter(|control| control.live);
        let mut believed = standings.iter();
        let belief = |(place, arm): (usize, &ArmInput)| {
            let Standing { p_best, loss_minor, .. } = if arm.live { *believed.next()? } else { return None };
            let other = control.filter(|_| place != plan.control);
            let p_beats_control = other.map(|control| p_beats(&arm.posterior, &control.posterior));
            Some(ArmBelief { p_best, loss_minor, p_beats_control })
        };
        let arms = input.arms().iter().enumerate().map(belief).collect();
        Self { arms, standings, value_remaining: value_remaining(&posteriors) }
    }

    fn state(&self, input: &PolicyInput, rules: &Rules) -> Result<(State, usize), Error> {
        let state = state(&self.standings, self.value_remaining, rules)?;
        let mut live = input.arms().iter().enumerate().filter(|(_, arm)| arm.live);
        Ok((state, live.nth(state.leader).map_or(0, |(place, _)| place)))
    }
}

/// What is known of the live arms, whose posteriors these are.
fn standings(input: &PolicyInput, policy: Policy, posteriors: &[Posterior]) -> Vec<Standing> {
    let allocation = policy.allocate(input);
    let live = input.arms().iter().zip(allocation.shares()).filter(|(arm, _)| arm.live);
    let believed = p_best(posteriors).into_iter().zip(expected_loss(posteriors));
    live.zip(believed)
        .map(|((arm, &share), (p_best, loss_minor))| Standing {
            mean_minor: arm.posterior.value_mean_minor(),
            sd_minor: arm.posterior.value_sd_minor(),
            exposures: arm.exposures,
            conversions: arm.conversions,
            share: f64::from(share) / f64::from(TOTAL),
            p_best,
            loss_minor,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::sevilla;
    use crate::{Cohort, Objective, evidence};
    use proptest::prelude::*;

    #[test]
    fn before_the_first_visitor_there_is_a_report() {
        let experiment = sevilla();
        let input = evidence::pooled(&experiment, &[Tally::default(); 3]).unwrap();
        let report = Report::new(&[], &input, &Plan::of(&experiment)).unwrap();
        assert_eq!(report.arms.len(), 3);
        assert!(report.arms.iter().all(|arm| arm.rate.rate.is_none() && arm.value.is_none()));
        assert!(report.state.to_string().starts_with("Learning"), "{}", report.state);
        assert_eq!(report.arms[0].belief.unwrap().p_beats_control, None);
        let error = Report::new(&[], &input, &Plan { control: 9, ..Plan::of(&experiment) });
        assert!(error.is_ok(), "no arm is compared with a control that is not there");
    }

    #[test]
    fn a_dead_arm_has_no_belief_and_the_leader_is_counted_among_all() {
        let experiment = sevilla();
        let sold = |conversions| Tally { exposures: 1000, conversions, ..Tally::default() };
        let input = evidence::pooled(&experiment, &[sold(500), sold(100), sold(200)]).unwrap();
        let mut arms = input.arms().to_vec();
        arms[0].live = false;
        let input = PolicyInput::new(arms, 655).unwrap();
        let report = Report::new(&[], &input, &Plan::of(&experiment)).unwrap();
        assert_eq!((report.leader, report.state.leader, report.arms[0].belief), (2, 1, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_history_gives_a_report_or_a_reason(
            given in prop::collection::vec(
                (prop::array::uniform4((0..=(1_i64 << 40), 0.0..=1.0_f64)), any::<bool>(), any::<i64>()), 0..4,
            ),
        ) {
            let experiment = sevilla();
            let periods: Vec<Period> = given.iter().map(|(tallies, known, money)| {
                let tally = |(exposures, part): (i64, f64)| Tally {
                    exposures,
                    conversions: ((exposures as f64 * part) as i64).min(exposures),
                    revenue_minor: *money,
                    cost_minor: money.wrapping_neg(),
                    revenue_sq: i128::from(*money) * 4,
                    profit_sq: i128::MAX,
                    ..Tally::default()
                };
                let [first, second, third, holdout] = tallies.map(tally);
                let shares = if *known { vec![TOTAL - 100, 100, 0] } else { vec![] };
                Period { cohort: Cohort { epoch: 1, hour: 1 }, shares, arms: vec![first, second, third], holdout }
            }).collect();
            let input = evidence::pooled(&experiment, &[Tally::default(); 3]).unwrap();
            for objective in [Objective::Conversion, Objective::Revenue, Objective::Profit] {
                let mut plan = Plan::of(&experiment);
                plan.question.objective = objective;
                let _ = Report::new(&periods, &input, &plan);
            }
        }
    }
}
