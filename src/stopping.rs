//! The stopping rule: when an experiment is decided, for which arm, and why.
//!
//! Two rules, both written down before the start: the loss expected of the best arm is small enough, or time is up.
//! Looking often does no harm to the first: an expected loss is a belief, not an error rate. Source: Stucchio (2015),
//! *Bayesian A/B testing at VWO*.
//!
//! Out of scope: what happens to a decided experiment (`lifecycle`), and what may be concluded from it (`answer`).

use crate::error::decimal;
use crate::{Experiment, PolicyInput, Posterior, expected_loss, p_best};

/// Milliseconds of a week: demand differs between its days, so that only whole ones are compared.
const WEEK_MS: u64 = 7 * 86_400_000;

/// Orders (conversions) per live arm, on average, below which no arm is chosen for what was counted of it.
const ORDERS_PER_ARM: f64 = 10.0;

/// What decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The loss expected of the best arm is at most [`StopRule::expected_loss_minor`](crate::experiment::StopRule).
    ExpectedLoss,
    /// [`Experiment::end_ms`] is reached.
    EndDate,
}

impl Rule {
    /// The name in the API and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExpectedLoss => "expected loss",
            Self::EndDate => "end date",
        }
    }
}

/// A decision that a rule makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ruling {
    /// Position of the arm that is to have all new units.
    pub arm: usize,
    /// The rule.
    pub rule: Rule,
    /// What the choice of the arm is expected to cost, in minor units per exposure (conversions where those are
    /// maximised). 0 or more.
    pub expected_loss_minor: f64,
    /// Probability that it is the best of the live arms. `[0, 1]`.
    pub p_best: f64,
    /// Whole weeks since the start.
    pub weeks: u32,
    /// There were orders enough to choose an arm for what was counted of it; else it is the control, if that is live.
    pub is_known: bool,
}

impl Ruling {
    /// Why it was decided so, as one sentence without a full stop: the reason in the audit record.
    pub fn reason(&self, experiment: &Experiment) -> String {
        let arm = experiment.arms.get(self.arm).map_or("", |arm| arm.name.as_str());
        let short = |number: f64| decimal((number * 1e4).round() / 1e4);
        let (loss, p_best, weeks) = (short(self.expected_loss_minor), short(self.p_best), self.weeks);
        let state = format!("after {weeks} whole weeks it is the best with probability {p_best}");
        match (self.rule, experiment.stop.expected_loss_minor) {
            (Rule::ExpectedLoss, Some(most)) => format!(
                "the loss expected of arm {arm}, {loss} per exposure, is at most {}; {state}",
                decimal(most)
            ),
            _ if !self.is_known && arm == experiment.control => format!(
                "the end date is reached; after {weeks} whole weeks there are fewer than {ORDERS_PER_ARM} orders per arm, so \
                 it stays the control: {arm}"
            ),
            _ => format!(
                "the end date is reached; {state}, and its expected loss is {loss} per exposure: {arm}"
            ),
        }
    }
}

