//! The items of all experiments, in the order of their keys, and their prices on every arm.

use crate::experiment::Unit;
use crate::money::PRICE_MINOR_MAX;
use crate::snapshot::layout::{Draft, ITEM, NEGATIVE, NO_ARM, PRICE, TextPool};
use crate::{Entry, Error, TOTAL};

/// An item on its way into the table.
struct Row<'a> {
    /// Position of the experiment.
    index: usize,
    sku: &'a str,
    price_minor: i64,
    floor_minor: i64,
    ceiling_minor: i64,
    arm: u8,
    propensity: u32,
    is_negative: bool,
    prices: Prices<'a>,
}

enum Prices<'a> {
    /// The prices of the experiment's arms are those of its one item.
    OfArms(&'a Entry<'a>),
    OfItem(&'a [i64]),
}

/// The tables of items and of their prices.
pub(super) fn put_items(entries: &[Entry<'_>], text: &mut TextPool) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let mut rows = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        put_rows(index, entry, &mut rows)?;
    }
    rows.sort_by(|one, other| one.sku.cmp(other.sku));
    let (mut items, mut prices) = (Vec::with_capacity(rows.len() * ITEM), Vec::new());
    for row in &rows {
        let first = (prices.len() / PRICE) as u32;
        row.put_prices(&mut prices)?;
        Draft::new(ITEM)
            .put(&text.add(row.sku))
            .put(&row.price_minor.to_le_bytes())
            .put(&(row.index as u32).to_le_bytes())
            .put(&first.to_le_bytes())
            .put(&bounds_of_item(row.floor_minor, row.ceiling_minor))
            .put(&row.propensity.to_le_bytes())
            .put(&[row.arm, if row.is_negative { NEGATIVE } else { 0 }])
            .finish(&mut items);
    }
    Ok((items, prices))
}

/// Floor and ceiling as an item's record has them; what no price reaches stays out of reach.
pub(in crate::snapshot) fn bounds_of_item(floor_minor: i64, ceiling_minor: i64) -> [u8; 8] {
    let short = |bound: i64| u32::try_from(bound.clamp(0, PRICE_MINOR_MAX + 1)).unwrap_or(u32::MAX);
    let mut bytes = [0; 8];
    let both = [short(floor_minor), short(ceiling_minor)].map(u32::to_le_bytes);
    bytes.iter_mut().zip(both.as_flattened()).for_each(|(to, from)| *to = *from);
    bytes
}

fn put_rows<'a>(index: usize, entry: &'a Entry<'a>, rows: &mut Vec<Row<'a>>) -> Result<(), Error> {
    let (experiment, first) = (entry.experiment, rows.len());
    // An epoch is remembered by what its policy looked at alone: without groups, and without arms of items.
    if experiment.unit != Unit::Visitor && entry.groups.is_none() && entry.arms_of.is_empty() {
        return Ok(());
    }
    if let Some(item) = experiment.item() {
        let bounds = experiment.bounds()?;
        rows.push(Row {
            index,
            sku: &item.sku,
            price_minor: item.price_minor,
            floor_minor: bounds.floor_minor(),
            ceiling_minor: bounds.ceiling_minor(),
            arm: NO_ARM,
            propensity: 0,
            is_negative: false,
            prices: Prices::OfArms(entry),
        });
    } else {
        for member in entry.groups.map_or(&[][..], |groups| groups.members()) {
            if !member.is_negative && member.prices.len() != experiment.arms.len() {
                let what = format!("number of prices of {} in {}", member.sku, experiment.name);
                return Err(Error::value(what, member.prices.len(), experiment.arms.len()));
            }
            rows.push(Row {
                index,
                sku: &member.sku,
                price_minor: member.price_minor,
                floor_minor: member.floor_minor,
                ceiling_minor: member.ceiling_minor,
                arm: NO_ARM,
                propensity: 0,
                is_negative: member.is_negative,
                prices: Prices::OfItem(if member.is_negative { &[] } else { &member.prices }),
            });
        }
    }
    place(entry, rows.get_mut(first..).unwrap_or_default())
}

/// The arm of each item where items are randomised, and the probability with which it got that.
fn place(entry: &Entry<'_>, rows: &mut [Row<'_>]) -> Result<(), Error> {
    let (experiment, arms_of) = (entry.experiment, entry.arms_of);
    let allowed = if experiment.unit == Unit::Visitor { 0 } else { rows.len() };
    if arms_of.len() != allowed {
        let what = format!("number of items of {} that are on an arm", experiment.name);
        return Err(Error::value(what, arms_of.len(), allowed));
    }
    if arms_of.is_empty() {
        return Ok(());
    }
    let allocation = experiment.policy.name.allocate(&entry.input);
    for (row, &arm) in rows.iter_mut().zip(arms_of) {
        let place = usize::from(arm);
        let share = allocation.shares().get(place).copied().unwrap_or(0);
        let (is_fit, allowed) = match row.is_negative {
            true => (place == experiment.control_index(), "the control, as the item is negative"),
            false => (share > 0, "one to which units are sent"),
        };
        if !is_fit {
            let name = experiment.arms.get(place).map_or("none", |arm| &arm.name);
            return Err(Error::value(format!("arm of {} in {}", row.sku, experiment.name), name, allowed));
        }
        row.arm = arm;
        row.propensity = if row.is_negative { TOTAL } else { share };
    }
    Ok(())
}

impl Row<'_> {
    fn put_prices(&self, into: &mut Vec<u8>) -> Result<(), Error> {
        match &self.prices {
            Prices::OfArms(entry) => {
                entry.experiment.arms.iter().try_for_each(|arm| self.put_price(arm.price_minor, into))
            }
            Prices::OfItem(prices) => prices.iter().try_for_each(|&price| self.put_price(price, into)),
        }
    }

    fn put_price(&self, price_minor: i64, into: &mut Vec<u8>) -> Result<(), Error> {
        if !(1..=PRICE_MINOR_MAX).contains(&price_minor) {
            let what = format!("price of {}", self.sku);
            return Err(Error::value(what, price_minor, format!("1 to {PRICE_MINOR_MAX} minor units")));
        }
        into.extend_from_slice(&(price_minor as u32).to_le_bytes());
        Ok(())
    }
}
