//! The sentence that tells a failure, in our own words. Dialects whose documents print a sentence
//! of their own use that one instead.

use std::borrow::Cow;

use super::provider;
use crate::error::catalog::Code;
use crate::error::detail;
use crate::error::failure::{Detail, Failure};

/// So many fields at fault are named in a message; the details name them all.
const FIELDS_NAMED: usize = 5;

/// The whole sentence: the failure's own or the table's with names and figures filled in, and
/// what the provider said. Never empty.
pub(super) fn whole(failure: &Failure) -> String {
    let lead = own(failure).map_or_else(|| by_table(failure), str::to_owned);
    match provider_text(failure) {
        Some(text) if tells_provider_text(failure.code) && !lead.contains(text) => {
            format!("{lead} The provider's message: {text}")
        }
        _ => lead,
    }
}

/// What stands beside a printed sentence that says less than ours, if it does.
pub(super) fn explanation(failure: &Failure, printed: &str) -> Option<String> {
    match own(failure) {
        Some(own) => (!printed.contains(own)).then(|| own.to_owned()),
        // What our sentence adds to one that it begins with are figures, and those have places of
        // their own.
        None => Some(by_table(failure))
            .filter(|ours| !printed.contains(ours) && !ours.starts_with(printed)),
    }
}

/// The failure's own sentence.
fn own(failure: &Failure) -> Option<&str> {
    // Whether a model exists must not show, so these rows always read alike.
    let own = failure
        .message
        .as_deref()
        .filter(|_| !is_of_missing_model(failure.code));
    own.map(str::trim).filter(|own| !own.is_empty())
}

/// The sentence for a model that is not there, or must look so.
pub(super) fn model_not_found(failure: &Failure) -> String {
    match failure.model.as_deref() {
        Some(model) if !model.is_empty() => Code::ModelNotFound.message().replace("{model}", model),
        _ => "Model not found".to_owned(),
    }
}

/// The sentence for missing credits with both figures, as far as they are known.
pub(super) fn insufficient_credits(failure: &Failure) -> String {
    let required = text(failure, detail::MINIMUM_USD).or(text(failure, detail::NEEDED_USD));
    match (text(failure, detail::BALANCE_USD), required) {
        (Some(balance), Some(required)) => format!(
            "Insufficient credits. Your balance (${balance}) is below the minimum required \
             (${required})."
        ),
        _ => Code::InsufficientCredits.message().to_owned(),
    }
}

/// What the provider said, if callers may read it.
pub(super) fn provider_text(failure: &Failure) -> Option<&str> {
    // About the operator's credential a provider tells more than a caller should read, down to
    // parts of the key.
    let private = failure.code == Code::ProviderAuthenticationFailed;
    let said = failure.provider_text.as_deref().map(str::trim);
    said.filter(|said| !private && !said.is_empty())
}

/// The text among the details that has this name.
pub(super) fn text<'a>(failure: &'a Failure, name: &str) -> Option<&'a str> {
    failure
        .details
        .iter()
        .find_map(|(found, value)| match value {
            Detail::Text(text) if *found == name => Some(text.as_str()),
            Detail::Text(_) | Detail::Number(_) => None,
        })
}

/// The number among the details that has this name.
pub(super) fn number(failure: &Failure, name: &str) -> Option<i64> {
    failure
        .details
        .iter()
        .find_map(|(found, value)| match value {
            Detail::Number(number) if *found == name => Some(*number),
            Detail::Text(_) | Detail::Number(_) => None,
        })
}

/// Whether the answer is that the model does not exist, be it true or not.
const fn is_of_missing_model(code: Code) -> bool {
    matches!(code, Code::ModelNotFound | Code::ModelAccessDenied)
}

/// Whether the provider's text goes into the message: not where our sentence says all that the
/// caller can use.
fn tells_provider_text(code: Code) -> bool {
    code.is_of_provider()
        && !matches!(
            code,
            Code::ProviderRequestTooLarge | Code::ProviderDataPolicy
        )
}

fn by_table(failure: &Failure) -> String {
    if is_of_missing_model(failure.code) {
        return model_not_found(failure);
    }
    let special = match failure.code {
        Code::InsufficientCredits => Some(insufficient_credits(failure)),
        Code::BudgetExceeded => budget_exceeded(failure),
        Code::InvalidRequest => fields_at_fault(failure),
        Code::ResourceNotFound => resource_not_found(failure),
        _ => None,
    };
    special.unwrap_or_else(|| fill(failure.code.message(), failure))
}

fn budget_exceeded(failure: &Failure) -> Option<String> {
    let limit = text(failure, detail::LIMIT_USD)?;
    let spent = text(failure, detail::SPENT_USD)?;
    let level = text(failure, detail::LEVEL).unwrap_or("account");
    let reset = match failure.resets_at {
        Some(time) => format!("The limit starts anew at {}.", time.to_rfc3339()),
        None => "Have it raised to go on.".to_owned(),
    };
    Some(format!(
        "The {level} has no credit left under its spending limit: ${spent} of ${limit} are spent. \
         {reset}"
    ))
}

fn fields_at_fault(failure: &Failure) -> Option<String> {
    let fields = &failure.fields;
    let mut named = Vec::with_capacity(FIELDS_NAMED);
    for problem in fields.iter().take(FIELDS_NAMED) {
        named.push(format!("`{}`: {}", problem.path, problem.message));
    }
    let rest = fields.len().saturating_sub(FIELDS_NAMED);
    if rest > 0 {
        named.push(format!("and {rest} more."));
    }
    (!named.is_empty()).then(|| named.join(" "))
}

fn resource_not_found(failure: &Failure) -> Option<String> {
    let resource = text(failure, detail::RESOURCE)?;
    Some(format!("There is no such {resource}. Check its id."))
}

/// Fills names into a sentence of the table.
fn fill(sentence: &str, failure: &Failure) -> String {
    let provider = match (provider::name(failure), sentence.starts_with("{provider}")) {
        (Some(row), true) => provider::display_name(row),
        (Some(row), false) => provider::name_in_sentence(row),
        (None, true) => Cow::Borrowed("The provider"),
        (None, false) => Cow::Borrowed("the provider"),
    };
    let model = failure
        .model
        .as_deref()
        .filter(|model| !model.is_empty())
        .unwrap_or("the model");
    // The model's name comes from the caller and goes in last, so that nothing in it is filled.
    sentence
        .replace("{provider}", &provider)
        .replace("{model}", model)
}
