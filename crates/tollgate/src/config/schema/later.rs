//! Keys that the documented interface names and this version cannot honour. Setting one is a
//! problem of its own kind: nobody should believe that a limit holds when it does not.

/// Sections and keys of later versions, by their path without list positions.
const LATER: &[&str] = &["redis"];

/// Whether a later version brings this key. Positions in lists (`models[0]`) do not matter.
pub(super) fn is_later(path: &str) -> bool {
    let mut plain = String::with_capacity(path.len());
    let mut inside = false;
    for character in path.chars() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => {}
            _ => plain.push(character),
        }
    }
    LATER.contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema::{find, keys::ROOT};

    #[test]
    fn positions_in_lists_do_not_matter() {
        assert!(is_later("redis[12]"));
        assert!(is_later("redis"));
        assert!(!is_later("models[0].name"));
    }

    #[test]
    fn a_key_that_works_is_not_called_later() {
        for path in LATER {
            let mut keys = ROOT;
            let mut found = None;
            for name in path.split('.') {
                found = find(keys, name);
                keys = found.and_then(|key| key.kind.section()).unwrap_or(&[]);
            }
            assert!(found.is_none(), "{path}");
        }
    }
}
