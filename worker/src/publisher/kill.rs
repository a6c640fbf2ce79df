//! The kill switch, of one experiment and of the whole shop: catalogue prices for all with the next snapshot that a
//! location reads.
//!
//! It needs no D1: the flag is durable here before it goes out, the last snapshot goes out again with it, and the record
//! follows as soon as D1 is there. A stop waits for nothing that has its turn before it but for a snapshot on its way to
//! KV (`way`). Who was shown a price has it honoured at checkout where it is lower.

use haggle::Snapshot;
use haggle::Stops;
use haggle::lifecycle::{Action, Order, Signature, State};
use haggle::snapshot::Shop;
use serde::Serialize;

use super::asked::{Asked, tagged};
use super::{Answer, Publisher, last};
use crate::central::audit::{self, Record};
use crate::central::experiments::{self, Stored};
use crate::clock;
use crate::http::{Fault, json_response, json_text};
use crate::rows::in_time;

/// Milliseconds for which a switch waits for D1 each time, since one that hangs must not keep prices from stopping.
pub const SWITCH_WAIT_MS: u64 = 2_000;

#[derive(Serialize)]
struct StopView {
    stopped: bool,
    held: bool,
    version: u64,
}

#[derive(Serialize)]
struct OneStopView<'a> {
    name: &'a str,
    stopped: bool,
    version: u64,
}

