//! Laws of the estimates, on small panels: what their formulas give, taken apart.

use proptest::prelude::*;

use super::*;
use crate::groups::Member;
use crate::{Groups, TOTAL};

const DAILY: Question = Question { alpha: 0.05, per_hours: 24.0, narrowest_at: 1000.0 };

/// A number from 0 up to `below`, another one for each seed.
fn noise(seed: u64, below: u64) -> u64 {
    let mixed =
        (seed ^ 0x9e37_79b9).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (mixed.wrapping_mul(2_862_933_555_777_941_757) >> 33) % below
}

/// An epoch in which each of `clusters` goes to the second arm with this share.
fn epoch(number: u64, clusters: usize, share: u32, value: impl Fn(usize, usize) -> i64) -> Epoch {
    let one = |cluster: usize| {
        let arm = usize::from(noise(number * 1000 + cluster as u64, u64::from(TOTAL)) < u64::from(share));
        Observation { cluster, arm, value_minor: value(cluster, arm) }
    };
    Epoch {
        period: number,
        shares: vec![TOTAL - share, share],
        hours: 24.0,
        observations: (0..clusters).map(one).collect(),
    }
}

fn panel(clusters: usize, epochs: Vec<Epoch>) -> Panel {
    Panel::new(2, vec![None; clusters], epochs).unwrap()
}

#[test]
fn quantiles_of_students_t_are_those_of_the_tables() {
    for (freedom, expected) in [(1.0, 12.706_204_736), (5.0, 2.570_581_836), (30.0, 2.042_272_456)] {
        assert!((student_quantile(0.05, freedom) - expected).abs() < 1e-6, "{freedom}");
    }
    assert!((student_quantile(0.05, 1e6) - 1.959_966_4).abs() < 1e-6);
}

#[test]
fn a_cluster_that_outweighs_all_others_leaves_few_degrees_of_freedom() {
    let alike: Vec<f64> = (0..40).map(|n| if n % 2 == 0 { 1.0 } else { -1.0 }).collect();
    assert_eq!(freedom(&alike), 39.0);
    let mut one = alike.clone();
    one[0] = 100.0;
    assert!(freedom(&one) < 2.2, "{}", freedom(&one));
}

#[test]
fn belief_that_it_is_above_zero_is_that_of_students_t() {
    let of = |value| {
        let seen = Seen { clusters: 12, observations: 12, left_out: 0 };
        Estimate::new(value, 1.0, 10.0, seen, &Question::per(24.0)).unwrap().unwrap()
    };
    // The table's 97.5 % point with 10 degrees of freedom.
    assert!((of(2.228_138_852).above_zero() - 0.975).abs() < 1e-8);
    assert!((of(-2.228_138_852).above_zero() - 0.025).abs() < 1e-8);
    assert!((of(0.0).above_zero() - 0.5).abs() < 1e-12);
}

#[test]
fn absurd_questions_are_refused() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(check(&Question::per(bad)).is_err());
        assert!(check(&Question { narrowest_at: bad, ..Question::per(24.0) }).is_err());
    }
    assert!(check(&Question { alpha: 0.6, ..Question::per(24.0) }).is_err());
}

/// Over all sixty-four draws of six clusters on two arms, the mean score is the difference, exactly: whatever was
/// expected of a cluster, nothing of its own outcome is in it.
#[test]
fn the_score_is_unbiased_over_all_draws() {
    // The value of each cluster on each arm: levels, differences and noise of its own.
    let values =
        |cluster: usize, arm: usize| (100 * (cluster + 1) * (cluster + 1) + arm * 70 * (cluster + 2)) as i64;
    let truth = (0..6).map(|n| values(n, 1) - values(n, 0)).sum::<i64>() as f64;
    let e = f64::from(TOTAL / 4) / f64::from(TOTAL);
    let mut mean = 0.0;
    for draw in 0..64_usize {
        let arms: Vec<usize> = (0..6).map(|n| draw >> n & 1).collect();
        let probability: f64 = arms.iter().map(|&arm| if arm == 1 { e } else { 1.0 - e }).product();
        let observed = |(cluster, &arm): (usize, &usize)| (values(cluster, arm) as f64, (cluster + 1) as f64);
        let all: Vec<(f64, f64)> = arms.iter().enumerate().map(observed).collect();
        let others = baseline::Others::new(&all);
        let score = |(&(value, level), &arm): (&(f64, f64), &usize)| {
            let m = others.expected(value, level);
            let (m_of, m_base) = (1.3 * m, m);
            let shown = if arm == 1 { (value - m_of) / e } else { -(value - m_base) / (1.0 - e) };
            m_of - m_base + shown
        };
        mean += probability * all.iter().zip(&arms).map(score).sum::<f64>();
    }
    assert!((mean - truth).abs() < 1e-9 * truth, "{mean} instead of {truth}");
}

