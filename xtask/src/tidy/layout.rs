//! How files are named and how long they may be.

use super::Finding;
use super::rust::Rust;
use crate::workspace::File;

/// The most lines of a file, its tests not counted.
const LONGEST: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "common", "helper", "helpers", "manager", "managers", "misc", "shared", "types", "util",
    "utils",
];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let Some(path) = file.path.strip_suffix(".rs") else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if path.ends_with("/mod") {
        let advice = "name the file after the module and put it beside its folder: x.rs and x/";
        findings.push(Finding::new(&file.path, 1, "no-mod-file", advice));
    }
    for part in path.split('/').filter(|part| says_nothing(part)) {
        let advice = format!("`{part}` says nothing: name it after what lives in it");
        findings.push(Finding::new(&file.path, 1, "telling-names", advice));
    }
    let rust = Rust::read(&file.text);
    for (index, line) in rust.code.iter().enumerate() {
        if let Some(name) = inline_module(line).filter(|name| says_nothing(name)) {
            let advice = format!("module `{name}` says nothing: name it after what lives in it");
            findings.push(Finding::new(&file.path, index + 1, "telling-names", advice));
        }
    }
    if !is_test(&file.path) {
        findings.extend(too_long(file, &rust));
    }
    findings
}

fn says_nothing(name: &str) -> bool {
    EMPTY_NAMES.contains(&name)
        || name.rsplit('_').next().is_some_and(|end| {
            name.contains('_') && matches!(end, "util" | "utils" | "helper" | "helpers" | "manager")
        })
}

fn inline_module(line: &str) -> Option<&str> {
    let declared = line
        .trim_start()
        .trim_start_matches("pub ")
        .trim_start_matches("pub(crate) ");
    declared
        .strip_prefix("mod ")?
        .strip_suffix('{')
        .map(str::trim)
}

fn too_long(file: &File, rust: &Rust) -> Option<Finding> {
    let lines = file
        .text
        .lines()
        .count()
        .min(rust.tests_begin().saturating_sub(1));
    let advice = format!("{lines} lines without tests, {LONGEST} at most: find the second idea");
    (lines > LONGEST).then(|| Finding::new(&file.path, LONGEST + 1, "short-files", advice))
}

/// Whether a whole file is tests.
pub(super) fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs")
        // One suite that every backend must pass.
        || path.ends_with("/contract.rs")
        || ["/tests/", "/benches/", "/examples/", "/src/contract/"]
            .iter()
            .any(|folder| path.contains(folder))
        || path.starts_with("fuzz/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&file)
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }

    #[test]
    fn a_module_file_is_not_called_mod() {
        assert_eq!(rules("crates/a/src/b/mod.rs", ""), ["no-mod-file"]);
        assert!(rules("crates/a/src/model.rs", "").is_empty());
    }

    #[test]
    fn names_must_say_something() {
        assert_eq!(rules("crates/a/src/util.rs", ""), ["telling-names"]);
        assert_eq!(rules("crates/common/src/a.rs", ""), ["telling-names"]);
        assert_eq!(rules("crates/a/src/key_manager.rs", ""), ["telling-names"]);
        assert_eq!(
            rules("crates/a/src/b.rs", "pub mod helpers {\n}"),
            ["telling-names"]
        );
        assert!(rules("crates/a/src/b.rs", "// mod helpers {\nmod helpful {}").is_empty());
    }

    #[test]
    fn tests_at_the_end_do_not_count_as_lines() {
        let code = "fn a() {}\n".repeat(LONGEST);
        assert!(rules("crates/a/src/b.rs", &code).is_empty());
        let tests = format!("{code}#[cfg(test)]\nmod tests {{\n}}\n");
        assert!(rules("crates/a/src/b.rs", &tests).is_empty());
        assert_eq!(
            rules("crates/a/src/b.rs", &format!("{code}fn b() {{}}\n")),
            ["short-files"]
        );
        assert!(rules("crates/a/src/b/tests.rs", &format!("{code}fn b() {{}}\n")).is_empty());
    }
}
