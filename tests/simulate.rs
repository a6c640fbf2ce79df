//! The simulator: the same numbers everywhere, no policy profits from the order of the arms, delays bias as the theory
//! says, and bad environments are refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use haggle::simulate::{Environment, Run, checkpoints, run, summarise};
use haggle::{Policy, PolicyChoice};
use proptest::prelude::*;

const SHOP: &str = r#"
objective = "profit"
horizon = 4000
feedback_every = 200
[[arms]]
name = "a"
price_minor = 1900
cost_minor = 800
rate = 0.06
[[arms]]
name = "b"
price_minor = 1750
cost_minor = 800
rate = 0.10
[[arms]]
name = "c"
price_minor = 2100
cost_minor = 900
rate = 0.03
"#;

fn environment(more: &str) -> Environment {
    Environment::from_toml(&format!("{SHOP}{more}")).unwrap()
}

/// The same shop for 400 units.
fn short(more: &str) -> Environment {
    let text = SHOP.replace("horizon = 4000", "horizon = 400");
    Environment::from_toml(&format!("{text}{more}")).unwrap()
}

fn choice(text: &str) -> PolicyChoice {
    text.parse().unwrap()
}

fn runs(environment: &Environment, policy: &str, seed: u64, count: u64) -> Vec<Run> {
    let at = checkpoints(environment.horizon, 10).unwrap();
    (0..count).map(|number| run(environment, &choice(policy), seed, number, &at).unwrap()).collect()
}

