use super::*;
use crate::provider::find;
use crate::settings::{BaseUrl, Place};

fn settings(row: &str) -> ConnectionSettings {
    let place = Place::Url(BaseUrl::parse("https://api.example.com").unwrap());
    let mut settings = ConnectionSettings::new("main", find(row).unwrap(), place);
    settings.region = Some("us-central1".into());
    settings.project = Some("my project".into());
    settings
}

fn path(row: &str, format: Format, model: &str) -> Result<String, Unusable> {
    let wanted = Wanted {
        format,
        operation: Operation::Chat,
        stream: false,
        model,
    };
    of_model(&settings(row), "", wanted)
}

#[test]
fn a_model_stays_inside_its_segment() {
    for (model, expected) in [
        ("a/b", "/model/a%2Fb/converse"),
        ("a?b=c#d", "/model/a%3Fb%3Dc%23d/converse"),
        ("a b\r\n", "/model/a%20b%0D%0A/converse"),
        ("a%2F..", "/model/a%252F../converse"),
        ("a..b", "/model/a..b/converse"),
        ("@evil.example:80", "/model/%40evil.example%3A80/converse"),
        ("é", "/model/%C3%A9/converse"),
        (
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
        ),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.x",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse",
        ),
    ] {
        assert_eq!(
            path("bedrock", Format::Bedrock, model).as_deref(),
            Ok(expected)
        );
    }
}

#[test]
fn a_model_that_leads_up_is_refused() {
    for model in ["", ".", "..", "../x", "a/../b", "a/..", "a\\..\\b", "./a"] {
        for (row, format) in [
            ("bedrock", Format::Bedrock),
            ("google", Format::Gemini),
            ("vertex", Format::Gemini),
            ("azure", Format::OpenAi),
        ] {
            assert_eq!(path(row, format, model), Err(Unusable), "{row} {model}");
        }
    }
    for (row, model) in [
        ("vertex", "publishers/../models/x"),
        ("vertex", "endpoints/.."),
        ("google", "models/.."),
        ("google", "tunedModels/"),
    ] {
        assert_eq!(path(row, Format::Gemini, model), Err(Unusable), "{model}");
    }
}

#[test]
fn models_of_google_may_name_their_collection() {
    for (model, expected) in [
        (
            "gemini-2.5-pro",
            "/v1beta/models/gemini-2.5-pro:generateContent",
        ),
        (
            "models/gemini-2.5-pro",
            "/v1beta/models/gemini-2.5-pro:generateContent",
        ),
        ("tunedModels/x", "/v1beta/tunedModels/x:generateContent"),
        ("other/x", "/v1beta/models/other%2Fx:generateContent"),
    ] {
        assert_eq!(
            path("google", Format::Gemini, model).as_deref(),
            Ok(expected)
        );
    }
}

#[test]
fn models_of_vertex_may_be_of_other_publishers() {
    let place = "/v1/projects/my%20project/locations/us-central1";
    for (model, expected) in [
        ("gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro"),
        ("publishers/meta/models/x", "publishers/meta/models/x"),
        ("endpoints/123", "endpoints/123"),
        (
            "endpoints/1/2",
            "publishers/google/models/endpoints%2F1%2F2",
        ),
        (
            "publishers/a/models/b/c",
            "publishers/google/models/publishers%2Fa%2Fmodels%2Fb%2Fc",
        ),
    ] {
        let expected = format!("{place}/{expected}:generateContent");
        assert_eq!(path("vertex", Format::Gemini, model), Ok(expected));
    }
}
