//! Whatever a provider sends as an error, it becomes a failure whose text is one bounded line
//! that does not show the credential.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::format::Format;
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;
use tollgate_wire::failure::{ErrorAnswer, classify};
use tollgate_wire::provider_text::LONGEST;
use tollgate_wire::retry_after::RetryHints;

const CREDENTIAL: &str = "canary-credential";

fuzz_target!(|input: (u16, bool, i64, &[u8])| {
    let (status, complete, now, body) = input;
    let credential = Secret::new(CREDENTIAL);
    let answer = ErrorAnswer {
        format: Format::OpenAi,
        error_type: None,
        status,
        content_type: None,
        body: body.to_vec().into(),
        complete,
        hints: RetryHints::default(),
        now: Timestamp::from_millis(now),
        credential: Some(&credential),
    };
    let failure = classify(&answer, "openai");
    let shown = [failure.provider_text.as_deref(), failure.provider_code.as_deref()];
    for text in shown.into_iter().flatten() {
        assert!(text.len() <= LONGEST);
        assert!(!text.chars().any(char::is_control));
        assert!(!text.contains(CREDENTIAL));
    }
    if let Some(kept) = &failure.passthrough {
        assert!(complete && (400..500).contains(&kept.status));
        assert_eq!(kept.body, body);
    }
});
