//! Series, gains and demand of counts that a hand can follow, and of any counts against slow and obvious sums.

use super::*;
use crate::policy::DemandCurve;

pub(super) const HOUR: u32 = 490_000;

fn tally(exposures: i64, conversions: i64) -> Tally {
    Tally { exposures, conversions, ..Tally::default() }
}

/// Periods of three arms, an hour each: shares, arms and holdout.
pub(super) fn of_three(periods: &[(&[u32], [(i64, i64); 3], (i64, i64))]) -> Evidence {
    let mut evidence = golden();
    let mut value: Value = serde_json::from_str(&evidence.definition.to_json()).unwrap();
    value["objective"] = json!("conversion");
    evidence.experiment = Experiment::from_json(&value.to_string()).unwrap();
    let period = |(at, &(shares, arms, holdout)): (usize, &(&[u32], [(i64, i64); 3], (i64, i64)))| Period {
        cohort: Cohort { epoch: at as u32 + 1, hour: HOUR + at as u32 },
        shares: shares.to_vec(),
        arms: arms.iter().map(|&(n, s)| tally(n, s)).collect(),
        holdout: tally(holdout.0, holdout.1),
    };
    evidence.history = History::new(periods.iter().enumerate().map(period).collect()).unwrap();
    evidence.now_ms = u64::from(HOUR + 4000) * HOUR_MS;
    evidence
}

pub(super) const EVEN: &[u32] = &[32_768, 16_384, 16_384];

#[test]
fn a_series_has_what_was_counted_up_to_each_period() {
    let evidence = of_three(&[
        (EVEN, [(10, 1), (5, 2), (4, 0)], (3, 1)),
        (&[], [(20, 2), (7, 0), (0, 0)], (2, 0)),
        (EVEN, [(30, 4), (0, 0), (6, 3)], (0, 0)),
    ]);
    let series = evidence.series().unwrap();
    let first = &series.arms[0];
    assert_eq!((&first.exposures[..], &first.orders[..]), (&[10.0, 30.0, 60.0][..], &[1.0, 3.0, 7.0][..]));
    assert_eq!(series.arms[2].orders, [0.0, 0.0, 3.0]);
    let holdout = &series.holdout;
    assert_eq!((&holdout.exposures[..], &holdout.orders[..]), (&[3.0, 5.0, 5.0][..], &[1.0, 1.0, 1.0][..]));
    assert!(first.share[0] == 0.5 && first.share[1].is_nan() && first.share[2] == 0.5, "{:?}", first.share);
    assert!(holdout.share.is_empty());
    let courses = series.arms.iter().map(|arm| &arm.value).chain([&holdout.value]);
    for course in courses.chain([&series.gain_to_holdout, &series.gain_to_equal]) {
        assert_eq!([course.value.len(), course.low.len(), course.high.len()], [3; 3]);
    }
}

#[test]
fn the_allocations_of_an_hour_share_it_and_the_present_hour_ends_now() {
    let mut evidence = of_three(&[(EVEN, [(1, 0); 3], (0, 0)); 3]);
    let mut periods = evidence.history.periods().to_vec();
    periods[1].cohort.hour = HOUR;
    evidence.history = History::new(periods).unwrap();
    let (hour, half) = (HOUR_MS as f64, 0.5 * HOUR_MS as f64);
    let start = f64::from(HOUR) * hour;
    // The third period is that of the next hour but one, of which ten minutes are over.
    let third = start + 2.0 * hour;
    evidence.now_ms = third as u64 + 600_000;
    assert_eq!(evidence.ends(), [start + half, start + hour, third + 600_000.0]);
    assert_eq!(evidence.now_hours(), f64::from(HOUR) + 2.0 + 1.0 / 6.0);
    // A clock that is behind ends nothing before it began.
    evidence.now_ms = start as u64;
    assert_eq!(evidence.ends(), [start, start, third]);
}

#[test]
fn an_equal_split_is_of_the_arms_that_had_a_share() {
    let of = |shares: &'static [u32], counts: [(i64, i64); 2]| {
        let [first, second] = counts;
        let found = of_three(&[(shares, [first, second, (0, 0)], (0, 0)); 10]).series().unwrap();
        found.gain_to_equal.value[9]
    };
    assert_eq!(of(&[32_768, 32_768, 0], [(500, 50), (500, 100)]), 0.0);
    // Rates of 0.1 and 0.2, one of four units at the better arm: 10 000 units, each 0.125 less 0.15.
    let lost = of(&[49_152, 16_384, 0], [(750, 75), (250, 50)]);
    assert!((lost / -250.0 - 1.0).abs() < 1e-9, "{lost}");
}

