use super::*;
use crate::{Policy, Prior};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ARMS: [&str; 3] = ["list", "low", "high"];

fn sale(arm: usize, propensity: f64, reward: f64) -> Decided<'static> {
    Decided {
        arm: ARMS[arm],
        price_minor: Some([1900, 1700, 2300][arm]),
        value_minor: None,
        propensity,
        reward,
        converted: reward > 0.0,
        unit: Unit::Minor,
    }
}

/// A made log without chance: arm, propensity and sale follow from the number of the row.
fn made() -> Log {
    let mut log = Log::default();
    ARMS.iter().for_each(|name| assert!(log.arm(1, name).is_ok()));
    for n in 0..1200_usize {
        let arm = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2][7919 * n % 10];
        let sold = 104_729 * n % 100 < [20, 25, 10][arm];
        let reward = if sold { [1900.0, 1700.0, 2300.0][arm] } else { 0.0 };
        log.push(n + 1, &sale(arm, [32_768.0, 19_661.0, 13_107.0][arm] / 65_536.0, reward)).unwrap();
    }
    log
}

fn thompson(policy: Policy) -> Target {
    Target::Policy { choice: policy.name().parse().unwrap(), floor: 0.0, prior: Prior::default() }
}

/// Values and standard errors from an independent program (numpy 2, doubles).
#[test]
fn estimates_equal_those_of_an_independent_program() {
    let options = Options { clip: 1.5, ..Options::default() };
    for (target, expected, sample) in [
        (
            Target::Uniform,
            [
                ("ips", 316.666683650455, 21.76786761556351),
                ("snips", 316.666146732518, 21.791785420702404),
                ("clipped_ips", 308.99884712544286, 20.766863395146444),
                ("dm", 316.66666666666663, 21.68168994825693),
                ("dr", 317.35630674567824, 21.758192497196312),
            ],
            [1045.1562599826352, 1.0000016955331115, 0.011115969794705154],
        ),
        (
            Target::Arm("low".into()),
            [
                ("ips", 339.99654137632876, 38.86451113815401),
                ("snips", 340.0, 35.854089132678524),
                ("clipped_ips", 153.0, 17.489207919782544),
                ("dm", 340.0, 35.839146815241634),
                ("dr", 342.13830319173707, 36.01649341799638),
            ],
            [360.0, 0.9999898275774376, 0.04411379119998952],
        ),
    ] {
        let found = evaluate(&made(), &target, &options).unwrap();
        assert_eq!(found.refusals, Vec::<String>::new());
        let near =
            |given: f64, expected: f64| assert!((given / expected - 1.0).abs() < 1e-11, "{given} {expected}");
        for (name, value, se) in expected {
            let given = found.estimate(name).unwrap();
            near(given.value, value);
            near(given.se, se);
            near(given.high, value + 1.959_963_984_540_054 * se);
            // The width of the confidence sequence after 1200 rows, planned for 10 000.
            near(given.sequence_low, value - se * 1200.0_f64.sqrt() * 0.10667052430586803);
        }
        near(found.effective_sample_size, sample[0]);
        near(found.mean_weight, sample[1]);
        near(found.mean_weight_se, sample[2]);
    }
}

#[test]
fn the_logged_policy_is_worth_what_it_earned() {
    let found = evaluate(&made(), &Target::Logged, &Options::default()).unwrap();
    let values: Vec<f64> = found.estimates.iter().map(|estimate| estimate.value).collect();
    assert_eq!(values, [found.logged.value; 3]);
    assert_eq!((found.effective_sample_size, found.mean_weight), (1200.0, 1.0));
    assert!(found.refusals.is_empty());
}

