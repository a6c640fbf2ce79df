//! The real binary: each subcommand, its exit code, what it prints and what it refuses.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "cli/check.rs"]
mod check;

#[path = "cli/evaluate.rs"]
mod evaluate;

#[path = "cli/new.rs"]
mod new;

#[path = "cli/page.rs"]
mod page;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Exit code, standard output and standard error of one run.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn json(&self) -> Value {
        assert!(self.err.is_empty(), "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs the binary with these arguments and this standard input.
fn haggle(arguments: &[&str], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_haggle"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A run that refuses its arguments reads no input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A file of this test alone, which the next run writes over.
fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A folder of this test alone, which is not there yet.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    path
}

/// The ten prices whose P(best) is known to 30 digits.
fn ten_prices() -> Value {
    let prices = [19, 39, 59, 79, 99, 159, 199, 249, 299, 399];
    let sold = [28, 25, 22, 22, 19, 16, 14, 13, 10, 8];
    let arms = prices.iter().zip(sold).map(|(price, sold)| {
        json!({ "name": format!("at-{price}"), "price_minor": price * 100, "cost_minor": 0, "exposures": 78,
                "conversions": sold })
    });
    json!({ "objective": "revenue", "currency": "EUR", "arms": arms.collect::<Vec<_>>() })
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

fn of_arms(answer: &Value, field: &str) -> Vec<f64> {
    answer["arms"].as_array().unwrap().iter().map(|arm| number(&arm[field])).collect()
}

/// Golden values: mpmath, 30 digits.
const P_BEST: [f64; 10] = [
    9.644e-33,
    6.159e-14,
    2.605e-8,
    4.5808e-5,
    4.57417e-4,
    0.038_277_967_359,
    0.100_560_408_787,
    0.284_472_197_410,
    0.221_665_955_372,
    0.354_520_220_348,
];

#[test]
fn allocate_gives_thompson_the_probability_of_being_best() {
    let run = haggle(&["allocate", "-", "--policy", "thompson", "--json"], &ten_prices().to_string());
    assert_eq!(run.code, 0);
    let answer = run.json();
    for (share, best) in of_arms(&answer, "share").iter().zip(P_BEST) {
        // Rounded to whole 65536ths.
        assert!((share - best).abs() < 1.0 / 65_536.0, "{share} {best}");
    }
    assert_eq!(of_arms(&answer, "share_of_65536").iter().sum::<f64>(), 65_536.0);
}

#[test]
fn allocate_keeps_the_floor_and_takes_parameters() {
    let tallies = ten_prices().to_string();
    let run = haggle(&["allocate", "-", "--policy", "reward", "--floor", "0.02", "--json"], &tallies);
    assert!(of_arms(&run.json(), "share").iter().all(|&share| share >= 0.02));
    let run = haggle(&["allocate", "-", "--policy", "softmax:temperature=0.5", "--json"], &tallies);
    let answer = run.json();
    assert_eq!((&answer["policy"], &answer["parameters"]["temperature"]), (&json!("softmax"), &json!(0.5)));
    let run = haggle(&["allocate", "-", "--policy", "fixed:shares=0.5/0.5", "--json"], &tallies);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("number of policy.shares is 2; it must be one for each of the 10 arms"),
        "{}",
        run.err
    );
}

#[test]
fn every_policy_allocates_or_says_what_it_needs() {
    let mut tallies = ten_prices();
    tallies["horizon"] = json!(10_000);
    tallies["stock"] = json!(500);
    let policies = haggle(&["policies", "--json"], "").json();
    let names: Vec<&str> =
        policies["policies"].as_array().unwrap().iter().map(|p| p["policy"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 25);
    assert_eq!(policies["presets"], json!({ "reward": "thompson", "convergence": "top_two_thompson" }));
    assert!(haggle(&["policies"], "").out.contains("preset: top_two_thompson"));
    for name in names {
        let run = haggle(&["allocate", "-", "--policy", name, "--json"], &tallies.to_string());
        assert_eq!(run.code, 0, "{name}: {}", run.err);
        assert_eq!(of_arms(&run.json(), "share_of_65536").iter().sum::<f64>(), 65_536.0, "{name}");
    }
    let run = haggle(&["allocate", "-", "--policy", "inventory_thompson"], &ten_prices().to_string());
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("horizon is missing; it must be given for the policy inventory_thompson"),
        "{}",
        run.err
    );
}

#[test]
fn an_environment_is_read_from_standard_input_too() {
    let environment = "objective = \"conversion\"\nhorizon = 500\nfeedback_every = 50\n\
        arms = [{ name = \"a\", price_minor = 1, rate = 0.5 }, { name = \"b\", price_minor = 2, rate = 0.1 }]\n\
        delay = { distribution = \"lognormal\", mean = 20 }\n";
    let run = haggle(&["simulate", "-", "--runs", "2", "--json"], environment);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.json()["horizon"], json!(500));
    let run = haggle(&["simulate", "-"], "horizon = ");
    assert!(run.code == 2 && run.err.contains("standard input: not an environment in TOML"), "{}", run.err);
}

#[test]
fn allocate_prints_a_table_in_major_units() {
    let path = file("table.json", &ten_prices().to_string());
    let run = haggle(&["allocate", path.to_str().unwrap(), "--policy", "thompson"], "");
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines[0], "arm          price  exposures  conversions    share");
    assert_eq!(lines[10], "at-399  399.00 EUR         78            8  35.45 %");
}

