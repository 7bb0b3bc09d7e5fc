//! A stream that others may read along with whoever asked for it. As long as nobody does, it comes
//! at the pace of its caller, as every other. From then on a task reads it, so that a caller who is
//! slow does not hold up the others: up to a bound it is kept for its caller meanwhile.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body::Frame;
use tokio_util::task::TaskTracker;
use tollgate_engine::cache::Joining;

use super::{EventBody, Next};

/// How many bytes the stream is ahead of whoever reads it fastest, at most.
const LEAD: usize = 64 * 1024;

/// The body of such a stream.
pub(crate) struct Leading(Arc<Shared>);

struct Shared {
    joining: Joining,
    tasks: TaskTracker,
    state: Mutex<State>,
}

enum State {
    /// Nobody reads it along. With how to wake the caller, if it waits.
    Alone(Box<EventBody>, Option<Waker>),
    /// A task reads it.
    Ahead(Ahead),
}

/// What the caller has not taken yet.
#[derive(Default)]
struct Ahead {
    parts: VecDeque<Bytes>,
    bytes: usize,
    /// Whether nothing more comes.
    is_over: bool,
    /// Whether that is not because of its end: the task broke off.
    is_broken: bool,
    /// Whether the caller has gone.
    is_left: bool,
    /// How many bytes may come before somebody has to have read everything.
    credit: usize,
    /// Whether the task waits until the caller takes more.
    waits: bool,
    /// How to wake the caller, if it waits.
    caller: Option<Waker>,
    /// How to wake the task.
    task: Option<Waker>,
}

/// What became of an attempt to read on.
enum Read {
    Part,
    Over,
    /// The caller has gone.
    Left,
}

impl Leading {
    /// As of now nobody has to read it along.
    pub(crate) fn new(events: Box<EventBody>, joining: Joining, tasks: TaskTracker) -> Self {
        let shared = Arc::new(Shared {
            joining,
            tasks,
            state: Mutex::new(State::Alone(events, None)),
        });
        let weak = Arc::downgrade(&shared);
        shared.joining.when_joined(move || {
            if let Some(shared) = weak.upgrade() {
                shared.go_ahead();
            }
        });
        Self(shared)
    }

    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Next {
        match &mut *self.0.state() {
            State::Alone(events, caller) => {
                let next = events.poll_frame(context);
                if next.is_pending() {
                    note(caller, context);
                }
                next
            }
            State::Ahead(ahead) => ahead.poll_part(context),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        match &*self.0.state() {
            State::Alone(events, _) => events.is_over(),
            State::Ahead(ahead) => ahead.is_over && !ahead.is_broken && ahead.parts.is_empty(),
        }
    }
}

impl Drop for Leading {
    fn drop(&mut self) {
        let left = Ahead {
            is_over: true,
            is_left: true,
            ..Ahead::default()
        };
        let before = std::mem::replace(&mut *self.0.state(), State::Ahead(left));
        // The events of a caller who was alone are dropped here, with nothing locked.
        if let State::Ahead(Ahead {
            task: Some(task), ..
        }) = before
        {
            task.wake();
        }
    }
}

impl Shared {
    /// From now on a task reads the stream.
    fn go_ahead(self: Arc<Self>) {
        let mut state = self.state();
        let events = match std::mem::replace(&mut *state, State::Ahead(Ahead::default())) {
            State::Alone(events, caller) if !events.is_over() => {
                caller.into_iter().for_each(Waker::wake);
                events
            }
            // Nothing more comes, or its caller has gone.
            other => {
                *state = other;
                return;
            }
        };
        drop(state);
        let reading = Reading(Arc::clone(&self));
        self.tasks.spawn(reading.read(events));
    }

