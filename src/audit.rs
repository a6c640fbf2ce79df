//! What was published, against what was computed: a page that is out is read again, by the rules that wrote it and more.
//!
//! In scope: which places of a page say the price that was meant, and which do not. The page's own reader finds them, so
//! that the audit can see whatever haggle writes; beside the shop's rules it looks where schema.org and Open Graph say
//! that a price stands, because others read it there. Out of scope: fetching pages, feeds and carts (the command line),
//! and which price is meant (see [`decide`](crate::decide)).

use std::collections::BTreeSet;

use crate::page::{Offers, Output, Price, Rewriter};
use crate::unit::UnitKey;
use crate::{Error, Site};

/// Where in a page a price stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Text of an element.
    Text,
    /// A meta tag.
    Meta,
    /// schema.org data in a script.
    JsonLd,
    /// Other data: scripts, and attributes of other elements.
    Data,
    /// The page as a whole: something is missing, or cannot be read.
    Page,
}

impl Kind {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Meta => "meta",
            Self::JsonLd => "json-ld",
            Self::Data => "data",
            Self::Page => "page",
        }
    }
}

/// A place of a page that does not say the price that was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Its item.
    pub sku: String,
    /// What the place is called, as in [`Seen::name`](crate::page::Seen::name).
    pub surface: String,
    /// Where it stands.
    pub kind: Kind,
    /// Where its text, or the data, begin in the page, in bytes; 0 for [`Kind::Page`].
    pub at: usize,
    /// What it says; empty for data and for what is missing.
    pub found: String,
}

/// What the places of a page say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Places that were compared with a price.
    pub places: usize,
    /// Items that have such a place.
    pub skus: Vec<String>,
    /// Places that say something else.
    pub mismatches: Vec<Mismatch>,
}

/// The prices that a page is meant to say, in place of those of the catalogue.
struct Published<'a>(&'a dyn Offers);

impl Offers for Published<'_> {
    fn price(&self, sku: &str) -> Option<Price> {
        let price = self.0.price(sku)?;
        // Whether the page says that personal data set it is not a matter of amounts.
        Some(Price { catalogue_minor: price.price_minor, is_disclosed: false, ..price })
    }
}

/// Checks a page that is out against the prices that it is meant to say: those of the offers, after the change.
///
/// ```
/// use haggle::page::{Offers, Price};
/// use haggle::{Site, audit};
///
/// struct Sale;
/// impl Offers for Sale {
///     fn price(&self, sku: &str) -> Option<Price> {
///         let currency = "EUR".parse().ok()?;
///         let price = Price { catalogue_minor: 1900, price_minor: 1750, currency, is_disclosed: false };
///         (sku == "OLIVE-500").then_some(price)
///     }
/// }
///
/// let page = "<b data-haggle-sku=OLIVE-500>17.50 €</b><i data-haggle-sku=OLIVE-500>19.00 €</i>";
/// let checked = audit::check(&Site::default(), "/oil", &Sale, page.as_bytes());
/// assert_eq!((checked.places, checked.mismatches.len()), (2, 1));
/// assert_eq!(checked.mismatches[0].found, "19.00 €");
/// ```
pub fn check(site: &Site, path: &str, prices: &dyn Offers, page: &[u8]) -> Checked {
    let offers = Published(prices);
    let mut output = Output::default();
    let mut rewriter = Rewriter::new(site, path, &offers).noting();
    rewriter.push(page, &mut output);
    let report = rewriter.end(&mut output);
    let mut checked = Checked::default();
    let mut known = BTreeSet::new();
    for seen in report.surfaces.into_iter().filter(|seen| seen.is_matched.is_some()) {
        // A mark and a rule, or two rules, may name one place; a marked element whose attribute is wrong misses the price
        // in its text too, where it has none.
        let (tag, is_wrong) = (tag_before(page, seen.at), seen.is_matched == Some(false));
        let is_again = |one: &Mismatch| one.sku == seen.sku && tag_before(page, one.at) == tag;
        if is_wrong && seen.text.is_empty() && checked.mismatches.iter().any(is_again) {
            continue;
        }
        if !known.insert((seen.at, is_wrong, seen.sku.clone())) {
            continue;
        }
        checked.places += 1;
        if is_wrong {
            let (kind, surface) = (kind_at(page, seen.at, &seen.name), seen.name);
            checked.mismatches.push(Mismatch { sku: seen.sku, surface, kind, at: seen.at, found: seen.text });
        }
    }
    for item in report.items {
        let is_told = |surface: &str, known: &[Mismatch]| {
            known.iter().any(|one| one.sku == item.sku && (one.surface == surface || surface == "compare-at"))
        };
        for surface in item.mismatches.iter().filter(|name| *name != NOT_SEEN) {
            if !is_told(surface, &checked.mismatches) {
                let (sku, surface) = (item.sku.clone(), surface.clone());
                let found = String::new();
                checked.mismatches.push(Mismatch { sku, surface, kind: Kind::Page, at: 0, found });
            }
        }
        checked.skus.push(item.sku);
    }
    checked
}

