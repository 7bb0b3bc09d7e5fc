//! The catalogue of errors, as JSON for programs and as pages for people.

use std::fmt::Write as _;

use serde_json::Value;
use tollgate_core::error::{Code, document};

use crate::dispatch::Given;

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;\
    padding:0 1rem;color:#1d2129;background:#fff}a{color:#0b57d0}code,pre{font:14px/1.45 \
    ui-monospace,monospace;background:#f3f4f6;border-radius:4px}code{padding:.1em .3em}\
    pre{padding:.8rem;overflow-x:auto}table{border-collapse:collapse;width:100%}td,th{text-align:\
    left;padding:.35rem .6rem;border-bottom:1px solid #e3e5e8}@media(prefers-color-scheme:dark)\
    {body{color:#e4e6ea;background:#15171b}code,pre{background:#23262c}a{color:#8ab4f8}\
    td,th{border-color:#33373e}}";

/// `GET /v1/errors`.
pub(crate) fn list(url: &str) -> Given {
    Given::json(200, &document::list_json(url))
}

/// `GET /v1/errors/{code}`; `None` for a code that is not in the catalogue.
pub(crate) fn one(code: &str, url: &str) -> Option<Given> {
    Some(Given::json(
        200,
        &document::entry_json(Code::from_slug(code)?, url),
    ))
}

/// `GET /errors`: every code with what it means.
pub(crate) fn pages(url: &str) -> Given {
    let place = escape(place(url));
    let mut rows = String::new();
    for code in Code::ALL {
        let (slug, status) = (code.slug(), code.status());
        let title = escape(code.title());
        // Writing to a String cannot fail.
        _ = write!(
            rows,
            "<tr><td><a href=\"{place}/errors/{slug}\"><code>{slug}</code></a></td>\
             <td>{status}</td><td>{title}</td></tr>",
        );
    }
    let body = format!(
        "<h1>Errors</h1><p>Every failure has one of these codes, whatever provider it came \
         from.</p><table><tr><th>Code</th><th>Status</th><th>Meaning</th></tr>{rows}</table>"
    );
    html(200, "Errors", &body)
}

/// `GET /errors/{code}`: cause, fix and examples; for what is no code, the way to the list.
pub(crate) fn page(slug: &str, url: &str) -> Given {
    let Some(code) = Code::from_slug(slug) else {
        let body = format!(
            "<h1>No such code</h1><p>There is no error of this name. <a href=\"{}/errors\">All \
             errors</a></p>",
            escape(place(url)),
        );
        return html(404, "No such code", &body);
    };
    let mut body = format!(
        "<p><a href=\"{}/errors\">All errors</a></p><h1><code>{}</code></h1><p>{}</p>\
         <h2>Cause</h2><p>{}</p><h2>Fix</h2><p>{}</p><h2>Examples</h2>",
        escape(place(url)),
        code.slug(),
        escape(code.title()),
        escape(code.cause()),
        escape(code.fix()),
    );
    for (dialect, rendered) in document::examples_of(code, url) {
        let pretty = serde_json::from_str::<Value>(&rendered.body)
            .and_then(|value| serde_json::to_string_pretty(&value));
        let shown = pretty.unwrap_or(rendered.body);
        _ = write!(
            body,
            "<h3>{dialect}, status {}</h3><pre>{}</pre>",
            rendered.status,
            escape(&shown)
        );
    }
    html(200, code.slug(), &body)
}

/// The path under which the public address has the gateway, empty for most. Links of pages begin
/// with it instead of the whole address, so that they lead back to wherever the page came from.
fn place(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/')
        .and_then(|start| rest.get(start..))
        .unwrap_or_default()
}

fn html(status: u16, title: &str, body: &str) -> Given {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title} \u{b7} Tollgate</title><style>{STYLE}</style>\
         </head><body>{body}</body></html>"
    );
    Given::Document {
        status,
        content_type: HTML,
        body: page.into(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_pages_lead_back_to_where_the_page_came_from() {
        for (url, link) in [
            ("https://llm.example.com", "href=\"/errors"),
            ("https://example.com/llm", "href=\"/llm/errors"),
            ("http://127.0.0.1:4000", "href=\"/errors"),
        ] {
            for given in [pages(url), page("conflict", url), page("nope", url)] {
                let Given::Document { body, .. } = given else {
                    panic!("no document");
                };
                let body = String::from_utf8(body.to_vec()).unwrap();
                assert!(body.contains(link), "{body}");
                assert!(!body.contains("href=\"http"), "{body}");
            }
        }
    }

    #[test]
    fn what_is_no_code_gets_a_page_too() {
        for (slug, expected) in [("conflict", 200), ("nope", 404), ("<script>", 404)] {
            let Given::Document { status, body, .. } = page(slug, "http://a") else {
                panic!("no document");
            };
            assert_eq!(status, expected, "{slug}");
            assert!(
                !String::from_utf8(body.to_vec())
                    .unwrap()
                    .contains("<script>")
            );
        }
    }
}
