//! An experiment as the file that people keep: TOML with a comment on every field.

use super::read::plain_reward_model;
use super::write::{condition_json, guardrails_json, policy_json};
use super::{Arm, ArmPrice, ArmState, DelayCorrection, Experiment, Goods, Item, Scope, Unit, Which};
use crate::Prior;
use crate::json::Json;
use crate::time::format_time;

/// The JSON Schema that editors check experiment files by, in the same folder.
pub const SCHEMA_FILE: &str = "experiment.schema.json";

impl Experiment {
    /// The experiment as a file in TOML, with a comment on every field, and those that were not given as comments.
    ///
    /// ```
    /// let experiment = haggle::Experiment::from_json(include_str!("../../tests/golden/sevilla.json"))?;
    /// let file = experiment.to_toml();
    /// assert!(file.contains("# Least share of every arm that is live."));
    /// assert_eq!(haggle::Experiment::from_toml(&file)?, experiment);
    /// # Ok::<(), haggle::Error>(())
    /// ```
    pub fn to_toml(&self) -> String {
        let parts = [
            self.head(),
            self.who(),
            self.rule(),
            self.bounds_and_end(),
            match &self.goods {
                Goods::Item(item) => item_text(item),
                Goods::Scope(scope) => scope_text(scope),
            },
            self.arms_text(),
        ];
        format!("#:schema ./{SCHEMA_FILE}\n{}", parts.join("\n"))
    }

    fn head(&self) -> String {
        let author = Some(&self.author).filter(|author| !author.is_empty());
        let personal = if self.personal_data { "personal_data = true\n" } else { "" };
        format!(
            "# Every field and what it means: docs/experiments.md. Amounts are in minor units: 1900 is {} {currency}.
name = {}
# Written before the first price moves, and not changed after that.
hypothesis = {}
document = {}
{}
# What is maximised, per exposed unit: \"profit\" (net of cost), \"revenue\" or \"conversion\".
objective = {}
currency = \"{currency}\"
# Not to be started before, and decided at the latest. A bare date is midnight in UTC.
{}
{}
{personal}",
            self.currency.major(1900),
            quoted(&self.name),
            quoted(&self.hypothesis),
            quoted(&self.document),
            line("author", author.map(|author| quoted(author)), "\"\""),
            quoted(self.objective.name()),
            line("start", self.start_ms.map(date), "2026-12-01"),
            line("end", self.end_ms.map(date), "2026-12-29"),
            currency = self.currency,
        )
    }

    fn who(&self) -> String {
        let periods = self.period_hours.map_or_else(String::new, |hours| {
            format!(
                "period_hours = {hours}
# Sales of the first hours of a period do not count: shoppers may still know the last price.
washout_hours = {}
# Whether items of a family share an arm.
families = {}
",
                self.washout_hours, self.families
            )
        });
        let holdout = format!(
            "# Share of visitors who always see the control, whatever is learned.\nholdout = {}\n",
            number(self.holdout)
        );
        format!(
            "# What is randomised: \"visitor\" (each visitor gets one arm), or with [scope] \"item\", \"family\" or \"item-period\"
# (everybody sees the same price of an item at a time).
unit = {}
{periods}{}# Least share of every arm that is live.
floor = {}
# The arm at the catalogue price.
control = {}
# Makes the draws independent of every other experiment's.
salt = {}
",
            quoted(self.unit.name()),
            if self.unit == Unit::Visitor { &holdout } else { "" },
            number(self.floor),
            quoted(&self.control),
            quoted(&self.salt)
        )
    }

    fn rule(&self) -> String {
        let mut text = format!(
            "# How what is learned becomes shares; haggle policies lists the others.
policy = {}
# Hours after a decision in which its reward counts.
reward_window_hours = {}
",
            value(&policy_json(&self.policy)),
            self.reward_window_hours
        );
        let mut add = |comment: &str, name: &str, value: String| {
            text.push_str(&format!("# {comment}\n{name} = {value}\n"));
        };
        if self.prior != Prior::default() {
            let (alpha, beta) = (number(self.prior.alpha()), number(self.prior.beta()));
            add(
                "Belief about each arm's conversion rate.",
                "prior",
                format!("{{ alpha = {alpha}, beta = {beta} }}"),
            );
        }
        if self.reward_model != plain_reward_model(&self.goods, self.objective) {
            add("What an exposure is worth.", "reward_model", quoted(self.reward_model.name()));
        }
        let plain = if self.unit.is_of_items() { DelayCorrection::Naive } else { DelayCorrection::Weighted };
        if self.delay != plain {
            add("How exposures count whose reward may be under way.", "delay", quoted(self.delay.name()));
        }
        if let Some(units) = self.horizon {
            add("Units that are expected in all.", "horizon", units.to_string());
        }
        if let Some(pieces) = self.stock {
            add("Pieces that may be sold in all.", "stock", pieces.to_string());
        }
        text
    }

