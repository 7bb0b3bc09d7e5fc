//! What a request needs of a model, in each format.

use super::*;

fn check(format: Format, rows: Vec<(Value, &[Ability])>) {
    for (body, want) in rows {
        assert_eq!(needs(format, &body), want, "{format:?} {body}");
    }
}

#[test]
fn a_chat_says_what_it_needs() {
    let tool = json!({"type": "function", "function": {"name": "f"}});
    check(
        Format::OpenAi,
        vec![
            (json!({}), &[]),
            (said(&json!({"type": "text", "text": "image_url"})), &[]),
            (
                said(&json!({"type": "image_url", "image_url": {"url": "data:x;base64,AA"}})),
                &[Vision],
            ),
            (
                said(&json!({"image_url": "https://e/x.png", "type": "image_url"})),
                &[Vision],
            ),
            (said(&json!({"type": "image_url", "image_url": null})), &[]),
            (
                said(
                    &json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}),
                ),
                &[Audio],
            ),
            (
                said(&json!({"type": "file", "file": {"file_id": "f"}})),
                &[Files],
            ),
            (
                json!({"messages": [{"role": "tool", "tool_call_id": "c", "content":
                    [{"type": "image_url", "image_url": {"url": "https://e/x"}}]}]}),
                &[Vision],
            ),
            (json!({"tools": []}), &[]),
            (json!({"tools": null}), &[]),
            (json!({"tools": [tool], "tool_choice": "none"}), &[Tools]),
            (json!({"functions": [{"name": "f"}]}), &[Tools]),
            (json!({"response_format": {"type": "json_object"}}), &[]),
            (
                json!({"response_format": {"json_schema": {"type": "x"}, "type": "json_schema"}}),
                &[Schema],
            ),
            (json!({"reasoning_effort": "none"}), &[]),
            (json!({"reasoning_effort": null}), &[]),
            (json!({"reasoning_effort": "minimal"}), &[Reasoning]),
            (json!({"reasoning": {"effort": "low"}}), &[Reasoning]),
            (json!({"reasoning": {"max_tokens": 0}}), &[]),
            (json!({"reasoning": {"max_tokens": 9}}), &[Reasoning]),
            (json!({"reasoning": {"enabled": true}}), &[Reasoning]),
            (
                json!({"reasoning": {"enabled": false, "exclude": true}}),
                &[],
            ),
            (json!({"thinking": {"type": "enabled"}}), &[Reasoning]),
            (json!({"thinking": {"type": "disabled"}}), &[]),
        ],
    );
}