#[test]
fn gains_are_known_from_ten_orders_on() {
    // Of all arms together where shares are compared with an equal split ...
    let to_equal = |orders: [i64; 3]| {
        let arms = [(400, orders[0]), (200, orders[1]), (200, orders[2])];
        of_three(&[(EVEN, arms, (0, 0))]).series().unwrap().gain_to_equal.value[0]
    };
    assert!(
        to_equal([3, 3, 3]).is_nan() && to_equal([3, 3, 4]).is_finite() && to_equal([0, 0, 10]).is_finite()
    );
    // ... and of either side where all are compared with the holdout.
    let to_holdout = |arms: i64, holdout: i64| {
        let counted = [(400, arms), (200, 0), (200, 0)];
        of_three(&[(EVEN, counted, (90, holdout))]).series().unwrap().gain_to_holdout.value[0]
    };
    assert!(to_holdout(100, 9).is_nan() && to_holdout(9, 30).is_nan() && to_holdout(10, 10).is_finite());
}

#[test]
fn the_curve_goes_through_all_prices_and_a_tenth_of_their_span_beyond() {
    let prices = |prices: [i64; 3], orders: [i64; 3]| {
        let mut evidence =
            of_three(&[(EVEN, [(400, orders[0]), (300, orders[1]), (200, orders[2])], (0, 0)); 4]);
        for (arm, price_minor) in evidence.experiment.arms.iter_mut().zip(prices) {
            arm.price_minor = price_minor;
        }
        (evidence.demand().unwrap(), evidence)
    };
    let (demand, evidence) = prices([1500, 1900, 2100], [80, 40, 20]);
    let rates: Vec<f64> = demand.points.iter().map(|point| point.rate).collect();
    assert_eq!(rates, [0.2, 40.0 / 300.0, 0.1]);
    let (curve, input) = (demand.curve.unwrap(), evidence.input().unwrap().unwrap());
    let fitted = DemandCurve::fit(input.arms());
    assert_eq!((curve.price_minor.len(), curve.price_minor[0], curve.price_minor[60]), (61, 1440.0, 2160.0));
    assert_eq!((curve.price_minor[30], curve.rate[30]), (1800.0, fitted.rate_at(1800)));
    assert_eq!((curve.low[30], curve.high[30]), fitted.interval_at(1800, 1.959_963_984_540_054));
    assert_eq!(curve.fit, fitted.fit);
    assert!(curve.fit > 0.1, "odds that fall evenly are a curve: {}", curve.fit);
    // A price is never below the smallest coin; and one price alone is no curve, however many arms have it.
    let (low, _) = prices([5, 1000, 2000], [80, 40, 20]);
    assert_eq!(low.curve.unwrap().price_minor[0], 1.0);
    assert!(prices([1900, 1900, 1900], [80, 40, 20]).0.curve.is_none());
    assert!(prices([1500, 1900, 1900], [0, 40, 20]).0.curve.is_none());
    assert!(prices([1500, 1900, 1900], [1, 40, 20]).0.curve.is_some());
}

