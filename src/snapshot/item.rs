//! The items of a snapshot: which experiment prices each, on which arm it is where everybody sees the same, and its price
//! on every arm.

use super::layout::{ITEM, NEGATIVE, NO_ARM, PRICE, Record};
use super::{LiveExperiment, Snapshot, record};
use crate::money::PRICE_MINOR_MAX;
use crate::{Error, TOTAL};

/// An item of a running experiment.
#[derive(Debug, Clone, Copy)]
pub struct ListedItem<'a> {
    experiment: &'a LiveExperiment,
    sku: &'a str,
    price_minor: i64,
    floor_minor: i64,
    ceiling_minor: i64,
    /// Where items are randomised.
    arm: Option<usize>,
    propensity: u32,
    is_negative: bool,
    /// Of each arm, one after the other; none of a negative item.
    prices: &'a [u8],
}

/// The price that everybody sees for an item, where items are randomised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedPrice {
    /// Position of the item's arm in the experiment.
    pub arm: usize,
    /// Price of one unit.
    pub price_minor: i64,
    /// Probability with which the item was sent to this arm, out of [`TOTAL`].
    pub propensity: u32,
    /// Allocation under which it was.
    pub epoch: u32,
    /// Until when the price holds, in milliseconds since 1970-01-01 UTC; 0 where no end is known.
    pub until_ms: u64,
}

impl<'a> ListedItem<'a> {
    /// The shop's key of the item.
    pub fn sku(&self) -> &'a str {
        self.sku
    }

    /// The experiment that prices the item.
    pub fn experiment(&self) -> &'a LiveExperiment {
        self.experiment
    }

    /// Catalogue price of the item.
    pub fn price_minor(&self) -> i64 {
        self.price_minor
    }

    /// Least price that the guardrails of today allow for it; the catalogue price is always allowed.
    pub fn floor_minor(&self) -> i64 {
        self.floor_minor
    }

    /// Largest price that the guardrails of today allow for it.
    pub fn ceiling_minor(&self) -> i64 {
        self.ceiling_minor
    }

    /// Whether it keeps the catalogue price, to be compared with.
    pub fn is_negative(&self) -> bool {
        self.is_negative
    }

    /// Its price on an arm of its experiment. None where there is no such arm, where the item is negative, and where the
    /// guardrails of today do not allow the price, as may be with an arm that was retired before they were set.
    pub fn price_of(&self, arm: usize) -> Option<i64> {
        let price = self.stored(arm)?;
        (price == self.price_minor || self.check(&String::new, price).is_ok()).then_some(price)
    }

    /// Whether a price of it keeps the guardrails of its experiment.
    ///
    /// # Errors
    /// Says which bound the price (`what`) breaks, and what is allowed.
    pub fn check(&self, what: &dyn Fn() -> String, price_minor: i64) -> Result<(), Error> {
        self.check_amount(what, price_minor)?;
        self.experiment.guardrails.check_form(what, price_minor)
    }

    /// Whether a price lies within floor and ceiling of it.
    ///
    /// # Errors
    /// Says which bound the price (`what`) breaks, and what is allowed.
    pub fn check_amount(&self, what: &dyn Fn() -> String, price_minor: i64) -> Result<(), Error> {
        if price_minor < self.floor_minor {
            let allowed = format!("at least {}, by the floor", self.floor_minor);
            return Err(Error::value(what(), price_minor, allowed));
        }
        if price_minor > self.ceiling_minor {
            let allowed = format!("at most {}, by the ceiling", self.ceiling_minor);
            return Err(Error::value(what(), price_minor, allowed));
        }
        Ok(())
    }

    /// The price that everybody sees. None where visitors are randomised, for a negative item, and while its experiment
    /// is stopped or paused: then everybody sees the catalogue price.
    pub fn shared(&self) -> Option<SharedPrice> {
        let experiment = self.experiment;
        let arm =
            self.arm.filter(|_| !self.is_negative && !experiment.is_stopped && !experiment.is_paused)?;
        Some(SharedPrice {
            arm,
            price_minor: self.price_of(arm).unwrap_or(self.price_minor),
            propensity: self.propensity,
            epoch: experiment.epoch,
            until_ms: experiment.until_ms,
        })
    }

    fn stored(&self, arm: usize) -> Option<i64> {
        Record(self.prices).u32(arm.checked_mul(PRICE)?).ok().map(i64::from)
    }
}

