//! Providers are rows of a table, so their names stand in few places. A text (string literal)
//! with a provider's name as a word of its own is found everywhere else: code that asks which
//! provider it has before it knows what to do belongs into the table.

use super::Finding;
use super::layout::is_test;
use super::rust::Rust;
use crate::workspace::File;

/// Names of providers, in lower case.
const PROVIDERS: &[&str] = &[
    "anthropic",
    "azure",
    "bedrock",
    "cerebras",
    "cohere",
    "deepseek",
    "fireworks",
    "gemini",
    "groq",
    "huggingface",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "sambanova",
    "together",
    "vertex",
    "vllm",
    "xai",
];

/// Where they may stand: files, or folders with all that is below them.
const PLACES: &[&str] = &[
    "crates/tollgate-core/src/error.rs",
    "crates/tollgate-core/src/error/",
    "crates/tollgate-core/src/format.rs",
    // Which rows of the table of models belong to which provider.
    "crates/tollgate-core/src/catalogue.rs",
    "xtask/src/generate/",
    // Formats and dialects bear the names of those who made them.
    "crates/tollgate-wire/src/",
    "crates/tollgate-http/src/surface.rs",
    "crates/tollgate-http/src/surface/",
    "crates/tollgate-upstream/src/provider.rs",
    "crates/tollgate-upstream/src/provider/",
    "crates/tollgate-simulator/",
    // The settings explain themselves with examples.
    "crates/tollgate/src/config.rs",
    "crates/tollgate/src/config/",
    "bench/",
    "xtask/src/tidy/names.rs",
    // A page about them all is made there.
    "xtask/src/generate/providers.rs",
    "xtask/src/generate/providers/",
];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let allowed = PLACES.iter().any(|place| file.path.starts_with(place)) || is_test(&file.path);
    if allowed || !file.is_rust() {
        return Vec::new();
    }
    let rust = Rust::read(&file.text);
    let tests_begin = rust.tests_begin();
    let code = rust.texts.iter().filter(|(line, _)| *line < tests_begin);
    code.filter_map(|(line, text)| {
        let provider = provider_in(text)?;
        let advice = format!(
            "the provider name `{provider}` belongs in tollgate-upstream/src/provider.rs; ask \
             the row for what differs"
        );
        Some(Finding::new(&file.path, *line, "provider-names", advice))
    })
    .collect()
}

/// The first provider that a text names as a word of its own. In `openai-beta`, a header, it is
/// no word; in `api.openai.com` and `openai/gpt-4o` it is. Formats bear names of providers, so
/// a sentence may speak of the `OpenAI` format.
fn provider_in(text: &str) -> Option<&'static str> {
    let is_inside = |character: char| character.is_alphanumeric() || "-_".contains(character);
    let words: Vec<&str> = text.split(|character| !is_inside(character)).collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let word = word.to_lowercase();
        let is_format = words.get(at + 1).is_some_and(|next| *next == "format");
        PROVIDERS
            .iter()
            .copied()
            .find(|provider| *provider == word && !is_format)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&file)
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn a_provider_name_in_the_engine_is_found() {
        let source = "fn a() {}\nfn b(name: &str) -> bool { name == \"openai\" }\n";
        assert_eq!(lines("crates/tollgate-engine/src/chat.rs", source), [2]);
        assert_eq!(
            lines(
                "crates/tollgate-http/src/a.rs",
                "f(\"https://api.groq.com\")"
            ),
            [1]
        );
        assert_eq!(lines("crates/tollgate-http/src/a.rs", "f(b\"Azure\")"), [1]);
    }

    #[test]
    fn comments_headers_and_tests_may_name_providers() {
        let source = "// openai\nf(\"openai-beta\");\n#[cfg(test)]\nmod tests { f(\"openai\"); }\n";
        assert!(lines("crates/tollgate-http/src/a.rs", source).is_empty());
        assert!(lines("crates/tollgate/src/a.rs", "f(\"in the OpenAI format\")").is_empty());
        assert!(lines("crates/tollgate/tests/it/main.rs", "f(\"openai\")").is_empty());
    }

    #[test]
    fn the_table_of_providers_may_name_them() {
        assert!(lines("crates/tollgate-upstream/src/provider.rs", "f(\"openai\")").is_empty());
        assert_eq!(
            lines("crates/tollgate-upstream/src/exchange.rs", "f(\"openai\")"),
            [1]
        );
    }
}
