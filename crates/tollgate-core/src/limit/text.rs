//! How limits are written in headers: without a place in memory for each of them.

use std::time::Duration;

use crate::time::Timestamp;

/// The longest are two numbers of twenty digits and two letters.
const LONGEST: usize = 48;

/// A short text of ASCII, kept where it is made.
#[derive(Clone, Copy, Debug)]
pub struct ShortText {
    bytes: [u8; LONGEST],
    length: usize,
}

impl ShortText {
    const EMPTY: Self = Self {
        bytes: [0; LONGEST],
        length: 0,
    };

    /// A number.
    pub fn number(number: u64) -> Self {
        let mut text = Self::EMPTY;
        text.push_number(number, 1);
        text
    }

    /// A duration in minutes and seconds, rounded up to a millisecond: `0s`, `1.5s`, `30s`,
    /// `6m0s`.
    pub fn span(duration: Duration) -> Self {
        let ms = duration.as_nanos().div_ceil(1_000_000);
        let ms = u64::try_from(ms).unwrap_or(u64::MAX);
        let (minutes, seconds, ms) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
        let mut text = Self::EMPTY;
        if minutes > 0 {
            text.push_number(minutes, 1);
            text.push(b'm');
        }
        text.push_number(seconds, 1);
        if ms > 0 {
            text.push(b'.');
            let (mut fraction, mut digits) = (ms, 3);
            while fraction % 10 == 0 {
                fraction /= 10;
                digits -= 1;
            }
            text.push_number(fraction, digits);
        }
        text.push(b's');
        text
    }

    /// A time in RFC 3339, in UTC, rounded up to a second.
    pub fn time(time: Timestamp) -> Self {
        let whole = Timestamp::from_millis(time.as_millis().saturating_add(999));
        let mut text = Self::EMPTY;
        for byte in whole.to_rfc3339_bytes() {
            text.push(byte);
        }
        text
    }

    /// The text as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Nothing but ASCII is ever pushed.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// Writes a number with at least so many digits.
    fn push_number(&mut self, number: u64, least: usize) {
        let mut digits = [b'0'; 20];
        let (mut rest, mut count) = (number, 0);
        for place in digits.iter_mut().rev() {
            if rest == 0 && count >= least {
                break;
            }
            let [digit, ..] = (rest % 10).to_le_bytes();
            *place = b'0' + digit;
            rest /= 10;
            count += 1;
        }
        for digit in digits.iter().skip(digits.len() - count) {
            self.push(*digit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_whole() {
        for number in [0, 7, 10, 60, 100_000, u64::MAX] {
            assert_eq!(ShortText::number(number).as_str(), number.to_string());
        }
    }

    #[test]
    fn spans_are_written_in_minutes_and_seconds_and_never_too_short() {
        for (nanos, text) in [
            (0_u64, "0s"),
            (1, "0.001s"),
            (250_000_000, "0.25s"),
            (1_500_000_000, "1.5s"),
            (1_000_000_001, "1.001s"),
            (30_000_000_000, "30s"),
            (59_999_000_001, "1m0s"),
            (60_000_000_000, "1m0s"),
            (360_000_000_000, "6m0s"),
            (5_430_020_000_000, "90m30.02s"),
        ] {
            let span = ShortText::span(Duration::from_nanos(nanos));
            assert_eq!(span.as_str(), text, "{nanos}");
        }
        let longest = ShortText::span(Duration::MAX);
        assert!(longest.as_str().ends_with('s'));
    }

    #[test]
    fn times_are_rounded_up_to_a_second() {
        for (ms, text) in [
            (1_763_719_445_000, "2025-11-21T10:04:05Z"),
            (1_763_719_445_001, "2025-11-21T10:04:06Z"),
            (-1, "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(ShortText::time(Timestamp::from_millis(ms)).as_str(), text);
        }
    }
}
