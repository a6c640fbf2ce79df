//! Stages 3 and 4, exposure and reward: what the shop sends back, in time and in bounds.
//!
//! In scope: the text of `POST /haggle/v1/exposures`, `/quotes/verify` and `/rewards`, and every bound on their values.
//! Out of scope: whether a quote is genuine (see [`Quotary`](crate::Quotary)) and whether it was seen before.

use crate::json::{Fields, Value};
use crate::ledger::Credit;
use crate::{Cohort, Currency, Error, Quote, TallyKey};

/// Most prices or quotes of one exposure report.
pub const SHOWN_MAX: usize = 60;

/// Most lines of one cart.
pub const CART_LINES_MAX: usize = 100;

/// Most reward lines of one report.
pub const LINES_MAX: usize = 200;

/// Most pieces of one reward line.
pub const UNITS_MAX: i64 = 10_000;

/// Largest revenue or cost of one reward line, in minor units.
pub const LINE_MINOR_MAX: i64 = 1_000_000_000_000;

/// A decision that was really shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// The same for every view of this unit while its quote is held; another unit or another quote is another id.
    pub id: String,
    /// Whose tally it counts in.
    pub key: TallyKey,
    /// When the ledger may forget it, in seconds since 1970-01-01 UTC: the quote and the reward window are over.
    pub forget_at_s: u64,
}

impl From<&Quote> for Exposure {
    fn from(quote: &Quote) -> Self {
        let cohort =
            Cohort { epoch: quote.epoch, hour: u32::try_from(quote.issued_at_s / 3600).unwrap_or(u32::MAX) };
        let window_ends = quote.issued_at_s.saturating_add(u64::from(quote.reward_window_s));
        Self {
            id: quote.exposure_id.clone(),
            key: TallyKey { experiment: quote.experiment.clone(), arm: quote.arm.clone(), cohort },
            forget_at_s: quote.expires_at_s.max(window_ends),
        }
    }
}

/// Whole hours from a decision until a reward for it was taken in, at most the reward window.
pub fn delay_hours(quote: &Quote, now_s: u64) -> u32 {
    let delay_s = now_s.saturating_sub(quote.issued_at_s).min(u64::from(quote.reward_window_s));
    u32::try_from(delay_s / 3600).unwrap_or(u32::MAX)
}

/// What a line of an order says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RewardKind {
    /// It was sold.
    Sale,
    /// A part of it was given back: pieces, money, or both.
    Refund,
    /// All that was left of it was given back.
    Cancellation,
}

impl RewardKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sale, Self::Refund, Self::Cancellation];

    /// The word for it in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Refund => "refund",
            Self::Cancellation => "cancellation",
        }
    }
}

/// One line of an order, attributed to the quote that it was sold at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reward {
    /// The shop's number of the order.
    pub order_id: String,
    /// The line within the order.
    pub line_id: String,
    /// Whether it was sold or given back.
    pub kind: RewardKind,
    /// The shop's number of the refund or cancellation; empty for a sale.
    pub refund_id: String,
    /// The signed quote, as the shop got it with the form.
    pub quote: String,
    /// Pieces, net revenue and net cost: of the whole line where it was sold, else what is given back of it. Zeros
    /// for a cancellation, which takes all that is left.
    pub credit: Credit,
}

/// What a page or an app reports as seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Prices on a page; the visitor's pins say of which decisions they are.
    Prices(Vec<ShownPrice>),
    /// Signed quotes, of an app that has no cookies.
    Quotes(Vec<String>),
}

/// A price that a page has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownPrice {
    /// The item.
    pub sku: String,
    /// The price of one unit, as the shopper saw it.
    pub price_minor: i64,
}

/// Reads `{"shown": [{"sku", "price_minor"}]}` or `{"quotes": ["…"]}`.
///
/// # Errors
/// Says what is wrong with the text, or that nothing was shown or too much.
pub fn parse_exposures(json: &str) -> Result<Seen, Error> {
    const WHAT: &str = "an exposure report in JSON";
    let mut body = Fields::parse(WHAT, json, &["shown", "quotes"])?;
    match [body.take("shown"), body.take("quotes")].map(Value::if_any) {
        [Some(shown), None] => {
            let shown = some_of("number of prices", shown, SHOWN_MAX)?;
            Ok(Seen::Prices(shown.into_iter().map(ShownPrice::read).collect::<Result<_, _>>()?))
        }
        [None, Some(quotes)] => {
            let quotes = some_of("number of quotes", quotes, SHOWN_MAX)?;
            Ok(Seen::Quotes(quotes.into_iter().map(Value::text).collect::<Result<_, _>>()?))
        }
        _ => Err(Error::syntax(WHAT, "it must have shown or quotes, one of them")),
    }
}

