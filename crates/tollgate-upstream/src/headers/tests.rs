use tollgate_core::secret::Secret;

use super::*;
use crate::provider::find;

fn settings() -> ConnectionSettings {
    let provider = find("openai").unwrap();
    let place = Place::of(provider, Some("https://api.example.com:8443/v1")).unwrap();
    let mut settings = ConnectionSettings::new("main", provider, place);
    settings.credential = Some(Secret::new("sk-provider"));
    settings
}

fn carried(pairs: &[(&'static str, &'static str)]) -> Vec<(Bytes, Bytes)> {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                Bytes::from_static(name.as_bytes()),
                Bytes::from_static(value.as_bytes()),
            )
        })
        .collect()
}

#[test]
fn the_guarded_names_are_sorted_for_the_search() {
    assert!(GUARDED.is_sorted());
}

#[test]
fn a_connection_sends_its_own_credential_host_and_identity_encoding() {
    let headers = template(&settings()).unwrap();
    assert_eq!(headers["authorization"], "Bearer sk-provider");
    assert!(headers["authorization"].is_sensitive());
    assert_eq!(headers["host"], "api.example.com:8443");
    assert_eq!(headers["accept-encoding"], "identity");
    assert!(!headers.contains_key("openai-organization"));
}

#[test]
fn an_organization_is_told_to_those_alone_who_know_what_it_is() {
    for (name, is_told) in [("openai", true), ("simulated", true), ("anthropic", false)] {
        let mut settings = settings();
        settings.provider = find(name).unwrap();
        settings.organization = Some("org-1".to_owned());
        let headers = template(&settings).unwrap();
        assert_eq!(
            headers.contains_key("openai-organization"),
            is_told,
            "{name}"
        );
    }
}

#[test]
fn a_guarded_header_of_a_caller_never_travels() {
    let settings = settings();
    let prepared = template(&settings).unwrap();
    for name in GUARDED.iter().copied().chain(["openai-organization"]) {
        let mut headers = prepared.clone();
        carry(
            &mut headers,
            &settings,
            Format::OpenAi,
            &carried(&[(name, "canary")]),
        );
        assert!(headers.values().all(|value| value != "canary"), "{name}");
        assert_eq!(headers, prepared);
    }
}

#[test]
fn trace_context_and_user_agent_travel() {
    let settings = settings();
    let mut headers = template(&settings).unwrap();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    carry(
        &mut headers,
        &settings,
        Format::OpenAi,
        &carried(&[
            ("traceparent", trace),
            ("user-agent", "OpenAI/Python"),
            ("openai-beta", "a"),
        ]),
    );
    assert_eq!(headers["traceparent"], trace);
    assert_eq!(headers["user-agent"], "OpenAI/Python");
    assert_eq!(headers["openai-beta"], "a");
}

#[test]
fn a_declared_header_wins_over_the_callers() {
    let mut settings = settings();
    settings.headers = vec![(
        HeaderName::from_static("openai-beta"),
        HeaderValue::from_static("ours"),
    )];
    let mut headers = template(&settings).unwrap();
    carry(
        &mut headers,
        &settings,
        Format::OpenAi,
        &carried(&[("openai-beta", "theirs")]),
    );
    assert_eq!(
        headers.get_all("openai-beta").iter().collect::<Vec<_>>(),
        ["ours"]
    );
}

#[test]
fn a_connection_cannot_declare_what_frames_the_message() {
    for name in [
        "host",
        "content-length",
        "transfer-encoding",
        "authorization",
    ] {
        let mut settings = settings();
        settings.headers = vec![(HeaderName::from_static(name), HeaderValue::from_static("1"))];
        assert_eq!(
            template(&settings),
            Err(SettingsProblem::Header(name.to_owned()))
        );
    }
}

#[test]
fn a_header_that_is_malformed_is_left_out() {
    let settings = settings();
    let prepared = template(&settings).unwrap();
    let mut headers = prepared.clone();
    carry(
        &mut headers,
        &settings,
        Format::OpenAi,
        &carried(&[("x bad", "1"), ("x-bad", "a\r\nb: c")]),
    );
    assert_eq!(headers, prepared);
}
