//! Guardrails: the bounds that no price leaves, at the edge, in the browser and in CI alike.
//!
//! In scope: what a team may write under `[guardrails]` of an experiment file, and what it comes to for an item: a
//! floor, a ceiling, a grid and endings. The bounds stand in the snapshot, and are asked when a file is read, when a
//! snapshot is decoded, when a price is decided and quoted, and when a quote is verified at checkout.
//!
//! The catalogue price is the one price that guardrails let pass as it is: it is what the shop charges without haggle,
//! so refusing it would change no charge, and an experiment that looks for a way out of a bad catalogue price must be
//! able to begin.
//!
//! Out of scope: which price within the bounds is best, and the kill switch (see
//! [`Snapshot::is_stopped`](crate::Snapshot::is_stopped)).

mod nearest;

pub(crate) use nearest::plain;

use crate::json::Value;
use crate::money::{PRICE_MINOR_MAX, Tax, millionths};
use crate::{Currency, Error};

/// Most endings of a price that can be allowed.
pub const ENDINGS_MAX: usize = 10;

/// What may be written under `[guardrails]`.
pub(crate) const FIELDS: [&str; 7] =
    ["min_price_minor", "max_price_minor", "map_minor", "min_margin", "max_step", "grid_minor", "endings"];

/// What a team allows of the prices of an item; nothing is given unless it is said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Guardrails {
    /// Least price: 1 to 10^9 minor units.
    pub min_price_minor: Option<i64>,
    /// Largest price: 1 to 10^9 minor units.
    pub max_price_minor: Option<i64>,
    /// Minimum advertised price that the item's brand asks for: 1 to 10^9 minor units.
    pub map_minor: Option<i64>,
    /// Least of the net price over the unit cost, less one: 0.25 is a price, net of tax, of at least 1.25 times the
    /// cost. 0 to 100, in steps of a millionth.
    pub min_margin: Option<f64>,
    /// Largest step from the catalogue price, up or down, as a part of it: 0.000001 to 10, in steps of a millionth.
    pub max_step: Option<f64>,
    /// Prices are multiples of this: 1 to 10^9 minor units.
    pub grid_minor: Option<i64>,
    /// What prices end in: their last two digits in minor units, or the last three of a currency with three minor
    /// digits. At most 10; none allows any.
    pub endings: Vec<u16>,
}

/// What the bounds of an item's prices are reckoned from.
#[derive(Debug, Clone, Copy)]
pub struct Basis {
    /// Currency of every amount.
    pub currency: Currency,
    /// Catalogue price.
    pub price_minor: i64,
    /// Net cost of one unit, where it is known.
    pub cost_minor: Option<i64>,
    /// Tax that prices include.
    pub tax: Tax,
    /// The higher price that the page shows beside the price, struck through, where there is one.
    pub compare_at_minor: Option<i64>,
    /// Minimum advertised price of this very item, where there is one.
    pub map_minor: Option<i64>,
}

/// The bounds of an item's prices.
///
/// ```
/// use haggle::guardrail::{Basis, Guardrails};
/// use haggle::money::Tax;
///
/// let guardrails = Guardrails { min_margin: Some(0.5), max_step: Some(0.2), ..Guardrails::default() };
/// let basis = Basis {
///     currency: "EUR".parse()?,
///     price_minor: 1900,
///     cost_minor: Some(800),
///     tax: Tax::included(0.21),
///     compare_at_minor: None,
///     map_minor: None,
/// };
/// let bounds = guardrails.bounds(&basis)?;
/// assert_eq!((bounds.floor_minor(), bounds.ceiling_minor()), (1520, 2280)); // 19.00 less and plus a fifth
/// assert!(bounds.check(&|| "the price".into(), 1452).is_err()); // 8.00 and a half of it, and the tax on both
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    floor: Bound,
    ceiling: Bound,
    grid_minor: i64,
    endings: Vec<u16>,
    /// Of what the endings are the rest: 100 or 1000.
    modulus: i64,
}

/// A bound, and what it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bound {
    minor: i64,
    by: &'static str,
}

