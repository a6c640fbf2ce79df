//! What is randomised and for how long: the unit with its periods and families, dates, and the stopping rule.

use super::super::limits::{EXPECTED_LOSS_MINOR, MIN_WEEKS, PERIOD_HOURS};
use super::super::{Experiment, Goods, StopRule, Unit};
use crate::error::decimal;
use crate::json::{Fields, Value};
use crate::{Error, time};

const WEEK_MS: u64 = 7 * time::DAY_MS;

pub(super) fn read_unit(unit: Value, goods: &Goods) -> Result<Unit, Error> {
    let Some(given) = unit.if_given() else { return Ok(Unit::Visitor) };
    match (given.one_of(&Unit::ALL, Unit::name)?, goods) {
        (unit, Goods::Item(_)) if unit.is_of_items() => Err(given
            .refusal("\"visitor\" with [item]: items can be randomised where there are many, in [scope]")),
        (unit, _) => Ok(unit),
    }
}

/// Hours of a period, and of these those at its beginning that do not count.
pub(super) fn read_periods(fields: &mut Fields, unit: Unit) -> Result<(Option<u32>, u32), Error> {
    let (period, washout) = (fields.take("period_hours"), fields.take("washout_hours"));
    if unit != Unit::ItemPeriod {
        if let Some(given) = [period, washout].into_iter().find_map(Value::if_any) {
            return Err(given.refusal(format!("left out with the unit {}: it has no periods", unit.name())));
        }
        return Ok((None, 0));
    }
    let Some(period) = period.clone().if_any() else {
        let (least, most) = PERIOD_HOURS.into_inner();
        return Err(period.refusal(format!("given with the unit item-period: {least} to {most} hours")));
    };
    let hours = period.integer_in(PERIOD_HOURS)?;
    let washout = washout.if_any().map_or(Ok(0), |it| it.integer_in(0..=hours - 1))?;
    Ok((Some(hours as u32), washout as u32))
}

pub(super) fn read_families(families: Value, unit: Unit) -> Result<bool, Error> {
    let Some(given) = families.if_any() else { return Ok(unit == Unit::Family) };
    match (given.truth()?, unit) {
        (true, Unit::Visitor) => {
            Err(given.refusal("false with the unit visitor, whose items share an arm anyway"))
        }
        (true, Unit::Item) => Err(given.refusal("false with the unit item: families are a unit, \"family\"")),
        (false, Unit::Family) => Err(given.refusal("true or left out with the unit family")),
        (families, _) => Ok(families),
    }
}

/// When it may start, and when it ends at the latest.
pub(super) fn read_dates(fields: &mut Fields) -> Result<[Option<u64>; 2], Error> {
    let (start, end) = (read_time(fields.take("start"))?, read_time(fields.take("end"))?);
    if let (Some(start), Some(end)) = (start, end)
        && end <= start
    {
        let allowed = format!("after the start, {}", time::format_time(start));
        return Err(Error::value("end", time::format_time(end), allowed));
    }
    Ok([start, end])
}

fn read_time(at: Value) -> Result<Option<u64>, Error> {
    let Some(at) = at.if_any() else { return Ok(None) };
    let allowed = "a date such as 2026-12-01, or a time with its offset such as 2026-12-01T09:30:00Z";
    let text = at.clone().text().map_err(|_| at.refusal(allowed))?;
    time::parse(&text).map(Some).ok_or_else(|| at.refusal(allowed))
}

pub(super) fn read_stop(stop: Value) -> Result<StopRule, Error> {
    let Some(stop) = stop.if_any() else {
        return Ok(StopRule { expected_loss_minor: None, min_weeks: 0 });
    };
    let mut fields = stop.fields(&["expected_loss_minor", "min_weeks"])?;
    let (least, most) = EXPECTED_LOSS_MINOR.into_inner();
    let allowed = format!("a number from {} to {} minor units", decimal(least), decimal(most));
    let loss = fields.take("expected_loss_minor").if_any();
    let weeks = fields.take("min_weeks").if_any();
    Ok(StopRule {
        expected_loss_minor: loss.map(|it| it.fraction_in(least..=most, &allowed)).transpose()?,
        min_weeks: weeks.map_or(Ok(0), |it| it.integer_in(MIN_WEEKS))? as u32,
    })
}

/// Whether the weeks that it is to last at least fit between its dates.
pub(super) fn check(experiment: &Experiment) -> Result<(), Error> {
    let (Some(start), Some(end)) = (experiment.start_ms, experiment.end_ms) else { return Ok(()) };
    let weeks = experiment.stop.min_weeks;
    let least = start + u64::from(weeks) * WEEK_MS;
    if end >= least {
        return Ok(());
    }
    let allowed = format!("at least {}: stop.min_weeks is {weeks}", time::format_time(least));
    Err(Error::value("end", time::format_time(end), allowed))
}
