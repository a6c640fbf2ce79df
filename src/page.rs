//! Stage 2 in a page: bytes of the shop's page in, bytes with the visitor's prices out.
//!
//! Out of scope: where the bytes come from and go to, and what is done with a page that cannot be priced.

use crate::site::Site;
pub use crate::surface::Price;

/// The prices of one visitor.
pub trait Offers {
    /// The price of an item; `None` where the item is to be left alone.
    fn price(&self, sku: &str) -> Option<Price>;
}

/// A place in the output where a hidden field with an item's quote belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Position in [`Output::bytes`].
    pub at: usize,
    /// Item of the quote.
    pub sku: String,
    /// Name of the form field.
    pub name: String,
}

/// What may go out.
#[derive(Debug, Default)]
pub struct Output {
    /// Bytes of the page.
    pub bytes: Vec<u8>,
    /// Hidden fields to be put in, by position.
    pub fields: Vec<Field>,
}

/// What became of the items of a page.
#[derive(Debug, Default)]
pub struct Report {
    /// The items for which there was an offer, in the order in which they appeared.
    pub items: Vec<PageItem>,
}

/// An item on a page.
#[derive(Debug, Clone)]
pub struct PageItem {
    /// Its key.
    pub sku: String,
    /// Its price.
    pub price: Price,
    /// Surfaces that show the price now.
    pub written: u32,
    /// Surfaces that should have held the catalogue price and did not: what each is called.
    pub mismatches: Vec<String>,
}

/// Rewrites one page.
pub struct Rewriter<'a> {
    _site: &'a Site,
    _offers: &'a dyn Offers,
}

impl<'a> Rewriter<'a> {
    /// For the page at a path, for one visitor.
    pub fn new(site: &'a Site, _path: &str, offers: &'a dyn Offers) -> Self {
        Self { _site: site, _offers: offers }
    }

    /// Takes the next bytes of the page in, and appends to `output` what may go out.
    pub fn push(&mut self, bytes: &[u8], output: &mut Output) {
        output.bytes.extend_from_slice(bytes);
    }

    /// Ends the page: appends the rest, with the tag of the storefront client.
    pub fn end(self, _output: &mut Output) -> Report {
        Report::default()
    }
}
