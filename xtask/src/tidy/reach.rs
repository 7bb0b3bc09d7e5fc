//! Every Rust file is part of something: a test file that nobody declares would never run.

use std::collections::BTreeSet;

use super::Finding;
use super::rust::Rust;
use crate::workspace::{File, Package};

pub(super) fn check(packages: &[Package], files: &[File]) -> Vec<Finding> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<(String, bool)> = Vec::new();
    for package in packages {
        ahead.extend(package.targets.iter().map(|path| (path.clone(), true)));
    }
    while let Some((path, is_root)) = ahead.pop() {
        let Some(file) = files.iter().find(|file| file.path == path) else {
            continue;
        };
        if !reached.insert(path) {
            continue;
        }
        let folder = folder_of_modules(&file.path, is_root);
        for module in declared_modules(&file.text) {
            ahead.push((format!("{folder}/{module}.rs"), false));
        }
    }
    let folders: Vec<&str> = packages
        .iter()
        .filter_map(|package| package.manifest.strip_suffix("Cargo.toml"))
        .collect();
    let lost = files.iter().filter(|file| {
        let ours = folders.iter().any(|folder| file.path.starts_with(folder));
        ours && file.is_rust() && !reached.contains(&file.path)
    });
    let advice = "no `mod` line leads here, so it is never compiled: declare it or remove it";
    lost.map(|file| Finding::new(&file.path, 1, "reachable-files", advice))
        .collect()
}

/// Where the modules are that a file declares.
fn folder_of_modules(path: &str, is_root: bool) -> &str {
    if is_root {
        path.rsplit_once('/').map_or("", |(folder, _)| folder)
    } else {
        path.strip_suffix(".rs").unwrap_or(path)
    }
}

fn declared_modules(text: &str) -> Vec<String> {
    let rust = Rust::read(text);
    let declared = rust.code.iter().filter_map(|line| {
        let name = line.trim().strip_suffix(';')?;
        let (before, name) = name.rsplit_once("mod ")?;
        let is_declaration =
            before.is_empty() || before.starts_with("pub") || before.ends_with(' ');
        is_declaration.then(|| name.trim().to_owned())
    });
    declared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(sources: &[(&str, &str)]) -> Vec<String> {
        let package = Package {
            manifest: "crates/a/Cargo.toml".to_owned(),
            targets: vec![
                "crates/a/src/lib.rs".to_owned(),
                "crates/a/tests/it/main.rs".to_owned(),
            ],
            ..Package::default()
        };
        let files: Vec<File> = sources
            .iter()
            .map(|(path, text)| File {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        check(&[package], &files)
            .into_iter()
            .map(|finding| finding.path)
            .collect()
    }

    #[test]
    fn a_test_file_that_nobody_declares_is_found() {
        let sources = [
            ("crates/a/tests/it/main.rs", "mod openai;\n// mod lost;\n"),
            ("crates/a/tests/it/openai.rs", "mod chat;"),
            ("crates/a/tests/it/openai/chat.rs", ""),
            ("crates/a/tests/it/lost.rs", ""),
        ];
        assert_eq!(lost(&sources), ["crates/a/tests/it/lost.rs"]);
    }

    #[test]
    fn modules_are_followed_from_the_library() {
        let sources = [
            ("crates/a/src/lib.rs", "pub(crate) mod b;\n"),
            ("crates/a/src/b.rs", "#[cfg(test)] mod tests;"),
            ("crates/a/src/b/tests.rs", ""),
            ("crates/a/src/c.rs", ""),
            ("bench/x.rs", ""),
        ];
        assert_eq!(lost(&sources), ["crates/a/src/c.rs"]);
    }
}
