use serde_json::json;
use tollgate_core::reply::Finish;

use super::*;
use crate::neutral::{Answer, Content, Ending, Gathering};
use crate::state::State;

const FINISH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

fn stream_of(chunks: &[Value]) -> String {
    let events: Vec<_> = chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect();
    events.concat()
}

fn delta(delta: &Value) -> Value {
    json!({"id": "c-1", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finish(reason: &str) -> Value {
    json!({"id": "c-1", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn read_as(stream: &str, size: usize, done: Terminator) -> (Vec<Event>, Result<(), StreamProblem>) {
    let mut reader = super::stream(StreamRules {
        show_usage: false,
        done,
        provider: "p",
        array: false,
    });
    let mut events = Vec::new();
    for chunk in stream.as_bytes().chunks(size) {
        if let Err(problem) = reader.feed(Bytes::copy_from_slice(chunk), &mut events) {
            return (events, Err(problem));
        }
    }
    let result = reader.end(&mut events);
    (events, result)
}

/// The events of these chunks, with the end of a good stream.
fn read(chunks: &[Value]) -> Result<Vec<Event>, StreamProblem> {
    let stream = stream_of(chunks) + "data: [DONE]\n\n";
    let (events, result) = read_as(&stream, usize::MAX, Terminator::Done);
    result.map(|()| events)
}

fn gathered(chunks: &[Value]) -> Answer {
    let mut gathering = Gathering::default();
    for event in read(chunks).unwrap() {
        gathering.take(event);
    }
    assert!(gathering.ended);
    gathering.into_answer()
}

/// The calls as `id name arguments`.
fn calls(chunks: &[Value]) -> Vec<String> {
    let answer = gathered(chunks);
    let calls = answer.parts.iter().map(|part| match &part.content {
        Content::ToolCall(call) => format!("{} {} {}", call.id, call.name, call.arguments),
        other => panic!("{other:?}"),
    });
    calls.collect()
}

fn call(call: &Value) -> Value {
    delta(&json!({ "tool_calls": [call] }))
}

/// A piece of a call that names its function.
fn whole(index: &Value, id: &Value, name: &str, arguments: &Value) -> Value {
    let mut item = json!({"function": {"name": name, "arguments": arguments}});
    for (member, value) in [("index", index), ("id", id)] {
        if !value.is_null() {
            item[member] = value.clone();
        }
    }
    call(&item)
}

/// A piece of a call that goes on.
fn more(index: &Value, arguments: &str) -> Value {
    call(&json!({"index": index, "function": {"arguments": arguments}}))
}

/// Pieces, and the calls in them.
type Pieces = (Vec<Value>, &'static [&'static str]);

const BOTH: &[&str] = &["a f {\"x\":1}", "b g {}"];

/// Calls with numbers, as `OpenAI` has them.
fn numbered() -> Vec<Pieces> {
    let (zero, one) = (&json!(0), &json!(1));
    let (a, b) = (&json!("a"), &json!("b"));
    vec![
        // As OpenAI does it, in turns and mixed up.
        (
            vec![
                whole(zero, a, "f", &json!("")),
                more(zero, "{\"x\""),
                whole(one, b, "g", &json!("{")),
                more(zero, ":1}"),
                more(one, "}"),
            ],
            BOTH,
        ),
        // Ids and names again and again.
        (
            vec![
                whole(zero, a, "f", &json!("{\"x\"")),
                whole(zero, a, "f", &json!(":1}")),
                whole(one, b, "g", &json!("{}")),
            ],
            BOTH,
        ),
        // Whole calls that are all numbered zero.
        (
            vec![
                whole(zero, a, "f", &json!("{\"x\":1}")),
                whole(zero, b, "g", &json!("{}")),
            ],
            BOTH,
        ),
        // The same id twice.
        (
            vec![
                whole(zero, a, "f", &json!("{}")),
                whole(one, a, "g", &json!("{}")),
            ],
            &["a f {}", "a_1 g {}"],
        ),
        // The name comes late.
        (
            vec![
                call(&json!({"index": 0, "id": "a"})),
                more(zero, "{"),
                whole(zero, &Value::Null, "f", &json!("}")),
            ],
            &["a f {}"],
        ),
    ]
}

/// Calls without numbers.
fn unnumbered() -> Vec<Pieces> {
    let null = &Value::Null;
    vec![
        // Whole calls, arguments as objects.
        (
            vec![
                whole(null, &json!("a"), "f", &json!({"x": 1})),
                whole(null, &json!("b"), "g", &json!({})),
            ],
            BOTH,
        ),
        // No number and no id; what follows belongs to the last.
        (
            vec![
                whole(null, null, "f", &json!("{")),
                more(null, "}"),
                whole(null, null, "f", &json!("{}")),
            ],
            &["call_c1_0 f {}", "call_c1_1 f {}"],
        ),
        // The older form.
        (
            vec![
                delta(&json!({"function_call": {"name": "f", "arguments": "{"}})),
                delta(&json!({"function_call": {"arguments": "}"}})),
            ],
            &["call_c1_0 f {}"],
        ),
    ]
}

#[test]
fn calls_are_told_apart_however_servers_count_them() {
    for (chunks, want) in numbered().into_iter().chain(unnumbered()) {
        let mut ended = chunks.clone();
        ended.push(finish("tool_calls"));
        assert_eq!(calls(&ended), want);
        // Some forget to finish, or say that nothing more is to be done.
        assert_eq!(calls(&chunks), want);
        ended.pop();
        ended.push(finish("stop"));
        let ending = gathered(&ended).ending;
        assert_eq!(ending, Some(Ending::new(Finish::ToolCalls)));
    }
}

#[test]
fn every_call_ends_once_and_before_the_finish() {
    let chunks = [
        call(&json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}})),
        call(&json!({"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}})),
        finish("tool_calls"),
        finish("tool_calls"),
    ];
    let events = read(&chunks).unwrap();
    let tail: Vec<_> = events.iter().rev().take(4).rev().collect();
    let ending = Event::Finish(Ending::new(Finish::ToolCalls));
    assert_eq!(
        tail,
        [
            &Event::CallEnd { index: 0 },
            &Event::CallEnd { index: 1 },
            &ending,
            &Event::End
        ]
    );
}

#[test]
fn calls_that_cannot_be_are_no_answer() {
    let named = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}});
    let nameless = json!({"index": 0, "id": "a", "function": {"arguments": "{}"}});
    let late = json!({"index": 0, "function": {"arguments": "{}"}});
    for chunks in [
        vec![call(&nameless)],
        vec![call(&nameless), finish("tool_calls")],
        vec![call(&named), finish("tool_calls"), call(&late)],
    ] {
        let result = read(&chunks);
        assert!(
            matches!(result, Err(StreamProblem::Malformed(_))),
            "{result:?}"
        );
    }
    let many: Vec<_> = (0..1025)
        .map(|index| call(&json!({"index": index, "function": {"name": "f"}})))
        .collect();
    assert!(matches!(read(&many), Err(StreamProblem::Malformed(_))));
    let piece = "x".repeat(100_000);
    let held = call(&json!({"index": 0, "function": {"arguments": piece}}));
    let result = read(&vec![held; 12]);
    assert!(
        matches!(result, Err(StreamProblem::TooLarge(_))),
        "{result:?}"
    );
}

#[test]
fn thoughts_are_read_in_every_form_and_once() {
    let detail = |text: &str| json!({"type": "reasoning.text", "text": text, "index": 0});
    let signed = json!({"type": "reasoning.text", "signature": "s", "index": 0});
    let state = |detail: &Value| Some(State::of("p", detail.to_string()));
    let hidden = json!({"type": "reasoning.encrypted", "data": "d"});
    for (chunks, want) in [
        (
            vec![json!({"reasoning_content": "so"})],
            vec![("so", None, false)],
        ),
        (vec![json!({"reasoning": "so"})], vec![("so", None, false)]),
        (
            vec![json!({"reasoning": "so", "reasoning_content": "so"})],
            vec![("so", None, false)],
        ),
        (
            vec![
                json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}]}),
            ],
            vec![("so", None, false)],
        ),
        (
            vec![
                json!({"reasoning": "s", "reasoning_details": [detail("s")]}),
                json!({"reasoning": "o", "reasoning_details": [detail("o")]}),
                json!({"reasoning_details": [signed]}),
                json!({"reasoning_details": [detail("next")]}),
            ],
            vec![("so", state(&signed), false), ("next", None, false)],
        ),
        (
            vec![json!({"reasoning_details": [hidden]})],
            vec![("", state(&hidden), true)],
        ),
        (
            vec![
                json!({"reasoning_details": [{"type": "reasoning.summary", "summary": "sum"}, hidden]}),
            ],
            vec![("sum", state(&hidden), false)],
        ),
    ] {
        let chunks: Vec<_> = chunks.iter().map(delta).collect();
        let answer = gathered(&chunks);
        let got: Vec<_> = answer
            .parts
            .iter()
            .map(|part| match &part.content {
                Content::Reasoning(thought) => {
                    (&*thought.text, thought.state.clone(), thought.redacted)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(got, want);
    }
}

#[test]
fn the_signature_of_a_call_is_its_state() {
    let signed = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "sig"}}});
    let answer = gathered(&[call(&signed)]);
    let Content::ToolCall(call) = &answer.parts[0].content else {
        panic!("{answer:?}")
    };
    assert_eq!(call.state, Some(State::of("p", "sig")));
}