impl Snapshot {
    pub(super) fn read_item(&self, i: usize) -> Result<ListedItem<'_>, Error> {
        let item = record(&self.bytes, self.parts.items, ITEM, i);
        let sku = item.text(0, self.bytes.get(self.parts.text..self.parts.site).unwrap_or_default())?;
        let experiment = self.experiments.get(item.u32(16)? as usize);
        let experiment =
            experiment.ok_or_else(|| Error::snapshot(format!("item {sku} has no experiment")))?;
        let is_negative = item.u8(37)? & NEGATIVE != 0;
        let arms = if is_negative { 0 } else { experiment.arms.len() };
        let first = (item.u32(20)? as usize).saturating_mul(PRICE);
        let table = self.bytes.get(self.parts.prices..self.parts.numbers).unwrap_or_default();
        let prices = first.checked_add(arms * PRICE).and_then(|end| table.get(first..end));
        let arm = item.u8(36)?;
        Ok(ListedItem {
            experiment,
            sku,
            price_minor: item.i64(8)?,
            floor_minor: item.u32(24)?.into(),
            ceiling_minor: item.u32(28)?.into(),
            arm: (arm != NO_ARM).then_some(usize::from(arm)),
            propensity: item.u32(32)?,
            is_negative,
            prices: prices
                .ok_or_else(|| Error::snapshot(format!("item {sku} has prices outside of the table")))?,
        })
    }

    /// Every item can be read, stands once and in order, has an arm exactly where items are randomised, and has prices
    /// that may be shown.
    pub(super) fn check_items(&self) -> Result<(), Error> {
        let mut last = None;
        for i in 0..self.items {
            let item = self.read_item(i)?;
            let sku = item.sku;
            if last.is_some_and(|last| last >= sku) {
                let given = format!("{sku:?} twice");
                return Err(Error::value("item.sku", given, "priced by one experiment at a time"));
            }
            if !(1..=PRICE_MINOR_MAX).contains(&item.price_minor) {
                return Err(Error::snapshot(format!("the catalogue price of {sku} is out of bounds")));
            }
            let is_placed = match item.arm {
                None => item.experiment.is_of_visitors() && item.propensity == 0,
                Some(arm) => {
                    !item.experiment.is_of_visitors()
                        && arm < item.experiment.arms.len()
                        && (1..=TOTAL).contains(&item.propensity)
                }
            };
            if !is_placed {
                return Err(Error::snapshot(format!("item {sku} has an arm that it cannot have")));
            }
            if !item.is_negative {
                item.check_prices()?;
            }
            last = Some(sku);
        }
        Ok(())
    }
}

impl ListedItem<'_> {
    /// The control is at the catalogue price, and the price of every arm to which units are sent keeps the guardrails.
    fn check_prices(&self) -> Result<(), Error> {
        let (sku, experiment) = (self.sku, self.experiment);
        if self.stored(experiment.control) != Some(self.price_minor) {
            return Err(Error::snapshot(format!("the control of {sku} is not at the catalogue price")));
        }
        for (place, (arm, input)) in experiment.arms.iter().zip(experiment.input.arms()).enumerate() {
            let price = self.stored(place).unwrap_or_default();
            if !(1..=PRICE_MINOR_MAX).contains(&price) {
                return Err(Error::snapshot(format!("item {sku} has a price out of bounds")));
            }
            if input.live && price != self.price_minor {
                let what = || format!("price_minor of arm {} of {} for {sku}", arm.name, experiment.name);
                self.check(&what, price)?;
            }
        }
        Ok(())
    }
}
