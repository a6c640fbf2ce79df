//! One arm for one unit, where a publication serves a single unit: the simulator's short cut.
//!
//! In scope: drawing an arm with the probabilities of [`Policy::weights`], as cheaply as can be. Out of scope: floors,
//! rounding to shares, and the hashing of units, which a draw does without.

use rand::{Rng, RngExt};

use super::{Policy, PolicyInput};

/// After so many draws of the leader again, a challenger is drawn from P(best) itself: the same law, for the draws do
/// not remember.
const REDRAWS: u32 = 250;

impl Policy {
    /// One arm for one unit: the same law as hashing the unit into [`Policy::weights`], without floor and rounding.
    ///
    /// The Thompson family draws once from each posterior instead of integrating P(best); an index policy breaks ties
    /// at random.
    ///
    /// ```
    /// use haggle::{ArmInput, Policy, PolicyInput, Posterior};
    /// use rand::SeedableRng;
    /// let arm = |alpha, beta| Ok::<_, haggle::Error>(ArmInput::new(Posterior::new(alpha, beta, 1900)?, 1900));
    /// let input = PolicyInput::new(vec![arm(21.0, 81.0)?, arm(31.0, 71.0)?], 0)?;
    /// let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    /// let second = (0..1000).filter(|_| Policy::Thompson.draw(&input, &mut random) == 1).count();
    /// assert!((900..990).contains(&second)); // P(best) is 0.948
    /// # Ok::<(), haggle::Error>(())
    /// ```
    pub fn draw(self, input: &PolicyInput, random: &mut impl Rng) -> usize {
        match self {
            Self::Thompson | Self::DiscountedThompson | Self::SlidingThompson => best_draw(input, random),
            Self::TopTwoThompson => top_two(input, random),
            _ => categorical(&self.weights(input), random),
        }
    }
}

/// The arm with the highest of one draw from each live posterior.
fn best_draw(input: &PolicyInput, random: &mut impl Rng) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (place, arm) in input.arms().iter().enumerate() {
        if arm.live {
            let value = arm.posterior.draw(random);
            if value > best.1 {
                best = (place, value);
            }
        }
    }
    best.0
}

/// The arm of a draw with probability β, and else the first one of further draws that is another arm.
fn top_two(input: &PolicyInput, random: &mut impl Rng) -> usize {
    let leader = best_draw(input, random);
    let beta = Policy::TopTwoThompson.parameter(input, 0);
    if random.random::<f64>() < beta || input.live().count() == 1 {
        return leader;
    }
    for _ in 0..REDRAWS {
        let challenger = best_draw(input, random);
        if challenger != leader {
            return challenger;
        }
    }
    // Where nothing is left for the others they share equally, as in the closed form.
    let mut others = Policy::Thompson.weights(input);
    for (place, (other, arm)) in others.iter_mut().zip(input.arms()).enumerate() {
        *other = if arm.live && place != leader { other.max(f64::MIN_POSITIVE) } else { 0.0 };
    }
    categorical(&others, random)
}

/// A place with probability in proportion to its weight.
pub(crate) fn categorical(weights: &[f64], random: &mut impl Rng) -> usize {
    let mut left = random.random::<f64>() * weights.iter().sum::<f64>();
    let mut last = 0;
    for (place, &weight) in weights.iter().enumerate() {
        if weight > 0.0 {
            last = place;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArmInput;
    use crate::Posterior;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn input(posteriors: &[(f64, f64)]) -> PolicyInput {
        let arm = |&(alpha, beta): &(f64, f64)| {
            let posterior = Posterior::new(alpha, beta, 1900).unwrap();
            let arm = ArmInput::new(posterior, 1900).counted(alpha + beta - 2.0, alpha - 1.0);
            ArmInput { loss: beta, fixed_share: alpha as u32, ..arm }
        };
        let mut arms: Vec<ArmInput> = posteriors.iter().map(arm).collect();
        arms.insert(1, ArmInput { live: false, ..arms[0] });
        PolicyInput::new(arms, 0).unwrap()
    }

    /// Chi-square of so many draws against the weights. What is expected less than five times counts as one kind.
    fn chi_square(policy: Policy, input: &PolicyInput, draws: u32) -> f64 {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let mut counts = vec![0.0; input.arms().len()];
        (0..draws).for_each(|_| counts[policy.draw(input, &mut random)] += 1.0);
        let weights = policy.weights(input);
        let sum: f64 = weights.iter().sum();
        let (mut chi, mut rare) = (0.0, (0.0, 0.0));
        for (weight, count) in weights.iter().zip(counts) {
            let expected = weight / sum * f64::from(draws);
            if expected < 5.0 {
                rare = (rare.0 + expected, rare.1 + count);
            } else {
                chi += (count - expected) * (count - expected) / expected;
            }
        }
        // Of none expected none is drawn; of few, ten more would be far off.
        assert!(rare.1 <= if rare.0 == 0.0 { 0.0 } else { rare.0 + 10.0 }, "{policy:?}: {rare:?}");
        chi
    }

    /// At most three degrees of freedom: above 25.9 with probability 1e-5, for each of the policies.
    #[test]
    fn units_are_drawn_with_the_probabilities_of_the_weights() {
        let spread = input(&[(21.0, 81.0), (31.0, 71.0), (26.0, 76.0), (3.0, 9.0)]);
        let tied = input(&[(21.0, 81.0), (31.0, 71.0), (31.0, 71.0)]);
        use Policy::*;
        for policy in [Fixed, Thompson, SlidingThompson, TopTwoThompson, EpsilonGreedy, Softmax, Ucb1, Exp3Ix]
        {
            for input in [&spread, &tied] {
                let chi = chi_square(policy, input, 4000);
                assert!(chi < 25.9, "{policy:?}: chi-square {chi}");
            }
        }
    }

    /// P(best) of the leader is above 1 - 1e-9, so that every challenger comes from P(best) itself; of the three others
    /// the first leads the rest by far. False alarm as above.
    #[test]
    fn a_challenger_is_found_behind_a_leader_that_is_all_but_certain() {
        let certain = input(&[(900.0, 100.0), (40.0, 60.0), (36.0, 64.0), (30.0, 70.0)]);
        let chi = chi_square(Policy::TopTwoThompson, &certain, 500);
        assert!(chi < 25.9, "chi-square {chi}");
        let alone = input(&[(2.0, 3.0)]);
        assert_eq!(Policy::TopTwoThompson.draw(&alone, &mut ChaCha8Rng::seed_from_u64(1)), 0);
    }
}
