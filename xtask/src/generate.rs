//! The documents that are made from the code: written, or compared so that they cannot go
//! stale.

use std::path::Path;
use std::process::Command;

use crate::workspace::{Workspace, output};

/// The address of a gateway without configuration, which the examples in documents show.
const DEFAULT_URL: &str = "http://127.0.0.1:4000";

/// What to do with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write it.
    Write,
    /// Only say whether it is as it should be.
    Check,
}

/// Makes every document, the settings with the given `tollgate` or, without one, through cargo.
/// Fails when a document cannot be made or, when only checking, differs.
pub(crate) fn run(
    workspace: &Workspace,
    mode: Mode,
    tollgate: Option<&Path>,
) -> Result<String, String> {
    let documents = [
        (
            "docs/errors.md",
            tollgate_core::error::document::markdown(DEFAULT_URL),
        ),
        ("docs/settings.md", settings(tollgate)?),
    ];
    let stale: Result<Vec<&str>, String> = documents
        .into_iter()
        .filter_map(
            |(path, text)| match bring_up(&workspace.root.join(path), &text, mode) {
                Ok(true) => None,
                Ok(false) => Some(Ok(path)),
                Err(problem) => Some(Err(format!("{path}: {problem}\n"))),
            },
        )
        .collect();
    match (&*stale?, mode) {
        ([], _) => Ok("generate: every document is as the code has it\n".to_owned()),
        (paths, Mode::Write) => Ok(format!("generate: wrote {}\n", paths.join(", "))),
        (paths, Mode::Check) => Err(format!(
            "{} differ from the code: run `cargo xtask generate`\n",
            paths.join(", ")
        )),
    }
}

/// Compares one file with its text, and writes it where that is asked for. Returns whether the
/// file was as it should be.
fn bring_up(path: &Path, text: &str, mode: Mode) -> std::io::Result<bool> {
    let same = std::fs::read_to_string(path).is_ok_and(|found| found == text);
    if !same && mode == Mode::Write {
        std::fs::write(path, text)?;
    }
    Ok(same)
}

/// The settings, as the binary documents them.
fn settings(tollgate: Option<&Path>) -> Result<String, String> {
    let mut command = Command::new(tollgate.unwrap_or(Path::new("cargo")));
    if tollgate.is_none() {
        command.args(["run", "--quiet", "--package", "tollgate", "--"]);
    }
    output(command.args(["docs", "settings"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checking_sees_a_difference_and_writes_nothing() {
        let name = format!("tollgate-xtask-{}.md", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, "old").unwrap();
        assert!(!bring_up(&path, "new", Mode::Check).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert!(!bring_up(&path, "new", Mode::Write).unwrap());
        assert!(bring_up(&path, "new", Mode::Check).unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(
            !bring_up(&path, "new", Mode::Check).unwrap(),
            "a missing file differs"
        );
    }
}
