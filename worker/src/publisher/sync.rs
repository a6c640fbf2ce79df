//! The sync job: sums of all sources, decisions that are due, and the next snapshot.

use haggle::experiment::Unit;
use haggle::lifecycle::State;
use haggle::snapshot::Shop;
use haggle::stopping::{self, Ruling};
use haggle::{Error, PolicyInput, Snapshot, Tally, evidence};
use serde::Serialize;

use super::asked::Asked;
use super::turn::{Live, Turn};
use super::{Answer, CONTENT_FROM, EMPTY_SITE, Publisher, items, last, way};
use crate::central::audit::{self, Record};
use crate::central::experiments::{self, Stored};
use crate::central::{self, Compact, Epoch, Publication};
use crate::http::{Fault, json_text};
use crate::settings::Settings;
use crate::{cache, clock, ledger};

/// A snapshot with the same content goes out again after ten minutes, so that its age tells that the job runs.
const REPUBLISH_AFTER_MS: u64 = 600_000;

const HOUR_MS: u64 = 3_600_000;

#[derive(Serialize)]
struct SyncView {
    version: u64,
    experiments: usize,
    epochs_opened: usize,
    exposures: u64,
    /// Shards that were asked to report and did not; their totals follow by their own alarms.
    shards_failed: u32,
    /// Whether a new version went out; on schedule only where something changed or the last one ages.
    published: bool,
    /// Nobody is priced, until somebody resumes.
    stopped: bool,
    /// An older content is held, until somebody resumes.
    held: bool,
    /// Live experiments that no snapshot can carry as they are, and that are therefore not priced; the log says why.
    left_out: Vec<String>,
}

/// What is known before a publication.
struct Before {
    version: u64,
    published_at_ms: u64,
    exposures: u64,
}

impl Publisher {
    /// One turn of the loop. On demand every shard reports first, and a version goes out in any case.
    pub(super) async fn sync(&self, on_demand: bool) -> Result<String, Fault> {
        let shards_failed = if on_demand { self.push_shards().await? } else { 0 };
        let mut view = self.publish(on_demand).await?;
        view.shards_failed = shards_failed;
        Ok(serde_json::to_string(&view).map_err(worker::Error::from)?)
    }

    /// A sync that somebody asks for, once by each key. It changes nothing that is told in the audit, so that its answer is
    /// known here alone.
    pub(super) async fn sync_once(&self, asked: &Asked) -> Answer {
        let answer = self.sync(true).await?;
        let record = Record { answer: Some(answer.clone()), ..asked.unsigned("sync", "") };
        last::add_done(&self.sql, &record)?;
        last::set_recorded(&self.sql, &record.key)?;
        Ok(json_text(answer, 200)?)
    }

    /// Publishes what somebody has just changed. It is stored: what fails here is done by the next sync.
    pub(super) async fn publish_now(&self) {
        if let Err(fault) = self.way.giving(self.publish(true), way::again()).await {
            worker::console_error!("a change waits for the next sync: {fault}");
        }
    }

    /// Lets every shard report, and says how many did not.
    pub(super) async fn push_shards(&self) -> Result<u32, Fault> {
        let settings = Settings::of(&self.env).map_err(Fault::Unavailable)?;
        let mut failed = 0;
        for index in 0..settings.ledger_shards {
            let shard = ledger::shard_name(settings.ledger_shards, index);
            // A shard that cannot report now must not keep an ended experiment on the pages.
            if let Err(fault) = ledger::push(&self.env, &shard).await {
                worker::console_error!("shard {shard}: {fault}");
                failed += 1;
            }
        }
        Ok(failed)
    }

