use std::future::pending;
use std::sync::LazyLock;
use std::time::Duration;

use futures_util::future::join_all;
use tollgate_core::id::{KeyId, OrgId, TeamId};
use tollgate_core::ledger::{Flags, Movement, Payer, Settlement};
use tollgate_core::reply::Usage;
use tollgate_core::tenant::DEFAULT;
use tollgate_core::time::Timestamp;

use super::*;
use crate::port::{AuditQuery, LedgerStore as _, TenantStore as _};
use crate::settle::{Settings, Ticket, WhenStoreFails};
use crate::tenants::Tenants;
use crate::testing::{ManualClock, MemoryStore};

const NOON: Timestamp = Timestamp::from_millis(1_795_255_200_000);

/// A process with a ledger, over a store that outlives it.
struct Office {
    credits: Credits,
    store: Arc<MemoryStore>,
}

impl Office {
    async fn open(store: &Arc<MemoryStore>, boot: u64) -> Self {
        let ledger = Ledger::open(
            store.clone(),
            Arc::new(ManualClock::new(NOON)),
            Arc::new(Tenants::default()),
            boot,
        );
        Self {
            credits: Credits::new(ledger.await.unwrap()),
            store: Arc::clone(store),
        }
    }

    async fn new() -> Self {
        Self::open(&Arc::default(), 7).await
    }

    /// Lets the clerk work while something happens.
    async fn run<T>(&self, act: impl Future<Output = T>) -> T {
        tokio::select! {
            given = act => given,
            () = Arc::clone(&self.credits.ledger).write(pending()) => panic!("the clerk went"),
        }
    }

    fn balance(&self) -> u64 {
        self.credits.balance(wallet()).unwrap().0.balance
    }

    async fn count(&self) -> usize {
        self.store
            .transactions(wallet(), 0, 1000)
            .await
            .unwrap()
            .len()
    }

    /// Posts the settlement of a call.
    fn settle(&self, charged: u64) -> (EntryId, Ticket) {
        let ledger = &self.credits.ledger;
        let settlement = Settlement {
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
        };
        let entry = Entry {
            id: ledger.next_id(),
            at: ledger.now(),
            wallet: Some(Arc::new(wallet().clone())),
            kind: Kind::Settlement(Box::new(settlement)),
        };
        let id = entry.id;
        let taken = ledger.post(|| {
            let wallet = ledger.tenants.team(&TeamId::from_stored(DEFAULT)).unwrap();
            wallet.wallet(Unit::Usd).take(charged).unwrap();
            let posting = Posting {
                entry,
                along: None,
                undo: None,
            };
            Ok((Some(posting), ()))
        });
        (id, taken.unwrap().0.unwrap())
    }

    async fn settled(&self, charged: u64) -> EntryId {
        let (id, ticket) = self.settle(charged);
        ticket.await;
        id
    }

    /// The pages, the notes beside them and memory say the same.
    async fn is_consistent(&self) {
        let report = ledger_check::verify_running(&self.credits.ledger)
            .await
            .unwrap();
        assert_eq!(report.findings, []);
    }
}

fn wallet() -> &'static WalletId {
    static WALLET: LazyLock<WalletId> = LazyLock::new(|| WalletId {
        holder: Holder::Team(TeamId::from_stored(DEFAULT)),
        unit: Unit::Usd,
    });
    &WALLET
}

fn note(reference: &str) -> Note {
    Note {
        reference: (!reference.is_empty()).then(|| reference.into()),
        reason: "because".into(),
        by: Some(By {
            actor: "admin".into(),
            request_id: Some("req_1".into()),
        }),
    }
}

fn code<T: fmt::Debug>(outcome: Result<T, Failure>) -> Code {
    outcome.unwrap_err().code
}

#[tokio::test(start_paused = true)]
async fn the_same_order_again_changes_nothing_and_is_told_the_same() {
    let office = Office::new().await;
    let credits = &office.credits;
    let again = office.run(async {
        let first = credits
            .top_up(wallet(), 500, note("order-1"))
            .await
            .unwrap();
        let again = credits
            .top_up(wallet(), 500, note("order-1"))
            .await
            .unwrap();
        assert_eq!(first, again);
        for other in [
            credits.top_up(wallet(), 501, note("order-1")).await,
            credits.add(wallet(), 500, note("order-1")).await,
            credits.take(wallet(), 500, note("order-1")).await,
            credits.hold(wallet(), 500, note("order-1")).await,
        ] {
            assert_eq!(code(other), Code::Conflict);
        }
        office.is_consistent().await;
        again
    });
    let again = again.await;
    assert_eq!((office.balance(), office.count().await), (500, 1));
    // After a start the store knows it.
    let office = Office::open(&office.store, 8).await;
    let later = office.run(office.credits.top_up(wallet(), 500, note("order-1")));
    assert_eq!(later.await.unwrap(), again);
    assert_eq!((office.balance(), office.count().await), (500, 1));
}

