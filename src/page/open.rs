//! The open elements that matter: what each of them is about, and what has been read of it.

use std::ops::Range;

use super::complete::Complete;
use crate::site::Role;

/// An open element of interest. One element may be several of them.
#[derive(Debug)]
pub(super) struct Open {
    /// The element's depth: it ends where fewer are open.
    pub(super) depth: usize,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// About an item: a mark or a card, the next of [`Owner`]s.
    Owner,
    Text(TextSurface),
    Script(ScriptSurface),
    Form {
        owner: usize,
    },
    Slot(Slot),
}

/// The item of an element and of what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Item(usize),
    /// None that has an offer.
    Nobody,
    /// A card that has not said it yet.
    Waiting,
}

/// The page, a card, or an element with a mark.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) whose: Whose,
    pub(super) kind: OwnerKind,
    /// Surfaces that are complete, while the item is not known.
    pub(super) deferred: Vec<Complete>,
    /// Something in it has waited for too long, and stays as it is.
    pub(super) is_late: bool,
}

impl Owner {
    pub(super) fn new(whose: Whose, kind: OwnerKind) -> Self {
        Self { whose, kind, deferred: Vec::new(), is_late: false }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnerKind {
    Page,
    Mark,
    /// By its place among the site's cards.
    Card(usize),
}

/// What a surface is called in reports: where the shop says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// `data-haggle-sku`.
    Mark,
    /// By the place among the site's surfaces.
    Rule(usize),
    JsonLd,
}

/// An element whose text is a price.
#[derive(Debug)]
pub(super) struct TextSurface {
    pub(super) owner: usize,
    pub(super) label: Label,
    pub(super) role: Role,
    /// Where its content begins.
    pub(super) from: usize,
    /// Its text nodes, without those of surfaces in it.
    pub(super) nodes: Vec<Range<usize>>,
    /// A shopper sees it.
    pub(super) is_visible: bool,
    /// The price stands in an attribute of the element: it may have no text.
    pub(super) is_satisfied: bool,
    /// Too long: its bytes have gone out.
    pub(super) is_given_up: bool,
}

impl TextSurface {
    /// Takes a piece of text in.
    pub(super) fn push(&mut self, range: Range<usize>) {
        match self.nodes.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.nodes.push(range),
        }
    }
}

/// A script with data.
#[derive(Debug)]
pub(super) struct ScriptSurface {
    pub(super) owner: usize,
    pub(super) label: Label,
    pub(super) from: usize,
    pub(super) is_given_up: bool,
}

/// A place for the disclosure.
#[derive(Debug)]
pub(super) struct Slot {
    /// The item that it is for; all of the page where it names none.
    pub(super) sku: Option<String>,
    pub(super) from: usize,
    pub(super) is_given_up: bool,
}
