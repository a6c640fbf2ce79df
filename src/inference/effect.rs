//! What an exposure of an arm is worth, and how much more than one of another arm or of the holdout.
//!
//! Adaptively weighted augmented inverse-propensity estimates (Hadad, Hirshberg, Zhan, Wager and Athey 2021,
//! *Confidence intervals for policy evaluation in adaptive experiments*, doi:10.1073/pnas.2014602118). With their
//! letters: a unit of period t, sent to arm A with probability e_t, gives the score
//! `Γ = m + 1{A = w} / e_t (Y - m)` for arm w, where m is the arm's mean before t. A score is unbiased whatever the
//! rule that made e_t from the past. The estimate is the mean of the scores with the weights `h = √e_t`, which make
//! their variances alike, so that it is nearly normal although e_t went up and down by chance.
//!
//! A difference is estimated from the differences of the two scores of *one* unit, with one weight
//! `h = √(e e' / (e + e'))`: both arms are compared within the cohort, so a base rate that drifts for all arms alike
//! cannot pass for a difference between arms.
//!
//! All units of a period have the same e_t and m, so the sums of n, Y and Y² of the period are enough.

use super::stratum::{Side, Stratum, Widths, freedom};
use super::{Interval, check_holdout, served};
use crate::{Choice, Error, Experiment, Objective, Period, TOTAL, Tally};

/// Fewest conversions, and fewest exposures without, that each side of a comparison needs: below, a mean is not
/// nearly normal and its variance is not known. The rate's own interval ([`rate_sequence`](super::rate_sequence)) has
/// no such limit.
pub(super) const SETTLED: i64 = 10;

/// What is asked about the arms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// What an exposure is worth: 1 if it converted, its net revenue, or its net profit, as counted.
    pub objective: Objective,
    /// Share of units in the holdout, out of 65536; 0 where there is none. Less than 65536.
    pub holdout_share: u32,
    /// How often an interval may be wrong. Range: 1e-12 to 0.5; 0.05 for 95 %.
    pub alpha: f64,
    /// Units after which the any-look interval is narrowest; fixed before looking. More than 0.
    pub narrowest_at: f64,
}

impl Question {
    /// The experiment's own objective at 95 %, narrowest at its horizon, or else at 10 000 units.
    pub fn of(experiment: &Experiment) -> Self {
        Self {
            objective: experiment.objective,
            holdout_share: experiment.holdout_share(),
            alpha: 0.05,
            narrowest_at: experiment.horizon.map_or(10_000.0, |units| units as f64),
        }
    }
}

/// An estimate with its intervals, in the objective's unit per exposure (minor currency units, or conversions).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
    /// Holds with probability 1 - α at one look that was planned beforehand.
    pub at_one_look: Interval,
    /// Holds with probability 1 - α at all looks together.
    pub at_any_look: Interval,
    /// Exposures of all arms in the periods that were used.
    pub units: i64,
    /// Exposures of all arms in the periods that could not be used: shares unknown, or a side without share.
    pub left_out: i64,
}

/// An arm against what it is compared with; `None` where too little is known for an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Value of an exposure of the arm less that of the control; `None` for the control itself.
    pub to_control: Option<Estimate>,
    /// Value of an exposure of the arm less that of the holdout.
    pub to_holdout: Option<Estimate>,
}

/// Value of an exposure of one arm (or of the holdout), from `periods` in the order of time.
///
/// Over periods of unequal means it is their average with the weights `√e_t` times units. `None` until the arm has 10
/// conversions and 10 exposures without one.
///
/// ```
/// use haggle::inference::{Question, value};
/// use haggle::{Choice, Cohort, History, Objective, Period, Tally};
/// let counted = |exposures, conversions| Tally { exposures, conversions, ..Tally::default() };
/// let periods = (1..=20).map(|epoch| Period {
///     cohort: Cohort { epoch, hour: 480_000 + epoch },
///     shares: vec![16_384, 49_152],
///     arms: vec![counted(250, 25), counted(750, 50)],
///     holdout: Tally::default(),
/// });
/// let history = History::new(periods.collect())?;
/// let question = Question { objective: Objective::Conversion, holdout_share: 0, alpha: 0.05, narrowest_at: 1e4 };
/// let first = value(history.periods(), &question, Choice::Arm(0))?.ok_or("too little is known")?;
/// assert!((first.value - 0.1).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Counts or squares that no exposures can have, shares that do not sum to 65536, an `alpha` out of range, an arm that
/// is not there.
pub fn value(periods: &[Period], question: &Question, of: Choice) -> Result<Option<Estimate>, Error> {
    estimate(periods, question, &[of])
}

