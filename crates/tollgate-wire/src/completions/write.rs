//! Writing completions. Only text has a place in them: thoughts are left out, and tools cannot
//! have been asked for.

use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_core::reply::{Finish, Usage};

use crate::formats::Asked;
use crate::neutral::{Answer, Content, Event};
use crate::sse;
use crate::stream::WriteEvents;

/// Writes an answer.
pub fn answer(answer: &Answer, asked: &Asked<'_>) -> Bytes {
    let frame = Frame::new(asked).told(answer.id.as_deref(), answer.model.as_deref());
    let mut text = String::new();
    for part in &answer.parts {
        match &part.content {
            Content::Text { text: more, .. } | Content::Refusal(more) => text.push_str(more),
            Content::Reasoning(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_)
            | Content::Image(_)
            | Content::Audio(_)
            | Content::Document(_) => {}
        }
    }
    let finish = answer.ending.as_ref().map(|ending| word(ending.finish));
    let mut object = frame.object(&json!([choice(&text, finish)]));
    if let (Some(usage), Some(object)) = (&answer.usage, object.as_object_mut()) {
        object.insert("usage".to_owned(), counts(usage));
    }
    object.to_string().into()
}

/// Writes a stream.
pub fn stream(asked: &Asked<'_>) -> Box<dyn WriteEvents> {
    Box::new(Writer {
        frame: Frame::new(asked),
        shows_usage: asked.usage,
        usage: None,
    })
}

/// What every object of an answer repeats.
struct Frame {
    id: String,
    model: String,
    created: i64,
}

impl Frame {
    fn new(asked: &Asked<'_>) -> Self {
        Self {
            id: format!("cmpl-{}", asked.request_id),
            model: asked.model.to_owned(),
            created: asked.now,
        }
    }

    /// The frame with what the provider has told.
    fn told(mut self, id: Option<&str>, model: Option<&str>) -> Self {
        self.id = id.map_or(self.id, str::to_owned);
        self.model = model.map_or(self.model, str::to_owned);
        self
    }

    fn object(&self, choices: &Value) -> Value {
        json!({
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }
}

fn choice(text: &str, finish: Option<&str>) -> Value {
    json!({"text": text, "index": 0, "logprobs": null, "finish_reason": finish})
}

/// The reason in the words of the format, which has none for tools.
const fn word(finish: Finish) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::ContentFilter => "content_filter",
        Finish::Stop | Finish::ToolCalls | Finish::Other => "stop",
    }
}

fn counts(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt.saturating_add(usage.completion),
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    })
}

struct Writer {
    frame: Frame,
    /// Whether the caller asked for a chunk with the usage.
    shows_usage: bool,
    usage: Option<Usage>,
}

impl Writer {
    fn chunk(&self, choices: &Value, usage: Value, out: &mut Vec<u8>) {
        let mut chunk = self.frame.object(choices);
        if let (true, Some(chunk)) = (self.shows_usage, chunk.as_object_mut()) {
            chunk.insert("usage".to_owned(), usage);
        }
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(chunk.to_string().as_bytes());
        out.extend_from_slice(b"\n\n");
    }
}

impl WriteEvents for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model } => {
                if let Some(id) = id {
                    self.frame.id.clone_from(id);
                }
                if let Some(model) = model {
                    self.frame.model.clone_from(model);
                }
            }
            Event::Text(text) | Event::Refusal(text) => {
                self.chunk(&json!([choice(text, None)]), Value::Null, out);
            }
            Event::Finish(ending) => {
                let choice = choice("", Some(word(ending.finish)));
                self.chunk(&json!([choice]), Value::Null, out);
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Idle => out.extend_from_slice(b": keep-alive\n\n"),
            Event::End => {
                if let (true, Some(usage)) = (self.shows_usage, &self.usage) {
                    self.chunk(&json!([]), counts(usage), out);
                }
                out.extend_from_slice(sse::DONE);
            }
            Event::Citation(_)
            | Event::Reasoning(_)
            | Event::ReasoningState { .. }
            | Event::Break
            | Event::ToolCall { .. }
            | Event::Arguments { .. }
            | Event::CallEnd { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::completions::relay;
    use crate::neutral::sample;
    use crate::stream::{StreamRules, Terminator};

    const ASKED: Asked<'static> = Asked {
        model: "asked",
        request_id: "req-1",
        now: 1_700_000_000,
        usage: true,
        array: false,
        freeform: &[],
    };

    /// What of an answer has a place in this format.
    fn spoken(answer: &Answer) -> (String, Option<Finish>) {
        let texts = answer.parts.iter().filter_map(|part| match &part.content {
            Content::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        let finish = answer.ending.as_ref().map(|ending| match ending.finish {
            // There are no tools.
            Finish::ToolCalls => Finish::Stop,
            other => other,
        });
        (texts.collect(), finish)
    }

    /// Of the counts, those that every reader of the format knows.
    fn known(usage: Option<Usage>) -> Option<Usage> {
        usage.map(|usage| Usage {
            reasoning: usage.reasoning.min(usage.completion),
            ..usage
        })
    }

    proptest! {
        #[test]
        fn answers_say_what_was_said(given in sample::answer("sim")) {
            let body = answer(&given, &ASKED);
            let value: Value = serde_json::from_slice(&body).unwrap();
            let read = relay::answer(body).unwrap();
            let text = value["choices"][0]["text"].as_str().unwrap().to_owned();
            prop_assert_eq!((text, read.finish), spoken(&given));
            prop_assert_eq!(known(read.usage), known(given.usage));
            prop_assert_eq!(value["id"].as_str(), given.id.as_deref());
        }

        #[test]
        fn streams_say_what_was_said(given in sample::answer("sim"), size in 1_usize..9) {
            let mut writer = stream(&ASKED);
            let mut out = Vec::new();
            for event in sample::events(&given, size) {
                writer.write(&event, &mut out);
            }
            let mut text = String::new();
            for line in std::str::from_utf8(&out).unwrap().lines() {
                let data = line.strip_prefix("data: ").filter(|data| *data != "[DONE]");
                let Some(data) = data else { continue };
                let chunk: Value = serde_json::from_str(data).unwrap();
                prop_assert_eq!(chunk["object"].as_str(), Some("text_completion"));
                text.push_str(chunk["choices"][0]["text"].as_str().unwrap_or_default());
            }
            let mut reader = relay::stream(StreamRules {
                show_usage: true,
                done: Terminator::Done,
                provider: "sim",
                array: false,
            });
            let fed = reader.feed(out.into());
            prop_assert_eq!(fed.problem, None);
            prop_assert!(fed.piece.last);
            prop_assert_eq!((text, fed.piece.finish), spoken(&given));
            prop_assert_eq!(known(fed.piece.usage), known(given.usage));
        }
    }

    #[test]
    fn usage_is_told_only_to_those_who_ask() {
        let given = Answer {
            usage: Some(Usage::default()),
            parts: vec![crate::neutral::Part::text("Hi")],
            ..Answer::default()
        };
        let mut writer = stream(&Asked {
            usage: false,
            ..ASKED
        });
        let mut out = Vec::new();
        for event in sample::events(&given, 9) {
            writer.write(&event, &mut out);
        }
        let out = String::from_utf8(out).unwrap();
        assert!(!out.contains("usage"), "{out}");
        assert!(out.contains("\"id\":\"cmpl-req-1\"") && out.ends_with("data: [DONE]\n\n"));
    }
}
