//! One attempt: send the request, bound every wait, and read what comes back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderMap;
use http::response::Parts;
use tokio::time::{Instant, sleep_until, timeout_at};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::Format;
use tollgate_core::reply::Answer;
use tollgate_engine::port::{Attempt, Clock, Delivery, Reply};
use tollgate_wire::answer::AnswerProblem;
use tollgate_wire::formats::{self, Asked, Lost};
use tollgate_wire::openai::stream::ChatStream;
use tollgate_wire::stream::{StreamRules, Terminator};
use tollgate_wire::{strip, translate};

use crate::asking::{self, Ask};
use crate::connection::{Connection, Outgoing};
use crate::fault::{Broken, Fault, Stage};
use crate::gather::Gathered;
use crate::lane::Inflow;
use crate::peer::{ERROR, ERROR_WAIT, Peer, Waits, is_type, looks_like_html};
use crate::relay::{Course, Relay, Timing};

/// The largest plain answer that is taken.
const ANSWER: usize = 64 * 1024 * 1024;

/// One attempt at one connection.
pub(crate) struct Exchange<'a> {
    peer: Peer<'a>,
    attempt: Attempt<'a>,
    /// The names of the caller's tools that the provider knows as functions.
    freeform: Vec<String>,
}

/// Makes an attempt.
pub(crate) async fn run(
    connection: &Arc<Connection>,
    attempt: Attempt<'_>,
    clock: &Arc<dyn Clock>,
) -> Result<Delivery, Failure> {
    if attempt.bare {
        // Rare, so that its size is no part of every exchange's.
        return Box::pin(without_state(connection, attempt, clock)).await;
    }
    once(connection, attempt, clock).await
}

/// Whether a provider refused state in an attempt, and can be told what is left without.
pub(crate) fn may_take_bare(
    connection: &Connection,
    attempt: &Attempt<'_>,
    failure: &Failure,
) -> bool {
    strip::is_refused(failure) && bare(connection, attempt).is_ok_and(|(_, told)| told.is_some())
}

/// A call without any state, and what the caller is to be told of that; `None` where there was no
/// state.
fn bare(connection: &Connection, attempt: &Attempt<'_>) -> Result<(Call, Option<Lost>), Failure> {
    let mut lost = Lost::new();
    let bare = strip::bare(attempt.call, &attempt.target.model, &mut lost)?;
    if lost.is_empty() {
        return Ok((bare, None));
    }
    let provider = connection.settings.provider.name;
    let told = translate::settle(lost, provider, attempt.unsupported)?;
    Ok((bare, Some(told)))
}

/// Asks without the state in a call.
async fn without_state(
    connection: &Arc<Connection>,
    attempt: Attempt<'_>,
    clock: &Arc<dyn Clock>,
) -> Result<Delivery, Failure> {
    let (bare, told) = bare(connection, &attempt).map_err(unsent)?;
    let attempt = Attempt {
        call: &bare,
        ..attempt
    };
    let mut delivery = once(connection, attempt, clock).await?;
    delivery.lost.splice(0..0, told.unwrap_or_default());
    Ok(delivery)
}

async fn once(
    connection: &Arc<Connection>,
    attempt: Attempt<'_>,
    clock: &Arc<dyn Clock>,
) -> Result<Delivery, Failure> {
    if Instant::now() >= attempt.deadline {
        let fault = Broken::from(Fault::Deadline);
        let failure = fault.failure(connection.settings.provider, Stage::Before);
        return Err(unsent(failure));
    }
    let mut asking = match asking::ask(connection, &attempt).map_err(unsent)? {
        Ask::Send(asking) => asking,
        Ask::Estimated(answer) => {
            return Ok(Delivery {
                reply: Reply::Answer(answer),
                provider_request_id: None,
                lost: Vec::new(),
                estimated: true,
            });
        }
    };
    let exchange = Exchange {
        peer: Peer {
            connection,
            clock,
            format: asking.format,
        },
        attempt,
        freeform: std::mem::take(&mut asking.freeform),
    };
    let lost = std::mem::take(&mut asking.lost);
    let mut outgoing = connection.outgoing(&attempt, asking).map_err(unsent)?;
    let mut delivery = if attempt.call.stream {
        exchange.stream(&mut outgoing).await
    } else {
        exchange.plain(&mut outgoing).await
    }
    .map_err(|failure| after(&outgoing, failure))?;
    delivery.lost = lost;
    Ok(delivery)
}

