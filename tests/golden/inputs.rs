//! Types of the core in golden files: the core reads what it is sent with a reader of its own, so serde does not know them.

use haggle::Quote;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub fn quote<'de, D: Deserializer<'de>>(from: D) -> Result<Quote, D::Error> {
    let value = Value::deserialize(from)?;
    let text = |claim: &str| value[claim].as_str().unwrap().to_owned();
    let number = |claim: &str| value[claim].as_u64().unwrap();
    Ok(Quote {
        merchant: text("m"),
        sku: text("o"),
        currency: text("c"),
        price_minor: value["p"].as_i64().unwrap(),
        catalogue_minor: value["pp"].as_i64().unwrap(),
        experiment: text("x"),
        arm: text("a"),
        propensity: number("w") as u32,
        epoch: number("e") as u32,
        version: number("v"),
        issued_at_s: number("iat"),
        expires_at_s: number("exp"),
        reward_window_s: number("rw") as u32,
        shards: number("s") as u32,
        exposure_id: text("jti"),
        is_shared: value["u"] == "item",
        is_preview: value["preview"] == true,
    })
}
