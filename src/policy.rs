//! Stage 8 of the loop: from what is known about the arms to shares.
//!
//! In scope: what a policy may look at, and the policies. Out of scope: which unit gets which arm (`decide`), the
//! rounding to integer shares (`allocation`), and summing cohorts up into a policy's input (`evidence`).
//!
//! A policy is a pure function: the same input gives the same allocation on every target. One file per family:
//!
//! | file | policies |
//! |---|---|
//! | `thompson` | Thompson sampling, top-two Thompson, and Thompson on discounted or windowed evidence |
//! | `contrast` | Thompson sampling on comparisons within cohorts |
//! | `monotone` | Thompson sampling where no higher price converts more |
//! | `demand` | Thompson sampling on a logistic demand curve |
//! | `inventory` | Thompson sampling under limited stock |

mod contrast;
mod demand;
mod inventory;
mod lattice;
mod monotone;
mod parameter;
#[cfg(test)]
mod tests_of_draws;
mod thompson;

pub use demand::DemandCurve;

pub use parameter::Parameter;

use crate::{Allocation, Error, Posterior, TOTAL};

/// Most arms of one experiment.
pub const ARMS_MAX: usize = 32;

/// Most parameters of one policy.
pub const PARAMETERS_MAX: usize = 2;

/// Names that stand for a policy: see [`Policy::from_name`].
pub const PRESETS: [&str; 2] = ["reward", "convergence"];

/// What a policy may know about one arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmInput {
    /// What is believed about the value of an exposure: prior plus evidence.
    pub posterior: Posterior,
    /// Exposures, without the prior; a fraction where they were weighted (by delay, discount or window). 0 or more.
    pub exposures: f64,
    /// Of these, exposures that converted. `[0, exposures]`.
    pub conversions: f64,
    /// Price of one unit, in minor units.
    pub price_minor: i64,
    /// Importance-weighted sum of losses, for the policies that learn from it; else 0.
    pub loss: f64,
    /// Whether units may be sent to the arm.
    pub live: bool,
    /// The share that the experiment file asks for, used by [`Policy::Fixed`] only.
    ///
    /// Unit: 1/65536. Any value: only the proportions between live arms count.
    pub fixed_share: u32,
}

impl ArmInput {
    /// A live arm of which nothing is known but its posterior and its price.
    pub fn new(posterior: Posterior, price_minor: i64) -> Self {
        Self {
            posterior,
            exposures: 0.0,
            conversions: 0.0,
            price_minor,
            loss: 0.0,
            live: true,
            fixed_share: 0,
        }
    }

    /// The same arm with what was counted.
    pub fn counted(self, exposures: f64, conversions: f64) -> Self {
        Self { exposures, conversions, ..self }
    }
}

/// What is left to sell, and to how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stock {
    /// Pieces left. 0 or more.
    pub pieces: f64,
    /// Units (visitors) that are still to come. More than 0.
    pub units: f64,
}

/// Belief about the arms' log-odds relative to each other, from comparisons within cohorts: a normal distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// Mean of each arm's log-odds of conversion, at the base rate of today.
    pub mean: Vec<f64>,
    /// Lower triangle of the Cholesky factor of their covariance, row by row: K (K + 1) / 2 numbers.
    pub factor: Vec<f64>,
}

/// All that a policy may look at.
///
/// Has 1 to 32 arms, at least one of them live, and a floor that the live arms can have all at once.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyInput {
    arms: Vec<ArmInput>,
    floor: u32,
    /// The policy's parameters in the order of [`Policy::parameters`]; what is missing has its default.
    pub parameters: Vec<f64>,
    /// Units that the experiment is expected to have in all, where that is known.
    pub horizon: Option<u64>,
    /// What is left to sell, where that is known.
    pub stock: Option<Stock>,
    /// Comparisons within cohorts, where the policy looks at them.
    pub contrast: Option<Contrast>,
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
        Ok(Self { arms, floor, parameters: Vec::new(), horizon: None, stock: None, contrast: None })
    }

    /// The arms, in the order of the experiment. 1 to 32 of them.
    pub fn arms(&self) -> &[ArmInput] {
        &self.arms
    }

    /// Least share of a live arm. Unit: 1/65536. Range: 0 to 65536 over the number of live arms.
    pub fn floor(&self) -> u32 {
        self.floor
    }

    /// The live arms, in the order of the experiment.
    pub fn live(&self) -> impl Iterator<Item = &ArmInput> + Clone {
        self.arms.iter().filter(|arm| arm.live)
    }

    /// Exposures of all live arms: how long the policy has learned.
    pub fn exposures(&self) -> f64 {
        self.live().map(|arm| arm.exposures).sum()
    }
}

