//! The life of an experiment: a draft, then running or paused, decided, and at last archived; and what may be done to
//! it on the way.
//!
//! | state | what is decided | what may be done |
//! |---|---|---|
//! | draft | nothing | `start`; it may be replaced and deleted |
//! | running | a price for everybody | everything but `start` |
//! | paused | nothing new; who was shown a price keeps it | everything but `start` and `pause` |
//! | decided | the decided arm for everybody new; the holdout stays | `stop`, `resume`, `archive` |
//! | archived | nothing | nothing: its report never changes |
//!
//! That it is stopped (the kill switch) stands beside the state: the catalogue price for all, at once.
//!
//! In scope: reading what somebody wants done, whether the state allows it, and the experiment after it. Arms are only
//! ever added at the end: pins, tallies and epochs hold their positions. Out of scope: who may do it, its record, and
//! what is published then (the Worker's publisher).

use crate::experiment::{Arm, ArmPrice, ArmState, Goods, Unit};
use crate::guardrail::Guardrails;
use crate::json::{Fields, Value};
use crate::policy::ARMS_MAX;
use crate::{Currency, Error, Experiment, time};

/// Most characters of a name and of a reason.
const BY_MAX: usize = 64;
const REASON_MAX: usize = 500;

/// Where an experiment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Written, and nothing more.
    Draft,
    /// Prices are decided.
    Running,
    /// Nothing new is decided; who was shown a price keeps it.
    Paused,
    /// One arm is for everybody from now on, but for the holdout.
    Decided,
    /// Over; its report never changes.
    Archived,
}

impl State {
    const ALL: [Self; 5] = [Self::Draft, Self::Running, Self::Paused, Self::Decided, Self::Archived];

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Decided => "decided",
            Self::Archived => "archived",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether it is in the snapshot: its items are not free for another experiment.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Decided)
    }

    /// The state after an action.
    ///
    /// ```
    /// use haggle::lifecycle::{Action, State};
    /// assert_eq!(State::Running.after(&Action::Pause)?, State::Paused);
    /// let error = State::Draft.after(&Action::Pause).unwrap_err().to_string();
    /// assert_eq!(error, "action is pause of an experiment in state draft; it must be start");
    /// # Ok::<(), haggle::Error>(())
    /// ```
    ///
    /// # Errors
    /// The state does not allow it: says what it allows.
    pub fn after(self, action: &Action) -> Result<Self, Error> {
        if !self.allowed().contains(&action.name()) {
            let given = format!("{} of an experiment in state {}", action.name(), self.name());
            let allowed = match self.allowed() {
                [] => "left: what is archived never changes".to_owned(),
                [one] => (*one).to_owned(),
                many => format!("one of {}", many.join(", ")),
            };
            return Err(Error::value("action", given, allowed));
        }
        Ok(match action {
            Action::Start { .. } => Self::Running,
            Action::Resume if self == Self::Paused => Self::Running,
            Action::Pause => Self::Paused,
            Action::Decide { .. } => Self::Decided,
            Action::Archive => Self::Archived,
            _ => self,
        })
    }

    fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Draft => &["start"],
            Self::Running => ACTIONS.get(1..).unwrap_or_default(),
            Self::Paused => ACTIONS.get(2..).unwrap_or_default(),
            Self::Decided => &["resume", "stop", "archive"],
            Self::Archived => &[],
        }
    }
}

/// The names of all actions, in the API and on the command line.
pub const ACTIONS: [&str; 14] = [
    "start",
    "pause",
    "resume",
    "stop",
    "decide",
    "archive",
    "add-arm",
    "pause-arm",
    "retire-arm",
    "revive-arm",
    "set-guardrails",
    "set-floor",
    "set-end",
    "extend-holdout",
];

/// What somebody does to an experiment.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Prices are decided from now on.
    Start {
        /// The saved groups that it is to have, as a `g-NAME.tsv`; drawn anew where left out.
        groups: Option<String>,
    },
    /// Nothing new is decided.
    Pause,
    /// It goes on after a pause or a stop.
    Resume,
    /// Catalogue prices for all, at once.
    Stop,
    /// One arm is for everybody new.
    Decide {
        /// Its name.
        arm: String,
    },
    /// It is over.
    Archive,
    /// A price more.
    AddArm(Arm),
    /// Whether units are sent to an arm.
    SetArm {
        /// Its name.
        arm: String,
        /// What it is from now on.
        state: ArmState,
    },
    /// The bounds of its prices.
    SetGuardrails(Guardrails),
    /// The least share of a live arm.
    SetFloor(f64),
    /// When it is decided at the latest, in milliseconds since 1970-01-01 UTC; none: by the team alone.
    SetEnd(Option<u64>),
    /// A larger share of units that always see the control.
    ExtendHoldout(f64),
}

