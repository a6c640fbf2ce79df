//! The site: where a shop's pages show the price of an item, and how a quote reaches the charge.
//!
//! In scope: the site file (TOML or JSON), its own rules and those of a platform's preset, and which item a page is
//! about. Out of scope: finding the places in a page (see [`page`](crate::page)).
//!
//! A shop that marks its prices with `data-haggle-sku` needs none of it: the empty site knows these marks, and
//! structured data.

mod pattern;
pub(crate) use pattern::{Pattern, percent_decoded};

mod presets;
pub use presets::Preset;

mod read;

use std::collections::BTreeMap;

use crate::Error;
use crate::json::Fields;
use crate::selector::Selectors;
use crate::surface::Scale;

/// How a quote reaches what the shopper is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// The shop's server verifies the posted quote and charges its price.
    Server,
    /// A Cart Transform function of the platform does.
    CartTransform,
    /// A server writes the cart through the platform's interface, with the price.
    CartApi,
    /// It does not: all are charged the catalogue price of the moment.
    None,
}

impl Charge {
    /// All ways.
    pub const ALL: [Self; 4] = [Self::Server, Self::CartTransform, Self::CartApi, Self::None];

    /// As a site file names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::CartTransform => "cart-transform",
            Self::CartApi => "cart-api",
            Self::None => "none",
        }
    }
}

/// What kind of place a surface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Text,
    Attribute,
    JsonLd,
    Script,
}

impl Place {
    const ALL: [Self; 4] = [Self::Text, Self::Attribute, Self::JsonLd, Self::Script];

    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Attribute => "attribute",
            Self::JsonLd => "json-ld",
            Self::Script => "script",
        }
    }
}

/// What the number of a surface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The price: anything else is a mismatch.
    Price,
    /// A higher price of before: it stays, and must be above the new price.
    CompareAt,
    /// The price where it equals the catalogue price, else another one, of a range or of a choice.
    IfEqual,
}

impl Role {
    const ALL: [Self; 3] = [Self::Price, Self::CompareAt, Self::IfEqual];

    fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::CompareAt => "compare-at",
            Self::IfEqual => "if-equal",
        }
    }
}

/// Pages about one item.
#[derive(Debug, Clone, PartialEq)]
struct PageRule {
    path: Pattern,
    /// The item, where the path does not say it.
    sku: Option<String>,
}

/// An element about one item, or about one that is not priced.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Card {
    pub(crate) selector: String,
    pub(crate) sku: Option<CardSku>,
}

/// Where a card says its item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CardSku {
    /// The element in the card; the card itself where there is none.
    pub(crate) selector: Option<String>,
    pub(crate) attribute: String,
    pub(crate) pattern: Option<Pattern>,
}

/// Elements in which a price stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Surface {
    pub(crate) selector: String,
    pub(crate) place: Place,
    pub(crate) attributes: Vec<String>,
    pub(crate) keys: Vec<String>,
    pub(crate) item_keys: Vec<String>,
    pub(crate) scale: Scale,
    pub(crate) role: Role,
    pub(crate) is_required: bool,
    pub(crate) paths: Vec<Pattern>,
}

impl Surface {
    /// Whether it is looked for on this page.
    pub(crate) fn is_on(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.find(path).is_some())
    }
}

/// What a selector of [`Site::selectors`] is for: a position in the site's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Card(usize),
    CardSku(usize),
    Surface(usize),
    Form,
}

/// Where prices stand in the pages of a shop.
///
/// ```
/// let site = haggle::Site::from_toml(r##"
/// preset = "woocommerce"
/// [skus]
/// "harvest-oil" = "OLIVE-500"
/// [[surfaces]]
/// selector = "#sticky-bar .amount"
/// "##)?;
/// assert_eq!(site.page_sku("/product/harvest-oil/").as_deref(), Some("OLIVE-500"));
/// assert_eq!(site.field(), "haggle_quote");
/// site.check_charge()?;
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug)]
pub struct Site {
    preset: Option<&'static Preset>,
    charge: Charge,
    field: String,
    skus: BTreeMap<String, String>,
    pages: Vec<PageRule>,
    pub(crate) cards: Vec<Card>,
    pub(crate) surfaces: Vec<Surface>,
    pub(crate) selectors: Selectors,
    /// What each of the selectors is for.
    pub(crate) rules: Vec<Rule>,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            preset: None,
            charge: Charge::Server,
            field: FIELD.into(),
            skus: BTreeMap::new(),
            pages: Vec::new(),
            cards: Vec::new(),
            surfaces: Vec::new(),
            selectors: Selectors::default(),
            rules: Vec::new(),
        }
    }
}

/// Name of the hidden field unless the site says otherwise.
pub(crate) const FIELD: &str = "haggle_quote";

impl Site {
    /// Reads and validates a site written in JSON.
    ///
    /// # Errors
    /// Names the field, what was given and what is allowed.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        Self::read(Fields::parse("a site in JSON", json, &read::FIELDS)?)
    }

    /// Reads and validates a site written in TOML.
    ///
    /// # Errors
    /// Names the field, what was given and what is allowed.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        const WHAT: &str = "a site in TOML";
        let table: toml::Table =
            toml::from_str(text).map_err(|why| Error::syntax(WHAT, why.to_string().trim_end()))?;
        let json = crate::experiment::json_of(toml::Value::Table(table));
        Self::read(Fields::of(WHAT, json, &read::FIELDS)?)
    }

    /// The platform, where the site names one.
    pub fn preset(&self) -> Option<&'static Preset> {
        self.preset
    }

    /// How a quote reaches the charge.
    pub fn charge(&self) -> Charge {
        self.charge
    }

    /// Name of the hidden field with the quote in add-to-cart forms.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The item that a page is about, by the path of its URL.
    pub fn page_sku(&self, path: &str) -> Option<String> {
        self.pages.iter().find_map(|page| {
            let found = page.path.find(path)?;
            Some(page.sku.clone().unwrap_or_else(|| self.sku(&percent_decoded(found)).into()))
        })
    }

    /// The item's key in experiments for what stands in a URL or an attribute.
    pub(crate) fn sku<'s>(&'s self, text: &'s str) -> &'s str {
        self.skus.get(text).map_or(text, String::as_str)
    }

    /// What stands in URLs and attributes in the place of an item's key in experiments.
    pub(crate) fn written_as<'s>(&'s self, sku: &'s str) -> impl Iterator<Item = &'s str> {
        self.skus.iter().filter(move |(_, known)| known.as_str() == sku).map(|(text, _)| text.as_str())
    }

    /// Whether prices may differ between visitors: only where a quote reaches the charge.
    ///
    /// # Errors
    /// Says why the platform cannot charge a quote.
    pub fn check_charge(&self) -> Result<(), Error> {
        if self.charge != Charge::None {
            return Ok(());
        }
        let why = self.preset.map_or("a quote reaches the charge in no way", Preset::statement);
        Err(Error::value("charge of the site", "none", format!("another for the unit visitor: {why}")))
    }
}

#[cfg(test)]
mod tests;
