//! The core in the browser: a mirror, not a brain. Every number here is computed by the crate `haggle`.
//!
//! Out of scope: fetching the snapshot and the unit, which is the page's business, and signing, whose keys never
//! reach a browser.

use haggle::{Choice, Snapshot, UnitKey};
use js_sys::Uint8Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// A published snapshot in the browser.
#[wasm_bindgen]
pub struct Preview {
    snapshot: Snapshot,
}

/// What a unit is shown for an item.
#[derive(Serialize)]
struct Shown<'a> {
    sku: &'a str,
    experiment: &'a str,
    arm: &'a str,
    price_minor: i64,
    catalogue_minor: i64,
    currency: String,
    minor_digits: u32,
    propensity: u32,
    holdout: bool,
    epoch: u32,
}

/// An item with the allocation that prices it.
#[derive(Serialize)]
struct Listed<'a> {
    sku: &'a str,
    experiment: &'a str,
    policy: &'static str,
    catalogue_minor: i64,
    arms: Vec<ListedArm<'a>>,
}

#[derive(Serialize)]
struct ListedArm<'a> {
    name: &'a str,
    price_minor: i64,
    share: u32,
}

#[wasm_bindgen]
impl Preview {
    /// Reads snapshot bytes; throws with the reason if they are not a snapshot which this build reads.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &Uint8Array) -> Result<Preview, JsError> {
        Ok(Self { snapshot: Snapshot::decode(bytes.to_vec())? })
    }

    /// Version of the snapshot.
    #[wasm_bindgen(getter)]
    pub fn version(&self) -> f64 {
        self.snapshot.version() as f64
    }

    /// When it was published, in milliseconds since 1970-01-01 UTC.
    #[wasm_bindgen(getter, js_name = publishedAtMs)]
    pub fn published_at_ms(&self) -> f64 {
        self.snapshot.published_at_ms() as f64
    }

    /// Every priced item with its allocation.
    pub fn items(&self) -> Result<JsValue, JsError> {
        let items = self.snapshot.items().map(|(sku, item)| {
            let live = item.experiment();
            let arms = live.arms().iter().zip(live.allocation().shares());
            let price = |place| item.price_of(place).unwrap_or(item.price_minor());
            let arms = arms.enumerate().map(|(place, (arm, &share))| ListedArm {
                name: &arm.name,
                price_minor: price(place),
                share,
            });
            Listed {
                sku,
                experiment: live.name(),
                policy: live.policy().name(),
                catalogue_minor: item.price_minor(),
                arms: arms.collect(),
            }
        });
        to_js(&items.collect::<Vec<_>>())
    }

    /// What a unit without a pin is shown for an item; `undefined` for an item without experiment or whose experiment is stopped
    /// or paused. Where items are randomised, it is what everybody is shown.
    ///
    /// `unit` is 32 hexadecimal digits, as `GET /haggle/v1/unit` gives them.
    pub fn decide(&self, unit: &str, sku: &str) -> Result<JsValue, JsError> {
        let unit: UnitKey = unit.parse()?;
        let Some(item) = self.snapshot.item(sku) else { return Ok(JsValue::UNDEFINED) };
        let decision = haggle::decide(&self.snapshot, sku, &unit, self.snapshot.published_at_ms());
        let Some(decision) = decision else { return Ok(JsValue::UNDEFINED) };
        let currency = decision.experiment.currency();
        to_js(&Shown {
            sku,
            experiment: decision.experiment.name(),
            arm: decision.arm_name(),
            price_minor: item.price(&decision),
            catalogue_minor: item.price_minor(),
            currency: currency.to_string(),
            minor_digits: currency.minor_digits(),
            propensity: decision.propensity,
            holdout: decision.choice == Choice::Holdout,
            epoch: decision.epoch,
        })
    }
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsError> {
    serde_wasm_bindgen::to_value(value).map_err(|error| JsError::new(&error.to_string()))
}
