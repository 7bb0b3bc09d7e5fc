//! Models in Anthropic's form.

use serde_json::{Value, json};
use tollgate_core::error::Failure;
use tollgate_core::time::Timestamp;

use super::page::{self, Page};
use super::{Shown, tell};
use crate::query::Query;

/// How many models a page has, unless the caller says so.
const PAGE: usize = 20;
/// The most that a caller may ask for.
const LARGEST_PAGE: usize = 1000;

/// One page: behind `after_id`, before `before_id`, or the first.
pub(super) fn list(
    models: &[Shown<'_>],
    began: Timestamp,
    query: Query<'_>,
) -> Result<Value, Failure> {
    let limit = match query.first("limit") {
        None => PAGE,
        Some(text) => page::size(&text)
            .filter(|limit| (1..=LARGEST_PAGE).contains(limit))
            .ok_or_else(|| page::fault("limit", "must be an integer from 1 to 1000"))?,
    };
    let after = page::place(models, query, "after_id")?;
    let before = page::place(models, query, "before_id")?;
    let page = match (after, before) {
        (None, None) => Page::from(models, 0, limit),
        (Some(after), None) => Page::from(models, after + 1, limit),
        (None, Some(before)) => Page::before(models, before, limit),
        (Some(_), Some(_)) => {
            let what = "cannot be used together with `after_id`";
            return Err(page::fault("before_id", what));
        }
    };
    let id = |model: Option<&Shown<'_>>| model.map(|model| Value::from(model.name));
    let data: Vec<_> = page.models.iter().map(|model| row(model, began)).collect();
    Ok(json!({
        "data": data,
        "has_more": page.more,
        "first_id": id(page.models.first()),
        "last_id": id(page.models.last()),
    }))
}

/// One model. When a model was made nobody knows here: it is as old as the process.
pub(super) fn row(model: &Shown<'_>, began: Timestamp) -> Value {
    let mut row = json!({
        "type": "model",
        "id": model.name,
        "display_name": model.name,
        "created_at": began.to_rfc3339(),
    });
    tell(&mut row, "max_input_tokens", model.facts.context_window);
    tell(&mut row, "max_tokens", model.facts.max_output);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::models::page::tests::{models, names};

    const BEGAN: Timestamp = Timestamp::from_millis(1_795_255_200_000);

    fn ask(count: usize, query: &str) -> Result<Value, Failure> {
        let names = names(count);
        list(&models(&names), BEGAN, Query::new(Some(query)))
    }

    #[test]
    fn a_model_looks_as_at_anthropic() {
        assert_eq!(
            ask(1, "").unwrap(),
            json!({
                "data": [{
                    "type": "model",
                    "id": "m/0",
                    "display_name": "m/0",
                    "created_at": "2026-11-21T10:00:00Z",
                }],
                "has_more": false,
                "first_id": "m/0",
                "last_id": "m/0",
            })
        );
        let none = ask(0, "").unwrap();
        assert_eq!(none["data"], json!([]));
        assert!(none["first_id"].is_null() && none["last_id"].is_null());
    }

    #[test]
    fn pages_go_forwards_and_backwards() {
        for (query, first, last, more) in [
            ("", "m/0", "m/19", true),
            ("limit=1000", "m/0", "m/24", false),
            ("limit=25", "m/0", "m/24", false),
            ("limit=2", "m/0", "m/1", true),
            ("limit=2&after_id=m%2F1", "m/2", "m/3", true),
            ("after_id=m/19", "m/20", "m/24", false),
            ("limit=2&before_id=m/2", "m/0", "m/1", false),
            ("limit=2&before_id=m/3", "m/1", "m/2", true),
        ] {
            let page = ask(25, query).unwrap();
            assert_eq!(page["first_id"], first, "{query}");
            assert_eq!(page["last_id"], last, "{query}");
            assert_eq!(page["has_more"], more, "{query}");
        }
        assert_eq!(ask(25, "after_id=m/24").unwrap()["data"], json!([]));
    }

    #[test]
    fn a_page_that_cannot_be_is_refused_by_its_parameter() {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=ten", "limit"),
            ("limit=", "limit"),
            ("after_id=none", "after_id"),
            ("before_id=none", "before_id"),
            ("after_id=m/0&before_id=m/1", "before_id"),
        ] {
            let failure = ask(25, query).unwrap_err();
            assert_eq!(failure.fields[0].path, field, "{query}");
        }
    }
}
