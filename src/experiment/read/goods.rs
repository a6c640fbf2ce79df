//! What is priced: the item that the file describes, or the scope and the sample that is drawn from it.

use std::collections::BTreeSet;

use super::super::limits::{COLUMN_MAX, CONDITIONS, EXCLUDED_MAX, ITEMS, STRATA, VALUE_MAX, VALUES};
use super::super::{Condition, Goods, Item, Scope, Test, Which};
use super::arms::check_price;
use super::{check_count, read_name};
use crate::Error;
use crate::catalogue::check_sku;
use crate::json::{Fields, Value};
use crate::money::{PRICE_MINOR_MAX, Tax};

impl Goods {
    /// The goods of a document: either its item, or its scope with the sample.
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Error> {
        let (item, scope, sample) = (fields.take("item"), fields.take("scope"), fields.take("sample"));
        let Some(scope) = scope.if_any() else {
            if item.clone().if_any().is_none() {
                return Err(item.refusal("given, or scope: what the experiment prices"));
            }
            let allowed = "left out with [item]: there is nothing to draw from";
            sample.if_any().map_or(Ok(()), |given| Err(given.refusal(allowed)))?;
            return Ok(Self::Item(Item::read(item)?));
        };
        item.if_any().map_or(Ok(()), |given| Err(given.refusal("left out with [scope]")))?;
        Ok(Self::Scope(Scope::read(scope, sample)?))
    }
}

impl Item {
    pub(in crate::experiment) fn read(item: Value) -> Result<Self, Error> {
        let mut fields = item.fields(&[
            "sku",
            "price_minor",
            "cost_minor",
            "price_includes_tax",
            "tax_rate",
            "compare_at_minor",
        ])?;
        let item = Self {
            tax: Tax::read(fields.take("price_includes_tax"), fields.take("tax_rate"))?,
            compare_at_minor: fields.take("compare_at_minor").if_any().map(|it| it.integer()).transpose()?,
            sku: read_sku(fields.take("sku"))?,
            price_minor: fields.take("price_minor").integer()?,
            cost_minor: fields.take("cost_minor").if_any().map(|cost| cost.integer()).transpose()?,
        };
        check_price("item.price_minor", item.price_minor)?;
        if let Some(price) = item.compare_at_minor {
            check_price("item.compare_at_minor", price)?;
        }
        match item.cost_minor {
            Some(cost) if !(0..=PRICE_MINOR_MAX).contains(&cost) => {
                Err(Error::value("item.cost_minor", cost, format!("0 to {PRICE_MINOR_MAX} minor units")))
            }
            _ => Ok(item),
        }
    }
}

/// The key of an item, as it may stand in a page's attribute.
fn read_sku(sku: Value) -> Result<String, Error> {
    let text = sku.clone().text()?;
    check_sku(sku.path(), &text).map(|()| text)
}

impl Scope {
    fn read(scope: Value, sample: Value) -> Result<Self, Error> {
        let mut fields = scope.fields(&["items", "where", "exclude"])?;
        let which = Which::read(fields.take("items"), fields.take("where"))?;
        let exclude = fields
            .take("exclude")
            .if_any()
            .map_or(Ok(Vec::new()), |given| texts(given, 0, EXCLUDED_MAX, read_name))?;
        let whole = Self { which, positive: None, negative: 0, strata: 1, exclude };
        let Some(sample) = sample.if_any() else { return Ok(whole) };
        let mut fields = sample.fields(&["positive", "negative", "strata"])?;
        let mut count =
            |name, range| fields.take(name).if_any().map(|it: Value| it.integer_in(range)).transpose();
        Ok(Self {
            positive: count("positive", ITEMS)?.map(|count| count as u32),
            negative: count("negative", 0..=*ITEMS.end())?.unwrap_or(0) as u32,
            strata: count("strata", STRATA)?.unwrap_or(1) as u32,
            ..whole
        })
    }
}

