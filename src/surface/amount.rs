//! One amount in a page's data: whether it is the catalogue price, and the new price in the same format.
//!
//! A number of a program (`15`, `15.00`, `67.8400`, `"24990"`) keeps its decimals, and gains some where the new price
//! needs them: for a program `15.5` is what `15` was. Everything else is text for people (`GBP 12,99`, a piece of
//! HTML) and follows the rules of [`reprice`](crate::reprice()).

use super::layer::{Encoding, Layer};
use super::{Edit, Price, Scale};
use crate::reprice::reprice_nodes;

/// Longest text that is read as an amount, in bytes: a piece of HTML with a price has some hundreds.
const TEXT_MAX: usize = 16_384;

/// Most digits of a number.
const DIGITS_MAX: usize = 24;

/// What a place says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amount {
    /// The catalogue price; the edits make it the new price (none where the two are the same).
    Price(Vec<Edit>),
    /// Another amount.
    Other,
    /// The catalogue price in a format in which the new one cannot be written.
    Unfit,
    /// No amount.
    Missing,
}

impl Amount {
    /// The same of a text that stands at a position of another.
    pub(super) fn shifted(self, at: usize) -> Self {
        match self {
            Amount::Price(edits) => Amount::Price(edits.into_iter().map(|edit| edit.shifted(at)).collect()),
            other => other,
        }
    }
}

/// How a number of a program may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Literal {
    /// `15`: needless zeros are left out.
    Number,
    /// `"15"`: somebody may show it, so decimals come in full.
    Text,
}

/// Compares a text with the catalogue price: the whole value of an attribute or of a string.
///
/// ```
/// use haggle::surface::{Price, Scale, amount::{self, Amount}, apply};
/// let currency = "EUR".parse()?;
/// let price = Price { catalogue_minor: 1900, price_minor: 1750, currency, is_disclosed: false };
/// for (text, scale, expected) in [
///     ("19", Scale::Major, "17.50"),
///     ("19.0000", Scale::Major, "17.5000"),
///     ("1900", Scale::Minor, "1750"),
///     ("19,00\\u00a0€", Scale::Major, "17,50\\u00a0€"),
/// ] {
///     let Amount::Price(edits) = amount::of_text(text, &price, scale) else { panic!("{text}") };
///     assert_eq!(apply(text, &edits), expected);
/// }
/// assert_eq!(amount::of_text("5,90 €", &price, Scale::Major), Amount::Other);
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn of_text(text: &str, price: &Price, scale: Scale) -> Amount {
    let trimmed = text.trim_ascii();
    let at = text.len() - text.trim_ascii_start().len();
    match of_number(trimmed, price, scale, Literal::Text) {
        Some(Amount::Price(edits)) => Amount::Price(edits).shifted(at),
        // `1.299` is a thousand and more for people in many countries.
        Some(_) if trimmed.contains('.') => of_words(text, price),
        Some(amount) => amount,
        None => of_words(text, price),
    }
}

/// Compares a number or the content of a string of a program.
pub(super) fn of_leaf(literal: Literal, text: &str, price: &Price, scale: Scale) -> Amount {
    match literal {
        Literal::Number => of_number(text, price, scale, literal).unwrap_or(Amount::Other),
        Literal::Text => of_text(text, price, scale),
    }
}

/// Compares a number of a program; `None` where it is not one.
pub(super) fn of_number(text: &str, price: &Price, scale: Scale, literal: Literal) -> Option<Amount> {
    let (whole, decimals) = parts(text)?;
    let scale = if decimals.is_empty() { scale } else { Scale::Major };
    let digits = match scale {
        Scale::Major => price.currency.minor_digits() as usize,
        Scale::Minor => 0,
    };
    Some(match minor(whole, decimals, digits) {
        Some(value) if value != price.catalogue_minor => Amount::Other,
        None => Amount::Other,
        Some(_) if price.price_minor == price.catalogue_minor => Amount::Price(Vec::new()),
        Some(_) => {
            let written = write(price.price_minor, decimals, digits, literal);
            Amount::Price(vec![Edit { range: 0..text.len(), text: written }])
        }
    })
}

/// The value of a number of a program in minor units, if it is one.
pub(super) fn value(text: &str, price: &Price) -> Option<i64> {
    let (whole, decimals) = parts(text.trim_ascii())?;
    minor(whole, decimals, price.currency.minor_digits() as usize)
}

/// The digits before and after the point.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (whole, decimals) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !whole.is_empty() && is_digits(whole) && is_digits(decimals);
    let is_plain = whole.len() == 1 || !whole.starts_with('0');
    (is_number && is_plain && text.len() <= DIGITS_MAX).then_some((whole, decimals))
}

