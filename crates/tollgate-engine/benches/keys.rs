//! What it costs to find a key: with few and with a million of them, and for wrong keys that
//! differ from a right one in their first or in their last byte.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tollgate_core::id::KeyId;
use tollgate_core::key::{KeyHasher, ModelScope, Permissions, VirtualKey, shown_parts};
use tollgate_core::time::Timestamp;
use tollgate_engine::keys::Home;
use tollgate_engine::keys::KeyTable;
use tollgate_engine::port::StoredKey;

const SIZES: [usize; 2] = [100, 1_000_000];
/// How many different keys are presented in turn where there are that many: with a million of
/// them each one is cold, so this shows the cost of memory and not of searching.
const CALLERS: usize = 4096;

/// The key of a number: the form and length of a made one.
fn text(number: usize) -> String {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("sk-tg-{mixed:016x}{number:024}")
}

fn table(hasher: &KeyHasher, size: usize) -> KeyTable {
    let stored = (0..size).map(|number| {
        let text = text(number);
        let (prefix, last_four) = shown_parts(&text);
        let created_at = Timestamp::from_millis(1_700_000_000_000);
        StoredKey {
            key: Arc::new(VirtualKey {
                id: KeyId::new(created_at, number as u64),
                name: "app".into(),
                hash: hasher.hash(text.as_bytes()),
                prefix,
                last_four,
                permissions: Permissions::ALL,
                models: ModelScope::all(),
                created_at,
                expires_at: None,
                revoked_at: None,
                error_dialect: None,
                priority: tollgate_core::key::Priority::default(),
                tenancy: tollgate_core::key::Tenancy::default(),
                reach: tollgate_core::key::Reach::default().into(),
                controls: tollgate_core::budget::Controls::default().into(),
                declared: false,
            }),
            last_used_at: None,
        }
    });
    KeyTable::new(stored.map(|key| (key, Home::default())).collect())
}

/// What a request does with its credential: hash, find, check, note the use, keep the key.
fn admit(table: &KeyTable, hasher: &KeyHasher, credential: &[u8], now: Timestamp) -> bool {
    let hash = hasher.hash(credential);
    let Some(entry) = table.find(&hash) else {
        return false;
    };
    let admitted = entry.check(now).is_ok();
    table.note_use(&entry, now);
    black_box(entry.key());
    admitted
}

fn lookup(criterion: &mut Criterion) {
    let hasher = KeyHasher::new(&[7; 32]);
    let now = Timestamp::from_millis(1_800_000_000_000);
    let mut group = criterion.benchmark_group("keys");
    group.measurement_time(Duration::from_secs(3));
    group.bench_function("hash alone", |bencher| {
        let text = text(1);
        bencher.iter(|| black_box(hasher.hash(black_box(text.as_bytes()))));
    });
    for size in SIZES {
        let table = table(&hasher, size);
        let one = text(size / 2);
        group.bench_function(format!("{size} keys, one caller"), |bencher| {
            bencher.iter(|| assert!(admit(&table, &hasher, black_box(one.as_bytes()), now)));
        });
        let callers: Vec<String> = (0..CALLERS)
            .map(|caller| text(caller * 7919 % size))
            .collect();
        group.bench_function(format!("{size} keys, {CALLERS} callers"), |bencher| {
            let mut turn = callers.iter().cycle();
            bencher.iter(|| {
                let caller = turn.next().expect("a cycle has no end");
                assert!(admit(&table, &hasher, black_box(caller.as_bytes()), now));
            });
        });
        let first = one.replacen('s', "t", 1);
        let mut last = one.clone();
        last.pop();
        last.push('z');
        for (place, wrong) in [("first", first), ("last", last)] {
            group.bench_function(
                format!("{size} keys, wrong in the {place} byte"),
                |bencher| {
                    bencher.iter(|| {
                        black_box(admit(&table, &hasher, black_box(wrong.as_bytes()), now))
                    });
                },
            );
        }
    }
    group.finish();
}

criterion_group!(benches, lookup);
criterion_main!(benches);