/// What all units of the arms brought more than in the holdout, and than under an equal split, as a sum over periods: a unit
/// that was sent elsewhere scores the arm's mean so far, one that was sent there the same plus what it brought beyond,
/// over the chance to be sent.
fn gains(periods: &[Period], holdout: u32) -> [f64; 2] {
    let before = |at: usize, of: &dyn Fn(&Period) -> (f64, f64)| {
        let (n, s) = periods[..at].iter().map(of).fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if n > 0.0 { s / n } else { 0.0 }
    };
    let score = |at: usize, units: f64, share: f64, of: &dyn Fn(&Period) -> (f64, f64)| {
        let (mean, (n, s)) = (before(at, of), of(&periods[at]));
        units * mean + (s - n * mean) / share
    };
    let (mut to_holdout, mut to_equal) = (0.0, 0.0);
    for (at, period) in periods.iter().enumerate().filter(|(_, period)| !period.shares.is_empty()) {
        let all = |period: &Period| {
            period
                .arms
                .iter()
                .fold((0.0, 0.0), |sum, arm| (sum.0 + arm.exposures as f64, sum.1 + arm.conversions as f64))
        };
        let held = |period: &Period| (period.holdout.exposures as f64, period.holdout.conversions as f64);
        let of_arms = all(period).0;
        let q = f64::from(period.shares.get(3).copied().unwrap_or(holdout)) / f64::from(TOTAL);
        let units = of_arms + held(period).0;
        if units > 0.0 && q > 0.0 {
            to_holdout += (1.0 - q) * (score(at, units, 1.0 - q, &all) - score(at, units, q, &held));
        }
        let shared = period.shares[..3].iter().filter(|&&share| share > 0).count() as f64;
        for (arm, &share) in period.shares[..3].iter().enumerate().filter(|(_, share)| **share > 0) {
            let share = f64::from(share) / f64::from(TOTAL);
            let own =
                |period: &Period| (period.arms[arm].exposures as f64, period.arms[arm].conversions as f64);
            if of_arms > 0.0 {
                to_equal += (share - 1.0 / shared) * score(at, of_arms, share, &own);
            }
        }
    }
    [to_holdout, to_equal]
}

/// Counts of a period: of each arm and of the holdout, and which of the shares below it had.
type Drawn = ([(i64, f64); 4], usize);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    prop::collection::vec((prop::array::uniform4((0..400_i64, 0.0..1.0_f64)), 0..6_usize), 1..12)
}

fn history_of(drawn: &[Drawn]) -> Vec<Period> {
    const SHARES: [&[u32]; 6] = [
        &[],
        EVEN,
        &[65_536, 0, 0],
        &[60_000, 5_536, 0],
        &[1_311, 1_311, 62_914],
        &[20_000, 20_000, 25_536, 13_107],
    ];
    let of = |(at, (counts, shares)): (usize, &Drawn)| {
        let shares = SHARES[*shares];
        let has_share = |place: usize| shares.get(place).is_none_or(|&share| share > 0);
        let counted = |place: usize| {
            // Every third cell is empty, and an arm without share has nothing.
            let (n, part) = counts[place];
            let n = if n % 3 == 0 || !has_share(place) { 0 } else { n };
            tally(n, (n as f64 * part * 0.5) as i64)
        };
        Period {
            cohort: Cohort { epoch: at as u32 + 1, hour: HOUR + at as u32 },
            shares: shares.to_vec(),
            arms: (0..3).map(counted).collect(),
            holdout: counted(3),
        }
    };
    drawn.iter().enumerate().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Sums that go on from period to period are those that are made anew, whatever was counted: empty cells, unknown
    /// shares, arms without share, a holdout that grew.
    #[test]
    fn courses_are_what_is_estimated_anew_after_each_period(drawn in drawn(), holdout in prop_oneof![Just(0_u32), Just(6_554)]) {
        let periods = history_of(&drawn);
        let question =
            Question { objective: crate::Objective::Conversion, holdout_share: holdout, alpha: 0.05, narrowest_at: 1e3 };
        let courses = Courses::of(&periods, &question).unwrap();
        let choices = (0..3).map(Choice::Arm).chain([Choice::Holdout]);
        for (course, choice) in courses.arms.iter().chain([&courses.holdout]).zip(choices) {
            for at in 0..periods.len() {
                let point = [course.value[at], course.low[at], course.high[at]];
                let anew = value(&periods[..=at], &question, choice).unwrap();
                let anew = anew.map_or([f64::NAN; 3], |of| [of.value, of.at_any_look.low, of.at_any_look.high]);
                let is_same = point.iter().zip(anew).all(|(&one, other)| (one.is_nan() && other.is_nan()) || near(one, other));
                prop_assert!(is_same, "{:?} {}: {:?}, not {:?}", choice, at, point, anew);
            }
        }
        for at in 0..periods.len() {
            let [to_holdout, to_equal] = gains(&periods[..=at], holdout);
            for (course, sum) in [(&courses.gain_to_holdout, to_holdout), (&courses.gain_to_equal, to_equal)] {
                let given = course.value[at];
                prop_assert!(given.is_nan() || (given - sum).abs() <= 1e-6 * sum.abs().max(1.0), "{}: {}, not {}", at, given, sum);
                prop_assert!(given.is_nan() || course.low[at] <= given && given <= course.high[at]);
            }
        }
    }
}