/// A page that has an item's price in data alone, such as an article that mentions it, is as it was.
const NOT_SEEN: &str = "no visible price";

/// Where the last tag begins before a byte.
fn tag_before(page: &[u8], at: usize) -> usize {
    page.get(..at).unwrap_or_default().iter().rposition(|&byte| byte == b'<').unwrap_or_default()
}

/// Where in the page a place stands that begins at a byte.
fn kind_at(page: &[u8], at: usize, name: &str) -> Kind {
    if name == "json-ld" {
        return Kind::JsonLd;
    }
    let tag = page.get(tag_before(page, at)..at).unwrap_or_default();
    let is = |name: &[u8]| tag.get(1..=name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name));
    if is(b"meta") {
        Kind::Meta
    } else if is(b"script") || tag.last() != Some(&b'>') {
        Kind::Data
    } else {
        Kind::Text
    }
}

/// A site with the rules of schema.org and Open Graph behind its own; its own where it has them already, by its preset.
///
/// # Errors
/// The site is not valid.
pub fn wider(site_json: &str) -> Result<Site, Error> {
    let site = Site::from_json(site_json)?;
    let inner = site_json.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let Some(inner) = inner.filter(|_| site.preset().is_none()) else { return Ok(site) };
    let comma = if inner.trim().is_empty() { "" } else { "," };
    let wide = Site::from_json(&format!("{{\"preset\":\"schema-org\"{comma}{inner}}}"));
    // A site of so many rules that no more fit is read by its own.
    Ok(wide.unwrap_or(site))
}

