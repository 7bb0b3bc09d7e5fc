//! A row as a call leaves it: what it held anyway, moved. What it says is looked up when rows are
//! put together.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tollgate_core::reply::Usage;
use tollgate_core::request_log::{Bodies, Builder, Figures, Line, Outcome, Segment, What, Who};
use tollgate_core::time::Timestamp;

use crate::caller::Caller;
use crate::routes::{Route, RouteTarget};

/// A call that has ended.
pub struct Draft {
    /// When.
    pub at: Timestamp,
    /// How long it took in all.
    pub duration: Duration,
    /// The id of the request.
    pub request_id: Box<str>,
    /// Who called.
    pub caller: Caller,
    /// What was asked for, and who answered.
    pub called: Called,
    /// By which surface it came.
    pub surface: &'static str,
    /// `ok`, a code of the catalogue, or `client_closed`.
    pub code: &'static str,
    /// The status of the answer; 0 where none was decided.
    pub status: u16,
    /// Whether the answer was to be a stream.
    pub stream: bool,
    /// How many attempts were made.
    pub attempts: u32,
    /// The tokens.
    pub usage: Option<Usage>,
    /// What the caller paid, in nano-USD.
    pub cost: u64,
    /// What providers charged for attempts that nobody paid, in nano-USD.
    pub lost: u64,
    /// Until the first byte of a stream.
    pub first_byte: Option<Duration>,
    /// The provider's id of the exchange.
    pub provider_request_id: Option<Box<str>>,
    /// The attempts in one line, where there were several.
    pub trail: Option<Box<str>>,
    /// What was said, where the organization keeps it.
    pub bodies: Option<Box<Bodies>>,
}

/// What was asked for, and who answered.
#[derive(Clone, Debug, Default)]
pub struct Called {
    /// The model that was asked for.
    pub route: Option<Arc<Route>>,
    /// The target that answered.
    pub answered: Option<Arc<RouteTarget>>,
    /// Where no target answered: the connection that was asked last.
    pub connection: Option<Arc<str>>,
    /// Where there is no route: the name that was asked for.
    pub name: Option<Box<str>>,
}

impl Draft {
    /// The bytes of its texts, beyond what every row has.
    pub(super) fn text(&self) -> usize {
        let bodies = self.bodies.as_ref();
        let bodies = bodies.map_or(0, |bodies| bodies.request.len() + bodies.answer.len());
        bodies + self.trail.as_ref().map_or(0, |trail| trail.len())
    }

    fn figures(&self) -> Figures {
        Figures {
            attempts: self.attempts,
            usage: self.usage,
            cost: self.cost,
            lost: self.lost,
            duration_us: micros(self.duration),
            first_byte_us: self.first_byte.map(micros),
        }
    }

    fn outcome(&self) -> Outcome {
        Outcome {
            surface: self.surface.into(),
            code: self.code.into(),
            status: self.status,
            stream: self.stream,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn who(caller: &Caller) -> Who {
    let key = &caller.key;
    let user = caller.user();
    Who {
        organization: caller.organization().id.as_str().into(),
        team: caller.team().id.as_str().into(),
        user: user.map_or("", |user| user.id.as_str()).into(),
        key: key.id.as_str().into(),
        key_prefix: key.masked().into(),
    }
}

impl Called {
    fn what(&self) -> What {
        let route = self.route.as_deref();
        let asked = match (route, &self.name) {
            (Some(route), _) => Arc::clone(&route.model),
            (None, Some(name)) => (&**name).into(),
            (None, None) => Arc::default(),
        };
        if let Some(answered) = &self.answered {
            return What {
                asked,
                model: Arc::clone(&answered.model),
                provider: answered.health.connection.provider().into(),
                connection: Arc::clone(&answered.target.connection),
            };
        }
        let connection = self.connection.clone().unwrap_or_default();
        let mut targets = route.into_iter().flat_map(|route| &route.targets);
        let asked_last = targets.find(|target| target.target.connection == connection);
        let provider = asked_last.map(|target| target.health.connection.provider());
        What {
            model: Arc::clone(&asked),
            asked,
            provider: provider.unwrap_or_default().into(),
            connection,
        }
    }

    /// What tells it apart from others while all of them are there: where its parts lie.
    fn place(&self) -> [usize; 3] {
        let route = self.route.as_ref().map(|route| Arc::as_ptr(route).addr());
        let answered = self.answered.as_ref();
        let answered = answered.map(|target| Arc::as_ptr(target).addr());
        let connection = self.connection.as_ref();
        let connection = connection.map(|name| name.as_ptr().addr());
        [route, answered, connection].map(Option::unwrap_or_default)
    }
}

/// Puts rows together, in their order. Gives how many of them there are.
pub(super) fn encode(drafts: &[Draft]) -> (Vec<Segment>, u64) {
    let mut segments = Vec::with_capacity(1);
    let mut rest = drafts;
    let mut encoded = 0;
    while !rest.is_empty() {
        let mut names = Names {
            builder: Builder::with_room(rest.len()),
            ..Names::default()
        };
        let mut taken = 0;
        for draft in rest {
            if names.builder.is_full() {
                break;
            }
            names.push(draft);
            taken += 1;
        }
        rest = rest.get(taken..).unwrap_or_default();
        if let Some(segment) = names.builder.finish() {
            encoded += u64::from(segment.count);
            segments.push(segment);
        }
    }
    (segments, encoded)
}

/// A builder that knows what rows have in common by where it lies in memory: the rows hold on to
/// it, so nothing else can lie there.
#[derive(Default)]
struct Names {
    builder: Builder,
    who: Places<usize>,
    what: Places<[usize; 3]>,
    outcomes: Places<(usize, usize, u16, bool)>,
}

type Places<K> = HashMap<K, usize, BuildHasherDefault<PlaceBits>>;

impl Names {
    fn push(&mut self, draft: &Draft) {
        let builder = &mut self.builder;
        let who = *self
            .who
            .entry(Arc::as_ptr(&draft.caller.entry).addr())
            .or_insert_with(|| builder.who(who(&draft.caller)));
        // A name that nothing is known of is in no other row, as far as can be told so cheaply.
        let what = if draft.called.name.is_some() {
            builder.what(draft.called.what())
        } else {
            *self
                .what
                .entry(draft.called.place())
                .or_insert_with(|| builder.what(draft.called.what()))
        };
        let outcome = (
            draft.surface.as_ptr().addr(),
            draft.code.as_ptr().addr(),
            draft.status,
            draft.stream,
        );
        let outcome = *self
            .outcomes
            .entry(outcome)
            .or_insert_with(|| builder.outcome(draft.outcome()));
        builder.push(&Line {
            at: draft.at,
            who,
            what,
            outcome,
            figures: draft.figures(),
            request_id: &draft.request_id,
            provider_request_id: draft.provider_request_id.as_deref(),
            trail: draft.trail.as_deref(),
            bodies: draft.bodies.as_deref(),
        });
    }
}

/// Hashes places in memory: nobody chooses them, so a multiplication does.
#[derive(Default)]
struct PlaceBits(u64);

impl PlaceBits {
    fn take(&mut self, word: u64) {
        let mixed = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

impl Hasher for PlaceBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.take(u64::from_le_bytes(word));
        }
    }

    fn write_usize(&mut self, word: usize) {
        self.take(word as u64);
    }

    fn write_u16(&mut self, word: u16) {
        self.take(word.into());
    }

    fn write_u8(&mut self, word: u8) {
        self.take(word.into());
    }
}
