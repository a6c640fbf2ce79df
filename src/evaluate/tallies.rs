//! TALLIES.json: what an analyst knows of some arms, without an experiment file.
//!
//! ```json
//! {"objective": "revenue", "currency": "EUR", "control": "list",
//!  "arms": [{"name": "list", "price_minor": 1900, "exposures": 80, "conversions": 29},
//!           {"name": "low", "price_minor": 1750, "exposures": 82, "conversions": 33}]}
//! ```

use super::sketch::{Offer, Sketch};
use crate::json::{Fields, Value};
use crate::policy::ARMS_MAX;
use crate::tally::SUM_MAX;
use crate::{
    Cohort, Currency, Error, History, Objective, Period, PolicyChoice, Prior, RewardModel, TOTAL, Tally,
};

const FIELDS: [&str; 11] = [
    "objective",
    "currency",
    "arms",
    "cohorts",
    "prior",
    "control",
    "horizon",
    "stock",
    "holdout",
    "holdout_share",
    "reward_model",
];

/// The sums of one arm, as they stand in the file: `costs_minor` is the sum of costs, `cost_minor` that of one unit.
const SUMS: [&str; 7] =
    ["exposures", "conversions", "units", "revenue_minor", "costs_minor", "revenue_sq", "profit_sq"];

/// Most cohorts of a file: 12 an hour for 90 days.
const COHORTS_MAX: usize = 25_920;

/// What was counted of some arms, and what is asked about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Tallies {
    /// What is maximised.
    pub objective: Objective,
    /// Currency of the amounts, where it was said.
    pub currency: Option<Currency>,
    /// The arms: 2 to 64.
    pub offers: Vec<Offer>,
    /// Sum of each arm over all cohorts, in the order of the arms.
    pub totals: Vec<Tally>,
    /// The cohorts; all sums as one cohort where the file has none.
    pub history: History,
    /// Belief about every arm's conversion rate before any tally; Beta(1, 1) where the file says nothing.
    pub prior: Prior,
    /// What an exposure is taken to be worth; a conversion where the file says nothing.
    pub reward_model: RewardModel,
    /// Place of the control among the arms; the first where the file says nothing.
    pub control: usize,
    /// Share of units in the holdout, out of 65536; 0 where there is none.
    pub holdout_share: u32,
    /// Units to be expected in all.
    pub horizon: Option<u64>,
    /// Pieces that may be sold in all.
    pub stock: Option<i64>,
}

impl Tallies {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed: counts that are no integers, negative or with
    /// more conversions than exposures; an unknown cost under the objective profit; cohorts that do not sum to the
    /// arms; and whatever [`Sketch::experiment`] refuses.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let mut fields = Fields::parse("tallies in JSON", text, &FIELDS)?;
        let objective = fields.take("objective").one_of(&Objective::ALL, Objective::name)?;
        let arms = fields.take("arms").list()?;
        let cohorts = fields.take("cohorts").if_any().map(Value::list).transpose()?;
        let arms = arms.into_iter().map(|arm| read_arm(arm, objective, cohorts.is_some()));
        let (offers, totals): (Vec<Offer>, Vec<Option<Tally>>) =
            arms.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let control = fields.take("control").if_any();
        let control = control.map_or(Ok(0), |control| read_control(&control, &offers))?;
        let Some(of_control) = offers.get(control) else {
            return Err(Error::value("number of arms", offers.len(), format!("2 to {ARMS_MAX}")));
        };
        let holdout =
            fields.take("holdout").if_any().map(|tally| read_tally(tally, of_control)).transpose()?;
        let history = match cohorts {
            Some(cohorts) => read_cohorts(cohorts, &offers, of_control, holdout)?,
            None => pooled(&totals, holdout.unwrap_or_default())?,
        };
        let holdout_share = read_holdout_share(&fields.take("holdout_share"), &history)?;
        let amount = |value: Value| match value.integer()? {
            amount @ 1..=1_000_000_000_000 => Ok(amount),
            _ => Err(value.refusal("1 to 1000000000000")),
        };
        let tallies = Self {
            objective,
            currency: fields.take("currency").if_any().map(|code| code.text()?.parse()).transpose()?,
            totals: checked_totals(&history, &offers, &totals)?,
            prior: fields.take("prior").if_any().map_or(Ok(Prior::default()), Prior::read)?,
            reward_model: fields
                .take("reward_model")
                .if_any()
                .map_or(Ok(RewardModel::Conversion), |model| {
                    model.one_of(&RewardModel::ALL, RewardModel::name)
                })?,
            control,
            holdout_share,
            horizon: fields.take("horizon").if_any().map(amount).transpose()?.map(i64::unsigned_abs),
            stock: fields.take("stock").if_any().map(amount).transpose()?,
            offers,
            history,
        };
        check_prices(objective, &tallies.offers)?;
        // A policy that asks for nothing: what it refuses, every policy would.
        tallies.sketch("fixed".parse()?, 0.0).experiment()?;
        Ok(tallies)
    }

    /// These tallies, put to a policy with this floor.
    pub fn sketch(&self, policy: PolicyChoice, floor: f64) -> Sketch {
        Sketch {
            objective: self.objective,
            offers: self.offers.clone(),
            policy,
            floor,
            prior: self.prior,
            reward_model: self.reward_model,
            horizon: self.horizon,
            stock: self.stock,
        }
    }
}

