use serde_json::json;
use tollgate_core::reply::Finish;

use super::*;
use crate::state::NO_STATE;

const ASKED: Asked<'static> = Asked {
    model: "asked",
    request_id: "req-1",
    now: 1_700_000_000,
    usage: false,
    array: false,
    freeform: &[],
};

/// The events as they are written, without the response objects of the first two.
fn written(events: &[Event]) -> Vec<Value> {
    written_for(&ASKED, events)
}

fn written_for(asked: &Asked<'_>, events: &[Event]) -> Vec<Value> {
    let mut writer = Writer::new(asked);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    let events: Vec<Value> = text
        .split_terminator("\n\n")
        .filter(|event| !event.starts_with(':'))
        .map(|event| {
            let (name, data) = event.split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
            data
        })
        .collect();
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], at, "{event}");
    }
    assert_eq!(writer.mark().unwrap().sequence, events.len() as u64);
    events
}

fn kinds(events: &[Value]) -> Vec<&str> {
    let kinds = events.iter().map(|event| event["type"].as_str().unwrap());
    kinds
        .map(|kind| kind.trim_start_matches("response."))
        .collect()
}

fn call(index: usize, id: &str) -> Event {
    Event::ToolCall {
        index,
        id: id.to_owned(),
        name: "f".to_owned(),
        state: None,
    }
}

