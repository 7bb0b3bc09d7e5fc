//! Tells whether a connection is still the same account at the same place after a reload.

use std::hash::{BuildHasher as _, Hash as _, Hasher, RandomState};
use std::sync::LazyLock;

use crate::config::section::{Section, Setting};

/// The keys by which a connection may differ and still be the same one.
const APART: [&str; 3] = ["limits", "checks", "owner"];

/// The key of all fingerprints. Drawn once per process, so that a fingerprint says nothing about a
/// credential to anybody who sees it.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A number that changes with the address, the credential, the headers and whatever else decides
/// how a connection is reached. `certificates` are those of its `ca_file`.
pub(super) fn of(section: &Section, certificates: Option<&[u8]>) -> u64 {
    let mut hasher = KEY.build_hasher();
    let mut settings: Vec<_> = section.settings.iter().collect();
    // The order in which a file gives them does not matter.
    settings.sort_by_key(|(key, _)| key.name);
    for (key, setting) in settings {
        if !APART.contains(&key.name) {
            key.name.hash(&mut hasher);
            add(setting, &mut hasher);
        }
    }
    certificates.hash(&mut hasher);
    hasher.finish()
}

fn add(setting: &Setting, hasher: &mut impl Hasher) {
    match setting {
        Setting::Text(text) => text.hash(hasher),
        Setting::Secret(secret) => secret.expose().hash(hasher),
        Setting::Secrets(secrets) => secrets
            .iter()
            .for_each(|one| one.secret.expose().hash(hasher)),
        Setting::Money(money) => money.hash(hasher),
        Setting::Address(address) => address.hash(hasher),
        Setting::Path(path) => path.hash(hasher),
        Setting::Number(number) => number.hash(hasher),
        Setting::Duration(duration) => duration.hash(hasher),
        Setting::Flag(flag) => flag.hash(hasher),
        Setting::Word(word) => word.hash(hasher),
        Setting::Time(time) => time.as_millis().hash(hasher),
        Setting::Names(names) => names.iter().for_each(|name| name.text.hash(hasher)),
        Setting::Provider(provider) => provider.name.hash(hasher),
        Setting::Headers(headers) => headers.hash(hasher),
        Setting::Hints(hints) => hints.iter().for_each(|(word, model)| {
            word.hash(hasher);
            model.text.hash(hasher);
        }),
        Setting::Section(section) => section
            .settings
            .iter()
            .for_each(|(_, setting)| add(setting, hasher)),
        Setting::Sections(sections) => sections
            .iter()
            .flat_map(|section| &section.settings)
            .for_each(|(_, setting)| add(setting, hasher)),
    }
}
