//! The repository's own chores: `cargo xtask tidy` and `cargo xtask generate`.

mod generate;
mod tidy;
mod workspace;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::generate::Mode;
use crate::workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask CHORE

  tidy                                  checks the repository's own rules
  generate [--check] [--tollgate FILE]  writes the documents that are made from the code, or
                                        compares them; FILE is a built tollgate
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(report) => {
            let written = io::stdout().write_all(report.as_bytes());
            if written.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(complaint) => {
            // When standard error is gone, the exit code is all that is left to say.
            let _written = io::stderr().write_all(complaint.as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// Does one chore. Returns what to print, on success and on failure.
fn run(words: &[&str]) -> Result<String, String> {
    match words {
        ["tidy"] => tidy::run(&Workspace::find()?),
        ["generate", options @ ..] => {
            let (mode, tollgate) = generate_options(options)?;
            generate::run(&Workspace::find()?, mode, tollgate.as_deref())
        }
        _ => Err(USAGE.to_owned()),
    }
}

fn generate_options(options: &[&str]) -> Result<(Mode, Option<PathBuf>), String> {
    let mut mode = Mode::Write;
    let mut tollgate = None;
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match (*option, rest.len()) {
            ("--check", _) => mode = Mode::Check,
            ("--tollgate", 1..) => tollgate = rest.next().map(PathBuf::from),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok((mode, tollgate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_chore_is_answered_with_the_usage() {
        assert_eq!(run(&["polish"]), Err(USAGE.to_owned()));
        assert_eq!(run(&[]), Err(USAGE.to_owned()));
    }

    #[test]
    fn options_of_generate_come_in_any_order() {
        let built = || Some(PathBuf::from("built"));
        assert_eq!(generate_options(&[]), Ok((Mode::Write, None)));
        assert_eq!(generate_options(&["--check"]), Ok((Mode::Check, None)));
        let both = Ok((Mode::Check, built()));
        assert_eq!(generate_options(&["--tollgate", "built", "--check"]), both);
        assert_eq!(generate_options(&["--check", "--tollgate", "built"]), both);
        assert!(
            generate_options(&["--tollgate"]).is_err(),
            "a file is missing"
        );
    }
}
