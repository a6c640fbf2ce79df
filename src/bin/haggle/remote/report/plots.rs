//! The plots of a report, as SVG within the page: who was sent where over time, what each arm is worth, and how far
//! apart they are.
//!
//! Ink and grid have colours of their own, which the page's style turns over where it is dark.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::answer::{Answer, DAY_MS, Estimate};
use crate::Failure;
use crate::plot::{COLOURS, FONT};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Ink and grid: the page's style names them again.
pub const INK: RGBColor = RGBColor(0x24, 0x29, 0x2f);
pub const MUTED: RGBColor = RGBColor(0x6b, 0x72, 0x80);
pub const GRID: RGBColor = RGBColor(0xe5, 0xe7, 0xeb);

/// Width of a plot, and what stands left and right of its axes, in pixels.
const WIDTH: u32 = 912;
const NAMES: u32 = 180;
const NUMBERS: u32 = 150;
/// Height of a row, and of an axis with its name.
const ROW: u32 = 34;
const AXIS: u32 = 50;

/// Colour of an arm.
pub fn colour(place: usize) -> RGBColor {
    COLOURS.into_iter().cycle().nth(place).unwrap_or(INK)
}

/// A row of a plot of intervals.
pub struct Row {
    /// What is estimated.
    pub name: String,
    /// The estimate.
    pub of: Option<Estimate>,
    /// Its colour.
    pub colour: RGBColor,
}

/// Share of the units that each arm got, over time; none where it was published once only.
pub fn allocation(answer: &Answer) -> Result<Option<String>, Failure> {
    let start = answer.dates.started_at_ms;
    let day = |at_ms: u64| at_ms.saturating_sub(start) as f64 / DAY_MS as f64;
    let end = day(answer.until_ms()).max(1e-6);
    if answer.allocations.is_empty() {
        return Ok(None);
    }
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, 260)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin_top(10)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(58)
            .build_cartesian_2d(0.0..end, 0.0..1.0)?;
        let starts: Vec<f64> = answer.allocations.iter().map(|(at_ms, _)| day(*at_ms).min(end)).collect();
        let mut below = vec![0.0; starts.len()];
        for place in 0..answer.arms.len() {
            let of_arm = answer.allocations.iter().map(|(_, shares)| shares.get(place).copied().unwrap_or(0));
            let above: Vec<f64> =
                below.iter().zip(of_arm).map(|(sum, share)| sum + f64::from(share) / 65_536.0).collect();
            // A share holds until the next one: a step.
            let edge = |heights: &[f64]| {
                let ends = starts.iter().copied().skip(1).chain([end]);
                let steps = starts.iter().copied().zip(ends).zip(heights);
                steps.flat_map(|((from, to), &height)| [(from, height), (to, height)]).collect::<Vec<_>>()
            };
            let outline: Vec<(f64, f64)> =
                edge(&above).into_iter().chain(edge(&below).into_iter().rev()).collect();
            chart.draw_series(std::iter::once(Polygon::new(outline, colour(place).filled())))?;
            below = above;
        }
        for one in answer.interventions.iter().map(|one| day(one.at_ms)).filter(|&at| at > 0.0 && at < end) {
            chart.draw_series(std::iter::once(PathElement::new(
                vec![(one, 0.0), (one, 1.0)],
                INK.stroke_width(1),
            )))?;
        }
        let (unit, in_day, digits) = unit_of(end);
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(MUTED)
            .x_desc(format!("{unit} since the start"))
            .x_labels(8)
            .y_labels(5)
            .x_label_formatter(&|days| format!("{:.digits$}", in_day * days))
            .y_label_formatter(&|share| format!("{:.0} %", 100.0 * share))
            .label_style((FONT, 15).into_font().color(&MUTED))
            .axis_desc_style((FONT, 15).into_font().color(&MUTED))
            .draw()?;
        area.present()?;
    }
    Ok(Some(svg))
}

/// In what so many days are told, how many of it a day has, and with how many decimals.
fn unit_of(days: f64) -> (&'static str, f64, usize) {
    match days {
        days if days < 2.0 / 24.0 => ("minutes", 1440.0, 1),
        days if days < 2.0 => ("hours", 24.0, 1),
        _ => ("days", 1.0, 0),
    }
}

/// Estimates with both intervals, the one at any look thin and the one at one look thick, and a line at 0 where the
/// range has it or `with_0` asks for it.
pub fn intervals(answer: &Answer, rows: &[Row], name: &str, with_0: bool) -> Result<Option<String>, Failure> {
    let known = || rows.iter().filter_map(|row| row.of);
    let zero = with_0.then_some(0.0);
    let least = known().map(|of| of.at_any_look[0]).chain(zero).fold(f64::INFINITY, f64::min);
    let most = known().map(|of| of.at_any_look[1]).chain(zero).fold(f64::NEG_INFINITY, f64::max);
    if known().next().is_none() || most <= least {
        return Ok(None);
    }
    let edge = 0.04 * (most - least);
    let (least, most) = (least - edge, most + edge);
    let height = ROW * rows.len() as u32 + AXIS + 8;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin_top(8)
            .margin_left(NAMES)
            .margin_right(NUMBERS)
            .x_label_area_size(AXIS)
            .build_cartesian_2d(least..most, 0.0..rows.len() as f64)?;
        chart
            .configure_mesh()
            .disable_y_axis()
            .disable_y_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(MUTED)
            .x_labels(6)
            .x_desc(format!("{name}, {}", answer.sign()))
            .x_label_formatter(&|value| answer.number(*value))
            .label_style((FONT, 15).into_font().color(&MUTED))
            .axis_desc_style((FONT, 15).into_font().color(&MUTED))
            .draw()?;
        if least < 0.0 && most > 0.0 {
            let line = PathElement::new(vec![(0.0, 0.0), (0.0, rows.len() as f64)], INK.stroke_width(1));
            chart.draw_series(std::iter::once(line))?;
        }
        for (place, row) in rows.iter().enumerate() {
            let y = (rows.len() - place) as f64 - 0.5;
            let Some(of) = row.of else { continue };
            let line = |[low, high]: [f64; 2], width: u32| {
                PathElement::new(vec![(low, y), (high, y)], row.colour.stroke_width(width))
            };
            chart.draw_series([line(of.at_any_look, 2), line(of.at_one_look, 7)])?;
            chart.draw_series(std::iter::once(Circle::new((of.value, y), 6, row.colour.filled())))?;
        }
        labels(&area, answer, rows, with_0)?;
        area.present()?;
    }
    Ok(Some(svg))
}

/// Names to the left of the rows, numbers to their right.
fn labels(area: &Area, answer: &Answer, rows: &[Row], is_difference: bool) -> Result<(), Failure> {
    let style = |colour: RGBColor, to: HPos| {
        let style = (FONT, 16).into_font().color(&colour).into_text_style(area);
        style.pos(Pos::new(to, VPos::Center))
    };
    for (place, row) in rows.iter().enumerate() {
        let y = (8 + ROW * place as u32 + ROW / 2) as i32;
        area.draw_text(&row.name, &style(INK, HPos::Right), (NAMES as i32 - 14, y))?;
        let (text, colour) = match row.of {
            Some(of) if is_difference => (answer.difference(of.value), INK),
            Some(of) => (answer.value(of.value), INK),
            None => ("too few orders".into(), MUTED),
        };
        area.draw_text(&text, &style(colour, HPos::Left), ((WIDTH - NUMBERS) as i32 + 14, y))?;
    }
    Ok(())
}
