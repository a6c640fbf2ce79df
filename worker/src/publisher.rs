//! Stages 5 to 7: the sync job, which sums the sources, updates the posterior and publishes the next snapshot; and all
//! that changes what runs.
//!
//! One Durable Object, named `publisher`, does all of it, so that versions only grow and two syncs never mix. It also
//! takes experiments and the site in, because what runs and what is published must not disagree; and because it does one
//! thing after the other, of two people who change the same experiment one is told that it has changed. Only for a kill
//! switch the one before it is not finished: it gives way (`way`). The order of a publication is D1 first (the version is
//! a primary key there), then one KV put: if the put fails, the next sync publishes a newer version with at least the same
//! content.
//!
//! | file | what |
//! |---|---|
//! | `asked` | a request that changes something: who, why, by which key, and whether it was answered before |
//! | `actions` | drafts, and what may be done to an experiment |
//! | `start` | the start: groups, and what they must not touch |
//! | `kill` | stop and resume, of one experiment and of all, without D1 |
//! | `rollback` | the content of an older version, held until somebody resumes |
//! | `items` | the turn of an experiment whose units are items |
//! | `sync`, `turn` | the loop: what is published, and from which epoch |
//! | `standings` | where each live experiment stands, stored with each publication |
//! | `last` | what the Publisher itself remembers |
//! | `way` | whose turn it is, and what gives way to a kill switch |

mod actions;
mod asked;
pub mod items;
mod kill;
mod last;
mod rollback;
mod standings;
mod start;
mod sync;
mod turn;
mod way;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use haggle::snapshot::Shop;
use haggle::{Experiment, Groups, Site, Snapshot};
use serde::Serialize;
use worker::{
    Delay, DurableObject, Env, Method, Request, Response, Result, SqlStorage, State, durable_object,
};

use self::asked::Asked;
pub use self::asked::tagged;
use self::way::Way;
use crate::cache::{self, SNAPSHOT_KEY};
use crate::central::audit::Record;
use crate::central::{self, experiments::Stored};
use crate::clock;
use crate::http::{Fault, json_text, post, text_of};
use crate::kv::Kv;
use crate::rows::in_time;

const SITE_BYTES_MAX: usize = 64 * 1024;

/// The site where none is stored: marks in the pages alone.
pub const EMPTY_SITE: &str = "{}";

/// Where version and time of a snapshot end and its content begins.
const CONTENT_FROM: usize = 32;

/// Name of the one publisher, and the path of its sync.
const PUBLISHER: &str = "publisher";
const SYNC: &str = "/haggle/v1/sync";

/// Milliseconds for which KV may take a snapshot: a kill switch waits for that.
const KV_WAIT_MS: u64 = 10_000;

/// Milliseconds between two values for one key of KV, and a little more.
const KV_EVERY_MS: u64 = 1_100;

/// Milliseconds in which a snapshot that KV had not taken in time could still replace a newer one there: so long each sync
/// publishes.
const UNSURE_MS: u64 = 300_000;

/// What stands before the name of an experiment.
const EXPERIMENT: &str = "/haggle/v1/experiments/";

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
    way: Way,
    /// Content of the last snapshot that this object has put into KV.
    published: RefCell<Vec<u8>>,
    /// Groups by experiment, with the revision that they were read at.
    groups: RefCell<Vec<(String, u64, Rc<Groups>)>>,
    /// Until when an older snapshot may arrive in KV after a newer one.
    unsure_until_ms: Cell<u64>,
    /// Experiments whose standings were not computed in time, the last one last.
    slow: RefCell<Vec<String>>,
}

impl DurableObject for Publisher {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        if let Err(error) = last::prepare(&sql) {
            // Every change will then fail and be sent again.
            worker::console_error!("publisher's schema: {error}");
        }
        Self {
            env,
            sql,
            way: Way::default(),
            published: RefCell::default(),
            groups: RefCell::default(),
            unsure_until_ms: Cell::default(),
            slow: RefCell::default(),
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let stops = self.way.stops();
        clock::tick(&self.env).await;
        let is_post = request.method() == Method::Post;
        let answer = if is_post && request.path().ends_with("/stop") {
            let _turn = self.way.first().await;
            self.answer(&request).await
        } else {
            let is_resume = is_post && request.path().ends_with("/resume");
            let _turn = self.way.next().await;
            match is_resume {
                true if self.way.stops() != stops => Err(way::look()),
                true => self.way.giving(self.answer(&request), way::look()).await,
                false => self.way.giving(self.answer(&request), way::again()).await,
            }
        };
        answer.or_else(|fault| fault.response())
    }
}

