//! Reading an experiment is validating it: TOML and JSON are one document, read by the same rules.

use super::{
    Arm, DelayCorrection, Experiment, Goods, HOLDOUT, Item, NEGATIVE, Objective, PolicyChoice, StopRule, Unit,
};
use crate::error::decimal;
use crate::guardrail::Guardrails;
use crate::json::{Fields, Json, Value};
use crate::money::{PRICE_MINOR_MAX, Tax};
use crate::policy::{ARMS_MAX, PRESETS};
use crate::{Error, Policy, Prior, RewardModel};

pub(super) const FIELDS: [&str; 21] = [
    "name",
    "hypothesis",
    "document",
    "objective",
    "currency",
    "holdout",
    "floor",
    "reward_window_hours",
    "salt",
    "control",
    "policy",
    "prior",
    "reward_model",
    "delay",
    "horizon",
    "stock",
    "unit",
    "personal_data",
    "guardrails",
    "item",
    "arms",
];

/// The same document in JSON, so that both are read by the same rules.
#[cfg(feature = "toml")]
pub(crate) fn json_of(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => Json::Text(text),
        toml::Value::Integer(number) => Json::Number(number.to_string()),
        toml::Value::Float(number) => Json::Number(format!("{number:?}")),
        toml::Value::Boolean(value) => Json::Bool(value),
        toml::Value::Datetime(time) => Json::Text(time.to_string()),
        toml::Value::Array(values) => Json::List(values.into_iter().map(json_of).collect()),
        toml::Value::Table(fields) => {
            Json::Object(fields.into_iter().map(|(name, value)| (name, json_of(value))).collect())
        }
    }
}

impl Experiment {
    pub(super) fn read(mut fields: Fields) -> Result<Self, Error> {
        let mut text = |name| fields.take(name).text();
        let (name, hypothesis, document) = (text("name")?, text("hypothesis")?, text("document")?);
        let (currency, salt, control) = (text("currency")?.parse()?, text("salt")?, text("control")?);
        fields.take("unit").if_given().map_or(Ok(()), check_unit)?;
        check_name("name", &name)?;
        check_length("hypothesis", &hypothesis, 2000)?;
        check_document(&document)?;
        check_length("salt", &salt, 64)?;
        let arms = fields.take("arms").list()?.into_iter().map(Arm::read).collect::<Result<Vec<_>, _>>()?;
        let (holdout, floor) = (fields.take("holdout").if_given(), fields.take("floor").if_given());
        // Errors below speak of the number of arms.
        if !(2..=ARMS_MAX).contains(&arms.len()) {
            return Err(Error::value("number of arms", arms.len(), format!("2 to {ARMS_MAX}")));
        }
        let least_share = |floor: Value| {
            let count = arms.len();
            // Four decimals of one over the count.
            let allowed = format!("a share from 0 to 0.{:04} with {count} arms", 10_000 / count);
            floor.fraction_in(0.0..=1.0 / count as f64, &allowed)
        };
        let share = |holdout: Value| holdout.fraction_in(0.0..=0.5, "a share from 0 to 0.5");
        let experiment = Self {
            name,
            hypothesis,
            document,
            objective: fields.take("objective").one_of(&Objective::ALL, Objective::name)?,
            currency,
            holdout: holdout.map_or(Ok(0.1), share)?,
            floor: floor.map_or(Ok(0.02), least_share)?,
            reward_window_hours: fields
                .take("reward_window_hours")
                .if_given()
                .map_or(Ok(168), read_window)?,
            salt,
            control,
            policy: PolicyChoice::read(fields.take("policy"), arms.len())?,
            prior: fields.take("prior").if_given().map_or(Ok(Prior::default()), Prior::read)?,
            reward_model: fields
                .take("reward_model")
                .if_given()
                .map_or(Ok(RewardModel::Conversion), |model| {
                    model.one_of(&RewardModel::ALL, RewardModel::name)
                })?,
            delay: fields.take("delay").if_given().map_or(Ok(DelayCorrection::Weighted), |delay| {
                delay.one_of(&DelayCorrection::ALL, DelayCorrection::name)
            })?,
            horizon: fields.take("horizon").if_any().map(read_amount).transpose()?.map(i64::unsigned_abs),
            stock: fields.take("stock").if_any().map(read_amount).transpose()?,
            personal_data: fields.take("personal_data").if_given().map_or(Ok(false), |said| said.truth())?,
            guardrails: fields
                .take("guardrails")
                .if_any()
                .map_or(Ok(Guardrails::default()), |guardrails| Guardrails::read(guardrails, currency))?,
            goods: Goods::Item(Item::read(fields.take("item"))?),
            arms,
            author: String::new(),
            start_ms: None,
            end_ms: None,
            unit: Unit::Visitor,
            families: false,
            period_hours: None,
            washout_hours: 0,
            stop: StopRule { expected_loss_minor: None, min_weeks: 0 },
        };
        experiment.item().map_or(Ok(()), check_item)?;
        check_arms(&experiment)?;
        check_guardrails(&experiment)?;
        check_policy(&experiment)?;
        Ok(experiment)
    }
}

