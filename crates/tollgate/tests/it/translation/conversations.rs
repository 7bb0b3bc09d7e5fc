//! The same conversations as each format writes them.

use serde_json::{Map, Value, json};

use super::family::Family;

/// A conversation in all formats.
pub struct Written {
    pub name: &'static str,
    chat: Value,
    responses: Value,
    anthropic: Value,
    gemini: Value,
}

impl Written {
    pub fn of(&self, family: Family) -> &Value {
        match family {
            Family::Chat => &self.chat,
            Family::Responses => &self.responses,
            Family::Anthropic => &self.anthropic,
            Family::Gemini => &self.gemini,
        }
    }

    /// The same with more members.
    fn with(&self, name: &'static str, more: [Value; 4]) -> Self {
        let [chat, responses, anthropic, gemini] = more;
        Self {
            name,
            chat: merged(&self.chat, chat),
            responses: merged(&self.responses, responses),
            anthropic: merged(&self.anthropic, anthropic),
            gemini: merged(&self.gemini, gemini),
        }
    }
}

/// Members in place of those of the same names; objects are merged, null takes away.
fn merged(base: &Value, more: Value) -> Value {
    let (Value::Object(base), Value::Object(more)) = (base, &more) else {
        return more;
    };
    let mut all: Map<String, Value> = base.clone();
    for (name, value) in more {
        let before = all.get(name).unwrap_or(&Value::Null);
        let value = merged(before, value.clone());
        if value.is_null() {
            all.remove(name);
        } else {
            all.insert(name.clone(), value);
        }
    }
    Value::Object(all)
}

