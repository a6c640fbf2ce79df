//! Stage 5, merge: a ledger shard, the place where an exposure or a reward is counted exactly once.
//!
//! One Durable Object per shard, named `{shards}-{index}`; the quote says which, also after re-sharding. State, in
//! SQLite: `accounts` (one row per exposure), `rewards` (one row per line of an order, the memory against doubles),
//! `cells` (running totals per experiment, arm and cohort) and `counters`.
//!
//! Why nothing is lost or doubled: all statements of one line run without an `await` between them, so they are one
//! atomic commit, and the runtime holds the answer back until it is durable. The alarm that reports to the central
//! store is set in the same commit. A report carries running totals under a sequence number that only grows; it is
//! repeated until the central store has taken it.

use std::cell::Cell;

use haggle::{Account, Credit, Error, Exposure, Tally, TallyKey};
use serde::{Deserialize, Serialize};
use worker::{
    DurableObject, Env, Method, Request, RequestInit, Response, Result, SqlStorage, SqlStorageValue, State,
    durable_object,
};

use crate::central::{self, Report, ReportCell};
use crate::http::{Fault, json_response};
use crate::settings::Settings;

/// Milliseconds until a failed report is tried again.
const RETRY_MS: i64 = 5_000;

/// One thing to be counted.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// A price was shown.
    Expose(Exposure),
    /// Something was sold at it.
    Reward(Line),
}

/// A line of an order, with the exposure it belongs to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line {
    /// The shop's number of the order.
    pub order_id: String,
    /// The line within the order.
    pub line_id: String,
    /// Pieces and money.
    pub credit: Credit,
    /// The exposure of its quote.
    pub exposure: Exposure,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The exposure is counted.
    Recorded,
    /// The reward is stored and counted.
    Matched,
    /// The reward is stored and waits for its exposure.
    Unmatched,
    /// It is known already.
    Duplicate,
    /// It was not stored, for this reason.
    Refused(String),
}

impl Outcome {
    /// The word in the answer.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Matched => "matched",
            Self::Unmatched => "unmatched",
            Self::Duplicate => "duplicate",
            Self::Refused(_) => "refused",
        }
    }

    /// Why it was refused.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// Name of a shard.
pub fn shard_name(shards: u32, index: u32) -> String {
    format!("{shards}-{index}")
}

/// Has a shard carry out commands; what it answers is durable.
///
/// # Errors
/// The shard cannot be reached: nothing is known about what was stored, and the same commands may be sent again.
pub async fn apply(env: &Env, shard: &str, commands: &[Command]) -> std::result::Result<Vec<Outcome>, Fault> {
    let body = serde_json::to_string(commands).map_err(|error| Fault::Unavailable(error.to_string()))?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(body.into()));
    let request = Request::new_with_init("http://ledger/apply", &init)?;
    let stub = env.durable_object("LEDGER")?.get_by_name(shard)?;
    let mut response = stub.fetch_with_request(request).await?;
    if response.status_code() != 200 {
        return Err(Fault::Unavailable(format!("ledger shard {shard} answered {}", response.status_code())));
    }
    let outcomes = serde_json::from_str(&response.text().await?);
    outcomes.map_err(|error| Fault::Unavailable(error.to_string()))
}

/// Has a shard report to the central store now.
///
/// # Errors
/// The shard or the central store cannot be reached.
pub async fn push(env: &Env, shard: &str) -> std::result::Result<(), Fault> {
    let stub = env.durable_object("LEDGER")?.get_by_name(shard)?;
    let mut response = stub.fetch_with_str("http://ledger/push").await?;
    if response.status_code() == 200 { Ok(()) } else { Err(Fault::Unavailable(response.text().await?)) }
}

/// A ledger shard.
#[durable_object(alarm)]
pub struct Ledger {
    state: State,
    env: Env,
    sql: SqlStorage,
    /// The alarm is known to be set.
    armed: Cell<bool>,
}

