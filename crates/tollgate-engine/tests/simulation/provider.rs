//! The providers of a day, and what they may complain of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tollgate_core::error::{Code, Failure};
use tollgate_core::reply::{Piece, Usage};
use tollgate_engine::port::Attempt;
use tollgate_engine::testing::{Act, Scene};

use crate::weather::{Chance, Forecast, Weather};

/// What the providers have seen, and the promises that they watch over.
pub(crate) struct Providers {
    begin: Instant,
    forecasts: HashMap<String, Forecast>,
    watch: Mutex<Watch>,
}

struct Watch {
    chance: Chance,
    /// Until when a connection asked to be left alone, and since when.
    alone: HashMap<String, (Instant, Instant)>,
    attempts: HashMap<Box<str>, u32>,
    complaints: Vec<String>,
}

impl Providers {
    pub(crate) fn new(seed: u64, names: &[&str]) -> Arc<Self> {
        let mut chance = Chance::new(seed);
        let forecasts = names
            .iter()
            .map(|name| ((*name).to_owned(), Forecast::new(&mut chance)));
        Arc::new(Self {
            begin: Instant::now(),
            forecasts: forecasts.collect(),
            watch: Mutex::new(Watch {
                chance,
                alone: HashMap::new(),
                attempts: HashMap::new(),
                complaints: Vec::new(),
            }),
        })
    }

    /// What providers have to complain of.
    pub(crate) fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.watch.lock().unwrap().complaints)
    }

    /// How many attempts of a request came.
    pub(crate) fn attempts_of(&self, request: &str) -> u32 {
        let watch = self.watch.lock().unwrap();
        watch.attempts.get(request).copied().unwrap_or(0)
    }

    /// The gateway was told of a failure.
    pub(crate) fn told(&self, attempt: &Attempt<'_>, failure: &Failure) {
        if failure.code == Code::ProviderRateLimited
            && let Some(wait) = failure.retry_after
        {
            let mut watch = self.watch.lock().unwrap();
            watch.ask_to_be_left_alone(attempt, wait);
        }
    }

    /// What a provider does with an attempt.
    pub(crate) fn act(&self, attempt: &Attempt<'_>) -> Act {
        let now = Instant::now();
        let name = &*attempt.target.connection;
        let mut watch = self.watch.lock().unwrap();
        *watch.attempts.entry(attempt.request_id.into()).or_default() += 1;
        if now >= attempt.deadline {
            watch
                .complaints
                .push(format!("{name}: an attempt after its deadline"));
        }
        if let Some((since, until)) = watch.alone.get(name).copied()
            && since < now
            && now < until
        {
            let early = until - now;
            let complaint = format!("{name}: asked {early:?} before its wait was over");
            watch.complaints.push(complaint);
        }
        let weather = self.forecasts[name].at(now - self.begin);
        watch.act(weather, attempt)
    }
}

impl Watch {
    fn act(&mut self, weather: Weather, attempt: &Attempt<'_>) -> Act {
        let quick = Duration::from_millis(50 + self.chance.below(400));
        match weather {
            Weather::Showers if self.chance.one_in(4) => {
                Act::Fail(quick, failure(Code::ProviderError))
            }
            Weather::Fine | Weather::Showers => self.answer(attempt, quick),
            Weather::Slow => {
                let slow = Duration::from_millis(5_000 + self.chance.below(20_000));
                self.answer(attempt, slow)
            }
            Weather::Down => Act::Fail(quick, failure(Code::ProviderError)),
            Weather::Refused => {
                let mut failure = failure(Code::ProviderUnreachable);
                failure.exchange = Some("refused");
                failure.unsent = true;
                Act::Fail(Duration::from_millis(1), failure)
            }
            Weather::Silent => Act::Answer(Duration::from_secs(100_000)),
            Weather::Resets => {
                let mut failure = failure(Code::ProviderUnreachable);
                failure.exchange = Some("reset_before_answer");
                Act::Fail(quick, failure)
            }
            Weather::Limits(named) => {
                let mut failure = failure(Code::ProviderRateLimited);
                failure.retry_after = named.map(Duration::from_secs);
                Act::Fail(quick, failure)
            }
            Weather::Overloaded(seconds) => {
                let mut failure = failure(Code::ProviderOverloaded);
                failure.retry_after = Some(Duration::from_secs(seconds));
                Act::Fail(quick, failure)
            }
            Weather::Locked => Act::Fail(quick, failure(Code::ProviderAuthenticationFailed)),
            Weather::Cuts if attempt.call.stream => Act::Stream(
                quick,
                vec![
                    Scene::Piece(Duration::ZERO, piece(false)),
                    Scene::Break(quick, failure(Code::StreamInterrupted)),
                ],
            ),
            Weather::Cuts => Act::Fail(quick, failure(Code::ProviderInvalidResponse)),
        }
    }

    fn answer(&mut self, attempt: &Attempt<'_>, wait: Duration) -> Act {
        if self.chance.one_in(50) {
            return Act::Fail(wait, failure(Code::ProviderInvalidRequest));
        }
        if !attempt.call.stream {
            return Act::Answer(wait);
        }
        let mut scenes = vec![Scene::Piece(Duration::ZERO, piece(false))];
        for _ in 0..self.chance.below(5) {
            scenes.push(Scene::Piece(Duration::from_millis(500), piece(false)));
        }
        scenes.push(Scene::Piece(Duration::from_millis(500), piece(true)));
        Act::Stream(wait, scenes)
    }

    /// From when it has said so, a provider must be left alone. A later, shorter wish does not
    /// end an earlier one.
    fn ask_to_be_left_alone(&mut self, attempt: &Attempt<'_>, wait: Duration) {
        let from = Instant::now();
        let until = from + wait;
        let name = attempt.target.connection.to_string();
        let known = self.alone.get(&name).copied();
        let wish = match known {
            Some((since, before)) if before > from => (since.min(from), before.max(until)),
            _ => (from, until),
        };
        self.alone.insert(name, wish);
    }
}

fn failure(code: Code) -> Failure {
    Failure::provider(code, "scripted")
}

fn piece(last: bool) -> Piece {
    Piece {
        content: true,
        last,
        usage: last.then(|| Usage {
            prompt: 20,
            completion: 30,
            ..Usage::default()
        }),
        ..Piece::default()
    }
}
