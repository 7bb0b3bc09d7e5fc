//! The store fails while calls come: nobody gets an answer that is not paid for, beyond what the
//! deployment allows, and everything heals without a restart.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::block_in_place;
use tollgate_core::ledger::WalletId;
use tollgate_core::money::Money;
use tollgate_store::testing;

use crate::bank::{Book, Branch, Store, endow, key, nano, pass, path};
use crate::world::{Answer, Gateway};

/// A key of the team that pays, whose errors come in another form.
const OTHER_KEY: &str = "sk-bank-other-0123456789";
const OTHER: &str = r#"
[[keys]]
name = "other"
key = "sk-bank-other-0123456789"
team = "team-3"
models = ["*"]
error_dialect = "langmart"
"#;
/// How long an answer waits for its settlement here.
const WAIT: Duration = Duration::from_secs(1);
/// By when a call is answered whatever the store does, on a machine that is busy.
const BOUND: Duration = Duration::from_secs(15);
/// By when all is well after the trouble, on such a machine.
const HEALING: Duration = Duration::from_mins(1);

/// Between two looks at whether it is.
const PAUSE: Duration = Duration::from_millis(50);

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// The server does not move for five seconds and more.
    Stops,
    /// It is killed, and started again later.
    Dies,
    /// It does not take anything any more.
    ReadOnly,
    /// Each write fails, as on a disk that is full.
    Refuses,
}

impl Trouble {
    const fn store(self) -> Store {
        match self {
            Self::Stops | Self::Dies | Self::ReadOnly => Store::Postgres,
            Self::Refuses => Store::Sqlite,
        }
    }

    fn begin(self, branch: &Branch) {
        match self {
            Self::Stops => branch.server.as_ref().unwrap().stop(),
            Self::Dies => branch.server.as_ref().unwrap().kill(),
            Self::ReadOnly => testing::run(branch.url(), &read_only("on")),
            Self::Refuses => testing::run(
                branch.url(),
                "CREATE TRIGGER refuses BEFORE INSERT ON pages \
                 BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
            ),
        }
    }

    fn end(self, branch: &Branch) {
        match self {
            Self::Stops => branch.server.as_ref().unwrap().go_on(),
            Self::Dies => branch.server.as_ref().unwrap().again(),
            // A session that was about to begin is seen, and ended, the second time.
            Self::ReadOnly => {
                testing::run(branch.url(), &read_only("off"));
                testing::run(branch.url(), &read_only("off"));
            }
            Self::Refuses => testing::run(branch.url(), "DROP TRIGGER refuses"),
        }
    }
}

/// Makes every session that begins later read only, or not, and ends those that there are.
fn read_only(how: &str) -> String {
    format!(
        "BEGIN; SET TRANSACTION READ WRITE; \
         ALTER ROLE CURRENT_USER SET default_transaction_read_only = {how}; COMMIT; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
}

fn body() -> Value {
    json!({"model": "bank", "max_tokens": 20,
        "messages": [{"role": "user", "content": "hello"}]})
}

async fn call(gateway: &Gateway, key: &str) -> Answer {
    let begin = Instant::now();
    let ask = gateway.post("/v1/chat/completions", body()).key(key);
    let answer = ask.send().await;
    assert!(begin.elapsed() < BOUND, "{:?}: {answer:?}", begin.elapsed());
    answer
}

/// What an answer cost.
fn cost(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 200, "{answer:?}");
    let cost = Money::parse(answer.header("x-tollgate-cost-usd"));
    cost.unwrap().as_nano()
}

/// Who pays here: a team with credits of its own.
fn wallet(branch: &Branch) -> &WalletId {
    branch.wallets.first().unwrap()
}

async fn top_up(branch: &Branch, gateway: &Gateway) -> Answer {
    let body = json!({"amount_usd": "0.50", "reference": "while it fails"});
    let ask = gateway.post(&path(wallet(branch), "add"), body).admin();
    ask.send().await
}

/// The ledger is clean, nothing is held, and the wallet has this much.
async fn agree(branch: &Branch, gateway: &Gateway, balance: u64) {
    let begin = Instant::now();
    // What was withheld is given back with the next page.
    while branch.balance(gateway, wallet(branch)).await != (balance, 0) {
        let has = branch.balance(gateway, wallet(branch)).await;
        assert!(begin.elapsed() < HEALING, "{has:?} and not {balance}");
        pass(PAUSE).await;
    }
    let verified = gateway.post("/api/ledger/verify", "").admin().send().await;
    let verified = verified.json();
    assert_eq!(verified["found"], 0, "{verified}");
}

