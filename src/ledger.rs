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
///
/// Sales add, refunds and cancellations take away, always in the cohort of the exposure. What is left decides: an
/// exposure is a conversion as long as a piece of it is sold, and the squares are those of what is left. So the sum of
/// all changes depends on what is left alone, in whatever order it came.
///
/// ```
/// use haggle::{Account, Credit, Tally};
/// let mut account = Account::default();
/// let mut line = Credit { units: 2, revenue_minor: 3800, cost_minor: 1600 };
/// let mut tally = account.expose().plus(&account.credit(&line))?;
/// let one = Credit { units: 1, revenue_minor: 1900, cost_minor: 800 };
/// tally = tally.plus(&account.give_back(&mut line, &one)?)?; // a refund of one piece
/// assert_eq!((tally.conversions, tally.units, tally.revenue_sq), (1, 1, 1900 * 1900));
/// let rest = line; // what a cancellation takes
/// tally = tally.plus(&account.give_back(&mut line, &rest)?)?;
/// assert_eq!(tally, Tally { exposures: 1, ..Tally::default() });
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// The price was shown; until then rewards wait as unmatched.
    pub exposed: bool,
    /// Pieces sold and not given back.
    pub units: i64,
    /// Net revenue of what is left.
    pub revenue_minor: i64,
    /// Net cost of what is left.
    pub cost_minor: i64,
}

/// What one reward line adds to its exposure, or takes from it. Money in minor units, net, for all units of the line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credit {
    /// Pieces sold, or given back.
    pub units: i64,
    /// Net revenue.
    pub revenue_minor: i64,
    /// Net cost.
    pub cost_minor: i64,
}

impl Credit {
    /// What is left of a line after a part was given back.
    ///
    /// # Errors
    /// Names what would be more than is left, in pieces, revenue or cost; and a part that is nothing.
    pub fn less(&self, part: &Self) -> Result<Self, Error> {
        if *part == Self::default() {
            return Err(Error::value("what is given back", 0, "something that is left of the line"));
        }
        let rest = |what: &str, left: i64, part: i64| match left.checked_sub(part) {
            Some(rest) if part >= 0 && rest >= 0 => Ok(rest),
            _ => Err(Error::value(what, part, format!("at most {left}, which is left of the line"))),
        };
        Ok(Self {
            units: rest("units", self.units, part.units)?,
            revenue_minor: rest("revenue_minor", self.revenue_minor, part.revenue_minor)?,
            cost_minor: rest("cost_minor", self.cost_minor, part.cost_minor)?,
        })
    }
}

impl Account {
    /// Records that the price was shown; the change of the tally is zero if that is known already.
    pub fn expose(&mut self) -> Tally {
        let first = !std::mem::replace(&mut self.exposed, true);
        Tally { exposures: i64::from(first), ..Tally::default() }
    }

    /// Credits a sold line and returns the change of the tally.
    pub fn credit(&mut self, credit: &Credit) -> Tally {
        self.change(credit, 1, 1)
    }

    /// Takes back a part of a sold line, of which `left` is what is left, and returns the change of the tally. A line
    /// of which no piece is left is no reward any more.
    ///
    /// # Errors
    /// More than is left, see [`Credit::less`]; nothing changes then.
    pub fn give_back(&mut self, left: &mut Credit, part: &Credit) -> Result<Tally, Error> {
        let rest = left.less(part)?;
        let ends = left.units > 0 && rest.units == 0;
        *left = rest;
        Ok(self.change(part, -1, -i64::from(ends)))
    }

    /// Whether the exposure is a conversion.
    pub fn is_converted(&self) -> bool {
        self.units > 0
    }

