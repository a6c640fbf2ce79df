//! `haggle audit`: whether the shop shows the prices that the experiment means, wherever they stand.

mod computed;
mod front;
mod rows;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use haggle::{Key, UnitKey};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::remote::{Client, Server};
use crate::table::{Table, Unit};
use crate::{Answer, Failure, say};
use computed::Computed;
use front::{Front, Page, Visit};

/// Compares the prices that the shop shows with those that were computed: pages, their data, carts, feeds, price lists.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle audit sevilla --shop https://shop.example --url-template '/products/{sku}' --enter /about
  haggle audit sevilla --shop https://shop.example --pages pages.tsv --sample 200 --json
  haggle audit sevilla --shop https://shop.example --pages pages.tsv \\
    --cart-template '/cart/add?sku={sku}&haggle_quote={quote}' --cart-selector 'tr[data-sku=\"{sku}\"] .price'
  haggle audit winter --prices prices.tsv --feed feed.tsv

Pages are asked for through the front door, as a shopper with cookies does; what they should say is computed from the \
snapshot. Lists are compared with what everybody sees: the price of now where items are randomised, else the \
catalogue price. Exit code 1: something does not say the price that it should.")]
pub struct Options {
    /// Name of the experiment.
    name: String,
    /// The shop's address; its pages are looked at where it is given.
    #[arg(long, value_name = "URL", required_unless_present_any = ["prices", "feed"])]
    shop: Option<String>,
    /// File with the addresses of items: sku, url and, where there is one, that of the cart; tab-separated.
    #[arg(long, value_name = "FILE", requires = "shop", conflicts_with = "url_template")]
    pages: Option<PathBuf>,
    /// Address of an item's page, with {sku} in it.
    #[arg(long, value_name = "URL", requires = "shop")]
    url_template: Option<String>,
    /// Page through which a visitor enters. On a first view all prices are those of the catalogue: best one without any.
    #[arg(long, value_name = "PATH", default_value = "/", requires = "shop")]
    enter: String,
    /// Address that shows an item in the cart or the checkout, with {sku} in it, and {quote} for the signed price.
    #[arg(long, value_name = "URL", requires = "cart_selector")]
    cart_template: Option<String>,
    /// CSS selector of the item's price there; it may have {sku} in it.
    #[arg(long, value_name = "SELECTOR")]
    cart_selector: Option<String>,
    /// How many items are looked at, drawn by a seeded hash.
    #[arg(long, default_value_t = 50)]
    sample: usize,
    /// Seed of the draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many visitors look around at once, each with cookies of its own.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    concurrency: u8,
    /// Milliseconds that each visitor waits between two requests.
    #[arg(long, default_value_t = 250)]
    delay_ms: u64,
    /// A cookie that each visitor has from the beginning, such as that of its consent. May be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    cookie: Vec<String>,
    /// The shop's own price list: Id and Price, tab-separated or CSV, in major units.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// The shop's feed for a merchant centre: id, price and, where there is one, sale_price.
    #[arg(long, value_name = "FILE")]
    feed: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Something that does not say the price that it should.
pub struct Finding {
    /// The item.
    pub sku: String,
    /// Where: text, meta, json-ld, data, page, price-api, cart, feed or prices.
    pub kind: &'static str,
    /// What the place is called.
    pub surface: String,
    /// The price that it should say, in minor units.
    pub expected_minor: i64,
    /// What it says.
    pub found: String,
    /// The page or the file, with the line.
    pub place: String,
}

/// What was looked at, and what was found.
#[derive(Default)]
pub struct Audit {
    /// How much was compared, by what it was.
    pub checked: BTreeMap<&'static str, usize>,
    /// Items that their visitor sees at the price of a decision.
    pub decided: usize,
    /// Items that their visitor sees at the catalogue price.
    pub at_catalogue: usize,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Notes that something was compared.
    pub fn count(&mut self, what: &'static str, more: usize) {
        *self.checked.entry(what).or_default() += more;
    }

    fn add(&mut self, other: Self) {
        other.checked.into_iter().for_each(|(what, more)| self.count(what, more));
        self.decided += other.decided;
        self.at_catalogue += other.at_catalogue;
        self.findings.extend(other.findings);
    }
}

/// Audits and prints what was found.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let client = options.server.client()?;
    let computed = Computed::fetch(client.clone(), &options.name)?;
    let mut audit = Audit::default();
    if let Some(shop) = &options.shop {
        crawl(options, shop, &client, &computed, &mut audit)?;
    }
    if let Some(file) = &options.prices {
        rows::compare(file, "prices", &computed, &mut audit)?;
    }
    if let Some(file) = &options.feed {
        rows::compare(file, "feed", &computed, &mut audit)?;
    }
    audit.findings.sort_by(|a, b| (&a.sku, a.kind, &a.place).cmp(&(&b.sku, b.kind, &b.place)));
    if options.json {
        say(as_json(options, &computed, &audit))?
    } else {
        print(options, &computed, &audit)?
    }
    Ok(if audit.findings.is_empty() { Answer::Yes } else { Answer::No })
}

