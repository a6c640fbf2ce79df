//! The central store in D1: everything that is read from it or written to it. Schema: `worker/migrations`.
//!
//! Values are bound, never written into a statement. Amounts cross as integers within ±2^53, squares as text.

pub mod answer;
pub mod audit;
pub mod catalogue;
pub mod experiments;
pub mod groups;
mod publications;
pub mod sales;
mod shop;
pub mod standings;

use haggle::experiment::{HOLDOUT, NEGATIVE};
use haggle::{Allocation, Cohort, Delays, Experiment, History, Period, Tally};
use serde::Serialize;
use worker::{D1Database, Env, Result};

use crate::http::Fault;
use crate::rows::{Row, only, prepare, query};
use crate::settings::Settings;
use crate::{clock, ledger};

pub use publications::{
    Epoch, EpochArm, Publication, newest, newest_epochs, publish, snapshot, snapshots_json,
};
pub use shop::{add_mismatches, mismatches, site, site_change};

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
    /// Of these what each item brought, in the same form.
    pub items: Vec<String>,
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
    const TALLIES: &str = "\
        INSERT INTO tallies (source, sequence, experiment, arm, epoch, hour, exposures, conversions, rewards, units, \
                             revenue_minor, cost_minor, revenue_sq, profit_sq) \
        SELECT ?1, ?2, v->>'experiment', v->>'arm', v->>'epoch', v->>'hour', v->>'exposures', v->>'conversions', \
               v->>'rewards', v->>'units', v->>'revenue_minor', v->>'cost_minor', v->>'revenue_sq', v->>'profit_sq' \
        FROM (SELECT value AS v FROM json_each(?3)) WHERE true \
        ON CONFLICT (experiment, arm, epoch, hour, source) DO UPDATE SET \
          sequence = excluded.sequence, exposures = excluded.exposures, conversions = excluded.conversions, \
          rewards = excluded.rewards, units = excluded.units, revenue_minor = excluded.revenue_minor, \
          cost_minor = excluded.cost_minor, revenue_sq = excluded.revenue_sq, profit_sq = excluded.profit_sq \
        WHERE excluded.sequence > tallies.sequence";
    const DELAYS: &str = "\
        INSERT INTO delays (source, sequence, experiment, hour, delay_h, conversions) \
        SELECT ?1, ?2, v->>'experiment', v->>'hour', v->>'delay_h', v->>'conversions' \
        FROM (SELECT value AS v FROM json_each(?3)) WHERE true \
        ON CONFLICT (experiment, hour, delay_h, source) DO UPDATE SET \
          sequence = excluded.sequence, conversions = excluded.conversions \
        WHERE excluded.sequence > delays.sequence";
    const ITEMS: &str = "\
        INSERT INTO item_tallies (source, sequence, experiment, sku, arm, units, revenue_minor, cost_minor) \
        SELECT ?1, ?2, v->>'experiment', v->>'sku', v->>'arm', v->>'units', v->>'revenue_minor', v->>'cost_minor' \
        FROM (SELECT value AS v FROM json_each(?3)) WHERE true \
        ON CONFLICT (experiment, sku, arm, source) DO UPDATE SET \
          sequence = excluded.sequence, units = excluded.units, revenue_minor = excluded.revenue_minor, \
          cost_minor = excluded.cost_minor \
        WHERE excluded.sequence > item_tallies.sequence";
    const SOURCES: &str = "\
        INSERT INTO sources (source, sequence, exposures, stored, matched, reported_at_ms) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
        ON CONFLICT (source) DO UPDATE SET \
          sequence = excluded.sequence, exposures = excluded.exposures, stored = excluded.stored, \
          matched = excluded.matched, reported_at_ms = excluded.reported_at_ms \
        WHERE excluded.sequence > sources.sequence";
    let db = database(env)?;
    let (source, sequence) = (report.source.as_str(), report.sequence);
    let mut batch = Vec::new();
    for (statement, lists) in [(TALLIES, &report.cells), (DELAYS, &report.delays), (ITEMS, &report.items)] {
        for list in lists {
            batch.push(prepare(&db, statement, &[source.into(), sequence.into(), list.as_str().into()])?);
        }
    }
    let now_ms = clock::now_ms();
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
    /// The report that is the longest ago, of the shards that there are now; 0 before the first.
    oldest_report_at_ms: i64,
}