fn read_amount(amount: Value) -> Result<i64, Error> {
    match amount.integer()? {
        amount @ 1..=1_000_000_000_000 => Ok(amount),
        _ => Err(amount.refusal("1 to 1000000000000")),
    }
}

/// What the policy needs to know is there.
pub(crate) fn check_policy(experiment: &Experiment) -> Result<(), Error> {
    let policy = experiment.policy.name;
    let missing =
        |what: &str| Err(Error::value(what, "missing", format!("given for the policy {}", policy.name())));
    if policy.needs_horizon() && experiment.horizon.is_none() {
        return missing("horizon");
    }
    if policy.needs_stock() && experiment.stock.is_none() {
        return missing("stock");
    }
    if experiment.reward_model != RewardModel::Conversion && !policy.suits_any_reward() {
        let allowed = format!("conversion for the policy {}", policy.name());
        return Err(Error::value("reward_model", experiment.reward_model.name(), allowed));
    }
    if experiment.reward_model != RewardModel::Conversion && experiment.objective == Objective::Conversion {
        let allowed = "conversion for the objective conversion";
        return Err(Error::value("reward_model", experiment.reward_model.name(), allowed));
    }
    Ok(())
}

fn read_window(hours: Value) -> Result<u32, Error> {
    match hours.integer()? {
        hours @ 1..=2160 => Ok(hours as u32),
        _ => Err(hours.refusal("1 to 2160 (90 days)")),
    }
}

impl Arm {
    fn read(arm: Value) -> Result<Self, Error> {
        let mut fields = arm.fields(&["name", "price_minor"])?;
        let (name, price_minor) = (fields.take("name").text()?, fields.take("price_minor").integer()?);
        Ok(Self::at(&name, price_minor))
    }
}

impl Item {
    fn read(item: Value) -> Result<Self, Error> {
        let mut fields = item.fields(&[
            "sku",
            "price_minor",
            "cost_minor",
            "price_includes_tax",
            "tax_rate",
            "compare_at_minor",
        ])?;
        Ok(Self {
            tax: read_tax(fields.take("price_includes_tax"), fields.take("tax_rate"))?,
            compare_at_minor: fields
                .take("compare_at_minor")
                .if_any()
                .map(|price| price.integer())
                .transpose()?,
            sku: fields.take("sku").text()?,
            price_minor: fields.take("price_minor").integer()?,
            cost_minor: fields.take("cost_minor").if_any().map(|cost| cost.integer()).transpose()?,
        })
    }
}

/// An unknown rate is not a rate of zero, and a rate says nothing without knowing whether prices include it.
fn read_tax(price_includes_tax: Value, tax_rate: Value) -> Result<Tax, Error> {
    let rate = |rate: &Value| rate.fraction_in(0.0..=1.0, "a share from 0 to 1, such as 0.19");
    match (price_includes_tax.clone().if_any(), tax_rate.clone().if_any()) {
        (None, None) => Ok(Tax::default()),
        (None, Some(_)) => Err(price_includes_tax.refusal("given with a tax_rate: true or false")),
        (Some(included), given) => match (included.truth()?, given) {
            (true, None) => Err(tax_rate.refusal("given where prices include tax, such as 0.19")),
            (true, Some(given)) => Ok(Tax::included(rate(&given)?)),
            (false, given) => {
                given.map_or(Ok(0.0), |given| rate(&given))?;
                Ok(Tax::default())
            }
        },
    }
}

