use super::*;
use proptest::prelude::*;

mod laws;
mod presets;
mod surfaces;

/// Offers of some skus: catalogue and new price in euro cents, with a trailing `!` where personal data set it.
struct Prices(Vec<(&'static str, i64, i64)>);

impl Offers for Prices {
    fn price(&self, sku: &str) -> Option<Price> {
        let found = self.0.iter().find(|(known, ..)| known.trim_end_matches('!') == sku)?;
        let &(known, catalogue_minor, price_minor) = found;
        let currency = "EUR".parse().unwrap();
        Some(Price { catalogue_minor, price_minor, currency, is_disclosed: known.ends_with('!') })
    }
}

/// What went out: the page with `[FIELD sku]` for hidden fields, and the client's tag apart.
struct Done {
    page: String,
    tag: String,
    report: Report,
}

impl Done {
    fn item(&self, sku: &str) -> &PageItem {
        self.report.items.iter().find(|item| item.sku == sku).unwrap()
    }

    fn mismatches(&self, sku: &str) -> Vec<&str> {
        self.item(sku).mismatches.iter().map(String::as_str).collect()
    }
}

fn with_fields(output: &Output) -> Vec<u8> {
    let (mut bytes, mut at) = (Vec::new(), 0);
    for field in &output.fields {
        bytes.extend_from_slice(&output.bytes[at..field.at]);
        bytes.extend_from_slice(format!("[{} {}]", field.name, field.sku).as_bytes());
        at = field.at;
    }
    bytes.extend_from_slice(&output.bytes[at..]);
    bytes
}

/// The whole output for a page that comes in pieces.
fn bytes_of<'p>(
    site: &Site,
    path: &str,
    pieces: impl Iterator<Item = &'p [u8]>,
    prices: &Prices,
) -> (Vec<u8>, Report) {
    let mut rewriter = Rewriter::new(site, path, prices);
    let mut bytes = Vec::new();
    for piece in pieces {
        let mut output = Output::default();
        rewriter.push(piece, &mut output);
        bytes.extend(with_fields(&output));
    }
    let mut output = Output::default();
    let report = rewriter.end(&mut output);
    bytes.extend(with_fields(&output));
    (bytes, report)
}

fn rewrite(site: &str, path: &str, page: &str, prices: &[(&'static str, i64, i64)]) -> Done {
    let site = Site::from_json(site).unwrap();
    let prices = Prices(prices.to_vec());
    let (bytes, report) = bytes_of(&site, path, std::iter::once(page.as_bytes()), &prices);
    let (one_by_one, _) = bytes_of(&site, path, page.as_bytes().chunks(1), &prices);
    assert_eq!(String::from_utf8_lossy(&one_by_one), String::from_utf8_lossy(&bytes), "byte by byte");
    let text = String::from_utf8(bytes).unwrap();
    let tag = text.find("<script type=\"module\" src=\"/haggle/haggle.js\"").unwrap_or(text.len());
    let (page, tag) = text.split_at(tag);
    let (page, tag) = (page.to_owned(), tag.to_owned());
    Done { page, tag, report }
}

const OIL: [(&str, i64, i64); 1] = [("OIL", 1900, 1750)];
