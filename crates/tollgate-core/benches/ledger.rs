//! What a settlement costs on its way to a page and back.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_core::id::{KeyId, OrgId, TeamId, UserId};
use tollgate_core::ledger::{
    Entry, EntryId, Flags, Holder, Kind, Page, PageHead, Payer, Settlement, WalletId,
};
use tollgate_core::money::Unit;
use tollgate_core::reply::Usage;
use tollgate_core::time::Timestamp;

/// Settlements of so many keys, as the gateway makes them: what they have in common is shared.
fn settlements(count: u64, keys: usize) -> Vec<Entry> {
    let payers: Vec<(Payer, Arc<WalletId>)> = (0..keys).map(payer).collect();
    let model = Arc::<str>::from("gpt-4o-mini");
    let connection = Arc::<str>::from("openai");
    let price_version = Arc::<str>::from("2026-11-01");
    let entry = |(count, (payer, wallet)): (u64, &(Payer, Arc<WalletId>))| Entry {
        id: EntryId::new(0x1234_5678_9abc_def0, count),
        at: Timestamp::from_millis(1_763_719_445_000 + i64::try_from(count / 8).unwrap_or(0)),
        wallet: Some(Arc::clone(wallet)),
        kind: Kind::Settlement(Box::new(Settlement {
            held: 12_345_600,
            charged: 1_234_567,
            shortfall: 0,
            payer: payer.clone(),
            model: Arc::clone(&model),
            connection: Arc::clone(&connection),
            price_version: Arc::clone(&price_version),
            usage: Usage {
                prompt: 1_200 + count % 100,
                completion: 340,
                ..Usage::default()
            },
            flags: Flags::NONE,
            request_id: "req_019385a1b2c3d4e5f60718293a4b5c6d".into(),
        })),
    };
    (0..count).zip(payers.iter().cycle()).map(entry).collect()
}

fn payer(number: usize) -> (Payer, Arc<WalletId>) {
    let team = TeamId::from_stored(&format!("team_019385a1b2c{number:016x}"));
    let payer = Payer {
        key: KeyId::from_stored(&format!("key_019385a1b2c{number:016x}")),
        user: Some(UserId::from_stored(&format!(
            "user_019385a1b2c{number:016x}"
        ))),
        team: team.clone(),
        organization: OrgId::from_stored("acme"),
    };
    let wallet = WalletId {
        holder: Holder::Team(team),
        unit: Unit::Usd,
    };
    (payer, Arc::new(wallet))
}

fn pages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("page");
    for (name, count, keys) in [
        ("1 entry", 1, 1),
        ("64 entries of 64 keys", 64, 64),
        ("1000 entries of 10 keys", 1000, 10),
        ("1000 entries of 1000 keys", 1000, 1000),
    ] {
        let entries = settlements(count, keys);
        let page = Page::write(PageHead::default(), &entries);
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("write {name}"), |bencher| {
            bencher.iter(|| Page::write(PageHead::default(), black_box(&entries)));
        });
        group.bench_function(format!("read {name}"), |bencher| {
            bencher.iter(|| black_box(&page).read(PageHead::default()));
        });
    }
    group.finish();
}

criterion_group!(benches, pages);
criterion_main!(benches);
