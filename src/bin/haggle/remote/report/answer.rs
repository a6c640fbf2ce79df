//! The final answer as the API gives it, and its numbers in words.

use haggle::Currency;
use haggle::time::{format_date, format_time};
use serde::Deserialize;
use serde_json::Value;

/// What `GET …/report` answers; docs/report.md says what each field means.
#[derive(Debug, Deserialize)]
pub struct Answer {
    pub name: String,
    pub hypothesis: String,
    pub document: String,
    pub author: String,
    pub conclusion: Conclusion,
    pub state: String,
    pub stopped: bool,
    pub decision: Option<Value>,
    pub dates: Dates,
    pub objective: String,
    pub currency: String,
    pub unit: String,
    pub per: String,
    pub policy: String,
    pub floor: f64,
    pub holdout_share: f64,
    pub reward_window_hours: u32,
    pub control: String,
    pub groups: Option<Groups>,
    pub arms: Vec<Arm>,
    pub holdout: Side,
    pub negative: Sums,
    pub total: Sums,
    pub all_to_holdout: Option<Estimate>,
    pub positive_to_negative: Option<Estimate>,
    pub basis: Basis,
    pub standing: String,
    pub sample_ratio: Option<SampleRatio>,
    pub mismatches: Vec<Mismatch>,
    pub ledger: Ledger,
    pub interventions: Vec<Intervention>,
    pub allocations: Vec<(u64, Vec<u32>)>,
    pub version: u64,
    pub original: Value,
}

#[derive(Debug, Deserialize)]
pub struct Conclusion {
    pub verdict: String,
    pub text: String,
    pub rule: String,
}

