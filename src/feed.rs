//! Prices as files: what everybody sees now, for the shop's own price list and for Google Merchant Center.
//!
//! Where items are randomised, everybody sees one price for an item at a time, so a feed can say it, and must say the same
//! as the page does. Where visitors are randomised there is no such price, and a feed for shoppers is refused. The price
//! on every arm, whatever is published, is [`Groups::prices_tsv`](crate::Groups::prices_tsv).
//!
//! Out of scope: availability, titles and pictures, which the shop's main feed has.

use crate::experiment::{Item, Unit};
use crate::groups::Member;
use crate::json::Json;
use crate::money::PRICE_MINOR_MAX;
use crate::snapshot::LiveExperiment;
use crate::{Error, Experiment, Groups, Snapshot};

/// In which form prices are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `p-NAME.tsv`: `Id`, the price on every arm, and with items as units `Now`; in major units.
    Tsv,
    /// An object with the same in minor units.
    Json,
    /// A supplemental feed of Google Merchant Center: `id` and `price`, such as `17.10 EUR`
    /// (<https://support.google.com/merchants/answer/7439882>).
    Merchant,
}

impl Format {
    const ALL: [Self; 3] = [Self::Tsv, Self::Json, Self::Merchant];

    /// The name in the API and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Merchant => "merchant",
        }
    }

    /// What it is in HTTP.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Tsv | Self::Merchant => "text/tab-separated-values; charset=utf-8",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|format| format.name() == name);
        known.ok_or_else(|| Error::value("format", format!("{name:?}"), "one of tsv, json, merchant"))
    }
}

/// The prices of an experiment's items, as they are published in a snapshot.
///
/// An item that the snapshot does not price, as before the start and while everything is stopped, has its catalogue price.
///
/// # Errors
/// A feed for shoppers of an experiment that randomises visitors.
///
/// ```
/// # use haggle::{*, feed::Format};
/// # let experiment = Experiment::from_json(include_str!("../tests/golden/sevilla.json"))?;
/// # let snapshot = Snapshot::decode(Snapshot::encode(1, 1, &[])?)?;
/// let refused = feed::prices(&experiment, &Groups::default(), &snapshot, Format::Merchant);
/// assert!(refused.unwrap_err().to_string().contains("each visitor has its own price"));
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn prices(
    experiment: &Experiment,
    groups: &Groups,
    snapshot: &Snapshot,
    format: Format,
) -> Result<String, Error> {
    let is_shared = experiment.unit != Unit::Visitor;
    if format == Format::Merchant && !is_shared {
        let given = format!("merchant for {}, where each visitor has its own price", experiment.name);
        return Err(Error::value("format", given, "tsv or json with unit visitor"));
    }
    let one = experiment.item().map(|item| of_item(experiment, item));
    let groups = one.as_ref().unwrap_or(groups);
    let rows = Rows { experiment, groups, snapshot };
    Ok(match format {
        Format::Tsv if is_shared => rows.tsv(),
        Format::Tsv => groups.prices_tsv(experiment),
        Format::Json => rows.json(is_shared),
        Format::Merchant => rows.merchant(),
    })
}

struct Rows<'a> {
    experiment: &'a Experiment,
    groups: &'a Groups,
    snapshot: &'a Snapshot,
}

/// The group of an experiment with one item.
fn of_item(experiment: &Experiment, item: &Item) -> Groups {
    Groups::new(vec![Member {
        sku: item.sku.clone(),
        is_negative: false,
        family: item.sku.clone(),
        price_minor: item.price_minor,
        cost_minor: item.cost_minor,
        floor_minor: 1,
        ceiling_minor: PRICE_MINOR_MAX,
        prices: experiment.arms.iter().map(|arm| arm.price_minor).collect(),
        past: None,
    }])
}

/// An item, its prices on the arms, and what everybody sees.
struct Row<'a> {
    sku: &'a str,
    prices: &'a [i64],
    is_negative: bool,
    now_minor: i64,
}

