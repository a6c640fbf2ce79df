//! The core in the browser: what a visitor is shown, and why. Every number here is computed by the crate `haggle`.
//!
//! The shares of the arms are given, as the Worker has computed and published them: so this module is small, and decides
//! by no other numbers than the Worker.
//!
//! Out of scope: fetching the snapshot and the unit, which is the page's business, signing, whose keys never reach a
//! browser, and what a visitor was shown before, which is in its cookies.

use haggle::snapshot::ListedItem;
use haggle::{Choice, Decision, LiveExperiment, Snapshot, UnitKey};
use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

/// A published snapshot in the browser.
#[wasm_bindgen]
pub struct Preview {
    snapshot: Snapshot,
}

/// What is needed of the snapshot's view in JSON.
#[derive(Deserialize)]
struct View {
    version: f64,
    experiments: Vec<ViewOfExperiment>,
}

#[derive(Deserialize)]
struct ViewOfExperiment {
    name: String,
    arms: Vec<ViewOfArm>,
}

#[derive(Deserialize)]
struct ViewOfArm {
    share: u32,
}

/// What a unit is shown for an item.
#[derive(Serialize)]
struct Shown<'a> {
    sku: &'a str,
    experiment: &'a str,
    price_minor: i64,
    catalogue_minor: i64,
    floor_minor: i64,
    ceiling_minor: i64,
    currency: String,
    minor_digits: u32,
    /// `arm`, `holdout`, `negative`, `paused`, `stopped`, or `everybody` where items are randomised.
    why: &'static str,
    /// Under which name it is counted: the arm, `holdout` or `negative`; undefined where nothing is decided.
    arm: Option<&'a str>,
    propensity: u32,
    epoch: u32,
    /// The guardrails of today do not allow the arm's price: the catalogue price stands.
    is_guarded: bool,
}

/// An item with the allocation that prices it.
#[derive(Serialize)]
struct Listed<'a> {
    sku: &'a str,
    experiment: &'a str,
    policy: &'static str,
    unit: &'static str,
    catalogue_minor: i64,
    floor_minor: i64,
    ceiling_minor: i64,
    currency: String,
    minor_digits: u32,
    holdout: u32,
    arms: Vec<ListedArm<'a>>,
}

#[derive(Serialize)]
struct ListedArm<'a> {
    name: &'a str,
    price_minor: i64,
    share: u32,
    /// `live`, `entering`, or `closed`: units are sent to it, as to a new one, or not.
    state: &'static str,
}

#[wasm_bindgen]
impl Preview {
    /// Reads the bytes of a snapshot and, for the shares of its arms, its view in JSON: both as `GET /haggle/v1/snapshot`
    /// gives them, of one version. Throws with the reason if they are not a snapshot which this build reads.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &Uint8Array, view: JsValue) -> Result<Preview, JsError> {
        let view: View = serde_wasm_bindgen::from_value(view).map_err(thrown)?;
        let shares_of = |name: &str| {
            let known = view.experiments.iter().find(|one| one.name == name)?;
            Some(known.arms.iter().map(|arm| arm.share).collect())
        };
        let snapshot = Snapshot::decode_given(bytes.to_vec(), shares_of)?;
        if snapshot.version() as f64 != view.version {
            return Err(JsError::new("the snapshot and its view are of two versions; fetch them again"));
        }
        Ok(Self { snapshot })
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

    /// Whether all pricing is stopped.
    #[wasm_bindgen(getter, js_name = isStopped)]
    pub fn is_stopped(&self) -> bool {
        self.snapshot.is_stopped()
    }

    /// How many items have this text in their key or in the name of their experiment, in any case; all where it is empty.
    pub fn count(&self, text: &str) -> usize {
        self.found(text).count()
    }

