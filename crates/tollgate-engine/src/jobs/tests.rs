use std::future::pending;

use futures_util::FutureExt as _;
use tollgate_core::budget::Controls;
use tollgate_core::error::advice::Advice;
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::job::{BudgetMode, CREDITS_SCALE, CallState, Terms};
use tollgate_core::key::{KeyHasher, ModelScope, Permissions, Priority, Reach, Tenancy};
use tollgate_core::ledger::{EntryId, Holder, WalletId};
use tollgate_core::money::USD;
use tollgate_core::tenant::{DEFAULT, Status};
use tollgate_core::time::Timestamp;

use super::*;
use crate::accounts::{Environment, NewKey, NewTeam, Parts};
use crate::authority::Manager;
use crate::hold::Most;
use crate::port::{Clock as _, JobQuery, JobStore as _};
use crate::testing::{ManualClock, MemoryStore, NewJobs, counting_entropy};

const GIVEN: u64 = 60;

/// A process with jobs, over a store that outlives it.
struct Office {
    accounts: Arc<Accounts>,
    jobs: Jobs,
    caller: Caller,
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

fn wallet() -> WalletId {
    wallet_of("team")
}

fn wallet_of(team: &str) -> WalletId {
    WalletId {
        holder: Holder::Team(TeamId::from_stored(team)),
        unit: Unit::Credits,
    }
}

impl Office {
    /// Opens what is in a store, with a key of the team, which is made with these terms.
    async fn open(store: &Arc<MemoryStore>, clock: &Arc<ManualClock>, terms: &Terms) -> Self {
        Self::open_for("team", (store, clock), terms).await
    }

    async fn open_for(
        name: &str,
        (store, clock): (&Arc<MemoryStore>, &Arc<ManualClock>),
        terms: &Terms,
    ) -> Self {
        let parts = Parts {
            store: store.clone(),
            clock: clock.clone(),
            hasher: KeyHasher::new(&[3; 32]),
            environment: Environment::Live,
            entropy: counting_entropy,
        };
        let accounts = Arc::new(Accounts::open(parts).await.unwrap());
        let id = TeamId::from_stored(name);
        if accounts.tenants().team(&id).is_none() {
            let new = NewTeam {
                metadata: None,
                id: Some(name.into()),
                organization: DEFAULT.into(),
                name: name.into(),
                status: Status::Active,
                controls: Controls::default(),
                job_terms: Some(Box::new(terms.clone())),
            };
            accounts.create_team(&Manager::admin(), new).await.unwrap();
        }
        let key = NewKey {
            name: "app".into(),
            permissions: Permissions::ALL,
            models: ModelScope::all(),
            expires_at: None,
            error_dialect: None,
            priority: Priority::default(),
            tenancy: Tenancy {
                team: id,
                user: None,
            },
            reach: Reach::default(),
            controls: Controls::default(),
        };
        let (_, secret) = accounts.create(key).await.unwrap();
        let hash = accounts.hash(secret.expose().as_bytes());
        let caller = Caller::new(accounts.find(&hash).unwrap());
        Self {
            jobs: Jobs::new(Arc::clone(&accounts)),
            accounts,
            caller,
        }
    }

    /// Lets the clerk work while something happens.
    async fn run<T>(&self, act: impl Future<Output = T>) -> T {
        tokio::select! {
            given = act => given,
            () = Arc::clone(self.accounts.ledger()).write(pending()) => panic!("the clerk went"),
        }
    }

    async fn give(&self, wallet: &WalletId, amount: u64) {
        let credits = self.accounts.credits();
        let given = credits.top_up(wallet, amount, Note::default());
        self.run(given).await.unwrap();
    }

    fn left(&self) -> u64 {
        self.accounts
            .credits()
            .balance(&wallet())
            .unwrap()
            .0
            .balance
    }

    async fn job(&self) -> Result<Job, Failure> {
        let new = NewJob {
            kind: "test".into(),
            user: None,
            metadata: "{}".into(),
            single: false,
        };
        self.run(self.jobs.create(&self.caller, new)).await
    }

