//! Stage 8, the next request: pins keep a price once it was shown, whatever was published since.
//!
//! All pins of a visitor travel in one signed text of at most 1 KB, also with 60 running experiments: 12 bytes each.
//! A pin carries what is needed to renew its quote exactly: the same propensity, cohort and exposure id. Who saw the
//! catalogue price of an item is pinned to it too: a price that changed under a shopper's eyes would be as bad as an
//! arm's that did. Where an experiment has many items, it is the items that were seen which are pinned so, up to 24 of
//! them; who saw more keeps the catalogue prices of the whole experiment.
//!
//! Where items are randomised, everybody sees the same and nobody is pinned.
//!
//! Out of scope: the cookie's attributes, and quotes of single items in forms and carts.

use crate::decision::{Choice, Decision};
use crate::experiment::EXPERIMENTS_MAX;
use crate::snapshot::{ListedItem, LiveExperiment};
use crate::{Quotary, Snapshot, UnitKey, mac};

const PURPOSE: &[u8] = b"haggle pins 1\0";
const PIN_BYTES: usize = 12;
const HOLDOUT_CODE: u8 = u8::MAX;
const CATALOGUE_CODE: u8 = HOLDOUT_CODE - 1;
/// Of a pin that is about one item of an experiment, whose number it holds in the place of propensity and epoch.
const ITEM_CODE: u8 = CATALOGUE_CODE - 1;
/// Most items that one visitor's pins are about.
const ITEMS_MAX: usize = 24;