/// 600 logs of 1000 rows. A 95 % interval that holds fails to cover in 30 of them, with a standard deviation of 5.3: the
/// bounds are 4 of these, so each of the three is missed with probability 6e-5. The mean of 600 estimates is within
/// 4 standard errors of the truth but for 6e-5.
#[test]
fn intervals_cover_the_true_value_as_often_as_they_say() {
    let (propensities, rates) = ([0.6, 0.3, 0.1], [0.10, 0.15, 0.30]);
    let truth = rates.iter().sum::<f64>() / 3.0;
    let mut random = ChaCha8Rng::seed_from_u64(20_261_123);
    let mut found = [("ips", 0, 0.0, 0.0), ("snips", 0, 0.0, 0.0), ("dr", 0, 0.0, 0.0)];
    for _ in 0..600 {
        let mut log = Log::default();
        for line in 1..=1000 {
            let (u, v): (f64, f64) = (random.random(), random.random());
            let arm = usize::from(u >= 0.6) + usize::from(u >= 0.9);
            log.push(line, &sale(arm, propensities[arm], f64::from(u8::from(v < rates[arm])))).unwrap();
        }
        let evaluation = evaluate(&log, &Target::Uniform, &Options::default()).unwrap();
        for (name, missed, sum, squares) in &mut found {
            let estimate = evaluation.estimate(name).unwrap();
            *missed += i32::from(!(estimate.low..=estimate.high).contains(&truth));
            *sum += estimate.value - truth;
            *squares += estimate.se * estimate.se;
        }
    }
    for (name, missed, sum, squares) in found {
        assert!((9..=51).contains(&missed), "{name}: {missed} of 600 intervals missed");
        assert!(sum.abs() < 4.0 * f64::sqrt(squares), "{name}: bias {}", sum / 600.0);
    }
}

#[test]
fn a_policy_sees_the_rows_before_its_batch_and_no_other() {
    let options = Options { batch: 400, ..Options::default() };
    let shares = |log: &Log| thompson(Policy::Thompson).shares(log, options.batch).unwrap().of_batch.unwrap();
    let (log, mut other) = (made(), Log::default());
    ARMS.iter().for_each(|name| assert!(other.arm(1, name).is_ok()));
    for (n, row) in log.rows().iter().enumerate() {
        // From row 400 on, only the high price sells.
        let reward = if n < 400 { row.reward } else { f64::from(u8::from(row.arm == 2)) * 2300.0 };
        other.push(n + 1, &sale(row.arm as usize, row.propensity, reward)).unwrap();
    }
    let (one, two) = (shares(&log), shares(&other));
    // The prior alone: values uniform on [0, price], so the dearest is best most often, whatever is in the log.
    assert_eq!(one[0], two[0]);
    assert!(one[0][2] > one[0][0] && one[0][0] > one[0][1]);
    assert_eq!(one[1], two[1]);
    assert!(two[2][2] > 0.99 && one[2][2] < 0.99, "{one:?} {two:?}");
    let mean = evaluate(&log, &thompson(Policy::Thompson), &options).unwrap().shares;
    for (arm, mean) in mean.iter().enumerate() {
        assert!((mean - one.iter().map(|shares| shares[arm]).sum::<f64>() / 3.0).abs() < 1e-12);
    }
}

#[test]
fn a_policy_decides_by_the_tallies_of_the_rows_before() {
    let options = Options { batch: 1000, ..Options::default() };
    let log = made();
    let given = thompson(Policy::Thompson).shares(&log, options.batch).unwrap().of_batch.unwrap();
    let arms = (0..3).map(|arm| {
        let rows = || log.rows()[..1000].iter().filter(move |row| row.arm == arm);
        let (n, s) = (rows().count() as u64, rows().filter(|row| row.converted).count() as u64);
        let price = [1900, 1700, 2300][arm as usize];
        crate::ArmInput::new(crate::Posterior::update(Prior::default(), n, s, price).unwrap(), price)
            .counted(n as f64, s as f64)
    });
    let input = crate::PolicyInput::new(arms.collect(), 0).unwrap();
    let expected = Policy::Thompson.allocate(&input);
    let expected: Vec<f64> = expected.shares().iter().map(|&share| f64::from(share) / 65_536.0).collect();
    assert_eq!(given[1], expected);
}

