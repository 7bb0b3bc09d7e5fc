//! Calls of tools as they come in pieces.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::neutral::Event;
use crate::sse::{EVENT_CAP, TooLarge};
use crate::state::State;
use crate::stream::StreamProblem;

/// The most calls that one answer is believed to have.
const MOST: usize = 1024;

/// The calls of one answer.
#[derive(Default)]
pub(super) struct Calls {
    list: Vec<Call>,
    ids: HashSet<String>,
    /// How many have begun.
    begun: usize,
    /// How many bytes of arguments are held because the name of their tool is missing.
    held: usize,
    ended: bool,
}

/// One call.
#[derive(Default)]
struct Call {
    /// The provider's number, if it counts.
    number: Option<u64>,
    /// The provider's id; empty if it gives none.
    id: String,
    /// The place among the calls that have begun.
    index: Option<usize>,
    /// What came before the name.
    arguments: String,
    state: Option<State>,
}

/// What one piece says.
#[derive(Default)]
pub(super) struct Piece<'a> {
    number: Option<u64>,
    id: &'a str,
    name: &'a str,
    arguments: String,
    state: Option<State>,
}

impl<'a> Piece<'a> {
    /// An item of `tool_calls`, with the number that tells its call apart.
    pub(super) fn of(item: &'a Map<String, Value>, number: Option<u64>, provider: &str) -> Self {
        let function = item.get("function").and_then(Value::as_object);
        let google = item
            .get("extra_content")
            .and_then(|extra| extra.get("google"));
        let signature = google
            .and_then(|google| google.get("thought_signature"))
            .and_then(Value::as_str)
            .filter(|signature| !signature.is_empty());
        Self {
            number,
            id: text(item, "id"),
            name: function.map_or("", |function| text(function, "name")),
            arguments: function.map(arguments).unwrap_or_default(),
            state: signature.map(|signature| State::of(provider, signature)),
        }
    }

    /// A `function_call`: there is but one.
    pub(super) fn of_function(function: &'a Map<String, Value>) -> Self {
        Self {
            number: Some(0),
            name: text(function, "name"),
            arguments: arguments(function),
            ..Self::default()
        }
    }
}

impl Calls {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes a piece. `answer` is the id of the answer, from which ids are made where the provider
    /// gives none.
    pub(super) fn take(
        &mut self,
        piece: Piece<'_>,
        answer: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        if piece.id.is_empty() && piece.name.is_empty() && piece.arguments.is_empty() {
            return Ok(());
        }
        if self.ended {
            return Err(StreamProblem::Malformed("a tool call behind the finish"));
        }
        let place = match self.find(&piece) {
            Some(place) => place,
            None => self.add(&piece)?,
        };
        let Some(call) = self.list.get_mut(place) else {
            return Ok(());
        };
        call.state = piece.state.or(call.state.take());
        if call.id.is_empty() {
            piece.id.clone_into(&mut call.id);
        }
        if call.index.is_none() && !piece.name.is_empty() {
            call.index = Some(self.begun);
            let id = unique(&call.id, answer, self.begun, &mut self.ids);
            events.push(Event::ToolCall {
                index: self.begun,
                id,
                name: piece.name.to_owned(),
                state: call.state.take(),
            });
            self.begun += 1;
            self.held -= call.arguments.len();
            let before = std::mem::take(&mut call.arguments);
            push(place_of(call), before, events);
        }
        if call.index.is_some() {
            push(place_of(call), piece.arguments, events);
            return Ok(());
        }
        self.held += piece.arguments.len();
        if self.held > EVENT_CAP {
            return Err(TooLarge.into());
        }
        call.arguments.push_str(&piece.arguments);
        Ok(())
    }

    /// The call that a piece belongs to. A number alone is not to be trusted: some servers give
    /// zero to every call, and then another id and name tell that it is another call.
    fn find(&self, piece: &Piece<'_>) -> Option<usize> {
        let begins = !piece.name.is_empty();
        let other = |call: &Call| {
            begins && !piece.id.is_empty() && !call.id.is_empty() && piece.id != call.id
        };
        let last = |wanted: &dyn Fn(&Call) -> bool| self.list.iter().rposition(wanted);
        if let Some(number) = piece.number {
            let place = last(&|call| call.number == Some(number))?;
            return self
                .list
                .get(place)
                .filter(|call| !other(call))
                .map(|_| place);
        }
        if !piece.id.is_empty() {
            return last(&|call| call.id == piece.id);
        }
        if begins {
            return None;
        }
        self.list.len().checked_sub(1)
    }

    fn add(&mut self, piece: &Piece<'_>) -> Result<usize, StreamProblem> {
        if self.list.len() == MOST {
            return Err(StreamProblem::Malformed("more tool calls than can be"));
        }
        self.list.push(Call {
            number: piece.number,
            id: piece.id.to_owned(),
            ..Call::default()
        });
        Ok(self.list.len() - 1)
    }

    /// Takes the end of all calls. Fails if one has no name.
    pub(super) fn end(&mut self, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        if self.begun < self.list.len() {
            return Err(StreamProblem::Malformed("a tool call without a name"));
        }
        events.extend((0..self.begun).map(|index| Event::CallEnd { index }));
        Ok(())
    }
}

fn place_of(call: &Call) -> usize {
    call.index.unwrap_or_default()
}

fn push(index: usize, json: String, events: &mut Vec<Event>) {
    if !json.is_empty() {
        events.push(Event::Arguments { index, json });
    }
}

/// The id of a call: the provider's, if it gave one that no other call of the answer has.
fn unique(given: &str, answer: &str, index: usize, ids: &mut HashSet<String>) -> String {
    let id = if given.is_empty() {
        let answer = answer.bytes().filter(u8::is_ascii_alphanumeric);
        let answer: String = answer.map(char::from).collect();
        format!("call_{answer}_{index}")
    } else if ids.contains(given) {
        format!("{given}_{index}")
    } else {
        given.to_owned()
    };
    ids.insert(id.clone());
    id
}

/// The arguments of a function: a text, or an object as some servers write it.
fn arguments(function: &Map<String, Value>) -> String {
    match function.get("arguments") {
        Some(Value::String(text)) => text.clone(),
        Some(object @ Value::Object(_)) => object.to_string(),
        _ => String::new(),
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> &'a str {
    let text = object.get(name).and_then(Value::as_str);
    text.unwrap_or_default()
}
