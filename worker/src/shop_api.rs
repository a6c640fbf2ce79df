//! Stages 2 to 4 as an API on the shop's host: a price, exposures from the page, rewards from the shop's server.

use std::rc::Rc;

use haggle::event::{RewardKind, Seen, ShownPrice, delay_hours, parse_exposures, parse_rewards};
use haggle::sales::Sale;
use haggle::{Error, Exposure, Quote, Reward, Snapshot};
use serde::Serialize;
use worker::{Env, Request, Response};

use crate::cache;
use crate::central::{self, LedgerHealth, ledger_health};
use crate::clock;
use crate::crawlers::is_crawler;
use crate::http::{Fault, has_bearer, json_response, query, text_body};
use crate::ledger::{self, Claim, Command, Line, Outcome};
use crate::mismatches::{self, Mismatches};
use crate::preview_api;
use crate::reasons::{Counts, Reason};
use crate::settings::Settings;
use crate::visitor::{Visitor, expire_cookies};

const EXPOSURES_BYTES_MAX: usize = 40 * 1024;
const REWARDS_BYTES_MAX: usize = 64 * 1024;

#[derive(Serialize)]
struct Price<'a> {
    sku: &'a str,
    price_minor: i64,
    currency: &'a str,
    quote: Option<&'a str>,
    reason: &'static str,
}

/// Seconds for which caches may keep everybody's price of an item.
const SHARED_PRICE_S: u64 = 60;

/// `GET /haggle/v1/price?sku=`: the price of an item for this visitor, or for everybody where items are randomised.
pub async fn price(request: &Request, env: &Env) -> Result<Response, Fault> {
    let settings = Settings::of(env).map_err(Fault::Unavailable)?;
    let missing = "query parameter sku is missing; it must be the key of an item that an experiment prices";
    let sku = query(request, "sku").ok_or_else(|| Fault::Bad(missing.into()))?;
    settings.signer.ready().await.map_err(Fault::Unavailable)?;
    let snapshot = cache::snapshot(env, &settings).await.map_err(|reason| {
        Fault::NotFound(format!("no prices now ({}); the catalogue price stands", reason.code()))
    })?;
    let unknown = || format!("item {sku:?} is in no running experiment; the catalogue price stands");
    let Some(item) = snapshot.item(&sku) else { return Err(Fault::NotFound(unknown())) };
    let cookies = request.headers().get("cookie")?.unwrap_or_default();
    if let Some(link) = preview_api::of_request(request, &cookies, &settings) {
        let visitor = Visitor::in_preview(&link, snapshot.clone(), settings, clock::now_ms());
        return price_of(&sku, visitor, Reason::Preview.code()).await;
    }
    let (catalogue_minor, currency) = (item.price_minor(), item.experiment().currency().to_string());
    if !item.experiment().is_of_visitors() {
        return shared_price(&sku, snapshot.clone(), settings).await;
    }
    if settings.consent.as_ref().is_some_and(|consent| !consent.is_given(&cookies)) {
        let (price_minor, currency) = (catalogue_minor, currency.as_str());
        let body = Price { sku: &sku, price_minor, currency, quote: None, reason: Reason::NoConsent.code() };
        let response: web_sys::Response = json_response(&body, 200)?.into();
        expire_cookies(&cookies, &response.headers())?;
        return Ok(response.into());
    }
    price_of(&sku, Visitor::of(&cookies, snapshot.clone(), settings, clock::now_ms()), "priced").await
}

/// The price of an item that is priced for a visitor, with `reason` where it is one of the visitor's own.
async fn price_of(sku: &str, mut visitor: Visitor, reason: &'static str) -> Result<Response, Fault> {
    let is_first = visitor.sees_catalogue();
    if is_first {
        visitor.keep_catalogue(sku);
    } else {
        visitor.settle();
    }
    let quote = visitor.quote(sku);
    let token = match &quote {
        Some(quote) => visitor.sign(quote).await,
        None => None,
    };
    let Some(item) = visitor.snapshot().item(sku) else {
        return Err(Fault::NotFound(format!("no item {sku:?}")));
    };
    let currency = item.experiment().currency().to_string();
    let price_minor = quote.filter(|_| token.is_some()).map_or(item.price_minor(), |quote| quote.price_minor);
    let reason = match (&token, is_first) {
        (Some(_), _) => reason,
        (None, true) => "first-view",
        (None, false) => "catalogue",
    };
    let body = Price { sku, price_minor, currency: &currency, quote: token.as_deref(), reason };
    let response = json_response(&body, 200)?;
    let raw: web_sys::Response = response.into();
    visitor.stamp(&raw.headers())?;
    Ok(raw.into())
}

