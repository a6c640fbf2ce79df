//! Places in pages that should have held an item's catalogue price and did not, counted in this isolate.
//!
//! Out of scope: where the counts of all isolates are added up.

use std::cell::RefCell;
use std::collections::BTreeMap;

use haggle::page::PageItem;
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::reasons::Reason;

/// Different places that are counted; a shop whose pages show more has heard of the trouble.
const PLACES_MAX: usize = 1000;

/// How often a place of an item did not hold its catalogue price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatches {
    /// The item.
    pub sku: String,
    /// What the place is called.
    pub surface: String,
    /// How often.
    pub count: u64,
}

#[derive(Clone, Copy, Default)]
struct Count {
    since_start: u64,
    /// Of these, nobody has taken so many yet.
    not_taken: u64,
}

thread_local! {
    static COUNTS: RefCell<BTreeMap<(String, String), Count>> = const { RefCell::new(BTreeMap::new()) };
}

/// Name under which it is counted that an item's price was found in data, and nowhere in what a shopper reads.
const NOT_SHOWN: &str = "no visible price";

/// Whether what the page says of an item would not all be the same price.
pub fn is_wrong(item: &PageItem) -> bool {
    item.has_mismatch() || (item.written > 0 && !item.is_shown())
}

/// Counts what was found wrong on a page; says whether anything was.
pub fn count(items: &[PageItem]) -> bool {
    let mut is_any = false;
    for item in items.iter().filter(|item| is_wrong(item)) {
        is_any = true;
        Reason::SurfaceMismatch.count();
        if item.has_mismatch() {
            item.mismatches.iter().for_each(|surface| add(&item.sku, surface));
        } else {
            add(&item.sku, NOT_SHOWN);
        }
    }
    is_any
}

fn add(sku: &str, surface: &str) {
    COUNTS.with_borrow_mut(|counts| {
        let key = (sku.to_owned(), surface.to_owned());
        if counts.len() < PLACES_MAX || counts.contains_key(&key) {
            let count = counts.entry(key).or_default();
            count.since_start += 1;
            count.not_taken += 1;
        }
    });
}

/// What was counted since it was taken last, to be added to the central store.
pub fn take() -> Vec<Mismatches> {
    COUNTS.with_borrow_mut(|counts| {
        let new = counts.iter_mut().filter(|(_, count)| count.not_taken > 0);
        let taken = new.map(|((sku, surface), count)| Mismatches {
            sku: sku.clone(),
            surface: surface.clone(),
            count: std::mem::take(&mut count.not_taken),
        });
        taken.collect()
    })
}

/// Gives back what was taken and could not be stored.
pub fn give_back(taken: Vec<Mismatches>) {
    COUNTS.with_borrow_mut(|counts| {
        for Mismatches { sku, surface, count } in taken {
            if let Some(known) = counts.get_mut(&(sku, surface)) {
                known.not_taken += count;
            }
        }
    });
}

/// Counts by item since this isolate started.
pub struct Counts;

impl Serialize for Counts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut by_item = BTreeMap::<String, u64>::new();
        COUNTS.with_borrow(|counts| {
            for ((sku, _), count) in counts {
                *by_item.entry(sku.clone()).or_default() += count.since_start;
            }
        });
        let mut map = serializer.serialize_map(Some(by_item.len()))?;
        by_item.iter().try_for_each(|(sku, count)| map.serialize_entry(sku, count))?;
        map.end()
    }
}
