use super::*;

#[test]
fn every_row_can_be_found_and_read() {
    let mut count = 0;
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let row = Row(line);
        assert!(row.entry().is_some(), "{line}");
        assert_eq!(line.split('\t').count(), 9, "{line}");
        let numbers = (3..9).map(|place| row.column(place));
        for text in numbers {
            assert!(text.is_empty() || rate(text).is_some(), "{line}");
        }
        count += 1;
    }
    assert!(count > 500, "{count} rows");
    assert!(version().starts_with("genai-prices "), "{}", version());
}

#[test]
fn rows_of_a_provider_stand_together() {
    let mut seen = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let provider = Row(line).column(0);
        if seen.last() != Some(&provider) {
            assert!(!seen.contains(&provider), "{provider} begins twice");
            seen.push(provider);
        }
    }
}

#[test]
fn models_are_found_by_the_names_that_providers_give_them() {
    for (provider, model, id) in [
        ("openai", "gpt-4o", Some("gpt-4o")),
        ("openai", "GPT-4o", Some("gpt-4o")),
        ("azure", "gpt-4o", Some("gpt-4o")),
        (
            "anthropic",
            "claude-sonnet-4-5-20250929",
            Some("claude-sonnet-4-5"),
        ),
        ("vertex", "gemini-2.5-flash", Some("gemini-2.5-flash")),
        (
            "google",
            "gemini-2.5-pro-preview-tts",
            Some("gemini-2.5-pro-tts"),
        ),
        ("openai", "no-such-model", None),
        ("nobody", "gpt-4o", None),
        ("simulated", "echo", Some("simulated")),
    ] {
        let found = find(provider, model).map(|entry| entry.id);
        assert_eq!(found, id, "{provider} {model}");
    }
    let entry = find("simulated", "echo").unwrap();
    assert_eq!((entry.price, entry.source), (Price::default(), "simulated"));
    let entry = find("openai", "gpt-4o").unwrap();
    assert_eq!(entry.source, version());
    assert_eq!(entry.price.input, Rate::flat(2_500_000));
    assert_eq!(entry.price.output, Rate::flat(10_000_000));
    assert_eq!(entry.context_window, Some(128_000));
}

#[test]
fn a_name_is_not_taken_for_one_that_it_begins_with_or_holds() {
    for (provider, model, id) in [
        ("openai", "gpt-4o-mini", Some("gpt-4o-mini")),
        ("openai", "o1-pro", Some("o1-pro")),
        (
            "openai",
            "ft:gpt-4o-mini-2024-07-18:o::i",
            Some("ft:gpt-4o-mini"),
        ),
        (
            "azure",
            "o4-mini-deep-research",
            Some("o4-mini-deep-research"),
        ),
        (
            "anthropic",
            "claude-opus-4-1-20250805",
            Some("claude-opus-4-1"),
        ),
        ("anthropic", "claude-opus-5-5", Some("claude-opus-5-5")),
        (
            "openrouter",
            "deepseek/deepseek-r1",
            Some("deepseek/deepseek-r1"),
        ),
        ("openrouter", "deepseek/deepseek-r1:free", None),
        (
            "google",
            "gemini-2.5-flash-lite",
            Some("gemini-2.5-flash-lite"),
        ),
    ] {
        let found = find(provider, model).map(|entry| entry.id);
        assert_eq!(found, id, "{provider} {model}");
    }
}

#[test]
fn the_place_in_an_address_is_no_part_of_a_name() {
    const ARN: &str = "arn:aws:bedrock:us-east-1:";
    let opus = "regional.anthropic.claude-opus-4-5-v1:0";
    let profile = format!("{ARN}1:inference-profile/us.anthropic.claude-opus-4-5-20251101-v1:0");
    let foundation = format!("{ARN}:foundation-model/anthropic.claude-opus-4-5-20251101-v1:0");
    let own = format!("{ARN}1:application-inference-profile/abcdef");
    for (provider, model, id) in [
        (
            "google",
            "models/gemini-2.5-flash",
            Some("gemini-2.5-flash"),
        ),
        (
            "vertex",
            "publishers/google/models/gemini-2.5-flash",
            Some("gemini-2.5-flash"),
        ),
        (
            "vertex",
            "publishers/anthropic/models/claude-sonnet-5",
            Some("claude-sonnet-5"),
        ),
        ("vertex", "publishers/other/models/gemini-2.5-flash", None),
        ("bedrock", &profile, Some(opus)),
        ("bedrock", &foundation, Some(opus)),
        ("bedrock", &own, None),
    ] {
        let found = find(provider, model).map(|entry| entry.id);
        assert_eq!(found, id, "{provider} {model}");
    }
}

#[test]
fn rules_mean_what_they_say() {
    for (rule, name, holds) in [
        ("=a|=b", "b", true),
        ("=a|=b", "ab", false),
        ("^gemini&!tts", "gemini-pro", true),
        ("^gemini&!tts", "gemini-tts-1", false),
        ("^gemini&!tts", "gemini-tts", false),
        ("$-x", "a-x", true),
        ("*mid", "amidb", true),
        ("~a@5-##", "a@5-12", true),
        ("~a@5-##", "a-5-123", false),
        ("~a-#!", "a-1-more", true),
        ("~a-#!", "a-", false),
        ("", "", false),
        ("?a", "a", false),
    ] {
        assert_eq!(rule::holds(rule, name), holds, "{rule} {name}");
    }
}

#[test]
fn the_longest_answers_are_those_of_the_family() {
    for (model, tokens) in [
        ("claude-3-haiku-20240307", Some(4_096)),
        ("claude-3.5-sonnet", Some(8_192)),
        ("anthropic/claude-opus-4.1", Some(32_000)),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Some(64_000)),
        ("claude-opus-4-6", Some(128_000)),
        ("claude-opus-9", Some(64_000)),
        ("gpt-4o", None),
    ] {
        assert_eq!(longest_answer(model), tokens, "{model}");
    }
}
