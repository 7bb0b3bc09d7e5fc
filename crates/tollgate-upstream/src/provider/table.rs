//! The rows themselves.

use tollgate_core::format::Format;
use tollgate_wire::quirks::{MaxTokens, Quirks, Role};
use tollgate_wire::stream::Terminator;

use super::{CredentialStyle, Home, Paths, Provider, Regions};

/// A public API of `OpenAI`'s format: what most rows are, but for their name and address. One
/// more such provider is one more row, no longer than this:
///
/// ```text
/// Provider {
///     name: "newcomer",
///     home: Home::Public("https://api.newcomer.example/v1"),
///     ..COMPATIBLE
/// },
/// ```
pub(super) const COMPATIBLE: Provider = Provider {
    name: "",
    formats: &[Format::OpenAi],
    quirks: Quirks::COMPATIBLE,
    home: Home::Configured,
    endings: &[],
    paths: Paths::Format,
    embeddings: Some("/embeddings"),
    check: Some("/models"),
    credential: CredentialStyle::Bearer,
    keyless: false,
    terminator: Terminator::Done,
    counts: false,
    ask_usage: true,
    request_id_headers: &["x-request-id"],
};

/// A server of one's own that speaks `OpenAI`'s format.
const OWN_SERVER: Provider = Provider {
    formats: &[Format::OpenAi, Format::Completions],
    keyless: true,
    // Servers exist that close the stream without `[DONE]`.
    terminator: Terminator::FinishThenEnd,
    request_id_headers: &["x-request-id", "request-id"],
    ..COMPATIBLE
};

/// A provider with a format of its own, in which streams say themselves that they are whole.
const OWN_FORMAT: Provider = Provider {
    embeddings: None,
    terminator: Terminator::Native,
    // Their streams report their usage unasked.
    ask_usage: false,
    ..COMPATIBLE
};

