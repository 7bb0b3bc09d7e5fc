//! Whatever a file or a variable holds, reading it ends with a configuration or with problems.

use proptest::prelude::*;

use super::super::schema::Key;
use super::super::schema::keys::ROOT;
use super::load;

/// The names of all keys, and some that are none.
fn names(keys: &'static [Key]) -> Vec<String> {
    let mut names: Vec<String> = keys
        .iter()
        .flat_map(|key| {
            let below = key.kind.section().map(names).unwrap_or_default();
            std::iter::once(key.name.to_owned()).chain(below)
        })
        .collect();
    names.extend(["redis", "x", "'a b'", "a.b", "\"\""].map(str::to_owned));
    names
}

/// A value, mostly well-formed TOML.
fn value() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[-a-z0-9/*.:${}]{0,12}",
        "\\PC{0,8}",
        Just("sk-12345".to_owned()),
        Just("${HOME".to_owned()),
        Just("${file:/}".to_owned()),
        Just("http://a/v1".to_owned()),
        Just("simulated".to_owned()),
        Just("sim".to_owned()),
    ];
    let leaf = prop_oneof![
        word.prop_map(|text| format!("'{text}'")),
        any::<i64>().prop_map(|number| number.to_string()),
        (0..100_000_i64).prop_map(|number| number.to_string()),
        Just("true".to_owned()),
        Just("1.5".to_owned()),
        Just("2027-01-31T00:00:00Z".to_owned()),
        Just("'".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let name = proptest::sample::select(names(ROOT));
        let entry = (name, inner.clone()).prop_map(|(name, value)| format!("{name} = {value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(", "))),
            proptest::collection::vec(entry, 0..4)
                .prop_map(|all| format!("{{ {} }}", all.join(", "))),
        ]
    })
}

/// Lines of a file: headers, keys with values, and noise.
fn file() -> impl Strategy<Value = String> {
    let name = || proptest::sample::select(names(ROOT));
    let line = prop_oneof![
        3 => (name(), value()).prop_map(|(name, value)| format!("{name} = {value}")),
        1 => name().prop_map(|name| format!("[{name}]")),
        1 => name().prop_map(|name| format!("[[{name}]]")),
        1 => "\\PC{0,20}",
    ];
    proptest::collection::vec(line, 0..16).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_reading_panic(text in file()) {
        if let Err(problems) = load(&text, &[]) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in "(\\PC|\n){0,200}") {
        if let Err(problems) = load(&text, &[]) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn no_variable_makes_reading_panic(
        file in file(),
        levels in proptest::collection::vec(
            prop_oneof![proptest::sample::select(names(ROOT)), "[0-3]", "[A-Z_]{0,4}"],
            1..5,
        ),
        value in value(),
    ) {
        let variable = format!("TOLLGATE_{}", levels.join("__").to_uppercase());
        if let Err(problems) = load(&file, &[(&variable, &value)]) {
            prop_assert!(!problems.is_empty());
        }
    }
}