impl Which {
    fn read(items: Value, conditions: Value) -> Result<Self, Error> {
        let Some(given) = items.clone().if_any() else {
            let conditions = conditions
                .if_any()
                .ok_or_else(|| items.refusal("\"all\", a list of skus, or left out with [scope.where]"))?;
            return Self::read_where(conditions);
        };
        conditions.if_any().map_or(Ok(()), |it| Err(it.refusal("left out beside scope.items")))?;
        match given.clone().text() {
            Ok(text) if text == "all" => Ok(Self::All),
            Ok(_) => Err(given.refusal("\"all\" or a list of skus")),
            Err(_) => texts(given, 1, *ITEMS.end() as usize, read_sku).map(Self::Skus),
        }
    }

    fn read_where(conditions: Value) -> Result<Self, Error> {
        let path = conditions.clone();
        let conditions = conditions.any_fields()?.rest();
        check_count(&path, conditions.len(), *CONDITIONS.start(), *CONDITIONS.end())?;
        let read = |(column, test): (String, Value)| {
            check_column(&test, &column)?;
            Ok(Condition { test: Test::read(test)?, column })
        };
        conditions.into_iter().map(read).collect::<Result<_, _>>().map(Self::Where)
    }
}

impl Test {
    fn read(test: Value) -> Result<Self, Error> {
        if test.clone().text().is_ok() {
            return Ok(Self::OneOf(vec![read_value(test)?]));
        }
        if test.clone().list().is_ok() {
            return texts(test, *VALUES.start(), *VALUES.end(), read_value).map(Self::OneOf);
        }
        let Ok(fields) = test.clone().any_fields() else {
            return Err(test.refusal("a text, a list of texts, or a range such as { from = 500, to = 5000 }"));
        };
        let mut fields = fields.only(&["from", "to"])?;
        let mut end = |name| fields.take(name).if_any().map(|it| it.integer()).transpose();
        match (end("from")?, end("to")?) {
            (None, None) => Err(test.refusal("a range with from, to or both")),
            (Some(from), Some(to)) if from > to => {
                let what = format!("{}.from", test.path());
                Err(Error::value(what, from, format!("at most {to}, where the range ends")))
            }
            (from, to) => Ok(Self::Range { from, to }),
        }
    }
}

fn read_value(value: Value) -> Result<String, Error> {
    let text = value.clone().text()?;
    if (1..=VALUE_MAX).contains(&text.chars().count()) {
        Ok(text)
    } else {
        Err(value.refusal(format!("1 to {VALUE_MAX} characters long")))
    }
}

/// The name of a column of the catalogue.
pub(super) fn read_column(column: Value) -> Result<String, Error> {
    let name = column.clone().text()?;
    check_column(&column, &name)?;
    Ok(name)
}

fn check_column(value: &Value, name: &str) -> Result<(), Error> {
    let plain = |c: char| !c.is_control();
    let fits =
        (1..=COLUMN_MAX).contains(&name.chars().count()) && name.trim() == name && name.chars().all(plain);
    if fits {
        return Ok(());
    }
    let allowed = format!("1 to {COLUMN_MAX} characters, without control characters and spaces at the ends");
    Err(Error::value(format!("{}, the column", value.path()), format!("{name:?}"), allowed))
}

/// A list of so many texts, all different.
fn texts(
    list: Value,
    least: usize,
    most: usize,
    read: fn(Value) -> Result<String, Error>,
) -> Result<Vec<String>, Error> {
    let values = list.clone().list()?;
    check_count(&list, values.len(), least, most)?;
    let (mut known, mut texts) = (BTreeSet::new(), Vec::with_capacity(values.len()));
    for value in values {
        let text = read(value.clone())?;
        if !known.insert(text.clone()) {
            return Err(Error::value(value.path(), format!("{text:?} twice"), "different from the others"));
        }
        texts.push(text);
    }
    Ok(texts)
}
