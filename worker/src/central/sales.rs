//! Sales by item, and which arm each item was on: what experiments whose units are items learn from.
//!
//! A line counts at the hour in which it was sold, and what was given back of it there too, whenever that was: the price
//! that brought it is the one of then. So a refund whose sale is not known waits, and lines may come in any order.

use haggle::cluster::{self, Switch};
use haggle::sales::Sale;
use haggle::{Credit, Tally};
use worker::{D1Database, D1PreparedStatement, Env, Result};

use super::database;
use crate::http::Fault;
use crate::rows::{Row, prepare, query};

/// An epoch of an experiment, as it was opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its number.
    pub epoch: u32,
    /// When.
    pub at_ms: u64,
    /// Shares of the arms that there were then, out of 65536.
    pub shares: Vec<u32>,
}

/// The hours of an epoch that count: `[from, to)`, in hours since 1970. Sales of whole days count from `days_from` on.
#[derive(Debug, Clone, Copy)]
pub struct Hours {
    /// The epoch.
    pub epoch: u32,
    /// First hour after the washout.
    pub from: u64,
    /// First hour of which whole days count: what the washout has of whole days is left out, and no part of one.
    pub days_from: u64,
    /// End.
    pub to: u64,
}

/// All epochs of an experiment, the oldest first.
pub async fn opened(env: &Env, experiment: &str) -> Result<Vec<Opened>> {
    let sql = "SELECT epoch, opened_at_ms, (SELECT group_concat(value->>'share') FROM json_each(arms)) FROM epochs \
               WHERE experiment = ?1 ORDER BY epoch";
    let rows = query(&database(env)?, sql, &[experiment.into()]).await?;
    let opened = |row: &Row| {
        let shares = numbers(&row.text(2)?)?;
        Ok(Opened { epoch: super::number(row, 0)?, at_ms: row.count(1)?, shares })
    };
    rows.iter().map(opened).collect()
}

/// Numbers with commas between them.
fn numbers<T: std::str::FromStr>(text: &str) -> Result<Vec<T>> {
    let wrong = || worker::Error::RustError("a number that is none".into());
    text.split(',').filter(|part| !part.is_empty()).map(|part| part.parse().map_err(|_| wrong())).collect()
}

/// Stores the arms of an epoch: lists in JSON of `[sku, unit, arm]`.
pub fn assign(
    db: &D1Database,
    experiment: &str,
    epoch: u32,
    lists: &[String],
) -> Result<Vec<D1PreparedStatement>> {
    let sql = "INSERT OR REPLACE INTO assignments (experiment, epoch, sku, unit, arm) \
               SELECT ?1, ?2, value->>0, value->>1, value->>2 FROM json_each(?3)";
    let epoch = u64::from(epoch);
    lists
        .iter()
        .map(|list| prepare(db, sql, &[experiment.into(), epoch.into(), list.as_str().into()]))
        .collect()
}

/// The arms of an epoch, in the order of the items' keys.
pub async fn assigned(env: &Env, experiment: &str, epoch: u32) -> Result<Vec<u8>> {
    let sql = "SELECT COALESCE(group_concat(arm), '') FROM (SELECT arm FROM assignments \
               WHERE experiment = ?1 AND epoch = ?2 ORDER BY sku)";
    let rows = query(&database(env)?, sql, &[experiment.into(), u64::from(epoch).into()]).await?;
    rows.first().map_or_else(|| Ok(Vec::new()), |row| numbers(&row.text(0)?))
}

