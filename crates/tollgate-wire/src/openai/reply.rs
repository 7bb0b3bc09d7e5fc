//! Reading whole answers: is it one, and what does it say about tokens and its end.

use bytes::Bytes;
use tollgate_core::format::Operation;
use tollgate_core::reply::{Answer, Usage};

use crate::answer::AnswerProblem;

use super::chunk::{self, Choices, Progress, Unreadable};

/// Reads the body of a 200 in one scan. Blank lines before it, which some servers send while they
/// work, are part of JSON's white space.
pub fn read_answer(operation: Operation, body: Bytes) -> Result<Answer, AnswerProblem> {
    let mut progress = Progress::default();
    let chunk = match chunk::read(&body, &mut progress) {
        Ok(chunk) => chunk,
        Err(other @ Unreadable::NotAnObject) => {
            return Err(AnswerProblem::NotAnAnswer(other.reason()));
        }
        Err(Unreadable::NotJson(_)) if body.trim_ascii().is_empty() => {
            return Err(AnswerProblem::NotJson("there is nothing"));
        }
        Err(Unreadable::NotJson(reason)) => return Err(AnswerProblem::NotJson(reason)),
    };
    if chunk.error {
        return Err(AnswerProblem::Error { json: body });
    }
    match operation {
        Operation::Chat if chunk.choices == Choices::Absent => {
            return Err(AnswerProblem::NotAnAnswer("there is no `choices` array"));
        }
        Operation::Embeddings if !chunk.data => {
            return Err(AnswerProblem::NotAnAnswer("there is no `data` array"));
        }
        Operation::Chat | Operation::Embeddings | Operation::CountTokens => {}
    }
    Ok(Answer {
        body,
        usage: chunk.usage,
        finish: chunk.finish,
    })
}

/// The token counts of what may be no answer.
pub(crate) fn reported(body: &[u8]) -> Option<Usage> {
    chunk::read(body, &mut Progress::default()).ok()?.usage
}

#[cfg(test)]
mod tests {
    use tollgate_core::reply::Finish;

    use super::*;

    fn read(operation: Operation, body: &str) -> Result<Answer, AnswerProblem> {
        read_answer(operation, Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn an_answer_is_read_and_kept_as_it_came() {
        let body = "\n\n\n{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"length\"}],\
                    \"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2},\"error\":null}\n";
        let answer = read(Operation::Chat, body).unwrap();
        assert_eq!(&answer.body[..], body.as_bytes());
        assert_eq!(answer.finish, Some(Finish::Length));
        assert_eq!(
            answer.usage,
            Some(Usage {
                prompt: 1,
                completion: 2,
                ..Usage::default()
            })
        );
        let answer = read(
            Operation::Embeddings,
            r#"{"data":[],"usage":{"prompt_tokens":8}}"#,
        )
        .unwrap();
        assert_eq!(answer.usage.map(|usage| usage.prompt), Some(8));
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        for body in [
            "",
            "\n \n",
            "<html>",
            r#"{"choices":[{"mess"#,
            "{\"choices\":[]}{}",
            "plain",
        ] {
            let problem = read(Operation::Chat, body).unwrap_err();
            assert!(
                matches!(problem, AnswerProblem::NotJson(_)),
                "{body}: {problem}"
            );
        }
        let broken = read_answer(
            Operation::Chat,
            Bytes::from_static(b"{\"choices\":[\"\xff\"]}"),
        );
        assert!(matches!(broken, Err(AnswerProblem::NotJson(_))));
        for body in [
            "[]",
            "null",
            "\"x\"",
            "{}",
            r#"{"choices":null}"#,
            r#"{"choices":{}}"#,
            r#"{"data":[]}"#,
        ] {
            let problem = read(Operation::Chat, body).unwrap_err();
            assert!(
                matches!(problem, AnswerProblem::NotAnAnswer(_)),
                "{body}: {problem}"
            );
        }
        for body in [r#"{"choices":[]}"#, r#"{"data":{}}"#] {
            let problem = read(Operation::Embeddings, body).unwrap_err();
            assert!(
                matches!(problem, AnswerProblem::NotAnAnswer(_)),
                "{body}: {problem}"
            );
        }
        for body in [
            r#"{"error":{"message":"m"},"choices":[]}"#,
            r#"{"code":"c","error":"text"}"#,
            r#"{"object":"error","message":"m","code":400}"#,
            r#"{"type":"error","error":{}}"#,
            r#"{"choices":[{"message":{},"finish_reason":"error"}]}"#,
        ] {
            let json = Bytes::copy_from_slice(body.as_bytes());
            assert_eq!(
                read(Operation::Chat, body).unwrap_err(),
                AnswerProblem::Error { json }
            );
        }
    }
}
