//! What is written is read again as it was.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use tollgate_core::format::Operation;
use tollgate_core::reply::Finish;

use super::fixtures::{RULES, events, gathered};
use super::{parse, relay, request, write};
use crate::formats::{Aim, Asked, Received};
use crate::neutral::{self, Reasoned, Request, Role, Source, sample};
use crate::neutral::{Answer, Content, Effort, Ending, Event, OutputFormat, Part, Reasoning};
use crate::quirks::Quirks;
use crate::state::State;

const ASKED: Asked<'static> = Asked {
    model: "asked",
    request_id: "req-1",
    now: 1_700_000_000,
    usage: false,
    array: false,
    freeform: &[],
};

const AIM: Aim<'static> = Aim {
    provider: "openai",
    model: "m",
    max_output: None,
    ask_usage: true,
    quirks: &Quirks::OPENAI,
};

/// A request as this format can say it.
fn narrowed(mut request: Request) -> Request {
    // There are no stop sequences in this format.
    request.stop.clear();
    for tool in &mut request.tools {
        // Left out it would mean true, so it is always said.
        tool.strict = tool.strict.or(Some(false));
    }
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        // Addresses come without a type.
        if let Content::Image(media) = &mut part.content
            && matches!(media.source, Source::Url(_))
        {
            media.media_type.clear();
        }
    }
    // Which tool is to be called cannot be said without tools.
    request.tool_choice = request.tool_choice.filter(|_| !request.tools.is_empty());
    request
}

fn read_back(body: Bytes) -> Request {
    let call = request::read(Received {
        operation: Operation::Chat,
        body,
        model: None,
        stream: false,
        array: false,
    });
    parse::request(&call.unwrap()).unwrap()
}

/// What only this format's samples have: wishes and thoughts.
fn extras() -> impl Strategy<Value = (Option<Reasoning>, Option<OutputFormat>, Option<String>)> {
    let effort = prop_oneof![
        Just(Effort::None),
        Just(Effort::Minimal),
        Just(Effort::Low),
        Just(Effort::Highest)
    ];
    let reasoning = (effort, any::<bool>()).prop_map(|(effort, show)| Reasoning {
        effort: Some(effort),
        budget: None,
        // Not to be shown is what comes without asking.
        show: show.then_some(true),
    });
    let schema =
        (sample::name(), any::<Option<bool>>()).prop_map(|(name, strict)| OutputFormat::Schema {
            name: Some(name),
            description: None,
            schema: serde_json::json!({"type": "object"}),
            strict,
        });
    let output = prop_oneof![Just(OutputFormat::Text), Just(OutputFormat::Json), schema];
    (
        proptest::option::of(reasoning),
        proptest::option::of(output),
        proptest::option::of(sample::name()),
    )
}

/// State as callers give it back: sealed by what made it.
fn opened(mut answer: Answer) -> Answer {
    for part in &mut answer.parts {
        if let Content::Reasoning(thought) = &mut part.content
            && let Some(state) = &mut thought.state
        {
            *state = State::open(&state.token);
        }
    }
    answer
}

/// An answer as this format can tell it.
fn with_own_id(mut answer: Answer) -> Answer {
    // Ids of other formats are not those of a response.
    answer.id = answer.id.map(|id| format!("resp_{id}"));
    for part in &mut answer.parts {
        // Clients parse arguments, so there always are some.
        if let Content::ToolCall(call) = &mut part.content
            && call.arguments.is_empty()
        {
            call.arguments = "{}".to_owned();
        }
    }
    answer
}

fn written(events: &[Event]) -> Vec<u8> {
    let mut writer = write::stream(&ASKED);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    out
}

fn ended(mut answer: Answer, finish: Finish) -> Answer {
    answer.ending = Some(Ending::new(finish));
    answer
}

/// How an answer may end, apart from how a model ends it.
fn cut() -> impl Strategy<Value = Option<Finish>> {
    prop_oneof![
        Just(None),
        Just(Some(Finish::Length)),
        Just(Some(Finish::ContentFilter))
    ]
}

