//! No paths of one machine: the project works wherever it is cloned.

use super::Finding;
use crate::workspace::File;

/// First parts of absolute paths that differ between machines.
const FOLDERS: &[&str] = &["home", "root", "tmp", "Users", "work"];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| {
        let path = machine_path(line)?;
        let advice = format!("`{path}` is a path of one machine: use a relative or temporary one");
        Some(Finding::new(
            &file.path,
            index + 1,
            "no-machine-paths",
            advice,
        ))
    });
    found.collect()
}

/// The absolute path in a line that begins with one of the folders, if there is one. A slash
/// behind a letter, a dot or another slash is inside a relative path or an address.
fn machine_path(line: &str) -> Option<String> {
    line.match_indices('/').find_map(|(at, _)| {
        let (before, path) = line.split_at_checked(at)?;
        let inside =
            |character: char| character.is_alphanumeric() || "/._-}>)$*~".contains(character);
        if before.chars().next_back().is_some_and(inside) {
            return None;
        }
        let name: String = path
            .chars()
            .skip(1)
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        FOLDERS.contains(&name.as_str()).then(|| format!("/{name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written in two parts, so that this file does not break its own rule.
    fn path(folder: &str) -> String {
        format!("/{folder}")
    }

    fn lines(text: &str) -> Vec<usize> {
        let file = File {
            path: "a".to_owned(),
            text: text.to_owned(),
        };
        check(&file)
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        assert_eq!(lines(&format!("a\nopen(\"{}/a\")", path("tmp"))), [2]);
        assert_eq!(lines(&format!("cd {}/me", path("home"))), [1]);
        assert_eq!(lines(&format!("ROOT={}", path("work"))), [1]);
        assert_eq!(lines(&format!("a/b {}/x", path("Users"))), [1]);
    }

    #[test]
    fn relative_paths_and_addresses_are_no_machine_paths() {
        for line in [
            "see ./work/a",
            "a/home/b",
            "https://x.org/tmp",
            "{run}/tmp",
            "/temporary",
        ] {
            assert!(lines(line).is_empty(), "{line}");
        }
    }
}
