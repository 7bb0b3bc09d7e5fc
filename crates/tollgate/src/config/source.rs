//! Where a configuration comes from, and the order: file, environment, command line.

use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::check::Check;
use super::environment::{self, Environment};
use super::file::{self, Entry, Node, Raw};
use super::problem::{Place, Problems};
use super::resolve::{Findings, resolve};
use super::schema::keys::ROOT;
use super::substitute::Sources;
use super::{Config, Overrides};

/// The file that is read when none is named, if it is there.
pub const DEFAULT_FILE: &str = "tollgate.toml";

/// The most bytes of a configuration file.
const LONGEST: u64 = 4 << 20;

/// The text of a configuration and where it was found.
pub(super) struct Source {
    /// The file, if there is one.
    pub(super) file: Option<PathBuf>,
    /// What it holds; nothing if there is no file.
    pub(super) text: String,
    /// Whether others than its owner may read it.
    pub(super) readable_by_others: bool,
}

impl Source {
    /// Reads this file, or the default one if it exists.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Problems> {
        let file = path.unwrap_or(Path::new(DEFAULT_FILE));
        let opened = match File::open(file) {
            Ok(opened) => opened,
            Err(error) if path.is_none() && error.kind() == ErrorKind::NotFound => {
                return Ok(Self {
                    file: None,
                    text: String::new(),
                    readable_by_others: false,
                });
            }
            Err(error) => return Err(unreadable(file, &Place::File, &error.to_string())),
        };
        let readable_by_others = opened
            .metadata()
            .is_ok_and(|found| is_open_to_others(&found));
        let mut bytes = Vec::new();
        let read = opened.take(LONGEST + 1).read_to_end(&mut bytes);
        let length = read.map_err(|error| unreadable(file, &Place::File, &error.to_string()))?;
        if length as u64 > LONGEST {
            let why = format!("it is longer than {LONGEST} bytes");
            return Err(unreadable(file, &Place::File, &why));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let before = String::from_utf8_lossy(before);
            let column = before
                .chars()
                .rev()
                .take_while(|character| *character != '\n')
                .count()
                + 1;
            let line = before.matches('\n').count() + 1;
            unreadable(
                file,
                &Place::Line { line, column },
                "it is not valid UTF-8 from here on",
            )
        })?;
        Ok(Self {
            file: Some(file.to_path_buf()),
            text,
            readable_by_others,
        })
    }

    /// Where relative paths start.
    fn directory(&self) -> &Path {
        let parent = self.file.as_deref().and_then(Path::parent);
        parent.unwrap_or(Path::new(""))
    }
}

/// Reads, checks and resolves.
pub(super) fn read(
    source: &Source,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Config, Problems> {
    let mut syntax = Problems::new(source.file.as_deref());
    let mut root = file::read(&source.text, &mut syntax);
    let mut problems = Problems::new(source.file.as_deref());
    environment::apply(environment, &mut root, &mut problems);
    if let Some(listen) = &overrides.listen {
        set_listen(&mut root, listen);
    }
    let mut check = Check {
        sources: Sources {
            environment,
            directory: source.directory(),
        },
        problems: &mut problems,
        complete: syntax.is_empty(),
        literal_secret: None,
    };
    let section = check.section("", ROOT, &root);
    let literal_secret = check.literal_secret;
    if !syntax.is_empty() {
        return Err(around_syntax(&syntax, &problems));
    }
    let mut warnings = Problems::new(source.file.as_deref());
    let mut findings = Findings {
        problems: &mut problems,
        warnings: &mut warnings,
    };
    let mut config = resolve(&section, &mut findings);
    if !problems.is_empty() {
        problems.sort();
        return Err(problems);
    }
    if let Some(place) = literal_secret.filter(|_| source.readable_by_others) {
        warnings.push(
            &place,
            "",
            "a credential stands here in clear text and others may read this file: write \
             `${VAR}` or `${file:…}`, or make the file readable by its owner only",
        );
    }
    warnings.sort();
    config.warnings = warnings;
    config.file.clone_from(&source.file);
    Ok(config)
}

/// The syntax errors, with what is wrong on other lines: what else would be said about a line
/// that could not be read is noise.
fn around_syntax(syntax: &Problems, problems: &Problems) -> Problems {
    let lines: HashSet<_> = syntax
        .iter()
        .filter_map(|problem| problem.place.line())
        .collect();
    let is_apart = |place: &Place| place.line().is_none_or(|line| !lines.contains(&line));
    let mut all = syntax.clone();
    for problem in problems.iter().filter(|problem| is_apart(&problem.place)) {
        all.push(
            &problem.place,
            problem.key.as_str(),
            problem.message.as_str(),
        );
    }
    all.sort();
    all
}

fn set_listen(root: &mut Node, listen: &str) {
    let place = Place::CommandLine("--listen");
    let Raw::Table(sections) = &mut root.value else {
        return;
    };
    if !sections.iter().any(|section| section.name == "server") {
        sections.push(Entry {
            name: "server".to_owned(),
            place: place.clone(),
            node: Node::empty_table(place.clone()),
        });
    }
    for section in sections
        .iter_mut()
        .filter(|section| section.name == "server")
    {
        let Raw::Table(entries) = &mut section.node.value else {
            continue;
        };
        entries.retain(|entry| entry.name != "listen");
        entries.push(Entry {
            name: "listen".to_owned(),
            place: place.clone(),
            node: Node::untyped(place.clone(), listen.to_owned()),
        });
    }
}

fn unreadable(file: &Path, place: &Place, why: &str) -> Problems {
    let mut problems = Problems::new(Some(file));
    problems.push(
        place,
        "",
        format!("the configuration cannot be read: {why}"),
    );
    problems
}

#[cfg(unix)]
fn is_open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o044 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}
