//! Jobs of three teams, one for each way in which jobs are paid, while the gateway is killed again
//! and again: what each costs is what the printed rule says, to the credit.
//!
//! The short form is part of every run. The long form:
//!
//! ```console
//! $ TOLLGATE_JOBS_COUNT=1000 TOLLGATE_JOBS_CALLS=5 TOLLGATE_JOBS_KILLS=20 \
//!     TOLLGATE_JOBS_STORE=sqlite \
//!     cargo test --release -p tollgate --test it jobs::kills::many -- --nocapture
//! ```
//!
//! `TOLLGATE_JOBS_STORE` is `sqlite` or `postgres` (both if it is not given), `_WORKERS` is 16
//! where nothing is said, and `_SEED` lets the moments of the kills come out the same.

#![expect(clippy::print_stdout, reason = "the long form tells what it came to")]

mod client;
mod oracle;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tokio::sync::{Notify, RwLock};
use tokio::task::block_in_place;
use tokio_util::task::TaskTracker;
use tollgate_store::testing::ScratchDatabase;

use self::client::{Client, Door};
use self::oracle::Figures;
use super::scene::team;
use crate::bank::{Dice, variable};
use crate::money::scene::{MODELS, ONCE, Store, order, world_on};
use crate::world::{Gateway, World};

/// How the jobs of a team are paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Flat,
    Usd,
    Tokens,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Flat, Self::Usd, Self::Tokens];

    /// The team whose jobs are paid like this.
    pub const fn team(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Usd => "usd",
            Self::Tokens => "tokens",
        }
    }

    const fn terms(self) -> &'static str {
        match self {
            Self::Flat => ", budget_mode = \"job_based\"",
            Self::Usd => ", budget_mode = \"consumption_usd\", credits_per_dollar = 100",
            Self::Tokens => ", budget_mode = \"consumption_tokens\", tokens_per_credit = 7",
        }
    }
}

/// What every team is given: more than its jobs can cost.
pub const GIVEN: u64 = 1_000_000;

/// What is to be done.
struct Plan {
    count: u64,
    calls: u64,
    kills: u64,
    workers: u64,
    seed: u64,
}

/// The plan that the environment asks for; `None` if it asks for that of the other store.
fn plan(store: Store) -> Option<Plan> {
    let name = match store {
        Store::Sqlite => "sqlite",
        Store::Postgres => "postgres",
    };
    let variable = |name| variable(&format!("TOLLGATE_JOBS_{name}"));
    if variable("STORE").is_some_and(|asked| asked != name) {
        return None;
    }
    let number = |name, usual| variable(name).map_or(usual, |text| text.parse::<u64>().unwrap());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Some(Plan {
        count: number("COUNT", 90),
        calls: number("CALLS", 2),
        kills: number("KILLS", 3),
        workers: number("WORKERS", 16),
        seed: number("SEED", u64::from(now.subsec_nanos())),
    })
}

/// What those who work share with whoever kills.
struct Floor {
    door: Door,
    /// How many requests have ended, well or not.
    requests: Arc<AtomicU64>,
    moved: Arc<Notify>,
}

/// Carries out the plan for a store, if it is meant, and prints what it came to.
pub async fn run(store: Store) {
    let Some(plan) = plan(store) else {
        return;
    };
    let begin = Instant::now();
    let teams: String = Mode::ALL
        .map(|mode| team(mode.team(), GIVEN, mode.terms()))
        .concat();
    let (mut world, database) = world_on(store, &format!("{MODELS}{teams}{ONCE}")).await;
    let floor = Floor {
        door: Arc::new(RwLock::new(world.gateway.address)),
        requests: Arc::default(),
        moved: Arc::default(),
    };
    let next = Arc::new(AtomicU64::new(0));
    let workers = TaskTracker::new();
    let working: Vec<_> = (0..plan.workers)
        .map(|_| {
            let client = Client::new(
                Arc::clone(&floor.door),
                Arc::clone(&floor.requests),
                Arc::clone(&floor.moved),
            );
            workers.spawn(client.work(Arc::clone(&next), (plan.count, plan.calls)))
        })
        .collect();
    kill(&mut world, &plan, &floor, &working).await;
    let mut told = Vec::new();
    for worker in working {
        told.extend(worker.await.expect("a worker that met nothing unexpected"));
    }
    let figures = oracle::check(&world, &told).await;
    let verified = order(&world, "/api/ledger/verify", Value::Null).await;
    assert_eq!(verified["ok"], true, "{verified}");
    oracle::check_ledger(&mut world, database.as_ref(), &figures).await;
    let Plan { kills, seed, .. } = plan;
    let seconds = begin.elapsed().as_secs();
    println!("{store:?}, seed {seed}: {kills} kills in {seconds} s; {figures}");
    judge(&plan, &figures);
}

/// Kills the gateway now and then, while so many requests go on, and starts it again.
async fn kill(
    world: &mut World,
    plan: &Plan,
    floor: &Floor,
    working: &[tokio::task::JoinHandle<Vec<client::Told>>],
) {
    let mut dice = Dice::new(plan.seed);
    // A job is made, called and completed.
    let requests = plan.count * (plan.calls + 2);
    for round in 0..plan.kills {
        let step = requests / (plan.kills + 1);
        let due = step * (round + 1) + dice.below(step / 2 + 1);
        while floor.requests.load(Ordering::Relaxed) < due {
            let is_over = working.iter().all(tokio::task::JoinHandle::is_finished);
            assert!(!is_over, "the work ended before kill {round}");
            let moved = floor.moved.notified();
            _ = tokio::time::timeout(Duration::from_millis(50), moved).await;
        }
        // From when this is asked for nobody begins anything; those under way see the kill.
        let closing = floor.door.write();
        let gateway = &mut world.gateway;
        let killing = async {
            gateway.signal("KILL");
            block_in_place(|| gateway.wait_for_end());
        };
        let (mut door, ()) = tokio::join!(closing, killing);
        world.gateway = block_in_place(|| come_up(world));
        *door = world.gateway.address;
    }
}

/// A new gateway. A server may need a moment to notice that the last one is gone.
fn come_up(world: &World) -> Gateway {
    let begin = Instant::now();
    loop {
        match Gateway::try_start(world.folder.path(), &[]) {
            Ok(gateway) => return gateway,
            Err(said) => {
                let is_held = said.contains("another Tollgate process works with");
                assert!(
                    is_held && begin.elapsed() < Duration::from_secs(20),
                    "{said}"
                );
            }
        }
    }
}

/// What holds for all of it together.
fn judge(plan: &Plan, figures: &Figures) {
    assert_eq!(figures.jobs, plan.count, "{figures}");
    assert!(figures.completed > 0 && figures.failed > 0, "{figures}");
    assert!(figures.calls >= plan.count * plan.calls, "{figures}");
    // Half of them fail.
    assert!(figures.completed.abs_diff(figures.failed) <= 1, "{figures}");
}

/// The database, where it is not a file.
type Database<'a> = Option<&'a ScratchDatabase>;
