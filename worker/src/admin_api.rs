//! The admin API: what runs, what is published, and the unit of a typed visitor. Only who was let in (`auth`) comes here.

use std::rc::Rc;

use haggle::feed::{self, Format};
use haggle::lifecycle::{ACTIONS, State};
use haggle::{Experiment, Groups, LiveExperiment, Snapshot, UnitKey};
use serde::Serialize;
use worker::{Env, Headers, Method, Request, Response};

use crate::central::experiments::Stored;
use crate::http::{self, Fault, json_response, json_text, query};
use crate::reasons::Reason;
use crate::settings::Settings;
use crate::{
    cache, catalogue_api, central, evidence_api, log_api, overview_api, preview_api, publisher, report_api,
    sales_api,
};

/// What stands before the name of an experiment.
const EXPERIMENT: &str = "/haggle/v1/experiments/";

/// Answers `/haggle/v1/…` on the admin host.
pub async fn route(request: Request, env: &Env) -> Result<Response, Fault> {
    let settings = Settings::of(env).map_err(Fault::Unavailable)?;
    let path = request.path();
    match (request.method(), path.as_str()) {
        (
            Method::Post,
            "/haggle/v1/sync" | "/haggle/v1/stop" | "/haggle/v1/resume" | "/haggle/v1/rollback",
        ) => publisher::forward(request, env).await,
        (_, "/haggle/v1/sync" | "/haggle/v1/stop" | "/haggle/v1/resume" | "/haggle/v1/rollback") => {
            Err(Fault::Method("POST"))
        }
        (Method::Get, "/haggle/v1/site") => {
            let site = central::site(env).await?.unwrap_or_else(|| publisher::EMPTY_SITE.into());
            Ok(json_text(site, 200)?)
        }
        (Method::Put | Method::Delete, "/haggle/v1/site") => publisher::forward(request, env).await,
        (_, "/haggle/v1/site") => Err(Fault::Method("GET, PUT or DELETE")),
        (Method::Get, "/haggle/v1/catalogue") => catalogue_api::list(&request, env).await,
        (Method::Post, "/haggle/v1/catalogue") => catalogue_api::push(&request, env).await,
        (_, "/haggle/v1/catalogue") => Err(Fault::Method("GET or POST")),
        (Method::Get, "/haggle/v1/experiments") => {
            Ok(json_text(central::experiments::experiments_json(env).await?, 200)?)
        }
        (_, "/haggle/v1/experiments") => Err(Fault::Method("GET")),
        (Method::Get, "/haggle/v1/overview") => overview_api::overview(&request, env, &settings).await,
        (Method::Get, "/haggle/v1/snapshot") => snapshot(&request, env, &settings).await,
        (Method::Get, "/haggle/v1/snapshots") => Ok(json_text(central::snapshots_json(env).await?, 200)?),
        (Method::Get, "/haggle/v1/audit") => audit(&request, env).await,
        (Method::Get, "/haggle/v1/unit") => unit(&request, &settings),
        (Method::Post, "/haggle/v1/preview-links") => preview_api::link(&request, env, &settings).await,
        (_, "/haggle/v1/preview-links") => Err(Fault::Method("POST")),
        (Method::Post, "/haggle/v1/sales") => sales_api::sales(&request, env).await,
        (_, "/haggle/v1/sales") => Err(Fault::Method("POST")),
        (_, "/haggle/v1/snapshot" | "/haggle/v1/snapshots") => Err(Fault::Method("GET")),
        (_, "/haggle/v1/audit" | "/haggle/v1/overview" | "/haggle/v1/unit") => Err(Fault::Method("GET")),
        (_, path) => match path.strip_prefix(EXPERIMENT).filter(|rest| !rest.is_empty()) {
            Some(rest) => {
                let (name, what) = rest.split_once('/').unwrap_or((rest, ""));
                let (name, what) = (name.to_owned(), what.to_owned());
                experiment(request, env, &name, &what).await
            }
            None => Err(Fault::NotFound(format!("no {path} here"))),
        },
    }
}

