//! The files of groups: `g-NAME.tsv`, which reproduces them, and `p-NAME.tsv`, their prices on every arm.
//!
//! Both are texts whose columns are separated by tabs, with a line of names at the head, as a spreadsheet reads them.

use std::collections::{BTreeMap, BTreeSet};

use super::Groups;
use super::draw::{Candidate, Draw};
use super::scope::and_more;
use super::split::Side;
use crate::catalogue::check_sku;
use crate::money::PRICE_MINOR_MAX;
use crate::{CatalogueItem, Currency, Error, Experiment, time};

const NAMES: [&str; 5] = ["Id", "Date", "EndDate", "Control", "Price"];

impl Groups {
    /// The groups as `g-NAME.tsv`: for each item the day on which they were drawn, that of the planned end or nothing, 1
    /// where it keeps the catalogue price and 0 where it does not, and the catalogue price in major units.
    pub fn to_tsv(&self, currency: Currency, date_ms: u64, end_ms: Option<u64>) -> String {
        let (date, end) = (time::format_date(date_ms), end_ms.map(time::format_date).unwrap_or_default());
        let mut text = line(NAMES);
        for member in self.members() {
            let control = if member.is_negative { "1" } else { "0" };
            text.push_str(&line([&member.sku, &date, &end, control, &currency.major(member.price_minor)]));
        }
        text
    }

    /// The groups that a file of [`Groups::to_tsv`] tells of, with what the catalogue knows of their items. Items that
    /// have come into the catalogue since do not join.
    ///
    /// # Errors
    /// Names the line, what stands there and what is allowed; or an item that the catalogue does not have, or that
    /// cannot have the experiment's prices.
    pub fn from_tsv(
        text: &str,
        items: impl IntoIterator<Item = CatalogueItem>,
        experiment: &Experiment,
    ) -> Result<Self, Error> {
        let mut draw = Draw::saved(experiment, text)?;
        items.into_iter().for_each(|item| draw.offer(item));
        draw.finish(&BTreeSet::new())
    }

    /// The prices as `p-NAME.tsv`: for each item its price on every arm, in major units.
    pub fn prices_tsv(&self, experiment: &Experiment) -> String {
        let arms = experiment.arms.iter().map(|arm| arm.name.as_str());
        let mut text = line(std::iter::once("Id").chain(arms));
        for member in self.members() {
            let prices: Vec<String> =
                member.prices.iter().map(|&price| experiment.currency.major(price)).collect();
            text.push_str(&line(
                std::iter::once(member.sku.as_str()).chain(prices.iter().map(String::as_str)),
            ));
        }
        text
    }
}

fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<&str> = cells.into_iter().collect();
    format!("{}\n", cells.join("\t"))
}

/// The keys of the items that a `g-NAME.tsv` lists, on whichever side: those that another experiment must leave out.
///
/// # Errors
/// Names the line, what stands there and what is allowed.
pub fn items_of(currency: Currency, text: &str) -> Result<BTreeSet<String>, Error> {
    Ok(Saved::read(currency, text)?.items.into_keys().collect())
}

/// What a file of groups says of each item.
pub(super) struct Saved {
    items: BTreeMap<String, (Side, i64)>,
}

impl Saved {
    pub fn read(currency: Currency, text: &str) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
        let head = lines.next().map_or("", |(_, line)| line);
        if !head.split('\t').eq(NAMES) {
            let allowed = format!("{}, separated by tabs", NAMES.join(", "));
            return Err(
                Error::value("head of the file of groups", format!("{:?}", short(head)), allowed).in_line(1)
            );
        }
        let mut items = BTreeMap::new();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let (sku, side, price_minor) =
                read_line(currency, line).map_err(|error| error.in_line(number))?;
            if items.insert(sku.clone(), (side, price_minor)).is_some() {
                return Err(Error::value("Id", format!("{sku:?} twice"), "in the file once").in_line(number));
            }
        }
        if !items.values().any(|(side, _)| *side == Side::Positive) {
            return Err(Error::value("number of items whose Control is 0", 0, "at least 1"));
        }
        Ok(Self { items })
    }

    /// The catalogue price of an item when the groups were drawn; none where it is not among them.
    pub fn price_minor(&self, sku: &str) -> Option<i64> {
        self.items.get(sku).map(|(_, price_minor)| *price_minor)
    }

    /// The side of each item; all of them must have been offered.
    pub fn sides(
        &self,
        candidates: &[Candidate],
        excluded: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Side>, Error> {
        let known: BTreeSet<&str> = candidates.iter().map(|candidate| candidate.sku.as_str()).collect();
        let refuse = |faulty: Vec<&String>, why: &str, allowed: &str| match faulty.split_first() {
            None => Ok(()),
            Some((sku, more)) => {
                let given = format!("{sku:?}, which is {why}{}", and_more(more.len(), "like it"));
                Err(Error::value("Id of the file of groups", given, allowed))
            }
        };
        let missing = self.items.keys().filter(|sku| !known.contains(sku.as_str())).collect();
        refuse(missing, "not in the catalogue", "an item of the catalogue")?;
        let taken = self.items.keys().filter(|sku| excluded.contains(*sku)).collect();
        refuse(taken, "in another experiment", "in no other experiment")?;
        Ok(self.items.iter().map(|(sku, (side, _))| (sku.clone(), *side)).collect())
    }
}

fn read_line(currency: Currency, line: &str) -> Result<(String, Side, i64), Error> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [sku, date, end, control, price] = cells.as_slice() else {
        return Err(Error::value("number of columns", cells.len(), NAMES.len()));
    };
    check_sku("Id", sku)?;
    for (name, day) in [("Date", date), ("EndDate", end)] {
        if time::parse_date(day).is_none() && !(name == "EndDate" && day.is_empty()) {
            return Err(Error::value(name, format!("{:?}", short(day)), "a date such as 2026-12-01"));
        }
    }
    let side = match *control {
        "0" => Side::Positive,
        "1" => Side::Negative,
        other => {
            let allowed = "1 where the item keeps the catalogue price, else 0";
            return Err(Error::value("Control", format!("{:?}", short(other)), allowed));
        }
    };
    let price_minor = currency.minor(price).filter(|price| (1..=PRICE_MINOR_MAX).contains(price));
    let price_minor = price_minor.ok_or_else(|| {
        let allowed = format!("a price in {currency} such as {}", currency.major(1900));
        Error::value("Price", format!("{:?}", short(price)), allowed)
    })?;
    Ok(((*sku).to_owned(), side, price_minor))
}

/// The beginning of a text.
fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
