//! For providers that refuse members which they do not know: the received body with the members
//! that they do, every kept value byte for byte.

mod messages;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use tollgate_core::call::Call;

use super::{Patched, cut, json_string};
use crate::formats::Lost;
use crate::json::{self, Kind, NameBuffer, Problem, Scanner};
use crate::openai::harmless::HARMLESS;
use crate::quirks::{MaxTokens, Quirks};

/// The body of a chat completion for a provider that takes no members but those of `quirks`. What
/// is left out is added to `lost`, unless it changes no answer. A bound on the answer and a seed
/// get the provider's names. With `ask_usage` a stream is asked to report its usage if the provider
/// takes the question.
pub fn fit(call: &Call, model: &str, quirks: &Quirks, ask_usage: bool, lost: &mut Lost) -> Patched {
    let Some(members) = quirks.members else {
        return super::patch(call, model, ask_usage);
    };
    let mut fitting = Fitting {
        call,
        model,
        quirks,
        known: members,
        body: BytesMut::with_capacity(call.body.len() + 64),
        has_completion: false,
        has_random_seed: false,
        wants_usage: ask_usage && call.stream && !call.wants_usage && members.contains(&OPTIONS),
        lost,
    };
    // The body was read before, so this cannot fail; if it did, the provider would refuse it.
    if fitting.write().is_err() {
        return super::patch(call, model, ask_usage);
    }
    let mut patched = Patched::default();
    patched.push(fitting.body.freeze());
    patched
}

const OPTIONS: &str = "stream_options";
const COMPLETION: &str = "max_completion_tokens";
const PLAIN: &str = "max_tokens";
const RANDOM_SEED: &str = "random_seed";

struct Fitting<'a> {
    call: &'a Call,
    model: &'a str,
    quirks: &'a Quirks,
    known: &'static [&'static str],
    body: BytesMut,
    /// Whether the caller gave the newer name of the bound, which outdoes the older one.
    has_completion: bool,
    /// Whether the caller gave a seed by Mistral's name.
    has_random_seed: bool,
    /// Whether the wish for usage is still to be put in.
    wants_usage: bool,
    lost: &'a mut Lost,
}

/// A member as it stands in the body.
struct Member {
    name: String,
    value: Range<usize>,
    kind: Kind,
}

impl Fitting<'_> {
    fn write(&mut self) -> Result<(), Problem> {
        let members = members(&self.call.body)?;
        self.has_completion = members
            .iter()
            .any(|member| member.name == COMPLETION && member.kind == Kind::Number);
        self.has_random_seed = members.iter().any(|member| member.name == RANDOM_SEED);
        self.body.put_u8(b'{');
        for member in &members {
            self.member(member)?;
        }
        if self.wants_usage {
            self.put(OPTIONS, b"{\"include_usage\":true}");
        }
        self.body.put_u8(b'}');
        Ok(())
    }

    fn member(&mut self, member: &Member) -> Result<(), Problem> {
        if self.is_outdone(member) {
            return Ok(());
        }
        let value = cut(&self.call.body, member.value.clone());
        let name = self.name_of(member);
        if !self.known.contains(&name) {
            if is_missed(member, name, &value) {
                self.lost.push(member.name.clone());
            }
            return Ok(());
        }
        match name {
            "model" => {
                let model = json_string(self.model);
                self.put(name, &model);
            }
            "messages" => {
                let fitting = messages::fit(&value, self.quirks.messages, self.lost)?;
                self.put(name, &fitting);
            }
            OPTIONS if self.wants_usage => {
                self.wants_usage = false;
                self.options(&value, member.kind);
            }
            "tool_choice" if *value == *b"\"required\"" => {
                let word = json_string(self.quirks.tool_required);
                self.put(name, &word);
            }
            // Providers that refuse unknown members refuse empty lists of tools, too.
            "tools" if is_empty(&value) => {}
            _ => self.put(name, &value),
        }
        Ok(())
    }

    /// The name by which the provider knows a member.
    fn name_of<'a>(&self, member: &'a Member) -> &'a str {
        let other = match (&*member.name, self.quirks.max_tokens) {
            (COMPLETION, MaxTokens::Plain) if self.has_completion => PLAIN,
            (PLAIN, MaxTokens::Completion) => COMPLETION,
            ("seed", _) if !self.has_random_seed => RANDOM_SEED,
            _ => return &member.name,
        };
        if self.known.contains(&&*member.name) || !self.known.contains(&other) {
            return &member.name;
        }
        other
    }

    /// Whether a member is the older bound, beside the newer one, at a provider that knows one.
    fn is_outdone(&self, member: &Member) -> bool {
        let both = [PLAIN, COMPLETION]
            .iter()
            .all(|name| self.known.contains(name));
        member.name == PLAIN && self.has_completion && !both
    }

    /// The caller's options with the wish for usage in them.
    fn options(&mut self, value: &Bytes, kind: Kind) {
        let mut options = match kind {
            Kind::Object => serde_json::from_slice(value).unwrap_or_default(),
            _ => serde_json::Map::new(),
        };
        options.insert("include_usage".to_owned(), true.into());
        let options = serde_json::Value::Object(options).to_string();
        self.put(OPTIONS, options.as_bytes());
    }

    fn put(&mut self, name: &str, value: &[u8]) {
        if self.body.len() > 1 {
            self.body.put_u8(b',');
        }
        self.body.put_slice(&json_string(name));
        self.body.put_u8(b':');
        self.body.put_slice(value);
    }
}

/// The members of the body. Names with escapes are decoded.
fn members(body: &[u8]) -> Result<Vec<Member>, Problem> {
    let mut scanner = Scanner::new(json::utf8(body)?);
    let mut walk = scanner.object()?;
    let mut buffer = NameBuffer::new();
    let mut members = Vec::new();
    while let Some(name) = scanner.member(&mut walk)? {
        let name = String::from_utf8_lossy(name.name(&mut buffer)).into_owned();
        let kind = scanner.kind()?;
        let begin = scanner.position();
        scanner.skip()?;
        members.push(Member {
            name,
            value: begin..scanner.position(),
            kind,
        });
    }
    Ok(members)
}

/// Whether the answer may be another one without this member.
fn is_missed(member: &Member, name: &str, value: &[u8]) -> bool {
    let nothing = member.kind == Kind::Null || is_empty(value);
    !nothing && name != OPTIONS && !HARMLESS.contains(&name)
}

/// Whether a value is an empty array or object.
fn is_empty(value: &[u8]) -> bool {
    let inner = value
        .strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"))
        .or_else(|| value.strip_prefix(b"{")?.strip_suffix(b"}"));
    inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}
