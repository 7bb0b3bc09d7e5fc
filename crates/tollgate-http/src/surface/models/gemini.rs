//! Models in Gemini's form.

use serde_json::{Value, json};
use tollgate_core::error::Failure;

use super::page::{self, Page};
use super::{Shown, tell};
use crate::query::Query;

/// How many models a page has, unless the caller says so.
const PAGE: usize = 50;
/// The most that a page has, whatever the caller says.
const LARGEST_PAGE: usize = 1000;

/// One page. The token of the next one is the name of the last model on this one.
pub(super) fn list(models: &[Shown<'_>], query: Query<'_>) -> Result<Value, Failure> {
    let size = match query.first("pageSize") {
        None => PAGE,
        Some(text) => match page::size(&text) {
            None => return Err(page::fault("pageSize", "must be an integer from 0")),
            Some(0) => PAGE,
            Some(size) => size.min(LARGEST_PAGE),
        },
    };
    let from = page::place(models, query, "pageToken")?.map_or(0, |last| last + 1);
    let page = Page::from(models, from, size);
    let rows: Vec<_> = page.models.iter().map(row).collect();
    Ok(match page.models.last() {
        Some(last) if page.more => json!({"models": rows, "nextPageToken": last.name}),
        _ => json!({"models": rows}),
    })
}

/// One model.
pub(super) fn row(model: &Shown<'_>) -> Value {
    let mut row = json!({
        "name": format!("models/{}", model.name),
        "displayName": model.name,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    });
    tell(&mut row, "inputTokenLimit", model.facts.context_window);
    tell(&mut row, "outputTokenLimit", model.facts.max_output);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::models::page::tests::{models, names};

    fn ask(count: usize, query: &str) -> Result<Value, Failure> {
        let names = names(count);
        list(&models(&names), Query::new(Some(query)))
    }

    #[test]
    fn a_model_looks_as_at_google() {
        let methods = ["generateContent", "streamGenerateContent", "countTokens"];
        assert_eq!(
            ask(1, "key=secret").unwrap(),
            json!({"models": [{
                "name": "models/m/0",
                "displayName": "m/0",
                "supportedGenerationMethods": methods,
            }]})
        );
        assert_eq!(ask(0, "").unwrap(), json!({"models": []}));
    }

    #[test]
    fn pages_lead_to_the_next_until_there_is_none() {
        let mut query = "pageSize=10".to_owned();
        let mut seen = Vec::new();
        loop {
            let page = ask(25, &query).unwrap();
            seen.push(page["models"].as_array().unwrap().len());
            let Some(token) = page["nextPageToken"].as_str() else {
                break;
            };
            query = format!("pageSize=10&pageToken={}", token.replace('/', "%2F"));
        }
        assert_eq!(seen, [10, 10, 5]);
        for (query, length) in [("", 50), ("pageSize=0", 50), ("pageSize=9999", 60)] {
            let page = ask(60, query).unwrap();
            assert_eq!(page["models"].as_array().unwrap().len(), length, "{query}");
        }
    }

    #[test]
    fn a_page_that_cannot_be_is_refused_by_its_parameter() {
        for (query, field) in [
            ("pageSize=-1", "pageSize"),
            ("pageSize=x", "pageSize"),
            ("pageToken=none", "pageToken"),
        ] {
            let failure = ask(25, query).unwrap_err();
            assert_eq!(failure.fields[0].path, field, "{query}");
        }
    }
}
