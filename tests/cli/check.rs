//! `haggle check`: what it says would happen is what the files that it writes hold.

use std::path::Path;

use super::{Run, file, haggle};

const EXPERIMENT: &str = r#"
name = "sevilla"
hypothesis = "A tenth less for Fabrikam's oils earns more."
document = "https://wiki.example/pricing/sevilla"
objective = "profit"
currency = "EUR"
start = 2026-12-01
end = 2026-12-29
control = "list"
salt = "sevilla-2026"
policy = { name = "thompson" }
[guardrails]
max_step = 0.2
endings = [0, 50, 99]
[scope.where]
brand = "Fabrikam"
[sample]
positive = 100
negative = 100
strata = 4
[[arms]]
name = "list"
multiplier = 1
[[arms]]
name = "low"
multiplier = 0.9
"#;

/// A thousand items, half of them of the brand; prices from 5.00 to 50.00, costs of two fifths.
fn catalogue() -> String {
    let line = |i: u64| {
        let (price, brand) =
            (500 + (i * 7919) % 4500, if i.is_multiple_of(2) { "Fabrikam" } else { "Contoso" });
        let (major, cost) = (format!("{}.{:02}", price / 100, price % 100), price * 2 / 5);
        format!(
            "S{i:04},{major} EUR,{}.{:02},{brand},F{},{}\n",
            cost / 100,
            cost % 100,
            i / 6,
            100 + (i * 31) % 400
        )
    };
    let head = "sku,price,cost,brand,item_group_id,past\n".to_owned();
    head + &(0..1000).map(line).collect::<String>()
}

fn check(experiment: &Path, more: &[&str]) -> Run {
    haggle(&[&["check", experiment.to_str().unwrap()], more].concat(), "")
}

#[test]
fn it_says_what_would_happen_and_the_saved_groups_are_the_same_again() {
    let experiment = file("check-sevilla.toml", EXPERIMENT);
    let items = file("check-items.csv", &catalogue());
    let directory = super::folder("check");
    let (items, out) = (items.to_str().unwrap(), directory.to_str().unwrap());
    let traffic = ["--rate", "0.03", "--visitors-per-day", "20000"];
    let run = check(
        &experiment,
        &[&["--catalogue", items, "--json", "--write-groups", out], &traffic[..]].concat(),
    );
    assert_eq!(run.code, 0, "{}", run.err);
    let answer: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(answer["can_start"], true);
    assert_eq!(answer["items"], serde_json::json!({ "catalogue": 1000, "in_scope": 500, "excluded": 0 }));
    assert_eq!(
        (&answer["groups"]["positive"]["items"], &answer["groups"]["negative"]["items"]),
        (&100.into(), &100.into())
    );
    assert!(answer["groups"]["price_difference"].as_f64().unwrap().abs() < 0.1, "{answer}");
    let planned = &answer["plan"];
    assert_eq!(planned["planned_days"], 28.0);
    let needed = planned["visitors_needed"].as_f64().unwrap();
    assert!((planned["expected_days"].as_f64().unwrap() - needed / 20_000.0).abs() < 1e-3, "{planned}");
    let low = answer["arms"][1].clone();
    assert_eq!((&low["name"], &low["unchanged"]), (&"low".into(), &0.into()));

    // The files hold those items, and are read back as the same groups.
    let saved = directory.join("g-sevilla.tsv");
    let file = std::fs::read_to_string(&saved).unwrap();
    assert_eq!(file.lines().next(), Some("Id\tDate\tEndDate\tControl\tPrice"));
    assert_eq!(file.lines().filter(|line| line.contains("\t2026-12-01\t2026-12-29\t1\t")).count(), 100);
    let prices = std::fs::read_to_string(directory.join("p-sevilla.tsv")).unwrap();
    assert!(prices.starts_with("Id\tlist\tlow\n") && prices.lines().count() == 201, "{prices}");
    let again = super::folder("check-again");
    let from = [
        "--catalogue",
        items,
        "--groups",
        saved.to_str().unwrap(),
        "--write-groups",
        again.to_str().unwrap(),
    ];
    assert_eq!(check(&experiment, &from).code, 0);
    for name in ["g-sevilla.tsv", "p-sevilla.tsv"] {
        let read = |directory: &Path| std::fs::read_to_string(directory.join(name)).unwrap();
        assert_eq!(read(&again), read(&directory), "{name}");
    }

    // A second experiment on the same brand gets other items, or hears that there are too few.
    let other = EXPERIMENT.replace("\"sevilla\"", "\"jaen\"").replace("positive = 100", "positive = 200");
    let other = super::file("check-jaen.toml", &other);
    let live = ["--catalogue", items, "--live", saved.to_str().unwrap(), "--write-groups", out, "--json"];
    let run = check(&other, &live);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let keys = |name: &str| -> std::collections::BTreeSet<String> {
        let text = std::fs::read_to_string(directory.join(name)).unwrap();
        text.lines().skip(1).map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    };
    assert!(keys("g-jaen.tsv").is_disjoint(&keys("g-sevilla.tsv")));
    let more = EXPERIMENT.replace("positive = 100", "positive = 201");
    let run = check(&super::file("check-more.toml", &more), &live[..4]);
    assert_eq!(run.code, 1, "{}", run.err);
    let why = "number of items in scope is 500, of which 200 are in other experiments; it must be at least 301 of its own";
    assert!(run.out.contains("it could not start\n  ") && run.out.contains(why), "{}", run.out);
    std::fs::remove_dir_all(&directory).unwrap();
    std::fs::remove_dir_all(&again).unwrap();
}

