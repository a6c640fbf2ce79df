//! Rows of D1 and of a Durable Object's SQLite, read by position: the statement stands beside the reading.
//!
//! Where an answer goes out as JSON, SQLite writes the text itself (`json_object`), and nothing is read at all.

use std::time::Duration;

use futures_util::future::{Either, select};
use wasm_bindgen::{JsCast, JsValue};
use worker::{D1Database, D1PreparedStatement, Delay, Error, Result, SqlStorage, SqlStorageValue};

/// One row; columns count from 0.
pub struct Row(Vec<SqlStorageValue>);

impl Row {
    /// A column that holds a text.
    ///
    /// # Errors
    /// It holds something else.
    pub fn text(&self, column: usize) -> Result<String> {
        match self.0.get(column) {
            Some(SqlStorageValue::String(text)) => Ok(text.clone()),
            _ => Err(Error::RustError(format!("column {column} is not a text"))),
        }
    }

    /// A column that holds bytes.
    ///
    /// # Errors
    /// It holds something else.
    pub fn bytes(&self, column: usize) -> Result<Vec<u8>> {
        match self.0.get(column) {
            Some(SqlStorageValue::Blob(bytes)) => Ok(bytes.clone()),
            _ => Err(Error::RustError(format!("column {column} is not bytes"))),
        }
    }

    /// A column that holds an integer within ±2^53.
    ///
    /// # Errors
    /// It holds something else.
    pub fn integer(&self, column: usize) -> Result<i64> {
        match self.0.get(column) {
            Some(SqlStorageValue::Integer(number)) => Ok(*number),
            _ => Err(Error::RustError(format!("column {column} is not an integer"))),
        }
    }

    /// A column that holds a count or a time.
    ///
    /// # Errors
    /// It holds something else.
    pub fn count(&self, column: usize) -> Result<u64> {
        self.integer(column).map(|number| u64::try_from(number).unwrap_or(0))
    }
}

/// A value to be bound: what JavaScript keeps exactly.
pub enum Bound<'a> {
    /// A text.
    Text(&'a str),
    /// An integer within ±2^53.
    Integer(i64),
    /// Bytes.
    Blob(&'a [u8]),
}

impl<'a> From<&'a str> for Bound<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Bound<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u64> for Bound<'_> {
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl Bound<'_> {
    fn to_js(&self) -> JsValue {
        match self {
            Self::Text(text) => JsValue::from_str(text),
            Self::Integer(number) => JsValue::from_f64(*number as f64),
            // D1 takes an ArrayBuffer, not a view of one.
            Self::Blob(bytes) => js_sys::Uint8Array::from(*bytes).buffer().into(),
        }
    }
}

/// A statement of D1 with its values.
pub fn prepare(db: &D1Database, sql: &str, values: &[Bound<'_>]) -> Result<D1PreparedStatement> {
    let values: Vec<JsValue> = values.iter().map(Bound::to_js).collect();
    db.prepare(sql).bind(&values)
}

/// Milliseconds for which an answer of D1 is waited for: nothing that we ask takes longer, and what waits holds up others.
const D1_WAIT_MS: u64 = 20_000;

/// What comes within so many milliseconds; what does not come then is an error, and is not waited for any more.
///
/// # Errors
/// As the future; or it took too long.
pub async fn in_time<T>(within_ms: u64, future: impl Future<Output = Result<T>>) -> Result<T> {
    match select(Box::pin(future), Delay::from(Duration::from_millis(within_ms))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(Error::RustError(format!("no answer in {within_ms} ms"))),
    }
}

/// The rows that a statement of D1 gives.
pub async fn query(db: &D1Database, sql: &str, values: &[Bound<'_>]) -> Result<Vec<Row>> {
    let rows = in_time(D1_WAIT_MS, prepare(db, sql, values)?.raw_js_value()).await?;
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        let mut columns = Vec::new();
        for value in row.unchecked_into::<js_sys::Array>() {
            columns.push(SqlStorageValue::try_from(value)?);
        }
        read.push(Row(columns));
    }
    Ok(read)
}

/// The rows that a statement of a Durable Object's SQLite gives.
pub fn execute(sql: &SqlStorage, statement: &str, values: &[Bound<'_>]) -> Result<Vec<Row>> {
    let values: Vec<JsValue> = values.iter().map(Bound::to_js).collect();
    let mut read = Vec::new();
    for row in sql.exec_raw(statement, values)?.raw() {
        read.push(Row(row?));
    }
    Ok(read)
}

/// The texts of an answer of one column.
///
/// # Errors
/// One is something else.
pub fn texts(rows: Vec<Row>) -> Result<Vec<String>> {
    rows.iter().map(|row| row.text(0)).collect()
}

/// The one row of an answer that always has one.
///
/// # Errors
/// It has none.
pub fn only(rows: Vec<Row>) -> Result<Row> {
    rows.into_iter().next().ok_or_else(|| Error::RustError("no row where there is always one".into()))
}
