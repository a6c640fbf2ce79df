//! What checkout asks of a genuine quote: is it ours, for this item, in time, and within what the team allows today.

use super::{Quote, Refusal};
use crate::Error;
use crate::Snapshot;
use crate::money::PRICE_MINOR_MAX;
use crate::snapshot::ListedItem;

/// What a quote must be for, as the checkout knows it.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The shop.
    pub merchant: &'a str,
    /// The item that is bought.
    pub sku: &'a str,
    /// The currency of the order, where it is known.
    pub currency: Option<&'a str>,
    /// The time, in seconds since 1970-01-01 UTC.
    pub now_s: u64,
}

impl Quote {
    /// The price to charge for one unit: the quoted one, whatever was published since, while it is held.
    ///
    /// A snapshot adds what is known today. Within it the price keeps the floor and the ceiling of the item, and all
    /// the guardrails of its experiment, or is the catalogue price. While the item is stopped, a quote is honoured where
    /// it is not above the catalogue price. Everybody's price, where items are randomised, is honoured after its period
    /// where it is not above the catalogue price, or what everybody sees now. An item that is no longer priced is charged
    /// as it was quoted.
    ///
    /// # Errors
    /// `another-merchant`, `another-item`, `another-currency`, `not-yet-valid`, `expired`, `outside-guardrails`,
    /// `stopped`, `period-over`. The catalogue price then stands, or what everybody sees.
    ///
    /// ```
    /// # use haggle::{quote::Expected, *};
    /// # let experiment = Experiment::from_json(include_str!("../../tests/golden/sevilla.json"))?;
    /// # let input = evidence::pooled(&experiment, &[Tally::default(); 3])?;
    /// # let bytes = Snapshot::encode(1, 1, &[Entry::new(&experiment, 1, input)])?;
    /// # let (snapshot, now_s) = (Snapshot::decode(bytes)?, 1_700_000_000);
    /// # let unit = UnitKey::of_visitor(&Key::new(&[7; 32]), "visitor-1");
    /// # let decision = decide(&snapshot, "OLIVE-500", &unit, now_s * 1000).ok_or("not priced")?;
    /// # let terms =
    /// #     Terms { merchant: "shop", version: 1, now_s, pin_hold_s: 172_800, cart_hold_s: 174_600, shards: 4 };
    /// let item = snapshot.item("OLIVE-500").ok_or("not priced")?;
    /// let quote = Quote::new(&item, &decision, &unit, terms);
    /// let mut order = Expected { merchant: "shop", sku: "OLIVE-500", currency: Some("EUR"), now_s };
    /// assert_eq!(quote.verify(&order, Some(&snapshot)), Ok(item.price(&decision)));
    /// order.sku = "OLIVE-750";
    /// assert_eq!(quote.verify(&order, Some(&snapshot)).unwrap_err().code(), "another-item");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(&self, expected: &Expected<'_>, snapshot: Option<&Snapshot>) -> Result<i64, Refusal> {
        self.check_merchant(expected.merchant)?;
        if self.sku != expected.sku {
            let why = format!("for the item {:?}; it must be for {:?}", self.sku, expected.sku);
            return Err(Refusal::new("another-item", why));
        }
        if let Some(currency) = expected.currency.filter(|&currency| currency != self.currency) {
            let why = format!("in {}; it must be in {currency}", self.currency);
            return Err(Refusal::new("another-currency", why));
        }
        self.check_held(expected.now_s)?;
        self.check_allowed(snapshot)
    }

    fn check_allowed(&self, snapshot: Option<&Snapshot>) -> Result<i64, Refusal> {
        let item = snapshot.and_then(|snapshot| snapshot.item(&self.sku));
        let catalogue_minor = item.map_or(self.catalogue_minor, |item| item.price_minor());
        let is_stopped = snapshot.is_some_and(Snapshot::is_stopped)
            || item.is_some_and(|item| item.experiment().is_stopped());
        let what = || "the quoted price".to_owned();
        let within = match item {
            _ if self.price_minor == catalogue_minor && self.price_minor > 0 => Ok(()),
            None => check_price(self.price_minor),
            Some(item) if item.experiment().name() == self.experiment => item.check(&what, self.price_minor),
            // A price that was promised under an experiment that is over need not look like those of the next.
            Some(item) => item.check_amount(&what, self.price_minor),
        };
        within.map_err(|why| Refusal::new("outside-guardrails", why.to_string()))?;
        let above = format!("{} is above the catalogue price {catalogue_minor}", self.price_minor);
        if is_stopped && self.price_minor > catalogue_minor {
            return Err(Refusal::new("stopped", format!("everything is stopped, and {above}")));
        }
        let now_minor = item.map_or(i64::MAX, |item| self.price_now(&item).max(catalogue_minor));
        if self.price_minor > now_minor {
            let why = format!("the period of the price is over, and {above} and what everybody sees now");
            return Err(Refusal::new("period-over", why));
        }
        Ok(self.price_minor)
    }

    /// Up to what everybody's price is honoured on account of the price of today: without a bound where it is a visitor's
    /// own, or still that of the period.
    fn price_now(&self, item: &ListedItem<'_>) -> i64 {
        let live = item.experiment();
        let is_of_period = live.name() == self.experiment && live.epoch() == self.epoch;
        if !self.is_shared || is_of_period {
            return i64::MAX;
        }
        item.shared().map_or(0, |shared| shared.price_minor)
    }

    /// Whether this shop issued it: shops may share a key, and none may count another's sales.
    ///
    /// # Errors
    /// `another-merchant`.
    pub fn check_merchant(&self, merchant: &str) -> Result<(), Refusal> {
        if self.merchant == merchant {
            return Ok(());
        }
        let why = format!("issued by {:?}; it must be {merchant:?}", self.merchant);
        Err(Refusal::new("another-merchant", why))
    }

    /// Whether the price is still held.
    ///
    /// # Errors
    /// `not-yet-valid`, `expired`.
    pub fn check_held(&self, now_s: u64) -> Result<(), Refusal> {
        self.check_not_early(now_s)?;
        if now_s < self.expires_at_s {
            return Ok(());
        }
        let why = format!("expired {} s ago, at {}", now_s - self.expires_at_s, self.expires_at_s);
        Err(Refusal::new("expired", why))
    }

    /// Whether a reward for it still counts.
    ///
    /// # Errors
    /// `not-yet-valid`, `window-over`.
    pub fn check_window(&self, now_s: u64) -> Result<(), Refusal> {
        self.check_window_of("reward", u64::from(self.reward_window_s), now_s)
    }

    /// Whether a refund of it still counts: as long as a reward, and `refund_window_s` more.
    ///
    /// # Errors
    /// `not-yet-valid`, `window-over`.
    pub fn check_refund_window(&self, refund_window_s: u64, now_s: u64) -> Result<(), Refusal> {
        let window = u64::from(self.reward_window_s).saturating_add(refund_window_s);
        self.check_window_of("refund", window, now_s)
    }

    fn check_window_of(&self, what: &str, window: u64, now_s: u64) -> Result<(), Refusal> {
        self.check_not_early(now_s)?;
        let from = if self.is_shared { self.expires_at_s } else { self.issued_at_s };
        let end = from.saturating_add(window);
        if now_s <= end {
            return Ok(());
        }
        let why = format!("its {what} window of {window} s ended {} s ago, at {end}", now_s - end);
        Err(Refusal::new("window-over", why))
    }

    /// Clocks of edge locations may differ by a little, not by more than five minutes.
    fn check_not_early(&self, now_s: u64) -> Result<(), Refusal> {
        if self.issued_at_s <= now_s.saturating_add(300) {
            return Ok(());
        }
        let why = format!("issued at {}, which is {} s ahead", self.issued_at_s, self.issued_at_s - now_s);
        Err(Refusal::new("not-yet-valid", why))
    }
}

fn check_price(price_minor: i64) -> Result<(), Error> {
    if (1..=PRICE_MINOR_MAX).contains(&price_minor) {
        return Ok(());
    }
    Err(Error::value("the quoted price", price_minor, format!("1 to {PRICE_MINOR_MAX} minor units")))
}
