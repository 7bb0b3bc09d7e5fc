//! Pages, transactions, checkpoints and usage.

use std::sync::Arc;

use bytes::Bytes;
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::ledger::{EntryId, Holder, Page, PageHead, WalletId};
use tollgate_core::limit::Level;
use tollgate_core::money::Unit;
use tollgate_engine::port::{
    Appended, AuditQuery, Beside, Change, Checkpoint, Store, Transaction, UsageBy, UsageQuery,
    UsageRow,
};

use super::{TEXTS, at, audited, backends, change};

fn page(number: u64, mark: u8) -> Page {
    Page {
        head: PageHead {
            number,
            hash: [mark; 32],
        },
        from: at(-1),
        to: at(i64::MAX),
        count: u32::MAX,
        content: Bytes::from(vec![mark; 5000]),
    }
}

fn wallet(team: &str) -> WalletId {
    WalletId {
        holder: Holder::Team(TeamId::from_stored(team)),
        unit: Unit::Usd,
    }
}

fn transaction(number: u64, kind: &str, reference: Option<&str>) -> Transaction {
    Transaction {
        id: EntryId::new(u64::MAX, number),
        page: 1,
        at: at(5),
        wallet: wallet("team_1"),
        kind: kind.into(),
        amount: -7,
        reference: reference.map(Into::into),
        of: None,
        reason: "because".into(),
    }
}

async fn append(store: &dyn Store, page: &Page, transactions: &[Transaction]) -> Appended {
    let beside = Beside {
        transactions,
        ..Beside::default()
    };
    store.append(page, beside).await.unwrap()
}

#[tokio::test]
async fn pages_are_read_as_they_were_appended() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        assert_eq!(
            store.last_page().await.unwrap(),
            PageHead::default(),
            "{name}"
        );
        assert!(store.pages(0, 9).await.unwrap().is_empty(), "{name}");
        let pages = [page(1, 1), page(2, 2), page(3, 3)];
        for page in &pages {
            assert_eq!(append(store, page, &[]).await, Appended::Now, "{name}");
            assert_eq!(store.last_page().await.unwrap(), page.head, "{name}");
        }
        assert_eq!(store.pages(0, 9).await.unwrap(), pages, "{name}");
        assert_eq!(store.pages(1, 1).await.unwrap(), [page(2, 2)], "{name}");
        assert!(store.pages(u64::MAX, 9).await.unwrap().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_page_is_appended_once_and_only_behind_the_last_one() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let extra = [transaction(1, "top_up", Some("a"))];
        assert_eq!(
            append(store, &page(2, 2), &[]).await,
            Appended::Other,
            "{name}"
        );
        assert_eq!(
            append(store, &page(2, 2), &extra).await,
            Appended::Other,
            "{name}"
        );
        assert_eq!(
            append(store, &page(1, 1), &extra).await,
            Appended::Now,
            "{name}"
        );
        for transactions in [&extra[..], &[]] {
            let again = append(store, &page(1, 1), transactions).await;
            assert_eq!(again, Appended::Before, "{name}");
            let other = append(store, &page(1, 9), transactions).await;
            assert_eq!(other, Appended::Other, "{name}");
            let gap = append(store, &page(3, 3), transactions).await;
            assert_eq!(gap, Appended::Other, "{name}");
        }
        assert_eq!(store.pages(0, 9).await.unwrap(), [page(1, 1)], "{name}");
        let all = store.transactions(&wallet("team_1"), 0, 9).await.unwrap();
        assert_eq!(all, extra, "{name}");
    }
}

