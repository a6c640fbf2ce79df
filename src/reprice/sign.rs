//! The signs of a page's text as a reader sees them: characters, entities of HTML and escapes of JavaScript.

/// Between two text nodes of an element (see [`reprice_nodes`](super::reprice_nodes)).
pub(super) const BREAK: char = '\u{1}';

/// One sign and how many bytes it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    pub value: char,
    pub len: usize,
    /// An entity or an escape: it may stand for a space or a sign of a price, never for a digit.
    pub is_escaped: bool,
}

impl Sign {
    /// The zero of its script and its worth, for a decimal digit that stands as itself.
    pub fn digit(&self) -> Option<(char, u8)> {
        if self.is_escaped {
            return None;
        }
        let zero = match self.value {
            '0'..='9' => '0',
            '\u{660}'..='\u{669}' => '\u{660}',
            '\u{6f0}'..='\u{6f9}' => '\u{6f0}',
            '\u{966}'..='\u{96f}' => '\u{966}',
            '\u{ff10}'..='\u{ff19}' => '\u{ff10}',
            _ => return None,
        };
        Some((zero, (u32::from(self.value) - u32::from(zero)) as u8))
    }

    /// A letter or digit that an entity stands for: what it touches is not alone.
    pub fn is_hidden_letter(&self) -> bool {
        self.is_escaped && self.value.is_ascii_alphanumeric()
    }

    /// A space within a line, of any width.
    pub fn is_space(&self) -> bool {
        matches!(self.value, ' ' | '\u{a0}' | '\u{202f}' | '\u{2000}'..='\u{200a}')
    }

    /// White space, a sign without width, or the end of a node.
    pub fn is_blank(&self) -> bool {
        self.value == BREAK
            || self.value.is_whitespace()
            || matches!(self.value, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}')
    }

    pub fn is_dash(&self) -> bool {
        self.is_minus() || self.is_long_dash()
    }

    /// A dash that can also be a minus.
    pub fn is_minus(&self) -> bool {
        matches!(self.value, '-' | '\u{2010}' | '\u{2011}' | '\u{2212}')
    }

    pub fn is_long_dash(&self) -> bool {
        matches!(self.value, '\u{2012}'..='\u{2015}')
    }

    pub fn is_percent(&self) -> bool {
        matches!(self.value, '%' | '\u{66a}' | '\u{ff05}')
    }

    /// A sign that stands before decimals in some language.
    pub fn is_decimal(&self) -> bool {
        matches!(self.value, '.' | ',' | '\u{66b}' | '\u{ff0e}' | '\u{ff0c}')
    }

    /// A sign, other than a space, that stands between groups of digits in some language.
    pub fn is_grouping(&self) -> bool {
        self.is_apostrophe()
            || matches!(self.value, '.' | ',' | '\u{66c}' | '\u{60c}' | '\u{ff0e}' | '\u{ff0c}')
    }

    pub fn is_apostrophe(&self) -> bool {
        matches!(self.value, '\'' | '\u{2019}' | '\u{2bc}')
    }
}

/// The sign that begins at a position.
pub(super) fn at(text: &str, position: usize) -> Option<Sign> {
    let rest = text.get(position..)?;
    let value = rest.chars().next()?;
    let escaped = match value {
        '&' => entity(rest),
        '\\' => escape(rest),
        // UTF-8 that was read as Latin-1, with a letter for each byte.
        '\u{c2}' if rest.get(2..)?.starts_with('\u{a0}') => Some(('\u{a0}', 4)),
        _ => None,
    };
    match escaped {
        Some((value, len)) => Some(Sign { value, len, is_escaped: true }),
        None => Some(Sign { value, len: value.len_utf8(), is_escaped: false }),
    }
}

/// The sign that ends at a position.
pub(super) fn before(text: &str, position: usize) -> Option<Sign> {
    /// Longest entity or escape that is looked for: `&amp;#8239;`.
    const LENGTH_MAX: usize = 16;
    let start = text.get(..position)?;
    let value = start.chars().next_back()?;
    let plain = Sign { value, len: value.len_utf8(), is_escaped: false };
    if !(value.is_ascii_alphanumeric() || matches!(value, ';' | '"' | '\'' | '/' | '}' | '\u{a0}')) {
        return Some(plain);
    }
    let escaped = start.bytes().rev().take(LENGTH_MAX).position(|byte| matches!(byte, b'&' | b'\\' | 0xc3));
    let found = escaped.and_then(|back| at(text, position - back - 1).filter(|sign| sign.len == back + 1));
    Some(found.unwrap_or(plain))
}

/// Names of entities that matter to prices; those before `;` in the list are read without one, too.
const NAMES: [(&str, char); 27] = [
    ("nbsp", '\u{a0}'),
    ("pound", '£'),
    ("yen", '¥'),
    ("cent", '¢'),
    ("quot", '"'),
    ("times", '×'),
    ("euro;", '€'),
    ("dollar;", '$'),
    ("thinsp;", '\u{2009}'),
    ("ensp;", '\u{2002}'),
    ("emsp;", '\u{2003}'),
    ("numsp;", '\u{2007}'),
    ("puncsp;", '\u{2008}'),
    ("hairsp;", '\u{200a}'),
    ("rsquo;", '\u{2019}'),
    ("apos;", '\''),
    ("ndash;", '\u{2013}'),
    ("mdash;", '\u{2014}'),
    ("minus;", '\u{2212}'),
    ("period;", '.'),
    ("comma;", ','),
    ("colon;", ':'),
    ("sol;", '/'),
    ("percnt;", '%'),
    ("plus;", '+'),
    ("num;", '#'),
    ("lowbar;", '_'),
];

