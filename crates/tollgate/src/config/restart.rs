//! The settings that cannot change while running, kept so that a reload can say which of them
//! were changed in vain.

use super::section::{Section, Setting};

/// A setting that needs a restart: its dotted key and its value, if it is set.
pub(super) type Fixed = (String, Option<Setting>);

/// Every such setting below a section. The schema says which they are.
pub(super) fn fixed(section: &Section) -> Vec<Fixed> {
    let mut list = Vec::new();
    for key in section.keys {
        let setting = section
            .settings
            .iter()
            .find(|(known, _)| known.name == key.name);
        let setting = setting.map(|(_, setting)| setting);
        if key.restart {
            list.push((section.path_of(key.name), setting.cloned()));
        }
        if let Some(Setting::Section(inner)) = setting {
            list.extend(fixed(inner));
        }
    }
    list
}

/// The keys whose values differ.
pub(super) fn differences(old: &[Fixed], new: &[Fixed]) -> Vec<String> {
    let is_same = |key: &str, value: &Option<Setting>| {
        old.iter()
            .any(|(known, before)| known == key && same(before.as_ref(), value.as_ref()))
    };
    let changed = new.iter().filter(|(key, value)| !is_same(key, value));
    changed.map(|(key, _)| key.clone()).collect()
}

fn same(one: Option<&Setting>, other: Option<&Setting>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.same_as(other),
        (None, Some(_)) | (Some(_), None) => false,
    }
}