/// Stores lines, each once, and says of each whether it is new; a day replaces what was known of it. All of them in one
/// transaction, which is durable when this returns.
pub async fn record(env: &Env, lines: &[Sale]) -> Result<Vec<bool>> {
    const COLUMNS: &str = "INSERT INTO sales (order_id, line_id, kind, refund_id, sku, hour, units, revenue_minor, cost_minor) \
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8 \
        FROM json_each(?1) WHERE (value->>2 = 'day') = ?2 \
        ON CONFLICT (order_id, line_id, kind, refund_id) DO ";
    const REPLACED: &str = "UPDATE SET units = excluded.units, revenue_minor = excluded.revenue_minor, \
        cost_minor = excluded.cost_minor";
    const ONCE: &str = "NOTHING RETURNING order_id, line_id, kind, refund_id";
    let row = |sale: &Sale| {
        let Sale { order_id, line_id, kind, refund_id, sku, hour, credit } = sale;
        let text = |text: &str| serde_json::to_string(text);
        let ids = [text(order_id)?, text(line_id)?, text(kind)?, text(refund_id)?, text(sku)?].join(",");
        let Credit { units, revenue_minor, cost_minor } = credit;
        Ok(format!("[{ids},{hour},{units},{revenue_minor},{cost_minor}]"))
    };
    let rows = lines.iter().map(row).collect::<Result<Vec<String>>>()?;
    let list = format!("[{}]", rows.join(","));
    let db = database(env)?;
    let mut new = Vec::new();
    if lines.iter().any(Sale::is_day) {
        let sql = format!("{COLUMNS}{REPLACED}");
        prepare(&db, &sql, &[list.as_str().into(), 1_i64.into()])?.run().await?;
    }
    if !lines.iter().all(Sale::is_day) {
        let sql = format!("{COLUMNS}{ONCE}");
        for row in query(&db, &sql, &[list.as_str().into(), 0_i64.into()]).await? {
            new.push([row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?]);
        }
    }
    let is_new = |sale: &Sale| {
        let identity = [&sale.order_id, &sale.line_id, sale.kind, &sale.refund_id];
        // Once: the same line twice in one request is new the first time only.
        let place =
            new.iter().position(|known| known.iter().zip(identity).all(|(known, part)| known == part));
        sale.is_day() || place.map(|place| new.swap_remove(place)).is_some()
    };
    Ok(lines.iter().map(is_new).collect())
}

/// What the items of experiment ?1 sold in the hours of ?2 (a list of `[epoch, from, days from, to]`) that are not among
/// those of ?3 (a list of `[from, to]`): table `n` has one row for each unit and epoch with sales.
///
/// CROSS JOIN is SQLite's word for this order: else it reads all sales of an item for each epoch that there ever was.
macro_rules! sold {
    () => {
        "h AS (SELECT value->>0 AS epoch, value->>1 AS since, value->>2 AS days, value->>3 AS till FROM json_each(?2)), \
         l AS MATERIALIZED (SELECT a.epoch, a.unit, a.arm, s.order_id, s.line_id, s.kind, s.units, s.revenue_minor, \
             s.cost_minor \
           FROM h CROSS JOIN assignments AS a ON a.experiment = ?1 AND a.epoch = h.epoch \
           CROSS JOIN sales AS s ON s.sku = a.sku AND s.hour >= MIN(h.since, h.days) AND s.hour < h.till \
             AND (s.kind = 'sale' AND s.hour >= h.since OR s.kind = 'day' AND s.hour >= h.days AND s.hour + 24 <= h.till) \
           WHERE NOT EXISTS (SELECT 1 FROM sales AS k WHERE k.order_id = s.order_id AND k.line_id = s.line_id \
             AND k.kind = 'cancellation') \
           AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS q WHERE s.hour < q.value->>1 \
             AND s.hour + CASE s.kind WHEN 'day' THEN 24 ELSE 1 END > q.value->>0)), \
         n AS (SELECT epoch, unit, arm, COUNT(*) AS lines, SUM(units) AS u, SUM(revenue_minor) AS r, \
             SUM(cost_minor) AS c, SUM(revenue_minor - cost_minor) AS p FROM \
           (SELECT epoch, unit, arm, units, revenue_minor, cost_minor FROM l UNION ALL \
            SELECT l.epoch, l.unit, l.arm, b.units, b.revenue_minor, b.cost_minor FROM l JOIN sales AS b \
              ON b.order_id = l.order_id AND b.line_id = l.line_id AND b.kind = 'refund' WHERE l.kind = 'sale') \
           GROUP BY epoch, unit, arm) "
    };
}

/// The sums that the sum of the squares of a column follows from, exactly: of the products of its digits in base 2^20,
/// the lowest first, as texts.
macro_rules! squares {
    ($a:literal, $b:literal, $c:literal) => {
        concat!(
            squares!(sum $a, "*", $a),
            squares!(sum "2*", $a, "*", $b),
            squares!(sum $b, "*", $b, "+2*", $a, "*", $c),
            squares!(sum "2*", $b, "*", $c),
            squares!(sum $c, "*", $c),
        )
    };
    (sum $($part:literal),+) => {
        concat!(", CAST(COALESCE(SUM(", $($part,)+ "), 0) AS TEXT)")
    };
}

