//! Regret and predictions of counts that a hand can follow. How often they are wrong is in `tests/calibration_diagnosis.rs`.

use super::*;
use crate::inference::ALARM_AT;
use crate::math::gamma_p;

const EQUAL: [u32; 2] = [32_768; 2];

/// Mean and variance of the belief about a rate.
fn beta(prior: Prior, exposures: f64, orders: f64) -> (f64, f64) {
    let (a, b) = (prior.alpha() + orders, prior.beta() + exposures - orders);
    (a / (a + b), a * b / ((a + b) * (a + b) * (a + b + 1.0)))
}

#[test]
fn regret_is_the_exposures_times_the_gaps() {
    let evidence = of_two(&[(EQUAL, [(5000, 500), (3000, 600)]); 4]);
    let regret = evidence.regret().unwrap().unwrap();
    assert_eq!(regret.best, 1);
    let prior = evidence.experiment.prior;
    let ((worse, of_worse), (better, of_better)) = (beta(prior, 2e4, 2e3), beta(prior, 1.2e4, 2.4e3));
    for (at, periods) in [1.0, 2.0, 3.0, 4.0].into_iter().enumerate() {
        // Only who was shown the other arm lost something, and the belief about both arms makes it doubtful.
        let n = 5000.0 * periods;
        let half = 1.959_963_984_540_054 * n * (of_worse + of_better).sqrt();
        assert!(near(regret.value[at], n * (better - worse)), "{regret:?}");
        assert!(near(regret.low[at], n * (better - worse) - half), "{regret:?}");
        assert!(near(regret.high[at], n * (better - worse) + half), "{regret:?}");
    }
    assert!(near(regret.per_unit, regret.value[3] / 32_000.0));
}

#[test]
fn regret_is_against_the_best_of_the_live_arms() {
    let mut evidence = of_two(&[(EQUAL, [(5000, 500), (3000, 600)]); 4]);
    evidence.experiment.arms[1].state = crate::experiment::ArmState::Retired;
    let regret = evidence.regret().unwrap().unwrap();
    assert!(regret.best == 0 && regret.value[3] < 0.0, "{regret:?}");
}

#[test]
fn a_prediction_is_the_belief_at_a_look_against_what_came_until_the_next() {
    let evidence = of_two(&[(EQUAL, [(100, 10), (300, 60)]); 20]);
    let found = evidence.calibration().unwrap();
    // After 2, 5, 10 and 15 of 20 periods.
    assert_eq!(found.predictions.len(), 8);
    let (ends, prior) = (evidence.ends(), evidence.experiment.prior);
    let looks = [(2, 5), (5, 10), (10, 15), (15, 20)];
    let arms = looks.iter().flat_map(|&look| [(look, 0, 100.0, 0.1), (look, 1, 300.0, 0.2)]);
    let mut squares = 0.0;
    for (of, ((from, to), arm, n, rate)) in found.predictions.iter().zip(arms) {
        let (came, (mean, of_mean)) =
            (n * f64::from(to - from), beta(prior, n * f64::from(from), n * f64::from(from) * rate));
        let sd = (of_mean + mean * (1.0 - mean) / came).sqrt();
        squares += (rate - mean) * (rate - mean) / (sd * sd);
        assert_eq!((of.arm, of.at_ms), (arm, ends[from as usize - 1]));
        let expected =
            [mean, mean - 1.959_963_984_540_054 * sd, mean + 1.959_963_984_540_054 * sd, rate, came];
        let given = [of.predicted, of.low, of.high, of.observed, of.exposures];
        assert!(given.iter().zip(expected).all(|(&one, other)| near(one, other)), "{given:?} {expected:?}");
    }
    assert!(near(found.p_value.unwrap(), 1.0 - gamma_p(4.0, 0.5 * squares)) && found.p_value.unwrap() > 0.9);
    assert!(found.held == 8 && !found.alarm);
}

#[test]
fn a_look_at_which_several_parts_are_over_is_one() {
    let most = of_two(&[(EQUAL, [(100, 10); 2]), (EQUAL, [(600, 60); 2]), (EQUAL, [(300, 30); 2])]);
    let found = most.calibration().unwrap().predictions;
    let exposures: Vec<f64> = found.iter().map(|of| of.exposures).collect();
    // A tenth is over after the first period, a quarter and half after the second; nothing comes after the third.
    assert_eq!(exposures, [600.0, 600.0, 300.0, 300.0]);
}

#[test]
fn an_arm_that_wears_out_at_last_raises_an_alarm_of_all_predictions_together() {
    let periods = |last: i64| {
        let of = move |at| (EQUAL, [(100, 10), (100, if at < 15 { 20 } else { last })]);
        of_two(&(0..20).map(of).collect::<Vec<_>>()).calibration().unwrap()
    };
    let worn = periods(10);
    assert!(worn.alarm && worn.held == 7 && worn.p_value.unwrap() < ALARM_AT, "{worn:?}");
    // One point outside of eight is not yet an alarm.
    let little = periods(15);
    assert!(!little.alarm && little.held == 7 && little.p_value.unwrap() > 0.1, "{little:?}");
}

#[test]
fn what_little_is_expected_of_is_no_prediction() {
    let arms_of = |periods: &[OfTwo]| {
        let found = of_two(periods).calibration().unwrap().predictions;
        found.iter().map(|of| of.arm).collect::<Vec<_>>()
    };
    // 0.01 of 400 is less than five orders, of 600 more; the first arm has always enough.
    assert_eq!(arms_of(&[(EQUAL, [(4000, 400), (400, 4)]); 2]), [0]);
    assert_eq!(arms_of(&[(EQUAL, [(4000, 400), (600, 6)]); 2]), [0, 1]);
    // Of an arm that nobody saw before nothing was believed.
    assert_eq!(arms_of(&[(EQUAL, [(4000, 400), (0, 0)]), (EQUAL, [(4000, 400), (600, 60)])]), [0]);
}

/// Of every model: an exposure's variance is that of its law, by a sum over the law itself.
#[test]
fn a_prediction_is_as_unsure_as_its_reward_model() {
    // Orders of 0.1 that bring 19 EUR, or exponential with mean 20 EUR, or whatever has a standard deviation of 50 EUR.
    let (q, value, mean) = (0.1, 1900.0_f64, 2000.0_f64);
    let near = |posterior: Posterior, expected: f64| {
        let given = super::super::calibration::variance(&posterior);
        assert!((given / expected - 1.0).abs() < 1e-3, "{given} instead of {expected}");
    };
    near(Posterior::new(1e5, 9e5, 1900).unwrap(), q * value * value - (q * value) * (q * value));
    let squares = 2.0 * mean * mean;
    near(Posterior::zero_inflated(1e5, 9e5, 1e5, 1e5 * mean).unwrap(), q * squares - (q * mean) * (q * mean));
    near(Posterior::normal(120.0, 1e5, 1e5, 1e5 * 25e6).unwrap(), 25e6);
}

#[test]
fn exposures_that_wait_for_orders_came_in_part() {
    let evidence = golden();
    let found = evidence.calibration().unwrap().predictions;
    let (first, ends) = (found[0].at_ms, evidence.ends());
    let after = evidence.history.periods().iter().zip(ends).filter(|(_, end)| *end > first);
    let counted: f64 = after.map(|(period, _)| period.arms[0].exposures as f64).sum();
    let came: f64 = found.iter().filter(|of| of.arm == 0).map(|of| of.exposures).sum();
    assert!(came < counted && came > 0.9 * counted, "{came} of {counted}");
}