    async fn publish(&self, in_any_case: bool) -> Result<SyncView, Fault> {
        self.flush().await?;
        let last = last::read(&self.sql)?;
        let before = self.before(last.version).await?;
        let (now_ms, version) = (clock::now_ms(), before.version + 1);
        let is_unsure = now_ms < self.unsure_until_ms.get();
        let ages = is_unsure || now_ms.saturating_sub(before.published_at_ms) >= REPUBLISH_AFTER_MS;
        let mut view = SyncView {
            version: before.version,
            experiments: 0,
            epochs_opened: 0,
            exposures: before.exposures,
            shards_failed: 0,
            published: false,
            stopped: last.is_stopped,
            held: last.is_held,
            left_out: Vec::new(),
        };
        if last.is_held {
            // Nothing that was put is known: the last put has failed, or this object is new.
            if ages || self.published.borrow().is_empty() {
                view.version = self.republish().await?;
                view.published = true;
            }
            return Ok(view);
        }
        let mut live = self.live(&mut view.left_out).await?;
        let mut turns = self.turns(&mut live, now_ms).await?;
        let mut stopped = last.stopped;
        stopped
            .extend(live.iter().filter(|live| live.stored.is_stopped).map(|live| live.stored.name.clone()));
        let site = central::site(&self.env).await?;
        let site_json = site.as_deref().unwrap_or(EMPTY_SITE);
        let shop = Shop { site_json, is_stopped: last.is_stopped, stopped: &stopped };
        let bytes = encoded(version, now_ms, &live, &mut turns, &shop)?;
        let content = bytes.get(CONTENT_FROM..).unwrap_or_default();
        let opened: Vec<&Epoch> = turns.iter().flatten().filter_map(|turn| turn.opened.as_ref()).collect();
        view.experiments = turns.iter().flatten().count();
        let left_out = live.iter().zip(&turns).filter(|(_, turn)| turn.is_none());
        view.left_out.extend(left_out.map(|(live, _)| live.stored.name.clone()));
        view.epochs_opened = opened.len();
        view.published = in_any_case || ages || *self.published.borrow() != content;
        if view.published {
            view.version = version;
            self.published.take();
            // Whatever comes in between: this number has no other content.
            last::reserve(&self.sql, version)?;
            central::publish(&self.env, &Publication { version, now_ms, bytes: &bytes, opened }).await?;
            self.put(version, &bytes).await?;
            // It is published: what fails now is done with the next publication.
            let standings = self.keep_standings(&live, &turns, version, now_ms, in_any_case);
            if let Err(fault) = self.way.giving(standings, way::again()).await {
                worker::console_error!("standings: {fault}");
            }
        }
        Ok(view)
    }

    /// The highest version that anybody knows: KV may know a higher one than D1 does, after a restore of D1.
    async fn before(&self, last_version: u64) -> Result<Before, Fault> {
        let newest = central::newest(&self.env).await?;
        let in_kv = cache::published(&self.env).await;
        let in_kv = in_kv.map_err(|_| Fault::Unavailable("KV does not answer now; ask again".into()))?;
        let in_kv = in_kv.map_or(0, |snapshot| snapshot.version());
        let version = newest.version.max(in_kv).max(last_version);
        Ok(Before { version, published_at_ms: newest.published_at_ms, exposures: newest.exposures })
    }

    /// The live experiments with their groups, and the names of those that cannot be read.
    ///
    /// # Errors
    /// The central store does not answer: what is published then stays, for all of them.
    async fn live(&self, left_out: &mut Vec<String>) -> Result<Vec<Live>, Fault> {
        let mut live = Vec::new();
        for stored in experiments::live(&self.env).await? {
            let name = stored.name.clone();
            match self.live_one(stored).await {
                Ok(one) => live.push(one),
                Err(fault) => left_out.push(check_left_out(name, fault)?),
            }
        }
        Ok(live)
    }

    async fn live_one(&self, stored: Stored) -> Result<Live, Fault> {
        let groups = self.groups(&stored, &stored.experiment()?).await?;
        Live::of(stored, groups)
    }

    /// A turn of each experiment: what is due now; where that cannot be made, what it had before; none where it has
    /// nothing. What cannot be summed up or shared out in one experiment must not stop the others.
    async fn turns(&self, all: &mut [Live], now_ms: u64) -> Result<Vec<Option<Turn>>, Fault> {
        let settings = Settings::of(&self.env).map_err(Fault::Unavailable)?;
        let least_ms = settings.epoch_min_s.saturating_mul(1000);
        let epochs = central::newest_epochs(&self.env).await?;
        let mut turns = Vec::with_capacity(all.len());
        for live in all {
            let known = epochs.iter().find(|epoch| epoch.experiment == live.stored.name);
            let fault = match self.due(live, known, least_ms, now_ms).await {
                Ok(turn) => {
                    turns.push(Some(turn));
                    continue;
                }
                Err(fault) => fault,
            };
            let name = live.stored.name.clone();
            worker::console_error!("experiment {name} keeps its shares, if it has any: {fault}");
            turns.push(match self.as_before(live, known, now_ms).await {
                Ok(turn) => turn,
                Err(fault) => check_left_out(name, fault).map(|_| None)?,
            });
        }
        Ok(turns)
    }

    /// Goes on with the known allocation where nothing else is due, or opens the next.
    async fn due(
        &self,
        live: &mut Live,
        known: Option<&Epoch>,
        least_ms: u64,
        now_ms: u64,
    ) -> Result<Turn, Fault> {
        let is_of_items = live.experiment.unit != Unit::Visitor;
        if is_of_items && let Some(turn) = items::kept(&self.env, live, known, now_ms).await? {
            return Ok(turn);
        }
        let is_young = |epoch: &&Epoch| {
            !is_of_items
                && epoch.definition == live.definition
                && now_ms < epoch.opened_at_ms.saturating_add(least_ms)
                && live.experiment.end_ms.is_none_or(|end_ms| now_ms < end_ms)
        };
        match known.filter(is_young) {
            Some(epoch) => Ok(Turn::kept(&live.experiment, epoch)?),
            None => self.turn(live, known, now_ms).await,
        }
    }

