//! Going on with a stream that broke, as the engine asks for it: the formats know how.

use tollgate_core::call::Call;
use tollgate_core::reply::Piece;
use tollgate_engine::port;
use tollgate_wire::continuation::Continuation;

/// A stream that is watched in its caller's format.
struct Watched(Continuation);

/// Begins to watch the stream of a call; `None` where its format has no way to go on.
pub(crate) fn of(call: &Call) -> Option<Box<dyn port::Continuation>> {
    Some(Box::new(Watched(Continuation::new(call)?)))
}

impl port::Continuation for Watched {
    fn watch(&mut self, piece: &Piece) {
        self.0.watch(piece);
    }

    fn call(&self) -> Option<Call> {
        self.0.call()
    }

    fn switch(&mut self, model: &str) {
        self.0.switch(model);
    }

    fn splice(&mut self, piece: Piece) -> Piece {
        self.0.splice(piece)
    }
}
