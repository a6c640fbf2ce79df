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
use crate::decision::Decision;

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
}

/// What the shell adds to a decision to make a quote of it.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The shop.
    pub merchant: &'a str,
    /// The item.
    pub sku: &'a str,
    /// Its catalogue price.
    pub catalogue_minor: i64,
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
    /// The quote of a decision for a unit: also what an exposure that comes without a token is counted by.
    ///
    /// It is held for its full time from now, and never shorter than the pin that it was made of: a page that shows the
    /// price again must not find it refused at checkout.
    pub fn new(decision: &Decision<'_>, unit: &UnitKey, terms: Terms<'_>) -> Self {
        let issued_at_s = u64::from(decision.decided_at_min) * 60;
        let name = decision.experiment.name();
        let id = crate::mac::digest16(&[
            "haggle exposure",
            &unit.to_string(),
            name,
            terms.sku,
            &issued_at_s.to_string(),
        ]);
        let pin_ends_s = issued_at_s.saturating_add(terms.pin_hold_s);
        Self {
            merchant: terms.merchant.into(),
            sku: terms.sku.into(),
            currency: decision.experiment.currency().to_string(),
            price_minor: decision.price_minor(),
            catalogue_minor: terms.catalogue_minor,
            experiment: name.into(),
            arm: decision.arm_name().into(),
            propensity: decision.propensity,
            epoch: decision.epoch,
            version: terms.version,
            issued_at_s,
            expires_at_s: terms.now_s.saturating_add(terms.cart_hold_s).max(pin_ends_s),
            reward_window_s: decision.experiment.reward_window_s(),
            shards: terms.shards.clamp(1, SHARDS_MAX),
            exposure_id: encode(&id),
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
