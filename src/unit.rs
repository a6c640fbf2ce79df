//! Stage 1, the request: who is randomised.
//!
//! In scope: the keyed hash that stands for a visitor everywhere after the edge, and the hash that stands for an item or
//! a family of items. Out of scope: cookies, and periods, which are in the seed of a draw and not in the unit.

use std::fmt;

use crate::{Error, mac};

/// A unit of randomisation, as a keyed hash: no personal data, and no way back to it without the key.
///
/// ```
/// use haggle::{Key, UnitKey};
/// let key = Key::new(&[7; 32]);
/// let unit = UnitKey::of_visitor(&key, "0f9c1a");
/// assert_eq!(unit.to_string().parse::<UnitKey>()?, unit);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitKey([u8; 16]);

impl UnitKey {
    /// The unit of a visitor id: the first 16 bytes of its HMAC-SHA-256 under the Worker's unit key.
    ///
    /// Keyed, so that nobody can look for a visitor id that gets the lowest price.
    pub fn of_visitor(key: &mac::Key, visitor: &str) -> Self {
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(key.sign(&[b"visitor\0", visitor.as_bytes()])).for_each(|(to, from)| *to = from);
        Self(bytes)
    }

    /// The unit of an item, or of a family by its name, where items are randomised. Without a key: the item is no secret, and anybody who has the
    /// experiment file can then draw its arm again.
    pub fn of_item(sku: &str) -> Self {
        Self(mac::digest16(&["haggle item", sku]))
    }

    /// A unit from bytes that are a hash already (tests, simulation).
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The hash.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for UnitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for UnitKey {
    type Err = Error;

    fn from_str(hex: &str) -> Result<Self, Error> {
        mac::hex_bytes(hex)
            .map(Self)
            .ok_or_else(|| Error::value("unit", format!("{hex:?}"), "32 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_visitor_or_another_key_is_another_unit() {
        let unit = |secret, visitor| UnitKey::of_visitor(&mac::Key::new(&[secret; 32]), visitor);
        assert_eq!(unit(1, "a"), unit(1, "a"));
        assert_ne!(unit(1, "a"), unit(1, "b"));
        assert_ne!(unit(1, "a"), unit(2, "a"));
    }

    #[test]
    fn the_unit_of_an_item_is_that_of_its_name() {
        assert_eq!(UnitKey::of_item("OLIVE"), UnitKey::of_item("OLIVE"));
        assert_ne!(UnitKey::of_item("OLIVE"), UnitKey::of_item("OLIVE-500"));
    }

    #[test]
    fn what_is_not_a_unit_is_refused() {
        for bad in ["", "00", "zz".repeat(16).as_str(), "é".repeat(16).as_str()] {
            assert!(bad.parse::<UnitKey>().unwrap_err().to_string().contains("32 hexadecimal digits"));
        }
    }
}