impl Guardrails {
    pub(crate) fn read(guardrails: Value, currency: Currency) -> Result<Self, Error> {
        let mut fields = guardrails.fields(&FIELDS)?;
        let mut amount = |name| fields.take(name).if_any().map(read_amount).transpose();
        let amounts = [
            amount("min_price_minor")?,
            amount("max_price_minor")?,
            amount("map_minor")?,
            amount("grid_minor")?,
        ];
        let [min_price_minor, max_price_minor, map_minor, grid_minor] = amounts;
        let margin = |value: Value| value.fraction_in(0.0..=100.0, "a number from 0 to 100");
        let step = |value: Value| value.fraction_in(1e-6..=10.0, "a number from 0.000001 to 10");
        Ok(Self {
            min_price_minor,
            max_price_minor,
            map_minor,
            min_margin: fields.take("min_margin").if_any().map(margin).transpose()?,
            max_step: fields.take("max_step").if_any().map(step).transpose()?,
            grid_minor,
            endings: fields
                .take("endings")
                .if_any()
                .map_or(Ok(Vec::new()), |endings| read_endings(endings, currency))?,
        })
    }

    /// The bounds of an item's prices.
    ///
    /// # Errors
    /// A least margin of an item whose cost is not known.
    pub fn bounds(&self, basis: &Basis) -> Result<Bounds, Error> {
        let one = millionths(1.0);
        let mut floor = Bound { minor: 1, by: "haggle" };
        let mut ceiling = Bound { minor: PRICE_MINOR_MAX, by: "haggle" };
        let mut raise = |minor: i64, by| {
            if minor > floor.minor {
                floor = Bound { minor, by };
            }
        };
        let mut lower = |minor: i64, by| {
            if minor < ceiling.minor {
                ceiling = Bound { minor, by };
            }
        };
        self.min_price_minor.into_iter().for_each(|price| raise(price, "guardrails.min_price_minor"));
        self.map_minor.into_iter().for_each(|price| raise(price, "guardrails.map_minor"));
        basis.map_minor.into_iter().for_each(|price| raise(price, "item.map_minor"));
        self.max_price_minor.into_iter().for_each(|price| lower(price, "guardrails.max_price_minor"));
        basis
            .compare_at_minor
            .into_iter()
            .for_each(|price| lower(price.saturating_sub(1), "item.compare_at_minor"));
        if let Some(margin) = self.min_margin {
            let Some(cost) = basis.cost_minor else {
                let allowed = "given with guardrails.min_margin: an unknown cost is not a cost of zero";
                return Err(Error::value("item.cost_minor", "missing", allowed));
            };
            let price = basis.tax.gross_up(i128::from(cost) * i128::from(one + millionths(margin)), one);
            raise(price, "guardrails.min_margin");
        }
        if let Some(step) = self.max_step {
            let (price, step) = (i128::from(basis.price_minor), millionths(step));
            let up = price * i128::from(one + step) / i128::from(one);
            let down = (price * i128::from(one - step)).max(0);
            let down = (down + i128::from(one) - 1) / i128::from(one);
            raise(i64::try_from(down).unwrap_or(i64::MAX), "guardrails.max_step");
            lower(i64::try_from(up).unwrap_or(i64::MAX), "guardrails.max_step");
        }
        Ok(Bounds {
            floor,
            ceiling,
            grid_minor: self.grid_minor.unwrap_or(1),
            endings: self.endings.clone(),
            modulus: modulus(basis.currency),
        })
    }
}

impl Bounds {
    /// The same bounds with a floor of at least this, which comes from `by`.
    pub(crate) fn raised(mut self, minor: i64, by: &'static str) -> Self {
        if minor > self.floor.minor {
            self.floor = Bound { minor, by };
        }
        self
    }

