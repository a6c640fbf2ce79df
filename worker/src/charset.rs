//! Encodings of pages: in almost all of them the signs of prices and markup are the bytes of ASCII, and a page is
//! rewritten without being decoded. Here is which ones are different.

/// Beginnings of the names of encodings in which a byte of ASCII can be another sign, or part of one.
const STRANGE: [&str; 7] = ["utf-16", "utf-32", "utf-7", "iso-2022", "iso-10646", "gb18030", "hz-gb"];

/// Bytes in which a page says its encoding, if it does (HTML standard, section 13.2.3.2).
const DECLARED_WITHIN: usize = 1024;

/// Whether a `Content-Type` in lower case names such an encoding.
pub fn is_strange(content_type: &str) -> bool {
    names(content_type.as_bytes())
        .any(|name| STRANGE.iter().any(|strange| name.starts_with(strange.as_bytes())))
}

/// Whether a page begins like one in such an encoding.
pub fn begins_strangely(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"\xfe\xff") || bytes.starts_with(b"\xff\xfe") {
        return true;
    }
    // A page that is read as ASCII far enough to name UTF-16 or UTF-32 is not written in it.
    let head = bytes.get(..DECLARED_WITHIN).unwrap_or(bytes).to_ascii_lowercase();
    let (_, without_utf) = STRANGE.split_at(2);
    names(&head).any(|name| without_utf.iter().any(|strange| name.starts_with(strange.as_bytes())))
}

/// What follows each `charset=`.
fn names(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    const BEFORE: &[u8] = b"charset";
    let places = text.windows(BEFORE.len()).enumerate().filter(|(_, window)| *window == BEFORE);
    places.filter_map(move |(at, _)| {
        let after = text.get(at + BEFORE.len()..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        after.strip_prefix(b"\"").or_else(|| after.strip_prefix(b"'")).or(Some(after))
    })
}
