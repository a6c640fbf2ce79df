//! Long files for the administration: the catalogue and the sales, in requests of some hundred rows.
//!
//! Both are stored by key: a file of which the first half was sent is sent again as a whole, and nothing counts twice.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use haggle::Currency;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use ureq::http::Method;

use super::client::Message;
use super::{Client, Server};
use crate::{Answer, Failure, amount, catalogue_file, files, say};

/// Most items, and most sales, of a request: what the API takes.
const ITEMS_MAX: usize = 1000;
const SALES_MAX: usize = 500;
/// Bytes after which a request is full, however few rows it has: the API takes 256 KiB of sales.
const FULL_BYTES: usize = 192 << 10;
/// Most items that are named in the summary.
const NAMED_MAX: usize = 10;

/// Sends the shop's catalogue: the items that experiments may price.
#[derive(Args)]
pub struct CatalogueOptions {
    #[command(subcommand)]
    command: CatalogueCommand,
}

#[derive(Subcommand)]
enum CatalogueCommand {
    Push(CataloguePush),
}

/// Sends a catalogue file: new items are added, known ones replaced; what is not in the file stays.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle catalogue push items.csv --currency EUR
  shop-export | haggle catalogue push - --currency EUR --json

Columns are sku, price, cost, brand, category, family, stock, map and any others; docs/catalogue.md says how they are \
read. An experiment that runs keeps the prices that it was started with: items that changed under it are named.")]
struct CataloguePush {
    /// CSV or TSV file with a head; - is standard input.
    file: PathBuf,
    /// Currency of the prices, where it does not stand beside them.
    #[arg(long)]
    currency: Option<Currency>,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Sends the shop's sales by item and day, for experiments that randomise items.
#[derive(Args)]
pub struct SalesOptions {
    #[command(subcommand)]
    command: SalesCommand,
}

#[derive(Subcommand)]
enum SalesCommand {
    Push(SalesPush),
}

/// Sends a file with the columns day, sku, units, revenue, cost: the net sums of an item and a day.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle sales push sales-2026-12-01.csv --currency EUR
  shop-export --day yesterday | haggle sales push - --currency EUR

day is such as 2026-12-01; revenue and cost are net amounts of all the units, in major units, or in minor units where \
the columns are revenue_minor and cost_minor. A day that is sent again replaces itself: a file that was sent by half is \
sent again as a whole. Exit code 1: the API has refused some rows.")]
struct SalesPush {
    /// CSV or TSV file with a head; - is standard input.
    file: PathBuf,
    /// Currency of revenue and cost.
    #[arg(long)]
    currency: Option<Currency>,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

impl CatalogueOptions {
    /// Does what was asked.
    pub fn run(&self) -> Result<Answer, Failure> {
        let CatalogueCommand::Push(options) = &self.command;
        options.run()
    }
}

impl SalesOptions {
    /// Does what was asked.
    pub fn run(&self) -> Result<Answer, Failure> {
        let SalesCommand::Push(options) = &self.command;
        options.run()
    }
}

/// A bar over the bytes of a file, on standard error; silent where that is no terminal.
fn bar(path: &Path) -> Result<ProgressBar, Failure> {
    let length = std::fs::metadata(path).map_or(0, |file| file.len());
    let bar = if length == 0 { ProgressBar::no_length() } else { ProgressBar::new(length) };
    bar.set_style(ProgressStyle::with_template("{bar:30} {bytes} {elapsed}, {eta} to go, {msg}")?);
    Ok(bar)
}

/// Lines on their way to a path, some hundred at a time.
struct Sending<'a> {
    client: &'a Client,
    path: &'static str,
    bar: ProgressBar,
    lines: Vec<String>,
    bytes: usize,
    /// Most lines of a request.
    lines_max: usize,
    /// Rows that were sent.
    sent: u64,
    /// How the lines become a body.
    body: fn(&[String]) -> String,
    media_type: &'static str,
}

impl<'a> Sending<'a> {
    /// Nothing is on its way yet. `lines_max` lines of the file become a request's body.
    fn new(
        client: &'a Client,
        file: &Path,
        path: &'static str,
        lines_max: usize,
        (body, media_type): (fn(&[String]) -> String, &'static str),
    ) -> Result<Self, Failure> {
        let (bar, lines) = (bar(file)?, Vec::new());
        Ok(Self { client, path, bar, lines, bytes: 0, lines_max, sent: 0, body, media_type })
    }

    /// Adds a line; gives the answer where that has filled a request.
    fn add(&mut self, line: String, position: u64) -> Result<Option<Value>, Failure> {
        self.bytes += line.len();
        self.lines.push(line);
        if self.lines.len() < self.lines_max && self.bytes < FULL_BYTES {
            return Ok(None);
        }
        let answer = self.send()?;
        self.bar.set_position(position);
        self.bar.set_message(format!("{} rows", self.sent));
        Ok(answer)
    }

    /// Sends what is left; nothing where nothing is.
    fn send(&mut self) -> Result<Option<Value>, Failure> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        let (body, media_type) = ((self.body)(&self.lines).into_bytes(), self.media_type);
        let message = Message { body, media_type, ..Message::default() };
        let reply = self.client.send(&Method::POST, self.path, &message).and_then(|reply| reply.json());
        let answer = reply.map_err(|failure| {
            let (first, last) = (self.sent + 1, self.sent + self.lines.len() as u64);
            let rest = "What was before is stored; send the file again, nothing counts twice";
            format!("rows {first} to {last}: {failure}\n{rest}")
        })?;
        self.sent += self.lines.len() as u64;
        self.lines.clear();
        self.bytes = 0;
        Ok(Some(answer))
    }
}

impl CataloguePush {
    fn run(&self) -> Result<Answer, Failure> {
        let client = self.server.client()?;
        let mut items = catalogue_file::read(&self.file, self.currency, None)?;
        let lines: fn(&[String]) -> String = |lines| lines.join("\n");
        let form = (lines, "application/x-ndjson");
        let mut sending = Sending::new(&client, &self.file, "/haggle/v1/catalogue", ITEMS_MAX, form)?;
        let (mut stored, mut changed) = (0, Vec::new());
        let mut note = |answer: Option<Value>| {
            let Some(answer) = answer else { return };
            stored += answer.get("stored").and_then(Value::as_u64).unwrap_or_default();
            let live = answer.get("changed_in_live").and_then(Value::as_array);
            changed.extend(live.into_iter().flatten().cloned());
        };
        while let Some(item) = items.next() {
            let line = item?.to_json();
            note(sending.add(line, items.position())?);
        }
        note(sending.send()?);
        sending.bar.finish_and_clear();
        if self.json {
            say(json!({ "rows": sending.sent, "stored": stored, "changed_in_live": changed }))?;
            return Ok(Answer::Yes);
        }
        say(format!("{stored} items were stored in the catalogue"))?;
        if !changed.is_empty() {
            let named: Vec<String> = changed.iter().take(NAMED_MAX).map(shown).collect();
            let more = changed.len().saturating_sub(NAMED_MAX);
            let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
            say(format!(
                "changed under experiments that run, which keep their prices: {}{rest}",
                named.join(", ")
            ))?;
        }
        Ok(Answer::Yes)
    }
}

/// An item as the API names it.
fn shown(item: &Value) -> String {
    item.as_str().map_or_else(|| item.to_string(), str::to_owned)
}

/// A reader of a table that finds out by its first line whether commas, semicolons or tabs separate.
pub fn table(path: &Path) -> Result<csv::Reader<Box<dyn Read>>, Failure> {
    files::table(path, |first| files::most_of(first, b",;\t"))
}

/// The columns of a sales file: where each stands, and whether it holds minor units.
struct Columns([(usize, bool); 5]);

/// Names of the columns.
const COLUMNS: [&str; 5] = ["day", "sku", "units", "revenue", "cost"];

impl Columns {
    fn read(head: &csv::ByteRecord) -> Result<Self, String> {
        let names: Vec<String> =
            head.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_ascii_lowercase()).collect();
        let mut columns = [(0, true); 5];
        for (column, wanted) in columns.iter_mut().zip(COLUMNS) {
            let at = |name: &str| names.iter().position(|known| known == name);
            let is_money = matches!(wanted, "revenue" | "cost");
            let minor = at(&format!("{wanted}_minor")).filter(|_| is_money).map(|at| (at, true));
            *column = minor.or_else(|| Some((at(wanted)?, !is_money))).ok_or_else(|| {
                format!("line 1: no column {wanted} in the head, which is {}", names.join(", "))
            })?;
        }
        Ok(Self(columns))
    }