#[test]
fn good_times_do_not_pass_for_a_good_arm() {
    // Everything sells ten times as much at the end, when nearly all items are on the second arm; both arms are alike.
    let rising = |day: u64| {
        let level = move |cluster: usize, _: usize| ((1 + day) * (100 + 10 * cluster as u64)) as i64;
        epoch(day, 60, TOTAL / 10 * (1 + day.min(8) as u32), level)
    };
    let panel = panel(60, (0..10).map(rising).collect());
    let found = panel.difference(1, 0, &DAILY).unwrap().unwrap();
    let means = panel.means(&DAILY).unwrap();
    let naive = means[1].mean - means[0].mean;
    assert!(naive > 500.0, "{naive}");
    assert!(found.at_one_look.contains(0.0) && found.value.abs() < 0.1 * naive, "{found:?} {naive}");
    assert_eq!(means[0].observations + means[1].observations, 600);
    assert_eq!((found.clusters, found.observations, found.left_out), (60, 600, 0));
}

#[test]
fn a_cluster_that_is_seen_ten_times_as_often_is_not_ten_clusters() {
    // One draw for all days, and a cluster's noise is its own for ever: more days say nothing more.
    let days = |count: u64| {
        let fixed = |_: u64| epoch(7, 40, TOTAL / 2, |cluster, _| 1000 + noise(cluster as u64, 400) as i64);
        panel(40, (0..count).map(fixed).collect()).difference(1, 0, &DAILY).unwrap().unwrap()
    };
    let (one, ten) = (days(1), days(10));
    assert!((ten.se / one.se - 1.0).abs() < 1e-9, "{} after one day, {} after ten", one.se, ten.se);
    assert!(
        (ten.value / one.value - 1.0).abs() < 1e-9,
        "{} after one day, {} after ten",
        one.value,
        ten.value
    );
}

#[test]
fn epochs_in_which_one_side_had_no_share_are_left_out_and_counted() {
    let value = |cluster: usize, arm: usize| (1000 + cluster * 7 + 50 * arm) as i64;
    let mut epochs: Vec<Epoch> = (0..6).map(|day| epoch(day, 30, TOTAL / 2, value)).collect();
    let all = panel(30, epochs.clone()).difference(1, 0, &DAILY).unwrap().unwrap();
    epochs.push(epoch(9, 30, 0, |_, _| 1_000_000));
    let found = panel(30, epochs).difference(1, 0, &DAILY).unwrap().unwrap();
    assert_eq!((found.observations, found.left_out), (180, 30));
    assert_eq!(found.value, all.value);
}

#[test]
fn what_cannot_be_told_is_not_told() {
    let alike = |_: usize, _: usize| 1000;
    let few = panel(4, vec![epoch(1, 4, TOTAL / 2, alike)]);
    assert_eq!(few.difference(1, 0, &DAILY).unwrap(), None);
    let same = panel(40, vec![epoch(1, 40, TOTAL / 2, alike)]);
    assert_eq!(same.difference(1, 1, &DAILY).unwrap(), None);
    let error = same.difference(2, 0, &DAILY).unwrap_err().to_string();
    assert_eq!(error, "arm is 2; it must be below the number of arms, 2");
    let of = |value_minor| Total { value_minor, hours: 24.0, past: None };
    assert_eq!(between_groups(&[of(1); 4], &[of(2); 9], &DAILY).unwrap(), None);
}

/// A family comes to a group as a whole, so its items are one draw: twelve items in two families are no twelve.
#[test]
fn the_groups_are_compared_by_what_was_drawn_to_them() {
    let member = |n: usize| Member {
        sku: format!("S-{n:02}"),
        is_negative: n >= 6,
        family: format!("F-{}", n / 3),
        price_minor: 1900,
        cost_minor: None,
        floor_minor: 1,
        ceiling_minor: 5000,
        prices: vec![1900],
        past: (n != 11).then_some(10),
    };
    let families = Groups::new((0..12).map(member).collect());
    let sold = |sku: &str| if sku == "S-04" { 0 } else { 100 };
    let total = |value_minor, past| Total { value_minor, hours: 48.0, past };
    let expected =
        [vec![total(300, Some(30)), total(200, Some(30))], vec![total(300, Some(30)), total(300, None)]];
    assert_eq!(totals(&families, 48.0, &sold), expected);
    let single = |n: usize| Member { family: format!("S-{n:02}"), ..member(n) };
    let items = Groups::new((0..12).map(single).collect());
    let found = totals(&items, 48.0, &sold);
    assert_eq!((found[0].len(), found[1].len(), found[0][4]), (6, 6, total(0, Some(10))));
}

