//! The experiment: the question a pricing team asks, written before the first price moves.
//!
//! In scope: reading an experiment from TOML or JSON, which is the same as validating it (what parses can run), and
//! writing it as JSON. It prices one item that the file describes, or items of the catalogue.
//!
//! Out of scope: the experiment's life (draft, running, ended), which the Worker's central store keeps, and which items
//! its groups have (see [`Groups`](crate::Groups)).

mod file;
mod ladder;
pub(crate) mod limits;
mod read;
#[cfg(feature = "toml")]
mod schema;
mod write;

pub use file::SCHEMA_FILE;
pub use ladder::ladder;
pub(crate) use read::check_policy;

use read::FIELDS;
#[cfg(feature = "toml")]
pub(crate) use read::lines::json_of;

use crate::allocation::TOTAL;
use crate::guardrail::{Basis, Bounds, Guardrails};
use crate::json::Fields;
use crate::money::Tax;
use crate::{Currency, Error, Policy, Prior, RewardModel};

/// Most experiments that run at once (their pins must fit one cookie of 1 KB).
pub const EXPERIMENTS_MAX: usize = 60;

/// The arm name under which the holdout is counted; no arm may bear it.
pub const HOLDOUT: &str = "holdout";

/// The arm name under which the items of the negative group are counted; no arm may bear it.
pub const NEGATIVE: &str = "negative";

/// What the experiment maximises, per exposed unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// Share of exposed units that buy.
    Conversion,
    /// Net revenue.
    Revenue,
    /// Net revenue less unit cost; refused where the cost is not known.
    Profit,
}

impl Objective {
    pub(crate) const ALL: [Self; 3] = [Self::Conversion, Self::Revenue, Self::Profit];

    /// Value of one conversion at this price net of tax: 1 for conversion, else minor units of the currency.
    ///
    /// A missing cost is no cost of zero: under [`Objective::Profit`] it gives `None`.
    pub fn value_minor(self, price_minor: i64, cost_minor: Option<i64>) -> Option<i64> {
        match self {
            Self::Conversion => Some(1),
            Self::Revenue => Some(price_minor),
            Self::Profit => cost_minor.and_then(|cost| price_minor.checked_sub(cost)),
        }
    }

    /// The name in files and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conversion => "conversion",
            Self::Revenue => "revenue",
            Self::Profit => "profit",
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Conversion => 1,
            Self::Revenue => 2,
            Self::Profit => 3,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.code() == code)
    }
}

/// How the posterior becomes an allocation, as the experiment file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyChoice {
    /// Which policy.
    pub name: Policy,
    /// Its parameters, in the order of [`Policy::parameters`].
    pub parameters: Vec<f64>,
    /// For [`Policy::Fixed`] the share of each arm, in the order of the arms; equal shares where left out.
    pub shares: Option<Vec<f64>>,
}

/// How exposures count whose reward may still be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelayCorrection {
    /// As the part of an exposure that would have converted by now, if it ever does.
    Weighted,
    /// Not at all until the reward window is over.
    Matured,
    /// In full from the first moment.
    Naive,
}

impl DelayCorrection {
    pub(crate) const ALL: [Self; 3] = [Self::Weighted, Self::Matured, Self::Naive];

    /// The name in files and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weighted => "weighted",
            Self::Matured => "matured",
            Self::Naive => "naive",
        }
    }
}

/// The item that an experiment prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The shop's own key of the item, as it stands in `data-haggle-sku`.
    pub sku: String,
    /// Catalogue price: what everybody sees when haggle leaves a page alone.
    pub price_minor: i64,
    /// Net cost of one unit; required by the profit objective and by `guardrails.min_margin`.
    pub cost_minor: Option<i64>,
    /// Tax that the catalogue price and every arm's price include.
    pub tax: Tax,
    /// The higher price that the page shows beside the price, struck through; every arm stays below it.
    pub compare_at_minor: Option<i64>,
}

