//! `haggle presets` and `haggle site`: what is known of the shop platforms, and whether a site file is right.

use std::path::PathBuf;

use clap::Args;
use haggle::site::Preset;
use serde_json::json;

use crate::{Answer, Failure, files, page, say};

/// Lists the presets of shop platforms, and how a quote reaches the charge on each.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle presets
  haggle presets --json")]
pub struct Options {
    /// As JSON, with the rules.
    #[arg(long)]
    json: bool,
}

/// Checks a site file: whether it can be read, and whether prices may differ between visitors.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle site site.toml
  haggle site site.toml --json | curl -X PUT -H 'authorization: Bearer …' --data-binary @- https://admin.shop.example/haggle/v1/site

Exit code 1: the site can be read, but a quote does not reach the charge.")]
pub struct SiteOptions {
    /// File with the site, in TOML or JSON (*.json).
    site: PathBuf,
    /// Print the site as JSON, as the API takes it.
    #[arg(long)]
    json: bool,
}

/// Prints the presets.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    if options.json {
        let presets = Preset::ALL.iter().map(|preset| {
            Ok(json!({ "preset": preset.name(), "charge": preset.charge().name(), "statement": preset.statement(),
                       "rules": serde_json::from_str::<serde_json::Value>(preset.rules())? }))
        });
        say(json!(presets.collect::<Result<Vec<_>, serde_json::Error>>()?))?;
        return Ok(Answer::Yes);
    }
    for preset in Preset::ALL {
        say(format!("{} (charge: {})", preset.name(), preset.charge().name()))?;
        say(format!("  {}\n", preset.statement()))?;
    }
    Ok(Answer::Yes)
}

/// Checks the site of a file.
pub fn check(options: &SiteOptions) -> Result<Answer, Failure> {
    let path = &options.site;
    let site = page::site(path)?;
    let charge = site.check_charge();
    if options.json {
        let text = files::text(path)?;
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let value: serde_json::Value = if is_json {
            serde_json::from_str(&text)?
        } else {
            toml::from_str(&text).map_err(files::named(path))?
        };
        say(value)?;
    } else {
        let preset = site.preset().map_or("none", |preset| preset.name());
        say(format!("preset {preset}, charge {}, hidden field {}", site.charge().name(), site.field()))?;
    }
    match charge {
        Ok(()) => Ok(Answer::Yes),
        Err(error) => {
            eprintln!("haggle: {}: {error}", path.display());
            Ok(Answer::No)
        }
    }
}
