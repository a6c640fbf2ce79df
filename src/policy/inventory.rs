//! Thompson sampling under limited stock.
//!
//! For each joint draw of the rates d from the posteriors, a small linear program says with which probability x_k to
//! show each price so that the stock lasts: maximise Σ x_k v_k d_k subject to Σ x_k d_k ≤ c and Σ x_k ≤ 1, with c the
//! pieces left for each unit still to come. The shares are the mean of x over the draws. Source: Ferreira,
//! Simchi-Levi and Wang (2018), *Online Network Revenue Management Using Thompson Sampling*, the variant TS-Update,
//! doi:10.1287/opre.2018.1755. One conversion is taken to be one piece.
//!
//! Where all prices together sell too fast, the program closes the shop for some units (Σ x_k < 1). There is no such
//! thing here, a unit always sees a price: that share goes to the live arm with the highest price, the one nearest to
//! closing.

use super::lattice::RateDraws;
use super::{PolicyInput, thompson};

/// Mean of the optimal mixes of arms. Dead arms get 0.
///
/// Plain Thompson sampling where no stock is known, and where it lasts whatever is shown: a piece or more per unit.
pub(super) fn weights(input: &PolicyInput) -> Vec<f64> {
    let pieces = input.stock.map(|stock| stock.pieces / stock.units).filter(|&pieces| pieces < 1.0);
    let Some(pieces) = pieces else { return thompson::weights(input) };
    let draws = RateDraws::new(input);
    let values: Vec<f64> = draws.arms.iter().map(|arm| arm.posterior.value_minor() as f64).collect();
    let top = draws.arms.last().map_or(0, |arm| arm.price_minor);
    let top: Vec<bool> = draws.arms.iter().map(|arm| arm.price_minor == top).collect();
    let tops = top.iter().filter(|&&top| top).count() as f64;
    draws.shares(&mut |rates, shares| {
        let closed = mix(&values, rates, pieces.max(0.0), shares);
        for (share, _) in shares.iter_mut().zip(&top).filter(|(_, top)| **top) {
            *share += closed / tops;
        }
    })
}

