//! The repository's own rules: what no compiler or linter checks. Each rule is a file below
//! this one that returns its findings; each finding says where, which rule, and what to do.

mod imports;
mod layout;
mod leftovers;
mod names;
mod notes;
mod paths;
mod reach;
mod rust;

use std::fmt;

use crate::workspace::{File, Workspace};

/// A place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// The file, relative to the root.
    path: String,
    /// The line, from 1.
    line: usize,
    /// The name of the rule.
    rule: &'static str,
    /// What to do about it.
    advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            rule,
            advice,
        } = self;
        write!(formatter, "{path}:{line}: {rule}: {advice}")
    }
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, advice: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule,
            advice: advice.into(),
        }
    }
}

/// Checks every rule. Fails with the list of findings, if there are any.
pub(crate) fn run(workspace: &Workspace) -> Result<String, String> {
    let files = workspace.files()?;
    let mut findings = check(workspace, &files);
    if findings.is_empty() {
        return Ok(format!("tidy: {} files, nothing to do\n", files.len()));
    }
    findings.sort();
    findings.dedup();
    let mut report: Vec<String> = findings.iter().map(Finding::to_string).collect();
    report.push(format!("tidy: {} to mend", findings.len()));
    Err(report.join("\n") + "\n")
}

fn check(workspace: &Workspace, files: &[File]) -> Vec<Finding> {
    let mut findings = imports::check(&workspace.packages);
    findings.extend(reach::check(&workspace.packages, files));
    findings.extend(notes::check(files));
    for file in files {
        findings.extend(layout::check(file));
        findings.extend(leftovers::check(file));
        findings.extend(names::check(file));
        findings.extend(paths::check(file));
    }
    findings
}
