//! What a caller may learn about its own key.

use serde_json::json;
use tollgate_engine::caller::Caller;

use crate::dispatch::Given;

/// `GET /v1/auth/validate` (seed 002): the key is good, and whose it is.
pub(crate) fn validate(caller: &Caller) -> Given {
    let key = &caller.key;
    let models: Vec<_> = key.models.patterns().collect();
    Given::json(
        200,
        &json!({
            "valid": true,
            "user": {"id": key.id.as_str(), "name": key.name},
            "key": {
                "key_prefix": key.masked(),
                "models": models,
                "expires_at": key.expires_at.map(tollgate_core::time::Timestamp::to_rfc3339),
            },
        }),
    )
}
