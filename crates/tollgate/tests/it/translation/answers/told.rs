//! What a caller reads of an answer.

use serde_json::{Value, json};

use super::super::family::Family;

#[derive(Debug, Default, PartialEq)]
pub struct Told {
    pub model: String,
    pub thought: String,
    pub text: String,
    pub calls: Vec<(String, Value)>,
    pub finish: &'static str,
    pub prompt: u64,
    pub completion: u64,
    pub cached: u64,
    pub written: u64,
    pub reasoning: u64,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn arguments(json: &Value) -> Value {
    serde_json::from_str(text(json)).unwrap_or_else(|error| panic!("{error}: {json}"))
}

pub fn plain(family: Family, body: &Value) -> Told {
    match family {
        Family::Chat => chat(body),
        Family::Responses => response(body),
        Family::Anthropic => message(body),
        Family::Gemini => gemini(body),
    }
}

pub fn streamed(family: Family, stream: &str) -> Told {
    let stream = stream.replace('\r', "");
    let events: Vec<Value> = stream
        .split("\n\n")
        .filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(
        stream.ends_with("data: [DONE]\n\n"),
        family == Family::Chat,
        "{stream}"
    );
    match family {
        Family::Chat => chat(&chat_of(&events)),
        Family::Responses => response_of(&events),
        Family::Anthropic => message(&message_of(&events)),
        Family::Gemini => gemini(&gemini_of(&events)),
    }
}

fn chat(body: &Value) -> Told {
    let choice = &body["choices"][0];
    let message = &choice["message"];
    let usage = &body["usage"];
    let calls = list(&message["tool_calls"]).map(|call| &call["function"]);
    Told {
        model: text(&body["model"]).to_owned(),
        thought: text(&message["reasoning_content"]).to_owned(),
        text: text(&message["content"]).to_owned(),
        calls: calls
            .map(|call| {
                (
                    text(&call["name"]).to_owned(),
                    arguments(&call["arguments"]),
                )
            })
            .collect(),
        finish: match text(&choice["finish_reason"]) {
            "stop" => "stop",
            "length" => "length",
            "content_filter" => "content_filter",
            "tool_calls" => "tool_calls",
            other => panic!("{other}"),
        },
        prompt: number(&usage["prompt_tokens"]),
        completion: number(&usage["completion_tokens"]),
        cached: number(&usage["prompt_tokens_details"]["cached_tokens"]),
        written: number(&usage["prompt_tokens_details"]["cache_write_tokens"]),
        reasoning: number(&usage["completion_tokens_details"]["reasoning_tokens"]),
    }
}

fn append(whole: &mut Value, more: &Value) {
    if let Some(more) = more.as_str() {
        *whole = json!(format!("{}{more}", text(whole)));
    }
}

fn chat_of(chunks: &[Value]) -> Value {
    let mut whole = json!({"choices": [{"message": {"tool_calls": []}}]});
    for chunk in chunks {
        whole["model"] = chunk["model"].clone();
        if !chunk["usage"].is_null() {
            assert!(whole["usage"].is_null(), "usage comes once");
            whole["usage"] = chunk["usage"].clone();
        }
        let from = &chunk["choices"][0];
        let choice = &mut whole["choices"][0];
        if !from["finish_reason"].is_null() {
            choice["finish_reason"] = from["finish_reason"].clone();
        }
        for name in ["content", "reasoning_content"] {
            append(&mut choice["message"][name], &from["delta"][name]);
        }
        for call in list(&from["delta"]["tool_calls"]) {
            let calls = choice["message"]["tool_calls"].as_array_mut().unwrap();
            let at = usize::try_from(number(&call["index"])).unwrap();
            if at == calls.len() {
                assert!(!text(&call["id"]).is_empty(), "{call}");
                calls.push(call.clone());
            } else {
                append(
                    &mut calls[at]["function"]["arguments"],
                    &call["function"]["arguments"],
                );
            }
        }
    }
    whole
}

fn response(body: &Value) -> Told {
    let usage = &body["usage"];
    let of_kind =
        |kind: &'static str| list(&body["output"]).filter(move |item| item["type"] == kind);
    let words = |kind, list_name: &str| -> String {
        of_kind(kind)
            .flat_map(|item| list(&item[list_name]).map(|part| text(&part["text"]).to_owned()))
            .collect()
    };
    let calls: Vec<_> = of_kind("function_call")
        .map(|call| {
            (
                text(&call["name"]).to_owned(),
                arguments(&call["arguments"]),
            )
        })
        .collect();
    Told {
        model: text(&body["model"]).to_owned(),
        thought: words("reasoning", "summary"),
        text: words("message", "content"),
        finish: match (
            text(&body["status"]),
            text(&body["incomplete_details"]["reason"]),
        ) {
            ("completed", "") if calls.is_empty() => "stop",
            ("completed", "") => "tool_calls",
            ("incomplete", "max_output_tokens") => "length",
            ("incomplete", "content_filter") => "content_filter",
            other => panic!("{other:?}"),
        },
        calls,
        prompt: number(&usage["input_tokens"]),
        completion: number(&usage["output_tokens"]),
        cached: number(&usage["input_tokens_details"]["cached_tokens"]),
        written: number(&usage["input_tokens_details"]["cache_write_tokens"]),
        reasoning: number(&usage["output_tokens_details"]["reasoning_tokens"]),
    }
}

/// The last event says all; what came before must say the same.
fn response_of(events: &[Value]) -> Told {
    let told = response(&events.last().unwrap()["response"]);
    let deltas = |kind: &str| -> String {
        let events = events.iter().filter(|event| event["type"] == kind);
        events
            .map(|event| text(&event["delta"]).to_owned())
            .collect()
    };
    assert_eq!(deltas("response.output_text.delta"), told.text);
    assert_eq!(
        deltas("response.reasoning_summary_text.delta"),
        told.thought
    );
    let json = deltas("response.function_call_arguments.delta");
    let calls = serde_json::Deserializer::from_str(&json).into_iter::<Value>();
    let wanted: Vec<_> = told.calls.iter().map(|call| call.1.clone()).collect();
    assert_eq!(calls.map(Result::unwrap).collect::<Vec<_>>(), wanted);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{event}");
    }
    told
}

