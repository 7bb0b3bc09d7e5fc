//! `tollgate errors [CODE]`: the catalogue of errors on the terminal.

use std::io::{self, Write};
use std::process::ExitCode;

use tollgate_core::error::{Code, document};

/// Where the printed links lead when no gateway is asked.
const PUBLIC_URL: &str = "http://127.0.0.1:4000";

/// Prints one row with cause, fix and examples, or all rows.
pub fn run(code: Option<&str>) -> ExitCode {
    let text = match code {
        None => document::list_text(),
        Some(slug) => match Code::from_slug(slug) {
            Some(code) => document::entry_text(code, PUBLIC_URL),
            None => return unknown(slug),
        },
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn unknown(slug: &str) -> ExitCode {
    let nearest = Code::ALL
        .iter()
        .map(|code| (strsim::jaro_winkler(slug, code.slug()), code.slug()))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let hint = match nearest {
        Some((likeness, near)) if likeness > 0.7 => format!(" Did you mean {near}?"),
        _ => String::new(),
    };
    let text = format!("There is no error code {slug:?}.{hint}\n");
    // The exit code tells it too.
    _ = io::stderr().lock().write_all(text.as_bytes());
    ExitCode::FAILURE
}
