//! Preview links: the prices of one visitor, or of chosen arms, for whoever is given the address, for an hour at most.
//!
//! A link carries a token: a unit, arms by the short number of their experiment, and an end, under a MAC of its own
//! purpose. It holds for one shop and one host. Nobody can make one without the keys of the quotes, and none of our other
//! texts is one. The unit in it is a keyed hash: the visitor's id cannot be had from it.
//!
//! Out of scope: who may make a link, which the shell asks for, and what a page with it is: [`Quote::is_preview`] says so
//! in each of its quotes.
//!
//! [`Quote::is_preview`]: crate::Quote::is_preview

use std::fmt;

use crate::decision::{Choice, Decision};
use crate::experiment::HOLDOUT;
use crate::json::{Fields, Value};
use crate::snapshot::LiveExperiment;
use crate::{Error, Pins, Quotary, Snapshot, UnitKey, mac};

const PURPOSE: &[u8] = b"haggle preview 1\0";
const HOLDOUT_CODE: u8 = u8::MAX;

/// Longest life of a link, in minutes.
pub const MINUTES_MAX: u64 = 60;

/// Longest address of a page that a link is made for, in bytes.
pub const URL_BYTES_MAX: usize = 2000;

/// Name of the query's parameter that holds the token.
pub const PARAMETER: &str = "haggle-preview";

/// Whose prices are shown, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    unit: UnitKey,
    /// Tag of an experiment, and position of its arm.
    arms: Vec<(u32, u8)>,
    expires_at_s: u64,
}

/// Why a token shows nothing: the page is then as for anybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is no token of ours, or one for another shop or host.
    Invalid,
    /// Its hour is over.
    Expired,
}

