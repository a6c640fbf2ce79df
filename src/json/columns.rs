//! Long lists of integers read as such: the counts of an experiment are hundreds of thousands of numbers, and as values
//! of their own each would be a piece of memory.
//!
//! What is not asked for is skipped and not checked beyond its brackets and quotes.

use super::{NAMES_MAX, Read, Reader};

/// The fields of a text that is an object, each with its value's text.
pub(crate) fn fields(text: &str) -> Read<Vec<(String, &str)>> {
    let mut reader = Reader { text, at: 0 };
    let mut fields = Vec::new();
    reader.space();
    if !reader.eat(b'{') {
        return Err("an object");
    }
    reader.space();
    if !reader.eat(b'}') {
        loop {
            reader.space();
            if reader.peek() != Some(b'"') || fields.len() == NAMES_MAX {
                return Err("a name in double quotes, at most 64 of them");
            }
            let name = reader.string()?;
            reader.space();
            if !reader.eat(b':') {
                return Err("a colon");
            }
            fields.push((name, reader.skipped(text)?));
            if reader.eat(b'}') {
                break;
            }
            if !reader.eat(b',') {
                return Err("a comma or the end of the object");
            }
        }
    }
    reader.space();
    if reader.at == text.len() { Ok(fields) } else { Err("the end of the text") }
}

/// The values of a text that is a list, each as its text.
pub(crate) fn list(text: &str) -> Read<Vec<&str>> {
    let mut values = Vec::new();
    each(text, |reader| {
        values.push(reader.skipped(text)?);
        Ok(())
    })?;
    Ok(values)
}

/// The integers of a text that is a list of them; each may stand in quotes, as those beyond 2^53 do.
pub(crate) fn integers<T: TryFrom<i128>>(text: &str) -> Read<Vec<T>> {
    let mut values = Vec::new();
    each(text, |reader| {
        let is_quoted = reader.eat(b'"');
        let is_negative = reader.eat(b'-');
        let from = reader.at;
        let mut short = 0_u64;
        while let Some(digit @ b'0'..=b'9') = reader.peek() {
            short = short.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            reader.at += 1;
        }
        let size = match reader.at - from {
            0 => return Err("an integer"),
            1..=18 => i128::from(short),
            _ => {
                text.get(from..reader.at).and_then(|digits| digits.parse().ok()).ok_or("a smaller integer")?
            }
        };
        if is_quoted && !reader.eat(b'"') {
            return Err("a closing quote");
        }
        let signed = if is_negative { -size } else { size };
        values.push(T::try_from(signed).map_err(|_| "an integer that is smaller, or not negative")?);
        Ok(())
    })?;
    Ok(values)
}

/// Reads the values of a list one by one.
fn each<'a>(text: &'a str, mut value: impl FnMut(&mut Reader<'a>) -> Read<()>) -> Read<()> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    if !reader.eat(b'[') {
        return Err("a list");
    }
    reader.space();
    if !reader.eat(b']') {
        loop {
            reader.space();
            value(&mut reader)?;
            reader.space();
            if reader.eat(b']') {
                break;
            }
            if !reader.eat(b',') {
                return Err("a comma or the end of the list");
            }
        }
    }
    reader.space();
    if reader.at == text.len() { Ok(()) } else { Err("the end of the list") }
}

impl Reader<'_> {
    /// The text of the next value, by its brackets and quotes alone.
    fn skipped<'a>(&mut self, text: &'a str) -> Read<&'a str> {
        self.space();
        let (from, mut depth) = (self.at, 0_u32);
        loop {
            match self.peek() {
                None => return Err("the end of a value"),
                Some(b',' | b'}' | b']') if depth == 0 => break,
                Some(b'"') => self.skip_string()?,
                Some(byte) => {
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    self.at += 1;
                }
            }
        }
        // Both ends stand beside an ASCII character, so they are ends of characters.
        text.get(from..self.at).map(str::trim_ascii).filter(|value| !value.is_empty()).ok_or("a value")
    }

    fn skip_string(&mut self) -> Read<()> {
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err("a closing quote"),
                Some(b'\\') => self.at += 2,
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Json, parse};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_of_integers_are_read_and_what_is_none_is_refused() {
        assert_eq!(
            integers::<i64>(" [1, -2 ,\"9007199254740993\"] "),
            Ok(vec![1, -2, 9_007_199_254_740_993])
        );
        assert_eq!(integers::<i128>("[\"170141183460469231731687303715884105727\"]"), Ok(vec![i128::MAX]));
        assert_eq!(integers::<u32>("[]"), Ok(vec![]));
        for text in ["", "[1", "[1,]", "[1.5]", "[1e3]", "[-]", "[\"1]", "[4294967296]", "[-1]", "[1]2", "{}"]
        {
            assert!(integers::<u32>(text).is_err(), "{text}");
        }
        assert!(integers::<i128>(&format!("[{}]", "9".repeat(40))).is_err());
    }

    proptest! {
        #[test]
        fn fields_and_lists_are_those_of_the_other_reader(numbers in prop::collection::vec(any::<i64>(), 0..20), text in "\\PC{0,12}") {
            let value = Json::object([
                ("a", Some(Json::List(numbers.iter().map(|&n| Json::integer(n)).collect()))),
                ("b", Some(Json::text(text))),
                ("c", Some(Json::Object(vec![("d".into(), Json::List(vec![Json::Null, Json::Bool(true)]))]))),
            ]);
            let written = value.write();
            let found = fields(&written).unwrap();
            prop_assert_eq!(integers::<i64>(found[0].1).unwrap(), numbers);
            let again = found.iter().map(|(name, text)| (name.clone(), parse(text).unwrap())).collect();
            prop_assert_eq!(Json::Object(again), value);
        }

        #[test]
        fn any_text_is_read_or_refused(text in prop_oneof!["\\PC{0,40}", "[\\[\\]{}\",:\\\\0-9é ]{0,40}"]) {
            let _ = (fields(&text), list(&text), integers::<i64>(&text));
        }
    }
}
