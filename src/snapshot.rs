//! Stage 7, publish: everything the edge needs to decide, immutable, versioned and checksummed.
//!
//! In scope: encoding what runs into bytes, and decoding bytes into something that cannot fail any more: whatever
//! could go wrong in a decision is refused here. Items stay in the bytes and are found by binary search, so a large
//! catalogue costs nothing to load.
//!
//! Out of scope: where snapshots are stored, how old one may be, and which of two to prefer.

mod decode;
mod encode;
mod layout;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use self::decode::Tables;
use self::layout::{ARM, CHECKSUM_FROM, ITEM, Layout, MAGIC, NUMBER, Record, STOPPED};
use crate::experiment::EXPERIMENTS_MAX;
use crate::guardrail::Bounds;
use crate::{Allocation, Currency, Error, Experiment, Groups, Objective, Policy, PolicyInput, Site, mac};

/// An experiment with the posterior that is to be published.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// What is asked.
    pub experiment: &'a Experiment,
    /// Number of the allocation that this posterior gives, from 1; at most 2^24 - 1.
    pub epoch: u32,
    /// What the policy may look at; its arms in the order of the experiment's.
    pub input: PolicyInput,
    /// The items; none where the experiment names its one item itself.
    pub groups: Option<&'a Groups>,
    /// Where items are randomised, the position of each one's arm, in the order of the groups' members (that of the
    /// control for the negative group); empty where visitors are.
    pub arms_of: &'a [u8],
    /// Where items are randomised, until when their prices hold, in milliseconds since 1970-01-01 UTC; 0 where no end is
    /// known.
    pub until_ms: u64,
    /// Nothing new is decided; who was shown a price keeps it.
    pub is_paused: bool,
}

impl<'a> Entry<'a> {
    /// An experiment on its one item, which runs.
    pub fn new(experiment: &'a Experiment, epoch: u32, input: PolicyInput) -> Self {
        Self { experiment, epoch, input, groups: None, arms_of: &[], until_ms: 0, is_paused: false }
    }
}

/// What is published beside the experiments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shop<'a> {
    /// The site in JSON; empty for the empty site.
    pub site_json: &'a str,
    /// The kill switch: nothing is decided while it is set.
    pub is_stopped: bool,
    /// Names of the experiments that are stopped by themselves; a name that is not published says nothing.
    pub stopped: &'a [String],
}

/// A published state of all running experiments.
///
/// ```
/// use haggle::{Entry, Snapshot, Tally, evidence};
/// # let experiment = haggle::Experiment::from_json(include_str!("../tests/golden/sevilla.json"))?;
/// let counted = vec![Tally { exposures: 100, conversions: 20, ..Tally::default() }; experiment.arms.len()];
/// let input = evidence::pooled(&experiment, &counted)?;
/// let bytes = Snapshot::encode(1, 1_700_000_000_000, &[Entry::new(&experiment, 1, input)])?;
/// let snapshot = Snapshot::decode(bytes)?;
/// assert_eq!(snapshot.item("OLIVE-500").map(|listed| listed.experiment().name()), Some("sevilla"));
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug)]
pub struct Snapshot {
    bytes: Vec<u8>,
    version: u64,
    published_at_ms: u64,
    experiments: Vec<LiveExperiment>,
    site: Site,
    is_stopped: bool,
    items_at: usize,
    items: usize,
    text: std::ops::Range<usize>,
}

/// An experiment as the edge knows it.
#[derive(Debug)]
pub struct LiveExperiment {
    name: String,
    seed: [u8; 16],
    tag: u32,
    epoch: u32,
    reward_window_s: u32,
    holdout: u32,
    control: usize,
    currency: Currency,
    objective: Objective,
    policy: Policy,
    guardrails: Bounds,
    is_stopped: bool,
    uses_personal_data: bool,
    arms: Vec<LiveArm>,
    input: PolicyInput,
    allocation: OnceLock<Allocation>,
}

/// An arm as the edge knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveArm {
    /// Name of the arm.
    pub name: String,
    /// Price of one unit.
    pub price_minor: i64,
}

/// An item that a running experiment prices.
#[derive(Debug, Clone, Copy)]
pub struct ListedItem<'a> {
    experiment: &'a LiveExperiment,
    price_minor: i64,
}

