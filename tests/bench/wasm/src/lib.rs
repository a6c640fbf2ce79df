//! What the core costs inside of wasm: many operations for one call from JavaScript, built as the Worker is.

use std::collections::BTreeMap;
use std::hint::black_box;

use haggle::page::{Offers, Output, Price, Rewriter};
use haggle::{Site, Snapshot, UnitKey, decide};
use wasm_bindgen::prelude::*;

/// A snapshot to work on.
#[wasm_bindgen]
pub struct Bench {
    snapshot: Snapshot,
}

#[wasm_bindgen]
impl Bench {
    /// Reads snapshot bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: Vec<u8>) -> Result<Bench, JsError> {
        Ok(Self { snapshot: Snapshot::decode(bytes)? })
    }

    /// Decides an item's price for `count` units, from the item's key to the price; the sum of the prices.
    pub fn decide(&self, sku: &str, count: u32) -> f64 {
        let price = |n: u32| {
            let unit = UnitKey::from_bytes(u128::from(n).to_le_bytes());
            decide(&self.snapshot, black_box(sku), &unit, 0)
                .zip(self.snapshot.item(sku))
                .map_or(0, |(decision, item)| item.price(&decision))
        };
        (0..count).map(price).sum::<i64>() as f64
    }

    /// Computes the allocation of an item's experiment `count` times, as an isolate does once per version.
    pub fn allocate(&self, sku: &str, count: u32) -> u32 {
        let Some(item) = self.snapshot.item(sku) else { return 0 };
        let live = item.experiment();
        let first = |_| live.policy().allocate(black_box(live.input())).shares().first().copied();
        (0..count).filter_map(first).fold(0, u32::max)
    }
}

/// A shop whose pages are rewritten, each item a tenth below its catalogue price in US dollars.
#[wasm_bindgen]
pub struct Shop {
    site: Site,
    prices: BTreeMap<String, Price>,
}

impl Offers for Shop {
    fn price(&self, sku: &str) -> Option<Price> {
        self.prices.get(sku).copied()
    }
}

#[wasm_bindgen]
impl Shop {
    /// Reads the shop's site; items and their prices in cents have the same order.
    #[wasm_bindgen(constructor)]
    pub fn new(site_json: &str, skus: Vec<String>, catalogue_minor: Vec<f64>) -> Result<Shop, JsError> {
        let currency = "USD".parse()?;
        let price = |minor: f64| Price {
            catalogue_minor: minor as i64,
            price_minor: (minor * 0.9).round() as i64,
            currency,
            is_disclosed: false,
        };
        let prices = skus.into_iter().zip(catalogue_minor.into_iter().map(price)).collect();
        Ok(Self { site: Site::from_json(site_json)?, prices })
    }

    /// Rewrites a page `count` times, in pieces of 64 KiB; the prices that were written each time.
    pub fn rewrite(&self, path: &str, page: &[u8], count: u32) -> u32 {
        let once = |_| {
            let mut output = Output::default();
            let mut rewriter = Rewriter::new(&self.site, path, self);
            page.chunks(65_536).for_each(|piece| {
                output.bytes.clear();
                rewriter.push(piece, &mut output);
            });
            rewriter.end(black_box(&mut output)).items.iter().map(|item| item.written).sum()
        };
        (0..count).fold(Default::default(), |_, at| once(at))
    }
}
