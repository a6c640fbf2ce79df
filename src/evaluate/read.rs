//! Logs as text, a line at a time: haggle's own, and Vowpal Wabbit's dsjson.
//!
//! A table in CSV is read by the command line, with the csv crate, and pushed row by row.

use super::log::{Decided, Log, Unit, at};
use crate::experiment::HOLDOUT;
use crate::json::{Fields, Value};
use crate::{Error, TOTAL};
use serde_json::Value as Json;

const FIELDS: [&str; 12] = [
    "experiment",
    "epoch",
    "unit",
    "at_ms",
    "arms",
    "shares",
    "arm",
    "propensity",
    "price_minor",
    "value_minor",
    "conversion",
    "reward_minor",
];

/// How far two ways of writing a probability may differ.
const PROBABILITY_TOLERANCE: f64 = 1e-5;

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// haggle's own, JSON lines.
    Haggle,
    /// Vowpal Wabbit's, JSON lines.
    Dsjson,
    /// A table with a header, as the Open Bandit Pipeline has it.
    Csv,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Haggle, Self::Dsjson, Self::Csv];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Haggle => "haggle",
            Self::Dsjson => "dsjson",
            Self::Csv => "csv",
        }
    }

    /// The format whose first line this is: what is no JSON object is a table, and nothing is an empty log.
    pub fn detect(first: &str) -> Self {
        match first.trim_start().chars().next() {
            None => Self::Haggle,
            Some('{') if first.contains("\"_label") => Self::Dsjson,
            Some('{') => Self::Haggle,
            Some(_) => Self::Csv,
        }
    }
}

/// The allocation that a line was decided under; no shares where it only names the arms.
struct Published {
    names: Vec<String>,
    shares: Vec<u32>,
}