pub fn all() -> Vec<Written> {
    let long = long();
    let short = short();
    let mode = |mode: Value| json!({"toolConfig": {"functionCallingConfig": mode}});
    vec![
        long.with(
            "no tool",
            [
                json!({"tool_choice": "none"}),
                json!({"tool_choice": "none"}),
                json!({"tool_choice": {"type": "none"}}),
                mode(json!({"mode": "NONE"})),
            ],
        ),
        long.with(
            "some tool",
            [
                json!({"tool_choice": "required"}),
                json!({"tool_choice": "required"}),
                json!({"tool_choice": {"type": "any"}}),
                mode(json!({"mode": "ANY"})),
            ],
        ),
        long.with(
            "this tool",
            [
                json!({"tool_choice": {"type": "function", "function": {"name": "news"}}}),
                json!({"tool_choice": {"type": "function", "name": "news"}}),
                json!({"tool_choice": {"type": "tool", "name": "news"}}),
                mode(json!({"mode": "ANY", "allowedFunctionNames": ["news"]})),
            ],
        ),
        long.with(
            "one tool at a time",
            [
                json!({"parallel_tool_calls": false}),
                json!({"parallel_tool_calls": false}),
                json!({"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}}),
                // It has no such wish.
                json!({}),
            ],
        ),
        schema(&short),
        some_json(&short),
        short.with(
            "effort",
            [
                json!({"reasoning_effort": "high"}),
                json!({"reasoning": {"effort": "high"}}),
                json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
                json!({"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}}),
            ],
        ),
        short.with(
            "budget",
            [
                json!({"reasoning_effort": "medium"}),
                json!({"reasoning": {"effort": "medium", "summary": "auto"}}),
                json!({"thinking": {"type": "enabled", "budget_tokens": 8192}}),
                json!({"generationConfig": {"thinkingConfig":
                    {"thinkingBudget": 8192, "includeThoughts": true}}}),
            ],
        ),
        short.with(
            "no thought",
            [
                json!({"reasoning_effort": "none"}),
                json!({"reasoning": {"effort": "none"}}),
                json!({"thinking": {"type": "disabled"}}),
                json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}),
            ],
        ),
        short.with(
            "every setting",
            [
                json!({"seed": 7, "frequency_penalty": 0.25, "presence_penalty": 0.5,
                    "user": "someone", "logit_bias": {"50256": -100}, "n": 1}),
                json!({"user": "someone", "top_logprobs": 2, "truncation": "auto"}),
                json!({"top_k": 40, "metadata": {"user_id": "someone"}, "system": [
                    {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]}),
                json!({"generationConfig": {"topK": 40, "seed": 7, "frequencyPenalty": 0.25,
                    "presencePenalty": 0.5}, "safetySettings": [{"category":
                    "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}),
            ],
        ),
        long,
    ]
}

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ";
const FAR: &str = "https://example.com/cat.png";
const NEWS: &str = r#"{"headlines":["Łódź floods","Ω rises"]}"#;

/// A system prompt, pictures, two calls at once of which one fails, and what comes after.
fn long() -> Written {
    let schema = json!({"type": "object", "properties": {
        "city": {"type": "string", "description": "Where."},
        "days": {"type": "integer"},
    }, "required": ["city"]});
    let arguments = json!({"city": "Łódź", "days": 2});
    let data = format!("data:image/png;base64,{PNG}");
    let call = |id: &str, name: &str| {
        json!({"id": id, "type": "function",
        "function": {"name": name, "arguments": arguments.to_string()}})
    };
    let item = |id: &str, name: &str| {
        json!({"type": "function_call", "call_id": id,
        "name": name, "arguments": arguments.to_string()})
    };
    let used = |id: &str, name: &str| {
        json!({"type": "tool_use", "id": id, "name": name,
        "input": arguments})
    };
    let called = |name: &str| json!({"functionCall": {"name": name, "args": arguments}});
    let about = |name: &str| format!("Tells the {name} \"now\".");
    Written {
        name: "tools as the model likes",
        chat: json!({
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": data}},
                    {"type": "image_url", "image_url": {"url": FAR}},
                ]},
                {"role": "assistant", "content": "A cat\nand \u{1f431}."},
                {"role": "user", "content": "Weather and news?"},
                {"role": "assistant", "content": "I look.",
                    "tool_calls": [call("call_1", "weather"), call("call_2", "news")]},
                {"role": "tool", "tool_call_id": "call_1", "content": "no such city"},
                {"role": "tool", "tool_call_id": "call_2", "content": NEWS},
                {"role": "user", "content": "Well?"},
            ],
            "tools": [
                {"type": "function", "function":
                    {"name": "weather", "description": about("weather"), "parameters": schema}},
                {"type": "function", "function":
                    {"name": "news", "description": about("news"), "parameters": schema}},
            ],
            "tool_choice": "auto",
            "max_completion_tokens": 300, "temperature": 0.5, "top_p": 0.9,
            "stop": ["END", "\n\nUser:"],
        }),
        responses: json!({
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": data, "detail": "auto"},
                    {"type": "input_image", "image_url": FAR, "detail": "auto"},
                ]},
                {"type": "message", "role": "assistant", "content": [
                    {"type": "output_text", "text": "A cat\nand \u{1f431}.", "annotations": []}]},
                {"role": "user", "content": "Weather and news?"},
                {"role": "assistant", "content": "I look."},
                item("call_1", "weather"),
                item("call_2", "news"),
                {"type": "function_call_output", "call_id": "call_1", "output": "no such city"},
                {"type": "function_call_output", "call_id": "call_2", "output": NEWS},
                {"role": "user", "content": "Well?"},
            ],
            "tools": [
                {"type": "function", "name": "weather", "description": about("weather"),
                    "parameters": schema, "strict": false},
                {"type": "function", "name": "news", "description": about("news"),
                    "parameters": schema, "strict": false},
            ],
            "tool_choice": "auto",
            "max_output_tokens": 300, "temperature": 0.5, "top_p": 0.9, "store": false,
        }),
        anthropic: json!({
            "system": "Be brief.",
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "source":
                        {"type": "base64", "media_type": "image/png", "data": PNG}},
                    {"type": "image", "source": {"type": "url", "url": FAR}},
                ]},
                {"role": "assistant", "content": "A cat\nand \u{1f431}."},
                {"role": "user", "content": "Weather and news?"},
                {"role": "assistant", "content": [{"type": "text", "text": "I look."},
                    used("toolu_1", "weather"), used("toolu_2", "news")]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no such city",
                        "is_error": true},
                    {"type": "tool_result", "tool_use_id": "toolu_2",
                        "content": [{"type": "text", "text": NEWS}]},
                    {"type": "text", "text": "Well?"},
                ]},
            ],
            "tools": [
                {"name": "weather", "description": about("weather"), "input_schema": schema},
                {"name": "news", "description": about("news"), "input_schema": schema},
            ],
            "tool_choice": {"type": "auto"},
            "max_tokens": 300, "temperature": 0.5, "top_p": 0.9,
            "stop_sequences": ["END", "\n\nUser:"],
        }),
        gemini: json!({
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [
                    {"text": "What is this?"},
                    {"inlineData": {"mimeType": "image/png", "data": PNG}},
                    {"fileData": {"mimeType": "image/png", "fileUri": FAR}},
                ]},
                {"role": "model", "parts": [{"text": "A cat\nand \u{1f431}."}]},
                {"role": "user", "parts": [{"text": "Weather and news?"}]},
                {"role": "model", "parts": [{"text": "I look."}, called("weather"), called("news")]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "weather", "response": {"error": "no such city"}}},
                    {"functionResponse": {"name": "news",
                        "response": serde_json::from_str::<Value>(NEWS).unwrap()}},
                ]},
                {"role": "user", "parts": [{"text": "Well?"}]},
            ],
            "tools": [{"functionDeclarations": [
                {"name": "weather", "description": about("weather"), "parametersJsonSchema": schema},
                {"name": "news", "description": about("news"), "parametersJsonSchema": schema},
            ]}],
            "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
            "generationConfig": {"maxOutputTokens": 300, "temperature": 0.5, "topP": 0.9,
                "stopSequences": ["END", "\n\nUser:"]},
        }),
    }
}

fn short() -> Written {
    Written {
        name: "short",
        chat: json!({"messages": [{"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hi"}], "max_tokens": 20_000}),
        responses: json!({"input": [{"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hi"}], "max_output_tokens": 20_000}),
        anthropic: json!({"system": [{"type": "text", "text": "Be brief."}],
            "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 20_000}),
        gemini: json!({"systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
            "generationConfig": {"maxOutputTokens": 20_000}}),
    }
}

fn schema(short: &Written) -> Written {
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"},
        "why": {"type": "array", "items": {"type": "string"}}},
        "required": ["ok", "why"], "additionalProperties": false});
    short.with(
        "schema",
        [
            json!({"response_format": {"type": "json_schema", "json_schema":
                {"name": "verdict", "schema": schema, "strict": true}}}),
            json!({"text": {"format": {"type": "json_schema", "name": "verdict", "schema": schema,
                "strict": true}}}),
            json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}),
            json!({"generationConfig": {"responseMimeType": "application/json",
                "responseJsonSchema": schema}}),
        ],
    )
}

fn some_json(short: &Written) -> Written {
    short.with(
        "some JSON",
        [
            json!({"response_format": {"type": "json_object"}}),
            json!({"text": {"format": {"type": "json_object"}}}),
            // It has no such wish.
            json!({}),
            json!({"generationConfig": {"responseMimeType": "application/json"}}),
        ],
    )
}
