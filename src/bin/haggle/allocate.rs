//! `haggle allocate`: the shares that a policy gives, from tallies.

use std::path::PathBuf;

use clap::Args;
use haggle::{Error, PolicyChoice, TOTAL};
use serde_json::{Map, Value, json};

use crate::table::{Table, Unit, percent};
use crate::{Answer, Failure, files, say};

/// Shares out the next units among the arms, as a policy would.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle allocate tallies.json --policy thompson
  haggle allocate tallies.json --policy softmax:temperature=0.2 --floor 0.02 --json
  curl -s https://shop.example/tallies | haggle allocate - --policy convergence

`haggle policies` lists the policies and their parameters; docs/cli.md has the form of TALLIES.json.")]
pub struct Options {
    /// File with the tallies; - is standard input.
    tallies: PathBuf,
    /// Name of a policy, with parameters where it has any: softmax:temperature=0.2.
    #[arg(long)]
    policy: String,
    /// Least share of an arm, from 0 to one over the number of arms.
    #[arg(long, default_value_t = 0.0)]
    floor: f64,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// The policy that an option names.
pub fn choice(given: &str) -> Result<PolicyChoice, Failure> {
    given.parse().map_err(|error: Error| format!("--policy {given}: {error}").into())
}

/// The policy's parameters by their names.
pub fn parameters(choice: &PolicyChoice) -> Value {
    let values = choice.name.parameters().iter().zip(&choice.parameters);
    Value::Object(values.map(|(known, value)| (known.name.to_owned(), json!(value))).collect::<Map<_, _>>())
}

/// Prints the shares.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let choice = choice(&options.policy)?;
    let tallies = files::tallies(&options.tallies)?;
    let (policy, parameters) = (choice.name, parameters(&choice));
    let sketch = tallies.sketch(choice, options.floor);
    let input = sketch.input(&tallies.history).map_err(files::named(&options.tallies))?;
    let allocation = policy.allocate(&input);
    let arms = || tallies.offers.iter().zip(allocation.shares()).zip(&tallies.totals);
    let part = |share: u32| f64::from(share) / f64::from(TOTAL);
    if options.json {
        let arms = arms().map(|((offer, &share), _)| {
            json!({ "name": offer.name, "price_minor": offer.price_minor, "share": part(share),
                    "share_of_65536": share })
        });
        say(json!({ "policy": policy.name(), "parameters": parameters, "floor": options.floor,
                    "arms": arms.collect::<Vec<_>>() }))?;
        return Ok(Answer::Yes);
    }
    let mut table = Table::new(&["arm", "price", "exposures", "conversions", "share"]);
    for ((offer, &share), tally) in arms() {
        table.line(vec![
            offer.name.clone(),
            Unit::price(tallies.currency, offer.price_minor),
            tally.exposures.to_string(),
            tally.conversions.to_string(),
            percent(part(share)),
        ]);
    }
    say(table)?;
    Ok(Answer::Yes)
}
