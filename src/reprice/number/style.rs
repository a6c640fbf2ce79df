//! How an amount is written in the way in which another one stands in a text.

use std::ops::Range;

use super::super::around::Place;
use super::super::sign::{BREAK, Sign};
use super::{Grouping, Number};
use crate::Currency;

/// A number read as a price.
#[derive(Debug, Clone, Copy)]
pub(in crate::reprice) struct Style<'a> {
    pub(super) number: &'a Number,
    /// How many of the groups are of the whole part; none in `.99`.
    pub(super) whole: usize,
    pub(super) grouping: Grouping,
    /// Digits after the decimal sign.
    pub decimals: u32,
    /// All digits, as one integer: `amount / 10^decimals` is what the number is worth.
    pub amount: i64,
}

/// What is to be put in the place of a part of the text.
pub(in crate::reprice) type Edit = (Range<usize>, String);

impl Style<'_> {
    /// What the number is worth in minor units, where it is a whole number of them.
    pub fn minor(&self, minor_digits: u32) -> Option<i64> {
        match self.decimals.checked_sub(minor_digits) {
            None => self.amount.checked_mul(10i64.checked_pow(minor_digits - self.decimals)?),
            Some(more) => {
                let scale = 10i64.checked_pow(more)?;
                (self.amount % scale == 0).then_some(self.amount / scale)
            }
        }
    }

    /// The sign before the decimals, or before the dashes in their place.
    pub fn decimal(&self) -> Option<Sign> {
        match &self.number.dashes {
            Some((sign, _)) => Some(*sign),
            None if self.decimals > 0 => self.number.groups().last()?.sign,
            None => None,
        }
    }

    /// Whether it is written as an amount of money: with all minor digits, or with dashes in their place.
    pub fn has_minor(&self, minor_digits: u32) -> bool {
        self.number.dashes.is_some() || (self.decimals > 0 && self.decimals >= minor_digits)
    }

    /// The number as it stands.
    pub fn shown<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.number.start..self.number.end()).unwrap_or_default()
    }

    /// The number as a place of its text.
    pub fn place<'t>(&self, text: &'t str, currency: Option<Currency>) -> Place<'t> {
        let has_decimals = self.decimals > 0 || self.number.dashes.is_some();
        Place { text, start: self.number.start, end: self.number.end(), has_decimals, currency }
    }

    /// The edits that write an amount in this style; `None` if it has minor digits and the style shows none.
    pub fn write(&self, text: &str, minor: i64, currency: Currency) -> Option<[Option<Edit>; 2]> {
        let digits = currency.minor_digits();
        let scale = 10i64.checked_pow(digits)?;
        let (whole, rest) = (minor / scale, minor % scale);
        let groups = self.number.groups();
        let whole_edit = match groups.get(..self.whole).and_then(|groups| groups.first().zip(groups.last())) {
            Some((first, last)) => Some((first.start..last.end, self.whole(text, whole, currency))),
            // `.99`
            None if whole > 0 => {
                Some((self.number.start..self.number.start, self.whole(text, whole, currency)))
            }
            None => None,
        };
        let rest_edit = if self.decimals > 0 {
            let last = groups.last()?;
            Some((last.start..last.end, self.decimals(rest, digits)?))
        } else if rest == 0 {
            None
        } else {
            // `19.–` has a place for them.
            let (sign, dashes) = self.number.dashes.as_ref()?;
            let after_sign = self.number.end + sign.len;
            let is_split = text.get(after_sign..dashes.start)?.contains(BREAK);
            let start = if is_split { dashes.start } else { after_sign };
            Some((start..dashes.end, self.digits(&format!("{rest:0width$}", width = digits as usize))))
        };
        Some([whole_edit, rest_edit])
    }

    /// Minor units in as many decimals as there are; in all of them where these are too few (`19.5` for 19.50).
    fn decimals(&self, rest: i64, digits: u32) -> Option<String> {
        let plain = format!("{rest:0width$}", width = digits as usize);
        let plain = if digits == 0 { String::new() } else { plain };
        let (shown, cut) = plain.split_at_checked(self.decimals as usize).unwrap_or((&plain, ""));
        let shown = if cut.bytes().all(|digit| digit == b'0') { shown } else { &plain };
        Some(self.digits(&format!("{shown:0<width$}", width = self.decimals as usize)))
    }

    /// ASCII digits in the script of the number.
    fn digits(&self, plain: &str) -> String {
        let zero = u32::from(self.number.zero);
        plain.bytes().filter_map(|digit| char::from_u32(zero + u32::from(digit.wrapping_sub(b'0')))).collect()
    }

    /// The whole part, grouped as the number shows it or, where it is too short to show, as is usual beside its
    /// decimal sign and in its currency.
    fn whole(&self, text: &str, whole: i64, currency: Currency) -> String {
        let usual = usual_grouping(self.decimal(), self.number.zero, currency);
        let (sign, is_indian) = match self.grouping {
            Grouping::None => (None, false),
            Grouping::Unseen if self.is_machine_readable(text) => (None, false),
            Grouping::Unseen => (usual, is_indian(currency)),
            Grouping::Thousands | Grouping::Indian => {
                let groups = self.number.groups().get(..self.whole).unwrap_or_default();
                let (head, second) = (groups.first(), groups.get(1));
                let sign = second.and_then(|group| text.get(group.sign_at..group.start));
                // `12,345` does not show which.
                let is_either = self.whole == 2 && head.is_some_and(|head| head.count <= 2);
                (sign, self.grouping == Grouping::Indian || (is_either && is_indian(currency)))
            }
        };
        let plain = self.digits(&whole.to_string());
        let Some(sign) = sign else { return plain };
        let count = plain.chars().count();
        let mut grouped = String::new();
        for (i, digit) in plain.chars().enumerate() {
            let left = count - i;
            let is_between =
                if is_indian && left > 3 { !left.is_multiple_of(2) } else { left.is_multiple_of(3) };
            if i > 0 && is_between {
                grouped.push_str(sign);
            }
            grouped.push(digit);
        }
        grouped
    }

    /// A text that is nothing but `999.00` may be read by a program (`content="999.00"`): it gets no groups.
    fn is_machine_readable(&self, text: &str) -> bool {
        let is_dotted = self.decimal().is_none_or(|sign| sign.value == '.');
        self.number.zero == '0' && is_dotted && self.place(text, None).is_all()
    }
}

