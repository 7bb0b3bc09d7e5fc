//! What is not finished is not committed: no marks of unfinished work, no tests that are off.

use super::Finding;
use super::rust::Rust;
use crate::workspace::File;

/// Marks of unfinished work.
const MARKS: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// Endings of the files that are looked at, other than Rust. Scripts without one are, too.
const OTHER_CODE: &[&str] = &[
    ".py", ".sh", ".toml", ".yml", ".yaml", ".js", ".sql", ".css",
];

pub(super) fn check(file: &File) -> Vec<Finding> {
    if !file.is_rust() {
        let is_code =
            OTHER_CODE.iter().any(|end| file.path.ends_with(end)) || file.text.starts_with("#!");
        let lines = file.text.lines().enumerate().filter(|_| is_code);
        return lines
            .filter_map(|(index, line)| unfinished(file, index + 1, line))
            .collect();
    }
    let rust = Rust::read(&file.text);
    let comments = rust.comments.iter();
    let mut findings: Vec<Finding> = comments
        .filter_map(|(line, comment)| unfinished(file, *line, comment))
        .collect();
    for (index, line) in rust.code.iter().enumerate() {
        let attribute = line.trim_start();
        let off = attribute.starts_with("#[ignore")
            || attribute.starts_with("#[cfg_attr(") && attribute.contains("ignore");
        if off {
            let advice = "a test that does not run is no test: mend it or take it out";
            findings.push(Finding::new(
                &file.path,
                index + 1,
                "no-ignored-tests",
                advice,
            ));
        }
    }
    findings
}

fn unfinished(file: &File, line: usize, text: &str) -> Option<Finding> {
    let mut words = text.split(|character: char| !character.is_alphanumeric());
    let mark = words.find(|word| MARKS.contains(word))?;
    let advice = format!("{mark}: finish it, or say in a sentence why it is as it is");
    Some(Finding::new(&file.path, line, "nothing-unfinished", advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&file)
            .into_iter()
            .map(|finding| (finding.line, finding.rule))
            .collect()
    }

    #[test]
    fn marks_of_unfinished_work_are_found_in_comments() {
        let source = "fn a() {}\n// FIXME: b\n";
        assert_eq!(findings("a.rs", source), [(2, "nothing-unfinished")]);
        assert_eq!(findings("a.py", "# TODO"), [(1, "nothing-unfinished")]);
        assert_eq!(
            findings("run", "#!/bin/sh\n# HACK"),
            [(2, "nothing-unfinished")]
        );
        assert!(findings("a.rs", "const MARK: &str = \"TODO\";").is_empty());
        assert!(findings("a.md", "The mark TODO is forbidden.").is_empty());
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(
            findings("a.rs", "#[test]\n#[ignore]\nfn a() {}"),
            [(2, "no-ignored-tests")]
        );
        assert_eq!(
            findings("a.rs", "    #[ignore = \"slow\"]"),
            [(1, "no-ignored-tests")]
        );
        assert_eq!(
            findings("a.rs", "#[cfg_attr(unix, ignore)]"),
            [(1, "no-ignored-tests")]
        );
        assert!(findings("a.rs", "// #[ignore] is forbidden").is_empty());
    }
}
