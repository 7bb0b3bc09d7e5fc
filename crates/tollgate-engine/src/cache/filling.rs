//! An answer on its way into the cache. Whoever drops it unfinished has gone away: then the next
//! of those who wait asks.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use tollgate_core::error::Failure;
use tollgate_core::reply::{Finish, Piece, Usage};

use super::live::{Joining, Live, Said, Tally};
use super::{About, Cache, Flight, Kept, Question};
use crate::routes::RouteTarget;

/// Takes what a provider answers to a question.
pub struct Filling {
    cache: Arc<Cache>,
    /// What was asked.
    pub question: Question,
    /// Parts of the request that its provider could not be told.
    pub lost: Vec<String>,
    flight: Option<watch::Sender<Flight>>,
    longest: usize,
    taken: Taken,
}

/// What was taken of the answer.
enum Taken {
    Nothing,
    Whole(Bytes, Tally),
    /// Of a stream everything but its last part: what others read along must not look whole before
    /// it is paid for.
    Stream(Arc<Live>, Piece),
}

impl Filling {
    pub(super) fn new(
        cache: Arc<Cache>,
        question: Question,
        flight: Option<watch::Sender<Flight>>,
        longest: usize,
    ) -> Self {
        Self {
            cache,
            question,
            lost: Vec::new(),
            flight,
            longest,
            taken: Taken::Nothing,
        }
    }

    /// Takes a whole answer.
    pub fn take(&mut self, body: &[u8], usage: Option<Usage>, finish: Option<Finish>) {
        let tally = Tally {
            usage,
            finish,
            delivered: 0,
        };
        if body.len() <= self.longest {
            // A copy, since these bytes may hold on to the buffer that they were read into.
            self.taken = Taken::Whole(Bytes::copy_from_slice(body), tally);
        }
    }

    /// The answer is a stream, and begins: whoever asks the same reads it along from now on.
    pub fn share(&mut self, answered: &Arc<RouteTarget>, request_id: &str) {
        let about = self.about(answered, request_id);
        let live = Live::new(about, self.longest);
        if let Some(flight) = &self.flight {
            flight.send_replace(Flight::Live(Arc::clone(&live)));
        }
        self.taken = Taken::Stream(live, Piece::default());
    }

    /// Takes a part of a stream.
    pub fn see(&mut self, piece: &Piece) {
        let Taken::Stream(live, last) = &mut self.taken else {
            return;
        };
        if piece.last {
            last.clone_from(piece);
        } else if !live.push(piece) {
            // Who has not begun to read has to ask.
            self.land(Flight::Failed);
        }
    }

    /// Of a stream that others may come to read along: how to learn of that.
    pub fn joining(&self) -> Option<Joining> {
        match &self.taken {
            Taken::Stream(live, _) if self.flight.is_some() => Some(Joining(Arc::clone(live))),
            Taken::Nothing | Taken::Whole(..) | Taken::Stream(..) => None,
        }
    }

    /// Whether others read this stream along.
    pub fn is_read_along(&self) -> bool {
        match &self.taken {
            Taken::Nothing | Taken::Whole(..) => false,
            Taken::Stream(live, _) => live.is_read(),
        }
    }

    /// The answer is complete: keeps it, and gives it to those who wait. One that was cut by a
    /// limit or a filter, or is too long, is not kept.
    pub fn keep(mut self, answered: &Arc<RouteTarget>, request_id: &str) {
        let (about, body, ends, tally) = match std::mem::replace(&mut self.taken, Taken::Nothing) {
            Taken::Nothing => return self.land(Flight::Failed),
            Taken::Whole(body, tally) => (self.about(answered, request_id), body, None, tally),
            Taken::Stream(live, last) => {
                let Some(Said { body, ends, tally }) = live.close(&last) else {
                    return self.land(Flight::Failed);
                };
                (Arc::clone(&live.about), body, Some(ends), tally)
            }
        };
        let is_cut = match tally.finish {
            None | Some(Finish::Stop | Finish::ToolCalls) => false,
            Some(Finish::Length | Finish::ContentFilter | Finish::Other) => true,
        };
        if is_cut || body.is_empty() || body.len() > self.longest {
            return self.land(Flight::Failed);
        }
        let cache = Arc::clone(&self.cache);
        let Question {
            key,
            generation,
            ttl,
            stale,
            ..
        } = self.question;
        let kept = Arc::new(Kept {
            body,
            ends,
            usage: tally.usage,
            finish: tally.finish,
            delivered: tally.delivered,
            about,
            born: cache.ticker.moment(),
            ttl,
            stale,
        });
        let most = cache.settings.load().size;
        let mut table = cache.table();
        if cache.generation() == generation {
            table.put(key, Arc::clone(&kept), most);
        }
        drop(table);
        self.land(Flight::Kept(kept));
    }

    /// The answer is complete, and not for others who ask later: those who read it along get its
    /// end, and those who wait ask for themselves.
    pub fn pass(mut self) {
        if let Taken::Stream(live, last) = std::mem::replace(&mut self.taken, Taken::Nothing) {
            live.close(&last);
        }
        self.land(Flight::Failed);
    }

    /// The question failed: those who wait ask for themselves, and those who read along are told.
    pub fn fail(mut self, failure: Option<&Failure>) {
        if let Taken::Stream(live, _) = &self.taken {
            live.break_off(failure);
        }
        self.land(Flight::Failed);
    }

    fn about(&mut self, answered: &Arc<RouteTarget>, request_id: &str) -> Arc<About> {
        Arc::new(About {
            answered: Arc::clone(answered),
            request_id: request_id.into(),
            lost: std::mem::take(&mut self.lost),
        })
    }

    fn land(&mut self, end: Flight) {
        if let Some(flight) = self.flight.take() {
            let receiver = flight.subscribe();
            self.cache.table().land(&self.question.key, &receiver);
            flight.send_replace(end);
        }
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        if let Taken::Stream(live, _) = &self.taken {
            live.break_off(None);
        }
        if let Some(flight) = self.flight.take() {
            let receiver = flight.subscribe();
            self.cache.table().land(&self.question.key, &receiver);
            // With the sender goes what the others wait for.
        }
    }
}
