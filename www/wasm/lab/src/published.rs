//! The shares that the policies make of a snapshot's posteriors, for whoever has its bytes alone.

use haggle::Snapshot;
use js_sys::Uint8Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

#[derive(Serialize)]
struct View<'a> {
    version: f64,
    experiments: Vec<Shares<'a>>,
}

#[derive(Serialize)]
struct Shares<'a> {
    name: &'a str,
    arms: Vec<Share>,
}

#[derive(Serialize)]
struct Share {
    share: u32,
}

/// What the preview needs of a snapshot's view in JSON, computed from its bytes.
#[wasm_bindgen(js_name = viewOf)]
pub fn view_of(bytes: &Uint8Array) -> Result<JsValue, JsError> {
    let snapshot = Snapshot::decode_siteless(bytes.to_vec())?;
    let shares = |shares: &[u32]| shares.iter().map(|&share| Share { share }).collect();
    let experiments = snapshot.experiments().iter();
    let experiments =
        experiments.map(|live| Shares { name: live.name(), arms: shares(live.allocation().shares()) });
    super::to_js(&View { version: snapshot.version() as f64, experiments: experiments.collect() })
}
