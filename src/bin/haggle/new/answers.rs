//! What a new experiment is to be: from the flags, and at a terminal from answers to plain questions.

use std::io::{BufRead, Write};

use haggle::Currency;
use serde_json::{Value, json};

use super::Options;
use crate::{Failure, amount};

/// All that the template needs to know.
pub struct Draft {
    pub name: String,
    pub hypothesis: String,
    pub document: String,
    pub author: Option<String>,
    pub objective: String,
    pub currency: Currency,
    pub unit: String,
    pub period_hours: Option<u32>,
    pub goods: Goods,
    pub arms: Vec<(String, Price)>,
    pub policy: String,
    pub weeks: u32,
}

/// What is priced.
pub enum Goods {
    Item { sku: String, price_minor: i64, cost_minor: Option<i64> },
    Items { which: Which, positive: Option<u32>, negative: Option<u32> },
}

/// Which items of the catalogue.
pub enum Which {
    All,
    Skus(Vec<String>),
    /// Columns with what their values must be.
    Where(Vec<(String, Value)>),
}

/// The price of an arm.
pub enum Price {
    Minor(i64),
    Times(f64),
    Column(String),
}

/// What stands in a file whose hypothesis is still to be written.
pub const HYPOTHESIS: &str = "Write here what you expect, and why, before the first price moves.";

/// Takes what the flags say, and defaults for the rest.
pub fn take(options: &Options) -> Result<Draft, Failure> {
    if options.sku.is_none() && options.items.is_none() && options.conditions.is_empty() {
        return Err("what is priced is missing; it must be --sku with --price, --items or --where".into());
    }
    draft(options, &mut |_, given, default| Ok(given.unwrap_or(default).to_owned()))
}

