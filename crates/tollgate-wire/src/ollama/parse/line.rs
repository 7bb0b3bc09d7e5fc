//! One JSON document of Ollama's: a whole answer, or a line of a stream.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tollgate_core::reply::Usage;

use crate::counts;

/// What a document says, of a chat or of a completion (`response`).
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) created_at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) message: Option<Message<'a>>,
    pub(super) response: Option<String>,
    pub(super) thinking: Option<String>,
    #[serde(default)]
    pub(super) done: bool,
    #[serde(borrow)]
    pub(super) done_reason: Option<Cow<'a, str>>,
    prompt_eval_count: Option<Value>,
    prompt_eval_cached_count: Option<Value>,
    eval_count: Option<Value>,
}

/// What the model says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Message<'a> {
    pub(super) content: Option<String>,
    pub(super) thinking: Option<String>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<ToolCall<'a>>>,
}

/// A tool that the model wants to be called.
#[derive(Debug, Deserialize)]
pub(super) struct ToolCall<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) function: Function<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// Why a document says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// It reports an error.
    Error,
    /// It is no JSON.
    NotJson,
    /// It is JSON, but nothing of Ollama's.
    NotALine(&'static str),
}

impl<'a> Line<'a> {
    /// Reads a document.
    pub(super) fn read(json: &'a [u8]) -> Result<Self, Problem> {
        let line: Self = serde_json::from_slice(json).map_err(|error| {
            if error.is_data() {
                Problem::NotALine("a member has a wrong type")
            } else {
                Problem::NotJson
            }
        })?;
        if line.error.is_some() {
            return Err(Problem::Error);
        }
        if line.message.is_none() && line.response.is_none() {
            return Err(Problem::NotALine("it has no message"));
        }
        Ok(line)
    }

    /// Token counts. A prompt that is cached whole may be left out; it then counts as nothing.
    pub(super) fn usage(&self) -> Option<Usage> {
        let mut odd = false;
        let prompt = counts::member(self.prompt_eval_count.as_ref(), &mut odd);
        let completion = counts::member(self.eval_count.as_ref(), &mut odd);
        if prompt.is_none() && completion.is_none() {
            return None;
        }
        odd |= completion.is_none();
        let prompt = prompt.unwrap_or_default();
        let cached = counts::member(self.prompt_eval_cached_count.as_ref(), &mut odd);
        Some(Usage {
            prompt,
            completion: completion.unwrap_or_default(),
            cached: counts::part(cached, prompt, &mut odd),
            bounded: odd,
            ..Usage::NONE
        })
    }
}

impl ToolCall<'_> {
    /// The arguments as text. They are an object; some models' servers give a text that holds one.
    pub(super) fn arguments(&self) -> Option<String> {
        let json = self.function.arguments?.get();
        let text = serde_json::from_str::<String>(json);
        let text = text.unwrap_or_else(|_| json.to_owned());
        Some(text).filter(|text| !text.is_empty() && text != "null")
    }
}
