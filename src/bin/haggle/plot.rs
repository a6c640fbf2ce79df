//! Plots of a simulation, as SVG, and the colours and letters of all plots.

use std::path::Path;

use haggle::simulate::{Environment, Summary};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Failure;
use crate::simulate::unit;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Width of the picture, heights of its parts, in pixels.
const WIDTH: u32 = 1200;
const REGRET_HEIGHT: u32 = 560;
const LEGEND_HEIGHT: u32 = 56;
const SMALL_HEIGHT: u32 = 250;
/// Small plots side by side.
const COLUMNS: usize = 3;

const INK: RGBColor = RGBColor(0x24, 0x29, 0x2f);
const MUTED: RGBColor = RGBColor(0x6b, 0x72, 0x80);
const GRID: RGBColor = RGBColor(0xe5, 0xe7, 0xeb);
/// Of every text.
pub const FONT: &str = "Helvetica, Arial, sans-serif";

/// Colours of policies and of arms, again from the first where there are more: told apart by colour-blind eyes (Okabe
/// and Ito 2008), with shades more.
pub const COLOURS: [RGBColor; 10] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0x52, 0x52, 0x52),
    RGBColor(0x7b, 0x4f, 0xc9),
    RGBColor(0x9a, 0xa5, 0x1c),
];

/// Draws regret over time of every policy with its band from the 5 % to the 95 % quantile, and below what share of
/// the units each arm got under each policy.
pub fn simulation(path: &Path, environment: &Environment, summaries: &[Summary]) -> Result<(), Failure> {
    let rows = summaries.len().div_ceil(COLUMNS) as u32;
    let size = (WIDTH, REGRET_HEIGHT + LEGEND_HEIGHT + rows * SMALL_HEIGHT);
    let all = SVGBackend::new(path, size).into_drawing_area();
    let failure = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    all.fill(&WHITE).map_err(|why| failure(&why))?;
    let (top, below) = all.split_vertically(REGRET_HEIGHT);
    let (legend, below) = below.split_vertically(LEGEND_HEIGHT);
    regret(&top, environment, summaries).map_err(|why| failure(&why))?;
    arms_legend(&legend, environment).map_err(|why| failure(&why))?;
    for (area, summary) in below.split_evenly((rows as usize, COLUMNS)).iter().zip(summaries) {
        allocation(area, environment, summary).map_err(|why| failure(&why))?;
    }
    all.present().map_err(|why| failure(&why))?;
    Ok(())
}

fn regret(area: &Area, environment: &Environment, summaries: &[Summary]) -> Result<(), Failure> {
    let points = || summaries.iter().flat_map(|summary| &summary.checkpoints);
    let most = points().map(|point| point.regret_q95.max(point.regret_mean)).fold(0.0, f64::max);
    let least = points().map(|point| point.regret_q05.min(point.regret_mean)).fold(0.0, f64::min);
    let horizon = environment.horizon as f64;
    let runs = summaries.first().map_or(0, |summary| summary.runs);
    area.draw_text(
        &format!("Regret, in {}", unit(environment)),
        &(FONT, 24).into_font().color(&INK).into_text_style(area),
        (24, 22),
    )?;
    let subtitle = format!(
        "Mean of {runs} runs and band from 5 % to 95 % of them; {} arms, feedback every {} units.",
        environment.arms.len(),
        thousands(environment.feedback_every as f64)
    );
    area.draw_text(&subtitle, &(FONT, 15).into_font().color(&MUTED).into_text_style(area), (24, 54))?;
    let mut chart = ChartBuilder::on(area)
        .margin_top(90)
        .margin_left(16)
        .margin_right(230)
        .x_label_area_size(48)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..horizon, least * 1.05..(most * 1.05).max(1e-9))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(MUTED)
        .x_desc("units (visitors)")
        .x_label_formatter(&|units| thousands(*units))
        .y_label_formatter(&|regret| amount(*regret, most))
        .label_style((FONT, 14).into_font().color(&MUTED))
        .draw()?;
    let colours = || COLOURS.into_iter().cycle();
    for (summary, colour) in summaries.iter().zip(colours()) {
        let upper = summary.checkpoints.iter().map(|point| (point.at as f64, point.regret_q95));
        let lower = summary.checkpoints.iter().rev().map(|point| (point.at as f64, point.regret_q05));
        let band: Vec<(f64, f64)> = std::iter::once((0.0, 0.0)).chain(upper).chain(lower).collect();
        chart.draw_series(std::iter::once(Polygon::new(band, colour.mix(0.10))))?;
    }
    for (summary, colour) in summaries.iter().zip(colours()) {
        let means = summary.checkpoints.iter().map(|point| (point.at as f64, point.regret_mean));
        let line = std::iter::once((0.0, 0.0)).chain(means);
        chart.draw_series(LineSeries::new(line, colour.stroke_width(3)))?;
    }
    let place = |regret: f64| chart.backend_coord(&(horizon, regret));
    let ends = summaries.iter().map(|summary| place(summary.regret_mean));
    end_labels(area, summaries, &ends.collect::<Vec<_>>())
}

