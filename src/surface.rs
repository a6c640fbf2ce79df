//! Surfaces: places where a price stands in a page, and how each of them writes it.
//!
//! Out of scope: finding them in a page (see [`page`](crate::page)).

pub mod json_ld;
pub mod script;

/// How a place writes an amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// `19.99`: units of the currency.
    #[default]
    Major,
    /// `1999`: minor units.
    Minor,
}
