mod thinking;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Number, Value, json};
use tollgate_core::call::{Call, Marks};
use tollgate_core::format::{Format, Operation};
use tollgate_core::reply::Finish;

use super::*;
use crate::gemini::parse;
use crate::neutral::{
    Citation, Content, Effort, Ending, Event, Gathering, Media, OutputFormat, Part, Reasoned,
    Reasoning, Role, Source, Tool, ToolCall, ToolChoice, ToolResult, sample,
};
use crate::quirks::Quirks;
use crate::state::{NO_STATE, State};
use crate::stream::{StreamRules, Terminator};

const SIGNATURE: &str = "skip_thought_signature_validator";

fn aim(provider: &'static str, model: &'static str) -> Aim<'static> {
    Aim {
        provider,
        model,
        max_output: Some(8192),
        ask_usage: false,
        quirks: &Quirks::OPENAI,
    }
}

fn asked(array: bool) -> Asked<'static> {
    Asked {
        model: "m",
        request_id: "req",
        now: 0,
        usage: true,
        array,
        freeform: &[],
    }
}

fn call(body: Bytes, stream: bool) -> Call {
    let body_tokens = serde_json::from_slice::<Value>(&body).unwrap();
    let max_tokens = &body_tokens["generationConfig"]["maxOutputTokens"];
    Call {
        format: Format::Gemini,
        operation: Operation::Chat,
        max_tokens: max_tokens.as_u64(),
        body,
        model: "m".into(),
        stream,
        wants_usage: true,
        choices: 1,
        marks: Marks::default(),
        carried: Vec::new(),
        query: None,
        array: false,
        sealed: false,
    }
}

fn written(request: &Request, aim: &Aim<'_>) -> (Value, Lost) {
    let mut lost = Lost::new();
    let body = super::request(request, aim, &mut lost);
    (serde_json::from_slice(&body).unwrap(), lost)
}

fn to_third(request: &Request) -> (Value, Lost) {
    written(request, &aim("google", "gemini-3-flash-preview"))
}

fn to_second(request: &Request) -> (Value, Lost) {
    written(request, &aim("google", "gemini-2.5-flash"))
}

fn user(text: &str) -> Request {
    let mut request = Request::default();
    request.push(Role::User, Part::text(text));
    request
}

fn tool(strict: Option<bool>) -> Tool {
    Tool {
        name: "f".to_owned(),
        description: Some("d".to_owned()),
        parameters: Some(json!({"type": "object", "properties": {}})),
        strict,
        freeform: false,
        cache: None,
    }
}

fn tool_call(id: &str, name: &str, state: Option<State>) -> Part {
    Part::new(Content::ToolCall(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: "{\"a\":1}".to_owned(),
        state,
    }))
}

fn tool_result(id: &str, text: &str, failed: bool) -> Part {
    Part::new(Content::ToolResult(ToolResult {
        id: id.to_owned(),
        name: None,
        parts: vec![Part::text(text)],
        failed,
    }))
}

fn rules() -> StreamRules {
    StreamRules {
        show_usage: true,
        done: Terminator::Native,
        provider: "google",
        array: false,
    }
}

/// The answer in a stream, cut in chunks of this size; `None` if it does not end well.
fn gathered(stream: &[u8], size: usize) -> Option<Answer> {
    let mut reader = parse::stream(rules());
    let mut events = Vec::new();
    for chunk in stream.chunks(size) {
        reader
            .feed(Bytes::copy_from_slice(chunk), &mut events)
            .ok()?;
    }
    reader.end(&mut events).ok()?;
    let mut gathering = Gathering::default();
    for event in events {
        gathering.take(event);
    }
    gathering.ended.then(|| gathering.into_answer())
}

/// The state that a caller has in its hands is sealed.
fn opened(mut answer: Answer) -> Answer {
    for part in &mut answer.parts {
        if let Content::Reasoning(Reasoned {
            state: Some(state), ..
        }) = &mut part.content
        {
            *state = State::open(&state.token);
        }
    }
    answer
}

fn streamed(answer: &Answer, size: usize, array: bool) -> Vec<u8> {
    let mut writer = stream(&asked(array));
    let mut out = Vec::new();
    for event in sample::events(answer, size) {
        writer.write(&event, &mut out);
    }
    out
}

proptest! {
    #[test]
    fn a_request_comes_back_as_it_was_written(request in sample::request()) {
        let mut lost = Lost::new();
        let body = super::request(&request, &aim("google", "gemini-3-pro"), &mut lost);
        prop_assert_eq!(&lost, &Lost::new());
        let call = call(body, request.stream);
        prop_assert_eq!(parse::request(&call).unwrap(), request);
    }

    #[test]
    fn an_answer_comes_back_as_it_was_written(answer in sample::answer("anthropic")) {
        let body = super::answer(&answer, &asked(false));
        let read = parse::answer(&body, "google").unwrap();
        prop_assert_eq!(opened(read), answer);
    }

    #[test]
    fn a_stream_comes_back_as_it_was_written(
        answer in sample::answer("anthropic"),
        size in 1_usize..9,
        chunk in 1_usize..200,
        array: bool,
    ) {
        let out = streamed(&answer, size, array);
        prop_assert_eq!(gathered(&out, chunk).map(opened), Some(answer));
    }

    #[test]
    fn a_stream_that_is_cut_before_its_end_does_not_end_well(
        answer in sample::answer("anthropic"),
        array: bool,
        cut: prop::sample::Index,
    ) {
        let out = streamed(&answer, 3, array);
        // The blank line behind the last event is not missed.
        let whole = if array { out.len() } else { out.len() - 2 };
        let length = cut.index(whole);
        prop_assert_eq!(gathered(&out[..length], 7), None);
    }
}

