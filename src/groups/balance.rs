//! How alike the two groups were before the experiment began.

use std::collections::BTreeSet;

use super::{Groups, Member};

/// Number, mean and variance of a quantity over a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Items that have it.
    pub items: u64,
    /// Mean, in the unit of the quantity.
    pub mean: f64,
    /// Variance (with n - 1), in the square of that unit; 0 for a single item.
    pub variance: f64,
}

impl Moments {
    /// Those of some integers, exact up to the last step; none of no integer.
    pub fn of(values: impl Iterator<Item = i64>) -> Option<Self> {
        let (mut items, mut sum, mut squares) = (0_i128, 0_i128, 0_i128);
        for value in values.map(i128::from) {
            (items, sum, squares) = (items + 1, sum + value, squares.saturating_add(value * value));
        }
        if items == 0 {
            return None;
        }
        // n Σx² - (Σx)² is an integer: nothing is lost where the mean is much larger than the spread.
        let spread = items.saturating_mul(squares).saturating_sub(sum.saturating_mul(sum)).max(0);
        let variance = if items > 1 { spread as f64 / (items * (items - 1)) as f64 } else { 0.0 };
        Some(Self {
            items: u64::try_from(items).unwrap_or(u64::MAX),
            mean: sum as f64 / items as f64,
            variance,
        })
    }
}

/// What is known of a group before the experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Side {
    /// Its items.
    pub items: u64,
    /// Its families; as many as items where families do not share arms.
    pub families: u64,
    /// Their catalogue prices, in minor units.
    pub price: Option<Moments>,
    /// What they brought before, where that is known.
    pub past: Option<Moments>,
}

/// The two groups beside each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// The items that get the experiment's prices.
    pub positive: Side,
    /// The items that keep the catalogue price.
    pub negative: Side,
}

impl Balance {
    /// Beyond this standardised difference groups are commonly called unbalanced.
    pub const NOTABLE: f64 = 0.1;

    /// The standardised difference of catalogue prices, positive less negative; none where a group has none, or where
    /// neither varies.
    pub fn price_difference(&self) -> Option<f64> {
        standardised(self.positive.price?, self.negative.price?)
    }

    /// The standardised difference of what the items brought before.
    pub fn past_difference(&self) -> Option<f64> {
        standardised(self.positive.past?, self.negative.past?)
    }
}

/// The difference of two means in units of the groups' spread, `(x₁ - x₀) / √((s₁² + s₀²) / 2)`, which unlike a test's
/// p-value does not grow with the number of items.
///
/// Source: P. C. Austin (2009), Balance diagnostics for comparing the distribution of baseline covariates between treatment
/// groups in propensity-score matched samples, Statistics in Medicine 28, section 3.1, DOI 10.1002/sim.3697.
fn standardised(one: Moments, other: Moments) -> Option<f64> {
    let spread = ((one.variance + other.variance) / 2.0).sqrt();
    (spread > 0.0).then(|| (one.mean - other.mean) / spread)
}

impl Groups {
    /// How alike the groups are in their catalogue prices and in what they brought before.
    pub fn balance(&self) -> Balance {
        let of = |members: Vec<&Member>| Side {
            items: members.len() as u64,
            families: members.iter().map(|member| member.family.as_str()).collect::<BTreeSet<_>>().len()
                as u64,
            price: Moments::of(members.iter().map(|member| member.price_minor)),
            past: Moments::of(members.iter().filter_map(|member| member.past)),
        };
        Balance { positive: of(self.positive().collect()), negative: of(self.negative().collect()) }
    }
}
