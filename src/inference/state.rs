//! Where an experiment stands, in plain words: may it stop, and if not, how many orders are missing.

use std::fmt;

use crate::Error;
use crate::error::decimal;
use crate::math::{exp, normal_cdf};

/// P(best) from which on the leading arm is preferred clearly.
const CLEAR: f64 = 0.8;
/// Most units for which a number of missing orders is given.
const UNITS_MAX: f64 = 1e12;

/// When an experiment is decided: any one of the three rules is enough, once there are orders enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// P(best) of the leading arm. Range: 0.5 to 1; by default 0.95.
    pub p_best: f64,
    /// Expected loss of the leading arm, in minor units per exposure: the least difference that one cares for. 0, the
    /// default, switches the rule off. Source: Stucchio (2015), *Bayesian A/B testing at VWO*.
    pub loss_minor: f64,
    /// Value remaining: what may still be won, at 95 %, as a part of the leading arm's value. 0 switches the rule off;
    /// by default 0.01. Source: Scott (2010), doi:10.1002/asmb.874, as used by Google's content experiments.
    pub value_remaining: f64,
    /// Orders (conversions) per live arm, on average, below which nothing is decided: by default 10.
    pub orders_per_arm: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { p_best: 0.95, loss_minor: 0.0, value_remaining: 0.01, orders_per_arm: 10.0 }
    }
}

/// What is known of one live arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Mean and standard deviation of what is believed of the value of an exposure, in minor units.
    pub mean_minor: f64,
    /// See `mean_minor`. 0 or more; infinite where nothing is known.
    pub sd_minor: f64,
    /// Exposures, 0 or more.
    pub exposures: f64,
    /// Of these, orders: `[0, exposures]`.
    pub conversions: f64,
    /// Share of the units that it gets now: `[0, 1]`.
    pub share: f64,
    /// Probability of being the best arm: `[0, 1]`.
    pub p_best: f64,
    /// What its choice is expected to cost, in minor units per exposure. 0 or more; may be infinite.
    pub loss_minor: f64,
}

/// How far an experiment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// There are not yet orders enough to decide anything.
    Learning,
    /// No arm is clearly ahead: P(best) of every arm is below 0.8.
    Exploring,
    /// An arm is clearly ahead, and gets most units while it is confirmed.
    Exploiting,
    /// It may stop, by this rule.
    Decided(Reason),
}

impl Stage {
    /// The stage in one word, as it stands in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Learning => "learning",
            Self::Exploring => "exploring",
            Self::Exploiting => "exploiting",
            Self::Decided(_) => "decided",
        }
    }
}

/// The rule by which an experiment is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The leading arm is the best with at least the probability of [`Rules::p_best`].
    Probability,
    /// If the leading arm is not the best, less than [`Rules::loss_minor`] is lost per exposure.
    Loss,
    /// What may still be won is less than [`Rules::value_remaining`].
    ValueRemaining,
}

/// Where an experiment stands. As text, it is a sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// How far it has come.
    pub stage: Stage,
    /// Position, among the given arms, of the one with the highest P(best).
    pub leader: usize,
    /// P(best) of the leader.
    pub p_best: f64,
    /// About how many more orders of all arms it takes; `None` where it is decided, or where the arms are so close that
    /// no number can be given.
    pub orders_left: Option<f64>,
    /// P(best) that is asked for.
    asked: f64,
}

