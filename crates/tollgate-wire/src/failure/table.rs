//! The rules in the order in which they are tried: a provider's own signals, the end of an answer
//! that is none, names that mean one thing, the names of the great clouds, phrases, names that mean
//! little alone, and at last the status.

mod account;
mod cloud;
mod ending;
mod exact;
mod family;
mod phrases;
mod prompt;
mod server;
mod vague;

use tollgate_core::error::Code;

use super::reading::Form;
use super::rule::Evidence;

/// What happened, by the first rule that holds.
pub(super) fn verdict(evidence: &Evidence<'_>, provider: &str) -> Code {
    let lists = [
        family::rules(provider),
        ending::RULES,
        exact::RULES,
        cloud::RULES,
        prompt::RULES,
        server::RULES,
        account::RULES,
        phrases::RULES,
        vague::RULES,
    ];
    let mut rules = lists.into_iter().flatten();
    // A page's words come from a proxy and are the same for many causes; its status is not.
    if let (Form::Page, Some(status)) = (evidence.reading.form, evidence.status) {
        return family::page(provider, status).unwrap_or_else(|| by_status(evidence));
    }
    let held = rules.find(|rule| rule.holds(evidence));
    held.map_or_else(|| by_status(evidence), |rule| rule.code)
}

/// What is left when nothing else is known.
fn by_status(evidence: &Evidence<'_>) -> Code {
    let reading = evidence.reading;
    let Some(status) = evidence.status else {
        // No error status anywhere: an error was named, or this was no answer at all.
        let is_error =
            matches!(reading.form, Form::Json | Form::CutJson) && !reading.said.is_empty();
        return if is_error {
            Code::ProviderError
        } else {
            Code::ProviderInvalidResponse
        };
    };
    match status {
        401 | 407 | 498 => Code::ProviderAuthenticationFailed,
        402 => Code::ProviderQuotaExhausted,
        403 | 451 => Code::ProviderPermissionDenied,
        404 | 410 => Code::ProviderModelNotFound,
        // 499: the one who asked has gone, in the words of nginx and Ollama.
        408 | 499 | 504 | 524 | 598 | 599 => Code::ProviderTimeout,
        413 | 414 | 431 => Code::ProviderRequestTooLarge,
        // States of the server that pass: conflict, locked, failed dependency, too early.
        409 | 423 | 424 | 425 => Code::ProviderError,
        429 => Code::ProviderRateLimited,
        529 => Code::ProviderOverloaded,
        // 501: the server will never do this, whoever asks again.
        501 | 400..=499 => Code::ProviderInvalidRequest,
        500..=599 => Code::ProviderError,
        // A redirect leads elsewhere with our credential, so it is never followed.
        _ => Code::ProviderInvalidResponse,
    }
}
