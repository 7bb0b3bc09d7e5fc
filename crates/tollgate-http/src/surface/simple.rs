//! The simple chat of seed 000, its health and its metrics.

mod metrics;

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use serde_json::json;
use tollgate_core::error::{Code, Failure, StreamMark};
use tollgate_core::reply::{Piece, Usage};
use tollgate_engine::caller::Caller;
use tollgate_engine::chat::Served;
use tollgate_engine::port::{PieceStream, Pieces, Reply};
use tollgate_engine::throttle;
use tollgate_engine::trail::Later;
use tollgate_wire::simple::answer::{self, Frame};
use tollgate_wire::simple::request::{self, Request};
use tollgate_wire::simple::stream::Reducer;

use crate::dispatch::Given;
use crate::gateway::{Gateway, Surfaces};
use crate::record::Record;

/// `GET /api/v1/health`.
pub(crate) fn health() -> Given {
    Given::json(200, &json!({"status": "ok"}))
}

/// `GET /api/v1/metrics`.
pub(crate) fn metrics(gateway: &Gateway) -> Result<Given, Failure> {
    metrics::answer(gateway)
}

/// Counts a request under the limits that this surface has beside all others.
pub(crate) fn enter(record: &Record, caller: &Caller) -> Result<(), Failure> {
    let gateway = record.gateway();
    let limits = gateway.settings().surfaces.simple_limits;
    throttle::enter(&gateway.engine, &limits, caller, record.facts.client)
}

/// What a caller asked of the simple chat, as a chat completion.
pub(crate) struct Asked {
    /// The body.
    pub(crate) body: Bytes,
    /// Members that nobody is told of.
    pub(crate) unknown: Vec<String>,
}

/// Reads a body, and decides which model is asked.
pub(crate) fn read(gateway: &Gateway, body: &[u8]) -> Result<Asked, Failure> {
    let request = request::read(body)?;
    let settings = gateway.settings();
    let model = model(gateway, &settings.surfaces, &request)?;
    Ok(Asked {
        body: request.completion(&model),
        unknown: request.unknown,
    })
}

/// The model that is meant: by `model`, else by the hint, else the default. A word that the
/// configuration knows stands for its model. A hint that nothing is known of is refused: somebody
/// who asks for `secure` must not be answered by whatever is the default.
fn model(gateway: &Gateway, surfaces: &Surfaces, request: &Request) -> Result<String, Failure> {
    let Some(word) = request.model.as_ref().or(request.hint.as_ref()) else {
        let default = surfaces.default_model.as_deref().map(str::to_owned);
        return default.ok_or_else(request::without_model);
    };
    let mut hints = surfaces.hints.iter();
    if let Some((_, model)) = hints.find(|(known, _)| **known == **word) {
        return Ok((**model).to_owned());
    }
    if gateway.engine.routes().find(word).is_some() {
        return Ok(word.clone());
    }
    Err(Failure::client(Code::ModelNotFound).model(word))
}

/// Brings what a provider answers into the shape of the simple chat.
pub(crate) fn reduce(record: &Record, served: &mut Served) -> Result<(), Failure> {
    let frame = Frame {
        id: uuid(record.gateway()),
        provider: served.answered.health.connection.provider(),
    };
    match &mut served.delivery.reply {
        Reply::Answer(given) => {
            let reduced = answer::answer(&frame, &given.body, given.usage);
            given.body = reduced.ok_or_else(|| unreadable(frame.provider, given.usage))?;
        }
        Reply::Stream(pieces) => {
            let inner = std::mem::replace(pieces, Box::pin(Nothing));
            *pieces = Box::pin(Reduced {
                inner,
                reducer: Reducer::new(frame),
            });
        }
    }
    Ok(())
}

fn unreadable(provider: &'static str, usage: Option<Usage>) -> Failure {
    let mut failure = Failure::provider(Code::ProviderInvalidResponse, provider)
        .because("an answer without a message");
    failure.usage = usage;
    failure
}

/// A new id in the form of a UUID, which is what the documents promise.
fn uuid(gateway: &Gateway) -> String {
    let made = gateway.ids.make();
    let digits = made.as_str().trim_start_matches("req_");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    // Version 8 of RFC 9562: the bits are the maker's own.
    let (one, two, three) = (part(0, 8), part(8, 12), part(13, 16));
    let (four, five) = (part(17, 20), part(20, 32));
    format!("{one}-{two}-8{three}-8{four}-{five}")
}

/// A stream in the shape of the simple chat.
struct Reduced {
    inner: Pieces,
    reducer: Reducer,
}

impl Stream for Reduced {
    type Item = Result<Piece, Failure>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let polled = this.inner.as_mut().poll_next(context);
        polled.map(|next| next.map(|piece| piece.map(|piece| this.reducer.reduce(piece))))
    }
}

impl PieceStream for Reduced {
    fn mark(&self) -> Option<StreamMark> {
        self.inner.mark()
    }

    fn later(self: Pin<&mut Self>) -> Later {
        self.get_mut().inner.as_mut().later()
    }
}

/// Stands for a stream for the moment in which it is wrapped.
struct Nothing;

impl Stream for Nothing {
    type Item = Result<Piece, Failure>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}

impl PieceStream for Nothing {
    fn mark(&self) -> Option<StreamMark> {
        None
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::model::{ModelFacts, Priced};
    use tollgate_core::price::{Price, Rate};

    use super::*;
    use crate::access_log::LogFormat;
    use crate::testing::model;
    use crate::testing::world::{KEY, Step, World, chat};

    #[tokio::test]
    async fn an_answer_without_a_message_is_a_failure_of_its_target_and_a_loss() {
        let mut model = model("m", &[("c", "m")]);
        let price = Price {
            input: Rate::flat(1_000_000),
            output: Rate::flat(1_000_000),
            cached_input: None,
            cache_write: None,
            cache_write_1h: None,
        };
        model.targets[0].facts = std::sync::Arc::new(ModelFacts {
            price: Some(Priced {
                price,
                version: "test".into(),
            }),
            ..ModelFacts::default()
        });
        let world = World::new(vec![model], LogFormat::Off).await;
        world.script.then(Step::Counted(Usage {
            prompt: 10,
            completion: 20,
            ..Usage::NONE
        }));
        let headers = format!("x-api-key: {KEY}\r\n");
        let said = world
            .ask("POST /v1/chat", &headers, &chat("m", false))
            .await;
        assert_eq!(said.status, 500, "{}", said.body);
        let code = said.header("x-tollgate-error-code");
        assert_eq!(code, Some("provider_invalid_response"));
        let figures = world.gateway.metrics.render().unwrap();
        let attempts = figures
            .lines()
            .find(|line| line.starts_with("tollgate_upstream_attempts_total{"));
        let attempts = attempts.unwrap_or_default();
        assert!(attempts.contains("provider_invalid_response"), "{attempts}");
        let lost = figures
            .lines()
            .find(|line| line.starts_with("tollgate_lost_") && line.contains("\"c\""));
        let lost = lost.unwrap_or_default();
        assert!(!lost.is_empty() && !lost.ends_with(" 0"), "{figures}");
    }
}
