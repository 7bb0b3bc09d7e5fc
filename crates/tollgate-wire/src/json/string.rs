//! Strings: finding their end fast, comparing and decoding them.

use std::borrow::Cow;

use memchr::memchr;

use super::{Fault, Problem};

/// Room for the names that are compared; longer names are known to nobody.
const LONGEST_NAME: usize = 40;

/// A string as it stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    raw: &'a str,
    /// Whether it holds escapes other than line ends and tabs, which no known name has.
    escaped: bool,
}

/// Room for a name whose escapes had to be decoded before it could be compared.
#[derive(Debug)]
pub struct NameBuffer([u8; LONGEST_NAME]);

impl NameBuffer {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self([0; LONGEST_NAME])
    }
}

impl Default for NameBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Text<'a> {
    pub(super) fn new(raw: &'a str, escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// Whether it has no character.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Whether it says this, however it is spelled.
    pub fn is(&self, plain: &str) -> bool {
        self.raw == plain || (self.raw.len() > plain.len() && self.decodes_to(plain))
    }

    /// How it is written, between its quotes.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// How many bytes it has with its escapes resolved, without resolving them. Half of a
    /// surrogate pair counts as half of its character.
    pub fn length(&self) -> usize {
        let bytes = self.raw.as_bytes();
        let (mut length, mut at) = (bytes.len(), 0);
        while let Some(found) = bytes.get(at..).and_then(|rest| memchr(b'\\', rest)) {
            let place = at + found;
            let digits = match bytes.get(place + 1) {
                Some(b'u') => self.raw.get(place + 2..place + 6),
                _ => None,
            };
            let Some(digits) = digits else {
                length -= 1;
                at = place + 2;
                continue;
            };
            let unit = u32::from_str_radix(digits, 16).unwrap_or_default();
            length -= 6 - length_of(unit);
            at = place + 6;
        }
        length
    }

    fn decodes_to(&self, plain: &str) -> bool {
        self.decode().is_some_and(|text| text == plain)
    }

    /// The text with its escapes resolved; borrowed when it has none. `None` if an escape is half
    /// a surrogate pair, which no text can hold.
    pub fn decode(&self) -> Option<Cow<'a, str>> {
        if memchr(b'\\', self.raw.as_bytes()).is_some() {
            Characters::new(self.raw)
                .collect::<Option<String>>()
                .map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(self.raw))
        }
    }

    /// The bytes to compare with known names. Resolving escapes takes no allocation; what is too
    /// long for any known name, or no text, comes as it is written: with a backslash, so it equals
    /// none of them.
    pub fn name<'b>(&self, buffer: &'b mut NameBuffer) -> &'b [u8]
    where
        'a: 'b,
    {
        if !self.escaped {
            return self.raw.as_bytes();
        }
        let mut length = 0;
        for character in Characters::new(self.raw) {
            let Some(character) = character else {
                return self.raw.as_bytes();
            };
            let end = length + character.len_utf8();
            let Some(room) = buffer.0.get_mut(length..end) else {
                return self.raw.as_bytes();
            };
            character.encode_utf8(room);
            length = end;
        }
        buffer.0.get(..length).unwrap_or_default()
    }
}

/// How many bytes of UTF-8 a unit of UTF-16 stands for.
const fn length_of(unit: u32) -> usize {
    match unit {
        0..0x80 => 1,
        0x80..0x800 | 0xD800..0xE000 => 2,
        _ => 3,
    }
}

/// A few vector registers full, so that the compiler compares their bytes all at once, and one
/// byte more: what follows a backslash.
const BLOCK: usize = 32 + 1;

