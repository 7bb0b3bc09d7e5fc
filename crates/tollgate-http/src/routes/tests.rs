mod documented;
mod page;
mod table;

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table: one entry per path")]
fn paths_find_their_endpoint() {
    for (path, endpoint) in [
        ("/v1/chat/completions", Some(Endpoint::Chat)),
        ("/chat/completions", Some(Endpoint::Chat)),
        (
            "/v1/models/openai/gpt-4o",
            Some(Endpoint::Model("openai/gpt-4o")),
        ),
        ("/v1/models/", None),
        ("/v1/responses", Some(Endpoint::Responses)),
        ("/responses", Some(Endpoint::Responses)),
        ("/completions", Some(Endpoint::Completions)),
        ("/v1/messages", Some(Endpoint::Messages)),
        ("/v1/messages/count_tokens", Some(Endpoint::MessageTokens)),
        ("/v1/messages/batches", None),
        ("/messages", None),
        ("/v1/chat", Some(Endpoint::SimpleChat)),
        ("/api/v1/chat", Some(Endpoint::SimpleChat)),
        ("/v1/chat/", None),
        ("/api/v1/health", Some(Endpoint::SimpleHealth)),
        ("/api/v1/metrics", Some(Endpoint::SimpleMetrics)),
        ("/api/hello", Some(Endpoint::Hello)),
        ("/v1beta/models", Some(Endpoint::GeminiModels)),
        ("/v1beta/models/", None),
        ("/api/maintenance", Some(Endpoint::Maintenance)),
        ("/api/maintenance/", None),
        ("/api/keys/key_1", Some(Endpoint::Key("key_1"))),
        ("/api/keys/key_1/rotate", Some(Endpoint::RotateKey("key_1"))),
        ("/api/keys/key_1/rotate/x", None),
        ("/api/keys//rotate", None),
        ("/api/organizations", Some(Endpoint::Organizations)),
        ("/api/organizations/", None),
        ("/api/organizations/a", Some(Endpoint::Organization("a"))),
        ("/api/organizations//members", None),
        ("/api/organizations/a/members", Some(Endpoint::Members("a"))),
        (
            "/api/organizations/a/members/u",
            Some(Endpoint::Member("a", "u")),
        ),
        ("/api/organizations/a/members/", None),
        ("/api/organizations/a/members/u/x", None),
        (
            "/api/organizations/a/suspend",
            Some(Endpoint::OrganizationStatus("a", Status::Suspended)),
        ),
        ("/api/organizations/a/close", None),
        ("/api/teams", Some(Endpoint::Teams)),
        ("/api/teams/a", Some(Endpoint::Team("a"))),
        (
            "/api/teams/a/pause",
            Some(Endpoint::TeamStatus("a", Status::Paused)),
        ),
        (
            "/api/teams/a/resume",
            Some(Endpoint::TeamStatus("a", Status::Active)),
        ),
        ("/api/teams//pause", None),
        ("/api/teams/a/members", None),
        ("/api/audit", Some(Endpoint::Audit)),
        ("/api/connections", Some(Endpoint::Connections)),
        ("/api/connections/", None),
        (
            "/api/connections/a%2Fb",
            Some(Endpoint::Connection("a%2Fb")),
        ),
        (
            "/api/connections/a/test",
            Some(Endpoint::TestConnection("a")),
        ),
        (
            "/api/connections/a/breaker",
            Some(Endpoint::ConnectionBreaker("a")),
        ),
        ("/api/connections//test", None),
        ("/api/connections/a/other", None),
        ("/api/routes/explain", Some(Endpoint::ExplainRoute)),
        ("/v1/errors/a/b", None),
        ("/v1//chat/completions", None),
        ("/v1/chat/completions/", None),
    ] {
        assert_eq!(Endpoint::find(path), endpoint, "{path}");
    }
}

#[test]
fn a_method_of_gemini_stands_behind_the_last_colon_however_it_is_written() {
    for version in ["/v1", "/v1beta"] {
        for (rest, endpoint) in [
            ("g:generateContent", Endpoint::Generate("g")),
            ("g%3AgenerateContent", Endpoint::Generate("g")),
            ("g%3astreamGenerateContent", Endpoint::GenerateStream("g")),
            ("g:countTokens", Endpoint::GenerateTokens("g")),
            (
                "openai/gpt-4o:generateContent",
                Endpoint::Generate("openai/gpt-4o"),
            ),
            (
                "openai%2Fg:countTokens",
                Endpoint::GenerateTokens("openai%2Fg"),
            ),
            (
                "ollama/l:8b:countTokens",
                Endpoint::GenerateTokens("ollama/l:8b"),
            ),
            ("l:8b%3AcountTokens", Endpoint::GenerateTokens("l:8b")),
            ("l%3A8b:countTokens", Endpoint::GenerateTokens("l%3A8b")),
        ] {
            let path = format!("{version}/models/{rest}");
            assert_eq!(Endpoint::find(&path), Some(endpoint), "{path}");
        }
    }
}

#[test]
fn what_is_no_method_of_gemini_is_a_part_of_the_models_name() {
    for name in ["l:8b", "l:latest", "g:embedContent", ":generateContent"] {
        let path = format!("/v1/models/{name}");
        assert_eq!(Endpoint::find(&path), Some(Endpoint::Model(name)));
        let path = format!("/v1beta/models/{name}");
        assert_eq!(Endpoint::find(&path), Some(Endpoint::GeminiModel(name)));
    }
}

#[test]
fn surfaces_of_other_families_answer_in_their_own_dialect() {
    for (path, dialect) in [
        ("/v1/messages", Some(Dialect::Anthropic)),
        ("/v1/messages/count_tokens", Some(Dialect::Anthropic)),
        ("/v1beta/models/x:generateContent", Some(Dialect::Gemini)),
        ("/v1/models/x:generateContent", Some(Dialect::Gemini)),
        (
            "/v1/models/a/b%3AstreamGenerateContent",
            Some(Dialect::Gemini),
        ),
        ("/v1/models/x", None),
        ("/v1/models/l:8b", None),
        ("/v1/responses", None),
        ("/v1/chat", Some(Dialect::DetailSimple)),
        ("/v1/chat/completions", None),
        ("/api/jobs/1", Some(Dialect::DetailJobs)),
        ("/nowhere", None),
    ] {
        assert_eq!(native_dialect(path), dialect, "{path}");
    }
}
