//! Where the live experiments stand, stored with each publication, so that an overview of all of them computes nothing.
//!
//! Nothing is computed where nothing is published. It comes after the publication, and what fails here holds up nothing:
//! the standing of before stays, with its time. What is sold of many items is much to read, so such an experiment has a
//! new standing only when it opens an epoch, when somebody asks for a publication, or after ten minutes; and where items are
//! randomised, whose sales are known by the hour, not because somebody asks.
//!
//! A change waits for the publication before it, and so for this: there are so many milliseconds for all of them, and what
//! is the longest ago comes first, so that each has its turn; but for those that have taken all of the time, which come
//! last. A kill switch does not wait for it.

use haggle::Groups;
use haggle::experiment::{Goods, Unit};
use worker::D1PreparedStatement;

use super::Publisher;
use super::turn::{Live, Turn};
use crate::central::standings;
use crate::clock;
use crate::http::Fault;
use crate::rows::in_time;
use crate::seen::Seen;

/// Age from which the standing of an experiment on many items is computed anew with any publication.
const MANY_ITEMS_MS: u64 = 600_000;

/// Milliseconds that the standings of one publication may take in all: what is not computed then is with the next.
const ALL_MS: u64 = 5_000;

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
        let begun_ms = clock::machine_ms();
        let left_ms = || ALL_MS.saturating_sub(clock::machine_ms().saturating_sub(begun_ms));
        let known = in_time(ALL_MS, standings::computed(&self.env)).await?;
        let mut due = Vec::new();
        for (live, turn) in live.iter().zip(turns) {
            let Some(turn) = turn else { continue };
            let computed = known.iter().find(|known| known.0 == live.stored.name).map(|known| known.1);
            let is_young = computed.is_some_and(|at_ms| now_ms < at_ms + MANY_ITEMS_MS);
            let is_quick = matches!(live.experiment.goods, Goods::Item(_))
                || is_asked && live.experiment.unit == Unit::Visitor;
            if is_quick || turn.opened.is_some() || !is_young {
                due.push((computed, live, turn));
            }
        }
        let mut slow = self.slow.borrow().clone();
        slow.retain(|name| live.iter().any(|live| live.stored.name == *name));
        due.sort_by_key(|(computed, live, _)| {
            (slow.iter().position(|name| *name == live.stored.name), *computed)
        });
        let mut changes = Vec::new();
        for (_, live, turn) in due {
            let name = &live.stored.name;
            slow.retain(|slow| slow != name);
            let standing = async { Ok(self.standing(live, turn, version, now_ms).await) };
            match in_time(left_ms(), standing).await {
                Ok(Ok(change)) => changes.push(change),
                Ok(Err(fault)) => {
                    worker::console_error!("standing of {name}: {fault}");
                    // None of the others would come in time either.
                    if matches!(fault, Fault::Unavailable(_)) {
                        break;
                    }
                }
                Err(error) => {
                    worker::console_error!("standing of {name} and those after it wait: {error}");
                    slow.push(name.clone());
                    break;
                }
            }
        }
        self.slow.replace(slow);
        Ok(in_time(ALL_MS, standings::store(&self.env, changes)).await?)
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
