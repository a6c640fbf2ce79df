//! What talks to a shop's administration: experiments and their life, the catalogue, prices and the stop of all.
//!
//! Every change carries who asks and why, an Idempotency-Key of its own, and the revision that it was made for: asked
//! twice it happens once, and what somebody else changed meanwhile is never written over.

mod address;
mod arm;
pub mod change;
pub mod client;
mod export;
mod feed;
mod history;
mod life;
mod list;
mod lists;
mod report;
mod stop;
mod versions;

use clap::Subcommand;

pub use client::{Client, Server};
pub use feed::table;

use crate::{Answer, Failure};

/// The commands that talk to the administration.
#[derive(Subcommand)]
pub enum Command {
    Put(life::PutOptions),
    Start(life::StartOptions),
    Pause(life::PauseOptions),
    Resume(stop::ResumeOptions),
    Stop(stop::StopOptions),
    Decide(life::DecideOptions),
    Archive(life::ArchiveOptions),
    Delete(life::DeleteOptions),
    Arm(arm::ArmOptions),
    Change(arm::ChangeOptions),
    Report(report::Options),
    List(list::Options),
    Export(export::Options),
    Groups(lists::GroupsOptions),
    Prices(lists::PricesOptions),
    Catalogue(feed::CatalogueOptions),
    Sales(feed::SalesOptions),
    History(history::Options),
    Snapshots(versions::SnapshotsOptions),
    Rollback(versions::RollbackOptions),
}

impl Command {
    /// Does what was asked.
    pub fn run(&self) -> Result<Answer, Failure> {
        match self {
            Self::Put(options) => life::put(options),
            Self::Start(options) => life::start(options),
            Self::Pause(options) => life::pause(options),
            Self::Resume(options) => stop::resume(options),
            Self::Stop(options) => stop::stop(options),
            Self::Decide(options) => life::decide(options),
            Self::Archive(options) => life::archive(options),
            Self::Delete(options) => life::delete(options),
            Self::Arm(options) => options.run(),
            Self::Change(options) => options.run(),
            Self::Report(options) => report::run(options),
            Self::List(options) => list::run(options),
            Self::Export(options) => export::run(options),
            Self::Groups(options) => lists::groups(options),
            Self::Prices(options) => lists::prices(options),
            Self::Catalogue(options) => options.run(),
            Self::Sales(options) => options.run(),
            Self::History(options) => history::run(options),
            Self::Snapshots(options) => versions::snapshots(options),
            Self::Rollback(options) => versions::rollback(options),
        }
    }
}

/// A text as one part of a path.
pub fn part(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_name_leaves_its_part_of_a_path() {
        assert_eq!(super::part("sevilla-2"), "sevilla-2");
        assert_eq!(super::part("../a b?é"), "..%2Fa%20b%3F%C3%A9");
    }
}