    /// Begins a call that may use so many tokens.
    async fn begin(&self, job: &Job, tokens: u64) -> Result<Begun, Failure> {
        let new = NewCall {
            purpose: None,
            asked: "m",
            request_id: "r",
            most: Most { cost: None, tokens },
        };
        self.jobs.begin_call(&self.caller, job, new).await
    }

    async fn call(&self, job: &Job, tokens: u64, cost: u64) -> Result<(), Failure> {
        let job = self.jobs.find(&self.caller, &job.id.to_string()).await?;
        let new = NewCall {
            purpose: None,
            asked: "m",
            request_id: "r",
            most: Most {
                cost: Some(cost.saturating_mul(2)),
                tokens: tokens.saturating_mul(2),
            },
        };
        let mut begun = self.jobs.begin_call(&self.caller, &job, new).await?;
        begun.record.state = CallState::Succeeded;
        begun.record.prompt = tokens;
        begun.record.cost = cost;
        self.jobs.end_call(&begun).await
    }

    async fn end(&self, job: &Job, well: bool) -> Ended {
        let job = self
            .jobs
            .find(&self.caller, &job.id.to_string())
            .await
            .unwrap();
        let ending = Ending { well, error: None };
        self.run(self.jobs.end(&job, ending)).await.unwrap()
    }
}

fn terms(dice: &mut Dice) -> Terms {
    let modes = BudgetMode::ALL;
    let mode = usize::try_from(dice.below(3)).unwrap();
    Terms {
        mode: modes[mode],
        credits_per_dollar: (1 + dice.below(20)) * CREDITS_SCALE / 2,
        tokens_per_credit: 1 + dice.below(2000),
        default_model: None,
    }
}

/// Jobs by chance, with processes that end at any moment between two steps. What a team was given
/// is what it has, what its open jobs set aside, and what its ended jobs have cost by the rule.
#[tokio::test]
async fn credits_are_neither_doubled_nor_lost() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let terms = terms(&mut dice);
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
        let mut office = Office::open(&store, &clock, &terms).await;
        office.give(&wallet(), GIVEN).await;
        let mut jobs: Vec<Job> = Vec::new();
        for _ in 0..60 {
            let chosen = usize::try_from(dice.below(64)).unwrap() % jobs.len().max(1);
            let job = jobs.get(chosen).cloned();
            match (dice.below(10), job) {
                (0..=2, _) => jobs.extend(office.job().await.ok()),
                (3..=5, Some(job)) => {
                    let (tokens, cost) = (dice.below(9000), dice.below(USD));
                    _ = office.call(&job, tokens, cost).await;
                }
                (6..=7, Some(job)) => {
                    let first = office.end(&job, dice.below(3) > 0).await;
                    let again = office.end(&job, dice.below(2) > 0).await;
                    assert_eq!(first.job, again.job, "seed {seed}");
                }
                (8, _) => {
                    office = Office::open(&store, &clock, &terms).await;
                    office.run(office.jobs.recover()).await.unwrap();
                }
                (9, Some(job)) => {
                    // A process that dies between the two steps of an end.
                    let job = office.jobs.any(job.id).await.unwrap().unwrap();
                    if job.state.is_open() {
                        let due = office.jobs.due(&job).await.unwrap();
                        let end = crate::port::JobEnd {
                            state: State::Completed,
                            error: None,
                            at: office.accounts.now(),
                            due,
                            settled: false,
                        };
                        assert!(office.jobs.store().end_job(job.id, &end).await.unwrap());
                    }
                    office = Office::open(&store, &clock, &terms).await;
                    office.run(office.jobs.recover()).await.unwrap();
                    office.run(office.jobs.sweep()).await.unwrap();
                }
                (_, None | Some(_)) => {}
            }
        }
        check(&office, &jobs, &terms, seed).await;
    }
}

