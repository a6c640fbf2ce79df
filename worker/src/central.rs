//! The central store in D1: everything that is read from it or written to it. Schema: `worker/migrations`.
//!
//! Values are bound, never written into a statement. Amounts cross as numbers within ±2^53, squares as text.

use std::collections::BTreeMap;

use haggle::{Cohort, Experiment, Ledger, Tally, TallyKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, Env, Result};

/// Most cells that one statement carries.
const CELLS_PER_STATEMENT: usize = 1_000;

/// What a ledger shard reports: running totals, never differences.
pub struct Report {
    /// The shard.
    pub source: String,
    /// Grows with every report.
    pub sequence: i64,
    /// Exposures in all.
    pub exposures: i64,
    /// Reward lines stored in all.
    pub stored: i64,
    /// Reward lines that have found their exposure.
    pub matched: i64,
    /// The totals that changed since the last report that was taken.
    pub cells: Vec<ReportCell>,
}

/// The running total of one tally, as it lies in SQLite.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReportCell {
    experiment: String,
    arm: String,
    epoch: u32,
    hour: u32,
    exposures: i64,
    conversions: i64,
    rewards: i64,
    units: i64,
    revenue_minor: i64,
    cost_minor: i64,
    revenue_sq: String,
    profit_sq: String,
    /// Sequence number of the report that first carried this total.
    pub sequence: i64,
}

impl ReportCell {
    /// The numbers of the cell.
    ///
    /// # Errors
    /// A square that is not a number.
    pub fn tally(&self) -> Result<Tally> {
        let square = |text: &str| {
            text.parse::<i128>().map_err(|_| worker::Error::RustError(format!("square {text:?}")))
        };
        Ok(Tally {
            exposures: self.exposures,
            conversions: self.conversions,
            rewards: self.rewards,
            units: self.units,
            revenue_minor: self.revenue_minor,
            cost_minor: self.cost_minor,
            revenue_sq: square(&self.revenue_sq)?,
            profit_sq: square(&self.profit_sq)?,
        })
    }
}

fn database(env: &Env) -> Result<D1Database> {
    env.d1("DB")
}

fn statement(db: &D1Database, sql: &str, values: &[JsValue]) -> Result<D1PreparedStatement> {
    db.prepare(sql).bind(values)
}

fn number(value: impl Into<f64>) -> JsValue {
    JsValue::from_f64(value.into())
}

/// Milliseconds, versions and sums are below 2^53, where every integer is a double.
fn integer(value: u64) -> JsValue {
    JsValue::from_f64(value as f64)
}

