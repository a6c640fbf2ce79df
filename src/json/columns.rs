//! Long lists of integers read as such: the counts of an experiment are hundreds of thousands of numbers, and as values
//! of their own each would be a piece of memory.
//!
//! What is not asked for is skipped and not checked beyond its brackets and quotes.

use super::{NAMES_MAX, Read, Reader};
use crate::Error;

/// A text that is read from its beginning to its end, once.
pub(crate) struct Columns<'a> {
    reader: Reader<'a>,
    /// What it is, as errors say it.
    what: &'static str,
}

impl<'a> Columns<'a> {
    /// The text of something.
    pub(crate) fn new(what: &'static str, text: &'a str) -> Self {
        Self { reader: Reader { text, at: 0 }, what }
    }

    /// Hands each field of the object that comes next to `read`, which must read its value.
    pub(crate) fn fields(
        &mut self,
        mut read: impl FnMut(&mut Self, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut count = 0;
        self.each((b'{', b'}'), "an object", &mut |columns| {
            count += 1;
            if columns.reader.peek() != Some(b'"') || count > NAMES_MAX {
                return Err(columns.fault("a name in double quotes, at most 64 of them"));
            }
            let name = columns.reader.string().map_err(|expected| columns.fault(expected))?;
            columns.reader.space();
            if !columns.reader.eat(b':') {
                return Err(columns.fault("a colon"));
            }
            read(columns, &name)
        })
    }

    /// Hands each value of the list that comes next to `read`, which must read it.
    pub(crate) fn list(&mut self, mut read: impl FnMut(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        self.each((b'[', b']'), "a list", &mut read)
    }

    /// The integers of the list that comes next; each may stand in quotes, as those beyond 2^53 do.
    pub(crate) fn integers<T: TryFrom<i64> + TryFrom<i128>>(&mut self) -> Result<Vec<T>, Error> {
        let mut values = Vec::new();
        self.reader.space();
        let (bytes, mut at) = (self.reader.text.as_bytes(), self.reader.at);
        // One loop over bytes: nearly all of the evidence is read here.
        let read = 'list: {
            if bytes.get(at) != Some(&b'[') {
                break 'list Err("a list");
            }
            at += 1;
            let mut is_after_value = false;
            loop {
                match bytes.get(at) {
                    Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
                    Some(b',') if is_after_value => (at, is_after_value) = (at + 1, false),
                    Some(b']') if is_after_value || values.is_empty() => break Ok(at + 1),
                    _ if is_after_value => break Err("a comma or the end of the list"),
                    _ => match whole(bytes, at) {
                        Err(expected) => break Err(expected),
                        Ok((value, end)) => {
                            values.push(value);
                            (at, is_after_value) = (end, true);
                        }
                    },
                }
            }
        };
        self.reader.at = *read.as_ref().unwrap_or(&at);
        read.map(|_| values).map_err(|expected| self.fault(expected))
    }

    /// The text of the value that comes next, by its brackets and quotes alone.
    pub(crate) fn raw(&mut self) -> Result<&'a str, Error> {
        let text = self.reader.text;
        self.reader.space();
        let from = self.reader.at;
        self.reader.skip().map_err(|expected| self.fault(expected))?;
        // Both ends stand beside an ASCII character, so they are ends of characters.
        let value = text.get(from..self.reader.at).map(str::trim_ascii).filter(|value| !value.is_empty());
        value.ok_or_else(|| self.fault("a value"))
    }

    /// Refuses what comes after the end.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        self.reader.space();
        if self.reader.at == self.reader.text.len() { Ok(()) } else { Err(self.fault("the end of the text")) }
    }

    fn each(
        &mut self,
        (open, close): (u8, u8),
        what: &str,
        read: &mut dyn FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.reader.space();
        if !self.reader.eat(open) {
            return Err(self.fault(what));
        }
        self.reader.space();
        if self.reader.eat(close) {
            return Ok(());
        }
        loop {
            self.reader.space();
            read(self)?;
            self.reader.space();
            if self.reader.eat(close) {
                return Ok(());
            }
            if !self.reader.eat(b',') {
                return Err(self.fault("a comma or the end of a list or an object"));
            }
        }
    }

    /// The error that something else stands here.
    pub(crate) fn fault(&self, expected: &str) -> Error {
        Error::syntax(self.what, format!("expected {expected} at byte {}", self.reader.at))
    }
}

