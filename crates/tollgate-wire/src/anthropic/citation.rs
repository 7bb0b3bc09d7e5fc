//! Citations, of pages and of documents.

use serde_json::{Value, json};

use crate::neutral::Citation;

/// What a citation says; `None` if it is of no known kind.
pub(super) fn read(value: &Value) -> Option<Citation> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let quote = text("cited_text").filter(|quote| !quote.is_empty());
    match value.get("type").and_then(Value::as_str)? {
        "web_search_result_location" => Some(Citation {
            url: text("url"),
            title: text("title"),
            quote,
            ..Citation::default()
        }),
        "search_result_location" => Some(Citation {
            url: text("source"),
            title: text("title"),
            quote,
            ..Citation::default()
        }),
        // Where it is said in the document has no place; what is said there is quoted.
        "char_location" | "page_location" | "content_block_location" => Some(Citation {
            title: text("document_title"),
            quote,
            document: value.get("document_index").and_then(Value::as_u64),
            ..Citation::default()
        }),
        _ => None,
    }
}

/// The citation in Anthropic's words; `None` if it is neither of a page nor of a document.
pub(super) fn written(citation: &Citation) -> Option<Value> {
    let quote = citation.quote.as_deref().unwrap_or_default();
    if let Some(url) = &citation.url {
        return Some(json!({
            "type": "web_search_result_location",
            "url": url,
            "title": citation.title,
            "cited_text": quote,
            // Readers demand it; only its maker could fill it.
            "encrypted_index": "",
        }));
    }
    let document = citation.document?;
    Some(json!({
        "type": "char_location",
        "cited_text": quote,
        "document_index": document,
        "document_title": citation.title,
        "start_char_index": 0,
        "end_char_index": quote.chars().count(),
        "file_id": null,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_of_pages_and_documents_come_back() {
        let page = Citation {
            url: Some("https://example.com".to_owned()),
            title: Some("Example".to_owned()),
            quote: Some("words".to_owned()),
            ..Citation::default()
        };
        let document = Citation {
            quote: Some("words".to_owned()),
            document: Some(2),
            ..Citation::default()
        };
        for citation in [page, document] {
            let value = written(&citation).unwrap();
            assert_eq!(read(&value), Some(citation));
        }
        assert_eq!(written(&Citation::default()), None);
        assert_eq!(read(&json!({"type": "news"})), None);
    }
}
