//! A shop in the words of who runs it: visitors a day, days, and a guess at the demand.
//!
//! It comes to an [`Environment`], in units and rates, which `haggle simulate` reads as well: what the page shows can be
//! computed again on the command line.

use super::environment::{Delay, Edges, Environment, HORIZON_MAX, TrueArm, read_arms};
use super::wait::Wait;
use super::{CHECKPOINTS_MAX, checkpoints};
use crate::inference::Rules;
use crate::json::{Fields, Json, Value};
use crate::money::{PRICE_MINOR_MAX, Tax};
use crate::{DelayCorrection, Error, Objective, Prior, math};

const FIELDS: [&str; 12] = [
    "objective",
    "currency",
    "tax_rate",
    "cost_minor",
    "arms",
    "demand",
    "visitors_per_day",
    "days",
    "publications_per_day",
    "delay_days",
    "floor",
    "holdout",
];

/// Most days of a scenario.
const DAYS_MAX: i64 = 365;
/// Most publications a day: one a minute.
const PUBLICATIONS_MAX: i64 = 1440;
/// About how many moments a chart of a scenario has.
const MOMENTS: u64 = 60;
/// Points of a demand curve that is drawn.
const CURVE_POINTS: u32 = 60;

/// A guess at how many buy at which price: at `price_minor` the part `rate` of the visitors, and elsewhere
/// `rate (price / price_minor)^(-elasticity)`, at most all of them.
///
/// An elasticity of 2 says: with a price that is 1 % higher, about 2 % fewer buy. Source: Talluri and van Ryzin (2004), The
/// theory and practice of revenue management, section 7.3 (constant elasticity).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// A price in minor units.
    pub price_minor: i64,
    /// Part of the visitors who buy at it: above 0, at most 1.
    pub rate: f64,
    /// By how many per cent fewer buy with one per cent more: 0 to 20.
    pub elasticity: f64,
}

impl Demand {
    /// Part of the visitors who buy at a price of at least one minor unit. `[0, 1]`.
    ///
    /// ```
    /// use haggle::simulate::Demand;
    /// let demand = Demand { price_minor: 2000, rate: 0.03, elasticity: 2.0 };
    /// assert!((demand.rate_at(1000) - 0.12).abs() < 1e-12); // half the price: four times as many
    /// ```
    pub fn rate_at(&self, price_minor: i64) -> f64 {
        let ratio = price_minor.max(1) as f64 / self.price_minor as f64;
        (self.rate * math::pow(ratio, -self.elasticity)).min(1.0)
    }

    fn read(demand: Value) -> Result<Self, Error> {
        let mut fields = demand.fields(&["price_minor", "rate", "elasticity"])?;
        let (rate, elasticity) = (fields.take("rate"), fields.take("elasticity"));
        Ok(Self {
            price_minor: fields.take("price_minor").integer_in(1..=PRICE_MINOR_MAX)?,
            rate: rate.fraction_in(1e-9..=1.0, "a rate above 0, at most 1")?,
            elasticity: elasticity.fraction_in(0.0..=20.0, "a number from 0 to 20")?,
        })
    }
}

/// A validated scenario. There is no way to get one but by parsing it.
///
/// ```
/// let scenario = haggle::simulate::Scenario::from_json(r#"{"objective": "profit", "cost_minor": 800,
///     "arms": [{"name": "list", "price_minor": 1900}, {"name": "low", "price_minor": 1750}],
///     "demand": {"price_minor": 1900, "rate": 0.03, "elasticity": 3}, "visitors_per_day": 500, "days": 28}"#)?;
/// assert_eq!(scenario.environment().horizon, 14_000);
/// assert!(scenario.environment().arms[1].rate > 0.038);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    environment: Environment,
    /// Prices that shoppers see, in the order of the arms: tax included, where there is one.
    shown_minor: Vec<i64>,
    demand: Option<Demand>,
    tax: Tax,
    cost_minor: Option<i64>,
    visitors_per_day: u64,
    days: u64,
}

/// A price on a demand curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// What shoppers see.
    pub price_minor: i64,
    /// Part of the visitors who buy.
    pub rate: f64,
    /// What a visitor brings on average, in minor units (orders under the conversion objective).
    pub value: f64,
}

