//! `POST /api/routes/explain`: what would become of a request, and why. Nothing is sent.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tollgate_core::error::Failure;
use tollgate_core::error::dialect::told;
use tollgate_core::key::KeyProblem;
use tollgate_core::model::{Priced, Timeouts, Unsupported};
use tollgate_core::money::Money;
use tollgate_core::price::Rate;
use tollgate_core::route::condition::{Abilities, Ability};
use tollgate_core::route::fallback::Class;
use tollgate_core::route::rules::{Recovery, Repeat, Rules, Sticky};
use tollgate_engine::engine::Engine;
use tollgate_engine::explain::{self, Choice, Explanation, Outcome, Prospect, Question};

use super::fields::Fields;
use super::health;

const LONGEST: usize = 256;
const MOST_TAGS: usize = 32;
const MOST_TOKENS: u64 = 100_000_000;
/// How long the prompt is that is explained if nothing is said of it.
const PROMPT_TOKENS: u64 = 1000;
/// Decimals of a USD in pico-USD.
const DECIMALS: usize = 12;

/// Explains what would become of the request that the body describes. Fails with every field at
/// fault, and where nobody serves the model.
pub fn explain(engine: &Engine, body: &[u8]) -> Result<(u16, Value), Failure> {
    let question = question(body)?;
    let explanation = explain::explain(engine, &question)?;
    Ok((200, answer(engine, &question, &explanation)))
}

fn question(body: &[u8]) -> Result<Question, Failure> {
    let mut fields = Fields::read(body)?;
    let text = |text: Option<String>| text.map(String::into_boxed_str);
    let question = Question {
        // A missing model is a fault.
        model: text(fields.required_text("model", LONGEST)).unwrap_or_default(),
        key: text(fields.text("key", LONGEST)),
        prompt_tokens: fields
            .integer("prompt_tokens", 0..=MOST_TOKENS)
            .unwrap_or(PROMPT_TOKENS),
        max_output: fields.integer("max_output", 1..=MOST_TOKENS),
        needs: needs(&mut fields),
        tags: tags(&mut fields),
        user: text(fields.text("user", LONGEST)),
        session: text(fields.text("session", LONGEST)),
        stream: fields.flag("stream").unwrap_or(false),
        no_fallbacks: !fields.flag("fallbacks").unwrap_or(true),
    };
    fields.finish()?;
    Ok(question)
}

fn ability(word: &str) -> Option<Ability> {
    let mut all = Ability::ALL.iter().copied();
    all.find(|ability| ability.as_str() == word)
}

fn needs(fields: &mut Fields) -> Abilities {
    let words = fields.list("needs", Ability::ALL.len(), |word| match ability(word) {
        Some(_) => Ok(()),
        None => Err("must be vision, tools, files, audio, schema or reasoning"),
    });
    let abilities = words.iter().filter_map(|word| ability(word));
    abilities.fold(Abilities::NONE, Abilities::with)
}

fn tags(fields: &mut Fields) -> Vec<Box<str>> {
    let tags = fields.list("tags", MOST_TAGS, |tag| {
        if tag.trim().is_empty() || tag.len() > LONGEST {
            return Err("must have 1 to 256 bytes");
        }
        Ok(())
    });
    tags.into_iter().map(String::into_boxed_str).collect()
}

fn answer(engine: &Engine, question: &Question, explanation: &Explanation) -> Value {
    let key = explanation.key.as_ref().map(|key| {
        let status = match key.check(engine.clock().now()) {
            Ok(()) => "active",
            Err(KeyProblem::Expired) => "expired",
            Err(KeyProblem::Revoked) => "revoked",
        };
        json!({"id": key.id.as_str(), "name": &*key.name, "status": status})
    });
    let models = &explanation.models;
    let rules = models.first().map(|asked| rules(&asked.route.rules));
    let rows: Vec<_> = models
        .iter()
        .map(|choice| model(engine, choice, models))
        .collect();
    json!({
        "request": {
            "model": question.model,
            "prompt_tokens": question.prompt_tokens,
            "max_output": question.max_output,
            "needs": words(question.needs),
            "tags": question.tags,
            "user": question.user,
            "session": question.session,
            "stream": question.stream,
            "fallbacks": !question.no_fallbacks,
        },
        "key": key,
        "outcome": outcome(&explanation.outcome, models),
        "rules": rules,
        "models": rows,
    })
}

