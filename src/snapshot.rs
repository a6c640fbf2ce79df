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

use std::sync::OnceLock;

use self::decode::Tables;
use self::layout::{ARM, CHECKSUM_FROM, ITEM, Layout, MAGIC, NUMBER, Record, STOPPED};
use crate::experiment::EXPERIMENTS_MAX;
use crate::guardrail::Bounds;
use crate::{Allocation, Currency, Error, Experiment, Objective, Policy, PolicyInput, Site, mac};

/// An experiment with the posterior that is to be published.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// What is asked.
    pub experiment: &'a Experiment,
    /// Number of the allocation that this posterior gives, from 1; at most 2^24 - 1.
    pub epoch: u32,
    /// What the policy may look at; its arms in the order of the experiment's.
    pub input: PolicyInput,
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
/// let bytes = Snapshot::encode(1, 1_700_000_000_000, &[Entry { experiment: &experiment, epoch: 1, input }])?;
/// let snapshot = Snapshot::decode(bytes)?;
/// assert_eq!(snapshot.item(&experiment.item.sku).map(|listed| listed.experiment().name()), Some("sevilla"));
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
                    experiment.guardrails.check(what, arm.price_minor)?;
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

#[cfg(test)]
mod tests {
    use super::layout::NEWEST;
    use super::*;
    use crate::experiment::tests::sevilla;
    use crate::{TOTAL, Tally, evidence};
    use proptest::prelude::*;

