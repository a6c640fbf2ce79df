//! The turn of an experiment whose units are items: the arms of all items, for everybody.
//!
//! Items keep their arms for a period. A new period draws them anew, under an allocation made of what was sold in the
//! epochs that ended before it began. If somebody changes the experiment within a period, an epoch opens at once with
//! the *same* draw and the same evidence: only items of arms that come or go are moved. A mere new posterior moves
//! nothing. An experiment without periods stays in its first for ever.
//!
//! Sales are known by the hour. An epoch counts from its first full hour (one that it opened in the first ten minutes of
//! counts as full) and after the washout, up to the hour in which the next one opens.

use std::collections::BTreeMap;

use haggle::cluster::{self, Observation, Panel, Total};
use haggle::experiment::{Objective, Unit};
use haggle::lifecycle::State;
use haggle::time::HOUR_MS;
use haggle::{Cohort, Delays, Error, Experiment, Groups, History, Period, PolicyInput, Tally, evidence};
use worker::Env;

use super::turn::{Live, Turn};
use crate::central::Epoch;
use crate::central::sales::{self, Hours, Opened};
use crate::http::Fault;

/// An epoch that opens so soon after a full hour counts from that hour on: the sync comes every minute.
const LATE_MS: u64 = 600_000;

/// Rows in one statement.
const ROWS_PER_STATEMENT: usize = 1_000;

/// Rows that are read at once: few statements, however many periods there were, and never more than an isolate has room for.
const ROWS_AT_ONCE: usize = 20_000;

/// Periods of an experiment: where they begin, and how long they are.
#[derive(Debug, Clone, Copy)]
struct Calendar {
    start_ms: u64,
    period_hours: Option<u32>,
}

impl Calendar {
    /// Periods begin at a full hour, that of the start.
    fn of(experiment: &Experiment, started_at_ms: u64) -> Self {
        let start_ms = experiment.start_ms.unwrap_or(0).max(started_at_ms);
        let period_hours = experiment.period_hours.filter(|_| experiment.unit == Unit::ItemPeriod);
        Self { start_ms: start_ms / HOUR_MS * HOUR_MS, period_hours }
    }

    /// Number and end of the period of a moment.
    fn period(&self, at_ms: u64) -> (u64, u64) {
        cluster::period_at(self.start_ms, self.period_hours, at_ms)
    }
}

/// Goes on with the known epoch where its period is not over and nobody has changed the experiment; else none.
///
/// A paused or decided experiment draws nothing anew.
///
/// # Errors
/// The central store does not answer.
pub async fn kept(env: &Env, live: &Live, known: Option<&Epoch>, now_ms: u64) -> Result<Option<Turn>, Fault> {
    let experiment = &live.experiment;
    let calendar = Calendar::of(experiment, live.stored.started_at_ms);
    let period = |at_ms| calendar.period(at_ms).0;
    let goes_on = |epoch: &&Epoch| {
        let is_over = period(epoch.opened_at_ms) != period(now_ms)
            || experiment.end_ms.is_some_and(|end_ms| end_ms <= now_ms);
        epoch.definition == live.definition && !(is_over && live.stored.state == State::Running)
    };
    match known.filter(goes_on) {
        Some(epoch) => as_before(env, live, epoch, now_ms).await,
        None => Ok(None),
    }
}

/// The known epoch with the arms that its items have; none where they are not those of the groups.
///
/// # Errors
/// The central store does not answer.
pub async fn as_before(env: &Env, live: &Live, epoch: &Epoch, now_ms: u64) -> Result<Option<Turn>, Fault> {
    let Some(arms_of) = arms_of(env, live, epoch.number).await? else { return Ok(None) };
    let until_ms = until_ms(live, now_ms);
    Ok(Some(Turn { arms_of, until_ms, ..Turn::kept(&live.experiment, epoch)? }))
}

/// Opens the next epoch with this input (see [`evidence`]): in a new period with a new draw, else with the same.
///
/// # Errors
/// None as a rule; an input that no snapshot can carry.
pub fn opened(
    live: &Live,
    known: Option<&Epoch>,
    input: PolicyInput,
    totals: &[Tally],
    now_ms: u64,
) -> Result<Turn, Fault> {
    let experiment = &live.experiment;
    let mut turn = Turn::opened(live, known, input, totals, now_ms)?;
    let allocation = experiment.policy.name.allocate(&turn.input);
    let period = Calendar::of(experiment, live.stored.started_at_ms).period(now_ms).0;
    let seed = cluster::period_seed(&experiment.salt, period);
    let nothing = Groups::default();
    let groups = live.groups.as_deref().unwrap_or(&nothing);
    turn.arms_of = cluster::assign(groups, &allocation, experiment.control_index(), &seed);
    turn.until_ms = until_ms(live, now_ms);
    if let Some(epoch) = &mut turn.opened {
        epoch.assignments = assignments(groups, &turn.arms_of)?;
    }
    Ok(turn)
}

