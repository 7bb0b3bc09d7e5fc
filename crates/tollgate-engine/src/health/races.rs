//! What many callers do to a target at the same time, on threads of the system.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tollgate_core::error::Code;
use tollgate_core::route::breaker::{State, Verdict};
use tollgate_core::route::story::Obstacle;
use tollgate_core::time::Moment;

use super::models::Subject;

const CALLERS: usize = 200;
const REPETITIONS: u64 = 1000;

/// Lets all callers come at each half-open moment of a target whose probes fail, so that the next
/// moment follows.
async fn race(probes: u32) {
    let (subject, _) = Subject::half_open(probes);
    let subject = Arc::new(subject);
    let passed = Arc::new(AtomicU32::new(0));
    let barrier = Arc::new(Barrier::new(CALLERS));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (subject, passed) = (Arc::clone(&subject), Arc::clone(&passed));
        let barrier = Arc::clone(&barrier);
        callers.spawn(async move {
            for repetition in 1..=REPETITIONS {
                // An hour is longer than any breaker stays open.
                let now = Moment::START.after(Duration::from_hours(repetition));
                barrier.wait().await;
                let pass = subject.enter(now);
                match pass {
                    Ok(pass) => {
                        assert!(pass.probe);
                        passed.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(obstacle) => assert_eq!(obstacle, Obstacle::Probing),
                }
                if barrier.wait().await.is_leader() {
                    assert_eq!(passed.swap(0, Ordering::SeqCst), probes, "{repetition}");
                }
                barrier.wait().await;
                if let Ok(pass) = pass {
                    subject.leave(now, pass, Verdict::Failed(Code::ProviderError));
                }
                if barrier.wait().await.is_leader() {
                    assert_eq!(subject.state(now), State::Open, "{repetition}");
                }
            }
        });
    }
    // A caller that fails leaves the others behind the barrier: the set ends them.
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_200_callers_at_the_half_open_moment_one_is_the_probe() {
    race(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_200_callers_at_the_half_open_moment_three_are_the_probes() {
    race(3).await;
}
