//! Estimates with their intervals, whatever was randomised: visitors are compared exposure by exposure, items (or
//! families) as the clusters that they are.

use super::{Found, question, sum};
use crate::cluster::{self, Panel};
use crate::experiment::Unit;
use crate::inference::{self, Interval};
use crate::math::normal_cdf;
use crate::{Choice, Error, Experiment, Period, TOTAL};

/// An estimate with its intervals, in the objective's unit per exposure, or per item and time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
    /// Holds with 95 % at one look that was planned beforehand.
    pub at_one_look: Interval,
    /// Holds with 95 % at all looks together.
    pub at_any_look: Interval,
    /// Belief that it is above 0, were nothing else known: not an error rate. Range: `[0, 1]`.
    pub p_above_0: f64,
    /// Exposures that were used, or observations of items.
    pub exposures: i64,
    /// Of how many items or families, where those are randomised or compared.
    pub clusters: Option<usize>,
    /// Exposures or observations that could not be used: shares unknown, or a side without share.
    pub left_out: i64,
}

impl From<inference::Estimate> for Comparison {
    fn from(of: inference::Estimate) -> Self {
        Self {
            value: of.value,
            se: of.se,
            at_one_look: of.at_one_look,
            at_any_look: of.at_any_look,
            p_above_0: normal_cdf(of.value / of.se),
            exposures: of.units,
            clusters: None,
            left_out: of.left_out,
        }
    }
}

impl From<cluster::Estimate> for Comparison {
    fn from(of: cluster::Estimate) -> Self {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        Self {
            value: of.value,
            se: of.se,
            at_one_look: of.at_one_look,
            at_any_look: of.at_any_look,
            p_above_0: of.above_zero(),
            exposures: count(of.observations),
            clusters: Some(of.clusters),
            left_out: count(of.left_out),
        }
    }
}

/// What is compared.
pub(super) struct Compared<'a> {
    pub experiment: &'a Experiment,
    pub periods: &'a [Period],
    pub panel: Option<&'a Panel>,
}

impl Compared<'_> {
    /// Hours that the value of an item is told for: those of a period, or a day.
    fn per_hours(&self) -> u32 {
        self.experiment.period_hours.unwrap_or(24)
    }

    /// What a value is per.
    pub fn per(&self) -> String {
        let experiment = self.experiment;
        let what = match experiment.unit {
            Unit::Visitor => return "visitor".into(),
            Unit::Family => "family",
            _ if experiment.families => "family",
            Unit::Item | Unit::ItemPeriod => "item",
        };
        match self.per_hours() {
            24 => format!("{what} and day"),
            hours => format!("{what} and {hours} hours"),
        }
    }

    fn of_items(&self, alpha: f64) -> cluster::Question {
        cluster::Question { alpha, ..cluster::Question::per(f64::from(self.per_hours())) }
    }

    /// Value of an exposure of an arm less that of the control, with an interval that is wrong as often as `alpha`.
    pub fn to_control(&self, arm: usize, alpha: f64) -> Result<Option<Comparison>, Error> {
        let control = self.experiment.control_index();
        if self.experiment.unit != Unit::Visitor {
            let Some(panel) = self.panel else { return Ok(None) };
            return Ok(panel.difference(arm, control, &self.of_items(alpha))?.map(Comparison::from));
        }
        let base = Choice::Arm(control);
        let question = question(self.experiment, alpha);
        let of_visitors = inference::difference(self.periods, &question, Choice::Arm(arm), base)?;
        Ok(of_visitors.map(Comparison::from))
    }

    /// What was found of each arm.
    pub fn arms(&self, alpha: f64) -> Result<Vec<Found>, Error> {
        let means = match self.panel.filter(|_| self.experiment.unit != Unit::Visitor) {
            Some(panel) => panel.means(&self.of_items(alpha))?,
            None => Vec::new(),
        };
        let mut found = Vec::with_capacity(self.experiment.arms.len());
        for place in 0..self.experiment.arms.len() {
            let to_control = self.to_control(place, alpha)?;
            let (value, to_holdout) = match self.experiment.unit {
                Unit::Visitor => {
                    let (question, arm) = (question(self.experiment, alpha), Choice::Arm(place));
                    let value = inference::value(self.periods, &question, arm)?;
                    let to_holdout = inference::difference(self.periods, &question, arm, Choice::Holdout)?;
                    (value.map(Comparison::from), to_holdout.map(Comparison::from))
                }
                _ => (None, None),
            };
            let mean = means.get(place).filter(|mean| mean.observations > 0).map(|mean| mean.mean);
            found.push(Found { value, mean, to_control, to_holdout });
        }
        Ok(found)
    }

    /// Value of an exposure of the holdout.
    pub fn holdout_value(&self, alpha: f64) -> Result<Option<Comparison>, Error> {
        let question = question(self.experiment, alpha);
        Ok(inference::value(self.periods, &question, Choice::Holdout)?.map(Comparison::from))
    }

    /// All arms as one: what a unit that was not in the holdout was worth, less one that was. The chance to be in the
    /// holdout never adapts, so neither does this comparison.
    pub fn all_to_holdout(&self, alpha: f64) -> Result<Option<Comparison>, Error> {
        let mut joined = Vec::with_capacity(self.periods.len());
        for period in self.periods {
            let mut shares = if period.shares.is_empty() { Vec::new() } else { vec![TOTAL] };
            shares.extend(period.shares.get(period.arms.len()));
            let arms = vec![sum(period.arms.iter())?];
            joined.push(Period { cohort: period.cohort, shares, arms, holdout: period.holdout });
        }
        let question = question(self.experiment, alpha);
        let found = inference::difference(&joined, &question, Choice::Arm(0), Choice::Holdout)?;
        Ok(found.map(Comparison::from))
    }
}
