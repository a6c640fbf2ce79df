//! JSON values as the fields that a reader expects: each error names the field by its path, what was given and what
//! is allowed.

use std::ops::RangeInclusive;

use super::Json;
use crate::Error;

/// Most digits after the point of a number with a fraction; it has at most 19 that count.
const PLACES_MAX: i32 = 27;

/// A value with its place in the document: `arms[1].price_minor`. It may be missing.
#[derive(Clone)]
pub(crate) struct Value {
    path: String,
    json: Option<Json>,
}

impl Value {
    /// A value that stands under this path.
    pub(crate) fn new(path: impl Into<String>, json: Json) -> Self {
        Self { path: path.into(), json: Some(json) }
    }

    /// Its place in the document.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// What was given, as it is shown in an error.
    fn given(&self) -> String {
        match &self.json {
            None => "missing".into(),
            Some(Json::Null) => "null".into(),
            Some(Json::Bool(value)) => value.to_string(),
            Some(Json::Number(text)) => text.clone(),
            Some(Json::Text(text)) => format!("{text:?}"),
            Some(Json::List(_)) => "a list".into(),
            Some(Json::Object(_)) => "an object".into(),
        }
    }

    /// The error that this value is not what is allowed.
    pub(crate) fn refusal(&self, allowed: impl std::fmt::Display) -> Error {
        Error::value(&self.path, self.given(), allowed)
    }

    /// Nothing where it is missing.
    pub(crate) fn if_given(self) -> Option<Self> {
        self.json.is_some().then_some(self)
    }

    /// Nothing where it is missing or `null`.
    pub(crate) fn if_any(self) -> Option<Self> {
        self.if_given().filter(|value| value.json != Some(Json::Null))
    }

    /// What was given as it is, to be read later; nothing where it is missing.
    pub(crate) fn into_json(self) -> Option<Json> {
        self.json
    }

    /// A text.
    pub(crate) fn text(self) -> Result<String, Error> {
        match self.json {
            Some(Json::Text(text)) => Ok(text),
            _ => Err(self.refusal("a text")),
        }
    }

    /// A text, or the text of a number or a truth value.
    pub(crate) fn plain(self) -> Result<String, Error> {
        match self.json {
            Some(Json::Text(text) | Json::Number(text)) => Ok(text),
            Some(Json::Bool(value)) => Ok(value.to_string()),
            _ => Err(self.refusal("a text, a number, true or false")),
        }
    }

    /// Yes or no.
    pub(crate) fn truth(&self) -> Result<bool, Error> {
        match self.json {
            Some(Json::Bool(value)) => Ok(value),
            _ => Err(self.refusal("true or false")),
        }
    }

    /// An integer, written without point and exponent.
    pub(crate) fn integer(&self) -> Result<i64, Error> {
        match &self.json {
            Some(Json::Number(text)) => text
                .parse()
                .map_err(|_| self.refusal("an integer of at most 64 bits, without point and exponent")),
            _ => Err(self.refusal("an integer")),
        }
    }

    /// An integer in a range.
    pub(crate) fn integer_in(&self, range: RangeInclusive<i64>) -> Result<i64, Error> {
        let value = self.integer()?;
        if range.contains(&value) {
            return Ok(value);
        }
        Err(self.refusal(format!("{} to {}", range.start(), range.end())))
    }

    /// An integer of a type that is not negative.
    pub(crate) fn count<T: TryFrom<i64>>(&self) -> Result<T, Error> {
        self.integer()?
            .try_into()
            .map_err(|_| self.refusal("an integer that is not negative, nor that large"))
    }

    /// The number next to what is written, exactly as every other reader has it.
    pub(crate) fn fraction(&self) -> Result<f64, Error> {
        match &self.json {
            Some(Json::Number(text)) => {
                let allowed = "a number of at most 19 digits, at most 27 places after the point";
                fraction(text).ok_or_else(|| self.refusal(allowed))
            }
            _ => Err(self.refusal("a number")),
        }
    }

    /// A number in a range.
    pub(crate) fn fraction_in(&self, range: RangeInclusive<f64>, allowed: &str) -> Result<f64, Error> {
        let value = self.fraction()?;
        if range.contains(&value) { Ok(value) } else { Err(self.refusal(allowed)) }
    }

    /// One of some choices, by its name.
    pub(crate) fn one_of<T: Copy>(&self, all: &[T], name: fn(T) -> &'static str) -> Result<T, Error> {
        let known = |text: &String| all.iter().copied().find(|&choice| name(choice) == text);
        let choice = match &self.json {
            Some(Json::Text(text)) => known(text),
            _ => None,
        };
        choice.ok_or_else(|| {
            let names: Vec<&str> = all.iter().copied().map(name).collect();
            self.refusal(format!("one of {}", names.join(", ")))
        })
    }

