//! One answer as the providers of each format give it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::family::Family;
use super::told::Told;

pub const THOUGHT: &str = "Hm \"so\".";
pub const TEXT: &str = "I look,\n\u{1f431}.";
pub const ARGUMENTS: &str = r#"{"city":"Łódź","days":2}"#;
const MODEL: &str = "real-model-1";
const CALLS: [(&str, &str); 2] = [("call_a", "weather"), ("call_b", "news")];

/// An answer with a thought, a text, and maybe two calls.
pub struct Said {
    pub calls: bool,
    pub ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Stop,
    Length,
    Filter,
    Calls,
}

impl Said {
    /// What a caller is to be told. Anthropic counts no thoughts apart, and writes to its cache;
    /// nobody but Anthropic tells of that, and Gemini has no word for it.
    pub fn wanted(&self, by: Family, from: Family) -> Told {
        let apart = by != Family::Anthropic && from != Family::Anthropic;
        let written = by != Family::Gemini && from == Family::Anthropic;
        let calls = CALLS.iter().filter(|_| self.calls);
        Told {
            model: MODEL.to_owned(),
            thought: THOUGHT.to_owned(),
            text: TEXT.to_owned(),
            calls: calls
                .map(|(_, name)| ((*name).to_owned(), serde_json::from_str(ARGUMENTS).unwrap()))
                .collect(),
            finish: match self.ending {
                Ending::Stop => "stop",
                Ending::Length => "length",
                Ending::Filter => "content_filter",
                Ending::Calls => "tool_calls",
            },
            prompt: 100,
            completion: 30,
            cached: 60,
            written: if written { 20 } else { 0 },
            reasoning: if apart { 10 } else { 0 },
        }
    }

    fn finish(&self, words: [&'static str; 4]) -> &'static str {
        words[self.ending as usize]
    }

    pub fn plain(&self, family: Family) -> Value {
        match family {
            Family::Chat => {
                let mut message = json!({"role": "assistant", "content": TEXT,
                    "reasoning_content": THOUGHT});
                if self.calls {
                    message["tool_calls"] = CALLS.map(|(id, name)| chat_call(id, name)).into();
                }
                json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1,
                    "model": MODEL, "usage": chat_usage(), "choices": [
                        {"index": 0, "message": message, "finish_reason": self.chat_finish()}]})
            }
            Family::Responses => self.response(),
            Family::Anthropic => {
                json!({"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL,
                    "content": self.blocks(), "stop_reason": self.stop_reason(),
                    "stop_sequence": null, "usage": {"input_tokens": 20,
                        "cache_read_input_tokens": 60, "cache_creation_input_tokens": 20,
                        "output_tokens": 30}})
            }
            Family::Gemini => gemini(&self.parts(), Some(self.gemini_finish())),
        }
    }

    pub fn stream(&self, family: Family) -> String {
        match family {
            Family::Chat => self.chunks(),
            Family::Responses => self.response_events(),
            Family::Anthropic => self.message_events(),
            Family::Gemini => {
                let mut events = Vec::new();
                for part in self.parts() {
                    events.push(gemini(&[part], None));
                }
                events.push(gemini(&[json!({"text": ""})], Some(self.gemini_finish())));
                events
                    .iter()
                    .map(|event| format!("data: {event}\r\n\r\n"))
                    .collect()
            }
        }
    }

