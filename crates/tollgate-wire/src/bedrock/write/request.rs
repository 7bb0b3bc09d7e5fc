//! The provider's request, plain and streaming alike: the address decides.

use bytes::Bytes;
use serde_json::{Map, Number, Value, json};

use super::Family;
use super::blocks::{Blocks, cache_point};
use super::tools;
use crate::claude::model::Abilities;
use crate::claude::sampling::{Sampling, sampling, unsaid};
use crate::claude::schema;
use crate::claude::thinking::{self, Plan};
use crate::formats::{Aim, Lost};
use crate::neutral::{OutputFormat, Request, Role};

pub(super) type Members = Map<String, Value>;

/// Writes a request.
pub fn request(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Bytes {
    let family = Family::of(aim.model);
    let plan = plan(request, aim, family, lost);
    let sampling = steer(request, aim, &plan, lost);
    unsaid(request, lost);
    let mut body = Members::new();
    let (system, messages) = conversation(request, aim, family, lost);
    if !system.is_empty() {
        put(&mut body, "system", system);
    }
    put(&mut body, "messages", messages);
    let inference = inference(request, &plan, &sampling);
    if !inference.is_empty() {
        put(&mut body, "inferenceConfig", inference);
    }
    let thinks = plan.thinking.is_some();
    put_some(
        &mut body,
        "toolConfig",
        tools::config(request, family, thinks, lost),
    );
    put_some(
        &mut body,
        "outputConfig",
        output_config(request, family, lost),
    );
    let more = additional(plan, &sampling);
    if !more.is_empty() {
        put(&mut body, "additionalModelRequestFields", more);
    }
    Value::Object(body).to_string().into()
}

/// How the model thinks. Converse has words for Anthropic's models only.
fn plan(request: &Request, aim: &Aim<'_>, family: Family, lost: &mut Lost) -> Plan {
    match family {
        Family::Claude => thinking::plan(request, aim, Abilities::of(aim.model), lost),
        Family::Nova | Family::Other => {
            let wanted = request.reasoning.and_then(|reasoning| reasoning.effort());
            if request.reasoning.is_some() && wanted != Some(crate::neutral::Effort::None) {
                lost.push("reasoning_effort".to_owned());
            }
            let bound = Request {
                max_tokens: request.max_tokens,
                ..Request::default()
            };
            thinking::plan(&bound, aim, Abilities::of(aim.model), lost)
        }
    }
}

/// How sampling is steered.
fn steer(request: &Request, aim: &Aim<'_>, plan: &Plan, lost: &mut Lost) -> Sampling {
    let thinks = plan.thinking.is_some();
    let mut sampling = sampling(request, Abilities::of(aim.model), thinks, lost);
    match Family::of(aim.model) {
        Family::Claude => {}
        Family::Nova | Family::Other => {
            if sampling.top_k.take().is_some() {
                lost.push("top_k".to_owned());
            }
        }
    }
    sampling
}

/// The blocks of the system prompt, and the messages.
fn conversation(
    request: &Request,
    aim: &Aim<'_>,
    family: Family,
    lost: &mut Lost,
) -> (Vec<Value>, Vec<Value>) {
    let mut blocks = Blocks::new(aim.provider, family, lost);
    let mut system = Vec::new();
    let mut turns: Vec<(Role, Vec<Value>)> = Vec::new();
    for (at, turn) in request.turns.iter().enumerate() {
        let path = format!("messages[{at}]");
        let mut said = blocks.turn(turn, &path);
        match turn.role {
            Role::System => {
                if at > 0 && !said.is_empty() {
                    // There is one place for it, before all messages.
                    blocks.lose(format!("{path}.role"));
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
        blocks.lose("messages[0].role".to_owned());
        turns.push((Role::User, std::mem::take(&mut system)));
    }
    let messages = turns
        .into_iter()
        .map(|(role, content)| message(role, content));
    (system, messages.collect())
}

fn message(role: Role, mut content: Vec<Value>) -> Value {
    let role = match role {
        Role::Assistant => "assistant",
        Role::User | Role::System => {
            put_results_first(&mut content);
            let has = |kind: &str| content.iter().any(|block| block.get(kind).is_some());
            if has("document") && !has("text") {
                // Documents are refused where nothing is said about them.
                content.push(json!({"text": "The document is attached."}));
            }
            "user"
        }
    };
    json!({"role": role, "content": content})
}

/// Results come right behind the calls, before anything else that is said. A mark for the cache
/// stays behind its block.
fn put_results_first(content: &mut Vec<Value>) {
    let mut last = false;
    let (results, mut others): (Vec<_>, Vec<_>) = content.drain(..).partition(|block| {
        if block.get("cachePoint").is_none() {
            last = block.get("toolResult").is_some();
        }
        last
    });
    *content = results;
    content.append(&mut others);
}

fn inference(request: &Request, plan: &Plan, sampling: &Sampling) -> Members {
    let mut inference = Members::new();
    put_some(&mut inference, "maxTokens", plan.max_tokens);
    put_some(&mut inference, "temperature", sampling.temperature.clone());
    put_some(&mut inference, "topP", sampling.top_p.clone());
    if !request.stop.is_empty() {
        put(&mut inference, "stopSequences", request.stop.clone());
    }
    inference
}

/// What Converse hands to Anthropic's models as it is.
fn additional(plan: Plan, sampling: &Sampling) -> Members {
    let mut more = Members::new();
    put_some(&mut more, "thinking", plan.thinking);
    if let Some(effort) = plan.effort {
        put(&mut more, "output_config", json!({"effort": effort}));
    }
    put_some(&mut more, "top_k", sampling.top_k.map(Number::from));
    more
}

fn output_config(request: &Request, family: Family, lost: &mut Lost) -> Option<Value> {
    let OutputFormat::Schema {
        name,
        description,
        schema,
        ..
    } = request.output.as_ref()?
    else {
        if request.output == Some(OutputFormat::Json) {
            lost.push("response_format".to_owned());
        }
        return None;
    };
    let schema = match family {
        Family::Claude => schema::closed(schema),
        Family::Nova | Family::Other => schema.clone(),
    };
    let mut definition = Members::new();
    put_some(&mut definition, "name", name.clone());
    put_some(&mut definition, "description", description.clone());
    // Here a schema is a text.
    put(&mut definition, "schema", schema.to_string());
    Some(json!({
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}},
    }))
}

/// The mark behind the blocks of a part, where the model caches prompts.
pub(super) fn push_cache_point(
    blocks: &mut Vec<Value>,
    cache: Option<&crate::neutral::Cache>,
    family: Family,
) {
    if let Some(cache) = cache
        && family.caches()
    {
        blocks.push(cache_point(cache, family));
    }
}

pub(super) fn put(members: &mut Members, name: &str, value: impl Into<Value>) {
    members.insert(name.to_owned(), value.into());
}

pub(super) fn put_some(members: &mut Members, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        put(members, name, value);
    }
}
