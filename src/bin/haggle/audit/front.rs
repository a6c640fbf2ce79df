//! The shop through its front door: a visitor with cookies, who looks at pages one after the other and waits in between.

use std::collections::BTreeMap;
use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

use haggle::audit::{self, Kind};
use haggle::page::{Offers, Price};
use haggle::{Currency, Site, UnitKey};
use serde_json::{Value, json};
use ureq::Agent;

use super::computed::Computed;
use super::{Audit, Finding};
use crate::Failure;
use crate::remote::{Client, part};

/// Longest page that is read, in bytes.
const PAGE_MAX: u64 = 16 << 20;
/// Most redirects from one page to the next.
const REDIRECTS_MAX: usize = 5;
/// How often a page is asked for that the shop is too busy for.
const TRIES_MAX: u32 = 3;
/// How long to wait then, in milliseconds.
const BUSY_MS: u64 = 2000;
/// Most amounts that are told of data.
const FOUND_MAX: usize = 3;
/// Longest text that is told of a place, in characters.
const SHOWN_MAX: usize = 40;

/// Cookie that names a visitor to haggle.
const VISITOR: &str = "haggle_vid";

/// The shop, and how it is asked.
pub struct Front {
    agent: Agent,
    origin: String,
    cookies: BTreeMap<String, String>,
    delay: Duration,
}

/// A page of an item.
pub struct Page {
    /// The item.
    pub sku: String,
    /// Its address, from the path on.
    pub path: String,
    /// Address that shows the item in the cart, from the path on; `{quote}` stands for the signed price.
    pub cart: Option<String>,
}

impl Page {
    /// A page by templates with `{sku}`.
    pub fn of_template(
        front: &Front,
        sku: &str,
        template: &str,
        cart: Option<&str>,
    ) -> Result<Self, Failure> {
        let of = |template: &str| front.path(&template.replace("{sku}", &part(sku)));
        Ok(Self { sku: sku.into(), path: of(template)?, cart: cart.map(of).transpose()? })
    }
}

impl Front {
    /// The shop at an address, with cookies that every visitor has.
    pub fn new(shop: &str, cookies: &[String], delay_ms: u64) -> Result<Self, Failure> {
        let shop = shop.trim_end_matches('/');
        let authority = shop.strip_prefix("https://").or_else(|| shop.strip_prefix("http://"));
        if authority.is_none_or(|name| name.is_empty() || name.contains(['/', '?', '#', '@'])) {
            return Err(format!(
                "--shop {shop}: it must be the shop's address, such as https://shop.example"
            )
            .into());
        }
        let mut known = BTreeMap::new();
        for cookie in cookies {
            let (name, value) =
                cookie.split_once('=').ok_or_else(|| format!("--cookie {cookie}: it must be NAME=VALUE"))?;
            known.insert(name.trim().to_owned(), value.trim().to_owned());
        }
        let settings = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .user_agent(concat!(
                "haggle-audit/",
                env!("CARGO_PKG_VERSION"),
                " (bot; the shop's own price check)"
            ));
        let delay = Duration::from_millis(delay_ms);
        Ok(Self { agent: settings.build().into(), origin: shop.into(), cookies: known, delay })
    }

    /// The path of an address in this shop.
    pub fn path(&self, url: &str) -> Result<String, Failure> {
        let rest = url.strip_prefix(&self.origin).unwrap_or(url);
        if rest.starts_with('/') && !rest.starts_with("//") {
            return Ok(rest.split('#').next().unwrap_or(rest).into());
        }
        Err(format!("{url} is no address of the shop {}", self.origin).into())
    }
}

/// What the shop has answered.
struct Answered {
    status: u16,
    /// The path that answered, after redirects.
    path: String,
    bytes: Vec<u8>,
}

/// A visitor who looks around.
pub struct Visit<'a> {
    front: &'a Front,
    client: &'a Client,
    computed: &'a Computed,
    currency: Currency,
    cookies: BTreeMap<String, String>,
    unit: Option<(String, UnitKey)>,
}

