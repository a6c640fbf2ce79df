//! What a policy is told of what was counted.

use super::*;
use crate::experiment::tests::{SEVILLA, sevilla};
use crate::{Cohort, DelayCorrection};

fn tally(exposures: i64, conversions: i64) -> Tally {
    Tally { exposures, conversions, units: conversions, ..Tally::default() }
}

fn period(epoch: u32, hour: u32, arms: [(i64, i64); 3]) -> Period {
    let arms = arms.map(|(exposures, conversions)| tally(exposures, conversions)).to_vec();
    Period {
        cohort: Cohort { epoch, hour },
        shares: vec![32_768, 16_384, 16_384],
        arms,
        holdout: tally(10, 2),
    }
}

fn experiment(policy: &str) -> Experiment {
    let with = format!("\"horizon\": 1000, \"policy\": {policy}");
    Experiment::from_json(&SEVILLA.replace(r#""policy": {"name": "thompson"}"#, &with)).unwrap()
}

fn two_periods() -> History {
    let (old, new) = ([(100, 10), (50, 10), (50, 0)], [(20, 4), (20, 0), (10, 1)]);
    History::new(vec![period(2, 11, new), period(1, 10, old)]).unwrap()
}

fn counts(experiment: &Experiment, delays: &Delays, now: f64) -> Vec<(f64, f64)> {
    let input = policy_input(experiment, &two_periods(), delays, now).unwrap();
    input.arms().iter().map(|arm| (arm.exposures, arm.conversions)).collect()
}

#[test]
fn without_delays_and_fading_all_periods_add_up() {
    let expected = [(120.0, 14.0), (70.0, 10.0), (60.0, 1.0)];
    assert_eq!(counts(&sevilla(), &Delays::default(), 12.0), expected);
    let totals = two_periods().arm_totals().unwrap();
    let pooled = pooled(&sevilla(), &totals).unwrap();
    assert_eq!(pooled, policy_input(&sevilla(), &two_periods(), &Delays::default(), 12.0).unwrap());
    let posterior = pooled.arms()[0].posterior;
    assert_eq!((posterior.alpha(), posterior.beta(), posterior.value_minor()), (15.0, 107.0, 1100));
}

#[test]
fn young_exposures_count_for_what_they_would_have_brought_by_now() {
    let mut delays = Delays::default();
    delays.add(0, 0, 500).unwrap();
    delays.add(0, 1, 500).unwrap();
    // F(0.5) = 0.25, F(1.5) = 0.75.
    let weighted = counts(&sevilla(), &delays, 12.0);
    assert_eq!(weighted, [(75.0 + 5.0, 14.0), (37.5 + 5.0, 10.0), (37.5 + 2.5, 1.0)]);
    let mut naive = sevilla();
    naive.delay = DelayCorrection::Naive;
    assert_eq!(counts(&naive, &delays, 12.0)[0], (120.0, 14.0));
    let mut matured = sevilla();
    (matured.delay, matured.reward_window_hours) = (DelayCorrection::Matured, 1);
    assert_eq!(counts(&matured, &delays, 12.0)[0], (100.0, 10.0));
    assert_eq!(counts(&matured, &delays, 13.0)[0], (120.0, 14.0));
}

#[test]
fn an_arm_never_has_more_conversions_than_exposures() {
    let mut delays = Delays::default();
    delays.add(0, 5, 500).unwrap();
    let young = History::new(vec![period(1, 10, [(10, 9), (10, 0), (0, 0)])]).unwrap();
    let input = policy_input(&sevilla(), &young, &delays, 11.0).unwrap();
    assert_eq!((input.arms()[0].exposures, input.arms()[0].conversions), (9.0, 9.0));
    assert_eq!(input.arms()[1].exposures, 0.0);
}

/// Of 40 periods with one exposure each, F = 0.25 of whose conversions are known, 5 have converted already: 10
/// exposures and 5 conversions, not 35 times 0.25 and 5.
#[test]
fn conversions_that_came_early_do_not_make_more_exposures() {
    let mut delays = Delays::default();
    delays.add(0, 0, 500).unwrap();
    delays.add(0, 1, 500).unwrap();
    let periods = (1..=40).map(|epoch| period(epoch, 11, [(1, i64::from(epoch <= 5)), (0, 0), (0, 0)]));
    let history = History::new(periods.collect()).unwrap();
    let input = policy_input(&sevilla(), &history, &delays, 12.0).unwrap();
    assert_eq!((input.arms()[0].exposures, input.arms()[0].conversions), (10.0, 5.0));
    let tsallis = experiment(r#"{"name": "tsallis_inf"}"#);
    let lost = policy_input(&tsallis, &history, &delays, 12.0).unwrap().arms()[0].loss;
    assert!((lost - (10.0 - 5.0 * 1100.0 / 1300.0) / 0.5).abs() < 1e-9, "{lost}");
}

/// Half an hour into the hour its exposures are a quarter of an hour old on average: F(0.25) = 0.125.
#[test]
fn exposures_of_the_hour_that_still_runs_are_half_as_old_as_it() {
    let mut delays = Delays::default();
    delays.add(0, 0, 500).unwrap();
    delays.add(0, 1, 500).unwrap();
    let running = History::new(vec![period(1, 11, [(80, 1), (0, 0), (0, 0)])]).unwrap();
    let exposures = |now| policy_input(&sevilla(), &running, &delays, now).unwrap().arms()[0].exposures;
    assert_eq!((exposures(11.5), exposures(12.0), exposures(12.5)), (10.0, 20.0, 40.0));
}

#[test]
fn a_window_takes_the_newest_exposures() {
    let sliding = experiment(r#"{"name": "sliding_thompson", "window": 100}"#);
    // All 50 of the new period and 50 of the 200 before.
    let expected = [(20.0 + 25.0, 4.0 + 2.5), (20.0 + 12.5, 2.5), (10.0 + 12.5, 1.0)];
    assert_eq!(counts(&sliding, &Delays::default(), 12.0), expected);
}

#[test]
fn a_discount_is_that_of_every_exposure_by_itself() {
    let discounted = experiment(r#"{"name": "discounted_thompson", "half_life": 50}"#);
    let given = counts(&discounted, &Delays::default(), 12.0);
    let mean = |from: i32, count: i32| {
        (from..from + count).map(|age| math::pow(0.5, f64::from(age) / 50.0)).sum::<f64>() / f64::from(count)
    };
    let (new, old) = (mean(0, 50), mean(50, 200));
    assert!((given[0].0 - (20.0 * new + 100.0 * old)).abs() < 1e-9, "{given:?}");
    assert!((given[1].1 - 10.0 * old).abs() < 1e-9, "{given:?}");
}

#[test]
fn after_the_shortest_half_life_one_exposure_is_left() {
    let discounted = experiment(r#"{"name": "discounted_thompson", "half_life": 0.0001}"#);
    let given = counts(&discounted, &Delays::default(), 12.0);
    let left: f64 = given.iter().map(|arm| arm.0).sum();
    assert!((left - 1.0).abs() < 1e-9, "{given:?}");
}

#[test]
fn the_default_memory_is_that_of_the_horizon() {
    assert_eq!(Fade::of(Policy::DiscountedUcb, &[0.0], 10_000.0), Fade::Discount(0.9975));
    let Fade::Window(window) = Fade::of(Policy::SlidingUcb, &[0.0], 10_000.0) else { panic!() };
    assert_eq!(window.floor(), 1213.0);
    assert_eq!(Fade::of(Policy::Thompson, &[], 10_000.0), Fade::None);
}

#[test]
fn losses_are_divided_by_the_propensity_of_their_epoch() {
    let tsallis = experiment(r#"{"name": "tsallis_inf"}"#);
    let losses = policy_input(&tsallis, &two_periods(), &Delays::default(), 12.0).unwrap();
    // Values 1100, 950 and 1300: a conversion of the first arm gains 1100/1300.
    let gain = 1100.0 / 1300.0;
    assert!((losses.arms()[0].loss - (120.0 - 14.0 * gain) / 0.5).abs() < 1e-9);
    let exp3 = experiment(r#"{"name": "exp3_ix"}"#);
    let smaller = policy_input(&exp3, &two_periods(), &Delays::default(), 12.0).unwrap();
    assert!(smaller.arms()[0].loss < losses.arms()[0].loss);
    let loss = Loss::of(&exp3);
    assert!((loss.of_one(2, false, 0.25) - 1.0 / (0.25 + loss.gamma)).abs() < 1e-12);
    assert_eq!(loss.of_one(2, true, 0.25), 0.0);
}

#[test]
fn the_stock_is_what_nobody_has_bought() {
    let mut limited =
        experiment(r#"{"name": "inventory_thompson"}"#.replace('}', "}, \"stock\": 100").trim());
    limited.horizon = Some(1000);
    let input = policy_input(&limited, &two_periods(), &Delays::default(), 12.0).unwrap();
    // 25 by the arms and 4 by the holdout; 250 and 20 have been there.
    assert_eq!(input.stock, Some(Stock { pieces: 71.0, units: 730.0 }));
}

#[test]
fn contrasts_are_fitted_for_the_policy_that_looks_at_them() {
    let contrast = experiment(r#"{"name": "contrast_thompson", "period": 40}"#);
    let fitted = policy_input(&contrast, &two_periods(), &Delays::default(), 12.0).unwrap().contrast.unwrap();
    // In both periods the first arm converts as the second or better, and the third hardly.
    assert!(fitted.mean[0] > fitted.mean[2] && fitted.mean[1] > fitted.mean[2], "{fitted:?}");
    assert_eq!(policy_input(&sevilla(), &two_periods(), &Delays::default(), 12.0).unwrap().contrast, None);
}

#[test]
fn an_added_arm_enters_until_enough_was_counted_and_what_is_not_live_is_told() {
    let mut changed = sevilla();
    changed.arms[1].state = ArmState::Paused;
    changed.arms[2].is_added = true;
    let flags = |experiment: &Experiment, exposures| {
        let input = pooled(experiment, &[tally(500, 50), tally(500, 50), tally(exposures, 0)]).unwrap();
        input.arms().iter().map(|arm| (arm.live, arm.entering)).collect::<Vec<_>>()
    };
    assert_eq!(flags(&changed, 99), [(true, false), (false, false), (true, true)]);
    assert_eq!(flags(&changed, 100), [(true, false), (false, false), (true, false)]);
    // Nothing at all was counted yet.
    let first = policy_input(&changed, &History::default(), &Delays::default(), 1.0).unwrap();
    assert!(first.arms()[2].entering);
    changed.unit = Unit::Item;
    assert_eq!(flags(&changed, 1)[2], (true, false));
    // What a half-life forgets does not make it new again.
    let mut faded = experiment(r#"{"name": "discounted_thompson", "half_life": 50}"#);
    faded.arms[0].is_added = true;
    let input = policy_input(&faded, &two_periods(), &Delays::default(), 12.0).unwrap();
    assert!(input.arms()[0].exposures < 100.0 && !input.arms()[0].entering);
}

#[test]
fn a_history_of_another_experiment_is_refused() {
    let error = pooled(&sevilla(), &[tally(1, 1)]).unwrap_err().to_string();
    assert_eq!(error, "number of arms in the history is 1; it must be 3, as the experiment has");
    let error = pooled(&sevilla(), &[tally(1, 2); 3]).unwrap_err().to_string();
    assert_eq!(error, "number of conversions is 2; it must be at most the number of exposures, 1");
    assert!(pooled(&sevilla(), &[tally(-1, -2); 3]).is_err());
}
