//! Surfaces whose bytes are all there: checked against the catalogue price, and written.

use std::ops::Range;

use super::charset::Text;
use super::open::{Label, TextSurface, Whose};
use super::{Price, Rewriter};
use crate::reprice::{read_price_nodes, reprice_nodes};
use crate::site::{Place, Role, Site, Surface};
use crate::surface::amount::{self, Amount};
use crate::surface::script::{self, Keys};
use crate::surface::{self, Find, Item, Outcome, Scale, json_ld};

/// A surface, or a form, that is complete.
#[derive(Debug)]
pub(super) enum Complete {
    Text(TextSurface),
    Attribute(AttributeSurface),
    /// The end of a form.
    Form(usize),
}

impl Complete {
    /// Its first byte that may change.
    pub(super) fn from(&self) -> usize {
        match self {
            Self::Text(surface) => surface.from,
            Self::Attribute(surface) => surface.value.start,
            Self::Form(at) => *at,
        }
    }
}

/// The value of an attribute with a price.
#[derive(Debug)]
pub(super) struct AttributeSurface {
    pub(super) label: Label,
    pub(super) role: Role,
    pub(super) value: Range<usize>,
    pub(super) is_quoted: bool,
}

/// What a surface turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It holds the catalogue price.
    Written,
    /// It holds something else.
    Mismatch,
    /// It holds the catalogue price, and has no room for the new one.
    Unfit,
    /// It holds no price at all.
    Absent,
}

