//! A stream on its way from a provider to a caller: what each read brings is given on at once, and
//! silence, cuts and wrong ends become failures.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, Sleep};
use tollgate_core::error::{Failure, StreamMark};
use tollgate_core::reply::{Piece, Usage};
use tollgate_engine::port::PieceStream;
use tollgate_wire::formats;
use tollgate_wire::openai::stream::ChatStream;
use tollgate_wire::stream::{Fed, Flow, StreamProblem};

use crate::exchange::Limit;
use crate::fault::{Broken, Fault, Stage};
use crate::judge::Judge;
use crate::lane::Inflow;

/// How much may come before the first content.
const PREAMBLE: usize = 1024 * 1024;

/// The bounds of a stream. There is one timer; it is set anew only when it fires and something
/// was heard since.
pub(crate) struct Timing {
    /// Set to fire at `limit`.
    pub(crate) timer: Pin<Box<Sleep>>,
    /// Until the first content.
    pub(crate) limit: Limit,
    /// The longest silence after that.
    pub(crate) idle: Duration,
    /// Until the end.
    pub(crate) deadline: Instant,
}

/// How a stream reaches the caller.
pub(crate) enum Course {
    /// Within `OpenAI`'s chat format, the one that most streams have: no pointer between.
    Chat(ChatStream),
    /// Within another format, or from one into another.
    Other(Box<dyn Flow>),
}

impl Course {
    fn feed(&mut self, chunk: Bytes) -> Fed {
        match self {
            Self::Chat(stream) => stream.feed(chunk),
            Self::Other(flow) => flow.feed(chunk),
        }
    }

    fn end(&mut self) -> Fed {
        match self {
            Self::Chat(stream) => stream.end(),
            Self::Other(flow) => flow.end(),
        }
    }

    fn mark(&self) -> Option<StreamMark> {
        match self {
            Self::Chat(_) => None,
            Self::Other(flow) => flow.mark(),
        }
    }
}

/// A stream of a provider. Dropping it ends the exchange at once.
pub(crate) struct Relay {
    judge: Judge,
    /// `None` when nothing more will come.
    inflow: Option<Inflow>,
    stream: Course,
    timing: Timing,
    stage: Stage,
    /// When anything came last, comments included.
    heard: Instant,
    /// What the provider has said of its use.
    usage: Option<Usage>,
    /// What came up to the first content.
    early: VecDeque<Piece>,
    /// What follows after the last good piece.
    failure: Option<Failure>,
}

impl Relay {
    /// A stream whose head has come.
    pub(crate) fn new(judge: Judge, stream: Course, inflow: Inflow, timing: Timing) -> Self {
        Self {
            judge,
            inflow: Some(inflow),
            stream,
            timing,
            stage: Stage::Before,
            heard: Instant::now(),
            usage: None,
            early: VecDeque::new(),
            failure: None,
        }
    }

