//! Drafts, and what may be done to an experiment: each change with its record, and published at once.

use std::rc::Rc;

use haggle::experiment::ArmPrice;
use haggle::lifecycle::{ACTIONS, Action, Order, State, check_unchanged};
use haggle::{CatalogueItem, Experiment, Groups};
use js_sys::{JSON, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use worker::D1PreparedStatement;

use super::asked::{Asked, tagged};
use super::{Answer, Publisher, check_charge, last};
use crate::central::audit::{self, Record};
use crate::central::experiments::{self, Stored};
use crate::central::{catalogue, groups, standings};
use crate::clock;
use crate::http::{Fault, json_text};
use crate::report_api;

/// An action that the state allows, with all that it needs.
pub struct Acting<'a> {
    pub asked: &'a Asked,
    pub stored: &'a Stored,
    pub experiment: &'a Experiment,
    pub order: &'a Order,
    pub now_ms: u64,
}

impl Publisher {
    /// Creates a draft or replaces it. What has started is refused, with what differs.
    pub(super) async fn put_draft(&self, asked: &Asked, name: &str) -> Answer {
        let experiment = Experiment::from_json(&asked.body)?;
        if experiment.name != name {
            let given = &experiment.name;
            return Err(Fault::Bad(format!("name is {given:?}; it must be {name:?}, as in the path")));
        }
        let known = experiments::find(&self.env, name).await?;
        let now_ms = clock::now_ms();
        let mut record = Record { after: asked.body.clone(), ..asked.unsigned("draft", name) };
        let (change, status, revision) = match &known {
            Some(stored) if stored.state != State::Draft => {
                check_unchanged(&stored.experiment()?, &experiment).map_err(|why| {
                    let state = stored.state.name();
                    Fault::Conflict(format!("experiment {name} is {state}, and its definition stays: {why}"))
                })?;
                return self.view(name, 200).await;
            }
            Some(stored) => {
                asked.check_match(stored.revision)?;
                (record.before, record.after) = changes(&stored.definition, &asked.body)?;
                (experiments::redefine(&self.env, name, &asked.body)?, 200, stored.revision + 1)
            }
            None => {
                asked.check_match_if_any(None)?;
                (experiments::add(&self.env, name, &asked.body, now_ms)?, 201, 1)
            }
        };
        check_charge(&experiment, &self.site().await?)?;
        record.status = status;
        let answer = audit::commit(&self.env, vec![change], &record).await?;
        tagged(answer, status, revision)
    }

