//! What time it is. In production that is the runtime's clock.
//!
//! Tests of weeks cannot wait for weeks: where a service is bound as `TEST_CLOCK`, its answer to `GET /` (milliseconds
//! since 1970-01-01 UTC) is the time instead, asked for once at the beginning of every event. No request can alter it,
//! and `wrangler.toml` binds no such service, which a test asserts.

use std::cell::{Cell, OnceCell};

use worker::{Env, Fetcher, Request, Result};

use crate::http::text_of;

thread_local! {
    static TEST_CLOCK: OnceCell<Option<Fetcher>> = const { OnceCell::new() };
    static TEST_MS: Cell<Option<u64>> = const { Cell::new(None) };
}

/// To be awaited first in every event: a request, an alarm, a scheduled run.
pub async fn tick(env: &Env) {
    let clock = TEST_CLOCK.with(|known| known.get_or_init(|| env.service("TEST_CLOCK").ok()).clone());
    let Some(clock) = clock else { return };
    TEST_MS.set(time_of(&clock).await.ok().and_then(|text| text.parse().ok()));
}

/// What the clock answers. Not by `Fetcher::fetch`, which would bring options of Cloudflare's own into the wasm.
async fn time_of(clock: &Fetcher) -> Result<String> {
    let request: Request =
        web_sys::Request::new_with_str_and_init("http://clock/", &web_sys::RequestInit::new())?.into();
    text_of(clock.fetch_request(request).await?).await
}

/// Milliseconds since 1970-01-01 UTC.
pub fn now_ms() -> u64 {
    TEST_MS.get().unwrap_or_else(machine_ms)
}

/// What the machine's own clock says, for how long something took or is kept in memory. On the path of every page,
/// where `worker::Date` asks JavaScript twice.
pub fn machine_ms() -> u64 {
    js_sys::Date::now() as u64
}

/// Seconds since 1970-01-01 UTC.
pub fn now_s() -> u64 {
    now_ms() / 1000
}
