//! How long after its exposure a conversion comes.

use rand::{Rng, RngExt};

use crate::{math, sample};

/// Distribution of the time from an exposure to its conversion, in units.
///
/// A wait is rounded down to whole units, so that of the conversions of exposures which are `age` units old exactly
/// the part F(age) is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Wait {
    /// The same chance at every moment.
    Exponential {
        /// Mean wait: 0.001 to 10^9.
        mean: f64,
    },
    /// Whole units, from 0: the same chance at every unit.
    Geometric {
        /// Mean wait: 0.001 to 10^9.
        mean: f64,
    },
    /// The logarithm of the wait is normal.
    Lognormal {
        /// Mean wait: 0.001 to 10^9.
        mean: f64,
        /// Standard deviation of the logarithm: 0.001 to 10.
        sigma: f64,
    },
    /// One of some values, each with its weight.
    Empirical {
        /// Waits: 0 to 10^9, at most 1000 of them.
        values: Vec<u64>,
        /// Probability of this value or one before it in the list; the last is 1.
        cumulative: Vec<f64>,
    },
}

impl Wait {
    /// These values with these weights, as many; their sum is more than 0.
    pub(super) fn empirical(values: Vec<u64>, weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let sums = weights.iter().scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum / total)
        });
        Self::Empirical { values, cumulative: sums.collect() }
    }

    /// Mean wait in units.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Exponential { mean } | Self::Geometric { mean } | Self::Lognormal { mean, .. } => *mean,
            Self::Empirical { values, cumulative } => {
                let before = std::iter::once(&0.0).chain(cumulative);
                values
                    .iter()
                    .zip(cumulative)
                    .zip(before)
                    .map(|((&v, &to), &from)| v as f64 * (to - from))
                    .sum()
            }
        }
    }

    /// A wait, in whole units.
    pub(super) fn draw(&self, random: &mut impl Rng) -> u64 {
        match self {
            Self::Exponential { mean } => (-math::ln_1p(-random.random::<f64>()) * mean) as u64,
            // P(wait >= w) = (mean / (1 + mean))^w.
            Self::Geometric { mean } => {
                (math::ln_1p(-random.random::<f64>()) / math::ln(mean / (1.0 + mean))) as u64
            }
            Self::Lognormal { mean, sigma } => {
                let location = math::ln(*mean) - 0.5 * sigma * sigma;
                math::exp(location + sigma * sample::normal(random)) as u64
            }
            Self::Empirical { values, cumulative } => {
                let place = random.random::<f64>();
                let at = cumulative.partition_point(|&sum| sum <= place);
                values.get(at).or(values.last()).copied().unwrap_or(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// The mean of 100 000 waits: outside of four standard errors with probability 6e-5 for each distribution.
    #[test]
    fn waits_have_their_mean() {
        let empirical = Wait::empirical(vec![5, 50, 500], &[1.0, 2.0, 1.0]);
        assert!((empirical.mean() - 151.25).abs() < 1e-9);
        for (wait, rounded, sd) in [
            (Wait::Exponential { mean: 40.0 }, 39.5, 40.0),
            (Wait::Geometric { mean: 40.0 }, 40.0, 40.5),
            (Wait::Lognormal { mean: 40.0, sigma: 0.5 }, 39.5, 21.4),
            (empirical, 151.25, 202.0),
        ] {
            let mut random = ChaCha8Rng::seed_from_u64(5);
            let mean = (0..100_000).map(|_| wait.draw(&mut random) as f64).sum::<f64>() / 100_000.0;
            assert!((mean - rounded).abs() < 4.0 * sd / 100_000.0_f64.sqrt() + 0.01, "{wait:?}: {mean}");
        }
    }
}