fn regret(environment: &Environment, policy: &str, count: u64) -> (f64, f64) {
    let at = checkpoints(environment.horizon, 10).unwrap();
    let summary = summarise(policy, environment, &at, &runs(environment, policy, 1, count));
    (summary.regret_mean, summary.regret_se)
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_does_not() {
    for every in [1, 200] {
        let shop = environment("").with_feedback_every(every).unwrap();
        assert_eq!(runs(&shop, "thompson", 7, 3), runs(&shop, "thompson", 7, 3));
        assert_ne!(runs(&shop, "thompson", 7, 3), runs(&shop, "thompson", 8, 3));
    }
}

#[test]
fn every_unit_is_shown_one_arm_and_regret_never_shrinks() {
    let world = "[delay]\ndistribution = \"geometric\"\nmean = 50\nwindow = 400\n\
                 [replacement]\nprobability = 0.002\nalpha = 2.0\nbeta = 20.0\n[edges]\ncount = 3\nstale_units = 150\n";
    for (shop, policy) in [(environment(""), "ucb1"), (environment(world), "thompson")] {
        for run in runs(&shop, policy, 3, 4) {
            let shown: u32 = run.shown.iter().flatten().sum();
            assert_eq!(u64::from(shown), shop.horizon);
            assert!(run.regret_minor.windows(2).all(|pair| pair[0] <= pair[1]), "{:?}", run.regret_minor);
            assert!(*run.regret_minor.last().unwrap() <= run.optimum_minor);
        }
    }
}

/// A policy that always plays the first place, a fixed split of 1/0/0 in the order of the file, would have regret 0 if
/// the best arm stood there. The file's order decides who gets a fixed share; the run's order decides nothing: the
/// best arm first or last gives the same law. Two means of 60 runs: four standard errors, exceeded with probability 6e-5.
#[test]
fn no_policy_profits_from_the_order_of_the_arms() {
    let arm =
        |name: &str, rate: f64| format!("[[arms]]\nname = \"{name}\"\nprice_minor = 1\nrate = {rate}\n");
    let world = |order: [(&str, f64); 3]| {
        let arms: String = order.iter().map(|(name, rate)| arm(name, *rate)).collect();
        let head = "objective = \"conversion\"\nhorizon = 300\nfeedback_every = 1\n";
        Environment::from_toml(&format!("{head}{arms}")).unwrap()
    };
    let first = world([("best", 0.9), ("a", 0.1), ("b", 0.1)]);
    let last = world([("a", 0.1), ("b", 0.1), ("best", 0.9)]);
    for policy in ["ucb1", "thompson", "fixed"] {
        let ((one, se_one), (other, se_other)) = (regret(&first, policy, 60), regret(&last, policy, 60));
        assert!(
            (one - other).abs() < 4.0 * (se_one * se_one + se_other * se_other).sqrt(),
            "{policy}: {one} and {other}"
        );
    }
    // And the places really are shuffled: the shares of a fixed split follow the arms.
    let shown = runs(&first, "fixed:shares=1/0/0", 1, 5);
    assert!(shown.iter().all(|run| run.regret_minor.last() == Some(&0.0)));
}

/// Both lanes have the same law: one unit between two publications loses as much by the whole loop, which a location
/// with a staleness must take, as by the short cut. Location 0 of one has none. Four standard errors: 6e-5 by chance.
#[test]
fn the_short_cut_for_immediate_feedback_has_the_law_of_the_whole_loop() {
    let text = SHOP.replace("horizon = 4000", "horizon = 100").replace("every = 200", "every = 1");
    let short = Environment::from_toml(&text).unwrap();
    let long = Environment::from_toml(&format!("{text}[edges]\ncount = 1\nstale_units = 1\n")).unwrap();
    let fading = ["discounted_thompson:half_life=20", "sliding_ucb:window=20"];
    for policy in ["thompson", "moss", "tsallis_inf"].into_iter().chain(fading) {
        let ((one, se_one), (other, se_other)) = (regret(&short, policy, 60), regret(&long, policy, 60));
        assert!(
            (one - other).abs() < 4.0 * (se_one * se_one + se_other * se_other).sqrt(),
            "{policy}: {one} ± {se_one} and {other} ± {se_other}"
        );
    }
}

/// Of 4000 units 0.8 see the first arm: off by more than 4.5 standard errors with probability 7e-6 in each lane.
#[test]
fn a_fixed_split_that_keeps_to_the_floor_is_played_as_it_was_asked_for() {
    for every in [1, 200] {
        let text = format!("floor = 0.1\n{SHOP}");
        let shop = Environment::from_toml(&text).unwrap().with_feedback_every(every).unwrap();
        let shown: u32 =
            runs(&shop, "fixed:shares=0.8/0.1/0.1", 1, 1)[0].shown.iter().map(|arms| arms[0]).sum();
        let share = f64::from(shown) / 4000.0;
        assert!((share - 0.8).abs() < 4.5 * (0.8_f64 * 0.2 / 4000.0).sqrt(), "every {every}: {share}");
    }
}

/// Golden (Ferreira, Simchi-Levi and Wang 2018): the optimum is 10.10 per unit, and nobody earns more than it.
#[test]
fn a_limited_stock_is_measured_against_the_best_plan() {
    let arm = |name: &str, price: i64, rate: f64| {
        format!("[[arms]]\nname = \"{name}\"\nprice_minor = {price}\nrate = {rate}\n")
    };
    let arms = [("a", 2990, 0.8), ("b", 3490, 0.6), ("c", 3990, 0.3), ("d", 4490, 0.1)];
    let arms: String = arms.iter().map(|&(name, price, rate)| arm(name, price, rate)).collect();
    let text = format!(
        "objective = \"revenue\"\nhorizon = 1000\nfeedback_every = 50\n[inventory]\nunits = 250\n{arms}"
    );
    let limited = Environment::from_toml(&text).unwrap();
    let at = checkpoints(limited.horizon, 10).unwrap();
    // The optimum itself, played without learning: three units of four at 39.90, one at 44.90.
    let plan = summarise("fixed", &limited, &at, &runs(&limited, "fixed:shares=0/0/0.75/0.25", 1, 40));
    let optimum_minor = runs(&limited, "fixed", 1, 1)[0].optimum_minor;
    assert!((optimum_minor / 100.0 / 1000.0 - 10.10).abs() < 0.005, "{optimum_minor}");
    assert!((0.95..1.001).contains(&plan.share_of_optimum), "{}", plan.share_of_optimum);
    // Who sells out early at the low prices earns less.
    let cheap = summarise("fixed", &limited, &at, &runs(&limited, "fixed:shares=1/0/0/0", 1, 10));
    assert!((cheap.share_of_optimum - 250.0 * 29.9 / 10_097.5).abs() < 0.01, "{}", cheap.share_of_optimum);
    assert!(run(&limited, &choice("inventory_thompson"), 1, 0, &at).is_ok());
}

/// 1 unit of 4 can be served. At first nobody pays more than 29.90, in the second half everybody pays 44.90: the best plan
/// waits, and who sells at the beginning earns two thirds of it.
#[test]
fn a_limited_stock_is_kept_for_those_who_will_pay_more() {
    let text = "objective = \"revenue\"\nhorizon = 1000\nfeedback_every = 50\n[inventory]\nunits = 250\n\
        [[arms]]\nname = \"a\"\nprice_minor = 2990\nrate = 1.0\n[[arms]]\nname = \"b\"\nprice_minor = 4490\nrate = 0.0\n\
        [[changes]]\nat = 500\narm = \"b\"\nrate = 1.0\n";
    let world = Environment::from_toml(text).unwrap();
    let at = checkpoints(world.horizon, 10).unwrap();
    let runs_of = |shares| runs(&world, shares, 1, 3);
    let patient = summarise("fixed", &world, &at, &runs_of("fixed:shares=0/1"));
    assert!((patient.share_of_optimum - 1.0).abs() < 1e-9, "{}", patient.share_of_optimum);
    assert!((runs_of("fixed:shares=0/1")[0].optimum_minor - 250.0 * 4490.0).abs() < 1e-3);
    let hasty = summarise("fixed", &world, &at, &runs_of("fixed:shares=1/0"));
    assert!((hasty.share_of_optimum - 2990.0 / 4490.0).abs() < 1e-9, "{}", hasty.share_of_optimum);
}

/// Every table that an environment may have, at once.
#[test]
fn all_tables_stand_together() {
    let all = "[delay]\ndistribution = \"exponential\"\nmean = 50\nwindow = 100\ncorrection = \"weighted\"\n\
        [[changes]]\nat = 300\narm = \"c\"\nrate = 0.9\n[replacement]\nprobability = 0.01\nalpha = 4.0\nbeta = 4.0\n\
        [inventory]\nunits = 40\n[edges]\ncount = 10\nstale_units = 20\n";
    let world = short(all);
    for policy in ["thompson", "inventory_thompson", "discounted_thompson", "ucb1"] {
        let one = run(&world, &choice(policy), 1, 0, &[400]).unwrap();
        assert!(one.optimum_minor.is_finite() && one.regret_minor[0] <= one.optimum_minor + 1e-6, "{policy}");
    }
}

#[test]
fn regret_of_a_change_is_measured_against_the_arm_that_is_best_then() {
    let change = "[[changes]]\nat = 1000\narm = \"c\"\nrate = 0.5\n";
    let at = [1000, 4000];
    let only_b = run(&environment(change), &choice("fixed:shares=0/1/0"), 1, 0, &at).unwrap();
    assert_eq!(only_b.regret_minor[0], 0.0);
    let per_unit = 0.5 * 1200.0 - 0.10 * 950.0;
    assert!((only_b.regret_minor[1] - 3000.0 * per_unit).abs() < 1e-6);
    assert_eq!(only_b.best_shown, 1000);
}

#[test]
fn a_policy_that_forgets_follows_a_change() {
    let text = include_str!("bench/environments/switch.toml");
    let switch = Environment::from_toml(text).unwrap();
    // 12 runs: 255 and 770 on average, so far apart that the seed does not matter.
    let ((forgets, _), (keeps, _)) =
        (regret(&switch, "sliding_thompson", 12), regret(&switch, "thompson", 12));
    assert!(forgets < 0.6 * keeps, "{forgets} and {keeps}");
}

#[test]
fn every_policy_runs_in_both_lanes_or_says_what_it_needs() {
    let unlimited = short("");
    let limited = short("[inventory]\nunits = 20\n");
    for policy in Policy::ALL {
        let policy: PolicyChoice = choice(policy.name());
        for every in [1, 100] {
            let world = if policy.name.needs_stock() { &limited } else { &unlimited };
            run(&world.clone().with_feedback_every(every).unwrap(), &policy, 1, 0, &[400]).unwrap();
        }
    }
    let error = run(&unlimited, &choice("inventory_thompson"), 1, 0, &[4000]).unwrap_err().to_string();
    assert!(error.contains("inventory is missing"), "{error}");
    let equal = Environment::from_toml(&SHOP.replace("1750", "1900")).unwrap();
    let error = run(&equal, &choice("monotone_thompson"), 1, 0, &[4000]).unwrap_err().to_string();
    assert!(error.contains("1900 in both a and b"), "{error}");
    assert!(run(&equal, &choice("thompson"), 1, 0, &[4000]).is_ok());
}

#[test]
fn each_refusal_says_what_was_given_and_what_is_allowed() {
    for (from, to, given, allowed) in [
        ("horizon = 4000", "horizon = 0", "horizon is 0", "1 to 10000000"),
        ("horizon = 4000", "horizon = 10000001", "10000001", "1 to 10000000"),
        ("feedback_every = 200", "feedback_every = 4001", "4001", "1 to 4000"),
        ("rate = 0.06", "rate = 1.01", "arms[0].rate is 1.01", "0 to 1"),
        ("rate = 0.06", "rate = nan", "NaN", "number"),
        ("price_minor = 1750", "price_minor = 800", "800", "above the unit cost"),
        ("cost_minor = 900", "", "missing", "not a cost of zero"),
        ("name = \"b\"", "name = \"a\"", "\"a\" twice", "different"),
        ("objective = \"profit\"", "objective = \"margin\"", "margin", "conversion, revenue, profit"),
        ("objective", "floor = 0.4\nobjective", "0.4", "0 to 0.3333 with 3 arms"),
        ("objective", "holdout = 0.6\nobjective", "0.6", "0 to 0.5"),
        ("objective", "horizn = 4\nobjective", "horizn", "one of objective"),
    ] {
        assert!(SHOP.contains(from), "{from}");
        let error = Environment::from_toml(&SHOP.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(given) && error.contains(allowed), "{to}: {error}");
    }
    for (more, given, allowed) in [
        ("[delay]\ndistribution = \"weibull\"\nmean = 5\n", "weibull", "exponential, geometric"),
        ("[delay]\ndistribution = \"exponential\"\nmean = 0\n", "delay.mean is 0", "0.001 to"),
        ("[delay]\ndistribution = \"exponential\"\nmean = 5\nsigma = 1\n", "sigma", "not known"),
        ("[delay]\ndistribution = \"empirical\"\nvalues = [1, 2]\nweights = [0, 0]\n", "0", "more than 0"),
        ("[delay]\ndistribution = \"empirical\"\nvalues = [1, 2]\nweights = [1]\n", "1", "one for each"),
        ("[[changes]]\nat = 5\narm = \"d\"\nrate = 0.1\n", "\"d\"", "one of a, b, c"),
        ("[replacement]\nprobability = 2.0\nalpha = 1\nbeta = 1\n", "2.0", "0 to 1"),
        ("[edges]\ncount = 0\n", "edges.count is 0", "1 to 1000"),
        ("[inventory]\nunits = -1\n", "-1", "1 to"),
    ] {
        let error = Environment::from_toml(&format!("{SHOP}{more}")).unwrap_err().to_string();
        assert!(error.contains(given) && error.contains(allowed), "{more}: {error}");
    }
    assert!("softmax:temperature".parse::<PolicyChoice>().is_err());
    assert!("softmax:temperature=hot".parse::<PolicyChoice>().is_err());
    assert!("softmax:heat=1".parse::<PolicyChoice>().is_err());
}

/// A JSON value of any kind and size.
fn any_value() -> impl Strategy<Value = String> {
    let number =
        prop_oneof![any::<i64>().prop_map(|n| n.to_string()), any::<f64>().prop_map(|n| n.to_string())];
    prop_oneof![Just("null".to_owned()), Just("[]".into()), Just("{}".into()), "\"[a-z]{0,9}\"", number]
}

proptest! {
    #[test]
    fn any_value_in_any_field_is_refused_or_can_be_run(
        field in 0..14_usize, value in any_value(), policy in 0..25_usize,
    ) {
        let names = ["objective", "horizon", "feedback_every", "floor", "holdout", "prior", "arms", "delay", "changes",
            "replacement", "inventory", "edges", "rate", "price_minor"];
        let good = r#"{"objective":"revenue","horizon":60,"feedback_every":7,"floor":0.1,"holdout":0.1,
            "prior":{"alpha":1,"beta":2},"delay":{"distribution":"lognormal","mean":5,"sigma":1,"window":20},
            "changes":[],"edges":{"count":2,"stale_units":9},
            "arms":[{"name":"a","price_minor":5,"rate":0.5},{"name":"b","price_minor":7,"rate":0.1}]}"#;
        let mut json: serde_json::Value = serde_json::from_str(good).unwrap();
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&value) else { return Ok(()) };
        let name = names[field];
        let place = if field >= 12 { &mut json["arms"][0] } else { &mut json };
        place[name] = value;
        if let Ok(environment) = Environment::from_json(&json.to_string()) {
            let short = environment.horizon <= 1000;
            let choice = PolicyChoice { name: Policy::ALL[policy], parameters: Vec::new(), shares: None };
            if short && environment.check_policy(&choice).is_ok() {
                run(&environment, &choice, 1, 0, &[environment.horizon]).unwrap();
            }
        }
    }
}

