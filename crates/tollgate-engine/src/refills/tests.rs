use std::future::pending;

use tollgate_core::key::KeyHasher;
use tollgate_core::money::LARGEST;
use tollgate_core::offer::Every;
use tollgate_core::tenant::{Status, Team};

use super::*;
use crate::accounts::{Environment, Parts};
use crate::port::{Change, TenantStore as _};
use crate::testing::{ManualClock, MemoryStore, counting_entropy};

const DAY: i64 = 24 * 60 * 60 * 1000;
const HOUR: i64 = DAY / 24;
/// A day that begins a week and a month by the clock of these tests.
const START: i64 = 210 * DAY;
const AMOUNT: u64 = 100;

/// A team with a refill, in a store that outlives processes.
struct Scene {
    store: Arc<MemoryStore>,
}

impl Scene {
    async fn new(refill: Refill) -> Self {
        let store = Arc::new(MemoryStore::default());
        let team = Team {
            id: id(),
            name: "t".into(),
            status: Status::Active,
            ..crate::tenants::built_in_team()
        };
        let offer = TeamOffer {
            refill: Some(refill),
            ..TeamOffer::nothing(&id())
        };
        let changes = [
            Change::PutTeam(Arc::new(team)),
            Change::PutOffer(Arc::new(Offer::Team(offer))),
        ];
        store.change(&changes, &[]).await.unwrap();
        Self { store }
    }

    /// A process at this time.
    async fn open(&self, now: i64) -> Accounts {
        let now = Timestamp::from_millis(now);
        self.open_at(Arc::new(ManualClock::new(now))).await
    }

    /// A process with this clock.
    async fn open_at(&self, clock: Arc<ManualClock>) -> Accounts {
        let parts = Parts {
            store: self.store.clone(),
            clock,
            hasher: KeyHasher::new(&[3; 32]),
            environment: Environment::Live,
            entropy: counting_entropy,
        };
        Accounts::open(parts).await.unwrap()
    }
}

fn id() -> TeamId {
    TeamId::from_stored("t")
}

fn wallet() -> WalletId {
    WalletId {
        holder: Holder::Team(id()),
        unit: Unit::Credits,
    }
}

fn refill(every: Every) -> Refill {
    Refill {
        enabled: true,
        amount: AMOUNT,
        every,
        until: Timestamp::from_millis(START),
        last_at: None,
    }
}

/// Lets the clerk work while what is due is given.
async fn give_with_clerk(accounts: &Accounts) -> Vec<Missed> {
    tokio::select! {
        missed = give_due(accounts) => missed,
        () = Arc::clone(accounts.ledger()).write(pending()) => panic!("the clerk went"),
    }
}

fn balance(accounts: &Accounts) -> u64 {
    accounts.credits().balance(&wallet()).unwrap().0.balance
}

fn noted(accounts: &Accounts) -> Refill {
    let shelf = accounts.offers().shelf();
    shelf.team(&id()).unwrap().refill.clone().unwrap()
}

#[tokio::test]
async fn credits_come_with_each_period_that_has_begun_since() {
    use Every::{Daily, Monthly, Weekly};
    for (every, later, times) in [
        (Daily, 0, 0),
        (Daily, DAY - 1, 0),
        (Daily, DAY, 1),
        (Daily, 2 * DAY - 1, 1),
        (Daily, 4 * DAY + HOUR, 4),
        (Weekly, 7 * DAY - 1, 0),
        (Weekly, 7 * DAY, 1),
        (Weekly, 30 * DAY, 4),
        (Monthly, 29 * DAY, 0),
        (Monthly, 30 * DAY, 1),
        (Monthly, 89 * DAY, 2),
        // A clock that goes back takes nothing, and gives nothing.
        (Daily, -3 * DAY, 0),
    ] {
        let scene = Scene::new(refill(every)).await;
        let accounts = scene.open(START + later).await;
        give_with_clerk(&accounts).await;
        let expected = times * AMOUNT;
        assert_eq!(balance(&accounts), expected, "{every:?} {later}");
        // Looking once more, or in another process, gives nothing again.
        give_with_clerk(&accounts).await;
        assert_eq!(balance(&accounts), expected, "{every:?} {later}");
        let again = scene.open(START + later).await;
        give_with_clerk(&again).await;
        assert_eq!(balance(&again), expected, "{every:?} {later}");
        assert_eq!(noted(&again).last_at.is_some(), times > 0);
        let next = next(&again, &noted(&again));
        assert!(next > again.now(), "{every:?} {later}");
    }
}