/// Where an experiment of these live arms stands; `value_remaining` is that of [`Rules::value_remaining`].
///
/// The orders that are missing: at the present shares `w` and conversion rates, x more units shrink the variance of
/// what is believed of arm a to `s_a² n_a / (n_a + x w_a)`. With normal beliefs, the leading arm is not the best with
/// probability `Σ_b Φ(-(m_l - m_b) / √(s_l² + s_b²))` at most; x is the least that brings this to 1 - P(best) asked for,
/// or the expected loss, computed the same way, to its threshold. For two arms of equal shares this is the known
/// `n ≈ (z s / gap)²`. It is cautious: the lead wanders, and the rule is met when it first wanders far enough. With rates
/// of 0.10 and 0.12, half of the undecided experiments were decided after a fifth to a quarter of the orders said,
/// three in four after 45 to 71 % of them, nine in ten after 1.1 to 1.8 times as many.
///
/// ```
/// use haggle::inference::{Rules, Standing, state};
/// let arm = |mean_minor, p_best| Standing {
///     mean_minor, sd_minor: 10.0, exposures: 1000.0, conversions: 100.0, share: 0.5, p_best, loss_minor: 5.0,
/// };
/// let now = state(&[arm(190.0, 0.24), arm(200.0, 0.76)], 0.2, &Rules::default())?;
/// assert_eq!(now.to_string(), "Exploring: about 880 more orders until the best price is 95 % sure");
/// # Ok::<(), haggle::Error>(())
/// ```
///
/// # Errors
/// No arm, a number outside of its range, a `p_best` of the rules outside of 0.5 to 1.
pub fn state(arms: &[Standing], value_remaining: f64, rules: &Rules) -> Result<State, Error> {
    check(arms, rules)?;
    let best = |a: (usize, f64), b: (usize, f64)| if b.1 > a.1 { b } else { a };
    let (leader, p_best) = arms.iter().map(|arm| arm.p_best).enumerate().fold((0, -1.0), best);
    let lead = arms.get(leader).ok_or_else(|| Error::value("number of arms", 0, "at least 1"))?;
    let missing =
        rules.orders_per_arm * arms.len() as f64 - arms.iter().map(|arm| arm.conversions).sum::<f64>();
    let reason = if p_best >= rules.p_best {
        Some(Reason::Probability)
    } else if lead.loss_minor < rules.loss_minor {
        Some(Reason::Loss)
    } else if value_remaining < rules.value_remaining {
        Some(Reason::ValueRemaining)
    } else {
        None
    };
    let (stage, orders_left) = match reason {
        _ if arms.len() > 1 && missing > 0.0 => {
            (Stage::Learning, orders_left(arms, leader, rules).map(|orders| orders.max(missing)))
        }
        Some(reason) => (Stage::Decided(reason), None),
        None if p_best < CLEAR => (Stage::Exploring, orders_left(arms, leader, rules)),
        None => (Stage::Exploiting, orders_left(arms, leader, rules)),
    };
    Ok(State { stage, leader, p_best, orders_left, asked: rules.p_best })
}

fn check(arms: &[Standing], rules: &Rules) -> Result<(), Error> {
    for arm in arms {
        let numbers = [
            ("mean value", arm.mean_minor.abs(), f64::MAX),
            ("standard deviation", arm.sd_minor, f64::INFINITY),
            ("exposures", arm.exposures, f64::MAX),
            ("conversions", arm.conversions, arm.exposures),
            ("share", arm.share, 1.0),
            ("P(best)", arm.p_best, 1.0),
            ("expected loss", arm.loss_minor, f64::INFINITY),
        ];
        for (what, given, most) in numbers {
            if !(0.0..=most).contains(&given) {
                let allowed = format!("from 0 to {}", decimal(most));
                return Err(Error::value(format!("{what} of an arm"), decimal(given), allowed));
            }
        }
    }
    if !(0.5..=1.0).contains(&rules.p_best) {
        return Err(Error::value("P(best) that decides", decimal(rules.p_best), "0.5 to 1"));
    }
    Ok(())
}

