//! Monotone Thompson sampling: no higher price converts more.
//!
//! For each joint draw of the rates θ from the posteriors, the rates are moved as little as possible to where they do
//! not rise with the price: weighted least squares with the weight n + 2 (the exposures and a uniform prior's two), by
//! the pool-adjacent-violators algorithm (Ayer et al. 1955, doi:10.1214/aoms/1177728423; Barlow et al. 1972,
//! *Statistical Inference under Order Restrictions*, section 1.2). Arms of one price have one rate. The draw goes to
//! the arm with the highest value times rate; arms that tie share it.
//!
//! Sorting the draws instead would be simpler, and lose: it ignores which of two arms is known better.

use super::PolicyInput;
use super::lattice::{RateDraws, award};

/// Probability that each arm is the best, given that demand does not rise with the price. Dead arms get 0.
pub(super) fn weights(input: &PolicyInput) -> Vec<f64> {
    let draws = RateDraws::new(input);
    let ladder: Vec<(i64, f64)> =
        draws.arms.iter().map(|arm| (arm.price_minor, arm.exposures + 2.0)).collect();
    let values: Vec<f64> = draws.arms.iter().map(|arm| arm.posterior.value_minor() as f64).collect();
    let (mut blocks, mut rates) = (Vec::new(), Vec::new());
    draws.shares(&mut |drawn, shares| {
        project(&ladder, drawn, &mut blocks, &mut rates);
        award(values.iter().zip(&rates).map(|(value, rate)| value * rate), shares);
    })
}

/// Steps of the ladder of prices that have one rate: their weight, the mean of their draws, and how many arms they are.
struct Block {
    weight: f64,
    mean: f64,
    arms: usize,
}

impl Block {
    fn joined(self, above: Self) -> Self {
        let weight = self.weight + above.weight;
        let mean = (self.mean * self.weight + above.mean * above.weight) / weight;
        Self { weight, mean, arms: self.arms + above.arms }
    }
}

/// The rates nearest to the drawn ones that do not rise along the `ladder`: price and weight, the lowest price first.
fn project(ladder: &[(i64, f64)], drawn: &[f64], blocks: &mut Vec<Block>, rates: &mut Vec<f64>) {
    let mut drawn = drawn.iter();
    blocks.clear();
    for step in ladder.chunk_by(|arm, next| arm.0 == next.0) {
        let arms = step.iter().zip(drawn.by_ref());
        let arms = arms.map(|(&(_, weight), &mean)| Block { weight, mean, arms: 1 });
        let Some(mut block) = arms.reduce(Block::joined) else { continue };
        while let Some(below) = blocks.pop_if(|below| below.mean < block.mean) {
            block = below.joined(block);
        }
        blocks.push(block);
    }
    rates.clear();
    rates.extend(blocks.iter().flat_map(|block| std::iter::repeat_n(block.mean, block.arms)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::lattice::POINTS;
    use crate::policy::tests_of_draws::{arm, assert_near, shares};
    use crate::{Policy, p_best};
    use proptest::prelude::*;

    /// (alpha, beta, price, exposures) of each arm.
    fn given(arms: &[(f64, f64, i64, f64)]) -> Vec<f64> {
        let arms = arms.iter().map(|&(a, b, price, n)| arm(a, b, price, price).counted(n, 0.0));
        shares(Policy::MonotoneThompson, arms.collect())
    }

    #[test]
    fn shares_equal_those_of_independent_draws() {
        // numpy, 4 million draws (standard error up to 0.00025), projected by the min-max formula of Robertson, Wright
        // and Dykstra (1988) instead of by pooling. Tolerance: the lattice's own 0.5 % at worst.
        let ladder = [19, 39, 59, 79, 99, 159, 199, 249, 299, 399];
        let alphas = [29.0, 26.0, 23.0, 23.0, 20.0, 17.0, 15.0, 14.0, 11.0, 9.0];
        let arms: Vec<_> =
            ladder.into_iter().zip(alphas).map(|(price, a)| (a, 80.0 - a, price, 78.0)).collect();
        let expected = [0.0, 0.0, 0.0, 0.0, 0.0, 0.029_14, 0.078_04, 0.256_31, 0.230_69, 0.405_75];
        assert_near(&given(&arms), &expected, 0.005);

        let untried: Vec<_> = [10, 20, 30, 40].map(|price| (1.0, 1.0, price, 0.0)).to_vec();
        assert_near(&given(&untried), &[0.020_32, 0.100_17, 0.245_43, 0.634_09], 0.005);
    }

    #[test]
    fn arms_of_one_price_have_one_rate_and_share_alike() {
        // As above. One of the two arms at 30 has shown nothing, and still counts for the other.
        let arms =
            [(6.0, 96.0, 20, 100.0), (9.0, 43.0, 30, 50.0), (4.0, 98.0, 30, 100.0), (13.0, 489.0, 40, 500.0)];
        assert_near(&given(&arms), &[0.040_46, 0.472_38, 0.472_38, 0.014_78], 0.005);
    }

    #[test]
    fn where_demand_falls_for_sure_it_is_plain_thompson() {
        let arms: Vec<_> = [(0.5, 20), (0.34, 29), (0.24, 39)]
            .map(|(rate, price)| (rate * 3000.0, (1.0 - rate) * 3000.0, price, 2998.0))
            .to_vec();
        let best = p_best(
            &arms.iter().map(|arm| crate::Posterior::new(arm.0, arm.1, arm.2).unwrap()).collect::<Vec<_>>(),
        );
        assert!(best.iter().all(|best| *best > 0.01), "{best:?}");
        assert_near(&given(&arms), &best, 0.005);
    }

    proptest! {
        #[test]
        fn projected_rates_do_not_rise_and_keep_the_weighted_mean(
            arms in prop::collection::vec((1..6_i64, 2.0..1e6_f64, 0.0..1.0_f64), 1..12),
        ) {
            let mut arms = arms;
            arms.sort_by_key(|arm| arm.0);
            let ladder: Vec<(i64, f64)> = arms.iter().map(|arm| (arm.0, arm.1)).collect();
            let drawn: Vec<f64> = arms.iter().map(|arm| arm.2).collect();
            let mut rates = Vec::new();
            project(&ladder, &drawn, &mut Vec::new(), &mut rates);
            prop_assert_eq!(rates.len(), arms.len());
            let sum = |rates: &[f64]| ladder.iter().zip(rates).map(|(arm, rate)| arm.1 * rate).sum::<f64>();
            prop_assert!((sum(&rates) - sum(&drawn)).abs() <= 1e-9 * sum(&drawn) + 1e-9);
            for (pair, prices) in rates.windows(2).zip(ladder.windows(2)) {
                prop_assert!(pair[1] <= pair[0]);
                prop_assert!(prices[0].0 != prices[1].0 || pair[0] == pair[1]);
            }
        }
    }

    #[test]
    fn each_draw_gives_one_share() {
        let input = PolicyInput::new(vec![arm(3.0, 50.0, 20, 20), arm(3.0, 70.0, 30, 30)], 0).unwrap();
        assert!((weights(&input).iter().sum::<f64>() - POINTS as f64).abs() < 1e-6);
    }
}
