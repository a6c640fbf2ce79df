//! Golden vectors: the same answers on native (here), in wasm under Node and over HTTP on workerd (`golden.test.mjs`).
//!
//! Each file in `tests/golden/` holds inputs and the answers that were given when it was written. Without further ado
//! the test computes the answers again and compares the whole file. `HAGGLE_BLESS=1 cargo test --test golden` writes
//! the answers anew. A difference in an answer is **decision-breaking**: shoppers would be sent to other arms, or a
//! deployment could not read what the one before it wrote. It stands in CHANGELOG.md under that word, or it is a bug.
//!
//! New inputs are written by hand into the file; the answers are then blessed. `p_best.json` is no such file: its
//! numbers come from another program, with 30 digits, and are compared within a tolerance by `posterior::p_best`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

#[path = "golden/files.rs"]
mod files;
#[path = "golden/inputs.rs"]
mod inputs;
#[path = "golden/many.rs"]
mod many;
#[path = "golden/tokens.rs"]
mod tokens;

use std::fmt::Write as _;

use files::{check, hex, read, unhex};
use haggle::experiment::EXPERIMENTS_MAX;
use haggle::policy::{Contrast, Stock};
use haggle::{
    Allocation, ArmInput, Entry, Experiment, Groups, Key, LiveExperiment, Policy, PolicyInput, Posterior,
    RewardModel, Shop, Snapshot, Tally, UnitKey, decide, evidence,
};
use many::{ManyItem, Placed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What policies look at, and the shares that come of it. The cases stand in snapshots of up to 60, each as the
/// experiment of an item with the case's name, for where there is no other way in than a snapshot.
#[derive(Serialize, Deserialize)]
struct Allocations {
    version: u64,
    cases: Vec<AllocationCase>,
    #[serde(default)]
    snapshots: Vec<AllocationsSnapshot>,
}

#[derive(Serialize, Deserialize)]
struct AllocationsSnapshot {
    version: u64,
    bytes: String,
}

#[derive(Serialize, Deserialize)]
struct AllocationCase {
    name: String,
    /// As an experiment file gives it.
    policy: Value,
    floor: f64,
    /// `[alpha, beta, value_minor]` of each arm.
    posteriors: Vec<(f64, f64, i64)>,
    /// Positions of arms that are not live.
    dead: Vec<usize>,
    /// `[exposures, conversions]` of each arm, for policies that count; zeros where left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counts: Vec<(f64, f64)>,
    /// The reward model where it is not `conversion`, and its third and fourth parameter of each arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reward_model: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    orders: Vec<[f64; 2]>,
    /// Loss of each arm, for policies that learn from losses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    losses: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    horizon: Option<u64>,
    /// `[pieces, units]` that are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stock: Option<(f64, f64)>,
    /// Means and factor of a contrast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contrast: Option<(Vec<f64>, Vec<f64>)>,
    #[serde(default)]
    shares: Vec<u32>,
}

impl AllocationCase {
    fn experiment(&self) -> Experiment {
        let arms: Vec<Value> = (0..self.posteriors.len())
            .map(|i| json!({ "name": format!("a{i}"), "price_minor": 1000 + i }))
            .collect();
        let definition = json!({
            "name": self.name, "hypothesis": "golden", "document": "https://wiki.example/golden",
            "objective": "revenue", "currency": "EUR", "holdout": 0, "floor": self.floor, "salt": "golden",
            "control": "a0", "policy": self.policy, "item": { "sku": self.name, "price_minor": 1000 }, "arms": arms,
            "reward_model": self.reward_model.as_deref().unwrap_or("conversion"), "horizon": self.horizon, "stock": self.stock.map(|(pieces, _)| pieces as i64),
        });
        Experiment::from_json(&definition.to_string()).unwrap()
    }

    fn posteriors(&self) -> Vec<Posterior> {
        let name = self.reward_model.as_deref().unwrap_or("conversion");
        let model = RewardModel::ALL.into_iter().find(|model| model.name() == name).unwrap();
        let posterior = |(arm, &(a, b, value)): (usize, &(f64, f64, i64))| {
            let [c, d] = self.orders.get(arm).copied().unwrap_or_default();
            Posterior::from_parameters(model, [a, b, c, d], value).unwrap()
        };
        self.posteriors.iter().enumerate().map(posterior).collect()
    }

    fn input(&self) -> PolicyInput {
        let equal = vec![1.0; self.posteriors.len()];
        let experiment = self.experiment();
        let given = experiment.policy.shares.as_ref().unwrap_or(&equal);
        let given = Allocation::quantise(given, &vec![true; given.len()], 0);
        let input = |(arm, (posterior, &fixed_share)): (usize, (Posterior, &u32))| {
            let (exposures, conversions) = self.counts.get(arm).copied().unwrap_or_default();
            ArmInput {
                live: !self.dead.contains(&arm),
                fixed_share,
                loss: self.losses.get(arm).copied().unwrap_or_default(),
                ..ArmInput::new(posterior, 1000 + arm as i64).counted(exposures, conversions)
            }
        };
        let arms = self.posteriors().into_iter().zip(given.shares()).enumerate().map(input).collect();
        let policy = &experiment.policy;
        let input = PolicyInput::new(arms, experiment.floor_share()).unwrap();
        let mut input = input.with_parameters(policy.name, policy.parameters.clone()).unwrap();
        input.horizon = self.horizon;
        input.stock = self.stock.map(|(pieces, units)| Stock { pieces, units });
        input.contrast = self.contrast.clone().map(|(mean, factor)| Contrast { mean, factor });
        input
    }

    fn allocate(&self) -> Allocation {
        self.experiment().policy.name.allocate(&self.input())
    }
}

/// A snapshot of cases.
fn allocations_snapshot(version: u64, cases: &[AllocationCase]) -> Vec<u8> {
    let experiments: Vec<Experiment> = cases.iter().map(AllocationCase::experiment).collect();
    let entry = |(experiment, case)| Entry::new(experiment, 1, AllocationCase::input(case));
    let entries: Vec<Entry<'_>> = experiments.iter().zip(cases).map(entry).collect();
    Snapshot::encode(version, 1_700_000_000_000, &entries).unwrap()
}

#[test]
fn allocations_are_the_golden_ones() {
    check("allocations.json", 2, |mut file: Allocations| {
        file.snapshots.clear();
        for (version, cases) in (file.version..).zip(file.cases.chunks_mut(EXPERIMENTS_MAX)) {
            let bytes = allocations_snapshot(version, cases);
            let snapshot = Snapshot::decode(bytes.clone()).unwrap();
            for case in cases {
                case.shares = case.allocate().shares().to_vec();
                let published = snapshot.item(&case.name).unwrap().experiment();
                assert_eq!(published.allocation().shares(), case.shares, "{} through a snapshot", case.name);
            }
            file.snapshots.push(AllocationsSnapshot { version, bytes: hex(&bytes) });
        }
        file
    });
}

/// Every policy and every reward model has a golden case.
#[test]
fn no_policy_is_without_golden_cases() {
    let file: Allocations = read("allocations.json");
    let experiments: Vec<Experiment> = file.cases.iter().map(AllocationCase::experiment).collect();
    for policy in Policy::ALL {
        let cases = experiments.iter().filter(|experiment| experiment.policy.name == policy).count();
        assert!(cases >= 5, "{cases} cases of {}", policy.name());
    }
    for model in RewardModel::ALL {
        assert!(experiments.iter().any(|experiment| experiment.reward_model == model), "{}", model.name());
    }
}

/// Experiments with what was counted, the bytes that are published, and what they mean; and bytes that are refused.
#[derive(Serialize, Deserialize)]
struct Snapshots {
    cases: Vec<SnapshotCase>,
    /// Those with experiments over many items.
    many: Vec<SnapshotCase>,
    /// Bytes of the format before, which are not written any more but must be read.
    format_3: Vec<Before>,
    refused: Vec<RefusedSnapshot>,
}

#[derive(Serialize, Deserialize)]
struct SnapshotCase {
    name: String,
    version: u64,
    published_at_ms: u64,
    experiments: Vec<Published>,
    /// What is published beside them, where it is not the empty site with nothing stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shop: Option<PublishedShop>,
    #[serde(default)]
    bytes: String,
    /// In the shape of `GET /haggle/v1/snapshot` as JSON.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    view: Value,
    /// The items, where there are many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<ManyItem>,
}

#[derive(Serialize, Deserialize)]
struct Published {
    /// The experiment's JSON.
    definition: Value,
    epoch: u32,
    /// `[exposures, conversions]` of each arm.
    tallies: Vec<(u64, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    placed: Option<Placed>,
}

#[derive(Serialize, Deserialize)]
struct PublishedShop {
    site_json: String,
    is_stopped: bool,
    stopped: Vec<String>,
    #[serde(default)]
    guardrails: Vec<Guarded>,
}

#[derive(Serialize, Deserialize)]
struct Guarded {
    experiment: String,
    floor_minor: i64,
    ceiling_minor: i64,
    grid_minor: i64,
    endings: Vec<u16>,
    is_stopped: bool,
    uses_personal_data: bool,
}

impl PublishedShop {
    fn shop(&self) -> Shop<'_> {
        Shop { site_json: &self.site_json, is_stopped: self.is_stopped, stopped: &self.stopped }
    }

    fn read_back(&mut self, snapshot: &Snapshot) {
        assert_eq!(snapshot.is_stopped(), self.is_stopped);
        let guarded = snapshot.experiments().iter().map(|live| Guarded {
            experiment: live.name().into(),
            floor_minor: live.guardrails().floor_minor(),
            ceiling_minor: live.guardrails().ceiling_minor(),
            grid_minor: live.guardrails().grid_minor(),
            endings: live.guardrails().endings().to_vec(),
            is_stopped: live.is_stopped(),
            uses_personal_data: live.uses_personal_data(),
        });
        self.guardrails = guarded.collect();
    }
}

#[derive(Serialize, Deserialize)]
struct Before {
    name: String,
    bytes: String,
    view: Value,
}

#[derive(Serialize, Deserialize)]
struct RefusedSnapshot {
    name: String,
    bytes: String,
    #[serde(default)]
    error: String,
}

impl SnapshotCase {
    fn encode(&self) -> Vec<u8> {
        let parsed = |one: &Published| Experiment::from_json(&one.definition.to_string()).unwrap();
        let experiments: Vec<Experiment> = self.experiments.iter().map(parsed).collect();
        let input = |experiment: &Experiment, published: &Published| {
            let tally = |&(exposures, conversions): &(u64, u64)| Tally {
                exposures: exposures as i64,
                conversions: conversions as i64,
                ..Tally::default()
            };
            evidence::pooled(experiment, &published.tallies.iter().map(tally).collect::<Vec<_>>()).unwrap()
        };
        let groups: Vec<Option<Groups>> =
            self.experiments.iter().map(|one| one.placed.as_ref().map(Placed::groups)).collect();
        let priced = |(experiment, groups): (Experiment, &Option<Groups>)| {
            groups.as_ref().map_or_else(|| experiment.clone(), |groups| groups.priced(&experiment))
        };
        let experiments: Vec<Experiment> = experiments.into_iter().zip(&groups).map(priced).collect();
        let mut entries = Vec::new();
        for ((experiment, one), groups) in experiments.iter().zip(&self.experiments).zip(&groups) {
            let entry = Entry::new(experiment, one.epoch, input(experiment, one));
            entries.push(match (&one.placed, groups) {
                (Some(placed), Some(groups)) => placed.entry(entry, groups),
                _ => entry,
            });
        }
        let shop = self.shop.as_ref().map_or_else(Shop::default, PublishedShop::shop);
        Snapshot::encode_shop(self.version, self.published_at_ms, &entries, &shop).unwrap()
    }
}

fn view(snapshot: &Snapshot) -> Value {
    let experiments: Vec<Value> =
        snapshot.items().map(|(sku, item)| experiment_view(sku, item.experiment())).collect();
    json!({
        "version": snapshot.version(), "published_at_ms": snapshot.published_at_ms(), "experiments": experiments,
    })
}

fn experiment_view(sku: &str, live: &LiveExperiment) -> Value {
    let arms = live.arms().iter().zip(live.input().arms()).zip(live.allocation().shares());
    let arms: Vec<Value> = arms
        .map(|((arm, input), share)| {
            json!({
                "name": arm.name, "price_minor": arm.price_minor, "share": share,
                "alpha": input.posterior.alpha(), "beta": input.posterior.beta(),
            })
        })
        .collect();
    json!({
        "name": live.name(), "sku": sku, "epoch": live.epoch(), "objective": live.objective().name(),
        "currency": live.currency(), "policy": live.policy().name(), "control": live.arms()[live.control()].name,
        "holdout": live.holdout(), "floor": live.input().floor(), "paused": live.is_paused(),
        "arms": arms,
    })
}

#[test]
fn snapshots_are_the_golden_ones() {
    check("snapshots.json", 5, |mut file: Snapshots| {
        for case in &mut file.cases {
            let bytes = case.encode();
            case.bytes = hex(&bytes);
            let snapshot = Snapshot::decode(bytes).unwrap();
            case.view = view(&snapshot);
            case.shop.iter_mut().for_each(|shop| shop.read_back(&snapshot));
        }
        for case in &mut file.many {
            let bytes = case.encode();
            case.bytes = hex(&bytes);
            let snapshot = Snapshot::decode(bytes).unwrap();
            case.items = snapshot.items().map(|(_, item)| ManyItem::of(&item)).collect();
        }
        for before in &mut file.format_3 {
            before.view = view(&Snapshot::decode(unhex(&before.bytes)).unwrap());
        }
        for refused in &mut file.refused {
            refused.error = Snapshot::decode(unhex(&refused.bytes)).unwrap_err().to_string();
        }
        file
    });
}

fn snapshot_of(name: &str) -> Snapshot {
    let file: Snapshots = read("snapshots.json");
    Snapshot::decode(file.cases.iter().find(|case| case.name == name).unwrap().encode()).unwrap()
}

/// Visitors, their units, and what they are shown for each item of a golden snapshot.
#[derive(Serialize, Deserialize)]
struct Decisions {
    snapshot: String,
    unit_key: String,
    visitors: Vec<Visitor>,
    digest: Fingerprint,
}

#[derive(Serialize, Deserialize)]
struct Visitor {
    visitor: String,
    #[serde(default)]
    unit: String,
    /// `[sku, arm or "holdout", propensity, price_minor]`, in the order of the skus.
    #[serde(default)]
    decisions: Vec<(String, String, u32, i64)>,
}

/// SHA-256 over a line `sku arm propensity price_minor` for each unit and each item of the snapshot. The units are those
/// of the visitors 0, 1, 2, ... as 32 hexadecimal digits.
#[derive(Serialize, Deserialize)]
struct Fingerprint {
    units: u64,
    #[serde(default)]
    decisions: u64,
    #[serde(default)]
    sha256: String,
}

fn decisions(snapshot: &Snapshot, unit: &UnitKey) -> Vec<(String, String, u32, i64)> {
    let skus = snapshot.items().map(|(sku, _)| sku);
    skus.map(|sku| {
        let decision = decide(snapshot, sku, unit, 0).unwrap();
        let price_minor = snapshot.item(sku).unwrap().price(&decision);
        (sku.to_owned(), decision.arm_name().to_owned(), decision.propensity, price_minor)
    })
    .collect()
}

#[test]
fn decisions_are_the_golden_ones() {
    check("decisions.json", 2, |mut file: Decisions| {
        let (snapshot, key) = (snapshot_of(&file.snapshot), Key::from_hex(&file.unit_key).unwrap());
        for visitor in &mut file.visitors {
            let unit = UnitKey::of_visitor(&key, &visitor.visitor);
            visitor.unit = unit.to_string();
            visitor.decisions = decisions(&snapshot, &unit);
        }
        let (mut hash, mut count, mut lines) = (Sha256::new(), 0, String::new());
        for n in 0..file.digest.units {
            lines.clear();
            for (sku, arm, propensity, price_minor) in
                decisions(&snapshot, &UnitKey::of_visitor(&key, &format!("{n:032x}")))
            {
                writeln!(lines, "{sku} {arm} {propensity} {price_minor}").unwrap();
                count += 1;
            }
            hash.update(&lines);
        }
        (file.digest.decisions, file.digest.sha256) = (count, hex(&hash.finalize()));
        file
    });
}
