//! Thought signatures that stand for none. Models of the third generation refuse a history in
//! which the first call of a step has no signature; for calls that another model made, Google
//! documents two words to put in its place.

use super::family::Family;

/// The word that goes to Google.
pub(super) const PLACEHOLDER: &str = "skip_thought_signature_validator";

/// Both words, as they are and in base64, for SDKs that take signatures for bytes.
const WORDS: [&str; 4] = [
    PLACEHOLDER,
    "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I",
    "context_engineering_is_the_way_to_go",
    "Y29udGV4dF9lbmdpbmVlcmluZ19pc190aGVfd2F5X3RvX2dv",
];

/// What this model wants to see on a call that no signature of its maker's goes with.
pub(crate) fn instead(model: &str) -> Option<&'static str> {
    Family::of(model).is_third().then_some(PLACEHOLDER)
}

/// Whether a signature only fills the place of one.
pub(super) fn is_placeholder(signature: &str) -> bool {
    WORDS.contains(&signature.trim_end_matches('='))
}
