use bytes::Bytes;
use tollgate_core::format::Format;
use tollgate_core::reply::Usage;

use super::*;
use crate::formats::{self, Asked};
use crate::stream::{Fed, Flow, StreamRules, Terminator, Translated};

#[test]
fn what_a_model_says_is_counted_in_every_format() {
    let said = |texts: &[&str]| -> u32 {
        let texts = texts.iter();
        texts.map(|text| sixteenths(text.as_bytes())).sum()
    };
    for (body, texts) in [
        (
            r#"{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant",
            "content":"Good morning","reasoning":"Hm, so","reasoning_content":"Hm, so",
            "reasoning_details":[{"text":"Hm, so"}],"tool_calls":[{"id":"call_1",
            "type":"function","function":{"name":"find","arguments":"{\"a\":1}"}}]},
            "finish_reason":"stop","logprobs":{"content":[{"token":"Good"}]}}]}"#,
            &["Good morning", "Hm, so", "find", r#"{\"a\":1}"#][..],
        ),
        (
            r#"{"choices":[{"text":"one"},{"text":"two"}]}"#,
            &["one", "two"],
        ),
        (
            r#"{"type":"message","role":"assistant","content":[
            {"type":"thinking","thinking":"Hm","signature":"c2lnbmF0dXJl"},
            {"type":"text","text":"Good"},
            {"type":"tool_use","id":"t","name":"find","input":{"a": "b"}}]}"#,
            &["Hm", "Good", "find", r#"{"a": "b"}"#],
        ),
        (
            r#"{"object":"response","instructions":"Be kind","reasoning":{"effort":"high"},
            "text":{"format":{"type":"text"}},"output":[
            {"type":"reasoning","summary":[{"type":"summary_text","text":"Hm"}]},
            {"type":"message","content":[{"type":"output_text","text":"Good"}]},
            {"type":"function_call","name":"find","arguments":"{}"},
            {"type":"custom_tool_call","name":"run","input":"ls"}]}"#,
            &["Hm", "Good", "find", "{}", "run", "ls"],
        ),
        (
            r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Good",
            "thoughtSignature":"c2ln"},{"functionCall":{"name":"find","args":{"a":1}}},
            {"inlineData":{"data":"QUJD"}}]}}]}"#,
            &["Good", "find", r#"{"a":1}"#],
        ),
    ] {
        assert_eq!(of_answer(body.as_bytes()), said(texts), "{body}");
    }
}

#[test]
fn what_says_nothing_is_nothing() {
    for body in [
        "",
        "[]",
        "{",
        "{}",
        r#"{"choices":[{"message":{"content":null}}]}"#,
        r#"{"object":"list","data":[{"embedding":[0.1,0.2]}]}"#,
        "\u{fffd}",
    ] {
        assert_eq!(of_answer(body.as_bytes()), 0, "{body}");
    }
}

