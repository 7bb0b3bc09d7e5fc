use super::*;
use crate::settings::BaseUrl;

#[test]
fn every_row_is_found_by_its_name_and_only_once() {
    for provider in PROVIDERS {
        assert_eq!(find(provider.name), Some(provider));
        assert_eq!(names().filter(|name| *name == provider.name).count(), 1);
    }
    assert_eq!(find("OpenAI"), None);
}

#[test]
fn every_row_can_be_used_as_it_stands() {
    for provider in PROVIDERS {
        assert_eq!(provider.name, provider.name.to_ascii_lowercase());
        assert!(!provider.formats.is_empty(), "{}", provider.name);
        for header in provider.request_id_headers {
            http::HeaderName::from_lowercase(header.as_bytes()).unwrap();
        }
        if let CredentialStyle::Header(name) = provider.credential {
            http::HeaderName::from_lowercase(name.as_bytes()).unwrap();
        }
        if let Home::Public(url) = provider.home {
            BaseUrl::parse(url).unwrap();
            assert!(
                url.starts_with("https://"),
                "{url} carries credentials in clear text"
            );
        }
        if let Home::Local(url) = provider.home {
            assert!(BaseUrl::parse(url).unwrap().is_loopback(), "{url}");
        }
        let members = provider.quirks.members.unwrap_or_default();
        assert!(members.is_sorted(), "{}", provider.name);
    }
}

#[test]
fn every_provider_is_named_as_it_writes_itself() {
    use tollgate_core::error::dialect::display_name;
    for provider in PROVIDERS {
        let name = display_name(provider.name);
        assert!(
            matches!(name, std::borrow::Cow::Borrowed(_)),
            "{} has no name for texts",
            provider.name
        );
    }
}

/// One more provider of a known format is one more row, with nothing in it but what differs.
#[test]
fn one_more_provider_is_one_more_row() {
    static NEWCOMER: Provider = Provider {
        name: "newcomer",
        home: Home::Public("https://api.newcomer.example/v1"),
        ..table::COMPATIBLE
    };
    let settings = crate::ConnectionSettings::new(
        "main",
        &NEWCOMER,
        crate::settings::Place::of(&NEWCOMER, None).unwrap(),
    );
    settings.check().unwrap();
    let path = path::fixed(&settings, "/v1", Format::OpenAi, Operation::Chat);
    assert_eq!(path.as_deref(), Some("/v1/chat/completions"));
}

#[test]
fn a_call_stays_in_its_format_where_the_provider_has_it() {
    let format = |row: &str, format, operation| find(row).unwrap().format_for(format, operation);
    let (chat, embeddings) = (Operation::Chat, Operation::Embeddings);
    for (row, asked, operation, expected) in [
        ("openai", Format::Responses, chat, Some(Format::Responses)),
        ("openai", Format::Anthropic, chat, Some(Format::OpenAi)),
        ("openai", Format::Completions, chat, Some(Format::OpenAi)),
        (
            "together",
            Format::Completions,
            chat,
            Some(Format::Completions),
        ),
        (
            "openrouter",
            Format::Anthropic,
            chat,
            Some(Format::Anthropic),
        ),
        ("bedrock", Format::OpenAi, chat, Some(Format::Bedrock)),
        ("ollama", Format::OpenAi, embeddings, Some(Format::OpenAi)),
        ("anthropic", Format::OpenAi, embeddings, None),
        (
            "vertex",
            Format::Gemini,
            Operation::CountTokens,
            Some(Format::Gemini),
        ),
    ] {
        assert_eq!(format(row, asked, operation), expected, "{row} {asked:?}");
    }
}

#[test]
fn a_connection_can_be_held_to_what_servers_of_its_kind_may_have() {
    let may = |row: &str, format| find(row).unwrap().may_speak(format);
    assert!(may("openai-compatible", Format::Responses));
    assert!(may("deepseek", Format::Completions));
    assert!(!may("deepseek", Format::Anthropic));
    assert!(!may("anthropic", Format::OpenAi));
    assert!(!may("ollama", Format::Responses));
}

#[test]
fn a_region_decides_the_host() {
    let home = |row: &str, region| find(row).unwrap().home_in(region);
    for (row, region, expected) in [
        (
            "bedrock",
            "eu-west-1",
            "https://bedrock-runtime.eu-west-1.amazonaws.com",
        ),
        (
            "bedrock",
            "cn-north-1",
            "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
        ),
        (
            "vertex",
            "us-central1",
            "https://us-central1-aiplatform.googleapis.com",
        ),
        ("vertex", "global", "https://aiplatform.googleapis.com"),
        ("vertex", "eu", "https://aiplatform.eu.rep.googleapis.com"),
    ] {
        let found = home(row, region).unwrap();
        assert_eq!(found, expected);
        BaseUrl::parse(&found).unwrap();
    }
    assert_eq!(home("openai", "eu"), None);
}

#[test]
fn every_provider_is_documented_with_its_address_and_formats() {
    let document = include_str!("../../../../docs/connections.md");
    for provider in PROVIDERS {
        let start = format!("| `{}` |", provider.name);
        let row = document.lines().find(|line| line.starts_with(&start));
        let row = row.expect(provider.name);
        let formats: Vec<_> = provider.formats.iter().map(|own| own.as_str()).collect();
        let formats = format!("| `{}` |", formats.join("`, `"));
        assert!(row.contains(&formats), "{row}");
        if let Home::Public(url) | Home::Local(url) = provider.home {
            assert!(row.contains(&format!("| `{url}` |")), "{row}");
        }
    }
}
