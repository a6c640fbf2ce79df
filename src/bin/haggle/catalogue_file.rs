//! Catalogue files: CSV or TSV with a head, read one item at a time.
//!
//! Names of columns are those of the API, or those of a product feed (`id`, `price`, `item_group_id` …), in any case.
//! Prices are read in major units where the column is `price`, `cost` or ends in `_price`, and in minor units where it
//! ends in `_minor`. What has no meaning of its own is kept under its name.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use haggle::catalogue::{COLUMN_CHARACTERS_MAX, TEXT_CHARACTERS_MAX};
use haggle::money::Tax;
use haggle::{CatalogueItem, Currency};

use crate::{Failure, files};

/// Longest row, in bytes: a quote that is not closed makes one row of all that follows.
const ROW_MAX: usize = 1 << 20;

/// What a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Sku,
    Price,
    Cost,
    CompareAt,
    Map,
    IncludesTax,
    TaxRate,
    Brand,
    Category,
    Family,
    Stock,
    Past,
    /// Another price; kept in minor units.
    OtherPrice,
    Other,
}

/// The names of each meaning, the one that wins first, and whether it holds minor units.
const NAMES: [(Meaning, &[(&str, bool)]); 12] = [
    (Meaning::Sku, &[("sku", false), ("id", false)]),
    (Meaning::Price, &[("price_minor", true), ("price", false)]),
    (Meaning::Cost, &[("cost_minor", true), ("cost", false), ("cost_of_goods_sold", false)]),
    (Meaning::CompareAt, &[("compare_at_minor", true), ("compare_at", false), ("compare_at_price", false)]),
    (Meaning::Map, &[("map_minor", true), ("map", false), ("map_price", false)]),
    (Meaning::IncludesTax, &[("price_includes_tax", false)]),
    (Meaning::TaxRate, &[("tax_rate", false)]),
    (Meaning::Brand, &[("brand", false)]),
    (Meaning::Category, &[("category", false), ("product_type", false)]),
    (Meaning::Family, &[("family", false), ("item_group_id", false)]),
    (Meaning::Stock, &[("stock", false)]),
    (Meaning::Past, &[("past", false)]),
];

/// A column of the file.
struct Column {
    name: String,
    meaning: Meaning,
    is_minor: bool,
}

/// The items of a catalogue file, one at a time; after a failure there are no more.
pub struct Items {
    path: PathBuf,
    table: csv::Reader<Box<dyn Read>>,
    columns: Vec<Column>,
    currency: Option<Currency>,
    /// The line of each key.
    lines: BTreeMap<String, u64>,
    has_failed: bool,
}

/// Opens a catalogue file; `-` is standard input. Prices without a currency are in `currency`. Where no delimiter is
/// given, it is the tab for names in `.tsv`, else whichever of tab, semicolon, comma and bar the head has most of.
pub fn read(path: &Path, currency: Option<Currency>, delimiter: Option<u8>) -> Result<Items, Failure> {
    let is_tsv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
    let mut table = files::table(path, |first| match delimiter {
        Some(delimiter) => delimiter,
        None if is_tsv => b'\t',
        None => files::most_of(first, b"|,;\t"),
    })?;
    let head = table.byte_headers().map_err(files::named(path))?;
    let columns = columns(head).map_err(files::named(path))?;
    Ok(Items { path: path.to_owned(), table, columns, currency, lines: BTreeMap::new(), has_failed: false })
}

