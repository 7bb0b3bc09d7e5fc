//! Every error of the corpus is understood, and told as the catalogue wants it.

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::error::{Code, Retry};
use tollgate_core::format::Format;

use super::{NOW, answer};
use crate::failure::{ErrorAnswer, classify};
use crate::retry_after::RetryHints;

const CORPUS: &str = include_str!("../../../fixtures/errors.jsonl");

/// Rows that are judged otherwise than their flags say, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "deepseek-blank-lines-then-json",
        "an answer after blank lines, not an error",
    ),
    (
        "ollama-499",
        "the one who asked had gone: the class decides, not the flag",
    ),
    (
        "vllm-nan-logprobs",
        "the server's fault, though asking again will not mend it",
    ),
    (
        "openrouter-429-free-day",
        "the reset is a point in time, so the wait depends on the clock",
    ),
];

/// A page that says less than its provider means by it.
const ONLY_BY_NAME: &str = "vertex-html-404";

/// One error as it was recorded.
pub(super) struct Row(Value);

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    CORPUS
        .lines()
        .map(|line| Row(serde_json::from_str(line).unwrap()))
        .collect()
}

impl Row {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    /// The body or, of a stream, the data of its last event.
    pub(super) fn payload(&self) -> String {
        let body = self.text("body");
        let data = |line: &str| {
            line.strip_prefix("data:")
                .or(line.strip_prefix("error:"))
                .map(str::to_owned)
        };
        let event = body
            .lines()
            .filter_map(data)
            .rfind(|data| data.trim() != "[DONE]");
        event
            .filter(|_| self.0["streaming"] == true)
            .unwrap_or_else(|| body.to_owned())
    }

    fn code(&self) -> Code {
        let retryable = self.0["retryable"] == true;
        match self.text("class") {
            "invalid_request" if retryable => Code::ProviderGenerationFailed,
            "invalid_request" => Code::ProviderInvalidRequest,
            "context_length_exceeded" => Code::ContextLengthExceeded,
            "content_filtered" => Code::ContentFiltered,
            "request_too_large" => Code::ProviderRequestTooLarge,
            "authentication" => Code::ProviderAuthenticationFailed,
            "permission" | "unsupported_region" => Code::ProviderPermissionDenied,
            "rate_limited" if retryable => Code::ProviderRateLimited,
            // A daily limit: waiting a minute does not help.
            "quota_exhausted" | "rate_limited" => Code::ProviderQuotaExhausted,
            "model_not_found" => Code::ProviderModelNotFound,
            "data_policy" => Code::ProviderDataPolicy,
            "overloaded" => Code::ProviderOverloaded,
            "server_error" | "unavailable" => Code::ProviderError,
            "timeout" => Code::ProviderTimeout,
            "malformed_response" => Code::ProviderInvalidResponse,
            class => panic!("unknown class {class}"),
        }
    }

    fn format(&self) -> Format {
        match self.text("provider") {
            "anthropic" => Format::Anthropic,
            "bedrock" => Format::Bedrock,
            "cohere" => Format::Cohere,
            "gemini" | "vertex" => Format::Gemini,
            _ => Format::OpenAi,
        }
    }

    /// What is wrong with our judgement of this row, if the provider goes by this name.
    fn fault(&self, provider: &'static str) -> Option<String> {
        let headers = self.0["headers"].as_object().unwrap();
        let headers = || {
            headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        };
        let body = self.payload();
        let failure = classify(
            &ErrorAnswer {
                format: self.format(),
                error_type: headers()
                    .find(|(name, _)| ["x-amzn-errortype", ":exception-type"].contains(name))
                    .map(|(_, value)| Bytes::copy_from_slice(value.as_bytes())),
                content_type: headers()
                    .find(|(name, _)| *name == "content-type")
                    .map(|(_, value)| Bytes::copy_from_slice(value.as_bytes())),
                hints: RetryHints::from_headers(
                    headers().map(|(name, value)| (name, value.as_bytes())),
                    NOW,
                ),
                ..answer(
                    u16::try_from(self.0["status"].as_u64().unwrap()).unwrap(),
                    body.as_bytes(),
                )
            },
            provider,
        );
        let is_exception = EXCEPTIONS.iter().any(|(id, _)| *id == self.text("id"));
        let helps = matches!(
            failure.code.retry(),
            Retry::Later | Retry::ElsewhereThenLater
        );
        let wait = failure.retry_after.map(|wait| wait.as_secs_f64());
        let is_right = failure.code == self.code()
            && (is_exception
                || (helps == (self.0["retryable"] == true)
                    && is_same_wait(wait, self.0["retry_after_s"].as_f64())));
        (!is_right).then(|| {
            format!(
                "{} as {provider}: {:?}, wait {wait:?}; should be {:?}, wait {}\n    {:?}",
                self.text("id"),
                failure.code,
                self.code(),
                self.0["retry_after_s"],
                failure.provider_text
            )
        })
    }
}

fn is_same_wait(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-6,
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// The name of the provider's row, where its errors are judged by rules of its own.
fn name_of(provider: &str) -> &'static str {
    match provider {
        "anthropic" => "anthropic",
        "bedrock" => "bedrock",
        "cohere" => "cohere",
        "gemini" => "google",
        "groq" => "groq",
        "mistral" => "mistral",
        "vertex" => "vertex",
        _ => "other",
    }
}

#[test]
fn every_error_of_the_corpus_is_understood() {
    let faults: Vec<String> = rows()
        .iter()
        .filter_map(|row| row.fault(name_of(row.text("provider"))))
        .collect();
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        rows().len(),
        faults.join("\n")
    );
}

#[test]
fn every_error_of_the_corpus_is_understood_from_a_provider_without_a_name() {
    let faults: Vec<String> = rows()
        .iter()
        .filter(|row| row.text("id") != ONLY_BY_NAME)
        .filter_map(|row| row.fault("openai-compatible"))
        .collect();
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        rows().len(),
        faults.join("\n")
    );
}

#[test]
fn every_error_of_the_corpus_says_something() {
    for row in rows() {
        let body = row.payload();
        let status = u16::try_from(row.0["status"].as_u64().unwrap()).unwrap();
        let failure = classify(&answer(status, body.as_bytes()), "other");
        let says_nothing = failure.provider_text.is_none() && failure.provider_code.is_none();
        let is_no_answer = failure.code == Code::ProviderInvalidResponse || body.is_empty();
        assert!(!says_nothing || is_no_answer, "{}", row.text("id"));
    }
}