async fn check(office: &Office, jobs: &[Job], terms: &Terms, seed: u64) {
    let (mut held, mut charged) = (0, 0);
    for job in jobs {
        let job = office.jobs.any(job.id).await.unwrap().unwrap();
        let calls = office.jobs.calls(job.id).await.unwrap();
        if job.state.is_open() {
            held += HELD;
            continue;
        }
        assert!(job.settled, "seed {seed}: {job:?}");
        let due = match job.state {
            State::Completed => terms.charge(tollgate_core::job::Totals::of(&calls).used()),
            _ => 0,
        };
        assert_eq!(job.due, due, "seed {seed}: {job:?}");
        // Calls are refused that could come to more than there is.
        assert_eq!(job.charged, due, "seed {seed}: {job:?}");
        charged += job.charged;
    }
    assert_eq!(office.left() + held + charged, GIVEN, "seed {seed}");
    let open = office.jobs.store().open_holds().await.unwrap();
    assert_eq!(u64::try_from(open.len()).unwrap(), held, "seed {seed}");
}

#[tokio::test]
async fn a_hold_whose_job_never_came_to_be_is_given_back_a_minute_later() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let office = Office::open(&store, &clock, &Terms::default()).await;
    let credits = office.accounts.credits();
    office
        .run(credits.top_up(&wallet(), 5, Note::default()))
        .await
        .unwrap();
    let lost = note(JobId::random(7), "hold", "Job test created".to_owned());
    office.run(credits.hold(&wallet(), 1, lost)).await.unwrap();
    let other = Note {
        reference: Some("by hand".into()),
        ..Note::default()
    };
    office.run(credits.hold(&wallet(), 1, other)).await.unwrap();
    let kept = office.job().await.unwrap();
    office.run(office.jobs.sweep()).await.unwrap();
    assert_eq!(office.left(), 2);
    clock.advance(Duration::from_secs(61));
    office.run(office.jobs.sweep()).await.unwrap();
    assert_eq!(office.left(), 3);
    assert!(
        office
            .jobs
            .any(kept.id)
            .await
            .unwrap()
            .unwrap()
            .state
            .is_open()
    );
}

/// A store with an open job of a team that is deleted afterwards, and a job of another team that
/// ended and is not settled: the later one.
async fn with_a_deleted_team() -> (Arc<MemoryStore>, Arc<ManualClock>, [Job; 2]) {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let terms = Terms::default();
    let mut jobs = Vec::new();
    for team in ["gone", "team"] {
        let office = Office::open_for(team, (&store, &clock), &terms).await;
        office.give(&wallet_of(team), 5).await;
        jobs.push(office.job().await.unwrap());
    }
    let office = Office::open(&store, &clock, &terms).await;
    let admin = Manager::admin();
    office.accounts.delete_team(&admin, "gone").await.unwrap();
    let jobs: [Job; 2] = jobs.try_into().unwrap();
    for job in &jobs {
        let end = crate::port::JobEnd {
            state: State::Completed,
            error: None,
            at: clock.now(),
            due: 1,
            settled: false,
        };
        assert!(store.end_job(job.id, &end).await.unwrap());
    }
    (store, clock, jobs)
}

#[tokio::test]
async fn the_jobs_of_a_team_that_is_gone_are_settled_and_keep_no_others_waiting() {
    let (store, clock, jobs) = with_a_deleted_team().await;
    let office = Office::open(&store, &clock, &Terms::default()).await;
    office.run(office.jobs.sweep()).await.unwrap();
    for job in jobs {
        let job = office.jobs.any(job.id).await.unwrap().unwrap();
        assert!(job.settled, "{job:?}");
        assert_eq!(job.charged, 1, "{job:?}");
    }
    assert_eq!(office.left(), 4);
    let (gone, _) = office
        .accounts
        .credits()
        .balance(&wallet_of("gone"))
        .unwrap();
    assert_eq!(gone.balance, 4);
    assert!(
        office
            .accounts
            .tenants()
            .team(&TeamId::from_stored("gone"))
            .is_none()
    );
}