/// What each column of a head means.
fn columns(head: &csv::ByteRecord) -> Result<Vec<Column>, String> {
    let mut names: Vec<String> = Vec::with_capacity(head.len());
    for (place, cell) in head.iter().enumerate() {
        let name = std::str::from_utf8(cell)
            .map_err(|_| format!("line 1: column {} is not named in UTF-8", place + 1))?
            .trim();
        if name.is_empty() || name.chars().count() > COLUMN_CHARACTERS_MAX {
            let allowed = format!("a name of 1 to {COLUMN_CHARACTERS_MAX} characters");
            return Err(format!("line 1: column {} is {name:?}; it must be {allowed}", place + 1));
        }
        if names.iter().any(|other| other == name) {
            return Err(format!("line 1: column {name:?} is there twice; it must be there once"));
        }
        names.push(name.to_owned());
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace([' ', '-'], "_");
    let mut columns: Vec<Column> = names
        .into_iter()
        .map(|name| {
            let is_price = plain(&name).ends_with("_price");
            let meaning = if is_price { Meaning::OtherPrice } else { Meaning::Other };
            Column { name, meaning, is_minor: false }
        })
        .collect();
    for (meaning, known) in NAMES {
        let found = known.iter().find_map(|&(name, is_minor)| {
            columns.iter().position(|column| plain(&column.name) == name).map(|place| (place, is_minor))
        });
        match found.and_then(|(place, is_minor)| Some((columns.get_mut(place)?, is_minor))) {
            Some((column, is_minor)) => (column.meaning, column.is_minor) = (meaning, is_minor),
            None if meaning == Meaning::Sku || meaning == Meaning::Price => {
                let wanted: Vec<&str> = known.iter().map(|&(name, _)| name).collect();
                let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
                let wanted = wanted.join(" or ");
                let head = if names.is_empty() { "empty".into() } else { names.join(", ") };
                return Err(format!("line 1: no column {wanted} in the head, which is {head}"));
            }
            None => {}
        }
    }
    Ok(columns)
}

impl Items {
    /// Bytes of the file that were read.
    pub fn position(&self) -> u64 {
        self.table.position().byte()
    }

    fn item(&mut self, record: &csv::ByteRecord) -> Result<CatalogueItem, String> {
        let line = record.position().map_or(0, csv::Position::line);
        if record.as_slice().len() > ROW_MAX {
            return Err(format!(
                "line {line}: longer than {ROW_MAX} bytes; is there a quote that is not closed?"
            ));
        }
        if record.len() != self.columns.len() {
            let (given, allowed) = (record.len(), self.columns.len());
            return Err(format!(
                "line {line}: {given} columns; it must be {allowed}, as many as the head has"
            ));
        }
        let mut item = CatalogueItem::default();
        let mut tax = (None, None);
        for (column, cell) in self.columns.iter().zip(record) {
            let refused = |given: &str, allowed: &str| {
                let given: String = given.chars().take(100).collect();
                format!("line {line}: {} is {given:?}; it must be {allowed}", column.name)
            };
            let cell = std::str::from_utf8(cell)
                .map_err(|_| refused(&String::from_utf8_lossy(cell), "text in UTF-8"))?
                .trim();
            if cell.is_empty() {
                continue;
            }
            let set = |item: &mut CatalogueItem, currency: &mut Option<Currency>, tax: &mut _| {
                set(item, currency, tax, column, cell)
            };
            set(&mut item, &mut self.currency, &mut tax).map_err(|allowed| refused(cell, &allowed))?;
        }
        item.tax = match tax {
            (None | Some(false), None) | (Some(false), Some(_)) => Tax::default(),
            (Some(true), Some(rate)) => Tax::included(rate),
            (Some(true), None) => {
                return Err(format!(
                    "line {line}: tax_rate is missing; it must be given where prices include tax"
                ));
            }
            (None, Some(_)) => {
                return Err(format!(
                    "line {line}: price_includes_tax is missing; it must be given with a tax_rate"
                ));
            }
        };
        if item.price_minor == 0 {
            return Err(format!("line {line}: the price is missing or 0; it must be above 0"));
        }
        if item.family.is_empty() {
            item.family = item.sku.clone();
        }
        item.check().map_err(|error| format!("line {line}: {error}"))?;
        match self.lines.insert(item.sku.clone(), line) {
            Some(first) => {
                Err(format!("line {line}: sku is {:?}, as in line {first}; it must be there once", item.sku))
            }
            None => Ok(item),
        }
    }
}

impl Iterator for Items {
    type Item = Result<CatalogueItem, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let mut record = csv::ByteRecord::new();
        let item = match self.table.read_byte_record(&mut record) {
            Ok(false) => return None,
            Ok(true) => self.item(&record).map_err(files::named(&self.path)),
            Err(error) => Err(files::named(&self.path)(error)),
        };
        self.has_failed = item.is_err();
        Some(item)
    }
}

