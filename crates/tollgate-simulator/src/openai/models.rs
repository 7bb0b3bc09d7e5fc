//! The list of models: those that answer, and one for each fault.

use serde_json::{Value, json};

use super::failure::Problem;
use super::headers;
use crate::draft::Draft;
use crate::fault::{Fault, MODEL_PREFIX, faults};
use crate::request::Request;

/// The models that answer without faults.
pub const MODELS: [&str; 3] = ["echo", "story", "embed"];

/// All models.
pub(super) fn list(request: &Request, seed: u64) -> Draft {
    let plain = MODELS.iter().map(|name| (*name).to_owned());
    let faulty = faults().iter().filter(|row| !row.is_on_accept());
    let faulty = faulty.map(|row| format!("{MODEL_PREFIX}{}", row.name));
    let data: Vec<Value> = plain.chain(faulty).map(|name| model(&name)).collect();
    whole(request, seed, &json!({"object": "list", "data": data}))
}

/// One model, by its address below `/v1`.
pub(super) fn one(request: &Request, path: &str, seed: u64) -> Result<Draft, Problem> {
    let name = path.strip_prefix("/models/").unwrap_or_default();
    let is_fault = |text: &str| Fault::parse(text).is_ok();
    if MODELS.contains(&name) || name.strip_prefix(MODEL_PREFIX).is_some_and(is_fault) {
        return Ok(whole(request, seed, &model(name)));
    }
    let message = format!("The model '{name}' does not exist");
    let mut problem = Problem::invalid(404, Some("model"), &message);
    problem.code = Some("model_not_found".to_owned());
    Err(problem)
}

fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": 1_750_000_000, "owned_by": "tollgate-simulator"})
}

fn whole(request: &Request, seed: u64, body: &Value) -> Draft {
    let headers = headers::common(request.number, seed, "application/json");
    Draft::whole(200, headers, body.to_string())
}
