//! Conversations with tools and thoughts, held as the clients of each surface hold them: what the
//! model said goes back as it came.

use serde_json::{Map, Value, json};

use crate::surface::Surface;
use crate::world::{Answer, World};

/// A call of a tool, as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// What the result refers to; empty where the surface has no ids.
    pub id: String,
    pub name: String,
    pub arguments: Value,
}

/// What the model said in one turn.
#[derive(Debug)]
pub struct Said {
    pub text: String,
    pub thoughts: String,
    pub calls: Vec<ToolCall>,
    /// The signatures, encrypted contents and the like.
    pub states: Vec<String>,
    /// Why it stopped, in the surface's word.
    pub finish: String,
    pub answer: Answer,
}

/// A conversation at a surface, in the surface's own form.
pub struct Talk {
    surface: Surface,
    stream: bool,
    /// The body of the next call, without the model.
    pub body: Value,
}

impl Talk {
    /// Asks this; the model may call these tools.
    pub fn new(surface: Surface, stream: bool, text: &str, tools: &[&str]) -> Self {
        let mut body = surface.body("", text, stream);
        if surface == Surface::Responses {
            body["input"] = json!([{"type": "message", "role": "user", "content": text}]);
            body["store"] = false.into();
            body["include"] = json!(["reasoning.encrypted_content"]);
        }
        if !tools.is_empty() {
            body["tools"] = tools_of(surface, tools);
        }
        Self {
            surface,
            stream,
            body,
        }
    }

    /// Wants to see thoughts.
    pub fn thinking(mut self) -> Self {
        let body = &mut self.body;
        match self.surface {
            Surface::Chat | Surface::Completions => body["reasoning_effort"] = "low".into(),
            Surface::Responses => body["reasoning"] = json!({"effort": "low", "summary": "auto"}),
            Surface::Anthropic => {
                body["max_tokens"] = 4000.into();
                body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024,
                    "display": "summarized"});
            }
            Surface::Gemini | Surface::GeminiArray => {
                let config = json!({"includeThoughts": true, "thinkingBudget": 1024});
                body["generationConfig"] = json!({"thinkingConfig": config});
            }
        }
        self
    }

    /// Where the turns are.
    pub fn turns(&mut self) -> &mut Vec<Value> {
        let name = match self.surface {
            Surface::Responses => "input",
            Surface::Gemini | Surface::GeminiArray => "contents",
            _ => "messages",
        };
        self.body[name].as_array_mut().unwrap()
    }

    /// Lets the model speak, and keeps what it said.
    pub async fn say(&mut self, world: &World, model: &str) -> Said {
        let mut body = self.body.clone();
        if !matches!(self.surface, Surface::Gemini | Surface::GeminiArray) {
            body["model"] = model.into();
        }
        let answer = self.surface.send(world, model, &body, self.stream).await;
        assert_eq!(answer.status, 200, "{:?} {model}: {answer:?}", self.surface);
        let whole = if self.stream {
            let events = self.surface.events(&answer);
            assert!(self.surface.says_finished(&events), "{}", answer.text());
            gather(self.surface, &events)
        } else {
            answer.json()
        };
        let turns = turns_of(self.surface, &whole);
        self.turns().extend(turns.iter().cloned());
        read(self.surface, &whole, &turns, answer)
    }

    /// Gives the results of all calls, `result of NAME` each.
    pub fn give_results(&mut self, calls: &[ToolCall]) {
        let results = calls.iter().map(|call| {
            let text = format!("result of {}", call.name);
            match self.surface {
                Surface::Responses => {
                    json!({"type": "function_call_output", "call_id": call.id, "output": text})
                }
                Surface::Anthropic => {
                    json!({"type": "tool_result", "tool_use_id": call.id, "content": text})
                }
                Surface::Gemini | Surface::GeminiArray => {
                    let mut response = json!({"name": call.name, "response": {"output": text}});
                    if !call.id.is_empty() {
                        response["id"] = call.id.as_str().into();
                    }
                    json!({"functionResponse": response})
                }
                _ => json!({"role": "tool", "tool_call_id": call.id, "content": text}),
            }
        });
        let results: Vec<Value> = results.collect();
        let turns = match self.surface {
            Surface::Anthropic => vec![json!({"role": "user", "content": results})],
            Surface::Gemini | Surface::GeminiArray => {
                vec![json!({"role": "user", "parts": results})]
            }
            _ => results,
        };
        self.turns().extend(turns);
    }

    /// Asks again.
    pub fn ask(&mut self, text: &str) {
        let turn = match self.surface {
            Surface::Gemini | Surface::GeminiArray => {
                json!({"role": "user", "parts": [{"text": text}]})
            }
            _ => json!({"role": "user", "content": text}),
        };
        self.turns().push(turn);
    }
}

