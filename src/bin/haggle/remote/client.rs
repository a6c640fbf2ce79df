//! The client of the admin API: credentials, errors that say what to do, and asking again without doing twice.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use ureq::http::{Method, Request, Response};
use ureq::{Agent, Body};

use super::address::Address;
use crate::{Failure, files};

/// Longest answer that is read into memory, in bytes: price lists of a hundred thousand items are far below.
const ANSWER_MAX: u64 = 256 << 20;
/// How often a request is sent at most.
const TRIES_MAX: u32 = 5;
/// How long to wait before the second time, in milliseconds; then twice as long each time.
const WAIT_MS: u64 = 250;
/// Longest wait that the server may ask for, in seconds.
const WAIT_S_MAX: u64 = 30;
/// How long a connection, an answer's beginning, and each piece of it may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
const PIECE_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the administration is and who asks.
#[derive(Args)]
pub struct Server {
    /// The administration's host, such as https://haggle-admin.example.com; else that of HAGGLE_URL.
    #[arg(long, help_heading = "Server", value_name = "URL")]
    url: Option<String>,
    /// File that holds the Worker's ADMIN_TOKEN and nothing else; else the text of HAGGLE_TOKEN.
    #[arg(long, help_heading = "Server", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Text of an environment variable that is there and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl Server {
    /// A client for it.
    pub fn client(&self) -> Result<Client, Failure> {
        let missing = "the administration's host is not given: set HAGGLE_URL, such as \
                       https://haggle-admin.example.com, or give --url";
        let url = self.url.clone().or_else(|| variable("HAGGLE_URL")).ok_or(missing)?;
        let address = Address::read(&url)?;
        let access = access()?;
        let token = match &self.token_file {
            Some(file) => Some(token_of(file)?),
            None => variable("HAGGLE_TOKEN"),
        };
        if token.is_none() && access.is_empty() {
            let why =
                "no credential: set HAGGLE_TOKEN to the Worker's ADMIN_TOKEN, or give --token-file FILE";
            return Err(why.into());
        }
        let mut credentials = access;
        credentials.extend(token.map(|token| ("authorization", format!("Bearer {token}"))));
        if let Some((name, _)) = credentials.iter().find(|(_, text)| !text.bytes().all(is_visible)) {
            return Err(format!("the text for {name} has signs that no header can hold").into());
        }
        let is_local = address.is_local();
        let mut settings = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would take the credentials elsewhere.
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .timeout_per_read(Some(PIECE_TIMEOUT))
            .timeout_per_write(Some(PIECE_TIMEOUT))
            .user_agent(concat!("haggle/", env!("CARGO_PKG_VERSION")));
        if is_local {
            settings = settings.proxy(None);
        }
        Ok(Client { agent: settings.build().into(), address, credentials, tries_max: TRIES_MAX })
    }
}

fn is_visible(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_graphic()
}

/// The service token of Cloudflare Access, where one is given.
fn access() -> Result<Vec<(&'static str, String)>, Failure> {
    let names = ["HAGGLE_ACCESS_CLIENT_ID", "HAGGLE_ACCESS_CLIENT_SECRET"];
    match names.map(variable) {
        [None, None] => Ok(Vec::new()),
        [Some(id), Some(secret)] => {
            Ok(vec![("cf-access-client-id", id), ("cf-access-client-secret", secret)])
        }
        [id, _] => {
            let [first, second] = names;
            let (there, missing) = if id.is_some() { (first, second) } else { (second, first) };
            Err(format!("{there} is set and {missing} is not; a service token needs both").into())
        }
    }
}

fn token_of(file: &Path) -> Result<String, Failure> {
    let token = files::text(file)?.trim().to_owned();
    if token.is_empty() {
        return Err(files::named(file)("is empty; it must hold the Worker's ADMIN_TOKEN"));
    }
    Ok(token)
}

/// A key under which a mutation happens once, however often it is sent. Nobody has to be unable to guess it.
pub fn new_key() -> String {
    let random = RandomState::new();
    format!("cli-{:016x}{:016x}", random.hash_one(1), random.hash_one(2))
}

