//! Stages 5 to 7: the sync job, which sums the sources, updates the posterior and publishes the next snapshot.
//!
//! One Durable Object, named `publisher`, does all of it, so that versions only grow and two syncs never mix. It also
//! takes experiments in, because what runs and what is published must not disagree. The order of a publication is
//! D1 first (the version is a primary key there), then one KV put: if the put fails, the next sync publishes a newer
//! version with at least the same content.
//!
//! An experiment keeps its allocation for at least `EPOCH_MIN_S`; a publication in between repeats the posterior
//! that opened the epoch, so that the shares which the edge computes are those which the central store knows.

use std::cell::RefCell;

use futures_util::lock::Mutex;
use haggle::experiment::{EXPERIMENTS_MAX, HOLDOUT};
use haggle::{Entry, Error, Experiment, Ledger, Snapshot, Tally, evidence};
use serde::Serialize;
use worker::{Date, DurableObject, Env, Method, Request, Response, Result, State, durable_object};

use crate::cache::{self, SNAPSHOT_KEY};
use crate::central::{self, Epoch, EpochArm, HistoryRow, Publication};
use crate::http::{Fault, json_response, post, text_body, text_of};
use crate::ledger;
use crate::settings::Settings;

const EXPERIMENT_BYTES_MAX: usize = 64 * 1024;

/// A snapshot with the same content goes out again after ten minutes, so that its age tells that the job runs.
const REPUBLISH_AFTER_MS: u64 = 600_000;

/// Where version and time of a snapshot end and its content begins.
const CONTENT_FROM: usize = 32;

/// Name of the one publisher, and the path of its sync.
const PUBLISHER: &str = "publisher";
const SYNC: &str = "/haggle/v1/sync";

type Answer = std::result::Result<Response, Fault>;

/// Hands a request of the admin API to the publisher.
pub async fn forward(request: Request, env: &Env) -> Answer {
    Ok(env.durable_object("PUBLISHER")?.get_by_name(PUBLISHER)?.fetch_with_request(request).await?)
}

/// A sync on schedule: sums what the shards have reported by themselves.
pub async fn sync_on_schedule(env: &Env) -> std::result::Result<(), Fault> {
    let response = forward(post(&format!("http://publisher{SYNC}?scheduled=1"), "")?, env).await?;
    if response.status_code() == 200 { Ok(()) } else { Err(Fault::Unavailable(text_of(response).await?)) }
}

/// The publisher.
#[durable_object]
pub struct Publisher {
    env: Env,
    /// One change of what runs or is published at a time; a request waits for the one before it.
    turn: Mutex<()>,
    /// Content of the last snapshot that this object has put into KV.
    published: RefCell<Vec<u8>>,
}

impl DurableObject for Publisher {
    fn new(_state: State, env: Env) -> Self {
        Self { env, turn: Mutex::new(()), published: RefCell::default() }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let path = request.path();
        let name = path.strip_prefix("/haggle/v1/experiments/").map(str::to_owned);
        let _turn = self.turn.lock().await;
        let answer = match (request.method(), name) {
            (Method::Post, None) if path == SYNC => {
                let scheduled = crate::http::query(&request, "scheduled").is_some();
                self.sync(!scheduled).await
            }
            (Method::Put, Some(name)) => self.put_experiment(&name, &request).await,
            (Method::Delete, Some(name)) => self.end_experiment(&name).await,
            _ => Err(Fault::NotFound(format!("no {path} here"))),
        };
        answer.or_else(|fault| fault.response())
    }
}

#[derive(Serialize)]
struct StateView<'a> {
    name: &'a str,
    state: &'static str,
}

#[derive(Serialize)]
struct SyncView {
    version: u64,
    experiments: usize,
    epochs_opened: usize,
    exposures: i64,
    /// Shards that were asked to report and did not; their totals follow by their own alarms.
    shards_failed: u32,
    /// Whether a new version went out; on schedule only where something changed or the last one ages.
    published: bool,
}

