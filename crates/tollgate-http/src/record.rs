//! What happened to one request: exactly one outcome, written once to the metrics and the log.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tollgate_core::call::Call;
use tollgate_core::charge::can_be_true;
use tollgate_core::error::Failure;
use tollgate_core::key::VirtualKey;
use tollgate_core::money::Money;
use tollgate_core::reply::{Answer, Piece, Usage};
use tollgate_engine::cache::Filling;
use tollgate_engine::caller::Caller;
use tollgate_engine::chat::{self, Served};
use tollgate_engine::health::Permit;
use tollgate_engine::hold::{Ending, Hold, Warning};
use tollgate_engine::overload::Place;
use tollgate_engine::port::Reply;
use tollgate_engine::routes::{Route, RouteTarget};
use tollgate_engine::settle::Ticket;
use tollgate_engine::throttle::{Pass, Standings, Visitor};
use tollgate_engine::trail::Trail;
use tollgate_wire::formats;

use crate::cache::Cached;
use crate::gateway::Gateway;
use crate::idempotency::Recording;
use crate::log_row::{self, Texts};
use crate::request_id::RequestId;
use crate::surface::jobs::Tail;

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
    /// Whoever was let in from its address.
    pub(crate) visitor: Visitor,
    /// The right to it under the caller's limits.
    pub(crate) pass: Option<Box<Pass>>,
    /// What was set aside for it.
    pub(crate) hold: Option<Box<Hold>>,
    /// What was asked, while it may have to be counted: where somebody pays, and the provider has
    /// not told what was used.
    call: Option<Box<Call>>,
    /// The call of a job that it is.
    pub(crate) job: Option<Box<Tail>>,
    /// Its answer as it is kept, where it has an idempotency key.
    pub(crate) replay: Option<Box<Recording>>,
    /// Its answer on its way into the cache.
    pub(crate) filling: Option<Box<Filling>>,
    finished: bool,
}

/// What a caller has to be warned of.
#[derive(Clone, Debug)]
pub(crate) struct Warnings {
    /// A budget that is nearly spent.
    pub(crate) budget: Option<Warning>,
    /// What a wallet holds that holds little.
    pub(crate) balance: Option<Money>,
}

/// What is known of a request.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) id: RequestId,
    pub(crate) surface: &'static str,
    pub(crate) begin: Instant,
    /// The address from which it comes.
    pub(crate) client: Option<IpAddr>,
    pub(crate) key: Option<Arc<VirtualKey>>,
    /// Who called, for calls to models: these get a row in the request log.
    pub(crate) caller: Option<Caller>,
    /// Where there is no such model: the name that was asked for.
    pub(crate) asked: Option<Box<str>>,
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
    /// The tokens that the call was settled for: what the provider told, or what was counted here.
    pub(crate) counted: Option<Usage>,
    /// About how many tokens of an answer have gone out, in sixteenths of a token.
    pub(crate) delivered: u64,
    /// What the caller has to be warned of: budgets and credits that come to their end.
    pub(crate) warnings: Option<Box<Warnings>>,
    /// Where the caller stood with its limits when the call ended or was refused.
    pub(crate) standings: Standings,
    /// What the caller pays, once that is known.
    pub(crate) cost: Option<Money>,
    /// The attempts that were made.
    pub(crate) trail: Trail,
    /// Whether the caller asked to be told of each of them.
    pub(crate) tells_trail: bool,
    /// From the request to the first byte of the answer, for streams.
    pub(crate) first_byte: Option<Duration>,
    /// The provider's id of the exchange.
    pub(crate) provider_request_id: Option<Box<str>>,
    /// What is said, where the organization keeps it.
    pub(crate) texts: Option<Box<Texts>>,
    /// What the cache had of it, where it was asked.
    pub(crate) cached: Option<Box<Cached>>,
}

