//! The items of a page: which have an offer, and what became of them so far.

use std::collections::BTreeMap;

use super::{Offers, PageItem};
use crate::site::Site;

/// The items that were met on a page.
pub(super) struct Items<'a> {
    site: &'a Site,
    offers: &'a dyn Offers,
    /// What is known of a sku: its place in the list, or that there is no offer.
    known: BTreeMap<String, Option<usize>>,
    all: Vec<PageItem>,
}

impl<'a> Items<'a> {
    pub(super) fn new(site: &'a Site, offers: &'a dyn Offers) -> Self {
        Self { site, offers, known: BTreeMap::new(), all: Vec::new() }
    }

    /// The item with this key, if there is an offer for it.
    pub(super) fn of(&mut self, sku: &str) -> Option<usize> {
        if let Some(&known) = self.known.get(sku) {
            return known;
        }
        let item = self.offers.price(sku).map(|price| {
            self.all.push(PageItem::new(sku, price));
            self.all.len() - 1
        });
        self.known.insert(sku.into(), item);
        item
    }

    /// The item that the page names so, in a URL or in an attribute.
    pub(super) fn named(&mut self, name: &str) -> Option<usize> {
        let site = self.site;
        self.of(site.sku(name))
    }

    pub(super) fn get(&self, item: usize) -> Option<&PageItem> {
        self.all.get(item)
    }

    pub(super) fn get_mut(&mut self, item: usize) -> Option<&mut PageItem> {
        self.all.get_mut(item)
    }

    pub(super) fn all(&self) -> &[PageItem] {
        &self.all
    }

    pub(super) fn all_mut(&mut self) -> &mut [PageItem] {
        &mut self.all
    }

    /// The items that the page has surfaces of.
    pub(super) fn into_met(self) -> Vec<PageItem> {
        self.all.into_iter().filter(|item| item.written > 0 || item.has_mismatch()).collect()
    }
}
