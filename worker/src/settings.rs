//! Settings of a deployment: variables and secrets of `wrangler.toml`, read once per isolate.
//!
//! A setting that is missing or wrong is said by name and never guessed; pages then pass untouched.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use haggle::quote::{Algorithm, SigningKey};
use haggle::{Key, Quotary};
use worker::Env;

use crate::http::{contains, cookie_in};
use crate::signer::Signer;

/// How a page is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In memory, and sent when all of it is known to be right; once a path came out clean it streams.
    Proven,
    /// Always in memory.
    Atomic,
    /// Always as it comes.
    Stream,
}

/// How a page knows that a visitor has agreed to be priced.
pub struct Consent {
    cookie: String,
    part: String,
}

impl Consent {
    /// Reads `NAME~PART`.
    fn parse(rule: String) -> Result<Self, String> {
        match rule.split_once('~') {
            Some((cookie, part)) if !cookie.is_empty() && !part.is_empty() => {
                Ok(Self { cookie: cookie.into(), part: part.into() })
            }
            _ => Err(format!(
                "variable CONSENT is {rule:?}; it must be a cookie's name, ~ and a part of its value"
            )),
        }
    }

    /// Whether the cookies of a request say so.
    pub fn is_given(&self, cookies: &str) -> bool {
        let is_in = |value: &str| {
            let decoded = js_sys::decode_uri_component(value).map(String::from);
            contains(decoded.as_deref().unwrap_or(value), &self.part)
        };
        cookie_in(cookies, &self.cookie).is_some_and(is_in)
    }
}

/// Whom Cloudflare Access lets in.
pub struct Access {
    /// The team's own origin, which is the issuer of its tokens.
    pub team: String,
    /// Tag of the application.
    pub audience: String,
}

impl Access {
    /// Both variables or none.
    fn parse(team: Option<String>, audience: Option<String>) -> Result<Option<Self>, String> {
        let (team, audience) = match (team, audience) {
            (Some(team), Some(audience)) => (team.trim_end_matches('/').to_owned(), audience),
            (None, None) => return Ok(None),
            (Some(_), None) => {
                return Err("variable ACCESS_AUD is missing; ACCESS_TEAM is nothing without it".into());
            }
            (None, Some(_)) => {
                return Err("variable ACCESS_TEAM is missing; ACCESS_AUD is nothing without it".into());
            }
        };
        // A key that came in the clear could be anybody's; from this machine itself it is for tests.
        let host = team.strip_prefix("https://").or_else(|| team.strip_prefix("http://127.0.0.1:"));
        if host.is_none_or(|host| host.is_empty() || host.bytes().any(|byte| b"/?# ".contains(&byte))) {
            return Err(format!("variable ACCESS_TEAM is {team:?}; it must be https:// and the team's host"));
        }
        Ok(Some(Self { team, audience }))
    }
}

/// Everything that a deployment decides.
pub struct Settings {
    /// The shop, in quotes.
    pub merchant: String,
    /// Whether a visitor without our cookie sees an assigned price at once.
    pub assign_first_view: bool,
    /// How a page is put together.
    pub mode: Mode,
    /// Who may be priced; everybody, where nobody is asked.
    pub consent: Option<Consent>,
    /// Whether the shop's pages are kept at the edge, where it allows.
    pub html_cache: bool,
    /// Cookies by which the shop knows nobody: names, or beginnings of names with `*` after them.
    pub ignored_cookies: Vec<String>,
    /// Milliseconds for which a page waits for KV.
    pub kv_budget_ms: u64,
    /// Number of ledger shards for new quotes.
    pub ledger_shards: u32,
    /// Milliseconds between the first change of a ledger shard and its report.
    pub ledger_push_ms: i64,
    /// Milliseconds for which an isolate uses a snapshot without asking KV.
    pub snapshot_ttl_ms: u64,
    /// Age in seconds at which a snapshot is too old to decide with.
    pub snapshot_max_age_s: u64,
    /// Seconds for which a price is pinned.
    pub quote_hold_s: u64,
    /// Seconds for which a quote is good in cart and checkout, from the page that it stands in.
    pub cart_hold_s: u64,
    /// Seconds after the reward window in which a refund counts.
    pub refund_window_s: u64,
    /// Share of the pages rewritten as a whole that are read again.
    pub audit_sample: f64,
    /// Least seconds between two allocations of an experiment.
    pub epoch_min_s: u64,
    /// Seals and opens pins.
    pub quotary: Quotary,
    /// Signs and opens quotes.
    pub signer: Signer,
    /// Makes units of visitor ids.
    pub unit_key: Key,
    /// Bearer of the shop's server.
    pub rewards_token: String,
    /// Bearer of the admin API.
    pub admin_token: String,
    /// Who else may use it; nobody, where Access does not stand in front.
    pub access: Option<Access>,
}

thread_local! {
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
    /// What the two functions at the end of this file have read.
    static ORIGIN: OnceCell<Option<Rc<str>>> = const { OnceCell::new() };
    static ADMIN_HOST: OnceCell<Option<Rc<str>>> = const { OnceCell::new() };
}

impl Settings {
    /// The settings of this isolate.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong, and what is allowed.
    pub fn of(env: &Env) -> Result<Rc<Self>, String> {
        if let Some(settings) = SETTINGS.with_borrow(Clone::clone) {
            return Ok(settings);
        }
        let settings = Rc::new(Self::read(env)?);
        SETTINGS.set(Some(settings.clone()));
        Ok(settings)
    }

