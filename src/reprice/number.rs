//! Numbers as they stand in a text: their groups, signs and decimals.

mod style;

use std::ops::Range;

use super::around::Place;
use super::sign::{self, BREAK, Sign};
pub(super) use style::{Edit, Style};

/// Groups that are told apart; nothing that costs anything has more.
const GROUPS_MAX: usize = 8;

/// A run of digits, and the sign that stands before it within the number.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    /// None before the first group, and where decimals have an element of their own (`19<sup>99</sup>`).
    sign: Option<Sign>,
    /// Position of that sign.
    sign_at: usize,
    start: usize,
    end: usize,
    count: usize,
}

/// A number as it stands in a text: groups of digits with signs between them, and dashes for zeros (`19.–`).
#[derive(Debug, Clone)]
pub(super) struct Number {
    groups: [Group; GROUPS_MAX],
    used: usize,
    /// The zero of its digits' script.
    zero: char,
    /// It has more groups than can be told apart.
    is_too_long: bool,
    /// The last group is decimals in an element of their own.
    is_split: bool,
    /// The sign before the dashes that stand for zeros, and where these are.
    dashes: Option<(Sign, Range<usize>)>,
    start: usize,
    end: usize,
}

/// The signs between groups of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grouping {
    /// The number is long enough to show that there are none.
    None,
    /// The number is too short to show.
    Unseen,
    /// `1,299,000`
    Thousands,
    /// `12,99,000`
    Indian,
}

impl Number {
    /// The number whose first digit stands at a position, for a currency with so many minor digits; these may stand in
    /// an element of their own where the text is `split` into nodes.
    pub fn read(text: &str, start: usize, minor_digits: usize, split: bool) -> Option<Self> {
        let (zero, _) = sign::at(text, start)?.digit()?;
        let mut number = Self {
            groups: [Group::default(); GROUPS_MAX],
            used: 0,
            zero,
            is_too_long: false,
            is_split: false,
            dashes: None,
            start,
            end: start,
        };
        // `.99`: a number may begin with its decimal sign, unless something stands before that.
        let lead = sign::before(text, start).filter(|sign| sign.is_decimal() && !sign.is_escaped);
        let lead = lead.filter(|sign| {
            let (end, count) = number.digits(text, start);
            count == minor_digits && begins(text, start - sign.len) && !continues(text, end)
        });
        if let Some(sign) = lead {
            number.start = start - sign.len;
            number.push(Group { start: number.start, end: number.start, ..Group::default() });
            number.push_digits(text, Some(sign), number.start, start);
        } else {
            number.push_digits(text, None, start, start);
            while number.extend(text) {}
            if !(split && number.extend_split(text, minor_digits)) {
                number.find_dashes(text);
            }
        }
        Some(number)
    }

    /// Where it ends, dashes included.
    pub fn end(&self) -> usize {
        self.dashes.as_ref().map_or(self.end, |(_, dashes)| dashes.end)
    }

    /// The end and the count of the digits of this number's script from a position on.
    fn digits(&self, text: &str, start: usize) -> (usize, usize) {
        let (mut end, mut count) = (start, 0);
        while let Some(sign) =
            sign::at(text, end).filter(|sign| sign.digit().is_some_and(|(zero, _)| zero == self.zero))
        {
            end += sign.len;
            count += 1;
        }
        (end, count)
    }

    fn push(&mut self, group: Group) {
        match self.groups.get_mut(self.used) {
            Some(slot) => {
                *slot = group;
                self.used += 1;
            }
            None => self.is_too_long = true,
        }
    }

    fn push_digits(&mut self, text: &str, sign: Option<Sign>, sign_at: usize, start: usize) {
        let (end, count) = self.digits(text, start);
        self.push(Group { sign, sign_at, start, end, count });
        self.end = end;
    }

