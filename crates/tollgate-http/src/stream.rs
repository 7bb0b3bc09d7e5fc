//! A provider's stream on its way to the caller: events as they come, a sign of life when it is
//! silent, and one error event in place of the terminator when it breaks.

mod leading;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tokio_util::task::TaskTracker;
use tollgate_core::error::dialect::{Dialect, StreamForm};
use tollgate_core::error::{Code, Failure};
use tollgate_engine::cache::Joining;
use tollgate_engine::fault;
use tollgate_engine::port::Pieces;
use tollgate_engine::settle::Ticket;
use tollgate_engine::trail::Later;

use crate::answer;
use crate::idempotency::Saving;
use crate::record::Record;
use crate::settlement;

pub(crate) use self::leading::Leading;

/// A sign of life for a stream that is silent, as its readers can take it; `None` where they die
/// of everything but answers.
const fn sign_of_life(form: StreamForm) -> Option<&'static [u8]> {
    match form {
        StreamForm::Chunks | StreamForm::Responses => Some(b": keep-alive\n\n"),
        StreamForm::Messages => Some(b"event: ping\ndata: {\"type\": \"ping\"}\n\n"),
        StreamForm::Gemini | StreamForm::GeminiArray { .. } => None,
    }
}

/// The body of a streaming answer. It exists only once the first content is there, so that a
/// sign of life can never leave before a failure could still become a status.
pub(crate) struct EventBody {
    /// Gone when the stream is over: the exchange with the provider ends at that moment.
    pieces: Option<Pieces>,
    /// Gone when the outcome is written.
    record: Option<Record>,
    dialect: Dialect,
    form: StreamForm,
    claude_code: bool,
    keep_alive: Duration,
    last_sent: Instant,
    silence: Option<Pin<Box<Sleep>>>,
    cut: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// The last part, while its settlement becomes durable.
    settling: Option<Box<Settling>>,
    /// Whether its caller has gone, and it goes on for those who read it along.
    is_left: bool,
}

/// The last part of a stream, and what it waits for.
struct Settling {
    bytes: Bytes,
    /// Gone when it is over.
    ticket: Option<Ticket>,
    patience: Pin<Box<Sleep>>,
    /// The call as it is noted in its job, and then the answer on its way to where it is kept, once
    /// it is settled.
    saving: Option<Saving>,
}

type Next = Poll<Option<Result<Frame<Bytes>, Infallible>>>;

