//! What is known of a model: the built-in catalogue, and what the file says instead.

use tollgate_core::catalogue;
use tollgate_core::model::{ModelFacts, Priced};
use tollgate_core::price::{Price, Rate};

use crate::config::resolve::Findings;
use crate::config::section::Section;

/// The version of prices that the file declares.
const DECLARED: &str = "configuration";

/// The keys of a price.
const KEYS: [&str; 4] = ["input", "output", "cached_input", "cache_write"];

/// What the catalogue knows of a provider's model.
pub(super) fn of(provider: &str, model: &str) -> ModelFacts {
    let entry = catalogue::find(provider, model);
    ModelFacts {
        context_window: entry.as_ref().and_then(|entry| entry.context_window),
        max_output: catalogue::longest_answer(model),
        price: entry.map(|entry| Priced {
            price: entry.price,
            version: entry.source.into(),
        }),
    }
}

/// What the section of a model says, and what is known where it says nothing.
pub(super) fn overlay(
    section: &Section,
    known: ModelFacts,
    findings: &mut Findings<'_>,
) -> ModelFacts {
    let number = |key| section.was_given(key).then(|| section.number(key) as u64);
    // The section of a table that nobody wrote is there all the same, and empty.
    let declared = section
        .section("price")
        .filter(|own| KEYS.iter().any(|key| own.was_given(key)))
        .and_then(|own| price(own, findings));
    ModelFacts {
        context_window: number("context_window").or(known.context_window),
        max_output: number("max_output")
            .and_then(|tokens| u32::try_from(tokens).ok())
            .or(known.max_output),
        price: declared.or(known.price),
    }
}

fn price(section: &Section, findings: &mut Findings<'_>) -> Option<Priced> {
    let mut rate = |key| {
        let Some(text) = section.text(key) else {
            if matches!(key, "input" | "output") && !section.was_given(key) {
                findings.problem(section, key, "is missing");
            }
            return None;
        };
        let rate = Rate::parse(text);
        if rate.is_none() {
            let message = "must be USD per million tokens as a decimal number in quotes, with at \
                           most six decimals, such as \"2.50\"";
            findings.problem(section, key, message);
        }
        rate
    };
    let [input, output, cached_input, cache_write] = KEYS.map(&mut rate);
    Some(Priced {
        price: Price {
            input: input?,
            output: output?,
            cached_input,
            cache_write,
            cache_write_1h: None,
        },
        version: DECLARED.into(),
    })
}