/// Under revenue and profit two arms of one price are one arm.
fn check_prices(objective: Objective, offers: &[Offer]) -> Result<(), Error> {
    for (place, offer) in offers.iter().enumerate() {
        let equal = offers.iter().take(place).find(|other| other.price_minor == offer.price_minor);
        if let Some(other) = equal.filter(|_| objective != Objective::Conversion) {
            let given = format!("{} in both {} and {}", offer.price_minor, other.name, offer.name);
            let allowed = format!("different in every arm under the objective {}", objective.name());
            return Err(Error::value("price_minor", given, allowed));
        }
    }
    Ok(())
}

/// An arm, and its sums where it has any.
fn read_arm(arm: Value, objective: Objective, has_cohorts: bool) -> Result<(Offer, Option<Tally>), Error> {
    let mut known = vec!["name", "price_minor", "cost_minor"];
    known.extend(SUMS);
    let mut fields = arm.fields(&known)?;
    let (name, price) = (fields.take("name").text()?, fields.take("price_minor"));
    let price_minor = price.integer()?;
    let given = fields.take("cost_minor");
    let cost_minor = given.clone().if_any().map(|cost| cost.integer()).transpose()?;
    if cost_minor.is_some_and(|cost| cost < 0) {
        return Err(given.refusal("0 or more"));
    }
    let value_minor = match (objective, cost_minor) {
        (Objective::Profit, None) => {
            let allowed = "given under the objective profit: an unknown cost is not a cost of zero";
            return Err(given.refusal(allowed));
        }
        (Objective::Profit, Some(cost)) if cost >= price_minor => {
            return Err(price.refusal(format!("above the unit cost of {cost} under the objective profit")));
        }
        (Objective::Profit, Some(cost)) => price_minor - cost,
        _ => price_minor,
    };
    let offer = Offer { name, price_minor, value_minor };
    let counted = fields.take("exposures");
    let tally = match has_cohorts && counted.clone().if_given().is_none() {
        true => None,
        false => Some(tally_of(counted, fields, &offer)?),
    };
    Ok((offer, tally))
}

fn read_tally(tally: Value, offer: &Offer) -> Result<Tally, Error> {
    let mut fields = tally.fields(&SUMS)?;
    tally_of(fields.take("exposures"), fields, offer)
}

