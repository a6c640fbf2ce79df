//! Stage 5, merge: a ledger shard, the place where an exposure or a reward is counted exactly once.
//!
//! One Durable Object per shard, named `{shards}-{index}`; the quote says which, also after re-sharding. State, in
//! SQLite: `accounts` (one row per exposure), `rewards` (one row per line of an order, and one per refund of it with
//! negative amounts: the memory against doubles), `cells` (running totals per experiment, arm and cohort), `item_cells`
//! (what of them each item brought, since an exposure of an experiment on many items is one for all of them), `delays`
//! (conversions by the hour of their exposure and the hours until the first sale, which `first_sales` remembers) and
//! `progress` (how much of all of it there is, and which report was the last).
//!
//! A sale waits for its exposure, and a refund for its sale: `matched` says what is in the totals. What is given back
//! beyond what is left of its line is refused; if that shows only when its sale arrives, it stays waiting.
//!
//! Why nothing is lost or doubled: all statements of one line run without an `await` between them, so they are one
//! atomic commit, and the runtime holds the answer back until it is durable. The alarm that reports to the central
//! store is set in the same commit. A report carries running totals under a sequence number that only grows; it is
//! repeated until the central store has taken it.

mod command;
mod log;
mod report;
mod schema;

use std::cell::Cell;

use haggle::event::RewardKind;
use haggle::{Account, Credit, Error, Exposure, Tally, TallyKey};
use worker::{DurableObject, Env, Request, Response, Result, SqlStorage, State, durable_object};

use crate::clock;
use crate::http::{Fault, post, text_of};
use crate::rows::{Bound, Row, execute};
use crate::settings::Settings;

use command::credit_at;
pub use command::{Claim, Command, Line, Outcome};
pub use log::Shown;
use schema::{SCHEMA, WITH_SKU};

/// Milliseconds until a failed report is tried again.
const RETRY_MS: i64 = 5_000;

/// Name of a shard.
pub fn shard_name(shards: u32, index: u32) -> String {
    format!("{shards}-{index}")
}

/// What each of the shards is called by the central store: its id.
///
/// # Errors
/// The namespace is not bound.
pub fn sources(env: &Env, shards: u32) -> Result<Vec<String>> {
    let namespace = env.durable_object("LEDGER")?;
    let id = |index| namespace.id_from_name(&shard_name(shards, index)).map(|id| id.to_string());
    (0..shards).map(id).collect()
}

/// Has a shard carry out commands; what it answers is durable.
///
/// # Errors
/// The shard cannot be reached: nothing is known about what was stored, and the same commands may be sent again.
pub async fn apply(env: &Env, shard: &str, commands: &[Command]) -> std::result::Result<Vec<Outcome>, Fault> {
    let lines: Vec<String> = commands.iter().map(Command::write).collect();
    let request = post("http://ledger/apply", &lines.join("\n"))?;
    let stub = env.durable_object("LEDGER")?.get_by_name(shard)?;
    let response = stub.fetch_with_request(request).await?;
    let status = response.status_code();
    let answer = text_of(response).await?;
    let outcomes: Vec<Outcome> = answer.lines().map(Outcome::read).collect();
    if status == 200 && outcomes.len() == commands.len() {
        Ok(outcomes)
    } else {
        Err(Fault::Unavailable(format!("ledger shard {shard} is not available; send the same again")))
    }
}

/// Has a shard report to the central store now.
///
/// # Errors
/// The shard or the central store cannot be reached.
pub async fn push(env: &Env, shard: &str) -> std::result::Result<(), Fault> {
    let stub = env.durable_object("LEDGER")?.get_by_name(shard)?;
    let response = stub.fetch_with_str("http://ledger/push").await?;
    if response.status_code() == 200 { Ok(()) } else { Err(Fault::Unavailable(text_of(response).await?)) }
}