impl Rewriter<'_> {
    /// Writes a surface that is complete, as soon as its item is known.
    pub(super) fn complete(&mut self, owner: usize, surface: Complete) -> Verdict {
        let Some(state) = self.owners.get_mut(owner) else { return Verdict::Absent };
        match (state.whose, surface) {
            (Whose::Waiting, surface) => {
                state.deferred.push(surface);
                Verdict::Absent
            }
            (Whose::Item(item), surface) => self.write(owner, item, surface),
            (Whose::Nobody, Complete::Attribute(surface)) => self.write_data(None, &surface),
            (Whose::Nobody, _) => Verdict::Absent,
        }
    }

    pub(super) fn write(&mut self, owner: usize, item: usize, surface: Complete) -> Verdict {
        match surface {
            Complete::Text(surface) => self.write_text(owner, item, &surface),
            Complete::Attribute(surface) if has_keys(self.site, surface.label) => {
                self.write_data(Some(item), &surface)
            }
            Complete::Attribute(surface) => self.write_attribute(item, &surface),
            Complete::Form(at) => {
                self.put_field(item, at);
                Verdict::Absent
            }
        }
    }

    fn write_text(&mut self, owner: usize, item: usize, surface: &TextSurface) -> Verdict {
        let Some(price) = self.items.get(item).map(|item| item.price) else { return Verdict::Absent };
        let texts: Vec<Text<'_>> = surface.nodes.iter().map(|node| Text::of(self.flow.get(node))).collect();
        let nodes: Vec<&str> = texts.iter().map(Text::as_str).collect();
        let has_price = nodes.iter().any(|node| has_digit(node));
        let verdict = match surface.role {
            _ if !has_price && (surface.is_satisfied || surface.label != Label::Mark) => Verdict::Absent,
            Role::CompareAt => compared(&nodes, &price),
            _ => {
                let (from, to) = (price.catalogue_minor, price.price_minor);
                match reprice_nodes(&nodes, from, to, price.currency) {
                    Ok(new) => return self.write_nodes(owner, item, surface, new),
                    Err(_) if reprice_nodes(&nodes, from, from, price.currency).is_ok() => Verdict::Unfit,
                    Err(_) => Verdict::Mismatch,
                }
            }
        };
        let given = nodes.concat();
        self.judge(item, surface.label, surface.role, surface.from, verdict, &given)
    }

    /// Writes the nodes of a text that holds the price.
    fn write_nodes(
        &mut self,
        owner: usize,
        item: usize,
        surface: &TextSurface,
        new: Vec<Option<String>>,
    ) -> Verdict {
        let (mut changes, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
        let mut given = String::new();
        let mut is_fit = true;
        for (node, new) in surface.nodes.iter().zip(new) {
            let text = Text::of(self.flow.get(node));
            given.push_str(text.as_str());
            let shown = text.as_shown(text.as_str());
            if !shown.is_empty() {
                after.push(new.as_deref().map_or_else(|| shown.clone(), |new| text.as_shown(new)));
                before.push(shown);
            }
            if let Some(new) = new {
                match text.bytes_of(&new) {
                    Some(bytes) => changes.push((node.clone(), bytes)),
                    None => is_fit = false,
                }
            }
        }
        let verdict = if is_fit { Verdict::Written } else { Verdict::Unfit };
        let verdict = self.judge(item, surface.label, surface.role, surface.from, verdict, &given);
        if verdict == Verdict::Written {
            self.change(item, changes);
            if let Some(state) = self.items.get_mut(item) {
                state.visible += u32::from(surface.is_visible);
                state.note_text(before, after);
            }
            self.note_rule(owner, item, surface.label);
            self.place_waiting_fields(item);
        }
        verdict
    }

    fn write_attribute(&mut self, item: usize, surface: &AttributeSurface) -> Verdict {
        let Some(price) = self.items.get(item).map(|item| item.price) else { return Verdict::Absent };
        let text = Text::of(self.flow.get(&surface.value));
        let given = text.as_str().to_owned();
        if surface.role == Role::CompareAt {
            let verdict = compared(&[&given], &price);
            return self.judge(item, surface.label, surface.role, surface.value.start, verdict, &given);
        }
        let amount = match amount::of_text(
            text.as_str(),
            &price,
            rule(self.site, surface.label).map_or(Scale::Major, |rule| rule.scale),
        ) {
            Amount::Other if surface.label == Label::Mark => {
                amount::of_text(text.as_str(), &price, Scale::Minor)
            }
            amount => amount,
        };
        let (verdict, changes) = match amount {
            Amount::Missing => (Verdict::Absent, Vec::new()),
            Amount::Other => (Verdict::Mismatch, Vec::new()),
            Amount::Unfit => (Verdict::Unfit, Vec::new()),
            Amount::Price(edits) => match text.changes(&edits) {
                Some(changes) if changes.iter().all(|(_, new)| fits(new, surface.is_quoted)) => {
                    (Verdict::Written, changes)
                }
                _ => (Verdict::Unfit, Vec::new()),
            },
        };
        let verdict = self.judge(item, surface.label, surface.role, surface.value.start, verdict, &given);
        if verdict == Verdict::Written {
            let at = surface.value.start;
            self.change(
                item,
                changes.into_iter().map(|(range, new)| (range.start + at..range.end + at, new)),
            );
        }
        verdict
    }

    /// JSON in an attribute.
    fn write_data(&mut self, item: Option<usize>, surface: &AttributeSurface) -> Verdict {
        if !has_keys(self.site, surface.label) {
            return Verdict::Absent;
        }
        self.write_outcome(item, surface.label, surface.value.clone(), true)
    }

    /// The content of a script.
    pub(super) fn write_script(&mut self, owner: usize, label: Label, content: Range<usize>) -> Verdict {
        let whose = self.owners.get(owner).map(|owner| owner.whose);
        let item = if let Some(Whose::Item(item)) = whose { Some(item) } else { None };
        self.write_outcome(item, label, content, false)
    }

    /// Data that may be about several items.
    fn write_outcome(
        &mut self,
        item: Option<usize>,
        label: Label,
        content: Range<usize>,
        is_attribute: bool,
    ) -> Verdict {
        let text = Text::of(self.flow.get(&content));
        let about = item.and_then(|item| self.items.get(item)).map(|item| item.sku.clone());
        let items = &mut self.items;
        let mut find = |name: &str| {
            let item = items.named(name)?;
            items.get(item).map(|item| Item { sku: item.sku.clone(), price: item.price })
        };
        let outcome = outcome(self.site, label, text.as_str(), about.as_deref(), is_attribute, &mut find);
        let mut verdicts = Vec::new();
        for found in outcome.items {
            let changes = text.changes(&found.edits);
            let verdict = match &changes {
                Some(_) if found.mismatches.is_empty() && found.written > 0 => Verdict::Written,
                Some(_) if found.mismatches.is_empty() => Verdict::Absent,
                Some(_) if !found.is_unfit => Verdict::Mismatch,
                _ => Verdict::Unfit,
            };
            verdicts.push((found, verdict, changes.unwrap_or_default()));
        }
        self.write_found(label, content.start, verdicts)
    }

    fn write_found(
        &mut self,
        label: Label,
        at: usize,
        all: Vec<(surface::Found, Verdict, Changes)>,
    ) -> Verdict {
        let mut best = Verdict::Absent;
        for (found, verdict, changes) in all {
            let Some(item) = self.items.of(&found.sku) else { continue };
            let role = rule(self.site, label).map_or(Role::Price, |rule| rule.role);
            let verdict = self.judge(item, label, role, at, verdict, "");
            if verdict == Verdict::Written {
                if let Some(state) = self.items.get_mut(item) {
                    // One is counted already.
                    state.written += found.written.saturating_sub(1);
                }
                self.change(
                    item,
                    changes.into_iter().map(|(range, new)| (range.start + at..range.end + at, new)),
                );
            }
            if best == Verdict::Absent {
                best = verdict;
            }
        }
        best
    }

    /// Counts what a surface turned out to be.
    fn judge(
        &mut self,
        item: usize,
        label: Label,
        role: Role,
        at: usize,
        verdict: Verdict,
        given: &str,
    ) -> Verdict {
        let verdict =
            if role == Role::IfEqual && verdict == Verdict::Mismatch { Verdict::Absent } else { verdict };
        self.note_seen(item, label, role, at, verdict, given);
        if verdict == Verdict::Absent {
            return verdict;
        }
        if let Label::Rule(rule) = label
            && let Some(seen) = self.seen.get_mut(rule)
        {
            *seen = true;
        }
        match (verdict, role) {
            (Verdict::Mismatch | Verdict::Unfit, Role::CompareAt) => self.mismatch(item, "compare-at".into()),
            (Verdict::Mismatch | Verdict::Unfit, _) => self.mismatch(item, name(self.site, label).into()),
            (_, Role::CompareAt) => {}
            _ => {
                if let Some(state) = self.items.get_mut(item) {
                    state.written += 1;
                }
            }
        }
        verdict
    }

    /// Changes bytes for an item, unless something of it did not match: then nothing more of it changes.
    fn change(&mut self, item: usize, changes: impl IntoIterator<Item = (Range<usize>, Vec<u8>)>) {
        let Some(state) = self.items.get(item) else { return };
        if state.has_mismatch() || state.price.price_minor == state.price.catalogue_minor {
            return;
        }
        for (range, bytes) in changes {
            self.flow.change(range, bytes);
        }
    }
}