/// The price that everybody sees, whoever asks: no cookie is read or set, and caches may keep it while it holds.
async fn shared_price(sku: &str, snapshot: Rc<Snapshot>, settings: Rc<Settings>) -> Result<Response, Fault> {
    let nobody = Visitor::nobody(String::new(), snapshot.clone(), settings, clock::now_ms());
    let quote = nobody.quote(sku);
    let token = match &quote {
        Some(quote) => nobody.sign(quote).await,
        None => None,
    };
    let Some(item) = snapshot.item(sku) else { return Err(Fault::NotFound(format!("no item {sku:?}"))) };
    let price_minor = quote.filter(|_| token.is_some()).map_or(item.price_minor(), |quote| quote.price_minor);
    let currency = item.experiment().currency().to_string();
    let reason = if token.is_some() { "priced" } else { "catalogue" };
    let body = Price { sku, price_minor, currency: &currency, quote: token.as_deref(), reason };
    let response: web_sys::Response = json_response(&body, 200)?.into();
    let most_s = nobody.prices_hold_s().min(SHARED_PRICE_S);
    response
        .headers()
        .set("cache-control", &format!("public, max-age={most_s}"))
        .map_err(worker::Error::from)?;
    Ok(response.into())
}

/// `POST /haggle/v1/exposures`: prices that were really shown, by a page with the visitor's cookies or by an app with
/// quotes. What a crawler or a preview has seen is not counted, and what everybody sees is counted by its sales alone.
pub async fn exposures(request: &Request, env: &Env) -> Result<Response, Fault> {
    let settings = Settings::of(env).map_err(Fault::Unavailable)?;
    let seen = parse_exposures(&text_body(request, EXPOSURES_BYTES_MAX).await?)?;
    let cookies = request.headers().get("cookie")?.unwrap_or_default();
    if is_crawler(request) || preview_api::of_request(request, &cookies, &settings).is_some() {
        let lines = match seen {
            Seen::Prices(shown) => shown.len(),
            Seen::Quotes(tokens) => tokens.len(),
        };
        return Batch::ignored(lines).answer();
    }
    let now_ms = clock::now_ms();
    let quotes = match seen {
        Seen::Prices(shown) => shown_quotes(request, env, &settings, &shown, now_ms).await?,
        Seen::Quotes(tokens) => {
            let mut quotes = Vec::with_capacity(tokens.len());
            for token in tokens {
                let quote = settings.signer.open(&token).await.and_then(|quote| {
                    quote.check_merchant(&settings.merchant)?;
                    quote.check_held(now_ms / 1000)?;
                    Ok(Some(quote).filter(|quote| !quote.is_shared))
                });
                quotes.push(quote.map_err(|refusal| refusal.to_string()));
            }
            quotes
        }
    };
    let mut batch = Batch::new(quotes.len());
    for (place, quote) in quotes.into_iter().enumerate() {
        match quote {
            Ok(Some(quote)) => batch.add(place, &quote, Command::Expose(Exposure::from(&quote))),
            Ok(None) => batch.ignore(place),
            Err(why) => batch.settle(place, Outcome::Refused(why)),
        }
    }
    batch.send(env).await
}

