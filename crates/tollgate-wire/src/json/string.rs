//! Strings: finding their end fast, comparing and decoding them.

use std::borrow::Cow;

use super::{Fault, Problem};

/// Room for the names that are compared; longer names are known to nobody.
const LONGEST_NAME: usize = 40;

/// A string as it stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    raw: &'a str,
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
        if self.escaped {
            self.decode().is_some_and(|text| text == plain)
        } else {
            self.raw == plain
        }
    }

    /// The text with its escapes resolved; borrowed when it has none. `None` if an escape is half
    /// a surrogate pair, which no text can hold.
    pub fn decode(&self) -> Option<Cow<'a, str>> {
        if self.escaped {
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

/// The index of the closing quote of the string whose first character is at `begin`, and whether
/// the string holds escapes.
pub(super) fn end(bytes: &[u8], begin: usize) -> Result<(usize, bool), Problem> {
    let mut at = begin;
    let mut escaped = false;
    loop {
        at = special(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = behind_escape(bytes, at)?;
            }
            Some(_) => {
                return Err(Problem {
                    at,
                    fault: Fault::ControlCharacter,
                });
            }
            None => {
                return Err(Problem {
                    at: bytes.len(),
                    fault: Fault::End,
                });
            }
        }
    }
}

/// The index of the next quote, backslash or control character, or beyond the end.
///
/// Eight bytes at a time, by the carries of a subtraction. The lowest mark is exact; those above
/// it may be wrong, and are not looked at. `memchr` has no search for ranges, and strings are
/// short or full of escapes too often for its set-up.
fn special(bytes: &[u8], begin: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    const QUOTES: u64 = ONES * b'"' as u64;
    const BACKSLASHES: u64 = ONES * b'\\' as u64;
    const BLANKS: u64 = ONES * b' ' as u64;
    let mut at = begin;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*block);
        let (quote, backslash) = (word ^ QUOTES, word ^ BACKSLASHES);
        let marks = ((quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(BLANKS) & !word))
            & HIGHS;
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes
        .get(at)
        .is_some_and(|byte| !matches!(byte, b'"' | b'\\' | ..=0x1F))
    {
        at += 1;
    }
    at
}

/// Behind the escape whose backslash is at `at`.
fn behind_escape(bytes: &[u8], at: usize) -> Result<usize, Problem> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let digits = bytes.get(at + 2..).unwrap_or_default().iter().take(4);
            let good = digits.take_while(|byte| byte.is_ascii_hexdigit()).count();
            if good == 4 {
                return Ok(at + 6);
            }
            let at = at + 2 + good;
            let fault = if at < bytes.len() {
                Fault::Escape
            } else {
                Fault::End
            };
            Err(Problem { at, fault })
        }
        Some(_) => Err(Problem {
            at: at + 1,
            fault: Fault::Escape,
        }),
        None => Err(Problem {
            at: bytes.len(),
            fault: Fault::End,
        }),
    }
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
            for special in ["\"", "\\n\"", "\u{1}"] {
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
