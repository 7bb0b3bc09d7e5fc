//! What nobody may read in the store is encrypted before it gets there.

use std::fmt;

use bytes::Bytes;

/// Why something cannot be encrypted or decrypted. Says nothing of what it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no randomness.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// It was sealed under a key that is not known here.
    #[error("it is sealed under the master key {key_id}, which is not known here")]
    UnknownKey {
        /// The id of that key.
        key_id: Box<str>,
    },
    /// It was changed since, or belongs to something else.
    #[error("it does not open: it was changed, or belongs to something else")]
    Damaged,
}

/// Encrypts and decrypts.
pub trait Vault: Send + Sync {
    /// Encrypts, bound to what it is about. Fails without randomness.
    fn seal(&self, about: &[u8], clear: &[u8]) -> Result<Bytes, VaultError>;
    /// Decrypts. Fails if it was changed, or is about something else.
    fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError>;
}

impl fmt::Debug for dyn Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault(hidden)")
    }
}
