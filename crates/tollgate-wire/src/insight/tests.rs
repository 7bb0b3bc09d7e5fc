use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_core::format::{Format, Operation};
use tollgate_core::route::condition::Ability;

use super::*;
use crate::formats::{Aim, Lost, Received};
use crate::neutral::{Cache, Content, Request, Role, sample};
use crate::quirks::Quirks;
use crate::translate;

use Ability::{Audio, Files, Reasoning, Schema, Tools, Vision};

const ALL: Want = Want {
    needs: true,
    tokens: true,
    user: true,
    conversation: true,
};
const CALLERS: [Format; 5] = [
    Format::OpenAi,
    Format::Completions,
    Format::Responses,
    Format::Anthropic,
    Format::Gemini,
];

fn call_of(format: Format, operation: Operation, body: &[u8]) -> Call {
    let received = Received {
        operation,
        body: Bytes::copy_from_slice(body),
        model: (format == Format::Gemini).then_some("m"),
        stream: false,
        array: false,
    };
    formats::read(format, received).unwrap()
}

/// What is read of a body; what it has to have besides is put in.
fn look(format: Format, body: &Value) -> Insight {
    let mut body = body.clone();
    let members = body.as_object_mut().unwrap();
    for (name, value) in [
        ("model", json!("m")),
        ("max_tokens", json!(9)),
        ("messages", json!([{"role": "user", "content": "Hi"}])),
        ("prompt", json!("Hi")),
        ("input", json!("Hi")),
        ("contents", json!([{"parts": [{"text": "Hi"}]}])),
    ] {
        let is_wanted = match name {
            "model" => format != Format::Gemini,
            "max_tokens" => format == Format::Anthropic,
            "messages" => matches!(format, Format::OpenAi | Format::Anthropic),
            "prompt" => format == Format::Completions,
            "input" => format == Format::Responses,
            _ => format == Format::Gemini,
        };
        if is_wanted && !members.contains_key(name) {
            members.insert(name.to_owned(), value);
        }
    }
    let body = serde_json::to_vec(&body).unwrap();
    read(&call_of(format, Operation::Chat, &body), ALL)
}

fn needs(format: Format, body: &Value) -> Vec<Ability> {
    let all = Ability::ALL.iter().copied();
    let needs = look(format, body).needs;
    all.filter(|ability| needs.has(*ability)).collect()
}

fn check(format: Format, rows: Vec<(Value, &[Ability])>) {
    for (body, want) in rows {
        assert_eq!(needs(format, &body), want, "{format:?} {body}");
    }
}

fn said(part: &Value) -> Value {
    json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, part]}]})
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

#[test]
fn the_user_is_read_where_the_format_has_one() {
    let long = "u".repeat(2000);
    for (format, body, want) in [
        (Format::OpenAi, json!({"user": "u"}), Some("u")),
        (
            Format::OpenAi,
            json!({"user": "u", "safety_identifier": "s"}),
            Some("s"),
        ),
        (
            Format::OpenAi,
            json!({"safety_identifier": "s", "user": "u"}),
            Some("s"),
        ),
        (Format::OpenAi, json!({"user": ""}), None),
        (Format::OpenAi, json!({"user": long}), None),
        (
            Format::OpenAi,
            json!({"user": "J\u{fc}rgen \"x\""}),
            Some("J\u{fc}rgen \"x\""),
        ),
        (Format::OpenAi, json!({"metadata": {"user_id": "u"}}), None),
        (Format::Completions, json!({"user": "u"}), Some("u")),
        (
            Format::Responses,
            json!({"safety_identifier": "u"}),
            Some("u"),
        ),
        (
            Format::Anthropic,
            json!({"metadata": {"user_id": "u"}}),
            Some("u"),
        ),
        (Format::Anthropic, json!({"metadata": null}), None),
        (Format::Gemini, json!({"user": "u"}), None),
    ] {
        assert_eq!(look(format, &body).user.as_deref(), want, "{body}");
    }
}

#[test]
fn texts_for_embeddings_have_tokens_and_a_user_only() {
    for (input, tokens) in [
        (json!("12345678"), 6),
        (json!(["1234", "5"]), 10),
        (json!([1, 2, 3]), 3),
        (json!([[1, 2], [3, 4, 5]]), 5),
    ] {
        let body = json!({"model": "m", "input": input, "user": "u"}).to_string();
        let call = call_of(Format::OpenAi, Operation::Embeddings, body.as_bytes());
        let want = Insight {
            needs: Abilities::NONE,
            tokens: Some(tokens),
            user: Some("u".into()),
            conversation: None,
        };
        assert_eq!(read(&call, ALL), want, "{body}");
    }
}

