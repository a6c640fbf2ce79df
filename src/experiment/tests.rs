//! What an experiment file may say, and what is refused.

use proptest::prelude::*;

use super::*;

pub(crate) const SEVILLA: &str = r#"{
    "name": "sevilla", "hypothesis": "a lower price earns more", "document": "https://wiki.example/sevilla",
    "objective": "profit", "currency": "EUR", "salt": "s-2026", "control": "list", "floor": 0.02,
    "policy": {"name": "thompson"}, "item": {"sku": "OLIVE-500", "price_minor": 1900, "cost_minor": 800},
    "arms": [{"name": "list", "price_minor": 1900}, {"name": "low", "price_minor": 1750},
             {"name": "high", "price_minor": 2100}]
}"#;

pub(crate) fn sevilla() -> Experiment {
    Experiment::from_json(SEVILLA).unwrap()
}

fn refusal(from: &str, to: &str) -> String {
    assert!(SEVILLA.contains(from), "{from}");
    Experiment::from_json(&SEVILLA.replace(from, to)).unwrap_err().to_string()
}

#[test]
fn each_refusal_says_what_was_given_and_what_is_allowed() {
    for (from, to, given, allowed) in [
        ("\"price_minor\": 1750", "\"price_minor\": 1900", "1900 in both list and low", "different"),
        ("\"price_minor\": 1750", "\"price_minor\": -5", "-5", "1 to 1000000000"),
        ("\"price_minor\": 1750", "\"price_minor\": 700", "700", "above the unit cost of 800"),
        ("\"floor\": 0.02", "\"floor\": 0.4", "0.4", "0 to 0.3333 with 3 arms"),
        (", \"cost_minor\": 800", "", "missing", "not a cost of zero"),
        ("\"control\": \"list\"", "\"control\": \"lst\"", "\"lst\"", "one of list, low, high"),
        ("\"control\": \"list\"", "\"control\": \"low\"", "1750", "the catalogue price 1900"),
        ("\"name\": \"high\"", "\"name\": \"holdout\"", "\"holdout\"", "another word"),
        ("\"name\": \"high\"", "\"name\": \"low\"", "\"low\" twice", "different"),
        ("\"name\": \"sevilla\"", "\"name\": \"Sevilla 1\"", "\"Sevilla 1\"", "small letters"),
        ("\"salt\": \"s-2026\"", "\"salt\": \" \"", "0 characters", "1 to 64"),
        ("https://wiki.example/sevilla", "wiki", "\"wiki\"", "https address"),
        ("OLIVE-500", "a<b", "a<b", "without quotes"),
        ("\"floor\"", "\"flor\"", "flor", "floor"),
        ("\"profit\"", "\"margin\"", "margin", "profit"),
        ("{\"name\": \"thompson\"}", "{\"name\": \"tomson\"}", "tomson", "thompson"),
        ("{\"name\": \"thompson\"}", "{\"name\": \"thompson\", \"x\": 1}", "policy.x is not", "name, shares"),
        ("\"floor\": 0.02", "\"holdout\": 0.501", "holdout is 0.501", "0 to 0.5"),
        ("\"price_minor\": 1750", "\"price_minor\": \"17\"", "arms[1].price_minor is \"17\"", "an integer"),
        ("\"salt\": \"s-2026\",", "", "salt is missing", "a text"),
        ("{\"name\": \"thompson\"}", "{\"name\": \"thompson\", \"shares\": []}", "given", "left out"),
        ("{\"name\": \"thompson\"}", "{\"name\": \"fixed\", \"shares\": [0.5, 0.5]}", "2", "3 arms"),
        ("{\"name\": \"thompson\"}", "{\"name\": \"fixed\", \"shares\": [0.5, 0.25, 0.125]}", "0.875", "1"),
    ] {
        let error = refusal(from, to);
        assert!(error.contains(given) && error.contains(allowed), "{to}: {error}");
    }
}

