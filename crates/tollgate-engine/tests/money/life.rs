//! One deployment through several lives of its process.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};
use tollgate_core::budget::{Budget, Controls, Period};
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::key::{KeyHasher, ModelScope, Permissions, Priority, Reach, Tenancy};
use tollgate_core::ledger::{
    Entry, EntryId, Flags, Holder, Kind, Movement, Page, PageHead, WalletId,
};
use tollgate_core::model::{ModelFacts, Priced};
use tollgate_core::money::{Money, Unit};
use tollgate_core::price::{Price, Rate};
use tollgate_core::reply::Usage;
use tollgate_core::route::rules::Rules;
use tollgate_core::secret::Secret;
use tollgate_core::tenant::{DEFAULT, Status, Team};
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{Accounts, Environment, NewKey, Parts};
use tollgate_engine::admit;
use tollgate_engine::engine::{Engine, Routing};
use tollgate_engine::hold::{Billing, Ending, Estimate, Hold};
use tollgate_engine::port::{Beside, Change, LedgerStore as _, TenantStore as _};
use tollgate_engine::settle::{Durability, Settings, WhenStoreFails};
use tollgate_engine::testing::{self, Act, ManualClock, MemoryStore, Script, counting_entropy};

use crate::store::{Dice, FaultyStore};

const TEAMS: u64 = 4;
const WORKERS: u64 = 12;
const LIVES: u64 = 4;
/// What each team is given, in nano-USD.
const GIVEN: u64 = 4_000_000_000;
/// The total budget of the first team, in nano-USD.
const BUDGET: u64 = 1_500_000_000;

/// What happened in a world, or in several.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
    pub(crate) withheld: u64,
    pub(crate) deaths: u64,
    pub(crate) pages: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.withheld += other.withheld;
        self.deaths += other.deaths;
        self.pages += other.pages;
    }
}

/// What the callers of a world know.
#[derive(Default)]
struct Callers {
    /// Answers that were given whole, by the id of the request, with what they were said to cost.
    acknowledged: RefCell<BTreeMap<String, u64>>,
    withheld: RefCell<BTreeSet<String>>,
    /// Requests that were on their way, or whose caller had left, when the process died.
    unknown: RefCell<BTreeSet<String>>,
    under_way: RefCell<BTreeSet<String>>,
    refused: Cell<u64>,
    number: Cell<u64>,
}

pub(crate) fn run(seed: u64) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(world(seed))
}

fn team(number: u64) -> TeamId {
    TeamId::from_stored(&format!("team{number}"))
}

fn wallet(number: u64) -> WalletId {
    WalletId {
        holder: Holder::Team(team(number)),
        unit: Unit::Usd,
    }
}

async fn found(store: &MemoryStore) {
    let teams = (0..TEAMS).map(|number| {
        let budgets = (number == 0).then(|| Budget {
            period: Period::Total,
            limit: Money::from_nano(BUDGET),
            warn_percent: 80,
            zone: "UTC".into(),
        });
        Change::PutTeam(Arc::new(Team {
            id: team(number),
            organization: OrgId::from_stored(DEFAULT),
            name: "a team".into(),
            status: Status::Active,
            controls: Controls {
                budgets: budgets.into_iter().collect(),
                ..Controls::default()
            },
            job_terms: None,
            created_at: Timestamp::from_millis(0),
            metadata: None,
            updated_at: None,
            declared: false,
        }))
    });
    store.change(&teams.collect::<Vec<_>>(), &[]).await.unwrap();
    let given = (0..TEAMS).map(|number| Entry {
        id: EntryId::new(u64::MAX, number),
        at: Timestamp::from_millis(1_795_255_200_000),
        wallet: Some(Arc::new(wallet(number))),
        kind: Kind::TopUp(Movement {
            amount: GIVEN,
            reference: None,
            reason: "at the beginning".into(),
        }),
    });
    let page = Page::write(PageHead::default(), &given.collect::<Vec<_>>());
    store.append(&page, Beside::default()).await.unwrap();
}

async fn world(seed: u64) -> Tally {
    let dice = Arc::new(Dice::new(seed));
    let kept = Arc::new(MemoryStore::default());
    found(&kept).await;
    let callers = Callers::default();
    let mut tally = Tally::default();
    let mut keys = Vec::new();
    for life in 0..LIVES {
        let store = Arc::new(FaultyStore {
            kept: Arc::clone(&kept),
            dice: Arc::clone(&dice),
            percent: AtomicU32::new(0),
        });
        let engine = open(&store).await;
        check_memory(&engine, &kept).await;
        if keys.is_empty() {
            for number in 0..TEAMS {
                keys.push(make_key(&engine, number).await);
            }
        }
        let percent = [0, 5, 30][usize::try_from(dice.below(3)).unwrap()];
        store.percent.store(percent, Ordering::Relaxed);
        let dies = life + 1 < LIVES;
        live(&engine, &keys, &callers, &dice, dies).await;
        tally.deaths += u64::from(dies);
        let left: Vec<_> = callers.under_way.take().into_iter().collect();
        callers.unknown.borrow_mut().extend(left);
        tally.pages = check_pages(&kept, &callers, !dies, seed).await;
        // What was given back may have died with the process.
        let withheld = callers.withheld.take();
        tally.withheld += u64::try_from(withheld.len()).unwrap();
        callers.unknown.borrow_mut().extend(withheld);
    }
    tally.acknowledged = u64::try_from(callers.acknowledged.borrow().len()).unwrap();
    tally.refused = callers.refused.get();
    tally
}