/// Puts what a cell holds into the item, or says what the cell must be.
fn set(
    item: &mut CatalogueItem,
    currency: &mut Option<Currency>,
    tax: &mut (Option<bool>, Option<f64>),
    column: &Column,
    cell: &str,
) -> Result<(), String> {
    let mut amount = || if column.is_minor { integer(cell) } else { amount(cell, currency) };
    match column.meaning {
        Meaning::Sku => item.sku = cell.to_owned(),
        Meaning::Price => item.price_minor = amount()?,
        Meaning::Cost => item.cost_minor = Some(amount()?),
        Meaning::CompareAt => item.compare_at_minor = Some(amount()?),
        Meaning::Map => item.map_minor = Some(amount()?),
        Meaning::IncludesTax => {
            tax.0 = Some(match cell.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => true,
                "false" | "no" | "0" => false,
                _ => return Err("true or false".into()),
            });
        }
        Meaning::TaxRate => tax.1 = Some(rate(cell).ok_or("a share such as 0.19, or 19 %")?),
        Meaning::Brand => item.brand = cell.to_owned(),
        Meaning::Category => item.category = cell.to_owned(),
        Meaning::Family => item.family = cell.to_owned(),
        Meaning::Stock => item.stock = Some(integer(cell)?),
        Meaning::Past => item.past = Some(integer(cell)?),
        Meaning::OtherPrice => {
            item.columns.insert(column.name.clone(), amount()?.to_string());
        }
        // A description and the like: no experiment can be about it, so it is left out.
        Meaning::Other if cell.chars().count() > TEXT_CHARACTERS_MAX => {}
        Meaning::Other if cell.chars().any(char::is_control) => {}
        Meaning::Other => {
            item.columns.insert(column.name.clone(), cell.to_owned());
        }
    }
    Ok(())
}

fn integer(cell: &str) -> Result<i64, String> {
    cell.parse().map_err(|_| "an integer".to_owned())
}

/// A tax rate as a share or in per cent, from 0 to 1.
fn rate(cell: &str) -> Option<f64> {
    let (number, whole) = match cell.strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (cell, 1.0),
    };
    let rate = number.parse::<f64>().ok()? / whole;
    (0.0..=1.0).contains(&rate).then_some(rate)
}

/// An amount in major units, with its currency before or after it where the file has not said it yet.
fn amount(cell: &str, currency: &mut Option<Currency>) -> Result<i64, String> {
    let is_code = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let split = cell.rsplit_once(' ').or_else(|| cell.split_once(' '));
    let (number, code) = match split {
        Some((number, code)) if is_code(code) => (number.trim(), Some(code)),
        Some((code, number)) if is_code(code) => (number.trim(), Some(code)),
        _ => (cell, None),
    };
    let given = code.map(|code| code.to_ascii_uppercase().parse::<Currency>()).transpose();
    let given = given.map_err(|_| "a price with a currency of ISO 4217".to_owned())?;
    let known = match (*currency, given) {
        (Some(known), Some(given)) if known != given => return Err(format!("an amount in {known}")),
        (None, None) => return Err("with its currency, such as 19.00 EUR; or say --currency EUR".into()),
        (known, given) => known.or(given),
    };
    *currency = known;
    let Some(known) = known else { return Err("with its currency".into()) };
    // 19,00 is how most of Europe writes it; 1,900 could be either.
    let digits = known.minor_digits() as usize;
    let with_comma = number.split_once(',').filter(|(_, part)| part.len() == digits && digits == 2);
    let plain = with_comma.map(|(whole, part)| format!("{whole}.{part}"));
    known.minor(plain.as_deref().unwrap_or(number)).ok_or_else(|| {
        format!("an amount such as {} {known}, without signs between thousands", known.major(1900))
    })
}

#[cfg(test)]
mod tests;
