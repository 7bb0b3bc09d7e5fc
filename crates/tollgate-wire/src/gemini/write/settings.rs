//! `generationConfig`: how an answer is sampled, how long it may be, its form, and thinking.

use serde_json::{Map, Value, json};

use super::set as put;

use crate::formats::{Aim, Lost};
use crate::gemini::family::{Family, Thinking};
use crate::neutral::{Effort, OutputFormat, Reasoning, Request};

/// The most stop sequences that are taken.
const MOST_STOPS: usize = 5;

/// What is to be set; empty if nothing is.
pub(super) fn write(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Map<String, Value> {
    let family = Family::of(aim.model);
    let mut config = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        config.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("maxOutputTokens", max_tokens(request, aim).map(Value::from));
    let numbers = [
        ("temperature", &request.temperature),
        ("topP", &request.top_p),
        ("presencePenalty", &request.presence_penalty),
        ("frequencyPenalty", &request.frequency_penalty),
    ];
    for (name, number) in numbers {
        set(name, number.clone().map(Value::Number));
    }
    set("topK", small(request.top_k, "top_k", lost));
    set("seed", small(request.seed, "seed", lost));
    if !request.stop.is_empty() {
        let stops = request.stop.iter().take(MOST_STOPS);
        set("stopSequences", Some(stops.cloned().collect()));
    }
    if request.stop.len() > MOST_STOPS {
        lost.push(format!("stop[{MOST_STOPS}]"));
    }
    form(request, family, &mut set, lost);
    if let Some(reasoning) = &request.reasoning {
        set("thinkingConfig", thinking(reasoning, family, lost));
    }
    config
}

/// The bound on the answer. More than the model can give is refused by some, and means nothing
/// to the others.
fn max_tokens(request: &Request, aim: &Aim<'_>) -> Option<u64> {
    const MOST: u64 = i32::MAX as u64;
    let most = aim.max_output.map_or(MOST, u64::from);
    request.max_tokens.map(|tokens| tokens.min(most))
}

/// A number of 32 bits, or nothing and a word of it.
fn small<T: TryInto<i32>>(number: Option<T>, path: &str, lost: &mut Lost) -> Option<Value> {
    let number = number?.try_into();
    if number.is_err() {
        lost.push(path.to_owned());
    }
    number.ok().map(|number: i32| number.into())
}

fn form(
    request: &Request,
    family: Family,
    set: &mut impl FnMut(&str, Option<Value>),
    lost: &mut Lost,
) {
    let schema = match &request.output {
        None | Some(OutputFormat::Text) => return,
        // Earlier models refuse JSON beside tools.
        Some(_) if !request.tools.is_empty() && !family.is_third() => {
            lost.push("response_format".to_owned());
            return;
        }
        Some(OutputFormat::Json) => None,
        Some(OutputFormat::Schema {
            description,
            schema,
            ..
        }) => Some(described(schema, description.as_deref())),
    };
    set("responseMimeType", Some("application/json".into()));
    set("responseJsonSchema", schema);
}

/// The schema with what it is for, unless it says so itself.
fn described(schema: &Value, description: Option<&str>) -> Value {
    let mut schema = schema.clone();
    if let (Some(members), Some(text)) = (schema.as_object_mut(), description)
        && !members.contains_key("description")
    {
        members.insert("description".to_owned(), text.into());
    }
    schema
}

fn thinking(reasoning: &Reasoning, family: Family, lost: &mut Lost) -> Option<Value> {
    let wanted = reasoning.effort();
    let mut config = match family.thinking() {
        Thinking::No => {
            if wanted.is_some_and(|effort| effort > Effort::None) {
                lost.push("reasoning_effort".to_owned());
            }
            return None;
        }
        Thinking::Level { minimal, medium } => match wanted {
            Some(effort) => json!({"thinkingLevel": level(effort, minimal, medium)}),
            None => json!({}),
        },
        Thinking::Budget { least, most, off } => match reasoning.budget() {
            Some(0) if off => json!({"thinkingBudget": 0}),
            Some(budget) => json!({"thinkingBudget": budget.clamp(least, most)}),
            None => json!({}),
        },
    };
    let can_be_off = matches!(family.thinking(), Thinking::Budget { off: true, .. });
    if wanted == Some(Effort::None) && !can_be_off {
        lost.push("reasoning_effort".to_owned());
    }
    if let Some(show) = reasoning.show {
        put(&mut config, "includeThoughts", show);
    }
    (config != json!({})).then_some(config)
}

/// The level that comes closest, from above where a model lacks one in the middle.
const fn level(effort: Effort, minimal: bool, medium: bool) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal if minimal => "MINIMAL",
        Effort::None | Effort::Minimal | Effort::Low => "LOW",
        Effort::Medium if medium => "MEDIUM",
        Effort::Medium | Effort::High | Effort::Highest => "HIGH",
    }
}