/// The value in minor units; none where it has a part of one, or is too large.
fn minor(whole: &str, decimals: &str, digits: usize) -> Option<i64> {
    let (kept, rest) = decimals.split_at_checked(digits).unwrap_or((decimals, ""));
    if rest.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let missing = 10i64.checked_pow(u32::try_from(digits - kept.len()).ok()?)?;
    format!("{whole}{kept}").parse::<i64>().ok()?.checked_mul(missing)
}

/// Writes an amount with as many decimals as there were, or as it needs.
fn write(minor: i64, decimals_before: &str, digits: usize, literal: Literal) -> String {
    let scale = 10i64.pow(digits as u32);
    let (whole, rest) = (minor / scale, minor % scale);
    let mut decimals = if digits == 0 { String::new() } else { format!("{rest:0digits$}") };
    let before = decimals_before.len();
    if before < digits {
        // `15.0` has a zero that it does not need, `52.8` and `15` have none.
        let least = if decimals_before.ends_with('0') { before } else { 0 };
        let in_full = literal == Literal::Text && before == 0 && rest != 0;
        while !in_full && decimals.len() > least && decimals.ends_with('0') {
            decimals.pop();
        }
    }
    while before > digits && decimals.len() < before {
        decimals.push('0');
    }
    if decimals.is_empty() { whole.to_string() } else { format!("{whole}.{decimals}") }
}

/// Compares a text for people, which may be HTML and have escapes of JavaScript and HTML.
fn of_words(text: &str, price: &Price) -> Amount {
    if text.len() > TEXT_MAX || !text.bytes().any(|byte| byte.is_ascii_digit()) && text.is_ascii() {
        return Amount::Missing;
    }
    let nodes = nodes(text);
    let texts: Vec<&str> = nodes.iter().filter_map(|range| text.get(range.clone())).collect();
    let (from, to) = (price.catalogue_minor, price.price_minor);
    if reprice_nodes(&texts, from, from, price.currency).is_err() {
        return Amount::Other;
    }
    let Ok(written) = reprice_nodes(&texts, from, to, price.currency) else {
        return Amount::Unfit;
    };
    let mut edits = Vec::new();
    for ((range, before), after) in nodes.into_iter().zip(texts).zip(written) {
        match after {
            Some(after) if !is_safe(before, &after) => return Amount::Unfit,
            Some(after) => edits.extend(difference(before, &after).map(|edit| edit.shifted(range.start))),
            None => {}
        }
    }
    Amount::Price(edits)
}

/// The one part of two texts that differs.
fn difference(before: &str, after: &str) -> Option<Edit> {
    let same = |(a, b): &(char, char)| a == b;
    let head: usize = before.chars().zip(after.chars()).take_while(same).map(|(a, _)| a.len_utf8()).sum();
    let (old, new) = (before.get(head..)?, after.get(head..)?);
    let tail: usize =
        old.chars().rev().zip(new.chars().rev()).take_while(same).map(|(a, _)| a.len_utf8()).sum();
    let text = new.get(..new.len() - tail)?.to_string();
    (before != after).then_some(Edit { range: head..before.len() - tail, text })
}

/// Whether a new text has no sign that could end the string or the attribute in which the old one stood.
fn is_safe(before: &str, after: &str) -> bool {
    ['"', '\'', '`', '\\', '<', '>', '&']
        .iter()
        .all(|&sign| after.matches(sign).count() <= before.matches(sign).count())
}

/// The text between the tags of a text that may be HTML.
fn nodes(text: &str) -> Vec<std::ops::Range<usize>> {
    let has_tags =
        ["<", "\\u003c", "\\u003C", "\\x3c", "\\x3C", "&lt;"].iter().any(|sign| text.contains(sign));
    if !has_tags {
        return std::iter::once(0..text.len()).collect();
    }
    let page = Layer::new(text).decode(0..text.len(), Encoding::Any);
    let (html, mut nodes, mut at) = (page.text(), Vec::new(), 0);
    while let Some(rest) = html.get(at..) {
        let tag = rest.match_indices('<').map(|(from, _)| from).find(|&from| {
            rest.as_bytes().get(from + 1).is_some_and(|&b| b.is_ascii_alphabetic() || b == b'/' || b == b'!')
        });
        let length = tag.unwrap_or(rest.len());
        if length > 0 {
            nodes.push(page.origin(at)..page.origin(at + length));
        }
        let Some(tag) = tag.and_then(|tag| rest.get(tag..)) else { break };
        at += length + tag.find('>').map_or(tag.len(), |end| end + 1);
    }
    nodes
}