/// Starts the process.
async fn open(store: &Arc<FaultyStore>) -> Arc<Engine> {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_255_200_000)));
    let parts = Parts {
        store: store.clone(),
        clock: clock.clone(),
        hasher: KeyHasher::new(&[1; 32]),
        environment: Environment::Live,
        entropy: counting_entropy,
    };
    let accounts = Accounts::open(parts).await.unwrap();
    accounts.ledger().set_settings(Settings {
        durability: Durability::Strict,
        when_store_fails: WhenStoreFails::Refuse,
        patience: Duration::from_millis(300),
        ..Settings::default()
    });
    let engine = Engine::new(
        Arc::new(accounts),
        Arc::new(Script::new(|_| Act::Answer(Duration::ZERO))),
        clock,
        1,
    );
    engine.set_billing(Billing {
        minimum: Money::ZERO,
        ..Billing::default()
    });
    let mut model = testing::model("m", &["a"], Rules::default());
    for target in &mut model.targets {
        target.facts = Arc::new(ModelFacts {
            price: Some(Priced {
                price: Price {
                    input: Rate::flat(1_000_000),
                    output: Rate::flat(3_000_001),
                    ..Price::default()
                },
                version: "v1".into(),
            }),
            ..ModelFacts::default()
        });
    }
    engine.set_routing(Routing {
        connections: Vec::new(),
        models: vec![model],
    });
    Arc::new(engine)
}

async fn make_key(engine: &Engine, number: u64) -> Secret {
    let new = NewKey {
        name: "app".into(),
        permissions: Permissions::ALL,
        models: ModelScope::all(),
        expires_at: None,
        error_dialect: None,
        priority: Priority::Normal,
        tenancy: Tenancy {
            team: team(number),
            user: None,
        },
        reach: Reach::default(),
        controls: Controls::default(),
    };
    engine.accounts.create(new).await.unwrap().1
}

/// Lets callers work until the process dies, or until it stops in an orderly way.
async fn live(engine: &Arc<Engine>, keys: &[Secret], callers: &Callers, dice: &Dice, dies: bool) {
    let ledger = Arc::clone(&engine.ledger);
    let work = join_all((0..WORKERS).map(|_| worker(engine, keys, callers, dice)));
    let life = Duration::from_millis(50 + dice.below(4000));
    if dies {
        tokio::select! {
            _ = work => {}
            () = ledger.write(pending()) => {}
            () = sleep(life) => {}
        }
        return;
    }
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let writing = ledger.write(async {
        _ = stopped.await;
    });
    let working = async {
        _ = timeout(life, work).await;
        stop.send(()).unwrap();
    };
    // A store that fails for long and long again comes through in the end.
    let ended = timeout(Duration::from_secs(100_000), async {
        tokio::join!(writing, working)
    });
    ended.await.expect("an orderly end comes to its end");
    for number in 0..TEAMS {
        let team = engine.accounts.tenants().team(&team(number)).unwrap();
        let reading = team.wallet(Unit::Usd).read();
        assert_eq!(reading.held, 0, "holds of team {number} are left open");
    }
}

async fn worker(engine: &Arc<Engine>, keys: &[Secret], callers: &Callers, dice: &Dice) {
    loop {
        sleep(Duration::from_micros(dice.below(5000))).await;
        let number = dice.below(TEAMS);
        let key = &keys[usize::try_from(number).unwrap()];
        let caller = admit::caller(engine, key.expose().as_bytes()).unwrap();
        let route = engine.routes().find("m").unwrap();
        let estimate = Estimate {
            prompt: 10 + dice.below(3000),
            likely_prompt: 10,
            max_tokens: Some(dice.below(2000)),
            choices: 1,
        };
        let Ok(hold) = Hold::take(&engine.ledger, &engine.billing(), &caller, &route, estimate)
        else {
            callers.refused.set(callers.refused.get() + 1);
            continue;
        };
        let id = format!("r{}", callers.number.replace(callers.number.get() + 1));
        callers.under_way.borrow_mut().insert(id.clone());
        sleep(Duration::from_micros(dice.below(20_000))).await;
        if dice.below(10) > 0 {
            // The team with a budget never uses more than was held for it.
            let over = if number > 0 && dice.below(10) == 0 {
                100_000
            } else {
                0
            };
            let usage = Usage {
                prompt: dice.below(estimate.prompt + 1) + over,
                completion: dice.below(estimate.max_tokens.unwrap_or(0) + 1),
                ..Usage::default()
            };
            finish(engine, hold, &route, usage, (&id, callers, dice)).await;
        }
        callers.under_way.borrow_mut().remove(&id);
    }
}

