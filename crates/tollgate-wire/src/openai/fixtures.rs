//! Recorded streams and answers, each with what a right reading gives.

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::format::Operation;
use tollgate_core::reply::{Finish, Usage};

use super::reply::read_answer;
use super::stream::ChatStream;
use crate::answer::AnswerProblem;
use crate::stream::{Flow, StreamProblem, StreamRules, Terminator};

/// The rows of an index, with the file that each describes.
pub(super) fn fixtures(kind: &str) -> Vec<(String, Value, Bytes)> {
    let folder = format!("{}/fixtures/openai/{kind}", env!("CARGO_MANIFEST_DIR"));
    let index = std::fs::read_to_string(format!("{folder}/index.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&index).unwrap();
    let read = |row: Value| {
        let name = row["file"].as_str().unwrap().to_owned();
        let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
        (name, row, Bytes::from(bytes))
    };
    rows.into_iter().map(read).collect()
}

fn expected_finish(row: &Value) -> Option<Finish> {
    row["finish_reason"].as_str().map(|reason| match reason {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        _ => Finish::Other,
    })
}

pub(super) fn expected_usage(row: &Value) -> Option<Usage> {
    let usage = row["usage"].as_object()?;
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let value = |name: &str| usage.get(name).map(count).unwrap_or_default();
    let detail = |group: &str, name: &str| usage.get(group).map(|group| count(&group[name]));
    let prompt = value("prompt_tokens");
    let cached =
        detail("prompt_tokens_details", "cached_tokens").unwrap_or_else(|| value("cached_tokens"));
    Some(Usage {
        prompt,
        completion: value("completion_tokens"),
        cached: cached.min(prompt),
        cache_written: detail("prompt_tokens_details", "cache_write_tokens").unwrap_or_default(),
        reasoning: detail("completion_tokens_details", "reasoning_tokens").unwrap_or_default(),
        ..Usage::default()
    })
}

/// The text, reasoning and tool calls that a client puts together from a relayed stream.
#[derive(Default)]
struct Client {
    text: String,
    reasoning: String,
    tools: Vec<(String, String)>,
}

impl Client {
    fn read(stream: &str) -> Self {
        let mut client = Self::default();
        for line in stream.lines() {
            let Some(data) = line.strip_prefix("data:").map(str::trim) else {
                continue;
            };
            if data != "[DONE]" {
                client.chunk(&serde_json::from_str(data).unwrap());
            }
        }
        client
    }

    fn chunk(&mut self, chunk: &Value) {
        let delta = &chunk["choices"][0]["delta"];
        match &delta["content"] {
            Value::String(text) => self.text.push_str(text),
            Value::Array(parts) => {
                for part in parts {
                    self.text
                        .push_str(part["text"].as_str().unwrap_or_default());
                    for thought in part["thinking"].as_array().into_iter().flatten() {
                        self.reasoning.push_str(thought["text"].as_str().unwrap());
                    }
                }
            }
            _ => {}
        }
        let reasoning = delta["reasoning_content"]
            .as_str()
            .or(delta["reasoning"].as_str());
        self.reasoning.push_str(reasoning.unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = call["index"].as_u64().unwrap_or_default() as usize;
            if self.tools.len() <= index {
                self.tools.resize(index + 1, (String::new(), String::new()));
            }
            let function = &call["function"];
            self.tools[index]
                .0
                .push_str(function["name"].as_str().unwrap_or_default());
            self.tools[index]
                .1
                .push_str(function["arguments"].as_str().unwrap_or_default());
        }
    }

    fn check(&self, row: &Value) {
        if let Some(text) = row["text"].as_str() {
            assert_eq!(self.text, text);
        }
        if let Some(reasoning) = row["reasoning"].as_str() {
            assert_eq!(self.reasoning, reasoning);
        }
        let want: Vec<(String, String)> = row["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|call| {
                let part = |name: &str| call[name].as_str().unwrap().to_owned();
                (part("name"), part("arguments"))
            })
            .collect();
        assert_eq!(self.tools, want);
    }
}

/// The events of a stream, by their lines; comments before the first content are not relayed.
fn without_comments(stream: &[u8]) -> String {
    let text = String::from_utf8(stream.to_vec())
        .unwrap()
        .replace("\r\n", "\n");
    let events = text.split("\n\n").map(|event| {
        let lines = event.lines().filter(|line| !line.starts_with(':'));
        lines.flat_map(|line| [line, "\n"]).collect::<String>()
    });
    events
        .filter(|event| !event.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn check_stream(row: &Value, stream: &Bytes, size: usize) {
    let done = match row["terminator"].as_str() {
        None if row["provider"] == "perplexity" => Terminator::FinishThenEnd,
        _ => Terminator::Done,
    };
    let mut reader = ChatStream::new(StreamRules {
        show_usage: true,
        done,
        provider: "openai",
        array: false,
    });
    let (mut relayed, mut usage, mut finish, mut last) = (Vec::new(), None, None, false);
    let mut problem = None;
    let mut fed: Vec<_> = stream
        .chunks(size)
        .map(|chunk| reader.feed(Bytes::copy_from_slice(chunk)))
        .collect();
    fed.push(reader.end());
    for fed in fed {
        relayed.extend_from_slice(&fed.piece.bytes);
        usage = fed.piece.usage.or(usage);
        finish = fed.piece.finish.or(finish);
        last |= fed.piece.last;
        problem = problem.or(fed.problem);
    }
    let relayed = String::from_utf8(relayed).unwrap();
    if let Some(error) = row["errors"].as_array().and_then(|errors| errors.first()) {
        let Some(StreamProblem::Error { json }) = problem else {
            panic!("{problem:?}")
        };
        assert_eq!(&serde_json::from_slice::<Value>(&json).unwrap(), error);
        assert!(!last && !relayed.contains("[DONE]"));
    } else {
        assert_eq!(problem, None);
        assert!(last && relayed.ends_with("data: [DONE]\n\n"));
        assert_eq!(usage, expected_usage(row));
        assert_eq!(finish, expected_finish(row));
        let added = if row["terminator"].is_null() {
            "\ndata: [DONE]\n"
        } else {
            ""
        };
        let want = without_comments(stream) + added;
        assert_eq!(without_comments(relayed.as_bytes()), want);
    }
    Client::read(&relayed).check(row);
}

#[test]
fn recorded_streams_are_read_right() {
    let fixtures = fixtures("streams");
    assert!(fixtures.len() >= 25);
    for (name, row, stream) in fixtures {
        for size in [1, 7, 1000, usize::MAX] {
            println!("{name} in chunks of {size}");
            check_stream(&row, &stream, size);
        }
    }
}

/// The counts without the word that some had to be bounded, of which the index knows nothing.
fn plain(usage: Usage) -> Usage {
    Usage {
        bounded: false,
        ..usage
    }
}

#[test]
fn recorded_answers_are_read_right() {
    let fixtures = fixtures("responses");
    assert!(fixtures.len() >= 20);
    for (name, row, body) in fixtures {
        println!("{name}");
        let operation = if name.contains("embeddings") {
            Operation::Embeddings
        } else {
            Operation::Chat
        };
        match read_answer(operation, body.clone()) {
            Ok(answer) => {
                assert_eq!(answer.usage.map(plain), expected_usage(&row));
                assert_eq!(answer.finish, expected_finish(&row));
                assert_eq!(answer.body, body);
            }
            Err(problem) => {
                assert!(name.contains("error"), "{problem}");
                assert_eq!(problem, AnswerProblem::Error { json: body });
            }
        }
    }
}