fn tally_of(exposures: Value, mut fields: Fields, offer: &Offer) -> Result<Tally, Error> {
    let conversions = fields.take("conversions");
    let count = |value: &Value| match value.integer()? {
        count @ 0..=SUM_MAX => Ok(count),
        _ => Err(value.refusal(format!("an integer from 0 to {SUM_MAX}"))),
    };
    let (exposures, sold) = (count(&exposures)?, count(&conversions)?);
    if sold > exposures {
        return Err(conversions.refusal(format!("at most the number of exposures, {exposures}")));
    }
    let mut given = |name| fields.take(name).if_any();
    let (revenue, costs) = (given("revenue_minor"), given("costs_minor"));
    let (revenue_sq, profit_sq) = (given("revenue_sq"), given("profit_sq"));
    let units = given("units").map_or(Ok(sold), |units| count(&units))?;
    // Where no money was counted, each conversion is one unit at the arm's price and cost.
    let (price, cost) = (offer.price_minor, offer.price_minor - offer.value_minor);
    let sum = |what: &str, value: Option<Value>, each: i64| {
        let sum = value.as_ref().map_or_else(|| Ok(sold.saturating_mul(each)), Value::integer)?;
        if sum.abs() <= SUM_MAX {
            Ok(sum)
        } else {
            Err(Error::value(what, sum, format!("within ±{SUM_MAX}")))
        }
    };
    let square = |value: Option<Value>, each: i64| {
        value.map_or_else(|| Ok(i128::from(sold) * i128::from(each) * i128::from(each)), read_square)
    };
    Ok(Tally {
        exposures,
        conversions: sold,
        rewards: sold,
        units,
        revenue_minor: sum("revenue_minor", revenue, price)?,
        cost_minor: sum("costs_minor", costs, cost)?,
        revenue_sq: square(revenue_sq, price)?,
        profit_sq: square(profit_sq, price - cost)?,
    })
}

/// The holdout's share as an integer; it must be known where anybody was held out.
fn read_holdout_share(share: &Value, history: &History) -> Result<u32, Error> {
    let is_there = history.periods().iter().any(|period| period.holdout.exposures > 0);
    let allowed = "a share from 0 to 0.5, more than 0 where there is a holdout";
    let given = match share.clone().if_any() {
        Some(given) => given.fraction_in(0.0..=0.5, allowed)?,
        None => 0.0,
    };
    let integer = (given * f64::from(TOTAL)).round() as u32;
    if is_there && integer == 0 { Err(share.refusal(allowed)) } else { Ok(integer) }
}

/// A sum of squares: an integer, or one of more than 64 bits as a text.
fn read_square(value: Value) -> Result<i128, Error> {
    let given = match value.integer() {
        Ok(integer) => Some(i128::from(integer)),
        Err(_) => value.clone().text().ok().and_then(|text| text.parse().ok()),
    };
    let allowed = "an integer of 0 or more, as a text where it has more than 64 bits";
    given.filter(|square| *square >= 0).ok_or_else(|| value.refusal(allowed))
}

fn read_control(control: &Value, offers: &[Offer]) -> Result<usize, Error> {
    let name = control.clone().text()?;
    let names = || offers.iter().map(|offer| offer.name.as_str()).collect::<Vec<_>>().join(", ");
    let place = offers.iter().position(|offer| offer.name == name);
    place.ok_or_else(|| control.refusal(format!("one of {}", names())))
}

fn pooled(totals: &[Option<Tally>], holdout: Tally) -> Result<History, Error> {
    let arms = totals.iter().map(|tally| tally.unwrap_or_default()).collect();
    History::new(vec![Period { cohort: Cohort { epoch: 1, hour: 0 }, shares: Vec::new(), arms, holdout }])
}

