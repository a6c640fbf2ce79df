//! The inside of a tag: its name and attributes (13.2.5.8 and 13.2.5.32 to 13.2.5.40).

use super::{Attribute, Name, find, name};
use std::ops::Range;

/// More attributes than any element has; those after it are passed over.
const ATTRIBUTES_MAX: usize = 256;

/// Reads a tag, in pieces where it comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Tag {
    pub(super) name: Range<usize>,
    /// The name without case.
    pub(super) key: Name,
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
        (self.begin, self.is_end, self.is_self_closing) = (at + before_name, is_end, false);
    }

    /// The position after its `>`, where the bytes have it.
    pub(super) fn read(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        if at != self.start {
            self.shift(at);
        }
        let end = self.steps(bytes, at + self.offset);
        self.offset = bytes.len() - at;
        end
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

    /// Goes through the states of the standard until the tag ends, or the bytes do.
    fn steps(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            match self.state {
                State::Name => {
                    at = until(bytes, at, ENDS_NAME)?;
                    self.name = self.begin..at;
                    self.key = name(bytes.get(self.name.clone())?);
                    self.state = State::BeforeAttribute;
                }
                State::BeforeAttribute | State::AfterAttributeName => {
                    at = until(bytes, at, NO_SPACE)?;
                    match (bytes.get(at)?, self.state) {
                        (b'>', _) => return Some(at + 1),
                        (b'/', _) => self.state = State::Slash,
                        (b'=', State::AfterAttributeName) => self.state = State::BeforeValue,
                        _ => (self.state, self.begin) = (State::AttributeName, at),
                    }
                    at += 1;
                }
                State::AttributeName => {
                    at = until(bytes, at, ENDS_ATTRIBUTE_NAME)?;
                    self.add(bytes, self.begin..at);
                    self.state = State::AfterAttributeName;
                }
                State::BeforeValue => {
                    at = until(bytes, at, NO_SPACE)?;
                    (self.state, self.begin) = match *bytes.get(at)? {
                        b'>' => return Some(at + 1),
                        quote @ (b'"' | b'\'') => {
                            at += 1;
                            (State::Quoted(quote), at)
                        }
                        _ => (State::Unquoted, at),
                    };
                }
                State::Quoted(quote) => {
                    at = find::byte(bytes, at, quote)? + 1;
                    self.set_value(at - 1, Some(quote));
                }
                State::Unquoted => {
                    at = until(bytes, at, ENDS_VALUE)?;
                    self.set_value(at, None);
                }
                State::Slash => {
                    self.is_self_closing = *bytes.get(at)? == b'>';
                    self.state = State::BeforeAttribute;
                }
            }
        }
    }

    fn add(&mut self, bytes: &[u8], written: Range<usize>) {
        let key = name(bytes.get(written.clone()).unwrap_or_default());
        let is_known = self.attributes.iter().any(|attribute| attribute.key == key);
        self.is_passed_over = is_known || self.attributes.len() >= ATTRIBUTES_MAX;
        if !self.is_passed_over {
            let value = written.end..written.end;
            self.attributes.push(Attribute { name: written, value, quote: None, key });
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

const ENDS_NAME: u8 = 1;
const ENDS_ATTRIBUTE_NAME: u8 = 1 << 1;
const ENDS_VALUE: u8 = 1 << 2;
const NO_SPACE: u8 = 1 << 3;

/// What each byte ends. Made by the compiler, which refuses what would be out of bounds.
#[allow(clippy::indexing_slicing)]
const SIGNS: [u8; 256] = {
    let mut signs = [NO_SPACE; 256];
    let spaces = b" \n\t\r\x0c";
    let mut at = 0;
    while at < spaces.len() {
        signs[spaces[at] as usize] = ENDS_NAME | ENDS_ATTRIBUTE_NAME | ENDS_VALUE;
        at += 1;
    }
    signs[b'>' as usize] = ENDS_NAME | ENDS_ATTRIBUTE_NAME | ENDS_VALUE | NO_SPACE;
    signs[b'/' as usize] = ENDS_NAME | ENDS_ATTRIBUTE_NAME | NO_SPACE;
    signs[b'=' as usize] = ENDS_ATTRIBUTE_NAME | NO_SPACE;
    signs
};

/// The first byte at or after `from` that has the sign.
#[inline(always)]
fn until(bytes: &[u8], from: usize, sign: u8) -> Option<usize> {
    let mut at = from;
    loop {
        let signs = SIGNS.get(usize::from(*bytes.get(at)?));
        if signs.is_some_and(|signs| signs & sign != 0) {
            return Some(at);
        }
        at += 1;
    }
}
