use proptest::prelude::*;
use tollgate_core::reply::{Finish, Usage};

use super::*;
use crate::neutral::{Citation, Ending, Part, ToolCall, sample};
use crate::openai::parse;
use crate::state::State;

pub(in super::super) const ASKED: Asked<'static> = Asked {
    model: "asked/m",
    request_id: "r1",
    now: 7,
    usage: true,
    array: false,
    freeform: &[],
};

fn written(answer: &Answer) -> Value {
    serde_json::from_slice(&super::answer(answer, &ASKED)).unwrap()
}

/// What a parser makes of sealed states are states of the provider: that is us. Takes them out of
/// the details that it keeps, and opens them.
pub(in super::super) fn opened(mut answer: Answer) -> Answer {
    for part in &mut answer.parts {
        match &mut part.content {
            Content::Reasoning(thought) => {
                if let Some(state) = &mut thought.state {
                    let detail: Value = serde_json::from_str(&state.token).unwrap();
                    let sealed = detail.get("signature").or(detail.get("data")).unwrap();
                    *state = State::open(sealed.as_str().unwrap());
                }
            }
            Content::ToolCall(ToolCall {
                state: Some(state), ..
            }) => *state = State::open(&state.token),
            _ => {}
        }
    }
    answer
}

proptest! {
    #[test]
    fn an_answer_is_read_as_it_was_written(answer in sample::answer("anthropic")) {
        let body = super::answer(&answer, &ASKED);
        let read = parse::answer(&body, "tollgate").unwrap();
        prop_assert_eq!(opened(read), answer);
    }
}

#[test]
fn what_the_provider_did_not_tell_is_made() {
    let value = written(&Answer::default());
    assert_eq!(
        value,
        json!({"id": "chatcmpl-r1", "object": "chat.completion", "created": 7, "model": "asked/m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "", "refusal": null},
                "logprobs": null, "finish_reason": null}]})
    );
}

#[test]
fn calls_alone_have_no_content_and_keep_their_signatures() {
    let call = |state| {
        Part::new(Content::ToolCall(ToolCall {
            id: "c".to_owned(),
            name: "f".to_owned(),
            arguments: "{}".to_owned(),
            state,
        }))
    };
    let state = State::of("google", "sig");
    let answer = Answer {
        parts: vec![call(None), call(Some(state.clone()))],
        ..Answer::default()
    };
    let value = written(&answer);
    let message = &value["choices"][0]["message"];
    assert_eq!(message["content"], Value::Null);
    assert_eq!(message["tool_calls"][0]["extra_content"], Value::Null);
    assert_eq!(
        message["tool_calls"][1]["extra_content"]["google"]["thought_signature"],
        state.seal()
    );
    let read = parse::answer(&super::answer(&answer, &ASKED), "tollgate").unwrap();
    assert!(
        matches!(&opened(read).parts[1].content, Content::ToolCall(call) if call.state == Some(state))
    );
}

#[test]
fn a_refusal_is_no_content() {
    let answer = Answer {
        parts: vec![Part::new(Content::Refusal("no".to_owned()))],
        ..Answer::default()
    };
    let message = &written(&answer)["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["refusal"]),
        (&Value::Null, &json!("no"))
    );
}

#[test]
fn citations_count_from_the_beginning_of_the_whole_text() {
    let cited = |text: &str, url: Option<&str>| {
        Part::new(Content::Text {
            text: text.to_owned(),
            citations: vec![Citation {
                url: url.map(str::to_owned),
                start: Some(1),
                end: Some(2),
                ..Citation::default()
            }],
        })
    };
    let answer = Answer {
        parts: vec![
            cited("é😀", Some("https://a")),
            cited("b", None),
            cited("cd", Some("https://b")),
        ],
        ..Answer::default()
    };
    let message = &written(&answer)["choices"][0]["message"];
    assert_eq!(message["content"], "é😀bcd");
    assert_eq!(
        message["annotations"],
        json!([
            {"type": "url_citation", "url_citation": {"start_index": 1, "end_index": 2, "url": "https://a"}},
            {"type": "url_citation", "url_citation": {"start_index": 4, "end_index": 5, "url": "https://b"}},
        ])
    );
}

#[test]
fn ends_without_a_word_say_so_beside_one() {
    for (finish, word) in [
        (Finish::Stop, "stop"),
        (Finish::Length, "length"),
        (Finish::ToolCalls, "tool_calls"),
        (Finish::ContentFilter, "content_filter"),
        (Finish::Other, "stop"),
    ] {
        let answer = Answer {
            ending: Some(Ending {
                finish,
                stop_sequence: None,
            }),
            ..Answer::default()
        };
        assert_eq!(written(&answer)["choices"][0]["finish_reason"], word);
        let read = parse::answer(&super::answer(&answer, &ASKED), "tollgate").unwrap();
        assert_eq!(read.ending, answer.ending);
    }
}

#[test]
fn counts_are_told_with_their_details() {
    let answer = Answer {
        usage: Some(Usage {
            prompt: 10,
            completion: 5,
            cached: 3,
            cache_written: 2,
            reasoning: 4,
            ..Usage::default()
        }),
        ..Answer::default()
    };
    assert_eq!(
        written(&answer)["usage"],
        json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 4}})
    );
    let read = parse::answer(&super::answer(&answer, &ASKED), "tollgate").unwrap();
    assert_eq!(read.usage, answer.usage);
}
