//! What calls are charged by, and what is kept of them.

use std::time::Duration;

use tollgate_core::model::Priced;
use tollgate_core::money::Money;
use tollgate_engine::hold;
use tollgate_engine::jobs;
use tollgate_engine::settle::{Durability, Settings, WhenStoreFails};

use super::{Findings, models, small};
use crate::config::section::Section;
use crate::config::{Billing, Idempotency, RequestLog};

const HOUR: Duration = Duration::from_hours(1);

/// What calls are charged by.
pub(super) fn read(section: &Section, findings: &mut Findings<'_>) -> Billing {
    let money = |key| section.money(key).unwrap_or(Money::ZERO);
    let (minimum, low) = (money("minimum_balance_usd"), money("low_balance_usd"));
    if low < minimum {
        let message =
            "is less than `minimum_balance_usd`: nobody is warned before they are refused";
        findings.warning(section, "low_balance_usd", message);
    }
    let durability = match section.word("durability") {
        Some("relaxed") => Durability::Relaxed,
        _ => Durability::Strict,
    };
    let when_store_fails = match section.word("when_store_fails") {
        Some("continue") => WhenStoreFails::Continue,
        _ => WhenStoreFails::Refuse,
    };
    Billing {
        rules: hold::Billing {
            minimum,
            low,
            unpriced: unpriced(section, findings),
            longest_answer: small(section, "longest_answer").unwrap_or_default(),
        },
        settling: Settings {
            durability,
            delay: section.duration("relaxed_delay_ms").unwrap_or_default(),
            patience: section.duration("settle_wait_ms").unwrap_or_default(),
            when_store_fails,
            unbilled: money("unbilled_usd"),
        },
        webhook_secret: section.secret("webhook_secret").cloned(),
    }
}

/// The price of models without one; `None`: they are refused.
fn unpriced(section: &Section, findings: &mut Findings<'_>) -> Option<Priced> {
    let price = section.section("unpriced")?;
    models::price(price, findings)
}

/// Which rows are kept of calls.
pub(super) fn request_log(section: &Section) -> RequestLog {
    let days = small(section, "retention_days").unwrap_or_default();
    RequestLog {
        enabled: section.flag("enabled").unwrap_or(true),
        retention: 24 * HOUR * days,
        longest_body: section.number("longest_body"),
    }
}

/// What holds for all jobs.
pub(super) fn jobs(section: &Section) -> jobs::Settings {
    let usual = jobs::Settings::default();
    jobs::Settings {
        longest: section.duration("longest_s").unwrap_or(usual.longest),
        most_calls: u64::try_from(section.number("most_calls")).unwrap_or(usual.most_calls),
        require_no_failed_calls: section.flag("require_no_failed_calls").unwrap_or(false),
        default_model: None,
    }
}

/// Which answers are kept for requests that are sent again.
pub(super) fn idempotency(section: &Section) -> Idempotency {
    let hours = small(section, "ttl_hours").unwrap_or_default();
    Idempotency {
        ttl: HOUR * hours,
        longest_answer: section.number("longest_answer"),
    }
}
