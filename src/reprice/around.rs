//! What stands around a number: whether it can be a price, and whether a currency stands beside it.

use super::sign::{self, BREAK, Sign};
use crate::Currency;

/// A number in a text, from its first to its last sign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub text: &'a str,
    pub start: usize,
    pub end: usize,
    /// It is written with decimals, or with dashes instead of zeros: no quantity, no identifier.
    pub has_decimals: bool,
    /// The currency that it is to be in, where known: its code is that of a currency, too.
    pub currency: Option<Currency>,
}

/// How currencies are written in letters, where these can touch the number; the codes of ISO 4217 aside.
const WORDS: [&str; 46] = [
    "kr", "Kr", "KR", "zł", "Zł", "ZŁ", "zl", "Kč", "KČ", "Kc", "Ft", "FT", "lei", "Lei", "LEI", "Rs", "R",
    "RM", "Rp", "Q", "TL", "Br", "Dh", "DH", "KD", "BD", "SR", "QR", "Bs", "kn", "din", "Lek", "Fr", "fr",
    "SFr", "euro", "Euro", "EURO", "euros", "руб", "р", "Р", "грн", "лв", "ден", "дин",
];

/// Codes of currencies that shops write.
const CODES: &str = "AED ARS AUD BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KRW \
                     KWD MAD MXN MYR NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH USD \
                     VND ZAR";

/// Units of measure; what stands before one is no price.
const MEASURES: [&str; 18] =
    ["mm", "cm", "m", "km", "mg", "g", "kg", "ml", "cl", "dl", "l", "L", "oz", "lb", "lbs", "ft", "kWh", "W"];

/// A sign of a currency, or a letter that is one by itself.
fn is_currency_sign(c: char) -> bool {
    matches!(
        c,
        '$' | '€'
            | '£'
            | '¥'
            | '¢'
            | '¤'
            | '฿'
            | '৳'
            | '؋'
            | '﷼'
            | '￥'
            | '￡'
            | '￦'
            | '￠'
            | '＄'
            | '\u{20a0}'..='\u{20cf}' | '元' | '円' | '圓' | '원' | 'đ' | 'र'
    )
}

/// A word of at most [`Word::LENGTH_MAX`] letters.
#[derive(Debug, Default)]
struct Word {
    letters: [char; Word::LENGTH_MAX],
    length: usize,
}

impl Word {
    const LENGTH_MAX: usize = 6;

    /// The word that begins (or ends) at a position, and the position of its other end.
    fn read(text: &str, mut position: usize, is_backwards: bool) -> (Self, usize) {
        let mut word = Self::default();
        loop {
            let sign = if is_backwards { sign::before(text, position) } else { sign::at(text, position) };
            let Some(sign) = sign.filter(|sign| sign.value.is_alphabetic()) else { break };
            if let Some(letter) = word.letters.get_mut(word.length) {
                *letter = sign.value;
            }
            word.length += 1;
            position = if is_backwards { position - sign.len } else { position + sign.len };
            // Longer than any currency: the rest does not matter.
            if word.length > Self::LENGTH_MAX {
                break;
            }
        }
        if is_backwards {
            word.letters.get_mut(..word.length).unwrap_or_default().reverse();
        }
        (word, position)
    }

    fn is_one_of(&self, words: &[&str]) -> bool {
        let letters = self.letters.get(..self.length).unwrap_or_default();
        words.iter().any(|word| word.chars().eq(letters.iter().copied()))
    }

    fn is_currency(&self, currency: Option<Currency>) -> bool {
        if self.is_one_of(&WORDS) {
            return true;
        }
        let is_code = |code: &[u8]| {
            let letters = self.letters.get(..self.length).unwrap_or_default();
            code.len() == letters.len()
                && code
                    .iter()
                    .zip(letters)
                    .all(|(&code, letter)| char::from(code) == letter.to_ascii_uppercase())
        };
        currency.is_some_and(|currency| is_code(&currency.bytes()))
            || (self.length == 3 && CODES.split(' ').any(|code| is_code(code.as_bytes())))
    }
}

