//! Which price a unit sees: with a known propensity, and moving as little as the allocation does.

use haggle::{Allocation, Entry, Experiment, Quote, Snapshot, TOTAL, Terms, decide};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{NOW_MS, cases, holds, input, quotary, unit};

/// An experiment with 2 to 64 arms, and what was counted: exposures without and with conversion.
fn any_state() -> impl Strategy<Value = (Experiment, Vec<(u64, u64)>)> {
    let tallies = prop::collection::vec((0u64..3000, 0u64..300), 2..=64);
    (tallies, 0.0..=1.0f64, 0.0..=0.5f64, any::<bool>()).prop_map(|(tallies, floor, holdout, thompson)| {
        let arms: Vec<Value> = (0..tallies.len())
            .map(|i| json!({ "name": format!("a{i}"), "price_minor": 1500 + 20 * i }))
            .collect();
        let definition = json!({
            "name": "law", "hypothesis": "h", "document": "https://wiki.example/law", "objective": "revenue",
            "currency": "EUR", "salt": "law", "control": "a0", "item": { "sku": "ITEM", "price_minor": 1500 },
            "floor": floor / arms.len() as f64, "holdout": holdout, "arms": arms,
            "policy": { "name": if thompson { "thompson" } else { "fixed" } },
        });
        (Experiment::from_json(&definition.to_string()).unwrap(), tallies)
    })
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn every_exposure_carries_a_propensity_at_or_above_the_floor((experiment, tallies) in any_state(), from: u32) {
        let entry = Entry::new(&experiment, 1, input(&experiment, &tallies));
        let snapshot = Snapshot::decode(Snapshot::encode(1, 1, &[entry]).unwrap()).unwrap();
        for n in 0..40 {
            let unit = unit(u64::from(from) + n);
            let decision = decide(&snapshot, "ITEM", &unit, NOW_MS).unwrap();
            let item = snapshot.item("ITEM").unwrap();
            holds(&item, &decision)?;
            let terms = Terms { merchant: "m", version: 1, now_s: 0, cart_hold_s: 0, pin_hold_s: 60, shards: 4 };
            let quote = quotary().open(&quotary().sign(&Quote::new(&item, &decision, &unit, terms))).unwrap();
            let least = if quote.arm == "holdout" { TOTAL } else { experiment.floor_share().max(1) };
            prop_assert!((least..=TOTAL).contains(&quote.propensity), "{quote:?}, floor {least}");
            let told = experiment.arms.iter().find(|arm| arm.name == quote.arm).map_or(1500, |arm| arm.price_minor);
            prop_assert_eq!(quote.price_minor, told);
        }
    }
}

/// Exactly these shares: whole numbers that sum to the total need no rounding.
fn allocation(shares: &[u32]) -> Allocation {
    let weights: Vec<f64> = shares.iter().map(|&share| f64::from(share)).collect();
    let allocation = Allocation::quantise(&weights, &vec![true; shares.len()], 0);
    assert_eq!(allocation.shares(), shares);
    allocation
}

/// Shares of 2 to 12 arms, each a multiple of 16, some of them 0.
fn any_shares(arms: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![1 => Just(0u32), 5 => 1u32..1000], arms).prop_map(|weights| {
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        let coarse = Allocation::quantise(&weights, &vec![true; weights.len()], 0);
        let mut shares: Vec<u32> = coarse.shares().iter().map(|share| share / 16 * 16).collect();
        shares[0] += TOTAL - shares.iter().sum::<u32>();
        shares
    })
}

/// Expected share of units that move from one allocation to another: one less the probability Jaccard index,
/// `Σ_i 1 / Σ_j max(x_j / x_i, y_j / y_i)` over the arms with a share in both.
///
/// Source: Moulton and Jiang (2018), *Maximally Consistent Sampling and the Jaccard Index of Probability
/// Distributions*, section III, doi:10.1109/ICDM.2018.00050.
fn expected_churn(before: &[u32], after: &[u32]) -> f64 {
    let pairs: Vec<(f64, f64)> =
        before.iter().zip(after).map(|(&x, &y)| (f64::from(x), f64::from(y))).collect();
    let both = pairs.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0);
    let stays: f64 =
        both.map(|(xi, yi)| 1.0 / pairs.iter().map(|(xj, yj)| (xj / xi).max(yj / yi)).sum::<f64>()).sum();
    1.0 - stays
}

