//! A vault for tests. It hides nothing from anybody who looks closely.

use bytes::Bytes;

use crate::port::{Vault, VaultError};

/// A vault that turns bits over, and knows what things are about.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToyVault;

impl Vault for ToyVault {
    fn seal(&self, about: &[u8], clear: &[u8]) -> Result<Bytes, VaultError> {
        Ok(about.iter().chain(clear).map(|byte| !byte).collect())
    }

    fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let clear: Vec<u8> = sealed.iter().map(|byte| !byte).collect();
        let rest = clear.strip_prefix(about).ok_or(VaultError::Damaged)?;
        Ok(rest.to_vec())
    }
}