/// Answers `/haggle/v1/experiments/NAME/…`.
async fn experiment(request: Request, env: &Env, name: &str, what: &str) -> Result<Response, Fault> {
    match (request.method(), what) {
        (Method::Get, "") => {
            let known = central::experiments::experiment_json(env, name).await?;
            let (revision, text) = known.ok_or_else(|| central::experiments::unknown(name))?;
            publisher::tagged(text, 200, revision)
        }
        (Method::Put | Method::Delete, "") => publisher::forward(request, env).await,
        (_, "") => Err(Fault::Method("GET, PUT or DELETE")),
        (Method::Get, "groups") => groups(env, name).await,
        (Method::Get, "prices") => prices(&request, env, name).await,
        (Method::Get, "evidence") => evidence_api::evidence(&request, env, name).await,
        (Method::Get, "report") => report_api::report(env, name).await,
        (Method::Get, "log") => log_api::log(&request, env, name).await,
        (_, "groups" | "prices" | "evidence" | "report" | "log") => Err(Fault::Method("GET")),
        (Method::Post, action) if ACTIONS.contains(&action) => publisher::forward(request, env).await,
        (_, action) if ACTIONS.contains(&action) => Err(Fault::Method("POST")),
        (_, what) => {
            let allowed = ACTIONS.join(", ");
            Err(Fault::NotFound(format!(
                "no {what} of an experiment here; it must be groups, prices, evidence, report, log, {allowed}"
            )))
        }
    }
}

/// The groups of an experiment.
async fn groups_of(env: &Env, stored: &Stored, experiment: &Experiment) -> Result<Groups, Fault> {
    let name = &stored.name;
    if stored.state == State::Draft || experiment.item().is_some() {
        let why = "it has no groups: they are drawn at the start of an experiment on items of the catalogue";
        return Err(Fault::NotFound(format!("experiment {name}: {why}")));
    }
    central::groups::read(env, name).await
}

async fn groups(env: &Env, name: &str) -> Result<Response, Fault> {
    let stored = central::experiments::known(env, name).await?;
    let experiment = stored.experiment()?;
    let groups = groups_of(env, &stored, &experiment).await?;
    let text = groups.to_tsv(experiment.currency, stored.started_at_ms, experiment.end_ms);
    as_file(text, Format::Tsv.content_type(), &format!("g-{name}.tsv"))
}

/// The prices of an experiment in one of the forms of [`Format`].
async fn prices(request: &Request, env: &Env, name: &str) -> Result<Response, Fault> {
    let format: Format = query(request, "format").as_deref().unwrap_or("tsv").parse()?;
    let stored = central::experiments::known(env, name).await?;
    let experiment = stored.experiment()?;
    let groups = match experiment.item() {
        Some(_) => Groups::default(),
        None => groups_of(env, &stored, &experiment).await?,
    };
    let published = cache::published(env)
        .await
        .map_err(|_| Fault::Unavailable("KV does not answer now; ask again".into()))?;
    let snapshot = published.map_or_else(|| Snapshot::decode(Snapshot::encode(1, 0, &[])?), Ok)?;
    let text = feed::prices(&experiment, &groups, &snapshot, format)?;
    let name = match format {
        Format::Tsv => format!("p-{name}.tsv"),
        Format::Json => format!("p-{name}.json"),
        Format::Merchant => format!("merchant-{name}.tsv"),
    };
    as_file(text, format.content_type(), &name)
}

/// A text as a file of this name.
fn as_file(text: String, content_type: &str, name: &str) -> Result<Response, Fault> {
    let headers = Headers::new();
    headers.set("content-type", content_type)?;
    headers.set("content-disposition", &format!("attachment; filename=\"{name}\""))?;
    headers.set("cache-control", "private, no-store")?;
    Ok(Response::ok(text)?.with_headers(headers))
}

async fn audit(request: &Request, env: &Env) -> Result<Response, Fault> {
    let after = match query(request, "after") {
        None => 0,
        Some(text) => text.parse().ok().filter(|after| *after <= 1 << 53).ok_or_else(|| {
            Fault::Bad(format!("query parameter after is {text:?}; it must be the id of a record"))
        })?,
    };
    let experiment = query(request, "experiment");
    Ok(json_text(central::audit::audit_json(env, experiment.as_deref(), after).await?, 200)?)
}

