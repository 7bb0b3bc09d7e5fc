//! Going on with a stream that broke: what was said to the caller is collected, another target is
//! asked for the rest, and its stream is made to go on where the first one broke off.

mod anthropic;
mod body;
mod chat;
mod chunks;
mod completions;
mod events;
mod form;
mod frame;
mod gemini;
mod said;
mod seam;
mod tally;
#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};
use tollgate_core::call::Call;
use tollgate_core::format::{Format, Operation};
use tollgate_core::reply::Piece;

use crate::formats::{self, Received};
use crate::json;
use events::{Incoming, Says};
use form::{Form, Members, Words};
use frame::Frame;
use said::Said;
use seam::Seam;
use tally::{Tally, Total};

/// Follows one stream of a caller over all the targets that it takes to finish it.
///
/// Nothing of the request is looked at before the stream breaks, so that a stream that does not
/// costs no more than reading its events.
pub struct Continuation {
    call: Call,
    form: Box<dyn Form>,
    events: events::Reader,
    frame: Frame,
    said: Said,
    tally: Tally,
    /// Where a further stream joins; `None` as long as the first one goes on.
    seam: Option<Seam>,
    /// Who goes on, until the place is marked.
    successor: Option<String>,
}

impl Continuation {
    /// Begins to watch the stream of a call; `None` where the caller's format has no way to go
    /// on, or where no stream was asked for.
    pub fn new(call: &Call) -> Option<Self> {
        if !call.stream || call.operation != Operation::Chat {
            return None;
        }
        let (form, frame): (Box<dyn Form>, _) = match call.format {
            Format::OpenAi => (Box::new(chunks::Chunks::chat()), Frame::Data),
            Format::Completions => (Box::new(chunks::Chunks::text()), Frame::Data),
            Format::Anthropic => (Box::new(anthropic::Messages::default()), Frame::Named),
            Format::Gemini => (
                Box::new(gemini::Responses::default()),
                Frame::of_gemini(call.array),
            ),
            Format::Responses | Format::Bedrock | Format::Cohere | Format::Ollama => return None,
        };
        Some(Self {
            call: call.clone(),
            form,
            events: events::Reader::new(call.array),
            frame,
            said: Said::default(),
            tally: Tally::default(),
            seam: None,
            successor: None,
        })
    }

    /// Notes a part of the first stream that goes to the caller. Parts that
    /// [`Continuation::splice`] has given are noted already, and are not noted twice.
    pub fn watch(&mut self, piece: &Piece) {
        if self.seam.is_some() || self.said.is_over() {
            return;
        }
        self.frame.note(&piece.bytes);
        let mut counted = None;
        for incoming in self.events.read(&piece.bytes) {
            match incoming.says {
                Says::Object(event) => self.note(&event, &mut counted),
                Says::Nothing => {}
                Says::Done => self.said.close(),
                Says::Unreadable => self.said.give_up(),
            }
        }
        self.tally
            .report(piece.usage, counted.unwrap_or(self.said.len()));
        if piece.last || piece.finish.is_some() {
            self.said.close();
        }
        self.said.forget_if_over();
    }

    fn note(&mut self, event: &Members, counted: &mut Option<usize>) {
        self.form.note(event, &mut self.said);
        if self.form.has_counts(event) {
            *counted = Some(self.said.len());
        }
    }

    /// The call that asks for the rest: the one that was made, with what was said as the beginning
    /// of the answer, and with what that took off the bound of its length. `None` where going on
    /// is not safe.
    pub fn call(&self) -> Option<Call> {
        let said = self.said.open()?;
        let sent = said.get(..self.sent(said))?;
        if sent.is_empty() {
            return None;
        }
        let text = json::utf8(&self.call.body).ok()?;
        let body = self.form.ask(text, sent, self.tally.spent(said.len()))?;
        let received = Received {
            operation: self.call.operation,
            body,
            model: Some(&self.call.model),
            stream: self.call.stream,
            array: self.call.array,
        };
        let mut call = formats::read(self.call.format, received).ok()?;
        call.model.clone_from(&self.call.model);
        call.carried.clone_from(&self.call.carried);
        call.query.clone_from(&self.call.query);
        Some(call)
    }

