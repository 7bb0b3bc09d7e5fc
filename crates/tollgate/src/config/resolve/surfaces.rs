//! What single surfaces need beside the models, and the cache of answers.

use tollgate_core::limit::RateLimits;
use tollgate_core::route::cache::{self, CacheMode};
use tollgate_engine::cache::Settings;
use tollgate_engine::routes::DeclaredModel;

use super::{Findings, models, small};
use crate::config::section::Section;
use crate::config::{Simple, Surfaces};

/// What surfaces need.
pub(super) fn read(
    section: &Section,
    models: &[DeclaredModel],
    findings: &mut Findings<'_>,
) -> Surfaces {
    let default_model = section.text("default_model");
    if let Some(model) = default_model
        && !is_one(models, model)
    {
        findings.problem(section, "default_model", NOT_A_MODEL);
    }
    Surfaces {
        default_model: default_model.map(Into::into),
        simple: section
            .section("simple")
            // A section with defaults is always there.
            .filter(|_| section.was_given("simple"))
            .map(|own| simple(own, models, findings)),
    }
}

const NOT_A_MODEL: &str = "is no model that callers can ask for";

fn is_one(models: &[DeclaredModel], name: &str) -> bool {
    !name.contains('*') && models::is_served(models, name)
}

fn simple(own: &Section, models: &[DeclaredModel], findings: &mut Findings<'_>) -> Simple {
    for (word, model) in own.hints("hints") {
        if !is_one(models, &model.text) {
            let key = format!("{}.{word}", own.path_of("hints"));
            findings.problems.push(&model.place, key, NOT_A_MODEL);
        }
    }
    let hints = own.hints("hints").iter();
    let capacity = small(own, "capacity").filter(|capacity| *capacity > 0);
    Simple {
        hints: hints
            .map(|(word, model)| (word.as_str().into(), model.text.as_str().into()))
            .collect(),
        limits: capacity.map_or(RateLimits::NONE, |capacity| RateLimits {
            rpm: small(own, "refill_per_minute"),
            burst: Some(capacity),
            ..RateLimits::NONE
        }),
    }
}

/// How answers are kept.
pub(super) fn cache(section: &Section) -> Settings {
    Settings {
        mode: mode(section).unwrap_or_default(),
        ttl: section.duration("ttl_s").unwrap_or_default(),
        stale: section.duration("stale_s").unwrap_or_default(),
        size: section.number("size"),
        longest_answer: section.number("longest_answer"),
        hit_price_percent: small(section, "hit_price_percent")
            .and_then(|percent| u8::try_from(percent).ok())
            .unwrap_or_default(),
    }
}

/// What a model says differently.
pub(super) fn own_cache(section: &Section) -> cache::Rules {
    let Some(own) = section.section("cache") else {
        return cache::Rules::default();
    };
    cache::Rules {
        mode: mode(own),
        ttl: own.duration("ttl_s"),
        stale: own.duration("stale_s"),
    }
}

fn mode(section: &Section) -> Option<CacheMode> {
    Some(match section.word("mode")? {
        "on" => CacheMode::On,
        "ask" => CacheMode::Ask,
        _ => CacheMode::Off,
    })
}
