//! What an error answer says, whatever its shape: the codes and types it names, the human text,
//! the status it carries inside, the wait it asks for. No judgement is made here.

use std::time::Duration;

use serde_json::{Map, Value};
use tollgate_core::time::Timestamp;

use super::embedded;
use super::rule::is_same;
use crate::{provider_text, retry_after};

/// Objects nested deeper than this say nothing about the error any more.
const DEEPEST: usize = 8;
/// Of a list (problems, violations) only so many entries are read.
const MOST_ITEMS: usize = 8;
/// More names than any provider sends; bounds the work on hostile bodies.
const MOST_NAMES: usize = 32;
/// The text is collected up to about this many bytes.
const LONGEST_TEXT: usize = 8192;

/// In what form the body came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON, whole.
    Json,
    /// JSON of which the end is missing.
    CutJson,
    /// An HTML page, as proxies in front of a provider send it.
    Page,
    /// Some other text.
    Text,
    /// Nothing, or no text at all.
    Empty,
}

/// What a prompt that was refused ends with, beside the reason that was given.
pub(super) const PROMPT_BLOCKED: &str = "prompt_blocked";

/// How answers end that are whole, or as long as they were allowed to be.
const GOOD_ENDINGS: &[&str] = &[
    "",
    "stop",
    "end",
    "end_turn",
    "eos",
    "eos_token",
    "complete",
    "completed",
    "stop_sequence",
    "stop_criteria_met",
    "pause_turn",
    "length",
    "max_length",
    "max_tokens",
    "max_output_tokens",
    "model_length",
    "tool_call",
    "tool_calls",
    "tool_use",
    "function_call",
    "load",
    "unload",
    "unspecified",
    "finish_reason_unspecified",
    "block_reason_unspecified",
    "blocked_reason_unspecified",
];

/// What an answer says.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) form: Form,
    /// Codes, types, status words and reasons, as sent.
    pub(super) names: Vec<String>,
    /// The text for humans, as sent.
    pub(super) said: String,
    /// The same in lower case, without URLs and quotation marks, to find phrases in.
    pub(super) spoken: String,
    /// Why a model stopped before its time, in an answer that is none.
    pub(super) endings: Vec<String>,
    /// The name that identifies the error best.
    pub(super) code: Option<String>,
    /// An HTTP status inside the body.
    pub(super) status: Option<u16>,
    /// How long to wait, by members of the body or by the text.
    pub(super) wait: Option<Duration>,
}

impl Reading {
    /// Reads a body, and the type of the error that a header names.
    pub(super) fn of(
        body: &str,
        content_type: Option<&[u8]>,
        error_type: Option<&[u8]>,
        now: Timestamp,
    ) -> Self {
        let text = body.trim_start_matches('\u{feff}').trim();
        let mut walk = Walk::default();
        if let Some(name) = error_type.and_then(|name| str::from_utf8(name).ok()) {
            walk.note_type(Some(&Value::String(name.to_owned())));
        }
        let mut wait = None;
        let form = if text.is_empty() || is_binary(text) {
            Form::Empty
        } else if let Ok(value) = serde_json::from_str::<Value>(text) {
            wait = retry_after::wait_in_body(&value, now);
            walk.visit(&value, DEEPEST);
            Form::Json
        } else if text.starts_with(['{', '[']) {
            walk.salvage(text);
            Form::CutJson
        } else if is_page(text, content_type) {
            walk.say(title_of(text));
            Form::Page
        } else {
            walk.text(text, DEEPEST);
            Form::Text
        };
        walk.finish(form, wait)
    }
}

/// Bytes that are no text (a compressed body, say) decode into replacement and control characters.
fn is_binary(text: &str) -> bool {
    let strange = text
        .chars()
        .filter(|letter| {
            *letter == char::REPLACEMENT_CHARACTER
                || (letter.is_control() && !letter.is_whitespace() && *letter != '\u{1b}')
        })
        .count();
    strange * 5 > text.chars().count()
}

fn is_page(text: &str, content_type: Option<&[u8]>) -> bool {
    let is_html = content_type
        .and_then(|value| str::from_utf8(value).ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("html"));
    is_html || text.starts_with('<')
}

/// The title of a page, or nothing: the rest of a page is written for browsers.
fn title_of(page: &str) -> &str {
    let lower = page.to_ascii_lowercase();
    let inside = |tag: &str, end: &str| {
        let start = lower.find(tag)?;
        let start = start + lower.get(start..)?.find('>')? + 1;
        let length = lower.get(start..)?.find(end)?;
        page.get(start..start + length)
            .filter(|title| !title.trim().is_empty())
    };
    inside("<title", "</title")
        .or_else(|| inside("<h1", "</h1"))
        .unwrap_or_default()
}