/// The least share of units that any scheme must move: half the sum of the differences (total variation).
fn total_variation(before: &[u32], after: &[u32]) -> f64 {
    let differences = before.iter().zip(after).map(|(&x, &y)| f64::from(x.abs_diff(y)));
    differences.sum::<f64>() / 2.0 / f64::from(TOTAL)
}

fn churn(before: &[u32], after: &[u32], units: u64) -> f64 {
    let (before, after, seed) = (allocation(before), allocation(after), [7; 16]);
    let moved =
        (0..units).filter(|&n| before.draw(&seed, &unit(n)) != after.draw(&seed, &unit(n))).count() as f64;
    moved / units as f64
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_new_arm_takes_units_and_moves_none_between_the_others(before in any_shares(2..12), sixteenths in 1u32..16, seed: [u8; 16]) {
        let mut after: Vec<u32> = before.iter().map(|share| share / 16 * (16 - sixteenths)).collect();
        after.push(TOTAL / 16 * sixteenths);
        let newcomer = before.len();
        let (before, after) = (allocation(&before), allocation(&after));
        for n in 0..300 {
            let (old, new) = (before.draw(&seed, &unit(n)), after.draw(&seed, &unit(n)));
            prop_assert!(new == old || new == newcomer, "unit {n} moved from {old} to {new}");
        }
    }

    #[test]
    fn units_move_only_to_arms_whose_share_grew_by_more(
        (before, after) in (2usize..12).prop_flat_map(|arms| (any_shares(arms), any_shares(arms))), seed: [u8; 16],
    ) {
        let (drawn_before, drawn_after) = (allocation(&before), allocation(&after));
        for n in 0..300 {
            let (old, new) = (drawn_before.draw(&seed, &unit(n)), drawn_after.draw(&seed, &unit(n)));
            let grew = |arm: usize, other: usize| u64::from(after[arm]) * u64::from(before[other]);
            prop_assert!(new == old || grew(new, old) > grew(old, new), "unit {n} moved from {old} to {new}");
        }
    }

    /// Never less than total variation, at most 2 TV / (1 + TV), and near the former where one arm changes.
    #[test]
    fn expected_churn_is_near_total_variation(
        (before, after) in (2usize..12).prop_flat_map(|arms| (any_shares(arms), any_shares(arms))),
    ) {
        let (expected, least) = (expected_churn(&before, &after), total_variation(&before, &after));
        prop_assert!(expected >= least - 1e-12 && expected <= 2.0 * least / (1.0 + least) + 1e-12, "{least} {expected}");
        // Binomial(4000, expected): outside of four and a half standard deviations with probability 7e-6 a case.
        let sd = (expected * (1.0 - expected) / 4000.0).max(0.0).sqrt();
        let is = churn(&before, &after, 4000);
        prop_assert!((is - expected).abs() <= 4.5 * sd + 1e-9, "{is} of the units moved; expected {expected} +- {sd}");
    }
}

/// The pairs of SCIENCE: how much more than the least moves. 20 000 units, four standard deviations (6e-5 each).
#[test]
fn churn_of_known_changes() {
    let shares =
        |weights: &[f64]| Allocation::quantise(weights, &vec![true; weights.len()], 0).shares().to_vec();
    for (before, after, least, expected) in [
        (vec![0.5, 0.3, 0.2], vec![0.6, 0.25, 0.15], 0.100, 0.105),
        (vec![0.2, 0.3, 0.5], vec![0.5, 0.3, 0.2], 0.300, 0.370),
        (vec![0.25; 4], vec![0.4, 0.2, 0.2, 0.2], 0.150, 0.150),
    ] {
        let (before, after) = (shares(&before), shares(&after));
        assert!((total_variation(&before, &after) - least).abs() < 1e-3);
        assert!((expected_churn(&before, &after) - expected).abs() < 2e-3);
        let (is, sd) = (churn(&before, &after, 20_000), (expected * (1.0 - expected) / 20_000.0_f64).sqrt());
        assert!((is - expected_churn(&before, &after)).abs() < 4.0 * sd, "{is} moved, expected {expected}");
    }
}