impl Refused {
    /// One word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "preview-invalid",
            Self::Expired => "preview-expired",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Link {
    /// The prices of a unit until a time, in seconds since 1970-01-01 UTC.
    pub fn new(unit: UnitKey, expires_at_s: u64) -> Self {
        Self { unit, arms: Vec::new(), expires_at_s }
    }

    /// The same, but an arm of an experiment, by its name or as `holdout`, instead of where the unit is sent.
    ///
    /// # Errors
    /// The experiment randomises items, so that everybody sees the same; it has no such arm.
    pub fn with_arm(mut self, live: &LiveExperiment, arm: &str) -> Result<Self, Error> {
        let what = || format!("arms.{}", live.name());
        if !live.is_of_visitors() {
            let allowed = "left out, as it randomises items and everybody sees the same prices";
            return Err(Error::value(what(), format!("{arm:?}"), allowed));
        }
        let place = match arm {
            HOLDOUT => Some(HOLDOUT_CODE),
            arm => live.arms().iter().position(|known| known.name == arm).map(|place| place as u8),
        };
        let names = || live.arms().iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>().join(", ");
        let place = place
            .ok_or_else(|| Error::value(what(), format!("{arm:?}"), format!("{} or {HOLDOUT}", names())))?;
        self.arms.push((live.tag(), place));
        Ok(self)
    }

    /// Whose prices are shown in the experiments without a chosen arm.
    pub fn unit(&self) -> &UnitKey {
        &self.unit
    }

    /// Seconds until it ends.
    pub fn left_s(&self, now_s: u64) -> u64 {
        self.expires_at_s.saturating_sub(now_s)
    }

    /// The chosen arms as pins from now on; those of experiments that run no more, or no longer have the arm, are none.
    pub fn pins(&self, snapshot: &Snapshot, now_ms: u64) -> Pins {
        let chosen = self.arms.iter().filter_map(|&(tag, arm)| {
            let experiment = snapshot.experiments().iter().find(|live| live.tag() == tag)?;
            let arm = usize::from(arm);
            let choice = match arm == usize::from(HOLDOUT_CODE) {
                true => Choice::Holdout,
                false => Choice::Arm(experiment.arms().get(arm).map(|_| arm)?),
            };
            let share = experiment.allocation().shares().get(arm).copied();
            Some(Decision {
                experiment,
                choice,
                propensity: share.unwrap_or(crate::TOTAL).max(1),
                epoch: experiment.epoch(),
                decided_at_min: u32::try_from(now_ms / 60_000).unwrap_or(u32::MAX),
            })
        });
        Pins::of(&chosen.collect::<Vec<_>>())
    }

    /// The token, at most 364 characters, for one shop and one host.
    pub fn seal(&self, quotary: &Quotary, merchant: &str, host: &str) -> String {
        let mut payload = self.expires_at_s.to_le_bytes().to_vec();
        payload.extend(self.unit.bytes());
        for (tag, arm) in &self.arms {
            let [t0, t1, t2, _] = tag.to_le_bytes();
            payload.extend([t0, t1, t2, *arm]);
        }
        quotary.seal(PURPOSE, &place(merchant, host), &payload)
    }

    /// Opens any text.
    ///
    /// # Errors
    /// It is no token for this shop and host, or its time is over. One that would hold for longer than an hour is none.
    pub fn open(
        quotary: &Quotary,
        merchant: &str,
        host: &str,
        token: &str,
        now_s: u64,
    ) -> Result<Self, Refused> {
        let is_short = token.len() <= TOKEN_BYTES_MAX;
        let payload = is_short.then(|| quotary.unseal(PURPOSE, &place(merchant, host), token)).flatten();
        let link = payload.as_deref().and_then(Self::read).ok_or(Refused::Invalid)?;
        match link.left_s(now_s) {
            0 => Err(Refused::Expired),
            left_s if left_s > (MINUTES_MAX + SKEW_MINUTES) * 60 => Err(Refused::Invalid),
            _ => Ok(link),
        }
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let (expires_at_s, rest) = payload.split_first_chunk()?;
        let (unit, arms) = rest.split_first_chunk()?;
        let (arms, rest) = arms.as_chunks();
        let arm = |&[t0, t1, t2, arm]: &[u8; 4]| (u32::from_le_bytes([t0, t1, t2, 0]), arm);
        rest.is_empty().then(|| Self {
            unit: UnitKey::from_bytes(*unit),
            arms: arms.iter().map(arm).collect(),
            expires_at_s: u64::from_le_bytes(*expires_at_s),
        })
    }
}

/// Twice the longest that we make, so that nothing long is looked at.
const TOKEN_BYTES_MAX: usize = 728;

/// Minutes by which the clocks of edge locations may differ.
const SKEW_MINUTES: u64 = 5;

fn place(merchant: &str, host: &str) -> [u8; 16] {
    mac::digest16(&["haggle preview", merchant, host])
}

/// What somebody wants a link for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Address of a page of the shop, without a token.
    pub url: String,
    /// The visitor, where one is given.
    pub visitor: Option<String>,
    /// Arms by the name of their experiment.
    pub arms: Vec<(String, String)>,
    /// How long the link holds.
    pub minutes: u64,
}

