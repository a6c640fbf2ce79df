//! The groups of an experiment over many items: drawn once, at the start, and saved, so that they cannot drift.
//!
//! Items of the positive group get the experiment's prices, those of the negative group keep the catalogue price and are
//! compared with them. Which is which is decided by the rank of a seeded hash, so that anybody can draw the same groups
//! again from the same catalogue.
//!
//! Out of scope: where groups are stored, and which arm an item is on in a period.

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
    /// Least price that the guardrails allow for it.
    pub floor_minor: i64,
    /// Largest price that the guardrails allow for it.
    pub ceiling_minor: i64,
    /// Its price on each arm, in the order of the arms; at the end of the list as arms are added.
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

    /// The item with this key.
    pub fn find(&self, sku: &str) -> Option<&Member> {
        let place = self.members.binary_search_by(|member| member.sku.as_str().cmp(sku)).ok()?;
        self.members.get(place)
    }
}
