//! A provider that does as a test says, on whatever clock the test runs.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure, StreamMark};
use tollgate_core::reply::{Answer, Piece, Usage};

use crate::port::{
    Attempt, BoxFuture, Continuation, Delivery, Insight, PieceStream, Reply, Upstream, Want,
};

/// What a scripted provider does with one attempt.
pub enum Act {
    /// Answers after a time.
    Answer(Duration),
    /// Is not asked: the gateway answers itself.
    Estimate,
    /// Fails after a time.
    Fail(Duration, Failure),
    /// Begins a stream after a time, then gives the rest of it.
    Stream(Duration, Vec<Scene>),
}

/// What happens in a scripted stream, after a time.
pub enum Scene {
    /// A part comes.
    Piece(Duration, Piece),
    /// It breaks.
    Break(Duration, Failure),
}

/// An attempt that reached the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The connection.
    pub connection: Arc<str>,
    /// The model there.
    pub model: Arc<str>,
    /// The id of the request.
    pub request_id: Box<str>,
    /// Whether it came without the state in the request.
    pub bare: bool,
    /// When it came.
    pub at: Instant,
}

type Rule = dyn Fn(&Attempt<'_>) -> Act + Send + Sync;
type Ear = dyn Fn(&Attempt<'_>, &Failure) + Send + Sync;
type Continue = dyn Fn() -> Box<dyn Continuation> + Send + Sync;
type CheckRule = dyn Fn(&str) -> Result<(), Failure> + Send + Sync;

/// A provider that does as it is told. It keeps the bounds that a real exchange keeps: the
/// request's deadline, and the time until the first byte of a stream or until an answer.
pub struct Script {
    rule: Box<Rule>,
    check: Box<CheckRule>,
    ear: Box<Ear>,
    continuation: Option<Box<Continue>>,
    insight: Insight,
    seen: Mutex<Vec<Seen>>,
    open: Arc<Mutex<usize>>,
}

impl Script {
    /// A provider with this rule.
    pub fn new(rule: impl Fn(&Attempt<'_>) -> Act + Send + Sync + 'static) -> Self {
        Self {
            rule: Box::new(rule),
            check: Box::new(|_| Ok(())),
            ear: Box::new(|_, _| ()),
            continuation: None,
            insight: Insight::default(),
            seen: Mutex::default(),
            open: Arc::default(),
        }
    }

    /// With this rule for active checks.
    #[must_use]
    pub fn checked(
        mut self,
        check: impl Fn(&str) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        self.check = Box::new(check);
        self
    }

    /// With somebody who hears of every failure that the gateway is told.
    #[must_use]
    pub fn heard(mut self, ear: impl Fn(&Attempt<'_>, &Failure) + Send + Sync + 'static) -> Self {
        self.ear = Box::new(ear);
        self
    }

    /// With a way to go on with streams that break.
    #[must_use]
    pub fn continued(
        mut self,
        continuation: impl Fn() -> Box<dyn Continuation> + Send + Sync + 'static,
    ) -> Self {
        self.continuation = Some(Box::new(continuation));
        self
    }

    /// With this insight into every call.
    #[must_use]
    pub fn insight(mut self, insight: Insight) -> Self {
        self.insight = insight;
        self
    }

    /// The attempts that reached it, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many exchanges are under way.
    pub fn open(&self) -> usize {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, attempt: &Attempt<'_>) {
        let seen = Seen {
            connection: Arc::clone(&attempt.target.connection),
            model: Arc::clone(&attempt.target.model),
            request_id: attempt.request_id.into(),
            bare: attempt.bare,
            at: Instant::now(),
        };
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen);
    }
}

/// Counts an exchange while it is under way.
struct Under(Arc<Mutex<usize>>);

impl Under {
    fn way(open: &Arc<Mutex<usize>>) -> Self {
        *open.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(Arc::clone(open))
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

impl Upstream for Script {
    fn send<'a>(&'a self, attempt: Attempt<'a>) -> BoxFuture<'a, Result<Delivery, Failure>> {
        Box::pin(async move {
            self.note(&attempt);
            let under = Under::way(&self.open);
            let own = if attempt.call.stream {
                attempt.timeouts.first_byte
            } else {
                attempt.timeouts.answer
            };
            let whole = if attempt.call.stream {
                attempt.begin_by
            } else {
                attempt.deadline
            };
            let until = whole.min(Instant::now() + own);
            let (wait, outcome) = match (self.rule)(&attempt) {
                Act::Estimate => {
                    return Ok(Delivery {
                        estimated: true,
                        ..delivery(Reply::Answer(answer()))
                    });
                }
                Act::Answer(wait) => (wait, Ok(Reply::Answer(answer()))),
                Act::Fail(wait, failure) => (wait, Err(failure)),
                Act::Stream(wait, scenes) => (wait, Ok(stream(scenes, under))),
            };
            match timeout_at(until, sleep_until(Instant::now() + wait)).await {
                Ok(()) => outcome
                    .map(delivery)
                    .inspect_err(|failure| (self.ear)(&attempt, failure)),
                Err(_) => Err(late(until == whole, attempt.call.stream)),
            }
        })
    }

    fn may_take_bare(&self, _: &Attempt<'_>, failure: &Failure) -> bool {
        failure.provider_code.as_deref() == Some("foreign_state")
    }

    fn read(&self, _: &Call, _: Want) -> Insight {
        self.insight.clone()
    }

    fn check<'a>(
        &'a self,
        connection: &'a str,
        _: Option<&'a str>,
        _: Duration,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { (self.check)(connection) })
    }

    fn continuation(&self, _: &Call) -> Option<Box<dyn Continuation>> {
        self.continuation.as_ref().map(|make| make())
    }
}

fn late(whole: bool, stream: bool) -> Failure {
    let mut failure = Failure::provider(Code::ProviderTimeout, "scripted");
    failure.exchange = Some(match (whole, stream) {
        (true, _) => "deadline",
        (false, true) => "first_byte_timeout",
        (false, false) => "answer_timeout",
    });
    failure
}

fn answer() -> Answer {
    Answer {
        body: Bytes::from_static(b"{}"),
        usage: Some(Usage {
            prompt: 10,
            completion: 10,
            ..Usage::default()
        }),
        finish: None,
    }
}

fn delivery(reply: Reply) -> Delivery {
    Delivery {
        reply,
        provider_request_id: None,
        lost: Vec::new(),
        estimated: false,
    }
}

fn stream(scenes: Vec<Scene>, under: Under) -> Reply {
    Reply::Stream(Box::pin(Play {
        scenes: scenes.into(),
        timer: None,
        _under: under,
    }))
}

struct Play {
    scenes: VecDeque<Scene>,
    timer: Option<Pin<Box<Sleep>>>,
    _under: Under,
}

impl Stream for Play {
    type Item = Result<Piece, Failure>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(Scene::Piece(wait, _) | Scene::Break(wait, _)) = this.scenes.front() else {
            return Poll::Ready(None);
        };
        let timer = this
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + *wait)));
        ready!(timer.as_mut().poll(context));
        this.timer = None;
        Poll::Ready(this.scenes.pop_front().map(|scene| match scene {
            Scene::Piece(_, piece) => Ok(piece),
            Scene::Break(_, failure) => Err(failure),
        }))
    }
}

impl PieceStream for Play {
    fn mark(&self) -> Option<StreamMark> {
        None
    }
}