#[test]
fn posterior_gives_moments_quantiles_and_densities() {
    let plot = file("densities.svg", "");
    let run = haggle(
        &["posterior", "-", "--json", "--plot", plot.to_str().unwrap()],
        r#"{"objective": "revenue", "prior": {"alpha": 1, "beta": 1}, "arms": [
            {"name": "a", "price_minor": 1000, "exposures": 100, "conversions": 30},
            {"name": "b", "price_minor": 2000, "exposures": 5, "conversions": 1}]}"#,
    );
    assert_eq!(run.code, 0);
    let answer = run.json();
    let (first, second) = (&answer["arms"][0], &answer["arms"][1]);
    assert_eq!(first["parameters"], json!({ "alpha": 31.0, "beta": 71.0, "value_minor": 1000 }));
    // scipy.stats.beta(31, 71).ppf(.975), times the price.
    assert!((number(&first["rate"]["q975"]) - 0.396_147_128_647_689).abs() < 1e-9);
    assert!((number(&first["value"]["q975"]) - 396.147_128_647_689).abs() < 1e-6);
    assert!((number(&first["rate"]["mean"]) - 31.0 / 102.0).abs() < 1e-12);
    assert!((number(&second["value"]["mean"]) - 2000.0 * 2.0 / 7.0).abs() < 1e-9);
    let density = second["density"].as_array().unwrap();
    let area: f64 =
        density.windows(2).map(|two| (number(&two[1][0]) - number(&two[0][0])) * number(&two[0][1])).sum();
    assert!((area - 1.0).abs() < 0.01, "{area}");
    let drawn = std::fs::read_to_string(plot).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.matches("<polyline").count() >= 2, "{drawn}");
}

