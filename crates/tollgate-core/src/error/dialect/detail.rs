//! `{"detail": …}`, as the simple chat (seed 000) and the jobs service (seed 001) answer: one
//! string, or for faulty fields a list of what is wrong where.

use serde_json::{Map, Value};

use super::case::Case;
use super::{object, sentence, tell_retry};
use crate::error::catalog::Code;
use crate::error::detail;
use crate::error::failure::{Failure, FieldProblem};

/// Whose texts and statuses are used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Seed 000.
    SimpleChat,
    /// Seed 001.
    Jobs,
}

/// Status and body.
pub(super) fn answer(service: Service, case: &Case<'_>) -> (u16, Map<String, Value>) {
    let detail = match faulty_fields(service, case.failure) {
        Some(fields) => fields.iter().map(field).collect(),
        None => text(service, case).into(),
    };
    (status(service, case.failure), object([("detail", detail)]))
}

/// `{"error": …}` with the text of the body, and what headers would say.
pub(super) fn event(service: Service, case: &Case<'_>) -> Map<String, Value> {
    let mut error = object([
        ("message", text(service, case).into()),
        ("type", case.code.kind().into()),
        ("code", case.code.slug().into()),
    ]);
    tell_retry(case, &mut error);
    object([("error", Value::Object(error))])
}

fn status(service: Service, failure: &Failure) -> u16 {
    let of_service = |simple_chat, jobs| match service {
        Service::SimpleChat => simple_chat,
        Service::Jobs => jobs,
    };
    match failure.code {
        Code::InvalidRequest if faulty_fields(service, failure).is_some() => 422,
        // Seed 001 calls these wrong requests.
        Code::Conflict if names_resource(failure) => of_service(409, 400),
        Code::InsufficientCredits | Code::BudgetExceeded | Code::ModelAccessDenied => 403,
        Code::ModelNotFound => of_service(404, 403),
        Code::ProviderDataPolicy
        | Code::ProviderModelNotFound
        | Code::ProviderAuthenticationFailed
        | Code::ProviderPermissionDenied
        | Code::ProviderQuotaExhausted
        | Code::ProviderError
        | Code::ProviderUnreachable
        | Code::ProviderInvalidResponse
        | Code::ProviderGenerationFailed
        | Code::ProviderTimeout
        | Code::StreamInterrupted
        | Code::RouteSelectionTimeout
        | Code::RemoteGatewayTimeout => 500,
        Code::ProviderOverloaded
        | Code::Overloaded
        | Code::Maintenance
        | Code::CircuitBreakerOpen
        | Code::NoModels
        | Code::NoTargets
        | Code::NoHealthyTargets
        | Code::RouteSelectionFailed
        | Code::RetryLimitExceeded
        | Code::FallbackChainExhausted
        | Code::RemoteGatewayUnavailable => of_service(500, 503),
        code => code.status(),
    }
}

fn text(service: Service, case: &Case<'_>) -> String {
    let fixed = match service {
        Service::SimpleChat => text_of_simple_chat(case),
        Service::Jobs => text_of_jobs(case),
    };
    fixed.unwrap_or_else(|| match case.code {
        Code::BudgetExceeded => with_credit(case.sentence()),
        _ => case.sentence(),
    })
}

/// The sentences of seed 000. It has one for everything that is not the caller's doing.
fn text_of_simple_chat(case: &Case<'_>) -> Option<String> {
    let fixed = match case.code {
        Code::MissingApiKey | Code::InvalidApiKey | Code::ExpiredApiKey => {
            "Invalid or missing API Key"
        }
        Code::InsufficientCredits => "Insufficient credits",
        Code::RateLimitExceeded | Code::ProviderRateLimited => {
            "Too many requests. Please wait before trying again."
        }
        Code::PermissionDenied
        | Code::TeamSuspended
        | Code::TeamPaused
        | Code::ModelAccessDenied
        | Code::ModelNotFound
        | Code::ResourceNotFound
        | Code::UnknownUrl
        | Code::MethodNotAllowed
        | Code::InvalidRequest
        | Code::MalformedJson
        | Code::UnsupportedMediaType
        | Code::RequestTooLarge
        | Code::RequestTimeout
        | Code::Conflict
        | Code::IdempotencyMismatch
        | Code::BudgetExceeded
        // A 400 that speaks of an internal error would send the caller to the wrong door.
        | Code::ContextLengthExceeded
        | Code::ContentFiltered
        | Code::ProviderInvalidRequest => return None,
        Code::ProviderRequestTooLarge
        | Code::ProviderDataPolicy
        | Code::ProviderModelNotFound
        | Code::ProviderAuthenticationFailed
        | Code::ProviderPermissionDenied
        | Code::ProviderQuotaExhausted
        | Code::ProviderOverloaded
        | Code::ProviderError
        | Code::ProviderUnreachable
        | Code::ProviderInvalidResponse
        | Code::ProviderGenerationFailed
        | Code::ProviderTimeout
        | Code::StreamInterrupted
        | Code::NoModels
        | Code::NoTargets
        | Code::NoHealthyTargets
        | Code::CircuitBreakerOpen
        | Code::RouteSelectionFailed
        | Code::RouteSelectionTimeout
        | Code::RetryLimitExceeded
        | Code::FallbackChainExhausted
        | Code::RemoteGatewayUnavailable
        | Code::RemoteGatewayTimeout
        | Code::Overloaded
        | Code::Maintenance
        | Code::DatabaseError
        | Code::InternalError => "Internal server error occurred while processing your request",
    };
    Some(fixed.to_owned())
}

