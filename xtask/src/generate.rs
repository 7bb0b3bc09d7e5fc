//! The documents that are made from the code: written, or compared so that they cannot go
//! stale.

mod models;
mod providers;

use std::path::Path;
use std::process::Command;

use crate::workspace::{Workspace, output};

/// The documents that the binary prints, as `tollgate docs` names them.
const DOCUMENTS: &[&str] = &["commands", "errors", "settings", "simulator"];

/// What to do with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write it.
    Write,
    /// Only say whether it is as it should be.
    Check,
}

/// Makes every document, with the given `tollgate` or, without one, through cargo. Fails when a
/// document cannot be made or, when only checking, differs.
pub(crate) fn run(
    workspace: &Workspace,
    mode: Mode,
    tollgate: Option<&Path>,
) -> Result<String, String> {
    let mut stale = Vec::new();
    let mut files = vec![
        (models::PATH.to_owned(), models::table(workspace)?),
        (
            providers::PATH.to_owned(),
            providers::page(&workspace.root)?,
        ),
    ];
    for name in DOCUMENTS {
        files.push((format!("docs/{name}.md"), document(name, tollgate)?));
    }
    for (path, text) in files {
        match bring_up(&workspace.root.join(&path), &text, mode) {
            Ok(true) => {}
            Ok(false) => stale.push(path),
            Err(problem) => return Err(format!("{path}: {problem}\n")),
        }
    }
    let names = stale.join(", ");
    match mode {
        _ if stale.is_empty() => Ok("generate: every document is as the code has it\n".to_owned()),
        Mode::Write => Ok(format!("generate: wrote {names}\n")),
        Mode::Check => Err(format!(
            "not as the code has it: {names}; run `cargo xtask generate`\n"
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

/// What the binary prints as this document.
fn document(name: &str, tollgate: Option<&Path>) -> Result<String, String> {
    let mut command = Command::new(tollgate.unwrap_or(Path::new("cargo")));
    if tollgate.is_none() {
        command.args(["run", "--quiet", "--package", "tollgate", "--"]);
    }
    output(command.args(["docs", name]))
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
