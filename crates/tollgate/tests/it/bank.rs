//! The bank test: teams spend credits while the gateway is killed again and again and its database
//! stands still and dies. Nobody loses or gains anything by that.
//!
//! The short form is part of every run. The long form, best of a release build:
//!
//! ```console
//! $ TOLLGATE_BANK_KILLS=100 TOLLGATE_BANK_STORE=sqlite \
//!     cargo test --release -p tollgate --test it bank:: -- --nocapture
//! ```
//!
//! `TOLLGATE_BANK_STORE` is `sqlite` or `postgres` (both if it is not given), `_TEAMS` and
//! `_WORKERS` are 50 and 16 there, `_EVERY_MS` is the time between two kills, 4000 on average, and
//! `_SEED` lets chance come out the same.

#![expect(
    clippy::print_stdout,
    reason = "the long form tells how far it is and what it came to"
)]

mod book;
mod branch;
mod dice;
mod server;
mod teller;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::RwLock;
use tokio::task::block_in_place;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tollgate_core::ledger::WalletId;

use self::book::Counts;
pub use self::book::{Book, Told};
pub use self::branch::{Branch, Store, key, nano, path};
pub use self::dice::Dice;
pub use self::teller::{Counter, Door, Teller};
use crate::world::{Gateway, PATIENCE};

/// The longest that a new gateway may take to come up where the last one was killed.
const COMING_UP: Duration = Duration::from_secs(20);

/// What is to be done.
struct Plan {
    store: Store,
    kills: u64,
    teams: usize,
    workers: usize,
    /// Milliseconds between two kills.
    every: Range<u64>,
    seed: u64,
}

/// The plan that the environment asks for; `None` if it asks for that of the other store.
fn plan(store: Store) -> Option<Plan> {
    let name = match store {
        Store::Sqlite => "sqlite",
        Store::Postgres => "postgres",
    };
    let variable = |name| variable(&format!("TOLLGATE_BANK_{name}"));
    if variable("STORE").is_some_and(|asked| asked != name) {
        return None;
    }
    let number = |name| variable(name).map(|text| text.parse::<u64>().unwrap());
    let kills = number("KILLS");
    let (usual_teams, usual_workers, usual_every) = match kills {
        Some(_) => (50, 16, 4000),
        None => (20, 8, 300),
    };
    let every = number("EVERY_MS").unwrap_or(usual_every);
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let size = |number: Option<u64>, usual| number.map_or(usual, |it| usize::try_from(it).unwrap());
    Some(Plan {
        store,
        kills: kills.unwrap_or(3),
        teams: size(number("TEAMS"), usual_teams),
        workers: size(number("WORKERS"), usual_workers),
        every: every / 2..every * 3 / 2,
        seed: number("SEED").unwrap_or(u64::from(now.subsec_nanos())),
    })
}

