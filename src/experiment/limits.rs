//! The bounds of what an experiment file says, for its reader and for its JSON Schema alike.

use std::ops::RangeInclusive;

/// Most characters of a name: of an experiment, and of an arm.
pub(super) const NAME_MAX: usize = 32;
/// Most characters of a hypothesis.
pub(super) const HYPOTHESIS_MAX: usize = 2000;
/// Most characters of the author's name.
pub(super) const AUTHOR_MAX: usize = 200;
/// Most characters of the document's address.
pub(super) const DOCUMENT_MAX: usize = 500;
/// Most characters of a salt.
pub(super) const SALT_MAX: usize = 64;
/// Most characters of a column's name.
pub(super) const COLUMN_MAX: usize = 64;
/// Most characters of a value that a column is compared with.
pub(super) const VALUE_MAX: usize = 200;

/// The holdout's share.
pub(super) const HOLDOUT_SHARE: RangeInclusive<f64> = 0.0..=0.5;
/// Hours in which a reward counts: to 90 days.
pub(super) const REWARD_WINDOW_HOURS: RangeInclusive<i64> = 1..=2160;
/// Units and pieces.
pub(super) const AMOUNT: RangeInclusive<i64> = 1..=1_000_000_000_000;
/// Hours of a period: to four weeks.
pub(super) const PERIOD_HOURS: RangeInclusive<i64> = 1..=672;
/// Whole weeks before a decision.
pub(super) const MIN_WEEKS: RangeInclusive<i64> = 0..=52;
/// Expected loss at which an experiment is decided, in minor units.
pub(super) const EXPECTED_LOSS_MINOR: RangeInclusive<f64> = 1e-6..=1e9;
/// Items of a group, and of a list of items.
pub(crate) const ITEMS: RangeInclusive<i64> = 1..=25_000;
/// Price bands of a draw.
pub(super) const STRATA: RangeInclusive<i64> = 1..=20;
/// Conditions of a scope.
pub(super) const CONDITIONS: RangeInclusive<usize> = 1..=16;
/// Values that a column may be compared with.
pub(super) const VALUES: RangeInclusive<usize> = 1..=1000;
/// Experiments that may be excluded by name.
pub(super) const EXCLUDED_MAX: usize = 100;
/// What a catalogue price may be multiplied by.
pub(super) const MULTIPLIER: RangeInclusive<f64> = 0.1..=10.0;
