//! The visitor of a request: the cookies that name and pin it, and its price for an item.
//!
//! Where items are randomised, the price is everybody's: first views, crawlers and those who have not agreed to cookies
//! see it like all others, since nothing is read of who asks, and nothing is kept. Where no experiment randomises
//! visitors, or the visitor has not agreed, a request is [nobody's](Visitor::nobody), and its page is as cacheable as
//! the shop says, while the prices hold.

use std::rc::Rc;

use haggle::page::{Offers, Price};
use haggle::pin::Pinned;
use haggle::preview::Link;
use haggle::snapshot::ListedItem;
use haggle::{Decision, LiveExperiment, Pins, Quote, Snapshot, Terms, UnitKey};
use web_sys::Headers;
use worker::Result;

use crate::http::cookie_in;
use crate::settings::Settings;
use crate::shared_cache::{limit, make_private};

const VISITOR_COOKIE: &str = "haggle_vid";
const PINS_COOKIE: &str = "haggle_pins";
const YEAR_S: u64 = 31_536_000;

/// The cookies that are ours.
pub const OUR_COOKIES: [&str; 2] = [VISITOR_COOKIE, PINS_COOKIE];

/// A visitor, and what it has been shown so far.
pub struct Visitor {
    snapshot: Rc<Snapshot>,
    settings: Rc<Settings>,
    id: String,
    unit: UnitKey,
    /// As they came with the request.
    pinned: Pins,
    /// As they are to be kept.
    pins: Pins,
    now_ms: u64,
    /// The request came without our cookie.
    is_new: bool,
    /// The cookies of a request that is nobody's: ours among them are taken back.
    of_nobody: Option<String>,
    /// It is looked at by who made or got a link: nothing is kept of it and nothing counted.
    is_preview: bool,
}

impl Visitor {
    /// The visitor that the cookies of a request name, or a new one. Nothing is decided yet.
    pub fn of(cookies: &str, snapshot: Rc<Snapshot>, settings: Rc<Settings>, now_ms: u64) -> Self {
        let known = cookie_in(cookies, VISITOR_COOKIE).filter(|id| id.len() == 32 && id.bytes().all(is_hex));
        let is_new = known.is_none();
        let id = known.map_or_else(new_id, String::from);
        let unit = UnitKey::of_visitor(&settings.unit_key, &id);
        let pinned = cookie_in(cookies, PINS_COOKIE)
            .map_or_else(Pins::default, |text| Pins::open(&settings.quotary, &unit, text));
        let (pins, of_nobody, is_preview) = (pinned.clone(), None, false);
        Self { snapshot, settings, id, unit, pins, pinned, now_ms, is_new, of_nobody, is_preview }
    }

    /// Whom a preview link is about: no cookie is read for it, and none of a visitor set.
    pub fn in_preview(link: &Link, snapshot: Rc<Snapshot>, settings: Rc<Settings>, now_ms: u64) -> Self {
        let (pins, pinned, unit) = (link.pins(&snapshot, now_ms), Pins::default(), *link.unit());
        let (id, is_new, of_nobody, is_preview) = (String::new(), false, None, true);
        Self { snapshot, settings, id, unit, pins, pinned, now_ms, is_new, of_nobody, is_preview }
    }

    /// Whether it is whom a preview link is about.
    pub fn is_preview(&self) -> bool {
        self.is_preview
    }

    /// Nobody in particular, who sees what everybody sees. What is in `cookies` of ours is taken back.
    pub fn nobody(cookies: String, snapshot: Rc<Snapshot>, settings: Rc<Settings>, now_ms: u64) -> Self {
        let (pins, pinned, unit) = (Pins::default(), Pins::default(), UnitKey::from_bytes([0; 16]));
        let (id, of_nobody, is_new, is_preview) = (String::new(), Some(cookies), false, false);
        Self { snapshot, settings, id, unit, pins, pinned, now_ms, is_new, of_nobody, is_preview }
    }

    /// Whether the request is nobody's in particular.
    pub fn is_nobody(&self) -> bool {
        self.of_nobody.is_some()
    }

    /// Whether this view shows catalogue prices: the first one, unless prices are assigned at once. Where a visitor has
    /// to agree first, nobody knows what it saw before: then the first view that we know of is always such a view.
    pub fn sees_catalogue(&self) -> bool {
        self.is_new && (!self.settings.assign_first_view || self.settings.consent.is_some())
    }

    /// Decides and pins the price in every running experiment in which it is open.
    pub fn settle(&mut self) {
        if self.is_nobody() {
            return;
        }
        let (_, pins) = self.pins.settle(&self.snapshot, &self.unit, self.settings.quote_hold_s, self.now_ms);
        self.pins = pins;
    }

    /// The visitor has seen an item at its catalogue price, and keeps it.
    pub fn keep_catalogue(&mut self, sku: &str) {
        if let Some(item) = self.snapshot.item(sku) {
            self.pins.keep_item(&item, self.now_ms);
        }
    }

    /// Nobody knows which items the visitor has seen at their catalogue prices.
    pub fn keep_catalogue_of_all(&mut self) {
        for experiment in self.snapshot.experiments() {
            self.pins.keep_catalogue(experiment, self.now_ms);
        }
    }

    /// The settings of this isolate.
    pub fn settings(&self) -> &Rc<Settings> {
        &self.settings
    }

    /// Whether the page of now is one of those that are read again.
    pub fn is_sampled(&self) -> bool {
        !self.is_preview && haggle::audit::is_sampled(self.settings.audit_sample, &self.unit, self.now_ms)
    }