fn tools_of(surface: Surface, names: &[&str]) -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}},
        "required": ["city"]});
    let tools = names.iter().map(|name| match surface {
        Surface::Responses => {
            json!({"type": "function", "name": name, "description": "d", "parameters": schema,
                "strict": false})
        }
        Surface::Anthropic => json!({"name": name, "description": "d", "input_schema": schema}),
        Surface::Gemini | Surface::GeminiArray => {
            json!({"name": name, "description": "d", "parameters": schema})
        }
        _ => {
            let function = json!({"name": name, "description": "d", "parameters": schema});
            json!({"type": "function", "function": function})
        }
    });
    let tools: Value = tools.collect();
    match surface {
        Surface::Gemini | Surface::GeminiArray => json!([{"functionDeclarations": tools}]),
        _ => tools,
    }
}

/// Puts the events of a stream together to what a plain answer would have been.
fn gather(surface: Surface, events: &[Value]) -> Value {
    match surface {
        Surface::Responses => events.last().unwrap()["response"].clone(),
        Surface::Anthropic => gather_messages(events),
        Surface::Gemini | Surface::GeminiArray => gather_content(events),
        _ => gather_chat(events),
    }
}

/// Appends a text to a member.
fn append(object: &mut Value, name: &str, text: &Value) {
    if let Some(text) = text.as_str() {
        let before = object[name].as_str().unwrap_or_default();
        object[name] = format!("{before}{text}").into();
    }
}

fn gather_chat(events: &[Value]) -> Value {
    let mut message = json!({"role": "assistant", "content": null});
    let mut calls: Vec<Value> = Vec::new();
    let mut finish = Value::Null;
    for choice in events.iter().map(|event| &event["choices"][0]) {
        let delta = &choice["delta"];
        append(&mut message, "content", &delta["content"]);
        append(
            &mut message,
            "reasoning_content",
            &delta["reasoning_content"],
        );
        for part in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(part["index"].as_u64().unwrap()).unwrap();
            if index == calls.len() {
                let function = json!({"name": part["function"]["name"], "arguments": ""});
                calls.push(json!({"id": part["id"], "type": "function", "function": function}));
            }
            let function = &mut calls[index]["function"];
            append(function, "arguments", &part["function"]["arguments"]);
        }
        if choice["finish_reason"].is_string() {
            finish = choice["finish_reason"].clone();
        }
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    json!({"choices": [{"message": message, "finish_reason": finish}]})
}

fn gather_messages(events: &[Value]) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    let mut inputs: Vec<String> = Vec::new();
    let mut finish = Value::Null;
    for event in events {
        let index = event["index"]
            .as_u64()
            .map(|one| usize::try_from(one).unwrap());
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(index, Some(blocks.len()), "blocks come in order");
                blocks.push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                let (index, delta) = (index.unwrap(), &event["delta"]);
                for member in ["text", "thinking", "signature"] {
                    append(&mut blocks[index], member, &delta[member]);
                }
                inputs[index].push_str(delta["partial_json"].as_str().unwrap_or_default());
            }
            "message_delta" => finish = event["delta"]["stop_reason"].clone(),
            _ => {}
        }
    }
    for (block, input) in blocks.iter_mut().zip(inputs) {
        if !input.is_empty() {
            block["input"] = serde_json::from_str(&input).unwrap();
        }
    }
    json!({"content": blocks, "stop_reason": finish})
}