/// The index of the closing quote of the string whose first character is at `begin`, and whether
/// the string holds escapes other than the plainest ones (see [`marks`]).
///
/// Escapes are dealt with in place and the next block is always the one behind, so that blocks do
/// not wait for each other: text with an escape in every line is what coding agents send.
/// `memchr` has no search for ranges, and its set-up costs more than most strings are long.
pub(super) fn end(bytes: &[u8], begin: usize) -> Result<(usize, bool), Problem> {
    if let Some(place) = end_of_name(bytes, begin) {
        return Ok((place, false));
    }
    let mut at = begin;
    // Behind the last escape; marks before it are part of it.
    let mut from = begin;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        for mut marks in marks(block) {
            if from > at {
                marks &= behind(from - at);
            }
            while marks != 0 {
                let place = at + marks.trailing_zeros() as usize / 8;
                match bytes.get(place) {
                    Some(b'"') => return Ok((place, from > begin)),
                    Some(b'\\') => from = place + escape_length(bytes, place),
                    _ => {
                        return Err(Problem {
                            at: place,
                            fault: Fault::ControlCharacter,
                        });
                    }
                }
                if from == place {
                    return Err(bad_escape(bytes, place));
                }
                marks &= behind(from - at);
            }
            at += 8;
        }
    }
    end_bytewise(bytes, at.max(from), from > begin)
}

/// The closing quote, if it is one of the next eight bytes and nothing before it needs a look: most
/// strings are names, and short.
fn end_of_name(bytes: &[u8], begin: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(*bytes.get(begin..)?.first_chunk()?);
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    // A byte below the subtrahend borrows from its highest bit. What a borrow does to the bytes
    // above does not matter, as only the lowest mark counts.
    let marks = ((quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * u64::from(b' ')) & !word))
        & HIGHS;
    let place = begin + marks.trailing_zeros() as usize / 8;
    (marks != 0 && bytes.get(place) == Some(&b'"')).then_some(place)
}

/// Marks what must be looked at in the first 32 bytes of a block, each by a byte of ones: quotes,
/// control characters, and backslashes unless `n`, `t` or `r` follows. Those are most of all
/// escapes, and need no look: they are good if their backslash begins an escape, and part of one
/// that is looked at if not. The first byte is the lowest of the first word.
// Inlined, the comparisons get mixed up with the loop and are no longer made all at once.
#[inline(never)]
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a branch per byte would cost what this saves"
)]
fn marks(block: &[u8; BLOCK]) -> [u64; 4] {
    let mut flags = [0_u8; BLOCK - 1];
    for ((flag, byte), next) in flags.iter_mut().zip(block).zip(block.iter().skip(1)) {
        let plain = (*next == b'n') | (*next == b't') | (*next == b'r');
        let special = (*byte == b'"') | ((*byte == b'\\') & !plain) | (*byte < b' ');
        *flag = 0_u8.wrapping_sub(u8::from(special));
    }
    let mut words = [0; 4];
    for (word, flags) in words.iter_mut().zip(flags.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*flags);
    }
    words
}

/// All marks of a word but those of its first bytes.
fn behind(bytes: usize) -> u64 {
    if bytes < 8 {
        u64::MAX << (8 * bytes)
    } else {
        0
    }
}

/// As [`end`], for the last few bytes of a text.
#[cold]
fn end_bytewise(bytes: &[u8], mut at: usize, mut escaped: bool) -> Result<(usize, bool), Problem> {
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                let length = escape_length(bytes, at);
                if length == 0 {
                    return Err(bad_escape(bytes, at));
                }
                escaped = true;
                at += length;
            }
            Some(0..=0x1F) => {
                return Err(Problem {
                    at,
                    fault: Fault::ControlCharacter,
                });
            }
            Some(_) => at += 1,
            None => {
                return Err(Problem {
                    at: bytes.len(),
                    fault: Fault::End,
                });
            }
        }
    }
}

/// The length of the escape whose backslash is at `at`; 0 if it is none.
fn escape_length(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
        Some(b'u') => {
            let digits = bytes.get(at + 2..).and_then(<[u8]>::first_chunk::<4>);
            6 * usize::from(digits.is_some_and(|digits| are_hex(*digits)))
        }
        _ => 0,
    }
}

/// Whether all four are hexadecimal digits, compared all at once.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a branch per digit would cost what this saves"
)]
fn are_hex(digits: [u8; 4]) -> bool {
    digits.iter().fold(true, |good, byte| {
        let figure = byte.wrapping_sub(b'0') < 10;
        let letter = (byte | 0x20).wrapping_sub(b'a') < 6;
        good & (figure | letter)
    })
}