#[derive(Debug, Deserialize)]
pub struct Dates {
    pub written_at_ms: u64,
    pub started_at_ms: u64,
    pub decided_at_ms: Option<u64>,
    pub archived_at_ms: Option<u64>,
    pub end_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub struct Groups {
    pub positive: u64,
    pub negative: u64,
    pub strata: u32,
    pub sha256: String,
}

#[derive(Debug, Deserialize)]
pub struct Sums {
    pub exposures: i64,
    pub orders: i64,
    pub revenue_minor: i64,
    pub profit_minor: i64,
}

#[derive(Debug, Deserialize)]
pub struct Side {
    #[serde(flatten)]
    pub sums: Sums,
    pub rate: Option<Rate>,
    pub value: Option<Estimate>,
}

#[derive(Debug, Deserialize)]
pub struct Arm {
    pub name: String,
    pub price: Value,
    pub price_minor: i64,
    pub state: String,
    pub added: bool,
    #[serde(flatten)]
    pub side: Side,
    pub mean: Option<f64>,
    pub to_control: Option<Estimate>,
    pub p_best: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub struct Rate {
    pub value: Option<f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Estimate {
    pub value: f64,
    pub at_one_look: [f64; 2],
    pub at_any_look: [f64; 2],
    pub p_above_0: f64,
}

#[derive(Debug, Deserialize)]
pub struct Basis {
    pub matured: bool,
    pub exposures: i64,
    pub young: i64,
}

#[derive(Debug, Deserialize)]
pub struct SampleRatio {
    pub alarm: bool,
    pub p_value: f64,
    pub ratios: Vec<f64>,
}

#[derive(Debug, Deserialize)]
pub struct Mismatch {
    pub sku: String,
    pub surface: String,
    pub count: u64,
}

#[derive(Debug, Deserialize)]
pub struct Ledger {
    pub stored: i64,
    pub unmatched: i64,
}

#[derive(Debug, Deserialize)]
pub struct Intervention {
    pub at_ms: u64,
    pub who: String,
    pub action: String,
    pub reason: String,
    pub before: Value,
    pub after: Value,
}

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;

impl Answer {
    /// When what is counted ends: with the archive, or now.
    pub fn until_ms(&self) -> u64 {
        self.dates.archived_at_ms.unwrap_or(self.dates.written_at_ms)
    }

    /// What the two groups are made of: families, where those came to a group as a whole.
    pub fn cluster(&self) -> &'static str {
        if self.per.starts_with("family") { "family" } else { "item" }
    }

    /// Days from the start until then, begun ones too.
    pub fn days(&self) -> u64 {
        self.until_ms().saturating_sub(self.dates.started_at_ms).div_ceil(DAY_MS)
    }

    /// An amount in whole minor units.
    pub fn money(&self, minor: i64) -> String {
        format!("{} {}", self.amount(minor), self.currency)
    }

    /// The same without its currency.
    pub fn amount(&self, minor: i64) -> String {
        let digits = self.currency.parse::<Currency>().map_or(0, |currency| currency.minor_digits());
        let scale = 10_u64.pow(digits);
        let (whole, part) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
        let sign = if minor < 0 { "−" } else { "" };
        let decimals =
            if digits > 0 { format!(".{part:0width$}", width = digits as usize) } else { String::new() };
        format!("{sign}{}{decimals}", thousands(whole))
    }

    /// What a unit is worth, or differs by: money with two digits more than prices have, or a share of units.
    pub fn value(&self, value: f64) -> String {
        format!("{} {}", self.number(value), self.sign())
    }

    /// The same without its unit.
    pub fn number(&self, value: f64) -> String {
        let (value, places) = if self.objective == "conversion" {
            (100.0 * value, 2)
        } else {
            let digits = self.currency.parse::<Currency>().map_or(0, |currency| currency.minor_digits());
            ((0..digits).fold(value, |value, _| value / 10.0), digits as usize + 2)
        };
        let text = format!("{:.places$}", value.abs());
        let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let whole = whole.parse().map_or_else(|_| whole.to_owned(), thousands);
        let point = if part.is_empty() { "" } else { "." };
        format!("{}{whole}{point}{part}", if value < 0.0 && !is_zero { "−" } else { "" })
    }

    /// What stands behind such a number.
    pub fn sign(&self) -> &str {
        if self.objective == "conversion" { "%" } else { &self.currency }
    }

    /// A difference, with its sign.
    pub fn difference(&self, value: f64) -> String {
        let text = self.value(value);
        if text.starts_with('−') { text } else { format!("+{text}") }
    }

    /// An interval.
    pub fn range(&self, [low, high]: [f64; 2]) -> String {
        format!("{} to {} {}", self.number(low), self.number(high), self.sign())
    }

    /// How an arm prices: a price, or a factor or a column with the mean of its prices.
    pub fn price(&self, arm: &Arm) -> String {
        let mean = if arm.price_minor > 0 {
            format!(" (mean {})", self.money(arm.price_minor))
        } else {
            String::new()
        };
        match (arm.price.get("multiplier"), arm.price.get("column").and_then(Value::as_str)) {
            (Some(factor), _) => format!("× {factor}{mean}"),
            (_, Some(column)) => format!("{column}{mean}"),
            _ => self.money(arm.price_minor),
        }
    }

    /// The arm that is decided for, else the one that is the best most probably.
    pub fn best(&self) -> Option<&str> {
        let decided = self.decision.as_ref().and_then(|decision| decision.get("arm")).and_then(Value::as_str);
        let believed = self.arms.iter().filter(|arm| arm.p_best.is_some());
        let leader = believed.max_by(|a, b| a.p_best.unwrap_or(0.0).total_cmp(&b.p_best.unwrap_or(0.0)));
        decided.or(leader.map(|arm| arm.name.as_str()))
    }

    /// What is decided, when and by what.
    pub fn decided(&self) -> Option<String> {
        let decision = self.decision.as_ref()?;
        let text = |name: &str| decision.get(name).and_then(Value::as_str);
        let rule = text("rule").map(|rule| format!(" by {rule}")).unwrap_or_default();
        let on =
            self.dates.decided_at_ms.map(|at_ms| format!(" on {}", format_date(at_ms))).unwrap_or_default();
        Some(format!("decided for {}{rule}{on}", text("arm")?))
    }

    /// The sums of the arms and the holdout.
    pub fn priced(&self) -> Sums {
        let (all, negative) = (&self.total, &self.negative);
        Sums {
            exposures: all.exposures - negative.exposures,
            orders: all.orders - negative.orders,
            revenue_minor: all.revenue_minor - negative.revenue_minor,
            profit_minor: all.profit_minor - negative.profit_minor,
        }
    }

    /// Whether the exposures do not fall on the arms as they were served.
    pub fn is_miscounted(&self) -> bool {
        self.sample_ratio.as_ref().is_some_and(|ratio| ratio.alarm)
    }

    /// What makes the numbers doubtful, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.is_miscounted() {
            warnings.push(
                "The exposures do not fall on the arms as they were served: believe no other number.".into(),
            );
        }
        if !self.basis.matured {
            warnings.push(format!(
                "Orders are still under way for {} of {} exposures: rates and values are low by them, differences too small.",
                thousands(self.basis.young.unsigned_abs()),
                thousands(self.basis.exposures.unsigned_abs())
            ));
        }
        let shown: u64 = self.mismatches.iter().map(|mismatch| mismatch.count).sum();
        if shown > 0 {
            warnings.push(format!(
                "{} times a page did not show the price that it should have.",
                thousands(shown)
            ));
        }
        // A few are always on their way.
        if self.ledger.unmatched * 50 > self.ledger.stored {
            warnings.push(format!(
                "{} of {} reward lines of the shop wait for their exposure: beacons are blocked or late.",
                thousands(self.ledger.unmatched.unsigned_abs()),
                thousands(self.ledger.stored.unsigned_abs())
            ));
        }
        warnings
    }
}

/// A whole number with narrow spaces between thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A share in per cent.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A probability in per cent: what is not quite certain is never said to be.
pub fn probability(p: f64) -> String {
    match p {
        p if p > 0.999 => "> 99.9 %".into(),
        p if p < 0.001 => "< 0.1 %".into(),
        p => percent(p),
    }
}

/// A moment as people read it.
pub fn moment(at_ms: u64) -> String {
    let text = format_time(at_ms);
    let minutes = text.get(..16).unwrap_or(&text);
    format!("{} UTC", minutes.replace('T', " "))
}
