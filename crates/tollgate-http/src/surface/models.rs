//! The models that a key may use, in the form of whoever asks.

mod anthropic;
mod gemini;
mod openai;
mod page;

use std::borrow::Cow;

use serde_json::Value;
use tollgate_core::error::{Code, Failure};
use tollgate_core::model::ModelFacts;
use tollgate_engine::admit;
use tollgate_engine::caller::Caller;

use crate::dispatch::Given;
use crate::family::Family;
use crate::gateway::Gateway;
use crate::percent;
use crate::query::Query;

/// A model as lists show it.
struct Shown<'a> {
    name: &'a str,
    /// The connection that serves it.
    connection: &'a str,
    /// What is known of it.
    facts: &'a ModelFacts,
}

/// Adds a member to a row, if there is something to tell.
fn tell(row: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let (Value::Object(members), Some(value)) = (row, value) {
        members.insert(name.to_owned(), value.into());
    }
}

/// The list for this caller, in the order of the configuration.
pub(crate) fn list(
    gateway: &Gateway,
    caller: &Caller,
    family: Family,
    query: Query<'_>,
) -> Result<Given, Failure> {
    let (routes, offers) = (gateway.engine.routes(), gateway.engine.accounts.offers());
    let models: Vec<_> = routes
        .listed()
        .iter()
        .filter(|model| caller.may_use(&model.name) && model.exists_for(caller))
        .filter(|model| offers.opens_gate(caller, model.gate()))
        .map(|model| Shown {
            name: &model.name,
            connection: &model.connection,
            facts: &model.facts,
        })
        .collect();
    let body = match family {
        Family::OpenAi => openai::list(&models, gateway.began),
        Family::Anthropic => anthropic::list(&models, gateway.began, query)?,
        Family::Gemini => gemini::list(&models, query)?,
    };
    Ok(Given::json(200, &body))
}

/// One model; one that the caller may not use looks like one that is not there.
pub(crate) fn one(
    gateway: &Gateway,
    caller: &Caller,
    family: Family,
    encoded: &str,
) -> Result<Given, Failure> {
    let name = match family {
        Family::OpenAi | Family::Anthropic => decode(encoded)?,
        Family::Gemini => named_by(encoded)?,
    };
    let route = admit::route(&gateway.engine, caller, &name)?;
    let routes = gateway.engine.routes();
    // Of names that only a wildcard serves nothing is kept.
    let unknown = ModelFacts::default();
    let facts = routes.listed_as(&name).map(|model| &*model.facts);
    let mut served = route.targets.iter().filter(|target| target.serves(caller));
    let connection = match served.next() {
        Some(target) if !route.any_model => &*target.target.connection,
        Some(_) | None => "tollgate",
    };
    let model = Shown {
        name: &name,
        connection,
        facts: facts.unwrap_or(&unknown),
    };
    let body = match family {
        Family::OpenAi => openai::row(&model, gateway.began),
        Family::Anthropic => anthropic::row(&model, gateway.began),
        Family::Gemini => gemini::row(&model),
    };
    Ok(Given::json(200, &body))
}

/// The model that a path of Gemini's form names. Its clients know models as `models/NAME`, and
/// some of them write that behind the `models/` of the path.
pub(crate) fn named_by(encoded: &str) -> Result<Cow<'_, str>, Failure> {
    Ok(match decode(encoded)? {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_prefix("models/").unwrap_or(name)),
        Cow::Owned(name) => match name.strip_prefix("models/") {
            Some(bare) => Cow::Owned(bare.to_owned()),
            None => Cow::Owned(name),
        },
    })
}

fn decode(encoded: &str) -> Result<Cow<'_, str>, Failure> {
    percent::decode(encoded).ok_or_else(|| Failure::client(Code::ModelNotFound).model(encoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_model_with_slashes_escapes_and_a_second_prefix() {
        for (encoded, name) in [
            ("openai/gpt-4o", Some("openai/gpt-4o")),
            ("openai%2Fgpt-4o", Some("openai/gpt-4o")),
            ("models/openai/gpt-4o", Some("openai/gpt-4o")),
            ("models%2Fgpt%2D4o", Some("gpt-4o")),
            ("%ff", None),
        ] {
            let seen = named_by(encoded).ok();
            assert_eq!(seen.as_deref(), name, "{encoded}");
        }
    }
}