#[test]
fn a_count_of_tokens_is_read_like_what_is_counted() {
    let inner = r#"{"contents":[{"parts":[{"text":"12345678"}]}],"tools":[{}]}"#;
    let outer = format!(r#"{{"generateContentRequest":{inner}}}"#);
    let plain = call_of(Format::Gemini, Operation::Chat, inner.as_bytes());
    let count = call_of(Format::Gemini, Operation::CountTokens, outer.as_bytes());
    assert_eq!(read(&plain, ALL), read(&count, ALL));
    assert!(read(&count, ALL).needs.has(Tools));
}

#[test]
fn base64_is_no_text() {
    let data = "A".repeat(1_000_000);
    let url = format!("data:image/png;base64,{data}");
    let base64 = json!({"type": "base64", "media_type": "application/pdf", "data": data});
    let inline = json!({"inlineData": {"data": data, "mimeType": "image/png"}});
    for (format, body) in [
        (
            Format::OpenAi,
            said(&json!({"type": "image_url", "image_url": {"url": url}})),
        ),
        (
            Format::OpenAi,
            said(&json!({"type": "file", "file": {"file_data": url}})),
        ),
        (
            Format::Responses,
            json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]}),
        ),
        (
            Format::Responses,
            json!({"input": [{"type": "reasoning", "encrypted_content": data},
                {"type": "image_generation_call", "result": data},
                {"role": "user", "content": [{"type": "input_file", "file_data": url}]}]}),
        ),
        (
            Format::Anthropic,
            said(&json!({"type": "document", "source": base64})),
        ),
        (
            Format::Anthropic,
            said(&json!({"type": "redacted_thinking", "data": data})),
        ),
        (Format::Gemini, json!({"contents": [{"parts": [inline]}]})),
    ] {
        let tokens = look(format, &body).tokens.unwrap();
        assert!(tokens < 1300, "{format:?}: {tokens}");
    }
    // A document that is a text is counted as one.
    let text = json!({"data": data, "type": "text", "media_type": "text/plain"});
    let body = said(&json!({"type": "document", "source": text}));
    let tokens = look(Format::Anthropic, &body).tokens.unwrap();
    assert!((250_000..250_100).contains(&tokens), "{tokens}");
}

#[test]
fn escapes_are_not_counted_as_what_they_are_written_as() {
    let plain = look(
        Format::OpenAi,
        &said(&json!({"text": "\u{4e2d}".repeat(1000)})),
    );
    let escaped = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{{"text":"?"}},{{"text":"{}"}}]}}]}}"#,
        r"\u4e2d".repeat(1000)
    );
    let call = call_of(Format::OpenAi, Operation::Chat, escaped.as_bytes());
    assert_eq!(read(&call, ALL).tokens, plain.tokens);
}

fn conversation(format: Format, body: &Value) -> Option<u64> {
    look(format, body).conversation
}

#[test]
fn a_conversation_is_known_by_its_beginning() {
    let chat = |messages: Value| conversation(Format::OpenAi, &json!({"messages": messages}));
    let system = json!({"role": "system", "content": "Be brief."});
    let user = json!({"role": "user", "content": "Hi"});
    let answer = json!({"role": "assistant", "content": "Hello"});
    let more = json!({"role": "user", "content": "More"});
    let first = chat(json!([system, user]));
    assert!(first.is_some());
    assert_eq!(first, chat(json!([system, user, answer, more])));
    assert_eq!(first, chat(json!([system, user, answer, system, more])));
    assert_eq!(
        first,
        chat(json!([{"content": "Be brief.", "role": "developer"}, user]))
    );
    for other in [
        json!([user]),
        json!([system, more]),
        json!([{"role": "system", "content": "Be long."}, user]),
        json!([user, system]),
    ] {
        assert_ne!(first, chat(other.clone()), "{other}");
    }
    assert_eq!(chat(json!([system, answer])), None);
}

#[test]
fn what_marks_a_message_for_a_cache_changes_no_conversation() {
    let anthropic = |system: Value, content: Value| {
        let body = json!({"system": system, "messages": [{"role": "user", "content": content}]});
        conversation(Format::Anthropic, &body)
    };
    let mark = json!({"type": "ephemeral"});
    let plain = anthropic(json!("S"), json!("Hi"));
    assert!(plain.is_some());
    let marked = anthropic(
        json!([{"type": "text", "text": "S", "cache_control": mark}]),
        json!([{"type": "text", "text": "Hi", "cache_control": mark}]),
    );
    assert_eq!(plain, marked);
    assert_ne!(plain, anthropic(json!("T"), json!("Hi")));
}