/// Asks for what the flags do not say.
pub fn ask(options: &Options, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<Draft, Failure> {
    draft(options, &mut |question, given, default| match given {
        Some(given) => Ok(given.to_owned()),
        None => answer(question, default, input, output),
    })
}

/// One question: an empty line takes the default.
fn answer(
    question: &str,
    default: &str,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<String, Failure> {
    write!(output, "{question} [{default}]: ")?;
    output.flush()?;
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Err(format!("standard input ended before: {question}").into());
    }
    let line = line.trim();
    Ok(if line.is_empty() { default } else { line }.to_owned())
}

/// Gets a text: the question, what the flags say, and the default.
type Get<'a> = dyn FnMut(&str, Option<&str>, &str) -> Result<String, Failure> + 'a;

fn draft(options: &Options, get: &mut Get<'_>) -> Result<Draft, Failure> {
    let hypothesis =
        get("Hypothesis: what do you expect, and why?", options.hypothesis.as_deref(), HYPOTHESIS)?;
    let document = format!("https://wiki.example/pricing/{}", options.name);
    let document =
        get("Address of the document that gives the reasons", options.document.as_deref(), &document)?;
    let author = get("Who writes this", options.author.as_deref(), "")?;
    let objective =
        get("What is maximised: profit, revenue or conversion?", options.objective.as_deref(), "profit")?;
    let currency = get("Currency", options.currency.as_deref(), "EUR")?.parse()?;
    let goods = goods(options, get, &objective, currency)?;
    let unit = match &goods {
        Goods::Item { .. } => options.unit.clone().unwrap_or("visitor".into()),
        Goods::Items { .. } => {
            let question = "What is randomised: visitor, item, family or item-period?";
            get(question, options.unit.as_deref(), "visitor")?
        }
    };
    let period_hours = match (options.period_hours, unit.as_str()) {
        (None, "item-period") => {
            let hours = get("Hours of a period", None, "24")?;
            Some(
                hours
                    .parse()
                    .map_err(|_| format!("hours of a period is {hours}; it must be a whole number"))?,
            )
        }
        (given, _) => given,
    };
    let arms = arms(options, get, &goods, currency)?;
    Ok(Draft {
        name: options.name.clone(),
        hypothesis,
        document,
        author: Some(author).filter(|author| !author.is_empty()),
        objective,
        currency,
        unit,
        period_hours,
        goods,
        arms,
        policy: options.policy.clone(),
        weeks: options.weeks,
    })
}

fn goods(
    options: &Options,
    get: &mut Get<'_>,
    objective: &str,
    currency: Currency,
) -> Result<Goods, Failure> {
    let (mut sku, mut items, mut conditions) =
        (options.sku.clone(), options.items.clone(), options.conditions.clone());
    if sku.is_none() && items.is_none() && conditions.is_empty() {
        let question = "What is priced: a sku, all, or a condition such as brand=Fabrikam?";
        match get(question, None, "all")? {
            all if all == "all" => items = Some(all),
            condition if condition.contains('=') => conditions.push(condition),
            key => sku = Some(key),
        }
    }
    let Some(sku) = sku else {
        let which = match items.as_deref() {
            Some("all") => Which::All,
            Some(skus) => Which::Skus(skus.split(',').map(|sku| sku.trim().to_owned()).collect()),
            None => Which::Where(columns(&conditions)?),
        };
        return Ok(Goods::Items { which, positive: options.positive, negative: options.negative });
    };
    let price = get("Its catalogue price", options.price.as_deref(), "19.00")?;
    let price_minor = amount::price_minor(&price, currency).map_err(|why| format!("--price {why}"))?;
    let cost = match (&options.cost, objective) {
        (None, "profit") => get("Its net cost", None, "")?,
        (given, _) => given.clone().unwrap_or_default(),
    };
    if cost.is_empty() && objective == "profit" {
        return Err(
            "--cost is missing; it must be given with the objective profit: an unknown cost is not zero"
                .into(),
        );
    }
    let cost_minor = (!cost.is_empty()).then(|| amount::amount_minor(&cost, currency)).transpose();
    let cost_minor = cost_minor.map_err(|why| format!("--cost {why}"))?;
    Ok(Goods::Item { sku, price_minor, cost_minor })
}

/// Conditions as columns with what their values must be; values of one column are alternatives.
fn columns(conditions: &[String]) -> Result<Vec<(String, Value)>, Failure> {
    let mut columns: Vec<(String, Vec<String>)> = Vec::new();
    for condition in conditions {
        let Some((column, value)) = condition.split_once('=') else {
            return Err(format!("--where is {condition}; it must be COLUMN=VALUE, or COLUMN=FROM..TO").into());
        };
        match columns.iter_mut().find(|(known, _)| known == column) {
            Some((_, values)) => values.push(value.into()),
            None => columns.push((column.into(), vec![value.into()])),
        }
    }
    let tests = columns.into_iter().map(|(column, values)| {
        let test = match values.as_slice() {
            [only] => range(only).unwrap_or_else(|| json!(only)),
            several => json!(several),
        };
        (column, test)
    });
    Ok(tests.collect())
}

/// A range such as `500..5000`, `500..` or `..5000`.
fn range(text: &str) -> Option<Value> {
    let (from, to) = text.split_once("..")?;
    let end = |text: &str| match text {
        "" => Some(None),
        text => text.parse::<i64>().ok().map(Some),
    };
    let (from, to) = (end(from)?, end(to)?);
    (from.is_some() || to.is_some()).then(|| json!({ "from": from, "to": to }))
}

fn arms(
    options: &Options,
    get: &mut Get<'_>,
    goods: &Goods,
    currency: Currency,
) -> Result<Vec<(String, Price)>, Failure> {
    let asked;
    let texts: Vec<&str> = if options.arms.is_empty() {
        let question = "Arms beside the control, NAME=PRICE or NAME=xFACTOR, with spaces between";
        asked = get(question, None, "low=x0.9 high=x1.1")?;
        asked.split_whitespace().collect()
    } else {
        options.arms.iter().map(String::as_str).collect()
    };
    let arm = |text: &str| -> Result<(String, Price), Failure> {
        let allowed = "NAME=PRICE, NAME=xFACTOR or NAME=column:COLUMN";
        let refusal = || format!("--arm is {text}; it must be {allowed}");
        let (name, price) = text.split_once('=').ok_or_else(refusal)?;
        let times =
            price.strip_prefix('x').map(|times| times.parse::<f64>().map_err(|_| refusal())).transpose()?;
        let price = match (times, price.strip_prefix("column:"), goods) {
            (Some(times), _, Goods::Item { price_minor, .. }) => {
                Price::Minor((*price_minor as f64 * times).round() as i64)
            }
            (Some(times), _, _) => Price::Times(times),
            (None, Some(column), _) => Price::Column(column.into()),
            (None, None, _) => Price::Minor(amount::price_minor(price, currency)?),
        };
        Ok((name.into(), price))
    };
    texts.into_iter().map(arm).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::template;
    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn asked(arguments: &[&str], answers: &str) -> Result<(String, String), String> {
        let line =
            Line::try_parse_from(["new"].iter().chain(arguments)).map_err(|error| error.to_string())?;
        let mut output = Vec::new();
        let draft =
            ask(&line.options, &mut answers.as_bytes(), &mut output).map_err(|error| error.to_string())?;
        let text = template::experiment(&draft).unwrap().to_toml();
        Ok((text, String::from_utf8(output).unwrap()))
    }

    #[test]
    fn an_empty_line_takes_the_default_that_the_question_shows() {
        let (text, questions) = asked(&["sevilla"], &"\n".repeat(20)).unwrap();
        assert!(
            questions.contains("What is maximised: profit, revenue or conversion? [profit]: "),
            "{questions}"
        );
        let experiment = haggle::Experiment::from_toml(&text).unwrap();
        assert_eq!((experiment.name.as_str(), experiment.arms.len()), ("sevilla", 3));
    }

    #[test]
    fn what_is_given_is_not_asked_and_answers_are_taken() {
        let answers =
            "cheaper earns more\nhttps://wiki.example/a\nMaria Ruiz\n\n\nOLIVE-500\n19.00\n8.00\nlow=17.50\n";
        let (text, questions) =
            asked(&["sevilla", "--currency", "USD"], &answers.replacen("\n\n\n", "\nprofit\n", 1)).unwrap();
        assert!(!questions.contains("Currency"), "{questions}");
        let experiment = haggle::Experiment::from_toml(&text).unwrap();
        assert_eq!((experiment.author.as_str(), experiment.arms[1].price_minor), ("Maria Ruiz", 1750));
        assert_eq!(experiment.item().unwrap().cost_minor, Some(800));
        let error = asked(&["sevilla"], "only this\n").unwrap_err();
        assert!(error.contains("standard input ended before: Address of the document"), "{error}");
    }
}
