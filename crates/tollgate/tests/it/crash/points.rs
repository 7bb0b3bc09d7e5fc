//! The process dies at every place on the path of money, and the ledger is whole.
//!
//! Each place is met once in a run. `TOLLGATE_FAULT_SEEDS` goes through all of them so many times,
//! later and later; `TOLLGATE_FAULT_SEED` lets chance come out the same.

#![expect(clippy::print_stdout, reason = "the long form tells what it came to")]

use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use tokio::sync::RwLock;
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tollgate_engine::fault::POINTS;
use tollgate_store::testing::Standstill;

use crate::bank::{
    Book, Branch, Counter, Dice, Door, Store, Teller, Told, compare, endow, finish, key, variable,
};
use crate::world::Gateway;

/// How many ledgers there are at once; each goes through a share of the places.
const LANES: usize = 4;
const TEAMS: usize = 6;
const TELLERS: usize = 2;
/// The longest that a place may take to be reached.
const LIMIT: Duration = Duration::from_secs(60);
/// The signal by which a process ends itself.
const ABORTED: i32 = 6;

/// A model that fails, with a dearer one that answers instead.
const RAISED: &str = r#"
[routing]
attempts = 2
breaker = { failures = 0, share_percent = 0, cooldown = false }
backoff = { first_ms = 10, longest_ms = 10 }

[[models]]
name = "raised"
price = { input = "1.00", output = "1000.00" }
targets = [{ connection = "sim", model = "fault/server-error" }]
attempts = 2
fallbacks = ["dear"]

