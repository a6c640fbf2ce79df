//! `haggle export`: decisions with what came of them, as `haggle evaluate` reads them.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::change::path_of;
use super::client::Reply;
use super::{Client, Server, part};
use crate::{Answer, Failure, files};

/// Saves the log of an experiment, one decision per line, as haggle evaluate reads it.
#[derive(Args)]
#[command(after_help = "Examples:
  haggle export sevilla --out sevilla.jsonl
  haggle evaluate sevilla.jsonl --policy thompson

A broken export goes on where it stopped: FILE.part remembers where. Decisions are kept until their quote, their reward \
window and the time for refunds are over; older ones are in the report's sums only.")]
pub struct Options {
    /// Name of the experiment.
    name: String,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    server: Server,
}

/// How far an export has come: it stands beside the file until it is whole.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// The experiment.
    name: String,
    /// What the server is asked to go on after.
    after: String,
    /// Bytes and lines of the file that are good.
    bytes: u64,
    lines: u64,
}

/// Saves the log.
pub fn run(options: &Options) -> Result<Answer, Failure> {
    let client = options.server.client()?;
    let beside = beside(&options.out);
    let mut progress = known(&beside, options);
    let is_new = progress.after.is_empty();
    // Asked for first: a refusal leaves an earlier log as it was.
    let mut reply = asked(&client, &progress)?;
    let failure = files::named(&options.out);
    let opened = OpenOptions::new().create(true).write(true).truncate(is_new).open(&options.out);
    let mut out = opened.map_err(&failure)?;
    // What stands after the last good line was written by an export that broke off.
    out.set_len(progress.bytes).map_err(&failure)?;
    out.seek(SeekFrom::End(0)).map_err(&failure)?;
    if !is_new {
        eprintln!("going on after line {}", progress.lines);
    }
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}")?);
    while added(&reply, &mut progress, &mut out)? {
        bar.set_message(format!("{} lines", progress.lines));
        bar.tick();
        std::fs::write(&beside, serde_json::to_vec(&progress)?).map_err(files::named(&beside))?;
        reply = asked(&client, &progress).map_err(|why| format!("{why}\nAsk again to go on from here."))?;
    }
    bar.finish_and_clear();
    if beside.exists() {
        std::fs::remove_file(&beside).map_err(files::named(&beside))?;
    }
    eprintln!("{}: {} lines", options.out.display(), progress.lines);
    Ok(Answer::Yes)
}

/// The page after what is there.
fn asked(client: &Client, progress: &Progress) -> Result<Reply, Failure> {
    client.get(&format!("{}/log?after={}", path_of(&progress.name), part(&progress.after)))
}

/// Adds a page to the file; false after the last one.
fn added(reply: &Reply, progress: &mut Progress, out: &mut File) -> Result<bool, Failure> {
    out.write_all(&reply.body)?;
    out.flush()?;
    progress.bytes += reply.body.len() as u64;
    progress.lines += reply.body.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let Some(next) = reply.next.clone() else { return Ok(false) };
    if next == progress.after {
        return Err("the server says to go on where it was: it does not get any further".into());
    }
    progress.after = next;
    Ok(true)
}

fn beside(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Where an export of the same experiment broke off, as far as its file is still there; else the beginning.
fn known(beside: &Path, options: &Options) -> Progress {
    let length = std::fs::metadata(&options.out).map_or(0, |file| file.len());
    let read = std::fs::read(beside).ok().and_then(|bytes| serde_json::from_slice::<Progress>(&bytes).ok());
    read.filter(|read| read.name == options.name && read.bytes <= length)
        .unwrap_or_else(|| Progress { name: options.name.clone(), ..Progress::default() })
}
