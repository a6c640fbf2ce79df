//! The arms, and the control among them.

use super::super::limits::MULTIPLIER;
use super::super::{Arm, ArmPrice, ArmState, Experiment, Goods, HOLDOUT, Item, NEGATIVE};
use super::{check_arm_count, goods, read_name};
use crate::Error;
use crate::error::decimal;
use crate::json::Value;
use crate::money::{PRICE_MINOR_MAX, millionths};

pub(in crate::experiment) const FIELDS: [&str; 6] =
    ["name", "price_minor", "multiplier", "column", "state", "added"];

pub(super) fn read(arms: Value, goods: &Goods) -> Result<Vec<Arm>, Error> {
    let list = arms.clone().list()?;
    check_arm_count(&arms, list.len())?;
    list.into_iter().map(|arm| read_arm(arm, goods)).collect()
}

fn read_arm(arm: Value, goods: &Goods) -> Result<Arm, Error> {
    let mut fields = arm.fields(&FIELDS)?;
    let name = fields.take("name");
    let (given, text) = (name.clone(), read_name(name)?);
    for (reserved, what) in [(HOLDOUT, "the holdout"), (NEGATIVE, "the negative group")] {
        if text == reserved {
            return Err(given.refusal(format!("another word: {what} is counted under it")));
        }
    }
    let (price_minor, multiplier, column) =
        (fields.take("price_minor"), fields.take("multiplier"), fields.take("column"));
    let (price, price_minor) = match goods {
        Goods::Item(_) => {
            for other in [multiplier, column] {
                refuse_given(other, "left out with [item]: its arms have price_minor")?;
            }
            let price_minor = price_minor.integer()?;
            (ArmPrice::Minor(price_minor), price_minor)
        }
        Goods::Scope(_) => read_relative(price_minor, multiplier, column)?,
    };
    Ok(Arm {
        price,
        state: fields
            .take("state")
            .if_any()
            .map_or(Ok(ArmState::Live), |it| it.one_of(&ArmState::ALL, ArmState::name))?,
        is_added: fields.take("added").if_any().map_or(Ok(false), |it| it.truth())?,
        ..Arm::at(&text, price_minor)
    })
}

fn refuse_given(value: Value, allowed: &str) -> Result<(), Error> {
    value.if_any().map_or(Ok(()), |given| Err(given.refusal(allowed)))
}

/// How an arm prices many items, and the mean of that where it was written back.
fn read_relative(price_minor: Value, multiplier: Value, column: Value) -> Result<(ArmPrice, i64), Error> {
    let price = match (multiplier.clone().if_any(), column.if_any()) {
        (Some(_), Some(column)) => return Err(column.refusal("left out beside multiplier")),
        (None, Some(column)) => ArmPrice::Column(goods::read_column(column)?),
        (Some(multiplier), None) => {
            let allowed =
                format!("a number from {} to {}", decimal(*MULTIPLIER.start()), decimal(*MULTIPLIER.end()));
            let times = multiplier.fraction_in(MULTIPLIER, &allowed)?;
            ArmPrice::Times(millionths(times) as f64 / 1e6)
        }
        (None, None) if price_minor.clone().if_any().is_some() => {
            return Err(
                price_minor.refusal("multiplier or column with [scope]: its items have prices of their own")
            );
        }
        (None, None) => return Err(multiplier.refusal("given, or column, with [scope]")),
    };
    let mean_minor = price_minor.if_any().map_or(Ok(0), |mean| mean.integer_in(0..=PRICE_MINOR_MAX))?;
    Ok((price, mean_minor))
}