/// One price for one item.
struct Meant<'a> {
    sku: &'a str,
    price: Price,
}

impl Offers for Meant<'_> {
    fn price(&self, sku: &str) -> Option<Price> {
        (sku == self.sku).then_some(self.price)
    }
}

impl<'a> Visit<'a> {
    /// A visitor who has come through a page: the first view, which many shops show at catalogue prices.
    pub fn enter(
        front: &'a Front,
        client: &'a Client,
        computed: &'a Computed,
        path: &str,
    ) -> Result<Self, String> {
        let currency = computed.currency().ok_or("the experiment has no currency")?;
        let cookies = front.cookies.clone();
        let mut visit = Self { front, client, computed, currency, cookies, unit: None };
        let path = front.path(path).map_err(|why| why.to_string())?;
        let answered = visit.get(&path)?;
        match answered.status {
            200 => Ok(visit),
            status => {
                Err(format!("{}{path} answers {status}; --enter must be a page of the shop", front.origin))
            }
        }
    }

    /// Looks at the page of an item, and at the cart.
    pub fn look_at(&mut self, page: &Page, selector: Option<&str>, audit: &mut Audit) -> Result<(), String> {
        let answered = self.get(&page.path)?;
        let Some((expected_minor, quote)) = self.expected(page, audit)? else { return Ok(()) };
        let finding = |kind, surface: &str, found: String| Finding {
            sku: page.sku.clone(),
            kind,
            surface: surface.into(),
            expected_minor,
            found,
            place: format!("{}{}", self.front.origin, page.path),
        };
        audit.count("pages", 1);
        if answered.status != 200 {
            audit.findings.push(finding("page", "the page", format!("status {}", answered.status)));
            return Ok(());
        }
        let path = answered.path.split('?').next().unwrap_or_default();
        let site = site_of(self.computed.site_json(), path, &page.sku).map_err(|why| why.to_string())?;
        let checked = self.check(&site, path, &page.sku, expected_minor, &answered.bytes);
        if !checked.skus.contains(&page.sku) {
            audit.findings.push(finding("page", "the page", "no place with a price of the item".into()));
        }
        audit.count("places", checked.places);
        for one in checked.mismatches {
            let found = told(&one, &answered.bytes);
            audit.findings.push(finding(one.kind.name(), &one.surface, found));
        }
        if let (Some(cart), Some(selector)) = (&page.cart, selector) {
            let (sku, quote) = (page.sku.as_str(), quote.as_deref().unwrap_or_default());
            self.look_into_cart(sku, &cart.replace("{quote}", quote), selector, expected_minor, audit)?;
        }
        Ok(())
    }

    fn look_into_cart(
        &mut self,
        sku: &str,
        path: &str,
        selector: &str,
        expected_minor: i64,
        audit: &mut Audit,
    ) -> Result<(), String> {
        let answered = self.get(path)?;
        let selector = selector.replace("{sku}", &sku.replace(['"', '\'', '\\'], ""));
        let at = answered.path.split('?').next().unwrap_or_default();
        let site = json!({ "pages": [{ "path": at, "sku": sku }], "surfaces": [{ "selector": selector }] });
        let site = Site::from_json(&site.to_string()).map_err(|why| format!("--cart-selector: {why}"))?;
        let checked = self.check(&site, at, sku, expected_minor, &answered.bytes);
        audit.count("carts", 1);
        let found = match checked.mismatches.first() {
            Some(one) => told(one, &answered.bytes),
            None if answered.status != 200 => format!("status {}", answered.status),
            None if checked.places == 0 => "no place with a price".into(),
            None => return Ok(()),
        };
        let place = format!("{}{at}", self.front.origin);
        audit.findings.push(Finding {
            sku: sku.into(),
            kind: "cart",
            surface: selector,
            expected_minor,
            found,
            place,
        });
        Ok(())
    }