/// Whether a currency's amounts are grouped as in India: `12,34,567`.
fn is_indian(currency: Currency) -> bool {
    matches!(&currency.bytes(), b"INR" | b"NPR" | b"BDT" | b"PKR" | b"LKR")
}

/// What stands between groups where a number is too short to show it (CLDR, by the main locale of the currency);
/// `None` where that is not known.
fn usual_grouping(decimal: Option<Sign>, zero: char, currency: Currency) -> Option<&'static str> {
    let code = currency.bytes();
    if matches!(zero, '\u{660}' | '\u{6f0}') {
        return Some("\u{66c}");
    }
    if matches!(
        &code,
        b"BGN"
            | b"BYN"
            | b"CZK"
            | b"HUF"
            | b"KZT"
            | b"NOK"
            | b"PLN"
            | b"RUB"
            | b"SEK"
            | b"UAH"
            | b"XAF"
            | b"XOF"
    ) {
        return Some("\u{a0}");
    }
    match decimal.map(|sign| sign.value) {
        Some('.' | '\u{ff0e}') if code == *b"CHF" => Some("\u{2019}"),
        Some('.' | '\u{ff0e}') => Some(","),
        Some(',' | '\u{ff0c}') => Some("."),
        _ => match &code {
            b"AUD" | b"CAD" | b"CNY" | b"EGP" | b"GBP" | b"HKD" | b"INR" | b"JPY" | b"KRW" | b"MXN"
            | b"MYR" | b"NZD" | b"PHP" | b"SGD" | b"THB" | b"TWD" | b"USD" => Some(","),
            b"ARS" | b"BRL" | b"CLP" | b"COP" | b"DKK" | b"IDR" | b"ISK" | b"PYG" | b"TRY" | b"VND" => {
                Some(".")
            }
            _ => None,
        },
    }
}
