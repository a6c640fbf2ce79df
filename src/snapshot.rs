//! Stage 7, publish: everything the edge needs to decide, immutable, versioned and checksummed.
//!
//! In scope: encoding what runs into bytes, and decoding bytes into something that cannot fail any more: whatever
//! could go wrong in a decision is refused here. Items stay in the bytes and are found by binary search, so a large
//! catalogue costs nothing to load.
//!
//! Out of scope: where snapshots are stored, how old one may be, and which of two to prefer.

mod before;
mod decode;
mod encode;
mod given;
mod item;
mod layout;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::OnceLock;

use self::decode::Tables;
pub use self::item::{ListedItem, SharedPrice};
use self::layout::{
    ARM, CHECKSUM_FROM, EXPERIMENT, FORMAT, FORMAT_BEFORE, HEADER, ITEM, MAGIC, NUMBER, PRICE, Record,
    STOPPED,
};
use crate::experiment::{EXPERIMENTS_MAX, Unit};
use crate::guardrail::Bounds;
use crate::{Allocation, Currency, Error, Experiment, Groups, Objective, Policy, PolicyInput, Site, mac};

/// Most bytes of a snapshot: what a row of the central store holds.
pub const BYTES_MAX: usize = 1_900_000;

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
    /// Where items are randomised, when this allocation was made and the items got these arms, in milliseconds since
    /// 1970-01-01 UTC.
    pub opened_at_ms: u64,
    /// Where items are randomised, until when their prices hold, in milliseconds since 1970-01-01 UTC; 0 where no end is
    /// known.
    pub until_ms: u64,
    /// Nothing new is decided; who was shown a price keeps it.
    pub is_paused: bool,
}

impl<'a> Entry<'a> {
    /// An experiment on its one item, which runs.
    pub fn new(experiment: &'a Experiment, epoch: u32, input: PolicyInput) -> Self {
        let (groups, arms_of, opened_at_ms, until_ms, is_paused) = (None, &[][..], 0, 0, false);
        Self { experiment, epoch, input, groups, arms_of, opened_at_ms, until_ms, is_paused }
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

/// The kill switches: for everything, and for single experiments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stops<'a> {
    /// Nothing is decided at all.
    pub all: bool,
    /// Names of the experiments that are stopped by themselves; a name that is not published says nothing.
    pub experiments: &'a [String],
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
    items: usize,
    parts: Parts,
}

/// Where the parts of the bytes begin, one after the other; the site goes to the end.
#[derive(Debug, Clone, Copy)]
struct Parts {
    items: usize,
    prices: usize,
    numbers: usize,
    text: usize,
    site: usize,
}

/// How an allocation is made.
type Allocate = fn(Policy, &PolicyInput) -> Allocation;

/// What takes much code and is not needed everywhere, so that who does without is built without it.
#[derive(Clone, Copy)]
struct Means {
    allocate: Allocate,
    read_site: fn(&str) -> Result<Site, Error>,
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
    is_paused: bool,
    uses_personal_data: bool,
    unit: Unit,
    families: bool,
    has_many_items: bool,
    opened_at_min: u32,
    until_ms: u64,
    arms: Vec<LiveArm>,
    input: PolicyInput,
    allocate: Allocate,
    allocation: OnceLock<Allocation>,
}

/// An arm as the edge knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveArm {
    /// Name of the arm.
    pub name: String,
    /// Price of one unit; where the experiment has many items, their mean (see [`ListedItem::price_of`]).
    pub price_minor: i64,
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

    /// The bounds that every price but the catalogue price keeps. With many items, each has a floor and a ceiling of its
    /// own (see [`ListedItem::check`]).
    pub fn guardrails(&self) -> &Bounds {
        &self.guardrails
    }

    /// Whether nothing is decided: the experiment, or everything, is stopped.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Whether nothing new is decided. Who was shown a price keeps it; where items are randomised, everybody sees the
    /// catalogue prices.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// What is randomised.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Whether visitors are randomised, so that prices are one visitor's own.
    pub fn is_of_visitors(&self) -> bool {
        self.unit == Unit::Visitor
    }

    /// Whether items of a family share an arm.
    pub fn has_families(&self) -> bool {
        self.families
    }

    /// Whether it is about items of the catalogue, and not about one that its file describes.
    pub fn has_many_items(&self) -> bool {
        self.has_many_items
    }

    /// Where items are randomised, when they got their arms, in whole minutes since 1970-01-01 UTC.
    pub fn opened_at_min(&self) -> u32 {
        self.opened_at_min
    }

    /// Where items are randomised, until when their prices hold, in milliseconds since 1970-01-01 UTC; 0 where no end is
    /// known.
    pub fn until_ms(&self) -> u64 {
        self.until_ms
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
        self.allocation.get_or_init(|| (self.allocate)(self.policy, &self.input))
    }
}

