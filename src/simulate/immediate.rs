//! Feedback after every unit: running sums and one draw of the policy for each unit.
//!
//! A publication that serves a single unit needs no hash: to draw once from the policy is the same law as to hash the
//! one unit into its shares. So nothing is encoded and nothing is merged here; discounted sums are carried on
//! (S becomes γS plus the new), windows are rings, and losses are added with the propensity of the draw. Worlds
//! with delays or locations, and policies that compare cohorts, take the longer way (`shop`).

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use super::environment::Environment;
use super::record::{Record, Run};
use super::truth::Truth;
use crate::evidence::{self, ArmSums, Fade, Loss};
use crate::policy::{Stock, categorical};
use crate::{ArmInput, Error, Experiment, Policy, PolicyInput, Posterior, TOTAL};

/// What the policy has seen, and how it fades.
struct Seen {
    experiment: Experiment,
    values: Vec<i64>,
    fade: Fade,
    loss: Loss,
    input: PolicyInput,
    sums: Vec<ArmSums>,
    /// The newest exposures of a sliding window, each with its place, whether it converted, and which arm it was.
    ring: Vec<(usize, bool, u32)>,
    ring_next: usize,
    /// How often the arm in each place was replaced.
    generations: Vec<u32>,
}

/// Runs a policy which learns from each unit before the next one comes.
pub(super) fn run(
    environment: &Environment,
    experiment: Experiment,
    mut truth: Truth,
    mut random: ChaCha8Rng,
    mut record: Record,
) -> Result<Run, Error> {
    let mut seen = Seen::new(experiment)?;
    let control = truth.control();
    for unit in 0..environment.horizon {
        if let Some(replaced) = truth.advance(unit) {
            seen.replace(replaced.0)?;
        }
        let held_out = environment.holdout > 0.0 && random.random::<f64>() < environment.holdout;
        if held_out {
            record.show(control);
            truth.serve(control, &mut random);
        } else {
            seen.input.stock = truth
                .stock
                .map(|left| Stock { pieces: left as f64, units: (environment.horizon - unit) as f64 });
            let (place, propensity) = seen.choose(&mut random);
            record.show(place);
            let buys = truth.serve(place, &mut random);
            seen.count(place, buys, propensity)?;
        }
        record.count(unit + 1, &truth);
        if record.looks(unit + 1) {
            record.look(unit + 1, &seen.input);
        }
        if record.judges(unit + 1, environment) {
            record.judge(unit + 1, &seen.input, seen.experiment.policy.name, &truth)?;
        }
    }
    Ok(record.finish(&truth))
}

impl Seen {
    fn new(experiment: Experiment) -> Result<Self, Error> {
        let policy = &experiment.policy;
        let horizon = experiment.horizon.unwrap_or(1) as f64;
        let fade = Fade::of(policy.name, &policy.parameters, horizon);
        let sums = vec![ArmSums::default(); experiment.arms.len()];
        Ok(Self {
            values: experiment.arms.iter().map(|arm| experiment.value_minor(arm)).collect(),
            fade,
            loss: Loss::of(&experiment),
            input: evidence::input_of(&experiment, &sums)?,
            generations: vec![0; sums.len()],
            sums,
            ring: Vec::new(),
            ring_next: 0,
            experiment,
        })
    }

    /// The place that the next unit is sent to, and the probability of that where the policy learns from it.
    fn choose(&self, random: &mut impl Rng) -> (usize, f64) {
        let policy = self.experiment.policy.name;
        let arms = self.sums.len();
        let floor = f64::from(self.input.floor()) / f64::from(TOTAL);
        let spread = floor * arms as f64;
        if policy.learns_from_losses() {
            let weights = policy.weights(&self.input);
            let total: f64 = weights.iter().sum();
            let propensity = |weight: &f64| floor + (1.0 - spread) * weight / total;
            let shares: Vec<f64> = weights.iter().map(propensity).collect();
            let place = categorical(&shares, random);
            return (place, shares.get(place).copied().unwrap_or(1.0));
        }
        if spread > 0.0 && policy == Policy::Fixed {
            // A split that keeps to the floor by itself is not mixed with it.
            let shares = policy.allocate(&self.input);
            let shares: Vec<f64> = shares.shares().iter().copied().map(f64::from).collect();
            return (categorical(&shares, random), 1.0);
        }
        if spread > 0.0 && random.random::<f64>() < spread {
            return (random.random_range(0..arms), 1.0);
        }
        (policy.draw(&self.input, random), 1.0)
    }

    /// Learns what became of a unit.
    fn count(&mut self, place: usize, converted: bool, propensity: f64) -> Result<(), Error> {
        match self.fade {
            Fade::None => {}
            Fade::Discount(factor) => {
                for sum in &mut self.sums {
                    sum.exposures *= factor;
                    sum.conversions *= factor;
                }
            }
            Fade::Window(length) => self.slide(place, converted, length as usize),
        }
        if let Some(sum) = self.sums.get_mut(place) {
            sum.exposures += 1.0;
            sum.conversions += f64::from(u8::from(converted));
            sum.loss += self.loss.of_one(place, converted, propensity);
        }
        match self.fade {
            Fade::None => self.update([place]),
            _ => self.update(0..self.sums.len()),
        }
    }

    /// Puts the newest exposure in the window, and takes the oldest one's count away where it is full.
    fn slide(&mut self, place: usize, converted: bool, length: usize) {
        let newest = (place, converted, self.generations.get(place).copied().unwrap_or(0));
        if self.ring.len() < length.max(1) {
            self.ring.push(newest);
            return;
        }
        let Some(slot) = self.ring.get_mut(self.ring_next) else { return };
        let (oldest, bought, generation) = std::mem::replace(slot, newest);
        self.ring_next = (self.ring_next + 1) % self.ring.len();
        if self.generations.get(oldest) == Some(&generation)
            && let Some(sum) = self.sums.get_mut(oldest)
        {
            sum.exposures -= 1.0;
            sum.conversions -= f64::from(u8::from(bought));
        }
    }

    /// Another arm stands in this place: nothing is known of it.
    fn replace(&mut self, place: usize) -> Result<(), Error> {
        if let (Some(sum), Some(generation)) = (self.sums.get_mut(place), self.generations.get_mut(place)) {
            *sum = ArmSums::default();
            *generation += 1;
        }
        self.update([place])
    }

    /// Brings the policy's input up to the sums of these places.
    fn update(&mut self, places: impl IntoIterator<Item = usize>) -> Result<(), Error> {
        let prior = self.experiment.prior;
        for place in places {
            let (Some(sum), Some(&value)) = (self.sums.get(place), self.values.get(place)) else { continue };
            let without = (sum.exposures - sum.conversions).max(0.0);
            let posterior = Posterior::new(prior.alpha() + sum.conversions, prior.beta() + without, value)?;
            if let Some(arm) = self.input.arms_mut().get_mut(place) {
                *arm = ArmInput {
                    posterior,
                    exposures: sum.exposures,
                    conversions: sum.conversions,
                    loss: sum.loss,
                    ..*arm
                };
            }
        }
        Ok(())
    }
}
