//! Who may use the admin API: whoever has the secret `ADMIN_TOKEN`, and whom Cloudflare Access lets in where
//! `ACCESS_TEAM` and `ACCESS_AUD` say so.
//!
//! The secret is compared by its keyed digest, so that the time says nothing about where it differs. A token of Access
//! is judged by the core (`haggle::access`), its signature by WebCrypto with the team's public keys. An answer never
//! says which check has failed: 401 for nobody whom we know, 403 for somebody who was let in elsewhere.
//!
//! A credential is looked at before its address is: wrong ones are counted and answered with 429 after a while, and a
//! right one is never locked out by them.
//!
//! A browser sends the cookie of Access by itself, also when another site makes it; but no other site can make it send
//! the header `Idempotency-Key`, without which nothing is changed.

use std::cell::RefCell;

use haggle::access::{AccessToken, Denied, PublicKey};
use js_sys::futures::JsFuture;
use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, CryptoKey, RequestInit, RequestRedirect};
use worker::{Env, Method, Request, Result};

use crate::clock;
use crate::http::{Fault, cookie_in, has_bearer};
use crate::origin;
use crate::settings::{Access, Settings};
use crate::signer::{algorithm, imported, verifies};

/// Header of a request on its way to the Publisher: who makes it, [`BEARER`] where only the secret is known. What comes
/// under this name from outside is dropped.
pub const ACTOR: &str = "haggle-actor";

/// Who has the secret, which says no name.
pub const BEARER: &str = "bearer";

/// Rate limiting binding of the wrong credentials.
const LIMIT: &str = "ADMIN_LIMIT";

/// Wrong credentials of one address that are answered in a minute, where there is no such binding: as in wrangler.toml.
const FAILURES_MAX: u32 = 20;

/// Addresses that are remembered in an isolate.
const ADDRESSES_MAX: usize = 256;

/// Longest address that is told from others, in bytes; those of IPv6 have 39.
const ADDRESS_BYTES_MAX: usize = 45;

const MINUTE_MS: u64 = 60_000;

/// Milliseconds after which the team's keys are fetched again. Access shows a new one a week before it signs with it.
const KEYS_LIVE_MS: u64 = 3_600_000;

/// Milliseconds for which we wait for them.
const KEYS_TIMEOUT_MS: u32 = 5_000;

/// Fetches of the keys in a minute while there are none, by requests that came at once.
const FETCHES_MAX: u32 = 8;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 64;

#[wasm_bindgen]
extern "C" {
    /// What counts by a key and says when that is enough, by itself: `worker::RateLimiter` reads its answer by serde.
    type RateLimiter;

    #[wasm_bindgen(method, catch)]
    fn limit(this: &RateLimiter, of: &Object) -> std::result::Result<Promise, JsValue>;
}

type Answer<T> = std::result::Result<T, Fault>;

/// So many things in a minute.
#[derive(Default)]
struct Budget {
    since_ms: u64,
    spent: u32,
}

impl Budget {
    fn spend(&mut self, most: u32, now_ms: u64) -> bool {
        if now_ms >= self.since_ms + MINUTE_MS {
            *self = Self { since_ms: now_ms, spent: 0 };
        }
        self.spent = self.spent.saturating_add(1);
        self.spent <= most
    }
}

/// The keys of the team, as this isolate knows them.
#[derive(Default)]
struct Keys {
    known: Vec<(String, CryptoKey)>,
    read_at_ms: Option<u64>,
    /// Fetches while there are none or they are old.
    first: Budget,
    /// Fetches because a token names another one.
    again: Budget,
}

thread_local! {
    static KEYS: RefCell<Keys> = RefCell::default();
    static FAILURES: RefCell<Vec<(String, Budget)>> = RefCell::default();
}

