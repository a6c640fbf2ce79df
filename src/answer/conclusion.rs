//! What became of the hypothesis: confirmed, rejected or open, by an interval that was promised before the start.
//!
//! A hypothesis is prose, and every pricing hypothesis says of some other price that it earns more than the present
//! one. So what is tested is always the same: does an arm other than the control earn more than the control? The
//! intervals that answer hold at every look and for all arms together, so that neither the policy's choices, nor the
//! day on which the experiment was ended, nor the choice of the arm that looks best can make a false answer likely.

use super::comparison::{Compared, Comparison};
use super::write::number;
use crate::experiment::Unit;
use crate::inference::{ALARM_AT, Question, Report, simultaneous};
use crate::{Currency, Error, Experiment, Objective};

/// Whether the hypothesis stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// An arm other than the control earns more than it.
    Confirmed,
    /// None does.
    Rejected,
    /// That cannot be said.
    Open,
}

impl Verdict {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Open => "open",
        }
    }
}

/// What became of the hypothesis, and by which rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// Whether it stands.
    pub verdict: Verdict,
    /// Position of the arm that the verdict is about: the one whose interval confirms, else the one whose interval
    /// reaches the highest.
    pub arm: Option<usize>,
    /// Value of an exposure of that arm less that of the control; both intervals hold for all arms together.
    pub difference: Option<Comparison>,
    /// The rule, in one sentence.
    pub rule: String,
    /// The verdict in plain words, one or two sentences.
    pub text: String,
}

impl Conclusion {
    /// The conclusion from what is compared and the report on it.
    pub(super) fn of(
        compared: &Compared<'_>,
        report: &Report,
        all_to_holdout: Option<&Comparison>,
    ) -> Result<Self, Error> {
        let experiment = compared.experiment;
        let control = experiment.control_index();
        let others: Vec<usize> = (0..experiment.arms.len()).filter(|&arm| arm != control).collect();
        let alpha = Question::of(experiment).alpha;
        let mut found = Vec::with_capacity(others.len());
        for &arm in &others {
            found.push((arm, compared.to_control(arm, simultaneous(alpha, others.len()))?));
        }
        // Where items are randomised, no exposure can be lost: the assignment is the count.
        let is_miscounted = experiment.unit == Unit::Visitor && report.sample_ratio.alarm(ALARM_AT);
        let least = experiment.stop.expected_loss_minor.unwrap_or(0.0);
        let words = Words { experiment, per: compared.per(), least };
        let (mut verdict, mut arm, difference) = judged(&found, words.least);
        if is_miscounted {
            (verdict, arm) = (Verdict::Open, None);
        }
        let mut text = match (arm, &difference) {
            _ if is_miscounted => {
                "Open: the exposures do not fall on the arms as they were served, so that nothing can be concluded \
                 from them; find out what loses or doubles them"
                    .into()
            }
            (Some(arm), Some(difference)) => words.verdict(verdict, arm, difference),
            _ => "Open: there are too few orders to compare the arms with the control".into(),
        };
        text.push('.');
        if let Some(all) = all_to_holdout.filter(|_| !is_miscounted) {
            text.push_str(&words.holdout(all));
        }
        Ok(Self { verdict, arm, difference, rule: words.rule(others.len()), text })
    }
}

/// The verdict on differences to the control that hold together, and the arm that it is about.
fn judged(found: &[(usize, Option<Comparison>)], least: f64) -> (Verdict, Option<usize>, Option<Comparison>) {
    let known = found.iter().filter_map(|(arm, difference)| difference.map(|known| (*arm, known)));
    let confirming = known.clone().filter(|(_, known)| known.at_any_look.low > 0.0);
    if let Some((arm, known)) = highest(confirming, |known| known.value) {
        return (Verdict::Confirmed, Some(arm), Some(known));
    }
    let Some((arm, known)) = highest(known, |known| known.at_any_look.high) else {
        return (Verdict::Open, None, None);
    };
    // An arm that nothing is known of may be the better one.
    let is_rejected =
        found.iter().all(|(_, known)| known.is_some_and(|known| known.at_any_look.high <= least));
    (if is_rejected { Verdict::Rejected } else { Verdict::Open }, Some(arm), Some(known))
}

/// The one with the highest number, of equals the first.
fn highest(
    all: impl Iterator<Item = (usize, Comparison)>,
    of: fn(&Comparison) -> f64,
) -> Option<(usize, Comparison)> {
    all.fold(None, |best, one| match best {
        Some(best) if of(&best.1) >= of(&one.1) => Some(best),
        _ => Some(one),
    })
}

/// Writes sentences in the experiment's unit.
struct Words<'a> {
    experiment: &'a Experiment,
    /// What a value is per.
    per: String,
    /// The least difference that the team cares for.
    least: f64,
}