#[tokio::test]
async fn a_job_that_cannot_be_settled_keeps_no_others_waiting() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let office = Office::open(&store, &clock, &Terms::default()).await;
    office.give(&wallet(), 5).await;
    // Its hold is one of which the ledger knows nothing.
    let mut broken = office.job().await.unwrap();
    broken.id = JobId::random(99);
    broken.hold = Some(EntryId::new(77, 77));
    broken.state = State::Failed;
    let office = Office::open(&store, &clock, &Terms::default()).await;
    store.insert_job(&broken).await.unwrap();
    let job = office.job().await.unwrap();
    clock.advance(Duration::from_hours(25));
    office.run(office.jobs.sweep()).await.unwrap();
    let job = office.jobs.any(job.id).await.unwrap().unwrap();
    assert_eq!((job.state, job.settled), (State::Failed, true));
}

#[tokio::test]
async fn the_open_jobs_of_a_deleted_team_end() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let office = Office::open(&store, &clock, &Terms::default()).await;
    office.give(&wallet(), 5).await;
    let jobs = [office.job().await.unwrap(), office.job().await.unwrap()];
    office.call(&jobs[0], 10, 10).await.unwrap();
    let admin = Manager::admin();
    office.accounts.delete_team(&admin, "team").await.unwrap();
    let team = TeamId::from_stored("team");
    office.run(office.jobs.end_all(&team)).await;
    for job in jobs {
        let job = office.jobs.any(job.id).await.unwrap().unwrap();
        assert_eq!((job.state, job.settled), (State::Failed, true));
    }
    assert_eq!(office.left(), 5);
}

/// Nobody can ask for the deletion again: the sweep ends what it left.
#[tokio::test]
async fn jobs_that_a_deleted_team_left_open_are_ended_by_the_sweep() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let office = Office::open_for("gone", (&store, &clock), &Terms::default()).await;
    office.give(&wallet_of("gone"), 5).await;
    let mut left = vec![office.job().await.unwrap(), office.job().await.unwrap()];
    office.call(&left[0], 10, 10).await.unwrap();
    let admin = Manager::admin();
    office.accounts.delete_team(&admin, "gone").await.unwrap();
    // The process ends here. A team that is not there without a deletion is none of this.
    let elsewhere = Job {
        team: TeamId::from_stored("elsewhere"),
        created_at: clock.now(),
        ..open_job()
    };
    store.insert_job(&elsewhere).await.unwrap();
    let office = Office::open(&store, &clock, &Terms::default()).await;
    office.run(office.jobs.recover()).await.unwrap();
    office.give(&wallet(), 5).await;
    left.push(office.job().await.unwrap());
    left.push(elsewhere);
    office.run(office.jobs.sweep()).await.unwrap();
    let mut states = Vec::new();
    for job in left {
        states.push(office.jobs.any(job.id).await.unwrap().unwrap().state);
    }
    let expected = [State::Failed, State::Failed, State::Pending, State::Pending];
    assert_eq!(states, expected);
    let credits = office.accounts.credits();
    let (gone, _) = credits.balance(&wallet_of("gone")).unwrap();
    assert_eq!(gone.balance, 5);
}

/// A job with which nothing was done.
pub(super) fn open_job() -> Job {
    Job {
        id: JobId::random(1),
        team: TeamId::from_stored("team"),
        organization: OrgId::from_stored(DEFAULT),
        user: None,
        kind: "test".into(),
        metadata: "{}".into(),
        single: false,
        state: State::Pending,
        error: None,
        created_at: Timestamp::from_millis(0),
        started_at: None,
        completed_at: None,
        hold: None,
        due: 0,
        charged: 0,
        settled: false,
    }
}

/// An office with a completed job that costs more than there is: one credit is set aside, three
/// are left, and five more are due.
async fn short() -> (Arc<MemoryStore>, Office, JobId) {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let office = Office::open(&store, &clock, &Terms::default()).await;
    office.give(&wallet(), 4).await;
    let job = office.job().await.unwrap();
    let end = crate::port::JobEnd {
        state: State::Completed,
        error: None,
        at: clock.now(),
        due: 6,
        settled: false,
    };
    assert!(store.end_job(job.id, &end).await.unwrap());
    (store, office, job.id)
}