    /// The values of a list.
    pub(crate) fn list(self) -> Result<Vec<Value>, Error> {
        match self.json {
            Some(Json::List(values)) => {
                let path = |i| format!("{}[{i}]", self.path);
                Ok(values.into_iter().enumerate().map(|(i, json)| Self::new(path(i), json)).collect())
            }
            _ => Err(self.refusal("a list")),
        }
    }

    /// The fields of an object, which may have these names only.
    pub(crate) fn fields(self, known: &[&str]) -> Result<Fields, Error> {
        self.any_fields()?.only(known)
    }

    /// The fields of an object, whatever their names.
    pub(crate) fn any_fields(self) -> Result<Fields, Error> {
        match self.json {
            Some(Json::Object(fields)) => Ok(Fields { path: self.path, fields }),
            _ => Err(self.refusal("an object")),
        }
    }
}

/// Fields of an object, taken one by one.
pub(crate) struct Fields {
    path: String,
    fields: Vec<(String, Json)>,
}

impl Fields {
    /// The fields of a text that is an object in JSON with these names only; `what` it is goes into errors.
    pub(crate) fn parse(what: &'static str, text: &str, known: &[&str]) -> Result<Self, Error> {
        let json = super::parse(text).map_err(|why| Error::syntax(what, why))?;
        Self::of(what, json, known)
    }

    /// The fields of a whole document.
    pub(crate) fn of(what: &'static str, json: Json, known: &[&str]) -> Result<Self, Error> {
        let value = Value::new("", json);
        if matches!(value.json, Some(Json::Object(_))) {
            value.fields(known)
        } else {
            Err(Error::syntax(what, format!("it is {}; it must be an object", value.given())))
        }
    }

    /// The same fields, if those that were not taken yet have these names only.
    pub(crate) fn only(self, known: &[&str]) -> Result<Self, Error> {
        for (name, _) in &self.fields {
            if !known.contains(&name.as_str()) {
                let what = format!("field {}", self.path(name));
                return Err(Error::value(what, "not known", format!("one of {}", known.join(", "))));
            }
        }
        Ok(self)
    }

    /// A field, which may be missing.
    pub(crate) fn take(&mut self, name: &str) -> Value {
        let place = self.fields.iter().position(|(other, _)| other == name);
        Value { path: self.path(name), json: place.map(|place| self.fields.swap_remove(place).1) }
    }

    /// All fields that were not taken yet, with their names.
    pub(crate) fn rest(self) -> Vec<(String, Value)> {
        let paths: Vec<String> = self.fields.iter().map(|(name, _)| self.path(name)).collect();
        let fields = self.fields.into_iter().zip(paths);
        fields.map(|((name, json), path)| (name, Value::new(path, json))).collect()
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path) }
    }
}

