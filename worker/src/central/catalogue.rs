//! The shop's catalogue in the central store: each item as the JSON that the core writes.

use haggle::CatalogueItem;
use worker::{Env, Result};

use super::database;
use crate::http::Fault;
use crate::rows::{only, prepare, query};

/// Items in one page.
const PAGE_ITEMS: u64 = 1000;

/// Longest list that is bound to a statement, in bytes: D1 takes values of two million.
const LIST_BYTES_MAX: usize = 500_000;

/// Stores items in one transaction, each in the place of that with its key. What is the same already is not written.
pub async fn store(env: &Env, items: &[CatalogueItem], now_ms: u64) -> Result<()> {
    const STORE: &str = "\
        INSERT INTO catalogue (sku, item, changed_at_ms) \
        SELECT value->>'sku', value, ?2 FROM json_each(?1) WHERE true \
        ON CONFLICT (sku) DO UPDATE SET item = excluded.item, changed_at_ms = excluded.changed_at_ms \
        WHERE excluded.item <> catalogue.item";
    let db = database(env)?;
    let mut lists = vec![String::new()];
    for json in items.iter().map(CatalogueItem::to_json) {
        match lists.last_mut() {
            Some(list) if list.len() + json.len() < LIST_BYTES_MAX => {
                list.push(if list.is_empty() { '[' } else { ',' });
                list.push_str(&json);
            }
            _ => lists.push(format!("[{json}")),
        }
    }
    let lists = lists.iter().filter(|list| !list.is_empty());
    let store = lists.map(|list| prepare(&db, STORE, &[format!("{list}]").as_str().into(), now_ms.into()]));
    db.batch(store.collect::<Result<_>>()?).await.map(drop)
}

/// Which of these items are in an experiment that runs, is paused or was decided, and were drawn at another catalogue
/// price than they have now.
pub async fn changed_in_live(env: &Env, items: &[CatalogueItem]) -> Result<Vec<String>> {
    // The new prices are made a table of their own, so that SQLite looks each member up in it.
    const CHANGED: &str = "\
        WITH now AS MATERIALIZED (SELECT value->>0 AS sku, value->>1 AS price FROM json_each(?1)), \
        live AS (SELECT * FROM experiments WHERE state IN ('running', 'paused', 'decided')), \
        then_ AS (SELECT m.value->>'sku' AS sku, m.value->>'price_minor' AS price FROM groups AS g, json_each(g.members) AS m \
          WHERE g.experiment IN (SELECT name FROM live) \
          UNION ALL SELECT definition->>'$.item.sku', definition->>'$.item.price_minor' FROM live \
          WHERE definition->>'$.item.sku' IS NOT NULL) \
        SELECT DISTINCT now.sku FROM then_ JOIN now ON now.sku = then_.sku WHERE now.price <> then_.price ORDER BY 1";
    let prices: Vec<(&str, i64)> = items.iter().map(|item| (item.sku.as_str(), item.price_minor)).collect();
    let prices = serde_json::to_string(&prices)?;
    let rows = query(&database(env)?, CHANGED, &[prices.as_str().into()]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Hands over every item of the catalogue, in the order of their keys; never more than [`PAGE_ITEMS`] are read at once.
pub async fn each(env: &Env, take: &mut dyn FnMut(CatalogueItem)) -> std::result::Result<(), Fault> {
    let mut after = String::new();
    loop {
        let page = page_after(env, &after).await?;
        if page.is_empty() {
            return Ok(());
        }
        for json in page {
            let item = CatalogueItem::from_json(&json)?;
            after.clone_from(&item.sku);
            take(item);
        }
    }
}

/// The page after this key and the number of all items, as the text of the answer.
pub async fn page_json(env: &Env, sku: &str) -> Result<String> {
    let count = query(&database(env)?, "SELECT COUNT(*) FROM catalogue", &[]).await?;
    let (total, items) = (only(count)?.integer(0)?, page_after(env, sku).await?.join(","));
    Ok(format!(r#"{{"items":[{items}],"total":{total}}}"#))
}

async fn page_after(env: &Env, sku: &str) -> Result<Vec<String>> {
    let sql = "SELECT item FROM catalogue WHERE sku > ?1 ORDER BY sku LIMIT ?2";
    let rows = query(&database(env)?, sql, &[sku.into(), PAGE_ITEMS.into()]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}
