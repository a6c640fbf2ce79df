//! The shop's pages at the edge, as everybody may get them, before any price is put in.
//!
//! They lie in the runtime's cache under addresses of ours: what a browser asks for there the Worker answers by itself,
//! with 404. What comes out of the cache has no cookies and nothing to revalidate with, and never leaves the Worker but
//! as `private, no-store`.
//!
//! Out of scope: what is done with a page, and requests for the same page at the same time: each asks the shop.

use js_sys::futures::JsFuture;
use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{Headers, Response, ResponseInit};
use worker::{Context, Result};

use crate::origin::ShopRequest;
use crate::preview_api;
use crate::settings::Settings;
use crate::visitor::OUR_COOKIES;

/// Beginning of the paths under which pages lie. The host is the shop's own: another one would be looked up, and behind
/// Cloudflare Access, as the administration's may be, there is no cache.
const KEY_PATH: &str = "/haggle/html";

/// Headers of a page that do not belong to what everybody may get, or are about another copy of it.
const NOT_KEPT: [&str; 11] = [
    "set-cookie",
    "etag",
    "last-modified",
    "expires",
    "age",
    "vary",
    "content-encoding",
    "content-length",
    "surrogate-control",
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
];

/// Headers by which somebody asks for more than what stands at an address: for its own pages, for another host's, for a
/// part of a page. Shops heed them and rarely say so in `Vary`; whoever sends one gets no page from here, and leaves none.
const TELLING: [&str; 15] = [
    "authorization",
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-scheme",
    "x-host",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-requested-with",
    "x-pjax",
    "x-inertia",
    "hx-request",
    "turbo-frame",
];

#[wasm_bindgen]
extern "C" {
    /// The cache of this location.
    type Cache;

    #[wasm_bindgen(thread_local_v2, js_name = caches)]
    static CACHES: JsValue;

    #[wasm_bindgen(method, catch, js_name = match)]
    fn find(this: &Cache, key: &str) -> std::result::Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn put(this: &Cache, key: &str, response: &Response) -> std::result::Result<Promise, JsValue>;
}

fn cache() -> std::result::Result<Cache, JsValue> {
    CACHES.with(|caches| Reflect::get(caches, &"default".into())).map(JsCast::unchecked_into)
}

/// Whether a request is nobody's in particular, and for the page itself: no login, no cookie that the shop could know
/// somebody by, no script of the page that may want a part of it.
pub fn may_serve(request: &ShopRequest, settings: &Settings) -> Result<bool> {
    let names = request.cookies.split(';').map(|pair| pair.split('=').next().unwrap_or(pair).trim());
    let is_session = |name: &str| {
        let is_ignored = settings.ignored_cookies.iter().any(|ignored| match ignored.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == ignored,
        });
        let is_ours = OUR_COOKIES.contains(&name) || name == preview_api::COOKIE;
        !name.is_empty() && !is_ours && !is_ignored
    };
    let headers = request.raw.headers();
    for name in TELLING {
        if headers.has(name)? {
            return Ok(false);
        }
    }
    let is_scripts = headers.get("sec-fetch-dest")?.as_deref() == Some("empty");
    Ok(!is_scripts && !names.into_iter().any(is_session))
}

/// The address under which a page lies. None where dots in its path would lead to where another page lies.
pub fn key(request: &ShopRequest) -> Option<String> {
    let is_dots = |segment: &str| {
        segment.len() <= "%2e%2e".len()
            && matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
    };
    let leads_elsewhere = request.path().split(['/', '\\']).any(is_dots);
    (!leads_elsewhere)
        .then(|| format!("https://{}{KEY_PATH}{}", request.authority(), request.path_and_query()))
}

/// The page under an address. A cache that does not answer has none.
pub async fn find(key: &str) -> Option<Response> {
    let found = JsFuture::from(cache().ok()?.find(key).ok()?).await.ok()?;
    (!found.is_undefined()).then(|| found.unchecked_into())
}

/// Puts a copy of a page there, if the shop says that everybody may get it.
///
/// # Errors
/// None is known.
pub fn keep(key: String, page: &Response, context: &Context) -> Result<()> {
    let Some(lifetime_s) = lifetime_s(page)? else { return Ok(()) };
    let twin = page.clone()?;
    let headers = Headers::new_with_headers(&twin.headers())?;
    NOT_KEPT.iter().try_for_each(|name| headers.delete(name))?;
    headers.set("cache-control", &format!("public, max-age={lifetime_s}"))?;
    let init = ResponseInit::new();
    init.set_headers(&headers);
    let copy = Response::new_with_opt_readable_stream_and_init(twin.body().as_ref(), &init)?;
    context.wait_until(async move {
        if let Ok(Ok(put)) = cache().map(|cache| cache.put(&key, &copy)) {
            // A page that could not be kept is asked for again.
            drop(JsFuture::from(put).await);
        }
    });
    Ok(())
}

/// Seconds for which the shop lets caches that many share keep a page; none where it does not.
fn lifetime_s(page: &Response) -> Result<Option<u64>> {
    let headers = page.headers();
    let header = |name: &str| headers.get(name).map(|value| value.unwrap_or_default().to_ascii_lowercase());
    let varies = header("vary")?;
    let is_one_for_all = varies.split(',').all(|name| matches!(name.trim(), "" | "accept-encoding"));
    let is_html = header("content-type")?.trim_start().starts_with("text/html");
    if page.status() != 200 || !is_html || !is_one_for_all || headers.has("set-cookie")? {
        return Ok(None);
    }
    // A header for edge caches alone goes before the one for all, and one for Cloudflare before that (RFC 9213).
    let mut control = String::new();
    for name in ["cloudflare-cdn-cache-control", "cdn-cache-control", "cache-control"] {
        if control.is_empty() {
            control = header(name)?;
        }
    }
    let age_s = header("age")?.trim().parse::<u64>().unwrap_or(0);
    let allowed = shared_max_age_s(&control);
    Ok(allowed.map(|allowed_s| allowed_s.saturating_sub(age_s)).filter(|left_s| *left_s > 0))
}

/// What a `Cache-Control` in lower case allows a shared cache, in seconds.
fn shared_max_age_s(control: &str) -> Option<u64> {
    let directives = || control.split(',').map(str::trim);
    let forbids = |directive: &str| {
        ["private", "no-store", "no-cache"].iter().any(|name| directive.split('=').next() == Some(*name))
    };
    if directives().any(forbids) {
        return None;
    }
    let seconds = |name: &str| {
        let value = directives().find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
        value.and_then(|value| value.trim_matches('"').parse::<u64>().ok())
    };
    seconds("s-maxage").or_else(|| seconds("max-age"))
}
