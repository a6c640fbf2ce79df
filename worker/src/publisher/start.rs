//! The start of an experiment: its groups, and what they must not touch.

use std::collections::BTreeSet;

use haggle::experiment::{EXPERIMENTS_MAX, Goods, Unit};
use haggle::groups::Draw;
use haggle::{
    Delays, Entry, Experiment, Groups, History, Site, Snapshot, cluster, evidence, lifecycle, time,
};
use worker::D1PreparedStatement;

use super::actions::Acting;
use super::{EMPTY_SITE, Publisher, check_charge};
use crate::central::audit::Record;
use crate::central::experiments::{self, Stored};
use crate::central::{self, catalogue, groups};
use crate::http::Fault;

impl Publisher {
    /// What a start changes, and its record.
    pub(super) async fn start(
        &self,
        acting: &Acting<'_>,
        file: Option<&str>,
    ) -> Result<(Vec<D1PreparedStatement>, Record), Fault> {
        let (experiment, now_ms) = (acting.experiment, acting.now_ms);
        check_times(experiment, now_ms)?;
        check_charge(experiment, &self.site().await?)?;
        let live = experiments::live(&self.env).await?;
        if live.len() >= EXPERIMENTS_MAX {
            return Err(Fault::Conflict(format!(
                "{EXPERIMENTS_MAX} experiments are live, which is the most; archive one first"
            )));
        }
        let taken = self.taken(&live, experiment).await?;
        let groups = self.grouped(experiment, file, &taken).await?;
        let started = groups.as_ref().map_or_else(|| experiment.clone(), |groups| groups.priced(experiment));
        self.check_published(&started, groups.as_ref()).await?;

        let count = |is_negative: bool| {
            let members = groups.as_ref().map_or(&[][..], Groups::members);
            members.iter().filter(|member| member.is_negative == is_negative).count() as u64
        };
        let items = if groups.is_some() { [count(false), count(true)] } else { [1, 0] };
        let (name, definition) = (acting.stored.name.as_str(), started.to_json());
        let mut changes = match &groups {
            Some(groups) => groups::write(&self.env, name, groups)?,
            None => Vec::new(),
        };
        changes.push(experiments::start(&self.env, name, &definition, items, now_ms)?);
        let [positive, negative] = items;
        let after = format!(
            r#"{{"state":"running","groups":{{"positive":{positive},"negative":{negative}}},"imported":{}}}"#,
            file.is_some()
        );
        Ok((changes, acting.record(r#"{"state":"draft"}"#.into(), after)?))
    }

    /// The site as it is.
    pub(super) async fn site(&self) -> Result<Site, Fault> {
        let site = central::site(&self.env).await?;
        Ok(Site::from_json(site.as_deref().unwrap_or(EMPTY_SITE))?)
    }

    /// The items that are not free: those of live experiments, and of the earlier ones that this one leaves out. With the
    /// name of the experiment that has them.
    async fn taken(&self, live: &[Stored], experiment: &Experiment) -> Result<Vec<(String, String)>, Fault> {
        let mut items = Vec::new();
        let mut of_many = Vec::new();
        let excluded = match &experiment.goods {
            Goods::Scope(scope) => scope.exclude.as_slice(),
            Goods::Item(_) => &[],
        };
        let mut all: Vec<Stored> = live.to_vec();
        for name in excluded.iter().filter(|name| live.iter().all(|stored| stored.name != **name)) {
            let why = || {
                Fault::Conflict(format!("scope.exclude names {name:?}; it must be the name of an experiment"))
            };
            all.push(experiments::find(&self.env, name).await?.ok_or_else(why)?);
        }
        for stored in all {
            match stored.experiment()?.item() {
                Some(item) => items.push((item.sku.clone(), stored.name)),
                None => of_many.push(stored.name),
            }
        }
        items.extend(groups::items_of(&self.env, &of_many).await?);
        Ok(items)
    }

    /// The groups: those of a file, or drawn from the catalogue; none where the experiment prices one item.
    async fn grouped(
        &self,
        experiment: &Experiment,
        file: Option<&str>,
        taken: &[(String, String)],
    ) -> Result<Option<Groups>, Fault> {
        if let Some(item) = experiment.item() {
            if file.is_some() {
                return Err(Fault::Bad(
                    "groups is given; it must be left out: the experiment has one item".into(),
                ));
            }
            let sku = &item.sku;
            return match taken.iter().find(|(taken, _)| taken == sku) {
                None => Ok(None),
                Some((_, other)) => {
                    Err(Fault::Conflict(format!("item {sku} is priced by {other}; one experiment at a time")))
                }
            };
        }
        let mut draw = match file {
            Some(file) => Draw::saved(experiment, file)?,
            None => Draw::new(experiment),
        };
        catalogue::each(&self.env, &mut |item| draw.offer(item)).await?;
        let taken: BTreeSet<String> = taken.iter().map(|(sku, _)| sku.clone()).collect();
        // The catalogue and the other experiments are in the way, not what was sent.
        let drawn = draw.finish(&taken).map_err(|why| Fault::Conflict(why.to_string()))?;
        Ok(Some(drawn))
    }

    /// What the snapshot would refuse must not be accepted: the changed experiment beside all others, with all items.
    pub(super) async fn check_published(
        &self,
        changed: &Experiment,
        groups: Option<&Groups>,
    ) -> Result<(), Fault> {
        let mut others = Vec::new();
        for stored in experiments::live(&self.env).await? {
            if stored.name != changed.name {
                let experiment = stored.experiment()?;
                let groups = self.groups(&stored, &experiment).await?;
                others.push((lifecycle::published(&experiment, stored.decided.as_deref()), groups));
            }
        }
        let changed = lifecycle::published(changed, None);
        let all: Vec<(&Experiment, Option<&Groups>)> = others
            .iter()
            .map(|(experiment, groups)| (experiment, groups.as_deref()))
            .chain([(&changed, groups)])
            .collect();
        // Where items are randomised each has an arm to which items are sent, and so the control only where that has a share.
        let mut inputs = Vec::with_capacity(all.len());
        for &(experiment, groups) in &all {
            let input = evidence::policy_input(experiment, &History::default(), &Delays::default(), 0.0)?;
            let allocation = experiment.policy.name.allocate(&input);
            let items = groups.filter(|_| experiment.unit != Unit::Visitor);
            let assign = |groups| cluster::assign(groups, &allocation, experiment.control_index(), &[0; 16]);
            inputs.push((items.map(assign).unwrap_or_default(), input));
        }
        let mut entries = Vec::with_capacity(all.len());
        for (&(experiment, groups), (arms_of, input)) in all.iter().zip(&inputs) {
            entries.push(Entry { groups, arms_of, ..Entry::new(experiment, 1, input.clone()) });
        }
        Snapshot::encode(1, 0, &entries).map_err(|why| Fault::Conflict(why.to_string()))?;
        Ok(())
    }
}

fn check_times(experiment: &Experiment, now_ms: u64) -> Result<(), Fault> {
    let now = time::format_time(now_ms);
    if let Some(start_ms) = experiment.start_ms.filter(|&start_ms| now_ms < start_ms) {
        let start = time::format_time(start_ms);
        return Err(Fault::Conflict(format!("start is {start}: not to be started before; it is {now} now")));
    }
    if let Some(end_ms) = experiment.end_ms.filter(|&end_ms| end_ms <= now_ms) {
        let end = time::format_time(end_ms);
        return Err(Fault::Conflict(format!("end is {end}; it must be later than now, {now}")));
    }
    Ok(())
}
