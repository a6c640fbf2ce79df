//! The positive group against the negative one: items that had the experiment's prices against items that kept theirs.

use std::collections::BTreeMap;

use super::{CLUSTERS_LEAST, Estimate, Question, Seen, freedom};
use crate::{Error, Groups};

/// What a cluster brought over the whole time that is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Total {
    /// Net profit or net revenue, in minor units.
    pub value_minor: i64,
    /// Hours in which that was counted. More than 0; what has none is left out.
    pub hours: f64,
    /// What the cluster brought before the experiment, where that is known.
    pub past: Option<i64>,
}

/// What was drawn to the positive and to the negative group, with what it brought in so many hours: items, or families
/// where those came to a group as a whole. `value_minor` tells what an item brought.
pub fn totals(groups: &Groups, hours: f64, value_minor: &dyn Fn(&str) -> i64) -> [Vec<Total>; 2] {
    [false, true].map(|is_negative| {
        let mut clusters: BTreeMap<&str, Total> = BTreeMap::new();
        for member in groups.members().iter().filter(|member| member.is_negative == is_negative) {
            let none = Total { value_minor: 0, hours, past: Some(0) };
            let total = clusters.entry(&member.family).or_insert(none);
            total.value_minor = total.value_minor.saturating_add(value_minor(&member.sku));
            // A family's past is known where that of all its items is.
            total.past = total.past.zip(member.past).map(|(sum, past)| sum.saturating_add(past));
        }
        clusters.into_values().collect()
    })
}

/// What an item (or family) of the positive group brought more than one of the negative group, in minor units per item
/// and [`Question::per_hours`]; `None` until each group has five.
///
/// Which items are in which group was drawn once, so each is one observation. Where the past of all is known, what
/// follows from it is taken out first (CUPED): with θ the slope of the value on the past within the groups, each value
/// counts as `Y - θ (X - mean X)`, which keeps the difference's expectation and leaves the part of the variance that the
/// past does not explain. The variances of the groups stand for themselves (Welch). Sources: Deng, Xu, Kohavi and Walker
/// (2013), *Improving the sensitivity of online controlled experiments by utilizing pre-experiment data*,
/// doi:10.1145/2433396.2433413; Lin (2013), doi:10.1214/12-AOAS583 (what a slope estimated from the same items does to
/// the interval: nothing that does not vanish with their number).
///
/// ```
/// use haggle::cluster::{Question, Total, between_groups};
/// let item = |past: i64, more: i64| Total { value_minor: 28 * (past + more), hours: 672.0, past: Some(past) };
/// let positive: Vec<Total> = (0..30).map(|n| item(1000 + n * n, 50 + n % 7)).collect();
/// let negative: Vec<Total> = (0..30).map(|n| item(900 + n * n, n % 5)).collect();
/// let found = between_groups(&positive, &negative, &Question::per(24.0))?.ok_or("too few items")?;
/// assert!((found.value - 51.0).abs() < 2.0 && found.se < 2.0, "{found:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A question out of bounds.
pub fn between_groups(
    positive: &[Total],
    negative: &[Total],
    question: &Question,
) -> Result<Option<Estimate>, Error> {
    super::check(question)?;
    let [positive, negative] = [positive, negative].map(|group| Group::new(group, question.per_hours));
    let clusters = positive.items.len() + negative.items.len();
    if positive.items.len().min(negative.items.len()) < CLUSTERS_LEAST {
        return Ok(None);
    }
    let theta = slope(&positive, &negative);
    let [positive, negative] = [positive, negative].map(|group| group.adjusted(theta));
    let value = positive.0 - negative.0;
    // Of each group the squares of its residuals over n (n - 1): its part of the variance.
    let parts = [&positive.1, &negative.1].map(|residuals| {
        let n = residuals.len() as f64;
        // One more degree of freedom goes into a slope, half of it from each group.
        let spent = if theta == 0.0 { 1.0 } else { 1.5 };
        let variance = residuals.iter().map(|u| u * u).sum::<f64>() / (n * (n - spent));
        (variance, freedom(residuals))
    });
    let variance: f64 = parts.iter().map(|part| part.0).sum();
    // Welch and Satterthwaite.
    let spread: f64 = parts.iter().map(|(variance, freedom)| variance * variance / freedom).sum();
    let freedom = if spread > 0.0 { variance * (variance / spread) } else { 1.0 };
    let seen = Seen { clusters, observations: clusters, left_out: 0 };
    Estimate::new(value, variance.sqrt(), freedom.max(1.0), seen, question)
}

/// Items of one group with what they brought and, where it is known of all of them, their past.
struct Group {
    items: Vec<(f64, Option<f64>)>,
    mean: f64,
    mean_past: f64,
}

impl Group {
    fn new(totals: &[Total], per_hours: f64) -> Self {
        let counted = totals.iter().filter(|total| total.hours > 0.0 && total.hours.is_finite());
        let item = |total: &Total| {
            let value = total.value_minor as f64 / total.hours * per_hours;
            (value, total.past.map(|past| past as f64))
        };
        let items: Vec<(f64, Option<f64>)> = counted.map(item).collect();
        let n = items.len().max(1) as f64;
        let mean = items.iter().map(|item| item.0).sum::<f64>() / n;
        let mean_past = items.iter().filter_map(|item| item.1).sum::<f64>() / n;
        Self { items, mean, mean_past }
    }

    fn has_past(&self) -> bool {
        self.items.iter().all(|item| item.1.is_some())
    }

    /// The adjusted mean, less what both groups have in common, and the residuals around it.
    fn adjusted(&self, theta: f64) -> (f64, Vec<f64>) {
        let residual = |&(value, past): &(f64, Option<f64>)| {
            value - self.mean - theta * (past.unwrap_or_default() - self.mean_past)
        };
        (self.mean - theta * self.mean_past, self.items.iter().map(residual).collect())
    }
}

/// Slope of the value on the past within the groups; 0 where a past is not known, or is everybody's.
fn slope(positive: &Group, negative: &Group) -> f64 {
    if !(positive.has_past() && negative.has_past()) {
        return 0.0;
    }
    let (mut products, mut squares) = (0.0, 0.0);
    for group in [positive, negative] {
        for (value, past) in &group.items {
            let x = past.unwrap_or_default() - group.mean_past;
            products += x * (value - group.mean);
            squares += x * x;
        }
    }
    if squares > 0.0 { products / squares } else { 0.0 }
}
