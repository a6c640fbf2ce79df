//! What a publication does with one experiment: the shares that it keeps, or those of a new epoch.
//!
//! An experiment keeps its allocation for at least `EPOCH_MIN_S`; a publication in between repeats, bit for bit, what
//! the policy looked at when the epoch was opened, so that the shares which the edge computes are those which the
//! central store knows. An experiment that somebody has changed opens the next epoch at once.

use std::rc::Rc;

use haggle::mac::fingerprint;
use haggle::{Entry, Error, Experiment, Groups, PolicyInput, Snapshot, Tally, evidence, lifecycle};

use crate::central::experiments::Stored;
use crate::central::{Epoch, EpochArm};
use crate::http::Fault;

/// A live experiment as it is published.
pub struct Live {
    /// As it is stored.
    pub stored: Stored,
    /// Without what nobody new is to have.
    pub experiment: Experiment,
    /// Its items; none where it prices one.
    pub groups: Option<Rc<Groups>>,
    /// Fingerprint of it: another one opens an epoch.
    pub definition: String,
}

impl Live {
    /// What is published of a stored experiment.
    pub fn of(stored: Stored, groups: Option<Rc<Groups>>) -> Result<Self, Fault> {
        let experiment = lifecycle::published(&stored.experiment()?, stored.decided.as_deref());
        let definition = fingerprint(&["haggle epoch", &experiment.to_json()]);
        Ok(Self { stored, experiment, groups, definition })
    }
}

/// What a publication does with one experiment.
pub struct Turn {
    /// Number of the allocation.
    pub number: u32,
    /// When it was opened.
    pub opened_at_ms: u64,
    /// What the policy looks at.
    pub input: PolicyInput,
    /// Where items are randomised, the position of each one's arm, in the order of the groups' members.
    pub arms_of: Vec<u8>,
    /// Where items are randomised, until when their prices hold; 0: no end is known.
    pub until_ms: u64,
    /// The shares of its arms out of 65536.
    pub shares: Vec<u32>,
    /// The allocation that begins with it, if it is a new one.
    pub opened: Option<Epoch>,
}

impl Turn {
    /// Goes on with the known allocation, from what opened it.
    pub fn kept(experiment: &Experiment, epoch: &Epoch) -> Result<Self, Error> {
        // A release that kept no input, or kept it in a form that is not known here, looked at these counts.
        let counted = |arm: &EpochArm| Tally {
            exposures: arm.exposures as i64,
            conversions: arm.conversions as i64,
            ..Tally::default()
        };
        let of_counts = || evidence::pooled(experiment, &epoch.arms.iter().map(counted).collect::<Vec<_>>());
        let input = decided(epoch.input.clone()).map(|(_, input)| input).or_else(|_| of_counts())?;
        let (number, opened_at_ms) = (epoch.number, epoch.opened_at_ms);
        let shares = epoch.arms.iter().map(|arm| arm.share).collect();
        Ok(Self { number, opened_at_ms, input, arms_of: Vec::new(), until_ms: 0, shares, opened: None })
    }

    /// Opens the next allocation, or goes on with the known one where experiment and shares are the same.
    pub fn next(
        live: &Live,
        known: Option<&Epoch>,
        input: PolicyInput,
        totals: &[Tally],
        now_ms: u64,
    ) -> Result<Self, Error> {
        let turn = Self::opened(live, known, input, totals, now_ms)?;
        let is_same = |epoch: &&Epoch| {
            let shares = epoch.arms.iter().map(|arm| &arm.share);
            epoch.definition == live.definition && shares.eq(&turn.shares)
        };
        match known.filter(is_same) {
            Some(epoch) => Self::kept(&live.experiment, epoch),
            None => Ok(turn),
        }
    }

    /// Opens the next allocation in any case.
    pub fn opened(
        live: &Live,
        known: Option<&Epoch>,
        input: PolicyInput,
        totals: &[Tally],
        now_ms: u64,
    ) -> Result<Self, Error> {
        let experiment = &live.experiment;
        let number = known.map_or(0, |epoch| epoch.number) + 1;
        // Shares and input are those that the edge will have: from the decoded snapshot itself. Without the items, which
        // are no part of what a policy looks at.
        let bytes = Snapshot::encode(1, 0, &[Entry::new(experiment, number, input)])?;
        let (shares, input) = decided(bytes.clone())?;
        let mut arms = Vec::with_capacity(shares.len());
        for (place, (arm, &share)) in experiment.arms.iter().zip(&shares).enumerate() {
            let total = totals.get(place).copied().unwrap_or_default();
            arms.push(EpochArm {
                arm: arm.name.clone(),
                share,
                exposures: total.exposures.max(0) as u64,
                conversions: total.conversions.max(0) as u64,
            });
        }
        let epoch = Epoch {
            experiment: experiment.name.clone(),
            number,
            opened_at_ms: now_ms,
            definition: live.definition.clone(),
            arms,
            input: bytes,
            assignments: Vec::new(),
        };
        let (arms_of, opened) = (Vec::new(), Some(epoch));
        Ok(Self { number, opened_at_ms: now_ms, input, arms_of, until_ms: 0, shares, opened })
    }

    /// Its part of the snapshot.
    pub fn entry<'a>(&'a self, live: &'a Live) -> Entry<'a> {
        Entry {
            experiment: &live.experiment,
            epoch: self.number,
            input: self.input.clone(),
            groups: live.groups.as_deref(),
            arms_of: &self.arms_of,
            opened_at_ms: self.opened_at_ms,
            until_ms: self.until_ms,
            is_paused: live.stored.state == lifecycle::State::Paused,
        }
    }
}

/// Shares of the one experiment in a snapshot, and what its policy looked at.
fn decided(bytes: Vec<u8>) -> Result<(Vec<u32>, PolicyInput), Error> {
    let snapshot = Snapshot::decode(bytes)?;
    let live = snapshot.experiments().first();
    let decided = live.map(|live| (live.allocation().shares().to_vec(), live.input().clone()));
    decided.ok_or_else(|| Error::value("number of experiments of an epoch", 0, "1"))
}
