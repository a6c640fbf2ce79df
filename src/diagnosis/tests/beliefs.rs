//! Beliefs, reasons and the next day of counts that a hand can follow; and what an action leaves as it was.

use super::over_time::{EVEN, HOUR, of_three};
use super::*;
use crate::experiment::{ArmPrice, ArmState};
use crate::{Policy, PolicyChoice};

#[test]
fn beliefs_are_the_policys_own() {
    let evidence = golden();
    let (found, input) = (evidence.densities(None).unwrap().unwrap(), evidence.input().unwrap().unwrap());
    for (belief, arm) in found.arms.iter().zip(input.arms()) {
        let of = &arm.posterior;
        assert_eq!((belief.low, belief.high), (of.quantile(0.025), of.quantile(0.975)));
    }
    let most = found.arms.iter().map(|arm| arm.p_best.unwrap()).fold(0.0, f64::max);
    assert_eq!(found.arms[found.leader].p_best, Some(most));
    // Before the first exposure the control, and not another arm, has the prior of the slider.
    let strong = Prior::new(50.0, 450.0).unwrap();
    let other = evidence.densities(Some(strong)).unwrap().unwrap();
    let value = input.arms()[0].posterior.value_minor();
    let unseen = Posterior::new(50.0, 450.0, value).unwrap();
    for (place, &x) in other.x.iter().enumerate().step_by(40) {
        assert!(near(other.prior_density[place], unseen.density(x)), "{place}");
    }
}

#[test]
fn an_arm_that_is_not_live_is_no_candidate() {
    let mut evidence = of_three(&[(EVEN, [(4000, 400), (2000, 200), (2000, 300)], (0, 0)); 2]);
    evidence.experiment.arms[1].state = ArmState::Paused;
    let found = evidence.densities(None).unwrap().unwrap();
    assert!(found.arms[1].p_best.is_none() && found.leader == 2 && found.is_sure, "{:?}", found.leader);
    let why = evidence.why(None).unwrap().unwrap();
    let paused = &why.arms[1];
    assert_eq!((paused.p_best, paused.asked, paused.share), (0.0, 0.0, 0.0));
    assert!(!paused.is_at_floor && !paused.is_entering);
    // The weak one that is live has the floor, and the leader stays one for another day.
    assert!(why.arms[0].is_at_floor && near(why.arms[0].share, why.floor), "{why:?}");
    assert!(!why.arms[2].is_at_floor && why.one_more_day.p_best_leader > 0.99, "{why:?}");
    assert_eq!((why.one_more_day.shares[1], why.leader), (0.0, 2));
}

#[test]
fn an_arm_that_was_added_is_entering_until_enough_see_it() {
    let of = |exposures: i64| {
        let mut evidence = of_three(&[(EVEN, [(4000, 400), (2000, 200), (exposures, 0)], (0, 0)); 1]);
        evidence.experiment.arms[2].is_added = true;
        evidence.why(None).unwrap().unwrap().arms[2].clone()
    };
    let (new, known) = (of(99), of(100));
    assert!(new.is_entering && new.is_at_floor && !known.is_entering, "{new:?} {known:?}");
}

#[test]
fn only_a_belief_by_which_one_would_decide_is_sure() {
    let p_best = |orders: i64| {
        let found = of_two(&[([32_768; 2], [(1000, 100), (1000, orders)])]).densities(None).unwrap().unwrap();
        (found.leader, found.arms[found.leader].p_best.unwrap(), found.is_sure)
    };
    let ((_, doubtful, is_unsure), (leader, clear, is_sure)) = (p_best(120), p_best(126));
    assert!(doubtful > 0.85 && doubtful < 0.95 && !is_unsure, "{doubtful}");
    assert!(clear > 0.95 && clear < 0.98 && is_sure && leader == 1, "{clear}");
}

#[test]
fn what_policies_ask_for_is_told_as_parts_of_one() {
    for policy in Policy::ALL {
        if policy.needs_horizon() || policy.needs_stock() {
            continue;
        }
        let mut evidence = of_three(&[(EVEN, [(400, 40), (200, 25), (200, 30)], (0, 0)); 3]);
        evidence.experiment.policy = PolicyChoice { name: policy, parameters: Vec::new(), shares: None };
        let why = evidence.why(None).unwrap().unwrap();
        assert!(near(why.arms.iter().map(|arm| arm.asked).sum(), 1.0), "{policy:?}");
    }
}

