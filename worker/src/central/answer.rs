//! What the final answer is made from: the record of an experiment, and everything that was counted of it.
//!
//! The policy's history sums what is old in blocks; this one does not. Shares are the same all through an epoch, so an
//! epoch is one period, or two where the reward window of its younger exposures is not over.

use std::collections::BTreeMap;

use haggle::experiment::{HOLDOUT, NEGATIVE};
use haggle::{Cohort, Experiment, History, Period, Tally};
use worker::{Env, Result};

use super::{database, held, number, square_sums, summed};
use crate::http::Fault;
use crate::rows::{Row, only, query};

const DAY_MS: u64 = 86_400_000;

/// Epochs that are read at once: at most 130 rows each.
const EPOCHS_AT_ONCE: u32 = 250;

/// What the central store keeps of an experiment beside what was counted. Texts named `_json` are JSON.
pub struct Record {
    /// State, in the words of the API.
    pub state: String,
    /// Its prices are stopped.
    pub is_stopped: bool,
    /// As it was started.
    pub original_json: String,
    /// As it is.
    pub definition_json: String,
    /// Times in milliseconds since 1970-01-01 UTC; 0 where it has not come so far.
    pub started_at_ms: u64,
    /// See `started_at_ms`.
    pub decided_at_ms: u64,
    /// See `started_at_ms`.
    pub archived_at_ms: u64,
    /// What was decided; empty where nothing was.
    pub decision_json: String,
    /// The answer as it was when it was archived; empty before.
    pub report_json: String,
    /// The newest version.
    pub version: u64,
    /// All that was done to it, the first thing first; of drafts with long lists of items only that they were changed: no
    /// text has more than 2 MB, and what was started is `original_json`.
    pub interventions_json: String,
    /// Shares of its arms over time: lists of a time and the shares, at most 401, with the first and the last.
    pub allocations_json: String,
    /// Published prices of its items that were not what they should have been, the most frequent first, at most 100.
    pub mismatches_json: String,
    /// What else there is to say of it in short, as the evidence says it.
    pub head_json: String,
    /// Where it stood at the last publication; empty where that is not known.
    pub standing_json: String,
}

impl Record {
    /// The shares that are published, in the order of the arms; none where nothing was.
    pub fn shares(&self) -> Vec<u32> {
        // The last list of the last list.
        let last = self.allocations_json.rsplit('[').next().unwrap_or_default();
        last.split([',', ']']).filter_map(|share| share.parse().ok()).collect()
    }
}

/// The record of experiment ?1 at ?2.
const RECORD: &str = concat!(
    "SELECT state, stopped, COALESCE(original, ''), definition, COALESCE(started_at_ms, 0), COALESCE(decided_at_ms, 0), \
      COALESCE(archived_at_ms, 0), COALESCE(decision, ''), COALESCE(report, ''), \
      (SELECT COALESCE(MAX(version), 0) FROM snapshots), \
      (SELECT json_group_array(json_object('at_ms', at_ms, 'who', who, 'action', action, 'reason', reason, \
         'before', json(iif(is_long, '{}', before)), 'after', json(iif(is_long, '{}', after)))) FROM \
         (SELECT *, action = 'draft' AND length(before) + length(after) > 4000 AS is_long FROM audit \
          WHERE experiment = ?1 ORDER BY id)), \
      (SELECT json_group_array(json_array(opened_at_ms, json(shares))) FROM \
         (SELECT opened_at_ms, (SELECT json_group_array(value->>'share') FROM json_each(arms)) AS shares, \
            ROW_NUMBER() OVER (ORDER BY epoch) AS place, COUNT(*) OVER () AS count FROM epochs WHERE experiment = ?1) \
         WHERE place = 1 OR place = count OR place % ((count + 399) / 400) = 0), \
      (SELECT json_group_array(json_object('sku', sku, 'surface', surface, 'count', count)) FROM \
         (SELECT sku, surface, SUM(count) AS count FROM mismatches \
          WHERE (sku = e.definition->>'$.item.sku' OR sku IN (SELECT m.value->>'sku' FROM groups AS g, \
              json_each(g.members) AS m WHERE g.experiment = ?1)) \
            AND day BETWEEN e.started_at_ms / 86400000 AND COALESCE(e.archived_at_ms, ?2) / 86400000 \
          GROUP BY sku, surface ORDER BY 3 DESC, 1, 2 LIMIT 100)), \
      json_object('name', name, 'revision', revision, 'state', state, 'stopped', json(iif(stopped, 'true', 'false')), \
        'held', json(iif(",
    held!(),
    ", 'true', 'false')), 'decided', decision->>'arm', 'decision', json(decision), \
        'now_ms', CAST(?2 AS INTEGER), 'created_at_ms', created_at_ms, \
        'started_at_ms', started_at_ms, 'decided_at_ms', decided_at_ms, 'archived_at_ms', archived_at_ms, \
        'end_ms', unixepoch(definition->>'end') * 1000, 'version', (SELECT COALESCE(MAX(version), 0) FROM snapshots), \
        'published_at_ms', (SELECT published_at_ms FROM snapshots ORDER BY version DESC LIMIT 1), 'unit', COALESCE(definition->>'unit', 'visitor'), \
        'objective', definition->>'objective', 'currency', definition->>'currency'), \
      COALESCE((SELECT standing FROM standings WHERE experiment = ?1), '') \
    FROM experiments AS e WHERE name = ?1"
);