/// What an experiment prices.
#[derive(Debug, Clone, PartialEq)]
pub enum Goods {
    /// One item, described in the file itself.
    Item(Item),
    /// Items of the catalogue; which ones is drawn once, at the start (see [`Groups`](crate::Groups)).
    Scope(Scope),
}

/// Which items of the catalogue an experiment is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// The items that are drawn from.
    pub which: Which,
    /// Items that get the experiment's prices; all that are in scope and not in the negative group where left out.
    pub positive: Option<u32>,
    /// Items that keep the catalogue price, to compare with.
    pub negative: u32,
    /// Price bands within which the groups are drawn, so that both have the same share of each: 1 to 20.
    pub strata: u32,
    /// Names of other experiments whose items are left out. Those of live experiments always are.
    pub exclude: Vec<String>,
}

/// The items that a draw looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    /// The whole catalogue.
    All,
    /// These items.
    Skus(Vec<String>),
    /// The items that meet all conditions.
    Where(Vec<Condition>),
}

/// A condition on a column of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// What its value must be.
    pub test: Test,
}

/// What a value of the catalogue must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// One of these texts.
    OneOf(Vec<String>),
    /// A number in this range, both ends included.
    Range {
        /// Least, if any.
        from: Option<i64>,
        /// Largest, if any.
        to: Option<i64>,
    },
}

/// What is randomised: who or what is sent to an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Each visitor, for all items of the experiment alike.
    Visitor,
    /// Each item, for everybody and as long as the experiment runs.
    Item,
    /// Each family of items: its items share an arm.
    Family,
    /// Each item anew in each period (a switchback).
    ItemPeriod,
}

impl Unit {
    /// All units.
    pub const ALL: [Self; 4] = [Self::Visitor, Self::Item, Self::Family, Self::ItemPeriod];

    /// The name in files and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Item => "item",
            Self::Family => "family",
            Self::ItemPeriod => "item-period",
        }
    }

    /// Whether items are randomised, so that everybody sees the same price of an item at a time.
    pub fn is_of_items(self) -> bool {
        self != Self::Visitor
    }
}

/// How an arm prices an item.
#[derive(Debug, Clone, PartialEq)]
pub enum ArmPrice {
    /// This price, in minor units.
    Minor(i64),
    /// The catalogue price times this: 0.1 to 10, in steps of a millionth; 1 is the catalogue price itself.
    Times(f64),
    /// The price in this column of the catalogue.
    Column(String),
}

/// Whether units are sent to an arm. Whoever was shown its price keeps it until the quote ends, whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArmState {
    /// They are.
    Live,
    /// Not for now.
    Paused,
    /// Not any more, unless it is revived.
    Retired,
}

impl ArmState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Live, Self::Paused, Self::Retired];

    /// The name in files and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Retired => "retired",
        }
    }
}

/// One price of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// Short name: small letters, digits and hyphens.
    pub name: String,
    /// How it prices an item.
    pub price: ArmPrice,
    /// Price of one unit; where the experiment has many items, the mean over those of the positive group, and 0 before
    /// the groups are drawn.
    pub price_minor: i64,
    /// Net cost of one unit where it is not that of the item.
    pub cost_minor: Option<i64>,
    /// Whether units are sent to it.
    pub state: ArmState,
    /// It was added while the experiment ran: it gets the floor and no more until something is known of it.
    pub is_added: bool,
}

impl Arm {
    /// A live arm at a price.
    pub(crate) fn at(name: &str, price_minor: i64) -> Self {
        let price = ArmPrice::Minor(price_minor);
        Self {
            name: name.into(),
            price,
            price_minor,
            cost_minor: None,
            state: ArmState::Live,
            is_added: false,
        }
    }
}

