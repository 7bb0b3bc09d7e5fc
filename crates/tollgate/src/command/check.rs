//! `tollgate check`: reads a configuration and says everything that is wrong with it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use tollgate_engine::routes::DeclaredModel;

use crate::config::{Config, Environment, Overrides};

/// Checks this file, or the default one. Problems are printed one per line, and the exit code is
/// 1 if there are any; warnings do not count.
pub fn run(path: Option<&Path>) -> ExitCode {
    let loaded = Config::load(path, &Environment::of_process(), &Overrides::default());
    let is_good = loaded.is_ok();
    let text = match loaded {
        Ok(config) => good(&config),
        Err(problems) => format!("{problems}\n{}\n", counted(problems.len(), "problem")),
    };
    // A reader that has gone away changes nothing about the configuration.
    let written = io::stdout().lock().write_all(text.as_bytes());
    if is_good && written.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn good(config: &Config) -> String {
    let mut warnings = config.warnings.clone();
    warnings.extend(config.unsure());
    let warning_count = warnings.len();
    let warnings = warnings.lines();
    let warnings: Vec<_> = warnings
        .map(|warning| format!("{warning} (warning)\n"))
        .collect();
    let warnings = warnings.concat();
    let source = match &config.file {
        Some(file) => file.display().to_string(),
        None => "no file, built-in configuration".to_owned(),
    };
    let is_collection = |model: &&DeclaredModel| !model.members.is_empty();
    let collections = config.models.iter().filter(is_collection).count();
    let mut counts = vec![
        counted(config.connections.len(), "connection"),
        counted(config.models.len() - collections, "model"),
    ];
    if collections > 0 {
        counts.push(counted(collections, "collection"));
    }
    for (number, noun) in [
        (config.organizations.len(), "organization"),
        (config.teams.len(), "team"),
        (config.users.len(), "user"),
    ] {
        if number > 0 {
            counts.push(counted(number, noun));
        }
    }
    counts.push(counted(config.keys.len(), "declared key"));
    counts.push(counted(warning_count, "warning"));
    format!("{warnings}{source}: ok: {}\n", counts.join(", "))
}

fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_in_words() {
        assert_eq!(counted(1, "model"), "1 model");
        assert_eq!(counted(0, "model"), "0 models");
    }
}