/// What is known of the experiment with this name, if there is one.
pub async fn record(env: &Env, name: &str, now_ms: u64) -> Result<Option<Record>> {
    let rows = query(&database(env)?, RECORD, &[name.into(), now_ms.into()]).await?;
    let read = |row: &Row| {
        Ok(Record {
            state: row.text(0)?,
            is_stopped: row.integer(1)? != 0,
            original_json: row.text(2)?,
            definition_json: row.text(3)?,
            started_at_ms: row.count(4)?,
            decided_at_ms: row.count(5)?,
            archived_at_ms: row.count(6)?,
            decision_json: row.text(7)?,
            report_json: row.text(8)?,
            version: row.count(9)?,
            interventions_json: row.text(10)?,
            allocations_json: row.text(11)?,
            mismatches_json: row.text(12)?,
            head_json: row.text(13)?,
            standing_json: row.text(14)?,
        })
    };
    rows.first().map(read).transpose()
}

/// What the evidence of an experiment follows from, in short: other evidence has another text here. None of that name.
pub async fn facts(env: &Env, name: &str, now_ms: u64) -> Result<Option<String>> {
    // Whatever is done to it raises its revision; a draft that is made anew has another time. What items sold is seen with
    // the next version. Mismatches are added to those of today, and only grow there. A rollback may be on record only
    // after its version.
    let sql = concat!(
        "SELECT json_array(revision, created_at_ms, (SELECT MAX(version) FROM snapshots), \
           (SELECT json_array(COUNT(*), SUM(sequence)) FROM sources), \
           (SELECT json_array(COUNT(*), SUM(count)) FROM mismatches WHERE day >= ?2), ",
        held!(),
        ") FROM experiments WHERE name = ?1"
    );
    query(&database(env)?, sql, &[name.into(), (now_ms / DAY_MS).into()])
        .await?
        .first()
        .map(|row| row.text(0))
        .transpose()
}

/// Tallies and shares of experiment ?1, epochs after ?2 up to ?3; what is before hour ?4 has all its rewards.
const COUNTED: &str = concat!(
    "SELECT 0, epoch, MAX(hour), arm, SUM(exposures), SUM(conversions), SUM(rewards), SUM(units), SUM(revenue_minor), \
     SUM(cost_minor)",
    square_sums!("revenue_sq"),
    square_sums!("profit_sq"),
    ", hour>=?4 AS young FROM tallies WHERE experiment=?1 AND epoch>?2 AND epoch<=?3 GROUP BY epoch, young, arm \
     UNION ALL SELECT 1, epoch, 0, v->>'arm', v->>'share', 0,0,0,0,0,0,0,0,0,0,0,0,0,0 \
     FROM (SELECT epoch, value AS v FROM epochs, json_each(arms) WHERE experiment=?1 AND epoch>?2 AND epoch<=?3) \
     ORDER BY 1, 2, 19"
);

/// Column of [`COUNTED`] that says whether rewards are still under way.
const YOUNG: usize = 18;

/// Share of the holdout in each epoch of experiment ?1, if it was ever extended; ?2 is what it is now. An epoch opens with
/// every change of the experiment.
const HOLDOUTS: &str = "\
    WITH x AS (SELECT id, at_ms, CAST(ROUND(65536 * (before->>'holdout')) AS INTEGER) AS was FROM audit \
      WHERE experiment = ?1 AND action = 'extend-holdout') \
    SELECT epoch, COALESCE((SELECT was FROM x WHERE x.at_ms > e.opened_at_ms ORDER BY id LIMIT 1), ?2) FROM epochs AS e \
    WHERE experiment = ?1 AND EXISTS (SELECT 1 FROM x) ORDER BY epoch";

/// Everything that was counted in an experiment, and the tally of its negative group.
pub async fn counted(
    env: &Env,
    experiment: &Experiment,
    now_hour: u32,
) -> std::result::Result<(History, Tally), Fault> {
    let db = database(env)?;
    let name = experiment.name.as_str();
    let last = "SELECT COALESCE(MAX(epoch), 0) FROM tallies WHERE experiment = ?1";
    let last = number(&only(query(&db, last, &[name.into()]).await?)?, 0)?;
    let young_from = u64::from(now_hour.saturating_sub(experiment.reward_window_hours));
    let mut read = Reading { experiment, periods: Vec::new(), negative: Tally::default() };
    let mut after = 0;
    while after < last {
        let to = after.saturating_add(EPOCHS_AT_ONCE);
        let values = [name.into(), u64::from(after).into(), u64::from(to).into(), young_from.into()];
        for row in &query(&db, COUNTED, &values).await? {
            if row.integer(0)? == 0 { read.tally(row)? } else { read.share(row)? }
        }
        after = to;
    }
    for row in &query(&db, HOLDOUTS, &[name.into(), u64::from(experiment.holdout_share()).into()]).await? {
        read.holdout(row)?;
    }
    let periods = read.periods.into_iter().map(|(_, period)| period).collect();
    Ok((History::new(periods)?, read.negative))
}

