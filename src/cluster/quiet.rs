//! Hours in which nobody saw the prices of an experiment, because it was paused or stopped: what was sold in them says
//! nothing about its arms.

use crate::time::HOUR_MS;

/// What took prices away or brought them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// The experiment was paused or stopped.
    Off,
    /// The experiment goes on.
    On,
    /// All experiments were stopped.
    AllOff,
    /// All experiments go on that were not paused or stopped by themselves.
    AllOn,
}

/// The hours (since 1970-01-01 UTC) that are quiet, as ranges `[from, to)` in order that do not touch; from a list of what
/// was switched at which moment (in milliseconds), in the order of time. An hour that is quiet in part is quiet.
///
/// ```
/// use haggle::cluster::{Switch, quiet_hours};
/// let minute = 60_000;
/// let switches = [(70 * minute, Switch::Off), (190 * minute, Switch::On), (300 * minute, Switch::AllOff)];
/// assert_eq!(quiet_hours(&switches), [(1, 4), (5, u64::MAX)]);
/// ```
pub fn quiet_hours(switches: &[(u64, Switch)]) -> Vec<(u64, u64)> {
    let (mut hours, mut is_off, mut all_off): (Vec<(u64, u64)>, bool, bool) = (Vec::new(), false, false);
    let mut since: Option<u64> = None;
    for &(at_ms, switch) in switches {
        match switch {
            Switch::Off => is_off = true,
            Switch::On => is_off = false,
            Switch::AllOff => all_off = true,
            Switch::AllOn => all_off = false,
        }
        match (is_off || all_off, since) {
            (true, None) => since = Some(at_ms / HOUR_MS),
            (false, Some(from)) => {
                add(&mut hours, (from, at_ms.div_ceil(HOUR_MS)));
                since = None;
            }
            _ => {}
        }
    }
    since.into_iter().for_each(|from| add(&mut hours, (from, u64::MAX)));
    hours
}

fn add(hours: &mut Vec<(u64, u64)>, (from, to): (u64, u64)) {
    match hours.last_mut() {
        Some(last) if from <= last.1 => last.1 = last.1.max(to),
        _ => hours.push((from, to)),
    }
}

/// How many hours of `[from, to)` are not quiet.
pub fn heard(quiet: &[(u64, u64)], from: u64, to: u64) -> u64 {
    let lost = |&(since, until): &(u64, u64)| until.min(to).saturating_sub(since.max(from));
    to.saturating_sub(from).saturating_sub(quiet.iter().map(lost).sum())
}

#[cfg(test)]
mod tests {
    use super::Switch::{AllOff, AllOn, Off, On};
    use super::*;

    #[test]
    fn an_experiment_is_heard_again_once_neither_it_nor_all_are_off() {
        let hour = |at: u64, switch| (at * HOUR_MS, switch);
        let switches =
            [hour(1, Off), hour(2, AllOff), hour(3, On), hour(5, AllOn), hour(9, Off), hour(9, Off)];
        assert_eq!(quiet_hours(&switches), [(1, 5), (9, u64::MAX)]);
        assert!(quiet_hours(&[hour(3, On), hour(4, AllOn)]).is_empty(), "it was never off");
    }

    #[test]
    fn quiet_hours_that_touch_are_one_range_and_a_part_of_an_hour_is_all_of_it() {
        let switches = [(0, Off), (HOUR_MS + 1, On), (2 * HOUR_MS - 1, Off), (3 * HOUR_MS, On)];
        assert_eq!(quiet_hours(&switches), [(0, 3)]);
    }

    #[test]
    fn what_is_left_of_a_range() {
        let quiet = [(1, 3), (5, u64::MAX)];
        assert_eq!(
            [heard(&quiet, 0, 6), heard(&quiet, 1, 3), heard(&quiet, 2, 4), heard(&[], 4, 9)],
            [3, 0, 1, 5]
        );
    }
}