impl ShownPrice {
    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = value.fields(&["sku", "price_minor"])?;
        Ok(Self { sku: fields.take("sku").text()?, price_minor: fields.take("price_minor").integer()? })
    }
}

/// A line of a cart that is about to be charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartLine {
    /// The shop's name for the line, to find its result by.
    pub line_id: Option<String>,
    /// The item in the cart.
    pub sku: String,
    /// The quote that came with it; empty where none did.
    pub quote: String,
    /// ISO 4217 code of the cart; none where the shop has one currency only.
    pub currency: Option<String>,
}

/// Reads `{"lines": [{"line_id", "sku", "quote", "currency"}]}`; a line without a quote is one whose quote is refused.
///
/// # Errors
/// Says what is wrong with the text, or that there are no lines or too many.
pub fn parse_cart(json: &str) -> Result<Vec<CartLine>, Error> {
    let lines = Fields::parse("a cart in JSON", json, &["lines"])?.take("lines");
    some_of("number of lines", lines, CART_LINES_MAX)?.into_iter().map(CartLine::read).collect()
}

impl CartLine {
    fn read(line: Value) -> Result<Self, Error> {
        let mut fields = line.fields(&["line_id", "sku", "quote", "currency"])?;
        let mut text = |name| fields.take(name).if_any().map(Value::text).transpose();
        let (line_id, quote, currency) = (text("line_id")?, text("quote")?, text("currency")?);
        // Never equal to that of a quote, it would refuse every one of them and nobody would know why.
        currency.as_deref().map_or(Ok(()), |currency| currency.parse::<Currency>().map(drop))?;
        Ok(Self { line_id, sku: fields.take("sku").text()?, quote: quote.unwrap_or_default(), currency })
    }
}

/// The values of a list that has between one and `most` of them.
fn some_of(what: &str, list: Value, most: usize) -> Result<Vec<Value>, Error> {
    let values = list.list()?;
    if (1..=most).contains(&values.len()) {
        Ok(values)
    } else {
        Err(Error::value(what, values.len(), format!("1 to {most}")))
    }
}

struct OrderText {
    order_id: String,
    lines: Vec<LineText>,
}

struct LineText {
    line_id: String,
    kind: RewardKind,
    refund_id: String,
    quote: String,
    credit: Credit,
}

/// The identity of a reward line and, if it is in bounds, the line itself.
pub type ParsedReward = (String, String, Result<Reward, Error>);

/// Reads one order `{"order_id", "lines": [...]}` or a batch `{"orders": [...]}`.
///
/// A line out of bounds is refused by itself; its neighbours stand.
///
/// # Errors
/// Says what is wrong with the text, or that there are no lines or too many.
pub fn parse_rewards(json: &str) -> Result<Vec<ParsedReward>, Error> {
    const WHAT: &str = "an order or a batch of orders in JSON";
    let mut body = Fields::parse(WHAT, json, &["orders", "order_id", "lines"])?;
    let parts = [body.take("orders"), body.take("order_id"), body.take("lines")].map(Value::if_any);
    let orders: Vec<OrderText> = match parts {
        [Some(orders), None, None] => {
            orders.list()?.into_iter().map(OrderText::read).collect::<Result<_, _>>()?
        }
        [None, Some(order_id), Some(lines)] => vec![OrderText::of(order_id, lines)?],
        _ => return Err(Error::syntax(WHAT, "it must have order_id and lines, or orders alone")),
    };
    let count: usize = orders.iter().map(|order| order.lines.len()).sum();
    if !(1..=LINES_MAX).contains(&count) {
        return Err(Error::value(
            "number of reward lines",
            count,
            format!("1 to {LINES_MAX} in one request"),
        ));
    }
    let lines = orders.into_iter().flat_map(|order| {
        order.lines.into_iter().map(move |line| {
            let (order_id, line_id) = (order.order_id.clone(), line.line_id.clone());
            (order_id.clone(), line_id, line.check(order_id))
        })
    });
    Ok(lines.collect())
}