/// Collects what is found on the way through a body.
#[derive(Default)]
struct Walk {
    codes: Vec<String>,
    types: Vec<String>,
    endings: Vec<String>,
    said: String,
    status: Option<u16>,
}

impl Walk {
    fn visit(&mut self, value: &Value, depth: usize) {
        let Some(deeper) = depth.checked_sub(1) else {
            return;
        };
        match value {
            Value::String(text) => self.text(text, deeper),
            Value::Array(items) => {
                for item in items.iter().take(MOST_ITEMS) {
                    self.visit(item, deeper);
                }
            }
            Value::Object(members) => self.object(members, deeper),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn object(&mut self, members: &Map<String, Value>, depth: usize) {
        if let (Some(Value::String(problem)), Some(place)) =
            (members.get("msg"), members.get("loc"))
        {
            // Pydantic: its `input` and `ctx` repeat the caller's data, so they are left out.
            self.say(&format!("{}: {problem}", path_of(place)));
            self.note_type(members.get("type"));
            return;
        }
        for (name, value) in members {
            match plain(name).as_str() {
                "error" | "errors" | "err" | "detail" | "details" | "message" | "msg"
                | "errormessage" | "errormsg" | "errmsg" | "statusmsg" | "description"
                | "errordescription" | "title" | "raw" | "baseresp" | "innererror" | "metadata"
                | "violations" | "output" | "candidates" | "promptfeedback" | "choices"
                | "delta" | "stopdetails" | "finishmessage" | "blockreasonmessage"
                | "explanation" => self.visit(value, depth),
                "code" | "errorcode" | "statuscode" | "httpstatuscode" | "rawstatuscode"
                | "httpcode" | "httpstatus" => self.note_code(value),
                "type" | "errortype" | "status" | "reason" | "limitsource" | "quotaid"
                | "quotalimit" => self.note_type(Some(value)),
                "finishreason" | "nativefinishreason" | "stopreason" | "donereason" => {
                    self.note_ending(value);
                }
                "blockreason" => self.note_block(value),
                "response" => {
                    if let Some(error) = value.get("error") {
                        self.visit(error, depth);
                    }
                }
                // As a union of Amazon's: the name of the exception around what it says.
                plain if plain.ends_with("exception") => {
                    self.note_type(Some(&Value::String(name.clone())));
                    self.visit(value, depth);
                }
                _ => {}
            }
        }
    }

    /// A text may itself be JSON, or hold some in the middle, when one program reports what
    /// another one said.
    fn text(&mut self, text: &str, depth: usize) {
        let trimmed = text.trim();
        if trimmed.starts_with(['{', '['])
            && let Ok(value) = serde_json::from_str::<Value>(trimmed)
        {
            self.visit(&value, depth);
            return;
        }
        self.say(trimmed);
        if let Some(code) = embedded::member(trimmed, "code") {
            self.note_code(&Value::String(code));
        }
        if let Some(kind) = embedded::member(trimmed, "type") {
            self.note_type(Some(&Value::String(kind)));
        }
        self.status = self.status.or_else(|| embedded::status(trimmed));
    }

    /// What can still be read of JSON that was cut off or is broken.
    fn salvage(&mut self, text: &str) {
        for name in ["code", "status_code", "status"] {
            if let Some(code) = embedded::member(text, name) {
                self.note_code(&Value::String(code));
            }
        }
        if let Some(kind) = embedded::member(text, "type") {
            self.note_type(Some(&Value::String(kind)));
        }
        let said = ["message", "error", "detail"];
        if let Some(said) = said.iter().find_map(|name| embedded::member(text, name)) {
            self.say(&said);
        }
    }

    fn say(&mut self, text: &str) {
        let text = provider_text::head(text, LONGEST_TEXT).trim();
        if text.is_empty() || self.said.len() >= LONGEST_TEXT || self.said.contains(text) {
            return;
        }
        if !self.said.is_empty() {
            self.said.push_str(if self.said.ends_with(['.', ':', ';']) {
                " "
            } else {
                ": "
            });
        }
        self.said.push_str(text);
    }

    /// A number in the range of HTTP is a status; any other one is a name of the provider's own.
    fn note_code(&mut self, value: &Value) {
        let name = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return,
        };
        match name.parse() {
            Ok(status @ 400..=599) => self.status = self.status.or(Some(status)),
            Ok(_) | Err(_) => note(&mut self.codes, name),
        }
    }

    fn note_type(&mut self, value: Option<&Value>) {
        match value {
            Some(Value::String(text)) => note(&mut self.types, bare(text).to_owned()),
            Some(number @ Value::Number(_)) => self.note_code(number),
            _ => {}
        }
    }

    /// Why the model stopped, unless that is how a good answer ends.
    fn note_ending(&mut self, value: &Value) {
        if let Value::String(reason) = value
            && !GOOD_ENDINGS.iter().any(|good| is_same(reason, good))
        {
            note_any(&mut self.endings, reason.trim().to_owned());
        }
    }

    /// Why there is no answer at all. New reasons come up, and all of them mean the prompt.
    fn note_block(&mut self, value: &Value) {
        self.note_ending(value);
        if !self.endings.is_empty() {
            note_any(&mut self.endings, PROMPT_BLOCKED.to_owned());
        }
    }

    fn finish(self, form: Form, wait: Option<Duration>) -> Reading {
        let is_word = |name: &&String| name.bytes().any(|byte| byte.is_ascii_alphabetic());
        let code = self
            .codes
            .iter()
            .find(is_word)
            .or(self.endings.first())
            .or(self.types.first())
            .or(self.codes.first());
        let code = code
            .cloned()
            .or_else(|| self.status.map(|status| status.to_string()));
        let names: Vec<String> = self.codes.into_iter().chain(self.types).collect();
        let mut spoken = spoken(&self.said);
        // Some codes are sentences, as at xAI.
        for sentence in names.iter().filter(|name| name.contains(' ')) {
            spoken.push_str(" / ");
            spoken.push_str(&sentence.to_lowercase());
        }
        Reading {
            form,
            // Where both are given, one is the other rounded.
            wait: wait.max(retry_after::wait_in_text(&spoken)),
            names,
            said: self.said,
            spoken,
            endings: self.endings,
            code,
            status: self.status,
        }
    }
}

fn note(names: &mut Vec<String>, name: String) {
    /// Words that fill the place of a name and say nothing.
    const EMPTY: [&str; 8] = [
        "",
        "error",
        "message",
        "none",
        "null",
        "failed",
        "response.failed",
        "unknown",
    ];
    let says_nothing = EMPTY.iter().any(|empty| name.eq_ignore_ascii_case(empty));
    if !says_nothing {
        note_any(names, name);
    }
}

fn note_any(names: &mut Vec<String>, name: String) {
    if name.len() <= 256 && names.len() < MOST_NAMES && !names.contains(&name) {
        names.push(name);
    }
}

/// The name of a member, however its words are joined: `errorCode`, `error_code`, `ErrorCode`.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| !matches!(letter, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Amazon puts the name between a namespace and an address:
/// `com.amazon.coral#ThrottlingException:http://…`.
fn bare(name: &str) -> &str {
    let name = name.trim();
    let name = match name.split_once(":http") {
        Some((name, _)) => name,
        None => name,
    };
    name.rsplit_once('#').map_or(name, |(_, name)| name)
}

/// `["body", "messages", 0]` as `body.messages.0`.
fn path_of(place: &Value) -> String {
    let Value::Array(steps) = place else {
        return place.as_str().unwrap_or("body").to_owned();
    };
    let steps: Vec<String> = steps
        .iter()
        .take(MOST_ITEMS)
        .map(|step| {
            step.as_str()
                .map_or_else(|| step.to_string(), str::to_owned)
        })
        .collect();
    steps.join(".")
}

/// Addresses are left out because their words (`…/settings/billing`) are advice, not the reason;
/// single words in quotation marks because they are the caller's (`Invalid tool 'payment'`).
fn spoken(said: &str) -> String {
    let mut spoken = String::with_capacity(said.len());
    for word in said
        .split_whitespace()
        .filter(|word| !word.contains("://") && !is_quoted(word))
    {
        if !spoken.is_empty() {
            spoken.push(' ');
        }
        let letters = word
            .chars()
            .filter(|letter| !matches!(letter, '`' | '"' | '*' | '\u{201c}' | '\u{201d}'));
        for letter in letters.flat_map(char::to_lowercase) {
            spoken.push(if letter == '\u{2019}' { '\'' } else { letter });
        }
    }
    spoken
}

fn is_quoted(word: &str) -> bool {
    let bare = word.trim_end_matches(['.', ',', ':', ';', '!', '?', ')']);
    let inner = bare.trim_start_matches('(');
    inner.len() > 2
        && ['"', '\'']
            .iter()
            .any(|quote| inner.starts_with(*quote) && inner.ends_with(*quote))
}
