//! Reading an environment is validating it: TOML and JSON are one document, read by the same rules.

use super::{Change, Delay, Edges, Environment, HORIZON_MAX, LIST_MAX, Replacement, TrueArm};
use crate::error::decimal;
use crate::experiment::HOLDOUT;
use crate::inference::Rules;
use crate::json::{Fields, Value};
use crate::money::PRICE_MINOR_MAX;
use crate::policy::ARMS_MAX;
use crate::simulate::wait::Wait;
use crate::{DelayCorrection, Error, Objective, Prior};

const FIELDS: [&str; 14] = [
    "objective",
    "currency",
    "horizon",
    "feedback_every",
    "floor",
    "holdout",
    "prior",
    "arms",
    "delay",
    "changes",
    "replacement",
    "inventory",
    "edges",
    "stop",
];

/// Longest mean, window and value of a delay, in units.
const WAIT_MAX: u64 = 1_000_000_000;

impl Environment {
    /// Reads and validates an environment written in TOML.
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        const WHAT: &str = "an environment in TOML";
        let table: toml::Table =
            toml::from_str(text).map_err(|why| Error::syntax(WHAT, why.to_string().trim_end()))?;
        Self::read(Fields::of(WHAT, crate::experiment::json_of(toml::Value::Table(table)), &FIELDS)?)
    }

    /// Reads and validates an environment written in JSON.
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        Self::read(Fields::parse("an environment in JSON", text, &FIELDS)?)
    }

    fn read(mut fields: Fields) -> Result<Self, Error> {
        let objective = fields.take("objective").one_of(&Objective::ALL, Objective::name)?;
        let horizon = units(&fields.take("horizon"), 1, HORIZON_MAX)?;
        let feedback_every = fields.take("feedback_every").if_given();
        let feedback_every = feedback_every.map_or(Ok(1), |every| units(&every, 1, horizon))?;
        let currency = fields.take("currency").if_given().map_or_else(|| Ok("EUR".into()), Value::text)?;
        let arms = read_arms(fields.take("arms"), objective)?;
        let count = arms.len();
        // Four decimals of one over the count.
        let floor_allowed = format!("a share from 0 to 0.{:04} with {count} arms", 10_000 / count);
        let share = |share: Value, most: f64, allowed: &str| {
            share.if_given().map_or(Ok(0.0), |share| share.fraction_in(0.0..=most, allowed))
        };
        let changes = fields.take("changes").if_given();
        let edges = fields.take("edges").if_given();
        let stop = fields.take("stop").if_given();
        Ok(Self {
            objective,
            currency: currency.parse()?,
            horizon,
            feedback_every,
            floor: share(fields.take("floor"), 1.0 / count as f64, &floor_allowed)?,
            holdout: share(fields.take("holdout"), 0.5, "a share from 0 to 0.5")?,
            prior: fields.take("prior").if_given().map_or(Ok(Prior::default()), Prior::read)?,
            changes: changes.map_or(Ok(Vec::new()), |list| read_changes(list, &arms, horizon))?,
            delay: fields.take("delay").if_given().map(|delay| Delay::read(delay, horizon)).transpose()?,
            replacement: fields.take("replacement").if_given().map(Replacement::read).transpose()?,
            inventory: fields.take("inventory").if_given().map(read_inventory).transpose()?,
            edges: edges.map_or(Ok(Edges { count: 1, stale_units: 0 }), Edges::read)?,
            stop: stop.map(read_stop).transpose()?,
            arms,
        })
    }
}

/// A whole number of units within bounds.
fn units(value: &Value, least: u64, most: u64) -> Result<u64, Error> {
    let given = u64::try_from(value.integer()?).ok();
    given
        .filter(|given| (least..=most).contains(given))
        .ok_or_else(|| value.refusal(format!("{least} to {most}")))
}

fn rate(value: &Value) -> Result<f64, Error> {
    value.fraction_in(0.0..=1.0, "a rate from 0 to 1")
}

