//! The list of models: those that answer, and one for each fault.

use serde_json::{Value, json};

use super::headers;
use crate::draft::Draft;
use crate::models;
use crate::problem::Problem;
use crate::request::Request;

/// All models.
pub(super) fn list(request: &Request, seed: u64) -> Draft {
    let data: Vec<Value> = models::all().iter().map(|name| model(name)).collect();
    whole(request, seed, &json!({"object": "list", "data": data}))
}

/// One model.
pub(super) fn one(request: &Request, name: &str, seed: u64) -> Result<Draft, Problem> {
    if models::is_known(name) {
        return Ok(whole(request, seed, &model(name)));
    }
    let message = format!("The model '{name}' does not exist");
    let mut problem = Problem::invalid(404, Some("model"), &message);
    problem.code = Some("model_not_found".into());
    Err(problem)
}

fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": 1_750_000_000, "owned_by": "tollgate-simulator"})
}

fn whole(request: &Request, seed: u64, body: &Value) -> Draft {
    let headers = headers::common(request.number, seed, "application/json");
    Draft::whole(200, headers, body.to_string())
}
