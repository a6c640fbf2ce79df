//! Which items are in scope.

use std::collections::BTreeSet;

use crate::experiment::{Condition, Test, Which};
use crate::{CatalogueItem, Error};

/// The test of items, and what it has not met yet.
pub(super) enum InScope<'a> {
    All,
    /// The items of a list that were not offered yet.
    Skus(BTreeSet<&'a str>),
    /// Conditions, each with whether its column had a value, of its kind, in any item.
    Where(Vec<(&'a Condition, bool)>),
}

impl<'a> InScope<'a> {
    pub fn new(which: &'a Which) -> Self {
        match which {
            Which::All => Self::All,
            Which::Skus(skus) => Self::Skus(skus.iter().map(String::as_str).collect()),
            Which::Where(conditions) => {
                Self::Where(conditions.iter().map(|condition| (condition, false)).collect())
            }
        }
    }

    /// Whether an item is in scope; asked once for each.
    pub fn has(&mut self, item: &CatalogueItem) -> bool {
        match self {
            Self::All => true,
            Self::Skus(missing) => missing.remove(item.sku.as_str()),
            Self::Where(conditions) => {
                let mut is_in = true;
                for (condition, is_seen) in conditions {
                    let (seen, meets) = meets(condition, item);
                    *is_seen |= seen;
                    is_in &= meets;
                }
                is_in
            }
        }
    }

    /// Whether the list's items and the conditions' columns were there, after so many items.
    pub fn check(&self, offered: usize) -> Result<(), Error> {
        match self {
            Self::All => Ok(()),
            Self::Skus(missing) => match missing.first() {
                None => Ok(()),
                Some(sku) => {
                    let given = format!(
                        "{sku:?}, which is not in the catalogue{}",
                        and_more(missing.len() - 1, "not either")
                    );
                    Err(Error::value(
                        "scope.items",
                        given,
                        format!("a list of the catalogue's {offered} items"),
                    ))
                }
            },
            Self::Where(conditions) => match conditions.iter().find(|(_, is_seen)| !is_seen) {
                None => Ok(()),
                Some((Condition { column, test }, _)) => {
                    let what = format!("scope.where.{column}");
                    let kind = match test {
                        Test::OneOf(_) => "a column that holds something",
                        Test::Range { .. } => "a column that holds an integer",
                    };
                    let given = format!("the name of a column that holds none in {offered} items");
                    Err(Error::value(what, given, format!("{kind} in some item of the catalogue")))
                }
            },
        }
    }
}

/// Whether the column holds a value of the test's kind, and whether that meets the test.
fn meets(condition: &Condition, item: &CatalogueItem) -> (bool, bool) {
    match &condition.test {
        Test::OneOf(texts) => match item.text(&condition.column) {
            Some(value) => (true, texts.iter().any(|text| *text == *value)),
            None => (false, false),
        },
        Test::Range { from, to } => match item.number(&condition.column) {
            Some(value) => (true, from.is_none_or(|from| value >= from) && to.is_none_or(|to| value <= to)),
            None => (false, false),
        },
    }
}

/// What follows the first of several faults.
pub(super) fn and_more(more: usize, what: &str) -> String {
    if more == 0 { String::new() } else { format!(", and {more} more {what}") }
}
