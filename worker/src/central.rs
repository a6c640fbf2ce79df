//! The central store in D1: everything that is read from it or written to it. Schema: `worker/migrations`.
//!
//! Values are bound, never written into a statement. Amounts cross as integers within ±2^53, squares as text.

use haggle::experiment::HOLDOUT;
use haggle::{Allocation, Cohort, Delays, Experiment, History, Ledger, Period, Tally, TallyKey};
use serde::Serialize;
use worker::{D1Database, Env, Result};

use crate::http::Fault;
use crate::rows::{Bound, Row, only, prepare, query};

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
    /// The totals that changed since the last report that was taken: JSON lists of objects, as SQLite wrote them.
    pub cells: Vec<String>,
    /// Of these the conversions by hour of exposure and delay, in the same form.
    pub delays: Vec<String>,
}

fn database(env: &Env) -> Result<D1Database> {
    env.d1("DB")
}

/// Sequence number of the last report that was taken from a source; 0 before the first.
pub async fn known_sequence(env: &Env, source: &str) -> Result<i64> {
    let sql = "SELECT sequence FROM sources WHERE source = ?1";
    query(&database(env)?, sql, &[source.into()]).await?.first().map_or(Ok(0), |row| row.integer(0))
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
    const DELAYS: &str = "
        INSERT INTO delays (source, sequence, experiment, hour, delay_h, conversions)
        SELECT ?1, ?2, v->>'experiment', v->>'hour', v->>'delay_h', v->>'conversions'
        FROM (SELECT value AS v FROM json_each(?3)) WHERE true
        ON CONFLICT (experiment, hour, delay_h, source) DO UPDATE SET
          sequence = excluded.sequence, conversions = excluded.conversions
        WHERE excluded.sequence > delays.sequence";
    const SOURCES: &str = "
        INSERT INTO sources (source, sequence, exposures, stored, matched, reported_at_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (source) DO UPDATE SET
          sequence = excluded.sequence, exposures = excluded.exposures, stored = excluded.stored,
          matched = excluded.matched, reported_at_ms = excluded.reported_at_ms
        WHERE excluded.sequence > sources.sequence";
    let db = database(env)?;
    let (source, sequence) = (report.source.as_str(), report.sequence);
    let mut batch = Vec::new();
    for (statement, lists) in [(TALLIES, &report.cells), (DELAYS, &report.delays)] {
        for list in lists {
            batch.push(prepare(&db, statement, &[source.into(), sequence.into(), list.as_str().into()])?);
        }
    }
    let now_ms = worker::Date::now().as_millis();
    let values = [
        source.into(),
        sequence.into(),
        report.exposures.into(),
        report.stored.into(),
        report.matched.into(),
        now_ms.into(),
    ];
    batch.push(prepare(&db, SOURCES, &values)?);
    db.batch(batch).await.map(drop)
}

/// Reward lines and exposures over all shards.
#[derive(Debug, Serialize)]
pub struct LedgerHealth {
    stored: i64,
    matched: i64,
    unmatched: i64,
    exposures: i64,
    sources: i64,
    /// The report that is the longest ago; 0 before the first.
    oldest_report_at_ms: i64,
}

/// What all shards have reported.
pub async fn ledger_health(env: &Env) -> Result<LedgerHealth> {
    let sql =
        "SELECT COALESCE(SUM(stored), 0), COALESCE(SUM(matched), 0), COALESCE(SUM(exposures), 0), COUNT(*),
                 COALESCE(MIN(reported_at_ms), 0) FROM sources";
    let row = only(query(&database(env)?, sql, &[]).await?)?;
    let (stored, matched) = (row.integer(0)?, row.integer(1)?);
    Ok(LedgerHealth {
        stored,
        matched,
        unmatched: stored - matched,
        exposures: row.integer(2)?,
        sources: row.integer(3)?,
        oldest_report_at_ms: row.integer(4)?,
    })
}

/// Sums of the running experiments over sources and cohorts, as a ledger with the central store as its one source.
///
/// For the charts, which show no squares; policies look at [`history`].
pub async fn ledger(env: &Env) -> Result<Ledger> {
    let sql = "SELECT experiment, arm, SUM(exposures), SUM(conversions), SUM(rewards), SUM(units), SUM(revenue_minor),
                 SUM(cost_minor)
               FROM tallies WHERE experiment IN (SELECT name FROM experiments WHERE state = 'running')
               GROUP BY experiment, arm";
    let mut ledger = Ledger::default();
    for row in query(&database(env)?, sql, &[]).await? {
        let cohort = Cohort { epoch: 0, hour: 0 };
        let key = TallyKey { experiment: row.text(0)?, arm: row.text(1)?, cohort };
        let total = Tally {
            exposures: row.integer(2)?,
            conversions: row.integer(3)?,
            rewards: row.integer(4)?,
            units: row.integer(5)?,
            revenue_minor: row.integer(6)?,
            cost_minor: row.integer(7)?,
            ..Tally::default()
        };
        ledger.observe("central", &key, 1, total);
    }
    Ok(ledger)
}

/// Cohorts of the last three days stand alone; older ones are summed in blocks of this many hours.
const RECENT_HOURS: u32 = 72;
const BLOCK_HOURS: u32 = 6;

/// Delays are learned from the reward window and this many hours before it.
const DELAY_HOURS: u32 = 28 * 24;

/// Digits of a square in one sum, and how many such parts it has: each sum is exact in a double, and so is the whole.
const LIMB_DIGITS: i64 = 9;
const LIMBS: i64 = 4;

/// What was counted in an experiment, and the delays of its conversions, as far as a policy looks at them.
///
/// Sums over the sources, squares too, exactly. An older block is one period without an epoch, at its last hour, with
/// the mean of the shares that its exposures were made with, weighted by these. So there are at most
/// `(12 + 1) * 78 + 4 * days` periods with at most 33 rows each, however long it runs, and as many rows of delays as
/// there are pairs of such a period and a delay.
pub async fn history(
    env: &Env,
    experiment: &Experiment,
    now_hour: u32,
) -> std::result::Result<(History, Delays), Fault> {
    let db = database(env)?;
    let recent = now_hour.saturating_sub(RECENT_HOURS) / BLOCK_HOURS * BLOCK_HOURS;
    let values: [Bound<'_>; 2] = [experiment.name.as_str().into(), i64::from(recent).into()];
    let hour = format!(
        "CASE WHEN hour < ?2 THEN hour / {BLOCK_HOURS} * {BLOCK_HOURS} + {BLOCK_HOURS} - 1 ELSE hour END"
    );
    let period = format!("{hour} AS at, CASE WHEN hour < ?2 THEN 0 ELSE epoch END AS of");

    let squares: String = ["revenue_sq", "profit_sq"].map(square_sums).concat();
    let sql = format!(
        "SELECT {period}, arm, SUM(exposures), SUM(conversions), SUM(rewards), SUM(units), SUM(revenue_minor),
           SUM(cost_minor){squares} FROM tallies WHERE experiment = ?1 GROUP BY at, of, arm ORDER BY at, of"
    );
    let arms = experiment.arms.len();
    let place_of = |name: &str| experiment.arms.iter().position(|arm| arm.name == name);
    let mut periods = Vec::new();
    for row in query(&db, &sql, &values).await? {
        let name = row.text(2)?;
        let period = period_at(&mut periods, cohort(&row)?, arms);
        let tally = match place_of(&name) {
            Some(place) => period.and_then(|period| period.arms.get_mut(place)),
            None => period.filter(|_| name == HOLDOUT).map(|period| &mut period.holdout),
        };
        if let Some(tally) = tally {
            *tally = summed(&row)?;
        }
    }

    let sql = format!(
        "WITH counted AS (
           SELECT {period}, epoch, MAX(1, SUM(CASE arm WHEN '{HOLDOUT}' THEN 0 ELSE exposures END)) AS n
           FROM tallies WHERE experiment = ?1 GROUP BY at, of, epoch)
         SELECT at, of, a.value->>'arm', SUM(n * (a.value->>'share'))
         FROM counted AS c JOIN epochs AS e ON e.experiment = ?1 AND e.epoch = c.epoch, json_each(e.arms) AS a
         GROUP BY at, of, 3 ORDER BY at, of"
    );
    let rows = query(&db, &sql, &values).await?;
    for rows in rows.chunk_by(|one, next| cohort(one).ok() == cohort(next).ok()) {
        let mut weights = vec![0.0; arms];
        for row in rows {
            if let Some(weight) = place_of(&row.text(2)?).and_then(|place| weights.get_mut(place)) {
                *weight = row.integer(3)? as f64;
            }
        }
        let shares = Allocation::quantise(&weights, &vec![true; arms], 0);
        let cohort = rows.first().map(cohort).transpose()?;
        if let Some(period) = cohort.and_then(|cohort| period_at(&mut periods, cohort, arms)) {
            period.shares = shares.shares().to_vec();
        }
    }

    let since = now_hour.saturating_sub(experiment.reward_window_hours + DELAY_HOURS);
    let sql = format!(
        "SELECT {hour} AS at, delay_h, SUM(conversions) FROM delays WHERE experiment = ?1 AND hour >= {since}
         GROUP BY at, delay_h ORDER BY at, delay_h"
    );
    let mut delays = Delays::default();
    for row in query(&db, &sql, &values).await? {
        delays.add(number(&row, 0)?, number(&row, 1)?, row.integer(2)?)?;
    }
    Ok((History::new(periods)?, delays))
}

fn number(row: &Row, column: usize) -> Result<u32> {
    row.count(column).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}

fn cohort(row: &Row) -> Result<Cohort> {
    Ok(Cohort { hour: number(row, 0)?, epoch: number(row, 1)? })
}

/// The period of a cohort, put in where there is none. Rows come in the order of periods, so the end is looked at first.
fn period_at(periods: &mut Vec<Period>, cohort: Cohort, arms: usize) -> Option<&mut Period> {
    let key = (cohort.hour, cohort.epoch);
    let place = periods.binary_search_by_key(&key, |period| (period.cohort.hour, period.cohort.epoch));
    let place = place.unwrap_or_else(|place| {
        let none = Period {
            cohort,
            shares: Vec::new(),
            arms: vec![Tally::default(); arms],
            holdout: Tally::default(),
        };
        periods.insert(place, none);
        place
    });
    periods.get_mut(place)
}

/// The sums of a column of squares in parts that SQLite and JavaScript keep exactly, the lowest digits first.
fn square_sums(column: &str) -> String {
    let zeros = "0".repeat((LIMB_DIGITS * LIMBS) as usize);
    let part = |limb| {
        let from = (limb + 1) * LIMB_DIGITS;
        format!(", SUM(CAST(substr('{zeros}' || {column}, -{from}, {LIMB_DIGITS}) AS INTEGER))")
    };
    (0..LIMBS).map(part).collect()
}

fn summed(row: &Row) -> Result<Tally> {
    let square = |from: usize| -> Result<i128> {
        (0..LIMBS as usize).rev().try_fold(0i128, |sum, limb| {
            Ok(sum * 10i128.pow(LIMB_DIGITS as u32) + i128::from(row.integer(from + limb)?))
        })
    };
    Ok(Tally {
        exposures: row.integer(3)?,
        conversions: row.integer(4)?,
        rewards: row.integer(5)?,
        units: row.integer(6)?,
        revenue_minor: row.integer(7)?,
        cost_minor: row.integer(8)?,
        revenue_sq: square(9)?,
        profit_sq: square(9 + LIMBS as usize)?,
    })
}

/// The definitions of the running experiments, as JSON, in the order of their names.
pub async fn running(env: &Env) -> Result<Vec<String>> {
    let sql = "SELECT definition FROM experiments WHERE state = 'running' ORDER BY name";
    let rows = query(&database(env)?, sql, &[]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// State and definition of an experiment, if there is one of this name.
pub async fn experiment(env: &Env, name: &str) -> Result<Option<(String, String)>> {
    let sql = "SELECT state, definition FROM experiments WHERE name = ?1";
    match query(&database(env)?, sql, &[name.into()]).await?.first() {
        Some(row) => Ok(Some((row.text(0)?, row.text(1)?))),
        None => Ok(None),
    }
}

/// All experiments as the text of the answer, the running ones first.
pub async fn experiments_json(env: &Env) -> Result<String> {
    let sql = "SELECT json_object('experiments', json_group_array(json_object('name', name, 'state', state,
                 'created_at_ms', created_at_ms, 'definition', json(definition))))
               FROM (SELECT * FROM experiments ORDER BY state DESC, name)";
    only(query(&database(env)?, sql, &[]).await?)?.text(0)
}

