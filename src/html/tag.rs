//! The inside of a tag: its name and attributes (13.2.5.8 and 13.2.5.32 to 13.2.5.40).

use super::{Attribute, find};
use std::ops::Range;

/// More attributes than any element has; those after it are passed over.
const ATTRIBUTES_MAX: usize = 256;

/// Reads a tag, in pieces where it comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Tag {
    pub(super) name: Range<usize>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) is_end: bool,
    pub(super) is_self_closing: bool,
    /// Where the tag began when it was read last; all ranges are relative to the same bytes.
    start: usize,
    /// Where to go on, from the start of the tag.
    offset: usize,
    state: State,
    /// Where the name or the value that is being read begins.
    begin: usize,
    /// The attribute that is being read repeats a name, or is one too many.
    is_passed_over: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Name,
    BeforeAttribute,
    AttributeName,
    AfterAttributeName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
    Slash,
}

impl Tag {
    /// A tag begins here, at its `<`.
    pub(super) fn begin(&mut self, at: usize, is_end: bool) {
        let before_name = if is_end { 2 } else { 1 };
        self.attributes.clear();
        (self.start, self.offset, self.state) = (at, before_name, State::Name);
        (self.name, self.is_end, self.is_self_closing) = (at + before_name..at, is_end, false);
    }

    /// The position after its `>`, where the bytes have it.
    pub(super) fn read(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        if at != self.start {
            self.shift(at);
        }
        let mut next = at + self.offset;
        loop {
            match self.step(bytes, next) {
                Step::On(at) => next = at,
                Step::End(end) => return Some(end),
                Step::More => {
                    self.offset = bytes.len() - at;
                    return None;
                }
            }
        }
    }

    /// The bytes of the tag stand elsewhere now.
    fn shift(&mut self, at: usize) {
        let start = std::mem::replace(&mut self.start, at);
        let moved = |position: usize| (position + at).saturating_sub(start);
        let shift = |range: &mut Range<usize>| *range = moved(range.start)..moved(range.end);
        shift(&mut self.name);
        self.attributes.iter_mut().for_each(|attribute| {
            shift(&mut attribute.name);
            shift(&mut attribute.value);
        });
        self.begin = moved(self.begin);
    }

    fn step(&mut self, bytes: &[u8], at: usize) -> Step {
        match self.state {
            State::Name => {
                let Some(end) = position(bytes, at, |byte| is_space(byte) || matches!(byte, b'/' | b'>'))
                else {
                    return Step::More;
                };
                self.name.end = end;
                self.state = State::BeforeAttribute;
                Step::On(end)
            }
            State::BeforeAttribute | State::AfterAttributeName => {
                let Some(at) = position(bytes, at, |byte| !is_space(byte)) else { return Step::More };
                match (bytes.get(at), self.state) {
                    (Some(b'>'), _) => return Step::End(at + 1),
                    (Some(b'/'), _) => self.state = State::Slash,
                    (Some(b'='), State::AfterAttributeName) => self.state = State::BeforeValue,
                    _ => (self.state, self.begin) = (State::AttributeName, at),
                }
                Step::On(at + 1)
            }
            State::AttributeName => {
                let Some(end) =
                    position(bytes, at, |byte| is_space(byte) || matches!(byte, b'/' | b'>' | b'='))
                else {
                    return Step::More;
                };
                self.add(bytes, self.begin..end);
                self.state = State::AfterAttributeName;
                Step::On(end)
            }
            State::BeforeValue => {
                let Some(at) = position(bytes, at, |byte| !is_space(byte)) else { return Step::More };
                match bytes.get(at) {
                    Some(b'>') => return Step::End(at + 1),
                    Some(&quote @ (b'"' | b'\'')) => {
                        (self.state, self.begin) = (State::Quoted(quote), at + 1);
                        return Step::On(at + 1);
                    }
                    _ => (self.state, self.begin) = (State::Unquoted, at),
                }
                Step::On(at)
            }
            State::Quoted(quote) => {
                let Some(end) = find::byte(bytes, at, quote) else { return Step::More };
                self.set_value(end, Some(quote));
                Step::On(end + 1)
            }
            State::Unquoted => {
                let Some(end) = position(bytes, at, |byte| is_space(byte) || byte == b'>') else {
                    return Step::More;
                };
                self.set_value(end, None);
                Step::On(end)
            }
            State::Slash => {
                self.state = State::BeforeAttribute;
                match bytes.get(at) {
                    Some(b'>') => {
                        self.is_self_closing = true;
                        Step::End(at + 1)
                    }
                    Some(_) => Step::On(at),
                    None => {
                        self.state = State::Slash;
                        Step::More
                    }
                }
            }
        }
    }

    fn add(&mut self, bytes: &[u8], name: Range<usize>) {
        let written = bytes.get(name.clone()).unwrap_or_default();
        let is_same = |attribute: &Attribute| {
            attribute.name.len() == name.len()
                && bytes.get(attribute.name.clone()).is_some_and(|other| other.eq_ignore_ascii_case(written))
        };
        self.is_passed_over = self.attributes.len() >= ATTRIBUTES_MAX || self.attributes.iter().any(is_same);
        if !self.is_passed_over {
            let value = name.end..name.end;
            self.attributes.push(Attribute { name, value, quote: None });
        }
    }

    fn set_value(&mut self, end: usize, quote: Option<u8>) {
        self.state = State::BeforeAttribute;
        if !self.is_passed_over
            && let Some(attribute) = self.attributes.last_mut()
        {
            (attribute.value, attribute.quote) = (self.begin..end, quote);
        }
    }
}

enum Step {
    On(usize),
    /// The position after the tag.
    End(usize),
    /// The bytes end before this is read.
    More,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r' | b'\x0c')
}

fn position(bytes: &[u8], from: usize, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let rest = bytes.get(from..)?;
    Some(from + rest.iter().position(|&byte| is_wanted(byte))?)
}
