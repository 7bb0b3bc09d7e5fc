mod corpus;
mod providers;
mod variations;

use super::*;

/// 2026-11-21T10:00:00Z.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

/// An answer with this status and body, without headers.
pub(super) fn answer(status: u16, body: &[u8]) -> ErrorAnswer<'static> {
    ErrorAnswer {
        format: Format::OpenAi,
        error_type: None,
        status,
        content_type: Some(Bytes::from_static(b"application/json")),
        body: Bytes::copy_from_slice(body),
        complete: true,
        hints: RetryHints::default(),
        now: NOW,
        credential: None,
    }
}

#[test]
fn what_is_known_of_the_error_is_kept() {
    let body = br#"{"error":{"message":"Rate limit reached for x in organization org-AbC123def on tokens per min (TPM). Please try again in 1.574s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#;
    let failure = classify(&answer(429, body), "openai");
    assert_eq!(failure.code, Code::ProviderRateLimited);
    assert_eq!(failure.provider_status, Some(429));
    assert_eq!(
        failure.provider_code.as_deref(),
        Some("rate_limit_exceeded")
    );
    assert_eq!(failure.retry_after, Some(Duration::from_millis(1574)));
    assert_eq!(failure.resets_at, None);
    let text = failure.provider_text.as_deref().unwrap();
    assert!(
        text.starts_with("Rate limit reached for x in organization [redacted] on"),
        "{text}"
    );
    assert!(failure.passthrough.is_none());
}

#[test]
fn a_long_wait_is_given_with_its_end() {
    let mut answer = answer(429, b"");
    answer.hints.retry_after = Some(Duration::from_mins(10));
    let failure = classify(&answer, "openai");
    assert_eq!(failure.code, Code::ProviderRateLimited);
    assert_eq!(failure.resets_at, Some(NOW.after(Duration::from_mins(10))));
}

#[test]
fn reset_headers_count_only_for_rate_limits() {
    let mut answer = answer(429, b"{}");
    answer.hints.reset = Some(Duration::from_secs(9));
    assert_eq!(
        classify(&answer, "openai").retry_after,
        Some(Duration::from_secs(9))
    );
    answer.status = 503;
    assert_eq!(classify(&answer, "openai").retry_after, None);
    answer.hints.retry_after = Some(Duration::from_secs(2));
    assert_eq!(
        classify(&answer, "openai").retry_after,
        Some(Duration::from_secs(2))
    );
    answer.status = 401;
    assert_eq!(classify(&answer, "openai").retry_after, None);
}