fn words(abilities: Abilities) -> Vec<&'static str> {
    let all = Ability::ALL.iter();
    all.filter(|ability| abilities.has(**ability))
        .map(|ability| ability.as_str())
        .collect()
}

fn outcome(outcome: &Outcome, models: &[Choice]) -> Value {
    match outcome {
        Outcome::Refused(failure) => json!({
            "does": "refuses",
            "code": failure.code.slug(),
            "message": told(failure),
        }),
        Outcome::Asks { model, target } => {
            let choice = models.get(*model);
            let prospect = choice.and_then(|choice| choice.targets.get(*target));
            let target = choice.zip(prospect);
            let target = target.and_then(|(choice, prospect)| choice.target(prospect));
            json!({
                "does": "asks",
                "model": choice.map(|choice| &*choice.route.model),
                "connection": target.map(|target| &*target.target.connection),
                "target_model": target.map(|target| &*target.target.model),
            })
        }
        Outcome::Waits(longest) => json!({
            "does": "waits",
            "longest_ms": health::wait_ms(*longest),
        }),
        Outcome::Fails { code, wait } => json!({
            "does": "fails",
            "code": code.slug(),
            "message": told(&Failure::gateway(*code)),
            "retry_after_ms": wait.map(health::wait_ms),
        }),
    }
}

/// What the whole request goes by: the rules of the model that it asks for.
fn rules(rules: &Rules) -> Value {
    let hedge = rules.hedge.map(
        |hedge| json!({"after_ms": health::ms(hedge.after), "share_percent": hedge.share_percent, "plain": hedge.plain}),
    );
    json!({
        "attempts": rules.attempts,
        "total_ms": health::ms(rules.timeouts.total),
        "backoff": {
            "first_ms": health::ms(rules.backoff.first),
            "factor": rules.backoff.factor,
            "longest_ms": health::ms(rules.backoff.longest),
            "jitter_percent": rules.backoff.jitter_percent,
        },
        "repeat": match rules.repeat {
            Repeat::Streams => "streams",
            Repeat::Always => "always",
            Repeat::Never => "never",
        },
        "queue": {
            "wait_ms": health::ms(rules.queue.wait),
            "length": rules.queue.length,
        },
        "sticky": match rules.sticky {
            Sticky::Off => "off",
            Sticky::User => "user",
            Sticky::Conversation => "conversation",
        },
        "hedge": hedge,
        "recovery": match rules.recovery {
            Recovery::Off => "off",
            Recovery::Continue => "continue",
        },
    })
}

fn model(engine: &Engine, choice: &Choice, models: &[Choice]) -> Value {
    let route = &choice.route;
    let targets: Vec<_> = choice
        .targets
        .iter()
        .zip(1..)
        .filter_map(|(prospect, place)| target(engine, choice, prospect, place))
        .collect();
    json!({
        "model": &*route.model,
        "after": after(choice, models),
        "allowed": choice.allowed,
        "collection": route.any_model,
        "strategy": route.rules.strategy.as_str(),
        "unsupported": match route.rules.unsupported {
            Unsupported::Warn => "warn",
            Unsupported::Drop => "drop",
            Unsupported::Refuse => "refuse",
        },
        "timeouts": timeouts(&route.rules.timeouts),
        "breaker": breaker(&route.rules),
        "waiting": route.waiting(),
        "targets": targets,
    })
}

/// From which models, and after which failures, a model has its turn.
fn after(choice: &Choice, models: &[Choice]) -> Vec<Value> {
    let mut rows: Vec<(usize, Vec<&str>)> = Vec::new();
    for after in &choice.after {
        let word = Class::as_str(after.class);
        match rows.iter_mut().find(|(model, _)| *model == after.model) {
            Some((_, words)) if !words.contains(&word) => words.push(word),
            Some(_) => {}
            None => rows.push((after.model, vec![word])),
        }
    }
    rows.into_iter()
        .filter_map(|(model, failures)| {
            let model = &*models.get(model)?.route.model;
            Some(json!({"model": model, "failures": failures}))
        })
        .collect()
}

