//! What the jobs of a team cost, as the text that is kept of it.

use serde_json::{Value, json};
use tollgate_core::job::{BudgetMode, Terms};

/// The text of terms.
pub(super) fn write(terms: &Terms) -> String {
    json!({
        "mode": terms.mode.as_str(),
        "credits_per_dollar": terms.credits_per_dollar,
        "tokens_per_credit": terms.tokens_per_credit,
        "default_model": terms.default_model,
    })
    .to_string()
}

/// Reads such a text. Fails for what no version has written.
pub(super) fn read(text: Option<&str>) -> Result<Option<Box<Terms>>, &'static str> {
    let Some(text) = text else {
        return Ok(None);
    };
    let kept: Value = serde_json::from_str(text).map_err(|_| "the terms of jobs are no JSON")?;
    let mode = kept.get("mode").and_then(Value::as_str);
    let rate = |name: &str| kept.get(name).and_then(Value::as_u64);
    let terms = (
        mode.and_then(BudgetMode::from_name),
        rate("credits_per_dollar"),
        rate("tokens_per_credit"),
    );
    let (Some(mode), Some(credits_per_dollar), Some(tokens_per_credit)) = terms else {
        return Err("the terms of jobs are not what any version has written");
    };
    let default_model = kept.get("default_model").and_then(Value::as_str);
    Ok(Some(Box::new(Terms {
        mode,
        credits_per_dollar,
        tokens_per_credit,
        default_model: default_model.map(Into::into),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_as_they_were_written() {
        for terms in [
            Terms::default(),
            Terms {
                mode: BudgetMode::ConsumptionTokens,
                credits_per_dollar: 1,
                tokens_per_credit: u64::MAX,
                default_model: Some("sim/gpt \"4\"".into()),
            },
        ] {
            assert_eq!(*read(Some(&write(&terms))).unwrap().unwrap(), terms);
        }
        assert_eq!(read(None), Ok(None));
        for text in [
            "",
            "{}",
            r#"{"mode":"free","credits_per_dollar":1,"tokens_per_credit":1}"#,
        ] {
            assert!(read(Some(text)).is_err(), "{text}");
        }
    }
}
