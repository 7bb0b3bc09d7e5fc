//! Encryption of what is stored: XChaCha20-Poly1305, under keys that follow from master keys.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use tollgate_core::key;
use tollgate_engine::mint::Entropy;
use tollgate_engine::port::{Sealed, Vault, VaultError};

/// How many bytes of a sealed secret are its nonce.
const NONCE: usize = 24;
/// How many bytes of a hash of a master key are its id.
const ID: usize = 8;

/// The master keys of a deployment: seals under the current one, opens with any.
pub struct MasterKeys {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

struct MasterKey {
    id: Box<str>,
    hashing_secret: [u8; 32],
    seal: Seal,
}

impl MasterKeys {
    /// Knows these master keys. Randomness is for nonces.
    pub fn new(current: &[u8; 32], previous: &[[u8; 32]], entropy: Entropy) -> Self {
        let known = |key: &[u8; 32]| MasterKey {
            id: id(key),
            hashing_secret: key::hashing_secret(key),
            seal: Seal::new(&key::derive(key, b"tollgate sealed secrets v1"), entropy),
        };
        Self {
            current: known(current),
            previous: previous.iter().map(known).collect(),
        }
    }

    /// The id of the key under which secrets are sealed now.
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    /// The secret under which a deployment hashes keys that begins with the current master key.
    pub fn hashing_secret(&self) -> [u8; 32] {
        self.current.hashing_secret
    }

    /// Encrypts under the current key, bound to what it is about. Fails without randomness.
    pub fn seal(&self, about: &[u8], clear: &[u8]) -> Result<Sealed, VaultError> {
        Ok(Sealed {
            key_id: self.current.id.clone(),
            bytes: self.current.seal.seal(about, clear)?,
        })
    }

    /// Decrypts with the key under which it was sealed. Fails if that is not known, and if the
    /// secret was changed or is about something else.
    pub fn open(&self, about: &[u8], sealed: &Sealed) -> Result<Vec<u8>, VaultError> {
        let mut known = std::iter::once(&self.current).chain(&self.previous);
        let key = known.find(|key| key.id == sealed.key_id);
        let unknown = || VaultError::UnknownKey {
            key_id: sealed.key_id.clone(),
        };
        key.ok_or_else(unknown)?.seal.open(about, &sealed.bytes)
    }

    /// Whether a secret is sealed under the current key.
    pub fn is_current(&self, sealed: &Sealed) -> bool {
        self.current.id == sealed.key_id
    }
}

/// What names a master key without telling anything of it.
fn id(master_key: &[u8; 32]) -> Box<str> {
    let hash = key::derive(master_key, b"tollgate master key id v1");
    let digits = hash.iter().take(ID).map(|byte| format!("{byte:02x}"));
    digits.collect::<String>().into()
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MasterKeys({})", self.current.id)
    }
}

/// Encryption under one key.
pub struct Seal {
    cipher: XChaCha20Poly1305,
    entropy: Entropy,
}

impl Seal {
    /// Encrypts under this key. Randomness is for nonces.
    pub fn new(key: &[u8; 32], entropy: Entropy) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(key.into()),
            entropy,
        }
    }
}

impl Vault for Seal {
    fn seal(&self, about: &[u8], clear: &[u8]) -> Result<bytes::Bytes, VaultError> {
        let mut nonce = [0; NONCE];
        (self.entropy)(&mut nonce).map_err(|_| VaultError::NoRandomness)?;
        let payload = Payload {
            msg: clear,
            aad: about,
        };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        // It fails only for texts beyond what the cipher can count.
        let sealed = sealed.map_err(|_| VaultError::Damaged)?;
        let mut bytes = Vec::with_capacity(NONCE + sealed.len());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(bytes.into())
    }

    fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE>()
            .ok_or(VaultError::Damaged)?;
        let payload = Payload {
            msg: sealed,
            aad: about,
        };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload);
        opened.map_err(|_| VaultError::Damaged)
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seal(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_engine::testing::counting_entropy;

    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    fn keys(current: &[u8; 32], previous: &[[u8; 32]]) -> MasterKeys {
        MasterKeys::new(current, previous, counting_entropy)
    }

    #[test]
    fn a_secret_opens_with_its_key_and_about_its_object_alone() {
        let keys = keys(&OLD, &[]);
        let sealed = keys.seal(b"main", b"sk-canary").unwrap();
        assert_eq!(keys.open(b"main", &sealed).unwrap(), b"sk-canary");
        assert_eq!(keys.open(b"other", &sealed), Err(VaultError::Damaged));
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            let mut bytes = changed.bytes.to_vec();
            bytes[at] ^= 1;
            changed.bytes = bytes.into();
            assert_eq!(keys.open(b"main", &changed), Err(VaultError::Damaged));
        }
        for length in 0..sealed.bytes.len() {
            let mut cut = sealed.clone();
            cut.bytes.truncate(length);
            assert_eq!(keys.open(b"main", &cut), Err(VaultError::Damaged));
        }
    }

    #[test]
    fn nothing_of_a_secret_shows() {
        let keys = keys(&OLD, &[]);
        let one = keys.seal(b"main", b"sk-canary").unwrap();
        let two = keys.seal(b"main", b"sk-canary").unwrap();
        assert_ne!(one.bytes, two.bytes, "no nonce comes twice");
        let shown = String::from_utf8_lossy(&one.bytes).into_owned() + &format!("{keys:?}");
        assert!(!shown.contains("canary"));
        assert_eq!(keys.current_id().len(), 2 * ID);
    }

    #[test]
    fn a_new_master_key_opens_what_the_old_one_sealed_while_both_are_known() {
        let sealed = keys(&OLD, &[]).seal(b"main", b"sk-canary").unwrap();
        let both = keys(&NEW, &[OLD]);
        assert_eq!(both.open(b"main", &sealed).unwrap(), b"sk-canary");
        assert!(!both.is_current(&sealed));
        let again = both.seal(b"main", b"sk-canary").unwrap();
        assert!(both.is_current(&again));
        let new = keys(&NEW, &[]);
        assert_eq!(new.open(b"main", &again).unwrap(), b"sk-canary");
        let key_id = keys(&OLD, &[]).current_id().into();
        let error = new.open(b"main", &sealed).unwrap_err();
        assert_eq!(error, VaultError::UnknownKey { key_id });
    }
}
