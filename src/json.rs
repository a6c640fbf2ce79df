//! JSON text (RFC 8259) as values, for everything that the core is sent: experiments, reports, quotes, simulations.
//!
//! In scope: strict reading into [`Json`], and from there, field by field, with the path of what is wrong
//! ([`Value`], [`Fields`]). Numbers keep their text, so that an error shows what was written.
//! Values can be written, too, where doubles are among them; the rest of writing is serde_json's.
//!
//! Ours, because of size: with serde's derived readers the Worker had 401 KB of wasm (gzip: 172) and the preview 150
//! (70); with this one they have 352 (151) and 126 (59). What went are the visitors of each type and the standard
//! library's tables for floating point. Held against serde_json's answers by the tests.

pub(crate) mod columns;
mod value;
mod write;
pub(crate) use value::{Fields, Value};

/// Most lists and objects within each other.
const DEPTH_MAX: usize = 16;

/// Most names of one object: looking for doubles takes each of them against each.
const NAMES_MAX: usize = 64;

/// A JSON value. Names of an object are different from each other and in their order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text without its quotes and escapes.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// Reads a text that is one JSON value, or says what was expected where.
pub(crate) fn parse(text: &str) -> Result<Json, String> {
    let mut reader = Reader { text, at: 0 };
    reader.document().map_err(|expected| {
        let before = text.get(..reader.at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("expected {expected} at line {line} column {column}")
    })
}

/// What was read, or what was expected at the reader's place.
type Read<T> = Result<T, &'static str>;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Read<Json> {
        let value = self.value(0)?;
        self.space();
        if self.at == self.text.len() { Ok(value) } else { Err("the end of the text") }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Read<Json> {
        self.space();
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => Err("at most 16 levels"),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Read<Json> {
        for (word, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
        {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err("a value")
    }

    fn number(&mut self) -> Read<Json> {
        let from = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        Ok(Json::Number(self.text.get(from..self.at).unwrap_or_default().into()))
    }

    fn digits(&mut self) -> Read<()> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > from { Ok(()) } else { Err("a digit") }
    }

    fn list(&mut self, depth: usize) -> Read<Json> {
        self.at += 1;
        let mut values = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Json::List(values));
        }
        loop {
            values.push(self.value(depth)?);
            self.space();
            if self.eat(b']') {
                return Ok(Json::List(values));
            }
            if !self.eat(b',') {
                return Err("a comma or the end of the list");
            }
        }
    }

    fn object(&mut self, depth: usize) -> Read<Json> {
        self.at += 1;
        let mut fields: Vec<(String, Json)> = Vec::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Json::Object(fields));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err("a name in double quotes");
            }
            if fields.len() == NAMES_MAX {
                return Err("at most 64 names in an object");
            }
            let from = self.at;
            let name = self.string()?;
            if fields.iter().any(|(other, _)| *other == name) {
                self.at = from;
                return Err("a name that this object does not have yet");
            }
            self.space();
            if !self.eat(b':') {
                return Err("a colon");
            }
            fields.push((name, self.value(depth)?));
            self.space();
            if self.eat(b'}') {
                return Ok(Json::Object(fields));
            }
            if !self.eat(b',') {
                return Err("a comma or the end of the object");
            }
        }
    }

    fn string(&mut self) -> Read<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let from = self.at;
            while self.peek().is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            // Both ends stand beside an ASCII character, so they are ends of characters.
            text.push_str(self.text.get(from..self.at).unwrap_or_default());
            if self.eat(b'"') {
                return Ok(text);
            }
            if !self.eat(b'\\') {
                return Err(if self.peek().is_none() {
                    "a closing quote"
                } else {
                    "no control character in a text"
                });
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Read<char> {
        let character = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err("one of \" \\ / b f n r t u after a backslash"),
        };
        self.at += 1;
        Ok(character)
    }

    /// Four digits of a character, or four and four of one beyond U+FFFF (RFC 8259, section 7).
    fn unicode(&mut self) -> Read<char> {
        let first = self.hex()?;
        let code = if first & 0xfc00 == 0xd800 && self.eat(b'\\') && self.eat(b'u') {
            let second = self.hex()?;
            if second & 0xfc00 != 0xdc00 {
                return Err("a whole character before this");
            }
            0x10000 + ((first & 0x3ff) << 10 | second & 0x3ff)
        } else {
            first
        };
        char::from_u32(code).ok_or("a whole character before this")
    }

    fn hex(&mut self) -> Read<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code << 4 | digit.ok_or("four hexadecimal digits")?;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Theirs;

    fn same(ours: &Json, theirs: &Theirs) -> bool {
        match (ours, theirs) {
            (Json::Null, Theirs::Null) => true,
            (Json::Bool(a), Theirs::Bool(b)) => a == b,
            // Theirs may be a bit off: serde_json rounds twice where it is not asked for exact numbers.
            (Json::Number(a), Theirs::Number(b)) => {
                let (a, b) = (a.parse::<f64>().unwrap(), b.as_f64().unwrap());
                (a - b).abs() <= a.abs() * 1e-15
            }
            (Json::Text(a), Theirs::String(b)) => a == b,
            (Json::List(a), Theirs::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Json::Object(a), Theirs::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
            }
            _ => false,
        }
    }

    #[test]
    fn values_are_those_of_the_rfc() {
        for text in [
            "null",
            " true\r\n\t",
            "false",
            "0",
            "-0",
            "-12.50e+3",
            "1E-7",
            "\"\"",
            "[]",
            "[ ]",
            "{ }",
            "[1, [2], {}]",
            r#"{"a": {"b": [null, "c"]}, "": 1}"#,
            r#""\"\\\/\b\f\n\r\tA\u00e9\uD83D\uDE00 é😀""#,
        ] {
            let theirs = serde_json::from_str(text).unwrap();
            assert!(same(&parse(text).unwrap(), &theirs), "{text}");
        }
        assert_eq!(parse("-12.50e+3"), Ok(Json::Number("-12.50e+3".into())));
    }

    #[test]
    fn each_refusal_says_what_was_expected_and_where() {
        for (text, why) in [
            ("", "a value at line 1 column 1"),
            ("[1,]", "a value at line 1 column 4"),
            ("{\n \"é\": nul}", "a value at line 2 column 7"),
            ("[1 2]", "a comma or the end of the list at line 1 column 4"),
            ("{\"a\":1 ", "a comma or the end of the object at line 1 column 8"),
            ("{a:1}", "a name in double quotes at line 1 column 2"),
            ("{\"a\":1,}", "a name in double quotes at line 1 column 8"),
            ("{\"a\" 1}", "a colon at line 1 column 6"),
            ("{\"a\":1,\"\\u0061\":2}", "a name that this object does not have yet at line 1 column 8"),
            ("1 1", "the end of the text at line 1 column 3"),
            ("01", "the end of the text at line 1 column 2"),
            ("-", "a digit at line 1 column 2"),
            ("1.", "a digit"),
            ("1e+", "a digit"),
            (".5", "a value"),
            ("+1", "a value"),
            ("NaN", "a value"),
            ("\u{feff}1", "a value"),
            ("\"a", "a closing quote at line 1 column 3"),
            ("\"a\nb\"", "no control character in a text at line 1 column 3"),
            (r#""\x""#, "after a backslash at line 1 column 3"),
            (r#""\u12g4""#, "four hexadecimal digits at line 1 column 6"),
            (r#""\uD83D""#, "a whole character"),
            (r#""\uDE00""#, "a whole character"),
            (r#""\uD83D\uD83D""#, "a whole character"),
            (r#""\uD83D\n""#, "a whole character"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn levels_and_names_are_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&nested(DEPTH_MAX)).is_ok());
        assert!(parse(&nested(DEPTH_MAX + 1)).unwrap_err().contains("at most 16 levels at line 1 column 17"));
        assert!(parse(&"[".repeat(1_000_000)).is_err());
        let object = |names: usize| {
            let fields: Vec<String> = (0..names).map(|i| format!("\"{i}\":0")).collect();
            format!("{{{}}}", fields.join(","))
        };
        assert!(parse(&object(NAMES_MAX)).is_ok());
        assert!(parse(&object(NAMES_MAX + 1)).unwrap_err().contains("at most 64 names"));
    }

    fn any_json() -> impl Strategy<Value = Theirs> {
        let leaf = prop_oneof![
            Just(Theirs::Null),
            any::<bool>().prop_map(Theirs::from),
            any::<i64>().prop_map(Theirs::from),
            (-1e20..1e20).prop_map(Theirs::from),
            ".{0,12}".prop_map(Theirs::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Theirs::from),
                proptest::collection::vec((".{0,5}", inner), 0..8)
                    .prop_map(|fields| Theirs::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_the_same(value in any_json()) {
            prop_assert!(same(&parse(&value.to_string()).unwrap(), &value));
            let spaced = serde_json::to_string_pretty(&value).unwrap();
            prop_assert!(same(&parse(&spaced).unwrap(), &value));
        }

        /// Damaged JSON is taken or refused as serde_json does, but for names that come twice.
        #[test]
        fn damaged_text_is_taken_where_serde_json_takes_it(
            value in any_json(), at in any::<prop::sample::Index>(), to in r#"[\[\]{},:"\\ue0-9.+ tn-]"#
        ) {
            let mut text: Vec<char> = value.to_string().chars().collect();
            let at = at.index(text.len());
            text.splice(at..=at, to.chars());
            let text: String = text.into_iter().collect();
            match (parse(&text), serde_json::from_str::<Theirs>(&text)) {
                (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours, &theirs), "{}", text),
                (Err(ours), Ok(_)) => prop_assert!(ours.contains("does not have yet"), "{}: {}", text, ours),
                // Theirs refuses numbers beyond an f64 while it reads; ours keeps their text.
                (Ok(_), Err(theirs)) => prop_assert!(theirs.to_string().contains("out of range"), "{}", text),
                (Err(_), Err(_)) => {}
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}", near in r#"[\[\]{},:"\\ue0-9.+ truefalsn-]{0,40}"#) {
            for text in [text, near] {
                prop_assert!(parse(&text).is_err() || serde_json::from_str::<Theirs>(&text).is_ok() || text.contains(['e', 'E']));
            }
        }
    }
}
