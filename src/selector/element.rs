//! A start tag as selectors see it.

use super::{Compound, Relation, Test};
use crate::html::{Attribute, Name, Scanner, name};
use std::borrow::Cow;
use std::ops::Range;

pub(super) const CLASS: Name = name(b"class");
pub(super) const ID: Name = name(b"id");

/// An element, by its start tag.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    bytes: &'a [u8],
    pub(super) name: Name,
    attributes: &'a [Attribute],
}

impl<'a> Tag<'a> {
    /// The one that the scanner has just given.
    pub(super) fn new(bytes: &'a [u8], scanner: &'a Scanner) -> Self {
        Self { bytes, name: scanner.name(), attributes: scanner.attributes() }
    }

    /// An element that has no tag.
    pub(super) fn implied(name: Name) -> Self {
        Self { bytes: &[], name, attributes: &[] }
    }

    fn part(&self, range: &Range<usize>) -> &'a [u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// Its attributes: names as numbers, and values as they are written.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (Name, &'a [u8])> {
        self.attributes.iter().map(|attribute| (attribute.key, self.part(&attribute.value)))
    }

    fn attribute(&self, wanted: Name) -> Option<&'a [u8]> {
        self.attributes().find(|(known, _)| *known == wanted).map(|(_, value)| value)
    }

    /// Whether the compound matches it, wherever it stands.
    pub(super) fn matches(&self, compound: &Compound) -> bool {
        compound.element.is_none_or(|element| element == self.name)
            && compound.tests.iter().all(|test| self.passes(test))
    }

    fn passes(&self, test: &Test) -> bool {
        match test {
            Test::Id(id) => self.attribute(ID).is_some_and(|value| value == id),
            Test::Class(class) => {
                self.attribute(CLASS).is_some_and(|value| words(value).any(|word| word == class))
            }
            Test::Attribute { name, relation, value, is_caseless } => self
                .attribute(*name)
                .is_some_and(|given| relation.holds(&decoded(given), value, *is_caseless)),
            Test::Not(compounds) => !compounds.iter().any(|compound| self.matches(compound)),
        }
    }
}

/// The words of a value, such as the classes.
pub(super) fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r' | b'\x0c')).filter(|word| !word.is_empty())
}

impl Relation {
    fn holds(self, given: &[u8], wanted: &[u8], is_caseless: bool) -> bool {
        let equal =
            |part: &[u8]| if is_caseless { part.eq_ignore_ascii_case(wanted) } else { part == wanted };
        let length = wanted.len();
        match self {
            Self::Any => true,
            Self::Equal => equal(given),
            Self::Word => words(given).any(equal),
            Self::Language => {
                equal(given) || given.get(length) == Some(&b'-') && given.get(..length).is_some_and(equal)
            }
            _ if wanted.is_empty() => false,
            Self::Begin => given.get(..length).is_some_and(equal),
            Self::End => given.len().checked_sub(length).and_then(|at| given.get(at..)).is_some_and(equal),
            Self::Part => given.windows(length).any(equal),
        }
    }
}

/// The value with its commonest entities as the signs they stand for.
fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    const ENTITIES: [(&[u8], u8); 6] = [
        (b"&amp;", b'&'),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&quot;", b'"'),
        (b"&apos;", b'\''),
        (b"&#39;", b'\''),
    ];
    if !value.contains(&b'&') {
        return Cow::Borrowed(value);
    }
    let (mut rest, mut text) = (value, Vec::with_capacity(value.len()));
    while let Some((&byte, after)) = rest.split_first() {
        let entity = ENTITIES.iter().find_map(|(entity, sign)| Some((*sign, rest.strip_prefix(*entity)?)));
        let (sign, after) = entity.unwrap_or((byte, after));
        text.push(sign);
        rest = after;
    }
    Cow::Owned(text)
}
