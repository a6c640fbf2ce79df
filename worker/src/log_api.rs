//! `GET /haggle/v1/experiments/NAME/log`: decisions with what came of them, one JSON object per line, as `haggle evaluate`
//! reads them (`src/evaluate/read.rs`).
//!
//! Where items are randomised, a line is what an item or family brought in an epoch.
//!
//! An answer is a page: header `haggle-next` has what `after` is to be for the next one, and is missing on the last.
//! Shards forget an exposure when its quote, its reward window and, where it sold, the time for refunds are over, so a
//! log that is wanted whole is exported from time to time.

use std::collections::BTreeMap;

use haggle::experiment::{Goods, HOLDOUT, Unit};
use haggle::time::HOUR_MS;
use haggle::{Experiment, Objective};
use serde::Serialize;
use worker::{Env, Headers, Request, Response};

use crate::central::{answer, experiments};
use crate::clock;
use crate::http::{Fault, post, query, text_of};
use crate::ledger::Shown;
use crate::publisher::items;

/// Pages of shards that are read for one answer, as long as they have none of this experiment.
const PAGES_MAX: usize = 20;

/// Longest cursor: the name of a shard, a dot and the id of an exposure.
const CURSOR_MAX: usize = 200;

/// A line, in the order of its fields.
#[derive(Serialize)]
struct Line<'a> {
    experiment: &'a str,
    epoch: u32,
    unit: &'a str,
    at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    arms: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<&'a [u32]>,
    arm: &'a str,
    propensity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_minor: Option<i64>,
    conversion: u8,
    /// Left out where conversions are maximised: those are counted, then.
    #[serde(skip_serializing_if = "Option::is_none")]
    reward_minor: Option<i64>,
}

/// A page of the log of an experiment.
pub async fn log(request: &Request, env: &Env, name: &str) -> Result<Response, Fault> {
    let experiment = experiments::known(env, name).await?.experiment()?;
    let after = query(request, "after").unwrap_or_default();
    let (shown, next) = match experiment.unit {
        Unit::Visitor => exposures(env, name, &after).await?,
        _ => observations(env, &experiment, &after).await?,
    };
    let mut epochs: Vec<u32> = shown.iter().map(|shown| shown.epoch).collect();
    epochs.dedup();
    let published = answer::published(env, &experiment, &epochs).await?;
    let names: Vec<String> = experiment.arms.iter().map(|arm| arm.name.clone()).collect();
    let mut text = String::new();
    for shown in &shown {
        let line = line(&experiment, &names, &published, shown);
        text.push_str(&serde_json::to_string(&line).map_err(worker::Error::from)?);
        text.push('\n');
    }
    let headers = Headers::new();
    headers.set("content-type", "application/x-ndjson")?;
    headers.set("cache-control", "private, no-store")?;
    if let Some(next) = next {
        headers.set("haggle-next", &next)?;
    }
    Ok(Response::ok(text)?.with_headers(headers))
}

/// Exposures after the cursor, and the cursor after them where there may be more.
async fn exposures(env: &Env, name: &str, after: &str) -> Result<(Vec<Shown>, Option<String>), Fault> {
    let shards = answer::shards(env).await?;
    let (mut shard, mut id) = match after.split_once('.') {
        _ if after.is_empty() => (0, String::new()),
        Some((shard, id)) if after.len() <= CURSOR_MAX => {
            (shards.iter().position(|known| known == shard).ok_or_else(wrong)?, id.to_owned())
        }
        _ => return Err(wrong()),
    };
    for _ in 0..PAGES_MAX {
        let Some(source) = shards.get(shard) else { return Ok((Vec::new(), None)) };
        let page = page(env, source, name, &id).await?;
        let mut lines = page.lines();
        id = lines.next().unwrap_or_default().to_owned();
        let shown: Vec<Shown> = lines.filter_map(Shown::read).collect();
        if id.is_empty() {
            shard += 1;
        }
        if !shown.is_empty() {
            return Ok((shown, shards.get(shard).map(|next| format!("{next}.{id}"))));
        }
    }
    Ok((Vec::new(), shards.get(shard).map(|next| format!("{next}.{id}"))))
}

fn wrong() -> Fault {
    Fault::Bad("query parameter after is not what the header haggle-next said; leave it out to begin".into())
}

/// Where items are randomised, a page is an epoch: what each item or family brought in it. The cursor is its number.
async fn observations(
    env: &Env,
    experiment: &Experiment,
    after: &str,
) -> Result<(Vec<Shown>, Option<String>), Fault> {
    let after: u32 = if after.is_empty() { 0 } else { after.parse().map_err(|_| wrong())? };
    let seen = items::sold_after(env, experiment, after, clock::now_ms()).await?;
    let Some((opened, units)) = seen else { return Ok((Vec::new(), None)) };
    let shown = units.into_iter().map(|sold| Shown {
        id: sold.unit,
        arm: experiment.arms.get(sold.arm).map(|arm| arm.name.clone()).unwrap_or_default(),
        epoch: opened.epoch,
        hour: (opened.at_ms / HOUR_MS) as u32,
        is_converted: (sold.revenue_minor, sold.cost_minor) != (0, 0),
        revenue_minor: sold.revenue_minor,
        cost_minor: sold.cost_minor,
    });
    Ok((shown.collect(), Some(opened.epoch.to_string())))
}

/// A page of one shard: it is known to the central store by its id.
async fn page(env: &Env, shard: &str, name: &str, after: &str) -> Result<String, Fault> {
    let stub = env.durable_object("LEDGER")?.id_from_string(shard)?.get_stub()?;
    let response = stub.fetch_with_request(post("http://ledger/log", &format!("{name}\t{after}"))?).await?;
    let status = response.status_code();
    let text = text_of(response).await?;
    if status == 200 { Ok(text) } else { Err(Fault::Unavailable(text)) }
}

fn line<'a>(
    experiment: &'a Experiment,
    names: &'a [String],
    published: &'a BTreeMap<u32, Vec<u32>>,
    shown: &'a Shown,
) -> Line<'a> {
    let place = names.iter().position(|name| *name == shown.arm);
    // Nobody drew for the holdout and the negative group; and an arm without share was no draw's either.
    let shares = published.get(&shown.epoch).map(Vec::as_slice);
    let share =
        place.zip(shares).and_then(|(place, shares)| shares.get(place)).copied().filter(|&share| share > 0);
    let shares = shares.filter(|_| share.is_some());
    let arm = place.and_then(|place| experiment.arms.get(place));
    let arm = arm.filter(|_| matches!(experiment.goods, Goods::Item(_)));
    let reward_minor = match experiment.objective {
        Objective::Conversion => None,
        Objective::Revenue => Some(shown.revenue_minor),
        Objective::Profit => Some(shown.revenue_minor - shown.cost_minor),
    };
    Line {
        experiment: &experiment.name,
        epoch: shown.epoch,
        unit: &shown.id,
        at_ms: u64::from(shown.hour) * HOUR_MS,
        arms: shares.map(|_| names),
        shares,
        arm: if place.is_some() || shown.arm == HOLDOUT { &shown.arm } else { HOLDOUT },
        propensity: share,
        price_minor: arm.map(|arm| arm.price_minor),
        value_minor: arm.map(|arm| experiment.value_minor(arm)),
        conversion: u8::from(shown.is_converted),
        reward_minor,
    }
}
