//! Reading an experiment is validating it: TOML and JSON are one document, read by the same rules.
//!
//! | file | reads and checks |
//! |---|---|
//! | `arms` | the arms, and the control among them |
//! | `goods` | the item, or the scope and its sample |
//! | `policy` | the policy, and what it needs to know |
//! | `schedule` | the unit with its periods, dates and the stopping rule |
//! | `lines` | in which line of a TOML file a refused field stands |

mod arms;
mod goods;
#[cfg(feature = "toml")]
pub(super) mod lines;
mod policy;
mod schedule;

#[cfg(test)]
pub(super) use arms::FIELDS as ARM_FIELDS;
pub(crate) use policy::check_policy;

use super::limits::{
    AMOUNT, AUTHOR_MAX, DOCUMENT_MAX, HOLDOUT_SHARE, HYPOTHESIS_MAX, NAME_MAX, REWARD_WINDOW_HOURS, SALT_MAX,
};
use super::{DelayCorrection, Experiment, Goods, Objective, PolicyChoice, Unit};
use crate::error::decimal;
use crate::guardrail::Guardrails;
use crate::json::{Fields, Value};
use crate::policy::ARMS_MAX;
use crate::{Error, Prior, RewardModel};

pub(super) const FIELDS: [&str; 30] = [
    "name",
    "hypothesis",
    "document",
    "author",
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
    "start",
    "end",
    "stop",
    "unit",
    "families",
    "period_hours",
    "washout_hours",
    "personal_data",
    "guardrails",
    "item",
    "scope",
    "sample",
    "arms",
];

impl Experiment {
    pub(super) fn read(mut fields: Fields) -> Result<Self, Error> {
        let (name, document) = (fields.take("name"), fields.take("document"));
        let goods = Goods::read(&mut fields)?;
        let unit = schedule::read_unit(fields.take("unit"), &goods)?;
        let (period_hours, washout_hours) = schedule::read_periods(&mut fields, unit)?;
        let families = schedule::read_families(fields.take("families"), unit)?;
        let [start_ms, end_ms] = schedule::read_dates(&mut fields)?;
        let arms = arms::read(fields.take("arms"), &goods)?;
        let objective = fields.take("objective").one_of(&Objective::ALL, Objective::name)?;
        let currency = fields.take("currency");
        let experiment = Self {
            name: read_name(name)?,
            hypothesis: read_text(fields.take("hypothesis"), HYPOTHESIS_MAX)?,
            document: read_document(document)?,
            author: fields
                .take("author")
                .if_any()
                .map_or(Ok(String::new()), |it| read_text(it, AUTHOR_MAX))?,
            objective,
            currency: currency.text()?.parse()?,
            holdout: read_holdout(fields.take("holdout"), unit)?,
            floor: read_floor(fields.take("floor"), arms.len())?,
            reward_window_hours: match fields.take("reward_window_hours").if_given() {
                None => 168,
                Some(hours) => hours.integer_in(REWARD_WINDOW_HOURS)? as u32,
            },
            salt: read_text(fields.take("salt"), SALT_MAX)?,
            control: fields.take("control").text()?,
            policy: PolicyChoice::read(fields.take("policy"), arms.len())?,
            prior: fields.take("prior").if_given().map_or(Ok(Prior::default()), Prior::read)?,
            reward_model: policy::read_reward_model(fields.take("reward_model"), &goods, objective)?,
            delay: read_delay(fields.take("delay"), unit)?,
            horizon: fields.take("horizon").if_any().map(read_amount).transpose()?.map(i64::unsigned_abs),
            stock: fields.take("stock").if_any().map(read_amount).transpose()?,
            personal_data: fields.take("personal_data").if_given().map_or(Ok(false), |said| said.truth())?,
            guardrails: Guardrails::default(),
            goods,
            arms,
            start_ms,
            end_ms,
            unit,
            families,
            period_hours,
            washout_hours,
            stop: schedule::read_stop(fields.take("stop"))?,
        };
        let guardrails = fields.take("guardrails").if_any();
        let guardrails =
            guardrails.map_or(Ok(Guardrails::default()), |it| Guardrails::read(it, experiment.currency))?;
        let experiment = Self { guardrails, ..experiment };
        arms::check(&experiment)?;
        schedule::check(&experiment)?;
        policy::check_many_items(&experiment)?;
        check_policy(&experiment)?;
        Ok(experiment)
    }
}

