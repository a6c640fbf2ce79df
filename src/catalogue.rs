//! The catalogue: what the shop sells, as far as prices are concerned.
//!
//! In scope: one item with its columns, read from the API's JSON; the command line reads CSV and TSV into the same.
//! Out of scope: which items an experiment is about (see [`Groups`](crate::Groups)).

mod read;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::guardrail::Basis;
use crate::money::{Tax, millionths};
use crate::{Currency, Error};

pub(crate) use read::check_sku;
pub use read::{COLUMN_CHARACTERS_MAX, COLUMNS_MAX, TEXT_CHARACTERS_MAX};

/// Most items of a catalogue.
pub const ITEMS_MAX: usize = 1_000_000;

/// An item of the shop.
///
/// ```
/// let json = r#"{"sku": "OLIVE-500", "price_minor": 1900, "cost_minor": 800, "brand": "Fabrikam", "colour": "green"}"#;
/// let item = haggle::CatalogueItem::from_json(json)?;
/// assert_eq!(item.family, "OLIVE-500"); // a family of its own
/// assert_eq!(item.text("colour").as_deref(), Some("green"));
/// assert_eq!(item.number("price_minor"), Some(1900));
/// assert_eq!(haggle::CatalogueItem::from_json(&item.to_json())?, item);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CatalogueItem {
    /// The shop's own key of the item, as it stands in `data-haggle-sku`: 1 to 64 visible ASCII characters.
    pub sku: String,
    /// Price of one unit: 1 to 10^9 minor units.
    pub price_minor: i64,
    /// Tax that prices include.
    pub tax: Tax,
    /// Net cost of one unit, where it is known; an unknown cost is not a cost of zero.
    pub cost_minor: Option<i64>,
    /// The higher price that pages show beside the price, struck through.
    pub compare_at_minor: Option<i64>,
    /// Minimum advertised price.
    pub map_minor: Option<i64>,
    /// Brand; empty where there is none.
    pub brand: String,
    /// Category; empty where there is none.
    pub category: String,
    /// The family whose items share an arm, where families do; the item's own key where the catalogue does not say.
    pub family: String,
    /// Pieces in stock, where that is known; below 0 where more were sold than there are.
    pub stock: Option<i64>,
    /// What the item brought in an equally long time before, under whatever the team maximises: minor units, or pieces.
    /// The covariate of its comparisons (CUPED), and what the balance of groups is judged by.
    pub past: Option<i64>,
    /// All other columns: at most 50.
    pub columns: BTreeMap<String, String>,
}

impl CatalogueItem {
    /// Reads an item from JSON: `sku` and `price_minor`, and any of `price_includes_tax`, `tax_rate`, `cost_minor`,
    /// `compare_at_minor`, `map_minor`, `brand`, `category`, `family`, `stock` and `past`. Every other field is a column of
    /// its own: a text, a number or a truth value. `null` is nothing.
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        read::from_json(text)
    }

    /// The item as [`CatalogueItem::from_json`] reads it, on one line.
    pub fn to_json(&self) -> String {
        let mut json = Object::default();
        json.text("sku", &self.sku);
        json.number("price_minor", Some(self.price_minor));
        if self.tax != Tax::default() {
            json.field("price_includes_tax", "true");
            let (rate, one) = (self.tax.rate_millionths(), millionths(1.0));
            json.field("tax_rate", &format!("{}.{:06}", rate / one, rate % one));
        }
        json.number("cost_minor", self.cost_minor);
        json.number("compare_at_minor", self.compare_at_minor);
        json.number("map_minor", self.map_minor);
        let family = if self.family == self.sku { "" } else { &self.family };
        let texts = [("brand", self.brand.as_str()), ("category", &self.category), ("family", family)];
        texts.into_iter().filter(|(_, text)| !text.is_empty()).for_each(|(name, text)| json.text(name, text));
        json.number("stock", self.stock);
        json.number("past", self.past);
        self.columns.iter().for_each(|(name, text)| json.text(name, text));
        json.close()
    }

    /// Whether everything about it is within its limits, as [`CatalogueItem::from_json`] asks for. For an item that was
    /// put together from another form.
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn check(&self) -> Result<(), Error> {
        read::check(self)
    }

    /// What a column holds, as a text; nothing where it holds nothing.
    pub fn text(&self, column: &str) -> Option<Cow<'_, str>> {
        let text = match column {
            "sku" => &self.sku,
            "brand" => &self.brand,
            "category" => &self.category,
            "family" => &self.family,
            _ => match self.amount(column) {
                Some(amount) => return amount.map(|amount| amount.to_string().into()),
                None => self.columns.get(column)?,
            },
        };
        (!text.is_empty()).then_some(Cow::Borrowed(text))
    }

    /// The integer that a column holds; nothing where it holds none.
    pub fn number(&self, column: &str) -> Option<i64> {
        match self.amount(column) {
            Some(amount) => amount,
            None => self.columns.get(column)?.parse().ok(),
        }
    }

    /// A column that is a number by its nature, whether or not this item has one.
    fn amount(&self, column: &str) -> Option<Option<i64>> {
        match column {
            "price_minor" => Some(Some(self.price_minor)),
            "cost_minor" => Some(self.cost_minor),
            "compare_at_minor" => Some(self.compare_at_minor),
            "map_minor" => Some(self.map_minor),
            "stock" => Some(self.stock),
            "past" => Some(self.past),
            _ => None,
        }
    }

    /// What the bounds of its prices are reckoned from.
    pub fn basis(&self, currency: Currency) -> Basis {
        let Self { price_minor, cost_minor, tax, compare_at_minor, map_minor, .. } = *self;
        Basis { currency, price_minor, cost_minor, tax, compare_at_minor, map_minor }
    }
}

/// A JSON object that is written field by field.
#[derive(Default)]
struct Object(String);

impl Object {
    /// A field whose value is JSON already.
    fn field(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        // A text is always JSON.
        self.0.push_str(&serde_json::to_string(name).unwrap_or_default());
        self.0.push(':');
        self.0.push_str(json);
    }

    fn text(&mut self, name: &str, text: &str) {
        self.field(name, &serde_json::to_string(text).unwrap_or_default());
    }

    fn number(&mut self, name: &str, number: Option<i64>) {
        number.into_iter().for_each(|number| self.field(name, &number.to_string()));
    }

    fn close(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests;
