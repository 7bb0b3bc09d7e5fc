//! What a caller may learn about its own key.

use serde_json::json;
use tollgate_engine::caller::Caller;

use crate::dispatch::Given;

/// `GET /v1/auth/validate` (seed 002): the key is good, and whose it is.
pub(crate) fn validate(caller: &Caller) -> Given {
    let key = &caller.key;
    let models: Vec<_> = key.models.patterns().collect();
    let (team, organization) = (caller.team().facts(), caller.organization().facts());
    let user = match caller.user() {
        Some(user) => {
            let facts = user.facts();
            json!({
                "id": facts.id.as_str(),
                "email": &*facts.email,
                "role": facts.role.as_str(),
            })
        }
        // A key that belongs to nobody stands for itself.
        None => json!({"id": key.id.as_str(), "name": key.name}),
    };
    Given::json(
        200,
        &json!({
            "valid": true,
            "user": user,
            "team": {"id": team.id.as_str(), "name": &*team.name},
            "organization": {"id": organization.id.as_str(), "name": &*organization.name},
            "key": {
                "key_prefix": key.masked(),
                "models": models,
                "expires_at": key.expires_at.map(tollgate_core::time::Timestamp::to_rfc3339),
            },
        }),
    )
}
