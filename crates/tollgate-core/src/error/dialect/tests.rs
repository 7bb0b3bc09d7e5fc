//! Every code in every dialect.

mod seeds;

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::error::catalog::Retry;
use crate::error::detail as name;
use crate::error::document::{context, example};
use crate::error::failure::Detail;
use crate::error::{AttemptRecord, FieldProblem};

const URL: &str = "https://llm.example.com";

fn parse(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {body}"))
}

/// The form of streams in which the dialect is at home.
fn own_form(dialect: Dialect) -> StreamForm {
    match dialect {
        Dialect::Anthropic => StreamForm::Messages,
        Dialect::Gemini => StreamForm::Gemini,
        _ => StreamForm::Chunks,
    }
}

fn header<'a>(rendered: &'a Rendered, name: &str) -> Option<&'a str> {
    rendered
        .headers
        .iter()
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.as_str())
}

fn text(text: &str) -> Detail {
    Detail::Text(text.to_owned())
}

fn field(path: &str, message: &str, kind: &'static str) -> FieldProblem {
    FieldProblem {
        path: path.to_owned(),
        message: message.to_owned(),
        kind,
    }
}

/// A failure with something in every field.
fn crowded(code: Code) -> Failure {
    let mut failure = example(code)
        .message("An own sentence.")
        .model("some/model")
        .field(field("messages[0].role", "It is required.", "missing"))
        .because("CANARY of the cause");
    failure.provider_status = Some(418);
    failure.provider_code = Some("teapot".to_owned());
    failure.provider_text = Some("I am a teapot.".to_owned());
    failure
}

#[test]
fn every_code_renders_in_every_dialect() {
    for dialect in Dialect::ALL {
        let mut page = String::new();
        for &code in Code::ALL {
            let failure = example(code);
            let rendered = dialect.render(&failure, &context(URL));
            write!(page, "# {}\n{}", code.slug(), rendered.status).unwrap();
            for (name, value) in &rendered.headers {
                write!(page, " | {name}: {value}").unwrap();
            }
            let event = dialect.event(&failure, own_form(*dialect), &context(URL));
            writeln!(page, "\n{}\n{event}", rendered.body).unwrap();
        }
        let name = format!("{dialect:?}").to_lowercase();
        insta::assert_snapshot!(name, page);
    }
}

#[test]
fn every_answer_keeps_the_contract() {
    for &dialect in Dialect::ALL {
        for &code in Code::ALL {
            for failure in [example(code), crowded(code), Failure::client(code)] {
                let place = format!("{} in {dialect:?}", code.slug());
                let rendered = dialect.render(&failure, &context(URL));
                let body = parse(&rendered.body);
                assert!(!message_of(&body).trim().is_empty(), "{place}: {body}");
                assert!(!rendered.body.contains("CANARY"), "{place} tells its cause");
                assert!(rendered.status >= 400, "{place}");
                keeps_the_contract_of_headers(&rendered, &place);

                let event = dialect.event(&failure, own_form(dialect), &context(URL));
                assert!(
                    !event.contains("CANARY"),
                    "{place} tells its cause in a stream"
                );
                keeps_the_contract_of_events(dialect, &event, &rendered, &place);
            }
        }
    }
}

fn message_of(body: &Value) -> String {
    let error = &body["error"];
    let found = [
        &error["message"],
        &body["detail"],
        &body["detail"][0]["msg"],
    ];
    found
        .iter()
        .find_map(|value| value.as_str())
        .unwrap_or_default()
        .to_owned()
}

fn keeps_the_contract_of_headers(rendered: &Rendered, place: &str) {
    let code = header(rendered, "x-tollgate-error-code").unwrap();
    assert!(Code::from_slug(code).is_some(), "{place}: {code}");
    let wait = header(rendered, "retry-after").map(|text| text.parse::<u64>().unwrap());
    let wait_ms = header(rendered, "retry-after-ms").map(|text| text.parse::<u64>().unwrap());
    match header(rendered, "x-should-retry").unwrap() {
        "true" => {
            let (wait, wait_ms) = (wait.unwrap(), wait_ms.unwrap());
            assert!((1..=120).contains(&wait), "{place}: {wait}");
            assert_eq!(wait, wait_ms.div_ceil(1000), "{place}");
        }
        "false" => assert_eq!((wait, wait_ms), (None, None), "{place}"),
        other => panic!("{place}: {other}"),
    }
}