impl Scenario {
    /// Reads and validates a scenario in JSON.
    ///
    /// `objective`, `arms` (each with `name`, `price_minor`, and `rate` unless `demand` tells it), `visitors_per_day` and
    /// `days` (1 to 365) must be given; `currency` (EUR), `tax_rate` (prices include no tax), `cost_minor` (of every arm,
    /// net; needed for profit), `publications_per_day` (24), `delay_days` (mean of an exponential wait for an order: none),
    /// `floor` and `holdout` (0) need not. Runs are decided by the rules of reports.
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let mut fields = Fields::parse("a scenario in JSON", text, &FIELDS)?;
        let (per_day, days) = (fields.take("visitors_per_day"), fields.take("days"));
        let visitors_per_day = per_day.integer_in(1..=HORIZON_MAX as i64)?.unsigned_abs();
        let days_count = days.integer_in(1..=DAYS_MAX)?.unsigned_abs();
        let horizon = visitors_per_day * days_count;
        if horizon > HORIZON_MAX {
            let allowed =
                format!("at most {}, as {HORIZON_MAX} visitors are simulated", HORIZON_MAX / days_count);
            return Err(per_day.refusal(allowed));
        }
        let publications = fields.take("publications_per_day").if_given();
        let publications = publications.map_or(Ok(24), |given| given.integer_in(1..=PUBLICATIONS_MAX))?;
        let tax = fields.take("tax_rate").if_any();
        let tax =
            tax.map(|rate| rate.fraction_in(0.0..=1.0, "a share from 0 to 1, such as 0.19")).transpose()?;
        let tax = Tax::included(tax.unwrap_or(0.0));
        let cost = fields.take("cost_minor").if_any();
        let cost_minor = cost.map(|cost| cost.integer_in(0..=PRICE_MINOR_MAX)).transpose()?;
        let demand = fields.take("demand").if_any().map(Demand::read).transpose()?;
        let objective = fields.take("objective").one_of(&Objective::ALL, Objective::name)?;
        let currency = fields.take("currency").if_any().map_or_else(|| Ok("EUR".into()), Value::text)?;
        let list = fields.take("arms").list()?;
        let shown = list.into_iter().map(|arm| ShownArm::read(arm, demand.as_ref()));
        let shown = shown.collect::<Result<Vec<_>, _>>()?;
        let net = Json::List(shown.iter().map(|arm| arm.net(tax, cost_minor)).collect());
        let arms = read_arms(Value::new("arms", net), objective)?;
        let most = 1.0 / arms.len() as f64;
        let floor_allowed = format!("a share from 0 to one over the number of arms, {}", arms.len());
        let share = |share: Value, most: f64, allowed: &str| {
            share.if_any().map_or(Ok(0.0), |share| share.fraction_in(0.0..=most, allowed))
        };
        let mean_delay = fields.take("delay_days").if_any();
        let mean_delay = mean_delay.map(|days| days.fraction_in(0.0..=90.0, "0 to 90 days")).transpose()?;
        let delay = mean_delay.filter(|&days| days > 0.0).map(|days| Delay {
            wait: Wait::Exponential { mean: (days * visitors_per_day as f64).max(1e-3) },
            window: horizon,
            correction: DelayCorrection::Weighted,
        });
        let environment = Environment {
            objective,
            currency: currency.parse()?,
            horizon,
            // One unit between two publications is another lane of the simulator.
            feedback_every: (visitors_per_day / publications as u64).max(2).min(horizon),
            floor: share(fields.take("floor"), most, &floor_allowed)?,
            holdout: share(fields.take("holdout"), 0.5, "a share from 0 to 0.5")?,
            prior: Prior::default(),
            arms,
            delay,
            changes: Vec::new(),
            replacement: None,
            inventory: None,
            edges: Edges { count: 1, stale_units: 0 },
            stop: Some(Rules::default()),
        };
        Ok(Self {
            environment,
            shown_minor: shown.iter().map(|arm| arm.price_minor).collect(),
            demand,
            tax,
            cost_minor,
            visitors_per_day,
            days: days_count,
        })
    }

    /// The world that it comes to. Prices there are net of tax.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The same as JSON, for `haggle simulate`.
    pub fn environment_json(&self) -> String {
        let world = &self.environment;
        let arm = |arm: &TrueArm| {
            Json::object([
                ("name", Some(Json::text(&arm.name))),
                ("price_minor", Some(Json::integer(arm.price_minor))),
                ("cost_minor", arm.cost_minor.map(Json::integer)),
                ("rate", Some(Json::number(arm.rate))),
            ])
        };
        let delay = world.delay.as_ref().map(|delay| {
            Json::object([
                ("distribution", Some(Json::text("exponential"))),
                ("mean", Some(Json::number(delay.wait.mean()))),
            ])
        });
        Json::object([
            ("objective", Some(Json::text(world.objective.name()))),
            ("currency", Some(Json::text(world.currency.to_string()))),
            ("horizon", Some(Json::Number(world.horizon.to_string()))),
            ("feedback_every", Some(Json::Number(world.feedback_every.to_string()))),
            ("floor", Some(Json::number(world.floor))),
            ("holdout", Some(Json::number(world.holdout))),
            ("arms", Some(Json::List(world.arms.iter().map(arm).collect()))),
            ("delay", delay),
            ("stop", Some(Json::Object(Vec::new()))),
        ])
        .write()
    }

    /// The numbers of units at which a run is looked at: evenly spaced, every day among them.
    ///
    /// # Errors
    /// None after parsing.
    pub fn checkpoints(&self) -> Result<Vec<u64>, Error> {
        let a_day = MOMENTS.div_ceil(self.days).min(self.visitors_per_day);
        checkpoints(self.environment.horizon, (self.days * a_day).min(CHECKPOINTS_MAX))
    }

    /// Days that so many units take.
    pub fn days_of(&self, units: f64) -> f64 {
        units / self.visitors_per_day as f64
    }

    /// The prices of the arms, with the rates and values that they are simulated with.
    pub fn points(&self) -> Vec<CurvePoint> {
        let arms = self.environment.arms.iter().zip(&self.shown_minor);
        arms.map(|(arm, &price_minor)| self.point(price_minor, arm.rate)).collect()
    }

    /// The guessed demand around the prices of the arms, from a fifth below the least to a fourth above the greatest;
    /// empty where each arm has a rate of its own.
    pub fn curve(&self) -> Vec<CurvePoint> {
        let (Some(demand), Some(least), Some(most)) =
            (self.demand, self.shown_minor.iter().min(), self.shown_minor.iter().max())
        else {
            return Vec::new();
        };
        let (from, to) = (*least as f64 * 0.8, *most as f64 * 1.25);
        let price =
            |step: u32| (from + (to - from) * f64::from(step) / f64::from(CURVE_POINTS)).round() as i64;
        let mut prices: Vec<i64> = (0..=CURVE_POINTS).map(price).filter(|&price| price > 0).collect();
        prices.dedup();
        prices.into_iter().map(|price| self.point(price, demand.rate_at(price))).collect()
    }

    /// Position of the arm whose visitors bring most; of equals the first.
    pub fn best_arm(&self) -> usize {
        let values = self.points().into_iter().map(|point| point.value).enumerate();
        values.fold((0, f64::NEG_INFINITY), |best, one| if one.1 > best.1 { one } else { best }).0
    }

    fn point(&self, price_minor: i64, rate: f64) -> CurvePoint {
        let net = self.tax.net_minor(price_minor);
        let value = self.environment.objective.value_minor(net, self.cost_minor).unwrap_or(0);
        CurvePoint { price_minor, rate, value: rate * value as f64 }
    }
}