/// The quotes of the prices that a page has shown, or why they are not counted: only what was decided for this visitor,
/// and stood in the page as it was decided, is an exposure. None for a price that is everybody's.
async fn shown_quotes(
    request: &Request,
    env: &Env,
    settings: &Rc<Settings>,
    shown: &[ShownPrice],
    now_ms: u64,
) -> Result<Vec<Result<Option<Quote>, String>>, Fault> {
    let snapshot = cache::snapshot(env, settings).await;
    let snapshot =
        snapshot.map_err(|reason| Fault::Unavailable(format!("no prices now: {}", reason.code())))?;
    let cookies = request.headers().get("cookie")?.unwrap_or_default();
    let visitor = Visitor::of(&cookies, snapshot, settings.clone(), now_ms);
    let quote = |shown: &ShownPrice| {
        let ShownPrice { sku, price_minor } = shown;
        if visitor.snapshot().item(sku).is_some_and(|item| !item.experiment().is_of_visitors()) {
            return Ok(None);
        }
        let quote =
            visitor.quote(sku).ok_or_else(|| format!("item {sku:?} has no price of this visitor's own"))?;
        if quote.price_minor == *price_minor {
            return Ok(Some(quote));
        }
        let allowed = quote.price_minor;
        Err(format!("price_minor of {sku:?} is {price_minor}; it must be {allowed}, the visitor's price"))
    };
    Ok(shown.iter().map(quote).collect())
}

/// `POST /haggle/v1/rewards`: what was sold and what was given back, from the shop's server.
pub async fn rewards(request: &Request, env: &Env) -> Result<Response, Fault> {
    let settings = Settings::of(env).map_err(Fault::Unavailable)?;
    if !has_bearer(request, &settings.rewards_token) {
        return Err(Fault::Unauthorized);
    }
    let lines = parse_rewards(&text_body(request, REWARDS_BYTES_MAX).await?)?;
    let now_s = clock::now_s();
    let mut batch = Batch::new(lines.len());
    let mut of_items: Vec<(usize, Sale)> = Vec::new();
    for (place, (order_id, line_id, line)) in lines.into_iter().enumerate() {
        batch.identify(place, &order_id, &line_id);
        let opened = match line {
            Ok(reward) => {
                settings.signer.open(&reward.quote).await.map(|quote| (reward, quote)).map_err(Error::from)
            }
            Err(error) => Err(error),
        };
        let checked = opened.and_then(|(reward, quote)| {
            quote.check_merchant(&settings.merchant)?;
            match reward.kind {
                RewardKind::Sale => quote.check_window(now_s)?,
                _ => quote.check_refund_window(settings.refund_window_s, now_s)?,
            }
            Ok((reward, quote))
        });
        match checked {
            // Everybody's price: its sale is that of the item, not of an exposure.
            Ok((reward, quote)) if quote.is_shared => {
                of_items.push((place, Sale::of_reward(&reward, &quote.sku, now_s / 3600)));
            }
            Ok((reward, quote)) => {
                let Reward { kind, refund_id, credit, .. } = reward;
                let claim = Claim { order_id, line_id, kind, refund_id, sku: quote.sku.clone(), credit };
                let delay_h = Some(delay_hours(&quote, now_s));
                let line = Line { claim, delay_h, exposure: Exposure::from(&quote) };
                batch.add(place, &quote, Command::Reward(line));
            }
            Err(error) => batch.settle(place, Outcome::Refused(error.to_string())),
        }
    }
    let (places, sales): (Vec<usize>, Vec<Sale>) = of_items.into_iter().unzip();
    if !sales.is_empty() {
        let stored = central::sales::record(env, &sales).await?;
        for (place, is_new) in places.into_iter().zip(stored) {
            batch.settle(place, if is_new { Outcome::Recorded } else { Outcome::Duplicate });
        }
    }
    batch.send(env).await
}

#[derive(Default, Serialize)]
struct Health {
    build: &'static str,
    snapshot: Option<SnapshotHealth>,
    /// Why there is no snapshot in use, or which setting is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<LedgerHealth>,
    /// Surfaces of the last seven days that did not have the catalogue price.
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatches: Option<Vec<Mismatches>>,
    /// An older content is published, until somebody resumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<bool>,
    reasons: Option<Counts>,
}

#[derive(Serialize)]
struct SnapshotHealth {
    version: u64,
    published_at_ms: u64,
    age_ms: u64,
    experiments: usize,
    /// Nobody is priced, until somebody resumes.
    stopped: bool,
}

