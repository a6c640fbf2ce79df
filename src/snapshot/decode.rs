//! Reading the experiments of a snapshot; whatever a decision could stumble over is refused here.

use std::sync::OnceLock;

use super::layout::{
    ARM, ENTERING, EXPERIMENT_FLAGS, FAMILIES, MANY_ITEMS, NO_ENDING, NUMBER, PAUSED, PERSONAL_DATA, Record,
    STOPPED, UNITS,
};
use super::{Allocate, LiveArm, LiveExperiment, record};
use crate::guardrail::{Bounds, ENDINGS_MAX};
use crate::policy::{ARMS_MAX, Contrast, Stock};
use crate::{ArmInput, Currency, Error, Objective, Policy, PolicyInput, Posterior, RewardModel, TOTAL};

/// Where the experiments' parts stand.
pub(super) struct Tables<'a> {
    pub arms: &'a [u8],
    pub numbers: &'a [u8],
    pub text: &'a [u8],
}

impl Tables<'_> {
    pub(super) fn experiment(&self, from: Record<'_>, allocate: Allocate) -> Result<LiveExperiment, Error> {
        let name = from.text(0, self.text)?.to_owned();
        let (first, count) = (from.u32(24)? as usize, usize::from(from.u8(48)?));
        if !(1..=ARMS_MAX).contains(&count) || first.saturating_add(count) > self.arms.len() / ARM {
            return Err(Error::snapshot(format!("experiment {name} has arms outside of the table")));
        }
        let mut live_arms = Vec::with_capacity(count);
        let mut inputs = Vec::with_capacity(count);
        for i in first..first + count {
            let arm = record(self.arms, 0, ARM, i);
            live_arms.push(LiveArm { name: arm.text(0, self.text)?.to_owned(), price_minor: arm.i64(8)? });
            inputs.push(self.arm_input(arm)?);
        }
        let code = |what: &str, code: u8| {
            Error::snapshot(format!("experiment {name} has the unknown {what} {code}"))
        };
        let (objective, policy) = (from.u8(50)?, from.u8(51)?);
        let policy = Policy::from_code(policy).ok_or_else(|| code("policy", policy))?;
        let [holdout, epoch, tag] = [from.u32(36)?, from.u32(28)?, from.u32(52)?];
        let control = usize::from(from.u8(49)?);
        if holdout > TOTAL || epoch == 0 || epoch >= 1 << 24 || tag >= 1 << 24 || control >= count {
            return Err(Error::snapshot(format!("experiment {name} has a value out of bounds")));
        }
        if live_arms.iter().any(|arm| !(1..=crate::money::PRICE_MINOR_MAX).contains(&arm.price_minor)) {
            return Err(Error::snapshot(format!("experiment {name} has a price out of bounds")));
        }
        let currency = Currency::from_bytes(from.bytes(44)?)?;
        let (guardrails, flags, unit) = (bounds(currency, from)?, from.u32(EXPERIMENT_FLAGS)?, from.u8(148)?);
        let has = |flag: u32| flags & flag != 0;
        let input = self.widen(PolicyInput::new(inputs, from.u32(40)?)?, from, policy)?;
        Ok(LiveExperiment {
            objective: Objective::from_code(objective).ok_or_else(|| code("objective", objective))?,
            policy,
            seed: from.bytes(8)?,
            currency,
            guardrails,
            is_stopped: has(STOPPED),
            uses_personal_data: has(PERSONAL_DATA),
            is_paused: has(PAUSED),
            families: has(FAMILIES),
            has_many_items: has(MANY_ITEMS),
            unit: *UNITS.get(usize::from(unit)).ok_or_else(|| code("unit", unit))?,
            until_ms: from.u64(152)?,
            opened_at_min: from.u32(160)?,
            reward_window_s: from.u32(32)?,
            input,
            allocate,
            allocation: OnceLock::new(),
            arms: live_arms,
            name,
            tag,
            epoch,
            holdout,
            control,
        })
    }

    fn arm_input(&self, arm: Record<'_>) -> Result<ArmInput, Error> {
        let (value_minor, price_minor) = (arm.i64(16)?, arm.i64(8)?);
        let code = arm.u8(85)?;
        let model = RewardModel::from_code(code)
            .ok_or_else(|| Error::snapshot(format!("an arm has the unknown reward model {code}")))?;
        let parameters = [arm.f64(24)?, arm.f64(32)?, arm.f64(40)?, arm.f64(48)?];
        let posterior = Posterior::from_parameters(model, parameters, value_minor)?;
        Ok(ArmInput {
            exposures: arm.f64(56)?,
            conversions: arm.f64(64)?,
            loss: arm.f64(72)?,
            fixed_share: arm.u32(80)?.min(TOTAL),
            live: arm.u8(84)? == 1,
            entering: arm.u8(86)? & ENTERING != 0,
            ..ArmInput::new(posterior, price_minor)
        })
    }

    /// What a policy may look at beside the arms.
    fn widen(&self, input: PolicyInput, from: Record<'_>, policy: Policy) -> Result<PolicyInput, Error> {
        let given = [from.f64(56)?, from.f64(64)?].into_iter().take(policy.parameters().len());
        let mut input = input.with_parameters(policy, given.collect())?;
        input.horizon = Some(from.u64(72)?).filter(|&horizon| horizon > 0);
        let (pieces, units) = (from.f64(80)?, from.f64(88)?);
        input.stock = (pieces >= 0.0).then_some(Stock { pieces, units });
        let (first, count) = (from.u32(96)? as usize, from.u32(100)? as usize);
        if count > 0 {
            let arms = input.arms().len();
            let number = |i: usize| Record(self.numbers).f64(first.saturating_add(i).saturating_mul(NUMBER));
            if count != arms + arms * (arms + 1) / 2 {
                return Err(Error::snapshot("a contrast has another number of arms than its experiment"));
            }
            let contrast = Contrast {
                mean: (0..arms).map(number).collect::<Result<_, _>>()?,
                factor: (arms..count).map(number).collect::<Result<_, _>>()?,
            };
            contrast.check(arms)?;
            input.contrast = Some(contrast);
        }
        Ok(input)
    }
}

fn bounds(currency: Currency, from: Record<'_>) -> Result<Bounds, Error> {
    let mut endings = Vec::new();
    for i in 0..ENDINGS_MAX {
        match from.u16(128 + 2 * i)? {
            NO_ENDING => {}
            ending => endings.push(ending),
        }
    }
    Bounds::new(currency, [from.i64(104)?, from.i64(112)?], i64::from(from.u32(120)?), endings)
}
