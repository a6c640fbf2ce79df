//! Surfaces: places where a price stands in a page, and how each of them writes it.
//!
//! In scope: amounts as data and as text ([`amount`]), schema.org data ([`json_ld`]), and the data of scripts and
//! attributes ([`script`]). All of them say what to change and never write anything anew: what is not an amount of
//! an item stays byte for byte, and the catalogue price becomes the new one in the format in which it stands there.
//!
//! Out of scope: finding them in a page (see [`page`](crate::page)).

use std::ops::Range;

use crate::Currency;

pub mod amount;

mod layer;

mod lexer;

mod tree;

pub mod json_ld;

pub mod script;

#[cfg(test)]
mod tests;

/// How a place writes an amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// `19.99`: units of the currency.
    #[default]
    Major,
    /// `1999`: minor units. What has decimals there is in units of the currency all the same.
    Minor,
}

/// The price of an item for a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// What the page says now.
    pub catalogue_minor: i64,
    /// What it shall say.
    pub price_minor: i64,
    /// Currency of both.
    pub currency: Currency,
    /// The price was set with personal data, so that the page must say so.
    pub is_disclosed: bool,
}

/// An item that has a price for the visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its key in the experiment.
    pub sku: String,
    /// Its price.
    pub price: Price,
}

/// Finds the item that a name in a page's data stands for: a sku, a product number, the last part of an address.
/// `None` where it names no item that is to be priced.
pub type Find<'f> = dyn FnMut(&str) -> Option<Item> + 'f;

/// A change of a text: the bytes of a range become another text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which bytes.
    pub range: Range<usize>,
    /// What they become.
    pub text: String,
}

/// What data say about one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The item's key.
    pub sku: String,
    /// Places that hold the catalogue price, and hold the new one after the edits.
    pub written: u32,
    /// Places of the item that hold another amount. They stay. Where there is nothing else, an item that the data name
    /// (all of schema.org, and what has an item key in scripts) does not match.
    pub others: u32,
    /// What makes the item's places say the new price, in ascending order; nothing where it is the catalogue price.
    pub edits: Vec<Edit>,
    /// Places that should hold the new price and cannot: the names of their keys. Then none of the edits may be made.
    pub mismatches: Vec<String>,
    /// One of these holds the catalogue price, in a format that has no room for the new one.
    pub is_unfit: bool,
}

/// What data say about items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The items, in the order in which they were found.
    pub items: Vec<Found>,
}

impl Outcome {
    fn has(&self, sku: &str) -> bool {
        self.items.iter().any(|item| item.sku == sku)
    }

    /// The record of an item, made where there is none.
    fn of(&mut self, sku: &str) -> Option<&mut Found> {
        if !self.has(sku) {
            let (edits, mismatches) = (Vec::new(), Vec::new());
            self.items.push(Found {
                sku: sku.into(),
                written: 0,
                others: 0,
                edits,
                mismatches,
                is_unfit: false,
            });
        }
        self.items.iter_mut().find(|item| item.sku == sku)
    }

    /// Notes what a place under a key says.
    fn note(&mut self, sku: &str, key: &str, amount: amount::Amount) {
        if amount == amount::Amount::Missing {
            return;
        }
        let Some(item) = self.of(sku) else { return };
        match amount {
            amount::Amount::Price(edits) => {
                item.written += 1;
                item.edits.extend(edits);
            }
            amount::Amount::Other => item.others += 1,
            amount::Amount::Unfit => {
                item.mismatch(key);
                item.is_unfit = true;
            }
            amount::Amount::Missing => {}
        }
    }

    /// The end of the search: an item that is named, with amounts none of which is its catalogue price, does not match.
    fn close(mut self, key: &str, is_named: &dyn Fn(&str) -> bool) -> Self {
        for item in &mut self.items {
            item.edits.sort_by_key(|edit| edit.range.start);
            item.edits.dedup_by_key(|edit| edit.range.start);
            if item.written == 0 && item.others > 0 && is_named(&item.sku) {
                item.mismatch(key);
            }
        }
        self
    }
}

impl Edit {
    /// The same change of a text that stands at a position of another.
    fn shifted(self, at: usize) -> Self {
        Self { range: self.range.start + at..self.range.end + at, text: self.text }
    }
}

impl Found {
    fn mismatch(&mut self, key: &str) {
        if !self.mismatches.iter().any(|known| known == key) {
            self.mismatches.push(key.into());
        }
    }
}

/// A text with its edits made. Edits must be in ascending order; what lies within an earlier one is left out.
///
/// ```
/// use haggle::surface::{Edit, apply};
/// let edit = Edit { range: 6..8, text: "17.5".into() };
/// assert_eq!(apply("price=19;", &[edit]), "price=17.5;");
/// ```
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let (mut changed, mut at) = (String::with_capacity(text.len() + 8 * edits.len()), 0);
    for edit in edits {
        if let Some(kept) = text.get(at..edit.range.start).filter(|_| edit.range.end <= text.len()) {
            changed.push_str(kept);
            changed.push_str(&edit.text);
            at = edit.range.end;
        }
    }
    changed.push_str(text.get(at..).unwrap_or_default());
    changed
}
