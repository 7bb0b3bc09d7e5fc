//! Opaque state that a provider wants to have back: thinking signatures, encrypted reasoning.
//!
//! It is worth something to its maker only, and an error to every other one. Where Tollgate gives
//! it to a caller in another format than its maker's, it is sealed with the maker's name; when it
//! comes back, it goes to that provider or to none. State that was relayed within one format is
//! never touched, and so carries no name.

/// What a sealed state begins with. In base64 letters alone, for one of the formats decodes and
/// encodes what it is given: `tg1` is followed by a padding `A`, then come whole groups of four.
const SEAL: &str = "tg1A";

/// A provider's opaque state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The provider that made it, by the name of its row; `None` if it came without a seal, from
    /// a provider of the caller's own format.
    pub origin: Option<String>,
    /// What it made.
    pub token: String,
}

impl State {
    /// State as a provider sent it.
    pub fn of(provider: &str, token: impl Into<String>) -> Self {
        Self {
            origin: Some(provider.to_owned()),
            token: token.into(),
        }
    }

    /// Whether this provider may have it.
    pub fn is_of(&self, provider: &str) -> bool {
        self.origin.as_deref() == Some(provider)
    }

    /// What stands for the state of a thought that came without any, where a format demands some:
    /// no provider made it, so it goes to none.
    pub fn nobodys() -> String {
        Self::of("", "").seal()
    }

    /// The state in what somebody sent; `None` if it only stands for one.
    pub fn opened(sealed: &str) -> Option<Self> {
        let state = Self::open(sealed);
        (state.origin.as_deref() != Some("")).then_some(state)
    }

    /// The state as callers get it: base64 with the standard alphabet, without padding.
    pub fn seal(&self) -> String {
        let Some(origin) = &self.origin else {
            return self.token.clone();
        };
        let plain = format!("{origin}\n{}", self.token);
        // Filled up to whole groups, so that nothing needs padding and nothing is cut by readers
        // that take padding off.
        let fill = (3 - plain.len() % 3) % 3;
        let plain = format!("{plain}{}", "\n".repeat(fill));
        let mut sealed = String::with_capacity(SEAL.len() + plain.len() / 3 * 4);
        sealed.push_str(SEAL);
        for group in plain.as_bytes().chunks(3) {
            encode(group, &mut sealed);
        }
        sealed
    }

    /// The state in what a caller sent.
    pub fn open(sealed: &str) -> Self {
        let opened = sealed.strip_prefix(SEAL).and_then(|body| {
            let plain = String::from_utf8(decode(body)?).ok()?;
            let (origin, token) = plain.split_once('\n')?;
            Some(Self::of(origin, token.trim_end_matches('\n')))
        });
        opened.unwrap_or_else(|| Self {
            origin: None,
            token: sealed.to_owned(),
        })
    }
}

/// Whether a text is sealed state, by its beginning.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(SEAL)
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Three bytes as four letters (RFC 4648, section 4).
fn encode(group: &[u8], out: &mut String) {
    let bits = group
        .iter()
        .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    for shift in [18, 12, 6, 0] {
        let letter = LETTERS.get((bits >> shift & 63) as usize).copied();
        out.push(char::from(letter.unwrap_or(b'A')));
    }
}

/// Both alphabets are read: one SDK sends back in the one for addresses what it was given in the
/// other.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.chunks(4) {
        let mut bits = 0_u32;
        for letter in group {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        if group.len() != 4 {
            return None;
        }
        let [_, first, second, third] = bits.to_be_bytes();
        out.extend([first, second, third]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_state_comes_back_with_its_origin() {
        for token in ["", "a", "ab", "abc", "Erkq+/9==", "gA\u{e9}\u{1f600}"] {
            let state = State::of("anthropic", token);
            let sealed = state.seal();
            assert!(is_sealed(&sealed));
            assert_eq!(sealed.len() % 4, 0, "{sealed} is whole base64");
            assert_eq!(State::open(&sealed), state);
            let for_addresses = sealed.replace('+', "-").replace('/', "_");
            assert_eq!(State::open(&for_addresses), state);
        }
    }

    #[test]
    fn what_was_not_sealed_has_no_origin() {
        for token in ["EqQB…", "tg1A%%%", "tg1Aabc", ""] {
            let state = State::open(token);
            assert_eq!((state.origin.as_deref(), &*state.token), (None, token));
            assert_eq!(state.seal(), token);
            assert!(!state.is_of("anthropic"));
        }
    }
}