#[tokio::test]
async fn of_two_who_settle_a_job_both_say_what_was_taken() {
    let (_store, office, id) = short().await;
    let job = office.jobs.any(id).await.unwrap().unwrap();
    for order in [true, false] {
        let ending = Ending::default();
        let ended = async { office.jobs.end(&job, ending.clone()).await.unwrap() };
        let (first, second) = (ended, office.jobs.sweep());
        let ended = office.run(async move {
            if order {
                let (ended, swept) = tokio::join!(first, second);
                swept.unwrap();
                ended
            } else {
                let (swept, ended) = tokio::join!(second, first);
                swept.unwrap();
                ended
            }
        });
        assert_eq!(Box::pin(ended).await.job.charged, 4);
    }
    assert_eq!(office.jobs.any(id).await.unwrap().unwrap().charged, 4);
}

#[tokio::test]
async fn what_was_taken_by_one_who_has_gone_is_waited_for() {
    let (_store, office, id) = short().await;
    // The first one goes when the rest is taken, and not durable yet.
    let gone = async {
        let mut first = Box::pin(office.jobs.settle(id));
        while office.left() > 0 {
            assert!(first.as_mut().now_or_never().is_none());
            tokio::task::yield_now().await;
        }
    };
    office.run(gone).await;
    let second = async {
        office.jobs.settle(id).await.unwrap();
        office.jobs.any(id).await.unwrap().unwrap()
    };
    let job = office.run(second).await;
    assert_eq!((job.settled, job.charged), (true, 4), "{job:?}");
}

#[tokio::test]
async fn a_hold_waits_for_its_job_as_long_as_the_store_may_take() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let office = Office::open(&store, &clock, &Terms::default()).await;
    office.give(&wallet(), 5).await;
    office
        .accounts
        .ledger()
        .set_settings(crate::settle::Settings {
            patience: Duration::from_mins(10),
            ..crate::settle::Settings::default()
        });
    let credits = office.accounts.credits();
    let slow = note(JobId::random(7), "hold", "Job test created".to_owned());
    office.run(credits.hold(&wallet(), 1, slow)).await.unwrap();
    for (minutes, left) in [(2, 4), (17, 4), (2, 5)] {
        clock.advance(Duration::from_mins(minutes));
        office.run(office.jobs.sweep()).await.unwrap();
        assert_eq!(office.left(), left);
    }
}

/// What could not be written is written by the sweep: first how the calls went, then how the job
/// ended, whose price follows from them.
#[tokio::test]
async fn what_the_store_did_not_take_is_written_later_in_its_order() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let terms = Terms {
        mode: BudgetMode::ConsumptionTokens,
        tokens_per_credit: 1000,
        ..Terms::default()
    };
    let office = Office::open(&store, &clock, &terms).await;
    office.give(&wallet(), 50).await;
    let job = office.job().await.unwrap();
    let new = NewCall {
        purpose: None,
        asked: "m",
        request_id: "r",
        most: Most {
            cost: None,
            tokens: 9000,
        },
    };
    let mut begun = office
        .jobs
        .begin_call(&office.caller, &job, new)
        .await
        .unwrap();
    begun.record.state = CallState::Succeeded;
    begun.record.prompt = 5000;
    office.jobs.note_later(begun);
    let ending = Ending {
        well: true,
        error: None,
    };
    office.jobs.end_later(&job, ending);
    let left = office.jobs.any(job.id).await.unwrap().unwrap();
    assert!(left.state.is_open(), "{left:?}");
    for _ in 0..2 {
        office.run(office.jobs.sweep()).await.unwrap();
        let job = office.jobs.any(job.id).await.unwrap().unwrap();
        assert_eq!((job.state, job.charged), (State::Completed, 5), "{job:?}");
        assert_eq!(office.left(), 45);
    }
}

