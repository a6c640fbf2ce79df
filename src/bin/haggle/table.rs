//! Tables that a merchandiser can read: names to the left, numbers to the right, money in its currency.

use haggle::evaluate::Tallies;
use haggle::{Currency, Objective};

/// Lines of cells under a head, each column as wide as its widest cell.
pub struct Table {
    lines: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads.
    pub fn new(heads: &[&str]) -> Self {
        Self { lines: vec![heads.iter().map(|&head| head.to_owned()).collect()] }
    }

    /// Adds a line.
    pub fn line(&mut self, cells: Vec<String>) {
        self.lines.push(cells);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut widths: Vec<usize> = Vec::new();
        for line in &self.lines {
            widths.resize(widths.len().max(line.len()), 0);
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for (number, line) in self.lines.iter().enumerate() {
            let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            });
            let text: String = cells.collect();
            let end = if number + 1 < self.lines.len() { "\n" } else { "" };
            write!(f, "{}{end}", text.trim_end())?;
        }
        Ok(())
    }
}

/// How values are written: money in major units, or shares of exposures that convert.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    /// Money; minor units where the currency is not known.
    Money(Option<Currency>),
    /// Conversions per exposure.
    Rate,
    /// Any other number.
    Plain,
}

impl Unit {
    /// That of the values of an exposure.
    pub fn of(tallies: &Tallies) -> Self {
        match tallies.objective {
            Objective::Conversion => Self::Rate,
            _ => Self::Money(tallies.currency),
        }
    }

    /// A price, or another amount in whole minor units.
    pub fn price(currency: Option<Currency>, minor: i64) -> String {
        match currency {
            Some(_) => Self::amount(currency, minor as f64, 0),
            None => minor.to_string(),
        }
    }

    /// A value of one exposure, with two digits more than a price has.
    pub fn value(self, value: f64) -> String {
        match self {
            Self::Money(currency) => Self::amount(currency, value, 2),
            Self::Rate => percent(value),
            Self::Plain => format!("{value:.5}"),
        }
    }

    fn amount(currency: Option<Currency>, minor: f64, more: usize) -> String {
        let digits = currency.map_or(0, |currency| currency.minor_digits());
        let major = (0..digits).fold(minor, |amount, _| amount / 10.0);
        let text = format!("{major:.places$}", places = digits as usize + more);
        currency.map_or(text.clone(), |currency| format!("{text} {currency}"))
    }

    /// What stands in a head, for values of an exposure.
    pub fn name(self) -> &'static str {
        match self {
            Self::Money(None) => "minor units per exposure",
            Self::Money(_) => "value per exposure",
            Self::Rate => "conversions per exposure",
            Self::Plain => "reward per exposure",
        }
    }
}

/// A share of one, in per cent.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["arm", "price"]);
        table.line(vec!["list".into(), "19.00 €".into()]);
        assert_eq!(table.to_string(), "arm     price\nlist  19.00 €");
    }

    #[test]
    fn a_long_table_is_written_in_time_that_grows_with_its_length() {
        let mut table = Table::new(&["arm", "price"]);
        // Were the widths sought anew for each line, this would take an hour.
        (0..50_000).for_each(|line| table.line(vec![line.to_string(), "1".into()]));
        assert_eq!(table.to_string().lines().count(), 50_001);
    }

    #[test]
    fn money_has_the_digits_of_its_currency() {
        let of = |code: &str| Some(code.parse().unwrap());
        assert_eq!(Unit::price(of("EUR"), 1905), "19.05 EUR");
        assert_eq!(Unit::price(of("JPY"), 1905), "1905 JPY");
        assert_eq!(Unit::price(of("KWD"), 1905), "1.905 KWD");
        assert_eq!(Unit::price(None, 1905), "1905");
        assert_eq!(Unit::Money(of("EUR")).value(688.75), "6.8875 EUR");
        assert_eq!(Unit::Rate.value(0.3625), "36.25 %");
    }
}
