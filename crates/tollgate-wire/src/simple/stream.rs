//! Streams of the simple chat: an event for each part of the text, and a last one that says
//! `"done": true` with the usage. A stream without that one is not whole.

use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_core::reply::{Finish, Piece, Usage};

use super::answer::{Frame, counts, text, word};
use crate::sse::Decoder;

/// Reduces the events of a chat completion.
#[derive(Debug)]
pub struct Reducer {
    frame: Frame,
    decoder: Decoder,
    usage: Option<Usage>,
    finish: Option<Finish>,
}

impl Reducer {
    /// At the beginning of a stream.
    pub fn new(frame: Frame) -> Self {
        Self {
            frame,
            decoder: Decoder::new(),
            usage: None,
            finish: None,
        }
    }

    /// The same part of the stream in the form of the simple chat.
    pub fn reduce(&mut self, mut piece: Piece) -> Piece {
        self.usage = piece.usage.or(self.usage);
        self.finish = piece.finish.or(self.finish);
        let mut out = String::new();
        self.decoder.feed(std::mem::take(&mut piece.bytes));
        // What is too large to be read was refused before it came here.
        while let Ok(Some(event)) = self.decoder.event() {
            let Some(data) = event.data else { continue };
            let Ok(chunk) = serde_json::from_slice::<Value>(&data) else {
                continue;
            };
            let Some(delta) = chunk.pointer("/choices/0/delta") else {
                continue;
            };
            let text = text(delta);
            if !text.is_empty() {
                let Frame { id, provider } = &self.frame;
                push(
                    &mut out,
                    &json!({"id": id, "provider": provider, "content": text}),
                );
            }
        }
        if piece.last {
            push(&mut out, &self.end());
        }
        piece.bytes = Bytes::from(out);
        piece
    }

    fn end(&self) -> Value {
        json!({
            "id": self.frame.id,
            "provider": self.frame.provider,
            "content": "",
            "usage": counts(self.usage),
            "finish_reason": self.finish.map(word),
            "done": true,
        })
    }
}

fn push(out: &mut String, event: &Value) {
    out.push_str("data: ");
    out.push_str(&event.to_string());
    out.push_str("\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_becomes_texts_and_one_event_that_ends_it() {
        let mut reducer = Reducer::new(Frame {
            id: "i".to_owned(),
            provider: "p",
        });
        let mut text = String::new();
        for (bytes, last) in [
            (
                "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
                false,
            ),
            (
                "data: {\"choices\":[{\"delta\":{\"content\":\"A\"}}]}\n\n\
                 data: {\"choices\":[{\"delta\":{\"content\":\"B\\n\"}}]}\n\n: alive\n\n",
                false,
            ),
            (
                "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
                false,
            ),
            (
                "data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n",
                true,
            ),
        ] {
            let piece = reducer.reduce(Piece {
                bytes: Bytes::from_static(bytes.as_bytes()),
                finish: bytes.contains("stop").then_some(Finish::Stop),
                usage: last.then_some(Usage {
                    prompt: 1,
                    completion: 2,
                    ..Usage::NONE
                }),
                last,
                ..Piece::default()
            });
            assert_eq!(piece.last, last);
            text.push_str(std::str::from_utf8(&piece.bytes).unwrap());
        }
        let events: Vec<Value> = text
            .split_terminator("\n\n")
            .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
            .collect();
        let said = |content: &str| json!({"id": "i", "provider": "p", "content": content});
        let end = json!({
            "id": "i", "provider": "p", "content": "", "finish_reason": "stop", "done": true,
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        });
        assert_eq!(events, [said("A"), said("B\n"), end]);
    }
}
