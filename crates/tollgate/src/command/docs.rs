//! `tollgate docs NAME`: prints documents that are made from the code, for the repository's
//! chores.

use std::io::{self, Write};
use std::process::ExitCode;

use tollgate_core::error::document;

use crate::config::settings_markdown;

/// Where the links of the error reference lead.
const PUBLIC_URL: &str = "http://127.0.0.1:4000";

/// Prints the document of this name: `settings`, `errors` or `simulator`.
pub fn run(name: &str) -> ExitCode {
    let text = match name {
        "settings" => settings_markdown(),
        "errors" => document::markdown(PUBLIC_URL),
        "simulator" => tollgate_simulator::documentation(),
        _ => {
            // The exit code tells it too.
            _ = io::stderr()
                .lock()
                .write_all(b"documents: settings, errors, simulator\n");
            return ExitCode::FAILURE;
        }
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
