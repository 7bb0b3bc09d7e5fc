//! What is kept of a connection, read and told.

use tollgate_core::error::{Code, Failure};
use tollgate_core::id::OrgId;
use tollgate_core::secret::Secret;
use tollgate_engine::port::StoredConnection;
use tollgate_store::MasterKeys;

use crate::config::{self, Connection};
use crate::secrets::{self, SecretsError};

/// What can be used of a kept connection. Fails if its credential does not open.
pub(super) fn used(
    keys: &MasterKeys,
    kept: &StoredConnection,
) -> Result<Option<Connection>, SecretsError> {
    let credential = opened(keys, kept)?;
    match config::stored_connection(&kept.name, &kept.settings, credential.as_ref()) {
        Ok(mut connection) => {
            connection.owner = kept.organization.as_deref().map(OrgId::from_stored);
            Ok(Some(connection))
        }
        Err(failure) => {
            let problem = failure.message.as_deref();
            tracing::error!(
                connection = &*kept.name,
                problem,
                "a connection that is kept in the store cannot be used"
            );
            Ok(None)
        }
    }
}

pub(super) fn opened(
    keys: &MasterKeys,
    kept: &StoredConnection,
) -> Result<Option<Secret>, SecretsError> {
    let Some(sealed) = &kept.sealed else {
        return Ok(None);
    };
    let clear = secrets::open_credential(keys, &kept.name, sealed)?;
    let text = String::from_utf8(clear).map_err(|_| SecretsError::Damaged {
        what: format!("the credential of the connection \"{}\"", kept.name),
    })?;
    Ok(Some(Secret::new(text)))
}

/// What the audit log says of a connection: everything but its credential.
pub(super) fn told(kept: &StoredConnection) -> String {
    let settings: serde_json::Value =
        serde_json::from_str(&kept.settings).unwrap_or(serde_json::Value::Null);
    serde_json::json!({
        "organization": {"new": kept.organization.as_deref()},
        "settings": {"new": settings},
        "has_credential": {"new": kept.sealed.is_some()},
        "label": {"new": kept.facts.label.as_deref()},
        "in_use": {"new": !kept.facts.is_off},
    })
    .to_string()
}

pub(super) fn declared() -> Failure {
    Failure::client(Code::Conflict).message(
        "This connection is declared in the configuration. Change it there and reload the \
         configuration.",
    )
}
