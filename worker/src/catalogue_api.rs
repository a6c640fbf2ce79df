//! The catalogue by the admin API: items are pushed as JSON lines, and read page by page.
//!
//! A push is taken as a whole or not at all, and may be sent again: what is the same already stays. Items of experiments
//! that were started keep the catalogue price of their draw, so a push says which of them have another one now.

use std::collections::BTreeMap;

use haggle::CatalogueItem;
use serde::Serialize;
use worker::{Env, Request, Response};

use crate::central::catalogue;
use crate::clock;
use crate::http::{Fault, json_response, json_text, query, text_body};

/// Most items of a push.
const ITEMS_MAX: usize = 1000;
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

#[derive(Serialize)]
struct Pushed {
    stored: usize,
    /// Items of live experiments whose price is another than when the groups were drawn.
    changed_in_live: Vec<String>,
}

/// Answers `POST /haggle/v1/catalogue`.
pub async fn push(request: &Request, env: &Env) -> Result<Response, Fault> {
    let items = read(&text_body(request, BODY_BYTES_MAX).await?)?;
    catalogue::store(env, &items, clock::now_ms()).await?;
    let changed_in_live = catalogue::changed_in_live(env, &items).await?;
    Ok(json_response(&Pushed { stored: items.len(), changed_in_live }, 200)?)
}

/// Answers `GET /haggle/v1/catalogue?after=SKU`.
pub async fn list(request: &Request, env: &Env) -> Result<Response, Fault> {
    let after = query(request, "after").unwrap_or_default();
    if after.len() > 64 {
        return Err(Fault::Bad(
            "query parameter after is too long; it must be a sku of at most 64 characters".into(),
        ));
    }
    Ok(json_text(catalogue::page_json(env, &after).await?, 200)?)
}

/// The items of a body, one on each line that is not empty.
fn read(body: &str) -> Result<Vec<CatalogueItem>, Fault> {
    let mut items = Vec::new();
    let mut lines = BTreeMap::new();
    for (number, line) in (1..).zip(body.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let refuse = |why: String| Fault::Bad(format!("line {number}: {why}"));
        if items.len() == ITEMS_MAX {
            return Err(refuse(format!(
                "more than {ITEMS_MAX} items; it must be at most as many in one request"
            )));
        }
        let item = CatalogueItem::from_json(line).map_err(|error| refuse(error.to_string()))?;
        if let Some(first) = lines.insert(item.sku.clone(), number) {
            return Err(refuse(format!(
                "sku {:?} stands in line {first} already; it must be sent once",
                item.sku
            )));
        }
        items.push(item);
    }
    if items.is_empty() {
        return Err(Fault::Bad("the body has no item; it must be 1 to 1000 lines of JSON".into()));
    }
    Ok(items)
}
