//! The longest answers of models whose format demands that a bound be named.

/// Beginnings of Anthropic's model names and the most tokens of an answer, as Anthropic's overview
/// of its models says. The first that fits counts.
const ANTHROPIC: &[(&str, u32)] = &[
    ("claude-3-7", 64_000),
    ("claude-3-5", 8_192),
    ("claude-3", 4_096),
    ("claude-2", 4_096),
    ("claude-instant", 4_096),
    ("claude-opus-4-5", 64_000),
    ("claude-opus-4-6", 128_000),
    ("claude-opus-4-7", 128_000),
    ("claude-opus-4-8", 128_000),
    ("claude-opus-4", 32_000),
    ("claude-sonnet-4-6", 128_000),
    ("claude-sonnet-4", 64_000),
    ("claude-haiku-4", 64_000),
    // No later model has been bounded below this.
    ("claude", 64_000),
];

/// The most tokens that an answer of a model can have, if that is known. Wherever a Claude model
/// is served its name holds `claude`; what a provider puts before it makes no difference.
pub fn longest_answer(model: &str) -> Option<u32> {
    let name = model.to_lowercase();
    let begin = name.find("claude")?;
    let name = name.get(begin..)?.replace('.', "-");
    ANTHROPIC
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .map(|(_, tokens)| *tokens)
}
