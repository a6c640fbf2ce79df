//! `haggle page`: a saved page through the rewriter, so that a shop developer can try marks and rules.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use haggle::page::{Offers, Output, Price, Report, Rewriter, Seen};
use haggle::{Error, Site};
use serde_json::json;

use crate::table::{Table, Unit};
use crate::{Answer, Failure, amount, files, say};

/// Longest text that is shown of a place, in characters.
const SHOWN_MAX: usize = 40;
/// Most items that are named where none of those asked for is found.
const OTHERS_MAX: usize = 5;

/// Shows where a saved page shows the price of an item, and whether each place would be rewritten.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle page saved.html --item OLIVE-500:19.00:17.50:EUR
  haggle page saved.html --site site.toml --path /products/harvest-oil --item OLIVE-500:19.00:17.50:EUR
  curl -s https://shop.example/products/x | haggle page - --site site.toml --path /products/x \\
    --item X:1299:1199:JPY --write rewritten.html

Exit code 1: a place that should hold the catalogue price does not, or no item is shown.
docs/surfaces.md says how a page is marked and how a site file is written.")]
pub struct Options {
    /// File with the page; - is standard input.
    page: PathBuf,
    /// File with the site, in TOML or JSON (*.json).
    #[arg(long)]
    site: Option<PathBuf>,
    /// Path of the page's address.
    #[arg(long, default_value = "/")]
    path: String,
    /// An item: its key, its price in the page, the price to be shown, and their currency. May be given several times.
    #[arg(long, value_name = "SKU:FROM:TO:CURRENCY", required = true)]
    item: Vec<String>,
    /// File for the page with the new prices, and with a comment in place of each hidden field.
    #[arg(long)]
    write: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// The items of the command line, and which others the page has asked for.
struct Items {
    prices: Vec<(String, Price)>,
    others: RefCell<BTreeSet<String>>,
}

impl Items {
    fn read(texts: &[String]) -> Result<Self, Failure> {
        let mut prices: Vec<(String, Price)> = Vec::new();
        for text in texts {
            let (sku, price) = item(text)?;
            if prices.iter().any(|(known, _)| *known == sku) {
                return Err(format!("--item {text}: {sku} is given twice; it must be given once").into());
            }
            prices.push((sku, price));
        }
        Ok(Self { prices, others: RefCell::default() })
    }

    /// Why no item was found: what the page is about instead.
    fn why_none(&self, path: &str) -> String {
        let others = self.others.borrow();
        let named: Vec<String> = others.iter().take(OTHERS_MAX).map(|sku| shown(sku)).collect();
        match others.len() {
            0 => format!("no mark, card or rule for the path {path} names an item"),
            1..=OTHERS_MAX => format!("the page is about {}", named.join(", ")),
            more => format!("the page is about {}, and {} more", named.join(", "), more - OTHERS_MAX),
        }
    }
}

impl Offers for Items {
    fn price(&self, sku: &str) -> Option<Price> {
        let price = self.prices.iter().find(|(known, _)| known == sku).map(|&(_, price)| price);
        if price.is_none() {
            self.others.borrow_mut().insert(sku.into());
        }
        price
    }
}

/// Reads the site of a file, TOML or JSON.
pub fn site(path: &std::path::Path) -> Result<Site, Failure> {
    let text = files::text(path)?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let site = if is_json { Site::from_json(&text) } else { Site::from_toml(&text) };
    site.map_err(files::named(path))
}

/// An item as it is written on the command line.
fn item(text: &str) -> Result<(String, Price), Failure> {
    let refused = |why: &str| -> Failure { format!("--item {text}: {why}").into() };
    // A key may have colons in it.
    let parts: Vec<&str> = text.rsplitn(4, ':').collect();
    let [currency, to, from, sku] = parts.as_slice() else {
        return Err(refused("it must be SKU:FROM:TO:CURRENCY, such as OLIVE-500:19.00:17.50:EUR"));
    };
    let currency: haggle::Currency = currency.parse().map_err(|error: Error| refused(&error.to_string()))?;
    let minor = |text: &str| amount::price_minor(text, currency).map_err(|why| refused(&why));
    if sku.trim().is_empty() {
        return Err(refused("the key is empty; it must be the sku of the experiment"));
    }
    let price =
        Price { catalogue_minor: minor(from)?, price_minor: minor(to)?, currency, is_disclosed: false };
    Ok(((*sku).into(), price))
}

/// Prints the places and what becomes of the items.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let site = options.site.as_deref().map_or_else(|| Ok(Site::default()), site)?;
    let items = Items::read(&options.item)?;
    if !options.path.starts_with('/') {
        let why = format!("--path {}: it must be a path, from its / on, such as /products/x", options.path);
        return Err(why.into());
    }
    let page = files::bytes(&options.page)?;
    let (mut rewriter, mut output) =
        (Rewriter::new(&site, &options.path, &items).noting(), Output::default());
    rewriter.push(&page, &mut output);
    let report = rewriter.end(&mut output);
    if let Some(path) = &options.write {
        std::fs::write(path, with_fields(&output)).map_err(files::named(path))?;
    }
    let is_shown = !report.items.is_empty() && report.items.iter().all(|item| item.is_shown());
    let lines = Lines::of(&page);
    if options.json {
        say(as_json(&lines, &output, &report))?;
    } else {
        print(&lines, &output, &report)?;
        if report.items.is_empty() {
            say(format!(
                "no place with a price of these items was found: {}",
                items.why_none(&options.path)
            ))?;
        }
    }
    Ok(if is_shown { Answer::Yes } else { Answer::No })
}

