//! Stage 8, the next request: pins keep a price once it was shown, whatever was published since.
//!
//! All pins of a visitor travel in one signed text of at most 1 KB, also with 60 running experiments: 12 bytes each.
//! A pin carries what is needed to renew its quote exactly: the same propensity, cohort and exposure id.
//!
//! Out of scope: the cookie's attributes, and quotes of single items in forms and carts.

use crate::decision::{Choice, Decision};
use crate::experiment::EXPERIMENTS_MAX;
use crate::snapshot::LiveExperiment;
use crate::{Quotary, Snapshot, UnitKey};

const PURPOSE: &[u8] = b"haggle pins 1\0";
const PIN_BYTES: usize = 12;
const HOLDOUT_CODE: u8 = u8::MAX;

/// The pinned decisions of one unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    pins: Vec<Pin>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pin {
    tag: u32,
    arm: u8,
    propensity: u32,
    epoch: u32,
    decided_at_min: u32,
}

impl Pins {
    /// Opens the text of a cookie; what is not genuine for this unit holds no pins.
    pub fn open(quotary: &Quotary, unit: &UnitKey, text: &str) -> Self {
        let payload = quotary.unseal(PURPOSE, unit, text).unwrap_or_default();
        let records = payload.chunks_exact(PIN_BYTES).filter_map(|record| record.try_into().ok());
        Self {
            pins: records.take(EXPERIMENTS_MAX).map(|record: &[u8; PIN_BYTES]| Pin::read(record)).collect(),
        }
    }

    /// The text for the cookie: at most 982 characters.
    pub fn seal(&self, quotary: &Quotary, unit: &UnitKey) -> String {
        let payload: Vec<u8> = self.pins.iter().flat_map(Pin::write).collect();
        quotary.seal(PURPOSE, unit, &payload)
    }

    /// The decision that is pinned for an experiment, while it is held: `hold_s` seconds from the decision.
    ///
    /// A pin of an arm that the experiment no longer has is none.
    pub fn find<'a>(&self, experiment: &'a LiveExperiment, hold_s: u64, now_ms: u64) -> Option<Decision<'a>> {
        let pin = self.pins.iter().find(|pin| pin.tag == experiment.tag())?;
        let choice = match pin.arm {
            HOLDOUT_CODE => Choice::Holdout,
            arm => Choice::Arm(usize::from(arm)),
        };
        let exists = match choice {
            Choice::Holdout => true,
            Choice::Arm(arm) => arm < experiment.arms().len(),
        };
        (exists && pin.is_held(hold_s, now_ms)).then_some(Decision {
            experiment,
            choice,
            propensity: pin.propensity,
            epoch: pin.epoch,
            decided_at_min: pin.decided_at_min,
        })
    }

    /// The decisions of a unit in every running experiment: the pinned ones as they were, new ones by
    /// [`decide_in`](crate::decide_in). Returns the decisions and the pins to be kept from now on.
    pub fn settle<'a>(
        &self,
        snapshot: &'a Snapshot,
        unit: &UnitKey,
        hold_s: u64,
        now_ms: u64,
    ) -> (Vec<Decision<'a>>, Self) {
        let decisions: Vec<Decision<'a>> = snapshot
            .experiments()
            .iter()
            .map(|experiment| {
                self.find(experiment, hold_s, now_ms)
                    .unwrap_or_else(|| crate::decide_in(experiment, unit, now_ms))
            })
            .collect();
        let mut pins: Vec<Pin> = decisions.iter().map(Pin::of).collect();
        // A location may run behind or ahead of the one that pinned: what it does not know it hands on.
        let is_known =
            |pin: &&Pin| snapshot.experiments().iter().any(|experiment| experiment.tag() == pin.tag);
        let others = self.pins.iter().filter(|pin| !is_known(pin) && pin.is_held(hold_s, now_ms));
        pins.extend(others.take(EXPERIMENTS_MAX.saturating_sub(decisions.len())));
        (decisions, Self { pins })
    }
}

impl Pin {
    fn of(decision: &Decision<'_>) -> Self {
        let arm = match decision.choice {
            Choice::Holdout => HOLDOUT_CODE,
            Choice::Arm(arm) => arm as u8,
        };
        Self {
            tag: decision.experiment.tag(),
            arm,
            propensity: decision.propensity,
            epoch: decision.epoch,
            decided_at_min: decision.decided_at_min,
        }
    }

    fn is_held(&self, hold_s: u64, now_ms: u64) -> bool {
        now_ms / 1000 < (u64::from(self.decided_at_min) * 60).saturating_add(hold_s)
    }

    /// tag u24, arm u8, propensity - 1 u16, epoch u24, decided_at_min - [`EPOCH_START_MIN`] u24.
    fn write(&self) -> [u8; PIN_BYTES] {
        let [t0, t1, t2, _] = self.tag.to_le_bytes();
        let [p0, p1, ..] = self.propensity.saturating_sub(1).to_le_bytes();
        let [e0, e1, e2, _] = self.epoch.to_le_bytes();
        let [m0, m1, m2, _] = self.decided_at_min.saturating_sub(EPOCH_START_MIN).to_le_bytes();
        [t0, t1, t2, self.arm, p0, p1, e0, e1, e2, m0, m1, m2]
    }