#[test]
fn a_used_up_daily_limit_in_the_headers_is_a_used_up_quota() {
    let mut answer = answer(429, br#"{"error":{"message":"Rate limit exceeded"}}"#);
    answer.hints.long_limit_exhausted = true;
    assert_eq!(
        classify(&answer, "cerebras").code,
        Code::ProviderQuotaExhausted
    );
}

#[test]
fn answers_about_the_request_are_kept_byte_for_byte() {
    let body = br#" {"error":{"message":"Unknown parameter: 'x'.","code":"unknown_parameter"}}"#;
    let failure = classify(&answer(400, body), "openai");
    let kept = failure.passthrough.as_ref().unwrap();
    assert_eq!((kept.status, kept.body.as_ref()), (400, body.as_slice()));
    assert_eq!(
        kept.content_type.as_deref(),
        Some(b"application/json".as_slice())
    );
}

#[test]
fn each_provider_s_answers_about_the_request_are_kept_in_its_own_format() {
    for (format, provider, body) in [
        (
            Format::Anthropic,
            "anthropic",
            r#" {"type":"error","error":{"type":"invalid_request_error","message":"temperature: range: 0..1"},"request_id":"req_011CUB2XUHWkFnQzxcKBbjpF"}"#,
        ),
        (
            Format::Gemini,
            "google",
            "{\n  \"error\": {\n    \"code\": 400,\n    \"message\": \"Invalid value at 'contents'\",\n    \"status\": \"INVALID_ARGUMENT\",\n    \"details\": [{\"@type\": \"type.googleapis.com/google.rpc.BadRequest\"}]\n  }\n}\n",
        ),
        (
            Format::Gemini,
            "vertex",
            r#"[{"error":{"code":400,"message":"Please use a valid role: user, model.","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (
            Format::Responses,
            "openai",
            r#"{"error":{"message":"Unknown parameter: 'x'.","type":"invalid_request_error","param":"x","code":"unknown_parameter"}}"#,
        ),
    ] {
        let answer = ErrorAnswer {
            format,
            ..answer(400, body.as_bytes())
        };
        let kept = classify(&answer, provider).passthrough.clone().unwrap();
        assert_eq!((kept.format, kept.status), (format, 400));
        assert_eq!(kept.body.as_ref(), body.as_bytes());
    }
}

#[test]
fn an_answer_that_names_our_project_or_account_is_not_kept() {
    for (provider, body) in [
        (
            "vertex",
            r#"{"error":{"code":400,"message":"Bad tuning job projects/acme/locations/eu/tuningJobs/1.","status":"INVALID_ARGUMENT"}}"#,
        ),
        (
            "bedrock",
            r#"{"message":"Bad profile arn:aws:bedrock:us-east-1:123456789012:inference-profile/x"}"#,
        ),
        (
            "google",
            r#"{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT","details":[{"metadata":{"consumer":"projects\/348715329010"}}]}}"#,
        ),
    ] {
        let failure = classify(&answer(400, body.as_bytes()), provider);
        assert_eq!(failure.code, Code::ProviderInvalidRequest, "{body}");
        assert!(failure.passthrough.is_none(), "{body}");
    }
}

#[test]
fn other_answers_are_not_kept() {
    let body = br#"{"error":{"message":"Unknown parameter: 'x'."}}"#;
    assert!(classify(&answer(400, body), "openai").passthrough.is_some());
    let kept = |answer: &ErrorAnswer<'_>| classify(answer, "openai").passthrough.is_some();
    assert!(
        !kept(&ErrorAnswer {
            complete: false,
            ..answer(400, body)
        }),
        "cut off"
    );
    let inside = br#"{"error":{"message":"no","code":400}}"#;
    assert!(!kept(&answer(200, inside)), "not a 4xx");
    let secret = Secret::new("Unknown");
    let told = ErrorAnswer {
        credential: Some(&secret),
        ..answer(400, body)
    };
    assert!(!kept(&told), "tells the credential");
    assert!(!kept(&answer(401, body)), "not about the request");
    assert!(!kept(&answer(501, body)), "not a 4xx");
    assert!(!kept(&answer(400, b"Unknown parameter")), "not JSON");
    assert!(!kept(&answer(400, b"{\"error\":\"\xff\"}")), "not UTF-8");
    let account = br#"{"error":{"message":"no"},"user_id":"user_2aBcDeFgH"}"#;
    assert!(!kept(&answer(400, account)), "tells our account");
}

#[test]
fn shown_texts_are_clean_and_bounded_whatever_comes() {
    let canaries = [
        "sk-canaryCANARY0123456789",
        "hf_canaryCANARY0123456789",
        "my own credential",
    ];
    let secret = Secret::new("my own credential");
    for canary in canaries {
        for filler in ["", "é ", "日本語 ", "\u{1b}[31m\n", "word "] {
            let said = format!("{}{canary} {}", filler.repeat(400), filler.repeat(4000));
            for body in [
                said.clone(),
                serde_json::json!({"error": {"message": said, "code": canary}}).to_string(),
                serde_json::json!({"detail": [{"loc": ["body", canary], "msg": said}]}).to_string(),
                serde_json::json!({"error": {"code": 400, "metadata": {"raw": said}}}).to_string(),
                format!("{{\"error\":{{\"message\":\"{said}"),
                format!("<html><title>{said}</title>"),
            ] {
                let answer = answer(400, body.as_bytes());
                let answer = ErrorAnswer {
                    credential: Some(&secret),
                    ..answer
                };
                let failure = classify(&answer, "openai");
                let text = failure.provider_text.as_deref().unwrap_or_default();
                let code = failure.provider_code.as_deref().unwrap_or_default();
                assert!(text.len() <= provider_text::LONGEST && code.len() <= LONGEST_CODE);
                assert!(!text.chars().any(char::is_control), "{text:?}");
                assert!(!text.contains(canary) && !code.contains(canary), "{text}");
                assert!(failure.passthrough.is_none());
            }
        }
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let mut state: u64 = 0x2545_f491_4f6c_dd1d;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let corpus: Vec<Vec<u8>> = corpus::rows()
        .into_iter()
        .map(|row| row.payload().into_bytes())
        .collect();
    for round in 0..4000_usize {
        let mut body = corpus[round % corpus.len()].clone();
        for _ in 0..next() % 8 {
            if body.is_empty() {
                break;
            }
            let place = usize::try_from(next() >> 1).unwrap() % body.len();
            match next() % 3 {
                0 => body[place] = u8::try_from(next() % 256).unwrap(),
                1 => body.truncate(place),
                _ => body.insert(
                    place,
                    b"\"{}[]\\'\x80\xffsk-"[usize::try_from(next() % 12).unwrap()],
                ),
            }
        }
        let status = [200, 302, 400, 401, 429, 500, 503, 0, 999][round % 9];
        let provider = [
            "openai",
            "anthropic",
            "google",
            "bedrock",
            "cohere",
            "mistral",
        ][round % 6];
        let named = ErrorAnswer {
            error_type: (round % 5 == 0).then(|| body.clone().into()),
            ..answer(status, &body)
        };
        let failure = classify(&named, provider);
        assert!(
            failure
                .provider_text
                .as_ref()
                .is_none_or(|t| t.len() <= provider_text::LONGEST)
        );
    }
}
