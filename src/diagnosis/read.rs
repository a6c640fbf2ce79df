//! The evidence of one experiment, as `GET /haggle/v1/experiments/NAME/evidence` gives it.

use super::Evidence;
use super::next::priced;
use crate::json::columns::Columns;
use crate::json::{Json, parse};
use crate::lifecycle::{self, State};
use crate::{Cohort, Delays, Error, Experiment, History, Period, Tally};

impl Evidence {
    /// Reads the evidence from its JSON; fields that nothing here is made of are skipped.
    ///
    /// # Errors
    /// Says which field is wrong: a definition that is none, columns of different lengths, counts that no exposures can
    /// have.
    pub fn read(text: &str) -> Result<Self, Error> {
        let (mut definition, mut state, mut decided) = (None, None, None);
        let (mut now_ms, mut started_at_ms, mut is_stopped) = (None, None, false);
        let (mut history, mut delays) = (Counted::default(), Delays::default());
        let mut columns = Columns::new("the evidence", text);
        columns.fields(|columns, name| {
            match name {
                "definition" => definition = Some(Experiment::from_json(columns.raw()?)?),
                "state" => state = text_of("state", columns.raw()?)?,
                "decided" => decided = text_of("decided", columns.raw()?)?,
                "stopped" => is_stopped = columns.raw()? == "true",
                "now_ms" => now_ms = time_of("now_ms", columns.raw()?)?,
                "started_at_ms" => started_at_ms = time_of("started_at_ms", columns.raw()?)?,
                "history" => history = Counted::read(columns)?,
                "delays" => columns.list(|columns| delay(columns, &mut delays))?,
                _ => drop(columns.raw()?),
            }
            Ok(())
        })?;
        columns.end()?;
        let definition = definition.ok_or_else(|| Error::value("definition", "missing", "an experiment"))?;
        let experiment = priced(lifecycle::published(&definition, decided.as_deref()));
        let state = state.unwrap_or_default();
        let state = State::from_name(&state)
            .ok_or_else(|| Error::value("state", format!("{state:?}"), "a state of an experiment"))?;
        let history = history.periods(definition.arms.len())?;
        let now_ms = now_ms.unwrap_or(0);
        Ok(Self {
            definition,
            experiment,
            history,
            delays,
            state,
            is_stopped,
            decided,
            now_ms,
            started_at_ms,
        })
    }
}

/// Periods that are made of the columns at a time.
const ROWS: usize = 16;

/// The columns of the history, as they come.
#[derive(Default)]
struct Counted {
    hours: Vec<u32>,
    epochs: Vec<u32>,
    shares: Vec<Vec<u32>>,
    arms: Vec<Counts>,
    holdout: Counts,
}

/// The columns of one arm: exposures, conversions, rewards, units, revenue and cost; and the squares of two of them.
#[derive(Default)]
struct Counts {
    sums: [Vec<i64>; 6],
    squares: [Vec<i128>; 2],
}

impl Counted {
    fn read(columns: &mut Columns<'_>) -> Result<Self, Error> {
        let mut read = Self::default();
        columns.fields(|columns, name| {
            match name {
                "hours" => read.hours = columns.integers()?,
                "epochs" => read.epochs = columns.integers()?,
                "shares" => columns.list(|columns| {
                    read.shares.push(columns.integers()?);
                    Ok(())
                })?,
                "arms" => columns.list(|columns| {
                    read.arms.push(Counts::read(columns)?);
                    Ok(())
                })?,
                "holdout" => read.holdout = Counts::read(columns)?,
                _ => drop(columns.raw()?),
            }
            Ok(())
        })?;
        Ok(read)
    }

