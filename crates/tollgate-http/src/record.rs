//! What happened to one request: exactly one outcome, written once to the metrics and the log.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_core::charge::can_be_true;
use tollgate_core::error::Failure;
use tollgate_core::format::Operation;
use tollgate_core::key::VirtualKey;
use tollgate_core::money::Money;
use tollgate_core::reply::{Answer, Piece, Usage};
use tollgate_engine::health::Permit;
use tollgate_engine::hold::{Ending, Hold};
use tollgate_engine::overload::Place;
use tollgate_engine::routes::{Route, RouteTarget};
use tollgate_engine::settle::Ticket;
use tollgate_engine::throttle::Pass;
use tollgate_engine::trail::Trail;
use tollgate_wire::formats;

use crate::gateway::Gateway;
use crate::request_id::RequestId;

/// The outcome of a request that was answered well.
const OK: &str = "ok";
/// The outcome of a request whose caller went away before the end.
const CLIENT_CLOSED: &str = "client_closed";

/// The record of a request under way. Dropping it unfinished means that the caller has gone:
/// whoever holds it is dropped by the server then.
pub(crate) struct Record {
    gateway: Arc<Gateway>,
    pub(crate) facts: Facts,
    /// The place at the target whose stream is on its way.
    pub(crate) permit: Option<Permit>,
    /// The place among the calls under way.
    pub(crate) place: Option<Place>,
    /// The right to it under the caller's limits.
    pub(crate) pass: Option<Box<Pass>>,
    /// What was set aside for it.
    pub(crate) hold: Option<Box<Hold>>,
    finished: bool,
}

/// What is known of a request.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) id: RequestId,
    pub(crate) surface: &'static str,
    pub(crate) begin: Instant,
    pub(crate) key: Option<Arc<VirtualKey>>,
    /// The model that was asked for.
    pub(crate) route: Option<Arc<Route>>,
    /// The target that answered.
    pub(crate) answered: Option<Arc<RouteTarget>>,
    pub(crate) stream: bool,
    /// 0 until an answer is decided.
    pub(crate) status: u16,
    /// A code of the catalogue, or one of the two outcomes above.
    pub(crate) code: &'static str,
    pub(crate) usage: Option<Usage>,
    /// About how many tokens of an answer have gone out, in sixteenths of a token.
    pub(crate) delivered: u64,
    /// What the caller pays, once that is known.
    pub(crate) cost: Option<Money>,
    /// The attempts that were made.
    pub(crate) trail: Trail,
    /// Whether the caller asked to be told of each of them.
    pub(crate) tells_trail: bool,
    /// From the request to the first byte of the answer, for streams.
    pub(crate) first_byte: Option<Duration>,
}

impl Record {
    pub(crate) fn begin(gateway: Arc<Gateway>, id: RequestId, surface: &'static str) -> Self {
        let facts = Facts {
            id,
            surface,
            begin: Instant::now(),
            key: None,
            route: None,
            answered: None,
            stream: false,
            status: 0,
            code: OK,
            usage: None,
            delivered: 0,
            cost: None,
            trail: Trail::default(),
            tells_trail: false,
            first_byte: None,
        };
        gateway.metrics.requests_open.inc();
        Self {
            gateway,
            facts,
            permit: None,
            place: None,
            pass: None,
            hold: None,
            finished: false,
        }
    }

