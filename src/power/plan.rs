//! A whole plan: visitors or time needed, and the difference that the planned time finds, for each number of arms.

use super::{Aim, Clusters, Split, Visitors};
use crate::Error;
use crate::error::decimal;
use crate::json::{Fields, Value};
use crate::policy::ARMS_MAX;

/// Numbers of arms for which a plan says what they cost.
const ARMS_SHOWN: usize = 8;

/// Whole weeks that so many days take, as weekdays differ: 1 or more.
pub fn whole_weeks(days: f64) -> f64 {
    (days / 7.0).ceil().max(1.0)
}

/// How long an experiment has to run, at the default [`Aim`], and what its planned days find.
///
/// ```
/// let plan = haggle::power::Plan::from_json(r#"{"arms": 2, "holdout": 0, "effect": 0.05, "days": 28,
///     "visitors": {"rate": 0.03, "per_day": 20000}}"#)?;
/// assert_eq!(plan.needed, 415_871.0);
/// assert_eq!(plan.weeks, Some(3.0));
/// assert!(plan.found < 0.05);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Visitors in all that find the effect, or items (or families) that find it in the planned days.
    pub needed: f64,
    /// Days until the effect is found; none where so few items never find it.
    pub days: Option<f64>,
    /// The same in whole weeks.
    pub weeks: Option<f64>,
    /// The least relative difference that the planned days find: up to 10.
    pub found: f64,
    /// The same for each number of arms from 2.
    pub by_arms: Vec<ArmsPlan>,
}

/// What a number of arms costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmsPlan {
    /// Arms, the control among them.
    pub arms: usize,
    /// Days until the effect is found between the control and one arm.
    pub days: Option<f64>,
    /// The least relative difference that the planned days find.
    pub found: f64,
}

/// Who or what is randomised.
enum Randomised {
    Visitors { visitors: Visitors, per_day: f64 },
    Items { clusters: Clusters, past_days: f64 },
}

impl Randomised {
    fn read(fields: &mut Fields) -> Result<Self, Error> {
        let (visitors, items) = (fields.take("visitors"), fields.take("items"));
        let Some(visitors) = visitors.if_any() else { return Self::of_items(items) };
        let mut fields = visitors.fields(&["rate", "per_day", "order_cv"])?;
        let rate = fields.take("rate");
        let order_cv = fields.take("order_cv").if_any();
        let visitors = Visitors {
            rate: Some(rate.fraction()?)
                .filter(|&rate| rate > 0.0 && rate < 1.0)
                .ok_or_else(|| rate.refusal("above 0 and below 1"))?,
            order_cv: order_cv.map_or(Ok(0.0), |it| it.fraction_in(0.0..=100.0, "a number from 0 to 100"))?,
        };
        Ok(Self::Visitors { visitors, per_day: positive(&fields.take("per_day"), 1e9)? })
    }

    fn of_items(items: Value) -> Result<Self, Error> {
        let mut fields = items.fields(&["count", "cv", "correlation", "past_days", "is_redrawn"])?;
        let correlation = fields.take("correlation").fraction_in(0.0..=0.999, "a number from 0 to 0.999")?;
        let past_days = positive(&fields.take("past_days"), 10_000.0)?;
        let clusters = Clusters {
            count: positive(&fields.take("count"), 1e6)?,
            cv: positive(&fields.take("cv"), 1000.0)?,
            correlation,
            is_redrawn: fields.take("is_redrawn").truth()?,
        };
        Ok(Self::Items { clusters, past_days })
    }

    /// Days until the effect is found.
    fn days(&self, split: Split, effect: f64) -> Option<f64> {
        match self {
            Self::Visitors { visitors, per_day } => {
                Some(visitors.needed(Aim::default(), split, effect).ceil() / per_day)
            }
            Self::Items { clusters, past_days } => {
                clusters.times(Aim::default(), split, effect).map(|times| times * past_days)
            }
        }
    }

    /// The least difference that so many days find.
    fn found(&self, split: Split, days: f64) -> f64 {
        match self {
            Self::Visitors { visitors, per_day } => visitors.effect(Aim::default(), split, per_day * days),
            Self::Items { clusters, past_days } => {
                clusters.effect(Aim::default(), split, days / past_days).min(10.0)
            }
        }
    }
}