impl Record {
    pub(crate) fn begin(gateway: Arc<Gateway>, id: RequestId, surface: &'static str) -> Self {
        let facts = Facts {
            id,
            surface,
            begin: Instant::now(),
            client: None,
            key: None,
            caller: None,
            asked: None,
            route: None,
            answered: None,
            stream: false,
            status: 0,
            code: OK,
            usage: None,
            counted: None,
            delivered: 0,
            standings: Standings::default(),
            cost: None,
            warnings: None,
            trail: Trail::default(),
            tells_trail: false,
            first_byte: None,
            provider_request_id: None,
            texts: None,
            cached: None,
        };
        gateway.metrics.requests_open.inc();
        Self {
            gateway,
            facts,
            permit: None,
            place: None,
            visitor: Visitor::default(),
            pass: None,
            hold: None,
            call: None,
            job: None,
            replay: None,
            filling: None,
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
        if let Some(job) = &mut self.job {
            job.fail(failure);
        }
        if self.facts.route.is_none() {
            self.facts.asked = failure.model.as_deref().map(log_row::name);
        }
        if let Some(id) = &failure.provider_request_id {
            self.facts.provider_request_id = Some((&**id).into());
        }
        // Nothing is kept of a failure: the key is free.
        self.replay = None;
        if let Some(filling) = self.filling.take() {
            filling.fail(Some(failure));
        }
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
        if let Some(texts) = &mut self.facts.texts {
            texts.answer(&piece.bytes);
        }
        if let Some(recording) = &mut self.replay {
            recording.record(&piece.bytes);
        }
        if let Some(filling) = &mut self.filling {
            filling.see(piece);
        }
    }

    /// The answer is complete: the cache may give it to others.
    pub(crate) fn fill(&mut self) {
        let Some(filling) = self.filling.take() else {
            return;
        };
        match &self.facts.answered {
            // What another model answered is not the answer of this one.
            Some(answered) if !self.facts.fell_back() => {
                filling.keep(answered, self.facts.id.as_str());
            }
            _ => filling.pass(),
        }
    }

    /// The answer is complete, but only for those who have begun to read it.
    pub(crate) fn pass(&mut self) {
        if let Some(filling) = self.filling.take() {
            filling.pass();
        }
    }

    /// The answer is not for others.
    pub(crate) fn discard(&mut self) {
        if let Some(filling) = self.filling.take() {
            filling.fail(None);
        }
    }

    /// Whether others read the answer along.
    pub(crate) fn is_read_along(&self) -> bool {
        let filling = self.filling.as_ref();
        filling.is_some_and(|filling| filling.is_read_along())
    }

    /// Its caller has gone, and the answer goes on for others.
    pub(crate) fn leave(&mut self) {
        self.facts.code = CLIENT_CLOSED;
    }

    /// Notes what a whole answer used.
    pub(crate) fn count(&mut self, answer: &Answer) {
        self.facts.usage = answer.usage;
        if self.hold.is_some() {
            self.facts.delivered = uncounted(answer);
        }
    }

    /// What was answered cannot be given: nobody pays for it.
    pub(crate) fn lose(&mut self, served: Served, failure: &Failure) {
        served.spoil(failure, &mut self.facts.trail);
        self.hold = None;
        self.facts.answered = None;
        self.facts.usage = None;
        self.facts.delivered = 0;
    }

    /// Keeps what was asked until the call is settled, unless its answer tells what was used. What
    /// is long was counted before.
    pub(crate) fn keep(&mut self, mut call: Call, reply: &Reply) {
        let is_told = match reply {
            Reply::Answer(answer) => answer.usage.as_ref().is_some_and(can_be_true),
            Reply::Stream(_) => false,
        };
        if !is_told && self.hold.is_some() && chat::may_be_counted(&call) {
            // A stream may last long, and must not keep the connection's whole buffer for it.
            call.body = Bytes::copy_from_slice(&call.body);
            self.call = Some(Box::new(call));
        }
    }

    /// How many tokens the prompt has, counted here, where the provider has not told that.
    fn counted(&mut self, whole: bool) -> Option<u64> {
        let call = self.call.take()?;
        let told = self.facts.usage.as_ref().filter(|usage| can_be_true(usage));
        if told.is_some_and(|usage| whole || usage.prompt > 0) {
            return None;
        }
        chat::count(&self.gateway.engine, &call)
    }

    /// Settles what the call cost. Whoever sends the last byte of its answer waits for the ticket,
    /// if there is one. Once more it does nothing.
    pub(crate) fn settle(&mut self, whole: bool) -> Option<Ticket> {
        if let Some(mut pass) = self.pass.take() {
            let used = self.facts.usage;
            pass.settle(used.map(|usage| usage.prompt.saturating_add(usage.completion)));
            self.facts.standings = pass.standings();
        }
        let hold = self.hold.take()?;
        let prompt = self.counted(whole);
        let (asked, answered) = (self.facts.route.as_ref()?, self.facts.answered.as_ref()?);
        let ending = Ending {
            answered,
            asked,
            usage: self.facts.usage,
            delivered: self.facts.delivered.div_ceil(16),
            prompt,
            whole,
            request_id: self.facts.id.as_str(),
        };
        let again = self.facts.cached.as_ref().and_then(|it| it.percent());
        let settled = match again {
            Some(percent) => hold.settle_again(&ending, percent),
            None => hold.settle(&ending),
        };
        self.facts.cost = Some(settled.cost);
        self.facts.counted = Some(settled.usage);
        if let Some(job) = &mut self.job {
            job.note(settled.usage, settled.cost, Some(&answered.model));
        }
        settled.ticket
    }

    /// Where the caller stands with its limits.
    pub(crate) fn standings(&self) -> Standings {
        let pass = self.pass.as_ref();
        pass.map_or(self.facts.standings, |pass| pass.standings())
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
            // Whoever sees that nothing is under way finds nothing set aside either, and nobody to
            // wait for.
            (self.hold, self.permit, self.pass, self.place) = (None, None, None, None);
            self.filling = None;
            self.gateway.metrics.requests_open.dec();
            self.gateway.metrics.record(&self.facts, duration);
            let now = self.gateway.now();
            self.gateway.log.write(now, &self.facts, duration);
            if let Some(caller) = self.facts.caller.take() {
                let ledger = &self.gateway.engine.ledger;
                ledger.lose(&caller, self.facts.id.as_str(), &self.facts.trail);
                let draft = log_row::draft(&mut self.facts, caller, (now, duration));
                self.gateway.engine.request_log.push(draft);
            }
            self.gateway.note_end();
        }
    }
}