fn timeouts(timeouts: &Timeouts) -> Value {
    json!({
        "connect_ms": health::ms(timeouts.connect),
        "first_byte_ms": health::ms(timeouts.first_byte),
        "idle_ms": health::ms(timeouts.idle),
        "answer_ms": health::ms(timeouts.answer),
    })
}

fn breaker(rules: &Rules) -> Value {
    let rules = &rules.breaker;
    let seconds = |time: Duration| time.as_secs();
    json!({
        "failures": rules.failures,
        "share_percent": rules.share_percent,
        "window_s": seconds(rules.window),
        "minimum": rules.minimum,
        "open_s": seconds(rules.open),
        "longest_open_s": seconds(rules.longest_open),
        "probes": rules.probes,
        "cooldown": rules.cooldown,
    })
}

fn target(engine: &Engine, choice: &Choice, prospect: &Prospect, place: u32) -> Option<Value> {
    let target = choice.target(prospect)?;
    let obstacle = prospect.hindrance.as_ref().map(|hindrance| {
        json!({
            "kind": hindrance.word,
            "message": hindrance.sentence,
            "wait_ms": hindrance.wait.map(health::wait_ms),
        })
    });
    let abilities = target.fitness.abilities.map(words);
    let window = target
        .fitness
        .context_window
        .or(target.facts.context_window);
    let prompt = prospect.prompt_tokens;
    let price = target
        .facts
        .price
        .as_ref()
        .map(|priced| price(priced, prompt));
    let own = [
        ("order", Value::from(place)),
        ("connection", (&*target.target.connection).into()),
        ("model", (&*target.target.model).into()),
        ("serves", (&*target.model).into()),
        ("provider", target.health.connection.provider().into()),
        ("asked", obstacle.is_none().into()),
        ("obstacle", obstacle.into()),
        ("priority", target.priority.into()),
        ("weight", target.weight.into()),
        ("price", price.into()),
        ("estimated_cost_usd", prospect.cost.map(usd).into()),
        ("held_usd", prospect.held.map(held).into()),
        ("context_window", window.into()),
        ("max_output", target.target.max_output.into()),
        ("abilities", abilities.into()),
        ("limits", health::limits(&target.limits)),
        ("used", health::used(&prospect.reading.used)),
        (
            "connection_limits",
            health::limits(&prospect.connection.limits),
        ),
        ("connection_used", health::used(&prospect.connection.used)),
        ("connection_healthy", prospect.connection.healthy.into()),
    ];
    let all = own.into_iter();
    let all = all.chain(health::target(engine, &prospect.reading));
    let all = all.map(|(name, value)| (name.to_owned(), value));
    Some(Value::Object(all.collect::<Map<_, _>>()))
}

/// What tokens of a prompt of this length cost, as decimal texts.
fn price(priced: &Priced, prompt: u64) -> Value {
    let price = &priced.price;
    let text = |rate: Rate| Rate::flat(rate.at(prompt)).to_string();
    json!({
        "unit": "usd_per_million_tokens",
        "input": text(price.input),
        "output": text(price.output),
        "cached_input": price.cached_input.map(text),
        "cache_write": price.cache_write.map(text),
        "source": &*priced.version,
    })
}

fn held(nano: u64) -> String {
    Money::from_nano(nano).to_string()
}

/// USD as a decimal text, with no more decimals than needed.
fn usd(pico: u64) -> String {
    let one = 10_u64.pow(12);
    let (whole, fraction) = (pico / one, pico % one);
    if fraction == 0 {
        return whole.to_string();
    }
    let decimals = format!("{fraction:0>DECIMALS$}");
    format!("{whole}.{}", decimals.trim_end_matches('0'))
}

#[cfg(test)]
mod tests;
