//! What may be done when, and what an experiment is after it.

use proptest::prelude::*;

use super::*;
use crate::experiment::tests::{SEVILLA, sevilla};

fn order(action: &str, fields: &str) -> Result<Order, Error> {
    let body = format!(r#"{{"by": "maria", "reason": "because"{fields}}}"#);
    Order::read(action, &body, "EUR".parse().unwrap())
}

fn action(name: &str, fields: &str) -> Action {
    order(name, fields).unwrap().action
}

fn refusal(experiment: &Experiment, name: &str, fields: &str) -> String {
    action(name, fields).apply(experiment, 1_000).unwrap_err().to_string()
}

const ADD: &str = r#", "arm": {"name": "new", "price_minor": 1800}"#;
const HIGH: &str = r#", "arm": "high""#;

#[test]
fn each_state_allows_what_the_table_says() {
    let fields = |name: &str| match name {
        "add-arm" => ADD,
        "decide" | "pause-arm" | "retire-arm" | "revive-arm" => HIGH,
        "set-guardrails" => r#", "guardrails": {}"#,
        "set-floor" => r#", "floor": 0.1"#,
        "set-end" => r#", "end": null"#,
        "extend-holdout" => r#", "holdout": 0.2"#,
        _ => "",
    };
    for state in State::ALL {
        for name in ACTIONS {
            let action = action(name, fields(name));
            assert_eq!(action.name(), name);
            let may = match state {
                State::Draft => name == "start",
                State::Running => name != "start",
                State::Paused => name != "start" && name != "pause",
                State::Decided => ["stop", "resume", "archive"].contains(&name),
                State::Archived => false,
            };
            let after = state.after(&action);
            assert_eq!(after.is_ok(), may, "{name} of {state:?}");
            let expected = match name {
                "start" => State::Running,
                "resume" if state != State::Decided => State::Running,
                "pause" => State::Paused,
                "decide" => State::Decided,
                "archive" => State::Archived,
                _ => state,
            };
            if let Ok(after) = after {
                assert_eq!(after, expected, "{name} of {state:?}");
            }
        }
        assert_eq!(State::from_name(state.name()), Some(state));
    }
    let archived = State::Archived.after(&Action::Pause).unwrap_err().to_string();
    assert_eq!(
        archived,
        "action is pause of an experiment in state archived; it must be left: what is archived never changes"
    );
}

#[test]
fn each_wrong_body_is_named_with_its_field_and_bound() {
    let long = "x".repeat(501);
    for (name, body, why) in [
        ("pause", "{}".to_owned(), "reason is missing; it must be a text"),
        ("pause", "[]".into(), "not an action in JSON: it is a list"),
        ("pause", r#"{"reason": " "}"#.into(), "it must be 1 to 500 characters in one line"),
        ("pause", format!(r#"{{"reason": "{long}"}}"#), "1 to 500 characters"),
        ("pause", r#"{"reason": "a\nb"}"#.into(), "in one line"),
        ("pause", r#"{"reason": "a", "by": ""}"#.into(), "by is \"\"; it must be 1 to 64 characters"),
        (
            "pause",
            r#"{"reason": "a", "arm": "low"}"#.into(),
            "field arm is not known; it must be one of by, reason",
        ),
        ("decide", r#"{"reason": "a"}"#.into(), "arm is missing; it must be a text"),
        (
            "add-arm",
            r#"{"reason": "a", "arm": {"name": "x"}}"#.into(),
            "exactly one of price_minor, multiplier and column",
        ),
        (
            "add-arm",
            r#"{"reason": "a", "arm": {"name": "x", "multiplier": 11}}"#.into(),
            "arm.multiplier is 11; it must be a number from 0.1 to 10",
        ),
        ("set-end", r#"{"reason": "a", "end": "soon"}"#.into(), "end is \"soon\"; it must be a time such as"),
        ("set-end", r#"{"reason": "a"}"#.into(), "end is missing; it must be a time such as"),
        ("set-floor", r#"{"reason": "a", "floor": 2}"#.into(), "floor is 2; it must be a share from 0 to 1"),
        (
            "extend-holdout",
            r#"{"reason": "a", "holdout": 0.6}"#.into(),
            "holdout is 0.6; it must be a share from 0 to 0.5",
        ),
        (
            "set-guardrails",
            r#"{"reason": "a", "guardrails": {"max_step": 0}}"#.into(),
            "guardrails.max_step is 0",
        ),
        ("explode", r#"{"reason": "a"}"#.into(), "action is \"explode\"; it must be one of start, pause"),
    ] {
        let error = Order::read(name, &body, "EUR".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains(why), "{name} {body}: {error}");
    }
    assert_eq!(Signature::read(r#"{"reason": "a"}"#).unwrap().by, "");
    assert_eq!(Signature::read_rollback(r#"{"reason": "a", "version": 7}"#).unwrap().1, 7);
}

#[test]
fn an_arm_is_added_at_the_end_and_everything_about_it_is_checked() {
    let before = sevilla();
    let after = action("add-arm", ADD).apply(&before, 0).unwrap();
    assert_eq!(after.arms[..3], before.arms);
    assert_eq!(
        (after.arms[3].name.as_str(), after.arms[3].price_minor, after.arms[3].is_added),
        ("new", 1800, true)
    );
    for (arm, why) in [
        (r#"{"name": "new", "price_minor": 1750}"#, "1750 in both low and new"),
        (r#"{"name": "low", "price_minor": 1800}"#, "\"low\" twice"),
        (r#"{"name": "New", "price_minor": 1800}"#, "small letters"),
        (r#"{"name": "holdout", "price_minor": 1800}"#, "another word"),
        (r#"{"name": "new", "price_minor": 700}"#, "above the unit cost of 800"),
        (r#"{"name": "new", "multiplier": 0.9}"#, "given with it: it has one item"),
    ] {
        let error = refusal(&before, "add-arm", &format!(r#", "arm": {arm}"#));
        assert!(error.contains(why), "{arm}: {error}");
    }
    let bounded =
        action("set-guardrails", r#", "guardrails": {"max_price_minor": 2200}"#).apply(&before, 0).unwrap();
    let error = refusal(&bounded, "add-arm", r#", "arm": {"name": "new", "price_minor": 2300}"#);
    assert!(
        error.contains(
            "price_minor of arm new is 2300; it must be at most 2200, by guardrails.max_price_minor"
        ),
        "{error}"
    );
    // A floor that fits under three arms and not under four.
    let high = action("set-floor", r#", "floor": 0.3"#).apply(&before, 0).unwrap();
    assert!(refusal(&high, "add-arm", ADD).contains("floor is 0.3"));
    let shares =
        SEVILLA.replace(r#"{"name": "thompson"}"#, r#"{"name": "fixed", "shares": [0.5, 0.25, 0.25]}"#);
    let split = action("add-arm", ADD).apply(&Experiment::from_json(&shares).unwrap(), 0).unwrap();
    assert_eq!(split.policy.shares, Some(vec![0.5, 0.25, 0.25, 0.0]));
    let mut full = before.clone();
    for n in 3..ARMS_MAX {
        full.floor = 0.0;
        full.arms.push(Arm::at(&format!("a{n}"), 2200 + n as i64));
    }
    assert!(refusal(&full, "add-arm", ADD).contains("number of arms is 65; it must be at most 64"));
}

#[test]
fn the_control_and_one_more_arm_stay_live() {
    let before = sevilla();
    assert!(refusal(&before, "retire-arm", r#", "arm": "list""#).contains("\"list\", the control"));
    assert!(
        refusal(&before, "pause-arm", r#", "arm": "none""#).contains("it must be one of list, low, high")
    );
    let one_less = action("retire-arm", HIGH).apply(&before, 0).unwrap();
    assert_eq!(one_less.arms[2].state, ArmState::Retired);
    assert!(refusal(&one_less, "pause-arm", r#", "arm": "low""#).contains("number of live arms is 1"));
    assert!(refusal(&one_less, "decide", HIGH).contains("which is not live"));
    assert!(refusal(&one_less, "retire-arm", HIGH).contains("\"high\", which is retired already"));
    assert_eq!(action("revive-arm", HIGH).apply(&one_less, 0).unwrap(), before);
}

#[test]
fn guardrails_bind_live_arms_and_what_is_not_live_leaves_the_price_that_they_forbid() {
    let before = sevilla();
    let tighter = r#", "guardrails": {"max_price_minor": 2000}"#;
    assert!(
        refusal(&before, "set-guardrails", tighter)
            .contains("price_minor of arm high is 2100; it must be at most 2000")
    );
    let retired = action("retire-arm", HIGH).apply(&before, 0).unwrap();
    let bounded = action("set-guardrails", tighter).apply(&retired, 0).unwrap();
    assert!(refusal(&bounded, "revive-arm", HIGH).contains("it must be at most 2000"));
    let shown =
        |of: &Experiment| published(of, None).arms.iter().map(|arm| arm.price_minor).collect::<Vec<_>>();
    assert_eq!((shown(&retired), shown(&bounded)), (vec![1900, 1750, 2100], vec![1900, 1750, 1900]));
}

#[test]
fn a_decided_experiment_is_published_with_one_live_arm() {
    let live = |decided| {
        published(&sevilla(), decided).arms.iter().map(|arm| arm.state == ArmState::Live).collect::<Vec<_>>()
    };
    assert_eq!(live(None), [true; 3]);
    assert_eq!(live(Some("low")), [false, true, false]);
}

#[test]
fn ends_are_ahead_and_holdouts_only_grow() {
    let before = sevilla();
    let end = action("set-end", r#", "end": "1970-01-02""#);
    assert_eq!(end.apply(&before, 0).unwrap().end_ms, Some(86_400_000));
    let late = end.apply(&before, 86_400_000).unwrap_err().to_string();
    assert!(late.contains("end is 1970-01-02T00:00:00Z; it must be later than now"), "{late}");
    assert_eq!(action("set-end", r#", "end": null"#).apply(&before, 0).unwrap().end_ms, None);
    assert_eq!(action("extend-holdout", r#", "holdout": 0.25"#).apply(&before, 0).unwrap().holdout, 0.25);
    assert!(
        refusal(&before, "extend-holdout", r#", "holdout": 0.1"#)
            .contains("holdout is 0.1; it must be more than 0.1")
    );
}

#[test]
fn what_has_started_keeps_its_hypothesis() {
    let known = sevilla();
    let differs = |change: &dyn Fn(&mut Experiment)| {
        let mut given = known.clone();
        change(&mut given);
        check_unchanged(&known, &given).unwrap_err().to_string()
    };
    assert!(check_unchanged(&known, &known).is_ok());
    let both = differs(&|given| {
        given.salt = "other".into();
        given.hypothesis = "another one".into();
    });
    assert_eq!(both, "hypothesis is another one; it must be as it was when the experiment started");
    assert!(
        differs(&|given| given.floor = 0.1).contains("floor is another one; it must be changed by set-floor")
    );
    assert!(differs(&|given| given.arms[1].price_minor += 1).contains("add-arm"));
    assert!(differs(&|given| given.horizon = Some(5)).starts_with("the definition is another one"));
}

fn any_action() -> impl Strategy<Value = Action> {
    let arm = (0..5usize).prop_map(|n| ["list", "low", "high", "new", "x"][n].to_owned());
    let state = prop_oneof![Just(ArmState::Live), Just(ArmState::Paused), Just(ArmState::Retired)];
    let price = 700..3000i64;
    let most = prop_oneof![Just(None), (1000..3000i64).prop_map(Some)];
    prop_oneof![
        Just(Action::Pause),
        Just(Action::Resume),
        arm.clone().prop_map(|arm| Action::Decide { arm }),
        (0..40u32, price).prop_map(|(n, price)| Action::AddArm(Arm {
            is_added: true,
            ..Arm::at(&format!("n{n}"), price)
        })),
        (arm, state).prop_map(|(arm, state)| Action::SetArm { arm, state }),
        most.prop_map(|max_price_minor| Action::SetGuardrails(Guardrails {
            max_price_minor,
            ..Guardrails::default()
        })),
        (0.0..0.6f64).prop_map(Action::SetFloor),
        proptest::option::of(0..5000u64).prop_map(Action::SetEnd),
        (0.0..0.5f64).prop_map(Action::ExtendHoldout),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_arms_are_only_added_and_the_experiment_stays_a_valid_one(
        actions in prop::collection::vec(any_action(), 1..40),
    ) {
        let (mut experiment, mut state) = (sevilla(), State::Running);
        for (now_ms, action) in (0u64..).step_by(100).zip(actions) {
            let Ok(after) = state.after(&action) else { continue };
            let Ok(changed) = action.apply(&experiment, now_ms) else { continue };
            let kept = |arms: &[Arm]| arms.iter().map(|arm| (arm.name.clone(), arm.price_minor)).collect::<Vec<_>>();
            prop_assert!(kept(&changed.arms).starts_with(&kept(&experiment.arms)));
            prop_assert!(changed.holdout >= experiment.holdout);
            prop_assert_eq!(&changed.hypothesis, &experiment.hypothesis);
            prop_assert!(changed.arms.iter().filter(|arm| arm.state == ArmState::Live).count() >= 2);
            prop_assert_eq!(&Experiment::from_json(&changed.to_json()).unwrap(), &changed);
            // And it can be published at any time, with any arm decided for.
            let nothing = vec![crate::Tally::default(); changed.arms.len()];
            let live = changed.arms.iter().filter(|arm| arm.state == ArmState::Live);
            for decided in live.map(|arm| Some(arm.name.as_str())).chain([None]) {
                let shown = published(&changed, decided);
                let input = crate::evidence::pooled(&shown, &nothing).unwrap();
                prop_assert_eq!(shown.policy.name.allocate(&input).shares().iter().sum::<u32>(), crate::TOTAL);
            }
            (experiment, state) = (changed, after);
        }
    }

    #[test]
    fn any_body_is_read_or_refused(body in ".{0,80}", place in 0..ACTIONS.len()) {
        let _ = Order::read(ACTIONS[place], &body, "EUR".parse().unwrap());
    }
}
