//! Models in OpenAI's form.

use serde_json::{Value, json};
use tollgate_core::time::Timestamp;

use super::Shown;

/// All of them: OpenAI's list has no pages.
pub(super) fn list(models: &[Shown<'_>], began: Timestamp) -> Value {
    let data: Vec<_> = models.iter().map(|model| row(model, began)).collect();
    json!({"object": "list", "data": data})
}

/// One model. When a model was made nobody knows here: it is as old as the process.
pub(super) fn row(model: &Shown<'_>, began: Timestamp) -> Value {
    json!({
        "id": model.name,
        "object": "model",
        "created": began.as_seconds(),
        "owned_by": model.connection,
    })
}
