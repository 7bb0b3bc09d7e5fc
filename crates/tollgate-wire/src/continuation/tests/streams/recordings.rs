//! Streams of real providers, cut anywhere.

use super::*;

fn recorded(name: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    std::fs::read_to_string(format!("{root}/fixtures/{name}")).unwrap()
}

/// Recorded streams, and a text that their words begin.
const RECORDED: [(Format, &str, &str); 10] = [
    (
        Format::OpenAi,
        "openai/streams/azure-chat-text-usage.sse",
        "Not much—here and ready to help. What do you want to talk about or work on?",
    ),
    (
        Format::OpenAi,
        "openai/streams/deepseek-text.sse",
        "1, 2, 3.",
    ),
    (
        Format::OpenAi,
        "openai/streams/deepseek-keepalive-comments.sse",
        "1, 2, 3.",
    ),
    (
        Format::OpenAi,
        "openai/streams/groq-text-xgroq-usage.sse",
        "Hello! It's nice to meet you. Is there something I can help you with, or would you like to chat?",
    ),
    (Format::OpenAi, "openai/streams/hf-router-text.sse", "Paris"),
    (Format::OpenAi, "openai/streams/llamacpp-text.sse", "cedar"),
    (
        Format::OpenAi,
        "openai/streams/mistral-text.sse",
        "France won",
    ),
    (
        Format::OpenAi,
        "openai/streams/vllm-text.sse",
        "<|im_end|>doctor\n<|im_end|>supervisor\n<",
    ),
    (
        Format::Anthropic,
        "anthropic/streams/anthropic-text.sse",
        "1\n2\n3",
    ),
    (
        Format::Gemini,
        "gemini/streams/gemini-recitation.sse",
        "text1text2text3 and more",
    ),
];

/// Breaks a recorded stream at a place and goes on with it. False where that is not safe.
fn goes_on(shape: Shape, (name, text): (&str, &str), cut: usize) -> bool {
    let mut continuation = Continuation::new(&call(shape, &body(shape.0, ""))).unwrap();
    let mut out = Vec::new();
    for piece in pieces(shape, &recorded(name)).into_iter().take(cut) {
        continuation.watch(&piece);
        out.extend_from_slice(&piece.bytes);
    }
    let Some(more) = continuation.call() else {
        return false;
    };
    let rest = text.strip_prefix(&*sent(&more)).unwrap();
    continuation.switch("m2");
    let mut usage = None;
    for piece in pieces(shape, &spoken(shape.0, "b", &chunks(rest, 3), USAGE)) {
        let piece = continuation.splice(piece);
        usage = piece.usage.or(usage);
        out.extend_from_slice(&piece.bytes);
    }
    let stream = String::from_utf8(out).unwrap();
    let heard = hear(shape, &stream);
    assert_eq!(heard.text, text, "{name} {cut}");
    let events = (heard.begun, heard.ended, heard.marks);
    assert_eq!(events, (1, 1, 1), "{name} {cut} {stream}");
    assert_eq!(heard.usage, usage, "{name} {cut}");
    assert!(usage.unwrap().prompt > USAGE.prompt, "{name} {cut}");
    true
}

#[test]
fn recorded_streams_can_be_gone_on_with_wherever_they_break() {
    for (format, name, text) in RECORDED {
        for array in [false, true] {
            let shape = (format, array && format == Format::Gemini);
            let cuts = pieces(shape, &recorded(name)).len();
            let safe = (0..cuts).filter(|cut| goes_on(shape, (name, text), *cut));
            assert!(safe.count() > 0, "{name}");
        }
    }
}

#[test]
fn recorded_streams_that_say_more_than_words_are_never_gone_on_with() {
    for (format, folder, name) in [
        (Format::OpenAi, "openai", "azure-foundry-chat-tool.sse"),
        (Format::OpenAi, "openai", "deepseek-tool.sse"),
        (Format::OpenAi, "openai", "groq-reasoning-tool.sse"),
        (
            Format::OpenAi,
            "openai",
            "groq-midstream-error-tool-required.sse",
        ),
        (Format::OpenAi, "openai", "llamacpp-parallel-tools.sse"),
        (Format::OpenAi, "openai", "mistral-thinking.sse"),
        (Format::OpenAi, "openai", "mistral-tool.sse"),
        (Format::OpenAi, "openai", "openai-chat-parallel-tools.sse"),
        (Format::OpenAi, "openai", "openrouter-reasoning.sse"),
        (Format::OpenAi, "openai", "openrouter-tool.sse"),
        (Format::OpenAi, "openai", "perplexity-text-no-done.sse"),
        (
            Format::Anthropic,
            "anthropic",
            "anthropic-thinking-tool.sse",
        ),
        (Format::Anthropic, "anthropic", "anthropic-refusal.sse"),
        (
            Format::Anthropic,
            "anthropic",
            "anthropic-stop-sequence-empty.sse",
        ),
        (Format::Gemini, "gemini", "gemini-text.sse"),
        (Format::Gemini, "gemini", "gemini3-tool-call.sse"),
        (Format::Gemini, "gemini", "vertex-tool.sse"),
        (Format::Gemini, "gemini", "gemini-prompt-blocked.sse"),
    ] {
        let shape = (format, false);
        let request = call(shape, &body(format, ""));
        let mut continuation = Continuation::new(&request).unwrap();
        for piece in pieces(shape, &recorded(&format!("{folder}/streams/{name}"))) {
            assert!(continuation.call().is_none(), "{name}");
            continuation.watch(&piece);
        }
        assert!(continuation.call().is_none(), "{name}");
    }
}
