//! The catalogue: what the shop sells, as far as prices are concerned.
//!
//! In scope: one item with its columns, read from the API's JSON; the command line reads CSV and TSV into the same.
//! Out of scope: which items an experiment is about (see [`Groups`](crate::Groups)).

mod read;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::guardrail::Basis;
use crate::json::Json;
use crate::money::Tax;
use crate::{Currency, Error};

pub(crate) use read::check_sku;
pub use read::{COLUMN_CHARACTERS_MAX, COLUMNS_MAX, SKU_CHARACTERS_MAX, TEXT_CHARACTERS_MAX};

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
        let text = |text: &str| (!text.is_empty()).then(|| Json::text(text));
        let amount = |amount: Option<i64>| amount.map(Json::integer);
        let rate = (self.tax != Tax::default()).then(|| self.tax.rate());
        let known = Json::object([
            ("sku", text(&self.sku)),
            ("price_minor", amount(Some(self.price_minor))),
            ("price_includes_tax", rate.map(|_| Json::Bool(true))),
            ("tax_rate", rate.map(Json::number)),
            ("cost_minor", amount(self.cost_minor)),
            ("compare_at_minor", amount(self.compare_at_minor)),
            ("map_minor", amount(self.map_minor)),
            ("brand", text(&self.brand)),
            ("category", text(&self.category)),
            ("family", text(&self.family).filter(|_| self.family != self.sku)),
            ("stock", amount(self.stock)),
            ("past", amount(self.past)),
        ]);
        let Json::Object(mut fields) = known else { return String::new() };
        fields.extend(self.columns.iter().map(|(name, value)| (name.clone(), Json::text(value))));
        Json::Object(fields).write()
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

#[cfg(test)]
mod tests;
