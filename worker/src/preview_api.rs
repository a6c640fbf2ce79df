//! Preview links: the administration makes them, and the shop's host shows whose prices they hold.
//!
//! The link's answer sets a cookie that holds the same token for the rest of its time, so that the shop's own links stay in
//! the preview; the token is opened at every request. Nothing is stored, and nothing that was made can be taken back but by
//! its end, which is an hour away at most, or by other `QUOTE_KEYS`.
//!
//! Out of scope: the page itself (`page`).

use haggle::UnitKey;
use haggle::preview::{Link, Refused, Wish};
use serde::Serialize;
use web_sys::Headers;
use worker::{Env, Request, Response};

use crate::http::{Fault, cookie_in, host_of, json_response, text_body};
use crate::settings::{Settings, admin_host};
use crate::shared_cache::make_private;
use crate::{cache, clock};

/// What holds the token after the first page: for the Worker alone.
pub const COOKIE: &str = "__Host-haggle_preview";
const WISH_BYTES_MAX: usize = 16 * 1024;

/// What ends a preview, in the place of a token.
const OFF: &str = "off";

#[derive(Serialize)]
struct Made {
    url: String,
    expires_at_ms: u64,
}

/// `POST /haggle/v1/preview-links`: the address of a page with the prices of a visitor or of chosen arms.
pub async fn link(request: &Request, env: &Env, settings: &Settings) -> Result<Response, Fault> {
    let wish = Wish::from_json(&text_body(request, WISH_BYTES_MAX).await?)?;
    let host = wish.host();
    if admin_host(env).is_some_and(|admin| *admin == host) {
        let why = format!("url is on {host:?}; it must be on the shop's host, where prices are shown");
        return Err(Fault::Bad(why));
    }
    let expires_at_s = clock::now_s() + wish.minutes * 60;
    // A text that no visitor has: the arms of experiments that are not named are those of somebody.
    let visitor = wish.visitor.as_deref().unwrap_or_default();
    let mut link = Link::new(UnitKey::of_visitor(&settings.unit_key, visitor), expires_at_s);
    if !wish.arms.is_empty() {
        let snapshot = cache::snapshot(env, settings).await;
        let snapshot =
            snapshot.map_err(|reason| Fault::NotFound(format!("no snapshot in use: {}", reason.code())))?;
        for (name, arm) in &wish.arms {
            let live = snapshot.experiments().iter().find(|live| live.name() == name);
            let unknown = || Fault::Bad(format!("arms.{name} is of no running experiment"));
            link = link.with_arm(live.ok_or_else(unknown)?, arm)?;
        }
    }
    let token = link.seal(&settings.quotary, &settings.merchant, &host);
    Ok(json_response(&Made { url: wish.address(&token), expires_at_ms: expires_at_s * 1000 }, 200)?)
}

/// What a request says about a preview.
pub enum Asked {
    /// A token, in the address or else in the cookie.
    Token {
        /// The text.
        token: String,
        /// It stands in the address.
        is_link: bool,
    },
    /// The preview is over.
    Off,
}

impl Asked {
    /// `token` is that of the address.
    pub fn of(token: Option<String>, cookies: &str) -> Option<Self> {
        match token {
            Some(token) if token == OFF => Some(Self::Off),
            Some(token) => Some(Self::Token { token, is_link: true }),
            None => {
                let token = cookie_in(cookies, COOKIE).filter(|token| !token.is_empty())?.to_owned();
                Some(Self::Token { token, is_link: false })
            }
        }
    }
}

/// Opens a token that came to an address of the shop.
///
/// # Errors
/// Why the request is as anybody's.
pub fn open(token: &str, url: &str, settings: &Settings) -> Result<Link, Refused> {
    Link::open(&settings.quotary, &settings.merchant, &host_of(url), token, clock::now_s())
}

/// The preview that the cookie of a request is in, if any.
pub fn of_request(request: &Request, cookies: &str, settings: &Settings) -> Option<Link> {
    open(cookie_in(cookies, COOKIE)?, &request.inner().url(), settings).ok()
}

/// Marks a response as a preview's: nobody keeps it, no index lists it, and its address goes to no other site. `cookie` is
/// the token that the requests after it shall have.
pub fn stamp(headers: &Headers, link: &Link, cookie: Option<&str>) -> worker::Result<()> {
    make_private(headers)?;
    headers.set("x-robots-tag", "noindex")?;
    headers.set("referrer-policy", "same-origin")?;
    match cookie {
        Some(token) => set_cookie(headers, token, link.left_s(clock::now_s())),
        None => Ok(()),
    }
}

/// Ends the preview of a browser.
pub fn end(headers: &Headers) -> worker::Result<()> {
    make_private(headers)?;
    set_cookie(headers, "", 0)
}

fn set_cookie(headers: &Headers, token: &str, max_age_s: u64) -> worker::Result<()> {
    let cookie = format!("{COOKIE}={token}; Path=/; Max-Age={max_age_s}; Secure; HttpOnly; SameSite=Lax");
    Ok(headers.append("set-cookie", &cookie)?)
}
