//! Lengths of time as providers write them: plain numbers and Go durations.

use std::time::Duration;

/// More digits than this before the point are garbage, not a time.
const MOST_DIGITS: usize = 15;

/// Nanoseconds in a millisecond.
pub(super) const MS: u64 = 1_000_000;
/// Nanoseconds in a second.
pub(super) const SECOND: u64 = 1000 * MS;

/// Reads digits with an optional fraction, in units of `unit` nanoseconds. Signs, exponents,
/// `inf` and `nan` are refused; digits beyond the ninth of the fraction are dropped.
pub(super) fn number(text: &str, unit: u64) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || whole.len() > MOST_DIGITS {
        return None;
    }
    let billionths: u128 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let whole: u128 = whole.parse().ok()?;
    let scale = u128::from(SECOND);
    let nanos = (whole * scale + billionths) * u128::from(unit) / scale;
    let seconds = u64::try_from(nanos / scale).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % scale).ok()?))
}

/// Reads a Go duration such as `1m53.425s`, `644ms` or `1h0m0s`; every number needs its unit.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    let (wait, rest) = leading_duration(text)?;
    rest.is_empty().then_some(wait)
}

/// Reads the Go duration at the start of the text and gives back what follows it.
pub(super) fn leading_duration(text: &str) -> Option<(Duration, &str)> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    let mut found = false;
    while let Some((digits, after)) = leading_number(rest) {
        let Some((unit, after)) = leading_unit(after) else {
            break;
        };
        total = total.checked_add(number(digits, unit)?)?;
        rest = after;
        found = true;
    }
    found.then_some((total, rest))
}

/// Splits off the number at the start. A point belongs to it only if a digit follows.
pub(super) fn leading_number(text: &str) -> Option<(&str, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    if whole == 0 {
        return None;
    }
    let fraction = text
        .get(whole..)
        .and_then(|rest| rest.strip_prefix('.'))
        .map(digits)
        .filter(|count| *count > 0);
    text.split_at_checked(whole + fraction.map_or(0, |count| count + 1))
}

/// Splits off a short unit, which no letter may follow: `5m` is minutes, `5mb` is no time.
fn leading_unit(text: &str) -> Option<(u64, &str)> {
    const UNITS: [(&str, u64); 8] = [
        ("ms", MS),
        ("ns", 1),
        ("us", 1000),
        ("µs", 1000),
        ("s", SECOND),
        ("m", 60 * SECOND),
        ("h", 3600 * SECOND),
        ("d", 86_400 * SECOND),
    ];
    UNITS.iter().find_map(|(unit, length)| {
        let rest = text.strip_prefix(unit)?;
        (!rest.starts_with(char::is_alphabetic)).then_some((*length, rest))
    })
}