    /// What the visitor's prices are decided by.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The item, and what was decided about it: what is pinned, or what holds for everybody. None for an item that stays
    /// at its catalogue price.
    fn decision(&self, sku: &str) -> Option<(ListedItem<'_>, Decision<'_>)> {
        let item = self.snapshot.item(sku)?;
        if !item.experiment().is_of_visitors() {
            return Some((item, item.shared_decision()?));
        }
        match self.pins.find_item(&item, self.settings.quote_hold_s, self.now_ms)? {
            Pinned::Decision(decision) => Some((item, decision)),
            Pinned::Catalogue => None,
        }
    }

    /// The quote of the price of an item, pinned or everybody's; none for an item that stays at its catalogue price.
    pub fn quote(&self, sku: &str) -> Option<Quote> {
        let (item, decision) = self.decision(sku)?;
        let terms = Terms {
            merchant: &self.settings.merchant,
            version: self.snapshot.version(),
            now_s: self.now_ms / 1000,
            pin_hold_s: self.settings.quote_hold_s,
            cart_hold_s: self.settings.cart_hold_s,
            shards: self.settings.ledger_shards,
        };
        let quote = Quote::shared(&item, terms);
        let quote = quote.unwrap_or_else(|| Quote::new(&item, &decision, &self.unit, terms));
        // Expired since 1970, too: so also a checkout that looks at nothing but the standard claims refuses it.
        let expires_at_s = if self.is_preview { 1 } else { quote.expires_at_s };
        Some(Quote { is_preview: self.is_preview, expires_at_s, ..quote })
    }

    /// A quote as the shop gets it: signed. None where it cannot be signed now.
    pub async fn sign(&self, quote: &Quote) -> Option<String> {
        let signed = self.settings.signer.sign(quote).await;
        signed.inspect_err(|error| worker::console_error!("{error}")).ok()
    }

    /// Makes a response this visitor's own: our cookies, no cache, nothing to revalidate with. What is nobody's may be
    /// kept as long as the shop says and the prices hold.
    pub fn stamp(&self, headers: &Headers) -> Result<()> {
        if let Some(cookies) = &self.of_nobody {
            let takes_back = expire_cookies(cookies, headers)?;
            return if takes_back { make_private(headers) } else { limit(headers, self.prices_hold_s()) };
        }
        make_private(headers)?;
        if self.is_preview {
            return Ok(());
        }
        if self.is_new {
            headers.append("set-cookie", &set_cookie(VISITOR_COOKIE, &self.id, YEAR_S))?;
        }
        if self.pins != self.pinned {
            let text = self.pins.seal(&self.settings.quotary, &self.unit);
            headers.append("set-cookie", &set_cookie(PINS_COOKIE, &text, self.settings.quote_hold_s))?;
        }
        Ok(())
    }
}

impl Visitor {
    /// Seconds for which a page with everybody's prices may be kept: until one of them may change, and so long that the
    /// quotes in it are still held afterwards.
    pub fn prices_hold_s(&self) -> u64 {
        let ends = self.snapshot.experiments().iter().map(LiveExperiment::until_ms);
        let first_ms = ends.filter(|&until_ms| until_ms > 0).min().unwrap_or(u64::MAX);
        (first_ms.saturating_sub(self.now_ms) / 1000).min(self.settings.quote_hold_s)
    }
}

/// The prices of a page for a visitor.
pub struct PageOffers<'a> {
    visitor: &'a Visitor,
    offered: Offered<'a>,
}

enum Offered<'a> {
    /// The visitor's own prices, except of these items.
    Own(&'a [String]),
    /// The catalogue prices of the items whose price may be a visitor's own.
    Catalogue,
    /// The prices of each experiment's arm of this number, counted around.
    Arm(usize),
}

impl<'a> PageOffers<'a> {
    /// The visitor's own prices, except of some items.
    pub fn of(visitor: &'a Visitor, without: &'a [String]) -> Self {
        Self { visitor, offered: Offered::Own(without) }
    }

    /// The catalogue prices of the items whose price may be a visitor's own: the page keeps them, and is only looked at.
    pub fn at_catalogue(visitor: &'a Visitor) -> Self {
        Self { visitor, offered: Offered::Catalogue }
    }

    /// The prices of one arm of each experiment, for all items: what other visitors may be shown.
    pub fn of_arm(visitor: &'a Visitor, arm: usize) -> Self {
        Self { visitor, offered: Offered::Arm(arm) }
    }
}

impl Offers for PageOffers<'_> {
    fn price(&self, sku: &str) -> Option<Price> {
        let item = self.visitor.snapshot.item(sku)?;
        let price_minor = match self.offered {
            Offered::Own(without) if without.iter().any(|left| left == sku) => return None,
            Offered::Own(_) => item.price(&self.visitor.decision(sku)?.1),
            Offered::Catalogue if !item.experiment().is_of_visitors() => return None,
            Offered::Catalogue => item.price_minor(),
            Offered::Arm(arm) => {
                let arm = arm.checked_rem(item.experiment().arms().len())?;
                item.price_of(arm).unwrap_or(item.price_minor())
            }
        };
        let experiment = item.experiment();
        Some(Price {
            catalogue_minor: item.price_minor(),
            price_minor,
            currency: experiment.currency(),
            is_disclosed: experiment.uses_personal_data(),
        })
    }
}

/// Takes our cookies back; says whether there were any.
pub fn expire_cookies(cookies: &str, headers: &Headers) -> Result<bool> {
    let mut is_any = false;
    for name in OUR_COOKIES.iter().filter(|name| cookie_in(cookies, name).is_some()) {
        is_any = true;
        headers.append("set-cookie", &set_cookie(name, "", 0))?;
    }
    Ok(is_any)
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