/// What all shards have reported. Those of an earlier `LEDGER_SHARDS` have nothing more to say, and are not late.
pub async fn ledger_health(env: &Env) -> Result<LedgerHealth> {
    let sql = "SELECT COALESCE(SUM(stored), 0), COALESCE(SUM(matched), 0), COALESCE(SUM(exposures), 0), COUNT(*), \
                 COALESCE(MIN(reported_at_ms) FILTER (WHERE source IN (SELECT value FROM json_each(?1))), 0) FROM sources";
    let shards = Settings::of(env).map_or(0, |settings| settings.ledger_shards);
    let sources = serde_json::to_string(&ledger::sources(env, shards)?)?;
    let row = only(query(&database(env)?, sql, &[sources.as_str().into()]).await?)?;
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

/// Cohorts of this many last hours stand alone; older ones are summed in blocks of six hours.
const RECENT_HOURS: u32 = 72;
const BLOCK_HOURS: u32 = 6;

/// Delays are learned from the reward window and this many hours before it.
const DELAY_HOURS: u32 = 28 * 24;

/// What stands in the first column of [`HISTORY`].
const TALLY: i64 = 0;
const SHARE: i64 = 1;
const DELAY: i64 = 2;

/// Whether an older content is held since a rollback: 1 or 0.
macro_rules! held {
    () => {
        "COALESCE((SELECT action = 'rollback' FROM audit WHERE experiment = '' AND action IN ('rollback', 'resume') \
           ORDER BY id DESC LIMIT 1), 0)"
    };
}

use held;

/// The sums of a column of squares, which are texts of at most 36 digits, in four parts of nine digits, the lowest
/// first: each sum is exact in SQLite and in JavaScript, and so is the whole.
macro_rules! square_sums {
    ($column:literal) => {
        square_sums!($column, "9", "18", "27", "36")
    };
    ($column:literal, $($from:literal),+) => {
        concat!($(", SUM(CAST(substr('000000000000000000000000000000000000'||", $column, ",-", $from, ",9) AS INTEGER))"),+)
    };
}

use square_sums;

/// Tallies, shares and delays of experiment ?1, with what was before hour ?2 in blocks, and delays from hour ?3 on; and
/// where its holdout, out of 65536 now ?4, was ever extended, what it was in each period.
///
/// A share is what the exposures of the period add up to, so that those of a block keep their proportions. The holdout is
/// weighed with all units: of n exposures on arms under a holdout of s there were n / (1 - s).
const HISTORY: &str = concat!(
    "WITH t AS (SELECT *, CASE WHEN hour<?2 THEN hour/6*6+5 ELSE hour END AS h, \
     CASE WHEN hour<?2 THEN 0 ELSE epoch END AS p FROM tallies WHERE experiment=?1), \
     n AS (SELECT h, p, epoch, MAX(1, SUM(CASE WHEN arm IN ('holdout','negative') THEN 0 ELSE exposures END)) AS n \
     FROM t GROUP BY h, p, epoch) \
     SELECT 0, h, p, arm, SUM(exposures), SUM(conversions), SUM(rewards), SUM(units), SUM(revenue_minor), \
     SUM(cost_minor)",
    square_sums!("revenue_sq"),
    square_sums!("profit_sq"),
    " FROM t GROUP BY h, p, arm \
     UNION ALL SELECT 1, h, p, v->>'arm', SUM(n*(v->>'share')), \
     0,0,0,0,0,0,0,0,0,0,0,0,0 FROM (SELECT h, p, n, value AS v FROM n JOIN epochs AS e \
     ON e.experiment=?1 AND e.epoch=n.epoch, json_each(arms)) GROUP BY h, p, v->>'arm' \
     UNION ALL SELECT 2, CASE WHEN hour<?2 THEN hour/6*6+5 ELSE hour END AS h, delay_h, '', SUM(conversions), \
     0,0,0,0,0,0,0,0,0,0,0,0,0 FROM delays WHERE experiment=?1 AND hour>=?3 GROUP BY h, delay_h \
     UNION ALL SELECT 3, h, p, '', CAST(ROUND(65536*SUM(n*s/(65536-s))/SUM(n*65536/(65536-s))) AS INTEGER), \
     0,0,0,0,0,0,0,0,0,0,0,0,0 FROM (SELECT h, p, n, COALESCE((SELECT ROUND(65536*(before->>'holdout')) FROM audit \
     WHERE experiment=?1 AND action='extend-holdout' AND at_ms>e.opened_at_ms ORDER BY id LIMIT 1), ?4*1.0) AS s \
     FROM n JOIN epochs AS e ON e.experiment=?1 AND e.epoch=n.epoch WHERE EXISTS (SELECT 1 FROM audit \
     WHERE experiment=?1 AND action='extend-holdout')) GROUP BY h, p \
     ORDER BY 1, 2, 3"
);

/// What was counted in an experiment, as far as a policy looks at it.
#[derive(Default)]
pub struct Compact {
    /// The periods, what is old in blocks.
    pub history: History,
    /// Conversions by their delay.
    pub delays: Delays,
    /// The negative group, which no policy looks at.
    pub negative: Tally,
}

/// What was counted in an experiment, and the delays of its conversions, as far as a policy looks at them.
///
/// Sums over the sources, squares too, exactly. An older block is one period of epoch 0 at its last hour, with the
/// mean of the shares that its exposures were made with. So there are at most `(12 + 1) * 78 + 4 * days` periods with
/// at most 65 tallies each, however long it runs, and `(78 + 4 * (28 + days of the window)) * hours of the window`
/// delays at the very most.
pub async fn history(
    env: &Env,
    experiment: &Experiment,
    now_hour: u32,
) -> std::result::Result<Compact, Fault> {
    let recent = now_hour.saturating_sub(RECENT_HOURS) / BLOCK_HOURS * BLOCK_HOURS;
    let delays_from = now_hour.saturating_sub(experiment.reward_window_hours.saturating_add(DELAY_HOURS));
    let values = [
        experiment.name.as_str().into(),
        u64::from(recent).into(),
        u64::from(delays_from).into(),
        u64::from(experiment.holdout_share()).into(),
    ];
    read_history(&query(&database(env)?, HISTORY, &values).await?, experiment)
}

fn read_history(rows: &[Row], experiment: &Experiment) -> std::result::Result<Compact, Fault> {
    let (mut periods, mut delays) = (Vec::new(), Delays::default());
    let mut negative = Tally::default();
    let arms = &experiment.arms;
    for row in rows {
        let kind = row.integer(0)?;
        let (hour, second, name) = (number(row, 1)?, number(row, 2)?, row.text(3)?);
        if kind == DELAY {
            delays.add(hour, second, row.integer(4)?)?;
            continue;
        }
        let arm = arms.iter().position(|arm| arm.name == name);
        let cohort = Cohort { hour, epoch: second };
        let Some((period, weights)) = period_at(&mut periods, cohort, arms.len()) else { continue };
        match arm {
            Some(arm) if kind == SHARE => {
                if let Some(weight) = weights.get_mut(arm) {
                    *weight = row.integer(4)? as f64;
                }
            }
            Some(arm) => {
                if let Some(tally) = period.arms.get_mut(arm) {
                    *tally = summed(row)?;
                }
            }
            None if kind != TALLY => period.shares.push(number(row, 4)?),
            None if name == HOLDOUT => period.holdout = summed(row)?,
            None if name == NEGATIVE => negative = negative.plus(&summed(row)?)?,
            None => {}
        }
    }
    let periods = periods.into_iter().map(|(period, weights)| shared(period, &weights)).collect();
    Ok(Compact { history: History::new(periods)?, delays, negative })
}

/// The period with the shares that its weights are, before that of its holdout if it has one of its own; without
/// weights nothing is known of its shares.
fn shared(period: Period, weights: &[f64]) -> Period {
    if weights.iter().all(|&weight| weight <= 0.0) {
        return Period { shares: Vec::new(), ..period };
    }
    let mut shares = Allocation::quantise(weights, &vec![true; weights.len()], 0).shares().to_vec();
    shares.extend(period.shares.first());
    Period { shares, ..period }
}

fn number(row: &Row, column: usize) -> Result<u32> {
    row.count(column).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}

/// The period of a cohort with what its shares are in proportion to, put in where there is none.
fn period_at(
    periods: &mut Vec<(Period, Vec<f64>)>,
    cohort: Cohort,
    arms: usize,
) -> Option<&mut (Period, Vec<f64>)> {
    let key = (cohort.hour, cohort.epoch);
    let place = periods.binary_search_by_key(&key, |(period, _)| (period.cohort.hour, period.cohort.epoch));
    let place = place.unwrap_or_else(|place| {
        let (tallies, holdout) = (vec![Tally::default(); arms], Tally::default());
        let period = Period { cohort, shares: Vec::new(), arms: tallies, holdout };
        periods.insert(place, (period, vec![0.0; arms]));
        place
    });
    periods.get_mut(place)
}

fn summed(row: &Row) -> Result<Tally> {
    let square = |from: usize| -> Result<i128> {
        (from..from + 4)
            .rev()
            .try_fold(0, |sum, part| Ok(sum * 1_000_000_000 + i128::from(row.integer(part)?)))
    };
    Ok(Tally {
        exposures: row.integer(4)?,
        conversions: row.integer(5)?,
        rewards: row.integer(6)?,
        units: row.integer(7)?,
        revenue_minor: row.integer(8)?,
        cost_minor: row.integer(9)?,
        revenue_sq: square(10)?,
        profit_sq: square(14)?,
    })
}