/// What arms must be to each other, to the goods and to the control.
pub(super) fn check(experiment: &Experiment) -> Result<(), Error> {
    let arms = &experiment.arms;
    for (i, arm) in arms.iter().enumerate() {
        if let Some(item) = experiment.item() {
            check_price(&format!("arms[{i}].price_minor of arm {}", arm.name), arm.price_minor)?;
            check_value(experiment, item, i, arm)?;
        }
        for other in arms.iter().take(i) {
            if other.name == arm.name {
                let given = format!("{:?} twice", arm.name);
                return Err(Error::value(format!("arms[{i}].name"), given, "different in every arm"));
            }
            if other.price == arm.price {
                let (field, price) = written(&arm.price);
                let given = format!("{price} in both {} and {}", other.name, arm.name);
                return Err(Error::value(format!("arms[{i}].{field}"), given, "different in every arm"));
            }
        }
    }
    if arms.iter().all(|arm| arm.state != ArmState::Live) {
        return Err(Error::value("number of arms whose state is live", 0, "at least 1"));
    }
    check_control(experiment)?;
    check_guardrails(experiment)
}

/// The field that says an arm's price, and its value.
fn written(price: &ArmPrice) -> (&'static str, String) {
    match price {
        ArmPrice::Minor(price_minor) => ("price_minor", price_minor.to_string()),
        ArmPrice::Times(times) => ("multiplier", decimal(*times)),
        ArmPrice::Column(column) => ("column", format!("{column:?}")),
    }
}

pub(super) fn check_price(what: &str, price_minor: i64) -> Result<(), Error> {
    if (1..=PRICE_MINOR_MAX).contains(&price_minor) {
        Ok(())
    } else {
        Err(Error::value(what, price_minor, format!("1 to {PRICE_MINOR_MAX} minor units")))
    }
}

/// What an arm sells at a loss is nothing to maximise.
fn check_value(experiment: &Experiment, item: &Item, i: usize, arm: &Arm) -> Result<(), Error> {
    match experiment.objective.value_minor(item.tax.net_minor(arm.price_minor), item.cost_minor) {
        None => {
            let allowed = "given under the profit objective: an unknown cost is not a cost of zero";
            Err(Error::value("item.cost_minor", "missing", allowed))
        }
        Some(value) if value < 1 => {
            let what = format!("arms[{i}].price_minor of arm {}", arm.name);
            let cost = item.cost_minor.unwrap_or(0);
            let allowed = format!("above the unit cost of {cost} under the profit objective");
            Err(Error::value(what, arm.price_minor, allowed))
        }
        Some(_) => Ok(()),
    }
}

fn check_control(experiment: &Experiment) -> Result<(), Error> {
    let named = experiment.arms.iter().enumerate().find(|(_, arm)| arm.name == experiment.control);
    let Some((i, control)) = named else {
        let names: Vec<&str> = experiment.arms.iter().map(|arm| arm.name.as_str()).collect();
        let allowed = format!("one of {}", names.join(", "));
        return Err(Error::value("control", format!("{:?}", experiment.control), allowed));
    };
    match (&experiment.goods, &control.price) {
        (Goods::Item(item), _) if control.price_minor != item.price_minor => {
            let what = format!("arms[{i}].price_minor of the control {}", control.name);
            let allowed = format!("the catalogue price {}", item.price_minor);
            Err(Error::value(what, control.price_minor, allowed))
        }
        (Goods::Scope(_), price) if *price != ArmPrice::Times(1.0) => {
            let (field, price) = written(price);
            let what = format!("arms[{i}].{field} of the control {}", control.name);
            Err(Error::value(what, price, "a multiplier of 1: the catalogue price"))
        }
        _ => Ok(()),
    }
}

/// Every live arm but the control, which is at the catalogue price that the shop charges anyway.
fn check_guardrails(experiment: &Experiment) -> Result<(), Error> {
    let bounds = experiment.bounds()?;
    let is_bound = |arm: &Arm| arm.state == ArmState::Live && arm.name != experiment.control;
    let mut arms = experiment.arms.iter().enumerate().filter(|(_, arm)| is_bound(arm));
    match experiment.goods {
        Goods::Item(_) => arms.try_for_each(|(i, arm)| {
            bounds.check(&|| format!("arms[{i}].price_minor of arm {}", arm.name), arm.price_minor)
        }),
        Goods::Scope(_) => Ok(()),
    }
}
