//! The same conversation in four formats is seen as the same.

use serde_json::{Value, json};

use super::client::{exchange, post, simulator};
use super::families::said;

const PNG: &str = "AAAAAAAAAAAAAAAA";

/// A conversation, as each format writes it.
struct Written {
    chat: Value,
    responses: Value,
    messages: Value,
    gemini: Value,
}

async fn inspected(model: &str, written: Written) -> [String; 4] {
    let simulator = simulator();
    let mut seen = Vec::new();
    let version = "anthropic-version: 2023-06-01\r\n";
    for (path, headers, mut body) in [
        ("/v1/chat/completions", "", written.chat),
        ("/v1/responses", "", written.responses),
        ("/v1/messages", version, written.messages),
        ("/v1beta/models/MODEL:generateContent", "", written.gemini),
    ] {
        let path = path.replace("MODEL", model);
        body["model"] = json!(model);
        let answer = exchange(&simulator, &post(&path, headers, &body)).await;
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
        seen.push(said(&[answer.json()]));
    }
    seen.try_into().unwrap()
}

async fn agreed(written: Written) -> Value {
    let [chat, responses, messages, gemini] = inspected("inspect", written).await;
    assert_eq!(chat, responses, "chat and responses");
    assert_eq!(chat, messages, "chat and messages");
    assert_eq!(chat, gemini, "chat and gemini");
    serde_json::from_str(&chat).unwrap()
}

#[tokio::test]
async fn texts_settings_and_limits_are_seen_as_the_same() {
    let seen = agreed(Written {
        chat: json!({
            "messages": [
                {"role": "system", "content": "Be brief"},
                {"role": "user", "content": "one"},
                {"role": "assistant", "content": "two"},
                {"role": "user", "content": [{"type": "text", "text": "three"}, {"type": "text", "text": "four"}]},
            ],
            "max_completion_tokens": 7, "temperature": 0.5, "top_p": 1.0,
        }),
        responses: json!({
            "instructions": "Be brief",
            "input": [
                {"role": "user", "content": "one"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "two"}]},
                {"role": "user", "content": [{"type": "input_text", "text": "three"}, {"type": "input_text", "text": "four"}]},
            ],
            "max_output_tokens": 7, "temperature": 0.5, "top_p": 1,
        }),
        messages: json!({
            "system": [{"type": "text", "text": "Be brief"}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "one"}]},
                {"role": "assistant", "content": "two"},
                {"role": "user", "content": "three"},
                {"role": "user", "content": "four"},
            ],
            "max_tokens": 7, "temperature": 0.5, "top_p": 1,
        }),
        gemini: json!({
            "systemInstruction": {"parts": [{"text": "Be brief"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "one"}]},
                {"role": "model", "parts": [{"text": "two"}]},
                {"role": "user", "parts": [{"text": "three"}, {"text": "four"}]},
            ],
            "generationConfig": {"maxOutputTokens": 7, "temperature": 0.5, "topP": 1},
        }),
    })
    .await;
    let text = |text: &str| json!({"kind": "text", "text": text});
    assert_eq!(
        seen,
        json!({
            "system": ["Be brief"],
            "turns": [
                {"by": "user", "parts": [text("one")]},
                {"by": "model", "parts": [text("two")]},
                {"by": "user", "parts": [text("three"), text("four")]},
            ],
            "max_tokens": 7, "temperature": 0.5, "top_p": 1, "stream": false,
        })
    );
}

fn chat_tools(schema: &Value) -> Value {
    let function =
        |name: &str| json!({"name": name, "description": "Looks.", "parameters": schema});
    let tool = |name: &str| json!({"type": "function", "function": function(name)});
    json!([tool("weather"), tool("news")])
}

