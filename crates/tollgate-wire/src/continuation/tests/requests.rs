//! The calls that ask for the rest.

use super::*;

const CHAT: Shape = (Format::OpenAi, false);
const TEXT: Shape = (Format::Completions, false);
const ANTHROPIC: Shape = (Format::Anthropic, false);
const GEMINI: Shape = (Format::Gemini, true);

/// The body that asks for the rest of an answer to `body` that began with `words`.
fn asked(shape: Shape, body: &str, words: &str) -> Option<String> {
    let call = watched(shape, body, words).call()?;
    Some(String::from_utf8(call.body.to_vec()).unwrap())
}

#[test]
fn what_was_said_is_put_behind_the_last_message_and_nothing_else_is_touched() {
    for (shape, body, want) in [
        (
            CHAT,
            r#"{"model":"m", "messages":[{"role":"user","content":"H\u0069"} ] ,"x":1e2,"stream":true}"#,
            r#"{"model":"m", "messages":[{"role":"user","content":"H\u0069"},{"role":"assistant","content":"Say \"ü\""} ] ,"x":1e2,"stream":true}"#,
        ),
        (
            CHAT,
            r#"{"model":"m","stream":true,"messages":[{"content":"A\n","role":"assistant","prefix":true}]}"#,
            r#"{"model":"m","stream":true,"messages":[{"content":"A\nSay \"ü\"","role":"assistant","prefix":true}]}"#,
        ),
        (
            CHAT,
            r#"{"model":"m","stream":true,"messages":[{"role":"assistant","content":[{"type":"text","text":"A"}]}]}"#,
            r#"{"model":"m","stream":true,"messages":[{"role":"assistant","content":[{"type":"text","text":"ASay \"ü\""}]}]}"#,
        ),
        (
            CHAT,
            r#"{"model":"m","stream":true,"messages":[{"role":"assistant","content":null}]}"#,
            r#"{"model":"m","stream":true,"messages":[{"role":"assistant","content":"Say \"ü\""}]}"#,
        ),
        (
            TEXT,
            r#"{"model":"m","prompt":"A: ","stream":true}"#,
            r#"{"model":"m","prompt":"A: Say \"ü\" ","stream":true}"#,
        ),
        (
            TEXT,
            r#"{"model":"m","prompt":[ "A: " ],"stream":true}"#,
            r#"{"model":"m","prompt":[ "A: Say \"ü\" " ],"stream":true}"#,
        ),
        (
            ANTHROPIC,
            r#"{"model":"m","stream":true,"max_tokens":1,"messages":[{"role":"user","content":"A"}]}"#,
            r#"{"model":"m","stream":true,"max_tokens":1,"messages":[{"role":"user","content":"A"},{"role":"assistant","content":[{"type":"text","text":"Say \"ü\""}]}]}"#,
        ),
        (
            ANTHROPIC,
            r#"{"model":"m","stream":true,"max_tokens":1,"messages":[{"role":"assistant","content":"A"}]}"#,
            r#"{"model":"m","stream":true,"max_tokens":1,"messages":[{"role":"assistant","content":"ASay \"ü\""}]}"#,
        ),
        (
            ANTHROPIC,
            r#"{"model":"m","stream":true,"max_tokens":1,"messages":[{"role":"assistant","content":[{"text":"A","type":"text"} ]}]}"#,
            r#"{"model":"m","stream":true,"max_tokens":1,"messages":[{"role":"assistant","content":[{"text":"ASay \"ü\"","type":"text"} ]}]}"#,
        ),
        (
            GEMINI,
            r#"{"contents":[{"parts":[{"text":"A"}]}]}"#,
            r#"{"contents":[{"parts":[{"text":"A"}]},{"role":"model","parts":[{"text":"Say \"ü\""}]}]}"#,
        ),
        (
            GEMINI,
            r#"{"contents":[{"role":"model","parts":[{"text":"A"}]}]}"#,
            r#"{"contents":[{"role":"model","parts":[{"text":"ASay \"ü\""}]}]}"#,
        ),
    ] {
        assert_eq!(asked(shape, body, "Say \"ü\" ").as_deref(), Some(want));
    }
}