#[tokio::test]
async fn a_page_comes_with_its_transactions_and_audit_rows_or_not_at_all() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let (first, second) = (
            transaction(1, "top_up", Some("invoice 7")),
            transaction(2, "top_up", Some("invoice 8")),
        );
        let audit = [audited(3, "credit.top_up", "team_1")];
        let beside = Beside {
            transactions: std::slice::from_ref(&first),
            changes: &[],
            audit: &audit,
        };
        let done = store.append(&page(1, 1), beside).await;
        assert_eq!(done.unwrap(), Appended::Now, "{name}");
        let same_reference = transaction(3, "top_up", Some("invoice 7"));
        let batch = [second.clone(), same_reference.clone()];
        let beside = Beside {
            transactions: &batch,
            changes: &[],
            audit: &audit,
        };
        let refused = store.append(&page(2, 2), beside).await;
        assert!(refused.is_err(), "{name}");
        assert_eq!(store.last_page().await.unwrap(), page(1, 1).head, "{name}");
        let query = AuditQuery {
            limit: 9,
            ..AuditQuery::default()
        };
        assert_eq!(
            store.audit(&query).await.unwrap(),
            (audit.to_vec(), 1),
            "{name}"
        );
        let found = store.transaction(&wallet("team_1"), "invoice 8").await;
        assert_eq!(found.unwrap(), None, "{name}");

        // The same reference in another wallet is another one, and none is no reference.
        let elsewhere = Transaction {
            wallet: wallet("team_2"),
            ..same_reference
        };
        let without = [transaction(4, "hold", None), transaction(5, "hold", None)];
        let batch = [&[second.clone(), elsewhere.clone()][..], &without].concat();
        assert_eq!(
            append(store, &page(2, 2), &batch).await,
            Appended::Now,
            "{name}"
        );
        for it in [first, second, elsewhere] {
            let reference = it.reference.clone().unwrap();
            let found = store.transaction(&it.wallet, &reference).await.unwrap();
            assert_eq!(found.as_ref(), Some(&it), "{name}");
            assert_eq!(
                store.transaction_of(it.id).await.unwrap(),
                Some(it),
                "{name}"
            );
        }
        let none = store.transaction_of(EntryId::new(0, 99)).await.unwrap();
        assert_eq!(none, None, "{name}");
    }
}

#[tokio::test]
async fn a_page_stands_or_falls_with_the_changes_beside_it() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let put = |value: &str| Change::SetSetting {
            name: "beside".into(),
            value: value.into(),
        };
        let setting = async || store.setting("beside").await.unwrap();
        let changes = [put("first")];
        let beside = Beside {
            changes: &changes,
            ..Beside::default()
        };
        // The second time is as after an answer that got lost: nothing is done twice.
        for appended in [Appended::Now, Appended::Before] {
            let done = store.append(&page(1, 1), beside).await;
            assert_eq!(done.unwrap(), appended, "{name}");
            assert_eq!(setting().await.as_deref(), Some("first"), "{name}");
            change(store, put("between")).await.unwrap();
            assert_eq!(setting().await.as_deref(), Some("between"), "{name}");
            change(store, put("first")).await.unwrap();
        }
        // A key that is not there cannot be changed.
        let unknown = Change::UpdateKey(Arc::new(super::keys::key("key_9")));
        let changes = [put("second"), unknown];
        let beside = Beside {
            changes: &changes,
            ..Beside::default()
        };
        let refused = store.append(&page(2, 2), beside).await;
        assert!(refused.is_err(), "{name}");
        assert_eq!(store.last_page().await.unwrap(), page(1, 1).head, "{name}");
        assert_eq!(setting().await.as_deref(), Some("first"), "{name}");
    }
}

#[tokio::test]
async fn what_was_given_leaves_out_what_only_corrects_the_use() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let of = |number, kind: &str, amount, reference: Option<&str>, team: &str| Transaction {
            amount,
            wallet: wallet(team),
            ..transaction(number, kind, reference)
        };
        let all = [
            of(1, "top_up", 10, None, "team_1"),
            of(2, "adjustment", -3, Some("mine"), "team_1"),
            of(3, "adjustment", -2, Some("tollgate:used:1"), "team_1"),
            of(4, "hold", -1, None, "team_1"),
            of(5, "refund", 5, None, "team_2"),
            of(6, "spend", -5, None, "team_3"),
        ];
        append(store, &page(1, 1), &all).await;
        let mut given = store.given_to_all().await.unwrap();
        given.sort_by_key(|(wallet, _)| wallet.to_string());
        let expected = [(wallet("team_1"), 7), (wallet("team_2"), 5)];
        assert_eq!(given, expected, "{name}");
        for (team, amount) in [("team_1", 7), ("team_2", 5), ("team_3", 0), ("team_4", 0)] {
            let given = store.given(&wallet(team)).await.unwrap();
            assert_eq!(given, amount, "{name}: {team}");
        }
    }
}

