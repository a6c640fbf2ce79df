//! Where tags, texts and comments of an HTML page begin and end, in its own bytes.
//!
//! A tokenizer after the HTML standard (WHATWG, section 13.2.5): it never changes a byte, cannot fail, and takes a page
//! in pieces. What the tree builder tells the tokenizer (raw text, foreign content) it knows by the open elements, as
//! far as names alone can tell; which elements a tag opens and ends is known with it.
//!
//! Out of scope: decoding of entities and charsets, the DOM, and what the elements mean (see [`page`](crate::page)).

mod elements;
mod find;
mod name;
mod raw;
mod tag;

pub(crate) use elements::{Elements, Opening};
pub(crate) use name::{Name, name};

use elements::Signs;
use raw::Raw;
use std::ops::Range;
use tag::Tag;

/// A piece of a page. All ranges are positions in the bytes that were given to [`Scanner::next`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// `<name attributes>`; the attributes are in [`Scanner::attributes`] until the next token.
    Start {
        /// The whole tag.
        span: Range<usize>,
        /// The name, as it is written.
        name: Range<usize>,
        /// `/>` (means something for foreign elements only).
        self_closing: bool,
    },
    /// `</name>`.
    End {
        /// The whole tag.
        span: Range<usize>,
        /// The name, as it is written.
        name: Range<usize>,
    },
    /// Character data, also of raw text elements, never empty. A text may come in several tokens, one right after the
    /// other, unless it is held (see [`Scanner::hold_text`]).
    Text(Range<usize>),
    /// What is neither: a comment, a doctype, a CDATA section, what the standard calls bogus, a tag that the page ends
    /// in.
    Other(Range<usize>),
}

impl Token {
    /// The bytes of the token: where one ends, the next one begins.
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Start { span, .. } | Self::End { span, .. } | Self::Text(span) | Self::Other(span) => {
                span.clone()
            }
        }
    }
}

/// An attribute, where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name, as it is written.
    pub name: Range<usize>,
    /// The value without its quotes; empty, right after the name or its `=`, where there is none.
    pub value: Range<usize>,
    /// The sign around the value: `"`, `'`, or none.
    pub quote: Option<u8>,
    /// The name without case.
    pub(crate) key: Name,
}

/// Finds the tokens of a page, one after the other.
///
/// ```
/// use haggle::html::{Scanner, Token};
///
/// let page = b"<p class=price>19,00 &euro;";
/// let (mut scanner, mut at, mut texts) = (Scanner::default(), 0, Vec::new());
/// while let Some(token) = scanner.next(page, at, true) {
///     at = token.span().end;
///     match token {
///         Token::Start { .. } => assert_eq!(&page[scanner.attributes()[0].value.clone()], b"price"),
///         Token::Text(text) => texts.push(&page[text]),
///         _ => {}
///     }
/// }
/// assert_eq!((at, texts), (page.len(), vec![&b"19,00 &euro;"[..]]));
/// ```
#[derive(Debug, Default)]
pub struct Scanner {
    tag: Tag,
    /// The element whose content is raw text, where the scanner is in one.
    raw: Option<Raw>,
    /// So many bytes of the next token have been looked at already: it does not end in them.
    looked: usize,
    /// What those bytes are in the middle of.
    inside: Inside,
    is_text_held: bool,
    elements: Elements,
    opening: Option<Opening>,
}

/// What the bytes that were looked at have begun.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Nothing, or a text.
    #[default]
    Text,
    /// A tag, and [`Tag`] knows how far it is.
    Tag,
    /// A comment or the like.
    Markup,
}

/// What stands at a `<`.
enum Found {
    Text,
    Tag,
    Markup,
    /// Too few bytes to tell.
    Unknown,
}