    fn read(env: &Env) -> Result<Self, String> {
        let secret = |name: &str| {
            var(env, name)
                .ok_or_else(|| format!("secret {name} is missing; it must be set, see docs/operations.md"))
        };
        let number = |name: &str, default: u64, least: u64, most: u64| match var(env, name) {
            None => Ok(default),
            Some(text) => match text.parse::<u64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(format!("variable {name} is {text:?}; it must be {least} to {most}")),
            },
        };
        let token = |name: &str| {
            let token = secret(name)?;
            let length = token.len();
            if length >= 16 {
                Ok(token)
            } else {
                Err(format!(
                    "secret {name} is {length} characters long; it must be 16 or more characters long"
                ))
            }
        };
        let ignored = var(env, "HTML_CACHE_IGNORED_COOKIES").unwrap_or_default();
        let named = |name: &'static str| move |error: haggle::Error| format!("secret {name}: {error}");
        let quotary = Quotary::parse(&secret("QUOTE_KEYS")?).map_err(named("QUOTE_KEYS"))?;
        let signs = choice(env, "QUOTE_ALG", [("HS256", Algorithm::Hs256), ("ES256", Algorithm::Es256)])?;
        let pairs = match signs {
            Algorithm::Hs256 => var(env, "QUOTE_SIGNING_KEYS"),
            Algorithm::Es256 => Some(secret("QUOTE_SIGNING_KEYS")?),
        };
        let pairs = pairs.map_or(Ok(Vec::new()), |pairs| SigningKey::parse_all(&pairs));
        let pairs = pairs.map_err(named("QUOTE_SIGNING_KEYS"))?;
        Ok(Self {
            merchant: var(env, "MERCHANT").unwrap_or_else(|| "shop".into()),
            assign_first_view: choice(env, "FIRST_VIEW", [("catalogue", false), ("assign", true)])?,
            mode: choice(
                env,
                "MODE",
                [("proven", Mode::Proven), ("atomic", Mode::Atomic), ("stream", Mode::Stream)],
            )?,
            consent: var(env, "CONSENT").map(Consent::parse).transpose()?,
            html_cache: choice(env, "HTML_CACHE", [("off", false), ("on", true)])?,
            ignored_cookies: ignored
                .split([',', ' '])
                .filter(|name| !name.is_empty())
                .map(String::from)
                .collect(),
            kv_budget_ms: number("KV_BUDGET_MS", 50, 1, 10_000)?,
            ledger_shards: number("LEDGER_SHARDS", 4, 1, u64::from(haggle::quote::SHARDS_MAX))? as u32,
            ledger_push_ms: number("LEDGER_PUSH_MS", 5_000, 0, 600_000)? as i64,
            snapshot_ttl_ms: number("SNAPSHOT_TTL_MS", 10_000, 0, 600_000)?,
            snapshot_max_age_s: number("SNAPSHOT_MAX_AGE_S", 86_400, 0, 2_592_000)?,
            quote_hold_s: number("QUOTE_HOLD_S", 172_800, 1_800, 7_776_000)?,
            cart_hold_s: number("CART_HOLD_S", 174_600, 174_600, 7_776_000)?,
            refund_window_s: number("REFUND_WINDOW_S", 2_592_000, 0, 31_536_000)?,
            audit_sample: share(env, "AUDIT_SAMPLE", 0.01)?,
            epoch_min_s: number("EPOCH_MIN_S", 300, 0, 86_400)?,
            signer: Signer::new(signs, quotary.clone(), pairs),
            quotary,
            unit_key: Key::from_hex(&secret("UNIT_KEY")?).map_err(named("UNIT_KEY"))?,
            rewards_token: token("REWARDS_TOKEN")?,
            admin_token: token("ADMIN_TOKEN")?,
            access: Access::parse(var(env, "ACCESS_TEAM"), var(env, "ACCESS_AUD"))?,
        })
    }
}

/// A variable or a secret that is not empty.
fn var(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|var| var.to_string()).filter(|text| !text.is_empty())
}

/// A variable that is a share of one.
fn share(env: &Env, name: &str, default: f64) -> Result<f64, String> {
    let Some(text) = var(env, name) else { return Ok(default) };
    // JavaScript's reader of doubles is there already; Rust's is ten kilobytes.
    let share = js_sys::JSON::parse(&text).ok().and_then(|share| share.as_f64());
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("variable {name} is {text:?}; it must be 0 to 1"))
}

/// A variable that is one of a few words; the first of them where it is not there.
fn choice<T, const N: usize>(env: &Env, name: &str, words: [(&str, T); N]) -> Result<T, String> {
    let given = var(env, name);
    let mut allowed = String::new();
    for (place, (word, value)) in words.into_iter().enumerate() {
        if given.as_deref().is_none_or(|given| given == word) {
            return Ok(value);
        }
        let before = [", ", " or "].get(usize::from(place + 1 == N)).filter(|_| place > 0);
        allowed.push_str(before.unwrap_or(&""));
        allowed.push_str(word);
    }
    Err(format!("variable {name} is {:?}; it must be {allowed}", given.unwrap_or_default()))
}

/// Address of the shop behind the Worker; none where the Worker runs on the shop's own route. Needs no other setting,
/// so that pages pass while settings are wrong.
pub fn origin(env: &Env) -> Option<Rc<str>> {
    ORIGIN.with(|known| {
        known.get_or_init(|| var(env, "ORIGIN").map(|origin| origin.trim_end_matches('/').into())).clone()
    })
}

/// The administration's host; none where it has none. Needs no other setting either.
pub fn admin_host(env: &Env) -> Option<Rc<str>> {
    ADMIN_HOST.with(|known| known.get_or_init(|| var(env, "ADMIN_HOST").map(Rc::from)).clone())
}
