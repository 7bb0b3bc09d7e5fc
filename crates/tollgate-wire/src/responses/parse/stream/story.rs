//! What the events of a stream tell, one after the other.

use serde_json::{Map, Value};
use tollgate_core::reply::Finish;

use crate::json::Text;
use crate::neutral::{Content, Ending, Event, Part};
use crate::responses::event::{About, Fields};
use crate::responses::facts::Facts;
use crate::responses::parse::answer;
use crate::stream::StreamProblem;

/// More items than any answer has; bounds what is kept of hostile streams.
pub(super) const MOST_ITEMS: usize = 4096;

/// What has been told so far.
pub(super) struct Story {
    provider: &'static str,
    begun: bool,
    /// Whether the end was told.
    pub(super) ended: bool,
    items: Vec<Item>,
    /// The number of calls.
    calls: usize,
    /// Whether something was told that another part could be taken to go on with.
    open: bool,
}

/// An item of the output. Its texts are not kept.
struct Item {
    /// Its place in the output.
    index: u64,
    /// Which call it is, if it is one.
    call: Option<usize>,
    /// Whether something of it was told in stretches, which need not be told again at its end.
    told: bool,
    /// Whether it is complete.
    done: bool,
    /// Whether the references of its current text were told one by one.
    cited: bool,
    /// The event that its thought is told by; the other one would repeat it.
    thought: Option<About>,
}

impl Story {
    pub(super) fn new(provider: &'static str) -> Self {
        Self {
            provider,
            begun: false,
            ended: false,
            items: Vec::new(),
            calls: 0,
            open: false,
        }
    }

    /// Says that the answer begins, if that was not said.
    pub(super) fn begin(&mut self, facts: Option<&Facts<'_>>, events: &mut Vec<Event>) {
        if !self.begun {
            self.begun = true;
            events.push(Event::Begin {
                id: facts.and_then(|facts| facts.id).and_then(answer::owned),
                model: facts.and_then(|facts| facts.model).and_then(answer::owned),
            });
        }
    }