/// Ranges and what they become.
type Changes = Vec<(Range<usize>, Vec<u8>)>;

/// The site's rule for a surface.
pub(super) fn rule(site: &Site, label: Label) -> Option<&Surface> {
    match label {
        Label::Rule(rule) => site.surfaces.get(rule),
        _ => None,
    }
}

/// What a surface is called.
pub(super) fn name(site: &Site, label: Label) -> &str {
    match label {
        Label::Mark => "data-haggle-sku",
        Label::JsonLd => "json-ld",
        Label::Rule(_) => rule(site, label).map_or("", |rule| &rule.selector),
    }
}

fn has_keys(site: &Site, label: Label) -> bool {
    rule(site, label).is_some_and(|rule| !rule.keys.is_empty())
}

/// What the data of a script or of an attribute say about items.
fn outcome(
    site: &Site,
    label: Label,
    text: &str,
    about: Option<&str>,
    is_attribute: bool,
    find: &mut Find<'_>,
) -> Outcome {
    let rule = rule(site, label);
    if label == Label::JsonLd || rule.is_some_and(|rule| rule.place == Place::JsonLd) {
        return json_ld::edits(text, about, find);
    }
    let usual = ["price", "lowPrice", "highPrice"].map(String::from);
    let keys = Keys {
        price: rule.map_or(&usual, |rule| &rule.keys),
        item: rule.map_or(&[], |rule| &rule.item_keys),
        scale: rule.map_or(Scale::Major, |rule| rule.scale),
    };
    if is_attribute {
        script::attribute_edits(text, &keys, about, find)
    } else {
        script::edits(text, &keys, about, find)
    }
}

