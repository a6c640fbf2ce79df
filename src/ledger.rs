//! Stage 5, merge: from single rewards to the totals of all sources, with nothing counted twice.
//!
//! Two ideas carry it. An [`Account`] is the state of one exposure; it turns what happens to the exposure into the
//! change of a tally, so that a second reward of one shopper is no second conversion and squares stay exact. A
//! [`Ledger`] holds, per source and tally, the running total with the highest sequence number; because a source
//! reports totals and never differences, lost, doubled, late and reordered reports heal themselves (a grow-only map
//! of maxima: Shapiro et al. 2011, section 3.1, doi:10.1007/978-3-642-24550-3_29).
//!
//! Out of scope: durability and the recognition of a repeated order, which the Worker's ledger shards do in SQLite.

use std::collections::BTreeMap;

use crate::{Error, Experiment, Tally, TallyKey};

/// The state of one exposure: whether the price was shown, and what came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// The price was shown; until then rewards wait as unmatched.
    pub exposed: bool,
    /// At least one reward was credited.
    pub converted: bool,
    /// Net revenue credited so far.
    pub revenue_minor: i64,
    /// Net cost credited so far.
    pub cost_minor: i64,
}

/// What one reward line adds to its exposure. Money in minor units, net, for all units of the line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credit {
    /// Pieces sold.
    pub units: i64,
    /// Net revenue.
    pub revenue_minor: i64,
    /// Net cost.
    pub cost_minor: i64,
}

impl Account {
    /// Records that the price was shown; the change of the tally is zero if that is known already.
    pub fn expose(&mut self) -> Tally {
        let first = !std::mem::replace(&mut self.exposed, true);
        Tally { exposures: i64::from(first), ..Tally::default() }
    }

    /// Credits a reward line and returns the change of the tally.
    pub fn credit(&mut self, credit: &Credit) -> Tally {
        let before = *self;
        self.converted = true;
        self.revenue_minor = self.revenue_minor.saturating_add(credit.revenue_minor);
        self.cost_minor = self.cost_minor.saturating_add(credit.cost_minor);
        Tally {
            exposures: 0,
            conversions: i64::from(!before.converted),
            rewards: 1,
            units: credit.units,
            revenue_minor: credit.revenue_minor,
            cost_minor: credit.cost_minor,
            revenue_sq: square(self.revenue_minor) - square(before.revenue_minor),
            profit_sq: square(self.revenue_minor.saturating_sub(self.cost_minor))
                - square(before.revenue_minor.saturating_sub(before.cost_minor)),
        }
    }
}

fn square(minor: i64) -> i128 {
    i128::from(minor) * i128::from(minor)
}

/// The newest report of every source about every tally.
///
/// ```
/// use haggle::{Cohort, Ledger, Tally, TallyKey};
/// let key = TallyKey { experiment: "sevilla".into(), arm: "low".into(), cohort: Cohort { epoch: 1, hour: 480_000 } };
/// let report = |exposures| Tally { exposures, ..Tally::default() };
/// let mut ledger = Ledger::default();
/// ledger.observe("shard-0", &key, 2, report(9));
/// ledger.observe("shard-0", &key, 1, report(5)); // late: ignored
/// ledger.observe("shard-1", &key, 1, report(4));
/// assert_eq!(ledger.totals()?[&key].exposures, 13);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Sorted by key and source: a list that is searched is a tenth of a map's code in the Worker.
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    key: TallyKey,
    source: String,
    sequence: u64,
    total: Tally,
}

impl Ledger {
    /// Takes the running total of one source; an older report than the known one changes nothing.
    ///
    /// Reports with the same sequence number are the same report. Should two sources wrongly share a name, the
    /// greater tally is kept, so that the order of arrival still does not matter.
    pub fn observe(&mut self, source: &str, key: &TallyKey, sequence: u64, total: Tally) {
        let place = self.cells.binary_search_by(|cell| (&cell.key, cell.source.as_str()).cmp(&(key, source)));
        match place {
            Err(place) => {
                self.cells.insert(place, Cell { key: key.clone(), source: source.into(), sequence, total });
            }
            Ok(place) => {
                if let Some(cell) = self.cells.get_mut(place) {
                    (cell.sequence, cell.total) = (cell.sequence, cell.total).max((sequence, total));
                }
            }
        }
    }

    /// Takes over what another ledger knows: commutative, associative, idempotent.
    pub fn merge(&mut self, other: &Self) {
        for cell in &other.cells {
            self.observe(&cell.source, &cell.key, cell.sequence, cell.total);
        }
    }

    /// Sum over the sources, per tally.
    ///
    /// # Errors
    /// A sum beyond the exact range, see [`Tally::plus`].
    pub fn totals(&self) -> Result<BTreeMap<TallyKey, Tally>, Error> {
        let mut totals = BTreeMap::<TallyKey, Tally>::new();
        for cell in &self.cells {
            let sum = totals.get(&cell.key).copied().unwrap_or_default().plus(&cell.total)?;
            totals.insert(cell.key.clone(), sum);
        }
        Ok(totals)
    }

    /// Sum over all sources and cohorts of one arm.
    ///
    /// # Errors
    /// A sum beyond the exact range, see [`Tally::plus`].
    pub fn arm_total(&self, experiment: &str, arm: &str) -> Result<Tally, Error> {
        self.cells
            .iter()
            .filter(|cell| cell.key.experiment == experiment && cell.key.arm == arm)
            .try_fold(Tally::default(), |sum, cell| sum.plus(&cell.total))
    }

    /// Sum over all sources and cohorts of every arm of an experiment, in the order of its arms.
    ///
    /// # Errors
    /// A sum beyond the exact range, see [`Tally::plus`].
    pub fn arm_totals(&self, experiment: &Experiment) -> Result<Vec<Tally>, Error> {
        experiment.arms.iter().map(|arm| self.arm_total(&experiment.name, &arm.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credit(revenue_minor: i64, cost_minor: i64) -> Credit {
        Credit { units: 1, revenue_minor, cost_minor }
    }

    #[test]
    fn a_second_exposure_counts_nothing() {
        let mut account = Account::default();
        assert_eq!(account.expose().exposures, 1);
        assert_eq!(account.expose(), Tally::default());
    }

    #[test]
    fn two_rewards_of_one_exposure_are_one_conversion_and_their_sum_is_squared() {
        let mut account = Account::default();
        let sum = account.credit(&credit(1900, 800)).plus(&account.credit(&credit(100, 50))).unwrap();
        assert_eq!((sum.conversions, sum.rewards, sum.revenue_minor, sum.profit_minor()), (1, 2, 2000, 1150));
        assert_eq!((sum.revenue_sq, sum.profit_sq), (2000 * 2000, 1150 * 1150));
    }

    #[test]
    fn the_order_of_rewards_does_not_matter() {
        let lines = [credit(1900, 800), credit(-1900, 0), credit(700, 300)];
        let total = |order: [usize; 3]| {
            let mut account = Account::default();
            order.iter().fold(Tally::default(), |sum, &i| sum.plus(&account.credit(&lines[i])).unwrap())
        };
        assert_eq!(total([0, 1, 2]), total([2, 1, 0]));
        assert_eq!(total([0, 1, 2]), total([1, 2, 0]));
    }
}
