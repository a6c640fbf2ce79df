//! The content of elements that hold text only, up to their own end tag (13.2.5.2 to 13.2.5.5, and for scripts
//! 13.2.5.15 to 13.2.5.31).

use super::{Name, find, name};

/// An element that holds text only, and where its scanner is.
#[derive(Debug)]
pub(super) struct Raw {
    name: Name,
    script: Script,
}

/// What a script is in, because of `<!--` and `<script` in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Plain,
    /// After `<!--`.
    Escaped,
    /// After `<script` in that: `</script` leads back there.
    DoubleEscaped,
}

impl Raw {
    pub(super) fn new(name: Name) -> Self {
        Self { name, script: Script::Plain }
    }

    /// Where the text at `at` ends because its end tag begins; `None` where it goes on to the end of the bytes, or to
    /// where too few bytes follow to tell, and `looked` says how far.
    pub(super) fn end(
        &mut self,
        bytes: &[u8],
        at: usize,
        looked: &mut usize,
        is_last: bool,
    ) -> Option<usize> {
        let mut from = at + *looked;
        if self.name != name(b"plaintext") {
            // Outside of comments in scripts, a `>` means nothing.
            while let Some(sign) = find::either(bytes, from, b'<', self.other_sign()) {
                from = sign + 1;
                let is_known = match bytes.get(sign) {
                    Some(b'<') => match self.at_less(bytes, sign) {
                        Some(true) => return Some(sign),
                        known => known.is_some(),
                    },
                    _ => {
                        if bytes.get(at..sign).is_some_and(|before| before.ends_with(b"--")) {
                            self.script = Script::Plain;
                        }
                        true
                    }
                };
                if !is_known && !is_last {
                    *looked = sign - at;
                    return None;
                }
            }
        }
        if is_last {
            return Some(bytes.len());
        }
        // What `-->` may begin with has to stay: it ends a comment that may have begun in what is given out.
        let rest = bytes.get(at..).unwrap_or_default();
        let dashes = rest.iter().rev().take(2).take_while(|&&byte| byte == b'-').count();
        *looked = rest.len() - if self.script == Script::Plain { 0 } else { dashes };
        None
    }

    fn other_sign(&self) -> u8 {
        if self.script == Script::Plain { b'<' } else { b'>' }
    }

    /// Whether the end tag begins here; `None` where the bytes are too few to tell.
    fn at_less(&mut self, bytes: &[u8], sign: usize) -> Option<bool> {
        let rest = bytes.get(sign..).unwrap_or_default();
        let is_script = self.name == name(b"script");
        if !is_script {
            return tag_of(rest, b"</", self.name);
        }
        match self.script {
            Script::Plain => {
                if rest.starts_with(b"<!--") {
                    self.script = Script::Escaped;
                    return Some(false);
                }
                if b"<!--".starts_with(rest) {
                    return None;
                }
                tag_of(rest, b"</", self.name)
            }
            Script::Escaped => {
                if tag_of(rest, b"<", self.name)? {
                    self.script = Script::DoubleEscaped;
                    return Some(false);
                }
                tag_of(rest, b"</", self.name)
            }
            Script::DoubleEscaped => {
                if tag_of(rest, b"</", self.name)? {
                    self.script = Script::Escaped;
                }
                Some(false)
            }
        }
    }
}

/// Whether a text begins with a tag of that name; `None` where the bytes are too few to tell.
fn tag_of(rest: &[u8], before: &[u8], wanted: Name) -> Option<bool> {
    let Some(after) = rest.strip_prefix(before) else {
        return if before.starts_with(rest) { None } else { Some(false) };
    };
    const LONGEST: usize = "plaintext".len();
    match after.iter().take(LONGEST + 1).position(|byte| !byte.is_ascii_alphabetic()) {
        Some(end) => {
            let ends_name =
                matches!(after.get(end), Some(b' ' | b'\n' | b'\t' | b'\r' | b'\x0c' | b'/' | b'>'));
            Some(ends_name && name(after.get(..end).unwrap_or_default()) == wanted)
        }
        None if after.len() > LONGEST => Some(false),
        None => None,
    }
}
