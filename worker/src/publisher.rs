//! Stages 5 to 7: the sync job, which sums the sources, updates the posterior and publishes the next snapshot.
//!
//! One Durable Object, named `publisher`, does all of it, so that versions only grow and two syncs never mix. It also
//! takes experiments in, because what runs and what is published must not disagree. The order of a publication is
//! D1 first (the version is a primary key there), then one KV put: if the put fails, the next sync publishes a newer
//! version with at least the same content.
//!
//! An experiment keeps its allocation for at least `EPOCH_MIN_S`; a publication in between repeats the posterior
//! that opened the epoch, so that the shares which the edge computes are those which the central store knows.

use futures_util::lock::Mutex;
use haggle::experiment::EXPERIMENTS_MAX;
use haggle::{Entry, Experiment, Ledger, Posterior, Snapshot};
use serde_json::{Value, json};
use worker::{
    Date, DurableObject, Env, Method, Request, RequestInit, Response, Result, State, durable_object,
};

use crate::cache::SNAPSHOT_KEY;
use crate::central::{self, Epoch, EpochArm, HistoryRow, Publication};
use crate::http::{Fault, json_response, text_body};
use crate::ledger;
use crate::settings::Settings;

const EXPERIMENT_BYTES_MAX: usize = 64 * 1024;

/// Name of the one publisher, and the path of its sync.
const PUBLISHER: &str = "publisher";
const SYNC: &str = "/haggle/v1/sync";

/// Hands a request of the admin API to the publisher.
pub async fn forward(request: Request, env: &Env) -> std::result::Result<Response, Fault> {
    Ok(env.durable_object("PUBLISHER")?.get_by_name(PUBLISHER)?.fetch_with_request(request).await?)
}

/// A sync on schedule: sums what the shards have reported by themselves.
pub async fn sync_on_schedule(env: &Env) -> std::result::Result<(), Fault> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post);
    let request = Request::new_with_init(&format!("http://publisher{SYNC}?scheduled=1"), &init)?;
    let mut response = forward(request, env).await?;
    if response.status_code() == 200 { Ok(()) } else { Err(Fault::Unavailable(response.text().await?)) }
}

/// The publisher.
#[durable_object]
pub struct Publisher {
    env: Env,
    /// One change of what runs or is published at a time; a request waits for the one before it.
    turn: Mutex<()>,
}

impl DurableObject for Publisher {
    fn new(_state: State, env: Env) -> Self {
        Self { env, turn: Mutex::new(()) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        let name = path.strip_prefix("/haggle/v1/experiments/").map(str::to_owned);
        let _turn = self.turn.lock().await;
        let answer = match (request.method(), name) {
            (Method::Post, None) if path == SYNC => {
                let scheduled = crate::http::query(&request, "scheduled").is_some();
                self.sync(!scheduled).await.map(|report| (200, report))
            }
            (Method::Put, Some(name)) => self.put_experiment(&name, &mut request).await,
            (Method::Delete, Some(name)) => self.end_experiment(&name).await,
            _ => Err(Fault::NotFound(format!("no {} {path}", request.method()))),
        };
        match answer {
            Ok((status, body)) => json_response(&body, status),
            Err(fault) => fault.response(),
        }
    }
}

impl Publisher {
    async fn put_experiment(
        &self,
        name: &str,
        request: &mut Request,
    ) -> std::result::Result<(u16, Value), Fault> {
        let experiment = Experiment::from_json(&text_body(request, EXPERIMENT_BYTES_MAX).await?)?;
        if experiment.name != name {
            let given = &experiment.name;
            return Err(Fault::Bad(format!("name is {given:?}; it must be {name:?}, as in the path")));
        }
        let stored = central::experiments(&self.env).await?;
        if let Some(known) = stored.iter().find(|known| known.name == name) {
            return if known.state != "running" {
                Err(Fault::Conflict(format!(
                    "experiment {name} has ended; choose a new name for a new experiment"
                )))
            } else if known.definition == experiment.to_json() {
                Ok((200, json!({ "name": name, "state": "running" })))
            } else {
                let why = "is running with another definition; end it and choose a new name";
                Err(Fault::Conflict(format!("experiment {name} {why}")))
            };
        }
        let mut running = Vec::new();
        for other in stored.iter().filter(|other| other.state == "running") {
            running.push(Experiment::from_json(&other.definition)?);
        }
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
        let entries = running.iter().map(|experiment| entry(experiment, 1, &Ledger::default()));
        Snapshot::encode(1, 0, &entries.collect::<std::result::Result<Vec<_>, _>>()?)?;
        if let Some(experiment) = running.last() {
            central::add_experiment(&self.env, experiment, Date::now().as_millis()).await?;
        }
        Ok((201, json!({ "name": name, "state": "running" })))
    }

    async fn end_experiment(&self, name: &str) -> std::result::Result<(u16, Value), Fault> {
        let stored = central::experiments(&self.env).await?;
        if !stored.iter().any(|known| known.name == name) {
            return Err(Fault::NotFound(format!("no experiment {name}")));
        }
        central::end_experiment(&self.env, name, Date::now().as_millis()).await?;
        Ok((200, json!({ "name": name, "state": "ended" })))
    }

