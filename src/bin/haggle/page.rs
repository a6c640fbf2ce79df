//! `haggle page`: a saved page through the rewriter, so that a shop developer can try marks and rules.

use std::path::PathBuf;

use clap::Args;
use haggle::page::{Offers, Output, Price, Report, Rewriter, Seen};
use haggle::{Error, Site};
use serde_json::json;

use crate::table::{Table, Unit};
use crate::{Answer, Failure, files, say};

/// Longest text that is shown of a place, in characters.
const SHOWN_MAX: usize = 40;

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

/// The items of the command line.
struct Items(Vec<(String, Price)>);

impl Offers for Items {
    fn price(&self, sku: &str) -> Option<Price> {
        self.0.iter().find(|(known, _)| known == sku).map(|&(_, price)| price)
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
    let minor = |amount: &str| {
        let (whole, decimals) = amount.split_once('.').unwrap_or((amount, ""));
        let digits = currency.minor_digits() as usize;
        let is_amount = !whole.is_empty() && decimals.len() <= digits;
        let minor = format!("{whole}{decimals:0<digits$}").parse().ok().filter(|&minor: &i64| minor > 0);
        let allowed =
            format!("{amount} is not an amount in {currency}, with a point and at most {digits} decimals");
        minor.filter(|_| is_amount).ok_or_else(|| refused(&allowed))
    };
    let price =
        Price { catalogue_minor: minor(from)?, price_minor: minor(to)?, currency, is_disclosed: false };
    Ok(((*sku).into(), price))
}

/// Prints the places and what becomes of the items.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let site = options.site.as_deref().map_or_else(|| Ok(Site::default()), site)?;
    let items = Items(options.item.iter().map(|text| item(text)).collect::<Result<_, _>>()?);
    let page = files::bytes(&options.page)?;
    let (mut rewriter, mut output) =
        (Rewriter::new(&site, &options.path, &items).noting(), Output::default());
    rewriter.push(&page, &mut output);
    let report = rewriter.end(&mut output);
    if let Some(path) = &options.write {
        std::fs::write(path, with_fields(&output)).map_err(files::named(path))?;
    }
    let is_shown = !report.items.is_empty() && report.items.iter().all(|item| item.is_shown());
    if options.json {
        say(as_json(&page, &output, &report))?;
    } else {
        print(&page, &output, &report)?;
    }
    Ok(if is_shown { Answer::Yes } else { Answer::No })
}

/// The number of the line in which a byte stands, from 1.
fn line(page: &[u8], at: usize) -> usize {
    page.iter().take(at).filter(|&&byte| byte == b'\n').count() + 1
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

fn print(page: &[u8], output: &Output, report: &Report) -> Result<(), Failure> {
    let mut table = Table::new(&["place", "item", "line", "text", "result"]);
    for seen in &report.surfaces {
        let text: String = seen.text.split_whitespace().collect::<Vec<_>>().join(" ");
        table.line(vec![
            seen.name.clone(),
            seen.sku.clone(),
            line(page, seen.at).to_string(),
            text.chars().take(SHOWN_MAX).collect(),
            verdict(seen).into(),
        ]);
    }
    say(&table)?;
    for item in &report.items {
        let price = |minor| Unit::price(Some(item.price.currency), minor);
        let (from, to) = (price(item.price.catalogue_minor), price(item.price.price_minor));
        let fields = output.fields.iter().filter(|field| field.sku == item.sku).count();
        let what = if item.is_shown() {
            format!("shown at {to} in {} places, {fields} hidden fields", item.written)
        } else {
            format!("left at {from}: {}", item.mismatches.join(", "))
        };
        say(format!("{}: {what}", item.sku))?;
    }
    if report.items.is_empty() {
        say("no place with a price of these items was found")?;
    }
    Ok(())
}

fn as_json(page: &[u8], output: &Output, report: &Report) -> serde_json::Value {
    let places = report.surfaces.iter().map(|seen| {
        json!({ "place": seen.name, "item": seen.sku, "line": line(page, seen.at), "text": seen.text,
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
