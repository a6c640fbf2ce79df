//! Repricing of text: the number that is the catalogue price becomes the decided one, and nothing else changes.
//!
//! In scope: prices as the world writes them, in HTML, in JavaScript or as plain text. Decimals after `.`, `,` or `٫`,
//! none at all, more or fewer than the currency has (`67.8400`, `19.5`), dashes for zeros (`19.–`, `19,-`, `19:-`) or
//! nothing before them (`$.99`); groups of three or as in India, with `.`, `,`, `'`, `’`, `٬` or a space of any width;
//! ASCII, Arabic-Indic, Persian, Devanagari and full-width digits; prices split over several text nodes; currencies with
//! 0, 2 and 3 minor digits. Currency sign, spaces and words stay as they are, bytes and all. Entities (`&nbsp;`) and
//! escapes (`\u00a0`) are the space or sign that they stand for, never digits.
//!
//! What is no price is never touched: percentages, parts of words and of longer numbers, identifiers (`#19`), dates,
//! times, dimensions (`10x50`), measures (`50 cm`), negative and added amounts (`-19`, `+19`), thresholds (`$49+`).
//!
//! The new amount is written in the style of the old one. Where the old one is too short to show how it would be
//! grouped, groups are those usual beside its decimal sign and in its currency; a text that is nothing but a number
//! with a decimal point may be read by a program, and gets none.
//!
//! Out of scope: numbers in words, currency conversion, and which places of a page are about the item.

mod around;
mod number;
mod sign;
#[cfg(test)]
mod tests;

use number::{Edit, Number, Style};

use crate::{Currency, Error};

/// Replaces the price `from_minor` in a text by `to_minor`, in the format in which it stands there.
///
/// ```
/// let euro = "EUR".parse()?;
/// assert_eq!(haggle::reprice("nur 1.299,00&nbsp;€!", 129_900, 99_950, euro)?, "nur 999,50&nbsp;€!");
/// assert_eq!(haggle::reprice("$950.00", 95_000, 129_900, "USD".parse()?)?, "$1,299.00");
/// assert_eq!(haggle::reprice("CHF 1'299.–", 129_900, 114_950, "CHF".parse()?)?, "CHF 1'149.50");
/// assert_eq!(haggle::reprice("₹1,29,900.00", 12_990_000, 9_990_000, "INR".parse()?)?, "₹99,900.00");
/// # Ok::<(), haggle::Error>(())
/// ```
///
/// Where it stands several times, it is replaced wherever it is an amount of money: beside a currency, or with all its
/// minor digits (`19 left, now $19`). A number that is not is the price only where nothing else is, be it the price or
/// another amount (`19 left, now $25` holds no price of 19).
///
/// # Errors
/// The price does not stand in the text; it stands there more than once and nowhere as an amount of money; or it stands
/// without decimals where the new price needs them. The text must then stay as it is.
pub fn reprice(text: &str, from_minor: i64, to_minor: i64, currency: Currency) -> Result<String, Error> {
    let edits = edits(text, from_minor, to_minor, currency, false)?;
    Ok(applied(text, 0, &edits))
}

/// Replaces the price `from_minor` in the text nodes of one price element, in their order, by `to_minor`: every place
/// where it stands, within a node or split over several (`$` `19` `99`, `173` `34` `Lei`, `36` `,49` `zł`). A number
/// that is a node's only content is an amount of money, too.
///
/// Returns a new text for each node that changes.
///
/// ```
/// let split = ["$19.99", "$", "19", "99"];
/// let usd = "USD".parse()?;
/// let written = haggle::reprice::reprice_nodes(&split, 1999, 1750, usd)?;
/// assert_eq!(written, [Some("$17.50".into()), None, Some("17".into()), Some("50".into())]);
/// # Ok::<(), haggle::Error>(())
/// ```
///
/// # Errors
/// As those of [`reprice()`].
pub fn reprice_nodes(
    nodes: &[&str],
    from_minor: i64,
    to_minor: i64,
    currency: Currency,
) -> Result<Vec<Option<String>>, Error> {
    if let [text] = nodes {
        return Ok(vec![Some(reprice(text, from_minor, to_minor, currency)?).filter(|new| new != text)]);
    }
    let text = joined(nodes);
    let edits = edits(&text, from_minor, to_minor, currency, true)?;
    let mut start = 0;
    let written = nodes.iter().map(|node| {
        let end = start + node.len();
        // No edit reaches over the end of a node.
        let first = edits.partition_point(|(range, _)| range.start < start);
        let last = edits.partition_point(|(range, _)| range.end <= end);
        let new = applied(node, start, edits.get(first..last).unwrap_or_default());
        start = end + sign::BREAK.len_utf8();
        (new != *node).then_some(new)
    });
    Ok(written.collect())
}

/// The text of nodes, with a sign after each of them.
fn joined(nodes: &[&str]) -> String {
    let mut text = String::with_capacity(nodes.iter().map(|node| node.len() + 1).sum());
    for node in nodes {
        text.push_str(node);
        text.push(sign::BREAK);
    }
    text
}