/// For each epoch and arm the units on it, and what they brought.
const TALLIES: &str = concat!(
    "WITH ",
    sold!(),
    ", d AS (SELECT *, ABS(r) & 1048575 AS r0, ABS(r) >> 20 & 1048575 AS r1, ABS(r) >> 40 AS r2, \
       ABS(p) & 1048575 AS p0, ABS(p) >> 20 & 1048575 AS p1, ABS(p) >> 40 AS p2 FROM n), \
     t AS (SELECT a.epoch, a.arm, COUNT(DISTINCT a.unit) AS units FROM h JOIN assignments AS a \
       ON a.experiment = ?1 AND a.epoch = h.epoch GROUP BY a.epoch, a.arm) \
     SELECT t.epoch, t.arm, t.units, COALESCE(SUM(d.u > 0), 0), COALESCE(SUM(d.lines), 0), COALESCE(SUM(d.u), 0), \
       COALESCE(SUM(d.r), 0), COALESCE(SUM(d.c), 0)",
    squares!("r0", "r1", "r2"),
    squares!("p0", "p1", "p2"),
    " FROM t LEFT JOIN d ON d.epoch = t.epoch AND d.arm = t.arm GROUP BY t.epoch, t.arm ORDER BY t.epoch, t.arm"
);

/// What the units of an arm brought in an epoch, each unit being one observation.
pub struct ArmTally {
    /// The epoch.
    pub epoch: u32,
    /// Position of the arm.
    pub arm: usize,
    /// Its sums.
    pub tally: Tally,
}

/// What was sold in these hours, by epoch and arm.
pub async fn tallies(
    env: &Env,
    experiment: &str,
    hours: &[Hours],
    quiet: &[(u64, u64)],
) -> std::result::Result<Vec<ArmTally>, Fault> {
    let values = [listed(hours), ranges(quiet)];
    let [hours, quiet] = &values;
    let values = [experiment.into(), hours.as_str().into(), quiet.as_str().into()];
    let rows = query(&database(env)?, TALLIES, &values).await?;
    let tally = |row: &Row| {
        let tally = Tally {
            exposures: row.integer(2)?,
            conversions: row.integer(3)?,
            rewards: row.integer(4)?,
            units: row.integer(5)?,
            revenue_minor: row.integer(6)?,
            cost_minor: row.integer(7)?,
            revenue_sq: square(row, 8)?,
            profit_sq: square(row, 13)?,
        };
        Ok(ArmTally { epoch: super::number(row, 0)?, arm: super::number(row, 1)? as usize, tally })
    };
    rows.iter().map(tally).collect()
}

/// A sum of squares from the sums of products of digits.
fn square(row: &Row, column: usize) -> Result<i128> {
    let wrong = |_| worker::Error::RustError("a sum of squares that is none".into());
    (column..column + 5).rev().try_fold(0_i128, |sum, column| {
        Ok(sum.saturating_mul(1 << 20).saturating_add(row.text(column)?.parse::<i128>().map_err(wrong)?))
    })
}

fn listed(hours: &[Hours]) -> String {
    let one = |hours: &Hours| format!("[{},{},{},{}]", hours.epoch, hours.from, hours.days_from, hours.to);
    format!("[{}]", hours.iter().map(one).collect::<Vec<_>>().join(","))
}

fn ranges(quiet: &[(u64, u64)]) -> String {
    // No end is later than any hour of a sale, and within what SQLite reads as an integer.
    let one = |&(from, to): &(u64, u64)| format!("[{from},{}]", to.min(u64::from(u32::MAX)));
    format!("[{}]", quiet.iter().map(one).collect::<Vec<_>>().join(","))
}

/// The hours in which nobody saw the prices of an experiment, by the records of who paused and stopped it.
pub async fn quiet_hours(env: &Env, experiment: &str) -> Result<Vec<(u64, u64)>> {
    let sql = "SELECT at_ms, action, experiment FROM audit WHERE action IN ('pause', 'stop', 'resume') \
               AND experiment IN (?1, '') ORDER BY at_ms, id";
    let mut switches = Vec::new();
    for row in query(&database(env)?, sql, &[experiment.into()]).await? {
        let switch = match (row.text(1)?.as_str(), row.text(2)?.as_str()) {
            ("resume", "") => Switch::AllOn,
            ("resume", _) => Switch::On,
            (_, "") => Switch::AllOff,
            _ => Switch::Off,
        };
        switches.push((row.count(0)?, switch));
    }
    Ok(cluster::quiet_hours(&switches))
}

