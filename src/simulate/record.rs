//! What is kept of one run.

use super::environment::Environment;
use super::truth::Truth;
use crate::inference::{Rules, Stage, stands};
use crate::{Error, Policy, PolicyInput, Posterior, p_best};

/// Probabilities of being the best, for which the simulator says when some arm first reached them.
pub const LEVELS: [f64; 2] = [0.95, 0.99];

/// One run of one policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Pseudo-regret at each checkpoint, in minor units (conversions under that objective).
    pub regret_minor: Vec<f64>,
    /// Units that were shown each arm since the checkpoint before, in the order of the environment's arms.
    pub shown: Vec<Vec<u32>>,
    /// What the clairvoyant would have earned in all, in minor units.
    pub optimum_minor: f64,
    /// Units that were shown the best arm.
    pub best_shown: u64,
    /// Units after which some arm was first the best with a probability of each of [`LEVELS`].
    pub reached: [Option<u64>; LEVELS.len()],
    /// The first time that the environment's stopping rules were met; none where they never were, or are not given.
    pub decided: Option<Choice>,
    /// The arm with the highest probability of being the best at the last publication; none without stopping rules.
    pub last: Option<Choice>,
}

/// An arm that is chosen by what is known at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Units so far.
    pub units: u64,
    /// Position of the arm in the environment.
    pub arm: usize,
    /// Whether it really is the best at that time.
    pub is_best: bool,
}

/// Keeps what a run will be asked for.
pub(super) struct Record<'a> {
    checkpoints: &'a [u64],
    /// By place, since the last checkpoint.
    shown: Vec<u32>,
    run: Run,
    next_look: u64,
    rules: Option<Rules>,
    /// Checkpoints at which the rules were asked.
    judged: usize,
}

impl<'a> Record<'a> {
    pub(super) fn new(checkpoints: &'a [u64], environment: &Environment) -> Self {
        let run = Run {
            regret_minor: Vec::with_capacity(checkpoints.len()),
            shown: Vec::with_capacity(checkpoints.len()),
            optimum_minor: 0.0,
            best_shown: 0,
            reached: [None; LEVELS.len()],
            decided: None,
            last: None,
        };
        let shown = vec![0; environment.arms.len()];
        Self { checkpoints, shown, run, next_look: 1, rules: environment.stop, judged: 0 }
    }

    /// A unit was shown the arm in this place.
    pub(super) fn show(&mut self, place: usize) {
        if let Some(shown) = self.shown.get_mut(place) {
            *shown += 1;
        }
    }

    /// `units` have come.
    pub(super) fn count(&mut self, units: u64, truth: &Truth) {
        if self.checkpoints.get(self.run.regret_minor.len()) == Some(&units) {
            self.run.regret_minor.push(truth.regret);
            let mut shown = vec![0; self.shown.len()];
            for (&arm, place) in truth.order().iter().zip(&mut self.shown) {
                if let Some(of_arm) = shown.get_mut(arm) {
                    *of_arm = std::mem::take(place);
                }
            }
            self.run.shown.push(shown);
        }
    }

    /// Whether P(best) is to be looked at after so many units: at about forty moments in every factor of a thousand.
    pub(super) fn looks(&self, units: u64) -> bool {
        units >= self.next_look && self.run.reached.iter().any(Option::is_none)
    }

    /// Looks at P(best) of what the policy knows.
    pub(super) fn look(&mut self, units: u64, input: &PolicyInput) {
        let posteriors: Vec<Posterior> = input.live().map(|arm| arm.posterior).collect();
        self.note(units, p_best(&posteriors).into_iter().fold(0.0, f64::max));
    }

    /// The most probably best arm is so with this probability.
    pub(super) fn note(&mut self, units: u64, most: f64) {
        for (reached, level) in self.run.reached.iter_mut().zip(LEVELS) {
            if most >= level && reached.is_none() {
                *reached = Some(units);
            }
        }
        self.next_look = units + (units / 6).max(1);
    }

    /// Whether the stopping rules are to be asked at this publication: at the first one after each checkpoint until they
    /// are met, and at the last one of all.
    pub(super) fn judges(&self, units: u64, environment: &Environment) -> bool {
        let is_last = units + environment.feedback_every > environment.horizon;
        let is_due = self.run.regret_minor.len() > self.judged && self.run.decided.is_none();
        self.rules.is_some() && (is_last || is_due)
    }

    /// Asks the stopping rules.
    pub(super) fn judge(
        &mut self,
        units: u64,
        input: &PolicyInput,
        policy: Policy,
        truth: &Truth,
    ) -> Result<(), Error> {
        let Some(rules) = &self.rules else { return Ok(()) };
        self.judged = self.run.regret_minor.len();
        let (state, leader) = stands(input, policy, rules)?;
        let arm = truth.order().get(leader).copied().unwrap_or(0);
        let choice = Some(Choice { units, arm, is_best: truth.is_best(leader) });
        self.run.last = choice;
        if matches!(state.stage, Stage::Decided(_)) {
            self.run.decided = self.run.decided.or(choice);
        }
        Ok(())
    }

    pub(super) fn finish(self, truth: &Truth) -> Run {
        Run { optimum_minor: truth.optimum, best_shown: truth.best_shown, ..self.run }
    }
}
