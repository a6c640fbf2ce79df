//! Stage 8 of the loop: from what is known about the arms to shares.
//!
//! In scope: what a policy may look at, and the policies. Out of scope: which unit gets which arm (`decide`), the
//! rounding to integer shares (`allocation`), and summing cohorts up into a policy's input (`evidence`).
//!
//! A policy is a pure function: the same input gives the same allocation on every target. One file per family:
//!
//! | file | policies |
//! |---|---|
//! | `thompson` | `thompson`, `top_two_thompson`, `discounted_thompson`, `sliding_thompson` |
//! | `index` | `ucb1`, `ucb_tuned`, `kl_ucb`, `kl_ucb_plus`, `bayes_ucb`, `moss`, `discounted_ucb`, `sliding_ucb`, `price_ucb1`, `price_ucb_tuned`, `price_kl_ucb` |
//! | `greedy` | `epsilon_greedy`, `softmax` |
//! | `adversarial` | `exp3_ix`, `tsallis_inf` |
//! | `elimination` | `successive_elimination` |
//! | `contrast` | `contrast_thompson` |
//! | `monotone` | `monotone_thompson` |
//! | `demand` | `demand_thompson` |
//! | `inventory` | `inventory_thompson` |
//!
//! `draw` is the simulator's short cut where every unit is followed by a publication.
//!
//! # Which one to take
//!
//! Between two publications nothing is learned, and an index policy sends every unit of that time to one arm: only the
//! floor explores. What that costs, as mean regret after 10 000 units with ten arms (rates .5 and nine times .4), by
//! the number of units between two publications:
//!
//! | units | Thompson | UCB1 | MOSS |
//! |--:|--:|--:|--:|
//! | 1 | 165 | 594 | 181 |
//! | 100 | 170 | 626 | 240 |
//! | 500 | 187 | 708 | 488 |
//! | 1000 | 215 | 891 | 830 |
//!
//! A uniform split loses 900. So: `thompson` to earn while learning, `top_two_thompson` to know the best price soon,
//! their discounted and sliding variants where demand changes, and an index policy only where publications are frequent
//! beside the exposures (each unit, or some dozens).

mod adversarial;
mod contrast;
mod demand;
mod draw;
mod elimination;
mod greedy;
mod index;
mod input;
mod inventory;
mod lattice;
mod monotone;
mod parameter;
#[cfg(test)]
mod tests_of_draws;
mod thompson;

pub(crate) use adversarial::exp3_ix_gamma;
pub use demand::DemandCurve;
pub(crate) use draw::categorical;
pub use input::{ARMS_MAX, ArmInput, Contrast, PolicyInput, Stock};
pub use parameter::Parameter;

use crate::{Allocation, TOTAL, allocation};

/// Most parameters of one policy.
pub const PARAMETERS_MAX: usize = 2;