#[test]
fn what_should_not_be_believed_is_refused_with_its_reason() {
    let log_of = |rows: usize, propensity: f64| {
        let mut log = Log::default();
        (0..rows).for_each(|n| log.push(n + 1, &sale(n % 2, propensity, 1.0)).unwrap());
        log
    };
    let refusals =
        |log: &Log, target| evaluate(log, &target, &Options::default()).unwrap().refusals.join("; ");
    let low = || Target::Arm("low".into());
    assert_eq!(refusals(&log_of(400, 0.5), low()), "");
    assert!(refusals(&log_of(100, 0.5), low()).starts_with("effective sample size is 50.0 of 100 rows"));
    // Half of the rows, but logged as a quarter.
    assert!(refusals(&log_of(400, 0.25), low()).starts_with("mean weight is 2.0000; it must be within 0.3"));
    // Weights that do not vary must be 1.
    assert!(refusals(&log_of(400, 0.4), Target::Uniform).contains("mean weight is 1.25"));
    let mut untried = log_of(400, 0.5);
    untried.arm(1, "high").unwrap();
    let why = refusals(&untried, Target::Uniform);
    assert!(why.contains("arm high has 33.3 % of the target and no row in the log"), "{why}");
}

#[test]
fn what_cannot_be_evaluated_is_refused_with_what_is_allowed() {
    let error = |log: &Log, target: Target, options: Options| {
        evaluate(log, &target, &options).unwrap_err().to_string()
    };
    let good = Options::default();
    for (options, why) in [
        (Options { clip: 0.5, ..good }, "clip is 0.5; it must be a number from 1 to 1000000"),
        (Options { clip: f64::NAN, ..good }, "clip is NaN"),
        (Options { folds: 1, ..good }, "folds is 1; it must be a number from 2 to 20"),
        (Options { batch: 0, ..good }, "batch is 0"),
        (Options { planned_rows: f64::INFINITY, ..good }, "planned rows"),
    ] {
        assert!(error(&made(), Target::Uniform, options).contains(why), "{why}");
    }
    assert!(error(&Log::default(), Target::Logged, good).contains("is 0; it must be at least 2"));
    assert!(error(&made(), Target::Arm("lo".into()), good).contains("one of list, low, high"));
    assert!(error(&made(), thompson(Policy::InventoryThompson), good).contains("simulate"));
    let mut unpriced = Log::default();
    for line in 1..=2 {
        unpriced.push(line, &Decided { price_minor: None, ..sale(line - 1, 0.5, 1.0) }).unwrap();
    }
    let why = error(&unpriced, thompson(Policy::MonotoneThompson), good);
    assert!(why.contains("price_minor of arm list is missing"), "{why}");
    let mut equal = Log::default();
    for line in 1..=2 {
        equal.push(line, &Decided { price_minor: Some(5), ..sale(line - 1, 0.5, 1.0) }).unwrap();
    }
    assert!(
        error(&equal, thompson(Policy::DemandThompson), good)
            .contains("5 in both list and low; it must be different")
    );
}

const LINE: &str = r#"{"experiment":"sevilla","epoch":7,"unit":"3f2a","at_ms":1700000000000,"arms":["list","low"],"shares":[40000,25536],"arm":"low","propensity":25536,"price_minor":1750,"value_minor":950,"conversion":1,"reward_minor":950}"#;