    /// The periods, of so many arms.
    fn periods(self, arms: usize) -> Result<History, Error> {
        let length = self.hours.len();
        for (what, given, allowed) in [
            ("number of arms in the history", self.arms.len(), arms),
            ("number of epochs in the history", self.epochs.len(), length),
            ("number of shares in the history", self.shares.len(), length),
        ] {
            if given != allowed {
                return Err(Error::value(what, given, allowed));
            }
        }
        for counts in self.arms.iter().chain([&self.holdout]) {
            let lengths = counts.sums.iter().map(Vec::len).chain(counts.squares.iter().map(Vec::len));
            for given in lengths {
                if given != length {
                    return Err(Error::value("number of counts in the history", given, length));
                }
            }
        }
        // From columns to rows some periods at a time, which the processor's nearest memory holds.
        let mut tallies: Vec<Vec<Tally>> = (0..length).map(|_| Vec::with_capacity(arms)).collect();
        for (block, rows) in tallies.chunks_mut(ROWS).enumerate() {
            for counts in &self.arms {
                for (row, tallies) in rows.iter_mut().enumerate() {
                    tallies.push(counts.tally(block * ROWS + row));
                }
            }
        }
        let times = self.hours.into_iter().zip(self.epochs).zip(self.shares);
        let periods = times.zip(tallies).enumerate().map(|(at, (((hour, epoch), shares), arms))| Period {
            cohort: Cohort { epoch, hour },
            shares,
            arms,
            holdout: self.holdout.tally(at),
        });
        History::new(periods.collect())
    }
}

impl Counts {
    fn read(columns: &mut Columns<'_>) -> Result<Self, Error> {
        let mut read = Self::default();
        let Self {
            sums: [exposures, conversions, rewards, units, revenue, cost],
            squares: [of_revenue, of_profit],
        } = &mut read;
        columns.fields(|columns, name| {
            match name {
                "exposures" => *exposures = columns.integers()?,
                "conversions" => *conversions = columns.integers()?,
                "rewards" => *rewards = columns.integers()?,
                "units" => *units = columns.integers()?,
                "revenue_minor" => *revenue = columns.integers()?,
                "cost_minor" => *cost = columns.integers()?,
                "revenue_sq" => *of_revenue = columns.integers()?,
                "profit_sq" => *of_profit = columns.integers()?,
                _ => drop(columns.raw()?),
            }
            Ok(())
        })?;
        Ok(read)
    }

    /// What was counted in the period at this place; the columns are long enough.
    fn tally(&self, at: usize) -> Tally {
        let [exposures, conversions, rewards, units, revenue_minor, cost_minor] =
            self.sums.each_ref().map(|column| column.get(at).copied().unwrap_or(0));
        let [revenue_sq, profit_sq] =
            self.squares.each_ref().map(|column| column.get(at).copied().unwrap_or(0));
        Tally { exposures, conversions, rewards, units, revenue_minor, cost_minor, revenue_sq, profit_sq }
    }
}

/// An entry of the delays: hour, delay and conversions.
fn delay(columns: &mut Columns<'_>, into: &mut Delays) -> Result<(), Error> {
    let entry: Vec<i64> = columns.integers()?;
    let count = |given| u32::try_from(given).map_err(|_| columns.fault("an hour and a delay before this"));
    match *entry.as_slice() {
        [hour, delay, conversions] => into.add(count(hour)?, count(delay)?, conversions),
        _ => Err(columns.fault("an hour, a delay and a number of conversions before this")),
    }
}

/// A text; nothing where it is null.
fn text_of(what: &str, json: &str) -> Result<Option<String>, Error> {
    match parse(json) {
        Ok(Json::Null) => Ok(None),
        Ok(Json::Text(text)) => Ok(Some(text)),
        _ => Err(Error::value(what, json, "a text or null")),
    }
}

/// A time in milliseconds; nothing where it is null.
fn time_of(what: &str, json: &str) -> Result<Option<u64>, Error> {
    let read =
        |text: &str| text.parse().map_err(|_| Error::value(what, text, "a time in milliseconds, or null"));
    Some(json).filter(|&json| json != "null").map(read).transpose()
}
