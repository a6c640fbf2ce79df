//! The shop behind the Worker: requests go on to it, and its pages come back, from a cache of ours where it allows.
//!
//! Out of scope: what is done with a page.

use js_sys::Promise;
use js_sys::futures::JsFuture;
use wasm_bindgen::prelude::*;
use web_sys::{Request, RequestInit, Response};
use worker::{Context, Env, Result};

use crate::http::{contains, cookie_in};
use crate::settings::{Settings, origin};
use crate::{html_cache, preview_api};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    fn fetch(request: &Request) -> std::result::Result<Promise, JsValue>;
}

/// A request of the shop's host.
pub struct ShopRequest {
    /// As it came.
    pub raw: Request,
    /// Its address, without the token of a preview.
    url: String,
    /// That token.
    pub preview: Option<String>,
    /// Its cookies, as they came.
    pub cookies: String,
    /// Nothing but a whole page will do: a part, or «unchanged», could be of a page with another price.
    is_for_page: bool,
}

/// A response of the shop.
pub struct Page {
    /// The response.
    pub response: Response,
    /// It lay in our cache, without its own cache headers.
    pub is_cached: bool,
}

impl ShopRequest {
    /// Reads what every page needs to know.
    ///
    /// # Errors
    /// None is known.
    pub fn of(raw: Request, url: String) -> Result<Self> {
        let headers = raw.headers();
        let cookies = headers.get("cookie")?.unwrap_or_default();
        let is_for_page = asks_for_page(&headers)?;
        let (url, preview) = haggle::preview::without_token(&url);
        Ok(Self { url, preview, cookies, is_for_page, raw })
    }

    /// Its address, without the token of a preview.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address from the host on.
    fn authority_and_rest(&self) -> &str {
        self.url.split_once("://").map_or("", |(_, rest)| rest.split('#').next().unwrap_or(rest))
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        self.authority_and_rest().split(['/', '?']).next().unwrap_or_default()
    }

    /// Path and query, as they were sent.
    pub fn path_and_query(&self) -> &str {
        let rest = self.authority_and_rest();
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
    }

    /// Path, as it was sent.
    pub fn path(&self) -> &str {
        self.path_and_query().split('?').next().unwrap_or("/")
    }

    /// Names of the query's parameters, as they were sent.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        let query = self.path_and_query().split_once('?').map_or("", |(_, query)| query);
        query.split('&').map(|pair| pair.split('=').next().unwrap_or(pair))
    }

    /// Sends it on as it is.
    ///
    /// # Errors
    /// The shop cannot be reached.
    pub async fn pass(&self, env: &Env) -> Result<Response> {
        send(&self.upstream(env)?).await
    }

    /// Sends it on and asks for a page that can be priced: not a part of it, and not «unchanged».
    ///
    /// # Errors
    /// The shop cannot be reached.
    pub async fn page(&self, env: &Env, settings: &Settings, context: &Context) -> Result<Page> {
        let upstream = self.upstream(env)?;
        if !self.is_for_page {
            return Ok(Page { response: send(&upstream).await?, is_cached: false });
        }
        let headers = upstream.headers();
        ["if-none-match", "if-modified-since", "range"].iter().try_for_each(|name| headers.delete(name))?;
        let is_anybodys = settings.html_cache && html_cache::may_serve(self, settings)?;
        let Some(key) = is_anybodys.then(|| html_cache::key(self)).flatten() else {
            return Ok(Page { response: send(&upstream).await?, is_cached: false });
        };
        if let Some(response) = html_cache::find(&key).await {
            return Ok(Page { response, is_cached: true });
        }
        // What everybody may get is asked for as nobody.
        headers.delete("cookie")?;
        let response = send(&upstream).await?;
        html_cache::keep(key, &response, context)?;
        Ok(Page { response, is_cached: false })
    }

    /// The request as the shop gets it.
    fn upstream(&self, env: &Env) -> Result<Request> {
        let init: &RequestInit = self.raw.unchecked_ref();
        let Some(origin) = origin(env) else {
            let upstream = Request::new_with_str_and_init(&self.url, init)?;
            self.hide_token(&upstream.headers())?;
            return Ok(upstream);
        };
        let address = format!("{origin}{}", self.path_and_query());
        let upstream = Request::new_with_str_and_init(&address, init)?;
        self.hide_token(&upstream.headers())?;
        let host = self.raw.headers().get("host")?;
        let host = host.unwrap_or_else(|| crate::http::host_of(&self.url));
        upstream.headers().set("x-forwarded-host", &host)?;
        Ok(upstream)
    }

    /// Takes the token of a preview out of what goes to the shop beside the address: it would stand in its logs.
    fn hide_token(&self, headers: &web_sys::Headers) -> Result<()> {
        if cookie_in(&self.cookies, preview_api::COOKIE).is_some() {
            let is_ours =
                |pair: &&str| pair.split_once('=').is_some_and(|(name, _)| name == preview_api::COOKIE);
            let others: Vec<&str> =
                self.cookies.split(';').map(str::trim).filter(|pair| !is_ours(pair)).collect();
            match others.is_empty() {
                true => headers.delete("cookie")?,
                false => headers.set("cookie", &others.join("; "))?,
            }
        }
        if let (referer, Some(_)) =
            haggle::preview::without_token(&headers.get("referer")?.unwrap_or_default())
        {
            headers.set("referer", &referer)?;
        }
        Ok(())
    }
}

/// Sends a request out.
///
/// # Errors
/// Nobody answers.
pub async fn send(request: &Request) -> Result<Response> {
    Ok(JsFuture::from(fetch(request)?).await?.unchecked_into())
}

/// Whether the answer may be a page: then it must come whole, or the browser would mix it with an older price.
fn asks_for_page(headers: &web_sys::Headers) -> Result<bool> {
    let accept = headers.get("accept")?.unwrap_or_default();
    Ok(match headers.get("sec-fetch-dest")?.as_deref() {
        Some("document" | "iframe" | "frame" | "embed" | "object") => true,
        Some("empty") => !contains(&accept, "json"),
        Some(_) => false,
        None => accept.is_empty() || accept == "*/*" || contains(&accept, "text/html"),
    })
}
