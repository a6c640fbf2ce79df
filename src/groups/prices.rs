//! The price of every item on every arm.

use std::collections::BTreeMap;

use super::draw::Candidate;
use super::scope::and_more;
use super::split::Side;
use super::{Groups, Member};
use crate::experiment::{Arm, ArmPrice, ArmState, Objective};
use crate::guardrail::{Basis, Bounds, plain};
use crate::money::millionths;
use crate::{CatalogueItem, Error, Experiment};

/// What the prices of an experiment are reckoned with.
pub(super) struct Pricing<'a> {
    experiment: &'a Experiment,
    faults: Faults,
}

/// The first fault, and how many more there are.
#[derive(Default)]
struct Faults {
    first: Option<[String; 3]>,
    more: usize,
}

impl Faults {
    fn add(&mut self, fault: [String; 3]) {
        if self.first.is_some() {
            self.more += 1;
        } else {
            self.first = Some(fault);
        }
    }

    fn check(self) -> Result<(), Error> {
        let Some([what, given, allowed]) = self.first else { return Ok(()) };
        Err(Error::value(what, given, format!("{allowed}{}", and_more(self.more, "like it"))))
    }
}

/// The prices of an arm over the positive group.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmRange {
    /// The arm.
    pub arm: String,
    /// Least price.
    pub least_minor: i64,
    /// Largest price.
    pub most_minor: i64,
    /// Items whose price the guardrails' grid or endings have moved from the multiple itself.
    pub moved: usize,
    /// Items whose price was moved beyond the catalogue price, or onto it: a lower price that is none, or a higher one.
    pub crossed: usize,
    /// Items whose price is the catalogue price.
    pub unchanged: usize,
}

impl<'a> Pricing<'a> {
    pub fn new(experiment: &'a Experiment) -> Self {
        Self { experiment, faults: Faults::default() }
    }

    /// The columns that arms are priced by, in the order of these arms.
    pub fn columns(experiment: &Experiment) -> impl Iterator<Item = &str> {
        experiment.arms.iter().filter_map(|arm| match &arm.price {
            ArmPrice::Column(column) => Some(column.as_str()),
            _ => None,
        })
    }

    /// The items that have a side, with the price of each on every arm.
    pub fn members(
        mut self,
        candidates: Vec<Candidate>,
        sides: &BTreeMap<String, Side>,
    ) -> Result<Vec<Member>, Error> {
        self.check_costs(&candidates, sides)?;
        let arms = self.experiment.arms.len();
        let mut members = Vec::with_capacity(sides.len());
        for candidate in candidates {
            match sides.get(&candidate.sku) {
                None => {}
                Some(Side::Negative) => members.push(Member::negative(candidate, arms)),
                Some(Side::Positive) => members.push(self.positive(candidate)?),
            }
        }
        self.faults.check()?;
        check_different(self.experiment, &members)?;
        Ok(members)
    }

    /// Costs are there where profit or a margin is reckoned with them.
    fn check_costs(&self, candidates: &[Candidate], sides: &BTreeMap<String, Side>) -> Result<(), Error> {
        let (of_profit, of_margin) =
            (self.experiment.objective == Objective::Profit, self.experiment.guardrails.min_margin.is_some());
        let mut faults = Faults::default();
        for candidate in candidates.iter().filter(|candidate| candidate.basis.cost_minor.is_none()) {
            let why = match sides.get(&candidate.sku) {
                Some(_) if of_profit => "under the profit objective",
                Some(Side::Positive) if of_margin => "with guardrails.min_margin",
                _ => continue,
            };
            let allowed = format!("given {why}: an unknown cost is not a cost of zero");
            faults.add([format!("cost_minor of item {}", candidate.sku), "missing".into(), allowed]);
        }
        faults.check()
    }