    /// Adds what an event says.
    pub(super) fn tell(
        &mut self,
        about: About,
        fields: &Fields<'_>,
        facts: Option<Facts<'_>>,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        match about {
            About::Error | About::Response | About::Repeats => {}
            About::Unknown => events.push(Event::Idle),
            About::ItemAdded => self.add(fields, events)?,
            About::ItemDone => self.finish(fields, events)?,
            About::PartAdded => {
                let item = self.item(fields.output_index)?;
                item.cited = false;
                // The first part needs no break, but one that follows is another part.
                if item.told {
                    self.pause(events);
                }
            }
            About::PartDone => self.cite(fields, events)?,
            About::Annotation => {
                self.item(fields.output_index)?.cited = true;
                let annotation = value(fields.annotation)?;
                events.extend(answer::citation(&annotation).map(Event::Citation));
            }
            About::SummaryPart => {
                let item = self.item(fields.output_index)?;
                if item.told && fields.summary_index > 0 {
                    events.push(Event::Reasoning("\n\n".to_owned()));
                }
            }
            About::Text | About::Refusal | About::Thought | About::Summary | About::Arguments => {
                self.stretch(about, fields, events)?;
            }
            About::Completed | About::Incomplete => {
                let facts = facts.ok_or(StreamProblem::Malformed("there is no `response`"))?;
                let is_cut = about == About::Incomplete;
                let facts = if is_cut { facts.cut() } else { facts };
                self.end(fields, facts, events)?;
            }
        }
        Ok(())
    }

    /// Says that what follows is another part, if something came before.
    fn pause(&mut self, events: &mut Vec<Event>) {
        if std::mem::take(&mut self.open) {
            events.push(Event::Break);
        }
    }

    /// Parts that come whole.
    fn tell_parts(&mut self, parts: Vec<Part>, events: &mut Vec<Event>) {
        for part in parts {
            self.pause(events);
            self.open = true;
            match part.content {
                Content::Text { text, citations } => {
                    events.push(Event::Text(text));
                    events.extend(citations.into_iter().map(Event::Citation));
                }
                Content::Refusal(text) => events.push(Event::Refusal(text)),
                Content::Reasoning(thought) => {
                    if !thought.text.is_empty() {
                        events.push(Event::Reasoning(thought.text));
                    }
                    events.extend(thought.state.map(|state| Event::ReasoningState {
                        state,
                        redacted: false,
                    }));
                }
                Content::Image(_)
                | Content::Audio(_)
                | Content::Document(_)
                | Content::ToolCall(_)
                | Content::ToolResult(_) => {}
            }
            self.pause(events);
        }
    }

    /// The item at this place, which may begin here: not every server says so first.
    fn item(&mut self, index: u64) -> Result<&mut Item, StreamProblem> {
        let found = self.items.iter().rposition(|item| item.index == index);
        let place = match found {
            Some(place) => place,
            None if self.items.len() == MOST_ITEMS => {
                return Err(StreamProblem::Malformed("more items than an answer has"));
            }
            None => {
                self.items.push(Item {
                    index,
                    call: None,
                    told: false,
                    done: false,
                    cited: false,
                    thought: None,
                });
                self.items.len() - 1
            }
        };
        self.items
            .get_mut(place)
            .ok_or(StreamProblem::Malformed("an item is nowhere"))
    }

    fn add(&mut self, fields: &Fields<'_>, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        let item = object(fields.item)?;
        let calls = self.calls;
        let known = self.item(fields.output_index)?;
        match answer::text(&item, "type") {
            // A message after a message is another part, and so is a thought after a thought.
            "message" | "reasoning" => self.pause(events),
            "function_call" if known.call.is_none() => {
                known.call = Some(calls);
                self.calls += 1;
                events.push(call_of(&item, calls)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// The next stretch of a text, a thought or arguments.
    fn stretch(
        &mut self,
        about: About,
        fields: &Fields<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        let text = plain(fields.delta)?;
        if text.is_empty() {
            return Ok(());
        }
        let item = self.item(fields.output_index)?;
        item.told = true;
        let event = match about {
            About::Text => Event::Text(text),
            About::Refusal => Event::Refusal(text),
            About::Thought | About::Summary if *item.thought.get_or_insert(about) == about => {
                Event::Reasoning(text)
            }
            About::Arguments => Event::Arguments {
                index: item
                    .call
                    .ok_or(StreamProblem::Malformed("arguments without a call"))?,
                json: text,
            },
            _ => return Ok(()),
        };
        self.open |= about != About::Arguments;
        events.push(event);
        Ok(())
    }

    /// The references of a text that were not told one by one.
    fn cite(&mut self, fields: &Fields<'_>, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        let item = self.item(fields.output_index)?;
        if item.told && !std::mem::replace(&mut item.cited, true) {
            let part = object(fields.part)?;
            let citations = answer::citations(&part).into_iter();
            events.extend(citations.map(Event::Citation));
        }
        Ok(())
    }

    /// The end of an item: what was not told in stretches is told now.
    fn finish(
        &mut self,
        fields: &Fields<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        let item = object(fields.item)?;
        let provider = self.provider;
        let calls = self.calls;
        let known = self.item(fields.output_index)?;
        let told = std::mem::replace(&mut known.told, true);
        known.done = true;
        let mut parts = Vec::new();
        answer::add_item(&item, provider, &mut parts);
        match (answer::text(&item, "type"), told) {
            ("reasoning", true) => {
                let state = answer::state(&item, provider);
                events.extend(state.map(|state| Event::ReasoningState {
                    state,
                    redacted: false,
                }));
                self.pause(events);
            }
            ("function_call" | "custom_tool_call", told) => {
                let index = if let Some(index) = known.call {
                    index
                } else {
                    known.call = Some(calls);
                    self.calls += 1;
                    events.push(call_of(&item, calls)?);
                    calls
                };
                let json = answer::tool_call(&item).arguments;
                if !told && !json.is_empty() {
                    events.push(Event::Arguments { index, json });
                }
                events.push(Event::CallEnd { index });
            }
            ("message", true) => self.pause(events),
            (_, false) => self.tell_parts(parts, events),
            (_, true) => {}
        }
        Ok(())
    }

    fn end(
        &mut self,
        fields: &Fields<'_>,
        facts: Facts<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        if self.items.is_empty() {
            // All is said at once.
            let response = object(fields.response)?;
            let output = response.get("output").and_then(Value::as_array);
            for item in output.into_iter().flatten() {
                let text = item.to_string();
                let whole = Fields {
                    item: Some(&text),
                    output_index: self.items.len() as u64,
                    ..Fields::default()
                };
                self.finish(&whole, events)?;
            }
        }
        for item in self.items.iter().filter(|item| !item.done) {
            events.extend(item.call.map(|index| Event::CallEnd { index }));
        }
        let finish = match facts.finish() {
            Some(Finish::Stop) if self.calls > 0 => Finish::ToolCalls,
            Some(finish) => finish,
            None => return Err(StreamProblem::Malformed("the end is none")),
        };
        events.push(Event::Finish(Ending::new(finish)));
        events.extend(facts.usage.map(Event::Usage));
        events.push(Event::End);
        self.ended = true;
        Ok(())
    }
}

fn call_of(item: &Map<String, Value>, index: usize) -> Result<Event, StreamProblem> {
    let call = answer::tool_call(item);
    if call.id.is_empty() || call.name.is_empty() {
        return Err(StreamProblem::Malformed("a call without a name or an id"));
    }
    Ok(Event::ToolCall {
        index,
        id: call.id,
        name: call.name,
        state: None,
    })
}

/// A text without its escapes.
fn plain(text: Option<Text<'_>>) -> Result<String, StreamProblem> {
    let text = text.ok_or(StreamProblem::Malformed("there is no `delta`"))?;
    let text = text
        .decode()
        .ok_or(StreamProblem::Malformed("half of a surrogate pair"))?;
    Ok(text.into_owned())
}

fn value(text: Option<&str>) -> Result<Value, StreamProblem> {
    let text = text.ok_or(StreamProblem::Malformed("an event lacks its object"))?;
    serde_json::from_str(text).map_err(|_| StreamProblem::Malformed("a text in it is broken"))
}

fn object(text: Option<&str>) -> Result<Map<String, Value>, StreamProblem> {
    match value(text)? {
        Value::Object(object) => Ok(object),
        _ => Err(StreamProblem::Malformed("an event lacks its object")),
    }
}
