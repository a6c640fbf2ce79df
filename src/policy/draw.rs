//! One arm for one unit, where a publication serves a single unit: the simulator's short cut.
//!
//! In scope: drawing an arm with the probabilities of [`Policy::weights`], as cheaply as can be. Out of scope: floors,
//! rounding to shares, and the hashing of units, which a draw does without.

use rand::{Rng, RngExt};

use super::{Policy, PolicyInput};
use crate::{Posterior, sample};

/// After so many draws of the leader again, a challenger is drawn from P(best) itself: the same law, for the draws do
/// not remember.
const REDRAWS: u32 = 50;

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
            let value = value(&arm.posterior, random);
            if value > best.1 {
                best = (place, value);
            }
        }
    }
    best.0
}

/// A draw of the value of an exposure.
fn value(posterior: &Posterior, random: &mut impl Rng) -> f64 {
    sample::beta(random, posterior.alpha(), posterior.beta()) * posterior.value_minor() as f64
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
fn categorical(weights: &[f64], random: &mut impl Rng) -> usize {
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
