//! Where the live experiments stand, stored with each publication, so that an overview of all of them computes nothing.
//!
//! Nothing is computed where nothing is published. It comes after the publication, and what fails here holds up nothing:
//! the standing of before stays, with its time. What is sold of many items is much to read, so such an experiment has a
//! new standing only when it opens an epoch, when somebody asks for a publication, or after ten minutes; and where items are
//! randomised, whose sales are known by the hour, not because somebody asks.

use haggle::Groups;
use haggle::experiment::{Goods, Unit};
use worker::D1PreparedStatement;

use super::Publisher;
use super::turn::{Live, Turn};
use crate::central::standings;
use crate::http::Fault;
use crate::seen::Seen;

/// Age from which the standing of an experiment on many items is computed anew with any publication.
const MANY_ITEMS_MS: u64 = 600_000;

impl Publisher {
    /// Stores where each of the experiments stands that this version prices.
    pub(super) async fn keep_standings(
        &self,
        live: &[Live],
        turns: &[Option<Turn>],
        version: u64,
        now_ms: u64,
        is_asked: bool,
    ) -> Result<(), Fault> {
        let known = standings::computed(&self.env).await?;
        let mut changes = Vec::new();
        for (live, turn) in live.iter().zip(turns) {
            let Some(turn) = turn else { continue };
            let name = &live.stored.name;
            let is_young = |known: &(String, u64)| known.0 == *name && now_ms < known.1 + MANY_ITEMS_MS;
            let is_quick = matches!(live.experiment.goods, Goods::Item(_))
                || is_asked && live.experiment.unit == Unit::Visitor;
            if is_quick || turn.opened.is_some() || !known.iter().any(is_young) {
                match self.standing(live, turn, version, now_ms).await {
                    Ok(change) => changes.push(change),
                    // None of the others would come in time either.
                    Err(fault @ Fault::Unavailable(_)) => return Err(fault),
                    Err(fault) => worker::console_error!("standing of {name}: {fault}"),
                }
            }
        }
        Ok(standings::store(&self.env, changes).await?)
    }

    async fn standing(
        &self,
        live: &Live,
        turn: &Turn,
        version: u64,
        now_ms: u64,
    ) -> Result<D1PreparedStatement, Fault> {
        // As it is stored, not as it is published: what nobody new is to have was counted, too.
        let experiment = live.stored.experiment()?;
        let nothing = Groups::default();
        let groups = live.groups.as_deref().unwrap_or(&nothing);
        let seen = Seen::compact(&self.env, &experiment, groups, live.stored.started_at_ms, now_ms).await?;
        let found = seen.answer(&experiment)?;
        let standing = found.standing_json(&experiment, &turn.shares, now_ms);
        Ok(standings::change(&self.env, &live.stored.name, version, now_ms, &standing)?)
    }
}