fn message(body: &Value) -> Told {
    let usage = &body["usage"];
    let words = |kind: &str| -> String {
        let blocks = list(&body["content"]).filter(|block| block["type"] == kind);
        blocks.map(|block| text(&block[kind]).to_owned()).collect()
    };
    let calls = list(&body["content"]).filter(|block| block["type"] == "tool_use");
    let (cached, written) = (
        number(&usage["cache_read_input_tokens"]),
        number(&usage["cache_creation_input_tokens"]),
    );
    Told {
        model: text(&body["model"]).to_owned(),
        thought: words("thinking"),
        text: words("text"),
        calls: calls
            .map(|call| (text(&call["name"]).to_owned(), call["input"].clone()))
            .collect(),
        finish: match text(&body["stop_reason"]) {
            "end_turn" => "stop",
            "max_tokens" => "length",
            "refusal" => "content_filter",
            "tool_use" => "tool_calls",
            other => panic!("{other}"),
        },
        prompt: number(&usage["input_tokens"]) + cached + written,
        completion: number(&usage["output_tokens"]),
        cached,
        written,
        reasoning: 0,
    }
}

fn message_of(events: &[Value]) -> Value {
    let mut whole = events[0]["message"].clone();
    let mut json = String::new();
    for event in &events[1..] {
        let blocks = whole["content"].as_array_mut().unwrap();
        match text(&event["type"]) {
            "content_block_start" => {
                assert_eq!(event["index"], blocks.len(), "{event}");
                blocks.push(event["content_block"].clone());
                json.clear();
            }
            "content_block_delta" => {
                assert_eq!(event["index"], blocks.len() - 1, "{event}");
                let block = blocks.last_mut().unwrap();
                for name in ["text", "thinking"] {
                    append(&mut block[name], &event["delta"][name]);
                }
                json.push_str(text(&event["delta"]["partial_json"]));
            }
            "content_block_stop" => {
                let block = blocks.last_mut().unwrap();
                if block["type"] == "tool_use" {
                    block["input"] = serde_json::from_str(&json).unwrap();
                }
            }
            "message_delta" => {
                whole["stop_reason"] = event["delta"]["stop_reason"].clone();
                for (name, value) in event["usage"].as_object().unwrap() {
                    whole["usage"][name] = value.clone();
                }
            }
            _ => {}
        }
    }
    assert_eq!(events.last().unwrap()["type"], "message_stop");
    whole
}

fn gemini(body: &Value) -> Told {
    let usage = &body["usageMetadata"];
    let candidate = &body["candidates"][0];
    let parts = || list(&candidate["content"]["parts"]);
    let words = |thought: bool| -> String {
        parts()
            .filter(|part| (part["thought"] == true) == thought)
            .map(|part| text(&part["text"]).to_owned())
            .collect()
    };
    let calls: Vec<_> = parts()
        .map(|part| &part["functionCall"])
        .filter(|call| !call.is_null())
        .map(|call| (text(&call["name"]).to_owned(), call["args"].clone()))
        .collect();
    let reasoning = number(&usage["thoughtsTokenCount"]);
    Told {
        model: text(&body["modelVersion"]).to_owned(),
        thought: words(true),
        text: words(false),
        finish: match text(&candidate["finishReason"]) {
            "STOP" if calls.is_empty() => "stop",
            "STOP" => "tool_calls",
            "MAX_TOKENS" => "length",
            "SAFETY" => "content_filter",
            other => panic!("{other}"),
        },
        calls,
        prompt: number(&usage["promptTokenCount"]),
        completion: number(&usage["candidatesTokenCount"]) + reasoning,
        cached: number(&usage["cachedContentTokenCount"]),
        written: 0,
        reasoning,
    }
}

fn gemini_of(responses: &[Value]) -> Value {
    let mut whole = responses.last().unwrap().clone();
    let parts = responses
        .iter()
        .flat_map(|response| list(&response["candidates"][0]["content"]["parts"]).cloned());
    whole["candidates"][0]["content"]["parts"] = parts.collect();
    whole
}
