//! The list of models, page by page.

use serde_json::{Value, json};

use super::headers;
use crate::draft::Draft;
use crate::models;
use crate::percent;
use crate::problem::Problem;
use crate::request::Request;

const PAGE: usize = 50;
const LONGEST_PAGE: usize = 1000;

/// A page of the models. The token of the next page is the number of those before it.
pub(super) fn list(request: &Request, seed: u64) -> Draft {
    let number = |name: &str| {
        let text = percent::in_query(&request.query, name)?;
        text.parse::<usize>().ok()
    };
    let size = number("pageSize").unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let all = models::all();
    let from = number("pageToken").unwrap_or(0).min(all.len());
    let page = all.iter().skip(from).take(size).map(|name| model(name));
    let mut body = json!({"models": page.collect::<Vec<_>>()});
    if from + size < all.len()
        && let Some(members) = body.as_object_mut()
    {
        let next = (from + size).to_string();
        members.insert("nextPageToken".to_owned(), json!(next));
    }
    whole(request, seed, &body)
}

/// One model.
pub(super) fn one(request: &Request, name: &str, seed: u64) -> Result<Draft, Problem> {
    if models::is_known(name) {
        return Ok(whole(request, seed, &model(name)));
    }
    let text = format!("models/{name} is not found for API version v1beta.");
    Err(Problem::plain(404, &text))
}

fn model(name: &str) -> Value {
    json!({
        "name": format!("models/{name}"),
        "version": "001",
        "displayName": format!("Simulated {name}"),
        "description": "A model of the simulated provider.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    })
}

fn whole(request: &Request, seed: u64, body: &Value) -> Draft {
    let headers = headers::common(request.number, seed, "application/json; charset=UTF-8");
    Draft::whole(200, headers, body.to_string())
}
