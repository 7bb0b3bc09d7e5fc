//! The ids of calls of tools: what other providers make is not always taken.

use std::borrow::Cow;

/// An id that is taken for a call of this id: letters, digits, `_` and `-`, at most `longest` of
/// them. It depends on nothing but the id, so that calls and results agree in every request of a
/// conversation, and caches of prompts hold.
pub(crate) fn tool_id(id: &str, longest: usize) -> Cow<'_, str> {
    /// What the mark behind the letters takes: an underscore and sixteen digits.
    const MARK: usize = 17;
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !id.is_empty() && id.len() <= longest && id.bytes().all(is_taken) {
        return Cow::Borrowed(id);
    }
    let letters = id.chars().take(longest.saturating_sub(MARK));
    let made: String = letters
        .map(|letter| match u8::try_from(letter) {
            Ok(byte) if is_taken(byte) => letter,
            Ok(_) | Err(_) => '_',
        })
        .collect();
    // Different ids must stay different when their letters no longer are.
    Cow::Owned(format!("{made}_{:016x}", hash(id.as_bytes())))
}

/// FNV-1a, which never changes, unlike the hasher of the standard library.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ids_stay_and_others_become_good_and_stay_apart() {
        assert_eq!(tool_id("toolu_01-A", 64), "toolu_01-A");
        let long = "x".repeat(80);
        let made: Vec<_> = ["a.b", "a:b", "", "é", &long]
            .map(|id| tool_id(id, 64).into_owned())
            .into();
        for (at, id) in made.iter().enumerate() {
            assert!(!id.is_empty() && id.len() <= 64, "{id}");
            assert_eq!(tool_id(id, 64), **id, "is taken as it is");
            assert!(!made[..at].contains(id));
        }
    }
}
