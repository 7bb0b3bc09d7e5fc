//! `tollgate docs`: prints documents that are made from the code, for the repository's chores.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Command;

use super::manual;
use crate::config::settings_markdown;

/// The address of a gateway without configuration, which the examples show.
const DEFAULT_URL: &str = "http://127.0.0.1:4000";

/// Prints the document of this name; `commands` is the description of the command line. Fails when
/// there is none.
pub fn run(name: &str, commands: &Command) -> ExitCode {
    let text = match name {
        "commands" => manual::markdown(commands),
        "errors" => tollgate_core::error::document::markdown(DEFAULT_URL),
        "settings" => settings_markdown(),
        "simulator" => tollgate_simulator::documentation(),
        _ => {
            crate::complain(&format!(
                "there is no document {name:?}; there are: commands, errors, settings, simulator"
            ));
            return ExitCode::FAILURE;
        }
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
