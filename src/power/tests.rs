use super::*;

/// From tests/golden/power.py.
#[test]
fn visitors_are_those_of_the_textbook() {
    let aim = |alpha, power| Aim { alpha, power };
    let of = |rate, order_cv| Visitors { rate, order_cv };
    let split = |control, arm| Split { control, arm };
    for (visitors, aim, split, effect, needed) in [
        (of(0.03, 0.0), aim(0.05, 0.8), split(0.5, 0.5), 0.05, 415_870.276_431_240_96),
        // Sixty in a hundred see the control and twenty the arm, a third as many; the rest sees other arms.
        (of(0.1, 0.0), aim(0.05, 0.9), split(0.6, 0.2), 0.2, 17_810.082_089_141_87),
        (of(0.02, 0.0), aim(0.1, 0.8), split(0.25, 0.25), -0.1, 230_461.003_380_769_22),
        (of(0.03, 0.8), aim(0.05, 0.8), split(0.5, 0.5), 0.05, 690_476.415_403_667_3),
    ] {
        let found = visitors.needed(aim, split, effect);
        assert!((found / needed - 1.0).abs() < 1e-12, "{found} for {needed}");
        if effect > 0.0 {
            assert!((visitors.effect(aim, split, needed) / effect - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn more_visitors_find_smaller_differences_and_other_arms_cost_visitors() {
    let visitors = Visitors { rate: 0.03, order_cv: 0.5 };
    let effect = |arms, count| visitors.effect(Aim::default(), Split::equal(arms, 0.1), count);
    assert!(effect(2, 20_000.0) > effect(2, 40_000.0) && effect(4, 40_000.0) > effect(2, 40_000.0));
    assert!((effect(2, 1.0) - 10.0).abs() < 1e-9, "what is not found at all");
    assert_eq!(Split::equal(3, 0.1), Split { control: 0.3, arm: 0.3 });
}

/// Normal numbers of a seed; SplitMix64 (Steele, Lea and Flood 2014).
fn normals(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        normal_quantile(((mixed ^ mixed >> 31) >> 11) as f64 / (1_u64 << 53) as f64 + 1e-17)
    }
}

/// The variance of the estimates of some hundred simulated experiments is the one that the plan was made with. Seeds 1
/// to 300; the ratio of variances has a standard error of 0.08.
#[test]
fn clusters_vary_as_the_plan_says() {
    const RUNS: u64 = 300;
    let (count, cv, r, times, periods) = (60, 0.3, 0.7_f64, 2.0_f64, 14);
    let (own, noise) = (cv * r.sqrt(), cv * (1.0 - r).sqrt());
    for is_redrawn in [false, true] {
        let estimate = |seed| {
            let mut normal = normals(seed);
            let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
            for _ in 0..count {
                let item = 1.0 + own * normal();
                let past = item + noise * normal();
                if is_redrawn {
                    // Each period's value less the item's own mean, which the arms of its other periods make up.
                    let of_period = noise * f64::from(periods).sqrt() / times.sqrt();
                    let values: Vec<f64> = (0..periods).map(|_| item + of_period * normal()).collect();
                    let mean = values.iter().sum::<f64>() / values.len() as f64;
                    for value in values {
                        let arm = usize::from(normal() > 0.0);
                        (sums[arm], counts[arm]) = (sums[arm] + value - mean, counts[arm] + 1.0);
                    }
                } else {
                    let value = item + noise / times.sqrt() * normal() - r * past;
                    let arm = usize::from(normal() > 0.0);
                    (sums[arm], counts[arm]) = (sums[arm] + value, counts[arm] + 1.0);
                }
            }
            sums[1] / counts[1] - sums[0] / counts[0]
        };
        let squares: f64 = (1..=RUNS).map(|seed| estimate(seed) * estimate(seed)).sum();
        let clusters = Clusters { count: f64::from(count), cv, correlation: r, is_redrawn };
        let effect = clusters.effect(Aim::default(), Split::equal(2, 0.0), times);
        let planned = effect * effect / Aim::default().distance();
        let ratio = squares / RUNS as f64 / planned;
        assert!((0.76..1.24).contains(&ratio), "{ratio} with is_redrawn {is_redrawn}");
    }
}

#[test]
fn time_effect_and_number_of_items_belong_together() {
    let (aim, split) = (Aim::default(), Split::equal(3, 0.0));
    for is_redrawn in [false, true] {
        let items = Clusters { count: 4000.0, cv: 1.2, correlation: 0.8, is_redrawn };
        let effect = items.effect(aim, split, 0.5);
        assert!((items.times(aim, split, effect).unwrap() - 0.5).abs() < 1e-9);
        assert!((items.needed(aim, split, effect, 0.5) - 4000.0).abs() < 1e-6);
    }
    // Items that keep their arm do not find what their own differences hide, however long it runs.
    let few = Clusters { count: 50.0, cv: 1.2, correlation: 0.8, is_redrawn: false };
    assert_eq!(few.times(aim, split, 0.01), None);
    assert!(Clusters { is_redrawn: true, ..few }.times(aim, split, 0.01).is_some());
}

#[test]
fn families_that_are_alike_count_as_fewer_items() {
    // Sums of four independent items vary half as much over their mean; of four that are the same, as much.
    assert!((design_effect(400.0, 1.0, 100.0, 0.5) - 1.0).abs() < 1e-12);
    assert!((design_effect(400.0, 1.0, 100.0, 1.0) - 4.0).abs() < 1e-12);
}