impl Facts {
    /// Notes what the caller has to be warned of.
    pub(crate) fn note_money(&mut self, hold: &Hold) {
        let (budget, balance) = (hold.warning(), hold.low_balance());
        if budget.is_some() || balance.is_some() {
            self.warnings = Some(Box::new(Warnings {
                budget: budget.cloned(),
                balance,
            }));
        }
    }

    /// Whether another model answered than the one that was asked for.
    pub(crate) fn fell_back(&self) -> bool {
        match (&self.route, &self.answered) {
            // What a fallback answered is never kept.
            _ if self.is_given_again() => false,
            (Some(asked), Some(answered)) => {
                let mut targets = asked.targets.iter();
                !targets.any(|target| Arc::ptr_eq(target, answered))
            }
            _ => false,
        }
    }

    /// Whether the answer was there already.
    fn is_given_again(&self) -> bool {
        let cached = self.cached.as_ref();
        cached.is_some_and(|cached| cached.is_given_again())
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

/// About how many sixteenths of a token an answer says, where its provider does not tell how many
/// tokens it has, or tells what cannot be. Nothing where it does: nobody looks for it then.
fn uncounted(answer: &Answer) -> u64 {
    if answer.usage.as_ref().is_some_and(can_be_true) {
        0
    } else {
        u64::from(formats::delivered(&answer.body))
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
            // What is complete was paid for: whoever asks again gets it.
            if let Some(recording) = self.replay.take()
                && recording.is_complete()
            {
                drop((*recording).keep(&self.gateway));
            }
            // A failure that was already noted stays the outcome: only its telling broke off.
            if self.facts.code == OK {
                self.facts.code = CLIENT_CLOSED;
            }
            self.write();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_says_is_counted_only_where_its_provider_does_not() {
        let usage = |prompt| {
            Some(Usage {
                prompt,
                ..Usage::NONE
            })
        };
        for (told, counts) in [
            (usage(9), false),
            (usage(0), false),
            (None, true),
            (usage(1 << 60), true),
        ] {
            let answer = Answer {
                body: Bytes::from_static(
                    br#"{"choices":[{"message":{"content":"Good morning"}}]}"#,
                ),
                usage: told,
                finish: None,
            };
            assert_eq!(uncounted(&answer) > 0, counts, "{told:?}");
        }
    }
}