#[tokio::test]
async fn what_was_given_and_not_noted_comes_once() {
    let scene = Scene::new(refill(Every::Daily)).await;
    let accounts = scene.open(START + 3 * DAY).await;
    give_with_clerk(&accounts).await;
    assert_eq!(balance(&accounts), 3 * AMOUNT);
    // The notes of the last two days are lost.
    let offer = TeamOffer {
        refill: Some(Refill {
            until: Timestamp::from_millis(START + DAY),
            ..refill(Every::Daily)
        }),
        ..TeamOffer::nothing(&id())
    };
    let change = [Change::PutOffer(Arc::new(Offer::Team(offer)))];
    scene.store.change(&change, &[]).await.unwrap();
    let again = scene.open(START + 3 * DAY).await;
    give_with_clerk(&again).await;
    assert_eq!(balance(&again), 3 * AMOUNT);
    let until = noted(&again).until;
    assert_eq!(until, Timestamp::from_millis(START + 3 * DAY));
}

#[tokio::test]
async fn who_is_switched_off_or_gone_gets_nothing() {
    let scene = Scene::new(Refill {
        enabled: false,
        ..refill(Every::Daily)
    })
    .await;
    let accounts = scene.open(START + 9 * DAY).await;
    give_with_clerk(&accounts).await;
    assert_eq!(balance(&accounts), 0);
    let scene = Scene::new(refill(Every::Daily)).await;
    let gone = [Change::DeleteTeam("t".into())];
    scene.store.change(&gone, &[]).await.unwrap();
    let accounts = scene.open(START + 9 * DAY).await;
    give_with_clerk(&accounts).await;
    assert_eq!(accounts.credits().given(&wallet()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_store_that_fails_is_asked_again_later() {
    let scene = Scene::new(refill(Every::Daily)).await;
    let accounts = scene.open(START + DAY).await;
    scene.store.set_broken(true);
    assert_eq!(give_due(&accounts).await.len(), 1);
    assert_eq!(balance(&accounts), 0);
    scene.store.set_broken(false);
    give_with_clerk(&accounts).await;
    assert_eq!(balance(&accounts), AMOUNT);
}

#[tokio::test]
async fn what_cannot_come_is_told_once_in_each_period_with_its_reason() {
    let scene = Scene::new(refill(Every::Daily)).await;
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START + DAY)));
    let accounts = scene.open_at(clock.clone()).await;
    let wallet = wallet();
    let filled = accounts.credits().top_up(&wallet, LARGEST, Note::default());
    tokio::select! {
        filled = filled => assert!(filled.is_ok()),
        () = Arc::clone(accounts.ledger()).write(pending()) => panic!("the clerk went"),
    }
    let mut told = Told::default();
    for day in 0..3 {
        let news = told.news(give_with_clerk(&accounts).await);
        let [missed] = &news[..] else {
            panic!("{news:?} on day {day}")
        };
        assert_eq!((&*missed.team, missed.failure.code), ("t", Code::Conflict));
        let said = missed.failure.to_string();
        assert!(said.contains("A wallet holds at most"), "{said}");
        for _ in 0..3 {
            assert!(told.news(give_with_clerk(&accounts).await).is_empty());
        }
        clock.advance(Duration::from_millis(DAY as u64));
    }
    // Something else that is wrong is news; what is over is forgotten.
    scene.store.set_broken(true);
    let news = told.news(give_due(&accounts).await);
    assert_eq!(news.len(), 1, "{news:?}");
    assert_ne!(news[0].failure.code, Code::Conflict);
    assert!(told.news(Vec::new()).is_empty() && told.0.is_empty());
}