/// Who wants something done, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// The person, in at most 64 characters; empty where nothing is said.
    pub by: String,
    /// Why, in 1 to 500 characters.
    pub reason: String,
}

/// An action with who wants it, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Who and why.
    pub signature: Signature,
    /// What.
    pub action: Action,
}

impl Signature {
    /// Reads `{"by": …, "reason": …}` with these further fields, which are handed on.
    fn take(body: &str, more: &[&str]) -> Result<(Self, Fields), Error> {
        let known: Vec<&str> = ["by", "reason"].iter().chain(more).copied().collect();
        let mut fields = Fields::parse("an action in JSON", body, &known)?;
        let by = match fields.take("by").if_any() {
            Some(by) => line(by, BY_MAX)?,
            None => String::new(),
        };
        let reason = line(fields.take("reason"), REASON_MAX)?;
        Ok((Self { by, reason }, fields))
    }

    /// Who stops the whole shop, or lets it go on, and why.
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn read(body: &str) -> Result<Self, Error> {
        Self::take(body, &[]).map(|(signature, _)| signature)
    }

    /// Who goes back to which version of the snapshot, and why.
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn read_rollback(body: &str) -> Result<(Self, u64), Error> {
        let (signature, mut fields) = Self::take(body, &["version"])?;
        Ok((signature, fields.take("version").count()?))
    }
}

impl Order {
    /// Reads the body of an action: `{"by": "maria", "reason": "why", …}`, with the fields that the action has.
    ///
    /// ```
    /// use haggle::lifecycle::{Action, Order};
    /// let body = r#"{"by": "maria", "reason": "loses too much", "arm": "high"}"#;
    /// let order = Order::read("decide", body, "EUR".parse()?)?;
    /// assert_eq!((order.signature.by.as_str(), order.action.name()), ("maria", "decide"));
    /// # Ok::<(), haggle::Error>(())
    /// ```
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn read(action: &str, body: &str, currency: Currency) -> Result<Self, Error> {
        let more: &[&str] = match action {
            "start" => &["groups"],
            "decide" | "add-arm" | "pause-arm" | "retire-arm" | "revive-arm" => &["arm"],
            "set-guardrails" => &["guardrails"],
            "set-floor" => &["floor"],
            "set-end" => &["end"],
            "extend-holdout" => &["holdout"],
            _ => &[],
        };
        let (signature, mut fields) = Signature::take(body, more)?;
        let mut arm_to = |state| Ok::<_, Error>(Action::SetArm { arm: fields.take("arm").text()?, state });
        let action = match action {
            "pause-arm" => arm_to(ArmState::Paused)?,
            "retire-arm" => arm_to(ArmState::Retired)?,
            "revive-arm" => arm_to(ArmState::Live)?,
            "start" => Action::Start { groups: fields.take("groups").if_any().map(Value::text).transpose()? },
            "pause" => Action::Pause,
            "resume" => Action::Resume,
            "stop" => Action::Stop,
            "decide" => Action::Decide { arm: fields.take("arm").text()? },
            "archive" => Action::Archive,
            "add-arm" => Action::AddArm(new_arm(fields.take("arm"))?),
            "set-guardrails" => Action::SetGuardrails(Guardrails::read(fields.take("guardrails"), currency)?),
            "set-floor" => Action::SetFloor(fields.take("floor").fraction_in(0.0..=1.0, A_SHARE)?),
            "set-end" => Action::SetEnd(read_end(fields.take("end"))?),
            "extend-holdout" => {
                Action::ExtendHoldout(fields.take("holdout").fraction_in(0.0..=0.5, "a share from 0 to 0.5")?)
            }
            _ => {
                let allowed = format!("one of {}", ACTIONS.join(", "));
                return Err(Error::value("action", format!("{action:?}"), allowed));
            }
        };
        Ok(Self { signature, action })
    }
}

const A_SHARE: &str = "a share from 0 to 1";

/// One line of text that is not empty.
fn line(value: Value, most: usize) -> Result<String, Error> {
    let text = value.clone().text()?;
    let text = text.trim();
    if (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(value.refusal(format!("1 to {most} characters in one line")))
    }
}

fn read_end(end: Value) -> Result<Option<u64>, Error> {
    if end.clone().if_given().is_some() && end.clone().if_any().is_none() {
        return Ok(None);
    }
    let allowed = "a time such as \"2026-12-29T00:00:00Z\", or null for none";
    let text = end.clone().text().map_err(|_| end.refusal(allowed))?;
    time::parse(&text).map(Some).ok_or_else(|| end.refusal(allowed))
}

