//! Stages 5 to 7: the sync job, which sums the sources, updates the posterior and publishes the next snapshot.
//!
//! One Durable Object, named `publisher`, does all of it, so that versions only grow and two syncs never mix. It also
//! takes experiments and the site in, because what runs and what is published must not disagree. The order of a
//! publication is D1 first (the version is a primary key there), then one KV put: if the put fails, the next sync
//! publishes a newer version with at least the same content.
//!
//! Stopping all prices needs no D1: the last snapshot goes out again, under a new version, with the flag that stops.
//!
//! An experiment keeps its allocation for at least `EPOCH_MIN_S`; a publication in between repeats, bit for bit, what
//! the policy looked at when the epoch was opened, so that the shares which the edge computes are those which the
//! central store knows.

mod last;

use std::cell::RefCell;

use futures_util::lock::Mutex;
use haggle::experiment::EXPERIMENTS_MAX;
use haggle::snapshot::Shop;
use haggle::{
    Delays, Entry, Error, Experiment, History, PolicyInput, Site, Snapshot, Stops, Tally, evidence,
};
use serde::Serialize;
use worker::{DurableObject, Env, Method, Request, Response, Result, SqlStorage, State, durable_object};

use crate::cache::{self, SNAPSHOT_KEY};
use crate::central::{self, Epoch, EpochArm, Publication};
use crate::clock;
use crate::http::{Fault, json_response, post, text_body, text_of};
use crate::kv::Kv;
use crate::ledger;
use crate::settings::Settings;

const EXPERIMENT_BYTES_MAX: usize = 64 * 1024;
const SITE_BYTES_MAX: usize = 64 * 1024;

/// The site where none is stored: marks in the pages alone.
pub const EMPTY_SITE: &str = "{}";

/// A snapshot with the same content goes out again after ten minutes, so that its age tells that the job runs.
const REPUBLISH_AFTER_MS: u64 = 600_000;

const HOUR_MS: u64 = 3_600_000;

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
    sql: SqlStorage,
    /// One change of what runs or is published at a time; a request waits for the one before it.
    turn: Mutex<()>,
    /// Content of the last snapshot that this object has put into KV.
    published: RefCell<Vec<u8>>,
}

