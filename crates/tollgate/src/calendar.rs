//! Periods of budgets by the calendar of a time zone.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};
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
    let today = at.to_zoned(zone).start_of_day().ok()?;
    let (start, end) = match period {
        Period::Total => return None,
        Period::Daily => (today.clone(), today.checked_add(1.day()).ok()?),
        Period::Weekly => {
            let since = i64::from(today.weekday().since(Weekday::Monday));
            let monday = today.checked_sub(since.days()).ok()?.start_of_day().ok()?;
            (monday.clone(), monday.checked_add(7.days()).ok()?)
        }
        Period::Monthly => {
            let first = today.first_of_month().ok()?.start_of_day().ok()?;
            (first.clone(), first.checked_add(1.month()).ok()?)
        }
    };
    // A midnight that a zone leaves out is the first moment behind it.
    let end = end.start_of_day().ok()?;
    Some(Window {
        start: timestamp(&start),
        end: timestamp(&end),
    })
}

fn timestamp(time: &Zoned) -> Timestamp {
    Timestamp::from_millis(time.timestamp().as_millisecond())
}
