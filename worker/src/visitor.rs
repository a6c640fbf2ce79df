//! The visitor of a request: the cookies that name and pin it, and its price for an item.

use std::rc::Rc;

use haggle::{Currency, Pinned, Pins, Quote, Snapshot, Terms, UnitKey};
use worker::{Headers, Request, Result};

use crate::http::cookie;
use crate::settings::Settings;

const VISITOR_COOKIE: &str = "haggle_vid";
const PINS_COOKIE: &str = "haggle_pins";
const YEAR_S: u64 = 31_536_000;

/// A visitor with a decision in every running experiment.
pub struct Visitor {
    snapshot: Rc<Snapshot>,
    settings: Rc<Settings>,
    unit: UnitKey,
    pins: Pins,
    now_ms: u64,
    cookies: Vec<String>,
    /// The request came without our cookie.
    is_new: bool,
}

/// An item's price for a visitor.
pub struct Offer {
    /// Catalogue price of one unit.
    pub catalogue_minor: i64,
    /// Currency of both prices.
    pub currency: Currency,
    /// The quote of the decided price.
    pub quote: Quote,
    /// The quote as a signed token.
    pub token: String,
}

impl Visitor {
    /// Names the visitor of a request, or gives a new one a name, and settles all its decisions.
    pub fn of(request: &Request, snapshot: Rc<Snapshot>, settings: Rc<Settings>, now_ms: u64) -> Self {
        let known = cookie(request, VISITOR_COOKIE).filter(|id| id.len() == 32 && id.bytes().all(is_hex));
        let is_new = known.is_none();
        let id = known.unwrap_or_else(new_id);
        let unit = UnitKey::of_visitor(&settings.unit_key, &id);
        let pinned = cookie(request, PINS_COOKIE)
            .map_or_else(Pins::default, |text| Pins::open(&settings.quotary, &unit, &text));
        let (_, pins) = pinned.settle(&snapshot, &unit, settings.quote_hold_s, now_ms);

        let mut cookies = Vec::new();
        if is_new {
            cookies.push(set_cookie(VISITOR_COOKIE, &id, YEAR_S));
        }
        // A visitor who is not priced yet is not pinned yet.
        if pins != pinned && (!is_new || settings.assign_first_view) {
            cookies.push(set_cookie(
                PINS_COOKIE,
                &pins.seal(&settings.quotary, &unit),
                settings.quote_hold_s,
            ));
        }
        Self { snapshot, settings, unit, pins, now_ms, cookies, is_new }
    }

    /// The quote of the pinned price of an item; none for an item that stays at its catalogue price.
    pub fn quote(&self, sku: &str) -> Option<Quote> {
        self.offer(sku).map(|offer| offer.quote)
    }

    /// Whether prices may be shown in this view: with `FIRST_VIEW = "catalogue"` not before the second.
    pub fn is_priced(&self) -> bool {
        !self.is_new || self.settings.assign_first_view
    }

    /// The price of an item, as it was pinned when the visitor was settled; none for an item without experiment.
    pub fn offer(&self, sku: &str) -> Option<Offer> {
        let item = self.snapshot.item(sku)?;
        let pinned = self.pins.find(item.experiment(), self.settings.quote_hold_s, self.now_ms)?;
        let Pinned::Decision(decision) = pinned else { return None };
        let terms = Terms {
            merchant: &self.settings.merchant,
            sku,
            catalogue_minor: item.price_minor(),
            version: self.snapshot.version(),
            now_s: self.now_ms / 1000,
            pin_hold_s: self.settings.quote_hold_s,
            cart_hold_s: self.settings.cart_hold_s,
            shards: self.settings.ledger_shards,
        };
        let quote = Quote::new(&decision, &self.unit, terms);
        let token = self.settings.quotary.sign(&quote);
        Some(Offer {
            catalogue_minor: item.price_minor(),
            currency: item.experiment().currency(),
            quote,
            token,
        })
    }

    /// Makes a response this visitor's own: our cookies, no cache, nothing to revalidate with.
    pub fn stamp(&self, headers: &Headers) -> Result<()> {
        for name in ["etag", "last-modified", "expires", "cdn-cache-control", "surrogate-control", "age"] {
            headers.delete(name)?;
        }
        headers.set("cache-control", "private, no-store")?;
        self.cookies.iter().try_for_each(|cookie| headers.append("set-cookie", cookie))
    }
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// 128 random bits in hexadecimal.
fn new_id() -> String {
    let mut bytes = [0; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // The runtime always has a generator; without one every new visitor is the same unit, which is safe.
        worker::console_error!("no random bytes: {error}");
    }
    UnitKey::from_bytes(bytes).to_string()
}

fn set_cookie(name: &str, value: &str, max_age_s: u64) -> String {
    format!("{name}={value}; Path=/; Max-Age={max_age_s}; Secure; HttpOnly; SameSite=Lax")
}
