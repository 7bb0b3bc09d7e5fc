//! The tree as written × the schema → typed settings. Everything that can be said about a key
//! by itself is said here.

use http::{HeaderName, HeaderValue};

use super::file::{Entry, Node, Raw, Text};
use super::problem::{Place, Problems};
use super::schema::{Key, Kind, Presence, SecretRule, find, join, unknown};
use super::section::{Credential, Name, Section, Setting};
use super::substitute::{Expanded, Sources, expand};
use super::value::{from_integer, from_text, header_name, header_value, item, secret_item};

/// Checks a tree and remembers what was noticed on the way.
pub(super) struct Check<'a> {
    /// What references are looked up in.
    pub(super) sources: Sources<'a>,
    /// Where problems go.
    pub(super) problems: &'a mut Problems,
    /// Whether the file could be read as a whole. If not, a key that is missing may only have
    /// been unreadable.
    pub(super) complete: bool,
    /// The first credential that stands in the file in clear text.
    pub(super) literal_secret: Option<Place>,
}

impl Check<'_> {
    /// Checks one section and all below it.
    pub(super) fn section(&mut self, path: &str, keys: &'static [Key], node: &Node) -> Section {
        let mut section = Section::new(path, node.place.clone(), keys);
        let Raw::Table(entries) = &node.value else {
            self.wrong_type(&node.place, path, Kind::Table(keys), &node.value);
            return section;
        };
        for entry in entries {
            let path = join(path, &entry.name);
            let Some(key) = find(keys, &entry.name) else {
                self.report(
                    &entry.place,
                    &path,
                    unknown(&section.path, keys, &entry.name),
                );
                continue;
            };
            section.given.push((key.name, entry.node.place.clone()));
            let setting = self.setting(&path, key.kind, &entry.node);
            section
                .settings
                .extend(setting.map(|setting| (key, setting)));
        }
        for key in keys {
            if !section.was_given(key.name) {
                self.left_out(&mut section, key);
            }
        }
        section
    }

    fn left_out(&mut self, section: &mut Section, key: &'static Key) {
        let path = join(&section.path, key.name);
        let setting = match (key.presence, key.kind) {
            (Presence::Required, _) => {
                if self.complete {
                    self.report(&section.place.clone(), &path, "is missing");
                }
                return;
            }
            (Presence::Default(default), kind) => default_setting(kind, default),
            (Presence::Optional, Kind::Table(keys)) => {
                let node = Node::empty_table(section.place.clone());
                Some(Setting::Section(self.section(&path, keys, &node)))
            }
            (Presence::Optional, _) => None,
        };
        section
            .settings
            .extend(setting.map(|setting| (key, setting)));
    }

    fn setting(&mut self, path: &str, kind: Kind, node: &Node) -> Option<Setting> {
        match (kind, &node.value) {
            (Kind::Table(keys), _) => Some(Setting::Section(self.section(path, keys, node))),
            (Kind::List(keys), Raw::List(items)) => {
                let items = items.iter().enumerate();
                let section = |(index, item)| self.section(&format!("{path}[{index}]"), keys, item);
                Some(Setting::Sections(items.map(section).collect()))
            }
            (Kind::WordOr(_, keys), Raw::Table(_)) => {
                Some(Setting::Section(self.section(path, keys, node)))
            }
            (Kind::Secrets(rule), Raw::List(items)) => {
                let items = items.iter().enumerate();
                let secret = |(index, item)| self.secret(&format!("{path}[{index}]"), rule, item);
                Some(Setting::Secrets(items.filter_map(secret).collect()))
            }
            (Kind::Names | Kind::Texts | Kind::Words(_) | Kind::Ranges, Raw::List(items)) => {
                let items = items.iter().enumerate();
                let name = |(index, item)| self.name(&format!("{path}[{index}]"), kind, item);
                Some(Setting::Names(items.filter_map(name).collect()))
            }
            (Kind::Headers, Raw::Table(entries)) => {
                let header = |entry| self.header(path, entry);
                Some(Setting::Headers(
                    entries.iter().filter_map(header).collect(),
                ))
            }
            (Kind::Hints, Raw::Table(entries)) => {
                let hint = |entry| self.hint(path, entry);
                Some(Setting::Hints(entries.iter().filter_map(hint).collect()))
            }
            (Kind::Headers | Kind::Hints | Kind::List(_), other) => {
                self.wrong_type(&node.place, path, kind, other);
                None
            }
            (kind, other) if kind.is_list_of_strings() => {
                self.wrong_type(&node.place, path, kind, other);
                None
            }
            (_, Raw::Text(text)) => self.scalar(path, kind, &node.place, text),
            (Kind::Time, Raw::Time(text)) => {
                let setting = from_text(kind, text, self.sources.directory);
                self.accept(&node.place, path, setting)
            }
            (
                Kind::Size(_) | Kind::Millis(_) | Kind::Seconds(_) | Kind::Count(_),
                Raw::Integer(integer),
            ) => self.accept(&node.place, path, from_integer(kind, *integer)),
            (Kind::Bool, Raw::Bool(flag)) => Some(Setting::Flag(*flag)),
            (_, other) => {
                self.wrong_type(&node.place, path, kind, other);
                None
            }
        }
    }

    fn scalar(&mut self, path: &str, kind: Kind, place: &Place, text: &Text) -> Option<Setting> {
        let expanded = self.expand(place, path, text)?;
        let is_typed = matches!(
            kind,
            Kind::Millis(_) | Kind::Seconds(_) | Kind::Count(_) | Kind::Bool
        );
        if is_typed && !expanded.substituted && !text.untyped {
            self.wrong_type(place, path, kind, &Raw::Text(text.clone()));
            return None;
        }
        if matches!(kind, Kind::Secret(_) | Kind::SecretFile) {
            self.note_literal(place, &expanded);
        }
        let setting = from_text(kind, &expanded.text, self.sources.directory);
        self.accept(place, path, setting)
    }

    fn name(&mut self, path: &str, kind: Kind, node: &Node) -> Option<Name> {
        let Raw::Text(text) = &node.value else {
            self.wrong_type(&node.place, path, Kind::Name, &node.value);
            return None;
        };
        let text = self.expand(&node.place, path, text)?.text;
        self.accept(&node.place, path, item(kind, &text))?;
        Some(Name {
            place: node.place.clone(),
            text,
        })
    }

    fn secret(&mut self, path: &str, rule: SecretRule, node: &Node) -> Option<Credential> {
        let Raw::Text(text) = &node.value else {
            self.wrong_type(&node.place, path, Kind::Name, &node.value);
            return None;
        };
        let expanded = self.expand(&node.place, path, text)?;
        self.note_literal(&node.place, &expanded);
        let secret = self.accept(&node.place, path, secret_item(&expanded.text, rule))?;
        Some(Credential {
            place: node.place.clone(),
            key: path.to_owned(),
            secret,
        })
    }

    /// Remembers a credential that stands in the file in clear text.
    fn note_literal(&mut self, place: &Place, expanded: &Expanded) {
        if !expanded.substituted && matches!(place, Place::Line { .. }) {
            self.literal_secret.get_or_insert_with(|| place.clone());
        }
    }

    fn header(&mut self, path: &str, entry: &Entry) -> Option<(HeaderName, HeaderValue)> {
        let path = join(path, &entry.name);
        let name = self.accept(&entry.place, &path, header_name(&entry.name));
        let Raw::Text(text) = &entry.node.value else {
            self.wrong_type(&entry.node.place, &path, Kind::Text, &entry.node.value);
            return None;
        };
        let text = self.expand(&entry.node.place, &path, text)?.text;
        let value = self.accept(&entry.node.place, &path, header_value(&text))?;
        Some((name?, value))
    }

    fn hint(&mut self, path: &str, entry: &Entry) -> Option<(String, Name)> {
        let path = join(path, &entry.name);
        self.accept(&entry.place, &path, item(Kind::Names, &entry.name))?;
        let model = self.name(&path, Kind::Names, &entry.node)?;
        Some((entry.name.clone(), model))
    }

    fn expand(&mut self, place: &Place, path: &str, text: &Text) -> Option<Expanded> {
        match expand(&text.text, self.sources) {
            Ok(expanded) => Some(expanded),
            Err(messages) => {
                for message in messages {
                    self.report(place, path, message);
                }
                None
            }
        }
    }

    fn accept<T>(&mut self, place: &Place, path: &str, checked: Result<T, String>) -> Option<T> {
        checked
            .map_err(|message| self.report(place, path, message))
            .ok()
    }

    fn wrong_type(&mut self, place: &Place, path: &str, kind: Kind, found: &Raw) {
        let message = format!("expected {}, found {}", kind.expected(), found.type_name());
        self.report(place, path, message);
    }

    fn report(&mut self, place: &Place, path: &str, message: impl Into<String>) {
        self.problems.push(place, path, message);
    }
}

/// A default, read as the file would be.
pub(super) fn default_setting(kind: Kind, default: &str) -> Option<Setting> {
    if kind.is_list_of_strings() {
        let name = Name {
            place: Place::BuiltIn,
            text: default.to_owned(),
        };
        return Some(Setting::Names(vec![name]));
    }
    let setting = from_text(kind, default, std::path::Path::new(""));
    debug_assert!(setting.is_ok(), "the default {default:?} is not valid");
    setting.ok()
}
