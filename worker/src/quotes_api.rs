//! What a checkout asks: the price to charge for a quote, and the public keys of whoever verifies by itself.

use haggle::Snapshot;
use haggle::event::{CartLine, parse_cart};
use haggle::quote::Expected;
use haggle::snapshot::ListedItem;
use serde::Serialize;
use worker::{Env, Headers, Request, Response};

use crate::cache;
use crate::clock;
use crate::http::{Fault, has_bearer, json_response, text_body};
use crate::settings::Settings;

/// A hundred of the longest quotes, and what stands around them.
const CART_BYTES_MAX: usize = 192 * 1024;

/// What a line is to be charged.
#[derive(Serialize)]
struct LinePrice<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line_id: Option<&'a str>,
    sku: &'a str,
    status: &'static str,
    /// The price of one unit to charge: of a refused quote the catalogue price, or what everybody sees now; null where that
    /// is not known here in the currency.
    price_minor: Option<i64>,
    catalogue_minor: Option<i64>,
    currency: Option<String>,
    /// Until when the quote is held.
    expires_at_s: Option<u64>,
    experiment: Option<String>,
    arm: Option<String>,
    /// Why the quote is refused, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Why the quote is refused, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Prices<'a> {
    results: Vec<LinePrice<'a>>,
}

/// `POST /haggle/v1/quotes/verify`: the price to charge for each line of a cart. Signature, expiry and item are checked
/// without any storage; the snapshot, where there is one, adds the guardrails and the kill switch of today.
pub async fn verify(request: &Request, env: &Env) -> Result<Response, Fault> {
    let settings = Settings::of(env).map_err(Fault::Unavailable)?;
    if !has_bearer(request, &settings.rewards_token) {
        return Err(Fault::Unauthorized);
    }
    let lines = parse_cart(&text_body(request, CART_BYTES_MAX).await?)?;
    let snapshot = cache::snapshot(env, &settings).await.ok();
    let now_s = clock::now_s();
    let mut results = Vec::with_capacity(lines.len());
    for line in &lines {
        results.push(price_of(line, &settings, snapshot.as_deref(), now_s).await);
    }
    Ok(json_response(&Prices { results }, 200)?)
}

async fn price_of<'a>(
    line: &'a CartLine,
    settings: &Settings,
    snapshot: Option<&Snapshot>,
    now_s: u64,
) -> LinePrice<'a> {
    let CartLine { line_id, sku, quote, currency } = line;
    let expected = Expected { merchant: &settings.merchant, sku, currency: currency.as_deref(), now_s };
    let opened = settings.signer.open(quote).await;
    let verified = opened.and_then(|quote| quote.verify(&expected, snapshot).map(|price| (quote, price)));
    // An amount in another currency than the cart's would be charged as one in the cart's.
    let is_in_currency = |item: &ListedItem<'_>| {
        currency.as_ref().is_none_or(|wanted| *wanted == item.experiment().currency().to_string())
    };
    let item = snapshot.and_then(|snapshot| snapshot.item(sku)).filter(is_in_currency);
    let catalogue_minor = item.map(|item| item.price_minor());
    let line_id = line_id.as_deref();
    match verified {
        Ok((quote, price_minor)) => LinePrice {
            line_id,
            sku,
            status: "valid",
            price_minor: Some(price_minor),
            catalogue_minor: catalogue_minor.or(Some(quote.catalogue_minor)),
            currency: Some(quote.currency),
            expires_at_s: Some(quote.expires_at_s),
            experiment: Some(quote.experiment),
            arm: Some(quote.arm),
            code: None,
            error: None,
        },
        Err(refusal) => LinePrice {
            line_id,
            sku,
            status: "refused",
            price_minor: item.and_then(|item| item.shared()).map(|now| now.price_minor).or(catalogue_minor),
            catalogue_minor,
            currency: item.map(|item| item.experiment().currency().to_string()),
            expires_at_s: None,
            experiment: None,
            arm: None,
            code: Some(refusal.code()),
            error: Some(refusal.to_string()),
        },
    }
}

/// `GET /haggle/v1/quotes/keys`: the public keys of ES256 as a JSON Web Key Set, which may be kept for five minutes.
pub fn keys(env: &Env) -> Result<Response, Fault> {
    let settings = Settings::of(env).map_err(Fault::Unavailable)?;
    let none = "quotes are signed by HS256 here, which has no public keys; verify with a key of QUOTE_KEYS, or ask \
                /haggle/v1/quotes/verify";
    let keys = settings.signer.public_keys().ok_or_else(|| Fault::NotFound(none.into()))?;
    let headers = Headers::new();
    headers.set("content-type", "application/jwk-set+json")?;
    headers.set("cache-control", "public, max-age=300")?;
    Ok(Response::ok(keys)?.with_headers(headers))
}
