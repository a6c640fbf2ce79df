//! Shares that were computed elsewhere: a snapshot for who decides alone, without the policies and without the site.
//!
//! The browser's preview decides with the very shares that the Worker uses, and has no page to write. So it is built
//! without the code of either: two thirds of what it would be.

use super::{LiveExperiment, Means, Snapshot};
use crate::{Allocation, Error, Site, TOTAL};

impl Snapshot {
    /// Reads a snapshot as [`Snapshot::decode`] does, with the share of each arm given for each experiment by its name, in
    /// the order of its arms and out of [`TOTAL`], instead of computed by its policy. Its site is the empty one.
    ///
    /// # Errors
    /// Those of [`Snapshot::decode`]; an experiment without shares; shares which no policy could have made of it: of
    /// another number of arms, not summing to [`TOTAL`], of an arm that gets no units, or below the floor.
    ///
    /// ```
    /// use haggle::{Entry, Snapshot, Tally, evidence};
    /// # let experiment = haggle::Experiment::from_json(include_str!("../../tests/golden/sevilla.json"))?;
    /// # let input = evidence::pooled(&experiment, &[Tally::default(); 3])?;
    /// let bytes = Snapshot::encode(1, 1_700_000_000_000, &[Entry::new(&experiment, 1, input)])?;
    /// let shares = Snapshot::decode(bytes.clone())?.experiments()[0].allocation().shares().to_vec();
    /// let snapshot = Snapshot::decode_given(bytes.clone(), |name| (name == "sevilla").then(|| shares.clone()))?;
    /// assert_eq!(snapshot.experiments()[0].allocation().shares(), shares);
    /// let error = Snapshot::decode_given(bytes, |_| Some(vec![1, 2])).unwrap_err();
    /// assert_eq!(error.to_string(), "number of shares of sevilla is 2; it must be 3, as it has arms");
    /// # Ok::<(), haggle::Error>(())
    /// ```
    pub fn decode_given(bytes: Vec<u8>, shares_of: impl Fn(&str) -> Option<Vec<u32>>) -> Result<Self, Error> {
        // Nobody asks for an allocation: every experiment gets its own here, or the snapshot is refused.
        let means = Means { allocate: |_, _| Allocation::of(Vec::new()), read_site: |_| Ok(Site::default()) };
        let snapshot = Self::read(bytes, means)?;
        for live in &snapshot.experiments {
            let what = || format!("shares of {}", live.name());
            let shares = shares_of(live.name()).ok_or_else(|| Error::value(what(), "missing", "given"))?;
            check(live, &shares)?;
            live.allocation.get_or_init(|| Allocation::of(shares));
        }
        Ok(snapshot)
    }
}

fn check(live: &LiveExperiment, shares: &[u32]) -> Result<(), Error> {
    let (name, input) = (live.name(), live.input());
    if shares.len() != input.arms().len() {
        let allowed = format!("{}, as it has arms", input.arms().len());
        return Err(Error::value(format!("number of shares of {name}"), shares.len(), allowed));
    }
    for ((arm, of_arm), &share) in live.arms().iter().zip(input.arms()).zip(shares) {
        let what = || format!("share of arm {} of {name}", arm.name);
        if !of_arm.live && share != 0 {
            return Err(Error::value(what(), share, "0, as no units are sent to it"));
        }
        if of_arm.live && share < input.floor() {
            return Err(Error::value(what(), share, format!("at least {}, the floor", input.floor())));
        }
    }
    let sum = shares.iter().fold(0u64, |sum, &share| sum + u64::from(share));
    if sum != u64::from(TOTAL) {
        return Err(Error::value(format!("sum of the shares of {name}"), sum, TOTAL));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::decision::tests::snapshot;
    use crate::{Snapshot, UnitKey, decide};

    #[test]
    fn what_is_decided_with_the_policys_own_shares_is_what_the_policy_decides() {
        let computed = snapshot([10, 20, 5]);
        let shares = computed.experiments()[0].allocation().shares().to_vec();
        let given = Snapshot::decode_given(computed.bytes().to_vec(), |_| Some(shares.clone())).unwrap();
        for n in 0..2_000u128 {
            let unit = UnitKey::from_bytes(n.to_le_bytes());
            let [a, b] = [&computed, &given].map(|of| decide(of, "OLIVE-500", &unit, 0).unwrap());
            assert_eq!((a.choice, a.propensity), (b.choice, b.propensity));
        }
    }

    #[test]
    fn shares_that_no_policy_could_have_made_are_refused() {
        let computed = snapshot([10, 20, 5]);
        let floor = computed.experiments()[0].input().floor();
        assert!(floor > 0);
        for (shares, why) in [
            (None, "shares of sevilla is missing; it must be given"),
            (Some(vec![]), "number of shares of sevilla is 0; it must be 3, as it has arms"),
            (Some(vec![65_536, 0, 0, 0]), "number of shares of sevilla is 4; it must be 3, as it has arms"),
            (Some(vec![30_000, 30_000, 30_000]), "sum of the shares of sevilla is 90000; it must be 65536"),
            (Some(vec![u32::MAX; 3]), "sum of the shares of sevilla is 12884901885; it must be 65536"),
            (Some(vec![65_535, 1, 0]), "it must be at least"),
        ] {
            let read = Snapshot::decode_given(computed.bytes().to_vec(), |_| shares.clone());
            let error = read.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_shares_are_taken_or_refused(shares in proptest::collection::vec(any::<u32>(), 0..5)) {
            let computed = snapshot([10, 20, 5]);
            let read = Snapshot::decode_given(computed.bytes().to_vec(), |_| Some(shares.clone()));
            prop_assert!(read.is_err(), "they sum to 65536 by chance once in 2^31");
        }
    }
}
