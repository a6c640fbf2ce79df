//! Reading an item is checking it: what has been read is within all limits.

use std::collections::BTreeMap;

use super::CatalogueItem;
use crate::Error;
use crate::json::{Fields, Json, Value};
use crate::money::{PRICE_MINOR_MAX, Tax};

/// Most characters of an item's key.
pub const SKU_CHARACTERS_MAX: usize = 64;
/// Most columns beside those that have a meaning of their own.
pub const COLUMNS_MAX: usize = 50;
/// Most characters of a column's name.
pub const COLUMN_CHARACTERS_MAX: usize = 64;
/// Most characters of a text.
pub const TEXT_CHARACTERS_MAX: usize = 500;

/// Largest stock, and largest sum that an item brought.
const AMOUNT_MAX: i64 = 1_000_000_000_000_000;

pub(super) fn from_json(text: &str) -> Result<CatalogueItem, Error> {
    const WHAT: &str = "a catalogue item in JSON";
    let mut fields = match crate::json::parse(text).map_err(|why| Error::syntax(WHAT, why))? {
        json @ Json::Object(_) => Value::new("", json).any_fields()?,
        other => Fields::of(WHAT, other, &[])?,
    };
    let tax = Tax::read(fields.take("price_includes_tax"), fields.take("tax_rate"))?;
    let mut amount = |name| fields.take(name).if_any().map(|amount| amount.integer()).transpose();
    let [cost_minor, compare_at_minor, map_minor, stock, past] = [
        amount("cost_minor")?,
        amount("compare_at_minor")?,
        amount("map_minor")?,
        amount("stock")?,
        amount("past")?,
    ];
    let mut text = |name| fields.take(name).if_any().map_or(Ok(String::new()), Value::text);
    let (brand, category, family) = (text("brand")?, text("category")?, text("family")?);
    let (sku, price_minor) = (fields.take("sku").text()?, fields.take("price_minor").integer()?);
    let family = if family.is_empty() { sku.clone() } else { family };
    let mut columns = BTreeMap::new();
    for (name, value) in fields.rest() {
        if let Some(text) = value.if_any().map(Value::plain).transpose()? {
            columns.insert(name, text);
        }
    }
    let item = CatalogueItem {
        sku,
        price_minor,
        tax,
        cost_minor,
        compare_at_minor,
        map_minor,
        brand,
        category,
        family,
        stock,
        past,
        columns,
    };
    check(&item).map(|()| item)
}

pub(super) fn check(item: &CatalogueItem) -> Result<(), Error> {
    check_sku("sku", &item.sku)?;
    in_range("price_minor", Some(item.price_minor), 1, PRICE_MINOR_MAX)?;
    in_range("cost_minor", item.cost_minor, 0, PRICE_MINOR_MAX)?;
    in_range("compare_at_minor", item.compare_at_minor, 1, PRICE_MINOR_MAX)?;
    in_range("map_minor", item.map_minor, 1, PRICE_MINOR_MAX)?;
    in_range("stock", item.stock, -AMOUNT_MAX, AMOUNT_MAX)?;
    in_range("past", item.past, -AMOUNT_MAX, AMOUNT_MAX)?;
    for (name, text) in [("brand", &item.brand), ("category", &item.category), ("family", &item.family)] {
        check_text(name, text)?;
    }
    if item.columns.len() > COLUMNS_MAX {
        let allowed = format!("at most {COLUMNS_MAX} beside those that have a meaning of their own");
        return Err(Error::value("number of columns", item.columns.len(), allowed));
    }
    item.columns.iter().try_for_each(|(name, text)| {
        let is_plain = !name.chars().any(char::is_control);
        if !is_plain || !(1..=COLUMN_CHARACTERS_MAX).contains(&name.chars().count()) {
            let allowed =
                format!("1 to {COLUMN_CHARACTERS_MAX} characters, none of them a control character");
            return Err(Error::value("name of a column", short(name), allowed));
        }
        check_text(name, text)
    })
}

/// What a key of an item may be: it stands in pages, in feeds and in files separated by tabs.
pub(crate) fn check_sku(what: &str, sku: &str) -> Result<(), Error> {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'&' | b'\\');
    if (1..=SKU_CHARACTERS_MAX).contains(&sku.len()) && sku.bytes().all(plain) {
        return Ok(());
    }
    let allowed = "visible ASCII characters without quotes, <, >, & and backslash";
    Err(Error::value(what, short(sku), format!("1 to {SKU_CHARACTERS_MAX} {allowed}")))
}

fn in_range(what: &str, amount: Option<i64>, from: i64, to: i64) -> Result<(), Error> {
    match amount {
        Some(amount) if !(from..=to).contains(&amount) => {
            Err(Error::value(what, amount, format!("{from} to {to}")))
        }
        _ => Ok(()),
    }
}

fn check_text(what: &str, text: &str) -> Result<(), Error> {
    let length = text.chars().count();
    if length > TEXT_CHARACTERS_MAX {
        let allowed = format!("at most {TEXT_CHARACTERS_MAX} characters long");
        return Err(Error::value(what, format!("{length} characters long"), allowed));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::value(what, short(text), "a text without control characters"));
    }
    Ok(())
}

/// The beginning of a text in quotes.
fn short(text: &str) -> String {
    format!("{:?}", text.chars().take(100).collect::<String>())
}