/// An entity at the start of a text: what it stands for, and its length. HTML within an attribute or within JSON may
/// have been escaped twice: `&amp;nbsp;`.
fn entity(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix('&')?;
    if let Some(inner) = body.strip_prefix("amp;") {
        return Some(body_of_entity(inner).map_or(('&', 5), |(value, len)| (value, len + 5)));
    }
    body_of_entity(body).map(|(value, len)| (value, len + 1))
}

fn body_of_entity(body: &str) -> Option<(char, usize)> {
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix) = match number.strip_prefix(['x', 'X']) {
            Some(hex) => (hex, 16),
            None => (number, 10),
        };
        let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        let value = u32::from_str_radix(digits.get(..end)?, radix).ok()?;
        let semicolon = usize::from(digits.get(end..)?.starts_with(';'));
        return Some((shown(value), body.len() - digits.len() + end + semicolon));
    }
    for (name, value) in NAMES {
        if body.starts_with(name) {
            let semicolon = body.get(name.len()..)?.starts_with(';');
            return Some((value, name.len() + usize::from(semicolon)));
        }
    }
    // Any other, such as `&frac12;`: what it stands for does not matter, its digits do not count.
    let end = body.find(|c: char| !c.is_ascii_alphanumeric()).filter(|end| (2..=32).contains(end))?;
    body.get(end..)?.starts_with(';').then_some((char::REPLACEMENT_CHARACTER, end + 1))
}

/// An escape of JavaScript or JSON at the start of a text; within another string its backslash is doubled.
fn escape(text: &str) -> Option<(char, usize)> {
    /// Each string around doubles them; without a bound a long row of them would be counted from each of its places.
    const SLASHES_MAX: usize = 16;
    let slashes = text.bytes().take(SLASHES_MAX).take_while(|&byte| byte == b'\\').count();
    let body = text.get(slashes..)?;
    let hex = |from: usize, to: usize| {
        let digits = body.get(from..to).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        Some((shown(u32::from_str_radix(digits, 16).ok()?), slashes + to))
    };
    match body.bytes().next()? {
        b'u' => hex(1, 5),
        b'x' => hex(1, 3),
        b'n' | b'r' | b't' => Some(('\n', slashes + 1)),
        sign @ (b'/' | b'"' | b'\'') => Some((char::from(sign), slashes + 1)),
        _ => None,
    }
}

fn shown(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn entities_and_escapes_are_the_signs_they_stand_for() {
        for (text, value) in [
            ("&nbsp;", '\u{a0}'),
            ("&nbsp", '\u{a0}'),
            ("&#160;", '\u{a0}'),
            ("&#xA0;", '\u{a0}'),
            ("&amp;nbsp;", '\u{a0}'),
            ("&amp;#8239;", '\u{202f}'),
            (r"\u00a0", '\u{a0}'),
            (r"\\u00a0", '\u{a0}'),
            (r"\xa0", '\u{a0}'),
            (r"\'", '\''),
            (r"\/", '/'),
            ("\u{c2}\u{a0}", '\u{a0}'),
            ("&frac12;", char::REPLACEMENT_CHARACTER),
            ("&euro;", '€'),
            (r"\ud83d", char::REPLACEMENT_CHARACTER),
        ] {
            let sign = Sign { value, len: text.len(), is_escaped: true };
            let in_words = format!("a {text} b");
            assert_eq!(at(&in_words, 2), Some(sign), "{text}");
            // A doubled backslash may be read without its first.
            assert_eq!(before(&in_words, 2 + text.len()).unwrap().value, value, "{text} backwards");
        }
        for text in ["& ", "&;", "&a b;", "&#;", "&#x;", r"\u00g0", r"\q", "\\"] {
            assert!(!at(text, 0).unwrap().is_escaped, "{text}");
        }
    }

    #[test]
    fn digits_of_five_scripts_are_digits_unless_they_are_escaped() {
        for digits in ["09", "٠٩", "۰۹", "०९", "０９"] {
            let values: Vec<_> =
                digits.char_indices().map(|(i, _)| at(digits, i).unwrap().digit().unwrap().1).collect();
            assert_eq!(values, [0, 9], "{digits}");
        }
        assert_eq!(at("&#49;", 0).unwrap().digit(), None);
        assert!(at("&#49;", 0).unwrap().is_hidden_letter());
    }

    proptest! {
        #[test]
        fn any_text_is_a_row_of_signs(text in ".{0,40}|[&#a-z0-9;\\\\ux]{0,40}") {
            let mut position = 0;
            while let Some(sign) = at(&text, position) {
                position += sign.len;
                prop_assert!(before(&text, position).is_some());
            }
            prop_assert_eq!(position, text.len());
        }
    }
}
