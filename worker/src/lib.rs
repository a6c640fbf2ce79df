//! The shell: haggle on Cloudflare Workers. Routes, storage and streams; every formula is in the core.
//!
//! | file | stage | platform thing |
//! |---|---|---|
//! | `page` | 2 decision, in a page | native `HTMLRewriter`, the origin |
//! | `shop_api` | 2 to 4 as an API | - |
//! | `visitor` | 1 request, 8 next request | cookies |
//! | `cache` | 8 next request | KV `SNAPSHOTS` |
//! | `ledger` | 5 merge, per shard | Durable Object `LEDGER` with SQLite and alarm |
//! | `central` | 5 merge, of all shards | D1 `DB` |
//! | `publisher` | 5 to 7, the sync job | Durable Object `PUBLISHER`, cron |
//! | `admin_api` | what operators see | `ADMIN_HOST` |
//!
//! Out of scope: formulas, and anything that needs a clock argument it cannot get from the runtime.

// The macros of the `worker` crate write public items without documentation and code with `expect`.
#![allow(missing_docs)]

mod admin_api;
mod cache;
mod central;
mod html_rewriter;
mod http;
mod ledger;
mod page;
mod publisher;
mod reasons;
mod rows;
mod settings;
mod shop_api;
mod visitor;

use worker::{Context, Env, Method, Request, Response, Result, ScheduleContext, ScheduledEvent, event};

use crate::http::Fault;

/// Every request of the shop's host and of the admin host.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    // Should a request end in an exception before its response began, the origin answers it.
    context.pass_through_on_exception();
    let admin_host = env.var("ADMIN_HOST").map(|host| host.to_string()).unwrap_or_default();
    let on_admin_host = !admin_host.is_empty() && http::host(&request) == admin_host;
    let path = request.path();
    let answer = match (on_admin_host, path.strip_prefix("/haggle/")) {
        (false, None) => return page::serve(request, &env).await,
        (false, Some(_)) => shop_route(request, &env).await,
        (true, Some("health")) => shop_api::health(&request, &env).await,
        (true, Some(_)) => admin_api::route(request, &env).await,
        (true, None) => asset(&env, &path).await,
    };
    match answer {
        Ok(response) => Ok(response),
        Err(fault) => fault.response(),
    }
}

/// What is ours on the shop's host.
async fn shop_route(mut request: Request, env: &Env) -> std::result::Result<Response, Fault> {
    match (request.method(), request.path().as_str()) {
        (Method::Get, "/haggle/haggle.js") => asset(env, "/haggle.js").await,
        (Method::Get, "/haggle/v1/price") => shop_api::price(&request, env).await,
        (Method::Post, "/haggle/v1/exposures") => shop_api::exposures(&mut request, env).await,
        (Method::Post, "/haggle/v1/rewards") => shop_api::rewards(&mut request, env).await,
        (Method::Get, "/haggle/health") => shop_api::health(&request, env).await,
        (_, "/haggle/v1/exposures" | "/haggle/v1/rewards") => Err(Fault::Method("POST")),
        (_, "/haggle/haggle.js" | "/haggle/v1/price" | "/haggle/health") => Err(Fault::Method("GET")),
        (_, path) => Err(Fault::NotFound(format!("no {path} here"))),
    }
}

/// A static file of `www/`.
async fn asset(env: &Env, path: &str) -> std::result::Result<Response, Fault> {
    let request: Request =
        web_sys::Request::new_with_str(&format!("http://assets{path}")).map_err(worker::Error::from)?.into();
    Ok(env.assets("ASSETS")?.fetch_request(request).await?)
}

/// The sync job, every minute.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    if let Err(fault) = publisher::sync_on_schedule(&env).await {
        worker::console_error!("sync: {fault}");
    }
}