#[tokio::test]
async fn a_transaction_is_read_as_it_was_written() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let wallet = WalletId {
            holder: Holder::Organization(OrgId::from_stored("org:ä:1")),
            unit: Unit::Credits,
        };
        let full = Transaction {
            id: EntryId::from_bits(u128::MAX),
            page: 1,
            at: at(-1),
            wallet: wallet.clone(),
            kind: "refund".into(),
            amount: i64::MIN,
            reference: Some(TEXTS[3].into()),
            of: Some(EntryId::from_bits(0)),
            reason: TEXTS[2].into(),
        };
        append(store, &page(1, 1), std::slice::from_ref(&full)).await;
        let found = store.transaction(&wallet, TEXTS[3]).await.unwrap();
        assert_eq!(found.as_ref(), Some(&full), "{name}");
        assert_eq!(
            store.transactions(&wallet, 0, 1).await.unwrap(),
            [full],
            "{name}"
        );
    }
}

#[tokio::test]
async fn transactions_of_a_wallet_come_the_latest_first() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let all: Vec<_> = (1..=5).map(|it| transaction(it, "top_up", None)).collect();
        append(store, &page(1, 1), &all[..3]).await;
        append(store, &page(2, 2), &all[3..]).await;
        let read = async |offset, limit| -> Vec<EntryId> {
            let some = store.transactions(&wallet("team_1"), offset, limit).await;
            some.unwrap().iter().map(|it| it.id).collect()
        };
        let ids = |numbers: &[usize]| -> Vec<EntryId> {
            numbers.iter().map(|number| all[*number].id).collect()
        };
        assert_eq!(read(0, 9).await, ids(&[4, 3, 2, 1, 0]), "{name}");
        assert_eq!(read(1, 2).await, ids(&[3, 2]), "{name}");
        assert!(read(u64::MAX, 9).await.is_empty(), "{name}");
        let other = store.transactions(&wallet("team_2"), 0, 9).await.unwrap();
        assert!(other.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn what_was_given_to_a_wallet_is_what_operators_did_and_no_job_spent() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let job = "job:018f2a3b-0000-7000-8000-000000000000";
        let (hold, rest) = (format!("{job}:hold"), format!("{job}:rest"));
        let moved = [
            ("top_up", None, 100),
            ("top_up", Some("invoice 7"), 20),
            ("hold", Some(&*hold), -1),
            ("spend", None, 0),
            ("adjustment", Some(&*rest), -9),
            ("adjustment", Some("job:mine"), -3),
            ("adjustment", None, 5),
            ("refund", None, 2),
        ];
        let mut transactions = Vec::new();
        for (number, (kind, reference, amount)) in (1..).zip(moved) {
            transactions.push(Transaction {
                amount,
                ..transaction(number, kind, reference)
            });
        }
        transactions.push(Transaction {
            amount: 1000,
            wallet: wallet("team_2"),
            ..transaction(99, "top_up", None)
        });
        append(store, &page(1, 1), &transactions).await;
        let given = store.given(&wallet("team_1")).await.unwrap();
        assert_eq!(given, 100 + 20 - 3 + 5 + 2, "{name}");
    }
}

#[tokio::test]
async fn a_hold_is_open_until_something_belongs_to_it() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let holds: Vec<_> = (1..=3).map(|it| transaction(it, "hold", None)).collect();
        let open = async || store.open_holds().await.unwrap();
        assert!(open().await.is_empty(), "{name}");
        append(store, &page(1, 1), &holds).await;
        assert_eq!(open().await, holds, "{name}");
        let release = Transaction {
            of: Some(holds[1].id),
            ..transaction(9, "release", None)
        };
        append(store, &page(2, 2), &[release]).await;
        assert_eq!(open().await, [holds[0].clone(), holds[2].clone()], "{name}");
        // Within one page.
        let fourth = transaction(4, "hold", None);
        let spend = |number, of| Transaction {
            of: Some(of),
            ..transaction(number, "spend", None)
        };
        let batch = [fourth.clone(), spend(10, fourth.id), spend(11, holds[0].id)];
        append(store, &page(3, 3), &batch).await;
        assert_eq!(open().await, [holds[2].clone()], "{name}");
    }
}