#[test]
fn ends_are_translated_and_failures_are_none() {
    for (reason, want) in [
        ("stop", Finish::Stop),
        ("eos", Finish::Stop),
        ("length", Finish::Length),
        ("model_length", Finish::Length),
        ("content_filter", Finish::ContentFilter),
        ("function_call", Finish::ToolCalls),
        ("whatever", Finish::Other),
    ] {
        let ending = gathered(&[finish(reason)]).ending;
        assert_eq!(ending, Some(Ending::new(want)), "{reason}");
    }
    let mut native = finish("stop");
    native["choices"][0]["native_finish_reason"] = json!("network_error");
    for failed in [
        finish("error"),
        finish("insufficient_system_resource"),
        native,
    ] {
        let json = Bytes::from(failed.to_string());
        assert_eq!(read(&[failed]), Err(StreamProblem::Error { json }));
    }
    let mut met = finish("stop");
    met["choices"][0]["stop_reason"] = json!("END");
    let ending = gathered(&[met]).ending.unwrap();
    assert_eq!(ending.stop_sequence.as_deref(), Some("END"));
}

#[test]
fn only_the_first_choice_is_read() {
    let other = json!({"choices": [
        {"index": 1, "delta": {"content": "no"}, "finish_reason": "length"},
        {"index": 0, "delta": {"content": "yes"}, "finish_reason": "stop"},
    ]});
    let answer = gathered(&[other]);
    assert_eq!(answer.parts, [crate::neutral::Part::text("yes")]);
    assert_eq!(answer.ending, Some(Ending::new(Finish::Stop)));
}

