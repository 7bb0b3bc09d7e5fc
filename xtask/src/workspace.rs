//! The workspace as cargo and git see it: packages, their dependencies, and the files.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The workspace that the chore works on.
pub(crate) struct Workspace {
    /// Its folder.
    pub(crate) root: PathBuf,
    /// Its packages.
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// What it is built with and runs with; not what its tests use.
    pub(crate) dependencies: Vec<String>,
    /// Its manifest, relative to the root.
    pub(crate) manifest: String,
    /// The first file of each of its targets (library, binaries, tests, benches), relative to
    /// the root.
    pub(crate) targets: Vec<String>,
}

/// A file that git knows or would add.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Where it is, relative to the root, with `/` between the parts.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

impl Workspace {
    /// Asks cargo for the workspace around the current folder. Fails when there is none.
    pub(crate) fn find() -> Result<Self, String> {
        let asked = ["metadata", "--no-deps", "--format-version", "1"];
        let answer = output(Command::new("cargo").args(asked))?;
        let metadata: Value = serde_json::from_str(&answer)
            .map_err(|problem| format!("cargo metadata is not JSON: {problem}\n"))?;
        Self::read(&metadata).ok_or_else(|| "cargo metadata lacks a member\n".to_owned())
    }

    fn read(metadata: &Value) -> Option<Self> {
        let root = PathBuf::from(text(metadata, "workspace_root")?);
        let packages = list(metadata, "packages");
        let packages = packages
            .map(|package| Package::read(package, &root))
            .collect::<Option<_>>();
        Some(Self {
            packages: packages?,
            root,
        })
    }

    /// Reads every text file that git knows or would add; others are left out.
    pub(crate) fn files(&self) -> Result<Vec<File>, String> {
        let mut git = Command::new("git");
        // A checkout that belongs to another user, as in a container, is read all the same.
        git.args(["-c", "safe.directory=*", "ls-files", "-z"]);
        git.args(["--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root);
        let paths = output(&mut git)?;
        let paths = paths.split_terminator('\0');
        let read = |path: &str| {
            let text = std::fs::read_to_string(self.root.join(path)).ok()?;
            Some(File {
                path: path.to_owned(),
                text,
            })
        };
        Ok(paths.filter_map(read).collect())
    }
}

impl File {
    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|ending| ending == "rs")
    }
}

impl Package {
    fn read(package: &Value, root: &Path) -> Option<Self> {
        let relative = |path: &str| {
            let path = Path::new(path).strip_prefix(root).ok()?;
            Some(path.to_str()?.replace(std::path::MAIN_SEPARATOR, "/"))
        };
        let normal = |dependency: &&Value| dependency.get("kind").is_none_or(Value::is_null);
        let dependencies = list(package, "dependencies").filter(normal);
        Some(Self {
            name: text(package, "name")?.to_owned(),
            dependencies: dependencies
                .map(|dependency| text(dependency, "name").map(str::to_owned))
                .collect::<Option<_>>()?,
            manifest: relative(text(package, "manifest_path")?)?,
            targets: list(package, "targets")
                .map(|target| relative(text(target, "src_path")?))
                .collect::<Option<_>>()?,
        })
    }
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str)
}

fn list<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(member)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// What a command prints. Fails with what it says on standard error.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let done = command
        .output()
        .map_err(|problem| format!("{command:?}: {problem}\n"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(format!("{command:?} failed: {}\n", said.trim_end()));
    }
    String::from_utf8(done.stdout).map_err(|_| format!("{command:?} printed no UTF-8\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_tests_use_is_no_dependency() {
        let metadata = serde_json::json!({
            "workspace_root": "root",
            "packages": [{
                "name": "a",
                "manifest_path": "root/crates/a/Cargo.toml",
                "dependencies": [
                    {"name": "normal", "kind": null},
                    {"name": "tested", "kind": "dev"},
                ],
                "targets": [{"src_path": "root/crates/a/src/lib.rs"}],
            }],
        });
        let workspace = Workspace::read(&metadata).unwrap();
        let [package] = &*workspace.packages else {
            panic!("one package")
        };
        assert_eq!(package.dependencies, ["normal"]);
        assert_eq!(package.manifest, "crates/a/Cargo.toml");
        assert_eq!(package.targets, ["crates/a/src/lib.rs"]);
    }

    #[test]
    fn a_command_that_fails_is_quoted_with_what_it_said() {
        let complaint = output(Command::new("cargo").arg("no-such-command")).unwrap_err();
        assert!(complaint.contains("no-such-command"), "{complaint}");
    }
}