/// Orders of all arms until a rule is met, at the present shares and rates.
fn orders_left(arms: &[Standing], leader: usize, rules: &Rules) -> Option<f64> {
    let lead = arms.get(leader)?;
    let rate = |arm: &Standing| arm.share * arm.conversions / arm.exposures.max(1.0);
    let orders_per_unit: f64 = arms.iter().map(rate).sum();
    let variance = |arm: &Standing, units: f64| {
        let exposures = arm.exposures.max(1.0);
        arm.sd_minor * arm.sd_minor * exposures / (exposures + units * arm.share)
    };
    let met = |units: f64| {
        let rivals = arms.iter().enumerate().filter(|(place, _)| *place != leader);
        let (mut miss, mut loss) = (0.0, 0.0);
        for (_, rival) in rivals {
            let sd = (variance(lead, units) + variance(rival, units)).sqrt();
            let gap = lead.mean_minor - rival.mean_minor;
            let u = if sd > 0.0 { gap / sd } else { gap.signum() * 40.0 };
            miss += normal_cdf(-u);
            loss += sd * normal_density(u) - gap * normal_cdf(-u);
        }
        miss <= 1.0 - rules.p_best || loss < rules.loss_minor
    };
    if !(orders_per_unit > 0.0 && met(UNITS_MAX)) {
        return None;
    }
    // Bisection over a factor, so that few and many units are found equally well.
    let (mut low, mut high) = (1.0, UNITS_MAX);
    for _ in 0..60 {
        let middle = f64::sqrt(low * high);
        if met(middle) { high = middle } else { low = middle }
    }
    Some((high * orders_per_unit).max(1.0))
}

fn normal_density(u: f64) -> f64 {
    exp(-0.5 * u * u) / (2.0 * std::f64::consts::PI).sqrt()
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |p: f64| format!("{:.0} %", (100.0 * p).floor());
        let goal = format!("until the best price is {} sure", percent(self.asked));
        let stage = match self.stage {
            Stage::Learning => "Learning",
            Stage::Exploring => "Exploring",
            Stage::Exploiting => "Exploiting",
            Stage::Decided(Reason::Probability) => {
                return write!(
                    f,
                    "Ready to decide: the leading price is {} sure to be the best",
                    percent(self.p_best)
                );
            }
            Stage::Decided(Reason::Loss) => {
                return write!(
                    f,
                    "Ready to decide: a better price would earn too little more per visitor to matter"
                );
            }
            Stage::Decided(Reason::ValueRemaining) => {
                return write!(f, "Ready to decide: too little is left to win by another price");
            }
        };
        match self.orders_left {
            Some(orders) => {
                let orders = rounded(orders);
                let plural = if orders == "1" { "" } else { "s" };
                write!(f, "{stage}: about {orders} more order{plural} {goal}")
            }
            None => write!(f, "{stage}: the prices are too close to say how many orders it takes {goal}"),
        }
    }
}

