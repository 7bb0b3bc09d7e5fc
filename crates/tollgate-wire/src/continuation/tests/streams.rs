//! Streams of each format, recorded ones among them.

mod recordings;

use super::*;

/// A piece of these events.
fn piece(events: &str) -> Piece {
    Piece {
        bytes: Bytes::copy_from_slice(events.as_bytes()),
        ..Piece::default()
    }
}

fn event(format: Format, data: &str) -> String {
    match format {
        Format::Anthropic => {
            let value: Value = serde_json::from_str(data).unwrap();
            format!(
                "event: {}\ndata: {data}\n\n",
                value["type"].as_str().unwrap()
            )
        }
        _ => format!("data: {data}\n\n"),
    }
}

/// What a further stream of these events makes of an answer that has begun with `words`.
fn joined(format: Format, words: &str, events: &[&str]) -> String {
    let shape = (format, false);
    let mut continuation = watched(shape, &body(format, ""), words);
    continuation.switch("m2");
    let mut out = String::new();
    for data in events {
        let spliced = continuation.splice(piece(&event(format, data)));
        out.push_str(std::str::from_utf8(&spliced.bytes).unwrap());
    }
    out
}

/// Events after which nobody goes on.
const UNSAFE: [(Format, &str); 37] = [
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"function_call":{"name":"f"}}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"reasoning_content":"x"}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"reasoning":"x"}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"reasoning_details":[{}]}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"refusal":"No"}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"audio":{"id":"x"}}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"annotations":[{}]}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"content":[{"type":"thinking"}]}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"something_new":"x"}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{},"logprobs":{"content":[]}}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    ),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":1,"delta":{"content":"x"}}]}"#,
    ),
    (Format::OpenAi, r#"{"choices":[{"index":0},{"index":1}]}"#),
    (Format::OpenAi, r#"{"choices":[],"citations":["x"]}"#),
    (
        Format::OpenAi,
        r#"{"choices":[{"index":0,"delta":{"content":"\ud83d"}}]}"#,
    ),
    (Format::OpenAi, "[DONE]"),
    (Format::OpenAi, "{"),
    (
        Format::Completions,
        r#"{"choices":[{"index":0,"text":"","finish_reason":"length"}]}"#,
    ),
    (
        Format::Completions,
        r#"{"choices":[{"index":0,"text":"x","logprobs":{"tokens":["x"]}}]}"#,
    ),
    (
        Format::Anthropic,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use"}}"#,
    ),
    (
        Format::Anthropic,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"thinking"}}"#,
    ),
    (
        Format::Anthropic,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{}}}"#,
    ),
    (
        Format::Anthropic,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"x"}}"#,
    ),
    (
        Format::Anthropic,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}"#,
    ),
    (
        Format::Anthropic,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}"#,
    ),
    (
        Format::Anthropic,
        r#"{"type":"message_delta","delta":{"stop_reason":"refusal"}}"#,
    ),
    (Format::Anthropic, r#"{"type":"message_stop"}"#),
    (
        Format::Gemini,
        r#"{"candidates":[{"content":{"parts":[{"text":"x","thought":true}]}}]}"#,
    ),
    (
        Format::Gemini,
        r#"{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"x"}]}}]}"#,
    ),
    (
        Format::Gemini,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}"#,
    ),
    (
        Format::Gemini,
        r#"{"candidates":[{"content":{"parts":[{"inlineData":{"data":"x"}}]}}]}"#,
    ),
    (
        Format::Gemini,
        r#"{"candidates":[{"index":1,"content":{"parts":[{"text":"x"}]}}]}"#,
    ),
    (
        Format::Gemini,
        r#"{"candidates":[{"citationMetadata":{"citationSources":[]}}]}"#,
    ),
    (
        Format::Gemini,
        r#"{"candidates":[{"groundingMetadata":{"a":1}}]}"#,
    ),
    (
        Format::Gemini,
        r#"{"candidates":[{"finishReason":"STOP"}]}"#,
    ),
    (
        Format::Gemini,
        r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
    ),
];

