//! A stream that others read along while it runs. What they have not read yet is kept within
//! bounds: who reads too slowly loses the stream, and never holds up anybody.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tollgate_core::error::failure::Origin;
use tollgate_core::error::{Code, Failure, StreamMark};
use tollgate_core::reply::{Finish, Piece, Usage};

use super::About;

/// A stream under way.
pub(super) struct Live {
    pub(super) about: Arc<About>,
    /// The most bytes that are kept of it.
    longest: usize,
    state: Mutex<State>,
}

/// What a stream has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// What the provider said was used.
    pub(super) usage: Option<Usage>,
    /// Why the model stopped.
    pub(super) finish: Option<Finish>,
    /// About how many tokens it has, in sixteenths of a token.
    pub(super) delivered: u32,
}

/// All that a stream has said, and where its parts end.
pub(super) struct Said {
    pub(super) body: Bytes,
    pub(super) ends: Box<[usize]>,
    pub(super) tally: Tally,
}

#[derive(Default)]
struct State {
    /// What is kept of it: from some part on everything.
    body: Vec<u8>,
    /// Where the parts that are kept end, counted from the beginning of the stream.
    ends: VecDeque<usize>,
    /// The parts before those, and their bytes.
    gone: (usize, usize),
    tally: Tally,
    end: Option<End>,
    /// Those who read along, and how to wake those who wait.
    readers: HashMap<u64, Option<Waker>>,
    next_reader: u64,
    /// What is done when the first one comes.
    joined: Option<Hook>,
    /// How to wake whoever gets the stream, once one of them has read all that there is.
    wanted: Option<Waker>,
}

type Hook = Box<dyn FnOnce() + Send>;

/// How it ended.
enum End {
    Whole,
    Broken(Broken),
}

/// What is told of a stream that broke to those who read it along: what really happened.
#[derive(Clone)]
struct Broken {
    code: Code,
    origin: Origin,
    mark: Option<StreamMark>,
}

impl Live {
    pub(super) fn new(about: Arc<About>, longest: usize) -> Arc<Self> {
        Arc::new(Self {
            about,
            longest,
            state: Mutex::default(),
        })
    }

    /// Takes a part. Says whether everything from the beginning on is still there.
    pub(super) fn push(&self, piece: &Piece) -> bool {
        let mut state = self.state();
        state.count(piece);
        state.append(&piece.bytes, self.longest);
        let (is_whole, waiting) = (state.gone.0 == 0, state.waiting());
        drop(state);
        wake(waiting);
        is_whole
    }

    /// The stream has ended well, with this part. Gives what it said, if that is all there.
    pub(super) fn close(&self, last: &Piece) -> Option<Said> {
        let mut state = self.state();
        state.count(last);
        state.append(&last.bytes, self.longest);
        state.end = Some(End::Whole);
        let said = (state.gone.0 == 0).then(|| Said {
            body: if state.readers.is_empty() {
                std::mem::take(&mut state.body).into()
            } else {
                Bytes::copy_from_slice(&state.body)
            },
            ends: state.ends.iter().copied().collect(),
            tally: state.tally,
        });
        let waiting = state.waiting();
        drop(state);
        wake(waiting);
        said
    }

    /// The stream broke, or whoever asked for it has gone. Once it has ended that changes nothing.
    pub(super) fn break_off(&self, failure: Option<&Failure>) {
        let mut state = self.state();
        state.end.get_or_insert_with(|| {
            End::Broken(Broken {
                code: failure.map_or(Code::StreamInterrupted, |it| it.code),
                origin: failure.map_or(Origin::Gateway, |it| it.origin),
                mark: failure.and_then(|it| it.stream.clone()),
            })
        });
        let waiting = state.waiting();
        drop(state);
        wake(waiting);
    }

    /// Somebody reads along from the beginning. `None` if that is not there any more, or the
    /// stream has ended.
    pub(super) fn join(self: &Arc<Self>) -> Option<Reader> {
        let mut state = self.state();
        if state.gone.0 > 0 || state.end.is_some() {
            return None;
        }
        let place = state.next_reader;
        state.next_reader += 1;
        state.readers.insert(place, None);
        let joined = state.joined.take();
        drop(state);
        if let Some(joined) = joined {
            joined();
        }
        Some(Reader {
            live: Arc::clone(self),
            place,
            next: 0,
            is_over: false,
        })
    }

    fn when_joined(&self, hook: Hook) {
        let mut state = self.state();
        if state.next_reader == 0 {
            state.joined = Some(hook);
            return;
        }
        drop(state);
        hook();
    }

    /// Whether anybody reads along.
    pub(super) fn is_read(&self) -> bool {
        !self.state().readers.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change under the lock is complete before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, piece: &Piece) {
        self.tally.usage = piece.usage.or(self.tally.usage);
        self.tally.finish = piece.finish.or(self.tally.finish);
        self.tally.delivered = self.tally.delivered.saturating_add(piece.delivered);
    }

