//! Going on with a stream that broke after it had begun: another target is given what was said as
//! the assistant's beginning. Off unless a model asks for it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::caller::Caller;
use futures_core::Stream;
use tokio::time::Instant;
use tollgate_core::call::{Call, Wishes};
use tollgate_core::error::{Failure, StreamMark};
use tollgate_core::reply::{Piece, Usage};
use tollgate_core::route::fallback::Class;
use tollgate_core::route::rules::Recovery;

use crate::attempt;
use crate::chat::Plan;
use crate::engine::Engine;
use crate::health::Permit;
use crate::port::{BoxFuture, Continuation, Delivery, PieceStream, Pieces, Reply};
use crate::routes::Route;
use crate::sync::Mutex;
use crate::trail::{Later, Trail};
use crate::walk::{Past, Walk};

/// Lets a stream go on elsewhere when it breaks, if its model wants that and its format can. The
/// permit then stays with the stream.
pub(crate) fn watch(
    walk: &Walk<'_>,
    permit: Permit,
    delivery: Delivery,
    trail: &Trail,
) -> (Delivery, Option<Permit>) {
    let wanted = walk.rules().recovery == Recovery::Continue;
    let left = walk.rules().attempts.saturating_sub(trail.len());
    let Reply::Stream(pieces) = delivery.reply else {
        return (delivery, Some(permit));
    };
    let plan = walk.plan;
    let watching = (wanted && left > 0).then(|| walk.engine.upstream.continuation(plan.call));
    let reply = match watching.flatten() {
        None => {
            let delivery = Delivery {
                reply: Reply::Stream(pieces),
                ..delivery
            };
            return (delivery, Some(permit));
        }
        Some(continuation) => Reply::Stream(Box::pin(Recovering {
            going: Going::Stream(pieces),
            permit: Some(permit),
            continuation,
            request: Arc::new(Request {
                engine: Arc::clone(walk.engine),
                caller: plan.caller.clone(),
                wishes: plan.wishes.clone(),
                id: plan.request_id.into(),
                route: Arc::clone(&plan.route),
                deadline: walk.deadline,
            }),
            spliced: false,
            usage: None,
            left,
            past: walk.past().clone(),
            asked: Arc::default(),
            later: Later::default(),
        })),
    };
    (Delivery { reply, ..delivery }, None)
}

/// What further attempts need to know of the request.
struct Request {
    engine: Arc<Engine>,
    caller: Caller,
    wishes: Wishes,
    id: Box<str>,
    route: Arc<Route>,
    deadline: Instant,
}

/// What further attempts came to, and what the request has met after them.
struct Continued {
    outcome: Result<(Permit, Delivery), Option<Failure>>,
    past: Past,
}

/// Where the stream stands.
enum Going {
    /// Parts come.
    Stream(Pieces),
    /// It broke, and another target is asked; with the failure that is told if none goes on.
    Asking(BoxFuture<'static, Continued>, Failure),
    /// It is over.
    Over,
}

/// A stream that goes on elsewhere when it breaks.
struct Recovering {
    going: Going,
    permit: Option<Permit>,
    continuation: Box<dyn Continuation>,
    request: Arc<Request>,
    /// Whether what comes is no longer the first stream.
    spliced: bool,
    /// What the target that streams said of its use.
    usage: Option<Usage>,
    /// How many attempts are left.
    left: u32,
    /// What was met so far: the targets that failed, those whose streams broke among them.
    past: Past,
    /// The attempts of the latest search for a target that goes on.
    asked: Arc<Mutex<Trail>>,
    /// What happened since the stream began.
    later: Later,
}

impl Recovering {
    /// A part of the stream on its way to the caller.
    fn give(&mut self, piece: Piece) -> Piece {
        // Before it becomes that of both streams: the target is charged with its own.
        self.usage = piece.usage.or(self.usage);
        let piece = if self.spliced {
            self.continuation.splice(piece)
        } else {
            piece
        };
        self.continuation.watch(&piece);
        if piece.last {
            self.going = Going::Over;
            if let Some(permit) = self.permit.take() {
                permit.succeed(self.usage);
            }
        }
        piece
    }