/// When an experiment may be decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StopRule {
    /// Decided once the loss expected of the best arm is at most this, in minor units per exposure. More than 0.
    pub expected_loss_minor: Option<f64>,
    /// Not before so many whole weeks: 0 to 52.
    pub min_weeks: u32,
}

/// A validated experiment. There is no way to get one but by parsing it.
///
/// ```
/// let text = r#"
/// name = "sevilla"
/// hypothesis = "at 17.50 enough more shoppers buy to earn more than at 19.00"
/// document = "https://wiki.example/pricing/sevilla"
/// objective = "profit"
/// currency = "EUR"
/// salt = "sevilla-2026"
/// control = "list"
/// policy = { name = "thompson" }
/// [guardrails]
/// min_margin = 0.5
/// max_step = 0.2
/// [item]
/// sku = "OLIVE-500"
/// price_minor = 1900
/// cost_minor = 800
/// [[arms]]
/// name = "list"
/// price_minor = 1900
/// [[arms]]
/// name = "low"
/// price_minor = 1750
/// "#;
/// let experiment = haggle::Experiment::from_toml(text)?;
/// assert_eq!(experiment.arms.len(), 2);
/// assert_eq!(experiment.bounds()?.floor_minor(), 1520);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Experiment {
    /// Memorable and unique: `[a-z0-9-]`, 1 to 32 characters.
    pub name: String,
    /// What the team expects, and why: 1 to 2000 characters.
    pub hypothesis: String,
    /// Address of the document that gives the reasons.
    pub document: String,
    /// What is maximised.
    pub objective: Objective,
    /// Currency of every amount.
    pub currency: Currency,
    /// Share of units that always see the control and never enter the posterior's arms: `[0, 0.5]`.
    pub holdout: f64,
    /// Least share of a live arm: `[0, 1/arms]`.
    pub floor: f64,
    /// Hours after the decision in which a reward counts: 1 to 2160 (90 days).
    pub reward_window_hours: u32,
    /// Makes the draws of this experiment independent of every other's: 1 to 64 characters.
    pub salt: String,
    /// Name of the arm that the holdout and every failure sees; its price is the catalogue price.
    pub control: String,
    /// How the posterior becomes an allocation.
    pub policy: PolicyChoice,
    /// Belief about every arm's conversion rate before any tally.
    pub prior: Prior,
    /// What an exposure is taken to be worth.
    pub reward_model: RewardModel,
    /// How exposures count whose reward may still be under way.
    pub delay: DelayCorrection,
    /// Units that the experiment is expected to have in all, where the team says so: 1 to 10^12.
    pub horizon: Option<u64>,
    /// Pieces that may be sold in all, where they are limited: 1 to 10^12.
    pub stock: Option<i64>,
    /// Whether what is known of a person goes into the price, so that pages must say so where the law asks for it.
    pub personal_data: bool,
    /// The bounds that no price leaves.
    pub guardrails: Guardrails,
    /// What is priced.
    pub goods: Goods,
    /// The prices, 2 to 64, all different.
    pub arms: Vec<Arm>,
    /// Who wrote the hypothesis; empty where the file does not say.
    pub author: String,
    /// Not to be started before, in milliseconds since 1970-01-01 UTC.
    pub start_ms: Option<u64>,
    /// When it is to be decided at the latest, in milliseconds since 1970-01-01 UTC.
    pub end_ms: Option<u64>,
    /// What is randomised.
    pub unit: Unit,
    /// Items of a family share an arm; always so with [`Unit::Family`], never with [`Unit::Visitor`].
    pub families: bool,
    /// Hours of a period, with [`Unit::ItemPeriod`]: 1 to 672 (four weeks).
    pub period_hours: Option<u32>,
    /// Hours at a period's beginning that do not count, as shoppers may still know the last price: less than the period.
    pub washout_hours: u32,
    /// When it may be decided.
    pub stop: StopRule,
}

