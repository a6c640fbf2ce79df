//! HTTP without the `url` crate (it would double the wasm): request parts, JSON answers, the one table of errors.

use std::fmt;

use haggle::Error;
use js_sys::futures::JsFuture;
use serde::Serialize;
use wasm_bindgen::JsCast;
use web_sys::ReadableStreamDefaultReader;
use worker::{Headers, Request, Response, Result};

#[derive(Serialize)]
struct Failure {
    error: String,
}

/// An answer that is not what was asked for. 4xx: the caller can mend it. 503: we could not, ask again.
pub enum Fault {
    /// The caller sent something that is not allowed.
    Bad(String),
    /// No or the wrong credential.
    Unauthorized,
    /// A genuine credential, for something else.
    Forbidden,
    /// There is no such thing, here.
    NotFound(String),
    /// The path exists, with another method.
    Method(&'static str),
    /// It contradicts what is there.
    Conflict(String),
    /// The thing has changed since the caller saw it.
    Changed(String),
    /// The body is longer than allowed.
    TooLarge(usize),
    /// The key of a request was used for another one.
    OtherRequest(String),
    /// The caller must say which revision of the thing it saw.
    NoMatch(String),
    /// Too many wrong credentials.
    TooMany,
    /// Storage or settings are not in order; the caller may ask again.
    Unavailable(String),
}

/// Seconds after which somebody with too many wrong credentials may try again.
const TRY_AGAIN_S: &str = "60";

impl Fault {
    /// The answer: `{ "error": "…" }` with its status.
    pub fn response(&self) -> Result<Response> {
        let status = match self {
            Self::Bad(_) => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound(_) => 404,
            Self::Method(_) => 405,
            Self::Conflict(_) => 409,
            Self::Changed(_) => 412,
            Self::TooLarge(_) => 413,
            Self::OtherRequest(_) => 422,
            Self::NoMatch(_) => 428,
            Self::TooMany => 429,
            Self::Unavailable(_) => 503,
        };
        let response = json_response(&Failure { error: self.to_string() }, status)?;
        match self {
            Self::Unauthorized => response.headers().set("www-authenticate", "Bearer realm=\"haggle\"")?,
            Self::Method(allowed) => response.headers().set("allow", &methods(allowed))?,
            Self::TooMany => response.headers().set("retry-after", TRY_AGAIN_S)?,
            _ => {}
        }
        Ok(response)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad(error) | Self::NotFound(error) | Self::Conflict(error) | Self::Unavailable(error) => {
                f.write_str(error)
            }
            Self::Changed(error) | Self::OtherRequest(error) | Self::NoMatch(error) => f.write_str(error),
            Self::Unauthorized => {
                f.write_str("authorization is missing or wrong; it must be Bearer and the secret")
            }
            Self::Forbidden => f.write_str("this credential is for something else; ask for access here"),
            Self::TooMany => {
                f.write_str("too many wrong credentials from this address; try again in a minute")
            }
            Self::Method(allowed) => write!(f, "method not allowed here; it must be {allowed}"),
            Self::TooLarge(most) => write!(f, "body too long; it must be at most {most} bytes"),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Bad(error.to_string())
    }
}

impl From<worker::Error> for Fault {
    fn from(error: worker::Error) -> Self {
        worker::console_error!("{error}");
        // SQLite's words for a table or a column that a migration makes.
        let why = match contains(&error.to_string(), "no such ") {
            true => {
                "the tables in D1 are older than this version; apply worker/migrations \
                 (npx wrangler d1 migrations apply haggle --remote), then send the same again"
            }
            false => "storage does not answer now; send the same again",
        };
        Self::Unavailable(why.into())
    }
}

/// The methods in the words of an error, as a list for the header `Allow`.
fn methods(words: &str) -> String {
    let methods = words
        .split([',', ' '])
        .filter(|word| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase()));
    methods.collect::<Vec<_>>().join(", ")
}

/// A value as JSON that no cache may keep.
pub fn json_response(body: &impl Serialize, status: u16) -> Result<Response> {
    json_text(serde_json::to_string(body)?, status)
}

/// A text that is JSON already, not to be kept by any cache.
pub fn json_text(text: String, status: u16) -> Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", "application/json; charset=utf-8")?;
    headers.set("cache-control", "private, no-store")?;
    Ok(Response::ok(text)?.with_status(status).with_headers(headers))
}

/// A text that is JSON already, with the entity tag by which the caller asks whether it has changed. The tag is a weak one
/// (RFC 9110, section 8.8.1): the time at which the text was made may differ.
pub fn tagged_json(text: String, tag: &str) -> Result<Response> {
    let response = json_text(text, 200)?;
    response.headers().set("etag", &weak(tag))?;
    Ok(response)
}

