//! Begins what goes on beside requests once more after a panic in it: a bug in one of these tasks
//! must not end it until somebody starts the process again.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// The pause after a panic, and the longest one: each is twice the one before.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A task that has gone on for so long begins with the shortest pause again.
const GOES_WELL: Duration = Duration::from_mins(10);

/// Lets a task go on until it ends by itself, as all of them do when `ended` is cancelled. After a
/// panic it is told in the log, and begun again.
pub(crate) async fn keep(
    task: &'static str,
    ended: CancellationToken,
    mut begin: impl AsyncFnMut(),
) {
    let mut pause = PAUSE;
    loop {
        let since = Instant::now();
        // What it leaves half done is what its next turn finds: none of these tasks keeps anything
        // for itself alone that it could not find again.
        if AssertUnwindSafe(begin()).catch_unwind().await.is_ok() {
            return;
        }
        if since.elapsed() >= GOES_WELL {
            pause = PAUSE;
        }
        if ended.is_cancelled() {
            tracing::error!(task, "a background task has panicked at its end");
            return;
        }
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::error!(
            task,
            pause_ms,
            "a background task has panicked: it begins again after a pause"
        );
        // The end cuts the pause short: some have something to write then.
        _ = timeout(pause, ended.cancelled()).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics at its first turns, then goes on until the end. Says when its turns began.
    async fn turns(panics: usize, ended: &CancellationToken) -> Vec<u64> {
        let start = Instant::now();
        let mut turns = Vec::new();
        keep("a test", ended.clone(), async || {
            turns.push(start.elapsed().as_secs());
            assert!(turns.len() > panics, "a bug");
            ended.cancelled().await;
        })
        .await;
        turns
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_once_is_begun_again() {
        let ended = CancellationToken::new();
        let end = async {
            tokio::time::sleep_until(Instant::now() + Duration::from_secs(30)).await;
            ended.cancel();
        };
        let (turns, ()) = tokio::join!(turns(1, &ended), end);
        assert_eq!(turns, [0, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_have_a_bound() {
        let ended = CancellationToken::new();
        let end = async {
            tokio::time::sleep_until(Instant::now() + Duration::from_secs(400)).await;
            ended.cancel();
        };
        let (turns, ()) = tokio::join!(turns(8, &ended), end);
        assert_eq!(turns, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_well_for_long_is_begun_again_as_soon_as_at_first() {
        let ended = CancellationToken::new();
        let start = Instant::now();
        let mut turns = Vec::new();
        keep("a test", ended.clone(), async || {
            turns.push(start.elapsed().as_secs());
            match turns.len() {
                1..=3 => panic!("a bug"),
                4 => {
                    tokio::time::sleep_until(Instant::now() + GOES_WELL).await;
                    panic!("a rare bug");
                }
                _ => {}
            }
        })
        .await;
        assert_eq!(turns, [0, 1, 3, 7, 608]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_cuts_a_pause_short_and_lets_the_task_end_in_its_way() {
        let ended = CancellationToken::new();
        let end = async {
            tokio::time::sleep_until(Instant::now() + Duration::from_secs(10)).await;
            ended.cancel();
        };
        let (turns, ()) = tokio::join!(turns(4, &ended), end);
        assert_eq!(turns, [0, 1, 3, 7, 10]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_at_the_end_holds_nobody_up() {
        let ended = CancellationToken::new();
        ended.cancel();
        assert_eq!(turns(9, &ended).await, [0]);
    }
}
