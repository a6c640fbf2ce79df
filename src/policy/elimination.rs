//! Successive elimination: equal shares for all arms that are not yet shown to be worse.
//!
//! In scope: which arms are still in. Out of scope: intervals that are shown to people (`inference`), which are
//! narrower.

use super::{ArmInput, Policy, PolicyInput, spread};
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
    spread(input, input.live().map(|arm| is_in(interval(arm))))
}