/// Where the lines of a page end.
struct Lines(Vec<usize>);

impl Lines {
    fn of(page: &[u8]) -> Self {
        Self(page.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').map(|(at, _)| at).collect())
    }

    /// The number of the line in which a byte stands, from 1.
    fn number(&self, at: usize) -> usize {
        self.0.partition_point(|&end| end < at) + 1
    }
}

/// A text of the page for the terminal: in one line, and without signs that a terminal obeys.
fn shown(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|sign| !sign.is_control()).take(SHOWN_MAX).collect()
}

/// What became of a place.
fn verdict(seen: &Seen) -> &'static str {
    match (seen.is_matched, seen.is_compared) {
        (Some(true), false) => "rewritten",
        (Some(true), true) => "higher, stays",
        (Some(false), false) => "MISMATCH",
        (Some(false), true) => "NOT HIGHER",
        (None, _) => "left alone",
    }
}

fn print(lines: &Lines, output: &Output, report: &Report) -> Result<(), Failure> {
    let mut table = Table::new(&["place", "item", "line", "text", "result"]);
    for seen in &report.surfaces {
        table.line(vec![
            seen.name.clone(),
            seen.sku.clone(),
            lines.number(seen.at).to_string(),
            shown(&seen.text),
            verdict(seen).into(),
        ]);
    }
    if !report.surfaces.is_empty() {
        say(&table)?;
    }
    for item in &report.items {
        let price = |minor| Unit::price(Some(item.price.currency), minor);
        let (from, to) = (price(item.price.catalogue_minor), price(item.price.price_minor));
        let fields = output.fields.iter().filter(|field| field.sku == item.sku).count();
        let what = if item.is_shown() {
            format!("shown at {to}; places: {}, hidden fields: {fields}", item.written)
        } else {
            format!("left at {from}: {}", item.mismatches.join(", "))
        };
        say(format!("{}: {what}", item.sku))?;
    }
    Ok(())
}

fn as_json(lines: &Lines, output: &Output, report: &Report) -> serde_json::Value {
    let places = report.surfaces.iter().map(|seen| {
        json!({ "place": seen.name, "item": seen.sku, "line": lines.number(seen.at), "text": seen.text,
                "result": verdict(seen).to_lowercase() })
    });
    let items = report.items.iter().map(|item| {
        json!({ "item": item.sku, "is_shown": item.is_shown(), "written": item.written,
                "mismatches": item.mismatches,
                "fields": output.fields.iter().filter(|field| field.sku == item.sku).count() })
    });
    json!({ "places": places.collect::<Vec<_>>(), "items": items.collect::<Vec<_>>() })
}

/// The page with a comment where the edge would put a hidden field.
fn with_fields(output: &Output) -> Vec<u8> {
    let (mut page, mut rest, mut at) = (Vec::new(), output.bytes.as_slice(), 0);
    for field in &output.fields {
        let (before, after) = rest.split_at_checked(field.at - at).unwrap_or((rest, &[]));
        page.extend_from_slice(before);
        page.extend_from_slice(format!("<!-- {}: quote of {} -->", field.name, field.sku).as_bytes());
        (rest, at) = (after, field.at);
    }
    page.extend_from_slice(rest);
    page
}
