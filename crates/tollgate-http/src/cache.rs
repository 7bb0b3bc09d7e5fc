//! Answers that are given again: what a request says of that, what it is known by, and how an
//! answer that is kept becomes one of this request.

mod replayed;
mod wish;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};
use tollgate_core::error::Failure;
use tollgate_core::error::dialect::StreamForm;
use tollgate_core::format::Operation;
use tollgate_core::limit::ShortText;
use tollgate_core::money::Money;
use tollgate_core::reply::Answer;
use tollgate_core::route::cache::CacheMode;
use tollgate_engine::cache::{Found, Hit, Key, Question, Source};
use tollgate_engine::chat::Served;
use tollgate_engine::port::{Delivery, Reply};

use self::replayed::{Along, Replayed};
use self::wish::Wish;
use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::head::Head;
use crate::record::Record;
use crate::surface::calls::{self, Asking, Called};

const CACHE: HeaderName = HeaderName::from_static("x-tollgate-cache");
const ORIGINAL: HeaderName = HeaderName::from_static("x-tollgate-original-request-id");
/// What stands before the word in the line of attempts of the request log.
const MARK: &str = "cache=";

/// What the cache had of a call.
#[derive(Clone, Debug)]
pub(crate) enum Cached {
    /// Nothing.
    Miss,
    /// The answer.
    Hit(Hit),
    /// An answer that is too old, in place of a failure.
    Stale(Hit),
}

/// Which calls of this kind are looked for.
pub(crate) fn mode(gateway: &Gateway, asking: &Asking<'_>) -> CacheMode {
    match asking.call.operation {
        Operation::Chat | Operation::Embeddings => gateway.engine.cache.mode(asking.route),
        // Counting is cheaper than looking.
        Operation::CountTokens => CacheMode::Off,
    }
}

/// Gives the answer to a call, if it is there. The generation is the cache's as it was before the
/// call's model was looked up.
pub(crate) async fn answer(
    record: &mut Record,
    asking: &Asking<'_>,
    (headers, generation): (&HeaderMap, u64),
) -> Result<Option<Given>, Failure> {
    match look(record, asking, (headers, generation)).await? {
        Some(found) => again(record, asking, found).await.map(Some),
        None => Ok(None),
    }
}

/// Looks for the answer to a call. Notes in the record what came of it.
async fn look(
    record: &mut Record,
    asking: &Asking<'_>,
    (headers, generation): (&HeaderMap, u64),
) -> Result<Option<(Hit, Source)>, Failure> {
    let wish = Wish::read(headers)?;
    let cache = Arc::clone(&record.gateway().engine.cache);
    if !wish.uses(cache.mode(asking.route)) {
        return Ok(None);
    }
    let (ttl, stale) = cache.ages(asking.route);
    let question = Question {
        key: key(record.facts.surface, asking),
        generation,
        reads: wish.reads,
        max_age: wish.max_age,
        ttl,
        stale,
        patience: patience(asking),
    };
    match cache.find(&question).await {
        Found::Hit(hit, source) => {
            record.facts.cached = Some(Box::new(Cached::Hit(hit.clone())));
            Ok(Some((hit, source)))
        }
        Found::Miss(filling) => {
            record.facts.cached = Some(Box::new(Cached::Miss));
            record.filling = Some(filling);
            Ok(None)
        }
    }
}

/// How long the answer to an equal question is waited for: as long as one's own may take.
fn patience(asking: &Asking<'_>) -> Duration {
    let wishes = [asking.wishes.total, asking.wishes.first_byte];
    let longest = asking.route.rules.timeouts.total;
    wishes.into_iter().flatten().fold(longest, Duration::min)
}

/// The hash of everything that changes an answer, and of whose it is: nothing is ever shared
/// between teams.
fn key(surface: &str, asking: &Asking<'_>) -> Key {
    let Asking {
        caller,
        call,
        wishes,
        route,
        // How it is paid changes nothing of an answer.
        payment: _,
    } = asking;
    let mut state = Sha256::new();
    let mut add = |text: &[u8]| {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        state.update(length.to_be_bytes());
        state.update(text);
    };
    add(b"tollgate cache v1");
    add(caller.team().id.as_str().as_bytes());
    // Targets may be chosen by who asks, also within a team.
    if route.looks_at(caller) {
        add(caller.key.id.as_str().as_bytes());
    }
    for text in [surface, call.format.as_str(), call.operation.as_str()] {
        add(text.as_bytes());
    }
    add(call.model.as_bytes());
    let flags = [call.stream, call.array, wishes.no_fallbacks];
    add(&flags.map(u8::from));
    add(call.query.as_deref().unwrap_or_default().as_bytes());
    add(&call.body);
    add(wishes.session.as_deref().unwrap_or_default().as_bytes());
    add(&wishes.tags.len().to_be_bytes());
    for tag in &wishes.tags {
        add(tag.as_bytes());
    }
    // Every header that a provider sees, but those that only say which request it is.
    let carried = call.carried.iter();
    for (name, value) in
        carried.filter(|(name, _)| !matches!(&**name, b"traceparent" | b"tracestate"))
    {
        add(name);
        add(value);
    }
    state.finalize().into()
}

