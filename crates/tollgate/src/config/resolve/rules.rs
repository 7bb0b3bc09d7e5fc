//! What requests go by on their way: what a section says, and what holds where it says nothing.

use std::time::Duration;

use tollgate_core::model::{Timeouts, Unsupported};
use tollgate_core::route::backoff::Backoff;
use tollgate_core::route::breaker::BreakerRules;
use tollgate_core::route::order::Strategy;
use tollgate_core::route::rules::{Hedge, QueueRules, Recovery, Repeat, Rules, Sticky};

use super::{Findings, small};
use crate::config::section::Section;

/// The share of hedged requests where a model hedges and `routing` does not.
const HEDGED_PERCENT: u32 = 5;

/// The rules of a section, and those of `base` where it has none.
pub(super) fn overlay(section: &Section, base: &Rules, findings: &mut Findings<'_>) -> Rules {
    // A table of the wrong type has been reported.
    let none = Section::new("", section.place.clone(), &[]);
    let table = |name| section.section(name).unwrap_or(&none);
    let timeouts = timeouts(table("timeouts"), base.timeouts, findings);
    let rules = Rules {
        timeouts,
        unsupported: unsupported(section).unwrap_or(base.unsupported),
        strategy: base.strategy,
        attempts: small(section, "attempts").unwrap_or(base.attempts),
        backoff: backoff(table("backoff"), base.backoff, findings),
        breaker: breaker(table("breaker"), base.breaker, findings),
        repeat: repeat(section).unwrap_or(base.repeat),
        queue: queue(table("queue"), base.queue),
        sticky: sticky(section).unwrap_or(base.sticky),
        hedge: hedge(section, base.hedge, findings),
        recovery: recovery(section).unwrap_or(base.recovery),
        cache: base.cache,
    };
    check_waits(section, &rules, findings);
    rules
}

/// What a section says of how a target is chosen.
pub(super) fn strategy(section: &Section) -> Strategy {
    let word = section.word("strategy");
    let is_meant = |strategy: &&Strategy| word == Some(strategy.as_str());
    let found = Strategy::ALL.iter().find(is_meant);
    found.copied().unwrap_or_default()
}

fn unsupported(section: &Section) -> Option<Unsupported> {
    match section.word("unsupported")? {
        "drop" => Some(Unsupported::Drop),
        "refuse" => Some(Unsupported::Refuse),
        _ => Some(Unsupported::Warn),
    }
}

fn repeat(section: &Section) -> Option<Repeat> {
    match section.word("repeat")? {
        "always" => Some(Repeat::Always),
        "never" => Some(Repeat::Never),
        _ => Some(Repeat::Streams),
    }
}

fn sticky(section: &Section) -> Option<Sticky> {
    match section.word("sticky")? {
        "user" => Some(Sticky::User),
        "conversation" => Some(Sticky::Conversation),
        _ => Some(Sticky::Off),
    }
}

fn recovery(section: &Section) -> Option<Recovery> {
    match section.word("recovery")? {
        "continue" => Some(Recovery::Continue),
        _ => Some(Recovery::Off),
    }
}

fn timeouts(section: &Section, base: Timeouts, findings: &mut Findings<'_>) -> Timeouts {
    let or = |key, base| section.duration(key).unwrap_or(base);
    let timeouts = Timeouts {
        connect: or("connect_ms", base.connect),
        first_byte: or("first_byte_ms", base.first_byte),
        idle: or("idle_ms", base.idle),
        answer: or("answer_ms", base.answer),
        total: or("total_ms", base.total),
    };
    for (key, part) in [
        ("connect_ms", timeouts.connect),
        ("first_byte_ms", timeouts.first_byte),
        ("idle_ms", timeouts.idle),
        ("answer_ms", timeouts.answer),
    ] {
        let is_own = section.was_given(key) || section.was_given("total_ms");
        if is_own && part > timeouts.total {
            findings.warning(section, key, "is longer than `total_ms`, which ends first");
        }
    }
    timeouts
}

