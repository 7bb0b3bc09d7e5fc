use std::future::pending;
use std::sync::Arc;

use tollgate_core::id::{KeyId, OrgId, TeamId};
use tollgate_core::ledger::{
    Entry, EntryId, Flags, Holder, Kind, Movement, Page, Payer, Settlement,
};
use tollgate_core::money::Unit;
use tollgate_core::reply::Usage;
use tollgate_core::tenant::DEFAULT;

use super::*;
use crate::credits::{Credits, Note};
use crate::port::{Beside, UsageRow};
use crate::settle::Ledger;
use crate::tenants::Tenants;
use crate::testing::{ManualClock, MemoryStore};

const NOON: Timestamp = Timestamp::from_millis(1_795_255_200_000);

fn wallet() -> WalletId {
    WalletId {
        holder: Holder::Team(TeamId::from_stored(DEFAULT)),
        unit: Unit::Usd,
    }
}

fn movement(amount: u64) -> Movement {
    Movement {
        amount,
        reference: None,
        reason: "".into(),
    }
}

fn top_up(count: u64, amount: u64) -> Entry {
    Entry {
        id: EntryId::new(5, count),
        at: NOON,
        wallet: Some(Arc::new(wallet())),
        kind: Kind::TopUp(movement(amount)),
    }
}

fn settlement(count: u64, charged: u64) -> Entry {
    Entry {
        kind: Kind::Settlement(Box::new(Settlement {
            held: charged,
            charged,
            shortfall: 0,
            payer: Payer {
                key: KeyId::from_stored("k"),
                user: None,
                team: TeamId::from_stored(DEFAULT),
                organization: OrgId::from_stored(DEFAULT),
            },
            model: "m".into(),
            connection: "c".into(),
            price_version: "v".into(),
            usage: Usage::default(),
            flags: Flags::NONE,
            request_id: "r".into(),
        })),
        ..top_up(count, 0)
    }
}

/// Puts each part on a page of its own.
async fn append(store: &MemoryStore, parts: &[&[Entry]]) -> PageHead {
    let mut head = store.last_page().await.unwrap();
    for entries in parts {
        let page = Page::write(head, entries);
        store.append(&page, Beside::default()).await.unwrap();
        head = page.head;
    }
    head
}

fn row(cost: u64) -> UsageRow {
    UsageRow {
        quarter: Timestamp::from_millis(NOON.as_millis() / 900_000 * 900_000),
        organization: DEFAULT.into(),
        team: DEFAULT.into(),
        user: "".into(),
        key: "k".into(),
        model: "m".into(),
        calls: 1,
        prompt: 0,
        completion: 0,
        cost,
    }
}

async fn found(store: &MemoryStore) -> Vec<String> {
    let report = verify(store, NOON).await.unwrap();
    report.findings.into_iter().map(|it| it.what).collect()
}

async fn note(store: &MemoryStore, head: PageHead, balance: i64, usage: Vec<UsageRow>) {
    let before = store.checkpoint().await.unwrap().head;
    let checkpoint = Checkpoint {
        before,
        head,
        balances: vec![(wallet(), balance)],
        usage,
    };
    store.write_checkpoint(&checkpoint).await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_agrees_with_its_notes_has_no_findings() {
    let store = MemoryStore::default();
    assert_eq!(found(&store).await, Vec::<String>::new());
    let head = append(&store, &[&[top_up(1, 100)], &[settlement(2, 30)]]).await;
    note(&store, head, 70, vec![row(30)]).await;
    // What comes behind the notes is not in them.
    append(&store, &[&[settlement(3, 5)]]).await;
    assert_eq!(found(&store).await, Vec::<String>::new());
    let report = verify(&store, NOON).await.unwrap();
    assert_eq!(report.wallets[&wallet()].balance, 65);
    assert_eq!((report.pages, report.settlements), (3, 2));
}

#[tokio::test]
async fn balances_and_usage_that_do_not_follow_from_the_pages_are_found() {
    for (balance, usage, said) in [
        (71, vec![row(30)], "the entries come to 70, and 71 is noted"),
        (70, vec![row(31)], "1 calls for 30 nano-USD, and 1 for 31"),
        (70, vec![], "1 calls for 30 nano-USD, and 0 for 0"),
        (
            70,
            vec![
                row(30),
                UsageRow {
                    quarter: Timestamp::from_millis(0),
                    ..row(1)
                },
            ],
            "1970-01-01T00:00:00Z on: the entries come to 0 calls",
        ),
    ] {
        let store = MemoryStore::default();
        let head = append(&store, &[&[top_up(1, 100)], &[settlement(2, 30)]]).await;
        note(&store, head, balance, usage).await;
        let found = found(&store).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(said), "{found:?}");
    }
}

