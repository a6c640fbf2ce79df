//! What a policy may look at: the arms with what is believed and counted of each, and what is known of the whole.
//!
//! In scope: bounds of every number, so that no policy meets one it cannot work with. Out of scope: where the numbers
//! come from (`evidence`) and what a policy makes of them.

use super::Policy;
use crate::error::decimal;
use crate::money::PRICE_MINOR_MAX;
use crate::{Error, Posterior, TOTAL};

/// Most exposures of an arm: up to here every count is a whole number in an `f64`.
const EXPOSURES_MAX: f64 = 1e15;
/// Greatest importance-weighted sum of losses of an arm.
const LOSS_MAX: f64 = 1e17;

/// Most arms of one experiment.
pub const ARMS_MAX: usize = 64;

/// What a policy may know about one arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmInput {
    /// What is believed about the value of an exposure: prior plus evidence.
    pub posterior: Posterior,
    /// Exposures, without the prior; a fraction where they were weighted (by delay, discount or window). 0 to 1e15.
    pub exposures: f64,
    /// Of these, exposures that converted. `[0, exposures]`.
    pub conversions: f64,
    /// Price of one unit. Unit: minor currency units. Range: 1 to 1 000 000 000.
    pub price_minor: i64,
    /// Importance-weighted sum of losses, for the policies that learn from it; else 0. Range: 0 to 1e17.
    pub loss: f64,
    /// Whether units may be sent to the arm.
    pub live: bool,
    /// It was added while the experiment ran and hardly anything is known of it: a live one gets the floor, and no more,
    /// whatever the policy is.
    pub entering: bool,
    /// The share that the experiment file asks for, used by [`Policy::Fixed`] only.
    ///
    /// Unit: 1/65536. Any value: only the proportions between live arms count.
    pub fixed_share: u32,
}

impl ArmInput {
    /// A live arm of which nothing is known but its posterior and its price.
    pub fn new(posterior: Posterior, price_minor: i64) -> Self {
        Self {
            posterior,
            exposures: 0.0,
            conversions: 0.0,
            price_minor,
            loss: 0.0,
            live: true,
            entering: false,
            fixed_share: 0,
        }
    }

    /// The same arm with what was counted.
    pub fn counted(self, exposures: f64, conversions: f64) -> Self {
        Self { exposures, conversions, ..self }
    }

    fn check(&self) -> Result<(), Error> {
        let within = |what: &str, given: f64, most: f64| {
            if (0.0..=most).contains(&given) {
                return Ok(());
            }
            Err(Error::value(what, decimal(given), format!("a number from 0 to {}", decimal(most))))
        };
        within("exposures of an arm", self.exposures, EXPOSURES_MAX)?;
        within("conversions of an arm", self.conversions, self.exposures)?;
        within("loss of an arm", self.loss, LOSS_MAX)?;
        if !(1..=PRICE_MINOR_MAX).contains(&self.price_minor) {
            let allowed = format!("from 1 to {PRICE_MINOR_MAX} minor units");
            return Err(Error::value("price of an arm", self.price_minor, allowed));
        }
        Ok(())
    }
}

/// What is left to sell, and to how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stock {
    /// Pieces left. 0 or more.
    pub pieces: f64,
    /// Units (visitors) that are still to come. More than 0.
    pub units: f64,
}

/// Belief about the arms' log-odds relative to each other, from comparisons within cohorts: a normal distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// Mean of each arm's log-odds of conversion, at the base rate of today.
    pub mean: Vec<f64>,
    /// Lower triangle of the Cholesky factor of their covariance, row by row: K (K + 1) / 2 numbers.
    pub factor: Vec<f64>,
}

/// All that a policy may look at.
///
/// Has 1 to 64 arms, at least one of them live, and a floor that the live arms can have all at once.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyInput {
    pub(super) arms: Vec<ArmInput>,
    floor: u32,
    /// The policy's parameters in the order of [`Policy::parameters`]; what is missing has its default.
    pub(crate) parameters: Vec<f64>,
    /// Units that the experiment is expected to have in all, where that is known.
    pub horizon: Option<u64>,
    /// What is left to sell, where that is known.
    pub stock: Option<Stock>,
    /// Comparisons within cohorts, where the policy looks at them.
    pub contrast: Option<Contrast>,
}