pub(in crate::simulate) fn read_arms(list: Value, objective: Objective) -> Result<Vec<TrueArm>, Error> {
    let list = list.list()?;
    if !(2..=ARMS_MAX).contains(&list.len()) {
        return Err(Error::value("number of arms", list.len(), format!("2 to {ARMS_MAX}")));
    }
    let mut arms: Vec<TrueArm> = Vec::with_capacity(list.len());
    for arm in list {
        let arm = TrueArm::read(arm, objective)?;
        if arms.iter().any(|other| other.name == arm.name) {
            let given = format!("{:?} twice", arm.name);
            return Err(Error::value("arm name", given, "different in every arm"));
        }
        arms.push(arm);
    }
    Ok(arms)
}

impl TrueArm {
    fn read(arm: Value, objective: Objective) -> Result<Self, Error> {
        let mut fields = arm.fields(&["name", "price_minor", "cost_minor", "rate"])?;
        let (name, price, cost) =
            (fields.take("name"), fields.take("price_minor"), fields.take("cost_minor"));
        let text = name.clone().text()?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&text.len()) || !text.bytes().all(plain) || text == HOLDOUT {
            return Err(name.refusal("1 to 32 small letters, digits and hyphens, and not holdout"));
        }
        let price_minor = units(&price, 1, PRICE_MINOR_MAX.unsigned_abs())? as i64;
        let cost_minor = match cost.clone().if_given() {
            Some(cost) => Some(units(&cost, 0, PRICE_MINOR_MAX.unsigned_abs())? as i64),
            None => None,
        };
        match objective.value_minor(price_minor, cost_minor) {
            None => {
                Err(cost.refusal("given under the profit objective: an unknown cost is not a cost of zero"))
            }
            Some(value) if value < 1 => Err(price.refusal("above the unit cost under the profit objective")),
            Some(_) => Ok(Self { name: text, price_minor, cost_minor, rate: rate(&fields.take("rate"))? }),
        }
    }
}

fn read_changes(list: Value, arms: &[TrueArm], horizon: u64) -> Result<Vec<Change>, Error> {
    let list = list.list()?;
    if list.len() > LIST_MAX {
        return Err(Error::value("number of changes", list.len(), format!("at most {LIST_MAX}")));
    }
    let mut changes = Vec::with_capacity(list.len());
    for change in list {
        let mut fields = change.fields(&["at", "arm", "rate"])?;
        let arm = fields.take("arm");
        let name = arm.clone().text()?;
        let Some(place) = arms.iter().position(|arm| arm.name == name) else {
            let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
            return Err(arm.refusal(format!("one of {}", names.join(", "))));
        };
        let at = units(&fields.take("at"), 0, horizon)?;
        changes.push(Change { at, arm: place, rate: rate(&fields.take("rate"))? });
    }
    // Stable: of two changes at once the later in the file holds.
    changes.sort_by_key(|change| change.at);
    Ok(changes)
}

impl Delay {
    fn read(delay: Value, horizon: u64) -> Result<Self, Error> {
        let known = ["distribution", "mean", "sigma", "values", "weights", "window", "correction"];
        let mut fields = delay.fields(&known)?;
        let correction = fields.take("correction").if_given();
        let window = fields.take("window").if_given();
        Ok(Self {
            window: window.map_or(Ok(horizon), |window| units(&window, 1, WAIT_MAX))?,
            correction: correction.map_or(Ok(DelayCorrection::Weighted), |correction| {
                correction.one_of(&DelayCorrection::ALL, DelayCorrection::name)
            })?,
            wait: Wait::read(fields)?,
        })
    }
}