    fn chat_finish(&self) -> &'static str {
        self.finish(["stop", "length", "content_filter", "tool_calls"])
    }

    fn stop_reason(&self) -> &'static str {
        self.finish(["end_turn", "max_tokens", "refusal", "tool_use"])
    }

    fn gemini_finish(&self) -> &'static str {
        self.finish(["STOP", "MAX_TOKENS", "SAFETY", "STOP"])
    }

    fn chunks(&self) -> String {
        let mut deltas = vec![json!({"role": "assistant", "content": ""})];
        deltas.extend(halves(THOUGHT).map(|half| json!({"reasoning_content": half})));
        deltas.extend(halves(TEXT).map(|half| json!({"content": half})));
        if self.calls {
            for (index, (id, name)) in CALLS.into_iter().enumerate() {
                let mut call = chat_call(id, name);
                call["index"] = json!(index);
                call["function"]["arguments"] = json!("");
                deltas.push(json!({"tool_calls": [call]}));
                deltas.extend(halves(ARGUMENTS).map(|half| {
                    json!({"tool_calls": [{"index": index, "function": {"arguments": half}}]})
                }));
            }
        }
        let chunk = |choices: Value, usage: Value| {
            let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk",
                "created": 1, "model": MODEL, "choices": choices, "usage": usage});
            format!("data: {chunk}\n\n")
        };
        let mut stream: String = deltas
            .into_iter()
            .map(|delta| {
                let choice = json!([{"index": 0, "delta": delta, "finish_reason": null}]);
                chunk(choice, Value::Null)
            })
            .collect();
        let finish = json!([{"index": 0, "delta": {}, "finish_reason": self.chat_finish()}]);
        stream += &chunk(finish, Value::Null);
        stream += &chunk(json!([]), chat_usage());
        stream + "data: [DONE]\n\n"
    }

    fn items(&self) -> Vec<Value> {
        let text = json!({"type": "output_text", "text": TEXT, "annotations": []});
        let mut items = vec![
            json!({"id": "rs_1", "type": "reasoning",
                "summary": [{"type": "summary_text", "text": THOUGHT}]}),
            json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
                "content": [text]}),
        ];
        if self.calls {
            items.extend(CALLS.map(|(id, name)| {
                json!({"id": format!("fc_{id}"), "type": "function_call", "status": "completed",
                    "call_id": id, "name": name, "arguments": ARGUMENTS})
            }));
        }
        items
    }

    fn response(&self) -> Value {
        let reason = match self.ending {
            Ending::Length => json!({"reason": "max_output_tokens"}),
            Ending::Filter => json!({"reason": "content_filter"}),
            Ending::Stop | Ending::Calls => Value::Null,
        };
        let status = self.finish(["completed", "incomplete", "incomplete", "completed"]);
        json!({"id": "resp_1", "object": "response", "created_at": 1, "model": MODEL,
            "status": status, "incomplete_details": reason, "error": null,
            "output": self.items(), "usage": {"input_tokens": 100,
                "input_tokens_details": {"cached_tokens": 60}, "output_tokens": 30,
                "output_tokens_details": {"reasoning_tokens": 10}, "total_tokens": 130}})
    }

    fn response_events(&self) -> String {
        let whole = self.response();
        let mut begun = whole.clone();
        begun["output"] = json!([]);
        begun["usage"] = Value::Null;
        begun["status"] = json!("in_progress");
        begun["incomplete_details"] = Value::Null;
        let mut events = vec![("created", json!({"response": begun}))];
        for (index, item) in self.items().into_iter().enumerate() {
            let id = item["id"].clone();
            let about = |more: Value| {
                let mut event = json!({"item_id": id, "output_index": index});
                event
                    .as_object_mut()
                    .unwrap()
                    .extend(more.as_object().unwrap().clone());
                event
            };
            let mut empty = item.clone();
            for (name, value) in [
                ("summary", json!([])),
                ("content", json!([])),
                ("arguments", json!("")),
            ] {
                if !empty[name].is_null() {
                    empty[name] = value;
                }
            }
            events.push((
                "output_item.added",
                json!({"output_index": index, "item": empty}),
            ));
            let (kind, text, place) = match item["type"].as_str().unwrap() {
                "reasoning" => {
                    let part = json!({"summary_index": 0, "part":
                        {"type": "summary_text", "text": ""}});
                    events.push(("reasoning_summary_part.added", about(part)));
                    ("reasoning_summary_text", THOUGHT, "summary_index")
                }
                "message" => {
                    let part = json!({"content_index": 0, "part":
                        {"type": "output_text", "text": "", "annotations": []}});
                    events.push(("content_part.added", about(part)));
                    ("output_text", TEXT, "content_index")
                }
                _ => ("function_call_arguments", ARGUMENTS, "content_index"),
            };
            let (delta, done) = match kind {
                "reasoning_summary_text" => (
                    "reasoning_summary_text.delta",
                    "reasoning_summary_text.done",
                ),
                "output_text" => ("output_text.delta", "output_text.done"),
                _ => (
                    "function_call_arguments.delta",
                    "function_call_arguments.done",
                ),
            };
            for half in halves(text) {
                events.push((delta, about(json!({place: 0, "delta": half}))));
            }
            events.push((
                done,
                about(json!({place: 0, "text": text, "arguments": text})),
            ));
            events.push((
                "output_item.done",
                json!({"output_index": index, "item": item}),
            ));
        }
        let last = self.finish(["completed", "incomplete", "incomplete", "completed"]);
        events.push((last, json!({"response": whole})));
        let mut stream = String::new();
        for (number, (name, mut event)) in events.into_iter().enumerate() {
            event["type"] = json!(format!("response.{name}"));
            event["sequence_number"] = json!(number);
            write!(stream, "event: response.{name}\ndata: {event}\n\n").unwrap();
        }
        stream
    }

    fn blocks(&self) -> Vec<Value> {
        let mut blocks = vec![
            json!({"type": "thinking", "thinking": THOUGHT, "signature": "c2ln"}),
            json!({"type": "text", "text": TEXT}),
        ];
        if self.calls {
            let input: Value = serde_json::from_str(ARGUMENTS).unwrap();
            blocks.extend(CALLS.map(
                |(id, name)| json!({"type": "tool_use", "id": id, "name": name, "input": input}),
            ));
        }
        blocks
    }

    fn message_events(&self) -> String {
        let mut message = self.plain(Family::Anthropic);
        message["content"] = json!([]);
        message["stop_reason"] = Value::Null;
        message["usage"]["output_tokens"] = json!(1);
        let mut events = vec![json!({"type": "message_start", "message": message})];
        for (index, block) in self.blocks().into_iter().enumerate() {
            let (name, delta, text) = match block["type"].as_str().unwrap() {
                "thinking" => ("thinking", "thinking_delta", THOUGHT),
                "text" => ("text", "text_delta", TEXT),
                _ => ("partial_json", "input_json_delta", ARGUMENTS),
            };
            let mut empty = block.clone();
            for (name, value) in [
                ("thinking", json!("")),
                ("signature", json!("")),
                ("text", json!("")),
                ("input", json!({})),
            ] {
                if !empty[name].is_null() {
                    empty[name] = value;
                }
            }
            events.push(
                json!({"type": "content_block_start", "index": index, "content_block": empty}),
            );
            let mut deltas: Vec<Value> = halves(text)
                .map(|half| json!({"type": delta, name: half}))
                .collect();
            if !block["signature"].is_null() {
                let signature = &block["signature"];
                deltas.push(json!({"type": "signature_delta", "signature": signature}));
            }
            events.extend(deltas.into_iter().map(
                |delta| json!({"type": "content_block_delta", "index": index, "delta": delta}),
            ));
            events.push(json!({"type": "content_block_stop", "index": index}));
        }
        events.push(
            json!({"type": "message_delta", "usage": {"output_tokens": 30},
            "delta": {"stop_reason": self.stop_reason(), "stop_sequence": null}}),
        );
        events.push(json!({"type": "message_stop"}));
        let mut stream = String::new();
        for event in events {
            let name = event["type"].as_str().unwrap();
            write!(stream, "event: {name}\ndata: {event}\n\n").unwrap();
        }
        stream
    }

    fn parts(&self) -> Vec<Value> {
        let mut parts = vec![
            json!({"text": THOUGHT, "thought": true}),
            json!({"text": TEXT}),
        ];
        if self.calls {
            let arguments: Value = serde_json::from_str(ARGUMENTS).unwrap();
            parts.extend(
                CALLS.map(|(_, name)| json!({"functionCall": {"name": name, "args": arguments}})),
            );
        }
        parts
    }
}

/// A text in two halves.
fn halves(text: &str) -> impl Iterator<Item = &str> {
    let middle = text.floor_char_boundary(text.len() / 2);
    [&text[..middle], &text[middle..]].into_iter()
}

fn chat_call(id: &str, name: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": ARGUMENTS}})
}

fn chat_usage() -> Value {
    json!({"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 10}})
}

fn gemini(parts: &[Value], finish: Option<&str>) -> Value {
    let mut response = json!({"responseId": "r1", "modelVersion": MODEL, "candidates": [
        {"index": 0, "content": {"role": "model", "parts": parts}}]});
    if let Some(finish) = finish {
        response["candidates"][0]["finishReason"] = json!(finish);
        response["usageMetadata"] = json!({"promptTokenCount": 100, "candidatesTokenCount": 20,
            "thoughtsTokenCount": 10, "cachedContentTokenCount": 60, "totalTokenCount": 130});
    }
    response
}
