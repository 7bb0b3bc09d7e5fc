//! The catalogue as documents: JSON for programs, text for a terminal, Markdown for `docs`. All
//! of them come from the table, so none can say something else.

mod example;
mod markdown;

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::catalog::Code;
use super::dialect::{Context, Dialect, Rendered};
use crate::time::Timestamp;

pub use self::example::example;
pub use self::markdown::markdown;

/// The request id of the examples.
const REQUEST_ID: &str = "req_example";
/// The time of the examples: 2026-11-21T10:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

/// One row as JSON: its facts, texts, page, status in each dialect and an example body of each.
/// `public_url` has no slash at its end.
pub fn entry_json(code: Code, public_url: &str) -> Value {
    let mut statuses = Map::new();
    let mut examples = Map::new();
    for (name, rendered) in examples_of(code, public_url) {
        statuses.insert(name.into(), rendered.status.into());
        let body = serde_json::from_str(&rendered.body).unwrap_or(Value::Null);
        examples.insert(name.into(), body);
    }
    let members: [(&str, Value); 13] = [
        ("object", "error_code".into()),
        ("code", code.slug().into()),
        ("type", code.kind().into()),
        ("status", code.status().into()),
        ("statuses", statuses.into()),
        ("family_code", code.family().into()),
        ("retry", code.retry().as_str().into()),
        ("title", code.title().into()),
        ("message", code.message().into()),
        ("cause", code.cause().into()),
        ("fix", code.fix().into()),
        ("doc_url", code.doc_url(public_url).into()),
        ("examples", examples.into()),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<Map<_, _>>()
        .into()
}

/// Every row as JSON, in the order of the table.
pub fn list_json(public_url: &str) -> Value {
    let data: Vec<Value> = Code::ALL
        .iter()
        .map(|&code| entry_json(code, public_url))
        .collect();
    let mut list = Map::new();
    list.insert("object".into(), "list".into());
    list.insert("data".into(), data.into());
    list.into()
}

/// One row for a terminal, line break at the end included.
pub fn entry_text(code: Code, public_url: &str) -> String {
    let mut text = format!(
        "{} - {}\n\n  type         {}\n  status       {}\n  family code  {}\n  retry        {}\n  \
         page         {}\n\n  Message  {}\n  Cause    {}\n  Fix      {}\n",
        code.slug(),
        code.title(),
        code.kind(),
        status_text(code),
        code.family(),
        code.retry().as_str(),
        code.doc_url(public_url),
        code.message(),
        code.cause(),
        code.fix(),
    );
    for (name, rendered) in examples_of(code, public_url) {
        write(
            &mut text,
            format_args!("\n  {name}: {}\n  {}\n", rendered.status, rendered.body),
        );
    }
    text
}

/// These rows for a terminal, one line each, line break at the end included.
pub fn list_text(codes: &[Code]) -> String {
    let mut text = String::new();
    for &code in codes {
        let (slug, status, retry) = (code.slug(), status_text(code), code.retry().as_str());
        write(
            &mut text,
            format_args!("{slug:<32}{status:<11}{retry:<23}{}\n", code.title()),
        );
    }
    text
}

/// The example of a row in every dialect, with the dialect's label.
pub fn examples_of(code: Code, public_url: &str) -> Vec<(&'static str, Rendered)> {
    let failure = example(code);
    let context = context(public_url);
    let render = |dialect: &Dialect| (dialect.label(), dialect.render(&failure, &context));
    Dialect::ALL.iter().map(render).collect()
}

/// The status for people: one code is only met in streams, which have begun with 200.
fn status_text(code: Code) -> String {
    match code {
        Code::StreamInterrupted => "in stream".to_owned(),
        code => code.status().to_string(),
    }
}

/// The request of the examples.
pub(crate) fn context(public_url: &str) -> Context<'_> {
    Context {
        request_id: REQUEST_ID,
        public_url,
        now: NOW,
        claude_code: false,
    }
}

fn write(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _written = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://llm.example.com";

    #[test]
    fn the_list_holds_every_code_with_its_page_and_an_example_in_every_dialect() {
        let list = list_json(URL);
        let data = list["data"].as_array().unwrap();
        assert_eq!(data.len(), Code::ALL.len());
        for (entry, code) in data.iter().zip(Code::ALL) {
            assert_eq!(entry["code"], code.slug());
            assert_eq!(entry["doc_url"], format!("{URL}/errors/{}", code.slug()));
            for dialect in Dialect::ALL {
                let name = dialect.label();
                assert!(
                    entry["examples"][name].is_object(),
                    "{} in {name}",
                    code.slug()
                );
                assert!(
                    entry["statuses"][name].is_u64(),
                    "{} in {name}",
                    code.slug()
                );
            }
            for text in ["title", "message", "cause", "fix"] {
                assert!(
                    entry[text].as_str().unwrap().len() > 3,
                    "{text} of {}",
                    code.slug()
                );
            }
        }
    }

    #[test]
    fn the_text_of_one_row_says_what_the_row_says() {
        let text = entry_text(Code::BudgetExceeded, URL);
        for part in [
            "budget_exceeded",
            "402",
            "never",
            "GATEWAY1_BILLING_002",
            URL,
            "anthropic",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.contains(Code::BudgetExceeded.cause()));
        assert!(text.contains(Code::BudgetExceeded.fix()));
    }

    #[test]
    fn the_list_for_a_terminal_has_a_line_per_code() {
        let text = list_text(Code::ALL);
        assert_eq!(text.lines().count(), Code::ALL.len());
        for (line, code) in text.lines().zip(Code::ALL) {
            assert!(line.starts_with(code.slug()), "{line}");
        }
    }

    #[test]
    fn the_document_has_a_row_and_a_section_for_every_code() {
        let document = markdown(URL);
        for &code in Code::ALL {
            let slug = code.slug();
            assert_eq!(
                document.matches(&format!("\n## {slug}\n")).count(),
                1,
                "{slug}"
            );
            assert!(
                document.contains(&format!("| [`{slug}`](#{slug}) |")),
                "{slug}"
            );
        }
        assert!(document.ends_with("```\n"));
    }
}
