//! What every store does with jobs.

use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::job::{CallRecord, CallState, Job, JobId, State, Totals};
use tollgate_core::ledger::EntryId;
use tollgate_engine::port::{JobBy, JobEnd, JobQuery, Store};

use super::{TEXTS, at, backends};

const DAY_MS: i64 = 86_400_000;

fn id(number: u128) -> JobId {
    JobId::random(number)
}

pub(crate) fn job(number: u128) -> Job {
    Job {
        id: id(number),
        team: TeamId::from_stored("team_1"),
        organization: OrgId::from_stored("org_1"),
        user: None,
        kind: "test".into(),
        metadata: "{}".into(),
        single: false,
        state: State::Pending,
        error: None,
        created_at: at(i64::try_from(number).unwrap()),
        started_at: None,
        completed_at: None,
        hold: Some(EntryId::new(u64::MAX, 7)),
        due: 0,
        charged: 0,
        settled: false,
    }
}

pub(crate) fn call(number: u128, job: u128) -> CallRecord {
    CallRecord {
        id: id(number),
        job: id(job),
        at: at(50),
        purpose: None,
        asked: "sim/x".into(),
        model: None,
        request_id: "req_1".into(),
        state: CallState::Running,
        prompt: 0,
        completion: 0,
        cost: 0,
        latency_ms: None,
        error: None,
    }
}

/// More calls than any job here has.
const MOST: u64 = 100;

fn end(state: State, due: u64) -> JobEnd {
    JobEnd {
        state,
        error: (state == State::Failed).then(|| "it broke".into()),
        at: at(900),
        due,
        settled: false,
    }
}

async fn begun(store: &dyn Store, calls: &[CallRecord]) {
    for call in calls {
        assert!(store.begin_job_call(call, MOST).await.unwrap());
        store.end_job_call(call).await.unwrap();
    }
}

#[tokio::test]
async fn jobs_and_calls_are_read_as_they_were_written() {
    for backend in backends().await {
        let store = &*backend.store;
        assert_eq!(store.job(id(1)).await.unwrap(), None, "{}", backend.name);
        for (number, text) in (1..).zip(TEXTS) {
            let mut written = job(number);
            written.user = Some(text.into());
            written.kind = text.into();
            written.error = Some(text.into());
            written.single = number % 2 == 0;
            written.hold = (number % 2 == 0).then(|| EntryId::from_bits(number));
            store.insert_job(&written).await.unwrap();
            // A second try whose first went through.
            store.insert_job(&job(number)).await.unwrap();
            let read = store.job(id(number)).await.unwrap();
            assert_eq!(read.as_ref(), Some(&written), "{}", backend.name);
            let mut ended = call(number + 100, number);
            ended.purpose = Some(text.into());
            assert!(store.begin_job_call(&ended, MOST).await.unwrap());
            assert!(store.begin_job_call(&ended, MOST).await.unwrap());
            ended.state = CallState::Succeeded;
            ended.model = Some(text.into());
            ended.error = Some(text.into());
            (ended.prompt, ended.completion, ended.cost) = (1, 2, u64::from(u32::MAX) * 7);
            ended.latency_ms = Some(12);
            store.end_job_call(&ended).await.unwrap();
            let calls = store.job_calls(id(number)).await.unwrap();
            assert_eq!(calls, [ended], "{}", backend.name);
        }
    }
}

#[tokio::test]
async fn the_sums_of_a_job_are_those_of_its_calls() {
    for backend in backends().await {
        let store = &*backend.store;
        for number in [1, 2] {
            store.insert_job(&job(number)).await.unwrap();
        }
        let none = store.job_totals(id(1)).await.unwrap();
        assert_eq!(none, Totals::default(), "{}", backend.name);
        let calls = (10..16).map(|number| {
            let mut call = call(number, 1 + number % 2);
            call.purpose = (number > 11).then(|| "again".into());
            call.state = if number == 12 {
                CallState::Failed
            } else {
                CallState::Succeeded
            };
            call.prompt = u64::try_from(number).unwrap();
            call.cost = u64::from(u32::MAX) * 9;
            call.latency_ms = (number != 14).then_some(7);
            call
        });
        begun(store, &calls.collect::<Vec<_>>()).await;
        let calls = store.job_calls(id(1)).await.unwrap();
        let totals = store.job_totals(id(1)).await.unwrap();
        assert_eq!((totals.calls, totals.repeated), (3, 1), "{}", backend.name);
        assert_eq!(totals, Totals::of(&calls), "{}", backend.name);
    }
}