impl OrderText {
    fn read(order: Value) -> Result<Self, Error> {
        let mut fields = order.fields(&["order_id", "lines"])?;
        Self::of(fields.take("order_id"), fields.take("lines"))
    }

    fn of(order_id: Value, lines: Value) -> Result<Self, Error> {
        let lines = lines.list()?.into_iter().map(LineText::read).collect::<Result<_, _>>()?;
        Ok(Self { order_id: order_id.text()?, lines })
    }
}

impl LineText {
    fn read(line: Value) -> Result<Self, Error> {
        let mut fields = line.any_fields()?;
        let kind = match fields.take("kind").if_given() {
            Some(kind) => kind.one_of(&RewardKind::ALL, RewardKind::name)?,
            None => RewardKind::Sale,
        };
        let mut fields = fields.only(match kind {
            RewardKind::Sale => &["kind", "line_id", "quote", "units", "revenue_minor", "cost_minor"],
            RewardKind::Refund => {
                &["kind", "refund_id", "line_id", "quote", "units", "revenue_minor", "cost_minor"]
            }
            RewardKind::Cancellation => &["kind", "refund_id", "line_id", "quote"],
        })?;
        let mut refund_id = String::new();
        if kind != RewardKind::Sale {
            refund_id = fields.take("refund_id").text()?;
        }
        let (line_id, quote) = (fields.take("line_id").text()?, fields.take("quote").text()?);
        let mut credit = Credit::default();
        if kind != RewardKind::Cancellation {
            credit.units = fields.take("units").integer()?;
            credit.revenue_minor = fields.take("revenue_minor").integer()?;
            credit.cost_minor = fields.take("cost_minor").if_any().map_or(Ok(0), |cost| cost.integer())?;
        }
        Ok(Self { line_id, kind, refund_id, quote, credit })
    }

    fn check(self, order_id: String) -> Result<Reward, Error> {
        let Self { line_id, kind, refund_id, quote, credit } = self;
        check_id("order_id", &order_id)?;
        check_id("line_id", &line_id)?;
        if kind != RewardKind::Sale {
            check_id("refund_id", &refund_id)?;
        }
        check_bounds("units", credit.units, i64::from(kind == RewardKind::Sale), UNITS_MAX)?;
        check_bounds("revenue_minor", credit.revenue_minor, 0, LINE_MINOR_MAX)?;
        check_bounds("cost_minor", credit.cost_minor, 0, LINE_MINOR_MAX)?;
        if kind == RewardKind::Refund && credit == Credit::default() {
            return Err(Error::value("refund", 0, "of pieces, of revenue or of both"));
        }
        Ok(Reward { order_id, line_id, kind, refund_id, quote, credit })
    }
}

pub(crate) fn check_id(what: &str, id: &str) -> Result<(), Error> {
    if (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(Error::value(what, format!("{id:?}"), "1 to 64 visible ASCII characters"))
    }
}

