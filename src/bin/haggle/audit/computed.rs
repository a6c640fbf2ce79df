//! Which prices are meant: computed from the snapshot, not from what the shop says.

use std::sync::{Mutex, PoisonError};

use haggle::{Currency, Snapshot, UnitKey, decide};

use crate::Failure;
use crate::remote::Client;

/// Most snapshots that are asked for: prices move on while an audit runs.
const SNAPSHOTS_MAX: usize = 20;

/// The prices of an experiment by its published snapshot.
pub struct Computed {
    client: Client,
    name: String,
    first: Snapshot,
    /// Later ones, in the order in which they were asked for.
    later: Mutex<Vec<Snapshot>>,
}

fn fetched(client: &Client) -> Result<Snapshot, Failure> {
    let bytes = client.get_bytes("/haggle/v1/snapshot")?;
    Snapshot::decode(bytes).map_err(|error| format!("the snapshot in use: {error}").into())
}

impl Computed {
    /// From the snapshot that is in use now.
    pub fn fetch(client: Client, name: &str) -> Result<Self, Failure> {
        let first = fetched(&client)?;
        if !first.experiments().iter().any(|experiment| experiment.name() == name) {
            let running: Vec<&str> = first.experiments().iter().map(|experiment| experiment.name()).collect();
            let why = format!("{name} is not in the snapshot in use; there are {running:?}");
            return Err(why.into());
        }
        Ok(Self { client, name: name.into(), first, later: Mutex::default() })
    }

    /// Version of the snapshot.
    pub fn version(&self) -> u64 {
        self.first.version()
    }

    /// The shop's rules for its pages, as JSON.
    pub fn site_json(&self) -> &str {
        let text = std::str::from_utf8(self.first.site_json()).unwrap_or_default();
        if text.is_empty() { "{}" } else { text }
    }

    /// The items of the experiment.
    pub fn skus(&self) -> impl Iterator<Item = &str> {
        self.first.items().filter(|(_, item)| item.experiment().name() == self.name).map(|(sku, _)| sku)
    }

    /// Currency of the experiment.
    pub fn currency(&self) -> Option<Currency> {
        self.first.experiments().iter().find(|one| one.name() == self.name).map(|one| one.currency())
    }

    /// The catalogue price of an item.
    pub fn catalogue_minor(&self, sku: &str) -> Option<i64> {
        self.first.item(sku).map(|item| item.price_minor())
    }

    /// What everybody sees who is no visitor: the price of now where items are randomised, else the catalogue's.
    pub fn public_minor(&self, sku: &str) -> Option<i64> {
        let item = self.first.item(sku)?;
        let shared = item.shared_decision().filter(|_| !self.first.is_stopped());
        Some(shared.map_or(item.price_minor(), |decision| item.price(&decision)))
    }

    /// The price that was decided for a unit, or would be by a snapshot that came while the audit ran. Where the shop says
    /// another one than `said_minor` by all of them, that of the newest.
    pub fn decided_minor(&self, sku: &str, unit: &UnitKey, said_minor: i64) -> Result<Option<i64>, Failure> {
        let first = price_of(&self.first, sku, unit);
        if first == Some(said_minor) {
            return Ok(first);
        }
        let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
        if later.iter().any(|snapshot| price_of(snapshot, sku, unit) == Some(said_minor)) {
            return Ok(Some(said_minor));
        }
        if later.len() < SNAPSHOTS_MAX {
            let newest = fetched(&self.client)?;
            let known = later.last().unwrap_or(&self.first).version();
            if newest.version() != known {
                later.push(newest);
            }
        }
        Ok(price_of(later.last().unwrap_or(&self.first), sku, unit))
    }
}

fn price_of(snapshot: &Snapshot, sku: &str, unit: &UnitKey) -> Option<i64> {
    let (item, decision) = (snapshot.item(sku)?, decide(snapshot, sku, unit, snapshot.published_at_ms())?);
    Some(item.price(&decision))
}
