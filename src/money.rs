//! Currencies and their minor units: every amount in haggle is an integer of these.
//!
//! Out of scope: exchange rates, and the many ways a page writes a price (see [`reprice()`](crate::reprice())).

use std::fmt;

use serde::Serialize;

use crate::Error;

/// Largest price of one unit, in minor units (ten million in a currency with two minor digits).
pub const PRICE_MINOR_MAX: i64 = 1_000_000_000;

/// An ISO 4217 currency and the number of its minor digits.
///
/// ```
/// let yen: haggle::Currency = "JPY".parse()?;
/// assert_eq!(yen.minor_digits(), 0);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// Digits after the decimal sign: 0, 2 or 3 (ISO 4217:2015, list one).
    pub fn minor_digits(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF"
            | b"UGX" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }

    /// The three letters, as bytes of a snapshot.
    pub(crate) fn bytes(&self) -> [u8; 3] {
        self.0
    }

    pub(crate) fn from_bytes(bytes: [u8; 3]) -> Result<Self, Error> {
        if bytes.iter().all(u8::is_ascii_uppercase) {
            Ok(Self(bytes))
        } else {
            let given = String::from_utf8_lossy(&bytes).into_owned();
            Err(Error::value(
                "currency",
                format!("{given:?}"),
                "three capital letters of ISO 4217, such as EUR",
            ))
        }
    }
}

impl std::str::FromStr for Currency {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(bytes) => Self::from_bytes(bytes),
            Err(_) => Err(Error::value(
                "currency",
                format!("{text:?}"),
                "three capital letters of ISO 4217, such as EUR",
            )),
        }
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&letter| write!(f, "{}", char::from(letter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_digits_follow_iso_4217() {
        for (code, digits) in [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3)] {
            assert_eq!(code.parse::<Currency>().unwrap().minor_digits(), digits, "{code}");
        }
    }

    #[test]
    fn what_is_not_a_currency_is_refused_with_what_was_given() {
        for bad in ["", "eur", "EURO", "E1R", "€"] {
            let error = bad.parse::<Currency>().unwrap_err().to_string();
            assert!(error.contains(bad) && error.contains("ISO 4217"), "{error}");
        }
    }
}
