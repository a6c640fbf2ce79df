//! Laws: what must hold for every input, tried on many. The cases are the same in each run; `HAGGLE_SEED=n cargo test
//! --test laws` tries others, `PROPTEST_CASES=n` more. A law that fails says its seed and the smallest case it found.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)]

mod any_bytes;
mod decisions;
mod guardrails;
mod interventions;
mod merge;

use haggle::snapshot::ListedItem;
use haggle::{Choice, Decision, Experiment, PolicyInput, Quotary, TOTAL, Tally, UnitKey, evidence};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let seed = std::env::var("HAGGLE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_260_101);
    // Shown where the law fails.
    println!("HAGGLE_SEED={seed}");
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(cases);
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

pub(crate) const NOW_MS: u64 = 1_800_000_000_000;
pub(crate) const HOLD_S: u64 = 172_800;
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(crate) fn quotary() -> Quotary {
    Quotary::parse(&format!("k1:{SECRET}")).unwrap()
}

pub(crate) fn unit(n: u64) -> UnitKey {
    UnitKey::from_bytes(u128::from(n).to_le_bytes())
}

pub(crate) fn holds(item: &ListedItem<'_>, decision: &Decision<'_>) -> Result<(), TestCaseError> {
    let (live, price) = (decision.experiment, item.price(decision));
    prop_assert!(price >= 1);
    prop_assert_eq!(live.allocation().shares().iter().sum::<u32>(), TOTAL);
    prop_assert!(item.check(&|| "price".into(), price).is_ok() || price == item.price_minor());
    match decision.choice {
        Choice::Holdout | Choice::Negative => {
            prop_assert_eq!((decision.propensity, price), (TOTAL, item.price_minor()));
        }
        Choice::Arm(arm) if live.is_of_visitors() => {
            prop_assert_eq!(decision.propensity, live.allocation().shares()[arm]);
            prop_assert!(decision.propensity >= live.input().floor().max(1));
            prop_assert!(live.input().arms()[arm].live);
        }
        Choice::Arm(arm) => {
            prop_assert!(arm < live.arms().len() && (1..=TOTAL).contains(&decision.propensity));
        }
    }
    Ok(())
}

/// What the policy looks at after `(exposures without conversion, conversions)` of each arm; zeros where left out.
pub(crate) fn input(experiment: &Experiment, tallies: &[(u64, u64)]) -> PolicyInput {
    let counted = tallies.iter().copied().chain(std::iter::repeat((0, 0))).take(experiment.arms.len());
    let tally = |(without, conversions): (u64, u64)| Tally {
        exposures: (without + conversions) as i64,
        conversions: conversions as i64,
        ..Tally::default()
    };
    evidence::pooled(experiment, &counted.map(tally).collect::<Vec<_>>()).unwrap()
}

/// RFC 4648, section 5, without padding; written apart from the core's own.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sextets = |group: &[u8]| {
        let word =
            (0..3).fold(0usize, |word, at| word << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        let count = group.len() + 1;
        (0..count).map(move |at| char::from(DIGITS[word >> (18 - 6 * at) & 63])).collect::<String>()
    };
    bytes.chunks(3).map(sextets).collect()
}
