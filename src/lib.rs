#![doc = "haggle"]

pub mod error;
pub use error::Error;

pub mod math;

pub mod money;
pub use money::Currency;

pub mod mac;
pub use mac::Key;

mod base64url;

pub mod unit;
pub use unit::UnitKey;

pub mod allocation;
pub use allocation::{Allocation, TOTAL};

pub mod posterior;
pub use posterior::{Posterior, Prior, p_best};

pub mod policy;
pub use policy::{ARMS_MAX, ArmInput, Policy, PolicyInput};

pub mod experiment;
pub use experiment::{Experiment, Objective, PolicyChoice};

pub mod tally;
pub use tally::{Cohort, Tally, TallyKey};

pub mod ledger;
pub use ledger::{Account, Credit, Ledger};

pub mod snapshot;
pub use snapshot::{Entry, LiveExperiment, Snapshot};

pub mod decision;
pub use decision::{Choice, Decision, decide, decide_in};

pub mod quote;
pub use quote::{Quotary, Quote, Terms};

pub mod pin;
pub use pin::Pins;

pub mod event;
pub use event::{Exposure, Reward};

pub mod reprice;
pub use reprice::reprice;

pub mod simulate;