    /// Takes the next sign and group in; `false` where the number ends.
    fn extend(&mut self, text: &str) -> bool {
        let Some(sign) = sign::at(text, self.end) else { return false };
        let next = self.end + sign.len;
        let (_, count) = self.digits(text, next);
        let is_next = if sign.is_space() {
            // A space is between groups only where there are groups of three and no other sign.
            count == 3
                && self.groups().iter().skip(1).all(|group| group.sign.is_some_and(|sign| sign.is_space()))
                && self.groups().first().is_some_and(|head| head.count <= 3)
        } else {
            count > 0 && (sign.is_grouping() || sign.is_decimal())
        };
        if is_next {
            self.push_digits(text, Some(sign), self.end, next);
            return true;
        }
        // `8. 94`, as badly made templates write it.
        let spaced = sign::at(text, next).filter(|space| sign.is_decimal() && space.is_space());
        let Some(space) = spaced.filter(|_| self.groups().iter().all(|group| group.sign != Some(sign)))
        else {
            return false;
        };
        let start = next + space.len;
        let (end, count) = self.digits(text, start);
        let place = Place { text, start: self.start, end, has_decimals: true, currency: None };
        if count == 2
            && place.is_alone()
            && (place.is_marked() || text.get(..self.start).is_some_and(is_blank))
        {
            self.push_digits(text, Some(Sign { len: sign.len + space.len, ..sign }), self.end, start);
        }
        false
    }

    /// Takes decimals in that stand in the next text node: `173` `34`, `36` `,49`, `19` `.` `99`, `36,` `49`.
    fn extend_split(&mut self, text: &str, minor_digits: usize) -> bool {
        if minor_digits == 0 || self.grouping(self.used).is_none() {
            return false;
        }
        let (mut position, mut decimal, mut is_next_node) = (self.end, None, false);
        while let Some(sign) = sign::at(text, position) {
            if sign.is_decimal() && decimal.is_none() {
                decimal = Some((sign, position));
            } else if sign.is_blank() {
                is_next_node |= sign.value == BREAK;
            } else {
                break;
            }
            position += sign.len;
        }
        let (end, count) = self.digits(text, position);
        // `32` `32` is the same price twice, one of them for screen readers.
        let is_twice = decimal.is_none() && text.get(self.start..self.end) == text.get(position..end);
        if !is_next_node || count != minor_digits || is_twice {
            return false;
        }
        let ends = match sign::at(text, end) {
            None => true,
            Some(sign) if sign.is_blank() || sign.value == '*' => {
                let rest = text.get(end..).unwrap_or_default();
                let node = rest.split(BREAK).next().unwrap_or_default();
                is_blank(node.trim_end_matches('*')) || self.is_marked_after(text, end)
            }
            Some(_) => self.is_marked_after(text, end),
        };
        if ends {
            let (sign, sign_at) = decimal.unzip();
            self.push_digits(text, sign, sign_at.unwrap_or(self.end), position);
            self.is_split = true;
        }
        ends
    }

    fn is_marked_after(&self, text: &str, end: usize) -> bool {
        // What stands before does not matter here: the place has no length.
        let place = Place {
            text: text.get(end..).unwrap_or_default(),
            start: 0,
            end: 0,
            has_decimals: true,
            currency: None,
        };
        place.is_marked()
    }

    /// Finds `.–`, `,-`, `:-` after the number, also with a space or the end of a node between the two.
    fn find_dashes(&mut self, text: &str) {
        let Some(sign) = sign::at(text, self.end).filter(|sign| sign.is_decimal() || sign.value == ':')
        else {
            return;
        };
        let mut start = self.end + sign.len;
        while let Some(blank) = sign::at(text, start).filter(|sign| sign.is_space() || sign.value == BREAK) {
            start += blank.len;
        }
        let mut end = start;
        while let Some(dash) = sign::at(text, end).filter(|sign| sign.is_dash()) {
            end += dash.len;
        }
        // `19. – 25. May` is two dates.
        let mut after = end;
        while let Some(blank) = sign::at(text, after).filter(Sign::is_space) {
            after += blank.len;
        }
        let is_followed = sign::at(text, after).is_some_and(|sign| sign.digit().is_some());
        if end > start && !(is_followed && (after == end || start > self.end + sign.len)) {
            self.dashes = Some((sign, start..end));
        }
    }

    fn groups(&self) -> &[Group] {
        self.groups.get(..self.used).unwrap_or_default()
    }

