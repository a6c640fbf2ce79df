//! Stage 6 of the loop: from what was counted to what a policy may look at.
//!
//! Out of scope: counting itself (`tally`, `ledger`) and what a policy makes of it (`policy`).

use crate::experiment::Arm;
use crate::policy::Stock;
use crate::{Allocation, ArmInput, Error, Experiment, PolicyInput, Posterior, Tally};

/// The policy's input from one tally per arm, in the order of the arms: every exposure counts in full.
///
/// ```
/// use haggle::{Experiment, Tally, evidence};
/// # let experiment = Experiment::from_json(include_str!("../tests/golden/sevilla.json"))?;
/// let counted = vec![Tally { exposures: 100, conversions: 20, ..Tally::default() }; experiment.arms.len()];
/// let input = evidence::pooled(&experiment, &counted)?;
/// assert_eq!(input.arms()[0].conversions, 20.0);
/// # Ok::<(), haggle::Error>(())
/// ```
///
/// # Errors
/// Another number of tallies than arms, a negative count, or more conversions than exposures.
pub fn pooled(experiment: &Experiment, tallies: &[Tally]) -> Result<PolicyInput, Error> {
    let arms = &experiment.arms;
    if tallies.len() != arms.len() {
        return Err(Error::value(
            "number of tallies",
            tallies.len(),
            format!("one for each of the {} arms", arms.len()),
        ));
    }
    let live = vec![true; arms.len()];
    let asked = experiment.policy.shares.clone().unwrap_or_else(|| vec![1.0; arms.len()]);
    let asked = Allocation::quantise(&asked, &live, 0);
    let inputs = arms.iter().zip(tallies).zip(asked.shares()).map(|((arm, tally), &fixed_share)| {
        Ok(ArmInput { fixed_share, ..arm_input(experiment, arm, tally)? })
    });
    let mut input = PolicyInput::new(inputs.collect::<Result<_, Error>>()?, experiment.floor_share())?;
    input.parameters.clone_from(&experiment.policy.parameters);
    input.horizon = experiment.horizon;
    if let (Some(pieces), Some(horizon)) = (experiment.stock, experiment.horizon) {
        let sold: i64 = tallies.iter().map(|tally| tally.units).sum();
        let (pieces, units) = ((pieces - sold).max(0) as f64, (horizon as f64 - input.exposures()).max(1.0));
        input.stock = Some(Stock { pieces, units });
    }
    Ok(input)
}

fn arm_input(experiment: &Experiment, arm: &Arm, tally: &Tally) -> Result<ArmInput, Error> {
    let count = |what: &str, n: i64| u64::try_from(n).map_err(|_| Error::value(what, n, "0 or more"));
    let (exposures, conversions) =
        (count("exposures", tally.exposures)?, count("conversions", tally.conversions)?);
    let posterior = Posterior::update(experiment.prior, exposures, conversions, experiment.value_minor(arm))?;
    Ok(ArmInput::new(posterior, arm.price_minor).counted(exposures as f64, conversions as f64))
}