impl PolicyInput {
    /// The input with these arms; `floor` is the least share of a live arm, out of 65536.
    ///
    /// # Errors
    /// [`Error::value`] where there is no arm, more than 64 arms or no live arm, where the floors of the live arms add
    /// up to more than 65536, and where a number of an arm is out of its range: exposures (0 to 1e15), conversions (0
    /// to the exposures), loss (0 to 1e17) or price (1 to 1e9). NaN is in no range.
    pub fn new(arms: Vec<ArmInput>, floor: u32) -> Result<Self, Error> {
        if !(1..=ARMS_MAX).contains(&arms.len()) {
            return Err(Error::value("number of arms", arms.len(), format!("from 1 to {ARMS_MAX}")));
        }
        arms.iter().try_for_each(ArmInput::check)?;
        let live: u32 = arms.iter().map(|arm| u32::from(arm.live)).sum();
        let Some(floor_max) = TOTAL.checked_div(live) else {
            return Err(Error::value("number of live arms", live, "at least 1"));
        };
        if floor > floor_max {
            let allowed = format!("at most {floor_max} of {TOTAL} with {live} live arms");
            return Err(Error::value("floor", floor, allowed));
        }
        Ok(Self { arms, floor, parameters: Vec::new(), horizon: None, stock: None, contrast: None })
    }

    /// The same input with the parameters of `policy`, in the order of [`Policy::parameters`]; those left out at the
    /// end have their defaults.
    ///
    /// ```
    /// # use haggle::{ArmInput, Policy, PolicyInput, Posterior};
    /// let arm = ArmInput::new(Posterior::new(1.0, 1.0, 1900)?, 1900);
    /// let input = PolicyInput::new(vec![arm; 2], 0)?;
    /// assert!(input.clone().with_parameters(Policy::Softmax, vec![0.2]).is_ok());
    /// let error = input.with_parameters(Policy::Softmax, vec![0.0]).unwrap_err();
    /// assert_eq!(error.to_string(), "parameter temperature of softmax is 0; it must be a number from 0.001 to 1000");
    /// # Ok::<(), haggle::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::value`] where a parameter is out of its range, or where there are more than the policy has.
    pub fn with_parameters(self, policy: Policy, parameters: Vec<f64>) -> Result<Self, Error> {
        let known = policy.parameters();
        if parameters.len() > known.len() {
            let (what, allowed) = (format!("number of parameters of {}", policy.name()), known.len());
            return Err(Error::value(what, parameters.len(), format!("at most {allowed}")));
        }
        for (parameter, &given) in known.iter().zip(&parameters) {
            if !(parameter.least..=parameter.most).contains(&given) {
                let what = format!("parameter {} of {}", parameter.name, policy.name());
                let (least, most) = (decimal(parameter.least), decimal(parameter.most));
                return Err(Error::value(what, decimal(given), format!("a number from {least} to {most}")));
            }
        }
        Ok(Self { parameters, ..self })
    }

    /// The policy's parameters in the order of [`Policy::parameters`]; what is missing has its default.
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    /// The arms, in the order of the experiment. 1 to 64 of them.
    pub fn arms(&self) -> &[ArmInput] {
        &self.arms
    }

    /// The arms, to be brought up to date one by one where units learn from each other at once (`simulate`).
    pub(crate) fn arms_mut(&mut self) -> &mut [ArmInput] {
        &mut self.arms
    }

    /// Least share of a live arm. Unit: 1/65536. Range: 0 to 65536 over the number of live arms.
    pub fn floor(&self) -> u32 {
        self.floor
    }

    /// The live arms, in the order of the experiment.
    pub fn live(&self) -> impl Iterator<Item = &ArmInput> + Clone {
        self.arms.iter().filter(|arm| arm.live)
    }

