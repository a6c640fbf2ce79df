//! In which line of a TOML file a refused field stands.

use std::ops::Range;

use toml::de::{DeArray, DeTable};

use crate::Error;
use crate::json::Json;

/// The same document in JSON, so that both are read by the same rules.
pub(crate) fn json_of(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => Json::Text(text),
        toml::Value::Integer(number) => Json::Number(number.to_string()),
        toml::Value::Float(number) => Json::Number(format!("{number:?}")),
        toml::Value::Boolean(value) => Json::Bool(value),
        toml::Value::Datetime(time) => Json::Text(time.to_string()),
        toml::Value::Array(values) => Json::List(values.into_iter().map(json_of).collect()),
        toml::Value::Table(fields) => {
            Json::Object(fields.into_iter().map(|(name, value)| (name, json_of(value))).collect())
        }
    }
}

/// What is no TOML, with its line.
pub(in crate::experiment) fn syntax(what: &'static str, text: &str, why: &toml::de::Error) -> Error {
    let Some(span) = why.span() else { return Error::syntax(what, why.message()) };
    let at = line(text, span.start);
    let found =
        text.get(span).filter(|found| !found.is_empty() && found.len() <= 40 && !found.contains('\n'));
    let found = found.map_or(String::new(), |found| format!(", at {found}"));
    Error::syntax(what, format!("{}{found}", why.message())).in_line(at)
}

/// The same error with the line of the field that it names; where that is missing, the line of its table, and for a
/// field of the whole document the last one.
pub(in crate::experiment) fn with_line(error: Error, text: &str) -> Error {
    let (Some(what), Ok(document)) = (error.what(), DeTable::parse(text)) else { return error };
    let (mut exact, mut above) = (None, None);
    // Errors speak of "field policy.x" and "number of arms": the path is one of the words.
    for word in what.split(' ') {
        let (place, is_exact) = find(document.get_ref(), word.trim_end_matches(','));
        let found = if is_exact { &mut exact } else { &mut above };
        *found = found.take().or(place);
    }
    let at = exact.or(above).map_or(text.trim_end().len(), |span: Range<usize>| span.start);
    error.in_line(line(text, at))
}

/// The place of a path such as `arms[1].price_minor`, and whether all of it is there; else the place of as much as is.
fn find(document: &DeTable<'_>, path: &str) -> (Option<Range<usize>>, bool) {
    let mut place = None;
    let mut table = Some(document);
    let mut list: Option<&DeArray<'_>> = None;
    for step in path.split(['.', '[']) {
        let (span, value) = match step.strip_suffix(']') {
            Some(index) => {
                let found = list.and_then(|list| list.get(index.parse::<usize>().ok()?));
                let Some(value) = found else { return (place, false) };
                (value.span(), value.get_ref())
            }
            None => {
                let found = table.and_then(|table| table.get_key_value(step));
                let Some((key, value)) = found else { return (place, false) };
                (key.span(), value.get_ref())
            }
        };
        place = Some(span);
        table = value.as_table();
        list = value.as_array();
    }
    (place, true)
}

fn line(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}
