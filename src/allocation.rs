//! The allocation: the share of each arm as an integer, and the draw that sends a unit to one of them.
//!
//! In scope: quantising real weights to integers that sum exactly, and weighted rendezvous hashing.
//! Out of scope: where the weights come from (see [`Policy`](crate::Policy)) and who the unit is.

use siphasher::sip::SipHasher24;

use crate::{UnitKey, math};

/// What all shares sum to; a share of `TOTAL` is certainty.
pub const TOTAL: u32 = 1 << 16;

/// The published share of each arm, out of [`TOTAL`].
///
/// The share is the propensity: the draw is compared with these integers, so the logged probability is exactly the
/// one that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    shares: Vec<u32>,
}

impl Allocation {
    /// Quantises weights to integer shares by the largest remainder.
    ///
    /// `weights` are non-negative and of any scale; what is negative or not finite counts as 0, and where no live
    /// arm has weight all live arms share equally. Arms that are not `live` get 0. Every live arm first gets `floor`
    /// (at most `TOTAL / live arms`), the rest is dealt in proportion to the weights; the largest remainders are
    /// rounded up, ties to the lowest index.
    ///
    /// ```
    /// use haggle::{Allocation, TOTAL};
    /// let allocation = Allocation::quantise(&[0.9, 0.1, 0.0], &[true, true, true], 655);
    /// assert_eq!(allocation.shares().iter().sum::<u32>(), TOTAL);
    /// assert_eq!(allocation.shares(), [57_869, 7_012, 655]);
    /// ```
    pub fn quantise(weights: &[f64], live: &[bool], floor: u32) -> Self {
        Self::of(deal(weights, live, floor, TOTAL))
    }

    /// These shares, which sum to [`TOTAL`], or are all 0 where no arm is live.
    pub(crate) fn of(shares: Vec<u32>) -> Self {
        Self { shares }
    }

    /// Share of each arm, in the order of the arms; they sum to [`TOTAL`].
    pub fn shares(&self) -> &[u32] {
        &self.shares
    }

    /// Sends a unit to an arm: weighted rendezvous hashing, with `seed` the experiment's own.
    ///
    /// Every arm draws an exponential variate with its share as the rate, from a keyed hash of the unit and the arm;
    /// the smallest wins, which happens with probability share / TOTAL. When shares change, a unit moves only to an
    /// arm whose share grew by a larger factor than that of its own arm; a new arm takes units from the others
    /// without moving any unit between them. With the total variation distance TV between the two allocations, at
    /// most 2 TV / (1 + TV) of the units move; TV is the least that any rule can do. (Efraimidis and Spirakis 2006,
    /// doi:10.1016/j.ipl.2005.11.003; Thaler and Ravishankar 1998, doi:10.1109/90.663936; Moulton and Jiang 2018,
    /// doi:10.1109/ICDM.2018.00050.)
    ///
    /// Arms without share are never drawn.
    pub fn draw(&self, seed: &[u8; 16], unit: &UnitKey) -> usize {
        let mut best = (0, f64::INFINITY);
        let mut draws = [(0.0, f64::INFINITY); ARMS_AT_ONCE];
        for (part, shares) in self.shares.chunks(ARMS_AT_ONCE).enumerate() {
            let first = part * ARMS_AT_ONCE;
            // What each arm waits at least; the exact wait needs a logarithm, and nearly always only one arm's does.
            let mut likely = (0.0, f64::INFINITY, 1);
            for ((arm, &share), draw) in (first..).zip(shares).zip(&mut draws) {
                let u = uniform(seed, unit, arm as u64);
                *draw = (u, at_least(u) / f64::from(share));
                if draw.1 < likely.1 {
                    likely = (u, draw.1, share);
                }
            }
            let enough = best.1.min(wait(likely.0, likely.2));
            for ((arm, &share), (u, least)) in (first..).zip(shares).zip(draws) {
                if share > 0 && least <= enough {
                    let wait = wait(u, share);
                    if wait < best.1 {
                        best = (arm, wait);
                    }
                }
            }
        }
        best.0
    }
}

/// Shares as in [`Allocation::quantise`] that sum to `total` instead.
pub(crate) fn deal(weights: &[f64], live: &[bool], floor: u32, total: u32) -> Vec<u32> {
    let live_weight = |(&weight, &live): (&f64, &bool)| match live {
        true if weight.is_finite() && weight > 0.0 => Some(weight),
        true => Some(0.0),
        false => None,
    };
    let mut weights: Vec<Option<f64>> = weights.iter().zip(live).map(live_weight).collect();
    let count = weights.iter().flatten().count() as u32;
    if count == 0 {
        return vec![0; weights.len()];
    }
    let mut sum: f64 = weights.iter().flatten().sum();
    if !(sum > 0.0 && sum.is_finite()) {
        weights.iter_mut().flatten().for_each(|weight| *weight = 1.0);
        sum = f64::from(count);
    }
    let floor = floor.min(total / count);
    let rest = total - floor * count;

    let exact = |weight: f64| weight / sum * f64::from(rest);
    let mut shares: Vec<u32> =
        weights.iter().map(|w| w.map_or(0, |w| floor + exact(w).floor() as u32)).collect();
    let mut remainders: Vec<f64> =
        weights.iter().map(|w| w.map_or(-1.0, |w| exact(w) - exact(w).floor())).collect();
    for _ in shares.iter().sum::<u32>()..total {
        let largest = remainders.iter().enumerate().fold((0, -1.0), |best, (arm, &remainder)| {
            if remainder > best.1 { (arm, remainder) } else { best }
        });
        if let (Some(share), Some(remainder)) = (shares.get_mut(largest.0), remainders.get_mut(largest.0)) {
            *share += 1;
            *remainder -= 1.0;
        }
    }
    shares
}