#[tokio::test]
async fn those_jobs_are_named_that_are_there() {
    for backend in backends().await {
        let store = &*backend.store;
        for number in 1..=3 {
            store.insert_job(&job(number)).await.unwrap();
        }
        assert!(store.jobs_there(&[]).await.unwrap().is_empty());
        // More than one statement names.
        let asked: Vec<JobId> = (2..1500).map(id).collect();
        let mut there = store.jobs_there(&asked).await.unwrap();
        there.sort_unstable();
        assert_eq!(there, [id(2), id(3)], "{}", backend.name);
    }
}

#[tokio::test]
async fn a_job_takes_as_many_calls_as_it_may_have_and_no_more() {
    for backend in backends().await {
        let store = &*backend.store;
        for number in 1..=2 {
            store.insert_job(&job(number)).await.unwrap();
        }
        for (call, takes) in [
            (call(10, 1), true),
            (call(11, 1), true),
            (call(12, 1), false),
            (call(13, 2), true),
        ] {
            let begun = store.begin_job_call(&call, 2).await.unwrap();
            assert_eq!(begun, takes, "{}: {}", backend.name, call.id);
        }
        assert_eq!(store.job_calls(id(1)).await.unwrap().len(), 2);
        let full = store.job(id(1)).await.unwrap().unwrap();
        assert_eq!(full.state, State::InProgress, "{}", backend.name);
        // More of them, from now on.
        assert!(store.begin_job_call(&call(12, 1), 3).await.unwrap());
        assert!(
            store
                .end_job(id(1), &end(State::Completed, 1))
                .await
                .unwrap()
        );
    }
}

#[tokio::test]
async fn a_job_ends_once_and_takes_no_calls_from_then_on() {
    for backend in backends().await {
        let store = &*backend.store;
        assert!(!store.begin_job_call(&call(9, 1), MOST).await.unwrap());
        store.insert_job(&job(1)).await.unwrap();
        assert!(store.begin_job_call(&call(10, 1), MOST).await.unwrap());
        let begun = store.job(id(1)).await.unwrap().unwrap();
        assert_eq!(begun.state, State::InProgress, "{}", backend.name);
        assert_eq!(begun.started_at, Some(at(50)));
        assert!(store.unsettled_jobs(9).await.unwrap().is_empty());
        assert!(store.end_job(id(1), &end(State::Failed, 3)).await.unwrap());
        assert!(
            !store
                .end_job(id(1), &end(State::Completed, 4))
                .await
                .unwrap()
        );
        assert!(!store.begin_job_call(&call(11, 1), MOST).await.unwrap());
        assert_eq!(store.job_calls(id(1)).await.unwrap().len(), 1);
        let ended = store.job(id(1)).await.unwrap().unwrap();
        assert_eq!(
            (
                ended.state,
                ended.due,
                ended.settled,
                ended.error.as_deref()
            ),
            (State::Failed, 3, false, Some("it broke")),
            "{}",
            backend.name
        );
        assert_eq!(store.unsettled_jobs(9).await.unwrap(), [ended]);
        store.settle_job(id(1), 2).await.unwrap();
        assert!(store.unsettled_jobs(9).await.unwrap().is_empty());
        let settled = store.job(id(1)).await.unwrap().unwrap();
        assert_eq!((settled.charged, settled.settled), (2, true));
    }
}