    /// Takes the next part for the caller, once there is room for it.
    fn poll_read(&self, events: &mut EventBody, context: &mut Context<'_>) -> Poll<Read> {
        if let State::Ahead(ahead) = &mut *self.state() {
            if ahead.is_left {
                return Poll::Ready(Read::Left);
            }
            note(&mut ahead.task, context);
            ahead.waits = self.poll_room(ahead, context).is_pending();
            if ahead.waits {
                return Poll::Pending;
            }
        }
        let Poll::Ready(next) = events.poll_frame(context) else {
            return Poll::Pending;
        };
        let Some(Ok(part)) = next.map(|frame| frame.map(Frame::into_data)) else {
            return Poll::Ready(Read::Over);
        };
        if let (State::Ahead(ahead), Ok(part)) = (&mut *self.state(), part) {
            ahead.bytes += part.len();
            ahead.credit = ahead.credit.saturating_sub(part.len());
            ahead.parts.push_back(part);
            ahead.caller.take().into_iter().for_each(Waker::wake);
        }
        Poll::Ready(Read::Part)
    }

    /// The stream is read as fast as the fastest reads it, but for a little, and as long as not too
    /// much is kept for its caller. Of those who read it along each looks after itself.
    fn poll_room(&self, ahead: &mut Ahead, context: &Context<'_>) -> Poll<()> {
        let longest = self.joining.longest();
        if ahead.bytes >= longest {
            return Poll::Pending;
        }
        if ahead.credit == 0 {
            if !ahead.parts.is_empty() {
                ready!(self.joining.poll_wanted(context));
            }
            ahead.credit = LEAD.min(longest / 4).max(1);
        }
        Poll::Ready(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change under the lock is complete before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that reads. However it ends, its caller is told that nothing more comes, and whether
/// that is the end.
struct Reading(Arc<Shared>);

impl Reading {
    async fn read(self, mut events: Box<EventBody>) {
        loop {
            let reading = poll_fn(|context| self.0.poll_read(&mut events, context));
            match reading.await {
                Read::Part => {}
                Read::Over => break,
                // Dropping it goes on for those who read it along.
                Read::Left => return drop(events),
            }
        }
        if let State::Ahead(ahead) = &mut *self.0.state() {
            ahead.is_over = true;
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let State::Ahead(ahead) = &mut *self.0.state() {
            ahead.is_broken = !ahead.is_over;
            ahead.is_over = true;
            ahead.caller.take().into_iter().for_each(Waker::wake);
        }
    }
}

impl Ahead {
    fn poll_part(&mut self, context: &mut Context<'_>) -> Next {
        let Some(part) = self.parts.pop_front() else {
            if self.is_broken {
                // What would have cut the connection of a caller who reads alone cuts this one, too:
                // it must not look like the end. The hook has told of it where it happened.
                resume_unwind(Box::new("the task that reads a stream broke off"));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            note(&mut self.caller, context);
            return Poll::Pending;
        };
        self.bytes -= part.len();
        if std::mem::take(&mut self.waits) {
            self.task.take().into_iter().for_each(Waker::wake);
        }
        Poll::Ready(Some(Ok(Frame::data(part))))
    }
}

/// Notes whom to wake.
fn note(waker: &mut Option<Waker>, context: &Context<'_>) {
    match waker {
        Some(known) => known.clone_from(context.waker()),
        None => *waker = Some(context.waker().clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tollgate_core::error::dialect::{Dialect, StreamForm};
    use tollgate_core::reply::Piece;
    use tollgate_core::route::cache::CacheMode;
    use tollgate_engine::cache::{Found, Question, Reader, Settings, Source};

    use super::*;
    use crate::testing;

    const LONGEST: usize = 4000;
    const PART: usize = 100;
    const PARTS: usize = 200;

    /// A caller of a stream of so many parts, and somebody who reads it along from its beginning.
    async fn both(parts: usize) -> (Leading, Reader) {
        let mut record = testing::record().await;
        let cache = Arc::clone(&record.gateway().engine.cache);
        cache.set_settings(Settings {
            mode: CacheMode::On,
            size: 1 << 20,
            longest_answer: LONGEST,
            ..Settings::default()
        });
        let question = Question {
            key: [1; 32],
            generation: cache.generation(),
            reads: true,
            max_age: None,
            ttl: Duration::from_secs(10),
            stale: Duration::ZERO,
            patience: Duration::from_secs(10),
        };
        let Found::Miss(mut filling) = cache.find(&question).await else {
            panic!("nothing is kept");
        };
        filling.share(&testing::route().targets[0], "req-1");
        record.filling = Some(filling);
        let part = |number| {
            Ok(Piece {
                bytes: vec![b'a' + u8::try_from(number % 26).unwrap(); PART].into(),
                content: true,
                last: number + 1 == parts,
                ..Piece::default()
            })
        };
        let pieces = testing::silent_after((0..parts).map(part).collect());
        let form = (Dialect::OpenAi, StreamForm::Chunks);
        let events = Box::new(EventBody::new(pieces, record, form, false));
        let (joining, tasks) = events.joining().unwrap();
        let leading = Leading::new(events, joining, tasks);
        let Found::Hit(_, Source::Along(reader)) = cache.find(&question).await else {
            panic!("nothing to read along");
        };
        (leading, reader)
    }

    /// What there is to read, once everybody else has done what they can.
    async fn now<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        for _ in 0..20 {
            if let Poll::Ready(next) = poll_fn(|context| Poll::Ready(poll(context))).await {
                return Some(next);
            }
            tokio::task::yield_now().await;
        }
        None
    }

    async fn along(reader: &mut Reader) -> (Vec<u8>, bool) {
        let mut read = Vec::new();
        while let Some(next) = now(|context| reader.poll_next(context)).await {
            match next {
                Some(Ok(piece)) => read.extend_from_slice(&piece.bytes),
                Some(Err(failure)) => panic!("{failure}"),
                None => return (read, true),
            }
        }
        (read, false)
    }

    async fn led(leading: &mut Leading) -> Vec<u8> {
        let mut read = Vec::new();
        while let Some(Some(next)) = now(|context| leading.poll_frame(context)).await {
            read.extend_from_slice(&next.unwrap().into_data().unwrap());
        }
        assert!(leading.is_over());
        read
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_slow_caller_is_bounded_and_it_loses_nothing() {
        let (mut leading, mut reader) = both(PARTS).await;
        let (read, is_whole) = along(&mut reader).await;
        assert!(!is_whole);
        assert_eq!(read.len(), LONGEST, "so much waits for the caller");
        // As fast as the caller reads, it goes on for the other.
        let first = now(|context| leading.poll_frame(context)).await;
        let first = first.unwrap().unwrap().unwrap().into_data().unwrap();
        assert_eq!(along(&mut reader).await.0.len(), PART);
        drop(reader);
        let mut all = first.to_vec();
        all.extend(led(&mut leading).await);
        assert!(all.starts_with(&read));
        assert_eq!(all.len(), PARTS * PART);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_for_others_when_its_caller_has_gone() {
        for reads in [false, true] {
            // From then on nobody's pace counts, so that all of it has to be kept for the other.
            let (mut leading, mut reader) = both(LONGEST / PART).await;
            if reads {
                assert!(now(|context| leading.poll_frame(context)).await.is_some());
                along(&mut reader).await;
            }
            drop(leading);
            let (_, is_whole) = along(&mut reader).await;
            assert!(is_whole, "{reads}");
        }
    }

    /// A task that panics must not look like the end of the stream.
    #[tokio::test(start_paused = true)]
    async fn what_breaks_off_ahead_of_its_caller_does_not_look_whole() {
        let (mut leading, _reader) = both(3).await;
        let reading = Reading(Arc::clone(&leading.0));
        drop(reading);
        assert!(!leading.is_over());
        let read = AssertUnwindSafe(led(&mut leading)).catch_unwind().await;
        let why = read.unwrap_err();
        assert!(why.downcast_ref::<&str>().unwrap().contains("broke off"));
    }

    /// Nobody has read it along for long: it comes at the pace of its caller.
    #[tokio::test(start_paused = true)]
    async fn it_is_whole_for_its_caller_whoever_comes_and_goes() {
        let (mut leading, reader) = both(PARTS).await;
        drop(reader);
        assert_eq!(led(&mut leading).await.len(), PARTS * PART);
    }
}