    /// Those items with their allocations, in the order of their keys, from the place `from` on, at most `most`; all
    /// where the three are left out.
    pub fn items(
        &self,
        text: Option<String>,
        from: Option<usize>,
        most: Option<usize>,
    ) -> Result<JsValue, JsError> {
        let found = self.found(text.as_deref().unwrap_or_default());
        let part = found.skip(from.unwrap_or(0)).take(most.unwrap_or(usize::MAX));
        to_js(&part.map(listed).collect::<Vec<_>>())
    }

    /// What a unit without a pin is shown for an item, and why; `undefined` for an item of no running experiment. Where
    /// items are randomised, it is what everybody is shown.
    ///
    /// `unit` is 32 hexadecimal digits, as `GET /haggle/v1/unit` gives them.
    pub fn decide(&self, unit: &str, sku: &str) -> Result<JsValue, JsError> {
        let unit: UnitKey = unit.parse()?;
        let Some(item) = self.snapshot.item(sku) else { return Ok(JsValue::UNDEFINED) };
        let live = item.experiment();
        let decision = haggle::decide(&self.snapshot, sku, &unit, self.snapshot.published_at_ms());
        let why = match decision.map(|decision| decision.choice) {
            _ if live.is_stopped() => "stopped",
            None if item.is_negative() => "negative",
            None => "paused",
            Some(Choice::Holdout) => "holdout",
            Some(Choice::Negative) => "negative",
            Some(Choice::Arm(_)) if live.is_of_visitors() => "arm",
            Some(Choice::Arm(_)) => "everybody",
        };
        let chosen = decision.and_then(|decision| match decision.choice {
            Choice::Arm(arm) => Some(arm),
            Choice::Holdout | Choice::Negative => None,
        });
        let currency = live.currency();
        to_js(&Shown {
            sku: item.sku(),
            experiment: live.name(),
            catalogue_minor: item.price_minor(),
            floor_minor: item.floor_minor(),
            ceiling_minor: item.ceiling_minor(),
            currency: currency.to_string(),
            minor_digits: currency.minor_digits(),
            price_minor: decision.map_or(item.price_minor(), |decision| item.price(&decision)),
            why,
            arm: decision.as_ref().map(Decision::arm_name),
            propensity: decision.map_or(0, |decision| decision.propensity),
            epoch: live.epoch(),
            is_guarded: chosen.is_some_and(|arm| item.price_of(arm).is_none()),
        })
    }

    fn found<'a>(&'a self, text: &str) -> impl Iterator<Item = ListedItem<'a>> {
        let text = text.to_ascii_lowercase();
        let has = move |name: &str| name.to_ascii_lowercase().contains(&text);
        self.snapshot
            .items()
            .map(|(_, item)| item)
            .filter(move |item| has(item.sku()) || has(item.experiment().name()))
    }
}

fn listed<'a>(item: ListedItem<'a>) -> Listed<'a> {
    let live: &LiveExperiment = item.experiment();
    let arms = live.arms().iter().zip(live.input().arms()).zip(live.allocation().shares()).enumerate();
    Listed {
        sku: item.sku(),
        experiment: live.name(),
        policy: live.policy().name(),
        unit: live.unit().name(),
        catalogue_minor: item.price_minor(),
        floor_minor: item.floor_minor(),
        ceiling_minor: item.ceiling_minor(),
        currency: live.currency().to_string(),
        minor_digits: live.currency().minor_digits(),
        holdout: live.holdout(),
        arms: arms
            .map(|(place, ((arm, input), &share))| ListedArm {
                name: &arm.name,
                price_minor: item.price_of(place).unwrap_or(item.price_minor()),
                share,
                state: match (input.live, input.entering) {
                    (false, _) => "closed",
                    (true, true) => "entering",
                    (true, false) => "live",
                },
            })
            .collect(),
    }
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsError> {
    serde_wasm_bindgen::to_value(value).map_err(thrown)
}

fn thrown(error: serde_wasm_bindgen::Error) -> JsError {
    JsError::new(&error.to_string())
}
