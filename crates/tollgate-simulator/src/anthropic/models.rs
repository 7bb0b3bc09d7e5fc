//! The list of models, page by page.

use serde_json::{Value, json};

use super::headers;
use crate::draft::Draft;
use crate::models;
use crate::percent;
use crate::problem::Problem;
use crate::request::Request;

const PAGE: usize = 20;
const LONGEST_PAGE: usize = 1000;

/// A page of the models: `limit` of them, behind `after_id`.
pub(super) fn list(request: &Request, seed: u64) -> Draft {
    let asked = percent::in_query(&request.query, "limit").and_then(|limit| limit.parse().ok());
    let limit = asked.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let all = models::all();
    let after = percent::in_query(&request.query, "after_id");
    let after = after.and_then(|id| all.iter().position(|name| *name == id));
    let rest = all.get(after.map_or(0, |at| at + 1)..).unwrap_or_default();
    let page: Vec<&String> = rest.iter().take(limit).collect();
    let body = json!({
        "data": page.iter().map(|name| model(name)).collect::<Vec<_>>(),
        "has_more": rest.len() > page.len(),
        "first_id": page.first(),
        "last_id": page.last(),
    });
    whole(request, seed, &body)
}

/// One model.
pub(super) fn one(request: &Request, name: &str, seed: u64) -> Result<Draft, Problem> {
    if models::is_known(name) {
        return Ok(whole(request, seed, &model(name)));
    }
    Err(Problem::plain(404, &format!("model: {name}")))
}

fn model(name: &str) -> Value {
    json!({
        "type": "model",
        "id": name,
        "display_name": format!("Simulated {name}"),
        "created_at": "2025-06-15T00:00:00Z",
    })
}

fn whole(request: &Request, seed: u64, body: &Value) -> Draft {
    let headers = headers::common(request.number, seed, "application/json");
    Draft::whole(200, headers, body.to_string())
}