    fn check(&self, site: &Site, path: &str, sku: &str, minor: i64, bytes: &[u8]) -> audit::Checked {
        let currency = self.currency;
        let price = Price { catalogue_minor: minor, price_minor: minor, currency, is_disclosed: false };
        audit::check(site, path, &Meant { sku, price }, bytes)
    }

    /// The price that the page of an item should say to this visitor, and its quote; none where it cannot be known.
    fn expected(&mut self, page: &Page, audit: &mut Audit) -> Result<Option<(i64, Option<String>)>, String> {
        let path = format!("/haggle/v1/price?sku={}", part(&page.sku));
        let answered = self.get(&path)?;
        let Some(catalogue_minor) = self.computed.catalogue_minor(&page.sku) else { return Ok(None) };
        let place = format!("{}{path}", self.front.origin);
        let wrong = |expected_minor, found| Finding {
            sku: page.sku.clone(),
            kind: "price-api",
            surface: "price_minor".into(),
            expected_minor,
            found,
            place,
        };
        let said: Value = serde_json::from_slice(&answered.bytes).unwrap_or_default();
        let Some(said_minor) = said.get("price_minor").and_then(Value::as_i64) else {
            audit.findings.push(wrong(catalogue_minor, format!("status {}", answered.status)));
            return Ok(None);
        };
        let quote = said.get("quote").and_then(Value::as_str).map(str::to_owned);
        let computed = match (&quote, self.unit()?) {
            (Some(_), Some(unit)) => {
                let decided = self.computed.decided_minor(&page.sku, &unit, said_minor);
                decided.map_err(|why| why.to_string())?.unwrap_or(catalogue_minor)
            }
            _ => catalogue_minor,
        };
        if quote.is_some() {
            audit.decided += 1;
        } else {
            audit.at_catalogue += 1;
        }
        audit.count("prices of the API", 1);
        if computed != said_minor {
            audit.findings.push(wrong(computed, said_minor.to_string()));
        }
        Ok(Some((computed, quote)))
    }

    /// The unit of this visitor, which the administration alone can tell.
    fn unit(&mut self) -> Result<Option<UnitKey>, String> {
        let Some(visitor) = self.cookies.get(VISITOR) else { return Ok(None) };
        if let Some((known, unit)) = &self.unit
            && known == visitor
        {
            return Ok(Some(*unit));
        }
        let answer = self.client.get_json(&format!("/haggle/v1/unit?visitor={}", part(visitor)));
        let answer = answer.map_err(|why| why.to_string())?;
        let unit = answer.get("unit").and_then(Value::as_str).and_then(|unit| unit.parse().ok());
        self.unit = unit.map(|unit| (visitor.clone(), unit));
        Ok(unit)
    }

    /// Asks for a page, again where the shop is busy, and follows to where it leads within the shop.
    fn get(&mut self, path: &str) -> Result<Answered, String> {
        let mut path = path.to_owned();
        let mut tried = 1;
        for _ in 0..=REDIRECTS_MAX {
            sleep(self.front.delay);
            let mut response = self.once(&path)?;
            while matches!(response.status().as_u16(), 429 | 503) && tried < TRIES_MAX {
                sleep(Duration::from_millis(BUSY_MS));
                tried += 1;
                response = self.once(&path)?;
            }
            let header = |name: &str| response.headers().get(name).and_then(|text| text.to_str().ok());
            match header("location") {
                Some(location) if response.status().is_redirection() => {
                    path = self.front.path(location).map_err(|why| format!("{path}: {why}"))?;
                }
                _ => {
                    let status = response.status().as_u16();
                    let mut bytes = Vec::new();
                    let body = response.into_body().into_reader();
                    let read = body.take(PAGE_MAX).read_to_end(&mut bytes);
                    read.map_err(|error| format!("{}{path}: {error}", self.front.origin))?;
                    return Ok(Answered { status, path, bytes });
                }
            }
        }
        Err(format!("{}{path}: more than {REDIRECTS_MAX} redirects", self.front.origin))
    }