/// With a window of half the horizon, who waits until it is over learns nothing in all that time; who weighs young
/// exposures learns from the first conversions on, and loses no more than who takes them for failures. 8 runs, whose
/// means are 4 and 8 standard errors apart where this fails.
#[test]
fn weighing_young_exposures_need_not_wait_for_the_window() {
    let text = "objective = \"conversion\"\nhorizon = 6000\nfeedback_every = 100\n\
                [[arms]]\nname = \"a\"\nprice_minor = 1\nrate = 0.5\n[[arms]]\nname = \"b\"\nprice_minor = 1\nrate = 0.3\n\
                [delay]\ndistribution = \"exponential\"\nmean = 500\nwindow = 3000\n";
    let world =
        |correction: &str| Environment::from_toml(&format!("{text}correction = \"{correction}\"\n")).unwrap();
    let ((weighted, se), (naive, _)) =
        (regret(&world("weighted"), "thompson", 8), regret(&world("naive"), "thompson", 8));
    let (matured, _) = regret(&world("matured"), "thompson", 8);
    // Matured-only learns nothing before the window is over: half of 3000 units at a gap of 0.2.
    assert!(weighted + 4.0 * se < matured, "{weighted} weighted and {matured} matured");
    assert!(weighted < naive + 8.0 * se, "{weighted} weighted and {naive} naive");
}
