//! What is wrong with a JSON text, and where.

use std::fmt;

/// Why a text is not the JSON that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A byte that is not UTF-8.
    NotUtf8,
    /// The text ends within a value.
    End,
    /// A byte that cannot stand here.
    Unexpected,
    /// A control character within a string; it must be escaped.
    ControlCharacter,
    /// An escape that does not exist.
    Escape,
    /// A number that breaks off or has a leading zero.
    Number,
    /// More than [`super::MAX_DEPTH`] levels.
    TooDeep,
    /// Something behind the value.
    Trailing,
}

impl Fault {
    /// The reason as a part of a sentence.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotUtf8 => "a byte that is not UTF-8",
            Self::End => "the text ends too early",
            Self::Unexpected => "an unexpected character",
            Self::ControlCharacter => "a control character within a string",
            Self::Escape => "an unknown escape within a string",
            Self::Number => "a malformed number",
            Self::TooDeep => "more than 128 levels of nesting",
            Self::Trailing => "something behind the end of the value",
        }
    }
}

/// A fault and the offset of the byte where it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The offset in bytes.
    pub at: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// A place for humans: both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line; lines end with a line feed.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Problem {
    /// The line and column of the fault in the text that was scanned.
    pub fn place(&self, text: &[u8]) -> Place {
        let before = text.get(..self.at.min(text.len())).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let begin = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let row = before.get(begin..).unwrap_or_default();
        // Bytes 10xxxxxx continue a character.
        let column = row.iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
        Place { line, column }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at byte {}", self.fault.reason(), self.at)
    }
}

impl std::error::Error for Problem {}