    fn once(&mut self, path: &str) -> Result<ureq::http::Response<ureq::Body>, String> {
        let url = format!("{}{path}", self.front.origin);
        let mut request = self.front.agent.get(&url).header("accept", "text/html,*/*;q=0.5");
        if !self.cookies.is_empty() {
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", cookies.join("; "));
        }
        let response = request.call().map_err(|error| format!("{url}: {error}"))?;
        for line in response.headers().get_all("set-cookie") {
            let line = line.to_str().unwrap_or_default();
            if let Some((name, value)) = line.split(';').next().and_then(|pair| pair.split_once('=')) {
                self.cookies.insert(name.trim().into(), value.trim().into());
            }
        }
        Ok(response)
    }
}

/// The rules by which a page is read: the shop's, those of schema.org and Open Graph, and that it is about the item.
fn site_of(site_json: &str, path: &str, sku: &str) -> Result<Site, Failure> {
    let mut site: Value = serde_json::from_str(site_json)?;
    if !path.contains(['*', '{', '}'])
        && let Some(fields) = site.as_object_mut()
    {
        let pages = fields.entry("pages").or_insert_with(|| json!([]));
        if let Some(pages) = pages.as_array_mut().filter(|pages| pages.len() < 64) {
            pages.insert(0, json!({ "path": path, "sku": sku }));
        }
    }
    Ok(audit::wider(&site.to_string())?)
}

/// What a place says, for a person: the text, or the amounts of data.
fn told(one: &audit::Mismatch, page: &[u8]) -> String {
    let of_data = one.found.is_empty() && matches!(one.kind, Kind::JsonLd | Kind::Data);
    let text = if of_data { amounts_from(page.get(one.at..).unwrap_or_default()) } else { one.found.clone() };
    let words: Vec<&str> = text.split_whitespace().collect();
    let text: String = words.join(" ").chars().filter(|sign| !sign.is_control()).take(SHOWN_MAX).collect();
    if text.is_empty() { "another price, or none".into() } else { text }
}

/// The amounts under the usual keys in the JSON that begins here, up to the end of its script.
fn amounts_from(bytes: &[u8]) -> String {
    let end = bytes.windows(2).position(|two| two == b"</").unwrap_or(bytes.len());
    let data = serde_json::from_slice(bytes.get(..end).unwrap_or_default()).unwrap_or_default();
    let mut amounts = Vec::new();
    find_amounts(&data, &mut amounts);
    amounts.truncate(FOUND_MAX);
    amounts.join(", ")
}

fn find_amounts(data: &Value, amounts: &mut Vec<String>) {
    match data {
        Value::Array(list) => list.iter().for_each(|one| find_amounts(one, amounts)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if is_amount(key) => amounts.push(text.clone()),
                    Value::Number(number) if is_amount(key) => amounts.push(number.to_string()),
                    _ => find_amounts(value, amounts),
                }
            }
        }
        _ => {}
    }
}

fn is_amount(key: &str) -> bool {
    matches!(key, "price" | "lowPrice" | "highPrice")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_told_by_their_amounts() {
        let page = br#"{"sku":"A","offers":[{"price":"19.00"},{"lowPrice":7}]}</script><p>"#;
        assert_eq!(amounts_from(page), "19.00, 7");
        assert_eq!(amounts_from(b"not json</script>"), "");
    }

    #[test]
    fn no_address_leads_out_of_the_shop() {
        let front = Front::new("https://shop.example/", &["a=b=c".into()], 0).unwrap();
        assert_eq!(front.path("/x?y#z").unwrap(), "/x?y");
        assert_eq!(front.path("https://shop.example/x").unwrap(), "/x");
        for outside in ["https://other.example/x", "https://shop.example.org/", "//other.example/x", "x"] {
            assert!(front.path(outside).is_err(), "{outside}");
        }
        assert!(Front::new("shop.example", &[], 0).is_err());
        assert!(Front::new("https://shop.example", &["no".into()], 0).is_err());
    }
}