/// Lets a request of the admin API in: the same, with the name of who makes it in the header [`ACTOR`].
///
/// # Errors
/// 401, 403 or 429 without a right credential; 400 for a change without an idempotency key; 503 while the keys of
/// Access cannot be fetched.
pub async fn admit(request: &Request, env: &Env, settings: &Settings) -> Answer<Request> {
    let name = known_name(request, env, settings).await?;
    if !matches!(request.method(), Method::Get | Method::Head) {
        idempotency_key(request)?;
    }
    let named = web_sys::Request::new_with_request(request.inner()).map_err(worker::Error::from)?;
    named.headers().set(ACTOR, &name).map_err(worker::Error::from)?;
    Ok(named.into())
}

/// Whether the request carries a credential at all, and a right one.
///
/// # Errors
/// As [`admit`] for a wrong one.
pub async fn is_admin(request: &Request, env: &Env, settings: &Settings) -> Answer<bool> {
    let has_token = settings.access.is_some() && access_token(request)?.is_some();
    if !has_token && !request.headers().has("authorization")? {
        return Ok(false);
    }
    known_name(request, env, settings).await.map(|_| true)
}

async fn known_name(request: &Request, env: &Env, settings: &Settings) -> Answer<String> {
    let by_access = match &settings.access {
        Some(access) => name_by_access(request, access).await,
        None => Err(Fault::Unauthorized),
    };
    let fault = match by_access {
        Ok(name) => return Ok(name),
        Err(_) if has_bearer(request, &settings.admin_token) => return Ok(BEARER.into()),
        Err(fault) => fault,
    };
    let is_wrong = matches!(fault, Fault::Unauthorized | Fault::Forbidden);
    Err(if is_wrong && is_one_too_many(request, env).await? { Fault::TooMany } else { fault })
}

/// The token of Access: what it puts on the request itself, else the cookie of the browser.
fn access_token(request: &Request) -> Result<Option<String>> {
    let headers = request.headers();
    if let Some(token) = headers.get("cf-access-jwt-assertion")? {
        return Ok(Some(token));
    }
    let cookies = headers.get("cookie")?.unwrap_or_default();
    Ok(cookie_in(&cookies, "CF_Authorization").map(String::from))
}

async fn name_by_access(request: &Request, access: &Access) -> Answer<String> {
    let text = access_token(request)?.ok_or(Fault::Unauthorized)?;
    let token = AccessToken::parse(&text).ok_or(Fault::Unauthorized)?;
    let key = key(access, &token.kid).await?.ok_or(Fault::Unauthorized)?;
    let is_genuine =
        verifies(&rs256().map_err(worker::Error::from)?, &key, token.signed, &token.signature).await;
    if is_genuine != Ok(true) {
        return Err(Fault::Unauthorized);
    }
    token.name(&access.team, &access.audience, clock::now_s()).map_err(|denied| match denied {
        Denied::Unproven => Fault::Unauthorized,
        Denied::Forbidden => Fault::Forbidden,
    })
}

fn rs256() -> std::result::Result<js_sys::Object, JsValue> {
    algorithm("RSASSA-PKCS1-v1_5", "hash", "SHA-256")
}

/// The team's key of this id; none where the team has no such key.
async fn key(access: &Access, kid: &str) -> Answer<Option<CryptoKey>> {
    let now_ms = clock::machine_ms();
    let find = |keys: &Keys| keys.known.iter().find(|(known, _)| known == kid).map(|(_, key)| key.clone());
    let (found, is_fresh, may_fetch) = KEYS.with_borrow_mut(|keys| {
        let is_fresh = keys.read_at_ms.is_some_and(|read_at_ms| now_ms < read_at_ms + KEYS_LIVE_MS);
        let found = find(keys).filter(|_| is_fresh);
        let may_fetch = found.is_none()
            && if is_fresh { keys.again.spend(1, now_ms) } else { keys.first.spend(FETCHES_MAX, now_ms) };
        (found, is_fresh, may_fetch)
    });
    if found.is_some() || (is_fresh && !may_fetch) {
        return Ok(found);
    }
    let fetched = if may_fetch { fetched_keys(access).await } else { Err("too many fetches".into()) };
    match fetched {
        Ok(known) => Ok(KEYS.with_borrow_mut(|keys| {
            keys.known = known;
            keys.read_at_ms = Some(now_ms);
            find(keys)
        })),
        Err(why) => {
            worker::console_error!("keys of Access: {why}");
            Err(Fault::Unavailable("the keys of Cloudflare Access cannot be fetched now; ask again".into()))
        }
    }
}

