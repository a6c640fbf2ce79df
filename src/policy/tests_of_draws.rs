//! Helpers and laws that hold for all policies whose shares come from draws or a grid.

use super::{ArmInput, Contrast, Policy, PolicyInput, Stock};
use crate::Posterior;
use proptest::prelude::*;

const POLICIES: [Policy; 4] =
    [Policy::MonotoneThompson, Policy::DemandThompson, Policy::InventoryThompson, Policy::ContrastThompson];

pub(super) fn arm(alpha: f64, beta: f64, price_minor: i64, value_minor: i64) -> ArmInput {
    ArmInput::new(Posterior::new(alpha, beta, value_minor).unwrap(), price_minor)
}

/// Weights, scaled to a sum of 1.
pub(super) fn shares_of(policy: Policy, input: &PolicyInput) -> Vec<f64> {
    let weights = policy.weights(input);
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

pub(super) fn shares(policy: Policy, arms: Vec<ArmInput>) -> Vec<f64> {
    shares_of(policy, &PolicyInput::new(arms, 0).unwrap())
}

pub(super) fn assert_near(given: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(given.len(), expected.len());
    for (one, other) in given.iter().zip(expected) {
        assert!((one - other).abs() <= tolerance, "{given:?} instead of {expected:?}");
    }
}

/// Any input: counts up to a billion, prices of any size, any number of live arms, any stock.
fn inputs() -> impl Strategy<Value = PolicyInput> {
    let count = prop_oneof![Just(0.0), 0.0..50.0_f64, 0.0..1e9_f64];
    let price = prop_oneof![1..6_i64, 1..1_000_000_000_i64];
    let one = (count, 0.0..=1.0_f64, price, 1..1_000_000_000_000_i64, any::<bool>(), 0.01..3.0_f64);
    let numbers = prop::collection::vec(-30.0..30.0_f64, 7 * 8 / 2 + 7);
    let arms = prop::collection::vec(one, 1..7);
    (arms, any::<bool>(), prop::option::of((0.0..1e6_f64, 0.1..1e6_f64)), numbers).prop_map(|given| {
        let (arms, own_value, stock, numbers) = given;
        let count = arms.len();
        let arms = arms.iter().enumerate().map(|(place, &(n, rate, price, value, live, prior))| {
            let value = if own_value { value } else { price };
            let conversions = n * rate;
            let arm = arm(prior + conversions, prior + n - conversions, price, value).counted(n, conversions);
            ArmInput { live: live || place == 0, ..arm }
        });
        let mut input = PolicyInput::new(arms.collect(), 0).unwrap();
        input.stock = stock.map(|(pieces, units)| Stock { pieces, units });
        let (mean, factor) = numbers.split_at(7);
        input.contrast = Some(Contrast {
            mean: mean[..count].to_vec(),
            factor: factor[..count * (count + 1) / 2].to_vec(),
        });
        input
    })
}

#[test]
fn the_most_arms_with_the_most_counts_have_shares() {
    for exposures in [0.0, 1e15] {
        let arms = (1..=32_i64).map(|place| {
            let conversions = exposures * 0.5 / place as f64;
            let price = 100 * place;
            arm(0.5 + conversions, 0.5 + exposures - conversions, price, price)
                .counted(exposures, conversions)
        });
        let mut input = PolicyInput::new(arms.collect(), 0).unwrap();
        input.stock = Some(Stock { pieces: 1.0, units: 3.0 });
        input.contrast = Some(Contrast { mean: vec![-700.0; 32], factor: vec![1e3; 32 * 33 / 2] });
        for policy in POLICIES {
            let shares = shares_of(policy, &input);
            assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{policy:?} {shares:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_input_gives_finite_weights_for_live_arms_only(input in inputs()) {
        for policy in POLICIES {
            let weights = policy.weights(&input);
            prop_assert_eq!(weights.len(), input.arms().len());
            prop_assert!(weights.iter().all(|&weight| weight.is_finite() && weight >= 0.0), "{:?} {:?}", policy, weights);
            prop_assert!(weights.iter().sum::<f64>() > 0.0, "{:?}", policy);
            let dead = weights.iter().zip(input.arms()).filter(|(_, arm)| !arm.live);
            prop_assert!(dead.into_iter().all(|(&weight, _)| weight == 0.0));
        }
    }

    #[test]
    fn the_order_of_the_arms_does_not_matter(input in inputs()) {
        // Contrast thompson is left out: its input has an order, and another one gives another lattice.
        let mut turned = input.clone();
        turned.arms.reverse();
        for policy in [Policy::MonotoneThompson, Policy::DemandThompson, Policy::InventoryThompson] {
            let (one, mut other) = (shares_of(policy, &input), shares_of(policy, &turned));
            other.reverse();
            // Draws come in the same order whatever the input's, and only their sum is rounded; a demand curve's
            // fit is rounded in every step.
            let tolerance = if policy == Policy::DemandThompson { 1e-3 } else { 1e-12 };
            for (one, other) in one.iter().zip(&other) {
                prop_assert!((one - other).abs() <= tolerance, "{:?}: {} and {}", policy, one, other);
            }
        }
    }
}