/// What a unit keeps for an experiment.
#[derive(Debug, Clone, Copy)]
pub enum Pinned<'a> {
    /// The price of a decision.
    Decision(Decision<'a>),
    /// The catalogue price, which the unit saw before any decision: nothing is counted.
    Catalogue,
}

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
    /// The pins of these decisions.
    pub(crate) fn of(decisions: &[Decision<'_>]) -> Self {
        Self { pins: decisions.iter().take(EXPERIMENTS_MAX).map(Pin::of).collect() }
    }

    /// Opens the text of a cookie; what is not genuine for this unit holds no pins.
    pub fn open(quotary: &Quotary, unit: &UnitKey, text: &str) -> Self {
        let payload = quotary.unseal(PURPOSE, unit.bytes(), text).unwrap_or_default();
        let records = payload.chunks_exact(PIN_BYTES).filter_map(|record| record.try_into().ok());
        Self {
            pins: records.take(EXPERIMENTS_MAX).map(|record: &[u8; PIN_BYTES]| Pin::read(record)).collect(),
        }
    }

    /// The text for the cookie: at most 982 characters.
    pub fn seal(&self, quotary: &Quotary, unit: &UnitKey) -> String {
        let payload: Vec<u8> = self.pins.iter().flat_map(Pin::write).collect();
        quotary.seal(PURPOSE, unit.bytes(), &payload)
    }

    /// What is pinned for an experiment, while it is held: `hold_s` seconds from the decision.
    ///
    /// A pin of an arm that the experiment no longer has is none, and a stopped experiment has none.
    pub fn find<'a>(&self, experiment: &'a LiveExperiment, hold_s: u64, now_ms: u64) -> Option<Pinned<'a>> {
        let pin = self.held(experiment, hold_s, now_ms)?;
        if experiment.is_stopped() || !experiment.is_of_visitors() {
            return None;
        }
        let choice = match pin.arm {
            CATALOGUE_CODE => return Some(Pinned::Catalogue),
            HOLDOUT_CODE => Choice::Holdout,
            arm => Choice::Arm(usize::from(arm)),
        };
        let (propensity, epoch, decided_at_min) = (pin.propensity, pin.epoch, pin.decided_at_min);
        Some(Pinned::Decision(Decision { experiment, choice, propensity, epoch, decided_at_min }))
    }

    /// As [`Pins::find`], for an item of an experiment: who has seen it at its catalogue price keeps that, whatever was
    /// decided for the experiment's other items.
    pub fn find_item<'a>(&self, item: &ListedItem<'a>, hold_s: u64, now_ms: u64) -> Option<Pinned<'a>> {
        let found = self.find(item.experiment(), hold_s, now_ms)?;
        let is_seen = |pin: &Pin| pin.is_of(item) && pin.is_held(hold_s, now_ms);
        Some(match found {
            Pinned::Decision(decision) if !self.pins.iter().any(is_seen) => {
                Pinned::Decision(item.decision(decision))
            }
            _ => Pinned::Catalogue,
        })
    }

    /// Pins the catalogue price of an item from now on, in the place of whatever was pinned: of an experiment's one item,
    /// or of one of many. A negative item keeps it anyway.
    pub fn keep_item(&mut self, item: &ListedItem<'_>, now_ms: u64) {
        let experiment = item.experiment();
        if !experiment.has_many_items() {
            return self.keep_catalogue(experiment, now_ms);
        }
        let is_whole = |pin: &Pin| pin.tag == experiment.tag() && pin.arm == CATALOGUE_CODE;
        if !experiment.is_of_visitors() || item.is_negative() || self.pins.iter().any(is_whole) {
            return;
        }
        self.pins.retain(|pin| !pin.is_of(item));
        let items = self.pins.iter().filter(|pin| pin.arm == ITEM_CODE).count();
        if items >= ITEMS_MAX || self.pins.len() >= EXPERIMENTS_MAX {
            return self.keep_catalogue(experiment, now_ms);
        }
        self.pins.push(Pin::of_item(item, minute(now_ms)));
    }

    /// Pins the catalogue prices of all of an experiment's items from now on, in the place of whatever was pinned.
    pub fn keep_catalogue(&mut self, experiment: &LiveExperiment, now_ms: u64) {
        if !experiment.is_of_visitors() {
            return;
        }
        self.pins.retain(|pin| pin.tag != experiment.tag());
        if self.pins.len() >= EXPERIMENTS_MAX {
            // Pins of experiments that are not known here stand last; the cookie has no room for one more.
            self.pins.truncate(EXPERIMENTS_MAX - 1);
        }
        let decided_at_min = minute(now_ms);
        let pin = Pin { tag: experiment.tag(), arm: CATALOGUE_CODE, propensity: 1, epoch: 0, decided_at_min };
        self.pins.insert(0, pin);
    }

    /// The decisions of a unit in every running experiment on visitors: the pinned ones as they were, new ones by
    /// [`decide_in`](crate::decide_in), none where the catalogue price is pinned, or the experiment is stopped, or paused
    /// and nothing is pinned. Returns the decisions and the pins to be kept from now on.
    pub fn settle<'a>(
        &self,
        snapshot: &'a Snapshot,
        unit: &UnitKey,
        hold_s: u64,
        now_ms: u64,
    ) -> (Vec<Decision<'a>>, Self) {
        let experiments = snapshot.experiments();
        let (mut decisions, mut pins) = (Vec::new(), Vec::with_capacity(experiments.len()));
        for experiment in experiments.iter().filter(|experiment| experiment.is_of_visitors()) {
            let held = self.held(experiment, hold_s, now_ms);
            let decision = match self.find(experiment, hold_s, now_ms) {
                Some(Pinned::Decision(decision)) => Some(decision),
                Some(Pinned::Catalogue) => None,
                None => crate::decide_in(experiment, unit, now_ms),
            };
            // What is stopped may go on: its pins are kept for that.
            pins.extend(held.copied().or_else(|| decision.as_ref().map(Pin::of)));
            decisions.extend(decision);
        }
        // A location may run behind or ahead of the one that pinned: what it does not know it hands on.
        let is_known = |pin: &&Pin| experiments.iter().any(|experiment| experiment.tag() == pin.tag);
        let is_item = |pin: &&Pin| pin.arm == ITEM_CODE && is_known(pin);
        let rest = self.pins.iter().filter(|pin| pin.is_held(hold_s, now_ms));
        let rest = rest.clone().filter(is_item).chain(rest.filter(|pin| !is_known(pin)));
        pins.extend(rest.take(EXPERIMENTS_MAX.saturating_sub(pins.len())));
        (decisions, Self { pins })
    }

    /// The pin of an experiment that is held and means something in it.
    fn held(&self, experiment: &LiveExperiment, hold_s: u64, now_ms: u64) -> Option<&Pin> {
        let is_its = |pin: &&Pin| pin.tag == experiment.tag() && pin.arm != ITEM_CODE;
        let pin = self.pins.iter().find(is_its)?;
        let exists = match pin.arm {
            HOLDOUT_CODE | CATALOGUE_CODE => true,
            arm => usize::from(arm) < experiment.arms().len(),
        };
        (exists && pin.is_held(hold_s, now_ms)).then_some(pin)
    }
}

fn minute(now_ms: u64) -> u32 {
    u32::try_from(now_ms / 60_000).unwrap_or(u32::MAX)
}