/// From here on what a provider answers goes into the cache, too. A stream is for others from its
/// beginning on, but for what they may not have: whatever is no whole answer of this model.
pub(crate) fn begin(record: &mut Record, served: &Served) {
    let is_other = record.facts.fell_back();
    let Some(filling) = &mut record.filling else {
        return;
    };
    if served.delivery.estimated || is_other {
        return record.discard();
    }
    filling.lost.clone_from(&served.delivery.lost);
    match &served.delivery.reply {
        Reply::Answer(given) => filling.take(&given.body, given.usage, given.finish),
        Reply::Stream(_) => filling.share(&served.answered, record.facts.id.as_str()),
    }
}

/// A stale answer for a call that failed, where that is declared and no provider can answer; else
/// the failure.
pub(crate) async fn stale(
    record: &mut Record,
    asking: &Asking<'_>,
    failure: Failure,
) -> Result<Given, Failure> {
    let Some((hit, source)) = too_old(record, &failure) else {
        return Err(failure);
    };
    tracing::warn!(
        request_id = record.facts.id.as_str(),
        code = failure.code.slug(),
        age_s = hit.age.as_secs(),
        "a stale answer stands in for a failure"
    );
    record.discard();
    record.facts.cached = Some(Box::new(Cached::Stale(hit.clone())));
    again(record, asking, (hit, source)).await
}

fn too_old(record: &Record, failure: &Failure) -> Option<(Hit, Source)> {
    let question = record.filling.as_ref()?.question;
    record.gateway().engine.cache.stale(&question, failure)
}

/// Gives an answer again. Where that has a price, it is paid as a call is.
async fn again(
    record: &mut Record,
    asking: &Asking<'_>,
    (hit, source): (Hit, Source),
) -> Result<Given, Failure> {
    let Hit { about, percent, .. } = hit;
    let is_paid = percent > 0;
    record.facts.answered = Some(Arc::clone(&about.answered));
    let reply = reply(source, is_paid);
    if is_paid {
        let hold = calls::reserve(record, asking)?;
        record.hold = hold.map(Box::new);
        record.keep(asking.call.clone(), &reply);
    } else {
        record.facts.cost = Some(Money::ZERO);
    }
    if let Reply::Answer(given) = &reply {
        record.count(given);
    }
    let mut served = Served {
        delivery: Delivery {
            reply,
            provider_request_id: None,
            lost: about.lost.clone(),
            estimated: false,
        },
        answered: Arc::clone(&about.answered),
        permit: None,
    };
    calls::settle_whole(record, &mut served).await?;
    let form = StreamForm::of(asking.call.format, asking.call.array);
    Ok(Given::Call(Box::new(Called { served, form })))
}

/// An answer that is given again. Nobody reports the use of one that costs nothing.
fn reply(source: Source, is_paid: bool) -> Reply {
    let kept = match source {
        Source::Kept(kept) => kept,
        Source::Along(reader) => return Reply::Stream(Box::pin(Along::new(reader, is_paid))),
    };
    let usage = kept.usage.filter(|_| is_paid);
    match &kept.ends {
        Some(_) => Reply::Stream(Box::pin(Replayed::new(kept, usage))),
        None => Reply::Answer(Answer {
            body: kept.body.clone(),
            usage,
            finish: kept.finish,
        }),
    }
}

impl Cached {
    /// The word for headers, metrics and logs.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Hit(_) => "hit",
            Self::Stale(_) => "stale",
        }
    }

    const fn hit(&self) -> Option<&Hit> {
        match self {
            Self::Miss => None,
            Self::Hit(hit) | Self::Stale(hit) => Some(hit),
        }
    }

    /// Whether the answer was there already.
    pub(crate) const fn is_given_again(&self) -> bool {
        self.hit().is_some()
    }

    /// What an answer that is given again costs of its price, in percent.
    pub(crate) fn percent(&self) -> Option<u8> {
        self.hit().map(|hit| hit.percent)
    }

    /// Says in the head of the answer where it comes from.
    pub(crate) fn tell(&self, head: &mut Head) {
        head.tell(CACHE, self.word());
        if let Some(hit) = self.hit() {
            let age = ShortText::number(hit.age.as_secs());
            head.tell(http::header::AGE, age.as_str());
            head.tell(ORIGINAL, &hit.about.request_id);
        }
    }

    /// The line of attempts of the request log with this before it.
    pub(crate) fn before(&self, trail: Option<&str>) -> Box<str> {
        let word = self.word();
        match trail {
            Some(trail) => format!("{MARK}{word}, {trail}").into(),
            None => format!("{MARK}{word}").into(),
        }
    }

    /// What such a line says: the word, and the attempts behind it.
    pub(crate) fn read(line: &str) -> (Option<&str>, Option<&str>) {
        match line.strip_prefix(MARK).map(|rest| rest.split_once(", ")) {
            Some(Some((word, trail))) => (Some(word), Some(trail)),
            Some(None) => (line.strip_prefix(MARK), None),
            None => (None, Some(line)),
        }
    }
}
