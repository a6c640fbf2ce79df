//! What can go wrong in the core, each error saying what was given and what is allowed.
//!
//! Out of scope: HTTP status codes (the Worker maps them in one table) and logging (the core never logs).

use std::fmt;

/// Why the core refused something.
///
/// The text is a sentence without a capital or a full stop, ready for `{ "error": "…" }`.
///
/// A single pointer, because of size: each of the hundreds of places that hand an error on copies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Reason>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    /// A value lies outside of what is allowed: the field or quantity, in the words of the experiment file or of the
    /// API, and what was given.
    Value { what: String, given: String, allowed: String },
    /// A text has not the shape that is expected (JSON, TOML, a token); why has its place where known.
    Syntax { what: &'static str, why: String },
    /// Bytes that are not a snapshot which this build can use.
    Snapshot { why: String },
    /// A quote that is not honoured.
    Quote { why: String },
}

impl Error {
    // One copy of each for all types, and never within its callers: errors are rare, and what makes their texts is not
    // small.
    #[cold]
    #[inline(never)]
    fn new(reason: Reason) -> Self {
        Self(Box::new(reason))
    }

    #[cold]
    #[inline(never)]
    fn of_value(what: &dyn fmt::Display, given: &dyn fmt::Display, allowed: &dyn fmt::Display) -> Self {
        Self::new(Reason::Value { what: text(what), given: text(given), allowed: text(allowed) })
    }

    /// A value outside of what is allowed.
    pub fn value(what: impl fmt::Display, given: impl fmt::Display, allowed: impl fmt::Display) -> Self {
        Self::of_value(&what, &given, &allowed)
    }

    pub(crate) fn syntax(what: &'static str, why: impl fmt::Display) -> Self {
        Self::new(Reason::Syntax { what, why: text(&why) })
    }

    pub(crate) fn snapshot(why: impl fmt::Display) -> Self {
        Self::new(Reason::Snapshot { why: text(&why) })
    }

    pub(crate) fn quote(why: impl fmt::Display) -> Self {
        Self::new(Reason::Quote { why: text(&why) })
    }

    /// The path of the field that is wrong, such as `arms[1].price_minor`; none where it is no matter of one value.
    ///
    /// A quantity that is no field, such as a rate of the API, is named by its first word.
    ///
    /// ```
    /// use haggle::Error;
    /// assert_eq!(Error::value("arms[1].price_minor of arm low", 7, "8").field(), Some("arms[1].price_minor"));
    /// assert_eq!(Error::value("number of arms", 1, "2 to 64").field(), Some("arms"));
    /// assert_eq!(Error::value("sum of policy.shares", 0.9, "1").field(), Some("policy.shares"));
    /// ```
    pub fn field(&self) -> Option<&str> {
        let Reason::Value { what, .. } = &*self.0 else { return None };
        let path = ["field ", "number of ", "sum of "]
            .iter()
            .find_map(|before| what.strip_prefix(before))
            .unwrap_or(what);
        path.split([' ', ',']).next()
    }

    /// What has the wrong value, in the words that the error begins with; none where it is no matter of one value.
    #[cfg(feature = "toml")]
    pub(crate) fn what(&self) -> Option<&str> {
        match &*self.0 {
            Reason::Value { what, .. } => Some(what),
            _ => None,
        }
    }

    /// The same error of something that was read from this line; one that names its line already stays as it is.
    pub(crate) fn in_line(mut self, line: usize) -> Self {
        match &mut *self.0 {
            Reason::Value { what, .. } if !what.starts_with("line ") => {
                *what = format!("line {line}: {what}")
            }
            Reason::Syntax { why, .. } => *why = format!("line {line}: {why}"),
            _ => {}
        }
        self
    }
}

#[cold]
#[inline(never)]
fn text(of: &dyn fmt::Display) -> String {
    of.to_string()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::Value { what, given, allowed } => write!(f, "{what} is {given}; it must be {allowed}"),
            Reason::Syntax { what, why } => write!(f, "not {what}: {why}"),
            Reason::Snapshot { why } => write!(f, "not a usable snapshot: {why}"),
            Reason::Quote { why } => write!(f, "quote refused: {why}"),
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