#[test]
fn an_event_that_says_more_than_words_makes_going_on_unsafe() {
    for (format, data) in UNSAFE {
        let shape = (format, false);
        let mut continuation = watched(shape, &body(format, ""), "Said.");
        assert!(continuation.call().is_some());
        let raw = serde_json::from_str::<Value>(data)
            .map_or_else(|_| format!("data: {data}\n\n"), |_| event(format, data));
        continuation.watch(&piece(&raw));
        assert!(continuation.call().is_none(), "{data}");

        // The same, where it is a further stream that breaks.
        let mut continuation = watched(shape, &body(format, ""), "Said.");
        continuation.switch("m2");
        continuation.splice(piece(&raw));
        assert!(continuation.call().is_none(), "{data}");
    }
}

#[test]
fn an_event_that_says_nothing_changes_nothing() {
    for (format, data) in [
        (
            Format::OpenAi,
            r#"{"choices":[{"index":0,"delta":{"content":null,"refusal":null,"reasoning":"","tool_calls":[]},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        ),
        (
            Format::OpenAi,
            r#"{"choices":[],"prompt_filter_results":[{}]}"#,
        ),
        (
            Format::OpenAi,
            r#"{"choices":[{"delta":{"content":"","token_id":7},"text":""}]}"#,
        ),
        (Format::Anthropic, r#"{"type":"ping"}"#),
        (Format::Anthropic, r#"{"type":"something_new"}"#),
        (
            Format::Anthropic,
            r#"{"type":"content_block_stop","index":0}"#,
        ),
        (
            Format::Anthropic,
            r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":3}}"#,
        ),
        (
            Format::Gemini,
            r#"{"candidates":[{"finishReason":"FINISH_REASON_UNSPECIFIED"}]}"#,
        ),
        (
            Format::Gemini,
            r#"{"usageMetadata":{"promptTokenCount":1},"promptFeedback":{}}"#,
        ),
    ] {
        let mut continuation = watched((format, false), &body(format, ""), "Said.");
        continuation.watch(&piece(&event(format, data)));
        assert!(continuation.call().is_some(), "{data}");
    }
    let mut continuation = watched((Format::OpenAi, false), &body(Format::OpenAi, ""), "Said.");
    continuation.watch(&piece(": keep-alive\n\n"));
    assert!(continuation.call().is_some());
}

#[test]
fn chunks_go_on_under_the_head_of_the_first_stream() {
    let out = joined(
        Format::OpenAi,
        "Said ",
        &[
            r#"{"id":"b","model":"other","created":9,"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"id":"b","model":"other","created":9,"x":1,"choices":[{"index":0,"delta":{"content":" and"},"text":" and"}]}"#,
            r#"{"id":"b","choices":[{"index":0,"delta":{"role":"assistant","content":" done"},"message":{"content":" and done"}}]}"#,
            r#"{"id":"b","model":"other","created":9,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        ],
    );
    let want = concat!(
        ": tollgate: continued by m2\n\n",
        "data: {\"id\":\"a\",\"model\":\"model-a\",\"created\":7,\"x\":1,\"choices\":[{\"index\":0,\"text\":\"and\",\"delta\":{\"content\":\"and\"}}]}\n\n",
        "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" done\"}}],\"model\":\"model-a\",\"created\":7}\n\n",
        "data: {\"id\":\"a\",\"model\":\"model-a\",\"created\":7,\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"delta\":{}}]}\n\n",
    );
    assert_eq!(
        out.replace(
            "\"delta\":{},\"finish_reason\":\"stop\"",
            "\"finish_reason\":\"stop\",\"delta\":{}"
        ),
        want
    );
}

const LONG: &str = "Thirty-two letters or more are said here.";

#[test]
fn words_that_are_held_come_before_what_follows() {
    let half = LONG.get(..20).unwrap();
    for (format, events) in [
        (
            Format::OpenAi,
            [
                json!({"choices":[{"index":0,"delta":{"content":half}}]}),
                json!({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"f"}}]}}]}),
            ],
        ),
        (
            Format::OpenAi,
            [
                json!({"choices":[{"index":0,"delta":{"content":half}}]}),
                json!({"choices":[{"index":0,"finish_reason":"stop"}]}),
            ],
        ),
        (
            Format::Completions,
            [
                json!({"choices":[{"index":0,"text":half}]}),
                json!({"choices":[{"index":0,"finish_reason":"stop"}]}),
            ],
        ),
        (
            Format::Anthropic,
            [
                json!({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":half}}),
                json!({"type":"content_block_stop","index":0}),
            ],
        ),
        (
            Format::Gemini,
            [
                json!({"candidates":[{"content":{"parts":[{"text":half}]}}]}),
                json!({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}),
            ],
        ),
        (
            Format::Gemini,
            [
                json!({"candidates":[{"content":{"parts":[{"text":half}]}}]}),
                json!({"candidates":[{"finishReason":"STOP"}]}),
            ],
        ),
    ] {
        let events = events.map(|event| event.to_string());
        assert_eq!(joined(format, LONG, &[&events[0]]), "", "{format:?}");
        let out = joined(format, LONG, &[&events[0], &events[1]]);
        assert_eq!(out.matches(half).count(), 1, "{out}");
        let words = out.find(half).unwrap();
        let what = ["tool_calls", "content_block_stop", "functionCall"];
        let next = what.iter().find_map(|next| out.find(next));
        assert!(
            next.is_none_or(|next| format == Format::OpenAi || words < next),
            "{out}"
        );
    }
}