    fn positive(&mut self, candidate: Candidate) -> Result<Member, Error> {
        let Candidate { sku, family, basis, past, columns } = candidate;
        let bounds = bounds_of(self.experiment, &basis)?;
        let mut columns = columns.into_iter();
        let mut prices = Vec::with_capacity(self.experiment.arms.len());
        for arm in &self.experiment.arms {
            let column =
                if matches!(arm.price, ArmPrice::Column(_)) { columns.next().flatten() } else { None };
            match price_of(arm, basis.price_minor, column, &bounds) {
                Ok(price) => prices.push(price),
                Err([given, allowed]) => {
                    self.faults.add([
                        format!("price_minor of arm {} on item {sku}", arm.name),
                        given,
                        allowed,
                    ]);
                    prices.push(basis.price_minor);
                }
            }
        }
        Ok(Member {
            sku,
            is_negative: false,
            family,
            price_minor: basis.price_minor,
            cost_minor: basis.cost_minor,
            floor_minor: bounds.floor_minor(),
            ceiling_minor: bounds.ceiling_minor(),
            prices,
            past,
        })
    }
}

/// The price of an item on an arm, or what would be asked for and what is allowed.
fn price_of(
    arm: &Arm,
    catalogue_minor: i64,
    column: Option<i64>,
    bounds: &Bounds,
) -> Result<i64, [String; 2]> {
    let exact = match &arm.price {
        // The control: what the shop charges anyway, whatever the guardrails say.
        ArmPrice::Times(times) if millionths(*times) == millionths(1.0) => return Ok(catalogue_minor),
        ArmPrice::Times(times) => {
            let times = millionths(*times);
            let refused = |allowed| [plain(catalogue_minor, times).to_string(), allowed];
            return bounds.nearest(catalogue_minor, times).map_err(refused);
        }
        ArmPrice::Column(name) => column.ok_or_else(|| {
            ["missing".to_owned(), format!("an integer in the column {name} of the catalogue")]
        })?,
        ArmPrice::Minor(price) => *price,
    };
    let broken = bounds.broken_by_amount(exact).or_else(|| bounds.broken_by_digits(exact));
    if exact == catalogue_minor {
        Ok(exact)
    } else {
        broken.map_or(Ok(exact), |allowed| Err([exact.to_string(), allowed]))
    }
}

/// The bounds of an item's prices: those of the guardrails, and under the profit objective nothing at or below its cost,
/// as for an experiment on a single item.
fn bounds_of(experiment: &Experiment, basis: &Basis) -> Result<Bounds, Error> {
    let bounds = experiment.guardrails.bounds(basis)?;
    Ok(match (experiment.objective, basis.cost_minor) {
        (Objective::Profit, Some(cost)) => bounds
            .raised(basis.tax.gross_up(i128::from(cost) + 1, 1), "its unit cost under the profit objective"),
        _ => bounds,
    })
}

/// No two arms have the same price on every item.
fn check_different(experiment: &Experiment, members: &[Member]) -> Result<(), Error> {
    for (place, arm) in experiment.arms.iter().enumerate() {
        for (earlier, other) in experiment.arms.iter().enumerate().take(place) {
            let mut positive = members.iter().filter(|member| !member.is_negative);
            if positive.all(|member| member.prices.get(place) == member.prices.get(earlier)) {
                let given = format!("the same in {} and {}", other.name, arm.name);
                return Err(Error::value(
                    "price_minor of every item",
                    given,
                    "different in every arm on some item",
                ));
            }
        }
    }
    Ok(())
}

impl Groups {
    /// Prices an arm that has just been appended to the experiment's, for every item. `column` tells what a column of
    /// the catalogue holds for an item, where the arm is priced by one.
    ///
    /// # Errors
    /// A price beyond an item's guardrails or not above its cost, one that is missing, or the same prices as another
    /// arm's: the groups stay as they were.
    pub fn add_arm(
        &mut self,
        experiment: &Experiment,
        column: &dyn Fn(&str) -> Option<i64>,
    ) -> Result<(), Error> {
        let Some((arm, place)) = experiment.arms.last().zip(experiment.arms.len().checked_sub(1)) else {
            return Ok(());
        };
        if let Some(member) = self.members.iter().find(|member| member.prices.len() != place) {
            let what = format!("number of prices of item {}", member.sku);
            return Err(Error::value(what, member.prices.len(), format!("{place} before an arm is added")));
        }
        let mut faults = Faults::default();
        let mut members = self.members.clone();
        for member in &mut members {
            let price = if member.is_negative {
                Ok(member.price_minor)
            } else {
                member.price_on(arm, experiment, column)?
            };
            match price {
                Ok(price) => member.prices.push(price),
                Err([given, allowed]) => {
                    faults.add([
                        format!("price_minor of arm {} on item {}", arm.name, member.sku),
                        given,
                        allowed,
                    ]);
                }
            }
        }
        faults.check()?;
        check_different(experiment, &members)?;
        self.members = members;
        Ok(())
    }

