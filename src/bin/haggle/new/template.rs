//! The text of a new experiment file: what was asked for, and a comment on every field.

use super::answers::{Draft, Goods, Price, Which, quoted};

/// The file that editors check experiment files by, in the same folder.
pub const SCHEMA: &str = "experiment.schema.json";

/// The whole file.
pub fn text(draft: &Draft) -> String {
    let parts = [head(draft), who(draft), rule(draft), goods(draft), arms(draft)];
    format!("#:schema ./{SCHEMA}\n{}", parts.join("\n"))
}

fn head(draft: &Draft) -> String {
    let author = draft
        .author
        .as_deref()
        .map_or("# author = \"\"".into(), |author| format!("author = {}", quoted(author)));
    format!(
        "# Every field and what it means: docs/experiments.md. Amounts are in minor units: 1900 is 19.00 {currency}.
name = {name}
# Written before the first price moves, and not changed after that.
hypothesis = {hypothesis}
document = {document}
{author}
# What is maximised, per exposed unit: \"profit\" (net of cost), \"revenue\" or \"conversion\".
objective = {objective}
currency = {code}
# Not to be started before, and decided at the latest. A bare date is midnight in UTC.
# start = 2026-12-01
# end = 2026-12-29
",
        currency = draft.currency,
        name = quoted(&draft.name),
        hypothesis = quoted(&draft.hypothesis),
        document = quoted(&draft.document),
        objective = quoted(&draft.objective),
        code = quoted(&draft.currency.to_string()),
    )
}

fn who(draft: &Draft) -> String {
    let unit = quoted(&draft.unit);
    let periods = draft.period_hours.map_or(String::new(), |hours| {
        format!(
            "period_hours = {hours}
# Sales of the first hours of a period do not count: shoppers may still know the last price.
washout_hours = 0
# Whether items of a family share an arm.
families = false
"
        )
    });
    let holdout = match draft.unit.as_str() {
        "visitor" => {
            "# Share of visitors who always see the control, whatever is learned.
holdout = 0.1
"
        }
        _ => "",
    };
    format!(
        "# What is randomised: \"visitor\" (each visitor gets one arm), or with [scope] \"item\", \"family\" or \"item-period\"
# (everybody sees the same price of an item at a time).
unit = {unit}
{periods}{holdout}# Least share of every arm that is live.
floor = 0.02
# The arm at the catalogue price.
control = \"list\"
# Makes the draws independent of every other experiment's.
salt = {salt}
",
        salt = quoted(&draft.name)
    )
}

fn rule(draft: &Draft) -> String {
    format!(
        "# How what is learned becomes shares; haggle policies lists the others.
policy = {{ name = {policy} }}
# Hours after a decision in which its reward counts.
reward_window_hours = 168

[stop]
# Not decided before so many whole weeks, as weekdays differ.
min_weeks = {weeks}
# Decided once the loss expected of the best arm is at most this, in minor units per exposure.
# expected_loss_minor = 0.5

# The bounds that no price leaves.
[guardrails]
# Least of the net price over the unit cost, less one.
# min_margin = 0.25
# Largest step from the catalogue price.
# max_step = 0.25
# Prices are multiples of this, or end in these last digits.
# grid_minor = 10
# endings = [99, 49]
",
        policy = quoted(&draft.policy),
        weeks = draft.weeks
    )
}

fn goods(draft: &Draft) -> String {
    match &draft.goods {
        Goods::Item { sku, price_minor, cost_minor } => item(sku, *price_minor, *cost_minor),
        Goods::Items { which, positive, negative } => scope(which, *positive, *negative),
    }
}

fn item(sku: &str, price_minor: i64, cost_minor: Option<i64>) -> String {
    let cost = cost_minor.map_or("# cost_minor = 0".into(), |cost| format!("cost_minor = {cost}"));
    format!(
        "[item]
sku = {sku}
# What the shop charges without haggle.
price_minor = {price_minor}
# Net cost of one unit.
{cost}
# Whether these prices include tax, and the tax as a share of the net price.
# price_includes_tax = true
# tax_rate = 0.19
",
        sku = quoted(sku)
    )
}

fn scope(which: &Which, positive: Option<u32>, negative: Option<u32>) -> String {
    let list = |skus: &[String]| skus.iter().map(|sku| quoted(sku)).collect::<Vec<_>>().join(", ");
    let (items, conditions) = match which {
        Which::All => ("items = \"all\"\n".to_owned(), String::new()),
        Which::Skus(skus) => (format!("items = [{}]\n", list(skus)), String::new()),
        Which::Where(columns) => {
            let lines = columns.iter().map(|(column, test)| format!("{} = {test}\n", key(column)));
            (String::new(), format!("\n[scope.where]\n{}", lines.collect::<String>()))
        }
    };
    let positive = positive.map_or("# positive = 400".into(), |count| format!("positive = {count}"));
    format!(
        "# Which items of the catalogue. Those of live experiments stay out by themselves.
[scope]
{items}# Items of these earlier experiments stay out, too.
# exclude = [\"malaga\"]
{conditions}
# How many of them get the experiment's prices (all the rest where left out), and how many keep the catalogue price
# to be compared with; drawn once, at the start, within price bands.
[sample]
{positive}
negative = {negative}
strata = 4
",
        negative = negative.unwrap_or(0)
    )
}

/// A key of TOML: bare where it can be.
fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(is_bare) { name.into() } else { quoted(name) }
}

fn arms(draft: &Draft) -> String {
    let (list, is_one) = match &draft.goods {
        Goods::Item { price_minor, .. } => (format!("price_minor = {price_minor}"), true),
        Goods::Items { .. } => ("multiplier = 1".into(), false),
    };
    let how = if is_one {
        "# Prices in minor units.\n#"
    } else {
        "# Prices as a multiple of the catalogue price, or in a column of the catalogue (column = \"test_price\").\n#"
    };
    let arm = |(name, price): &(String, Price)| {
        let price = match price {
            Price::Minor(price_minor) => format!("price_minor = {price_minor}"),
            Price::Times(times) => format!("multiplier = {times}"),
            Price::Column(column) => format!("column = {}", quoted(column)),
        };
        format!("\n[[arms]]\nname = {}\n{price}\n", quoted(name))
    };
    let others: String = draft.arms.iter().map(arm).collect();
    format!(
        "{how} The control, at the catalogue price, is what the holdout and every failure sees.\n[[arms]]\nname = \"list\"\n{list}\n{others}"
    )
}