    /// Waits for the first piece with content. Until then a failure can still become a status.
    pub(crate) async fn begin(&mut self) -> Result<(), Failure> {
        let mut size = 0;
        loop {
            let Some(piece) = std::future::poll_fn(|cx| self.poll_piece(cx)).await else {
                break;
            };
            let piece = piece?;
            size += piece.bytes.len();
            let has_begun = piece.content || piece.last;
            self.early.push_back(piece);
            if has_begun {
                break;
            }
            if size > PREAMBLE {
                let broken = Broken::invalid("The provider's stream does not come to its content.");
                return Err(self.broken(broken));
            }
        }
        self.stage = Stage::Begun;
        let Timing {
            timer,
            idle,
            deadline,
            ..
        } = &mut self.timing;
        timer.as_mut().reset((self.heard + *idle).min(*deadline));
        Ok(())
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece, Failure>>> {
        if let Some(failure) = self.failure.take() {
            return Poll::Ready(Some(Err(failure)));
        }
        loop {
            let Some(inflow) = &mut self.inflow else {
                return Poll::Ready(None);
            };
            // What is there is taken before time counts: a caller who reads slowly must not make
            // a lively provider look silent.
            let fed = match inflow.poll_data(cx) {
                Poll::Pending => return self.poll_timer(cx).map(Some),
                Poll::Ready(Some(Ok(data))) => {
                    self.heard = Instant::now();
                    self.stream.feed(data)
                }
                Poll::Ready(Some(Err(broken))) => {
                    return Poll::Ready(Some(Err(self.broken(broken))));
                }
                Poll::Ready(None) => self.end(),
            };
            if let Some(piece) = self.take(fed) {
                return Poll::Ready(Some(piece));
            }
        }
    }

    /// The body has ended in order.
    fn end(&mut self) -> Fed {
        let fed = self.stream.end();
        if let (true, Some(inflow)) = (fed.piece.last, self.inflow.take()) {
            inflow.release();
        }
        fed
    }

    /// What a fed part of the stream gives to the caller, if anything.
    fn take(&mut self, fed: Fed) -> Option<Result<Piece, Failure>> {
        let Fed { piece, problem } = fed;
        self.usage = piece.usage.or(self.usage);
        if let Some(problem) = problem {
            let failure = self.failed(problem);
            self.inflow = None;
            if is_empty(&piece) {
                return Some(Err(failure));
            }
            self.failure = Some(failure);
        } else if piece.last {
            // The end of the body mostly came in the same read. If not, it is awaited in the
            // pool, not here: the caller gets the last piece now.
            if let Some(inflow) = self.inflow.take() {
                inflow.release();
            }
        }
        (!is_empty(&piece)).then_some(Ok(piece))
    }

    /// What a problem within the stream amounts to. Errors that the provider sends keep their
    /// own code; an event that cannot be read is an invalid answer; only an end without a reason
    /// is an interruption.
    fn failed(&mut self, problem: StreamProblem) -> Failure {
        let sentence = match problem {
            StreamProblem::Error { json } => {
                self.inflow = None;
                let mut failure = self
                    .judge
                    .error(StatusCode::OK, &HeaderMap::new(), &json, true);
                failure.stream = self.stream.mark();
                failure.usage = formats::reported(self.judge.format, &json).or(self.usage);
                return failure;
            }
            StreamProblem::Truncated => return self.broken(Fault::NoTerminator.into()),
            StreamProblem::Malformed(_) => {
                "The provider's stream holds an event that cannot be read."
            }
            StreamProblem::TooLarge(_) => "The provider's stream holds an event that is too large.",
        };
        self.broken(Broken {
            cause: Some(problem.into()),
            ..Broken::invalid(sentence)
        })
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Failure>> {
        loop {
            ready!(self.timing.timer.as_mut().poll(cx));
            let now = Instant::now();
            let due = self.heard + self.timing.idle;
            let fault = match self.stage {
                Stage::Before => self.timing.limit.fault,
                Stage::Begun if now >= self.timing.deadline => Fault::Deadline,
                Stage::Begun if now >= due => Fault::Stalled,
                Stage::Begun => {
                    self.timing
                        .timer
                        .as_mut()
                        .reset(due.min(self.timing.deadline));
                    continue;
                }
            };
            return Poll::Ready(Err(self.broken(fault.into())));
        }
    }

    /// Ends the exchange with a failure.
    fn broken(&mut self, broken: Broken) -> Failure {
        self.inflow = None;
        let mut failure = broken.failure(self.judge.connection.settings.provider, self.stage);
        failure.stream = self.stream.mark();
        failure.usage = self.usage;
        failure
    }
}

impl Stream for Relay {
    type Item = Result<Piece, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        match this.early.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(piece))),
            None => this.poll_piece(cx),
        }
    }
}

impl PieceStream for Relay {
    fn mark(&self) -> Option<StreamMark> {
        self.stream.mark()
    }
}

/// Whether a piece neither says nor tells anything.
fn is_empty(piece: &Piece) -> bool {
    piece.bytes.is_empty()
        && !piece.content
        && !piece.last
        && piece.usage.is_none()
        && piece.finish.is_none()
        && piece.delivered == 0
}
