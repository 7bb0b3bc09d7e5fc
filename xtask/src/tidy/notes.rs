//! What must be written down: why each dependency is there, and what users should know of a
//! change.

use super::Finding;
use crate::workspace::File;

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = in_file(files, "Cargo.toml", dependencies_without_reason);
    findings.extend(in_file(files, "CHANGELOG.md", unreleased));
    findings
}

fn in_file(files: &[File], path: &str, rule: fn(&File) -> Vec<Finding>) -> Vec<Finding> {
    match files.iter().find(|file| file.path == path) {
        Some(file) => rule(file),
        None => vec![Finding::new(
            path,
            1,
            "needed-files",
            "the file is missing: write it",
        )],
    }
}

/// Every line of `[workspace.dependencies]`, our own crates aside, must end in a comment.
fn dependencies_without_reason(file: &File) -> Vec<Finding> {
    let mut inside = false;
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.trim_end() == "[workspace.dependencies]";
            continue;
        }
        let Some((name, declared)) = line.split_once('=').filter(|_| inside) else {
            continue;
        };
        if name.starts_with('#') || declared.contains("path =") {
            continue;
        }
        // Quotes come in pairs; what follows the last one is the end of the value.
        let end = declared.rsplit('"').next().unwrap_or(declared);
        let value = declared.strip_suffix(end).unwrap_or(declared);
        let behind = if value.contains('#') { value } else { end };
        let reason = behind
            .split_once('#')
            .map_or("", |(_, reason)| reason.trim());
        if reason.is_empty() {
            let advice = format!("say behind `{}` why it is needed: `# …`", name.trim());
            findings.push(Finding::new(
                &file.path,
                index + 1,
                "reasoned-dependencies",
                advice,
            ));
        }
    }
    findings
}

fn unreleased(file: &File) -> Vec<Finding> {
    if file
        .text
        .lines()
        .any(|line| line.trim_end() == "## [Unreleased]")
    {
        return Vec::new();
    }
    let advice = "add `## [Unreleased]` at the top; a change that users notice has its line there";
    vec![Finding::new(&file.path, 1, "changelog", advice)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn findings(manifest: &str, changelog: &str) -> Vec<(usize, &'static str)> {
        let files = [
            file("Cargo.toml", manifest),
            file("CHANGELOG.md", changelog),
        ];
        check(&files)
            .into_iter()
            .map(|finding| (finding.line, finding.rule))
            .collect()
    }

    const LOG: &str = "# Changelog\n\n## [Unreleased]\n";

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let manifest = "[workspace.dependencies]\na = \"1\" # why\nb = \"2\"\n\
                        c = { version = \"3\", features = [\"d\"] }\n\
                        e = { path = \"crates/e\" }\nf = \"4\" #\n[profile.dev]\ng = \"5\"\n";
        let rule = "reasoned-dependencies";
        assert_eq!(findings(manifest, LOG), [(3, rule), (4, rule), (6, rule)]);
    }

    #[test]
    fn a_reason_may_quote() {
        let manifest = "[workspace.dependencies]\na = \"1\" # says \"why\"\n";
        assert!(findings(manifest, LOG).is_empty());
    }

    #[test]
    fn a_changelog_without_an_unreleased_section_is_found() {
        assert_eq!(
            findings("", "# Changelog\n\n## [0.1.0]\n"),
            [(1, "changelog")]
        );
        assert_eq!(check(&[]).len(), 2, "both files are missing");
    }
}