    fn change(&mut self, credit: &Credit, sign: i64, rewards: i64) -> Tally {
        let before = *self;
        let (units, revenue_minor, cost_minor) =
            (sign * credit.units, sign * credit.revenue_minor, sign * credit.cost_minor);
        self.units = self.units.saturating_add(units);
        self.revenue_minor = self.revenue_minor.saturating_add(revenue_minor);
        self.cost_minor = self.cost_minor.saturating_add(cost_minor);
        Tally {
            exposures: 0,
            conversions: i64::from(self.is_converted()) - i64::from(before.is_converted()),
            rewards,
            units,
            revenue_minor,
            cost_minor,
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
    use proptest::prelude::*;

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

    /// Lines of orders at one exposure, each with the parts of it that were given back.
    type Lines = Vec<(Credit, Vec<Credit>)>;

    fn any_lines() -> impl Strategy<Value = Lines> {
        let part = || (0..=100u8, 0..=100u8, 0..=100u8);
        let line = (1..50i64, 0..1_000_000_000i64, 0..1_000_000_000i64, prop::collection::vec(part(), 0..4));
        prop::collection::vec(line, 0..5).prop_map(|lines| {
            let line = |(units, revenue_minor, cost_minor, parts): (i64, i64, i64, Vec<(u8, u8, u8)>)| {
                let sold = Credit { units, revenue_minor, cost_minor };
                let mut left = sold;
                let mut parts: Vec<Credit> = parts
                    .into_iter()
                    .map(|(units, revenue, cost)| {
                        let of = |whole: i64, percent: u8| whole * i64::from(percent) / 100;
                        let part = Credit {
                            units: of(left.units, units),
                            revenue_minor: of(left.revenue_minor, revenue),
                            cost_minor: of(left.cost_minor, cost),
                        };
                        left = left.less(&part).unwrap_or(left);
                        part
                    })
                    .collect();
                parts.retain(|part| *part != Credit::default());
                (sold, parts)
            };
            lines.into_iter().map(line).collect()
        })
    }

    /// The tally after everything came in this order: line and part of it, the sale being part 0. What is given back
    /// before its sale waits for it, as in the Worker's shards.
    fn tally_of(lines: &Lines, order: &[(usize, usize)]) -> (Account, Tally) {
        let mut account = Account::default();
        let mut sum = account.expose();
        let mut left: Vec<Option<Credit>> = vec![None; lines.len()];
        let mut waiting: Vec<(usize, Credit)> = Vec::new();
        let mut add = |change: Tally| sum = sum.plus(&change).unwrap();
        for &(line, part) in order {
            let (sold, parts) = &lines[line];
            if part == 0 {
                left[line] = Some(*sold);
                add(account.credit(sold));
            } else {
                waiting.push((line, parts[part - 1]));
            }
            waiting.retain(|(line, part)| match &mut left[*line] {
                Some(left) => {
                    add(account.give_back(left, part).unwrap());
                    false
                }
                None => true,
            });
        }
        (account, sum)
    }

    /// The order of everything, by the line and the part, then shuffled.
    fn any_order(lines: Lines) -> impl Strategy<Value = (Lines, Vec<(usize, usize)>)> {
        let all =
            |(at, (_, parts)): (usize, &(Credit, Vec<Credit>))| (0..=parts.len()).map(move |part| (at, part));
        let order: Vec<(usize, usize)> = lines.iter().enumerate().flat_map(all).collect();
        (Just(lines), Just(order).prop_shuffle())
    }

    proptest! {
        #[test]
        fn what_is_left_alone_decides_in_whatever_order_it_came((lines, order) in any_lines().prop_flat_map(any_order)) {
            let left: Vec<Credit> = lines
                .iter()
                .map(|(sold, parts)| parts.iter().fold(*sold, |left, part| left.less(part).unwrap()))
                .collect();
            let sum = |of: fn(&Credit) -> i64| left.iter().map(of).sum::<i64>();
            let (units, revenue, cost) = (sum(|c| c.units), sum(|c| c.revenue_minor), sum(|c| c.cost_minor));
            let expected = Tally {
                exposures: 1,
                conversions: i64::from(units > 0),
                rewards: left.iter().filter(|left| left.units > 0).count() as i64,
                units,
                revenue_minor: revenue,
                cost_minor: cost,
                revenue_sq: i128::from(revenue).pow(2),
                profit_sq: i128::from(revenue - cost).pow(2),
            };
            prop_assert_eq!(tally_of(&lines, &order).1, expected);
        }

        #[test]
        fn given_back_in_full_is_as_if_never_sold(lines in any_lines()) {
            let (mut account, mut sum) = (Account::default(), Tally::default());
            for (sold, parts) in &lines {
                let mut left = *sold;
                sum = sum.plus(&account.credit(sold)).unwrap();
                for part in parts {
                    sum = sum.plus(&account.give_back(&mut left, part).unwrap()).unwrap();
                }
                if left != Credit::default() {
                    let rest = left;
                    sum = sum.plus(&account.give_back(&mut left, &rest).unwrap()).unwrap();
                }
            }
            prop_assert_eq!((account, sum), (Account::default(), Tally::default()));
        }
    }

    #[test]
    fn more_than_is_left_is_refused_with_what_is_left() {
        let mut account = Account::default();
        let (sold, before) = (credit(1900, 800), account.credit(&credit(1900, 800)));
        for (part, why) in [
            (Credit { units: 2, ..Credit::default() }, "units is 2; it must be at most 1"),
            (credit(1901, 0), "revenue_minor is 1901; it must be at most 1900"),
            (credit(0, 801), "cost_minor is 801; it must be at most 800"),
            (credit(-1, 0), "revenue_minor is -1"),
            (Credit { units: i64::MIN, ..Credit::default() }, "units is -9223372036854775808"),
            (Credit::default(), "what is given back is 0"),
        ] {
            let mut left = sold;
            let error = account.give_back(&mut left, &part).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert_eq!((left, account.revenue_minor), (sold, 1900), "nothing changed");
        }
        assert_eq!(before.conversions, 1);
    }

    #[test]
    fn money_back_without_a_piece_leaves_a_conversion() {
        let mut account = Account::default();
        let mut left = credit(1900, 800);
        let sum = account.credit(&left);
        let part = Credit { units: 0, revenue_minor: 1900, cost_minor: 0 };
        let sum = sum.plus(&account.give_back(&mut left, &part).unwrap()).unwrap();
        assert_eq!((sum.conversions, sum.rewards, sum.revenue_minor, sum.profit_minor()), (1, 1, 0, -800));
        assert_eq!(sum.profit_sq, 800 * 800);
    }
}