#[tokio::test(start_paused = true)]
async fn equal_orders_at_once_make_one_entry() {
    let office = Office::new().await;
    let orders = (0..100).map(|_| office.credits.top_up(wallet(), 500, note("order-1")));
    let receipts = office.run(join_all(orders)).await;
    let first = receipts[0].as_ref().unwrap();
    assert!(
        receipts
            .iter()
            .all(|receipt| receipt.as_ref().unwrap() == first)
    );
    assert_eq!((office.balance(), office.count().await), (500, 1));
}

#[tokio::test(start_paused = true)]
async fn the_audit_row_comes_with_the_page() {
    let office = Office::new().await;
    let receipt = office.run(
        office
            .credits
            .top_up(wallet(), 10_000_000_000, note("a\"b")),
    );
    let receipt = receipt.await.unwrap();
    let (rows, _) = office
        .store
        .audit(&AuditQuery {
            limit: 10,
            ..AuditQuery::default()
        })
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    let what = (&*row.actor, &*row.action, &*row.object, &*row.object_id);
    assert_eq!(what, ("admin", "credit.top_up", "team", DEFAULT));
    assert_eq!(row.organization.as_deref(), Some(DEFAULT));
    assert_eq!(
        &*row.change,
        format!(
            "{{\"entry\":\"{}\",\"amount_usd\":\"10.00\",\"reference\":\"a\\\"b\",\
             \"reason\":\"because\"}}",
            receipt.id
        )
    );
}

#[tokio::test(start_paused = true)]
async fn never_more_is_taken_than_is_there_beside_what_calls_hold() {
    let office = Office::new().await;
    let credits = &office.credits;
    office
        .run(async {
            credits.top_up(wallet(), 100, note("")).await.unwrap();
            let tenants = &credits.ledger.tenants;
            tenants
                .with_wallet(wallet(), |it| it.hold(60, 0))
                .unwrap()
                .unwrap();
            let failure = credits.take(wallet(), 41, note("")).await.unwrap_err();
            assert_eq!(failure.code, Code::InsufficientCredits);
            assert_eq!(
                code(credits.hold(wallet(), 41, note("")).await),
                Code::InsufficientCredits
            );
            let receipt = credits.take(wallet(), 40, note("")).await.unwrap();
            assert_eq!((&*receipt.kind, receipt.amount), ("adjustment", -40));
            for wrong in [0, LARGEST + 1] {
                let outcome = credits.top_up(wallet(), wrong, note("")).await;
                assert_eq!(code(outcome), Code::InvalidRequest);
            }
            assert_eq!(
                code(credits.top_up(wallet(), LARGEST, note("")).await),
                Code::Conflict
            );
            office.is_consistent().await;
        })
        .await;
    assert_eq!((office.balance(), office.count().await), (60, 2));
}

#[tokio::test(start_paused = true)]
async fn refunds_together_never_exceed_what_was_taken() {
    let office = Office::new().await;
    let credits = &office.credits;
    office
        .run(async {
            credits.top_up(wallet(), 100, note("")).await.unwrap();
            let of = office.settled(10).await;
            let refunds =
                join_all((0..10).map(|_| credits.refund(wallet(), of, Some(3), note(""))));
            let good = refunds.await.into_iter().flatten().count();
            assert_eq!(good, 3);
            assert_eq!(
                code(credits.refund(wallet(), of, Some(2), note("")).await),
                Code::Conflict
            );
            let rest = credits
                .refund(wallet(), of, None, note("rest"))
                .await
                .unwrap();
            assert_eq!((rest.amount, rest.of), (1, Some(of)));
            assert_eq!(
                credits
                    .refund(wallet(), of, None, note("rest"))
                    .await
                    .unwrap(),
                rest
            );
            assert_eq!(
                code(credits.refund(wallet(), of, None, note("")).await),
                Code::Conflict
            );
            let other = office.settled(10).await;
            assert_eq!(
                code(credits.refund(wallet(), other, None, note("rest")).await),
                Code::Conflict
            );
            office.is_consistent().await;
        })
        .await;
    assert_eq!(office.balance(), 90);
}