    /// Adds a part. What is too much goes at the beginning, by halves so that it is not moved for
    /// each part; where nobody reads, everything goes.
    fn append(&mut self, bytes: &[u8], longest: usize) {
        if bytes.is_empty() {
            return;
        }
        if self.body.len() + bytes.len() > longest {
            let most = if self.readers.is_empty() {
                0
            } else {
                longest / 2
            };
            self.let_go(most.saturating_sub(bytes.len()));
        }
        self.body.extend_from_slice(bytes);
        self.ends.push_back(self.gone.1 + self.body.len());
    }

    /// Lets go of the first parts, until no more than so many bytes are left.
    fn let_go(&mut self, most: usize) {
        let before = self.gone.1;
        while self.gone.1 + most < before + self.body.len() {
            let Some(end) = self.ends.pop_front() else {
                break;
            };
            self.gone = (self.gone.0 + 1, end);
        }
        let bytes = (self.gone.1 - before).min(self.body.len());
        self.body.drain(..bytes);
    }

    fn waiting(&mut self) -> Vec<Waker> {
        self.readers.values_mut().filter_map(Option::take).collect()
    }

    /// A part by its number. `None`: it is not there yet. Fails if it was let go of.
    fn part(&self, number: usize) -> Result<Option<Bytes>, ()> {
        let index = number.checked_sub(self.gone.0).ok_or(())?;
        let Some(end) = self.ends.get(index) else {
            return Ok(None);
        };
        let before = index.checked_sub(1).and_then(|index| self.ends.get(index));
        let begin = before.copied().unwrap_or(self.gone.1) - self.gone.1;
        let part = self.body.get(begin..end - self.gone.1);
        part.map(|part| Some(Bytes::copy_from_slice(part)))
            .ok_or(())
    }

    fn parts(&self) -> usize {
        self.gone.0 + self.ends.len()
    }
}

fn wake(waiting: Vec<Waker>) {
    for waker in waiting {
        waker.wake();
    }
}

/// A stream that others may come to read along.
pub struct Joining(pub(super) Arc<Live>);

impl Joining {
    /// The most bytes that are kept of it for them.
    pub fn longest(&self) -> usize {
        self.0.longest
    }

    /// Ready while one of them has read everything that there is, and waits for more.
    pub fn poll_wanted(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.state();
        if state.readers.values().any(Option::is_some) {
            return Poll::Ready(());
        }
        state.wanted = Some(context.waker().clone());
        Poll::Pending
    }

    /// Does this once, when the first of them comes; at once if that has happened already.
    pub fn when_joined(&self, hook: impl FnOnce() + Send + 'static) {
        self.0.when_joined(Box::new(hook));
    }
}

/// Somebody who reads a stream along, from its beginning to its end.
pub struct Reader {
    live: Arc<Live>,
    place: u64,
    next: usize,
    is_over: bool,
}

impl Reader {
    /// The next part; the last one carries what the whole stream has come to. `None` behind it.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Failure>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let mut state = self.live.state();
        let Ok(part) = state.part(self.next) else {
            self.is_over = true;
            return Poll::Ready(Some(Err(too_slow())));
        };
        let last = self.next + 1 >= state.parts();
        match (&state.end, part) {
            (Some(End::Whole), part) if last => {
                self.is_over = true;
                let tally = state.tally;
                Poll::Ready(Some(Ok(Piece {
                    bytes: part.unwrap_or_default(),
                    usage: tally.usage,
                    finish: tally.finish,
                    delivered: tally.delivered,
                    content: true,
                    last,
                })))
            }
            (_, Some(bytes)) => {
                self.next += 1;
                Poll::Ready(Some(Ok(Piece {
                    bytes,
                    content: true,
                    ..Piece::default()
                })))
            }
            (Some(End::Broken(broken)), None) => {
                self.is_over = true;
                Poll::Ready(Some(Err(broken.failure())))
            }
            (Some(End::Whole) | None, None) => {
                let waker = state.readers.entry(self.place).or_default();
                *waker = Some(context.waker().clone());
                let wanted = state.wanted.take();
                drop(state);
                wanted.into_iter().for_each(Waker::wake);
                Poll::Pending
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.live.state().readers.remove(&self.place);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Reader({}, {})", self.place, self.next)
    }
}

impl Broken {
    fn failure(&self) -> Failure {
        let mut failure = Failure::new(self.code, self.origin)
            .message("The answer that this request shared with an equal one broke off. Ask again.");
        failure.stream.clone_from(&self.mark);
        failure
    }
}

fn too_slow() -> Failure {
    Failure::gateway(Code::StreamInterrupted).message(
        "This answer was shared with an equal request, and was not read as fast as it came. Ask \
         again.",
    )
}