#[test]
fn a_request_for_a_response_says_what_it_needs() {
    let said = |part: Value| json!({"input": [{"role": "user", "content": [part]}]});
    check(
        Format::Responses,
        vec![
            (json!({}), &[]),
            (said(json!({"type": "input_text", "text": "?"})), &[]),
            (
                said(json!({"type": "input_image", "image_url": "https://e/x"})),
                &[Vision],
            ),
            (
                said(json!({"type": "input_image", "image_url": {"url": "https://e/x"}})),
                &[Vision],
            ),
            (
                said(json!({"file_id": "f", "type": "input_image"})),
                &[Vision],
            ),
            (
                said(json!({"type": "input_file", "file_data": "AA"})),
                &[Files],
            ),
            (
                said(json!({"type": "input_audio", "input_audio": {"data": "A"}})),
                &[Audio],
            ),
            (
                json!({"input": [{"type": "function_call_output", "call_id": "c", "output":
                    [{"type": "input_image", "image_url": "https://e/x"}]}]}),
                &[Vision],
            ),
            (
                json!({"input": [{"type": "computer_call_output", "call_id": "c", "output":
                    {"type": "computer_screenshot", "image_url": "https://e/x"}}]}),
                &[Vision],
            ),
            (json!({"tools": [{"type": "web_search"}]}), &[Tools]),
            (json!({"tools": []}), &[]),
            (
                json!({"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}),
                &[Schema],
            ),
            (json!({"text": {"format": {"type": "text"}}}), &[]),
            (json!({"reasoning": {"effort": "high"}}), &[Reasoning]),
            (
                json!({"reasoning": {"effort": null, "summary": "auto"}}),
                &[],
            ),
        ],
    );
}

#[test]
fn messages_say_what_they_need() {
    let base64 = json!({"type": "base64", "media_type": "image/png", "data": "AAAA"});
    let result = |content: Value| {
        said(&json!({"type": "tool_result", "tool_use_id": "t", "content": content}))
    };
    check(
        Format::Anthropic,
        vec![
            (json!({}), &[]),
            (said(&json!({"type": "image", "source": base64})), &[Vision]),
            (
                said(&json!({"source": {"type": "url", "url": "https://e/x"}, "type": "document"})),
                &[Files],
            ),
            (
                result(json!([{"type": "image", "source": base64}])),
                &[Vision],
            ),
            (
                result(
                    json!([{"type": "document", "source": {"type": "content", "content":
                    [{"type": "image", "source": base64}]}}]),
                ),
                &[Vision, Files],
            ),
            (result(json!("image")), &[]),
            (
                json!({"tools": [{"type": "web_search_20250305"}]}),
                &[Tools],
            ),
            (
                json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}),
                &[Reasoning],
            ),
            (json!({"thinking": {"type": "adaptive"}}), &[Reasoning]),
            (json!({"thinking": {"type": "disabled"}}), &[]),
            (json!({"output_config": {"effort": "high"}}), &[]),
            (
                json!({"output_config": {"format": {"type": "json_schema", "schema": {}}}}),
                &[Schema],
            ),
            (
                json!({"output_format": {"type": "json_schema", "schema": {}}}),
                &[Schema],
            ),
        ],
    );
}

#[test]
fn contents_say_what_they_need() {
    let said = |part: Value| json!({"contents": [{"parts": [{"text": "?"}, part]}]});
    let inline = |kind: &str| json!({"inlineData": {"data": "AAAA", "mimeType": kind}});
    let config = |config: Value| json!({"generationConfig": config});
    check(
        Format::Gemini,
        vec![
            (json!({}), &[]),
            (said(inline("image/png")), &[Vision]),
            (said(inline("VIDEO/mp4")), &[Vision]),
            (said(inline("audio/wav")), &[Audio]),
            (said(inline("application/pdf")), &[Files]),
            (
                said(json!({"inline_data": {"data": "iVBORw0KGgoAA"}})),
                &[Vision],
            ),
            (
                said(json!({"fileData": {"fileUri": "https://e/x.mp3"}})),
                &[Audio],
            ),
            (
                said(
                    json!({"functionResponse": {"name": "f", "response": {}, "parts":
                    [inline("image/png")]}}),
                ),
                &[Vision],
            ),
            (json!({"tools": [{"googleSearch": {}}]}), &[Tools]),
            (config(json!({"responseMimeType": "application/json"})), &[]),
            (
                config(json!({"responseSchema": {"type": "OBJECT"}})),
                &[Schema],
            ),
            (config(json!({"response_json_schema": {}})), &[Schema]),
            (config(json!({"responseSchema": null})), &[]),
            (
                config(json!({"thinkingConfig": {"thinkingBudget": 0}})),
                &[],
            ),
            (
                config(json!({"thinkingConfig": {"thinkingBudget": -1}})),
                &[Reasoning],
            ),
            (
                json!({"generation_config": {"thinking_config": {"thinking_level": "low"}}}),
                &[Reasoning],
            ),
            (
                config(json!({"thinkingConfig": {"includeThoughts": true}})),
                &[Reasoning],
            ),
            (
                config(json!({"thinkingConfig": {"includeThoughts": false}})),
                &[],
            ),
        ],
    );
}