#[test]
fn a_stream_is_made_of_data_lines_or_of_one_array() {
    let events = [
        Event::Begin {
            id: None,
            model: None,
        },
        Event::Idle,
        Event::Text("a".to_owned()),
        Event::ToolCall {
            index: 0,
            id: "x".to_owned(),
            name: "f".to_owned(),
            state: None,
        },
        Event::Arguments {
            index: 0,
            json: "{\"a\"".to_owned(),
        },
        Event::ToolCall {
            index: 1,
            id: "y".to_owned(),
            name: "g".to_owned(),
            state: None,
        },
        Event::Arguments {
            index: 0,
            json: ":1}".to_owned(),
        },
        Event::CallEnd { index: 0 },
        Event::Break,
        Event::Finish(Ending::new(Finish::ToolCalls)),
        Event::End,
    ];
    let mut writer = stream(&asked(false));
    let mut out = Vec::new();
    for event in &events {
        writer.write(event, &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    let parts: Vec<Value> = text
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .map(|response: Value| response["candidates"][0]["content"]["parts"].clone())
        .collect();
    let calling = |id: &str, name: &str, arguments: Value| json!([{"functionCall": {"id": id, "name": name, "args": arguments}, "thoughtSignature": NO_STATE}]);
    assert_eq!(
        parts,
        [
            json!([{"text": "a"}]),
            calling("x", "f", json!({"a": 1})),
            calling("y", "g", json!({})),
            json!([{"text": ""}]),
        ]
    );
    assert!(text.contains("\"finishReason\":\"STOP\""));
    let mut writer = stream(&asked(true));
    let mut out = Vec::new();
    for event in &events {
        writer.write(event, &mut out);
    }
    let items: Vec<Value> = serde_json::from_slice(&out).unwrap();
    assert_eq!(items.len(), parts.len());
    assert!(out.windows(3).any(|bytes| bytes == b",\n{"));
}

#[test]
fn ids_of_others_are_kept_where_they_are_understood() {
    let mut request = user("Hi");
    request.push(Role::Assistant, tool_call("x", "f", None));
    request.push(Role::Assistant, tool_call("call_tg_1", "g", None));
    request.push(Role::User, tool_result("call_tg_1", "b", true));
    request.push(Role::User, tool_result("x", "{\"n\":1}", false));
    let (body, lost) = to_third(&request);
    assert!(lost.is_empty());
    assert_eq!(
        body["contents"][1]["parts"],
        json!([
            {"functionCall": {"name": "f", "args": {"a": 1}, "id": "x"},
                "thoughtSignature": SIGNATURE},
            {"functionCall": {"name": "g", "args": {"a": 1}}},
        ])
    );
    // Results stand in the order of their calls.
    assert_eq!(
        body["contents"][2]["parts"],
        json!([
            {"functionResponse": {"name": "f", "response": {"n": 1}, "id": "x"}},
            {"functionResponse": {"name": "g", "response": {"error": "b"}}},
        ])
    );
    for aim in [
        aim("vertex", "gemini-3-flash-preview"),
        aim("google", "gemini-2.5-flash"),
    ] {
        let (body, _) = written(&request, &aim);
        let call = &body["contents"][1]["parts"][0];
        assert_eq!(call["functionCall"]["id"], Value::Null);
        let signature = &call["thoughtSignature"];
        assert_eq!(signature.is_string(), aim.provider == "vertex");
    }
}

#[test]
fn state_goes_back_to_its_maker_only() {
    let thought = |text: &str, state: Option<State>| {
        Part::new(Content::Reasoning(Reasoned {
            text: text.to_owned(),
            state,
            redacted: false,
        }))
    };
    let own = || Some(State::of("google", "own"));
    let foreign = || Some(State::of("anthropic", "foreign"));
    let mut request = user("Hi");
    for part in [
        thought("a", own()),
        thought("b", foreign()),
        thought("c", None),
        Part::text("said"),
        thought("", own()),
        tool_call("x", "f", own()),
        tool_call("y", "f", foreign()),
    ] {
        request.push(Role::Assistant, part);
    }
    let (body, lost) = to_third(&request);
    assert_eq!(
        body["contents"][1]["parts"],
        json!([
            {"text": "a", "thought": true, "thoughtSignature": "own"},
            {"text": "c", "thought": true},
            {"text": "said", "thoughtSignature": "own"},
            {"functionCall": {"name": "f", "args": {"a": 1}, "id": "x"},
                "thoughtSignature": "own"},
            {"functionCall": {"name": "f", "args": {"a": 1}, "id": "y"}},
        ])
    );
    assert_eq!(
        lost,
        ["messages[1].content[1]", "messages[1].content[6].signature"]
    );
}

#[test]
fn pictures_are_data_or_addresses_and_stand_within_results_where_they_may() {
    let picture = |source, kind: &str| Media {
        source,
        media_type: kind.to_owned(),
        name: None,
        detail: None,
    };
    let here = picture(Source::Base64("iVBORw0KGgo=".to_owned()), "");
    let mut request = user("Hi");
    request.push(Role::Assistant, tool_call("x", "f", None));
    request.push(
        Role::User,
        Part::new(Content::ToolResult(ToolResult {
            id: "x".to_owned(),
            name: None,
            parts: vec![Part::text("see"), Part::new(Content::Image(here))],
            failed: false,
        })),
    );
    let url = picture(Source::Url("https://x.y/a.jpg?b".to_owned()), "");
    let file = picture(Source::File("file-1".to_owned()), "application/pdf");
    request.push(Role::User, Part::new(Content::Image(url)));
    request.push(Role::User, Part::new(Content::Document(file)));
    let data = json!({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}});
    let there = json!({"fileData": {"fileUri": "https://x.y/a.jpg?b", "mimeType": "image/jpeg"}});
    let (body, lost) = to_third(&request);
    assert_eq!(lost, ["messages[2].content[2]"]);
    assert_eq!(
        body["contents"][2]["parts"],
        json!([
            {"functionResponse": {
                "name": "f", "response": {"result": "see"}, "id": "x", "parts": [data],
            }},
            there,
        ])
    );
    let (body, _) = to_second(&request);
    assert_eq!(
        body["contents"][2]["parts"],
        json!([
            {"functionResponse": {"name": "f", "response": {"result": "see"}}},
            data,
            there,
        ])
    );
}

#[test]
fn a_lone_system_prompt_is_what_there_is_to_answer() {
    let mut request = Request::default();
    request.push(Role::System, Part::text("s"));
    let contents = json!([{"role": "user", "parts": [{"text": "s"}]}]);
    assert_eq!(to_second(&request).0, json!({"contents": contents}));
    request.push(Role::User, Part::text("u"));
    request.push(Role::User, Part::text(""));
    assert_eq!(
        to_second(&request).0,
        json!({
            "systemInstruction": {"parts": [{"text": "s"}]},
            "contents": [{"role": "user", "parts": [{"text": "u"}]}],
        })
    );
}

#[test]
fn tokens_are_asked_for_in_each_ones_way() {
    let request = user("Hi");
    let contents = json!([{"role": "user", "parts": [{"text": "Hi"}]}]);
    let asked = |provider| {
        let body = count_request(&request, &aim(provider, "gemini-2.5-flash"));
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    assert_eq!(
        asked("google"),
        json!({"generateContentRequest": {
            "contents": contents, "model": "models/gemini-2.5-flash",
        }})
    );
    assert_eq!(asked("vertex"), json!({"contents": contents}));
    assert_eq!(parse::count(&count(7)), Ok(7));
}

#[test]
fn thoughts_that_are_not_shown_are_known_again() {
    let mut conversation = Request::default();
    for (text, redacted) in [("", true), ("", false), ("t", false)] {
        let state = State::of("anthropic", format!("{text}{redacted}"));
        let thought = Reasoned {
            text: text.to_owned(),
            state: Some(state),
            redacted,
        };
        conversation.push(Role::Assistant, Part::new(Content::Reasoning(thought)));
    }
    let said = Answer {
        parts: conversation.turns[0].parts.clone(),
        ..Answer::default()
    };
    let body: Value = serde_json::from_slice(&answer(&said, &asked(false))).unwrap();
    let contents = json!({"contents": [body["candidates"][0]["content"]]});
    let read = parse::request(&call(contents.to_string().into(), false)).unwrap();
    assert_eq!(read.turns, conversation.turns);
}

#[test]
fn citations_have_their_places_in_bytes_of_the_whole_answer() {
    let citation = Citation {
        url: Some("https://x.y".to_owned()),
        title: Some("t".to_owned()),
        start: Some(1),
        end: Some(2),
        ..Citation::default()
    };
    let said = Answer {
        parts: vec![
            Part::text("é"),
            Part::new(Content::Text {
                text: "äb".to_owned(),
                citations: vec![citation, Citation::default()],
            }),
        ],
        ..Answer::default()
    };
    let body: Value = serde_json::from_slice(&answer(&said, &asked(false))).unwrap();
    assert_eq!(
        body["candidates"][0]["citationMetadata"],
        json!({"citationSources": [
            {"uri": "https://x.y", "title": "t", "startIndex": 4, "endIndex": 5},
        ]})
    );
    assert_eq!(body["candidates"][0]["finishReason"], "OTHER");
}
