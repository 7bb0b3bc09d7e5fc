//! The provider's request.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::blocks::{Blocks, with_cache};
use crate::claude::model::Abilities;
use crate::claude::sampling::{sampling, unsaid};
use crate::claude::schema;
use crate::claude::thinking::{self, Plan};
use crate::formats::{Aim, Lost};
use crate::neutral::{OutputFormat, Request, Role, Tool, ToolChoice};

/// What an answer may have if neither the caller nor the catalogue knows a bound: the format
/// demands one.
const MAX_TOKENS: u64 = 4096;

/// The longest name of an end user, in characters.
const LONGEST_USER: usize = 256;

type Members = Map<String, Value>;

/// Writes a request.
pub fn request(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Bytes {
    let abilities = Abilities::of(aim.model);
    let plan = thinking::plan(request, aim, abilities, lost);
    let mut body = prompt(request, aim, &plan, lost);
    let most = aim.max_output.map_or(MAX_TOKENS, u64::from);
    put(&mut body, "max_tokens", plan.max_tokens.unwrap_or(most));
    if request.stream {
        put(&mut body, "stream", true);
    }
    let thinks = plan.thinking.is_some();
    let sampling = sampling(request, abilities, thinks, lost);
    put_some(&mut body, "temperature", sampling.temperature);
    put_some(&mut body, "top_p", sampling.top_p);
    put_some(&mut body, "top_k", sampling.top_k);
    unsaid(request, lost);
    put_stop(&mut body, request, lost);
    // An address of mail is refused, and nobody asked us to hand out more.
    let is_taken = |user: &&String| user.chars().count() <= LONGEST_USER && !user.contains('@');
    if let Some(user) = request.user.as_ref().filter(is_taken) {
        put(&mut body, "metadata", json!({"user_id": user}));
    }
    Value::Object(body).to_string().into()
}

/// Writes the request for a number of tokens: the prompt and nothing else.
pub fn count_request(request: &Request, aim: &Aim<'_>) -> Bytes {
    let mut lost = Lost::new();
    let plan = thinking::plan(request, aim, Abilities::of(aim.model), &mut lost);
    Value::Object(prompt(request, aim, &plan, &mut lost))
        .to_string()
        .into()
}

/// Everything of a request that the prompt is made of.
fn prompt(request: &Request, aim: &Aim<'_>, plan: &Plan, lost: &mut Lost) -> Members {
    let mut body = Members::new();
    put(&mut body, "model", aim.model);
    let (system, messages) = conversation(request, aim, lost);
    if !system.is_empty() {
        put(&mut body, "system", as_text(system));
    }
    put(&mut body, "messages", messages);
    if !request.tools.is_empty() {
        let schemas = Abilities::of(aim.model).schemas;
        let tools = request.tools.iter().enumerate();
        let tools = tools.map(|(at, tool)| {
            let wants_strict = tool.strict == Some(true);
            if wants_strict && !schemas {
                lost.push(format!("tools[{at}].strict"));
            }
            if wants_strict && schemas {
                strict_tool(tool)
            } else {
                lenient_tool(tool)
            }
        });
        put(&mut body, "tools", tools.collect::<Vec<_>>());
        put_some(
            &mut body,
            "tool_choice",
            tool_choice(request, plan.thinking.is_some(), lost),
        );
    }
    put_some(&mut body, "thinking", plan.thinking.clone());
    let mut output = Members::new();
    put_some(&mut output, "effort", plan.effort);
    put_some(&mut output, "format", output_format(request, aim, lost));
    if !output.is_empty() {
        put(&mut body, "output_config", output);
    }
    body
}

/// The blocks of the system prompt, and the messages.
fn conversation(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> (Vec<Value>, Vec<Value>) {
    let mut blocks = Blocks {
        provider: aim.provider,
        lost,
    };
    let mut system = Vec::new();
    let mut turns: Vec<(Role, Vec<Value>)> = Vec::new();
    for (at, turn) in request.turns.iter().enumerate() {
        let path = format!("messages[{at}]");
        let mut said = blocks.turn(turn, &path);
        match turn.role {
            Role::System => {
                if at > 0 && !said.is_empty() {
                    // There is one place for it, before all messages.
                    blocks.lost.push(format!("{path}.role"));
                }
                system.append(&mut said);
            }
            _ if said.is_empty() => {}
            role => match turns.last_mut() {
                Some((speaker, before)) if *speaker == role => before.append(&mut said),
                _ => turns.push((role, said)),
            },
        }
    }
    if turns.is_empty() && !system.is_empty() {
        // A conversation of a system prompt alone is refused.
        blocks.lost.push("messages[0].role".to_owned());
        turns.push((Role::User, std::mem::take(&mut system)));
    }
    let count = turns.len();
    let messages = turns
        .into_iter()
        .enumerate()
        .map(|(at, (role, content))| message(role, content, at + 1 == count));
    (system, messages.collect())
}

fn message(role: Role, mut content: Vec<Value>, is_last: bool) -> Value {
    let role = match role {
        Role::Assistant => {
            if is_last {
                trim_end(&mut content);
            }
            "assistant"
        }
        Role::User | Role::System => {
            // Results come right behind the calls, before anything else that is said.
            content.sort_by_key(|block| block["type"] != "tool_result");
            "user"
        }
    };
    json!({"role": role, "content": as_text(content)})
}

/// Takes white space off the answer that the model is to go on with; it is refused there.
fn trim_end(content: &mut [Value]) {
    if let Some(Value::String(text)) = content.last_mut().and_then(|block| block.get_mut("text")) {
        text.truncate(text.trim_end().len());
    }
}

/// A single plain text as it is, other content as blocks.
fn as_text(mut blocks: Vec<Value>) -> Value {
    let is_plain = |block: &Value| {
        block["type"] == "text" && block.as_object().is_some_and(|members| members.len() == 2)
    };
    match blocks.as_mut_slice() {
        [block] if is_plain(block) => block["text"].take(),
        _ => blocks.into(),
    }
}

/// A tool whose arguments fit its schema, which has to be closed for that.
fn strict_tool(tool: &Tool) -> Value {
    let mut written = lenient_tool(tool);
    if let Some(members) = written.as_object_mut() {
        let schema = members.get("input_schema").map(schema::closed);
        put_some(members, "input_schema", schema);
        put(members, "strict", true);
    }
    written
}

fn lenient_tool(tool: &Tool) -> Value {
    let mut schema = match &tool.parameters {
        Some(Value::Object(schema)) => schema.clone(),
        Some(_) | None => Members::new(),
    };
    // A schema is refused that does not say that it is of an object.
    if !schema.contains_key("type") {
        put(&mut schema, "type", "object");
    }
    let mut members = Members::new();
    put(&mut members, "name", tool.name.as_str());
    put_some(&mut members, "description", tool.description.clone());
    put(&mut members, "input_schema", schema);
    with_cache(Value::Object(members), tool.cache.as_ref())
}

/// Whether tools are to be called. While a model thinks, it cannot be made to.
fn tool_choice(request: &Request, thinks: bool, lost: &mut Lost) -> Option<Value> {
    let one_at_a_time = request.parallel_tools == Some(false);
    let mut choice = match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_)) if thinks => {
            lost.push("tool_choice".to_owned());
            json!({"type": "auto"})
        }
        Some(ToolChoice::Required) => json!({"type": "any"}),
        Some(ToolChoice::Named(name)) => json!({"type": "tool", "name": name}),
        Some(ToolChoice::None) => return Some(json!({"type": "none"})),
        Some(ToolChoice::Auto) => json!({"type": "auto"}),
        None if one_at_a_time => json!({"type": "auto"}),
        None => return None,
    };
    if let Some(members) = choice.as_object_mut()
        && one_at_a_time
    {
        put(members, "disable_parallel_tool_use", true);
    }
    Some(choice)
}

fn output_format(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Option<Value> {
    match request.output.as_ref()? {
        OutputFormat::Text => None,
        OutputFormat::Schema { schema, .. } if Abilities::of(aim.model).schemas => {
            Some(json!({"type": "json_schema", "schema": schema::closed(schema)}))
        }
        OutputFormat::Json | OutputFormat::Schema { .. } => {
            lost.push("response_format".to_owned());
            None
        }
    }
}

/// Puts the stop sequences in; those of white space alone are refused.
fn put_stop(body: &mut Members, request: &Request, lost: &mut Lost) {
    let mut stop = request.stop.clone();
    stop.retain(|text| !text.trim().is_empty());
    if stop.len() < request.stop.len() {
        lost.push("stop".to_owned());
    }
    if !stop.is_empty() {
        put(body, "stop_sequences", stop);
    }
}

fn put(members: &mut Members, name: &str, value: impl Into<Value>) {
    members.insert(name.to_owned(), value.into());
}

fn put_some(members: &mut Members, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        put(members, name, value);
    }
}