/// What a price in a text is worth: `amount / 10^decimals` units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Its digits, without signs, as one number.
    pub amount: i64,
    /// How many of them are decimals.
    pub decimals: u32,
}

/// Reads the price in a text: the first number beside a currency, else the first that can be a price.
///
/// ```
/// use haggle::reprice::{Reading, read_price};
/// assert_eq!(read_price("ab 1.299,00&nbsp;€"), Some(Reading { amount: 129_900, decimals: 2 }));
/// assert_eq!(read_price("-20 %"), None);
/// ```
pub fn read_price(text: &str) -> Option<Reading> {
    read(text, None, false)
}

/// As [`read_price`], for the text nodes of one price element, in a currency that is known.
pub(crate) fn read_price_nodes(nodes: &[&str], currency: Currency) -> Option<Reading> {
    match nodes {
        [text] => read(text, Some(currency), false),
        _ => read(&joined(nodes), Some(currency), true),
    }
}

fn read(text: &str, currency: Option<Currency>, split: bool) -> Option<Reading> {
    // Two minor digits: `1.299` without a known currency is 1299 rather than dinars.
    let digits = currency.map_or(2, |currency| currency.minor_digits());
    let mut first = None;
    for number in numbers(text, digits, split) {
        let is_alone = |style: &Style<'_>| style.place(text, currency).is_alone();
        let Some(style) = number.styles(text, digits).find(is_alone) else { continue };
        let reading = Reading { amount: style.amount, decimals: style.decimals };
        if style.place(text, currency).is_marked() {
            return Some(reading);
        }
        first = first.or(Some(reading));
    }
    first
}

/// The numbers of a text, for a currency with so many minor digits; these may stand in the next node where nodes are
/// `split`.
fn numbers(text: &str, minor_digits: u32, split: bool) -> impl Iterator<Item = Number> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            // The bytes with which digits, entities and escapes begin.
            let may_begin =
                |&byte: &u8| byte.is_ascii_digit() || byte == b'&' || byte == b'\\' || byte >= 0xc2;
            at += text.as_bytes().get(at..)?.iter().position(may_begin)?;
            let sign = sign::at(text, at)?;
            if sign.digit().is_some() {
                let number = Number::read(text, at, minor_digits as usize, split)?;
                at = number.end();
                return Some(number);
            }
            at += sign.len;
        }
    })
}

/// The edits, in the order of the text, that replace the price wherever it stands.
fn edits(text: &str, from: i64, to: i64, currency: Currency, split: bool) -> Result<Vec<Edit>, Error> {
    let digits = currency.minor_digits();
    let mut edits = Vec::new();
    // Amounts of money, and numbers that may be quantities.
    let (mut amounts, mut bare, mut misfit) = (0, 0, None);
    let mut has_other_amount = false;
    for number in numbers(text, digits, split) {
        let is_price = |style: &Style<'_>| {
            style.minor(digits) == Some(from) && style.place(text, Some(currency)).is_alone()
        };
        let Some(style) = number.styles(text, digits).find(is_price) else {
            has_other_amount |= number.styles(text, digits).any(|style| {
                let place = style.place(text, Some(currency));
                (style.has_minor(digits) || place.is_marked()) && place.is_alone()
            });
            continue;
        };
        let place = style.place(text, Some(currency));
        if style.has_minor(digits) || place.is_marked() || (split && place.is_node()) {
            if amounts == 0 {
                edits.clear();
                misfit = None;
            }
            amounts += 1;
        } else if amounts > 0 {
            continue;
        } else {
            bare += 1;
        }
        match style.write(text, to, currency) {
            Some(written) => edits.extend(written.into_iter().flatten()),
            None => misfit = Some(style.shown(text)),
        }
    }
    if amounts + bare == 0 || amounts == 0 && has_other_amount {
        let allowed = format!("the catalogue price of {from} minor units");
        return Err(Error::value("price in the text", format!("{text:?}"), allowed));
    }
    if amounts == 0 && bare > 1 {
        let given = format!("{from} minor units twice in {text:?}");
        return Err(Error::value(
            "price in the text",
            given,
            "there once, or with its currency or minor digits",
        ));
    }
    if let Some(shown) = misfit {
        let allowed = format!("written with decimals, to be replaced by {to} minor units");
        return Err(Error::value("price in the text", format!("{shown:?}"), allowed));
    }
    Ok(edits)
}

/// A text that begins at a position, after edits within it.
fn applied(text: &str, start: usize, edits: &[Edit]) -> String {
    let mut new = String::with_capacity(text.len() + 8);
    let mut done = 0;
    for (range, written) in edits {
        new.push_str(text.get(done..range.start - start).unwrap_or_default());
        new.push_str(written);
        done = range.end - start;
    }
    new.push_str(text.get(done..).unwrap_or_default());
    new
}