fn loop_with_tools() -> Written {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let upper = json!({"type": "OBJECT", "properties": {"city": {"type": "STRING"}}});
    let function =
        |name: &str| json!({"name": name, "description": "Looks.", "parameters": schema});
    let flat = |name: &str| {
        let mut tool = function(name);
        tool["type"] = json!("function");
        tool
    };
    let own = |name: &str| json!({"name": name, "description": "Looks.", "input_schema": schema});
    let declared = |name: &str| json!({"name": name, "description": "Looks.", "parameters": upper});
    let call = |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{\"city\": \"Łódź\"}"}});
    let made = |id: &str, name: &str| json!({"type": "function_call", "call_id": id, "name": name, "arguments": "{\"city\":\"Łódź\"}"});
    let used = |id: &str, name: &str| json!({"type": "tool_use", "id": id, "name": name, "input": {"city": "Łódź"}});
    let called = |name: &str| json!({"functionCall": {"name": name, "args": {"city": "Łódź"}}});
    Written {
        chat: json!({
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "content": "", "tool_calls": [call("a", "weather"), call("b", "news")]},
                {"role": "tool", "tool_call_id": "b", "content": "{\"z\": 1, \"a\": 2}"},
                {"role": "tool", "tool_call_id": "a", "content": "It rains."},
                {"role": "user", "content": "and now?"},
            ],
            "tools": chat_tools(&schema), "tool_choice": "required", "parallel_tool_calls": true,
        }),
        responses: json!({
            "input": [
                {"role": "user", "content": "go"},
                made("x", "weather"), made("y", "news"),
                {"type": "function_call_output", "call_id": "y", "output": "{\"a\":2,\"z\":1}"},
                {"type": "function_call_output", "call_id": "x", "output": "It rains."},
                {"role": "user", "content": "and now?"},
            ],
            "tools": [flat("weather"), flat("news")], "tool_choice": "required",
        }),
        messages: json!({
            "max_tokens": 9,
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "content": [used("t1", "weather"), used("t2", "news")]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t2", "content": "{\"a\":2,\"z\":1}"},
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "It rains."}]},
                    {"type": "text", "text": "and now?"},
                ]},
            ],
            "tools": [own("weather"), own("news")], "tool_choice": {"type": "any"},
        }),
        gemini: json!({
            "contents": [
                {"role": "user", "parts": [{"text": "go"}]},
                {"role": "model", "parts": [called("weather"), called("news")]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "news", "response": {"a": 2, "z": 1}}},
                    {"functionResponse": {"name": "weather", "response": {"output": "It rains."}}},
                ]},
                {"role": "user", "parts": [{"text": "and now?"}]},
            ],
            "tools": [{"functionDeclarations": [declared("weather"), declared("news")]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        }),
    }
}

#[tokio::test]
async fn stops_are_seen_as_the_same_where_there_are_any() {
    let asked = json!([{"role": "user", "content": "x"}]);
    let written = Written {
        chat: json!({"messages": asked, "max_tokens": 9, "stop": "END"}),
        responses: json!({"input": "x"}),
        messages: json!({"messages": asked, "max_tokens": 9, "stop_sequences": ["END"]}),
        gemini: json!({"contents": [{"parts": [{"text": "x"}]}],
            "generationConfig": {"maxOutputTokens": 9, "stopSequences": ["END"]}}),
    };
    let [chat, _, messages, gemini] = inspected("inspect", written).await;
    assert!(chat.contains(r#""stop":["END"]"#));
    assert_eq!((&chat, &chat), (&messages, &gemini));
}

#[tokio::test]
async fn calls_and_results_are_seen_as_the_same_whatever_their_ids() {
    let mut written = loop_with_tools();
    for body in [&mut written.chat, &mut written.responses] {
        body["max_tokens"] = json!(9);
        body["max_output_tokens"] = json!(9);
    }
    written.gemini["generationConfig"] = json!({"maxOutputTokens": 9});
    let seen = agreed(written).await;
    let parts = &seen["turns"][2]["parts"];
    assert_eq!(
        (&parts[0]["call"], &parts[0]["tool"]),
        (&json!(2), &json!("news"))
    );
    assert_eq!(parts[0]["parts"][0]["text"], r#"{"a":2,"z":1}"#);
    assert_eq!(
        (&parts[1]["call"], &parts[1]["tool"]),
        (&json!(1), &json!("weather"))
    );
    assert_eq!(parts[2]["text"], "and now?");
    assert_eq!(
        seen["turns"][1]["parts"][0]["arguments"],
        json!({"city": "Łódź"})
    );
    assert_eq!(seen["tool_choice"], "required");
    assert_eq!(seen["tools"][0]["schema"]["type"], "object");
}

#[tokio::test]
async fn what_is_lost_or_changed_is_seen() {
    let chat = async |change: fn(&mut Value)| {
        let mut body = loop_with_tools().chat;
        change(&mut body);
        body["model"] = json!("inspect");
        let seen = exchange(&simulator(), &post("/v1/chat/completions", "", &body)).await;
        said(&[seen.json()])
    };
    let usual = chat(|_| {}).await;
    let changes: &[fn(&mut Value)] = &[
        |body| body["messages"][2]["tool_call_id"] = json!("a"),
        |body| body["messages"][3]["content"] = json!("It rains"),
        |body| body["messages"][1]["tool_calls"][0]["function"]["arguments"] = json!("{}"),
        |body| body["tools"][0]["function"]["description"] = json!("Looks"),
        |body| body["tools"][0]["function"]["parameters"] = json!({"type": "object"}),
        |body| body["tools"][0]["function"]["strict"] = json!(true),
        |body| body["tool_choice"] = json!("auto"),
        |body| body["parallel_tool_calls"] = json!(false),
        |body| body["seed"] = json!(1),
        |body| body["user"] = json!("me"),
        |body| body["reasoning_effort"] = json!("low"),
        |body| body["response_format"] = json!({"type": "json_object"}),
        |body| {
            body["messages"]
                .as_array_mut()
                .unwrap()
                .push(json!({"role": "system", "content": "late"}));
        },
        |body| _ = body["messages"].as_array_mut().unwrap().pop(),
    ];
    for (at, change) in changes.iter().enumerate() {
        assert_ne!(chat(*change).await, usual, "change {at}");
    }
}

fn picture() -> Written {
    let data = format!("data:image/png;base64,{PNG}");
    let inline = json!({"mimeType": "image/png", "data": PNG});
    let source = json!({"type": "base64", "media_type": "image/png", "data": PNG});
    let far = "https://example.com/a.png";
    Written {
        chat: json!({"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": data}},
            {"type": "image_url", "image_url": {"url": far}},
        ]}]}),
        responses: json!({"input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": data},
            {"type": "input_image", "image_url": far},
        ]}]}),
        messages: json!({"max_tokens": 100, "messages": [{"role": "user", "content": [
            {"type": "image", "source": source},
            {"type": "image", "source": {"type": "url", "url": far}},
        ]}]}),
        gemini: json!({"contents": [{"role": "user", "parts": [
            {"inlineData": inline},
            {"fileData": {"mimeType": "image/png", "fileUri": far}},
        ]}]}),
    }
}

