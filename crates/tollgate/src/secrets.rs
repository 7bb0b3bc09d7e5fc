//! What is encrypted in the store: opened at the start, and sealed anew when the master key is
//! another one.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tollgate_core::audit::AuditRow;
use tollgate_core::key::KeyHasher;
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{
    Change, Sealed, Store, StoreError, StoredConnection, Vault, VaultError,
};
use tollgate_store::{MasterKeys, Seal};

use crate::ownership::random;

/// The setting that holds the secret under which keys are hashed, sealed.
const SETTING: &str = "hashing_secret";

/// Why secrets cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretsError {
    /// Another master key sealed them.
    #[error(
        "{what} is sealed under the master key {key_id}, but the master key that is given is \
         {current}: give the old one too, as [secrets] previous_master_keys, or go back to it. \
         Nothing was changed"
    )]
    OtherKey {
        /// What cannot be opened.
        what: String,
        /// The key that is missing.
        key_id: Box<str>,
        /// The key that is there.
        current: Box<str>,
    },
    /// It does not open with its key.
    #[error("{what} is damaged in the store. Nothing was changed")]
    Damaged {
        /// What cannot be opened.
        what: String,
    },
    /// The system gives no random numbers.
    #[error("nothing can be sealed: {0}")]
    NoRandomness(VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The secrets of a deployment while it runs.
pub(crate) struct Secrets {
    keys: ArcSwap<MasterKeys>,
    hasher: KeyHasher,
}

impl Secrets {
    /// Opens what the store holds, and seals it anew if it is sealed under an old key. At the very
    /// first start the secret under which keys are hashed follows from the master key; from then
    /// on it is kept, and survives the master key.
    pub(crate) async fn open(
        store: &dyn Store,
        keys: MasterKeys,
        now: Timestamp,
    ) -> Result<Self, SecretsError> {
        reseal(store, &keys, now).await?;
        let secret = hashing_secret(store, &keys).await?;
        Ok(Self {
            hasher: KeyHasher::of_secret(&secret),
            keys: ArcSwap::from_pointee(keys),
        })
    }

    /// Takes other master keys into use, and seals everything under the new current one. Changes
    /// nothing on failure. The caller sees to it that no secret is stored meanwhile.
    pub(crate) async fn take(
        &self,
        store: &dyn Store,
        keys: MasterKeys,
        now: Timestamp,
    ) -> Result<(), SecretsError> {
        reseal(store, &keys, now).await?;
        self.keys.store(Arc::new(keys));
        Ok(())
    }

    /// The master keys as they are now.
    pub(crate) fn keys(&self) -> Guard<Arc<MasterKeys>> {
        self.keys.load()
    }

    /// Hashes keys.
    pub(crate) fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// Encrypts answers that are kept. Its key does not change with the master key.
    pub(crate) fn answers(&self) -> Arc<dyn Vault> {
        let key = self.hasher.derive(b"tollgate kept answers v1");
        Arc::new(Seal::new(&key, random))
    }
}

/// What a credential is bound to, so that no other connection can be given it in the store.
pub(crate) fn of_connection(name: &str) -> Vec<u8> {
    format!("credential of the connection {name}").into_bytes()
}

/// Opens the credential of a connection.
pub(crate) fn open_credential(
    keys: &MasterKeys,
    name: &str,
    sealed: &Sealed,
) -> Result<Vec<u8>, SecretsError> {
    let what = || format!("the credential of the connection \"{name}\"");
    let opened = keys.open(&of_connection(name), sealed);
    opened.map_err(|error| explained(keys, what(), error))
}

/// Seals everything anew that is not sealed under the current key: all or nothing.
async fn reseal(store: &dyn Store, keys: &MasterKeys, now: Timestamp) -> Result<(), SecretsError> {
    let mut changes = Vec::new();
    for connection in store.connections().await? {
        let Some(sealed) = connection.sealed.as_ref() else {
            continue;
        };
        // Opened in any case: a key that is simply wrong is told here, not by providers.
        let clear = open_credential(keys, &connection.name, sealed)?;
        if keys.is_current(sealed) {
            continue;
        }
        let sealed = keys.seal(&of_connection(&connection.name), &clear);
        let sealed = sealed.map_err(SecretsError::NoRandomness)?;
        changes.push(Change::PutConnection(Arc::new(StoredConnection {
            sealed: Some(sealed),
            ..connection
        })));
    }
    if let Some(sealed) = stored_secret(store).await? {
        let clear = open_secret(keys, &sealed)?;
        if !keys.is_current(&sealed) {
            changes.push(kept_secret(keys, &clear)?);
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    let audit = AuditRow {
        at: now,
        actor: "configuration".into(),
        action: "secrets.rotate".into(),
        object: "secrets".into(),
        object_id: keys.current_id().into(),
        organization: None,
        change: format!("{{\"sealed\":{}}}", changes.len()).into(),
        request_id: None,
    };
    store.change(&changes, &[audit]).await?;
    tracing::info!(
        key_id = keys.current_id(),
        secrets = changes.len(),
        "stored secrets are sealed under the new master key"
    );
    Ok(())
}

/// The secret under which keys are hashed. Kept from the first start on.
async fn hashing_secret(store: &dyn Store, keys: &MasterKeys) -> Result<[u8; 32], SecretsError> {
    if let Some(sealed) = stored_secret(store).await? {
        return open_secret(keys, &sealed);
    }
    let secret = keys.hashing_secret();
    store.change(&[kept_secret(keys, &secret)?], &[]).await?;
    Ok(secret)
}

const WHAT: &str = "the secret under which keys are hashed";

fn open_secret(keys: &MasterKeys, sealed: &Sealed) -> Result<[u8; 32], SecretsError> {
    let opened = keys.open(SETTING.as_bytes(), sealed);
    let opened = opened.map_err(|error| explained(keys, WHAT.to_owned(), error))?;
    opened.try_into().map_err(|_| SecretsError::Damaged {
        what: WHAT.to_owned(),
    })
}

fn kept_secret(keys: &MasterKeys, clear: &[u8; 32]) -> Result<Change, SecretsError> {
    let sealed = keys.seal(SETTING.as_bytes(), clear);
    let sealed = sealed.map_err(SecretsError::NoRandomness)?;
    let digits = sealed.bytes.iter().map(|byte| format!("{byte:02x}"));
    Ok(Change::SetSetting {
        name: SETTING.into(),
        value: format!("{}:{}", sealed.key_id, digits.collect::<String>()).into(),
    })
}

async fn stored_secret(store: &dyn Store) -> Result<Option<Sealed>, SecretsError> {
    let Some(text) = store.setting(SETTING).await? else {
        return Ok(None);
    };
    let damaged = || SecretsError::Damaged {
        what: WHAT.to_owned(),
    };
    let (key_id, digits) = text.split_once(':').ok_or_else(damaged)?;
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    Ok(Some(Sealed {
        key_id: key_id.into(),
        bytes: bytes.ok_or_else(damaged)?.into(),
    }))
}

/// The byte of two hexadecimal digits.
fn byte(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

fn explained(keys: &MasterKeys, what: String, error: VaultError) -> SecretsError {
    match error {
        VaultError::UnknownKey { key_id } => SecretsError::OtherKey {
            what,
            key_id,
            current: keys.current_id().into(),
        },
        VaultError::Damaged => SecretsError::Damaged { what },
        VaultError::NoRandomness => SecretsError::NoRandomness(error),
    }
}

#[cfg(test)]
mod tests;
