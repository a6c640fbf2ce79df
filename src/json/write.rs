//! Writing JSON, of integers alone: the standard library's way of writing a double would bring its tables into the
//! Worker.

use super::Json;
use super::value::fraction;

/// Most places after the point that the reader takes.
const PLACES_MAX: u32 = 27;

impl Json {
    /// An object with these fields, in this order; a field without a value is left out.
    pub(crate) fn object<const N: usize>(fields: [(&str, Option<Json>); N]) -> Self {
        let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Self::Object(given.collect())
    }

    /// A text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A whole number.
    pub(crate) fn integer(value: impl Into<i64>) -> Self {
        Self::Number(value.into().to_string())
    }

    /// A number that is read back as it is, with as few digits as that takes; a double as the reader gives them, from
    /// 27 places after the point to 18 digits before it.
    pub(crate) fn number(value: f64) -> Self {
        Self::Number(digits(value))
    }

    /// A list of texts.
    pub(crate) fn texts(texts: &[String]) -> Self {
        Self::List(texts.iter().map(Self::text).collect())
    }

    /// The value as text, without spaces.
    pub(crate) fn write(&self) -> String {
        let mut text = String::new();
        self.write_to(&mut text);
        text
    }

    fn write_to(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => text.push_str(number),
            Self::Text(value) => write_text(value, text),
            Self::List(values) => {
                for (i, value) in values.iter().enumerate() {
                    text.push(if i == 0 { '[' } else { ',' });
                    value.write_to(text);
                }
                text.push_str(if values.is_empty() { "[]" } else { "]" });
            }
            Self::Object(fields) => {
                for (i, (name, value)) in fields.iter().enumerate() {
                    text.push(if i == 0 { '{' } else { ',' });
                    write_text(name, text);
                    text.push(':');
                    value.write_to(text);
                }
                text.push_str(if fields.is_empty() { "{}" } else { "}" });
            }
        }
    }
}

/// A text with its quotes and escapes (RFC 8259, section 7).
fn write_text(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            '\0'..='\x1f' => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => text.push(character),
        }
    }
    text.push('"');
}

/// The shortest decimal that is read as this double.
fn digits(value: f64) -> String {
    let (sign, size) = (if value.is_sign_negative() { "-" } else { "" }, value.abs());
    let mut written = String::new();
    for places in 0..=PLACES_MAX {
        written = decimal(scaled(size, places), places);
        if fraction(&written) == Some(size) {
            break;
        }
    }
    format!("{sign}{written}")
}

/// `size` times ten to the power of `places`, to the nearest integer.
fn scaled(size: f64, places: u32) -> u128 {
    let bits = size.to_bits();
    let (mantissa, exponent) = ((bits & ((1 << 52) - 1)) | 1 << 52, (bits >> 52) as i32 - 1075);
    // 10^places = 5^places 2^places, and 5^27 has 63 bits: this has 116 at most.
    let product = (0..places).fold(u128::from(mantissa), |product, _| product * 5);
    let shift = exponent + places as i32;
    match shift.unsigned_abs() {
        _ if size == 0.0 => 0,
        up @ 0..12 if shift >= 0 => product << up,
        _ if shift >= 0 => u128::MAX,
        down @ 0..127 => (product >> (down - 1)).wrapping_add(1) >> 1,
        _ => 0,
    }
}

/// `digits` over ten to the power of `places`.
fn decimal(digits: u128, places: u32) -> String {
    let digits = digits.to_string();
    let places = places as usize;
    if places == 0 {
        return digits;
    }
    let padded = format!("{digits:0>least$}", least = places + 1);
    let (whole, part) = padded.split_at_checked(padded.len() - places).unwrap_or(("0", "0"));
    format!("{whole}.{part}")
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_as_short_as_can_be() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (0.02, "0.02"),
            (1e-6, "0.000001"),
            (1e9, "1000000000"),
            (1e17, "100000000000000000"),
            (1.0 / 3.0, "0.3333333333333333"),
            (1e-27, "0.000000000000000000000000001"),
            (123_456.789, "123456.789"),
        ] {
            assert_eq!(digits(value), text);
        }
    }

    #[test]
    fn a_text_is_escaped_where_it_must_be() {
        assert_eq!(Json::text("a\"\\\n\t\r\u{1}é😀").write(), r#""a\"\\\n\t\r\u0001é😀""#);
        let value =
            Json::object([("a", Some(Json::List(vec![]))), ("b", None), ("c", Some(Json::Object(vec![])))]);
        assert_eq!(value.write(), r#"{"a":[],"c":{}}"#);
    }

    proptest! {
        #[test]
        fn a_number_that_was_read_comes_back(whole in any::<u64>(), shift in 0u32..64, places in 0u32..=27) {
            let text = format!("{}e-{places}", whole >> shift);
            if let Some(value) = fraction(&text).filter(|&value| value < 1e18) {
                prop_assert_eq!(fraction(&digits(value)), Some(value), "{} {}", text, digits(value));
            }
        }

        #[test]
        fn a_short_number_keeps_its_text(text in "(0|[1-9][0-9]{0,7})(\\.[0-9]{0,6}[1-9])?") {
            prop_assert_eq!(digits(fraction(&text).unwrap()), text);
        }

        #[test]
        fn what_is_written_is_read_the_same(text in "\\PC{0,20}", other in ".{0,20}", number in -1e9..1e9f64) {
            let value = Json::object([
                ("text", Some(Json::text(text))), ("number", Some(Json::number(number))),
                ("list", Some(Json::List(vec![Json::Null, Json::Bool(true), Json::text(other)]))),
            ]);
            prop_assert_eq!(parse(&value.write()).unwrap(), value.clone());
            prop_assert!(serde_json::from_str::<serde_json::Value>(&value.write()).is_ok());
        }
    }
}
