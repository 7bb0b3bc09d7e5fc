//! Limits and budgets in bodies and answers of the management API.

use serde_json::{Value, json};
use tollgate_core::budget::{Budget, Controls, Period};
use tollgate_core::limit::RateLimits;
use tollgate_core::money::Money;
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{ControlsEdit, LimitsEdit};
use tollgate_engine::port::Clock;
use tollgate_engine::spend::BudgetReading;

use super::fields::Fields;

/// From this share of a budget on answers warn, where nothing else is said.
const WARN_PERCENT: u64 = 80;
/// One for each period.
const MOST_BUDGETS: usize = Period::ALL.len();
/// No limit is larger.
const MOST: u64 = 1_000_000_000;
/// No limit of tokens is larger.
const MOST_TOKENS: u64 = 1_000_000_000_000;
/// No limit of parallel calls is larger.
const MOST_PARALLEL: u64 = 1_000_000;

/// Reads `limits` and `budgets` of something that is made.
pub(super) fn new(fields: &mut Fields, clock: &dyn Clock) -> Controls {
    let edit = edit(fields, clock);
    Controls {
        limits: edit.limits.onto(RateLimits::NONE),
        budgets: edit.budgets.unwrap_or_default(),
    }
}

/// Reads a change to `limits` and `budgets`. A limit that is not named stays, one that is `null`
/// is taken away; `budgets` names all that there are from now on, and `null` or an empty list
/// none.
pub(super) fn edit(fields: &mut Fields, clock: &dyn Clock) -> ControlsEdit {
    let limits = if fields.names_null("limits") {
        fields.skip("limits");
        Some(LimitsEdit {
            rpm: Some(None),
            tpm: Some(None),
            parallel: Some(None),
            burst: Some(None),
        })
    } else {
        fields.object("limits", limits)
    };
    let budgets = if fields.names_null("budgets") {
        fields.skip("budgets");
        Some(Vec::new())
    } else {
        let read = |fields: &mut Fields| budget(fields, clock);
        fields.objects("budgets", MOST_BUDGETS, read).map(|all| {
            let all: Vec<Budget> = all.into_iter().flatten().collect();
            for (index, budget) in all.iter().enumerate() {
                let mut others = all.iter().take(index);
                if others.any(|other| other.period == budget.period) {
                    let path = format!("budgets[{index}].period");
                    let what = "occurs twice; there is one budget for each period";
                    fields.fault(&path, "value_error", what);
                }
            }
            all
        })
    };
    ControlsEdit {
        limits: limits.unwrap_or_default(),
        budgets: budgets.map(Into::into),
    }
}

fn limits(fields: &mut Fields) -> LimitsEdit {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let mut read =
        |name: &'static str, most: u64| fields.names(name).then(|| fields.integer(name, 1..=most));
    let rpm = read("rpm", MOST);
    let tpm = read("tpm", MOST_TOKENS);
    let parallel = read("parallel", MOST_PARALLEL);
    let burst = read("burst", MOST);
    for name in ["rpm", "tpm", "parallel", "burst"] {
        fields.skip(name);
    }
    LimitsEdit {
        rpm: rpm.map(|limit| limit.map(small)),
        tpm,
        parallel: parallel.map(|limit| limit.map(small)),
        burst: burst.map(|limit| limit.map(small)),
    }
}

/// A budget; `None` after a fault.
fn budget(fields: &mut Fields, clock: &dyn Clock) -> Option<Budget> {
    let word = fields.required_text("period", 16);
    let period = word.as_deref().and_then(Period::from_name);
    if word.is_some() && period.is_none() {
        let what = "must be daily, weekly, monthly or total";
        fields.fault("period", "value_error", what);
    }
    let text = fields.required_text("usd", 32);
    let limit = text.as_deref().and_then(Money::parse);
    if text.is_some() && limit.is_none() {
        let what = "must be an amount in USD up to 10000000 with at most nine decimals, as a \
                    text: \"50.00\"";
        fields.fault("usd", "value_error", what);
    }
    let warn = fields.integer("warn_percent", 1..=100);
    let zone = fields.text("zone", 64).unwrap_or_else(|| "UTC".to_owned());
    if !clock.is_zone(&zone) {
        let what = "must be the name of a time zone, for example UTC or Europe/Berlin";
        fields.fault("zone", "value_error", what);
        return None;
    }
    Some(Budget {
        period: period?,
        limit: limit?,
        warn_percent: u8::try_from(warn.unwrap_or(WARN_PERCENT)).unwrap_or(100),
        zone: zone.into(),
    })
}

/// The limits as answers tell them.
pub(super) fn told_limits(limits: &RateLimits) -> Value {
    json!({
        "rpm": limits.rpm,
        "tpm": limits.tpm,
        "parallel": limits.parallel,
        "burst": limits.burst,
    })
}

/// The budgets as answers tell them, with where they stand.
pub(super) fn told_budgets(budgets: &[Budget], readings: &[BudgetReading]) -> Value {
    let told = budgets.iter().zip(readings).map(|(budget, reading)| {
        json!({
            "period": budget.period.as_str(),
            "usd": budget.limit.to_string(),
            "warn_percent": budget.warn_percent,
            "zone": &*budget.zone,
            "spent_usd": reading.spent.to_string(),
            "held_usd": reading.held.to_string(),
            "resets_at": reading.resets_at.map(Timestamp::to_rfc3339),
        })
    });
    Value::Array(told.collect())
}