impl Log {
    /// Adds a line of haggle's own log. Empty lines are nothing.
    ///
    /// ```json
    /// {"experiment":"sevilla","epoch":7,"unit":"3f2a","at_ms":1700000000000,"arms":["list","low"],
    ///  "shares":[40000,25536],"arm":"low","propensity":25536,"price_minor":1750,"value_minor":950,
    ///  "conversion":1,"reward_minor":950}
    /// ```
    ///
    /// Needed are `arm`, `propensity` (the published share, an integer of 1 to 65536, as in the quote) and
    /// `conversion` (0 or 1) or `reward_minor` (an integer; what is maximised) or both. `propensity: null` (nobody
    /// drew: a price that was kept, forced or fell back) and the arm `holdout` leave the line out. The rest is
    /// optional, and checked where it is there: one experiment, one price and one value of a conversion for each
    /// arm, shares that sum to 65536 and have the propensity.
    ///
    /// # Errors
    /// What does not keep to this, with the number of the line.
    pub fn read_haggle(&mut self, line: usize, text: &str) -> Result<(), Error> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let fields = Fields::parse("a decision in JSON", text, &FIELDS);
        fields.and_then(|fields| self.decision(line, fields)).map_err(|error| error.in_line(line))
    }

    fn decision(&mut self, line: usize, mut fields: Fields) -> Result<(), Error> {
        if let Some(experiment) = fields.take("experiment").if_any() {
            let name = experiment.clone().text()?;
            if let Some(before) = self.experiment.as_ref().filter(|&before| *before != name) {
                return Err(experiment.refusal(format!("{before:?} as in the lines before")));
            }
            self.experiment = Some(name);
        }
        for count in ["epoch", "at_ms"] {
            fields.take(count).if_any().map(|value| value.count::<u64>()).transpose()?;
        }
        fields.take("unit").if_any().map(Value::text).transpose()?;
        let arm = fields.take("arm").text()?;
        let propensity = fields.take("propensity");
        let share = propensity.clone().if_any().map(|share| read_share(&share, 1)).transpose()?;
        let arms = self.arms_of_line(line, &mut fields)?;
        let Some(share) = share.filter(|_| arm != HOLDOUT) else {
            // Missing is not null: a log without propensities must not pass as one without draws.
            if arm != HOLDOUT && propensity.clone().if_given().is_none() {
                return Err(propensity.refusal("a share from 1 to 65536, or null where nobody drew"));
            }
            self.skip();
            return Ok(());
        };
        if let Some(Published { names, shares }) = arms {
            let place = names.iter().position(|name| *name == arm);
            let Some(place) = place else {
                return Err(Error::value("arm", format!("{arm:?}"), format!("one of {}", names.join(", "))));
            };
            if let Some(&published) = shares.get(place).filter(|&&published| published != share) {
                let allowed = format!("the published share of arm {arm}, {published}");
                return Err(propensity.refusal(allowed));
            }
        }
        let amount = |value: Value| value.if_any().map(|value| value.integer()).transpose();
        let (price_minor, value_minor) =
            (amount(fields.take("price_minor"))?, amount(fields.take("value_minor"))?);
        let conversion = fields.take("conversion");
        let converted = conversion.clone().if_any().map(|given| match given.integer() {
            Ok(sold @ 0..=1) => Ok(sold == 1),
            _ => Err(given.refusal("0 or 1")),
        });
        let (converted, reward) = (converted.transpose()?, amount(fields.take("reward_minor"))?);
        let (converted, reward, unit) = match (converted, reward) {
            (Some(converted), None) => (converted, i64::from(converted), Unit::Conversions),
            (converted, Some(reward)) => (converted.unwrap_or(reward > 0), reward, Unit::Minor),
            (None, None) => return Err(conversion.refusal("0 or 1 where there is no reward_minor")),
        };
        let propensity = f64::from(share) / f64::from(TOTAL);
        let reward = reward as f64;
        self.push(line, &Decided { arm: &arm, price_minor, value_minor, propensity, reward, converted, unit })
    }

    /// The names and shares of all arms, where the line has them.
    fn arms_of_line(&mut self, line: usize, fields: &mut Fields) -> Result<Option<Published>, Error> {
        let (arms, shares) = (fields.take("arms").if_any(), fields.take("shares"));
        let Some(arms) = arms else {
            return match shares.clone().if_any() {
                Some(_) => Err(shares.refusal("left out where there are no arms")),
                None => Ok(None),
            };
        };
        let names = arms.list()?.into_iter().map(Value::text).collect::<Result<Vec<_>, _>>()?;
        for name in &names {
            self.arm(line, name)?;
        }
        let Some(given) = shares.clone().if_any() else {
            return Ok(Some(Published { names, shares: Vec::new() }));
        };
        let given = given.list()?.iter().map(|share| read_share(share, 0)).collect::<Result<Vec<_>, _>>()?;
        let sum: u64 = given.iter().map(|&share| u64::from(share)).sum();
        if given.len() != names.len() {
            return Err(Error::value("number of shares", given.len(), format!("{} as of arms", names.len())));
        }
        if sum != u64::from(TOTAL) {
            return Err(Error::value("sum of shares", sum, TOTAL.to_string()));
        }
        Ok(Some(Published { names, shares: given }))
    }

    /// Adds a line of Vowpal Wabbit's dsjson. Empty lines are nothing.
    ///
    /// The reward is the negative cost; the arm is the chosen action, named by its number from 1. Lines with
    /// `_skipLearn` are left out. Where `a` and `p` are there, they must have the chosen action with its probability.
    ///
    /// # Errors
    /// What is missing or out of range, with the number of the line.
    pub fn read_dsjson(&mut self, line: usize, text: &str) -> Result<(), Error> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let json: Json = serde_json::from_str(text)
            .map_err(|why| Error::syntax("a decision in dsjson", why).in_line(line))?;
        if json.get("_skipLearn") == Some(&Json::Bool(true)) {
            self.skip();
            return Ok(());
        }
        let given = |name: &str| json.get(name).map_or("missing".into(), shown);
        let number = |name: &str| {
            let value = json.get(name).and_then(Json::as_f64);
            value.ok_or_else(|| at(line, name, given(name), "a number"))
        };
        let (cost, probability) = (number("_label_cost")?, number("_label_probability")?);
        let (place, what) = match json.get("_labelIndex") {
            Some(index) => (index.as_u64(), "_labelIndex"),
            None => (
                json.get("_label_Action").and_then(Json::as_u64).and_then(|n| n.checked_sub(1)),
                "_label_Action",
            ),
        };
        let Some(place) = place.filter(|&place| place < super::log::LOG_ARMS_MAX as u64) else {
            return Err(at(line, what, given(what), "the number of an action, at most 1000"));
        };
        let action = place + 1;
        if let (Some(Json::Array(actions)), Some(Json::Array(chances))) = (json.get("a"), json.get("p")) {
            for known in actions {
                let Some(number) = known.as_u64().filter(|number| *number >= 1) else {
                    return Err(at(line, "a", shown(known), "a list of numbers of actions, from 1"));
                };
                self.arm(line, &number.to_string())?;
            }
            let chosen = actions.iter().position(|known| known.as_u64() == Some(action));
            let chance = chosen.and_then(|place| chances.get(place)).and_then(Json::as_f64);
            if !chance.is_some_and(|chance| (chance - probability).abs() <= PROBABILITY_TOLERANCE) {
                let allowed = format!("that of action {action} in the lists a and p");
                return Err(at(line, "_label_probability", given("_label_probability"), allowed));
            }
        }
        let reward = 0.0 - cost;
        self.push(
            line,
            &Decided {
                arm: &action.to_string(),
                price_minor: None,
                value_minor: None,
                propensity: probability,
                reward,
                converted: reward > 0.0,
                unit: Unit::Reward,
            },
        )
    }
}

fn read_share(share: &Value, least: u32) -> Result<u32, Error> {
    match share.integer().ok().and_then(|share| u32::try_from(share).ok()) {
        Some(share) if (least..=TOTAL).contains(&share) => Ok(share),
        _ => Err(share.refusal(format!("an integer share from {least} to {TOTAL}"))),
    }
}

/// A value of somebody else's log, cut where it is long.
fn shown(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
