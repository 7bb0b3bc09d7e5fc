//! Limits and budgets as the text that is kept of them.

use serde_json::{Map, Value, json};
use tollgate_core::budget::{Budget, Controls, Period};
use tollgate_core::limit::RateLimits;
use tollgate_core::money::Money;

/// The text of what somebody is allowed; `None` where nothing is limited, as for most.
pub(super) fn write(controls: &Controls) -> Option<String> {
    let Controls { limits, budgets } = controls;
    if *limits == RateLimits::NONE && budgets.is_empty() {
        return None;
    }
    let mut kept = Map::new();
    for (name, limit) in [
        ("rpm", limits.rpm.map(u64::from)),
        ("tpm", limits.tpm),
        ("parallel", limits.parallel.map(u64::from)),
        ("burst", limits.burst.map(u64::from)),
    ] {
        if let Some(limit) = limit {
            kept.insert(name.to_owned(), limit.into());
        }
    }
    if !budgets.is_empty() {
        let budgets = budgets.iter().map(|budget| {
            json!({
                "period": budget.period.as_str(),
                "nano_usd": budget.limit.as_nano(),
                "warn_percent": budget.warn_percent,
                "zone": budget.zone,
            })
        });
        kept.insert("budgets".to_owned(), budgets.collect());
    }
    Some(Value::Object(kept).to_string())
}

/// Reads such a text. Fails for what no version has written.
pub(super) fn read(text: Option<&str>) -> Result<Controls, &'static str> {
    let Some(text) = text else {
        return Ok(Controls::default());
    };
    let kept: Value = serde_json::from_str(text).map_err(|_| "the controls are no JSON")?;
    let limit = |name: &str| match kept.get(name) {
        None => Ok(None),
        Some(limit) => limit.as_u64().map(Some).ok_or("a limit is no number"),
    };
    let small = |name: &str| match limit(name)? {
        None => Ok(None),
        Some(limit) => u32::try_from(limit)
            .map(Some)
            .map_err(|_| "a limit is too large"),
    };
    let limits = RateLimits {
        rpm: small("rpm")?,
        tpm: limit("tpm")?,
        parallel: small("parallel")?,
        burst: small("burst")?,
    };
    let budgets = match kept.get("budgets").map(Value::as_array) {
        None => Box::default(),
        Some(None) => return Err("the budgets are no list"),
        Some(Some(budgets)) => {
            let budgets = budgets.iter().map(budget);
            let budgets: Option<_> = budgets.collect();
            budgets.ok_or("a budget is not what any version has written")?
        }
    };
    Ok(Controls { limits, budgets })
}

fn budget(kept: &Value) -> Option<Budget> {
    Some(Budget {
        period: Period::from_name(kept.get("period")?.as_str()?)?,
        limit: Money::from_nano(kept.get("nano_usd")?.as_u64()?),
        warn_percent: kept.get("warn_percent")?.as_u64()?.try_into().ok()?,
        zone: kept.get("zone")?.as_str()?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_read_as_they_were_written() {
        let budget = |period, nano| Budget {
            period,
            limit: Money::from_nano(nano),
            warn_percent: 80,
            zone: "Europe/Berlin".into(),
        };
        let limits = RateLimits {
            rpm: Some(u32::MAX),
            tpm: Some(u64::MAX),
            parallel: Some(0),
            burst: Some(1),
        };
        for controls in [
            Controls::default(),
            Controls {
                limits,
                budgets: Box::default(),
            },
            Controls {
                limits: RateLimits::NONE,
                budgets: [budget(Period::Daily, 1), budget(Period::Total, u64::MAX)].into(),
            },
        ] {
            assert_eq!(read(write(&controls).as_deref()), Ok(controls));
        }
        assert_eq!(write(&Controls::default()), None);
    }

    #[test]
    fn what_no_version_has_written_is_refused() {
        for text in [
            "",
            r#"{"rpm":-1}"#,
            r#"{"rpm":4294967296}"#,
            r#"{"budgets":{}}"#,
            r#"{"budgets":[{"period":"hourly","nano_usd":1,"warn_percent":1,"zone":"UTC"}]}"#,
            r#"{"budgets":[{"period":"daily","nano_usd":1,"warn_percent":256,"zone":"UTC"}]}"#,
        ] {
            assert!(read(Some(text)).is_err(), "{text}");
        }
    }
}
