//! Relaying text completions, which are read as chat completions are.

use bytes::Bytes;
use tollgate_core::format::Operation;
use tollgate_core::reply;

use crate::answer::AnswerProblem;
use crate::openai::reply::read_answer;
use crate::openai::stream::ChatStream;
use crate::stream::{Flow, StreamRules};

/// Reads an answer that stays in the format.
pub fn answer(body: Bytes) -> Result<reply::Answer, AnswerProblem> {
    read_answer(Operation::Chat, body)
}

/// Relays a stream that stays in the format.
pub fn stream(rules: StreamRules) -> Box<dyn Flow> {
    Box::new(ChatStream::new(rules))
}

#[cfg(test)]
mod tests {
    use tollgate_core::reply::{Finish, Usage};

    use super::*;
    use crate::stream::{StreamProblem, Terminator};

    const STREAM: &str = concat!(
        "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"choices\":[{\"text\":\"\",\"index\":0,\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"choices\":[{\"text\":\"Hi\",\"index\":0,\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"choices\":[{\"text\":\"\",\"index\":0,\"finish_reason\":\"length\"}]}\n\n",
        "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n",
        "data: [DONE]\n\n",
    );

    fn flow(show_usage: bool) -> Box<dyn Flow> {
        stream(StreamRules {
            show_usage,
            done: Terminator::Done,
            provider: "openai",
            array: false,
        })
    }

    #[test]
    fn texts_are_content_and_everything_goes_on_as_it_came() {
        let mut relay = flow(true);
        let (mut out, mut content, mut facts) = (Vec::new(), Vec::new(), (None, None));
        for event in STREAM.split_inclusive("\n\n") {
            let fed = relay.feed(Bytes::from_static(event.as_bytes()));
            assert_eq!(fed.problem, None);
            out.extend_from_slice(&fed.piece.bytes);
            content.push(fed.piece.content);
            facts = (fed.piece.finish.or(facts.0), fed.piece.usage.or(facts.1));
        }
        assert_eq!(out, STREAM.as_bytes());
        assert_eq!(content, [false, true, true, false, false]);
        let usage = Usage {
            prompt: 3,
            completion: 1,
            ..Usage::default()
        };
        assert_eq!(facts, (Some(Finish::Length), Some(usage)));
    }

    #[test]
    fn a_stream_that_breaks_off_is_a_problem_at_every_place() {
        let end = STREAM.len() - "\n\n".len();
        for cut in 0..end {
            let mut relay = flow(true);
            let bytes = Bytes::copy_from_slice(&STREAM.as_bytes()[..cut]);
            let fed = relay.feed(bytes);
            let end = relay.end();
            assert!(!fed.piece.last && !end.piece.last, "{cut}");
            assert_eq!(end.problem, Some(StreamProblem::Truncated), "{cut}");
        }
    }

    #[test]
    fn usage_that_nobody_asked_for_is_cut_out() {
        let fed = flow(false).feed(Bytes::from_static(STREAM.as_bytes()));
        let text = String::from_utf8(fed.piece.bytes.to_vec()).unwrap();
        assert!(!text.contains("usage") && fed.piece.usage.is_some());
    }

    #[test]
    fn answers_are_told_from_errors() {
        let body = Bytes::from_static(
            br#"{"choices":[{"text":"Hi","finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
        );
        let read = answer(body.clone()).unwrap();
        assert_eq!((read.finish, read.body), (Some(Finish::Stop), body));
        let body = Bytes::from_static(br#"{"error":{"message":"m"}}"#);
        let json = body.clone();
        assert_eq!(answer(body).unwrap_err(), AnswerProblem::Error { json });
    }
}