async fn snapshot(request: &Request, env: &Env, settings: &Settings) -> Result<Response, Fault> {
    let used = async || {
        let none = |reason: Reason| Fault::NotFound(format!("no snapshot in use: {}", reason.code()));
        cache::snapshot(env, settings).await.map_err(none)
    };
    let snapshot = match query(request, "version") {
        None => used().await?,
        Some(text) => {
            let version = text.parse().ok().filter(|version| (1..=1 << 53).contains(version));
            let wrong = || {
                Fault::Bad(format!(
                    "query parameter version is {text:?}; it must be one of /haggle/v1/snapshots"
                ))
            };
            Rc::new(central::snapshot(env, version.ok_or_else(wrong)?).await?)
        }
    };
    let accept = request.headers().get("accept")?.unwrap_or_default();
    if http::contains(&accept, "application/json") {
        return Ok(json_text(snapshot_json(&snapshot)?, 200)?);
    }
    let headers = Headers::new();
    headers.set("content-type", "application/octet-stream")?;
    headers.set("cache-control", "private, no-store")?;
    Ok(Response::from_bytes(snapshot.bytes().to_vec())?.with_headers(headers))
}

/// The snapshot's view in JSON, put together from parts for the sake of the posteriors: serde_json's table for
/// writing a double is ten kilobytes, and JavaScript's is there already.
fn snapshot_json(snapshot: &Snapshot) -> Result<String, Fault> {
    let mut experiments = Vec::new();
    for (sku, item) in snapshot.items().filter(|(_, item)| !item.experiment().has_many_items()) {
        experiments.push(experiment_json(Some(sku), item.experiment())?);
    }
    for live in snapshot.experiments().iter().filter(|live| live.has_many_items()) {
        experiments.push(experiment_json(None, live)?);
    }
    let (version, published_at_ms) = (snapshot.version(), snapshot.published_at_ms());
    let experiments = experiments.join(",");
    Ok(format!(
        r#"{{"version":{version},"published_at_ms":{published_at_ms},"experiments":[{experiments}]}}"#
    ))
}

#[derive(Serialize)]
struct ExperimentView<'a> {
    name: &'a str,
    /// The one item; left out where there are many.
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<&'a str>,
    epoch: u32,
    objective: &'static str,
    currency: String,
    policy: &'static str,
    control: &'a str,
    holdout: u32,
    floor: u32,
    paused: bool,
}

#[derive(Serialize)]
struct ArmView<'a> {
    name: &'a str,
    price_minor: i64,
    share: u32,
}

fn experiment_json(sku: Option<&str>, live: &LiveExperiment) -> Result<String, Fault> {
    let shares = live.allocation().shares();
    let mut arms = Vec::with_capacity(shares.len());
    for ((arm, input), &share) in live.arms().iter().zip(live.input().arms()).zip(shares) {
        let view = ArmView { name: &arm.name, price_minor: arm.price_minor, share };
        let posterior = &input.posterior;
        arms.push(with_fields(
            &view,
            &format!(r#""alpha":{},"beta":{}"#, number(posterior.alpha()), number(posterior.beta())),
        )?);
    }
    let view = ExperimentView {
        name: live.name(),
        sku,
        epoch: live.epoch(),
        objective: live.objective().name(),
        currency: live.currency().to_string(),
        policy: live.policy().name(),
        control: live.arms().get(live.control()).map_or("", |arm| &arm.name),
        holdout: live.holdout(),
        floor: live.input().floor(),
        paused: live.is_paused(),
    };
    with_fields(&view, &format!(r#""arms":[{}]"#, arms.join(",")))
}

/// An object as JSON, with more fields that are JSON already.
fn with_fields(view: &impl Serialize, fields: &str) -> Result<String, Fault> {
    let mut text = serde_json::to_string(view).map_err(worker::Error::from)?;
    text.pop();
    Ok(format!("{text},{fields}}}"))
}

/// A double as JSON has it; a posterior's is finite.
fn number(value: f64) -> String {
    js_sys::JSON::stringify(&value.into()).map(String::from).unwrap_or_default()
}

#[derive(Serialize)]
struct UnitView {
    unit: String,
}

fn unit(request: &Request, settings: &Settings) -> Result<Response, Fault> {
    let wrong =
        "query parameter visitor is missing or too long; it must be a visitor id of 1 to 64 characters";
    let visitor = query(request, "visitor").filter(|id| (1..=64).contains(&id.len()));
    let unit = UnitKey::of_visitor(&settings.unit_key, &visitor.ok_or_else(|| Fault::Bad(wrong.into()))?);
    Ok(json_response(&UnitView { unit: unit.to_string() }, 200)?)
}