/// Whether a price of before can stay beside the new price.
fn compared(nodes: &[&str], price: &Price) -> Verdict {
    let Some(reading) = read_price_nodes(nodes, price.currency) else { return Verdict::Absent };
    let digits = price.currency.minor_digits();
    let ten = |power: u32| 10i128.checked_pow(power).unwrap_or(i128::MAX);
    // In units of the finer of the two.
    let before = i128::from(reading.amount).saturating_mul(ten(digits.saturating_sub(reading.decimals)));
    let now = i128::from(price.price_minor).saturating_mul(ten(reading.decimals.saturating_sub(digits)));
    let is_changed = price.price_minor != price.catalogue_minor;
    if before > now || !is_changed { Verdict::Written } else { Verdict::Mismatch }
}

/// Whether bytes can stand in the value of an attribute that has quotes, or none.
fn fits(bytes: &[u8], is_quoted: bool) -> bool {
    is_quoted || !bytes.iter().any(|byte| b" \t\n\r\x0c\"'=<>`".contains(byte))
}

/// Whether a digit stands in a text, of whichever script: an element without one holds no price.
fn has_digit(text: &str) -> bool {
    text.chars().any(char::is_numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_without_quotes_takes_no_sign_that_ends_it() {
        assert!(fits(b"1 299 kr", true) && fits("1.299,00€".as_bytes(), false));
        for bytes in [&b"1 299"[..], b"1'299", b"\"", b"a>b", b"a=b"] {
            assert!(!fits(bytes, false), "{bytes:?}");
        }
    }

    #[test]
    fn a_price_of_before_is_compared_in_units_of_the_currency() {
        let price = |currency: &str, catalogue_minor, price_minor| Price {
            catalogue_minor,
            price_minor,
            currency: currency.parse().unwrap(),
            is_disclosed: false,
        };
        for (text, price, verdict) in [
            ("25 €", price("EUR", 1900, 2499), Verdict::Written),
            ("25,00 €", price("EUR", 1900, 2500), Verdict::Mismatch),
            ("19,00 €", price("EUR", 1900, 1900), Verdict::Written),
            ("¥2,500", price("JPY", 1900, 2499), Verdict::Written),
            ("¥2,500", price("JPY", 1900, 2501), Verdict::Mismatch),
            ("was", price("EUR", 1900, 1750), Verdict::Absent),
            ("KWD 2.000", price("KWD", 1900, 1999), Verdict::Written),
            ("KWD 2.000", price("KWD", 1900, 2100), Verdict::Mismatch),
        ] {
            assert_eq!(compared(&[text], &price), verdict, "{text} {price:?}");
        }
        let split = ["$", "24", "99"];
        assert_eq!(compared(&split, &price("USD", 1900, 2498)), Verdict::Written);
        assert_eq!(compared(&split, &price("USD", 1900, 2600)), Verdict::Mismatch);
    }
}
