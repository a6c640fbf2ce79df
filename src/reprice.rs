//! Repricing of text: the number that is the catalogue price becomes the decided one, and nothing else changes.
//!
//! In scope: a price in running text or HTML text, with `.` and `,` as decimal and grouping signs in either role
//! (`$1,299.00`, `1.299,00 €`, `19.99`), currencies with 0, 2 and 3 minor digits. Currency sign, spaces, entities
//! and words stay as they are.
//!
//! Out of scope: other grouping signs (space, apostrophe), other digits, and prices split over several elements.

use crate::{Currency, Error};

/// Replaces the price `from_minor` in a text by `to_minor`, in the format in which it stands there.
///
/// ```
/// let euro = "EUR".parse()?;
/// assert_eq!(haggle::reprice("nur 1.299,00&nbsp;€!", 129_900, 99_950, euro)?, "nur 999,50&nbsp;€!");
/// assert_eq!(haggle::reprice("$950.00", 95_000, 129_900, "USD".parse()?)?, "$1,299.00");
/// # Ok::<(), haggle::Error>(())
/// ```
///
/// # Errors
/// The price does not stand in the text, stands there more than once, or stands without decimals where the new
/// price needs them. The text must then stay as it is.
pub fn reprice(text: &str, from_minor: i64, to_minor: i64, currency: Currency) -> Result<String, Error> {
    let digits = currency.minor_digits() as usize;
    let mut found = None;
    for number in numbers(text) {
        let Some(format) = Format::of(number.text, digits).filter(|format| format.minor == Some(from_minor))
        else {
            continue;
        };
        if found.replace((number, format)).is_some() {
            let given = format!("{from_minor} minor units twice in {text:?}");
            return Err(Error::value("price in the text", given, "there once"));
        }
    }
    let (number, format) = found.ok_or_else(|| {
        let allowed = format!("the catalogue price of {from_minor} minor units");
        Error::value("price in the text", format!("{text:?}"), allowed)
    })?;
    let written = format.write(to_minor, digits).ok_or_else(|| {
        let allowed = format!("written with decimals, to be replaced by {to_minor} minor units");
        Error::value("price in the text", format!("{:?}", number.text), allowed)
    })?;
    let (before, rest) = text.split_at_checked(number.from).unwrap_or((text, ""));
    let after = rest.get(number.text.len()..).unwrap_or_default();
    Ok(format!("{before}{written}{after}"))
}

/// A run of digits, dots and commas that begins and ends with a digit.
#[derive(Debug, Clone, Copy)]
struct Number<'a> {
    from: usize,
    text: &'a str,
}

/// The numbers of a text that can be a price: not part of a word (`A4`), of a numeric entity (`&#8364;`) or of a
/// longer number, without a minus sign, and not a percentage.
fn numbers(text: &str) -> impl Iterator<Item = Number<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(rest) = text.get(at..) {
            let from = at + rest.find(|c: char| c.is_ascii_digit())?;
            let run = text.get(from..)?;
            let length =
                run.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(run.len());
            let number = run.get(..length)?.trim_end_matches(['.', ',']);
            at = from + length;
            let before = text.get(..from)?.chars().next_back();
            let rest = text.get(from + number.len()..)?;
            // ASCII only: a page without a declared encoding comes byte for byte, with a letter for each byte.
            let alone = !before
                .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '#' | '-' | '.' | ','))
                && !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
                && !rest.trim_start().starts_with('%');
            if alone {
                return Some(Number { from, text: number });
            }
        }
        None
    })
}

/// How a number is written, and what it is worth.
#[derive(Debug, Clone, Copy)]
struct Format {
    /// Worth in minor units; none if it does not fit.
    minor: Option<i64>,
    /// Sign before the minor digits, if there are any.
    decimal: Option<char>,
    /// Sign between groups of three digits; none where the number is long enough to show that there is none.
    grouping: Option<char>,
}

