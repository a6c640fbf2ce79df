//! Drawing groups: items are offered one at a time, those in scope are kept, and the end decides.

use std::collections::{BTreeMap, BTreeSet};

use super::file::Saved;
use super::prices::Pricing;
use super::scope::InScope;
use super::split::{Cluster, Side, split};
use super::{Groups, Member};
use crate::experiment::limits::ITEMS;
use crate::experiment::{Goods, Scope, Unit};
use crate::guardrail::Basis;
use crate::{CatalogueItem, Error, Experiment, mac};

/// Most items of a group, as a file may say it.
const GROUP_MAX: usize = *ITEMS.end() as usize;

/// A draw of groups that is under way.
///
/// ```
/// # let text = r#"{"name": "sevilla", "hypothesis": "h", "document": "https://wiki.example/sevilla", "objective": "revenue",
/// #  "currency": "EUR", "salt": "s-2026", "control": "list", "policy": {"name": "thompson"}, "scope": {"items": "all"},
/// #  "sample": {"positive": 2, "negative": 1},
/// #  "arms": [{"name": "list", "multiplier": 1}, {"name": "low", "multiplier": 0.9}]}"#;
/// use std::collections::BTreeSet;
/// use haggle::{CatalogueItem, Experiment, groups::Draw};
///
/// let experiment = Experiment::from_json(text)?; // all items, two positive and one negative, at the list price and a tenth less
/// let mut draw = Draw::new(&experiment);
/// for sku in ["A", "B", "C", "D"] {
///     draw.offer(CatalogueItem::from_json(&format!(r#"{{"sku": "{sku}", "price_minor": 1900}}"#))?);
/// }
/// let groups = draw.finish(&BTreeSet::from(["D".to_owned()]))?; // D is in another experiment
/// assert!(groups.positive().all(|member| member.prices == [1900, 1710]));
/// assert_eq!((groups.positive().count(), groups.negative().count()), (2, 1));
/// # Ok::<(), haggle::Error>(())
/// ```
pub struct Draw<'a> {
    experiment: &'a Experiment,
    /// Nothing for an experiment on one item, which has no groups.
    source: Option<Source<'a>>,
    offered: usize,
    candidates: Vec<Candidate>,
}

/// What decides which items are drawn from, and on which side they come.
enum Source<'a> {
    Scope(&'a Scope, InScope<'a>),
    Saved(Saved),
}

/// What is kept of an item until the end.
pub(super) struct Candidate {
    pub sku: String,
    pub family: String,
    pub basis: Basis,
    pub past: Option<i64>,
    /// What the columns hold that arms are priced by, in the order of these arms.
    pub columns: Vec<Option<i64>>,
}

impl<'a> Draw<'a> {
    /// A draw for an experiment. One on a single item has no groups: whatever is offered, they are empty.
    pub fn new(experiment: &'a Experiment) -> Self {
        let source = match &experiment.goods {
            Goods::Item(_) => None,
            Goods::Scope(scope) => Some(Source::Scope(scope, InScope::new(&scope.which))),
        };
        Self { experiment, source, offered: 0, candidates: Vec::new() }
    }

    /// A draw that reproduces groups from their file: the same members on the same sides, at the catalogue prices that
    /// stand in the file.
    ///
    /// # Errors
    /// Names the line of the file, what stands there and what is allowed.
    pub fn saved(experiment: &'a Experiment, file: &str) -> Result<Self, Error> {
        let saved = Saved::read(experiment.currency, file)?;
        Ok(Self { experiment, source: Some(Source::Saved(saved)), offered: 0, candidates: Vec::new() })
    }

    /// An item of the catalogue. Each item is offered once, in any order.
    pub fn offer(&mut self, item: CatalogueItem) {
        self.offered += 1;
        let mut basis = item.basis(self.experiment.currency);
        let is_wanted = match &mut self.source {
            None => false,
            Some(Source::Scope(_, scope)) => scope.has(&item),
            Some(Source::Saved(saved)) => match saved.price_minor(&item.sku) {
                Some(price_minor) => {
                    basis.price_minor = price_minor;
                    true
                }
                None => false,
            },
        };
        if is_wanted {
            let columns = Pricing::columns(self.experiment).map(|column| item.number(column)).collect();
            let CatalogueItem { sku, family, past, .. } = item;
            let is_shared = self.experiment.families || self.experiment.unit == Unit::Family;
            let family = if is_shared && !family.is_empty() { family } else { sku.clone() };
            self.candidates.push(Candidate { sku, family, basis, past, columns });
        }
    }

    /// Items that were offered.
    pub fn offered(&self) -> usize {
        self.offered
    }

