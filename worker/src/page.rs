//! Stage 2 in a page: the shop's answer goes out with the visitor's prices in it, or untouched with a reason.
//!
//! Three modes. `stream` rewrites a page while it comes by. `atomic` reads it whole first, so that an item of which one
//! place holds another number than the catalogue price is left alone in all places. `proven` does so until a page of the
//! same path came out clean in this isolate, and streams from then on.
//!
//! Out of scope: where prices stand in a page (the core's `page`), and who sees which price (`visitor`).

use std::rc::Rc;

use haggle::page::{Output, PageItem, Report, Rewriter};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Response, ResponseInit};
use worker::{Context, Date, Env, Method, Request, Result};

use crate::http::{contains, copied};
use crate::origin::{self, Page, ShopRequest};
use crate::reasons::Reason;
use crate::settings::{Mode, Settings};
use crate::stream::{Reader, Whole, Writer};
use crate::visitor::{PageOffers, Visitor, expire_cookies, make_private};
use crate::{cache, charset, mismatches, proof};

/// Most bytes of a page that are kept in memory.
const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What an ad network puts into the address of a page that a click has led to.
const AD_CLICK: [&str; 8] =
    ["gclid", "gclsrc", "gbraid", "wbraid", "dclid", "gad_source", "msclkid", "srsltid"];

/// Serves a page of the shop.
///
/// # Errors
/// Only what the shop's own answer gives: the runtime then answers as it would without us.
pub async fn serve(request: &Request, env: &Env, context: &Context) -> Result<Response> {
    let raw = request.inner();
    if request.method() != Method::Get || raw.headers().has("upgrade")? {
        return origin::pass(raw, env).await;
    }
    let request = ShopRequest::of(raw.clone())?;
    let visitor = match visitor_of(&request, env, context).await {
        Ok(visitor) => visitor,
        Err(reason) => {
            let page = Page { response: request.pass(env).await?, is_cached: false };
            return left_alone(&request, &page, reason);
        }
    };
    let page = request.page(env, visitor.settings(), context).await?;
    if let Some(reason) = unfit(&page.response)? {
        return left_alone(&request, &page, reason);
    }
    View { request, page, visitor }.serve(context).await
}

/// The visitor of a request, if anything may be priced.
async fn visitor_of(
    request: &ShopRequest,
    env: &Env,
    context: &Context,
) -> std::result::Result<Visitor, Reason> {
    let settings = Settings::of(env).map_err(|error| {
        worker::console_error!("settings: {error}");
        Reason::Misconfigured
    })?;
    if settings.consent.as_ref().is_some_and(|consent| !consent.is_given(&request.cookies)) {
        return Err(Reason::NoConsent);
    }
    let snapshot = cache::snapshot_for_page(env, &settings, context).await?;
    if snapshot.is_stopped() {
        return Err(Reason::Stopped);
    }
    if snapshot.experiments().is_empty() {
        return Err(Reason::NoExperiment);
    }
    Ok(Visitor::of(&request.cookies, snapshot, settings, Date::now().as_millis()))
}

/// Why a response cannot be priced, if so.
fn unfit(response: &Response) -> Result<Option<Reason>> {
    let headers = response.headers();
    let content_type = headers.get("content-type")?.unwrap_or_default().to_ascii_lowercase();
    Ok(if !content_type.trim_start().starts_with("text/html") {
        Some(Reason::NotHtml)
    } else if response.status() != 200 {
        Some(Reason::OriginStatus)
    } else if charset::is_strange(&content_type) || !is_decoded(&headers)? {
        Some(Reason::Charset)
    } else {
        None
    })
}

/// Whether the runtime gives us the page as it was before it was compressed.
fn is_decoded(headers: &web_sys::Headers) -> Result<bool> {
    let encoding = headers.get("content-encoding")?.unwrap_or_default().to_ascii_lowercase();
    Ok(matches!(encoding.trim(), "" | "identity" | "gzip" | "x-gzip" | "br"))
}

/// The shop's response as it came; a page says why it was left alone.
fn left_alone(request: &ShopRequest, page: &Page, reason: Reason) -> Result<Response> {
    if matches!(unfit(&page.response)?, Some(Reason::NotHtml)) {
        return Ok(page.response.clone()?);
    }
    let response = copied(&page.response)?;
    let takes_back =
        matches!(reason, Reason::NoConsent) && expire_cookies(&request.cookies, &response.headers())?;
    if page.is_cached || takes_back {
        make_private(&response.headers())?;
    }
    marked(response, reason)
}

fn marked(response: Response, reason: Reason) -> Result<Response> {
    if !matches!(reason, Reason::SurfaceMismatch) {
        reason.count();
    }
    response.headers().append("server-timing", &format!("haggle;desc=\"{}\"", reason.code()))?;
    Ok(response)
}