/// Adds the optimal probabilities to `shares` and returns the probability of showing nothing.
///
/// The optimum lies on the upper hull of the points (rate, value earned), with (0, 0) for showing nothing. It is the
/// hull's top where that is affordable, and else where the hull crosses `pieces`: a mix of at most two arms, found
/// by going down the hull from its top.
fn mix(values: &[f64], rates: &[f64], pieces: f64, shares: &mut [f64]) -> f64 {
    let arms = || values.iter().zip(rates).map(|(value, &rate)| (rate, value * rate)).enumerate();
    let (mut best, mut at) = (None, (0.0, 0.0));
    for (arm, point) in arms() {
        if point.1 > at.1 {
            (best, at) = (Some(arm), point);
        }
    }
    let mut give = |arm: Option<usize>, probability: f64| {
        arm.and_then(|arm| shares.get_mut(arm)).map_or(probability, |share| {
            *share += probability;
            0.0
        })
    };
    while at.0 > pieces {
        let (mut next, mut to, mut least) = (None, (0.0, 0.0), at.1 / at.0);
        for (arm, point) in arms().filter(|(_, point)| point.0 < at.0) {
            let slope = (at.1 - point.1) / (at.0 - point.0);
            if slope < least {
                (next, to, least) = (Some(arm), point, slope);
            }
        }
        if to.0 <= pieces {
            let more = (pieces - to.0) / (at.0 - to.0);
            return give(best, more) + give(next, 1.0 - more);
        }
        (best, at) = (next, to);
    }
    give(best, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;
    use crate::policy::tests_of_draws::{arm, assert_near, shares_of};
    use crate::policy::{ArmInput, Stock};
    use proptest::prelude::*;

    const PRICES: [i64; 4] = [2990, 3490, 3990, 4490];

    fn with_stock(arms: Vec<ArmInput>, pieces: f64, units: f64) -> Vec<f64> {
        let mut input = PolicyInput::new(arms, 0).unwrap();
        input.stock = Some(Stock { pieces, units });
        shares_of(Policy::InventoryThompson, &input)
    }

    fn arms(exposures: f64, rates: [f64; 4]) -> Vec<ArmInput> {
        let arms = PRICES.iter().zip(rates);
        arms.map(|(&price, rate)| arm(1.0 + exposures * rate, 1.0 + exposures * (1.0 - rate), price, price))
            .collect()
    }

    #[test]
    fn a_known_demand_gives_the_mix_of_ferreira_simchi_levi_and_wang() {
        // Section 5 of the paper: the optimum mixes the two highest prices and earns 10.10 per period.
        let mut shares = vec![0.0; 4];
        let closed = mix(&[29.9, 34.9, 39.9, 44.9], &[0.8, 0.6, 0.3, 0.1], 0.25, &mut shares);
        assert_near(&shares, &[0.0, 0.0, 0.75, 0.25], 1e-12);
        assert!(closed.abs() < 1e-12);
        let earned: f64 =
            shares.iter().zip([29.9 * 0.8, 34.9 * 0.6, 39.9 * 0.3, 44.9 * 0.1]).map(|(x, r)| x * r).sum();
        assert!((earned - 10.10).abs() < 1e-10, "{earned}");
        let sure = with_stock(arms(1e9, [0.8, 0.6, 0.3, 0.1]), 250.0, 1000.0);
        assert_near(&sure, &[0.0, 0.0, 0.75, 0.25], 0.001);
    }

    #[test]
    fn shares_equal_those_of_independent_draws() {
        // numpy, a million draws (standard error up to 0.0004), each program solved by trying all pairs and some of them
        // by scipy's linprog. In the second case the shop would be closed for 56.9 % of the units.
        let few = || arms(10.0, [0.8, 0.6, 0.3, 0.1]);
        assert_near(&with_stock(few(), 250.0, 1000.0), &[0.000_9, 0.040_6, 0.353_6, 0.604_9], 0.005);
        assert_near(&with_stock(few(), 50.0, 1000.0), &[0.0, 0.0, 0.007_6, 0.992_4], 0.005);
        let many = arms(100.0, [0.8, 0.6, 0.3, 0.1]);
        assert_near(&with_stock(many, 500.0, 1000.0), &[0.003_4, 0.668_2, 0.322_6, 0.005_9], 0.005);
    }

    #[test]
    fn stock_that_lasts_anyway_is_no_limit() {
        let arms = arms(10.0, [0.8, 0.6, 0.3, 0.1]);
        let plain = shares_of(Policy::Thompson, &PolicyInput::new(arms.clone(), 0).unwrap());
        assert_eq!(with_stock(arms.clone(), 1000.0, 1000.0), plain);
        assert_eq!(shares_of(Policy::InventoryThompson, &PolicyInput::new(arms.clone(), 0).unwrap()), plain);
        // Below a piece per unit by a little, both ways of computing meet.
        assert_near(&with_stock(arms, 999.0, 1000.0), &plain, 0.005);
    }

    #[test]
    fn without_stock_the_highest_prices_share() {
        let arms = vec![arm(9.0, 9.0, 20, 20), arm(2.0, 9.0, 30, 30), arm(1.0, 9.0, 30, 30)];
        assert_near(&with_stock(arms, 0.0, 1000.0), &[0.0, 0.5, 0.5], 1e-9);
    }

    proptest! {
        #[test]
        fn a_mix_is_affordable_and_no_pair_of_arms_earns_more(
            given in prop::collection::vec((1..1_000_000_u32, 0.0..1.0_f64), 1..8), pieces in 0.0..1.0_f64,
        ) {
            let values: Vec<f64> = given.iter().map(|arm| f64::from(arm.0)).collect();
            let rates: Vec<f64> = given.iter().map(|arm| arm.1).collect();
            let mut shares = vec![0.0; given.len()];
            let closed = mix(&values, &rates, pieces, &mut shares);
            prop_assert!((shares.iter().sum::<f64>() + closed - 1.0).abs() < 1e-12);
            prop_assert!(shares.iter().chain([&closed]).all(|share| (0.0..=1.0).contains(share)));
            let spent: f64 = shares.iter().zip(&rates).map(|(share, rate)| share * rate).sum();
            prop_assert!(spent <= pieces + 1e-12);
            let earned: f64 = shares.iter().zip(&rates).zip(&values).map(|((x, d), v)| x * d * v).sum();
            // Shown nothing is an arm like others here.
            let all: Vec<(f64, f64)> = rates.iter().copied().zip(values).chain([(0.0, 0.0)]).collect();
            for one in &all {
                for other in all.iter().filter(|other| other.0 <= pieces) {
                    let part = if one.0 <= pieces { 1.0 } else { (pieces - other.0) / (one.0 - other.0) };
                    let both = part * one.0 * one.1 + (1.0 - part) * other.0 * other.1;
                    prop_assert!(both <= earned * (1.0 + 1e-9) + 1e-9, "{} and {} earn {}", one.0, other.0, both);
                }
            }
        }
    }
}