/// Value of an exposure of `of` less that of an exposure of `base`, from `periods` in the order of time.
///
/// Over periods of unequal differences it is their average with the weights `√(e e' / (e + e'))` times units. `None`
/// until each side has 10 conversions and 10 exposures without one, and where both are the same.
///
/// # Errors
/// As [`value`].
pub fn difference(
    periods: &[Period],
    question: &Question,
    of: Choice,
    base: Choice,
) -> Result<Option<Estimate>, Error> {
    if of == base {
        return Ok(None);
    }
    estimate(periods, question, &[of, base])
}

/// Every arm against the control and against the holdout, in the order of the arms.
///
/// # Errors
/// As [`value`].
pub fn differences(
    periods: &[Period],
    question: &Question,
    control: usize,
) -> Result<Vec<Difference>, Error> {
    let arms = periods.first().map_or(0, |period| period.arms.len());
    let against = |arm, base| difference(periods, question, Choice::Arm(arm), base);
    let of_arm = |arm| {
        Ok(Difference {
            to_control: against(arm, Choice::Arm(control))?,
            to_holdout: against(arm, Choice::Holdout)?,
        })
    };
    (0..arms).map(of_arm).collect()
}

fn estimate(periods: &[Period], question: &Question, choices: &[Choice]) -> Result<Option<Estimate>, Error> {
    let mut widths = Widths::new(question)?;
    let holdout = check_holdout(question.holdout_share)?;
    let asks_holdout = choices.contains(&Choice::Holdout);
    let mut before = vec![(0.0, 0.0); choices.len()];
    let (mut kept, mut units, mut left_out) = (Vec::new(), 0_i64, 0_i64);
    for period in periods {
        let served = served(period, holdout)?;
        let probability = |choice| match (choice, served) {
            (Choice::Arm(arm), Some((shares, holdout))) => {
                let share = f64::from(shares.get(arm).copied().unwrap_or(0)) / f64::from(TOTAL);
                if asks_holdout { share * (1.0 - holdout) } else { share }
            }
            (Choice::Holdout, Some((_, holdout))) => holdout,
            // Negative items are no units: nobody is sent to them.
            (Choice::Negative, _) | (_, None) => 0.0,
        };
        let mut sides = Vec::with_capacity(choices.len());
        for ((&choice, before), sign) in choices.iter().zip(&mut before).zip([1.0, -1.0]) {
            let tally = tally_of(period, choice)?;
            sides.push(question.worth(tally)?.side(sign, probability(choice), before));
        }
        let counted = period.arms.iter().chain(asks_holdout.then_some(&period.holdout));
        let exposures = counted.map(|tally| tally.exposures).fold(0, i64::saturating_add);
        if exposures > 0 && sides.iter().all(|side| side.e > 0.0) {
            units = units.saturating_add(exposures);
            kept.push((exposures, sides));
        } else {
            left_out = left_out.saturating_add(exposures);
        }
    }
    let strata: Vec<Stratum<'_>> =
        kept.iter().map(|(exposures, sides)| Stratum::new(*exposures, sides)).collect();
    let settled = |place| {
        let sides = strata.iter().filter_map(|stratum| stratum.sides.get(place));
        let counts = sides.map(|side: &Side| (side.conversions, side.without));
        let sum = counts.fold((0_i64, 0_i64), |a, b| (a.0.saturating_add(b.0), a.1.saturating_add(b.1)));
        sum.0.min(sum.1) >= SETTLED
    };
    if !(0..choices.len()).all(settled) {
        return Ok(None);
    }
    average(&strata, &mut widths, units, left_out)
}