/// A ledger shard.
#[durable_object(alarm)]
pub struct Ledger {
    state: State,
    env: Env,
    sql: SqlStorage,
    /// The alarm is known to be set.
    armed: Cell<bool>,
    /// Hour, since 1970, in which this object last dropped what is over.
    forgot_in_hour: Cell<u64>,
}

impl DurableObject for Ledger {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        if let Err(error) = SCHEMA.iter().try_for_each(|statement| sql.exec(statement, None).map(drop)) {
            // Every command will then fail and be sent again.
            worker::console_error!("ledger schema: {error}");
        }
        let [known, added] = WITH_SKU;
        if sql.exec(known, None).is_err()
            && let Err(error) = sql.exec(added, None)
        {
            worker::console_error!("ledger schema: {error}");
        }
        Self { state, env, sql, armed: Cell::new(false), forgot_in_hour: Cell::new(0) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        clock::tick(&self.env).await;
        match request.path().as_str() {
            "/apply" => {
                let lines = request.text().await?;
                let outcomes: Result<Vec<String>> = lines.lines().map(|line| self.apply(line)).collect();
                // In the same commit as the lines, also where one of them failed.
                self.arm().await?;
                Response::ok(outcomes?.join("\n"))
            }
            "/log" => {
                let asked = request.text().await?;
                let (experiment, after) = asked.split_once('\t').unwrap_or((&asked, ""));
                Response::ok(log::page(&self.sql, experiment, after)?)
            }
            _ => match self.report().await {
                Ok(()) => Response::ok(""),
                Err(error) => {
                    worker::console_error!("report on demand: {error}");
                    Response::error("the central store does not take reports now; ask again", 503)
                }
            },
        }
    }