impl DurableObject for Publisher {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        if let Err(error) = last::prepare(&sql) {
            // Every change will then fail and be sent again.
            worker::console_error!("publisher's schema: {error}");
        }
        Self { env, sql, turn: Mutex::new(()), published: RefCell::default() }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        clock::tick(&self.env).await;
        let path = request.path();
        let name = path.strip_prefix("/haggle/v1/experiments/").map(str::to_owned);
        let _turn = self.turn.lock().await;
        let answer = match (request.method(), name) {
            (Method::Post, None) if path == SYNC => {
                let scheduled = crate::http::query(&request, "scheduled").is_some();
                self.sync(!scheduled).await
            }
            (Method::Post, None) if path == "/haggle/v1/stop" => self.set_stopped(true).await,
            (Method::Post, None) if path == "/haggle/v1/resume" => self.set_stopped(false).await,
            (Method::Put, None) if path == "/haggle/v1/site" => self.put_site(&request).await,
            (Method::Delete, None) if path == "/haggle/v1/site" => self.delete_site().await,
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
struct SiteView {
    /// It is in the pages from the next publication on.
    site: &'static str,
}

#[derive(Serialize)]
struct StopView {
    stopped: bool,
    version: u64,
}

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
        let site = central::site(&self.env).await?;
        check_charge(&experiment, &Site::from_json(site.as_deref().unwrap_or(EMPTY_SITE))?)?;
        let mut running = self.running().await?;
        let sku = experiment.item().map_or("", |item| &item.sku);
        if let Some(other) = running.iter().find(|other| other.item().is_some_and(|item| item.sku == sku)) {
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
        let nothing = History::default();
        let mut entries = Vec::with_capacity(running.len());
        for experiment in &running {
            let input = evidence::policy_input(experiment, &nothing, &Delays::default(), 0.0)?;
            entries.push(Entry::new(experiment, 1, input));
        }
        Snapshot::encode(1, 0, &entries)?;
        if let Some(experiment) = running.last() {
            central::add_experiment(&self.env, experiment, &text, clock::now_ms()).await?;
        }
        Ok(json_response(&StateView { name, state: "running" }, 201)?)
    }

    async fn end_experiment(&self, name: &str) -> Answer {
        if central::experiment(&self.env, name).await?.is_none() {
            return Err(Fault::NotFound(format!("no experiment {name}")));
        }
        central::end_experiment(&self.env, name, clock::now_ms()).await?;
        Ok(json_response(&StateView { name, state: "ended" }, 200)?)
    }

    async fn put_site(&self, request: &Request) -> Answer {
        let text = text_body(request, SITE_BYTES_MAX).await?;
        let site = Site::from_json(&text)?;
        self.running().await?.iter().try_for_each(|experiment| check_charge(experiment, &site))?;
        // What the snapshot would refuse must not be accepted here.
        Snapshot::encode_shop(1, 0, &[], &Shop { site_json: &text, ..Shop::default() })?;
        central::set_site(&self.env, &text, clock::now_ms()).await?;
        Ok(json_response(&SiteView { site: "accepted" }, 200)?)
    }

    async fn delete_site(&self) -> Answer {
        central::delete_site(&self.env).await?;
        Ok(json_response(&SiteView { site: "empty" }, 200)?)
    }

    /// Stops all prices, or lets them go on, with what was published last. The flag is durable before it goes out: if
    /// the put fails, the next sync does it.
    async fn set_stopped(&self, is_stopped: bool) -> Answer {
        last::set_stopped(&self.sql, is_stopped)?;
        let last = last::read(&self.sql)?;
        let in_kv = cache::published(&self.env).await;
        // An object that has never put a snapshot goes on with the one in KV.
        let known = Snapshot::decode(last.bytes).ok();
        let known = [known, in_kv.ok().flatten()].into_iter().flatten().max_by_key(Snapshot::version);
        let version = known.as_ref().map_or(last.version, |known| known.version().max(last.version)) + 1;
        let now_ms = clock::now_ms();
        let bytes = match known {
            Some(known) => {
                known.republished(version, now_ms, &Stops { all: is_stopped, experiments: &[] })?
            }
            None => Snapshot::encode_shop(version, now_ms, &[], &Shop { is_stopped, ..Shop::default() })?,
        };
        self.put(version, &bytes).await?;
        Ok(json_response(&StopView { stopped: is_stopped, version }, 200)?)
    }

    /// Puts a snapshot into KV.
    async fn put(&self, version: u64, bytes: &[u8]) -> Result<()> {
        // Should the put fail, the next sync must publish again.
        self.published.take();
        last::set_snapshot(&self.sql, version, bytes)?;
        Kv::of(&self.env, "SNAPSHOTS")?.write(SNAPSHOT_KEY, bytes).await?;
        self.published.replace(bytes.get(CONTENT_FROM..).unwrap_or_default().to_vec());
        Ok(())
    }

    async fn running(&self) -> std::result::Result<Vec<Experiment>, Fault> {
        let definitions = central::running(&self.env).await?;
        let mut running = Vec::with_capacity(definitions.len());
        for definition in definitions {
            running.push(Experiment::from_json(&definition)?);
        }
        Ok(running)
    }

    /// What the policy makes now of what was counted.
    async fn turn<'a>(
        &self,
        experiment: &'a Experiment,
        known: Option<&Epoch>,
        now_ms: u64,
    ) -> std::result::Result<Turn<'a>, Fault> {
        let (history, delays) = central::history(&self.env, experiment, (now_ms / HOUR_MS) as u32).await?;
        let input = evidence::policy_input(experiment, &history, &delays, now_ms as f64 / HOUR_MS as f64)?;
        Ok(Turn::next(experiment, known, input, &history.arm_totals()?, now_ms)?)
    }

    /// A turn of each experiment: the shares that it keeps, or those of a new epoch.
    async fn turns<'a>(
        &self,
        experiments: &'a [Experiment],
        known: &[Epoch],
        settings: &Settings,
        now_ms: u64,
    ) -> std::result::Result<Vec<Turn<'a>>, Fault> {
        let least_ms = settings.epoch_min_s.saturating_mul(1000);
        let mut turns = Vec::with_capacity(experiments.len());
        for experiment in experiments {
            let known = known.iter().find(|epoch| epoch.experiment == experiment.name);
            turns.push(match known {
                Some(epoch) if now_ms < epoch.opened_at_ms.saturating_add(least_ms) => {
                    Turn::kept(experiment, epoch)?
                }
                _ => match (self.turn(experiment, known, now_ms).await, known) {
                    (Ok(turn), _) => turn,
                    // What cannot be summed up or shared out in one experiment must not stop the others.
                    (Err(fault), Some(epoch)) => {
                        worker::console_error!("experiment {} keeps its shares: {fault}", experiment.name);
                        Turn::kept(experiment, epoch)?
                    }
                    (Err(fault), None) => {
                        worker::console_error!("experiment {} does not begin yet: {fault}", experiment.name);
                        continue;
                    }
                },
            });
        }
        Ok(turns)
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
        let known = central::newest_epochs(&self.env).await?;
        let before = central::newest(&self.env).await?;
        // KV may know a higher version than D1 does, after a restore of D1.
        let in_kv = cache::published(&self.env).await;
        let in_kv = in_kv.map_err(|_| Fault::Unavailable("KV does not answer now; ask again".into()))?;
        let in_kv = in_kv.map_or(0, |snapshot| snapshot.version());
        let last = last::read(&self.sql)?;
        let newest = before.version.max(in_kv).max(last.version);
        let (now_ms, version) = (clock::now_ms(), newest + 1);

        let turns = self.turns(&experiments, &known, &settings, now_ms).await?;
        let (mut entries, mut epochs) = (Vec::new(), Vec::new());
        for turn in turns {
            entries.push(turn.entry);
            epochs.push((turn.epoch, turn.is_new));
        }
        let opened: Vec<&Epoch> =
            epochs.iter().filter(|(_, is_new)| *is_new).map(|(epoch, _)| epoch).collect();
        let site = central::site(&self.env).await?;
        let site_json = site.as_deref().unwrap_or(EMPTY_SITE);
        let shop = Shop { site_json, is_stopped: last.is_stopped, ..Shop::default() };
        let bytes = Snapshot::encode_shop(version, now_ms, &entries, &shop)?;
        let content = bytes.get(CONTENT_FROM..).unwrap_or_default();
        let ages = now_ms.saturating_sub(before.published_at_ms) >= REPUBLISH_AFTER_MS;
        let published = on_demand || ages || *self.published.borrow() != content;
        let view = SyncView {
            version: if published { version } else { newest },
            experiments: entries.len(),
            epochs_opened: opened.len(),
            exposures: before.exposures,
            shards_failed,
            published,
            stopped: last.is_stopped,
        };
        if published {
            self.published.take();
            central::publish(&self.env, &Publication { version, now_ms, bytes: &bytes, opened }).await?;
            self.put(version, &bytes).await?;
        }
        Ok(json_response(&view, 200)?)
    }
}

