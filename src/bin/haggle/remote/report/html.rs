//! The report as a page: one file, no script, nothing that is loaded from elsewhere, light or dark, to print and to keep.

use std::fmt::Write;

use haggle::time::format_date;
use plotters::style::RGBColor;
use serde_json::Value;

use super::answer::{Answer, Arm, Estimate, Sums, moment, percent, probability, thousands};
use super::plots::{self, Row};
use super::{compared, count};
use crate::Failure;

const STYLE: &str = include_str!("page.css");

/// The page.
pub fn page(answer: &Answer) -> Result<String, Failure> {
    let name = escaped(&answer.name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}: report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    head(&mut page, answer)?;
    arms(&mut page, answer)?;
    worth(&mut page, answer)?;
    differences(&mut page, answer)?;
    groups(&mut page, answer)?;
    allocation(&mut page, answer)?;
    interventions(&mut page, answer)?;
    checks(&mut page, answer)?;
    set_up(&mut page, answer)?;
    writeln!(
        page,
        "<footer>Written {} by haggle from snapshot {}.</footer>\n</main>\n</body>\n</html>",
        moment(answer.dates.written_at_ms),
        answer.version
    )?;
    Ok(page)
}

fn head(page: &mut String, answer: &Answer) -> Result<(), Failure> {
    let Answer { conclusion, dates, .. } = answer;
    let total = answer.priced();
    let verdict = escaped(&conclusion.verdict);
    let end = match dates.archived_at_ms {
        Some(at_ms) => format!("to {}", format_date(at_ms)),
        None => "and goes on".into(),
    };
    let state = if answer.stopped { "stopped" } else { &answer.state };
    let decided = answer.decided().map(|decided| format!(", {}", escaped(&decided))).unwrap_or_default();
    writeln!(
        page,
        "<header>\n<h1>{}</h1>\n<p>{}{decided}, from {} {end}</p>\n</header>",
        escaped(&answer.name),
        escaped(&capital(state)),
        format_date(dates.started_at_ms)
    )?;
    let text = escaped(&conclusion.text);
    // The first word is the verdict.
    let (first, rest) = text.split_once(':').unwrap_or(("", &text));
    writeln!(
        page,
        "<section class=\"verdict {verdict}\">\n<p><strong>{first}</strong>:{rest}</p>\n<p class=\"rule\">By this rule, set before \
         the start: {}.</p>\n</section>",
        escaped(&conclusion.rule)
    )?;
    let class = if answer.is_miscounted() { "warning alarm" } else { "warning" };
    for warning in answer.warnings() {
        writeln!(page, "<p class=\"{class}\">{}</p>", escaped(&warning))?;
    }
    let by =
        if answer.author.is_empty() { String::new() } else { format!("{} · ", escaped(&answer.author)) };
    writeln!(
        page,
        "<h2>The hypothesis, as it was written before the start</h2>\n<blockquote>{}</blockquote>\n\
         <p class=\"note\">{by}{}</p>",
        escaped(&answer.hypothesis),
        link(&answer.document)
    )?;
    let facts = [
        ("days", answer.days().to_string()),
        (if answer.unit == "visitor" { "visitors" } else { "observations" }, count(total.exposures)),
        ("orders", count(total.orders)),
        ("revenue", answer.money(total.revenue_minor)),
        ("profit", answer.money(total.profit_minor)),
    ];
    page.push_str("<dl class=\"facts\">\n");
    for (name, fact) in facts {
        writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&fact))?;
    }
    page.push_str("</dl>\n");
    Ok(())
}

