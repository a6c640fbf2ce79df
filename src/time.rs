//! Dates and times of the civil calendar, in UTC: `2026-12-01` and `2026-12-01T09:30:00Z` to and from milliseconds since
//! 1970-01-01.
//!
//! In scope: what RFC 3339 allows, from 1970 to 9999. Out of scope: what time it is (an argument everywhere in the core),
//! time zones by name, leap seconds (a second `60` is refused, as the milliseconds since 1970 do not have it).

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;

/// Milliseconds of an hour.
pub const HOUR_MS: u64 = 3_600_000;

/// The beginning of the year 10000, which has one digit too many for RFC 3339.
const YEAR_10_000_MS: u64 = 253_402_300_800_000;

/// Days from 1970-01-01 to a date of the Gregorian calendar, whose month is 1 to 12.
///
/// Source: Howard Hinnant, *chrono-compatible low-level date algorithms*, `days_from_civil`: the year begins in March,
/// so that the leap day is its last, and 400 years have 146 097 days.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day, so many days after 1970-01-01.
///
/// Source: as of [`days_from_civil`], there `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// The time that a text says, in milliseconds since 1970-01-01 UTC: a time of RFC 3339 with its offset, or a date, which
/// is its midnight in UTC. Nothing for any other text, a day that no calendar has, and years before 1970.
///
/// Digits of a second beyond milliseconds are dropped.
///
/// ```
/// use haggle::time;
/// assert_eq!(time::parse("2026-12-01"), time::parse("2026-12-01T01:00:00+01:00"));
/// assert_eq!(time::parse("1970-01-02T00:00:00.5Z"), Some(86_400_500));
/// assert_eq!(time::parse("2026-02-29"), None);
/// ```
pub fn parse(text: &str) -> Option<u64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        None => return parse_date(text),
        Some((date, time)) => (parse_date(date)?, time),
    };
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = (time.get(..zone)?, time.get(zone..)?);
    let (whole, fraction) = clock.split_once('.').map_or((clock, None), |(whole, part)| (whole, Some(part)));
    let [hour, minute, second] = numbers(whole, ':', [(2, 23), (2, 59), (2, 59)])?;
    let of_day_ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction.map_or(Some(0), thousandths)?;
    let offset_minutes = if zone.eq_ignore_ascii_case("z") {
        0
    } else {
        let [hours, minutes] = numbers(zone.get(1..)?, ':', [(2, 23), (2, 59)])?;
        if zone.starts_with('-') { -hours * 60 - minutes } else { hours * 60 + minutes }
    };
    // The last midnight of 9999 may be passed by an offset; what could not be written again is not read.
    date.checked_add_signed(of_day_ms - offset_minutes * 60_000).filter(|&at_ms| at_ms < YEAR_10_000_MS)
}

/// The midnight in UTC with which a date such as `2026-12-01` begins, in milliseconds since 1970-01-01 UTC.
pub fn parse_date(text: &str) -> Option<u64> {
    let [year, month, day] = numbers(text, '-', [(4, 9999), (2, 12), (2, 31)])?;
    let days = days_from_civil(year, month, day);
    if month == 0 || civil_from_days(days) != (year, month, day) {
        return None;
    }
    u64::try_from(days).ok().map(|days| days * DAY_MS)
}

/// So many numbers between separators, each of so many digits and at most so large.
fn numbers<const N: usize>(text: &str, separator: char, shapes: [(usize, i64); N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, (length, most)) in numbers.iter_mut().zip(shapes) {
        let part =
            parts.next().filter(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))?;
        *number = part.parse().ok().filter(|&number| number <= most)?;
    }
    if parts.next().is_none() { Some(numbers) } else { None }
}

/// Milliseconds of the digits after a second's point.
fn thousandths(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(digits.bytes().chain(*b"00").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// The date in UTC of a time in milliseconds since 1970-01-01 UTC.
///
/// ```
/// assert_eq!(haggle::time::format_date(1_796_083_200_000), "2026-12-01");
/// ```
pub fn format_date(at_ms: u64) -> String {
    let (year, month, day) = civil_from_days(i64::try_from(at_ms / DAY_MS).unwrap_or(0));
    format!("{year:04}-{month:02}-{day:02}")
}

/// The time of RFC 3339 in UTC of milliseconds since 1970-01-01 UTC, with a fraction only where there is one.
///
/// ```
/// assert_eq!(haggle::time::format_time(1_796_117_400_000), "2026-12-01T09:30:00Z");
/// ```
pub fn format_time(at_ms: u64) -> String {
    let (second, ms) = (at_ms % DAY_MS / 1000, at_ms % 1000);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if ms == 0 { String::new() } else { format!(".{ms:03}") };
    format!("{}T{hour:02}:{minute:02}:{second:02}{fraction}Z", format_date(at_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The last day of the year 9999.
    const LAST_DAY: i64 = 2_932_896;

    #[test]
    fn every_day_follows_the_one_before() {
        let length = |year: i64, month: i64| match month {
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..=LAST_DAY {
            assert_eq!(civil_from_days(days), (year, month, day));
            assert_eq!(days_from_civil(year, month, day), days);
            day += 1;
            if day > length(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (10_000, 1, 1));
    }

    #[test]
    fn what_rfc_3339_does_not_allow_is_no_time() {
        for text in [
            "",
            "2026",
            "2026-12",
            "2026-13-01",
            "2026-00-01",
            "2026-12-00",
            "2026-04-31",
            "2100-02-29",
            "1969-12-31",
            "26-12-01",
            "2026-12-1",
            "+026-12-01",
            "2026-12-01-",
            "2026-12-01T",
            "2026-12-01T00:00:00",
            "2026-12-01T00:00Z",
            "2026-12-01T24:00:00Z",
            "2026-12-01T23:59:60Z",
            "2026-12-01T00:00:00.Z",
            "2026-12-01T00:00:00.1xZ",
            "2026-12-01T00:00:00+1:00",
            "2026-12-01T00:00:00+24:00",
            "2026-12-01T00:00:00Zz",
            "1970-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "2026-12-01T00:00:00é",
            "éé26-12-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn offsets_and_fractions_count() {
        for (text, at) in [
            ("2026-12-01T09:30:00Z", "2026-12-01T09:30:00Z"),
            ("2026-12-01 09:30:00.25+02:00", "2026-12-01T07:30:00.250Z"),
            ("2026-12-01t00:00:00.0019-00:30", "2026-12-01T00:30:00.001Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2025-01-01T00:00:00+23:59", "2024-12-31T00:01:00Z"),
        ] {
            assert_eq!(format_time(parse(text).unwrap()), at, "{text}");
        }
    }

    #[test]
    fn the_last_moment_of_9999_is_the_last_that_can_be_written() {
        let last = "9999-12-31T23:59:59.999Z";
        assert_eq!(parse(last).map(format_time).as_deref(), Some(last));
    }

    proptest! {
        #[test]
        fn a_time_that_was_written_comes_back(at_ms in 0..(LAST_DAY.unsigned_abs() + 1) * DAY_MS) {
            prop_assert_eq!(parse(&format_time(at_ms)), Some(at_ms));
            prop_assert_eq!(parse(&format_date(at_ms)), Some(at_ms - at_ms % DAY_MS));
        }

        #[test]
        fn any_text_is_a_time_or_is_not(text in ".{0,30}", near in "[0-9TZ:. +-]{8,26}") {
            for text in [text, near] {
                if let Some(at_ms) = parse(&text) {
                    prop_assert_eq!(parse(&format_time(at_ms)), Some(at_ms));
                }
            }
        }
    }
}
