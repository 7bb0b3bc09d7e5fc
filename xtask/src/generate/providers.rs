//! `docs/providers.md`: what the recorded errors of each provider become.
//!
//! It is not printed by the binary, which does not carry the recordings.

mod recording;
mod signals;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use tollgate_core::error::Retry;

use recording::Recording;
use signals::{PROVIDERS, Provider};

/// Where the page lies, from the root of the repository.
pub(super) const PATH: &str = "docs/providers.md";

/// The recordings, relative to the root.
const RECORDINGS: &str = "crates/tollgate-wire/fixtures/errors.jsonl";

const HEAD: &str = "\
# What providers' errors become

This page is generated from the recorded errors in `crates/tollgate-wire/fixtures/errors.jsonl`;
do not edit it.

Providers disagree about what a status, a type and a code mean. Tollgate judges by all of them: by
what only this provider says, by codes and types that mean one thing everywhere, by phrases of the
message, and at last by the status. Each row below is such an error and the [code](errors.md) that
callers see. *Retry* is that of the code. *Wait* is what the answer asks for by its body or its
headers; `-` where it asks for none, or where waiting does not help. An error that came inside a
good answer or a stream is marked 200.

The rules know more than these examples: they are written from what each provider documents, and
the examples check them.
";

/// Makes the page. Fails when a recording cannot be read, or when its provider is not described.
pub(super) fn page(root: &Path) -> Result<String, String> {
    let path = root.join(RECORDINGS);
    let text =
        std::fs::read_to_string(&path).map_err(|problem| format!("{RECORDINGS}: {problem}\n"))?;
    let recordings = text
        .lines()
        .enumerate()
        .map(|(at, line)| {
            let wrong = || format!("{RECORDINGS}:{}: it is no recording\n", at + 1);
            Recording::read(line).ok_or_else(wrong)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let stranger = recordings.iter().find(|recording| {
        !PROVIDERS
            .iter()
            .any(|provider| provider.has(&recording.provider))
    });
    if let Some(recording) = stranger {
        let name = &recording.provider;
        return Err(format!("{RECORDINGS}: nothing is known of {name}\n"));
    }
    let mut page = HEAD.to_owned();
    for provider in PROVIDERS {
        section(provider, &recordings, &mut page);
    }
    Ok(page)
}

fn section(provider: &Provider, recordings: &[Recording], page: &mut String) {
    // Writing to a string cannot fail.
    let _written = write!(page, "\n## {}\n\n{}\n", provider.title, provider.signals);
    let of_provider = recordings
        .iter()
        .filter(|recording| provider.has(&recording.provider));
    let mut rows: Vec<String> = Vec::new();
    for recording in of_provider {
        let row = row(recording, provider);
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    if !rows.is_empty() {
        page.push_str("\n| status | says | text | becomes | retry | wait |\n");
        page.push_str("|---|---|---|---|---|---|\n");
        page.push_str(&rows.concat());
    }
}

fn row(recording: &Recording, provider: &Provider) -> String {
    let failure = recording.judged(provider.name, provider.format);
    let says = failure.provider_code.as_deref().unwrap_or_default();
    let says = if says.is_empty() || says == recording.status.to_string() {
        "-".to_owned()
    } else {
        format!("`{}`", code(says))
    };
    let text = failure.provider_text.as_deref().unwrap_or("-");
    let retry = match failure.code.retry() {
        Retry::Never => "never",
        Retry::Later => "later",
        Retry::Elsewhere => "elsewhere",
        Retry::ElsewhereThenLater => "elsewhere, then later",
    };
    let slug = failure.code.slug();
    format!(
        "| {} | {says} | {} | [`{slug}`](errors.md#{slug}) | {retry} | {} |\n",
        recording.status,
        cell(text),
        failure.retry_after.map_or_else(|| "-".to_owned(), wait)
    )
}

/// A name within backticks, where only what ends them or the cell must not stand.
fn code(name: &str) -> String {
    shortened(name).replace('`', "'").replace('|', "\\|")
}

/// A text cut after some words.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 110;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        let end = shown.rfind(' ').unwrap_or(shown.len());
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// A text as the cell of a table.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for letter in shortened(text).chars() {
        match letter {
            '|' | '<' | '>' | '*' | '_' | '[' | ']' | '`' | '\\' => {
                cell.push('\\');
                cell.push(letter);
            }
            _ => cell.push(letter),
        }
    }
    cell
}

fn wait(wait: Duration) -> String {
    let seconds = wait.as_secs_f64();
    let days = seconds / 86_400.0;
    if days >= 1.0 {
        format!("{days:.0} d")
    } else if seconds >= 7200.0 {
        format!("{:.0} h", seconds / 3600.0)
    } else {
        format!("{} s", (seconds * 10.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_the_table_whole() {
        assert_eq!(cell("a|b <c> `d`"), "a\\|b \\<c\\> \\`d\\`");
        assert_eq!(code("a_b|`c`"), "a_b\\|'c'");
        let long = cell(&"word ".repeat(40));
        assert!(long.ends_with("word…") && long.len() < 120, "{long}");
        assert_eq!(cell(&"é".repeat(200)).chars().count(), 111);
    }

    #[test]
    fn waits_are_told_in_a_fitting_unit() {
        for (seconds, told) in [
            (0.644, "0.6 s"),
            (48.94, "48.9 s"),
            (3600.0, "3600 s"),
            (10_800.0, "3 h"),
            (86_400.0, "1 d"),
        ] {
            assert_eq!(wait(Duration::from_secs_f64(seconds)), told);
        }
    }

    #[test]
    fn a_recording_becomes_a_row() {
        let line = r#"{"provider":"gemini","status":429,"headers":{"retry-after":"7"},"body":"{\"error\":{\"code\":429,\"message\":\"Slow | down\",\"status\":\"RESOURCE_EXHAUSTED\"}}","streaming":false}"#;
        let recording = Recording::read(line).unwrap();
        let google = PROVIDERS.iter().find(|provider| provider.has("gemini"));
        assert_eq!(
            row(&recording, google.unwrap()),
            "| 429 | `RESOURCE_EXHAUSTED` | Slow \\| down | [`provider_rate_limited`]\
             (errors.md#provider_rate_limited) | elsewhere, then later | 7 s |\n"
        );
    }

    #[test]
    fn each_provider_is_described_once() {
        for (at, provider) in PROVIDERS.iter().enumerate() {
            let others = PROVIDERS.iter().skip(at + 1);
            for name in provider.recorded_as {
                assert!(!others.clone().any(|other| other.has(name)), "{name}");
            }
        }
    }
}