    fn row(&self, record: &csv::ByteRecord, currency: Option<Currency>) -> Result<Value, String> {
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Map::new();
        for (&(at, is_minor), name) in self.0.iter().zip(COLUMNS) {
            let cell = String::from_utf8_lossy(record.get(at).unwrap_or_default()).trim().to_owned();
            let refused = |allowed: &str| format!("line {line}: {name} is {cell:?}; it must be {allowed}");
            let value: Value = match name {
                "day" if haggle::time::parse_date(&cell).is_none() => {
                    return Err(refused("a day such as 2026-12-01"));
                }
                "sku" if cell.is_empty() => return Err(refused("the item's key")),
                "day" | "sku" => cell.into(),
                _ if is_minor => cell.parse::<i64>().map_err(|_| refused("an integer"))?.into(),
                _ => {
                    signed_minor(&cell, currency).map_err(|why| format!("line {line}: {name}: {why}"))?.into()
                }
            };
            let field =
                if matches!(name, "revenue" | "cost") { format!("{name}_minor") } else { name.into() };
            row.insert(field, value);
        }
        Ok(row.into())
    }
}

/// An amount in minor units; more may come back on a day than was sold.
fn signed_minor(text: &str, currency: Option<Currency>) -> Result<i64, String> {
    let currency =
        currency.ok_or("of which currency is not given: --currency EUR, or a column in minor units")?;
    match text.strip_prefix('-') {
        Some(rest) => amount::amount_minor(rest, currency).map(|minor| -minor),
        None => amount::amount_minor(text, currency),
    }
}