#[tokio::test(start_paused = true)]
async fn only_settlements_that_the_wallet_paid_are_refunded() {
    let office = Office::new().await;
    let credits = &office.credits;
    office
        .run(async {
            let top_up = credits.top_up(wallet(), 100, note("")).await.unwrap().id;
            let of = office.settled(10).await;
            let elsewhere = WalletId {
                holder: Holder::Organization(OrgId::from_stored(DEFAULT)),
                unit: Unit::Usd,
            };
            let unknown = EntryId::new(7, 999);
            for (wallet, of) in [(&elsewhere, of), (wallet(), top_up), (wallet(), unknown)] {
                let outcome = credits.refund(wallet, of, None, note("")).await;
                assert_eq!(code(outcome), Code::ResourceNotFound);
            }
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_gateway_gave_back_by_itself_is_not_refunded_again() {
    let office = Office::new().await;
    let credits = &office.credits;
    office
        .run(async {
            credits.top_up(wallet(), 100, note("")).await.unwrap();
            // Not made by a hold, so nothing undoes it in memory: the entries are what counts.
            let (of, ticket) = office.settle(10);
            ticket.await;
            let books = credits.ledger.books().await;
            assert_eq!(books.refunds_on_their_way(of), []);
            drop(books);
            let given_back = Posting {
                entry: Entry {
                    id: credits.ledger.next_id(),
                    at: NOON,
                    wallet: Some(Arc::new(wallet().clone())),
                    kind: Kind::Refund {
                        movement: Movement {
                            amount: 10,
                            reference: None,
                            reason: "".into(),
                        },
                        of,
                    },
                },
                along: None,
                undo: None,
            };
            let posted = credits.ledger.post(|| {
                credits
                    .ledger
                    .tenants
                    .with_wallet(wallet(), |it| it.add(10));
                Ok((Some(given_back), ()))
            });
            // On its way, and not in the store.
            assert_eq!(
                code(credits.refund(wallet(), of, None, note("")).await),
                Code::Conflict
            );
            posted.unwrap().0.unwrap().await;
            assert_eq!(
                code(credits.refund(wallet(), of, None, note("")).await),
                Code::Conflict
            );
            office.is_consistent().await;
        })
        .await;
    assert_eq!(office.balance(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_hold_ends_once_and_what_is_not_spent_goes_back() {
    let office = Office::new().await;
    let credits = &office.credits;
    let (kept, spent) = office
        .run(async {
            credits.top_up(wallet(), 100, note("")).await.unwrap();
            let one = credits.hold(wallet(), 30, note("job-1")).await.unwrap().id;
            let two = credits.hold(wallet(), 20, note("job-2")).await.unwrap().id;
            let kept = credits.hold(wallet(), 5, note("job-3")).await.unwrap().id;
            assert_eq!(office.balance(), 45);
            assert_eq!(code(credits.spend(one, 31, note("")).await), Code::Conflict);
            let spends = join_all((0..5).map(|_| credits.spend(one, 12, note("end-1"))));
            let spends: Vec<_> = spends.await.into_iter().map(Result::unwrap).collect();
            assert_eq!((spends[0].amount, spends[0].of), (18, Some(one)));
            assert!(spends.iter().all(|it| *it == spends[0]));
            assert_eq!(
                code(credits.spend(one, 13, note("end-1")).await),
                Code::Conflict
            );
            assert_eq!(
                code(credits.spend(one, 12, note("end-2")).await),
                Code::Conflict
            );
            let releases = join_all((0..5).map(|_| credits.release(two, note(""))));
            let good = releases.await.into_iter().flatten().count();
            assert_eq!(good, 1);
            assert_eq!(code(credits.spend(two, 1, note("")).await), Code::Conflict);
            assert_eq!(
                code(credits.release(EntryId::new(7, 99), note("")).await),
                Code::ResourceNotFound
            );
            office.is_consistent().await;
            (kept, spends[0].clone())
        })
        .await;
    assert_eq!(office.balance(), 83);
    // The next process knows what is open.
    let office = Office::open(&office.store, 8).await;
    let credits = &office.credits;
    office
        .run(async {
            let open = credits
                .open_holds(NOON.after(Duration::from_secs(1)))
                .await
                .unwrap();
            assert_eq!(
                open.iter().map(|it| (it.id, it.amount)).collect::<Vec<_>>(),
                [(kept, 5)]
            );
            assert_eq!(credits.open_holds(NOON).await.unwrap(), []);
            assert_eq!(
                credits
                    .spend(spent.of.unwrap(), 12, note("end-1"))
                    .await
                    .unwrap(),
                spent
            );
            credits.release(kept, note("")).await.unwrap();
            assert_eq!(code(credits.release(kept, note("")).await), Code::Conflict);
            office.is_consistent().await;
        })
        .await;
    assert_eq!(office.balance(), 88);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_stuck_an_order_may_take_effect_later_and_does_so_once() {
    let office = Office::new().await;
    let credits = &office.credits;
    office
        .run(async {
            office.store.set_stuck(true);
            let failure = credits
                .top_up(wallet(), 500, note("order-1"))
                .await
                .unwrap_err();
            assert_eq!(failure.code, Code::DatabaseError);
            let said = failure.message.as_ref().unwrap();
            assert!(said.contains("may still take effect"), "{said}");
            // Other orders do nothing from now on.
            assert_eq!(
                code(credits.top_up(wallet(), 1, note("order-2")).await),
                Code::DatabaseError
            );
            assert_eq!(office.balance(), 500);
            office.store.set_stuck(false);
            let first = credits.top_up(wallet(), 500, note("order-1")).await;
            let first = match first {
                Ok(first) => first,
                // The clerk tries again within some seconds.
                Err(_) => credits
                    .top_up(wallet(), 500, note("order-1"))
                    .await
                    .unwrap(),
            };
            assert_eq!(
                credits
                    .top_up(wallet(), 500, note("order-1"))
                    .await
                    .unwrap(),
                first
            );
            office.is_consistent().await;
        })
        .await;
    assert_eq!((office.balance(), office.count().await), (500, 1));
    assert_eq!(credits.orders_under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_order_waits_for_the_store_where_calls_do_not() {
    let office = Office::new().await;
    let credits = &office.credits;
    credits.ledger.set_settings(Settings {
        when_store_fails: WhenStoreFails::Continue,
        ..Settings::default()
    });
    office
        .run(async {
            office.store.set_stuck(true);
            let outcome = credits.top_up(wallet(), 500, note("order-1"));
            // The clerk excuses whoever waits when a try takes long; the order is told the truth.
            assert_eq!(code(outcome.await), Code::DatabaseError);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn while_a_checkpoint_does_not_end_no_call_begins() {
    let office = Office::new().await;
    let ledger = &office.credits.ledger;
    office.run(office.settled(0)).await;
    office.store.set_stuck(true);
    let begin = tokio::time::Instant::now();
    let looks = async {
        tokio::time::sleep_until(begin + Duration::from_secs(1)).await;
        assert!(ledger.check().is_ok(), "it may only be slow");
        tokio::time::sleep_until(begin + Duration::from_secs(3)).await;
        let failure = ledger.check().unwrap_err();
        assert_eq!(failure.code, Code::DatabaseError);
    };
    tokio::join!(ledger.write_checkpoint(), looks);
    assert!(ledger.check().is_ok(), "the next page finds out");
}

#[tokio::test(start_paused = true)]
async fn with_a_broken_store_nothing_happens() {
    let office = Office::new().await;
    office.store.set_broken(true);
    let outcome = office.run(office.credits.top_up(wallet(), 500, note("order-1")));
    assert_eq!(code(outcome.await), Code::DatabaseError);
    assert_eq!(
        (office.balance(), office.credits.orders_under_way()),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_found_on_its_page_whoever_wrote_it() {
    let store = Arc::default();
    let mut ids = Vec::new();
    for boot in [9, 3, 77, 1] {
        let office = Office::open(&store, boot).await;
        office
            .run(async {
                for number in 0..30 {
                    let receipt = office.credits.top_up(wallet(), 10, note(""));
                    ids.push(receipt.await.unwrap().id);
                    if number % 7 == 0 {
                        let together =
                            join_all((0..5).map(|_| office.credits.top_up(wallet(), 1, note(""))));
                        ids.extend(together.await.into_iter().map(|it| it.unwrap().id));
                    }
                }
            })
            .await;
    }
    for id in ids {
        let (page, entry) = find(&*store, id).await.unwrap().unwrap();
        assert_eq!(entry.id, id);
        assert!(page > 0);
    }
    for unknown in [EntryId::new(9, 999), EntryId::new(5, 1), EntryId::new(1, 0)] {
        assert!(find(&*store, unknown).await.unwrap().is_none());
    }
    let empty = MemoryStore::default();
    assert!(find(&empty, EntryId::new(9, 1)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_wallet_that_becomes_nearly_empty_is_told_once_for_each_time() {
    let office = Office::new().await;
    let credits = &office.credits;
    let mut low = LowBalances::default();
    let mut look = || {
        low.look(&credits.ledger.tenants, Money::from_nano(50))
            .len()
    };
    office
        .run(async {
            assert_eq!(look(), 0);
            credits.top_up(wallet(), 100, note("")).await.unwrap();
            assert_eq!(look(), 0);
            credits.take(wallet(), 51, note("")).await.unwrap();
            assert_eq!((look(), look()), (1, 0));
            credits.top_up(wallet(), 1, note("")).await.unwrap();
            assert_eq!(look(), 0);
            credits.take(wallet(), 1, note("")).await.unwrap();
            assert_eq!(look(), 1);
        })
        .await;
}
