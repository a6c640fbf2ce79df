//! `haggle posterior`: what is believed about each arm, from tallies.

use std::path::{Path, PathBuf};

use clap::Args;
use haggle::evaluate::Tallies;
use haggle::{Posterior, RewardModel};
use plotters::prelude::*;
use serde_json::{Value, json};

use crate::plot::{COLOURS, FONT};
use crate::table::{Table, Unit, percent};
use crate::{Answer, Failure, files, say};

/// Points of a density.
const POINTS: usize = 200;
/// Where the tails are cut in a plot, and how much probability lies beyond.
const TAIL: f64 = 0.0005;

/// Shows what is believed about each arm: prior and tallies together.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle posterior tallies.json
  haggle posterior tallies.json --json | jq '.arms[] | {name, value}'
  haggle posterior tallies.json --plot densities.svg")]
pub struct Options {
    /// File with the tallies; - is standard input.
    tallies: PathBuf,
    /// Writes the densities of the arms' values to this file, as SVG; with --json also their points.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the posteriors.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let tallies = files::tallies(&options.tallies)?;
    // Thompson sampling looks at every reward model, and at nothing but the posteriors.
    let sketch = tallies.sketch("thompson".parse()?, 0.0);
    let input = sketch.input(&tallies.history).map_err(files::named(&options.tallies))?;
    let posteriors: Vec<Posterior> = input.arms().iter().map(|arm| arm.posterior).collect();
    if let Some(path) = &options.plot {
        plot(path, &tallies, &posteriors).map_err(files::named(path))?;
    }
    let arms = || tallies.offers.iter().zip(&posteriors);
    if options.json {
        let arms = arms().map(|(offer, posterior)| {
            let mut arm = json!({ "name": offer.name, "price_minor": offer.price_minor,
                                  "parameters": parameters(posterior),
                                  "rate": rate(posterior), "value": value(posterior) });
            if let (Some(fields), true) = (arm.as_object_mut(), options.plot.is_some()) {
                fields.insert("density".into(), json!(points(posterior)));
            }
            arm
        });
        say(
            json!({ "objective": tallies.objective.name(), "reward_model": tallies.reward_model.name(), "unit": Unit::of(&tallies).name(),
                    "arms": arms.collect::<Vec<_>>() }),
        )?;
        return Ok(Answer::Yes);
    }
    let unit = Unit::of(&tallies);
    let mut table = Table::new(&["arm", "price", "rate", "value", "sd", "2.5 %", "median", "97.5 %"]);
    for (offer, posterior) in arms() {
        table.line(vec![
            offer.name.clone(),
            Unit::price(tallies.currency, offer.price_minor),
            posterior.rate_quantile(0.5).map_or("none".into(), |_| percent(posterior.rate_mean())),
            unit.value(posterior.value_mean_minor()),
            unit.value(posterior.value_sd_minor()),
            unit.value(posterior.quantile(0.025)),
            unit.value(posterior.quantile(0.5)),
            unit.value(posterior.quantile(0.975)),
        ]);
    }
    say(table)?;
    Ok(Answer::Yes)
}

/// The parameters by their names.
fn parameters(posterior: &Posterior) -> Value {
    let [a, b, shape, rate] = posterior.parameters();
    match posterior.model() {
        RewardModel::Conversion => json!({ "alpha": a, "beta": b, "value_minor": posterior.value_minor() }),
        RewardModel::ZeroInflated => {
            json!({ "alpha": a, "beta": b, "order_shape": shape, "order_rate": rate })
        }
        RewardModel::Normal => json!({ "mean": a, "kappa": b, "shape": shape, "rate": rate }),
    }
}

/// The conversion rate; null where the model has none.
fn rate(posterior: &Posterior) -> Value {
    let quantile = |p| posterior.rate_quantile(p);
    let (Some(low), Some(median), Some(high)) = (quantile(0.025), quantile(0.5), quantile(0.975)) else {
        return Value::Null;
    };
    json!({ "mean": posterior.rate_mean(), "sd": posterior.rate_sd(), "q025": low, "q50": median, "q975": high })
}

fn value(posterior: &Posterior) -> Value {
    json!({ "mean": posterior.value_mean_minor(), "sd": posterior.value_sd_minor(), "q025": posterior.quantile(0.025),
            "q50": posterior.quantile(0.5), "q975": posterior.quantile(0.975) })
}

/// Value of an exposure and its density, from one tail to the other.
fn points(posterior: &Posterior) -> Vec<(f64, f64)> {
    let (from, to) = (posterior.quantile(TAIL), posterior.quantile(1.0 - TAIL));
    let at = |place: usize| from + (to - from) * place as f64 / (POINTS - 1) as f64;
    (0..POINTS).map(|place| (at(place), posterior.density(at(place)))).collect()
}

/// Width and height of a plot, twice what it is meant to be shown at: plotters rounds to whole pixels.
const SIZE: (u32, u32) = (1800, 1000);
const LABEL: (&str, u32) = (FONT, 26);

/// Draws the densities into an SVG file.
fn plot(path: &Path, tallies: &Tallies, posteriors: &[Posterior]) -> Result<(), Failure> {
    let unit = Unit::of(tallies);
    let lines: Vec<Vec<(f64, f64)>> = posteriors.iter().map(points).collect();
    let all = || lines.iter().flatten();
    let least = all().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let most = all().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
    // A density that is infinite at an end of its range is drawn up to the others' height.
    let high = all().map(|point| point.1).filter(|height| height.is_finite()).fold(0.0, f64::max);
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(32)
        .caption("What an exposure is believed to be worth", (FONT, 36))
        .x_label_area_size(90)
        .build_cartesian_2d(least..most, 0.0..1.05 * high)?;
    let label = |value: &f64| unit.value(*value);
    let mut mesh = chart.configure_mesh();
    mesh.disable_y_mesh().light_line_style(TRANSPARENT).x_labels(6).x_label_formatter(&label);
    mesh.x_desc(unit.name()).label_style(LABEL).draw()?;
    for ((offer, line), colour) in tallies.offers.iter().zip(&lines).zip(COLOURS.into_iter().cycle()) {
        let line = || line.iter().map(|&(value, density)| (value, density.min(high)));
        chart.draw_series(AreaSeries::new(line(), 0.0, colour.mix(0.08)))?;
        chart
            .draw_series(LineSeries::new(line(), colour.stroke_width(4)))?
            .label(&offer.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(4)));
    }
    let mut legend = chart.configure_series_labels();
    legend.position(SeriesLabelPosition::UpperRight).label_font(LABEL).legend_area_size(40);
    legend.background_style(WHITE.mix(0.8)).draw()?;
    area.present()?;
    Ok(())
}