#[test]
fn observations_that_cannot_be_are_refused() {
    let one = |cluster, arm, value_minor| Observation { cluster, arm, value_minor };
    let refusal = |shares: Vec<u32>, hours, observations| {
        Panel::new(2, vec![None; 2], vec![Epoch { period: 0, shares, hours, observations }])
            .unwrap_err()
            .to_string()
    };
    let half = || vec![TOTAL / 2; 2];
    for (error, expected) in [
        (
            refusal(vec![1, 2], 24.0, vec![]),
            "sum of the shares of an epoch is 3 over 2 arms; it must be 65536 over 2",
        ),
        (refusal(half(), 0.0, vec![]), "hours of an epoch is 0; it must be more than 0, at most 87600"),
        (
            refusal(half(), f64::NAN, vec![]),
            "hours of an epoch is NaN; it must be more than 0, at most 87600",
        ),
        (
            refusal(half(), 1.0, vec![one(2, 0, 1)]),
            "cluster is 2; it must be below the number of clusters, 2",
        ),
        (
            refusal(half(), 1.0, vec![one(1, 0, 1), one(1, 0, 1)]),
            "cluster is 1 twice; it must be once in an epoch",
        ),
        (
            refusal(half(), 1.0, vec![one(1, 2, 1)]),
            "arm of an observation is 2; it must be an arm with a share in its epoch",
        ),
        (
            refusal(vec![0, TOTAL], 1.0, vec![one(1, 0, 1)]),
            "arm of an observation is 0; it must be an arm with a share in its epoch",
        ),
        (
            refusal(half(), 1.0, vec![one(1, 1, i64::MIN)]),
            "value of an observation is -9223372036854775808; it must be within ±9007199254740991",
        ),
    ] {
        assert_eq!(error, expected);
    }
    let backwards = [2, 1].map(|period| epoch(period, 2, TOTAL / 2, |_, _| 1));
    let error = Panel::new(2, vec![None; 2], backwards.to_vec()).unwrap_err().to_string();
    assert_eq!(error, "period of an epoch is 1; it must be 2 or later");
}

proptest! {
    #[test]
    fn any_panel_gives_a_finite_interval_around_the_estimate_or_none(
        days in prop::collection::vec(
            (0..=TOTAL, prop::collection::vec(prop_oneof![-2000..2000_i64, -(1_i64 << 53) + 1..1 << 53], 12)), 0..6,
        ),
        past in prop::collection::vec(prop::option::of(prop_oneof![-5..5_i64, any::<i64>()]), 12),
    ) {
        let of_day = |(day, (share, values)): (usize, &(u32, Vec<i64>))| {
            epoch(day as u64, 12, *share, |cluster, _| values[cluster])
        };
        let epochs: Vec<Epoch> = days.iter().enumerate().map(of_day).collect();
        let panel = Panel::new(2, past.clone(), epochs).unwrap();
        let total = |(&value_minor, past): (&i64, &Option<i64>)| Total { value_minor, hours: 24.0, past: *past };
        let groups: Vec<Total> = days.iter().flat_map(|(_, values)| values.iter().zip(&past).map(total)).collect();
        let halves = groups.split_at(groups.len() / 2);
        let found = [
            panel.difference(1, 0, &DAILY).unwrap(),
            panel.difference(0, 1, &DAILY).unwrap(),
            between_groups(halves.0, halves.1, &DAILY).unwrap(),
        ];
        for estimate in found.into_iter().flatten() {
            for interval in [estimate.at_one_look, estimate.at_any_look] {
                prop_assert!(interval.contains(estimate.value), "{:?}", estimate);
                prop_assert!(interval.low.is_finite() && interval.high.is_finite(), "{:?}", estimate);
            }
            prop_assert!((0.0..=1.0).contains(&estimate.above_zero()) && estimate.freedom >= 1.0, "{:?}", estimate);
        }
    }
}