fn arms(page: &mut String, answer: &Answer) -> Result<(), Failure> {
    let value = format!("{} per {}, {}", answer.objective, answer.per, answer.sign());
    let [revenue, profit] = ["revenue", "profit"].map(|what| format!("{what}, {}", answer.currency));
    let shown = if answer.unit == "visitor" { "visitors" } else { "observations" };
    let heads = ["arm", "price", "state", shown, "orders", "rate", &revenue, &profit, &value, "P(best)"];
    page.push_str("<h2>Arms</h2>\n");
    let mut lines = Vec::new();
    for (place, arm) in answer.arms.iter().enumerate() {
        let rate = arm.side.rate.as_ref().and_then(|rate| rate.value);
        let value = arm.side.value.map(|of| of.value).or(arm.mean);
        let mut line = vec![key(plots::colour(place), &arm.name), escaped(&answer.price(arm)), state(arm)];
        line.extend(sums(answer, &arm.side.sums, rate, value));
        line.push(arm.p_best.map_or_else(dash, |p| escaped(&probability(p))));
        lines.push(line);
    }
    let rate = |sums: &Sums| (sums.exposures > 0).then(|| sums.orders as f64 / sums.exposures as f64);
    let all = answer.priced();
    let rows = [
        ("holdout", &answer.holdout.sums, answer.holdout.value),
        ("all", &all, None),
        ("negative group", &answer.negative, None),
    ];
    for (name, of, value) in rows.into_iter().filter(|(_, of, _)| of.exposures > 0) {
        let mut line = vec![name.to_owned(), String::new(), String::new()];
        line.extend(sums(answer, of, rate(of), value.map(|of| of.value)));
        line.push(String::new());
        lines.push(line);
    }
    table(page, &heads, &lines, "all")
}

fn sums(answer: &Answer, of: &Sums, rate: Option<f64>, value: Option<f64>) -> Vec<String> {
    vec![
        count(of.exposures),
        count(of.orders),
        rate.map_or_else(dash, |rate| escaped(&percent(rate))),
        answer.amount(of.revenue_minor),
        answer.amount(of.profit_minor),
        value.map_or_else(String::new, |value| answer.number(value)),
    ]
}

fn worth(page: &mut String, answer: &Answer) -> Result<(), Failure> {
    let mut rows: Vec<Row> = (0..)
        .zip(&answer.arms)
        .map(|(place, arm)| Row { name: arm.name.clone(), of: arm.side.value, colour: plots::colour(place) })
        .collect();
    if answer.holdout.sums.exposures > 0 {
        rows.push(Row { name: "holdout".into(), of: answer.holdout.value, colour: plots::MUTED });
    }
    let what = format!("{} per {}", answer.objective, answer.per);
    let Some(svg) = plots::intervals(answer, &rows, &what, false)? else { return Ok(()) };
    writeln!(
        page,
        "<h2>{} by arm</h2>\n<p class=\"note\">Thin line: 95 % at any look. Thick line: 95 % at one look that was \
         planned beforehand.</p>\n{svg}",
        escaped(&capital(&what))
    )?;
    Ok(())
}

fn differences(page: &mut String, answer: &Answer) -> Result<(), Failure> {
    let rows: Vec<Row> = compared(answer)
        .into_iter()
        .map(|(name, of)| {
            let place = answer.arms.iter().position(|arm| name.starts_with(&format!("{} −", arm.name)));
            Row { name, of, colour: place.map_or(plots::MUTED, plots::colour) }
        })
        .collect();
    let what = format!("difference in {} per {}", answer.objective, answer.per);
    writeln!(page, "<h2>How far apart</h2>")?;
    if let Some(svg) = plots::intervals(answer, &rows, &what, true)? {
        writeln!(page, "{svg}")?;
    }
    let lines: Vec<Vec<String>> = rows.iter().map(|row| comparison(answer, &row.name, row.of)).collect();
    table(page, &COMPARISON, &lines, "")?;
    page.push_str(
        "<p class=\"note\">Each interval holds for its own comparison. Those of the verdict hold for all arms together \
         and are therefore wider.</p>\n",
    );
    Ok(())
}

const COMPARISON: [&str; 5] = ["", "difference", "95 % at any look", "95 % at one look", "P(above 0)"];

fn comparison(answer: &Answer, name: &str, of: Option<Estimate>) -> Vec<String> {
    let mut line = vec![escaped(name)];
    match of {
        Some(of) => line.extend([
            answer.difference(of.value),
            answer.range(of.at_any_look),
            answer.range(of.at_one_look),
            escaped(&probability(of.p_above_0)),
        ]),
        None => line.extend(["too little is known".into(), dash(), dash(), dash()]),
    }
    line
}

