//! Every dialect in every form of stream.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::error::catalog::Code;
use crate::error::document::{context, example};
use crate::error::failure::StreamMark;
use crate::error::{AttemptRecord, Failure};

const URL: &str = "https://llm.example.com";
const FORMS: [StreamForm; 6] = [
    StreamForm::Chunks,
    StreamForm::Responses,
    StreamForm::Messages,
    StreamForm::Gemini,
    StreamForm::GeminiArray { opened: false },
    StreamForm::GeminiArray { opened: true },
];

/// What a reader of the form finds in the last event, framing taken off as its readers do.
fn read(form: StreamForm, event: &str) -> Value {
    let data = match form {
        StreamForm::Chunks | StreamForm::Gemini => event.strip_prefix("data: "),
        StreamForm::Messages => event.strip_prefix("event: error\ndata: "),
        StreamForm::Responses => event.strip_prefix("event: response.failed\ndata: "),
        StreamForm::GeminiArray { opened } => {
            let before = if opened { "[{}" } else { "" };
            let array: Vec<Value> = serde_json::from_str(&format!("{before}{event}")).unwrap();
            assert_eq!(array.len(), 1 + usize::from(opened), "{event}");
            return array.last().unwrap().clone();
        }
    };
    let data = data.and_then(|rest| rest.strip_suffix("\n\n")).unwrap();
    assert!(!data.contains(['\n', '\r']), "{event}");
    serde_json::from_str(data).unwrap()
}

fn failed(failure: &Failure, dialect: Dialect) -> Value {
    let form = StreamForm::Responses;
    read(form, &dialect.event(failure, form, &context(URL)))
}

#[test]
fn every_reader_can_parse_every_dialect() {
    for &dialect in Dialect::ALL {
        for &code in Code::ALL {
            for form in FORMS {
                let event = dialect.event(&example(code), form, &context(URL));
                let data = read(form, &event);
                let error = match form {
                    StreamForm::Responses => &data["response"]["error"],
                    _ => &data["error"],
                };
                let message = error["message"].as_str().unwrap_or_default();
                assert!(!message.is_empty(), "{dialect:?} {form:?}: {event}");
            }
        }
    }
}

#[test]
fn every_code_ends_a_stream_of_responses() {
    let mut page = String::new();
    for &code in Code::ALL {
        let event = Dialect::OpenAi.event(&example(code), StreamForm::Responses, &context(URL));
        page.push_str(&event);
    }
    insta::assert_snapshot!("responses", page);
}

#[test]
fn a_failed_response_has_the_id_and_the_number_that_the_stream_had() {
    let mut failure = Failure::gateway(Code::StreamInterrupted).model("openai/gpt-4o");
    let data = failed(&failure, Dialect::OpenAi);
    assert_eq!(data["type"], "response.failed");
    assert_eq!(data["response"]["id"], "resp_req_example", "none was told");
    failure.stream = Some(StreamMark {
        response_id: "resp_1".to_owned(),
        sequence: 17,
    });
    let data = failed(&failure, Dialect::OpenAi);
    assert_eq!(data["sequence_number"], 17);
    let response = &data["response"];
    assert_eq!(response["id"], "resp_1");
    assert_eq!(response["object"], "response");
    assert_eq!(response["status"], "failed");
    assert_eq!(response["model"], "openai/gpt-4o");
    assert_eq!(response["output"], json!([]));
    assert_eq!(response["error"]["code"], "stream_interrupted");
    assert_eq!(response["error"]["retryable"], true);
}

#[test]
fn agents_find_the_words_by_which_they_decide_and_our_code_beside_them() {
    for (code, word) in [
        (Code::ContextLengthExceeded, "context_length_exceeded"),
        (Code::ProviderQuotaExhausted, "insufficient_quota"),
        (Code::InsufficientCredits, "insufficient_quota"),
        (Code::BudgetExceeded, "insufficient_quota"),
        (Code::ProviderRateLimited, "rate_limit_exceeded"),
        (Code::RateLimitExceeded, "rate_limit_exceeded"),
        (Code::ProviderOverloaded, "provider_overloaded"),
    ] {
        let error = failed(&example(code), Dialect::OpenAi)["response"]["error"].clone();
        assert_eq!(error["code"], word);
        assert_eq!(error["error_code"], code.slug());
        // Agents read it as an integer, and would drop the whole object otherwise.
        assert!(error["resets_at"].is_null(), "{error}");
    }
    let langmart = failed(&example(Code::ProviderRateLimited), Dialect::LangMart);
    let error = &langmart["response"]["error"];
    assert_eq!(error["code"], "rate_limit_exceeded");
    assert_eq!(error["error_code"], "PROVIDER_OPENAI_429");
}

#[test]
fn a_known_wait_stands_in_the_message_of_a_rate_limit_once() {
    let message = |failure: &Failure| {
        let data = failed(failure, Dialect::OpenAi);
        let message = data["response"]["error"]["message"].as_str();
        message.unwrap().to_owned()
    };
    let limited = || Failure::provider(Code::ProviderRateLimited, "openai");
    let wait = Duration::from_millis(11_200);
    let told = message(&limited().retry_after(wait).message("Too fast."));
    assert_eq!(told, "Too fast. Please try again in 12s.");
    let own = limited()
        .retry_after(wait)
        .message("Limit reached. Please try again in 11.2s.");
    assert_eq!(message(&own), "Limit reached. Please try again in 11.2s.");
    let long = limited().retry_after(Duration::from_hours(1));
    assert!(
        !message(&long).contains("try again in"),
        "nobody sleeps so long"
    );
    let other = Failure::provider(Code::ProviderOverloaded, "openai").retry_after(wait);
    assert!(!message(&other).contains("try again in"));
}

#[test]
fn what_several_attempts_met_is_told_in_streams_too() {
    let mut failure = example(Code::StreamInterrupted);
    failure.attempts = vec![AttemptRecord {
        connection: "a".into(),
        model: "b".into(),
        cancelled: false,
        code: Some(Code::StreamInterrupted),
        status: None,
        duration: Duration::ZERO,
        lost: None,
    }];
    let data = failed(&failure, Dialect::OpenAi);
    let attempts = &data["response"]["error"]["attempts"];
    assert_eq!(attempts[0]["connection"], "a");
}

#[test]
fn who_asks_for_problem_details_reads_the_streams_of_the_surface() {
    let failure = example(Code::ProviderOverloaded);
    for form in FORMS {
        assert_eq!(
            Dialect::Problem.event(&failure, form, &context(URL)),
            form.native().event(&failure, form, &context(URL)),
        );
    }
}

#[test]
fn only_streams_of_gemini_can_be_arrays() {
    for array in [false, true] {
        for (format, form) in [
            (Format::OpenAi, StreamForm::Chunks),
            (Format::Completions, StreamForm::Chunks),
            (Format::Responses, StreamForm::Responses),
            (Format::Anthropic, StreamForm::Messages),
        ] {
            assert_eq!(StreamForm::of(format, array), form);
        }
    }
    let array = StreamForm::GeminiArray { opened: false };
    assert_eq!(StreamForm::of(Format::Gemini, true), array);
    assert_eq!(StreamForm::of(Format::Gemini, false), StreamForm::Gemini);
}