impl SalesPush {
    fn run(&self) -> Result<Answer, Failure> {
        let client = self.server.client()?;
        let mut table = table(&self.file)?;
        let head = table.byte_headers().map_err(files::named(&self.file))?;
        let columns = Columns::read(head).map_err(files::named(&self.file))?;
        let days: fn(&[String]) -> String = |lines| format!("{{\"days\":[{}]}}", lines.join(","));
        let form = (days, "application/json");
        let mut sending = Sending::new(&client, &self.file, "/haggle/v1/sales", SALES_MAX, form)?;
        let (mut record, mut taken) = (csv::ByteRecord::new(), Taken::default());
        while table.read_byte_record(&mut record).map_err(files::named(&self.file))? {
            let row = columns.row(&record, self.currency).map_err(files::named(&self.file))?;
            taken.note(sending.add(row.to_string(), record.position().map_or(0, csv::Position::byte))?);
        }
        taken.note(sending.send()?);
        sending.bar.finish_and_clear();
        let Taken { new, known, refused } = taken;
        let count = refused.len();
        if self.json {
            say(json!({ "rows": sending.sent, "recorded": new, "duplicate": known, "refused": refused }))?;
        } else {
            refused.iter().take(NAMED_MAX).try_for_each(|line| say(format!("refused: {}", shown(line))))?;
            say(format!(
                "{} rows: {new} new or changed, {known} known before, {count} refused",
                sending.sent
            ))?;
        }
        Ok(if count == 0 { Answer::Yes } else { Answer::No })
    }
}

/// What became of sales.
#[derive(Default)]
struct Taken {
    new: u64,
    known: u64,
    refused: Vec<Value>,
}

impl Taken {
    fn note(&mut self, answer: Option<Value>) {
        let results = answer.as_ref().and_then(|answer| answer.get("results")).and_then(Value::as_array);
        for line in results.into_iter().flatten() {
            match line.get("status").and_then(Value::as_str) {
                Some("recorded") => self.new += 1,
                Some("refused") => self.refused.push(line.clone()),
                _ => self.known += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(head: &str, line: &str, currency: Option<&str>) -> Result<Value, String> {
        let record = |text: &str| text.split(',').collect::<csv::ByteRecord>();
        Columns::read(&record(head))?.row(&record(line), currency.map(|code| code.parse().unwrap()))
    }

    #[test]
    fn sales_are_read_in_major_or_minor_units() {
        let wanted =
            json!({ "day": "2026-12-01", "sku": "A", "units": 2, "revenue_minor": 3500, "cost_minor": -10 });
        let major = row("sku,day,units,revenue,cost", "A,2026-12-01,2,35.00,-0.10", Some("EUR"));
        assert_eq!(major, Ok(wanted.clone()));
        assert_eq!(
            row("Day,sku,units,revenue_minor,cost_minor", "2026-12-01,A,2,3500,-10", None),
            Ok(wanted)
        );
    }

    #[test]
    fn a_wrong_row_is_told_by_its_column() {
        let of = |line: &str, currency| row("day,sku,units,revenue,cost", line, currency).unwrap_err();
        assert!(of("2026-13-01,A,1,1.00,1.00", Some("EUR")).contains("day is \"2026-13-01\""));
        assert!(of("2026-12-01,,1,1.00,1.00", Some("EUR")).contains("sku is \"\""));
        assert!(of("2026-12-01,A,1.5,1.00,1.00", Some("EUR")).contains("units is \"1.5\""));
        assert!(of("2026-12-01,A,1,1.001,1.00", Some("EUR")).contains("revenue: 1.001"));
        assert!(of("2026-12-01,A,1,1.00,1.00", None).contains("--currency"));
        assert!(row("day,sku,units,revenue", "", None).unwrap_err().contains("no column cost"));
    }
}