    /// Deletes a draft; what has started stays for ever.
    pub(super) async fn delete_draft(&self, asked: &Asked, name: &str) -> Answer {
        let stored = experiments::known(&self.env, name).await?;
        asked.check_match(stored.revision)?;
        if stored.state != State::Draft {
            let state = stored.state.name();
            return Err(Fault::Conflict(format!(
                "experiment {name} is {state}; only a draft can be deleted: archive it instead"
            )));
        }
        let answer = format!(r#"{{"name":"{name}","state":"deleted"}}"#);
        let record = Record {
            before: stored.definition.clone(),
            answer: Some(answer),
            ..asked.unsigned("delete", name)
        };
        let change = experiments::delete_draft(&self.env, name)?;
        Ok(json_text(audit::commit(&self.env, vec![change], &record).await?, 200)?)
    }

    /// Does what is asked for to an experiment, and publishes it.
    pub(super) async fn act(&self, asked: &Asked, name: &str, action: &str) -> Answer {
        if !ACTIONS.contains(&action) {
            return Err(Fault::NotFound(format!(
                "no action {action} here; it must be one of {}",
                ACTIONS.join(", ")
            )));
        }
        let stored = experiments::known(&self.env, name).await?;
        asked.check_match(stored.revision)?;
        let experiment = stored.experiment()?;
        let order = Order::read(action, &asked.body, experiment.currency)?;
        let after = stored.state.after(&order.action).map_err(|why| Fault::Conflict(why.to_string()))?;
        if last::read(&self.sql)?.is_held {
            let why =
                "an older snapshot is held after a rollback; resume the shop first: POST /haggle/v1/resume";
            return Err(Fault::Conflict(why.into()));
        }
        let now_ms = clock::now_ms();
        let acting = Acting { asked, stored: &stored, experiment: &experiment, order: &order, now_ms };
        let (changes, record) = match &order.action {
            Action::Start { groups } => self.start(&acting, groups.as_deref()).await?,
            _ => self.changes(&acting, after).await?,
        };
        let answer = audit::commit(&self.env, changes, &record).await?;
        if order.action == Action::Archive {
            last::set_one_stopped(&self.sql, name, false)?;
        }
        self.publish_now().await;
        tagged(answer, 200, stored.revision + 1)
    }

    /// What changes by any action but a start, and its record.
    async fn changes(
        &self,
        acting: &Acting<'_>,
        after: State,
    ) -> Result<(Vec<D1PreparedStatement>, Record), Fault> {
        let (env, name, now_ms) = (&self.env, acting.stored.name.as_str(), acting.now_ms);
        let mut changed = acting.order.action.apply(acting.experiment, now_ms)?;
        let (before, now) = (state_json(acting.stored.state), state_json(after));
        let changes = match &acting.order.action {
            Action::Decide { arm } => {
                let rule = r#""rule":"by hand""#;
                let decision = format!(r#"{{"arm":"{arm}",{rule},"at_ms":{now_ms}}}"#);
                let record =
                    acting.record(before, format!(r#"{{"state":"decided","decision":{decision}}}"#))?;
                return Ok((vec![experiments::decide(env, name, &decision, now_ms)?], record));
            }
            Action::Archive => {
                // What the shards have not reported yet is of the experiment as much as the rest.
                if self.push_shards().await? > 0 {
                    let why = "a ledger shard does not report now, and the report of what is archived never changes; \
                               ask again";
                    return Err(Fault::Unavailable(why.into()));
                }
                let record = acting.record(before, now)?;
                let (report, standing) = report_api::final_json(env, name, &record).await?;
                let version = last::read(&self.sql)?.version;
                let kept = standings::change(env, name, version, now_ms, &standing)?;
                return Ok((vec![experiments::archive(env, name, &report, now_ms)?, kept], record));
            }
            Action::Pause | Action::Resume => vec![experiments::set_state(env, name, after)?],
            action => {
                let mut written = Vec::new();
                let mut groups = self.groups(acting.stored, acting.experiment).await?;
                if let Some(known) = &mut groups {
                    let regrouped = Rc::make_mut(known);
                    if self.regroup(action, regrouped, &changed).await? {
                        changed = regrouped.priced(&changed);
                        written = groups::write(env, name, regrouped)?;
                    }
                }
                self.check_published(&changed, groups.as_deref()).await?;
                let definition = changed.to_json();
                let (before, now) = self::changes(&acting.experiment.to_json(), &definition)?;
                written.push(experiments::redefine(env, name, &definition)?);
                return Ok((written, acting.record(before, now)?));
            }
        };
        Ok((changes, acting.record(before, now)?))
    }

    /// Brings the groups up to what the experiment is now: prices of an added arm, bounds of new guardrails. Whether
    /// that changed them.
    async fn regroup(
        &self,
        action: &Action,
        groups: &mut Groups,
        changed: &Experiment,
    ) -> Result<bool, Fault> {
        match action {
            Action::AddArm(arm) => {
                let items = match &arm.price {
                    ArmPrice::Column(_) => self.items_of(groups).await?,
                    _ => Vec::new(),
                };
                let column = match &arm.price {
                    ArmPrice::Column(column) => column.as_str(),
                    _ => "",
                };
                groups.add_arm(changed, &|sku| find(&items, sku).and_then(|item| item.number(column)))?;
            }
            Action::SetGuardrails(_) => {
                let items = self.items_of(groups).await?;
                groups.set_guardrails(changed, &|sku| find(&items, sku).cloned())?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What the catalogue has of these groups' items, in the order of their keys.
    async fn items_of(&self, groups: &Groups) -> Result<Vec<CatalogueItem>, Fault> {
        let mut items = Vec::new();
        let mut take = |item: CatalogueItem| {
            if groups.find(&item.sku).is_some() {
                items.push(item);
            }
        };
        catalogue::each(&self.env, &mut take).await?;
        Ok(items)
    }

    async fn view(&self, name: &str, status: u16) -> Answer {
        let known = experiments::experiment_json(&self.env, name).await?;
        let (revision, text) = known.ok_or_else(|| experiments::unknown(name))?;
        tagged(text, status, revision)
    }
}

impl Acting<'_> {
    /// The record of it.
    pub fn record(&self, before: String, after: String) -> Result<Record, Fault> {
        let signed = self.asked.signed(self.order.action.name(), &self.stored.name, &self.order.signature)?;
        Ok(Record { before, after, ..signed })
    }
}

fn find<'a>(items: &'a [CatalogueItem], sku: &str) -> Option<&'a CatalogueItem> {
    let place = items.binary_search_by(|item| item.sku.as_str().cmp(sku)).ok()?;
    items.get(place)
}

fn state_json(state: State) -> String {
    format!(r#"{{"state":"{}"}}"#, state.name())
}

/// The fields of two objects in JSON that differ, as they are in the one and in the other.
pub fn changes(before: &str, after: &str) -> Result<(String, String), Fault> {
    let wrong = |_: JsValue| Fault::Unavailable("a stored definition cannot be read".into());
    // What is missing has no text at all: not even an empty one.
    let text = |value: &JsValue| {
        JSON::stringify(value).ok().and_then(|text| JsValue::from(text).as_string()).unwrap_or_default()
    };
    let read = |text: &str| JSON::parse(text).map_err(wrong);
    let (old, new) = (read(before)?, read(after)?);
    let (was, is) = (Object::new(), Object::new());
    let names = |of: &JsValue| Object::keys(of.unchecked_ref::<Object>());
    for name in names(&old).iter().chain(names(&new).iter()) {
        let (one, other) =
            (Reflect::get(&old, &name).map_err(wrong)?, Reflect::get(&new, &name).map_err(wrong)?);
        if text(&one) != text(&other) {
            // What is missing on one side is not written there.
            Reflect::set(&was, &name, &one).map_err(wrong)?;
            Reflect::set(&is, &name, &other).map_err(wrong)?;
        }
    }
    Ok((text(&was), text(&is)))
}
