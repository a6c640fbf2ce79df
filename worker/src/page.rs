//! Stage 2 in a page: the shop's answer goes out with the visitor's prices in it, or untouched with a reason.
//!
//! Three modes. `stream` rewrites a page while it comes by. `atomic` reads it whole first, so that an item of which one
//! place holds another number than the catalogue price is left alone in all places. `proven` does so until a page of the
//! same path came out clean in this isolate, at the prices of all arms, and streams from then on.
//!
//! Out of scope: where prices stand in a page (the core's `page`), and who sees which price (`visitor`).

mod preview;
mod write;

use std::rc::Rc;

use haggle::page::{Output, Report, Rewriter};
use haggle::{LiveExperiment, Snapshot};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, Response, ResponseInit};
use worker::{Context, Env, Method, Request, Result};

use crate::clock;
use crate::http::copied;
use crate::mismatches::is_wrong;
use crate::origin::{Page, ShopRequest};
use crate::preview_api::Asked;
use crate::reasons::Reason;
use crate::settings::{Mode, Settings};
use crate::shared_cache::make_private;
use crate::stream::{Reader, Whole, Writer};
use crate::visitor::{PageOffers, Visitor, expire_cookies};
use crate::{cache, charset, mismatches, proof};
use write::{pump, with_quotes};

/// Most bytes of a page that are kept in memory.
const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What an ad network puts into the address of a page that a click has led to.
const AD_CLICK: [&str; 8] =
    ["gclid", "gclsrc", "gbraid", "wbraid", "dclid", "gad_source", "msclkid", "srsltid"];

/// Serves a page of the shop.
///
/// # Errors
/// Only what the shop's own answer gives: the runtime then answers as it would without us.
pub async fn serve(request: &Request, url: String, env: &Env, context: &Context) -> Result<Response> {
    let method = request.method();
    let request = ShopRequest::of(Clone::clone(request.inner()), url)?;
    if request.raw.headers().has("upgrade")? {
        return request.pass(env).await;
    }
    match method {
        Method::Get => {}
        Method::Head => return head(&request, env, context).await,
        _ => return request.pass(env).await,
    }
    match Asked::of(request.preview.clone(), &request.cookies) {
        Some(asked) => preview::serve(request, asked, env, context).await,
        None => of_visitor(request, env, context).await,
    }
}

/// Serves a page to the visitor of a request.
async fn of_visitor(request: ShopRequest, env: &Env, context: &Context) -> Result<Response> {
    let ready = match ready(&request, env, context, true).await {
        Ok(ready) => ready,
        Err(reason) => {
            let page = Page { response: request.pass(env).await?, is_cached: false };
            return left_alone(&request, page, reason);
        }
    };
    let page = request.page(env, &ready.settings, context).await?;
    if let Some(reason) = unfit(&page.response)? {
        return left_alone(&request, page, reason);
    }
    let visitor = ready.visitor(&request.cookies);
    let response = View { request, page, visitor }.serve(context).await;
    mismatches::flush_later(env, context);
    response
}

/// The shop's answer to a question about a page. Where everybody sees the same prices a cache may renew the page that it
/// has by this answer, and so it says no more than the page itself; a page of a visitor's own lies in no cache.
async fn head(request: &ShopRequest, env: &Env, context: &Context) -> Result<Response> {
    let (ready, response) = (ready(request, env, context, true).await, request.pass(env).await?);
    let Ok(ready) = ready else { return Ok(response) };
    let visitor = ready.visitor("");
    if !visitor.is_nobody() || unfit(&response)?.is_some() {
        return Ok(response);
    }
    let response = copied(&response)?;
    visitor.stamp(&response.headers())?;
    response.headers().delete("content-length")?;
    Ok(response)
}

/// What prices are decided by.
struct Ready {
    settings: Rc<Settings>,
    snapshot: Rc<Snapshot>,
    /// The visitor has not agreed to prices of its own, and sees everybody's.
    is_refused: bool,
}

impl Ready {
    fn visitor(self, cookies: &str) -> Visitor {
        let Self { settings, snapshot, is_refused } = self;
        let is_personal = snapshot.experiments().iter().any(LiveExperiment::is_of_visitors);
        match is_personal && !is_refused {
            true => Visitor::of(cookies, snapshot, settings, clock::now_ms()),
            false => {
                let ours = if is_refused { cookies.to_owned() } else { String::new() };
                Visitor::nobody(ours, snapshot, settings, clock::now_ms())
            }
        }
    }
}