/// A price that differs between visitors needs a way for the quote to reach the charge.
fn check_charge(experiment: &Experiment, site: &Site) -> std::result::Result<(), Fault> {
    let name = &experiment.name;
    site.check_charge().map_err(|why| Fault::Conflict(format!("experiment {name} has unit visitor: {why}")))
}

/// What a publication does with one experiment.
struct Turn<'a> {
    entry: Entry<'a>,
    epoch: Epoch,
    is_new: bool,
}

impl<'a> Turn<'a> {
    /// Goes on with the known allocation, from what opened it.
    fn kept(experiment: &'a Experiment, epoch: &Epoch) -> std::result::Result<Self, Error> {
        // A release that kept no input, or kept it in a form that is not known here, looked at these counts.
        let counted = |arm: &EpochArm| Tally {
            exposures: arm.exposures as i64,
            conversions: arm.conversions as i64,
            ..Tally::default()
        };
        let of_counts = || evidence::pooled(experiment, &epoch.arms.iter().map(counted).collect::<Vec<_>>());
        let input = decided(epoch.input.clone()).map(|(_, input)| input).or_else(|_| of_counts())?;
        let entry = Entry::new(experiment, epoch.number, input);
        Ok(Self { entry, epoch: epoch.clone(), is_new: false })
    }

    /// Opens the next allocation, or goes on with the known one where the shares are the same.
    fn next(
        experiment: &'a Experiment,
        known: Option<&Epoch>,
        input: PolicyInput,
        totals: &[Tally],
        now_ms: u64,
    ) -> std::result::Result<Self, Error> {
        let number = known.map_or(0, |epoch| epoch.number) + 1;
        // Shares and input are those that the edge will have: from the decoded snapshot itself.
        let bytes = Snapshot::encode(1, 0, &[Entry::new(experiment, number, input)])?;
        let (shares, input) = decided(bytes.clone())?;
        if let Some(epoch) =
            known.filter(|epoch| epoch.arms.iter().map(|arm| arm.share).eq(shares.iter().copied()))
        {
            return Self::kept(experiment, epoch);
        }
        let mut arms = Vec::with_capacity(shares.len());
        for (place, (arm, share)) in experiment.arms.iter().zip(shares).enumerate() {
            let total = totals.get(place).copied().unwrap_or_default();
            arms.push(EpochArm {
                arm: arm.name.clone(),
                share,
                exposures: total.exposures.max(0) as u64,
                conversions: total.conversions.max(0) as u64,
            });
        }
        let epoch =
            Epoch { experiment: experiment.name.clone(), number, opened_at_ms: now_ms, arms, input: bytes };
        Ok(Self { entry: Entry::new(experiment, number, input), epoch, is_new: true })
    }
}

/// Shares of the one experiment in a snapshot, and what its policy looked at.
fn decided(bytes: Vec<u8>) -> std::result::Result<(Vec<u32>, PolicyInput), Error> {
    let snapshot = Snapshot::decode(bytes)?;
    let live = snapshot.experiments().first();
    let decided = live.map(|live| (live.allocation().shares().to_vec(), live.input().clone()));
    decided.ok_or_else(|| Error::value("number of experiments of an epoch", 0, "1"))
}