/// The only members of a chat request that Mistral takes; it refuses others.
const MISTRAL_MEMBERS: &[&str] = &[
    "frequency_penalty",
    "guardrails",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_mode",
    "random_seed",
    "reasoning_effort",
    "response_format",
    "safe_prompt",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

/// The only members of messages that Mistral takes, too.
const MISTRAL_MESSAGES: &[Role] = &[
    Role {
        name: "system",
        members: &["role", "content"],
    },
    Role {
        name: "user",
        members: &["role", "content"],
    },
    Role {
        name: "assistant",
        members: &["role", "content", "tool_calls", "prefix"],
    },
    Role {
        name: "tool",
        members: &["role", "content", "tool_call_id", "name"],
    },
];

/// THE TABLE.
pub static PROVIDERS: &[Provider] = &[
    Provider {
        name: "openai",
        formats: &[Format::OpenAi, Format::Responses],
        quirks: Quirks::OPENAI,
        home: Home::Public("https://api.openai.com/v1"),
        ..COMPATIBLE
    },
    Provider {
        name: "azure",
        formats: &[Format::OpenAi, Format::Responses],
        quirks: Quirks::OPENAI,
        endings: &["/openai/v1", "/openai"],
        paths: Paths::Azure,
        credential: CredentialStyle::Header("api-key"),
        request_id_headers: &["apim-request-id", "x-request-id"],
        ..COMPATIBLE
    },
    Provider {
        name: "anthropic",
        formats: &[Format::Anthropic],
        home: Home::Public("https://api.anthropic.com"),
        endings: &["/v1"],
        check: Some("/v1/models?limit=1"),
        credential: CredentialStyle::Header("x-api-key"),
        counts: true,
        request_id_headers: &["request-id"],
        ..OWN_FORMAT
    },
    Provider {
        name: "google",
        formats: &[Format::Gemini],
        home: Home::Public("https://generativelanguage.googleapis.com"),
        endings: &["/v1beta", "/v1"],
        check: Some("/v1beta/models?pageSize=1"),
        credential: CredentialStyle::Header("x-goog-api-key"),
        counts: true,
        // It has none; ids of answers are in their bodies.
        request_id_headers: &[],
        ..OWN_FORMAT
    },
    Provider {
        name: "vertex",
        formats: &[Format::Gemini],
        home: Home::Regional(Regions::Google),
        endings: &["/v1"],
        paths: Paths::Vertex,
        // Its lists are of models of one's own, which other roles than callers' may see.
        check: None,
        credential: CredentialStyle::Google,
        counts: true,
        request_id_headers: &[],
        ..OWN_FORMAT
    },
    Provider {
        name: "bedrock",
        formats: &[Format::Bedrock],
        home: Home::Regional(Regions::Aws),
        // Its list of models is at another host.
        check: None,
        credential: CredentialStyle::Aws("bedrock"),
        request_id_headers: &["x-amzn-requestid"],
        ..OWN_FORMAT
    },
    Provider {
        name: "mistral",
        quirks: Quirks {
            max_tokens: MaxTokens::Plain,
            members: Some(MISTRAL_MEMBERS),
            messages: MISTRAL_MESSAGES,
            tool_required: "any",
            ..Quirks::COMPATIBLE
        },
        home: Home::Public("https://api.mistral.ai/v1"),
        // Usage comes unasked, and `stream_options` is refused.
        ask_usage: false,
        request_id_headers: &["mistral-correlation-id", "x-kong-request-id"],
        ..COMPATIBLE
    },
    Provider {
        name: "cohere",
        formats: &[Format::Cohere],
        home: Home::Public("https://api.cohere.com"),
        endings: &["/v2", "/v1"],
        embeddings: Some("/compatibility/v1/embeddings"),
        check: Some("/v1/models?page_size=1"),
        request_id_headers: &["x-debug-trace-id"],
        ..OWN_FORMAT
    },
    Provider {
        name: "groq",
        home: Home::Public("https://api.groq.com/openai/v1"),
        embeddings: None,
        ..COMPATIBLE
    },
    Provider {
        name: "deepseek",
        home: Home::Public("https://api.deepseek.com"),
        embeddings: None,
        request_id_headers: &["x-ds-trace-id", "x-amz-cf-id"],
        ..COMPATIBLE
    },
    Provider {
        name: "xai",
        formats: &[Format::OpenAi, Format::Responses],
        home: Home::Public("https://api.x.ai/v1"),
        ..COMPATIBLE
    },
    Provider {
        name: "together",
        formats: &[Format::OpenAi, Format::Completions],
        home: Home::Public("https://api.together.xyz/v1"),
        request_id_headers: &["x-request-id", "cf-ray"],
        ..COMPATIBLE
    },
    Provider {
        name: "fireworks",
        formats: &[Format::OpenAi, Format::Completions],
        home: Home::Public("https://api.fireworks.ai/inference/v1"),
        ..COMPATIBLE
    },
    Provider {
        name: "openrouter",
        formats: &[Format::OpenAi, Format::Responses, Format::Anthropic],
        home: Home::Public("https://openrouter.ai/api/v1"),
        // The list of its models is there for everybody; this is only for those with a key.
        check: Some("/key"),
        request_id_headers: &["x-generation-id", "cf-ray"],
        ..COMPATIBLE
    },
    Provider {
        name: "perplexity",
        home: Home::Public("https://api.perplexity.ai"),
        embeddings: None,
        check: None,
        // Streams end with an object of the kind `chat.completion.done`, and report their usage.
        terminator: Terminator::FinishThenEnd,
        ask_usage: false,
        ..COMPATIBLE
    },
    Provider {
        name: "cerebras",
        home: Home::Public("https://api.cerebras.ai/v1"),
        embeddings: None,
        quirks: Quirks::OPENAI,
        request_id_headers: &["inference-id", "x-request-id"],
        ..COMPATIBLE
    },
    Provider {
        name: "ollama",
        formats: &[Format::Ollama],
        home: Home::Local("http://127.0.0.1:11434"),
        endings: &["/v1", "/api"],
        embeddings: Some("/v1/embeddings"),
        check: Some("/api/tags"),
        keyless: true,
        request_id_headers: &[],
        ..OWN_FORMAT
    },
    Provider {
        name: "vllm",
        home: Home::Local("http://127.0.0.1:8000/v1"),
        ..OWN_SERVER
    },
    Provider {
        name: "llamacpp",
        home: Home::Local("http://127.0.0.1:8080/v1"),
        ..OWN_SERVER
    },
    Provider {
        name: "tgi",
        formats: &[Format::OpenAi],
        embeddings: None,
        ..OWN_SERVER
    },
    Provider {
        name: "huggingface",
        home: Home::Public("https://router.huggingface.co/v1"),
        embeddings: None,
        // Whoever serves the model decides how its stream ends.
        terminator: Terminator::FinishThenEnd,
        ..COMPATIBLE
    },
    Provider {
        name: "openai-compatible",
        ..OWN_SERVER
    },
    Provider {
        name: "simulated",
        formats: &[
            Format::OpenAi,
            Format::Completions,
            Format::Responses,
            Format::Anthropic,
            Format::Gemini,
        ],
        quirks: Quirks::OPENAI,
        home: Home::InProcess,
        credential: CredentialStyle::None,
        keyless: true,
        counts: true,
        ..COMPATIBLE
    },
];
