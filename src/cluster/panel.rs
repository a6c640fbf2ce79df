//! What was seen: the epochs in the order of time, each with its shares and what every cluster brought in it.

use super::{Estimate, Question};
use crate::tally::SUM_MAX;
use crate::{Error, TOTAL};

/// Most hours of an epoch: ten years.
const HOURS_MAX: f64 = 87_600.0;

/// What a cluster brought in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// Position of the item or family among the clusters.
    pub cluster: usize,
    /// Position of the arm that it was on.
    pub arm: usize,
    /// Net profit or net revenue of all its sales in the hours that count. Minor units, within ±2^53.
    pub value_minor: i64,
}

/// An epoch: the time in which every item stays on its arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch {
    /// The period whose seed drew the arms. Epochs of one period (an arm was added or retired within it) share their
    /// draw: what a cluster brought in one of them says nothing beforehand about the others.
    pub period: u64,
    /// Share of each arm out of 65536 under which the arms were drawn, in the order of the arms.
    pub shares: Vec<u32>,
    /// Hours that count: from its beginning and the washout to its end. More than 0.
    pub hours: f64,
    /// One observation of each cluster, also of those that sold nothing.
    pub observations: Vec<Observation>,
}

/// An arm as it was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ArmMean {
    /// Clusters times epochs.
    pub observations: usize,
    /// Clusters that were on it in some epoch.
    pub clusters: usize,
    /// Minor units per cluster and [`Question::per_hours`], as counted; 0 without observations. Arms are on other items
    /// and in other weeks, so do not compare these: ask for the difference.
    pub mean: f64,
}

/// All that was seen of an experiment whose units are items.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    pub(super) past: Vec<Option<i64>>,
    pub(super) epochs: Vec<Epoch>,
    arms: usize,
}

impl Panel {
    /// A panel of so many arms; `past` has what each cluster brought before the experiment, where that is known, and
    /// `epochs` are in the order of time.
    ///
    /// # Errors
    /// Periods that run backwards, shares of another number of arms or that do not sum to 65536, hours that are none, and observations of a cluster
    /// or an arm that is not there, of an arm without share, twice of one cluster, or of more than 2^53 minor units.
    pub fn new(arms: usize, past: Vec<Option<i64>>, epochs: Vec<Epoch>) -> Result<Self, Error> {
        let mut last = 0;
        for epoch in &epochs {
            epoch.check(arms, past.len())?;
            if epoch.period < last {
                return Err(Error::value("period of an epoch", epoch.period, format!("{last} or later")));
            }
            last = epoch.period;
        }
        Ok(Self { past, epochs, arms })
    }

    /// Number of clusters.
    pub fn clusters(&self) -> usize {
        self.past.len()
    }

    /// What was counted on each arm, in the order of the arms.
    ///
    /// # Errors
    /// A question out of bounds.
    pub fn means(&self, question: &Question) -> Result<Vec<ArmMean>, Error> {
        super::check(question)?;
        let means = (0..self.arms).map(|arm| {
            let mut seen = vec![false; self.past.len()];
            let (mut observations, mut sum, mut hours) = (0, 0.0, 0.0);
            for epoch in &self.epochs {
                for one in epoch.observations.iter().filter(|one| one.arm == arm) {
                    observations += 1;
                    sum += one.value_minor as f64;
                    hours += epoch.hours;
                    seen.iter_mut().skip(one.cluster).take(1).for_each(|seen| *seen = true);
                }
            }
            let mean = if hours > 0.0 { sum / hours * question.per_hours } else { 0.0 };
            ArmMean { observations, clusters: seen.iter().filter(|&&seen| seen).count(), mean }
        });
        Ok(means.collect())
    }

