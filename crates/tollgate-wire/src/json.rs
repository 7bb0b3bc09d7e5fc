//! A scanner for JSON (RFC 8259) that checks everything and keeps nothing: no tree, no allocation.
//!
//! It accepts what the grammar accepts. An escape of half a surrogate pair (`"\ud83d"`) is within
//! the grammar, and servers that cut text by UTF-16 units do send it, so it passes; only decoding
//! such a text fails ([`Text::decode`]).

mod number;
mod problem;
mod string;
#[cfg(test)]
mod tests;

pub use number::{Count, count};
pub use problem::{Fault, Place, Problem};
pub use string::{NameBuffer, Text};

/// The most objects and arrays that may lie within each other.
pub const MAX_DEPTH: u32 = 128;

/// The kinds of JSON values, told apart by their first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// `-1.5e3`
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

/// Where a walk through one object or array stands.
#[derive(Debug)]
pub struct Walk {
    begun: bool,
}

/// A cursor over one JSON text. Whoever drives it must take each value that it meets: by
/// [`Scanner::object`], [`Scanner::array`], [`Scanner::string`], [`Scanner::number`] or
/// [`Scanner::skip`].
#[derive(Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

/// The bytes as text, as JSON must be UTF-8 (RFC 8259, section 8.1).
pub fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| Problem {
        at: error.valid_up_to(),
        fault: Fault::NotUtf8,
    })
}

impl<'a> Scanner<'a> {
    /// A scanner at the beginning of the text.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// The offset of the next byte.
    pub fn position(&self) -> usize {
        self.at
    }

    /// What was taken since the cursor was there.
    pub fn since(&self, position: usize) -> &'a str {
        self.text.get(position..self.at).unwrap_or_default()
    }

    /// The kind of the value that comes next. Afterwards [`Scanner::position`] is its first byte.
    pub fn kind(&mut self) -> Result<Kind, Problem> {
        self.blanks();
        match self.peek() {
            Some(b'"') => Ok(Kind::String),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.unexpected()),
        }
    }

    /// Steps into an object.
    pub fn object(&mut self) -> Result<Walk, Problem> {
        self.enter(b'{')
    }

    /// Steps into an array.
    pub fn array(&mut self) -> Result<Walk, Problem> {
        self.enter(b'[')
    }

    /// The name of the next member of the object, with the cursor before its value; `None` behind
    /// the object's end.
    pub fn member(&mut self, walk: &mut Walk) -> Result<Option<Text<'a>>, Problem> {
        if !self.advance(walk, b'}')? {
            return Ok(None);
        }
        self.name().map(Some)
    }

    /// Whether the array has a next item; if so, the cursor is before it.
    pub fn item(&mut self, walk: &mut Walk) -> Result<bool, Problem> {
        self.advance(walk, b']')
    }

    /// Takes a string.
    pub fn string(&mut self) -> Result<Text<'a>, Problem> {
        self.blanks();
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        let begin = self.at + 1;
        let (end, escaped) = string::end(self.text.as_bytes(), begin)?;
        self.at = end + 1;
        Ok(Text::new(
            self.text.get(begin..end).unwrap_or_default(),
            escaped,
        ))
    }

    /// Takes a number, as it is written.
    pub fn number(&mut self) -> Result<&'a str, Problem> {
        self.blanks();
        let begin = self.at;
        self.at = number::end(self.text.as_bytes(), begin)?;
        Ok(self.text.get(begin..self.at).unwrap_or_default())
    }

    /// Takes `true` or `false`.
    pub fn bool(&mut self) -> Result<bool, Problem> {
        self.blanks();
        let value = self.peek() == Some(b't');
        self.literal(if value { "true" } else { "false" })?;
        Ok(value)
    }

    /// Takes any value.
    pub fn skip(&mut self) -> Result<(), Problem> {
        self.blanks();
        match self.peek() {
            Some(b'{' | b'[') => self.skip_nested(),
            _ => self.skip_plain(),
        }
    }

    /// Makes sure that nothing but blanks follows.
    pub fn finish(mut self) -> Result<(), Problem> {
        self.blanks();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(Problem {
                at: self.at,
                fault: Fault::Trailing,
            })
        }
    }

    /// Takes a string, number or literal.
    fn skip_plain(&mut self) -> Result<(), Problem> {
        match self.peek() {
            Some(b'"') => {
                self.at = string::end(self.text.as_bytes(), self.at + 1)?.0 + 1;
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                self.at = number::end(self.text.as_bytes(), self.at)?;
                Ok(())
            }
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.unexpected()),
        }
    }

    /// Takes an object or array with all that is in it, without recursion: one bit per open
    /// level says whether it is an object.
    fn skip_nested(&mut self) -> Result<(), Problem> {
        let mut objects: u128 = 0;
        let mut open: u32 = 0;
        loop {
            let mut begun = false;
            if let Some(bracket @ (b'{' | b'[')) = self.peek() {
                if self.depth + open >= MAX_DEPTH {
                    return Err(Problem {
                        at: self.at,
                        fault: Fault::TooDeep,
                    });
                }
                self.at += 1;
                objects = (objects << 1) | u128::from(bracket == b'{');
                open += 1;
            } else {
                self.skip_plain()?;
                begun = true;
            }
            // Behind a value or an opening bracket: close what is at its end, then move on to the
            // next value.
            loop {
                if open == 0 {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                self.blanks();
                match self.peek() {
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    Some(b',') if begun => {
                        self.at += 1;
                        self.blanks();
                        break;
                    }
                    Some(_) if !begun => break,
                    _ => return Err(self.unexpected()),
                }
                self.at += 1;
                objects >>= 1;
                open -= 1;
                begun = true;
            }
            if objects & 1 == 1 {
                self.name()?;
                self.blanks();
            }
        }
    }

    /// Takes a member's name and the colon.
    fn name(&mut self) -> Result<Text<'a>, Problem> {
        let name = self.string()?;
        if self.peek() != Some(b':') {
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(self.unexpected());
            }
        }
        self.at += 1;
        Ok(name)
    }

    fn enter(&mut self, bracket: u8) -> Result<Walk, Problem> {
        self.blanks();
        if self.peek() != Some(bracket) {
            return Err(self.unexpected());
        }
        if self.depth >= MAX_DEPTH {
            return Err(Problem {
                at: self.at,
                fault: Fault::TooDeep,
            });
        }
        self.at += 1;
        self.depth += 1;
        Ok(Walk { begun: false })
    }

    /// Moves to the next member or item. False behind the closing bracket.
    fn advance(&mut self, walk: &mut Walk, close: u8) -> Result<bool, Problem> {
        self.blanks();
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            Some(b',') if walk.begun => {
                self.at += 1;
                self.blanks();
                Ok(true)
            }
            Some(_) if !walk.begun => {
                walk.begun = true;
                Ok(true)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), Problem> {
        let bytes = self.text.as_bytes();
        let end = self.at + word.len();
        if bytes.get(self.at..end) == Some(word.as_bytes()) {
            self.at = end;
            return Ok(());
        }
        let rest = bytes.get(self.at..).unwrap_or_default();
        let same = rest
            .iter()
            .zip(word.bytes())
            .take_while(|(byte, want)| **byte == *want)
            .count();
        self.at += same;
        Err(self.unexpected())
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self) -> Problem {
        let fault = if self.at < self.text.len() {
            Fault::Unexpected
        } else {
            Fault::End
        };
        Problem { at: self.at, fault }
    }
}