    pub(crate) fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Notes a failure, and writes its cause to the log: the only place that does.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        if let Some(permit) = self.permit.take() {
            permit.fail(failure);
        }
        self.facts.code = failure.code.slug();
        if failure.cause.is_some() || failure.provider_text.is_some() {
            let id = self.facts.id.as_str();
            tracing::warn!(
                request_id = id,
                code = failure.code.slug(),
                provider_status = failure.provider_status,
                provider_text = failure.provider_text.as_deref(),
                cause = failure
                    .cause
                    .as_deref()
                    .map(|cause| tracing::field::display(Causes(cause))),
                "request failed"
            );
        }
    }

    /// Notes what a part of a stream showed.
    pub(crate) fn see(&mut self, piece: &Piece) {
        if piece.usage.is_some() {
            self.facts.usage = piece.usage;
        }
        self.facts.delivered += u64::from(piece.delivered);
    }

    /// Notes what a whole answer used. What it says is counted where its provider does not, or says
    /// what cannot be; to count tokens costs nothing.
    pub(crate) fn count(&mut self, operation: Operation, answer: &Answer) {
        self.facts.usage = match operation {
            Operation::CountTokens => Some(Usage::NONE),
            Operation::Chat | Operation::Embeddings => answer.usage,
        };
        if !self.facts.usage.as_ref().is_some_and(can_be_true) {
            self.facts.delivered = u64::from(formats::delivered(&answer.body));
        }
    }

    /// Settles what the call cost. Whoever sends the last byte of its answer waits for the ticket,
    /// if there is one. Once more it does nothing.
    pub(crate) fn settle(&mut self, whole: bool) -> Option<Ticket> {
        if let Some(mut pass) = self.pass.take() {
            let used = self.facts.usage;
            pass.settle(used.map(|usage| usage.prompt.saturating_add(usage.completion)));
        }
        let hold = self.hold.take()?;
        let (asked, answered) = (self.facts.route.as_ref()?, self.facts.answered.as_ref()?);
        let settled = hold.settle(&Ending {
            answered,
            asked,
            usage: self.facts.usage,
            delivered: self.facts.delivered.div_ceil(16),
            whole,
            request_id: self.facts.id.as_str(),
        });
        self.facts.cost = Some(settled.cost);
        settled.ticket
    }

    /// The request has come to its end.
    pub(crate) fn finish(mut self) {
        if let Some(permit) = self.permit.take() {
            permit.succeed(self.facts.usage);
        }
        self.write();
    }

    fn write(&mut self) {
        if !self.finished {
            self.finished = true;
            let duration = self.facts.begin.elapsed();
            self.gateway.metrics.requests_open.dec();
            self.gateway.metrics.record(&self.facts, duration);
            self.gateway
                .log
                .write(self.gateway.now(), &self.facts, duration);
            self.gateway.note_end();
        }
    }
}

impl Facts {
    /// Whether another model answered than the one that was asked for.
    pub(crate) fn fell_back(&self) -> bool {
        match (&self.route, &self.answered) {
            (Some(asked), Some(answered)) => {
                let mut targets = asked.targets.iter();
                !targets.any(|target| Arc::ptr_eq(target, answered))
            }
            _ => false,
        }
    }

    /// The model that answered, or was asked for.
    pub(crate) fn model(&self) -> Option<&Arc<str>> {
        let asked = self.route.as_ref().map(|route| &route.model);
        self.answered.as_ref().map(|target| &target.model).or(asked)
    }

    /// The name under which metrics count that model.
    pub(crate) fn label(&self) -> Option<&Arc<str>> {
        let asked = self.route.as_ref().map(|route| &route.label);
        self.answered.as_ref().map(|target| &target.label).or(asked)
    }

    /// The connection that answered, or was asked last, or would have been asked first.
    pub(crate) fn connection(&self) -> Option<&Arc<str>> {
        let asked = self.trail.under_way().last();
        let ended = || self.trail.last().map(|record| &record.connection);
        let last = || asked.map(|asked| &asked.connection).or_else(ended);
        let first = || {
            let first = self.route.as_ref()?.targets.first()?;
            Some(&first.target.connection)
        };
        let answered = self
            .answered
            .as_ref()
            .map(|target| &target.target.connection);
        answered.or_else(last).or_else(first)
    }
}

/// An error with what caused it: many say only what they were doing.
struct Causes<'a>(&'a (dyn Error + Send + Sync));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.0.to_string();
        formatter.write_str(&told)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            let text = error.to_string();
            // Some repeat their source.
            if !told.contains(&text) {
                write!(formatter, ": {text}")?;
                told = text;
            }
            next = error.source();
        }
        Ok(())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody waits for it any more.
            drop(self.settle(false));
            // A failure that was already noted stays the outcome: only its telling broke off.
            if self.facts.code == OK {
                self.facts.code = CLIENT_CLOSED;
            }
            self.write();
        }
    }
}
