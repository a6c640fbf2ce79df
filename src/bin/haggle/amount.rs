//! Amounts of money as people type them: digits, a point, and no more decimals than the currency has.

use haggle::Currency;

use crate::table::Unit;

/// Highest price, in minor units: what an experiment allows.
const PRICE_MAX: i64 = 1_000_000_000;

/// Reads a price in major units, such as `17.50`, into minor units; else what it must be.
pub fn price_minor(text: &str, currency: Currency) -> Result<i64, String> {
    let minor = amount_minor(text, currency)?;
    if (1..=PRICE_MAX).contains(&minor) {
        return Ok(minor);
    }
    let most = Unit::price(Some(currency), PRICE_MAX);
    Err(format!("{text} is no price; it must be above 0 and at most {most}"))
}

/// Reads an amount in major units into minor units; else what it must be.
pub fn amount_minor(text: &str, currency: Currency) -> Result<i64, String> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = currency.minor_digits() as usize;
    let is_amount = !whole.is_empty() && decimals.len() <= digits;
    let is_amount = is_amount && format!("{whole}{decimals}").bytes().all(|byte| byte.is_ascii_digit());
    let minor = is_amount.then(|| format!("{whole}{decimals:0<digits$}").parse().ok()).flatten();
    minor.ok_or_else(|| {
        let sign = if digits == 0 {
            "digits only".into()
        } else {
            format!("digits, a point and at most {digits} decimals")
        };
        format!("{text} is not an amount in {currency}; it must be {sign}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        let of = |text, code: &str| price_minor(text, code.parse().unwrap());
        assert_eq!(of("17.50", "EUR"), Ok(1750));
        assert_eq!(of("17.5", "EUR"), Ok(1750));
        assert_eq!(of("1299", "JPY"), Ok(1299));
        for (text, code) in [
            ("17.505", "EUR"),
            ("12.99", "JPY"),
            ("0", "EUR"),
            ("17,50", "EUR"),
            ("", "EUR"),
            (".5", "EUR"),
            ("-1", "EUR"),
            ("99999999999999999999", "EUR"),
        ] {
            assert!(of(text, code).is_err(), "{text} {code}");
        }
    }
}