[[models]]
name = "dear"
price = { input = "2.00", output = "2000.00" }
targets = [{ connection = "sim", model = "story-20" }]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wherever_the_process_dies_the_ledger_is_whole_on_sqlite() {
    go(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wherever_the_process_dies_the_ledger_is_whole_on_postgres() {
    go(Store::Postgres).await;
}

/// A place, and how often it is reached before the process dies there.
type Case = (&'static str, u64);

async fn go(store: Store) {
    let number = |name| variable(name).map(|text| text.parse::<u64>().unwrap());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let seed = number("TOLLGATE_FAULT_SEED").unwrap_or(u64::from(now.subsec_nanos()));
    let seeds = number("TOLLGATE_FAULT_SEEDS").unwrap_or(1);
    println!("{store:?}: seed {seed}, {seeds} times every place");
    let mut dice = Dice::new(seed);
    let mut shares: Vec<Vec<Case>> = vec![Vec::new(); LANES];
    for pass in 0..seeds {
        for (index, point) in POINTS.iter().enumerate() {
            let times = match pass {
                _ if is_at_the_end(point) => 1,
                0 => 1 + dice.below(3),
                _ => 1 + dice.below(40),
            };
            shares[index % LANES].push((*point, times));
        }
    }
    let lanes = shares.into_iter().map(|cases| {
        let dice = dice.child();
        async move { Lane::open(store, dice).await.walk(&cases).await }
    });
    join_all(lanes).await;
}

/// Checkpoints are written every ten seconds, and at the end.
fn is_at_the_end(point: &str) -> bool {
    point.contains("checkpoint") || point == "store.balances_written"
}

/// A ledger whose gateway dies again and again.
struct Lane {
    branch: Branch,
    book: Arc<Book>,
    door: Door,
    /// Who does what the others do not.
    teller: Teller,
    counter: Counter,
    dice: Dice,
    /// The last idempotency key, and how its call ended.
    kept: Option<(String, Told)>,
}

impl Lane {
    async fn open(store: Store, mut dice: Dice) -> Self {
        let branch = Branch::sharing(store, TEAMS, "settle_wait_ms = 500", RAISED).await;
        let book = Arc::new(Book::default());
        let mut gateway = block_in_place(|| branch.open(&[])).unwrap();
        endow(&branch, &gateway, &book, 100).await;
        let door: Door = Arc::new(RwLock::new(gateway.address));
        gateway.signal("KILL");
        gateway.wait_for_end();
        book.check(&branch.pages(book.head()).await);
        let counter = Counter {
            book: Arc::clone(&book),
            door: Arc::clone(&door),
            wallets: branch.wallets.clone().into(),
            teams: TEAMS,
            // An answer may take longer than it may wait where so much goes on at once.
            may_fail: Arc::new(true.into()),
        };
        let teller = Teller::new(counter.clone(), dice.child());
        Self {
            branch,
            book,
            door,
            teller,
            counter,
            dice,
            kept: None,
        }
    }

    async fn walk(mut self, cases: &[Case]) {
        let (end, workers) = (CancellationToken::new(), TaskTracker::new());
        let door = Arc::clone(&self.door);
        let mut closed = door.write().await;
        let tellers: Vec<_> = (0..TELLERS)
            .map(|_| Teller::new(self.counter.clone(), self.dice.child()))
            .map(|teller| workers.spawn(teller.work(end.clone())))
            .collect();
        for (point, times) in cases {
            let case = format!("{point}:{times}");
            let opened = block_in_place(|| self.branch.open(&["--fault", &case]));
            match opened {
                // It was on its way at the start already.
                Err(said) => assert!(said.contains("signal: 6"), "{case}: {said}"),
                Ok(mut gateway) => {
                    compare(&self.branch, &gateway, &self.book).await;
                    *closed = gateway.address;
                    drop(closed);
                    self.act(&mut gateway, point, &case).await;
                    closed = door.write().await;
                }
            }
            let pages = self.branch.pages(self.book.head()).await;
            self.book.check(&pages);
        }
        let gateway = block_in_place(|| self.branch.open(&[])).unwrap();
        compare(&self.branch, &gateway, &self.book).await;
        *closed = gateway.address;
        drop(closed);
        end.cancel();
        for teller in tellers {
            teller.await.expect("a teller that met nothing unexpected");
        }
        finish(&self.branch, gateway, &self.book).await;
        let counts = self.book.counts();
        assert!(counts.cut_settled <= counts.cut, "{counts}");
        println!("{counts}");
    }

    /// Does everything that costs money, until the gateway dies of it.
    async fn act(&mut self, gateway: &mut Gateway, point: &str, case: &str) {
        let (at, begin) = (gateway.address, Instant::now());
        self.ask_again(at).await;
        while !gateway.has_ended() {
            assert!(begin.elapsed() < LIMIT, "{case} was not reached");
            self.teller.call_of(at, "raised", &key(4), None).await;
            self.ask_once(at).await;
            self.teller.make_key(at).await;
            if point == "clerk.refunded" {
                let _still = Standstill::of(self.branch.url());
                self.teller.call_of(at, "bank", &key(4), None).await;
            }
            if is_at_the_end(point) {
                let _closed = self.door.write().await;
                gateway.signal("TERM");
                block_in_place(|| gateway.wait_for_end());
            }
        }
        let status = block_in_place(|| gateway.wait_for_end());
        assert_eq!(status.signal(), Some(ABORTED), "{case}: {status}");
    }

    /// A call with an idempotency key of its own.
    async fn ask_once(&mut self, at: std::net::SocketAddr) {
        let name = format!("once-{}", self.book.number());
        let told = self.teller.call_of(at, "bank", &key(5), Some(&name)).await;
        self.kept = told.map(|told| (name, told));
    }

    /// The last of those calls again: what was answered is not done once more.
    async fn ask_again(&mut self, at: std::net::SocketAddr) {
        if let Some((name, before)) = self.kept.take() {
            let told = self.teller.call_of(at, "bank", &key(5), Some(&name)).await;
            if let Told::Whole(_) = before {
                let is_over = matches!(told, None | Some(Told::Cut));
                assert!(is_over, "{name} was done again: {told:?}");
            }
        }
    }
}