#[test]
fn a_day_is_as_the_last_24_hours_or_all_hours_where_there_are_fewer() {
    let mut evidence = of_three(&[(EVEN, [(40, 4), (30, 3), (30, 3)], (10, 1)); 3]);
    let mut at = |hours: f64| {
        evidence.now_ms = ((f64::from(HOUR) + hours) * HOUR_MS as f64) as u64;
        evidence.per_day()
    };
    // Three hours of 100 and 10, of so many hours so far, or of the last 24.
    assert_eq!(at(12.0), [600.0, 60.0]);
    assert_eq!(at(24.0), [300.0, 30.0]);
    assert_eq!(at(25.0), [200.0, 20.0]);
    assert_eq!(at(26.0), [100.0, 10.0]);
    assert_eq!(at(26.5), [0.0, 0.0]);
    // Less than an hour is no rate: what was counted in it is taken for an hour's.
    let mut first = of_three(&[(EVEN, [(40, 4), (30, 3), (30, 3)], (10, 1))]);
    first.now_ms = u64::from(HOUR) * HOUR_MS + HOUR_MS / 2;
    assert_eq!(first.per_day(), [2400.0, 240.0]);
    assert_eq!(first.next("pause", "").unwrap().units_per_day, 2640.0);
    let (why, input) = (first.why(None).unwrap().unwrap(), first.input().unwrap().unwrap());
    let rates = input.arms().iter().map(|arm| arm.posterior.rate_mean());
    let orders: f64 = why.arms.iter().zip(rates).map(|(arm, rate)| 2400.0 * arm.share * rate).sum();
    assert!(near(why.one_more_day.exposures, 2400.0) && near(why.one_more_day.orders, orders), "{why:?}");
    // A policy that counts finds the day's exposures counted.
    first.experiment.policy = PolicyChoice { name: Policy::Ucb1, parameters: Vec::new(), shares: None };
    let why = first.why(None).unwrap().unwrap();
    assert_ne!(why.one_more_day.shares, why.arms.iter().map(|arm| arm.share).collect::<Vec<_>>());
}

#[test]
fn an_expected_day_adds_what_is_expected_of_each_model() {
    let after = |of: Posterior, n| belief::expected(&of, n).unwrap().parameters();
    let same = |given: [f64; 4], expected: [f64; 4]| {
        assert!(given.iter().zip(expected).all(|(&one, other)| near(one, other)), "{given:?} {expected:?}");
    };
    same(after(Posterior::new(20.0, 80.0, 1900).unwrap(), 500.0), [120.0, 480.0, 0.0, 0.0]);
    // An order is expected to bring 22 000 / 11.
    let zero_inflated = Posterior::zero_inflated(20.0, 80.0, 12.0, 22_000.0).unwrap();
    same(after(zero_inflated, 500.0), [120.0, 480.0, 112.0, 222_000.0]);
    // The variance that is expected, 1e6 / 19, stays.
    let normal = Posterior::normal(120.0, 40.0, 20.0, 1e6).unwrap();
    same(after(normal, 38.0), [120.0, 78.0, 39.0, 2e6]);
}

#[test]
fn an_action_leaves_what_it_is_not_about() {
    let live = |all: &[Share]| all.iter().map(|arm| arm.share).sum::<f64>();
    let name = golden().experiment.arms[1].name.clone();
    let pause_arm = format!(r#"{{"arm": "{name}", "reason": "out of stock"}}"#);
    assert_eq!(golden().next("pause-arm", &pause_arm).unwrap().refusal, None);
    assert_eq!(golden().next("stop", " \n").unwrap().refusal, None);
    // What is stopped stays stopped, whatever is changed meanwhile, until it is resumed.
    let stopped = Evidence::read(&with(|value| value["stopped"] = json!(true))).unwrap();
    let changed = stopped.next("pause-arm", &pause_arm).unwrap();
    assert_eq!((changed.refusal, live(&changed.before), live(&changed.after)), (None, 0.0, 0.0));
    let resumed = stopped.next("resume", "").unwrap();
    assert!(resumed.refusal.is_none() && near(live(&resumed.after), 1.0));
    // What is decided stays decided: read as such, and after it is resumed.
    let text = with(|value| {
        (value["state"], value["decided"], value["stopped"]) = (json!("decided"), json!(name), json!(true));
    });
    let decided = Evidence::read(&text).unwrap();
    let states: Vec<ArmState> = decided.experiment.arms.iter().map(|arm| arm.state).collect();
    assert_eq!(states, [ArmState::Retired, ArmState::Live, ArmState::Retired]);
    assert_eq!(decided.next("resume", "").unwrap().after[1].share, 1.0);
}

#[test]
fn an_arm_without_a_price_of_its_own_has_the_controls_times_its_factor() {
    let mut experiment = golden().experiment;
    for (arm, factor) in experiment.arms.iter_mut().zip([1.0, 0.9, 1.25]).skip(1) {
        (arm.price_minor, arm.price) = (0, ArmPrice::Times(factor));
    }
    let control = experiment.arms[0].price_minor as f64;
    let priced = super::super::next::priced(experiment);
    let prices: Vec<f64> = priced.arms.iter().map(|arm| arm.price_minor as f64).collect();
    assert_eq!(prices, [control, (control * 0.9).round(), (control * 1.25).round()]);
}
