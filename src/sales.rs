//! Stage 4 where items are randomised: what the shop sold, by item, as order lines or as a daily sales file.
//!
//! Everybody sees the same price of an item then, so a sale needs no quote: its item and its time say which arm it
//! belongs to. In scope: the text of `POST /haggle/v1/sales` and every bound on its values. Out of scope: whether a line
//! was seen before, and which arm its item was on (the Worker's central store).

use crate::catalogue::check_sku;
use crate::event::{LINE_MINOR_MAX, RewardKind, UNITS_MAX, check_bounds, check_id};
use crate::json::{Fields, Value};
use crate::ledger::Credit;
use crate::time::{self, DAY_MS, HOUR_MS};
use crate::{Error, Reward};

/// Most lines, or days of items, of one request.
pub const LINES_MAX: usize = 500;

/// Most pieces of an item in a day, either sign.
pub const DAY_UNITS_MAX: i64 = 10_000_000;

/// A line is taken so long after it was sold.
pub const AGE_MAX_MS: u64 = 90 * DAY_MS;

/// A line's time may be so far ahead: clocks differ.
pub const AHEAD_MAX_MS: u64 = 300_000;

/// The order that days of a sales file are kept under. No order line is: a line of its key has a space.
const DAY: &str = "day";

/// What was sold of an item, or given back, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The shop's number of the order; `day` for a day of a sales file.
    pub order_id: String,
    /// The line within the order; the item and the date for a day of a sales file.
    pub line_id: String,
    /// The name of the kind: `sale`, `refund`, `cancellation` or `day`.
    pub kind: &'static str,
    /// The shop's number of the refund or cancellation; else empty.
    pub refund_id: String,
    /// The item.
    pub sku: String,
    /// When: hours since 1970-01-01 UTC. The first hour of a day.
    pub hour: u64,
    /// Pieces, net revenue and net cost: negative where they were given back, 0 for a cancellation, which takes all that
    /// is left of its line.
    pub credit: Credit,
}

impl Sale {
    /// Whether it is a day of a sales file: a later one for the same item and day replaces it.
    pub fn is_day(&self) -> bool {
        self.kind == DAY
    }

    /// A reward that was sent with the quote of an item whose price everybody sees, taken in in this hour.
    pub fn of_reward(reward: &Reward, sku: &str, hour: u64) -> Self {
        Self {
            order_id: reward.order_id.clone(),
            line_id: reward.line_id.clone(),
            kind: reward.kind.name(),
            refund_id: reward.refund_id.clone(),
            sku: sku.into(),
            hour,
            credit: signed(reward.kind, reward.credit),
        }
    }
}

/// A line of a report: what it is known by, and the line itself if it is in bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The order and the line within it; or the day and the item.
    pub identity: Identity,
    /// What is to be stored, or why it is not.
    pub sale: Result<Sale, Error>,
}

/// What a line of a report is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A line of an order.
    Line {
        /// The shop's number of the order.
        order_id: String,
        /// The line within the order.
        line_id: String,
    },
    /// A day of a sales file.
    Day {
        /// The date.
        day: String,
        /// The item.
        sku: String,
    },
}

/// Reads `{"lines": [{"order_id", "line_id", "kind", "refund_id", "sku", "units", "revenue_minor", "cost_minor", "at"}]}`
/// or `{"days": [{"day", "sku", "units", "revenue_minor", "cost_minor"}]}`, at this moment.
///
/// `kind` is `sale` where it is left out, `at` (RFC 3339, or milliseconds since 1970-01-01 UTC) is now. Days are those of
/// UTC. A line out of bounds is refused by itself; its neighbours stand.
///
/// ```
/// use haggle::sales::parse_sales;
/// let text = r#"{"lines": [{"order_id": "o-1", "line_id": "1", "sku": "OLIVE-500", "units": 2, "revenue_minor": 3500,
///     "cost_minor": 1600, "at": "2026-12-01T10:30:00+01:00"}]}"#;
/// let at_ms = 1_796_122_800_000; // 2026-12-01T11:00:00Z
/// let lines = parse_sales(text, at_ms)?;
/// assert_eq!(lines[0].sale.as_ref().map(|sale| sale.hour), Ok(at_ms / 3_600_000 - 2));
/// # Ok::<(), haggle::Error>(())
/// ```
///
/// # Errors
/// Says what is wrong with the text, or that there are no lines or too many.
pub fn parse_sales(json: &str, now_ms: u64) -> Result<Vec<Reported>, Error> {
    const WHAT: &str = "a sales report in JSON";
    let mut body = Fields::parse(WHAT, json, &["lines", "days"])?;
    let (lines, read): (Value, ReadLine) = match [body.take("lines"), body.take("days")].map(Value::if_any) {
        [Some(lines), None] => (lines, read_line),
        [None, Some(days)] => (days, read_day),
        _ => return Err(Error::syntax(WHAT, "it must have lines or days, one of them")),
    };
    let lines = lines.list()?;
    if !(1..=LINES_MAX).contains(&lines.len()) {
        return Err(Error::value(
            "number of sales lines",
            lines.len(),
            format!("1 to {LINES_MAX} in one request"),
        ));
    }
    lines.into_iter().map(|line| read(line, now_ms)).collect()
}

