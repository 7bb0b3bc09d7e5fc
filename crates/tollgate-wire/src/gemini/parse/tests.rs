use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_core::call::Call;
use tollgate_core::error::Code;
use tollgate_core::format::Operation;
use tollgate_core::reply::Finish;

use super::*;
use crate::formats::Received;
use crate::neutral::{
    Citation, Content, Effort, OutputFormat, Part, Reasoned, Reasoning, Role, Source, ToolCall,
    ToolChoice,
};
use crate::state::State;
use crate::stream::{StreamProblem, Terminator};

fn call(operation: Operation, body: &Value) -> Call {
    crate::gemini::request::read(Received {
        operation,
        body: body.to_string().into(),
        model: Some("gemini-2.5-flash"),
        stream: false,
        array: false,
    })
    .unwrap()
}

fn parsed(body: &Value) -> Request {
    request(&call(Operation::Chat, body)).unwrap()
}

fn contents() -> Value {
    json!([{"parts": [{"text": "Hi"}]}])
}

#[test]
fn both_spellings_say_the_same() {
    let camel = json!({
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": contents(),
        "generationConfig": {
            "maxOutputTokens": 5, "topK": 40.0, "topP": 0.9, "stopSequences": ["a"], "seed": -1,
            "presencePenalty": 0.5, "frequencyPenalty": 0, "candidateCount": 1,
            "responseMimeType": "application/json",
            "responseSchema": {"type": "OBJECT"},
            "thinkingConfig": {"thinkingBudget": -1, "includeThoughts": true},
        },
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    });
    let snake = json!({
        "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
        "tools": [{"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
        "generation_config": {
            "max_output_tokens": 5, "top_k": 40, "top_p": 0.9, "stop_sequences": ["a"], "seed": -1,
            "presence_penalty": 0.5, "frequency_penalty": 0, "candidate_count": 1,
            "response_mime_type": "application/json",
            "response_schema": {"type": "OBJECT"},
            "thinking_config": {"thinking_budget": -1, "include_thoughts": true},
        },
        "contents": [{"role": "user", "parts": [{"text": "Hi", "thought_signature": null}]}],
        "system_instruction": {"role": "system", "parts": [{"text": "s"}]},
    });
    let request = parsed(&camel);
    assert_eq!(parsed(&snake), request);
    assert_eq!(request.max_tokens, Some(5));
    assert_eq!((request.top_k, request.seed), (Some(40), Some(-1)));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".to_owned())));
    assert_eq!(request.tools[0].parameters, Some(json!({"type": "object"})));
    let Some(OutputFormat::Schema { schema, .. }) = &request.output else {
        panic!("{:?}", request.output)
    };
    assert_eq!(*schema, json!({"type": "object"}));
    let show = Reasoning {
        show: Some(true),
        ..Reasoning::default()
    };
    assert_eq!(request.reasoning, Some(show));
    assert_eq!(request.turns[0].role, Role::System);
    assert!(request.others.is_empty());
}

#[test]
fn calls_without_ids_get_some_that_their_results_find() {
    let request = parsed(&json!({"contents": [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [
            {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "sig"},
            {"functionCall": {"name": "f"}, "thoughtSignature": "skip_thought_signature_validator"},
        ]},
        {"role": "function", "parts": [
            {"functionResponse": {"name": "f", "response": {"output": "one"}}},
            {"functionResponse": {"name": "f", "response": {"error": {"code": 1}}}},
            {"functionResponse": {"name": "f", "response": {"a": 1, "b": [2]}}},
        ]},
    ]}));
    let calls: Vec<_> = request.turns[1].parts.iter().collect();
    let [first, second] = &calls[..] else {
        panic!("{calls:?}")
    };
    assert_eq!(
        first.content,
        Content::ToolCall(ToolCall {
            id: "call_tg_0".to_owned(),
            name: "f".to_owned(),
            arguments: "{\"a\":1}".to_owned(),
            state: Some(State {
                origin: None,
                token: "sig".to_owned()
            }),
        })
    );
    let Content::ToolCall(second) = &second.content else {
        panic!("{second:?}")
    };
    assert_eq!((&*second.arguments, &second.state), ("{}", &None));
    let results = request.turns[2]
        .parts
        .iter()
        .map(|part| match &part.content {
            Content::ToolResult(result) => (result.id.clone(), result.parts.clone(), result.failed),
            other => panic!("{other:?}"),
        });
    let said = |text: &str| vec![Part::text(text)];
    assert_eq!(
        results.collect::<Vec<_>>(),
        [
            ("call_tg_0".to_owned(), said("one"), false),
            ("call_tg_1".to_owned(), said("{\"code\":1}"), true),
            ("call_tg_2".to_owned(), said("{\"a\":1,\"b\":[2]}"), false),
        ]
    );
}

#[test]
fn a_thought_that_came_in_pieces_is_one() {
    let sealed = State::of("anthropic", "s").seal();
    let for_addresses = sealed.replace('+', "-").replace('/', "_");
    let request = parsed(&json!({"contents": [{"role": "model", "parts": [
        {"text": "a", "thought": true},
        {"text": "b", "thought": true},
        {"text": "", "thought": true, "thoughtSignature": for_addresses},
        {"text": "said", "thoughtSignature": "own"},
    ]}]}));
    let thought = |text: &str, state| {
        Part::new(Content::Reasoning(Reasoned {
            text: text.to_owned(),
            state: Some(state),
            redacted: false,
        }))
    };
    let own = State {
        origin: None,
        token: "own".to_owned(),
    };
    assert_eq!(
        request.turns[0].parts,
        [
            thought("ab", State::of("anthropic", "s")),
            Part::text("said"),
            thought("", own),
        ]
    );
}

#[test]
fn media_are_told_apart_by_their_types() {
    let request = parsed(&json!({"contents": [{"parts": [
        {"inlineData": {"mimeType": "image/png", "data": "-_8"}},
        {"inline_data": {"mime_type": "audio/wav", "data": "AAAA"}},
        {"fileData": {"fileUri": "https://x.y/a.pdf"}},
        {"fileData": {"fileUri": "gs://b/a.png", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "https://x.y/a.mp4", "mimeType": "video/mp4"}},
        {"text": "Hi", "videoMetadata": {"fps": 1}},
    ]}]}));
    let parts: Vec<_> = request.turns[0]
        .parts
        .iter()
        .map(|part| &part.content)
        .collect();
    let [
        Content::Image(picture),
        Content::Audio(_),
        Content::Document(document),
        Content::Image(stored),
        Content::Text { .. },
    ] = &parts[..]
    else {
        panic!("{parts:?}")
    };
    assert_eq!(picture.source, Source::Base64("+/8=".to_owned()));
    assert_eq!(document.media_type, "application/pdf");
    assert_eq!(stored.source, Source::File("gs://b/a.png".to_owned()));
    assert_eq!(
        request.others,
        [
            "contents[0].parts[4].fileData",
            "contents[0].parts[5].videoMetadata"
        ]
    );
}

#[test]
fn what_has_no_place_is_named_and_what_changes_nothing_is_not() {
    let request = parsed(&json!({
        "contents": contents(),
        "model": "models/x", "labels": {"a": "b"}, "store": null,
        "safetySettings": [], "cached_content": "c", "x_new": 1,
        "tools": [{"googleSearch": {}}, {"functionDeclarations": [
            {"name": "f", "response": {"type": "STRING"}}, {"name": "g"},
        ]}],
        "toolConfig": {
            "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["g", "h"]},
            "retrievalConfig": {},
        },
        "generationConfig": {
            "candidateCount": 2, "responseModalities": ["IMAGE"], "logprobs": 3,
            "responseMimeType": "text/x.enum", "topK": -1,
            "thinkingConfig": {"thinkingLevel": "LOW"},
        },
    }));
    assert_eq!(
        request.others,
        [
            "tools[0].googleSearch",
            "tools[1].functionDeclarations[0].response",
            "toolConfig.functionCallingConfig.allowedFunctionNames",
            "toolConfig.retrievalConfig",
            "generationConfig.candidateCount",
            "generationConfig.responseModalities",
            "generationConfig.logprobs",
            "generationConfig.topK",
            "generationConfig.responseMimeType",
            "safetySettings",
            "cachedContent",
            "xNew",
        ]
    );
    assert_eq!(request.tool_choice, Some(ToolChoice::Required));
    assert_eq!(
        request.reasoning.and_then(|reasoning| reasoning.effort),
        Some(Effort::Low)
    );
}

#[test]
fn values_of_a_wrong_shape_are_named() {
    for (body, path) in [
        (
            json!({"contents": [{"parts": [{"text": 1}]}]}),
            "contents[0].parts[0].text",
        ),
        (
            json!({"contents": [{"parts": [{"functionCall": {}}]}]}),
            "contents[0].parts[0].functionCall.name",
        ),
        (
            json!({"contents": [{"parts": [{"inlineData": {}}]}]}),
            "contents[0].parts[0].inlineData",
        ),
        (
            json!({"contents": contents(), "tools": [{"functionDeclarations": [{}]}]}),
            "tools[0].functionDeclarations[0].name",
        ),
        (
            json!({"contents": contents(), "toolConfig": {"functionCallingConfig": {"mode": 1}}}),
            "toolConfig.functionCallingConfig.mode",
        ),
        (
            json!({"contents": contents(), "generationConfig": {"responseMimeType": "a",
                "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": null},
                "responseLogprobs": true, "stopSequences": ["a"], "topK": 1.5}}),
            "generationConfig.topK",
        ),
    ] {
        let failure = request(&call(Operation::Chat, &body)).unwrap_err();
        assert_eq!(failure.code, Code::InvalidRequest);
        assert_eq!(failure.fields[0].path, path);
    }
}

