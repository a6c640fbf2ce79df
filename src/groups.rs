//! The groups of an experiment over many items: drawn once, at the start, and saved, so that they cannot drift.
//!
//! Items of the positive group get the experiment's prices, those of the negative group keep the catalogue price and are
//! compared with them. Which is which is decided by the rank of a seeded hash, so that anybody can draw the same groups
//! again from the same catalogue.
//!
//! In scope: the draw ([`Draw`]), the prices of every arm, how alike the groups are, and the forms that groups are saved
//! in. Out of scope: where groups are stored, and which arm an item is on in a period.

mod balance;
mod draw;
mod file;
mod parts;
mod prices;
mod scope;
mod split;

pub use balance::{Balance, Moments, Side};
pub use draw::Draw;
pub use file::items_of;
pub use prices::ArmRange;

use crate::Experiment;

/// An item of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The item.
    pub sku: String,
    /// It keeps the catalogue price, to be compared with.
    pub is_negative: bool,
    /// Its family; its own key where families do not share arms.
    pub family: String,
    /// Catalogue price when the groups were drawn.
    pub price_minor: i64,
    /// Net cost of one unit, where it was known.
    pub cost_minor: Option<i64>,
    /// Least price that the guardrails allow for it; the catalogue price where it keeps that.
    pub floor_minor: i64,
    /// Largest price that the guardrails allow for it; the catalogue price where it keeps that.
    pub ceiling_minor: i64,
    /// Its price on each arm, in the order of the arms; at the end of the list as arms are added. The catalogue price on
    /// each where it keeps that.
    pub prices: Vec<i64>,
    /// What it brought before the experiment, where that is known.
    pub past: Option<i64>,
}

/// The items of an experiment, in the order of their keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Groups {
    members: Vec<Member>,
}

impl Groups {
    /// Groups of these items, put in the order of their keys.
    pub fn new(mut members: Vec<Member>) -> Self {
        members.sort_by(|one, other| one.sku.cmp(&other.sku));
        Self { members }
    }

    /// All items, in the order of their keys.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The items that get the experiment's prices.
    pub fn positive(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.is_negative)
    }

    /// The items that keep the catalogue price.
    pub fn negative(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_negative)
    }

    /// The item with this key.
    pub fn find(&self, sku: &str) -> Option<&Member> {
        let place = self.members.binary_search_by(|member| member.sku.as_str().cmp(sku)).ok()?;
        self.members.get(place)
    }

    /// The experiment with the mean price over the positive group at every arm, to the nearest minor unit.
    ///
    /// An experiment on one item, or one whose groups have fewer prices than it has arms, stays as it is.
    pub fn priced(&self, experiment: &Experiment) -> Experiment {
        let mut priced = experiment.clone();
        let count = i128::try_from(self.positive().count()).unwrap_or(0);
        if priced.item().is_some() || count == 0 {
            return priced;
        }
        for (place, arm) in priced.arms.iter_mut().enumerate() {
            let prices: Option<Vec<i64>> =
                self.positive().map(|member| member.prices.get(place).copied()).collect();
            if let Some(prices) = prices {
                let sum: i128 = prices.into_iter().map(i128::from).sum();
                arm.price_minor =
                    i64::try_from((sum * 2 + count).div_euclid(count * 2)).unwrap_or(arm.price_minor);
            }
        }
        priced
    }
}

#[cfg(test)]
mod tests;
