//! Why a model stopped, where a good status came with an answer that is none.

use tollgate_core::error::Code;

use crate::failure::reading::PROMPT_BLOCKED;
use crate::failure::rule::Rule;
use crate::failure::rule::Sign::Ended;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::ContentFiltered,
        signs: &[Ended(&[
            PROMPT_BLOCKED,
            "refusal",
            "safety",
            "recitation",
            "language",
            "blocklist",
            "prohibited_content",
            "spii",
            "image_safety",
            "image_prohibited_content",
            "image_recitation",
            "model_armor",
            "jailbreak",
            "content_filter",
            "content_filtered",
            "content_blocked",
            "guardrail_intervened",
            "sensitive",
            "error_toxic",
        ])],
    },
    // The model wrote what its own provider cannot read: there is no answer, and another sample
    // may be one.
    Rule {
        code: Code::ProviderInvalidResponse,
        signs: &[Ended(&[
            "malformed_function_call",
            "unexpected_tool_call",
            "too_many_tool_calls",
            "missing_thought_signature",
            "malformed_response",
            "malformed_model_output",
            "malformed_tool_use",
            "no_image",
            "image_other",
        ])],
    },
    Rule {
        code: Code::ContextLengthExceeded,
        signs: &[Ended(&["model_context_window_exceeded", "error_limit"])],
    },
    Rule {
        code: Code::ProviderTimeout,
        signs: &[Ended(&["timeout"])],
    },
    Rule {
        code: Code::ProviderOverloaded,
        signs: &[Ended(&["insufficient_system_resource"])],
    },
];
