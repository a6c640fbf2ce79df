//! `haggle sales push`: the shop's daily sales, for experiments that randomise items.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::Server;
use crate::{Answer, Failure, files, say};

/// Most rows of a request: what the API takes.
pub const ROWS_MAX: usize = 1000;

/// Sends the shop's sales by item and day.
#[derive(Args)]
pub struct SalesOptions {
    #[command(subcommand)]
    command: SalesCommand,
}

#[derive(Subcommand)]
enum SalesCommand {
    Push(SalesPush),
}

/// Sends a file with the columns day, sku, units, revenue, cost. A day that is sent again replaces itself.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle sales push sales-2026-12-01.csv
  shop-export --day yesterday | haggle sales push -

day is 2026-12-01; revenue and cost are net sums of the day in minor units (cents); a file that was sent by half may be
sent again.")]
struct SalesPush {
    /// CSV or TSV file with a head; - is standard input.
    file: PathBuf,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

impl SalesOptions {
    /// Does what was asked.
    pub fn run(&self) -> Result<Answer, Failure> {
        let SalesCommand::Push(options) = &self.command;
        options.run()
    }
}

/// A bar over the bytes of a file, on standard error; silent where that is no terminal.
pub fn bar(path: &Path) -> Result<ProgressBar, Failure> {
    let length = std::fs::metadata(path).map_or(0, |file| file.len());
    let bar = if length == 0 { ProgressBar::no_length() } else { ProgressBar::new(length) };
    let style = "{bar:30} {bytes}/{total_bytes} {elapsed}, {eta} to go, {msg}";
    bar.set_style(ProgressStyle::with_template(style)?);
    Ok(bar)
}

/// The columns of a sales file, by their names.
struct Columns([usize; 5]);

/// Names of the columns; money is in minor units.
const COLUMNS: [&str; 5] = ["day", "sku", "units", "revenue", "cost"];

impl Columns {
    fn read(head: &csv::ByteRecord) -> Result<Self, Failure> {
        let name =
            |cell: &[u8]| String::from_utf8_lossy(cell).trim().to_ascii_lowercase().replace("_minor", "");
        let names: Vec<String> = head.iter().map(name).collect();
        let mut columns = [0; 5];
        for (column, wanted) in columns.iter_mut().zip(COLUMNS) {
            let at = names.iter().position(|name| name == wanted);
            *column = at.ok_or_else(|| {
                format!("line 1: no column {wanted}; the head is {names:?}, and it must name {COLUMNS:?}")
            })?;
        }
        Ok(Self(columns))
    }

    fn row(&self, record: &csv::ByteRecord) -> Result<Value, Failure> {
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Map::new();
        for (&at, name) in self.0.iter().zip(COLUMNS) {
            let cell = String::from_utf8_lossy(record.get(at).unwrap_or_default()).trim().to_owned();
            let refused = |allowed: &str| format!("line {line}: {name} is {cell:?}; it must be {allowed}");
            let value: Value = match name {
                "day" => is_day(&cell)
                    .then(|| cell.clone().into())
                    .ok_or_else(|| refused("a day such as 2026-12-01"))?,
                "sku" if cell.is_empty() => return Err(refused("the item's key").into()),
                "sku" => cell.into(),
                _ => cell.parse::<i64>().map_err(|_| refused("an integer; money is in minor units"))?.into(),
            };
            let field =
                if matches!(name, "revenue" | "cost") { format!("{name}_minor") } else { name.into() };
            row.insert(field, value);
        }
        Ok(row.into())
    }
}

/// Whether a text looks like a civil date; which days there are, the API knows.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [4, 2, 2] && parts.concat().bytes().all(|byte| byte.is_ascii_digit())
}

/// A reader of a table that finds out by its first line whether commas, semicolons or tabs separate.
pub fn table(path: &Path) -> Result<csv::Reader<impl Read>, Failure> {
    let mut input = files::open(path)?;
    let first = files::first_line(&mut *input)?;
    let count = |sign: u8| first.iter().filter(|&&byte| byte == sign).count();
    let separator = [b'\t', b';', b','].into_iter().max_by_key(|&sign| count(sign)).unwrap_or(b',');
    let first = first.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(first);
    let whole = std::io::Cursor::new(first).chain(input);
    Ok(csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(whole))
}

impl SalesPush {
    fn run(&self) -> Result<Answer, Failure> {
        let client = self.server.client()?;
        let mut table = table(&self.file)?;
        let columns = Columns::read(table.byte_headers().map_err(files::named(&self.file))?)
            .map_err(files::named(&self.file))?;
        let bar = bar(&self.file)?;
        let (mut days, mut rows, mut record) = (Vec::new(), 0_u64, csv::ByteRecord::new());
        let send = |days: &mut Vec<Value>| -> Result<(), Failure> {
            if !days.is_empty() {
                client.post_json("/haggle/v1/sales", &json!({ "days": std::mem::take(days) }))?;
            }
            Ok(())
        };
        while table.read_byte_record(&mut record).map_err(files::named(&self.file))? {
            days.push(columns.row(&record).map_err(files::named(&self.file))?);
            rows += 1;
            if days.len() == ROWS_MAX {
                send(&mut days).map_err(|failure| so_far(rows, failure))?;
                bar.set_position(record.position().map_or(0, csv::Position::byte));
                bar.set_message(format!("{rows} rows"));
            }
        }
        send(&mut days).map_err(|failure| so_far(rows, failure))?;
        bar.finish_and_clear();
        say(if self.json { json!({ "rows": rows }).to_string() } else { format!("{rows} rows are stored") })?;
        Ok(Answer::Yes)
    }
}

/// A failure in the middle of a file, and how to go on.
pub fn so_far(rows: u64, failure: Failure) -> Failure {
    format!("at row {rows}: {failure}\nWhat was sent before is stored; send the file again, nothing is counted twice").into()
}
