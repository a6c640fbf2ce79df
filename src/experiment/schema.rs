//! The JSON Schema of an experiment file, for editors: from the bounds that the reader has.
//!
//! It says what can be said of the shape. What one field is to another (the control's price, a floor that all arms fit
//! over, dates in their order) only the reader knows.

use crate::catalogue::SKU_CHARACTERS_MAX;
use serde_json::{Map, Value, json};

use super::limits::{
    AMOUNT, AUTHOR_MAX, COLUMN_MAX, CONDITIONS, DOCUMENT_MAX, EXCLUDED_MAX, EXPECTED_LOSS_MINOR,
    HOLDOUT_SHARE, HYPOTHESIS_MAX, ITEMS, MIN_WEEKS, MULTIPLIER, NAME_MAX, PERIOD_HOURS, REWARD_WINDOW_HOURS,
    SALT_MAX, STRATA, VALUE_MAX, VALUES,
};
use super::{ArmState, DelayCorrection, Experiment, HOLDOUT, NEGATIVE, Objective, Unit};
use crate::guardrail::ENDINGS_MAX;
use crate::money::PRICE_MINOR_MAX;
use crate::policy::{ARMS_MAX, PRESETS};
use crate::posterior::PRIOR;
use crate::{Policy, RewardModel};

use std::ops::RangeInclusive;

impl Experiment {
    /// The JSON Schema (draft 7, which editors of TOML know) of an experiment file.
    pub fn json_schema() -> String {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "haggle experiment",
            "description": "A pricing experiment: the hypothesis, written before the first price moves, and how it is tried.",
            "type": "object",
            "additionalProperties": false,
            "required": ["name", "hypothesis", "document", "objective", "currency", "salt", "control", "policy", "arms"],
            "oneOf": [{ "required": ["item"] }, { "required": ["scope"] }],
            "properties": properties(),
            "allOf": rules(),
            "definitions": definitions(),
        });
        serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
    }
}

/// A value with what it means.
fn said(description: &str, schema: Value) -> Value {
    let mut fields = Map::from_iter([("description".to_owned(), json!(description))]);
    fields.extend(schema.as_object().cloned().unwrap_or_default());
    Value::Object(fields)
}

/// Fields with what they mean.
fn said_of<const N: usize>(fields: [(&str, &str, Value); N]) -> Map<String, Value> {
    Map::from_iter(fields.map(|(name, description, schema)| (name.to_owned(), said(description, schema))))
}

fn integer(range: RangeInclusive<i64>) -> Value {
    json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
}

fn number(range: RangeInclusive<f64>) -> Value {
    json!({ "type": "number", "minimum": range.start(), "maximum": range.end() })
}

fn text(most: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": most })
}

fn default(value: Value, schema: Value) -> Value {
    let mut fields = schema.as_object().cloned().unwrap_or_default();
    fields.insert("default".into(), value);
    Value::Object(fields)
}

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Value {
    json!({ "enum": all.iter().copied().map(name).collect::<Vec<_>>() })
}

