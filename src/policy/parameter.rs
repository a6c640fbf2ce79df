//! What can be set about a policy: name, bounds and default of each parameter.

use super::{Policy, PolicyInput};

/// A number that an experiment file may set beside the policy's name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Its name in the file: `policy = { name = "softmax", temperature = 0.2 }`.
    pub name: &'static str,
    /// What it has where the file does not set it.
    pub default: f64,
    /// Least value.
    pub least: f64,
    /// Greatest value.
    pub most: f64,
}

const fn parameter(name: &'static str, default: f64, least: f64, most: f64) -> Parameter {
    Parameter { name, default, least, most }
}

const EXPLORATION: [Parameter; 1] = [parameter("exploration", 2.0, 0.001, 100.0)];
const SLOWNESS: [Parameter; 1] = [parameter("c", 0.0, 0.0, 10.0)];
const HALF_LIFE: [Parameter; 1] = [parameter("half_life", 0.0, 0.0, 1e9)];
const WINDOW: [Parameter; 1] = [parameter("window", 0.0, 0.0, 1e9)];

impl Policy {
    /// What can be set about the policy, at most [`PARAMETERS_MAX`](super::PARAMETERS_MAX).
    pub fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::EpsilonGreedy => {
                const { &[parameter("epsilon", 0.1, 0.0, 1.0), parameter("decay", 0.0, 0.0, 1e6)] }
            }
            Self::Softmax => const { &[parameter("temperature", 0.1, 0.001, 1000.0)] },
            Self::Ucb1 | Self::PriceUcb1 => &EXPLORATION,
            Self::KlUcb | Self::KlUcbPlus | Self::PriceKlUcb | Self::BayesUcb => &SLOWNESS,
            Self::SuccessiveElimination => const { &[parameter("delta", 0.05, 1e-6, 0.5)] },
            Self::TopTwoThompson => const { &[parameter("beta", 0.5, 0.01, 1.0)] },
            Self::DiscountedThompson | Self::DiscountedUcb => &HALF_LIFE,
            Self::SlidingThompson | Self::SlidingUcb => &WINDOW,
            Self::ContrastThompson => const { &[parameter("period", 500.0, 2.0, 1e9)] },
            Self::DemandThompson => const { &[parameter("lack_of_fit", 0.01, 0.0, 0.5)] },
            _ => &[],
        }
    }

    /// Whether the policy must know how many units the experiment will have.
    pub fn needs_horizon(self) -> bool {
        matches!(self, Self::Exp3Ix | Self::InventoryThompson)
    }

    /// Whether the policy must know how many pieces may be sold.
    pub fn needs_stock(self) -> bool {
        self == Self::InventoryThompson
    }

    /// Whether the policy goes by the order of the arms' prices, which must then all be different.
    pub fn needs_prices(self) -> bool {
        matches!(self, Self::MonotoneThompson | Self::DemandThompson)
    }

    /// Whether the policy looks at posteriors alone, and so at any reward model; the others count conversions.
    pub fn suits_any_reward(self) -> bool {
        matches!(
            self,
            Self::Fixed
                | Self::EpsilonGreedy
                | Self::Softmax
                | Self::Thompson
                | Self::TopTwoThompson
                | Self::DiscountedThompson
                | Self::SlidingThompson
        )
    }

    /// Whether what is old counts less to the policy, or not at all.
    pub(crate) fn fades(self) -> bool {
        matches!(
            self,
            Self::DiscountedThompson | Self::SlidingThompson | Self::DiscountedUcb | Self::SlidingUcb
        )
    }

    /// Whether the policy learns from losses divided by the propensities that they were suffered with.
    pub(crate) fn learns_from_losses(self) -> bool {
        matches!(self, Self::Exp3Ix | Self::TsallisInf)
    }

    /// The policy's parameter at this place: what the input gives, or else the default.
    pub(crate) fn parameter(self, input: &PolicyInput, place: usize) -> f64 {
        let default = self.parameters().get(place).map_or(0.0, |parameter| parameter.default);
        input.parameters.get(place).copied().unwrap_or(default)
    }
}
