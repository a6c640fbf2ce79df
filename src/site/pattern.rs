//! Patterns of addresses: `/products/{sku}`, `*/p/{sku}.html`.

use crate::Error;

/// Longest pattern, in bytes.
const LENGTH_MAX: usize = 200;
/// Most of `*` and `{sku}` in a pattern: each may take every length, so they bound the work of a match.
const WILD_MAX: usize = 3;
/// Longest path that is looked at, in bytes: bounds the work of a match, too.
const PATH_MAX: usize = 1024;

/// A pattern that a whole address must have. `{sku}` stands for one segment or a part of it, `*` for anything, also
/// nothing; both take as little as they can. A slash at the end of the address may be missing in the pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Anything,
    Sku,
}

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refused = |allowed| Err(Error::value("pattern", format!("{text:?}"), allowed));
        if text.is_empty() || text.len() > LENGTH_MAX {
            return refused("1 to 200 bytes");
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(first) = rest.chars().next() {
            let (piece, after) = if let Some(after) = rest.strip_prefix('*') {
                (Piece::Anything, after)
            } else if let Some(after) = rest.strip_prefix("{sku}") {
                (Piece::Sku, after)
            } else if first == '{' || first == '}' {
                return refused("without { and } other than in {sku}");
            } else {
                let (literal, after) = rest
                    .split_at_checked(rest.find(['*', '{', '}']).unwrap_or(rest.len()))
                    .unwrap_or((rest, ""));
                (Piece::Literal(literal.into()), after)
            };
            pieces.push(piece);
            rest = after;
        }
        let wild = pieces.iter().filter(|piece| !matches!(piece, Piece::Literal(_))).count();
        if wild > WILD_MAX {
            return refused("of at most three * and {sku}");
        }
        if pieces.iter().filter(|piece| **piece == Piece::Sku).count() > 1 {
            return refused("with {sku} at most once");
        }
        Ok(Self { text: text.into(), pieces })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it says what the item is.
    pub(crate) fn has_sku(&self) -> bool {
        self.pieces.contains(&Piece::Sku)
    }

    /// What stands for `{sku}` in an address, empty where the pattern has none; `None` where the address has another
    /// form.
    pub(crate) fn find<'t>(&self, address: &'t str) -> Option<&'t str> {
        let address = path_of(address);
        if address.len() > PATH_MAX {
            return None;
        }
        let found = find(&self.pieces, address, "");
        found.or_else(|| find(&self.pieces, address.strip_suffix('/')?, ""))
    }
}

/// The path of an address: without scheme, host, query and fragment.
fn path_of(address: &str) -> &str {
    let address = address.trim();
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let path = address.get(..end).unwrap_or_default();
    let host = path.split_once("//").filter(|(scheme, _)| scheme.is_empty() || scheme.ends_with(':'));
    match host {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => path,
    }
}

fn find<'t>(pieces: &[Piece], text: &'t str, sku: &'t str) -> Option<&'t str> {
    let Some((piece, others)) = pieces.split_first() else {
        return text.is_empty().then_some(sku);
    };
    match piece {
        Piece::Literal(literal) => find(others, text.strip_prefix(literal.as_str())?, sku),
        Piece::Anything if others.is_empty() => Some(sku),
        Piece::Anything => cuts(text, text.len()).find_map(|(_, rest)| find(others, rest, sku)),
        Piece::Sku => {
            let segment = text.find('/').unwrap_or(text.len());
            cuts(text, segment)
                .filter(|(taken, _)| !taken.is_empty())
                .find_map(|(taken, rest)| find(others, rest, taken))
        }
    }
}

/// All ways to cut off up to `most` bytes at the start, shortest first.
fn cuts(text: &str, most: usize) -> impl Iterator<Item = (&str, &str)> {
    (0..=most).filter_map(|at| text.split_at_checked(at))
}

/// A text with its `%` escapes resolved; as it is where they are not UTF-8.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |i: usize| after.get(i).and_then(|&b| char::from(b).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(pattern: &str, address: &str) -> Option<String> {
        Pattern::parse(pattern).unwrap().find(address).map(str::to_owned)
    }

    #[test]
    fn an_address_has_a_pattern_as_a_whole() {
        for (pattern, address, sku) in [
            ("/products/{sku}", "/products/oil", Some("oil")),
            ("/products/{sku}", "/products/oil/", Some("oil")),
            ("/products/{sku}", "/products/oil?variant=1#top", Some("oil")),
            ("/products/{sku}", "https://shop.example/products/oil", Some("oil")),
            ("/products/{sku}", "//shop.example/products/oil", Some("oil")),
            ("/products/{sku}", "/products/", None),
            ("/products/{sku}", "/products/oil/reviews", None),
            ("/products/{sku}", "/en/products/oil", None),
            ("*/products/{sku}", "/collections/all/products/oil", Some("oil")),
            ("*/products/{sku}", "/products/oil", Some("oil")),
            ("/{sku}.html", "/red-shoe.html", Some("red-shoe")),
            ("*/{sku}-*.html", "/men/12-7-shirt-blue.html", Some("12")),
            ("/p/{sku}", "/p/a%2Fb", Some("a%2Fb")),
            ("/p/*", "/p/", Some("")),
            ("/p/*", "/p", None),
            ("/", "/", Some("")),
            ("*", "", Some("")),
            ("/é/{sku}", "/é/ü", Some("ü")),
            ("sku-{sku}", " sku-7 ", Some("7")),
        ] {
            assert_eq!(find(pattern, address).as_deref(), sku, "{pattern} {address}");
        }
        assert_eq!(percent_decoded("a%2Fb%C3%A9%zz%"), "a/bé%zz%");
        assert_eq!(percent_decoded("%ff"), "%ff");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, why) in [
            ("", "1 to 200"),
            ("/{id}", "other than in {sku}"),
            ("/}", "other than in {sku}"),
            ("/{sku}/{sku}", "at most once"),
            ("*a*b*c*d*", "at most three"),
        ] {
            let error = Pattern::parse(text).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(text), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_address_has_it_or_not(pattern in "([*/a-c.é-]|\\{sku\\}){0,8}", address in ".{0,40}|[/a-c.é-]{0,40}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                let found = pattern.find(&address);
                prop_assert!(found.is_none_or(|sku| address.contains(sku) && !sku.contains('/')));
            }
        }

        #[test]
        fn what_is_put_in_comes_out(sku in "[a-z0-9]{1,12}", before in "[a-z]{1,5}(/[a-z]{1,3})?") {
            prop_assert_eq!(find("*/p/{sku}.html", &format!("/{before}/p/{sku}.html")), Some(sku));
        }
    }
}
