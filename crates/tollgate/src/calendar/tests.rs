use proptest::prelude::*;

use super::*;

mod budgets;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(at.as_millisecond())
}

fn shown(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap();
    time.to_string()
}

/// Period, zone, a moment → the window that contains it, in UTC.
const WINDOWS: &[(Period, &str, &str, [&str; 2])] = &[
    (
        Period::Daily,
        "UTC",
        "2026-11-21T11:00:00.123Z",
        ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"],
    ),
    // The first and the last millisecond.
    (
        Period::Daily,
        "UTC",
        "2026-11-21T00:00:00Z",
        ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"],
    ),
    (
        Period::Daily,
        "UTC",
        "2026-11-20T23:59:59.999Z",
        ["2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"],
    ),
    // A zone that is not whole hours ahead of UTC.
    (
        Period::Daily,
        "Asia/Kolkata",
        "2026-11-20T19:00:00Z",
        ["2026-11-20T18:30:00Z", "2026-11-21T18:30:00Z"],
    ),
    // Days of 23 and of 25 hours.
    (
        Period::Daily,
        "Europe/Berlin",
        "2026-03-29T12:00:00Z",
        ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"],
    ),
    (
        Period::Daily,
        "Europe/Berlin",
        "2026-10-25T12:00:00Z",
        ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"],
    ),
    // Midnight is left out: the day begins at one.
    (
        Period::Daily,
        "America/Sao_Paulo",
        "2018-11-04T12:00:00Z",
        ["2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"],
    ),
    (
        Period::Daily,
        "Africa/Cairo",
        "2023-04-28T12:00:00Z",
        ["2023-04-27T22:00:00Z", "2023-04-28T21:00:00Z"],
    ),
    // The hour before midnight comes twice.
    (
        Period::Daily,
        "America/Sao_Paulo",
        "2018-02-18T02:30:00Z",
        ["2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"],
    ),
    (
        Period::Daily,
        "Africa/Cairo",
        "2023-10-26T20:30:00Z",
        ["2023-10-25T21:00:00Z", "2023-10-26T22:00:00Z"],
    ),
    // Midnight comes twice: the day begins at the first one, and only once.
    (
        Period::Daily,
        "America/Havana",
        "2023-11-05T05:30:00Z",
        ["2023-11-05T04:00:00Z", "2023-11-06T05:00:00Z"],
    ),
    // Clocks went from 00:01 back to 23:01: the new day had begun.
    (
        Period::Daily,
        "America/St_Johns",
        "2010-11-07T02:30:30Z",
        ["2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"],
    ),
    (
        Period::Daily,
        "America/St_Johns",
        "2010-11-07T03:00:00Z",
        ["2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"],
    ),
    // Clocks went from 23:30 to 00:30: the day began in the gap's end, not an hour late.
    (
        Period::Daily,
        "America/Toronto",
        "1919-03-31T04:40:00Z",
        ["1919-03-31T04:30:00Z", "1919-04-01T04:00:00Z"],
    ),
    // A whole day is left out.
    (
        Period::Daily,
        "Pacific/Apia",
        "2011-12-30T09:59:59Z",
        ["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"],
    ),
    (
        Period::Daily,
        "Pacific/Apia",
        "2011-12-30T10:00:00Z",
        ["2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"],
    ),
    (
        Period::Weekly,
        "Pacific/Apia",
        "2011-12-31T00:00:00Z",
        ["2011-12-26T10:00:00Z", "2012-01-01T10:00:00Z"],
    ),
    // Weeks begin on Mondays, also across years.
    (
        Period::Weekly,
        "UTC",
        "2026-11-22T23:59:59Z",
        ["2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"],
    ),
    (
        Period::Weekly,
        "UTC",
        "2026-11-23T00:00:00Z",
        ["2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"],
    ),
    (
        Period::Weekly,
        "Europe/Berlin",
        "2027-01-01T00:00:00Z",
        ["2026-12-27T23:00:00Z", "2027-01-03T23:00:00Z"],
    ),
    // Months, with a leap day, a year's end and a change of clocks within.
    (
        Period::Monthly,
        "UTC",
        "2028-02-29T12:00:00Z",
        ["2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"],
    ),
    (
        Period::Monthly,
        "America/New_York",
        "2027-01-01T04:59:59Z",
        ["2026-12-01T05:00:00Z", "2027-01-01T05:00:00Z"],
    ),
    (
        Period::Monthly,
        "Europe/Berlin",
        "2026-10-31T22:59:59Z",
        ["2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"],
    ),
    // A zone that nobody knows counts as UTC.
    (
        Period::Daily,
        "Mars/Olympus",
        "2026-11-21T11:00:00Z",
        ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"],
    ),
];

