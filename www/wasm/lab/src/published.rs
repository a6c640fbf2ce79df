//! The shares that the policies make of a snapshot's posteriors, for whoever has its bytes alone.

use haggle::{LiveExperiment, Snapshot};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::value::{list, object, text};

/// What the preview needs of a snapshot's view in JSON, computed from its bytes.
#[wasm_bindgen(js_name = viewOf)]
pub fn view_of(bytes: &Uint8Array) -> Result<JsValue, JsError> {
    let snapshot = Snapshot::decode_siteless(bytes.to_vec())?;
    let share = |&share: &u32| object(&[("share", JsValue::from_f64(share.into()))]);
    let experiment = |live: &LiveExperiment| {
        let arms = list(live.allocation().shares().iter().map(share));
        object(&[("name", text(live.name())), ("arms", arms)])
    };
    Ok(object(&[
        ("version", JsValue::from_f64(snapshot.version() as f64)),
        ("experiments", list(snapshot.experiments().iter().map(experiment))),
    ]))
}
