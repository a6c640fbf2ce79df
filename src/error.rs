//! What can go wrong in the core, each error saying what was given and what is allowed.
//!
//! Out of scope: HTTP status codes (the Worker maps them in one table) and logging (the core never logs).

use std::fmt;

/// Why the core refused something.
///
/// The text is a sentence without a capital or a full stop, ready for `{ "error": "…" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A value lies outside of what is allowed.
    Value {
        /// The field or quantity, in the words of the experiment file or of the API.
        what: String,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: String,
    },
    /// A text has not the shape that is expected (JSON, TOML, a token).
    Syntax {
        /// What the text should have been.
        what: &'static str,
        /// What is wrong with it, with its place where known.
        why: String,
    },
    /// Bytes that are not a snapshot which this build can use.
    Snapshot {
        /// What is wrong with them.
        why: String,
    },
    /// A quote that is not honoured.
    Quote {
        /// Why it is not.
        why: String,
    },
}

impl Error {
    /// A value outside of what is allowed.
    pub fn value(what: impl Into<String>, given: impl fmt::Display, allowed: impl Into<String>) -> Self {
        Self::Value { what: what.into(), given: given.to_string(), allowed: allowed.into() }
    }

    pub(crate) fn syntax(what: &'static str, why: impl fmt::Display) -> Self {
        Self::Syntax { what, why: why.to_string() }
    }

    pub(crate) fn snapshot(why: impl Into<String>) -> Self {
        Self::Snapshot { why: why.into() }
    }

    pub(crate) fn quote(why: impl Into<String>) -> Self {
        Self::Quote { why: why.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { what, given, allowed } => write!(f, "{what} is {given}; it must be {allowed}"),
            Self::Syntax { what, why } => write!(f, "not {what}: {why}"),
            Self::Snapshot { why } => write!(f, "not a usable snapshot: {why}"),
            Self::Quote { why } => write!(f, "quote refused: {why}"),
        }
    }
}

impl std::error::Error for Error {}