/// An integer, in quotes or not, and where it ends.
fn whole<T: TryFrom<i64> + TryFrom<i128>>(bytes: &[u8], from: usize) -> Read<(T, usize)> {
    const WRONG: &str = "an integer that is smaller, or not negative,";
    let mut at = from;
    let is_quoted = bytes.get(at) == Some(&b'"');
    at += usize::from(is_quoted);
    let is_negative = bytes.get(at) == Some(&b'-');
    at += usize::from(is_negative);
    let first = at;
    let mut short = 0_i64;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        short = short.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        at += 1;
    }
    let value = match at - first {
        0 => return Err("an integer"),
        1..=18 => T::try_from(if is_negative { -short } else { short }).ok(),
        _ => {
            let digits = bytes.get(first..at).and_then(|digits| std::str::from_utf8(digits).ok());
            let size: Option<i128> = digits.and_then(|digits| digits.parse().ok());
            size.and_then(|size| T::try_from(if is_negative { -size } else { size }).ok())
        }
    };
    if is_quoted && bytes.get(at) != Some(&b'"') {
        return Err("a closing quote");
    }
    Ok((value.ok_or(WRONG)?, at + usize::from(is_quoted)))
}

impl Reader<'_> {
    /// Goes behind the next value, up to what closes or separates it.
    fn skip(&mut self) -> Read<()> {
        let mut depth = 0_u32;
        loop {
            match self.peek() {
                None if depth == 0 => return Ok(()),
                None => return Err("the end of a value"),
                Some(b',' | b'}' | b']') if depth == 0 => return Ok(()),
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

    fn integers<T: TryFrom<i64> + TryFrom<i128>>(text: &str) -> Result<Vec<T>, Error> {
        let mut columns = Columns::new("counts", text);
        let read = columns.integers()?;
        columns.end().map(|()| read)
    }

    fn fields(text: &str) -> Result<Vec<(String, &str)>, Error> {
        let (mut columns, mut fields) = (Columns::new("counts", text), Vec::new());
        columns.fields(|columns, name| {
            fields.push((name.to_owned(), columns.raw()?));
            Ok(())
        })?;
        columns.end().map(|()| fields)
    }

    #[test]
    fn lists_of_integers_are_read_and_what_is_none_is_refused() {
        let read = integers::<i64>(" [1, -2 ,\"9007199254740993\"] ").unwrap();
        assert_eq!(read, [1, -2, 9_007_199_254_740_993]);
        let most = "[\"170141183460469231731687303715884105727\"]";
        assert_eq!(integers::<i128>(most).unwrap(), [i128::MAX]);
        assert_eq!(integers::<u32>("[]").unwrap(), [0_u32; 0]);
        for text in
            ["", "[1", "[1,]", "[1.5]", "[1e3]", "[-]", "[\"1]", "[4294967296]", "[-1]", "[1]2", "{}", "[,1]"]
        {
            assert!(integers::<u32>(text).is_err(), "{text}");
        }
        assert!(integers::<i128>(&format!("[{}]", "9".repeat(40))).is_err());
        let error = integers::<u32>("[1 2]").unwrap_err().to_string();
        assert_eq!(error, "not counts: expected a comma or the end of the list at byte 3");
    }

    proptest! {
        #[test]
        fn fields_and_lists_are_those_of_the_other_reader(
            numbers in prop::collection::vec(any::<i64>(), 0..20), text in "\\PC{0,12}",
        ) {
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
            let _ = (fields(&text), integers::<i64>(&text));
        }
    }
}
