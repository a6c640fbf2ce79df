//! Reports merge to the truth, however they arrive.

use std::collections::BTreeMap;

use haggle::{Cohort, Ledger, Tally, TallyKey};
use proptest::prelude::*;

use crate::cases;

type Report = (usize, TallyKey, u64, Tally);

const SHARDS: usize = 4;

fn source(shard: usize) -> String {
    format!("shard-{shard}")
}

/// A refund takes away money, pieces and conversions: the newest total is not always the greatest.
fn any_tally() -> impl Strategy<Value = Tally> {
    let count = || prop_oneof![Just(0i64), 0i64..1000];
    let change = prop_oneof![Just(0i64), -5i64..1000];
    (count(), change, -50_000i64..50_000).prop_map(|(exposures, conversions, revenue_minor)| Tally {
        exposures,
        conversions,
        rewards: conversions,
        units: conversions * 2,
        revenue_minor,
        cost_minor: revenue_minor / 2,
        revenue_sq: i128::from(revenue_minor).pow(2),
        profit_sq: i128::from(revenue_minor / 2).pow(2),
    })
}

fn any_key() -> impl Strategy<Value = TallyKey> {
    (prop::sample::select(vec!["low", "high", "holdout"]), 1u32..3, 490_000u32..490_002).prop_map(
        |(arm, epoch, hour)| TallyKey {
            experiment: "sevilla".into(),
            arm: arm.into(),
            cohort: Cohort { epoch, hour },
        },
    )
}

/// Reports in any order, also such that contradict each other under one sequence number.
fn any_ledger() -> impl Strategy<Value = Ledger> {
    prop::collection::vec((0..SHARDS, any_key(), 0u64..5, any_tally()), 0..20).prop_map(ledger_of)
}

fn ledger_of(reports: impl IntoIterator<Item = Report>) -> Ledger {
    let mut ledger = Ledger::default();
    reports
        .into_iter()
        .for_each(|(shard, key, sequence, total)| ledger.observe(&source(shard), &key, sequence, total));
    ledger
}

fn merged(one: &Ledger, other: &Ledger) -> Ledger {
    let mut both = one.clone();
    both.merge(other);
    both
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn merge_is_commutative(a in any_ledger(), b in any_ledger()) {
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
    }

    #[test]
    fn merge_is_associative(a in any_ledger(), b in any_ledger(), c in any_ledger()) {
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
    }

    #[test]
    fn merge_is_idempotent(a in any_ledger(), b in any_ledger()) {
        let both = merged(&a, &b);
        prop_assert_eq!(&merged(&both, &both), &both);
        prop_assert_eq!(&merged(&both, &a), &both);
        prop_assert_eq!(&merged(&both, &Ledger::default()), &both);
    }
}

/// What shards count and report, and what the channel does to each report.
#[derive(Debug, Clone)]
struct Traffic {
    /// Shard, tally, change, and whether the shard reports after it.
    steps: Vec<(usize, TallyKey, Tally, bool)>,
    /// For each report: how often it arrives (0: lost), and how late.
    fates: Vec<(usize, u16)>,
}

fn any_traffic() -> impl Strategy<Value = Traffic> {
    let steps = prop::collection::vec((0..SHARDS, any_key(), any_tally(), any::<bool>()), 0..60);
    let fates = prop::collection::vec((0usize..4, any::<u16>()), 1..97);
    (steps, fates).prop_map(|(steps, fates)| Traffic { steps, fates })
}

impl Traffic {
    /// What was really counted, and the reports in the order of their arrival. Of each shard's last report one copy
    /// arrives, at any time; everything else may be lost, doubled, late or reordered.
    fn run(&self) -> (BTreeMap<TallyKey, Tally>, Vec<Report>) {
        let mut truth = BTreeMap::<TallyKey, Tally>::new();
        let mut counted: [BTreeMap<TallyKey, Tally>; SHARDS] = Default::default();
        let mut sequences = [0u64; SHARDS];
        let mut fates = self.fates.iter().cycle();
        let mut arrivals: Vec<(u16, Report)> = Vec::new();
        let mut report = |shard: usize, sequence: u64, totals: &BTreeMap<TallyKey, Tally>, least: usize| {
            let (copies, delay) = fates.next().unwrap();
            for copy in 0..least.max(*copies) {
                // A doubled report comes again some time later; one tally of a report may overtake another.
                for (place, (key, total)) in totals.iter().enumerate() {
                    let late = delay.wrapping_mul(copy as u16 + 1).wrapping_add(place as u16);
                    arrivals.push((late, (shard, key.clone(), sequence, *total)));
                }
            }
        };
        for (shard, key, change, reports) in &self.steps {
            for totals in [&mut truth, &mut counted[*shard]] {
                let sum = totals.get(key).copied().unwrap_or_default().plus(change).unwrap();
                totals.insert(key.clone(), sum);
            }
            sequences[*shard] += 1;
            if *reports {
                report(*shard, sequences[*shard], &counted[*shard], 0);
            }
        }
        (0..SHARDS).for_each(|shard| report(shard, sequences[shard], &counted[shard], 1));
        arrivals.sort_by_key(|(late, _)| *late);
        (truth, arrivals.into_iter().map(|(_, report)| report).collect())
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn lost_doubled_late_and_reordered_reports_heal(traffic in any_traffic(), cut in 0.0..1.0f64) {
        let (truth, arrivals) = traffic.run();
        let mut ledger = Ledger::default();
        for (shard, key, sequence, total) in &arrivals {
            ledger.observe(&source(*shard), key, *sequence, *total);
            let counted = ledger.totals().unwrap()[key].exposures;
            prop_assert!(counted <= truth[key].exposures, "more than there is, on the way");
        }
        prop_assert_eq!(&ledger.totals().unwrap(), &truth);

        // Two central stores that each heard a part, and then of each other.
        let (first, second) = arrivals.split_at((arrivals.len() as f64 * cut) as usize);
        let (first, second) = (ledger_of(first.to_vec()), ledger_of(second.to_vec()));
        prop_assert_eq!(merged(&second, &first), ledger);
    }
}
