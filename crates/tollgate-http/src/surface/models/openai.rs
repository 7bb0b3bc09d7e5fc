//! Models in OpenAI's form.

use serde_json::{Value, json};
use tollgate_core::model::Priced;
use tollgate_core::price::Rate;
use tollgate_core::time::Timestamp;

use super::{Shown, tell};

/// All of them: OpenAI's list has no pages.
pub(super) fn list(models: &[Shown<'_>], began: Timestamp) -> Value {
    let data: Vec<_> = models.iter().map(|model| row(model, began)).collect();
    json!({"object": "list", "data": data})
}

/// One model. When a model was made nobody knows here: it is as old as the process. What is known
/// beyond OpenAI's members stands beside them.
pub(super) fn row(model: &Shown<'_>, began: Timestamp) -> Value {
    let mut row = json!({
        "id": model.name,
        "object": "model",
        "created": began.as_seconds(),
        "owned_by": model.connection,
    });
    tell(&mut row, "context_window", model.facts.context_window);
    tell(&mut row, "max_output_tokens", model.facts.max_output);
    tell(&mut row, "pricing", model.facts.price.as_ref().map(pricing));
    row
}

/// Prices as decimal texts: a number would be rounded by whoever reads it.
fn pricing(priced: &Priced) -> Value {
    let Priced { price, version } = priced;
    let mut pricing = json!({
        "unit": "usd_per_million_tokens",
        "input": price.input.to_string(),
        "output": price.output.to_string(),
        "source": &**version,
    });
    let text = |rate: Option<Rate>| rate.map(|rate| rate.to_string());
    tell(&mut pricing, "cached_input", text(price.cached_input));
    tell(&mut pricing, "cache_write", text(price.cache_write));
    pricing
}

#[cfg(test)]
mod tests {
    use tollgate_core::model::ModelFacts;
    use tollgate_core::price::Price;

    use super::*;

    #[test]
    fn what_is_known_of_a_model_stands_beside_its_name() {
        let facts = ModelFacts {
            context_window: Some(128_000),
            max_output: None,
            price: Some(Priced {
                price: Price {
                    input: Rate::flat(2_500_000),
                    output: Rate::flat(10_000_000),
                    cached_input: Some(Rate::flat(62_500)),
                    ..Price::default()
                },
                version: "v1".into(),
            }),
        };
        let shown = Shown {
            name: "m",
            connection: "main",
            facts: &facts,
        };
        assert_eq!(
            row(&shown, Timestamp::from_millis(5_000)),
            json!({
                "id": "m", "object": "model", "created": 5, "owned_by": "main",
                "context_window": 128_000,
                "pricing": {
                    "unit": "usd_per_million_tokens", "input": "2.5", "output": "10",
                    "cached_input": "0.0625", "source": "v1",
                },
            })
        );
    }
}