/// What a unit brought in an epoch.
pub struct UnitSales {
    /// The epoch.
    pub epoch: u32,
    /// The item or family.
    pub unit: String,
    /// Position of its arm.
    pub arm: usize,
    /// Net revenue and net cost.
    pub revenue_minor: i64,
    /// Net cost.
    pub cost_minor: i64,
}

/// What every unit brought in the hours of each of these epochs, also those that sold nothing; the epochs in their order.
pub async fn of_units(
    env: &Env,
    experiment: &str,
    hours: &[Hours],
    quiet: &[(u64, u64)],
) -> Result<Vec<UnitSales>> {
    const UNITS: &str = concat!(
        "WITH ",
        sold!(),
        "SELECT a.epoch, a.unit, a.arm, COALESCE(n.r, 0), COALESCE(n.c, 0) FROM \
           (SELECT DISTINCT a.epoch, a.unit, a.arm FROM h JOIN assignments AS a ON a.experiment = ?1 AND a.epoch = h.epoch) \
           AS a LEFT JOIN n ON n.epoch = a.epoch AND n.unit = a.unit AND n.arm = a.arm ORDER BY a.epoch, a.unit"
    );
    let values = [listed(hours), ranges(quiet)];
    let [hours, quiet] = &values;
    let values = [experiment.into(), hours.as_str().into(), quiet.as_str().into()];
    let rows = query(&database(env)?, UNITS, &values).await?;
    let sales = |row: &Row| {
        let (revenue_minor, cost_minor) = (row.integer(3)?, row.integer(4)?);
        let (epoch, arm) = (super::number(row, 0)?, super::number(row, 2)? as usize);
        Ok(UnitSales { epoch, unit: row.text(1)?, arm, revenue_minor, cost_minor })
    };
    rows.iter().map(sales).collect()
}

/// What each item of an experiment's groups brought from one hour to another, but for quiet ones: key, net revenue and net cost; what sold
/// nothing is not in it.
pub async fn of_items(
    env: &Env,
    experiment: &str,
    [from, to]: [u64; 2],
    quiet: &[(u64, u64)],
) -> Result<Vec<(String, i64, i64)>> {
    const ITEMS: &str = "\
        WITH l AS MATERIALIZED (SELECT s.sku, s.order_id, s.line_id, s.kind, s.revenue_minor, s.cost_minor FROM groups AS g, \
            json_each(g.members) AS m CROSS JOIN sales AS s ON s.sku = m.value->>'sku' AND s.hour >= ?2 AND s.hour < ?3 \
          WHERE g.experiment = ?1 AND (s.kind = 'sale' OR s.kind = 'day' AND s.hour + 24 <= ?3) AND NOT EXISTS \
            (SELECT 1 FROM sales AS k WHERE k.order_id = s.order_id AND k.line_id = s.line_id AND k.kind = 'cancellation') \
          AND NOT EXISTS (SELECT 1 FROM json_each(?4) AS q WHERE s.hour < q.value->>1 \
            AND s.hour + CASE s.kind WHEN 'day' THEN 24 ELSE 1 END > q.value->>0)) \
        SELECT sku, SUM(revenue_minor), SUM(cost_minor) FROM \
          (SELECT sku, revenue_minor, cost_minor FROM l UNION ALL SELECT l.sku, b.revenue_minor, b.cost_minor FROM l \
           JOIN sales AS b ON b.order_id = l.order_id AND b.line_id = l.line_id AND b.kind = 'refund' WHERE l.kind = 'sale') \
        GROUP BY sku ORDER BY sku";
    let quiet = ranges(quiet);
    let values = [experiment.into(), from.into(), to.into(), quiet.as_str().into()];
    let rows = query(&database(env)?, ITEMS, &values).await?;
    rows.iter().map(|row| Ok((row.text(0)?, row.integer(1)?, row.integer(2)?))).collect()
}