/// What prices are decided by, if anything may be priced; `asks` whether the visitor has to agree.
async fn ready(
    request: &ShopRequest,
    env: &Env,
    context: &Context,
    asks: bool,
) -> std::result::Result<Ready, Reason> {
    let misconfigured = |error: String| {
        worker::console_error!("settings: {error}");
        Reason::Misconfigured
    };
    let settings = Settings::of(env).map_err(misconfigured)?;
    settings.signer.ready().await.map_err(misconfigured)?;
    let consent = settings.consent.as_ref().filter(|_| asks);
    let is_refused = consent.is_some_and(|consent| !consent.is_given(&request.cookies));
    let snapshot = cache::snapshot_for_page(env, &settings, context).await;
    if is_refused && !snapshot.as_deref().is_ok_and(has_shared) {
        return Err(Reason::NoConsent);
    }
    let snapshot = snapshot?;
    if snapshot.is_stopped() {
        return Err(if is_refused { Reason::NoConsent } else { Reason::Stopped });
    }
    if snapshot.experiments().is_empty() {
        return Err(Reason::NoExperiment);
    }
    Ok(Ready { settings, snapshot, is_refused })
}

/// A page on its way to a visitor.
struct View {
    request: ShopRequest,
    page: Page,
    visitor: Visitor,
}

impl View {
    async fn serve(mut self, context: &Context) -> Result<Response> {
        if self.visitor.is_preview() {
            self.visitor.settle();
            return self.whole(Reason::Preview, context).await;
        }
        if self.visitor.sees_catalogue() {
            return self.at_catalogue(Reason::FirstView, context).await;
        }
        let mut reason = Reason::Priced;
        if !self.visitor.is_nobody() && self.request.parameters().any(|name| AD_CLICK.contains(&name)) {
            let Some(sku) = self.visitor.snapshot().site().page_sku(self.request.path()) else {
                return self.at_catalogue(Reason::AdClick, context).await;
            };
            self.visitor.keep_catalogue(&sku);
            reason = Reason::AdClick;
        }
        self.visitor.settle();
        let streams = match self.visitor.settings().mode {
            Mode::Stream => true,
            Mode::Atomic => false,
            Mode::Proven => {
                proof::is_proven(proof::mark_of(self.visitor.snapshot()), &path_key(&self.request))
            }
        };
        if streams { self.streamed(reason, context).await } else { self.whole(reason, context).await }
    }

    /// The page with its catalogue prices, which the visitor keeps for the items on it; with those prices that everybody
    /// sees.
    async fn at_catalogue(mut self, reason: Reason, context: &Context) -> Result<Response> {
        let bytes = match self.read_whole().await? {
            Whole::Read(bytes) if charset::begins_strangely(&bytes) => {
                return self.left_alone_with(&bytes, Reason::Charset);
            }
            Whole::Read(bytes) => bytes,
            Whole::Broken(first, error) => return self.broken_off(first, error, context),
            Whole::TooLong(first, rest) => {
                self.visitor.keep_catalogue_of_all();
                let response = self.passed_on(first, rest, context)?;
                self.stamp(&response)?;
                return marked(response, Reason::TooLarge);
            }
        };
        let offers = PageOffers::at_catalogue(&self.visitor);
        let (_, report) = rewritten(&self.visitor, self.request.path(), &offers, &bytes);
        if mismatches::count(&report.items) {
            proof::doubt(&path_key(&self.request));
        }
        report.items.iter().for_each(|item| self.visitor.keep_catalogue(&item.sku));
        let shared = if has_shared(self.visitor.snapshot()) { self.priced(&bytes, false) } else { None };
        let response = match shared {
            Some((output, without)) => self.written(output, &without).await?,
            None => self.with_bytes(&bytes)?,
        };
        self.stamp(&response)?;
        marked(response, reason)
    }

    /// The page with the visitor's prices, once it is known that all of them could be written.
    async fn whole(self, reason: Reason, context: &Context) -> Result<Response> {
        let bytes = match self.read_whole().await? {
            Whole::Read(bytes) if charset::begins_strangely(&bytes) => {
                return self.left_alone_with(&bytes, Reason::Charset);
            }
            Whole::Read(bytes) => bytes,
            Whole::Broken(first, error) => return self.broken_off(first, error, context),
            Whole::TooLong(first, rest) => {
                let response = self.passed_on(first, rest, context)?;
                return self.left_alone(response, Reason::TooLarge);
            }
        };
        let is_to_prove = matches!(
            (reason, self.visitor.settings().mode),
            (Reason::Priced | Reason::AdClick, Mode::Proven)
        );
        self.of_whole(&bytes, reason, is_to_prove).await
    }