/// Reads one line of a report at this moment.
type ReadLine = fn(Value, u64) -> Result<Reported, Error>;

/// What was given back is negative.
fn signed(kind: RewardKind, credit: Credit) -> Credit {
    let Credit { units, revenue_minor, cost_minor } = credit;
    match kind {
        RewardKind::Sale => credit,
        RewardKind::Refund => {
            Credit { units: -units, revenue_minor: -revenue_minor, cost_minor: -cost_minor }
        }
        RewardKind::Cancellation => Credit::default(),
    }
}

fn read_line(line: Value, now_ms: u64) -> Result<Reported, Error> {
    let mut fields = line.any_fields()?;
    let kind = match fields.take("kind").if_given() {
        Some(kind) => kind.one_of(&RewardKind::ALL, RewardKind::name)?,
        None => RewardKind::Sale,
    };
    let mut fields = fields.only(match kind {
        RewardKind::Sale => {
            &["kind", "order_id", "line_id", "sku", "units", "revenue_minor", "cost_minor", "at"]
        }
        RewardKind::Refund => {
            &["kind", "order_id", "line_id", "refund_id", "sku", "units", "revenue_minor", "cost_minor", "at"]
        }
        RewardKind::Cancellation => &["kind", "order_id", "line_id", "refund_id", "sku", "at"],
    })?;
    let (order_id, line_id) = (fields.take("order_id").text()?, fields.take("line_id").text()?);
    let mut refund_id = String::new();
    if kind != RewardKind::Sale {
        refund_id = fields.take("refund_id").text()?;
    }
    let sku = fields.take("sku").text()?;
    let mut credit = Credit::default();
    if kind != RewardKind::Cancellation {
        credit = read_credit(&mut fields)?;
    }
    let at_ms = match fields.take("at").if_any() {
        None => now_ms,
        Some(at) => read_time(at)?,
    };
    let identity = Identity::Line { order_id: order_id.clone(), line_id: line_id.clone() };
    let sale = Sale {
        order_id,
        line_id,
        kind: kind.name(),
        refund_id,
        sku,
        hour: at_ms / HOUR_MS,
        credit: signed(kind, credit),
    };
    let checked = check_line(&sale, kind, credit).and_then(|()| check_time("at", at_ms, now_ms));
    Ok(Reported { identity, sale: checked.map(|()| sale) })
}

fn read_credit(fields: &mut Fields) -> Result<Credit, Error> {
    let mut amount = |name| fields.take(name).integer();
    Ok(Credit {
        units: amount("units")?,
        revenue_minor: amount("revenue_minor")?,
        cost_minor: amount("cost_minor")?,
    })
}

/// A time in RFC 3339, or in milliseconds since 1970.
fn read_time(at: Value) -> Result<u64, Error> {
    let refused = at.refusal("a time such as 2026-12-01T09:30:00Z, or milliseconds since 1970-01-01 UTC");
    if let Ok(at_ms) = at.count() {
        return Ok(at_ms);
    }
    at.text().ok().and_then(|text| time::parse(&text)).ok_or(refused)
}

fn check_line(sale: &Sale, kind: RewardKind, given: Credit) -> Result<(), Error> {
    check_id("order_id", &sale.order_id)?;
    check_id("line_id", &sale.line_id)?;
    if kind != RewardKind::Sale {
        check_id("refund_id", &sale.refund_id)?;
    }
    check_sku("sku", &sale.sku)?;
    if kind == RewardKind::Cancellation {
        return Ok(());
    }
    check_bounds("units", given.units, i64::from(kind == RewardKind::Sale), UNITS_MAX)?;
    check_bounds("revenue_minor", given.revenue_minor, 0, LINE_MINOR_MAX)?;
    check_bounds("cost_minor", given.cost_minor, 0, LINE_MINOR_MAX)?;
    if given == Credit::default() {
        return Err(Error::value("refund", 0, "of pieces, of revenue or of both"));
    }
    Ok(())
}