    /// How the first `whole` groups are joined; `None` where no whole number is written so.
    fn grouping(&self, whole: usize) -> Option<Grouping> {
        let (head, rest) = self.groups().get(..whole)?.split_first()?;
        let (first, Some(last)) = (rest.first().and_then(|group| group.sign), rest.last()) else {
            return Some(if head.count <= 3 { Grouping::Unseen } else { Grouping::None });
        };
        let first = first?;
        let is_same = |group: &Group| {
            group.sign.is_some_and(|sign| {
                (sign.is_grouping() || sign.is_space())
                    && (sign.value == first.value || (sign.is_space() && first.is_space()))
            })
        };
        if head.count == 0 || !rest.iter().all(is_same) || last.count != 3 {
            return None;
        }
        if head.count <= 3 && rest.iter().all(|group| group.count == 3) {
            return Some(Grouping::Thousands);
        }
        let middle = rest.split_last()?.1;
        (head.count <= 2 && middle.iter().all(|group| group.count == 2)).then_some(Grouping::Indian)
    }

    /// The number with the last group as decimals, or without any; `None` where no price is written so.
    fn style(&self, text: &str, has_decimals: bool) -> Option<Style<'_>> {
        if self.is_too_long || (self.is_split && !has_decimals) {
            return None;
        }
        let whole = self.used.checked_sub(usize::from(has_decimals)).filter(|&whole| whole > 0)?;
        let last = self.groups().get(whole).filter(|_| has_decimals);
        let is_lead = has_decimals && self.start == self.groups().first()?.end;
        if let Some(sign) = last.and_then(|last| last.sign) {
            let is_shared = self
                .groups()
                .get(1..whole)?
                .iter()
                .any(|group| group.sign.is_some_and(|other| other.value == sign.value));
            if !sign.is_decimal() || is_shared {
                return None;
            }
        }
        let grouping = if is_lead { Grouping::Unseen } else { self.grouping(whole)? };
        let head = self.groups().first()?;
        let is_zero =
            sign::at(text, head.start).and_then(|sign| sign.digit()).is_some_and(|(_, digit)| digit == 0);
        if is_zero && !is_lead && (head.count > 1 || whole > 1) {
            return None;
        }
        let mut amount = 0i64;
        for group in self.groups() {
            let mut position = group.start;
            while let Some(sign) = sign::at(text, position).filter(|_| position < group.end) {
                let (_, digit) = sign.digit()?;
                amount = amount.checked_mul(10)?.checked_add(i64::from(digit))?;
                position += sign.len;
            }
        }
        let decimals = u32::try_from(last.map_or(0, |last| last.count)).ok()?;
        let whole = if is_lead { 0 } else { whole };
        Some(Style { number: self, whole, grouping, decimals, amount })
    }

    /// The ways to read the number as a price, the likelier first: `1.299` is decimals in a currency with three minor
    /// digits and a group else.
    pub fn styles(&self, text: &str, minor_digits: u32) -> impl Iterator<Item = Style<'_>> {
        let decimals = self.style(text, true);
        let plain = self.style(text, false);
        let is_either = decimals.is_some() && plain.is_some();
        let first = decimals.filter(|style| {
            !is_either || minor_digits == 3 || style.decimal().is_some_and(|sign| sign.value == '\u{66b}')
        });
        first.into_iter().chain(plain)
    }
}

/// Whether a number can begin at a position: nothing but a space or a sign before it.
fn begins(text: &str, position: usize) -> bool {
    let mut at = position;
    while let Some(sign) = sign::before(text, at).filter(|sign| sign.value == BREAK) {
        at -= sign.len;
    }
    sign::before(text, at).is_none_or(|sign| {
        !(sign.value.is_alphanumeric() || sign.is_hidden_letter() || sign.is_decimal() || sign.is_grouping())
    })
}

/// Whether a number that could end at a position goes on there.
fn continues(text: &str, position: usize) -> bool {
    sign::at(text, position).is_some_and(|sign| {
        (sign.is_decimal() || sign.is_grouping())
            && sign::at(text, position + sign.len).is_some_and(|next| next.digit().is_some())
    })
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
