//! Currencies and their minor units: every amount in haggle is an integer of these; and the tax that is in a price.
//!
//! Out of scope: exchange rates, and the many ways a page writes a price (see [`reprice()`](crate::reprice())).

use std::fmt;

use serde::Serialize;

use crate::Error;
use crate::json::Value;

/// Largest price of one unit, in minor units (ten million in a currency with two minor digits).
pub const PRICE_MINOR_MAX: i64 = 1_000_000_000;

/// A fraction in whole millionths, so that what is reckoned with it is exact.
pub(crate) fn millionths(fraction: f64) -> i64 {
    (fraction * 1e6).round() as i64
}

/// The tax that prices include, as they do where shoppers are consumers of the EU; none where it is added at checkout.
///
/// ```
/// use haggle::money::Tax;
/// assert_eq!(Tax::included(0.19).net_minor(1190), 1000);
/// assert_eq!(Tax::default().net_minor(1190), 1190);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tax {
    /// Of the net price, in millionths.
    rate: i64,
}

impl Tax {
    /// A tax of this part of the net price, which prices include: 0 to 1, in steps of a millionth.
    pub fn included(rate: f64) -> Self {
        Self { rate: millionths(rate.clamp(0.0, 1.0)) }
    }

    /// The part of the net price that prices include; 0 where they include none.
    pub fn rate(self) -> f64 {
        self.rate as f64 / 1e6
    }

    /// The price net of the tax, to the nearest minor unit.
    pub fn net_minor(self, price_minor: i64) -> i64 {
        let (one, all) = (i128::from(millionths(1.0)), i128::from(millionths(1.0) + self.rate));
        let net = (i128::from(price_minor) * one * 2 + all).div_euclid(all * 2);
        i64::try_from(net).unwrap_or(price_minor)
    }

    /// The tax that an item's fields tell of. An unknown rate is not a rate of zero, and a rate says nothing without
    /// knowing whether prices include it.
    pub(crate) fn read(price_includes_tax: Value, tax_rate: Value) -> Result<Self, Error> {
        let rate = |rate: &Value| rate.fraction_in(0.0..=1.0, "a share from 0 to 1, such as 0.19");
        match (price_includes_tax.clone().if_any(), tax_rate.clone().if_any()) {
            (None, None) => Ok(Self::default()),
            (None, Some(_)) => Err(price_includes_tax.refusal("given with a tax_rate: true or false")),
            (Some(included), given) => match (included.truth()?, given) {
                (true, None) => Err(tax_rate.refusal("given where prices include tax, such as 0.19")),
                (true, Some(given)) => Ok(Self::included(rate(&given)?)),
                (false, given) => {
                    given.map_or(Ok(0.0), |given| rate(&given))?;
                    Ok(Self::default())
                }
            },
        }
    }

    /// The least price whose net price is at least `net` over `parts`.
    pub(crate) fn gross_up(self, net: i128, parts: i64) -> i64 {
        let one = millionths(1.0);
        let parts = i128::from(parts) * i128::from(one);
        let gross = net.saturating_mul(i128::from(one + self.rate));
        i64::try_from(gross.saturating_add(parts - 1).div_euclid(parts)).unwrap_or(i64::MAX)
    }
}

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
    /// ISO 4217's code for no currency.
    pub(crate) const NONE: Self = Self(*b"XXX");

    /// Digits after the decimal sign: 0, 2 or 3 (ISO 4217:2015, list one).
    pub fn minor_digits(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF"
            | b"UGX" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }

    /// An amount in major units with all minor digits, without the currency: 1905 of EUR is `19.05`.
    pub fn major(&self, minor: i64) -> String {
        let digits = self.minor_digits();
        let (sign, size) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
        let one = 10_u64.pow(digits);
        match digits {
            0 => format!("{sign}{size}"),
            _ => format!("{sign}{}.{:0places$}", size / one, size % one, places = digits as usize),
        }
    }

    /// The minor units of an amount in major units, written with digits and at most one point: `19.05`, `19.5`, `19`.
    /// Nothing where it is written otherwise, or has more digits after the point than the currency.
    pub fn minor(&self, major: &str) -> Option<i64> {
        let (whole, part) = major.split_once('.').map_or((major, None), |(whole, part)| (whole, Some(part)));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || part.is_some_and(|part| !is_number(part)) {
            return None;
        }
        let part = part.unwrap_or_default();
        let missing = self.minor_digits().checked_sub(u32::try_from(part.len()).ok()?)?;
        let all: i64 = format!("{whole}{part}").parse().ok()?;
        all.checked_mul(10_i64.pow(missing))
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
    fn an_amount_is_written_with_the_digits_of_its_currency_and_read_back() {
        for (code, minor, major) in [
            ("EUR", 1905, "19.05"),
            ("EUR", 5, "0.05"),
            ("EUR", -1905, "-19.05"),
            ("JPY", 1905, "1905"),
            ("KWD", 1905, "1.905"),
        ] {
            let currency: Currency = code.parse().unwrap();
            assert_eq!(currency.major(minor), major);
            assert_eq!(currency.minor(major), (minor > 0).then_some(minor), "{major} {code}");
        }
        let euro: Currency = "EUR".parse().unwrap();
        assert_eq!((euro.minor("19"), euro.minor("19.5")), (Some(1900), Some(1950)));
        for bad in ["", ".5", "19.", "19.005", "19,00", "1e3", "+1", "1 900", "99999999999999999999"] {
            assert_eq!(euro.minor(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_net_price_is_the_nearest_to_the_tax_taken_off() {
        for (rate, price_minor, net_minor) in [
            (0.0, 1900, 1900),
            (0.19, 1900, 1597),
            (0.21, 121, 100),
            (0.05, 1, 1),
            (1.0, 3, 2),
            (0.077, 1077, 1000),
        ] {
            assert_eq!(Tax::included(rate).net_minor(price_minor), net_minor, "{price_minor} at {rate}");
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
