//! Experiments over many items in golden snapshots: what is published of them, and what it means for each item.

use haggle::snapshot::ListedItem;
use haggle::{Entry, Groups};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is published of many items beside the experiment.
#[derive(Serialize, Deserialize)]
pub struct Placed {
    groups: Value,
    arms_of: Vec<u8>,
    opened_at_ms: u64,
    until_ms: u64,
    is_paused: bool,
}

impl Placed {
    pub fn groups(&self) -> Groups {
        Groups::read_parts([self.groups.to_string().as_str()]).unwrap()
    }

    pub fn entry<'a>(&'a self, entry: Entry<'a>, groups: &'a Groups) -> Entry<'a> {
        Entry {
            groups: Some(groups),
            arms_of: &self.arms_of,
            opened_at_ms: self.opened_at_ms,
            until_ms: self.until_ms,
            is_paused: self.is_paused,
            ..entry
        }
    }
}

/// An item: its key, its experiment, its catalogue price, its price on each arm, and what everybody sees; null where there
/// is no such price.
#[derive(Serialize, Deserialize)]
pub struct ManyItem(String, String, i64, Vec<Option<i64>>, Option<i64>);

impl ManyItem {
    pub fn of(item: &ListedItem<'_>) -> Self {
        let live = item.experiment();
        let prices = (0..live.arms().len()).map(|arm| item.price_of(arm)).collect();
        let now = item.shared().map(|shared| shared.price_minor);
        Self(item.sku().into(), live.name().into(), item.price_minor(), prices, now)
    }
}
