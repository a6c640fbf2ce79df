//! The policy: how it is written, and what it needs to know.

use super::super::{Experiment, Goods, Objective, PolicyChoice};
use super::plain_reward_model;
use crate::error::decimal;
use crate::json::{Json, Value};
use crate::policy::PRESETS;
use crate::{Error, Policy, RewardModel};

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
    pub(super) fn read(policy: Value, arms: usize) -> Result<Self, Error> {
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

/// A sale is worth another amount for each of many items, so there the value of an order is part of what is unknown.
pub(super) fn read_reward_model(
    model: Value,
    goods: &Goods,
    objective: Objective,
) -> Result<RewardModel, Error> {
    let plain = plain_reward_model(goods, objective);
    let Some(model) = model.if_given() else { return Ok(plain) };
    let given = model.one_of(&RewardModel::ALL, RewardModel::name)?;
    if plain == RewardModel::Normal && given != plain {
        let allowed = format!("\"normal\" with [scope] and the objective {}", objective.name());
        return Err(model.refusal(allowed));
    }
    Ok(given)
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

/// What does not go with items of the catalogue.
pub(super) fn check_many_items(experiment: &Experiment) -> Result<(), Error> {
    let Goods::Scope(scope) = &experiment.goods else { return Ok(()) };
    if experiment.unit.is_of_items() && experiment.objective == Objective::Conversion {
        let allowed = format!("revenue or profit with the unit {}", experiment.unit.name());
        return Err(Error::value("objective", "\"conversion\"", allowed));
    }
    let policy = experiment.policy.name;
    if experiment.reward_model != RewardModel::Conversion && !policy.suits_any_reward() {
        let suitable = Policy::ALL.into_iter().filter(|policy| policy.suits_any_reward()).map(Policy::name);
        let suitable = suitable.collect::<Vec<_>>().join(", ");
        let objective = experiment.objective.name();
        let allowed = format!("one of {suitable} with [scope] and the objective {objective}");
        return Err(Error::value("policy.name", format!("{:?}", policy.name()), allowed));
    }
    if let Some(stock) = experiment.stock {
        return Err(Error::value("stock", stock, "left out with [scope]: it is that of one item"));
    }
    if let Some(place) = scope.exclude.iter().position(|name| *name == experiment.name) {
        let given = format!("{:?}", experiment.name);
        return Err(Error::value(format!("scope.exclude[{place}]"), given, "the name of another experiment"));
    }
    Ok(())
}