/// A stream of each format that says this in stretches, and its usage as it says it last.
fn streams() -> [(Format, &'static [&'static str]); 5] {
    [
        (
            Format::OpenAi,
            &[
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"Hm\",\"reasoning_content\":\"Hm\"}}]}\n\n",
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Good\"}}]}\n\n",
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" morning\"}}]}\n\n",
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"find\",\"arguments\":\"\"}}]}}]}\n\n",
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}}]}\n\n",
                "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n",
                "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":10}}\n\n",
                "data: [DONE]\n\n",
            ],
        ),
        (
            Format::Completions,
            &[
                "data: {\"choices\":[{\"index\":0,\"text\":\"HmGood morningfind{}\"}]}\n\n",
                "data: {\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\n",
                "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":10}}\n\n",
                "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":10}}\n\n",
                "data: [DONE]\n\n",
            ],
        ),
        (
            Format::Responses,
            &[
                "data: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"object\":\"response\",\"model\":\"m\",\"status\":\"in_progress\",\"output\":[]}}\n\n",
                "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[]}}\n\n",
                "data: {\"type\":\"response.reasoning_summary_text.delta\",\"output_index\":0,\"summary_index\":0,\"delta\":\"Hm\"}\n\n",
                "data: {\"type\":\"response.reasoning_summary_text.done\",\"output_index\":0,\"summary_index\":0,\"text\":\"Hm\"}\n\n",
                "data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"Hm\"}]}}\n\n",
                "data: {\"type\":\"response.output_item.added\",\"output_index\":1,\"item\":{\"type\":\"message\",\"id\":\"m\",\"role\":\"assistant\",\"content\":[]}}\n\n",
                "data: {\"type\":\"response.output_text.delta\",\"output_index\":1,\"content_index\":0,\"delta\":\"Good morningfind{}\"}\n\n",
                "data: {\"type\":\"response.output_text.done\",\"output_index\":1,\"content_index\":0,\"text\":\"Good morningfind{}\"}\n\n",
                "data: {\"type\":\"response.output_item.done\",\"output_index\":1,\"item\":{\"type\":\"message\",\"id\":\"m\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Good morningfind{}\",\"annotations\":[]}]}}\n\n",
                "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"object\":\"response\",\"model\":\"m\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":20,\"output_tokens\":10}}}\n\n",
            ],
        ),
        (
            Format::Anthropic,
            &[
                "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":20,\"output_tokens\":1}}}\n\n",
                "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n",
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}}\n\n",
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2lnbmF0dXJl\"}}\n\n",
                "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
                "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Good morning\"}}\n\n",
                "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
                "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"find\",\"input\":{}}}\n\n",
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n",
                "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n",
                "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":7}}\n\n",
                "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":10}}\n\n",
                "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            ],
        ),
        (
            Format::Gemini,
            &[
                "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Hm\",\"thought\":true},{\"text\":\"Good morning\"}]},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":20,\"candidatesTokenCount\":2}}\n\n",
                "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"find\",\"args\":{}},\"thoughtSignature\":\"c2ln\"}]},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":20,\"candidatesTokenCount\":10}}\n\n",
            ],
        ),
    ]
}

/// What a stream was seen to deliver, and its usage.
fn watch(mut flow: Box<dyn Flow>, events: &[&str]) -> (u32, Option<Usage>) {
    let (mut delivered, mut usage, mut last) = (0, None, false);
    let mut see = |fed: Fed| {
        assert_eq!(fed.problem, None);
        delivered += fed.piece.delivered;
        usage = fed.piece.usage.or(usage);
        last |= fed.piece.last;
    };
    for event in events {
        see(flow.feed(Bytes::copy_from_slice(event.as_bytes())));
    }
    see(flow.end());
    assert!(last);
    (delivered, usage)
}

const RULES: StreamRules = StreamRules {
    show_usage: true,
    done: Terminator::FinishThenEnd,
    provider: "test",
    array: false,
};

#[test]
fn streams_tell_what_they_deliver_and_their_last_usage_counts() {
    let said = ["Hm", "Good morning", "find", "{}"];
    let want: u32 = said.iter().map(|text| sixteenths(text.as_bytes())).sum();
    let usage = Usage {
        prompt: 20,
        completion: 10,
        ..Usage::NONE
    };
    for (format, events) in streams() {
        let relayed = formats::relay_stream(format, RULES).unwrap();
        assert_eq!(watch(relayed, events), (want, Some(usage)), "{format:?}");
        if format == Format::Completions {
            // Its streams are never translated.
            continue;
        }
        let asked = Asked {
            model: "m",
            request_id: "r",
            now: 0,
            usage: true,
            array: false,
            freeform: &[],
        };
        let translated = Translated::new(
            formats::stream_reader(format, RULES),
            formats::stream_writer(Format::Anthropic, &asked).unwrap(),
        );
        assert_eq!(
            watch(Box::new(translated), events),
            (want, Some(usage)),
            "{format:?}, translated"
        );
    }
}