fn groups(page: &mut String, answer: &Answer) -> Result<(), Failure> {
    let Some(groups) = &answer.groups else { return Ok(()) };
    writeln!(
        page,
        "<h2>Positive against negative group</h2>\n<p>{} items got the experiment's prices, {} kept the catalogue price. Each \
         {} is one observation, whoever bought it.</p>",
        thousands(groups.positive),
        thousands(groups.negative),
        answer.cluster()
    )?;
    if groups.negative > 0 {
        let name = "positive − negative".to_owned();
        let row = Row { name: name.clone(), of: answer.positive_to_negative, colour: plots::colour(0) };
        let what = format!("difference in {} per {} and day", answer.objective, answer.cluster());
        if let Some(svg) = plots::intervals(answer, &[row], &what, true)? {
            writeln!(page, "{svg}")?;
        }
        table(page, &COMPARISON, &[comparison(answer, &name, answer.positive_to_negative)], "")?;
    }
    writeln!(
        page,
        "<p class=\"note\">Groups drawn in {} price bands; SHA-256 of g-{}.tsv: {}</p>",
        groups.strata,
        escaped(&answer.name),
        escaped(&groups.sha256)
    )?;
    Ok(())
}

fn allocation(page: &mut String, answer: &Answer) -> Result<(), Failure> {
    let Some(svg) = plots::allocation(answer)? else { return Ok(()) };
    page.push_str("<h2>Where units were sent</h2>\n<ul class=\"legend\">\n");
    for (place, arm) in answer.arms.iter().enumerate() {
        writeln!(page, "<li>{}</li>", key(plots::colour(place), &arm.name))?;
    }
    let lines = if answer.interventions.is_empty() { "" } else { " Vertical lines: interventions." };
    writeln!(
        page,
        "</ul>\n{svg}\n<p class=\"note\">Shares among units that are not in the holdout.{lines}</p>"
    )?;
    Ok(())
}

fn interventions(page: &mut String, answer: &Answer) -> Result<(), Failure> {
    page.push_str("<h2>Interventions</h2>\n");
    if answer.interventions.is_empty() {
        page.push_str("<p>None.</p>\n");
        return Ok(());
    }
    page.push_str("<div class=\"wide\"><table class=\"text\">\n<tr><th>when</th><th>who</th><th>what</th><th>why</th><th>changed</th></tr>\n");
    for one in &answer.interventions {
        writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"long\">{}</td><td class=\"long\">{}</td></tr>",
            moment(one.at_ms),
            escaped(&one.who),
            escaped(&one.action),
            escaped(&one.reason),
            escaped(&changed(&one.before, &one.after))
        )?;
    }
    page.push_str("</table></div>\n");
    Ok(())
}

/// What an intervention changed: the fields that differ, cut where they are long.
fn changed(before: &Value, after: &Value) -> String {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
        return format!("{} → {}", short(before), short(after));
    };
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let differing = names.filter(|name| before.get(*name) != after.get(*name));
    let none = Value::Null;
    let of = |name: &String| {
        let [before, after] = [before, after].map(|fields| short(fields.get(name).unwrap_or(&none)));
        format!("{name}: {before} → {after}")
    };
    differing.map(of).collect::<Vec<_>>().join("; ")
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn checks(page: &mut String, answer: &Answer) -> Result<(), Failure> {
    page.push_str("<h2>Checks</h2>\n");
    if let Some(ratio) = &answer.sample_ratio {
        let names = answer.arms.iter().map(|arm| arm.name.as_str()).chain(["holdout"]);
        let ratios = names.zip(&ratio.ratios).map(|(name, ratio)| format!("{} {ratio:.3}", escaped(name)));
        let word = if ratio.alarm { "do not fall" } else { "fall" };
        writeln!(
            page,
            "<p>Sample ratio: exposures {word} on the arms as they were served (p = {:.3}, at every look; counted over \
             expected: {}).</p>",
            ratio.p_value,
            ratios.collect::<Vec<_>>().join(", ")
        )?;
    }
    let ledger = &answer.ledger;
    writeln!(
        page,
        "<p>Rewards: {} of {} reward lines of the whole shop wait for their exposure.</p>",
        count(ledger.unmatched),
        count(ledger.stored)
    )?;
    if answer.mismatches.is_empty() {
        page.push_str("<p>Published prices: no mismatch was seen.</p>\n");
        return Ok(());
    }
    page.push_str("<p>Published prices that were not what they should have been:</p>\n");
    page.push_str("<ul>\n");
    for one in &answer.mismatches {
        let (sku, surface, count) = (escaped(&one.sku), escaped(&one.surface), thousands(one.count));
        writeln!(page, "<li>{sku}, {surface}: {count} times</li>")?;
    }
    page.push_str("</ul>\n");
    Ok(())
}