/// Takes a report in one transaction; what is older than the known total changes nothing.
pub async fn take_report(env: &Env, report: &Report) -> Result<()> {
    const TALLIES: &str = "
        INSERT INTO tallies (source, sequence, experiment, arm, epoch, hour, exposures, conversions, rewards, units,
                             revenue_minor, cost_minor, revenue_sq, profit_sq)
        SELECT ?1, ?2, v->>'experiment', v->>'arm', v->>'epoch', v->>'hour', v->>'exposures', v->>'conversions',
               v->>'rewards', v->>'units', v->>'revenue_minor', v->>'cost_minor', v->>'revenue_sq', v->>'profit_sq'
        FROM (SELECT value AS v FROM json_each(?3)) WHERE true
        ON CONFLICT (experiment, arm, epoch, hour, source) DO UPDATE SET
          sequence = excluded.sequence, exposures = excluded.exposures, conversions = excluded.conversions,
          rewards = excluded.rewards, units = excluded.units, revenue_minor = excluded.revenue_minor,
          cost_minor = excluded.cost_minor, revenue_sq = excluded.revenue_sq, profit_sq = excluded.profit_sq
        WHERE excluded.sequence > tallies.sequence";
    const SOURCES: &str = "
        INSERT INTO sources (source, sequence, exposures, stored, matched, reported_at_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (source) DO UPDATE SET
          sequence = excluded.sequence, exposures = excluded.exposures, stored = excluded.stored,
          matched = excluded.matched, reported_at_ms = excluded.reported_at_ms
        WHERE excluded.sequence > sources.sequence";
    let db = database(env)?;
    let source = || JsValue::from_str(&report.source);
    let sequence = || number(report.sequence as f64);
    let mut batch = Vec::new();
    for cells in report.cells.chunks(CELLS_PER_STATEMENT) {
        let cells = serde_json::to_string(cells)?;
        batch.push(statement(&db, TALLIES, &[source(), sequence(), JsValue::from_str(&cells)])?);
    }
    let now_ms = integer(worker::Date::now().as_millis());
    let counts = [report.exposures, report.stored, report.matched].map(|count| number(count as f64));
    let [exposures, stored, matched] = counts;
    batch.push(statement(&db, SOURCES, &[source(), sequence(), exposures, stored, matched, now_ms])?);
    db.batch(batch).await.map(drop)
}

/// Reward lines and exposures over all shards.
pub async fn ledger_health(env: &Env) -> Result<Value> {
    #[derive(Deserialize, Serialize)]
    struct Row {
        stored: i64,
        matched: i64,
        unmatched: i64,
        exposures: i64,
        sources: i64,
        reported_at_ms: Option<i64>,
    }
    let sql = "SELECT COALESCE(SUM(stored), 0) AS stored, COALESCE(SUM(matched), 0) AS matched,
                 COALESCE(SUM(stored - matched), 0) AS unmatched, COALESCE(SUM(exposures), 0) AS exposures,
                 COUNT(*) AS sources, MIN(reported_at_ms) AS reported_at_ms FROM sources";
    let row = database(env)?.prepare(sql).first::<Row>(None).await?;
    Ok(json!(row))
}

/// Sums of the experiments over sources and cohorts, as a ledger with the central store as its one source.
///
/// Squares stay behind: no policy of this version looks at them.
pub async fn ledger(env: &Env) -> Result<Ledger> {
    #[derive(Deserialize)]
    struct Row {
        experiment: String,
        arm: String,
        exposures: i64,
        conversions: i64,
        rewards: i64,
        units: i64,
        revenue_minor: i64,
        cost_minor: i64,
    }
    let sql = "SELECT experiment, arm, SUM(exposures) AS exposures, SUM(conversions) AS conversions,
                 SUM(rewards) AS rewards, SUM(units) AS units, SUM(revenue_minor) AS revenue_minor,
                 SUM(cost_minor) AS cost_minor
               FROM tallies WHERE experiment IN (SELECT name FROM experiments WHERE state = 'running')
               GROUP BY experiment, arm";
    let rows: Vec<Row> = database(env)?.prepare(sql).all().await?.results()?;
    let mut ledger = Ledger::default();
    for row in rows {
        let cohort = Cohort { epoch: 0, hour: 0 };
        let key = TallyKey { experiment: row.experiment, arm: row.arm, cohort };
        let total = Tally {
            exposures: row.exposures,
            conversions: row.conversions,
            rewards: row.rewards,
            units: row.units,
            revenue_minor: row.revenue_minor,
            cost_minor: row.cost_minor,
            ..Tally::default()
        };
        ledger.observe("central", &key, 1, total);
    }
    Ok(ledger)
}

/// An experiment as the central store knows it.
#[derive(Debug, Deserialize)]
pub struct StoredExperiment {
    /// Its name.
    pub name: String,
    /// The validated JSON.
    pub definition: String,
    /// `running` or `ended`.
    pub state: String,
    /// When it was accepted.
    pub created_at_ms: i64,
}

/// All experiments, the running ones in the order of their names first.
pub async fn experiments(env: &Env) -> Result<Vec<StoredExperiment>> {
    let sql = "SELECT name, definition, state, created_at_ms FROM experiments ORDER BY state DESC, name";
    database(env)?.prepare(sql).all().await?.results()
}

/// Stores a new experiment as running.
pub async fn add_experiment(env: &Env, experiment: &Experiment, now_ms: u64) -> Result<()> {
    let sql = "INSERT INTO experiments (name, sku, definition, state, created_at_ms) VALUES (?1, ?2, ?3, 'running', ?4)";
    let values = [
        JsValue::from_str(&experiment.name),
        JsValue::from_str(&experiment.item.sku),
        JsValue::from_str(&experiment.to_json()),
        integer(now_ms),
    ];
    statement(&database(env)?, sql, &values)?.run().await.map(drop)
}

/// Ends a running experiment; its tallies stay.
pub async fn end_experiment(env: &Env, name: &str, now_ms: u64) -> Result<()> {
    let sql =
        "UPDATE experiments SET state = 'ended', ended_at_ms = ?2 WHERE name = ?1 AND state = 'running'";
    statement(&database(env)?, sql, &[JsValue::from_str(name), integer(now_ms)])?.run().await.map(drop)
}

/// One arm of a published allocation, and the counts that it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochArm {
    /// Name of the arm.
    pub arm: String,
    /// Share out of 65536.
    pub share: u32,
    /// Exposures that the posterior knew.
    pub exposures: u64,
    /// Conversions that the posterior knew.
    pub conversions: u64,
}

/// A published allocation.
#[derive(Debug, Clone)]
pub struct Epoch {
    /// Its number, from 1.
    pub epoch: u32,
    /// When it was opened.
    pub opened_at_ms: u64,
    /// The arms in the order of the experiment.
    pub arms: Vec<EpochArm>,
}

