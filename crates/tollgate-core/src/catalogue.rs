//! What is publicly known of models: prices, context windows, the longest answers.
//!
//! The table is text that is compiled in and searched where a model is declared or listed;
//! nothing is parsed at start, and no request waits for it. It is made by `cargo xtask generate`
//! from the `genai-prices` crate.

mod longest;
mod rule;
#[cfg(test)]
mod tests;

use crate::price::{Price, Rate, Step};

pub use longest::longest_answer;

const TABLE: &str = include_str!("../data/models.tsv");

/// What the table says of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The id of its row.
    pub id: &'static str,
    /// How many tokens prompt and answer may have together.
    pub context_window: Option<u64>,
    /// What tokens cost.
    pub price: Price,
    /// Who says so: [`version`], or `simulated` for what costs nothing because it is no model.
    pub source: &'static str,
}

/// The name and version of what the table was made from; kept with every charge by its prices.
pub fn version() -> &'static str {
    let first = TABLE.lines().next().unwrap_or_default();
    first.trim_start_matches(['#', ' '])
}

/// The row of a model, as its provider calls it; `provider` is the name of a row of the provider
/// table. `None` if nothing is known.
pub fn find(provider: &str, model: &str) -> Option<Entry> {
    if provider == "simulated" {
        // It costs nothing, and says so.
        return Some(Entry {
            id: "simulated",
            context_window: None,
            price: Price::default(),
            source: "simulated",
        });
    }
    let name = model.to_lowercase();
    let name = plain(provider, &name);
    let sections: &[&str] = match provider {
        // They serve the models of others at the prices of those.
        "azure" => &["azure", "openai", "anthropic", "deepseek", "xai"],
        "vertex" | "google" => &["google", "anthropic"],
        other => &[other],
    };
    // A row that has the very name knows more than one that knows its beginning, or a part of it,
    // even if that one stands before it.
    let search = |fits: fn(Row, &str) -> bool| {
        sections.iter().find_map(|section| {
            let mut rows = rows(section).map(Row);
            rows.find(|row| fits(*row, name)).and_then(Row::entry)
        })
    };
    search(Row::has_name).or_else(|| search(Row::matches))
}

/// The name of a model without the place that an address has it in.
fn plain<'a>(provider: &str, name: &'a str) -> &'a str {
    let bare = match provider {
        "google" => name.strip_prefix("models/"),
        "vertex" => ["google", "anthropic"].iter().find_map(|publisher| {
            let rest = name.strip_prefix("publishers/")?;
            rest.strip_prefix(publisher)?.strip_prefix("/models/")
        }),
        "bedrock" if name.starts_with("arn:") => name.rsplit_once('/').map(|(_, last)| last),
        _ => None,
    };
    bare.unwrap_or(name)
}

/// The lines of a provider, which stand together.
fn rows(provider: &str) -> impl Iterator<Item = &'static str> {
    let begin = TABLE.find(&format!("\n{provider}\t")).map(|at| at + 1);
    let section = begin.and_then(|at| TABLE.get(at..)).unwrap_or_default();
    let lead = format!("{provider}\t");
    section
        .lines()
        .take_while(move |line| line.starts_with(&lead))
}

/// A line of the table.
#[derive(Clone, Copy)]
struct Row(&'static str);

impl Row {
    fn has_name(self, name: &str) -> bool {
        rule::names(self.column(2), name)
    }

    fn matches(self, name: &str) -> bool {
        rule::holds(self.column(2), name)
    }

    fn entry(self) -> Option<Entry> {
        let input = rate(self.column(4));
        let output = rate(self.column(5));
        if input.is_none() && output.is_none() {
            return None;
        }
        Some(Entry {
            id: self.column(1),
            context_window: self.column(3).parse().ok(),
            price: Price {
                input: input.unwrap_or_default(),
                output: output.unwrap_or_default(),
                cached_input: rate(self.column(6)),
                cache_write: rate(self.column(7)),
                cache_write_1h: rate(self.column(8)),
            },
            source: version(),
        })
    }

    fn column(self, number: usize) -> &'static str {
        self.0.split('\t').nth(number).unwrap_or_default()
    }
}

/// A rate as the table writes it: `2500000`, or `2500000>200000:5000000` with a step.
fn rate(text: &str) -> Option<Rate> {
    let mut parts = text.split('>');
    let base = parts.next()?.parse().ok()?;
    let mut rate = Rate::flat(base);
    for (place, part) in rate.steps.iter_mut().zip(parts) {
        let (above, price) = part.split_once(':')?;
        *place = Some(Step {
            above: above.parse().ok()?,
            price: price.parse().ok()?,
        });
    }
    Some(rate)
}