impl Format {
    /// Reads a number; `None` if dots and commas do not stand where a price has them.
    fn of(number: &str, digits: usize) -> Option<Self> {
        let is_sign = |c: char| c == '.' || c == ',';
        let last = number.char_indices().rfind(|&(_, c)| is_sign(c));
        let decimal = last.filter(|(at, _)| digits > 0 && number.len() - at - 1 == digits);
        // With three minor digits `1.299` could be a group or decimals: it is decimals unless the sign stands twice.
        let decimal = decimal.filter(|&(_, sign)| number.matches(sign).count() == 1);
        let (whole, minor) = match decimal {
            Some((at, _)) => (number.get(..at)?, number.get(at + 1..)?),
            None => (number, ""),
        };
        let grouping = whole.chars().find(|&c| is_sign(c));
        if let Some(sign) = grouping {
            let mut groups = whole.split(sign);
            let head = groups.next()?;
            let grouped = groups.all(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()));
            if !(1..=3).contains(&head.len()) || !grouped || decimal.is_some_and(|(_, d)| d == sign) {
                return None;
            }
        }
        let grouping = match (grouping, decimal) {
            (Some(sign), _) => Some(sign),
            (None, Some((_, '.'))) if whole.len() <= 3 => Some(','),
            (None, Some((_, ','))) if whole.len() <= 3 => Some('.'),
            _ => None,
        };
        let shown: String = whole.chars().chain(minor.chars()).filter(char::is_ascii_digit).collect();
        let scale = if decimal.is_some() { 1 } else { 10i64.checked_pow(digits as u32)? };
        let minor = shown.parse::<i64>().ok().and_then(|shown| shown.checked_mul(scale));
        Some(Self { minor, decimal: decimal.map(|(_, sign)| sign), grouping })
    }

    /// Writes an amount in this format; `None` if it has minor digits and the format shows none.
    fn write(&self, minor: i64, digits: usize) -> Option<String> {
        let scale = 10i64.checked_pow(digits as u32)?;
        let (whole, rest) = (minor / scale, minor % scale);
        let plain = whole.to_string();
        let mut text = String::new();
        for (i, digit) in plain.chars().enumerate() {
            if let Some(sign) = self.grouping.filter(|_| i > 0 && (plain.len() - i) % 3 == 0) {
                text.push(sign);
            }
            text.push(digit);
        }
        match self.decimal {
            Some(sign) => Some(format!("{text}{sign}{rest:0digits$}")),
            None if rest == 0 => Some(text),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn euro(text: &str, from: i64, to: i64) -> Result<String, Error> {
        reprice(text, from, to, "EUR".parse().unwrap())
    }

    #[test]
    fn the_format_and_all_around_it_stays() {
        for (text, from, to, expected) in [
            ("$1,299.00", 129_900, 99_950, "$999.50"),
            ("1.299,00 €", 129_900, 149_900, "1.499,00 €"),
            ("19.99", 1999, 1750, "19.99".replace("19.99", "17.50").as_str()),
            (
                "  ab 19,00&nbsp;&euro; inkl. 19 % MwSt. ",
                1900,
                1750,
                "  ab 17,50&nbsp;&euro; inkl. 19 % MwSt. ",
            ),
            ("&#8364;19.00", 1900, 2100, "&#8364;21.00"),
            ("1299.00", 129_900, 1_234_500, "12345.00"),
            ("€ 999,00", 99_900, 109_900, "€ 1.099,00"),
            ("€19", 1900, 2100, "€21"),
            ("1.299 €", 129_900, 149_900, "1.499 €"),
            ("1,234,567.00", 123_456_700, 99_900, "999.00"),
            ("19.00.", 1900, 2100, "21.00."),
            ("19,00\u{c2}\u{a0}\u{e2}\u{201a}\u{ac}", 1900, 2100, "21,00\u{c2}\u{a0}\u{e2}\u{201a}\u{ac}"),
        ] {
            assert_eq!(euro(text, from, to).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(reprice("¥1,299", 1299, 980, "JPY".parse().unwrap()).unwrap(), "¥980");
        assert_eq!(reprice("1.299 KD", 1299, 1500, "KWD".parse().unwrap()).unwrap(), "1.500 KD");
    }

    #[test]
    fn what_is_not_the_catalogue_price_is_left_alone() {
        for (text, from, why) in [
            ("$18.00", 1900, "the catalogue price of 1900 minor units"),
            ("", 1900, "the catalogue price"),
            ("&#1900;", 190_000, "the catalogue price"),
            ("A1900", 190_000, "the catalogue price"),
            ("-19.00", 1900, "the catalogue price"),
            ("19.000", 1900, "the catalogue price"),
            ("1.9.00", 1900, "the catalogue price"),
            ("19.00 or 19.00", 1900, "twice"),
            ("€19", 1900, "with decimals"),
        ] {
            let error = euro(text, from, 1750).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back_again_is_the_same_text(from in 1i64..200_000_000, to in 1i64..200_000_000, continental: bool,
                                                 before in "[a-z €$]{0,4}", after in "( [a-z€]{0,4})?") {
            prop_assume!(!before.ends_with(|c: char| c.is_ascii_alphanumeric()));
            let (decimal, grouping) = if continental { (',', '.') } else { ('.', ',') };
            let format = Format { minor: None, decimal: Some(decimal), grouping: Some(grouping) };
            let text = format!("{before}{}{after}", format.write(from, 2).unwrap());
            let there = euro(&text, from, to).unwrap();
            prop_assert_eq!(euro(&there, to, from).unwrap(), text);
        }

        #[test]
        fn any_text_is_repriced_or_refused(text in ".{0,60}", from in 1i64..1000, to in 1i64..1000) {
            let _ = euro(&text, from, to);
        }
    }
}