#[test]
fn words_that_are_held_come_before_the_end() {
    let half = LONG.get(..20).unwrap();
    for last in ["data: [DONE]\n\n", "data: {\n\n"] {
        let mut continuation = watched((Format::OpenAi, false), &body(Format::OpenAi, ""), LONG);
        continuation.switch("m2");
        let words = json!({"choices":[{"index":0,"delta":{"content":half}}]});
        let held = continuation.splice(piece(&format!("data: {words}\n\n")));
        assert!(held.bytes.is_empty() && !held.content);
        let out = continuation.splice(piece(last));
        let out = String::from_utf8(out.bytes.to_vec()).unwrap();
        assert!(out.contains(half) && out.ends_with(last), "{out}");
        assert!(
            out.starts_with(": tollgate: continued by m2\n\ndata: {"),
            "{out}"
        );
    }
}

fn start(index: u64, kind: &str) -> String {
    json!({"type":"content_block_start","index":index,"content_block":{"type":kind,"text":""}})
        .to_string()
}

fn words(index: u64, text: &str) -> String {
    json!({"type":"content_block_delta","index":index,"delta":{"type":"text_delta","text":text}})
        .to_string()
}

fn stop(index: u64) -> String {
    json!({"type":"content_block_stop","index":index}).to_string()
}

/// The types and numbers of events.
fn rows(out: &str) -> Vec<String> {
    let row = |event: Value| format!("{} {}", event["type"].as_str().unwrap(), event["index"]);
    objects(false, out).into_iter().map(row).collect()
}