#[tokio::test]
async fn pictures_are_seen_as_the_same_and_described() {
    let expected = "image/png 12 bytes\nimage https://example.com/a.png";
    for model in ["see", "echo"] {
        for text in inspected(model, picture()).await {
            assert_eq!(text, expected, "{model}");
        }
    }
    let mut written = picture();
    written.chat["max_tokens"] = json!(100);
    written.responses["max_output_tokens"] = json!(100);
    written.gemini["generationConfig"] = json!({"maxOutputTokens": 100});
    let seen = agreed(written).await;
    let part = &seen["turns"][0]["parts"][0];
    assert_eq!(
        (&part["type"], &part["bytes"]),
        (&json!("image/png"), &json!(12))
    );
    assert_eq!(part["hash"].as_str().unwrap().len(), 16);
}

#[tokio::test]
async fn schemas_and_thinking_are_seen() {
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}});
    let text = "x";
    let asked = json!([{"role": "user", "content": text}]);
    let seen = agreed(Written {
        chat: json!({"messages": asked, "max_tokens": 4000, "response_format":
            {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": true}}}),
        responses: json!({"input": text, "max_output_tokens": 4000, "text":
            {"format": {"type": "json_schema", "name": "n", "schema": schema}}}),
        messages: json!({"messages": asked, "max_tokens": 4000, "output_config":
            {"format": {"type": "json_schema", "schema": schema}},
            "thinking": {"type": "disabled"}}),
        gemini: json!({"contents": [{"parts": [{"text": text}]}], "generationConfig":
            {"maxOutputTokens": 4000, "responseMimeType": "application/json", "responseJsonSchema": schema}}),
    })
    .await;
    assert_eq!(seen["output"]["schema"], schema);
    let written = Written {
        chat: json!({"messages": asked, "reasoning_effort": "high"}),
        responses: json!({"input": text, "reasoning": {"effort": "high", "summary": "auto"}}),
        messages: json!({"messages": asked, "max_tokens": 4000,
            "thinking": {"type": "enabled", "budget_tokens": 2000}}),
        gemini: json!({"contents": [{"parts": [{"text": text}]}], "generationConfig":
            {"thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": true}}}),
    };
    let thinking: Vec<Value> = inspected("inspect", written)
        .await
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap()["thinking"].clone())
        .collect();
    assert_eq!(
        thinking,
        [
            json!({"on": true, "effort": "high"}),
            json!({"on": true, "effort": "high", "shown": true}),
            json!({"on": true, "budget": 2000}),
            json!({"on": true, "effort": "high", "shown": true}),
        ]
    );
}
