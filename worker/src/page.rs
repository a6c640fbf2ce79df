//! Stage 2 in a page: the origin's answer goes out with the visitor's prices in it, or untouched with a reason.
//!
//! Out of scope: structured data and other surfaces than visible text, and modes other than `stream`.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::prelude::*;
use worker::{Date, Env, Fetch, Method, Request, Response, Result};

use crate::cache;
use crate::html_rewriter::{DocumentEnd, Element, HtmlRewriter, TextChunk, as_html, object};
use crate::http::path_and_query;
use crate::reasons::Reason;
use crate::settings::Settings;
use crate::visitor::{Offer, Visitor};

/// Serves a page of the shop.
///
/// # Errors
/// Only what the origin's own fetch gives: the runtime then answers as it would without us.
pub async fn serve(request: Request, env: &Env) -> Result<Response> {
    if request.method() != Method::Get {
        return fetch_origin(&request, Settings::of(env).ok().as_deref(), false).await;
    }
    let settings = match Settings::of(env) {
        Ok(settings) => settings,
        Err(error) => {
            worker::console_error!("settings: {error}");
            // Without settings the origin may still be known.
            let origin = env.var("ORIGIN").ok().map(|origin| origin.to_string());
            return untouched(send(&request, origin.as_deref(), false).await?, Reason::Misconfigured);
        }
    };
    let snapshot = match cache::snapshot(env, &settings).await {
        Ok(snapshot) if snapshot.experiments().is_empty() => Err(Reason::NoExperiment),
        other => other,
    };
    let snapshot = match snapshot {
        Ok(snapshot) => snapshot,
        Err(reason) => return untouched(fetch_origin(&request, Some(&settings), false).await?, reason),
    };
    let accept = request.headers().get("accept")?.unwrap_or_default();
    let response = fetch_origin(&request, Some(&settings), accept.contains("text/html")).await?;
    if let Some(reason) = unfit(&response)? {
        return untouched(response, reason);
    }
    let visitor = Visitor::of(&request, snapshot, settings, Date::now().as_millis());
    let visitor = Rc::new(visitor);
    let rewritten =
        if visitor.is_priced() { rewrite(&response, visitor.clone()) } else { Err(Reason::FirstView) };
    let (response, reason) = match rewritten {
        Ok(rewritten) => (rewritten, Reason::Priced),
        Err(reason) => (copied(response)?, reason),
    };
    visitor.stamp(response.headers())?;
    marked(response, reason)
}

/// Why a response cannot be priced, if so.
fn unfit(response: &Response) -> Result<Option<Reason>> {
    let content_type = response.headers().get("content-type")?.unwrap_or_default();
    Ok(if !content_type.trim_start().to_ascii_lowercase().starts_with("text/html") {
        Some(Reason::NotHtml)
    } else if response.status_code() != 200 {
        Some(Reason::OriginStatus)
    } else {
        None
    })
}

async fn fetch_origin(request: &Request, settings: Option<&Settings>, whole: bool) -> Result<Response> {
    send(request, settings.and_then(|settings| settings.origin.as_deref()), whole).await
}

/// Sends the request on as it is. `whole` asks for a page that can be priced: not a part of it, and not «unchanged».
async fn send(request: &Request, origin: Option<&str>, whole: bool) -> Result<Response> {
    let original = request.inner();
    let url = match origin {
        Some(origin) => format!("{origin}{}", path_and_query(request)),
        None => original.url(),
    };
    let init: &web_sys::RequestInit = original.unchecked_ref();
    let upstream = web_sys::Request::new_with_str_and_init(&url, init)?;
    let headers = upstream.headers();
    if origin.is_some() {
        let host = request.headers().get("host")?;
        headers.set("x-forwarded-host", &host.unwrap_or_else(|| crate::http::host(request)))?;
    }
    if whole {
        ["if-none-match", "if-modified-since", "range"].iter().try_for_each(|name| headers.delete(name))?;
    }
    Fetch::Request(upstream.into()).send().await
}

/// The same response with headers that can be changed; the body streams through untouched.
fn copied(response: Response) -> Result<Response> {
    let raw: web_sys::Response = response.into();
    let init: &web_sys::ResponseInit = raw.unchecked_ref();
    Ok(web_sys::Response::new_with_opt_readable_stream_and_init(raw.body().as_ref(), init)?.into())
}

/// The origin's response as it came; a page says why it was left alone.
fn untouched(response: Response, reason: Reason) -> Result<Response> {
    if matches!(unfit(&response)?, Some(Reason::NotHtml)) {
        return Ok(response);
    }
    marked(copied(response)?, reason)
}

fn marked(response: Response, reason: Reason) -> Result<Response> {
    reason.count();
    response.headers().append("server-timing", &format!("haggle;desc=\"{}\"", reason.code()))?;
    Ok(response)
}

