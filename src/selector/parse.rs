//! Reading selectors (Selectors Level 4, grammar in section 18; CSS Syntax Level 3 for names and strings).

use super::{Around, Compound, Relation, Test};
use crate::Error;
use crate::html::name;

/// Longest selector, in bytes.
const LENGTH_MAX: usize = 1024;
/// So many parts may all selectors have together.
const COMPOUNDS_MAX: usize = 4096;

/// Attributes whose values have no case in HTML (HTML standard, 4.16.2).
const CASELESS: &str = "accept accept-charset align alink axis bgcolor charset checked clear codetype color compact \
    declare defer dir direction disabled enctype face frame hreflang http-equiv lang language link media method \
    multiple nohref noresize noshade nowrap readonly rel rev rules scope scrolling selected shape target text type \
    valign valuetype vlink";

/// Reads one selector, and appends its compounds, those that stand around others before them.
pub(super) fn selector(
    text: &str,
    number: usize,
    bits: &mut usize,
    compounds: &mut Vec<Compound>,
) -> Result<(), Error> {
    let mut reader = Reader { text, rest: text };
    if text.len() > LENGTH_MAX {
        return Err(reader.error("at most 1024 bytes long"));
    }
    reader.skip_spaces();
    loop {
        let mut compound = reader.compound()?;
        loop {
            let has_space = reader.skip_spaces();
            let is_parent = reader.take(">");
            if is_parent {
                reader.skip_spaces();
            } else if reader.rest.is_empty() || reader.rest.starts_with(',') {
                break;
            } else if !has_space || reader.rest.starts_with(['+', '~', '|']) {
                return Err(reader
                    .error("made of elements, #ids, .classes, [attributes], :not(), spaces, > and commas"));
            }
            let bit = *bits;
            *bits += 1;
            compound.bit = Some(bit);
            compounds.push(compound);
            compound = reader.compound()?;
            compound.around = Some(Around { bit, is_parent });
        }
        compound.selector = Some(number);
        compounds.push(compound);
        if compounds.len() > COMPOUNDS_MAX {
            return Err(Error::value("number of parts of all selectors", compounds.len(), "at most 4096"));
        }
        if !reader.take(",") {
            return Ok(());
        }
        reader.skip_spaces();
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn error(&self, allowed: &str) -> Error {
        const SHOWN: usize = 40;
        let given: String = if self.rest.is_empty() {
            "not complete at its end".into()
        } else {
            format!("not readable from {:?} on", self.rest.chars().take(SHOWN).collect::<String>())
        };
        let whole: String = self.text.chars().take(200).collect();
        Error::value(format!("selector {whole:?}"), given, allowed)
    }

    fn take(&mut self, sign: &str) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    fn skip_spaces(&mut self) -> bool {
        let after = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
        let has_space = after.len() < self.rest.len();
        self.rest = after;
        has_space
    }

    fn compound(&mut self) -> Result<Compound, Error> {
        let mut compound = Compound::default();
        let is_any = self.take("*");
        if !is_any && self.begins_name() {
            compound.element = Some(name(&self.name()?));
        }
        loop {
            let test = if self.take("#") {
                Test::Id(self.name()?)
            } else if self.take(".") {
                Test::Class(self.name()?)
            } else if self.rest.starts_with('[') {
                self.attribute()?
            } else if self.rest.starts_with(':') {
                self.not()?
            } else {
                break;
            };
            compound.tests.push(test);
        }
        if !is_any && compound == Compound::default() {
            return Err(self.error("an element, *, #id, .class, [attribute] or :not() there"));
        }
        Ok(compound)
    }

    fn not(&mut self) -> Result<Test, Error> {
        let before = self.rest;
        let is_not = self.rest.get(..5).is_some_and(|sign| sign.eq_ignore_ascii_case(":not("));
        if !is_not {
            return Err(self.error("without pseudo-classes and pseudo-elements other than :not()"));
        }
        self.rest = self.rest.get(5..).unwrap_or_default();
        let mut compounds = Vec::new();
        loop {
            self.skip_spaces();
            let compound = self.compound()?;
            self.skip_spaces();
            if compound.tests.iter().any(|test| matches!(test, Test::Not(_))) {
                self.rest = before;
                return Err(self.error("without :not() in :not()"));
            }
            compounds.push(compound);
            if self.take(")") {
                return Ok(Test::Not(compounds));
            }
            if !self.take(",") {
                return Err(self.error("without combinators in :not()"));
            }
        }
    }

    fn attribute(&mut self) -> Result<Test, Error> {
        self.take("[");
        self.skip_spaces();
        let written = self.name()?.to_ascii_lowercase();
        self.skip_spaces();
        let is_caseless = CASELESS.split(' ').any(|known| known.as_bytes() == written);
        let name = name(&written);
        if self.take("]") {
            return Ok(Test::Attribute { name, relation: Relation::Any, value: Vec::new(), is_caseless });
        }
        let relations = [
            ("=", Relation::Equal),
            ("~=", Relation::Word),
            ("|=", Relation::Language),
            ("^=", Relation::Begin),
            ("$=", Relation::End),
            ("*=", Relation::Part),
        ];
        let Some(&(_, relation)) = relations.iter().find(|(sign, _)| self.take(sign)) else {
            return Err(self.error("], =, ~=, |=, ^=, $= or *= there"));
        };
        self.skip_spaces();
        let value = if self.rest.starts_with(['"', '\'']) { self.string()? } else { self.name()? };
        self.skip_spaces();
        let is_caseless = if self.take("i") || self.take("I") {
            true
        } else if self.take("s") || self.take("S") {
            false
        } else {
            is_caseless
        };
        self.skip_spaces();
        if !self.take("]") {
            return Err(self.error("] there"));
        }
        Ok(Test::Attribute { name, relation, value, is_caseless })
    }

    fn begins_name(&self) -> bool {
        self.rest.starts_with(|sign: char| is_in_name(sign) || sign == '\\')
    }

    /// A name with its escapes read (CSS Syntax, 4.3.11). Also one that begins with a digit, which CSS would not allow.
    fn name(&mut self) -> Result<Vec<u8>, Error> {
        let mut name = String::new();
        while let Some(sign) = self.rest.chars().next() {
            if sign == '\\' {
                name.push(self.escaped()?);
            } else if is_in_name(sign) {
                name.push(sign);
                self.rest = self.rest.get(sign.len_utf8()..).unwrap_or_default();
            } else {
                break;
            }
        }
        if name.is_empty() { Err(self.error("a name there")) } else { Ok(name.into_bytes()) }
    }

    fn string(&mut self) -> Result<Vec<u8>, Error> {
        let mut text = String::new();
        let quote = self.rest.chars().next();
        self.rest = self.rest.get(1..).unwrap_or_default();
        loop {
            match self.rest.chars().next() {
                None => return Err(self.error("closed by a quote")),
                Some('\\') => text.push(self.escaped()?),
                Some(sign) => {
                    self.rest = self.rest.get(sign.len_utf8()..).unwrap_or_default();
                    if Some(sign) == quote {
                        return Ok(text.into_bytes());
                    }
                    text.push(sign);
                }
            }
        }
    }

    /// `\` and a sign, or up to six hexadecimal digits of one and a space (CSS Syntax, 4.3.7).
    fn escaped(&mut self) -> Result<char, Error> {
        self.take("\\");
        let digits = self.rest.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
        if digits == 0 {
            let Some(sign) = self.rest.chars().next() else { return Err(self.error("a sign after \\")) };
            self.rest = self.rest.get(sign.len_utf8()..).unwrap_or_default();
            return Ok(sign);
        }
        let (code, after) = self.rest.split_at_checked(digits).unwrap_or_default();
        let code = u32::from_str_radix(code, 16).ok().and_then(char::from_u32).filter(|&sign| sign != '\0');
        let Some(sign) = code else { return Err(self.error("the number of a character there")) };
        self.rest = after.strip_prefix([' ', '\t', '\n']).unwrap_or(after);
        Ok(sign)
    }
}

fn is_in_name(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_') || !sign.is_ascii()
}
