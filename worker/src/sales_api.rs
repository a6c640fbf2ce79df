//! Stage 4 where items are randomised: what the shop sold by item, as order lines or a daily sales file.

use haggle::sales::{Identity, Reported, Sale, parse_sales};
use serde::Serialize;
use worker::{Env, Request, Response};

use crate::central;
use crate::clock;
use crate::http::{Fault, has_bearer, json_response, text_body};
use crate::settings::Settings;

const SALES_BYTES_MAX: usize = 256 * 1024;

/// What became of one line, in the order of the request.
#[derive(Default, Serialize)]
struct LineView {
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct ReportView {
    /// The first error, where every line was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    results: Vec<LineView>,
}

/// `POST /haggle/v1/sales` on the shop's host, from its server.
pub async fn from_shop(request: &Request, env: &Env) -> Result<Response, Fault> {
    let settings = Settings::of(env).map_err(Fault::Unavailable)?;
    if !has_bearer(request, &settings.rewards_token) {
        return Err(Fault::Unauthorized);
    }
    sales(request, env).await
}

/// `POST /haggle/v1/sales` for who was let in: stored when it answers, each line once; a later day replaces the one
/// before. The shop need not know which items are in an experiment.
pub async fn sales(request: &Request, env: &Env) -> Result<Response, Fault> {
    let lines = parse_sales(&text_body(request, SALES_BYTES_MAX).await?, clock::now_ms())?;
    let (mut results, mut sales): (Vec<LineView>, Vec<Sale>) = (Vec::new(), Vec::new());
    for Reported { identity, sale } in lines {
        let mut view = match identity {
            Identity::Line { order_id, line_id } => {
                LineView { order_id: Some(order_id), line_id: Some(line_id), ..LineView::default() }
            }
            Identity::Day { day, sku } => LineView { day: Some(day), sku: Some(sku), ..LineView::default() },
        };
        match sale {
            Ok(sale) => sales.push(sale),
            Err(error) => (view.status, view.error) = ("refused", Some(error.to_string())),
        }
        results.push(view);
    }
    let mut stored = central::sales::record(env, &sales).await?.into_iter();
    for view in results.iter_mut().filter(|view| view.error.is_none()) {
        view.status = status(stored.next().unwrap_or(false));
    }
    let all_refused = results.iter().all(|view| view.error.is_some());
    let error = results.first().and_then(|view| view.error.clone()).filter(|_| all_refused);
    let code = if all_refused { 400 } else { 200 };
    Ok(json_response(&ReportView { error, results }, code)?)
}

/// The word for a line that is stored.
pub fn status(is_new: bool) -> &'static str {
    if is_new { "recorded" } else { "duplicate" }
}