/// The client of one administration.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    address: Address,
    credentials: Vec<(&'static str, String)>,
    tries_max: u32,
}

/// What is sent with a request.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// The body; none where it is empty.
    pub body: Vec<u8>,
    /// The media type of the body; JSON where it is empty.
    pub media_type: &'static str,
    /// The media type that is asked for; JSON where it is empty.
    pub accept: &'static str,
    /// Revision that must be the current one.
    pub revision: Option<u64>,
    /// The Idempotency-Key; a fresh one where it is left out.
    pub key: Option<String>,
}

impl Message {
    /// A message with a value as its body.
    pub fn json(value: &Value) -> Self {
        Self { body: value.to_string().into_bytes(), ..Self::default() }
    }
}

/// An answer that is no error.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Revision that the header `ETag` names.
    pub revision: Option<u64>,
    /// Where the next page begins, if the header `haggle-next` says so.
    pub next: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| format!("the answer is not JSON: {error}").into())
    }
}

/// An answer that is an error.
#[derive(Debug, Clone)]
pub struct Refused {
    /// HTTP status.
    pub status: u16,
    /// What the API says, or the beginning of what something else says.
    pub error: String,
    /// The whole answer, where it is JSON.
    pub body: Value,
    request: String,
    advice: Option<String>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, error, request, advice, .. } = self;
        write!(f, "{request}: {status}: {error}")?;
        advice.iter().try_for_each(|advice| write!(f, "\n{advice}"))
    }
}

impl std::error::Error for Refused {}

impl Client {
    /// The same, for what is not worth asking for again.
    pub fn once_only(&self) -> Self {
        Self { tries_max: 1, ..self.clone() }
    }

    /// Asks for a path.
    pub fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(&Method::GET, path, &Message::default())
    }

    /// Asks for a path that answers JSON.
    pub fn get_json(&self, path: &str) -> Result<Value, Failure> {
        self.get(path)?.json()
    }

    /// Asks for a path that answers bytes.
    pub fn get_bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let message = Message { accept: "application/octet-stream", ..Message::default() };
        Ok(self.send(&Method::GET, path, &message)?.body)
    }

    /// Asks for a path whose answer is too long for memory.
    pub fn open(&self, path: &str) -> Result<impl Read + use<>, Failure> {
        let response = self.exchange(&Method::GET, path, &Message::default())?;
        Ok(response.into_body().into_reader())
    }

    /// Sends a request, again under the same key where nobody answered or the stores behind were busy.
    pub fn send(&self, method: &Method, path: &str, message: &Message) -> Result<Reply, Failure> {
        let response = self.exchange(method, path, message)?;
        let header = |name: &str| response.headers().get(name).and_then(|text| text.to_str().ok());
        let revision =
            header("etag").and_then(|tag| tag.trim_start_matches("W/").trim_matches('"').parse().ok());
        let next = header("haggle-next").map(str::to_owned);
        Ok(Reply { revision, next, body: self.body_of(response, path)? })
    }

    fn body_of(&self, response: Response<Body>, path: &str) -> Result<Vec<u8>, Failure> {
        let body = response.into_body().into_with_config().limit(ANSWER_MAX).read_to_vec();
        body.map_err(|error| format!("{}{path}: the answer broke off: {error}", self.address).into())
    }

    fn exchange(&self, method: &Method, path: &str, message: &Message) -> Result<Response<Body>, Failure> {
        let key = message.key.clone().unwrap_or_else(new_key);
        let mut tried = 1;
        loop {
            let (why, wait) = match self.once(method, path, message, &key) {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) if is_passing(response.status().as_u16()) && tried < self.tries_max => {
                    let asked = response.headers().get("retry-after").and_then(|text| text.to_str().ok());
                    let asked = asked.and_then(|text| text.parse().ok()).unwrap_or(0_u64);
                    (response.status().to_string(), asked.min(WAIT_S_MAX) * 1000)
                }
                Ok(response) => return Err(self.refused(method, path, response)?.into()),
                Err(error) if tried < self.tries_max && is_of_connection(&error) => (error.to_string(), 0),
                Err(error) => {
                    let address = &self.address;
                    return Err(format!("no answer from {address}: {error}. Is HAGGLE_URL right?").into());
                }
            };
            let wait = Duration::from_millis(wait.max(WAIT_MS << (tried - 1)));
            eprintln!("haggle: {why}; asking again in {:.2} s", wait.as_secs_f64());
            sleep(wait);
            tried += 1;
        }
    }

    fn once(
        &self,
        method: &Method,
        path: &str,
        message: &Message,
        key: &str,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut request = Request::builder().method(method).uri(self.address.of(path));
        let accept = if message.accept.is_empty() { "application/json, */*;q=0.1" } else { message.accept };
        request = request.header("accept", accept);
        for (name, text) in &self.credentials {
            request = request.header(*name, text);
        }
        if let Some(host) = self.address.host() {
            request = request.header("host", host);
        }
        if method == Method::GET {
            return self.agent.run(request.body(())?);
        }
        let media_type = if message.media_type.is_empty() { "application/json" } else { message.media_type };
        request = request.header("content-type", media_type).header("idempotency-key", key);
        if let Some(revision) = message.revision {
            request = request.header("if-match", format!("\"{revision}\""));
        }
        self.agent.run(request.body(message.body.as_slice())?)
    }

    fn refused(&self, method: &Method, path: &str, response: Response<Body>) -> Result<Refused, Failure> {
        let status = response.status().as_u16();
        let location = response.headers().get("location").and_then(|text| text.to_str().ok());
        let location = location.map(str::to_owned);
        let bytes = self.body_of(response, path)?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let said = body.get("error").and_then(Value::as_str);
        let error = said.map_or_else(|| beginning(&bytes), str::to_owned);
        // The shop's host answers in the same form, and has no such path.
        let is_ours = said.is_some_and(|said| !said.starts_with("no /haggle/"));
        let advice = advice(status, is_ours, location.as_deref());
        Ok(Refused { status, error, body, request: format!("{method} {}{path}", self.address), advice })
    }
}

