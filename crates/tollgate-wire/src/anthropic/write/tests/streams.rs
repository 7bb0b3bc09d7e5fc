//! Answers as streams of blocks.

use super::*;

const ASKED: Asked<'static> = Asked {
    model: "m",
    request_id: "r1",
    now: 0,
    usage: true,
    array: false,
    freeform: &[],
};

/// The data of a stream's events.
fn streamed(events: &[Event]) -> Vec<Value> {
    let mut writer = stream(&ASKED);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    lines
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

fn begins(index: usize) -> Event {
    Event::ToolCall {
        index,
        id: format!("c{index}"),
        name: "f".to_owned(),
        state: None,
    }
}

fn more(index: usize, json: &str) -> Event {
    Event::Arguments {
        index,
        json: json.to_owned(),
    }
}

#[test]
fn calls_that_are_spelled_out_by_turns_get_blocks_one_after_the_other() {
    let events = streamed(&[
        begins(0),
        begins(1),
        more(0, "{\"a\""),
        more(1, "{\"b\""),
        more(0, ":0}"),
        more(1, ":1}"),
        Event::CallEnd { index: 1 },
        Event::CallEnd { index: 0 },
        Event::End,
    ]);
    assert_eq!(
        types(&events),
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert_eq!(events[6]["index"], 1);
    assert_eq!(events[6]["delta"]["partial_json"], "{\"b\":1}");
    assert_eq!(events[8]["delta"]["stop_reason"], "tool_use");
}

#[test]
fn calls_without_an_end_of_their_own_end_with_the_message() {
    let events = streamed(&[begins(0), begins(1), more(1, "{}"), Event::End]);
    assert_eq!(
        types(&events)[1..],
        [
            "content_block_start",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
}

#[test]
fn a_stream_without_content_still_begins_and_ends() {
    let usage = tollgate_core::reply::Usage {
        prompt: 10,
        completion: 3,
        cached: 4,
        ..Default::default()
    };
    let events = streamed(&[
        Event::Idle,
        Event::Begin {
            id: Some("chatcmpl-1".to_owned()),
            model: Some("other".to_owned()),
        },
        Event::Usage(usage),
        Event::Finish(Ending::new(Finish::ContentFilter)),
        Event::End,
        Event::Text("behind the end".to_owned()),
    ]);
    assert_eq!(
        types(&events),
        ["message_start", "message_delta", "message_stop"]
    );
    let message = &events[0]["message"];
    assert_eq!(
        (&message["id"], &message["model"]),
        (&json!("msg_r1"), &json!("other"))
    );
    assert_eq!(message["usage"]["input_tokens"], 6);
    assert_eq!(events[1]["delta"]["stop_reason"], "refusal");
    assert_eq!(events[1]["usage"]["output_tokens"], 3);
}

#[test]
fn signs_of_life_are_pings() {
    let events = streamed(&[Event::Text("x".to_owned()), Event::Idle]);
    assert_eq!(types(&events).last(), Some(&"ping"));
}

#[test]
fn nothing_but_the_end_writes_the_terminator() {
    let events = streamed(&[
        Event::Text("x".to_owned()),
        Event::Finish(Ending::new(Finish::Stop)),
        Event::Usage(tollgate_core::reply::Usage::default()),
    ]);
    assert_eq!(
        types(&events),
        [
            "message_start",
            "content_block_start",
            "content_block_delta"
        ]
    );
}

/// A state without words of a thought.
fn silent() -> Event {
    Event::ReasoningState {
        state: State::of("google", "sig"),
        redacted: false,
    }
}

#[test]
fn the_last_block_is_never_a_thought_without_words() {
    let begin = Event::Begin {
        id: None,
        model: None,
    };
    let text = Event::Text("Hi".to_owned());
    let of = |events: &[Event]| -> Vec<String> {
        let written = streamed(events);
        let started = written
            .iter()
            .filter(|event| event["type"] == "content_block_start");
        started
            .map(|event| event["content_block"]["type"].to_string())
            .collect()
    };
    let signed = [begin.clone(), text.clone(), silent(), Event::End];
    assert_eq!(of(&signed), ["\"text\""]);
    // Before something else it stands where it came.
    let between = [begin.clone(), silent(), text.clone(), Event::End];
    assert_eq!(of(&between), ["\"thinking\"", "\"text\""]);
    let before_a_call = [begin, text, silent(), begins(0), Event::End];
    assert_eq!(
        of(&before_a_call),
        ["\"text\"", "\"thinking\"", "\"tool_use\""]
    );
    let mut answer = Gathering::default();
    for event in signed {
        answer.take(event);
    }
    let body = super::super::answer(&answer.into_answer(), &ASKED);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["content"], json!([{"type": "text", "text": "Hi"}]));
}

#[test]
fn very_many_calls_are_written_in_time() {
    let asked = Asked {
        model: "m",
        request_id: "r",
        now: 0,
        usage: true,
        array: false,
        freeform: &[],
    };
    let mut writer = stream(&asked);
    let mut out = Vec::new();
    let begin = std::time::Instant::now();
    for index in 0..250_000 {
        let begins = Event::ToolCall {
            index,
            id: "toolu_1".to_owned(),
            name: "f".to_owned(),
            state: None,
        };
        let json = "{}".to_owned();
        for event in [
            begins,
            Event::Arguments { index, json },
            Event::CallEnd { index },
        ] {
            writer.write(&event, &mut out);
            out.clear();
        }
    }
    // Each stretch of arguments looking at each call takes minutes.
    assert!(begin.elapsed() < std::time::Duration::from_secs(30));
}
