//! What an intervention moves: units to an added arm and from a retired one, and no others.

use haggle::lifecycle::{Order, published};
use haggle::{Entry, Experiment, Snapshot, TOTAL};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{cases, input, unit};

/// An experiment with 3 to 12 arms without a holdout, under any of three policies, and what was counted.
fn any_running() -> impl Strategy<Value = (Experiment, Vec<(u64, u64)>)> {
    let tallies = prop::collection::vec((0u64..3000, 0u64..300), 3..=12);
    (tallies, prop_oneof![Just("fixed"), Just("thompson"), Just("demand_thompson")], 0.0..0.05f64).prop_map(
        |(tallies, policy, floor)| {
            let arm = |i: usize| json!({ "name": format!("a{i}"), "price_minor": 1500 + 20 * i });
            let arms: Vec<Value> = (0..tallies.len()).map(arm).collect();
            let definition = json!({
                "name": "law", "hypothesis": "h", "document": "https://wiki.example/law", "objective": "revenue",
                "currency": "EUR", "salt": "law", "control": "a0", "item": { "sku": "ITEM", "price_minor": 1500 },
                "floor": floor, "holdout": 0, "arms": arms, "policy": { "name": policy },
            });
            (Experiment::from_json(&definition.to_string()).unwrap(), tallies)
        },
    )
}

fn after(experiment: &Experiment, action: &str, arm: Value) -> Experiment {
    let body = json!({ "by": "law", "reason": "law", "arm": arm }).to_string();
    Order::read(action, &body, experiment.currency).unwrap().action.apply(experiment, 0).unwrap()
}

fn snapshot(experiment: &Experiment, tallies: &[(u64, u64)]) -> Snapshot {
    let shown = published(experiment, None);
    let entry = Entry::new(&shown, 1, input(&shown, tallies));
    Snapshot::decode(Snapshot::encode(1, 1, &[entry]).unwrap()).unwrap()
}

/// How many of these units moved between two arms neither of which is `except`.
fn moved(before: &Snapshot, after: &Snapshot, except: usize, units: u64) -> usize {
    let seed = [7; 16];
    let arm = |of: &Snapshot, n| of.experiments()[0].allocation().draw(&seed, &unit(n));
    let both = (0..units).map(|n| (arm(before, n), arm(after, n)));
    both.filter(|&(old, new)| old != new && old != except && new != except).count()
}

/// The share of units that must move between the other arms, for rounding, for the floors, and for what a policy thinks.
fn excess(before: &[u32], after: &[u32], except: usize) -> f64 {
    let of = |shares: &[u32], arm: usize| f64::from(shares.get(arm).copied().unwrap_or(0));
    let kept = |shares: &[u32]| f64::from(TOTAL) - of(shares, except);
    let share = |shares: &[u32], arm| of(shares, arm) / kept(shares);
    let arms = (0..before.len().max(after.len())).filter(|&arm| arm != except);
    arms.map(|arm| (share(before, arm) - share(after, arm)).abs()).sum::<f64>()
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn an_added_arm_has_the_floor_and_moves_units_to_itself_only((experiment, tallies) in any_running()) {
        let added = after(&experiment, "add-arm", json!({ "name": "new", "price_minor": 1510 }));
        let (before, now) = (snapshot(&experiment, &tallies), snapshot(&added, &tallies));
        let (old, new) = (before.experiments()[0].allocation().shares(), now.experiments()[0].allocation().shares());
        let place = old.len();
        let floor = if added.floor_share() > 0 { added.floor_share() } else { haggle::policy::ENTERING };
        prop_assert_eq!(new[place], floor);
        prop_assert_eq!(new.iter().sum::<u32>(), TOTAL);
        // Where the others keep their proportions, nobody moves between them; else as few as the proportions change.
        let most = excess(old, new, place);
        let least_moved = moved(&before, &now, place, 2000) as f64 / 2000.0;
        prop_assert!(least_moved <= 2.0 * most + 0.005, "{least_moved} moved, {most} changed: {old:?} {new:?}");
    }

    #[test]
    fn a_retired_arm_moves_its_own_units_only((experiment, tallies) in any_running()) {
        let retired = after(&experiment, "retire-arm", json!("a1"));
        let (before, now) = (snapshot(&experiment, &tallies), snapshot(&retired, &tallies));
        let (old, new) = (before.experiments()[0].allocation().shares(), now.experiments()[0].allocation().shares());
        prop_assert_eq!((new[1], new.iter().sum::<u32>()), (0, TOTAL));
        let most = excess(old, new, 1);
        let least_moved = moved(&before, &now, 1, 2000) as f64 / 2000.0;
        prop_assert!(least_moved <= 2.0 * most + 0.005, "{least_moved} moved, {most} changed: {old:?} {new:?}");
    }
}

/// Equal shares without a floor stay in proportion but for rounding: a share is off by one in 16 384 at most, so that of
/// 20 000 units one or two move between the others.
#[test]
fn of_equal_shares_nobody_moves_between_the_other_arms() {
    let arms: Vec<Value> =
        (0..4).map(|i| json!({ "name": format!("a{i}"), "price_minor": 1500 + 20 * i })).collect();
    let definition = json!({
        "name": "law", "hypothesis": "h", "document": "https://wiki.example/law", "objective": "revenue",
        "currency": "EUR", "salt": "law", "control": "a0", "item": { "sku": "ITEM", "price_minor": 1500 },
        "floor": 0, "holdout": 0, "arms": arms, "policy": { "name": "fixed" },
    });
    let experiment = Experiment::from_json(&definition.to_string()).unwrap();
    let before = snapshot(&experiment, &[]);
    let added = snapshot(&after(&experiment, "add-arm", json!({ "name": "new", "price_minor": 1510 })), &[]);
    assert!(moved(&before, &added, 4, 20_000) <= 3);
    let retired = snapshot(&after(&experiment, "retire-arm", json!("a2")), &[]);
    assert!(moved(&before, &retired, 2, 20_000) <= 3);
}
