//! The grammar of numbers, and numbers that count something.

use super::{Fault, Problem};

/// Behind the number that begins at `begin` (RFC 8259, section 6).
pub(super) fn end(bytes: &[u8], begin: usize) -> Result<usize, Problem> {
    let mut at = begin;
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match bytes.get(at) {
        Some(b'0') => at + 1,
        _ => digits(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = digits(bytes, at)?;
    }
    if bytes.get(at).is_some_and(u8::is_ascii_digit) {
        return Err(Problem {
            at,
            fault: Fault::Number,
        });
    }
    Ok(at)
}

/// Behind a run of at least one digit.
fn digits(bytes: &[u8], begin: usize) -> Result<usize, Problem> {
    let mut at = begin;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at > begin {
        return Ok(at);
    }
    let fault = if at < bytes.len() {
        Fault::Number
    } else {
        Fault::End
    };
    Err(Problem { at, fault })
}

/// What a number is when it is read as a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// A whole number from 0. What does not fit becomes the greatest that does.
    Whole(u64),
    /// A whole number below 0.
    Negative,
    /// A number with a fraction.
    Fraction,
}

/// Reads a number of the JSON grammar. `24`, `24.0` and `2.4e1` are the same number, as they are
/// in JSON Schema.
pub fn count(number: &str) -> Count {
    let digits = number.strip_prefix('-').unwrap_or(number);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return match digits.parse() {
            Ok(0) => Count::Whole(0),
            _ if digits.len() < number.len() => Count::Negative,
            Ok(value) => Count::Whole(value),
            Err(_) => Count::Whole(u64::MAX),
        };
    }
    let Ok(value) = number.parse::<f64>() else {
        return Count::Fraction;
    };
    if value.is_finite() && value.fract() != 0.0 {
        Count::Fraction
    } else if value < 0.0 {
        Count::Negative
    } else {
        Count::Whole(saturated(value))
    }
}

#[expect(
    clippy::cast_sign_loss,
    reason = "the value is not negative, and the cast saturates"
)]
fn saturated(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_counts() {
        for (number, want) in [
            ("0", Count::Whole(0)),
            ("-0", Count::Whole(0)),
            ("24", Count::Whole(24)),
            ("24.0", Count::Whole(24)),
            ("2.4e1", Count::Whole(24)),
            ("18446744073709551616", Count::Whole(u64::MAX)),
            ("1e999", Count::Whole(u64::MAX)),
            ("-1", Count::Negative),
            ("-99999999999999999999999", Count::Negative),
            ("-1e999", Count::Negative),
            ("1.5", Count::Fraction),
            ("-1.5", Count::Fraction),
        ] {
            assert_eq!(count(number), want, "{number}");
        }
    }
}
