//! What a ledger shard is told and what it answers: lines of text between our own Worker and our own shard.

use haggle::event::RewardKind;
use haggle::{Cohort, Credit, Exposure, TallyKey};
use worker::Result;

use crate::rows::{Bound, Row};

/// One thing to be counted.
pub enum Command {
    /// A price was shown.
    Expose(Exposure),
    /// Something was sold at it, or given back.
    Reward(Line),
}

/// A line of an order, with the exposure it belongs to.
pub struct Line {
    /// What it says.
    pub claim: Claim,
    /// Hours from the decision until it was taken in; none from a Worker that did not know it yet.
    pub delay_h: Option<u32>,
    /// The exposure of its quote.
    pub exposure: Exposure,
}

/// What a line of an order says.
pub struct Claim {
    /// The shop's number of the order.
    pub order_id: String,
    /// The line within the order.
    pub line_id: String,
    /// Whether it was sold or given back.
    pub kind: RewardKind,
    /// The shop's number of the refund; empty for a sale.
    pub refund_id: String,
    /// The item; empty from a Worker that did not say it yet.
    pub sku: String,
    /// Pieces and money, sold or given back.
    pub credit: Credit,
}

impl Command {
    /// The command as a line of text between our own Worker and our own shard: fields between tabs. No field can
    /// hold a tab or a line break: names and ids are checked when experiments and rewards are read.
    pub(super) fn write(&self) -> String {
        let exposure = match self {
            Self::Expose(exposure) | Self::Reward(Line { exposure, .. }) => exposure,
        };
        let Exposure { id, key: TallyKey { experiment, arm, cohort }, forget_at_s } = exposure;
        let common = format!("{id}\t{experiment}\t{arm}\t{}\t{}\t{forget_at_s}", cohort.epoch, cohort.hour);
        let Self::Reward(Line { claim, delay_h, .. }) = self else { return common };
        let Claim { order_id, line_id, kind, refund_id, sku, credit } = claim;
        let Credit { units, revenue_minor, cost_minor } = credit;
        // A shard of the release before must not take a refund for a sale: it finds a word where it wants a number.
        let kind = match kind {
            RewardKind::Sale => String::new(),
            back => format!("{}\t{refund_id}\t", back.name()),
        };
        let delay_h = delay_h.unwrap_or_default();
        format!(
            "{common}\t{order_id}\t{line_id}\t{kind}{units}\t{revenue_minor}\t{cost_minor}\t{delay_h}\t{sku}"
        )
    }

    pub(super) fn read(line: &str) -> Option<Self> {
        let mut fields = line.split('\t').map(str::to_owned);
        let mut text = || fields.next();
        let (id, experiment, arm) = (text()?, text()?, text()?);
        let cohort = Cohort { epoch: text()?.parse().ok()?, hour: text()?.parse().ok()? };
        let forget_at_s = text()?.parse().ok()?;
        let exposure = Exposure { id, key: TallyKey { experiment, arm, cohort }, forget_at_s };
        let Some(order_id) = text() else { return Some(Self::Expose(exposure)) };
        let (line_id, word) = (text()?, text()?);
        let back = RewardKind::ALL.into_iter().find(|kind| kind.name() == word);
        let (refund_id, units) = if back.is_some() { (text()?, text()?) } else { (String::new(), word) };
        let credit = Credit {
            units: units.parse().ok()?,
            revenue_minor: text()?.parse().ok()?,
            cost_minor: text()?.parse().ok()?,
        };
        let delay_h = text().and_then(|hours| hours.parse().ok());
        let (kind, sku) = (back.unwrap_or(RewardKind::Sale), text().unwrap_or_default());
        let claim = Claim { order_id, line_id, kind, refund_id, sku, credit };
        Some(Self::Reward(Line { claim, delay_h, exposure }))
    }
}

/// What became of a command.
pub enum Outcome {
    /// The exposure is counted.
    Recorded,
    /// The reward is stored and counted.
    Matched,
    /// The reward is stored and waits: a sale for its exposure, a refund for its sale.
    Unmatched,
    /// It is known already.
    Duplicate,
    /// It was not stored, for this reason.
    Refused(String),
}

impl Outcome {
    /// The word in the answer.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Matched => "matched",
            Self::Unmatched => "unmatched",
            Self::Duplicate => "duplicate",
            Self::Refused(_) => "refused",
        }
    }

    /// Why it was refused.
    pub fn into_error(self) -> Option<String> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }

    pub(super) fn read(line: &str) -> Self {
        match line {
            "recorded" => Self::Recorded,
            "matched" => Self::Matched,
            "unmatched" => Self::Unmatched,
            "duplicate" => Self::Duplicate,
            refused => Self::Refused(refused.to_owned()),
        }
    }

    pub(super) fn write(self) -> String {
        let status = self.status();
        self.into_error().unwrap_or_else(|| status.to_owned())
    }
}

impl Claim {
    /// What it is known by: order, line, kind and refund.
    pub(super) fn identity(&self) -> [Bound<'_>; 4] {
        let kind = self.kind.name();
        [
            self.order_id.as_str().into(),
            self.line_id.as_str().into(),
            kind.into(),
            self.refund_id.as_str().into(),
        ]
    }

    /// Amounts as they are stored: what was given back is negative.
    pub(super) fn signed(&self, credit: &Credit) -> Credit {
        let sign = if self.kind == RewardKind::Sale { 1 } else { -1 };
        Credit {
            units: sign * credit.units,
            revenue_minor: sign * credit.revenue_minor,
            cost_minor: sign * credit.cost_minor,
        }
    }

    /// As it was stored.
    pub(super) fn stored(row: &Row) -> Result<Self> {
        let kind = row.text(2)?;
        let kind = RewardKind::ALL.into_iter().find(|known| known.name() == kind);
        let mut claim = Self {
            order_id: row.text(0)?,
            line_id: row.text(1)?,
            kind: kind.ok_or_else(|| worker::Error::RustError("a kind that is none".into()))?,
            refund_id: row.text(3)?,
            sku: row.text(7)?,
            credit: credit_at(row, 4)?,
        };
        claim.credit = claim.signed(&claim.credit);
        Ok(claim)
    }
}

/// Pieces and money in three columns.
pub(super) fn credit_at(row: &Row, column: usize) -> Result<Credit> {
    Ok(Credit {
        units: row.integer(column)?,
        revenue_minor: row.integer(column + 1)?,
        cost_minor: row.integer(column + 2)?,
    })
}
