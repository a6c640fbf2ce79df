//! Experiments over many items.

use super::super::*;
use crate::experiment::tests::sevilla;
use crate::experiment::{ArmPrice, ArmState, Goods, Scope, Which};
use crate::groups::Member;
use crate::{ArmInput, TOTAL, Tally, decide, evidence};

/// Three arms over items of the catalogue: the catalogue price, 0.9 and 1.1 times it, half of the units on the first.
pub(crate) fn experiment(unit: Unit) -> Experiment {
    let mut experiment = sevilla();
    let which = Which::All;
    experiment.goods =
        Goods::Scope(Scope { which, positive: None, negative: 0, strata: 1, exclude: Vec::new() });
    experiment.unit = unit;
    for (arm, times) in experiment.arms.iter_mut().zip([1.0, 0.9, 1.1]) {
        arm.price = ArmPrice::Times(times);
        arm.price_minor = (1900.0 * times) as i64;
    }
    experiment
}

/// Items `S-0000` and so on, at prices from 10.00 up; every fourth is negative.
pub(crate) fn groups(items: usize) -> Groups {
    let member = |i: usize| {
        let price_minor = 1000 + 10 * i as i64;
        let is_negative = i % 4 == 3;
        let prices = [price_minor, price_minor * 9 / 10, price_minor * 11 / 10];
        Member {
            sku: format!("S-{i:04}"),
            is_negative,
            family: format!("S-{i:04}"),
            price_minor,
            cost_minor: None,
            floor_minor: price_minor / 2,
            ceiling_minor: price_minor * 2,
            prices: if is_negative { Vec::new() } else { prices.to_vec() },
            past: None,
        }
    };
    Groups::new((0..items).map(member).collect())
}

pub(crate) fn input(experiment: &Experiment) -> PolicyInput {
    let mut counted = vec![Tally { exposures: 50, conversions: 10, ..Tally::default() }; 3];
    counted.resize(experiment.arms.len(), Tally::default());
    evidence::pooled(experiment, &counted).unwrap()
}

/// The arms of the items in turn.
pub(crate) fn arms_of(groups: &Groups, experiment: &Experiment) -> Vec<u8> {
    let arm = |(i, member): (usize, &Member)| match member.is_negative {
        true => experiment.control_index() as u8,
        false => (i % experiment.arms.len()) as u8,
    };
    groups.members().iter().enumerate().map(arm).collect()
}

