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

/// A number for an error, with up to six decimals, made of integers: the standard library's way of writing a
/// double would bring its tables into the Worker.
pub(crate) fn decimal(value: f64) -> String {
    let (sign, size) = (if value < 0.0 { "-" } else { "" }, value.abs());
    if value.is_nan() {
        return "NaN".into();
    }
    if size >= 1e18 {
        return format!("{sign}1000000000000000000 or beyond");
    }
    let millionths = ((size - size.trunc()) * 1e6).round() as u64;
    let (whole, millionths) = (size as u64 + millionths / 1_000_000, millionths % 1_000_000);
    let about = if whole as f64 + millionths as f64 / 1e6 == size { "" } else { "about " };
    let digits = format!("{about}{sign}{whole}.{millionths:06}");
    digits.trim_end_matches('0').trim_end_matches('.').into()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn a_number_is_written_as_it_is_or_about() {
        for (value, text) in [
            (0.0, "0"),
            (-1.5, "-1.5"),
            (100.0, "100"),
            (0.875, "0.875"),
            (1.8, "1.8"),
            (0.01, "0.01"),
            (1e15, "1000000000000000"),
            (0.999_999_9, "about 1"),
            (-1e-9, "about -0"),
            (1.0 / 3.0, "about 0.333333"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "1000000000000000000 or beyond"),
            (f64::MIN, "-1000000000000000000 or beyond"),
        ] {
            assert_eq!(decimal(value), text);
        }
    }
}
