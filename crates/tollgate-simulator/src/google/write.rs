//! Content, before it is written, and its forms.

use serde_json::{Value, json};

use crate::draft::Piece;
use crate::reply::{Call, Circumstances, Finish, Reply, Said};
use crate::signature::{self, Kind};
use crate::text::pieces;

/// Content, before it is written.
pub(super) struct Content {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) choices: u64,
    pub(super) prompt: u64,
    pub(super) shows_thoughts: bool,
    /// What the first call, or the end of the text, is signed with.
    pub(super) signature: Option<String>,
    pub(super) reply: Reply,
}

/// What parts of this answer are signed with.
pub(super) fn signature(about: Circumstances<'_>) -> String {
    signature::sign(about.seed, Kind::Part, about.drawn())
}

impl Content {
    /// The content as one document.
    pub(super) fn json(&self) -> Value {
        let mut parts: Vec<Value> = self.thought().map(thought_part).into_iter().collect();
        parts.extend(match &self.reply.said {
            Said::Text(text) if text.is_empty() => Vec::new(),
            Said::Text(text) => vec![self.signed(json!({"text": text}), true)],
            Said::Calls(calls) => self.calls(calls),
        });
        let candidates = (0..self.choices).map(|index| {
            json!({
                "content": {"parts": parts, "role": "model"},
                "finishReason": self.finish(),
                "index": index,
            })
        });
        json!({
            "candidates": candidates.collect::<Vec<_>>(),
            "usageMetadata": self.usage(self.reply.thought_tokens, self.reply.said_tokens),
            "modelVersion": self.model,
            "responseId": self.id,
        })
    }

    /// The content as chunks. Counts go along; the last chunk tells why it ends.
    pub(super) fn chunks(&self) -> Vec<Piece> {
        let mut chunks = Vec::new();
        let mut thought = 0;
        let mut said = 0;
        for piece in self.thought().map(pieces).unwrap_or_default() {
            thought += 1;
            self.each(&mut chunks, &thought_part(piece), (thought, said));
        }
        thought = self.reply.thought_tokens;
        let mut last = json!({"text": ""});
        match &self.reply.said {
            Said::Text(text) => {
                for piece in pieces(text) {
                    said += 1;
                    self.each(&mut chunks, &json!({"text": piece}), (thought, said));
                }
                last = self.signed(last, true);
            }
            Said::Calls(calls) => {
                said = self.reply.said_tokens;
                for call in self.calls(calls) {
                    self.each(&mut chunks, &call, (thought, said));
                }
            }
        }
        for index in 0..self.choices {
            let finish = json!(self.finish());
            chunks.push(self.chunk(index, &last, Some(finish), (thought, said)));
        }
        chunks
    }

    /// Adds this part for every choice.
    fn each(&self, chunks: &mut Vec<Piece>, part: &Value, counts: (u64, u64)) {
        chunks.extend((0..self.choices).map(|index| self.chunk(index, part, None, counts)));
    }

    fn chunk(
        &self,
        index: u64,
        part: &Value,
        finish: Option<Value>,
        (thought, said): (u64, u64),
    ) -> Piece {
        let mut candidate = json!({"content": {"parts": [part], "role": "model"}});
        if let Some(members) = candidate.as_object_mut() {
            if let Some(finish) = finish {
                members.insert("finishReason".to_owned(), finish);
            }
            members.insert("index".to_owned(), json!(index));
        }
        let chunk = json!({
            "candidates": [candidate],
            "usageMetadata": self.usage(thought, said),
            "modelVersion": self.model,
            "responseId": self.id,
        });
        Piece::data(&chunk.to_string())
    }

    fn thought(&self) -> Option<&str> {
        let thought = self.reply.thought.as_deref();
        thought.filter(|_| self.shows_thoughts)
    }

    /// The parts of calls. Only the first of several has a signature.
    fn calls(&self, calls: &[Call]) -> Vec<Value> {
        let calls = calls.iter().enumerate().map(|(at, call)| {
            let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or(json!({}));
            let part = json!({"functionCall": {"name": call.name, "args": arguments}});
            self.signed(part, at == 0)
        });
        calls.collect()
    }

    fn signed(&self, mut part: Value, is_to_be: bool) -> Value {
        if let (true, Some(signature), Some(members)) =
            (is_to_be, &self.signature, part.as_object_mut())
        {
            members.insert("thoughtSignature".to_owned(), json!(signature));
        }
        part
    }

    fn finish(&self) -> &'static str {
        match self.reply.finish {
            // The provider says so when tools are called, too.
            Finish::Stop | Finish::Sequence(_) | Finish::Tools => "STOP",
            Finish::Length => "MAX_TOKENS",
        }
    }

    fn usage(&self, thought: u64, said: u64) -> Value {
        let (thought, said) = (thought * self.choices, said * self.choices);
        let mut usage = json!({
            "promptTokenCount": self.prompt,
            "candidatesTokenCount": said,
            "totalTokenCount": self.prompt + thought + said,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": self.prompt}],
        });
        if self.reply.thought.is_some()
            && let Some(members) = usage.as_object_mut()
        {
            members.insert("thoughtsTokenCount".to_owned(), json!(thought));
        }
        usage
    }
}

fn thought_part(text: &str) -> Value {
    json!({"text": text, "thought": true})
}