impl Scanner {
    /// The token that begins at `at`, where the one before it ended; `None` where the bytes end before the token does,
    /// unless `is_last` says that no more will come.
    ///
    /// After `None`, the next call gives the same bytes from `at` on and more; they may stand elsewhere in a buffer.
    /// What was looked at once is not looked at again.
    pub fn next(&mut self, bytes: &[u8], at: usize, is_last: bool) -> Option<Token> {
        if at >= bytes.len() {
            return None;
        }
        match self.inside {
            Inside::Text => {}
            Inside::Tag => return self.tag(bytes, at, is_last),
            Inside::Markup => return self.markup(bytes, at, is_last),
        }
        let text_end = match &mut self.raw {
            Some(raw) => raw.end(bytes, at, &mut self.looked, is_last),
            None => text_end(bytes, at, &mut self.looked, is_last),
        };
        let Some(end) = text_end else {
            // All of it is text, but for the last bytes which may be the beginning of something else.
            let end = at + self.looked;
            if end > at && !self.is_text_held {
                return Some(self.text(at..end));
            }
            return None;
        };
        if end > at {
            return Some(self.text(at..end));
        }
        if self.raw.is_some() {
            return self.tag(bytes, at, is_last);
        }
        match found(bytes, at, is_last) {
            Found::Tag => self.tag(bytes, at, is_last),
            _ => self.markup(bytes, at, is_last),
        }
    }

    /// Attributes of the last start tag, in the order of the page, without those that repeat a name, and without those
    /// after the first 256.
    pub fn attributes(&self) -> &[Attribute] {
        &self.tag.attributes
    }

    /// Whether a text is to come as one token from its beginning to its end, however long that is.
    ///
    /// For the text of an element that is changed as a whole; asked for between two tokens.
    pub fn hold_text(&mut self, is_held: bool) {
        self.is_text_held = is_held;
    }

    /// How many elements are open after the last token, those included that stand in every page (`html`, `body`, the
    /// `tbody` of a table) and have no tag in this one.
    pub fn depth(&self) -> usize {
        self.elements.depth()
    }

    /// How many of the elements that were open before the last tag are still open: those deeper than that ended where
    /// that tag begins.
    ///
    /// So an element that was opened with [`depth`](Self::depth) 7 ends where this is below 7, be it by its own end tag,
    /// by that of an element around it, or by a start tag that cannot stand in it.
    pub fn kept(&self) -> usize {
        self.elements.kept()
    }

    /// Whether the last start tag has opened an element, whose depth is [`depth`](Self::depth). Void elements have no
    /// content; and browsers ignore some tags altogether, such as that of a form in a form.
    pub fn is_open(&self) -> bool {
        self.opening == Some(Opening::Open)
    }

    /// Whether elements were too deep to be told apart: what comes after is not known to be open or not.
    pub(crate) fn is_lost(&self) -> bool {
        self.elements.is_lost()
    }

    /// The name of the last tag.
    pub(crate) fn name(&self) -> Name {
        self.tag.key
    }

    pub(crate) fn opening(&self) -> Opening {
        self.opening.unwrap_or(Opening::Ignored)
    }

    pub(crate) fn elements(&self) -> &Elements {
        &self.elements
    }

    fn text(&mut self, span: Range<usize>) -> Token {
        self.looked = 0;
        Token::Text(span)
    }

    fn tag(&mut self, bytes: &[u8], at: usize, is_last: bool) -> Option<Token> {
        if self.inside != Inside::Tag {
            let is_end = bytes.get(at + 1) == Some(&b'/');
            self.tag.begin(at, is_end);
            self.inside = Inside::Tag;
        }
        let Some(end) = self.tag.read(bytes, at) else {
            return is_last.then(|| {
                self.inside = Inside::Text;
                Token::Other(at..bytes.len())
            });
        };
        (self.inside, self.looked) = (Inside::Text, 0);
        let (span, written, name) = (at..end, self.tag.name.clone(), self.tag.key);
        if self.tag.is_end {
            self.raw = None;
            self.elements.end(name);
            return Some(Token::End { span, name: written });
        }
        let self_closing = self.tag.is_self_closing;
        let (opening, is_raw) = self.elements.start(name, self.signs(bytes, name));
        self.opening = Some(opening);
        self.raw = is_raw.then(|| Raw::new(name));
        Some(Token::Start { span, name: written, self_closing })
    }