    fn entry(experiment: &Experiment) -> Entry<'_> {
        let counted =
            vec![Tally { exposures: 50, conversions: 10, ..Tally::default() }; experiment.arms.len()];
        Entry { experiment, epoch: 3, input: evidence::pooled(experiment, &counted).unwrap() }
    }

    fn bytes() -> Vec<u8> {
        Snapshot::encode(7, 1_700_000_000_000, &[entry(&sevilla())]).unwrap()
    }

    /// The same bytes with another byte at a place, and the checksum made right again.
    fn with(place: usize, byte: u8) -> Vec<u8> {
        let mut bytes = bytes();
        bytes[place] = byte;
        let checksum = mac::digest4(&bytes[CHECKSUM_FROM..]);
        bytes[8..12].copy_from_slice(&checksum);
        bytes
    }

    #[test]
    fn the_same_content_is_published_again_stopped_or_not() {
        let experiment = sevilla();
        let shop = |is_stopped| Shop { site_json: "{}", is_stopped, ..Shop::default() };
        let encoded = |version, at, is_stopped| {
            Snapshot::encode_shop(version, at, &[entry(&experiment)], &shop(is_stopped)).unwrap()
        };
        let first = Snapshot::decode(encoded(7, 70, false)).unwrap();
        let stopped = first.republished(8, 80, true).unwrap();
        assert_eq!(stopped, encoded(8, 80, true));
        let stopped = Snapshot::decode(stopped).unwrap();
        assert!(stopped.is_stopped() && stopped.experiments()[0].is_stopped());
        assert_eq!(stopped.republished(9, 90, false).unwrap(), encoded(9, 90, false));
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let snapshot = Snapshot::decode(bytes()).unwrap();
        assert_eq!((snapshot.version(), snapshot.published_at_ms()), (7, 1_700_000_000_000));
        let item = snapshot.item("OLIVE-500").unwrap();
        assert_eq!(item.price_minor(), 1900);
        let live = item.experiment();
        assert_eq!((live.name(), live.epoch(), live.arms().len(), live.control()), ("sevilla", 3, 3, 0));
        assert_eq!(live.reward_window_s(), 168 * 3600);
        assert_eq!(live.allocation().shares().iter().sum::<u32>(), TOTAL);
        assert!(snapshot.item("OLIVE-501").is_none() && snapshot.item("").is_none());
    }

    #[test]
    fn items_of_many_experiments_are_all_found() {
        let experiments: Vec<Experiment> = (0..EXPERIMENTS_MAX)
            .map(|i| {
                let mut experiment = sevilla();
                (experiment.name, experiment.item.sku) = (format!("e{i}"), format!("SKU-{}", i * 37 % 61));
                experiment
            })
            .collect();
        let entries: Vec<Entry<'_>> = experiments.iter().map(entry).collect();
        let snapshot = Snapshot::decode(Snapshot::encode(1, 1, &entries).unwrap()).unwrap();
        for experiment in &experiments {
            assert_eq!(snapshot.item(&experiment.item.sku).unwrap().experiment().name(), experiment.name);
        }
        assert_eq!(snapshot.items().count(), EXPERIMENTS_MAX);
    }

    #[test]
    fn two_experiments_for_one_item_are_refused() {
        let (first, mut second) = (sevilla(), sevilla());
        second.name = "other".into();
        let error = Snapshot::encode(1, 1, &[entry(&first), entry(&second)]).unwrap_err().to_string();
        assert!(error.contains("OLIVE-500") && error.contains("one experiment at a time"), "{error}");
    }

    #[test]
    fn what_is_published_beside_the_experiments_is_decoded() {
        let mut experiment = sevilla();
        experiment.guardrails.map_minor = Some(1700);
        experiment.guardrails.endings = vec![0, 50];
        experiment.personal_data = true;
        let shop = Shop { site_json: r#"{"charge": "server"}"#, ..Shop::default() };
        let encode = |shop: &Shop<'_>| Snapshot::encode_shop(1, 1, &[entry(&experiment)], shop).unwrap();
        let snapshot = Snapshot::decode(encode(&shop)).unwrap();
        let live = &snapshot.experiments()[0];
        let bounds = live.guardrails();
        assert_eq!((bounds.floor_minor(), bounds.endings()), (1700, [0, 50].as_slice()));
        assert!(live.uses_personal_data() && !live.is_stopped() && !snapshot.is_stopped());
        let all = Snapshot::decode(encode(&Shop { is_stopped: true, ..shop })).unwrap();
        assert!(all.is_stopped() && all.experiments()[0].is_stopped());
        let one = Snapshot::decode(encode(&Shop { stopped: &["sevilla".into()], ..shop })).unwrap();
        assert!(!one.is_stopped() && one.experiments()[0].is_stopped());
    }

    #[test]
    fn a_price_outside_of_its_guardrails_is_neither_written_nor_read() {
        let mut experiment = sevilla();
        experiment.guardrails.min_price_minor = Some(1800);
        let error = Snapshot::encode(1, 1, &[entry(&experiment)]).unwrap_err().to_string();
        assert!(
            error.contains("price_minor of arm low of sevilla is 1750; it must be at least 1800"),
            "{error}"
        );
    }

    #[test]
    fn each_fault_is_named() {
        let mut cut = bytes();
        cut.pop();
        for (bytes, why) in [
            (vec![], "0 bytes that do not begin like one"),
            (b"<!doctype html>".to_vec(), "15 bytes"),
            (cut, "checksum"),
            (with(12, 9), "format is 9; this build reads the formats 2 and 3"),
            (with(32, 2), "counts do not fit"),
            (with(NEWEST.header + 51, 99), "unknown policy 99"),
            (with(NEWEST.header + 49, 3), "out of bounds"),
            (with(NEWEST.header + NEWEST.experiment + 15, 255), "price out of bounds"),
            (with(NEWEST.header + 4, 255), "outside of the text"),
        ] {
            let error = Snapshot::decode(bytes).unwrap_err().to_string();
            assert!(error.contains(why), "{error} / {why}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_a_snapshot_or_an_error(noise in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Snapshot::decode(noise);
        }

        /// With the checksum made right, every field is reached; a snapshot that still decodes must also decide.
        #[test]
        fn any_changed_byte_decodes_to_a_snapshot_that_decides_or_an_error(place in 12..400usize, byte: u8) {
            prop_assume!(place < bytes().len());
            if let Ok(snapshot) = Snapshot::decode(with(place, byte)) {
                for (_, item) in snapshot.items() {
                    prop_assert_eq!(item.experiment().allocation().shares().iter().sum::<u32>(), TOTAL);
                }
            }
        }
    }
}