#[tokio::test]
async fn pages_that_the_notes_know_and_the_store_has_lost_are_found() {
    let store = MemoryStore::default();
    let head = append(&store, &[&[top_up(1, 100)]]).await;
    let lost = Page::write(head, &[top_up(2, 5)]).head;
    note(&store, lost, 105, vec![]).await;
    let found = found(&store).await;
    assert_eq!(
        found,
        ["The last page is 1, and balances were noted behind page 2."]
    );
}

async fn ledger(store: &Arc<MemoryStore>) -> Arc<Ledger> {
    let clock = Arc::new(ManualClock::new(NOON));
    let tenants = Arc::new(Tenants::default());
    Ledger::open(store.clone(), clock, tenants, 7)
        .await
        .unwrap()
}

async fn run<T>(ledger: &Arc<Ledger>, act: impl Future<Output = T>) -> T {
    tokio::select! {
        given = act => given,
        () = Arc::clone(ledger).write(pending()) => panic!("the clerk went"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_self_check_looks_at_what_is_new_and_finds_memory_that_drifts() {
    let store = Arc::default();
    append(&store, &[&[top_up(1, 100)]]).await;
    let ledger = ledger(&store).await;
    let credits = Credits::new(Arc::clone(&ledger));
    let mut check = SelfCheck::begin(Arc::clone(&ledger)).await.unwrap();
    run(&ledger, async {
        assert_eq!(check.run().await.unwrap(), []);
        credits.top_up(&wallet(), 5, Note::default()).await.unwrap();
        assert_eq!(check.run().await.unwrap(), []);
        ledger
            .tenants
            .with_wallet(&wallet(), |wallet| wallet.add(1));
        // A wallet is looked at when it has changed.
        assert_eq!(check.run().await.unwrap(), []);
        credits.top_up(&wallet(), 5, Note::default()).await.unwrap();
        let found = check.run().await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            found[0].what,
            "team:default:usd: the entries come to 110, and memory holds 111."
        );
        assert_eq!(ledger.read().differences, 1);
        // It stays told, and is not counted twice.
        assert_eq!(check.run().await.unwrap(), []);
        assert_eq!(ledger.read().differences, 1);
        let report = verify_running(&ledger).await.unwrap();
        assert_eq!(report.found, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_belongs_to_what_memory_holds() {
    let store = Arc::default();
    let ledger = ledger(&store).await;
    let credits = Credits::new(Arc::clone(&ledger));
    run(&ledger, async {
        credits.top_up(&wallet(), 5, Note::default()).await.unwrap();
        store.set_stuck(true);
        // It does not become durable, and is in memory.
        credits
            .top_up(&wallet(), 7, Note::default())
            .await
            .unwrap_err();
        assert_eq!(verify_running(&ledger).await.unwrap().findings, []);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn refunds_and_ends_of_holds_of_an_earlier_life_are_looked_up() {
    let store = Arc::default();
    append(&store, &[&[top_up(1, 100), settlement(2, 30)]]).await;
    {
        let ledger = ledger(&store).await;
        ledger.write_checkpoint().await;
    }
    let other = Ledger::open(
        store.clone(),
        Arc::new(ManualClock::new(NOON)),
        Arc::new(Tenants::default()),
        8,
    );
    let ledger = other.await.unwrap();
    let credits = Credits::new(Arc::clone(&ledger));
    let mut check = SelfCheck::begin(Arc::clone(&ledger)).await.unwrap();
    run(&ledger, async {
        let of = EntryId::new(5, 2);
        credits
            .refund(&wallet(), of, Some(20), Note::default())
            .await
            .unwrap();
        assert_eq!(check.run().await.unwrap(), []);
    })
    .await;
    // More than it took, behind the back of whoever checks orders.
    let refund = Entry {
        kind: Kind::Refund {
            movement: movement(11),
            of: EntryId::new(5, 2),
        },
        id: EntryId::new(6, 1),
        ..top_up(9, 0)
    };
    let release = Entry {
        kind: Kind::Release {
            movement: movement(4),
            of: EntryId::new(5, 1),
        },
        id: EntryId::new(6, 2),
        ..top_up(10, 0)
    };
    append(&store, &[&[refund, release]]).await;
    let found = check.run().await.unwrap();
    let said: Vec<_> = found.iter().map(|it| it.what.as_str()).collect();
    assert!(said.iter().any(|it| it.contains("31 of le_")), "{said:?}");
    assert!(
        said.iter()
            .any(|it| it.contains("ended as a hold of 4, which it is not")),
        "{said:?}"
    );
}
