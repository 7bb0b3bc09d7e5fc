mod abilities;
mod conversations;

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

fn said(part: &Value) -> Value {
    json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, part]}]})
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