    /// The bounds as a snapshot has them.
    ///
    /// # Errors
    /// Names what is out of bounds itself.
    pub(crate) fn new(
        currency: Currency,
        [floor, ceiling]: [i64; 2],
        grid_minor: i64,
        endings: Vec<u16>,
    ) -> Result<Self, Error> {
        let modulus = modulus(currency);
        if floor < 1 || ceiling > PRICE_MINOR_MAX || !(1..=PRICE_MINOR_MAX).contains(&grid_minor) {
            return Err(Error::snapshot("guardrails out of bounds"));
        }
        if endings.len() > ENDINGS_MAX || endings.iter().any(|&ending| i64::from(ending) >= modulus) {
            return Err(Error::snapshot("an ending of prices out of bounds"));
        }
        let (floor, ceiling) =
            (Bound { minor: floor, by: "the floor" }, Bound { minor: ceiling, by: "the ceiling" });
        Ok(Self { floor, ceiling, grid_minor, endings, modulus })
    }

    /// The bounds that guardrails come to for any item: what its prices look like, at any amount.
    pub(crate) fn of_form(guardrails: &Guardrails, currency: Currency) -> Self {
        let (floor, ceiling) =
            (Bound { minor: 1, by: "haggle" }, Bound { minor: PRICE_MINOR_MAX, by: "haggle" });
        let (grid_minor, endings) = (guardrails.grid_minor.unwrap_or(1), guardrails.endings.clone());
        Self { floor, ceiling, grid_minor, endings, modulus: modulus(currency) }
    }

    /// Least price, in minor units.
    pub fn floor_minor(&self) -> i64 {
        self.floor.minor
    }

    /// Largest price, in minor units; below the floor where no price is allowed.
    pub fn ceiling_minor(&self) -> i64 {
        self.ceiling.minor
    }

    /// Prices are multiples of this: 1 where any amount is allowed.
    pub fn grid_minor(&self) -> i64 {
        self.grid_minor
    }

    /// What prices end in: their last two digits, or three in a currency with three minor digits; none allows any.
    pub fn endings(&self) -> &[u16] {
        &self.endings
    }

    /// Whether a price lies within floor and ceiling, grid and endings.
    ///
    /// # Errors
    /// Says which bound the price (`what`) breaks, and what is allowed.
    pub fn check(&self, what: &dyn Fn() -> String, price_minor: i64) -> Result<(), Error> {
        self.check_amount(what, price_minor)?;
        self.check_form(what, price_minor)
    }

    /// Whether a price lies on the grid, and has one of the endings.
    pub(crate) fn check_form(&self, what: &dyn Fn() -> String, price_minor: i64) -> Result<(), Error> {
        let broken = self.broken_by_digits(price_minor);
        broken.map_or(Ok(()), |allowed| Err(Error::value(what(), price_minor, allowed)))
    }

    /// Whether a price lies within floor and ceiling.
    ///
    /// # Errors
    /// Says which bound the price (`what`) breaks, and what is allowed.
    pub fn check_amount(&self, what: &dyn Fn() -> String, price_minor: i64) -> Result<(), Error> {
        let broken = self.broken_by_amount(price_minor);
        broken.map_or(Ok(()), |allowed| Err(Error::value(what(), price_minor, allowed)))
    }

    /// What a price would have to be where it lies below the floor or above the ceiling.
    pub(crate) fn broken_by_amount(&self, price_minor: i64) -> Option<String> {
        let (floor, ceiling) = (self.floor, self.ceiling);
        if price_minor < floor.minor {
            return Some(format!("at least {}, by {}", floor.minor, floor.by));
        }
        (price_minor > ceiling.minor).then(|| format!("at most {}, by {}", ceiling.minor, ceiling.by))
    }

    /// What a price would have to be where it is off the grid or ends in other digits than are allowed.
    pub(crate) fn broken_by_digits(&self, price_minor: i64) -> Option<String> {
        if price_minor % self.grid_minor != 0 {
            return Some(format!("a multiple of {}, by guardrails.grid_minor", self.grid_minor));
        }
        (!self.ends_well(price_minor)).then(|| {
            let endings: Vec<String> = self.endings.iter().map(u16::to_string).collect();
            format!("a price ending in {}, by guardrails.endings", endings.join(", "))
        })
    }

    fn ends_well(&self, price_minor: i64) -> bool {
        let ending = price_minor % self.modulus;
        self.endings.is_empty() || self.endings.iter().any(|&allowed| i64::from(allowed) == ending)
    }
}

