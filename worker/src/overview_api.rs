//! `GET /haggle/v1/overview`: all experiments at a glance, and what is wrong first of all.
//!
//! Nothing is computed here. Where each live experiment stands was stored by the Publisher with the last publication
//! (`publisher::standings`); the rest is what the central store has, in one statement for all experiments. A page asks
//! every few seconds, so a short statement says first whether anything has changed.
//!
//! Version, time and kill switch are those of the snapshot that this location serves, and so is what is too old. Out of
//! scope: counts since the last publication (`evidence_api`).

use haggle::Currency;
use haggle::mac::fingerprint;
use worker::{Env, Request, Response};

use crate::central::{self, standings};
use crate::http::{Fault, is_known, tagged_json, unchanged};
use crate::settings::Settings;
use crate::{cache, clock};

/// The overview, if the caller does not have it.
pub async fn overview(request: &Request, env: &Env, settings: &Settings) -> Result<Response, Fault> {
    let now_ms = clock::now_ms();
    let facts = standings::facts(env, now_ms).await?;
    let ledger = serde_json::to_string(&central::ledger_health(env).await?).map_err(worker::Error::from)?;
    let served = cache::newest(env, settings).await.ok();
    let (version, published_at_ms) =
        served.as_ref().map_or((0, 0), |served| (served.version(), served.published_at_ms()));
    let is_stopped = served.is_some_and(|served| served.is_stopped());
    // Where nothing runs, nothing needs a snapshot.
    let is_any = facts.live > 0 || version > 0;
    let is_stale = is_any && now_ms.saturating_sub(published_at_ms) > settings.snapshot_max_age_s * 1000;
    let is_held = facts.is_held;
    let head = format!(
        r#""version":{version},"published_at_ms":{},"stopped":{is_stopped},"held":{is_held},"stale":{is_stale},"ledger":{ledger}"#,
        if version > 0 { published_at_ms.to_string() } else { "null".into() }
    );
    let tag = fingerprint(&["haggle overview", env!("CARGO_PKG_VERSION"), &head, &facts.text]);
    if is_known(request, &tag) {
        return Ok(unchanged(&tag)?);
    }
    let mut experiments = Vec::new();
    for line in standings::overview(env, now_ms).await? {
        let currency: Currency = line.currency.parse()?;
        let fields = line.json.strip_suffix('}').unwrap_or_default();
        experiments.push(format!(r#"{fields},"minor_digits":{}}}"#, currency.minor_digits()));
    }
    let experiments = experiments.join(",");
    let text = format!(r#"{{"now_ms":{now_ms},{head},"experiments":[{experiments}]}}"#);
    Ok(tagged_json(text, &tag)?)
}
