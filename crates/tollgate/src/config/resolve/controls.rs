//! What somebody is allowed: rate limits and budgets.

use std::collections::HashMap;

use tollgate_core::budget::{Budget, Controls, Period};
use tollgate_core::limit::{Level, RateLimits};
use tollgate_engine::throttle::DefaultLimits;

use super::{Findings, small};
use crate::config::section::Section;

/// The limits of whoever has none of their own.
pub(super) fn defaults(section: &Section, findings: &mut Findings<'_>) -> DefaultLimits {
    let mut of = |level: Level| {
        let own = section.section(level.as_str());
        own.map_or(RateLimits::NONE, |own| {
            rates(own, RateLimits::NONE, findings)
        })
    };
    DefaultLimits {
        ip: of(Level::Ip),
        key: of(Level::Key),
        user: of(Level::User),
        team: of(Level::Team),
        organization: of(Level::Organization),
        model: of(Level::Model),
    }
}

/// What a section allows; `defaults` are the limits of its level.
pub(super) fn read(
    section: &Section,
    defaults: RateLimits,
    findings: &mut Findings<'_>,
) -> Controls {
    let limits = section.section("limits");
    Controls {
        limits: limits.map_or(RateLimits::NONE, |own| rates(own, defaults, findings)),
        budgets: budgets(section.sections("budgets"), findings),
    }
}

fn rates(section: &Section, defaults: RateLimits, findings: &mut Findings<'_>) -> RateLimits {
    let limits = RateLimits {
        rpm: small(section, "rpm"),
        tpm: section.count("tpm"),
        parallel: small(section, "parallel"),
        burst: small(section, "burst"),
    };
    let rpm = limits.rpm.or(defaults.rpm);
    if let Some(burst) = limits.burst {
        match rpm {
            // One that was given and is wrong has been reported as such.
            None if !section.was_given("rpm") => {
                let message = "has no effect without `rpm`";
                findings.warning(section, "burst", message);
            }
            Some(rpm) if burst > rpm => {
                let message = "is more than `rpm`: more than a minute's requests may come at once";
                findings.warning(section, "burst", message);
            }
            _ => {}
        }
    }
    limits
}

fn budgets(sections: &[Section], findings: &mut Findings<'_>) -> Box<[Budget]> {
    let mut periods = HashMap::new();
    for section in sections {
        let period = section.word("period");
        if let Some(other) = period.and_then(|period| periods.insert(period, section)) {
            let message = format!("`{}` is a budget of the same period", other.path);
            findings.problem(section, "period", message);
        }
        if period == Some(Period::Total.as_str()) && section.was_given("zone") {
            let message = "has no effect: a total never begins anew";
            findings.warning(section, "zone", message);
        }
    }
    sections.iter().filter_map(budget).collect()
}

fn budget(section: &Section) -> Option<Budget> {
    Some(Budget {
        period: Period::from_name(section.word("period")?)?,
        limit: section.money("usd")?,
        warn_percent: u8::try_from(section.count("warn_percent")?).ok()?,
        zone: section.text("zone").unwrap_or("UTC").into(),
    })
}