impl DurableObject for Ledger {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        if let Err(error) = SCHEMA.iter().try_for_each(|statement| sql.exec(statement, None).map(drop)) {
            // Every command will then fail and be sent again.
            worker::console_error!("ledger schema: {error}");
        }
        Self { state, env, sql, armed: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        match request.path().as_str() {
            "/apply" => {
                let commands: Vec<Command> = serde_json::from_str(&request.text().await?)?;
                let outcomes =
                    commands.iter().map(|command| self.apply(command)).collect::<Result<Vec<_>>>()?;
                self.arm().await?;
                json_response(&outcomes, 200)
            }
            _ => match self.report().await {
                Ok(()) => Response::ok(""),
                Err(error) => Response::error(error.to_string(), 503),
            },
        }
    }

    /// Reports; on failure it sets itself again, because the runtime gives up after six tries.
    async fn alarm(&self) -> Result<Response> {
        self.armed.set(false);
        self.forget()?;
        let more = match self.report().await {
            Ok(()) => self.open_cells()? > 0,
            Err(error) => {
                worker::console_error!("ledger report: {error}");
                true
            }
        };
        if more {
            self.armed.set(true);
            self.state.storage().set_alarm(RETRY_MS).await?;
        }
        Response::ok("")
    }
}

const SCHEMA: [&str; 6] = [
    "CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, experiment TEXT NOT NULL, arm TEXT NOT NULL,
       epoch INTEGER NOT NULL, hour INTEGER NOT NULL, exposed INTEGER NOT NULL, converted INTEGER NOT NULL,
       revenue_minor INTEGER NOT NULL, cost_minor INTEGER NOT NULL, forget_at_s INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS rewards (order_id TEXT NOT NULL, line_id TEXT NOT NULL, kind TEXT NOT NULL,
       refund_id TEXT NOT NULL, account TEXT NOT NULL, units INTEGER NOT NULL, revenue_minor INTEGER NOT NULL,
       cost_minor INTEGER NOT NULL, matched INTEGER NOT NULL, forget_at_s INTEGER NOT NULL,
       PRIMARY KEY (order_id, line_id, kind, refund_id)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS rewards_waiting ON rewards (account) WHERE matched = 0",
    "CREATE TABLE IF NOT EXISTS cells (experiment TEXT NOT NULL, arm TEXT NOT NULL, epoch INTEGER NOT NULL,
       hour INTEGER NOT NULL, exposures INTEGER NOT NULL, conversions INTEGER NOT NULL, rewards INTEGER NOT NULL,
       units INTEGER NOT NULL, revenue_minor INTEGER NOT NULL, cost_minor INTEGER NOT NULL, revenue_sq TEXT NOT NULL,
       profit_sq TEXT NOT NULL, sequence INTEGER NOT NULL,
       PRIMARY KEY (experiment, arm, epoch, hour)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS counters (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL,
       reported INTEGER NOT NULL, exposures INTEGER NOT NULL, stored INTEGER NOT NULL, matched INTEGER NOT NULL)",
    // `sequence` is that of the next report, `reported` that of the last one which the central store took.
    "INSERT OR IGNORE INTO counters VALUES (1, 1, 0, 0, 0, 0)",
];

#[derive(Deserialize)]
struct AccountRow {
    exposed: i64,
    converted: i64,
    revenue_minor: i64,
    cost_minor: i64,
}

#[derive(Deserialize)]
struct WaitingRow {
    order_id: String,
    line_id: String,
    units: i64,
    revenue_minor: i64,
    cost_minor: i64,
}

#[derive(Deserialize)]
struct Counters {
    sequence: i64,
    exposures: i64,
    stored: i64,
    matched: i64,
}

#[derive(Deserialize)]
struct Count {
    n: i64,
}

impl Ledger {
    /// Carries out one command: one atomic commit, because nothing in here awaits.
    fn apply(&self, command: &Command) -> Result<Outcome> {
        match command {
            Command::Expose(exposure) => self.expose(exposure),
            Command::Reward(line) => self.reward(line),
        }
    }

    fn expose(&self, exposure: &Exposure) -> Result<Outcome> {
        let mut account = self.account(&exposure.id)?;
        if account.exposed {
            return Ok(Outcome::Duplicate);
        }
        let mut change = Ok(account.expose());
        let waiting = "SELECT order_id, line_id, units, revenue_minor, cost_minor FROM rewards
                       WHERE account = ? AND matched = 0 ORDER BY order_id, line_id";
        let waiting: Vec<WaitingRow> =
            self.sql.exec(waiting, vec![exposure.id.as_str().into()])?.to_array()?;
        for row in &waiting {
            let credit =
                Credit { units: row.units, revenue_minor: row.revenue_minor, cost_minor: row.cost_minor };
            change = change.and_then(|sum: Tally| sum.plus(&account.credit(&credit)));
        }
        let total = match change.and_then(|change| self.total_with(&exposure.key, &change)) {
            Ok(total) => total?,
            Err(error) => return Ok(Outcome::Refused(error.to_string())),
        };
        self.write_cell(&exposure.key, &total)?;
        self.write_account(exposure, &account)?;
        for row in &waiting {
            self.sql.exec(
                "UPDATE rewards SET matched = 1 WHERE order_id = ? AND line_id = ? AND account = ?",
                vec![row.order_id.as_str().into(), row.line_id.as_str().into(), exposure.id.as_str().into()],
            )?;
        }
        self.count(1, 0, waiting.len() as i64)?;
        Ok(Outcome::Recorded)
    }

    fn reward(&self, line: &Line) -> Result<Outcome> {
        let known = "SELECT COUNT(*) AS n FROM rewards WHERE order_id = ? AND line_id = ? AND kind = 'sale' AND refund_id = ''";
        let identity = vec![line.order_id.as_str().into(), line.line_id.as_str().into()];
        if self.sql.exec(known, identity)?.one::<Count>()?.n > 0 {
            return Ok(Outcome::Duplicate);
        }
        let mut account = self.account(&line.exposure.id)?;
        let matched = account.exposed;
        if matched {
            let change = account.credit(&line.credit);
            match self.total_with(&line.exposure.key, &change) {
                Ok(total) => self.write_cell(&line.exposure.key, &total?)?,
                Err(error) => return Ok(Outcome::Refused(error.to_string())),
            }
            self.write_account(&line.exposure, &account)?;
        }
        self.sql.exec(
            "INSERT INTO rewards VALUES (?, ?, 'sale', '', ?, ?, ?, ?, ?, ?)",
            vec![
                line.order_id.as_str().into(),
                line.line_id.as_str().into(),
                line.exposure.id.as_str().into(),
                line.credit.units.into(),
                line.credit.revenue_minor.into(),
                line.credit.cost_minor.into(),
                i64::from(matched).into(),
                seconds(line.exposure.forget_at_s),
            ],
        )?;
        self.count(0, 1, i64::from(matched))?;
        Ok(if matched { Outcome::Matched } else { Outcome::Unmatched })
    }

    fn account(&self, id: &str) -> Result<Account> {
        let query = "SELECT exposed, converted, revenue_minor, cost_minor FROM accounts WHERE id = ?";
        let rows: Vec<AccountRow> = self.sql.exec(query, vec![id.into()])?.to_array()?;
        Ok(rows.first().map_or_else(Account::default, |row| Account {
            exposed: row.exposed == 1,
            converted: row.converted == 1,
            revenue_minor: row.revenue_minor,
            cost_minor: row.cost_minor,
        }))
    }

    fn write_account(&self, exposure: &Exposure, account: &Account) -> Result<()> {
        let key = &exposure.key;
        self.sql.exec(
            "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                exposure.id.as_str().into(),
                key.experiment.as_str().into(),
                key.arm.as_str().into(),
                i64::from(key.cohort.epoch).into(),
                i64::from(key.cohort.hour).into(),
                i64::from(account.exposed).into(),
                i64::from(account.converted).into(),
                account.revenue_minor.into(),
                account.cost_minor.into(),
                seconds(exposure.forget_at_s),
            ],
        )?;
        Ok(())
    }

    /// The running total of a tally with a change; the inner result is storage, the outer one the sum.
    fn total_with(&self, key: &TallyKey, change: &Tally) -> std::result::Result<Result<Tally>, Error> {
        let query = "SELECT * FROM cells WHERE experiment = ? AND arm = ? AND epoch = ? AND hour = ?";
        let rows = self.sql.exec(query, key_values(key)).and_then(|rows| rows.to_array::<ReportCell>());
        let known = rows.and_then(|rows| rows.first().map_or(Ok(Tally::default()), ReportCell::tally));
        match known {
            Ok(known) => known.plus(change).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    fn write_cell(&self, key: &TallyKey, total: &Tally) -> Result<()> {
        let mut values = key_values(key);
        values.extend([
            total.exposures.into(),
            total.conversions.into(),
            total.rewards.into(),
            total.units.into(),
            total.revenue_minor.into(),
            total.cost_minor.into(),
            total.revenue_sq.to_string().into(),
            total.profit_sq.to_string().into(),
        ]);
        let statement = "INSERT OR REPLACE INTO cells
                         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, sequence FROM counters";
        self.sql.exec(statement, values).map(drop)
    }

    fn count(&self, exposures: i64, stored: i64, matched: i64) -> Result<()> {
        let statement =
            "UPDATE counters SET exposures = exposures + ?, stored = stored + ?, matched = matched + ?";
        self.sql.exec(statement, vec![exposures.into(), stored.into(), matched.into()]).map(drop)
    }

    /// Sets the alarm for the next report, in the same commit as the change that needs it.
    async fn arm(&self) -> Result<()> {
        if self.armed.get() {
            return Ok(());
        }
        let settings =
            Settings::of(&self.env).map_err(|error| worker::Error::RustError(error.to_string()))?;
        self.state.storage().set_alarm(settings.ledger_push_ms).await?;
        self.armed.set(true);
        Ok(())
    }

    /// Sends every total that the central store does not have yet.
    async fn report(&self) -> Result<()> {
        // Read and advance without an await between: what changes from here on belongs to the next report.
        let counters: Counters =
            self.sql.exec("SELECT sequence, exposures, stored, matched FROM counters", None)?.one()?;
        let cells = "SELECT * FROM cells WHERE sequence > (SELECT reported FROM counters)";
        let cells: Vec<ReportCell> = self.sql.exec(cells, None)?.to_array()?;
        self.sql.exec("UPDATE counters SET sequence = sequence + 1", None)?;
        let report = Report {
            source: self.state.id().to_string(),
            sequence: counters.sequence,
            exposures: counters.exposures,
            stored: counters.stored,
            matched: counters.matched,
            cells,
        };
        central::take_report(&self.env, &report).await?;
        let statement = "UPDATE counters SET reported = MAX(reported, ?)";
        self.sql.exec(statement, vec![counters.sequence.into()]).map(drop)
    }

    fn open_cells(&self) -> Result<i64> {
        let query = "SELECT COUNT(*) AS n FROM cells WHERE sequence > (SELECT reported FROM counters)";
        Ok(self.sql.exec(query, None)?.one::<Count>()?.n)
    }

    /// Drops what no quote can refer to any more. Rewards that never matched are kept a window longer.
    fn forget(&self) -> Result<()> {
        let now_s = seconds(worker::Date::now().as_millis() / 1000);
        self.sql.exec("DELETE FROM accounts WHERE forget_at_s < ?", vec![now_s.clone()])?;
        self.sql.exec("DELETE FROM rewards WHERE forget_at_s < ?", vec![now_s]).map(drop)
    }
}

fn seconds(seconds: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(seconds.min(haggle::tally::SUM_MAX as u64) as i64)
}

fn key_values(key: &TallyKey) -> Vec<SqlStorageValue> {
    vec![
        key.experiment.as_str().into(),
        key.arm.as_str().into(),
        i64::from(key.cohort.epoch).into(),
        i64::from(key.cohort.hour).into(),
    ]
}