/// What the experiment's rules make of what is known now; `None` as long as it goes on.
///
/// The expected loss decides once it is at most the threshold, `min_weeks` whole weeks have passed and there are 10
/// orders per live arm on average. The end date decides in any case: for the live arm with the least expected loss, or,
/// with fewer orders than that, for the control, since a prior alone is no reason to change a price. Ties go to the
/// control, then to the arm that comes first.
///
/// ```
/// use haggle::stopping::{self, Rule};
/// use haggle::{Experiment, Tally, evidence};
/// let text = include_str!("../tests/golden/sevilla.json");
/// let mut experiment = Experiment::from_json(text)?;
/// experiment.stop.expected_loss_minor = Some(5.0);
/// experiment.stop.min_weeks = 1;
/// let sold = |conversions| Tally { exposures: 1000, conversions, ..Tally::default() };
/// let input = evidence::pooled(&experiment, &[sold(80), sold(140), sold(50)])?;
/// let week_ms = 7 * 86_400_000;
/// assert_eq!(stopping::check(&experiment, 0, &input, week_ms - 1), None);
/// let ruling = stopping::check(&experiment, 0, &input, week_ms).ok_or("not decided")?;
/// assert_eq!((ruling.arm, ruling.rule), (1, Rule::ExpectedLoss));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check(
    experiment: &Experiment,
    started_at_ms: u64,
    input: &PolicyInput,
    now_ms: u64,
) -> Option<Ruling> {
    let weeks = (now_ms.saturating_sub(started_at_ms) / WEEK_MS) as u32;
    let is_over = experiment.end_ms.is_some_and(|end_ms| now_ms >= end_ms);
    let threshold = experiment.stop.expected_loss_minor.filter(|_| weeks >= experiment.stop.min_weeks);
    // The integrals below are not done at every sync for nothing.
    if threshold.is_none() && !is_over {
        return None;
    }
    let places: Vec<usize> = (0..).zip(input.arms()).filter(|(_, arm)| arm.live).map(|(at, _)| at).collect();
    let posteriors: Vec<Posterior> = input.live().map(|arm| arm.posterior).collect();
    let orders: f64 = input.live().map(|arm| arm.conversions).sum();
    let is_known = orders >= ORDERS_PER_ARM * posteriors.len() as f64;
    let control = experiment.control_index();
    let found = places.iter().zip(expected_loss(&posteriors)).zip(p_best(&posteriors));
    let rulings = found.map(|((&arm, expected_loss_minor), p_best)| Ruling {
        arm,
        rule: Rule::EndDate,
        expected_loss_minor,
        p_best,
        weeks,
        is_known,
    });
    let rulings: Vec<Ruling> = rulings.collect();
    let better = |one: Ruling, other: &Ruling| {
        let is_less = other.expected_loss_minor < one.expected_loss_minor;
        let is_tie = other.expected_loss_minor == one.expected_loss_minor;
        if is_less || is_tie && other.arm == control { *other } else { one }
    };
    let first = *rulings.first()?;
    let best = rulings.iter().fold(first, better);
    if is_known && threshold.is_some_and(|most| best.expected_loss_minor <= most) {
        return Some(Ruling { rule: Rule::ExpectedLoss, ..best });
    }
    let of_control = rulings.iter().find(|ruling| ruling.arm == control).filter(|_| !is_known);
    is_over.then(|| of_control.copied().unwrap_or(best))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::sevilla;
    use crate::{Tally, evidence};
    use proptest::prelude::*;

    const START_MS: u64 = 1_800_000_000_000;

    fn input(experiment: &Experiment, conversions: [i64; 3]) -> PolicyInput {
        let sold = |conversions| Tally { exposures: 1000, conversions, ..Tally::default() };
        evidence::pooled(experiment, &conversions.map(sold)).unwrap()
    }

    fn caring(expected_loss_minor: f64, min_weeks: u32) -> Experiment {
        let mut experiment = sevilla();
        experiment.stop.expected_loss_minor = Some(expected_loss_minor);
        experiment.stop.min_weeks = min_weeks;
        experiment
    }

    #[test]
    fn without_a_rule_an_experiment_goes_on() {
        let mut experiment = sevilla();
        let clear = input(&experiment, [50, 300, 20]);
        assert_eq!(check(&experiment, 0, &clear, u64::MAX), None);
        experiment.end_ms = Some(START_MS + 10);
        assert_eq!(check(&experiment, START_MS, &clear, START_MS + 9), None);
        let ruling = check(&experiment, START_MS, &clear, START_MS + 10).unwrap();
        assert_eq!((ruling.arm, ruling.rule, ruling.weeks), (1, Rule::EndDate, 0));
        assert!(ruling.reason(&experiment).starts_with("the end date is reached; after 0 whole weeks"));
    }

    #[test]
    fn a_small_loss_decides_after_whole_weeks_only() {
        let experiment = caring(5.0, 2);
        let clear = input(&experiment, [50, 300, 20]);
        assert_eq!(check(&experiment, START_MS, &clear, START_MS + 2 * WEEK_MS - 1), None);
        let ruling = check(&experiment, START_MS, &clear, START_MS + 2 * WEEK_MS).unwrap();
        assert_eq!((ruling.arm, ruling.rule, ruling.weeks), (1, Rule::ExpectedLoss, 2));
        assert!(ruling.expected_loss_minor <= 5.0 && ruling.p_best > 0.95, "{ruling:?}");
        let reason = ruling.reason(&experiment);
        assert!(reason.contains("expected of arm low") && reason.contains("is at most 5"), "{reason}");
        // Close arms: what a wrong choice costs is not small yet.
        let close = input(&caring(0.1, 0), [60, 70, 55]);
        assert_eq!(check(&caring(0.1, 0), START_MS, &close, START_MS + 9 * WEEK_MS), None);
    }

    #[test]
    fn a_prior_alone_decides_for_the_control() {
        let mut experiment = caring(1e9, 0);
        experiment.end_ms = Some(START_MS + 10);
        let few = input(&experiment, [9, 10, 10]);
        assert_eq!(check(&experiment, START_MS, &few, START_MS), None);
        let ruling = check(&experiment, START_MS, &few, START_MS + 10).unwrap();
        assert_eq!((ruling.arm, ruling.rule), (0, Rule::EndDate));
        assert_eq!(
            ruling.reason(&experiment),
            "the end date is reached; after 0 whole weeks there are fewer than 10 orders per arm, so it stays the control: list"
        );
        let enough = input(&experiment, [9, 11, 10]);
        assert_eq!(check(&experiment, START_MS, &enough, START_MS).unwrap().rule, Rule::ExpectedLoss);
    }

    #[test]
    fn an_arm_that_is_not_live_is_never_decided_for() {
        let mut experiment = caring(5.0, 0);
        experiment.end_ms = Some(START_MS);
        let mut arms = input(&experiment, [50, 300, 20]).arms().to_vec();
        arms[1].live = false;
        let ruling = check(&experiment, START_MS, &PolicyInput::new(arms, 0).unwrap(), START_MS).unwrap();
        assert_eq!(ruling.arm, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_ruling_is_for_a_live_arm_with_the_least_loss_or_for_the_control(
            sold in prop::array::uniform3(0..1000_i64), live in prop::array::uniform3(any::<bool>()), loss in 0.01..50.0_f64,
        ) {
            prop_assume!(live.contains(&true));
            let mut experiment = caring(loss, 0);
            experiment.end_ms = Some(START_MS);
            let mut arms = input(&experiment, sold).arms().to_vec();
            for (arm, live) in arms.iter_mut().zip(live) { arm.live = live; }
            let ruling = check(&experiment, START_MS, &PolicyInput::new(arms, 0).unwrap(), START_MS).unwrap();
            prop_assert!(live[ruling.arm]);
            prop_assert!(ruling.rule == Rule::EndDate || ruling.expected_loss_minor <= loss);
            prop_assert!((0.0..=1.0).contains(&ruling.p_best) && ruling.expected_loss_minor >= 0.0);
        }
    }
}
