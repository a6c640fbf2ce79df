//! The site: where a shop's pages show the price of an item, and how a quote reaches the charge.

use crate::Error;

/// Where prices stand in the pages of a shop.
#[derive(Debug, Default)]
pub struct Site {}

impl Site {
    /// Reads and validates a site written in JSON.
    ///
    /// # Errors
    /// Names the field, what was given and what is allowed.
    pub fn from_json(_json: &str) -> Result<Self, Error> {
        Ok(Self {})
    }

    /// The item that a page is about, by the path of its URL.
    pub fn page_sku(&self, _path: &str) -> Option<String> {
        None
    }

    /// Whether prices may differ between visitors: only where a quote reaches the charge.
    ///
    /// # Errors
    /// Says why the platform cannot charge a quote.
    pub fn check_charge(&self) -> Result<(), Error> {
        Ok(())
    }
}