#[test]
fn a_request_that_asks_for_more_than_words_is_not_gone_on_with() {
    for (shape, members) in [
        (
            CHAT,
            &[
                r#""n":2"#,
                r#""logprobs":true"#,
                r#""top_logprobs":2"#,
                r#""response_format":{"type":"json_object"}"#,
                r#""response_format":{"type":"json_schema","json_schema":{}}"#,
                r#""modalities":["text","audio"]"#,
                r#""audio":{"voice":"x"}"#,
                r#""reasoning_effort":"low""#,
                r#""reasoning":{"effort":"high"}"#,
                r#""thinking":{"type":"enabled"}"#,
                r#""include_reasoning":true"#,
                r#""enable_thinking":true"#,
                r#""chat_template_kwargs":{"enable_thinking":true}"#,
                r#""web_search_options":{}"#,
                r#""guided_json":{"type":"object"}"#,
                r#""logprobs":false,"logprobs":true"#,
            ][..],
        ),
        (
            TEXT,
            &[
                r#""n":2"#,
                r#""best_of":3"#,
                r#""logprobs":0"#,
                r#""echo":true"#,
                r#""suffix":"x""#,
                r#""guided_regex":"x""#,
            ],
        ),
        (
            ANTHROPIC,
            &[
                r#""thinking":{"type":"enabled","budget_tokens":1024}"#,
                r#""thinking":{"type":"adaptive"}"#,
                r#""output_format":{"type":"json_schema"}"#,
                r#""output_config":{"format":{"type":"json_schema"}}"#,
            ],
        ),
        (
            GEMINI,
            &[
                r#""generationConfig":{"candidateCount":2}"#,
                r#""generation_config":{"candidate_count":2}"#,
                r#""generationConfig":{"responseMimeType":"application/json"}"#,
                r#""generationConfig":{"responseSchema":{"type":"STRING"}}"#,
                r#""generationConfig":{"responseJsonSchema":{"type":"string"}}"#,
                r#""generationConfig":{"responseLogprobs":true}"#,
                r#""generationConfig":{"logprobs":1}"#,
                r#""generationConfig":{"responseModalities":["AUDIO"]}"#,
                r#""generationConfig":{"responseModalities":["TEXT","IMAGE"]}"#,
                r#""generationConfig":{"speechConfig":{"a":1}}"#,
                r#""generationConfig":{"thinkingConfig":{"includeThoughts":true}}"#,
                r#""generationConfig":{"thinkingConfig":{"thinkingBudget":-1}}"#,
                r#""generationConfig":{"thinkingConfig":{"thinkingLevel":"low"}}"#,
            ],
        ),
    ] {
        for members in members {
            let body = body(shape.0, &format!("{members},"));
            assert_eq!(asked(shape, &body, "Said."), None, "{body}");
        }
    }
}