#[test]
fn a_moment_belongs_to_the_period_of_its_calendar() {
    for (period, zone, moment, expected) in WINDOWS {
        let window = window(*period, zone, at(moment));
        assert_eq!(
            [shown(window.start), shown(window.end)],
            *expected,
            "{period:?} {zone} {moment}"
        );
    }
}

#[test]
fn a_total_never_ends_and_neither_do_the_ends_of_time() {
    let now = at("2026-11-21T11:00:00Z");
    assert_eq!(window(Period::Total, "UTC", now), Window::ALWAYS);
    for moment in [i64::MIN, i64::MAX] {
        let moment = Timestamp::from_millis(moment);
        for period in Period::ALL {
            assert_eq!(window(*period, "Europe/Berlin", moment), Window::ALWAYS);
        }
    }
}

#[test]
fn zones_are_known_by_their_names() {
    for name in ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo"] {
        assert!(is_zone(name), "{name}");
    }
    for name in ["", "Berlin", "Europe/Berln", "+01:00", "../etc/passwd"] {
        assert!(!is_zone(name), "{name}");
    }
}

/// Every window is followed by the one that begins where it ends, and each of its moments finds
/// it. Walks from one window to the next.
fn walk(zone: &str, period: Period, from: &str, to: &str) {
    let mut now = window(period, zone, at(from));
    while now.start < at(to) {
        let last = Timestamp::from_millis(now.end.as_millis() - 1);
        assert!(now.start < now.end, "{zone} {}", shown(now.start));
        assert_eq!(window(period, zone, now.start), now, "{zone}, first moment");
        assert_eq!(window(period, zone, last), now, "{zone}, last moment");
        let next = window(period, zone, now.end);
        assert_eq!(next.start, now.end, "{zone} {}", shown(now.end));
        now = next;
    }
}

#[test]
fn windows_follow_one_another_without_gap_or_overlap_over_years() {
    for zone in [
        "UTC",
        "Europe/Berlin",
        "America/Sao_Paulo",
        "America/Havana",
        "America/St_Johns",
        "Africa/Cairo",
        "Africa/Casablanca",
        "America/Nuuk",
        "Asia/Beirut",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ] {
        walk(
            zone,
            Period::Daily,
            "2009-12-30T00:00:00Z",
            "2024-01-03T00:00:00Z",
        );
        walk(
            zone,
            Period::Weekly,
            "1985-01-01T00:00:00Z",
            "2040-01-01T00:00:00Z",
        );
        walk(
            zone,
            Period::Monthly,
            "1900-01-01T00:00:00Z",
            "2100-01-01T00:00:00Z",
        );
    }
}

fn any_zone() -> impl Strategy<Value = String> {
    let names: Vec<_> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .collect();
    assert!(names.len() > 300, "the zones are built in");
    prop::sample::select(names)
}

proptest! {
    /// Any zone, any moment from 1880 to 2200.
    #[test]
    fn a_window_contains_its_moment_and_touches_its_neighbours(
        zone in any_zone(),
        seconds in -2_840_140_800_i64..7_258_118_400,
        period in prop::sample::select(vec![Period::Daily, Period::Weekly, Period::Monthly]),
    ) {
        let moment = Timestamp::from_millis(seconds * 1000);
        let now = window(period, &zone, moment);
        prop_assert!(now.start <= moment && moment < now.end);
        let days = (now.end.as_millis() - now.start.as_millis()) / DAY;
        let longest = match period {
            Period::Daily => 2,
            Period::Weekly => 8,
            Period::Monthly | Period::Total => 32,
        };
        prop_assert!(days <= longest, "{days} days");
        let before = window(period, &zone, Timestamp::from_millis(now.start.as_millis() - 1));
        prop_assert_eq!(before.end, now.start);
        prop_assert_eq!(window(period, &zone, now.end).start, now.end);
    }
}