fn set_up(page: &mut String, answer: &Answer) -> Result<(), Failure> {
    let end = answer
        .dates
        .end_ms
        .map_or_else(|| "no end date".into(), |at_ms| format!("planned until {}", format_date(at_ms)));
    writeln!(
        page,
        "<h2>How it was run</h2>\n<p>Unit {}; policy {} for {}; control {}; holdout {}; floor {}; rewards count for {} hours; \
         {end}.</p>\n<p>Where it stands: {}.</p>\n<details>\n<summary>The experiment as it was started</summary>\n\
         <pre>{}</pre>\n</details>",
        escaped(&answer.unit),
        escaped(&answer.policy),
        escaped(&answer.objective),
        escaped(&answer.control),
        percent(answer.holdout_share),
        percent(answer.floor),
        answer.reward_window_hours,
        escaped(&answer.standing),
        escaped(&serde_json::to_string_pretty(&answer.original)?)
    )?;
    Ok(())
}

/// A table of cells that are HTML already; the line that begins with `sum` is the sum of those above.
fn table(page: &mut String, heads: &[&str], lines: &[Vec<String>], sum: &str) -> Result<(), Failure> {
    page.push_str("<div class=\"wide\"><table>\n<tr>");
    for head in heads {
        write!(page, "<th>{}</th>", escaped(head))?;
    }
    page.push_str("</tr>\n");
    for line in lines {
        let class = if line.first().is_some_and(|name| name == sum) { " class=\"sum\"" } else { "" };
        write!(page, "<tr{class}>")?;
        line.iter().try_for_each(|cell| write!(page, "<td>{cell}</td>"))?;
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
    Ok(())
}

/// A name with the colour that it has in the plots.
fn key(colour: RGBColor, name: &str) -> String {
    let RGBColor(red, green, blue) = colour;
    format!(
        "<span class=\"key\" style=\"background:#{red:02x}{green:02x}{blue:02x}\"></span>{}",
        escaped(name)
    )
}

fn state(arm: &Arm) -> String {
    let added = if arm.added { ", added" } else { "" };
    format!("{}{added}", escaped(&arm.state))
}

fn dash() -> String {
    "–".into()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// An address that can be followed, if it is one of the web's; else its text.
fn link(address: &str) -> String {
    let text = escaped(address);
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    if is_web { format!("<a href=\"{text}\" rel=\"noreferrer\">{text}</a>") } else { text }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            sign => safe.push(sign),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_people_write_is_text_and_nothing_else() {
        assert_eq!(escaped("<b>\"a\" & 'b'</b>"), "&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/b&gt;");
        assert!(!link("javascript:alert(1)").contains("href"));
    }

    #[test]
    fn an_intervention_says_what_it_changed() {
        let (before, after) = (json!({"floor": 0.02, "end": null}), json!({"floor": 0.05, "end": null}));
        assert_eq!(changed(&before, &after), "floor: 0.02 → 0.05");
        assert_eq!(changed(&Value::Null, &json!("running")), "– → running");
    }
}
