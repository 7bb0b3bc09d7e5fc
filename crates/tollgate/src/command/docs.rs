//! `tollgate docs`: prints documents that are made from the code, for the repository's chores.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::config::settings_markdown;

/// Prints the document of this name. Fails when there is none.
pub fn run(name: &str) -> ExitCode {
    let text = match name {
        "settings" => settings_markdown(),
        "simulator" => tollgate_simulator::documentation(),
        _ => {
            crate::complain(&format!("there is no document {name:?}; there is: settings, simulator"));
            return ExitCode::FAILURE;
        }
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