#[test]
fn the_request_within_a_count_is_read() {
    let body = json!({"generateContentRequest": {
        "model": "models/m", "contents": contents(),
        "systemInstruction": {"parts": [{"text": "s"}]}, "safetySettings": [1],
    }});
    let request = request(&call(Operation::CountTokens, &body)).unwrap();
    assert_eq!(request.turns.len(), 2);
    assert_eq!(request.others, ["generateContentRequest.safetySettings"]);
}

#[test]
fn counts_are_read() {
    let read = |body: &str| count(&Bytes::copy_from_slice(body.as_bytes()));
    assert_eq!(read(r#"{"totalTokens":31,"x":{}}"#), Ok(31));
    assert!(matches!(
        read(r#"{"error":{}}"#),
        Err(AnswerProblem::Error { .. })
    ));
    for body in ["{}", "[]", "1", r#"{"totalTokens":-1}"#] {
        let problem = read(body);
        assert!(
            matches!(problem, Err(AnswerProblem::NotAnAnswer(_))),
            "{body}"
        );
    }
    for body in ["", " ", "{", "<html>"] {
        assert!(
            matches!(read(body), Err(AnswerProblem::NotJson(_))),
            "{body}"
        );
    }
}

fn answered(body: &Value) -> Answer {
    answer(&Bytes::from(body.to_string()), "google").unwrap()
}

/// An answer with all kinds of parts, behind another candidate.
fn rich() -> Value {
    json!({
        "candidates": [
            {"index": 1, "content": {"parts": [{"text": "other"}]}, "finishReason": "STOP"},
            {"content": {"parts": [
                {"text": "t", "thought": true},
                {"text": "ab"},
                {"text": "cd", "thoughtSignature": "sig"},
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"functionCall": {"id": "own", "name": "f", "args": {}}, "thoughtSignature": "x"},
                {"functionCall": {"name": "f"}},
            ]}, "finishReason": "STOP", "index": 0,
            "citationMetadata": {"citations": [{"uri": "u", "startIndex": 1, "endIndex": 2}]},
            "groundingMetadata": {
                "groundingChunks": [{"web": {"uri": "w", "title": "t"}}],
                "groundingSupports": [
                    {"segment": {"endIndex": 3}, "groundingChunkIndices": [0, 9]},
                ],
            }},
        ],
        "responseId": "r", "modelVersion": "m",
    })
}

#[test]
fn an_answer_is_told_in_its_order() {
    let answer = answered(&rich());
    let state = |token: &str| Some(State::of("google", token));
    let called = |id: &str, state| {
        Part::new(Content::ToolCall(ToolCall {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments: "{}".to_owned(),
            state,
        }))
    };
    let thought = |text: &str, state| {
        Part::new(Content::Reasoning(Reasoned {
            text: text.to_owned(),
            state,
            redacted: false,
        }))
    };
    let made = crate::gemini::calls::of_answer("r", 1, "f", "{}");
    let (parts, cited) = answer.parts.split_at(6);
    assert_eq!(
        parts,
        [
            thought("t", None),
            Part::text("abcd"),
            thought("", state("sig")),
            Part::text("![image/png](data:image/png;base64,AAAA)"),
            called("own", state("x")),
            called(&made, None),
        ]
    );
    let [
        Part {
            content: Content::Text { text, citations },
            ..
        },
    ] = cited
    else {
        panic!("{cited:?}")
    };
    assert_eq!(text, "");
    let citation = |url: &str, title: Option<&str>, start, end| Citation {
        url: Some(url.to_owned()),
        title: title.map(str::to_owned),
        start: Some(start),
        end: Some(end),
        ..Citation::default()
    };
    assert_eq!(
        *citations,
        [citation("u", None, 1, 2), citation("w", Some("t"), 0, 3)]
    );
    assert_eq!(
        answer.ending.map(|ending| ending.finish),
        Some(Finish::ToolCalls)
    );
    assert_eq!(
        (answer.id.as_deref(), answer.model.as_deref()),
        (Some("r"), Some("m"))
    );
}

#[test]
fn places_in_other_alphabets_are_not_guessed() {
    let answer = answered(&json!({"candidates": [{
        "content": {"parts": [{"text": "é"}]},
        "citationMetadata": {"citationSources": [{"uri": "u", "startIndex": 0, "endIndex": 2}]},
    }]}));
    let Content::Text { citations, .. } = &answer.parts[0].content else {
        panic!("{answer:?}")
    };
    assert_eq!((citations[0].start, citations[0].end), (None, None));
    assert_eq!(answer.ending, None);
}

fn read(stream: &[u8], size: usize) -> (Vec<Event>, Option<StreamProblem>) {
    let mut reader = super::stream(StreamRules {
        show_usage: true,
        done: Terminator::Native,
        provider: "google",
        array: false,
    });
    let mut events = Vec::new();
    for chunk in stream.chunks(size) {
        if let Err(problem) = reader.feed(Bytes::copy_from_slice(chunk), &mut events) {
            return (events, Some(problem));
        }
    }
    let problem = reader.end(&mut events).err();
    (events, problem)
}

const BEGUN: &str = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
const ERROR: &str = r#"{"error":{"code":503}}"#;
const CALL: &str = r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}"#;
const ENDED: &str = r#"{"candidates":[{"content":{},"finishReason":"STOP"}]}"#;

#[test]
fn streams_end_as_they_should_or_are_a_problem_however_they_are_cut() {
    let error = |json: &str| {
        Some(StreamProblem::Error {
            json: Bytes::copy_from_slice(json.as_bytes()),
        })
    };
    for (stream, want) in [
        (format!("data: {BEGUN}\r\n\r\ndata: {ENDED}\r\n\r\n"), None),
        (
            format!("data:{BEGUN}\n\ndata:{ENDED}\n\ndata: [DONE]\n\n"),
            None,
        ),
        (format!(": hi\n\ndata: {BEGUN}\n\n\ndata: {ENDED}"), None),
        (format!("data: {BEGUN}\n\n"), Some(StreamProblem::Truncated)),
        (String::new(), Some(StreamProblem::Truncated)),
        (format!("[{BEGUN},{ENDED}]"), None),
        (format!("[{BEGUN},{ENDED}"), Some(StreamProblem::Truncated)),
        ("[]".to_owned(), Some(StreamProblem::Truncated)),
        (format!("data: {BEGUN}\n\n{ERROR}"), error(ERROR)),
        (format!("data: {BEGUN}\n\ndata: {ERROR}\n\n"), error(ERROR)),
        (
            format!("data: {ENDED}\n\nevent: error\ndata: x\n\n"),
            error("x"),
        ),
        (format!("data: {BEGUN}\n\ndata: {CALL}\n\n"), error(CALL)),
        (format!("[{ERROR}]"), error(ERROR)),
        (format!("[{BEGUN},\n{ERROR}]"), error(ERROR)),
        (
            "data: 1\n\n".to_owned(),
            Some(StreamProblem::Malformed("it is no JSON object")),
        ),
        (
            format!("{ENDED}\n\n"),
            Some(StreamProblem::Malformed("JSON without a field name")),
        ),
    ] {
        let whole = read(stream.as_bytes(), usize::MAX);
        assert_eq!(whole.1, want, "{stream}");
        let ends = whole.0.iter().filter(|event| **event == Event::End).count();
        assert_eq!(ends, usize::from(want.is_none()));
        for size in 1..stream.len() {
            assert_eq!(read(stream.as_bytes(), size), whole, "{stream} by {size}");
        }
    }
}

#[test]
fn arguments_in_pieces_and_nameless_calls_are_malformed() {
    for part in [
        r#"{"functionCall":{"name":"f","willContinue":true}}"#,
        r#"{"functionCall":{"name":"f","partialArgs":[]}}"#,
        r#"{"functionCall":{"args":{}}}"#,
    ] {
        let json =
            format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":"a"}},{part}]}}}}]}}"#);
        let (events, problem) = read(format!("data: {json}\n\n").as_bytes(), 9);
        assert!(
            matches!(problem, Some(StreamProblem::Malformed(_))),
            "{part}"
        );
        assert_eq!(events, []);
    }
}

#[test]
fn very_many_calls_and_results_are_matched_in_time() {
    let calls: Vec<_> = (0..60_000)
        .map(|at| json!({"functionCall": {"name": format!("f{at}")}}))
        .collect();
    let results: Vec<_> = (0..60_000)
        .map(|at| json!({"functionResponse": {"name": format!("g{at}"), "response": {}}}))
        .collect();
    let body = json!({"contents": [{"role": "model", "parts": calls}, {"role": "user", "parts": results}]});
    let begin = std::time::Instant::now();
    let call = call(Operation::Chat, &body);
    request(&call).unwrap();
    // Each result looking at each call takes minutes.
    assert!(begin.elapsed() < std::time::Duration::from_secs(10));
}
