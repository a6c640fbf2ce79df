//! Places in pages that should have held an item's catalogue price and did not, and places that do not hold the
//! visitor's price in a page that went out: counted in this isolate, and added to the central store every ten seconds.
//!
//! What went out is read again for a share of the pages that were rewritten as a whole (`AUDIT_SAMPLE`). It is read by more
//! rules than those of the shop: what schema.org and Open Graph say of a price is read by others, whoever wrote it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use haggle::audit;
use haggle::page::PageItem;
use serde::Serialize;
use worker::{Context, Env};

use crate::central;
use crate::clock;
use crate::publisher::EMPTY_SITE;
use crate::reasons::Reason;
use crate::visitor::{PageOffers, Visitor};

/// Different places that are counted at a time; a shop whose pages show more has heard of the trouble.
const PLACES_MAX: usize = 1000;

/// Least milliseconds between two additions of an isolate to the central store.
const FLUSH_MS: u64 = 10_000;

/// How often a place of an item did not hold its catalogue price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatches {
    /// The item.
    pub sku: String,
    /// What the place is called.
    pub surface: String,
    /// [`INPUT`] or [`OUTPUT`].
    pub kind: String,
    /// How often.
    pub count: u64,
}

/// The shop's page did not hold the catalogue price: the item was left alone.
const INPUT: &str = "input";

/// The page that went out does not hold the visitor's price.
const OUTPUT: &str = "output";

thread_local! {
    /// What the central store does not have yet, by item, place and kind.
    static COUNTS: RefCell<BTreeMap<(String, String, String), u64>> = const { RefCell::new(BTreeMap::new()) };
    static FLUSHED_AT_MS: Cell<u64> = const { Cell::new(0) };
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
            item.mismatches.iter().for_each(|surface| add(&item.sku, surface, INPUT, 1));
        } else {
            add(&item.sku, NOT_SHOWN, INPUT, 1);
        }
    }
    is_any
}

/// Reads a page that goes out again, if it is one of the sample, and counts what does not say the visitor's price.
pub fn sample(visitor: &Visitor, path: &str, without: &[String], bytes: &[u8]) {
    if !visitor.is_sampled() {
        return;
    }
    let snapshot = visitor.snapshot();
    let own = std::str::from_utf8(snapshot.site_json()).ok().filter(|json| !json.is_empty());
    let Ok(site) = audit::wider(own.unwrap_or(EMPTY_SITE)) else { return };
    let checked = audit::check(&site, path, &PageOffers::of(visitor, without), bytes);
    checked.mismatches.iter().for_each(|one| add(&one.sku, &one.surface, OUTPUT, 1));
}

fn add(sku: &str, surface: &str, kind: &str, count: u64) {
    COUNTS.with_borrow_mut(|counts| {
        let key = (sku.to_owned(), surface.to_owned(), kind.to_owned());
        if counts.len() < PLACES_MAX || counts.contains_key(&key) {
            *counts.entry(key).or_default() += count;
        }
    });
}

/// Adds what was counted to the central store once the response is out, if it is time to.
pub fn flush_later(env: &Env, context: &Context) {
    if COUNTS.with_borrow(BTreeMap::is_empty) {
        return;
    }
    if clock::machine_ms() >= FLUSHED_AT_MS.get().saturating_add(FLUSH_MS) {
        let env = env.clone();
        context.wait_until(async move { flush(&env).await });
    }
}

/// Adds what was counted to the central store now; what it does not take is kept for the next time.
pub async fn flush(env: &Env) {
    let counts = COUNTS.take();
    if counts.is_empty() {
        return;
    }
    let now_ms = clock::now_ms();
    FLUSHED_AT_MS.set(clock::machine_ms());
    let of = |((sku, surface, kind), count)| Mismatches { sku, surface, kind, count };
    let mismatches: Vec<Mismatches> = counts.into_iter().map(of).collect();
    if let Err(error) = central::add_mismatches(env, &mismatches, now_ms).await {
        worker::console_error!("mismatches: {error}");
        mismatches.iter().for_each(|one| add(&one.sku, &one.surface, &one.kind, one.count));
    }
}
