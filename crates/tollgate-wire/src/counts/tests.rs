//! What is made of counts that no call can have, in every format.

use bytes::Bytes;
use tollgate_core::format::{Format, Operation};
use tollgate_core::reply::Usage;

use super::*;
use crate::formats;

/// A whole answer of each format whose prompt and output are counted like this.
fn answers(prompt: &str, output: &str) -> Vec<(Format, String)> {
    let text = "Good morning";
    vec![
        (
            Format::OpenAi,
            format!(
                r#"{{"id":"i","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{prompt},"completion_tokens":{output}}}}}"#
            ),
        ),
        (
            Format::Responses,
            format!(
                r#"{{"id":"i","object":"response","created_at":1,"model":"m","status":"completed","output":[{{"type":"message","id":"a","role":"assistant","status":"completed","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}],"usage":{{"input_tokens":{prompt},"output_tokens":{output}}}}}"#
            ),
        ),
        (
            Format::Anthropic,
            format!(
                r#"{{"id":"i","type":"message","role":"assistant","model":"m","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":{prompt},"output_tokens":{output}}}}}"#
            ),
        ),
        (
            Format::Gemini,
            format!(
                r#"{{"candidates":[{{"content":{{"role":"model","parts":[{{"text":"{text}"}}]}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":{prompt},"candidatesTokenCount":{output}}}}}"#
            ),
        ),
        (
            Format::Bedrock,
            format!(
                r#"{{"output":{{"message":{{"role":"assistant","content":[{{"text":"{text}"}}]}}}},"stopReason":"end_turn","usage":{{"inputTokens":{prompt},"outputTokens":{output}}}}}"#
            ),
        ),
        (
            Format::Cohere,
            format!(
                r#"{{"id":"i","finish_reason":"COMPLETE","message":{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}]}},"usage":{{"tokens":{{"input_tokens":{prompt},"output_tokens":{output}}}}}}}"#
            ),
        ),
        (
            Format::Ollama,
            format!(
                r#"{{"model":"m","created_at":"2025-01-01T00:00:00Z","message":{{"role":"assistant","content":"{text}"}},"done":true,"done_reason":"stop","prompt_eval_count":{prompt},"eval_count":{output}}}"#
            ),
        ),
    ]
}

/// What is read of it: when it is translated, and when it stays in its format.
fn usages(format: Format, body: &str) -> Vec<Option<Usage>> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let parsed = formats::parse_answer(format, "test", &body).unwrap().usage;
    let mut usages = vec![parsed];
    if !matches!(format, Format::Bedrock | Format::Cohere | Format::Ollama) {
        let relayed = formats::relay_answer(format, Operation::Chat, body).unwrap();
        usages.push(relayed.usage);
    }
    usages
}

#[test]
fn counts_that_no_call_can_have_are_marked_in_every_format() {
    for (prompt, output, want) in [
        ("10", "5", Some((10, 5, false))),
        ("0", "0", Some((0, 0, false))),
        ("-10", "5", Some((0, 5, true))),
        ("10", "-5", Some((10, 0, true))),
        ("9223372036854775808", "5", Some((MOST, 5, true))),
        ("10", "18446744073709551616", Some((10, MOST, true))),
        (
            "10",
            "10000000000000000000000000000000000000000",
            Some((10, MOST, true)),
        ),
        ("1e300", "5", Some((MOST, 5, true))),
        ("true", "5", Some((0, 5, true))),
        ("[1]", "5", Some((0, 5, true))),
        ("{}", "5", Some((0, 5, true))),
        ("null", "null", None),
        ("-1", "-1", None),
    ] {
        for (format, body) in answers(prompt, output) {
            let want = want.map(|(prompt, completion, bounded)| Usage {
                prompt,
                completion,
                bounded,
                ..Usage::NONE
            });
            for usage in usages(format, &body) {
                assert_eq!(usage, want, "{format:?}: {prompt} and {output}");
            }
        }
    }
}

#[test]
fn numbers_in_quotes_count_only_where_the_format_has_them() {
    for (format, body) in answers("\"10\"", "5") {
        let want = match format {
            Format::Gemini => (10, false),
            _ => (0, true),
        };
        for usage in usages(format, &body).into_iter().flatten() {
            assert_eq!((usage.prompt, usage.bounded), want, "{format:?}");
        }
    }
}

#[test]
fn numbers_with_a_fraction_are_never_more_than_they_say() {
    for (format, body) in answers("10.5", "5.5") {
        for usage in usages(format, &body).into_iter().flatten() {
            assert!(usage.prompt <= 10 && usage.completion <= 5, "{format:?}");
        }
    }
}

#[test]
fn what_is_no_number_at_all_is_no_answer() {
    for (format, body) in answers("NaN", "5") {
        let body = Bytes::from(body);
        assert!(
            formats::parse_answer(format, "test", &body).is_err(),
            "{format:?}"
        );
    }
}

#[test]
fn what_is_no_answer_may_still_say_what_was_used() {
    let used = Some((20, 7, false));
    for (format, body, want) in [
        (
            Format::OpenAi,
            r#"{"error":{},"usage":{"prompt_tokens":20,"completion_tokens":7}}"#,
            used,
        ),
        (
            Format::Anthropic,
            r#"{"type":"error","error":{},"usage":{"input_tokens":20,"output_tokens":7}}"#,
            used,
        ),
        (
            Format::Responses,
            r#"{"type":"response.failed","response":{"status":"failed","usage":{"input_tokens":20,"output_tokens":7}}}"#,
            used,
        ),
        (
            Format::Responses,
            r#"{"status":"failed","usage":{"input_tokens":20,"output_tokens":7}}"#,
            used,
        ),
        (
            Format::Gemini,
            r#"{"error":{},"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":7}}"#,
            used,
        ),
        (
            Format::Bedrock,
            r#"{"usage":{"inputTokens":20,"outputTokens":7}}"#,
            used,
        ),
        (
            Format::Cohere,
            r#"{"usage":{"tokens":{"input_tokens":20,"output_tokens":7}}}"#,
            used,
        ),
        (
            Format::Ollama,
            r#"{"message":{"content":""},"done":false,"prompt_eval_count":20,"eval_count":7}"#,
            used,
        ),
        (Format::OpenAi, r#"{"error":{}}"#, None),
        (Format::Responses, "<html>", None),
    ] {
        let found = formats::reported(format, body.as_bytes());
        let found = found.map(|usage| (usage.prompt, usage.completion, usage.bounded));
        assert_eq!(found, want, "{format:?}: {body}");
    }
}