#[test]
fn errors_end_the_stream_in_every_form() {
    let good = delta(&json!({"content": "Hi"}));
    for error in [
        json!({"error": {"message": "m"}}),
        json!({"error": "m", "code": "c"}),
        json!({"object": "error", "message": "m"}),
        json!({"type": "error"}),
        json!({"choices": [], "x_groq": {"error": "m"}}),
    ] {
        let json = Bytes::from(error.to_string());
        assert_eq!(
            read(&[good.clone(), error]),
            Err(StreamProblem::Error { json })
        );
    }
    for stream in [
        "event: error\ndata: {\"a\":1}\n\n",
        "error: {\"a\":1}\n\n",
        "{\"error\":1}\n\n",
        "event: error\n\n",
    ] {
        let (_, result) = read_as(stream, 3, Terminator::Done);
        assert!(
            matches!(result, Err(StreamProblem::Error { .. })),
            "{stream}"
        );
    }
    for stream in [
        "data: {\n\n",
        "data: []\n\n",
        "{\"a\":1}\n\n",
        "data: {\"a\":\"\\ud83d\"}\n\n",
    ] {
        let (_, result) = read_as(stream, 3, Terminator::Done);
        assert!(
            matches!(result, Err(StreamProblem::Malformed(_))),
            "{stream}"
        );
    }
}

fn sample() -> String {
    let usage =
        json!({"id": "c-1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
    let azure = json!({"id": "", "model": "", "choices": [], "prompt_filter_results": []});
    ": hello\n\n".to_owned()
        + &stream_of(&[
            azure,
            delta(&json!({"role": "assistant", "content": ""})),
            delta(&json!({"reasoning_content": "so é😀"})),
            delta(&json!({"content": "Hi"})),
            delta(
                &json!({"annotations": [{"type": "url_citation", "url_citation": {"url": "https://e.com", "start_index": 0, "end_index": 2}}]}),
            ),
            delta(&json!({"refusal": "no"})),
            call(&json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}})),
            finish("tool_calls"),
            usage,
        ])
}

#[test]
fn any_cut_gives_the_same_events() {
    for stream in [sample(), sample().replace('\n', "\r\n")] {
        let stream = stream + "data: [DONE]\n\n";
        let whole = read_as(&stream, usize::MAX, Terminator::Done);
        assert_eq!(whole.1, Ok(()));
        let first = whole.0.iter().find(|event| **event != Event::Idle);
        assert_eq!(
            first,
            Some(&Event::Begin {
                id: Some("c-1".to_owned()),
                model: None
            })
        );
        for size in 1..120 {
            assert_eq!(
                read_as(&stream, size, Terminator::Done),
                whole,
                "chunks of {size}"
            );
        }
    }
}

#[test]
fn a_stream_without_its_end_is_truncated_wherever_it_was_cut() {
    let stream = sample() + "data: [DONE]";
    let finished = stream.find("\"finish_reason\":\"tool_calls\"").unwrap();
    let finished = finished + stream.get(finished..).unwrap().find('\n').unwrap();
    for cut in 0..stream.len() {
        let Some(part) = stream.get(..cut) else {
            continue;
        };
        let (events, result) = read_as(part, 64, Terminator::Done);
        assert_eq!(result, Err(StreamProblem::Truncated), "cut at {cut}");
        assert!(!events.contains(&Event::End));
        let (events, result) = read_as(part, 64, Terminator::FinishThenEnd);
        // Between events, behind the finish, is a good end where no `[DONE]` comes.
        if result.is_ok() {
            assert!(cut >= finished, "cut at {cut}");
            assert_eq!(events.last(), Some(&Event::End));
        }
    }
    assert_eq!(read_as(&stream, 64, Terminator::Done).1, Ok(()));
    let bare = format!("data: {FINISH}\n\n");
    assert_eq!(read_as(&bare, 9, Terminator::FinishThenEnd).1, Ok(()));
    assert_eq!(
        read_as(&bare, 9, Terminator::Done).1,
        Err(StreamProblem::Truncated)
    );
}
