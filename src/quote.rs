//! Stage 3, exposure: the decision as a quote, the price that a shopper is held to and the shop with it.
//!
//! A quote travels as a standard JSON Web Token (RFC 7519), so that a shop can verify it with any stock library. Its
//! claims are modelled on the token of Google's Automated Discounts, which is a price that a shop is held to as well
//! (<https://support.google.com/merchants/answer/16961497>); amounts are in minor units instead of decimals:
//!
//! | claim | is | in Google's token |
//! |---|---|---|
//! | `m` | the shop | `m`, the merchant's number |
//! | `o` | the item | `o`, the offer id |
//! | `c` | the currency, ISO 4217 | `c` |
//! | `p` | the price that is charged, in minor units | `p`, in decimals |
//! | `pp` | the catalogue price, in minor units | `pp`, the prior price that the EEA asks for beside a reduction |
//! | `exp` | until when the price is held, in seconds since 1970 | `exp` |
//! | `iat` | when it was decided, in seconds since 1970 | |
//! | `x`, `a` | experiment, and arm or `holdout` | |
//! | `w` | the propensity, out of 65536 | |
//! | `e`, `v` | epoch of the decision, and version of the snapshot that it was signed under | |
//! | `rw`, `s`, `jti` | reward window in seconds, ledger shards, and the exposure's id | |
//! | `u` | `item` where everybody sees the price; left out where it is one visitor's own | |
//! | `preview` | `true` only in what a preview shows: such a token is no quote | |
//!
//! In scope: the claims, the token around them (HS256 whole, ES256 but for the signature itself, which the shell makes
//! and checks), and what checkout asks of a quote. Out of scope: the cookie or form that carries the text.

mod es256;
mod quotary;
mod refusal;
mod token;
mod verify;

use serde::Serialize;

pub use self::es256::SigningKey;
pub use self::quotary::Quotary;
pub use self::refusal::Refusal;
pub use self::token::{Algorithm, QUOTE_BYTES_MAX, Token, signed_token, signing_input};
pub use self::verify::Expected;
use crate::UnitKey;
use crate::base64url::encode;
use crate::decision::{Choice, Decision};
use crate::snapshot::ListedItem;

/// Most ledger shards, and the bound of the shard count in a quote.
pub const SHARDS_MAX: u32 = 1024;

/// The price that a unit is held to, and everything needed to count what comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// The shop.
    #[serde(rename = "m")]
    pub merchant: String,
    /// The item.
    #[serde(rename = "o")]
    pub sku: String,
    /// ISO 4217 code.
    #[serde(rename = "c")]
    pub currency: String,
    /// The quoted price of one unit.
    #[serde(rename = "p")]
    pub price_minor: i64,
    /// The catalogue price of one unit.
    #[serde(rename = "pp")]
    pub catalogue_minor: i64,
    /// The experiment.
    #[serde(rename = "x")]
    pub experiment: String,
    /// The arm, or `holdout`.
    #[serde(rename = "a")]
    pub arm: String,
    /// Probability of the choice, out of 65536.
    #[serde(rename = "w")]
    pub propensity: u32,
    /// Allocation under which it was decided.
    #[serde(rename = "e")]
    pub epoch: u32,
    /// Version of the snapshot that it was signed under; 0 in a quote of a release that did not say it.
    #[serde(rename = "v")]
    pub version: u64,
    /// When it was decided, in seconds since 1970-01-01 UTC.
    #[serde(rename = "iat")]
    pub issued_at_s: u64,
    /// Until when the price is held.
    #[serde(rename = "exp")]
    pub expires_at_s: u64,
    /// Seconds after `iat` in which a reward counts.
    #[serde(rename = "rw")]
    pub reward_window_s: u32,
    /// Ledger shards at the time of signing: a retry after re-sharding must reach the same shard.
    #[serde(rename = "s")]
    pub shards: u32,
    /// The exposure: the same for one unit, experiment, item and decision.
    #[serde(rename = "jti")]
    pub exposure_id: String,
    /// Everybody sees the price, as items are randomised: it is no visitor's own, and its sales are those of the item.
    #[serde(rename = "u", skip_serializing_if = "is_false", serialize_with = "of_item")]
    pub is_shared: bool,
    /// It stands in a preview: it is never charged nor counted, and no reader of ours takes it.
    #[serde(rename = "preview", skip_serializing_if = "is_false")]
    pub is_preview: bool,
}