fn modulus(currency: Currency) -> i64 {
    if currency.minor_digits() == 3 { 1000 } else { 100 }
}

fn read_amount(amount: Value) -> Result<i64, Error> {
    match amount.integer()? {
        amount @ 1..=PRICE_MINOR_MAX => Ok(amount),
        _ => Err(amount.refusal(format!("1 to {PRICE_MINOR_MAX} minor units"))),
    }
}

fn read_endings(endings: Value, currency: Currency) -> Result<Vec<u16>, Error> {
    let (given, most) = (endings.clone(), modulus(currency) - 1);
    let endings = endings.list()?;
    if !(1..=ENDINGS_MAX).contains(&endings.len()) {
        return Err(given.refusal(format!("1 to {ENDINGS_MAX} endings")));
    }
    let mut read = Vec::with_capacity(endings.len());
    for ending in endings {
        match u16::try_from(ending.integer()?) {
            Ok(number) if i64::from(number) <= most && !read.contains(&number) => read.push(number),
            _ => {
                return Err(
                    ending.refusal(format!("0 to {most}, the last digits of a price, each given once"))
                );
            }
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis() -> Basis {
        Basis {
            currency: "EUR".parse().unwrap(),
            price_minor: 1900,
            cost_minor: Some(800),
            tax: Tax::default(),
            compare_at_minor: None,
            map_minor: None,
        }
    }

    fn refusal(guardrails: &Guardrails, basis: &Basis, price_minor: i64) -> String {
        let bounds = guardrails.bounds(basis).unwrap();
        bounds.check(&|| "price".into(), price_minor).unwrap_err().to_string()
    }

    #[test]
    fn each_guardrail_lets_pass_up_to_its_bound_and_says_what_it_is() {
        let none = Guardrails::default();
        let of = |guardrails: Guardrails| guardrails;
        for (guardrails, within, beyond, why) in [
            (of(none.clone()), 1, 0, "at least 1, by haggle"),
            (of(none.clone()), PRICE_MINOR_MAX, PRICE_MINOR_MAX + 1, "at most 1000000000, by haggle"),
            (
                Guardrails { min_price_minor: Some(1500), ..none.clone() },
                1500,
                1499,
                "at least 1500, by guardrails.min_price_minor",
            ),
            (
                Guardrails { map_minor: Some(1700), min_price_minor: Some(1500), ..none.clone() },
                1700,
                1699,
                "at least 1700, by guardrails.map_minor",
            ),
            (
                Guardrails { max_price_minor: Some(2000), ..none.clone() },
                2000,
                2001,
                "at most 2000, by guardrails.max_price_minor",
            ),
            (
                Guardrails { min_margin: Some(0.1), ..none.clone() },
                880,
                879,
                "at least 880, by guardrails.min_margin",
            ),
            (
                Guardrails { max_step: Some(0.15), ..none.clone() },
                1615,
                1614,
                "at least 1615, by guardrails.max_step",
            ),
            (
                Guardrails { max_step: Some(0.15), ..none.clone() },
                2185,
                2186,
                "at most 2185, by guardrails.max_step",
            ),
            (
                Guardrails { grid_minor: Some(5), ..none.clone() },
                1995,
                1999,
                "a multiple of 5, by guardrails.grid_minor",
            ),
            (
                Guardrails { endings: vec![99, 0], ..none.clone() },
                1999,
                1998,
                "a price ending in 99, 0, by guardrails.endings",
            ),
            (Guardrails { endings: vec![99, 0], ..none.clone() }, 2000, 2010, "ending in 99, 0"),
        ] {
            let bounds = guardrails.bounds(&basis()).unwrap();
            assert_eq!(bounds.check(&|| "price".into(), within), Ok(()), "{guardrails:?}");
            let error = refusal(&guardrails, &basis(), beyond);
            assert!(error.contains(&format!("price is {beyond}; it must be ")), "{error}");
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_margin_is_net_of_the_tax_that_prices_include() {
        let guardrails = Guardrails { min_margin: Some(0.25), ..Guardrails::default() };
        let floor = |tax| guardrails.bounds(&Basis { tax, ..basis() }).unwrap().floor_minor();
        assert_eq!(floor(Tax::default()), 1000);
        assert_eq!(floor(Tax::included(0.19)), 1190);
        // 10.00 net at 7.7 % is 10.77 exactly; at 8.1 % of 9.999... it is rounded up.
        assert_eq!(floor(Tax::included(0.077)), 1077);
        let uneven = Basis { cost_minor: Some(333), tax: Tax::included(0.081), ..basis() };
        assert_eq!(guardrails.bounds(&uneven).unwrap().floor_minor(), 450); // 3.33 x 1.25 x 1.081 = 4.49966
        assert!(uneven.tax.net_minor(450) >= 416);
    }

    #[test]
    fn a_margin_of_an_unknown_cost_is_refused() {
        let guardrails = Guardrails { min_margin: Some(0.0), ..Guardrails::default() };
        let error = guardrails.bounds(&Basis { cost_minor: None, ..basis() }).unwrap_err().to_string();
        assert!(
            error.contains("item.cost_minor is missing") && error.contains("not a cost of zero"),
            "{error}"
        );
    }

    #[test]
    fn a_price_stays_below_the_price_that_is_struck_through() {
        let basis = Basis { compare_at_minor: Some(2500), ..basis() };
        let error = refusal(&Guardrails::default(), &basis, 2500);
        assert!(error.contains("at most 2499, by item.compare_at_minor"), "{error}");
    }

    #[test]
    fn the_minimum_advertised_price_of_an_item_is_a_floor() {
        let guardrails = Guardrails { map_minor: Some(1700), ..Guardrails::default() };
        let higher = Basis { map_minor: Some(1750), ..basis() };
        let error = refusal(&guardrails, &higher, 1749);
        assert!(error.contains("at least 1750, by item.map_minor"), "{error}");
        let lower = Basis { map_minor: Some(1650), ..basis() };
        let error = refusal(&guardrails, &lower, 1649);
        assert!(error.contains("at least 1700, by guardrails.map_minor"), "{error}");
    }

    #[test]
    fn endings_are_three_digits_in_a_currency_with_three_minor_digits() {
        let guardrails = Guardrails { endings: vec![950], ..Guardrails::default() };
        let dinars = Basis { currency: "KWD".parse().unwrap(), ..basis() };
        let bounds = guardrails.bounds(&dinars).unwrap();
        assert!(bounds.check(&String::new, 1950).is_ok() && bounds.check(&String::new, 1050).is_err());
    }

    #[test]
    fn what_cannot_be_a_guardrail_is_refused() {
        let read = |json: &str| {
            let json = crate::json::parse(json).unwrap();
            Guardrails::read(Value::new("guardrails", json), "EUR".parse().unwrap())
        };
        for (json, why) in [
            (r#"{"floor": 1}"#, "field guardrails.floor is not known; it must be one of min_price_minor"),
            (r#"{"map_minor": 0}"#, "guardrails.map_minor is 0; it must be 1 to 1000000000"),
            (r#"{"min_margin": -0.1}"#, "guardrails.min_margin is -0.1; it must be a number from 0 to 100"),
            (r#"{"max_step": 0}"#, "guardrails.max_step is 0; it must be a number from 0.000001 to 10"),
            (r#"{"endings": []}"#, "1 to 10 endings"),
            (r#"{"endings": [100]}"#, "guardrails.endings[0] is 100; it must be 0 to 99"),
            (r#"{"endings": [99, 99]}"#, "guardrails.endings[1] is 99; it must be 0 to 99"),
            (r#"{"grid_minor": "5"}"#, "guardrails.grid_minor is \"5\"; it must be an integer"),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(why), "{json}: {error}");
        }
        let all = r#"{"min_price_minor": 1, "max_price_minor": 2, "map_minor": 3, "min_margin": 0.5, "max_step": 0.1,
                      "grid_minor": 5, "endings": [0, 95]}"#;
        assert_eq!(read(all).unwrap().endings, [0, 95]);
        assert_eq!(read("{}").unwrap(), Guardrails::default());
    }
}
