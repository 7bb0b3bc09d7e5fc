//! What the model `inspect` answers with: the conversation as JSON, in neutral terms.
//!
//! Equal conversations give equal texts in all families, so that a translation can be judged by
//! comparing two of them. Hence calls are numbered instead of named by ids, neighbouring
//! messages of one speaker are one turn, members are sorted, and what is left out or has its
//! usual value is not shown.

use serde_json::{Map, Value, json};

use super::{
    Choice, Conversation, Output, Part, Speaker, Tool, Turn, canonical, canonical::schema,
};

impl Conversation {
    /// The conversation as compact JSON.
    pub(crate) fn inspected(&self) -> String {
        let mut shown = Map::new();
        let mut show = |name: &str, value: Value| {
            let is_empty = match &value {
                Value::Null => true,
                Value::Array(items) => items.is_empty(),
                Value::Object(members) => members.is_empty(),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            };
            if !is_empty {
                shown.insert(name.to_owned(), value);
            }
        };
        show("system", json!(self.system));
        if self.late_system > 0 {
            show("late_system", json!(self.late_system));
        }
        show("turns", Calls::default().turns(&self.turns));
        show("tools", self.tools.iter().map(tool).collect());
        if !self.tools.is_empty() {
            show("tool_choice", choice(&self.choice));
        }
        if self.one_call {
            show("parallel", json!(false));
        }
        show("output", output(&self.output));
        show("max_tokens", json!(self.limit));
        show("stop", json!(self.stop));
        for (name, value) in &self.sampling {
            show(name, value.clone());
        }
        show("thinking", self.thinking());
        show("user", json!(self.user));
        show("cached", json!(self.cached));
        show("stream", json!(self.stream));
        canonical(&Value::Object(shown)).to_string()
    }

    fn thinking(&self) -> Value {
        let thinking = &self.thinking;
        let mut shown = Map::new();
        // Where nothing was said of effort or tokens, not to think is what is usual.
        let is_said = thinking.effort.is_some() || thinking.budget.is_some();
        let on = thinking.wanted.filter(|on| *on || is_said);
        let members = [
            ("on", json!(on)),
            ("effort", json!(thinking.effort)),
            ("budget", json!(thinking.budget)),
            ("shown", json!(thinking.is_shown)),
        ];
        for (name, value) in members {
            if !value.is_null() {
                shown.insert(name.to_owned(), value);
            }
        }
        Value::Object(shown)
    }
}

/// Gives calls their numbers, in order, and finds the number of a result.
#[derive(Default)]
struct Calls<'a> {
    made: Vec<(Option<&'a str>, &'a str, bool)>,
}

impl<'a> Calls<'a> {
    fn turns(&mut self, turns: &'a [Turn]) -> Value {
        turns
            .iter()
            .map(|turn| {
                let speaker = match turn.speaker {
                    Speaker::User => "user",
                    Speaker::Model => "model",
                };
                let parts: Vec<Value> = turn.parts.iter().map(|part| self.part(part)).collect();
                json!({"by": speaker, "parts": parts})
            })
            .collect()
    }

    fn part(&mut self, part: &'a Part) -> Value {
        match part {
            Part::Text(text) => json!({"kind": "text", "text": text}),
            Part::Refusal(text) => json!({"kind": "refusal", "text": text}),
            Part::Media(media) => media.inspected(),
            Part::Thought { text, is_signed } => {
                signed(json!({"kind": "thought", "text": text}), *is_signed)
            }
            Part::Call {
                id,
                name,
                arguments,
                is_signed,
            } => {
                self.made.push((id.as_deref(), name, false));
                let call = self.made.len();
                let shown =
                    json!({"kind": "call", "call": call, "tool": name, "arguments": arguments});
                signed(shown, *is_signed)
            }
            Part::Outcome {
                id,
                name,
                parts,
                is_failed,
            } => {
                let call = self.answered(id.as_deref(), name.as_deref());
                let tool = call.and_then(|at| self.made.get(at)).map(|made| made.1);
                let mut shown = json!({
                    "kind": "result",
                    "call": call.map(|at| at + 1),
                    "tool": tool.or(name.as_deref()),
                    "parts": parts.iter().map(|part| self.given(part)).collect::<Vec<_>>(),
                });
                if *is_failed && let Some(members) = shown.as_object_mut() {
                    members.insert("failed".to_owned(), json!(true));
                }
                shown
            }
            Part::Other(kind) => json!({"kind": "other", "is": kind}),
        }
    }

    fn given(&mut self, part: &'a Part) -> Value {
        match part {
            Part::Text(text) => json!({"kind": "text", "text": canonical::text(text)}),
            other => self.part(other),
        }
    }

    /// The call that a result answers: by its id, or the first of its tool that has none yet.
    fn answered(&mut self, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        let by_id = id.and_then(|id| self.made.iter().position(|made| made.0 == Some(id)));
        let at = by_id.or_else(|| {
            self.made
                .iter()
                .position(|made| !made.2 && made.0.is_none() && Some(made.1) == name)
        })?;
        if let Some(made) = self.made.get_mut(at) {
            made.2 = true;
        }
        Some(at)
    }
}

fn signed(mut shown: Value, is_signed: bool) -> Value {
    if is_signed && let Some(members) = shown.as_object_mut() {
        members.insert("signed".to_owned(), json!(true));
    }
    shown
}

fn tool(tool: &Tool) -> Value {
    if !tool.is_function {
        return json!({"provider_tool": tool.name});
    }
    let mut shown = json!({"name": tool.name, "schema": schema(&tool.schema)});
    if let Some(members) = shown.as_object_mut() {
        if let Some(description) = &tool.description {
            members.insert("description".to_owned(), json!(description));
        }
        if tool.is_strict {
            members.insert("strict".to_owned(), json!(true));
        }
    }
    shown
}

fn choice(choice: &Choice) -> Value {
    match choice {
        Choice::Auto => json!("auto"),
        Choice::None => json!("none"),
        Choice::Any => json!("required"),
        Choice::Named(names) => json!(names),
    }
}

fn output(output: &Output) -> Value {
    match output {
        Output::Text => Value::Null,
        Output::Json => json!("json"),
        Output::Schema(wanted) => json!({"schema": schema(wanted)}),
    }
}
