//! The JSON Schema that editors have, held against the experiment files by a validator of what it uses of draft 7.

use serde_json::{Map, Value};

use super::files;
use haggle::Experiment;

const PUBLISHED: &str = include_str!("../../www/experiment.schema.json");

/// Words of the schema that say nothing that this validator looks at.
const SILENT: [&str; 8] =
    ["$schema", "title", "description", "default", "definitions", "pattern", "format", "then"];

#[test]
fn the_published_schema_is_current() {
    let is_current = PUBLISHED == Experiment::json_schema();
    assert!(is_current, "run: haggle schema > www/experiment.schema.json");
}

#[test]
fn right_files_keep_to_the_schema_and_wrong_shapes_do_not() {
    let schema: Value = serde_json::from_str(PUBLISHED).unwrap();
    for (path, text) in files("right") {
        let broken = broken(&schema, &schema, &document(&text));
        assert_eq!(broken, None, "{}", path.display());
    }
    let wrong = files("wrong").into_iter().filter(|(path, _)| !path.to_string_lossy().contains("not-toml"));
    let refused: Vec<String> = wrong
        .filter(|(_, text)| broken(&schema, &schema, &document(text)).is_some())
        .map(|(path, _)| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    // What one field is to another only the reader knows.
    assert!(refused.len() >= 35, "only {}: {refused:?}", refused.len());
    for name in [
        "arm-of-two-prices",
        "arm-price-as-text",
        "both-item-and-scope",
        "conversion-of-items",
        "field-unknown-in-an-arm",
        "holdout-of-items",
        "hypothesis-missing",
        "items-of-a-list-twice",
        "period-missing",
        "policy-parameter-out-of-range",
        "stock-of-a-scope",
        "unit-unknown",
        "where-with-a-number",
    ] {
        assert!(refused.iter().any(|refused| refused == name), "{name} keeps to the schema");
    }
}

/// A document in TOML as JSON, with times as texts.
fn document(text: &str) -> Value {
    json(toml::Value::Table(toml::from_str(text).unwrap()))
}

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(values) => values.into_iter().map(json).collect(),
        toml::Value::Table(fields) => fields.into_iter().map(|(name, value)| (name, json(value))).collect(),
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(value) => Value::from(value),
    }
}

/// The word of the schema that a value breaks, if any.
fn broken(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = schema.as_object().unwrap();
    schema.iter().find(|(word, says)| !keeps(root, schema, word, says, value)).map(|(word, says)| {
        let inner = match word.as_str() {
            "properties" => says.as_object().unwrap().iter().find_map(|(name, schema)| {
                Some(format!(".{name}: {}", broken(root, schema, value.get(name)?)?))
            }),
            _ => None,
        };
        inner.unwrap_or_else(|| format!("{word} of {value}"))
    })
}

fn keeps(root: &Value, schema: &Map<String, Value>, word: &str, says: &Value, value: &Value) -> bool {
    let fits = |schema: &Value| broken(root, schema, value).is_none();
    let all = |schemas: &Value| schemas.as_array().unwrap().iter().filter(|schema| fits(schema)).count();
    let size = |count: Option<usize>, fits: fn(u64, u64) -> bool| {
        count.is_none_or(|count| fits(count as u64, says.as_u64().unwrap()))
    };
    let number = value.as_f64();
    let (list, table, text) = (value.as_array(), value.as_object(), value.as_str());
    match word {
        "$ref" => fits(root.pointer(says.as_str().unwrap().trim_start_matches('#')).unwrap()),
        "type" => match says.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64(),
            "number" => value.is_number(),
            other => panic!("type {other}"),
        },
        "const" => value == says || number.is_some_and(|number| says.as_f64() == Some(number)),
        "enum" => says.as_array().unwrap().contains(value),
        "minimum" => number.is_none_or(|number| number >= says.as_f64().unwrap()),
        "maximum" => number.is_none_or(|number| number <= says.as_f64().unwrap()),
        "minLength" => size(text.map(|text| text.chars().count()), |count, least| count >= least),
        "maxLength" => size(text.map(|text| text.chars().count()), |count, most| count <= most),
        "minItems" => size(list.map(Vec::len), |count, least| count >= least),
        "maxItems" => size(list.map(Vec::len), |count, most| count <= most),
        "minProperties" => size(table.map(Map::len), |count, least| count >= least),
        "maxProperties" => size(table.map(Map::len), |count, most| count <= most),
        "uniqueItems" => {
            list.is_none_or(|list| list.iter().enumerate().all(|(i, one)| !list[..i].contains(one)))
        }
        "items" => list.is_none_or(|list| list.iter().all(|item| broken(root, says, item).is_none())),
        "required" => table.is_none_or(|table| {
            says.as_array().unwrap().iter().all(|name| table.contains_key(name.as_str().unwrap()))
        }),
        "properties" => table.is_none_or(|table| {
            says.as_object().unwrap().iter().all(|(name, schema)| {
                table.get(name).is_none_or(|value| broken(root, schema, value).is_none())
            })
        }),
        "additionalProperties" => table.is_none_or(|table| {
            let known = schema.get("properties").and_then(Value::as_object);
            let mut others =
                table.iter().filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
            others.all(|(_, value)| says.is_object() && broken(root, says, value).is_none())
        }),
        "oneOf" => all(says) == 1,
        "anyOf" => all(says) > 0,
        "allOf" => all(says) == says.as_array().unwrap().len(),
        "not" => !fits(says),
        "if" => match (fits(says), schema.get("then"), schema.get("else")) {
            (true, Some(then), _) => fits(then),
            (false, _, Some(other)) => fits(other),
            _ => true,
        },
        "else" => true,
        silent => {
            assert!(SILENT.contains(&silent), "this validator does not know {silent}");
            true
        }
    }
}