    /// Exposures of all live arms: how long the policy has learned.
    pub fn exposures(&self) -> f64 {
        self.live().map(|arm| arm.exposures).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(exposures: f64, conversions: f64) -> ArmInput {
        ArmInput::new(Posterior::new(1.0, 1.0, 1900).unwrap(), 1900).counted(exposures, conversions)
    }

    #[test]
    fn inputs_that_no_allocation_can_satisfy_are_refused() {
        let text = |arms: Vec<ArmInput>, floor| PolicyInput::new(arms, floor).unwrap_err().to_string();
        let live = arm(0.0, 0.0);
        assert_eq!(text(vec![], 0), "number of arms is 0; it must be from 1 to 64");
        assert_eq!(text(vec![live; 65], 0), "number of arms is 65; it must be from 1 to 64");
        let dead = ArmInput { live: false, ..live };
        assert_eq!(text(vec![dead], 0), "number of live arms is 0; it must be at least 1");
        let expected = "floor is 21846; it must be at most 21845 of 65536 with 3 live arms";
        assert_eq!(text(vec![live, live, live, dead], 21_846), expected);
        assert!(PolicyInput::new(vec![live; 64], 1024).is_ok());
    }

    #[test]
    fn numbers_that_no_count_can_be_are_refused() {
        let text = |arm| PolicyInput::new(vec![arm], 0).unwrap_err().to_string();
        assert_eq!(
            text(arm(-1.0, 0.0)),
            "exposures of an arm is -1; it must be a number from 0 to 1000000000000000"
        );
        assert!(text(arm(f64::NAN, 0.0)).contains("exposures of an arm is NaN"));
        assert!(text(arm(1.1e15, 0.0)).contains("exposures"));
        assert_eq!(text(arm(2.0, 2.5)), "conversions of an arm is 2.5; it must be a number from 0 to 2");
        assert!(text(arm(2.0, f64::NAN)).contains("conversions of an arm is NaN"));
        assert!(text(arm(2.0, -0.5)).contains("conversions of an arm is -0.5"));
        for loss in [-1.0, f64::NAN, f64::INFINITY, 1.1e17] {
            assert!(text(ArmInput { loss, ..arm(2.0, 1.0) }).contains("loss of an arm"), "{loss}");
        }
        for price_minor in [0, -1, i64::MIN, PRICE_MINOR_MAX + 1] {
            let error = text(ArmInput { price_minor, ..arm(2.0, 1.0) });
            assert!(error.contains("it must be from 1 to 1000000000 minor units"), "{error}");
        }
        let most = ArmInput { loss: LOSS_MAX, price_minor: PRICE_MINOR_MAX, ..arm(1e15, 1e15) };
        assert!(PolicyInput::new(vec![most], 0).is_ok());
    }

    #[test]
    fn absurd_parameters_are_refused_and_missing_ones_have_their_default() {
        let input = PolicyInput::new(vec![arm(0.0, 0.0)], 0).unwrap();
        for policy in Policy::ALL {
            let known = policy.parameters();
            let with = |values: Vec<f64>| input.clone().with_parameters(policy, values);
            assert!(known.len() <= crate::policy::PARAMETERS_MAX);
            assert!(with(known.iter().map(|parameter| parameter.default).collect()).is_ok());
            assert!(with(known.iter().map(|parameter| parameter.least).collect()).is_ok());
            assert!(with(known.iter().map(|parameter| parameter.most).collect()).is_ok());
            assert!(with(vec![1.0; known.len() + 1]).is_err());
            for (place, parameter) in known.iter().enumerate() {
                assert_eq!(policy.parameter(&input, place), parameter.default);
                let beyond = [f64::NAN, f64::INFINITY, -1e300, parameter.least - 1e-3, parameter.most * 1.01];
                for bad in beyond {
                    let mut values: Vec<f64> = known.iter().map(|parameter| parameter.default).collect();
                    values[place] = bad;
                    let error = with(values).unwrap_err().to_string();
                    assert!(error.contains(parameter.name) && error.contains(policy.name()), "{error}");
                }
            }
        }
    }
}