    /// Items that are in scope, those of other experiments included.
    pub fn in_scope(&self) -> usize {
        self.candidates.len()
    }

    /// Items in scope that are left out because they belong to another experiment, or their family does.
    pub fn excluded(&self, excluded: &BTreeSet<String>) -> usize {
        let families = self.families_of(excluded);
        self.candidates.iter().filter(|candidate| families.contains(candidate.family.as_str())).count()
    }

    /// The families that have an item among these.
    fn families_of(&self, skus: &BTreeSet<String>) -> BTreeSet<&str> {
        let among = self.candidates.iter().filter(|candidate| skus.contains(&candidate.sku));
        among.map(|candidate| candidate.family.as_str()).collect()
    }

    /// The groups, once all items were offered. `excluded` are the items of other experiments; where families share
    /// arms, all of a family stays out with one of it.
    ///
    /// # Errors
    /// Too few items in scope, a key that the catalogue does not have, a cost or a price that is missing, a price beyond an
    /// item's guardrails, two arms that are the same: what was given, what is allowed, and how often.
    pub fn finish(mut self, excluded: &BTreeSet<String>) -> Result<Groups, Error> {
        self.candidates.sort_by(|one, other| one.sku.cmp(&other.sku));
        let twice = self.candidates.windows(2).find_map(|pair| match pair {
            [one, other] if one.sku == other.sku => Some(&one.sku),
            _ => None,
        });
        if let Some(sku) = twice {
            return Err(Error::value("sku", format!("{sku:?} twice"), "in the catalogue once"));
        }
        let sides = match &self.source {
            None => return Ok(Groups::default()),
            Some(Source::Scope(scope, in_scope)) => self.drawn(scope, in_scope, excluded)?,
            Some(Source::Saved(saved)) => saved.sides(&self.candidates, excluded)?,
        };
        let members = Pricing::new(self.experiment).members(self.candidates, &sides)?;
        Ok(Groups::new(members))
    }

    /// The side of each candidate by its key; those that were not drawn are on none.
    fn drawn(
        &self,
        scope: &Scope,
        in_scope: &InScope<'_>,
        excluded: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Side>, Error> {
        in_scope.check(self.offered)?;
        let out = self.families_of(excluded);
        let mut clusters: BTreeMap<&str, Cluster<'_>> = BTreeMap::new();
        let mut available = 0_usize;
        for candidate in self.candidates.iter().filter(|candidate| !out.contains(candidate.family.as_str())) {
            let family = candidate.family.as_str();
            let rank = || mac::digest16(&["haggle group", &self.experiment.salt, family]);
            clusters
                .entry(family)
                .or_insert_with(|| Cluster::new(family, rank()))
                .add(&candidate.sku, candidate.basis.price_minor);
            available += 1;
        }
        let (positive, negative) = (scope.positive.map(|count| count as usize), scope.negative as usize);
        let needed = positive.unwrap_or(1).max(1) + negative;
        if available < needed {
            let in_others = self.candidates.len() - available;
            let given = format!("{}, of which {in_others} are in other experiments", self.candidates.len());
            let wanted = positive.map_or("1 or more".into(), |count| count.to_string());
            let allowed = format!("at least {needed} of its own: {wanted} positive and {negative} negative");
            return Err(Error::value("number of items in scope", given, allowed));
        }
        let positive = positive.unwrap_or(available - negative);
        if positive > GROUP_MAX {
            let allowed = format!("at most {GROUP_MAX}: say sample.positive, or narrow the scope");
            return Err(Error::value("number of positive items", positive, allowed));
        }
        let sides = split(clusters.into_values().collect(), positive, negative, scope.strata.max(1) as usize);
        let drawn = |side: Side| sides.values().filter(|&&other| other == side).count();
        let is_short =
            drawn(Side::Negative) < negative && (scope.positive.is_some() || drawn(Side::Negative) == 0);
        if is_short {
            let given = format!(
                "{} after {} positive ones in whole families",
                drawn(Side::Negative),
                drawn(Side::Positive)
            );
            return Err(Error::value(
                "number of negative items",
                given,
                format!("at least {negative}: fewer positive ones"),
            ));
        }
        Ok(sides)
    }
}

impl Member {
    /// An item that keeps the catalogue price.
    pub(super) fn negative(candidate: Candidate, arms: usize) -> Self {
        let Candidate { sku, family, basis, past, .. } = candidate;
        let price_minor = basis.price_minor;
        Self {
            sku,
            is_negative: true,
            family,
            price_minor,
            cost_minor: basis.cost_minor,
            floor_minor: price_minor,
            ceiling_minor: price_minor,
            prices: vec![price_minor; arms],
            past,
        }
    }
}
