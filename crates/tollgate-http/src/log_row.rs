//! What the request log keeps of a call: its row, made of what the record holds anyway, and the
//! texts of request and answer for organizations that want them.

use std::time::Duration;

use bytes::Bytes;
use tollgate_core::error::trail;
use tollgate_core::request_log::Bodies;
use tollgate_core::time::Timestamp;
use tollgate_engine::caller::Caller;
use tollgate_engine::request_log::{Called, Draft, RequestLog};

use crate::record::Facts;

/// The most letters of a name that is no model's.
const LONGEST_NAME: usize = 100;
/// The most bytes of the line of attempts.
const LONGEST_TRAIL: usize = 2048;

/// The texts of a call, as far as they are kept.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    longest: usize,
    request: Bytes,
    answer: Vec<u8>,
}

impl Texts {
    /// Begins to keep the texts of a call. `None` for organizations that have not asked for it.
    pub(crate) fn begin(log: &RequestLog, caller: &Caller, body: &[u8]) -> Option<Box<Self>> {
        let longest = log.keeps_bodies(caller)?;
        // A copy, so that the rest of a long body need not wait for the log.
        let request = body.get(..longest).unwrap_or(body);
        Some(Box::new(Self {
            longest,
            request: Bytes::copy_from_slice(request),
            answer: Vec::new(),
        }))
    }

    /// Keeps a part of the answer, as far as there is room.
    pub(crate) fn answer(&mut self, part: &[u8]) {
        let room = self.longest.saturating_sub(self.answer.len());
        self.answer
            .extend_from_slice(part.get(..room).unwrap_or(part));
    }
}

/// A name that a caller asked for and nobody has, as far as it is kept.
pub(crate) fn name(name: &str) -> Box<str> {
    name.chars().take(LONGEST_NAME).collect()
}

/// The row of a call that has ended. Takes what nobody needs any more.
pub(crate) fn draft(
    facts: &mut Facts,
    caller: Caller,
    (at, duration): (Timestamp, Duration),
) -> Draft {
    let attempts = facts.trail.len();
    let mut trail: Option<Box<str>> =
        (attempts > 1).then(|| trail::line(facts.trail.records(), LONGEST_TRAIL).into());
    if let Some(cached) = facts.cached.take() {
        trail = Some(cached.before(trail.as_deref()));
    }
    let connection = match &facts.answered {
        Some(_) => None,
        None => facts.connection().cloned(),
    };
    let bodies = facts.texts.take().map(|texts| {
        Box::new(Bodies {
            request: texts.request,
            answer: texts.answer.into(),
        })
    });
    Draft {
        at,
        duration,
        request_id: facts.id.as_str().into(),
        caller,
        called: Called {
            route: facts.route.take(),
            answered: facts.answered.take(),
            connection,
            name: facts.asked.take(),
        },
        surface: facts.surface,
        code: facts.code,
        status: facts.status,
        stream: facts.stream,
        attempts,
        usage: facts.counted.or(facts.usage),
        cost: facts.cost.unwrap_or_default().as_nano(),
        lost: facts.trail.lost_cost(),
        first_byte: facts.first_byte,
        provider_request_id: facts.provider_request_id.take(),
        trail,
        bodies,
    }
}
