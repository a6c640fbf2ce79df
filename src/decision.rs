//! Stage 2, decision: which price a unit sees for an item.
//!
//! Where visitors are randomised, an experiment sends a visitor to one arm for all of its items
//! ([`decide_in`]); what that is for an item, [`ListedItem::decision`] and [`ListedItem::price`] say. Where items are
//! randomised, the arms of the items stand in the snapshot, and everybody sees the same
//! ([`ListedItem::shared`]).
//!
//! [`decide`] cannot fail: whatever could be wrong was refused when the snapshot was decoded. It reads no clock and
//! draws from no generator; the same arguments give the same decision on every machine.
//!
//! Out of scope: remembering what a unit was shown (see [`Pins`](crate::Pins)) and signing it (see
//! [`Quote`](crate::Quote)).

use crate::allocation::{TOTAL, uniform};
use crate::experiment::{HOLDOUT, NEGATIVE};
use crate::snapshot::{ListedItem, LiveExperiment};
use crate::{Cohort, Snapshot, UnitKey};

/// Stream of the holdout's hash; the arms use the streams from 0.
const HOLDOUT_STREAM: u64 = u64::MAX;

/// Where a unit was sent, with the probability of exactly this choice.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// The experiment that decided.
    pub experiment: &'a LiveExperiment,
    /// Where the unit was sent.
    pub choice: Choice,
    /// Probability of the choice among units in (or out of) the holdout: an integer share of [`TOTAL`].
    ///
    /// Range: `[floor, TOTAL]`; [`TOTAL`] in the holdout, which has only the control, and for negative items.
    pub propensity: u32,
    /// Allocation under which it was decided.
    pub epoch: u32,
    /// When it was decided, in whole minutes since 1970-01-01 UTC.
    pub decided_at_min: u32,
}

/// Where a unit was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The unit always sees the control, and is counted apart.
    Holdout,
    /// The item keeps the catalogue price for everybody, to be compared with.
    Negative,
    /// Position of the arm in the experiment.
    Arm(usize),
}

impl Decision<'_> {
    /// Name under which the decision is counted: the arm's, `holdout` or `negative`.
    pub fn arm_name(&self) -> &str {
        match self.choice {
            Choice::Holdout => HOLDOUT,
            Choice::Negative => NEGATIVE,
            Choice::Arm(arm) => self.experiment.arms().get(arm).map_or(HOLDOUT, |arm| &arm.name),
        }
    }

    /// Allocation and hour under which it is tallied.
    pub fn cohort(&self) -> Cohort {
        Cohort { epoch: self.epoch, hour: self.decided_at_min / 60 }
    }
}

impl<'a> ListedItem<'a> {
    /// What a decision of its experiment is for the item: the same, but for a negative item.
    pub fn decision(&self, decision: Decision<'a>) -> Decision<'a> {
        match self.is_negative() {
            true => Decision { choice: Choice::Negative, propensity: TOTAL, ..decision },
            false => decision,
        }
    }

    /// The price of one unit of the item under a decision of its experiment: the catalogue price in the holdout, for a
    /// negative item, and on an arm whose price the guardrails of today do not allow.
    pub fn price(&self, decision: &Decision<'_>) -> i64 {
        let arm = match decision.choice {
            Choice::Holdout | Choice::Negative => None,
            Choice::Arm(arm) => self.price_of(arm),
        };
        arm.unwrap_or(self.price_minor())
    }

    /// The decision that holds for everybody, where items are randomised (see [`ListedItem::shared`]).
    pub fn shared_decision(&self) -> Option<Decision<'a>> {
        let (shared, experiment) = (self.shared()?, self.experiment());
        Some(Decision {
            experiment,
            choice: Choice::Arm(shared.arm),
            propensity: shared.propensity,
            epoch: shared.epoch,
            decided_at_min: experiment.opened_at_min(),
        })
    }
}

/// Decides about an item for a unit that has no decision yet; `None` where no running experiment prices the item, or
/// where the experiment is stopped or paused. Where items are randomised, all units get the same.
///
/// `now_ms` (milliseconds since 1970-01-01 UTC) only stamps the decision, it does not change it.
///
/// ```
/// # use haggle::*;
/// # let experiment = Experiment::from_json(include_str!("../tests/golden/sevilla.json"))?;
/// # let input = evidence::pooled(&experiment, &[Tally::default(); 3])?;
/// # let bytes = Snapshot::encode(1, 1, &[Entry::new(&experiment, 1, input)])?;
/// let snapshot = Snapshot::decode(bytes)?;
/// let unit = UnitKey::of_visitor(&Key::new(&[7; 32]), "visitor-1");
/// let decision = decide(&snapshot, "OLIVE-500", &unit, 1_700_000_000_000).ok_or("not priced")?;
/// let price = snapshot.item("OLIVE-500").ok_or("not priced")?.price(&decision);
/// assert!([1750, 1900, 2100].contains(&price));
/// assert!(decide(&snapshot, "unknown", &unit, 1_700_000_000_000).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decide<'a>(snapshot: &'a Snapshot, sku: &str, unit: &UnitKey, now_ms: u64) -> Option<Decision<'a>> {
    let item = snapshot.item(sku)?;
    match item.experiment().is_of_visitors() {
        true => Some(item.decision(decide_in(item.experiment(), unit, now_ms)?)),
        false => item.shared_decision(),
    }
}

