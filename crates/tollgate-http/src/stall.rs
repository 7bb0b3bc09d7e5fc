//! Requests of one connection of HTTP/2: how many are open, and answers that their caller does
//! not take in. Such a caller reads from the connection but gives no window, so that no write
//! ever blocks; the answer would wait for ever, and with it the exchange with the provider.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::{Instant, Sleep};
use tokio_util::task::TaskTracker;

/// How far one answer is taken in.
#[derive(Default)]
pub(crate) struct Taken {
    /// How many parts were handed over.
    parts: AtomicU32,
    /// The number of the part that waits to be taken; 0 while the answer itself has none.
    waiting: AtomicU32,
}

impl Taken {
    /// A part was handed over. The next one is asked for only when this one has left.
    pub(crate) fn hand_over(&self) {
        let before = self.parts.fetch_add(1, Ordering::Relaxed);
        // 0 has a meaning of its own, also after very many parts.
        let number = before.wrapping_add(1).max(1);
        self.waiting.store(number, Ordering::Relaxed);
    }

    /// All that was handed over was taken.
    pub(crate) fn catch_up(&self) {
        self.waiting.store(0, Ordering::Relaxed);
    }
}

/// The requests of a connection.
pub(crate) struct Streams {
    tasks: TaskTracker,
    /// The longest time that a caller may not take in a part of an answer.
    patience: Duration,
    open: AtomicUsize,
    begun: AtomicUsize,
    /// What the service made for the task that the library is about to start.
    next: Mutex<Option<Arc<Taken>>>,
}

impl Streams {
    pub(crate) fn new(tasks: TaskTracker, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            tasks,
            patience,
            open: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            next: Mutex::new(None),
        })
    }

    /// A request has come. The library calls the service and starts its task one after the other.
    pub(crate) fn begin(&self) -> Arc<Taken> {
        let taken = Arc::new(Taken::default());
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&taken));
        taken
    }

    /// Whether no request is open, and none has come since `seen` was noted here.
    pub(crate) fn was_idle_since(&self, seen: &mut usize) -> bool {
        let begun = self.begun.load(Ordering::Acquire);
        let before = std::mem::replace(seen, begun);
        begun == before && self.open.load(Ordering::Acquire) == 0
    }
}

/// Runs the tasks of a connection where they are counted and bounded.
#[derive(Clone)]
pub(crate) struct Owned(pub(crate) Arc<Streams>);

impl<F> Executor<F> for Owned
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        let next = &self.0.next;
        let taken = next.lock().unwrap_or_else(PoisonError::into_inner).take();
        match taken {
            Some(taken) => {
                let open = Open::new(Arc::clone(&self.0));
                self.0.tasks.spawn(async move {
                    until_stalled(task, &taken, open.0.patience).await;
                    drop(open);
                });
            }
            None => {
                self.0.tasks.spawn(task);
            }
        }
    }
}

struct Open(Arc<Streams>);

impl Open {
    fn new(streams: Arc<Streams>) -> Self {
        streams.begun.fetch_add(1, Ordering::AcqRel);
        streams.open.fetch_add(1, Ordering::AcqRel);
        Self(streams)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Runs the task until it ends, or until a part of its answer was not taken for so long. Dropping
/// the task resets the stream, leaves the provider and writes the record.
async fn until_stalled(task: impl Future, taken: &Taken, patience: Duration) {
    tokio::pin!(task);
    let mut stalled: Option<(u32, Pin<Box<Sleep>>)> = None;
    std::future::poll_fn(|context| {
        if task.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let waiting = taken.waiting.load(Ordering::Relaxed);
        if waiting == 0 {
            stalled = None;
            return Poll::Pending;
        }
        let due = Instant::now() + patience;
        let (number, timer) =
            stalled.get_or_insert_with(|| (waiting, Box::pin(tokio::time::sleep_until(due))));
        if *number != waiting {
            *number = waiting;
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(context)
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_part_that_is_not_taken_ends_a_task() {
        let patience = Duration::from_secs(30);
        let taken = Taken::default();
        let begin = Instant::now();
        let task = async {
            // The provider is silent for long.
            tokio::time::sleep_until(begin + 10 * patience).await;
            for _ in 1..10 {
                taken.hand_over();
                tokio::time::sleep_until(Instant::now() + patience / 2).await;
            }
            taken.catch_up();
            tokio::time::sleep_until(Instant::now() + 10 * patience).await;
            taken.hand_over();
            std::future::pending::<()>().await;
        };
        until_stalled(task, &taken, patience).await;
        assert_eq!(begin.elapsed().as_secs(), (30 * 10 * 2) + (15 * 9) + 30);
    }

    #[tokio::test]
    async fn a_connection_is_idle_only_without_requests() {
        let streams = Streams::new(TaskTracker::new(), Duration::from_secs(1));
        let mut seen = 0;
        assert!(streams.was_idle_since(&mut seen));
        drop(streams.begin());
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        Owned(Arc::clone(&streams)).execute(async { ended.await.ok() });
        assert!(!streams.was_idle_since(&mut seen), "it is open");
        assert!(!streams.was_idle_since(&mut seen), "it is still open");
        end.send(()).unwrap();
        streams.tasks.close();
        streams.tasks.wait().await;
        assert!(streams.was_idle_since(&mut seen));
        Owned(Arc::clone(&streams)).execute(async {});
        assert!(streams.was_idle_since(&mut seen), "not a request");
    }
}
