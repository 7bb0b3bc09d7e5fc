//! Texts of a few bytes that are kept a million times.

use std::fmt;
use std::ops::Deref;

/// How many bytes a text may have to need no memory of its own.
const LONGEST: usize = 14;

/// A text that is short as a rule. It takes sixteen bytes, and memory beside them only if it is
/// longer than fourteen.
#[derive(Clone, PartialEq, Eq)]
pub struct ShortText(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    Here { length: u8, bytes: [u8; LONGEST] },
    // Behind two pointers, because one to a text is as long as all of this.
    There(Box<Box<str>>),
}

impl From<&str> for ShortText {
    fn from(text: &str) -> Self {
        let mut bytes = [0; LONGEST];
        let place = match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(start), Ok(length)) => {
                start.copy_from_slice(text.as_bytes());
                Place::Here { length, bytes }
            }
            _ => Place::There(Box::new(text.into())),
        };
        Self(place)
    }
}

impl Deref for ShortText {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            // Made of a whole text, so it is one.
            Place::Here { length, bytes } => bytes
                .get(..usize::from(*length))
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .unwrap_or_default(),
            Place::There(text) => text,
        }
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

impl fmt::Display for ShortText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_stay_as_they_are() {
        for length in 0..40 {
            for text in ["x".repeat(length), "ü".repeat(length)] {
                let short = ShortText::from(text.as_str());
                assert_eq!(&*short, text);
                assert_eq!(short.to_string(), text);
            }
        }
        assert_eq!(size_of::<ShortText>(), 16);
    }
}
