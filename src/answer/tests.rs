use super::*;
use crate::experiment::Unit;
use crate::experiment::tests::sevilla;
use crate::{Cohort, evidence};
use proptest::prelude::*;
use serde_json::Value;

mod golden;

const NOW_HOUR: u32 = 500_000;

fn sold(exposures: i64, conversions: i64, price: i64) -> Tally {
    let profit = price - 800;
    Tally {
        exposures,
        conversions,
        rewards: conversions,
        units: conversions,
        revenue_minor: conversions * price,
        cost_minor: conversions * 800,
        revenue_sq: i128::from(conversions * price * price),
        profit_sq: i128::from(conversions * profit * profit),
    }
}

fn period(epoch: u32, hour: u32, orders: [i64; 4]) -> Period {
    let [list, low, high, holdout] = orders;
    Period {
        cohort: Cohort { epoch, hour },
        shares: vec![21_846, 21_845, 21_845],
        arms: vec![sold(300, list, 1900), sold(300, low, 1750), sold(300, high, 2100)],
        holdout: sold(100, holdout, 1900),
    }
}

fn answer(periods: Vec<Period>) -> Answer {
    answer_to(&sevilla(), periods)
}

fn answer_to(experiment: &Experiment, periods: Vec<Period>) -> Answer {
    let history = History::new(periods).unwrap();
    let totals =
        if history.periods().is_empty() { vec![Tally::default(); 3] } else { history.arm_totals().unwrap() };
    let input = evidence::pooled(experiment, &totals).unwrap();
    let negative = Tally { exposures: 7, ..Tally::default() };
    Answer::new(
        experiment,
        &Counted { history: &history, negative, panel: None, groups: None, now_hour: NOW_HOUR },
        &input,
    )
    .unwrap()
}

fn json_of(experiment: &Experiment, answer: &Answer) -> Value {
    let record = Record {
        original: experiment,
        original_json: "{\"a\":1}",
        definition_json: "{\"a\":2}",
        state: "decided",
        is_stopped: false,
        now_ms: 1_800_000_000_000,
        started_at_ms: 1_700_000_000_000,
        decided_at_ms: Some(1_790_000_000_000),
        archived_at_ms: None,
        version: 17,
        decision_json: Some("{\"arm\":\"low\"}"),
        groups_json: None,
        interventions_json: "[]",
        allocations_json: "[[1700000000000,[32768,32768]]]",
        mismatches_json: "[]",
        ledger_json: "{\"stored\":3}",
    };
    serde_json::from_str(&answer.to_json(experiment, &record)).unwrap()
}

/// The hypothesis was written before that arm was thought of.
#[test]
fn an_arm_that_was_added_later_is_said_to_be_one() {
    let mut experiment = sevilla();
    let text = |experiment: &Experiment, orders| {
        let periods = (1..=30).map(|epoch| period(epoch, 490_000 + epoch, orders)).collect();
        answer_to(experiment, periods).conclusion.text
    };
    let better = text(&experiment, [30, 60, 10, 10]);
    assert!(!better.contains("added"), "{better}");
    experiment.arms[1].is_added = true;
    let better = text(&experiment, [30, 60, 10, 10]);
    assert!(
        better.starts_with(
            "Confirmed: arm low, which was added after the start, earns 0.8000 EUR more per visitor"
        ),
        "{better}"
    );
    let worse = text(&experiment, [60, 30, 10, 20]);
    assert!(worse.contains("closest is low, which was added after the start, with a difference"), "{worse}");
}

