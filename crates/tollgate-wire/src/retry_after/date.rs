//! Points in time as headers write them: the three forms of RFC 9110 §5.6.7, and RFC 3339.

use tollgate_core::time::Timestamp;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// In the order of RFC 9110; an abbreviated day is the first three letters.
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// A date and a time of day in UTC, not yet checked against the calendar.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    time: i64,
}

/// Reads an HTTP date. `now` decides the century of the obsolete form with two digits.
pub(super) fn http_date(text: &str, now: Timestamp) -> Option<Timestamp> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?;
    let rest: Vec<&str> = words.collect();
    let civil = match (first.strip_suffix(','), rest.as_slice()) {
        // Sun, 06 Nov 1994 08:49:37 GMT
        (Some(day_name), [day, month, year, time, "GMT" | "UTC"]) if is_short_day(day_name) => {
            Civil {
                year: digits(year, 4)?,
                month: month_of(month)?,
                day: digits(day, 2)?,
                time: time_of(time)?,
            }
        }
        // Sunday, 06-Nov-94 08:49:37 GMT
        (Some(day_name), [date, time, "GMT"]) if DAYS.contains(&day_name) => {
            let mut parts = date.splitn(3, '-');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            Civil {
                year: year_of_two_digits(digits(year, 2)?, now),
                month: month_of(month)?,
                day: digits(day, 2)?,
                time: time_of(time)?,
            }
        }
        // Sun Nov  6 08:49:37 1994
        (None, [month, day, time, year]) if is_short_day(first) => Civil {
            year: digits(year, 4)?,
            month: month_of(month)?,
            day: digits(day, day.len().clamp(1, 2))?,
            time: time_of(time)?,
        },
        _ => return None,
    };
    civil.timestamp()
}

/// Reads RFC 3339, with a fraction of seconds (dropped) and `Z` or an offset.
pub(super) fn rfc3339(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (time, rest) = rest.split_at_checked(8)?;
    let fraction = rest.strip_prefix('.').unwrap_or(rest);
    let zone = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let civil = Civil {
        year: digits(year, 4)?,
        month: digits(month, 2)?,
        day: digits(day, 2)?,
        time: time_of(time)?.checked_sub(offset_of(zone)?)?,
    };
    civil.timestamp()
}

/// Seconds east of Greenwich.
fn offset_of(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    Some(sign * (digits(hours, 2)? * 3600 + digits(minutes, 2)? * 60))
}

fn is_short_day(text: &str) -> bool {
    text.len() == 3 && DAYS.iter().any(|day| day.starts_with(text))
}

fn month_of(text: &str) -> Option<i64> {
    let place = MONTHS.iter().position(|month| *month == text)?;
    i64::try_from(place + 1).ok()
}

/// Exactly `length` digits.
fn digits(text: &str, length: usize) -> Option<i64> {
    let fits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// Seconds since midnight of `HH:MM:SS`; 60 stands for a leap second.
fn time_of(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = digits(parts.next()?, 2)?;
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

/// RFC 9110: a year that seems more than 50 years ahead means the past century.
fn year_of_two_digits(year: i64, now: Timestamp) -> i64 {
    let this_year = 1970 + now.as_seconds().div_euclid(31_556_952);
    let near = this_year - this_year.rem_euclid(100) + year;
    if near > this_year + 50 {
        near - 100
    } else {
        near
    }
}

impl Civil {
    fn timestamp(&self) -> Option<Timestamp> {
        let fits = (1..=12).contains(&self.month)
            && self.day >= 1
            && self.day <= days_in_month(self.year, self.month);
        if !fits {
            return None;
        }
        let days = days_from_civil(self.year, self.month, self.day);
        Some(Timestamp::from_millis((days * 86_400 + self.time) * 1000))
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, counted over years that begin in March, so that the leap day is last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