/// A failure of a request that never left.
fn unsent(mut failure: Failure) -> Failure {
    failure.unsent = true;
    failure
}

/// What becomes of a request that failed, with what is known of how far it got.
pub(crate) fn after(outgoing: &Outgoing<'_>, failure: Failure) -> Failure {
    match failure.provider_status {
        None if outgoing.is_unsent() => unsent(failure),
        None => failure,
        Some(status) => {
            if status == StatusCode::UNAUTHORIZED.as_u16() {
                outgoing.forget_token();
            }
            failure
        }
    }
}

/// A bound on a wait, and what it means when it is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) at: Instant,
    pub(crate) fault: Fault,
}

impl Limit {
    /// The earlier of a wait's own bound and the deadline of the whole request.
    fn new(own: Duration, fault: Fault, deadline: Instant) -> Self {
        let at = Instant::now() + own;
        if deadline <= at {
            Self {
                at: deadline,
                fault: Fault::Deadline,
            }
        } else {
            Self { at, fault }
        }
    }
}

impl Exchange<'_> {
    async fn plain(&self, outgoing: &mut Outgoing<'_>) -> Result<Delivery, Failure> {
        let Attempt {
            timeouts, deadline, ..
        } = self.attempt;
        let limit = Limit::new(timeouts.answer, Fault::AnswerTimeout, deadline);
        let whole = async {
            let (head, inflow) = self.peer.head(outgoing, self.waits()).await?;
            if !head.status.is_success() {
                return Err(Box::pin(self.peer.refused(&head, inflow, limit)).await);
            }
            self.answer(&head, inflow)
                .await
                .map_err(|failure| self.peer.about(failure, &head))
        };
        match timeout_at(limit.at, whole).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.peer.broken(limit.fault.into())),
        }
    }

    async fn stream(&self, outgoing: &mut Outgoing<'_>) -> Result<Delivery, Failure> {
        let Attempt {
            timeouts, deadline, ..
        } = self.attempt;
        let begin_by = self.attempt.begin_by;
        let limit = Limit::new(timeouts.first_byte, Fault::FirstByteTimeout, begin_by);
        // The one timer of this stream: it goes on with it when it has begun.
        let mut timer = Box::pin(sleep_until(limit.at));
        let (head, inflow) = tokio::select! {
            biased;
            head = self.peer.head(outgoing, self.waits()) => head?,
            () = &mut timer => return Err(self.peer.broken(limit.fault.into())),
        };
        if !head.status.is_success() {
            return Err(Box::pin(self.peer.refused(&head, inflow, limit)).await);
        }
        let begun = async {
            self.peer.check_encoding(&head)?;
            if is_type(&head.headers, "application/json") || is_type(&head.headers, "text/html") {
                return Err(Box::pin(self.no_stream(inflow, limit)).await);
            }
            let timing = Timing {
                timer,
                limit,
                idle: timeouts.idle,
                deadline,
            };
            let mut relay = Relay::new(self.peer.judge(), self.course()?, inflow, timing);
            relay.begin().await?;
            Ok(relay)
        };
        let relay = begun
            .await
            .map_err(|failure| self.peer.about(failure, &head))?;
        Ok(Delivery {
            reply: Reply::Stream(Box::pin(relay)),
            provider_request_id: self.peer.request_id(&head.headers),
            lost: Vec::new(),
            estimated: false,
        })
    }

    fn waits(&self) -> Waits {
        Waits {
            connect: self.attempt.timeouts.connect,
            deadline: self.attempt.deadline,
        }
    }

    /// Reads a plain answer of a good status.
    async fn answer(&self, head: &Parts, mut inflow: Inflow) -> Result<Delivery, Failure> {
        self.peer.check_encoding(head)?;
        let mut gathered = Gathered::new(ANSWER);
        gathered
            .read(&mut inflow)
            .await
            .map_err(|broken| self.peer.broken(broken))?;
        if !gathered.is_complete() {
            return Err(self.peer.broken(Broken::invalid(
                "The provider's answer is larger than 64 MiB.",
            )));
        }
        inflow.release();
        let body = gathered.into_bytes();
        match self.read_answer(&body) {
            Ok(answer) => Ok(Delivery {
                reply: Reply::Answer(answer),
                provider_request_id: self.peer.request_id(&head.headers),
                lost: Vec::new(),
                estimated: false,
            }),
            Err(problem) => {
                let mut failure = self.not_an_answer(problem, &body, &head.headers);
                failure.usage = formats::reported(self.peer.format, &body);
                Err(failure)
            }
        }
    }

    /// The answer for the caller, in the caller's format.
    fn read_answer(&self, body: &Bytes) -> Result<Answer, AnswerProblem> {
        let call = self.attempt.call;
        if self.peer.format == call.format {
            return formats::relay_answer(self.peer.format, call.operation, body.clone());
        }
        let provider = self.peer.connection.settings.provider.name;
        translate::answer(call, self.peer.format, provider, body, &self.asked())
    }

    /// How the stream reaches the caller.
    fn course(&self) -> Result<Course, Failure> {
        let call = self.attempt.call;
        let provider = self.peer.connection.settings.provider;
        let done = match self.peer.format {
            Format::OpenAi | Format::Completions => provider.terminator,
            // The row speaks of `OpenAI`'s format; others say it themselves, at every provider.
            Format::Responses
            | Format::Anthropic
            | Format::Gemini
            | Format::Bedrock
            | Format::Cohere
            | Format::Ollama => Terminator::Native,
        };
        let rules = StreamRules {
            show_usage: call.wants_usage,
            done,
            provider: provider.name,
            array: call.array,
        };
        let flow = match (self.peer.format == call.format, self.peer.format) {
            (true, Format::OpenAi) => return Ok(Course::Chat(ChatStream::new(rules))),
            (true, format) => formats::relay_stream(format, rules),
            (false, format) => translate::stream(call, format, rules, &self.asked()),
        };
        flow.map(Course::Other).ok_or_else(|| {
            let name = call.format.as_str();
            Failure::gateway(Code::InternalError).because(format!("no stream of {name} is written"))
        })
    }

    fn asked(&self) -> Asked<'_> {
        let call = self.attempt.call;
        Asked {
            model: &call.model,
            request_id: self.attempt.request_id,
            now: self.peer.clock.now().as_seconds(),
            usage: call.wants_usage,
            array: call.array,
            freeform: &self.freeform,
        }
    }

    /// What a body of a good status that holds no answer amounts to.
    fn not_an_answer(&self, problem: AnswerProblem, body: &Bytes, headers: &HeaderMap) -> Failure {
        let is_html = looks_like_html(body) || is_type(headers, "text/html");
        let sentence = match &problem {
            AnswerProblem::Error { json } => {
                return self.peer.judge().error(StatusCode::OK, headers, json, true);
            }
            _ if let Some(json) = self.error_in_array(body) => {
                return self
                    .peer
                    .judge()
                    .error(StatusCode::OK, headers, &json, true);
            }
            AnswerProblem::NotJson(_) if body.trim_ascii().is_empty() => {
                "The provider answered with an empty body."
            }
            AnswerProblem::NotJson(_) if is_html => {
                "The provider answered with an HTML page instead of JSON."
            }
            AnswerProblem::NotJson(_) => "The provider's answer is not valid JSON.",
            AnswerProblem::NotAnAnswer(_) => "The provider's answer lacks what was asked for.",
        };
        self.peer.broken(Broken {
            cause: Some(problem.into()),
            ..Broken::invalid(sentence)
        })
    }

    /// The error that is the one element of an array, as Google's servers put it where a stream
    /// was asked for.
    fn error_in_array(&self, body: &Bytes) -> Option<Bytes> {
        let inner = body.trim_ascii();
        let inner = inner.strip_prefix(b"[")?.strip_suffix(b"]")?;
        match self.read_answer(&body.slice_ref(inner)) {
            Err(AnswerProblem::Error { json }) => Some(json),
            Ok(_) | Err(_) => None,
        }
    }

    /// What a good status without a stream, where one was asked for, amounts to.
    async fn no_stream(&self, mut inflow: Inflow, limit: Limit) -> Failure {
        let mut gathered = Gathered::new(ERROR);
        let until = limit.at.min(Instant::now() + ERROR_WAIT);
        // However reading ends, what has come is looked at.
        let read = timeout_at(until, gathered.read(&mut inflow)).await;
        if matches!(read, Ok(Ok(()))) && gathered.is_complete() {
            inflow.release();
        }
        let body = gathered.into_bytes();
        let mut failure = match self.read_answer(&body) {
            Ok(_) => self.peer.broken(Broken::invalid(
                "The provider sent a plain answer where a stream was asked for.",
            )),
            Err(problem) => self.not_an_answer(problem, &body, &HeaderMap::new()),
        };
        failure.usage = formats::reported(self.peer.format, &body);
        failure
    }
}
