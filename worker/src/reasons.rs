//! Reasons: why a page was left alone, as a code in `Server-Timing` and as counts of this isolate.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Why a page was left alone, or that it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Prices were assigned.
    Priced,
    /// The visitor has no cookie yet and sees the catalogue price (`FIRST_VIEW = "catalogue"`).
    FirstView,
    /// No snapshot was ever published, or KV cannot be read and nothing is cached.
    NoSnapshot,
    /// The bytes in KV are not a snapshot that this build reads.
    BadSnapshot,
    /// The snapshot is older than `SNAPSHOT_MAX_AGE_S`.
    OldSnapshot,
    /// Nothing runs.
    NoExperiment,
    /// A variable or a secret is missing or wrong.
    Misconfigured,
    /// The origin did not answer 200.
    OriginStatus,
    /// The origin's answer is not HTML.
    NotHtml,
    /// The rewriter refused the page.
    Rewriter,
    /// A price element without the catalogue price in it, counted per element.
    SurfaceMismatch,
}

impl Reason {
    /// The code in `Server-Timing` and in health.
    pub fn code(self) -> &'static str {
        match self {
            Self::Priced => "priced",
            Self::FirstView => "first-view",
            Self::NoSnapshot => "no-snapshot",
            Self::BadSnapshot => "bad-snapshot",
            Self::OldSnapshot => "old-snapshot",
            Self::NoExperiment => "no-experiment",
            Self::Misconfigured => "misconfigured",
            Self::OriginStatus => "origin-status",
            Self::NotHtml => "not-html",
            Self::Rewriter => "rewriter",
            Self::SurfaceMismatch => "surface-mismatch",
        }
    }

    /// Counts it in this isolate.
    pub fn count(self) {
        COUNTS.with_borrow_mut(|counts| *counts.entry(self).or_insert(0) += 1);
    }
}

thread_local! {
    static COUNTS: RefCell<BTreeMap<Reason, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Counts since this isolate started, by code.
pub fn counts() -> BTreeMap<&'static str, u64> {
    COUNTS.with_borrow(|counts| counts.iter().map(|(reason, count)| (reason.code(), *count)).collect())
}