impl Place<'_> {
    /// Whether the number can be a price: no part of a word, of an identifier, of a longer number, a date or a time,
    /// of a dimension; no percentage, no measure, nothing negative, nothing added, no threshold (`$49+`).
    pub fn is_alone(&self) -> bool {
        self.is_alone_before() && self.is_alone_after()
    }

    fn before(&self, position: usize) -> Option<Sign> {
        sign::before(self.text, position)
    }

    fn at(&self, position: usize) -> Option<Sign> {
        sign::at(self.text, position)
    }

    fn is_digit_before(&self, position: usize) -> bool {
        self.before(position).is_some_and(|sign| sign.digit().is_some())
    }

    fn is_digit_at(&self, position: usize) -> bool {
        self.at(position).is_some_and(|sign| sign.digit().is_some())
    }

    /// The first sign after spaces, and its position.
    fn after_blanks(&self, mut position: usize) -> Option<(Sign, usize)> {
        loop {
            let sign = self.at(position)?;
            if !sign.is_blank() {
                return Some((sign, position));
            }
            position += sign.len;
        }
    }

    /// The last sign before spaces, and the position of its end.
    fn before_blanks(&self, mut position: usize) -> Option<(Sign, usize)> {
        loop {
            let sign = self.before(position)?;
            if !sign.is_blank() {
                return Some((sign, position));
            }
            position -= sign.len;
        }
    }

    fn is_alone_before(&self) -> bool {
        let mut start = self.start;
        if let Some(sign) = self.before(start) {
            let before = start - sign.len;
            // ASCII only: a page without a declared encoding comes byte for byte, with a letter for each byte.
            if sign.is_hidden_letter() || sign.digit().is_some() || sign.is_percent() {
                return false;
            }
            match sign.value {
                'A'..='Z' | 'a'..='z' => {
                    let (word, from) = Word::read(self.text, start, true);
                    if !word.is_currency(self.currency) || self.is_digit_before(from) || self.ends(from, "_&")
                    {
                        return false;
                    }
                    start = from;
                }
                '_' | '#' | '№' | '+' => return false,
                '/' if !self.ends(before, "S") => return false,
                ':' | '\'' | '\u{2019}' if self.is_digit_before(before) => return false,
                '.' | ',' | '\u{66b}' | '\u{66c}' => {
                    return self.before(before).is_some_and(|sign| is_currency_sign(sign.value));
                }
                _ => {}
            }
            while let Some(sign) = self.before(start).filter(|sign| is_currency_sign(sign.value)) {
                start -= sign.len;
            }
        }
        !self.is_signed(start) && !self.is_times_before()
    }

    /// Whether the text up to a position ends with one of these.
    fn ends(&self, position: usize, signs: &str) -> bool {
        self.before(position).is_some_and(|sign| signs.contains(sign.value))
    }

    /// Whether what begins at a position has a minus or a plus. A dash after a number or a currency is that of a range.
    fn is_signed(&self, start: usize) -> bool {
        let mut position = start;
        while let Some(sign) = self.before(position).filter(|sign| sign.value == BREAK) {
            position -= sign.len;
        }
        let Some(sign) = self.before(position) else { return false };
        if sign.value == '+' {
            return true;
        }
        if !sign.is_dash() {
            return false;
        }
        match self.before(position - sign.len) {
            Some(before) if before.digit().is_some() => sign.is_minus() && !self.has_decimals,
            Some(before) => !is_currency_sign(before.value),
            None => true,
        }
    }

    /// `10 x 50`, where 50 is the number; `2 x 19.99` is a price.
    fn is_times_before(&self) -> bool {
        !self.has_decimals
            && self.before_blanks(self.start).is_some_and(|(sign, position)| {
                matches!(sign.value, 'x' | 'X' | '×' | '*')
                    && self.before_blanks(position - sign.len).is_some_and(|(sign, _)| sign.digit().is_some())
            })
    }

    fn is_alone_after(&self) -> bool {
        let Some(sign) = self.at(self.end) else { return true };
        let next = self.end + sign.len;
        if sign.is_hidden_letter() || sign.digit().is_some() {
            return false;
        }
        match sign.value {
            'A'..='Z' | 'a'..='z' => {
                let (word, to) = Word::read(self.text, self.end, false);
                if !word.is_currency(self.currency)
                    || self.is_digit_at(to)
                    || self.at(to).is_some_and(|s| s.value == '_')
                {
                    return false;
                }
            }
            '_' | '+' | '°' | '½' | '¼' | '¾' => return false,
            '.' | ',' | '\u{66b}' | '\u{66c}' | '\'' | '\u{2019}' | ':' | '/' if self.is_digit_at(next) => {
                return false;
            }
            _ if sign.is_minus() && self.is_digit_at(next) && !self.has_decimals => return false,
            _ => {}
        }
        let Some((sign, position)) = self.after_blanks(self.end) else { return true };
        let next = position + sign.len;
        if sign.is_percent() {
            return false;
        }
        // The decimals of a split price that could not be read as such.
        if position > self.end && sign.is_decimal() && self.is_digit_at(next) {
            return false;
        }
        self.has_decimals
            || !(self.is_times_at(sign, next) || self.is_measure(position) || self.is_day(sign, next))
    }

    /// `19. May`
    fn is_day(&self, sign: Sign, next: usize) -> bool {
        let is_spaced = self.at(next).is_some_and(|sign| sign.is_space());
        let is_followed = || {
            self.after_blanks(next).is_some_and(|(sign, _)| sign.value.is_alphanumeric() || sign.is_dash())
        };
        sign.value == '.' && is_spaced && is_followed() && !self.is_marked_before()
    }

    /// `10 x 50`, where 10 is the number.
    fn is_times_at(&self, sign: Sign, next: usize) -> bool {
        matches!(sign.value, 'x' | 'X' | '×' | '*')
            && self.after_blanks(next).is_some_and(|(sign, _)| sign.digit().is_some())
    }

    fn is_measure(&self, position: usize) -> bool {
        let (word, _) = Word::read(self.text, position, false);
        word.is_one_of(&MEASURES) && !self.is_marked_before()
    }

    /// Whether a currency stands beside the number, in signs or letters.
    pub fn is_marked(&self) -> bool {
        self.is_marked_before() || self.is_marked_after()
    }

    fn is_marked_before(&self) -> bool {
        self.before_blanks(self.start).is_some_and(|(sign, position)| {
            // `Rs. 19`
            let end = if sign.value == '.' { position - sign.len } else { position };
            is_currency_sign(sign.value) || Word::read(self.text, end, true).0.is_currency(self.currency)
        })
    }

    fn is_marked_after(&self) -> bool {
        self.after_blanks(self.end).is_some_and(|(sign, position)| {
            is_currency_sign(sign.value)
                || Word::read(self.text, position, false).0.is_currency(self.currency)
        })
    }

    /// Whether there is nothing else in the text node.
    pub fn is_node(&self) -> bool {
        let mut start = self.start;
        while let Some(sign) = self.before(start).filter(|sign| sign.is_blank() && sign.value != BREAK) {
            start -= sign.len;
        }
        let mut end = self.end;
        while let Some(sign) = self.at(end).filter(|sign| sign.is_blank() && sign.value != BREAK) {
            end += sign.len;
        }
        self.before(start).is_none_or(|sign| sign.value == BREAK)
            && self.at(end).is_none_or(|sign| sign.value == BREAK)
    }

    /// Whether there is nothing else in the text.
    pub fn is_all(&self) -> bool {
        self.before_blanks(self.start).is_none() && self.after_blanks(self.end).is_none()
    }
}