    /// A page of which all bytes are here.
    async fn of_whole(&self, bytes: &[u8], reason: Reason, is_to_prove: bool) -> Result<Response> {
        let Some((output, without)) = self.priced(bytes, is_to_prove) else {
            return self.left_alone_with(bytes, Reason::SurfaceMismatch);
        };
        let response = self.written(output, &without).await?;
        self.stamp(&response)?;
        marked(response, reason)
    }

    /// The response with a page that was rewritten as a whole, but for some items; a sample of them is read again.
    async fn written(&self, mut output: Output, without: &[String]) -> Result<Response> {
        let mut bytes = with_quotes(&self.visitor, &mut output).await;
        if self.visitor.is_preview() {
            bytes.to_mut().extend_from_slice(preview::banner(&self.request).as_bytes());
        }
        mismatches::sample(&self.visitor, self.request.path(), without, &bytes);
        self.with_bytes(&bytes)
    }

    /// A page with the visitor's prices, and the items that were left alone, in all places, because one of theirs does not
    /// match. None where nothing is left.
    fn priced(&self, bytes: &[u8], is_to_prove: bool) -> Option<(Output, Vec<String>)> {
        let path = self.request.path();
        let mut without = Vec::new();
        let (output, report) =
            rewritten(&self.visitor, path, &PageOffers::of(&self.visitor, &without), bytes);
        let is_wrong_somewhere = self.count(&report);
        if is_to_prove && !is_wrong_somewhere && is_clean(&self.visitor, path, bytes) {
            proof::prove(proof::mark_of(self.visitor.snapshot()), &path_key(&self.request));
        }
        without.extend(report.items.into_iter().filter(is_wrong).map(|item| item.sku));
        if without.is_empty() {
            return Some((output, without));
        }
        if !self.visitor.is_preview() {
            proof::doubt(&path_key(&self.request));
        }
        let offers = PageOffers::of(&self.visitor, &without);
        let (second, report) = rewritten(&self.visitor, path, &offers, bytes);
        let is_left = !report.items.iter().any(is_wrong) && report.items.iter().any(|item| item.written > 0);
        is_left.then_some((second, without))
    }

    /// Whether anything is wrong on a page, which is counted but in a preview.
    fn count(&self, report: &Report) -> bool {
        match self.visitor.is_preview() {
            true => report.items.iter().any(is_wrong),
            false => mismatches::count(&report.items),
        }
    }

    /// The page with the visitor's prices, written while it comes.
    async fn streamed(self, reason: Reason, context: &Context) -> Result<Response> {
        let Some(Ok(mut reader)) = self.page.response.body().map(Reader::of) else {
            return self.left_alone(copied(&self.page.response)?, reason);
        };
        let length = self.length()?;
        match reader.peek().await {
            Err(error) => return self.broken_off(Vec::new(), error, context),
            // All of it is there at once: nothing is won by a pipe.
            Ok(bytes) if length == Some(bytes.len()) => return self.at_once(bytes, reason).await,
            Ok(_) => {}
        }
        let (writer, readable) = Writer::new()?;
        let response = self.with_body(Some(&readable))?;
        self.stamp(&response)?;
        let (request, visitor) = (self.request, self.visitor);
        context.wait_until(async move {
            let Some(report) = pump(reader, writer, &visitor, request.path()).await else { return };
            if mismatches::count(&report.items) {
                proof::doubt(&path_key(&request));
            }
        });
        marked(response, reason)
    }

    /// What [`Self::streamed`] gives, of a page that came in one piece.
    async fn at_once(&self, bytes: &[u8], reason: Reason) -> Result<Response> {
        if charset::begins_strangely(bytes) {
            return self.left_alone_with(bytes, Reason::Charset);
        }
        if !matches!(self.visitor.settings().mode, Mode::Stream) {
            return self.of_whole(bytes, reason, false).await;
        }
        let offers = PageOffers::of(&self.visitor, &[]);
        let (mut output, report) = rewritten(&self.visitor, self.request.path(), &offers, bytes);
        mismatches::count(&report.items);
        let response = self.with_bytes(&with_quotes(&self.visitor, &mut output).await)?;
        self.stamp(&response)?;
        marked(response, reason)
    }

    async fn read_whole(&self) -> Result<Whole> {
        let Some(body) = self.page.response.body() else { return Ok(Whole::Read(Vec::new())) };
        if self.length()?.is_some_and(|length| length > PAGE_BYTES_MAX) {
            return Ok(Whole::TooLong(Vec::new(), None));
        }
        Ok(Reader::of(body)?.read_whole(PAGE_BYTES_MAX).await)
    }

    /// How many bytes the shop's page has, where it says so.
    fn length(&self) -> Result<Option<usize>> {
        let headers = self.page.response.headers();
        if headers.has("content-encoding")? {
            return Ok(None);
        }
        Ok(headers.get("content-length")?.and_then(|length| length.parse().ok()))
    }

