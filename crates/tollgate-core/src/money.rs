//! Amounts of money and of job credits: whole units, checked arithmetic, no fractions.

use std::fmt;

/// Nano-USD in one USD.
pub const USD: u64 = 1_000_000_000;
/// The most that one amount may be: ten million USD, or as many units of another kind. Sums of
/// such amounts stay far away from the bounds of the integers that hold them.
pub const LARGEST: u64 = 10_000_000 * USD;
const DECIMALS: usize = 9;

/// An amount in nano-USD (10⁻⁹ USD). Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many nano-USD.
    pub const fn from_nano(nano: u64) -> Self {
        Self(nano)
    }

    /// The amount in nano-USD.
    pub const fn as_nano(self) -> u64 {
        self.0
    }

    /// The sum; `None` if it cannot be expressed.
    pub const fn plus(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// What is left; `None` if `other` is more.
    pub const fn minus(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// What is left, or nothing if `other` is more.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Reads USD as a decimal number with up to nine decimals: `100.00`, `0.000000001`. `None`
    /// for anything else, and above [`LARGEST`].
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || fraction.len() > DECIMALS {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let fraction: u64 = format!("{fraction:0<DECIMALS$}").parse().ok()?;
        let nano = whole.checked_mul(USD)?.checked_add(fraction)?;
        (nano <= LARGEST).then_some(Self(nano))
    }
}

/// USD with at least two decimals and no more than needed: `100.00`, `0.0000125`.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(UsdText::of(*self).as_str())
    }
}

/// An amount as text, as [`Money`] is displayed, without the machinery of formatting: headers and
/// log lines need one for every request.
#[derive(Clone, Copy, Debug)]
pub struct UsdText {
    bytes: [u8; LONGEST],
    begin: usize,
    end: usize,
}

/// The digits of the greatest whole number of USD, the point and the decimals.
const LONGEST: usize = 11 + 1 + DECIMALS;

impl UsdText {
    /// The text of an amount.
    pub fn of(money: Money) -> Self {
        let (mut whole, mut fraction) = (money.0 / USD, money.0 % USD);
        let mut text = Self {
            bytes: [b'0'; LONGEST],
            begin: LONGEST,
            end: LONGEST,
        };
        for place in 0..DECIMALS {
            let digit = digit(fraction % 10);
            // Zeros at the end are left out, down to the second decimal.
            if digit == b'0' && text.end == text.begin && place < DECIMALS - 2 {
                text.end -= 1;
                text.begin -= 1;
            } else {
                text.push(digit);
            }
            fraction /= 10;
        }
        text.push(b'.');
        loop {
            text.push(digit(whole % 10));
            whole /= 10;
            if whole == 0 {
                return text;
            }
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(self.begin..self.end).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Puts a character before what there is.
    fn push(&mut self, byte: u8) {
        self.begin = self.begin.saturating_sub(1);
        if let Some(place) = self.bytes.get_mut(self.begin) {
            *place = byte;
        }
    }
}

/// The character of a digit.
const fn digit(value: u64) -> u8 {
    b'0' + (value % 10) as u8
}

/// What a wallet counts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Nano-USD.
    #[default]
    Usd,
    /// Whole job credits.
    Credits,
}

impl Unit {
    /// Every unit.
    pub const ALL: &'static [Self] = &[Self::Usd, Self::Credits];

    /// The word for storing and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usd => "usd",
            Self::Credits => "credits",
        }
    }

    /// The unit of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|unit| unit.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_exactly() {
        for (text, nano, written) in [
            ("100.00", 100 * USD, "100.00"),
            ("0.10", 100_000_000, "0.10"),
            ("0.000000001", 1, "0.000000001"),
            ("7", 7 * USD, "7.00"),
            ("0.0125", 12_500_000, "0.0125"),
            ("10000000", LARGEST, "10000000.00"),
            ("0", 0, "0.00"),
            ("1.100000001", 1_100_000_001, "1.100000001"),
            ("20.05", 20_050_000_000, "20.05"),
        ] {
            let money = Money::parse(text).unwrap();
            assert_eq!(money.as_nano(), nano, "{text}");
            assert_eq!(money.to_string(), written, "{text}");
            assert_eq!(Money::parse(written), Some(money));
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "1e3",
            "1,5",
            "0.0000000001",
            "10000001",
        ] {
            assert_eq!(Money::parse(text), None, "{text}");
        }
        assert_eq!(
            Money::from_nano(u64::MAX).to_string(),
            "18446744073.709551615"
        );
    }
}