#[tokio::test]
async fn a_call_that_never_was_is_taken_back_and_no_other() {
    for backend in backends().await {
        let store = &*backend.store;
        store.insert_job(&job(1)).await.unwrap();
        let begin = async |number| store.begin_job_call(&call(number, 1), 2).await.unwrap();
        assert!(begin(10).await && begin(11).await);
        for number in [10, 10, 12] {
            store.undo_job_call(&call(number, 1)).await.unwrap();
            let calls = store.job_calls(id(1)).await.unwrap();
            assert_eq!(calls, [call(11, 1)], "{}", backend.name);
        }
        // It takes no place either.
        let both = (begin(13).await, begin(14).await);
        assert_eq!(both, (true, false), "{}", backend.name);
    }
}

#[tokio::test]
async fn metadata_are_replaced_only_as_they_were_read() {
    for backend in backends().await {
        let store = &*backend.store;
        store.insert_job(&job(1)).await.unwrap();
        let set = async |old, new| store.set_job_metadata(id(1), old, new).await.unwrap();
        assert!(set("{}", "{\"a\":1}").await, "{}", backend.name);
        assert!(!set("{}", "{\"b\":1}").await);
        let read = store.job(id(1)).await.unwrap().unwrap();
        assert_eq!(&*read.metadata, "{\"a\":1}");
    }
}

/// Four jobs of two teams: the second with three calls, two of them for one purpose.
async fn filled(store: &dyn Store) {
    for number in 1..=4 {
        let mut new = job(number);
        if number == 3 {
            new.team = TeamId::from_stored("team_2");
            new.kind = "other".into();
            new.created_at = at(3 + DAY_MS);
        }
        store.insert_job(&new).await.unwrap();
    }
    let mut calls = [call(11, 2), call(12, 2), call(13, 2), call(14, 3)];
    calls[0].state = CallState::Succeeded;
    calls[0].model = Some("sim/y".into());
    calls[0].prompt = 10;
    calls[0].completion = 5;
    calls[0].cost = 100;
    calls[0].latency_ms = Some(30);
    calls[1].purpose = Some("sum up".into());
    calls[1].state = CallState::Failed;
    calls[2].purpose = Some("sum up".into());
    calls[2].state = CallState::Failed;
    calls[2].latency_ms = Some(10);
    begun(store, &calls).await;
    store
        .end_job(id(2), &end(State::Completed, 5))
        .await
        .unwrap();
    store.settle_job(id(2), 4).await.unwrap();
}

fn all() -> JobQuery {
    JobQuery {
        limit: 10,
        ..JobQuery::default()
    }
}

/// Queries of one or two conditions, the jobs that they find, and how many those are in all.
fn queries() -> Vec<(JobQuery, &'static [u128], u64)> {
    vec![
        (all(), &[4, 3, 2, 1], 4),
        (
            JobQuery {
                team: Some(TeamId::from_stored("team_1")),
                ..all()
            },
            &[4, 2, 1],
            3,
        ),
        (
            JobQuery {
                organization: Some(OrgId::from_stored("org_2")),
                ..all()
            },
            &[],
            0,
        ),
        (
            JobQuery {
                state: Some(State::InProgress),
                ..all()
            },
            &[3],
            1,
        ),
        (
            JobQuery {
                kind: Some("test".into()),
                ..all()
            },
            &[4, 2, 1],
            3,
        ),
        (
            JobQuery {
                id_part: Some(id(3).to_string().into()),
                ..all()
            },
            &[3],
            1,
        ),
    ]
}

/// The same of times, calls and pages.
fn further_queries() -> Vec<(JobQuery, &'static [u128], u64)> {
    vec![
        (
            JobQuery {
                from: Some(at(2)),
                to: Some(at(4)),
                ..all()
            },
            &[2],
            1,
        ),
        (
            JobQuery {
                with_calls: true,
                ..all()
            },
            &[3, 2],
            2,
        ),
        (
            JobQuery {
                with_calls: true,
                team: Some(TeamId::from_stored("team_1")),
                ..all()
            },
            &[2],
            1,
        ),
        (
            JobQuery {
                offset: 1,
                limit: 2,
                ..JobQuery::default()
            },
            &[3, 2],
            4,
        ),
    ]
}

