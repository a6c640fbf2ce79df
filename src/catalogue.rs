//! The catalogue: what the shop sells, as far as prices are concerned.
//!
//! In scope: one item with its columns, read from the API's JSON; the command line reads CSV and TSV into the same.
//! Out of scope: which items an experiment is about (see [`Groups`](crate::Groups)).

use std::collections::BTreeMap;

use crate::money::Tax;

/// Most items of a catalogue.
pub const ITEMS_MAX: usize = 1_000_000;

/// An item of the shop.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CatalogueItem {
    /// The shop's own key of the item, as it stands in `data-haggle-sku`.
    pub sku: String,
    /// Price of one unit.
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
    /// Pieces in stock, where that is known.
    pub stock: Option<i64>,
    /// What the item brought in an equally long time before, under whatever the team maximises: minor units, or pieces.
    /// The covariate of its comparisons (CUPED), and what the balance of groups is judged by.
    pub past: Option<i64>,
    /// All other columns.
    pub columns: BTreeMap<String, String>,
}
