//! What to say about a key that nobody knows: most are slips of the finger.

use super::keys::ROOT;
use super::later::is_later;
use super::{Key, find, join};

/// The message for an unknown key `name` of the section `path`, whose known keys are `keys`.
pub(in crate::config) fn unknown(path: &str, keys: &'static [Key], name: &str) -> String {
    if is_later(&join(path, name)) {
        return "this version of Tollgate does not support this yet; take it out, so that nobody \
                relies on it"
            .to_owned();
    }
    if let Some(near) = nearest(name, keys.iter().map(|key| key.name)) {
        return format!("unknown key; did you mean `{near}`?");
    }
    if let Some(home) = home_of("", ROOT, name) {
        return format!("unknown key here; `{name}` belongs to {home}");
    }
    let known = keys
        .iter()
        .map(|key| format!("`{}`", key.name))
        .collect::<Vec<_>>();
    format!("unknown key; known here: {}", known.join(", "))
}

/// The known word that `word` was probably meant to be, if one is close enough.
pub(in crate::config) fn nearest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let distance = |known: &str| {
        // `idle` is near to `idle_ms`, however long the unit is.
        let is_start = length > 2 && known.starts_with(&word);
        if is_start {
            1
        } else {
            strsim::damerau_levenshtein(&word, &known.to_lowercase())
        }
    };
    let (distance, near) = known
        .into_iter()
        .map(|known| (distance(known), known))
        .min()?;
    (distance <= (length / 3).max(1) && distance < length).then_some(near)
}

/// The section that has a key of exactly this name.
fn home_of(path: &str, keys: &'static [Key], name: &str) -> Option<String> {
    if let Some(key) = find(keys, name) {
        let is_list = matches!(key.kind, super::Kind::List(_));
        return Some(match (path, is_list) {
            ("", true) => format!("the top level, as `[[{name}]]`"),
            ("", false) => format!("the top level, as `[{name}]`"),
            _ => format!("`{path}`"),
        });
    }
    keys.iter()
        .find_map(|key| home_of(&join(path, key.name), key.kind.section()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_names_the_nearest_key() {
        assert!(unknown("", ROOT, "sever").contains("`server`"));
        assert!(unknown("", ROOT, "Models").contains("`models`"));
        assert_eq!(nearest("idle", ["connect_ms", "idle_ms"]), Some("idle_ms"));
    }

    #[test]
    fn a_key_of_another_section_is_sent_home() {
        assert!(unknown("", ROOT, "listen").contains("belongs to `server`"));
        assert!(unknown("log", &[], "connections").contains("`[[connections]]`"));
    }

    #[test]
    fn a_key_that_resembles_nothing_gets_the_list() {
        assert!(unknown("", ROOT, "zzzzzz").contains("known here: `server`, `secrets`"));
        assert_eq!(nearest("", ["server"]), None);
        assert_eq!(nearest("3", ["1", "2"]), None);
    }
}
