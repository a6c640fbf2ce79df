//! At which price how many buy: what was observed, and the curve through it.

use super::{DEVIATIONS, Evidence};
use crate::Error;
use crate::inference::{Interval, rate_sequence};
use crate::policy::DemandCurve;

/// Prices that the curve is told at.
const PRICES: i64 = 60;

/// What was observed at the price of an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct PricePoint {
    /// Name of the arm.
    pub name: String,
    /// Its price; the mean over the items where there are many.
    pub price_minor: i64,
    /// Part of the exposures that converted; NaN without exposures.
    pub rate: f64,
    /// Where the rate lies at all looks together, at 95 %; NaN at both ends where items are randomised.
    pub at_any_look: Interval,
    /// Exposures it was observed in.
    pub exposures: i64,
}

/// The fitted curve on evenly spaced prices, from below the lowest arm's to above the highest's.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Prices.
    pub price_minor: Vec<f64>,
    /// Rate there, with both parameters at their means.
    pub rate: Vec<f64>,
    /// 95 % of the belief about the curve lies above this,
    pub low: Vec<f64>,
    /// and below this.
    pub high: Vec<f64>,
    /// How probably a true curve would fit as badly as this one or worse: below 0.01 do not believe it. Range: `[0, 1]`.
    pub fit: f64,
}

/// Observed and fitted demand.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// What was observed, in the order of the arms: the same as the rates of `standing`.
    pub points: Vec<PricePoint>,
    /// The curve; `None` where items are randomised, or fewer than two prices have orders.
    pub curve: Option<Curve>,
}

impl Evidence {
    /// Observed and fitted demand.
    ///
    /// Points are as counted, each with [`rate_sequence`]; the curve is [`DemandCurve`] through what exposures count for
    /// once orders under way are allowed for, dead arms included.
    ///
    /// # Errors
    /// Counts that no exposures can have.
    pub fn demand(&self) -> Result<Demand, Error> {
        let mut counts = vec![(0_i64, 0_i64); self.experiment.arms.len()];
        for period in self.basis() {
            for (sum, tally) in counts.iter_mut().zip(&period.arms) {
                *sum = (sum.0.saturating_add(tally.exposures), sum.1.saturating_add(tally.conversions));
            }
        }
        let mut points = Vec::with_capacity(counts.len());
        for (arm, (exposures, conversions)) in self.experiment.arms.iter().zip(counts) {
            let at_any_look = if self.is_of_visitors() {
                rate_sequence(exposures, conversions, 0.05)?
            } else {
                Interval { low: f64::NAN, high: f64::NAN }
            };
            points.push(PricePoint {
                name: arm.name.clone(),
                price_minor: arm.price_minor,
                rate: conversions as f64 / exposures as f64,
                at_any_look,
                exposures,
            });
        }
        Ok(Demand { points, curve: self.curve()? })
    }

    fn curve(&self) -> Result<Option<Curve>, Error> {
        let Some(input) = self.input()? else { return Ok(None) };
        let sold = || input.arms().iter().filter(|arm| arm.conversions > 0.0).map(|arm| arm.price_minor);
        let has_two = sold().any(|price_minor| Some(price_minor) != sold().next());
        let prices = || input.arms().iter().map(|arm| arm.price_minor);
        let (Some(least), Some(most), true) = (prices().min(), prices().max(), has_two) else {
            return Ok(None);
        };
        let fitted = DemandCurve::fit(input.arms());
        let (from, to) = ((least - (most - least) / 10).max(1), most + (most - least) / 10);
        let mut curve =
            Curve { price_minor: vec![], rate: vec![], low: vec![], high: vec![], fit: fitted.fit };
        for step in 0..=PRICES {
            let price_minor = from + (to - from) * step / PRICES;
            let (low, high) = fitted.interval_at(price_minor, DEVIATIONS);
            curve.price_minor.push(price_minor as f64);
            curve.rate.push(fitted.rate_at(price_minor));
            curve.low.push(low);
            curve.high.push(high);
        }
        Ok(Some(curve))
    }
}