/// The double next to a number in JSON's form; nothing for more digits than [`Value::fraction`] allows.
///
/// As the text is at most 2^64 times or over a power of ten, integers decide the rounding: no table, and every
/// double that another program has written with its up to 17 digits comes back as it was.
pub(super) fn fraction(text: &str) -> Option<f64> {
    let (decimal, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (mut digits, mut zeros, mut places) = (0u64, 0i32, None);
    for byte in decimal.strip_prefix('-').unwrap_or(decimal).bytes() {
        match byte {
            b'.' => places = Some(0),
            b'0' => zeros += 1,
            b'1'..=b'9' => {
                for _ in 0..=zeros {
                    digits = digits.checked_mul(10)?;
                }
                digits = digits.checked_add(u64::from(byte - b'0'))?;
                zeros = 0;
            }
            _ => return None,
        }
        if byte != b'.' {
            places = places.map(|places: i32| places + 1);
        }
    }
    // The number is `digits` times ten to this power.
    let power = exponent.parse::<i32>().ok()?.checked_sub(places.unwrap_or(0))?.checked_add(zeros)?;
    let size = match power {
        _ if digits == 0 => 0.0,
        0..=19 => digits.checked_mul(10u64.checked_pow(power.unsigned_abs())?)? as f64,
        _ if (-PLACES_MAX..0).contains(&power) => over_ten(digits, power.unsigned_abs()),
        _ => return None,
    };
    Some(if text.starts_with('-') { -size } else { size })
}

/// The double next to `digits` over 10^`places`, by long division in base two. `places` is at most 27.
fn over_ten(digits: u64, places: u32) -> f64 {
    // Below 2^90, and a power of two more than the digits where it is less than them: it never overflows.
    let mut divisor = (0..places).fold(1u128, |power, _| power * 10);
    let mut rest = u128::from(digits);
    let mut exponent = 0i32;
    while divisor <= rest {
        divisor <<= 1;
        exponent += 1;
    }
    let mut quotient = 0u64;
    while quotient < 1 << 62 {
        rest <<= 1;
        quotient <<= 1;
        exponent -= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
    }
    // 63 bits, the last of which also says whether anything is left: the conversion rounds to 53 as if it had all.
    let rounded = (quotient | u64::from(rest != 0)) as f64;
    // An exponent of -152 to 64 is a power of two with a plain double, and so the product is exact.
    rounded * f64::from_bits(u64::from((1023 + exponent).unsigned_abs()) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Value {
        Value::new("x", crate::json::parse(text).unwrap())
    }

    #[test]
    fn each_wrong_value_is_named_with_what_was_given_and_what_is_allowed() {
        let text = |error: Error| error.to_string();
        assert_eq!(
            text(read("1.5").integer().unwrap_err()),
            "x is 1.5; it must be an integer of at most 64 bits, without point and exponent"
        );
        assert_eq!(text(read("\"19\"").integer().unwrap_err()), "x is \"19\"; it must be an integer");
        assert!(read("9223372036854775808").integer().is_err());
        assert_eq!(read("-9223372036854775808").integer().unwrap(), i64::MIN);
        assert!(
            text(read("-1").count::<u64>().unwrap_err())
                .contains("x is -1; it must be an integer that is not")
        );
        assert!(read("4294967296").count::<u32>().is_err());
        assert_eq!(text(read("true").text().unwrap_err()), "x is true; it must be a text");
        assert_eq!(text(read("{}").list().err().unwrap()), "x is an object; it must be a list");
        assert_eq!(text(read("[]").any_fields().err().unwrap()), "x is a list; it must be an object");
        assert_eq!(text(read("null").fraction().unwrap_err()), "x is null; it must be a number");
        let most = read("0.500").fraction_in(0.0..=0.4, "at most 0.4");
        assert_eq!(text(most.unwrap_err()), "x is 0.500; it must be at most 0.4");
        assert_eq!(
            text(read("\"c\"").one_of(&["a", "b"], |name| name).unwrap_err()),
            "x is \"c\"; it must be one of a, b"
        );
    }

    #[test]
    fn fields_are_known_and_named_by_their_path() {
        let mut fields =
            Fields::parse("a thing in JSON", r#"{"a": [{"b": 1}], "c": null}"#, &["a", "c", "d"]).unwrap();
        let list = fields.take("a").list().unwrap();
        let inner = list.into_iter().next().unwrap();
        assert_eq!(
            inner.fields(&["x", "y"]).err().unwrap().to_string(),
            "field a[0].b is not known; it must be one of x, y"
        );
        assert_eq!(fields.take("d").text().unwrap_err().to_string(), "d is missing; it must be a text");
        assert!(fields.take("c").if_any().is_none() && fields.take("d").if_given().is_none());
        let error = |text| Fields::parse("a thing in JSON", text, &[]).err().unwrap().to_string();
        assert_eq!(error("[]"), "not a thing in JSON: it is a list; it must be an object");
        assert_eq!(error("["), "not a thing in JSON: expected a value at line 1 column 2");
    }

    #[test]
    fn numbers_at_the_bounds_are_exact_or_refused() {
        for text in [
            "0",
            "-0.0",
            "0e99",
            "0.1",
            "1e19",
            "18446744073709551615",
            "1844674407370955161.5",
            "9007199254740993",
            "9007199254740992.5",
            "0.3333333333333333",
            "0.14285714285714285",
            "1e-27",
            "18446744073709551615e-27",
            "0.000000000000000000000000001",
            "1.0000000000000000000000000000000",
            "100000000000000000000e-3",
            "5e-1",
            "123456789012345678.9e1",
        ] {
            let (ours, std) = (fraction(text).unwrap(), text.parse::<f64>().unwrap());
            assert_eq!(ours.to_bits(), std.to_bits(), "{text}");
        }
        for text in [
            "1e20",
            "18446744073709551616",
            "1e-28",
            "0.12345678901234567890123",
            "1e99999999999",
            "inf",
            "NaN",
        ] {
            assert_eq!(fraction(text), None, "{text}");
        }
        let error = read("1e-30").fraction().unwrap_err().to_string();
        assert!(
            error.contains("1e-30; it must be a number of at most 19 digits, at most 27 places"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn a_decimal_is_the_double_next_to_it(text in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,10})?(e-?[0-7])?") {
            prop_assert_eq!(fraction(&text).unwrap().to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
        }

        #[test]
        fn a_quotient_is_the_double_next_to_it(digits in any::<u64>(), shift in 0u32..64, places in 0i32..=27) {
            let text = format!("{}e-{places}", digits >> shift);
            prop_assert_eq!(fraction(&text).unwrap().to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
        }

        /// Halfway between two doubles, where the last digit decides.
        #[test]
        fn ties_go_to_even(mantissa in 1u64 << 52..1 << 53, bits in 1u32..7) {
            let half = 5u64.pow(bits) as u128 * u128::from(2 * mantissa + 1);
            let text = format!("{half}e-{bits}");
            if let Some(ours) = fraction(&text) {
                prop_assert_eq!(ours.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
            }
        }

        #[test]
        fn a_double_that_was_written_comes_back(value in 1e-9..1e15f64) {
            prop_assert_eq!(fraction(&format!("{value:?}")).unwrap().to_bits(), value.to_bits());
        }
    }
}
