//! The tokens of JSON and of JavaScript, as far as they show which value stands under which name.
//!
//! Any text has tokens: what is neither a string, a number nor a name is a sign. JSON with mistakes and programs of
//! any kind therefore come as far as they can be understood, and nothing can fail.

use std::ops::Range;

/// The rules for what is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// JSON: the one quote is `"`, and a string may go on in the next line (which many pages do, though RFC 8259
    /// forbids it).
    Json,
    /// JavaScript: three quotes and regular expressions; a string ends in its line.
    Script,
}

/// A token; positions are those in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A string, without its quotes.
    Text(Range<usize>),
    /// `15` or `15.00`, and no other number.
    Number(Range<usize>),
    /// A name or a word of the language.
    Word(Range<usize>),
    /// Any other byte.
    Sign(u8),
}

/// Finds the tokens of a text, one after the other.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    dialect: Dialect,
    /// A `/` would begin a regular expression here, not divide.
    is_operand_next: bool,
    /// Up to these positions no string in each quote ends, and no regular expression: none is looked for again.
    fruitless: [usize; 4],
}

/// The place of regular expressions in [`Lexer::fruitless`], behind the three quotes.
const EXPRESSION: usize = 3;

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect) -> Self {
        Self { bytes: text.as_bytes(), at: 0, dialect, is_operand_next: true, fruitless: [0; 4] }
    }

    /// The byte at which the next token is looked for.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The byte at a distance from the next one.
    pub(super) fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// The first byte from a position on that is not of a kind.
    fn past(&self, from: usize, is_kind: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().position(|&byte| !is_kind(byte)).unwrap_or(rest.len())
    }

    /// The first position from another on at which some bytes stand, or the end.
    fn first(&self, from: usize, bytes: &[u8]) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        rest.windows(bytes.len()).position(|window| window == bytes).map_or(self.bytes.len(), |at| from + at)
    }

    fn skip_space_and_comments(&mut self) {
        loop {
            self.at = self.past(self.at, |byte| byte.is_ascii_whitespace());
            let after_colon = self.at > 0 && self.bytes.get(self.at - 1) == Some(&b':');
            self.at = match (self.peek(0), self.peek(1)) {
                // `//` of an address without quotes is no comment.
                (Some(b'/'), Some(b'/')) if !after_colon => self.first(self.at, b"\n"),
                (Some(b'/'), Some(b'*')) => (self.first(self.at + 2, b"*/") + 2).min(self.bytes.len()),
                _ => return,
            };
        }
    }

    /// The end of a string whose content begins at a position: where its quote stands again. `None` where it does not.
    fn string_end(&mut self, from: usize, quote: u8) -> Option<usize> {
        let kind = b"\"'`".iter().position(|&known| known == quote)?;
        if self.is_fruitless(kind, from) {
            return None;
        }
        let mut at = from;
        loop {
            match self.bytes.get(at) {
                Some(b'\\') => at += 2,
                Some(&byte) if byte == quote => return Some(at),
                Some(b'\n') if self.dialect == Dialect::Script && quote != b'`' => break,
                Some(_) => at += 1,
                None => break,
            }
        }
        self.note_fruitless(kind, at)
    }

    fn is_fruitless(&self, kind: usize, from: usize) -> bool {
        self.fruitless.get(kind).is_some_and(|&until| from < until)
    }

    fn note_fruitless(&mut self, kind: usize, until: usize) -> Option<usize> {
        *self.fruitless.get_mut(kind)? = until;
        None
    }

    /// The end of a regular expression whose content begins at a position.
    fn expression_end(&mut self, from: usize) -> Option<usize> {
        if self.is_fruitless(EXPRESSION, from) {
            return None;
        }
        let (mut at, mut in_class) = (from, false);
        loop {
            match self.bytes.get(at) {
                None | Some(b'\n') => return self.note_fruitless(EXPRESSION, at),
                Some(b'\\') => at += 1,
                Some(b'[') => in_class = true,
                Some(b']') => in_class = false,
                Some(b'/') if !in_class => return Some(at + 1),
                Some(_) => {}
            }
            at += 1;
        }
    }

    fn is_quote(&self, byte: u8) -> bool {
        byte == b'"' || self.dialect == Dialect::Script && matches!(byte, b'\'' | b'`')
    }

    /// A word or a number.
    fn word(&mut self, first: u8) -> Token {
        let from = self.at;
        let is_name =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii();
        if !first.is_ascii_digit() {
            self.at = self.past(from, is_name);
            let word = self.bytes.get(from..self.at).unwrap_or_default();
            self.is_operand_next = matches!(word, b"return" | b"typeof" | b"case" | b"in" | b"of" | b"else");
            return Token::Word(from..self.at);
        }
        self.is_operand_next = false;
        let digits = self.past(from, |byte| byte.is_ascii_digit());
        let decimals = match self.bytes.get(digits) {
            Some(b'.') => self.past(digits + 1, |byte| byte.is_ascii_digit()),
            _ => digits,
        };
        self.at = self.past(decimals, |byte| is_name(byte) || byte == b'.');
        let is_number = self.at == decimals && decimals != digits + 1;
        if is_number { Token::Number(from..self.at) } else { Token::Word(from..self.at) }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_space_and_comments();
        let first = self.peek(0)?;
        let from = self.at + 1;
        if self.is_quote(first)
            && let Some(end) = self.string_end(from, first)
        {
            (self.at, self.is_operand_next) = (end + 1, false);
            return Some(Token::Text(from..end));
        }
        if first == b'/'
            && self.dialect == Dialect::Script
            && self.is_operand_next
            && let Some(end) = self.expression_end(from)
        {
            (self.at, self.is_operand_next) = (end, false);
            return Some(Token::Sign(first));
        }
        if first.is_ascii_alphanumeric() || matches!(first, b'_' | b'$') || !first.is_ascii() {
            return Some(self.word(first));
        }
        (self.at, self.is_operand_next) = (from, !matches!(first, b')' | b']' | b'}'));
        Some(Token::Sign(first))
    }
}