impl<'a> ListedItem<'a> {
    /// The experiment that prices the item.
    pub fn experiment(&self) -> &'a LiveExperiment {
        self.experiment
    }

    /// Catalogue price of the item.
    pub fn price_minor(&self) -> i64 {
        self.price_minor
    }
}

impl LiveExperiment {
    /// Name of the experiment.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Short number of the experiment in pins, 24 bits, unique in a snapshot.
    pub fn tag(&self) -> u32 {
        self.tag
    }

    /// Number of the published allocation, from 1.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Seconds after the decision in which a reward counts.
    pub fn reward_window_s(&self) -> u32 {
        self.reward_window_s
    }

    /// Share of units that always see the control, out of [`TOTAL`](crate::TOTAL).
    pub fn holdout(&self) -> u32 {
        self.holdout
    }

    /// Position of the control among the arms.
    pub fn control(&self) -> usize {
        self.control
    }

    /// Currency of every amount.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// What is maximised.
    pub fn objective(&self) -> Objective {
        self.objective
    }

    /// How the posterior becomes the allocation.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The bounds that every price but the catalogue price keeps.
    pub fn guardrails(&self) -> &Bounds {
        &self.guardrails
    }

    /// Whether nothing is decided: the experiment, or everything, is stopped.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Whether what is known of a person goes into the price.
    pub fn uses_personal_data(&self) -> bool {
        self.uses_personal_data
    }

    /// The arms, in the order of the experiment file.
    pub fn arms(&self) -> &[LiveArm] {
        &self.arms
    }

    /// All that the policy looks at.
    pub fn input(&self) -> &PolicyInput {
        &self.input
    }

    /// Seed of the draws of this experiment.
    pub(crate) fn seed(&self) -> &[u8; 16] {
        &self.seed
    }

    /// The share of each arm: computed by the policy at the first call, then remembered.
    pub fn allocation(&self) -> &Allocation {
        self.allocation.get_or_init(|| self.policy.allocate(&self.input))
    }
}

impl Snapshot {
    /// Reads and checks a snapshot: any bytes give a snapshot or an error, never a panic.
    ///
    /// # Errors
    /// Says what is wrong: no snapshot at all, another format, a wrong checksum, values out of bounds.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, Error> {
        let header = Record(&bytes);
        if header.bytes(0).ok().as_ref() != Some(MAGIC) {
            return Err(Error::snapshot(format!("{} bytes that do not begin like one", bytes.len())));
        }
        let layout = Layout::of(header.u16(12)?)?;
        if header.bytes(8)? != mac::digest4(bytes.get(CHECKSUM_FROM..).unwrap_or_default()) {
            return Err(Error::snapshot("its checksum is wrong: it was cut or changed"));
        }
        let [experiments, arms, items, text] =
            [32, 36, 40, 44].map(|at| header.u32(at).unwrap_or(0) as usize);
        let numbers = header.u32(48)? as usize;
        let (site, flags) = if layout.is_newest() { (header.u32(52)?, header.u32(56)?) } else { (0, 0) };
        let arms_at = layout.header.saturating_add(experiments.saturating_mul(layout.experiment));
        let items_at = arms_at.saturating_add(arms.saturating_mul(ARM));
        let numbers_at = items_at.saturating_add(items.saturating_mul(ITEM));
        let text_at = numbers_at.saturating_add(numbers.saturating_mul(NUMBER));
        let site_at = text_at.saturating_add(text);
        if site_at.saturating_add(site as usize) != bytes.len() {
            return Err(Error::snapshot("its counts do not fit its length"));
        }
        if experiments > EXPERIMENTS_MAX {
            let allowed = format!("at most {EXPERIMENTS_MAX} at once");
            return Err(Error::value("number of running experiments", experiments, allowed));
        }

