//! A stream of chunks, as it comes.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;
use tollgate_wire::sse::Decoder;

use crate::answers::ChatChunk;
use crate::exchange::Exchange;
use crate::failure::{self, Error, Kind};

/// How long the end of a body is waited for behind the end of its stream.
const LEAVE: Duration = Duration::from_millis(250);

/// The chunks of an answer. Dropped before its end, it ends the answer, and the gateway stops the
/// provider.
#[derive(Debug)]
pub struct ChatStream {
    exchange: Option<Exchange>,
    body: Incoming,
    decoder: Decoder,
    text: String,
    request_id: String,
    job_id: Option<String>,
    call_id: Option<String>,
    is_over: bool,
}

/// What an event was.
enum Read {
    Chunk(Box<ChatChunk>),
    End,
    Nothing,
}

impl ChatStream {
    pub(crate) async fn open(mut exchange: Exchange) -> Result<Self, Error> {
        let (body, headers) = exchange.open().await?;
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        Ok(Self {
            request_id: exchange.id_of(&headers),
            job_id: text("x-tollgate-job-id"),
            call_id: text("x-tollgate-call-id"),
            exchange: Some(exchange),
            body,
            decoder: Decoder::new(),
            text: String::new(),
            is_over: false,
        })
    }

    /// The text until now.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The id under which the gateway's log has the request.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The job of which it is a call.
    pub fn job_id(&self) -> Option<&str> {
        self.job_id.as_deref()
    }

    /// The id of the job's call.
    pub fn call_id(&self) -> Option<&str> {
        self.call_id.as_deref()
    }

    /// The next chunk; `None` at the end. A stream that fails ends with its error, which has the
    /// text that came until then.
    pub async fn next(&mut self) -> Option<Result<ChatChunk, Error>> {
        if self.is_over {
            return None;
        }
        match self.advance().await {
            Ok(Some(chunk)) => Some(Ok(chunk)),
            Ok(None) => {
                self.settle(Ok(()));
                None
            }
            Err(error) => self.settle(Err(error)).map(Err),
        }
    }

    /// Reads to the end and returns the whole text.
    pub async fn rest(mut self) -> Result<String, Error> {
        while let Some(chunk) = self.next().await {
            chunk?;
        }
        Ok(std::mem::take(&mut self.text))
    }

    fn settle(&mut self, outcome: Result<(), Error>) -> Option<Error> {
        self.is_over = true;
        match self.exchange.take() {
            Some(mut exchange) => exchange.settled(outcome).err(),
            None => outcome.err(),
        }
    }

    async fn advance(&mut self) -> Result<Option<ChatChunk>, Error> {
        loop {
            match self.decoded()? {
                Some(Read::Chunk(chunk)) => return Ok(Some(*chunk)),
                Some(Read::End) => {
                    self.leave().await;
                    return Ok(None);
                }
                Some(Read::Nothing) => {}
                None => match self.received().await? {
                    Some(bytes) => self.decoder.feed(bytes),
                    None => return self.ended(),
                },
            }
        }
    }

    /// Reads the end of the body, so that its connection can be used again.
    async fn leave(&mut self) {
        let rest = async { while let Some(Ok(_)) = self.body.frame().await {} };
        _ = tokio::time::timeout(LEAVE, rest).await;
    }

    /// What the next event is; `None` where more has to come first.
    fn decoded(&mut self) -> Result<Option<Read>, Error> {
        let data = match self.decoder.event() {
            Ok(None) => return Ok(None),
            Ok(Some(event)) => event.data.map(std::borrow::Cow::into_owned),
            Err(problem) => return Err(self.interrupted(problem.to_string())),
        };
        match data {
            Some(data) => self.read(&data).map(Some),
            None => Ok(Some(Read::Nothing)),
        }
    }

    fn read(&mut self, data: &[u8]) -> Result<Read, Error> {
        if data.trim_ascii() == b"[DONE]" {
            return Ok(Read::End);
        }
        let unreadable =
            |stream: &Self| stream.interrupted("an event of the stream cannot be read");
        let Ok(event) = serde_json::from_slice::<Value>(data) else {
            return Err(unreadable(self));
        };
        let Value::Object(members) = &event else {
            return Err(unreadable(self));
        };
        if failure::is_failure(members) {
            return Err(failure::event(members, &self.text, Some(&self.request_id)));
        }
        let Ok(chunk) = serde_json::from_value::<ChatChunk>(event) else {
            return Err(unreadable(self));
        };
        self.text.push_str(chunk.text());
        Ok(Read::Chunk(Box::new(chunk)))
    }

    /// More bytes; `None` when the connection ended as it should.
    async fn received(&mut self) -> Result<Option<Bytes>, Error> {
        let patience = self.exchange.as_ref().map(Exchange::patience);
        let patience = patience.unwrap_or_default();
        loop {
            let Ok(frame) = tokio::time::timeout(patience, self.body.frame()).await else {
                let seconds = patience.as_secs_f64();
                let message = format!("nothing came from the stream within {seconds} s");
                return Err(self.stopped(Kind::StreamTimeout, message));
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => {
                    let message = format!("the connection broke within the stream: {error}");
                    return Err(self.interrupted(message));
                }
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// The connection ended. Fails unless the stream had said that it would.
    fn ended(&mut self) -> Result<Option<ChatChunk>, Error> {
        let last = self.decoder.end().and_then(|event| event.data);
        if let Some(data) = last.map(std::borrow::Cow::into_owned)
            && let Read::End = self.read(&data)?
        {
            return Ok(None);
        }
        let message = "the stream ended before its end; what came so far is not the whole answer";
        Err(self.interrupted(message))
    }

    fn interrupted(&self, message: impl Into<String>) -> Error {
        self.stopped(Kind::StreamInterrupted, message)
    }

    fn stopped(&self, kind: Kind, message: impl Into<String>) -> Error {
        let error = Error::passing(kind, "stream_interrupted", message);
        error.with_partial(&self.text, Some(&self.request_id))
    }
}

impl Drop for ChatStream {
    fn drop(&mut self) {
        // A reader that had enough did not fail.
        if !self.is_over {
            self.settle(Ok(()));
        }
    }
}