/// The state of one page while it streams by. No handler can fail: what cannot be priced stays as it is.
struct Page {
    visitor: Rc<Visitor>,
    /// Offers of the items seen so far, signed once.
    offers: RefCell<Vec<Rc<Offer>>>,
    /// The price elements that are open, innermost last; none for an item without experiment.
    open: RefCell<Vec<Option<Rc<Offer>>>>,
    /// The text that is being collected.
    text: RefCell<String>,
}

fn rewrite(response: &Response, visitor: Rc<Visitor>) -> std::result::Result<Response, Reason> {
    transform(response, visitor).map_err(|error| {
        worker::console_error!("rewriter: {}", worker::Error::from(error));
        Reason::Rewriter
    })
}

fn transform(response: &Response, visitor: Rc<Visitor>) -> std::result::Result<Response, JsValue> {
    let page = Rc::new(Page {
        visitor,
        offers: RefCell::default(),
        open: RefCell::default(),
        text: RefCell::default(),
    });
    let closed: Function = {
        let page = page.clone();
        let pop = move |_: JsValue| drop(page.open.borrow_mut().pop());
        Closure::<dyn Fn(JsValue)>::new(pop).into_js_value().unchecked_into()
    };
    let on_element = {
        let page = page.clone();
        Closure::<dyn Fn(Element)>::new(move |element| page.on_element(&element, &closed)).into_js_value()
    };
    let on_text = {
        let page = page.clone();
        Closure::<dyn Fn(TextChunk)>::new(move |chunk| page.on_text(&chunk)).into_js_value()
    };
    let on_form = {
        let page = page.clone();
        Closure::<dyn Fn(Element)>::new(move |form| page.on_form(&form)).into_js_value()
    };
    let on_end = Closure::<dyn Fn(DocumentEnd)>::new(move |end| page.on_end(&end)).into_js_value();
    let raw: web_sys::Response = response.into();
    HtmlRewriter::new()
        .on("[data-haggle-sku]:not(form)", &object(&[("element", &on_element), ("text", &on_text)]))?
        .on("form[data-haggle-sku]", &object(&[("element", &on_form)]))?
        .on_document(&object(&[("end", &on_end)]))?
        .transform(&raw)
        .map(Response::from)
}

impl Page {
    fn offer(&self, element: &Element) -> Option<Rc<Offer>> {
        let sku = element.get_attribute("data-haggle-sku").ok().flatten()?;
        if let Some(offer) = self.offers.borrow().iter().find(|offer| offer.quote.sku == sku) {
            return Some(offer.clone());
        }
        let offer = Rc::new(self.visitor.offer(&sku)?);
        self.offers.borrow_mut().push(offer.clone());
        Some(offer)
    }

    fn on_element(&self, element: &Element, closed: &Function) {
        let offer = self.offer(element);
        // An element without an end tag has no text either: it is not opened.
        if element.on_end_tag(closed).is_ok() {
            self.open.borrow_mut().push(offer);
        }
    }

    /// Collects the pieces of a text and writes it once it is complete, as it was or with the price in it.
    fn on_text(&self, chunk: &TextChunk) {
        let offer = self.open.borrow().last().cloned().flatten();
        let Some(offer) = offer else { return };
        self.text.borrow_mut().push_str(&chunk.text());
        if !chunk.last_in_text_node() {
            let _ = chunk.remove();
            return;
        }
        let text = self.text.take();
        let (from, to) = (offer.catalogue_minor, offer.quote.price_minor);
        let repriced = haggle::reprice(&text, from, to, offer.currency);
        if repriced.is_err() && text.bytes().any(|byte| byte.is_ascii_digit()) {
            Reason::SurfaceMismatch.count();
        }
        let _ = chunk.replace(repriced.as_deref().unwrap_or(&text), &as_html());
    }

    fn on_form(&self, form: &Element) {
        if let Some(offer) = self.offer(form) {
            let field = format!("<input type=\"hidden\" name=\"haggle_quote\" value=\"{}\">", offer.token);
            let _ = form.append(&field, &as_html());
        }
    }

    /// The storefront client and the quotes of what this page shows.
    fn on_end(&self, end: &DocumentEnd) {
        let offers = self.offers.borrow();
        if offers.is_empty() {
            return;
        }
        // Neither an item's key nor a token can hold a quote, an angle bracket or an ampersand.
        let mut script =
            String::from("<script type=\"module\" src=\"/haggle/haggle.js\" data-haggle-quotes='");
        for (place, offer) in offers.iter().enumerate() {
            let before = if place == 0 { "{" } else { "," };
            [before, "\"", &offer.quote.sku, "\":\"", &offer.token, "\""]
                .iter()
                .for_each(|part| script.push_str(part));
        }
        script.push_str("}'></script>");
        let _ = end.append(&script, &as_html());
    }
}
