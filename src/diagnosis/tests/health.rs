//! Delays, drift and coverage of counts that a hand can follow.

use super::over_time::{EVEN, HOUR, of_three};
use super::*;
use crate::diagnosis::delays::Corrected;
use crate::{DelayCorrection, Policy, PolicyChoice, RewardModel};

#[test]
fn a_corrected_rate_is_of_what_counts_and_at_most_one() {
    let arm = |effective, orders_effective| {
        Corrected { exposures: 10.0, effective, orders: 5.0, orders_effective }.rate_corrected()
    };
    assert_eq!((arm(10.0, 5.0), arm(2.0, 5.0)), (0.5, 1.0));
    assert!(arm(0.0, 0.0).is_nan());
}

#[test]
fn orders_are_pending_by_the_rate_of_what_counts_less_those_that_came() {
    let old = (EVEN, [(100, 20), (100, 10), (0, 0)], (0, 0));
    let young = (EVEN, [(50, 4), (50, 9), (30, 3)], (0, 0));
    let mut evidence = of_three(&[old, young]);
    evidence.experiment.delay = DelayCorrection::Matured;
    let window = evidence.experiment.reward_window_hours;
    evidence.now_ms = u64::from(HOUR + 1 + window) * HOUR_MS;
    let delays = evidence.delays();
    assert_eq!(delays.arms[0].orders, 24.0);
    assert_eq!((delays.arms[0].effective, delays.arms[0].orders_effective), (100.0, 20.0));
    // 0.2 of 50 less 4; of the second arm more came than were expected; of the third nothing is known.
    assert!(near(delays.pending, 6.0), "{delays:?}");
    // In part or in full, orders that came count as they are.
    for arm in golden().delays().arms {
        assert_eq!(arm.orders_effective, arm.orders);
    }
}

#[test]
fn delays_are_counted_by_the_hour_and_their_mean_is_the_area_above_the_curve() {
    let mut evidence = of_three(&[(EVEN, [(1000, 100); 3], (0, 0))]);
    evidence.delays = Delays::default();
    evidence.delays.add(HOUR, 0, 30).unwrap();
    evidence.delays.add(HOUR, 3, 10).unwrap();
    let delays = evidence.delays();
    assert_eq!(delays.counts[..5], [30.0, 0.0, 0.0, 10.0, 0.0]);
    let area: f64 = delays.share_by.windows(2).map(|ends| 1.0 - (ends[0] + ends[1]) / 2.0).sum();
    assert!(near(delays.mean_h, area) && area > 0.5 && area < 3.0, "{} {area}", delays.mean_h);
}

#[test]
fn what_drifts_is_asked_of_arms_with_twenty_orders_and_as_many_exposures_without() {
    let p_value = |n: i64, orders: [i64; 2]| {
        let first = ([32_768; 2], [(n, orders[0]), (1000, 100)]);
        let second = ([32_768; 2], [(n, orders[1]), (1000, 100)]);
        of_two(&[first, second]).stability().arms[0].p_value
    };
    assert!(p_value(100, [10, 9]).is_none() && p_value(100, [10, 10]).is_some());
    assert!(p_value(20, [10, 11]).is_none() && p_value(20, [10, 10]).is_some());
    // One window is no course of time.
    assert!(of_two(&[([32_768; 2], [(1000, 100); 2])]).stability().arms[0].p_value.is_none());
}

#[test]
fn windows_that_say_nothing_of_an_arm_are_left_out() {
    let full = ([32_768; 2], [(500, 50), (500, 70)]);
    let none = ([32_768; 2], [(500, 0), (500, 0)]);
    let all = ([32_768; 2], [(500, 500), (500, 500)]);
    let alone = ([32_768; 2], [(1000, 100), (0, 0)]);
    let stability = of_two(&[full, none, full, all, full, alone, full, full]).stability();
    for arm in &stability.arms {
        assert!(arm.p_value.unwrap() > 0.9, "{arm:?}");
    }
    let (n, s) = (500.0, 50.0);
    let quantile = |p| crate::math::beta_quantile(p, s + 0.5, n - s + 0.5);
    let first = &stability.arms[0];
    assert_eq!((first.rate[0], first.low[0], first.high[0]), (0.1, quantile(0.025), quantile(0.975)));
    assert!(stability.arms[1].low[5].is_nan());
}