    /// What a cluster on arm `of` brings more than one on arm `base`, in minor units per cluster and
    /// [`Question::per_hours`]; `None` until five clusters were seen on each, and for an arm against itself.
    ///
    /// Augmented inverse-propensity weighting: in an epoch t with shares e, a cluster c that brought Y gets the score
    /// `Γ = m_a - m_b + 1{A = a} / e_a (Y - m_a) - 1{A = b} / e_b (Y - m_b)`, where m is what was to be expected of it:
    /// its own mean in earlier periods and its past (as in CUPED), times how the *other* clusters did in the same epoch, times how
    /// the arm did before. None of it looks at the cluster's own outcome or arm in this epoch, so Γ is unbiased whatever
    /// made e of what was before. Epochs are weighted by `√(e_a e_b / (e_a + e_b))` times their hours, so that it is
    /// nearly normal although shares went up and down by chance; over epochs of unequal differences it is their average
    /// with these weights. The variance is that of the clusters' sums, with Student's t at the degrees of freedom that
    /// these leave. Sources: Hadad, Hirshberg, Zhan, Wager and Athey (2021), doi:10.1073/pnas.2014602118 (scores and
    /// weights); Deng, Xu, Kohavi and Walker (2013), doi:10.1145/2433396.2433413 (what was before as a covariate);
    /// Wu and Gagnon-Bartsch (2018), *The LOOP estimator*, doi:10.1177/0193841X18808003 (leaving the unit itself out);
    /// Cameron and Miller (2015), doi:10.3368/jhr.50.2.317 (clusters).
    ///
    /// ```
    /// use haggle::Allocation;
    /// use haggle::cluster::{Epoch, Observation, Panel, Question, period_seed, unit_of};
    /// // Forty items, drawn to one of two arms anew every day; the second brings 300 more on a day.
    /// let even = Allocation::quantise(&[1.0, 1.0], &[true; 2], 0);
    /// let epochs = (0..14).map(|day| {
    ///     let seed = period_seed("sevilla-2026", day);
    ///     let observation = |cluster: usize| {
    ///         let arm = even.draw(&seed, &unit_of(&format!("S-{cluster}")));
    ///         let value_minor = 1000 + 100 * cluster as i64 + 300 * arm as i64;
    ///         Observation { cluster, arm, value_minor }
    ///     };
    ///     let observations = (0..40).map(observation).collect();
    ///     Epoch { period: day, shares: even.shares().to_vec(), hours: 24.0, observations }
    /// });
    /// let panel = Panel::new(2, vec![None; 40], epochs.collect())?;
    /// let found = panel.difference(1, 0, &Question::per(24.0))?.ok_or("too little is known")?;
    /// assert!(found.at_one_look.contains(300.0) && found.at_one_look.low > 200.0, "{found:?}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A question out of bounds, an arm that is not there.
    pub fn difference(&self, of: usize, base: usize, question: &Question) -> Result<Option<Estimate>, Error> {
        super::check(question)?;
        for arm in [of, base] {
            if arm >= self.arms {
                return Err(Error::value("arm", arm, format!("below the number of arms, {}", self.arms)));
            }
        }
        if of == base { Ok(None) } else { super::difference::difference(self, of, base, question) }
    }
}

impl Epoch {
    fn check(&self, arms: usize, clusters: usize) -> Result<(), Error> {
        let sum: u64 = self.shares.iter().copied().map(u64::from).sum();
        if self.shares.len() != arms || sum != u64::from(TOTAL) {
            let given = format!("{sum} over {} arms", self.shares.len());
            return Err(Error::value("sum of the shares of an epoch", given, format!("{TOTAL} over {arms}")));
        }
        if !(self.hours > 0.0 && self.hours <= HOURS_MAX) {
            let given = crate::error::decimal(self.hours);
            return Err(Error::value("hours of an epoch", given, "more than 0, at most 87600"));
        }
        let mut seen = vec![false; clusters];
        for one in &self.observations {
            let Some(seen) = seen.get_mut(one.cluster) else {
                let allowed = format!("below the number of clusters, {clusters}");
                return Err(Error::value("cluster", one.cluster, allowed));
            };
            if std::mem::replace(seen, true) {
                return Err(Error::value("cluster", format!("{} twice", one.cluster), "once in an epoch"));
            }
            if self.shares.get(one.arm).is_none_or(|&share| share == 0) {
                return Err(Error::value(
                    "arm of an observation",
                    one.arm,
                    "an arm with a share in its epoch",
                ));
            }
            if one.value_minor.unsigned_abs() > SUM_MAX.unsigned_abs() {
                let allowed = format!("within ±{SUM_MAX}");
                return Err(Error::value("value of an observation", one.value_minor, allowed));
            }
        }
        Ok(())
    }
}
