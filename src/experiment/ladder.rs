//! Prices to try: steps around the catalogue price that the guardrails allow.

use super::read::FIELDS;
use super::{Item, Objective};
use crate::guardrail::{Basis, Guardrails};
use crate::json::Fields;
use crate::money::millionths;
use crate::policy::ARMS_MAX;
use crate::{Currency, Error};

/// How far from the catalogue price the outermost steps are, where `guardrails.max_step` does not say.
const SPAN: f64 = 0.2;

/// Prices for so many arms beside the control, ascending: evenly spaced up to the largest step that is allowed, or a
/// fifth, to both sides of the catalogue price; one more below where the count is odd.
///
/// `definition` is an experiment in JSON of which `item`, `currency`, `objective` and `guardrails` are looked at, so that
/// the rest may be missing. Each price lies inside the guardrails, on grid and endings; where two steps come to the same
/// price, or none is allowed, there are fewer.
///
/// ```
/// let definition = r#"{"objective": "profit", "currency": "EUR", "guardrails": {"max_step": 0.1, "endings": [99, 49]},
///     "item": {"sku": "OLIVE-500", "price_minor": 1999, "cost_minor": 800}}"#;
/// assert_eq!(haggle::experiment::ladder(definition, 4)?, [1849, 1899, 2099, 2149]);
/// # Ok::<(), haggle::Error>(())
/// ```
///
/// # Errors
/// No such item, a currency that is none, guardrails that cannot be read; a count that is not from 1 to 63.
pub fn ladder(definition: &str, count: usize) -> Result<Vec<i64>, Error> {
    if !(1..ARMS_MAX).contains(&count) {
        return Err(Error::value(
            "number of arms beside the control",
            count,
            format!("1 to {}", ARMS_MAX - 1),
        ));
    }
    let mut fields = Fields::parse("an experiment in JSON", definition, &FIELDS)?;
    let objective = fields.take("objective").one_of(&Objective::ALL, Objective::name)?;
    let currency: Currency = fields.take("currency").text()?.parse()?;
    let Item { price_minor, cost_minor, tax, compare_at_minor, .. } = Item::read(fields.take("item"))?;
    let guardrails = fields.take("guardrails").if_any();
    let guardrails =
        guardrails.map_or(Ok(Guardrails::default()), |given| Guardrails::read(given, currency))?;
    let basis = Basis { currency, price_minor, cost_minor, tax, compare_at_minor, map_minor: None };
    let bounds = guardrails.bounds(&basis)?;
    let span = guardrails.max_step.unwrap_or(SPAN);
    let below = count.div_ceil(2);
    let down = (1..=below).rev().map(|step| 1.0 - span * step as f64 / below as f64);
    let up = (1..=count - below).map(|step| 1.0 + span * step as f64 / (count - below) as f64);
    let earns = |price: &i64| {
        let value = objective.value_minor(tax.net_minor(*price), cost_minor);
        *price != price_minor && value.is_some_and(|value| value > 0)
    };
    let allowed = down.chain(up).filter(|&times| times > 0.0);
    let mut prices: Vec<i64> = allowed
        .filter_map(|times| bounds.nearest(price_minor, millionths(times)).ok())
        .filter(earns)
        .collect();
    prices.dedup();
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Experiment;
    use crate::experiment::tests::SEVILLA;
    use proptest::prelude::*;

    #[test]
    fn steps_go_to_the_largest_that_is_allowed() {
        let of = |count| ladder(SEVILLA, count).unwrap();
        assert_eq!(of(4), [1520, 1710, 2090, 2280]);
        assert_eq!((of(1), of(3)), (vec![1520], vec![1520, 1710, 2280]));
        for (from, to, field) in [
            ("\"price_minor\": 1900, \"cost", "\"price_minor\": -1, \"cost", "item.price_minor"),
            ("EUR", "Euro", "currency"),
            ("\"floor\"", "\"guardrails\": {\"max_step\": 11}, \"floor\"", "guardrails.max_step"),
        ] {
            let error = ladder(&SEVILLA.replacen(from, to, 1), 2).unwrap_err();
            assert_eq!(error.field(), Some(field), "{error}");
        }
        assert!(ladder(SEVILLA, 0).is_err() && ladder(SEVILLA, ARMS_MAX).is_err());
    }

    proptest! {
        /// What is suggested can run.
        #[test]
        fn every_step_is_an_arm_that_is_allowed(
            price in 1i64..100_000, cost in 0i64..50_000, count in 1usize..12, step in prop::option::of(1e-3..2.0f64),
            grid in 1i64..50, endings in prop::collection::btree_set(0u16..100, 0..3), tax in 0u32..30,
        ) {
            let max_step = step.map_or(String::new(), |step| format!("\"max_step\": {step:.4},"));
            let endings: Vec<u16> = endings.into_iter().collect();
            let endings = if endings.is_empty() { String::new() } else { format!(", \"endings\": {endings:?}") };
            let text = format!(r#"{{"objective": "profit", "currency": "EUR", "name": "x", "hypothesis": "h", "salt": "s",
                "document": "https://w.example", "control": "list", "policy": {{"name": "thompson"}},
                "guardrails": {{{max_step} "grid_minor": {grid}{endings}}},
                "item": {{"sku": "A", "price_minor": {price}, "cost_minor": {cost}, "price_includes_tax": true, "tax_rate": 0.{tax:02}}},
                "arms": [ARMS{{"name": "list", "price_minor": {price}}}]}}"#);
            let prices = ladder(&text.replace("ARMS", ""), count).unwrap();
            prop_assert!(prices.len() <= count && prices.is_sorted());
            let net = price * 100 / (100 + i64::from(tax));
            if net > cost + 1 && !prices.is_empty() {
                let arms: String = prices.iter().map(|p| format!(r#"{{"name": "p{p}", "price_minor": {p}}}, "#)).collect();
                let text = text.replace("ARMS", &arms);
                let read = Experiment::from_json(&text);
                prop_assert!(read.is_ok(), "{:?}: {}", read.err().map(|error| error.to_string()), text);
            }
        }
    }
}