impl Wait {
    fn read(mut fields: Fields) -> Result<Self, Error> {
        let given = fields.take("distribution");
        let name = given.clone().text()?;
        let known: &[&str] = match name.as_str() {
            "exponential" | "geometric" => &["mean"],
            "lognormal" => &["mean", "sigma"],
            "empirical" => &["values", "weights"],
            _ => return Err(given.refusal("one of exponential, geometric, lognormal, empirical")),
        };
        let mut fields = fields.only(known)?;
        if name == "empirical" {
            return Self::read_empirical(fields);
        }
        let allowed = "a number from 0.001 to 1000000000";
        let mean = fields.take("mean").fraction_in(1e-3..=WAIT_MAX as f64, allowed)?;
        Ok(match name.as_str() {
            "exponential" => Self::Exponential { mean },
            "geometric" => Self::Geometric { mean },
            _ => {
                let sigma = |given: Value| given.fraction_in(1e-3..=10.0, "a number from 0.001 to 10");
                let sigma = fields.take("sigma").if_given().map_or(Ok(1.0), sigma)?;
                Self::Lognormal { mean, sigma }
            }
        })
    }

    fn read_empirical(mut fields: Fields) -> Result<Self, Error> {
        let values = fields.take("values").list()?;
        if !(1..=LIST_MAX).contains(&values.len()) {
            return Err(Error::value("number of delay.values", values.len(), format!("1 to {LIST_MAX}")));
        }
        let values = values.iter().map(|value| units(value, 0, WAIT_MAX)).collect::<Result<Vec<_>, _>>()?;
        let weight = |weight: &Value| weight.fraction_in(0.0..=1e9, "a number from 0 to 1000000000");
        let weights = match fields.take("weights").if_given() {
            Some(weights) => weights.list()?.iter().map(weight).collect::<Result<Vec<_>, _>>()?,
            None => vec![1.0; values.len()],
        };
        if weights.len() != values.len() {
            let allowed = format!("one for each of the {} delay.values", values.len());
            return Err(Error::value("number of delay.weights", weights.len(), allowed));
        }
        let sum: f64 = weights.iter().sum();
        if sum <= 0.0 {
            return Err(Error::value("sum of delay.weights", decimal(sum), "more than 0"));
        }
        Ok(Self::empirical(values, &weights))
    }
}

impl Replacement {
    fn read(replacement: Value) -> Result<Self, Error> {
        let mut fields = replacement.fields(&["probability", "alpha", "beta"])?;
        let mut parameter = |name| fields.take(name).fraction_in(0.01..=1e6, "a number from 0.01 to 1000000");
        let (alpha, beta) = (parameter("alpha")?, parameter("beta")?);
        let probability = fields.take("probability").fraction_in(0.0..=1.0, "a probability from 0 to 1")?;
        Ok(Self { probability, alpha, beta })
    }
}

/// The rules by which a run is decided; those of reports where nothing is said.
fn read_stop(stop: Value) -> Result<Rules, Error> {
    let mut fields = stop.fields(&["p_best", "expected_loss_minor", "value_remaining", "orders_per_arm"])?;
    let mut number = |name, default, range, allowed| {
        fields.take(name).if_given().map_or(Ok(default), |given| given.fraction_in(range, allowed))
    };
    let rules = Rules::default();
    Ok(Rules {
        p_best: number("p_best", rules.p_best, 0.5..=1.0, "a probability from 0.5 to 1")?,
        loss_minor: number(
            "expected_loss_minor",
            rules.loss_minor,
            0.0..=1e9,
            "a number from 0 to 1000000000",
        )?,
        value_remaining: number("value_remaining", rules.value_remaining, 0.0..=1.0, "a part from 0 to 1")?,
        orders_per_arm: number(
            "orders_per_arm",
            rules.orders_per_arm,
            0.0..=1e6,
            "a number from 0 to 1000000",
        )?,
    })
}

fn read_inventory(inventory: Value) -> Result<i64, Error> {
    let mut fields = inventory.fields(&["units"])?;
    Ok(units(&fields.take("units"), 1, 1_000_000_000_000)? as i64)
}

impl Edges {
    fn read(edges: Value) -> Result<Self, Error> {
        let mut fields = edges.fields(&["count", "stale_units"])?;
        let count = units(&fields.take("count"), 1, LIST_MAX as u64)? as usize;
        let stale = fields.take("stale_units").if_given();
        let stale_units = stale.map_or(Ok(0), |stale| units(&stale, 0, HORIZON_MAX))?;
        Ok(Self { count, stale_units })
    }
}