/// What is set aside for a job that the store does not take goes back at once, where it is certain
/// that it will never have it; else the sweep finds out.
#[tokio::test]
async fn the_hold_of_a_job_that_was_not_made_goes_back_as_soon_as_that_is_certain() {
    for (what, at_once, is_there) in [
        (NewJobs::Refused, 3, false),
        (NewJobs::RefusedUnsaid, 2, false),
        (NewJobs::TakenUnsaid, 2, true),
    ] {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
        let office = Office::open(&store, &clock, &Terms::default()).await;
        office.give(&wallet(), 3).await;
        store.set_new_jobs(what);
        let refused = office.job().await.unwrap_err();
        assert_eq!(refused.code, Code::DatabaseError, "{what:?}");
        assert_eq!(office.left(), at_once, "{what:?}");
        for (seconds, left) in [(0, at_once), (59, at_once), (2, 3), (60, 3)] {
            clock.advance(Duration::from_secs(seconds));
            office.run(office.jobs.sweep()).await.unwrap();
            assert_eq!(office.left(), left, "{what:?}: {seconds}");
        }
        let (jobs, _) = office
            .jobs
            .list(&JobQuery {
                limit: 9,
                ..JobQuery::default()
            })
            .await
            .unwrap();
        let states: Vec<_> = jobs
            .iter()
            .map(|(job, _)| (job.state, job.settled))
            .collect();
        let expected = [(State::Failed, true)];
        assert_eq!(
            states,
            if is_there { &expected[..] } else { &[] },
            "{what:?}"
        );
    }
}

/// The write of a job may take longer than a hold without a job is left alone.
#[tokio::test]
async fn the_hold_of_a_job_that_is_still_being_made_stays() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let office = Office::open(&store, &clock, &Terms::default()).await;
    office.give(&wallet(), 3).await;
    let job = office.job().await.unwrap();
    // As it is between its two writes.
    let slow = note(JobId::random(7), "hold", "Job test created".to_owned());
    let credits = office.accounts.credits();
    office.run(credits.hold(&wallet(), 1, slow)).await.unwrap();
    let making = office.jobs.unclear.making(JobId::random(7));
    for left in [1, 1] {
        clock.advance(Duration::from_mins(5));
        office.run(office.jobs.sweep()).await.unwrap();
        assert_eq!(office.left(), left);
    }
    drop(making);
    office.run(office.jobs.sweep()).await.unwrap();
    assert_eq!(office.left(), 2);
    assert!(
        office
            .jobs
            .any(job.id)
            .await
            .unwrap()
            .unwrap()
            .state
            .is_open()
    );
}

/// An end that was not written waits for calls under way, but nothing else waits for it.
#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_written_yet_stays_and_holds_up_nothing() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let office = Office::open(&store, &clock, &Terms::default()).await;
    office.give(&wallet(), 5).await;
    let (busy, other) = (office.job().await.unwrap(), office.job().await.unwrap());
    let begun = office.begin(&busy, 10).await.unwrap();
    let ending = Ending {
        well: true,
        error: None,
    };
    office.jobs.end_later(&busy, ending.clone());
    office.jobs.end_later(&other, ending);
    let since = tokio::time::Instant::now();
    for _ in 0..2 {
        office.run(office.jobs.sweep()).await.unwrap();
    }
    assert!(since.elapsed() < Duration::from_secs(5), "it has waited");
    let state = async |job: &Job| office.jobs.any(job.id).await.unwrap().unwrap().state;
    assert_eq!(state(&busy).await, State::InProgress);
    assert_eq!(state(&other).await, State::Completed);
    drop(begun);
    office.run(office.jobs.sweep()).await.unwrap();
    assert_eq!(state(&busy).await, State::Completed);
}