/// Whether a page is one of those that are read again: this share of them, by a hash of who asks and when.
///
/// Range of `share`: 0 (none) to 1 (all).
pub fn is_sampled(share: f64, unit: &UnitKey, now_ms: u64) -> bool {
    let first = unit.bytes().iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte));
    // The finaliser of splitmix64 (Steele, Lea and Flood 2014, doi:10.1145/2714064.2660195): neighbouring times differ.
    let mut hash = first ^ now_ms.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    // 53 bits: all of them are exact in a double.
    ((hash >> 11) as f64) < share * (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Oil(i64);

    impl Offers for Oil {
        fn price(&self, sku: &str) -> Option<Price> {
            let currency = "EUR".parse().unwrap();
            let price = Price { catalogue_minor: 1900, price_minor: self.0, currency, is_disclosed: true };
            (sku == "OLIVE-500").then_some(price)
        }
    }

    fn page(text: &str, meta: &str, data: &str) -> String {
        format!(
            "<meta name=haggle-sku content=OLIVE-500><meta property=\"og:price:amount\" content=\"{meta}\">\
             <script type=\"application/ld+json\">{{\"@type\":\"Product\",\"sku\":\"OLIVE-500\",\
             \"offers\":{{\"@type\":\"Offer\",\"price\":\"{data}\"}}}}</script>\
             <b data-haggle-sku=OLIVE-500>{text} €</b>"
        )
    }

    #[test]
    fn each_place_that_says_another_price_is_found() {
        let site = wider("{}").unwrap();
        let kinds = |page: String| -> Vec<(Kind, String)> {
            let checked = check(&site, "/oil", &Oil(1750), page.as_bytes());
            assert_eq!((checked.places, checked.skus), (3, vec!["OLIVE-500".to_owned()]), "{page}");
            checked.mismatches.into_iter().map(|wrong| (wrong.kind, wrong.found)).collect()
        };
        assert_eq!(kinds(page("17.50", "17.50", "17.50")), []);
        assert_eq!(kinds(page("19.00", "17.50", "17.50")), [(Kind::Text, "19.00 €".into())]);
        assert_eq!(kinds(page("17.50", "19.00", "17.50")), [(Kind::Meta, "19.00".into())]);
        assert_eq!(kinds(page("17.50", "17.50", "19.00")), [(Kind::JsonLd, String::new())]);
        assert_eq!(kinds(page("19.00", "19.00", "19.00")).len(), 3);
    }

    #[test]
    fn a_place_that_is_named_twice_is_one() {
        let site = wider("{}").unwrap();
        let page = "<meta name=haggle-sku content=OLIVE-500>\
                    <meta property=\"og:price:amount\" content=\"19.00\" data-haggle-sku=OLIVE-500>";
        let checked = check(&site, "/oil", &Oil(1750), page.as_bytes());
        assert_eq!((checked.places, checked.mismatches.len()), (1, 1), "{checked:?}");
    }

    #[test]
    fn a_required_place_that_is_missing_is_a_mismatch_of_the_page() {
        let site = wider(r##"{"surfaces":[{"selector":"#price","required":true}]}"##).unwrap();
        let checked = check(&site, "/oil", &Oil(1750), page("17.50", "17.50", "17.50").as_bytes());
        let told: Vec<_> =
            checked.mismatches.iter().map(|wrong| (wrong.kind, wrong.surface.as_str())).collect();
        assert_eq!(told, [(Kind::Page, "required: #price")]);
    }

    #[test]
    fn a_site_gets_more_rules_and_keeps_its_own() {
        assert_eq!(wider("{}").unwrap().preset().unwrap().name(), "schema-org");
        assert_eq!(wider(" {\"field\":\"q\"} ").unwrap().field(), "q");
        assert_eq!(wider(r#"{"preset":"shopify"}"#).unwrap().preset().unwrap().name(), "shopify");
        assert!(wider("{").is_err());
    }

    #[test]
    fn the_sample_has_its_share() {
        let units: Vec<UnitKey> =
            (0..20_000_u64).map(|n| UnitKey::from_bytes((u128::from(n) << 64).to_be_bytes())).collect();
        let share = |wanted: f64, now_ms: u64| {
            units.iter().filter(|unit| is_sampled(wanted, unit, now_ms)).count() as f64 / 20_000.0
        };
        assert_eq!((share(0.0, 7), share(1.0, 7)), (0.0, 1.0));
        assert!((share(0.01, 1_700_000_000_000) - 0.01).abs() < 0.003);
        let times = (0..20_000).filter(|&ms| is_sampled(0.01, &units[5], 1_700_000_000_000 + ms)).count();
        assert!((100..=300).contains(&times), "{times}");
    }

    proptest! {
        #[test]
        fn what_haggle_wrote_passes_its_own_audit(minor in 1i64..=500_000) {
            let text = format!("{}.{:02}", minor / 100, minor % 100);
            let (site, given) = (wider("{}").unwrap(), page("19.00", "19.00", "19.00"));
            let offers = Oil(minor);
            let mut output = Output::default();
            let mut rewriter = Rewriter::new(&site, "/oil", &offers);
            rewriter.push(given.as_bytes(), &mut output);
            rewriter.end(&mut output);
            let checked = check(&site, "/oil", &offers, &output.bytes);
            prop_assert_eq!((checked.places, checked.mismatches), (3, vec![]));
            let is_same = minor == 1900;
            let unchanged = check(&site, "/oil", &offers, given.as_bytes());
            prop_assert_eq!(unchanged.mismatches.is_empty(), is_same, "{}", text);
        }

        #[test]
        fn any_page_is_read(page in prop::collection::vec(any::<u8>(), 0..300), site in ".{0,40}") {
            let _ = wider(&site);
            check(&Site::default(), "/", &Oil(1750), &page);
        }
    }
}