impl Plan {
    /// Reads what is planned from a JSON object, and reckons: `arms` (2 to 64), `holdout` (0 to 0.5), `effect` (the relative
    /// difference to be found), `days`, and either `visitors` (`rate`, `per_day`, `order_cv`: 0) or `items` (`count`, `cv`,
    /// `correlation`, `past_days`, `is_redrawn`), as in [`Visitors`] and [`Clusters`].
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let known = ["arms", "holdout", "effect", "days", "visitors", "items"];
        let mut fields = Fields::parse("a plan in JSON", text, &known)?;
        let arms = fields.take("arms").integer_in(2..=ARMS_MAX as i64)? as usize;
        let holdout = fields.take("holdout").fraction_in(0.0..=0.5, "a share from 0 to 0.5")?;
        let effect = positive(&fields.take("effect"), 10.0)?;
        let planned = positive(&fields.take("days"), 10_000.0)?;
        let of = Randomised::read(&mut fields)?;
        let split = Split::equal(arms, holdout);
        let days = of.days(split, effect);
        let needed = match &of {
            Randomised::Visitors { visitors, .. } => visitors.needed(Aim::default(), split, effect),
            Randomised::Items { clusters, past_days } => {
                clusters.needed(Aim::default(), split, effect, planned / past_days)
            }
        };
        let row = |arms| {
            let split = Split::equal(arms, holdout);
            ArmsPlan { arms, days: of.days(split, effect), found: of.found(split, planned) }
        };
        Ok(Self {
            needed: needed.ceil(),
            days,
            weeks: days.map(whole_weeks),
            found: of.found(split, planned),
            by_arms: (2..=ARMS_SHOWN.max(arms)).map(row).collect(),
        })
    }
}

/// A number above 0.
fn positive(value: &Value, most: f64) -> Result<f64, Error> {
    let given = value.fraction()?;
    if given > 0.0 && given <= most {
        Ok(given)
    } else {
        Err(value.refusal(format!("above 0, at most {}", decimal(most))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHOP: &str = r#"{"arms": 3, "holdout": 0.1, "effect": 0.1, "days": 28, "visitors": {"rate": 0.03, "per_day": 4000}}"#;
    const ITEMS: &str = r#"{"arms": 2, "holdout": 0, "effect": 0.05, "days": 28,
        "items": {"count": 2000, "cv": 1.5, "correlation": 0.9, "past_days": 28, "is_redrawn": true}}"#;

    #[test]
    fn a_plan_is_that_of_the_formulas() {
        let plan = Plan::from_json(SHOP).unwrap();
        let visitors = Visitors { rate: 0.03, order_cv: 0.0 };
        let needed = visitors.needed(Aim::default(), Split::equal(3, 0.1), 0.1).ceil();
        assert_eq!((plan.needed, plan.days), (needed, Some(needed / 4000.0)));
        assert_eq!(plan.found, visitors.effect(Aim::default(), Split::equal(3, 0.1), 112_000.0));
        assert_eq!(plan.by_arms.len(), 7);
        assert_eq!((plan.by_arms[1].days, plan.by_arms[1].found), (plan.days, plan.found));
        assert!(
            plan.by_arms.windows(2).all(|pair| pair[0].days < pair[1].days && pair[0].found < pair[1].found)
        );
        let plan = Plan::from_json(ITEMS).unwrap();
        assert!((plan.days.unwrap() - 28.0 * 1.4128).abs() < 0.01 && plan.weeks == Some(6.0), "{plan:?}");
        // Few items that keep their arm never find it, and so many more would.
        let few = ITEMS.replace("2000", "50").replace("true", "false");
        let plan = Plan::from_json(&few).unwrap();
        assert_eq!((plan.days, plan.weeks), (None, None));
        assert!(plan.needed > 2000.0);
    }

    #[test]
    fn each_refusal_names_its_field() {
        for (text, from, to, field) in [
            (SHOP, "\"arms\": 3", "\"arms\": 1", "arms"),
            (SHOP, "0.1,", "0.6,", "holdout"),
            (SHOP, "\"effect\": 0.1", "\"effect\": 0", "effect"),
            (SHOP, "28", "-1", "days"),
            (SHOP, "0.03", "1", "visitors.rate"),
            (SHOP, "4000", "0", "visitors.per_day"),
            (ITEMS, "2000", "0", "items.count"),
            (ITEMS, "0.9", "1", "items.correlation"),
            (ITEMS, "true", "1", "items.is_redrawn"),
        ] {
            let error = Plan::from_json(&text.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.field(), Some(field), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_plan_or_a_reason(text in ".{0,60}", from in 0usize..120, digits in "[0-9.e-]{0,4}") {
            let _ = Plan::from_json(&text);
            let near: String = SHOP.chars().enumerate().map(|(at, c)| if at == from { digits.clone() } else { c.into() }).collect();
            if let Ok(plan) = Plan::from_json(&near) {
                prop_assert!(plan.found > 0.0 && plan.weeks.is_some_and(|weeks| weeks >= 1.0));
            }
        }
    }
}