impl Pin {
    fn of(decision: &Decision<'_>) -> Self {
        let arm = match decision.choice {
            // What keeps the catalogue price is not pinned: its experiment's decision is.
            Choice::Holdout | Choice::Negative => HOLDOUT_CODE,
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

    /// The catalogue price of one of many items.
    fn of_item(item: &ListedItem<'_>, decided_at_min: u32) -> Self {
        let [p0, p1, e0, e1, e2, ..] = mac::digest16(&["haggle pin", item.sku()]);
        Self {
            tag: item.experiment().tag(),
            arm: ITEM_CODE,
            propensity: u32::from_le_bytes([p0, p1, 0, 0]) + 1,
            epoch: u32::from_le_bytes([e0, e1, e2, 0]),
            decided_at_min,
        }
    }

    /// Whether it is about this one of many items.
    fn is_of(&self, item: &ListedItem<'_>) -> bool {
        self.arm == ITEM_CODE && *self == Self::of_item(item, self.decided_at_min)
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
    use crate::TOTAL;
    use crate::decision::tests::snapshot;
    use crate::experiment::Unit;
    use crate::quote::tests::quotary;
    use crate::snapshot::tests::many::{
        experiment as many_experiment, groups as many_groups, input as many_input, snapshot as many,
    };
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
        assert_eq!(
            before.item("OLIVE-500").unwrap().price(&first[0]),
            after.item("OLIVE-500").unwrap().price(&held[0])
        );
        assert_eq!((first[0].propensity, first[0].cohort()), (held[0].propensity, held[0].cohort()));
        let (fresh, _) = pins.settle(&after, &unit(), HOLD_S, NOW_MS + HOLD_S * 1000);
        assert_eq!(fresh[0].choice, crate::decide_in(&after.experiments()[0], &unit(), 0).unwrap().choice);
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
    fn who_saw_the_catalogue_price_keeps_it_while_it_is_held() {
        let (snapshot, mut pins) = (snapshot([1, 60, 1]), Pins::default());
        let live = &snapshot.experiments()[0];
        pins.keep_catalogue(live, NOW_MS);
        let pins = Pins::open(&quotary(), &unit(), &pins.seal(&quotary(), &unit()));
        let later = NOW_MS + HOLD_S * 1000 - 120_000;
        assert!(matches!(pins.find(live, HOLD_S, later), Some(Pinned::Catalogue)));
        let (decisions, kept) = pins.settle(&snapshot, &unit(), HOLD_S, later);
        assert_eq!((decisions.len(), &kept), (0, &pins), "settling does not draw again");
        let (decisions, _) = pins.settle(&snapshot, &unit(), HOLD_S, NOW_MS + HOLD_S * 1000);
        assert_eq!(decisions.len(), 1, "open again");
    }

    #[test]
    fn the_catalogue_price_takes_the_place_of_a_decision() {
        let snapshot = snapshot([1, 60, 1]);
        let (_, mut pins) = Pins::default().settle(&snapshot, &unit(), HOLD_S, NOW_MS);
        let live = &snapshot.experiments()[0];
        assert!(matches!(pins.find(live, HOLD_S, NOW_MS), Some(Pinned::Decision(_))));
        pins.keep_catalogue(live, NOW_MS);
        assert!(matches!(pins.find(live, HOLD_S, NOW_MS), Some(Pinned::Catalogue)));
        assert_eq!(pins.pins.len(), 1);
        pins.pins = (1..=60).map(|tag| Pin { tag, ..pins.pins[0] }).collect();
        pins.keep_catalogue(live, NOW_MS);
        assert_eq!(pins.pins.len(), EXPERIMENTS_MAX, "the cookie has no room for more");
        assert!(matches!(pins.find(live, HOLD_S, NOW_MS), Some(Pinned::Catalogue)));
    }

    #[test]
    fn a_stopped_experiment_has_no_price_and_keeps_its_pin_for_when_it_goes_on() {
        let (running, stopped) = (snapshot([1, 60, 1]), crate::decision::tests::stopped());
        let (_, pins) = Pins::default().settle(&running, &unit(), HOLD_S, NOW_MS);
        let live = &stopped.experiments()[0];
        assert!(pins.find(live, HOLD_S, NOW_MS).is_none());
        let (decisions, kept) = pins.settle(&stopped, &unit(), HOLD_S, NOW_MS);
        assert_eq!((decisions.len(), kept), (0, pins));
        let (none, open) = Pins::default().settle(&stopped, &unit(), HOLD_S, NOW_MS);
        assert_eq!((none.len(), open), (0, Pins::default()), "what is new is not decided");
    }

    fn shared(pinned: Option<Pinned<'_>>) -> Option<(Choice, u32)> {
        match pinned {
            Some(Pinned::Decision(decision)) => Some((decision.choice, decision.propensity)),
            _ => None,
        }
    }

    #[test]
    fn of_many_items_those_that_were_seen_keep_the_catalogue_price_and_the_others_share_an_arm() {
        let snapshot = many(Unit::Visitor, |_| {});
        let item = |sku| snapshot.item(sku).unwrap();
        let mut pins = Pins::default();
        pins.keep_item(&item("S-0001"), NOW_MS);
        pins.keep_item(&item("S-0001"), NOW_MS);
        pins.keep_item(&item("S-0003"), NOW_MS);
        assert_eq!(pins.pins.len(), 1, "a negative item keeps it anyway");
        let (decisions, pins) = pins.settle(&snapshot, &unit(), HOLD_S, NOW_MS);
        let pins = Pins::open(&quotary(), &unit(), &pins.seal(&quotary(), &unit()));
        let find = |sku, now_ms| pins.find_item(&item(sku), HOLD_S, now_ms);
        assert!(matches!(find("S-0001", NOW_MS), Some(Pinned::Catalogue)));
        let decision = (decisions[0].choice, decisions[0].propensity);
        assert_eq!(shared(find("S-0000", NOW_MS)), Some(decision));
        assert_eq!(shared(find("S-0002", NOW_MS)), Some(decision));
        assert_eq!(shared(find("S-0003", NOW_MS)), Some((Choice::Negative, TOTAL)));
        let (again, kept) = pins.settle(&snapshot, &unit(), HOLD_S, NOW_MS + 60_000);
        assert_eq!((again.len(), kept), (1, pins.clone()), "settling does not forget");
        let (_, later) = pins.settle(&snapshot, &unit(), HOLD_S, NOW_MS + HOLD_S * 1000);
        assert!(shared(later.find_item(&item("S-0001"), HOLD_S, NOW_MS + HOLD_S * 1000)).is_some());
    }

    #[test]
    fn who_saw_more_items_than_the_cookie_holds_keeps_the_catalogue_prices_of_the_experiment() {
        let (experiment, groups) = (many_experiment(Unit::Visitor), many_groups(40));
        let mut entry = crate::Entry::new(&experiment, 1, many_input(&experiment));
        entry.groups = Some(&groups);
        let snapshot = Snapshot::decode(Snapshot::encode(1, 1, &[entry]).unwrap()).unwrap();
        let mut pins = Pins::default();
        for (_, item) in snapshot.items().filter(|(_, item)| !item.is_negative()).take(ITEMS_MAX) {
            pins.keep_item(&item, NOW_MS);
        }
        assert_eq!(pins.pins.len(), ITEMS_MAX);
        assert!(
            shared(pins.settle(&snapshot, &unit(), HOLD_S, NOW_MS).1.find_item(
                &snapshot.item("S-0038").unwrap(),
                HOLD_S,
                NOW_MS
            ))
            .is_some()
        );
        pins.keep_item(&snapshot.item("S-0038").unwrap(), NOW_MS);
        assert_eq!(pins.pins.len(), 1);
        let (decisions, pins) = pins.settle(&snapshot, &unit(), HOLD_S, NOW_MS);
        assert_eq!(decisions.len(), 0);
        assert!(matches!(
            pins.find_item(&snapshot.item("S-0000").unwrap(), HOLD_S, NOW_MS),
            Some(Pinned::Catalogue)
        ));
    }

    #[test]
    fn nobody_is_pinned_where_items_are_randomised() {
        let snapshot = many(Unit::Item, |_| {});
        let (item, mut pins) = (snapshot.item("S-0001").unwrap(), Pins::default());
        pins.keep_item(&item, NOW_MS);
        pins.keep_catalogue(item.experiment(), NOW_MS);
        let (decisions, kept) = pins.settle(&snapshot, &unit(), HOLD_S, NOW_MS);
        assert_eq!((decisions.len(), kept), (0, Pins::default()));
        assert!(pins.find_item(&item, HOLD_S, NOW_MS).is_none());
    }

    #[test]
    fn what_is_paused_keeps_its_pins_and_makes_no_new_ones() {
        let (running, paused) =
            (many(Unit::Visitor, |_| {}), many(Unit::Visitor, |entry| entry.is_paused = true));
        let (decisions, pins) = Pins::default().settle(&running, &unit(), HOLD_S, NOW_MS);
        let (held, kept) = pins.settle(&paused, &unit(), HOLD_S, NOW_MS + 60_000);
        assert_eq!((held[0].choice, &kept), (decisions[0].choice, &pins));
        assert_eq!(Pins::default().settle(&paused, &unit(), HOLD_S, NOW_MS).0.len(), 0);
    }

    /// The cookie that a release before catalogue pins wrote; see also `tests/golden/tokens.json`.
    #[test]
    fn a_cookie_of_an_older_release_holds_its_pins() {
        let payload = Pin { tag: 7, arm: 2, propensity: 65_536, epoch: 3, decided_at_min: EPOCH_START_MIN };
        assert_eq!(payload.write(), [7, 0, 0, 2, 255, 255, 3, 0, 0, 0, 0, 0]);
        let text = quotary().seal(b"haggle pins 1\0", unit().bytes(), &payload.write());
        assert_eq!(Pins::open(&quotary(), &unit(), &text).pins, [payload]);
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