#[test]
fn instructions_count_wherever_they_stand() {
    let known = |body: &str| {
        let call = call_of(Format::Anthropic, Operation::Chat, body.as_bytes());
        read(&call, ALL).conversation
    };
    let before =
        r#"{"model":"m","max_tokens":1,"system":"S","messages":[{"role":"user","content":"Hi"}]}"#;
    let behind = r#"{"messages":[ {"content":"Hi", "role":"user"} ],"model":"m","max_tokens":1,
        "system" : "S"}"#;
    assert_eq!(known(before), known(behind));
    assert_ne!(known(before), known(&behind.replace("\"S\"", "\"T\"")));
}

#[test]
fn what_claude_code_changes_in_every_request_does_not_count() {
    let with = |system: Value| conversation(Format::Anthropic, &json!({"system": system}));
    let line = |hash: &str| format!("x-anthropic-billing-header: cc_version=2.1; cch={hash};");
    let blocks = |hash: &str, text: &str| with(json!([{"text": line(hash)}, {"text": text}]));
    assert_eq!(blocks("36ee5", "You are"), blocks("0aaa9", "You are"));
    assert_ne!(blocks("36ee5", "You are"), blocks("36ee5", "You were"));
    let whole = |hash: &str, text: &str| with(json!(format!("{}\n{text}", line(hash))));
    assert_eq!(whole("36ee5", "You are"), whole("0aaa9", "You are"));
    assert_ne!(whole("36ee5", "You are"), whole("36ee5", "You were"));
}

#[test]
fn a_conversation_that_is_named_is_known_by_its_name() {
    for format in [Format::OpenAi, Format::Completions, Format::Responses] {
        let named = |key: &str, text: &str| {
            let message = json!([{"role": "user", "content": text}]);
            let mut body = json!({"prompt_cache_key": key});
            let name = match format {
                Format::OpenAi => "messages",
                Format::Completions => "prompt",
                _ => "input",
            };
            body[name] = if format == Format::Completions {
                json!(text)
            } else {
                message
            };
            conversation(format, &body)
        };
        assert!(named("k", "a").is_some());
        assert_eq!(named("k", "a"), named("k", "b"), "{format:?}");
        assert_ne!(named("k", "a"), named("l", "a"), "{format:?}");
        assert_ne!(named("", "a"), named("k", "a"), "{format:?}");
    }
    // Turns of a plain text cannot be told apart.
    assert_eq!(conversation(Format::Completions, &json!({})), None);
}