impl Publisher {
    async fn answer(&self, request: &Request) -> Answer {
        let path = request.path();
        if path == SYNC && crate::http::query(request, "scheduled").is_some() {
            return Ok(json_text(self.sync(false).await?, 200)?);
        }
        let asked = Asked::read(request, &path).await?;
        if let Some(answer) = self.answered(&asked).await? {
            return Ok(answer);
        }
        let target = path.strip_prefix(EXPERIMENT).map(|rest| rest.split_once('/').unwrap_or((rest, "")));
        match (request.method(), target) {
            (Method::Post, None) if path == SYNC => self.sync_once(&asked).await,
            (Method::Post, None) if path == "/haggle/v1/stop" => self.stop_all(&asked, true).await,
            (Method::Post, None) if path == "/haggle/v1/resume" => self.stop_all(&asked, false).await,
            (Method::Post, None) if path == "/haggle/v1/rollback" => self.roll_back(&asked).await,
            (Method::Put, None) if path == "/haggle/v1/site" => self.put_site(&asked).await,
            (Method::Delete, None) if path == "/haggle/v1/site" => self.delete_site(&asked).await,
            (Method::Put, Some((name, ""))) => self.put_draft(&asked, name).await,
            (Method::Delete, Some((name, ""))) => self.delete_draft(&asked, name).await,
            (Method::Post, Some((name, "stop"))) => self.stop_one(&asked, name, true).await,
            (Method::Post, Some((name, "resume"))) => self.stop_one(&asked, name, false).await,
            (Method::Post, Some((name, action))) => self.act(&asked, name, action).await,
            _ => Err(Fault::NotFound(format!("no {path} here"))),
        }
    }
}

#[derive(Serialize)]
struct SiteView {
    /// It is in the pages from the next publication on.
    site: &'static str,
}

impl Publisher {
    async fn put_site(&self, asked: &Asked) -> Answer {
        if asked.body.len() > SITE_BYTES_MAX {
            return Err(Fault::TooLarge(SITE_BYTES_MAX));
        }
        let site = Site::from_json(&asked.body)?;
        for stored in central::experiments::live(&self.env).await? {
            check_charge(&stored.experiment()?, &site)?;
        }
        // What the snapshot would refuse must not be accepted here.
        Snapshot::encode_shop(1, 0, &[], &Shop { site_json: &asked.body, ..Shop::default() })?;
        self.change_site(asked, &asked.body, "accepted").await
    }

    async fn delete_site(&self, asked: &Asked) -> Answer {
        self.change_site(asked, EMPTY_SITE, "empty").await
    }

    async fn change_site(&self, asked: &Asked, definition: &str, site: &'static str) -> Answer {
        let known = central::site(&self.env).await?;
        let now_ms = clock::now_ms();
        let answer = serde_json::to_string(&SiteView { site }).map_err(worker::Error::from)?;
        let record = Record {
            before: known.unwrap_or_else(|| EMPTY_SITE.into()),
            after: definition.into(),
            answer: Some(answer),
            ..asked.unsigned("site", "")
        };
        let change = central::site_change(&self.env, definition, now_ms)?;
        Ok(json_text(central::audit::commit(&self.env, vec![change], &record).await?, 200)?)
    }

    /// Puts a snapshot into KV.
    async fn put(&self, version: u64, bytes: &[u8]) -> Result<()> {
        // Should the put fail, the next sync must publish again.
        self.published.take();
        last::set_snapshot(&self.sql, version, bytes)?;
        // What gave way now could be written after what comes first.
        let _kept = self.way.keep();
        let kv = Kv::of(&self.env, "SNAPSHOTS")?;
        let written = in_time(KV_WAIT_MS, async {
            let Err(error) = kv.write(SNAPSHOT_KEY, bytes).await else { return Ok(()) };
            // It takes one value for a key in a second: another publication may have been just before.
            worker::console_error!("KV: {error}");
            Delay::from(Duration::from_millis(KV_EVERY_MS)).await;
            kv.write(SNAPSHOT_KEY, bytes).await
        });
        if let Err(error) = written.await {
            self.unsure_until_ms.set(clock::now_ms() + UNSURE_MS);
            return Err(error);
        }
        self.published.replace(bytes.get(CONTENT_FROM..).unwrap_or_default().to_vec());
        Ok(())
    }

    /// The newest snapshot that is known without D1, and the version after all.
    async fn newest(&self) -> std::result::Result<(Option<Snapshot>, u64), Fault> {
        let last_version = last::read(&self.sql)?.version;
        // An object that has never put a snapshot goes on with the one in KV.
        let in_kv = cache::published(&self.env).await;
        let known = Snapshot::decode(last::snapshot(&self.sql)?).ok();
        let known = [known, in_kv.ok().flatten()].into_iter().flatten().max_by_key(Snapshot::version);
        let version = known.as_ref().map_or(last_version, |known| known.version().max(last_version)) + 1;
        Ok((known, version))
    }

    /// The groups of an experiment, read once for each revision; none where it prices one item.
    async fn groups(
        &self,
        stored: &Stored,
        experiment: &Experiment,
    ) -> std::result::Result<Option<Rc<Groups>>, Fault> {
        if experiment.item().is_some() {
            return Ok(None);
        }
        let is_it = |known: &&(String, u64, Rc<Groups>)| known.0 == stored.name && known.1 == stored.revision;
        let known = self.groups.borrow().iter().find(is_it).map(|(_, _, groups)| groups.clone());
        if known.is_some() {
            return Ok(known);
        }
        let read = Rc::new(central::groups::read(&self.env, &stored.name).await?);
        let mut cached = self.groups.borrow_mut();
        cached.retain(|(name, _, _)| *name != stored.name);
        cached.push((stored.name.clone(), stored.revision, read.clone()));
        Ok(Some(read))
    }
}

/// A price that differs between visitors needs a way for the quote to reach the charge.
fn check_charge(experiment: &Experiment, site: &Site) -> std::result::Result<(), Fault> {
    if experiment.unit != haggle::experiment::Unit::Visitor {
        return Ok(());
    }
    let name = &experiment.name;
    site.check_charge().map_err(|why| Fault::Conflict(format!("experiment {name} has unit visitor: {why}")))
}