impl Publisher {
    async fn put_experiment(&self, name: &str, request: &Request) -> Answer {
        let text = text_body(request, EXPERIMENT_BYTES_MAX).await?;
        let experiment = Experiment::from_json(&text)?;
        if experiment.name != name {
            let given = &experiment.name;
            return Err(Fault::Bad(format!("name is {given:?}; it must be {name:?}, as in the path")));
        }
        match central::experiment(&self.env, name).await? {
            Some((state, _)) if state != "running" => {
                let why = "has ended; choose a new name for a new experiment";
                return Err(Fault::Conflict(format!("experiment {name} {why}")));
            }
            Some((_, known)) if Experiment::from_json(&known).is_ok_and(|known| known == experiment) => {
                return Ok(json_response(&StateView { name, state: "running" }, 200)?);
            }
            Some(_) => {
                let why = "is running with another definition; end it and choose a new name";
                return Err(Fault::Conflict(format!("experiment {name} {why}")));
            }
            None => {}
        }
        let mut running = self.running().await?;
        let sku = &experiment.item.sku;
        if let Some(other) = running.iter().find(|other| other.item.sku == *sku) {
            let other = &other.name;
            return Err(Fault::Conflict(format!(
                "item {sku} is priced by {other}; one experiment at a time"
            )));
        }
        if running.len() >= EXPERIMENTS_MAX {
            return Err(Fault::Conflict(format!(
                "{EXPERIMENTS_MAX} experiments are running, which is the most"
            )));
        }
        running.push(experiment);
        // What the snapshot would refuse must not be accepted here.
        let nothing = Ledger::default();
        let mut entries = Vec::with_capacity(running.len());
        for experiment in &running {
            let input = evidence::pooled(experiment, &nothing.arm_totals(experiment)?)?;
            entries.push(Entry { experiment, epoch: 1, input });
        }
        Snapshot::encode(1, 0, &entries)?;
        if let Some(experiment) = running.last() {
            central::add_experiment(&self.env, experiment, &text, Date::now().as_millis()).await?;
        }
        Ok(json_response(&StateView { name, state: "running" }, 201)?)
    }

    async fn end_experiment(&self, name: &str) -> Answer {
        if central::experiment(&self.env, name).await?.is_none() {
            return Err(Fault::NotFound(format!("no experiment {name}")));
        }
        central::end_experiment(&self.env, name, Date::now().as_millis()).await?;
        Ok(json_response(&StateView { name, state: "ended" }, 200)?)
    }

    async fn running(&self) -> std::result::Result<Vec<Experiment>, Fault> {
        let definitions = central::running(&self.env).await?;
        let mut running = Vec::with_capacity(definitions.len());
        for definition in definitions {
            running.push(Experiment::from_json(&definition)?);
        }
        Ok(running)
    }

    /// One turn of the loop. On demand every shard reports first, and a version goes out in any case.
    async fn sync(&self, on_demand: bool) -> Answer {
        let settings = Settings::of(&self.env).map_err(Fault::Unavailable)?;
        let mut shards_failed = 0;
        if on_demand {
            for index in 0..settings.ledger_shards {
                let shard = ledger::shard_name(settings.ledger_shards, index);
                // A shard that cannot report now must not keep an ended experiment on the pages.
                if let Err(fault) = ledger::push(&self.env, &shard).await {
                    worker::console_error!("shard {shard}: {fault}");
                    shards_failed += 1;
                }
            }
        }
        let experiments = self.running().await?;
        let totals = central::ledger(&self.env).await?;
        let known = central::newest_epochs(&self.env).await?;
        let (newest, published_at_ms) = central::newest_version(&self.env).await?;
        // KV may know a higher version than D1 does, after a restore of D1.
        let in_kv = cache::published_version(&self.env).await;
        let newest =
            newest.max(in_kv.map_err(|_| Fault::Unavailable("KV does not answer now; ask again".into()))?);
        let (now_ms, version) = (Date::now().as_millis(), newest + 1);

        let mut turns = Vec::with_capacity(experiments.len());
        for experiment in &experiments {
            let known = known.iter().find(|epoch| epoch.experiment == experiment.name);
            turns.push(Turn::of(experiment, known, &totals, &settings, now_ms)?);
        }
        let (mut entries, mut history, mut opened) = (Vec::new(), Vec::new(), Vec::new());
        for turn in &turns {
            entries.push(turn.entry()?);
            turn.history(&totals, &mut history)?;
            if turn.is_new {
                opened.push(&turn.epoch);
            }
        }
        let bytes = Snapshot::encode(version, now_ms, &entries)?;
        let content = bytes.get(CONTENT_FROM..).unwrap_or_default();
        let ages = now_ms.saturating_sub(published_at_ms) >= REPUBLISH_AFTER_MS;
        let published = on_demand || ages || *self.published.borrow() != content;
        let view = SyncView {
            version: if published { version } else { newest },
            experiments: experiments.len(),
            epochs_opened: opened.len(),
            exposures: history.iter().map(|row| row.exposures).sum(),
            shards_failed,
            published,
        };
        if published {
            // Should the put fail, the next sync must publish again.
            self.published.take();
            central::publish(&self.env, &Publication { version, now_ms, bytes: &bytes, opened, history })
                .await?;
            let kv = self.env.kv("SNAPSHOTS")?;
            let put = kv.put_bytes(SNAPSHOT_KEY, &bytes).map_err(worker::Error::from)?;
            put.execute().await.map_err(worker::Error::from)?;
            self.published.replace(content.to_vec());
        }
        Ok(json_response(&view, 200)?)
    }
}