/// Where an experiment sends a visitor, for all of its items; `None` where it is stopped or paused, or randomises items.
pub fn decide_in<'a>(experiment: &'a LiveExperiment, unit: &UnitKey, now_ms: u64) -> Option<Decision<'a>> {
    if experiment.is_stopped() || experiment.is_paused() || !experiment.is_of_visitors() {
        return None;
    }
    let held_out = experiment.holdout() > 0
        && uniform(experiment.seed(), unit, HOLDOUT_STREAM) * f64::from(TOTAL)
            < f64::from(experiment.holdout());
    let (choice, propensity) = if held_out {
        (Choice::Holdout, TOTAL)
    } else {
        let allocation = experiment.allocation();
        let arm = allocation.draw(experiment.seed(), unit);
        (Choice::Arm(arm), allocation.shares().get(arm).copied().unwrap_or(TOTAL))
    };
    let decided_at_min = u32::try_from(now_ms / 60_000).unwrap_or(u32::MAX);
    Some(Decision { experiment, choice, propensity, epoch: experiment.epoch(), decided_at_min })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::experiment::tests::sevilla;
    use crate::{Entry, Tally, evidence};

    pub(crate) fn snapshot(conversions: [u64; 3]) -> Snapshot {
        let experiment = sevilla();
        let counted = conversions.map(|conversions| Tally {
            exposures: 100,
            conversions: conversions as i64,
            ..Tally::default()
        });
        let input = evidence::pooled(&experiment, &counted).unwrap();
        let entry = Entry::new(&experiment, 2, input);
        Snapshot::decode(Snapshot::encode(5, 1, &[entry]).unwrap()).unwrap()
    }

    /// The same experiment with the kill switch set.
    pub(crate) fn stopped() -> Snapshot {
        let experiment = sevilla();
        let input = evidence::pooled(&experiment, &[Tally::default(); 3]).unwrap();
        let entry = Entry::new(&experiment, 2, input);
        let shop = crate::Shop { is_stopped: true, ..crate::Shop::default() };
        Snapshot::decode(Snapshot::encode_shop(6, 1, &[entry], &shop).unwrap()).unwrap()
    }

    #[test]
    fn nothing_is_decided_while_it_is_stopped() {
        assert!(decide(&stopped(), "OLIVE-500", &unit(1), 0).is_none());
    }

    #[test]
    fn an_arm_that_is_none_has_the_price_of_the_control() {
        let snapshot = snapshot([10, 20, 5]);
        let decision = decide(&snapshot, "OLIVE-500", &unit(1), 0).unwrap();
        let item = snapshot.item("OLIVE-500").unwrap();
        assert_eq!(item.price(&Decision { choice: Choice::Arm(3), ..decision }), 1900);
    }

    fn unit(n: u128) -> UnitKey {
        UnitKey::from_bytes(n.to_le_bytes())
    }

    /// Binomial(20 000, 0.1): outside of 2 000 +- 170 (four standard deviations) with probability 6e-5.
    #[test]
    fn the_holdout_has_its_share_and_sees_the_control() {
        let snapshot = snapshot([10, 20, 5]);
        let decisions = (0..20_000).map(|n| decide(&snapshot, "OLIVE-500", &unit(n), 0).unwrap());
        let held: Vec<_> = decisions.filter(|decision| decision.choice == Choice::Holdout).collect();
        assert!((1_830..=2_170).contains(&held.len()), "{} held out", held.len());
        let item = snapshot.item("OLIVE-500").unwrap();
        let sees_control =
            |d: &Decision<'_>| item.price(d) == 1900 && d.propensity == TOTAL && d.arm_name() == "holdout";
        assert!(held.iter().all(sees_control));
    }

    #[test]
    fn the_holdout_never_adapts() {
        let (before, after) = (snapshot([10, 20, 5]), snapshot([10, 5, 40]));
        for n in 0..5_000 {
            let choice = |snapshot| decide(snapshot, "OLIVE-500", &unit(n), 0).unwrap().choice;
            assert_eq!(choice(&before) == Choice::Holdout, choice(&after) == Choice::Holdout, "unit {n}");
        }
    }

    #[test]
    fn a_decision_carries_the_propensity_it_was_made_with() {
        let snapshot = snapshot([10, 20, 5]);
        for n in 0..2_000 {
            let decision = decide(&snapshot, "OLIVE-500", &unit(n), 90 * 60_000).unwrap();
            if let Choice::Arm(arm) = decision.choice {
                assert_eq!(decision.propensity, decision.experiment.allocation().shares()[arm]);
                assert!(decision.propensity >= decision.experiment.input().floor());
            }
            assert_eq!(decision.cohort(), Cohort { epoch: 2, hour: 1 });
        }
    }
}
