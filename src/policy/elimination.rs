//! Successive elimination: equal shares for all arms that are not yet shown to be worse.
//!
//! In scope: which arms are still in. Out of scope: intervals that are shown to people (`inference`), which are
//! narrower.

use super::{ArmInput, Policy, PolicyInput, spread_by};
use crate::math::ln;

/// 1 for each live arm whose upper bound is not below the highest lower bound, 0 for the others.
pub(super) fn weights(input: &PolicyInput) -> Vec<f64> {
    let delta = Policy::SuccessiveElimination.parameter(input, 0);
    let live = input.live().count() as f64;
    // Mean value and half-width of its interval. A reward of the arm is between 0 and the value of a conversion.
    let interval = |arm: &ArmInput| {
        let (n, value) = (arm.exposures, arm.posterior.value_minor() as f64);
        if n <= 0.0 {
            return (0.0, f64::INFINITY);
        }
        let counted = n.max(1.0);
        let radius = (ln(4.0 * live * counted * counted / delta) / (2.0 * n)).sqrt();
        (value * arm.conversions / n, value * radius)
    };
    let highest =
        input.live().map(interval).map(|(mean, radius)| mean - radius).fold(f64::NEG_INFINITY, f64::max);
    let is_in = |(mean, radius): (f64, f64)| f64::from(u8::from(mean + radius >= highest));
    spread_by(input, &|arm| is_in(interval(arm)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Posterior;

    fn arm(n: f64, rate: f64, value_minor: i64) -> ArmInput {
        ArmInput::new(Posterior::new(1.0, 1.0, value_minor).unwrap(), 1900).counted(n, n * rate)
    }

    fn weights_of(arms: &[ArmInput]) -> Vec<f64> {
        weights(&PolicyInput::new(arms.to_vec(), 0).unwrap())
    }

    /// With delta = 0.05 and two arms the radius is .0712 after 2000 exposures of each, .0593 after 3000: the
    /// intervals of rates .13 apart meet in the former and not in the latter case.
    #[test]
    fn an_arm_is_dropped_when_its_interval_is_below_the_best_one() {
        assert_eq!(weights_of(&[arm(2000.0, 0.33, 100), arm(2000.0, 0.2, 100)]), [1.0, 1.0]);
        assert_eq!(weights_of(&[arm(3000.0, 0.33, 100), arm(3000.0, 0.2, 100)]), [1.0, 0.0]);
    }

    #[test]
    fn values_and_not_rates_are_compared() {
        assert_eq!(weights_of(&[arm(3000.0, 0.33, 100), arm(3000.0, 0.2, 300)]), [0.0, 1.0]);
    }

    #[test]
    fn untried_and_dead_arms() {
        let dead = ArmInput { live: false, ..arm(3000.0, 0.9, 100) };
        assert_eq!(weights_of(&[arm(3000.0, 0.33, 100), dead, arm(0.0, 0.0, 100)]), [1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_smaller_delta_drops_later() {
        let arms = vec![arm(3000.0, 0.33, 100), arm(3000.0, 0.2, 100)];
        let input = PolicyInput::new(arms, 0).unwrap();
        let patient = input.with_parameters(Policy::SuccessiveElimination, vec![1e-6]).unwrap();
        assert_eq!(weights(&patient), [1.0, 1.0]);
    }
}
