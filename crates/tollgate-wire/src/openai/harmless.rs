//! Members of a chat request that change no answer: losing them is not worth a word.

/// Bookkeeping between a caller and `OpenAI` itself.
pub(crate) const HARMLESS: [&str; 7] = [
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "user",
];