impl std::str::FromStr for PolicyChoice {
    type Err = Error;

    /// A policy as it is written on the command line: `softmax` or `softmax:temperature=0.2`, with commas between
    /// parameters; a fixed split of shares of its own is `fixed:shares=0.5/0.3/0.2`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let mut fields = vec![("name".to_owned(), Json::Text(name.into()))];
        let mut arms = 0;
        for setting in settings.split(',').filter(|_| !settings.is_empty()) {
            let Some((parameter, value)) = setting.split_once('=') else {
                return Err(Error::value("policy", format!("{text:?}"), "a name, or name:parameter=number"));
            };
            if fields.iter().any(|(known, _)| known == parameter) {
                return Err(Error::value(format!("policy.{parameter}"), "given twice", "given once"));
            }
            // Numbers only, as JSON has them: a text would be a quoted one.
            let number = |text: &str| crate::json::parse(text).unwrap_or_else(|_| Json::Text(text.into()));
            let value = if parameter == "shares" {
                let shares: Vec<Json> = value.split('/').map(number).collect();
                arms = shares.len();
                Json::List(shares)
            } else {
                number(value)
            };
            fields.push((parameter.into(), value));
        }
        Self::read(Value::new("policy", Json::Object(fields)), arms)
    }
}

impl PolicyChoice {
    fn read(policy: Value, arms: usize) -> Result<Self, Error> {
        let mut fields = policy.any_fields()?;
        let given = fields.take("name");
        let name = given.clone().text()?;
        let Some(name) = Policy::from_name(&name) else {
            let names: Vec<&str> = Policy::ALL.into_iter().map(Policy::name).chain(PRESETS).collect();
            return Err(given.refusal(format!("one of {}", names.join(", "))));
        };
        let mut known: Vec<&str> = name.parameters().iter().map(|parameter| parameter.name).collect();
        known.extend(["name", "shares"]);
        let mut fields = fields.only(&known)?;
        let parameters = name.parameters().iter().map(|parameter| {
            fields.take(parameter.name).if_given().map_or(Ok(parameter.default), |value| {
                let allowed =
                    format!("a number from {} to {}", decimal(parameter.least), decimal(parameter.most));
                value.fraction_in(parameter.least..=parameter.most, &allowed)
            })
        });
        let parameters = parameters.collect::<Result<Vec<_>, _>>()?;
        let Some(shares) = fields.take("shares").if_any() else {
            return Ok(Self { name, parameters, shares: None });
        };
        if name != Policy::Fixed {
            let allowed = "left out: only the policy fixed has shares of its own";
            return Err(Error::value("policy.shares", "given", allowed));
        }
        let shares = shares.list()?;
        check_shares(shares.len(), arms)?;
        let share = |share: Value| share.fraction_in(0.0..=1.0, "a share from 0 to 1");
        let shares = shares.into_iter().map(share).collect::<Result<Vec<_>, _>>()?;
        let sum: f64 = shares.iter().sum();
        if (sum - 1.0).abs() > 1e-6 {
            return Err(Error::value("sum of policy.shares", decimal(sum), "1"));
        }
        Ok(Self { name, parameters, shares: Some(shares) })
    }

    /// Whether the shares that were given, if any, are those of so many arms.
    pub(crate) fn check_arms(&self, arms: usize) -> Result<(), Error> {
        self.shares.as_ref().map_or(Ok(()), |shares| check_shares(shares.len(), arms))
    }
}

fn check_shares(shares: usize, arms: usize) -> Result<(), Error> {
    if shares == arms {
        return Ok(());
    }
    Err(Error::value("number of policy.shares", shares, format!("one for each of the {arms} arms")))
}

