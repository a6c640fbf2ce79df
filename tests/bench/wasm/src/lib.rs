//! What the core costs inside of wasm: many operations for one call from JavaScript, built as the Worker is.

use std::hint::black_box;

use haggle::{Snapshot, UnitKey, decide};
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
            decide(&self.snapshot, black_box(sku), &unit, 0).map_or(0, |decision| decision.price_minor())
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
