//! Stages 2 to 4 as an API on the shop's host: a price, exposures from the page, rewards from the shop's server.

use std::collections::BTreeMap;
use std::rc::Rc;

use haggle::event::{parse_exposures, parse_rewards};
use haggle::{Exposure, Quote};
use serde_json::{Value, json};
use worker::{Date, Env, Request, Response};

use crate::http::{Fault, has_bearer, json_response, query, text_body};
use crate::ledger::{self, Command, Line};
use crate::settings::Settings;
use crate::visitor::Visitor;
use crate::{cache, reasons};

const EXPOSURES_BYTES_MAX: usize = 40 * 1024;
const REWARDS_BYTES_MAX: usize = 64 * 1024;

/// `GET /haggle/v1/price?sku=`: the price of an item for this visitor.
pub async fn price(request: &Request, env: &Env) -> Result<Response, Fault> {
    let settings = Settings::of(env).map_err(|error| Fault::Unavailable(error.to_string()))?;
    let missing = "query parameter sku is missing; it must be the key of an item that an experiment prices";
    let sku = query(request, "sku").ok_or_else(|| Fault::Bad(missing.into()))?;
    let snapshot = cache::snapshot(env, &settings).await.map_err(|reason| {
        Fault::NotFound(format!("no prices now ({}); the catalogue price stands", reason.code()))
    })?;
    let visitor = Visitor::of(request, snapshot, settings, Date::now().as_millis());
    let unknown = || format!("item {sku:?} is in no running experiment; the catalogue price stands");
    let offer = visitor.offer(&sku).ok_or_else(|| Fault::NotFound(unknown()))?;
    let currency = &offer.quote.currency;
    let body = if visitor.is_priced() {
        let price_minor = offer.quote.price_minor;
        json!({ "sku": sku, "price_minor": price_minor, "currency": currency, "quote": offer.token, "reason": "priced" })
    } else {
        let price_minor = offer.catalogue_minor;
        json!({ "sku": sku, "price_minor": price_minor, "currency": currency, "quote": null, "reason": "first-view" })
    };
    let response = json_response(&body, 200)?;
    visitor.stamp(response.headers())?;
    Ok(response)
}

/// `POST /haggle/v1/exposures`: prices that were really shown.
pub async fn exposures(request: &mut Request, env: &Env) -> Result<Response, Fault> {
    let settings = Settings::of(env).map_err(|error| Fault::Unavailable(error.to_string()))?;
    let tokens = parse_exposures(&text_body(request, EXPOSURES_BYTES_MAX).await?)?;
    let now_s = Date::now().as_millis() / 1000;
    let mut batch = Batch::new(tokens.len());
    for (place, token) in tokens.iter().enumerate() {
        let quote = settings.quotary.open(token).and_then(|quote| quote.check_held(now_s).map(|()| quote));
        match quote {
            Ok(quote) => batch.add(place, &quote, Command::Expose(Exposure::from(&quote))),
            Err(error) => batch.refuse(place, json!({}), &error.to_string()),
        }
    }
    batch.send(env).await
}

/// `POST /haggle/v1/rewards`: what was sold, from the shop's server.
pub async fn rewards(request: &mut Request, env: &Env) -> Result<Response, Fault> {
    let settings = Settings::of(env).map_err(|error| Fault::Unavailable(error.to_string()))?;
    if !has_bearer(request, &settings.rewards_token) {
        return Err(Fault::Unauthorized);
    }
    let lines = parse_rewards(&text_body(request, REWARDS_BYTES_MAX).await?)?;
    let now_s = Date::now().as_millis() / 1000;
    let mut batch = Batch::new(lines.len());
    for (place, (order_id, line_id, line)) in lines.into_iter().enumerate() {
        let identity = json!({ "order_id": order_id, "line_id": line_id });
        let checked = line.and_then(|reward| {
            let quote = settings.quotary.open(&reward.quote)?;
            quote.check_window(now_s)?;
            Ok((reward, quote))
        });
        match checked {
            Ok((reward, quote)) => {
                let line =
                    Line { order_id, line_id, credit: reward.credit, exposure: Exposure::from(&quote) };
                batch.identify(place, identity);
                batch.add(place, &quote, Command::Reward(line));
            }
            Err(error) => batch.refuse(place, identity, &error.to_string()),
        }
    }
    batch.send(env).await
}