#[test]
fn every_reward_model_is_believed_allocated_and_compared() {
    let tallies = |model: &str| {
        format!(
            r#"{{"objective": "revenue", "reward_model": "{model}", "arms": [
                {{"name": "a", "price_minor": 1000, "exposures": 400, "conversions": 40, "revenue_minor": 60000, "revenue_sq": 120000000}},
                {{"name": "b", "price_minor": 2000, "exposures": 400, "conversions": 30, "revenue_minor": 90000, "revenue_sq": 330000000}}]}}"#
        )
    };
    for (model, parameter) in [("conversion", "alpha"), ("zero_inflated", "order_shape"), ("normal", "kappa")]
    {
        let text = tallies(model);
        let believed = haggle(&["posterior", "-", "--json"], &text).json();
        assert!(believed["arms"][0]["parameters"][parameter].is_number(), "{believed}");
        assert_eq!(believed["arms"][0]["rate"].is_null(), model == "normal");
        assert_eq!(haggle(&["posterior", "-"], &text).code, 0);
        let best = of_arms(&haggle(&["compare", "-", "--json"], &text).json(), "p_best");
        let shares =
            of_arms(&haggle(&["allocate", "-", "--policy", "thompson", "--json"], &text).json(), "share");
        assert!(
            (best[1] - shares[1]).abs() < 1.0 / 65_536.0 && best[1] > 0.5,
            "{model}: {best:?} {shares:?}"
        );
    }
    let run = haggle(&["allocate", "-", "--policy", "ucb1"], &tallies("normal"));
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("reward_model is normal; it must be conversion for the policy ucb1"),
        "{}",
        run.err
    );
}

#[test]
fn compare_sets_arms_against_the_control_within_cohorts() {
    let cohort = |epoch: u32| {
        json!({ "epoch": epoch, "hour": 480_000 + epoch, "shares": [32768, 32768],
                "arms": [{ "exposures": 500, "conversions": 50 }, { "exposures": 500, "conversions": 80 }] })
    };
    let mut tallies = json!({ "objective": "revenue", "currency": "EUR", "control": "a",
        "arms": [{ "name": "a", "price_minor": 1000 }, { "name": "b", "price_minor": 900 }],
        "cohorts": (1..=10).map(cohort).collect::<Vec<_>>() });
    let answer = haggle(&["compare", "-", "--json"], &tallies.to_string()).json();
    let gain = &answer["arms"][1]["to_control"];
    // 0.16 × 9.00 less 0.10 × 10.00.
    assert!((number(&gain["value"]) - 44.0).abs() < 1e-6 && number(&gain["sequence_low"]) > 0.0, "{gain}");
    assert_eq!((&answer["arms"][0]["to_control"], &answer["state"]), (&Value::Null, &json!("decided")));
    assert_eq!(answer["sample_ratio"]["alarm"], json!(false));
    assert!(haggle(&["compare", "-"], &tallies.to_string()).out.contains("more than the control"));
    // A fifth of one arm's exposures lost: whatever is decided, it is not to be believed.
    for cohort in tallies["cohorts"].as_array_mut().unwrap() {
        cohort["arms"][0]["exposures"] = json!(400);
    }
    let lost = haggle(&["compare", "-", "--decided", "--json"], &tallies.to_string());
    assert_eq!((lost.code, &lost.json()["sample_ratio"]["alarm"]), (1, &json!(true)));
}

#[test]
fn compare_agrees_with_the_golden_values() {
    let tallies = r#"{"objective": "conversion", "control": "a", "arms": [
        {"name": "a", "price_minor": 1000, "exposures": 100, "conversions": 20},
        {"name": "b", "price_minor": 1000, "exposures": 100, "conversions": 30}]}"#;
    let run = haggle(&["compare", "-", "--json"], tallies);
    assert_eq!(run.code, 0);
    let answer = run.json();
    // Golden values: mpmath, 30 digits.
    let near =
        |given: &Value, expected: f64| assert!((number(given) - expected).abs() < 1e-6, "{given} {expected}");
    near(&answer["arms"][1]["p_best"], 0.947_603_103_352);
    near(&answer["arms"][1]["p_beats_control"], 0.947_603_103_352);
    near(&answer["arms"][0]["expected_loss"], 0.099_384_812_911);
    near(&answer["arms"][1]["expected_loss"], 0.001_345_597_224);
    assert_eq!(answer["arms"][0]["p_beats_control"], Value::Null);
    let few = tallies.replace("\"conversions\": 20", "\"conversions\": 17");
    let answer = haggle(&["compare", "-", "--json"], &few).json();
    // The confidence sequence of 17 in 100, a = b = 1/2, computed independently.
    near(&answer["arms"][0]["rate_low"], 0.070_750_402_6);
    near(&answer["arms"][0]["rate_high"], 0.316_134_861_7);
}

