//! An answer on its way into the cache. Whoever drops it unfinished has gone away: then the next
//! of those who wait asks.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use tollgate_core::reply::{Finish, Piece, Usage};

use super::{Cache, Flight, Kept, Question};
use crate::routes::RouteTarget;

/// Takes what a provider answers to a question.
pub struct Filling {
    cache: Arc<Cache>,
    /// What was asked.
    pub question: Question,
    /// Parts of the request that its provider could not be told.
    pub lost: Vec<String>,
    flight: Option<watch::Sender<Flight>>,
    generation: u64,
    longest: usize,
    body: Vec<u8>,
    ends: Vec<usize>,
    usage: Option<Usage>,
    delivered: u64,
    finish: Option<Finish>,
    is_stream: bool,
    is_too_long: bool,
}

impl Filling {
    pub(super) fn new(
        cache: Arc<Cache>,
        question: Question,
        (flight, generation): (Option<watch::Sender<Flight>>, u64),
        longest: usize,
    ) -> Self {
        Self {
            cache,
            question,
            lost: Vec::new(),
            flight,
            generation,
            longest,
            body: Vec::new(),
            ends: Vec::new(),
            usage: None,
            delivered: 0,
            finish: None,
            is_stream: false,
            is_too_long: false,
        }
    }

    /// Takes a whole answer.
    pub fn take(&mut self, body: &[u8], usage: Option<Usage>, finish: Option<Finish>) {
        self.push(body);
        (self.usage, self.finish) = (usage, finish);
    }

    /// Takes a part of a stream.
    pub fn see(&mut self, piece: &Piece) {
        self.is_stream = true;
        self.usage = piece.usage.or(self.usage);
        self.finish = piece.finish.or(self.finish);
        self.delivered += u64::from(piece.delivered);
        if !piece.bytes.is_empty() {
            self.push(&piece.bytes);
            self.ends.push(self.body.len());
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.is_too_long |= self.body.len() + bytes.len() > self.longest;
        if self.is_too_long {
            (self.body, self.ends) = (Vec::new(), Vec::new());
        } else {
            self.body.extend_from_slice(bytes);
        }
    }

    /// The answer is complete: keeps it, and gives it to those who wait. One that was cut by a
    /// limit or a filter, or is too long, is not for others.
    pub fn keep(mut self, answered: &Arc<RouteTarget>, request_id: &str) {
        let is_cut = match self.finish {
            None | Some(Finish::Stop | Finish::ToolCalls) => false,
            Some(Finish::Length | Finish::ContentFilter | Finish::Other) => true,
        };
        let is_empty = self.body.is_empty();
        if is_cut || is_empty || self.is_too_long {
            return self.fail();
        }
        let cache = Arc::clone(&self.cache);
        let Question {
            key, ttl, stale, ..
        } = self.question;
        let ends = std::mem::take(&mut self.ends);
        let kept = Arc::new(Kept {
            body: Bytes::from(std::mem::take(&mut self.body)),
            ends: self.is_stream.then(|| ends.into()),
            usage: self.usage,
            delivered: self.delivered,
            finish: self.finish,
            answered: Arc::clone(answered),
            request_id: request_id.into(),
            lost: std::mem::take(&mut self.lost),
            born: cache.ticker.moment(),
            ttl,
            stale,
        });
        let most = cache.settings.load().size;
        let mut table = cache.table();
        if table.generation == self.generation {
            table.put(key, Arc::clone(&kept), most);
        }
        drop(table);
        self.land(Flight::Kept(kept));
    }

    /// The question failed, or its answer is not for others: those who wait ask for themselves.
    pub fn fail(mut self) {
        self.land(Flight::Failed);
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
        if let Some(flight) = self.flight.take() {
            let receiver = flight.subscribe();
            self.cache.table().land(&self.question.key, &receiver);
            // With the sender goes what the others wait for.
        }
    }
}