/// What was read so far: the periods in the order of their epochs, each beside whether rewards are still under way.
struct Reading<'a> {
    experiment: &'a Experiment,
    periods: Vec<(bool, Period)>,
    negative: Tally,
}

impl Reading<'_> {
    fn tally(&mut self, row: &Row) -> std::result::Result<(), Fault> {
        let (epoch, hour, is_young) = (number(row, 1)?, number(row, 2)?, row.integer(YOUNG)? != 0);
        let (name, tally) = (row.text(3)?, summed(row)?);
        if name == NEGATIVE {
            self.negative = self.negative.plus(&tally)?;
            return Ok(());
        }
        let is_last = |last: &(bool, Period)| last.0 == is_young && last.1.cohort.epoch == epoch;
        if !self.periods.last().is_some_and(is_last) {
            let arms = vec![Tally::default(); self.experiment.arms.len()];
            let cohort = Cohort { epoch, hour };
            let period = Period { cohort, shares: Vec::new(), arms, holdout: Tally::default() };
            self.periods.push((is_young, period));
        }
        let Some((_, period)) = self.periods.last_mut() else { return Ok(()) };
        period.cohort.hour = period.cohort.hour.max(hour);
        let place = self.experiment.arms.iter().position(|arm| arm.name == name);
        match place.and_then(|place| period.arms.get_mut(place)) {
            Some(of_arm) => *of_arm = tally,
            None if name == HOLDOUT => period.holdout = tally,
            None => {}
        }
        Ok(())
    }

    /// The periods of an epoch.
    fn of_epoch(&mut self, epoch: u32) -> impl Iterator<Item = &mut Period> {
        let first = self.periods.partition_point(|(_, period)| period.cohort.epoch < epoch);
        let after = self.periods.iter_mut().skip(first).map(|(_, period)| period);
        after.take_while(move |period| period.cohort.epoch == epoch)
    }

    /// The share of the holdout stands after those of the arms.
    fn holdout(&mut self, row: &Row) -> Result<()> {
        let (epoch, share) = (number(row, 0)?, number(row, 1)?);
        self.of_epoch(epoch)
            .filter(|period| !period.shares.is_empty())
            .for_each(|period| period.shares.push(share));
        Ok(())
    }

    fn share(&mut self, row: &Row) -> Result<()> {
        let (epoch, name, share) = (number(row, 1)?, row.text(3)?, number(row, 4)?);
        let arms = &self.experiment.arms;
        let (place, count) = (arms.iter().position(|arm| arm.name == name), arms.len());
        let Some(place) = place else { return Ok(()) };
        for period in self.of_epoch(epoch) {
            period.shares.resize(count, 0);
            if let Some(of_arm) = period.shares.get_mut(place) {
                *of_arm = share;
            }
        }
        Ok(())
    }
}

/// The shares of these epochs, in the order of the arms; nothing for an epoch whose shares were not kept.
pub async fn published(
    env: &Env,
    experiment: &Experiment,
    epochs: &[u32],
) -> Result<BTreeMap<u32, Vec<u32>>> {
    let sql = "SELECT epoch, a.value->>'arm', a.value->>'share' FROM epochs, json_each(arms) AS a \
               WHERE experiment = ?1 AND epoch IN (SELECT value FROM json_each(?2))";
    let list = serde_json::to_string(epochs)?;
    let mut published = BTreeMap::new();
    for row in query(&database(env)?, sql, &[experiment.name.as_str().into(), list.as_str().into()]).await? {
        let name = row.text(1)?;
        let place = experiment.arms.iter().position(|arm| arm.name == name);
        let shares: &mut Vec<u32> =
            published.entry(number(&row, 0)?).or_insert_with(|| vec![0; experiment.arms.len()]);
        if let Some(share) = place.and_then(|place| shares.get_mut(place)) {
            *share = number(&row, 2)?;
        }
    }
    Ok(published)
}

/// The shards that have ever reported, by their ids and in the order of those.
pub async fn shards(env: &Env) -> Result<Vec<String>> {
    let rows = query(&database(env)?, "SELECT source FROM sources ORDER BY source", &[]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// What the items of an experiment on visitors sold since its start, whoever bought: key, pieces, net revenue and cost.
pub async fn of_items(env: &Env, experiment: &str) -> Result<Vec<(String, i64, i64, i64)>> {
    let sql = "SELECT sku, SUM(units), SUM(revenue_minor), SUM(cost_minor) FROM item_tallies WHERE experiment = ?1 \
               GROUP BY sku ORDER BY sku";
    let rows = query(&database(env)?, sql, &[experiment.into()]).await?;
    rows.iter().map(|row| Ok((row.text(0)?, row.integer(1)?, row.integer(2)?, row.integer(3)?))).collect()
}