#[test]
fn served_shares_are_of_periods_whose_plan_is_known() {
    let mut evidence = of_three(&[
        (EVEN, [(50, 5), (25, 2), (25, 2)], (10, 1)),
        // The holdout grew to a fifth.
        (&[32_768, 16_384, 16_384, 13_107], [(50, 5), (25, 2), (25, 2)], (25, 2)),
        (&[], [(1000, 0), (0, 0), (0, 0)], (500, 0)),
        (&[65_536, 0, 0], [(100, 5), (0, 0), (0, 0)], (10, 1)),
    ]);
    evidence.experiment.holdout = 0.1;
    let cells = evidence.propensities().unwrap().unwrap().cells;
    let (q, grown) = (0.1, 13_107.0 / 65_536.0);
    let planned = [
        0.5 * (1.0 - q) * 110.0 + 0.5 * (1.0 - grown) * 125.0 + (1.0 - q) * 110.0,
        q * 220.0 + grown * 125.0,
    ];
    assert_eq!((cells[0].exposures, cells[1].exposures, cells[3].exposures), (200, 50, 45));
    assert!(near(cells[0].served, 200.0 / 345.0), "{cells:?}");
    for (place, planned) in [0, 3].into_iter().zip(planned) {
        assert!((cells[place].planned - planned / 345.0).abs() < 1e-5, "{cells:?} {planned}");
    }
    let sizes = evidence.off_policy().unwrap();
    assert_eq!(sizes[0].exposures, 300.0, "of 1300");
    // Weights of 2, 2 and 1; an arm without share is covered by whoever was sent there.
    assert!(near(sizes[0].size, 300.0 * 300.0 / (100.0 * 4.0 + 100.0)), "{sizes:?}");
    assert!(near(sizes[1].size, 50.0));
    // Without a holdout, whoever is counted there is nobody.
    evidence.experiment.holdout = 0.0;
    let mut periods = evidence.history.periods().to_vec();
    periods.remove(1);
    evidence.history = History::new(periods).unwrap();
    let cells = evidence.propensities().unwrap().unwrap().cells;
    assert!(cells.len() == 3 && near(cells.iter().map(|cell| cell.planned).sum(), 1.0), "{cells:?}");
}

#[test]
fn policies_that_the_experiment_could_not_have_are_not_judged() {
    let names = |evidence: &Evidence| -> Vec<String> {
        let found = evidence.off_policy().unwrap();
        found.into_iter().filter(|of| !of.is_arm).map(|of| of.name).collect()
    };
    let mut evidence = of_three(&[(EVEN, [(500, 50), (250, 40), (250, 20)], (0, 0)); 4]);
    (evidence.experiment.horizon, evidence.experiment.stock) = (None, None);
    let without = |is_missing: &dyn Fn(Policy) -> bool| -> Vec<String> {
        let left = Policy::ALL.into_iter().filter(|&policy| !is_missing(policy));
        left.map(|policy| policy.name().to_owned()).collect()
    };
    let needs = |policy: Policy| policy.needs_horizon() || policy.needs_stock();
    assert_eq!(names(&evidence), without(&needs));
    assert!(
        Policy::ALL.into_iter().any(Policy::needs_horizon)
            && Policy::ALL.into_iter().any(Policy::needs_stock)
    );
    let mut alike = evidence.clone();
    alike.experiment.arms[2].price_minor = alike.experiment.arms[1].price_minor;
    assert_eq!(names(&alike), without(&|policy| needs(policy) || policy.needs_prices()));
    assert_ne!(names(&alike), names(&evidence));
    let mut normal = evidence.clone();
    normal.experiment.reward_model = RewardModel::Normal;
    assert_eq!(names(&normal), without(&|policy| needs(policy) || !policy.suits_any_reward()));
    assert_ne!(names(&normal), names(&evidence));
}

#[test]
fn the_experiments_own_policy_is_judged_as_it_runs_and_others_by_what_they_would_look_at() {
    let old = (EVEN, [(500, 90), (250, 20), (250, 20)], (0, 0));
    let young = (EVEN, [(500, 60), (250, 35), (250, 20)], (0, 0));
    let mut evidence = of_three(&[old, old, old, young, young, young]);
    let size = |evidence: &Evidence, name: &str| {
        evidence.off_policy().unwrap().into_iter().find(|of| of.name == name).unwrap().size
    };
    let with = |evidence: &mut Evidence, text: &str| {
        evidence.experiment.policy = text.parse::<PolicyChoice>().unwrap();
    };
    let before = (size(&evidence, "thompson"), size(&evidence, "epsilon_greedy"));
    with(&mut evidence, "sliding_thompson:window=1");
    let sliding = size(&evidence, "sliding_thompson");
    assert_eq!((size(&evidence, "thompson"), size(&evidence, "epsilon_greedy")), before);
    with(&mut evidence, "thompson");
    assert_ne!(size(&evidence, "sliding_thompson"), sliding, "its window is its own");
    with(&mut evidence, "epsilon_greedy:epsilon=0.9");
    assert_ne!(size(&evidence, "epsilon_greedy"), before.1);
}