#[test]
fn the_json_has_the_sums_and_the_sentences() {
    let experiment = sevilla();
    let answer = answer((1..=30).map(|epoch| period(epoch, 490_000 + epoch, [30, 60, 10, 10])).collect());
    let json = json_of(&experiment, &answer);
    let low = &json["arms"][1];
    assert_eq!(low["name"], "low");
    assert_eq!(low["price"]["price_minor"], 1750);
    assert_eq!([&low["exposures"], &low["orders"], &low["revenue_minor"]], [9000, 1800, 3_150_000]);
    assert_eq!([&low["cost_minor"], &low["profit_minor"], &low["pieces"]], [1_440_000, 1_710_000, 1800]);
    let near = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 0.01;
    assert!(near(&low["value"]["value"], 190.0) && near(&low["to_control"]["value"], 80.0), "{low}");
    assert_eq!(low["rate"]["value"], 0.2);
    assert_eq!(json["arms"][0]["to_control"], Value::Null);
    assert_eq!([&json["holdout"]["exposures"], &json["holdout"]["profit_minor"]], [3000, 330_000]);
    assert_eq!([&json["total"]["exposures"], &json["negative"]["exposures"]], [30_007, 7]);
    assert_eq!(json["conclusion"]["verdict"], "confirmed");
    assert_eq!(json["conclusion"]["arm"], "low");
    let text = json["conclusion"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("Confirmed: arm low earns 0.8000 EUR more per visitor than list (95 %: 0.6"),
        "{text}"
    );
    assert!(
        text.contains("Against the holdout, the experiment as it ran changed the profit per visitor by 0.0"),
        "{text}"
    );
    assert_eq!(json["sample_ratio"]["alarm"], false);
    assert_eq!(json["decision"]["arm"], "low");
    assert_eq!(json["dates"]["decided_at_ms"], 1_790_000_000_000_u64);
    assert_eq!(json["original"]["a"], 1);
    assert_eq!(json["basis"]["matured"], true);
    assert!(json["standing"].as_str().unwrap().starts_with("Ready to decide"));
}

#[test]
fn orders_on_their_way_are_left_out_unless_most_are() {
    let (old, young) = (NOW_HOUR - 2000, NOW_HOUR - 1);
    let of = |olds: u32, youngs: u32| {
        let hours = (0..olds).map(|_| old).chain((0..youngs).map(|_| young));
        answer((1..).zip(hours).map(|(epoch, hour)| period(epoch, hour, [30, 60, 10, 10])).collect())
    };
    let most = of(3, 2);
    assert_eq!(most.basis, Basis { is_matured: true, exposures: 3000, young: 2000 });
    assert_eq!((most.arms[1].exposures, most.report.arms[1].rate.exposures), (1500, 900));
    let few = of(2, 3);
    assert_eq!(few.basis, Basis { is_matured: false, exposures: 5000, young: 3000 });
    assert_eq!((few.arms[1].exposures, few.report.arms[1].rate.exposures), (1500, 1500));
}

#[test]
fn lost_exposures_leave_the_hypothesis_open() {
    let periods = (1..=30).map(|epoch| {
        let mut lossy = period(epoch, 490_000 + epoch, [30, 60, 10, 10]);
        lossy.arms[1].exposures = 240;
        lossy
    });
    let answer = answer(periods.collect());
    assert_eq!((answer.conclusion.verdict, answer.conclusion.arm), (Verdict::Open, None));
    assert!(
        answer.conclusion.text.starts_with("Open: the exposures do not fall on the arms as they were served")
    );
}

#[test]
fn a_difference_that_nobody_cares_for_rejects() {
    let periods =
        || (1..=200).map(|epoch| period(epoch, 490_000 + epoch, [30, 33, 20, 10])).collect::<Vec<_>>();
    let mut experiment = sevilla();
    assert_eq!(answer_to(&experiment, periods()).conclusion.verdict, Verdict::Open);
    experiment.stop.expected_loss_minor = Some(20.0);
    let conclusion = answer_to(&experiment, periods()).conclusion;
    assert_eq!((conclusion.verdict, conclusion.arm), (Verdict::Rejected, Some(1)));
    assert!(
        conclusion.text.starts_with("Rejected: no arm earns more per visitor than list by over 0.2000 EUR"),
        "{}",
        conclusion.text
    );
    assert!(conclusion.rule.contains("rejected where all end at 0.2000 EUR or below"), "{}", conclusion.rule);
}

