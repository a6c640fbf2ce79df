//! What was encoded is decoded, and any other bytes are an error or decide.

pub(crate) mod many;

use super::*;
use crate::experiment::tests::sevilla;
use crate::{TOTAL, Tally, evidence};
use proptest::prelude::*;

fn entry(experiment: &Experiment) -> Entry<'_> {
    let counted = vec![Tally { exposures: 50, conversions: 10, ..Tally::default() }; experiment.arms.len()];
    Entry::new(experiment, 3, evidence::pooled(experiment, &counted).unwrap())
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
    let stopped = first.republished(8, 80, &Stops { all: true, experiments: &[] }).unwrap();
    assert_eq!(stopped, encoded(8, 80, true));
    let stopped = Snapshot::decode(stopped).unwrap();
    assert!(stopped.is_stopped() && stopped.experiments()[0].is_stopped());
    assert_eq!(stopped.republished(9, 90, &Stops::default()).unwrap(), encoded(9, 90, false));
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
            experiment.name = format!("e{i}");
            if let crate::experiment::Goods::Item(item) = &mut experiment.goods {
                item.sku = format!("SKU-{}", i * 37 % 61);
            }
            experiment
        })
        .collect();
    let entries: Vec<Entry<'_>> = experiments.iter().map(entry).collect();
    let snapshot = Snapshot::decode(Snapshot::encode(1, 1, &entries).unwrap()).unwrap();
    for experiment in &experiments {
        assert_eq!(
            snapshot.item(&experiment.item().unwrap().sku).unwrap().experiment().name(),
            experiment.name
        );
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
        error.contains("price_minor of arm low of sevilla for OLIVE-500 is 1750; it must be at least 1800"),
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
        (with(12, 9), "format is 9; this build reads the formats 3 and 4"),
        (with(32, 2), "counts do not fit"),
        (with(HEADER + 51, 99), "unknown policy 99"),
        (with(HEADER + 49, 3), "out of bounds"),
        (with(HEADER + EXPERIMENT + 15, 255), "price out of bounds"),
        (with(HEADER + 4, 255), "outside of the text"),
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
