//! What the format can express comes back as it was written.

use bytes::Bytes;
use proptest::prelude::*;
use tollgate_core::format::Operation;
use tollgate_core::reply::Usage;

use super::{parse, request, write};
use crate::formats::{Aim, Asked, Lost, Received};
use crate::neutral::{Answer, Content, Gathering, Part, Request, Role, Source, sample};
use crate::quirks::Quirks;
use crate::state::State;
use crate::stream::{StreamRules, Terminator};

const AIM: Aim<'_> = Aim {
    provider: "anthropic",
    // A model that lets itself be steered by everything.
    model: "claude-3-5-sonnet-20241022",
    max_output: None,
    ask_usage: false,
    quirks: &Quirks::OPENAI,
};

const ASKED: Asked<'_> = Asked {
    model: "m",
    request_id: "r1",
    now: 0,
    usage: true,
    array: false,
    freeform: &[],
};

fn parts(request: &Request) -> impl Iterator<Item = &Part> {
    request.turns.iter().flat_map(|turn| &turn.parts)
}

/// Whether the text says something: Anthropic refuses blocks of white space alone, so they are
/// left out.
fn says_something(part: &Part) -> bool {
    match &part.content {
        Content::Text { text, .. } => !text.trim().is_empty(),
        _ => true,
    }
}

/// A request without what the format cannot express.
fn expressible(mut request: Request) -> Request {
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        match &mut part.content {
            // Results do not repeat the name of the tool.
            Content::ToolResult(result) => result.name = None,
            // Addresses do not say what is there.
            Content::Image(media) if matches!(media.source, Source::Url(_)) => {
                media.media_type = String::new();
            }
            _ => {}
        }
    }
    // The bound is not left open.
    request.max_tokens.get_or_insert(4096);
    request
}

/// An answer without what the format cannot express.
fn expressible_answer(mut answer: Answer) -> Answer {
    // Ids have a form of their own, and usage is always told.
    answer.id = answer.id.map(|id| format!("msg_{id}"));
    answer.usage.get_or_insert_default();
    answer
}

/// State leaves sealed; whoever gets it back opens it.
fn opened(mut answer: Answer) -> Answer {
    for part in &mut answer.parts {
        if let Content::Reasoning(thought) = &mut part.content {
            thought.state = thought.state.take().map(|state| State::open(&state.token));
        }
    }
    answer
}

fn stream_of(answer: &Answer, size: usize) -> Vec<u8> {
    let mut writer = write::stream(&ASKED);
    let mut out = Vec::new();
    for event in sample::events(answer, size) {
        writer.write(&event, &mut out);
    }
    out
}

fn read(stream: &[u8], size: usize) -> Gathering {
    let mut reader = parse::stream(StreamRules {
        show_usage: true,
        done: Terminator::Native,
        provider: "elsewhere",
        array: false,
    });
    let mut events = Vec::new();
    for chunk in stream.chunks(size) {
        let chunk = Bytes::copy_from_slice(chunk);
        reader.feed(chunk, &mut events).unwrap();
    }
    reader.end(&mut events).unwrap();
    let mut gathering = Gathering::default();
    for event in events {
        gathering.take(event);
    }
    gathering
}

proptest! {
    #[test]
    fn a_request_comes_back_as_it_was_written(request in sample::request()) {
        prop_assume!(parts(&request).all(says_something));
        let request = expressible(request);
        let mut lost = Lost::new();
        let body = write::request(&request, &AIM, &mut lost);
        prop_assert_eq!(lost, Lost::new());
        let call = request::read(Received {
            operation: Operation::Chat,
            body,
            model: None,
            stream: false,
            array: false,
        })
        .unwrap();
        prop_assert_eq!(parse::request(&call).unwrap(), request);
    }

    #[test]
    fn an_answer_comes_back_as_it_was_written(answer in sample::answer("google")) {
        let answer = expressible_answer(answer);
        let body = write::answer(&answer, &ASKED);
        let back = parse::answer(&body, "elsewhere").unwrap();
        prop_assert_eq!(opened(back), answer);
    }

    #[test]
    fn a_stream_comes_back_as_it_was_written_however_it_is_cut(
        answer in sample::answer("google"),
        piece in 1_usize..9,
        cut in 1_usize..200,
    ) {
        let answer = expressible_answer(answer);
        let stream = stream_of(&answer, piece);
        let gathering = read(&stream, cut);
        prop_assert!(gathering.ended);
        prop_assert_eq!(opened(gathering.into_answer()), answer);
    }

    #[test]
    fn every_event_of_a_stream_has_its_name_twice(answer in sample::answer("google")) {
        let stream = String::from_utf8(stream_of(&answer, 4)).unwrap();
        for event in stream.split_terminator("\n\n") {
            let (name, data) = event.split_once('\n').unwrap();
            let data: serde_json::Value =
                serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            prop_assert_eq!(name.strip_prefix("event: ").unwrap(), data["type"].as_str().unwrap());
        }
        let end = "data: {\"type\":\"message_stop\"}\n\n";
        prop_assert!(stream.ends_with(end));
    }
}

#[test]
fn the_state_of_a_call_comes_back_with_its_call() {
    let state = State::of("google", "signature");
    let answer = Answer {
        id: Some("msg_1".to_owned()),
        model: Some("m".to_owned()),
        parts: vec![Part::new(Content::ToolCall(crate::neutral::ToolCall {
            id: "call_0".to_owned(),
            name: "f".to_owned(),
            arguments: "{}".to_owned(),
            state: Some(state.clone()),
        }))],
        ending: Some(crate::neutral::Ending::new(
            tollgate_core::reply::Finish::ToolCalls,
        )),
        usage: Some(Usage::default()),
    };
    let body = write::answer(&answer, &ASKED);
    let plain: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let streamed = read(&stream_of(&answer, 9), 50).into_answer();
    assert_eq!(
        streamed.parts,
        parse::answer(&body, "elsewhere").unwrap().parts
    );
    // The caller gives back what it got.
    let request = serde_json::json!({
        "model": "m",
        "max_tokens": 1,
        "messages": [{"role": "assistant", "content": plain["content"]}],
    });
    let call = request::read(Received {
        operation: Operation::Chat,
        body: request.to_string().into(),
        model: None,
        stream: false,
        array: false,
    })
    .unwrap();
    assert!(call.sealed);
    let parsed = parse::request(&call).unwrap();
    assert_eq!(parsed.turns[0].role, Role::Assistant);
    assert_eq!(parsed.turns[0].parts, answer.parts);
}