/// What is wrong with the escape whose backslash is at `at`.
#[cold]
fn bad_escape(bytes: &[u8], at: usize) -> Problem {
    let mut wrong = at + 1;
    if bytes.get(wrong) == Some(&b'u') {
        let digits = bytes.get(at + 2..).unwrap_or_default().iter();
        wrong += 1 + digits.take_while(|byte| byte.is_ascii_hexdigit()).count();
    }
    let fault = if wrong < bytes.len() {
        Fault::Escape
    } else {
        Fault::End
    };
    Problem { at: wrong, fault }
}

/// The characters of a string with its escapes resolved; `None` for half a surrogate pair.
struct Characters<'a> {
    rest: std::str::Chars<'a>,
}

impl<'a> Characters<'a> {
    fn new(raw: &'a str) -> Self {
        Self { rest: raw.chars() }
    }

    /// The four digits of an escape.
    fn unit(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit * 16 + self.rest.next()?.to_digit(16)?;
        }
        Some(unit)
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.unit()?;
                if !(0xD800..0xDC00).contains(&unit) {
                    return char::from_u32(unit);
                }
                if self.rest.next()? != '\\' || self.rest.next()? != 'u' {
                    return None;
                }
                let low = self.unit()?;
                let offset = low.checked_sub(0xDC00).filter(|offset| *offset < 0x400)?;
                return char::from_u32(0x1_0000 + ((unit - 0xD800) << 10) + offset);
            }
            same => same,
        })
    }
}

impl Iterator for Characters<'_> {
    type Item = Option<char>;

    fn next(&mut self) -> Option<Option<char>> {
        match self.rest.next()? {
            '\\' => Some(self.escape()),
            plain => Some(Some(plain)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Scanner;

    fn text(json: &str) -> Text<'_> {
        Scanner::new(json).string().unwrap()
    }

    #[test]
    fn escapes_are_resolved() {
        for (json, want) in [
            (r#""model""#, Some("model")),
            (r#""mod\u0065l""#, Some("model")),
            (r#""\"\\\/\b\f\n\r\t""#, Some("\"\\/\u{8}\u{c}\n\r\t")),
            (r#""\ud83d\uDE00""#, Some("\u{1F600}")),
            (r#""\ud83d""#, None),
            (r#""\ude00""#, None),
            (r#""\ud83dx\ude00""#, None),
            (r#""\ud83d\u0041""#, None),
            (r#""Über \u20ac""#, Some("Über €")),
        ] {
            assert_eq!(text(json).decode().as_deref(), want, "{json}");
            assert!(want.is_none_or(|want| text(json).is(want)), "{json}");
            let length = text(json).length();
            assert!(want.is_none_or(|want| want.len() == length), "{json}");
        }
    }

    #[test]
    fn names_are_compared_as_what_they_say() {
        let mut buffer = NameBuffer::new();
        assert_eq!(text(r#""\u006dodel""#).name(&mut buffer), b"model");
        assert_eq!(text(r#""model""#).name(&mut buffer), b"model");
        let long = format!(r#""\u006d{}""#, "x".repeat(LONGEST_NAME));
        assert!(text(&long).name(&mut buffer).starts_with(b"\\"));
        assert_eq!(text(r#""\ud800""#).name(&mut buffer), br"\ud800");
    }

    #[test]
    fn the_end_is_found_wherever_it_lies() {
        for length in 0..40 {
            for special in ["\"", "\\/\"", "\u{1}"] {
                let json = format!("{}{special}{}", "ü".repeat(length), "\"\\x\u{2}".repeat(5));
                let found = end(json.as_bytes(), 0);
                let begin = 2 * length;
                match special {
                    "\"" => assert_eq!(found, Ok((begin, false))),
                    "\u{1}" => {
                        assert_eq!(found.unwrap_err().at, begin);
                    }
                    _ => assert_eq!(found, Ok((begin + 2, true))),
                }
            }
        }
    }
}