/// Stores a new experiment as running; `definition` is the JSON text that it was read from.
pub async fn add_experiment(env: &Env, experiment: &Experiment, definition: &str, now_ms: u64) -> Result<()> {
    let sql = "INSERT INTO experiments (name, sku, definition, state, created_at_ms)
               VALUES (?1, ?2, ?3, 'running', ?4)";
    let values = [
        experiment.name.as_str().into(),
        experiment.item.sku.as_str().into(),
        definition.into(),
        now_ms.into(),
    ];
    prepare(&database(env)?, sql, &values)?.run().await.map(drop)
}

/// Ends a running experiment; its tallies stay.
pub async fn end_experiment(env: &Env, name: &str, now_ms: u64) -> Result<()> {
    let sql =
        "UPDATE experiments SET state = 'ended', ended_at_ms = ?2 WHERE name = ?1 AND state = 'running'";
    prepare(&database(env)?, sql, &[name.into(), now_ms.into()])?.run().await.map(drop)
}

/// One arm of a published allocation, and the counts that it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// Name of the experiment.
    pub experiment: String,
    /// Its number, from 1.
    pub number: u32,
    /// When it was opened.
    pub opened_at_ms: u64,
    /// The arms in the order of the experiment.
    pub arms: Vec<EpochArm>,
    /// A snapshot of this experiment alone, which has all that the policy looked at; empty where the release that
    /// opened it did not keep it.
    pub input: Vec<u8>,
}

