//! The names of providers as texts and codes write them.

use std::borrow::Cow;

use crate::error::failure::{Failure, Origin};

/// The provider as it writes itself (`OpenRouter`), or the row's name with a capital.
pub fn display_name(row: &str) -> Cow<'static, str> {
    Cow::Borrowed(match row {
        "ai21" => "AI21",
        "anthropic" => "Anthropic",
        "azure" => "Azure",
        "bedrock" => "Bedrock",
        "cerebras" => "Cerebras",
        "cohere" => "Cohere",
        "deepseek" => "DeepSeek",
        "fireworks" => "Fireworks",
        "google" => "Google",
        "groq" => "Groq",
        "huggingface" => "HuggingFace",
        "llama-cpp" | "llamacpp" => "llama.cpp",
        "mistral" => "Mistral",
        "ollama" => "Ollama",
        "openai" => "OpenAI",
        "openai-compatible" => "The upstream server",
        "openrouter" => "OpenRouter",
        "perplexity" => "Perplexity",
        "simulated" => "The simulated provider",
        "tgi" => "TGI",
        "together" => "Together",
        "vertex" => "Vertex AI",
        "vllm" => "vLLM",
        "xai" => "xAI",
        other => return Cow::Owned(capitalised(other)),
    })
}

/// The provider's display name within a sentence, where a name that begins with an article has
/// it in lower case.
pub(super) fn name_in_sentence(row: &str) -> Cow<'static, str> {
    let name = display_name(row);
    match name.strip_prefix("The ") {
        Some(rest) => Cow::Owned(format!("the {rest}")),
        None => name,
    }
}

/// The provider as it stands in codes of family A: `OPENAI`, `OPENAI_COMPATIBLE`.
pub(super) fn in_capitals(failure: &Failure) -> String {
    name(failure)
        .unwrap_or("unknown")
        .to_ascii_uppercase()
        .replace('-', "_")
}

/// The provider's row, if a provider failed.
pub(super) fn name(failure: &Failure) -> Option<&'static str> {
    match failure.origin {
        Origin::Provider(name) => Some(name),
        Origin::Client | Origin::Gateway => None,
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => "The provider".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_named_as_they_write_themselves() {
        for (row, alone, within) in [
            ("openrouter", "OpenRouter", "OpenRouter"),
            (
                "openai-compatible",
                "The upstream server",
                "the upstream server",
            ),
            ("newcomer", "Newcomer", "Newcomer"),
            ("", "The provider", "the provider"),
        ] {
            assert_eq!(display_name(row), alone);
            assert_eq!(name_in_sentence(row), within);
        }
    }
}
