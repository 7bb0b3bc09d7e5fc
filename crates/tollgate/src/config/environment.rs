//! The environment: what variables hold, and the settings that they override
//! (`TOLLGATE_SERVER__LISTEN`, two underscores per level).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::Arc;

use super::file::{Entry, Node, Raw, read_value};
use super::problem::{Place, Problem, Problems};
use super::schema::keys::ROOT;
use super::schema::{Key, Kind, find, join, unknown};

const PREFIX: &str = "TOLLGATE_";
/// What stands between the levels. Names without it belong to the program, not to a setting.
const LEVEL: &str = "__";

/// The variables of the process, taken once. `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        // A name that is not UTF-8 can neither be written in the file nor be an override.
        let utf_8 = |(name, value): (OsString, _)| Some((name.into_string().ok()?, value));
        Self(std::env::vars_os().filter_map(utf_8).collect())
    }

    /// These variables.
    pub fn new(
        variables: impl IntoIterator<Item = (impl Into<String>, impl Into<OsString>)>,
    ) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// What a variable holds.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// The variables that override settings, in the order in which lists are filled.
    fn overrides(&self) -> Vec<Override<'_>> {
        let mut list = Vec::new();
        for (variable, value) in &self.0 {
            let Some(name) = variable
                .strip_prefix(PREFIX)
                .filter(|name| name.contains(LEVEL))
            else {
                continue;
            };
            let path = name
                .split(LEVEL)
                .map(|level| Level::new(level.to_lowercase()))
                .collect();
            list.push(Override {
                path,
                place: Place::Environment(Arc::from(&**variable)),
                value,
            });
        }
        list.sort_by(|one, other| one.path.cmp(&other.path));
        list
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Environment(hidden)")
    }
}

/// One variable that sets a key.
struct Override<'a> {
    path: Vec<Level>,
    place: Place,
    value: &'a OsStr,
}

/// A part of a path. Positions sort as numbers, so that `2` fills a list before `10` does.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Position(usize),
    Name(String),
}

impl Level {
    fn new(text: String) -> Self {
        text.parse().map_or(Self::Name(text), Self::Position)
    }

    fn text(&self) -> String {
        match self {
            Self::Position(position) => position.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

/// Writes every override into the tree of the file.
pub(super) fn apply(environment: &Environment, root: &mut Node, problems: &mut Problems) {
    for setting in environment.overrides() {
        if let Err(problem) = set_in_table(root, ROOT, "", &setting, &setting.path) {
            problems.push(&problem.place, problem.key, problem.message);
        }
    }
}

impl Override<'_> {
    fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        Problem {
            place: self.place.clone(),
            key: key.to_owned(),
            message: message.into(),
        }
    }

    fn text(&self, key: &str) -> Result<String, Problem> {
        let text = self.value.to_str().map(str::to_owned);
        text.ok_or_else(|| self.problem(key, "the variable is not valid UTF-8"))
    }

    /// The value as a key of this kind takes it.
    fn node(&self, key: &str, kind: Kind) -> Result<Node, Problem> {
        let text = self.text(key)?;
        let as_toml = |text: &str| {
            read_value(text, &self.place).map_err(|message| {
                self.problem(
                    key,
                    format!("expected {} in TOML: {message}", kind.expected()),
                )
            })
        };
        match kind {
            Kind::Table(_) | Kind::List(_) | Kind::Headers | Kind::Hints => as_toml(&text),
            Kind::WordOr(..) if text.trim_start().starts_with('{') => as_toml(&text),
            kind if kind.is_list_of_strings() && text.trim_start().starts_with('[') => {
                as_toml(&text)
            }
            kind if kind.is_list_of_strings() => {
                let names = text
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty());
                let node = |name: &str| Node::untyped(self.place.clone(), name.to_owned());
                Ok(Node {
                    place: self.place.clone(),
                    value: Raw::List(names.map(node).collect()),
                })
            }
            _ => Ok(Node::untyped(self.place.clone(), text)),
        }
    }
}

fn set_in_table(
    table: &mut Node,
    keys: &'static [Key],
    path: &str,
    setting: &Override<'_>,
    levels: &[Level],
) -> Result<(), Problem> {
    let Some((level, below)) = levels.split_first() else {
        return Ok(());
    };
    // Something else than a table stands in the file: that is reported where it stands.
    let Raw::Table(entries) = &mut table.value else {
        return Ok(());
    };
    let name = level.text();
    let path_here = join(path, &name);
    let Some(key) = find(keys, &name) else {
        return Err(setting.problem(&path_here, unknown(path, keys, &name)));
    };
    let place = &setting.place;
    match (key.kind, below) {
        (kind, []) => {
            let node = setting.node(&path_here, kind)?;
            *entry(entries, &name, place, || Node::empty_table(place.clone())) = node;
            Ok(())
        }
        (Kind::Table(inner), below) => {
            let child = entry(entries, &name, place, || Node::empty_table(place.clone()));
            set_in_table(child, inner, &path_here, setting, below)
        }
        (Kind::List(inner), [position, below @ ..]) => {
            let empty = || Node {
                place: place.clone(),
                value: Raw::List(Vec::new()),
            };
            let list = entry(entries, &name, place, empty);
            let Some((item, path)) = item(list, &path_here, setting, position)? else {
                return Ok(());
            };
            if below.is_empty() {
                *item = setting.node(&path, Kind::Table(inner))?;
                return Ok(());
            }
            set_in_table(item, inner, &path, setting, below)
        }
        (Kind::Headers, [header]) => {
            // Variables cannot hold hyphens, and headers hardly ever hold underscores.
            let header = header.text().replace('_', "-");
            let text = setting.text(&join(&path_here, &header))?;
            let headers = entry(entries, &name, place, || Node::empty_table(place.clone()));
            if let Raw::Table(headers) = &mut headers.value {
                let node = Node::untyped(place.clone(), text);
                *entry(headers, &header, place, || Node::empty_table(place.clone())) = node;
            }
            Ok(())
        }
        _ => Err(setting.problem(&path_here, "there is nothing below this key")),
    }
}

/// The entry of this name, made if there is none.
fn entry<'a>(
    entries: &'a mut Vec<Entry>,
    name: &str,
    place: &Place,
    make: impl FnOnce() -> Node,
) -> &'a mut Node {
    let found = entries.iter().position(|entry| entry.name == name);
    let index = found.unwrap_or(entries.len());
    if found.is_none() {
        entries.push(Entry {
            name: name.to_owned(),
            place: place.clone(),
            node: make(),
        });
    }
    #[expect(
        clippy::indexing_slicing,
        reason = "the entry was found there or just pushed"
    )]
    &mut entries[index].node
}

/// The item at a position of a list, which may be the next free one, and its path. `None` if
/// the file holds something else than a list there.
fn item<'a>(
    list: &'a mut Node,
    path: &str,
    setting: &Override<'_>,
    position: &Level,
) -> Result<Option<(&'a mut Node, String)>, Problem> {
    let Raw::List(items) = &mut list.value else {
        return Ok(None);
    };
    let Level::Position(position) = *position else {
        let message = format!(
            "`{path}` is a list: the next level of the variable is a position, \
                               such as `0`"
        );
        return Err(setting.problem(path, message));
    };
    let (path, free) = (format!("{path}[{position}]"), items.len());
    if position == free {
        items.push(Node::empty_table(setting.place.clone()));
    }
    match items.get_mut(position) {
        Some(item) => Ok(Some((item, path))),
        None => Err(setting.problem(&path, format!("the next free position is {free}"))),
    }
}