    /// The stream broke: asks elsewhere, if that may be done.
    fn break_off(&mut self, failure: Failure) -> Option<Failure> {
        self.later.break_off(failure.code);
        let permit = self.permit.take();
        if let Some(permit) = permit {
            self.past.break_off(&permit);
            permit.fail(&failure);
        }
        let helps = matches!(
            Class::of(failure.code),
            Some(Class::RateLimit | Class::Other)
        );
        let call = self.continuation.call().filter(|_| helps && self.left > 0);
        let Some(call) = call else {
            self.going = Going::Over;
            return Some(failure);
        };
        tracing::info!(
            request_id = &*self.request.id,
            code = failure.code.slug(),
            cause = failure.cause.as_deref().map(tracing::field::display),
            "a stream broke, another target is asked to go on with it"
        );
        let request = Arc::clone(&self.request);
        let tries = Tries {
            trail: Trail::default(),
            kept: Arc::clone(&self.asked),
        };
        let past = std::mem::take(&mut self.past);
        let asking = go_on(request, call, past, self.left, tries);
        self.going = Going::Asking(Box::pin(asking), failure);
        None
    }

    /// Takes over the attempts that were made to go on, when they are over.
    fn note_tries(&mut self) {
        let trail = std::mem::take(&mut *self.asked.lock());
        self.left = self.left.saturating_sub(trail.len());
        self.later.add(trail);
    }

    /// Further attempts have come to something.
    fn take_over(&mut self, continued: Continued, broken: Failure) -> Option<Failure> {
        self.note_tries();
        self.past = continued.past;
        if let Ok((permit, delivery)) = continued.outcome
            && let Reply::Stream(pieces) = delivery.reply
        {
            self.continuation.switch(&permit.aim().model);
            self.permit = Some(permit);
            self.spliced = true;
            self.usage = None;
            self.going = Going::Stream(pieces);
            return None;
        }
        // What broke the stream is the story; that nobody went on is in the log.
        self.going = Going::Over;
        Some(broken)
    }
}

/// The attempts of one search. However it ends, they are kept: the providers were asked even if
/// the caller hangs up meanwhile.
struct Tries {
    trail: Trail,
    kept: Arc<Mutex<Trail>>,
}

impl Drop for Tries {
    fn drop(&mut self) {
        *self.kept.lock() = std::mem::take(&mut self.trail);
    }
}

/// Asks other targets for the rest, by the rules of every request.
async fn go_on(
    request: Arc<Request>,
    call: Call,
    past: Past,
    left: u32,
    mut tries: Tries,
) -> Continued {
    let plan = Plan {
        caller: &request.caller,
        call: &call,
        wishes: &request.wishes,
        request_id: &request.id,
        route: Arc::clone(&request.route),
        hold: None,
    };
    let mut walk = Walk::resume(&request.engine, &plan, request.deadline, past, left);
    let outcome = attempt::until_answered(&mut walk, &mut tries.trail).await;
    Continued {
        outcome,
        past: walk.into_past(),
    }
}

impl Stream for Recovering {
    type Item = Result<Piece, Failure>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match std::mem::replace(&mut this.going, Going::Over) {
                Going::Over => return Poll::Ready(None),
                Going::Stream(mut pieces) => {
                    let polled = pieces.as_mut().poll_next(context);
                    this.going = Going::Stream(pieces);
                    match ready!(polled) {
                        Some(Ok(piece)) => return Poll::Ready(Some(Ok(this.give(piece)))),
                        Some(Err(failure)) => {
                            if let Some(failure) = this.break_off(failure) {
                                return Poll::Ready(Some(Err(failure)));
                            }
                        }
                        None => {
                            this.going = Going::Over;
                            return Poll::Ready(None);
                        }
                    }
                }
                Going::Asking(mut asking, failure) => match asking.as_mut().poll(context) {
                    Poll::Pending => {
                        this.going = Going::Asking(asking, failure);
                        return Poll::Pending;
                    }
                    Poll::Ready(continued) => {
                        if let Some(failure) = this.take_over(continued, failure) {
                            return Poll::Ready(Some(Err(failure)));
                        }
                    }
                },
            }
        }
    }
}

impl PieceStream for Recovering {
    fn mark(&self) -> Option<StreamMark> {
        match &self.going {
            Going::Stream(pieces) => pieces.mark(),
            Going::Asking(..) | Going::Over => None,
        }
    }

    fn later(self: Pin<&mut Self>) -> Later {
        let this = self.get_mut();
        if matches!(this.going, Going::Asking(..)) {
            this.going = Going::Over;
            this.note_tries();
        }
        std::mem::take(&mut this.later)
    }
}