fn table(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

fn properties() -> Value {
    let mut properties = what_and_why();
    properties.extend(how());
    let item = json!({
        "sku": said("The shop's own key of the item, as it stands in data-haggle-sku.", json!({ "$ref": "#/definitions/sku" })),
        "price_minor": said("Catalogue price, in minor units.", json!({ "$ref": "#/definitions/price" })),
        "cost_minor": said("Net cost of one unit; required by the objective profit.", integer(0..=PRICE_MINOR_MAX)),
        "price_includes_tax": said("Whether the prices of the file include tax.", json!({ "type": "boolean" })),
        "tax_rate": said("The tax, as a share of the net price.", number(0.0..=1.0)),
        "compare_at_minor": said("The higher price that pages show struck through.", json!({ "$ref": "#/definitions/price" })),
    });
    let scope = json!({
        "items": said("All items of the catalogue, or these.", json!({ "oneOf": [
            { "const": "all" },
            { "type": "array", "items": { "$ref": "#/definitions/sku" }, "minItems": ITEMS.start(), "maxItems": ITEMS.end(),
              "uniqueItems": true } ] })),
        "where": said("The items whose columns meet all of these conditions.", json!({
            "type": "object", "minProperties": CONDITIONS.start(), "maxProperties": CONDITIONS.end(),
            "additionalProperties": { "$ref": "#/definitions/test" } })),
        "exclude": said("Earlier experiments whose items stay out; those of live ones always do.", json!({
            "type": "array", "items": { "$ref": "#/definitions/name" }, "maxItems": EXCLUDED_MAX, "uniqueItems": true })),
    });
    let scope = json!({
        "type": "object", "additionalProperties": false, "properties": scope,
        "oneOf": [{ "required": ["items"] }, { "required": ["where"] }],
    });
    let sample = json!({
        "positive": said("Items that get the experiment's prices; all the rest where left out.", integer(ITEMS)),
        "negative": said("Items that keep the catalogue price, to compare with.", default(json!(0), integer(0..=*ITEMS.end()))),
        "strata": said("Price bands of which both groups get the same share.", default(json!(1), integer(STRATA))),
    });
    properties.extend(said_of([
        ("item", "The one item that is priced.", table(item, &["sku", "price_minor"])),
        ("scope", "The items of the catalogue that are priced, instead of [item].", scope),
        ("sample", "How many of them, drawn by the rank of a seeded hash.", table(sample, &[])),
    ]));
    Value::Object(properties)
}

/// The hypothesis, what is maximised, and when.
fn what_and_why() -> Map<String, Value> {
    let time = json!({ "anyOf": [{ "type": "string", "format": "date-time" }, { "type": "string", "format": "date" }] });
    let stop = json!({
        "expected_loss_minor": said("Decided once the loss expected of the best arm is at most this, in minor units per exposure.",
            number(EXPECTED_LOSS_MINOR)),
        "min_weeks": said("Not before so many whole weeks.", default(json!(0), integer(MIN_WEEKS))),
    });
    said_of([
        ("name", "Memorable and unique.", json!({ "$ref": "#/definitions/name" })),
        (
            "hypothesis",
            "What you expect, and why. It cannot be changed after the start.",
            text(HYPOTHESIS_MAX),
        ),
        (
            "document",
            "Address of the document that gives the reasons.",
            json!({ "type": "string", "pattern": "^https?://\\S+$", "maxLength": DOCUMENT_MAX }),
        ),
        ("author", "Who wrote the hypothesis.", text(AUTHOR_MAX)),
        ("objective", "What is maximised, per exposed unit.", names(&Objective::ALL, Objective::name)),
        ("currency", "ISO 4217.", json!({ "type": "string", "pattern": "^[A-Z]{3}$" })),
        ("start", "Not to be started before. A bare date is midnight in UTC.", time.clone()),
        ("end", "When it is to be decided at the latest.", time),
        ("stop", "When it may be decided.", table(stop, &[])),
        ("horizon", "Units that the experiment is expected to have in all.", integer(AMOUNT)),
        ("stock", "Pieces that may be sold in all, with [item].", integer(AMOUNT)),
        (
            "personal_data",
            "Whether what is known of a person goes into the price.",
            default(json!(false), json!({ "type": "boolean" })),
        ),
    ])
}

/// Who or what is sent to which arm, and by which rule.
fn how() -> Map<String, Value> {
    let hours = |least: i64| integer(least..=PERIOD_HOURS.end() - i64::from(least == 0));
    let prior = json!({ "alpha": number(PRIOR), "beta": number(PRIOR) });
    said_of([
        (
            "unit",
            "What is randomised. Items only with [scope].",
            default(json!("visitor"), names(&Unit::ALL, Unit::name)),
        ),
        ("families", "Items of a family share an arm, with item-period.", json!({ "type": "boolean" })),
        ("period_hours", "Hours of a period, with item-period.", hours(*PERIOD_HOURS.start())),
        (
            "washout_hours",
            "Hours at the beginning of a period that do not count; less than the period.",
            default(json!(0), hours(0)),
        ),
        (
            "holdout",
            "Share of visitors who always see the control. 0 where items are randomised.",
            default(json!(0.1), number(HOLDOUT_SHARE)),
        ),
        (
            "floor",
            "Least share of a live arm: at most one over the number of arms.",
            default(json!(0.02), number(0.0..=0.5)),
        ),
        (
            "reward_window_hours",
            "Hours after the decision in which a reward counts.",
            default(json!(168), integer(REWARD_WINDOW_HOURS)),
        ),
        ("salt", "Makes the draws independent of every other experiment's.", text(SALT_MAX)),
        ("control", "Name of the arm at the catalogue price.", json!({ "$ref": "#/definitions/name" })),
        (
            "policy",
            "How the posterior becomes shares: haggle policies lists them.",
            json!({ "type": "object", "required": ["name"], "oneOf": policies() }),
        ),
        (
            "prior",
            "Belief about each arm's conversion rate before anything is counted.",
            table(prior, &["alpha", "beta"]),
        ),
        (
            "reward_model",
            "What an exposure is taken to be worth. With [scope] and revenue or profit: normal.",
            names(&RewardModel::ALL, RewardModel::name),
        ),
        (
            "delay",
            "How exposures count whose reward may still be under way.",
            names(&DelayCorrection::ALL, DelayCorrection::name),
        ),
        ("guardrails", "The bounds that no price leaves.", guardrails()),
        (
            "arms",
            "The prices. Arms are added at the end and never taken away.",
            json!({ "type": "array", "minItems": 2, "maxItems": ARMS_MAX, "items": arm() }),
        ),
    ])
}

fn guardrails() -> Value {
    let price = || json!({ "$ref": "#/definitions/price" });
    table(
        json!({
            "min_price_minor": said("Least price.", price()),
            "max_price_minor": said("Largest price.", price()),
            "map_minor": said("Minimum advertised price that the brand asks for.", price()),
            "min_margin": said("Least of the net price over the unit cost, less one.", number(0.0..=100.0)),
            "max_step": said("Largest step from the catalogue price, as a part of it.", number(1e-6..=10.0)),
            "grid_minor": said("Prices are multiples of this.", price()),
            "endings": said("What prices end in: their last minor digits.", json!({
                "type": "array", "items": integer(0..=999), "maxItems": ENDINGS_MAX, "uniqueItems": true })),
        }),
        &[],
    )
}

fn arm() -> Value {
    table(
        json!({
            "name": said("Short.", json!({ "allOf": [
                { "$ref": "#/definitions/name" }, { "not": { "enum": [HOLDOUT, NEGATIVE] } }] })),
            "price_minor": said("Price in minor units, with [item].", integer(0..=PRICE_MINOR_MAX)),
            "multiplier": said("The catalogue price times this, with [scope].", number(MULTIPLIER)),
            "column": said("The price in this column of the catalogue, with [scope].", text(COLUMN_MAX)),
            "state": said("Written by interventions, not by people.", default(json!("live"), names(&ArmState::ALL, ArmState::name))),
            "added": said("Written by interventions, not by people.", default(json!(false), json!({ "type": "boolean" }))),
        }),
        &["name"],
    )
}

/// One shape for each policy, with its parameters.
fn policies() -> Vec<Value> {
    let all = Policy::ALL.into_iter().map(|policy| (policy.name(), policy));
    let presets = PRESETS.into_iter().filter_map(|preset| Some((preset, Policy::from_name(preset)?)));
    let shape = |(name, policy): (&str, Policy)| {
        let mut properties = Map::from_iter([("name".to_owned(), json!({ "const": name }))]);
        for parameter in policy.parameters() {
            let range = number(parameter.least..=parameter.most);
            properties.insert(parameter.name.into(), default(json!(parameter.default), range));
        }
        if policy == Policy::Fixed {
            let shares =
                json!({ "type": "array", "items": number(0.0..=1.0), "minItems": 2, "maxItems": ARMS_MAX });
            properties.insert("shares".into(), said("One for each arm; they sum up to 1.", shares));
        }
        table(Value::Object(properties), &["name"])
    };
    all.chain(presets).map(shape).collect()
}

/// What goes with what.
fn rules() -> Value {
    let of_items = json!({ "properties": { "unit": { "enum": ["item", "family", "item-period"] } }, "required": ["unit"] });
    let periods = json!({ "properties": { "unit": { "const": "item-period" } }, "required": ["unit"] });
    let arms = |items: Value| json!({ "properties": { "arms": { "items": items } } });
    json!([
        { "if": { "required": ["item"] },
          "then": { "allOf": [
              arms(json!({ "required": ["price_minor"], "not": { "anyOf": [{ "required": ["multiplier"] }, { "required": ["column"] }] } })),
              { "properties": { "unit": { "const": "visitor" } }, "not": { "required": ["sample"] } } ] },
          "else": { "allOf": [
              arms(json!({ "oneOf": [{ "required": ["multiplier"] }, { "required": ["column"] }] })),
              { "not": { "required": ["stock"] } } ] } },
        { "if": of_items,
          "then": { "properties": { "objective": { "enum": ["revenue", "profit"] }, "holdout": { "const": 0 }, "delay": { "const": "naive" } } } },
        { "if": periods, "then": { "required": ["period_hours"] },
          "else": { "not": { "anyOf": [{ "required": ["period_hours"] }, { "required": ["washout_hours"] }] } } },
    ])
}

fn definitions() -> Value {
    json!({
        "name": { "type": "string", "pattern": "^[a-z0-9-]+$", "minLength": 1, "maxLength": NAME_MAX },
        "sku": { "type": "string", "pattern": "^[!#-%(-;=?-\\[\\]-~]+$", "minLength": 1, "maxLength": SKU_CHARACTERS_MAX },
        "price": integer(1..=PRICE_MINOR_MAX),
        "test": { "oneOf": [
            text(VALUE_MAX),
            { "type": "array", "items": text(VALUE_MAX), "minItems": VALUES.start(), "maxItems": VALUES.end(), "uniqueItems": true },
            { "type": "object", "additionalProperties": false, "minProperties": 1,
              "properties": { "from": { "type": "integer" }, "to": { "type": "integer" } } },
        ] },
    })
}

#[cfg(test)]
mod tests {
    use super::super::read::{ARM_FIELDS, FIELDS};
    use super::*;

    #[test]
    fn every_field_that_is_read_is_in_the_schema_and_no_other() {
        let schema: Value = serde_json::from_str(&Experiment::json_schema()).unwrap();
        let names = |table: &Value| {
            let mut names: Vec<String> = table["properties"].as_object().unwrap().keys().cloned().collect();
            names.sort();
            names
        };
        let sorted = |fields: &[&str]| {
            let mut fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
            fields.sort();
            fields
        };
        assert_eq!(names(&schema), sorted(&FIELDS));
        assert_eq!(names(&schema["properties"]["arms"]["items"]), sorted(&ARM_FIELDS));
        assert_eq!(names(&schema["properties"]["guardrails"]), sorted(&crate::guardrail::FIELDS));
    }
}