    fn read(record: &[u8; PIN_BYTES]) -> Self {
        let [t0, t1, t2, arm, p0, p1, e0, e1, e2, m0, m1, m2] = *record;
        let number = |bytes: [u8; 3]| {
            let [low, middle, high] = bytes;
            u32::from_le_bytes([low, middle, high, 0])
        };
        Self {
            tag: number([t0, t1, t2]),
            arm,
            propensity: number([p0, p1, 0]) + 1,
            epoch: number([e0, e1, e2]),
            decided_at_min: number([m0, m1, m2]) + EPOCH_START_MIN,
        }
    }
}

/// 2020-01-01 UTC in minutes since 1970: 24 bits of minutes from here reach the year 2051.
const EPOCH_START_MIN: u32 = 26_297_280;

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests {
    use super::*;
    use crate::decision::tests::snapshot;
    use crate::quote::tests::quotary;
    use proptest::prelude::*;

    const NOW_MS: u64 = 1_700_000_000_000;
    const HOLD_S: u64 = 172_800;

    fn unit() -> UnitKey {
        UnitKey::from_bytes([3; 16])
    }

    #[test]
    fn a_pinned_decision_outlives_new_posteriors_until_it_expires() {
        let (before, after) = (snapshot([1, 60, 1]), snapshot([1, 1, 60]));
        let (first, pins) = Pins::default().settle(&before, &unit(), HOLD_S, NOW_MS);
        let pins = Pins::open(&quotary(), &unit(), &pins.seal(&quotary(), &unit()));
        let later = NOW_MS + HOLD_S * 1000 - 120_000;
        let (held, _) = pins.settle(&after, &unit(), HOLD_S, later);
        assert_eq!(first[0].choice, held[0].choice);
        assert_eq!(first[0].price_minor(), held[0].price_minor());
        assert_eq!((first[0].propensity, first[0].cohort()), (held[0].propensity, held[0].cohort()));
        let (fresh, _) = pins.settle(&after, &unit(), HOLD_S, NOW_MS + HOLD_S * 1000);
        assert_eq!(fresh[0].choice, crate::decide_in(&after.experiments()[0], &unit(), 0).choice);
        assert_ne!(fresh[0].choice, held[0].choice, "the unit must move, else this test shows nothing");
    }

    #[test]
    fn a_pin_of_an_experiment_that_this_location_does_not_know_is_handed_on() {
        let (known, empty) = (snapshot([1, 60, 1]), Snapshot::encode(1, 1, &[]).unwrap());
        let empty = Snapshot::decode(empty).unwrap();
        let (_, pins) = Pins::default().settle(&known, &unit(), HOLD_S, NOW_MS);
        assert_eq!(pins.settle(&empty, &unit(), HOLD_S, NOW_MS + 60_000).1, pins);
        let over = pins.settle(&empty, &unit(), HOLD_S, NOW_MS + HOLD_S * 1000).1;
        assert_eq!(over, Pins::default());
    }

    #[test]
    fn pins_of_another_unit_or_with_a_changed_character_are_none() {
        let (_, pins) = Pins::default().settle(&snapshot([1, 60, 1]), &unit(), HOLD_S, NOW_MS);
        let text = pins.seal(&quotary(), &unit());
        assert_eq!(Pins::open(&quotary(), &unit(), &text), pins);
        assert_eq!(Pins::open(&quotary(), &UnitKey::from_bytes([4; 16]), &text), Pins::default());
        assert_eq!(Pins::open(&quotary(), &unit(), &text.replacen(&text[..1], "_", 1)), Pins::default());
    }

    #[test]
    fn sixty_pins_fit_one_cookie_of_a_kilobyte() {
        let (_, mut pins) = Pins::default().settle(&snapshot([1, 60, 1]), &unit(), HOLD_S, NOW_MS);
        pins.pins = vec![pins.pins[0]; EXPERIMENTS_MAX];
        let text = pins.seal(&quotary(), &unit());
        assert!(text.len() <= 982, "{} characters", text.len());
        assert_eq!(Pins::open(&quotary(), &unit(), &text).pins.len(), EXPERIMENTS_MAX);
    }

    proptest! {
        #[test]
        fn any_pin_reads_back(tag in 0u32..1 << 24, arm: u8, propensity in 1u32..=65_536, epoch in 0u32..1 << 24,
                              minute in 0u32..1 << 24) {
            let pin = Pin { tag, arm, propensity, epoch, decided_at_min: minute + EPOCH_START_MIN };
            prop_assert_eq!(Pin::read(&pin.write()), pin);
        }

        #[test]
        fn any_text_opens_to_no_pins(text in ".{0,300}") {
            prop_assert_eq!(Pins::open(&quotary(), &unit(), &text), Pins::default());
        }
    }
}
