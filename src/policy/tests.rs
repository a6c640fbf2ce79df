//! Laws of the allocation, over all policies.

use super::*;
use crate::{Posterior, TOTAL};
use proptest::prelude::*;

fn arm(alpha: f64, beta: f64, live: bool, fixed_share: u32) -> ArmInput {
    ArmInput { live, fixed_share, ..ArmInput::new(Posterior::new(alpha, beta, 1900).unwrap(), 1900) }
}

fn shares(policy: Policy, arms: Vec<ArmInput>, floor: u32) -> Vec<u32> {
    policy.allocate(&PolicyInput::new(arms, floor).unwrap()).shares().to_vec()
}

#[test]
fn fixed_gives_the_given_shares_whatever_was_seen() {
    let arms = vec![arm(1.0, 99.0, true, 16_384), arm(99.0, 1.0, true, 49_152)];
    assert_eq!(shares(Policy::Fixed, arms, 0), [16_384, 49_152]);
}

#[test]
fn fixed_without_shares_splits_equally_among_live_arms() {
    let arms = vec![arm(1.0, 1.0, true, 0), arm(9.0, 1.0, false, 65_536), arm(5.0, 1.0, true, 0)];
    assert_eq!(shares(Policy::Fixed, arms, 0), [32_768, 0, 32_768]);
}

#[test]
fn thompson_gives_the_probability_of_being_best() {
    let arms = vec![arm(21.0, 81.0, true, 0), arm(31.0, 71.0, true, 0), arm(26.0, 76.0, true, 0)];
    // 65536 times the golden values .031281859 .762460286 .206257854
    let given = shares(Policy::Thompson, arms, 0);
    for (share, expected) in given.iter().zip([2050.09, 49_968.6, 13_517.3]) {
        assert!((f64::from(*share) - expected).abs() <= 1.0, "{given:?}");
    }
}

#[test]
fn thompson_looks_at_live_arms_only() {
    let dead = vec![arm(21.0, 81.0, true, 0), arm(99.0, 1.0, false, 0), arm(31.0, 71.0, true, 0)];
    let alone = vec![arm(21.0, 81.0, true, 0), arm(31.0, 71.0, true, 0)];
    let (dead, alone) = (shares(Policy::Thompson, dead, 655), shares(Policy::Thompson, alone, 655));
    assert_eq!(dead, [alone[0], 0, alone[1]]);
}

#[test]
fn untried_arms_share_equally() {
    assert_eq!(shares(Policy::Thompson, vec![arm(1.0, 1.0, true, 0); 4], 0), [16_384; 4]);
}

#[test]
fn codes_and_names_tell_the_policies_apart() {
    assert_eq!((Policy::Fixed.code(), Policy::Thompson.code()), (1, 2));
    assert_eq!((Policy::Fixed.name(), Policy::Thompson.name()), ("fixed", "thompson"));
    for code in 0..=u8::MAX {
        assert_eq!(Policy::from_code(code).map(Policy::code), (1..=25).contains(&code).then_some(code));
    }
}

proptest! {
    #[test]
    fn every_live_arm_gets_the_floor_and_shares_sum_to_the_total(
        given in prop::collection::vec((0.01..1e6_f64, 0.01..1e9_f64, any::<bool>(), 0..=TOTAL), 1..=32),
        floor in 0..=2048_u32,
    ) {
        let arms: Vec<ArmInput> = given.iter().map(|g| arm(g.0, g.1, g.2, g.3)).collect();
        prop_assume!(arms.iter().any(|arm| arm.live));
        for policy in Policy::ALL {
            let shares = shares(policy, arms.clone(), floor);
            prop_assert_eq!(shares.iter().sum::<u32>(), TOTAL);
            for (share, arm) in shares.iter().zip(&arms) {
                let allowed = if arm.live { floor..=TOTAL } else { 0..=0 };
                prop_assert!(allowed.contains(share));
            }
        }
    }
}

#[test]
fn a_fixed_split_above_the_floor_stays_as_it_was_asked_for() {
    let arm = |fixed_share| arm(1.0, 1.0, true, fixed_share);
    let shares = |shares: [u32; 3], floor| {
        let input = PolicyInput::new(shares.map(arm).to_vec(), floor).unwrap();
        Policy::Fixed.allocate(&input).shares().to_vec()
    };
    assert_eq!(shares([26_214, 19_661, 19_661], 1311), [26_214, 19_661, 19_661]);
    let lifted = shares([65_000, 536, 0], 1311);
    assert!(lifted.iter().all(|&share| share >= 1311), "{lifted:?}");
}
