//! Stage 8 of the loop: from posteriors to shares.
//!
//! In scope: what a policy may look at, and the policies. Out of scope: which unit gets which arm (`decide`) and
//! the rounding to integer shares (`allocation`).
//!
//! A policy is a pure function: the same input gives the same allocation on every target. [`PolicyInput`] has
//! room for what later policies need (observations in total, stock and horizon, sums per cohort).

use serde::Serialize;

use crate::{Allocation, Error, Posterior, TOTAL, p_best};

/// Most arms of one experiment.
pub const ARMS_MAX: usize = 32;

/// What a policy may know about one arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmInput {
    /// What is believed about the arm's conversion rate, and what a conversion is worth.
    pub posterior: Posterior,
    /// Whether units may be sent to the arm.
    pub live: bool,
    /// The share that the experiment file asks for, used by [`Policy::Fixed`] only.
    ///
    /// Unit: 1/65536. Any value: only the proportions between live arms count.
    pub fixed_share: u32,
}

/// All that a policy may look at.
///
/// Has 1 to 32 arms, at least one of them live, and a floor that the live arms can have all at once.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyInput {
    arms: Vec<ArmInput>,
    floor: u32,
}

impl PolicyInput {
    /// The input with these arms; `floor` is the least share of a live arm, out of 65536.
    ///
    /// # Errors
    /// [`Error::Value`] where there is no arm, more than 32 arms or no live arm, or where the floors of the live
    /// arms add up to more than 65536.
    pub fn new(arms: Vec<ArmInput>, floor: u32) -> Result<Self, Error> {
        if !(1..=ARMS_MAX).contains(&arms.len()) {
            return Err(Error::value("number of arms", arms.len(), format!("from 1 to {ARMS_MAX}")));
        }
        let live: u32 = arms.iter().map(|arm| u32::from(arm.live)).sum();
        let Some(floor_max) = TOTAL.checked_div(live) else {
            return Err(Error::value("number of live arms", live, "at least 1"));
        };
        if floor > floor_max {
            let allowed = format!("at most {floor_max} of {TOTAL} with {live} live arms");
            return Err(Error::value("floor", floor, allowed));
        }
        Ok(Self { arms, floor })
    }

    /// The arms, in the order of the experiment. 1 to 32 of them.
    pub fn arms(&self) -> &[ArmInput] {
        &self.arms
    }

    /// Least share of a live arm. Unit: 1/65536. Range: 0 to 65536 over the number of live arms.
    pub fn floor(&self) -> u32 {
        self.floor
    }
}

/// How the posteriors become shares.
///
/// ```
/// use haggle::{ArmInput, Policy, PolicyInput, Posterior};
/// let arm = |alpha, beta| {
///     Ok::<_, haggle::Error>(ArmInput { posterior: Posterior::new(alpha, beta, 1900)?, live: true, fixed_share: 1 })
/// };
/// let input = PolicyInput::new(vec![arm(21.0, 81.0)?, arm(31.0, 71.0)?], 655)?;
/// let shares = Policy::Thompson.allocate(&input);
/// assert_ne!(shares, Policy::Fixed.allocate(&input));
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The shares that the experiment file gives, exactly where none is below the floor; equal shares where it gives
    /// no live arm any.
    Fixed,
    /// Thompson sampling: each arm's share is the probability that it is the best, [`p_best`].
    ///
    /// Between two publications this is the same law as a draw from the posteriors for each unit.
    /// Source: Thompson (1933), Biometrika 25, doi:10.1093/biomet/25.3-4.285.
    Thompson,
}

impl Policy {
    pub(crate) const ALL: [Self; 2] = [Self::Fixed, Self::Thompson];

    /// The policy's number in a snapshot. It never changes.
    pub fn code(self) -> u8 {
        match self {
            Self::Fixed => 1,
            Self::Thompson => 2,
        }
    }