/// `GET /haggle/health`: what runs here and how old it is; with the admin bearer also what the ledger holds.
pub async fn health(request: &Request, env: &Env) -> Result<Response, Fault> {
    let mut body = json!({ "build": env!("CARGO_PKG_VERSION"), "snapshot": null });
    match Settings::of(env) {
        Err(error) => set(&mut body, "settings", json!({ "error": error.to_string() })),
        Ok(settings) => {
            match cache::snapshot(env, &settings).await {
                Ok(snapshot) => {
                    let age_ms = Date::now().as_millis().saturating_sub(snapshot.published_at_ms());
                    let view = json!({
                        "version": snapshot.version(),
                        "published_at_ms": snapshot.published_at_ms(),
                        "age_ms": age_ms,
                        "experiments": snapshot.experiments().len(),
                    });
                    set(&mut body, "snapshot", view);
                }
                Err(reason) => set(&mut body, "snapshot_reason", json!(reason.code())),
            }
            if has_bearer(request, &settings.admin_token) {
                set(&mut body, "ledger", crate::central::ledger_health(env).await?);
            }
        }
    }
    set(&mut body, "reasons", json!(reasons::counts()));
    Ok(json_response(&body, 200)?)
}

fn set(body: &mut Value, name: &str, value: Value) {
    if let Some(fields) = body.as_object_mut() {
        fields.insert(name.into(), value);
    }
}

/// Lines of one request on their way to the ledger shards, and the results in the order of the lines.
struct Batch {
    results: Vec<Value>,
    by_shard: BTreeMap<String, (Vec<usize>, Vec<Command>)>,
}

impl Batch {
    fn new(lines: usize) -> Self {
        Self { results: vec![json!({}); lines], by_shard: BTreeMap::new() }
    }

    fn identify(&mut self, place: usize, identity: Value) {
        if let Some(result) = self.results.get_mut(place) {
            *result = identity;
        }
    }

    fn settle(&mut self, place: usize, status: &str, error: Option<&str>) {
        if let Some(result) = self.results.get_mut(place) {
            set(result, "status", json!(status));
            if let Some(error) = error {
                set(result, "error", json!(error));
            }
        }
    }

    fn refuse(&mut self, place: usize, identity: Value, error: &str) {
        self.identify(place, identity);
        self.settle(place, "refused", Some(error));
    }

    fn add(&mut self, place: usize, quote: &Quote, command: Command) {
        let (places, commands) =
            self.by_shard.entry(ledger::shard_name(quote.shards, quote.shard())).or_default();
        places.push(place);
        commands.push(command);
    }

    /// Sends the lines to their shards side by side. An answer is only given when every shard has its lines
    /// durable; else the caller must send the whole batch again, which counts nothing twice.
    async fn send(mut self, env: &Env) -> Result<Response, Fault> {
        let shards = std::mem::take(&mut self.by_shard);
        let env = Rc::new(env.clone());
        let answers =
            futures_util::future::join_all(shards.into_iter().map(|(shard, (places, commands))| {
                let env = env.clone();
                async move { ledger::apply(&env, &shard, &commands).await.map(|outcomes| (places, outcomes)) }
            }));
        for answer in answers.await {
            let (places, outcomes) = answer?;
            for (place, outcome) in places.into_iter().zip(outcomes) {
                self.settle(place, outcome.status(), outcome.error());
            }
        }
        let refused = |result: &Value| result.get("status").is_some_and(|status| status == "refused");
        if self.results.iter().all(refused) {
            let error = self.results.first().and_then(|result| result.get("error")).cloned();
            return Ok(json_response(&json!({ "error": error, "results": self.results }), 400)?);
        }
        Ok(json_response(&json!({ "results": self.results }), 200)?)
    }
}