#[test]
fn guardrails_refuse_every_arm_but_the_control() {
    let with = |table: &str| SEVILLA.replace("\"item\":", &format!("\"guardrails\": {table}, \"item\":"));
    for (table, why) in [
        (
            r#"{"map_minor": 1800}"#,
            "price_minor of arm low is 1750; it must be at least 1800, by guardrails.map_minor",
        ),
        (
            r#"{"max_step": 0.1}"#,
            "price_minor of arm high is 2100; it must be at most 2090, by guardrails.max_step",
        ),
        (r#"{"min_margin": 1.2}"#, "arm low is 1750; it must be at least 1760, by guardrails.min_margin"),
        (r#"{"endings": [50]}"#, "arm high is 2100; it must be a price ending in 50"),
    ] {
        let error = Experiment::from_json(&with(table)).unwrap_err().to_string();
        assert!(error.contains(why), "{table}: {error}");
    }
    // 19.00 itself neither reaches 19.50 nor ends in 50: the shop charges it anyway.
    let higher = with(r#"{"min_price_minor": 1950, "endings": [50, 0]}"#).replace("1750", "1950");
    assert!(Experiment::from_json(&higher).is_ok());
    let unknown =
        with(r#"{"min_margin": 0.1}"#).replace(", \"cost_minor\": 800", "").replace("profit", "revenue");
    let error = Experiment::from_json(&unknown).unwrap_err().to_string();
    assert!(
        error.contains("item.cost_minor is missing; it must be given with guardrails.min_margin"),
        "{error}"
    );
}

#[test]
fn tax_that_prices_include_is_no_revenue() {
    let with = |fields: &str| SEVILLA.replace("\"cost_minor\": 800", &format!("\"cost_minor\": 800{fields}"));
    let read = |fields: &str| Experiment::from_json(&with(fields));
    let taxed = read(r#", "price_includes_tax": true, "tax_rate": 0.19"#).unwrap();
    assert_eq!(taxed.value_minor(&taxed.arms[0]), 1597 - 800);
    let untaxed = read(r#", "price_includes_tax": false, "tax_rate": 0.19"#).unwrap();
    assert_eq!(untaxed.value_minor(&untaxed.arms[0]), 1900 - 800);
    for (fields, why) in [
        (
            r#", "price_includes_tax": true"#,
            "item.tax_rate is missing; it must be given where prices include tax",
        ),
        (r#", "tax_rate": 0.19"#, "item.price_includes_tax is missing; it must be given with a tax_rate"),
        (
            r#", "price_includes_tax": true, "tax_rate": 19"#,
            "item.tax_rate is 19; it must be a share from 0 to 1",
        ),
        (r#", "price_includes_tax": "yes""#, "item.price_includes_tax is \"yes\"; it must be true or false"),
        (
            r#", "compare_at_minor": 2100"#,
            "arm high is 2100; it must be at most 2099, by item.compare_at_minor",
        ),
    ] {
        let error = read(fields).unwrap_err().to_string();
        assert!(error.contains(why), "{fields}: {error}");
    }
}

#[test]
fn personal_data_is_said_and_one_item_is_not_randomised() {
    let with = |fields: &str| SEVILLA.replace("\"item\":", &format!("{fields}, \"item\":"));
    let experiment = Experiment::from_json(&with(r#""unit": "visitor", "personal_data": true"#)).unwrap();
    assert!(experiment.personal_data && !sevilla().personal_data);
    let error = Experiment::from_json(&with(r#""unit": "item""#)).unwrap_err().to_string();
    assert!(error.contains("unit is \"item\"; it must be \"visitor\" with [item]"), "{error}");
}

#[test]
fn a_floor_that_fills_the_whole_allocation_still_fits() {
    let json = SEVILLA.replace("\"floor\": 0.02", "\"floor\": 0.3333333333333333");
    let experiment = Experiment::from_json(&json).unwrap();
    assert!(experiment.floor_share() * 3 <= TOTAL);
}

/// An experiment over many items, with every field that it may have in one of its forms.
fn any_many() -> impl Strategy<Value = String> {
    let which =
        prop_oneof![
        Just(r#""items":"all""#.to_owned()),
        proptest::collection::btree_set("[A-Z0-9-]{1,8}", 1..5)
            .prop_map(|skus| format!("\"items\":{:?}", skus.into_iter().collect::<Vec<_>>())),
        ("[a-z_]{1,8}", "[a-zA-Z é]{1,12}", any::<i64>(), 0i64..1000).prop_map(|(column, text, from, more)| {
            let to = from.saturating_add(more);
            format!(r#""where":{{"x{column}":{text:?},"y":["b",{text:?}],"z":{{"from":{from},"to":{to}}}}}"#)
        }),
    ];
    let unit = prop_oneof![
        Just(r#""unit":"visitor","holdout":0.25"#),
        Just(r#""unit":"item","delay":"naive""#),
        Just(r#""unit":"family","families":true"#),
        Just(r#""unit":"item-period","period_hours":24,"washout_hours":23,"families":true"#),
        Just(r#""unit":"item-period","period_hours":672"#),
    ];
    let price = prop_oneof![
        (1_000_001u32..10_000_000).prop_map(|times| format!(r#""multiplier":{}e-6"#, times)),
        ("[A-Za-z][a-z_ ]{0,10}[a-z]", 0i64..1000).prop_map(|(column, mean)| {
            format!(r#""column":"{column}","price_minor":{mean},"state":"paused","added":true"#)
        }),
    ];
    let sample = (1u32..=25_000, 0u32..=25_000, 1u32..=20).prop_map(|(positive, negative, strata)| {
        format!(r#""sample":{{"positive":{positive},"negative":{negative},"strata":{strata}}},"#)
    });
    let dates = (0u64..4_000_000_000_000, 0u64..1_000_000_000).prop_map(|(start, more)| {
        let end = crate::time::format_time(start + more + 7 * crate::time::DAY_MS);
        format!(r#""start":"{}","end":"{end}","stop":{{"min_weeks":1}},"#, crate::time::format_time(start))
    });
    let stop =
        (1u64..1_000_000_000).prop_map(|loss| format!(r#""stop":{{"expected_loss_minor":{loss}e-6}},"#));
    let rest = prop_oneof![sample, dates, stop, Just(String::new())];
    let policy = prop_oneof![
        Just(r#"{"name":"reward"}"#.to_owned()),
        (1u32..10_000).prop_map(|times| format!(r#"{{"name":"softmax","temperature":{times}e-3}}"#)),
        (0u64..=1_000_000_000).prop_map(|share| {
            let shares = format!("[{share}e-9,{}e-9]", 1_000_000_000 - share);
            format!(r#"{{"name":"fixed","shares":{shares}}}"#)
        }),
    ];
    (which, unit, price, rest, policy, 0.0..=0.5f64, "\\PC{1,40}[^\\s]").prop_map(
        |(which, unit, price, rest, policy, floor, hypothesis)| {
            let hypothesis = serde_json::to_string(&hypothesis).unwrap();
            format!(
                r#"{{"name":"many","hypothesis":{hypothesis},"document":"https://wiki.example/many","author":"M R",
                "objective":"profit","currency":"EUR","salt":"s","control":"list","floor":{floor},"policy":{policy},
                {unit},{rest}"scope":{{{which},"exclude":["other"]}},"guardrails":{{"max_step":0.2,"endings":[99]}},
                "arms":[{{"name":"list","multiplier":1}},{{"name":"other",{price}}}]}}"#
            )
        },
    )
}

proptest! {
    #[test]
    fn what_was_written_is_read_as_it_was(text in any_many()) {
        let experiment = Experiment::from_json(&text).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
        let written = experiment.to_json();
        prop_assert_eq!(&Experiment::from_json(&written).unwrap(), &experiment, "{}", written);
        prop_assert_eq!(Experiment::from_json(&written).unwrap().to_json(), written);
        let file = experiment.to_toml();
        let read = Experiment::from_toml(&file).map_err(|error| TestCaseError::fail(format!("{error}: {file}")))?;
        prop_assert_eq!(read, experiment, "{}", file);
    }
}

#[test]
fn an_experiment_of_one_item_is_written_as_it_was() {
    let item =
        r#""sku": "OLIVE-500", "price_includes_tax": true, "tax_rate": 0.077, "compare_at_minor": 9999,"#;
    for (from, to) in [
        ("\"floor\"", "\"horizon\": 1000000000000, \"stock\": 7, \"personal_data\": true, \"floor\""),
        (
            "\"floor\"",
            "\"reward_model\": \"zero_inflated\", \"delay\": \"matured\", \"holdout\": 0, \"floor\"",
        ),
        ("\"floor\"", "\"prior\": {\"alpha\": 0.01, \"beta\": 999999.5}, \"floor\""),
        ("{\"name\": \"thompson\"}", "{\"name\": \"epsilon_greedy\", \"decay\": 3}"),
        ("\"sku\": \"OLIVE-500\",", item),
        ("\"price_minor\": 1750}", "\"price_minor\": 1750, \"state\": \"retired\", \"added\": true}"),
    ] {
        assert!(SEVILLA.contains(from), "{from}");
        let experiment = Experiment::from_json(&SEVILLA.replace(from, to)).unwrap();
        assert_ne!(experiment, sevilla(), "{to}");
        assert_eq!(Experiment::from_json(&experiment.to_json()).unwrap(), experiment, "{to}");
        assert_eq!(Experiment::from_toml(&experiment.to_toml()).unwrap(), experiment, "{to}");
    }
}
