//! The experiment that tallies or a log stand for where there is no experiment file: only what decides is in it.

use crate::evidence;
use crate::experiment::{Arm, HOLDOUT, Item, check_policy};
use crate::money::PRICE_MINOR_MAX;
use crate::money::Tax;
use crate::policy::ARMS_MAX;
use crate::{
    Currency, Delays, Error, Experiment, History, Objective, PolicyChoice, PolicyInput, Prior, RewardModel,
};

/// An arm, what it costs to buy and what it is worth to sell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its name. 1 to 200 characters.
    pub name: String,
    /// Price of one unit. 1 to 1 000 000 000 minor units.
    pub price_minor: i64,
    /// Value of a conversion in money, its price or its margin. 1 to 1 000 000 000 minor units. Under the objective
    /// conversion it is not looked at.
    pub value_minor: i64,
}

/// An experiment in outline: what has a say in its shares, and no more.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    /// What is maximised.
    pub objective: Objective,
    /// The arms. 2 to 64, with different names.
    pub offers: Vec<Offer>,
    /// How the posterior becomes an allocation.
    pub policy: PolicyChoice,
    /// Least share of an arm. 0 to one over the number of arms.
    pub floor: f64,
    /// Belief about every arm's conversion rate before any tally.
    pub prior: Prior,
    /// What an exposure is taken to be worth.
    pub reward_model: RewardModel,
    /// Units to be expected in all.
    pub horizon: Option<u64>,
    /// Pieces that may be sold in all.
    pub stock: Option<i64>,
}

impl Sketch {
    /// The experiment.
    ///
    /// # Errors
    /// Another number of arms than 2 to 64, prices or values out of range, two arms of one name, equal prices
    /// for a policy that goes by them, a floor beyond an equal share, and what the policy needs but is not there.
    pub fn experiment(&self) -> Result<Experiment, Error> {
        check_offers(self)?;
        let arm = |offer: &Offer| Arm {
            cost_minor: Some(offer.price_minor - offer.value_minor),
            ..Arm::at(&offer.name, offer.price_minor)
        };
        let none = Item {
            sku: String::new(),
            price_minor: 1,
            cost_minor: None,
            tax: Tax::default(),
            compare_at_minor: None,
        };
        let experiment = Experiment {
            name: "tallies".into(),
            objective: self.objective,
            // ISO 4217's code for no currency.
            currency: Currency::from_bytes(*b"XXX")?,
            floor: self.floor,
            policy: self.policy.clone(),
            prior: self.prior,
            reward_model: self.reward_model,
            horizon: self.horizon,
            stock: self.stock,
            ..Experiment::plain(none, self.offers.iter().map(arm).collect())
        };
        check_policy(&experiment)?;
        Ok(experiment)
    }

    /// What the policy may look at, where every exposure of the history counts in full.
    ///
    /// # Errors
    /// Those of [`Sketch::experiment`], and a history of other arms.
    pub fn input(&self, history: &History) -> Result<PolicyInput, Error> {
        evidence::policy_input(&self.experiment()?, history, &Delays::default(), f64::from(u32::MAX))
    }
}

fn check_offers(sketch: &Sketch) -> Result<(), Error> {
    let offers = &sketch.offers;
    if !(2..=ARMS_MAX).contains(&offers.len()) {
        return Err(Error::value("number of arms", offers.len(), format!("2 to {ARMS_MAX}")));
    }
    if !(0.0..=1.0 / offers.len() as f64).contains(&sketch.floor) {
        let allowed = format!("a share from 0 to 1/{0} with {0} arms", offers.len());
        return Err(Error::value("floor", crate::error::decimal(sketch.floor), allowed));
    }
    sketch.policy.check_arms(offers.len())?;
    for (place, offer) in offers.iter().enumerate() {
        if !(1..=200).contains(&offer.name.chars().count()) || offer.name == HOLDOUT {
            let allowed = "1 to 200 characters, and another word than holdout";
            return Err(Error::value("arm name", format!("{:?}", offer.name), allowed));
        }
        for (what, given) in
            [("price_minor", offer.price_minor), ("value of a conversion", offer.value_minor)]
        {
            if !(1..=PRICE_MINOR_MAX).contains(&given) {
                let what = format!("{what} of arm {}", offer.name);
                return Err(Error::value(what, given, format!("1 to {PRICE_MINOR_MAX} minor units")));
            }
        }
        for other in offers.iter().take(place) {
            if other.name == offer.name {
                let given = format!("{:?} twice", offer.name);
                return Err(Error::value("arm name", given, "different in every arm"));
            }
            if sketch.policy.name.needs_prices() && other.price_minor == offer.price_minor {
                let given = format!("{} in both {} and {}", offer.price_minor, other.name, offer.name);
                let allowed = format!("different in every arm for the policy {}", sketch.policy.name.name());
                return Err(Error::value("price_minor", given, allowed));
            }
        }
    }
    Ok(())
}