fn check_name(what: &str, name: &str) -> Result<(), Error> {
    let allowed = "1 to 32 small letters, digits and hyphens";
    let fits = (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits { Ok(()) } else { Err(Error::value(what, format!("{name:?}"), allowed)) }
}

fn check_length(what: &str, text: &str, most: usize) -> Result<(), Error> {
    let length = text.trim().chars().count();
    if (1..=most).contains(&length) {
        Ok(())
    } else {
        Err(Error::value(what, format!("{length} characters long"), format!("1 to {most} characters long")))
    }
}

fn check_document(document: &str) -> Result<(), Error> {
    let is_address = document.starts_with("https://") || document.starts_with("http://");
    if is_address && document.len() <= 500 && !document.contains(char::is_whitespace) {
        Ok(())
    } else {
        Err(Error::value("document", format!("{document:?}"), "an https address of at most 500 characters"))
    }
}

fn check_price(what: String, price_minor: i64) -> Result<(), Error> {
    if (1..=PRICE_MINOR_MAX).contains(&price_minor) {
        Ok(())
    } else {
        Err(Error::value(what, price_minor, format!("1 to {PRICE_MINOR_MAX} minor units")))
    }
}

fn check_item(item: &Item) -> Result<(), Error> {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'&' | b'\\');
    if !(1..=64).contains(&item.sku.len()) || !item.sku.bytes().all(plain) {
        let allowed = "1 to 64 visible ASCII characters without quotes, <, >, & and backslash";
        return Err(Error::value("item.sku", format!("{:?}", item.sku), allowed));
    }
    check_price("item.price_minor".into(), item.price_minor)?;
    if let Some(price) = item.compare_at_minor {
        check_price("item.compare_at_minor".into(), price)?;
    }
    match item.cost_minor {
        Some(cost) if !(0..=PRICE_MINOR_MAX).contains(&cost) => {
            Err(Error::value("item.cost_minor", cost, format!("0 to {PRICE_MINOR_MAX} minor units")))
        }
        _ => Ok(()),
    }
}

fn check_unit(unit: Value) -> Result<(), Error> {
    match unit.clone().text()?.as_str() {
        "visitor" => Ok(()),
        _ => Err(unit.refusal("\"visitor\", the only unit that can be randomised yet")),
    }
}

/// Every arm but the control, which is at the catalogue price that the shop charges anyway.
fn check_guardrails(experiment: &Experiment) -> Result<(), Error> {
    let bounds = experiment.bounds()?;
    let mut arms = experiment.arms.iter().filter(|arm| arm.name != experiment.control);
    arms.try_for_each(|arm| bounds.check(&|| format!("price_minor of arm {}", arm.name), arm.price_minor))
}

fn check_arms(experiment: &Experiment) -> Result<(), Error> {
    let Some(item) = experiment.item() else { return Ok(()) };
    let net = |arm: &Arm| item.tax.net_minor(arm.price_minor);
    for (i, arm) in experiment.arms.iter().enumerate() {
        check_name("arm name", &arm.name)?;
        if [HOLDOUT, NEGATIVE].contains(&arm.name.as_str()) {
            let (given, allowed) =
                (format!("{:?}", arm.name), "another word: something else is counted under it");
            return Err(Error::value("arm name", given, allowed));
        }
        check_price(format!("price_minor of arm {}", arm.name), arm.price_minor)?;
        for other in experiment.arms.iter().take(i) {
            if other.name == arm.name {
                return Err(Error::value(
                    "arm name",
                    format!("{:?} twice", arm.name),
                    "different in every arm",
                ));
            }
            if other.price_minor == arm.price_minor {
                let given = format!("{} in both {} and {}", arm.price_minor, other.name, arm.name);
                return Err(Error::value("price_minor", given, "different in every arm"));
            }
        }
        match experiment.objective.value_minor(net(arm), item.cost_minor) {
            None => {
                let allowed = "given under the profit objective: an unknown cost is not a cost of zero";
                return Err(Error::value("item.cost_minor", "missing", allowed));
            }
            Some(value) if value < 1 => {
                let what = format!("price_minor of arm {}", arm.name);
                let cost = item.cost_minor.unwrap_or(0);
                let allowed = format!("above the unit cost of {cost} under the profit objective");
                return Err(Error::value(what, arm.price_minor, allowed));
            }
            Some(_) => {}
        }
    }
    let names = || experiment.arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>().join(", ");
    match experiment.arms.iter().find(|arm| arm.name == experiment.control) {
        None => {
            Err(Error::value("control", format!("{:?}", experiment.control), format!("one of {}", names())))
        }
        Some(control) if control.price_minor != item.price_minor => {
            let what = format!("price_minor of the control {}", control.name);
            let allowed = format!("the catalogue price {}", item.price_minor);
            Err(Error::value(what, control.price_minor, allowed))
        }
        Some(_) => Ok(()),
    }
}
