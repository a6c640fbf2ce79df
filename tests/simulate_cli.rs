//! `haggle simulate` as a command: the same numbers with any number of threads, its JSON, its plot and its exit codes.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::process::{Command, Output};

const SWITCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/environments/switch.toml");

fn haggle(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_haggle")).args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let output = haggle(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "no bar where nobody looks");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_any_number_of_threads() {
    let run = |threads, every| {
        let options =
            ["--policy", "thompson", "--policy", "moss", "--runs", "6", "--json", "--threads", threads];
        haggle(&[&["simulate", SWITCH, "--feedback-every", every][..], &options].concat()).stdout
    };
    for every in ["1", "1000"] {
        assert_eq!(run("1", every), run("3", every));
    }
}

#[test]
fn the_json_has_what_was_promised() {
    let options = [
        "--policy",
        "ucb1:exploration=0.5",
        "--runs",
        "4",
        "--seed",
        "2",
        "--feedback-every",
        "1000",
        "--json",
    ];
    let answer = json(&[&["simulate", SWITCH][..], &options].concat());
    let policy = &answer["policies"][0];
    assert_eq!((policy["policy"].as_str(), policy["runs"].as_i64()), (Some("ucb1:exploration=0.5"), Some(4)));
    for number in [
        "regret_mean",
        "regret_se",
        "regret_q05",
        "regret_q50",
        "regret_q95",
        "share_of_optimum",
        "best_arm_share",
    ] {
        assert!(policy[number].is_f64(), "{number}: {policy}");
    }
    assert_eq!(policy["checkpoints"].as_array().unwrap().len(), 100);
    assert_eq!(policy["checkpoints"][9]["at"].as_i64(), Some(1000));
    assert_eq!(policy["checkpoints"][99]["regret_mean"], policy["regret_mean"]);
    assert!(
        policy["units_to_p_best"].get("0.95").is_some() && policy["units_to_p_best"].get("0.99").is_some()
    );
}

#[test]
fn a_plot_is_drawn_for_every_policy() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("plot.svg");
    let name = path.to_str().unwrap();
    let output = haggle(&[
        "simulate", SWITCH, "--policy", "thompson", "--policy", "moss", "--runs", "2", "--plot", name,
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let svg = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.matches("thompson").count() >= 2 && svg.matches("moss").count() >= 2
    );
}

#[test]
fn bad_input_is_answered_with_2_and_a_reason() {
    for (arguments, reason) in [
        (vec!["simulate", "no-such-file.toml"], "no-such-file.toml"),
        (vec!["simulate", SWITCH, "--policy", "tomson"], "tomson"),
        (vec!["simulate", SWITCH, "--policy", "softmax:temperature=0"], "0.001 to 1000"),
        (vec!["simulate", SWITCH, "--policy", "inventory_thompson"], "inventory is missing"),
        (vec!["simulate", SWITCH, "--feedback-every", "0"], "1 to the horizon"),
        (vec!["simulate", SWITCH, "--runs", "0"], "1 to 100000"),
        (vec!["simulate", SWITCH, "--threads", "999999"], "0 to 1024"),
        (vec!["simulate", SWITCH, "--checkpoints", "0"], "1 to 1000"),
        (vec!["simulate", SWITCH, "--plot", "/no/such/folder/x.svg", "--runs", "1"], "/no/such/folder"),
        (vec!["simulate", SWITCH, "--seed", "x"], "--seed"),
    ] {
        let output = haggle(&arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(reason), "{arguments:?}: {error}");
    }
}
