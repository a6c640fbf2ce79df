//! `haggle policies`: which policies there are and what can be set about each.

use clap::Args;
use haggle::Policy;
use haggle::policy::PRESETS;
use serde_json::json;

use crate::{Answer, Failure, say};

/// Lists the policies and their parameters.
#[derive(Args)]
#[command(after_help = "Example:\n  haggle policies --json")]
pub struct Options {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the list.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let all = Policy::ALL.map(|policy| {
        let parameters = policy.parameters().iter().map(|parameter| {
            json!({ "name": parameter.name, "default": parameter.default, "least": parameter.least,
                    "most": parameter.most })
        });
        json!({ "policy": policy.name(), "parameters": parameters.collect::<Vec<_>>() })
    });
    if options.json {
        let presets: serde_json::Map<_, _> =
            presets().map(|(preset, policy)| (preset.to_owned(), json!(policy))).collect();
        say(json!({ "policies": all, "presets": presets }))?;
        return Ok(Answer::Yes);
    }
    for policy in Policy::ALL {
        let parameters = policy.parameters().iter().map(|parameter| {
            format!("  {}={} ({} to {})", parameter.name, parameter.default, parameter.least, parameter.most)
        });
        say(format!("{:<22}{}", policy.name(), parameters.collect::<String>()).trim_end())?;
    }
    for (preset, policy) in presets() {
        say(format!("{preset:<22}  preset: {policy}"))?;
    }
    Ok(Answer::Yes)
}

/// The presets and the policies they stand for.
fn presets() -> impl Iterator<Item = (&'static str, &'static str)> {
    PRESETS.into_iter().filter_map(|preset| Some((preset, Policy::from_name(preset)?.name())))
}
