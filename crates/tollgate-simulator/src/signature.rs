//! Opaque states: what a provider hands out and wants to have back unchanged.
//!
//! They can be told from forged ones without being remembered: each carries a number and its
//! hash under the seed and the kind.

use crate::base64;
use crate::seed::{hash, mix};

/// What a state stands for. A state of one kind is no state of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The signature of a thought that is shown.
    Thinking,
    /// A thought that is not shown.
    Redacted,
    /// The signature on a part of an answer.
    Part,
    /// A reasoning item that the caller keeps.
    Reasoning,
}

const MARK: &str = "tollgate-simulator";

/// The state that stands for a number.
pub(crate) fn sign(seed: u64, kind: Kind, number: u64) -> String {
    let proof = proof(seed, kind, number);
    base64::encoded(format!("{MARK} {kind:?} {number:016x} {proof:016x}").as_bytes())
}

/// Whether this state stands for some number.
pub(crate) fn is_ours(seed: u64, kind: Kind, state: &str) -> bool {
    number(seed, kind, state).is_some()
}

/// The state that stands for a text.
pub(crate) fn sign_text(seed: u64, kind: Kind, text: &str) -> String {
    sign(seed, kind, hash(seed, text.as_bytes()))
}

/// Whether this state stands for this text.
pub(crate) fn is_of_text(seed: u64, kind: Kind, state: &str, text: &str) -> bool {
    number(seed, kind, state) == Some(hash(seed, text.as_bytes()))
}

fn number(seed: u64, kind: Kind, state: &str) -> Option<u64> {
    let text = String::from_utf8(base64::decoded(state)?).ok()?;
    let mut words = text.split(' ').skip(2);
    let number = u64::from_str_radix(words.next()?, 16).ok()?;
    (sign(seed, kind, number) == state).then_some(number)
}

fn proof(seed: u64, kind: Kind, number: u64) -> u64 {
    let kind = hash(seed, format!("{kind:?}").as_bytes());
    mix(kind, number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_known_again_and_no_other_is() {
        let state = sign_text(7, Kind::Thinking, "a thought");
        assert!(is_of_text(7, Kind::Thinking, &state, "a thought"));
        assert!(!is_of_text(7, Kind::Thinking, &state, "another"));
        assert!(!is_of_text(8, Kind::Thinking, &state, "a thought"));
        assert!(!is_ours(7, Kind::Part, &state));
        for forged in [
            "",
            "AAAA",
            state.trim_start_matches(char::is_alphabetic),
            &format!("{state}A"),
        ] {
            assert!(!is_ours(7, Kind::Thinking, forged), "{forged}");
        }
    }
}