/// With two digits: more is not known.
fn rounded(orders: f64) -> String {
    let mut unit = 1.0;
    while orders >= 100.0 * unit {
        unit *= 10.0;
    }
    format!("{:.0}", (orders / unit).round() * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::normal_quantile;
    use proptest::prelude::*;

    fn arm(mean_minor: f64, p_best: f64) -> Standing {
        Standing {
            mean_minor,
            sd_minor: 10.0,
            exposures: 1000.0,
            conversions: 100.0,
            share: 0.5,
            p_best,
            loss_minor: 5.0,
        }
    }

    fn of(arms: &[Standing], value_remaining: f64, rules: &Rules) -> State {
        state(arms, value_remaining, rules).unwrap()
    }

    #[test]
    fn two_arms_of_equal_shares_need_what_the_textbook_says() {
        // Deviation of the difference √2 · 10, gap 10, z = 1.6449: (z √2)² = 5.41 times the 2000 exposures so far.
        let given = of(&[arm(190.0, 0.24), arm(200.0, 0.76)], 0.2, &Rules::default());
        let z = normal_quantile(0.95);
        let expected = 0.1 * 2000.0 * (2.0 * z * z - 1.0);
        assert!((given.orders_left.unwrap() / expected - 1.0).abs() < 1e-9, "{given:?} {expected}");
        assert_eq!((given.stage, given.leader), (Stage::Exploring, 1));
    }

    #[test]
    fn the_expected_loss_falls_below_its_threshold_after_as_many_orders_as_said() {
        let arms = [arm(200.0, 0.5), arm(200.0, 0.5)];
        let rules = Rules { loss_minor: 1.0, ..Rules::default() };
        // A tie: the loss is sd / √(2π), so the variance 200 must fall to 2π, by a factor of 31.8.
        let expected = 0.1 * 2000.0 * (200.0 / (2.0 * std::f64::consts::PI) - 1.0);
        let given = of(&arms, 0.2, &rules).orders_left.unwrap();
        assert!((given / expected - 1.0).abs() < 1e-9, "{given} {expected}");
        let tie = of(&arms, 0.2, &Rules::default());
        assert_eq!((tie.orders_left, tie.leader), (None, 0));
        assert_eq!(
            tie.to_string(),
            "Exploring: the prices are too close to say how many orders it takes until the best price is 95 % sure"
        );
    }

    #[test]
    fn each_rule_decides_and_says_so() {
        let sure = [arm(190.0, 0.04), arm(200.0, 0.96)];
        let unsure = [arm(190.0, 0.12), arm(200.0, 0.88)];
        let caring = Rules { loss_minor: 6.0, ..Rules::default() };
        let text = |arms: &[Standing], remaining, rules: &Rules| of(arms, remaining, rules).to_string();
        assert_eq!(
            text(&sure, 0.2, &Rules::default()),
            "Ready to decide: the leading price is 96 % sure to be the best"
        );
        assert!(text(&unsure, 0.2, &caring).starts_with("Ready to decide: a better price"));
        assert!(text(&unsure, 0.009, &Rules::default()).starts_with("Ready to decide: too little"));
        assert!(text(&unsure, 0.2, &Rules::default()).starts_with("Exploiting: about 880 more orders"));
    }

    #[test]
    fn a_few_orders_decide_nothing() {
        let few = |arm: Standing| Standing { conversions: 4.0, ..arm };
        let given = of(&[few(arm(190.0, 0.01)), few(arm(400.0, 0.99))], 0.0, &Rules::default());
        assert_eq!((given.stage, given.orders_left), (Stage::Learning, Some(12.0)));
        assert_eq!(given.to_string(), "Learning: about 12 more orders until the best price is 95 % sure");
        let one = State { orders_left: Some(0.9), ..given };
        assert_eq!(one.to_string(), "Learning: about 1 more order until the best price is 95 % sure");
    }

    #[test]
    fn one_arm_is_decided_and_none_is_refused() {
        let only = Standing { conversions: 0.0, ..arm(190.0, 1.0) };
        assert_eq!(of(&[only], 0.0, &Rules::default()).stage, Stage::Decided(Reason::Probability));
        let error = state(&[], 0.0, &Rules::default()).unwrap_err().to_string();
        assert_eq!(error, "number of arms is 0; it must be at least 1");
        assert!(state(&[Standing { sd_minor: f64::NAN, ..only }], 0.0, &Rules::default()).is_err());
        assert!(state(&[only], 0.0, &Rules { p_best: 0.2, ..Rules::default() }).is_err());
    }

    proptest! {
        #[test]
        fn any_standing_has_a_state_and_a_sentence(
            given in prop::collection::vec(
                (-1e12..1e12_f64, prop_oneof![Just(0.0), Just(f64::INFINITY), 0.0..1e9_f64], 0.0..1e15_f64, 0.0..=1.0_f64, 0.0..=1.0_f64), 1..8,
            ),
            value_remaining in prop_oneof![Just(f64::INFINITY), 0.0..1.0_f64],
            loss_minor in prop_oneof![Just(0.0), 0.0..1e6_f64],
        ) {
            let arms: Vec<Standing> = given.iter().map(|&(mean_minor, sd_minor, exposures, part, share)| Standing {
                mean_minor, sd_minor, exposures, conversions: exposures * part, share, p_best: part, loss_minor: share,
            }).collect();
            let given = of(&arms, value_remaining, &Rules { loss_minor, ..Rules::default() });
            prop_assert!(given.orders_left.is_none_or(|orders| orders >= 1.0 && orders.is_finite()));
            prop_assert!(given.to_string().contains(": "));
        }
    }
}
