//! Prices as shops write them: the reader agrees with what people read in them, and repricing keeps their style.
//!
//! The strings lie outside of the repository, in `price_strings.json` of the folder that the environment variable
//! `HAGGLE_PAGES` names; without it only our own strings of the same shapes are read.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use haggle::Currency;
use haggle::reprice::{Reading, read_price, reprice};
use serde_json::Value;

/// Strings of our own: text, amount as a decimal number.
const OWN: [(&str, &str); 34] = [
    ("$ 1,119,999", "1119999"),
    ("$.640.30", "640.3"),
    ("1 040 р.", "1040"),
    ("2\u{a0}298,00", "2298"),
    ("215,00 € *", "215"),
    ("388 177.00 руб 410 196.16 руб", "388177"),
    ("Price: $14.95/mo", "14.95"),
    ("Rp 21.500", "21500"),
    ("฿ 4.4900", "4.49"),
    ("$ 291.40 $ 275.70", "291.4"),
    ("$ SGD5.90", "5.9"),
    ("40,- Kč", "40"),
    ("P.V.P. 3,56 €", "3.56"),
    ("RM60", "60"),
    ("Rs 2,600.00", "2600"),
    ("€ 20.00 € 7.00 – € 20.00", "20"),
    ("$ 7. 94", "7.94"),
    ("- $34.99", "34.99"),
    ("2 S/.", "2"),
    ("2.800.000₫", "2800000"),
    ("2.899,-", "2899"),
    ("205. –", "205"),
    ("140, 38 zł", "140.38"),
    ("42جن", "42"),
    ("US$:22.99", "22.99"),
    ("13,000원", "13000"),
    ("₤2700.", "2700"),
    ("€2'049,95", "2049.95"),
    ("35.992001", "35.992001"),
    ("60 - $3.00 100 - $2.75", "3"),
    ("R7,499", "7499"),
    ("21000.00元/台", "21000"),
    ("639. 99 undefined 639.99 inkl. MwSt.", "639.99"),
    ("2 د.إ", "2"),
];

/// `19.5` as 195 and one decimal, without zeros at the end.
fn decimal(text: &str) -> (i64, u32) {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let decimals = decimals.trim_end_matches('0');
    (format!("{whole}{decimals}").parse().unwrap(), decimals.len() as u32)
}

fn agrees(reading: Reading, amount: &str) -> bool {
    let (amount, decimals) = decimal(amount);
    let scale = |by: u32| 10i64.pow(by);
    reading.amount * scale(decimals) == amount * scale(reading.decimals)
}

/// Other amounts with as many digits as this one.
fn of_equal_length(amount: i64) -> Vec<i64> {
    let first = if amount < 10 { 0 } else { 10i64.pow(amount.ilog10()) };
    let span = if first == 0 { 10 } else { first * 9 };
    (1..60).map(|i| first + (amount - first + i * 7_919 * (1 + span / 100_003)) % span).collect()
}

/// Reprices a string there and back for amounts of equal lengths, and tries other lengths; `false` where its amount is
/// not one of whole minor units.
fn assert_reprices(text: &str, reading: Reading) -> bool {
    // A currency in which the amount is a whole number of minor units.
    let currency: Currency = if reading.decimals == 3 { "OMR" } else { "EUR" }.parse().unwrap();
    let digits = currency.minor_digits();
    let (shown, cut) = (
        10i64.pow(digits.saturating_sub(reading.decimals)),
        10i64.pow(reading.decimals.saturating_sub(digits)),
    );
    if reading.amount % cut != 0 {
        assert!(reprice(text, reading.amount / cut * shown, 1, currency).is_err(), "{text}");
        return false;
    }
    let to_minor = |amount: i64| amount / cut * shown;
    let from = to_minor(reading.amount);
    for to in of_equal_length(reading.amount / cut).into_iter().map(|amount| amount * shown) {
        let there =
            reprice(text, from, to, currency).unwrap_or_else(|error| panic!("{text} to {to}: {error}"));
        // A number that stands in the text as well cannot be told from the new price.
        if reprice(text, to, to, currency).is_ok() {
            continue;
        }
        assert_eq!(reprice(&there, to, from, currency).as_deref(), Ok(text), "{there} back from {to}");
    }
    for to in [0, 7, 99, 1_250, 9_900, 129_900, 123_456_789] {
        if let Ok(there) = reprice(text, from, to, currency) {
            let kept = |text: &str| -> String {
                text.chars().filter(|c| c.is_alphabetic() || "$€£₫฿".contains(*c)).collect()
            };
            assert_eq!(kept(&there), kept(text), "words and signs stay");
            assert_eq!(
                reprice(&there, to, to, currency).as_deref(),
                Ok(there.as_str()),
                "{text} to {to} is read again"
            );
        }
    }
    true
}

#[test]
fn strings_of_our_own_are_read_and_repriced() {
    let mut repriced = 0;
    for (text, amount) in OWN {
        let reading = read_price(text).unwrap_or_else(|| panic!("{text}"));
        assert!(agrees(reading, amount), "{text}: {reading:?}");
        repriced += usize::from(assert_reprices(text, reading));
    }
    assert_eq!(repriced, OWN.len() - 1, "all but 35.992001");
}

#[test]
fn the_strings_of_real_shops_are_read_as_people_read_them_and_repriced() {
    let Some(folder) = std::env::var("HAGGLE_PAGES").ok().filter(|folder| !folder.is_empty()) else {
        return eprintln!("skipped: HAGGLE_PAGES names no folder with price_strings.json");
    };
    let json = std::fs::read_to_string(format!("{folder}/price_strings.json")).unwrap();
    let strings: Value = serde_json::from_str(&json).unwrap();
    let strings = strings.as_array().unwrap();
    let mut misread = Vec::new();
    let (mut parsed, mut repriced) = (0, 0);
    for string in strings {
        let text = string["text"].as_str().unwrap();
        let reading = read_price(text);
        let is_right = match (reading, string["amount"].as_str()) {
            (Some(reading), Some(amount)) => agrees(reading, amount),
            (reading, amount) => reading.is_none() && amount.is_none(),
        };
        if !is_right {
            misread.push(text);
        }
        if let Some(reading) = reading {
            parsed += 1;
            repriced += usize::from(assert_reprices(text, reading));
        }
    }
    let right = strings.len() - misread.len();
    println!("{right} of {} strings are read as people read them, all but {misread:?}", strings.len());
    println!("{repriced} of {parsed} strings with a price are repriced there and back");
    assert!(right * 100 >= strings.len() * 97, "{misread:?}");
    assert!(parsed - repriced <= 1, "only 34.992001 is no whole number of minor units");
}
