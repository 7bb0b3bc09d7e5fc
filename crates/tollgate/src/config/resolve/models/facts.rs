//! What is known of a model: the built-in catalogue, and what the file says instead.

use tollgate_core::catalogue;
use tollgate_core::model::{ModelFacts, Priced};
use tollgate_core::price::{Price, Rate};

use crate::config::resolve::{Findings, small};
use crate::config::section::Section;

/// What stands before the version of prices that the file declares.
const DECLARED: &str = "configuration";

/// The keys of a price.
const KEYS: [&str; 4] = ["input", "output", "cached_input", "cache_write"];

/// What the catalogue knows of a provider's model.
pub(in crate::config) fn of(provider: &str, model: &str) -> ModelFacts {
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

/// What a section says. Keys that it does not have stay unknown.
pub(super) fn declared(section: &Section, findings: &mut Findings<'_>) -> ModelFacts {
    // The section of a table that nobody wrote is there all the same, and empty.
    let price = section
        .section("price")
        .filter(|own| KEYS.iter().any(|key| own.was_given(key)))
        .and_then(|own| price(own, findings));
    ModelFacts {
        context_window: section.count("context_window"),
        max_output: small(section, "max_output"),
        price,
    }
}

/// The facts of the first, and those of the second where it has none.
pub(super) fn or(first: ModelFacts, second: &ModelFacts) -> ModelFacts {
    ModelFacts {
        context_window: first.context_window.or(second.context_window),
        max_output: first.max_output.or(second.max_output),
        price: first.price.or_else(|| second.price.clone()),
    }
}

/// Reads a price. `None` if anything is wrong with it, which is reported.
pub(in crate::config::resolve) fn price(
    section: &Section,
    findings: &mut Findings<'_>,
) -> Option<Priced> {
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
    let price = Price {
        input: input?,
        output: output?,
        cached_input,
        cache_write,
        cache_write_1h: None,
    };
    Some(Priced {
        version: version(&price).into(),
        price,
    })
}

/// A version that says the price itself, so that each entry of the ledger can be checked when the
/// file has long been changed: `configuration input=2.5 output=10 cached_input=1.25`.
fn version(price: &Price) -> String {
    let rates = [
        Some(price.input),
        Some(price.output),
        price.cached_input,
        price.cache_write,
    ];
    let mut text = DECLARED.to_owned();
    for (key, rate) in KEYS.iter().zip(rates) {
        if let Some(rate) = rate {
            text.extend([" ", key, "=", &rate.to_string()]);
        }
    }
    text
}