    fn bounds_and_end(&self) -> String {
        let weeks = Some(self.stop.min_weeks).filter(|&weeks| weeks > 0);
        let given = guardrails_json(&self.guardrails).unwrap_or(Json::Object(Vec::new()));
        let bound = |name: &str, example: &str| {
            let Json::Object(fields) = &given else { return String::new() };
            let field = fields.iter().find(|(known, _)| known == name);
            line(name, field.map(|(_, json)| value(json)), example)
        };
        let rare = ["min_price_minor", "max_price_minor", "map_minor"].map(|name| (name, bound(name, "")));
        let rare =
            rare.iter().filter(|(_, line)| !line.starts_with('#')).map(|(_, line)| format!("{line}\n"));
        format!(
            "[stop]
# Not decided before so many whole weeks, as weekdays differ.
{}
# Decided once the loss expected of the best arm is at most this, in minor units per exposure.
{}

# The bounds that no price leaves.
[guardrails]
{}# Least of the net price over the unit cost, less one.
{}
# Largest step from the catalogue price.
{}
# Prices are multiples of this, or end in these last digits.
{}
{}
",
            line("min_weeks", weeks.map(|weeks| weeks.to_string()), "2"),
            line("expected_loss_minor", self.stop.expected_loss_minor.map(number), "0.5"),
            rare.collect::<String>(),
            bound("min_margin", "0.25"),
            bound("max_step", "0.25"),
            bound("grid_minor", "10"),
            bound("endings", "[99, 49]"),
        )
    }

    fn arms_text(&self) -> String {
        let how = match self.goods {
            Goods::Item(_) => "# Prices in minor units.\n#",
            Goods::Scope(_) => {
                "# Prices as a multiple of the catalogue price, or in a column of the catalogue (column = \"test_price\").\n#"
            }
        };
        let arms = self.arms.iter().map(arm_text).collect::<Vec<_>>().join("\n");
        format!(
            "{how} The control, at the catalogue price, is what the holdout and every failure sees.\n{arms}"
        )
    }
}

fn item_text(item: &Item) -> String {
    let rate = Some(item.tax.rate()).filter(|&rate| rate > 0.0);
    let compare = item.compare_at_minor.map_or_else(String::new, |price| {
        format!("# The higher price that pages show struck through.\ncompare_at_minor = {price}\n")
    });
    format!(
        "[item]
sku = {}
# What the shop charges without haggle.
price_minor = {}
# Net cost of one unit.
{}
# Whether these prices include tax, and the tax as a share of the net price.
{}
{}
{compare}",
        quoted(&item.sku),
        item.price_minor,
        line("cost_minor", item.cost_minor.map(|cost| cost.to_string()), "0"),
        line("price_includes_tax", rate.map(|_| "true".into()), "true"),
        line("tax_rate", rate.map(number), "0.19"),
    )
}

fn scope_text(scope: &Scope) -> String {
    let items = match &scope.which {
        Which::All => "items = \"all\"\n".to_owned(),
        Which::Skus(skus) => format!("items = {}\n", value(&Json::texts(skus))),
        Which::Where(_) => String::new(),
    };
    let conditions = match &scope.which {
        Which::Where(conditions) => {
            let lines = conditions.iter().map(condition_json);
            let lines: String =
                lines.map(|(column, test)| format!("{} = {}\n", key(&column), value(&test))).collect();
            format!("\n[scope.where]\n{lines}")
        }
        Which::All | Which::Skus(_) => String::new(),
    };
    let exclude =
        Some(&scope.exclude).filter(|names| !names.is_empty()).map(|names| value(&Json::texts(names)));
    format!(
        "# Which items of the catalogue. Those of live experiments stay out by themselves.
[scope]
{items}# Items of these earlier experiments stay out, too.
{}
{conditions}
# How many of them get the experiment's prices (all the rest where left out), and how many keep the catalogue price
# to be compared with; drawn once, at the start, within price bands.
[sample]
{}
negative = {}
strata = {}
",
        line("exclude", exclude, "[\"malaga\"]"),
        line("positive", scope.positive.map(|count| count.to_string()), "400"),
        scope.negative,
        scope.strata,
    )
}

fn arm_text(arm: &Arm) -> String {
    let mut text = format!("[[arms]]\nname = {}\n", quoted(&arm.name));
    match &arm.price {
        ArmPrice::Minor(price_minor) => text.push_str(&format!("price_minor = {price_minor}\n")),
        ArmPrice::Times(times) => text.push_str(&format!("multiplier = {}\n", number(*times))),
        ArmPrice::Column(column) => text.push_str(&format!("column = {}\n", quoted(column))),
    }
    if !matches!(arm.price, ArmPrice::Minor(_)) && arm.price_minor != 0 {
        text.push_str(&format!("price_minor = {}\n", arm.price_minor));
    }
    if arm.state != ArmState::Live {
        text.push_str(&format!("state = {}\n", quoted(arm.state.name())));
    }
    if arm.is_added {
        text.push_str("added = true\n");
    }
    text
}

/// A field and its value, or as a comment what it may look like.
fn line(name: &str, given: Option<String>, example: &str) -> String {
    given.map_or_else(|| format!("# {name} = {example}"), |given| format!("{name} = {given}"))
}

/// A moment, by its date alone where it is midnight.
fn date(at_ms: u64) -> String {
    let time = format_time(at_ms);
    time.strip_suffix("T00:00:00Z").map_or(time.clone(), str::to_owned)
}

fn number(of: f64) -> String {
    Json::number(of).write()
}

/// A text in TOML, which escapes as JSON does, and DEL.
fn quoted(text: &str) -> String {
    Json::text(text).write().replace('\u{7f}', "\\u007f")
}

/// A key of TOML: bare where it can be.
fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(is_bare) { name.into() } else { quoted(name) }
}

/// A value in one line of TOML.
fn value(json: &Json) -> String {
    match json {
        Json::Text(text) => quoted(text),
        Json::List(values) => format!("[{}]", values.iter().map(value).collect::<Vec<_>>().join(", ")),
        Json::Object(fields) => {
            let field = |(name, json): &(String, Json)| format!("{} = {}", key(name), value(json));
            format!("{{ {} }}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => json.write(),
    }
}