    fn signs(&self, bytes: &[u8], written: Name) -> Signs {
        const OLD: [Name; 3] = [name(b"color"), name(b"face"), name(b"size")];
        const HTML: [&[u8]; 2] = [b"text/html", b"application/xhtml+xml"];
        let mut signs = Signs { self_closing: self.tag.is_self_closing, ..Signs::default() };
        if ![name(b"font"), name(b"annotation-xml"), name(b"input")].contains(&written) {
            return signs;
        }
        for attribute in &self.tag.attributes {
            let (key, value) = (attribute.key, bytes.get(attribute.value.clone()).unwrap_or_default());
            signs.is_old_font |= written == name(b"font") && OLD.contains(&key);
            signs.is_html_annotation |= written == name(b"annotation-xml")
                && key == name(b"encoding")
                && HTML.iter().any(|html| html.eq_ignore_ascii_case(value));
            signs.is_hidden |= key == name(b"type") && value.eq_ignore_ascii_case(b"hidden");
        }
        signs
    }

    /// Comments and the like, from `<!`, `<?` or `</` (13.2.5.41 to 13.2.5.53).
    fn markup(&mut self, bytes: &[u8], at: usize, is_last: bool) -> Option<Token> {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = if rest.starts_with(b"<!--") {
            self.find_end(rest, |before, end| {
                before.ends_with(b"--") && end >= 5 || before.ends_with(b"--!") && end >= 8
            })
        } else if b"<!--".starts_with(rest) && !is_last {
            None
        } else if self.elements.is_foreign() && rest.starts_with(b"<![CDATA[") {
            self.find_end(rest, |before, end| before.ends_with(b"]]") && end >= 12)
        } else if self.elements.is_foreign() && b"<![CDATA[".starts_with(rest) && !is_last {
            None
        } else {
            self.find_end(rest, |_, _| true)
        };
        if end.is_none() && !is_last {
            self.inside = Inside::Markup;
            return None;
        }
        (self.inside, self.looked) = (Inside::Text, 0);
        Some(Token::Other(at..at + end.unwrap_or(rest.len())))
    }

    /// The position after the first `>` that ends it, by what stands before that and the position.
    fn find_end(&mut self, rest: &[u8], is_end: impl Fn(&[u8], usize) -> bool) -> Option<usize> {
        let mut from = self.looked;
        while let Some(at) = find::byte(rest, from, b'>') {
            if is_end(rest.get(..at).unwrap_or_default(), at + 1) {
                return Some(at + 1);
            }
            from = at + 1;
        }
        self.looked = rest.len();
        None
    }
}

/// Where the text at `at` ends because something else begins; `None` where it goes on to the end of the bytes, or to
/// where too few bytes follow to tell, and `looked` says how far.
fn text_end(bytes: &[u8], at: usize, looked: &mut usize, is_last: bool) -> Option<usize> {
    let mut from = at + *looked;
    while let Some(sign) = find::byte(bytes, from, b'<') {
        match found(bytes, sign, is_last) {
            Found::Text => from = sign + 1,
            Found::Tag | Found::Markup => return Some(sign),
            Found::Unknown => {
                *looked = sign - at;
                return None;
            }
        }
    }
    *looked = bytes.len() - at;
    is_last.then_some(bytes.len())
}

/// What begins at a `<` (13.2.5.6 and 13.2.5.7).
fn found(bytes: &[u8], at: usize, is_last: bool) -> Found {
    let too_few = if is_last { Found::Text } else { Found::Unknown };
    match bytes.get(at + 1) {
        Some(byte) if byte.is_ascii_alphabetic() => Found::Tag,
        Some(b'/') => match bytes.get(at + 2) {
            Some(byte) if byte.is_ascii_alphabetic() => Found::Tag,
            Some(_) => Found::Markup,
            None => too_few,
        },
        Some(b'!' | b'?') => Found::Markup,
        Some(_) => Found::Text,
        None => too_few,
    }
}

#[cfg(test)]
#[allow(clippy::string_slice)]
pub(crate) mod tests;