#[test]
fn item_units_take_their_duration_from_what_items_brought_before() {
    let periods = "unit = \"item-period\"\nperiod_hours = 24\nwashout_hours = 6\nfamilies = true\n";
    let experiment = file("check-item.toml", &format!("{periods}{EXPERIMENT}"));
    let items = file("check-item-items.csv", &catalogue());
    let days = |more: &[&str]| {
        let run = check(&experiment, &[&["--catalogue", items.to_str().unwrap(), "--json"], more].concat());
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        let plan = serde_json::from_str::<serde_json::Value>(&run.out).unwrap()["plan"].clone();
        assert!(
            plan["design_effect"].as_f64().unwrap() > 0.0 && plan["clusters"].as_f64().unwrap() < 100.0,
            "{plan}"
        );
        plan["expected_days"].as_f64().unwrap()
    };
    let plain = days(&[]);
    assert!((days(&["--effect", "0.1"]) / plain - 0.25).abs() < 1e-3, "four times as large squared");
    assert!((days(&["--past-days", "56"]) / plain - 2.0).abs() < 1e-3);
    assert!(days(&["--correlation", "0.9"]) < plain);
}

#[test]
fn a_hypothesis_that_nobody_has_written_is_noted() {
    let directory = super::folder("check-unwritten");
    let directory = directory.to_str().unwrap();
    let run = haggle(&["new", "murcia", "--dir", directory, "--items", "all", "--arm", "low=x0.9"], "");
    assert_eq!(run.code, 0, "{}", run.err);
    let items = file("unwritten-items.csv", &catalogue());
    let written = Path::new(directory).join("murcia.toml");
    let run = check(&written, &["--catalogue", items.to_str().unwrap()]);
    assert!(
        run.out.contains("the hypothesis is still the one that `haggle new` proposes"),
        "{}{}",
        run.out,
        run.err
    );
}

#[test]
fn what_cannot_be_checked_is_refused_and_what_cannot_start_is_said() {
    let experiment = file("check-bad.toml", EXPERIMENT);
    let items = file("check-bad-items.csv", &catalogue());
    let items = items.to_str().unwrap();
    let run = check(&experiment, &[]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("the catalogue is not known: say --catalogue items.csv"), "{}", run.out);
    let broken = file("check-broken.toml", &EXPERIMENT.replace("strata = 4", "strata = 40"));
    let cheap =
        file("check-cheap.csv", &catalogue().replacen("S0002,28.38 EUR,11.35", "S0002,28.38 EUR,", 1));
    let unread = file("check-unread.csv", "sku,price\nA,soon\n");
    for (path, more, code, why) in [
        (&broken, vec![], 2, "line 20: sample.strata is 40; it must be 1 to 20"),
        (
            &experiment,
            vec!["--catalogue", unread.to_str().unwrap()],
            2,
            "line 2: price is \"soon\"; it must be an amount such as",
        ),
        (
            &experiment,
            vec!["--catalogue", items, "--rate", "3"],
            2,
            "--rate is 3; it must be above 0 and below 1",
        ),
        (&experiment, vec!["--catalogue", items, "--live", items], 2, "head of the file of groups is"),
        (
            &experiment,
            vec!["--catalogue", items, "--date", "2026-13-01", "--write-groups", "/nowhere"],
            2,
            "--date is \"2026-13-01\"",
        ),
    ] {
        let run = check(path, &more);
        assert_eq!(run.code, code, "{more:?}: {}{}", run.out, run.err);
        assert!(run.err.contains(why), "{}", run.err);
    }
    let all = file("check-all.toml", &EXPERIMENT.replace("positive = 100\n", ""));
    let run = check(&all, &["--catalogue", cheap.to_str().unwrap()]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(
        run.out.contains("cost_minor of item S0002 is missing; it must be given under the profit objective"),
        "{}",
        run.out
    );
}

#[test]
fn a_single_item_has_to_agree_with_the_catalogue() {
    let single = EXPERIMENT
        .replace(
            "[scope.where]\nbrand = \"Fabrikam\"\n[sample]\npositive = 100\nnegative = 100\nstrata = 4\n",
            "[item]\nsku = \"S0002\"\nprice_minor = 2850\ncost_minor = 900\n",
        )
        .replace("multiplier = 1\n", "price_minor = 2850\n")
        .replace("multiplier = 0.9", "price_minor = 2550");
    let experiment = file("check-single.toml", &single);
    assert_eq!(check(&experiment, &[]).code, 0);
    let items = file("check-single-items.csv", &catalogue());
    let run = check(&experiment, &["--catalogue", items.to_str().unwrap()]);
    assert_eq!(run.code, 1);
    let why = "item.price_minor is 2850; it must be that of the catalogue, 2838";
    assert!(
        run.out.contains(why) && run.out.contains("item.cost_minor is 900; the catalogue has 1135"),
        "{}",
        run.out
    );
}
