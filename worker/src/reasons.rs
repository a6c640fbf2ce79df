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
    /// The visitor has come by an ad, which promised the catalogue price of the item.
    AdClick,
    /// The visitor has not agreed (`CONSENT`).
    NoConsent,
    /// No snapshot was ever published, or KV cannot be read and nothing is cached.
    NoSnapshot,
    /// The bytes in KV are not a snapshot that this build reads.
    BadSnapshot,
    /// The snapshot is older than `SNAPSHOT_MAX_AGE_S`.
    OldSnapshot,
    /// Nothing runs.
    NoExperiment,
    /// The administration has stopped all pricing.
    Stopped,
    /// A variable or a secret is missing or wrong.
    Misconfigured,
    /// The origin did not answer 200, or broke off.
    OriginStatus,
    /// The origin's answer is not HTML.
    NotHtml,
    /// The page is written in an encoding that prices cannot be found in.
    Charset,
    /// The page is longer than is kept in memory.
    TooLarge,
    /// The page is in a preview, with the prices of a link.
    Preview,
    /// The page shows other prices than the catalogue's; in health counted per item, also where other items of the
    /// page were priced.
    SurfaceMismatch,
}

impl Reason {
    /// The code in `Server-Timing` and in health.
    pub fn code(self) -> &'static str {
        match self {
            Self::Priced => "priced",
            Self::FirstView => "first-view",
            Self::AdClick => "ad-click",
            Self::NoConsent => "no-consent",
            Self::NoSnapshot => "no-snapshot",
            Self::BadSnapshot => "bad-snapshot",
            Self::OldSnapshot => "old-snapshot",
            Self::NoExperiment => "no-experiment",
            Self::Stopped => "stopped",
            Self::Misconfigured => "misconfigured",
            Self::OriginStatus => "origin-status",
            Self::NotHtml => "not-html",
            Self::Charset => "charset",
            Self::TooLarge => "too-large",
            Self::Preview => "preview",
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

const ALL: [Reason; 16] = [
    Reason::Priced,
    Reason::FirstView,
    Reason::AdClick,
    Reason::NoConsent,
    Reason::NoSnapshot,
    Reason::BadSnapshot,
    Reason::OldSnapshot,
    Reason::NoExperiment,
    Reason::Stopped,
    Reason::Misconfigured,
    Reason::OriginStatus,
    Reason::NotHtml,
    Reason::Charset,
    Reason::TooLarge,
    Reason::Preview,
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