    /// Reports; on failure it sets itself again, because the runtime gives up after six tries.
    async fn alarm(&self) -> Result<Response> {
        clock::tick(&self.env).await;
        self.armed.set(false);
        let hour = clock::now_ms() / 3_600_000;
        if self.forgot_in_hour.replace(hour) != hour {
            self.forget()?;
        }
        let more = match self.report().await {
            Ok(()) => self.is_open()?,
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

impl Ledger {
    /// Carries out the command of one line: one atomic commit, because nothing in here awaits.
    fn apply(&self, line: &str) -> Result<String> {
        let outcome = match Command::read(line) {
            Some(Command::Expose(exposure)) => self.expose(&exposure),
            Some(Command::Reward(line)) => self.reward(&line),
            None => Err(worker::Error::RustError("a line is no command".into())),
        };
        outcome.map(Outcome::write)
    }

    fn expose(&self, exposure: &Exposure) -> Result<Outcome> {
        let mut account = self.account(&exposure.id)?;
        if account.exposed {
            // A later view of the same decision may be quoted for longer, and must not be counted again in that time.
            let longer = "UPDATE accounts SET forget_at_s = ?1 WHERE id = ?2 AND forget_at_s < ?1";
            execute(&self.sql, longer, &[exposure.forget_at_s.into(), exposure.id.as_str().into()])?;
            return Ok(Outcome::Duplicate);
        }
        let change = account.expose();
        if let Err(error) = self.book(exposure, &account, &change)? {
            return Ok(Outcome::Refused(error.to_string()));
        }
        self.count(1, 0, 0)?;
        self.settle(exposure, account)?;
        Ok(Outcome::Recorded)
    }

    fn reward(&self, line: &Line) -> Result<Outcome> {
        let Line { claim, delay_h, exposure } = line;
        let known = "SELECT 1 FROM rewards WHERE order_id = ? AND line_id = ? AND kind = ? AND refund_id = ?";
        if !execute(&self.sql, known, &claim.identity())?.is_empty() {
            return Ok(Outcome::Duplicate);
        }
        if let (RewardKind::Sale, Some(delay_h)) = (claim.kind, *delay_h) {
            let first = "INSERT OR IGNORE INTO first_sales VALUES (?, ?, 0, ?)";
            let values =
                [exposure.id.as_str().into(), i64::from(delay_h).into(), exposure.forget_at_s.into()];
            execute(&self.sql, first, &values)?;
        }
        let mut account = self.account(&exposure.id)?;
        let moved = match self.enter(exposure, &mut account, claim)? {
            Ok(moved) => moved,
            Err(error) => return Ok(Outcome::Refused(error.to_string())),
        };
        let matched = i64::from(moved.is_some());
        let [order_id, line_id, kind, refund_id] = claim.identity();
        let Credit { units, revenue_minor, cost_minor } =
            moved.unwrap_or_else(|| claim.signed(&claim.credit));
        let values = [
            order_id,
            line_id,
            kind,
            refund_id,
            exposure.id.as_str().into(),
            units.into(),
            revenue_minor.into(),
            cost_minor.into(),
            matched.into(),
            exposure.forget_at_s.into(),
            claim.sku.as_str().into(),
        ];
        execute(&self.sql, "INSERT INTO rewards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &values)?;
        self.count(0, 1, matched)?;
        if moved.is_none() {
            return Ok(Outcome::Unmatched);
        }
        if claim.kind == RewardKind::Sale {
            self.settle(exposure, account)?;
        }
        Ok(Outcome::Matched)
    }

    /// Counts what has waited for this: sales first, then refunds, then cancellations.
    fn settle(&self, exposure: &Exposure, mut account: Account) -> Result<()> {
        let waiting = "SELECT order_id, line_id, kind, refund_id, units, revenue_minor, cost_minor, sku FROM rewards \
                       WHERE account = ? AND matched = 0 ORDER BY kind DESC, order_id, line_id, refund_id";
        for row in execute(&self.sql, waiting, &[exposure.id.as_str().into()])? {
            let claim = Claim::stored(&row)?;
            // What does not fit goes on waiting, and health shows it.
            let Ok(Some(Credit { units, revenue_minor, cost_minor })) =
                self.enter(exposure, &mut account, &claim)?
            else {
                continue;
            };
            let [order_id, line_id, kind, refund_id] = claim.identity();
            let values =
                [units.into(), revenue_minor.into(), cost_minor.into(), order_id, line_id, kind, refund_id];
            let matched = "UPDATE rewards SET matched = 1, units = ?, revenue_minor = ?, cost_minor = ? \
                           WHERE order_id = ? AND line_id = ? AND kind = ? AND refund_id = ?";
            execute(&self.sql, matched, &values)?;
            self.count(0, 0, 1)?;
        }
        Ok(())
    }

    /// Puts a claim into the account and the totals, and says what it moved; nothing where it has to wait.
    fn enter(
        &self,
        exposure: &Exposure,
        account: &mut Account,
        claim: &Claim,
    ) -> Result<std::result::Result<Option<Credit>, Error>> {
        let mut next = *account;
        let (credit, change) = if claim.kind == RewardKind::Sale {
            (claim.credit, Ok(next.credit(&claim.credit)))
        } else {
            let left = "SELECT account, SUM(units), SUM(revenue_minor), SUM(cost_minor), MAX(matched) FROM rewards \
                        WHERE order_id = ? AND line_id = ? AND (kind = 'sale' OR matched = 1) GROUP BY account";
            let [order_id, line_id, ..] = claim.identity();
            let rows = execute(&self.sql, left, &[order_id, line_id])?;
            let Some(row) = rows.first() else { return Ok(Ok(None)) };
            if row.text(0)? != exposure.id {
                let why = "the one that this line was sold at";
                return Ok(Err(Error::value("quote", "another one", why)));
            }
            let mut left = credit_at(row, 1)?;
            let part = if claim.kind == RewardKind::Refund { claim.credit } else { left };
            if row.integer(4)? == 0 {
                // The sale itself waits for its exposure.
                return Ok(left.less(&part).map(|_| None));
            }
            (part, next.give_back(&mut left, &part))
        };
        if claim.kind == RewardKind::Sale && !next.exposed {
            return Ok(Ok(None));
        }
        let booked = match change {
            Ok(change) => self.book(exposure, &next, &change)?,
            Err(error) => Err(error),
        };
        if let Err(error) = booked {
            return Ok(Err(error));
        }
        *account = next;
        let moved = claim.signed(&credit);
        self.count_item(&exposure.key, &claim.sku, &moved)?;
        Ok(Ok(Some(moved)))
    }

    /// Adds to what an item brought; a Worker of the release before did not say which one it is.
    fn count_item(&self, key: &TallyKey, sku: &str, moved: &Credit) -> Result<()> {
        if sku.is_empty() {
            return Ok(());
        }
        let [experiment, arm, ..] = key_values(key);
        let Credit { units, revenue_minor, cost_minor } = *moved;
        let values = [experiment, sku.into(), arm, units.into(), revenue_minor.into(), cost_minor.into()];
        let count = "INSERT INTO item_cells SELECT ?, ?, ?, ?, ?, ?, sequence FROM progress WHERE true \
                     ON CONFLICT (experiment, sku, arm) DO UPDATE SET units = units + excluded.units, \
                       revenue_minor = revenue_minor + excluded.revenue_minor, \
                       cost_minor = cost_minor + excluded.cost_minor, sequence = excluded.sequence";
        execute(&self.sql, count, &values).map(drop)
    }

    /// Writes an account and the totals that change with it; the inner error leaves both as they were.
    fn book(
        &self,
        exposure: &Exposure,
        account: &Account,
        change: &Tally,
    ) -> Result<std::result::Result<(), Error>> {
        match self.total_with(&exposure.key, change) {
            Ok(total) => self.write_cell(&exposure.key, &total?)?,
            Err(error) => return Ok(Err(error)),
        }
        self.write_account(exposure, account)?;
        self.count_delay(exposure, account.is_converted())?;
        Ok(Ok(()))
    }

    /// Counts the delay of a conversion once, and takes it out again when all of it was given back.
    fn count_delay(&self, exposure: &Exposure, is_converted: bool) -> Result<()> {
        let converted = i64::from(is_converted);
        let id = exposure.id.as_str();
        let changed =
            "UPDATE first_sales SET counted = ? WHERE account = ? AND counted <> ? RETURNING delay_h";
        let changed = execute(&self.sql, changed, &[converted.into(), id.into(), converted.into()])?;
        let Some(row) = changed.first() else { return Ok(()) };
        let [experiment, _, _, hour] = key_values(&exposure.key);
        let values = [experiment, hour, row.integer(0)?.into(), (2 * converted - 1).into()];
        let count = "INSERT INTO delays SELECT ?, ?, ?, ?, sequence FROM progress WHERE true \
                     ON CONFLICT (experiment, hour, delay_h) DO UPDATE SET \
                       conversions = conversions + excluded.conversions, sequence = excluded.sequence";
        execute(&self.sql, count, &values).map(drop)
    }

    fn account(&self, id: &str) -> Result<Account> {
        let query = "SELECT exposed, revenue_minor, cost_minor, \
                       (SELECT COALESCE(SUM(units), 0) FROM rewards WHERE account = id AND matched = 1) \
                     FROM accounts WHERE id = ?";
        match execute(&self.sql, query, &[id.into()])?.first() {
            None => Ok(Account::default()),
            Some(row) => Ok(Account {
                exposed: row.integer(0)? == 1,
                revenue_minor: row.integer(1)?,
                cost_minor: row.integer(2)?,
                units: row.integer(3)?,
            }),
        }
    }

    fn write_account(&self, exposure: &Exposure, account: &Account) -> Result<()> {
        let [experiment, arm, epoch, hour] = key_values(&exposure.key);
        let values = [
            exposure.id.as_str().into(),
            experiment,
            arm,
            epoch,
            hour,
            i64::from(account.exposed).into(),
            i64::from(account.is_converted()).into(),
            account.revenue_minor.into(),
            account.cost_minor.into(),
            exposure.forget_at_s.into(),
        ];
        let insert = "INSERT OR REPLACE INTO accounts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, \
                        MAX(?10, COALESCE((SELECT forget_at_s FROM accounts WHERE id = ?1), 0)))";
        execute(&self.sql, insert, &values).map(drop)
    }

    /// The running total of a tally with a change; the inner result is storage, the outer one the sum.
    fn total_with(&self, key: &TallyKey, change: &Tally) -> std::result::Result<Result<Tally>, Error> {
        let query = "SELECT exposures, conversions, rewards, units, revenue_minor, cost_minor, revenue_sq, profit_sq \
                     FROM cells WHERE experiment = ? AND arm = ? AND epoch = ? AND hour = ?";
        let rows = execute(&self.sql, query, &key_values(key));
        match rows.and_then(|rows| rows.first().map_or(Ok(Tally::default()), tally)) {
            Ok(known) => known.plus(change).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    fn write_cell(&self, key: &TallyKey, total: &Tally) -> Result<()> {
        let [experiment, arm, epoch, hour] = key_values(key);
        let (revenue_sq, profit_sq) = (total.revenue_sq.to_string(), total.profit_sq.to_string());
        let values = [
            experiment,
            arm,
            epoch,
            hour,
            total.exposures.into(),
            total.conversions.into(),
            total.rewards.into(),
            total.units.into(),
            total.revenue_minor.into(),
            total.cost_minor.into(),
            revenue_sq.as_str().into(),
            profit_sq.as_str().into(),
        ];
        let statement = "INSERT OR REPLACE INTO cells \
                         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, sequence FROM progress";
        execute(&self.sql, statement, &values).map(drop)
    }

    fn count(&self, exposures: i64, stored: i64, matched: i64) -> Result<()> {
        let statement =
            "UPDATE progress SET exposures = exposures + ?, stored = stored + ?, matched = matched + ?";
        execute(&self.sql, statement, &[exposures.into(), stored.into(), matched.into()]).map(drop)
    }

    /// Sets the alarm for the next report.
    async fn arm(&self) -> Result<()> {
        if self.armed.get() {
            return Ok(());
        }
        let settings = Settings::of(&self.env).map_err(worker::Error::RustError)?;
        self.state.storage().set_alarm(settings.ledger_push_ms).await?;
        self.armed.set(true);
        Ok(())
    }

    /// Drops what no quote can refer to any more: the quote is over, its reward window, and for what was sold the
    /// time for refunds too.
    fn forget(&self) -> Result<()> {
        let settings = Settings::of(&self.env).map_err(worker::Error::RustError)?;
        let now_s = clock::now_s();
        let refunds_until = now_s.saturating_sub(settings.refund_window_s);
        for statement in [
            "DELETE FROM rewards WHERE forget_at_s < ?1 AND forget_at_s < ?2",
            "DELETE FROM first_sales WHERE forget_at_s < ?1 AND forget_at_s < ?2",
            "DELETE FROM accounts WHERE forget_at_s < ?1 \
               AND (forget_at_s < ?2 OR NOT EXISTS (SELECT 1 FROM rewards WHERE account = id))",
        ] {
            execute(&self.sql, statement, &[now_s.into(), refunds_until.into()])?;
        }
        Ok(())
    }
}

fn key_values(key: &TallyKey) -> [Bound<'_>; 4] {
    let (epoch, hour) = (i64::from(key.cohort.epoch), i64::from(key.cohort.hour));
    [key.experiment.as_str().into(), key.arm.as_str().into(), epoch.into(), hour.into()]
}

fn tally(row: &Row) -> Result<Tally> {
    let square = |column| {
        let text = row.text(column)?;
        text.parse::<i128>().map_err(|_| worker::Error::RustError(format!("{text:?} is not a square")))
    };
    Ok(Tally {
        exposures: row.integer(0)?,
        conversions: row.integer(1)?,
        rewards: row.integer(2)?,
        units: row.integer(3)?,
        revenue_minor: row.integer(4)?,
        cost_minor: row.integer(5)?,
        revenue_sq: square(6)?,
        profit_sq: square(7)?,
    })
}
