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

mod adversarial;
mod draw;
mod elimination;
mod greedy;
mod index;
mod input;
mod parameter;
mod thompson;

pub(crate) use adversarial::exp3_ix_gamma;
pub use input::{ARMS_MAX, ArmInput, Contrast, PolicyInput, Stock};
pub use parameter::Parameter;

use crate::Allocation;

/// Most parameters of one policy.
pub const PARAMETERS_MAX: usize = 2;

/// Names that stand for a policy: see [`Policy::from_name`].
pub const PRESETS: [&str; 2] = ["reward", "convergence"];

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
        let live: Vec<bool> = input.arms().iter().map(|arm| arm.live).collect();
        if self == Self::Fixed {
            // A split that keeps to the floor by itself stays as it was asked for.
            let asked = Allocation::quantise(&weights, &live, 0);
            let keeps = |(share, &live): (&u32, &bool)| !live || *share >= input.floor();
            if asked.shares().iter().zip(&live).all(keeps) {
                return asked;
            }
        }
        Allocation::quantise(&weights, &live, input.floor())
    }

    /// The share of each arm before floor and rounding: not negative, of any scale, 0 for dead arms.
    pub fn weights(self, input: &PolicyInput) -> Vec<f64> {
        match self {
            Self::Fixed => fixed(input.arms()),
            Self::EpsilonGreedy => greedy::epsilon_weights(input),
            Self::Softmax => greedy::softmax_weights(input),
            Self::Exp3Ix => adversarial::exp3_ix_weights(input),
            Self::TsallisInf => adversarial::tsallis_inf_weights(input),
            Self::SuccessiveElimination => elimination::weights(input),
            Self::TopTwoThompson => thompson::top_two(input),
            Self::Ucb1 | Self::UcbTuned | Self::KlUcb | Self::KlUcbPlus | Self::BayesUcb | Self::Moss => {
                index::weights(self, input)
            }
            Self::PriceUcb1 | Self::PriceUcbTuned | Self::PriceKlUcb => index::weights(self, input),
            Self::DiscountedUcb | Self::SlidingUcb => index::weights(self, input),
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
    input.arms().iter().map(|arm| if arm.live { values.next().unwrap_or(0.0) } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests;