/// What the environment asks for.
pub fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the length of a test is no configuration"
    )]
    std::env::var(name).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nothing_is_lost_or_doubled_on_sqlite_however_often_the_gateway_is_killed() {
    if let Some(plan) = plan(Store::Sqlite) {
        run(&plan).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nothing_is_lost_or_doubled_on_postgres_whatever_is_killed_or_stands_still() {
    if let Some(plan) = plan(Store::Postgres) {
        run(&plan).await;
    }
}

/// Carries a plan out, and prints what happened.
async fn run(plan: &Plan) {
    println!(
        "{:?}: seed {}, {} teams, {} workers, a kill every {:?} ms",
        plan.store, plan.seed, plan.teams, plan.workers, plan.every
    );
    // An answer may not wait for as long as the server is made to stand still.
    let billing = match plan.store {
        Store::Sqlite => "",
        Store::Postgres => "settle_wait_ms = 2200",
    };
    let branch = Branch::new(plan.store, plan.teams, billing, "").await;
    let mut dice = Dice::new(plan.seed);
    let book = Arc::new(Book::default());
    let mut gateway = block_in_place(|| branch.open(&[])).unwrap();
    endow(&branch, &gateway, &book, 1).await;
    let door: Door = Arc::new(RwLock::new(gateway.address));
    let counter = Counter {
        book: Arc::clone(&book),
        door: Arc::clone(&door),
        wallets: branch.wallets.clone().into(),
        teams: plan.teams,
        may_fail: Arc::default(),
    };
    let (end, workers) = (CancellationToken::new(), TaskTracker::new());
    let working: Vec<_> = (0..plan.workers)
        .map(|_| Teller::new(counter.clone(), dice.child()))
        .map(|teller| workers.spawn(teller.work(end.clone())))
        .collect();
    let begin = Instant::now();
    for round in 0..plan.kills {
        let pause = plan.every.start + dice.below(plan.every.end - plan.every.start);
        let pause = Duration::from_millis(pause);
        let stays_stopped = disturb(&branch, &counter, round, pause).await;
        if round % 4 == 1 {
            // In the middle of it all, memory agrees with the ledger.
            verify_running(&gateway).await;
        }
        let before = book.counts();
        // From when this is asked for nobody begins anything; those under way see the kill.
        let closing = door.write();
        let killing = async {
            gateway.signal("KILL");
            gateway.wait_for_end();
        };
        let (mut door, ()) = tokio::join!(closing, killing);
        if let Some(server) = branch.server.as_ref().filter(|_| stays_stopped) {
            server.go_on();
        }
        book.count(|counts| counts.kills += 1);
        check(&branch, &book).await;
        gateway = block_in_place(|| come_up(&branch));
        compare(&branch, &gateway, &book).await;
        counter.may_fail.store(false, Ordering::Relaxed);
        *door = gateway.address;
        drop(door);
        let counts = book.counts();
        let most = u64::try_from(plan.workers).unwrap();
        assert!(counts.cut - before.cut <= most, "{counts}");
        assert!(counts.cut_settled - before.cut_settled <= most, "{counts}");
        if (round + 1) % 10 == 0 {
            let seconds = begin.elapsed().as_secs();
            println!("after {} kills and {seconds} s:\n{counts}", round + 1);
        }
        check_alive(&working);
    }
    end.cancel();
    for worker in working {
        worker.await.expect("a worker that met nothing unexpected");
    }
    finish(&branch, gateway, &book).await;
    let counts = book.counts();
    println!(
        "{:?} in {} s:\n{counts}",
        plan.store,
        begin.elapsed().as_secs()
    );
    judge(plan, &counts);
}

/// Everybody gets so many USD to begin with.
pub async fn endow(branch: &Branch, gateway: &Gateway, book: &Book, usd: u64) {
    for wallet in &branch.wallets {
        let reference = format!("first-{wallet}");
        book.order(&reference, usd * 1_000_000_000);
        let body = serde_json::json!({"amount_usd": usd.to_string(), "reference": reference});
        let answer = gateway
            .post(&path(wallet, "add"), body)
            .admin()
            .send()
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        book.acknowledge(&reference);
    }
}

/// Lets time pass.
pub async fn pass(time: Duration) {
    sleep_until(tokio::time::Instant::now() + time).await;
}

/// Lets time pass, and has the server stand still or die in the middle of it. Says whether it
/// stands still when the gateway is killed.
async fn disturb(branch: &Branch, counter: &Counter, round: u64, pause: Duration) -> bool {
    let book = &counter.book;
    let Some(server) = &branch.server else {
        pass(pause).await;
        return false;
    };
    pass(pause / 2).await;
    // From here on, until there is another gateway.
    counter
        .may_fail
        .store(!round.is_multiple_of(4), Ordering::Relaxed);
    match round % 4 {
        1 => {
            server.stop();
            pass(Duration::from_millis(2500)).await;
            server.go_on();
            book.count(|counts| counts.stops += 1);
        }
        2 => {
            block_in_place(|| {
                server.kill();
                server.again();
            });
            book.count(|counts| counts.restarts += 1);
        }
        3 => {
            server.stop();
            book.count(|counts| counts.stops += 1);
        }
        _ => {}
    }
    pass(pause / 2).await;
    round % 4 == 3
}

/// Verifies the ledger and holds it against what was told.
async fn check(branch: &Branch, book: &Book) {
    let told = block_in_place(|| branch.verify());
    let pages = branch.pages(book.head()).await;
    book.check(&pages);
    assert_eq!(told["pages"], book.head().number, "{told}");
}

/// A new gateway. The server may need a moment to notice that the last one is gone.
fn come_up(branch: &Branch) -> Gateway {
    let begin = Instant::now();
    loop {
        match branch.open(&[]) {
            Ok(gateway) => return gateway,
            Err(said) => {
                let is_held = said.contains("another Tollgate process works with");
                assert!(is_held && begin.elapsed() < COMING_UP, "{said}");
            }
        }
    }
}

/// What a new gateway has in memory follows from the ledger, and nothing is held.
pub async fn compare(branch: &Branch, gateway: &Gateway, book: &Book) {
    for wallet in &branch.wallets {
        let expected = (book.balance(wallet), 0);
        assert_eq!(branch.balance(gateway, wallet).await, expected, "{wallet}");
    }
}

/// A worker that met something unexpected has ended.
fn check_alive(working: &[tokio::task::JoinHandle<()>]) {
    let is_alive = working.iter().all(|worker| !worker.is_finished());
    assert!(is_alive, "a worker met something unexpected: see above");
}

/// The end of a gateway without a kill: it agrees with its ledger, and nothing stays held.
pub async fn finish(branch: &Branch, mut gateway: Gateway, book: &Book) {
    let mut balances: Vec<(&WalletId, u64)> = Vec::new();
    for wallet in &branch.wallets {
        let begin = Instant::now();
        let balance = loop {
            let (balance, held) = branch.balance(&gateway, wallet).await;
            if held == 0 {
                break balance;
            }
            assert!(begin.elapsed() < PATIENCE, "{wallet}: {held} stays held");
        };
        balances.push((wallet, balance));
    }
    verify_running(&gateway).await;
    gateway.signal("TERM");
    assert!(block_in_place(|| gateway.wait_for_end()).success());
    check(branch, book).await;
    for (wallet, balance) in balances {
        assert_eq!(book.balance(wallet), balance, "{wallet}");
    }
}

async fn verify_running(gateway: &Gateway) {
    let verify = gateway.post("/api/ledger/verify", "").admin();
    let verified = verify.send().await.json();
    assert_eq!(verified["found"], 0, "{verified}");
}

/// What holds for all of it together.
fn judge(plan: &Plan, counts: &Counts) {
    assert_eq!(counts.kills, plan.kills);
    assert!(
        counts.whole > 0 && counts.orders > 0 && counts.reads > 0,
        "{counts}"
    );
    assert!(counts.cut_settled <= counts.cut, "{counts}");
    if plan.store == Store::Sqlite {
        assert_eq!((counts.withheld, counts.unrefunded), (0, 0), "{counts}");
    }
}