#[test]
fn what_asks_for_nothing_but_words_changes_nothing() {
    for (shape, members) in [
        (
            CHAT,
            &[
                r#""n":1,"logprobs":false,"top_logprobs":null,"response_format":{"type":"text"}"#,
                r#""modalities":["text"],"audio":null,"reasoning_effort":"none","reasoning":null"#,
                r#""reasoning":{"enabled":false},"thinking":{"type":"disabled"},"chat_template_kwargs":{}"#,
                r#""tools":[{"type":"function","function":{"name":"f"}}],"stop":["x"],"seed":1"#,
            ][..],
        ),
        (
            TEXT,
            &[r#""n":1,"best_of":1,"logprobs":null,"echo":false,"suffix":"""#],
        ),
        (
            ANTHROPIC,
            &[r#""thinking":{"type":"disabled"},"output_config":{"effort":"low"},"system":"x""#],
        ),
        (
            GEMINI,
            &[
                r#""generationConfig":{"candidateCount":1,"responseMimeType":"text/plain","responseModalities":["TEXT"]}"#,
                r#""generationConfig":{"thinkingConfig":{"thinkingBudget":0,"includeThoughts":false}}"#,
                r#""generationConfig":null"#,
            ],
        ),
    ] {
        for members in members {
            let body = body(shape.0, &format!("{members},"));
            assert!(asked(shape, &body, "Said.").is_some(), "{body}");
        }
    }
}

#[test]
fn what_the_caller_has_begun_must_be_words() {
    for (shape, body) in [
        (
            CHAT,
            r#"{"model":"m","stream":true,"messages":[{"role":"assistant","content":"A","tool_calls":[{"id":"x"}]}]}"#,
        ),
        (
            CHAT,
            r#"{"model":"m","stream":true,"messages":[{"role":"assistant","content":[{"type":"refusal","refusal":"A"}]}]}"#,
        ),
        (
            CHAT,
            r#"{"model":"m","stream":true,"messages":[{"role":"assistant"}]}"#,
        ),
        (TEXT, r#"{"model":"m","stream":true,"prompt":["a","b"]}"#),
        (TEXT, r#"{"model":"m","stream":true,"prompt":[1,2]}"#),
        (
            ANTHROPIC,
            r#"{"model":"m","stream":true,"max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use"}]}]}"#,
        ),
        (
            ANTHROPIC,
            r#"{"model":"m","stream":true,"max_tokens":1,"messages":[{"role":"assistant","content":[]}]}"#,
        ),
        (
            GEMINI,
            r#"{"contents":[{"role":"model","parts":[{"text":"A","thought":true}]}]}"#,
        ),
        (
            GEMINI,
            r#"{"contents":[{"role":"model","parts":[{"text":"A","thoughtSignature":"x"}]}]}"#,
        ),
        (
            GEMINI,
            r#"{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"}}]}]}"#,
        ),
        (GEMINI, r#"{"contents":[{"role":"model"}]}"#),
    ] {
        assert_eq!(asked(shape, body, "Said."), None, "{body}");
    }
}

#[test]
fn the_bound_of_the_answer_is_lowered_by_what_was_said() {
    // Forty bytes are about ten tokens.
    let words = "x".repeat(40);
    for (shape, member, want) in [
        (CHAT, r#""max_tokens":100"#, r#""max_tokens":90"#),
        (
            CHAT,
            r#""max_completion_tokens":1e2"#,
            r#""max_completion_tokens":90"#,
        ),
        (CHAT, r#""max_tokens":10"#, r#""max_tokens":1,"#),
        (CHAT, r#""max_tokens":null"#, r#""max_tokens":null"#),
        (TEXT, r#""max_tokens":100"#, r#""max_tokens":90"#),
        (
            GEMINI,
            r#""generationConfig":{"maxOutputTokens":100}"#,
            r#"{"maxOutputTokens":90}"#,
        ),
        (
            GEMINI,
            r#""generation_config":{"max_output_tokens":3}"#,
            r#"{"max_output_tokens":1}"#,
        ),
    ] {
        let body = asked(shape, &body(shape.0, &format!("{member},")), &words).unwrap();
        assert!(body.contains(want), "{body}");
    }
    let body = asked(ANTHROPIC, &body(Format::Anthropic, ""), &words).unwrap();
    assert!(body.contains(r#""max_tokens":990"#), "{body}");
}

#[test]
fn a_call_for_the_rest_is_as_good_as_one_that_was_received() {
    let shape = CHAT;
    let members = r#""stream_options":{"include_usage":true},"max_tokens":100,"#;
    let mut continuation = watched(shape, &body(Format::OpenAi, members), "Said.");
    continuation.call.model = "alias".into();
    continuation.call.carried = vec![(Bytes::from_static(b"a"), Bytes::from_static(b"b"))];
    continuation.call.query = Some("q".into());
    let call = continuation.call().unwrap();
    let at = |place: &std::ops::Range<usize>| call.body.slice(place.clone());
    assert_eq!(at(call.marks.model.as_ref().unwrap()), "\"m\"");
    assert_eq!(at(call.marks.include_usage.as_ref().unwrap()), "true");
    assert!(call.stream && call.wants_usage && call.max_tokens == Some(98));
    assert_eq!(&*call.model, "alias");
    assert_eq!(call.carried.len(), 1);
    assert_eq!(call.query.as_deref(), Some("q"));
    let array = watched(GEMINI, &body(Format::Gemini, ""), "Said.")
        .call()
        .unwrap();
    assert!(array.array && array.stream && &*array.model == "m");
}

#[test]
fn blanks_alone_are_no_beginning() {
    for shape in [CHAT, ANTHROPIC, GEMINI] {
        assert_eq!(asked(shape, &body(shape.0, ""), " \n"), None);
        assert!(asked(shape, &body(shape.0, ""), " \na").is_some());
    }
    assert!(asked(TEXT, &body(Format::Completions, ""), " \n").is_some());
}

#[test]
fn an_answer_that_is_too_long_to_keep_is_not_gone_on_with() {
    let shape = CHAT;
    let mut continuation = watched(shape, &body(shape.0, ""), "Said.");
    assert!(continuation.call().is_some());
    let more = spoken(shape.0, "a", &["x".repeat(256 * 1024)], USAGE);
    for piece in pieces(shape, &more).into_iter().take(2) {
        continuation.watch(&piece);
    }
    assert!(continuation.call().is_none());
}