async fn finish(
    engine: &Engine,
    hold: Hold,
    route: &tollgate_engine::routes::Route,
    usage: Usage,
    (id, callers, dice): (&str, &Callers, &Dice),
) {
    let settled = hold.settle(&Ending {
        answered: &route.targets[0],
        asked: route,
        usage: Some(usage),
        delivered: 0,
        prompt: None,
        whole: true,
        request_id: id,
    });
    let mut ticket = settled.ticket.expect("strict settlements have tickets");
    if dice.below(10) == 0 {
        // The caller has left; what it used is charged.
        callers.unknown.borrow_mut().insert(id.to_owned());
        return;
    }
    let patience = engine.ledger.settings().patience;
    if timeout(patience, &mut ticket).await.is_err() && ticket.withdraw().is_ok() {
        callers.withheld.borrow_mut().insert(id.to_owned());
        return;
    }
    let cost = settled.cost.as_nano();
    callers
        .acknowledged
        .borrow_mut()
        .insert(id.to_owned(), cost);
}

/// What a process reads at its start is what the entries come to.
async fn check_memory(engine: &Engine, kept: &MemoryStore) {
    let (entries, _) = entries(kept).await;
    for number in 0..TEAMS {
        let id = wallet(number);
        let of = entries
            .iter()
            .filter(|entry| entry.wallet.as_deref() == Some(&id));
        let balance: i128 = of.map(Entry::effect).sum();
        let team = engine.accounts.tenants().team(&team(number)).unwrap();
        let reading = team.wallet(Unit::Usd).read();
        assert_eq!(
            i128::from(reading.balance),
            balance,
            "the wallet of team {number}"
        );
        assert_eq!(reading.held, 0);
    }
}

async fn entries(kept: &MemoryStore) -> (Vec<Entry>, u64) {
    let (mut all, mut head) = (Vec::new(), PageHead::default());
    for page in kept.pages(0, u32::MAX).await.unwrap() {
        assert_eq!(page.head.number, head.number + 1);
        all.extend(page.read(head).expect("a page is what was written"));
        head = page.head;
    }
    (all, head.number)
}

/// What the store holds is what the callers know.
#[expect(
    clippy::too_many_lines,
    reason = "everything that has to hold, in one place"
)]
async fn check_pages(kept: &MemoryStore, callers: &Callers, orderly: bool, seed: u64) -> u64 {
    let (entries, pages) = entries(kept).await;
    let mut ids = HashSet::new();
    let mut balances: BTreeMap<WalletId, i128> = BTreeMap::new();
    let mut settled = BTreeMap::new();
    let mut refunded: BTreeMap<EntryId, u64> = BTreeMap::new();
    let mut of_first = 0;
    for entry in &entries {
        assert!(ids.insert(entry.id), "seed {seed}: {} twice", entry.id);
        let id = entry.wallet.as_deref().unwrap();
        let balance = balances.entry(id.clone()).or_default();
        *balance += entry.effect();
        assert!(*balance >= 0, "seed {seed}: {id} is overdrawn");
        match &entry.kind {
            Kind::Settlement(settlement) => {
                let request = settlement.request_id.to_string();
                let cost = settlement.charged + settlement.shortfall;
                assert!(
                    settlement.shortfall == 0 || cost > settlement.held,
                    "seed {seed}: what was held for {request} went elsewhere"
                );
                let charged = settlement.charged;
                if *id == wallet(0) {
                    of_first += charged;
                }
                let withheld = settlement.flags.has(Flags::WITHHELD);
                let twice = settled.insert(request, (entry.id, charged, withheld));
                assert!(twice.is_none(), "seed {seed}: a call is settled twice");
            }
            Kind::Refund { movement, of } => {
                *refunded.entry(*of).or_default() += movement.amount;
                if *id == wallet(0) {
                    of_first -= movement.amount;
                }
            }
            _ => {}
        }
    }
    assert!(
        of_first <= BUDGET,
        "seed {seed}: the budget is {BUDGET}, {of_first} were spent"
    );
    for (request, cost) in callers.acknowledged.borrow().iter() {
        let found = settled.get(request);
        let Some((id, charged, withheld)) = found else {
            panic!("seed {seed}: the settlement of {request} is lost");
        };
        assert_eq!(
            (charged, *withheld),
            (cost, false),
            "seed {seed}: {request}"
        );
        assert!(
            !refunded.contains_key(id),
            "seed {seed}: {request} is refunded"
        );
    }
    let withheld = callers.withheld.borrow();
    for request in settled.keys() {
        let known = callers.acknowledged.borrow().contains_key(request)
            || withheld.contains(request)
            || callers.unknown.borrow().contains(request);
        assert!(known, "seed {seed}: {request} was never made");
    }
    if orderly {
        for request in withheld.iter() {
            let Some((id, charged, _)) = settled.get(request) else {
                continue;
            };
            let given_back = refunded.get(id).copied().unwrap_or_default();
            assert_eq!(given_back, *charged, "seed {seed}: {request} was withheld");
        }
    }
    pages
}