    /// Puts the bounds of new guardrails in the place of the old ones. `item` gives what the catalogue knows of an item;
    /// the catalogue price stays that of the draw. The price of an arm that is not live may lie beyond them: nobody is shown
    /// it then, and it cannot be revived as long as it does.
    ///
    /// # Errors
    /// A price of a live arm beyond the new bounds, or an item that the catalogue no longer has where the bounds need its
    /// cost or tax: the groups stay as they were.
    pub fn set_guardrails(
        &mut self,
        experiment: &Experiment,
        item: &dyn Fn(&str) -> Option<CatalogueItem>,
    ) -> Result<(), Error> {
        let mut members = self.members.clone();
        let mut faults = Faults::default();
        for member in members.iter_mut().filter(|member| !member.is_negative) {
            let Some(known) = item(&member.sku) else {
                return Err(Error::value(
                    "item",
                    format!("{:?}", member.sku),
                    "in the catalogue, for its bounds",
                ));
            };
            let mut basis = known.basis(experiment.currency);
            basis.price_minor = member.price_minor;
            basis.cost_minor = member.cost_minor.or(basis.cost_minor);
            let bounds = bounds_of(experiment, &basis)?;
            let live = |(arm, _): &(&Arm, &i64)| arm.state == ArmState::Live;
            for (arm, &price) in experiment.arms.iter().zip(&member.prices).filter(live) {
                let broken = bounds.broken_by_amount(price).or_else(|| bounds.broken_by_digits(price));
                if let Some(allowed) = broken.filter(|_| price != member.price_minor) {
                    let what = format!("price_minor of arm {} on item {}", arm.name, member.sku);
                    faults.add([what, price.to_string(), allowed]);
                }
            }
            (member.floor_minor, member.ceiling_minor) = (bounds.floor_minor(), bounds.ceiling_minor());
        }
        faults.check()?;
        self.members = members;
        Ok(())
    }

    /// The prices of each arm over the positive group, in the order of the arms.
    pub fn ranges(&self, experiment: &Experiment) -> Vec<ArmRange> {
        let range = |(place, arm): (usize, &Arm)| {
            let prices =
                || self.positive().filter_map(move |member| Some((member, *member.prices.get(place)?)));
            let is_moved = |&(member, price): &(&Member, i64)| match arm.price {
                ArmPrice::Times(times) => price != plain(member.price_minor, millionths(times)),
                _ => false,
            };
            let is_crossed = |&(member, price): &(&Member, i64)| match arm.price {
                ArmPrice::Times(times) if times < 1.0 => price >= member.price_minor,
                ArmPrice::Times(times) if times > 1.0 => price <= member.price_minor,
                _ => false,
            };
            ArmRange {
                crossed: prices().filter(is_crossed).count(),
                arm: arm.name.clone(),
                least_minor: prices().map(|(_, price)| price).min().unwrap_or(0),
                most_minor: prices().map(|(_, price)| price).max().unwrap_or(0),
                moved: prices().filter(is_moved).count(),
                unchanged: prices().filter(|(member, price)| member.price_minor == *price).count(),
            }
        };
        experiment.arms.iter().enumerate().map(range).collect()
    }
}

impl Member {
    /// Its price on an arm within the bounds that were saved with it; the inner error is what would be asked for and what
    /// is allowed.
    fn price_on(
        &self,
        arm: &Arm,
        experiment: &Experiment,
        column: &dyn Fn(&str) -> Option<i64>,
    ) -> Result<Result<i64, [String; 2]>, Error> {
        let guardrails = &experiment.guardrails;
        let bounds = Bounds::new(
            experiment.currency,
            [self.floor_minor, self.ceiling_minor],
            guardrails.grid_minor.unwrap_or(1),
            guardrails.endings.clone(),
        )?;
        let held = if matches!(arm.price, ArmPrice::Column(_)) { column(&self.sku) } else { None };
        Ok(price_of(arm, self.price_minor, held, &bounds))
    }
}
