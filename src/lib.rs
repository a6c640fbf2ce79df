//! haggle finds the price that earns most, while the shop is open.
//!
//! This crate is the core: pure and deterministic. It reads no clock, no randomness source and no environment; time
//! and seeds are arguments. The same Rust decides in the Worker at the CDN edge, in the browser's preview and in
//! native tools, bit for bit.
//!
//! # The loop
//!
//! | # | stage | what happens | here | in the Worker |
//! |--:|---|---|---|---|
//! | 1 | request | a visitor becomes a unit, a keyed hash | [`UnitKey`] | `visitor` |
//! | 2 | decision | the unit is hashed into the published shares of the arms | [`decide`] | `page`, `shop_api` |
//! | 3 | exposure | the price is shown; its signed quote comes back | [`Quote`], [`Exposure`] | `shop_api` |
//! | 4 | reward | the shop's server reports what was sold at the quote | [`Reward`] | `shop_api` |
//! | 5 | merge | sums of integers, exact in any order, nothing twice | [`Tally`], [`Account`], [`Ledger`] | `ledger`, `central` |
//! | 6 | posterior | what is believed about each arm: prior + tally | [`Posterior`] | `publisher` |
//! | 7 | publish | an immutable, versioned, checksummed state of all that runs | [`Snapshot`] | `publisher` |
//! | 8 | next request | the policy makes new shares; a shown price is kept | [`Policy`], [`Allocation`], [`Pins`] | `cache` |
//!
//! Modules below stand so that each uses only those above it. A circle must be cut somewhere to be written down: what
//! decides (shares, posterior, policy) stands before what is decided.
//!
//! # One turn of it
//!
//! ```
//! use haggle::*;
//!
//! let experiment = Experiment::from_json(include_str!("../tests/golden/sevilla.json"))?;
//! let mut ledger = Ledger::default();
//! let publish = |version, ledger: &Ledger| -> Result<Snapshot, Error> {
//!     let input = evidence::pooled(&experiment, &ledger.arm_totals(&experiment)?)?; // 6 posterior
//!     let entry = Entry::new(&experiment, version, input);
//!     Snapshot::decode(Snapshot::encode(version.into(), 0, &[entry])?)          // 7 publish
//! };
//! let snapshot = publish(1, &ledger)?;
//!
//! let (unit_key, now_ms) = (Key::new(&[7; 32]), 1_700_000_000_000);
//! let quotary = Quotary::parse(&format!("k1:{}", "a5".repeat(32)))?;
//! let unit = UnitKey::of_visitor(&unit_key, "visitor-1");                       // 1 request
//! let decision = decide(&snapshot, "OLIVE-500", &unit, now_ms).ok_or("no price")?; // 2 decision
//! let item = snapshot.item("OLIVE-500").ok_or("not priced")?;
//! let terms = Terms { merchant: "shop", version: 1, now_s: now_ms / 1000, pin_hold_s: 172_800,
//!     cart_hold_s: 174_600, shards: 4 };
//! let token = quotary.sign(&Quote::new(&item, &decision, &unit, terms));        // 3 exposure
//!
//! let exposure = Exposure::from(&quotary.open(&token)?);
//! let mut account = Account::default();
//! let shown = account.expose();
//! let sold = Credit { units: 1, revenue_minor: item.price(&decision), cost_minor: 800 };
//! let tally = shown.plus(&account.credit(&sold))?;                              // 4 reward
//! ledger.observe("shard 0", &exposure.key, 1, tally);                           // 5 merge
//!
//! let next = publish(2, &ledger)?;                                              // 8 next request
//! assert_ne!(next.experiments()[0].allocation(), snapshot.experiments()[0].allocation());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Out of scope
//!
//! Storage, HTTP, cookies and clocks (crate `haggle-worker`), drawing (`www/`), and personal data: a policy's input
//! has none.

pub mod error;
pub use error::Error;

mod json;

pub mod math;

pub mod sample;

pub mod time;

pub mod money;
pub use money::Currency;

pub mod mac;
pub use mac::Key;

pub mod base64url;

pub mod access;

pub mod unit;
pub use unit::UnitKey;

pub mod allocation;
pub use allocation::{Allocation, TOTAL};

pub mod posterior;
pub use posterior::{
    OrderValue, Posterior, Prior, RewardModel, expected_loss, p_beats, p_best, value_remaining,
};

pub mod policy;
pub use policy::{ARMS_MAX, ArmInput, Policy, PolicyInput};

pub mod guardrail;

pub mod catalogue;
pub use catalogue::CatalogueItem;

pub mod experiment;
pub use experiment::{DelayCorrection, Experiment, Objective, PolicyChoice};

pub mod groups;
pub use groups::Groups;

pub mod power;

pub mod lifecycle;

pub mod tally;
pub use tally::{Cohort, Tally, TallyKey};

pub mod history;
pub use history::{History, Period};

pub mod delay;
pub use delay::Delays;

pub mod contrast;

pub mod evidence;

pub mod stopping;

pub mod ledger;
pub use ledger::{Account, Credit, Ledger};

pub mod reprice;
pub use reprice::reprice;

pub mod html;

pub mod selector;

pub mod surface;

pub mod site;
pub use site::Site;

pub mod snapshot;
pub use snapshot::{Entry, LiveExperiment, Shop, Snapshot, Stops};

pub mod feed;

pub mod decision;
pub use decision::{Choice, Decision, decide, decide_in};

pub mod quote;
pub use quote::{Quotary, Quote, Refusal, Terms};

pub mod pin;
pub use pin::{Pinned, Pins};

pub mod preview;

pub mod event;
pub use event::{Exposure, Reward};

pub mod sales;

pub mod page;

pub mod audit;

pub mod inference;

pub mod cluster;

pub mod answer;
pub use answer::Answer;

pub mod diagnosis;

pub mod simulate;

pub mod evaluate;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