/// An arm as it is asked for: a name, and one of three ways to price.
fn new_arm(arm: Value) -> Result<Arm, Error> {
    let mut fields = arm.clone().fields(&["name", "price_minor", "multiplier", "column"])?;
    let name = fields.take("name").text()?;
    let (minor, times, column) =
        (fields.take("price_minor"), fields.take("multiplier"), fields.take("column"));
    let price = match (minor.if_any(), times.if_any(), column.if_any()) {
        (Some(minor), None, None) => ArmPrice::Minor(minor.integer()?),
        (None, Some(times), None) => {
            ArmPrice::Times(times.fraction_in(0.1..=10.0, "a number from 0.1 to 10")?)
        }
        (None, None, Some(column)) => ArmPrice::Column(column.text()?),
        _ => return Err(arm.refusal("one with exactly one of price_minor, multiplier and column")),
    };
    let price_minor = if let ArmPrice::Minor(minor) = price { minor } else { 0 };
    Ok(Arm { price, is_added: true, ..Arm::at(&name, price_minor) })
}

impl Action {
    /// The name in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Decide { .. } => "decide",
            Self::Archive => "archive",
            Self::AddArm(_) => "add-arm",
            Self::SetArm { state: ArmState::Paused, .. } => "pause-arm",
            Self::SetArm { state: ArmState::Retired, .. } => "retire-arm",
            Self::SetArm { state: ArmState::Live, .. } => "revive-arm",
            Self::SetGuardrails(_) => "set-guardrails",
            Self::SetFloor(_) => "set-floor",
            Self::SetEnd(_) => "set-end",
            Self::ExtendHoldout(_) => "extend-holdout",
        }
    }

    /// The experiment after it. Where it prices many items, the mean price of an added arm is still to be set by whoever
    /// knows the items.
    ///
    /// # Errors
    /// What the experiment would then be is not valid: an arm outside of its guardrails, two arms at one price, a floor
    /// that the arms do not fit under, an end in the past, and the like.
    pub fn apply(&self, experiment: &Experiment, now_ms: u64) -> Result<Experiment, Error> {
        let mut changed = experiment.clone();
        match self {
            Self::Start { .. } | Self::Pause | Self::Resume | Self::Stop | Self::Archive => {
                return Ok(changed);
            }
            Self::Decide { arm } => {
                let place = place_of(experiment, arm)?;
                if experiment.arms.get(place).is_some_and(|arm| arm.state != ArmState::Live) {
                    return Err(Error::value("arm", format!("{arm:?}, which is not live"), "a live arm"));
                }
                return Ok(changed);
            }
            Self::AddArm(arm) => add_arm(&mut changed, arm)?,
            Self::SetArm { arm, state } => set_arm(&mut changed, arm, *state)?,
            Self::SetGuardrails(guardrails) => changed.guardrails = guardrails.clone(),
            Self::SetFloor(floor) => changed.floor = *floor,
            Self::SetEnd(end_ms) => {
                if end_ms.is_some_and(|end_ms| end_ms <= now_ms) {
                    let given = time::format_time(end_ms.unwrap_or_default());
                    let allowed = format!("later than now, {}", time::format_time(now_ms));
                    return Err(Error::value("end", given, allowed));
                }
                changed.end_ms = *end_ms;
            }
            Self::ExtendHoldout(holdout) => extend_holdout(&mut changed, *holdout)?,
        }
        // What a file with it would be refused for is refused here, in the same words.
        Experiment::from_json(&changed.to_json())?;
        Ok(changed)
    }
}

fn place_of(experiment: &Experiment, name: &str) -> Result<usize, Error> {
    let names = || experiment.arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>().join(", ");
    let place = experiment.arms.iter().position(|arm| arm.name == name);
    place.ok_or_else(|| Error::value("arm", format!("{name:?}"), format!("one of {}", names())))
}

fn add_arm(experiment: &mut Experiment, arm: &Arm) -> Result<(), Error> {
    if experiment.arms.len() >= ARMS_MAX {
        let allowed = format!("at most {ARMS_MAX}, the retired ones included");
        return Err(Error::value("number of arms", experiment.arms.len() + 1, allowed));
    }
    if let (ArmPrice::Minor(_), Goods::Scope(_)) = (&arm.price, &experiment.goods) {
        return Err(Error::value("arm.price_minor", "given", "a multiplier or a column: it has many items"));
    }
    if let (ArmPrice::Times(_) | ArmPrice::Column(_), Goods::Item(_)) = (&arm.price, &experiment.goods) {
        return Err(Error::value("arm", "given without price_minor", "given with it: it has one item"));
    }
    if let Some(shares) = &mut experiment.policy.shares {
        // A split of shares of its own has none for it, and so it stays at the floor.
        shares.push(0.0);
    }
    experiment.arms.push(arm.clone());
    Ok(())
}

