//! What a start tag opens: items, surfaces, forms, and places for the disclosure.

use std::ops::Range;

use super::Rewriter;
use super::charset::{Text, unescape};
use super::complete::{AttributeSurface, Complete, Verdict};
use super::open::{Label, Open, Owner, OwnerKind, ScriptSurface, Slot, TextSurface, What, Whose};
use crate::html::{Attribute, Opening};
use crate::site::{Place, Role, Rule, percent_decoded};

/// Names of elements that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `html`, `body`.
    Page,
    Meta,
    Script,
    Form,
    /// What has its value in `value`.
    Valued,
    Option,
    /// `title`, `textarea`: text that is not a part of a price around it.
    Hidden,
    /// What is no text.
    Silent,
    Other,
}

impl Kind {
    fn of(name: &[u8]) -> Self {
        const KINDS: [(&[u8], Kind); 14] = [
            (b"html", Kind::Page),
            (b"body", Kind::Page),
            (b"meta", Kind::Meta),
            (b"script", Kind::Script),
            (b"form", Kind::Form),
            (b"input", Kind::Valued),
            (b"data", Kind::Valued),
            (b"meter", Kind::Valued),
            (b"title", Kind::Hidden),
            (b"textarea", Kind::Hidden),
            (b"option", Kind::Option),
            (b"style", Kind::Silent),
            (b"iframe", Kind::Silent),
            (b"noembed", Kind::Silent),
        ];
        // The longest of these names.
        if name.len() > 8 {
            return Self::Other;
        }
        let (first, length) = (name.first().map(u8::to_ascii_lowercase), name.len());
        let may_be = |known: &[u8]| known.len() == length && known.first().copied() == first;
        let named = KINDS.iter().find(|(known, _)| may_be(known) && known.eq_ignore_ascii_case(name));
        named.map_or(Self::Other, |&(_, kind)| kind)
    }
}

/// Attributes of a marked element that hold its price.
const MARKED: [&str; 5] = ["content", "data-price", "data-amount", "aria-label", "value"];

/// The marks of a start tag.
struct Marks {
    sku: Option<String>,
    slot: Option<String>,
}