/// A snapshot of one experiment over eight items, changed as asked.
pub(crate) fn snapshot(unit: Unit, change: impl FnOnce(&mut Entry<'_>)) -> Snapshot {
    let (experiment, groups) = (experiment(unit), groups(8));
    let arms_of = if unit == Unit::Visitor { Vec::new() } else { arms_of(&groups, &experiment) };
    let mut entry = Entry::new(&experiment, 4, input(&experiment));
    (entry.groups, entry.arms_of) = (Some(&groups), &arms_of);
    (entry.opened_at_ms, entry.until_ms) = (1_700_000_000_000, 1_700_086_400_000);
    change(&mut entry);
    Snapshot::decode(Snapshot::encode(9, 1, &[entry]).unwrap()).unwrap()
}

#[test]
fn every_item_has_its_own_price_on_every_arm() {
    let snapshot = snapshot(Unit::Visitor, |_| {});
    assert_eq!(snapshot.items().count(), 8);
    for (i, (sku, item)) in snapshot.items().enumerate() {
        let price = 1000 + 10 * i as i64;
        assert_eq!((sku, item.price_minor()), (format!("S-{i:04}").as_str(), price));
        assert_eq!(snapshot.item(sku).unwrap().price_of(1), item.price_of(1));
        let prices = [0, 1, 2, 3].map(|arm| item.price_of(arm));
        match i % 4 {
            3 => assert_eq!((item.is_negative(), prices), (true, [None; 4])),
            _ => assert_eq!(prices, [Some(price), Some(price * 9 / 10), Some(price * 11 / 10), None]),
        }
        assert!(item.shared().is_none(), "visitors are randomised");
    }
    let live = &snapshot.experiments()[0];
    assert!(live.has_many_items() && live.is_of_visitors() && !live.is_paused() && !live.has_families());
}

/// Each item has a floor and a ceiling of its own; grid and endings are the experiment's.
#[test]
fn the_prices_of_many_items_keep_grid_and_endings() {
    let groups = groups(8);
    let encoded = |guardrails: &str, state: ArmState| {
        let mut experiment = experiment(Unit::Visitor);
        let json = format!(r#""guardrails":{guardrails},"salt""#);
        experiment.guardrails =
            Experiment::from_json(&sevilla().to_json().replace(r#""salt""#, &json)).unwrap().guardrails;
        experiment.arms.iter_mut().skip(1).for_each(|arm| arm.state = state);
        let entry = Entry { groups: Some(&groups), ..Entry::new(&experiment, 4, input(&experiment)) };
        Snapshot::encode(9, 1, &[entry])
    };
    for (guardrails, why) in [
        (r#"{"grid_minor":10}"#, "a multiple of 10, by guardrails.grid_minor"),
        (r#"{"endings":[0,50]}"#, "a price ending in 0, 50, by guardrails.endings"),
    ] {
        let error = encoded(guardrails, ArmState::Live).unwrap_err().to_string();
        assert!(
            error.contains("price_minor of arm low of sevilla for S-0001") && error.contains(why),
            "{error}"
        );
        let retired = Snapshot::decode(encoded(guardrails, ArmState::Retired).unwrap()).unwrap();
        let prices = |sku| [1, 2].map(|arm| retired.item(sku).unwrap().price_of(arm));
        assert_eq!((prices("S-0000"), prices("S-0001")), ([Some(900), Some(1100)], [None; 2]));
    }
}

#[test]
fn items_that_are_randomised_have_one_price_for_everybody() {
    let unit = crate::UnitKey::from_bytes([1; 16]);
    for unit_of in [Unit::Item, Unit::Family, Unit::ItemPeriod] {
        let snapshot = snapshot(unit_of, |_| {});
        let live = &snapshot.experiments()[0];
        assert_eq!((live.unit(), live.until_ms()), (unit_of, 1_700_086_400_000));
        for (i, (sku, item)) in snapshot.items().enumerate() {
            let decision = decide(&snapshot, sku, &unit, 5);
            assert_eq!(decision.is_none(), i % 4 == 3, "a negative item has no price of its own");
            let Some(shared) = item.shared() else { continue };
            assert_eq!((shared.arm, shared.epoch), (i % 3, 4));
            assert_eq!(Some(shared.price_minor), item.price_of(i % 3));
            assert_eq!(shared.propensity, live.allocation().shares()[i % 3]);
            let decision = decision.unwrap();
            assert_eq!((decision.choice, decision.decided_at_min), (crate::Choice::Arm(i % 3), 28_333_333));
        }
    }
}

#[test]
fn what_is_paused_or_stopped_has_no_shared_price() {
    let paused = snapshot(Unit::Item, |entry| entry.is_paused = true);
    assert!(paused.items().all(|(_, item)| item.shared().is_none()));
    let running = snapshot(Unit::Item, |_| {});
    assert!(running.items().any(|(_, item)| item.shared().is_some()));
    let stops = Stops { all: false, experiments: &["sevilla".into()] };
    let stopped = Snapshot::decode(running.republished(10, 2, &stops).unwrap()).unwrap();
    assert!(stopped.items().all(|(_, item)| item.shared().is_none()) && !stopped.is_stopped());
}

#[test]
fn stops_of_single_experiments_are_set_and_cleared_and_pauses_stay() {
    let one = experiment(Unit::Visitor);
    let (mut other, groups) = (sevilla(), groups(3));
    other.name = "other".into();
    let mut first = Entry::new(&one, 1, input(&one));
    (first.groups, first.is_paused) = (Some(&groups), true);
    let encode = |version, stopped: &[String], is_stopped| {
        let shop = Shop { site_json: r#"{"charge": "server"}"#, is_stopped, stopped };
        let entries = [first.clone(), Entry::new(&other, 1, input(&other))];
        Snapshot::encode_shop(version, version, &entries, &shop).unwrap()
    };
    let name = ["other".to_owned()];
    let none = Snapshot::decode(encode(1, &[], false)).unwrap();
    let stops = Stops { all: false, experiments: &name };
    let stopped = none.republished(2, 2, &stops).unwrap();
    assert_eq!(stopped, encode(2, &name, false));
    let stopped = Snapshot::decode(stopped).unwrap();
    let is_stopped = |snapshot: &Snapshot| {
        snapshot.experiments().iter().map(LiveExperiment::is_stopped).collect::<Vec<_>>()
    };
    assert_eq!((is_stopped(&none), is_stopped(&stopped)), (vec![false, false], vec![false, true]));
    assert!(stopped.experiments()[0].is_paused());
    let all = Stops { all: true, experiments: &name };
    assert_eq!(none.republished(3, 3, &all).unwrap(), encode(3, &name, true));
    assert_eq!(stopped.republished(4, 4, &Stops::default()).unwrap(), encode(4, &[], false));
}

/// An arm that gets no new unit may have prices that were allowed once; nobody sees them.
#[test]
fn a_price_that_is_not_allowed_any_more_is_the_catalogue_price() {
    let experiment = experiment(Unit::Visitor);
    let mut members = groups(1).members().to_vec();
    members[0].floor_minor = 950;
    let groups = Groups::new(members);
    let with = |live: bool| {
        let arms = input(&experiment).arms().to_vec();
        let arms = arms.into_iter().enumerate().map(|(i, arm)| ArmInput { live: live || i != 1, ..arm });
        let mut entry = Entry::new(&experiment, 1, PolicyInput::new(arms.collect(), 0).unwrap());
        entry.groups = Some(&groups);
        Snapshot::encode(1, 1, &[entry])
    };
    let error = with(true).unwrap_err().to_string();
    assert!(error.contains("arm low of sevilla for S-0000 is 900; it must be at least 950"), "{error}");
    let snapshot = Snapshot::decode(with(false).unwrap()).unwrap();
    let item = snapshot.item("S-0000").unwrap();
    assert_eq!((item.price_of(0), item.price_of(1), item.price_of(2)), (Some(1000), None, Some(1100)));
    let decision = decide(&snapshot, "S-0000", &crate::UnitKey::from_bytes([1; 16]), 0).unwrap();
    assert_eq!(item.price(&crate::Decision { choice: crate::Choice::Arm(1), ..decision }), 1000);
}

#[test]
fn what_cannot_be_published_is_named() {
    let groups = groups(8);
    let refusal = |unit, arms_of: &[u8], change: &dyn Fn(&mut Vec<Member>)| {
        let experiment = experiment(unit);
        let mut members = groups.members().to_vec();
        change(&mut members);
        let groups = Groups::new(members);
        let mut entry = Entry::new(&experiment, 1, input(&experiment));
        (entry.groups, entry.arms_of) = (Some(&groups), arms_of);
        Snapshot::encode(1, 1, &[entry]).unwrap_err().to_string()
    };
    for (error, why) in [
        (
            refusal(Unit::Item, &[0; 7], &|_| {}),
            "number of items of sevilla that are on an arm is 7; it must be 8",
        ),
        (refusal(Unit::Visitor, &[0; 8], &|_| {}), "that are on an arm is 8; it must be 0"),
        (
            refusal(Unit::Item, &[3; 8], &|_| {}),
            "arm of S-0000 in sevilla is none; it must be one to which units are sent",
        ),
        (
            refusal(Unit::Item, &[1; 8], &|_| {}),
            "arm of S-0003 in sevilla is low; it must be the control, as the item is negative",
        ),
        (
            refusal(Unit::Visitor, &[], &|members| members[1].prices.truncate(2)),
            "number of prices of S-0001 in sevilla is 2; it must be 3",
        ),
        (
            refusal(Unit::Visitor, &[], &|members| members[1].prices[2] = 0),
            "price of S-0001 is 0; it must be 1 to 1000000000 minor units",
        ),
        (
            refusal(Unit::Visitor, &[], &|members| members[1].prices[0] += 1),
            "the control of S-0001 is not at the catalogue price",
        ),
        (refusal(Unit::Visitor, &[], &|members| members[1].sku = "S-0000".into()), "\"S-0000\" twice"),
    ] {
        assert!(error.contains(why), "{error} / {why}");
    }
}

#[test]
fn a_snapshot_that_no_row_holds_is_refused_with_its_size() {
    let (experiment, groups) = (experiment(Unit::Visitor), groups(50_000));
    let mut entry = Entry::new(&experiment, 1, input(&experiment));
    entry.groups = Some(&groups);
    let error = Snapshot::encode(1, 1, &[entry]).unwrap_err().to_string();
    assert!(error.contains("bytes with 50000 items; it must be at most 1900000 bytes"), "{error}");
}

#[test]
fn ten_thousand_items_fit_and_are_found() {
    let (mut experiment, groups) = (experiment(Unit::ItemPeriod), groups(10_000));
    let mut fourth = experiment.arms[1].clone();
    (fourth.name, fourth.price_minor) = ("fourth".into(), 1800);
    experiment.arms.push(fourth);
    let members = groups.members().iter().cloned().map(|mut member| {
        if !member.is_negative {
            member.prices.push(member.price_minor * 95 / 100);
        }
        member
    });
    let groups = Groups::new(members.collect());
    let arms_of = arms_of(&groups, &experiment);
    let mut entry = Entry::new(&experiment, 1, input(&experiment));
    (entry.groups, entry.arms_of) = (Some(&groups), &arms_of);
    let bytes = Snapshot::encode(1, 1, &[entry]).unwrap();
    assert_eq!(bytes.len() / 1000, 580);
    let snapshot = Snapshot::decode(bytes).unwrap();
    for (sku, item) in snapshot.items() {
        assert_eq!(snapshot.item(sku).unwrap().shared(), item.shared());
        assert!(item.shared().is_none_or(|shared| (1..=TOTAL).contains(&shared.propensity)));
    }
    assert_eq!(snapshot.item("S-9999").unwrap().price_minor(), 100_990);
}