/// What a publication does with one experiment.
struct Turn<'a> {
    experiment: &'a Experiment,
    epoch: Epoch,
    is_new: bool,
}

impl<'a> Turn<'a> {
    /// Goes on with the known allocation, or opens the next if it differs and the known one is old enough.
    fn of(
        experiment: &'a Experiment,
        known: Option<&Epoch>,
        totals: &Ledger,
        settings: &Settings,
        now_ms: u64,
    ) -> std::result::Result<Self, Error> {
        let kept = |epoch: &Epoch| Self { experiment, epoch: epoch.clone(), is_new: false };
        let least_ms = settings.epoch_min_s.saturating_mul(1000);
        if let Some(epoch) = known.filter(|epoch| now_ms < epoch.opened_at_ms.saturating_add(least_ms)) {
            return Ok(kept(epoch));
        }
        let number = known.map_or(0, |epoch| epoch.number) + 1;
        // The shares are those that the edge will compute: from the decoded snapshot itself.
        let input = evidence::pooled(experiment, &totals.arm_totals(experiment)?)?;
        let entry = Entry { experiment, epoch: number, input };
        let trial = Snapshot::decode(Snapshot::encode(1, now_ms, &[entry])?)?;
        let shares = trial.experiments().first().map_or(&[][..], |live| live.allocation().shares());
        let mut arms = Vec::with_capacity(shares.len());
        for (arm, share) in experiment.arms.iter().zip(shares) {
            let total = totals.arm_total(&experiment.name, &arm.name)?;
            arms.push(EpochArm {
                arm: arm.name.clone(),
                share: *share,
                exposures: total.exposures.max(0) as u64,
                conversions: total.conversions.max(0) as u64,
            });
        }
        let is_same = |epoch: &&Epoch| epoch.arms.iter().map(|arm| arm.share).eq(shares.iter().copied());
        if let Some(epoch) = known.filter(is_same) {
            return Ok(kept(epoch));
        }
        let epoch = Epoch { experiment: experiment.name.clone(), number, opened_at_ms: now_ms, arms };
        Ok(Self { experiment, epoch, is_new: true })
    }

    /// The experiment with the posterior that opened its epoch.
    fn entry(&self) -> std::result::Result<Entry<'a>, Error> {
        let experiment = self.experiment;
        let mut counted = Vec::with_capacity(experiment.arms.len());
        for arm in &self.epoch.arms {
            let (exposures, conversions) = (arm.exposures as i64, arm.conversions as i64);
            counted.push(Tally { exposures, conversions, ..Tally::default() });
        }
        let input = evidence::pooled(experiment, &counted)?;
        Ok(Entry { experiment, epoch: self.epoch.number, input })
    }

    fn history<'t>(
        &'t self,
        totals: &Ledger,
        rows: &mut Vec<HistoryRow<'t>>,
    ) -> std::result::Result<(), Error> {
        let experiment = self.experiment.name.as_str();
        let arms = self.epoch.arms.iter().map(|arm| (arm.arm.as_str(), arm.share));
        for (arm, share) in arms.chain([(HOLDOUT, 0)]) {
            let total = totals.arm_total(experiment, arm)?;
            rows.push(HistoryRow {
                experiment,
                arm,
                share,
                exposures: total.exposures,
                conversions: total.conversions,
                revenue_minor: total.revenue_minor,
                cost_minor: total.cost_minor,
            });
        }
        Ok(())
    }
}