fn gather_content(events: &[Value]) -> Value {
    let mut parts: Vec<Value> = Vec::new();
    let mut finish = Value::Null;
    for candidate in events.iter().map(|event| &event["candidates"][0]) {
        for part in candidate["content"]["parts"]
            .as_array()
            .into_iter()
            .flatten()
        {
            match parts.last_mut() {
                Some(last)
                    if last["text"].is_string()
                        && part["text"].is_string()
                        && last["thought"] == part["thought"]
                        && last["thoughtSignature"].is_null() =>
                {
                    append(last, "text", &part["text"]);
                    if part["thoughtSignature"].is_string() {
                        last["thoughtSignature"] = part["thoughtSignature"].clone();
                    }
                }
                _ => parts.push(part.clone()),
            }
        }
        if candidate["finishReason"].is_string() {
            finish = candidate["finishReason"].clone();
        }
    }
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish}]})
}

/// The turns that a client adds to its history.
fn turns_of(surface: Surface, whole: &Value) -> Vec<Value> {
    match surface {
        Surface::Responses => whole["output"].as_array().unwrap().clone(),
        Surface::Anthropic => vec![json!({"role": "assistant", "content": whole["content"]})],
        Surface::Gemini | Surface::GeminiArray => vec![whole["candidates"][0]["content"].clone()],
        _ => vec![whole["choices"][0]["message"].clone()],
    }
}

fn read(surface: Surface, whole: &Value, turns: &[Value], answer: Answer) -> Said {
    let mut said = Said {
        text: String::new(),
        thoughts: String::new(),
        calls: Vec::new(),
        states: Vec::new(),
        finish: String::new(),
        answer,
    };
    let finish = match surface {
        Surface::Responses => &whole["status"],
        Surface::Anthropic => &whole["stop_reason"],
        Surface::Gemini | Surface::GeminiArray => &whole["candidates"][0]["finishReason"],
        _ => &whole["choices"][0]["finish_reason"],
    };
    finish
        .as_str()
        .unwrap_or_default()
        .clone_into(&mut said.finish);
    for turn in turns {
        let parts = match surface {
            Surface::Anthropic => turn["content"].as_array().unwrap().clone(),
            Surface::Gemini | Surface::GeminiArray => turn["parts"].as_array().unwrap().clone(),
            _ => vec![turn.clone()],
        };
        for part in &parts {
            read_part(surface, part, &mut said);
        }
    }
    said
}

fn read_part(surface: Surface, part: &Value, said: &mut Said) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parsed = |value: &Value| serde_json::from_str(value.as_str().unwrap()).unwrap();
    let mut call = |id: &Value, name: &Value, arguments: Value| {
        assert!(name.is_string(), "{part}");
        let (id, name) = (text(id), text(name));
        said.calls.push(ToolCall {
            id,
            name,
            arguments,
        });
    };
    match surface {
        Surface::Responses => match part["type"].as_str().unwrap() {
            "function_call" => call(&part["call_id"], &part["name"], parsed(&part["arguments"])),
            "reasoning" => {
                said.thoughts += &text(&part["summary"][0]["text"]);
                said.states
                    .extend(part["encrypted_content"].as_str().map(Into::into));
            }
            _ => said.text += &text(&part["content"][0]["text"]),
        },
        Surface::Anthropic => match part["type"].as_str().unwrap() {
            "tool_use" => call(&part["id"], &part["name"], part["input"].clone()),
            "thinking" => {
                said.thoughts += &text(&part["thinking"]);
                said.states
                    .extend(part["signature"].as_str().map(Into::into));
            }
            "redacted_thinking" => said.states.extend(part["data"].as_str().map(Into::into)),
            _ => said.text += &text(&part["text"]),
        },
        Surface::Gemini | Surface::GeminiArray => {
            let function = &part["functionCall"];
            if function.is_object() {
                let arguments = function.get("args").cloned();
                let arguments = arguments.unwrap_or(Map::new().into());
                call(&function["id"], &function["name"], arguments);
            } else if part["thought"] == true {
                said.thoughts += &text(&part["text"]);
            } else {
                said.text += &text(&part["text"]);
            }
            let state = part["thoughtSignature"].as_str();
            said.states.extend(state.map(Into::into));
        }
        _ => {
            for tool in part["tool_calls"].as_array().into_iter().flatten() {
                let function = &tool["function"];
                call(
                    &tool["id"],
                    &function["name"],
                    parsed(&function["arguments"]),
                );
            }
            said.text += &text(&part["content"]);
            said.thoughts += &text(&part["reasoning_content"]);
        }
    }
}