/// What clients do by themselves is what the text tells people to do.
#[tokio::test(start_paused = true)]
async fn a_conflict_that_passes_is_worth_another_try_and_others_are_not() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let office = Office::open(&store, &clock, &Terms::default()).await;
    let job = office.job().await.unwrap();
    let begun = office.begin(&job, 10).await.unwrap();
    let ending = Ending {
        well: true,
        error: None,
    };
    let early = office.run(office.jobs.end(&job, ending)).await;
    drop(begun);
    // Somebody else is first, each time.
    let merge = |old: &str| {
        drop(store.set_job_metadata(job.id, old, &format!("{old} ")));
        Ok(r#"{"a":1}"#.into())
    };
    let merged = office.jobs.merge_metadata(job.id, merge).await;
    let closing = office.jobs.running.close(job.id).unwrap();
    let late = office.begin(&job, 10).await;
    drop(closing);
    for (failure, waits) in [
        (early.unwrap_err(), true),
        (merged.unwrap_err(), true),
        (late.unwrap_err(), false),
    ] {
        assert_eq!(failure.code, Code::Conflict);
        let advice = Advice::new(&failure, clock.now());
        assert_eq!(advice.seconds(), waits.then_some(1), "{failure}");
        let makes_another = failure.to_string().contains("POST /api/jobs/create");
        assert_eq!(makes_another, !waits, "{failure}");
    }
}

/// Whoever completes a job first when the store is there again pays for what was answered while
/// it was not.
#[tokio::test(start_paused = true)]
async fn a_job_is_not_completed_before_its_calls_are_written() {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let terms = Terms {
        mode: BudgetMode::ConsumptionTokens,
        tokens_per_credit: 1000,
        ..Terms::default()
    };
    let office = Office::open(&store, &clock, &terms).await;
    office.give(&wallet(), 50).await;
    let job = office.job().await.unwrap();
    let mut begun = office.begin(&job, 9000).await.unwrap();
    begun.record.state = CallState::Succeeded;
    begun.record.prompt = 5000;
    let held = async || {
        let (reading, _) = office.accounts.credits().balance(&wallet()).unwrap();
        reading.held
    };
    assert_eq!(held().await, 8);
    store.set_broken(true);
    assert!(office.jobs.end_call(&begun).await.is_err());
    office.jobs.note_later(begun);
    assert_eq!(held().await, 4, "no more than it has used");
    assert!(office.run(office.jobs.sweep()).await.is_err());
    store.set_broken(false);
    let ending = || Ending {
        well: true,
        error: None,
    };
    let early = office.run(office.jobs.end(&job, ending())).await;
    assert_eq!(early.unwrap_err().code, Code::Conflict);
    let completing = office.jobs.end(&job, ending());
    let sweeping = async {
        tokio::task::yield_now().await;
        office.jobs.sweep().await.unwrap();
    };
    let both = office.run(async { tokio::join!(completing, sweeping) });
    let (ended, ()) = Box::pin(both).await;
    assert_eq!(ended.unwrap().job.charged, 5);
    assert_eq!((office.left(), held().await), (45, 0));
}

/// Nobody was asked, and the caller was told that it failed: it counts for nothing, also if the
/// store has noted it after all.
#[tokio::test(start_paused = true)]
async fn a_call_that_never_began_is_no_call_of_its_job() {
    for what in [
        NewJobs::TakenUnsaid,
        NewJobs::RefusedUnsaid,
        NewJobs::Refused,
    ] {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
        let office = Office::open(&store, &clock, &Terms::default()).await;
        office.give(&wallet(), 5).await;
        let job = office.job().await.unwrap();
        store.set_new_jobs(what);
        let refused = office.begin(&job, 10).await.unwrap_err();
        assert_eq!(refused.code, Code::DatabaseError, "{what:?}");
        store.set_new_jobs(NewJobs::Taken);
        if what == NewJobs::TakenUnsaid {
            let ending = Ending {
                well: true,
                error: None,
            };
            let early = office.run(office.jobs.end(&job, ending)).await;
            assert_eq!(early.unwrap_err().code, Code::Conflict, "{what:?}");
        }
        office.run(office.jobs.sweep()).await.unwrap();
        let office = Office::open(&store, &clock, &Terms::default()).await;
        office.jobs.set_settings(Settings {
            require_no_failed_calls: true,
            ..Settings::default()
        });
        office.run(office.jobs.recover()).await.unwrap();
        let ended = office.end(&job, true).await;
        assert_eq!(ended.calls, [], "{what:?}");
        assert_eq!((ended.job.charged, office.left()), (1, 4), "{what:?}");
    }
}