/// A page of settlements alone as a checkpoint sees it.
fn used(quarter: i64, names: [&str; 5], sums: [u64; 4]) -> UsageRow {
    let [organization, team, user, key, model] = names.map(Into::into);
    let [calls, prompt, completion, cost] = sums;
    UsageRow {
        quarter: at(quarter * 900_000),
        organization,
        team,
        user,
        key,
        model,
        calls,
        prompt,
        completion,
        cost,
    }
}

fn checkpoint(number: u64, usage: Vec<UsageRow>) -> Checkpoint {
    let head = |number| match number {
        0 => PageHead::default(),
        number => page(number, 1).head,
    };
    Checkpoint {
        before: head(number - 1),
        head: head(number),
        balances: Vec::new(),
        usage,
    }
}

#[tokio::test]
async fn a_checkpoint_is_read_with_all_balances() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let read = async || {
            let Checkpoint {
                head,
                mut balances,
                usage,
                ..
            } = store.checkpoint().await.unwrap();
            balances.sort();
            assert!(usage.is_empty(), "{name}");
            (head, balances)
        };
        assert_eq!(read().await, (PageHead::default(), vec![]), "{name}");
        let many = (0..450).map(|it| (wallet(&format!("team_{it:03}")), it - 2));
        let mut balances: Vec<_> = many.collect();
        let first = Checkpoint {
            balances: balances.clone(),
            ..checkpoint(1, vec![])
        };
        store.write_checkpoint(&first).await.unwrap();
        assert_eq!(read().await, (first.head, balances.clone()), "{name}");
        balances[7].1 = i64::MAX;
        let second = Checkpoint {
            balances: vec![balances[7].clone()],
            ..checkpoint(2, vec![])
        };
        store.write_checkpoint(&second).await.unwrap();
        assert_eq!(read().await, (second.head, balances), "{name}");
    }
}

#[tokio::test]
async fn usage_is_added_to_what_is_there() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let names = ["org", "team", "", "key", "model"];
        let other = ["org", "team", "user", "key", "model"];
        let first = vec![used(1, names, [1, 2, 3, 4]), used(1, other, [1, 1, 1, 1])];
        store.write_checkpoint(&checkpoint(1, first)).await.unwrap();
        let second = vec![
            used(1, names, [10, 20, 30, 40]),
            used(2, names, [5, 5, 5, 5]),
        ];
        let second = checkpoint(2, second);
        store.write_checkpoint(&second).await.unwrap();
        let query = UsageQuery {
            by: vec![
                UsageBy::Quarter,
                UsageBy::Organization,
                UsageBy::Team,
                UsageBy::User,
                UsageBy::Key,
                UsageBy::Model,
            ],
            ..UsageQuery::default()
        };
        let expected = [
            used(1, names, [11, 22, 33, 44]),
            used(1, other, [1, 1, 1, 1]),
            used(2, names, [5, 5, 5, 5]),
        ];
        assert_eq!(store.usage(&query).await.unwrap(), expected, "{name}");
    }
}

fn of(level: Level, id: &str) -> UsageQuery {
    UsageQuery {
        of: Some((level, id.into())),
        ..UsageQuery::default()
    }
}

fn between(from: i64, to: i64) -> UsageQuery {
    UsageQuery {
        from: Some(at(from * 900_000)),
        to: Some(at(to * 900_000)),
        ..UsageQuery::default()
    }
}

