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
    let mut rows = String::new();
    for code in Code::ALL {
        let (slug, status) = (code.slug(), code.status());
        let title = escape(code.title());
        // Writing to a String cannot fail.
        _ = write!(
            rows,
            "<tr><td><a href=\"{url}/errors/{slug}\"><code>{slug}</code></a></td>\
             <td>{status}</td><td>{title}</td></tr>",
            url = escape(url),
        );
    }
    let body = format!(
        "<h1>Errors</h1><p>Every failure has one of these codes, whatever provider it came \
         from.</p><table><tr><th>Code</th><th>Status</th><th>Meaning</th></tr>{rows}</table>"
    );
    html("Errors", &body)
}

/// `GET /errors/{code}`: cause, fix and examples.
pub(crate) fn page(slug: &str, url: &str) -> Option<Given> {
    let code = Code::from_slug(slug)?;
    let mut body = format!(
        "<p><a href=\"{}/errors\">All errors</a></p><h1><code>{}</code></h1><p>{}</p>\
         <h2>Cause</h2><p>{}</p><h2>Fix</h2><p>{}</p><h2>Examples</h2>",
        escape(url),
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
    Some(html(code.slug(), &body))
}

fn html(title: &str, body: &str) -> Given {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title} \u{b7} Tollgate</title><style>{STYLE}</style>\
         </head><body>{body}</body></html>"
    );
    Given::Document {
        status: 200,
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
