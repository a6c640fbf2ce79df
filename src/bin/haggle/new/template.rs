//! What was asked for, as an experiment.

use haggle::{Error, Experiment};
use serde_json::{Map, Value, json};

use super::answers::{Draft, Goods, Price, Which};

/// The experiment that a draft describes.
pub fn experiment(draft: &Draft) -> Result<Experiment, Error> {
    let Value::Object(mut all) = json!({
        "name": draft.name, "hypothesis": draft.hypothesis, "document": draft.document, "objective": draft.objective,
        "currency": draft.currency.to_string(), "unit": draft.unit, "control": "list", "salt": draft.name,
        "policy": { "name": draft.policy }, "stop": { "min_weeks": draft.weeks }, "arms": arms(draft),
    }) else {
        return Experiment::from_json("");
    };
    all.extend(draft.author.as_ref().map(|author| ("author".into(), json!(author))));
    all.extend(draft.period_hours.map(|hours| ("period_hours".into(), json!(hours))));
    match &draft.goods {
        Goods::Item { sku, price_minor, cost_minor } => {
            all.insert(
                "item".into(),
                json!({ "sku": sku, "price_minor": price_minor, "cost_minor": cost_minor }),
            );
        }
        Goods::Items { which, positive, negative } => {
            let scope = match which {
                Which::All => json!({ "items": "all" }),
                Which::Skus(skus) => json!({ "items": skus }),
                Which::Where(columns) => json!({ "where": columns.iter().cloned().collect::<Map<_, _>>() }),
            };
            all.insert("scope".into(), scope);
            let negative = negative.unwrap_or(0);
            all.insert("sample".into(), json!({ "positive": positive, "negative": negative, "strata": 4 }));
        }
    }
    Experiment::from_json(&Value::Object(all).to_string())
}

fn arms(draft: &Draft) -> Vec<Value> {
    let list = match &draft.goods {
        Goods::Item { price_minor, .. } => json!({ "name": "list", "price_minor": price_minor }),
        Goods::Items { .. } => json!({ "name": "list", "multiplier": 1 }),
    };
    let arm = |(name, price): &(String, Price)| match price {
        Price::Minor(price_minor) => json!({ "name": name, "price_minor": price_minor }),
        Price::Times(times) => json!({ "name": name, "multiplier": times }),
        Price::Column(column) => json!({ "name": name, "column": column }),
    };
    std::iter::once(list).chain(draft.arms.iter().map(arm)).collect()
}
