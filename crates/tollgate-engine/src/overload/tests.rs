use std::collections::BTreeSet;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::*;

fn guard(parallel: u32) -> Arc<Overload> {
    let overload = Arc::new(Overload::default());
    overload.set_rules(Rules {
        parallel: Some(parallel),
        ..Rules::NONE
    });
    overload
}

/// Takes as many places as there are.
fn fill(overload: &Arc<Overload>, priority: Priority) -> Vec<Place> {
    std::iter::from_fn(|| overload.enter(priority).ok()).collect()
}

#[test]
fn without_rules_nobody_is_shed() {
    let overload = Arc::new(Overload::default());
    let places: Vec<_> = (0..10_000)
        .map(|_| overload.enter(Priority::Low).unwrap())
        .collect();
    assert_eq!(overload.reading().under_way, 10_000);
    assert_eq!(overload.reading().limit, None);
    drop(places);
    assert_eq!(overload.reading().under_way, 0);
}

#[test]
fn lower_priorities_are_shed_first() {
    let overload = guard(100);
    let low = fill(&overload, Priority::Low);
    let normal = fill(&overload, Priority::Normal);
    let high = fill(&overload, Priority::High);
    assert_eq!([low.len(), normal.len(), high.len()], [80, 15, 5]);
    assert!(overload.enter(Priority::Low).is_err());
    let reading = overload.reading();
    assert_eq!((reading.under_way, reading.limit), (100, Some(100)));
    let shed = [
        (Priority::Low, 2),
        (Priority::Normal, 1),
        (Priority::High, 1),
    ];
    assert_eq!(reading.shed, shed);
    drop((normal, high));
    assert!(overload.enter(Priority::Low).is_err());
    drop(low);
    assert!(overload.enter(Priority::Low).is_ok());
}

#[test]
fn a_shed_caller_is_told_what_to_do_and_when() {
    let overload = guard(0);
    let mut waits = BTreeSet::new();
    for priority in Priority::ALL {
        for _ in 0..100 {
            let failure = overload.enter(*priority).unwrap_err();
            assert_eq!(failure.code, Code::Overloaded);
            waits.insert(failure.retry_after.unwrap());
            let message = failure.message.clone().unwrap();
            assert!(message.contains("Wait 2 seconds"), "{message}");
            assert_eq!(message.contains("low priority"), *priority == Priority::Low);
        }
    }
    assert!(*waits.first().unwrap() >= Duration::from_secs(1));
    assert!(*waits.last().unwrap() < Duration::from_secs(2));
    assert!(waits.len() > 80, "{} different waits", waits.len());
}

#[test]
fn other_rules_hold_at_once() {
    let overload = guard(0);
    assert!(overload.enter(Priority::High).is_err());
    overload.set_rules(Rules::NONE);
    assert!(overload.enter(Priority::Low).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_more_than_the_limit_are_under_way() {
    let overload = guard(10);
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let overload = Arc::clone(&overload);
        tasks.spawn(async move {
            for _ in 0..500 {
                let place = overload.enter(Priority::High);
                assert!(overload.reading().under_way <= 10);
                tokio::task::yield_now().await;
                drop(place);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!(overload.reading().under_way, 0);
}

/// Runs `watch` beside what is done by `work`.
async fn watched(overload: &Arc<Overload>, work: impl Future<Output = ()>) {
    let (end, ended) = oneshot::channel::<()>();
    let watch = Arc::clone(overload).watch(async move {
        _ = ended.await;
    });
    tokio::join!(watch, async {
        work.await;
        drop(end);
    });
}

/// A process that is kept busy for this long between two moments at which it can do anything else.
async fn busy(times: usize, each: Duration) {
    for _ in 0..times {
        tokio::time::advance(each).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_late_sheds_until_it_is_in_time_again() {
    let overload = Arc::new(Overload::default());
    overload.set_rules(Rules::default());
    let places: Vec<_> = (0..1000)
        .map(|_| overload.enter(Priority::Normal).unwrap())
        .collect();
    watched(&overload, async {
        busy(30, Duration::from_millis(1)).await;
        assert_eq!(overload.reading().limit, None);

        busy(20, Duration::from_millis(500)).await;
        let reading = overload.reading();
        assert!(reading.lag > Duration::from_millis(400), "{reading:?}");
        assert!(reading.limit.unwrap() < 500, "{reading:?}");
        assert!(overload.enter(Priority::High).is_err());

        drop(places);
        busy(10_000, Duration::from_millis(1)).await;
        let reading = overload.reading();
        assert!(reading.lag < Duration::from_millis(5), "{reading:?}");
        assert_eq!(reading.limit, None);
        assert!(overload.enter(Priority::Low).is_ok());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn watching_ends_when_it_is_told_to() {
    let overload = Arc::new(Overload::default());
    let ended = tokio::time::timeout(
        Duration::from_secs(1),
        overload.watch(std::future::ready(())),
    );
    assert!(ended.await.is_ok());
}