#[test]
fn compare_says_by_its_exit_code_whether_it_is_decided() {
    let tallies = |sold: u32| {
        format!(
            r#"{{"objective": "conversion", "arms": [
                {{"name": "a", "price_minor": 1000, "exposures": 20000, "conversions": 2000}},
                {{"name": "b", "price_minor": 1000, "exposures": 20000, "conversions": {sold}}}]}}"#
        )
    };
    assert_eq!(haggle(&["compare", "-", "--decided"], &tallies(4000)).code, 0);
    let close = haggle(&["compare", "-", "--decided"], &tallies(2020));
    assert_eq!((close.code, close.err.as_str()), (1, ""));
    assert_eq!(haggle(&["compare", "-"], &tallies(2020)).code, 0);
}

#[test]
fn bad_input_ends_with_2_and_names_file_field_given_and_allowed() {
    let good = ten_prices().to_string();
    for (arguments, from, to, why) in [
        (
            vec!["compare", "-"],
            "\"exposures\":78",
            "\"exposures\":NaN",
            "standard input: not tallies in JSON",
        ),
        (
            vec!["compare", "-"],
            "\"conversions\":28",
            "\"conversions\":79",
            "arms[0].conversions is 79; it must be at most",
        ),
        (
            vec!["posterior", "-"],
            "\"conversions\":28",
            "\"conversions\":-1",
            "arms[0].conversions is -1; it must be an integer from 0",
        ),
        (
            vec!["posterior", "-"],
            "\"price_minor\":3900",
            "\"price_minor\":1900",
            "1900 in both at-19 and at-39",
        ),
        (
            vec!["allocate", "-", "--policy", "softmax:temperature=1,temperature=2"],
            "",
            "",
            "policy.temperature is given twice; it must be given once",
        ),
        (
            vec!["allocate", "-", "--policy", "ucb"],
            "",
            "",
            "--policy ucb: policy.name is \"ucb\"; it must be one of fixed",
        ),
        (
            vec!["allocate", "-", "--policy", "softmax:heat=1"],
            "",
            "",
            "policy.heat is not known; it must be one of temperature",
        ),
        (vec!["allocate", "-", "--policy", "softmax:temperature=1e9"], "", "", "from 0.001 to 1000"),
        (
            vec!["allocate", "-", "--policy", "thompson", "--floor", "0.2"],
            "",
            "",
            "floor is 0.2; it must be a share from 0 to 1/10",
        ),
        (vec!["allocate", "/nowhere/t.json", "--policy", "thompson"], "", "", "/nowhere/t.json: "),
        (vec!["evaluate", "-", "--policy", "thompson"], "", "", "line 1: field currency is not known"),
        (
            vec!["evaluate", "/dev/null", "--policy", "logged"],
            "",
            "",
            "/dev/null: number of decisions with a propensity is 0",
        ),
        (vec!["evaluate", "-", "--policy", "nope"], "", "", "or the target logged, uniform or arm:NAME"),
        (
            vec!["evaluate", "-", "--policy", "thompson", "--prior", "1"],
            "",
            "",
            "--prior is \"1\"; it must be two numbers",
        ),
    ] {
        let run =
            haggle(&arguments, &if from.is_empty() { good.clone() } else { good.replacen(from, to, 1) });
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(run.err.starts_with("haggle: ") && run.err.contains(why), "{arguments:?}: {}", run.err);
    }
    assert_eq!(haggle(&["allocate", "-"], &good).code, 2);
    assert_eq!(haggle(&["allocate", "-", "--polcy", "thompson"], &good).code, 2);
}

#[test]
fn help_has_examples() {
    for command in ["allocate", "posterior", "compare", "evaluate"] {
        let run = haggle(&[command, "--help"], "");
        assert_eq!(run.code, 0);
        assert!(run.out.contains("Examples:\n  haggle ") && run.out.contains("--json"), "{}", run.out);
    }
}