#[test]
fn a_response_that_goes_on_from_another_one_does_not_show_its_beginning() {
    let responses = |body: Value| conversation(Format::Responses, &body);
    assert_eq!(responses(json!({"previous_response_id": "r"})), None);
    assert!(responses(json!({"previous_response_id": null})).is_some());
    let kept = responses(json!({"conversation": "conv_1"}));
    assert_eq!(
        kept,
        responses(json!({"conversation": {"id": "conv_1"}, "input": "x"}))
    );
    assert_ne!(kept, responses(json!({"conversation": "conv_2"})));
    let text = responses(json!({"instructions": "S", "input": "Hi"}));
    let items = responses(json!({"instructions": "S", "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}, {"role": "user", "content": "x"}]}));
    assert_eq!(text, items);
}

#[test]
fn only_what_is_wanted_is_told() {
    let tool = json!({"type": "function", "function": {"name": "f"}});
    let body = json!({"model": "m", "user": "u", "tools": [tool],
        "messages": [{"role": "user", "content": "Hi"}]});
    let call = call_of(Format::OpenAi, Operation::Chat, body.to_string().as_bytes());
    let whole = read(&call, ALL);
    for bits in 0..16_u8 {
        let has = |bit: u8| bits & (1 << bit) != 0;
        let want = Want {
            needs: has(0),
            tokens: has(1),
            user: has(2),
            conversation: has(3),
        };
        let expected = Insight {
            needs: if want.needs {
                whole.needs
            } else {
                Abilities::NONE
            },
            tokens: whole.tokens.filter(|_| want.tokens),
            user: whole.user.clone().filter(|_| want.user),
            conversation: whole.conversation.filter(|_| want.conversation),
        };
        assert_eq!(read(&call, want), expected, "{want:?}");
    }
}

#[test]
fn a_body_that_cannot_be_read_holds_nothing() {
    let good = br#"{"model":"m","user":"u","messages":[{"role":"user","content":"Hi"}]}"#;
    let mut call = call_of(Format::OpenAi, Operation::Chat, good);
    for length in 0..good.len() {
        call.body = Bytes::copy_from_slice(&good[..length]);
        assert_eq!(read(&call, ALL), Insight::default(), "{length}");
    }
    call.body = Bytes::from_static(b"{\"user\":\"\xff\"}");
    assert_eq!(read(&call, ALL), Insight::default());
    call.body = "[".repeat(100_000).into();
    assert_eq!(read(&call, ALL), Insight::default());
}

fn written(format: Format, request: &Request) -> Call {
    static QUIRKS: Quirks = Quirks::OPENAI;
    let aim = Aim {
        provider: "sim",
        model: "m",
        max_output: Some(4096),
        ask_usage: false,
        quirks: &QUIRKS,
    };
    let body = formats::write_request(format, request, &aim, &mut Lost::new());
    call_of(format, Operation::Chat, &body)
}

/// Conversations at random. No text is blank: writers leave out what says nothing.
fn conversations() -> impl Strategy<Value = Request> {
    sample::request().prop_map(|mut request| {
        for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
            if let Content::Text { text, .. } = &mut part.content {
                text.insert(0, 'x');
            }
        }
        request
    })
}

proptest! {
    #[test]
    fn later_turns_never_change_the_conversation(request in conversations(), keep in 1_usize..9) {
        let first = request.turns.iter().position(|turn| turn.role == Role::User).unwrap();
        let mut shorter = request.clone();
        shorter.turns.truncate(first + keep);
        // Clients move their marks on, and send other settings.
        shorter.turns[first].parts[0].cache = Some(Cache { ttl: None });
        shorter.tools.clear();
        shorter.temperature = None;
        for format in CALLERS {
            if format == Format::Completions {
                continue;
            }
            let conversation = |request| read(&written(format, request), ALL).conversation;
            prop_assert!(conversation(&request).is_some(), "{:?}", format);
            prop_assert_eq!(conversation(&request), conversation(&shorter), "{:?}", format);
            let mut other = request.clone();
            let text = other.turns[first].parts[0].content.clone();
            if let Content::Text { text, .. } = text {
                other.turns[first].parts[0] = crate::neutral::Part::text(format!("{text}!"));
            }
            prop_assert_ne!(conversation(&request), conversation(&other), "{:?}", format);
        }
    }

    #[test]
    fn blanks_between_members_change_nothing_but_the_length_of_schemas(request in conversations()) {
        for format in CALLERS {
            if format == Format::Completions {
                continue;
            }
            let call = written(format, &request);
            let value: Value = serde_json::from_slice(&call.body).unwrap();
            let spread = serde_json::to_vec_pretty(&value).unwrap();
            let spread = read(&call_of(format, Operation::Chat, &spread), ALL);
            let close = read(&call, ALL);
            prop_assert_eq!(spread.conversation, close.conversation);
            prop_assert_eq!(spread.needs, close.needs);
        }
    }

    #[test]
    fn the_estimate_is_that_of_callers_who_count(request in conversations()) {
        for format in CALLERS {
            if format == Format::Completions {
                continue;
            }
            let call = written(format, &request);
            let expected = translate::estimate(&call).unwrap();
            let found = read(&call, ALL).tokens.unwrap();
            let parts: u64 = request.turns.iter().map(|turn| turn.parts.len() as u64).sum();
            // Tools and arguments are counted as they are written, and results as parts.
            let margin = 4 * parts + 30 * request.tools.len() as u64;
            prop_assert!(found.abs_diff(expected) <= margin, "{:?}: {} {}", format, found, expected);
        }
    }

    #[test]
    fn what_a_request_holds_is_what_it_needs(request in conversations()) {
        let mut parts = request.turns.iter().flat_map(|turn| &turn.parts);
        let sees = parts.any(|part| matches!(part.content, Content::Image(_)));
        for format in CALLERS {
            if format == Format::Completions {
                continue;
            }
            let needs = read(&written(format, &request), ALL).needs;
            prop_assert_eq!(needs.has(Vision), sees, "{:?}", format);
            prop_assert_eq!(needs.has(Tools), !request.tools.is_empty(), "{:?}", format);
            prop_assert!(!needs.has(Audio) && !needs.has(Files) && !needs.has(Schema));
        }
    }

    #[test]
    fn nothing_that_is_sent_is_too_much(body in "[ -~]{0,200}", cut in 0_usize..200) {
        let good = br#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
        let mut call = call_of(Format::OpenAi, Operation::Chat, good);
        let text = format!(r#"{{"messages":[{{"role":"user","content":[{body}"#);
        for (format, body) in CALLERS.iter().flat_map(|format| [(format, &body), (format, &text)]) {
            call.format = *format;
            call.body = Bytes::copy_from_slice(&body.as_bytes()[..cut.min(body.len())]);
            read(&call, ALL);
        }
    }
}