proptest! {
    #[test]
    fn requests_come_back(
        request in sample::request(),
        (reasoning, output, user) in extras(),
        thought in proptest::option::of(sample::thought("openai")),
        parallel in any::<Option<bool>>(),
    ) {
        let mut request = narrowed(request);
        request.reasoning = reasoning;
        request.output = output;
        request.user = user;
        request.parallel_tools = parallel;
        if let Some(thought) = &thought {
            let thought = Part::new(Content::Reasoning(thought.clone()));
            request.push(Role::Assistant, thought);
        }
        let mut lost = Vec::new();
        let body = write::request(&request, &AIM, &mut lost);
        prop_assert!(lost.is_empty(), "{lost:?}");
        let mut back = read_back(body);
        for part in back.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
            // To the provider its own state goes without a seal.
            if let Content::Reasoning(thought) = &mut part.content
                && let Some(state) = &mut thought.state
            {
                state.origin = Some("openai".to_owned());
            }
        }
        prop_assert_eq!(back, request);
    }

    #[test]
    fn answers_come_back(answer in sample::answer("sim"), cut in cut()) {
        let answer = match cut {
            Some(finish) => ended(answer, finish),
            None => answer,
        };
        let answer = with_own_id(answer);
        let body = write::answer(&answer, &ASKED);
        let relayed = relay::answer(body.clone()).unwrap();
        prop_assert_eq!(relayed.usage, answer.usage);
        prop_assert_eq!(relayed.finish, answer.ending.as_ref().map(|it| it.finish));
        let back = parse::answer(&body, "openai").unwrap();
        prop_assert_eq!(opened(back), answer);
    }

    #[test]
    fn streams_come_back(
        answer in sample::answer("sim"),
        cut in cut(),
        size in 1_usize..9,
        chunk in 1_usize..200,
    ) {
        let answer = match cut {
            Some(finish) => ended(answer, finish),
            None => answer,
        };
        let answer = with_own_id(answer);
        let out = written(&sample::events(&answer, size));
        let (told, problem) = events(&out, chunk);
        prop_assert_eq!(problem, None);
        prop_assert_eq!(told.last(), Some(&Event::End));
        prop_assert_eq!(opened(gathered(&told)), answer.clone());
        // The same is said by the last event alone, and by a whole answer.
        let last: Value = last_event(&out);
        let whole: Value = serde_json::from_slice(&write::answer(&answer, &ASKED)).unwrap();
        prop_assert_eq!(&last["response"], &whole);
        let fed = relay::stream(RULES).feed(out.into());
        prop_assert_eq!(fed.problem, None);
        prop_assert!(fed.piece.last);
        prop_assert_eq!(fed.piece.finish, answer.ending.map(|it| it.finish));
        prop_assert_eq!(fed.piece.usage, answer.usage);
    }

    #[test]
    fn calls_with_free_text_come_back(
        answer in sample::answer("sim"),
        texts in proptest::collection::vec(sample::text(), 2),
        size in 1_usize..9,
        chunk in 1_usize..200,
    ) {
        let mut answer = with_own_id(answer);
        let calls = answer.parts.iter_mut().filter_map(|part| match &mut part.content {
            Content::ToolCall(call) => Some(call),
            _ => None,
        });
        // The first of them takes free text; another may have the same name.
        let mut freeform = Vec::new();
        for (call, text) in calls.zip(&texts) {
            if freeform.is_empty() {
                freeform.push(call.name.clone());
            }
            if freeform.contains(&call.name) {
                call.arguments = neutral::freeform::arguments(text);
            }
        }
        let asked = Asked { freeform: &freeform, ..ASKED };
        let mut writer = write::stream(&asked);
        let mut out = Vec::new();
        for event in sample::events(&answer, size) {
            writer.write(&event, &mut out);
        }
        let (told, problem) = events(&out, chunk);
        prop_assert_eq!(problem, None);
        prop_assert_eq!(opened(gathered(&told)), answer.clone());
        let body = write::answer(&answer, &asked);
        let whole: Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(&last_event(&out)["response"], &whole);
        let custom = whole["output"].as_array().unwrap().iter();
        let custom = custom.filter(|item| item["type"] == "custom_tool_call").count();
        prop_assert_eq!(custom > 0, !freeform.is_empty());
        let back = parse::answer(&body, "openai").unwrap();
        prop_assert_eq!(opened(back), answer.clone());
        let fed = relay::stream(RULES).feed(out.into());
        prop_assert_eq!(fed.problem, None);
        // The items are sent back as input.
        let again = serde_json::json!({"model": "m", "input": whole["output"]});
        let back = read_back(again.to_string().into());
        let parts: Vec<Part> = back.turns.into_iter().flat_map(|turn| turn.parts).collect();
        prop_assert_eq!(parts, answer.parts);
    }

    #[test]
    fn what_was_answered_can_be_said_again(answer in sample::answer("sim")) {
        // Clients send the items of an output back as input.
        let body: Value = serde_json::from_slice(&write::answer(&answer, &ASKED)).unwrap();
        let again = serde_json::json!({"model": "m", "input": body["output"]});
        let back = read_back(again.to_string().into());
        let parts: Vec<Part> = back.turns.into_iter().flat_map(|turn| turn.parts).collect();
        prop_assert_eq!(parts, with_own_id(answer).parts);
    }
}

fn last_event(stream: &[u8]) -> Value {
    let text = std::str::from_utf8(stream).unwrap();
    let last = text.trim_end().rsplit("data: ").next().unwrap();
    serde_json::from_str(last).unwrap()
}

#[test]
fn parts_keep_what_they_are() {
    let thought = |text: &str, redacted| {
        Part::new(Content::Reasoning(Reasoned {
            text: text.to_owned(),
            state: Some(State::of("anthropic", "sig")),
            redacted,
        }))
    };
    let parts = vec![
        thought("Hm", false),
        thought("", false),
        thought("", true),
        Part::text("a"),
        Part::text("b"),
    ];
    let answer = Answer {
        parts: parts.clone(),
        ..Answer::default()
    };
    let body: Value = serde_json::from_slice(&write::answer(&answer, &ASKED)).unwrap();
    let again = serde_json::json!({"model": "m", "input": body["output"]});
    let back = read_back(again.to_string().into());
    assert_eq!(back.turns[0].parts, parts);
}
