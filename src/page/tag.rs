//! The tag of the storefront client: what it has to write again where the page is rendered anew in the browser.

use super::PageItem;
use super::open::OwnerKind;
use crate::site::{FIELD, Site};

/// Where texts with a price were found by rules of the site.
#[derive(Debug, Default)]
pub(super) struct Client {
    rules: Vec<(Place, usize)>,
    /// Cards of the site that stand on the page, also those about other items: what is in them is not the page's.
    cards: Vec<usize>,
    /// Nothing is reported of this page.
    pub(super) is_preview: bool,
}

/// Whose element a rule applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Of the whole page, which is about this item.
    Page(usize),
    /// In each element with a mark.
    Mark,
    /// In each card of this rule.
    Card(usize),
}

impl Client {
    /// Notes that a surface of the site was found.
    pub(super) fn note(&mut self, kind: OwnerKind, item: usize, surface: usize) {
        let place = match kind {
            OwnerKind::Page => Place::Page(item),
            OwnerKind::Mark => Place::Mark,
            OwnerKind::Card(card) => Place::Card(card),
        };
        if !self.rules.contains(&(place, surface)) {
            self.rules.push((place, surface));
        }
    }

    /// Notes that a card of the site was met.
    pub(super) fn meet(&mut self, card: usize) {
        if !self.cards.contains(&card) {
            self.cards.push(card);
        }
    }

    /// The rules, and for each card that has none one that tells it apart from the page around it.
    fn all_rules(&self) -> impl Iterator<Item = (Place, usize)> {
        let first = self.rules.iter().find(|(place, _)| matches!(place, Place::Page(_) | Place::Mark));
        let has_rule = |card: usize| self.rules.iter().any(|&(place, _)| place == Place::Card(card));
        let others = self.cards.iter().filter(move |&&card| !has_rule(card));
        let others = others.filter_map(move |&card| first.map(|&(_, surface)| (Place::Card(card), surface)));
        self.rules.iter().copied().chain(others)
    }

    /// The tag; nothing where no item is shown. ASCII only, as the page may be in any charset.
    pub(super) fn tag(&self, site: &Site, items: &[PageItem]) -> String {
        let shown = || items.iter().filter(|item| item.is_shown());
        if shown().next().is_none() {
            return String::new();
        }
        let mut json = Json::default();
        json.text.push_str("{\"items\":{");
        let mut skus = Vec::new();
        for (i, item) in shown().enumerate() {
            json.comma(i);
            json.string(&item.sku);
            json.item(item);
            skus.extend(site.written_as(&item.sku).map(|name| (name, item.sku.as_str())));
        }
        json.text.push_str("},\"rules\":[");
        let rules = self.all_rules().filter_map(|(place, surface)| {
            let at = site.surfaces.get(surface)?;
            let is_shown = |item: usize| items.get(item).is_some_and(PageItem::is_shown);
            let is_needed = if let Place::Page(item) = place { is_shown(item) } else { true };
            is_needed.then_some((place, at.selector.as_str()))
        });
        for (i, (place, at)) in rules.enumerate() {
            json.comma(i);
            json.rule(site, items, place, at);
        }
        json.text.push(']');
        if !skus.is_empty() {
            json.text.push_str(",\"skus\":{");
            for (i, (name, sku)) in skus.into_iter().enumerate() {
                json.comma(i);
                json.string(name);
                json.text.push(':');
                json.string(sku);
            }
            json.text.push('}');
        }
        if site.field() != FIELD {
            json.text.push_str(",\"field\":");
            json.string(site.field());
        }
        if self.is_preview {
            json.text.push_str(",\"preview\":true");
        }
        let json = json.text;
        format!("<script type=\"module\" src=\"/haggle/haggle.js\" data-haggle='{json}}}'></script>")
    }
}

/// JSON that can stand in an attribute in single quotes.
#[derive(Debug, Default)]
struct Json {
    text: String,
}

impl Json {
    fn comma(&mut self, before: usize) {
        if before > 0 {
            self.text.push(',');
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\'&<>".contains(&byte)) {
            self.text.push_str(text);
            self.text.push('"');
            return;
        }
        for unit in text.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte @ (b'"' | b'\\')) => self.text.extend(['\\', char::from(byte)]),
                Ok(byte @ b' '..=b'~') if !b"'&<>".contains(&byte) => self.text.push(char::from(byte)),
                _ => {
                    self.text.push_str("\\u");
                    for shift in [12, 8, 4, 0] {
                        self.text.extend(char::from_digit(u32::from(unit >> shift & 15), 16));
                    }
                }
            }
        }
        self.text.push('"');
    }

    fn strings(&mut self, texts: &[String]) {
        self.text.push('[');
        for (i, text) in texts.iter().enumerate() {
            self.comma(i);
            self.string(text);
        }
        self.text.push(']');
    }

    fn item(&mut self, item: &PageItem) {
        self.text.push_str(":{\"price\":");
        self.text.push_str(&item.price.price_minor.to_string());
        if !item.texts.is_empty() {
            self.text.push_str(",\"texts\":[");
            for (i, (before, after)) in item.texts.iter().enumerate() {
                self.comma(i);
                self.text.push('[');
                self.strings(before);
                self.text.push(',');
                self.strings(after);
                self.text.push(']');
            }
            self.text.push(']');
        }
        self.text.push('}');
    }

    fn rule(&mut self, site: &Site, items: &[PageItem], place: Place, at: &str) {
        let (within, by) = match place {
            Place::Page(item) => {
                self.text.push('[');
                self.string(at);
                self.text.push(',');
                self.string(items.get(item).map_or("", |item| &item.sku));
                self.text.push(']');
                return;
            }
            Place::Mark => ("[data-haggle-sku]", ["", "data-haggle-sku", ""]),
            Place::Card(card) => {
                let card = site.cards.get(card);
                let selector = card.map_or("", |card| card.selector.as_str());
                match card.and_then(|card| card.sku.as_ref()) {
                    Some(sku) => {
                        let pattern = sku.pattern.as_ref().map_or("", |pattern| pattern.text());
                        (selector, [sku.selector.as_deref().unwrap_or(""), &sku.attribute, pattern])
                    }
                    // What it has not names no item.
                    None => (selector, ["", "data-haggle-sku", ""]),
                }
            }
        };
        self.text.push_str("{\"in\":");
        self.string(within);
        self.text.push_str(",\"by\":");
        self.strings(&by.map(String::from));
        self.text.push_str(",\"at\":");
        self.string(at);
        self.text.push('}');
    }
}