/// Until when the prices hold: to the end of the period or of the experiment; 0 where no end is known.
fn until_ms(live: &Live, now_ms: u64) -> u64 {
    let (_, ends_ms) = Calendar::of(&live.experiment, live.stored.started_at_ms).period(now_ms);
    let until_ms = ends_ms.min(live.experiment.end_ms.unwrap_or(u64::MAX));
    if live.stored.state == State::Running && until_ms < u64::MAX { until_ms } else { 0 }
}

/// The arms of a known epoch, in the order of the groups' members; none where they are not those of these groups.
async fn arms_of(env: &Env, live: &Live, epoch: u32) -> Result<Option<Vec<u8>>, Fault> {
    let assigned = sales::assigned(env, &live.experiment.name, epoch).await?;
    let Some(groups) = live.groups.as_deref() else { return Ok(None) };
    if assigned.len() != groups.positive().count() {
        return Ok(None);
    }
    let control = u8::try_from(live.experiment.control_index()).unwrap_or(0);
    let mut assigned = assigned.into_iter();
    let mut arm = |is_negative: bool| if is_negative { Some(control) } else { assigned.next() };
    Ok(groups.members().iter().map(|member| arm(member.is_negative)).collect())
}

/// Lists of `[sku, unit, arm]` of the positive group.
fn assignments(groups: &Groups, arms_of: &[u8]) -> Result<Vec<String>, Fault> {
    let members = groups.members().iter().zip(arms_of).filter(|(member, _)| !member.is_negative);
    let rows: Vec<(&str, &str, u8)> =
        members.map(|(member, &arm)| (member.sku.as_str(), member.family.as_str(), arm)).collect();
    let list = |rows: &[_]| serde_json::to_string(rows).map_err(|error| worker::Error::from(error).into());
    rows.chunks(ROWS_PER_STATEMENT).map(list).collect()
}

/// What the policy may look at in the period of a moment: the epochs that ended before it began, or once the experiment is
/// over all of them, each unit in each of them being one exposure; and the totals of the arms.
///
/// # Errors
/// The central store does not answer, or sums are beyond the exact range.
pub async fn evidence(env: &Env, live: &Live, now_ms: u64) -> Result<(PolicyInput, Vec<Tally>), Fault> {
    let experiment = &live.experiment;
    let calendar = Calendar::of(experiment, live.stored.started_at_ms);
    let until = cluster::known_until(calendar.start_ms, calendar.period_hours, experiment.end_ms, now_ms);
    let history = history(env, experiment, until).await?;
    let input = input(experiment, &history)?;
    let mut totals = history.arm_totals()?;
    totals.resize(experiment.arms.len(), Tally::default());
    Ok((input, totals))
}

/// What the policy may look at of a history: all that an epoch brings is taken for known when it is over.
///
/// # Errors
/// Sums beyond the exact range.
pub fn input(experiment: &Experiment, history: &History) -> Result<PolicyInput, Error> {
    evidence::policy_input(experiment, history, &Delays::default(), f64::from(u32::MAX))
}

/// What was sold up to an hour in the epochs of an experiment, each unit in each of them being one exposure.
///
/// # Errors
/// As [`evidence`].
pub async fn history(env: &Env, experiment: &Experiment, until: u64) -> Result<History, Fault> {
    let opened = sales::opened(env, &experiment.name).await?;
    let quiet = sales::quiet_hours(env, &experiment.name).await?;
    let hours = hours(&opened, experiment.washout_hours, until, &quiet);
    let mut periods: Vec<Period> = Vec::with_capacity(hours.len());
    let none = vec![Tally::default(); experiment.arms.len()];
    for one in &hours {
        let mut shares = opened
            .iter()
            .find(|epoch| epoch.epoch == one.epoch)
            .map_or_else(Vec::new, |epoch| epoch.shares.clone());
        shares.resize(none.len(), 0);
        let cohort = Cohort { epoch: one.epoch, hour: u32::try_from(one.from).unwrap_or(u32::MAX) };
        periods.push(Period { cohort, shares, arms: none.clone(), holdout: Tally::default() });
    }
    for of_arm in sales::tallies(env, &experiment.name, &hours, &quiet).await? {
        let period = periods.iter_mut().find(|period| period.cohort.epoch == of_arm.epoch);
        if let Some(tally) = period.and_then(|period| period.arms.get_mut(of_arm.arm)) {
            *tally = of_arm.tally;
        }
    }
    Ok(History::new(periods)?)
}

/// The hours of each epoch that count, up to an hour; epochs of which nothing counts, or only what is quiet, are left out.
fn hours(opened: &[Opened], washout_hours: u32, until: u64, quiet: &[(u64, u64)]) -> Vec<Hours> {
    let next = opened.iter().skip(1).map(|next| next.at_ms / HOUR_MS).chain([u64::MAX]);
    let counted = opened.iter().zip(next).map(|(epoch, next)| {
        let first = epoch.at_ms.saturating_sub(LATE_MS).div_ceil(HOUR_MS);
        let washout = u64::from(washout_hours);
        Hours {
            epoch: epoch.epoch,
            from: first + washout,
            days_from: first + washout / 24 * 24,
            to: next.min(until),
        }
    });
    counted.filter(|hours| cluster::heard(quiet, hours.from, hours.to) > 0).collect()
}

