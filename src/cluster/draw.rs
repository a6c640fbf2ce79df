//! Which arm a unit is on: drawn once in each period, for everybody.
//!
//! In scope: the period of a moment, its seed, and the arms of all items under an allocation. Out of scope: where the
//! arms are stored, and when a new period is opened.

use crate::mac::digest16;
use crate::time::HOUR_MS;
use crate::{Allocation, Groups, UnitKey};

/// Number of the period that a moment is in, from 0, and when it ends; periods begin at the start and are whole hours
/// long. An experiment without periods is in period 0 for ever.
///
/// ```
/// use haggle::cluster::period_at;
/// let hour = 3_600_000;
/// assert_eq!(period_at(10 * hour, Some(24), 40 * hour), (1, 58 * hour));
/// assert_eq!(period_at(10 * hour, None, 40 * hour), (0, u64::MAX));
/// ```
pub fn period_at(start_ms: u64, period_hours: Option<u32>, now_ms: u64) -> (u64, u64) {
    let Some(length_ms) = period_hours.map(|hours| u64::from(hours.max(1)) * HOUR_MS) else {
        return (0, u64::MAX);
    };
    let period = now_ms.saturating_sub(start_ms) / length_ms;
    (period, start_ms.saturating_add((period + 1).saturating_mul(length_ms)))
}

/// Hour (since 1970-01-01 UTC) up to which a policy may look at sales at a moment: that in which the moment's period
/// began, as nothing that a draw brings may choose the draw. Once the experiment is over nothing is drawn any more, and
/// what decides it looks at everything up to its end.
///
/// ```
/// use haggle::cluster::known_until;
/// let hour = 3_600_000;
/// assert_eq!(known_until(10 * hour, Some(24), None, 40 * hour), 34);
/// assert_eq!(known_until(10 * hour, None, Some(99 * hour), 40 * hour), 10);
/// assert_eq!(known_until(10 * hour, None, Some(99 * hour), 100 * hour), 99);
/// ```
pub fn known_until(start_ms: u64, period_hours: Option<u32>, end_ms: Option<u64>, now_ms: u64) -> u64 {
    if let Some(end_ms) = end_ms.filter(|&end_ms| end_ms <= now_ms) {
        return end_ms / HOUR_MS;
    }
    let period = period_at(start_ms, period_hours, now_ms).0;
    start_ms / HOUR_MS + period.saturating_mul(period_hours.unwrap_or(0).max(1).into())
}

/// The seed of a period's draws: another one for each period and for each salt.
pub fn period_seed(salt: &str, period: u64) -> [u8; 16] {
    digest16(&["haggle period", salt, &period.to_string()])
}

/// The unit of an item or a family.
pub fn unit_of(name: &str) -> UnitKey {
    UnitKey::of_item(name)
}

/// The position of the arm of each member of the groups, in their order; members of the negative group, which keep the
/// catalogue price, get `control`.
///
/// Items of one family are one unit (a member without family is its own). The draw moves as few units as the shares do:
/// within a period, whose seed stays, only units of arms whose share changed (see [`Allocation::draw`]).
pub fn assign(groups: &Groups, allocation: &Allocation, control: usize, seed: &[u8; 16]) -> Vec<u8> {
    let arm = |unit: &str| allocation.draw(seed, &unit_of(unit));
    let of = |member: &crate::groups::Member| {
        let arm = if member.is_negative { control } else { arm(&member.family) };
        u8::try_from(arm).unwrap_or(u8::MAX)
    };
    groups.members().iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::Member;

    fn groups(items: usize, families: usize) -> Groups {
        let member = |n: usize| Member {
            sku: format!("S-{n:05}"),
            is_negative: n.is_multiple_of(10),
            family: format!("F-{}", n % families),
            price_minor: 1900,
            cost_minor: None,
            floor_minor: 1,
            ceiling_minor: 5000,
            prices: vec![1900, 1700, 2100],
            past: None,
        };
        Groups::new((0..items).map(member).collect())
    }

    fn shares(weights: &[f64], live: &[bool]) -> Allocation {
        Allocation::quantise(weights, live, 655)
    }

    #[test]
    fn a_family_shares_an_arm_and_the_negative_group_the_control() {
        let groups = groups(3000, 300);
        let arms = assign(&groups, &shares(&[0.5, 0.3, 0.2], &[true; 3]), 0, &period_seed("s", 0));
        let mut of_family = std::collections::BTreeMap::new();
        for (member, &arm) in groups.members().iter().zip(&arms) {
            if member.is_negative {
                assert_eq!(arm, 0);
            } else {
                assert_eq!(*of_family.entry(&member.family).or_insert(arm), arm, "{}", member.family);
            }
        }
        assert!((1..3).all(|arm| arms.contains(&arm)));
    }

    #[test]
    fn another_period_is_another_draw_and_shares_are_as_published() {
        let groups = groups(10_000, 10_000);
        let allocation = shares(&[0.5, 0.3, 0.2], &[true; 3]);
        let draw = |period| assign(&groups, &allocation, 0, &period_seed("s", period));
        let (one, other) = (draw(1), draw(2));
        assert_eq!(one, draw(1));
        let positive: Vec<usize> = (0..10_000).filter(|&n| !groups.members()[n].is_negative).collect();
        let count = |arm| positive.iter().filter(|&&n| one[n] == arm).count() as f64;
        let expected = f64::from(allocation.shares()[1]) / 65_536.0 * positive.len() as f64;
        // Four standard deviations of a binomial of 9000.
        assert!((count(1) - expected).abs() < 4.0 * (9000.0 * 0.3 * 0.7_f64).sqrt(), "{}", count(1));
        let same = positive.iter().filter(|&&n| one[n] == other[n]).count() as f64;
        let chance: f64 = allocation
            .shares()
            .iter()
            .map(|&share| (f64::from(share) / 65_536.0) * f64::from(share) / 65_536.0)
            .sum();
        assert!((same - 9000.0 * chance).abs() < 4.0 * (9000.0 * chance * (1.0 - chance)).sqrt(), "{same}");
    }

    #[test]
    fn within_a_period_only_items_of_an_arm_that_goes_are_moved() {
        let groups = groups(2000, 2000);
        let seed = period_seed("s", 3);
        let before = assign(&groups, &shares(&[0.4, 0.4, 0.2], &[true; 3]), 0, &seed);
        let after =
            assign(&groups, &Allocation::quantise(&[0.4, 0.4, 0.0], &[true, true, false], 0), 0, &seed);
        let moved = before.iter().zip(&after).filter(|(was, is)| was != is && **was != 2).count();
        assert_eq!(moved, 0);
        assert!(!after.contains(&2));
    }
}