#[tokio::test]
async fn jobs_are_listed_by_what_they_are_the_latest_first() {
    for backend in backends().await {
        let store = &*backend.store;
        filled(store).await;
        for (query, expected, count) in queries().into_iter().chain(further_queries()) {
            let (found, total) = store.jobs(&query).await.unwrap();
            let ids: Vec<_> = found.iter().map(|(job, _)| job.id).collect();
            let expected: Vec<_> = expected.iter().map(|number| id(*number)).collect();
            assert_eq!(
                (ids, total),
                (expected, count),
                "{} {query:?}",
                backend.name
            );
        }
        let (found, _) = store.jobs(&all()).await.unwrap();
        assert_eq!(found[0].1, Totals::default());
        let calls = store.job_calls(id(2)).await.unwrap();
        assert_eq!(found[2].1, Totals::of(&calls), "{}", backend.name);
        assert_eq!(found[2].1.repeated, 1);
    }
}

#[tokio::test]
async fn jobs_are_added_up() {
    let all = JobQuery::default();
    let mut seen = Vec::new();
    for backend in backends().await {
        let store = &*backend.store;
        assert!(store.job_sums(&all, JobBy::Kind).await.unwrap().is_empty());
        filled(store).await;
        let mut sums = Vec::new();
        for by in [
            JobBy::Nothing,
            JobBy::Kind,
            JobBy::Team,
            JobBy::Day,
            JobBy::Model,
        ] {
            sums.push(store.job_sums(&all, by).await.unwrap());
        }
        seen.push((backend.name, sums));
    }
    let (_, first) = &seen[0];
    let of = |sums: usize| {
        let sums = first[sums].iter();
        let line = sums.map(|sum| (&*sum.of, sum.jobs, sum.credits, sum.totals.calls));
        line.collect::<Vec<_>>()
    };
    assert_eq!(of(0), [("", 4, 4, 4)]);
    assert_eq!(of(1), [("other", 1, 0, 1), ("test", 3, 4, 3)]);
    assert_eq!(of(2), [("team_1", 3, 4, 3), ("team_2", 1, 0, 1)]);
    assert_eq!(of(3), [("0", 3, 4, 3), ("1", 1, 0, 1)]);
    assert_eq!(of(4), [("sim/x", 2, 0, 3), ("sim/y", 1, 0, 1)]);
    let whole = &first[0][0];
    assert_eq!((whole.completed, whole.failed, whole.open), (1, 0, 3));
    for (name, sums) in &seen {
        assert_eq!(sums, first, "{name}");
    }
}

#[tokio::test]
async fn what_nobody_ends_is_found() {
    for backend in backends().await {
        let store = &*backend.store;
        for number in 1..=3 {
            let mut new = job(number);
            new.single = number != 2;
            store.insert_job(&new).await.unwrap();
        }
        let ids = |jobs: Vec<Job>| jobs.into_iter().map(|job| job.id).collect::<Vec<_>>();
        let overdue = store.overdue_jobs(at(3), 9).await.unwrap();
        assert_eq!(ids(overdue), [id(1), id(2)], "{}", backend.name);
        let overdue = store.overdue_jobs(at(99), 1).await.unwrap();
        assert_eq!(ids(overdue), [id(1)]);
        assert!(store.begin_job_call(&call(10, 2), MOST).await.unwrap());
        let mut other = job(4);
        other.team = TeamId::from_stored("team_2");
        store.insert_job(&other).await.unwrap();
        let mut at_work = store.teams_with_open_jobs().await.unwrap();
        at_work.sort_unstable();
        let both = ["team_1", "team_2"].map(TeamId::from_stored);
        assert_eq!(at_work, both, "{}", backend.name);
        assert!(store.end_job(id(4), &end(State::Failed, 0)).await.unwrap());
        let at_work = store.teams_with_open_jobs().await.unwrap();
        assert_eq!(at_work, both[..1], "{}", backend.name);
        let left = store
            .close_job_calls(at(60), "it was stopped")
            .await
            .unwrap();
        assert_eq!(left, [id(1), id(3)], "{}", backend.name);
        let calls = store.job_calls(id(2)).await.unwrap();
        assert_eq!(calls[0].state, CallState::Failed);
        assert_eq!(calls[0].error.as_deref(), Some("it was stopped"));
    }
}