fn keeps_the_contract_of_events(dialect: Dialect, event: &str, whole: &Rendered, place: &str) {
    let prefix = match dialect {
        Dialect::Anthropic => "event: error\ndata: ",
        _ => "data: ",
    };
    let data = event
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_suffix("\n\n"))
        .unwrap();
    assert!(!data.contains('\n'), "{place}: {event}");
    let data = parse(data);
    let error = match dialect {
        Dialect::Anthropic => &data["error"]["details"],
        _ => &data["error"],
    };
    let retryable = header(whole, "x-should-retry").unwrap() == "true";
    assert_eq!(error["retryable"], retryable, "{place}: {event}");
    let wait = header(whole, "retry-after").map(|text| text.parse::<u64>().unwrap());
    assert_eq!(error["retry_after"].as_u64(), wait, "{place}: {event}");
    assert!(!message_of(&data).is_empty(), "{place}: {event}");
}

#[test]
fn clients_that_retry_by_status_leave_permanent_failures_alone() {
    for &code in Code::ALL {
        let permanent = matches!(code.retry(), Retry::Never | Retry::Elsewhere);
        let retried = matches!(code.status(), 408 | 409 | 429 | 500..);
        // The table's own exceptions: a conflict is one, and where the gateway's side is not
        // set up right, no 4xx would be true. `x-should-retry: false` goes with all of them.
        let excepted = matches!(
            code,
            Code::Conflict
                | Code::NoTargets
                | Code::ProviderAuthenticationFailed
                | Code::ProviderPermissionDenied
                | Code::ProviderQuotaExhausted
        );
        assert_eq!(permanent && retried, excepted, "{}", code.slug());
    }
}

#[test]
fn a_hidden_model_looks_like_one_that_does_not_exist() {
    for &dialect in Dialect::ALL {
        let hidden = dialect.render(&crowded(Code::ModelAccessDenied), &context(URL));
        let missing = dialect.render(&crowded(Code::ModelNotFound), &context(URL));
        match dialect {
            Dialect::DetailSimple => {
                assert_eq!((hidden.status, missing.status), (403, 404));
                assert_eq!(hidden.body, missing.body);
            }
            Dialect::DetailJobs => assert_eq!((hidden.status, missing.status), (403, 403)),
            _ => {
                assert_eq!(hidden, missing, "{dialect:?}");
                let bare = Failure::client(Code::ModelNotFound).model("some/model");
                assert_eq!(hidden, dialect.render(&bare, &context(URL)), "{dialect:?}");
            }
        }
    }
}

#[test]
fn claude_code_is_stopped_at_spent_money_by_its_own_contract() {
    let told = Context {
        claude_code: true,
        ..context(URL)
    };
    for code in [Code::InsufficientCredits, Code::BudgetExceeded] {
        let rendered = Dialect::Anthropic.render(&example(code), &told);
        assert_eq!(rendered.status, 429);
        assert_eq!(header(&rendered, "x-should-retry"), Some("false"));
        assert_eq!(parse(&rendered.body)["error"]["type"], "billing_error");
        assert_eq!(
            Dialect::Anthropic
                .render(&example(code), &context(URL))
                .status,
            402
        );
        assert_eq!(Dialect::OpenAi.render(&example(code), &told).status, 402);
    }
}

#[test]
fn a_long_wait_is_told_as_a_time_of_reset() {
    let failure = Failure::client(Code::RateLimitExceeded).retry_after(Duration::from_hours(1));
    for &dialect in Dialect::ALL {
        let rendered = dialect.render(&failure, &context(URL));
        assert_eq!(
            header(&rendered, "x-should-retry"),
            Some("false"),
            "{dialect:?}"
        );
        let told = rendered.body.contains("2026-11-21T11:00:00Z");
        let strings_only = matches!(dialect, Dialect::DetailSimple | Dialect::DetailJobs);
        assert_eq!(told, !strings_only, "{dialect:?}: {}", rendered.body);
    }
    let gemini = parse(&Dialect::Gemini.render(&failure, &context(URL)).body);
    assert_eq!(gemini["error"]["details"][1]["retryDelay"], "3600s");
}

#[test]
fn missing_money_is_always_told_with_the_word_credit() {
    let plain = Failure::client(Code::BudgetExceeded).message("The budget is spent.");
    for failure in [
        plain,
        example(Code::BudgetExceeded),
        Failure::client(Code::BudgetExceeded),
    ] {
        for dialect in [Dialect::DetailSimple, Dialect::DetailJobs] {
            let rendered = dialect.render(&failure, &context(URL));
            assert_eq!(rendered.status, 403);
            assert!(
                rendered.body.to_lowercase().contains("credit"),
                "{}",
                rendered.body
            );
        }
    }
}

#[test]
fn what_a_printed_sentence_leaves_out_stands_in_the_details() {
    let failure = Failure::client(Code::InvalidApiKey)
        .message("This key is for test deployments.")
        .detail("prefix", text("sk-tg-test-"));
    for dialect in [Dialect::OpenAi, Dialect::LangMart] {
        let body = parse(&dialect.render(&failure, &context(URL)).body);
        let details = &body["error"]["details"];
        assert_eq!(
            details["explanation"], "This key is for test deployments.",
            "{dialect:?}"
        );
        assert_eq!(details["prefix"], "sk-tg-test-", "{dialect:?}");
    }
    let anthropic = parse(&Dialect::Anthropic.render(&failure, &context(URL)).body);
    assert_eq!(
        anthropic["error"]["message"],
        "This key is for test deployments."
    );
}

