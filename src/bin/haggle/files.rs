//! Files and standard input, with the file's name in every error.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use haggle::evaluate::Tallies;

use crate::Failure;

/// Largest file but for a log, in bytes.
const FILE_MAX: u64 = 64 << 20;
/// Longest line of a log, in bytes.
const LINE_MAX: u64 = 1 << 20;

/// A failure with the file's name before it.
pub fn named<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> Failure {
    let name = if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
    move |error| format!("{name}: {error}").into()
}

/// Opens a file, or standard input for `-`.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(File::open(path).map_err(named(path))?)))
}

/// Reads a file of limited length.
pub fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    open(path)?.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(named(path))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(named(path)(format!("longer than {FILE_MAX} bytes; it must be shorter")));
    }
    Ok(bytes)
}

/// Reads a text of limited length.
pub fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(path)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count() + 1;
        named(path)(format!("line {line}: not a text in UTF-8; it must be saved as UTF-8"))
    })
}

/// Reads and checks a file of tallies.
pub fn tallies(path: &Path) -> Result<Tallies, Failure> {
    Tallies::from_json(&text(path)?).map_err(named(path))
}

/// Reads up to the end of the first line that is not empty.
pub fn first_line(file: &mut dyn BufRead) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    while file.take(LINE_MAX).read_until(b'\n', &mut start)? > 0 && start.trim_ascii().is_empty() {}
    Ok(start)
}

/// A reader of a table with a head. `delimiter` says by the first line what separates columns; see [`most_of`].
pub fn table(
    path: &Path,
    delimiter: impl FnOnce(&[u8]) -> u8,
) -> Result<csv::Reader<Box<dyn Read>>, Failure> {
    let mut input = open(path)?;
    let first = first_line(&mut *input).map_err(named(path))?;
    let delimiter = delimiter(&first);
    // Spreadsheets put a mark of UTF-8 before the first name.
    let first = first.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(first);
    let whole: Box<dyn Read> = Box::new(std::io::Cursor::new(first).chain(input));
    Ok(csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(whole))
}

/// Which of these signs a line has most of; of equals the last.
pub fn most_of(line: &[u8], signs: &[u8]) -> u8 {
    let count = |sign: u8| line.iter().filter(|&&byte| byte == sign).count();
    signs.iter().copied().max_by_key(|&sign| count(sign)).unwrap_or(b',')
}

/// Calls `read` with the number and the text of each line, from 1.
pub fn lines(
    file: &mut dyn BufRead,
    mut read: impl FnMut(usize, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if file.take(LINE_MAX + 1).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        if bytes.len() as u64 > LINE_MAX {
            return Err(format!("line {number}: longer than {LINE_MAX} bytes").into());
        }
        let text =
            std::str::from_utf8(&bytes).map_err(|error| format!("line {number}: not UTF-8: {error}"))?;
        read(number, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_utf_8_is_refused_with_its_line() {
        let path = std::env::temp_dir().join(format!("haggle-latin-{}.toml", std::process::id()));
        std::fs::write(&path, b"name = \"a\"\nauthor = \"Jos\xe9\"\n").unwrap();
        let why = text(&path).unwrap_err().to_string();
        std::fs::remove_file(&path).unwrap();
        assert!(why.ends_with(".toml: line 2: not a text in UTF-8; it must be saved as UTF-8"), "{why}");
    }
}
