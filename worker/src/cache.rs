//! The snapshot of this isolate: read from KV, kept for a while, never replaced by an older one.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use haggle::Snapshot;
use js_sys::futures::{JsFuture, future_to_promise};
use wasm_bindgen::JsValue;
use worker::{Context, Delay, Env};

use crate::clock;
use crate::kv::Kv;
use crate::reasons::Reason;
use crate::settings::Settings;

/// Key of the one snapshot in KV.
pub const SNAPSHOT_KEY: &str = "snapshot";

/// Least time in seconds for which KV itself may keep a value at an edge location.
const KV_CACHE_TTL_S: u32 = 30;

/// Milliseconds for which the API waits for KV.
const KV_TIMEOUT_MS: u64 = 1_000;

/// Milliseconds after which a read for which no page waits any more is given up: less than the runtime lets it go on.
const KV_GIVE_UP_MS: u64 = 20_000;

type Found = Result<Rc<Snapshot>, Reason>;

/// The last answer, also a failure to answer: while KV hangs, one request in a time to live waits for it.
struct Cached {
    found: Found,
    asked_at_ms: u64,
}

thread_local! {
    static CACHED: RefCell<Option<Cached>> = const { RefCell::new(None) };
}

/// The newest snapshot that this isolate knows, asking KV when its answer is older than the time to live.
///
/// If KV fails or holds something unreadable, the snapshot at hand stays in use until it is too old.
pub async fn snapshot(env: &Env, settings: &Settings) -> Found {
    not_too_old(newest(env, settings).await, settings, clock::now_ms())
}

/// As [`snapshot`], however old it is.
pub async fn newest(env: &Env, settings: &Settings) -> Found {
    let now_ms = clock::machine_ms();
    match fresh(settings, now_ms) {
        Some(found) => found,
        None => take_in(read(env, KV_TIMEOUT_MS).await, now_ms, settings),
    }
}

/// As [`snapshot`], for a page: it waits no longer than its budget. The read then goes on, for the pages after it.
pub async fn snapshot_for_page(env: &Env, settings: &Rc<Settings>, context: &Context) -> Found {
    let now_ms = clock::machine_ms();
    let found = match fresh(settings, now_ms) {
        Some(found) => found,
        None => ask_within_budget(env, settings, context, now_ms).await,
    };
    not_too_old(found, settings, clock::now_ms())
}

async fn ask_within_budget(env: &Env, settings: &Rc<Settings>, context: &Context, now_ms: u64) -> Found {
    let answer = Rc::new(RefCell::new(None));
    let reading = {
        let (env, settings, answer) = (env.clone(), settings.clone(), answer.clone());
        future_to_promise(async move {
            let found = take_in(read(&env, KV_GIVE_UP_MS).await, now_ms, &settings);
            answer.replace(Some(found));
            Ok(JsValue::UNDEFINED)
        })
    };
    if let Err(error) = context.as_ref().wait_until(&reading) {
        worker::console_error!("wait_until: {}", worker::Error::from(error));
    }
    let budget = Delay::from(Duration::from_millis(settings.kv_budget_ms));
    select(JsFuture::from(reading), budget).await;
    let in_time = answer.take();
    in_time.unwrap_or_else(|| take_in(Err(Reason::NoSnapshot), now_ms, settings))
}

/// What is known, if it may be used without asking. If not, whoever comes while this request asks goes on with it.
fn fresh(settings: &Settings, now_ms: u64) -> Option<Found> {
    CACHED.with_borrow_mut(|cached| {
        let cached = cached.as_mut()?;
        if now_ms < cached.asked_at_ms + settings.snapshot_ttl_ms {
            return Some(cached.found.clone());
        }
        cached.asked_at_ms = now_ms;
        None
    })
}

fn not_too_old(found: Found, settings: &Settings, now_ms: u64) -> Found {
    found.and_then(|snapshot| {
        let age_ms = now_ms.saturating_sub(snapshot.published_at_ms());
        if age_ms <= settings.snapshot_max_age_s * 1000 { Ok(snapshot) } else { Err(Reason::OldSnapshot) }
    })
}

/// Takes an answer of KV in, and gives what is to be used from now on.
fn take_in(read: Result<Option<Vec<u8>>, Reason>, asked_at_ms: u64, settings: &Settings) -> Found {
    let read = read.and_then(|bytes| {
        Snapshot::decode(bytes.ok_or(Reason::NoSnapshot)?).map_err(|error| {
            worker::console_error!("snapshot: {error}");
            Reason::BadSnapshot
        })
    });
    CACHED.with_borrow_mut(|cached| {
        let known = cached.as_ref().and_then(|cached| cached.found.clone().ok());
        let found = match (read, known) {
            (Ok(read), Some(known)) if read.version() <= known.version() => Ok(known),
            (Ok(read), _) => Ok(Rc::new(read)),
            (Err(_), Some(known)) => Ok(known),
            (Err(reason), None) => Err(reason),
        };
        // A failure is kept only where it took its time: nobody else shall wait for it at once again.
        let was_slow = clock::machine_ms().saturating_sub(asked_at_ms) >= settings.kv_budget_ms;
        if found.is_ok() || was_slow {
            *cached = Some(Cached { found: found.clone(), asked_at_ms });
        }
        found
    })
}

/// The snapshot that lies in KV; none where there is none that this build reads.
///
/// # Errors
/// KV does not answer: then nobody knows.
pub async fn published(env: &Env) -> Result<Option<Snapshot>, Reason> {
    Ok(Snapshot::decode(read(env, KV_TIMEOUT_MS).await?.unwrap_or_default()).ok())
}

async fn read(env: &Env, within_ms: u64) -> Result<Option<Vec<u8>>, Reason> {
    let kv = Kv::of(env, "SNAPSHOTS").map_err(|_| Reason::Misconfigured)?;
    let answer = Box::pin(kv.read(SNAPSHOT_KEY, KV_CACHE_TTL_S));
    match select(answer, Delay::from(Duration::from_millis(within_ms))).await {
        Either::Left((Ok(bytes), _)) => Ok(bytes),
        Either::Left((Err(error), _)) => {
            worker::console_error!("KV: {error}");
            Err(Reason::NoSnapshot)
        }
        Either::Right(_) => {
            worker::console_error!("KV: no answer in {within_ms} ms");
            Err(Reason::NoSnapshot)
        }
    }
}
