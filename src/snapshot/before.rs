//! Format 3, which knew one item in each experiment and visitors alone: its bytes as those of the newest format, so that
//! everything else knows one.

use super::layout::{
    ARM, CHECKSUM_FROM, Draft, EXPERIMENT, FORMAT, HEADER, ITEM, NO_ARM, NUMBER, PRICE, Record,
};
use super::{encode, record};
use crate::money::PRICE_MINOR_MAX;
use crate::{ARMS_MAX, Error};

const EXPERIMENT_BEFORE: usize = 152;
const ITEM_BEFORE: usize = 24;

/// A snapshot of format 3, whose checksum is right, in the newest format.
pub(super) fn upgraded(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let header = Record(bytes);
    let [experiments, arms, items, text, numbers, site] =
        [32, 36, 40, 44, 48, 52].map(|at| header.u32(at).unwrap_or(0) as usize);
    let after = |from: usize, count: usize, size: usize| from.saturating_add(count.saturating_mul(size));
    let arms_at = after(HEADER, experiments, EXPERIMENT_BEFORE);
    let items_at = after(arms_at, arms, ARM);
    let numbers_at = after(items_at, items, ITEM_BEFORE);
    if after(after(after(numbers_at, numbers, NUMBER), text, 1), site, 1) != bytes.len() {
        return Err(Error::snapshot("its counts do not fit its length"));
    }
    let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
    let records = part(HEADER, arms_at);
    let (mut new_items, mut prices) = (Vec::with_capacity(items * ITEM), Vec::new());
    for item in part(items_at, numbers_at).chunks_exact(ITEM_BEFORE) {
        let number = Record(item).u32(16)? as usize;
        let experiment = record(records, 0, EXPERIMENT_BEFORE, number);
        let first = (prices.len() / PRICE) as u32;
        put_prices(experiment, part(arms_at, items_at), &mut prices)?;
        let [floor, ceiling] = [104, 112].map(|at| experiment.i64(at).unwrap_or(0));
        Draft::new(ITEM)
            .put(item.get(..20).unwrap_or_default())
            .put(&first.to_le_bytes())
            .put(&encode::bounds_of_item(floor, ceiling))
            .put(&[0; 4])
            .put(&[NO_ARM, 0])
            .finish(&mut new_items);
    }
    let mut body = FORMAT.to_le_bytes().to_vec();
    body.extend_from_slice(part(CHECKSUM_FROM + 2, HEADER - PRICE));
    body.extend_from_slice(&((prices.len() / PRICE) as u32).to_le_bytes());
    for experiment in records.chunks_exact(EXPERIMENT_BEFORE) {
        Draft::new(EXPERIMENT).put(experiment).finish(&mut body);
    }
    body.extend_from_slice(part(arms_at, items_at));
    body.append(&mut new_items);
    body.append(&mut prices);
    body.extend_from_slice(part(numbers_at, bytes.len()));
    Ok(encode::sealed(body))
}

/// The prices of an experiment's arms, which are those of its item.
fn put_prices(experiment: Record<'_>, arms: &[u8], into: &mut Vec<u8>) -> Result<(), Error> {
    let (first, count) = (experiment.u32(24)? as usize, usize::from(experiment.u8(48)?));
    if count > ARMS_MAX {
        return Err(Error::snapshot("an experiment has too many arms"));
    }
    for i in first..first.saturating_add(count) {
        let price = record(arms, 0, ARM, i).i64(8)?;
        let price = u32::try_from(price).ok().filter(|&price| i64::from(price) <= PRICE_MINOR_MAX);
        let price = price.ok_or_else(|| Error::snapshot("an arm has a price out of bounds"))?;
        into.extend_from_slice(&price.to_le_bytes());
    }
    Ok(())
}