/// The weighted mean of all scores; `None` where they do not vary, since their variance is then not known.
fn average(
    strata: &[Stratum<'_>],
    widths: &mut Widths,
    units: i64,
    left_out: i64,
) -> Result<Option<Estimate>, Error> {
    let weight: f64 = strata.iter().map(|stratum| stratum.h * stratum.units).sum();
    let value = strata.iter().map(|stratum| stratum.h * stratum.scores()).sum::<f64>() / weight;
    let squares: f64 = strata.iter().map(|stratum| stratum.h * stratum.h * stratum.squares(value)).sum();
    let se = squares.sqrt() / weight;
    Estimate::of((value, se, freedom(strata)), (units, left_out), widths)
}

fn tally_of(period: &Period, choice: Choice) -> Result<&Tally, Error> {
    let arm = match choice {
        Choice::Holdout => return Ok(&period.holdout),
        Choice::Arm(arm) => arm,
        Choice::Negative => period.arms.len(),
    };
    let missing = || Error::value("arm", arm, format!("below the number of arms, {}", period.arms.len()));
    period.arms.get(arm).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cohort, History};
    use proptest::prelude::*;

    const QUESTION: Question =
        Question { objective: Objective::Revenue, holdout_share: 0, alpha: 0.05, narrowest_at: 10_000.0 };

    /// One unit: the arm it was sent to (2 is the holdout), and its revenue.
    type Unit = (usize, i64);

    fn tally(units: &[Unit], arm: usize) -> Tally {
        let of_arm = units.iter().filter(|unit| unit.0 == arm);
        of_arm.fold(Tally::default(), |sum, unit| Tally {
            exposures: sum.exposures + 1,
            conversions: sum.conversions + i64::from(unit.1 > 0),
            revenue_minor: sum.revenue_minor + unit.1,
            revenue_sq: sum.revenue_sq + i128::from(unit.1 * unit.1),
            ..sum
        })
    }

    fn period(number: u32, share: u32, units: &[Unit]) -> Period {
        Period {
            cohort: Cohort { epoch: number, hour: number },
            shares: vec![share, TOTAL - share],
            arms: vec![tally(units, 0), tally(units, 1)],
            holdout: tally(units, 2),
        }
    }

    /// Two hundred units a period with revenues of 0, 700 or 1900, spread by a small generator of numbers.
    fn units(number: u32) -> Vec<Unit> {
        let mut state = u64::from(number) * 7919 + 1;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        (0..200).map(|_| (next(3) as usize, [0, 0, 700, 1900][next(4) as usize])).collect()
    }

    /// The formulas of the paper, unit by unit.
    fn slow(given: &[(u32, Vec<Unit>)], holdout: f64, of: usize, base: Option<usize>) -> (f64, f64) {
        let with_holdout = of == 2 || base == Some(2);
        let mut before = [(0.0, 0.0); 3];
        let mut scores = Vec::new();
        for (share, units) in given {
            let share = f64::from(*share) / f64::from(TOTAL);
            let among = if with_holdout { 1.0 - holdout } else { 1.0 };
            let e = [share * among, (1.0 - share) * among, holdout];
            let m = before.map(|(n, sum): (f64, f64)| if n > 0.0 { sum / n } else { 0.0 });
            let h = 1.0 / (1.0 / e[of] + base.map_or(0.0, |base| 1.0 / e[base])).sqrt();
            for &(arm, revenue) in units.iter().filter(|unit| with_holdout || unit.0 != 2) {
                let score = |side: usize| {
                    m[side] + if arm == side { (revenue as f64 - m[side]) / e[side] } else { 0.0 }
                };
                scores.push((h, score(of) - base.map_or(0.0, score)));
                before[arm] = (before[arm].0 + 1.0, before[arm].1 + revenue as f64);
            }
        }
        let weight: f64 = scores.iter().map(|(h, _)| h).sum();
        let value = scores.iter().map(|(h, score)| h * score).sum::<f64>() / weight;
        let squares: f64 =
            scores.iter().map(|(h, score)| (h * (score - value)) * (h * (score - value))).sum();
        (value, squares.sqrt() / weight)
    }

    #[test]
    fn sums_give_what_the_papers_formulas_give_unit_by_unit() {
        let given: Vec<(u32, Vec<Unit>)> =
            (0..12).map(|number| ([32_768, 60_000, 900][number as usize % 3], units(number))).collect();
        let periods: Vec<Period> =
            given.iter().enumerate().map(|(n, (share, units))| period(n as u32, *share, units)).collect();
        let question = Question { holdout_share: 6_554, ..QUESTION };
        let holdout = 6_554.0 / 65_536.0;
        let side = |place| if place == 2 { Choice::Holdout } else { Choice::Arm(place) };
        for (of, base) in [(0, None), (1, None), (2, None), (0, Some(1)), (1, Some(0)), (1, Some(2))] {
            let fast = match base {
                None => value(&periods, &question, side(of)),
                Some(base) => difference(&periods, &question, side(of), side(base)),
            };
            let (fast, slow) = (fast.unwrap().unwrap(), slow(&given, holdout, of, base));
            assert!((fast.value - slow.0).abs() < 1e-9, "{of} {base:?}: {} {}", fast.value, slow.0);
            assert!((fast.se / slow.1 - 1.0).abs() < 1e-9, "{of} {base:?}: {} {}", fast.se, slow.1);
            let quantile = 0.5 * fast.at_one_look.width() / fast.se;
            assert!(quantile > 1.961 && quantile < 2.0, "{quantile}");
            assert!(fast.at_any_look.width() > fast.at_one_look.width());
        }
    }

    #[test]
    fn periods_that_cannot_be_used_are_counted() {
        let mut periods: Vec<Period> = (0..12).map(|number| period(number, 32_768, &units(number))).collect();
        let all = value(&periods, &QUESTION, Choice::Arm(0)).unwrap().unwrap();
        assert_eq!(all.left_out, 0);
        periods[3].shares.clear();
        periods[4] = period(4, 0, &[(1, 700); 40]);
        let of = |choice| value(&periods, &QUESTION, choice).unwrap().unwrap();
        let unknown = periods[3].arms.iter().map(|tally| tally.exposures).sum::<i64>();
        assert_eq!((of(Choice::Arm(0)).left_out, of(Choice::Arm(1)).left_out), (unknown + 40, unknown));
    }

    #[test]
    fn too_little_gives_no_interval_and_the_impossible_is_refused() {
        let short = [period(1, 32_768, &units(1)[..30])];
        assert_eq!(value(&short, &QUESTION, Choice::Arm(0)).unwrap(), None);
        assert_eq!(value(&[], &QUESTION, Choice::Holdout).unwrap(), None);
        let long = [period(1, 32_768, &units(1))];
        assert_eq!(difference(&long, &QUESTION, Choice::Arm(0), Choice::Arm(0)).unwrap(), None);
        assert_eq!(difference(&long, &QUESTION, Choice::Arm(0), Choice::Holdout).unwrap(), None);
        let refusal = |periods: &[Period], question: &Question, arm| {
            value(periods, question, Choice::Arm(arm)).unwrap_err().to_string()
        };
        assert_eq!(refusal(&long, &QUESTION, 2), "arm is 2; it must be below the number of arms, 2");
        let holdout = Question { holdout_share: TOTAL, ..QUESTION };
        assert_eq!(refusal(&long, &holdout, 0), "share of the holdout is 65536; it must be less than 65536");
        let sometimes = Question { narrowest_at: f64::NAN, ..QUESTION };
        assert!(refusal(&long, &sometimes, 0).contains("a finite number above 0"));
        let mut squares = long;
        squares[0].arms[0].revenue_sq = 5;
        assert!(refusal(&squares, &QUESTION, 0).contains("sum of squares of a tally is 5"));
    }

    fn wild_tally() -> impl Strategy<Value = Tally> {
        let count = prop_oneof![0..30_i64, 0..100_000_i64, 0..=(1_i64 << 50)];
        (count, prop_oneof![Just(0.0), Just(1.0), 0.0..1.0_f64], -2000..2000_i64).prop_map(
            |(n, part, price)| {
                let conversions = ((n as f64 * part) as i64).min(n);
                let (revenue, square) = (i128::from(conversions * price.min(7)), i128::from(price * price));
                Tally {
                    exposures: n,
                    conversions,
                    revenue_minor: revenue as i64,
                    revenue_sq: i128::from(conversions) * square.max(49),
                    cost_minor: 0,
                    profit_sq: i128::from(conversions) * square.max(49),
                    ..Tally::default()
                }
            },
        )
    }

    proptest! {
        #[test]
        fn any_history_gives_finite_intervals_around_the_estimate_or_a_reason(
            given in prop::collection::vec(
                (prop_oneof![Just(0), Just(1), 0..=TOTAL], prop::array::uniform3(wild_tally()), any::<bool>()), 0..6,
            ),
            holdout_share in 0..TOTAL,
        ) {
            let periods = given.iter().map(|&(share, [first, second, holdout], known)| Period {
                cohort: Cohort { epoch: 1, hour: 1 },
                shares: if known { vec![share, TOTAL - share] } else { vec![] },
                arms: vec![first, second],
                holdout,
            });
            let history = History::new(periods.collect()).unwrap();
            for objective in [Objective::Conversion, Objective::Revenue, Objective::Profit] {
                let question = Question { objective, holdout_share, ..QUESTION };
                let found = differences(history.periods(), &question, 0).unwrap();
                let of = |choice| value(history.periods(), &question, choice).unwrap();
                let values = [of(Choice::Arm(0)), of(Choice::Arm(1)), of(Choice::Holdout)];
                let differences = found.iter().flat_map(|found| [found.to_control, found.to_holdout]);
                for estimate in differences.chain(values).flatten() {
                    for interval in [estimate.at_one_look, estimate.at_any_look] {
                        prop_assert!(interval.contains(estimate.value), "{:?}", estimate);
                        prop_assert!(interval.low.is_finite() && interval.high.is_finite(), "{:?}", estimate);
                    }
                }
            }
        }
    }
}
