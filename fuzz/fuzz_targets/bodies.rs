//! Whatever a caller or a provider sends as a body, in whatever format: it is read without a
//! panic, and what is understood can be said as valid JSON in every other format. The first byte
//! of the input is the format, the operation and whether a stream is asked for.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use tollgate_core::call::Call;
use tollgate_core::format::{Format, Operation};
use tollgate_wire::formats::{self, Aim, Asked, Lost, Received};
use tollgate_wire::quirks::Quirks;
use tollgate_wire::{strip, translate};

const FORMATS: [Format; 8] = [
    Format::OpenAi,
    Format::Completions,
    Format::Responses,
    Format::Anthropic,
    Format::Gemini,
    Format::Bedrock,
    Format::Cohere,
    Format::Ollama,
];

/// The provider that a format is written for, and one of its models.
const fn provider(format: Format) -> (&'static str, &'static str) {
    match format {
        Format::OpenAi | Format::Completions | Format::Responses => ("openai", "gpt-5"),
        Format::Anthropic => ("anthropic", "claude-sonnet-4-5"),
        Format::Gemini => ("google", "gemini-3-pro-preview"),
        Format::Bedrock => ("bedrock", "anthropic.claude-sonnet-4-5"),
        Format::Cohere => ("cohere", "command-a"),
        Format::Ollama => ("ollama", "llama3"),
    }
}

fn assert_object(format: Format, what: &str, body: &[u8]) {
    let valid = serde_json::from_slice::<IgnoredAny>(body).is_ok() && body.starts_with(b"{");
    assert!(
        valid,
        "{what} for {}: {}",
        format.as_str(),
        String::from_utf8_lossy(body)
    );
}

fn request(call: &Call) {
    for to in FORMATS {
        // Opaque state that is not this provider's goes, whatever else is in the body.
        let stripped = strip::call(call, provider(to).0, "m", &mut Lost::new());
        if let Ok(stripped) = stripped {
            assert_object(to, "a stripped request", &stripped.body);
        }
    }
    let Ok(request) = formats::parse_request(call.format, call) else {
        return;
    };
    assert!(translate::estimate(call).is_ok_and(|tokens| tokens > 0));
    for to in FORMATS {
        let (provider, model) = provider(to);
        let aim = Aim {
            provider,
            model,
            max_output: Some(4096),
            ask_usage: true,
            quirks: &Quirks::OPENAI,
        };
        let body = formats::write_request(to, &request, &aim, &mut Lost::new());
        assert_object(to, "a request", &body);
        if let Some(body) = formats::write_count_request(to, &request, &aim) {
            assert_object(to, "a request for a count", &body);
        }
    }
}

fn answer(format: Format, operation: Operation, body: &Bytes) {
    if let Ok(answer) = formats::relay_answer(format, operation, body.clone()) {
        assert_eq!(answer.body, *body);
    }
    if let Some(Ok(tokens)) = formats::parse_count(format, body) {
        for to in FORMATS {
            if let Some(body) = formats::write_count(to, tokens) {
                assert_object(to, "a count", &body);
            }
        }
    }
    let Ok(answer) = formats::parse_answer(format, provider(format).0, body) else {
        return;
    };
    let asked = Asked {
        freeform: &[],
        model: "m",
        request_id: "r",
        now: 0,
        usage: true,
        array: false,
    };
    for to in FORMATS {
        if let Some(body) = formats::write_answer(to, &answer, &asked) {
            assert_object(to, "an answer", &body);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let [first, body @ ..] = input else {
        return;
    };
    let format = FORMATS[usize::from(first & 7)];
    let operation = if first & 8 == 0 {
        Operation::Chat
    } else {
        Operation::CountTokens
    };
    let body = Bytes::copy_from_slice(body);
    let received = Received {
        operation,
        body: body.clone(),
        model: Some("m"),
        stream: first & 16 != 0,
        array: false,
    };
    if let Ok(call) = formats::read(format, received) {
        request(&call);
    }
    answer(format, operation, &body);
});
