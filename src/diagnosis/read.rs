//! The evidence of one experiment, as `GET /haggle/v1/experiments/NAME/evidence` gives it.

use super::Evidence;
use super::next::priced;
use crate::json::{Json, columns, parse};
use crate::lifecycle::{self, State};
use crate::{Cohort, Delays, Error, Experiment, History, Period, Tally};

/// The names of the columns of an arm, in the order of the fields of [`Tally`].
const COLUMNS: [&str; 8] = [
    "exposures",
    "conversions",
    "rewards",
    "units",
    "revenue_minor",
    "cost_minor",
    "revenue_sq",
    "profit_sq",
];

impl Evidence {
    /// Reads the evidence from its JSON; fields that nothing here is made of are skipped.
    ///
    /// # Errors
    /// Says which field is wrong: a definition that is none, columns of different lengths, counts that no exposures can
    /// have.
    pub fn read(text: &str) -> Result<Self, Error> {
        let whole = Object::read("the evidence", text)?;
        let definition = Experiment::from_json(whole.get("definition")?)?;
        let decided = whole.text("decided")?;
        let experiment = priced(lifecycle::published(&definition, decided.as_deref()));
        let state = whole.text("state")?.unwrap_or_default();
        let state = State::from_name(&state)
            .ok_or_else(|| Error::value("state", format!("{state:?}"), "a state of an experiment"))?;
        let mut delays = Delays::default();
        for cell in whole.list("delays")? {
            match integers::<i64>("delays", cell)?.as_slice() {
                &[hour, delay, conversions] => {
                    delays.add(count("delays", hour)?, count("delays", delay)?, conversions)?;
                }
                other => return Err(Error::value("numbers of an entry of delays", other.len(), "3")),
            }
        }
        Ok(Self {
            history: history(&Object::read("history", whole.get("history")?)?, definition.arms.len())?,
            delays,
            state,
            is_stopped: whole.find("stopped") == Some("true"),
            now_ms: whole.time("now_ms")?.unwrap_or(0),
            started_at_ms: whole.time("started_at_ms")?,
            decided,
            definition,
            experiment,
        })
    }
}

/// The periods from their columns.
fn history(columns: &Object<'_>, arms: usize) -> Result<History, Error> {
    let (hours, epochs) = (columns.integers::<u32>("hours")?, columns.integers::<u32>("epochs")?);
    let shares = columns.list("shares")?;
    let given = columns.list("arms")?;
    for (what, given, allowed) in [
        ("number of arms in the history", given.len(), arms),
        ("number of epochs in the history", epochs.len(), hours.len()),
        ("number of shares in the history", shares.len(), hours.len()),
    ] {
        if given != allowed {
            return Err(Error::value(what, given, allowed));
        }
    }
    let mut periods = Vec::with_capacity(hours.len());
    for ((&hour, &epoch), shares) in hours.iter().zip(&epochs).zip(shares) {
        let shares = integers("history.shares", shares)?;
        let arms = vec![Tally::default(); arms];
        periods.push(Period { cohort: Cohort { epoch, hour }, shares, arms, holdout: Tally::default() });
    }
    for (place, text) in given.into_iter().enumerate() {
        tallies("history.arms", text, periods.iter_mut().filter_map(|period| period.arms.get_mut(place)))?;
    }
    tallies(
        "history.holdout",
        columns.get("holdout")?,
        periods.iter_mut().map(|period| &mut period.holdout),
    )?;
    History::new(periods)
}

/// Fills one tally of each period from the columns of an arm.
fn tallies<'a>(
    what: &'static str,
    text: &str,
    into: impl Iterator<Item = &'a mut Tally>,
) -> Result<(), Error> {
    let mut into: Vec<&mut Tally> = into.collect();
    let columns = Object::read(what, text)?;
    for (place, name) in COLUMNS.into_iter().enumerate() {
        let fill = |count: usize| {
            if count == into.len() {
                return Ok(());
            }
            Err(Error::value(format!("number of {name} in {what}"), count, into.len()))
        };
        if place >= 6 {
            let squares = columns.integers::<i128>(name)?;
            fill(squares.len())?;
            for (tally, square) in into.iter_mut().zip(squares) {
                *(if place == 6 { &mut tally.revenue_sq } else { &mut tally.profit_sq }) = square;
            }
            continue;
        }
        let sums = columns.integers::<i64>(name)?;
        fill(sums.len())?;
        for (tally, sum) in into.iter_mut().zip(sums) {
            *(match place {
                0 => &mut tally.exposures,
                1 => &mut tally.conversions,
                2 => &mut tally.rewards,
                3 => &mut tally.units,
                4 => &mut tally.revenue_minor,
                _ => &mut tally.cost_minor,
            }) = sum;
        }
    }
    Ok(())
}

/// An object whose values are texts still.
struct Object<'a> {
    what: &'static str,
    fields: Vec<(String, &'a str)>,
}

impl<'a> Object<'a> {
    fn read(what: &'static str, text: &'a str) -> Result<Self, Error> {
        let fields = columns::fields(text).map_err(|expected| fault(what, expected))?;
        Ok(Self { what, fields })
    }

    fn find(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, text)| *text)
    }

    fn get(&self, name: &str) -> Result<&'a str, Error> {
        self.find(name)
            .ok_or_else(|| Error::value(format!("field {name} of {}", self.what), "missing", "there"))
    }

    fn list(&self, name: &'static str) -> Result<Vec<&'a str>, Error> {
        columns::list(self.get(name)?).map_err(|expected| fault(name, expected))
    }

    fn integers<T: TryFrom<i128>>(&self, name: &'static str) -> Result<Vec<T>, Error> {
        integers(name, self.get(name)?)
    }

    /// A text; nothing where it is missing or null.
    fn text(&self, name: &'static str) -> Result<Option<String>, Error> {
        match self.find(name).map(parse) {
            None | Some(Ok(Json::Null)) => Ok(None),
            Some(Ok(Json::Text(text))) => Ok(Some(text)),
            Some(_) => Err(Error::value(name, "something else", "a text")),
        }
    }

    /// A time in milliseconds; nothing where it is missing or null.
    fn time(&self, name: &'static str) -> Result<Option<u64>, Error> {
        let given = self.find(name).filter(|&text| text != "null");
        let read = |text: &str| text.parse().map_err(|_| Error::value(name, text, "a time in milliseconds"));
        given.map(read).transpose()
    }
}

fn integers<T: TryFrom<i128>>(what: &'static str, text: &str) -> Result<Vec<T>, Error> {
    columns::integers(text).map_err(|expected| fault(what, expected))
}

fn count(what: &str, given: i64) -> Result<u32, Error> {
    u32::try_from(given).map_err(|_| Error::value(what, given, "integers from 0 to 4294967295"))
}

fn fault(what: &str, expected: &str) -> Error {
    Error::value(what, "something else", format!("JSON with {expected}"))
}
