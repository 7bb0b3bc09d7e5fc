//! Who may administer: the keys that are not virtual keys. Kept as keyed hashes, like all keys.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tollgate_core::key::{self, KeyHash, KeyHasher};
use tollgate_core::secret::Secret;

/// The setting of the store under which the hash of the admin key is kept, in hexadecimal.
pub(crate) const SETTING: &str = "admin_key_hash";
/// What admin keys made by Tollgate begin with.
pub(crate) const PREFIX: &str = "tg-admin-";

/// Which of the keys opened the admin API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// The administrator's.
    ByOperator,
    /// The token for commands on the same machine.
    ByControl,
}

/// The keys that open the admin API.
#[derive(Default)]
pub(crate) struct AdminKeys {
    /// From the configuration. While there is one, the stored one opens nothing: an operator who
    /// declares a new key means to lock out the old one.
    declared: ArcSwapOption<KeyHash>,
    /// Made at the first start, or set later.
    stored: ArcSwapOption<KeyHash>,
    /// Of this run of the process, for commands on the same machine.
    control: ArcSwapOption<KeyHash>,
}

impl AdminKeys {
    pub(crate) fn declare(&self, hash: Option<KeyHash>) {
        self.declared.store(hash.map(Arc::new));
    }

    pub(crate) fn set_stored(&self, hash: KeyHash) {
        self.stored.store(Some(Arc::new(hash)));
    }

    pub(crate) fn set_control(&self, hash: KeyHash) {
        self.control.store(Some(Arc::new(hash)));
    }

    /// Whether an operator has a key, control tokens aside.
    pub(crate) fn any(&self) -> bool {
        self.declared.load().is_some() || self.stored.load().is_some()
    }

    /// Which of them the credential is. It is hashed whole and compared with each, so the
    /// time tells nothing about how much of it was right.
    pub(crate) fn matches(&self, hasher: &KeyHasher, credential: &[u8]) -> Option<Opened> {
        if credential.len() > key::LONGEST {
            return None;
        }
        let hash = hasher.hash(credential);
        let declared = self.declared.load();
        let operator = if declared.is_some() {
            declared
        } else {
            self.stored.load()
        };
        let is_operator = operator.as_deref().is_some_and(|known| *known == hash);
        let is_control = self
            .control
            .load()
            .as_deref()
            .is_some_and(|known| *known == hash);
        match (is_operator, is_control) {
            (true, _) => Some(Opened::ByOperator),
            (false, true) => Some(Opened::ByControl),
            (false, false) => None,
        }
    }
}

/// Hashes a key of the admin API.
pub(crate) fn hash(hasher: &KeyHasher, secret: &Secret) -> KeyHash {
    hasher.hash(secret.expose().as_bytes())
}

/// Writes a hash in hexadecimal, as the store keeps it.
pub(crate) fn to_hexadecimal(hash: &KeyHash) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    hash.as_bytes()
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Reads a hash in hexadecimal; `None` if it is not one.
pub(crate) fn from_hexadecimal(text: &str) -> Option<KeyHash> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(KeyHash::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_key_locks_out_the_stored_one_while_it_is_there() {
        let hasher = KeyHasher::new(&[1; 32]);
        let keys = AdminKeys::default();
        assert!(keys.matches(&hasher, b"stored").is_none() && !keys.any());
        keys.set_stored(hasher.hash(b"stored"));
        keys.set_control(hasher.hash(b"control"));
        assert!(keys.matches(&hasher, b"stored").is_some() && keys.any());
        keys.declare(Some(hasher.hash(b"declared")));
        assert!(keys.matches(&hasher, b"declared").is_some());
        assert!(keys.matches(&hasher, b"stored").is_none());
        assert!(keys.matches(&hasher, b"control").is_some());
        keys.declare(None);
        assert!(keys.matches(&hasher, b"stored").is_some());
        assert!(keys.matches(&hasher, b"").is_none());
    }

    #[test]
    fn hashes_survive_the_store() {
        let hash = KeyHasher::new(&[1; 32]).hash(b"admin");
        assert_eq!(from_hexadecimal(&to_hexadecimal(&hash)), Some(hash));
        for broken in ["", "00", &"g".repeat(64), &"ä".repeat(32)] {
            assert_eq!(from_hexadecimal(broken), None, "{broken}");
        }
    }
}