/// Whether the caller has the text with this tag: by its header `If-None-Match` (RFC 9110, section 13.1.2).
pub fn is_known(request: &Request, tag: &str) -> bool {
    let given = request.headers().get("if-none-match").ok().flatten().unwrap_or_default();
    let is_it = |one: &str| one.strip_prefix("W/").unwrap_or(one).trim_matches('"') == tag;
    given.split(',').map(str::trim).any(|one| one == "*" || is_it(one))
}

/// The answer to who has the text with this tag.
pub fn unchanged(tag: &str) -> Result<Response> {
    let headers = Headers::new();
    headers.set("etag", &weak(tag))?;
    headers.set("cache-control", "private, no-store")?;
    Ok(Response::empty()?.with_status(304).with_headers(headers))
}

fn weak(tag: &str) -> String {
    format!("W/\"{tag}\"")
}

/// A POST to one of our Durable Objects.
pub fn post(url: &str, body: &str) -> Result<Request> {
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_body(&body.into());
    Ok(web_sys::Request::new_with_str_and_init(url, &init)?.into())
}

/// The text of an answer of one of our Durable Objects.
pub async fn text_of(response: Response) -> Result<String> {
    let raw: web_sys::Response = response.into();
    let text = JsFuture::from(raw.text()?).await?;
    Ok(text.as_string().unwrap_or_default())
}

/// The same response with headers that can be changed; the body streams through untouched.
pub fn copied(raw: &web_sys::Response) -> Result<web_sys::Response> {
    let init: &web_sys::ResponseInit = raw.unchecked_ref();
    Ok(web_sys::Response::new_with_opt_readable_stream_and_init(raw.body().as_ref(), init)?)
}

/// The request; where its method is one that the crate `worker` does not know and would take for GET, with a method that
/// no path of ours has.
pub fn with_known_method(request: Request) -> Result<Request> {
    let raw = request.inner();
    if raw.method() == request.method().as_ref() {
        return Ok(request);
    }
    let init = web_sys::RequestInit::new();
    init.set_method("PATCH");
    Ok(web_sys::Request::new_with_request_and_init(raw, &init)?.into())
}

/// Host name of an address, without the port, in lower case.
pub fn host_of(url: &str) -> String {
    let authority = after_scheme(url).split(['/', '?', '#']).next().unwrap_or_default();
    authority.split(':').next().unwrap_or_default().to_ascii_lowercase()
}

/// Path of an address, as it was sent.
pub fn path_of(url: &str) -> &str {
    let rest = after_scheme(url).split(['?', '#']).next().unwrap_or_default();
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
}

fn after_scheme(url: &str) -> &str {
    url.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//")).unwrap_or_default()
}

/// Whether a short text contains another. The standard library's search is for long ones, and 2 KB of code.
pub fn contains(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len().max(1)).any(|window| window == part.as_bytes())
}

/// Value of a query parameter, percent-decoded; none if it is not there or not decodable.
pub fn query(request: &Request, name: &str) -> Option<String> {
    let url = request.inner().url();
    let query = url.split_once('?')?.1.split('#').next()?;
    let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1;
    js_sys::decode_uri_component(&value.replace('+', " ")).ok().map(String::from)
}

/// Value of a cookie among those of a request.
pub fn cookie_in<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Whether the request carries this bearer; compared in constant time.
pub fn has_bearer(request: &Request, token: &str) -> bool {
    let header = request.headers().get("authorization").ok().flatten().unwrap_or_default();
    header.strip_prefix("Bearer ").is_some_and(|given| haggle::mac::equal(given.trim(), token))
}

/// The body as text, if it is not longer than `most` bytes.
pub async fn text_body(request: &Request, most: usize) -> std::result::Result<String, Fault> {
    let announced = request.headers().get("content-length").ok().flatten();
    if announced.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > most) {
        return Err(Fault::TooLarge(most));
    }
    let broken = |_| Fault::Bad("the body could not be read to its end".into());
    let mut bytes = Vec::new();
    if let Some(body) = request.inner().body() {
        // Piece by piece, so that a body without a length cannot fill the isolate's memory.
        let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        loop {
            let piece = JsFuture::from(reader.read()).await.map_err(broken)?;
            let value = js_sys::Reflect::get(&piece, &"value".into()).map_err(broken)?;
            if value.is_undefined() {
                break;
            }
            bytes.extend(js_sys::Uint8Array::new(&value).to_vec());
            if bytes.len() > most {
                // Nobody reads the rest; that it cannot be called off changes nothing.
                drop(reader.cancel());
                return Err(Fault::TooLarge(most));
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| Fault::Bad("the body is not UTF-8".into()))
}