/// What was seen of an experiment whose units are items, up to now: for intervals, with items or families as clusters.
///
/// # Errors
/// As [`evidence`].
pub async fn observations(
    env: &Env,
    experiment: &Experiment,
    groups: &Groups,
    started_at_ms: u64,
    now_ms: u64,
) -> Result<Panel, Fault> {
    let calendar = Calendar::of(experiment, started_at_ms);
    let mut clusters: BTreeMap<&str, usize> = BTreeMap::new();
    let mut past: Vec<Option<i64>> = Vec::new();
    for member in groups.positive() {
        let place = *clusters.entry(&member.family).or_insert(past.len());
        match past.get_mut(place) {
            // A family's past is known where that of all its items is.
            Some(of_family) => {
                *of_family = of_family.zip(member.past).map(|(sum, past)| sum.saturating_add(past))
            }
            None => past.push(member.past),
        }
    }
    let opened = sales::opened(env, &experiment.name).await?;
    let quiet = sales::quiet_hours(env, &experiment.name).await?;
    let hours = hours(&opened, experiment.washout_hours, now_ms / HOUR_MS, &quiet);
    let mut epochs = Vec::with_capacity(hours.len());
    for some in hours.chunks((ROWS_AT_ONCE / clusters.len().max(1)).max(1)) {
        let sold = sales::of_units(env, &experiment.name, some, &quiet).await?;
        for one in some {
            let Some(epoch) = opened.iter().find(|epoch| epoch.epoch == one.epoch) else { continue };
            let mut shares = epoch.shares.clone();
            shares.resize(experiment.arms.len(), 0);
            let first = sold.partition_point(|sold| sold.epoch < one.epoch);
            let of_epoch = sold.iter().skip(first).take_while(|sold| sold.epoch == one.epoch);
            let observed = |sold: &sales::UnitSales| {
                let value_minor = value(experiment.objective, sold.revenue_minor, sold.cost_minor);
                let cluster = *clusters.get(sold.unit.as_str())?;
                Some(Observation { cluster, arm: sold.arm, value_minor })
            };
            let observations = of_epoch.filter_map(observed).collect();
            let period = calendar.period(epoch.at_ms).0;
            let hours = cluster::heard(&quiet, one.from, one.to) as f64;
            epochs.push(cluster::Epoch { period, shares, hours, observations });
        }
    }
    Ok(Panel::new(experiment.arms.len(), past, epochs)?)
}

/// What every unit brought in the first epoch after this one that counts, and when that opened; none after the last.
///
/// # Errors
/// The central store does not answer.
pub async fn sold_after(
    env: &Env,
    experiment: &Experiment,
    after: u32,
    now_ms: u64,
) -> Result<Option<(Opened, Vec<sales::UnitSales>)>, Fault> {
    let opened = sales::opened(env, &experiment.name).await?;
    let quiet = sales::quiet_hours(env, &experiment.name).await?;
    let hours = hours(&opened, experiment.washout_hours, now_ms / HOUR_MS, &quiet);
    let Some(hours) = hours.into_iter().find(|hours| hours.epoch > after) else { return Ok(None) };
    let Some(epoch) = opened.into_iter().find(|epoch| epoch.epoch == hours.epoch) else { return Ok(None) };
    Ok(Some((epoch, sales::of_units(env, &experiment.name, &[hours], &quiet).await?)))
}

/// What each item (or family) of the positive and of the negative group brought since the start, up to now: to compare
/// the groups where items are randomised.
///
/// # Errors
/// The central store does not answer.
pub async fn group_totals(
    env: &Env,
    experiment: &Experiment,
    groups: &Groups,
    started_at_ms: u64,
    now_ms: u64,
) -> Result<[Vec<Total>; 2], Fault> {
    let start_ms = Calendar::of(experiment, started_at_ms).start_ms;
    let (from, to) = (started_at_ms.max(start_ms).div_ceil(HOUR_MS), now_ms / HOUR_MS);
    let quiet = sales::quiet_hours(env, &experiment.name).await?;
    let sold = sales::of_items(env, &experiment.name, [from, to], &quiet).await?;
    let sold: BTreeMap<&str, (i64, i64)> =
        sold.iter().map(|(sku, revenue, cost)| (sku.as_str(), (*revenue, *cost))).collect();
    let hours = cluster::heard(&quiet, from, to) as f64;
    let value_minor = |sku: &str| {
        let (revenue_minor, cost_minor) = sold.get(sku).copied().unwrap_or_default();
        value(experiment.objective, revenue_minor, cost_minor)
    };
    Ok(cluster::totals(groups, hours, &value_minor))
}

/// What sales were worth; no experiment on items maximises orders.
fn value(objective: Objective, revenue_minor: i64, cost_minor: i64) -> i64 {
    Tally { revenue_minor, cost_minor, ..Tally::default() }.reward(objective).0
}
