//! What was read and found well-typed: sections of typed settings, each with its place.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tollgate_core::money::Money;
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;
use tollgate_upstream::provider::Provider;

use super::problem::Place;
use super::schema::{Key, find, join};

/// A value of the type that its key asks for, within its bounds.
#[derive(Clone, Debug)]
pub(super) enum Setting {
    Text(String),
    Money(Money),
    Secret(Secret),
    Secrets(Vec<Credential>),
    Address(SocketAddr),
    Path(PathBuf),
    Number(u64),
    Duration(Duration),
    Flag(bool),
    Word(&'static str),
    Time(Timestamp),
    Names(Vec<Name>),
    Provider(&'static Provider),
    Headers(Vec<(HeaderName, HeaderValue)>),
    Hints(Vec<(String, Name)>),
    Section(Section),
    Sections(Vec<Section>),
}

impl Setting {
    /// Whether this is the same value, wherever it was given.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::Secret(one), Self::Secret(two)) => one.matches(two.expose().as_bytes()),
            (Self::Secrets(one), Self::Secrets(two)) => {
                let matches = |(one, two): (&Credential, &Credential)| {
                    one.secret.matches(two.secret.expose().as_bytes())
                };
                one.len() == two.len() && one.iter().zip(two).all(matches)
            }
            (Self::Money(one), Self::Money(two)) => one == two,
            (Self::Address(one), Self::Address(two)) => one == two,
            (Self::Path(one), Self::Path(two)) => one == two,
            (Self::Number(one), Self::Number(two)) => one == two,
            (Self::Duration(one), Self::Duration(two)) => one == two,
            (Self::Flag(one), Self::Flag(two)) => one == two,
            (Self::Word(one), Self::Word(two)) => one == two,
            (Self::Time(one), Self::Time(two)) => one == two,
            (Self::Provider(one), Self::Provider(two)) => one.name == two.name,
            (Self::Names(one), Self::Names(two)) => one
                .iter()
                .map(|name| &name.text)
                .eq(two.iter().map(|name| &name.text)),
            (Self::Headers(one), Self::Headers(two)) => one == two,
            (Self::Hints(one), Self::Hints(two)) => {
                let pairs = |hints: &[(String, Name)]| {
                    let pairs = hints.iter();
                    let mut pairs: Vec<_> = pairs
                        .map(|(word, model)| (word.clone(), model.text.clone()))
                        .collect();
                    pairs.sort();
                    pairs
                };
                pairs(one) == pairs(two)
            }
            // Sections are compared key by key.
            _ => false,
        }
    }
}

/// One credential of a list.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    pub(super) place: Place,
    /// The dotted key, with the position.
    pub(super) key: String,
    pub(super) secret: Secret,
}

/// One name of a list.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) place: Place,
    pub(super) text: String,
}

/// The settings of one section: those that were given and valid, and defaults for the rest.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// The dotted key, empty for the top level.
    pub(super) path: String,
    /// Where it begins.
    pub(super) place: Place,
    /// What it may hold.
    pub(super) keys: &'static [Key],
    /// Which keys were given, with valid values or not.
    pub(super) given: Vec<(&'static str, Place)>,
    /// What it holds.
    pub(super) settings: Vec<(&'static Key, Setting)>,
}

// The accessors stand in for what is missing with an empty value: then a problem has been
// reported and nothing is made of the section.
impl Section {
    /// A section that holds nothing yet.
    pub(super) fn new(path: &str, place: Place, keys: &'static [Key]) -> Self {
        Self {
            path: path.to_owned(),
            place,
            keys,
            given: Vec::new(),
            settings: Vec::new(),
        }
    }

    fn get(&self, name: &str) -> Option<&Setting> {
        let is_known = self.keys.is_empty() || find(self.keys, name).is_some();
        debug_assert!(is_known, "`{name}` is no key of `{}`", self.path);
        let mut settings = self.settings.iter();
        settings
            .find(|(key, _)| key.name == name)
            .map(|(_, setting)| setting)
    }

    /// The dotted path of a key of this section.
    pub(super) fn path_of(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// Where the value of a key was given; where the section begins if it was not.
    pub(super) fn place_of(&self, name: &str) -> &Place {
        let found = self.given.iter().find(|(given, _)| *given == name);
        found.map_or(&self.place, |(_, place)| place)
    }

    /// Whether a key was given, be its value valid or not.
    pub(super) fn was_given(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Setting::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn secret(&self, name: &str) -> Option<&Secret> {
        match self.get(name) {
            Some(Setting::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    /// A list of credentials, each with its place.
    pub(super) fn secrets(&self, name: &str) -> &[Credential] {
        match self.get(name) {
            Some(Setting::Secrets(secrets)) => secrets,
            _ => &[],
        }
    }

    pub(super) fn money(&self, name: &str) -> Option<Money> {
        match self.get(name) {
            Some(Setting::Money(money)) => Some(*money),
            _ => None,
        }
    }

    pub(super) fn address(&self, name: &str) -> SocketAddr {
        match self.get(name) {
            Some(Setting::Address(address)) => *address,
            _ => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }

    pub(super) fn path_to_file(&self, name: &str) -> Option<PathBuf> {
        match self.get(name) {
            Some(Setting::Path(path)) => Some(path.clone()),
            _ => None,
        }
    }

    pub(super) fn number(&self, name: &str) -> usize {
        match self.get(name) {
            Some(Setting::Number(number)) => usize::try_from(*number).unwrap_or(usize::MAX),
            _ => 0,
        }
    }

    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name) {
            Some(Setting::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    /// A number that may be left out.
    pub(super) fn count(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(Setting::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Setting::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn word(&self, name: &str) -> Option<&'static str> {
        match self.get(name) {
            Some(Setting::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn provider(&self, name: &str) -> Option<&'static Provider> {
        match self.get(name) {
            Some(Setting::Provider(provider)) => Some(provider),
            _ => None,
        }
    }

    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        match self.get(name) {
            Some(Setting::Time(time)) => Some(*time),
            _ => None,
        }
    }

    pub(super) fn names(&self, name: &str) -> &[Name] {
        self.names_given(name).unwrap_or_default()
    }

    /// A list of strings, if the key has one, be it empty.
    pub(super) fn names_given(&self, name: &str) -> Option<&[Name]> {
        match self.get(name) {
            Some(Setting::Names(names)) => Some(names),
            _ => None,
        }
    }

    pub(super) fn headers(&self, name: &str) -> &[(HeaderName, HeaderValue)] {
        match self.get(name) {
            Some(Setting::Headers(headers)) => headers,
            _ => &[],
        }
    }

    /// Words with the models that they stand for.
    pub(super) fn hints(&self, name: &str) -> &[(String, Name)] {
        match self.get(name) {
            Some(Setting::Hints(hints)) => hints,
            _ => &[],
        }
    }

    pub(super) fn section(&self, name: &str) -> Option<&Self> {
        match self.get(name) {
            Some(Setting::Section(section)) => Some(section),
            _ => None,
        }
    }

    pub(super) fn sections(&self, name: &str) -> &[Self] {
        self.sections_given(name).unwrap_or_default()
    }

    /// A list of sections, if the key has one, be it empty.
    pub(super) fn sections_given(&self, name: &str) -> Option<&[Self]> {
        match self.get(name) {
            Some(Setting::Sections(sections)) => Some(sections),
            _ => None,
        }
    }
}