impl Snapshot {
    /// Reads and checks a snapshot: any bytes give a snapshot or an error, never a panic.
    ///
    /// # Errors
    /// Says what is wrong: no snapshot at all, another format, a wrong checksum, values out of bounds.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, Error> {
        Self::read(bytes, Means { allocate: Policy::allocate, read_site: Site::from_json })
    }

    /// Reads a snapshot as [`Snapshot::decode`] does, but for its site, which is not looked at: the empty one is in its place.
    ///
    /// For who has no page to write: what reads a site is a tenth of the browser's module.
    ///
    /// # Errors
    /// Those of [`Snapshot::decode`] that are not about the site.
    pub fn decode_siteless(bytes: Vec<u8>) -> Result<Self, Error> {
        Self::read(bytes, Means { allocate: Policy::allocate, read_site: |_| Ok(Site::default()) })
    }

    fn read(bytes: Vec<u8>, means: Means) -> Result<Self, Error> {
        let header = Record(&bytes);
        if header.bytes(0).ok().as_ref() != Some(MAGIC) {
            return Err(Error::snapshot(format!("{} bytes that do not begin like one", bytes.len())));
        }
        let format = header.u16(12)?;
        if ![FORMAT, FORMAT_BEFORE].contains(&format) {
            let known = format!("this build reads the formats {FORMAT_BEFORE} and {FORMAT}");
            return Err(Error::snapshot(format!("its format is {format}; {known}")));
        }
        if header.bytes(8)? != mac::digest4(bytes.get(CHECKSUM_FROM..).unwrap_or_default()) {
            return Err(Error::snapshot("its checksum is wrong: it was cut or changed"));
        }
        match format {
            FORMAT => Self::of(bytes, means),
            _ => Self::of(before::upgraded(&bytes)?, means),
        }
    }

    /// A snapshot of this format, whose checksum is right.
    fn of(bytes: Vec<u8>, means: Means) -> Result<Self, Error> {
        let header = Record(&bytes);
        let [experiments, arms, items, text, numbers, site, prices] =
            [32, 36, 40, 44, 48, 52, 60].map(|at| header.u32(at).unwrap_or(0) as usize);
        let after = |from: usize, count: usize, size: usize| from.saturating_add(count.saturating_mul(size));
        let arms_at = after(HEADER, experiments, EXPERIMENT);
        let items_at = after(arms_at, arms, ARM);
        let prices_at = after(items_at, items, ITEM);
        let numbers_at = after(prices_at, prices, PRICE);
        let text_at = after(numbers_at, numbers, NUMBER);
        let site_at = after(text_at, text, 1);
        if after(site_at, site, 1) != bytes.len() {
            return Err(Error::snapshot("its counts do not fit its length"));
        }
        if experiments > EXPERIMENTS_MAX {
            let allowed = format!("at most {EXPERIMENTS_MAX} at once");
            return Err(Error::value("number of running experiments", experiments, allowed));
        }

        let tables = Tables {
            arms: bytes.get(arms_at..items_at).unwrap_or_default(),
            numbers: bytes.get(numbers_at..text_at).unwrap_or_default(),
            text: bytes.get(text_at..site_at).unwrap_or_default(),
        };
        let mut experiments = (0..experiments)
            .map(|i| tables.experiment(record(&bytes, HEADER, EXPERIMENT, i), means.allocate))
            .collect::<Result<Vec<_>, _>>()?;
        let is_stopped = header.u32(56)? & STOPPED != 0;
        experiments.iter_mut().for_each(|experiment| experiment.is_stopped |= is_stopped);
        let site = site_in(bytes.get(site_at..).unwrap_or_default(), means)?;
        let (version, published_at_ms) = (header.u64(16)?, header.u64(24)?);
        let parts =
            Parts { items: items_at, prices: prices_at, numbers: numbers_at, text: text_at, site: site_at };
        let snapshot = Self { version, published_at_ms, experiments, site, is_stopped, items, parts, bytes };
        snapshot.check_items()?;
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
        self.bytes.get(self.parts.site..).unwrap_or_default()
    }

    /// Whether the kill switch is set: nothing is decided.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// The bytes it was read from; of a snapshot of the format before, the same content in the newest.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The item with this key, if an experiment prices it; by binary search in the bytes.
    pub fn item(&self, sku: &str) -> Option<ListedItem<'_>> {
        let (mut low, mut high) = (0, self.items);
        while low < high {
            let middle = low + (high - low) / 2;
            let item = self.read_item(middle).ok()?;
            match item.sku().cmp(sku) {
                std::cmp::Ordering::Equal => return Some(item),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// All priced items with their keys, in the order of the keys.
    pub fn items(&self) -> impl Iterator<Item = (&str, ListedItem<'_>)> {
        (0..self.items).filter_map(|i| self.read_item(i).ok()).map(|item| (item.sku(), item))
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

fn site_in(bytes: &[u8], means: Means) -> Result<Site, Error> {
    if bytes.is_empty() {
        return Ok(Site::default());
    }
    (means.read_site)(std::str::from_utf8(bytes).map_err(|_| Error::snapshot("its site is not UTF-8"))?)
}

fn record(bytes: &[u8], from: usize, size: usize, index: usize) -> Record<'_> {
    Record(bytes.get(from.saturating_add(index.saturating_mul(size))..).unwrap_or_default())
}
