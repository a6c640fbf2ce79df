//! Bytes of a page as text, and back: UTF-8 where they are that, else each byte is a letter.
//!
//! A page may declare its charset where we do not look, or wrongly. The second reading gives every byte back as it
//! was, and in all charsets that the shell lets through digits and the signs around them are those of ASCII.

use std::borrow::Cow;
use std::ops::Range;

use crate::surface::Edit;

/// A piece of a page as text.
#[derive(Debug, Clone)]
pub(super) struct Text<'b> {
    text: Cow<'b, str>,
    /// Each letter is one byte.
    is_latin: bool,
}

/// What browsers show for the bytes 0x80 to 0x9F of a page in Latin-1 (WHATWG Encoding, windows-1252).
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl<'b> Text<'b> {
    /// Reads bytes.
    pub(super) fn of(bytes: &'b [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: Cow::Borrowed(text), is_latin: false },
            Err(_) => Self {
                text: Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
                is_latin: true,
            },
        }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Another text in the same bytes; `None` where they have no such letter.
    pub(super) fn bytes_of(&self, text: &str) -> Option<Vec<u8>> {
        if !self.is_latin {
            return Some(text.as_bytes().to_vec());
        }
        text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect()
    }

    /// Changes of this text, in ascending order, as changes of the bytes.
    pub(super) fn changes(&self, edits: &[Edit]) -> Option<Vec<(Range<usize>, Vec<u8>)>> {
        let (mut seen, mut bytes) = (0, 0);
        let mut position = |at: usize| {
            let piece = self.text.get(seen..at)?;
            bytes += if self.is_latin { piece.chars().count() } else { piece.len() };
            seen = at;
            Some(bytes)
        };
        let change = |edit: &Edit| {
            let range = position(edit.range.start)?..position(edit.range.end)?;
            Some((range, self.bytes_of(&edit.text)?))
        };
        edits.iter().map(change).collect()
    }

    /// A text of these bytes as a browser holds it: entities resolved, blanks at both ends left out.
    pub(super) fn as_shown(&self, text: &str) -> String {
        let shown = unescape(text.trim());
        let letter = |letter: char| match u32::from(letter) {
            code @ 0x80..=0x9f if self.is_latin => {
                WINDOWS_1252.get(code as usize - 0x80).copied().unwrap_or(letter)
            }
            _ => letter,
        };
        shown.trim().chars().map(letter).collect()
    }
}

/// Entities that stand in prices and in keys of items.
const ENTITIES: [(&str, char); 24] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("thinsp", '\u{2009}'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("zwnj", '\u{200c}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
    ("shy", '\u{ad}'),
    ("euro", '€'),
    ("pound", '£'),
    ("yen", '¥'),
    ("cent", '¢'),
    ("dollar", '$'),
    ("curren", '¤'),
    ("comma", ','),
    ("period", '.'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("minus", '−'),
];

/// A text with its entities resolved; one that is not known stays as it is.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        match entity(after) {
            Some((letter, after)) => {
                plain.push(letter);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The letter of the entity after a `&`, and what follows it.
fn entity(text: &str) -> Option<(char, &str)> {
    if let Some(number) = text.strip_prefix('#') {
        let (number, base) = match number.strip_prefix(['x', 'X']) {
            Some(number) => (number, 16),
            None => (number, 10),
        };
        let end = number.find(|letter: char| !letter.is_digit(base)).unwrap_or(number.len());
        let (digits, rest) = number.split_at_checked(end)?;
        let letter = char::from_u32(u32::from_str_radix(digits, base).ok()?)?;
        return Some((letter, rest.strip_prefix(';').unwrap_or(rest)));
    }
    ENTITIES.iter().find_map(|&(name, letter)| Some((letter, text.strip_prefix(name)?.strip_prefix(';')?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn latin_bytes_come_back_as_they_were() {
        let bytes = b"\xa319 \x80 caf\xe9";
        let text = Text::of(bytes);
        assert_eq!(text.as_str(), "£19 \u{80} café");
        assert_eq!(text.bytes_of(text.as_str()).as_deref(), Some(&bytes[..]));
        assert_eq!(text.bytes_of("€"), None);
        let edit = Edit { range: 2..4, text: "21".into() };
        assert_eq!(text.changes(&[edit]), Some(vec![(1..3, b"21".to_vec())]));
        assert_eq!(text.as_shown(text.as_str()), "£19 € café");
    }

    #[test]
    fn a_text_is_shown_without_entities_and_blanks() {
        let text = Text::of("é".as_bytes());
        for (html, shown) in [
            ("\n 19,00&nbsp;&euro; ", "19,00\u{a0}€"),
            ("&#8364;&#x31;9&#46;00", "€19.00"),
            ("a &amp;&foo; &", "a &&foo; &"),
            ("&nbsp;", ""),
            ("&#xffffffff;1&#;2", "&#xffffffff;1&#;2"),
        ] {
            assert_eq!(text.as_shown(html), shown, "{html}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_text_and_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = Text::of(&bytes);
            prop_assert_eq!(text.bytes_of(text.as_str()), Some(bytes.clone()));
            let all = Edit { range: 0..text.as_str().len(), text: text.as_str().into() };
            prop_assert_eq!(text.changes(&[all]), Some(vec![(0..bytes.len(), bytes.clone())]));
            unescape(text.as_str());
        }
    }
}
