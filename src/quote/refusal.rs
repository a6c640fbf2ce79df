//! Why a quote is not honoured, as a code for programs and a sentence for people.

use std::fmt;

use super::QUOTE_BYTES_MAX;
use crate::Error;

/// Why a quote is not honoured: the catalogue price stands.
///
/// ```
/// # let quotary = haggle::Quotary::parse(&format!("k1:{}", "a5".repeat(32)))?;
/// let refusal = quotary.open("not a token").unwrap_err();
/// assert_eq!(refusal.code(), "malformed");
/// assert_eq!(refusal.to_string(), "quote refused: malformed: no dot");
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: &'static str,
    why: String,
}

impl Refusal {
    /// One word for programs, which does not change: one of [`Refusal::CODES`].
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// All the codes.
    pub const CODES: [&'static str; 14] = [
        "malformed",
        "too-long",
        "wrong-algorithm",
        "unknown-key",
        "wrong-signature",
        "preview",
        "not-yet-valid",
        "expired",
        "another-merchant",
        "another-item",
        "another-currency",
        "outside-guardrails",
        "stopped",
        "window-over",
    ];

    /// No key of this id is known for the token's algorithm.
    pub fn unknown_key(kid: &str) -> Self {
        Self::new("unknown-key", format!("unknown key id {kid:?}"))
    }

    /// The signature is not that of the key.
    pub fn wrong_signature() -> Self {
        Self::new("wrong-signature", "the signature is wrong")
    }

    #[cold]
    pub(super) fn new(code: &'static str, why: impl Into<String>) -> Self {
        Self { code, why: why.into() }
    }

    pub(super) fn malformed(why: &str) -> Self {
        Self::new("malformed", format!("malformed: {why}"))
    }

    pub(super) fn too_long(bytes: usize) -> Self {
        Self::new("too-long", format!("{bytes} bytes long; it must be at most {QUOTE_BYTES_MAX}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quote refused: {}", self.why)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::quote(refusal.why)
    }
}