impl Wish {
    /// Reads `{"url", "visitor", "arms": {"EXPERIMENT": "ARM"}, "minutes"}`; `visitor` or `arms` may be left out, and
    /// `minutes`, which are 60 then.
    ///
    /// ```
    /// use haggle::preview::Wish;
    /// let wish = Wish::from_json(r#"{"url": "https://shop.example/oil#new", "visitor": "0f9c1a"}"#)?;
    /// assert_eq!((wish.host().as_str(), wish.minutes), ("shop.example", 60));
    /// assert_eq!(wish.address("TOKEN"), "https://shop.example/oil?haggle-preview=TOKEN#new");
    /// # Ok::<(), haggle::Error>(())
    /// ```
    ///
    /// # Errors
    /// Says which field is wrong, what was given and what is allowed.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let mut fields = Fields::parse("a wish in JSON", text, &["url", "visitor", "arms", "minutes"])?;
        let url = fields.take("url").text()?;
        let is_plain = url.len() <= URL_BYTES_MAX && url.bytes().all(|byte| byte.is_ascii_graphic());
        let host = host_of(&url).filter(|host| !host.is_empty());
        if !is_plain || host.is_none() {
            let allowed =
                "the address of a page of the shop, with https:// and as the browser shows it when copied";
            return Err(Error::value("url", format!("{url:?}"), allowed));
        }
        let visitor = fields.take("visitor").if_any();
        let visitor = visitor.map(|visitor| {
            let text = visitor.clone().text()?;
            match (1..=64).contains(&text.len()) {
                true => Ok(text),
                false => Err(visitor.refusal("a visitor id of 1 to 64 characters")),
            }
        });
        let arms = match fields.take("arms").if_any() {
            Some(arms) => arms.any_fields()?.rest(),
            None => Vec::new(),
        };
        let arms = arms.into_iter().map(|(name, arm): (String, Value)| Ok::<_, Error>((name, arm.text()?)));
        let minutes = fields.take("minutes").if_any();
        let minutes =
            minutes.map_or(Ok(MINUTES_MAX as i64), |given| given.integer_in(1..=MINUTES_MAX as i64))?;
        let wish = Self {
            url: without_token(&url).0,
            visitor: visitor.transpose()?,
            arms: arms.collect::<Result<_, _>>()?,
            minutes: minutes.unsigned_abs(),
        };
        if wish.visitor.is_none() && wish.arms.is_empty() {
            return Err(Error::value("visitor", "missing", "a visitor id, where no arms are given"));
        }
        Ok(wish)
    }

    /// The host that the link is for, in small letters and without its port.
    pub fn host(&self) -> String {
        host_of(&self.url).unwrap_or_default()
    }

    /// The address with a token in it.
    pub fn address(&self, token: &str) -> String {
        let (page, fragment) = match self.url.split_once('#') {
            Some((page, fragment)) => (page, format!("#{fragment}")),
            None => (self.url.as_str(), String::new()),
        };
        let joint = if page.contains('?') { '&' } else { '?' };
        format!("{page}{joint}{PARAMETER}={token}{fragment}")
    }
}

fn host_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.contains('@'))?;
    Some(authority.split(':').next()?.to_ascii_lowercase())
}