#[test]
fn every_field_at_fault_is_named() {
    let mut failure = Failure::client(Code::InvalidRequest);
    for index in 0..7 {
        let path = format!("messages[{index}].role");
        failure = failure.field(field(&path, "It is required.", "missing"));
    }
    let openai = parse(&Dialect::OpenAi.render(&failure, &context(URL)).body);
    assert_eq!(openai["error"]["param"], "messages[0].role");
    assert_eq!(
        openai["error"]["details"]["fields"]
            .as_array()
            .unwrap()
            .len(),
        7
    );
    let message = openai["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("`messages[0].role`: It is required. `messages[1]"),
        "{message}"
    );
    assert!(
        message.ends_with("`messages[4].role`: It is required. and 2 more."),
        "{message}"
    );
    let gemini = parse(&Dialect::Gemini.render(&failure, &context(URL)).body);
    let violations = &gemini["error"]["details"][1]["fieldViolations"];
    assert_eq!(violations.as_array().unwrap().len(), 7);
}

#[test]
fn the_attempts_are_listed_without_anything_secret() {
    let rendered = Dialect::OpenAi.render(&example(Code::RouteSelectionFailed), &context(URL));
    let body = parse(&rendered.body);
    let expected = json!([
        {"connection": "openai-main", "model": "gpt-4o", "code": "provider_error", "status": 500,
         "duration_ms": 312},
        {"connection": "openai-main", "model": "gpt-4o", "code": "provider_unreachable",
         "status": null, "duration_ms": 5000},
    ]);
    assert_eq!(body["error"]["attempts"], expected);
    assert_eq!(body["error"]["details"]["attempts"], expected);
    let of =
        |dialect: Dialect, failure: &Failure| parse(&dialect.render(failure, &context(URL)).body);
    let mut failure = example(Code::RouteSelectionFailed);
    for (dialect, place) in [
        (Dialect::LangMart, "/error/details/attempts"),
        (Dialect::Anthropic, "/error/details/attempts"),
        (Dialect::Problem, "/details/attempts"),
    ] {
        let body = of(dialect, &failure);
        assert_eq!(body.pointer(place), Some(&expected), "{dialect:?}");
    }
    assert_eq!(
        of(Dialect::Gemini, &failure)["error"]["details"][0]["metadata"]["attempts"],
        "openai-main/gpt-4o;code=provider_error;status=500;ms=312, \
         openai-main/gpt-4o;code=provider_unreachable;ms=5000"
    );
    // Where a model has to look as if it did not exist, nobody was asked for it.
    failure.code = Code::ModelAccessDenied;
    for &dialect in Dialect::ALL {
        let body = dialect.render(&failure, &context(URL)).body;
        assert!(!body.contains("openai-main"), "{dialect:?}: {body}");
    }
}

#[test]
fn an_attempt_that_was_given_up_does_not_look_like_one_that_went_well() {
    let mut failure = example(Code::RouteSelectionFailed);
    let given_up = &mut failure.attempts[1];
    (given_up.code, given_up.cancelled) = (None, true);
    for (dialect, told) in [
        (Dialect::OpenAi, "\"cancelled\":true"),
        (Dialect::LangMart, "\"cancelled\":true"),
        (Dialect::Anthropic, "\"cancelled\":true"),
        (Dialect::Problem, "\"cancelled\":true"),
        (Dialect::Gemini, "code=cancelled"),
    ] {
        let body = dialect.render(&failure, &context(URL)).body;
        assert!(body.contains(told), "{dialect:?}: {body}");
    }
}

#[test]
fn a_provider_is_quoted_except_about_the_gateways_credential() {
    let quoted = "maximum context length";
    let mut failure = Failure::provider(Code::ContextLengthExceeded, "openai");
    failure.provider_text = Some(format!("The {quoted} is 8192 tokens."));
    for &dialect in Dialect::ALL {
        let body = dialect.render(&failure, &context(URL)).body;
        assert!(body.contains(quoted), "{dialect:?}: {body}");
    }
    failure.code = Code::ProviderAuthenticationFailed;
    for &dialect in Dialect::ALL {
        let body = dialect.render(&failure, &context(URL)).body;
        assert!(!body.contains(quoted), "{dialect:?}: {body}");
    }
}

#[test]
fn a_models_name_is_not_taken_for_a_place_to_fill() {
    let failure = Failure::provider(Code::ProviderModelNotFound, "openai").model("{provider}");
    let body = parse(&Dialect::OpenAi.render(&failure, &context(URL)).body);
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("OpenAI does not know"), "{message}");
    assert!(message.contains("configured for {provider}."), "{message}");
}

#[test]
fn jobs_speak_of_teams_and_models_as_their_server_does() {
    let model = || Failure::client(Code::ModelNotFound).model("gpt-9");
    let team = || text("acme");
    for (failure, status, detail) in [
        (
            model().detail(name::TEAM_ID, team()),
            403,
            "Team 'acme' does not have access to model group 'gpt-9'",
        ),
        (
            model(),
            403,
            "Team does not have access to the requested model",
        ),
        (
            model().message("No active models configured for group 'gpt-9'"),
            403,
            "No active models configured for group 'gpt-9'",
        ),
        (
            Failure::client(Code::PermissionDenied).detail(name::TEAM_ID, team()),
            403,
            "API key does not belong to team 'acme'",
        ),
        (
            Failure::client(Code::Conflict)
                .message("Job is already completed")
                .detail(name::RESOURCE, text(name::JOB)),
            400,
            "Job is already completed",
        ),
        (
            Failure::client(Code::Conflict).message("Team 'acme' already exists"),
            409,
            "Team 'acme' already exists",
        ),
    ] {
        let rendered = Dialect::DetailJobs.render(&failure, &context(URL));
        assert_eq!(parse(&rendered.body), json!({"detail": detail}));
        assert_eq!(rendered.status, status, "{detail}");
    }
}

#[test]
fn only_complaints_about_the_request_pass_through_and_only_in_the_providers_own_dialect() {
    for (format, own) in [
        (Format::OpenAi, Some(Dialect::OpenAi)),
        (Format::Completions, Some(Dialect::OpenAi)),
        (Format::Responses, Some(Dialect::OpenAi)),
        (Format::Anthropic, Some(Dialect::Anthropic)),
        (Format::Gemini, Some(Dialect::Gemini)),
        (Format::Bedrock, None),
        (Format::Cohere, None),
        (Format::Ollama, None),
    ] {
        for &code in Code::ALL {
            pass_through_by_request_only(format, own, code);
        }
    }
}

fn pass_through_by_request_only(format: Format, own: Option<Dialect>, code: Code) {
    let mut failure = Failure::provider(code, "openai");
    for &dialect in Dialect::ALL {
        let passed = dialect.passes_through(&failure);
        assert!(passed.is_none(), "nothing to pass");
    }
    let by_request = matches!(
        code,
        Code::ContextLengthExceeded
            | Code::ContentFiltered
            | Code::ProviderInvalidRequest
            | Code::ProviderRequestTooLarge
    );
    for status in [200, 400, 422, 499, 500] {
        failure.passthrough = Some(ProviderAnswer {
            format,
            status,
            content_type: None,
            body: Bytes::from_static(b"{}"),
        });
        for &dialect in Dialect::ALL {
            assert_eq!(
                dialect.passes_through(&failure).is_some(),
                by_request && own == Some(dialect) && (400..500).contains(&status),
                "{code:?} {format:?} {dialect:?} {status}"
            );
        }
    }
}

#[test]
fn a_status_of_success_explains_no_failure() {
    let mut failure = Failure::provider(Code::ProviderError, "openai");
    for (status, told) in [(200, false), (206, false), (302, true), (500, true)] {
        failure.provider_status = Some(status);
        let body = Dialect::OpenAi.render(&failure, &context(URL)).body;
        assert_eq!(body.contains("provider_status"), told, "{body}");
    }
}

#[test]
fn an_attempt_that_was_followed_by_another_is_not_worth_a_third_by_the_client() {
    let attempt = || AttemptRecord {
        connection: "a".into(),
        model: "b".into(),
        cancelled: false,
        code: Some(Code::ProviderError),
        status: Some(500),
        duration: Duration::ZERO,
        lost: None,
    };
    let mut failure = Failure::provider(Code::ProviderError, "openai");
    failure.attempts = vec![attempt()];
    let once = Dialect::OpenAi.render(&failure, &context(URL));
    assert_eq!(header(&once, "x-should-retry"), Some("true"));
    failure.attempts.push(attempt());
    let twice = Dialect::OpenAi.render(&failure, &context(URL));
    assert_eq!(header(&twice, "x-should-retry"), Some("false"));
}

#[test]
fn names_of_dialects_are_read_back() {
    for &dialect in Dialect::ALL {
        let read = match dialect {
            Dialect::DetailSimple => Dialect::DetailJobs,
            other => other,
        };
        assert_eq!(Dialect::from_name(dialect.name()), Some(read));
    }
    assert_eq!(Dialect::from_name("OpenAI"), None);
}