async fn fetched_keys(access: &Access) -> std::result::Result<Vec<(String, CryptoKey)>, String> {
    let set =
        key_set(&format!("{}/cdn-cgi/access/certs", access.team)).await.map_err(|error| error.to_string())?;
    let (rs256, mut known) = (rs256().map_err(|_| "no WebCrypto")?, Vec::new());
    for key in PublicKey::parse_all(&set).map_err(|error| error.to_string())? {
        match imported(&key.jwk(), &rs256, "verify").await {
            Ok(imported) => known.push((key.kid, imported)),
            Err(_) => worker::console_error!("keys of Access: one cannot be used"),
        }
    }
    Ok(known)
}

async fn key_set(url: &str) -> Result<String> {
    let init = RequestInit::new();
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(KEYS_TIMEOUT_MS)));
    let response = origin::send(&web_sys::Request::new_with_str_and_init(url, &init)?).await?;
    if response.status() != 200 {
        return Err(format!("they are answered with {}", response.status()).into());
    }
    Ok(JsFuture::from(response.text()?).await?.as_string().unwrap_or_default())
}

/// Counts a wrong credential of this address, and says whether it is one too many.
async fn is_one_too_many(request: &Request, env: &Env) -> Result<bool> {
    let mut address = request.headers().get("cf-connecting-ip")?.unwrap_or_default();
    if address.len() > ADDRESS_BYTES_MAX {
        address.clear();
    }
    let limiter = Reflect::get(env, &LIMIT.into())?;
    if limiter.is_undefined() {
        return Ok(FAILURES.with_borrow_mut(|failures| !counted(failures, address, clock::machine_ms())));
    }
    let limiter: RateLimiter = limiter.unchecked_into();
    // A limiter that does not answer must not turn a 401 into something else.
    Ok(is_within(&limiter, &address).await == Ok(false))
}

async fn is_within(limiter: &RateLimiter, address: &str) -> std::result::Result<bool, JsValue> {
    let of = Object::new();
    Reflect::set(&of, &"key".into(), &address.into())?;
    let outcome = JsFuture::from(limiter.limit(&of)?).await?;
    Ok(Reflect::get(&outcome, &"success".into())?.is_truthy())
}

/// Counts it in this isolate. Where too many addresses are known, the one that has been quiet for longest is forgotten.
fn counted(failures: &mut Vec<(String, Budget)>, address: String, now_ms: u64) -> bool {
    let known = failures.iter().position(|(known, _)| *known == address);
    let (address, mut budget) = match known {
        Some(place) => failures.remove(place),
        None => (address, Budget::default()),
    };
    if failures.len() >= ADDRESSES_MAX {
        failures.remove(0);
    }
    let is_within = budget.spend(FAILURES_MAX, now_ms);
    failures.push((address, budget));
    is_within
}

/// The idempotency key of a request.
///
/// # Errors
/// 400 where it is missing or out of its bounds.
pub fn idempotency_key(request: &Request) -> Answer<String> {
    let given = request.headers().get(IDEMPOTENCY_KEY)?;
    let is_key = |key: &String| {
        (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let given = match given {
        Some(key) if is_key(&key) => return Ok(key),
        Some(key) => format!("{} characters long", key.chars().count()),
        None => "missing".into(),
    };
    let allowed =
        format!("1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters, another one for each change");
    Err(haggle::Error::value("header Idempotency-Key", given, allowed).into())
}
