//! Percent encoding (RFC 3986, section 2.1), undone.

use std::borrow::Cow;

/// Undoes the encoding of a part of a path; `None` for what is not UTF-8 then. What looks like an
/// escape and is none stays as it is.
pub(crate) fn decode(encoded: &str) -> Option<Cow<'_, str>> {
    if !encoded.contains('%') {
        return Some(Cow::Borrowed(encoded));
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| (*byte as char).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).ok()?);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// Undoes the encoding of a value in a query, where a plus stands for a space.
pub(crate) fn decode_value(encoded: &str) -> Option<Cow<'_, str>> {
    if !encoded.contains('+') {
        return decode(encoded);
    }
    // An escaped plus is still an escape here, and stays a plus.
    decode(&encoded.replace('+', " ")).map(|value| Cow::Owned(value.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_paths_are_decoded() {
        for (encoded, decoded) in [
            ("openai/gpt-4o", Some("openai/gpt-4o")),
            ("openai%2Fgpt-4o", Some("openai/gpt-4o")),
            ("a+b", Some("a+b")),
            ("a%2", Some("a%2")),
            ("%zz", Some("%zz")),
            ("%ff", None),
        ] {
            assert_eq!(decode(encoded).as_deref(), decoded, "{encoded}");
        }
    }

    #[test]
    fn a_plus_in_a_query_is_a_space_unless_it_is_escaped() {
        for (encoded, decoded) in [
            ("a+b%2Bc", Some("a b+c")),
            ("sk-1", Some("sk-1")),
            ("+%ff", None),
        ] {
            assert_eq!(decode_value(encoded).as_deref(), decoded, "{encoded}");
        }
    }
}
