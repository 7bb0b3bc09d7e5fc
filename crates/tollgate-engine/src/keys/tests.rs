use tollgate_core::key::{KeyHasher, ModelScope, Permissions};

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn hash(text: &str) -> KeyHash {
    KeyHasher::new(&[7; 32]).hash(text.as_bytes())
}

fn key(id: &str, text: &str) -> VirtualKey {
    VirtualKey {
        id: KeyId::from_stored(id),
        name: id.into(),
        hash: hash(text),
        prefix: "".into(),
        last_four: "".into(),
        permissions: Permissions::ALL,
        models: ModelScope::all(),
        created_at: at(1),
        expires_at: None,
        revoked_at: None,
        error_dialect: None,
        priority: tollgate_core::key::Priority::default(),
        tenancy: tollgate_core::key::Tenancy::default(),
        reach: tollgate_core::key::Reach::default().into(),
        controls: Controls::default().into(),
        declared: false,
    }
}

fn table(keys: impl IntoIterator<Item = (&'static str, &'static str)>) -> KeyTable {
    let stored = |(id, text)| StoredKey {
        key: Arc::new(key(id, text)),
        last_used_at: None,
    };
    KeyTable::new(
        keys.into_iter()
            .map(stored)
            .map(|key| (key, Home::default()))
            .collect(),
    )
}

fn found(table: &KeyTable, text: &str) -> Option<String> {
    table
        .find(&hash(text))
        .map(|entry| entry.key.id.to_string())
}

fn uses(table: &KeyTable) -> Vec<Use> {
    table
        .parts()
        .flat_map(|part| table.take_uses(part))
        .collect()
}

#[test]
fn keys_are_found_by_their_whole_hash_only() {
    let table = table([
        ("one", "sk-tg-aaaaaaaaaaaaaaaaaaaaaaaa1"),
        ("two", "sk-tg-aaaaaaaaaaaaaaaaaaaaaaaa2"),
    ]);
    assert_eq!(
        found(&table, "sk-tg-aaaaaaaaaaaaaaaaaaaaaaaa1").as_deref(),
        Some("one")
    );
    assert_eq!(
        found(&table, "sk-tg-aaaaaaaaaaaaaaaaaaaaaaaa2").as_deref(),
        Some("two")
    );
    assert_eq!(found(&table, "sk-tg-aaaaaaaaaaaaaaaaaaaaaaaa3"), None);
    assert_eq!(found(&table, "sk-tg-aaaaaaaaaaaaaaaaaaaaaaaa"), None);
    assert_eq!(found(&table, ""), None);
}

#[test]
fn many_keys_are_all_found() {
    let stored = (0..10_000).map(|number| StoredKey {
        key: Arc::new(key(&format!("key_{number:05}"), &number.to_string())),
        last_used_at: None,
    });
    let table = KeyTable::new(stored.map(|key| (key, Home::default())).collect());
    for number in 0..10_000 {
        assert_eq!(
            found(&table, &number.to_string()),
            Some(format!("key_{number:05}"))
        );
    }
    assert_eq!(table.list().len(), 10_000);
}

#[test]
fn a_replaced_key_is_found_under_its_new_hash_alone() {
    let table = table([("one", "old"), ("two", "other")]);
    table.put(key("one", "new").into(), Home::default());
    assert_eq!(found(&table, "old"), None);
    assert_eq!(found(&table, "new").as_deref(), Some("one"));
    assert_eq!(found(&table, "other").as_deref(), Some("two"));
    assert_eq!(table.list().len(), 2);
}

#[test]
fn a_reader_keeps_what_it_found_before_a_change() {
    let table = table([("one", "text")]);
    let before = table.find(&hash("text")).unwrap();
    table.put(
        VirtualKey {
            revoked_at: Some(at(5)),
            ..key("one", "text")
        }
        .into(),
        Home::default(),
    );
    assert_eq!(before.check(at(9)), Ok(()));
    let after = table.find(&hash("text")).unwrap();
    assert_eq!(after.check(at(9)), Err(KeyProblem::Revoked));
}

#[test]
fn declared_keys_are_replaced_as_a_whole_and_stored_ones_stay() {
    let table = table([("stored", "s")]);
    table.declare(vec![
        (key("a", "text-a"), Home::default(), "line 1".into()),
        (key("b", "text-b"), Home::default(), "line 2".into()),
    ]);
    assert_eq!(found(&table, "text-a").as_deref(), Some("a"));
    let kept = table.find(&hash("text-b")).unwrap();
    table.note_use(&kept, at(50));

    table.declare(vec![(
        VirtualKey {
            created_at: at(99),
            ..key("b", "text-b")
        },
        Home::default(),
        "line 7".into(),
    )]);
    assert_eq!(found(&table, "text-a"), None);
    assert!(table.get(&KeyId::from_stored("a")).is_none());
    let kept = table.find(&hash("text-b")).unwrap();
    assert_eq!(kept.declared_at(), Some("line 7"));
    assert_eq!(kept.last_used_at(), Some(at(50)));
    assert_eq!(kept.key.created_at, at(1));
    assert_eq!(found(&table, "s").as_deref(), Some("stored"));
}

#[test]
fn a_declared_key_wins_over_a_stored_one_of_the_same_text() {
    let table = table([("stored", "same")]);
    table.declare(vec![(
        key("declared", "same"),
        Home::default(),
        "line 1".into(),
    )]);
    assert_eq!(found(&table, "same").as_deref(), Some("declared"));
    table.declare(Vec::new());
    assert_eq!(found(&table, "same").as_deref(), Some("stored"));
}

#[test]
fn uses_are_taken_once_and_come_again_when_they_could_not_be_written() {
    let table = table([("one", "1"), ("two", "2"), ("idle", "3")]);
    for text in ["1", "2"] {
        let entry = table.find(&hash(text)).unwrap();
        table.note_use(&entry, at(10));
    }
    let taken = uses(&table);
    assert_eq!(taken.len(), 2);
    table.uses_are_not_written(&taken);
    let taken = uses(&table);
    assert_eq!(taken.len(), 2);
    KeyTable::uses_are_written(&taken);
    assert_eq!(uses(&table).len(), 0);

    let entry = table.find(&hash("1")).unwrap();
    table.note_use(&entry, at(20));
    let taken = uses(&table);
    assert_eq!(
        taken
            .iter()
            .map(|(_, at)| at.as_millis())
            .collect::<Vec<_>>(),
        [20]
    );
}

#[test]
fn the_last_use_never_goes_back() {
    let table = table([("one", "1")]);
    let entry = table.find(&hash("1")).unwrap();
    table.note_use(&entry, at(20));
    table.note_use(&entry, at(10));
    assert_eq!(entry.last_used_at(), Some(at(20)));
}

#[test]
fn a_changed_key_keeps_its_last_use_and_has_it_written() {
    for text in ["1", "another"] {
        let table = table([("one", "1")]);
        let entry = table.find(&hash("1")).unwrap();
        table.note_use(&entry, at(20));
        let changed = table.put(key("one", text).into(), Home::default());
        assert_eq!(changed.last_used_at(), Some(at(20)), "{text}");
        let taken = uses(&table);
        assert_eq!(taken.len(), 1, "{text}");
        KeyTable::uses_are_written(&taken);
        table.put(key("one", "a third").into(), Home::default());
        assert_eq!(
            uses(&table).len(),
            0,
            "what has been written is not written again"
        );
    }
}