fn read_cohorts(
    cohorts: Vec<Value>,
    offers: &[Offer],
    of_control: &Offer,
    holdout: Option<Tally>,
) -> Result<History, Error> {
    let arms = offers.len();
    if holdout.is_some() {
        return Err(Error::value(
            "holdout",
            "given beside cohorts",
            "in each cohort, where there are cohorts",
        ));
    }
    if !(1..=COHORTS_MAX).contains(&cohorts.len()) {
        return Err(Error::value("number of cohorts", cohorts.len(), format!("1 to {COHORTS_MAX}")));
    }
    let read = |cohort: Value| {
        let mut fields = cohort.fields(&["epoch", "hour", "shares", "arms", "holdout"])?;
        let (epoch, hour) = (fields.take("epoch").count()?, fields.take("hour").count()?);
        let tallies = fields.take("arms");
        let given = tallies.clone().list()?;
        if given.len() != arms {
            return Err(tallies.refusal(format!("a list of {arms} tallies, one for each arm")));
        }
        let tallied = given.into_iter().zip(offers).map(|(tally, offer)| read_tally(tally, offer));
        Ok(Period {
            cohort: Cohort { epoch, hour },
            shares: fields.take("shares").if_any().map_or(Ok(Vec::new()), |list| read_shares(list, arms))?,
            arms: tallied.collect::<Result<_, _>>()?,
            holdout: fields
                .take("holdout")
                .if_any()
                .map_or(Ok(Tally::default()), |tally| read_tally(tally, of_control))?,
        })
    };
    History::new(cohorts.into_iter().map(read).collect::<Result<_, Error>>()?)
}

fn read_shares(given: Value, arms: usize) -> Result<Vec<u32>, Error> {
    let shares: Vec<u32> = given.clone().list()?.iter().map(Value::count).collect::<Result<_, _>>()?;
    let sum: u64 = shares.iter().map(|&share| u64::from(share)).sum();
    if shares.len() == arms && sum == u64::from(TOTAL) {
        return Ok(shares);
    }
    Err(given.refusal(format!("{arms} shares that sum to {TOTAL}")))
}