fn is_false(claim: &bool) -> bool {
    !claim
}

/// The one value of the claim that says so.
const OF_ITEM: &str = "item";

fn of_item<S: serde::Serializer>(_: &bool, into: S) -> Result<S::Ok, S::Error> {
    into.serialize_str(OF_ITEM)
}

/// What the shell adds to a decision to make a quote of it.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The shop.
    pub merchant: &'a str,
    /// Version of the snapshot at hand.
    pub version: u64,
    /// The time, in seconds since 1970-01-01 UTC.
    pub now_s: u64,
    /// Seconds for which the decision is pinned, from the decision on.
    pub pin_hold_s: u64,
    /// Seconds for which the quote is held in cart and checkout, from now on.
    pub cart_hold_s: u64,
    /// Number of ledger shards, 1 to 1024.
    pub shards: u32,
}

impl Quote {
    /// The quote of a visitor's decision for an item: also what an exposure that comes without a token is counted by.
    ///
    /// It is held for its full time from now, and never shorter than the pin that it was made of: a page that shows the
    /// price again must not find it refused at checkout.
    ///
    /// The exposure is one for an item where the experiment has one; where it has many, it is one for all that get its
    /// prices, and one for all that keep the catalogue price, so that a visitor's account is one.
    pub fn new<'a>(item: &ListedItem<'a>, decision: &Decision<'a>, unit: &UnitKey, terms: Terms<'_>) -> Self {
        let decision = &item.decision(*decision);
        let counted = match decision.choice {
            _ if !decision.experiment.has_many_items() => item.sku(),
            Choice::Negative => decision.arm_name(),
            _ => "",
        };
        let quote = Self::of(item, decision, unit, counted, terms);
        let pin_ends_s = quote.issued_at_s.saturating_add(terms.pin_hold_s);
        Self { expires_at_s: terms.now_s.saturating_add(terms.cart_hold_s).max(pin_ends_s), ..quote }
    }

    /// The quote that everybody gets for an item where items are randomised; none where there is no
    /// [shared price](ListedItem::shared).
    ///
    /// It says nothing of who asks, and is the same for a whole hour, so that a page with it can be kept by caches. Its
    /// reward window begins when it ends: the arm may be as old as the experiment.
    pub fn shared(item: &ListedItem<'_>, terms: Terms<'_>) -> Option<Self> {
        const HOUR_S: u64 = 3600;
        let decision = item.shared_decision()?;
        let quote = Self::of(item, &decision, &UnitKey::of_item(item.sku()), item.sku(), terms);
        let from_s = terms.now_s.div_ceil(HOUR_S).saturating_mul(HOUR_S);
        Some(Self { expires_at_s: from_s.saturating_add(terms.cart_hold_s), is_shared: true, ..quote })
    }

    fn of(
        item: &ListedItem<'_>,
        decision: &Decision<'_>,
        unit: &UnitKey,
        counted: &str,
        terms: Terms<'_>,
    ) -> Self {
        let issued_at_s = u64::from(decision.decided_at_min) * 60;
        let name = decision.experiment.name();
        let id = crate::mac::digest16(&[
            "haggle exposure",
            &unit.to_string(),
            name,
            counted,
            &issued_at_s.to_string(),
        ]);
        Self {
            merchant: terms.merchant.into(),
            sku: item.sku().into(),
            currency: decision.experiment.currency().to_string(),
            price_minor: item.price(decision),
            catalogue_minor: item.price_minor(),
            experiment: name.into(),
            arm: decision.arm_name().into(),
            propensity: decision.propensity,
            epoch: decision.epoch,
            version: terms.version,
            issued_at_s,
            expires_at_s: terms.now_s,
            reward_window_s: decision.experiment.reward_window_s(),
            shards: terms.shards.clamp(1, SHARDS_MAX),
            exposure_id: encode(&id),
            is_shared: false,
            is_preview: false,
        }
    }

    /// The ledger shard that counts this quote's exposure and rewards: `0..shards`.
    pub fn shard(&self) -> u32 {
        let id = crate::mac::digest16(&["haggle shard", &self.exposure_id]);
        let hash = id.iter().take(4).fold(0u64, |hash, &byte| hash << 8 | u64::from(byte));
        // The upper bits of a 32-bit hash times the count: below the count, and exact.
        ((hash * u64::from(self.shards.max(1))) >> 32) as u32
    }
}

#[cfg(test)]
#[allow(clippy::string_slice)]
pub(crate) mod tests;
