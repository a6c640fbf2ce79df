//! JavaScript values: objects with named fields, lists, and columns of numbers as typed arrays.

use haggle::diagnosis::Evidence;
use js_sys::{Array, Float64Array, Object, Reflect};
use wasm_bindgen::JsValue;

/// An object with these fields.
pub fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // Only a frozen object refuses a field, and this one is new.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

/// A list of values.
pub fn list(values: impl Iterator<Item = JsValue>) -> JsValue {
    values.collect::<Array>().into()
}

/// A column of numbers.
pub fn column(numbers: &[f64]) -> JsValue {
    Float64Array::from(numbers).into()
}

/// A text.
pub fn text(text: &str) -> JsValue {
    JsValue::from_str(text)
}

/// A count, exact up to 2^53.
pub fn count(count: i64) -> JsValue {
    JsValue::from_f64(count as f64)
}

/// A number.
pub fn number(value: f64) -> JsValue {
    JsValue::from_f64(value)
}

/// A number, or null.
pub fn maybe(value: Option<f64>) -> JsValue {
    value.map_or(JsValue::NULL, number)
}

/// Name of the arm at this place.
pub fn name(evidence: &Evidence, place: usize) -> JsValue {
    evidence.experiment.arms.get(place).map_or(JsValue::NULL, |arm| text(&arm.name))
}
