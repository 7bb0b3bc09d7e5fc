//! Whatever a provider sends as an error, it becomes a failure whose text is one bounded line
//! that does not show the credential; and what is passed on is what came, in its own format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::format::Format;
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;
use tollgate_wire::failure::{ErrorAnswer, classify};
use tollgate_wire::provider_text::LONGEST;
use tollgate_wire::retry_after::RetryHints;

const CREDENTIAL: &str = "canary-credential";

/// Providers with rules of their own or bodies of their own, and one without.
const PROVIDERS: [(&str, Format); 10] = [
    ("openai", Format::OpenAi),
    ("openai", Format::Responses),
    ("anthropic", Format::Anthropic),
    ("google", Format::Gemini),
    ("vertex", Format::Gemini),
    ("bedrock", Format::Bedrock),
    ("cohere", Format::Cohere),
    ("mistral", Format::OpenAi),
    ("groq", Format::OpenAi),
    ("ollama", Format::Ollama),
];

fuzz_target!(|input: (u8, u16, bool, i64, Option<&[u8]>, &[u8])| {
    let (provider, status, complete, now, error_type, body) = input;
    let (provider, format) = PROVIDERS[usize::from(provider) % PROVIDERS.len()];
    let credential = Secret::new(CREDENTIAL);
    let answer = ErrorAnswer {
        format,
        error_type: error_type.map(|name| name.to_vec().into()),
        status,
        content_type: None,
        body: body.to_vec().into(),
        complete,
        hints: RetryHints::default(),
        now: Timestamp::from_millis(now),
        credential: Some(&credential),
    };
    let failure = classify(&answer, provider);
    let shown = [
        failure.provider_text.as_deref(),
        failure.provider_code.as_deref(),
    ];
    for text in shown.into_iter().flatten() {
        assert!(text.len() <= LONGEST);
        assert!(!text.chars().any(char::is_control));
        assert!(!text.contains(CREDENTIAL));
    }
    if let Some(kept) = &failure.passthrough {
        assert_eq!(kept.format, format);
        assert!(complete && (400..500).contains(&kept.status));
        assert_eq!(kept.body, body);
    }
});