impl Publisher {
    /// Stops all prices, or lets them go on, with what was published last; a held rollback is over then too.
    pub(super) async fn stop_all(&self, asked: &Asked, is_stopped: bool) -> Answer {
        let signature = Signature::read(&asked.body)?;
        let action = if is_stopped { "stop" } else { "resume" };
        let mut record = asked.signed(action, "", &signature)?;
        let was = last::read(&self.sql)?;
        let version = {
            // A resume that is remembered is published and recorded, too.
            let _kept = self.way.keep();
            last::set_stopped(&self.sql, is_stopped)?;
            if !is_stopped {
                last::set_held(&self.sql, false)?;
            }
            self.republish().await?
        };
        let held = was.is_held && is_stopped;
        let view = StopView { stopped: is_stopped, held, version };
        let flags = |stopped, held| format!(r#"{{"stopped":{stopped},"held":{held}}}"#);
        record.before = flags(was.is_stopped, was.is_held);
        record.after = flags(is_stopped, held);
        record.answer = Some(serde_json::to_string(&view).map_err(worker::Error::from)?);
        self.record_done(&record).await?;
        if was.is_held && !is_stopped {
            // What is known now, in place of the content that was held.
            self.publish_now().await;
        }
        Ok(json_response(&view, 200)?)
    }

    /// Stops one experiment, or lets it go on after a stop or a pause.
    pub(super) async fn stop_one(&self, asked: &Asked, name: &str, is_stopped: bool) -> Answer {
        let signature = Signature::read(&asked.body)?;
        let action = if is_stopped { Action::Stop } else { Action::Resume };
        let mut record = asked.signed(action.name(), name, &signature)?;
        // What was done without D1 comes before this there too, or it would undo it later.
        let known = match self.flush_in_time().await {
            Ok(()) => in_time(SWITCH_WAIT_MS, experiments::find(&self.env, name)).await.map_err(Fault::from),
            Err(fault) => Err(fault),
        };
        let stored = match known {
            Ok(Some(stored)) => Some(stored),
            Ok(None) => return Err(experiments::unknown(name)),
            // Without D1: what is published can be stopped.
            Err(_) => {
                self.check_is_published(name).await?;
                None
            }
        };
        if let Some(stored) = &stored {
            asked.check_match_if_any(Some(stored.revision))?;
            let after = stored.state.after(&action).map_err(|why| Fault::Conflict(why.to_string()))?;
            if after != stored.state {
                return self.unpause(asked, stored, Order { signature, action }).await;
            }
        }
        // A resume that is remembered is published and recorded, too: what comes first would publish it.
        let _kept = self.way.keep();
        last::set_one_stopped(&self.sql, name, is_stopped)?;
        let version = self.republish().await?;
        let was = stored.as_ref().map_or(!is_stopped, |stored| stored.is_stopped);
        (record.before, record.after) = (stopped_json(was), stopped_json(is_stopped));
        if let Some(stored) = stored {
            let changes = vec![experiments::set_stopped(&self.env, name, is_stopped)?];
            match in_time(SWITCH_WAIT_MS, audit::commit(&self.env, changes, &record)).await {
                Ok(answer) => {
                    record.answer = Some(answer.clone());
                    last::add_done(&self.sql, &record)?;
                    last::set_recorded(&self.sql, &record.key)?;
                    let revision = stored.revision + u64::from(stored.is_stopped != is_stopped);
                    return tagged(answer, 200, revision);
                }
                Err(error) => worker::console_error!("D1: {error}"),
            }
        }
        let view = OneStopView { name, stopped: is_stopped, version };
        let answer = serde_json::to_string(&view).map_err(worker::Error::from)?;
        record.answer = Some(answer.clone());
        last::add_done(&self.sql, &record)?;
        Ok(json_text(answer, 200)?)
    }

    /// Lets a paused experiment go on, and one that is stopped too.
    async fn unpause(&self, asked: &Asked, stored: &Stored, order: Order) -> Answer {
        let name = stored.name.as_str();
        let signed = asked.signed(order.action.name(), name, &order.signature)?;
        let before = format!(r#"{{"state":"{}","stopped":{}}}"#, stored.state.name(), stored.is_stopped);
        let after = r#"{"state":"running","stopped":false}"#.into();
        let record = Record { before, after, ..signed };
        let mut changes = vec![experiments::set_state(&self.env, name, State::Running)?];
        let mut revision = stored.revision + 1;
        if stored.is_stopped {
            changes.push(experiments::set_stopped(&self.env, name, false)?);
            revision += 1;
        }
        let answer = {
            // Remembered once it is recorded, and not given up in between.
            let _kept = self.way.keep();
            let answer = in_time(SWITCH_WAIT_MS, audit::commit(&self.env, changes, &record)).await?;
            last::set_one_stopped(&self.sql, name, false)?;
            answer
        };
        self.publish_now().await;
        tagged(answer, 200, revision)
    }

    async fn check_is_published(&self, name: &str) -> Result<(), Fault> {
        let (known, _) = self.newest().await?;
        let is_in = |snapshot: &Snapshot| snapshot.experiments().iter().any(|live| live.name() == name);
        if known.as_ref().is_some_and(is_in) {
            return Ok(());
        }
        Err(Fault::Unavailable(format!(
            "the central store does not answer, and no experiment {name} is published; ask again"
        )))
    }

    /// Publishes what was published last with what is stopped now, and says under which version.
    pub(super) async fn republish(&self) -> Result<u64, Fault> {
        let last = last::read(&self.sql)?;
        let (known, version) = self.newest().await?;
        let now_ms = clock::now_ms();
        let bytes = match known {
            Some(known) => {
                let stops = Stops { all: last.is_stopped, experiments: &last.stopped };
                known.republished(version, now_ms, &stops)?
            }
            None => {
                let shop = Shop { is_stopped: last.is_stopped, ..Shop::default() };
                Snapshot::encode_shop(version, now_ms, &[], &shop)?
            }
        };
        self.put(version, &bytes).await?;
        Ok(version)
    }

    /// Records what was done already: in D1, after what waits for that; or here until D1 is there.
    pub(super) async fn record_done(&self, record: &Record) -> Result<(), Fault> {
        last::add_done(&self.sql, record)?;
        // What failed is in the log, and is tried again by the next sync.
        self.flush_in_time().await.or(Ok(()))
    }

    pub(super) async fn flush_in_time(&self) -> Result<(), Fault> {
        Ok(in_time(SWITCH_WAIT_MS, self.flush()).await?)
    }

    /// Records in D1 what was done without it.
    pub(super) async fn flush(&self) -> worker::Result<()> {
        for record in last::not_recorded(&self.sql)? {
            let mut changes = Vec::new();
            if !record.experiment.is_empty() {
                let is_stopped = record.action == "stop";
                changes.push(experiments::set_stopped(&self.env, &record.experiment, is_stopped)?);
            }
            audit::commit_done(&self.env, changes, &record).await?;
            last::set_recorded(&self.sql, &record.key)?;
        }
        Ok(())
    }
}

fn stopped_json(is_stopped: bool) -> String {
    format!(r#"{{"stopped":{is_stopped}}}"#)
}