/// An address without the parameter of a preview, and the token that it held, if any.
///
/// ```
/// use haggle::preview::without_token;
/// assert_eq!(without_token("/oil?a=1&haggle-preview=T&b=2"), ("/oil?a=1&b=2".into(), Some("T".into())));
/// assert_eq!(without_token("/oil?haggle-preview=T#new"), ("/oil#new".into(), Some("T".into())));
/// assert_eq!(without_token("/oil?a=1"), ("/oil?a=1".into(), None));
/// ```
pub fn without_token(url: &str) -> (String, Option<String>) {
    let (page, fragment) = url.split_once('#').map_or((url, None), |(page, rest)| (page, Some(rest)));
    let Some((path, query)) = page.split_once('?') else { return (url.into(), None) };
    let (mut kept, mut token) = (Vec::new(), None);
    for pair in query.split('&') {
        match pair.split_once('=').unwrap_or((pair, "")) {
            (PARAMETER, value) => token = Some(value.to_owned()),
            _ => kept.push(pair),
        }
    }
    if token.is_none() {
        return (url.into(), None);
    }
    let mut address = path.to_owned();
    if !kept.is_empty() {
        address.push('?');
        address.push_str(&kept.join("&"));
    }
    if let Some(fragment) = fragment {
        address.push('#');
        address.push_str(fragment);
    }
    (address, token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;
    use crate::decision::tests::snapshot;
    use crate::pin::Pinned;
    use crate::quote::tests::quotary;
    use proptest::prelude::*;

    const NOW_S: u64 = 1_700_000_000;

    fn link() -> Link {
        Link::new(UnitKey::of_visitor(&Key::new(&[7; 32]), "visitor-1"), NOW_S + 3600)
    }

    fn opened(token: &str, host: &str, now_s: u64) -> Result<Link, Refused> {
        Link::open(&quotary(), "shop", host, token, now_s)
    }

    #[test]
    fn a_link_opens_at_its_shop_and_host_until_it_ends() {
        let snapshot = snapshot([10, 20, 5]);
        let link = link().with_arm(&snapshot.experiments()[0], "high").unwrap();
        let token = link.seal(&quotary(), "shop", "shop.example");
        assert_eq!(opened(&token, "shop.example", NOW_S), Ok(link.clone()));
        assert_eq!(opened(&token, "shop.example", NOW_S + 3599), Ok(link));
        assert_eq!(opened(&token, "shop.example", NOW_S + 3600), Err(Refused::Expired));
        assert_eq!(opened(&token, "other.example", NOW_S), Err(Refused::Invalid));
        assert_eq!(Link::open(&quotary(), "other", "shop.example", &token, NOW_S), Err(Refused::Invalid));
        assert!(opened(&token, "shop.example", NOW_S - 300).is_ok(), "clocks differ by five minutes");
        assert_eq!(opened(&token, "shop.example", NOW_S - 301), Err(Refused::Invalid), "longer than an hour");
        let mut payload = (NOW_S + 60).to_le_bytes().to_vec();
        payload.extend([0; 16]);
        for (more, is_link) in [(0, true), (1, false), (3, false), (4, true), (5, false)] {
            let payload = [payload.clone(), vec![0; more]].concat();
            let token = quotary().seal(PURPOSE, &place("shop", "shop.example"), &payload);
            assert_eq!(opened(&token, "shop.example", NOW_S).is_ok(), is_link, "{more} bytes more");
        }
        let other_keys = Quotary::parse(&format!("k1:{}", "00".repeat(32))).unwrap();
        assert_eq!(Link::open(&other_keys, "shop", "shop.example", &token, NOW_S), Err(Refused::Invalid));
    }

    #[test]
    fn the_longest_token_is_as_long_as_is_said() {
        let mut longest = link();
        longest.arms = vec![(1, 1); crate::experiment::EXPERIMENTS_MAX];
        let token = longest.seal(&quotary(), "shop", "shop.example");
        assert!(token.len() <= 374, "{}", token.len());
        assert!(opened(&token, "shop.example", NOW_S).is_ok());
    }

    #[test]
    fn chosen_arms_are_pinned_and_all_else_is_the_visitors() {
        let snapshot = snapshot([1, 60, 1]);
        let live = &snapshot.experiments()[0];
        for (arm, choice) in [("low", Choice::Arm(1)), ("high", Choice::Arm(2)), ("holdout", Choice::Holdout)]
        {
            let pins = link().with_arm(live, arm).unwrap().pins(&snapshot, NOW_S * 1000);
            match pins.find(live, 3600, NOW_S * 1000) {
                Some(Pinned::Decision(decision)) => {
                    assert_eq!((decision.choice, decision.epoch), (choice, live.epoch()));
                    let share = match choice {
                        Choice::Arm(place) => live.allocation().shares()[place],
                        _ => crate::TOTAL,
                    };
                    assert_eq!(decision.propensity, share);
                }
                other => panic!("{arm}: {other:?}"),
            }
        }
        assert_eq!(link().pins(&snapshot, NOW_S * 1000), Pins::default());
        // Of an experiment that runs no more, and of an arm that it does not have, nothing is pinned.
        for arms in [(live.tag() ^ 1, 1), (live.tag(), 3)] {
            let gone = Link { arms: vec![arms], ..link() };
            assert_eq!(gone.pins(&snapshot, NOW_S * 1000), Pins::default());
        }
        let error = link().with_arm(live, "middle").unwrap_err().to_string();
        assert_eq!(error, "arms.sevilla is \"middle\"; it must be list, low, high or holdout");
        let stopped = crate::decision::tests::stopped();
        let pins = link().with_arm(live, "high").unwrap().pins(&stopped, NOW_S * 1000);
        assert!(pins.find(&stopped.experiments()[0], 3600, NOW_S * 1000).is_none(), "stopped is stopped");
    }

    #[test]
    fn a_wish_is_read_or_says_what_is_wrong() {
        let json = r#"{"url":"https://Shop.Example:8443/oil?a=1&haggle-preview=old","arms":{"sevilla":"low"},"minutes":5}"#;
        let wish = Wish::from_json(json).unwrap();
        assert_eq!((wish.host().as_str(), wish.minutes, wish.visitor.as_deref()), ("shop.example", 5, None));
        assert_eq!(wish.arms, [("sevilla".to_owned(), "low".to_owned())]);
        assert_eq!(wish.address("T"), "https://Shop.Example:8443/oil?a=1&haggle-preview=T");
        for (visitor, url, is_read) in [(64, 2000, true), (65, 30, false), (64, 2001, false)] {
            let url = format!("http://shop.example/{}", "a".repeat(url - 20));
            let json = format!(r#"{{"url":"{url}","visitor":"{}"}}"#, "v".repeat(visitor));
            assert_eq!(Wish::from_json(&json).is_ok(), is_read, "{visitor} {}", url.len());
        }
        for (json, why) in [
            ("[]", "not a wish in JSON"),
            ("{}", "url is missing"),
            (r#"{"url":"/oil","visitor":"a"}"#, "url is \"/oil\"; it must be the address"),
            (r#"{"url":"https:///oil","visitor":"a"}"#, "it must be the address"),
            (r#"{"url":"javascript:alert(1)","visitor":"a"}"#, "it must be the address"),
            (r#"{"url":"https://me:secret@shop.example/","visitor":"a"}"#, "it must be the address"),
            (r#"{"url":"https://me@shop.example/","visitor":"a"}"#, "it must be the address"),
            (r#"{"url":"https://shop.example/a b","visitor":"a"}"#, "it must be the address"),
            (r#"{"url":"https://shop.example/"}"#, "visitor is missing"),
            (r#"{"url":"https://shop.example/","visitor":""}"#, "1 to 64 characters"),
            (r#"{"url":"https://shop.example/","arms":{"a":1}}"#, "arms.a is 1; it must be a text"),
            (
                r#"{"url":"https://shop.example/","visitor":"a","minutes":61}"#,
                "minutes is 61; it must be 1 to 60",
            ),
            (
                r#"{"url":"https://shop.example/","visitor":"a","minutes":0}"#,
                "minutes is 0; it must be 1 to 60",
            ),
            (r#"{"url":"https://shop.example/","visitor":"a","hours":1}"#, "hours is not known"),
        ] {
            let error = Wish::from_json(json).unwrap_err().to_string();
            assert!(error.contains(why), "{json}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_as_a_token_and_leaves_the_address_as_it_was(text in ".{0,800}") {
            prop_assert_eq!(opened(&text, "shop.example", NOW_S), Err(Refused::Invalid));
            let (kept, token) = without_token(&text);
            prop_assert!(token.is_some() || kept == text);
            prop_assert!(Wish::from_json(&text).is_err());
        }

        /// One bit of a token is another one in 3 characters of 4 at least; a change of the last bits may change nothing.
        #[test]
        fn a_changed_token_is_none(at in 0usize..64, bit in 0u8..6) {
            let token = link().seal(&quotary(), "shop", "shop.example");
            let mut bytes = crate::base64url::decode(&token).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let changed = crate::base64url::encode(&bytes);
            prop_assert_eq!(opened(&changed, "shop.example", NOW_S), Err(Refused::Invalid));
        }

        #[test]
        fn any_signed_payload_is_a_link_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            let token = quotary().seal(PURPOSE, &place("shop", "shop.example"), &payload);
            if let Ok(link) = opened(&token, "shop.example", NOW_S) {
                prop_assert!(link.left_s(NOW_S) <= 65 * 60);
            }
        }
    }

    #[test]
    fn pins_and_quotes_are_no_links_and_links_are_no_pins() {
        let (snapshot, link) = (snapshot([10, 20, 5]), link());
        let unit = *link.unit();
        let (_, pins) = Pins::default().settle(&snapshot, &unit, 172_800, NOW_S * 1000);
        let of_pins = pins.seal(&quotary(), &unit);
        assert_eq!(opened(&of_pins, "shop.example", NOW_S), Err(Refused::Invalid));
        let of_place = UnitKey::from_bytes(place("shop", "shop.example"));
        assert_eq!(opened(&pins.seal(&quotary(), &of_place), "shop.example", NOW_S), Err(Refused::Invalid));
        let token = link.seal(&quotary(), "shop", "shop.example");
        assert_eq!(Pins::open(&quotary(), &of_place, &token), Pins::default());
        assert!(quotary().open(&token).is_err());
    }
}