/// Arms whose hashes are made together.
const ARMS_AT_ONCE: usize = 32;

/// The exponential variate that a uniform one makes, with the share as its rate.
fn wait(u: f64, share: u32) -> f64 {
    -math::ln(u) / f64::from(share)
}

/// A number just below `-ln u`: the first terms of d + d²/2 + d³/3 + … with d = 1 - u, all of them positive, less
/// more than all rounding, the logarithm's own included.
fn at_least(u: f64) -> f64 {
    let d = 1.0 - u;
    d * (1.0 + d * (0.5 + d * (1.0 / 3.0 + d * (0.25 + d * 0.2)))) * (1.0 - 1e-14)
}

/// A number in (0, 1) from a keyed hash (SipHash-2-4) of the unit and a stream number.
///
/// The 52 upper bits of the hash, in the middle of their interval: never 0, never 1.
pub(crate) fn uniform(seed: &[u8; 16], unit: &UnitKey, stream: u64) -> f64 {
    let mut bytes = [0; 24];
    let (of_unit, of_stream) = bytes.split_at_mut(16);
    of_unit.copy_from_slice(unit.bytes());
    of_stream.copy_from_slice(&stream.to_le_bytes());
    ((SipHasher24::new_with_key(seed).hash(&bytes) >> 12) as f64 + 0.5) / (1u64 << 52) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: [u8; 16] = [7; 16];

    fn unit(n: u64) -> UnitKey {
        UnitKey::of_visitor(&crate::Key::new(&[1; 32]), &n.to_string())
    }

    proptest! {
        #[test]
        fn shares_sum_exactly_and_every_live_arm_is_at_or_above_the_floor(
            arms in proptest::collection::vec((any::<f64>(), any::<bool>()), 1..65), floor in 0u32..4000,
        ) {
            let (weights, live): (Vec<f64>, Vec<bool>) = arms.into_iter().unzip();
            let count = live.iter().filter(|&&live| live).count() as u32;
            prop_assume!(count > 0);
            let allocation = Allocation::quantise(&weights, &live, floor);
            prop_assert_eq!(allocation.shares().iter().sum::<u32>(), TOTAL);
            for (&share, &live) in allocation.shares().iter().zip(&live) {
                let held = if live { share >= floor.min(TOTAL / count) } else { share == 0 };
                prop_assert!(held, "{} with a floor of {}", share, floor);
            }
        }
    }

    #[test]
    fn arms_that_tie_share_equally_and_the_remainder_goes_to_the_lowest_index() {
        let allocation = Allocation::quantise(&[1.0; 3], &[true; 3], 0);
        assert_eq!(allocation.shares(), [21_846, 21_845, 21_845]);
    }

    /// Chi-square with 3 degrees of freedom: the bound 16.27 is exceeded with probability 0.001 if the law holds.
    #[test]
    fn units_fall_on_arms_with_the_published_shares() {
        let allocation = Allocation::quantise(&[0.5, 0.3, 0.15, 0.05], &[true; 4], 0);
        let units = 40_000;
        let mut counts = [0.0; 4];
        (0..units).for_each(|n| counts[allocation.draw(&SEED, &unit(n))] += 1.0);
        let chi: f64 = allocation
            .shares()
            .iter()
            .zip(counts)
            .map(|(&share, count)| {
                let expected = f64::from(share) / f64::from(TOTAL) * units as f64;
                (count - expected) * (count - expected) / expected
            })
            .sum();
        assert!(chi < 16.27, "chi-square {chi}, counts {counts:?}");
    }

    #[test]
    fn arms_left_out_without_a_logarithm_could_not_have_won() {
        for weights in [vec![1.0; 32], vec![0.5, 0.3, 0.15, 0.05], vec![1e-4, 1.0, 1e-4, 0.5, 0.01]] {
            let allocation = Allocation::quantise(&weights, &vec![true; weights.len()], 3);
            for n in 0..2_000 {
                let wait = |(arm, &share): (usize, &u32)| {
                    (-math::ln(uniform(&SEED, &unit(n), arm as u64)) / f64::from(share), arm)
                };
                let waits = allocation.shares().iter().enumerate().map(wait);
                let first = waits.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1;
                assert_eq!(allocation.draw(&SEED, &unit(n)), first, "unit {n}");
            }
        }
    }

    #[test]
    fn a_new_arm_moves_units_only_to_itself() {
        let before = Allocation::quantise(&[0.5, 0.5, 0.0], &[true, true, false], 0);
        let after = Allocation::quantise(&[0.4, 0.4, 0.2], &[true; 3], 0);
        for n in 0..5_000 {
            let (old, new) = (before.draw(&SEED, &unit(n)), after.draw(&SEED, &unit(n)));
            assert!(new == old || new == 2, "unit {n} moved from {old} to {new}");
        }
    }

    #[test]
    fn an_arm_without_share_is_never_drawn() {
        let allocation = Allocation::quantise(&[1.0, 0.0], &[true, false], 10);
        assert!((0..2_000).all(|n| allocation.draw(&SEED, &unit(n)) == 0));
    }

    #[test]
    fn experiments_with_different_seeds_draw_independently() {
        let allocation = Allocation::quantise(&[1.0, 1.0], &[true; 2], 0);
        let same = (0..10_000)
            .filter(|&n| allocation.draw(&SEED, &unit(n)) == allocation.draw(&[8; 16], &unit(n)))
            .count();
        // Binomial(10 000, 1/2): outside of 5 000 +- 200 (four standard deviations) with probability 6e-5.
        assert!((4_800..=5_200).contains(&same), "{same} of 10000 units on the same arm");
    }
}