#[test]
fn a_line_of_haggles_own_log_is_read() {
    let mut log = Log::default();
    log.read_haggle(1, LINE).unwrap();
    log.read_haggle(2, " ").unwrap();
    log.read_haggle(3, r#"{"arm":"low","propensity":null,"conversion":1}"#).unwrap();
    log.read_haggle(4, r#"{"arm":"holdout","propensity":6554,"conversion":0}"#).unwrap();
    assert_eq!((log.len(), log.skipped(), log.unit()), (1, 2, Unit::Minor));
    assert_eq!(log.arms().iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>(), ["list", "low"]);
    assert_eq!((log.arms()[1].price_minor, log.arms()[1].value_minor), (Some(1750), Some(950)));
    let row = log.rows()[0];
    assert_eq!((row.arm, row.propensity, row.reward, row.converted), (1, 25536.0 / 65536.0, 950.0, true));
}

#[test]
fn each_wrong_line_is_named_with_what_was_given_and_what_is_allowed() {
    for (from, to, why) in [
        (
            "25536,\"price",
            "0,\"price",
            "line 9: propensity is 0; it must be an integer share from 1 to 65536",
        ),
        ("25536,\"price", "0.39,\"price", "line 9: propensity is 0.39; it must be an integer share"),
        ("25536,\"price", "65537,\"price", "propensity is 65537"),
        ("25536,\"price", "25537,\"price", "the published share of arm low, 25536"),
        ("\"propensity\":25536,", "", "propensity is missing; it must be a share from 1 to 65536, or null"),
        ("40000", "40001", "sum of shares is 65537; it must be 65536"),
        ("[40000,25536]", "[65536]", "number of shares is 1; it must be 2 as of arms"),
        ("\"arms\":[\"list\",\"low\"],", "", "shares is a list; it must be left out where there are no arms"),
        ("\"arm\":\"low\"", "\"arm\":\"lo\"", "arm is \"lo\"; it must be one of list, low"),
        ("\"conversion\":1", "\"conversion\":2", "conversion is 2; it must be 0 or 1"),
        ("\"conversion\":1,\"reward_minor\":950", "\"unit\":\"u\"", "line 9: expected"),
        (",\"conversion\":1,\"reward_minor\":950", "", "conversion is missing; it must be 0 or 1 where"),
        ("\"reward_minor\":950", "\"reward_minor\":9.5", "reward_minor is 9.5; it must be an integer"),
        ("\"price_minor\":1750", "\"price_minor\":0", "line 9: price_minor of arm low is 0"),
        ("\"epoch\":7", "\"epoch\":-7", "epoch is -7"),
        ("\"epoch\"", "\"epok\"", "field epok is not known; it must be one of experiment, epoch"),
        ("{\"exp", "{exp", "line 9: expected"),
    ] {
        let text = LINE.replacen(from, to, 1);
        assert_ne!(text, LINE);
        let error = Log::default().read_haggle(9, &text).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("line 9"), "{to}: {error}");
    }
    let mut log = Log::default();
    log.read_haggle(1, LINE).unwrap();
    for (from, to, why) in [
        ("sevilla", "malaga", "experiment is \"malaga\"; it must be \"sevilla\" as in the lines before"),
        ("1750", "1751", "price_minor of arm low is 1751; it must be 1750 as in the lines before"),
        (",\"reward_minor\":950", "", "unit of the reward is conversions; it must be minor units"),
    ] {
        let error = log.read_haggle(2, &LINE.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.starts_with("line 2: ") && error.contains(why), "{error}");
    }
}

/// The line that Vowpal Wabbit 9.11 accepts.
const DSJSON: &str = r#"{"_label_cost":-9,"_label_probability":0.2,"_label_Action":1,"_labelIndex":0,"o":[{"v":9,"EventId":"e0","ActionTaken":false}],"Timestamp":"2026-01-01T00:00:00.0000000Z","Version":"1","EventId":"e0","a":[1,2,3],"p":[0.2,0.5,0.3],"c":{"GUser":{"country":"DE"},"_multi":[{"TAction":{"price":"9"}},{"TAction":{"price":"12"}},{"TAction":{"price":"15"}}]},"VWState":{"m":"exp1/epoch7"}}"#;

#[test]
fn a_line_of_vowpal_wabbit_is_read() {
    let mut log = Log::default();
    log.read_dsjson(1, DSJSON).unwrap();
    log.read_dsjson(2, &DSJSON.replacen('{', "{\"_skipLearn\":true,", 1)).unwrap();
    let second = DSJSON.replace("Action\":1,\"_labelIndex\":0", "Action\":2,\"_labelIndex\":1");
    log.read_dsjson(3, &second.replace("ability\":0.2", "ability\":0.5").replace(":-9", ":1.5")).unwrap();
    assert_eq!((log.len(), log.skipped(), log.arms().len(), log.unit()), (2, 1, 3, Unit::Reward));
    let rows = log.rows();
    assert_eq!((rows[0].arm, rows[0].propensity, rows[0].reward, rows[0].converted), (0, 0.2, 9.0, true));
    assert_eq!((rows[1].arm, rows[1].propensity, rows[1].reward, rows[1].converted), (1, 0.5, -1.5, false));
    for (from, to, why) in [
        ("\"_label_probability\":0.2,", "", "line 9: _label_probability is missing; it must be a number"),
        ("ability\":0.2", "ability\":0.25", "that of action 1 in the lists a and p"),
        ("ability\":0.2,", "ability\":0,", "that of action 1"),
        ("\"_labelIndex\":0", "\"_labelIndex\":-1", "_labelIndex is -1; it must be the number of an action"),
        ("cost\":-9", "cost\":\"-9\"", "_label_cost is \"-9\"; it must be a number"),
        ("[1,2,3]", "[1,2,\"x\"]", "line 9: a is \"x\""),
    ] {
        let error = log.read_dsjson(9, &DSJSON.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let bare = r#"{"_label_cost":0,"_label_probability":0,"_labelIndex":0}"#;
    let error = log.read_dsjson(4, bare).unwrap_err().to_string();
    assert!(error.contains("line 4: propensity is 0; it must be a probability above 0"), "{error}");
}

#[test]
fn the_format_is_seen_in_the_first_line() {
    for (first, format) in
        [(LINE, Format::Haggle), (DSJSON, Format::Dsjson), ("timestamp,item_id,click", Format::Csv)]
    {
        assert_eq!(Format::detect(first), format);
    }
}

proptest! {
    /// Also lines that are nearly right: one piece of a good line cut out and something put in its place.
    #[test]
    fn any_line_is_read_or_refused_with_its_number(
        text in ".{0,60}", at in 0..400_usize, cut in 0..12_usize, with in r#"[\[\]{}:,"0-9eE.a-z-]{0,4}"#,
    ) {
        for line in [LINE, DSJSON] {
            let from = at.min(line.len());
            let near = format!("{}{with}{}", &line[..from], &line[(from + cut).min(line.len())..]);
            for text in [text.as_str(), near.as_str()] {
                let mut log = Log::default();
                for read in [log.read_haggle(3, text), Log::default().read_dsjson(3, text)] {
                    if let Err(error) = read {
                        prop_assert!(error.to_string().contains("line 3"), "{}", error);
                    }
                }
            }
        }
    }

    #[test]
    fn any_log_has_estimates_or_an_error(
        rows in prop::collection::vec((0..3_usize, 1e-6..=1.0_f64, -1e12..=1e12_f64), 0..40),
    ) {
        let mut log = Log::default();
        for (line, (arm, propensity, reward)) in rows.iter().enumerate() {
            log.push(line, &sale(*arm, *propensity, *reward)).unwrap();
        }
        for target in [Target::Logged, Target::Uniform, thompson(Policy::Thompson)] {
            match evaluate(&log, &target, &Options { batch: 7, ..Options::default() }) {
                Ok(found) => for estimate in &found.estimates {
                    prop_assert!(estimate.value.is_finite() && estimate.se >= 0.0, "{:?}", estimate);
                },
                Err(_) => prop_assert!(log.len() < 2 || log.arms().len() < 2),
            }
        }
    }
}