impl<'a> Rows<'a> {
    fn all(&self) -> Vec<Row<'a>> {
        let name = self.experiment.name.as_str();
        let now = |sku: &str| {
            let item = self.snapshot.item(sku).filter(|item| item.experiment().name() == name)?;
            item.shared().map(|shared| shared.price_minor)
        };
        let row = |sku: &'a str, prices: &'a [i64], is_negative: bool, price_minor: i64| Row {
            sku,
            prices: if is_negative { &[] } else { prices },
            is_negative,
            now_minor: now(sku).unwrap_or(price_minor),
        };
        let members = self.groups.members().iter();
        members
            .map(|member| row(&member.sku, &member.prices, member.is_negative, member.price_minor))
            .collect()
    }

    fn tsv(&self) -> String {
        let currency = self.experiment.currency;
        let mut text = self.groups.prices_tsv(self.experiment);
        let nows = self.all().into_iter().map(|row| currency.major(row.now_minor));
        let lines = text.lines().zip(std::iter::once("Now".to_owned()).chain(nows));
        text = lines.map(|(line, now)| format!("{line}\t{now}\n")).collect();
        text
    }

    fn merchant(&self) -> String {
        let currency = self.experiment.currency;
        let mut text = "id\tprice\n".to_owned();
        for row in self.all() {
            text.push_str(&format!("{}\t{} {currency}\n", row.sku, currency.major(row.now_minor)));
        }
        text
    }

    fn json(&self, is_shared: bool) -> String {
        let name = |live: &&LiveExperiment| live.name() == self.experiment.name;
        let live = self.snapshot.experiments().iter().find(name);
        let until_ms = live.map(LiveExperiment::until_ms).filter(|&until_ms| until_ms > 0);
        let items = self.all().into_iter().map(|row| {
            Json::object([
                ("sku", Some(Json::text(row.sku))),
                ("negative", row.is_negative.then_some(Json::Bool(true))),
                ("now_minor", is_shared.then(|| Json::integer(row.now_minor))),
                (
                    "prices_minor",
                    Some(Json::List(row.prices.iter().map(|&price| Json::integer(price)).collect())),
                ),
            ])
        });
        let arms: Vec<String> = self.experiment.arms.iter().map(|arm| arm.name.clone()).collect();
        Json::object([
            ("experiment", Some(Json::text(&self.experiment.name))),
            ("currency", Some(Json::text(self.experiment.currency.to_string()))),
            ("version", Some(Json::integer(i64::try_from(self.snapshot.version()).unwrap_or(i64::MAX)))),
            ("until_ms", until_ms.map(|until_ms| Json::integer(i64::try_from(until_ms).unwrap_or(i64::MAX)))),
            ("arms", Some(Json::texts(&arms))),
            ("items", Some(Json::List(items.collect()))),
        ])
        .write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::tests::many::{experiment, groups, snapshot};

    #[test]
    fn a_feed_for_shoppers_says_what_everybody_sees() {
        let (experiment, groups, published) =
            (experiment(Unit::Item), groups(8), snapshot(Unit::Item, |_| {}));
        let feed = prices(&experiment, &groups, &published, Format::Merchant).unwrap();
        let lines: Vec<&str> = feed.lines().collect();
        // On the control, at nine tenths, at eleven tenths, and negative.
        assert_eq!(
            lines[..5],
            ["id\tprice", "S-0000\t10.00 EUR", "S-0001\t9.09 EUR", "S-0002\t11.22 EUR", "S-0003\t10.30 EUR"]
        );
        assert_eq!(lines.len(), 9);
        let stopped = published.republished(10, 2, &crate::Stops { all: true, experiments: &[] }).unwrap();
        let feed =
            prices(&experiment, &groups, &Snapshot::decode(stopped).unwrap(), Format::Merchant).unwrap();
        assert!(feed.contains("S-0001\t10.10 EUR\n"), "the catalogue price: {feed}");
    }

    #[test]
    fn the_files_of_the_shop_have_every_arm_and_now() {
        let (experiment, groups, published) =
            (experiment(Unit::Item), groups(2), snapshot(Unit::Item, |_| {}));
        let tsv = prices(&experiment, &groups, &published, Format::Tsv).unwrap();
        assert_eq!(
            tsv,
            "Id\tlist\tlow\thigh\tNow\nS-0000\t10.00\t9.00\t11.00\t10.00\nS-0001\t10.10\t9.09\t11.11\t9.09\n"
        );
        let json = prices(&experiment, &groups, &published, Format::Json).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&value["until_ms"], &value["arms"][1]), (&1_700_086_400_000u64.into(), &"low".into()));
        assert_eq!(
            (&value["items"][1]["now_minor"], &value["items"][1]["prices_minor"][2]),
            (&909.into(), &1111.into())
        );
    }

    #[test]
    fn visitors_have_prices_on_arms_and_none_that_everybody_sees() {
        let (experiment, groups, published) =
            (experiment(Unit::Visitor), groups(2), snapshot(Unit::Visitor, |_| {}));
        assert_eq!(
            prices(&experiment, &groups, &published, Format::Tsv).unwrap(),
            groups.prices_tsv(&experiment)
        );
        assert!(!prices(&experiment, &groups, &published, Format::Json).unwrap().contains("now_minor"));
        let one = crate::experiment::tests::sevilla();
        let tsv = prices(&one, &Groups::default(), &published, Format::Tsv).unwrap();
        assert_eq!(tsv, "Id\tlist\tlow\thigh\nOLIVE-500\t19.00\t17.50\t21.00\n");
        let error = prices(&experiment, &groups, &published, Format::Merchant).unwrap_err().to_string();
        assert!(
            error.contains("format is merchant for sevilla, where each visitor has its own price"),
            "{error}"
        );
        assert_eq!(
            "csv".parse::<Format>().unwrap_err().to_string(),
            "format is \"csv\"; it must be one of tsv, json, merchant"
        );
    }
}
