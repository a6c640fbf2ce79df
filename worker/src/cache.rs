//! The snapshot of this isolate: read from KV, kept for a while, never replaced by an older one.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use haggle::Snapshot;
use worker::{Date, Delay, Env};

use crate::kv::Kv;
use crate::reasons::Reason;
use crate::settings::Settings;

/// Key of the one snapshot in KV.
pub const SNAPSHOT_KEY: &str = "snapshot";

/// Least time in seconds for which KV itself may keep a value at an edge location.
const KV_CACHE_TTL_S: u32 = 30;

/// Milliseconds for which a page waits for KV.
const KV_TIMEOUT_MS: u64 = 1_000;

/// The last answer, also a failure to answer: while KV hangs, one request in a time to live waits for it.
struct Cached {
    found: Result<Rc<Snapshot>, Reason>,
    asked_at_ms: u64,
}

thread_local! {
    static CACHED: RefCell<Option<Cached>> = const { RefCell::new(None) };
}

/// The newest snapshot that this isolate knows, asking KV when its answer is older than the time to live.
///
/// If KV fails or holds something unreadable, the snapshot at hand stays in use until it is too old.
pub async fn snapshot(env: &Env, settings: &Settings) -> Result<Rc<Snapshot>, Reason> {
    let now_ms = Date::now().as_millis();
    let fresh = CACHED.with_borrow(|cached| {
        let cached = cached.as_ref().filter(|cached| now_ms < cached.asked_at_ms + settings.snapshot_ttl_ms);
        cached.map(|cached| cached.found.clone())
    });
    let found = match fresh {
        Some(found) => found,
        None => refresh(env, now_ms).await,
    };
    found.and_then(|snapshot| {
        let age_ms = now_ms.saturating_sub(snapshot.published_at_ms());
        if age_ms <= settings.snapshot_max_age_s * 1000 { Ok(snapshot) } else { Err(Reason::OldSnapshot) }
    })
}

async fn refresh(env: &Env, now_ms: u64) -> Result<Rc<Snapshot>, Reason> {
    // Whoever comes while this request asks goes on with what is known.
    CACHED.with_borrow_mut(|cached| {
        if let Some(cached) = cached {
            cached.asked_at_ms = now_ms;
        }
    });
    let read = match read(env).await {
        Ok(None) => Err(Reason::NoSnapshot),
        Ok(Some(bytes)) => Snapshot::decode(bytes).map_err(|error| {
            worker::console_error!("snapshot: {error}");
            Reason::BadSnapshot
        }),
        Err(reason) => Err(reason),
    };
    CACHED.with_borrow_mut(|cached| {
        let known = cached.as_ref().and_then(|cached| cached.found.clone().ok());
        let found = match (read, known) {
            (Ok(read), Some(known)) if read.version() <= known.version() => Ok(known),
            (Ok(read), _) => Ok(Rc::new(read)),
            (Err(_), Some(known)) => Ok(known),
            (Err(reason), None) => Err(reason),
        };
        // A failure is kept only where it took its time: nobody else shall wait for it at once again.
        let was_slow = Date::now().as_millis().saturating_sub(now_ms) >= KV_TIMEOUT_MS;
        if found.is_ok() || was_slow {
            *cached = Some(Cached { found: found.clone(), asked_at_ms: now_ms });
        }
        found
    })
}

/// The snapshot that lies in KV; none where there is none that this build reads.
///
/// # Errors
/// KV does not answer: then nobody knows.
pub async fn published(env: &Env) -> Result<Option<Snapshot>, Reason> {
    Ok(Snapshot::decode(read(env).await?.unwrap_or_default()).ok())
}

async fn read(env: &Env) -> Result<Option<Vec<u8>>, Reason> {
    let kv = Kv::of(env, "SNAPSHOTS").map_err(|_| Reason::Misconfigured)?;
    let answer = Box::pin(kv.read(SNAPSHOT_KEY, KV_CACHE_TTL_S));
    match select(answer, Delay::from(Duration::from_millis(KV_TIMEOUT_MS))).await {
        Either::Left((Ok(bytes), _)) => Ok(bytes),
        Either::Left((Err(error), _)) => {
            worker::console_error!("KV: {error}");
            Err(Reason::NoSnapshot)
        }
        Either::Right(_) => {
            worker::console_error!("KV: no answer in {KV_TIMEOUT_MS} ms");
            Err(Reason::NoSnapshot)
        }
    }
}