    /// The policy with this number, or nothing where there is none.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.code() == code)
    }

    /// The policy's name in an experiment file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Thompson => "thompson",
        }
    }

    /// The share of each arm: the policy's wish, with the floor, in integers.
    pub fn allocate(self, input: &PolicyInput) -> Allocation {
        let weights = match self {
            Self::Fixed => fixed(&input.arms),
            Self::Thompson => thompson(&input.arms),
        };
        let live: Vec<bool> = input.arms.iter().map(|arm| arm.live).collect();
        if self == Self::Fixed {
            // A split that keeps to the floor by itself stays as it was asked for.
            let asked = Allocation::quantise(&weights, &live, 0);
            let keeps = |(share, &live): (&u32, &bool)| !live || *share >= input.floor;
            if asked.shares().iter().zip(&live).all(keeps) {
                return asked;
            }
        }
        Allocation::quantise(&weights, &live, input.floor)
    }
}

/// The given shares of live arms, or the same for each where all of them are 0. Dead arms get 0.
fn fixed(arms: &[ArmInput]) -> Vec<f64> {
    let given = |arm: &ArmInput| if arm.live { f64::from(arm.fixed_share) } else { 0.0 };
    if arms.iter().any(|arm| given(arm) > 0.0) {
        return arms.iter().map(given).collect();
    }
    arms.iter().map(|arm| f64::from(u8::from(arm.live))).collect()
}

/// P(best) among the live arms. Dead arms get 0.
fn thompson(arms: &[ArmInput]) -> Vec<f64> {
    let live: Vec<Posterior> = arms.iter().filter(|arm| arm.live).map(|arm| arm.posterior).collect();
    let mut best = p_best(&live).into_iter();
    let weight_of = |arm: &ArmInput| if arm.live { best.next().unwrap_or(0.0) } else { 0.0 };
    arms.iter().map(weight_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arm(alpha: f64, beta: f64, live: bool, fixed_share: u32) -> ArmInput {
        ArmInput { posterior: Posterior::new(alpha, beta, 1900).unwrap(), live, fixed_share }
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
    fn inputs_that_no_allocation_can_satisfy_are_refused() {
        let text = |arms: Vec<ArmInput>, floor| PolicyInput::new(arms, floor).unwrap_err().to_string();
        let live = arm(1.0, 1.0, true, 0);
        assert_eq!(text(vec![], 0), "number of arms is 0; it must be from 1 to 32");
        assert_eq!(text(vec![live; 33], 0), "number of arms is 33; it must be from 1 to 32");
        let dead = arm(1.0, 1.0, false, 0);
        assert_eq!(text(vec![dead], 0), "number of live arms is 0; it must be at least 1");
        let expected = "floor is 21846; it must be at most 21845 of 65536 with 3 live arms";
        assert_eq!(text(vec![live, live, live, dead], 21_846), expected);
        assert!(PolicyInput::new(vec![live; 32], 2048).is_ok());
    }

    #[test]
    fn codes_and_names_tell_the_policies_apart() {
        assert_eq!((Policy::Fixed.code(), Policy::Thompson.code()), (1, 2));
        assert_eq!((Policy::Fixed.name(), Policy::Thompson.name()), ("fixed", "thompson"));
        for code in 0..=u8::MAX {
            assert_eq!(Policy::from_code(code).map(Policy::code), (1..=2).contains(&code).then_some(code));
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
            for policy in [Policy::Fixed, Policy::Thompson] {
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
        let arm = |fixed_share| ArmInput {
            posterior: Posterior::new(1.0, 1.0, 100).unwrap(),
            live: true,
            fixed_share,
        };
        let shares = |shares: [u32; 3], floor| {
            let input = PolicyInput::new(shares.map(arm).to_vec(), floor).unwrap();
            Policy::Fixed.allocate(&input).shares().to_vec()
        };
        assert_eq!(shares([26_214, 19_661, 19_661], 1311), [26_214, 19_661, 19_661]);
        let lifted = shares([65_000, 536, 0], 1311);
        assert!(lifted.iter().all(|&share| share >= 1311), "{lifted:?}");
    }
}
