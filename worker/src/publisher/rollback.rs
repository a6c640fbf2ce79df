//! Back to what was published before: the content of an older version under a new one, held until somebody resumes.
//!
//! While it is held, tallies are merged as ever and nothing else is published. Experiments that are over by now do not
//! come back: they are stopped in it.

use haggle::Stops;
use haggle::lifecycle::Signature;

use serde::Serialize;

use super::asked::Asked;
use super::{Answer, Publisher, last};
use crate::central::{self, Publication, experiments};
use crate::clock;
use crate::http::json_response;

#[derive(Serialize)]
struct RollbackView {
    held: bool,
    version: u64,
    content_of: u64,
}

impl Publisher {
    /// Publishes the content of an older version, and holds it.
    pub(super) async fn roll_back(&self, asked: &Asked) -> Answer {
        let (signature, content_of) = Signature::read_rollback(&asked.body)?;
        let mut record = asked.signed("rollback", "", &signature)?;
        let old = central::snapshot(&self.env, content_of).await?;
        let last = last::read(&self.sql)?;
        let live = experiments::live(&self.env).await?;
        let is_over = |name: &str| live.iter().all(|stored| stored.name != name);
        let stopped = live.iter().filter(|stored| stored.is_stopped).map(|stored| stored.name.as_str());
        let over = old.experiments().iter().map(haggle::LiveExperiment::name).filter(|name| is_over(name));
        // Remembered, so that they stay stopped whatever else is stopped or resumed meanwhile; no other experiment will
        // ever have the name of one that is over.
        stopped.chain(over).try_for_each(|name| last::set_one_stopped(&self.sql, name, true))?;
        let (_, after_kv) = self.newest().await?;
        let version = after_kv.max(central::newest(&self.env).await?.version + 1);
        let now_ms = clock::now_ms();
        let stopped = last::read(&self.sql)?.stopped;
        let stops = Stops { all: last.is_stopped, experiments: &stopped };
        let bytes = old.republished(version, now_ms, &stops)?;
        let publication = Publication { version, now_ms, bytes: &bytes, opened: Vec::new() };
        last::reserve(&self.sql, version)?;
        central::publish(&self.env, &publication).await?;
        let view = RollbackView { held: true, version, content_of };
        record.before = format!(r#"{{"held":{},"version":{}}}"#, last.is_held, last.version);
        record.after = format!(r#"{{"held":true,"version":{version},"content_of":{content_of}}}"#);
        record.answer = Some(serde_json::to_string(&view).map_err(worker::Error::from)?);
        // Whatever is held is on record, even where KV fails or a kill switch comes next, or nobody would be told that
        // there is something to resume. What was not put is put by the next sync.
        last::set_held(&self.sql, true)?;
        last::add_done(&self.sql, &record)?;
        let is_put = self.put(version, &bytes).await;
        // What fails of this is tried again by the next sync, too.
        self.flush_in_time().await.ok();
        is_put?;
        Ok(json_response(&view, 200)?)
    }
}