    /// The known allocation, even if another one is due.
    async fn as_before(
        &self,
        live: &Live,
        known: Option<&Epoch>,
        now_ms: u64,
    ) -> Result<Option<Turn>, Fault> {
        match known.filter(|epoch| epoch.arms.len() == live.experiment.arms.len()) {
            Some(epoch) if live.experiment.unit != Unit::Visitor => {
                items::as_before(&self.env, live, epoch, now_ms).await
            }
            Some(epoch) => Ok(Some(Turn::kept(&live.experiment, epoch)?)),
            None => Ok(None),
        }
    }

    /// What the policy makes now of what was counted; and where a rule of the experiment decides it, the decision.
    async fn turn(&self, live: &mut Live, known: Option<&Epoch>, now_ms: u64) -> Result<Turn, Fault> {
        let (mut input, totals) = self.evidence(live, now_ms).await?;
        if live.stored.state == State::Running {
            let started_at_ms = live.stored.started_at_ms;
            if let Some(ruling) = stopping::check(&live.experiment, started_at_ms, &input, now_ms) {
                self.decide(live, &ruling, now_ms).await?;
                (input, _) = self.evidence(live, now_ms).await?;
            }
        }
        match live.experiment.unit {
            Unit::Visitor => Ok(Turn::next(live, known, input, &totals, now_ms)?),
            _ => items::opened(live, known, input, &totals, now_ms),
        }
    }

    async fn evidence(&self, live: &Live, now_ms: u64) -> Result<(PolicyInput, Vec<Tally>), Fault> {
        let experiment = &live.experiment;
        if experiment.unit != Unit::Visitor {
            return items::evidence(&self.env, live, now_ms).await;
        }
        let Compact { history, delays, .. } =
            central::history(&self.env, experiment, (now_ms / HOUR_MS) as u32).await?;
        let input = evidence::policy_input(experiment, &history, &delays, now_ms as f64 / HOUR_MS as f64)?;
        Ok((input, history.arm_totals()?))
    }

    /// Decides an experiment by its own rule.
    async fn decide(&self, live: &mut Live, ruling: &Ruling, now_ms: u64) -> Result<(), Fault> {
        let (name, revision) = (live.stored.name.clone(), live.stored.revision);
        let arm = live.experiment.arms.get(ruling.arm).map(|arm| arm.name.clone()).unwrap_or_default();
        let rule = ruling.rule.name();
        let reason = ruling.reason(&live.experiment);
        let decision = format!(r#"{{"arm":"{arm}","rule":"{rule}","at_ms":{now_ms}}}"#);
        let record = Record {
            at_ms: now_ms,
            who: "haggle".into(),
            action: "decide".into(),
            experiment: name.clone(),
            reason,
            before: r#"{"state":"running"}"#.into(),
            after: format!(r#"{{"state":"decided","decision":{decision}}}"#),
            // No header has a space, so that nobody else's key is this one.
            key: format!("rule {name} {revision}"),
            request: String::new(),
            status: 200,
            answer: None,
        };
        let change = experiments::decide(&self.env, &name, &decision, now_ms)?;
        audit::commit(&self.env, vec![change], &record).await?;
        let stored = Stored {
            state: State::Decided,
            revision: revision + 1,
            decided: Some(arm),
            ..live.stored.clone()
        };
        *live = Live::of(stored, live.groups.clone())?;
        Ok(())
    }
}

/// The snapshot of these turns. If it is refused, what no snapshot can carry even alone is left out: it must not stop
/// what is published of the others.
fn encoded(
    version: u64,
    now_ms: u64,
    live: &[Live],
    turns: &mut [Option<Turn>],
    shop: &Shop<'_>,
) -> Result<Vec<u8>, Error> {
    let encode = |turns: &[Option<Turn>]| {
        let entries = live.iter().zip(turns).filter_map(|(live, turn)| Some(turn.as_ref()?.entry(live)));
        Snapshot::encode_shop(version, now_ms, &entries.collect::<Vec<_>>(), shop)
    };
    if let Ok(bytes) = encode(turns) {
        return Ok(bytes);
    }
    for (live, turn) in live.iter().zip(turns.iter_mut()) {
        let alone = turn.as_ref().map(|turn| Snapshot::encode(1, 0, &[turn.entry(live)]));
        if let Some(Err(error)) = alone {
            worker::console_error!("experiment {} is left out: {error}", live.stored.name);
            *turn = None;
        }
    }
    encode(turns)
}

/// The name of an experiment that must be left out for what it is.
///
/// # Errors
/// The fault is not its own: the central store does not answer.
fn check_left_out(name: String, fault: Fault) -> Result<String, Fault> {
    if matches!(fault, Fault::Unavailable(_)) {
        return Err(fault);
    }
    worker::console_error!("experiment {name} is left out: {fault}");
    Ok(name)
}
