//! Periods of budgets by the calendar of a time zone.

#[cfg(test)]
mod tests;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use tollgate_core::budget::{Period, Window};
use tollgate_core::time::Timestamp;

/// Whether there is a time zone of this name.
pub(crate) fn is_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// The period that contains a time. A zone that is not known counts as UTC.
pub(crate) fn window(period: Period, zone: &str, at: Timestamp) -> Window {
    within(period, zone, at).unwrap_or(Window::ALWAYS)
}

/// `None` at the ends of time, where calendars end, and for totals.
fn within(period: Period, zone: &str, at: Timestamp) -> Option<Window> {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    let (first, next) = days(period, zone.to_datetime(at).date())?;
    let (start, end) = (midnight(first, &zone)?, midnight(next, &zone)?);
    let (start, end) = if at < end {
        (start, end)
    } else {
        // Clocks that are set back across midnight show the old day once more. What has begun
        // does not begin twice, so that hour belongs to the new one.
        let (_, after) = days(period, next)?;
        (end, midnight(after, &zone)?)
    };
    Some(Window {
        start: Timestamp::from_millis(start.as_millisecond()),
        end: Timestamp::from_millis(end.as_millisecond()),
    })
}

/// The first day of the period that contains a day, and the first of the next period.
fn days(period: Period, day: Date) -> Option<(Date, Date)> {
    let (first, length) = match period {
        Period::Total => return None,
        Period::Daily => (day, 1.day()),
        Period::Weekly => {
            let since = i64::from(day.weekday().since(Weekday::Monday));
            (day.checked_sub(since.days()).ok()?, 7.days())
        }
        Period::Monthly => (day.first_of_month(), 1.month()),
    };
    Some((first, first.checked_add(length).ok()?))
}

/// The first moment of a day, or of the next one where a zone leaves the day out. Of a midnight
/// that comes twice it is the earlier one.
fn midnight(day: Date, zone: &TimeZone) -> Option<jiff::Timestamp> {
    let civil = zone.to_ambiguous_timestamp(day.to_datetime(jiff::civil::Time::midnight()));
    let is_left_out = matches!(civil.offset(), AmbiguousOffset::Gap { .. });
    let at = civil.compatible().ok()?;
    if !is_left_out {
        return Some(at);
    }
    // The clocks were set forward across midnight: the day begins when they were.
    let behind = at.checked_add(1.nanosecond()).ok()?;
    let set_forward = zone.preceding(behind).next();
    Some(set_forward.map_or(at, |transition| transition.timestamp()))
}