/// Share of an arm that was just added where the floor is 0, out of [`TOTAL`]: one in a hundred. Without any share nothing
/// would ever be known of it.
pub const ENTERING: u32 = 656;

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
    /// The shares that the experiment file gives, as they are where none is below the floor, else dealt from what the
    /// floors of all arms leave; equal shares where it gives no live arm any.
    Fixed,
    /// Thompson sampling: each arm's share is the probability that it is the best, [`p_best`](crate::p_best).
    ///
    /// Between two publications this is the same law as a draw from the posteriors for each unit. When: always, unless
    /// there is a reason for another one; it hardly suffers from rare publications. When not: demand that changes, where
    /// its discounted variant is better.
    /// Source: Thompson (1933), Biometrika 25, doi:10.1093/biomet/25.3-4.285.
    Thompson,
    /// Epsilon-greedy: the arm with the highest mean, and with probability ε any live arm.
    ///
    /// `epsilon` is ε; with a `decay` of more than 0, ε is `min(1, decay · K / t)` instead, for K live arms and t
    /// exposures. Means are those of the posteriors; arms that tie share.
    /// When: a share of exploration that can be told to anyone. When not: a constant ε loses for ever, and the chance of
    /// an early mistake is large (its regret varies three times as much as Thompson sampling's).
    /// Source: Auer, Cesa-Bianchi and Fischer (2002), doi:10.1023/A:1013689704352, figure 3.
    EpsilonGreedy,
    /// Softmax (Boltzmann exploration): shares in proportion to `exp(v̂ / temperature)`, with v̂ the mean value over
    /// the largest (absolute) mean value: a temperature of 0.1 makes e-fold of 10 % more value.
    ///
    /// When: shares that follow values smoothly. When not: it does not know how sure the means are, and never stops to
    /// explore: no bound on its regret.
    /// Source: Sutton and Barto (2018), *Reinforcement Learning*, section 2.8; its limits: Cesa-Bianchi, Gentile, Lugosi
    /// and Neu (2017), arXiv:1705.10257.
    Softmax,
    /// UCB1: the arm with the highest `x̂ + √(exploration · ln t / n)`, with x̂ the mean reward over the largest value
    /// of a conversion, n the exposures of the arm and t those of all live arms.
    ///
    /// When: a guarantee without any prior; `exploration` is 2 in the paper, and 0.5 loses about half in practice.
    /// When not: where publications are rare, it herds all units onto one arm (see the [module](self)).
    /// Source: Auer, Cesa-Bianchi and Fischer (2002), doi:10.1023/A:1013689704352.
    Ucb1,
    /// UCB-tuned: UCB1 with the width `√(ln t / n · min(¼, V))`, `V = σ̂² + √(2 ln t / n)` with σ̂² the observed
    /// variance.
    ///
    /// When: the classical index that does best on rates near one half. When not: as for UCB1; no bound is proven.
    /// Source: Auer, Cesa-Bianchi and Fischer (2002), section 4, doi:10.1023/A:1013689704352.
    UcbTuned,
    /// KL-UCB: the arm with the highest q for which `n d(x̂, q) ≤ ln t + c ln ln t`, d being the Kullback-Leibler
    /// divergence of two Bernoulli distributions.
    ///
    /// When: small rates, where its width is right and that of UCB1 far too large. When not: as for UCB1. Practice has
    /// `c` = 0, the proof 3.
    /// Source: Garivier and Cappé (2011), arXiv:1102.2490; Cappé and others (2013), doi:10.1214/13-AOS1119.
    KlUcb,
    /// KL-UCB+: KL-UCB with `ln(t / n)` in place of `ln t`, so that an arm much tried is explored less.
    ///
    /// When: the best of the index policies here where publications are frequent. When not: as for UCB1.
    /// Source: Garivier and Cappé (2011), arXiv:1102.2490; Honda (2019), arXiv:1903.07839.
    KlUcbPlus,
    /// Bayes-UCB: the arm with the highest quantile of the posterior value at `1 - 1 / (t (ln T)^c)`, T being the
    /// horizon, or t where it is not known.
    ///
    /// When: an index policy that uses the prior. When not: as for UCB1. Practice has `c` = 0, the proof 5.
    /// Source: Kaufmann, Cappé and Garivier (2012), *On Bayesian upper confidence bounds for bandit problems*, AISTATS.
    BayesUcb,
    /// MOSS: the arm with the highest `x̂ + √(max(0, ln(T / (K n))) / n)` for K live arms, T being the horizon, or t
    /// where it is not known.
    ///
    /// When: the least regret in the worst case of all values, √(K T), at every unit's feedback. When not: of all
    /// policies here it suffers most from rare publications.
    /// Source: Audibert and Bubeck (2009), *Minimax policies for adversarial and stochastic bandits*, COLT; without a
    /// horizon: Degenne and Perchet (2016), *Anytime optimal algorithms in stochastic multi-armed bandits*, ICML.
    Moss,
    /// EXP3-IX: shares in proportion to `exp(-η L̂)` with `η = √(2 ln K / (K T))`, L̂ being the sum of
    /// `(1 - x) / (p + η/2)` over the exposures of the arm, x their rewards scaled to `[0, 1]`, p its shares then.
    ///
    /// Must know the horizon T. When: rewards that someone may set against the policy, or that follow no law. When not:
    /// an ordinary shop; it loses several times what Thompson sampling does.
    /// Source: Neu (2015), theorem 1, arXiv:1506.03271.
    Exp3Ix,
    /// Tsallis-INF: shares `4 / (η (L̂ - x))²` with `η = 2 / √t` and x such that they sum to 1; L̂ as in EXP3-IX,
    /// without the η/2.
    ///
    /// When: one policy for rewards that may be set against it, or follow a law, with the best bound in both cases. When
    /// not: an ordinary shop, as for EXP3-IX.
    /// Source: Zimmert and Seldin (2021), Journal of Machine Learning Research 22, arXiv:1807.07623.
    TsallisInf,
    /// Successive elimination: equal shares for all arms whose upper bound is not below the highest lower bound, at
    /// `v (q̂ ± √(ln(4 K n² / delta) / (2 n)))` with v the value of a conversion, q̂ the observed rate, K live arms.
    ///
    /// When: a comparison with a promise: the best arm is dropped with probability `delta` at most, whenever one looks.
    /// When not: earning while learning; it needs tens of thousands of exposures to drop anything at rates of 5 %.
    /// Source: Even-Dar, Mannor and Mansour (2006), Journal of Machine Learning Research 7, 1079.
    SuccessiveElimination,
    /// Top-two Thompson sampling, which finds the best arm soonest: with probability `beta` a Thompson draw, and else
    /// further draws until they show another arm.
    ///
    /// In closed form, with α the probabilities of being best: share `α_k (beta + (1 - beta) Σ_{j≠k} α_j / (1 - α_j))`;
    /// a `beta` of 1 is Thompson sampling. When: knowing the best price soon, with about half of the exposures that a
    /// uniform split needs. When not: earning; it goes on to spend `1 - beta` of the exposures on the second best.
    /// Source: Russo (2020), *Simple Bayesian algorithms for best-arm identification*, doi:10.1287/opre.2019.1911.
    TopTwoThompson,
    /// Thompson sampling on evidence that fades: a cohort that is `half_life` old counts half.
    ///
    /// When: demand that drifts or jumps. When not: steady demand, where it never stops to explore.
    /// Source: Raj and Kalyani (2017), arXiv:1707.09727.
    DiscountedThompson,
    /// Thompson sampling on the evidence of the newest `window` only.
    ///
    /// When: demand that jumps; it forgets what is older all at once. When not: steady demand, as for the discounted.
    /// Source: Trovò, Paladino, Restelli and Gatti (2020), doi:10.1613/jair.1.11407.
    SlidingThompson,
    /// UCB on evidence that fades: `x̂ + 2 √(½ ln t / n)`, with n and t the faded exposures of the arm and of all live
    /// arms.
    ///
    /// When: for comparison with the literature. When not: its width is large, and as for UCB1; discounted Thompson
    /// sampling loses less than half.
    /// Source: Garivier and Moulines (2011), doi:10.1007/978-3-642-24412-4_16 (ξ = ½, B = 1).
    DiscountedUcb,
    /// UCB on the newest evidence only: `x̂ + √(½ ln t / n)`, with n and t the exposures within the window.
    ///
    /// When and when not: as for the discounted one, with a narrower width.
    /// Source: Garivier and Moulines (2011), doi:10.1007/978-3-642-24412-4_16 (ξ = ½, B = 1).
    SlidingUcb,
    /// Thompson sampling on comparisons within cohorts, for a base rate that drifts for all arms alike: the log-odds of
    /// the arms relative to each other, from strata of at least `period` exposures; see [`contrast`](crate::contrast).
    ///
    /// When: weekdays, sales and seasons move demand by more than the prices do, while the shares move. When not: arms
    /// that change places, for which the discounted and sliding variants are made; few conversions in a `period`.
    /// Source: stratified logistic regression, Cochran (1954), Mantel and Haenszel (1959); the likelihood for low rates is
    /// that of Lindon and Malek (2022), *Anytime-valid inference for multinomial count data*.
    ContrastThompson,
    /// UCB1 with a width that scales with the arm's own value: `v (q̂ + √(exploration · ln t / n))`.
    ///
    /// When: prices far apart; a low price cannot earn more than itself and needs less trying; its bound on the regret is
    /// never above that of UCB1. When not: as for UCB1.
    /// Source: Misra, Schwartz and Abernethy (2019), doi:10.1287/mksc.2018.1129 (their UCB-PI without segments).
    PriceUcb1,
    /// UCB-tuned with a width that scales with the arm's own value; q̂ and its variance are those of the rate.
    ///
    /// When and when not: as for [`PriceUcb1`](Self::PriceUcb1), with a narrower width.
    /// Source: Misra, Schwartz and Abernethy (2019), doi:10.1287/mksc.2018.1129.
    PriceUcbTuned,
    /// KL-UCB of the conversion rate, times the value of a conversion.
    ///
    /// When: prices far apart and small rates; the narrowest of the three. When not: as for UCB1.
    /// Source: Garivier and Cappé (2011), arXiv:1102.2490, for each arm's rate.
    PriceKlUcb,
    /// Thompson sampling where no higher price converts more: each joint draw of the rates is moved as little as possible
    /// to where the rates do not rise with the price, weighted by exposures.
    ///
    /// When: a ladder of many prices, each of which then learns from its neighbours. When not: a price that is itself a
    /// sign of quality. Prices must all be different.
    /// Source: Ayer and others (1955), doi:10.1214/aoms/1177728423 (pool adjacent violators), on draws as in Thompson (1933).
    MonotoneThompson,
    /// Thompson sampling on a logistic demand curve of two parameters, `q(p) = σ(a - b p / p̄)` with b above 0; plain
    /// Thompson sampling where a test of its fit rejects the curve at the level `lack_of_fit`.
    ///
    /// When: many prices and few conversions; see [`DemandCurve`]. When not: up to three prices, where the curve can
    /// hardly be tested. Prices must all be different; the arms' own priors are not looked at.
    /// Source: logistic Thompson sampling, Chapelle and Li (2011), *An empirical evaluation of Thompson sampling*, NIPS 24;
    /// the test, McCullagh and Nelder (1989), *Generalized Linear Models*, section 4.4.
    DemandThompson,
    /// Thompson sampling under limited stock: for each joint draw of the rates d the mix x of prices that maximises
    /// `Σ x v d` with `Σ x d` at most the pieces left per unit still to come.
    ///
    /// Must know stock and horizon. When: stock that a good price would sell out before the end. When not: stock that can
    /// be had again. Where every mix sells too fast, the rest goes to the highest price.
    /// Source: Ferreira, Simchi-Levi and Wang (2018), doi:10.1287/opre.2018.1755 (TS-Update).
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
    ///
    /// A live arm that is [`entering`](ArmInput::entering) has the floor exactly, or [`ENTERING`] where there is no
    /// floor; the policy deals the rest to the other live arms as if there were only these, so that no unit moves but to
    /// the new arm.
    pub fn allocate(self, input: &PolicyInput) -> Allocation {
        let enters = |arm: &ArmInput| arm.live && arm.entering;
        let is_settled = |arm: &ArmInput| arm.live && !arm.entering;
        if !input.arms().iter().any(enters) || !input.arms().iter().any(is_settled) {
            return Allocation::of(self.shares(input, TOTAL));
        }
        let count = input.live().count() as u32;
        let of_each = if input.floor() > 0 { input.floor() } else { ENTERING.min(TOTAL / count) };
        let mut settled = input.clone();
        settled.arms.iter_mut().filter(|arm| arm.entering).for_each(|arm| arm.live = false);
        let taken = input.arms().iter().filter(|arm| enters(arm)).count() as u32 * of_each;
        let mut shares = self.shares(&settled, TOTAL - taken);
        let new = shares.iter_mut().zip(input.arms()).filter(|(_, arm)| enters(arm));
        new.for_each(|(share, _)| *share = of_each);
        Allocation::of(shares)
    }

    /// Integer shares of the live arms, which sum to `total`: the policy's wish, with the floor.
    fn shares(self, input: &PolicyInput, total: u32) -> Vec<u32> {
        let weights = self.weights(input);
        let live: Vec<bool> = input.arms().iter().map(|arm| arm.live).collect();
        if self == Self::Fixed {
            // A split that keeps to the floor by itself stays as it was asked for. What rounding took from shares at the
            // floor comes out of the largest.
            let asked = allocation::deal(&weights, &live, 0, total);
            let lifted = |(&share, &live): (&u32, &bool)| if live { share.max(input.floor()) } else { share };
            let mut lifted: Vec<u32> = asked.iter().zip(&live).map(lifted).collect();
            let excess = lifted.iter().sum::<u32>() - total;
            let largest = lifted.iter_mut().reduce(|best, share| if *share > *best { share } else { best });
            if let Some(share) = largest
                && excess <= live.len() as u32
                && *share >= input.floor() + excess
            {
                *share -= excess;
                return lifted;
            }
        }
        allocation::deal(&weights, &live, input.floor(), total)
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
fn spread(input: &PolicyInput, of_live: &[f64]) -> Vec<f64> {
    let mut values = of_live.iter();
    input
        .arms()
        .iter()
        .map(|arm| if arm.live { values.next().copied().unwrap_or(0.0) } else { 0.0 })
        .collect()
}

/// What `weight` is for each live arm, and 0 for the dead ones.
fn spread_by(input: &PolicyInput, weight: &dyn Fn(&ArmInput) -> f64) -> Vec<f64> {
    input.arms().iter().map(|arm| if arm.live { weight(arm) } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests;