#[test]
fn an_extended_holdout_is_no_loss_of_exposures_and_no_effect() {
    let experiment = Experiment { holdout: 0.4, ..sevilla() };
    let periods = |knows: bool| {
        let of = move |epoch: u32| {
            let mut period = period(epoch, 490_000 + epoch, [30, 30, 30, 10]);
            // All arms earn alike; from the sixteenth epoch on 40 % of the units are in the holdout and everybody buys more.
            let (arms, holdout) =
                if epoch < 16 { ([30, 30, 30], (100, 10)) } else { ([60, 60, 60], (600, 120)) };
            period.arms = arms.map(|orders| sold(300, orders, 1900)).to_vec();
            period.holdout = sold(holdout.0, holdout.1, 1900);
            period.shares.extend(knows.then_some(if epoch < 16 { 6_554 } else { 26_214 }));
            period
        };
        (1..=30).map(of).collect()
    };
    let answer = answer_to(&experiment, periods(true));
    assert!(!answer.report.sample_ratio.alarm(0.05));
    let found = answer.all_to_holdout.unwrap();
    assert!(found.value.abs() < 1e-6 * found.se + 0.5, "{found:?}");
    assert!(answer_to(&experiment, periods(false)).report.sample_ratio.alarm(0.05), "this shows nothing");
}