/// The newest allocation of every experiment, by name.
pub async fn newest_epochs(env: &Env) -> Result<BTreeMap<String, Epoch>> {
    #[derive(Deserialize)]
    struct Row {
        experiment: String,
        epoch: u32,
        opened_at_ms: u64,
        arms: String,
    }
    let sql = "SELECT experiment, epoch, opened_at_ms, arms FROM epochs AS e
               WHERE epoch = (SELECT MAX(epoch) FROM epochs WHERE experiment = e.experiment)";
    let rows: Vec<Row> = database(env)?.prepare(sql).all().await?.results()?;
    let epoch = |row: Row| {
        let arms = serde_json::from_str(&row.arms)?;
        Ok((row.experiment, Epoch { epoch: row.epoch, opened_at_ms: row.opened_at_ms, arms }))
    };
    rows.into_iter().map(epoch).collect()
}

/// The highest version that was ever published; 0 before the first.
pub async fn newest_version(env: &Env) -> Result<u64> {
    #[derive(Deserialize)]
    struct Row {
        version: u64,
    }
    let sql = "SELECT COALESCE(MAX(version), 0) AS version FROM snapshots";
    Ok(database(env)?.prepare(sql).first::<Row>(None).await?.map_or(0, |row| row.version))
}

/// What one publication writes, in one transaction.
pub struct Publication<'a> {
    /// Its version; if another publication took it, the whole transaction fails.
    pub version: u64,
    /// When.
    pub now_ms: u64,
    /// The snapshot.
    pub bytes: &'a [u8],
    /// Allocations that begin with it, by experiment.
    pub opened: Vec<(&'a str, &'a Epoch)>,
    /// Totals for the charts.
    pub history: Vec<HistoryRow>,
}

/// Totals of an arm at a publication.
#[derive(Debug, Serialize, Deserialize)]
pub struct HistoryRow {
    #[serde(skip_deserializing)]
    pub(crate) experiment: String,
    pub(crate) version: u64,
    pub(crate) at_ms: u64,
    pub(crate) arm: String,
    pub(crate) share: u32,
    pub(crate) exposures: i64,
    pub(crate) conversions: i64,
    pub(crate) revenue_minor: i64,
    pub(crate) cost_minor: i64,
}

/// Snapshots that are kept for a rollback.
const SNAPSHOTS_KEPT: u64 = 500;

/// Records a publication before it goes to KV.
pub async fn publish(env: &Env, publication: &Publication<'_>) -> Result<()> {
    let db = database(env)?;
    let version = || integer(publication.version);
    let now_ms = || integer(publication.now_ms);
    // D1 takes an ArrayBuffer, not a view of one.
    let bytes = js_sys::Uint8Array::from(publication.bytes).buffer();
    let insert = "INSERT INTO snapshots (version, published_at_ms, bytes) VALUES (?1, ?2, ?3)";
    let mut batch = vec![statement(&db, insert, &[version(), now_ms(), bytes.into()])?];
    for (experiment, epoch) in &publication.opened {
        let sql =
            "INSERT INTO epochs (experiment, epoch, version, opened_at_ms, arms) VALUES (?1, ?2, ?3, ?4, ?5)";
        let arms = serde_json::to_string(&epoch.arms)?;
        let values = [
            JsValue::from_str(experiment),
            number(epoch.epoch),
            version(),
            now_ms(),
            JsValue::from_str(&arms),
        ];
        batch.push(statement(&db, sql, &values)?);
    }
    let history = "
        INSERT INTO history (experiment, version, arm, at_ms, share, exposures, conversions, revenue_minor, cost_minor)
        SELECT v->>'experiment', v->>'version', v->>'arm', v->>'at_ms', v->>'share', v->>'exposures',
               v->>'conversions', v->>'revenue_minor', v->>'cost_minor'
        FROM (SELECT value AS v FROM json_each(?1))";
    let rows = serde_json::to_string(&publication.history)?;
    batch.push(statement(&db, history, &[JsValue::from_str(&rows)])?);
    let old = integer(publication.version.saturating_sub(SNAPSHOTS_KEPT));
    batch.push(statement(&db, "DELETE FROM snapshots WHERE version < ?1", &[old])?);
    db.batch(batch).await.map(drop)
}

/// The charts' rows of one experiment, newest last, at most the newest 5000.
pub async fn history(env: &Env, experiment: &str) -> Result<Vec<HistoryRow>> {
    let sql =
        "SELECT * FROM (SELECT version, at_ms, arm, share, exposures, conversions, revenue_minor, cost_minor
               FROM history WHERE experiment = ?1 ORDER BY version DESC LIMIT 5000) ORDER BY version, arm";
    statement(&database(env)?, sql, &[JsValue::from_str(experiment)])?.all().await?.results()
}