impl Experiment {
    /// Reads and validates an experiment written in TOML.
    ///
    /// # Errors
    /// Says in which line which field is wrong, what was given and what is allowed.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        const WHAT: &str = "an experiment in TOML";
        let table: toml::Table = toml::from_str(text).map_err(|why| read::lines::syntax(WHAT, text, &why))?;
        let read = Fields::of(WHAT, json_of(toml::Value::Table(table)), &FIELDS).and_then(Self::read);
        read.map_err(|error| read::lines::with_line(error, text))
    }

    /// Reads and validates an experiment written in JSON.
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        Self::read(Fields::parse("an experiment in JSON", text, &FIELDS)?)
    }

    /// An experiment on visitors of which nothing is said but item and arms: it splits evenly and maximises conversion.
    pub(crate) fn plain(item: Item, arms: Vec<Arm>) -> Self {
        Self {
            name: String::new(),
            hypothesis: String::new(),
            document: String::new(),
            objective: Objective::Conversion,
            currency: Currency::NONE,
            holdout: 0.0,
            floor: 0.0,
            reward_window_hours: 1,
            salt: String::new(),
            control: String::new(),
            policy: PolicyChoice { name: Policy::Fixed, parameters: Vec::new(), shares: None },
            prior: Prior::default(),
            reward_model: RewardModel::Conversion,
            delay: DelayCorrection::Naive,
            horizon: None,
            stock: None,
            personal_data: false,
            guardrails: Guardrails::default(),
            goods: Goods::Item(item),
            arms,
            author: String::new(),
            start_ms: None,
            end_ms: None,
            unit: Unit::Visitor,
            families: false,
            period_hours: None,
            washout_hours: 0,
            stop: StopRule { expected_loss_minor: None, min_weeks: 0 },
        }
    }

    /// Position of the control among the arms.
    pub fn control_index(&self) -> usize {
        self.arms.iter().position(|arm| arm.name == self.control).unwrap_or(0)
    }

    /// Value of one conversion of an arm under the objective, net of the tax that its price includes.
    ///
    /// With many items there is none, and 1 stands for it: their rewards are looked at as they are.
    pub fn value_minor(&self, arm: &Arm) -> i64 {
        let Goods::Item(item) = &self.goods else { return 1 };
        let net_minor = item.tax.net_minor(arm.price_minor);
        self.objective.value_minor(net_minor, arm.cost_minor.or(item.cost_minor)).unwrap_or(1)
    }

    /// The one item that it prices; none where it prices items of the catalogue.
    pub fn item(&self) -> Option<&Item> {
        if let Goods::Item(item) = &self.goods { Some(item) } else { None }
    }

    /// The bounds that its guardrails come to for its item; with many, grid and endings alone, as each has a floor and a
    /// ceiling of its own (see [`Groups`](crate::Groups)).
    ///
    /// # Errors
    /// None after parsing; a cost that was taken away is missing for the least margin.
    pub fn bounds(&self) -> Result<Bounds, Error> {
        let currency = self.currency;
        let Goods::Item(item) = &self.goods else {
            return Ok(Bounds::of_form(&self.guardrails, currency));
        };
        let Item { price_minor, cost_minor, tax, compare_at_minor, .. } = *item;
        let basis = Basis { currency, price_minor, cost_minor, tax, compare_at_minor, map_minor: None };
        self.guardrails.bounds(&basis)
    }

    /// The floor as an integer share of [`TOTAL`], at least the fraction that was asked for if the arms fit.
    pub fn floor_share(&self) -> u32 {
        let most = TOTAL / u32::try_from(self.arms.len()).unwrap_or(TOTAL).max(1);
        ((self.floor * f64::from(TOTAL)).ceil() as u32).min(most)
    }

    /// The holdout as an integer share of [`TOTAL`].
    pub fn holdout_share(&self) -> u32 {
        (self.holdout * f64::from(TOTAL)).round() as u32
    }
}

#[cfg(test)]
pub(crate) mod tests;