#[test]
fn nothing_counted_is_an_answer_too() {
    let json = json_of(&sevilla(), &answer(vec![]));
    assert_eq!(json["conclusion"]["verdict"], "open");
    assert_eq!(json["arms"][2]["value"], Value::Null);
    assert_eq!(json["total"]["orders"], 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_parts_add_up_to_the_total_however_the_exposures_fall(
        given in prop::collection::vec((0..NOW_HOUR, prop::array::uniform4(0..100_i64), any::<bool>()), 0..12),
    ) {
        let periods = (1..).zip(&given).map(|(epoch, &(hour, orders, is_known))| {
            let mut period = period(epoch, hour, orders);
            if !is_known { period.shares.clear(); }
            period
        });
        let answer = answer(periods.collect());
        let json = json_of(&sevilla(), &answer);
        for field in ["exposures", "orders", "reward_lines", "pieces", "revenue_minor", "cost_minor", "profit_minor"] {
            let of = |part: &Value| part[field].as_i64().unwrap();
            let arms: i64 = json["arms"].as_array().unwrap().iter().map(of).sum();
            prop_assert_eq!(of(&json["total"]), arms + of(&json["holdout"]) + of(&json["negative"]));
        }
        let orders: i64 = given.iter().flat_map(|(_, orders, _)| orders).sum();
        prop_assert_eq!(answer.total.conversions, orders);
        prop_assert_eq!(answer.basis.young + 7 <= answer.total.exposures, true);
    }
}

#[test]
fn where_items_are_randomised_items_are_compared_and_never_their_visits() {
    use crate::cluster::{Epoch, Observation};
    let experiment = Experiment { unit: Unit::ItemPeriod, period_hours: Some(12), ..sevilla() };
    let epochs = (0..40_usize).map(|epoch| Epoch {
        shares: vec![21_846, 21_845, 21_845],
        period: epoch as u64,
        hours: 12.0,
        observations: (0..30_usize)
            .map(|cluster| {
                let mixed = (1 + cluster as u64 * 1009 + epoch as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let arm = ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) as usize % 3;
                let noise = (cluster * 37 + epoch * 101) % 50;
                let more = [0, 300, -100][arm];
                Observation { cluster, arm, value_minor: 1000 + more + 100 * cluster as i64 + noise as i64 }
            })
            .collect(),
    });
    let panel = Panel::new(3, vec![None; 30], epochs.collect()).unwrap();
    let group = |more: i64| -> Vec<Total> {
        (0..20)
            .map(|n: i64| Total { value_minor: 1000 + more + n * n, hours: 24.0, past: Some(n * n) })
            .collect()
    };
    let (positive, negative) = (group(70), group(0));
    let history = History::new(vec![period(1, 400_000, [30, 60, 10, 0])]).unwrap();
    let input = evidence::pooled(&experiment, &history.arm_totals().unwrap()).unwrap();
    let counted = Counted {
        history: &history,
        negative: Tally::default(),
        panel: Some(&panel),
        groups: Some([&positive, &negative]),
        now_hour: NOW_HOUR,
    };
    let answer = Answer::new(&experiment, &counted, &input).unwrap();
    assert_eq!((answer.conclusion.verdict, answer.conclusion.arm), (Verdict::Confirmed, Some(1)));
    let text = &answer.conclusion.text;
    assert!(
        text.starts_with("Confirmed: arm low earns 3.") && text.contains("per item and 12 hours than list"),
        "{text}"
    );
    let low = answer.found[1].to_control.unwrap();
    assert!(low.at_any_look.contains(300.0) && low.clusters == Some(30), "{low:?}");
    assert!(answer.found[1].value.is_none() && answer.found[1].mean.is_some());
    assert!(answer.positive_to_negative.is_none_or(|of| (of.value - 70.0).abs() < 1e-9));
    let json = json_of(&experiment, &answer);
    assert_eq!([&json["sample_ratio"], &json["arms"][0]["rate"]], [&Value::Null, &Value::Null]);
}

#[test]
fn the_standing_says_what_the_report_says_and_where_it_leads() {
    let experiment = sevilla();
    let answer = answer((1..=30).map(|epoch| period(epoch, 490_000 + epoch, [30, 60, 10, 10])).collect());
    let shares = [10_000, 50_536];
    let mut standing: Value =
        serde_json::from_str(&answer.standing_json(&experiment, &shares, 1_700_000_000_000)).unwrap();
    let report = json_of(&experiment, &answer);
    let state = answer.report.state;
    assert_eq!(standing["at_ms"], 1_700_000_000_000_u64);
    assert_eq!((&standing["text"], &standing["per"]), (&report["standing"], &report["per"]));
    assert_eq!((&standing["leader"], &standing["stage"]), (&"low".into(), &"decided".into()));
    assert_eq!((&standing["orders_left"], &standing["p_best"]), (&Value::Null, &report["arms"][1]["p_best"]));
    assert!((standing["p_best"].as_f64().unwrap() - state.p_best).abs() < 1e-9);
    assert_eq!(&standing["matured"], &report["basis"]["matured"]);
    // An arm that nobody has published shares of yet has none.
    for (place, share) in [10_000, 50_536, 0].into_iter().enumerate() {
        let arm = standing["arms"][place].as_object_mut().unwrap();
        assert_eq!(arm.remove("share"), Some(share.into()));
    }
    for name in
        ["arms", "holdout", "negative", "total", "all_to_holdout", "basis", "value_remaining", "sample_ratio"]
    {
        assert_eq!(standing[name], report[name], "{name}");
    }
}

#[test]
fn a_standing_says_how_many_orders_are_missing_and_none_of_items_has_a_sample_ratio() {
    let mut experiment = sevilla();
    let few = answer_to(&experiment, vec![period(1, 490_000, [3, 4, 2, 1])]);
    let standing: Value = serde_json::from_str(&few.standing_json(&experiment, &[], 0)).unwrap();
    assert_eq!(standing["stage"], "learning");
    assert!(standing["orders_left"].as_f64().unwrap() >= 21.0, "{standing}");
    let remaining = standing["value_remaining"].as_f64().unwrap();
    assert!(remaining > 0.0 && (remaining - few.report.value_remaining).abs() < 1e-9, "{remaining}");
    // The exposures of a period whose shares nobody knows are young, and count for no sample ratio.
    let mut unknown = period(2, NOW_HOUR - 1, [3, 4, 2, 1]);
    unknown.shares.clear();
    let one = answer_to(&experiment, vec![period(1, NOW_HOUR - 2, [3, 4, 2, 1]), unknown]);
    let standing: Value = serde_json::from_str(&one.standing_json(&experiment, &[], 0)).unwrap();
    assert_eq!([&standing["basis"]["young"], &standing["sample_ratio"]["left_out"]], [2000, 1000]);
    experiment.unit = Unit::Item;
    let standing: Value = serde_json::from_str(&few.standing_json(&experiment, &[], 0)).unwrap();
    assert_eq!((&standing["sample_ratio"], &standing["arms"][0]["rate"]), (&Value::Null, &Value::Null));
}