#[test]
fn a_text_is_told_in_the_order_of_the_format() {
    let events = written(&[
        Event::Begin {
            id: Some("msg_foreign".to_owned()),
            model: Some("m".to_owned()),
        },
        Event::Text("Hi".to_owned()),
        Event::Idle,
        Event::Text(" you".to_owned()),
        Event::Finish(Ending::new(Finish::Stop)),
        Event::End,
    ]);
    let want = [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(kinds(&events), want);
    let response = &events[0]["response"];
    assert_eq!(response["id"], "resp_req-1");
    assert_eq!(
        (&response["status"], &response["model"]),
        (&json!("in_progress"), &json!("m"))
    );
    assert_eq!(
        events[5],
        json!({
            "type": "response.output_text.delta", "sequence_number": 5, "item_id": "msg_req-1_0",
            "output_index": 0, "content_index": 0, "delta": " you", "logprobs": [],
        })
    );
    let item = json!({
        "id": "msg_req-1_0", "type": "message", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": "Hi you", "annotations": [], "logprobs": []}],
    });
    assert_eq!(events[8]["item"], item);
    assert_eq!(events[9]["response"]["output"], json!([item]));
    assert_eq!(events[9]["response"]["usage"], Value::Null);
}

#[test]
fn a_thought_and_calls_have_their_items() {
    let events = written(&[
        Event::Reasoning("Hm".to_owned()),
        Event::ReasoningState {
            state: State::of("anthropic", "sig"),
            redacted: false,
        },
        call(0, "a"),
        call(1, "b"),
        Event::Arguments {
            index: 1,
            json: "{}".to_owned(),
        },
        Event::CallEnd { index: 1 },
        Event::Finish(Ending::new(Finish::ToolCalls)),
        Event::End,
    ]);
    let want = [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(kinds(&events), want);
    let output = &events[15]["response"]["output"];
    let sealed = State::of("anthropic", "sig").seal();
    assert_eq!(output[0]["encrypted_content"], sealed);
    assert_eq!(
        output[0]["summary"],
        json!([{"type": "summary_text", "text": "Hm"}])
    );
    assert_eq!(output[1]["call_id"], "a");
    assert_eq!(output[1]["arguments"], "{}", "clients parse what they get");
    assert_eq!(output[2]["call_id"], "b");
}

#[test]
fn calls_of_tools_that_take_free_text_say_it() {
    let freeform = ["f".to_owned()];
    let asked = Asked {
        freeform: &freeform,
        ..ASKED
    };
    let more = |index, json: &str| Event::Arguments {
        index,
        json: json.to_owned(),
    };
    let g = Event::ToolCall {
        index: 1,
        id: "b".to_owned(),
        name: "g".to_owned(),
        state: None,
    };
    let events = written_for(
        &asked,
        &[
            call(0, "a"),
            more(0, r#"{"input":"*** Begin"#),
            g,
            more(1, r#"{"input":"x"}"#),
            more(0, r#"\n+\"x\""}"#),
            Event::CallEnd { index: 0 },
            Event::CallEnd { index: 1 },
            Event::Finish(Ending::new(Finish::ToolCalls)),
            Event::End,
        ],
    );
    let want = [
        "created",
        "in_progress",
        "output_item.added",
        "output_item.added",
        "function_call_arguments.delta",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(kinds(&events), want);
    let item = |status: &str, input: &str| {
        json!({"id": "ctc_req-1_0", "type": "custom_tool_call", "status": status, "call_id": "a",
            "name": "f", "input": input})
    };
    let input = "*** Begin\n+\"x\"";
    assert_eq!(events[2]["item"], item("in_progress", ""));
    assert_eq!(
        events[5],
        json!({"type": "response.custom_tool_call_input.delta", "sequence_number": 5,
            "item_id": "ctc_req-1_0", "output_index": 0, "delta": input})
    );
    assert_eq!(
        events[6],
        json!({"type": "response.custom_tool_call_input.done", "sequence_number": 6,
            "item_id": "ctc_req-1_0", "output_index": 0, "input": input})
    );
    assert_eq!(events[7]["item"], item("completed", input));
    let output = &events[10]["response"]["output"];
    assert_eq!(output[0], item("completed", input));
    assert_eq!(output[1]["arguments"], r#"{"input":"x"}"#);
}

#[test]
fn free_text_that_is_cut_off_looks_cut_off() {
    let freeform = ["f".to_owned()];
    let asked = Asked {
        freeform: &freeform,
        ..ASKED
    };
    let events = written_for(
        &asked,
        &[
            call(0, "a"),
            Event::Arguments {
                index: 0,
                json: r#"{"input":"*** Beg"#.to_owned(),
            },
            Event::Finish(Ending::new(Finish::Length)),
            Event::End,
        ],
    );
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    let item = &last["response"]["output"][0];
    assert_eq!(
        (&item["status"], &item["input"]),
        (&json!("incomplete"), &json!(r#"{"input":"*** Beg"#))
    );
}

#[test]
fn a_limit_is_an_incomplete_response() {
    let events = written(&[
        Event::Text("Hi".to_owned()),
        Event::Finish(Ending::new(Finish::Length)),
        Event::End,
    ]);
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    let response = &last["response"];
    assert_eq!(
        response["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    assert_eq!(response["output"][0]["status"], "incomplete");
}

#[test]
fn refusals_and_breaks_are_parts_of_one_message() {
    let citation = |url: Option<&str>| {
        Event::Citation(Citation {
            url: url.map(str::to_owned),
            ..Citation::default()
        })
    };
    let events = written(&[
        Event::Text("a".to_owned()),
        citation(Some("u")),
        citation(None),
        Event::Break,
        Event::Text("b".to_owned()),
        Event::Refusal("c".to_owned()),
        Event::End,
    ]);
    let output = &events.last().unwrap()["response"]["output"];
    let annotation =
        json!({"type": "url_citation", "url": "u", "title": "", "start_index": 0, "end_index": 0});
    let content = json!([
        {"type": "output_text", "text": "a", "annotations": [annotation], "logprobs": []},
        {"type": "output_text", "text": "b", "annotations": [], "logprobs": []},
        {"type": "refusal", "refusal": "c"},
    ]);
    assert_eq!(
        (output.as_array().unwrap().len(), &output[0]["content"]),
        (1, &content)
    );
}

#[test]
fn state_of_a_call_travels_before_it() {
    let state = State::of("google", "sig");
    let events = written(&[
        Event::ToolCall {
            index: 0,
            id: "a".to_owned(),
            name: "f".to_owned(),
            state: Some(state.clone()),
        },
        Event::End,
    ]);
    let output = &events.last().unwrap()["response"]["output"];
    let sealed = output[0]["encrypted_content"].as_str().unwrap();
    assert_eq!(
        signature::open(&State::open(sealed)),
        Some(("a".to_owned(), state))
    );
    assert_eq!(output[1]["type"], "function_call");
}

#[test]
fn a_hidden_thought_is_no_part_of_the_one_before() {
    let events = written(&[
        Event::Reasoning("Hm".to_owned()),
        Event::ReasoningState {
            state: State::of("anthropic", "hidden"),
            redacted: true,
        },
        Event::End,
    ]);
    let output = &events.last().unwrap()["response"]["output"];
    assert_eq!(output[0]["encrypted_content"], NO_STATE);
    assert_eq!(output[1]["summary"], json!([]));
}

#[test]
fn nothing_ends_without_its_end() {
    let events = written(&[
        Event::Text("a".to_owned()),
        Event::Finish(Ending::new(Finish::Stop)),
    ]);
    assert_eq!(kinds(&events).last(), Some(&"output_text.delta"));
    let writer = Writer::new(&ASKED);
    assert_eq!(writer.mark(), Some(StreamMark::default()));
}