    /// One turn of the loop. `ask` has every shard report first, instead of waiting for their alarms.
    async fn sync(&self, ask: bool) -> std::result::Result<Value, Fault> {
        let settings = Settings::of(&self.env).map_err(|error| Fault::Unavailable(error.to_string()))?;
        if ask {
            let shards = settings.ledger_shards;
            let names: Vec<String> = (0..shards).map(|index| ledger::shard_name(shards, index)).collect();
            let reports = names.iter().map(|name| ledger::push(&self.env, name));
            futures_util::future::join_all(reports)
                .await
                .into_iter()
                .collect::<std::result::Result<(), _>>()?;
        }
        let experiments = central::experiments(&self.env)
            .await?
            .iter()
            .filter(|stored| stored.state == "running")
            .map(|stored| Experiment::from_json(&stored.definition))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let totals = central::ledger(&self.env).await?;
        let known = central::newest_epochs(&self.env).await?;
        let now_ms = Date::now().as_millis();
        let version = central::newest_version(&self.env).await? + 1;

        let mut turns = Vec::new();
        for experiment in &experiments {
            turns.push(Turn::of(experiment, known.get(&experiment.name), &totals, &settings, now_ms)?);
        }
        let entries = turns.iter().map(Turn::entry).collect::<std::result::Result<Vec<_>, _>>()?;
        let bytes = Snapshot::encode(version, now_ms, &entries)?;
        let opened =
            turns.iter().filter(|turn| turn.is_new).map(|turn| (turn.experiment.name.as_str(), &turn.epoch));
        let opened: Vec<_> = opened.collect();
        let mut history = Vec::new();
        for turn in &turns {
            history.extend(turn.history(&totals, version, now_ms)?);
        }
        let exposures: i64 = history.iter().map(|row| row.exposures).sum();
        let report = json!({
            "version": version,
            "experiments": experiments.len(),
            "epochs_opened": opened.len(),
            "exposures": exposures,
        });
        central::publish(&self.env, &Publication { version, now_ms, bytes: &bytes, opened, history }).await?;
        let kv = self.env.kv("SNAPSHOTS")?;
        let put = kv.put_bytes(SNAPSHOT_KEY, &bytes).map_err(worker::Error::from)?;
        put.execute().await.map_err(worker::Error::from)?;
        Ok(report)
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
    ) -> std::result::Result<Self, haggle::Error> {
        let kept = |epoch: &Epoch| Self { experiment, epoch: epoch.clone(), is_new: false };
        let too_soon = |epoch: &&Epoch| {
            now_ms < epoch.opened_at_ms.saturating_add(settings.epoch_min_s.saturating_mul(1000))
        };
        if let Some(epoch) = known.filter(too_soon) {
            return Ok(kept(epoch));
        }
        let number = known.map_or(0, |epoch| epoch.epoch) + 1;
        // The shares are those that the edge will compute: from the decoded snapshot itself.
        let trial = Snapshot::encode(1, now_ms, &[entry(experiment, number, totals)?])?;
        let trial = Snapshot::decode(trial)?;
        let shares = trial.experiments().first().map_or(&[][..], |live| live.allocation().shares());
        let mut arms = Vec::new();
        for (arm, share) in experiment.arms.iter().zip(shares) {
            let total = totals.arm_total(&experiment.name, &arm.name)?;
            arms.push(EpochArm {
                arm: arm.name.clone(),
                share: *share,
                exposures: total.exposures.max(0) as u64,
                conversions: total.conversions.max(0) as u64,
            });
        }
        let same = |epoch: &&Epoch| epoch.arms.iter().map(|arm| arm.share).eq(shares.iter().copied());
        Ok(match known.filter(same) {
            Some(epoch) => kept(epoch),
            None => {
                Self { experiment, epoch: Epoch { epoch: number, opened_at_ms: now_ms, arms }, is_new: true }
            }
        })
    }

    /// The experiment with the posterior that opened its epoch.
    fn entry(&self) -> std::result::Result<Entry<'a>, haggle::Error> {
        let experiment = self.experiment;
        let posteriors = experiment.arms.iter().zip(&self.epoch.arms).map(|(arm, counted)| {
            let value_minor = experiment.value_minor(arm);
            Posterior::update(experiment.prior, counted.exposures, counted.conversions, value_minor)
        });
        let posteriors = posteriors.collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Entry { experiment, epoch: self.epoch.epoch, posteriors })
    }

    fn history(
        &self,
        totals: &Ledger,
        version: u64,
        at_ms: u64,
    ) -> std::result::Result<Vec<HistoryRow>, haggle::Error> {
        let name = &self.experiment.name;
        let held_out = ("holdout", 0);
        let arms = self.epoch.arms.iter().map(|arm| (arm.arm.as_str(), arm.share)).chain([held_out]);
        arms.map(|(arm, share)| {
            let total = totals.arm_total(name, arm)?;
            Ok(HistoryRow {
                experiment: name.clone(),
                version,
                at_ms,
                arm: arm.to_owned(),
                share,
                exposures: total.exposures,
                conversions: total.conversions,
                revenue_minor: total.revenue_minor,
                cost_minor: total.cost_minor,
            })
        })
        .collect()
    }
}

fn entry<'a>(
    experiment: &'a Experiment,
    epoch: u32,
    totals: &Ledger,
) -> std::result::Result<Entry<'a>, haggle::Error> {
    Ok(Entry { experiment, epoch, posteriors: totals.posteriors(experiment)? })
}
