//! How each provider says what went wrong.

use tollgate_core::format::Format;

/// A provider and its way to say what went wrong.
pub(super) struct Provider {
    /// Its row in the table of providers.
    pub(super) name: &'static str,
    /// What it is called on the page.
    pub(super) title: &'static str,
    /// Its names in the recordings.
    pub(super) recorded_as: &'static [&'static str],
    /// What it speaks.
    pub(super) format: Format,
    /// How it says what went wrong, in a few sentences.
    pub(super) signals: &'static str,
}

impl Provider {
    /// Whether recordings under this name are its own.
    pub(super) fn has(&self, recorded_as: &str) -> bool {
        self.recorded_as.contains(&recorded_as)
    }
}

/// In the order of the page.
pub(super) const PROVIDERS: &[Provider] = &[
    Provider {
        name: "openai",
        title: "OpenAI",
        recorded_as: &["openai"],
        format: Format::OpenAi,
        signals: "\
`error.code` says most, `error.type` less: a bad key is of type `invalid_request_error`. One 429
covers a rate (`rate_limit_exceeded`), an empty account (`insufficient_quota`) and a request that no
window can hold (\"Request too large\"). Streams of responses carry an `error` event or a failed
response within a 200. Waits are in the message (\"Please try again in 1.2s\") and in
`x-ratelimit-reset-*`.",
    },
    Provider {
        name: "azure",
        title: "Azure OpenAI",
        recorded_as: &["azure-openai"],
        format: Format::OpenAi,
        signals: "\
As OpenAI, but `code` may be the status as a text, and the message then decides. Filtered prompts
are named twice, by `content_filter` and in `innererror`. A wait of a day means that the request
exceeds what the deployment may ever use.",
    },
    Provider {
        name: "anthropic",
        title: "Anthropic",
        recorded_as: &["anthropic"],
        format: Format::Anthropic,
        signals: "\
`error.type` is one of a short list and nearly always right. Under `invalid_request_error` the
message tells apart what is too long, what is blocked and what is not paid for; an overload is 529,
or a 500 that says so. A refusal is a whole answer with the stop reason `refusal`.",
    },
    Provider {
        name: "google",
        title: "Google Gemini",
        recorded_as: &["gemini"],
        format: Format::Gemini,
        signals: "\
`error.status` is a word of gRPC and `details` hold the reason: a bad key is a 400 with
`API_KEY_INVALID`. All limits are `RESOURCE_EXHAUSTED` with the same advice about billing; only the
`quotaId` tells a minute from a day, and `retryDelay` is given for both. Without an answer, a 200
has a block reason, a finish reason, or nothing.",
    },
    Provider {
        name: "vertex",
        title: "Vertex AI",
        recorded_as: &["vertex"],
        format: Format::Gemini,
        signals: "\
As Google Gemini. A location that does not exist is answered with a page of HTML, while a model that
does not exist is answered in JSON.",
    },
    Provider {
        name: "bedrock",
        title: "Amazon Bedrock",
        recorded_as: &["bedrock"],
        format: Format::Bedrock,
        signals: "\
The name of the exception decides. It is in the header `x-amzn-errortype`, up to its first colon,
or in `__type`; in a stream in the frame's `:exception-type`, with a small first letter. Only a
`ValidationException` has to be told apart by its message, and a `ThrottlingException` that speaks
of a day does not pass soon.",
    },
    Provider {
        name: "mistral",
        title: "Mistral",
        recorded_as: &["mistral"],
        format: Format::OpenAi,
        signals: "\
Five shapes: a message that is a text, an object, a list or JSON in a text, or a bare `detail`.
`code` is a number in a text (1300 a rate, 1500 a model, 3051 a prompt, 3505 an overload). Unknown
members are refused with 422.",
    },
    Provider {
        name: "cohere",
        title: "Cohere",
        recorded_as: &["cohere"],
        format: Format::Cohere,
        signals: "\
Only a message and the status. \"too many tokens\" is the prompt or the bound of the answer,
depending on what follows; a limit of a month comes as 429; 498 means that the prompt or the answer
was blocked. The finish reasons `ERROR` and `TIMEOUT` are failures within a 200.",
    },
    Provider {
        name: "groq",
        title: "Groq",
        recorded_as: &["groq"],
        format: Format::OpenAi,
        signals: "\
OpenAI's codes. What the model spoilt (`tool_use_failed`, `json_validate_failed`) comes as 400, and
another sample may do. One request beyond the tokens of a minute is 413 with
`rate_limit_exceeded`. The text in brackets, (TPM) or (TPD), tells the window. 498 means that the
flexible tier has no room.",
    },
    Provider {
        name: "deepseek",
        title: "DeepSeek",
        recorded_as: &["deepseek"],
        format: Format::OpenAi,
        signals: "\
Type and code are `invalid_request_error` for nearly everything, so the message and the status
decide; 402 is an empty account. Blank lines and comments before an answer are no error.",
    },
    Provider {
        name: "xai",
        title: "xAI",
        recorded_as: &["xai"],
        format: Format::OpenAi,
        signals: "\
`error` is a text and `code` a phrase. A bad key and an unknown model are both 400; 403 is an empty
account, a missing right or a blocked text, by the message.",
    },
    Provider {
        name: "together",
        title: "Together",
        recorded_as: &["together"],
        format: Format::OpenAi,
        signals: "\
OpenAI's shape, with messages of its own for what is too long (\"`inputs` tokens +
`max_new_tokens`\") and for models that need an endpoint.",
    },
    Provider {
        name: "cerebras",
        title: "Cerebras",
        recorded_as: &["cerebras"],
        format: Format::OpenAi,
        signals: "\
A flat object. `request_quota_exceeded` and `token_quota_exceeded` are rates in spite of their
names, and 429 with `queue_exceeded` is an overload.",
    },
    Provider {
        name: "perplexity",
        title: "Perplexity",
        recorded_as: &["perplexity"],
        format: Format::OpenAi,
        signals: "\
`code` is the status and `type` says what happened. A bad key, or an empty account, can be a page of
HTML with 401.",
    },
    Provider {
        name: "openrouter",
        title: "OpenRouter",
        recorded_as: &["openrouter"],
        format: Format::OpenAi,
        signals: "\
`error.code` is the status; `metadata` holds what the provider behind it said (`raw`), the limit
(`limit_source`) and even the headers with the wait. Once a model has begun, errors come within a
200.",
    },
    Provider {
        name: "ollama",
        title: "Ollama",
        recorded_as: &["ollama"],
        format: Format::Ollama,
        signals: "\
A text under `error`, and a status that is right but for 500, which is everything else. In a stream
it is the last line.",
    },
    Provider {
        name: "vllm",
        title: "vLLM",
        recorded_as: &["vllm"],
        format: Format::OpenAi,
        signals: "\
Everything is a `BadRequestError` with 400, even the death of the engine in the middle of a stream.
A negative `max_tokens` means that the prompt is too long.",
    },
    Provider {
        name: "llamacpp",
        title: "llama.cpp",
        recorded_as: &["llamacpp"],
        format: Format::OpenAi,
        signals: "\
`type` is reliable where it is special (`exceed_context_size_error`, `unavailable_error`), but
mistakes of the caller also come as 500 with `server_error`, and only the message tells.",
    },
    Provider {
        name: "tgi",
        title: "Text Generation Inference",
        recorded_as: &["tgi"],
        format: Format::OpenAi,
        signals: "\
`error_type` decides: `validation`, `generation` (424), `overloaded` (429),
`incomplete_generation`. On the way of OpenAI's format every error in a stream claims to be 422.",
    },
    Provider {
        name: "huggingface",
        title: "Hugging Face",
        recorded_as: &["huggingface"],
        format: Format::OpenAi,
        signals: "\
`error` is a text or a list of texts, mostly of whoever serves the model; `estimated_time` is the
wait until it is loaded.",
    },
    Provider {
        name: "openai-compatible",
        title: "Others",
        recorded_as: &["doubleword", "gpustack", "litellm"],
        format: Format::OpenAi,
        signals: "\
What gateways and servers of OpenAI's format send, under no provider's rules. Errors of others that
they repeat, as JSON in a text or even as Python writes it, are read as well.",
    },
];