        let tables = Tables {
            layout,
            arms: bytes.get(arms_at..items_at).unwrap_or_default(),
            numbers: bytes.get(numbers_at..text_at).unwrap_or_default(),
            text: bytes.get(text_at..site_at).unwrap_or_default(),
        };
        let mut experiments = (0..experiments)
            .map(|i| tables.experiment(record(&bytes, layout.header, layout.experiment, i)))
            .collect::<Result<Vec<_>, _>>()?;
        let is_stopped = flags & STOPPED != 0;
        experiments.iter_mut().for_each(|experiment| experiment.is_stopped |= is_stopped);
        let site = read_site(bytes.get(site_at..).unwrap_or_default())?;
        let (version, published_at_ms) = (header.u64(16)?, header.u64(24)?);
        let text = text_at..site_at;
        let snapshot =
            Self { version, published_at_ms, experiments, site, is_stopped, items_at, items, text, bytes };
        snapshot.check_items()?;
        snapshot.check_prices()?;
        snapshot.check_tags()?;
        Ok(snapshot)
    }

    /// Number of the publication; versions only grow.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When it was published, in milliseconds since 1970-01-01 UTC.
    pub fn published_at_ms(&self) -> u64 {
        self.published_at_ms
    }

    /// The running experiments.
    pub fn experiments(&self) -> &[LiveExperiment] {
        &self.experiments
    }

    /// Where prices stand in the pages of the shop.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The site as it was published: JSON, or nothing for the empty site.
    pub fn site_json(&self) -> &[u8] {
        self.bytes.get(self.text.end..).unwrap_or_default()
    }

    /// Whether the kill switch is set: nothing is decided.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// The bytes it was read from.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The item with this key, if an experiment prices it; by binary search in the bytes.
    pub fn item(&self, sku: &str) -> Option<ListedItem<'_>> {
        let (mut low, mut high) = (0, self.items);
        while low < high {
            let middle = low + (high - low) / 2;
            let (found, item) = self.read_item(middle).ok()?;
            match found.cmp(sku) {
                std::cmp::Ordering::Equal => return Some(item),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// All priced items with their keys, in the order of the keys.
    pub fn items(&self) -> impl Iterator<Item = (&str, ListedItem<'_>)> {
        (0..self.items).filter_map(|i| self.read_item(i).ok())
    }

    fn read_item(&self, i: usize) -> Result<(&str, ListedItem<'_>), Error> {
        let item = record(&self.bytes, self.items_at, ITEM, i);
        let sku = item.text(0, self.bytes.get(self.text.clone()).unwrap_or_default())?;
        let experiment = self.experiments.get(item.u32(16)? as usize);
        let experiment =
            experiment.ok_or_else(|| Error::snapshot(format!("item {sku} has no experiment")))?;
        Ok((sku, ListedItem { experiment, price_minor: item.i64(8)? }))
    }

    /// Every item can be read, stands once and in order, and is sold by its control at the catalogue price.
    fn check_items(&self) -> Result<(), Error> {
        let mut last = None;
        for i in 0..self.items {
            let (sku, item) = self.read_item(i)?;
            if last.is_some_and(|last| last >= sku) {
                return Err(Error::value(
                    "item.sku",
                    format!("{sku:?} twice"),
                    "priced by one experiment at a time",
                ));
            }
            let control = item.experiment.arms.get(item.experiment.control);
            if control.is_none_or(|control| control.price_minor != item.price_minor) {
                return Err(Error::snapshot(format!("the control of {sku} is not at the catalogue price")));
            }
            last = Some(sku);
        }
        Ok(())
    }

    /// Every price but that of a control, which is the catalogue price, keeps the guardrails.
    fn check_prices(&self) -> Result<(), Error> {
        for experiment in &self.experiments {
            for (place, arm) in experiment.arms.iter().enumerate() {
                if place != experiment.control {
                    let what = || format!("price_minor of arm {} of {}", arm.name, experiment.name);
                    experiment.guardrails.check(&what, arm.price_minor)?;
                }
            }
        }
        Ok(())
    }

    fn check_tags(&self) -> Result<(), Error> {
        for (i, experiment) in self.experiments.iter().enumerate() {
            if let Some(other) = self.experiments.iter().take(i).find(|other| other.tag == experiment.tag) {
                let given = format!("{} beside {}", experiment.name, other.name);
                return Err(Error::value("name", given, "another one: the two share a tag"));
            }
        }
        Ok(())
    }
}

fn read_site(bytes: &[u8]) -> Result<Site, Error> {
    if bytes.is_empty() {
        return Ok(Site::default());
    }
    Site::from_json(std::str::from_utf8(bytes).map_err(|_| Error::snapshot("its site is not UTF-8"))?)
}

fn record(bytes: &[u8], from: usize, size: usize, index: usize) -> Record<'_> {
    Record(bytes.get(from.saturating_add(index.saturating_mul(size))..).unwrap_or_default())
}