/// The newest allocation of every running experiment.
pub async fn newest_epochs(env: &Env) -> Result<Vec<Epoch>> {
    let sql =
        "SELECT experiment, epoch, opened_at_ms, a.value->>'arm', a.value->>'share', a.value->>'exposures',
                 a.value->>'conversions', CASE a.key WHEN 0 THEN hex(input) ELSE '' END
               FROM epochs AS e, json_each(e.arms) AS a
               WHERE experiment IN (SELECT name FROM experiments WHERE state = 'running')
                 AND epoch = (SELECT MAX(epoch) FROM epochs WHERE experiment = e.experiment)
               ORDER BY experiment, a.key";
    let mut epochs: Vec<Epoch> = Vec::new();
    for row in query(&database(env)?, sql, &[]).await? {
        let experiment = row.text(0)?;
        let arm = EpochArm {
            arm: row.text(3)?,
            share: number(&row, 4)?,
            exposures: row.count(5)?,
            conversions: row.count(6)?,
        };
        match epochs.last_mut().filter(|epoch| epoch.experiment == experiment) {
            Some(epoch) => epoch.arms.push(arm),
            None => {
                let (number, opened_at_ms) = (number(&row, 1)?, row.count(2)?);
                let input = from_hex(&row.text(7)?);
                epochs.push(Epoch { experiment, number, opened_at_ms, arms: vec![arm], input });
            }
        }
    }
    Ok(epochs)
}

