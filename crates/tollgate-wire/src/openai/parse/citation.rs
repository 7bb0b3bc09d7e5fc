//! What an answer refers to.

use serde_json::{Map, Value};

use crate::neutral::Citation;

/// The citation in one of `annotations`, if it is of a page.
pub(super) fn of_annotation(annotation: &Value) -> Option<Citation> {
    let page = annotation.get("url_citation")?.as_object()?;
    let count = |name: &str| page.get(name).and_then(Value::as_u64);
    Some(Citation {
        url: text(page, "url"),
        title: text(page, "title"),
        quote: text(page, "content"),
        document: None,
        start: count("start_index"),
        end: count("end_index"),
    })
}

/// The pages that Perplexity names beside its answers. The newer list tells more of each.
pub(super) fn of_pages(answer: &Map<String, Value>) -> Vec<Citation> {
    let list = |name: &str| {
        let list = answer.get(name).and_then(Value::as_array);
        list.filter(|list| !list.is_empty())
    };
    if let Some(results) = list("search_results") {
        let results = results.iter().filter_map(Value::as_object);
        return results
            .map(|page| Citation {
                url: text(page, "url"),
                title: text(page, "title"),
                ..Citation::default()
            })
            .collect();
    }
    let urls = list("citations").into_iter().flatten();
    urls.filter_map(Value::as_str)
        .map(|url| Citation {
            url: Some(url.to_owned()),
            ..Citation::default()
        })
        .collect()
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    let text = object.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}