pub(crate) fn check_bounds(what: &str, value: i64, least: i64, most: i64) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::value(what, value, format!("{least} to {most}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(change: (&str, &str)) -> String {
        let line = r#"{"line_id":"1","quote":"q","units":2,"revenue_minor":3800,"cost_minor":1600}"#;
        line.replace(change.0, change.1)
    }

    fn order(change: (&str, &str)) -> String {
        format!(r#"{{"order_id":"o-1","lines":[{}]}}"#, line(change))
    }

    #[test]
    fn an_order_and_a_batch_read_the_same() {
        let one = parse_rewards(&order(("", ""))).unwrap();
        assert_eq!(one, parse_rewards(&format!(r#"{{"orders":[{}]}}"#, order(("", "")))).unwrap());
        let reward = one[0].2.clone().unwrap();
        assert_eq!(reward.credit, Credit { units: 2, revenue_minor: 3800, cost_minor: 1600 });
    }

    #[test]
    fn a_line_out_of_bounds_is_refused_by_itself() {
        for (change, given, allowed) in [
            (("\"units\":2", "\"units\":0"), "0", "1 to 10000"),
            (("3800", "-1"), "-1", "0 to 1000000000000"),
            (("1600", "9000000000000"), "9000000000000", "0 to 1000000000000"),
            (("\"line_id\":\"1\"", "\"line_id\":\"\""), "\"\"", "1 to 64"),
            (("\"line_id\":\"1\"", "\"line_id\":\"a b\""), "\"a b\"", "visible"),
        ] {
            let text = format!(r#"{{"order_id":"o-1","lines":[{},{}]}}"#, line(change), line(("", "")));
            let parsed = parse_rewards(&text).unwrap();
            let error = parsed[0].2.as_ref().unwrap_err().to_string();
            assert!(error.contains(given) && error.contains(allowed), "{error}");
            assert!(parsed[1].2.is_ok());
        }
    }

    #[test]
    fn a_delay_is_counted_in_whole_hours_within_the_reward_window() {
        let quote = Quote {
            merchant: "m".into(),
            sku: "s".into(),
            currency: "EUR".into(),
            price_minor: 1,
            catalogue_minor: 1,
            experiment: "x".into(),
            arm: "a".into(),
            propensity: 1,
            epoch: 1,
            version: 1,
            issued_at_s: 1_000_000,
            expires_at_s: 1_003_600,
            reward_window_s: 36_000,
            shards: 1,
            exposure_id: "i".into(),
            is_shared: false,
            is_preview: false,
        };
        for (after_s, hours) in
            [(-300, 0), (0, 0), (3599, 0), (3600, 1), (35_999, 9), (36_000, 10), (99_999_999, 10)]
        {
            let now_s = quote.issued_at_s.checked_add_signed(after_s).unwrap();
            assert_eq!(delay_hours(&quote, now_s), hours, "{after_s} s");
        }
    }

    #[test]
    fn a_refund_gives_back_what_it_says_and_a_cancellation_all() {
        let read = |line: &str| {
            let text = format!(r#"{{"order_id":"o-1","lines":[{{"line_id":"1","quote":"q",{line}}}]}}"#);
            parse_rewards(&text).and_then(|mut lines| lines.remove(0).2)
        };
        let refund = read(r#""kind":"refund","refund_id":"r-1","units":0,"revenue_minor":500"#).unwrap();
        assert_eq!((refund.kind, refund.refund_id.as_str()), (RewardKind::Refund, "r-1"));
        assert_eq!(refund.credit, Credit { units: 0, revenue_minor: 500, cost_minor: 0 });
        let cancellation = read(r#""kind":"cancellation","refund_id":"c-1""#).unwrap();
        assert_eq!((cancellation.kind, cancellation.credit), (RewardKind::Cancellation, Credit::default()));
        let sale = read(r#""kind":"sale","units":1,"revenue_minor":500"#).unwrap();
        assert_eq!((sale.kind, sale.refund_id.as_str()), (RewardKind::Sale, ""));
        for (line, why) in [
            (
                r#""kind":"return","refund_id":"r""#,
                "kind is \"return\"; it must be one of sale, refund, cancellation",
            ),
            (r#""kind":"refund","units":1,"revenue_minor":1"#, "refund_id is missing; it must be a text"),
            (
                r#""kind":"refund","refund_id":"","units":1,"revenue_minor":1"#,
                "refund_id is \"\"; it must be 1 to 64",
            ),
            (
                r#""kind":"refund","refund_id":"r","units":-1,"revenue_minor":1"#,
                "units is -1; it must be 0 to",
            ),
            (
                r#""kind":"refund","refund_id":"r","units":1,"revenue_minor":-1"#,
                "revenue_minor is -1; it must be 0",
            ),
            (
                r#""kind":"refund","refund_id":"r","units":0,"revenue_minor":0"#,
                "refund is 0; it must be of pieces",
            ),
            (r#""kind":"refund","refund_id":"r","units":1"#, "revenue_minor is missing"),
            (
                r#""kind":"cancellation","refund_id":"c","units":1"#,
                "field lines[0].units is not known; it must be one of kind, refund_id, line_id, quote",
            ),
            (
                r#""units":1,"revenue_minor":1,"refund_id":"r""#,
                "field lines[0].refund_id is not known; it must be one of kind, line_id, quote, units",
            ),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    #[test]
    fn a_text_of_another_shape_is_refused_whole() {
        for (text, why) in [
            ("", "JSON"),
            ("[]", "order"),
            (r#"{"order_id":"o"}"#, "order_id and lines, or orders alone"),
            (r#"{"orders":[]}"#, "0; it must be 1 to 200"),
            (r#"{"order_id":"o","lines":[{"line_id":"1"}]}"#, "quote"),
            (order(("\"units\":2", "\"units\":2.5")).as_str(), "2.5"),
            (
                order(("units", "unit")).as_str(),
                "field lines[0].unit is not known; it must be one of kind, line_id",
            ),
            (order(("3800", "\"38\"")).as_str(), "lines[0].revenue_minor is \"38\"; it must be an integer"),
            (r#"{"orders":[{"order_id":1,"lines":[]}]}"#, "orders[0].order_id is 1; it must be a text"),
        ] {
            let error = parse_rewards(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn prices_and_quotes_are_reported_one_kind_at_a_time() {
        let shown = parse_exposures(r#"{"shown":[{"sku":"OLIVE-500","price_minor":1750}]}"#).unwrap();
        assert_eq!(shown, Seen::Prices(vec![ShownPrice { sku: "OLIVE-500".into(), price_minor: 1750 }]));
        let quotes = parse_exposures(r#"{"quotes":["a.b.c"],"shown":null}"#).unwrap();
        assert_eq!(quotes, Seen::Quotes(vec!["a.b.c".into()]));
        let many = format!(r#"{{"shown":[{}]}}"#, [r#"{"sku":"s","price_minor":1}"#; 61].join(","));
        for (text, why) in [
            ("x", "not an exposure report in JSON"),
            ("{}", "it must have shown or quotes"),
            (r#"{"shown":[{"sku":"s","price_minor":1}],"quotes":["q"]}"#, "it must have shown or quotes"),
            (r#"{"quotes":[]}"#, "number of quotes is 0; it must be 1 to 60"),
            (r#"{"quotes":[1]}"#, "quotes[0] is 1"),
            (many.as_str(), "number of prices is 61; it must be 1 to 60"),
            (r#"{"shown":["s"]}"#, "shown[0] is \"s\"; it must be an object"),
            (
                r#"{"shown":[{"sku":"s","price_minor":17.5}]}"#,
                "shown[0].price_minor is 17.5; it must be an integer",
            ),
            (r#"{"shown":[{"sku":"s"}]}"#, "shown[0].price_minor is missing"),
            (r#"{"shown":[{"sku":"s","price_minor":1,"arm":"low"}]}"#, "field shown[0].arm is not known"),
        ] {
            let error = parse_exposures(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_line_of_a_cart_may_have_come_without_a_quote() {
        let cart =
            r#"{"lines":[{"line_id":"1","sku":"s","quote":"q","currency":"EUR"},{"sku":"t","quote":null}]}"#;
        let line = |line_id: Option<&str>, sku: &str, quote: &str, currency: Option<&str>| CartLine {
            line_id: line_id.map(String::from),
            sku: sku.into(),
            quote: quote.into(),
            currency: currency.map(String::from),
        };
        let expected = [line(Some("1"), "s", "q", Some("EUR")), line(None, "t", "", None)];
        assert_eq!(parse_cart(cart).unwrap(), expected);
        let many = format!(r#"{{"lines":[{}]}}"#, [r#"{"sku":"s"}"#; 101].join(","));
        for (text, why) in [
            ("[]", "not a cart in JSON: it is a list"),
            ("{}", "lines is missing; it must be a list"),
            (r#"{"lines":[]}"#, "number of lines is 0; it must be 1 to 100"),
            (many.as_str(), "number of lines is 101; it must be 1 to 100"),
            (r#"{"lines":[{"quote":"q"}]}"#, "lines[0].sku is missing; it must be a text"),
            (r#"{"lines":[{"sku":"s","quote":5}]}"#, "lines[0].quote is 5; it must be a text"),
            (r#"{"lines":[{"sku":"s","price_minor":5}]}"#, "field lines[0].price_minor is not known"),
        ] {
            let error = parse_cart(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