impl Rewriter<'_> {
    /// Takes a start tag in, whose name stands at `name` in the bytes that are waiting.
    pub(super) fn start(&mut self, span: Range<usize>, name: Range<usize>) {
        let kind = Kind::of(self.flow.bytes().get(name).unwrap_or_default());
        let marks = self.marks();
        if !self.site.selectors.is_empty() {
            self.matcher.open(self.flow.bytes(), &self.scanner, &mut self.hits);
        }
        let is_plain = self.hits.is_empty() && marks.sku.is_none() && marks.slot.is_none();
        if is_plain && !matches!(kind, Kind::Meta | Kind::Script | Kind::Silent | Kind::Hidden) {
            return;
        }
        let hits = std::mem::take(&mut self.hits);
        let count = self.open.len();
        let owners = self.owners.len();
        self.expect(span.start);
        self.own(kind, &marks, &hits);
        let is_in_slot = self.open.iter().any(|open| matches!(open.what, What::Slot(_)));
        if let Some(sku) = marks.slot {
            let sku = Some(sku).filter(|sku| !sku.is_empty());
            self.put(What::Slot(Slot { sku, from: span.end, is_given_up: false }));
        } else if !is_in_slot {
            self.surfaces(kind, marks.sku.is_some(), &hits, span.end);
        }
        if !self.scanner.is_open() {
            // No content comes, nor an end. A form between the rows of a table holds nothing, and yet is sent with the
            // fields that follow.
            let is_empty = self.scanner.opening() == Opening::Empty;
            let form = self.open.drain(count..).find_map(|open| match open.what {
                What::Form { owner } if is_empty => Some(owner),
                _ => None,
            });
            if let Some(owner) = form {
                self.complete(owner, Complete::Form(span.end));
            }
            self.owners.truncate(owners);
        } else if matches!(kind, Kind::Script | Kind::Silent | Kind::Hidden) && self.silent.is_none() {
            let is_surface = self.open.iter().skip(count).any(|open| matches!(open.what, What::Text(_)));
            self.silent = (!is_surface).then(|| self.scanner.depth());
        }
        self.hits = hits;
    }

    /// The marks of the start tag that the scanner has just given.
    fn marks(&self) -> Marks {
        let mut marks = Marks { sku: None, slot: None };
        for attribute in self.scanner.attributes() {
            let name = self.flow.bytes().get(attribute.name.clone()).unwrap_or_default();
            if name.len() == 15 && name.eq_ignore_ascii_case(b"data-haggle-sku") {
                marks.sku = Some(self.value(attribute));
            } else if name.len() == 22 && name.eq_ignore_ascii_case(b"data-haggle-disclosure") {
                marks.slot = Some(self.value(attribute));
            }
        }
        marks
    }

    fn attribute(&self, wanted: &str) -> Option<&Attribute> {
        self.scanner.attributes().iter().find(|attribute| {
            let name = self.flow.bytes().get(attribute.name.clone()).unwrap_or_default();
            name.eq_ignore_ascii_case(wanted.as_bytes())
        })
    }

    /// The value of an attribute as text, without entities.
    fn value(&self, attribute: &Attribute) -> String {
        let bytes = self.flow.bytes().get(attribute.value.clone()).unwrap_or_default();
        unescape(Text::of(bytes).as_str().trim()).into_owned()
    }

    fn value_of(&self, name: &str) -> Option<String> {
        self.attribute(name).map(|attribute| self.value(attribute))
    }

    fn put(&mut self, what: What) {
        self.open.push(Open { depth: self.scanner.depth(), what });
    }

    /// Finds out whose the element is, where it says so.
    fn own(&mut self, kind: Kind, marks: &Marks, hits: &[usize]) {
        if kind == Kind::Meta && self.value_of("name").is_some_and(|name| name == "haggle-sku") {
            if let Some(sku) = self.value_of("content") {
                self.own_page(&sku);
            }
            return;
        }
        match &marks.sku {
            Some(sku) if kind == Kind::Page => self.own_page(sku),
            Some(sku) => {
                let whose = self.items.of(sku).map_or(Whose::Nobody, Whose::Item);
                self.enter(whose, OwnerKind::Mark);
            }
            None => {
                if let Some(card) = hits.iter().find_map(|&hit| match self.site.rules.get(hit) {
                    Some(Rule::Card(card)) => Some(*card),
                    _ => None,
                }) {
                    let whose = self.card(card, false).unwrap_or(Whose::Waiting);
                    self.enter(whose, OwnerKind::Card(card));
                    self.client.meet(card);
                }
            }
        }
        for &hit in hits {
            if let Some(&Rule::CardSku(card)) = self.site.rules.get(hit) {
                self.name_card(card);
            }
        }
    }

    fn own_page(&mut self, sku: &str) {
        let whose = self.items.of(sku).map_or(Whose::Nobody, Whose::Item);
        if let Some(page) = self.owners.first_mut() {
            page.whose = whose;
        }
    }

    fn enter(&mut self, whose: Whose, kind: OwnerKind) {
        self.owners.push(Owner::new(whose, kind));
        self.put(What::Owner);
    }

    /// The item that a card, or an element in it, names; `None` where it names none.
    fn card(&mut self, card: usize, is_within: bool) -> Option<Whose> {
        let Some(rule) = self.site.cards.get(card)?.sku.as_ref() else { return Some(Whose::Nobody) };
        if rule.selector.is_some() != is_within {
            return None;
        }
        let value = self.value_of(&rule.attribute)?;
        let name = match &rule.pattern {
            Some(pattern) => percent_decoded(pattern.find(&value)?),
            None => value,
        };
        Some(self.items.named(&name).map_or(Whose::Nobody, Whose::Item))
    }

    /// An element that may say the item of the innermost card.
    fn name_card(&mut self, card: usize) {
        let innermost = self.owners.len().saturating_sub(1);
        let is_asked = self
            .owners
            .get(innermost)
            .is_some_and(|owner| owner.whose == Whose::Waiting && owner.kind == OwnerKind::Card(card));
        if !is_asked {
            return;
        }
        let Some(whose) = self.card(card, true) else { return };
        self.resolve(innermost, whose);
    }

    /// Opens the surfaces that the element is.
    fn surfaces(&mut self, kind: Kind, is_marked: bool, hits: &[usize], at: usize) {
        let is_marked = is_marked && kind != Kind::Page;
        let owner = self.owners.len().saturating_sub(1);
        if kind == Kind::Form {
            let is_form = hits.iter().any(|&hit| self.site.rules.get(hit) == Some(&Rule::Form));
            if is_marked || is_form {
                self.attributes(owner, kind, false, hits);
                self.put(What::Form { owner });
                return;
            }
        }
        if kind == Kind::Script {
            self.script(is_marked, hits, at);
            return;
        }
        let is_written = self.attributes(owner, kind, is_marked, hits);
        self.text(owner, kind, is_marked.then_some(is_written), hits, at);
    }

    /// The rules of a kind of place that the element has on this page, first rule first.
    fn rules(&self, hits: &[usize], place: Place) -> impl Iterator<Item = usize> {
        hits.iter().filter_map(move |&hit| match self.site.rules.get(hit) {
            Some(&Rule::Surface(rule)) => {
                let is_on = self.is_on.get(rule).copied().unwrap_or_default();
                let surface = self.site.surfaces.get(rule).filter(|surface| surface.place == place && is_on);
                surface.map(|_| rule)
            }
            _ => None,
        })
    }

    fn script(&mut self, is_marked: bool, hits: &[usize], from: usize) {
        let ruled = |place: Place| self.rules(hits, place).next();
        let is_json_ld = || {
            let kind = self.value_of("type").unwrap_or_default();
            kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/ld+json"))
        };
        // A rule for all scripts of a page is not one for its structured data.
        let label = if let Some(rule) = ruled(Place::JsonLd) {
            Label::Rule(rule)
        } else if is_json_ld() {
            Label::JsonLd
        } else if let Some(rule) = ruled(Place::Script) {
            Label::Rule(rule)
        } else if is_marked {
            Label::Mark
        } else {
            return;
        };
        let owner = self.owners.len().saturating_sub(1);
        self.put(What::Script(ScriptSurface { owner, label, from, is_given_up: false }));
    }

    /// Writes the attributes with a price; says whether one of them holds it.
    fn attributes(&mut self, owner: usize, kind: Kind, is_marked: bool, hits: &[usize]) -> bool {
        let mut found: Vec<AttributeSurface> = Vec::new();
        let base = self.flow.base();
        let mut add = |attribute: &Attribute, label: Label, role: Role| {
            let value = attribute.value.start + base..attribute.value.end + base;
            // Two rules for one place: the first one counts.
            if !value.is_empty() && !found.iter().any(|known| known.value == value) {
                found.push(AttributeSurface { label, role, value, is_quoted: attribute.quote.is_some() });
            }
        };
        if is_marked {
            for name in MARKED {
                // Of other elements it may be anything.
                let is_its_value = name != "value" || kind == Kind::Valued;
                let role = if is_its_value { Role::Price } else { Role::IfEqual };
                if let Some(attribute) = self.attribute(name) {
                    add(attribute, Label::Mark, role);
                }
            }
        }
        for rule in self.rules(hits, Place::Attribute) {
            let Some(surface) = self.site.surfaces.get(rule) else { continue };
            for name in &surface.attributes {
                if let Some(attribute) = self.attribute(name) {
                    add(attribute, Label::Rule(rule), surface.role);
                }
            }
        }
        let mut is_written = false;
        for surface in found {
            is_written |= self.complete(owner, Complete::Attribute(surface)) == Verdict::Written;
        }
        is_written
    }

    /// Opens the element as a text with a price. `marked` says of a marked one whether an attribute holds it.
    fn text(&mut self, owner: usize, kind: Kind, marked: Option<bool>, hits: &[usize], from: usize) {
        let ruled = self.rules(hits, Place::Text).next();
        let (label, role) = match (marked, ruled) {
            (None, None) => return,
            (Some(_), _) => (Label::Mark, Role::Price),
            (None, Some(rule)) => {
                let role = self.site.surfaces.get(rule).map_or(Role::Price, |surface| surface.role);
                (Label::Rule(rule), role)
            }
        };
        let Some(state) = self.owners.get(owner).filter(|state| state.whose != Whose::Nobody) else { return };
        let whose = state.whose;
        let is_same = |one: usize| {
            one == owner
                || whose != Whose::Waiting && self.owners.get(one).is_some_and(|one| one.whose == whose)
        };
        let surface = TextSurface {
            owner,
            label,
            role,
            from,
            nodes: Vec::new(),
            is_visible: !matches!(kind, Kind::Hidden | Kind::Option),
            is_satisfied: marked.unwrap_or_default(),
            is_given_up: false,
        };
        if !self.scanner.is_open() {
            // Without content, and no attribute holds the price.
            if marked == Some(false) {
                self.complete(owner, Complete::Text(surface));
            }
            return;
        }
        let around = self.open.iter().rev().find_map(|open| match &open.what {
            What::Text(around) => Some((around.role, is_same(around.owner), around.is_given_up)),
            _ => None,
        });
        if let Some((around, true, false)) = around
            && role != Role::CompareAt
            && around != Role::CompareAt
            && (around == Role::Price || role == Role::IfEqual)
        {
            // One place with two names.
            self.see(hits);
            return;
        }
        self.see(hits.get(1..).unwrap_or_default());
        self.put(What::Text(surface));
    }

    /// Notes that rules have found their element.
    fn see(&mut self, hits: &[usize]) {
        let rules: Vec<usize> = self.rules(hits, Place::Text).collect();
        for rule in rules {
            if let Some(seen) = self.seen.get_mut(rule) {
                *seen = true;
            }
        }
    }
}