/// How what is known becomes shares.
///
/// ```
/// use haggle::{ArmInput, Policy, PolicyInput, Posterior};
/// let arm = |alpha, beta| Ok::<_, haggle::Error>(ArmInput::new(Posterior::new(alpha, beta, 1900)?, 1900));
/// let input = PolicyInput::new(vec![arm(21.0, 81.0)?, arm(31.0, 71.0)?], 655)?;
/// let shares = Policy::Thompson.allocate(&input);
/// assert_ne!(shares, Policy::Fixed.allocate(&input));
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The shares that the experiment file gives, exactly where none is below the floor; equal shares where it gives
    /// no live arm any.
    Fixed,
    /// Thompson sampling: each arm's share is the probability that it is the best, [`p_best`](crate::p_best).
    ///
    /// Between two publications this is the same law as a draw from the posteriors for each unit.
    /// Source: Thompson (1933), Biometrika 25, doi:10.1093/biomet/25.3-4.285.
    Thompson,
    /// Epsilon-greedy: the arm with the highest mean, and with probability ε any arm.
    EpsilonGreedy,
    /// Softmax (Boltzmann exploration): shares in proportion to e to the mean value over a temperature.
    Softmax,
    /// UCB1: the arm with the highest upper confidence bound.
    Ucb1,
    /// UCB-tuned: UCB1 with the width from the observed variance.
    UcbTuned,
    /// KL-UCB: the upper bound from the Kullback-Leibler divergence.
    KlUcb,
    /// KL-UCB+: KL-UCB which explores less what was tried more.
    KlUcbPlus,
    /// Bayes-UCB: the arm with the highest upper quantile of the posterior.
    BayesUcb,
    /// MOSS: an upper bound with the least worst-case regret.
    Moss,
    /// EXP3-IX: exponential weights over implicitly explored losses, for adversarial rewards.
    Exp3Ix,
    /// Tsallis-INF: mirror descent with Tsallis entropy, for stochastic and adversarial rewards.
    TsallisInf,
    /// Successive elimination: equal shares for all arms not yet shown to be worse.
    SuccessiveElimination,
    /// Top-two Thompson sampling: finds the best arm soonest.
    TopTwoThompson,
    /// Thompson sampling on evidence that fades.
    DiscountedThompson,
    /// Thompson sampling on the newest evidence only.
    SlidingThompson,
    /// UCB1 on evidence that fades.
    DiscountedUcb,
    /// UCB1 on the newest evidence only.
    SlidingUcb,
    /// Thompson sampling on comparisons within cohorts, for a base rate that drifts for all arms alike.
    ContrastThompson,
    /// UCB1 with a width that scales with the price.
    PriceUcb1,
    /// UCB-tuned with a width that scales with the price.
    PriceUcbTuned,
    /// KL-UCB of the conversion rate times the price.
    PriceKlUcb,
    /// Thompson sampling where no higher price converts more.
    MonotoneThompson,
    /// Thompson sampling on a logistic demand curve.
    DemandThompson,
    /// Thompson sampling under limited stock.
    InventoryThompson,
}

impl Policy {
    /// All policies, in the order of their numbers.
    pub const ALL: [Self; 25] = [
        Self::Fixed,
        Self::Thompson,
        Self::EpsilonGreedy,
        Self::Softmax,
        Self::Ucb1,
        Self::UcbTuned,
        Self::KlUcb,
        Self::KlUcbPlus,
        Self::BayesUcb,
        Self::Moss,
        Self::Exp3Ix,
        Self::TsallisInf,
        Self::SuccessiveElimination,
        Self::TopTwoThompson,
        Self::DiscountedThompson,
        Self::SlidingThompson,
        Self::DiscountedUcb,
        Self::SlidingUcb,
        Self::ContrastThompson,
        Self::PriceUcb1,
        Self::PriceUcbTuned,
        Self::PriceKlUcb,
        Self::MonotoneThompson,
        Self::DemandThompson,
        Self::InventoryThompson,
    ];

    /// The policy's number in a snapshot. It never changes.
    pub fn code(self) -> u8 {
        Self::ALL.iter().position(|&policy| policy == self).map_or(0, |place| place as u8 + 1)
    }

    /// The policy with this number, or nothing where there is none.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }

    /// The policy's name in an experiment file and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Thompson => "thompson",
            Self::EpsilonGreedy => "epsilon_greedy",
            Self::Softmax => "softmax",
            Self::Ucb1 => "ucb1",
            Self::UcbTuned => "ucb_tuned",
            Self::KlUcb => "kl_ucb",
            Self::KlUcbPlus => "kl_ucb_plus",
            Self::BayesUcb => "bayes_ucb",
            Self::Moss => "moss",
            Self::Exp3Ix => "exp3_ix",
            Self::TsallisInf => "tsallis_inf",
            Self::SuccessiveElimination => "successive_elimination",
            Self::TopTwoThompson => "top_two_thompson",
            Self::DiscountedThompson => "discounted_thompson",
            Self::SlidingThompson => "sliding_thompson",
            Self::DiscountedUcb => "discounted_ucb",
            Self::SlidingUcb => "sliding_ucb",
            Self::ContrastThompson => "contrast_thompson",
            Self::PriceUcb1 => "price_ucb1",
            Self::PriceUcbTuned => "price_ucb_tuned",
            Self::PriceKlUcb => "price_kl_ucb",
            Self::MonotoneThompson => "monotone_thompson",
            Self::DemandThompson => "demand_thompson",
            Self::InventoryThompson => "inventory_thompson",
        }
    }

    /// The policy with this name, where the presets are names too: `reward` (earn while learning) is Thompson
    /// sampling, `convergence` (know the best price soon) is top-two Thompson sampling.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "reward" => Some(Self::Thompson),
            "convergence" => Some(Self::TopTwoThompson),
            _ => Self::ALL.into_iter().find(|policy| policy.name() == name),
        }
    }

    /// The share of each arm: the policy's wish, with the floor, in integers.
    pub fn allocate(self, input: &PolicyInput) -> Allocation {
        let weights = self.weights(input);
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

    /// The share of each arm before floor and rounding: not negative, of any scale, 0 for dead arms.
    pub fn weights(self, input: &PolicyInput) -> Vec<f64> {
        match self {
            Self::Fixed => fixed(&input.arms),
            Self::ContrastThompson => contrast::weights(input),
            Self::MonotoneThompson => monotone::weights(input),
            Self::DemandThompson => demand::weights(input),
            Self::InventoryThompson => inventory::weights(input),
            _ => thompson::weights(input),
        }
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

/// One number per arm: what `of_live` has for the live arms in their order, and 0 for the dead ones.
fn spread(input: &PolicyInput, of_live: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values = of_live.into_iter();
    input.arms.iter().map(|arm| if arm.live { values.next().unwrap_or(0.0) } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