/// Whether the same request may be answered a little later.
fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

fn is_of_connection(error: &ureq::Error) -> bool {
    use ureq::Error::{ConnectionFailed, HostNotFound, Io, Protocol, Timeout};
    matches!(error, ConnectionFailed | HostNotFound | Io(_) | Protocol(_) | Timeout(_))
}

/// What something that is not the admin API says, in a line.
fn beginning(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words: String =
        text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).take(200).collect();
    if words.trim().is_empty() { "no reason given".into() } else { words.trim().into() }
}

/// What to do about an answer.
fn advice(status: u16, is_ours: bool, location: Option<&str>) -> Option<String> {
    Some(match status {
        300..=399 => {
            let to = location.unwrap_or("another address");
            format!(
                "It leads to {to}. Where Cloudflare Access stands before the administration, set \
                 HAGGLE_ACCESS_CLIENT_ID and HAGGLE_ACCESS_CLIENT_SECRET to a service token"
            )
        }
        401 => "HAGGLE_TOKEN (or the file of --token-file) must be the Worker's ADMIN_TOKEN".into(),
        403 => {
            "The service token of HAGGLE_ACCESS_CLIENT_ID and HAGGLE_ACCESS_CLIENT_SECRET must be admitted \
                by the Access application of the administration's host"
                .into()
        }
        404 if !is_ours => "HAGGLE_URL must be the administration's host (ADMIN_HOST), not the shop's".into(),
        429 => "Too many requests: wait a little".into(),
        502..=504 => "The Worker's stores do not answer now; what was asked may be asked again".into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_and_differ() {
        let keys: std::collections::BTreeSet<String> = (0..1000).map(|_| new_key()).collect();
        assert_eq!(keys.len(), 1000);
        assert!(keys.iter().all(|key| key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_graphic())));
    }

    #[test]
    fn what_is_not_the_api_is_told_in_a_line() {
        assert_eq!(beginning(b"<html>\r\n<b>502"), "<html>  <b>502");
        assert_eq!(beginning(b" \n"), "no reason given");
    }
}