/// The sums of the history, if they are those that the arms give by themselves.
fn checked_totals(history: &History, offers: &[Offer], given: &[Option<Tally>]) -> Result<Vec<Tally>, Error> {
    let totals = history.arm_totals()?;
    for ((offer, given), total) in offers.iter().zip(given).zip(&totals) {
        for (what, given, sum) in given.iter().flat_map(|given| {
            [
                ("exposures", given.exposures, total.exposures),
                ("conversions", given.conversions, total.conversions),
            ]
        }) {
            if given != sum {
                let allowed = format!("the sum over its cohorts, {sum}");
                return Err(Error::value(format!("{what} of arm {}", offer.name), given, allowed));
            }
        }
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = r#"{"objective": "profit", "currency": "EUR", "control": "low",
        "prior": {"alpha": 2, "beta": 8}, "horizon": 10000, "stock": 500, "holdout": {"exposures": 9, "conversions": 1},
        "holdout_share": 0.05,
        "arms": [{"name": "list", "price_minor": 1900, "cost_minor": 800, "exposures": 80, "conversions": 29},
                 {"name": "low", "price_minor": 1750, "cost_minor": 700, "exposures": 82, "conversions": 33,
                  "revenue_minor": 57750, "revenue_sq": "99999999999999999999"}]}"#;

    const COHORTS: &str = r#"{"objective": "conversion", "holdout_share": 0.1,
        "arms": [{"name": "a", "price_minor": 5, "exposures": 30, "conversions": 3},
                 {"name": "b", "price_minor": 5}],
        "cohorts": [{"epoch": 2, "hour": 7, "shares": [40000, 25536],
                     "arms": [{"exposures": 10, "conversions": 1}, {"exposures": 5, "conversions": 0}]},
                    {"epoch": 1, "hour": 7, "holdout": {"exposures": 3, "conversions": 0},
                     "arms": [{"exposures": 20, "conversions": 2}, {"exposures": 25, "conversions": 4}]}]}"#;

    fn refusal(text: &str, from: &str, to: &str) -> String {
        assert!(text.contains(from), "{from}");
        Tallies::from_json(&text.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn tallies_become_the_posterior_of_each_arm() {
        let tallies = Tallies::from_json(TEXT).unwrap();
        assert_eq!((tallies.control, tallies.totals[1].revenue_sq), (1, 99_999_999_999_999_999_999));
        assert_eq!(
            (tallies.totals[0].revenue_minor, tallies.totals[0].profit_minor()),
            (29 * 1900, 29 * 1100)
        );
        assert_eq!((tallies.totals[1].profit_sq, tallies.holdout_share), (33 * 1050 * 1050, 3277));
        let sketch = tallies.sketch("thompson".parse().unwrap(), 0.02);
        let input = sketch.input(&tallies.history).unwrap();
        let posterior = input.arms()[1].posterior;
        assert_eq!((posterior.alpha(), posterior.beta(), posterior.value_minor()), (35.0, 57.0, 1050));
        assert_eq!((input.arms()[0].price_minor, input.floor(), input.horizon), (1900, 1311, Some(10_000)));
        assert_eq!(input.stock.map(|stock| (stock.pieces, stock.units)), Some((437.0, 9829.0)));
    }

    #[test]
    fn cohorts_stand_in_the_order_of_time_and_sum_up() {
        let tallies = Tallies::from_json(COHORTS).unwrap();
        let epochs: Vec<u32> = tallies.history.periods().iter().map(|period| period.cohort.epoch).collect();
        assert_eq!(epochs, [1, 2]);
        assert_eq!(tallies.totals[1].conversions, 4);
        for (from, to, why) in [
            (
                "\"exposures\": 30",
                "\"exposures\": 31",
                "exposures of arm a is 31; it must be the sum over its cohorts, 30",
            ),
            ("25536]", "25535]", "cohorts[0].shares is a list; it must be 2 shares that sum to 65536"),
            (
                ", {\"exposures\": 5, \"conversions\": 0}",
                "",
                "cohorts[0].arms is a list; it must be a list of 2",
            ),
            ("\"epoch\": 1", "\"epoch\": -1", "cohorts[1].epoch is -1"),
            (
                "\"objective\"",
                "\"holdout\": {\"exposures\": 1, \"conversions\": 0}, \"objective\"",
                "in each cohort",
            ),
        ] {
            let error = refusal(COHORTS, from, to);
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn each_refusal_says_what_was_given_and_what_is_allowed() {
        for (from, to, why) in [
            ("\"exposures\": 80", "\"exposures\": NaN", "not tallies in JSON: expected a value at line 4"),
            (
                "\"exposures\": 80",
                "\"exposures\": \"80\"",
                "arms[0].exposures is \"80\"; it must be an integer",
            ),
            ("\"exposures\": 80", "\"exposures\": 8e1", "arms[0].exposures is 8e1; it must be an integer"),
            (
                "\"exposures\": 80",
                "\"exposures\": 28",
                "arms[0].conversions is 29; it must be at most the number of exposures, 28",
            ),
            (
                "\"exposures\": 80",
                "\"exposures\": -80",
                "arms[0].exposures is -80; it must be an integer from 0",
            ),
            ("\"conversions\": 29", "\"conversions\": -29", "arms[0].conversions is -29"),
            ("\"exposures\": 80", "\"exposures\": 9007199254740993", "9007199254740991"),
            ("\"price_minor\": 1750", "\"price_minor\": 1900", "price_minor is 1900 in both list and low"),
            (
                "\"price_minor\": 1750",
                "\"price_minor\": 600",
                "arms[1].price_minor is 600; it must be above the unit cost of 700",
            ),
            ("\"price_minor\": 1750", "\"price_minor\": 1750000000000", "price_minor of arm low"),
            (
                "\"cost_minor\": 800, ",
                "",
                "arms[0].cost_minor is missing; it must be given under the objective profit",
            ),
            ("\"cost_minor\": 800", "\"cost_minor\": -1", "arms[0].cost_minor is -1; it must be 0 or more"),
            ("\"name\": \"low\"", "\"name\": \"list\"", "control is \"low\"; it must be one of list, list"),
            ("\"alpha\": 2", "\"alpha\": 0", "prior.alpha is 0"),
            (
                "\"profit\"",
                "\"margin\"",
                "objective is \"margin\"; it must be one of conversion, revenue, profit",
            ),
            ("\"horizon\": 10000", "\"horizon\": 0", "horizon is 0; it must be 1 to 1000000000000"),
            ("\"EUR\"", "\"euro\"", "currency is \"euro\""),
            (
                "\"holdout_share\": 0.05,",
                "",
                "holdout_share is missing; it must be a share from 0 to 0.5, more than 0",
            ),
            ("0.05", "0.6", "holdout_share is 0.6"),
            ("\"stock\"", "\"stocks\"", "field stocks is not known; it must be one of objective"),
            ("\"99999999999999999999\"", "-1", "arms[1].revenue_sq is -1"),
        ] {
            let error = refusal(TEXT, from, to);
            assert!(error.contains(why), "{to}: {error}");
        }
        for arms in ["[]", r#"[{"name": "a", "price_minor": 5, "exposures": 1, "conversions": 0}]"#] {
            let text = format!("{{\"objective\": \"revenue\", \"arms\": {arms}}}");
            let error = Tallies::from_json(&text).unwrap_err().to_string();
            assert!(error.starts_with("number of arms is ") && error.ends_with("2 to 64"), "{error}");
        }
    }

    #[test]
    fn equal_prices_are_refused_only_where_prices_matter() {
        let tallies = Tallies::from_json(COHORTS).unwrap();
        let of = |name: &str| tallies.sketch(name.parse().unwrap(), 0.0).input(&tallies.history);
        assert!(of("thompson").is_ok());
        let error = of("monotone_thompson").unwrap_err().to_string();
        assert!(error.contains("5 in both a and b; it must be different in every arm"), "{error}");
        assert!(refusal(COHORTS, "conversion", "revenue").contains("under the objective revenue"));
        let error = of("exp3_ix").unwrap_err().to_string();
        assert_eq!(error, "horizon is missing; it must be given for the policy exp3_ix");
        let error = tallies.sketch("thompson".parse().unwrap(), 0.6).experiment().unwrap_err().to_string();
        assert_eq!(error, "floor is 0.6; it must be a share from 0 to 1/2 with 2 arms");
        assert!(tallies.sketch("thompson".parse().unwrap(), f64::NAN).experiment().is_err());
    }

    proptest! {
        /// Also texts that are nearly right: one piece of a good text cut out and something put in its place.
        #[test]
        fn any_text_is_read_or_refused(
            text in ".{0,60}", at in 0..700_usize, cut in 0..12_usize, with in r#"[\[\]{}:,"0-9eE.a-z-]{0,4}"#,
        ) {
            let from = at.min(TEXT.len());
            let near = format!("{}{with}{}", &TEXT[..from], &TEXT[(from + cut).min(TEXT.len())..]);
            for text in [text, near] {
                if let Ok(tallies) = Tallies::from_json(&text) {
                    prop_assert!(tallies.sketch("thompson".parse().unwrap(), 0.0).input(&tallies.history).is_ok());
                }
            }
        }

        #[test]
        fn any_counts_are_read_or_refused(n in any::<i64>(), s in any::<i64>(), price in any::<i64>(), cost in any::<i64>()) {
            let text = TEXT.replace(": 82", &format!(": {n}")).replace(": 33", &format!(": {s}"));
            let text = text.replace(": 1750", &format!(": {price}")).replace(": 700", &format!(": {cost}"));
            if let Ok(tallies) = Tallies::from_json(&text) {
                prop_assert!(0 <= s && s <= n && 0 <= cost && cost < price);
                prop_assert!(tallies.sketch("thompson".parse().unwrap(), 0.0).input(&tallies.history).is_ok());
            }
        }
    }
}