#[test]
fn a_text_block_that_is_open_goes_on_and_others_follow_it() {
    let begin = r#"{"type":"message_start","message":{"id":"b","usage":{"input_tokens":1}}}"#;
    let end = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#;
    let out = joined(
        Format::Anthropic,
        "Said.",
        &[
            begin,
            &start(0, "text"),
            r#"{"type":"ping"}"#,
            &words(0, " More."),
            &stop(0),
            &start(1, "tool_use"),
            &stop(1),
            end,
        ],
    );
    let want = [
        "ping null",
        "content_block_delta 0",
        "content_block_stop 0",
        "content_block_start 1",
        "content_block_stop 1",
        "message_delta null",
    ];
    assert_eq!(rows(&out), want);
    // One of another kind closes it first.
    let out = joined(
        Format::Anthropic,
        "Said.",
        &[begin, &start(0, "tool_use"), &stop(0), end],
    );
    let want = [
        "content_block_stop 0",
        "content_block_start 1",
        "content_block_stop 1",
        "message_delta null",
    ];
    assert_eq!(rows(&out), want);
    // So does the end of an answer that says no more.
    let out = joined(Format::Anthropic, "Said.", &[begin, end]);
    assert_eq!(rows(&out), ["content_block_stop 0", "message_delta null"]);
    // Where none is open, the next one follows.
    let mut continuation = watched(
        (Format::Anthropic, false),
        &body(Format::Anthropic, ""),
        "Said.",
    );
    continuation.watch(&piece(&event(Format::Anthropic, &stop(0))));
    continuation.switch("m2");
    let mut out = String::new();
    for data in [begin, &start(0, "text"), &words(0, " More."), &stop(0), end] {
        let spliced = continuation.splice(piece(&event(Format::Anthropic, data)));
        out.push_str(std::str::from_utf8(&spliced.bytes).unwrap());
    }
    let want = [
        "content_block_start 1",
        "content_block_delta 1",
        "content_block_stop 1",
        "message_delta null",
    ];
    assert_eq!(rows(&out), want);
}

#[test]
fn a_model_that_begins_with_blanks_adds_none() {
    for (format, data) in [
        (
            Format::OpenAi,
            r#"{"choices":[{"delta":{"content":" more"}}]}"#,
        ),
        (
            Format::Gemini,
            r#"{"candidates":[{"content":{"parts":[{"text":" more"}]}}]}"#,
        ),
        (
            Format::Anthropic,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" more"}}"#,
        ),
    ] {
        let out = joined(format, "Said ", &[data]);
        assert!(out.contains("\"more\""), "{out}");
        let out = joined(format, "Said", &[data]);
        assert!(out.contains("\" more\""), "{out}");
    }
    let out = joined(
        Format::Completions,
        "Said ",
        &[r#"{"choices":[{"text":" more"}]}"#],
    );
    assert!(out.contains("\" more\""), "{out}");
}

#[test]
fn a_stream_that_tells_no_counts_ends_with_an_estimate_where_the_first_told_some() {
    let mut continuation = watched((Format::OpenAi, false), &body(Format::OpenAi, ""), LONG);
    continuation.tally.report(Some(USAGE), 1);
    continuation.switch("m2");
    let words = format!(
        "data: {}\n\n",
        json!({"choices":[{"delta":{"content":"Twelve bytes"}}]})
    );
    assert_eq!(continuation.splice(piece(&words)).usage, None);
    let last = continuation.splice(Piece {
        last: true,
        ..piece("data: [DONE]\n\n")
    });
    let completion = USAGE.completion + (LONG.len() as u64 - 1).div_ceil(4) + 3;
    assert_eq!(
        last.usage,
        Some(Usage {
            completion,
            ..USAGE
        })
    );
}

#[test]
fn counts_of_every_kind_are_put_over() {
    let mut continuation = watched((Format::OpenAi, false), &body(Format::OpenAi, ""), LONG);
    continuation.switch("m2");
    let mut chunk = piece(concat!(
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"cost\":2,\"prompt_tokens_details\":{\"audio_tokens\":3}},",
        "\"x_groq\":{\"id\":\"x\",\"usage\":{\"prompt_tokens\":1}}}\n\n",
    ));
    chunk.usage = Some(USAGE);
    let out = continuation.splice(chunk);
    let total = out.usage.unwrap();
    let out = objects(false, std::str::from_utf8(&out.bytes).unwrap());
    for counts in [&out[0]["usage"], &out[0]["x_groq"]["usage"]] {
        assert_eq!(counts["prompt_tokens"], total.prompt);
        assert_eq!(counts["completion_tokens"], total.completion);
        assert_eq!(counts["total_tokens"], total.prompt + total.completion);
        assert_eq!(counts["tollgate"], json!({"estimated": true}));
    }
    assert_eq!(out[0]["usage"]["cost"], 2);
    assert_eq!(out[0]["usage"]["prompt_tokens_details"]["audio_tokens"], 3);
    assert_eq!(out[0]["x_groq"]["id"], "x");
}