/// The names of the policies at the ends of their lines, moved apart where they would cover each other.
fn end_labels(area: &Area, summaries: &[Summary], ends: &[(i32, i32)]) -> Result<(), Failure> {
    const STEP: i32 = 19;
    let mut order: Vec<usize> = (0..ends.len()).collect();
    let height = |label: usize| ends.get(label).map_or(0, |end| end.1);
    order.sort_by_key(|&label| height(label));
    // From the bottom up none may stand below the axis, from the top down none above another.
    let lowest = REGRET_HEIGHT as i32 - 56;
    let mut next = lowest - STEP * (order.len() as i32 - 1);
    let mut above = i32::MIN / 2;
    for label in order {
        let Some((summary, &(x, y))) = summaries.get(label).zip(ends.get(label)) else { continue };
        let at = y.min(next).max(above + STEP);
        (above, next) = (at, next + STEP);
        let colour = COLOURS.into_iter().cycle().nth(label).unwrap_or(INK);
        let style = (FONT, 15).into_font().color(&colour).into_text_style(area);
        let style = style.pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&PathElement::new(vec![(x + 2, y), (x + 12, at)], colour.mix(0.6)))?;
        let text = format!("{}  {}", summary.policy, amount(summary.regret_mean, summary.regret_mean));
        area.draw_text(&text, &style, (x + 16, at))?;
    }
    Ok(())
}

fn arms_legend(area: &Area, environment: &Environment) -> Result<(), Failure> {
    let title = (FONT, 18).into_font().color(&INK).into_text_style(area);
    area.draw_text("Allocation: share of the units that each arm gets", &title, (24, 6))?;
    let style = (FONT, 13).into_font().color(&MUTED).into_text_style(area);
    let style = style.pos(Pos::new(HPos::Left, VPos::Center));
    let mut x = 24;
    for (place, arm) in environment.arms.iter().enumerate() {
        let colour = arm_colour(place, environment.arms.len());
        let width = 30 + 7 * arm.name.len() as i32;
        if x + width > WIDTH as i32 - 24 {
            break;
        }
        area.draw(&Rectangle::new([(x, 36), (x + 12, 48)], colour.filled()))?;
        area.draw_text(&arm.name, &style, (x + 17, 43))?;
        x += width;
    }
    Ok(())
}

fn allocation(area: &Area, environment: &Environment, summary: &Summary) -> Result<(), Failure> {
    let horizon = environment.horizon as f64;
    let mut chart = ChartBuilder::on(area)
        .margin_top(8)
        .margin_left(8)
        .margin_right(24)
        .caption(&summary.policy, (FONT, 15).into_font().color(&INK))
        .x_label_area_size(30)
        .y_label_area_size(46)
        .build_cartesian_2d(0.0..horizon, 0.0..1.0)?;
    let count = environment.arms.len();
    let mut below: Vec<f64> = vec![0.0; summary.checkpoints.len()];
    for place in 0..count {
        let share = |shares: &Vec<f64>| shares.get(place).copied().unwrap_or(0.0);
        let above: Vec<f64> =
            below.iter().zip(&summary.checkpoints).map(|(sum, point)| sum + share(&point.shares)).collect();
        // A share is that of the units since the checkpoint before: a step.
        let edge = |heights: &[f64]| {
            let starts = std::iter::once(0.0).chain(summary.checkpoints.iter().map(|point| point.at as f64));
            let steps = starts.zip(&summary.checkpoints).zip(heights);
            steps
                .flat_map(|((from, point), &height)| [(from, height), (point.at as f64, height)])
                .collect::<Vec<_>>()
        };
        let outline: Vec<(f64, f64)> =
            edge(&above).into_iter().chain(edge(&below).into_iter().rev()).collect();
        chart.draw_series(std::iter::once(Polygon::new(outline, arm_colour(place, count).filled())))?;
        below = above;
    }
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(MUTED)
        .x_labels(4)
        .y_labels(3)
        .x_label_formatter(&|units| thousands(*units))
        .y_label_formatter(&|share| format!("{:.0} %", 100.0 * share))
        .label_style((FONT, 12).into_font().color(&MUTED))
        .draw()?;
    Ok(())
}

/// Arms in the order of the file, from dark to light (between the anchors of viridis; van der Walt and Smith 2015).
fn arm_colour(place: usize, count: usize) -> RGBColor {
    const ANCHORS: [(f64, f64, f64); 5] = [
        (68.0, 1.0, 84.0),
        (59.0, 82.0, 139.0),
        (33.0, 145.0, 140.0),
        (94.0, 201.0, 98.0),
        (253.0, 231.0, 37.0),
    ];
    let along = place as f64 / (count.max(2) - 1) as f64 * (ANCHORS.len() - 1) as f64;
    let (low, rest) = (along.floor() as usize, along - along.floor());
    let at = |i: usize| ANCHORS.get(i.min(ANCHORS.len() - 1)).copied().unwrap_or_default();
    let (from, to) = (at(low), at(low + 1));
    let mix = |from: f64, to: f64| (from + rest * (to - from)).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// A whole number with thin spaces between thousands.
fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::from(if number < 0.0 { "−" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// An amount with as many decimals as numbers up to `most` need.
fn amount(value: f64, most: f64) -> String {
    if most >= 100.0 {
        thousands(value)
    } else if most >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}