/// The sentences of seed 001 and of its server.
fn text_of_jobs(case: &Case<'_>) -> Option<String> {
    let failure = case.failure;
    let fixed = match case.code {
        Code::MissingApiKey | Code::InvalidApiKey | Code::ExpiredApiKey => {
            "Invalid or missing API key"
        }
        // Its clients look for the word "credit" in a 403.
        Code::InsufficientCredits => "Team suspended or insufficient credits",
        Code::TeamSuspended => "Team access suspended - contact support",
        Code::TeamPaused => "Team access is paused. Please contact support.",
        Code::ModelAccessDenied => return Some(closed_model(failure)),
        Code::ModelNotFound => return Some(unresolved_model(failure)),
        Code::PermissionDenied => return foreign_team(failure),
        Code::ResourceNotFound if is_of_job(failure) => "Job not found",
        Code::InvalidRequest if is_of_messages(&failure.fields) => "Invalid message format",
        Code::RateLimitExceeded | Code::ProviderRateLimited => "Rate limit exceeded",
        Code::DatabaseError | Code::InternalError => "Internal server error",
        Code::NoModels
        | Code::NoTargets
        | Code::NoHealthyTargets
        | Code::CircuitBreakerOpen
        | Code::RouteSelectionFailed
        | Code::RouteSelectionTimeout
        | Code::RetryLimitExceeded
        | Code::FallbackChainExhausted
        | Code::RemoteGatewayUnavailable
        | Code::RemoteGatewayTimeout
        | Code::Overloaded
        | Code::Maintenance => "Service temporarily unavailable",
        code if code.is_of_provider() => {
            return Some(format!("LLM call failed: {}", case.sentence()));
        }
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// The words of the jobs service for a model that its resolution does not find: the failure's
/// own, or those for a group that the team does not have.
fn unresolved_model(failure: &Failure) -> String {
    let model = failure.model.as_deref().unwrap_or_default();
    match (&failure.message, sentence::text(failure, detail::TEAM_ID)) {
        (Some(own), _) if !own.trim().is_empty() => own.clone(),
        (_, Some(team)) if !model.is_empty() => {
            format!("Team '{team}' does not have access to model group '{model}'")
        }
        _ => "Team does not have access to the requested model".to_owned(),
    }
}

fn foreign_team(failure: &Failure) -> Option<String> {
    let team = sentence::text(failure, detail::TEAM_ID)?;
    Some(format!("API key does not belong to team '{team}'"))
}

/// Callers recognise missing money by the word "credit" in a 403.
fn with_credit(sentence: String) -> String {
    if sentence.to_lowercase().contains("credit") {
        sentence
    } else {
        format!("Out of credit: {sentence}")
    }
}

fn names_resource(failure: &Failure) -> bool {
    sentence::text(failure, detail::RESOURCE).is_some()
}

/// A model that a team was not given: an alias whose access groups it has not.
fn closed_model(failure: &Failure) -> String {
    let team = sentence::text(failure, detail::TEAM_ID);
    match (team, failure.model.as_deref()) {
        (Some(team), Some(model)) => {
            format!("Team '{team}' does not have access to model alias '{model}'")
        }
        _ => "Team does not have access to the requested model".to_owned(),
    }
}

fn is_of_job(failure: &Failure) -> bool {
    sentence::text(failure, detail::RESOURCE) == Some(detail::JOB)
}

/// The fields to list, if the answer is a list.
fn faulty_fields(service: Service, failure: &Failure) -> Option<&[FieldProblem]> {
    let fields = failure.fields.as_slice();
    let as_text = match service {
        Service::SimpleChat => fields.is_empty(),
        Service::Jobs => fields.is_empty() || is_of_messages(fields),
    };
    (failure.code == Code::InvalidRequest && !as_text).then_some(fields)
}

/// Whether all that is wrong is the structure of the list of messages, which the jobs service
/// answers with 400. That the list is missing or no list at all is a matter of its field.
fn is_of_messages(fields: &[FieldProblem]) -> bool {
    let structure = |field: &FieldProblem| match field.path.strip_prefix("messages") {
        Some("") => field.kind != "missing" && !field.kind.ends_with("_type"),
        Some(inside) => inside.starts_with(['[', '.']),
        None => false,
    };
    !fields.is_empty() && fields.iter().all(structure)
}

fn field(problem: &FieldProblem) -> Value {
    let (message, kind) = match problem.kind {
        "missing" => ("field required", "value_error.missing"),
        kind => (problem.message.as_str(), of_first_pydantic(kind)),
    };
    Value::Object(object([
        ("loc", location(&problem.path)),
        ("msg", message.into()),
        ("type", kind.into()),
    ]))
}

/// The seed shows the kinds of pydantic's first version; ours are those of the second.
fn of_first_pydantic(kind: &'static str) -> &'static str {
    match kind {
        "string_type" => "type_error.str",
        "int_type" => "type_error.integer",
        "float_type" => "type_error.float",
        "bool_type" => "type_error.bool",
        "list_type" => "type_error.list",
        "dict_type" => "type_error.dict",
        "too_short" => "value_error.list.min_items",
        "string_too_short" => "value_error.any_str.min_length",
        "string_too_long" => "value_error.any_str.max_length",
        "greater_than_equal" => "value_error.number.not_ge",
        "less_than_equal" => "value_error.number.not_le",
        other => other,
    }
}

/// What the addresses of seed 001 take in their query. No body has a member of such a name.
const IN_QUERIES: [&str; 6] = [
    "period",
    "limit",
    "offset",
    "page",
    "page_size",
    "credits_needed",
];

/// `messages[0].role` as `["body", "messages", 0, "role"]`. No member of a body begins as our
/// headers do.
fn location(path: &str) -> Value {
    let whole = if path.starts_with("x-tollgate-") {
        "header"
    } else if IN_QUERIES.contains(&path) {
        "query"
    } else {
        "body"
    };
    let steps = path
        .split(['.', '['])
        .map(|step| match step.strip_suffix(']') {
            Some(index) => index
                .parse::<u64>()
                .map_or_else(|_| index.into(), Value::from),
            None => step.into(),
        });
    [Value::from(whole)]
        .into_iter()
        .chain(steps.filter(|step| step != ""))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_list_of_its_steps() {
        for (path, expected) in [
            ("messages", r#"["body","messages"]"#),
            ("messages[0].role", r#"["body","messages",0,"role"]"#),
            ("a.b[12][3]", r#"["body","a","b",12,3]"#),
            ("", r#"["body"]"#),
            ("x-tollgate-tags", r#"["header","x-tollgate-tags"]"#),
            ("page_size", r#"["query","page_size"]"#),
            ("budgets[0].period", r#"["body","budgets",0,"period"]"#),
        ] {
            assert_eq!(location(path).to_string(), expected);
        }
    }

    #[test]
    fn only_what_is_wrong_inside_the_list_of_messages_is_its_structure() {
        let problem = |path: &str, kind| FieldProblem {
            path: path.to_owned(),
            message: "It is wrong.".to_owned(),
            kind,
        };
        for (fields, expected) in [
            (vec![], false),
            (vec![problem("messages", "missing")], false),
            (vec![problem("messages", "list_type")], false),
            (vec![problem("messages", "too_short")], true),
            (vec![problem("messages[0].role", "missing")], true),
            (vec![problem("messages[0]", "dict_type")], true),
            (vec![problem("messages_total", "missing")], false),
            (
                vec![
                    problem("messages[0].role", "missing"),
                    problem("model", "missing"),
                ],
                false,
            ),
        ] {
            assert_eq!(is_of_messages(&fields), expected, "{fields:?}");
        }
    }
}