/// The pages to be looked at: a sample of those of the experiment's items.
fn pages(options: &Options, front: &Front, computed: &Computed) -> Result<Vec<Page>, Failure> {
    let all: Vec<Page> = match (&options.pages, &options.url_template) {
        (Some(file), _) => rows::pages(file, front, computed, options.cart_template.as_deref())?,
        (None, Some(template)) if !template.contains("{sku}") => {
            let example = "such as /products/{sku}";
            return Err(format!("--url-template is {template}; it must have {{sku}} in it, {example}").into());
        }
        (None, Some(template)) => computed
            .skus()
            .map(|sku| Page::of_template(front, sku, template, options.cart_template.as_deref()))
            .collect::<Result<_, _>>()?,
        (None, None) => {
            return Err("where the pages are is not given: --pages FILE or --url-template URL".into());
        }
    };
    let mut seed = [0; 32];
    seed.iter_mut().zip(options.seed.to_le_bytes()).for_each(|(to, from)| *to = from);
    let key = Key::new(&seed);
    let mut ranked: Vec<_> =
        all.into_iter().map(|page| (*UnitKey::of_visitor(&key, &page.sku).bytes(), page)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(ranked.into_iter().take(options.sample).map(|(_, page)| page).collect())
}

/// Looks at the pages, each visitor at the next that nobody has looked at.
fn crawl(
    options: &Options,
    shop: &str,
    client: &Client,
    computed: &Computed,
    audit: &mut Audit,
) -> Result<(), Failure> {
    let front = Front::new(shop, &options.cookie, options.delay_ms)?;
    let pages = pages(options, &front, computed)?;
    if pages.is_empty() {
        return Err(format!("no page of an item of {} is known: is it running?", options.name).into());
    }
    let bar = ProgressBar::new(pages.len() as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} pages {elapsed}, {eta} to go")?);
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let walk = || -> Result<Audit, String> {
        let mut audit = Audit::default();
        let mut visit = Visit::enter(&front, client, computed, &options.enter)?;
        while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
            visit.look_at(page, options.cart_selector.as_deref(), &mut audit)?;
            bar.inc(1);
        }
        Ok(audit)
    };
    std::thread::scope(|scope| {
        let visitors = usize::from(options.concurrency).min(pages.len());
        let walks: Vec<_> = (0..visitors)
            .map(|_| scope.spawn(|| walk().map(|audit| sum.lock().map(|mut sum| sum.push(audit)).is_ok())))
            .collect();
        walks.into_iter().try_for_each(|walk| match walk.join() {
            Ok(Ok(true)) => Ok(()),
            Ok(Err(why)) => Err(why),
            _ => Err("a visitor of the audit has ended without an answer".into()),
        })
    })?;
    bar.finish_and_clear();
    for one in sum.into_inner().map_err(|_| "a visitor of the audit has ended without an answer")? {
        audit.add(one);
    }
    Ok(())
}

fn as_json(options: &Options, computed: &Computed, audit: &Audit) -> Value {
    let findings = audit.findings.iter().map(|one| {
        json!({ "sku": one.sku, "kind": one.kind, "surface": one.surface, "expected_minor": one.expected_minor,
                "found": one.found, "place": one.place })
    });
    json!({ "experiment": options.name, "version": computed.version(), "items": computed.skus().count(),
            "checked": audit.checked, "decided": audit.decided, "at_catalogue": audit.at_catalogue,
            "mismatches": findings.collect::<Vec<_>>() })
}

fn print(options: &Options, computed: &Computed, audit: &Audit) -> Result<(), Failure> {
    if !audit.findings.is_empty() {
        let mut table = Table::new(&["item", "where", "place", "expected", "found", "address"]);
        for one in &audit.findings {
            let expected = Unit::price(computed.currency(), one.expected_minor);
            let texts = [one.kind, &one.surface, &expected, &one.found, &one.place].map(str::to_owned);
            table.line(std::iter::once(one.sku.clone()).chain(texts).collect());
        }
        say(&table)?;
    }
    let checked: Vec<String> = audit.checked.iter().map(|(what, count)| format!("{what} {count}")).collect();
    let (items, version) = (computed.skus().count(), computed.version());
    say(format!("{} of snapshot {version}, {items} items; compared: {}", options.name, checked.join(", ")))?;
    if options.shop.is_some() {
        say(format!(
            "items at a decided price {}, at the catalogue price {}",
            audit.decided, audit.at_catalogue
        ))?;
    }
    if audit.decided == 0 && audit.at_catalogue > 0 {
        say(
            "every price was the catalogue's: let the visitors enter through a page without prices (--enter)",
        )?;
    }
    let count = audit.findings.len();
    say(if count == 0 { "no mismatch".into() } else { format!("mismatches: {count}") })
}
