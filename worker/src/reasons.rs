//! Reasons: why a page was left alone, as a code in `Server-Timing` and as counts of this isolate.

use std::cell::Cell;

use serde::Serialize;
use serde::ser::SerializeMap;

/// Why a page was left alone, or that it was not.
#[derive(Clone, Copy)]
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
    /// A price element that ended without the catalogue price in it, counted per element.
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
        COUNTS.with(|counts| {
            if let Some(count) = counts.get(self as usize) {
                count.set(count.get() + 1);
            }
        });
    }
}

const ALL: [Reason; 11] = [
    Reason::Priced,
    Reason::FirstView,
    Reason::NoSnapshot,
    Reason::BadSnapshot,
    Reason::OldSnapshot,
    Reason::NoExperiment,
    Reason::Misconfigured,
    Reason::OriginStatus,
    Reason::NotHtml,
    Reason::Rewriter,
    Reason::SurfaceMismatch,
];

thread_local! {
    static COUNTS: [Cell<u64>; ALL.len()] = const { [const { Cell::new(0) }; ALL.len()] };
}

/// Counts since this isolate started, by code; reasons that never occurred are left out.
pub struct Counts;

impl Serialize for Counts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        COUNTS.with(|counts| {
            let counted = ALL.iter().zip(counts).map(|(reason, count)| (reason.code(), count.get()));
            counted
                .filter(|(_, count)| *count > 0)
                .try_for_each(|(code, count)| map.serialize_entry(code, &count))
        })?;
        map.end()
    }
}
