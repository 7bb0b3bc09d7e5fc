//! What a start with a million keys takes, and what one page of the ledger costs. Prints figures.
//!
//! `cargo bench -p tollgate-store --features testing [-- KEYS]`; with `TOLLGATE_TEST_POSTGRES` for PostgreSQL, too.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tollgate_core::budget::Controls;
use tollgate_core::id::{KeyId, OrgId, TeamId};
use tollgate_core::key::{
    KeyHash, KeyHasher, ModelScope, Permissions, Priority, Reach, Tenancy, VirtualKey, shown_parts,
};
use tollgate_core::ledger::{Page, PageHead};
use tollgate_core::tenant::{Organization, Status, Team};
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{Accounts, Environment, Parts};
use tollgate_engine::port::{Appended, Beside, Change, LedgerStore as _, TenantStore as _};
use tollgate_engine::testing::ManualClock;
use tollgate_store::SqlStore;
use tollgate_store::testing::ScratchDatabase;

/// How many keys a team has.
const KEYS_OF_A_TEAM: usize = 10;
/// How many are written at once.
const AT_ONCE: usize = 5000;
const PAGES: u64 = 2000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    if let [_, word, url, ..] = arguments.as_slice()
        && word == "start"
    {
        runtime.block_on(start(url));
        return;
    }
    let keys = arguments.iter().find_map(|argument| argument.parse().ok());
    let keys = keys.unwrap_or(1_000_000);
    let directory = tempfile::tempdir().expect("there is a folder for temporary files");
    let url = format!("sqlite://{}/tollgate.db", directory.path().display());
    println!("SQLite");
    runtime.block_on(measure(&url, keys));
    // Without a server there is nothing to measure.
    if std::env::var_os("TOLLGATE_TEST_POSTGRES").is_some() {
        let database = ScratchDatabase::new();
        println!("PostgreSQL");
        runtime.block_on(measure(&database.url(), keys));
    }
}

async fn measure(url: &str, keys: usize) {
    let store = tollgate_store::open(url).await.expect("it opens");
    let begin = Instant::now();
    fill(&store, keys).await;
    println!("{keys} keys written in {:?}", begin.elapsed());
    store.close().await;
    // In a process of its own, for its memory.
    let itself = std::env::current_exe().expect("this program is a file");
    let started = std::process::Command::new(itself)
        .args(["start", url])
        .status();
    assert!(started.is_ok_and(|status| status.success()), "it starts");
    let store = tollgate_store::open(url).await.expect("it opens");
    pages(&store, 1).await;
    store.close().await;
}

/// Does what a start of the gateway does with the store.
async fn start(url: &str) {
    let begin = Instant::now();
    let store = Arc::new(tollgate_store::open(url).await.expect("it opens"));
    println!("opened in {:?}", begin.elapsed());
    let parts = Parts {
        store: store.clone(),
        clock: Arc::new(ManualClock::new(Timestamp::from_millis(0))),
        hasher: KeyHasher::new(&[5; 32]),
        environment: Environment::Live,
        entropy: tollgate_engine::testing::counting_entropy,
    };
    let accounts = Accounts::open(parts).await.expect("it reads");
    println!(
        "everything read after {:?} with {:?} of CPU; {} MiB of memory, at most {} MiB",
        begin.elapsed(),
        cpu(),
        memory().0 / 1024,
        memory().1 / 1024,
    );
    let (begin, worked) = (Instant::now(), cpu());
    let count = store.keys().await.expect("it reads").len();
    println!(
        "{count} keys alone in {:?} with {:?} of CPU; one is {} bytes beside its texts",
        begin.elapsed(),
        cpu().saturating_sub(worked),
        size_of::<VirtualKey>(),
    );
    drop(accounts);
    store.close().await;
}

/// Appends pages of one settlement each, one after the other.
async fn pages(store: &SqlStore, first: u64) {
    let (begin, cpu) = (Instant::now(), cpu());
    for number in first..first + PAGES {
        let page = Page {
            head: PageHead {
                number,
                hash: [7; 32],
            },
            from: Timestamp::from_millis(0),
            to: Timestamp::from_millis(0),
            count: 1,
            content: Bytes::from(vec![7; 200]),
        };
        let appended = store
            .append(&page, Beside::default())
            .await
            .expect("it appends");
        assert_eq!(appended, Appended::Now);
    }
    println!(
        "one page in {:?}, {:?} of this process's CPU",
        begin.elapsed() / u32::try_from(PAGES).unwrap_or(1),
        crate::cpu().saturating_sub(cpu) / u32::try_from(PAGES).unwrap_or(1),
    );
}

async fn fill(store: &SqlStore, keys: usize) {
    let teams = (0..keys / KEYS_OF_A_TEAM).map(|number| {
        Change::PutTeam(Arc::new(Team {
            id: team(number),
            organization: OrgId::from_stored("org_018f3c2a5b7d3c4e5f60718293a"),
            name: format!("team {number}").into(),
            status: Status::Active,
            controls: Controls::default(),
            job_terms: None,
            created_at: Timestamp::from_millis(1_700_000_000_000),
            metadata: None,
            updated_at: None,
            declared: false,
        }))
    });
    let organization = Change::PutOrganization(Arc::new(Organization {
        id: OrgId::from_stored("org_018f3c2a5b7d3c4e5f60718293a"),
        name: "ACME".into(),
        status: Status::Active,
        controls: Controls::default(),
        keeps_bodies: false,
        created_at: Timestamp::from_millis(1_700_000_000_000),
        metadata: None,
        updated_at: None,
        declared: false,
    }));
    let keys = (0..keys).map(|number| Change::InsertKey(Arc::new(key(number))));
    let mut changes = std::iter::once(organization).chain(teams).chain(keys);
    loop {
        let some: Vec<Change> = changes.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            return;
        }
        store.change(&some, &[]).await.expect("it writes");
    }
}

fn team(number: usize) -> TeamId {
    TeamId::from_stored(&format!("team_{number:027}"))
}

fn key(number: usize) -> VirtualKey {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let text = format!("sk-tg-{mixed:016x}{number:024}");
    let (prefix, last_four) = shown_parts(&text);
    let created_at = Timestamp::from_millis(1_700_000_000_000);
    let mut hash = [0; 32];
    for part in hash.chunks_exact_mut(8) {
        part.copy_from_slice(&mixed.to_le_bytes());
    }
    VirtualKey {
        id: KeyId::new(created_at, number as u64),
        name: format!("key of application {number}").into(),
        hash: KeyHash::from_bytes(hash),
        prefix,
        last_four,
        permissions: Permissions::ALL,
        models: ModelScope::all(),
        created_at,
        expires_at: None,
        revoked_at: None,
        error_dialect: None,
        priority: Priority::default(),
        tenancy: Tenancy {
            team: team(number / KEYS_OF_A_TEAM),
            user: None,
        },
        reach: Reach::default().into(),
        controls: Controls::default().into(),
        declared: false,
    }
}

/// Resident memory of this process and its peak, in KiB.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let read = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    (read("VmRSS:"), read("VmHWM:"))
}

/// How long this process has computed, in all of its threads.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.split_whitespace().collect();
    let ticks = |place: usize| -> u64 {
        let field = fields.get(place).and_then(|field| field.parse().ok());
        field.unwrap_or(0)
    };
    // User and system time, in hundredths of a second.
    Duration::from_millis((ticks(13) + ticks(14)) * 10)
}
