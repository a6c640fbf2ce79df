//! Which compounds come into question for a start tag: each is found by the rarest thing it asks for.

use super::element::{CLASS, ID, Tag, words};
use super::{Compound, Test};
use crate::html::Name;

/// A longer list of classes, in bytes, is gone through once for each compound: one that repeats a class would else be
/// gone through for each of its words.
const CLASSES_MAX: usize = 512;

/// Compounds by their id, class, attribute or element.
#[derive(Debug, Default)]
pub(super) struct Index {
    ids: Texts,
    classes: Texts,
    attributes: Vec<(Name, usize)>,
    elements: Vec<(Name, usize)>,
    /// Those that ask for nothing of the kind.
    others: Vec<usize>,
}

/// Compounds by a text, in its order.
#[derive(Debug, Default)]
struct Texts {
    sorted: Vec<(Vec<u8>, usize)>,
    /// One bit for each [`mark`] of a text, so that most words of a page are not looked up.
    marks: u64,
}

impl Index {
    pub(super) fn new(compounds: &[Compound]) -> Self {
        let mut index = Self::default();
        for (at, compound) in compounds.iter().enumerate() {
            index.add(at, compound);
        }
        index.ids.sorted.sort();
        index.classes.sorted.sort();
        index.attributes.sort_unstable();
        index.elements.sort_unstable();
        index
    }

    fn add(&mut self, at: usize, compound: &Compound) {
        let id = compound.tests.iter().find_map(|test| match test {
            Test::Id(id) => Some(id),
            _ => None,
        });
        let class = compound.tests.iter().find_map(|test| match test {
            Test::Class(class) => Some(class),
            _ => None,
        });
        let attribute = compound.tests.iter().find_map(|test| match test {
            Test::Attribute { name, .. } => Some(*name),
            _ => None,
        });
        if let Some(id) = id {
            self.ids.add(id, at);
        } else if let Some(class) = class {
            self.classes.add(class, at);
        } else if let Some(attribute) = attribute {
            self.attributes.push((attribute, at));
        } else if let Some(element) = compound.element {
            self.elements.push((element, at));
        } else {
            self.others.push(at);
        }
    }

    /// All compounds that may match a start tag, some perhaps twice.
    pub(super) fn candidates(&self, tag: &Tag<'_>, mut take: impl FnMut(usize)) {
        by_name(&self.elements, tag.name, &mut take);
        for (attribute, value) in tag.attributes() {
            if attribute == CLASS && value.len() > CLASSES_MAX {
                self.classes.sorted.iter().for_each(|&(_, at)| take(at));
            } else if attribute == CLASS {
                words(value).for_each(|class| self.classes.find(class, &mut take));
            } else if attribute == ID {
                self.ids.find(value, &mut take);
            }
            by_name(&self.attributes, attribute, &mut take);
        }
        self.others.iter().copied().for_each(take);
    }
}

fn by_name(sorted: &[(Name, usize)], wanted: Name, take: &mut impl FnMut(usize)) {
    if sorted.is_empty() {
        return;
    }
    let from = sorted.partition_point(|(known, _)| *known < wanted);
    sorted.iter().skip(from).take_while(|(known, _)| *known == wanted).for_each(|&(_, at)| take(at));
}

impl Texts {
    fn add(&mut self, text: &[u8], at: usize) {
        self.marks |= mark(text);
        self.sorted.push((text.to_vec(), at));
    }

    fn find(&self, wanted: &[u8], take: &mut impl FnMut(usize)) {
        if self.marks & mark(wanted) == 0 {
            return;
        }
        let from = self.sorted.partition_point(|(known, _)| known.as_slice() < wanted);
        self.sorted.iter().skip(from).take_while(|(known, _)| known == wanted).for_each(|&(_, at)| take(at));
    }
}

fn mark(text: &[u8]) -> u64 {
    let (first, last) = (text.first().copied().unwrap_or(0), text.last().copied().unwrap_or(0));
    1 << ((usize::from(first) * 5 + usize::from(last) * 11 + text.len()) % 64)
}
