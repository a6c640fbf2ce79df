//! A page in a preview: the prices of a link, by the same code as a visitor's, and nothing of it is kept or counted.

use haggle::preview::{Link, Refused};
use web_sys::Response;
use worker::{Context, Env, Result};

use super::{Ready, View, left_alone, of_visitor, ready, unfit};
use crate::clock;
use crate::http::copied;
use crate::origin::ShopRequest;
use crate::preview_api::{self, Asked};
use crate::reasons::Reason;
use crate::settings::Settings;
use crate::visitor::Visitor;

/// What stands at the end of a page in a preview: otherwise whoever follows a link would take its prices for those that
/// are charged. In ASCII, as the page may be in any charset.
///
/// The link leads to the same page, whose own parameters it keeps.
pub(super) fn banner(request: &ShopRequest) -> String {
    let query = request.path_and_query().split_once('?').map_or("", |(_, query)| query);
    let and = if query.is_empty() { "" } else { "&" };
    let query = format!("?{query}{and}haggle-preview=off");
    let query = query.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<div data-haggle-preview role=\"note\" style=\"position:fixed;z-index:2147483647;\
         inset:auto 0 0 0;padding:.6em 1em;background:#1d2433;color:#fff;font:14px/1.4 sans-serif;text-align:center\">\
         Preview: nothing here is counted, and checkout refuses these prices. \
         <a href=\"{query}\" style=\"color:inherit\">End the preview</a></div>"
    )
}

/// Serves a page to a request that says something about a preview: what is not right about that, it says in
/// `Server-Timing`, and the page is as anybody's.
pub(super) async fn serve(
    request: ShopRequest,
    asked: Asked,
    env: &Env,
    context: &Context,
) -> Result<Response> {
    let (token, is_link) = match asked {
        Asked::Token { token, is_link } => (token, is_link),
        Asked::Off => {
            let response = copied(&of_visitor(request, env, context).await?)?;
            preview_api::end(&response.headers())?;
            return Ok(response);
        }
    };
    let Ok(settings) = Settings::of(env) else { return of_visitor(request, env, context).await };
    match preview_api::open(&token, request.url(), &settings) {
        Ok(link) => of_link(request, &link, Some(&*token).filter(|_| is_link), env, context).await,
        Err(refused) => {
            let response = of_visitor(request, env, context).await?;
            noted(response, refused)
        }
    }
}

async fn of_link(
    request: ShopRequest,
    link: &Link,
    cookie: Option<&str>,
    env: &Env,
    context: &Context,
) -> Result<Response> {
    let ready = ready(&request, env, context, false).await;
    let page = match &ready {
        Ok(Ready { settings, .. }) => request.page(env, settings, context).await?,
        Err(_) => super::Page { response: request.pass(env).await?, is_cached: false },
    };
    let unfit = unfit(&page.response)?;
    // Where the shop sends the browser on, the preview goes with it.
    let is_page = !matches!(unfit, Some(Reason::NotHtml)) || (300..400).contains(&page.response.status());
    let response = match (ready, unfit) {
        (Ok(Ready { settings, snapshot, .. }), None) => {
            let visitor = Visitor::in_preview(link, snapshot, settings, clock::now_ms());
            View { request, page, visitor }.serve(context).await?
        }
        (Err(reason), None) | (_, Some(reason)) => left_alone(&request, page, reason)?,
    };
    if is_page {
        preview_api::stamp(&response.headers(), link, cookie)?;
    }
    Ok(response)
}

fn noted(response: Response, refused: Refused) -> Result<Response> {
    let response = copied(&response)?;
    response.headers().append("server-timing", &format!("haggle-preview;desc=\"{}\"", refused.code()))?;
    Ok(response)
}