fn backoff(section: &Section, base: Backoff, findings: &mut Findings<'_>) -> Backoff {
    let backoff = Backoff {
        first: section.duration("first_ms").unwrap_or(base.first),
        factor: small(section, "factor").unwrap_or(base.factor),
        longest: section.duration("longest_ms").unwrap_or(base.longest),
        jitter_percent: small(section, "jitter_percent").unwrap_or(base.jitter_percent),
    };
    let (first, longest) = (backoff.first, backoff.longest);
    check_growth(
        section,
        ("first_ms", first),
        ("longest_ms", longest),
        findings,
    );
    backoff
}

fn breaker(section: &Section, base: BreakerRules, findings: &mut Findings<'_>) -> BreakerRules {
    let number = |key, base| small(section, key).unwrap_or(base);
    let duration = |key, base| section.duration(key).unwrap_or(base);
    let rules = BreakerRules {
        failures: number("failures", base.failures),
        share_percent: number("share_percent", base.share_percent),
        window: duration("window_s", base.window),
        minimum: number("minimum", base.minimum),
        open: duration("open_s", base.open),
        longest_open: duration("longest_open_s", base.longest_open),
        probes: number("probes", base.probes),
        cooldown: section.flag("cooldown").unwrap_or(base.cooldown),
    };
    let (first, longest) = (rules.open, rules.longest_open);
    check_growth(
        section,
        ("open_s", first),
        ("longest_open_s", longest),
        findings,
    );
    rules
}

/// What grows ends no lower than it began.
fn check_growth(
    section: &Section,
    (first_key, first): (&str, Duration),
    (longest_key, longest): (&str, Duration),
    findings: &mut Findings<'_>,
) {
    if longest >= first {
        return;
    }
    if section.was_given(longest_key) {
        let message = format!("is shorter than `{first_key}`, from which it grows");
        findings.problem(section, longest_key, message);
    } else if section.was_given(first_key) {
        let message = format!("is longer than `{longest_key}`, up to which it grows");
        findings.problem(section, first_key, message);
    }
}

fn queue(section: &Section, base: QueueRules) -> QueueRules {
    let length = section.count("length");
    QueueRules {
        wait: section.duration("wait_ms").unwrap_or(base.wait),
        length: length.map_or(base.length, |length| {
            usize::try_from(length).unwrap_or(usize::MAX)
        }),
    }
}

fn hedge(section: &Section, base: Option<Hedge>, findings: &mut Findings<'_>) -> Option<Hedge> {
    if !section.was_given("hedge") {
        return base;
    }
    let own = section.section("hedge")?;
    let share = small(own, "share_percent").or(base.map(|base| base.share_percent));
    let share_percent = share.unwrap_or(HEDGED_PERCENT);
    if share_percent == 0 {
        return None;
    }
    let after = own.duration("after_ms").or(base.map(|base| base.after));
    if after.is_none() && !own.was_given("after_ms") {
        let message = "is missing: how slow the first target may be before a second one is asked";
        findings.problem(own, "after_ms", message);
    }
    let plain = own.flag("plain").or(base.map(|base| base.plain));
    Some(Hedge {
        after: after?,
        share_percent,
        plain: plain.unwrap_or(false),
    })
}

/// Waits that never come to their end, because something else ends first.
fn check_waits(section: &Section, rules: &Rules, findings: &mut Findings<'_>) {
    let own = |name: &str| section.section(name).filter(|_| section.was_given(name));
    if let Some(queue) = own("queue").filter(|own| own.was_given("wait_ms"))
        && rules.queue.wait > rules.timeouts.total
    {
        let message = "is longer than `timeouts.total_ms`, which ends first";
        findings.warning(queue, "wait_ms", message);
    }
    if let Some((own, hedge)) = own("hedge").zip(rules.hedge)
        && hedge.after >= rules.timeouts.first_byte
    {
        let message = "is no shorter than `timeouts.first_byte_ms`, which ends first";
        findings.warning(own, "after_ms", message);
    }
}