    /// The shop's response with bytes instead of its own body.
    fn with_bytes(&self, bytes: &[u8]) -> Result<Response> {
        let init: &ResponseInit = self.page.response.unchecked_ref();
        let bytes = Uint8Array::from(bytes);
        let response = Response::new_with_opt_js_u8_array_and_init(Some(&bytes), init)?;
        response.headers().delete("content-length")?;
        Ok(response)
    }

    /// The shop's response with another body than its own.
    fn with_body(&self, body: Option<&ReadableStream>) -> Result<Response> {
        let init: &ResponseInit = self.page.response.unchecked_ref();
        let response = Response::new_with_opt_readable_stream_and_init(body, init)?;
        response.headers().delete("content-length")?;
        Ok(response)
    }

    /// Says who may keep a response with prices in it. Our own cache has kept a page already: others then do not.
    fn stamp(&self, response: &Response) -> Result<()> {
        self.visitor.stamp(&response.headers())?;
        if self.page.is_cached { make_private(&response.headers()) } else { Ok(()) }
    }

    /// The shop's response, of which the first bytes may have been read already.
    fn passed_on(&self, first: Vec<u8>, rest: Option<Reader>, context: &Context) -> Result<Response> {
        let Some(rest) = rest else { return copied(&self.page.response) };
        let (writer, readable) = Writer::new()?;
        context.wait_until(writer.pass_on(first, rest));
        self.with_body(Some(&readable))
    }

    /// The shop's response that broke off: it must not look like a whole one.
    fn broken_off(self, first: Vec<u8>, error: JsValue, context: &Context) -> Result<Response> {
        let (writer, readable) = Writer::of_length(self.length()?.unwrap_or(0).max(first.len() + 1))?;
        context.wait_until(async move {
            if writer.write(&first).await.is_ok() {
                writer.abort(&error).await;
            }
        });
        let response = self.with_body(Some(&readable))?;
        self.left_alone(response, Reason::OriginStatus)
    }

    fn left_alone_with(&self, bytes: &[u8], reason: Reason) -> Result<Response> {
        let response = self.with_bytes(bytes)?;
        self.left_alone(response, reason)
    }

    /// A response with the shop's bytes and headers.
    fn left_alone(&self, response: Response, reason: Reason) -> Result<Response> {
        if self.page.is_cached {
            make_private(&response.headers())?;
        }
        marked(response, reason)
    }
}

/// Whether anything is published that everybody sees alike.
fn has_shared(snapshot: &Snapshot) -> bool {
    snapshot.experiments().iter().any(|live| !live.is_of_visitors())
}

/// What the proof of a page is kept under.
fn path_key(request: &ShopRequest) -> String {
    format!("{}{}", request.authority(), request.path())
}

/// A whole page, with the prices that are offered.
fn rewritten(visitor: &Visitor, path: &str, offers: &PageOffers<'_>, bytes: &[u8]) -> (Output, Report) {
    let mut output = Output::default();
    output.bytes.reserve(bytes.len() + 1024);
    let rewriter = Rewriter::new(visitor.snapshot().site(), path, offers);
    let mut rewriter = if visitor.is_preview() { rewriter.in_preview() } else { rewriter };
    rewriter.push(bytes, &mut output);
    let report = rewriter.end(&mut output);
    (output, report)
}

/// Whether a page comes out clean at every price that any visitor may see: a number without decimals has no room for
/// some of them, and what is struck through may be below others.
fn is_clean(visitor: &Visitor, path: &str, bytes: &[u8]) -> bool {
    let (mut arm, mut arms) = (0, 1);
    while arm < arms {
        let (_, report) = rewritten(visitor, path, &PageOffers::of_arm(visitor, arm), bytes);
        if report.items.iter().any(is_wrong) {
            return false;
        }
        let items = report.items.iter().filter_map(|item| visitor.snapshot().item(&item.sku));
        arms = items.map(|item| item.experiment().arms().len()).fold(arms, usize::max);
        arm += 1;
    }
    true
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
    // Only these two, spelled so, it knows.
    Ok(matches!(headers.get("content-encoding")?.as_deref(), None | Some("" | "identity" | "gzip" | "br")))
}

/// The shop's response as it came, which says why it was left alone.
fn left_alone(request: &ShopRequest, page: Page, reason: Reason) -> Result<Response> {
    let response = copied(&page.response)?;
    if matches!(unfit(&page.response)?, Some(Reason::NotHtml)) {
        return marked(response, Reason::NotHtml);
    }
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
