//! An experiment as JSON: what is stored, published and shown is what was read.

use super::{Arm, ArmPrice, ArmState, Condition, Experiment, Goods, Item, Scope, StopRule, Test, Which};
use crate::PolicyChoice;
use crate::guardrail::Guardrails;
use crate::json::Json;
use crate::time::format_time;

impl Experiment {
    /// The experiment as JSON, always in the same form: [`from_json`](Self::from_json) reads it as it is.
    ///
    /// What has a default is written out, what is not given is left out.
    ///
    /// ```
    /// let text = include_str!("../../tests/golden/sevilla.json");
    /// let experiment = haggle::Experiment::from_json(text)?;
    /// assert_eq!(haggle::Experiment::from_json(&experiment.to_json())?, experiment);
    /// # Ok::<(), haggle::Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        let flag = |is: bool| is.then_some(Json::Bool(true));
        let time = |at: Option<u64>| at.map(|at| Json::text(format_time(at)));
        let prior = [("alpha", self.prior.alpha()), ("beta", self.prior.beta())];
        let (item, scope, sample) = match &self.goods {
            Goods::Item(item) => (Some(item_json(item)), None, None),
            Goods::Scope(scope) => (None, Some(scope_json(scope)), Some(sample_json(scope))),
        };
        Json::object([
            ("name", Some(Json::text(&self.name))),
            ("hypothesis", Some(Json::text(&self.hypothesis))),
            ("document", Some(Json::text(&self.document))),
            ("author", (!self.author.is_empty()).then(|| Json::text(&self.author))),
            ("objective", Some(Json::text(self.objective.name()))),
            ("currency", Some(Json::text(self.currency.to_string()))),
            ("start", time(self.start_ms)),
            ("end", time(self.end_ms)),
            ("unit", Some(Json::text(self.unit.name()))),
            ("families", flag(self.families)),
            ("period_hours", self.period_hours.map(Json::integer)),
            ("washout_hours", self.period_hours.map(|_| Json::integer(self.washout_hours))),
            ("item", item),
            ("scope", scope),
            ("sample", sample),
            ("control", Some(Json::text(&self.control))),
            ("arms", Some(Json::List(self.arms.iter().map(arm_json).collect()))),
            ("holdout", Some(Json::number(self.holdout))),
            ("floor", Some(Json::number(self.floor))),
            ("policy", Some(policy_json(&self.policy))),
            ("prior", Some(Json::object(prior.map(|(name, value)| (name, Some(Json::number(value))))))),
            ("reward_model", Some(Json::text(self.reward_model.name()))),
            ("reward_window_hours", Some(Json::integer(self.reward_window_hours))),
            ("delay", Some(Json::text(self.delay.name()))),
            ("horizon", self.horizon.map(|units| Json::Number(units.to_string()))),
            ("stock", self.stock.map(Json::integer)),
            ("personal_data", flag(self.personal_data)),
            ("guardrails", guardrails_json(&self.guardrails)),
            ("stop", stop_json(&self.stop)),
            ("salt", Some(Json::text(&self.salt))),
        ])
        .write()
    }
}

fn item_json(item: &Item) -> Json {
    let rate = Some(item.tax.rate()).filter(|&rate| rate > 0.0);
    Json::object([
        ("sku", Some(Json::text(&item.sku))),
        ("price_minor", Some(Json::integer(item.price_minor))),
        ("cost_minor", item.cost_minor.map(Json::integer)),
        ("price_includes_tax", rate.map(|_| Json::Bool(true))),
        ("tax_rate", rate.map(Json::number)),
        ("compare_at_minor", item.compare_at_minor.map(Json::integer)),
    ])
}

fn scope_json(scope: &Scope) -> Json {
    let (items, conditions) = match &scope.which {
        Which::All => (Some(Json::text("all")), None),
        Which::Skus(skus) => (Some(Json::texts(skus)), None),
        Which::Where(conditions) => {
            (None, Some(Json::Object(conditions.iter().map(condition_json).collect())))
        }
    };
    Json::object([
        ("items", items),
        ("where", conditions),
        ("exclude", (!scope.exclude.is_empty()).then(|| Json::texts(&scope.exclude))),
    ])
}

pub(super) fn condition_json(condition: &Condition) -> (String, Json) {
    let test = match &condition.test {
        Test::OneOf(texts) => Json::texts(texts),
        Test::Range { from, to } => {
            Json::object([("from", from.map(Json::integer)), ("to", to.map(Json::integer))])
        }
    };
    (condition.column.clone(), test)
}

fn sample_json(scope: &Scope) -> Json {
    Json::object([
        ("positive", scope.positive.map(Json::integer)),
        ("negative", Some(Json::integer(scope.negative))),
        ("strata", Some(Json::integer(scope.strata))),
    ])
}

fn arm_json(arm: &Arm) -> Json {
    let (multiplier, column) = match &arm.price {
        ArmPrice::Minor(_) => (None, None),
        ArmPrice::Times(times) => (Some(Json::number(*times)), None),
        ArmPrice::Column(column) => (None, Some(Json::text(column))),
    };
    let has_price = matches!(arm.price, ArmPrice::Minor(_)) || arm.price_minor != 0;
    Json::object([
        ("name", Some(Json::text(&arm.name))),
        ("multiplier", multiplier),
        ("column", column),
        ("price_minor", has_price.then(|| Json::integer(arm.price_minor))),
        ("state", (arm.state != ArmState::Live).then(|| Json::text(arm.state.name()))),
        ("added", arm.is_added.then_some(Json::Bool(true))),
    ])
}

pub(super) fn policy_json(policy: &PolicyChoice) -> Json {
    let numbers = |shares: &Vec<f64>| Json::List(shares.iter().map(|&share| Json::number(share)).collect());
    let mut fields = vec![("name".to_owned(), Json::text(policy.name.name()))];
    for (parameter, &value) in policy.name.parameters().iter().zip(&policy.parameters) {
        fields.push((parameter.name.into(), Json::number(value)));
    }
    fields.extend(policy.shares.as_ref().map(|shares| ("shares".into(), numbers(shares))));
    Json::Object(fields)
}

pub(super) fn guardrails_json(guardrails: &Guardrails) -> Option<Json> {
    if *guardrails == Guardrails::default() {
        return None;
    }
    let endings = || Json::List(guardrails.endings.iter().map(|&ending| Json::integer(ending)).collect());
    Some(Json::object([
        ("min_price_minor", guardrails.min_price_minor.map(Json::integer)),
        ("max_price_minor", guardrails.max_price_minor.map(Json::integer)),
        ("map_minor", guardrails.map_minor.map(Json::integer)),
        ("min_margin", guardrails.min_margin.map(Json::number)),
        ("max_step", guardrails.max_step.map(Json::number)),
        ("grid_minor", guardrails.grid_minor.map(Json::integer)),
        ("endings", (!guardrails.endings.is_empty()).then(endings)),
    ]))
}

fn stop_json(stop: &StopRule) -> Option<Json> {
    let loss = stop.expected_loss_minor.map(Json::number);
    (loss.is_some() || stop.min_weeks > 0).then(|| {
        Json::object([("expected_loss_minor", loss), ("min_weeks", Some(Json::integer(stop.min_weeks)))])
    })
}