fn set_arm(experiment: &mut Experiment, name: &str, state: ArmState) -> Result<(), Error> {
    let place = place_of(experiment, name)?;
    if name == experiment.control && state != ArmState::Live {
        return Err(Error::value(
            "arm",
            format!("{name:?}, the control"),
            "another one: the holdout sees it",
        ));
    }
    if let Some(arm) = experiment.arms.get_mut(place) {
        if arm.state == state {
            // Else there would be a record of a change that was none.
            let given = format!("{name:?}, which is {} already", state.name());
            return Err(Error::value("arm", given, "an arm in another state"));
        }
        arm.state = state;
    }
    let live = experiment.arms.iter().filter(|arm| arm.state == ArmState::Live).count();
    if live < 2 {
        let allowed = "at least the control and one more; decide it, or pause the experiment, instead";
        return Err(Error::value("number of live arms", live, allowed));
    }
    Ok(())
}

fn extend_holdout(experiment: &mut Experiment, holdout: f64) -> Result<(), Error> {
    use crate::error::decimal;
    if experiment.unit != Unit::Visitor {
        let allowed = "left as it is: where items are randomised, the negative group stands for a holdout";
        return Err(Error::value("holdout", decimal(holdout), allowed));
    }
    if holdout <= experiment.holdout {
        let allowed = format!("more than {}: whoever is in it stays in it", decimal(experiment.holdout));
        return Err(Error::value("holdout", decimal(holdout), allowed));
    }
    experiment.holdout = holdout;
    Ok(())
}

/// What is published of an experiment: all of it, but for the arms that nobody new is to have.
///
/// Once it is decided all arms but the decided one are as good as retired. And an arm that is not live and has left the
/// guardrails is published at the catalogue price: whoever was shown it must not go on to see a price that is not
/// allowed any more.
pub fn published(experiment: &Experiment, decided: Option<&str>) -> Experiment {
    let mut published = experiment.clone();
    for arm in &mut published.arms {
        if decided.is_some_and(|decided| decided != arm.name) {
            arm.state = ArmState::Retired;
        }
    }
    let (Goods::Item(item), Ok(bounds)) = (&experiment.goods, experiment.bounds()) else { return published };
    for arm in &mut published.arms {
        let is_out = bounds.check(&|| String::new(), arm.price_minor).is_err();
        if is_out && arm.state != ArmState::Live && arm.name != experiment.control {
            (arm.price, arm.price_minor) = (ArmPrice::Minor(item.price_minor), item.price_minor);
        }
    }
    published
}

/// Refuses another definition of an experiment that has started.
///
/// # Errors
/// Says what differs: the hypothesis first.
pub fn check_unchanged(known: &Experiment, given: &Experiment) -> Result<(), Error> {
    let fixed = [
        ("hypothesis", known.hypothesis != given.hypothesis),
        ("name", known.name != given.name),
        ("document", known.document != given.document),
        ("author", known.author != given.author),
        ("objective", known.objective != given.objective),
        ("currency", known.currency != given.currency),
        ("salt", known.salt != given.salt),
        ("control", known.control != given.control),
        ("unit", known.unit != given.unit),
        ("item or scope", known.goods != given.goods),
        ("families", known.families != given.families),
        ("period_hours", known.period_hours != given.period_hours),
        ("washout_hours", known.washout_hours != given.washout_hours),
        ("prior", known.prior != given.prior),
        ("reward_model", known.reward_model != given.reward_model),
        ("policy.name", known.policy.name != given.policy.name),
    ];
    if let Some((what, _)) = fixed.iter().find(|(_, differs)| *differs) {
        return Err(Error::value(what, "another one", "as it was when the experiment started"));
    }
    let by_action = [
        ("arms", known.arms != given.arms, "add-arm, pause-arm, retire-arm and revive-arm"),
        ("guardrails", known.guardrails != given.guardrails, "set-guardrails"),
        ("floor", known.floor != given.floor, "set-floor"),
        ("end", known.end_ms != given.end_ms, "set-end"),
        ("holdout", known.holdout != given.holdout, "extend-holdout"),
    ];
    if let Some((what, _, action)) = by_action.iter().find(|(_, differs, _)| *differs) {
        return Err(Error::value(what, "another one", format!("changed by {action}")));
    }
    if known != given {
        let allowed = "as it was when the experiment started";
        return Err(Error::value("the definition", "another one", allowed));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
