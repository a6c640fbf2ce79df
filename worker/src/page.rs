//! Stage 2 in a page: the origin's answer goes out with the visitor's prices in it, or untouched with a reason.
//!
//! Out of scope: structured data and other surfaces than visible text, and modes other than `stream`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::prelude::*;
use worker::{Date, Env, Fetch, Method, Request, Response, Result};

use crate::cache;
use crate::html_rewriter::{DocumentEnd, Element, EndTag, HtmlRewriter, TextChunk, as_html, object};
use crate::http::{self, copied, path_and_query};
use crate::reasons::Reason;
use crate::settings::{Settings, origin};
use crate::visitor::{Offer, Visitor};

/// Serves a page of the shop.
///
/// # Errors
/// Only what the origin's own fetch gives: the runtime then answers as it would without us.
pub async fn serve(request: Request, env: &Env) -> Result<Response> {
    if request.method() != Method::Get {
        return fetch_origin(&request, env, false).await;
    }
    let settings = match Settings::of(env) {
        Ok(settings) => settings,
        Err(error) => {
            worker::console_error!("settings: {error}");
            return untouched(fetch_origin(&request, env, false).await?, Reason::Misconfigured);
        }
    };
    let snapshot = match cache::snapshot(env, &settings).await {
        Ok(snapshot) if snapshot.experiments().is_empty() => Err(Reason::NoExperiment),
        other => other,
    };
    let snapshot = match snapshot {
        Ok(snapshot) => snapshot,
        Err(reason) => return untouched(fetch_origin(&request, env, false).await?, reason),
    };
    let response = fetch_origin(&request, env, asks_for_page(&request)?).await?;
    if let Some(reason) = unfit(&response)? {
        return untouched(response, reason);
    }
    let visitor = Rc::new(Visitor::of(&request, snapshot, settings, Date::now().as_millis()));
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

/// Whether the answer may be a page: then it must come whole, or the browser would mix it with an older price.
fn asks_for_page(request: &Request) -> Result<bool> {
    let accept = request.headers().get("accept")?.unwrap_or_default();
    Ok(match request.headers().get("sec-fetch-dest")?.as_deref() {
        Some("document" | "iframe" | "frame" | "embed" | "object") => true,
        Some("empty") => !http::contains(&accept, "json"),
        Some(_) => false,
        None => accept.is_empty() || accept == "*/*" || http::contains(&accept, "text/html"),
    })
}

/// Sends the request on as it is. `whole` asks for a page that can be priced: not a part of it, and not «unchanged».
async fn fetch_origin(request: &Request, env: &Env, whole: bool) -> Result<Response> {
    let origin = origin(env);
    let original = request.inner();
    let url = match &origin {
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

/// Elements in a price element whose content is no text that a shopper reads; they are opened without an item.
const NOT_TEXT: &str = "[data-haggle-sku] script, [data-haggle-sku] style, [data-haggle-sku] textarea";

/// What the runtime puts in the place of bytes that are no character of the page's encoding.
const NOT_A_CHARACTER: &str = "\u{fffd}";

/// The state of one page while it streams by. No handler can fail: what cannot be priced stays as it is.
struct Page {
    visitor: Rc<Visitor>,
    /// Items seen so far.
    items: RefCell<Vec<Rc<PageItem>>>,
    /// The price elements that are open, innermost last.
    open: RefCell<Vec<OpenElement>>,
    /// The forms that are open, innermost last; none for an item without experiment.
    forms: RefCell<Vec<Option<Rc<PageItem>>>>,
    /// The text that is being collected.
    text: RefCell<String>,
    /// The text cannot be written back as it was, and is left alone to its end.
    is_raw: Cell<bool>,
}

/// An item on the page. Its quote goes out only with its price: a shopper who sees the catalogue price, because no
/// surface had it in a known form, must neither be charged another one nor be counted.
struct PageItem {
    offer: Offer,
    /// The decided price stands in the page.
    shown: Cell<bool>,
    /// A price element ended without it.
    missed: Cell<bool>,
}

impl PageItem {
    /// Every price of the item so far is the decided one.
    fn is_shown(&self) -> bool {
        self.shown.get() && !self.missed.get()
    }
}

/// A price element whose end has not come yet.
struct OpenElement {
    item: Option<Rc<PageItem>>,
    repriced: bool,
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
        items: RefCell::default(),
        open: RefCell::default(),
        forms: RefCell::default(),
        text: RefCell::default(),
        is_raw: Cell::new(false),
    });
    let on_close: Function = {
        let page = page.clone();
        Closure::<dyn Fn(EndTag)>::new(move |_| page.on_close()).into_js_value().unchecked_into()
    };
    let on_element = {
        let page = page.clone();
        Closure::<dyn Fn(Element)>::new(move |element| page.on_element(&element, &on_close)).into_js_value()
    };
    let on_text = {
        let page = page.clone();
        Closure::<dyn Fn(TextChunk)>::new(move |chunk| page.on_text(&chunk)).into_js_value()
    };
    let on_form_close: Function = {
        let page = page.clone();
        Closure::<dyn Fn(EndTag)>::new(move |end| page.on_form_close(&end)).into_js_value().unchecked_into()
    };
    let on_form = {
        let page = page.clone();
        Closure::<dyn Fn(Element)>::new(move |form| page.on_form(&form, &on_form_close)).into_js_value()
    };
    let on_end = Closure::<dyn Fn(DocumentEnd)>::new(move |end| page.on_end(&end)).into_js_value();
    let rewriter = HtmlRewriter::new()
        .on("[data-haggle-sku]:not(form)", &object(&[("element", &on_element), ("text", &on_text)]))?
        .on(NOT_TEXT, &object(&[("element", &on_element)]))?
        .on("form[data-haggle-sku]", &object(&[("element", &on_form)]))?
        .on_document(&object(&[("end", &on_end)]))?;

    let content_type = response.headers().get("content-type")?.unwrap_or_default();
    let raw: web_sys::Response = response.into();
    if http::contains(&content_type.to_ascii_lowercase(), "charset") {
        return rewriter.transform(&raw).map(Response::from);
    }
    // The encoding may stand in the page itself, where the rewriter does not look. In windows-1252 every byte is a
    // character and comes back as the same byte, and prices are ASCII in all encodings of the web.
    raw.headers().set("content-type", "text/html; charset=windows-1252")?;
    let rewritten = rewriter.transform(&raw)?;
    rewritten.headers().set("content-type", &content_type)?;
    Ok(rewritten.into())
}

impl Page {
    fn item(&self, element: &Element) -> Option<Rc<PageItem>> {
        let sku = element.get_attribute("data-haggle-sku").ok().flatten()?;
        if let Some(item) = self.items.borrow().iter().find(|item| item.offer.quote.sku == sku) {
            return Some(item.clone());
        }
        let offer = self.visitor.offer(&sku)?;
        let item = Rc::new(PageItem { offer, shown: Cell::new(false), missed: Cell::new(false) });
        self.items.borrow_mut().push(item.clone());
        Some(item)
    }

    fn on_element(&self, element: &Element, on_close: &Function) {
        let item = self.item(element);
        // An element without an end tag has no text either: it is not opened.
        if element.on_end_tag(on_close).is_ok() {
            self.open.borrow_mut().push(OpenElement { item, repriced: false });
        }
    }

    fn on_close(&self) {
        let closed = self.open.borrow_mut().pop();
        if let Some(OpenElement { item: Some(item), repriced: false }) = closed {
            item.missed.set(true);
            Reason::SurfaceMismatch.count();
        }
    }

    /// Collects the pieces of a text and writes it once it is complete, as it was or with the price in it.
    fn on_text(&self, chunk: &TextChunk) {
        let mut open = self.open.borrow_mut();
        let Some(OpenElement { item: Some(item), repriced }) = open.last_mut() else { return };
        let (piece, is_last) = (chunk.text(), chunk.last_in_text_node());
        if self.is_raw.get() || http::contains(&piece, NOT_A_CHARACTER) {
            // Bytes that a text cannot hold stay only where they are not touched.
            let _ = chunk.before(&self.text.take(), &as_html());
            self.is_raw.set(!is_last);
            return;
        }
        self.text.borrow_mut().push_str(&piece);
        if !is_last {
            let _ = chunk.remove();
            return;
        }
        let text = self.text.take();
        let Offer { catalogue_minor, currency, ref quote, .. } = item.offer;
        let written = haggle::reprice(&text, catalogue_minor, quote.price_minor, currency);
        let _ = chunk.replace(written.as_deref().unwrap_or(&text), &as_html());
        if written.is_ok() {
            *repriced = true;
            item.shown.set(true);
        }
    }

    fn on_form(&self, form: &Element, on_close: &Function) {
        let item = self.item(form);
        if form.on_end_tag(on_close).is_ok() {
            self.forms.borrow_mut().push(item);
        }
    }

    /// At its end it is known whether the prices before and in the form could be written.
    fn on_form_close(&self, end: &EndTag) {
        let Some(item) = self.forms.borrow_mut().pop().flatten() else { return };
        if item.is_shown() {
            let token = &item.offer.token;
            let field = format!("<input type=\"hidden\" name=\"haggle_quote\" value=\"{token}\">");
            let _ = end.before(&field, &as_html());
        }
    }

    /// The storefront client and the quotes of what this page shows.
    fn on_end(&self, end: &DocumentEnd) {
        let items = self.items.borrow();
        let mut quotes = String::new();
        for item in items.iter().filter(|item| item.is_shown()) {
            // Neither an item's key nor a token can hold a quote, an angle bracket or an ampersand.
            let separator = if quotes.is_empty() { "{\"" } else { ",\"" };
            let Offer { quote, token, .. } = &item.offer;
            [separator, &quote.sku, "\":\"", token, "\""].iter().for_each(|part| quotes.push_str(part));
        }
        if !quotes.is_empty() {
            let script = format!(
                "<script type=\"module\" src=\"/haggle/haggle.js\" data-haggle-quotes='{quotes}}}'></script>"
            );
            let _ = end.append(&script, &as_html());
        }
    }
}