async fn fill(store: &dyn Store) {
    let rows = vec![
        used(1, ["o1", "t1", "u1", "k1", "m1"], [1, 10, 100, 1000]),
        used(2, ["o1", "t1", "u1", "k1", "m2"], [2, 20, 200, 2000]),
        used(3, ["o1", "t2", "", "k2", "m1"], [4, 40, 400, 4000]),
        used(4, ["o2", "t3", "u3", "k3", "m1"], [8, 80, 800, 8000]),
    ];
    // More than one statement writes.
    let more =
        (0..250).map(|it| used(9, ["o3", "t4", "u4", &format!("k{it}"), "m3"], [1, 0, 0, 1]));
    let rows = rows.into_iter().chain(more).collect();
    store.write_checkpoint(&checkpoint(1, rows)).await.unwrap();
}

#[tokio::test]
async fn usage_is_found_by_what_is_asked_and_added_up_by_the_rest() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let all = UsageQuery::default();
        assert!(store.usage(&all).await.unwrap().is_empty(), "{name}");
        fill(store).await;
        for (query, calls) in [
            (all.clone(), 265),
            (of(Level::Organization, "o1"), 7),
            (of(Level::Organization, "o3"), 250),
            (of(Level::Team, "t1"), 3),
            (of(Level::User, "u1"), 3),
            (of(Level::User, ""), 4),
            (of(Level::Key, "k2"), 5),
            (of(Level::Model, "m1"), 13),
            (of(Level::Ip, "o1"), 0),
            (of(Level::Team, "none"), 0),
            (
                UsageQuery {
                    model: Some("m2".into()),
                    ..of(Level::Team, "t1")
                },
                2,
            ),
            (between(2, 4), 6),
            (
                UsageQuery {
                    of: Some((Level::Model, "m1".into())),
                    ..between(1, 4)
                },
                5,
            ),
        ] {
            let rows = store.usage(&query).await.unwrap();
            assert!(rows.len() <= 1, "{name}: {query:?}");
            let read = rows.first().map_or(0, |row| row.calls);
            assert_eq!(read, calls, "{name}: {query:?}");
        }
    }
}

#[tokio::test]
async fn usage_is_told_apart_by_what_is_asked() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        fill(store).await;
        let by_team = UsageQuery {
            by: vec![UsageBy::Team],
            ..between(0, 9)
        };
        let expected = [
            used(0, ["", "t1", "", "", ""], [3, 30, 300, 3000]),
            used(0, ["", "t2", "", "", ""], [4, 40, 400, 4000]),
            used(0, ["", "t3", "", "", ""], [8, 80, 800, 8000]),
        ];
        assert_eq!(store.usage(&by_team).await.unwrap(), expected, "{name}");
        let by_day = UsageQuery {
            by: vec![UsageBy::Model, UsageBy::Quarter],
            ..of(Level::Organization, "o1")
        };
        let expected = [
            used(1, ["", "", "", "", "m1"], [1, 10, 100, 1000]),
            used(2, ["", "", "", "", "m2"], [2, 20, 200, 2000]),
            used(3, ["", "", "", "", "m1"], [4, 40, 400, 4000]),
        ];
        assert_eq!(store.usage(&by_day).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_checkpoint_is_added_once_and_only_behind_the_one_before() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let rows = || vec![used(1, ["o", "t", "u", "k", "m"], [1, 1, 1, 1])];
        let calls = async || store.usage(&UsageQuery::default()).await.unwrap()[0].calls;
        for number in [1, 2] {
            for _try in 0..2 {
                let checkpoint = checkpoint(number, rows());
                store.write_checkpoint(&checkpoint).await.unwrap();
                assert_eq!(calls().await, number, "{name}");
            }
        }
        // Behind another one, from before, and of another ledger.
        let other = PageHead {
            number: 2,
            hash: [9; 32],
        };
        for wrong in [
            checkpoint(4, rows()),
            checkpoint(1, rows()),
            Checkpoint {
                before: other,
                ..checkpoint(3, rows())
            },
        ] {
            assert!(store.write_checkpoint(&wrong).await.is_err(), "{name}");
        }
        assert_eq!(calls().await, 2, "{name}");
        let read = store.checkpoint().await.unwrap();
        assert_eq!(
            (read.before, read.head),
            (checkpoint(2, vec![]).head, read.head)
        );
    }
}
