//! Golden files: read, compared and written, line by line.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Computes the answers of a golden file from its inputs and compares, or writes them where `HAGGLE_BLESS` is set.
pub fn check<T: Serialize + DeserializeOwned>(name: &str, lines: usize, answer: impl Fn(T) -> T) {
    let path = golden(name);
    let known = fs::read_to_string(&path).unwrap();
    let answered = answer(serde_json::from_str(&known).unwrap());
    let mut text = Vec::new();
    answered
        .serialize(&mut serde_json::Serializer::with_formatter(
            &mut text,
            Rows { lines, depth: 0, filled: false },
        ))
        .unwrap();
    text.push(b'\n');
    let text = String::from_utf8(text).unwrap();
    if std::env::var_os("HAGGLE_BLESS").is_some() {
        let whole = path.with_extension("new");
        fs::write(&whole, text).unwrap();
        fs::rename(whole, path).unwrap();
        return;
    }
    for (at, (is, was)) in text.lines().zip(known.lines()).enumerate() {
        assert_eq!(is, was, "{name}, line {}: left is this build, right the golden file", at + 1);
    }
    assert_eq!(text.len(), known.len(), "{name} has other lines at its end");
}

fn golden(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden", name].iter().collect()
}

pub fn read<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&fs::read_to_string(golden(name)).unwrap()).unwrap()
}

/// JSON whose first `lines` levels stand on lines of their own, so that a difference is a line.
struct Rows {
    lines: usize,
    depth: usize,
    filled: bool,
}

impl Rows {
    fn open<W: Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        writer.write_all(bracket)
    }

    fn close<W: Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        if self.filled && self.depth <= self.lines {
            write!(writer, "\n{}", " ".repeat(self.depth - 1))?;
        }
        self.depth -= 1;
        self.filled = true;
        writer.write_all(bracket)
    }

    fn next<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.filled = true;
        let comma = if first { "" } else { "," };
        match self.depth <= self.lines {
            true => write!(writer, "{comma}\n{}", " ".repeat(self.depth)),
            false => write!(writer, "{comma}{}", if first { "" } else { " " }),
        }
    }
}

impl serde_json::ser::Formatter for Rows {
    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