/// `GET /haggle/health`: what runs here and how old it is; for the administration also what the ledger holds.
pub async fn health(env: &Env, is_admin: bool) -> Result<Response, Fault> {
    let mut health = Health { build: env!("CARGO_PKG_VERSION"), ..Health::default() };
    match Settings::of(env) {
        Err(error) => health.error = Some(error),
        Ok(settings) => {
            match cache::snapshot(env, &settings).await {
                Err(reason) => health.error = Some(reason.code().into()),
                Ok(snapshot) => {
                    let published_at_ms = snapshot.published_at_ms();
                    health.snapshot = Some(SnapshotHealth {
                        version: snapshot.version(),
                        published_at_ms,
                        age_ms: clock::now_ms().saturating_sub(published_at_ms),
                        experiments: snapshot.experiments().len(),
                        stopped: snapshot.is_stopped(),
                    });
                }
            }
            if let Err(error) = settings.signer.ready().await {
                health.error = Some(error);
            }
            if is_admin {
                health.ledger = Some(ledger_health(env).await?);
                mismatches::flush(env).await;
                health.mismatches = Some(central::mismatches(env, clock::now_ms()).await?);
                health.held = Some(central::audit::is_held(env).await?);
                // Of the newest migration, which no publication needs.
                if let Err(error) = central::standings::computed(env).await {
                    health.error = Some(Fault::from(error).to_string());
                }
            }
        }
    }
    health.reasons = Some(Counts);
    Ok(json_response(&health, 200)?)
}

/// What became of one line, in the order of the request.
#[derive(Clone, Default, Serialize)]
struct LineResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_id: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct BatchResult {
    /// The first error, where every line was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    results: Vec<LineResult>,
}

/// Lines of one request on their way to the ledger shards, and the results in the order of the lines.
struct Batch {
    results: Vec<LineResult>,
    shards: Vec<ShardLines>,
}

struct ShardLines {
    name: String,
    places: Vec<usize>,
    commands: Vec<Command>,
}

impl Batch {
    fn new(lines: usize) -> Self {
        Self { results: vec![LineResult::default(); lines], shards: Vec::new() }
    }

    /// Lines that nobody looks at.
    fn ignored(lines: usize) -> Self {
        let result = LineResult { status: "ignored", ..LineResult::default() };
        Self { results: vec![result; lines], shards: Vec::new() }
    }

    fn identify(&mut self, place: usize, order_id: &str, line_id: &str) {
        if let Some(result) = self.results.get_mut(place) {
            result.order_id = Some(order_id.into());
            result.line_id = Some(line_id.into());
        }
    }

    /// A line that nobody looks at, among others.
    fn ignore(&mut self, place: usize) {
        if let Some(result) = self.results.get_mut(place) {
            result.status = "ignored";
        }
    }

    fn settle(&mut self, place: usize, outcome: Outcome) {
        if let Some(result) = self.results.get_mut(place) {
            result.status = outcome.status();
            result.error = outcome.into_error();
        }
    }

    fn add(&mut self, place: usize, quote: &Quote, command: Command) {
        let name = ledger::shard_name(quote.shards, quote.shard());
        match self.shards.iter_mut().find(|shard| shard.name == name) {
            Some(shard) => {
                shard.places.push(place);
                shard.commands.push(command);
            }
            None => self.shards.push(ShardLines { name, places: vec![place], commands: vec![command] }),
        }
    }

    /// Sends the lines to their shards. An answer is only given when every shard has its lines durable; else the
    /// caller must send the whole batch again, which counts nothing twice.
    async fn send(mut self, env: &Env) -> Result<Response, Fault> {
        for shard in std::mem::take(&mut self.shards) {
            let outcomes = ledger::apply(env, &shard.name, &shard.commands).await?;
            shard.places.into_iter().zip(outcomes).for_each(|(place, outcome)| self.settle(place, outcome));
        }
        self.answer()
    }

    fn answer(self) -> Result<Response, Fault> {
        let all_refused = self.results.iter().all(|result| result.status == "refused");
        let error = self.results.first().and_then(|result| result.error.clone()).filter(|_| all_refused);
        let status = if all_refused { 400 } else { 200 };
        Ok(json_response(&BatchResult { error, results: self.results }, status)?)
    }
}