/// An arm as shoppers see it.
struct ShownArm {
    name: Json,
    price_minor: i64,
    rate: Option<Json>,
}

impl ShownArm {
    fn read(arm: Value, demand: Option<&Demand>) -> Result<Self, Error> {
        let mut fields = arm.fields(&["name", "price_minor", "rate"])?;
        let price_minor = fields.take("price_minor").integer_in(1..=PRICE_MINOR_MAX)?;
        let guessed = || demand.map(|demand| Json::number(demand.rate_at(price_minor)));
        Ok(Self {
            name: Json::Text(fields.take("name").text()?),
            price_minor,
            rate: fields.take("rate").if_any().and_then(Value::into_json).or_else(guessed),
        })
    }

    /// The arm of the environment, net of tax.
    fn net(&self, tax: Tax, cost_minor: Option<i64>) -> Json {
        Json::object([
            ("name", Some(self.name.clone())),
            ("price_minor", Some(Json::integer(tax.net_minor(self.price_minor)))),
            ("cost_minor", cost_minor.map(Json::integer)),
            ("rate", self.rate.clone()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{run, summarise};
    use proptest::prelude::*;

    const SHOP: &str = r#"{"objective": "profit", "currency": "EUR", "cost_minor": 800, "tax_rate": 0.25,
        "arms": [{"name": "list", "price_minor": 2500}, {"name": "low", "price_minor": 2000}, {"name": "odd", "price_minor": 3000, "rate": 0.5}],
        "demand": {"price_minor": 2500, "rate": 0.04, "elasticity": 2}, "visitors_per_day": 1200, "days": 10,
        "delay_days": 0.5, "floor": 0.02, "holdout": 0.1}"#;

    #[test]
    fn days_and_demand_come_to_units_and_rates() {
        let scenario = Scenario::from_json(SHOP).unwrap();
        let environment = scenario.environment();
        assert_eq!((environment.horizon, environment.feedback_every), (12_000, 50));
        let prices: Vec<i64> = environment.arms.iter().map(|arm| arm.price_minor).collect();
        assert_eq!(prices, [2000, 1600, 2400], "net of a tax of a quarter");
        let rates: Vec<f64> = environment.arms.iter().map(|arm| arm.rate).collect();
        assert!((rates[1] - 0.04 * 1.25 * 1.25).abs() < 1e-12 && rates[2] == 0.5, "{rates:?}");
        assert_eq!(environment.delay.as_ref().unwrap().wait.mean(), 600.0);
        assert_eq!(scenario.checkpoints().unwrap().len(), 60);
        assert_eq!((scenario.days_of(1800.0), scenario.best_arm()), (1.5, 2));
        let point = scenario.points()[0];
        assert_eq!((point.price_minor, point.value), (2500, 0.04 * 1200.0));
        let curve = scenario.curve();
        assert_eq!((curve[0].price_minor, curve.last().unwrap().price_minor), (1600, 3750));
        assert!(curve.windows(2).all(|pair| pair[0].rate >= pair[1].rate));
        // The command line reads the same world.
        assert_eq!(&Environment::from_json(&scenario.environment_json()).unwrap(), environment);
    }

    #[test]
    fn each_refusal_names_its_field() {
        for (from, to, field) in [
            ("\"days\": 10", "\"days\": 0", "days"),
            ("\"days\": 10", "\"days\": 1.5", "days"),
            ("1200", "10000000", "visitors_per_day"),
            ("0.25,", "25,", "tax_rate"),
            ("2500},", "0},", "arms[0].price_minor"),
            ("\"price_minor\": 2000", "\"price_minor\": 900", "arms[1].price_minor"),
            ("\"rate\": 0.5", "\"rate\": 5", "arms[2].rate"),
            ("\"rate\": 0.04", "\"rate\": 0", "demand.rate"),
            ("\"elasticity\": 2", "\"elasticity\": -2", "demand.elasticity"),
            ("\"delay_days\": 0.5", "\"delay_days\": 91", "delay_days"),
            ("\"floor\": 0.02", "\"floor\": 0.5", "floor"),
            ("\"holdout\": 0.1", "\"holdout\": 0.6", "holdout"),
            ("profit", "margin", "objective"),
            ("\"holdout\"", "\"haldout\"", "haldout"),
        ] {
            assert!(SHOP.contains(from), "{from}");
            let error = Scenario::from_json(&SHOP.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.field(), Some(field), "{to}: {error}");
        }
    }

    /// Two arms of 6 % and 3 % at the same value: of 20 runs with 20 000 visitors all are decided for the better one, and
    /// with equal rates the rule of 95 % is met by chance now and then. Seed 1; P(wrong) is below 5 % for each run, so
    /// more than 4 of 20 wrong has a probability of 0.003.
    #[test]
    fn runs_are_decided_for_the_better_arm_and_say_when() {
        let text = r#"{"objective": "conversion", "visitors_per_day": 1000, "days": 20,
            "arms": [{"name": "a", "price_minor": 100, "rate": 0.03}, {"name": "b", "price_minor": 90, "rate": 0.06}]}"#;
        let scenario = Scenario::from_json(text).unwrap();
        let at = scenario.checkpoints().unwrap();
        let world = scenario.environment();
        for every in [1, 40] {
            let world = world.clone().with_feedback_every(every).unwrap();
            let runs =
                (0..20).map(|number| run(&world, &"thompson".parse().unwrap(), 1, number, &at).unwrap());
            let runs: Vec<_> = runs.collect();
            let summary = summarise("thompson", &world, &at, &runs);
            let decisions = summary.decisions.unwrap();
            assert_eq!(decisions.decided.runs, 20);
            assert!(decisions.right.runs >= 16 && decisions.best_at_last == 20, "{decisions:?}");
            let median = scenario.days_of(decisions.decided.units_q50.unwrap());
            assert!((0.3..8.0).contains(&median), "{median}");
            assert!(decisions.decided.units_q10 <= decisions.decided.units_q90);
            // b earns 0.06 with each of 20 000.
            assert!((summary.earned_mean + summary.regret_mean - 1200.0).abs() < 1e-6);
            for run in &runs {
                let decided = run.decided.unwrap();
                assert_eq!(decided.is_best, decided.arm == 1);
            }
        }
        // Nothing is looked at without the rules, and the world goes on as it did.
        let written = scenario.environment_json();
        let silent = format!("{}}}", written.split(",\"stop\"").next().unwrap());
        let silent = Environment::from_json(&silent).unwrap();
        assert_eq!(silent.stop, None);
        let (choice, loud) = ("thompson".parse().unwrap(), scenario.environment());
        let (with, without) =
            (run(loud, &choice, 3, 0, &at).unwrap(), run(&silent, &choice, 3, 0, &at).unwrap());
        assert_eq!((without.decided, without.last), (None, None));
        assert_eq!(
            (with.regret_minor, with.shown, with.reached),
            (without.regret_minor, without.shown, without.reached)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_text_is_a_scenario_or_a_reason(text in ".{0,60}", near in r#"[\[\]{},:"0-9.a-z_-]{0,60}"#) {
            for text in [text, near, format!("{{{SHOP}"), SHOP.replace("10", "x")] {
                let _ = Scenario::from_json(&text);
            }
        }

        #[test]
        fn what_is_read_can_be_simulated(
            per_day in 1u64..100, days in 1u64..8, prices in prop::collection::btree_set(1i64..100_000, 2..6),
            rate in 1e-6..1.0f64, elasticity in 0.0..20.0f64, delay in 0.0..3.0f64, publications in 1u64..=24,
        ) {
            let arms: Vec<String> = prices.iter().map(|p| format!(r#"{{"name":"p{p}","price_minor":{p}}}"#)).collect();
            let text = format!(r#"{{"objective":"revenue","arms":[{}],"demand":{{"price_minor":500,"rate":{rate:.6},"elasticity":{elasticity:.3}}},
                "visitors_per_day":{per_day},"days":{days},"delay_days":{delay:.3},"publications_per_day":{publications}}}"#, arms.join(","));
            let scenario = Scenario::from_json(&text).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
            let at = scenario.checkpoints().unwrap();
            prop_assert_eq!(at.last(), Some(&(per_day * days)));
            let summary = summarise("fixed", scenario.environment(), &at,
                &[run(scenario.environment(), &"fixed".parse().unwrap(), 1, 0, &at).unwrap()]);
            prop_assert!(summary.regret_mean >= 0.0 && scenario.best_arm() < prices.len());
            prop_assert!(scenario.curve().iter().all(|point| (0.0..=1.0).contains(&point.rate) && point.value >= 0.0));
        }
    }
}