/// The first answer after the trouble.
async fn healed(gateway: &Gateway) -> Answer {
    let begin = Instant::now();
    loop {
        let answer = call(gateway, &key(3)).await;
        if answer.status == 200 {
            return answer;
        }
        if begin.elapsed() > HEALING {
            let log = std::fs::read_to_string(&gateway.log).unwrap_or_default();
            let lines: Vec<_> = log.lines().rev().take(20).collect();
            panic!("it does not heal: {answer:?}\n{}", lines.join("\n"));
        }
        pass(PAUSE).await;
    }
}

async fn refuses_and_heals(trouble: Trouble) {
    let branch = Branch::new(trouble.store(), 4, "settle_wait_ms = 1000", OTHER).await;
    let book = Book::default();
    let mut gateway = block_in_place(|| branch.open(&[])).unwrap();
    endow(&branch, &gateway, &book, 1).await;
    let mut balance = nano(&json!("1.00")) - cost(&call(&gateway, &key(3)).await);
    let begin = Instant::now();
    block_in_place(|| trouble.begin(&branch));
    // The answer is there, and cannot be settled.
    let key_of_team = key(3);
    let (one, other) = tokio::join!(call(&gateway, &key_of_team), call(&gateway, OTHER_KEY));
    assert_eq!(one.outcome(), (500, "database_error".to_owned()), "{one:?}");
    assert_eq!(
        other.outcome(),
        (500, "SYSTEM_DB_001".to_owned()),
        "{other:?}"
    );
    let refused = top_up(&branch, &gateway).await;
    assert_eq!(refused.status, 500, "{refused:?}");
    // From when it is known, no provider is asked any more.
    loop {
        let asked = branch.simulator.stats().received;
        let answer = call(&gateway, &key(3)).await;
        assert_eq!(answer.outcome(), (500, "database_error".to_owned()));
        if branch.simulator.stats().received == asked {
            break;
        }
        assert!(begin.elapsed() < BOUND + WAIT, "calls are still let in");
    }
    if let Trouble::Stops = trouble {
        tokio::time::sleep_until((begin + Duration::from_secs(5)).into()).await;
    }
    block_in_place(|| trouble.end(&branch));
    balance -= cost(&healed(&gateway).await);
    // The order that failed takes effect once.
    for _ in 0..2 {
        let done = top_up(&branch, &gateway).await;
        assert_eq!(done.status, 200, "{done:?}");
    }
    balance += 500_000_000;
    agree(&branch, &gateway, balance).await;
    gateway.signal("TERM");
    assert!(block_in_place(|| gateway.wait_for_end()).success());
    branch.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_refused_while_postgres_stands_still_and_go_on_afterwards() {
    refuses_and_heals(Trouble::Stops).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_refused_while_postgres_is_gone_and_go_on_afterwards() {
    refuses_and_heals(Trouble::Dies).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_refused_while_postgres_is_read_only_and_go_on_afterwards() {
    refuses_and_heals(Trouble::ReadOnly).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_refused_while_sqlite_takes_nothing_and_go_on_afterwards() {
    refuses_and_heals(Trouble::Refuses).await;
}

async fn continues_within_the_bound(trouble: Trouble) {
    let billing =
        "settle_wait_ms = 60000\nwhen_store_fails = \"continue\"\nunbilled_usd = \"0.20\"";
    let branch = Branch::new(trouble.store(), 4, billing, "").await;
    let book = Book::default();
    let gateway = block_in_place(|| branch.open(&[])).unwrap();
    endow(&branch, &gateway, &book, 1).await;
    let mut balance = nano(&json!("1.00")) - cost(&call(&gateway, &key(3)).await);
    block_in_place(|| trouble.begin(&branch));
    let mut unbilled = 0;
    let refused = loop {
        let answer = call(&gateway, &key(3)).await;
        if answer.status != 200 {
            break answer;
        }
        assert!(unbilled < nano(&json!("0.20")), "one call too many");
        unbilled += cost(&answer);
    };
    assert_eq!(refused.outcome(), (500, "database_error".to_owned()));
    // One call after the other: the last one let in is the one that reaches the bound.
    assert!(unbilled >= nano(&json!("0.20")), "{unbilled} is not all");
    balance -= unbilled;
    block_in_place(|| trouble.end(&branch));
    let healed = cost(&healed(&gateway).await);
    agree(&branch, &gateway, balance - healed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_within_the_bound_while_postgres_stands_still() {
    continues_within_the_bound(Trouble::Stops).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_within_the_bound_while_sqlite_takes_nothing() {
    continues_within_the_bound(Trouble::Refuses).await;
}