impl EventBody {
    pub(crate) fn new(
        pieces: Pieces,
        record: Record,
        (dialect, form): (Dialect, StreamForm),
        claude_code: bool,
    ) -> Self {
        let keep_alive = record.gateway().settings().keep_alive;
        record.gateway().metrics.streams_open.inc();
        Self {
            pieces: Some(pieces),
            record: Some(record),
            dialect,
            form,
            claude_code,
            keep_alive,
            last_sent: Instant::now(),
            silence: None,
            cut: None,
            settling: None,
            is_left: false,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.pieces.is_none() && self.settling.is_none()
    }

    /// Where others may come to read it along: how to learn of that.
    pub(crate) fn joining(&self) -> Option<(Joining, TaskTracker)> {
        let record = self.record.as_ref()?;
        let joining = record.filling.as_ref()?.joining()?;
        Some((joining, record.gateway().tasks.clone()))
    }

    /// The record of the request, while it is open.
    pub(crate) fn record(&mut self) -> Option<&mut Record> {
        self.record.as_mut()
    }

    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Next {
        if self.settling.is_some() {
            return self.poll_settling(context);
        }
        loop {
            let Some(pieces) = &mut self.pieces else {
                return Poll::Ready(None);
            };
            // What is there is taken first: a timer must not beat data that a slow reader left.
            match pieces.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(piece))) => {
                    if let Some(record) = &mut self.record {
                        record.see(&piece);
                    }
                    if piece.last && self.settle(&piece.bytes) {
                        return self.poll_settling(context);
                    }
                    if !piece.bytes.is_empty() {
                        return self.send(piece.bytes);
                    }
                }
                Poll::Ready(Some(Err(failure))) => return self.fail(&failure),
                Poll::Ready(None) => {
                    let mut failure = Failure::gateway(Code::StreamInterrupted);
                    failure.stream = pieces.mark();
                    return self.fail(&failure);
                }
                Poll::Pending => return self.poll_waiting(context),
            }
        }
    }

    fn poll_waiting(&mut self, context: &mut Context<'_>) -> Next {
        if self.poll_cut(context).is_ready() {
            let mut failure = Failure::gateway(Code::Maintenance)
                .message("The gateway is shutting down. Send the request again.");
            failure.stream = self.pieces.as_ref().and_then(|pieces| pieces.mark());
            return self.fail(&failure);
        }
        let Some(sign) = sign_of_life(self.form) else {
            return Poll::Pending;
        };
        ready!(self.poll_silence(context));
        self.send(Bytes::from_static(sign))
    }

    fn poll_cut(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(record) = &self.record else {
            return Poll::Pending;
        };
        let token = &record.gateway().cut;
        self.cut
            .get_or_insert_with(|| Box::pin(token.clone().cancelled_owned()))
            .as_mut()
            .poll(context)
    }

    /// Ready when nothing was sent for the whole interval. One timer serves the whole stream: it
    /// is set anew only when it goes off, never for each event.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let keep_alive = self.keep_alive;
        let due = self.last_sent + keep_alive;
        let timer = self
            .silence
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        loop {
            ready!(timer.as_mut().poll(context));
            if Instant::now() >= due {
                timer.as_mut().reset(Instant::now() + keep_alive);
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
    }

    fn send(&mut self, bytes: Bytes) -> Next {
        if let StreamForm::GeminiArray { opened } = &mut self.form {
            *opened = true;
        }
        self.last_sent = Instant::now();
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn fail(&mut self, failure: &Failure) -> Next {
        let later = self.leave();
        let Some(mut record) = self.record.take() else {
            return Poll::Ready(None);
        };
        record.facts.trail.extend(later);
        if failure.code.is_of_provider() || failure.code == Code::StreamInterrupted {
            record.facts.trail.break_off(failure.code);
        }
        // Whoever reads a broken stream does not wait for what it cost.
        drop(record.settle(false));
        record.fail(failure);
        let gateway = Arc::clone(record.gateway());
        let settings = gateway.settings();
        let context = answer::context(
            &gateway,
            &record.facts.id,
            &settings.public_url,
            self.claude_code,
        );
        let event = self.dialect.event(failure, self.form, &context);
        finish(record);
        self.send(event.into())
    }

    /// Leaves the exchange with the provider. Gives what happened since it began.
    fn leave(&mut self) -> Later {
        let pieces = self.pieces.take();
        pieces.map_or_else(Later::default, |mut pieces| pieces.as_mut().later())
    }

    /// The stream has come to its end: settles it. Says whether the last part has to wait.
    fn settle(&mut self, last: &Bytes) -> bool {
        let ticket = self.record.as_mut().and_then(|record| record.settle(true));
        let waits =
            |record: &&Record| ticket.is_some() || record.replay.is_some() || record.job.is_some();
        let Some(record) = self.record.as_ref().filter(waits) else {
            self.end();
            return false;
        };
        fault::point("stream.settling");
        let end = Instant::now() + settlement::patience(record);
        if let Some(record) = &mut self.record {
            // A caller who goes away from here on finds it kept, and its job has had it.
            if let Some(recording) = &mut record.replay {
                recording.complete();
            }
            if let Some(job) = &mut record.job {
                job.complete();
            }
        }
        self.settling = Some(Box::new(Settling {
            bytes: last.clone(),
            ticket,
            patience: Box::pin(tokio::time::sleep_until(end)),
            saving: None,
        }));
        true
    }

    fn poll_settling(&mut self, context: &mut Context<'_>) -> Next {
        let Some(settling) = &mut self.settling else {
            return Poll::Ready(None);
        };
        if let Some(ticket) = &mut settling.ticket {
            if Pin::new(ticket).poll(context).is_pending() {
                ready!(settling.patience.as_mut().poll(context));
                let withheld = match (settling.ticket.take(), &mut self.record) {
                    (Some(ticket), Some(record)) => settlement::withhold(record, ticket),
                    _ => Ok(()),
                };
                if let Err(failure) = withheld {
                    self.settling = None;
                    return self.fail(&failure);
                }
            }
            settling.ticket = None;
        }
        loop {
            if let Some(saving) = &mut settling.saving {
                ready!(saving.as_mut().poll(context));
                settling.saving = None;
            }
            let Some(record) = &mut self.record else {
                break;
            };
            if let Some(job) = record.job.take() {
                settling.saving = Some(job.answered());
            } else if let Some(recording) = record.replay.take() {
                settling.saving = Some((*recording).keep(record.gateway()));
            } else {
                break;
            }
        }
        fault::point("stream.settled");
        let last = self.settling.take().map(|settling| settling.bytes);
        self.end();
        match last.filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => self.send(bytes),
            None => Poll::Ready(None),
        }
    }

    fn end(&mut self) {
        let later = self.leave();
        if let Some(mut record) = self.record.take() {
            if later.is_empty() {
                record.fill();
            } else {
                // Several models have said it.
                record.pass();
            }
            record.facts.trail.extend(later);
            finish(record);
        }
    }
}

fn finish(record: Record) {
    record.gateway().metrics.streams_open.dec();
    record.finish();
}

impl EventBody {
    /// Whether others read along what its caller leaves.
    fn goes_on(&self) -> bool {
        let record = self.record.as_ref();
        record.is_some_and(Record::is_read_along)
    }

    /// Goes on without its caller, as long as others read along. Who asked for it pays for it.
    fn go_on(&mut self) {
        let Some(mut record) = self.record.take() else {
            return;
        };
        record.leave();
        let gateway = Arc::clone(record.gateway());
        let rest = Self {
            pieces: self.pieces.take(),
            record: Some(record),
            dialect: self.dialect,
            form: self.form,
            claude_code: self.claude_code,
            keep_alive: self.keep_alive,
            last_sent: self.last_sent,
            silence: self.silence.take(),
            cut: self.cut.take(),
            settling: self.settling.take(),
            is_left: true,
        };
        gateway.tasks.spawn(rest.read_out());
    }

    async fn read_out(mut self) {
        while self.goes_on() {
            let next = poll_fn(|context| self.poll_frame(context));
            if next.await.is_none() {
                return;
            }
        }
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        if !self.is_left && self.goes_on() {
            return self.go_on();
        }
        let later = self.leave();
        if let Some(record) = &mut self.record {
            record.facts.trail.extend(later);
            record.gateway().metrics.streams_open.dec();
        }
    }
}

#[cfg(test)]
mod tests;