/// The bytes of what SQLite wrote as hexadecimal digits.
fn from_hex(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default() as u8;
    text.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |byte, half| byte << 4 | digit(half))).collect()
}

/// The highest version that was ever published and when; zeros before the first.
pub async fn newest_version(env: &Env) -> Result<(u64, u64)> {
    let sql = "SELECT COALESCE(MAX(version), 0), COALESCE(MAX(published_at_ms), 0) FROM snapshots";
    let row = only(query(&database(env)?, sql, &[]).await?)?;
    Ok((row.count(0)?, row.count(1)?))
}

/// What one publication writes, in one transaction.
pub struct Publication<'a> {
    /// Its version; if another publication took it, the whole transaction fails.
    pub version: u64,
    /// When.
    pub now_ms: u64,
    /// The snapshot.
    pub bytes: &'a [u8],
    /// Allocations that begin with it.
    pub opened: Vec<&'a Epoch>,
    /// Totals for the charts.
    pub history: Vec<HistoryRow<'a>>,
}

/// Totals of an arm at a publication.
#[derive(Debug, Serialize)]
pub struct HistoryRow<'a> {
    pub(crate) experiment: &'a str,
    pub(crate) arm: &'a str,
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
    let (version, now_ms) = (publication.version, publication.now_ms);
    let insert = "INSERT INTO snapshots (version, published_at_ms, bytes) VALUES (?1, ?2, ?3)";
    let bytes = Bound::Blob(publication.bytes);
    let mut batch = vec![prepare(&db, insert, &[version.into(), now_ms.into(), bytes])?];
    for epoch in &publication.opened {
        let sql = "INSERT INTO epochs (experiment, epoch, version, opened_at_ms, arms, input)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let arms = serde_json::to_string(&epoch.arms)?;
        let number = u64::from(epoch.number);
        let values = [
            epoch.experiment.as_str().into(),
            number.into(),
            version.into(),
            now_ms.into(),
            arms.as_str().into(),
            Bound::Blob(&epoch.input),
        ];
        batch.push(prepare(&db, sql, &values)?);
    }
    let history = "
        INSERT INTO history (experiment, version, arm, at_ms, share, exposures, conversions, revenue_minor, cost_minor)
        SELECT v->>'experiment', ?2, v->>'arm', ?3, v->>'share', v->>'exposures', v->>'conversions',
               v->>'revenue_minor', v->>'cost_minor'
        FROM (SELECT value AS v FROM json_each(?1))";
    let rows = serde_json::to_string(&publication.history)?;
    batch.push(prepare(&db, history, &[rows.as_str().into(), version.into(), now_ms.into()])?);
    let old = version.saturating_sub(SNAPSHOTS_KEPT);
    batch.push(prepare(&db, "DELETE FROM snapshots WHERE version < ?1", &[old.into()])?);
    db.batch(batch).await.map(drop)
}

/// The charts' rows of one experiment as the text of the answer: the newest 5000, newest last.
pub async fn history_json(env: &Env, experiment: &str) -> Result<String> {
    let sql = "SELECT json_object('rows', json_group_array(json_object('version', version, 'at_ms', at_ms, 'arm', arm,
                 'share', share, 'exposures', exposures, 'conversions', conversions,
                 'revenue_minor', revenue_minor, 'cost_minor', cost_minor)))
               FROM (SELECT * FROM (SELECT * FROM history WHERE experiment = ?1 ORDER BY version DESC LIMIT 5000)
                     ORDER BY version, arm)";
    only(query(&database(env)?, sql, &[experiment.into()]).await?)?.text(0)
}
