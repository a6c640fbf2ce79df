//! Writing a snapshot; the layout says what stands where.

mod items;

pub(super) use items::bounds_of_item;
use items::put_items;

use super::layout::{
    ARM, CHECKSUM_FROM, Draft, ENTERING, EXPERIMENT, EXPERIMENT_FLAGS, FAMILIES, FORMAT, HEADER, ITEM, MAGIC,
    MANY_ITEMS, NO_ENDING, NUMBER, PAUSED, PERSONAL_DATA, PRICE, Record, STOPPED, TextPool, UNITS,
};
use super::{BYTES_MAX, Shop, Stops};
use crate::guardrail::ENDINGS_MAX;
use crate::policy::Stock;
use crate::{Entry, Error, Experiment, Snapshot, mac};

impl Snapshot {
    /// Writes a snapshot of these experiments, at most 60, each for other items, of a shop with the empty site.
    ///
    /// # Errors
    /// Too many experiments, two for one item, two whose names have the same tag, a missing posterior, a price out of
    /// its guardrails, an item that is on no arm or without a price on one, more than [`BYTES_MAX`] bytes.
    pub fn encode(version: u64, published_at_ms: u64, entries: &[Entry<'_>]) -> Result<Vec<u8>, Error> {
        let bytes = Self::unchecked(version, published_at_ms, entries, &Shop::default())?;
        Self::decode_siteless(bytes.clone())?;
        Ok(bytes)
    }

    /// As [`Snapshot::encode`], with what is published beside the experiments.
    ///
    /// # Errors
    /// Those of [`Snapshot::encode`], and a site that cannot be read.
    pub fn encode_shop(
        version: u64,
        published_at_ms: u64,
        entries: &[Entry<'_>],
        shop: &Shop<'_>,
    ) -> Result<Vec<u8>, Error> {
        let bytes = Self::unchecked(version, published_at_ms, entries, shop)?;
        // What the edge would refuse must not be published.
        Self::decode(bytes.clone())?;
        Ok(bytes)
    }

    fn unchecked(
        version: u64,
        published_at_ms: u64,
        entries: &[Entry<'_>],
        shop: &Shop<'_>,
    ) -> Result<Vec<u8>, Error> {
        let mut text = TextPool::default();
        let (mut experiments, mut arms, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            let (first_arm, first_number) = (arms.len() / ARM, numbers.len() / NUMBER);
            put_numbers(entry, &mut numbers);
            let count = numbers.len() / NUMBER - first_number;
            let is_stopped = shop.stopped.contains(&entry.experiment.name);
            let placed = Placed { entry, first_arm, first_number, count, is_stopped };
            put_experiment(&placed, &mut text, &mut experiments)?;
            put_arms(entry, &mut text, &mut arms)?;
        }
        let (items, prices) = put_items(entries, &mut text)?;
        let count = |records: &[u8], size: usize| ((records.len() / size) as u32).to_le_bytes();
        let mut body = Vec::new();
        Draft::new(HEADER - CHECKSUM_FROM)
            .put(&FORMAT.to_le_bytes())
            .put(&[0, 0])
            .put(&version.to_le_bytes())
            .put(&published_at_ms.to_le_bytes())
            .put(&count(&experiments, EXPERIMENT))
            .put(&count(&arms, ARM))
            .put(&count(&items, ITEM))
            .put(&(text.0.len() as u32).to_le_bytes())
            .put(&count(&numbers, NUMBER))
            .put(&(shop.site_json.len() as u32).to_le_bytes())
            .put(&if shop.is_stopped { STOPPED } else { 0 }.to_le_bytes())
            .put(&count(&prices, PRICE))
            .finish(&mut body);
        let site = shop.site_json.as_bytes().to_vec();
        let listed = items.len() / ITEM;
        [experiments, arms, items, prices, numbers, text.0, site]
            .into_iter()
            .for_each(|mut part| body.append(&mut part));

        let bytes = sealed(body);
        if bytes.len() > BYTES_MAX {
            let given = format!("{} bytes with {listed} items", bytes.len());
            return Err(Error::value("size of the snapshot", given, format!("at most {BYTES_MAX} bytes")));
        }
        Ok(bytes)
    }

    /// The same content under another version, with these kill switches set and all others not: so prices are stopped,
    /// and go on, without anything that must be asked first.
    ///
    /// # Errors
    /// None is known of bytes that were decoded.
    pub fn republished(
        &self,
        version: u64,
        published_at_ms: u64,
        stops: &Stops<'_>,
    ) -> Result<Vec<u8>, Error> {
        let header = Record(&self.bytes);
        let with = |flags: u32, is_stopped: bool| flags & !STOPPED | if is_stopped { STOPPED } else { 0 };
        let mut body = header.bytes::<4>(CHECKSUM_FROM)?.to_vec();
        body.extend(version.to_le_bytes().into_iter().chain(published_at_ms.to_le_bytes()));
        body.extend(
            header.bytes::<24>(32)?.into_iter().chain(with(header.u32(56)?, stops.all).to_le_bytes()),
        );
        body.extend(header.bytes::<4>(60)?);
        let records = self.bytes.get(HEADER..).unwrap_or_default().chunks_exact(EXPERIMENT);
        for (bytes, live) in records.zip(&self.experiments) {
            let flags = Record(bytes).u32(EXPERIMENT_FLAGS)?;
            let flags = with(flags, stops.experiments.iter().any(|name| name == live.name()));
            body.extend_from_slice(bytes.get(..EXPERIMENT_FLAGS).unwrap_or_default());
            body.extend_from_slice(&flags.to_le_bytes());
            body.extend_from_slice(bytes.get(EXPERIMENT_FLAGS + 4..).unwrap_or_default());
        }
        body.extend_from_slice(self.bytes.get(CHECKSUM_FROM + body.len()..).unwrap_or_default());
        Ok(sealed(body))
    }
}

/// A snapshot of what follows its checksum.
pub(super) fn sealed(mut body: Vec<u8>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&mac::digest4(&body));
    bytes.append(&mut body);
    bytes
}

/// An experiment, and what of the snapshot is its own: its first arm, and its numbers.
struct Placed<'a> {
    entry: &'a Entry<'a>,
    first_arm: usize,
    first_number: usize,
    count: usize,
    is_stopped: bool,
}

fn put_experiment(placed: &Placed<'_>, text: &mut TextPool, into: &mut Vec<u8>) -> Result<(), Error> {
    let entry = placed.entry;
    let (experiment, input) = (entry.experiment, &entry.input);
    let [tag0, tag1, tag2, ..] = mac::digest16(&["haggle tag", &experiment.name]);
    let policy = experiment.policy.name;
    let unit = UNITS.iter().position(|unit| *unit == experiment.unit);
    let stock = input.stock.unwrap_or(Stock { pieces: -1.0, units: 0.0 });
    Draft::new(EXPERIMENT)
        .put(&text.add(&experiment.name))
        .put(&mac::digest16(&["haggle draw", &experiment.name, &experiment.salt]))
        .put(&(placed.first_arm as u32).to_le_bytes())
        .put(&entry.epoch.to_le_bytes())
        .put(&(experiment.reward_window_hours * 3600).to_le_bytes())
        .put(&experiment.holdout_share().to_le_bytes())
        .put(&input.floor().to_le_bytes())
        .put(&experiment.currency.bytes())
        .put(&[0])
        .put(&[experiment.arms.len() as u8, experiment.control_index() as u8])
        .put(&[experiment.objective.code(), policy.code()])
        .put(&[tag0, tag1, tag2, 0])
        .put(&policy.parameter(input, 0).to_le_bytes())
        .put(&policy.parameter(input, 1).to_le_bytes())
        .put(&input.horizon.unwrap_or(0).to_le_bytes())
        .put(&stock.pieces.to_le_bytes())
        .put(&stock.units.to_le_bytes())
        .put(&(placed.first_number as u32).to_le_bytes())
        .put(&(placed.count as u32).to_le_bytes())
        .put(&guardrails(experiment, flags_of(placed))?)
        .put(&[unit.unwrap_or(0) as u8, 0, 0, 0])
        .put(&entry.until_ms.to_le_bytes())
        .put(&u32::try_from(entry.opened_at_ms / 60_000).unwrap_or(u32::MAX).to_le_bytes())
        .finish(into);
    Ok(())
}

fn flags_of(placed: &Placed<'_>) -> u32 {
    let experiment = placed.entry.experiment;
    let flags = [
        (placed.is_stopped, STOPPED),
        (experiment.personal_data, PERSONAL_DATA),
        (placed.entry.is_paused, PAUSED),
        (experiment.families, FAMILIES),
        (experiment.item().is_none(), MANY_ITEMS),
    ];
    flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum()
}

/// What an experiment's guardrails come to, around its flags: floor, ceiling, grid, flags and endings.
fn guardrails(experiment: &Experiment, flags: u32) -> Result<Vec<u8>, Error> {
    let bounds = experiment.bounds()?;
    let endings = bounds.endings().iter().copied().chain(std::iter::repeat(NO_ENDING)).take(ENDINGS_MAX);
    let mut bytes = [bounds.floor_minor(), bounds.ceiling_minor()].map(i64::to_le_bytes).concat();
    bytes.extend([bounds.grid_minor() as u32, flags].map(u32::to_le_bytes).as_flattened());
    bytes.extend(endings.flat_map(u16::to_le_bytes));
    Ok(bytes)
}

fn put_numbers(entry: &Entry<'_>, into: &mut Vec<u8>) {
    if let Some(contrast) = &entry.input.contrast {
        let numbers = contrast.mean.iter().chain(&contrast.factor);
        numbers.for_each(|number| into.extend_from_slice(&number.to_le_bytes()));
    }
}

fn put_arms(entry: &Entry<'_>, text: &mut TextPool, into: &mut Vec<u8>) -> Result<(), Error> {
    let (experiment, inputs) = (entry.experiment, entry.input.arms());
    if inputs.len() != experiment.arms.len() {
        let allowed = format!("{}, as the experiment has", experiment.arms.len());
        return Err(Error::value("number of arms of the policy's input", inputs.len(), allowed));
    }
    for (arm, input) in experiment.arms.iter().zip(inputs) {
        let posterior = &input.posterior;
        Draft::new(ARM)
            .put(&text.add(&arm.name))
            .put(&arm.price_minor.to_le_bytes())
            .put(&posterior.value_minor().to_le_bytes())
            .put(posterior.parameters().map(f64::to_le_bytes).as_flattened())
            .put(&input.exposures.to_le_bytes())
            .put(&input.conversions.to_le_bytes())
            .put(&input.loss.to_le_bytes())
            .put(&input.fixed_share.to_le_bytes())
            .put(&[u8::from(input.live), posterior.model().code(), if input.entering { ENTERING } else { 0 }])
            .finish(into);
    }
    Ok(())
}