fn read_amount(amount: Value) -> Result<i64, Error> {
    amount.integer_in(AMOUNT)
}

/// A name of an experiment or of an arm.
fn read_name(name: Value) -> Result<String, Error> {
    let text = name.clone().text()?;
    let fits = (1..=NAME_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        Ok(text)
    } else {
        Err(name.refusal(format!("1 to {NAME_MAX} small letters, digits and hyphens")))
    }
}

/// A text that says something.
fn read_text(value: Value, most: usize) -> Result<String, Error> {
    let text = value.clone().text()?;
    let length = text.trim().chars().count();
    if (1..=most).contains(&length) {
        return Ok(text);
    }
    let allowed = format!("1 to {most} characters long");
    Err(Error::value(value.path(), format!("{length} characters long"), allowed))
}

fn read_document(document: Value) -> Result<String, Error> {
    let text = document.clone().text()?;
    let is_address = text.starts_with("https://") || text.starts_with("http://");
    if is_address && text.len() <= DOCUMENT_MAX && !text.contains(char::is_whitespace) {
        Ok(text)
    } else {
        Err(document.refusal(format!("an http or https address of at most {DOCUMENT_MAX} characters")))
    }
}

/// Where items are randomised there is no visitor to hold out; the negative group is what they are compared with.
fn read_holdout(holdout: Value, unit: Unit) -> Result<f64, Error> {
    let Some(holdout) = holdout.if_given() else {
        return Ok(if unit.is_of_items() { 0.0 } else { 0.1 });
    };
    if unit.is_of_items() {
        return holdout.fraction_in(
            0.0..=0.0,
            &format!("0 with the unit {}: the negative group is compared with", unit.name()),
        );
    }
    let allowed =
        format!("a share from {} to {}", decimal(*HOLDOUT_SHARE.start()), decimal(*HOLDOUT_SHARE.end()));
    holdout.fraction_in(HOLDOUT_SHARE, &allowed)
}

fn read_floor(floor: Value, arms: usize) -> Result<f64, Error> {
    let Some(floor) = floor.if_given() else {
        return Ok(0.02);
    };
    // Four decimals of one over the count.
    let allowed = format!("a share from 0 to 0.{:04} with {arms} arms", 10_000 / arms.max(1));
    floor.fraction_in(0.0..=1.0 / arms as f64, &allowed)
}

/// An observation of an item is complete when its epoch is over: nothing of it is still under way.
fn read_delay(delay: Value, unit: Unit) -> Result<DelayCorrection, Error> {
    let given = delay.clone().if_given().map(|it| it.one_of(&DelayCorrection::ALL, DelayCorrection::name));
    match given.transpose()? {
        None if unit.is_of_items() => Ok(DelayCorrection::Naive),
        None => Ok(DelayCorrection::Weighted),
        Some(given) if given != DelayCorrection::Naive && unit.is_of_items() => {
            Err(delay.refusal(format!("\"naive\" or left out with the unit {}", unit.name())))
        }
        Some(given) => Ok(given),
    }
}

/// Refuses a number of things in a list that is not allowed.
fn check_count(value: &Value, count: usize, least: usize, most: usize) -> Result<(), Error> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    Err(Error::value(format!("number of {}", value.path()), count, format!("{least} to {most}")))
}

/// Refuses a number of arms that is not allowed; errors of other fields speak of their number.
fn check_arm_count(arms: &Value, count: usize) -> Result<(), Error> {
    check_count(arms, count, 2, ARMS_MAX)
}

/// The reward model, where nothing else is said.
pub(super) fn plain_reward_model(goods: &Goods, objective: Objective) -> RewardModel {
    match goods {
        Goods::Scope(_) if objective != Objective::Conversion => RewardModel::Normal,
        _ => RewardModel::Conversion,
    }
}
