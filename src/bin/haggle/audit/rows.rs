//! Lists of the shop: addresses of pages, its own prices, and the feed of a merchant centre.

use std::collections::BTreeMap;
use std::path::Path;

use haggle::Currency;

use super::computed::Computed;
use super::front::{Front, Page};
use super::{Audit, Finding};
use crate::remote::table;
use crate::{Failure, amount, files};

/// A row with the columns that were asked for; empty where the file has none.
struct Row {
    line: u64,
    cells: Vec<String>,
}

/// Reads the columns of a file, each under one of several names; the first `required` of them must be there.
fn read(file: &Path, names: &[&[&str]], required: usize) -> Result<Vec<Row>, Failure> {
    let mut table = table(file)?;
    let head: Vec<String> = table
        .byte_headers()
        .map_err(files::named(file))?
        .iter()
        .map(|cell| String::from_utf8_lossy(cell).trim().to_ascii_lowercase())
        .collect();
    let places: Vec<Option<usize>> =
        names.iter().map(|names| head.iter().position(|cell| names.contains(&cell.as_str()))).collect();
    for (place, names) in places.iter().zip(names).take(required) {
        if place.is_none() {
            let name = names.first().copied().unwrap_or_default();
            return Err(files::named(file)(format!(
                "line 1: no column {name}; the head is {}",
                head.join(", ")
            )));
        }
    }
    let mut rows = Vec::new();
    for record in table.byte_records() {
        let record = record.map_err(files::named(file))?;
        let cell = |place: &Option<usize>| {
            let cell = place.and_then(|place| record.get(place)).unwrap_or_default();
            String::from_utf8_lossy(cell).trim().to_owned()
        };
        let line = record.position().map_or(0, csv::Position::line);
        rows.push(Row { line, cells: places.iter().map(cell).collect() });
    }
    Ok(rows)
}

/// The pages of a file that are about items of the experiment.
pub fn pages(
    file: &Path,
    front: &Front,
    computed: &Computed,
    cart_template: Option<&str>,
) -> Result<Vec<Page>, Failure> {
    let mut pages = Vec::new();
    for row in read(file, &[&["sku", "id"], &["url", "page", "link"], &["cart", "cart_url"]], 2)? {
        let [sku, url, cart] = row.cells.as_slice() else { continue };
        if !computed.skus().any(|known| known == sku) {
            continue;
        }
        let cart = if cart.is_empty() { cart_template } else { Some(cart.as_str()) };
        let page = Page::of_template(front, sku, url, cart);
        pages.push(page.map_err(|why| files::named(file)(format!("line {}: {why}", row.line)))?);
    }
    Ok(pages)
}

/// Compares a list of prices with what everybody sees.
pub fn compare(
    file: &Path,
    kind: &'static str,
    computed: &Computed,
    audit: &mut Audit,
) -> Result<(), Failure> {
    let names: [&[&str]; 3] =
        [&["id", "g:id", "sku"], &["price", "g:price"], &["sale_price", "g:sale_price"]];
    let currency = computed.currency().ok_or("the experiment has no currency")?;
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for row in read(file, &names, 2)? {
        if let Some(sku) = row.cells.first() {
            rows.insert(sku.clone(), row);
        }
    }
    for sku in computed.skus() {
        let Some(expected_minor) = computed.public_minor(sku) else { continue };
        audit.count(kind, 1);
        let (line, found) = match rows.get(sku) {
            None => (None, "not in the file".into()),
            Some(row) => {
                let cell = |place: usize| row.cells.get(place).map(String::as_str).unwrap_or_default();
                // What is charged is the price of the sale, where there is one.
                let text = if cell(2).is_empty() { cell(1) } else { cell(2) };
                if minor(text, currency) == Some(expected_minor) {
                    continue;
                }
                (Some(row.line), text.to_owned())
            }
        };
        let place = match line {
            Some(line) => format!("{} line {line}", file.display()),
            None => file.display().to_string(),
        };
        let (sku, surface) = (sku.to_owned(), "price".into());
        audit.findings.push(Finding { sku, kind, surface, expected_minor, found, place });
    }
    Ok(())
}

/// An amount such as `17.50 EUR`, or without its currency.
fn minor(text: &str, currency: Currency) -> Option<i64> {
    let mut words = text.split_whitespace();
    let (amount, code) = (words.next()?, words.next());
    if words.next().is_some() || code.is_some_and(|code| code != currency.to_string()) {
        return None;
    }
    amount::amount_minor(amount, currency).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_in_another_currency_is_another_price() {
        let euro: Currency = "EUR".parse().unwrap();
        assert_eq!(minor("17.50 EUR", euro), Some(1750));
        assert_eq!(minor("17.5", euro), Some(1750));
        for wrong in ["17.50 USD", "EUR 17.50", "", "17,50", "17.50 EUR x"] {
            assert_eq!(minor(wrong, euro), None, "{wrong}");
        }
    }
}
