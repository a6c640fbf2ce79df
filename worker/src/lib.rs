//! The shell: haggle on Cloudflare Workers. Routes, storage and streams; every formula is in the core.
//!
//! | file | stage | platform thing |
//! |---|---|---|
//! | `page`, `stream` | 2 decision, in a page | body streams |
//! | `origin`, `html_cache` | the shop's own page | `fetch`, the Cache API |
//! | `proof`, `mismatches`, `reasons` | what became of pages | memory of the isolate |
//! | `shop_api` | 2 to 4 as an API | - |
//! | `sales_api` | 4 reward, where items are randomised | - |
//! | `quotes_api`, `signer` | 3 exposure, at checkout | WebCrypto |
//! | `clock` | what time it is | - |
//! | `crawlers` | 3 exposure, who is not counted | - |
//! | `visitor` | 1 request, 8 next request | cookies |
//! | `cache`, `kv` | 8 next request | KV `SNAPSHOTS` |
//! | `ledger` | 5 merge, per shard | Durable Object `LEDGER` with SQLite and alarm |
//! | `central` | 5 merge, of all shards | D1 `DB` |
//! | `publisher` | 5 to 7, the sync job | Durable Object `PUBLISHER`, cron |
//! | `auth` | who operators are | WebCrypto, rate limiting |
//! | `admin_api` | what operators see | `ADMIN_HOST` |
//! | `preview_api` | 2 decision, to be looked at alone | - |
//! | `overview_api`, `evidence_api` | what operators watch | - |
//! | `report_api`, `log_api` | what came of it | - |
//! | `seen` | what was counted, for reports and standings | - |
//!
//! Out of scope: formulas, and anything that needs a clock argument it cannot get from the runtime.

// The macros of the `worker` crate write public items without documentation and code with `expect`.
#![allow(missing_docs)]

mod admin_api;
mod auth;
mod cache;
mod catalogue_api;
mod central;
mod charset;
mod clock;
mod crawlers;
mod evidence_api;
mod html_cache;
mod http;
mod kv;
mod ledger;
mod log_api;
mod mismatches;
mod origin;
mod overview_api;
mod page;
mod preview_api;
mod proof;
mod publisher;
mod quotes_api;
mod reasons;
mod report_api;
mod rows;
mod sales_api;
mod seen;
mod settings;
mod shared_cache;
mod shop_api;
mod signer;
mod stream;
mod visitor;

use wasm_bindgen::JsCast;
use worker::{Context, Env, Method, Request, Response, Result, ScheduleContext, ScheduledEvent, event};

use crate::http::Fault;

/// Every request of the shop's host and of the admin host.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<web_sys::Response> {
    // Should a request end in an exception before its response began, the origin answers it.
    context.pass_through_on_exception();
    clock::tick(&env).await;
    let url = request.inner().url();
    let on_admin_host =
        settings::admin_host(&env).is_some_and(|admin_host| http::host_of(&url) == *admin_host);
    let path = http::path_of(&url).to_owned();
    let answer = match (on_admin_host, path.strip_prefix("/haggle/")) {
        (false, None) => return page::serve(&request, url, &env, &context).await,
        (false, Some(_)) => shop_route(http::with_known_method(request)?, &env).await,
        (true, Some(_)) => admin_route(http::with_known_method(request)?, &env).await,
        (true, None) => asset(&http::with_known_method(request)?, &env, &path, &ADMIN_HEADERS).await,
    };
    match answer {
        Ok(response) => Ok(response.into()),
        Err(fault) => fault.response().map(web_sys::Response::from),
    }
}

/// What is ours on the shop's host.
async fn shop_route(request: Request, env: &Env) -> std::result::Result<Response, Fault> {
    match (request.method(), request.path().as_str()) {
        (Method::Get | Method::Head, "/haggle/haggle.js") => {
            asset(&request, env, "/haggle.js", &CLIENT_HEADERS).await
        }
        (Method::Get, "/haggle/v1/price") => shop_api::price(&request, env).await,
        (Method::Post, "/haggle/v1/exposures") => shop_api::exposures(&request, env).await,
        (Method::Post, "/haggle/v1/rewards") => shop_api::rewards(&request, env).await,
        (Method::Post, "/haggle/v1/sales") => sales_api::from_shop(&request, env).await,
        (Method::Post, "/haggle/v1/quotes/verify") => quotes_api::verify(&request, env).await,
        (Method::Get, "/haggle/v1/quotes/keys") => quotes_api::keys(env),
        (Method::Get, "/haggle/health") => shop_api::health(env, false).await,
        (
            _,
            "/haggle/v1/exposures" | "/haggle/v1/rewards" | "/haggle/v1/sales" | "/haggle/v1/quotes/verify",
        ) => Err(Fault::Method("POST")),
        (_, "/haggle/haggle.js" | "/haggle/v1/price" | "/haggle/v1/quotes/keys" | "/haggle/health") => {
            Err(Fault::Method("GET"))
        }
        (_, path) => Err(Fault::NotFound(format!("no {path} here"))),
    }
}

/// What is ours on the admin host, for whoever has a credential. Health says what it says to anybody where none is
/// given; what is wrong with the settings it says in any case.
async fn admin_route(request: Request, env: &Env) -> std::result::Result<Response, Fault> {
    let settings = settings::Settings::of(env);
    if request.path() == "/haggle/health" {
        if request.method() != Method::Get {
            return Err(Fault::Method("GET"));
        }
        let is_admin = match &settings {
            Ok(settings) => auth::is_admin(&request, env, settings).await?,
            Err(_) => false,
        };
        return shop_api::health(env, is_admin).await;
    }
    let settings = settings.map_err(Fault::Unavailable)?;
    let request = auth::admit(&request, env, &settings).await?;
    admin_api::route(request, env).await
}

/// What a page of the admin host may do: load what is ours, and nothing of anybody else; and what it may not be used for:
/// frames, guessed types, referrers. Each file is asked for again every time, as a deploy may have changed it: who has it
/// gets a 304.
const ADMIN_HEADERS: [(&str, &str); 4] = [
    ("cache-control", "private, no-cache"),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data: blob:; worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];

/// The storefront client may be kept for five minutes: every page of the shop asks for it.
const CLIENT_HEADERS: [(&str, &str); 1] = [("cache-control", "public, max-age=300")];

/// A static file of `www/`, with more headers.
async fn asset(
    request: &Request,
    env: &Env,
    path: &str,
    more: &[(&str, &str)],
) -> std::result::Result<Response, Fault> {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return Err(Fault::Method("GET"));
    }
    let original: &web_sys::RequestInit = request.inner().unchecked_ref();
    let inner = web_sys::Request::new_with_str_and_init(&format!("http://assets{path}"), original);
    let inner: Request = inner.map_err(worker::Error::from)?.into();
    let file = env.assets("ASSETS")?.fetch_request(inner).await?;
    let file: Response = http::copied(&file.into())?.into();
    more.iter().try_for_each(|(name, value)| file.headers().set(name, value))?;
    Ok(file)
}

/// The sync job, every minute.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    clock::tick(&env).await;
    if let Err(fault) = publisher::sync_on_schedule(&env).await {
        worker::console_error!("sync: {fault}");
    }
}