impl Words<'_> {
    fn verdict(&self, verdict: Verdict, arm: usize, difference: &Comparison) -> String {
        let name = self.name(arm);
        let control = &self.experiment.control;
        let (gain, range) = (self.amount(difference.value), self.range(difference));
        let (verb, per) = (self.verb(), &self.per);
        match verdict {
            Verdict::Confirmed => {
                format!("Confirmed: arm {name} {verb} {gain} more per {per} than {control} ({range})")
            }
            Verdict::Rejected if self.least > 0.0 => format!(
                "Rejected: no arm {verb} more per {per} than {control} by over {}; closest is {name} with a difference \
                 of {gain} ({range})",
                self.amount(self.least)
            ),
            Verdict::Rejected => format!(
                "Rejected: no arm {verb} more per {per} than {control}; closest is {name} with a difference of {gain} \
                 ({range})"
            ),
            Verdict::Open => format!(
                "Open: whether arm {name} {verb} more per {per} than {control} cannot be said; the difference is {gain} \
                 ({range})"
            ),
        }
    }

    /// The arm's name, and whether the hypothesis was there before it.
    fn name(&self, arm: usize) -> String {
        match self.experiment.arms.get(arm) {
            Some(arm) if arm.is_added => format!("{}, which was added after the start,", arm.name),
            Some(arm) => arm.name.clone(),
            None => String::new(),
        }
    }

    fn holdout(&self, all: &Comparison) -> String {
        let range =
            format!("95 %: {} to {}", self.amount(all.at_any_look.low), self.amount(all.at_any_look.high));
        let gain = self.amount(all.value);
        format!(
            " Against the holdout, the experiment as it ran changed the {} by {gain} ({range}).",
            self.what()
        )
    }

    fn rule(&self, arms: usize) -> String {
        let arms = if arms == 1 { "one other arm".into() } else { format!("all {arms} other arms together") };
        let most = if self.least > 0.0 { self.amount(self.least) } else { "0".into() };
        format!(
            "95 % intervals of the difference to {}, for {arms} and at every look: confirmed where one lies above 0, \
             rejected where all end at {most} or below, else open",
            self.experiment.control
        )
    }

    fn range(&self, difference: &Comparison) -> String {
        let Comparison { at_any_look, .. } = difference;
        format!("95 %: {} to {}", self.amount(at_any_look.low), self.amount(at_any_look.high))
    }

    fn what(&self) -> String {
        format!("{} per {}", self.experiment.objective.name(), self.per)
    }

    fn verb(&self) -> &'static str {
        match self.experiment.objective {
            Objective::Conversion => "sells",
            Objective::Revenue | Objective::Profit => "earns",
        }
    }

    fn amount(&self, value: f64) -> String {
        match self.experiment.objective {
            Objective::Conversion => format!("{} orders", decimals(value, 4)),
            Objective::Revenue | Objective::Profit => money(value, self.experiment.currency),
        }
    }
}

/// An amount of minor units in major ones, with two digits more than prices have.
fn money(value_minor: f64, currency: Currency) -> String {
    let digits = currency.minor_digits();
    let major = (0..digits).fold(value_minor, |amount, _| amount / 10.0);
    format!("{} {currency}", decimals(major, digits + 2))
}

/// A number with exactly so many decimals.
fn decimals(value: f64, places: u32) -> String {
    let scale = 10_u64.pow(places);
    let rounded = (value.abs() * scale as f64).round();
    if rounded >= 1e18 {
        return number(value);
    }
    let rounded = rounded as u64;
    let sign = if value < 0.0 && rounded > 0 { "-" } else { "" };
    let (whole, part, width) = (rounded / scale, rounded % scale, places as usize);
    if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:0width$}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Interval;

    fn estimate(low: f64, high: f64) -> Option<Comparison> {
        let interval = Interval { low, high };
        let value = 0.5 * (low + high);
        let [at_one_look, at_any_look] = [interval; 2];
        let p_above_0 = 0.5;
        Some(Comparison {
            value,
            se: 1.0,
            at_one_look,
            at_any_look,
            p_above_0,
            exposures: 1,
            clusters: None,
            left_out: 0,
        })
    }

    #[test]
    fn one_interval_above_0_confirms_and_only_all_below_reject() {
        let of = |found: &[(usize, Option<Comparison>)], least| {
            let (verdict, arm, _) = judged(found, least);
            (verdict, arm)
        };
        let (up, further, down, across) =
            (estimate(1.0, 9.0), estimate(2.0, 4.0), estimate(-9.0, -1.0), estimate(-1.0, 0.5));
        assert_eq!(of(&[(1, down), (2, up), (3, further)], 0.0), (Verdict::Confirmed, Some(2)));
        assert_eq!(of(&[(1, down), (2, estimate(-4.0, -2.0))], 0.0), (Verdict::Rejected, Some(1)));
        assert_eq!(of(&[(1, down), (2, across)], 0.0), (Verdict::Open, Some(2)));
        assert_eq!(of(&[(1, down), (2, across)], 0.5), (Verdict::Rejected, Some(2)));
        assert_eq!(of(&[(1, down), (2, None)], 0.0), (Verdict::Open, Some(1)));
        assert_eq!(of(&[(1, None)], 0.0), (Verdict::Open, None));
    }

    #[test]
    fn amounts_have_the_digits_of_their_currency_and_two_more() {
        let eur: Currency = "EUR".parse().unwrap();
        assert_eq!(money(84.123_4, eur), "0.8412 EUR");
        assert_eq!(money(-0.001, eur), "0.0000 EUR");
        assert_eq!(money(-190.0, eur), "-1.9000 EUR");
        assert_eq!(money(84.0, "JPY".parse().unwrap()), "84.00 JPY");
        assert_eq!(decimals(1.5, 0), "2");
        assert_eq!(decimals(1e30, 2), number(1e30));
    }
}
