//! Fills a ledger with entries and verifies it as `tollgate ledger verify` does:
//!
//! ```text
//! cargo run --release -p tollgate-store --example ledger -- sqlite:///tmp/ledger.db 10000000 [1000]
//! ```
//!
//! The last argument is how many entries stand on a page. On a ledger that is filled already it
//! only verifies. Entries are settlements of 2,000 keys of 100 teams, and now and then a top-up.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement for people, which may stop at the first thing that is wrong"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_core::id::{KeyId, OrgId, TeamId};
use tollgate_core::ledger::{
    Entry, EntryId, Flags, Holder, Kind, Movement, Page, PageHead, Payer, Settlement, WalletId,
};
use tollgate_core::money::{USD, Unit};
use tollgate_core::reply::Usage;
use tollgate_core::time::Timestamp;
use tollgate_engine::ledger_check::verify;
use tollgate_engine::port::{Beside, LedgerStore as _};
use tollgate_store::SqlStore;

const TEAMS: u64 = 100;
const KEYS: u64 = 2000;
const BEGIN: i64 = 1_790_000_000_000;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap();
    let entries: u64 = arguments
        .next()
        .map_or(10_000_000, |it| it.parse().unwrap());
    let on_a_page: u64 = arguments.next().map_or(1000, |it| it.parse().unwrap());
    let store = tollgate_store::open(&url).await.unwrap();
    if store.pages(0, 1).await.unwrap().is_empty() {
        let began = Instant::now();
        fill(&store, entries, on_a_page).await;
        println!("filled in {:?}", began.elapsed());
    }
    let began = Instant::now();
    let now = Timestamp::from_millis(BEGIN).after(Duration::from_hours(24 * 365));
    let report = verify(&store, now).await.unwrap();
    println!(
        "{} entries on {} pages verified in {:?}, {} findings",
        report.entries,
        report.pages,
        began.elapsed(),
        report.found
    );
    store.close().await;
}

async fn fill(store: &SqlStore, entries: u64, on_a_page: u64) {
    let wallets: Vec<Arc<WalletId>> = (0..TEAMS)
        .map(|team| {
            Arc::new(WalletId {
                holder: Holder::Team(team_id(team)),
                unit: Unit::Usd,
            })
        })
        .collect();
    let payers: Vec<Payer> = (0..KEYS).map(payer).collect();
    let mut head = PageHead::default();
    let mut next = 0;
    while next < entries {
        let until = (next + on_a_page).min(entries);
        let page: Vec<Entry> = (next..until)
            .map(|count| entry(count, &wallets, &payers))
            .collect();
        let page = Page::write(head, &page);
        head = page.head;
        store.append(&page, Beside::default()).await.unwrap();
        next = until;
    }
}

fn entry(count: u64, wallets: &[Arc<WalletId>], payers: &[Payer]) -> Entry {
    // Spread as if by chance, the same in every run.
    let mixed = (count + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let place = |of: u64| usize::try_from(mixed % of).unwrap();
    let (team, kind) = if count < TEAMS {
        let movement = Movement {
            amount: 1_000_000 * USD,
            reference: Some(format!("order {count}").into()),
            reason: "credits".into(),
        };
        (usize::try_from(count).unwrap(), Kind::TopUp(movement))
    } else {
        let settlement = Settlement {
            held: 5_000_000,
            charged: 1_000_000 + mixed % 1_000_000,
            shortfall: 0,
            payer: payers.get(place(KEYS)).unwrap().clone(),
            model: format!("model {}", mixed % 12).into(),
            connection: "main".into(),
            price_version: "2026-11-01".into(),
            usage: Usage {
                prompt: mixed % 5000,
                completion: mixed % 700,
                ..Usage::default()
            },
            flags: Flags::NONE,
            request_id: format!("req_{mixed:032x}").into(),
        };
        (place(TEAMS), Kind::Settlement(Box::new(settlement)))
    };
    Entry {
        id: EntryId::new(7, count + 1),
        at: Timestamp::from_millis(BEGIN).after(Duration::from_millis(count)),
        wallet: wallets.get(team).map(Arc::clone),
        kind,
    }
}

fn payer(key: u64) -> Payer {
    Payer {
        key: KeyId::from_stored(&format!("key_{key:027}")),
        user: None,
        team: team_id(key % TEAMS),
        organization: OrgId::from_stored("org_one"),
    }
}

fn team_id(team: u64) -> TeamId {
    TeamId::from_stored(&format!("team_{team:027}"))
}