fn check_time(what: &str, at_ms: u64, now_ms: u64) -> Result<(), Error> {
    let allowed = if at_ms > now_ms.saturating_add(AHEAD_MAX_MS) {
        "at most 5 minutes ahead"
    } else if at_ms < now_ms.saturating_sub(AGE_MAX_MS) {
        "within the last 90 days"
    } else {
        return Ok(());
    };
    let given = if at_ms < 253_402_300_800_000 { time::format_time(at_ms) } else { at_ms.to_string() };
    Err(Error::value(what, given, allowed))
}

fn read_day(line: Value, now_ms: u64) -> Result<Reported, Error> {
    let mut fields = line.fields(&["day", "sku", "units", "revenue_minor", "cost_minor"])?;
    let day = fields.take("day");
    let refused = day.refusal("a date such as 2026-12-01");
    let day = day.text()?;
    let at_ms = time::parse_date(&day).ok_or(refused)?;
    let sku = fields.take("sku").text()?;
    let credit = read_credit(&mut fields)?;
    let sale = Sale {
        order_id: DAY.into(),
        line_id: format!("{sku} {day}"),
        kind: DAY,
        refund_id: String::new(),
        sku: sku.clone(),
        hour: at_ms / HOUR_MS,
        credit,
    };
    let checked = check_sku("sku", &sku)
        .and_then(|()| check_bounds("units", credit.units, -DAY_UNITS_MAX, DAY_UNITS_MAX))
        .and_then(|()| check_bounds("revenue_minor", credit.revenue_minor, -LINE_MINOR_MAX, LINE_MINOR_MAX))
        .and_then(|()| check_bounds("cost_minor", credit.cost_minor, -LINE_MINOR_MAX, LINE_MINOR_MAX))
        .and_then(|()| check_time("day", at_ms, now_ms));
    Ok(Reported { identity: Identity::Day { day, sku }, sale: checked.map(|()| sale) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW_MS: u64 = 1_796_122_800_000; // 2026-12-01T11:00:00Z

    const LINE: &str =
        r#"{"order_id":"o-1","line_id":"1","sku":"A","units":2,"revenue_minor":3500,"cost_minor":1600}"#;
    const DAY_LINE: &str =
        r#"{"day":"2026-11-30","sku":"A","units":20,"revenue_minor":35000,"cost_minor":16000}"#;

    fn read(kind: &str, line: &str) -> Result<Vec<Reported>, Error> {
        parse_sales(&format!(r#"{{"{kind}":[{line}]}}"#), NOW_MS)
    }

    fn sale(kind: &str, line: &str) -> Result<Sale, Error> {
        read(kind, line)?.remove(0).sale
    }

    fn with(line: &str, from: &str, to: &str) -> String {
        assert!(line.contains(from), "{from}");
        line.replace(from, to)
    }

    #[test]
    fn a_line_counts_at_its_time_and_a_refund_is_negative() {
        let sold = sale("lines", LINE).unwrap();
        assert_eq!((sold.hour, sold.kind, sold.credit.units), (NOW_MS / HOUR_MS, "sale", 2));
        let at = |at: &str| sale("lines", &with(LINE, r#""sku""#, &format!(r#""at":{at},"sku""#)));
        assert_eq!(at(r#""2026-12-01T09:59:59+01:00""#).unwrap().hour, NOW_MS / HOUR_MS - 3);
        assert_eq!(at("1796119200000").unwrap().hour, NOW_MS / HOUR_MS - 1);
        let refund = with(LINE, r#""sku""#, r#""kind":"refund","refund_id":"r-1","sku""#);
        let refund = sale("lines", &refund).unwrap();
        assert_eq!(refund.credit, Credit { units: -2, revenue_minor: -3500, cost_minor: -1600 });
        let cancelled =
            r#"{"order_id":"o-1","line_id":"1","kind":"cancellation","refund_id":"c-1","sku":"A"}"#;
        assert_eq!(sale("lines", cancelled).unwrap().credit, Credit::default());
    }

    #[test]
    fn a_day_is_known_by_its_item_and_date() {
        let day = sale("days", DAY_LINE).unwrap();
        assert_eq!((day.order_id.as_str(), day.line_id.as_str(), day.kind), ("day", "A 2026-11-30", "day"));
        assert_eq!(day.hour * HOUR_MS, NOW_MS - 35 * HOUR_MS);
        assert!(day.is_day());
        let back = sale("days", &with(DAY_LINE, "35000", "-35000")).unwrap();
        assert_eq!(back.credit.revenue_minor, -35_000);
    }

    #[test]
    fn each_refusal_says_what_was_given_and_what_is_allowed() {
        for (from, to, why) in [
            (r#""o-1""#, r#""o 1""#, r#"order_id is "o 1"; it must be 1 to 64 visible ASCII characters"#),
            (r#""line_id":"1""#, r#""line_id":"""#, r#"line_id is """#),
            (r#""A""#, r#""<A>""#, "sku is"),
            (r#""units":2"#, r#""units":0"#, "units is 0; it must be 1 to 10000"),
            ("3500", "-1", "revenue_minor is -1; it must be 0 to 1000000000000"),
            ("1600", "1000000000001", "cost_minor is 1000000000001"),
            (
                r#""sku""#,
                r#""at":"2026-12-01T11:05:01Z","sku""#,
                "at is 2026-12-01T11:05:01Z; it must be at most 5 minutes ahead",
            ),
            (r#""sku""#, r#""at":"2026-09-02T10:59:59Z","sku""#, "it must be within the last 90 days"),
            (
                r#""sku""#,
                r#""at":9223372036854775807,"sku""#,
                "at is 9223372036854775807; it must be at most",
            ),
        ] {
            let error = sale("lines", &with(LINE, from, to)).unwrap_err().to_string();
            assert!(error.contains(why), "{to}: {error}");
        }
        for (from, to, why) in [
            (r#""sku""#, r#""at":"noon","sku""#, r#"lines[0].at is "noon"; it must be a time such as"#),
            (r#""units":2"#, r#""units":2.5"#, "lines[0].units is 2.5; it must be an integer"),
            (r#","cost_minor":1600"#, "", "lines[0].cost_minor is missing"),
            (r#""sku""#, r#""skew":1,"sku""#, "field lines[0].skew is not known"),
            (r#""sku""#, r#""kind":"gift","sku""#, "must be one of sale, refund, cancellation"),
            (r#""sku""#, r#""kind":"refund","sku""#, "lines[0].refund_id is missing"),
        ] {
            let error = read("lines", &with(LINE, from, to)).unwrap_err().to_string();
            assert!(error.contains(why), "{to}: {error}");
        }
        let day = |day: &str| read("days", &with(DAY_LINE, "2026-11-30", day));
        let error = day("2026-02-30").unwrap_err().to_string();
        assert_eq!(error, "days[0].day is \"2026-02-30\"; it must be a date such as 2026-12-01");
        assert!(day("2026-12-02").unwrap()[0].sale.is_err() && day("2026-12-01").unwrap()[0].sale.is_ok());
        for bad in ["{}", r#"{"lines":[]}"#, r#"{"lines":[],"days":[]}"#, "[]"] {
            assert!(parse_sales(bad, NOW_MS).is_err(), "{bad}");
        }
        let many = vec![LINE; LINES_MAX + 1].join(",");
        let error = read("lines", &many).unwrap_err().to_string();
        assert_eq!(error, "number of sales lines is 501; it must be 1 to 500 in one request");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*", now: u64) {
            let _ = parse_sales(&text, now);
        }

        #[test]
        fn any_values_are_within_bounds_or_refused(
            day: bool, id in "[ -~]{0,70}", sku in "\\PC{0,10}", units: i64, amount in prop_oneof![-9..9_i64, any::<i64>()],
            at in prop_oneof![any::<i64>(), (NOW_MS as i64 - 8_000_000_000)..(NOW_MS as i64 + 1_000_000)],
        ) {
            let (id, sku) = (serde_json::to_string(&id).unwrap(), serde_json::to_string(&sku).unwrap());
            let amounts = format!(r#""sku":{sku},"units":{units},"revenue_minor":{amount},"cost_minor":{amount}"#);
            let found = if day {
                read("days", &format!(r#"{{"day":"2026-11-30",{amounts}}}"#))
            } else {
                read("lines", &format!(r#"{{"order_id":{id},"line_id":{id},"at":{at},{amounts}}}"#))
            };
            for sale in found.into_iter().flatten().filter_map(|line| line.sale.ok()) {
                prop_assert!(sale.hour * HOUR_MS <= NOW_MS + AHEAD_MAX_MS);
                prop_assert!(sale.hour * HOUR_MS + HOUR_MS > NOW_MS - AGE_MAX_MS);
                prop_assert!(sale.credit.revenue_minor.abs() <= LINE_MINOR_MAX);
                prop_assert!(!sale.sku.contains(' ') && sale.order_id.is_ascii() && !sale.order_id.contains(' '));
            }
        }
    }
}
