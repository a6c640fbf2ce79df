//! Data within a text within data: each layer of escapes taken off, with the way back to the page's own bytes.

use std::borrow::Cow;
use std::ops::Range;

use super::Edit;

/// How a text is written in the one around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// A string of JavaScript or JSON: `\"`, `\/`, `\u0022`, `\x22`.
    Script,
    /// An attribute of HTML: `&quot;`, `&#34;`, `&amp;`.
    Html,
    /// Either of the two.
    Any,
}

/// A text and where each of its bytes stands in the page.
#[derive(Debug)]
pub(super) struct Layer<'a> {
    text: Cow<'a, str>,
    /// Position of each byte, and of the end; empty where they are the same.
    origins: Vec<usize>,
}

impl<'a> Layer<'a> {
    /// The page's own bytes.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), origins: Vec::new() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where a position of this text is in the page's own bytes.
    pub(super) fn origin(&self, at: usize) -> usize {
        if self.origins.is_empty() { at } else { self.origins.get(at).copied().unwrap_or_default() }
    }

    /// Whether escapes were taken off.
    pub(super) fn is_decoded(&self) -> bool {
        !self.origins.is_empty()
    }

    /// A change of this text as one of the page's own bytes.
    pub(super) fn placed(&self, edit: Edit) -> Edit {
        Edit { range: self.origin(edit.range.start)..self.origin(edit.range.end), text: edit.text }
    }

    /// A part of this text with one layer of escapes taken off.
    pub(super) fn decode(&self, part: Range<usize>, encoding: Encoding) -> Layer<'static> {
        let (start, end) = (part.start, part.end);
        let source = self.text.get(part).unwrap_or_default();
        let (mut text, mut origins) = (String::with_capacity(source.len()), Vec::new());
        let mut at = 0;
        while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
            let escaped = match rest.as_bytes().first() {
                Some(b'\\') if encoding != Encoding::Html => script_escape(rest),
                Some(b'&') if encoding != Encoding::Script => entity(rest),
                _ => None,
            };
            let plain = || rest.chars().next().map(|letter| (letter, letter.len_utf8()));
            let Some((letter, length)) = escaped.or_else(plain) else { break };
            text.push(letter);
            // Every byte of an unescaped letter has its own place; an escape is one place.
            let is_plain = escaped.is_none();
            origins.extend(
                (0..letter.len_utf8()).map(|byte| self.origin(start + at + if is_plain { byte } else { 0 })),
            );
            at += length;
        }
        origins.push(self.origin(end));
        Layer { text: Cow::Owned(text), origins }
    }
}

/// A string of JavaScript or JSON without its escapes.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    Layer::new(text).decode(0..text.len(), Encoding::Script).text
}

/// The letter of an escape at the beginning of a text, and the escape's length (ECMA-262, section 12.9.4).
fn script_escape(text: &str) -> Option<(char, usize)> {
    let escape = text.get(1..)?.chars().next()?;
    let hex = |from: usize, digits: usize| {
        let code = u32::from_str_radix(text.get(from..from + digits)?, 16).ok()?;
        // Half of a pair is no letter; no amount and no key of an item has one.
        Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), from + digits))
    };
    match escape {
        'u' => hex(2, 4),
        'x' => hex(2, 2),
        'n' => Some(('\n', 2)),
        't' => Some(('\t', 2)),
        'r' => Some(('\r', 2)),
        'b' | 'f' | 'v' => Some((' ', 2)),
        other => Some((other, 1 + other.len_utf8())),
    }
}

/// The letter of a character reference at the beginning of a text, and the reference's length. Of the named ones
/// only those that JSON in an attribute needs: the others stay as they are, which changes no key and no number.
fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(10).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let letter = match name {
        "quot" => '"',
        "apos" => '\'',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "nbsp" => '\u{a0}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((letter, end + 1))
}