    /// How much of what was said is sent as the beginning of the answer.
    fn sent(&self, said: &str) -> usize {
        if self.form.ends_in_words() {
            said.trim_end().len()
        } else {
            said.len()
        }
    }

    /// From now on parts of another stream come. `model` is the name of the model that goes on,
    /// for the mark at the place where it does.
    pub fn switch(&mut self, model: &str) {
        let said = self.said.text();
        self.seam = Some(Seam::new(self.sent(said), said.len()));
        self.tally.switch(said.len());
        self.events = events::Reader::new(self.call.array);
        self.form.switch();
        self.successor = Some(frame::in_one_line(model));
    }

    /// A part of the further stream, as it is to reach the caller.
    pub fn splice(&mut self, mut piece: Piece) -> Piece {
        let Some(mut seam) = self.seam.take() else {
            return piece;
        };
        self.tally.report(piece.usage, self.said.len());
        let mut out = BytesMut::new();
        let mut counted = None;
        let mut joined = Vec::new();
        let bytes = std::mem::take(&mut piece.bytes);
        for Incoming { raw, says } in self.events.read(&bytes) {
            match says {
                Says::Object(event) => {
                    let mut words = Words {
                        seam: &mut seam,
                        said: self.said.text(),
                    };
                    self.form.join(event, &mut words, &mut joined);
                    for event in joined.drain(..) {
                        self.give(event, &mut counted, &mut out);
                    }
                }
                // Between the events, where no words wait.
                Says::Nothing => self.frame.pass_comment(&raw, &mut out),
                Says::Done => {
                    self.give_held(&mut seam, &mut out);
                    self.said.close();
                    self.pass(&raw, &mut out);
                }
                Says::Unreadable => {
                    self.give_held(&mut seam, &mut out);
                    self.said.give_up();
                    self.pass(&raw, &mut out);
                }
            }
        }
        if piece.last {
            self.give_held(&mut seam, &mut out);
            self.frame.end(&mut out);
            self.said.close();
        }
        self.seam = Some(seam);
        self.tally.place(counted.unwrap_or(self.said.len()));
        piece.usage = self.usage(&piece);
        piece.content &= !out.is_empty();
        piece.bytes = out.freeze();
        piece
    }

    /// The counts of all parts, where this piece tells any: with the end they are told in any
    /// case, or those of the first part would be taken for all.
    fn usage(&self, piece: &Piece) -> Option<tollgate_core::reply::Usage> {
        let told = piece.usage.is_some() || (piece.last && self.tally.is_reported());
        told.then(|| self.tally.total(self.said.len()).usage)
    }

    /// Words that were held, as their own event.
    fn give_held(&mut self, seam: &mut Seam, out: &mut BytesMut) {
        let held = seam.flush(self.said.text());
        if !held.is_empty() {
            let event = self.form.speak(held);
            self.give(event, &mut None, out);
        }
    }

    /// Writes an event, and notes what it says.
    fn give(&mut self, mut event: Members, counted: &mut Option<usize>, out: &mut BytesMut) {
        self.note(&event, counted);
        if self.form.has_counts(&event) {
            let total: Total = self.tally.total(self.said.len());
            self.form.count(&mut event, &total);
        }
        if let Some(model) = self.successor.take() {
            self.frame.mark(&model, &mut event, out);
        }
        self.frame.write(event, out);
    }

    /// Passes on what came, as it came.
    fn pass(&mut self, raw: &Bytes, out: &mut BytesMut) {
        if self.frame.has_comments()
            && let Some(model) = self.successor.take()
        {
            self.frame.mark(&model, &mut Members::new(), out);
        }
        self.frame.pass(raw, out);
    }
}
